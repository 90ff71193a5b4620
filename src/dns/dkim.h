/* dns/dkim -- DKIM signatures, by libopendkim over our resolver.
 *
 * Standard:  RFC 6376, 8301, 8463 as far as the library goes; the extra rules
 *            of RFC 8823 section 3 are `for_challenge` below.
 * May use:   base codec os mime.
 */
#ifndef DNS_DKIM_H
#define DNS_DKIM_H

#include "base/buf.h"
#include "base/source.h"
#include "dns/resolver.h"
#include "mime/field.h"

/* What the letter is, and so which fields its signature must cover. */
enum dkim_letter {
	DKIM_CHALLENGE, /* all that RFC 8823 section 3.1 names */
	DKIM_REPLY,     /* the same without Auto-Submitted: section 3.2 */
	/* Of these fields those that are there; From, To and Subject must be.
	 * Providers sign so, and do not sign what is absent. */
	DKIM_REPLY_LENIENT,
};

/* Is the letter signed by exactly the domain of its only From address, no l=
 * tag, not expired, a key of at least 1024 bits and rsa-sha256 or ed25519?
 * RC_OK: yes.  RC_REFUSED: no, with the reason.  RC_IO: the key could not be
 * asked for: try again. */
enum rc dkim_check_challenge(const struct resolver *resolver,
    struct span letter, enum dkim_letter what, struct err *err);

/* Is any letter signed by a domain that counts?  Its keys are asked for, at
 * most DKIM_KEYS_MAX of them, and nobody else's. */
#define DKIM_KEYS_MAX 3

struct dkim_question {
	const struct resolver *resolver;
	bool (*wanted)(const void *self, const char *domain);
	const void *self;
	int budget; /* milliseconds for all answers of the DNS together */
};

enum dkim_answer {
	DKIM_ANSWER_NONE, /* no such signature, or nothing can be said of it */
	DKIM_ANSWER_GOOD, /* one of them holds for the whole letter */
	DKIM_ANSWER_BAD,  /* the letter is not what was signed */
};

/* `fields` are those of the letter's header, which is the first `header` bytes
 * of it.  A letter that the library cannot read is DKIM_ANSWER_NONE. */
enum rc dkim_judge(const struct dkim_question *question,
    const struct fields *fields, size_t header, const struct source *letter,
    enum dkim_answer *ret, struct err *err);

/* Append a DKIM-Signature field (with CRLF) for the letter, all fields of RFC
 * 8823 section 3.1 signed and oversigned, relaxed/relaxed, rsa-sha256. */
struct dkim_signer {
	const char *domain;
	const char *selector;
	struct span key_pem;
};
/* (Not "dkim_sign": the library has a function of that name.) */
enum rc dkim_sign_letter(const struct dkim_signer *signer, struct span letter,
    struct buf *field, struct err *err);

#endif
