/* cmd/asking -- whether certificates were revoked: what is at hand, and who may
 * be asked. */
#ifndef CMD_ASKING_H
#define CMD_ASKING_H

#include "flow/gather.h"
#include "keydir/issuers.h"
#include "keydir/status.h"

struct asking_options {
	struct strlist crls, ocsps; /* files */
	struct strlist networks;
	const char *evidence, *first_seen, *wait;
	bool offline, fetch_issuers;
};

#define ASKING_OPTIONS(o)                                                      \
	{"offline", OPTION_FLAG, &(o).offline, NULL,                           \
	    "ask nobody whether certificates were revoked", false},            \
	    {"status-wait", OPTION_TEXT, &(o).wait, "MS",                      \
		"how long to wait for those who are asked; default 120",       \
		false},                                                        \
	    {"status-network", OPTION_LIST, &(o).networks, "NETWORK",          \
		"may be asked, though it is not public (10.1.0.0/16)", false}, \
	    {"fetch-issuers", OPTION_FLAG, &(o).fetch_issuers, NULL,           \
		"fetch certificates that the letter left out", false},         \
	    {"crl", OPTION_LIST, &(o).crls, "FILE",                            \
		"PEM or DER: revocation lists at hand", false},                \
	    {"ocsp", OPTION_LIST, &(o).ocsps, "FILE",                          \
		"PEM or DER: OCSP answers at hand", false},                    \
	    {"evidence", OPTION_TEXT, &(o).evidence, "FILE",                   \
		"use what is kept there, and keep there what counted", false}, \
	{                                                                      \
		"first-seen", OPTION_TEXT, &(o).first_seen, "TIME",            \
		    "when the reader first had the letter", false              \
	}

void asking_options_done(struct asking_options *options);

/* Kept together as long as the reader is used; start with {0}. */
struct asking {
	struct crls crls;
	struct ocsps ocsps;
	struct evidence kept;
	struct networks networks;
	struct status *status;
	struct issuers *issuers; /* NULL: nobody fetches them */
};

#define ASKING_OWNED __attribute__((cleanup(asking_done)))
void asking_done(struct asking *asking);

/* Read the files, and tell the reader all that it may use. */
enum rc asking_prepare(const struct asking_options *options,
    struct asking *asking, struct reader *reader, struct err *err);

/* With the user's folder, if there is one. */
enum rc asking_open_issuers(
    struct issuers_rules *rules, struct issuers **ret, struct err *err);

/* Save what counted, where --evidence says. */
enum rc asking_keep(const struct asking_options *options,
    const struct gathered *gathered, struct err *err);

/* Read what --status-wait was given. */
enum rc asking_wait(const char *text, int *ret_ms, struct err *err);

#endif
