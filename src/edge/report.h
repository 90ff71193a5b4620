/* edge/report -- tell the sender what became of a letter.
 *
 * Standard:  RFC 3461 (who wants to know what), 3464 (how it is said).
 * May use:   base codec os mime proto net store flow enrol.
 *
 * A report is a letter to oneself, sealed like any other, with nothing of the
 * letter's content in it.
 */
#ifndef EDGE_REPORT_H
#define EDGE_REPORT_H

#include "edge/agent.h"

enum report_action {
	REPORT_FAILED,
	REPORT_RELAYED, /* taken by a server that will not tell more */
};

/* Put a report into the spool, if the sender wanted one about any recipient.
 * `why` is the server's words.  A letter with the null reverse-path gets none
 * (RFC 5321 section 4.5.5: no mail loops).  On failure nothing is there. */
enum rc report_spool(const struct agent *agent,
    const struct spool_letter *letter, enum report_action action,
    const char *why, struct err *err);

/* Does the sender want to be told this of recipient `i`? */
bool report_wanted(
    const struct spool_letter *letter, size_t i, enum report_action action);

#endif
