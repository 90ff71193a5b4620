/* enrol/acme_priv -- what acme*.c share. */
#ifndef ENROL_ACME_PRIV_H
#define ENROL_ACME_PRIV_H

#include <jansson.h>

#include "enrol/acme.h"

OWNER(json_t, json_decref);

struct acme {
	struct https *https;
	struct span jwk;
	int timeout;
	char new_nonce[ACME_URL_MAX + 1];
	char new_account[ACME_URL_MAX + 1];
	char new_order[ACME_URL_MAX + 1];
	char guard[ACME_URL_MAX + 1]; /* ours alone: "" at others */
	char recovery[ACME_URL_MAX + 1];
	char undo[ACME_URL_MAX + 1];
	char account[ACME_URL_MAX + 1]; /* "kid"; "" before login */
	char nonce[256];                /* unused one, or "" */
};

#define RESPONSE_OWNED __attribute__((cleanup(acme_response_done)))
void acme_response_init(struct https_response *response);
void acme_response_done(struct https_response *response);

/* "a member is missing or wrong": RC_SYNTAX. */
enum rc acme_lacks(const char *name, struct err *err);
/* The JSON object in a body; the caller's. */
enum rc acme_parse(const struct buf *body, json_t **ret, struct err *err);
/* RC_ABSENT: there is no such member (and `room` is as it was). */
enum rc acme_find_text(const json_t *json, const char *name, char *room,
    size_t size, struct err *err);
/* The same of a URL, which has to be there. */
enum rc acme_read_url(const json_t *json, const char *name,
    char room[ACME_URL_MAX + 1], struct err *err);

/* Send a signed request; `payload` "" for POST-as-GET, or NULL: it could not
 * be made.  `ret`: as acme_response_init() made it. */
enum rc acme_post(struct acme *acme, const char *url, struct span payload,
    struct https_response *ret, struct err *err);
enum rc acme_post_json(struct acme *acme, const char *url, json_t *payload,
    struct https_response *ret, struct err *err);

/* These never yield RC_OK (see base/err.h). */
#if defined(__clang_analyzer__) && !defined(ENROL_ACME_C)
#define acme_lacks(...) err_failed(acme_lacks(__VA_ARGS__))
#endif

#endif
