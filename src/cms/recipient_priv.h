/* cms/recipient -- one RecipientInfo, both ways.
 *
 * Standard:  RFC 5652 section 6.2; RSA v1.5 and OAEP (RFC 3560), ECDH on NIST's
 *            curves (5753), X25519 and X448 (8418), AES key wrap under a key
 *            both have (3565) or a password (3211), ML-KEM (9629, 9936) where
 *            the library has it.
 * May use:   base pki.  Only inside cms.
 * Not here:  the list of them, and the content (cms/open, cms/seal).
 */
#ifndef CMS_RECIPIENT_PRIV_H
#define CMS_RECIPIENT_PRIV_H

#include "cms/recipient.h"
#include "pki/key.h"

/* --- what we have, to open with; exactly one of the three kinds.  All of it
 * is borrowed. */
struct recipient_own {
	const struct cert *cert; /* a key pair */
	const struct key *key;
	struct span key_id, kek; /* KEKRecipientInfo */
	struct span password;    /* PasswordRecipientInfo */
};

/* How often one letter may have a private key used.  A sender who names us a
 * thousand times would have it used for seconds. */
#define RECIPIENT_MATCHES_MAX 16
/* For how many a letter may be sealed. */
#define RECIPIENTS_MAX 10000

/* A place in a letter that names something we have, with what is needed of
 * the RecipientInfo. */
struct recipient_match {
	const struct recipient_own *own; /* borrowed */
	struct recipient_place *place;   /* owned */
};

struct recipient_matches {
	struct recipient_match item[RECIPIENT_MATCHES_MAX];
	size_t len;
};

#define RECIPIENT_MATCHES_NONE ((struct recipient_matches){.len = 0})
#define RECIPIENT_MATCHES_OWNED __attribute__((cleanup(recipient_matches_done)))

void recipient_matches_done(struct recipient_matches *matches);

/* Look at one whole RecipientInfo (BER; borrowed for this call).  Adds to
 * *ret_count how many recipients it stands for, and to `ret` a match for every
 * key of ours that it names, while there is room; `own` is borrowed until
 * recipient_matches_done().  A kind or version that we do not know is no match
 * and no error: others may be able to read it.  RC_SYNTAX: broken.  RC_LIMIT:
 * more than RECIPIENTS_MAX, or a match that is longer than 64 KiB. */
enum rc recipient_look(struct span der, const struct recipient_own *own,
    size_t own_len, struct recipient_matches *ret, size_t *ret_count,
    struct err *err);

/* RC_UNFIT, named: an algorithm that we do not open.  RC_SYNTAX: parameters
 * that it cannot have.  RC_LIMIT: a password that would take too long. */
enum rc recipient_check(const struct recipient_match *match, struct err *err);

/* Does unwrapping tell whether the key is right?  Only RSA v1.5 must not. */
bool recipient_is_certain(const struct recipient_match *match);

/* Append the content key of `want` bytes; `cek` is secret.  RSA v1.5 with a
 * wrong padding yields random bytes (RFC 3218) and RC_OK.  RC_NOMEM, RC_IO and
 * RC_AGAIN say nothing about the letter; behind every other failure the caller
 * goes on with a random key, so that nobody can watch the difference.  Only
 * after recipient_check(). */
enum rc recipient_unwrap(const struct recipient_match *match, size_t want,
    struct buf *cek, struct err *err);

/* --- writing.  What wraps the content key is never weaker than it is. */

/* RC_UNFIT: a kind of key, or a way, that we cannot seal with. */
enum rc recipient_can(
    const struct cert *cert, const struct recipient_way *way, struct err *err);

/* Append the DER of one RecipientInfo for `cert`, for which recipient_can()
 * said yes.  *ret_version: what it wants EnvelopedData's version to be at
 * least, 0, 2 or 3 (RFC 5652 section 6.1). */
enum rc recipient_print(const struct cert *cert,
    const struct recipient_way *way, struct span cek, struct buf *der,
    int *ret_version, struct err *err);
/* A KEKRecipientInfo.  `kek` has 16, 24 or 32 bytes, and as many as the content
 * key at least. */
enum rc recipient_print_kek(struct span key_id, struct span kek,
    struct span cek, struct buf *der, int *ret_version, struct err *err);
/* A PasswordRecipientInfo. */
enum rc recipient_print_password(struct span password, struct span cek,
    struct buf *der, int *ret_version, struct err *err);

#endif
