#include "authority/lint.h"

#include "authority/lintkit_priv.h"

OWNER(EVP_PKEY, EVP_PKEY_free);
OWNER(X509, X509_free);

/* Good ones to begin with. */
enum base { ROOT, MAIL_CA, TSA_CA, TSA, OCSP, SIGNING, ENCRYPTING, BOTH, HOST };

static const struct {
	enum profile_kind kind;
	enum lint_kind rules;
	const char *key;
} bases[] = {
    [ROOT] = {PROFILE_ROOT, LINT_ROOT, "P-384"},
    [MAIL_CA] = {PROFILE_MAIL_CA, LINT_MAIL_CA, "P-256"},
    [TSA_CA] = {PROFILE_TSA_CA, LINT_TSA_CA, "P-256"},
    [TSA] = {PROFILE_TSA, LINT_TSA, "P-256"},
    [OCSP] = {PROFILE_OCSP, LINT_OCSP, "P-256"},
    [SIGNING] = {PROFILE_SIGNING, LINT_MAIL, "P-256"},
    [ENCRYPTING] = {PROFILE_ENCRYPTING, LINT_MAIL, "P-256"},
    [BOTH] = {PROFILE_DUAL, LINT_MAIL, "RSA"},
    [HOST] = {PROFILE_HOST, LINT_HOST, "P-256"},
};

static struct buf made[COUNT(bases)]; /* certificates */
static struct buf issuer_der;

static EVP_PKEY *
make_key(const char *kind)
{
	EVP_PKEY *key = strcmp(kind, "RSA") == 0
			    ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048)
			    : EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind);

	assert_non_null(key);
	return key;
}

static void
make_base(const struct kit *kit, size_t i)
{
	EVP_PKEY *key OWNED(EVP_PKEY_free) = make_key(bases[i].key);
	X509 *cert OWNED(X509_free) = NULL;
	struct signer *own OWNED(signer_free) = NULL;
	struct profile_issuer issuer = kit_issuer(kit);
	bool person = bases[i].rules == LINT_MAIL;
	struct err err = ERR_NONE;
	struct profile_order order = {.kind = bases[i].kind,
	    .public_key = key,
	    .name = "Name",
	    .organization = "Alpha",
	    .address = person      ? "alice@alpha.test"
		       : i == HOST ? "host.alpha.test"
				   : NULL,
	    .published_at = "http://a.test:8080",
	    .crl_parts = 16,
	    .now = kit->now};

	assert_done(signer_key(key, &own, &err), err);
	if (i == ROOT)
		issuer = (struct profile_issuer){NULL, own};
	assert_done(profile_issue(&order, &issuer, &cert, &err), err);
	made[i] = BUF_SMALL;
	assert_ok(hierarchy_der(cert, &made[i], NULL));
}

static int
make_bases(void **state)
{
	if (kit_make(state) != 0)
		return -1;
	const struct kit *kit = *state;
	issuer_der = BUF_SMALL;
	assert_ok(hierarchy_der(
	    hierarchy_current(&kit->hierarchy)->cert, &issuer_der, NULL));
	for (size_t i = 0; i < COUNT(bases); i++)
		make_base(kit, i);
	return 0;
}

static int
remove_bases(void **state)
{
	for (size_t i = 0; i < COUNT(bases); i++)
		buf_done(&made[i]);
	buf_done(&issuer_der);
	return kit_remove(state);
}

/* Look at a base whose TBSCertificate is `tbs` now. */
static enum rc
check(const struct kit *kit, enum base base, struct span tbs,
    struct lint_findings *ret, struct err *err)
{
	struct lint_wish wish = {0};

	assert_ok(lint_take(buf_span(&made[base]), &wish, NULL));
	assert_int_equal(wish.kind, bases[base].rules);
	struct span exact EXACT = expect_exact(tbs.len > 0 ? tbs : wish.tbs);
	wish.tbs = exact;
	wish.now = kit->now;
	if (base != ROOT)
		wish.issuer = buf_span(&issuer_der);
	return lint_check(&wish, ret, err);
}

static void
what_is_issued_breaks_no_rule(void **state)
{
	struct lint_findings findings;
	struct err err = ERR_NONE;

	for (size_t i = 0; i < COUNT(bases); i++)
		assert_done(
		    check(*state, (enum base)i, SPAN_NONE, &findings, &err),
		    err);
}

/* --- a certificate that is broken in one place, for every rule */

#define EXTENSIONS "7.0"
#define AT(oid) "7.0.@06" oid
#define ALTERNATIVE "03551d11"
#define USAGE "03551d0f"
#define CONSTRAINTS "03551d13"
#define PURPOSES "03551d25"
#define POLICIES "03551d20"
#define LISTS "03551d1f"
#define ISSUER_KEY "03551d23"
#define KEY_ID "03551d0e"
#define ACCESS "082b06010505070101"
#define NO_CHECK "092b0601050507300105"
#define CAPABILITIES "092a864886f70d01090f"

#define EXT(oid, value) "30{06" oid " 04{" value "}}"
#define CRITICAL(oid, value) "30{06" oid " 0101ff 04{" value "}}"
#define RDN(oid, text) "31{30{06" oid " 0c{'" text "'}}}"
#define PRINTABLE(oid, text) "31{30{06" oid " 13{'" text "'}}}"
#define O_NAME "0355040a"
#define O_ID "03550461"
#define GIVEN "0355042a"
#define SURNAME "03550404"
#define PSEUDONYM "03550441"
#define COMMON "03550403"
#define COUNTRY "03550406"
#define EMAIL "092a864886f70d010901"
#define LEVEL(n) EXT(POLICIES, "30{30{06{" ARC "01" n "}}}")
#define ARC                                                                  \
	"2a864886f71401be40937a83ed5e83b35b83e845819e3c82ee3385e5cc6a83e5db" \
	"55"
#define V2 "04"
#define V3 "02"
#define V4 "03"
#define ADDRESS "'alice@alpha.test'"
#define NAMES(names) EXT(ALTERNATIVE, "30{" names "}")
#define UTF8(text) "a0{06082b06010505070809 a0{0c{" text "}}}"
#define URL(text) "86{'" text "'}"
#define POINT(text) "30{a0{a0{" URL(text) "}}}"
#define A20 "'aaaaaaaaaaaaaaaaaaaa'"

struct broken {
	const char *rule;
	enum base base;
	const char *change[3][2];
};

static const struct broken broken[] = {
    {"rfc5280-4.1-form", SIGNING, {{"1", ""}}},
    {"rfc5280-4.1-form", SIGNING, {{"4.1", ""}}},
    {"rfc5280-4.1-form", SIGNING, {{"6", "0500"}}},
    {"rfc5280-4.1-form", SIGNING, {{AT(USAGE), "30{06" USAGE "}"}}},
    {"rfc5280-4.1-form", SIGNING, {{AT(USAGE) ".2", "04{030207}"}}},
    {"rfc5280-4.1.2.1-version", SIGNING, {{"0", ""}}},
    {"rfc5280-4.1.2.1-version", SIGNING, {{"0", "a0{020101}"}}},
    {"sbr-7.1-serial", SIGNING, {{"1", "0207 01020304050607"}}},
    {"sbr-7.1-serial", SIGNING, {{"1", "0208 8102030405060708"}}},
    {"sbr-7.1-serial", SIGNING, {{"1", "0208 0002030405060708"}}},
    {"sbr-7.1-serial", SIGNING, {{"1", "02{01" A20 "}"}}},
    {"rfc5280-4.1.1.2-twice", SIGNING, {{"2", "30{06082a8648ce3d040303}"}}},
    {"sbr-7.1.3-signature", SIGNING, {{"2", "30{06082a8648ce3d040302 0500}"}}},
    {"sbr-7.1.3-signature", SIGNING,
	{{"2", "30{06092a864886f70d010105 0500}"}}},
    {"rfc5280-4.1.2.4-issuer", SIGNING, {{"3", "30{" RDN(COMMON, "Q") "}"}}},
    {"rfc5280-4.1.2.4-issuer", ROOT, {{"3", "30{" RDN(COMMON, "Q") "}"}}},
    {"rfc5280-4.1.2.5-form", SIGNING, {{"4.0", "18{'20260101000000Z'}"}}},
    {"rfc5280-4.1.2.5-form", SIGNING, {{"4.1", "17{'270101000000+0000'}"}}},
    {"rfc5280-4.1.2.5-form", SIGNING, {{"4.1", "17{'2701010000Z'}"}}},
    {"rfc5280-4.1.2.5-form", SIGNING, {{"4.1", "17{'270230000000Z'}"}}},
    {"rfc5280-4.1.2.5-order", SIGNING, {{"4.1", "17{'200101000000Z'}"}}},
    {"sbr-6.3.2-validity", SIGNING, {{"4.0", "17{'200101000000Z'}"}}},
    {"sbr-6.3.2-validity", OCSP, {{"4.0", "17{'200101000000Z'}"}}},
    {"rfc5280-6.1-issuer-ends", SIGNING, {{"4.1", "17{'480101000000Z'}"}}},
    {"own-begin", SIGNING, {{"4.0", "17{'250101000000Z'}"}}},
    {"rfc5280-4.1.2.8-unique-id", SIGNING, {{"+6", "8102 0001"}}},
    {"rfc5280-4.2-twice", SIGNING, {{"+" AT(KEY_ID), EXT(KEY_ID, "040101")}}},
    {"rfc5280-4.1-default", SIGNING,
	{{AT(KEY_ID), "30{06" KEY_ID " 010100 04{040101}}"}}},
    {"own-extensions", SIGNING, {{"+" AT(KEY_ID), EXT("03551d36", "020100")}}},

    {"sbr-7.1.3-key", BOTH, {{"6.0", "30{06092a864886f70d010101}"}}},
    {"sbr-7.1.3-key", BOTH, {{"6.0", "30{06092a864886f70d01010a 0500}"}}},
    {"sbr-7.1.3-key", SIGNING,
	{{"6.0", "30{06072a8648ce3d0201 06052b8104000a}"}}},
    {"sbr-6.1.5-rsa", BOTH,
	{{"6.1", "03{00 30{0211 00ff" A20 " 0203010001}}"}}},
    {"sbr-6.1.5-rsa", BOTH, {{"6.1", "03{00 30{02{00ff" A20 "} 0203010001}}"}}},
    {"sbr-6.1.6-exponent", BOTH,
	{{"6.1", "03{00 30{02{00ff" A20 "} 020103}}"}}},
    {"sbr-6.1.6-exponent", BOTH,
	{{"6.1", "03{00 30{02{00ff" A20 "} 0203010002}}"}}},
    {"rfc5480-2.2-point", SIGNING, {{"6.1", "03{00 02 " A20 "}"}}},
    {"rfc8410-4-key", SIGNING, {{"6", "30{30{06032b6570} 03{00" A20 "}}"}}},

    {"rfc5280-4.1.2.6-string", SIGNING,
	{{"5", "30{31{30{06" COMMON " 14{" ADDRESS "}}}}"}}},
    {"rfc5280-4.1.2.6-string", SIGNING,
	{{"5", "30{31{30{06" COMMON " 13{" ADDRESS "}}}}"}}},
    {"rfc5280-4.1.2.6-string", SIGNING,
	{{"5", "30{31{30{06" COMMON " 0c{'a' c0af}}}}"}}},
    {"rfc5280-4.1.2.6-string", SIGNING,
	{{"5", "30{31{30{06" COMMON " 0c{'a'}} 30{06" SURNAME " 0c{'b'}}}}"}}},
    {"rfc5280-a.1-length", SIGNING,
	{{"5", "30{31{30{06" COMMON " 0c{" A20 A20 A20 "'aaaaa'}}}}"}}},
    {"rfc5280-a.1-length", SIGNING, {{"5", "30{31{30{06" COMMON " 0c00}}}"}}},
    {"sbr-7.1.4-text", MAIL_CA, {{"5", "30{" RDN(COMMON, " a") "}"}}},
    {"sbr-7.1.4-text", MAIL_CA, {{"5", "30{" RDN(COMMON, "-") "}"}}},
    {"sbr-7.1.4-text", MAIL_CA,
	{{"5", "30{31{30{06" COMMON " 0c{'a' 0a 'b'}}}}"}}},
    {"sbr-7.1.4-text", MAIL_CA,
	{{"5", "30{31{30{06" COMMON " 0c{'a' e280ae 'b'}}}}"}}},
    {"sbr-7.1.4-twice", MAIL_CA,
	{{"5", "30{" RDN(COMMON, "a") RDN(COMMON, "b") "}"}}},
    {"sbr-7.1.4-attributes", SIGNING, {{"5", "30{" RDN(O_NAME, "Alpha") "}"}}},
    {"sbr-7.1.4-attributes", SIGNING, {{"5", "30{" RDN(GIVEN, "Alice") "}"}}},
    {"sbr-7.1.4-attributes", SIGNING,
	{{"5", "30{" RDN(PSEUDONYM, "A") RDN(O_NAME, "Alpha") "}"},
	    {AT(POLICIES), LEVEL(V2)}}},
    {"sbr-7.1.4-attributes", SIGNING,
	{{"5", "30{" RDN("03550411", "12345") "}"}, {AT(POLICIES), LEVEL(V4)}}},
    {"sbr-7.1.4-organization", SIGNING,
	{{"5", "30{" RDN(O_NAME, "Alpha") "}"}, {AT(POLICIES), LEVEL(V3)}}},
    {"sbr-7.1.4-organization", SIGNING,
	{{"5", "30{" RDN(PSEUDONYM, "A") "}"}, {AT(POLICIES), LEVEL(V4)}}},
    {"sbr-7.1.4-person", SIGNING,
	{{"5", "30{" RDN(O_NAME, "Alpha") RDN(O_ID, "NTRGB-1") "}"},
	    {AT(POLICIES), LEVEL(V4)}}},
    {"sbr-7.1.4-person", SIGNING,
	{{"5", "30{" RDN(GIVEN, "A") RDN(PSEUDONYM, "B") "}"},
	    {AT(POLICIES), LEVEL(V2)}}},
    {"sbr-7.1.4-country", MAIL_CA, {{"5", "30{" PRINTABLE(COUNTRY, "gb") "}"}}},
    {"sbr-7.1.4-identifier", SIGNING,
	{{"5", "30{" RDN(O_NAME, "Alpha") RDN(O_ID, "12345678") "}"},
	    {AT(POLICIES), LEVEL(V3)}}},
    {"sbr-7.1.4-identifier", SIGNING,
	{{"5", "30{" RDN(O_NAME, "Alpha") RDN(O_ID, "NTRGB-") "}"},
	    {AT(POLICIES), LEVEL(V3)}}},
    {"sbr-7.1.4-identifier", SIGNING,
	{{"5", "30{" RDN(O_NAME, "Alpha") RDN(O_ID, "NTRGB+X") "}"},
	    {AT(POLICIES), LEVEL(V3)}}},
    {"sbr-7.1.4-common-name", SIGNING, {{"5", "30{" RDN(COMMON, "Al") "}"}}},
    {"sbr-7.1.4-common-name", SIGNING,
	{{"5", "30{" RDN(COMMON, "Beta") RDN(O_NAME, "Alpha")
		   RDN(O_ID, "NTRGB-1") "}"},
	    {AT(POLICIES), LEVEL(V3)}}},
    {"sbr-7.1.4-common-name", SIGNING,
	{{"5", "30{" RDN(COMMON, "A  B") RDN(GIVEN, "A") RDN(SURNAME, "B") "}"},
	    {AT(POLICIES), LEVEL(V2)}}},
    {"sbr-7.1.4-repeated", SIGNING, {{"5", "30{" RDN(COMMON, "b@c.test") "}"}}},
    {"sbr-7.1.4-repeated", SIGNING,
	{{"5", "30{31{30{06" EMAIL " 16{'b@c.test'}}}}"}}},
    {"sbr-7.1.4-ca", MAIL_CA, {{"5", "30{" RDN(COMMON, "Mail CA") "}"}}},

    {"sbr-7.1.2.3-alternative", SIGNING, {{AT(ALTERNATIVE), ""}}},
    {"sbr-7.1.2.3-alternative", SIGNING, {{AT(ALTERNATIVE), NAMES("")}}},
    {"sbr-7.1.4-mailboxes", SIGNING,
	{{AT(ALTERNATIVE), NAMES("81{" ADDRESS "} 82{'alpha.test'}")}}},
    {"rfc5280-4.2.1.6-mailbox", SIGNING,
	{{AT(ALTERNATIVE), NAMES("81{'alice'}")}}},
    {"rfc5280-4.2.1.6-mailbox", SIGNING,
	{{AT(ALTERNATIVE), NAMES("81{" ADDRESS "00}")}}},
    {"rfc9598-3-utf8", SIGNING, {{AT(ALTERNATIVE), NAMES(UTF8(ADDRESS))}}},
    {"rfc9598-3-utf8", SIGNING,
	{{AT(ALTERNATIVE), NAMES(UTF8("c3a9 '@ALPHA.test'"))}}},
    {"rfc5280-4.2.1.6-critical", SIGNING, {{"5", "3000"}}},
    {"rfc5280-4.2.1.6-critical", SIGNING,
	{{AT(ALTERNATIVE), CRITICAL(ALTERNATIVE, "30{81{" ADDRESS "}}")}}},
    {"own-host", HOST, {{AT(ALTERNATIVE), NAMES("82{'a.t'} 82{'b.t'}")}}},

    {"rfc5280-4.2.1.3-usage", SIGNING, {{AT(USAGE), ""}}},
    {"rfc5280-4.2.1.3-usage", SIGNING, {{AT(USAGE), EXT(USAGE, "03020780")}}},
    {"rfc5280-4.2.1.3-usage", SIGNING,
	{{AT(USAGE), CRITICAL(USAGE, "030100")}}},
    {"rfc5280-4.2.1.3-usage", SIGNING,
	{{AT(USAGE), CRITICAL(USAGE, "03020080")}}},
    {"sbr-7.1.2.3-usage", SIGNING, {{AT(USAGE), CRITICAL(USAGE, "03020520")}}},
    {"sbr-7.1.2.3-usage", BOTH, {{AT(USAGE), CRITICAL(USAGE, "03020308")}}},
    {"sbr-7.1.2.3-usage", SIGNING,
	{{"6", "30{30{06032b6570} 03{00" A20 "'aaaaaaaaaaaa'}}"},
	    {AT(USAGE), CRITICAL(USAGE, "03020308")}}},
    {"own-one-use", SIGNING, {{AT(USAGE), CRITICAL(USAGE, "03020388")}}},
    {"rfc5280-4.2.1.9-ca", MAIL_CA, {{AT(CONSTRAINTS), ""}}},
    {"rfc5280-4.2.1.9-ca", MAIL_CA,
	{{AT(CONSTRAINTS), EXT(CONSTRAINTS, "30{0101ff 020100}")}}},
    {"rfc5280-4.2.1.9-ca", MAIL_CA,
	{{AT(CONSTRAINTS), CRITICAL(CONSTRAINTS, "3000")}}},
    {"sbr-7.1.2-certify", MAIL_CA, {{AT(USAGE), CRITICAL(USAGE, "03020204")}}},
    {"sbr-7.1.2-certify", MAIL_CA, {{AT(USAGE), CRITICAL(USAGE, "0302010e")}}},
    {"sbr-7.1.2.3-no-ca", SIGNING,
	{{"+" AT(USAGE), CRITICAL(CONSTRAINTS, "30{0101ff}")}}},
    {"sbr-7.1.2.3-no-ca", SIGNING,
	{{"+" AT(USAGE), CRITICAL(CONSTRAINTS, "30{020100}")}}},
    {"sbr-7.1.2.3-no-ca", SIGNING, {{AT(USAGE), CRITICAL(USAGE, "03020284")}}},
    {"sbr-7.1.2.1-root", ROOT,
	{{AT(CONSTRAINTS), CRITICAL(CONSTRAINTS, "30{0101ff 020101}")}}},
    {"sbr-7.1.2.1-root", ROOT,
	{{"+" AT(USAGE), EXT(PURPOSES, "30{06082b06010505070304}")}}},
    {"own-path", MAIL_CA,
	{{AT(CONSTRAINTS), CRITICAL(CONSTRAINTS, "30{0101ff}")}}},
    {"own-path", TSA_CA,
	{{AT(CONSTRAINTS), CRITICAL(CONSTRAINTS, "30{0101ff 020101}")}}},
    {"sbr-7.1.2.3-purpose", SIGNING, {{AT(PURPOSES), ""}}},
    {"sbr-7.1.2.3-purpose", MAIL_CA,
	{{AT(PURPOSES), EXT(PURPOSES, "30{06082b06010505070302}")}}},
    {"sbr-7.1.2.3-other-purpose", SIGNING,
	{{AT(PURPOSES), EXT(PURPOSES, "30{06082b06010505070304"
				      " 06082b06010505070301}")}}},
    {"sbr-7.1.2.3-other-purpose", SIGNING,
	{{AT(PURPOSES),
	    EXT(PURPOSES, "30{06082b06010505070304 0604551d2500}")}}},
    {"own-login", ENCRYPTING,
	{{AT(PURPOSES), EXT(PURPOSES, "30{06082b06010505070304"
				      " 06082b06010505070302}")}}},
    {"rfc3161-2.3-purpose", TSA,
	{{AT(PURPOSES), EXT(PURPOSES, "30{06082b06010505070308}")}}},
    {"rfc3161-2.3-purpose", TSA,
	{{AT(PURPOSES), CRITICAL(PURPOSES, "30{06082b06010505070308"
					   " 06082b06010505070304}")}}},
    {"sbr-7.1.2.2-tsa", TSA_CA,
	{{AT(PURPOSES), EXT(PURPOSES, "30{06082b06010505070308"
				      " 06082b06010505070304}")}}},
    {"rfc6960-4.2.2.2-purpose", OCSP,
	{{AT(PURPOSES), EXT(PURPOSES, "30{06082b06010505070309"
				      " 06082b06010505070304}")}}},
    {"own-host-purpose", HOST,
	{{AT(PURPOSES), EXT(PURPOSES, "30{06082b06010505070301"
				      " 06082b06010505070304}")}}},
    {"sbr-7.1.2.3-policy", SIGNING, {{AT(POLICIES), ""}}},
    {"sbr-7.1.2.3-policy", SIGNING, {{AT(POLICIES), LEVEL("05")}}},
    {"sbr-7.1.2.3-policy", SIGNING,
	{{AT(POLICIES), EXT(POLICIES, "30{30{0607678114 01050101}}")}}},
    {"sbr-7.1.2.3-policy", SIGNING,
	{{AT(POLICIES), EXT(POLICIES, "30{30{06{" ARC "0101}}"
				      " 30{06{" ARC "0102}}}")}}},
    {"sbr-7.1.2.2-policy", MAIL_CA, {{AT(POLICIES), ""}}},

    {"rfc5280-4.2.1.2-key-id", SIGNING, {{AT(KEY_ID), ""}}},
    {"rfc5280-4.2.1.2-key-id", SIGNING, {{AT(KEY_ID), EXT(KEY_ID, "0400")}}},
    {"rfc5280-4.2.1.2-key-id", SIGNING,
	{{AT(KEY_ID), CRITICAL(KEY_ID, "040101")}}},
    {"sbr-7.1.2.3-issuer-key", SIGNING, {{AT(ISSUER_KEY), ""}}},
    {"sbr-7.1.2.3-issuer-key", SIGNING,
	{{AT(ISSUER_KEY), EXT(ISSUER_KEY, "30{800101}")}}},
    {"sbr-7.1.2.3-list", SIGNING, {{AT(LISTS), ""}}},
    {"sbr-7.1.2.3-list-url", SIGNING,
	{{AT(LISTS), EXT(LISTS, "30{" POINT("https://a.test/1.crl") "}")}}},
    {"sbr-7.1.2.3-list-url", SIGNING,
	{{AT(LISTS), EXT(LISTS, "30{" POINT("http://a.test/1.crl")
				    POINT("ldap://a.test/1.crl") "}")}}},
    {"sbr-7.1.2.3-issuer-url", SIGNING, {{AT(ACCESS), ""}}},
    {"sbr-7.1.2.3-access", SIGNING,
	{{AT(ACCESS), EXT(ACCESS, "30{30{06082b06010505073002 " URL(
				      "https://a.test/1.cer") "}}")}}},
    {"sbr-7.1.2.3-access", SIGNING,
	{{AT(ACCESS), EXT(ACCESS, "30{30{06082b06010505073003 " URL(
				      "http://a.test/1.cer") "}}")}}},
    {"sbr-7.1.2.1-pointers", ROOT,
	{{"+" AT(USAGE), EXT(LISTS, "30{" POINT("http://a.test/1.crl") "}")}}},
    {"rfc6960-4.2.2.2.1-no-check", OCSP, {{AT(NO_CHECK), ""}}},
    {"rfc6960-4.2.2.2.1-no-check", OCSP,
	{{AT(NO_CHECK), EXT(NO_CHECK, "0400")}}},
    {"rfc6960-4.2.2.2.1-others", SIGNING,
	{{"+" AT(USAGE), EXT(NO_CHECK, "0500")}}},
    {"rfc4262-2-capabilities", SIGNING,
	{{"+" AT(USAGE), EXT(CAPABILITIES, "30{30{060960864801650304012e}}")}}},
    {"rfc4262-2-capabilities", ENCRYPTING,
	{{"+" AT(USAGE), EXT(CAPABILITIES, "30{060960864801650304012e}")}}},
};

static bool
found(const struct lint_findings *findings, const char *id)
{
	for (size_t i = 0; i < findings->len; i++)
		if (strcmp(findings->rule[i]->id, id) == 0)
			return true;
	return false;
}

static void
take_tbs(enum base base, struct buf *tbs)
{
	struct lint_wish wish = {0};

	assert_ok(lint_take(buf_span(&made[base]), &wish, NULL));
	assert_ok(buf_add(tbs, wish.tbs, NULL));
}

static void
every_rule_finds_what_breaks_it(void **state)
{
	for (size_t i = 0; i < COUNT(broken); i++) {
		struct buf tbs BUF_OWNED = BUF_SMALL;
		struct lint_findings findings;
		struct err err = ERR_NONE;
		take_tbs(broken[i].base, &tbs);
		for (size_t at = 0; broken[i].change[at][0] != NULL; at++)
			lintkit_change(&tbs, broken[i].change[at][0],
			    broken[i].change[at][1]);
		enum rc rc = check(
		    *state, broken[i].base, buf_span(&tbs), &findings, &err);
		if (rc != RC_UNFIT || !found(&findings, broken[i].rule))
			fail_msg("%zu: %s, %s, not %s", i, rc_name(rc),
			    err.text, broken[i].rule);
	}
}

static void
no_rule_is_without_a_test(void **state)
{
	for (size_t i = 0; lint_rule(i) != NULL; i++) {
		const char *id = lint_rule(i)->id;
		bool tested = false;
		for (size_t at = 0; at < COUNT(broken); at++)
			tested = tested || strcmp(broken[at].rule, id) == 0;
		if (!tested)
			fail_msg("%s", id);
		for (size_t at = 0; at < i; at++)
			assert_string_not_equal(lint_rule(at)->id, id);
		assert_in_range(i, 0, LINT_RULES_MAX - 1);
	}
}

/* --- what the levels may say */

static void
names_that_were_checked_may_stand(void **state)
{
	static const struct broken good[] = {
	    {"person", SIGNING,
		{{"5", "30{" RDN(COMMON, "A B") RDN(GIVEN, "A")
			   RDN(SURNAME, "B") PRINTABLE(COUNTRY, "GB") "}"},
		    {AT(POLICIES), LEVEL(V2)}}},
	    {"organisation", SIGNING,
		{{"5", "30{" RDN(COMMON, "Alpha") RDN(O_NAME, "Alpha")
			   RDN(O_ID, "LEIXG-529900T8BM49AURSDO55") "}"},
		    {AT(POLICIES), LEVEL(V3)}}},
	    {"region", SIGNING,
		{{"5",
		     "30{" RDN(O_NAME, "Alpha") RDN(O_ID, "NTRUS+CA-123") "}"},
		    {AT(POLICIES), LEVEL(V3)}}},
	    {"government", SIGNING,
		{{"5", "30{" RDN(O_NAME, "Alpha") RDN(O_ID, "GOVUS") "}"},
		    {AT(POLICIES), LEVEL(V3)}}},
	    {"sponsored", SIGNING,
		{{"5", "30{" RDN(COMMON, "alice@alpha.test") RDN(GIVEN, "A")
			   RDN(O_NAME, "Alpha") RDN(O_ID, "VATDE-1") "}"},
		    {AT(POLICIES), LEVEL(V4)}}},
	    {"EAI", SIGNING,
		{{"5", "3000"},
		    {AT(ALTERNATIVE), CRITICAL(ALTERNATIVE,
					  "30{" UTF8("c3a9 '@a.test'") "}")}}},
	};

	for (size_t i = 0; i < COUNT(good); i++) {
		struct buf tbs BUF_OWNED = BUF_SMALL;
		struct lint_findings findings;
		struct err err = ERR_NONE;
		take_tbs(good[i].base, &tbs);
		for (size_t at = 0; good[i].change[at][0] != NULL; at++)
			lintkit_change(
			    &tbs, good[i].change[at][0], good[i].change[at][1]);
		enum rc rc = check(
		    *state, good[i].base, buf_span(&tbs), &findings, &err);
		if (rc != RC_OK)
			fail_msg("%s: %s", good[i].rule, err.text);
	}
}

static void
what_is_no_certificate_is_none(void **state)
{
	struct lint_wish wish = {0};
	struct span der = buf_span(&made[SIGNING]);

	assert_rc(lint_take(SPAN_NONE, &wish, NULL), RC_SYNTAX);
	for (size_t len = 0; len < der.len; len++) {
		struct span exact EXACT = expect_exact(span_first(der, len));
		assert_rc(lint_take(exact, &wish, NULL), RC_SYNTAX);
	}
}

/* Whatever one octet is changed to, it is looked at within its bounds. */
static void
no_octet_is_read_beyond_the_end(void **state)
{
	for (size_t base = 0; base < COUNT(bases); base++) {
		struct buf tbs BUF_OWNED = BUF_SMALL;
		take_tbs((enum base)base, &tbs);
		for (size_t i = 0; i < tbs.len; i++) {
			struct lint_findings findings;
			uint8_t was = tbs.data[i];
			tbs.data[i] = (uint8_t)(was + 1 + i % 255);
			(void)!check(*state, (enum base)base, buf_span(&tbs),
			    &findings, NULL);
			tbs.data[i] = was;
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_issued_breaks_no_rule),
	    cmocka_unit_test(every_rule_finds_what_breaks_it),
	    cmocka_unit_test(no_rule_is_without_a_test),
	    cmocka_unit_test(names_that_were_checked_may_stand),
	    cmocka_unit_test(what_is_no_certificate_is_none),
	    cmocka_unit_test(no_octet_is_read_beyond_the_end),
	};

	return cmocka_run_group_tests(tests, make_bases, remove_bases);
}
