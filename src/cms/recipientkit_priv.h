/* cms/recipientkit -- somebody of every kind, to seal for and to open with.
 *
 * Only included by tests.
 */
#ifndef CMS_RECIPIENTKIT_PRIV_H
#define CMS_RECIPIENTKIT_PRIV_H

#include "cms/testkit_priv.h"

#include "cms/open.h"
#include "cms/print_priv.h"
#include "cms/recipient_priv.h"
#include "cms/tlv_priv.h"

OWNER(struct open, open_free);

/* A copy in a block of exactly its size, so that the sanitizer sees one byte
 * too many. */
#define EXACT __attribute__((cleanup(exact_free)))
static inline struct span
exact_copy(struct span bytes)
{
	uint8_t *copy = malloc(bytes.len > 0 ? bytes.len : 1);

	assert_non_null(copy);
	if (bytes.len > 0)
		memcpy(copy, bytes.data, bytes.len);
	return span_of(copy, bytes.len);
}

static inline void
exact_free(struct span *exact)
{
	free((void *)(uintptr_t)exact->data);
}

#define HAS_ML_KEM (OPENSSL_VERSION_NUMBER >= 0x30500000L)

#define LETTER "Content-Type: text/plain\r\n\r\nThe canary sings at noon.\r\n"
#define KEK "0123456789abcdef0123456789abcdef"
#define PASSWORD "correct horse"

static const uint8_t content_key[32] = "a content key of exactly 32 byte";

static struct person root, alice, rsa, p384, p521, x25519, x448;
static struct recipient_own own_alice, own_rsa, own_p384, own_p521, own_x25519,
    own_x448;
static const struct recipient_own own_kek = {
    .key_id = {(const uint8_t *)"\1\2", 2}, .kek = {(const uint8_t *)KEK, 32}};
__attribute__((unused)) static const struct recipient_own own_password = {
    .password = {(const uint8_t *)PASSWORD, sizeof(PASSWORD) - 1}};

static inline void
make_person(struct person *person, struct recipient_own *own, EVP_PKEY *key,
    const char *name, const struct kit_extension *list)
{
	person_init(person, key, name, list, &root);
	*own =
	    (struct recipient_own){.cert = person->cert, .key = &person->key};
}

#if HAS_ML_KEM
static struct person kem768, kem1024;
static struct recipient_own own_kem768, own_kem1024;

static inline void
make_kems(void)
{
	make_person(&kem768, &own_kem768,
	    EVP_PKEY_Q_keygen(NULL, NULL, "ML-KEM-768"), "Kim", KIT_MAIL_RSA);
	make_person(&kem1024, &own_kem1024,
	    EVP_PKEY_Q_keygen(NULL, NULL, "ML-KEM-1024"), "Kem", KIT_MAIL_RSA);
}

static inline void
forget_kems(void)
{
	person_done(&kem768);
	person_done(&kem1024);
}
#define KEM_FORMS                                 \
	{"ML-KEM-768", &own_kem768, {0}},         \
	{                                         \
		"ML-KEM-1024, SKI", &own_kem1024, \
		{                                 \
			.by_key_id = true         \
		}                                 \
	}
#else
#define make_kems()
#define forget_kems()
#define KEM_FORMS
#endif

static inline int
setup(void **state)
{
	kit_enter();
	person_init(&root, kit_ec("P-256"), "Test Root", KIT_CA, NULL);
	make_person(&alice, &own_alice, kit_ec("P-256"), "Alice", KIT_MAIL);
	make_person(&rsa, &own_rsa, kit_rsa(2048), "Rita", KIT_MAIL_RSA);
	make_person(&p384, &own_p384, kit_ec("P-384"), "Tres", KIT_MAIL);
	make_person(&p521, &own_p521, kit_ec("P-521"), "Quinta", KIT_MAIL);
	make_person(&x25519, &own_x25519,
	    EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), "Xenia", KIT_MAIL);
	make_person(&x448, &own_x448, EVP_PKEY_Q_keygen(NULL, NULL, "X448"),
	    "Xaver", KIT_MAIL);
	make_kems();
	kit_write_person("alice", &alice);
	kit_write_person("rsa", &rsa);
	kit_write_person("p384", &p384);
	kit_write_person("p521", &p521);
	kit_write_person("x25519", &x25519);
	kit_write_person("x448", &x448);
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
	person_done(&p521);
	person_done(&x25519);
	person_done(&x448);
	forget_kems();
	kit_leave();
	return 0;
}

/* --- one RecipientInfo, there and back -------------------------------------- */

struct form {
	const char *name;
	const struct recipient_own *own;
	struct recipient_way way;
};

__attribute__((unused)) static const struct form forms[] = {
    {"RSA v1.5", &own_rsa, {0}},
    {"RSA v1.5, SKI", &own_rsa, {.by_key_id = true}},
    {"OAEP SHA-1", &own_rsa, {RECIPIENT_RSA_OAEP_SHA1, NULL, false}},
    {"OAEP SHA-512", &own_rsa, {RECIPIENT_RSA_OAEP_SHA512, NULL, true}},
    {"P-256", &own_alice, {0}}, {"P-256, SKI", &own_alice, {.by_key_id = true}},
    {"P-384, SHA-1", &own_p384, {.kdf = "SHA1"}},
    {"P-521, HKDF", &own_p521, {.kdf = "HKDF-SHA384"}},
    {"X25519", &own_x25519, {0}},
    {"X25519, SKI, X9.63", &own_x25519, {0, "SHA384", true}},
    {"X448", &own_x448, {0}}, {"a symmetric key", &own_kek, {0}}, KEM_FORMS};
#define FORMS (sizeof(forms) / sizeof(*forms))
#define RSA_FORMS 2 /* the first: a wrong key cannot be told from a right one */

static inline void
print_form(const struct form *form, size_t key_len, struct buf *der)
{
	struct span cek = span_of(content_key, key_len);
	int version = -1;

	if (form->own->cert != NULL)
		assert_ok(recipient_print(
		    form->own->cert, &form->way, cek, der, &version, &kit_err));
	else if (form->own->kek.len > 0)
		assert_ok(recipient_print_kek(form->own->key_id, form->own->kek,
		    cek, der, &version, &kit_err));
	else
		assert_ok(recipient_print_password(
		    form->own->password, cek, der, &version, &kit_err));
}

/* RC_ABSENT: it does not name us. */
static inline enum rc
unwrap(struct span der, const struct recipient_own *own, size_t want,
    struct buf *cek)
{
	struct span exact EXACT = exact_copy(der);
	struct recipient_matches matches RECIPIENT_MATCHES_OWNED =
	    RECIPIENT_MATCHES_NONE;
	size_t count = 0;

	TRY(recipient_look(exact, own, 1, &matches, &count, &kit_err));
	if (matches.len == 0)
		return RC_ABSENT;
	TRY(recipient_check(&matches.item[0], &kit_err));
	return recipient_unwrap(&matches.item[0], want, cek, &kit_err);
}

/* The file "sealed". */
static inline void
open_sealed(const struct recipient_own *own, enum rc want, const char *name)
{
	struct buf der BUF_OWNED = BUF_SMALL;
	struct buf plain BUF_OWNED = BUF_SECRET(1 << 20);
	struct open *open OWNED(open_free) = NULL;
	struct open_result result = {0};

	kit_read("sealed", &der);
	assert_ok(open_new(&open, &kit_err));
	if (own->cert != NULL)
		assert_ok(open_add(open, own->cert, own->key, &kit_err));
	if (own->kek.len > 0)
		assert_ok(open_add_kek(open, own->key_id, own->kek, &kit_err));
	if (own->password.len > 0)
		assert_ok(open_add_password(open, own->password, &kit_err));
	enum rc rc = open_push(open, buf_span(&der), &plain, &kit_err);
	if (rc == RC_OK)
		rc = open_finish(open, &plain, &result, &kit_err);
	if (rc != want)
		fail_msg("%s: %s (%s)", name, rc_name(rc), kit_err.text);
	if (rc == RC_OK)
		assert_true(span_is(buf_span(&plain), span_str(LETTER)));
}

#endif
