/* authority/settings -- authority.json: what an operator may change.
 *
 * May use:   base os.
 * Errors:    every setting is checked when it is read, and named when it is
 *            wrong; an unknown one is an error too (a slip of the pen must not
 *            switch off a limit).
 */
#ifndef AUTHORITY_SETTINGS_H
#define AUTHORITY_SETTINGS_H

#include "base/buf.h"

#define SETTINGS_FILE "authority.json"
#define SETTINGS_CLOCK_TRUSTED "trusted"
#define SETTINGS_DOMAIN_MAX 64 /* becomes an organizationName in X.509 */

/* All strings are owned; those an operator may leave out can be NULL. */
struct settings {
	char *domain;          /* mail domain of challenges */
	char *url;             /* https://..., no slash at the end */
	char *listen;          /* HTTPS, "127.0.0.1:8443" */
	char *mx_listen;       /* SMTP for answers */
	char *http_listen;     /* HTTP without TLS: revocation; may be NULL */
	char *http_url;        /* how readers reach that, http://... */
	char *lmtp_listen;     /* the same by LMTP; may be NULL */
	char *smarthost;       /* host:port that takes our letters */
	char *send_from;       /* local address to send from; may be NULL */
	char *dns;             /* resolver, "127.0.0.10@5353"; may be NULL */
	char *dns_anchors;     /* file; may be NULL */
	char *tls_certificate; /* PEM file */
	char *tls_key;
	char *dkim_key; /* PEM file */
	char *dkim_selector;
	char *passphrase_file; /* may be NULL */
	char *clock;           /* for timestamps; may be NULL: synchronised */
	char *pkcs11;          /* URI of the token of new keys; may be NULL */
	char *pin_file;        /* may be NULL */
	char *ldap_listen;     /* LDAP; may be NULL */
	char *ldaps_listen;    /* LDAP, TLS from the first octet; the same */
	char *desk_listen;     /* HTTPS for people with certificates; or NULL */
	char *metrics_listen;  /* HTTP for Prometheus; may be NULL */
	char *store;           /* file or URL of the database; may be NULL */
	char *terms;           /* URL of the terms of service; may be NULL */
	char *country;         /* of the CAs' subjects, "DE"; may be NULL */
	char *caa_identity;    /* our name in CAA records; NULL: domain */
	char *answers;         /* "strict" or "interop"; NULL: strict */

	int64_t challenge_mails_per_hour; /* to one mailbox */
	int64_t orders_per_hour;          /* of one account */
	int64_t accounts_per_hour;        /* from one IP address */
	int64_t lookups_per_minute;       /* in the directory, one IP address */
	int64_t authorization_reuse;      /* seconds */
	int64_t audit_seal_every;         /* seconds */
	int64_t connections;              /* HTTPS, at once */
	int64_t mx_connections;           /* SMTP, at once */
	int64_t http_connections;         /* HTTP, at once */
	int64_t ldap_connections;         /* LDAP, at once */
	int64_t crl_parts;                /* revocation lists of one CA */
	int64_t crl_hours;                /* how long one is good */
	int64_t crl_keep_days;            /* entries, once they expired */
	int64_t ocsp_hours;               /* how long an answer is good */
	int64_t identity_days;            /* what was checked is good */

	int64_t challenge_mails_per_domain; /* to all its mailboxes, an hour */
	int64_t challenge_mails_per_client; /* asked for by an IP address */

	bool external_account_required;
	bool test_profile; /* certificates for hosts too: never in earnest */
};

#define SETTINGS_OWNED __attribute__((cleanup(settings_done)))

/* Everything empty but the numbers, which are what we recommend. */
void settings_init(struct settings *settings);
void settings_done(struct settings *settings);

/* RC_UNFIT with the name of what is missing or wrong. */
enum rc settings_check(const struct settings *settings, struct err *err);

enum rc settings_print(
    const struct settings *settings, struct buf *json, struct err *err);
/* Reads and checks; `ret` must be initialised. */
enum rc settings_parse(struct span json, struct settings *ret, struct err *err);
enum rc settings_load(
    const char *folder, struct settings *ret, struct err *err);

/* Set one by its name; RC_ABSENT: there is no such text setting. */
enum rc settings_set(struct settings *settings, const char *name,
    const char *value, struct err *err);

/* What CAA records of other domains must name to mean us. */
const char *settings_caa_identity(const struct settings *settings);

struct settings_place {
	char host[256];
	uint16_t port;
};
/* "host:port", "[::1]:port". */
enum rc settings_place(
    const char *text, struct settings_place *ret, struct err *err);

/* Where readers reach `http_listen` if nothing else is said: the host of `url`
 * with its port. */
enum rc settings_guess_http_url(struct settings *settings, struct err *err);

#endif
