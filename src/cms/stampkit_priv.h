/* cms/stampkit -- authorities, a token, and what becomes of it.
 *
 * Only included by the tests of stamp.
 */
#ifndef CMS_STAMPKIT_PRIV_H
#define CMS_STAMPKIT_PRIV_H

#include "cms/testkit_priv.h"

#include <time.h>

#include <openssl/ts.h>

#include "cms/shape_priv.h"
#include "cms/sign.h"
#include "cms/stamp.h"
#include "cms/verify.h"
#include "pki/policy.h"

OWNER(struct sign, sign_free);
OWNER(struct verify, verify_free);

#define STAMPED "the signature value"

static struct person root, tsa, rsa_tsa, lax_tsa, p521_tsa, alice;
static int64_t now;
static const uint8_t serial[16] = {0xf0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
static const struct stamp_nonce nonce = {{0x7f, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9}};
static uint8_t imprint[32];

static inline void
write_config(void)
{
	static const char text[] =
	    "[tsa]\ndefault_tsa=t\n[t]\nserial=serial\nsigner_cert=rsa.crt\n"
	    "signer_key=rsa.key\nsigner_digest=sha256\ndefault_policy=1.2.3\n"
	    "digests=sha256,sha384\naccuracy=secs:1\ness_cert_id_alg=sha256\n"
	    "[full]\nserial=serial\nsigner_cert=rsa.crt\n"
	    "signer_key=rsa.key\nsigner_digest=sha384\ndefault_policy=1.2.3\n"
	    "digests=sha256\naccuracy=secs:2,millisecs:500,microsecs:7\n"
	    "ordering=yes\ntsa_name=yes\ness_cert_id_chain=yes\n"
	    "ess_cert_id_alg=sha512\ncerts=root.crt\n"
	    "[old]\nserial=serial\nsigner_cert=rsa.crt\n"
	    "signer_key=rsa.key\nsigner_digest=sha256\ndefault_policy=1.2.3\n"
	    "digests=sha256,sha384\ness_cert_id_alg=sha1\n";

	kit_write("tsa.cnf", span_str(text));
	kit_write("serial", span_str("01\n"));
}

static inline int
setup(void **state)
{
	static const struct kit_extension lax[] = {
	    {NID_key_usage, "critical,digitalSignature"},
	    {NID_ext_key_usage, "timeStamping"}, {0, NULL}};

	kit_enter();
	now = (int64_t)time(NULL);
	person_init(&root, kit_ec("P-256"), "Test Root", KIT_CA, NULL);
	person_init(&tsa, kit_ec("P-256"), "Clock", KIT_TSA, &root);
	person_init(&rsa_tsa, kit_rsa(2048), "Old Clock", KIT_TSA, &root);
	person_init(&lax_tsa, kit_ec("P-256"), "Lax Clock", lax, &root);
	person_init(&p521_tsa, kit_ec("P-521"), "New Clock", KIT_TSA, &root);
	person_init(&alice, kit_ec("P-256"), "Alice", KIT_MAIL, &root);
	kit_write_person("p521", &p521_tsa);
	kit_write_person("root", &root);
	kit_write_person("tsa", &tsa);
	kit_write_person("rsa", &rsa_tsa);
	kit_write_person("lax", &lax_tsa);
	kit_write_person("alice", &alice);
	write_config();
	kit_write("data", span_str(STAMPED));
	EVP_Digest(STAMPED, strlen(STAMPED), imprint, NULL, EVP_sha256(), NULL);
	return 0;
}

static inline int
teardown(void **state)
{
	person_done(&root);
	person_done(&tsa);
	person_done(&rsa_tsa);
	person_done(&lax_tsa);
	person_done(&p521_tsa);
	person_done(&alice);
	kit_leave();
	return 0;
}

/* The TSA's key is an EVP_PKEY here. */
static inline enum rc
kit_stamp_sign(
    void *context, struct span bytes, struct buf *signature, struct err *err)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY *key = context;
	uint8_t room[600];
	size_t len = sizeof(room);

	assert_true(
	    EVP_DigestSignInit(ctx, NULL, crypto_digest(key), NULL, key));
	assert_true(EVP_DigestSign(ctx, room, &len, bytes.data, bytes.len));
	EVP_MD_CTX_free(ctx);
	return buf_add(signature, span_of(room, len), err);
}

static inline struct stamp_authority
kit_stamper(const struct person *who, const struct certs *chain)
{
	return (struct stamp_authority){
	    who->cert, chain, kit_stamp_sign, who->pkey};
}

static inline enum rc
answer(struct span request, int64_t when, struct buf *response)
{
	struct stamp_authority authority = kit_stamper(&tsa, NULL);

	return stamp_answer(
	    &authority, request, when, serial, response, &kit_err);
}

/* Our request, our answer, our reading of it. */
static inline void
make_token(struct buf *token)
{
	struct buf request BUF_OWNED = BUF_SMALL;
	struct buf response BUF_OWNED = BUF_SMALL;

	assert_ok(stamp_request(imprint, &nonce, &request, &kit_err));
	assert_ok(answer(buf_span(&request), now, &response));
	assert_ok(stamp_response(
	    buf_span(&response), imprint, &nonce, 0, token, &kit_err));
}

static inline enum rc
verify_token(struct span token, const char *stamped, const struct certs *roots,
    struct stamp_result *ret)
{
	return stamp_verify(token, span_str(stamped), roots, ret, &kit_err);
}

#endif
