/* authority/directory -- the certificates that are published, and by what they
 * are found: JSON, RFC 4387, LDAP and SMIMEA show the same.
 *
 * Looking up reads one table that holds only what is published.  A mailbox
 * that does not wish to be there is not in it, so that unknown and unpublished
 * are the same by construction, in what is answered and in the work it takes.
 *
 *   by a person (address, name, subject)   certificates in force, not revoked:
 *                                          they are asked for to encrypt
 *   by the certificate (its hash, issuer   also expired and revoked ones:
 *   and serial, key identifier)            somebody has a signature to check
 *
 * Nothing finds certificates of two mailboxes at once: who does not name the
 * mailbox does not learn of several.
 *
 * May use:   base os pki store.
 * Limits:    DIRECTORY_MOST certificates, the newest.
 */
#ifndef AUTHORITY_DIRECTORY_H
#define AUTHORITY_DIRECTORY_H

#include <openssl/x509.h>

#include "authority/settings.h"
#include "base/own.h"
#include "store/sql.h"

#define DIRECTORY_MOST 32
#define DIRECTORY_HASH 20 /* SHA-1, as RFC 4387 section 2.1 has it */

enum directory_key {
	DIRECTORY_CERTIFICATE,   /* all of its DER */
	DIRECTORY_ISSUER_SERIAL, /* issuerAndSerialNumber */
	DIRECTORY_KEY_ID,        /* subjectKeyIdentifier */
	DIRECTORY_SUBJECT,       /* the subject's DER */
	DIRECTORY_NAME,          /* its commonName; a text and no hash */
	DIRECTORY_KEYS,
};

/* What a certificate can be found by; an empty one finds nothing. */
struct directory_keys {
	uint8_t hash[DIRECTORY_NAME][DIRECTORY_HASH];
	bool has[DIRECTORY_NAME];
	struct buf name;
};

#define DIRECTORY_KEYS_NONE ((struct directory_keys){.name = BUF(4096)})
#define DIRECTORY_KEYS_OWNED __attribute__((cleanup(directory_keys_done)))
void directory_keys_done(struct directory_keys *keys);
/* `ret` must be initialised. */
enum rc directory_keys_of(
    struct span cert, struct directory_keys *ret, struct err *err);

/* Publish a certificate (DER) that was issued, unless its mailbox does not wish it.
 * Within the transaction that issues it. */
enum rc directory_add(
    struct sql *sql, int64_t certificate, struct span cert, struct err *err);
/* The same with all that were issued before there was this table. */
enum rc directory_adopt(struct sql *sql, struct err *err);

/* From now on, are the certificates of this address published?  Within a
 * transaction of the caller.  RC_ABSENT: they are (not) already. */
enum rc directory_hide(
    struct sql *sql, const char *address, int64_t now, struct err *err);
enum rc directory_show(struct sql *sql, const char *address, struct err *err);
enum rc directory_is_hidden(
    struct sql *sql, const char *address, bool *ret, struct err *err);

struct directory_item {
	size_t at, len; /* in `bytes` */
	bool signing, encrypting;
};

struct directory_found {
	char *address; /* as it is spelled in the certificates */
	struct directory_item item[DIRECTORY_MOST]; /* newest first */
	size_t len;
	struct buf bytes;
};

#define DIRECTORY_FOUND \
	((struct directory_found){.bytes = BUF((size_t)2 << 20)})
#define DIRECTORY_FOUND_OWNED __attribute__((cleanup(directory_found_done)))
void directory_found_done(struct directory_found *found);
/* Lends the DER. */
struct span directory_der(const struct directory_found *found, size_t i);

/* Of this mailbox: letter for letter, or else without regard to ASCII case if
 * only one spelling is known.  RC_ABSENT: nothing that is published.  RC_SYNTAX:
 * not an address. */
enum rc directory_find_address(struct sql *sql, const struct settings *settings,
    struct span address, int64_t now, struct directory_found *ret,
    struct err *err);
/* By a key; `value` is a hash or a name.  RC_ABSENT: nothing. */
struct directory_wish {
	enum directory_key key;
	struct span value;
	int64_t now;
};
enum rc directory_find(struct sql *sql, const struct directory_wish *wish,
    struct directory_found *ret, struct err *err);

#endif
