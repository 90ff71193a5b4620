/* authority/acme_priv -- one request on its way through acme*.c. */
#ifndef AUTHORITY_ACME_PRIV_H
#define AUTHORITY_ACME_PRIV_H

#include <stdlib.h>

#include <jansson.h>

#include "authority/account.h"
#include "authority/acme.h"
#include "authority/guard.h"
#include "authority/order.h"
#include "authority/problem.h"
#include "authority/request.h"
#include "base/own.h"
#include "proto/jws.h"

OWNER(json_t, json_decref);
OWNER(char, free);

struct acme_call {
	const struct acme *acme;
	const struct http_request *request;
	struct http_answer *answer;
	int64_t now;
	const char *name; /* of the object, from the path; "" if it has none */
	struct jws jws;
	json_t *payload;        /* NULL: POST-as-GET */
	struct account account; /* who asks; id 0: a key alone does */
	unsigned tries;         /* how often it was begun before */
	bool wrong_code;        /* a recovery code was shown that is none */
};

/* Who may ask, and how the request shows it. */
enum acme_who {
	ACME_UNSIGNED,   /* GET or HEAD */
	ACME_ANYBODY,    /* the same, or POST signed by an account's key */
	ACME_BY_KEY,     /* POST, signed by the key that is in it */
	ACME_BY_ACCOUNT, /* POST, signed by an account's key */
	ACME_BY_EITHER,
};

/* Read and check a signed request: the account, the payload. */
enum rc acme_admit(struct acme_call *call, enum acme_who who, struct err *err);
/* A JWS that lies inside of the request, signed by the key that is in it, for
 * the same URL.  `inner`: {0}. */
enum rc acme_admit_inner(struct acme_call *call, struct span text,
    struct jws *inner, struct err *err);
enum rc acme_add_nonce(struct acme_call *call, struct err *err);

enum rc acme_new_account(struct acme_call *call, struct err *err);
enum rc acme_account(struct acme_call *call, struct err *err);
enum rc acme_orders(struct acme_call *call, struct err *err);
enum rc acme_key_change(struct acme_call *call, struct err *err);
enum rc acme_new_order(struct acme_call *call, struct err *err);
enum rc acme_order(struct acme_call *call, struct err *err);
enum rc acme_finalize(struct acme_call *call, struct err *err);
enum rc acme_certificate(struct acme_call *call, struct err *err);
enum rc acme_authorization(struct acme_call *call, struct err *err);
enum rc acme_challenge(struct acme_call *call, struct err *err);
enum rc acme_renewal_info(struct acme_call *call, struct err *err);
enum rc acme_revoke_cert(struct acme_call *call, struct err *err);
enum rc acme_published(struct acme_call *call, struct err *err);

/* Make `json` (taken over, NULL: out of memory) the answer. */
enum rc acme_json(
    struct acme_call *call, unsigned status, json_t *json, struct err *err);
/* URL of an object as JSON; NULL: out of memory. */
json_t *acme_url(
    const struct acme_call *call, const char *kind, const char *name);
/* Who asks, as the audit log has it: "account NAME". */
#define ACME_ACTOR_MAX 200
void acme_actor(const struct acme_call *call, char text[ACME_ACTOR_MAX]);
/* Within the transaction of what was done: `call`'s account did it. */
enum rc acme_audit(const struct acme_call *call, const char *act,
    const char *object, const char *detail, struct err *err);

/* userActionRequired: a person has to agree to the terms that are set. */
enum rc acme_want_terms(
    struct acme_call *call, const char *detail, struct err *err);

/* Which certificate a new order for the address says it replaces; lends a text
 * of the payload, or leaves NULL. */
enum rc acme_read_replaces(struct acme_call *call, const char *address,
    const char **ret, struct err *err);

/* The order as an answer, with its URL as Location. */
enum rc acme_answer_order(struct acme_call *call, unsigned status,
    const struct order *order, struct err *err);
/* The account as an answer, with its URL as Location. */
enum rc acme_answer_account(struct acme_call *call, unsigned status,
    const struct account *account, struct err *err);

/* Which external account a new account is bound to (RFC 8555 section 7.3.4).
 * `key` is the thumbprint of the new account's key. */
struct acme_binding {
	int64_t external; /* id; 0: to none */
	char *text;       /* the binding as it came; NULL: none */
	char *label;      /* the operator's words for whom it is; or NULL */
};
#define ACME_BINDING_OWNED __attribute__((cleanup(acme_binding_done)))
void acme_binding_done(struct acme_binding *binding);
enum rc acme_bind(struct acme_call *call, const char *key,
    struct acme_binding *ret, struct err *err);

/* The guard's word, within the transaction of what would be done
 * (authority/guard.h).  *ret_waits: it is not done now, but written down; commit
 * that. */
struct acme_csr {
	struct span der;
	const struct request *request;
};
enum rc acme_guard_order(struct acme_call *call, const struct order *order,
    const struct acme_csr *csr, bool *ret_waits, struct err *err);
/* The domain's word (authority/permission.h): it is asked for when a mailbox is
 * ordered for, and wanted within the transaction that issues.  *ret_waits: the
 * order waits for it, with its request; commit that. */
enum rc acme_ask_permission(
    struct acme_call *call, const struct authorization *a, struct err *err);
enum rc acme_permit(struct acme_call *call, const struct order *order,
    const struct acme_csr *csr, bool *ret_waits, struct err *err);
struct acme_revocation {
	const char *address;
	struct span serial;
	int reason;
};
/* The URL of what waits, or "": nothing does. */
#define ACME_GUARD_URL_MAX 1200
enum rc acme_guard_revocation(struct acme_call *call,
    const struct acme_revocation *revocation, char ret[ACME_GUARD_URL_MAX],
    struct err *err);
enum rc acme_guards(struct acme_call *call, struct err *err);
enum rc acme_guard(struct acme_call *call, struct err *err);
enum rc acme_identities(struct acme_call *call, struct err *err);
enum rc acme_identity(struct acme_call *call, struct err *err);

/* The owner of a domain wants the enrolment of one of its mailboxes undone, and
 * is told which record proves it (authority/guard_domain.h). */
enum rc acme_undo(struct acme_call *call, struct err *err);
/* The "address" of the payload, as we write it; `address` holds it. */
enum rc acme_read_address(struct acme_call *call, struct buf *address,
    const char **ret, struct err *err);

/* A device tells the key of the mailbox's recovery code, or asks whether it has
 * one. */
enum rc acme_recovery(struct acme_call *call, struct err *err);
/* Does the payload's "proof" hold, in which the recovery code's key says the
 * same of `shown`, the wish as it is shown (taken over), as the payload? */
enum rc acme_recovery_check(struct acme_call *call, const struct guard *guard,
    json_t *shown, struct err *err);
/* After the transaction in which that found a wrong code (call->wrong_code): it
 * counts. */
enum rc acme_recovery_note(
    struct acme_call *call, const struct guard *guard, struct err *err);

/* {"type": ..., "detail": ...} of a challenge that failed. */
json_t *acme_error(const struct authorization *authorization);

#endif
