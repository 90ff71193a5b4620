/* mime/content -- Content-Type and its kin.
 *
 * Standard:  RFC 2045 section 5, RFC 2231 (continuations and charsets).
 * May use:   base codec.
 * Limits:    CONTENT_PARAMS_MAX parameters; more is RC_LIMIT.
 */
#ifndef MIME_CONTENT_H
#define MIME_CONTENT_H

#include "base/buf.h"

#define CONTENT_PARAMS_MAX 64

struct param {
	char *name;  /* lower case */
	char *value; /* UTF-8, decoded, joined */
};

struct content {
	char *type;    /* lower case, "text" */
	char *subtype; /* lower case, "plain" */
	struct param *param;
	size_t params;
	char *text; /* private: where all of these lie */
};

#define CONTENT_NONE ((struct content){NULL, NULL, NULL, 0, NULL})
#define CONTENT_OWNED __attribute__((cleanup(content_done)))

/* Parse the value of Content-Type (or Content-Disposition: then `type` is the
 * disposition and `subtype` ""). */
enum rc content_parse(struct span value, struct content *ret, struct err *err);
void content_done(struct content *content);
/* ASCII case folded; content_is(c, "text", NULL) for any subtype. */
bool content_is(
    const struct content *content, const char *type, const char *subtype);
/* Lends the value, NULL if there is no such parameter. */
const char *content_param(const struct content *content, const char *name);

#endif
