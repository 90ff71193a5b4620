/* proto/sasl -- how a client proves who it is, in one message.
 *
 * Standard:  RFC 4616 (PLAIN), 4422 appendix A (EXTERNAL), 7628 (OAUTHBEARER);
 *            XOAUTH2 and LOGIN as large providers speak them.
 * May use:   base codec.
 * Not here:  base64 and the lines around it (proto/smtp_client, net/imap_link).
 */
#ifndef PROTO_SASL_H
#define PROTO_SASL_H

#include "base/buf.h"

/* What a person's account has. */
enum sasl_kind {
	SASL_PASSWORD,
	SASL_TOKEN,       /* an access token of OAuth 2.0 */
	SASL_CERTIFICATE, /* nothing but what TLS has shown already */
};

struct sasl {
	enum sasl_kind kind;
	const char *user;
	struct span secret; /* password or token */
	const char *host;   /* of the server, for OAUTHBEARER */
	uint16_t port;
};

/* Mechanisms, as bits. */
#define SASL_PLAIN 1u
#define SASL_LOGIN 2u
#define SASL_EXTERNAL 4u
#define SASL_OAUTHBEARER 8u
#define SASL_XOAUTH2 16u

/* The bit of a mechanism's name; 0: none of ours. */
unsigned sasl_find(struct span name);
const char *sasl_name(unsigned mechanism);
/* The best of those offered for what we have; 0: none.  A token never goes by
 * a password's mechanism, nor the other way round. */
unsigned sasl_choose(enum sasl_kind kind, unsigned offered);
/* Append the only message of the mechanism (not of LOGIN), not in base64.
 * `out` must be secret.  RC_SYNTAX: a part of it cannot be said. */
enum rc sasl_print(const struct sasl *sasl, unsigned mechanism, struct buf *out,
    struct err *err);
/* A token that is not good is told by a challenge; what ends it, in base64.
 * NULL: this mechanism knows no challenges. */
const char *sasl_end(unsigned mechanism);

#endif
