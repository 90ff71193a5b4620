/* authority/guard -- a mailbox that has a device is not given away by a letter.
 *
 * A mailbox is enrolled while a certificate for it is in force, and for
 * GUARD_GRACE_SECONDS after the last one expired: who was away for a while
 * comes back as a device, and nobody waits for that day with a password.  One
 * that was revoked does not count.  Its devices are the accounts that got those
 * certificates, each with its account key and the keys of its signing
 * certificates.  Whoever else asks for a certificate of the mailbox, or for the
 * revocation of one, has only proved that they read its letters; so a thief of
 * the password could.  Such a wish is written down and waits:
 *
 *                        a device, the recovery code, two operators
 *     open -----------------------------------------------> approved
 *      |
 *      | a device's or an operator's veto; GUARD_SECONDS of silence
 *      v
 *   refused
 *
 * Mailboxes are compared in ASCII lower case: mail servers do that.
 *
 * May use:   base os pki store.
 * Not here:  who may speak as a device or as an operator (acme_guard, desk);
 *            the certificate that an approved wish gets (acme_order); the
 *            letters (authority/guard_letter).
 */
#ifndef AUTHORITY_GUARD_H
#define AUTHORITY_GUARD_H

#include "store/sql.h"

#define GUARD_SECONDS ((int64_t)72 * 60 * 60)
#define GUARD_GRACE_SECONDS ((int64_t)90 * 24 * 60 * 60)
/* How long what was approved can be fetched. */
#define GUARD_FETCH_SECONDS ((int64_t)7 * 24 * 60 * 60)
/* Wishes that are open for one mailbox at once: so many, and one more of each
 * account that has none.  Whoever has the password could else fill the house
 * for 72 hours, and the person with a new device and the recovery code would be
 * kept out.  How many accounts there can be is limited by the challenge
 * letters: each had to prove the mailbox. */
#define GUARD_OPEN_MAX 20
#define GUARD_ACCOUNT_MAX 4 /* of them, one account's */

/* What an account is to a mailbox at a time. */
enum guard_place {
	GUARD_NOBODY,   /* the mailbox is not enrolled */
	GUARD_DEVICE,   /* the account is one of its devices */
	GUARD_STRANGER, /* it is enrolled, by others */
};
enum rc guard_place(struct sql *sql, const char *address, int64_t account,
    int64_t now, enum guard_place *ret, struct err *err);

enum guard_kind { GUARD_ISSUE, GUARD_REVOKE, GUARD_UNDO };
enum guard_state { GUARD_OPEN, GUARD_APPROVED, GUARD_REFUSED };

/* "issue", ...; "open", ... */
const char *guard_kind_name(enum guard_kind kind);
const char *guard_state_name(enum guard_state state);

struct guard {
	int64_t id;
	char *name; /* the end of its URL */
	enum guard_kind kind;
	enum guard_state state; /* at the time it was asked for */
	char *address;
	int64_t account; /* who asks; 0: an operator */
	int64_t order;   /* GUARD_ISSUE */
	char *order_name;
	struct buf request;    /* GUARD_ISSUE: PKCS#10 */
	struct buf key_sha256; /* of its key */
	struct buf serial;     /* GUARD_REVOKE */
	int reason;
	int64_t created, expires;
	char *by; /* who decided; or NULL */
	unsigned mail_tries;
};
#define GUARD_REQUEST_MAX ((size_t)16 * 1024)
#define GUARD                                              \
	((struct guard){.request = BUF(GUARD_REQUEST_MAX), \
	    .key_sha256 = BUF_SMALL,                       \
	    .serial = BUF_SMALL})
#define GUARD_OWNED __attribute__((cleanup(guard_done)))
void guard_done(struct guard *guard);

/* Write a wish down, and have every device told.  Within the caller's
 * transaction.  One for the same order or the same revocation by the same
 * account that is open already stays the only one.  RC_LIMIT: too many are
 * open for this mailbox, or of this account for it; never for an operator. */
struct guard_wish {
	enum guard_kind kind;
	const char *address;
	const char *actor; /* for the audit log */
	int64_t account;
	int64_t order;
	struct span request;
	struct span key_sha256;
	struct span serial;
	int reason;
	bool by_domain; /* GUARD_UNDO (authority/guard_domain) */
	int64_t now;
};
enum rc guard_ask(struct sql *sql, const struct guard_wish *wish,
    struct guard *ret, struct err *err);

/* RC_ABSENT: there is none.  `ret` must be GUARD. */
enum rc guard_find(struct sql *sql, const char *name, int64_t now,
    struct guard *ret, struct err *err);
enum rc guard_find_order(struct sql *sql, int64_t order, int64_t now,
    struct guard *ret, struct err *err);

/* Who decided, when it was the recovery code (authority/guard_recovery). */
#define GUARD_BY_CODE "recovery code"

/* Decide one that is open, and do what it was about: an approved revocation or
 * undoing is done at once, an approved certificate is made when it is fetched.
 * Within the caller's transaction.  RC_REFUSED: it is not open any more.
 * What GUARD_BY_CODE approves, the devices are told, and the mailbox by another
 * letter. */
struct guard_word {
	bool approves;
	const char *by; /* "device ...", "operator ...", GUARD_BY_CODE */
	int64_t now;
};
enum rc guard_decide(struct sql *sql, const struct guard *guard,
    const struct guard_word *word, struct err *err);

/* An operator is for it; the second one approves it.  `who` is the operator's
 * address.  *ret: it is approved now.  RC_UNFIT: it is the operator's own
 * mailbox, or this one has spoken before. */
enum rc guard_second(struct sql *sql, const struct guard *guard,
    const char *who, int64_t now, bool *ret, struct err *err);

/* Rows (name) of what devices have to know for the mailboxes of which the
 * account is one: the open wishes, and what the recovery code approved of late;
 * oldest first.  0: for all mailboxes. */
enum rc guard_select(struct sql *sql, int64_t account, int64_t now,
    struct sql_rows **ret, struct err *err);

/* The letters that wait, as authorization_take_mail() has them. */
#define GUARD_MAIL_LEASE 120
enum rc guard_take_mail(struct sql *sql, int64_t now, struct guard *ret,
    int64_t *ret_next, struct err *err);
/* The first letter of one that nobody was told of so far. */
enum rc guard_mail_first(
    struct sql *sql, int64_t id, int64_t now, struct err *err);
enum rc guard_mailed(struct sql *sql, int64_t id, struct err *err);
enum rc guard_mail_later(
    struct sql *sql, int64_t id, int64_t next, struct err *err);

/* A job: silence is refusal, and the audit log says so. */
enum rc guard_expire(
    void *context, struct sql *sql, int64_t now, struct err *err);

#endif
