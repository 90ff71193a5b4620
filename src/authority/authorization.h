/* authority/authorization -- has this account proved that it controls this
 * mailbox?  One email-reply-00 challenge each.  (With the test profile: this
 * host, by one http-01 challenge.  Then "answered" is that we found the answer
 * there, and the letters that wait are looks at the host that wait.)
 *
 *            right answer and {} were both seen
 *   pending ------------------------------------> valid
 *      |  \                                         |
 *      |   \ wrong answer, undeliverable, expiry    | expiry, deactivation
 *      v    v                                       v
 *   deactivated  invalid                    expired, deactivated
 *
 * The answer (a letter) and the client's {} (a POST) come in either order:
 * `answered` and `posted` remember the one that came first.  A right answer is
 * taken once; whatever comes later for the same challenge is refused.
 *
 * Standard:  RFC 8555 section 7.1.6, RFC 8823 section 3.
 * May use:   base os store.
 */
#ifndef AUTHORITY_AUTHORIZATION_H
#define AUTHORITY_AUTHORIZATION_H

#include "store/sql.h"

#define AUTHORIZATION_PENDING_SECONDS ((int64_t)24 * 60 * 60)

enum authorization_state {
	AUTHORIZATION_PENDING,
	AUTHORIZATION_VALID,
	AUTHORIZATION_INVALID,
	AUTHORIZATION_DEACTIVATED,
	AUTHORIZATION_EXPIRED,
};

enum authorization_kind { AUTHORIZATION_EMAIL, AUTHORIZATION_HOST };

/* "email", "dns": the identifier's type. */
const char *authorization_kind_name(enum authorization_kind kind);

/* "pending", ...; the words of RFC 8555. */
const char *authorization_state_name(enum authorization_state state);

struct authorization {
	int64_t id;
	int64_t account;
	enum authorization_kind kind;
	char *name;                     /* the end of its URL */
	char *address;                  /* domain in lower case, or the host */
	enum authorization_state state; /* at the time it was asked for */
	int64_t created;
	int64_t expires;
	char *recipient;  /* ID of acme-challenge+ID@domain */
	char *token1;     /* mailed */
	char *token2;     /* in the challenge object */
	char *thumbprint; /* of the account's key when it was asked for */
	bool posted;
	bool answered;
	int64_t validated;
	char *error_type; /* "incorrectResponse", ...; or NULL */
	char *error_detail;
	unsigned mail_tries;
};

#define AUTHORIZATION_OWNED __attribute__((cleanup(authorization_done)))
void authorization_done(struct authorization *authorization);

/* RC_ABSENT: there is none. */
enum rc authorization_find(struct sql *sql, const char *name, int64_t now,
    struct authorization *ret, struct err *err);
enum rc authorization_find_id(struct sql *sql, int64_t id, int64_t now,
    struct authorization *ret, struct err *err);
/* By the ID in an answer's recipient address, ASCII case folded: mail servers
 * do that. */
enum rc authorization_find_recipient(struct sql *sql, const char *recipient,
    int64_t now, struct authorization *ret, struct err *err);

/* One of the account's for the address that can serve another order: valid, or
 * pending and made after `pending_since`. */
struct authorization_wish {
	int64_t account;
	enum authorization_kind kind;
	const char *address;
	const char *client;     /* who asks; for limits (authority/rate) */
	const char *thumbprint; /* of the account's key */
	int64_t now;
	int64_t pending_since;
};
enum rc authorization_find_usable(struct sql *sql,
    const struct authorization_wish *wish, struct authorization *ret,
    struct err *err);
/* A new one with fresh tokens, and its challenge letter due at once. */
enum rc authorization_add(struct sql *sql,
    const struct authorization_wish *wish, struct authorization *ret,
    struct err *err);

/* How many challenge letters were asked for since then, whoever asked: to one
 * mailbox, to all mailboxes of a domain, or by one client. */
enum authorization_by {
	AUTHORIZATION_BY_MAILBOX,
	AUTHORIZATION_BY_DOMAIN,
	AUTHORIZATION_BY_CLIENT,
};
struct authorization_sum {
	enum authorization_by by;
	const char *of; /* the address for mailbox and domain; the client */
	int64_t since;
};
enum rc authorization_count(struct sql *sql,
    const struct authorization_sum *sum, int64_t *ret, struct err *err);

/* The arrows.  Each looks at the state again and changes what it finds, so
 * that two at once cannot both succeed; RC_ABSENT: not in a state for that.
 * What they end in is in the audit log. */
struct authorization_event {
	int64_t id;
	int64_t now;
	int64_t valid_for; /* seconds, once it is valid */
	const char *type;  /* of the error, for fail */
	const char *detail;
};
enum rc authorization_post(
    struct sql *sql, const struct authorization_event *event, struct err *err);
enum rc authorization_answer(
    struct sql *sql, const struct authorization_event *event, struct err *err);
enum rc authorization_fail(
    struct sql *sql, const struct authorization_event *event, struct err *err);
enum rc authorization_deactivate(
    struct sql *sql, const struct authorization_event *event, struct err *err);

/* The challenge letters that wait.  RC_OK: this one is the caller's to send, and
 * nobody else gets it for so many seconds.  RC_ABSENT: none is due; then
 * *ret_next is when the next one is (INT64_MAX: none waits). */
#define AUTHORIZATION_MAIL_LEASE 120
enum rc authorization_take_mail(struct sql *sql, int64_t now,
    struct authorization *ret, int64_t *ret_next, struct err *err);
enum rc authorization_mailed(struct sql *sql, int64_t id, struct err *err);
enum rc authorization_mail_later(
    struct sql *sql, int64_t id, int64_t next, struct err *err);

/* The address in ASCII lower case, for limits and look-up; appended. */
enum rc authorization_fold(
    const char *address, struct buf *out, struct err *err);

#endif
