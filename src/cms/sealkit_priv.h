/* cms/sealkit -- people to seal for, and openssl as their mail program.
 *
 * Only included by tests.
 */
#ifndef CMS_SEALKIT_PRIV_H
#define CMS_SEALKIT_PRIV_H

#include "cms/testkit_priv.h"

#include "cms/seal.h"
#include "cms/tlv_priv.h"

OWNER(struct seal, seal_free);

#define LETTER "Content-Type: text/plain\r\n\r\nThe canary sings at noon.\r\n"

static struct person root, alice, rsa, p384, p521, x25519, x448, signer;

static inline int
setup(void **state)
{
	static const struct kit_extension sign_only[] = {
	    {NID_key_usage, "critical,digitalSignature"},
	    {NID_ext_key_usage, "emailProtection"},
	    {NID_subject_alt_name, "email:sam@example.org"}, {0, NULL}};

	kit_enter();
	person_init(&root, kit_ec("P-256"), "Test Root", KIT_CA, NULL);
	person_init(&alice, kit_ec("P-256"), "Alice", KIT_MAIL, &root);
	person_init(&rsa, kit_rsa(2048), "Rita", KIT_MAIL_RSA, &root);
	person_init(&p384, kit_ec("P-384"), "Tres", KIT_MAIL, &root);
	person_init(&p521, kit_ec("P-521"), "Quinta", KIT_MAIL, &root);
	person_init(&x25519, EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), "Xenia",
	    KIT_MAIL, &root);
	person_init(&x448, EVP_PKEY_Q_keygen(NULL, NULL, "X448"), "Xaver",
	    KIT_MAIL, &root);
	person_init(&signer, kit_ec("P-256"), "Sam", sign_only, &root);
	kit_write_person("alice", &alice);
	kit_write_person("rsa", &rsa);
	kit_write_person("p384", &p384);
	kit_write_person("p521", &p521);
	kit_write_person("x25519", &x25519);
	kit_write_person("x448", &x448);
	kit_write_person("root", &root);
	return 0;
}

static inline int
teardown(void **state)
{
	person_done(&root);
	person_done(&alice);
	person_done(&rsa);
	person_done(&p384);
	person_done(&p521);
	person_done(&x25519);
	person_done(&x448);
	person_done(&signer);
	kit_leave();
	return 0;
}

static inline void
seal_letter(
    enum seal_cipher cipher, struct span letter, size_t step, struct buf *der)
{
	struct seal *seal OWNED(seal_free) = NULL;

	assert_ok(seal_new(cipher, &seal, &kit_err));
	assert_ok(seal_add(seal, alice.cert, &kit_err));
	assert_ok(seal_add(seal, rsa.cert, &kit_err));
	assert_ok(seal_add(seal, p384.cert, &kit_err));
	for (; letter.len > 0; letter = span_after(letter, step))
		assert_ok(
		    seal_push(seal, span_first(letter, step), der, &kit_err));
	assert_ok(seal_finish(seal, der, &kit_err));
}

static inline void
openssl_opens_it_with(const char *who, struct span want)
{
	struct buf out BUF_OWNED = BUF((size_t)8 << 20);

	assert_int_equal(
	    kit_openssl("cms -decrypt -binary -inform DER -in sealed -recip "
			"%s.crt -inkey %s.key -out out",
		who, who),
	    0);
	kit_read("out", &out);
	assert_true(span_is(buf_span(&out), want));
}

static inline void
check_with_openssl(enum seal_cipher cipher, struct span letter, size_t step)
{
	struct buf der BUF_OWNED = BUF((size_t)8 << 20);
	const char *who[] = {"alice", "rsa", "p384"};

	seal_letter(cipher, letter, step, &der);
	kit_write("sealed", buf_span(&der));
	for (size_t i = 0; i < sizeof(who) / sizeof(*who); i++)
		openssl_opens_it_with(who[i], letter);
}

/* Somebody to seal for, as one of these. */
struct target {
	const char *name;
	const struct person *person;
	struct recipient_way way;
	const char *kek; /* text of 16, 24 or 32 bytes */
	const char *password;
};

static inline void
add_target(struct seal *seal, const struct target *target)
{
	if (target->person != NULL)
		assert_ok(seal_add_way(
		    seal, target->person->cert, &target->way, &kit_err));
	if (target->kek != NULL)
		assert_ok(seal_add_kek(seal, span_str("\x01\x02"),
		    span_str(target->kek), &kit_err));
	if (target->password != NULL)
		assert_ok(seal_add_password(
		    seal, span_str(target->password), &kit_err));
}

#endif
