#include "cms/stamp.h"

#include <stdlib.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/ts.h>

#include "cms/print_priv.h"
#include "cms/signer_priv.h"
#include "cms/stamp_priv.h"
#include "pki/crypto.h"
#include "pki/der.h"

#define STATUS_GRANTED 0
#define STATUS_GRANTED_WITH_MODS 1
#define TST_VERSION 1
#define BOOLEAN 0x01
#define GENERALIZED_TIME 0x18
#define TSA 0xa0        /* [0] EXPLICIT GeneralName */
#define EXTENSIONS 0xa1 /* [1] IMPLICIT */
#define NO_TST "what is signed is no TSTInfo"

/* What a TSTInfo says; lent. */
struct tst {
	struct span policy, serial; /* content octets */
	enum digest_kind imprint_kind;
	struct span imprint;
	int64_t when, accuracy;
	bool ordering;
	struct span nonce; /* content octets; empty if there is none */
	struct span tsa;   /* GeneralName; empty if there is none */
};

/* A token whose signature holds, and what it says. */
struct token {
	struct signed_data data;
	struct buf content;
	struct verify_signer signer;
	struct tst tst;
};

#define TOKEN_OWNED __attribute__((cleanup(token_done)))

OWNER(ASN1_TIME, ASN1_TIME_free);
OWNER(GENERAL_NAME, GENERAL_NAME_free);
OWNER(GENERAL_NAMES, GENERAL_NAMES_free);

static void
token_init(struct token *token)
{
	*token = (struct token){.content = BUF(STAMP_MAX)};
	signed_init(&token->data, SIGNED_TST);
}

static void
token_done(struct token *token)
{
	signed_done(&token->data);
	buf_done(&token->content);
	signer_done(&token->signer);
}

/* --- the request */

/* An INTEGER that is positive: its first octet has no high bit. */
static struct span
nonce_octets(const struct stamp_nonce *nonce)
{
	return span_of(nonce->bytes, sizeof(nonce->bytes));
}

static enum rc
print_request(const uint8_t sha256[32], const struct stamp_nonce *nonce,
    struct buf *der, struct err *err)
{
	static const uint8_t yes[] = {0x01, 0x01, 0xff};
	size_t request, imprint;

	TRY(print_begin(der, PRINT_SEQUENCE, &request, err));
	TRY(print_number(der, TST_VERSION, err));
	TRY(print_begin(der, PRINT_SEQUENCE, &imprint, err));
	TRY(buf_add(der, digest_algorithm(DIGEST_SHA256), err));
	TRY(print_bytes(der, PRINT_OCTETS, span_of(sha256, 32), err));
	TRY(print_end(der, imprint, err));
	TRY(print_bytes(der, PRINT_INTEGER, nonce_octets(nonce), err));
	TRY(buf_add(der, span_of(yes, sizeof(yes)), err)); /* certReq */
	return print_end(der, request, err);
}

enum rc
stamp_request(const uint8_t sha256[32], const struct stamp_nonce *nonce,
    struct buf *der, struct err *err)
{
	size_t before = der->len;

	if (nonce->bytes[0] == 0 || (nonce->bytes[0] & 0x80))
		bug("stamp_request: the nonce must be positive");
	enum rc rc = print_request(sha256, nonce, der, err);
	if (rc != RC_OK)
		buf_cut(der, before);
	return rc;
}

/* --- what a token says */

static enum rc
broken(struct err *err, const char *why)
{
	ERR_clear_error();
	return err_set(err, RC_CRYPTO, "the timestamp is broken: %s", why);
}

/* A small INTEGER that is not negative, under any tag. */
static bool
small_number(struct span octets, int64_t *ret)
{
	int64_t value = 0;

	if (octets.len == 0 || octets.len > 5 || (octets.data[0] & 0x80))
		return false;
	for (size_t i = 0; i < octets.len; i++)
		value = value << 8 | octets.data[i];
	*ret = value;
	return true;
}

static bool
read_imprint(struct span *in, struct tst *ret)
{
	struct der imprint, value;
	struct algorithm algorithm;

	if (der_expect(in, DER_SEQUENCE, &imprint, NULL) != RC_OK ||
	    algorithm_read(&imprint.value, &algorithm, NULL) != RC_OK ||
	    der_expect(&imprint.value, DER_OCTETS, &value, NULL) != RC_OK ||
	    imprint.value.len > 0)
		return false;
	ret->imprint_kind = digest_find(&algorithm);
	ret->imprint = value.value;
	return true;
}

static bool
read_time(struct span *in, int64_t *ret)
{
	struct der time;
	struct tm tm = {0};

	if (der_expect(in, GENERALIZED_TIME, &time, NULL) != RC_OK)
		return false;
	ASN1_TIME *parsed OWNED(ASN1_TIME_free) =
	    ASN1_STRING_type_new(V_ASN1_GENERALIZEDTIME);
	if (parsed == NULL || span_find_byte(time.value, 'Z') < 0 ||
	    !ASN1_STRING_set(parsed, time.value.data, (int)time.value.len) ||
	    !ASN1_TIME_to_tm(parsed, &tm))
		return false;
	*ret = (int64_t)timegm(&tm);
	return true;
}

/* Accuracy ::= SEQUENCE { seconds INTEGER OPTIONAL, millis [0] INTEGER
 * (1..999) OPTIONAL, micros [1] INTEGER (1..999) OPTIONAL } */
static bool
read_accuracy(struct span in, int64_t *ret)
{
	static const struct {
		uint8_t tag;
		int64_t unit, max;
	} parts[] = {{DER_INTEGER, 1000000, UINT32_MAX}, {0x80, 1000, 999},
	    {0x81, 1, 999}};
	struct der part;
	int64_t number;

	*ret = 0;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		if (in.len == 0 || in.data[0] != parts[i].tag)
			continue;
		if (der_next(&in, &part, NULL) != RC_OK ||
		    !small_number(part.value, &number) || number > parts[i].max)
			return false;
		*ret += number * parts[i].unit;
	}
	return in.len == 0;
}

/* Extensions: one that is critical is not understood. */
static bool
has_critical(struct span in)
{
	struct der extension, item;

	while (in.len > 0) {
		if (der_expect(&in, DER_SEQUENCE, &extension, NULL) != RC_OK ||
		    der_expect(&extension.value, DER_OID, &item, NULL) !=
			RC_OK ||
		    der_next(&extension.value, &item, NULL) != RC_OK)
			return true;
		if (item.tag == BOOLEAN && !span_is(item.value, span_of("", 1)))
			return true;
	}
	return false;
}

/* accuracy OPTIONAL, ordering DEFAULT FALSE, nonce OPTIONAL, tsa [0] OPTIONAL,
 * extensions [1] OPTIONAL */
static enum rc
read_options(struct span in, struct tst *ret, struct err *err)
{
	static const uint8_t order[] = {
	    DER_SEQUENCE, BOOLEAN, DER_INTEGER, TSA, EXTENSIONS};
	struct der item;

	for (size_t i = 0; i < sizeof(order); i++) {
		if (in.len == 0 || in.data[0] != order[i])
			continue;
		if (der_next(&in, &item, NULL) != RC_OK)
			return broken(err, NO_TST);
		if (item.tag == DER_SEQUENCE &&
		    !read_accuracy(item.value, &ret->accuracy))
			return broken(err, "its accuracy cannot be read");
		if (item.tag == BOOLEAN)
			ret->ordering = !span_is(item.value, span_of("", 1));
		if (item.tag == DER_INTEGER)
			ret->nonce = item.value;
		if (item.tag == TSA)
			ret->tsa = item.value;
		if (item.tag == EXTENSIONS && has_critical(item.value))
			return broken(
			    err, "it has an unknown critical extension");
	}
	return in.len == 0 ? RC_OK : broken(err, NO_TST);
}

static enum rc
read_info(struct span der, struct tst *ret, struct err *err)
{
	struct der all, version, policy, serial;

	*ret = (struct tst){.imprint_kind = DIGEST_NONE};
	if (der_check(der, NULL) != RC_OK ||
	    der_expect(&der, DER_SEQUENCE, &all, NULL) != RC_OK ||
	    der_expect(&all.value, DER_INTEGER, &version, NULL) != RC_OK ||
	    !span_is(version.value, span_of("\1", 1)) ||
	    der_expect(&all.value, DER_OID, &policy, NULL) != RC_OK ||
	    !read_imprint(&all.value, ret) ||
	    der_expect(&all.value, DER_INTEGER, &serial, NULL) != RC_OK)
		return broken(err, NO_TST);
	if (!read_time(&all.value, &ret->when))
		return broken(err, "its time cannot be read");
	ret->policy = policy.value;
	ret->serial = serial.value;
	return read_options(all.value, ret, err);
}

/* --- who made it */

static bool
is_other_name(const X509 *x509, const GENERAL_NAME *name)
{
	bool same = false;
	GENERAL_NAMES *names OWNED(GENERAL_NAMES_free) =
	    X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
		same = same || GENERAL_NAME_cmp(sk_GENERAL_NAME_value(names, i),
				   (GENERAL_NAME *)name) == 0;
	return same;
}

/* RFC 3161 section 2.4.2: the tsa field, if there, "MUST correspond to one of
 * the subject names included in the certificate that is to be used to verify
 * the token". */
static bool
is_tsa(const X509 *x509, struct span tsa)
{
	const uint8_t *at = tsa.data;

	if (tsa.len == 0)
		return true;
	GENERAL_NAME *name OWNED(GENERAL_NAME_free) =
	    d2i_GENERAL_NAME(NULL, &at, (long)tsa.len);
	bool same = name != NULL && at == tsa.data + tsa.len &&
		    ((name->type == GEN_DIRNAME &&
			 X509_NAME_cmp(name->d.directoryName,
			     X509_get_subject_name(x509)) == 0) ||
			is_other_name(x509, name));
	ERR_clear_error();
	return same;
}

static enum rc
check_signer(struct token *token, struct err *err)
{
	struct signer_info info SIGNER_INFO_OWNED;
	struct span ber = signed_signer(&token->data, 0);
	unsigned tries = SIGNER_TRIES_MAX;
	const struct signer_about about = {&token->data, SPAN_NONE, &tries};

	if (signer_info_read(ber, &info, NULL) != RC_OK)
		return broken(err, "its signer cannot be read");
	TRY(signer_check(ber, &about, &token->signer, err));
	if (!token->signer.valid)
		return broken(err, token->signer.reason);
	if (!signer_has_certificate_id(&info))
		return broken(err, "it does not say whose it is (ESSCertID)");
	if (!stamp_is_certificate(cert_x509(token->signer.cert)))
		return broken(
		    err, "its certificate is not one for timestamps only");
	return RC_OK;
}

static enum rc
read_token(struct span der, struct token *ret, struct err *err)
{
	struct buf copy BUF_OWNED = BUF(STAMP_MAX);
	struct err why = ERR_NONE;

	if (der.len > STAMP_MAX)
		return err_set(err, RC_LIMIT,
		    "a timestamp of more than %zu bytes", STAMP_MAX);
	/* one whole element: white space may follow a letter, but no token */
	enum rc rc = ber_der(der, &copy, &der, &why);
	if (rc == RC_OK)
		rc = signed_push(&ret->data, der, &ret->content, &why);
	if (rc == RC_OK)
		rc = signed_finish(&ret->data, &why);
	if (rc != RC_OK)
		return rc == RC_NOMEM ? err_nomem(err, "timestamp")
				      : broken(err, why.text);
	if (!ret->data.has_content)
		return broken(err, NO_TST);
	if (ret->data.signers_len != 1)
		return broken(err, "it has not exactly one signer");
	TRY(check_signer(ret, err));
	TRY(read_info(buf_span(&ret->content), &ret->tst, err));
	if (!is_tsa(cert_x509(ret->signer.cert), ret->tst.tsa))
		return broken(err, "it names another authority than it has");
	return RC_OK;
}

/* --- the response */

struct failure {
	unsigned bit;
	const char *name;
};

/* RFC 3161 section 2.4.2 */
static const struct failure failures[] = {
    {TS_INFO_BAD_ALG, "badAlg"},
    {TS_INFO_BAD_REQUEST, "badRequest"},
    {TS_INFO_BAD_DATA_FORMAT, "badDataFormat"},
    {TS_INFO_TIME_NOT_AVAILABLE, "timeNotAvailable"},
    {TS_INFO_UNACCEPTED_POLICY, "unacceptedPolicy"},
    {TS_INFO_UNACCEPTED_EXTENSION, "unacceptedExtension"},
    {TS_INFO_ADD_INFO_NOT_AVAILABLE, "addInfoNotAvailable"},
    {TS_INFO_SYSTEM_FAILURE, "systemFailure"},
};

/* `bits`: content of a BIT STRING, its first octet the unused bits. */
static const char *
failure_name(struct span bits)
{
	for (size_t i = 0; i < sizeof(failures) / sizeof(*failures); i++) {
		size_t at = 1 + failures[i].bit / 8;
		if (at < bits.len &&
		    (bits.data[at] & (0x80U >> (failures[i].bit % 8))))
			return failures[i].name;
	}
	return "no reason";
}

/* SEQUENCE OF UTF8String; too many words: what fits is said. */
static void
add_words(struct span list, struct buf *out)
{
	struct der word;
	bool first = true;

	while (list.len > 0 && der_next(&list, &word, NULL) == RC_OK) {
		if ((!first && buf_add_str(out, "; ", NULL) != RC_OK) ||
		    buf_add(out, word.value, NULL) != RC_OK)
			return;
		first = false;
	}
}

/* PKIStatusInfo ::= SEQUENCE { status, statusString OPTIONAL, failInfo
 * OPTIONAL }, and whether a token follows. */
static enum rc
check_status(struct span in, bool has_token, struct err *err)
{
	struct buf words BUF_OWNED = BUF(200);
	struct der status, item;
	const char *text = "", *failure = "no reason";
	int64_t number = -1;

	TRY(der_expect(&in, DER_INTEGER, &status, err));
	if (!small_number(status.value, &number))
		return err_set(err, RC_SYNTAX, "a status that is none");
	bool granted =
	    number == STATUS_GRANTED || number == STATUS_GRANTED_WITH_MODS;
	if (granted != has_token)
		return err_set(err, RC_SYNTAX,
		    "the timestamp server's status contradicts its token");
	if (granted)
		return RC_OK;
	while (in.len > 0) {
		TRY(der_next(&in, &item, err));
		if (item.tag == DER_SEQUENCE)
			add_words(item.value, &words);
		if (item.tag == DER_BITS)
			failure = failure_name(item.value);
	}
	if (buf_str(&words, &text, NULL) != RC_OK)
		text = "";
	return err_set(err, RC_REFUSED, "the timestamp server refused: %s (%s)",
	    failure, text);
}

/* A token's time is the proof of ours; one that is hours away is another's
 * answer, or one of the two clocks is wrong, and nobody can tell which. */
static enum rc
check_window(const struct tst *tst, int64_t now, struct err *err)
{
	int64_t window = STAMP_WINDOW + tst->accuracy / 1000000;
	int64_t apart = tst->when > now ? tst->when - now : now - tst->when;

	if (now == 0 || apart <= window)
		return RC_OK;
	return err_set(err, RC_UNFIT,
	    "the timestamp's time is %lld seconds from this computer's",
	    (long long)apart);
}

static enum rc
check_answer(struct span der, const uint8_t sha256[32],
    const struct stamp_nonce *nonce, int64_t now, struct err *err)
{
	struct token token TOKEN_OWNED;

	token_init(&token);
	TRY(read_token(der, &token, err));
	if (token.tst.imprint_kind != DIGEST_SHA256 ||
	    !span_is(token.tst.imprint, span_of(sha256, 32)))
		return err_set(
		    err, RC_UNFIT, "the timestamp is about something else");
	if (!span_is(token.tst.nonce, nonce_octets(nonce)))
		return err_set(err, RC_UNFIT,
		    "the timestamp answers another request (nonce)");
	return check_window(&token.tst, now, err);
}

enum rc
stamp_response(struct span der, const uint8_t sha256[32],
    const struct stamp_nonce *nonce, int64_t now, struct buf *token,
    struct err *err)
{
	struct buf copy BUF_OWNED = BUF(STAMP_MAX);
	struct der all, status;

	if (der.len > STAMP_MAX)
		return err_set(err, RC_LIMIT,
		    "a timestamp answer of more than %zu bytes", STAMP_MAX);
	TRY(ber_der(der, &copy, &der, err));
	TRY(der_expect(&der, DER_SEQUENCE, &all, err));
	TRY(der_expect(&all.value, DER_SEQUENCE, &status, err));
	TRY(check_status(status.value, all.value.len > 0, err));
	TRY(check_answer(all.value, sha256, nonce, now, err));
	return buf_add(token, all.value, err);
}

/* --- a token found in a letter */

static enum rc
check_stamped(const struct tst *tst, struct span stamped, struct err *err)
{
	uint8_t hash[DIGEST_LEN_MAX];

	if (tst->imprint_kind > DIGEST_SHA512)
		return err_set(err, RC_UNFIT,
		    "the timestamp's digest is not one to be trusted");
	size_t len = digest_once(tst->imprint_kind, stamped, hash);
	if (len == 0)
		return crypto_failed(err, "digest");
	if (!span_is(tst->imprint, span_of(hash, len)))
		return err_set(
		    err, RC_UNFIT, "the timestamp is about something else");
	return RC_OK;
}

static size_t
copy_octets(struct span from, uint8_t *to, size_t size)
{
	struct span first = span_first(from, size);

	if (first.len > 0)
		memcpy(to, first.data, first.len);
	return first.len;
}

/* A serial number of 160 bits may have one octet more in front: its sign. */
static struct span
unsigned_octets(struct span number)
{
	return number.len > 1 && number.data[0] == 0 ? span_after(number, 1)
						     : number;
}

static void
fill_result(const struct tst *tst, struct stamp_result *ret)
{
	ret->when = tst->when;
	ret->accuracy = tst->accuracy;
	ret->ordering = tst->ordering;
	ret->serial_len = copy_octets(
	    unsigned_octets(tst->serial), ret->serial, STAMP_SERIAL_MAX);
	ret->policy_len =
	    copy_octets(tst->policy, ret->policy, STAMP_POLICY_MAX);
}

/* What the token holds goes over to the result. */
static void
take_papers(struct token *token, struct stamp_result *ret)
{
	ret->tsa = take(token->signer.cert);
	ret->certs = token->data.certs;
	token->data.certs = CERTS_NONE;
	ret->crls = token->data.crls;
	token->data.crls = CRLS_NONE;
	ret->ocsps = token->data.ocsps;
	token->data.ocsps = OCSPS_NONE;
}

enum rc
stamp_read(struct span token, struct span stamped, struct seen *seen,
    struct stamp_result *ret, struct err *err)
{
	struct token read TOKEN_OWNED;

	token_init(&read);
	read.data.seen = seen;
	TRY(read_token(token, &read, err));
	TRY(check_stamped(&read.tst, stamped, err));
	*ret = (struct stamp_result){.chain = CHAIN_RESULT};
	fill_result(&read.tst, ret);
	take_papers(&read, ret);
	return RC_OK;
}

enum rc
stamp_verify(struct span token, struct span stamped, const struct certs *roots,
    struct stamp_result *ret, struct err *err)
{
	struct stamp_result made STAMP_RESULT_OWNED = {.chain = CHAIN_RESULT};

	TRY(stamp_read(token, stamped, NULL, &made, err));
	const struct chain_request ask = {.roots = roots,
	    .untrusted = &made.certs,
	    .crls = &made.crls,
	    .ocsps = &made.ocsps,
	    .at = made.when,
	    .purpose = CHAIN_TIMESTAMP};
	TRY(chain_check(made.tsa, &ask, &made.chain, err));
	*ret = made;
	made = (struct stamp_result){.chain = CHAIN_RESULT};
	return RC_OK;
}

void
stamp_result_done(struct stamp_result *result)
{
	chain_result_done(&result->chain);
	certs_done(&result->certs);
	crls_done(&result->crls);
	ocsps_done(&result->ocsps);
	cert_free(result->tsa);
	result->tsa = NULL;
}
