/* authority/ldap -- the LDAP server's connections, in the event loop of
 * authority/web.
 *
 * Standard:  RFC 4511 section 5.2, 4513 section 3 (StartTLS); TLS from the first
 *            octet ("ldaps"), as mail programs know it, is in no RFC.
 * May use:   base os net.
 * Not here:  what is said (authority/ldap_service).
 * Limits:    the number of connections, beyond which new ones wait in the
 *            kernel, and those who have asked nothing for LDAP_PATIENCE_MS
 *            must make room; LDAP_IDLE_SECONDS for one message, however slowly
 *            it comes; LDAP_UNSENT_MAX of answers that nobody fetches.
 */
#ifndef AUTHORITY_LDAP_H
#define AUTHORITY_LDAP_H

#include <openssl/ssl.h>

#include "authority/ldap_service.h"
#include "base/own.h"

#define LDAP_IDLE_SECONDS 60
#define LDAP_PATIENCE_MS 1500
#define LDAP_UNSENT_MAX ((size_t)256 * 1024)

struct event_base;
struct ldap;

struct ldap_config {
	const char *place; /* "127.0.0.1:389" */
	int64_t connections;
	SSL_CTX *tls;
	bool tls_first; /* from the first octet; else by StartTLS */
	struct ldap_service service;
};

/* Listen.  Borrows `base` and what `config` names until ldap_free(). */
enum rc ldap_new(struct event_base *base, const struct ldap_config *config,
    struct ldap **ret, struct err *err);
/* Before the event loop. */
void ldap_free(struct ldap *ldap);
OWNER(struct ldap, ldap_free);

#endif
