#include "proto/smtp_letter_priv.h"

#include "codec/utf8.h"

#define ADDRESS_MAX 320

/* The address goes between "<" and ">" on a command line: nothing in it may
 * end the path or the line. */
enum rc
smtp_letter_check_address(const char *address, struct err *err)
{
	size_t len = strlen(address);

	if (len > ADDRESS_MAX)
		return err_set(err, RC_LIMIT, "address is too long");
	if (!utf8_ok(span_str(address)))
		return err_set(err, RC_SYNTAX, "address is not UTF-8");
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)address[i];
		if (c <= ' ' || c == 0x7f || c == '<' || c == '>')
			return err_set(err, RC_SYNTAX,
			    "address %s: wrong character", address);
	}
	return RC_OK;
}

/* A bare CR or LF that a later server takes for a line end would let a letter
 * end inside itself (SMTP smuggling). */
static enum rc
check_bytes(struct span bytes, bool *ret_eightbit, struct err *err)
{
	bool eightbit = false;

	for (size_t i = 0; i < bytes.len; i++) {
		uint8_t c = bytes.data[i], next = 0;
		if (i + 1 < bytes.len)
			next = bytes.data[i + 1];
		if (c == 0 || c == '\n' || (c == '\r' && next != '\n'))
			return err_set(err, RC_SYNTAX,
			    "letter has a NUL, bare CR or bare LF");
		if (c == '\r')
			i++;
		eightbit |= c >= 0x80;
	}
	*ret_eightbit = eightbit;
	return RC_OK;
}

static bool
is_ascii(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] >= 0x80)
			return false;
	return true;
}

/* RFC 6531 section 3.4: for addresses, and for a header in UTF-8. */
static bool
needs_utf8(const struct smtp_client_letter *letter)
{
	ptrdiff_t end = span_find(letter->bytes, span_str("\r\n\r\n"));
	size_t header = end < 0 ? letter->bytes.len : (size_t)end;

	for (size_t i = 0; i < letter->to->len; i++)
		if (!is_ascii(span_str(letter->to->item[i])))
			return true;
	return !is_ascii(span_str(letter->from)) ||
	       !is_ascii(span_first(letter->bytes, header));
}

/* They stand on command lines, as they came from others. */
static enum rc
check_wishes(const struct smtp_client_letter *letter, struct err *err)
{
	const char *envid = letter->envid;

	if (envid != NULL && envid[0] != '\0' &&
	    (!smtp_dsn_is_xtext(span_str(envid)) ||
		strlen(envid) > SMTP_ENVID_MAX))
		return err_set(err, RC_SYNTAX, "ENVID is no xtext");
	for (size_t i = 0; letter->wish != NULL && i < letter->to->len; i++) {
		const char *orcpt = letter->wish[i].orcpt;
		if (orcpt != NULL && orcpt[0] != '\0' &&
		    !smtp_dsn_is_orcpt(span_str(orcpt)))
			return err_set(err, RC_SYNTAX, "ORCPT is none");
	}
	return RC_OK;
}

enum rc
smtp_letter_check(const struct smtp_client_letter *letter,
    struct smtp_letter_needs *ret, struct err *err)
{
	struct smtp_letter_needs needs = {false, false};

	if (letter->to->len == 0)
		return err_set(err, RC_ABSENT, "letter has no recipients");
	TRY(smtp_letter_check_address(letter->from, err));
	for (size_t i = 0; i < letter->to->len; i++) {
		if (letter->to->item[i][0] == '\0')
			return err_set(err, RC_SYNTAX, "recipient is empty");
		TRY(smtp_letter_check_address(letter->to->item[i], err));
	}
	TRY(check_wishes(letter, err));
	TRY(check_bytes(letter->bytes, &needs.eightbit, err));
	needs.utf8 = needs_utf8(letter);
	*ret = needs;
	return RC_OK;
}

/* -- Commands -- */

/* What needs a parameter that is not offered was refused before. */
enum rc
smtp_letter_print_from(const struct smtp_client_letter *letter,
    const struct smtp_letter_needs *needs, const struct smtp_offers *offers,
    struct buf *out, struct err *err)
{
	const char *envid = letter->envid;

	TRY(buf_add_format(out, err, "MAIL FROM:<%s>", letter->from));
	if (offers->size)
		TRY(buf_add_format(out, err, " SIZE=%zu", letter->bytes.len));
	if (needs->eightbit)
		TRY(buf_add_str(out, " BODY=8BITMIME", err));
	if (needs->utf8)
		TRY(buf_add_str(out, " SMTPUTF8", err));
	/* RFC 3461 section 4.3: a report of failure returns the headers only,
	 * whatever the sender wished: the letter is sealed */
	if (offers->dsn)
		TRY(buf_add_str(out, " RET=HDRS", err));
	if (offers->dsn && envid != NULL && envid[0] != '\0')
		TRY(buf_add_format(out, err, " ENVID=%s", envid));
	return buf_add_str(out, "\r\n", err);
}

static enum rc
print_wish(
    const struct smtp_client_wish *wish, struct buf *out, struct err *err)
{
	char notify[SMTP_NOTIFY_MAX + 1];

	smtp_notify_print(wish->notify, notify);
	if (notify[0] != '\0')
		TRY(buf_add_format(out, err, " NOTIFY=%s", notify));
	if (wish->orcpt != NULL && wish->orcpt[0] != '\0')
		TRY(buf_add_format(out, err, " ORCPT=%s", wish->orcpt));
	return RC_OK;
}

enum rc
smtp_letter_print_to(const struct smtp_client_letter *letter, size_t i,
    const struct smtp_offers *offers, struct buf *out, struct err *err)
{
	TRY(buf_add_format(out, err, "RCPT TO:<%s>", letter->to->item[i]));
	if (offers->dsn && letter->wish != NULL)
		TRY(print_wish(&letter->wish[i], out, err));
	return buf_add_str(out, "\r\n", err);
}
