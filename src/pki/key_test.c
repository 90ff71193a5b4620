/* The requests are judged by the openssl program.  The vault is a higher room;
 * here a key signs whatever it is given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "pki/crypto.h"
#include "pki/key.h"

static enum rc
sign_request(const struct key *key, struct span info, struct buf *signature,
    struct err *err)
{
	EVP_MD_CTX *ctx OWNED(EVP_MD_CTX_free) = EVP_MD_CTX_new();
	uint8_t bytes[1024];
	size_t len = sizeof(bytes);

	if (EVP_DigestSignInit(ctx, NULL, crypto_digest(key->public_key), NULL,
		key->handle) != 1 ||
	    EVP_DigestSign(ctx, bytes, &len, info.data, info.len) != 1)
		return crypto_failed(err, "signing");
	return buf_add(signature, span_of(bytes, len), err);
}

static enum rc
refuse_request(const struct key *key, struct span info, struct buf *signature,
    struct err *err)
{
	return err_set(err, RC_UNFIT, "no");
}

static const struct key_ops willing = {.sign_request = sign_request};
static const struct key_ops unwilling = {.sign_request = refuse_request};

static EVP_PKEY *
make(const char *kind)
{
	if (!strcmp(kind, "RSA"))
		return EVP_RSA_gen(2048);
	return kind[0] == 'P' ? EVP_EC_gen(kind)
			      : EVP_PKEY_Q_keygen(NULL, NULL, kind);
}

/* What `openssl req -verify -text` says about it; false: not valid. */
static bool
judge(struct span der, struct buf *text)
{
	char path[] = "/tmp/key_test.XXXXXX", command[200], piece[1000];
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, der.data, der.len), der.len);
	assert_int_equal(close(fd), 0);
	(void)snprintf(command, sizeof(command),
	    "openssl req -inform DER -in %s -verify -noout -text 2>&1", path);
	/* NOLINTNEXTLINE(cert-env33-c): a command of the test itself */
	FILE *out = popen(command, "r");
	assert_non_null(out);
	for (size_t got; (got = fread(piece, 1, sizeof(piece), out)) > 0;)
		assert_int_equal(
		    buf_add(text, span_of(piece, got), NULL), RC_OK);
	int status = pclose(out);
	assert_int_equal(unlink(path), 0);
	return status == 0 &&
	       span_find(buf_span(text), span_str("verify OK")) >= 0;
}

static void
openssl_verifies_the_request_and_reads_what_is_in_it(void **state)
{
	static const struct {
		const char *kind;
		enum key_purpose purpose;
		const char *usage, *algorithm;
	} cases[] = {
	    {"P-256", KEY_SIGN,
		"critical\n                    Digital "
		"Signature\n",
		"ecdsa-with-SHA256"},
	    {"P-256", KEY_DECRYPT,
		"critical\n                    Key "
		"Agreement\n",
		"ecdsa-with-SHA256"},
	    {"P-384", KEY_BOTH, "Digital Signature, Key Agreement\n",
		"ecdsa-with-SHA384"},
	    {"P-521", KEY_SIGN, "Digital Signature\n", "ecdsa-with-SHA512"},
	    {"RSA", KEY_DECRYPT,
		"critical\n                    Key "
		"Encipherment\n",
		"sha256WithRSAEncryption"},
	    /* RFC 4262: what is read with such a key */
	    {"P-256", KEY_DECRYPT, "S/MIME Capabilities:", "ecdsa-with-SHA256"},
	    {"RSA", KEY_BOTH, "S/MIME Capabilities:", "sha256"},
	    {"RSA", KEY_BOTH, "Digital Signature, Key Encipherment\n",
		"sha256WithRSAEncryption"},
	    {"ED25519", KEY_SIGN, "Digital Signature\n", "ED25519"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		EVP_PKEY *pair OWNED(EVP_PKEY_free) = make(cases[i].kind);
		struct key key = {&willing, pair, cases[i].purpose, pair};
		struct buf der BUF_OWNED = BUF_SMALL;
		struct buf text BUF_OWNED = BUF_SMALL;
		struct err err = ERR_NONE;
		enum rc rc = key_request(&key, "alice@example.org", &der, &err);
		if (rc != RC_OK)
			fail_msg("case %zu: %s", i, err.text);
		if (!judge(buf_span(&der), &text) ||
		    span_find(buf_span(&text),
			span_str("email:alice@example.org")) < 0 ||
		    span_find(buf_span(&text), span_str("Subject: \n")) < 0 ||
		    span_find(buf_span(&text), span_str(cases[i].usage)) < 0 ||
		    span_find(buf_span(&text), span_str(cases[i].algorithm)) <
			0)
			fail_msg(
			    "case %zu: %.*s", i, SPAN_ARGS(buf_span(&text)));
	}
}

/* About one signature in 256 ends in a zero byte, which an encoder of bit
 * strings may drop. */
static void
no_signature_loses_its_end(void **state)
{
	EVP_PKEY *pair OWNED(EVP_PKEY_free) = make("ED25519");
	struct key key = {&willing, pair, KEY_SIGN, pair};

	for (int i = 0; i < 2000; i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		char address[40];
		(void)snprintf(address, sizeof(address), "a%d@example.org", i);
		assert_int_equal(key_request(&key, address, &der, NULL), RC_OK);
		const uint8_t *at = der.data;
		X509_REQ *req OWNED(X509_REQ_free) =
		    d2i_X509_REQ(NULL, &at, (long)der.len);
		assert_non_null(req);
		assert_int_equal(X509_REQ_verify(req, pair), 1);
	}
}

static void
an_address_that_no_certificate_can_name_is_refused(void **state)
{
	static const char *const addresses[] = {"", "alice", "alice@",
	    "<alice@example.org>", "a@b@example.org", "alice@example.org\r\n",
	    "j\xc3\xb6rg@example.org"};
	EVP_PKEY *pair OWNED(EVP_PKEY_free) = make("P-256");
	struct key key = {&willing, pair, KEY_SIGN, pair};
	struct buf der BUF_OWNED = BUF_SMALL;

	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
		assert_int_equal(
		    key_request(&key, addresses[i], &der, NULL), RC_SYNTAX);
	assert_int_equal(der.len, 0);
}

static void
when_the_key_refuses_there_is_no_request(void **state)
{
	EVP_PKEY *pair OWNED(EVP_PKEY_free) = make("P-256");
	struct key key = {&unwilling, pair, KEY_SIGN, pair};
	struct buf der BUF_OWNED = BUF_SMALL;

	assert_int_equal(
	    key_request(&key, "alice@example.org", &der, NULL), RC_UNFIT);
	assert_int_equal(der.len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		openssl_verifies_the_request_and_reads_what_is_in_it),
	    cmocka_unit_test(no_signature_loses_its_end),
	    cmocka_unit_test(
		an_address_that_no_certificate_can_name_is_refused),
	    cmocka_unit_test(when_the_key_refuses_there_is_no_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
