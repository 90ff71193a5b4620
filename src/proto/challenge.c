#include "proto/challenge.h"

#include <openssl/evp.h>

#include "codec/base64.h"
#include "codec/utf8.h"

#define TOKEN_MAX 256
#define DIGEST_TEXT_MAX 64
#define BEGIN_LINE "-----BEGIN ACME RESPONSE-----"
#define END_LINE "-----END ACME RESPONSE-----"

static bool
is_space(uint8_t byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static bool
is_base64url(uint8_t byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	       (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
}

/* Append without white space; "=" only at the end. */
static enum rc
add_base64url(struct span text, size_t max, const char *what, struct buf *out,
    struct err *err)
{
	struct buf word BUF_OWNED = BUF(max);
	bool padded = false;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t byte = text.data[i];
		if (is_space(byte))
			continue;
		padded = padded || byte == '=';
		if (padded ? byte != '=' : !is_base64url(byte))
			return err_set(
			    err, RC_SYNTAX, "%s is not base64url", what);
		enum rc rc = buf_add_byte(&word, byte, err);
		if (rc == RC_LIMIT)
			return err_set(err, RC_LIMIT,
			    "%s of more than %zu characters", what, max);
		TRY(rc);
	}
	if (word.len == 0 || word.data[0] == '=')
		return err_set(err, RC_SYNTAX, "%s is empty", what);
	return buf_add(out, buf_span(&word), err);
}

/* RFC 8823 section 3.2: servers "can ignore any prefix before the "ACME:"
 * label". */
enum rc
challenge_token(
    struct span subject, bool is_reply, struct buf *token, struct err *err)
{
	struct span label = span_str("ACME:");
	struct span text = span_trim(subject);
	ptrdiff_t at = span_find(text, label);

	if (at < 0 || (at > 0 && !is_reply))
		return err_set(
		    err, RC_ABSENT, "the subject is not \"ACME: TOKEN\"");
	text = span_after(text, (size_t)at + label.len);
	enum rc rc = add_base64url(text, TOKEN_MAX, "the token", token, err);
	if (rc == RC_SYNTAX || rc == RC_LIMIT)
		return err_set(
		    err, RC_ABSENT, "the subject is not \"ACME: TOKEN\"");
	return rc;
}

enum rc
challenge_digest(struct span token1, struct span token2, struct span thumbprint,
    struct buf *digest, struct err *err)
{
	struct buf text BUF_OWNED = BUF_SMALL;
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	/* RFC 8555 section 8.1: keyAuthorization = token || '.' || ... */
	TRY(buf_add(&text, token1, err));
	TRY(buf_add(&text, token2, err));
	TRY(buf_add_byte(&text, '.', err));
	TRY(buf_add(&text, thumbprint, err));
	if (!EVP_Digest(text.data, text.len, hash, &len, EVP_sha256(), NULL))
		return err_set(err, RC_CRYPTO, "SHA-256 failed");
	return base64url_encode(span_of(hash, len), digest, err);
}

/* -- the answer's block -- */

/* Cuts the first line off, without its end. */
static struct span
next_line(struct span *text)
{
	ptrdiff_t end = span_find_byte(*text, '\n');
	size_t len = end < 0 ? text->len : (size_t)end;
	struct span line = span_first(*text, len);

	*text = span_after(*text, end < 0 ? len : len + 1);
	if (line.len != 0 && line.data[line.len - 1] == '\r')
		line.len--;
	return line;
}

static bool
is_line(struct span line, const char *want)
{
	return span_is(span_trim(line), span_str(want));
}

enum rc
challenge_parse_answer(struct span text, struct buf *digest, struct err *err)
{
	struct buf word BUF_OWNED = BUF(DIGEST_TEXT_MAX);

	while (text.len != 0 && !is_line(next_line(&text), BEGIN_LINE))
		continue;
	const uint8_t *begin = text.data;
	while (text.len != 0) {
		const uint8_t *end = text.data;
		if (!is_line(next_line(&text), END_LINE))
			continue;
		struct span block = span_of(begin, (size_t)(end - begin));
		TRY(add_base64url(
		    block, DIGEST_TEXT_MAX, "the answer's digest", &word, err));
		/* RFC 8823's own example is padded, RFC 8555's text never. */
		while (word.data[word.len - 1] == '=')
			buf_cut(&word, word.len - 1);
		return buf_add(digest, buf_span(&word), err);
	}
	return err_set(
	    err, RC_ABSENT, "there is no ACME RESPONSE block in the letter");
}

/* -- printing -- */

/* Nothing given to us may begin another field or another line. */
static enum rc
check_line(const char *what, const char *text, struct err *err)
{
	size_t len = strlen(text);

	if (len == 0 || len > 900)
		return err_set(err, RC_SYNTAX,
		    "%s of a challenge mail is empty or too long", what);
	/* an address beyond ASCII stands as it is (RFC 6532) */
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return err_set(err, RC_SYNTAX,
			    "%s of a challenge mail is not printable", what);
	if (!utf8_ok(span_str(text)))
		return err_set(err, RC_SYNTAX,
		    "%s of a challenge mail is not UTF-8", what);
	return RC_OK;
}

/* The text repeats the address. */
static bool
is_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text > '~')
			return false;
	return true;
}

static enum rc
print_fields(const struct challenge_mail *mail, const char *prefix,
    const char *submitted, struct buf *out, struct err *err)
{
	struct buf token BUF_OWNED = BUF(TOKEN_MAX);
	bool ascii = is_ascii(mail->to);

	TRY(check_line("the sender", mail->from, err));
	TRY(check_line("the recipient", mail->to, err));
	TRY(check_line("the Message-ID", mail->message_id, err));
	TRY(check_line("the date", mail->date, err));
	TRY(add_base64url(mail->token1, TOKEN_MAX, "the token", &token, err));
	return buf_add_format(out, err,
	    "Auto-Submitted: %s\r\n"
	    "Date: %s\r\n"
	    "Message-ID: %s\r\n"
	    "From: %s\r\n"
	    "To: %s\r\n"
	    "Subject: %sACME: %.*s\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=%s\r\n"
	    "Content-Transfer-Encoding: %s\r\n",
	    submitted, mail->date, mail->message_id, mail->from, mail->to,
	    prefix, SPAN_ARGS(buf_span(&token)), ascii ? "us-ascii" : "utf-8",
	    ascii ? "7bit" : "8bit");
}

enum rc
challenge_print(
    const struct challenge_mail *mail, struct buf *out, struct err *err)
{
	struct buf letter BUF_OWNED = BUF_SMALL;

	TRY(print_fields(mail, "", "auto-generated; type=acme", &letter, err));
	TRY(buf_add_format(&letter, err,
	    "\r\n"
	    "This letter is part of getting a mail certificate for\r\n"
	    "\r\n"
	    "    %s\r\n"
	    "\r\n"
	    "A program of yours that asked for it answers by itself and\r\n"
	    "removes this letter; there is nothing to do.\r\n"
	    "\r\n"
	    "If you did not ask for a certificate, somebody else is trying "
	    "to\r\n"
	    "get one in your name: do not answer, and tell whoever looks "
	    "after\r\n"
	    "your mail.\r\n",
	    mail->to));
	return buf_add(out, buf_span(&letter), err);
}

static enum rc
print_answer_fields(
    const struct challenge_mail *mail, struct buf *out, struct err *err)
{
	TRY(print_fields(mail, "Re: ", "auto-replied", out, err));
	if (mail->in_reply_to == NULL)
		return RC_OK;
	TRY(check_line("the answered Message-ID", mail->in_reply_to, err));
	return buf_add_format(out, err,
	    "In-Reply-To: %s\r\n"
	    "References: %s\r\n",
	    mail->in_reply_to, mail->in_reply_to);
}

enum rc
challenge_print_answer(
    const struct challenge_mail *mail, struct buf *out, struct err *err)
{
	struct buf letter BUF_OWNED = BUF_SMALL;
	struct buf digest BUF_OWNED = BUF(DIGEST_TEXT_MAX);

	TRY(add_base64url(mail->digest, DIGEST_TEXT_MAX, "the answer's digest",
	    &digest, err));
	TRY(print_answer_fields(mail, &letter, err));
	TRY(buf_add_format(&letter, err,
	    "\r\n" BEGIN_LINE "\r\n%.*s\r\n" END_LINE "\r\n",
	    SPAN_ARGS(buf_span(&digest))));
	return buf_add(out, buf_span(&letter), err);
}
