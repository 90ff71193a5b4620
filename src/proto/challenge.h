/* proto/challenge -- the mails of RFC 8823 (email-reply-00), both sides.
 *
 * Standard:  RFC 8823 section 3, 6532 (addresses beyond ASCII); values in ../standards digest: unpadded
 *            base64url is written, padded is read.
 * May use:   base codec.
 * Not here:  DKIM (dns/dkim), reading the letter (the caller gives the
 *            unfolded, decoded subject and the decoded text).
 */
#ifndef PROTO_CHALLENGE_H
#define PROTO_CHALLENGE_H

#include "base/buf.h"

/* token-part1 of a subject "ACME: <token>" (is_reply false) or "Re: ACME:
 * <token>" (true: everything before "ACME:" is passed over); white space in
 * the token is dropped.  RC_ABSENT: not such a subject. */
enum rc challenge_token(
    struct span subject, bool is_reply, struct buf *token, struct err *err);

/* base64url(SHA-256(token1 token2 "." thumbprint)). */
enum rc challenge_digest(struct span token1, struct span token2,
    struct span thumbprint, struct buf *digest, struct err *err);

/* The text between the ACME RESPONSE lines, white space dropped; and back. */
enum rc challenge_parse_answer(
    struct span text, struct buf *digest, struct err *err);

struct challenge_mail {
	const char *from;
	const char *to;
	const char *message_id; /* with angle brackets */
	const char *date;       /* RFC 5322 */
	struct span token1;
	const char *in_reply_to; /* answers only: the challenge's Message-ID */
	struct span digest;      /* answers only */
};
/* Append the whole letter: Subject "ACME: ...", Auto-Submitted
 * "auto-generated; type=acme", a sentence for people. */
enum rc challenge_print(
    const struct challenge_mail *mail, struct buf *out, struct err *err);
/* Append the answer: Subject "Re: ACME: ...", the digest block, Auto-Submitted
 * "auto-replied". */
enum rc challenge_print_answer(
    const struct challenge_mail *mail, struct buf *out, struct err *err);

#endif
