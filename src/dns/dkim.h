/* dns/dkim -- DKIM signatures, by libopendkim over our resolver.
 *
 * Standard:  RFC 6376, 8301, 8463 as far as the library goes; the extra rules
 *            of RFC 8823 section 3 are `for_challenge` below.
 * May use:   base codec os mime.
 */
#ifndef DNS_DKIM_H
#define DNS_DKIM_H

#include "base/buf.h"
#include "dns/resolver.h"

/* Is the letter signed by exactly the domain of its only From address, with
 * every field that RFC 8823 names covered (`answer`: without Auto-Submitted),
 * no l= tag, not expired, a key of at least 1024 bits and rsa-sha256 or
 * ed25519?  RC_OK: yes.  RC_REFUSED: no, with the reason.  RC_IO: the key could
 * not be asked for: try again. */
enum rc dkim_check_challenge(const struct resolver *resolver,
    struct span letter, bool answer, struct err *err);

/* Append a DKIM-Signature field (with CRLF) for the letter, all fields of RFC
 * 8823 section 3.1 signed and oversigned, relaxed/relaxed, rsa-sha256. */
struct dkim_signer {
	const char *domain;
	const char *selector;
	struct span key_pem;
};
/* (Not "dkim_sign": the library has a function of that name.) */
enum rc dkim_sign_letter(const struct dkim_signer *signer, struct span letter,
    struct buf *field, struct err *err);

#endif
