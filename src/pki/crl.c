#define _DEFAULT_SOURCE /* timegm */
#include "pki/crl.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "pki/crl_priv.h"
#include "pki/crypto.h"
#include "pki/der.h"
#include "pki/pem.h"
#include "pki/signature.h"

#define DER_ENUMERATED 0x0a
#define DER_BOOLEAN 0x01
#define DER_UTC_TIME 0x17
#define DER_GENERAL_TIME 0x18
#define NUMBER_MAX 20     /* octets; RFC 5280 section 5.2.3 */
#define MAX_EXTENSIONS 64 /* of a list, or of an entry */

OWNER(ASN1_TIME, ASN1_TIME_free);
OWNER(GENERAL_NAMES, GENERAL_NAMES_free);

static void
crl_free(struct crl *crl)
{
	if (crl == NULL || atomic_fetch_sub(&crl->references, 1) != 1)
		return;
	X509_NAME_free(crl->issuer);
	X509_ALGOR_free(crl->algorithm);
	ASN1_BIT_STRING_free(crl->signature);
	ISSUING_DIST_POINT_free(crl->scope);
	free(crl->der);
	free(crl);
}

OWNER(struct crl, crl_free);

/* ---- pieces ------------------------------------------------------------- */

static enum rc
bad(struct err *err, const char *what)
{
	ERR_clear_error();
	return err_set(err, RC_SYNTAX, "revocation list: %s", what);
}

static bool
read_time(const struct der *der, int64_t *ret)
{
	const uint8_t *at = der->whole.data;
	struct tm tm;

	if (der->tag != DER_UTC_TIME && der->tag != DER_GENERAL_TIME)
		return false;
	ASN1_TIME *time OWNED(ASN1_TIME_free) =
	    d2i_ASN1_TIME(NULL, &at, (long)der->whole.len);
	bool ok = time != NULL && ASN1_TIME_to_tm(time, &tm);
	ERR_clear_error();
	if (ok)
		*ret = timegm(&tm);
	return ok;
}

struct extension {
	struct span oid;   /* contents */
	struct span value; /* what is in the octet string */
	bool critical;
};

static enum rc
next_extension(struct span *in, struct extension *ret, struct err *err)
{
	struct der outer, part;

	TRY(der_expect(in, DER_SEQUENCE, &outer, err));
	TRY(der_expect(&outer.value, DER_OID, &part, err));
	ret->oid = part.value;
	ret->critical = false;
	TRY(der_next(&outer.value, &part, err));
	if (part.tag == DER_BOOLEAN) {
		ret->critical = part.value.len == 1 && part.value.data[0] != 0;
		TRY(der_next(&outer.value, &part, err));
	}
	if (part.tag != DER_OCTETS || outer.value.len != 0)
		return bad(err, "a damaged extension");
	ret->value = part.value;
	return RC_OK;
}

/* The last octet of 2.5.29.x; -1: another arc. */
static int
extension_number(const struct extension *extension)
{
	const struct span oid = extension->oid;

	if (oid.len != 3 || oid.data[0] != 0x55 || oid.data[1] != 0x1d)
		return -1;
	return oid.data[2];
}

enum {
	EXT_CRL_NUMBER = 20,
	EXT_REASON = 21,
	EXT_INVALIDITY = 24,
	EXT_DELTA = 27,
	EXT_SCOPE = 28,
	EXT_ENTRY_ISSUER = 29,
	EXT_KEY_ID = 35,
	EXT_EXPIRED = 60,
};

/* ---- extensions of the list --------------------------------------------- */

static enum rc
read_number(struct span value, struct span *ret, struct err *err)
{
	struct der number;

	TRY(der_expect(&value, DER_INTEGER, &number, err));
	if (number.value.len == 0 || number.value.len > NUMBER_MAX ||
	    (number.value.data[0] & 0x80))
		return bad(err, "a number that is none");
	*ret = number.value;
	return RC_OK;
}

static enum rc
read_key_id(struct crl *crl, struct span value, struct err *err)
{
	struct der outer, part;

	TRY(der_expect(&value, DER_SEQUENCE, &outer, err));
	if (outer.value.len == 0)
		return RC_OK;
	TRY(der_next(&outer.value, &part, err));
	if (part.tag == 0x80) /* [0] IMPLICIT */
		crl->key_id = part.value;
	return RC_OK;
}

static enum rc
read_scope(struct crl *crl, struct span value, struct err *err)
{
	const uint8_t *at = value.data;

	crl->scope = d2i_ISSUING_DIST_POINT(NULL, &at, (long)value.len);
	if (crl->scope == NULL || at != value.data + value.len)
		return bad(err, "a damaged issuing distribution point");
	crl->scope_der = value;
	if (!DIST_POINT_set_dpname(crl->scope->distpoint, crl->issuer))
		return bad(err, "a damaged issuing distribution point");
	return RC_OK;
}

static enum rc
read_expired(struct crl *crl, struct span value, struct err *err)
{
	struct der time;

	TRY(der_next(&value, &time, err));
	return read_time(&time, &crl->expired_since)
		   ? RC_OK
		   : bad(err, "expiredCertsOnCRL is no time");
}

static enum rc
read_extension(
    struct crl *crl, const struct extension *extension, struct err *err)
{
	switch (extension_number(extension)) {
	case EXT_CRL_NUMBER:
		return read_number(extension->value, &crl->number, err);
	case EXT_DELTA:
		crl->is_delta = true;
		return read_number(extension->value, &crl->base, err);
	case EXT_KEY_ID:
		return read_key_id(crl, extension->value, err);
	case EXT_SCOPE:
		return read_scope(crl, extension->value, err);
	case EXT_EXPIRED:
		return read_expired(crl, extension->value, err);
	default:
		crl->unknown_critical |= extension->critical;
		return RC_OK;
	}
}

static enum rc
read_extensions(struct crl *crl, struct span in, struct err *err)
{
	struct extension seen[MAX_EXTENSIONS];
	size_t count = 0;

	while (in.len > 0) {
		if (count == MAX_EXTENSIONS)
			return err_set(err, RC_LIMIT,
			    "revocation list: more than %d extensions",
			    MAX_EXTENSIONS);
		TRY(next_extension(&in, &seen[count], err));
		for (size_t i = 0; i < count; i++)
			if (span_is(seen[i].oid, seen[count].oid))
				return bad(err, "the same extension twice");
		TRY(read_extension(crl, &seen[count++], err));
	}
	return RC_OK;
}

/* ---- entries ------------------------------------------------------------ */

struct raw_entry {
	struct span serial;     /* contents */
	struct der at;          /* a time */
	struct span extensions; /* the values of the SEQUENCE OF */
};

static enum rc
next_entry(struct span *in, struct raw_entry *ret, struct err *err)
{
	struct der outer, part;

	TRY(der_expect(in, DER_SEQUENCE, &outer, err));
	TRY(der_expect(&outer.value, DER_INTEGER, &part, err));
	ret->serial = part.value;
	TRY(der_next(&outer.value, &ret->at, err));
	ret->extensions = SPAN_NONE;
	if (outer.value.len > 0) {
		TRY(der_expect(&outer.value, DER_SEQUENCE, &part, err));
		ret->extensions = part.value;
	}
	if (outer.value.len > 0 ||
	    (ret->at.tag != DER_UTC_TIME && ret->at.tag != DER_GENERAL_TIME))
		return bad(err, "a damaged entry");
	return RC_OK;
}

static enum rc
check_entry(struct crl *crl, const struct raw_entry *entry, struct err *err)
{
	struct span rest = entry->extensions;
	struct extension extension;

	for (int i = 0; rest.len > 0; i++) {
		if (i == MAX_EXTENSIONS)
			return bad(err, "an entry with too many extensions");
		TRY(next_extension(&rest, &extension, err));
		int number = extension_number(&extension);
		if (number != EXT_REASON && number != EXT_INVALIDITY &&
		    number != EXT_ENTRY_ISSUER)
			crl->unknown_critical |= extension.critical;
	}
	return RC_OK;
}

static enum rc
check_entries(struct crl *crl, struct err *err)
{
	struct span rest = crl->entries;
	struct raw_entry entry;

	while (rest.len > 0) {
		TRY(next_entry(&rest, &entry, err));
		TRY(check_entry(crl, &entry, err));
	}
	return RC_OK;
}

static bool
find_extension(struct span in, int number, struct span *ret)
{
	struct extension extension;

	while (in.len > 0 && next_extension(&in, &extension, NULL) == RC_OK) {
		if (extension_number(&extension) != number)
			continue;
		*ret = extension.value;
		return true;
	}
	return false;
}

static void
explain_entry(const struct raw_entry *raw, struct crl_entry *ret)
{
	struct span value;
	struct der part;

	*ret = (struct crl_entry){0, CRL_UNSPECIFIED, INT64_MAX, false};
	(void)read_time(&raw->at, &ret->at);
	if (find_extension(raw->extensions, EXT_REASON, &value) &&
	    der_expect(&value, DER_ENUMERATED, &part, NULL) == RC_OK &&
	    part.value.len == 1) {
		ret->reason = part.value.data[0];
		ret->has_reason = true;
	}
	if (find_extension(raw->extensions, EXT_INVALIDITY, &value) &&
	    der_next(&value, &part, NULL) == RC_OK)
		(void)read_time(&part, &ret->invalid_since);
}

/* `names` is a certificateIssuer; none: the list's own issuer is meant. */
static bool
entry_issuer_is(
    const struct crl *crl, struct span names, const X509_NAME *issuer)
{
	const uint8_t *at = names.data;

	if (names.data == NULL)
		return X509_NAME_cmp(crl->issuer, issuer) == 0;
	GENERAL_NAMES *list OWNED(GENERAL_NAMES_free) =
	    d2i_GENERAL_NAMES(NULL, &at, (long)names.len);
	ERR_clear_error();
	for (int i = 0; i < sk_GENERAL_NAME_num(list); i++) {
		GENERAL_NAME *name = sk_GENERAL_NAME_value(list, i);
		if (name->type == GEN_DIRNAME &&
		    X509_NAME_cmp(name->d.directoryName, issuer) == 0)
			return true;
	}
	return false;
}

/* RFC 5280 section 5.3.3: who issued the certificate of an entry holds for
 * those that follow until another is named. */
bool
crl_find(const struct crl *crl, struct span serial, const X509_NAME *issuer,
    struct crl_entry *ret)
{
	struct span rest = crl->entries, names = SPAN_NONE;
	struct raw_entry entry;
	bool found = false;

	while (rest.len > 0 && next_entry(&rest, &entry, NULL) == RC_OK) {
		if (entry.extensions.len > 0)
			(void)find_extension(
			    entry.extensions, EXT_ENTRY_ISSUER, &names);
		if (!span_is(entry.serial, serial) ||
		    !entry_issuer_is(crl, names, issuer))
			continue;
		explain_entry(&entry, ret);
		found = true;
	}
	return found;
}

/* ---- the list ----------------------------------------------------------- */

static enum rc
read_names(struct crl *crl, struct span *in, struct err *err)
{
	struct der algorithm, issuer;

	TRY(der_expect(in, DER_SEQUENCE, &algorithm, err));
	TRY(der_expect(in, DER_SEQUENCE, &issuer, err));
	const uint8_t *at = algorithm.whole.data;
	crl->algorithm = d2i_X509_ALGOR(NULL, &at, (long)algorithm.whole.len);
	at = issuer.whole.data;
	crl->issuer = d2i_X509_NAME(NULL, &at, (long)issuer.whole.len);
	if (crl->algorithm == NULL || crl->issuer == NULL)
		return bad(err, "a damaged name");
	return RC_OK;
}

static enum rc
read_times(struct crl *crl, struct span *in, struct err *err)
{
	struct span rest = *in;
	struct der time;

	crl->until = INT64_MIN;
	TRY(der_next(in, &time, err));
	if (!read_time(&time, &crl->from))
		return bad(err, "thisUpdate is no time");
	rest = *in;
	if (rest.len == 0 || der_next(&rest, &time, err) != RC_OK ||
	    (time.tag != DER_UTC_TIME && time.tag != DER_GENERAL_TIME))
		return RC_OK;
	*in = rest;
	return read_time(&time, &crl->until)
		   ? RC_OK
		   : bad(err, "nextUpdate is no time");
}

static enum rc
read_tbs(struct crl *crl, struct span in, struct err *err)
{
	struct der part = {0};

	if (in.len > 0 && in.data[0] == DER_INTEGER)
		TRY(der_next(&in, &part, err)); /* the version */
	TRY(read_names(crl, &in, err));
	TRY(read_times(crl, &in, err));
	if (in.len > 0 && in.data[0] == DER_SEQUENCE) {
		TRY(der_next(&in, &part, err));
		crl->entries = part.value;
		TRY(check_entries(crl, err));
	}
	if (in.len > 0 && in.data[0] == DER_CONTEXT_0) {
		struct der list;
		TRY(der_next(&in, &part, err));
		TRY(der_expect(&part.value, DER_SEQUENCE, &list, err));
		TRY(read_extensions(crl, list.value, err));
	}
	return in.len == 0 ? RC_OK : bad(err, "more than a list has");
}

/* The algorithm is named twice; two names would be two meanings. */
static enum rc
read_signature(struct crl *crl, struct span in, struct err *err)
{
	struct der algorithm, signature;

	TRY(der_expect(&in, DER_SEQUENCE, &algorithm, err));
	TRY(der_expect(&in, DER_BITS, &signature, err));
	const uint8_t *at = algorithm.whole.data;
	X509_ALGOR *outer =
	    d2i_X509_ALGOR(NULL, &at, (long)algorithm.whole.len);
	bool same = outer != NULL && X509_ALGOR_cmp(outer, crl->algorithm) == 0;
	X509_ALGOR_free(outer);
	at = signature.whole.data;
	crl->signature =
	    d2i_ASN1_BIT_STRING(NULL, &at, (long)signature.whole.len);
	if (!same || crl->signature == NULL || in.len > 0)
		return bad(err, "a damaged signature");
	return RC_OK;
}

static enum rc
read_list(struct crl *crl, struct err *err)
{
	struct span in = span_of(crl->der, crl->len);
	struct der outer, tbs;

	TRY(der_expect(&in, DER_SEQUENCE, &outer, err));
	if (in.len > 0)
		return bad(err, "bytes behind its end");
	TRY(der_expect(&outer.value, DER_SEQUENCE, &tbs, err));
	crl->tbs = tbs.whole;
	TRY(read_tbs(crl, tbs.value, err));
	return read_signature(crl, outer.value, err);
}

static const struct crl_limits *
limits_of(const struct crls *crls)
{
	return crls->limits != NULL ? crls->limits : &crl_default;
}

static enum rc
check_room(const struct crls *crls, size_t len, struct err *err)
{
	const struct crl_limits *limits = limits_of(crls);

	if (crls->len >= limits->lists)
		return err_set(err, RC_LIMIT, "more than %zu revocation lists",
		    limits->lists);
	if (crls->bytes > limits->bytes || len > limits->bytes - crls->bytes)
		return err_set(err, RC_LIMIT,
		    "more than %zu KiB of revocation lists",
		    limits->bytes >> 10);
	return RC_OK;
}

static struct crl *
new_crl(void)
{
	struct crl *crl = calloc(1, sizeof(*crl));

	if (crl == NULL)
		return NULL;
	atomic_init(&crl->references, 1);
	crl->expired_since = INT64_MAX;
	return crl;
}

/* For one more. */
static bool
has_room(struct crls *crls)
{
	struct crl **item =
	    reallocarray(crls->item, crls->len + 1, sizeof(struct crl *));

	if (item != NULL)
		crls->item = item;
	return item != NULL;
}

enum rc
crls_add(struct crls *crls, struct span der, struct err *err)
{
	TRY(check_room(crls, der.len, err));
	struct crl *crl OWNED(crl_free) = new_crl();
	if (crl == NULL || !has_room(crls) ||
	    (crl->der = malloc(der.len + 1)) == NULL)
		return err_nomem(err, "revocation list");
	memcpy(crl->der, der.data, der.len);
	crl->len = der.len;
	TRY(read_list(crl, err));
	if (!EVP_Digest(
		der.data, der.len, crl->hash, NULL, crypto_sha2(256), NULL))
		return crypto_failed(err, "revocation list");
	crls->bytes += der.len;
	crls->item[crls->len++] = take(crl);
	return RC_OK;
}

static bool
is_there(const struct crls *crls, const struct crl *crl)
{
	for (size_t i = 0; i < crls->len; i++)
		if (crls->item[i] == crl ||
		    span_is(crl_der(crls->item[i]), crl_der(crl)))
			return true;
	return false;
}

enum rc
crls_share(struct crls *crls, struct crl *crl, struct err *err)
{
	if (is_there(crls, crl))
		return RC_OK;
	TRY(check_room(crls, crl->len, err));
	if (!has_room(crls))
		return err_nomem(err, "revocation list");
	atomic_fetch_add(&crl->references, 1);
	crls->bytes += crl->len;
	crls->item[crls->len++] = crl;
	return RC_OK;
}

enum rc
crls_share_all(struct crls *crls, const struct crls *from, struct err *err)
{
	for (size_t i = 0; from != NULL && i < from->len; i++)
		TRY(crls_share(crls, from->item[i], err));
	return RC_OK;
}

struct span
crl_der(const struct crl *crl)
{
	return span_of(crl->der, crl->len);
}

int64_t
crl_from(const struct crl *crl)
{
	return crl->from;
}

bool
crl_is_delta(const struct crl *crl)
{
	return crl->is_delta;
}

int64_t
crl_until(const struct crl *crl)
{
	return crl->until;
}

static enum rc
add_next(struct crls *crls, BIO *in, struct err *err)
{
	struct pem_block block PEM_BLOCK_OWNED = {0};

	TRY(pem_block_next(in, &block, err));
	if (strcmp(block.name, PEM_STRING_X509_CRL) != 0)
		return RC_OK;
	return crls_add(crls, span_of(block.data, (size_t)block.len), err);
}

static enum rc
add_pem(struct crls *crls, struct span pem, struct err *err)
{
	enum rc rc = RC_OK;

	if (pem.len == 0)
		return RC_OK;
	BIO *in OWNED(BIO_free_all) = BIO_new_mem_buf(pem.data, (int)pem.len);
	if (in == NULL)
		return err_nomem(err, "revocation lists");
	while (rc == RC_OK)
		rc = add_next(crls, in, err);
	return rc == RC_ABSENT ? RC_OK : rc;
}

static void
cut(struct crls *crls, size_t len)
{
	while (crls->len > len) {
		struct crl *crl = crls->item[--crls->len];
		crls->bytes -= crl->len;
		crl_free(crl);
	}
}

enum rc
crls_parse(struct crls *crls, struct span pem, struct err *err)
{
	size_t before = crls->len;

	if (pem.len > limits_of(crls)->text)
		return err_set(err, RC_LIMIT,
		    "more than %zu KiB of revocation lists",
		    limits_of(crls)->text >> 10);
	enum rc rc = pem.len > 0 && pem.data[0] == DER_SEQUENCE
			 ? crls_add(crls, pem, err)
			 : add_pem(crls, pem, err);
	if (rc != RC_OK)
		cut(crls, before);
	else if (crls->len == before)
		return err_set(err, RC_ABSENT, "there is no revocation list");
	return rc;
}

void
crls_done(struct crls *crls)
{
	cut(crls, 0);
	free(crls->item);
	*crls = (struct crls){.limits = crls->limits};
}

/* ---- what chain asks ---------------------------------------------------- */

bool
crl_is_signed(const struct crl *crl, const struct cert *by)
{
	return signature_holds(crl->tbs, crl->algorithm, crl->signature, by);
}

int
crl_number_order(struct span a, struct span b)
{
	while (a.len > 0 && a.data[0] == 0)
		a = span_after(a, 1);
	while (b.len > 0 && b.data[0] == 0)
		b = span_after(b, 1);
	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	return span_order(a, b);
}
