/* proto/smtp_offers -- what a server offers in its answer to EHLO.
 *
 * Private to proto/smtp_client.  Extensions we do not use are passed over.
 */
#ifndef PROTO_SMTP_OFFERS_PRIV_H
#define PROTO_SMTP_OFFERS_PRIV_H

#include "proto/sasl.h"
#include "proto/smtp_reply_priv.h"

struct smtp_offers {
	bool starttls, pipelining, eightbit, dsn, utf8;
	unsigned mechanisms; /* of AUTH: bits of proto/sasl */
	bool size;
	unsigned long long size_max; /* 0: not said */
};

void smtp_offers_read(const struct smtp_reply *reply, struct smtp_offers *ret);

#endif
