#include "authority/signer.h"

#include "authority/keyfile.h"
#include "authority/testkit_priv.h"

OWNER(EVP_PKEY, EVP_PKEY_free);

static const uint8_t tbs[] = {0x30, 0x03, 0x02, 0x01, 0x2a};

static EVP_PKEY *
make_key(const char *kind)
{
	EVP_PKEY *key = strcmp(kind, "ED25519") == 0
			    ? EVP_PKEY_Q_keygen(NULL, NULL, kind)
			: strncmp(kind, "RSA", 3) == 0
			    ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA",
				  (size_t)strtoul(kind + 3, NULL, 10))
			    : EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind);

	assert_non_null(key);
	return key;
}

static void
write_public(const struct kit *kit, const struct signer *signer)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *bytes = NULL;

	assert_true(PEM_write_bio_PUBKEY(out, signer_public(signer)));
	long len = BIO_get_mem_data(out, &bytes);
	kit_write(kit, "public.pem", span_of(bytes, (size_t)len));
	BIO_free(out);
}

static void
openssl_verifies_the_signatures_of_each_kind_of_key(void **state)
{
	static const struct {
		const char *kind;
		const char *verify;
	} cases[] = {
	    {"P-256", "-rawin -digest sha256"},
	    {"P-384", "-rawin -digest sha384"},
	    {"P-521", "-rawin -digest sha512"},
	    {"RSA2048", "-rawin -digest sha256"},
	    {"ED25519", "-rawin"},
	};
	const struct kit *kit = *state;
	struct err err = ERR_NONE;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf signature BUF_OWNED = BUF_SMALL;
		struct signer *signer OWNED(signer_free) = NULL;
		EVP_PKEY *key OWNED(EVP_PKEY_free) = make_key(cases[i].kind);
		assert_done(signer_key(key, &signer, &err), err);
		struct span message = span_of(tbs, sizeof(tbs));
		assert_done(
		    signer_sign(signer, message, &signature, &err), err);
		kit_write(kit, "tbs", message);
		kit_write(kit, "signature", buf_span(&signature));
		write_public(kit, signer);
		assert_run(kit,
		    "openssl pkeyutl -verify -pubin -inkey public.pem %s "
		    "-in tbs -sigfile signature && printf x >>tbs && "
		    "! openssl pkeyutl -verify -pubin -inkey public.pem %s "
		    "-in tbs -sigfile signature",
		    cases[i].verify, cases[i].verify);
	}
}

static void
what_is_wrapped_is_tbs_algorithm_and_bits(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;
	struct buf signature BUF_OWNED = BUF_SMALL;
	struct signer *signer OWNED(signer_free) = NULL;
	EVP_PKEY *key OWNED(EVP_PKEY_free) = make_key("ED25519");
	const struct kit *kit = *state;
	struct err err = ERR_NONE;

	assert_done(signer_key(key, &signer, &err), err);
	struct span message = span_of(tbs, sizeof(tbs));
	assert_done(buf_add_str(&der, "before", &err), err);
	assert_done(signer_wrap(signer, message, &der, &err), err);
	assert_done(signer_sign(signer, message, &signature, &err), err);
	/* 5 + 7 + 3 + 64 octets */
	struct span got = span_after(buf_span(&der), 6);
	assert_bytes(span_first(got, 2), span_of("\x30\x4f", 2));
	assert_bytes(span_first(span_after(got, 2), 5), message);
	assert_bytes(span_first(span_after(got, 7), 7),
	    span_of("\x30\x05\x06\x03\x2b\x65\x70", 7));
	assert_bytes(
	    span_first(span_after(got, 14), 3), span_of("\x03\x41\x00", 3));
	assert_bytes(span_after(got, 17), buf_span(&signature));
	kit_write(kit, "wrapped", got);
	assert_run(kit, "openssl asn1parse -inform DER -in wrapped");
}

static void
what_does_not_fit_is_left_out_whole(void **state)
{
	struct signer *signer OWNED(signer_free) = NULL;
	EVP_PKEY *key OWNED(EVP_PKEY_free) = make_key("P-256");
	struct err err = ERR_NONE;

	assert_done(signer_key(key, &signer, &err), err);
	for (size_t room = 3; room < 60; room += 7) {
		struct buf der BUF_OWNED = BUF(room);
		assert_done(buf_add_str(&der, "ab", &err), err);
		assert_rc(
		    signer_wrap(signer, span_of(tbs, sizeof(tbs)), &der, &err),
		    RC_LIMIT);
		assert_span(buf_span(&der), "ab");
	}
}

static void
weak_and_strange_keys_are_refused(void **state)
{
	static const char *const kinds[] = {"RSA1024", "P-224", "secp256k1"};
	struct err err = ERR_NONE;

	for (size_t i = 0; i < COUNT(kinds); i++) {
		struct signer *signer OWNED(signer_free) = NULL;
		EVP_PKEY *key OWNED(EVP_PKEY_free) = make_key(kinds[i]);
		assert_rc(signer_key(key, &signer, &err), RC_UNFIT);
		assert_null(signer);
	}
}

static void
a_key_from_a_file_needs_its_passphrase(void **state)
{
	struct buf pem BUF_OWNED = BUF_SMALL;
	struct signer *signer OWNED(signer_free) = NULL;
	EVP_PKEY *key OWNED(EVP_PKEY_free) = make_key("P-384");
	struct err err = ERR_NONE;

	struct span passphrase = span_str(KIT_PASSPHRASE);
	assert_done(
	    keyfile_print(key, passphrase, KIT_ROUNDS, &pem, &err), err);
	assert_rc(signer_file(buf_span(&pem), span_str("wrong"), &signer, &err),
	    RC_REFUSED);
	assert_done(
	    signer_file(buf_span(&pem), passphrase, &signer, &err), err);
	assert_int_equal(EVP_PKEY_eq(signer_public(signer), key), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		openssl_verifies_the_signatures_of_each_kind_of_key),
	    cmocka_unit_test(what_is_wrapped_is_tbs_algorithm_and_bits),
	    cmocka_unit_test(what_does_not_fit_is_left_out_whole),
	    cmocka_unit_test(weak_and_strange_keys_are_refused),
	    cmocka_unit_test(a_key_from_a_file_needs_its_passphrase),
	};

	return cmocka_run_group_tests(tests, kit_make, kit_remove);
}
