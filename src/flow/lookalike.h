/* flow/lookalike -- does a sender pass for somebody else?
 *
 * Given an address with its display name: is it a look-alike of somebody the
 * reader writes to, of a domain of the reader's own, or of an organisation
 * that is often imitated (flow/imitated)?  A signature does not matter here: a
 * perfectly valid one on micr0soft.com is what this is for.
 *
 * Source:    standards as in flow/skeleton and flow/domain.
 * May use:   base.  No I/O, no clock.  Once filled, a lookalike is constant
 *            and several threads may ask it.
 * Limits:    LOOKALIKE_PEOPLE_MAX people, LOOKALIKE_OWN_MAX own domains:
 *            RC_LIMIT.  A display name counts up to LOOKALIKE_NAME_MAX bytes,
 *            more than any program shows.
 *
 * How facts are filled from it.  flow/gather asks once a letter, with the
 * address the verdict is about (facts.from: the protected From where there is
 * one) and its display name; and once more with the outer From where that
 * differs and is shown.  RC_OK: the finding goes into the facts as
 *     const char *lookalike;          finding.reason
 *     bool lookalike_strong;          finding.strong
 *     char lookalike_of[];            finding.of, to be named in the sentence
 * Strong: `danger`, signed or not, whatever the certificate's chain; so the
 * rule stands above those that give `verified`.  Not strong: a letter is at
 * most `caution`, and stays `unsigned` if it was, with one more reason.
 * RC_ABSENT: nothing.  What the person has said to be fine ("this one is
 * fine") is added as known.  `organisation` is the one in a certificate of
 * level V3 or V4 whose chain is valid, whose root may give that level, and
 * which is bound to From; in all other cases it is SPAN_NONE.
 */
#ifndef FLOW_LOOKALIKE_H
#define FLOW_LOOKALIKE_H

#include "base/err.h"
#include "base/span.h"

#define LOOKALIKE_PEOPLE_MAX 50000
#define LOOKALIKE_OWN_MAX 1000
#define LOOKALIKE_NAME_MAX 512

struct lookalike;

/* Which rule found it.  What is strong goes before what is not; else the
 * first in this order is told. */
enum lookalike_rule {
	LOOKALIKE_INVISIBLE,    /* characters that show nothing or turn text */
	LOOKALIKE_UNREADABLE,   /* no registry gives such a domain */
	LOOKALIKE_CONFUSABLE,   /* looks the same: other scripts, 0 and o */
	LOOKALIKE_SCRIPTS,      /* scripts that nobody writes together */
	LOOKALIKE_DIGITS,       /* digits or accents for letters, i and l */
	LOOKALIKE_HYPHEN,       /* hyphens added, moved, left out */
	LOOKALIKE_SUBDOMAIN,    /* hsbc.com.evil.test */
	LOOKALIKE_WORDS,        /* paypal-secure.test */
	LOOKALIKE_ENDING,       /* another top-level domain */
	LOOKALIKE_SLIP,         /* a letter or two are wrong */
	LOOKALIKE_LOCAL,        /* the part before the @ imitates */
	LOOKALIKE_TURNED,       /* the name has characters that turn text */
	LOOKALIKE_ADDRESS,      /* the name is another address or domain */
	LOOKALIKE_ORGANISATION, /* the name is an organisation's */
	LOOKALIKE_PERSON,       /* the name is that of somebody known */
	LOOKALIKE_RULES
};

enum lookalike_kind {
	LOOKALIKE_NOBODY,  /* deceptive in itself */
	LOOKALIKE_OWN,     /* a domain of the reader's own */
	LOOKALIKE_KNOWN,   /* somebody the reader writes to */
	LOOKALIKE_IMITATED /* an organisation that is often imitated */
};

struct lookalike_sender {
	struct span local;  /* UTF-8, unquoted */
	struct span domain; /* A-labels or UTF-8, any case; may be [1.2.3.4] */
	struct span name;   /* display name, decoded; SPAN_NONE if none */
	struct span organisation; /* proven; see above */
};

struct lookalike_finding {
	enum lookalike_rule rule;
	const char *reason; /* static: "addr.confusable", ... */
	bool strong;
	enum lookalike_kind kind;
	const char *of; /* lent until lookalike_free(): an address, a domain, an
			 * organisation's name; "" for nobody */
};

/* With the shipped list, and nobody known. */
enum rc lookalike_new(struct lookalike **ret, struct err *err);
void lookalike_free(struct lookalike *lookalike); /* NULL is fine */

/* A domain the reader's own organisation has. */
enum rc lookalike_add_own(
    struct lookalike *lookalike, struct span domain, struct err *err);
/* Somebody the reader writes to; `name` may be SPAN_NONE.  The reader's own
 * address is added so too.  RC_SYNTAX: no address with a domain. */
enum rc lookalike_add_known(struct lookalike *lookalike, struct span address,
    struct span name, struct err *err);

/* RC_OK: it passes for *ret.  RC_ABSENT: for nobody.  A domain or name that
 * cannot be read is a finding, not a failure; failures are RC_NOMEM and
 * RC_UNFIT (of ICU): without an answer the letter is not verified. */
enum rc lookalike_find(const struct lookalike *lookalike,
    const struct lookalike_sender *sender, struct lookalike_finding *ret,
    struct err *err);

/* "confusable", "slip", ...: for tests and measurements. */
const char *lookalike_rule_name(enum lookalike_rule rule);

#endif
