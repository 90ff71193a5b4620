/* Of vault/unlock what takes its time: the programs that people have their
 * keys from, started one by one. */
#include "vault/importkit_priv.h"

/* ---- NSS, as in Thunderbird ----------------------------------------------------- */

#define NSS                                                         \
	"rm -rf nss; mkdir nss; certutil -N -d sql:nss "            \
	"--empty-password; " EXPORT                                 \
	"-name me -passout pass:x; pk12util -i f -d sql:nss -W x; " \
	"pk12util -o f -d sql:nss -n me -W '" UMLAUTS "' "

static void
what_nss_writes_is_read(void **state)
{
	static const struct sample samples[] = {
	    {"its default", NSS, UMLAUTS, 1, 1},
	    {"3DES and RC2",
		NSS "-c 'PKCS #12 V2 PBE With SHA-1 And 3KEY Triple DES-CBC' "
		    "-C 'PKCS #12 V2 PBE With SHA-1 And 40 Bit RC2 CBC'",
		UMLAUTS, 1, 1},
	};

	need("pk12util");
	for (size_t i = 0; i < COUNT(samples); i++)
		expect_read(&samples[i]);
	expect_refused(&samples[COUNT(samples) - 1]);
}

/* ---- GnuPG ------------------------------------------------------------------------ */

#define GPGSM                                                                  \
	"export GNUPGHOME=$PWD/gpg; rm -rf gpg; mkdir -m700 gpg; "             \
	"openssl req -x509 -newkey rsa:2048 -nodes -keyout g.key -subj /CN=g " \
	"-days 9 -out g.crt; openssl pkcs12 -export -legacy -inkey g.key "     \
	"-in g.crt -out g -passout pass:'" UMLAUTS "'; "                       \
	"printf '%s\\n' '" UMLAUTS "' >pw; "                                   \
	"g='gpgsm --batch --pinentry-mode loopback --passphrase-fd 3'; "       \
	"$g --import g 3<pw; $g -o f --yes "

static void
what_gnupg_writes_is_read(void **state)
{
	static const struct sample samples[] = {
	    {"PKCS#12",
		GPGSM "--export-secret-key-p12 CN=g 3<pw; s=$?; "
		      "gpgconf --kill gpg-agent; (exit $s)",
		UMLAUTS, 1, 1},
	    {"PKCS#12 in PEM",
		"export GNUPGHOME=$PWD/gpg; gpgsm --batch --pinentry-mode "
		"loopback --passphrase-fd 3 -o f --yes --armor "
		"--export-secret-key-p12 CN=g 3<pw; s=$?; "
		"gpgconf --kill gpg-agent; (exit $s)",
		UMLAUTS, 1, 1},
	};

	need("gpgsm");
	expect_samples(samples, COUNT(samples));
}

/* ---- Java -------------------------------------------------------------------------- */

/* It takes no passphrase with umlauts: "Password is not ASCII". */
#define KEYTOOL(option)                                                 \
	"rm -f f; k='keytool " option " -storetype PKCS12 -keystore f " \
	"-storepass secret'; g='-genkeypair -keyalg EC -groupname "     \
	"secp256r1'; "                                                  \
	"$k $g -alias a -dname CN=a && "

static void
what_java_writes_is_read(void **state)
{
	static const struct sample samples[] = {
	    {"two keys and one more certificate",
		KEYTOOL("") "$k $g -alias b -dname CN=b && $k -importcert "
			    "-noprompt -alias c -file root.crt",
		"secret", 2, 3},
	    {"of the old kind", KEYTOOL("-J-Dkeystore.pkcs12.legacy") ":",
		"secret", 1, 1},
	};

	need("keytool");
	expect_samples(samples, COUNT(samples));
}

static void
a_keystore_of_javas_own_is_refused_with_what_to_do(void **state)
{
	struct vault *vault OWNED(vault_free) = NULL;
	struct certs certs CERTS_OWNED = CERTS_NONE;
	struct err err = ERR_NONE;

	need("keytool");
	must_run("rm -f f; keytool -storetype JKS -keystore f -storepass "
		 "secret -importcert -noprompt -alias c -file root.crt");
	assert_int_equal(vault_new(&vault, NULL), RC_OK);
	assert_int_equal(import(vault, "f", "secret", &certs, &err), RC_UNFIT);
	assert_non_null(strstr(err.text, "-deststoretype pkcs12"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_nss_writes_is_read),
	    cmocka_unit_test(what_gnupg_writes_is_read),
	    cmocka_unit_test(what_java_writes_is_read),
	    cmocka_unit_test(
		a_keystore_of_javas_own_is_refused_with_what_to_do),
	};

	return cmocka_run_group_tests(tests, kit_begin, kit_end);
}
