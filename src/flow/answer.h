/* flow/answer -- may this letter go, and how?
 *
 * Pure, like flow/verdict: facts in, decision out.  The rules are a table, and
 * the first that holds decides; nothing that a letter can be has none.  A
 * letter goes sealed to each of its recipients, or not at all.
 *
 * Standard:  RFC 9788 section 6; what a mail program shows of a sealed letter
 *            must not come back, in an answer, to somebody who only holds its
 *            ciphertext (decryption oracles).
 * Source:    doc/letters.md has the table in words, for every kind of letter;
 *            test/docs_test.py compares them.
 * May use:   base.
 */
#ifndef FLOW_ANSWER_H
#define FLOW_ANSWER_H

#include <stdbool.h>

enum answer_kind {
	ANSWER_NEW,
	ANSWER_REPLY,
	ANSWER_FORWARD,  /* its text in the text of a new one */
	ANSWER_ATTACHED, /* the letter as a part of a new one */
	ANSWER_DRAFT,    /* kept on the server, drafts and sent copies */
	ANSWER_AUTOMATIC,
	ANSWER_CALENDAR,
	ANSWER_DELIVERY_REPORT,
	ANSWER_READ_REPORT,
	ANSWER_LIST,
	ANSWER_RESENT,
	ANSWER_KINDS,
};

/* What of the letters that it answers or quotes is the worst. */
enum answer_about {
	ANSWER_ABOUT_NOTHING, /* or what came in the clear */
	ANSWER_ABOUT_SIGNED,  /* sealed and signed */
	ANSWER_ABOUT_UNSIGNED,
	ANSWER_ABOUT_MALLEABLE,
	ANSWER_ABOUTS,
};

struct answer_facts {
	enum answer_kind kind;
	bool of_another;     /* From is not the account's */
	bool no_certificate; /* somebody's, among the recipients */
	enum answer_about about;
	bool quotes; /* words or attachments of that letter */
	bool strays; /* to somebody whom that letter's signer did not name */
	/* More letters bear its Message-ID than are told apart. */
	bool crowded;
};

enum answer_way { ANSWER_SEALED, ANSWER_SEALED_TO_SELF, ANSWER_REFUSED };

struct answer_decision {
	enum answer_way way;
	const char *rule; /* its name, static */
	const char *why; /* what and what to do, for the person; NULL: sealed */
};

void answer_decide(
    const struct answer_facts *facts, struct answer_decision *ret);

/* "reply", "delivery-report", ... */
const char *answer_kind_name(enum answer_kind kind);

#endif
