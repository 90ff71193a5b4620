/* mime/authres -- what a server says it has found out about a letter.
 *
 * Standard:  RFC 8601 section 2.2, Authentication-Results.
 * May use:   base codec.
 * Not here:  whether to believe it: anybody can write such a field, and in a
 *            server's name too (flow/transport).
 * Limits:    AUTHRES_RESULTS_MAX results, AUTHRES_PROPERTIES_MAX properties
 *            each, AUTHRES_VALUE_MAX bytes a value: RC_LIMIT.
 */
#ifndef MIME_AUTHRES_H
#define MIME_AUTHRES_H

#include "base/buf.h"

#define AUTHRES_RESULTS_MAX 50
#define AUTHRES_PROPERTIES_MAX 20
#define AUTHRES_WORD_MAX 32
#define AUTHRES_VALUE_MAX 320

struct authres_property {
	char name[2 * AUTHRES_WORD_MAX + 2]; /* lower case: "header.d" */
	char value[AUTHRES_VALUE_MAX + 1];   /* as it stands, unquoted */
};

struct authres_result {
	char method[AUTHRES_WORD_MAX + 1]; /* lower case: "dkim" */
	char result[AUTHRES_WORD_MAX + 1]; /* lower case: "pass" */
	struct authres_property *property; /* owned */
	size_t properties;
};

struct authres {
	char server[AUTHRES_VALUE_MAX + 1]; /* authserv-id, lower case */
	struct authres_result *item;        /* owned */
	size_t len;
};

#define AUTHRES_NONE ((struct authres){.item = NULL})
#define AUTHRES_OWNED __attribute__((cleanup(authres_done)))
void authres_done(struct authres *authres);

/* The value of the field.  RC_SYNTAX: not as the RFC has it, or of another
 * version; then only `server` is filled, if so much could be read. */
enum rc authres_parse(struct span value, struct authres *ret, struct err *err);

/* Lends the first property of that name; "" if there is none. */
const char *authres_property(
    const struct authres_result *result, const char *name);

#endif
