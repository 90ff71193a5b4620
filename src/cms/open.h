/* cms/open -- decrypt one CMS EnvelopedData or AuthEnvelopedData, as a stream.
 *
 * Standard:  RFC 5652 section 6, RFC 5083, 5084, 5753, 8103; BER or DER in.
 * May use:   base codec mime pki.  No I/O.
 * Limits:    10,000 recipients of 64 KiB each, 1000 keys of ours, of which at
 *            most 16 uses are tried for one letter; 2^36 - 32 bytes of
 *            content with an AEAD.
 *
 * new -> add* -> push* -> finish [-> rewind -> push* -> finish].  Memory does
 * not depend on the content's length: RecipientInfos are looked at as they
 * come by, and only those that name one of our keys are kept.
 *
 * What comes out before the end is not to be believed: with an AEAD only
 * open_finish() knows that the tag held; with CBC nothing here proves anything
 * about the sender's text, `authenticated` is false, and the caller must find
 * a valid signature around all of it before it shows anything.  All failures
 * behind the choice of the recipient have one text and come at the end, so
 * that nobody can use us as an oracle.
 *
 * Which key: a content key that was wrapped for us by key agreement, OAEP, a
 * symmetric key or a password tells itself whether it is right, so the first
 * of those that is right counts.  RSA v1.5 must never tell (RFC 3218): only
 * if there is no other, and then the first of them.  If none is right, the
 * letter is decrypted with a random key to the same end.
 */
#ifndef CMS_OPEN_H
#define CMS_OPEN_H

#include "base/buf.h"
#include "pki/key.h"

struct open;

struct open_result {
	const char *cipher; /* static: "aes-256-gcm", "aes-256-cbc",
			     * "aes-128-cbc", ...; lower case */
	bool authenticated; /* the tag of an AEAD has held; false: CBC */
	size_t recipients;  /* how many the letter was sealed for */
};

enum rc open_new(struct open **ret, struct err *err);
void open_free(struct open *open);

/* What we have, all before the first open_push().
 *
 * A key and its certificate; the key is borrowed until open_free(). */
enum rc open_add(struct open *open, const struct cert *cert,
    const struct key *key, struct err *err);
/* A symmetric key that both sides have, of 16, 24 or 32 bytes (else RC_UNFIT),
 * and the name it goes by (KEKRecipientInfo).  Copies both. */
enum rc open_add_kek(
    struct open *open, struct span key_id, struct span kek, struct err *err);
/* A password (PasswordRecipientInfo), of at most 1024 bytes.  Copies it. */
enum rc open_add_password(
    struct open *open, struct span password, struct err *err);

/* The next bytes of the CMS.  Appends to `quarantine` (which should be secret)
 * what they decrypt to, never more than a block beyond their length; the
 * caller may drain it between calls.  NOBODY may be shown it before
 * open_finish() said RC_OK.  After a failure what was given out must be thrown
 * away, and every later call fails in the same way.
 * RC_SYNTAX: no CMS of that kind.  RC_ABSENT: not sealed for any of our keys.
 * RC_UNFIT: a cipher or key scheme we do not open, named.  RC_LIMIT.
 * RC_CRYPTO: changed on the way or not made for this key. */
enum rc open_push(struct open *open, struct span der, struct buf *quarantine,
    struct err *err);
/* The end of the CMS: append the last block and fill *ret, or the same
 * failures. */
enum rc open_finish(struct open *open, struct buf *quarantine,
    struct open_result *ret, struct err *err);

/* Known from the moment the content's cipher was read; NULL before. */
const char *open_cipher(const struct open *open);

/* After open_finish() said RC_OK once, also in the middle of a pass behind it:
 * back to the beginning, for another pass over the same bytes.  The content key is kept, no private key is used
 * again.  What comes out need not be kept back any more, as long as the caller
 * knows that they are the same bytes: whoever could have changed them in
 * between is found out at the end only, when the tag is not that of the first
 * pass (RC_CRYPTO). */
enum rc open_rewind(struct open *open, struct err *err);

#endif
