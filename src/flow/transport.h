/* flow/transport -- what servers on the way say of the outer From's domain:
 * DKIM, SPF and DMARC.  Evidence, never identity.
 *
 * Believed are the Authentication-Results of servers that the reader named,
 * where nobody outside can have put them: above every Received field; and, for
 * a server whose name in Received is said too ("by HOST"), the first one behind
 * the topmost Received field of that name.  Such a server must write one into
 * every letter, or take others' of its name out (RFC 8601 section 5): as mail
 * servers that check at all do.  A Received field that is not read in one way
 * only ends all belief below it: the sender's name for itself is in there.
 *
 * A result counts where its domain is aligned with that of the one From
 * address: both were bought as one (RFC 7489 section 3.1, by the Public Suffix
 * List).  DKIM is checked here too if the reader wants it.
 *
 * Standard:  RFC 8601, 6376, 7489.
 * May use:   base mime dns.
 * Limits:    those of mime/authres, TRANSPORT_FIELDS_MAX fields that are read.
 */
#ifndef FLOW_TRANSPORT_H
#define FLOW_TRANSPORT_H

#include "dns/resolver.h"
#include "flow/gather.h"

struct transport;

#define TRANSPORT_FIELDS_MAX 20

struct transport_options {
	const struct trust *trust; /* which servers; lent */
	/* for DKIM, if `trust` wants it; NULL: is not checked */
	const struct resolver *resolver;
	int budget; /* milliseconds for the DNS */
};

/* Lends what `options` points to as long as *ret lives, which the caller owns;
 * may be used by several threads. */
enum rc transport_new(const struct transport_options *options,
    struct transport **ret, struct err *err);
void transport_free(struct transport *transport); /* NULL is fine */

/* Fills facts->transport from the letter and its header `outer`; and takes out
 * of `outer` every Authentication-Results field in a named server's name that
 * is not believed, so that nobody is shown it. */
enum rc transport_find(const struct transport *transport,
    const struct source *letter, struct entity *outer, struct facts *facts,
    struct err *err);

#endif
