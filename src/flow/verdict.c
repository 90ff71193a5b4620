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

/* Did something better than the sender's word say when the signature was
 * there?  Its certificate was good then, though it is not now. */
static bool
was_good(const struct facts *f)
{
	return f->sig.good_before && (f->time.source == TIME_STAMPED ||
					 f->time.source == TIME_RECEIVED);
}

/* The thief of a key signs at any time he likes, and sends it when he likes:
 * of a stolen key only a timestamp tells which letters are older. */
static bool
compromised(const struct facts *f)
{
	return is_signed(f) && f->sig.revocation == REVOCATION_COMPROMISED &&
	       !(was_good(f) && f->time.source == TIME_STAMPED);
}

/* The protected From says one thing, the outside another, and nobody vouches
 * for the inside: RFC 9788 section 4.4. */
static bool
from_mismatch(const struct facts *f)
{
	return f->from_mismatch &&
	       !(is_bound(f) && f->sig.chain == CHAIN_VALID);
}

/* Of the whole letter: whoever forwards a signed letter as a part of his own
 * imitates nobody. */
static bool
other_signer_of_known(const struct facts *f)
{
	return is_signed(f) && f->sig.binding == BINDING_OTHER &&
	       f->sig.part[0] == '\0' && f->acquaintance == ACQUAINTANCE_KNOWN;
}

/* The person looked at the address and said that it is fine. */
static bool
resembles_somebody(const struct facts *f)
{
	return f->lookalike.reason != NULL && !f->history.accepted;
}

static bool
lookalike(const struct facts *f)
{
	return resembles_somebody(f) && f->lookalike.strong &&
	       f->lookalike.of[0] != '\0';
}

/* What shows nothing, or turns the text around, nobody can have looked at. */
static bool
deceptive(const struct facts *f)
{
	return f->lookalike.reason != NULL && f->lookalike.strong &&
	       f->lookalike.of[0] == '\0';
}

static bool
resembles(const struct facts *f)
{
	return resembles_somebody(f) && !f->lookalike.strong;
}

static bool
asks(const struct facts *f)
{
	return f->request != REQUEST_NONE;
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

/* Always signed by From so far, and this one is not.  What could not be opened
 * may be signed inside, and lists add to what somebody signed. */
static bool
not_as_usual(const struct facts *f)
{
	return f->history.always_signed && !f->history.accepted &&
	       !not_opened(f) &&
	       (!is_signed(f) || f->sig.binding == BINDING_OTHER) &&
	       !(is_signed(f) && f->sig.part[0] != '\0');
}

/* Phones and vacation replies do not sign: only what it asks for makes it
 * danger. */
static bool
not_as_usual_and_asks(const struct facts *f)
{
	return not_as_usual(f) && asks(f);
}

static bool
unsigned_now(const struct facts *f)
{
	return not_as_usual(f) && !is_signed(f);
}

static bool
conflict(const struct facts *f)
{
	return is_signed(f) && f->history.conflict && !f->history.accepted;
}

static bool
conflict_and_asks(const struct facts *f)
{
	return conflict(f) && asks(f);
}

static bool
new_root(const struct facts *f)
{
	return is_signed(f) && f->history.new_root && !f->history.accepted;
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
	return is_signed(f) && (f->sig.binding == BINDING_NO_ADDRESS ||
				   f->sig.binding == BINDING_NONE);
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
	return is_signed(f) && !was_good(f) &&
	       (f->sig.revocation == REVOCATION_REVOKED ||
		   f->sig.revocation == REVOCATION_COMPROMISED);
}

static bool
chain_invalid(const struct facts *f)
{
	return is_signed(f) && !revoked(f) &&
	       (f->sig.chain == CHAIN_INVALID ||
		   (f->sig.good_before && !was_good(f)));
}

static bool
domain_not_allowed(const struct facts *f)
{
	return is_signed(f) && f->sig.chain == CHAIN_VALID &&
	       !f->sig.domain_allowed;
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

/* Whoever signed the ciphertext need not know what is in it; and a mail
 * program that opened it among other text would give it away (EFAIL). */
static bool
part_encrypted(const struct facts *f)
{
	return f->encrypted.part_inside;
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
	if (f->sig.chain_reason != NULL)
		return f->sig.chain_reason;
	return f->sig.chain == CHAIN_VALID ? "cert.expired-at-time"
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

    {not_as_usual_and_asks, VERDICT_DANGER, "key.always-signed", NULL,
	"%s always signed so far; this is not signed, and wants something.",
	about_from},
    {conflict_and_asks, VERDICT_DANGER, "key.conflict", NULL,
	"Two authorities each name a key of %s, and this wants something.",
	about_signer},

    {unreadable, VERDICT_UNSIGNED, "letter.unreadable", NULL,
	"This is no proper letter; nothing is known of who wrote it.", NULL},
    {not_opened, VERDICT_UNSIGNED, NULL, encrypted_reason,
	"This letter could not be opened; nothing is known of who wrote it.",
	NULL},
    {unsigned_now, VERDICT_UNSIGNED, "key.always-signed", NULL,
	"%s always signed so far, and nothing proves this letter.", about_from},
    {signature_invalid, VERDICT_UNSIGNED, NULL, signature_reason,
	"Its signature is not valid: anybody can have written or changed it.",
	NULL},
    {signer_unfit, VERDICT_UNSIGNED, NULL, unfit_reason,
	"Signed with a certificate that is not made for signing mail.", NULL},
    {not_signed, VERDICT_UNSIGNED, "sig.none", NULL,
	"Not signed: anybody can write %s as the sender.", about_from},

    {part_only, VERDICT_CAUTION, "sig.partial", NULL,
	"Only %s of this letter is signed; the rest can be anybody's.",
	about_part},
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
    {domain_not_allowed, VERDICT_CAUTION, "root.domain", NULL,
	"The authority of %s may not vouch for that domain.", about_signer},
    {level_not_allowed, VERDICT_CAUTION, "root.level", NULL,
	"The authority of %s may not vouch for more than an address.",
	about_signer},
    {conflict, VERDICT_CAUTION, "key.conflict", NULL,
	"Two authorities each name a key of %s: one of them may be wrong.",
	about_signer},
    {new_root, VERDICT_CAUTION, "key.new-root", NULL,
	"Signed by %s, but under another authority than so far.", about_signer},
    {not_as_usual, VERDICT_CAUTION, "key.always-signed", NULL,
	"%s always signed so far, and did not sign this letter.", about_from},
    {revocation_unchecked, VERDICT_CAUTION, "cert.status-unknown", NULL,
	"Signed by %s; revocation not checked.", about_signer},
    {not_for_reader, VERDICT_CAUTION, "addr.not-for-you", NULL,
	"Signed by %s, but written to somebody else, not to you.",
	about_signer},
    {resembles, VERDICT_CAUTION, NULL, lookalike_reason,
	"The sender resembles %s: make sure that it is who you mean.",
	about_imitated},
    {part_encrypted, VERDICT_CAUTION, "enc.mixed-context", NULL,
	"Signed by %s, but a part of it is sealed and was not opened.",
	about_signer},
    {token_late, VERDICT_CAUTION, "tst.late", NULL,
	"Signed by %s; its proven time is more than a day later than claimed.",
	about_signer},
};

/* --- notes: worth knowing, but no reason to trust a letter less or more ---- */

struct note {
	bool (*holds)(const struct facts *facts);
	const char *reason;
};

static bool
malleable(const struct facts *f)
{
	return f->encrypted.state == ENCRYPTED_MALLEABLE;
}

static bool
at_rest(const struct facts *f)
{
	return f->encrypted.state == ENCRYPTED_AT_REST;
}

static bool
token_invalid(const struct facts *f)
{
	return f->time.token_invalid;
}

static bool
not_stamped(const struct facts *f)
{
	return is_signed(f) && f->time.source != TIME_STAMPED;
}

static bool
good_when_stamped(const struct facts *f)
{
	return is_signed(f) && was_good(f) && f->time.source == TIME_STAMPED;
}

static bool
good_when_received(const struct facts *f)
{
	return is_signed(f) && was_good(f) && f->time.source == TIME_RECEIVED;
}

static bool
dkim_pass(const struct facts *f)
{
	return f->transport.dkim == TRANSPORT_PASS;
}

static bool
dkim_fail(const struct facts *f)
{
	return f->transport.dkim == TRANSPORT_FAIL;
}

static bool
spf_pass(const struct facts *f)
{
	return f->transport.spf == TRANSPORT_PASS;
}

static bool
spf_fail(const struct facts *f)
{
	return f->transport.spf == TRANSPORT_FAIL;
}

static bool
dmarc_pass(const struct facts *f)
{
	return f->transport.dmarc == TRANSPORT_PASS;
}

static bool
dmarc_fail(const struct facts *f)
{
	return f->transport.dmarc == TRANSPORT_FAIL;
}

/* What servers on the way say is about a domain, and is anybody's who sends
 * from there: never more than a note. */
static const struct note notes[] = {
    {malleable, "enc.cbc-unauth"},
    {at_rest, "enc.at-rest"},
    {token_invalid, "tst.invalid"},
    {not_stamped, "tst.none"},
    {good_when_stamped, "cert.good-when-stamped"},
    {good_when_received, "cert.good-when-received"},
    {dkim_pass, "dkim.pass"},
    {dkim_fail, "dkim.fail"},
    {spf_pass, "spf.pass"},
    {spf_fail, "spf.fail"},
    {dmarc_pass, "dmarc.pass"},
    {dmarc_fail, "dmarc.fail"},
};

#define RULES (sizeof(rules) / sizeof(rules[0]))
#define NOTES (sizeof(notes) / sizeof(notes[0]))
/* one more for what it asks for */
_Static_assert(RULES + NOTES + 1 <= VERDICT_REASONS_MAX, "for every reason");

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

/* Whoever is proven may ask for money; of all others it is told. */
static void
add_request(const struct facts *f, struct verdict *ret)
{
	if (ret->level == VERDICT_VERIFIED || !asks(f))
		return;
	add_reason(
	    ret, f->request == REQUEST_MONEY ? "ask.money" : "ask.credentials");
}

static void
add_notes(const struct facts *f, struct verdict *ret)
{
	for (size_t i = 0; i < NOTES; i++)
		if (notes[i].holds(f))
			add_reason(ret, notes[i].reason);
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
	add_request(facts, ret);
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
