/* cms/open -- decrypt one CMS EnvelopedData or AuthEnvelopedData.
 *
 * Standard:  RFC 5652 section 6, RFC 5083, 5084, 5753; BER or DER in.
 * May use:   base codec mime pki.  No I/O.
 * Limits:    128 MiB of CMS, 10,000 recipients, 1000 keys of ours, of which
 *            at most 16 uses are tried for one letter.
 *
 * Nothing is given out before the end: with AES-GCM the tag has held; with
 * CBC the padding was right, which proves nothing about the sender's text, and
 * `authenticated` is false: the caller must find a valid signature inside
 * before it shows anything.  All failures behind the choice of the recipient
 * have one text, so that nobody can use us as an oracle.
 */
#ifndef CMS_OPEN_H
#define CMS_OPEN_H

#include "base/buf.h"
#include "pki/key.h"

struct open;

struct open_result {
	const char *cipher; /* static: "aes-256-gcm", "aes-256-cbc",
			     * "aes-128-cbc", ...; lower case */
	bool authenticated;
	size_t recipients; /* how many the letter was sealed for */
};

enum rc open_new(struct open **ret, struct err *err);
void open_free(struct open *open);

/* A key we have and its certificate; borrowed until open_finish(). */
enum rc open_add(struct open *open, const struct cert *cert,
    const struct key *key, struct err *err);

/* The next bytes of the CMS. */
enum rc open_push(struct open *open, struct span der, struct err *err);

/* Append the plaintext (`plain` should be secret, and have room for the
 * ciphertext and a block more) and fill *ret.
 * RC_SYNTAX: no CMS of that kind.  RC_ABSENT: not sealed for any of our keys.
 * RC_UNFIT: a cipher or key scheme we do not open, named.  RC_CRYPTO: changed
 * on the way or not made for this key. */
enum rc open_finish(struct open *open, struct buf *plain,
    struct open_result *ret, struct err *err);

#endif
