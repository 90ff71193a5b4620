/* flow/rest -- letters that the reader's own agent has sealed for its reader.
 *
 * What came in the clear is stored again, and what is written here (drafts,
 * sent copies) is stored, encrypted to the reader and signed by the reader's
 * own agent, so that it can be told from what somebody else sealed:
 *
 *     From, To, Cc, Date, Message-ID, ... as they were; Subject "[...]";
 *     Sender: the reader; Letterlock-Copy-Of: which letter it is for
 *       AuthEnvelopedData or EnvelopedData, for the reader alone
 *         multipart/signed, by the reader's own key
 *           Content-Type: message/rfc822; letterlock=at-rest; mark="..."
 *             the letter, byte for byte
 *
 * It is read as if the letter inside had come itself, and its `encrypted` is
 * `at-rest`: nobody sealed it on its way.  What was written here has
 * `letterlock=kept` instead, and is worth what the reader's own signature is.
 * Either way what is shown is what is inside, byte for byte.
 *
 * Only the reader's own signature makes it one, or the mark: a MAC under a key
 * that only who can open the reader's letters knows, so that another device
 * with the same keys to open letters, and a key of its own to sign, is
 * believed too.  In anybody else's letter the parameters mean nothing.  No
 * letter that the reader sends has this form: its payload has fields of its
 * own, and this one has those of MIME alone.
 *
 * May use:   base codec os mime pki cms proto dns net store keydir.
 * Standard:  RFC 8551 section 3.7 (signed, then sealed); RFC 2046 section
 *            5.2.1.
 * Not here:  when it is done, and where it lies (edge).
 */
#ifndef FLOW_REST_H
#define FLOW_REST_H

#include "flow/gather.h"
#include "flow/sealing.h"

#define REST_MARK_LEN 32
#define REST_NAME_LEN 32 /* hexadecimal digits */
#define REST_KEYS_LEN 64
#define REST_KEYS_MAX 1000
#define REST_COPY_OF "Letterlock-Copy-Of"

/* The parameter's value, and back (REST_NONE: another). */
const char *rest_kind_name(enum rest_kind kind);
enum rest_kind rest_kind_of(const char *name);

struct rest_frame {
	enum rest_kind kind;
	const char *copy_of; /* rest_name() of the letter it is for; or NULL */
};

/* Write it to `out`.  RC_UNFIT: it holds NUL, or line ends that are none, and
 * could not be given back byte for byte: better left as it is.  RC_SYNTAX,
 * RC_LIMIT: not a message. */
enum rc rest_write(const struct source *letter, const struct rest_frame *frame,
    const struct sender *sender, const struct sink *out, struct err *err);

/* The letter inside of one that gather() has read, every byte as it was.
 * RC_UNFIT: it is none. */
enum rc rest_read(struct gathered *gathered, const struct source *letter,
    const struct sink *to, struct err *err);

/* Is its body nothing but sealed, as far as who has no key can tell
 * (cms/sealed)?  Where there is doubt, no. */
enum rc rest_is_sealed(const struct source *letter, bool *ret, struct err *err);

/* The MAC of `bytes` for one purpose, under a key that follows from a private
 * key and not the other way round.  RC_UNFIT: the key is none that agrees on
 * secrets. */
enum rc rest_mark(const struct reader_key *key, const char *purpose,
    struct span bytes, uint8_t ret[REST_MARK_LEN], struct err *err);

/* A name for a letter on the mail server, of whatever tells it from others,
 * that says nothing of that to who does not have the key. */
enum rc rest_name(const struct reader_key *key, struct span which,
    char ret[REST_NAME_LEN + 1], struct err *err);

/* Which keys these are, in whatever order: of those that open letters, each
 * once.  To see whether a copy has all of them. */
enum rc rest_keys(const struct reader_key *keys, size_t len,
    char ret[REST_KEYS_LEN + 1], struct err *err);

#endif
