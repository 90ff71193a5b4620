#include "dns/dkim.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/types.h>

#include <opendkim/dkim.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "mime/address.h"
#include "mime/field.h"

#define KEY_BITS_MIN 1024 /* RFC 8301 section 3.2 */
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

/* What the library's callbacks need, and what they found. */
struct lookup {
	const struct resolver *resolver;
	const char *domain; /* of From */
	bool unanswered;    /* a key could not be asked for */
	struct err err;
};

OWNER(DKIM_LIB, dkim_close);
OWNER(BIO, BIO_free_all);
OWNER(EVP_PKEY, EVP_PKEY_free);

static void
dkim_end(DKIM *dkim)
{
	(void)dkim_free(dkim);
}

OWNER(DKIM, dkim_end);

/* The library's prototypes know no const; it does not write there. */
static u_char *
bytes_of(const char *text)
{
	return (u_char *)(uintptr_t)text;
}

/* -- what the library asks us -- */

static bool
is_of_domain(DKIM_SIGINFO *sig, const char *domain)
{
	const char *signing = (const char *)dkim_sig_getdomain(sig);

	return signing != NULL && strcasecmp(signing, domain) == 0;
}

/* Only signatures of the From domain count, so nobody else's key is asked for:
 * a letter must not make us send questions to whomever it likes. */
static DKIM_CBSTAT
prescreen(DKIM *dkim, DKIM_SIGINFO **sigs, int count)
{
	const struct lookup *lookup = dkim_get_user_context(dkim);
	int kept = 0;

	for (int i = 0; i < count; i++) {
		if (is_of_domain(sigs[i], lookup->domain) &&
		    kept < SIGNATURES_MAX)
			kept++;
		else
			dkim_sig_ignore(sigs[i]);
	}
	return DKIM_CBSTAT_CONTINUE;
}

static DKIM_CBSTAT
key_is_not_there(struct lookup *lookup, enum rc rc)
{
	if (rc == RC_ABSENT)
		return DKIM_CBSTAT_NOTFOUND;
	lookup->unanswered = true;
	return DKIM_CBSTAT_TRYAGAIN;
}

static DKIM_CBSTAT
find_key(DKIM *dkim, DKIM_SIGINFO *sig, u_char *room, size_t room_len)
{
	struct lookup *lookup = dkim_get_user_context(dkim);
	struct strlist texts STRLIST_OWNED = STRLIST_NONE;
	char name[600];
	bool secure = false;

	int len = snprintf(name, sizeof(name), "%s.%s.%s",
	    (const char *)dkim_sig_getselector(sig), DKIM_DNSKEYNAME,
	    (const char *)dkim_sig_getdomain(sig));
	if (len < 0 || (size_t)len >= sizeof(name))
		return DKIM_CBSTAT_NOTFOUND;
	enum rc rc = resolver_find_txt(
	    lookup->resolver, name, &texts, &secure, &lookup->err);
	if (rc == RC_SYNTAX)
		return DKIM_CBSTAT_NOTFOUND;
	if (rc != RC_OK)
		return key_is_not_there(lookup, rc);
	/* RFC 6376 section 3.6.2.2: "TXT RRs MUST be unique for a particular
	 * selector name". */
	if (texts.len != 1 || strlen(texts.item[0]) >= room_len) {
		(void)err_set(&lookup->err, RC_SYNTAX,
		    "%s has not exactly one usable record", name);
		return DKIM_CBSTAT_NOTFOUND;
	}
	memcpy(room, texts.item[0], strlen(texts.item[0]) + 1);
	return DKIM_CBSTAT_CONTINUE;
}

/* -- reading the letter -- */

static enum rc
library_new(bool verify, DKIM_LIB **ret, struct err *err)
{
	DKIM_LIB *library OWNED(dkim_close) = dkim_init(NULL, NULL);
	u_int bits = KEY_BITS_MIN;

	if (library == NULL)
		return err_nomem(err, "DKIM");
	if (verify &&
	    (dkim_set_key_lookup(library, find_key) != DKIM_STAT_OK ||
		dkim_set_prescreen(library, prescreen) != DKIM_STAT_OK ||
		dkim_options(library, DKIM_OP_SETOPT, DKIM_OPTS_MINKEYBITS,
		    &bits, sizeof(bits)) != DKIM_STAT_OK))
		return err_set(err, RC_CRYPTO, "DKIM: library refused options");
	*ret = take(library);
	return RC_OK;
}

/* Without the line end that belongs to the section and not to the field. */
static struct span
without_line_end(struct span field)
{
	if (field.len != 0 && field.data[field.len - 1] == '\n')
		field.len--;
	if (field.len != 0 && field.data[field.len - 1] == '\r')
		field.len--;
	return field;
}

static enum rc
status(DKIM *dkim, DKIM_STAT got, const char *where, struct err *err)
{
	const char *why = dkim_geterror(dkim);

	switch (got) {
	case DKIM_STAT_OK:
		return RC_OK;
	case DKIM_STAT_NORESOURCE:
		return err_nomem(err, "DKIM");
	default:
		return err_set(err, RC_SYNTAX, "DKIM: %s: %s", where,
		    why != NULL ? why : dkim_getresultstr(got));
	}
}

static enum rc
push_fields(DKIM *dkim, const struct fields *fields, struct err *err)
{
	for (size_t i = 0; i < fields->len; i++) {
		struct span field = without_line_end(fields->item[i].whole);
		DKIM_STAT got = dkim_header(
		    dkim, bytes_of((const char *)field.data), field.len);
		TRY(status(dkim, got, "header", err));
	}
	return RC_OK;
}

static enum rc
push_body(DKIM *dkim, struct span body, struct err *err)
{
	if (body.len == 0)
		return RC_OK;
	return status(dkim,
	    dkim_body(dkim, bytes_of((const char *)body.data), body.len),
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

/* Every copy of each field must be covered: a verifier takes copies from the
 * bottom, a reader from the top, and between them somebody could put another
 * Subject or To. */
static enum rc
check_covered(DKIM_SIGINFO *sig, const struct fields *fields, bool answer,
    struct err *err)
{
	const char *list =
	    (const char *)dkim_sig_gettagvalue(sig, false, bytes_of("h"));
	size_t count = answer ? COVERED - 1 : COVERED;

	for (size_t i = 0; i < count; i++) {
		size_t there = fields_count(fields, covered[i]);
		size_t listed =
		    list == NULL ? 0 : count_in_list(list, covered[i]);
		if (there > FIELD_COPIES_MAX || listed == 0 || listed < there)
			return err_set(err, RC_REFUSED,
			    "the DKIM signature does not cover %s", covered[i]);
	}
	return RC_OK;
}

static enum rc
check_strength(DKIM_SIGINFO *sig, struct err *err)
{
	dkim_alg_t algorithm = DKIM_SIGN_UNKNOWN;
	unsigned bits = 0;

	if (dkim_sig_getsignalg(sig, &algorithm) != DKIM_STAT_OK ||
	    (algorithm != DKIM_SIGN_RSASHA256 &&
		algorithm != DKIM_SIGN_ED25519SHA256))
		return err_set(err, RC_REFUSED,
		    "the DKIM signature is neither rsa-sha256 nor ed25519");
	if (algorithm == DKIM_SIGN_RSASHA256 &&
	    (dkim_sig_getkeysize(sig, &bits) != DKIM_STAT_OK ||
		bits < KEY_BITS_MIN))
		return err_set(err, RC_REFUSED,
		    "the DKIM key has less than %d bits", KEY_BITS_MIN);
	if (dkim_sig_gettagvalue(sig, false, bytes_of("l")) != NULL)
		return err_set(err, RC_REFUSED,
		    "the DKIM signature leaves a part of the body open (l=)");
	return RC_OK;
}

static enum rc
check_passed(
    DKIM *dkim, DKIM_SIGINFO *sig, const struct lookup *lookup, struct err *err)
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
	const struct lookup *lookup;
	const struct fields *fields;
	bool answer;
};

static enum rc
check_signature(const struct check *check, DKIM_SIGINFO *sig, struct err *err)
{
	TRY(check_passed(check->dkim, sig, check->lookup, err));
	TRY(check_strength(sig, err));
	return check_covered(sig, check->fields, check->answer, err);
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
	    "the letter has no DKIM signature of %s", check->lookup->domain);
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
	TRY(push_fields(dkim, fields, err));
	DKIM_STAT got = dkim_eoh(dkim);
	/* Without any usable signature, the list is what says so. */
	if (got == DKIM_STAT_OK)
		return push_body(dkim, body, err);
	return got == DKIM_STAT_NORESOURCE ? err_nomem(err, "DKIM") : RC_OK;
}

static enum rc
check_letter(struct lookup *lookup, const struct check *ask, struct span body,
    struct err *err)
{
	DKIM_LIB *library OWNED(dkim_close) = NULL;
	DKIM_STAT got = DKIM_STAT_OK;
	bool testing = false;

	TRY(library_new(true, &library, err));
	DKIM *dkim OWNED(dkim_end) =
	    dkim_verify(library, bytes_of("letter"), NULL, &got);
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
    bool answer, struct err *err)
{
	struct fields fields FIELDS_OWNED = FIELDS_NONE;
	struct mailboxes from MAILBOXES_OWNED = MAILBOXES_NONE;
	size_t body = 0;

	TRY(refused_if_broken(fields_parse(letter, &fields, &body, err)));
	TRY(find_from_domain(&fields, &from, err));
	struct lookup lookup = {
	    .resolver = resolver,
	    .domain = address_domain(from.item[0].address),
	};
	struct check check = {.fields = &fields, .answer = answer};
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
	    EVP_PKEY_get_bits(key) < KEY_BITS_MIN)
		return err_set(err, RC_UNFIT,
		    "the DKIM key is not an RSA key of at least %d bits in "
		    "PEM without passphrase",
		    KEY_BITS_MIN);
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

	TRY(status(dkim,
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
	TRY(push_fields(dkim, &fields, err));
	TRY(status(dkim, dkim_eoh(dkim), "end of header", err));
	TRY(push_body(dkim, span_after(letter, body), err));
	return status(dkim, dkim_eom(dkim, NULL), "key", err);
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
	TRY(library_new(false, &library, err));
	TRY(set_signed_names(library, err));
	TRY(buf_str(&key, &pem, err));
	DKIM *dkim OWNED(dkim_end) = dkim_sign(library, bytes_of("letter"),
	    NULL, bytes_of(pem), bytes_of(signer->selector),
	    bytes_of(signer->domain), DKIM_CANON_RELAXED, DKIM_CANON_RELAXED,
	    DKIM_SIGN_RSASHA256, -1, &got);
	if (dkim == NULL)
		return err_set(err, RC_CRYPTO, "DKIM: cannot sign: %s",
		    dkim_getresultstr(got));
	TRY(sign_letter(dkim, letter, err));
	return print_signature(dkim, field, err);
}
