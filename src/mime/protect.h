/* mime/protect -- header protection: the real header goes inside.
 *
 * Standard:  RFC 9788 (sections 2 to 5); hcp_baseline hides Subject as
 *            "[...]" and removes Comments, Keywords, and Thread-Topic (the
 *            subject again); hcp_shy hides display names and the time zone
 *            as well.
 * May use:   base codec.
 * Not here:  signing and encrypting (cms), who said it (flow).
 */
#ifndef MIME_PROTECT_H
#define MIME_PROTECT_H

#include "mime/entity.h"

enum protect_policy { PROTECT_BASELINE, PROTECT_SHY, PROTECT_NONE };

/* Turn a letter into its payload (the MIME part with every protected field
 * and hp="cipher" or hp="clear", 7-bit safe: to be signed and encrypted) and
 * its outer fields (what stands outside, without MIME fields and without the
 * empty line: the caller adds the cryptographic layer's MIME fields).
 *
 * Bcc and trace fields (Received, Return-Path, DKIM-Signature,
 * Authentication-Results, Letterlock-Verdict, ...) go nowhere.  If `bcc` is
 * not NULL, "Bcc: <bcc>" is protected inside, and only there: the copy of
 * one blind recipient.  `encrypting` false: hp="clear", nothing hidden. */
enum rc protect_compose(const struct entity *letter, enum protect_policy policy,
    bool encrypting, const char *bcc, struct buf *payload, struct buf *outer,
    struct err *err);

enum protect_state {
	PROTECT_UNPROTECTED,
	PROTECT_SIGNED_ONLY,
	PROTECT_ENCRYPTED_ONLY,
	PROTECT_SIGNED_AND_ENCRYPTED,
};

/* Does the payload root carry hp= ?  "clear", "cipher" or NULL. */
const char *protect_hp(const struct entity *payload);

/* RFC 9788 section 4.3.1 for the first field of that name in the payload. */
enum protect_state protect_field(const struct entity *payload, const char *name,
    bool encrypted, bool signature_valid);

/* Do the fields that readers go by (From, Sender, Reply-To, To, Cc, Subject,
 * Date) say the same outside as in the payload?  Where the letter is shown as
 * it came, the ones outside are shown, and anybody can have written those. */
bool protect_agrees(const struct entity *outer, const struct entity *payload);

/* Append the letter a mail program should see: the protected fields of the
 * payload without HP-Outer (where there is hp=; else the outer fields), the
 * outer trace and List-* fields, the payload's MIME fields without hp and
 * hp-legacy-display, and its body without legacy display elements (where
 * `outer` is application/pkcs7-mime that encrypts).  Every Letterlock-Verdict,
 * inside and outside, is left out.  A payload message/rfc822 without hp= (the
 * wrapped form of RFC 8551) is shown as the message it is, below the outer
 * header: nobody checked its From. */
enum rc protect_reveal(const struct entity *outer, const struct entity *payload,
    struct buf *out, struct err *err);

/* Append the letter with every Letterlock-Verdict field of its top header and
 * nothing else removed: in any case, folded, with blanks before the colon,
 * and also where only some readers would see a field (behind a bare CR or a
 * line that is no field).  Works on any bytes. */
enum rc protect_strip_verdict(
    struct span letter, struct buf *out, struct err *err);

#endif
