/* The foreign judges are the programs that people have their keys from: what
 * they write is read here, and nothing else than what they wrote. */
#include "vault/importkit_priv.h"
#include "vault/unlock_priv.h"

/* ---- OpenSSL ------------------------------------------------------------------ */

#define OLD_PEM(cipher)                                                     \
	{                                                                   \
		"PEM with " cipher,                                         \
		    "openssl ec -provider legacy -provider default "        \
		    "-" cipher " -in sign.key -out f -passout pass:secret", \
		    "secret", 1, 0                                          \
	}

static void
what_openssl_writes_is_read(void **state)
{
	static const struct sample samples[] = {
	    {"umlauts, AES", EXPORT "-passout pass:'" UMLAUTS "'", UMLAUTS, 1,
		1},
	    {"umlauts, 3DES and RC2",
		EXPORT "-legacy -passout pass:'" UMLAUTS "'", UMLAUTS, 1, 1},
	    {"more than Latin-1", EXPORT "-legacy -passout pass:'" EURO "'",
		EURO, 1, 1},
	    {"umlauts of OpenSSL 1.0",
		EXPORT "-legacy -passout pass:'" UMLAUTS_TWICE "'", UMLAUTS, 1,
		1},
	    {"umlauts of a Latin-1 terminal",
		EXPORT "-legacy -passout pass:'" UMLAUTS_LATIN1 "'", UMLAUTS, 1,
		1},
	    {"the same, AES", EXPORT "-passout pass:'" UMLAUTS_LATIN1 "'",
		UMLAUTS, 1, 1},
	    {"the passphrase in Latin-1",
		EXPORT "-legacy -passout pass:'" UMLAUTS "'", UMLAUTS_LATIN1, 1,
		1},
	    {"a check with SHA-512", EXPORT "-macalg sha512 -passout pass:x",
		"x", 1, 1},
	    {"one round", EXPORT "-noiter -nomaciter -passout pass:x", "x", 1,
		1},
	    {"RC2 with 128 bits, no check",
		EXPORT "-legacy -keypbe PBE-SHA1-RC2-128 -nomac "
		       "-certpbe PBE-SHA1-RC4-128 -passout pass:x",
		"x", 1, 1},
	    {"AES-128, Camellia",
		EXPORT "-keypbe AES-128-CBC -certpbe CAMELLIA-256-CBC "
		       "-passout pass:x",
		"x", 1, 1},
	    {"certificates of others",
		EXPORT "-certfile root.crt -passout pass:x", "x", 1, 2},
	    {"a key only",
		"openssl pkcs12 -export -nocerts -inkey sign.key "
		"-out f -passout pass:x",
		"x", 1, 0},
	    {"certificates only",
		"openssl pkcs12 -export -nokeys -in sign.crt "
		"-out f -passout pass:x",
		"x", 0, 1},
	    {"scrypt",
		"openssl pkcs8 -topk8 -scrypt -in sign.key -out f "
		"-passout pass:secret",
		"secret", 1, 0},
	    {"PBES2 with SHA-1",
		"openssl pkcs8 -topk8 -v2 des3 -v2prf "
		"hmacWithSHA1 -in sign.key -out f "
		"-passout pass:secret",
		"secret", 1, 0},
	    {"PBES1 of PKCS#12",
		"openssl pkcs8 -topk8 -v1 PBE-SHA1-RC2-40 "
		"-provider legacy -provider default "
		"-in sign.key -out f -passout pass:secret",
		"secret", 1, 0},
	    OLD_PEM("des"),
	    OLD_PEM("des3"),
	    OLD_PEM("rc2"),
	    OLD_PEM("bf"),
	    OLD_PEM("aes-256-cbc"),
	    OLD_PEM("camellia128"),
	    OLD_PEM("seed"),
	    {"a key of Ed25519", "openssl genpkey -algorithm ed25519 -out f",
		"", 1, 0},
	    {"a key of X448", "openssl genpkey -algorithm x448 -out f", "", 1,
		0},
	    {"SEC 1 in DER", "openssl ec -in sign.key -outform DER -out f", "",
		1, 0},
	    {"PKCS#1 in DER",
		"openssl genrsa 2048 | openssl rsa -traditional "
		"-outform DER -out f",
		"", 1, 0},
	    {"PKCS#7 in PEM",
		"openssl crl2pkcs7 -nocrl -certfile sign.crt "
		"-certfile root.crt -out f",
		"", 0, 2},
	    {"PKCS#7 in DER",
		"openssl crl2pkcs7 -nocrl -certfile sign.crt "
		"-outform DER -out f",
		"", 0, 1},
	    {"a bundle with line ends of Windows, and PKCS#7 in it",
		"openssl crl2pkcs7 -nocrl -certfile sign.crt -out g; "
		"cat sign.key g | sed 's/$/\\r/' >f",
		"", 1, 1},
	};

	expect_samples(samples, COUNT(samples));
}

/* A passphrase that is given for a folder of files is given for those too
 * that have none. */
static void
a_passphrase_too_many_does_no_harm(void **state)
{
	static const struct sample samples[] = {
	    {"empty", EXPORT "-legacy -passout pass:", "secret", 1, 1},
	    {"empty, AES", EXPORT "-passout pass:", "secret", 1, 1},
	    {"plain", "cat sign.key >f", "secret", 1, 0},
	};

	for (size_t i = 0; i < COUNT(samples); i++)
		expect_read(&samples[i]);
}

/* ---- Python: cryptography, and files made by hand ----------------------------------- */

#define PYTHON                                                                \
	"/usr/bin/python3 -c \"\n"                                            \
	"import sys, hashlib, hmac\n"                                         \
	"from cryptography import x509\n"                                     \
	"from cryptography.hazmat.primitives import hashes\n"                 \
	"from cryptography.hazmat.primitives.serialization import *\n"        \
	"from cryptography.hazmat.primitives.serialization import pkcs12\n"   \
	"P = '" UMLAUTS "'.encode()\n"                                        \
	"read = lambda n: open(n, 'rb').read()\n"                             \
	"write = lambda b: open('f', 'wb').write(b)\n"                        \
	"key = load_pem_private_key(read('sign.key'), None)\n"                \
	"cert = x509.load_pem_x509_certificate(read('sign.crt'))\n"           \
	"def p12(e): write(pkcs12.serialize_key_and_certificates(b'a', key, " \
	"cert, None, e))\n"                                                   \
	"def built(pbe, mac): p12(PrivateFormat.PKCS12.encryption_builder()"  \
	".kdf_rounds(2000).key_cert_algorithm(pbe).hmac_hash(mac).build(P))\n"

static void
what_python_writes_is_read(void **state)
{
	static const struct sample samples[] = {
	    {"its best", PYTHON "p12(BestAvailableEncryption(P))\"", UMLAUTS, 1,
		1},
	    {"3DES",
		PYTHON "built(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC,"
		       " hashes.SHA1())\"",
		UMLAUTS, 1, 1},
	    {"AES-256",
		PYTHON "built(pkcs12.PBES.PBESv2SHA256AndAES256CBC,"
		       " hashes.SHA256())\"",
		UMLAUTS, 1, 1},
	    {"PKCS#8",
		PYTHON "write(key.private_bytes(Encoding.DER, "
		       "PrivateFormat.PKCS8, "
		       "BestAvailableEncryption(P)))\"",
		UMLAUTS, 1, 0},
	    {"PEM of the old kind",
		PYTHON "write(key.private_bytes(Encoding.PEM, "
		       "PrivateFormat.TraditionalOpenSSL, "
		       "BestAvailableEncryption(P)))\"",
		UMLAUTS, 1, 0},
	};

	expect_samples(samples, COUNT(samples));
}

/* DER, and the same in BER: indefinite lengths, strings in pieces. */
#define ASN1                                                                   \
	PYTHON                                                                 \
	"def size(n): return bytes([n]) if n < 128 else "                      \
	"bytes([128 + (n.bit_length() + 7) // 8]) + "                          \
	"n.to_bytes((n.bit_length() + 7) // 8, 'big')\n"                       \
	"def tlv(t, *v): v = b''.join(v); return bytes([t]) + size(len(v)) + " \
	"v\n"                                                                  \
	"def take(b):\n"                                                       \
	"    n, at = b[1], 2\n"                                                \
	"    if n > 127: at += n - 128; n = int.from_bytes(b[2:at], 'big')\n"  \
	"    return b[0], b[at:at + n], b[at + n:]\n"                          \
	"def each(b):\n"                                                       \
	"    while b:\n"                                                       \
	"        t, v, b = take(b)\n"                                          \
	"        yield t, v\n"                                                 \
	"def ber(b):\n"                                                        \
	"    out = b''\n"                                                      \
	"    for t, v in each(b):\n"                                           \
	"        if t & 32: out += bytes([t, 128]) + ber(v) + bytes(2)\n"      \
	"        elif t == 4 and len(v) > 60: out += bytes([36, 128]) + "      \
	"b''.join(tlv(4, v[i:i + 50]) for i in range(0, len(v), 50)) + "       \
	"bytes(2)\n"                                                           \
	"        else: out += tlv(t, v)\n"                                     \
	"    return out\n"

/* RFC 5958: the public key behind the private one, as Bouncy Castle writes it;
 * and the same once more, encrypted. */
#define VERSION_2                                                              \
	ASN1 "from cryptography.hazmat.primitives.asymmetric import ed25519\n" \
	     "raw = bytes(range(32))\n"                                        \
	     "pub = ed25519.Ed25519PrivateKey.from_private_bytes(raw)."        \
	     "public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)\n"     \
	     "b = tlv(48, tlv(2, b'\\x01'), tlv(48, tlv(6, bytes.fromhex("     \
	     "'2b6570'))), tlv(4, tlv(4, raw)), tlv(0x81, bytes(1) + pub))\n"

static void
keys_with_their_public_ones_are_read(void **state)
{
	static const struct sample samples[] = {
	    {"plain", VERSION_2 "write(b)\"", "", 1, 0},
	    {"encrypted",
		VERSION_2
		"from cryptography.hazmat.primitives.ciphers import Cipher, "
		"algorithms, modes\n"
		"salt, iv = b'saltsalt', bytes(16)\n"
		"k = hashlib.pbkdf2_hmac('sha1', P, salt, 99, 32)\n"
		"e = Cipher(algorithms.AES(k), modes.CBC(iv)).encryptor()\n"
		"n = 16 - len(b) % 16\n"
		"c = e.update(b + bytes([n]) * n) + e.finalize()\n"
		"o = lambda h: tlv(6, bytes.fromhex(h))\n"
		"kdf = tlv(48, o('2a864886f70d01050c'), tlv(48, tlv(4, salt), "
		"tlv(2, bytes([99]))))\n"
		"aes = tlv(48, o('60864801650304012a'), tlv(4, iv))\n"
		"write(tlv(48, tlv(48, o('2a864886f70d01050d'), tlv(48, kdf, "
		"aes)), tlv(4, c)))\"",
		UMLAUTS, 1, 0},
	};

	expect_samples(samples, COUNT(samples));
}

static void
ber_is_read_as_der(void **state)
{
	static const struct sample samples[] = {
	    {"AES",
		EXPORT "-passout pass:'" UMLAUTS "'; " ASN1
		       "write(ber(read('f')))\"",
		UMLAUTS, 1, 1},
	    {"3DES and RC2",
		EXPORT "-legacy -passout pass:'" UMLAUTS "'; " ASN1
		       "write(ber(read('f')))\"",
		UMLAUTS, 1, 1},
	    {"without a check",
		EXPORT "-nomac -passout pass:'" UMLAUTS "'; " ASN1
		       "write(ber(read('f')))\"",
		UMLAUTS, 1, 1},
	};

	expect_samples(samples, COUNT(samples));
}

/* The check of RFC 9579, put into a file of OpenSSL's without one. */
#define PBMAC1(prf, name, rounds, key_len) \
	PBMAC1_OVER(UMLAUTS, prf, name, rounds, key_len)
#define PBMAC1_OVER(inner, prf, name, rounds, key_len)                         \
	EXPORT "-nomac -passout pass:'" inner "'; " ASN1                       \
	       "oid = lambda h: bytes.fromhex(h)\n"                            \
	       "prf = tlv(48, oid('06082a864886f70d02" prf "'), tlv(5))\n"     \
	       "salt, n, size_ = b'salt' * 2, " rounds ", " key_len "\n"       \
	       "kdf = tlv(48, oid('06092a864886f70d01050c'), tlv(48, tlv(4, "  \
	       "salt), "                                                       \
	       "tlv(2, n.to_bytes(n.bit_length() // 8 + 1, 'big')), tlv(2, "   \
	       "bytes([size_])), prf))\n"                                      \
	       "alg = tlv(48, oid('06092a864886f70d01050e'), tlv(48, kdf, "    \
	       "prf))\n"                                                       \
	       "t, pfx, rest = take(read('f'))\n"                              \
	       "(a, version), (b, safe) = each(pfx)\n"                         \
	       "content = take(list(each(safe))[1][1])[1]\n"                   \
	       "k = hashlib.pbkdf2_hmac('" name                                \
	       "', P, salt, min(n, 2048), size_)\n"                            \
	       "mac = hmac.new(k, content, '" name "').digest()\n"             \
	       "write(tlv(48, tlv(a, version), tlv(b, safe), tlv(48, tlv(48, " \
	       "alg, "                                                         \
	       "tlv(4, mac)), tlv(4, b'NOT USED'), tlv(2, bytes([1])))))\""

static void
a_check_of_rfc_9579_is_read(void **state)
{
	static const struct sample samples[] = {
	    {"SHA-256", PBMAC1("09", "sha256", "2048", "32"), UMLAUTS, 1, 1},
	    {"SHA-512", PBMAC1("0b", "sha512", "2048", "64"), UMLAUTS, 1, 1},
	};

	expect_samples(samples, COUNT(samples));
}

/* ---- what is refused ------------------------------------------------------------------ */

/* 65537 rounds become 8323073. */
#define MORE_ROUNDS                                          \
	ASN1 "b = read('f').replace(bytes([2, 3, 1, 0, 1])," \
	     " bytes([2, 3, 127, 0, 1]))\nwrite(b)\""

static void
what_cannot_be_opened_says_why(void **state)
{
	static const struct {
		const char *name, *command;
		enum rc rc;
		const char *want;
	} cases[] = {
	    {"too many rounds of PBKDF2",
		"openssl pkcs8 -topk8 -iter 65537 -in sign.key -outform DER "
		"-out f -passout pass:x; " MORE_ROUNDS,
		RC_LIMIT, "wants 8323073 rounds"},
	    {"too many rounds of PBES1",
		EXPORT "-nomac -keypbe PBE-SHA1-3DES -certpbe NONE "
		       "-iter 65537 -passout pass:x; " MORE_ROUNDS,
		RC_LIMIT, "wants 8323073 rounds"},
	    {"too many rounds of the certificates",
		EXPORT "-nomac -keypbe NONE -certpbe PBE-SHA1-3DES "
		       "-iter 65537 -passout pass:x; " MORE_ROUNDS,
		RC_LIMIT, "wants 8323073 rounds"},
	    {"no rounds",
		"openssl pkcs8 -topk8 -iter 65537 -in sign.key -outform DER "
		"-out f -passout pass:x; " ASN1
		"write(read('f').replace(bytes([2, 3, 1, 0, 1]), "
		"bytes([2, 3, 255, 0, 1])))\"",
		RC_LIMIT, "wants -65535 rounds"},
	    {"too many rounds of the check",
		EXPORT "-iter 65537 -passout pass:x; " ASN1
		       "b = read('f'); write(b[:-3] + b'\\x7f' + b[-2:])\"",
		RC_LIMIT, "rounds"},
	    {"too many rounds of PBMAC1",
		PBMAC1("09", "sha256", "5000001", "32"), RC_LIMIT,
		"wants 5000001 rounds"},
	    {"a short key of PBMAC1", PBMAC1("09", "sha256", "2048", "19"),
		RC_UNFIT, "length"},
	    {"too much of scrypt",
		"openssl pkcs8 -topk8 -scrypt -scrypt_N 1024 -scrypt_r 8 "
		"-scrypt_p 700 -in sign.key -out f -passout pass:x",
		RC_LIMIT, "wants 5734400 rounds"},
	    {"PEM with a cipher nobody has",
		"openssl ec -aes128 -in sign.key -passout pass:x | "
		"sed s/AES-128-CBC/AES-128-XYZ/ >f",
		RC_UNFIT, "AES-128-XYZ"},
	    {"PEM with a cipher that is none for it",
		"openssl ec -aes128 -in sign.key -passout pass:x | "
		"sed s/AES-128-CBC/AES-128-GCM/ >f",
		RC_UNFIT, "AES-128-GCM"},
	    {"PEM with a short IV",
		"openssl ec -aes128 -in sign.key -passout pass:x | "
		"sed '/DEK/s/.$//' >f",
		RC_SYNTAX, "parameters"},
	    {"PEM with a header that nobody knows",
		"sed 's/^-----BEGIN EC.*/&\\nX-A: b\\n/; "
		"s/^-----BEGIN PRIVATE.*/&\\nX-A: b\\n/' sign.key >f",
		RC_UNFIT, "header"},
	    {"a key that is too long",
		ASN1 "i = lambda n: tlv(2, n.to_bytes(n.bit_length() // 8 + "
		     "1, 'big'))\n"
		     "write(tlv(48, *map(i, [0, 1 << 16384 | 1, 65537, 3, 5, "
		     "7, 1, 1, 1])))\"",
		RC_LIMIT, "16384 bits"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct vault *vault OWNED(vault_free) = NULL;
		struct certs certs CERTS_OWNED = CERTS_NONE;
		struct err err = ERR_NONE;
		must_run(cases[i].command);
		assert_int_equal(vault_new(&vault, NULL), RC_OK);
		enum rc got = import(vault, "f", "x", &certs, &err);
		if (got != cases[i].rc ||
		    strstr(err.text, cases[i].want) == NULL)
			fail_msg("%s: got %s (%s)", cases[i].name, rc_name(got),
			    err.text);
		assert_int_equal(vault->len + certs.len, 0);
	}
}

static void
a_part_with_a_passphrase_of_its_own_is_named_as_such(void **state)
{
	struct vault *vault OWNED(vault_free) = NULL;
	struct certs certs CERTS_OWNED = CERTS_NONE;
	struct err err = ERR_NONE;

	must_run(PBMAC1_OVER("other", "09", "sha256", "2048", "32"));
	assert_int_equal(vault_new(&vault, NULL), RC_OK);
	assert_int_equal(import(vault, "f", UMLAUTS, &certs, &err), RC_CRYPTO);
	assert_non_null(strstr(err.text, "another passphrase"));
	assert_int_equal(vault->len + certs.len, 0);
}

static void
the_work_for_one_file_is_limited(void **state)
{
	struct buf bytes BUF_OWNED = BUF_SMALL;
	char path[200];

	must_run("openssl pkcs8 -topk8 -iter 1000 -in sign.key -out f "
		 "-passout pass:x; cat f f >g");
	(void)snprintf(path, sizeof(path), "%s/g", folder);
	assert_int_equal(file_read(path, &bytes, NULL), RC_OK);
	for (int64_t less = 0; less <= 1; less++) {
		struct vault *vault OWNED(vault_free) = NULL;
		struct certs certs CERTS_OWNED = CERTS_NONE;
		assert_int_equal(vault_new(&vault, NULL), RC_OK);
		enum rc rc = import_limited(vault, buf_span(&bytes),
		    span_str("x"), &certs, 2000 - less, NULL);
		assert_int_equal(rc, less == 0 ? RC_OK : RC_LIMIT);
		assert_int_equal(vault->len, less == 0);
	}
}

static void
nobody_else_learns_the_old_ciphers(void **state)
{
	static const struct sample old = {
	    "RC2", EXPORT "-legacy -passout pass:x", "x", 1, 1};

	expect_read(&old);
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "RC2-40-CBC", NULL);
	assert_null(cipher);
}

static void
without_the_legacy_provider_an_old_file_says_what_to_do(void **state)
{
	static const char *const commands[] = {
	    EXPORT "-legacy -passout pass:x",
	    "openssl ec -provider legacy -provider default -rc2 -in sign.key "
	    "-out f -passout pass:x",
	    "openssl pkcs8 -topk8 -v1 PBE-MD5-DES -provider legacy -provider "
	    "default -in sign.key -out f -passout pass:x",
	};

	for (size_t i = 0; i < COUNT(commands); i++) {
		struct vault *vault OWNED(vault_free) = NULL;
		struct certs certs CERTS_OWNED = CERTS_NONE;
		struct err err = ERR_NONE;
		must_run(commands[i]);
		assert_int_equal(vault_new(&vault, NULL), RC_OK);
		assert_int_equal(setenv("OPENSSL_MODULES", folder, 1), 0);
		enum rc rc = import(vault, "f", "x", &certs, &err);
		assert_int_equal(unsetenv("OPENSSL_MODULES"), 0);
		if (rc != RC_UNFIT ||
		    strstr(err.text, "install its legacy provider") == NULL)
			fail_msg("%s: got %s (%s)", commands[i], rc_name(rc),
			    err.text);
	}
}

/* ---- every damage --------------------------------------------------------------------- */

static void
expect_nothing_else(struct span bytes, const EVP_PKEY *key)
{
	struct vault *vault OWNED(vault_free) = NULL;
	struct certs certs CERTS_OWNED = CERTS_NONE;

	assert_int_equal(vault_new(&vault, NULL), RC_OK);
	enum rc rc = vault_import(vault, bytes, span_str("x"), &certs, NULL);
	if (rc != RC_OK)
		assert_int_equal(vault->len + certs.len, 0);
	for (size_t i = 0; i < vault->len; i++)
		assert_int_equal(
		    EVP_PKEY_eq(vault->entry[i]->private_key, key), 1);
}

/* No damaged file yields another key than the one that was in it. */
static void
every_truncation_and_every_flipped_bit_is_refused_or_harmless(void **state)
{
	static const char *const commands[] = {
	    EXPORT "-noiter -nomaciter -passout pass:x",
	    ("openssl pkcs8 -topk8 -iter 1 -in sign.key -outform DER -out f "
	     "-passout pass:x"),
	    "openssl ec -aes128 -in sign.key -out f -passout pass:x",
	};

	for (size_t c = 0; c < COUNT(commands); c++) {
		struct vault *whole OWNED(vault_free) = NULL;
		struct certs certs CERTS_OWNED = CERTS_NONE;
		struct buf bytes BUF_OWNED = BUF_SMALL;
		char path[200];

		must_run(commands[c]);
		(void)snprintf(path, sizeof(path), "%s/f", folder);
		assert_int_equal(file_read(path, &bytes, NULL), RC_OK);
		assert_int_equal(vault_new(&whole, NULL), RC_OK);
		assert_int_equal(import(whole, "f", "x", &certs, NULL), RC_OK);
		const EVP_PKEY *key = whole->entry[0]->private_key;
		for (size_t i = 0; i < bytes.len; i += 3) {
			expect_nothing_else(
			    span_first(buf_span(&bytes), i), key);
			bytes.data[i] ^= (uint8_t)(1 << (i / 3 % 8));
			expect_nothing_else(buf_span(&bytes), key);
			bytes.data[i] ^= (uint8_t)(1 << (i / 3 % 8));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_openssl_writes_is_read),
	    cmocka_unit_test(a_passphrase_too_many_does_no_harm),
	    cmocka_unit_test(what_python_writes_is_read),
	    cmocka_unit_test(keys_with_their_public_ones_are_read),
	    cmocka_unit_test(ber_is_read_as_der),
	    cmocka_unit_test(a_check_of_rfc_9579_is_read),
	    cmocka_unit_test(what_cannot_be_opened_says_why),
	    cmocka_unit_test(
		a_part_with_a_passphrase_of_its_own_is_named_as_such),
	    cmocka_unit_test(the_work_for_one_file_is_limited),
	    cmocka_unit_test(nobody_else_learns_the_old_ciphers),
	    cmocka_unit_test(
		without_the_legacy_provider_an_old_file_says_what_to_do),
	    cmocka_unit_test(
		every_truncation_and_every_flipped_bit_is_refused_or_harmless),
	};

	return cmocka_run_group_tests(tests, kit_begin, kit_end);
}
