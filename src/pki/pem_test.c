#include "pki/pem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define LENGTH(table) (sizeof(table) / sizeof((table)[0]))

#define KEY "-----BEGIN PRIVATE KEY-----\nAQID\n-----END PRIVATE KEY-----\n"
#define CERT "-----BEGIN CERTIFICATE-----\nBAU=\n-----END CERTIFICATE-----\n"
#define OLD_CERT                                   \
	"-----BEGIN X509 CERTIFICATE-----\nBg==\n" \
	"-----END X509 CERTIFICATE-----\n"

static BIO *
open_text(const char *text)
{
	BIO *in = BIO_new_mem_buf(text, -1);

	assert_non_null(in);
	return in;
}

static void
blocks_come_one_after_the_other(void **state)
{
	static const struct {
		const char *name, *data;
		bool is_cert;
	} want[] = {
	    {"PRIVATE KEY", "\1\2\3", false},
	    {"CERTIFICATE", "\4\5", true},
	    {"X509 CERTIFICATE", "\6", true},
	};
	BIO *in OWNED(BIO_free_all) =
	    open_text("text\n" KEY "subject=x\n" CERT OLD_CERT "end\n");
	struct pem_block end PEM_BLOCK_OWNED = {0};

	for (size_t i = 0; i < LENGTH(want); i++) {
		struct pem_block got PEM_BLOCK_OWNED = {0};
		assert_int_equal(pem_block_next(in, &got, NULL), RC_OK);
		assert_string_equal(got.name, want[i].name);
		assert_int_equal(got.len, strlen(want[i].data));
		assert_memory_equal(
		    got.data, want[i].data, strlen(want[i].data));
		assert_int_equal(pem_block_is_cert(&got), want[i].is_cert);
	}
	assert_int_equal(pem_block_next(in, &end, NULL), RC_ABSENT);
}

static void
a_damaged_block_is_not_the_end(void **state)
{
	static const char *const damaged[] = {
	    /* cut, another end, no base64 */
	    "-----BEGIN CERTIFICATE-----\nBAU=\n",
	    "-----BEGIN CERTIFICATE-----\nBAU=\n-----END PRIVATE KEY-----\n",
	    "-----BEGIN CERTIFICATE-----\nB!U=\n-----END CERTIFICATE-----\n",
	};

	for (size_t i = 0; i < LENGTH(damaged); i++) {
		BIO *in OWNED(BIO_free_all) = open_text(damaged[i]);
		struct pem_block got PEM_BLOCK_OWNED = {0};
		struct err err = ERR_NONE;
		assert_int_equal(pem_block_next(in, &got, &err), RC_SYNTAX);
		assert_string_equal(err.text, "damaged PEM text");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(blocks_come_one_after_the_other),
	    cmocka_unit_test(a_damaged_block_is_not_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
