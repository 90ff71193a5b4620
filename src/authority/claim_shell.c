#include "authority/claim_shell.h"

#include <stdio.h>

#include <openssl/pem.h>

#include "authority/authorization.h"
#include "authority/hierarchy.h"
#include "authority/person.h"
#include "base/own.h"
#include "codec/base64.h"
#include "pki/crypto.h"

#define DER_MAX ((size_t)64 * 1024)
#define SIGNATURE_MAX ((size_t)4 * 1024)
#define ACTOR_MAX 600

/* -- who speaks -- */

/* One word of one person, as it is tried. */
struct speech {
	struct sql *sql;
	X509 *cert;
	EVP_PKEY *key;
	const char *name;
	struct claim_word *word;
};

static enum rc
read_certificate(struct span pem, X509 **ret, struct err *err)
{
	BIO *in OWNED(BIO_free_all) = BIO_new_mem_buf(pem.data, (int)pem.len);

	*ret = in != NULL ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
	if (*ret != NULL)
		return RC_OK;
	(void)crypto_failed(err, "PEM");
	return err_set(err, RC_SYNTAX, "no certificate in PEM");
}

static enum rc
read_key(struct span pem, EVP_PKEY **ret, struct err *err)
{
	BIO *in OWNED(BIO_free_all) = BIO_new_mem_buf(pem.data, (int)pem.len);
	char none[] = ""; /* never ask at a terminal */

	*ret =
	    in != NULL ? PEM_read_bio_PrivateKey(in, NULL, NULL, none) : NULL;
	if (*ret != NULL)
		return RC_OK;
	(void)crypto_failed(err, "PEM");
	return err_set(err, RC_SYNTAX,
	    "no key in PEM that can be read without a passphrase");
}

static const EVP_MD *
digest_of(const EVP_PKEY *key)
{
	return EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256();
}

static enum rc
sign(EVP_PKEY *key, struct span text, struct buf *out, struct err *err)
{
	EVP_MD_CTX *work OWNED(EVP_MD_CTX_free) = EVP_MD_CTX_new();
	uint8_t *room = NULL;
	size_t len = SIGNATURE_MAX;

	TRY(buf_reserve(out, len, &room, err));
	if (work == NULL ||
	    EVP_DigestSignInit(work, NULL, digest_of(key), NULL, key) != 1 ||
	    EVP_DigestSign(work, room, &len, text.data, text.len) != 1)
		return crypto_failed(err, "sign");
	buf_grown(out, len);
	return RC_OK;
}

/* As whoever doubts it later does: with what is in the certificate. */
static enum rc
verify(
    const X509 *cert, struct span text, struct span signature, struct err *err)
{
	EVP_MD_CTX *work OWNED(EVP_MD_CTX_free) = EVP_MD_CTX_new();
	EVP_PKEY *key = X509_get0_pubkey(cert);

	if (work == NULL || key == NULL ||
	    EVP_DigestVerifyInit(work, NULL, digest_of(key), NULL, key) != 1)
		return crypto_failed(err, "verify");
	if (EVP_DigestVerify(
		work, signature.data, signature.len, text.data, text.len) == 1)
		return RC_OK;
	(void)crypto_failed(err, "verify");
	return err_set(err, RC_UNFIT, "the key is not that of the certificate");
}

static enum rc
find_operator(const struct speech *speech, struct person *ret, struct err *err)
{
	struct buf der BUF_OWNED = BUF(DER_MAX);

	TRY(hierarchy_der(speech->cert, &der, err));
	TRY(person_find(
	    speech->sql, buf_span(&der), speech->word->now, ret, err));
	if (ret->is_operator)
		return RC_OK;
	return err_set(err, RC_REFUSED, "%s is no operator", ret->address);
}

static enum rc
add_signature(const struct speech *speech, const struct claim *claim,
    struct buf *out, struct err *err)
{
	struct buf text BUF_OWNED = BUF_SMALL;
	struct buf signature BUF_OWNED = BUF(SIGNATURE_MAX);

	TRY(claim_said(speech->sql, claim, speech->word, &text, err));
	TRY(sign(speech->key, buf_span(&text), &signature, err));
	TRY(verify(speech->cert, buf_span(&text), buf_span(&signature), err));
	return base64_encode(buf_span(&signature), 0, out, err);
}

static enum rc
try_say(const struct speech *speech, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct person person PERSON_OWNED = {0};
	struct claim claim CLAIM_OWNED = {0};
	struct buf signature BUF_OWNED = BUF_SMALL;
	struct claim_word *word = speech->word;
	char actor[ACTOR_MAX];

	TRY(sql_act_begin(speech->sql, &act, err));
	TRY(find_operator(speech, &person, err));
	TRY(claim_find(speech->sql, speech->name, word->now, &claim, err));
	(void)snprintf(actor, sizeof(actor), "operator %s", person.address);
	word->who = person.address;
	word->actor = actor;
	TRY(add_signature(speech, &claim, &signature, err));
	TRY(buf_str(&signature, &word->signature, err));
	TRY(claim_say(speech->sql, &claim, word, err));
	return sql_act_commit(&act, err);
}

enum rc
claim_shell_say(struct sql *sql, const struct claim_speaker *speaker,
    const char *name, struct claim_word *word, struct err *err)
{
	X509 *cert OWNED(X509_free) = NULL;
	EVP_PKEY *key OWNED(EVP_PKEY_free) = NULL;
	unsigned tries = 0;
	enum rc rc;

	TRY(read_certificate(speaker->certificate, &cert, err));
	TRY(read_key(speaker->key, &key, err));
	const struct speech speech = {sql, cert, key, name, word};
	do
		rc = try_say(&speech, err);
	while (rc == RC_AGAIN && sql_again(&tries));
	/* they lay in the tries */
	word->who = word->actor = word->signature = NULL;
	return rc;
}

/* -- asking -- */

static enum rc
find_account(struct sql *sql, struct claim_wish *wish, struct err *err)
{
	struct buf folded BUF_OWNED = BUF_SMALL;
	const char *text = NULL;

	TRY(authorization_fold(wish->address, &folded, err));
	TRY(buf_str(&folded, &text, err));
	enum rc rc = sql_number(sql,
	    "SELECT c.account FROM certificate AS c"
	    " LEFT JOIN revocation AS r ON r.certificate = c.id"
	    " WHERE c.folded = ? AND c.kind <> 'host' AND r.id IS NULL"
	    " AND c.not_before <= ? AND c.not_after > ?"
	    " ORDER BY c.id DESC LIMIT 1",
	    SQL_VALUES(
		sql_text(text), SQL_NUMBER(wish->now), SQL_NUMBER(wish->now)),
	    &wish->account, err);
	if (rc != RC_ABSENT)
		return rc;
	return err_set(err, RC_ABSENT,
	    "no certificate of %s is in force: its owner has to get one first",
	    wish->address);
}

static enum rc
try_ask(struct sql *sql, const struct claim_office *office,
    struct claim_wish *wish, struct claim *ret, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;

	TRY(sql_act_begin(sql, &act, err));
	TRY(find_account(sql, wish, err));
	TRY(claim_ask(sql, wish, ret, err));
	TRY(claim_fit(office, ret, wish->now, err));
	return sql_act_commit(&act, err);
}

enum rc
claim_shell_ask(struct sql *sql, const struct claim_office *office,
    struct claim_wish *wish, struct claim *ret, struct err *err)
{
	unsigned tries = 0;
	enum rc rc;

	do
		rc = try_ask(sql, office, wish, ret, err);
	while (rc == RC_AGAIN && sql_again(&tries));
	return rc;
}

static enum rc
try_attach(struct sql *sql, const char *name, const struct claim_piece *file,
    struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct claim_piece piece = *file;

	TRY(sql_act_begin(sql, &act, err));
	do {
		struct claim claim CLAIM_OWNED = {0};
		struct span rest = span_after(file->bytes, (size_t)piece.at);
		TRY(claim_find(sql, name, file->now, &claim, err));
		piece.bytes = span_first(rest, CLAIM_PIECE_MAX);
		TRY(claim_attach(sql, &claim, &piece, err));
		piece.at += (int64_t)piece.bytes.len;
	} while ((size_t)piece.at < file->bytes.len);
	return sql_act_commit(&act, err);
}

enum rc
claim_shell_attach(struct sql *sql, const char *name, struct claim_piece *file,
    struct err *err)
{
	unsigned tries = 0;
	enum rc rc;

	do
		rc = try_attach(sql, name, file, err);
	while (rc == RC_AGAIN && sql_again(&tries));
	return rc;
}
