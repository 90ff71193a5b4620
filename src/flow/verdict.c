#include "flow/verdict.h"

#include <stdio.h>
#include <string.h>

/* A rule: when `holds`, the letter can be no better than `level`, `reason` is
 * given, and (for the first rule that holds) `say` writes the sentence. */
struct rule {
	bool (*holds)(const struct facts *facts);
	enum verdict_level level;
	const char *reason; /* NULL: reason_of() */
	const char *(*reason_of)(const struct facts *facts);
	const char *sentence; /* "%s" is the address it is about */
	const char *(*about)(const struct facts *facts);
};

/* --- conditions ---------------------------------------------------------- */

static bool
is_signed(const struct facts *f)
{
	return f->sig.state == SIGNED_VALID && f->sig.unfit == NULL;
}

static bool
is_bound(const struct facts *f)
{
	return is_signed(f) && f->sig.binding == BINDING_FROM &&
	       !f->from_unclear;
}

/* What must be there; the rules below are what must not. */
static bool
is_proven(const struct facts *f)
{
	return is_bound(f) && f->sig.chain == CHAIN_VALID &&
	       f->sig.part[0] == '\0' && !f->sig.outside_only;
}

static bool
compromised(const struct facts *f)
{
	return is_signed(f) && f->sig.revocation == REVOCATION_COMPROMISED &&
	       !f->sig.good_before;
}

/* The protected From says one thing, the outside another, and nobody vouches
 * for the inside: RFC 9788 section 4.4. */
static bool
from_mismatch(const struct facts *f)
{
	return f->from_mismatch &&
	       !(is_bound(f) && f->sig.chain == CHAIN_VALID);
}

static bool
other_signer_of_known(const struct facts *f)
{
	return is_signed(f) && f->sig.binding == BINDING_OTHER &&
	       f->acquaintance == ACQUAINTANCE_KNOWN;
}

static bool
lookalike(const struct facts *f)
{
	return f->lookalike.reason != NULL && f->lookalike.strong &&
	       f->lookalike.of[0] != '\0';
}

static bool
deceptive(const struct facts *f)
{
	return f->lookalike.reason != NULL && f->lookalike.strong &&
	       f->lookalike.of[0] == '\0';
}

static bool
resembles(const struct facts *f)
{
	return f->lookalike.reason != NULL && !f->lookalike.strong;
}

static bool
unreadable(const struct facts *f)
{
	return f->unreadable;
}

static bool
not_opened(const struct facts *f)
{
	return f->encrypted.state == ENCRYPTED_UNDECRYPTABLE;
}

static bool
signature_invalid(const struct facts *f)
{
	return f->sig.state == SIGNED_INVALID;
}

static bool
signer_unfit(const struct facts *f)
{
	return f->sig.state == SIGNED_VALID && f->sig.unfit != NULL;
}

static bool
not_signed(const struct facts *f)
{
	return f->sig.state == SIGNED_NONE && !not_opened(f) && !unreadable(f);
}

static bool
from_unclear(const struct facts *f)
{
	return is_signed(f) && f->from_unclear;
}

static bool
other_signer(const struct facts *f)
{
	return is_signed(f) && f->sig.binding == BINDING_OTHER;
}

static bool
sender_only(const struct facts *f)
{
	return is_signed(f) && f->sig.binding == BINDING_SENDER;
}

static bool
no_address(const struct facts *f)
{
	return is_signed(f) && f->sig.binding == BINDING_NO_ADDRESS;
}

static bool
one_of_several(const struct facts *f)
{
	return is_signed(f) && f->sig.binding == BINDING_ONE_OF_SEVERAL;
}

static bool
part_only(const struct facts *f)
{
	return is_signed(f) && f->sig.part[0] != '\0';
}

static bool
outside_only(const struct facts *f)
{
	return is_signed(f) && f->sig.outside_only;
}

static bool
other_invalid(const struct facts *f)
{
	return is_signed(f) && f->sig.other_invalid;
}

/* Two readers, two letters: the signature is about one of them. */
static bool
ambiguous(const struct facts *f)
{
	return is_signed(f) && f->ambiguous;
}

/* The signature is about another header than the one that is shown. */
static bool
outside_differs(const struct facts *f)
{
	return is_signed(f) && f->outside_differs;
}

static bool
no_anchor(const struct facts *f)
{
	return is_signed(f) && f->sig.chain == CHAIN_NO_ANCHOR;
}

static bool
revoked(const struct facts *f)
{
	return is_signed(f) && !f->sig.good_before &&
	       (f->sig.revocation == REVOCATION_REVOKED ||
		   f->sig.revocation == REVOCATION_COMPROMISED);
}

static bool
chain_invalid(const struct facts *f)
{
	return is_signed(f) && f->sig.chain == CHAIN_INVALID && !revoked(f);
}

static bool
level_not_allowed(const struct facts *f)
{
	return is_signed(f) && f->sig.chain == CHAIN_VALID &&
	       !f->sig.level_allowed;
}

static bool
revocation_unchecked(const struct facts *f)
{
	return is_signed(f) && f->sig.chain == CHAIN_VALID &&
	       f->sig.revocation == REVOCATION_UNKNOWN;
}

static bool
not_for_reader(const struct facts *f)
{
	return is_signed(f) && f->not_for_reader;
}

static bool
token_late(const struct facts *f)
{
	return is_signed(f) && f->time.token_late;
}

/* --- what the sentence is about ------------------------------------------ */

static const char *
about_from(const struct facts *f)
{
	return f->from[0] != '\0' ? f->from : "somebody";
}

static const char *
about_signer(const struct facts *f)
{
	return f->sig.by[0] != '\0' ? f->sig.by : "somebody";
}

static const char *
about_imitated(const struct facts *f)
{
	return f->lookalike.of[0] != '\0' ? f->lookalike.of : "another";
}

static const char *
about_part(const struct facts *f)
{
	return f->sig.part;
}

static const char *
signature_reason(const struct facts *f)
{
	return f->sig.reason != NULL ? f->sig.reason : "sig.invalid";
}

static const char *
unfit_reason(const struct facts *f)
{
	return f->sig.unfit;
}

static const char *
lookalike_reason(const struct facts *f)
{
	return f->lookalike.reason;
}

static const char *
encrypted_reason(const struct facts *f)
{
	return f->encrypted.reason != NULL ? f->encrypted.reason
					   : "enc.undecryptable";
}

static const char *
chain_reason(const struct facts *f)
{
	return f->sig.chain_reason != NULL ? f->sig.chain_reason
					   : "chain.invalid";
}

/* --- the rules, worst first ----------------------------------------------- */

static const struct rule rules[] = {
    {compromised, VERDICT_DANGER, "cert.revoked-compromise", NULL,
	"The key of %s was stolen: somebody else may have written this.",
	about_signer},
    {from_mismatch, VERDICT_DANGER, "hdr.from-mismatch", NULL,
	"It claims to be from %s, but was not sent so and is not signed so.",
	about_from},
    {other_signer_of_known, VERDICT_DANGER, "addr.mismatch", NULL,
	"Not from %s: somebody else signed it.", about_from},
    {lookalike, VERDICT_DANGER, NULL, lookalike_reason,
	"The sender only looks like %s, and is somebody else.", about_imitated},
    {deceptive, VERDICT_DANGER, NULL, lookalike_reason,
	"The sender's name or address is made to deceive: %s.", about_from},

    {unreadable, VERDICT_UNSIGNED, "letter.unreadable", NULL,
	"This is no proper letter; nothing is known of who wrote it.", NULL},
    {not_opened, VERDICT_UNSIGNED, NULL, encrypted_reason,
	"This letter could not be opened; nothing is known of who wrote it.",
	NULL},
    {signature_invalid, VERDICT_UNSIGNED, NULL, signature_reason,
	"Its signature is not valid: anybody can have written or changed it.",
	NULL},
    {signer_unfit, VERDICT_UNSIGNED, NULL, unfit_reason,
	"Signed with a certificate that is not made for signing mail.", NULL},
    {not_signed, VERDICT_UNSIGNED, "sig.none", NULL,
	"Not signed: anybody can write %s as the sender.", about_from},

    {from_unclear, VERDICT_CAUTION, "hdr.from-unclear", NULL,
	"Signed by %s, but the letter does not name one sender.", about_signer},
    {other_signer, VERDICT_CAUTION, "addr.mismatch", NULL,
	"Signed by %s, who is not the sender it names.", about_signer},
    {sender_only, VERDICT_CAUTION, "addr.sender-only", NULL,
	"Signed by %s on behalf of another, whom nothing proves.",
	about_signer},
    {no_address, VERDICT_CAUTION, "addr.none", NULL,
	"Signed, but the certificate names no address.", NULL},
    {one_of_several, VERDICT_CAUTION, "addr.several", NULL,
	"Signed by %s only; the other senders it names are not proven.",
	about_signer},
    {part_only, VERDICT_CAUTION, "sig.partial", NULL,
	"Only %s of this letter is signed; the rest can be anybody's.",
	about_part},
    {outside_only, VERDICT_CAUTION, "sig.outside-only", NULL,
	"%s signed the sealed envelope, not the letter inside.", about_signer},
    {ambiguous, VERDICT_CAUTION, "letter.ambiguous", NULL,
	"Signed by %s, but other programs may show another text.",
	about_signer},
    {other_invalid, VERDICT_CAUTION, "sig.several", NULL,
	"Signed by %s; another signature on it does not hold.", about_signer},
    {outside_differs, VERDICT_CAUTION, "hdr.outside-differs", NULL,
	"Signed by %s, but sender or subject were changed on the way.",
	about_signer},
    {no_anchor, VERDICT_CAUTION, "chain.no-anchor", NULL,
	"Signed as %s, but by no authority that you trust.", about_signer},
    {revoked, VERDICT_CAUTION, "cert.revoked", NULL,
	"The certificate of %s was revoked, and no time proves it was before.",
	about_signer},
    {chain_invalid, VERDICT_CAUTION, NULL, chain_reason,
	"The certificate of %s is not in order.", about_signer},
    {level_not_allowed, VERDICT_CAUTION, "root.level", NULL,
	"The authority of %s may not vouch for more than an address.",
	about_signer},
    {revocation_unchecked, VERDICT_CAUTION, "cert.status-unknown", NULL,
	"Signed by %s; revocation not checked.", about_signer},
    {not_for_reader, VERDICT_CAUTION, "addr.not-for-you", NULL,
	"Signed by %s, but written to somebody else, not to you.",
	about_signer},
    {resembles, VERDICT_CAUTION, NULL, lookalike_reason,
	"The sender resembles %s: make sure that it is who you mean.",
	about_imitated},
    {token_late, VERDICT_CAUTION, "tst.late", NULL,
	"Signed by %s; its proven time is more than a day later than claimed.",
	about_signer},
};

#define RULES (sizeof(rules) / sizeof(rules[0]))
_Static_assert(RULES + 4 <= VERDICT_REASONS_MAX, "room for every reason");

/* An address is shown to at most this many bytes, so that the sentence keeps
 * its length; what is cut is replaced by dots in the middle. */
#define SHOWN_MAX 48

static void
shorten(const char *address, char shown[SHOWN_MAX + 1])
{
	size_t len = strlen(address);

	if (len <= SHOWN_MAX) {
		memcpy(shown, address, len + 1);
		return;
	}
	/* the end matters: it is the domain */
	memcpy(shown, address, 12);
	memcpy(shown + 12, "...", 3);
	memcpy(
	    shown + 15, address + len - (SHOWN_MAX - 15), SHOWN_MAX - 15 + 1);
}

static void
say(const char *sentence, const char *about, struct verdict *ret)
{
	char shown[SHOWN_MAX + 1];

	shorten(about, shown);
	/* one "%s" or none; the table is ours */
	const char *at = strstr(sentence, "%s");
	if (at == NULL) {
		(void)snprintf(
		    ret->sentence, sizeof(ret->sentence), "%s", sentence);
		return;
	}
	(void)snprintf(ret->sentence, sizeof(ret->sentence), "%.*s%s%s",
	    (int)(at - sentence), sentence, shown, at + 2);
}

static void
say_verified(const struct facts *f, struct verdict *ret)
{
	if (f->acquaintance == ACQUAINTANCE_FIRST)
		say("Signed by %s; first contact, only the address is proven.",
		    f->sig.by, ret);
	else
		say("Signed by %s.", f->sig.by, ret);
}

static void
add_reason(struct verdict *ret, const char *reason)
{
	for (size_t i = 0; i < ret->reasons; i++)
		if (!strcmp(ret->reason[i], reason))
			return;
	if (ret->reasons < VERDICT_REASONS_MAX)
		ret->reason[ret->reasons++] = reason;
}

/* Worth knowing, but no reason to trust a letter less. */
static void
add_notes(const struct facts *f, struct verdict *ret)
{
	if (f->encrypted.state == ENCRYPTED_MALLEABLE)
		add_reason(ret, "enc.cbc-unauth");
	if (f->time.token_invalid)
		add_reason(ret, "tst.invalid");
	if (is_signed(f) && f->time.source != TIME_STAMPED)
		add_reason(ret, "tst.none");
	if (is_signed(f) && f->sig.good_before)
		add_reason(ret, "cert.good-when-stamped");
}

void
verdict_decide(const struct facts *facts, struct verdict *ret)
{
	*ret = (struct verdict){.level = VERDICT_VERIFIED};
	for (size_t i = 0; i < RULES; i++) {
		const struct rule *rule = &rules[i];
		if (!rule->holds(facts))
			continue;
		if (ret->reasons == 0) {
			ret->level = rule->level;
			say(rule->sentence,
			    rule->about != NULL ? rule->about(facts) : "", ret);
		}
		add_reason(ret, rule->reason != NULL ? rule->reason
						     : rule->reason_of(facts));
	}
	/* Nothing spoke against it; only proof speaks for it. */
	if (ret->reasons == 0 && !is_proven(facts)) {
		ret->level = VERDICT_UNSIGNED;
		say("Nothing proves who wrote this.", "", ret);
	} else if (ret->reasons == 0) {
		say_verified(facts, ret);
	}
	add_notes(facts, ret);
}

const char *
verdict_name(enum verdict_level level)
{
	static const char *const names[] = {
	    [VERDICT_DANGER] = "danger",
	    [VERDICT_UNSIGNED] = "unsigned",
	    [VERDICT_CAUTION] = "caution",
	    [VERDICT_VERIFIED] = "verified",
	};

	return names[level];
}
