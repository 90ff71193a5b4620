#include "cms/testkit_priv.h"

#include "cms/shape_priv.h"
#include "cms/sign.h"

OWNER(struct sign, sign_free);

#define LETTER "Content-Type: text/plain\r\n\r\nGood morning.\r\n"
#define WHEN 1795292280 /* 2026-11-21T20:18:00Z */

static struct person root, alice, rsa, p384, p521, ed25519, ed448;
static struct person pss, pss_strict; /* keys for PSS only */
static struct person mailbox;         /* to be encrypted for */

/* Checks a detached EdDSA signature with nothing of ours and nothing of
 * OpenSSL's CMS: judge.py SIGNATURE CONTENT CERTIFICATE DIGEST. */
static const char judge_py[] =
    "import hashlib, sys\n"
    "from cryptography import x509\n"
    "def tlv(b, i):\n"
    "    n, j = b[i + 1], i + 2\n"
    "    if n & 128:\n"
    "        j += n & 127\n"
    "        n = int.from_bytes(b[i + 2:j], 'big')\n"
    "    return b[i], b[j:j + n], b[i:j + n]\n"
    "def parts(b):\n"
    "    out, i = [], 0\n"
    "    while i < len(b):\n"
    "        out.append(tlv(b, i))\n"
    "        i += len(out[-1][2])\n"
    "    return out\n"
    "sig, text, pem = (open(f, 'rb').read() for f in sys.argv[1:4])\n"
    "body = parts(parts(parts(parts(sig)[0][1])[1][1])[0][1])\n"
    "info = parts(parts(body[-1][1])[0][1])\n"
    "version, sid, digest, attrs, alg, value = info[:6]\n"
    "want = {'sha512': '300b0609608648016503040203',\n"
    "        'shake256': '300f060960864801650304021202020200'}\n"
    "assert digest[2].hex() == want[sys.argv[4]], digest[2].hex()\n"
    "assert parts(body[1][1])[0][2] == digest[2]\n"
    "h = hashlib.sha512(text).digest() if sys.argv[4] == 'sha512' "
    "else hashlib.shake_256(text).digest(64)\n"
    "assert bytes.fromhex('06092a864886f70d010904') in attrs[2]\n"
    "assert b'\\x04\\x40' + h in attrs[2]\n"
    "assert alg[2].hex() in ('300506032b6570', '300506032b6571')\n"
    "assert alg[2][2:] in attrs[2], 'CMSAlgorithmProtection'\n"
    "key = x509.load_pem_x509_certificate(pem).public_key()\n"
    "key.verify(value[1], b'\\x31' + attrs[2][1:])\n";

static int
setup(void **state)
{
	kit_enter();
	person_init(&root, kit_ec("P-256"), "Test Root", KIT_CA, NULL);
	person_init(&alice, kit_ec("P-256"), "Alice", KIT_MAIL, &root);
	person_init(&rsa, kit_rsa(2048), "Rita", KIT_MAIL_RSA, &root);
	person_init(&p384, kit_ec("P-384"), "Tres", KIT_MAIL, &root);
	person_init(&p521, kit_ec("P-521"), "Cinco", KIT_MAIL, &root);
	person_init(&ed25519, kit_ed("ED25519"), "Edith", KIT_MAIL, &root);
	person_init(&ed448, kit_ed("ED448"), "Edgar", KIT_MAIL, &root);
	person_init(&pss, kit_pss(NULL, 0), "Petra", KIT_MAIL_RSA, &root);
	person_init(
	    &pss_strict, kit_pss("SHA512", 64), "Peter", KIT_MAIL_RSA, &root);
	person_init(&mailbox, kit_ec("P-256"), "Box", KIT_MAIL, &root);
	kit_write_person("root", &root);
	kit_write_person("ed25519", &ed25519);
	kit_write_person("ed448", &ed448);
	kit_write("judge.py", span_str(judge_py));
	kit_write("letter", span_str(LETTER));
	kit_write("other", span_str(LETTER "."));
	return 0;
}

static int
teardown(void **state)
{
	person_done(&root);
	person_done(&alice);
	person_done(&rsa);
	person_done(&p384);
	person_done(&p521);
	person_done(&ed25519);
	person_done(&ed448);
	person_done(&pss);
	person_done(&pss_strict);
	person_done(&mailbox);
	kit_leave();
	return 0;
}

/* Sign LETTER in pieces of `step`. */
static void
sign_with(const struct person *who, const struct sign_options *options,
    size_t step, struct buf *der)
{
	struct sign *sign OWNED(sign_free) = NULL;
	struct span rest = span_str(LETTER);

	assert_ok(
	    sign_new_with(&who->identity, WHEN, options, &sign, &kit_err));
	for (; rest.len > 0; rest = span_after(rest, step))
		assert_ok(sign_push(sign, span_first(rest, step), &kit_err));
	assert_ok(sign_close(sign, &kit_err));
	assert_ok(sign_finish(sign, der, &kit_err));
}

static void
sign_letter(const struct person *who, size_t step, struct buf *der)
{
	sign_with(who, NULL, step, der);
}

static int
judge(const struct buf *der, const char *letter)
{
	kit_write("sig", buf_span(der));
	return kit_openssl("cms -verify -binary -inform DER -in sig -content "
			   "%s -CAfile root.crt -purpose any -out out",
	    letter);
}

static void
openssl_verifies_what_we_sign_with_every_kind_of_key(void **state)
{
	const struct person *who[] = {
	    &alice, &rsa, &p384, &p521, &pss, &pss_strict};

	for (size_t i = 0; i < sizeof(who) / sizeof(*who); i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		sign_letter(who[i], 7, &der);
		assert_int_equal(judge(&der, "letter"), 0);
		assert_int_not_equal(judge(&der, "other"), 0);
	}
}

static bool
print_has(const struct buf *der, const char *text)
{
	kit_write("sig", buf_span(der));
	assert_int_equal(
	    kit_openssl("cms -cmsout -print -inform DER -in sig"), 0);
	return kit_has("said", text);
}

static void
openssl_verifies_pss(void **state)
{
	const struct sign_options options = {.padding = SIGN_PSS};
	struct buf der BUF_OWNED = BUF_SMALL;

	sign_with(&rsa, &options, 100, &der);
	assert_int_equal(judge(&der, "letter"), 0);
	assert_true(print_has(&der, "rsassaPss"));
	buf_clear(&der);
	/* the padding is RSA's only */
	sign_with(&alice, &options, 100, &der);
	assert_int_equal(judge(&der, "letter"), 0);
	buf_clear(&der);
	/* what the key demands: SHA-512 throughout */
	sign_with(&pss_strict, NULL, 100, &der);
	assert_true(print_has(&der, "sha512"));
	assert_false(print_has(&der, "algorithm: sha256"));
}

static void
a_key_that_cannot_do_pss_is_refused(void **state)
{
	static const struct key_ops old = {.sign_attributes = kit_sign};
	const struct sign_options options = {.padding = SIGN_PSS};
	struct sign *sign OWNED(sign_free) = NULL;
	struct person who = rsa;

	who.key.ops = &old;
	who.identity.key = &who.key;
	assert_rc(sign_new_with(&who.identity, WHEN, &options, &sign, &kit_err),
	    RC_UNFIT);
}

static void
python_verifies_edwards_curves(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;

	sign_letter(&ed25519, 9, &der);
	kit_write("sig", buf_span(&der));
	assert_int_equal(
	    kit_python("judge.py", "sig letter ed25519.crt sha512"), 0);
	assert_int_not_equal(
	    kit_python("judge.py", "sig other ed25519.crt sha512"), 0);
	buf_clear(&der);
	sign_letter(&ed448, 9, &der);
	kit_write("sig", buf_span(&der));
	assert_int_equal(
	    kit_python("judge.py", "sig letter ed448.crt shake256"), 0);
	assert_int_not_equal(
	    kit_python("judge.py", "sig letter ed25519.crt shake256"), 0);
}

static void
the_key_identifier_names_the_signer_on_demand(void **state)
{
	static const struct kit_extension bare[] = {
	    {NID_key_usage, "critical,digitalSignature"}, {0, NULL}};
	const struct sign_options options = {.by_key_id = true};
	struct buf der BUF_OWNED = BUF_SMALL;
	struct sign *sign OWNED(sign_free) = NULL;
	struct person nobody;

	sign_with(&alice, &options, 100, &der);
	assert_int_equal(judge(&der, "letter"), 0);
	assert_true(print_has(&der, "d.subjectKeyIdentifier"));
	assert_true(print_has(&der, "version: 3"));
	assert_false(print_has(&der, "version: 1"));
	person_init(&nobody, kit_ec("P-256"), "Nobody", bare, &root);
	assert_rc(
	    sign_new_with(&nobody.identity, WHEN, &options, &sign, &kit_err),
	    RC_UNFIT);
	person_done(&nobody);
}

static void
several_people_sign_one_letter(void **state)
{
	const struct person *more[] = {&rsa, &p384, &p521};
	const struct sign_options options = {.padding = SIGN_PSS};
	struct buf der BUF_OWNED = BUF_SMALL;
	struct sign *sign OWNED(sign_free) = NULL;

	assert_ok(sign_new(&alice.identity, WHEN, &sign, &kit_err));
	assert_string_equal(sign_micalg(sign), "sha-256");
	for (size_t i = 0; i < 3; i++)
		assert_ok(sign_add_signer(
		    sign, &more[i]->identity, &options, &kit_err));
	assert_string_equal(sign_micalg(sign), "sha-256,sha-384,sha-512");
	assert_rc(
	    sign_add_signer(sign, &pss.identity, &options, &kit_err), RC_LIMIT);
	assert_ok(sign_push(sign, span_str(LETTER), &kit_err));
	assert_ok(sign_close(sign, &kit_err));
	assert_ok(sign_finish(sign, &der, &kit_err));
	/* openssl wants every one of them to be valid */
	assert_int_equal(judge(&der, "letter"), 0);
	assert_int_not_equal(judge(&der, "other"), 0);
	assert_int_equal(kit_openssl("cms -verify -binary -inform DER -in sig "
				     "-content letter -CAfile root.crt "
				     "-purpose any -signer who -out out"),
	    0);
	assert_int_equal(
	    kit_openssl("crl2pkcs7 -nocrl -certfile who -out all"), 0);
	assert_int_equal(kit_openssl("pkcs7 -in all -print_certs -noout"), 0);
	assert_true(kit_has("said", "Rita") && kit_has("said", "Tres") &&
		    kit_has("said", "Cinco") && kit_has("said", "Alice"));
}

static void
the_certificate_to_encrypt_for_is_named_and_travels(void **state)
{
	const struct sign_options options = {.encrypt_cert = mailbox.cert};
	struct buf der BUF_OWNED = BUF_SMALL;

	sign_letter(&alice, 100, &der);
	assert_false(print_has(&der, "id-smime-aa-encrypKeyPref"));
	buf_clear(&der);
	sign_with(&alice, &options, 100, &der);
	assert_int_equal(judge(&der, "letter"), 0);
	assert_true(span_find(buf_span(&der), cert_der(mailbox.cert)) >= 0);
	assert_true(print_has(&der, "id-smime-aa-encrypKeyPref"));
	/* [0] IMPLICIT issuerAndSerialNumber, as OpenSSL prints one */
	struct shape_signer_id id = {0};
	struct buf want BUF_OWNED = BUF_SMALL;
	assert_ok(shape_set_serial(&id, cert_x509(mailbox.cert), &kit_err));
	assert_ok(shape_print(ASN1_ITEM_rptr(SHAPE_ISSUER_SERIAL),
	    id.d.by_serial, &want, &kit_err));
	shape_free(ASN1_ITEM_rptr(SHAPE_ISSUER_SERIAL), id.d.by_serial);
	want.data[0] = 0xa0;
	assert_true(span_find(buf_span(&der), buf_span(&want)) >= 0);
}

static void
a_certificate_is_sent_along_once(void **state)
{
	struct cert *item[SIGN_CERTS_MAX + 1];
	struct certs chain = {item, SIGN_CERTS_MAX + 1};
	struct buf one BUF_OWNED = BUF_SMALL, der BUF_OWNED = BUF_SMALL;
	struct person with = alice;

	for (size_t i = 0; i < chain.len; i++)
		item[i] = i % 2 ? alice.cert : root.cert;
	with.identity.chain = &chain;
	sign_letter(&with, 100, &der);
	chain.len = 1;
	sign_letter(&with, 100, &one);
	assert_true(der.len < one.len + 20); /* the signatures differ */
	assert_int_equal(judge(&der, "letter"), 0);
}

static void
more_certificates_than_the_limit_are_refused(void **state)
{
	struct certs chain CERTS_OWNED = CERTS_NONE;
	struct person with = alice;

	with.identity.chain = &chain;
	for (int i = 0; i <= SIGN_CERTS_MAX; i++) {
		struct cert *cert OWNED(cert_free) =
		    kit_cert(alice.pkey, "More", KIT_MAIL, &root);
		struct sign *sign OWNED(sign_free) = NULL;
		struct buf der BUF_OWNED = BUF_SMALL;
		assert_ok(sign_new(&with.identity, WHEN, &sign, &kit_err));
		assert_ok(sign_close(sign, &kit_err));
		/* and her own */
		assert_rc(sign_finish(sign, &der, &kit_err),
		    i < SIGN_CERTS_MAX ? RC_OK : RC_LIMIT);
		assert_int_equal(der.len == 0, i == SIGN_CERTS_MAX);
		assert_ok(certs_add(&chain, cert, &kit_err));
	}
}

static void
the_time_is_printed_as_its_year_wants(void **state)
{
	const struct {
		int64_t when;
		const char *want;
	} table[] = {
	    {WHEN, "UTCTIME           :261121201800Z"},
	    {2524607999, "UTCTIME           :491231235959Z"},
	    {2524608000, "GENERALIZEDTIME   :20500101000000Z"},
	    {-631152000, "UTCTIME           :500101000000Z"},
	    {-631152001, "GENERALIZEDTIME   :19491231235959Z"},
	    {0, "UTCTIME           :700101000000Z"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		struct sign *sign OWNED(sign_free) = NULL;
		assert_ok(
		    sign_new(&alice.identity, table[i].when, &sign, &kit_err));
		assert_ok(sign_close(sign, &kit_err));
		assert_ok(sign_finish(sign, &der, &kit_err));
		kit_write("sig", buf_span(&der));
		assert_int_equal(
		    kit_openssl("asn1parse -inform DER -in sig"), 0);
		if (!kit_has("said", table[i].want))
			fail_msg("want %s", table[i].want);
	}
	struct sign *sign OWNED(sign_free) = NULL;
	assert_ok(sign_new(&alice.identity, INT64_MAX, &sign, &kit_err));
	assert_rc(sign_close(sign, &kit_err), RC_UNFIT);
}

static void
one_token_more_than_the_limit_is_refused(void **state)
{
	struct buf token BUF_OWNED = BUF_SMALL, der BUF_OWNED = BUF_SMALL;
	struct sign *sign OWNED(sign_free) = NULL;

	sign_letter(&rsa, 100, &token);
	assert_ok(sign_new(&alice.identity, WHEN, &sign, &kit_err));
	assert_ok(sign_push(sign, span_str(LETTER), &kit_err));
	assert_ok(sign_close(sign, &kit_err));
	for (int i = 0; i <= SIGN_TOKENS_MAX; i++)
		assert_rc(sign_add_token(sign, buf_span(&token), &kit_err),
		    i < SIGN_TOKENS_MAX ? RC_OK : RC_LIMIT);
	assert_ok(sign_finish(sign, &der, &kit_err));
	assert_int_equal(judge(&der, "letter"), 0);
}

static void
capabilities_are_well_formed(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;
	const char *want[] = {"aes-256-gcm", "1.2.840.113549.1.9.16.3.18",
	    "aes-128-gcm", "aes-256-cbc", "aes-192-cbc", "aes-128-cbc",
	    "dhSinglePass-stdDH-sha256kdf-scheme", "id-aes256-wrap",
	    "id-aes128-wrap"};

	sign_letter(&alice, 100, &der);
	kit_write("sig", buf_span(&der));
	assert_int_equal(kit_openssl("asn1parse -inform DER -in sig"), 0);
	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++)
		if (!kit_has("said", want[i]) && i != 1)
			fail_msg("want %s", want[i]);
	assert_true(kit_has("said", "id-smime-alg-CHACHA20") ||
		    kit_has("said", want[1]));
}

static void
a_changed_letter_is_refused_by_openssl(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;

	sign_letter(&alice, 100, &der);
	kit_write("changed", span_str(LETTER "."));
	assert_int_not_equal(judge(&der, "changed"), 0);
}

static void
the_attributes_are_those_the_header_promises(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;
	const char *want[] = {"contentType", "messageDigest", "signingTime",
	    "Nov 21 20:18:00 2026", "S/MIME Capabilities", "aes-256-gcm",
	    "id-smime-aa-signingCertificateV2", "1.2.840.113549.1.9.52",
	    "sha256", "ecdsa-with-SHA256"};

	sign_letter(&alice, 100, &der);
	kit_write("sig", buf_span(&der));
	assert_int_equal(
	    kit_openssl("cms -cmsout -print -inform DER -in sig"), 0);
	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++)
		if (!kit_has("said", want[i]))
			fail_msg("want %s in the attributes", want[i]);
}

static void
openssl_accepts_our_signing_certificate_attribute(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;

	sign_letter(&alice, 100, &der);
	kit_write("sig", buf_span(&der));
	assert_int_equal(
	    kit_openssl("cms -verify -cades -binary -inform DER -in sig "
			"-content letter -CAfile root.crt -purpose any"),
	    0);
}

static void
the_signature_is_der(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL, again BUF_OWNED = BUF_SMALL;
	void *value = NULL;

	sign_letter(&alice, 100, &der);
	assert_ok(shape_parse(ASN1_ITEM_rptr(SHAPE_SIGNED_INFO), buf_span(&der),
	    "SignedData", &value, &kit_err));
	struct shape_signed_info *info OWNED(shape_signed_info_free) = value;
	assert_ok(shape_print(
	    ASN1_ITEM_rptr(SHAPE_SIGNED_INFO), info, &again, &kit_err));
	assert_true(span_is(buf_span(&der), buf_span(&again)));
	assert_null(info->body->inner->content);
}

static void
the_chain_travels_with_the_letter(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;
	struct cert *item[] = {root.cert};
	struct certs chain = {item, 1};
	struct person with = alice;

	with.identity.chain = &chain;
	sign_letter(&with, 100, &der);
	assert_true(span_find(buf_span(&der), cert_der(root.cert)) >= 0);
	assert_true(span_find(buf_span(&der), cert_der(alice.cert)) >= 0);
}

static void
the_imprint_is_the_hash_of_the_signature_value(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;
	struct sign *sign OWNED(sign_free) = NULL;
	uint8_t imprint[32], want[32];
	void *value = NULL;

	assert_ok(sign_new(&alice.identity, WHEN, &sign, &kit_err));
	assert_ok(sign_close(sign, &kit_err));
	assert_ok(sign_imprint(sign, imprint, &kit_err));
	assert_ok(sign_finish(sign, &der, &kit_err));
	assert_ok(shape_parse(ASN1_ITEM_rptr(SHAPE_SIGNED_INFO), buf_span(&der),
	    "SignedData", &value, &kit_err));
	struct shape_signed_info *info OWNED(shape_signed_info_free) = value;
	struct shape_signer *signer = OPENSSL_sk_value(info->body->signers, 0);
	struct span bytes = shape_span(signer->signature);
	EVP_Digest(bytes.data, bytes.len, want, NULL, EVP_sha256(), NULL);
	assert_memory_equal(imprint, want, 32);
}

static void
a_token_goes_into_the_unsigned_attributes_unchanged(void **state)
{
	struct buf token BUF_OWNED = BUF_SMALL, der BUF_OWNED = BUF_SMALL;
	struct sign *sign OWNED(sign_free) = NULL;

	sign_letter(&rsa, 100, &token); /* any SignedData will do here */
	assert_ok(sign_new(&alice.identity, WHEN, &sign, &kit_err));
	assert_ok(sign_push(sign, span_str(LETTER), &kit_err));
	assert_ok(sign_close(sign, &kit_err));
	assert_ok(sign_add_token(sign, buf_span(&token), &kit_err));
	assert_ok(sign_finish(sign, &der, &kit_err));
	assert_true(span_find(buf_span(&der), buf_span(&token)) >= 0);
	assert_int_equal(judge(&der, "letter"), 0);
	assert_int_equal(
	    kit_openssl("cms -cmsout -print -inform DER -in sig"), 0);
	assert_true(kit_has("said", "id-smime-aa-timeStampToken"));
}

static void
what_is_no_token_is_not_added(void **state)
{
	struct buf token BUF_OWNED = BUF_SMALL, der BUF_OWNED = BUF_SMALL;
	struct sign *sign OWNED(sign_free) = NULL;

	sign_letter(&rsa, 100, &token);
	assert_ok(sign_new(&alice.identity, WHEN, &sign, &kit_err));
	assert_ok(sign_push(sign, span_str(LETTER), &kit_err));
	assert_ok(sign_close(sign, &kit_err));
	assert_rc(
	    sign_add_token(sign, span_str("no token"), &kit_err), RC_SYNTAX);
	assert_rc(sign_add_token(sign,
		      span_first(buf_span(&token), token.len - 1), &kit_err),
	    RC_SYNTAX);
	assert_ok(buf_add_byte(&token, 0, &kit_err));
	assert_rc(sign_add_token(sign, buf_span(&token), &kit_err), RC_SYNTAX);
	assert_ok(sign_finish(sign, &der, &kit_err));
	assert_int_equal(judge(&der, "letter"), 0);
}

static void
a_key_of_another_certificate_does_not_sign(void **state)
{
	struct sign *sign OWNED(sign_free) = NULL;
	struct identity mixed = {alice.cert, &rsa.key, NULL};

	assert_rc(sign_new(&mixed, WHEN, &sign, &kit_err), RC_UNFIT);
	assert_null(sign);
}

static void
an_authority_certificate_does_not_sign_letters(void **state)
{
	struct sign *sign OWNED(sign_free) = NULL;

	assert_rc(sign_new(&root.identity, WHEN, &sign, &kit_err), RC_UNFIT);
}

static enum rc
refuse(
    const struct key *key, struct span bytes, struct buf *out, struct err *err)
{
	return err_set(err, RC_REFUSED, "no");
}

static void
a_refusal_of_the_key_is_passed_on(void **state)
{
	static const struct key_ops refusing = {.sign_attributes = refuse};
	struct sign *sign OWNED(sign_free) = NULL;
	struct person who = alice;

	who.key.ops = &refusing;
	who.identity.key = &who.key;
	assert_ok(sign_new(&who.identity, WHEN, &sign, &kit_err));
	assert_rc(sign_close(sign, &kit_err), RC_REFUSED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		openssl_verifies_what_we_sign_with_every_kind_of_key),
	    cmocka_unit_test(openssl_verifies_pss),
	    cmocka_unit_test(a_key_that_cannot_do_pss_is_refused),
	    cmocka_unit_test(python_verifies_edwards_curves),
	    cmocka_unit_test(the_key_identifier_names_the_signer_on_demand),
	    cmocka_unit_test(several_people_sign_one_letter),
	    cmocka_unit_test(
		the_certificate_to_encrypt_for_is_named_and_travels),
	    cmocka_unit_test(a_certificate_is_sent_along_once),
	    cmocka_unit_test(more_certificates_than_the_limit_are_refused),
	    cmocka_unit_test(the_time_is_printed_as_its_year_wants),
	    cmocka_unit_test(one_token_more_than_the_limit_is_refused),
	    cmocka_unit_test(capabilities_are_well_formed),
	    cmocka_unit_test(a_changed_letter_is_refused_by_openssl),
	    cmocka_unit_test(the_attributes_are_those_the_header_promises),
	    cmocka_unit_test(openssl_accepts_our_signing_certificate_attribute),
	    cmocka_unit_test(the_signature_is_der),
	    cmocka_unit_test(the_chain_travels_with_the_letter),
	    cmocka_unit_test(the_imprint_is_the_hash_of_the_signature_value),
	    cmocka_unit_test(
		a_token_goes_into_the_unsigned_attributes_unchanged),
	    cmocka_unit_test(what_is_no_token_is_not_added),
	    cmocka_unit_test(a_key_of_another_certificate_does_not_sign),
	    cmocka_unit_test(an_authority_certificate_does_not_sign_letters),
	    cmocka_unit_test(a_refusal_of_the_key_is_passed_on),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
