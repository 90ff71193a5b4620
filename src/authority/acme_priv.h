/* authority/acme_priv -- one request on its way through acme*.c. */
#ifndef AUTHORITY_ACME_PRIV_H
#define AUTHORITY_ACME_PRIV_H

#include <stdlib.h>

#include <jansson.h>

#include "authority/account.h"
#include "authority/acme.h"
#include "authority/order.h"
#include "authority/problem.h"
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
	struct account account; /* who asks; empty for new-account */
};

enum rc acme_new_account(struct acme_call *call, struct err *err);
enum rc acme_account(struct acme_call *call, struct err *err);
enum rc acme_orders(struct acme_call *call, struct err *err);
enum rc acme_new_order(struct acme_call *call, struct err *err);
enum rc acme_order(struct acme_call *call, struct err *err);
enum rc acme_finalize(struct acme_call *call, struct err *err);
enum rc acme_certificate(struct acme_call *call, struct err *err);
enum rc acme_authorization(struct acme_call *call, struct err *err);
enum rc acme_challenge(struct acme_call *call, struct err *err);

/* Make `json` (taken over, NULL: out of memory) the answer. */
enum rc acme_json(
    struct acme_call *call, unsigned status, json_t *json, struct err *err);
/* URL of an object as JSON; NULL: out of memory. */
json_t *acme_url(
    const struct acme_call *call, const char *kind, const char *name);
/* {"type": ..., "detail": ...} of a challenge that failed. */
json_t *acme_error(const struct authorization *authorization);

#endif
