/* enrol/account -- what is known of the person's mailbox and authority.
 *
 * One state item, "account", JSON (doc/formats.md); the password is in it, and
 * so nowhere in the clear.
 * May use:   base codec os mime pki vault proto dns net store.
 */
#ifndef ENROL_ACCOUNT_H
#define ENROL_ACCOUNT_H

#include "dns/resolver.h"
#include "net/imap_link.h"
#include "net/smtp_send.h"
#include "store/state.h"

struct account_server {
	char host[256];
	uint16_t port;
	enum smtp_security security; /* never SMTP_PLAIN */
};

struct account {
	char address[321];
	char user[321]; /* login name at the provider; default the address */
	struct buf password; /* secret; empty with `login` */
	char login[16];      /* "": by password; "oauth", "certificate" */
	/* of OAuth 2.0: where, as which program ("" secret: none), for what */
	char oauth_issuer[512], oauth_auth_url[512], oauth_token_url[512];
	char oauth_client[512], oauth_secret[512], oauth_scope[512];
	struct account_server imap;
	struct account_server smtp;
	char authority
	    [1024];       /* ACME directory URL; "https://x/acme/directory" */
	struct buf roots; /* PEM of the trusted mail roots */
	char tls_trust[1024];   /* path of a PEM file, "" for the system's */
	char dns_server[128];   /* "127.0.0.10@5353", "" for the system's */
	char dns_anchors[1024]; /* path, "" for the system's */
	uint8_t credential[32]; /* SHA-256 of the local credential */
	struct buf local_cert;  /* PEM of the fronts' TLS certificate and */
	struct buf local_key;   /* key (secret) */
};

#define ACCOUNT_OWNED __attribute__((cleanup(account_done)))

void account_init(struct account *account);
void account_done(struct account *account);
/* `ret`: as account_init() made it. */
enum rc account_load(
    const struct state *state, struct account *ret, struct err *err);
enum rc account_save(
    const struct state *state, const struct account *account, struct err *err);

/* What it has to log in at the mail servers. */
enum sasl_kind account_login(const struct account *account);

/* Find the mail servers of the address's domain by SRV (RFC 6186, 8314):
 * implicit TLS is preferred, STARTTLS taken, clear text never. What is already
 * filled in (a host) stays.  RC_ABSENT names the flags to give by hand.
 * RC_UNFIT: a server outside of the domain that no DNSSEC vouches for (RFC
 * 6186 section 6): it would be given the password. */
enum rc account_find_servers(
    struct account *account, const struct resolver *resolver, struct err *err);

#endif
