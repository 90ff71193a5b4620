#include "dns/dkim.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "dns/dkim_key_priv.h"
#include "mime/address.h"

#define SIGNATURES_MAX 10
#define FIELD_COPIES_MAX 100

/* RFC 8823 sections 3.1 and 3.2, what must be in h=. */
static const char *const covered[] = {
    "From", "Sender", "Reply-To", "To", "Cc", "Subject", "Date", "In-Reply-To",
    "References", "Message-ID", "Content-Type", "Content-Transfer-Encoding",
    "Auto-Submitted", /* the last: not of answers */
};
#define COVERED (sizeof(covered) / sizeof(covered[0]))

/* The same and what should be there. */
static const char *const signed_names[] = {
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Subject",
    "Date",
    "In-Reply-To",
    "References",
    "Message-ID",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Auto-Submitted",
    "MIME-Version",
    "Resent-Date",
    "Resent-From",
    "Resent-To",
    "Resent-Cc",
    "List-Id",
    "List-Help",
    "List-Unsubscribe",
    "List-Subscribe",
    "List-Post",
    "List-Owner",
    "List-Archive",
    "List-Unsubscribe-Post",
    NULL,
};

OWNER(BIO, BIO_free_all);
OWNER(EVP_PKEY, EVP_PKEY_free);

/* -- whose signatures count -- */

static bool
is_that_domain(const void *self, const char *domain)
{
	return strcasecmp(domain, self) == 0;
}

/* -- reading the letter -- */

static enum rc
push_body(DKIM *dkim, struct span body, struct err *err)
{
	if (body.len == 0)
		return RC_OK;
	return dkim_key_status(dkim,
	    dkim_body(dkim, dkim_key_bytes((const char *)body.data), body.len),
	    "body", err);
}

/* -- checking -- */

static enum rc
find_from_domain(
    const struct fields *fields, struct mailboxes *from, struct err *err)
{
	if (fields_count(fields, "From") != 1)
		return err_set(
		    err, RC_REFUSED, "the letter has not exactly one From");
	enum rc rc = mailboxes_parse(fields_value(fields, "From"), from, err);
	if (rc == RC_SYNTAX || rc == RC_LIMIT)
		return err_set(
		    err, RC_REFUSED, "the From field cannot be read");
	TRY(rc);
	if (from->len != 1 || from->has_group)
		return err_set(err, RC_REFUSED,
		    "the From field has not exactly one address");
	return RC_OK;
}

/* How often h= names a field. */
static size_t
count_in_list(const char *list, const char *name)
{
	size_t count = 0;
	size_t rest = strlen(list);

	while (rest != 0) {
		size_t len = strcspn(list, ":");
		struct span item = span_trim(span_of(list, len));
		if (span_is_nocase(item, name))
			count++;
		len += len < rest ? 1 : 0;
		list += len;
		rest -= len;
	}
	return count;
}

/* Without these an answer says nothing, whoever signed it. */
static bool
is_essential(const char *name)
{
	return strcmp(name, "From") == 0 || strcmp(name, "To") == 0 ||
	       strcmp(name, "Subject") == 0;
}

/* Every copy of each field must be covered: a verifier takes copies from the
 * bottom, a reader from the top, and between them somebody could put another
 * Subject or To. */
static enum rc
check_covered(DKIM_SIGINFO *sig, const struct fields *fields,
    enum dkim_letter what, struct err *err)
{
	const char *list =
	    (const char *)dkim_sig_gettagvalue(sig, false, dkim_key_bytes("h"));
	size_t count = what == DKIM_CHALLENGE ? COVERED : COVERED - 1;

	for (size_t i = 0; i < count; i++) {
		size_t there = fields_count(fields, covered[i]);
		size_t listed =
		    list == NULL ? 0 : count_in_list(list, covered[i]);
		bool must =
		    what != DKIM_REPLY_LENIENT || is_essential(covered[i]);
		if (there > FIELD_COPIES_MAX || (must && listed == 0) ||
		    listed < there)
			return err_set(err, RC_REFUSED,
			    "the DKIM signature does not cover %s", covered[i]);
	}
	return RC_OK;
}

static enum rc
check_passed(DKIM *dkim, DKIM_SIGINFO *sig, const struct dkim_keys *lookup,
    struct err *err)
{
	DKIM_STAT got = dkim_sig_process(dkim, sig);
	const char *why = dkim_sig_geterrorstr(dkim_sig_geterror(sig));

	if (lookup->unanswered)
		return err_set(
		    err, RC_IO, "the DKIM key: %s", lookup->err.text);
	if (got == DKIM_STAT_NORESOURCE)
		return err_nomem(err, "DKIM");
	if (got != DKIM_STAT_OK || !DKIM_SIG_CHECK(sig))
		return err_set(err, RC_REFUSED, "the DKIM signature fails: %s",
		    why != NULL ? why : dkim_getresultstr(got));
	/* RFC 6376 section 3.6.1: "Verifiers MUST NOT treat messages from
	 * Signers in testing mode differently from unsigned email". */
	if ((dkim_sig_getflags(sig) & DKIM_SIGFLAG_TESTKEY) != 0)
		return err_set(
		    err, RC_REFUSED, "the DKIM key is in testing mode (t=y)");
	return RC_OK;
}

struct check {
	DKIM *dkim;
	const struct dkim_keys *lookup;
	const struct fields *fields;
	enum dkim_letter what;
};

static enum rc
check_signature(const struct check *check, DKIM_SIGINFO *sig, struct err *err)
{
	TRY(check_passed(check->dkim, sig, check->lookup, err));
	TRY(dkim_key_strength(sig, err));
	return check_covered(sig, check->fields, check->what, err);
}

/* One good signature is enough; else the reason is the first one's. */
static enum rc
check_signatures(const struct check *check, struct err *err)
{
	DKIM_SIGINFO **sigs = NULL;
	int count = 0;
	enum rc worst = RC_OK;
	struct err first = ERR_NONE;

	if (dkim_getsiglist(check->dkim, &sigs, &count) != DKIM_STAT_OK)
		count = 0;
	for (int i = 0; i < count; i++) {
		struct err why = ERR_NONE;
		if ((dkim_sig_getflags(sigs[i]) & DKIM_SIGFLAG_IGNORE) != 0)
			continue;
		enum rc rc = check_signature(check, sigs[i], &why);
		if (rc == RC_OK)
			return RC_OK;
		if (worst == RC_OK ||
		    (rc != RC_REFUSED && worst == RC_REFUSED)) {
			worst = rc;
			first = why;
		}
	}
	if (worst != RC_OK)
		return err_set(err, worst, "%s", first.text);
	return err_set(err, RC_REFUSED,
	    "the letter has no DKIM signature of %s",
	    (const char *)check->lookup->self);
}

/* A letter that the library cannot read is a letter that is not signed as it
 * must be. */
static enum rc
refused_if_broken(enum rc rc)
{
	return rc == RC_SYNTAX || rc == RC_LIMIT ? RC_REFUSED : rc;
}

static enum rc
push_letter(
    DKIM *dkim, const struct fields *fields, struct span body, struct err *err)
{
	TRY(dkim_key_fields(dkim, fields, err));
	DKIM_STAT got = dkim_eoh(dkim);
	/* Without any usable signature, the list is what says so. */
	if (got == DKIM_STAT_OK)
		return push_body(dkim, body, err);
	return got == DKIM_STAT_NORESOURCE ? err_nomem(err, "DKIM") : RC_OK;
}

static enum rc
check_letter(struct dkim_keys *lookup, const struct check *ask,
    struct span body, struct err *err)
{
	DKIM_LIB *library OWNED(dkim_close) = NULL;
	DKIM_STAT got = DKIM_STAT_OK;
	bool testing = false;

	TRY(dkim_key_library(true, &library, err));
	DKIM *dkim OWNED(dkim_end) =
	    dkim_verify(library, dkim_key_bytes("letter"), NULL, &got);
	if (dkim == NULL)
		return err_nomem(err, "DKIM");
	(void)dkim_set_user_context(dkim, lookup);
	TRY(refused_if_broken(push_letter(dkim, ask->fields, body, err)));
	/* It tells of the first good signature, whatever that covers: each is
	 * looked at below. */
	(void)dkim_eom(dkim, &testing);

	struct check check = *ask;
	check.dkim = dkim;
	check.lookup = lookup;
	return check_signatures(&check, err);
}

enum rc
dkim_check_challenge(const struct resolver *resolver, struct span letter,
    enum dkim_letter what, struct err *err)
{
	struct fields fields FIELDS_OWNED = FIELDS_NONE;
	struct mailboxes from MAILBOXES_OWNED = MAILBOXES_NONE;
	size_t body = 0;

	TRY(refused_if_broken(fields_parse(letter, &fields, &body, err)));
	TRY(find_from_domain(&fields, &from, err));
	struct dkim_keys lookup = {
	    .resolver = resolver,
	    .wanted = is_that_domain,
	    .self = address_domain(from.item[0].address),
	    .most = SIGNATURES_MAX,
	};
	struct check check = {.fields = &fields, .what = what};
	return check_letter(&lookup, &check, span_after(letter, body), err);
}

/* -- signing -- */

/* Here and not by the library, which leaks what it cannot read and does not
 * say what was wrong with it. */
static enum rc
check_signing_key(struct span pem, struct err *err)
{
	BIO *bio OWNED(BIO_free_all) = BIO_new_mem_buf(pem.data, (int)pem.len);

	if (bio == NULL)
		return err_nomem(err, "DKIM");
	/* An empty passphrase, so that it is never asked for on a terminal. */
	char none[] = "";
	EVP_PKEY *key OWNED(EVP_PKEY_free) =
	    PEM_read_bio_PrivateKey(bio, NULL, NULL, none);
	if (key == NULL || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA ||
	    EVP_PKEY_get_bits(key) < DKIM_KEY_BITS_MIN)
		return err_set(err, RC_UNFIT,
		    "the DKIM key is not an RSA key of at least %d bits in "
		    "PEM without passphrase",
		    DKIM_KEY_BITS_MIN);
	return RC_OK;
}

static enum rc
set_signed_names(DKIM_LIB *library, struct err *err)
{
	/* The list itself, with the length of a pointer. */
	void *names = (void *)(uintptr_t)signed_names;
	size_t len = sizeof(signed_names[0]);

	if (dkim_options(library, DKIM_OP_SETOPT, DKIM_OPTS_SIGNHDRS, names,
		len) != DKIM_STAT_OK ||
	    dkim_options(library, DKIM_OP_SETOPT, DKIM_OPTS_OVERSIGNHDRS, names,
		len) != DKIM_STAT_OK)
		return err_set(err, RC_CRYPTO, "DKIM: library refused options");
	return RC_OK;
}

static enum rc
print_signature(DKIM *dkim, struct buf *field, struct err *err)
{
	u_char *value = NULL;
	size_t len = 0;
	size_t before = field->len;

	TRY(dkim_key_status(dkim,
	    dkim_getsighdr_d(dkim, strlen(DKIM_SIGNHEADER) + 2, &value, &len),
	    "signature", err));
	enum rc rc = buf_add_format(field, err, "%s: %.*s\r\n", DKIM_SIGNHEADER,
	    (int)len, (const char *)value);
	if (rc != RC_OK)
		buf_cut(field, before);
	return rc;
}

static enum rc
sign_letter(DKIM *dkim, struct span letter, struct err *err)
{
	struct fields fields FIELDS_OWNED = FIELDS_NONE;
	size_t body = 0;

	TRY(fields_parse(letter, &fields, &body, err));
	TRY(dkim_key_fields(dkim, &fields, err));
	TRY(dkim_key_status(dkim, dkim_eoh(dkim), "end of header", err));
	TRY(push_body(dkim, span_after(letter, body), err));
	return dkim_key_status(dkim, dkim_eom(dkim, NULL), "key", err);
}

enum rc
dkim_sign_letter(const struct dkim_signer *signer, struct span letter,
    struct buf *field, struct err *err)
{
	DKIM_LIB *library OWNED(dkim_close) = NULL;
	struct buf key BUF_OWNED = BUF_SECRET(64 * 1024);
	const char *pem = NULL;
	DKIM_STAT got = DKIM_STAT_OK;

	TRY(buf_add(&key, signer->key_pem, err));
	TRY(check_signing_key(buf_span(&key), err));
	TRY(dkim_key_library(false, &library, err));
	TRY(set_signed_names(library, err));
	TRY(buf_str(&key, &pem, err));
	DKIM *dkim OWNED(dkim_end) =
	    dkim_sign(library, dkim_key_bytes("letter"), NULL,
		dkim_key_bytes(pem), dkim_key_bytes(signer->selector),
		dkim_key_bytes(signer->domain), DKIM_CANON_RELAXED,
		DKIM_CANON_RELAXED, DKIM_SIGN_RSASHA256, -1, &got);
	if (dkim == NULL)
		return err_set(err, RC_CRYPTO, "DKIM: cannot sign: %s",
		    dkim_getresultstr(got));
	TRY(sign_letter(dkim, letter, err));
	return print_signature(dkim, field, err);
}
