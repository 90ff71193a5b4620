/* authority/ldap_service -- what an LDAP server says to one question: the
 * directory, to be read by whoever knows an address.
 *
 *   ""                        who we are (RFC 4512 section 5.1)
 *   dc=authority,dc=test      the place below which everybody is
 *   mail=ADDRESS,dc=...       a mailbox: userCertificate;binary,
 *                             userSMIMECertificate;binary
 *
 * Standard:  RFC 4511, 4512, 4523, 2798.  Binds are anonymous; nothing can be
 *            changed.  A search finds what its filter names by (mail=...), and
 *            only that: unknown, not published and "everybody" are all no
 *            entries and success.
 * May use:   base os pki store.  No sockets: authority/ldap.
 */
#ifndef AUTHORITY_LDAP_SERVICE_H
#define AUTHORITY_LDAP_SERVICE_H

#include "authority/hierarchy.h"
#include "authority/ldap_query.h"
#include "authority/rate.h"
#include "store/sql.h"

struct ldap_service {
	const struct settings *settings;
	const struct hierarchy *hierarchy;
	struct sql *sql;
	struct rate *rate; /* by client */
};

/* Who asks, and what is to happen behind the answer. */
struct ldap_guest {
	const char *peer; /* IP address */
	bool can_tls;     /* StartTLS is possible still */
	bool start_tls;   /* set: TLS begins behind the answer */
	bool goodbye;     /* set: the connection ends behind the answer */
	bool served;      /* set: it was given what it asked for */
};

#define LDAP_ANSWER_MAX ((size_t)8 << 20)

/* Append the answers to one whole message.  It fails for want of memory only:
 * whatever else goes wrong is an answer. */
enum rc ldap_service_answer(const struct ldap_service *service,
    struct span message, int64_t now, struct ldap_guest *guest, struct buf *out,
    struct err *err);

#endif
