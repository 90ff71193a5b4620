/* authority/hierarchy -- the authority's own certificates and keys.
 *
 *   root (P-384; its key is meant to go offline)
 *     +-- issuing     (P-256) -> mailbox certificates
 *     |     +-- ocsp  (P-256) -> OCSP answers about them
 *     +-- issuing-2   (P-256), made by a rollover: issues from then on
 *     |     +-- ocsp-2
 *     +-- tsa-ca      (P-256; its key may be offline too)
 *     |     +-- tsa   (P-256) -> timestamps
 *     +-- tsa-ca-2, tsa-2: by a rollover; the newest TSA stamps
 *
 * NAME.pem is a certificate, NAME.key says where its key is (authority/keys).
 * An OCSP responder has no certificate on the disk: a process makes its own,
 * good for a few days, and another before it ends (hierarchy_ocsp()).
 *
 * May use:   base os pki store.
 * Limits:    HIERARCHY_ISSUING_MAX.
 */
#ifndef AUTHORITY_HIERARCHY_H
#define AUTHORITY_HIERARCHY_H

#include <openssl/x509.h>

#include "authority/keys.h"
#include "authority/published.h"
#include "authority/settings.h"
#include "base/own.h"
#include "pki/cert.h"
#include "store/sql.h"

#define HIERARCHY_ISSUING_MAX 16 /* of each kind */
#define HIERARCHY_NAME_SIZE 24   /* of a file, without ".pem" */

/* Make everything and write it to the folder with the settings: the keys, the
 * certificates, authority.json last, so that a folder with it is complete.
 * RC_REFUSED: there is something already; nothing is touched. */
enum rc hierarchy_found(const struct keys *keys,
    const struct settings *settings, int64_t now, struct err *err);

/* The following need keys that are meant to be offline: `offline` may name
 * another folder, with root.key and tsa-ca.key in it. */

/* A new issuing CA beside those that are there, with its responder; it issues
 * as soon as the authority is started anew.  What another try has left
 * half-done is taken up.  *ret: its certificate.  RC_LIMIT: there are
 * HIERARCHY_ISSUING_MAX. */
enum rc hierarchy_rollover(const struct keys *keys, const struct keys *offline,
    const struct settings *settings, int64_t now, X509 **ret, struct err *err);
/* A new TSA, which stamps as soon as the authority is started anew; `with_ca`:
 * below a new TSA CA, whose key is made in `offline`.  As above else. */
enum rc hierarchy_rollover_tsa(const struct keys *keys,
    const struct keys *offline, const struct settings *settings, bool with_ca,
    int64_t now, X509 **ret, struct err *err);

/* New revocation lists of the root and the TSA CAs (authority/lists), but for
 * those that have ended; or only of the CA of that name.  RC_UNFIT: the
 * settings have no http_url. */
struct hierarchy_lists {
	const struct keys *keys, *offline;
	const struct settings *settings;
	struct sql *sql;  /* knows what was revoked */
	const char *only; /* NULL: all */
	bool try_only;    /* are the keys there?  Nothing is made */
	int64_t now;
};
enum rc hierarchy_lists(const struct hierarchy_lists *wish, struct err *err);
/* One of our own by the name of its file ("issuing-2", "tsa-ca", "tsa"); and
 * the name of the CA whose list tells of it.  RC_ABSENT: no such certificate
 * is in the folder, or it is the root. */
enum rc hierarchy_find_own(const char *folder, const char *name, X509 **ret,
    char ret_issuer[HIERARCHY_NAME_SIZE], struct err *err);

/* Make the keys that an older program did not make yet.  *ret_made: how many.
 */
enum rc hierarchy_upgrade(
    const struct keys *keys, size_t *ret_made, struct err *err);

/* A CA that issued certificates for mailboxes, and answers for them. */
struct authority_ca {
	X509 *cert;
	struct signer *signer;
	char id[PUBLISHED_ID_LEN + 1];
	struct signer *ocsp_signer;
	struct responder *responder; /* its certificate: hierarchy_ocsp() */
};

/* What a running authority holds. */
struct hierarchy {
	X509 *root;
	struct authority_ca issuing[HIERARCHY_ISSUING_MAX]; /* oldest first */
	size_t issuings;
	size_t current;                      /* which of them issues now */
	X509 *tsa_ca[HIERARCHY_ISSUING_MAX]; /* oldest first */
	size_t tsa_cas;
	X509 *tsa; /* the newest */
	struct signer *tsa_signer;
	struct cert *tsa_cert;  /* `tsa` again, as cms/stamp wants it */
	struct certs tsa_chain; /* its CA */
};

#define HIERARCHY_OWNED __attribute__((cleanup(hierarchy_done)))
void hierarchy_done(struct hierarchy *hierarchy);

/* RC_UNFIT: a key that is not its certificate's. */
enum rc hierarchy_load(
    const struct keys *keys, struct hierarchy *ret, struct err *err);

/* Lent as long as the hierarchy. */
const struct authority_ca *hierarchy_current(const struct hierarchy *hierarchy);
/* By its id (published_id()); NULL: none of ours. */
const struct authority_ca *hierarchy_find(
    const struct hierarchy *hierarchy, const char *id);
/* Any CA of ours, the root and those of timestamps too. */
const X509 *hierarchy_find_cert(
    const struct hierarchy *hierarchy, const char *id);
/* The root or a TSA CA: the name of its files.  False: none of these. */
bool hierarchy_find_offline(const struct hierarchy *hierarchy, const char *id,
    char name[HIERARCHY_NAME_SIZE]);
/* The certificate of its responder, with at least HIERARCHY_OCSP_LEFT seconds
 * to go, if its CA has as many: another one is made when it is time.  For any
 * thread; the caller owns *ret.  RC_UNFIT: the CA itself has ended. */
#define HIERARCHY_OCSP_LEFT ((int64_t)4 * 24 * 60 * 60)
enum rc hierarchy_ocsp(
    const struct authority_ca *ca, int64_t now, X509 **ret, struct err *err);

/* Append a certificate as PEM or DER. */
enum rc hierarchy_print(X509 *cert, struct buf *pem, struct err *err);
enum rc hierarchy_der(const X509 *cert, struct buf *der, struct err *err);

#endif
