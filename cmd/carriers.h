/* cmd/carriers -- which servers on a letter's way are heard, and whether its
 * DKIM signatures are checked. */
#ifndef CMD_CARRIERS_H
#define CMD_CARRIERS_H

#include "base/strlist.h"
#include "flow/transport.h"

struct carriers_options {
	struct strlist servers; /* "NAME" or "NAME by HOST" */
	const char *dns, *anchors;
	bool dkim;
};

#define CARRIERS_OPTIONS(o)                                                    \
	{"authserv", OPTION_LIST, &(o).servers, "NAME",                        \
	    "believe this server's Authentication-Results; \"NAME by HOST\": " \
	    "also behind its Received field",                                  \
	    false},                                                            \
	    {"dkim", OPTION_FLAG, &(o).dkim, NULL,                             \
		"ask the sender's domain for its DKIM keys", false},           \
	    {"dns", OPTION_TEXT, &(o).dns, "IP@PORT",                          \
		"DNS server for that; default the system's", false},           \
	{                                                                      \
		"dns-anchors", OPTION_TEXT, &(o).anchors, "FILE",              \
		    "DNSSEC trust anchors; default the system's", false        \
	}

void carriers_options_done(struct carriers_options *options);

/* Kept together as long as the reader is used; start with {0}. */
struct carriers {
	struct resolver *resolver;
	struct transport *transport;
	struct transports transports;
};

#define CARRIERS_OWNED __attribute__((cleanup(carriers_done)))
void carriers_done(struct carriers *carriers);

/* Add what the options say to `trust`, which settings are added to later, and
 * tell the reader whom to ask. */
enum rc carriers_prepare(const struct carriers_options *options, bool offline,
    struct trust *trust, struct carriers *carriers, struct reader *reader,
    struct err *err);

/* The same for who has settings, and a resolver or none, already; `budget` is
 * in milliseconds. */
enum rc carriers_make(const struct trust *trust,
    const struct resolver *resolver, int budget, struct carriers *carriers,
    struct reader *reader, struct err *err);

#endif
