#include "flow/verdict.h"

#include <string.h>

/* A rule: when `holds`, the letter can be no better than `level`, and the
 * reason is given. */
struct rule {
	bool (*holds)(const struct facts *facts);
	enum verdict_level level;
	const char *reason; /* NULL: reason_of() */
	const char *(*reason_of)(const struct facts *facts);
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
infected(const struct facts *f)
{
	return f->scan != NULL && !strcmp(f->scan, "scan.infected");
}

static bool
unscanned(const struct facts *f)
{
	return f->scan != NULL && !strcmp(f->scan, "scan.too-large");
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

/* Did the authority issue it, though it is good no more, or not yet? */
static bool
was_issued(const struct facts *f)
{
	static const char *const innocent[] = {
	    "cert.expired-at-time", "cert.not-yet-valid", "cert.revoked"};

	if (f->sig.chain != CHAIN_INVALID || f->sig.chain_reason == NULL)
		return f->sig.chain == CHAIN_VALID;
	for (size_t i = 0; i < sizeof(innocent) / sizeof(innocent[0]); i++)
		if (!strcmp(f->sig.chain_reason, innocent[i]))
			return true;
	return false;
}

/* Always signed by From so far, and this one is not: anybody can make a
 * certificate that names whom he likes.  What could not be opened may be signed
 * inside. */
static bool
not_as_usual(const struct facts *f)
{
	if (!f->history.always_signed || f->history.accepted || not_opened(f))
		return false;
	return !is_signed(f) || f->sig.binding == BINDING_OTHER ||
	       !was_issued(f);
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

/* Only the timestamp speaks for a certificate that is good no more; RFC 3161
 * section 4: of an authority whose key was stolen no token is believed. */
static bool
rests_on_unchecked_token(const struct facts *f)
{
	return is_signed(f) && was_good(f) && f->time.token_unchecked;
}

/* Whoever signed the ciphertext need not know what is in it; and a mail
 * program that opened it among other text would give it away (EFAIL). */
static bool
part_encrypted(const struct facts *f)
{
	return f->encrypted.part_inside;
}

/* --- reasons of which the facts have one of several ----------------------- */

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
    {infected, VERDICT_DANGER, "scan.infected", NULL},
    {compromised, VERDICT_DANGER, "cert.revoked-compromise", NULL},
    {from_mismatch, VERDICT_DANGER, "hdr.from-mismatch", NULL},
    {other_signer_of_known, VERDICT_DANGER, "addr.mismatch", NULL},
    {lookalike, VERDICT_DANGER, NULL, lookalike_reason},
    {deceptive, VERDICT_DANGER, NULL, lookalike_reason},
    {not_as_usual_and_asks, VERDICT_DANGER, "key.always-signed", NULL},
    {conflict_and_asks, VERDICT_DANGER, "key.conflict", NULL},

    {unreadable, VERDICT_UNSIGNED, "letter.unreadable", NULL},
    {not_opened, VERDICT_UNSIGNED, NULL, encrypted_reason},
    {signature_invalid, VERDICT_UNSIGNED, NULL, signature_reason},
    {signer_unfit, VERDICT_UNSIGNED, NULL, unfit_reason},
    {unsigned_now, VERDICT_UNSIGNED, "key.always-signed", NULL},
    {not_signed, VERDICT_UNSIGNED, "sig.none", NULL},

    {part_only, VERDICT_CAUTION, "sig.partial", NULL},
    {from_unclear, VERDICT_CAUTION, "hdr.from-unclear", NULL},
    {other_signer, VERDICT_CAUTION, "addr.mismatch", NULL},
    {sender_only, VERDICT_CAUTION, "addr.sender-only", NULL},
    {no_address, VERDICT_CAUTION, "addr.none", NULL},
    {one_of_several, VERDICT_CAUTION, "addr.several", NULL},
    {outside_only, VERDICT_CAUTION, "sig.outside-only", NULL},
    {ambiguous, VERDICT_CAUTION, "letter.ambiguous", NULL},
    {other_invalid, VERDICT_CAUTION, "sig.several", NULL},
    {outside_differs, VERDICT_CAUTION, "hdr.outside-differs", NULL},
    {no_anchor, VERDICT_CAUTION, "chain.no-anchor", NULL},
    {revoked, VERDICT_CAUTION, "cert.revoked", NULL},
    {chain_invalid, VERDICT_CAUTION, NULL, chain_reason},
    {domain_not_allowed, VERDICT_CAUTION, "root.domain", NULL},
    {level_not_allowed, VERDICT_CAUTION, "root.level", NULL},
    {conflict, VERDICT_CAUTION, "key.conflict", NULL},
    {new_root, VERDICT_CAUTION, "key.new-root", NULL},
    {not_as_usual, VERDICT_CAUTION, "key.always-signed", NULL},
    {revocation_unchecked, VERDICT_CAUTION, "cert.status-unknown", NULL},
    {unscanned, VERDICT_CAUTION, "scan.too-large", NULL},
    {not_for_reader, VERDICT_CAUTION, "addr.not-for-you", NULL},
    {resembles, VERDICT_CAUTION, NULL, lookalike_reason},
    {part_encrypted, VERDICT_CAUTION, "enc.mixed-context", NULL},
    {token_late, VERDICT_CAUTION, "tst.late", NULL},
    {rests_on_unchecked_token, VERDICT_CAUTION, "tst.status-unknown", NULL},
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
token_unchecked(const struct facts *f)
{
	return is_signed(f) && f->time.token_unchecked;
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
    {token_unchecked, "tst.status-unknown"},
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

/* Worst first: the first that holds decides. */
static void
add_rules(const struct facts *f, struct verdict *ret)
{
	for (size_t i = 0; i < RULES; i++) {
		const struct rule *rule = &rules[i];
		if (!rule->holds(f))
			continue;
		if (ret->reasons == 0)
			ret->level = rule->level;
		add_reason(ret,
		    rule->reason != NULL ? rule->reason : rule->reason_of(f));
	}
}

void
verdict_decide(const struct facts *facts, struct verdict *ret)
{
	*ret = (struct verdict){.level = VERDICT_VERIFIED};
	add_rules(facts, ret);
	/* Nothing spoke against it; only proof speaks for it. */
	if (ret->reasons == 0 && !is_proven(facts)) {
		ret->level = VERDICT_UNSIGNED;
		add_reason(ret, "sig.unproven");
	}
	add_request(facts, ret);
	add_notes(facts, ret);
	verdict_say(facts, LANGUAGE_ENGLISH, ret);
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
