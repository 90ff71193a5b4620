/* flow/stamping -- timestamps from a server (RFC 3161 over https).
 *
 * May use:   base codec os mime pki cms proto dns net store keydir.
 */
#ifndef FLOW_STAMPING_H
#define FLOW_STAMPING_H

#include "flow/sealing.h"
#include "net/https.h"

struct stamping {
	struct https *https;
	const char *url;
	int timeout; /* milliseconds */
};

/* Lends both; `required` is the caller's to set. */
struct stamper stamping_stamper(struct stamping *stamping);

#endif
