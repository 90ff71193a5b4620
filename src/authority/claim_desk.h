/* authority/claim_desk -- the desk where people decide who somebody is
 * (mutual TLS on `desk_listen`; pages without script).
 *
 *   GET  /desk/            what waits and what is in force (?ever=1: all)
 *   GET  /desk/NAME        all of a request, and what can be said of it
 *   POST /desk/NAME        a word: the form of that page
 *   GET  /desk/NAME/FILE   evidence, to be taken away
 *
 * Operators see everything; whoever else has a certificate of ours sees what
 * their own account has asked for, and can withdraw it.  Who looked at evidence
 * is in the audit log.
 *
 * May use:   base codec os store.
 */
#ifndef AUTHORITY_CLAIM_DESK_H
#define AUTHORITY_CLAIM_DESK_H

#include "authority/page_form.h"
#include "authority/settings.h"

#define CLAIM_DESK_PATH "/desk/"

struct claim_desk {
	const struct settings *settings;
	const struct page_form_key *key;
	struct sql *sql;
};

/* RC_OK and RC_REFUSED: the answer is complete. */
enum rc claim_desk_answer(const struct claim_desk *desk,
    const struct http_request *request, int64_t now, struct http_answer *answer,
    struct err *err);

#endif
