/* dns/resolver -- ask the domain, with DNSSEC, by libunbound.
 *
 * May use:   base codec os mime.
 * Errors:    RC_ABSENT: the name or type does not exist.  RC_IO: no answer.
 *            RC_CRYPTO: DNSSEC says the answer is forged (bogus).
 */
#ifndef DNS_RESOLVER_H
#define DNS_RESOLVER_H

#include "base/buf.h"
#include "base/own.h"
#include "base/strlist.h"

struct resolver; /* may be shared by threads */

struct resolver_config {
	const char *server;  /* "127.0.0.10@5353"; NULL: /etc/resolv.conf */
	const char *anchors; /* file of DS or DNSKEY records; NULL: the system's
			      * root anchor, none if there is none */
};

enum rc resolver_new(const struct resolver_config *config,
    struct resolver **ret, struct err *err);
void resolver_free(struct resolver *resolver);
OWNER(struct resolver, resolver_free);

/* IPv4 and IPv6 addresses as text; a literal address is itself.  Fits struct
 * names of net/name.h (context: the resolver). */
enum rc resolver_find_address(
    void *resolver, const char *host, struct strlist *ret, struct err *err);

struct srv {
	char host[256];
	uint16_t port;
};
/* "_imaps._tcp.example.org": the best one by priority and weight; a target
 * "." (service not offered) is RC_ABSENT. */
enum rc resolver_find_srv(const struct resolver *resolver, const char *name,
    struct srv *ret, bool *ret_secure, struct err *err);
/* resolver_find_txt() for so many milliseconds: RC_IO when they are over.  The
 * question goes on by itself, so that the next one finds the answer. */
enum rc resolver_find_txt_within(const struct resolver *resolver,
    const char *name, int milliseconds, struct strlist *ret, struct err *err);
/* Each TXT record's strings joined. */
enum rc resolver_find_txt(const struct resolver *resolver, const char *name,
    struct strlist *ret, bool *ret_secure, struct err *err);

/* Whatever type it is (RFC 3597), as it is: each record's data behind its length
 * in two octets, the more significant first; appended.  An alias (CNAME) is
 * followed.  RC_LIMIT: too many records, or too long for `ret`; then nothing is
 * appended. */
enum rc resolver_find_data(const struct resolver *resolver, const char *name,
    int type, struct buf *ret, struct err *err);

#endif
