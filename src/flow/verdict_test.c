#include "flow/verdict.h"

#include "base/expect.h"

/* A letter with nothing wrong: every row below changes one thing of it, by
 * initializing that one again. */
#ifdef __clang__
#pragma clang diagnostic ignored "-Winitializer-overrides"
#else
#pragma GCC diagnostic ignored "-Woverride-init"
#endif
#define GOOD_SIGNER                                                         \
	.state = SIGNED_VALID, .by = "alice@alpha.test", .level = LEVEL_V1, \
	.binding = BINDING_FROM, .level_allowed = true,                     \
	.domain_allowed = true, .chain = CHAIN_VALID,                       \
	.revocation = REVOCATION_NOT_APPLICABLE
#define GOOD_REST                                                     \
	.from = "alice@alpha.test", .outer_from = "alice@alpha.test", \
	.time = {.source = TIME_STAMPED, .value = 1}
#define SEALED .encrypted = {ENCRYPTED_INTACT, "aes-256-cbc", NULL}

struct row {
	const char *name;
	struct facts facts;
	enum verdict_level level;
	const char *reason; /* the first one; NULL: none at all */
	const char *words;  /* the sentence holds them */
};

static const struct row rows[] = {
    {"signed, bound, trusted, stamped: verified",
	{.sig = {GOOD_SIGNER}, GOOD_REST, SEALED}, VERDICT_VERIFIED, NULL,
	"Signed by alice@alpha.test."},
    {"not encrypted is no reason to trust the signature less",
	{.sig = {GOOD_SIGNER}, GOOD_REST}, VERDICT_VERIFIED, NULL,
	"Signed by alice"},
    {"first contact is said",
	{.sig = {GOOD_SIGNER}, GOOD_REST, .acquaintance = ACQUAINTANCE_FIRST},
	VERDICT_VERIFIED, NULL, "first contact"},
    {"without a proven time it is verified and says so",
	{.sig = {GOOD_SIGNER}, .from = "alice@alpha.test"}, VERDICT_VERIFIED,
	"tst.none", "Signed by"},
    {"a broken timestamp proves nothing and harms nothing",
	{.sig = {GOOD_SIGNER},
	    .from = "alice@alpha.test",
	    .time = {.token_invalid = true}},
	VERDICT_VERIFIED, "tst.invalid", "Signed by"},

    {"nothing known: unsigned", {.from_unclear = true}, VERDICT_UNSIGNED,
	"sig.none", "Not signed"},
    {"no signature", {.from = "alice@alpha.test"}, VERDICT_UNSIGNED, "sig.none",
	"anybody can write alice@alpha.test"},
    {"sealed without a signature",
	{.from = "alice@alpha.test",
	    .encrypted = {ENCRYPTED_INTACT, "aes-256-gcm", NULL}},
	VERDICT_UNSIGNED, "sig.none", "Not signed"},
    {"a broken signature gives its reason",
	{.sig = {.state = SIGNED_INVALID, .reason = "sig.digest-mismatch"},
	    GOOD_REST},
	VERDICT_UNSIGNED, "sig.digest-mismatch", "not valid"},
    {"a weak one too",
	{.sig = {.state = SIGNED_INVALID, .reason = "sig.alg-weak"}, GOOD_REST},
	VERDICT_UNSIGNED, "sig.alg-weak", "too weak"},
    {"a certificate that may not sign",
	{.sig = {GOOD_SIGNER, .unfit = "cert.ku"}, GOOD_REST}, VERDICT_UNSIGNED,
	"cert.ku", "not made for signing"},
    {"changed on the way",
	{.from = "alice@alpha.test",
	    .encrypted = {ENCRYPTED_UNDECRYPTABLE, "", "enc.undecryptable"}},
	VERDICT_UNSIGNED, "enc.undecryptable", "could not be opened"},
    {"sealed for somebody else",
	{.from = "alice@alpha.test",
	    .encrypted = {ENCRYPTED_UNDECRYPTABLE, "", "enc.not-for-us"}},
	VERDICT_UNSIGNED, "enc.not-for-us", "could not be opened"},
    {"CBC around a broken signature",
	{.sig = {.state = SIGNED_INVALID, .reason = "sig.digest-mismatch"},
	    GOOD_REST,
	    .encrypted = {ENCRYPTED_MALLEABLE, "aes-256-cbc", NULL}},
	VERDICT_UNSIGNED, "sig.digest-mismatch", "not valid"},

    {"another signer",
	{.sig = {GOOD_SIGNER, .by = "eve@beta.test", .binding = BINDING_OTHER},
	    GOOD_REST},
	VERDICT_CAUTION, "addr.mismatch", "eve@beta.test"},
    {"another signer in the name of somebody known",
	{.sig = {GOOD_SIGNER, .by = "eve@beta.test", .binding = BINDING_OTHER},
	    GOOD_REST,
	    .acquaintance = ACQUAINTANCE_KNOWN},
	VERDICT_DANGER, "addr.mismatch", "Not from alice@alpha.test"},
    {"a look-alike of somebody, however well signed",
	{.sig = {GOOD_SIGNER, .by = "alice@a1pha.test"},
	    GOOD_REST,
	    .from = "alice@a1pha.test",
	    .lookalike = {"addr.confusable", true, "alice@alpha.test"}},
	VERDICT_DANGER, "addr.confusable", "only looks like alice@alpha.test"},
    {"a look-alike, unsigned",
	{.from = "alice@a1pha.test",
	    .lookalike = {"addr.confusable", true, "alice@alpha.test"}},
	VERDICT_DANGER, "addr.confusable", "only looks like alice@alpha.test"},
    {"deceptive in itself",
	{.sig = {GOOD_SIGNER},
	    GOOD_REST,
	    .lookalike = {"addr.deceptive", true, ""}},
	VERDICT_DANGER, "addr.deceptive", "made to deceive: alice@alpha.test"},
    {"a resemblance that may be innocent",
	{.sig = {GOOD_SIGNER},
	    GOOD_REST,
	    .lookalike = {"addr.confusable", false, "al@alpha.test"}},
	VERDICT_CAUTION, "addr.confusable", "resembles al@alpha.test"},
    {"a resemblance makes an unsigned letter no better",
	{.from = "alice@alpha.test",
	    .lookalike = {"addr.confusable", false, "al@alpha.test"}},
	VERDICT_UNSIGNED, "sig.none", "Not signed"},
    {"no message at all", {.unreadable = true}, VERDICT_UNSIGNED,
	"letter.unreadable", "no proper letter"},
    {"MIME that others read otherwise",
	{.sig = {GOOD_SIGNER}, GOOD_REST, .ambiguous = true}, VERDICT_CAUTION,
	"letter.ambiguous", "other programs"},
    {"the same, of an unsigned letter, is nothing new",
	{.from = "alice@alpha.test", .ambiguous = true}, VERDICT_UNSIGNED,
	"sig.none", "Not signed"},
    {"a second signature that does not hold",
	{.sig = {GOOD_SIGNER, .other_invalid = true}, GOOD_REST},
	VERDICT_CAUTION, "sig.several", "another signature"},
    {"signed by Sender only",
	{.sig = {GOOD_SIGNER, .binding = BINDING_SENDER}, GOOD_REST},
	VERDICT_CAUTION, "addr.sender-only", "on behalf"},
    {"a certificate without address",
	{.sig = {GOOD_SIGNER, .binding = BINDING_NO_ADDRESS}, GOOD_REST},
	VERDICT_CAUTION, "addr.none", "names no address"},
    {"one of several From addresses",
	{.sig = {GOOD_SIGNER, .binding = BINDING_ONE_OF_SEVERAL}, GOOD_REST},
	VERDICT_CAUTION, "addr.several", "only"},
    {"two From fields", {.sig = {GOOD_SIGNER}, GOOD_REST, .from_unclear = true},
	VERDICT_CAUTION, "hdr.from-unclear", "does not name one sender"},
    {"only a part is signed",
	{.sig = {GOOD_SIGNER, .part = "part 1"}, GOOD_REST}, VERDICT_CAUTION,
	"sig.partial", "Only part 1"},
    {"only the envelope is signed",
	{.sig = {GOOD_SIGNER, .outside_only = true}, GOOD_REST},
	VERDICT_CAUTION, "sig.outside-only", "envelope"},
    {"the header that is shown is not the signed one",
	{.sig = {GOOD_SIGNER}, GOOD_REST, .outside_differs = true},
	VERDICT_CAUTION, "hdr.outside-differs", "changed on the way"},
    {"no trusted root",
	{.sig = {GOOD_SIGNER, .chain = CHAIN_NO_ANCHOR,
	     .chain_reason = "chain.no-anchor"},
	    GOOD_REST},
	VERDICT_CAUTION, "chain.no-anchor", "no authority that you trust"},
    {"a level the root may not give",
	{.sig = {GOOD_SIGNER, .level = LEVEL_V3, .level_allowed = false},
	    GOOD_REST},
	VERDICT_CAUTION, "root.level", "may not vouch"},
    {"expired, and nothing proves when it was signed",
	{.sig = {GOOD_SIGNER, .chain = CHAIN_INVALID,
	     .chain_reason = "cert.expired-at-time"},
	    .from = "alice@alpha.test"},
	VERDICT_CAUTION, "cert.expired-at-time", "not in order"},
    {"expired, but good when stamped",
	{.sig = {GOOD_SIGNER, .good_before = true}, GOOD_REST},
	VERDICT_VERIFIED, "cert.good-when-stamped", "Signed by"},
    {"revoked, no proof of the time",
	{.sig = {GOOD_SIGNER, .chain = CHAIN_INVALID,
	     .revocation = REVOCATION_REVOKED},
	    .from = "alice@alpha.test"},
	VERDICT_CAUTION, "cert.revoked", "was revoked"},
    {"revoked, but good when stamped",
	{.sig = {GOOD_SIGNER, .good_before = true,
	     .revocation = REVOCATION_REVOKED},
	    GOOD_REST},
	VERDICT_VERIFIED, "cert.good-when-stamped", "Signed by"},
    {"the key was stolen",
	{.sig = {GOOD_SIGNER, .chain = CHAIN_INVALID,
	     .revocation = REVOCATION_COMPROMISED},
	    GOOD_REST},
	VERDICT_DANGER, "cert.revoked-compromise", "stolen"},
    {"stolen, but stamped before",
	{.sig = {GOOD_SIGNER, .good_before = true,
	     .revocation = REVOCATION_COMPROMISED},
	    GOOD_REST},
	VERDICT_VERIFIED, "cert.good-when-stamped", "Signed by"},
    {"revocation could not be checked",
	{.sig = {GOOD_SIGNER, .revocation = REVOCATION_UNKNOWN}, GOOD_REST},
	VERDICT_CAUTION, "cert.status-unknown", "revocation not checked"},
    {"written to somebody else",
	{.sig = {GOOD_SIGNER}, GOOD_REST, .not_for_reader = true},
	VERDICT_CAUTION, "addr.not-for-you", "not to you"},
    {"a token of much later",
	{.sig = {GOOD_SIGNER},
	    .from = "alice@alpha.test",
	    .time = {.source = TIME_STAMPED, .token_late = true}},
	VERDICT_CAUTION, "tst.late", "more than a day later"},

    {"the inside claims another sender and nobody vouches for it",
	{.from = "alice@alpha.test",
	    .outer_from = "eve@beta.test",
	    .from_mismatch = true},
	VERDICT_DANGER, "hdr.from-mismatch", "claims to be from alice"},
    {"the same with another's signature",
	{.sig = {GOOD_SIGNER, .by = "eve@beta.test", .binding = BINDING_OTHER},
	    .from = "alice@alpha.test",
	    .from_mismatch = true},
	VERDICT_DANGER, "hdr.from-mismatch", "claims to be from alice"},
    {"the same with a signature bound to it, but no trusted root",
	{.sig = {GOOD_SIGNER, .chain = CHAIN_NO_ANCHOR},
	    .from = "alice@alpha.test",
	    .from_mismatch = true},
	VERDICT_DANGER, "hdr.from-mismatch", "claims to be from alice"},
    {"a signature bound to the inside is enough",
	{.sig = {GOOD_SIGNER}, GOOD_REST, .from_mismatch = true},
	VERDICT_VERIFIED, NULL, "Signed by alice"},

    /* --- somebody who always signs --- */
    {"unsigned, from somebody who always signs",
	{GOOD_REST, .history = {.always_signed = true}}, VERDICT_UNSIGNED,
	"key.always-signed", "always signed so far"},
    {"the same, and it asks for money",
	{GOOD_REST, .history = {.always_signed = true},
	    .request = REQUEST_MONEY},
	VERDICT_DANGER, "key.always-signed", "always signed so far"},
    {"the same, and it asks for a password",
	{GOOD_REST, .history = {.always_signed = true},
	    .request = REQUEST_CREDENTIALS},
	VERDICT_DANGER, "key.always-signed", "always signed so far"},
    {"a broken signature of somebody who always signs",
	{.sig = {.state = SIGNED_INVALID, .reason = "sig.digest-mismatch"},
	    GOOD_REST,
	    .history = {.always_signed = true}},
	VERDICT_UNSIGNED, "key.always-signed", "always signed so far"},
    {"a broken signature of such a one, asking for money",
	{.sig = {.state = SIGNED_INVALID, .reason = "sig.digest-mismatch"},
	    GOOD_REST,
	    .history = {.always_signed = true},
	    .request = REQUEST_MONEY},
	VERDICT_DANGER, "key.always-signed", "always signed so far"},
    {"a certificate that may not sign, of such a one",
	{.sig = {GOOD_SIGNER, .unfit = "cert.ku"},
	    GOOD_REST,
	    .history = {.always_signed = true}},
	VERDICT_UNSIGNED, "key.always-signed", "always signed so far"},
    {"sealed for others: it may be signed inside",
	{GOOD_REST, .history = {.always_signed = true},
	    .encrypted = {ENCRYPTED_UNDECRYPTABLE, "", "enc.not-for-us"}},
	VERDICT_UNSIGNED, "enc.not-for-us", "could not be opened"},
    {"signed by another than the one who always signs",
	{.sig = {GOOD_SIGNER, .by = "eve@beta.test", .binding = BINDING_OTHER},
	    GOOD_REST,
	    .history = {.always_signed = true}},
	VERDICT_CAUTION, "addr.mismatch", "eve@beta.test"},
    {"signed by another than the one who always signs, asking for money",
	{.sig = {GOOD_SIGNER, .by = "eve@beta.test", .binding = BINDING_OTHER},
	    GOOD_REST,
	    .history = {.always_signed = true},
	    .request = REQUEST_MONEY},
	VERDICT_DANGER, "key.always-signed", "always signed so far"},
    {"a list's footer behind what the one who always signs asks for",
	{.sig = {GOOD_SIGNER, .part = "part 1", .binding = BINDING_OTHER},
	    GOOD_REST,
	    .history = {.always_signed = true},
	    .request = REQUEST_MONEY},
	VERDICT_CAUTION, "sig.partial", "Only part 1"},
    {"the person said that unsigned is fine",
	{GOOD_REST, .history = {.always_signed = true, .accepted = true}},
	VERDICT_UNSIGNED, "sig.none", "Not signed"},
    {"that is no danger then, whatever it asks for",
	{GOOD_REST, .history = {.always_signed = true, .accepted = true},
	    .request = REQUEST_MONEY},
	VERDICT_UNSIGNED, "sig.none", "Not signed"},

    /* --- another authority than so far --- */
    {"a new authority",
	{.sig = {GOOD_SIGNER}, GOOD_REST, .history = {.new_root = true}},
	VERDICT_CAUTION, "key.new-root", "another authority than so far"},
    {"a new authority, asking for money: no danger alone",
	{.sig = {GOOD_SIGNER},
	    GOOD_REST,
	    .history = {.new_root = true},
	    .request = REQUEST_MONEY},
	VERDICT_CAUTION, "key.new-root", "another authority than so far"},
    {"a new authority that the person said is fine",
	{.sig = {GOOD_SIGNER},
	    GOOD_REST,
	    .history = {.new_root = true, .accepted = true}},
	VERDICT_VERIFIED, NULL, "Signed by alice"},
    {"two authorities",
	{.sig = {GOOD_SIGNER}, GOOD_REST, .history = {.conflict = true}},
	VERDICT_CAUTION, "key.conflict", "Two authorities"},
    {"two authorities, asking for money",
	{.sig = {GOOD_SIGNER},
	    GOOD_REST,
	    .history = {.conflict = true},
	    .request = REQUEST_MONEY},
	VERDICT_DANGER, "key.conflict", "Two authorities"},
    {"two authorities, asking for a password",
	{.sig = {GOOD_SIGNER},
	    GOOD_REST,
	    .history = {.conflict = true},
	    .request = REQUEST_CREDENTIALS},
	VERDICT_DANGER, "key.conflict", "Two authorities"},
    {"two authorities, and both are fine",
	{.sig = {GOOD_SIGNER},
	    GOOD_REST,
	    .history = {.conflict = true, .accepted = true},
	    .request = REQUEST_MONEY},
	VERDICT_VERIFIED, NULL, "Signed by alice"},
    {"two authorities, and this letter is not signed",
	{GOOD_REST, .history = {.conflict = true}, .request = REQUEST_MONEY},
	VERDICT_UNSIGNED, "sig.none", "Not signed"},
    {"the conflict is said before the new authority",
	{.sig = {GOOD_SIGNER},
	    GOOD_REST,
	    .history = {.conflict = true, .new_root = true}},
	VERDICT_CAUTION, "key.conflict", "Two authorities"},

    /* --- what the person said is fine --- */
    {"a look-alike that is fine",
	{.sig = {GOOD_SIGNER},
	    GOOD_REST,
	    .lookalike = {"addr.confusable", true, "al@alpha.test"},
	    .history = {.accepted = true}},
	VERDICT_VERIFIED, NULL, "Signed by alice"},
    {"a resemblance that is fine",
	{.sig = {GOOD_SIGNER},
	    GOOD_REST,
	    .lookalike = {"addr.name-of-known", false, "al@alpha.test"},
	    .history = {.accepted = true}},
	VERDICT_VERIFIED, NULL, "Signed by alice"},
    {"a look-alike that is fine is still not signed",
	{GOOD_REST, .lookalike = {"addr.confusable", true, "al@alpha.test"},
	    .history = {.accepted = true}},
	VERDICT_UNSIGNED, "sig.none", "Not signed"},
    {"what cannot be seen cannot have been found fine",
	{.sig = {GOOD_SIGNER},
	    GOOD_REST,
	    .lookalike = {"addr.deceptive", true, ""},
	    .history = {.accepted = true}},
	VERDICT_DANGER, "addr.deceptive", "made to deceive"},
    {"fine is no signature", {GOOD_REST, .history = {.accepted = true}},
	VERDICT_UNSIGNED, "sig.none", "Not signed"},
    {"fine mends no broken signature",
	{.sig = {.state = SIGNED_INVALID, .reason = "sig.invalid"},
	    GOOD_REST,
	    .history = {.accepted = true}},
	VERDICT_UNSIGNED, "sig.invalid", "not valid"},
    {"fine does not hide a stolen key",
	{.sig = {GOOD_SIGNER, .chain = CHAIN_INVALID,
	     .revocation = REVOCATION_COMPROMISED},
	    GOOD_REST,
	    .history = {.accepted = true}},
	VERDICT_DANGER, "cert.revoked-compromise", "stolen"},
    {"fine does not hide that it was revoked",
	{.sig = {GOOD_SIGNER, .chain = CHAIN_INVALID,
	     .revocation = REVOCATION_REVOKED},
	    GOOD_REST,
	    .history = {.accepted = true}},
	VERDICT_CAUTION, "cert.revoked", "was revoked"},
    {"fine makes no root trusted",
	{.sig = {GOOD_SIGNER, .chain = CHAIN_NO_ANCHOR},
	    GOOD_REST,
	    .history = {.accepted = true}},
	VERDICT_CAUTION, "chain.no-anchor", "no authority that you trust"},
    {"fine does not make another's signature the sender's",
	{.sig = {GOOD_SIGNER, .by = "eve@beta.test", .binding = BINDING_OTHER},
	    GOOD_REST,
	    .acquaintance = ACQUAINTANCE_KNOWN,
	    .history = {.accepted = true}},
	VERDICT_DANGER, "addr.mismatch", "Not from alice@alpha.test"},
    {"fine does not make the inside true",
	{GOOD_REST, .outer_from = "eve@beta.test", .from_mismatch = true,
	    .history = {.accepted = true}},
	VERDICT_DANGER, "hdr.from-mismatch", "claims to be from alice"},
    {"fine does not sign the rest of a letter",
	{.sig = {GOOD_SIGNER, .part = "part 2"},
	    GOOD_REST,
	    .history = {.accepted = true}},
	VERDICT_CAUTION, "sig.partial", "Only part 2"},

    /* --- what it asks for --- */
    {"who is proven may ask for money",
	{.sig = {GOOD_SIGNER}, GOOD_REST, .request = REQUEST_MONEY},
	VERDICT_VERIFIED, NULL, "Signed by alice"},
    {"who is proven may ask for a password",
	{.sig = {GOOD_SIGNER}, GOOD_REST, .request = REQUEST_CREDENTIALS},
	VERDICT_VERIFIED, NULL, "Signed by alice"},
    {"unsigned and asking for money is no danger by itself",
	{GOOD_REST, .request = REQUEST_MONEY}, VERDICT_UNSIGNED, "sig.none",
	"Not signed"},
    {"unsigned and asking for a password is none either",
	{GOOD_REST, .request = REQUEST_CREDENTIALS}, VERDICT_UNSIGNED,
	"sig.none", "Not signed"},
    {"of somebody known and asking for money: none either",
	{GOOD_REST, .request = REQUEST_MONEY,
	    .acquaintance = ACQUAINTANCE_KNOWN},
	VERDICT_UNSIGNED, "sig.none", "Not signed"},
    {"of no trusted root and asking for money: none either",
	{.sig = {GOOD_SIGNER, .chain = CHAIN_NO_ANCHOR},
	    GOOD_REST,
	    .request = REQUEST_MONEY},
	VERDICT_CAUTION, "chain.no-anchor", "no authority that you trust"},
    {"a list's footer and a fee: none either",
	{.sig = {GOOD_SIGNER, .part = "part 1"},
	    GOOD_REST,
	    .request = REQUEST_MONEY},
	VERDICT_CAUTION, "sig.partial", "Only part 1"},
    {"a resemblance that asks for money: none either",
	{.sig = {GOOD_SIGNER},
	    GOOD_REST,
	    .lookalike = {"addr.confusable", false, "al@alpha.test"},
	    .request = REQUEST_MONEY},
	VERDICT_CAUTION, "addr.confusable", "resembles al@alpha.test"},

    /* --- what servers say --- */
    {"DKIM, SPF and DMARC pass: it is not signed all the same",
	{GOOD_REST,
	    .transport = {TRANSPORT_PASS, TRANSPORT_PASS, TRANSPORT_PASS}},
	VERDICT_UNSIGNED, "sig.none", "Not signed"},
    {"they fail: it is no danger",
	{GOOD_REST,
	    .transport = {TRANSPORT_FAIL, TRANSPORT_FAIL, TRANSPORT_FAIL}},
	VERDICT_UNSIGNED, "sig.none", "Not signed"},
    {"they fail: the signature holds all the same",
	{.sig = {GOOD_SIGNER},
	    GOOD_REST,
	    .transport = {TRANSPORT_FAIL, TRANSPORT_FAIL, TRANSPORT_FAIL}},
	VERDICT_VERIFIED, "dkim.fail", "Signed by alice"},
    {"DKIM passes: noted",
	{.sig = {GOOD_SIGNER},
	    GOOD_REST,
	    .transport = {.dkim = TRANSPORT_PASS}},
	VERDICT_VERIFIED, "dkim.pass", "Signed by alice"},
    {"SPF passes: noted",
	{.sig = {GOOD_SIGNER}, GOOD_REST, .transport = {.spf = TRANSPORT_PASS}},
	VERDICT_VERIFIED, "spf.pass", "Signed by alice"},
    {"SPF fails: noted",
	{.sig = {GOOD_SIGNER}, GOOD_REST, .transport = {.spf = TRANSPORT_FAIL}},
	VERDICT_VERIFIED, "spf.fail", "Signed by alice"},
    {"DMARC passes: noted",
	{.sig = {GOOD_SIGNER},
	    GOOD_REST,
	    .transport = {.dmarc = TRANSPORT_PASS}},
	VERDICT_VERIFIED, "dmarc.pass", "Signed by alice"},
    {"DMARC fails: noted",
	{.sig = {GOOD_SIGNER},
	    GOOD_REST,
	    .transport = {.dmarc = TRANSPORT_FAIL}},
	VERDICT_VERIFIED, "dmarc.fail", "Signed by alice"},
    {"they pass for a look-alike: danger all the same",
	{GOOD_REST, .lookalike = {"addr.confusable", true, "al@alpha.test"},
	    .transport = {TRANSPORT_PASS, TRANSPORT_PASS, TRANSPORT_PASS}},
	VERDICT_DANGER, "addr.confusable", "only looks like"},

    /* --- what a root may do --- */
    {"a domain the root may not name",
	{.sig = {GOOD_SIGNER, .domain_allowed = false}, GOOD_REST},
	VERDICT_CAUTION, "root.domain", "may not vouch for that domain"},
    {"neither the domain nor the level",
	{.sig = {GOOD_SIGNER, .domain_allowed = false, .level = LEVEL_V4,
	     .level_allowed = false},
	    GOOD_REST},
	VERDICT_CAUTION, "root.domain", "may not vouch for that domain"},
    {"no root at all is said before what it may",
	{.sig = {GOOD_SIGNER, .chain = CHAIN_NO_ANCHOR, .domain_allowed = false,
	     .level_allowed = false},
	    GOOD_REST},
	VERDICT_CAUTION, "chain.no-anchor", "no authority that you trust"},
    {"an organisation, of a root that may name it",
	{.sig = {GOOD_SIGNER, .level = LEVEL_V3, .organization = "Alpha Ltd"},
	    GOOD_REST},
	VERDICT_VERIFIED, NULL, "Signed by alice@alpha.test of Alpha Ltd."},
    {"a level no profile names is an address like any",
	{.sig = {GOOD_SIGNER, .level = LEVEL_OTHER}, GOOD_REST},
	VERDICT_VERIFIED, NULL, "Signed by alice@alpha.test"},

    /* --- a part that is sealed by itself --- */
    {"signed, and a part is sealed by itself",
	{.sig = {GOOD_SIGNER}, GOOD_REST, .encrypted = {.part_inside = true}},
	VERDICT_CAUTION, "enc.mixed-context", "was not opened"},
    {"unsigned, and a part is sealed by itself",
	{GOOD_REST, .encrypted = {.part_inside = true}}, VERDICT_UNSIGNED,
	"sig.none", "Not signed"},
    {"sealed inside of what is sealed",
	{.sig = {GOOD_SIGNER},
	    GOOD_REST,
	    .encrypted = {ENCRYPTED_INTACT, "aes-256-gcm", NULL, true}},
	VERDICT_CAUTION, "enc.mixed-context", "was not opened"},

    /* --- sealed by one's own agent --- */
    {"came in the clear, signed",
	{.sig = {GOOD_SIGNER},
	    GOOD_REST,
	    .encrypted = {.state = ENCRYPTED_AT_REST}},
	VERDICT_VERIFIED, "enc.at-rest", "Signed by alice"},
    {"came in the clear, unsigned",
	{GOOD_REST, .encrypted = {.state = ENCRYPTED_AT_REST}},
	VERDICT_UNSIGNED, "sig.none", "Not signed"},

    /* --- time --- */
    {"first seen by the reader's own agent",
	{.sig = {GOOD_SIGNER},
	    .from = "alice@alpha.test",
	    .time = {.source = TIME_RECEIVED, .value = 1}},
	VERDICT_VERIFIED, "tst.none", "Signed by alice"},
    {"claimed only",
	{.sig = {GOOD_SIGNER},
	    .from = "alice@alpha.test",
	    .time = {.source = TIME_CLAIMED, .value = 1}},
	VERDICT_VERIFIED, "tst.none", "Signed by alice"},
    {"expired since, and first seen before",
	{.sig = {GOOD_SIGNER, .good_before = true},
	    .from = "alice@alpha.test",
	    .time = {.source = TIME_RECEIVED, .value = 1}},
	VERDICT_VERIFIED, "tst.none", "Signed by alice"},
    {"revoked since, and first seen before",
	{.sig = {GOOD_SIGNER, .good_before = true,
	     .revocation = REVOCATION_REVOKED},
	    .from = "alice@alpha.test",
	    .time = {.source = TIME_RECEIVED, .value = 1}},
	VERDICT_VERIFIED, "tst.none", "Signed by alice"},
    {"stolen since: only a timestamp tells which letters are older",
	{.sig = {GOOD_SIGNER, .good_before = true,
	     .revocation = REVOCATION_COMPROMISED},
	    .from = "alice@alpha.test",
	    .time = {.source = TIME_RECEIVED, .value = 1}},
	VERDICT_DANGER, "cert.revoked-compromise", "stolen"},
    {"expired since, by a time that is claimed only",
	{.sig = {GOOD_SIGNER, .good_before = true},
	    .from = "alice@alpha.test",
	    .time = {.source = TIME_CLAIMED, .value = 1}},
	VERDICT_CAUTION, "cert.expired-at-time", "not in order"},
    {"revoked since, by a time that is claimed only",
	{.sig = {GOOD_SIGNER, .good_before = true,
	     .revocation = REVOCATION_REVOKED},
	    .from = "alice@alpha.test",
	    .time = {.source = TIME_CLAIMED, .value = 1}},
	VERDICT_CAUTION, "cert.revoked", "was revoked"},
    {"a late token of a certificate that nobody trusts",
	{.sig = {GOOD_SIGNER, .chain = CHAIN_NO_ANCHOR},
	    GOOD_REST,
	    .time = {.source = TIME_STAMPED, .token_late = true}},
	VERDICT_CAUTION, "chain.no-anchor", "no authority that you trust"},

    /* --- several things at once --- */
    {"a stolen key goes before a look-alike",
	{.sig = {GOOD_SIGNER, .chain = CHAIN_INVALID,
	     .revocation = REVOCATION_COMPROMISED},
	    GOOD_REST,
	    .lookalike = {"addr.confusable", true, "x@y.test"}},
	VERDICT_DANGER, "cert.revoked-compromise", "stolen"},
    {"a look-alike goes before no signature",
	{GOOD_REST, .lookalike = {"addr.name-of-known", true, "x@y.test"}},
	VERDICT_DANGER, "addr.name-of-known", "bears the name of x@y.test"},
    {"a look-alike goes before what cannot be opened",
	{GOOD_REST, .lookalike = {"addr.confusable", true, "x@y.test"},
	    .encrypted = {ENCRYPTED_UNDECRYPTABLE, "", "enc.not-for-us"}},
	VERDICT_DANGER, "addr.confusable", "x@y.test"},
    {"a forwarded part that another signed, in a letter of somebody known",
	{.sig = {GOOD_SIGNER, .by = "carol@gamma.test",
	     .binding = BINDING_OTHER, .part = "part 2"},
	    GOOD_REST,
	    .acquaintance = ACQUAINTANCE_KNOWN},
	VERDICT_CAUTION, "sig.partial", "Only part 2"},
    {"a list's address in From, a footer behind what is signed",
	{.sig = {GOOD_SIGNER, .binding = BINDING_OTHER, .part = "part 1"},
	    .from = "list@lists.test",
	    .acquaintance = ACQUAINTANCE_KNOWN},
	VERDICT_CAUTION, "sig.partial", "Only part 1"},
    {"signed outside of what nobody could open",
	{.sig = {GOOD_SIGNER, .outside_only = true},
	    GOOD_REST,
	    .encrypted = {ENCRYPTED_UNDECRYPTABLE, "", "enc.not-for-us"}},
	VERDICT_UNSIGNED, "enc.not-for-us", "could not be opened"},
    {"another's signature, for another reader",
	{.sig = {GOOD_SIGNER, .by = "eve@beta.test", .binding = BINDING_OTHER},
	    GOOD_REST,
	    .not_for_reader = true},
	VERDICT_CAUTION, "addr.mismatch", "eve@beta.test"},
    {"unsigned and for another reader: who can tell",
	{GOOD_REST, .not_for_reader = true}, VERDICT_UNSIGNED, "sig.none",
	"Not signed"},
    {"a chain of too much",
	{.sig = {GOOD_SIGNER, .chain = CHAIN_INVALID,
	     .chain_reason = "chain.limit"},
	    GOOD_REST},
	VERDICT_CAUTION, "chain.limit", "not in order"},
    {"a fault without a name",
	{.sig = {GOOD_SIGNER, .chain = CHAIN_INVALID}, GOOD_REST},
	VERDICT_CAUTION, "chain.invalid", "not in order"},
    {"not yet valid",
	{.sig = {GOOD_SIGNER, .chain = CHAIN_INVALID,
	     .chain_reason = "cert.not-yet-valid"},
	    GOOD_REST},
	VERDICT_CAUTION, "cert.not-yet-valid", "not in order"},
    {"an authority that may not speak for the address",
	{.sig = {GOOD_SIGNER, .chain = CHAIN_INVALID,
	     .chain_reason = "cert.name-constraint"},
	    GOOD_REST},
	VERDICT_CAUTION, "cert.name-constraint", "not in order"},
    {"a valid signature without a binding is nobody's",
	{.sig = {GOOD_SIGNER, .binding = BINDING_NONE}, GOOD_REST},
	VERDICT_CAUTION, "addr.none", "names no address"},
    {"a signature without a reason for being broken",
	{.sig = {.state = SIGNED_INVALID}, GOOD_REST}, VERDICT_UNSIGNED,
	"sig.invalid", "not valid"},
    {"closed without a reason",
	{GOOD_REST, .encrypted = {.state = ENCRYPTED_UNDECRYPTABLE}},
	VERDICT_UNSIGNED, "enc.undecryptable", "could not be opened"},
};

_Static_assert(COUNT(rows) >= 120, "rows");

static void
each_case_has_its_verdict(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct verdict got;

		verdict_decide(&row->facts, &got);
		if (got.level != row->level)
			fail_msg("%s: %s, want %s", row->name,
			    verdict_name(got.level), verdict_name(row->level));
		if (row->reason == NULL && got.reasons != 0)
			fail_msg("%s: reason %s", row->name, got.reason[0]);
		if (row->reason != NULL &&
		    (got.reasons == 0 || strcmp(got.reason[0], row->reason)))
			fail_msg("%s: reason %s, want %s", row->name,
			    got.reasons ? got.reason[0] : "none", row->reason);
		if (strstr(got.sentence, row->words) == NULL)
			fail_msg("%s: says \"%s\"", row->name, got.sentence);
	}
}

static void
the_worst_reason_comes_first_and_all_are_kept(void **state)
{
	const struct facts facts = {
	    .sig = {GOOD_SIGNER, .binding = BINDING_OTHER,
		.chain = CHAIN_NO_ANCHOR},
	    GOOD_REST,
	    .not_for_reader = true};
	struct verdict got;

	(void)state;
	verdict_decide(&facts, &got);
	assert_int_equal(got.reasons, 3);
	assert_string_equal(got.reason[0], "addr.mismatch");
	assert_string_equal(got.reason[1], "chain.no-anchor");
	assert_string_equal(got.reason[2], "addr.not-for-you");
}

static bool
gives(const struct facts *facts, const char *reason)
{
	struct verdict got;

	verdict_decide(facts, &got);
	for (size_t i = 0; i < got.reasons; i++)
		if (!strcmp(got.reason[i], reason))
			return true;
	return false;
}

static void
notes_are_told_beside_the_verdict(void **state)
{
	const struct facts malleable = {
	    GOOD_REST, .encrypted = {ENCRYPTED_MALLEABLE, "aes-256-cbc", NULL}};
	const struct facts seen = {.sig = {GOOD_SIGNER, .good_before = true},
	    .time = {.source = TIME_RECEIVED, .value = 1}};

	(void)state;
	assert_true(gives(&malleable, "enc.cbc-unauth"));
	assert_true(gives(&seen, "cert.good-when-received"));
	assert_false(gives(&seen, "cert.good-when-stamped"));
}

static void
a_sentence_has_at_most_120_characters(void **state)
{
	struct facts facts = {.sig = {GOOD_SIGNER}, GOOD_REST};
	struct verdict got;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		facts = rows[i].facts;
		memset(facts.from, 'a', sizeof(facts.from) - 1);
		memset(facts.sig.by, 'b', sizeof(facts.sig.by) - 1);
		memcpy(facts.sig.by + 300, "@evil.example.test", 18);
		verdict_decide(&facts, &got);
		/* not cut by the buffer: every sentence ends as written */
		size_t len = strlen(got.sentence);
		assert_in_range(len, 10, 120);
		assert_int_equal(got.sentence[len - 1], '.');
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_case_has_its_verdict),
	    cmocka_unit_test(the_worst_reason_comes_first_and_all_are_kept),
	    cmocka_unit_test(notes_are_told_beside_the_verdict),
	    cmocka_unit_test(a_sentence_has_at_most_120_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
