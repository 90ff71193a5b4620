/* mime/protect -- header protection: the real header goes inside.
 *
 * Standard:  RFC 9788 (sections 2 to 6); hcp_baseline hides Subject as
 *            "[...]" and removes Comments, Keywords, and Thread-Topic (the
 *            subject again); hcp_shy hides display names and the time zone
 *            as well.  RFC 8551 section 3.1 (the message/rfc822 form) is
 *            read and never written.
 * May use:   base codec.
 * Not here:  signing and encrypting (cms), who said it (flow), what a letter
 *            that is answered kept secret (mime/protect_reference).
 */
#ifndef MIME_PROTECT_H
#define MIME_PROTECT_H

#include "mime/sevenbit.h"

struct protect_reference;

enum protect_policy { PROTECT_BASELINE, PROTECT_SHY, PROTECT_NONE };

struct protect_options {
	enum protect_policy policy;
	bool encrypting; /* false: hp="clear", nothing hidden */
	bool legacy;     /* when encrypting: the letter has what is hidden in
			  * its text too, as protect_add_display() puts it */
	const char *bcc; /* the blind recipient this copy is for; or NULL */
	/* what the letters that this one answers kept secret; or NULL */
	const struct protect_reference *reference;
	/* for the multipart around a letter that is a cryptographic layer
	 * already: nothing that a letter can hold by chance; or NULL */
	const char *boundary;
};

/* Turn a letter into its payload (the MIME part with every protected field
 * and hp="cipher" or hp="clear", 7-bit safe: to be signed and encrypted) and
 * its outer fields (what stands outside, without MIME fields and without the
 * empty line: the caller adds the cryptographic layer's MIME fields).  Twice
 * the same bytes, as mime/sevenbit: looked at, then written.
 *
 * Bcc and trace fields (Received, Return-Path, DKIM-Signature,
 * Authentication-Results, Letterlock-Verdict, ...) go nowhere; "Bcc: <bcc>"
 * is protected inside, and only there.  A letter that is signed already lies
 * in a multipart/mixed byte for byte, so that the payload is not below that
 * signature.  Of what a letter answered kept secret nothing stands outside. */
struct protect_writer;

/* Borrows what `options` points to as long as *ret lives, which the caller
 * owns. */
enum rc protect_writer_new(const struct protect_options *options,
    struct protect_writer **ret, struct err *err);
void protect_writer_free(struct protect_writer *writer);

/* The first time: the next bytes of the letter, header and all, in any split.
 * After a failure it is of no more use, here and below.
 * RC_SYNTAX: broken MIME; a header with 8-bit characters that are no UTF-8.
 * RC_LIMIT: as entity_parse().  RC_UNFIT: not encrypting, and the reference
 * would leak; no boundary where one is needed, or none that can be used. */
enum rc protect_look(
    struct protect_writer *writer, struct span letter, struct err *err);

/* That was all of it: append the outer fields.  Adds to *needs: what is sent
 * as it is (the outer fields; the payload too when not encrypting) can only
 * be carried by such servers.  On failure `outer` is as it was. */
enum rc protect_look_end(struct protect_writer *writer, struct buf *outer,
    struct sevenbit_needs *needs, struct err *err);

/* The second time: append the payload.  RC_CRYPTO: these are not the bytes of
 * the first time; what was appended is to be thrown away. */
enum rc protect_write(struct protect_writer *writer, struct span letter,
    struct buf *payload, struct err *err);
enum rc protect_write_end(
    struct protect_writer *writer, struct buf *payload, struct err *err);

/* Append the letter with what the policy hides in its text too, for readers
 * that know nothing of this.  !*ret_added: nothing is hidden that people read,
 * or there is no text to put it in; then nothing was appended.  All of it is
 * in memory, several times. */
enum rc protect_add_display(const struct entity *letter,
    enum protect_policy policy, struct buf *out, bool *ret_added,
    struct err *err);

/* ---- reading --------------------------------------------------------------- */

/* A letter whose layers were taken off.  What is hp= on anything but the
 * payload's own header is ignored everywhere. */
struct protect_letter {
	const struct entity *outer;   /* as it came */
	const struct entity *payload; /* the innermost; may be outer itself */
	bool encrypted;               /* one of the layers encrypted */
	bool signature_valid;         /* around all of the payload */
};

enum protect_form {
	PROTECT_FORM_NONE,    /* only the outer header is there */
	PROTECT_FORM_CLEAR,   /* hp="clear" */
	PROTECT_FORM_CIPHER,  /* hp="cipher", whatever was encrypted */
	PROTECT_FORM_WRAPPED, /* a message/rfc822 without hp= as payload, which
			       * holds no layer itself (RFC 9788 section 4.10) */
};

enum protect_form protect_form_of(const struct protect_letter *letter);

/* Lends the entity whose header fields count: the payload, the message in it
 * in the wrapped form, the outer header without any protection. */
const struct entity *protect_header_of(const struct protect_letter *letter);

enum protect_state {
	PROTECT_UNPROTECTED,
	PROTECT_SIGNED_ONLY,
	PROTECT_ENCRYPTED_ONLY,
	PROTECT_SIGNED_AND_ENCRYPTED,
};

/* RFC 9788 section 4.3.1 for one field of protect_header_of(), or for the
 * first of that name (UNPROTECTED if there is none). */
enum protect_state protect_field_state(
    const struct protect_letter *letter, const struct field *field);
enum protect_state protect_state_of(
    const struct protect_letter *letter, const char *name);

/* Do the fields that readers go by (From, Sender, Reply-To, To, Cc, Subject,
 * Date) say the same outside as in the protected header?  Where the letter is
 * shown as it came, the ones outside are shown, and anybody can have written
 * those. */
bool protect_agrees(const struct protect_letter *letter);

/* Is there no protected header, and yet a From in the payload's own, with other
 * addresses than the one outside?  Programs that follow an older draft show that
 * one. */
bool protect_claims_other(const struct protect_letter *letter);

/* RFC 9788 section 4.4: does the real outer From (not HP-Outer) name the same
 * addresses as the protected one?  False if either is unclear. */
bool protect_from_matches(const struct protect_letter *letter);

/* The letter a mail program should see, as a stream: the protected fields
 * without HP-Outer (the outer fields where nothing is protected), the outer
 * trace and List-* fields, the payload's MIME fields without hp and
 * hp-legacy-display, and its body without legacy display elements (where a
 * layer encrypted).  Every Letterlock-Verdict, inside and outside, is left
 * out.  The wrapped form is shown as the message that it wraps.  Line ends
 * become CRLF, but for those in the body of a leaf whose encoding is binary.
 * Nothing in messages inside of the payload is changed but line ends.
 *
 * Memory: one header section and one part that says it has a legacy display
 * element, however long the letter is.  Where such a part's body is longer
 * than PROTECT_DISPLAY_MAX, encoded, it is shown as it is. */
struct protect_view;

#define PROTECT_DISPLAY_MAX ((size_t)1 << 20)

/* Borrows `letter` for this call only.  Of the payload, and of its child in
 * the wrapped form, only what the headers say is used. */
enum rc protect_view_new(const struct protect_letter *letter,
    struct protect_view **ret, struct err *err);
void protect_view_free(struct protect_view *view);

/* The payload's next bytes, from the first of its header on; appends what is
 * to be seen of them.  RC_LIMIT: as entity_parse().  After a failure `out` is
 * as it was, and the view of no more use. */
enum rc protect_view_push(struct protect_view *view, struct span payload,
    struct buf *out, struct err *err);
/* The payload is over. */
enum rc protect_view_end(
    struct protect_view *view, struct buf *out, struct err *err);

/* Append the letter with every Letterlock-Verdict field of its top header and
 * nothing else removed: in any case, folded, with blanks before the colon,
 * and also where only some readers would see a field (behind a bare CR or a
 * line that is no field).  Works on any bytes. */
enum rc protect_strip_verdict(
    struct span letter, struct buf *out, struct err *err);

#endif
