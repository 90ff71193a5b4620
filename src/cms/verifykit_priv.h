/* cms/verifykit -- a letter, people who sign it, and what becomes of it.
 *
 * Only included by the tests of verify and signer.
 */
#ifndef CMS_VERIFYKIT_PRIV_H
#define CMS_VERIFYKIT_PRIV_H

#include "cms/testkit_priv.h"

#include "cms/shape_priv.h"
#include "cms/sign.h"
#include "cms/verify.h"

OWNER(struct sign, sign_free);
OWNER(struct verify, verify_free);

#define LETTER "Content-Type: text/plain\r\n\r\nGood morning.\r\n"
#define WHEN 1795292280 /* 2026-11-21T20:18:00Z */
/* options of openssl cms -sign */
#define BY(who) "-signer " who ".crt -inkey " who ".key "

static struct person root, alice, rsa, p384, weak, ed, ed448, pss, strict, eve;

static inline int
setup(void **state)
{
	kit_enter();
	person_init(&root, kit_ec("P-256"), "Test Root", KIT_CA, NULL);
	person_init(&alice, kit_ec("P-256"), "Alice", KIT_MAIL, &root);
	person_init(&rsa, kit_rsa(2048), "Rita", KIT_MAIL_RSA, &root);
	person_init(&p384, kit_ec("P-384"), "Tres", KIT_MAIL, &root);
	person_init(&weak, kit_rsa(1024), "Weak", KIT_MAIL_RSA, &root);
	person_init(&ed, kit_ed("ED25519"), "Ed", KIT_MAIL, &root);
	person_init(&ed448, kit_ed("ED448"), "Edgar", KIT_MAIL, &root);
	person_init(&pss, kit_pss(NULL, 0), "Petra", KIT_MAIL_RSA, &root);
	person_init(
	    &strict, kit_pss("SHA256", 32), "Peter", KIT_MAIL_RSA, &root);
	person_init(&eve, kit_ec("P-256"), "Eve", KIT_MAIL, &root);
	kit_write_person("alice", &alice);
	kit_write_person("rsa", &rsa);
	kit_write_person("p384", &p384);
	kit_write_person("weak", &weak);
	kit_write_person("pss", &pss);
	kit_write_person("strict", &strict);
	kit_write_person("eve", &eve);
	kit_write_person("root", &root);
	kit_write("letter", span_str(LETTER));
	return 0;
}

static inline int
teardown(void **state)
{
	person_done(&root);
	person_done(&alice);
	person_done(&rsa);
	person_done(&p384);
	person_done(&weak);
	person_done(&ed);
	person_done(&ed448);
	person_done(&pss);
	person_done(&strict);
	person_done(&eve);
	kit_leave();
	return 0;
}

static inline void
sign_letter(const struct person *who, struct buf *der)
{
	struct sign *sign OWNED(sign_free) = NULL;

	assert_ok(sign_new(&who->identity, WHEN, &sign, &kit_err));
	assert_ok(sign_push(sign, span_str(LETTER), &kit_err));
	assert_ok(sign_close(sign, &kit_err));
	assert_ok(sign_finish(sign, der, &kit_err));
}

/* Push all of it in pieces, until one is refused. */
static inline enum rc
push_cms(struct verify *verify, struct span der, size_t step, struct buf *out)
{
	for (; der.len > 0; der = span_after(der, step))
		TRY(verify_push_cms(
		    verify, span_first(der, step), out, &kit_err));
	return RC_OK;
}

static inline enum rc
push_content(struct verify *verify, struct span text, size_t step)
{
	if (text.len == 0)
		return verify_push_content(verify, text, &kit_err);
	for (; text.len > 0; text = span_after(text, step))
		TRY(verify_push_content(
		    verify, span_first(text, step), &kit_err));
	return RC_OK;
}

/* `content` NULL: opaque. */
static inline enum rc
verify_bytes(struct span der, const char *content, bool content_first,
    struct buf *out, struct verify_result *ret)
{
	struct verify *verify OWNED(verify_free) = NULL;
	struct span text = content == NULL ? SPAN_NONE : span_str(content);

	assert_ok(verify_new(&verify, &kit_err));
	if (content != NULL && content_first)
		TRY(push_content(verify, text, 1000));
	TRY(push_cms(verify, der, 37, out));
	if (content != NULL && !content_first)
		TRY(push_content(verify, text, 5));
	return verify_finish(verify, ret, &kit_err);
}

/* One signer; NULL want: valid. */
static inline void
expect(struct span der, const char *content, const char *want)
{
	struct buf out BUF_OWNED = BUF_SMALL;

	for (int first = 0; first < 2; first++) {
		struct verify_result result VERIFY_RESULT_OWNED = {
		    .signers = 0};
		assert_rc(verify_bytes(der, content, first == 1, &out, &result),
		    RC_OK);
		assert_int_equal(result.signers, 1);
		const char *got = result.signer[0].reason;
		if ((got == NULL) != (want == NULL) ||
		    (want != NULL && strcmp(got, want) != 0))
			fail_msg("got %s, want %s", got == NULL ? "valid" : got,
			    want == NULL ? "valid" : want);
		assert_int_equal(result.signer[0].valid, want == NULL);
	}
}

#endif
