#include "cms/recipientkit_priv.h"

#include "cms/recipient_judge_priv.h"
#include "cms/seal.h"

OWNER(struct seal, seal_free);

/* One letter for everybody, old and new: each opens it alone. */
static void
one_letter_for_all_opens_for_each(void **state)
{
	static const enum seal_cipher ciphers[] = {SEAL_CHACHA20_POLY1305,
	    SEAL_AES128_GCM, SEAL_AES192_CBC, SEAL_AES256_CBC};

	for (size_t k = 0; k < sizeof(ciphers) / sizeof(*ciphers); k++) {
		struct seal *seal OWNED(seal_free) = NULL;
		struct buf der BUF_OWNED = BUF_SMALL;
		assert_ok(seal_new(ciphers[k], &seal, &kit_err));
		for (size_t i = 0; i < FORMS; i++)
			if (forms[i].own->cert != NULL)
				assert_ok(seal_add_way(seal, forms[i].own->cert,
				    &forms[i].way, &kit_err));
		assert_ok(
		    seal_add_kek(seal, own_kek.key_id, own_kek.kek, &kit_err));
		assert_ok(
		    seal_add_password(seal, own_password.password, &kit_err));
		assert_ok(seal_push(seal, span_str(LETTER), &der, &kit_err));
		assert_ok(seal_finish(seal, &der, &kit_err));
		kit_write("sealed", buf_span(&der));
		for (size_t i = 0; i < FORMS; i++)
			open_sealed(forms[i].own, RC_OK, forms[i].name);
		open_sealed(&own_password, RC_OK, "password");
	}
}

/* --- letters of others ------------------------------------------------------ */

static void
what_openssl_seals_we_open(void **state)
{
	static const struct {
		const char *options;
		const struct recipient_own *own;
	} table[] = {
	    {"-recip rsa.crt", &own_rsa},
	    {"-keyid -recip rsa.crt", &own_rsa},
	    {"-recip rsa.crt -keyopt rsa_padding_mode:oaep", &own_rsa},
	    {"-recip rsa.crt -keyopt rsa_padding_mode:oaep "
	     "-keyopt rsa_oaep_md:sha384",
		&own_rsa},
	    {"-recip rsa.crt -keyopt rsa_padding_mode:oaep "
	     "-keyopt rsa_oaep_md:sha512 -keyopt rsa_mgf1_md:sha1",
		&own_rsa},
	    {"-recip rsa.crt -keyopt rsa_padding_mode:oaep "
	     "-keyopt rsa_oaep_md:sha256 -keyopt rsa_oaep_label:0102030405",
		&own_rsa},
	    {"-recip alice.crt", &own_alice},
	    {"-keyid -recip alice.crt", &own_alice},
	    {"-recip alice.crt -des3-wrap", &own_alice},
	    {"-recip alice.crt -aes128-wrap", &own_alice},
	    {"-recip alice.crt -aes192-wrap", &own_alice},
	    {"-recip p384.crt -keyopt ecdh_kdf_md:sha384", &own_p384},
	    {"-recip p384.crt -keyopt ecdh_kdf_md:sha512 "
	     "-keyopt ecdh_cofactor_mode:1",
		&own_p384},
	    {"-recip p521.crt -keyopt ecdh_kdf_md:sha512", &own_p521},
	    {"-recip p521.crt -keyopt ecdh_kdf_md:sha1", &own_p521},
	    {"-secretkeyid 0102 -secretkey 3031323334353637383961626364656630"
	     "313233343536373839616263646566",
		&own_kek},
	    {"-pwri_password 'correct horse'", &own_password},
	};

	/* openssl cannot write a password beside GCM: that one is the last */
	for (size_t i = 0; i < 2 * sizeof(table) / sizeof(*table) - 1; i++) {
		if (kit_openssl("cms -encrypt -binary -in letter -outform DER "
				"-out sealed %s %s",
			i % 2 == 0 ? "-aes256" : "-aes-256-gcm -stream",
			table[i / 2].options) != 0)
			fail_msg("openssl: %s", table[i / 2].options);
		open_sealed(table[i / 2].own, RC_OK, table[i / 2].options);
	}
}

static void
what_python_seals_we_open(void **state)
{
	static const char *const ways[] = {
	    "x963-sha1 16 raw -",
	    "x963-sha256 32 raw -",
	    "x963-sha384 32 raw 00112233445566778899aabbccddeeff",
	    "x963-sha512 32 octets -",
	    "cofactor-sha256 32 raw -",
	    "hkdf-sha256 32 raw -",
	    "hkdf-sha256 16 octets 0011",
	    "hkdf-sha384 32 raw 00112233445566778899aabbccddeeff",
	    "hkdf-sha512 32 raw -",
	};

	for (size_t i = 0; i < 2 * sizeof(ways) / sizeof(*ways); i++) {
		bool small = i % 2 == 0;
		if (judge("seal sealed %s.crt %s letter",
			small ? "x25519" : "x448", ways[i / 2]) != 0)
			fail_msg("judge: %s", ways[i / 2]);
		open_sealed(
		    small ? &own_x25519 : &own_x448, RC_OK, ways[i / 2]);
	}
}

static void
an_all_zero_secret_opens_nothing(void **state)
{
	assert_int_equal(
	    judge("seal sealed x25519.crt hkdf-sha256 32 zero - letter"), 0);
	open_sealed(&own_x25519, RC_CRYPTO, "X25519");
	assert_int_equal(
	    judge("seal sealed x448.crt hkdf-sha512 32 zero - letter"), 0);
	open_sealed(&own_x448, RC_CRYPTO, "X448");
}

static void
a_senders_static_key_is_named(void **state)
{
	assert_int_equal(
	    judge("seal sealed x25519.crt hkdf-sha256 32 static - letter"), 0);
	open_sealed(&own_x25519, RC_UNFIT, "static");
	assert_non_null(strstr(kit_err.text, "static key"));
}

/* --- kinds we cannot open --------------------------------------------------- */

static void
what_we_cannot_open_is_named(void **state)
{
	static const struct {
		const struct form *form;
		const char *from, *to; /* of an OID: the same length */
		size_t len;
		const char *name;
	} table[] = {
	    {&forms[0], "\x0d\x01\x01\x01", "\x0d\x01\x01\x63", 4,
		"1.2.840.113549.1.1.99"},
	    {&forms[3], "\x03\x04\x02\x03", "\x03\x04\x02\x07", 4, "OAEP"},
	    {&forms[4], "\x81\x04\x01\x0b\x01", "\x81\x04\x01\x0b\x00", 5,
		"sha224kdf"},
	    {&forms[4], "\x65\x03\x04\x01\x2d", "\x65\x03\x04\x01\x30", 5,
		"wrap-pad"},
	    {&forms[8], "\x2b\x65\x6e", "\x2b\x65\x70", 3, "ED25519"},
	    {&forms[11], "\x65\x03\x04\x01\x2d", "\x65\x03\x04\x01\x30", 5,
		"wrap-pad"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		struct buf cek BUF_OWNED = BUF_SECRET(64);
		print_form(table[i].form, 32, &der);
		ptrdiff_t at = span_find(
		    buf_span(&der), span_of(table[i].from, table[i].len));
		assert_true(at > 0);
		memcpy(der.data + at, table[i].to, table[i].len);
		assert_rc(unwrap(buf_span(&der), table[i].form->own, 32, &cek),
		    RC_UNFIT);
		if (strstr(kit_err.text, table[i].name) == NULL)
			fail_msg("%s: %s", table[i].name, kit_err.text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_letter_for_all_opens_for_each),
	    cmocka_unit_test(what_openssl_seals_we_open),
	    cmocka_unit_test(what_python_seals_we_open),
	    cmocka_unit_test(an_all_zero_secret_opens_nothing),
	    cmocka_unit_test(a_senders_static_key_is_named),
	    cmocka_unit_test(what_we_cannot_open_is_named),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
