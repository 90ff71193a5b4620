#include "cms/stamp.h"

#include <stdlib.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/ts.h>

#include "cms/print_priv.h"
#include "cms/signer_priv.h"
#include "pki/crypto.h"
#include "pki/der.h"
#include "pki/policy.h"

#define STATUS_GRANTED 0
#define STATUS_GRANTED_WITH_MODS 1
#define TST_VERSION 1
#define STAMP_ACCURACY 1 /* seconds */
#define BOOLEAN 0x01
#define UTF8_STRING 0x0c
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
OWNER(BIGNUM, BN_free);
OWNER(EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free);
OWNER(GENERAL_NAME, GENERAL_NAME_free);
OWNER(GENERAL_NAMES, GENERAL_NAMES_free);
OWNER(TS_REQ, TS_REQ_free);

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

	TRY(print_open(der, PRINT_SEQUENCE, &request, err));
	TRY(print_number(der, TST_VERSION, err));
	TRY(print_open(der, PRINT_SEQUENCE, &imprint, err));
	TRY(buf_add(der, digest_algorithm(DIGEST_SHA256), err));
	TRY(print_octets(der, span_of(sha256, 32), err));
	TRY(print_close(der, imprint, err));
	TRY(print_element(der, PRINT_INTEGER, nonce_octets(nonce), err));
	TRY(buf_add(der, span_of(yes, sizeof(yes)), err)); /* certReq */
	return print_close(der, request, err);
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

/* RFC 3161 section 2.3: "The corresponding certificate MUST contain only one
 * instance of the extended key usage field extension ... with KeyPurposeID
 * having value id-kp-timeStamping.  This extension MUST be critical." */
static bool
is_stamping_certificate(const X509 *x509)
{
	int critical = 0;
	EXTENDED_KEY_USAGE *usage OWNED(EXTENDED_KEY_USAGE_free) =
	    X509_get_ext_d2i(x509, NID_ext_key_usage, &critical, NULL);

	ERR_clear_error();
	return usage != NULL && critical == 1 &&
	       sk_ASN1_OBJECT_num(usage) == 1 &&
	       OBJ_obj2nid(sk_ASN1_OBJECT_value(usage, 0)) == NID_time_stamp;
}

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
	if (!is_stamping_certificate(cert_x509(token->signer.cert)))
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

enum rc
stamp_verify(struct span token, struct span stamped, const struct certs *roots,
    struct stamp_result *ret, struct err *err)
{
	struct token read TOKEN_OWNED;
	struct stamp_result made = {.chain = CHAIN_RESULT};

	token_init(&read);
	TRY(read_token(token, &read, err));
	TRY(check_stamped(&read.tst, stamped, err));
	struct chain_request ask = {.roots = roots,
	    .untrusted = &read.data.certs,
	    .at = read.tst.when,
	    .purpose = CHAIN_TIMESTAMP};
	TRY(chain_check(read.signer.cert, &ask, &made.chain, err));
	fill_result(&read.tst, &made);
	*ret = made;
	return RC_OK;
}

void
stamp_result_done(struct stamp_result *result)
{
	chain_result_done(&result->chain);
}

/* --- the authority's side */

/* What the callbacks of one answer need. */
struct answer {
	int64_t now;
	const uint8_t *serial;
};

OWNER(TS_RESP_CTX, TS_RESP_CTX_free);
OWNER(TS_RESP, TS_RESP_free);
OWNER(ASN1_OBJECT, ASN1_OBJECT_free);

static ASN1_INTEGER *
give_serial(TS_RESP_CTX *ctx, void *data)
{
	const struct answer *answer = data;
	BIGNUM *number OWNED(BN_free) = BN_bin2bn(answer->serial, 16, NULL);
	ASN1_INTEGER *serial =
	    number == NULL ? NULL : BN_to_ASN1_INTEGER(number, NULL);

	if (serial == NULL)
		TS_RESP_CTX_add_failure_info(ctx, TS_INFO_SYSTEM_FAILURE);
	return serial;
}

static int
give_time(TS_RESP_CTX *ctx, void *data, long *seconds, long *micros)
{
	const struct answer *answer = data;

	if (answer->now <= 0) {
		TS_RESP_CTX_set_status_info(
		    ctx, TS_STATUS_REJECTION, "The clock is not trusted now.");
		TS_RESP_CTX_add_failure_info(ctx, TS_INFO_TIME_NOT_AVAILABLE);
		return 0;
	}
	*seconds = (long)answer->now;
	*micros = 0;
	return 1;
}

static const EVP_MD *
signer_digest(const EVP_PKEY *key)
{
	if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC)
		return EVP_sha256();
	switch (EVP_PKEY_get_bits(key)) {
	case 384:
		return EVP_sha384();
	case 521:
		return EVP_sha512();
	default:
		return EVP_sha256();
	}
}

static bool
set_policy(TS_RESP_CTX *ctx)
{
	ASN1_OBJECT *policy OWNED(ASN1_OBJECT_free) =
	    OBJ_txt2obj(POLICY_TIMESTAMP, 1);

	return policy != NULL && TS_RESP_CTX_set_def_policy(ctx, policy);
}

static bool
set_up(TS_RESP_CTX *ctx, const struct stamp_authority *tsa)
{
	return TS_RESP_CTX_set_signer_cert(ctx, tsa->cert) &&
	       TS_RESP_CTX_set_signer_key(ctx, tsa->key) &&
	       TS_RESP_CTX_set_signer_digest(ctx, signer_digest(tsa->key)) &&
	       /* SHA-1 in ESSCertID is what RFC 5816 replaced */
	       TS_RESP_CTX_set_ess_cert_id_digest(ctx, EVP_sha256()) &&
	       (tsa->chain == NULL || TS_RESP_CTX_set_certs(ctx, tsa->chain)) &&
	       set_policy(ctx) && TS_RESP_CTX_add_md(ctx, EVP_sha256()) &&
	       TS_RESP_CTX_add_md(ctx, EVP_sha384()) &&
	       TS_RESP_CTX_add_md(ctx, EVP_sha512()) &&
	       TS_RESP_CTX_set_accuracy(ctx, STAMP_ACCURACY, 0, 0);
}

static enum rc
check_authority(const struct stamp_authority *tsa, struct err *err)
{
	if (!is_stamping_certificate(tsa->cert))
		return err_set(err, RC_UNFIT,
		    "the timestamp certificate must have the extended key "
		    "usage timeStamping, alone and critical");
	if (X509_check_private_key(tsa->cert, tsa->key) != 1) {
		ERR_clear_error();
		return err_set(err, RC_UNFIT,
		    "the timestamp key does not belong to its certificate");
	}
	return RC_OK;
}

/* failInfo: a named bit list, which DER cuts behind its last one. */
static enum rc
print_failure(unsigned bit, struct buf *out, struct err *err)
{
	uint8_t octets[1 + 4] = {(uint8_t)(7 - bit % 8)};
	size_t last = 1 + bit / 8;

	octets[last] = (uint8_t)(0x80U >> (bit % 8));
	return print_element(out, DER_BITS, span_of(octets, last + 1), err);
}

/* Written by hand: what OpenSSL cannot say, a requester is told all the same,
 * so that it does not wait for an answer that never comes. */
static enum rc
refuse(unsigned failure, const char *words, struct buf *out, struct err *err)
{
	struct buf made BUF_OWNED = BUF_SMALL;
	size_t response, status, list;

	ERR_clear_error();
	TRY(print_open(&made, PRINT_SEQUENCE, &response, err));
	TRY(print_open(&made, PRINT_SEQUENCE, &status, err));
	TRY(print_number(&made, TS_STATUS_REJECTION, err));
	TRY(print_open(&made, PRINT_SEQUENCE, &list, err));
	TRY(print_element(&made, UTF8_STRING, span_str(words), err));
	TRY(print_close(&made, list, err));
	TRY(print_failure(failure, &made, err));
	TRY(print_close(&made, status, err));
	TRY(print_close(&made, response, err));
	return buf_add(out, buf_span(&made), err);
}

static bool
is_request(struct span bytes)
{
	const uint8_t *at = bytes.data;

	if (bytes.len == 0 || bytes.len > STAMP_MAX)
		return false;
	TS_REQ *request OWNED(TS_REQ_free) =
	    d2i_TS_REQ(NULL, &at, (long)bytes.len);
	ERR_clear_error();
	return request != NULL && at == bytes.data + bytes.len;
}

static enum rc
print_response(TS_RESP *response, struct buf *out, struct err *err)
{
	int len = i2d_TS_RESP(response, NULL);
	uint8_t *room;

	if (len <= 0)
		return crypto_failed(err, "timestamp response");
	TRY(buf_reserve(out, (size_t)len, &room, err));
	if (i2d_TS_RESP(response, &room) != len)
		return crypto_failed(err, "timestamp response");
	buf_grown(out, (size_t)len);
	return RC_OK;
}

enum rc
stamp_answer(const struct stamp_authority *tsa, struct span request,
    int64_t now, const uint8_t serial[16], struct buf *response,
    struct err *err)
{
	struct answer answer = {now, serial};

	TRY(check_authority(tsa, err));
	if (!is_request(request))
		return refuse(
		    TS_INFO_BAD_DATA_FORMAT, "No TimeStampReq.", response, err);
	TS_RESP_CTX *ctx OWNED(TS_RESP_CTX_free) = TS_RESP_CTX_new();
	BIO *in OWNED(BIO_free_all) =
	    BIO_new_mem_buf(request.data, (int)request.len);
	if (ctx == NULL || in == NULL || !set_up(ctx, tsa))
		return refuse(
		    TS_INFO_SYSTEM_FAILURE, "Not ready.", response, err);
	TS_RESP_CTX_set_serial_cb(ctx, give_serial, &answer);
	TS_RESP_CTX_set_time_cb(ctx, give_time, &answer);
	TS_RESP *made OWNED(TS_RESP_free) = TS_RESP_create_response(ctx, in);
	ERR_clear_error();
	if (made == NULL)
		return refuse(
		    TS_INFO_SYSTEM_FAILURE, "Could not sign.", response, err);
	return print_response(made, response, err);
}
