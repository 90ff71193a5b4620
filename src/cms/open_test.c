#include "cms/testkit_priv.h"

#include "cms/open.h"
#include "cms/seal.h"
#include "cms/shape_priv.h"

OWNER(struct open, open_free);
OWNER(struct seal, seal_free);

#define LETTER "Content-Type: text/plain\r\n\r\nThe canary sings at noon.\r\n"
#define SECRET_TEXT "the letter was changed on the way"

static struct person root, alice, rsa, p384, eve;

static int
setup(void **state)
{
	kit_enter();
	person_init(&root, kit_ec("P-256"), "Test Root", KIT_CA, NULL);
	person_init(&alice, kit_ec("P-256"), "Alice", KIT_MAIL, &root);
	person_init(&rsa, kit_rsa(2048), "Rita", KIT_MAIL_RSA, &root);
	person_init(&p384, kit_ec("P-384"), "Tres", KIT_MAIL, &root);
	person_init(&eve, kit_ec("P-256"), "Eve", KIT_MAIL, &root);
	kit_write_person("alice", &alice);
	kit_write_person("rsa", &rsa);
	kit_write_person("p384", &p384);
	kit_write("letter", span_str(LETTER));
	return 0;
}

static int
teardown(void **state)
{
	person_done(&root);
	person_done(&alice);
	person_done(&rsa);
	person_done(&p384);
	person_done(&eve);
	kit_leave();
	return 0;
}

/* In pieces of `step` bytes but for the first, of `first`; each in memory of
 * its own, gone when the next one comes. */
static enum rc
push_in_pieces(struct open *open, struct span der, size_t first, size_t step,
    struct buf *plain)
{
	enum rc rc = RC_OK;

	for (size_t len = first; der.len > 0 && rc == RC_OK;
	     der = span_after(der, len), len = step) {
		struct span piece = span_first(der, len);
		uint8_t *copy = malloc(piece.len);
		memcpy(copy, piece.data, piece.len);
		rc = open_push(open, span_of(copy, piece.len), plain, &kit_err);
		free(copy);
	}
	return rc;
}

static enum rc
open_with(const struct person *who, struct span der, size_t step,
    struct buf *plain, struct open_result *ret)
{
	struct open *open OWNED(open_free) = NULL;

	assert_ok(open_new(&open, &kit_err));
	assert_ok(open_add(open, who->cert, &who->key, &kit_err));
	TRY(push_in_pieces(open, der, step, step, plain));
	return open_finish(open, plain, ret, &kit_err);
}

static void
seal_letter(const struct person *to, enum seal_cipher cipher, struct buf *der)
{
	struct seal *seal OWNED(seal_free) = NULL;

	assert_ok(seal_new(cipher, &seal, &kit_err));
	assert_ok(seal_add(seal, to->cert, &kit_err));
	assert_ok(seal_push(seal, span_str(LETTER), der, &kit_err));
	assert_ok(seal_finish(seal, der, &kit_err));
}

static void
opens_to_letter(const struct person *who, const struct buf *der,
    const char *cipher, bool authenticated)
{
	struct buf plain BUF_OWNED = BUF_SECRET(1 << 20);
	struct open_result result = {0};

	assert_ok(buf_add_str(&plain, "before ", &kit_err));
	assert_ok(open_with(who, buf_span(der), 11, &plain, &result));
	assert_true(span_is(buf_span(&plain), span_str("before " LETTER)));
	assert_string_equal(result.cipher, cipher);
	assert_int_equal(result.authenticated, authenticated);
	assert_int_equal(result.recipients, 1);
}

static void
stays_closed(const struct person *who, struct span der, enum rc want)
{
	struct buf plain BUF_OWNED = BUF_SECRET(1 << 20);
	struct open_result result = {"untouched", true, 99};

	enum rc rc = open_with(who, der, 1000, &plain, &result);
	assert_rc(rc, want);
	assert_string_equal(result.cipher, "untouched");
	assert_int_equal(result.recipients, 99);
}

static void
what_we_seal_we_open(void **state)
{
	const struct person *who[] = {&alice, &rsa, &p384};

	for (size_t i = 0; i < sizeof(who) / sizeof(*who); i++) {
		struct buf gcm BUF_OWNED = BUF_SMALL;
		struct buf cbc BUF_OWNED = BUF_SMALL;
		seal_letter(who[i], SEAL_AES256_GCM, &gcm);
		seal_letter(who[i], SEAL_AES256_CBC, &cbc);
		opens_to_letter(who[i], &gcm, "aes-256-gcm", true);
		opens_to_letter(who[i], &cbc, "aes-256-cbc", false);
	}
}

struct foreign {
	const char *name;
	const struct person *who;
	const char *options; /* of openssl cms -encrypt, with the recipient */
	const char *cipher;
	bool authenticated;
};

static void
what_openssl_seals_we_open(void **state)
{
#define EC "-recip alice.crt -keyopt ecdh_kdf_md:"
#define OAEP "-recip rsa.crt -keyopt rsa_padding_mode:oaep "
	const struct foreign table[] = {
	    {"RSA, CBC", &rsa, "-aes256 -recip rsa.crt", "aes-256-cbc", false},
	    {"RSA, 128", &rsa, "-aes128 -recip rsa.crt", "aes-128-cbc", false},
	    {"RSA, 192", &rsa, "-aes192 -recip rsa.crt", "aes-192-cbc", false},
	    {"RSA, 3DES", &rsa, "-des3 -recip rsa.crt", "des-ede3-cbc", false},
	    {"RSA, GCM", &rsa, "-aes-256-gcm -recip rsa.crt", "aes-256-gcm",
		true},
	    {"RSA, SKI", &rsa, "-aes-128-gcm -keyid -recip rsa.crt",
		"aes-128-gcm", true},
	    {"OAEP SHA-1", &rsa, "-aes128 " OAEP, "aes-128-cbc", false},
	    {"OAEP SHA-256", &rsa,
		"-aes-256-gcm " OAEP "-keyopt rsa_oaep_md:sha256",
		"aes-256-gcm", true},
	    {"EC, SHA-1 KDF", &alice, "-aes128 -recip alice.crt", "aes-128-cbc",
		false},
	    {"EC, SHA-256 KDF", &alice, "-aes256 " EC "sha256", "aes-256-cbc",
		false},
	    {"EC, SHA-384 KDF", &alice, "-aes192 " EC "sha384", "aes-192-cbc",
		false},
	    {"EC, SHA-512 KDF", &alice, "-aes-256-gcm " EC "sha512",
		"aes-256-gcm", true},
	    {"EC, cofactor", &alice,
		"-aes-256-gcm " EC "sha256 -keyopt ecdh_cofactor_mode:1",
		"aes-256-gcm", true},
	    {"EC, SKI", &alice, "-aes-128-gcm -keyid -recip alice.crt",
		"aes-128-gcm", true},
	    {"P-384", &p384, "-aes-256-gcm -recip p384.crt", "aes-256-gcm",
		true},
	    {"BER, indefinite", &rsa, "-aes256 -stream -recip rsa.crt",
		"aes-256-cbc", false},
	    {"BER, GCM", &alice, "-aes-256-gcm -stream -recip alice.crt",
		"aes-256-gcm", true},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		print_message("  %s\n", table[i].name);
		assert_int_equal(
		    kit_openssl("cms -encrypt -binary -in letter -outform DER "
				"-out sealed %s",
			table[i].options),
		    0);
		kit_read("sealed", &der);
		opens_to_letter(table[i].who, &der, table[i].cipher,
		    table[i].authenticated);
	}
}

static void
every_one_of_several_recipients_opens_it(void **state)
{
	struct seal *seal OWNED(seal_free) = NULL;
	struct buf der BUF_OWNED = BUF_SMALL;
	const struct person *who[] = {&alice, &rsa, &p384};

	assert_ok(seal_new(SEAL_AES256_GCM, &seal, &kit_err));
	for (size_t i = 0; i < 3; i++)
		assert_ok(seal_add(seal, who[i]->cert, &kit_err));
	assert_ok(seal_finish(seal, &der, &kit_err));
	for (size_t i = 0; i < 3; i++) {
		struct buf plain BUF_OWNED = BUF_SECRET(1 << 20);
		struct open_result result = {0};
		assert_ok(
		    open_with(who[i], buf_span(&der), 99, &plain, &result));
		assert_int_equal(plain.len, 0);
		assert_int_equal(result.recipients, 3);
	}
	stays_closed(&eve, buf_span(&der), RC_ABSENT);
}

static void
a_key_that_does_not_belong_to_the_certificate_opens_nothing(void **state)
{
	struct person mixed = alice, mixed_rsa = rsa;
	struct buf der BUF_OWNED = BUF_SMALL;
	struct person other;

	mixed.key.handle = eve.pkey;
	seal_letter(&alice, SEAL_AES256_CBC, &der);
	stays_closed(&mixed, buf_span(&der), RC_CRYPTO);
	buf_clear(&der);
	person_init(&other, kit_rsa(2048), "Other", KIT_MAIL_RSA, &root);
	mixed_rsa.key.handle = other.pkey;
	seal_letter(&rsa, SEAL_AES256_GCM, &der);
	stays_closed(&mixed_rsa, buf_span(&der), RC_CRYPTO);
	person_done(&other);
}

/* `der` must not open, whatever the reason. */
static void
never_opens(const struct person *who, struct span der, size_t at)
{
	struct buf plain BUF_OWNED = BUF_SECRET(1 << 20);
	struct open_result result = {0};

	enum rc rc = open_with(who, der, der.len + 1, &plain, &result);
	if (rc == RC_OK)
		fail_msg("opened with byte %zu changed", at);
	if (rc == RC_CRYPTO &&
	    strncmp(kit_err.text, SECRET_TEXT, strlen(SECRET_TEXT)) != 0)
		fail_msg(
		    "byte %zu has a text of its own: %s", at, kit_err.text);
}

static void
a_letter_cut_off_anywhere_never_opens(void **state)
{
	const struct person *who[] = {&alice, &rsa};

	for (size_t i = 0; i < 2; i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		seal_letter(who[i], SEAL_AES256_GCM, &der);
		for (size_t len = 0; len < der.len; len++)
			never_opens(
			    who[i], span_first(buf_span(&der), len), len);
	}
}

static void
a_letter_with_any_byte_changed_never_opens(void **state)
{
	const uint8_t masks[] = {0x01, 0x80, 0xff};
	const struct person *who[] = {&alice, &rsa};

	for (size_t i = 0; i < 2; i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		seal_letter(who[i], SEAL_AES256_GCM, &der);
		for (size_t at = 0; at < 3 * der.len; at++) {
			der.data[at / 3] ^= masks[at % 3];
			never_opens(who[i], buf_span(&der), at / 3);
			der.data[at / 3] ^= masks[at % 3];
		}
	}
}

static void
bytes_behind_the_letter_are_refused(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;

	seal_letter(&alice, SEAL_AES256_GCM, &der);
	assert_ok(buf_add_str(&der, "\r\n", &kit_err)); /* mail does this */
	opens_to_letter(&alice, &der, "aes-256-gcm", true);
	assert_ok(buf_add_str(&der, "x", &kit_err));
	stays_closed(&alice, buf_span(&der), RC_SYNTAX);
}

/* The sealed letter as a structure, to be changed and printed again. */
static struct shape_auth_info *
take_apart(const struct buf *der)
{
	void *value = NULL;

	assert_ok(shape_parse(ASN1_ITEM_rptr(SHAPE_AUTH_INFO), buf_span(der),
	    "AuthEnvelopedData", &value, &kit_err));
	return value;
}

static void
put_together(const struct shape_auth_info *info, struct buf *der)
{
	buf_clear(der);
	assert_ok(
	    shape_print(ASN1_ITEM_rptr(SHAPE_AUTH_INFO), info, der, &kit_err));
}

/* Other GCM parameters: the tag and the nonce cut to these lengths. */
static void
set_gcm_lengths(struct shape_auth_info *info, int tag_len, int nonce_len)
{
	uint8_t bytes[16];
	void *value = NULL;
	struct buf params BUF_OWNED = BUF_SMALL;
	const ASN1_TYPE *type = info->body->content->cipher->parameter;

	memcpy(bytes, info->body->mac->data, 16);
	ASN1_OCTET_STRING_set(info->body->mac, bytes, tag_len);
	assert_ok(shape_parse(ASN1_ITEM_rptr(SHAPE_GCM),
	    shape_span(type->value.sequence), "gcm", &value, &kit_err));
	struct shape_gcm *gcm = value;
	ASN1_INTEGER_set(gcm->tag_len, tag_len);
	memcpy(bytes, gcm->nonce->data, 12);
	ASN1_OCTET_STRING_set(gcm->nonce, bytes, nonce_len);
	assert_ok(
	    shape_print(ASN1_ITEM_rptr(SHAPE_GCM), gcm, &params, &kit_err));
	shape_free(ASN1_ITEM_rptr(SHAPE_GCM), gcm);
	ASN1_STRING_set(type->value.sequence, params.data, (int)params.len);
}

static void
a_shortened_tag_is_refused(void **state)
{
	for (int len = 0; len <= 16; len++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		seal_letter(&alice, SEAL_AES256_GCM, &der);
		struct shape_auth_info *info OWNED(shape_auth_info_free) =
		    take_apart(&der);
		set_gcm_lengths(info, len, 12);
		put_together(info, &der);
		/* 12 to 15 bytes are legal lengths, and a cut tag is right */
		if (len < 12)
			stays_closed(&alice, buf_span(&der), RC_SYNTAX);
		else
			opens_to_letter(&alice, &der, "aes-256-gcm", true);
	}
}

static void
a_short_nonce_is_refused(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;

	seal_letter(&alice, SEAL_AES256_GCM, &der);
	struct shape_auth_info *info OWNED(shape_auth_info_free) =
	    take_apart(&der);
	set_gcm_lengths(info, 16, 11);
	put_together(info, &der);
	stays_closed(&alice, buf_span(&der), RC_SYNTAX);
}

static void
gcm_made_into_cbc_does_not_open(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;
	uint8_t iv[16] = {0};

	seal_letter(&alice, SEAL_AES256_GCM, &der);
	struct shape_auth_info *info OWNED(shape_auth_info_free) =
	    take_apart(&der);
	ASN1_STRING *value = ASN1_STRING_type_new(V_ASN1_OCTET_STRING);
	ASN1_STRING_set(value, iv, sizeof(iv));
	X509_ALGOR_set0(info->body->content->cipher,
	    OBJ_nid2obj(NID_aes_256_cbc), V_ASN1_OCTET_STRING, value);
	put_together(info, &der);
	stays_closed(&alice, buf_span(&der), RC_UNFIT);
}

static void
authenticated_attributes_are_authenticated(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL, set BUF_OWNED = BUF_SMALL;
	STACK_OF(X509_ATTRIBUTE) *list OWNED(shape_attributes_free) = NULL;

	seal_letter(&alice, SEAL_AES256_GCM, &der);
	struct shape_auth_info *info OWNED(shape_auth_info_free) =
	    take_apart(&der);
	assert_true_ssl(X509at_add1_attr_by_NID(&list, NID_pkcs9_contentType,
	    V_ASN1_OBJECT, (void *)OBJ_nid2obj(NID_pkcs7_data), -1));
	assert_ok(shape_print(
	    ASN1_ITEM_rptr(SHAPE_ATTRIBUTES), list, &set, &kit_err));
	set.data[0] = 0xa1;
	info->body->authenticated = ASN1_STRING_type_new(V_ASN1_SEQUENCE);
	ASN1_STRING_set(info->body->authenticated, set.data, (int)set.len);
	put_together(info, &der);
	stays_closed(&alice, buf_span(&der), RC_CRYPTO);
}

static void
attributes_that_were_authenticated_are_accepted(void **state)
{
	/* made by hand: AES-256-GCM over LETTER with the SET OF as AAD */
	struct buf der BUF_OWNED = BUF_SMALL, set BUF_OWNED = BUF_SMALL;
	STACK_OF(X509_ATTRIBUTE) *list OWNED(shape_attributes_free) = NULL;
	uint8_t cek[32] = {7}, iv[12], out[sizeof(LETTER)], tag[16];
	int len = 0;

	seal_letter(&rsa, SEAL_AES256_GCM, &der);
	struct shape_auth_info *info OWNED(shape_auth_info_free) =
	    take_apart(&der);
	const ASN1_TYPE *type = info->body->content->cipher->parameter;
	memcpy(iv, type->value.sequence->data + 4, 12);
	assert_true_ssl(X509at_add1_attr_by_NID(&list, NID_pkcs9_contentType,
	    V_ASN1_OBJECT, (void *)OBJ_nid2obj(NID_pkcs7_data), -1));
	assert_ok(shape_print(
	    ASN1_ITEM_rptr(SHAPE_ATTRIBUTES), list, &set, &kit_err));
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	assert_true_ssl(
	    EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, cek, iv));
	assert_true_ssl(
	    EVP_EncryptUpdate(ctx, NULL, &len, set.data, (int)set.len));
	assert_true_ssl(EVP_EncryptUpdate(
	    ctx, out, &len, (const uint8_t *)LETTER, (int)strlen(LETTER)));
	assert_true_ssl(EVP_EncryptFinal_ex(ctx, out + len, &len));
	assert_true_ssl(
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag));
	EVP_CIPHER_CTX_free(ctx);
	uint8_t key[512];
	size_t key_len = sizeof(key);
	EVP_PKEY_CTX *pctx = EVP_PKEY_CTX_new(rsa.pkey, NULL);
	assert_true_ssl(EVP_PKEY_encrypt_init(pctx));
	assert_true_ssl(EVP_PKEY_encrypt(pctx, key, &key_len, cek, 32));
	EVP_PKEY_CTX_free(pctx);
	struct shape_recipient *r = OPENSSL_sk_value(info->body->recipients, 0);
	ASN1_OCTET_STRING_set(r->d.transport->encrypted_key, key, (int)key_len);
	ASN1_OCTET_STRING_set(
	    info->body->content->bytes, out, (int)strlen(LETTER));
	ASN1_OCTET_STRING_set(info->body->mac, tag, 16);
	set.data[0] = 0xa1;
	info->body->authenticated = ASN1_STRING_type_new(V_ASN1_SEQUENCE);
	ASN1_STRING_set(info->body->authenticated, set.data, (int)set.len);
	put_together(info, &der);
	opens_to_letter(&rsa, &der, "aes-256-gcm", true);
}

static void
what_is_no_envelope_is_named_so(void **state)
{
	stays_closed(&alice, SPAN_NONE, RC_SYNTAX);
	stays_closed(&alice, span_str("Good morning"), RC_SYNTAX);
	stays_closed(&alice, cert_der(alice.cert), RC_SYNTAX);
}

static void
an_unknown_cipher_is_named(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;

	assert_int_equal(
	    kit_openssl("cms -encrypt -binary -in letter -outform DER -out "
			"sealed -camellia256 -recip rsa.crt"),
	    0);
	kit_read("sealed", &der);
	stays_closed(&rsa, buf_span(&der), RC_UNFIT);
	assert_non_null(strstr(kit_err.text, "camellia"));
}

static void
an_unknown_key_scheme_is_named(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;

	seal_letter(&alice, SEAL_AES256_GCM, &der);
	struct shape_auth_info *info OWNED(shape_auth_info_free) =
	    take_apart(&der);
	struct shape_recipient *r = OPENSSL_sk_value(info->body->recipients, 0);
	X509_ALGOR_set0(r->d.agree->scheme,
	    OBJ_nid2obj(NID_dhSinglePass_stdDH_sha224kdf_scheme), V_ASN1_UNDEF,
	    NULL);
	put_together(info, &der);
	stays_closed(&alice, buf_span(&der), RC_UNFIT);
	assert_non_null(strstr(kit_err.text, "sha224"));
}

static void
a_letter_that_names_us_a_hundred_times_costs_sixteen_tries(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;

	seal_letter(&alice, SEAL_AES256_GCM, &der);
	struct shape_auth_info *info OWNED(shape_auth_info_free) =
	    take_apart(&der);
	struct shape_recipient *r = OPENSSL_sk_value(info->body->recipients, 0);
	struct shape_agree_key *good = OPENSSL_sk_pop(r->d.agree->keys);
	struct shape_agree_key *item = NULL;
	struct buf one BUF_OWNED = BUF_SMALL;
	assert_ok(
	    shape_print(ASN1_ITEM_rptr(SHAPE_AGREE_KEY), good, &one, &kit_err));
	for (int i = 0; i < 16; i++) { /* sixteen bad ones before it */
		void *value = NULL;
		assert_ok(shape_parse(ASN1_ITEM_rptr(SHAPE_AGREE_KEY),
		    buf_span(&one), "key", &value, &kit_err));
		item = value;
		item->encrypted_key->data[0] ^= 1;
		OPENSSL_sk_push(r->d.agree->keys, item);
	}
	OPENSSL_sk_push(r->d.agree->keys, good);
	put_together(info, &der);
	stays_closed(&alice, buf_span(&der), RC_CRYPTO);
	item = OPENSSL_sk_delete(r->d.agree->keys, 0);
	shape_free(ASN1_ITEM_rptr(SHAPE_AGREE_KEY), item);
	put_together(info, &der);
	struct buf plain BUF_OWNED = BUF_SECRET(1 << 20);
	struct open_result result = {0};
	assert_ok(open_with(&alice, buf_span(&der), 99, &plain, &result));
	assert_int_equal(result.recipients, 16);
}

static void *
another(const struct buf *recipient)
{
	void *value = NULL;

	assert_ok(shape_parse(ASN1_ITEM_rptr(SHAPE_RECIPIENT),
	    buf_span(recipient), "recipient", &value, &kit_err));
	return value;
}

static void
more_recipients_than_the_limit_are_refused(void **state)
{
	struct buf der BUF_OWNED = BUF((size_t)32 << 20);
	struct buf one BUF_OWNED = BUF_SMALL;

	seal_letter(&alice, SEAL_AES256_GCM, &der);
	struct shape_auth_info *info OWNED(shape_auth_info_free) =
	    take_apart(&der);
	OPENSSL_STACK *list = info->body->recipients;
	assert_ok(shape_print(ASN1_ITEM_rptr(SHAPE_RECIPIENT),
	    OPENSSL_sk_value(list, 0), &one, &kit_err));
	while (OPENSSL_sk_num(list) < 10000)
		OPENSSL_sk_push(list, another(&one));
	put_together(info, &der);
	struct buf plain BUF_OWNED = BUF_SECRET(1 << 20);
	struct open_result result = {0};
	assert_ok(open_with(&alice, buf_span(&der), 1 << 20, &plain, &result));
	assert_int_equal(result.recipients, 10000);
	OPENSSL_sk_push(list, another(&one));
	put_together(info, &der);
	stays_closed(&alice, buf_span(&der), RC_LIMIT);
}

static void
deep_nesting_is_refused(void **state)
{
	uint8_t deep[4000];

	/* EnvelopedData whose content is SEQUENCEs without end */
	static const uint8_t head[] = {0x30, 0x80, 0x06, 0x09, 0x2a, 0x86, 0x48,
	    0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03};
	memset(deep, 0, sizeof(deep));
	memcpy(deep, head, sizeof(head));
	for (size_t i = sizeof(head); i + 1 < sizeof(deep); i += 2) {
		deep[i] = 0x30;
		deep[i + 1] = 0x80;
	}
	stays_closed(&alice, span_of(deep, sizeof(deep)), RC_SYNTAX);
}

static void
too_small_a_quarantine_is_an_error(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;
	struct buf plain BUF_OWNED = BUF_SECRET(16);
	struct open_result result = {0};

	seal_letter(&alice, SEAL_AES256_GCM, &der);
	assert_rc(
	    open_with(&alice, buf_span(&der), 9999, &plain, &result), RC_LIMIT);
	assert_int_equal(plain.len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_we_seal_we_open),
	    cmocka_unit_test(what_openssl_seals_we_open),
	    cmocka_unit_test(every_one_of_several_recipients_opens_it),
	    cmocka_unit_test(
		a_key_that_does_not_belong_to_the_certificate_opens_nothing),
	    cmocka_unit_test(a_letter_cut_off_anywhere_never_opens),
	    cmocka_unit_test(a_letter_with_any_byte_changed_never_opens),
	    cmocka_unit_test(bytes_behind_the_letter_are_refused),
	    cmocka_unit_test(a_shortened_tag_is_refused),
	    cmocka_unit_test(a_short_nonce_is_refused),
	    cmocka_unit_test(gcm_made_into_cbc_does_not_open),
	    cmocka_unit_test(authenticated_attributes_are_authenticated),
	    cmocka_unit_test(attributes_that_were_authenticated_are_accepted),
	    cmocka_unit_test(what_is_no_envelope_is_named_so),
	    cmocka_unit_test(an_unknown_cipher_is_named),
	    cmocka_unit_test(an_unknown_key_scheme_is_named),
	    cmocka_unit_test(
		a_letter_that_names_us_a_hundred_times_costs_sixteen_tries),
	    cmocka_unit_test(more_recipients_than_the_limit_are_refused),
	    cmocka_unit_test(deep_nesting_is_refused),
	    cmocka_unit_test(too_small_a_quarantine_is_an_error),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
