#include "enrol/recognise.h"

#include <stdio.h>

#include "codec/word.h"
#include "dns/dkim.h"
#include "mime/address.h"
#include "mime/field.h"
#include "proto/challenge.h"

#define AUTO_GENERATED "auto-generated"

/* -- what it looks like -- */

static enum rc
find_token(
    const struct fields *fields, char *room, size_t size, struct err *err)
{
	struct buf subject BUF_OWNED = BUF(64 * 1024);
	struct buf token BUF_OWNED = BUF(size - 1);
	const char *text = NULL;

	TRY(word_decode(fields_value(fields, "Subject"), &subject, err));
	TRY(challenge_token(buf_span(&subject), false, &token, err));
	TRY(buf_str(&token, &text, err));
	memcpy(room, text, token.len + 1);
	return RC_OK;
}

/* RFC 3834 section 5: a keyword, then perhaps parameters. */
static bool
is_automatic(const struct fields *fields)
{
	struct span value = fields_value(fields, "Auto-Submitted");
	struct span rest = span_after(value, strlen(AUTO_GENERATED));

	return span_starts_nocase(value, AUTO_GENERATED) &&
	       (rest.len == 0 || strchr("; \t\r\n(", rest.data[0]) != NULL);
}

/* Whatever cannot be read is not a challenge: it stays an ordinary letter. */
static enum rc
check_looks(
    const struct fields *fields, struct recognised *ret, struct err *err)
{
	enum rc rc = find_token(fields, ret->token1, sizeof(ret->token1), err);

	if (rc == RC_NOMEM)
		return rc;
	if (rc != RC_OK || !is_automatic(fields))
		return err_set(err, RC_ABSENT, "not a challenge");
	return RC_OK;
}

/* -- whose it is -- */

/* The one address of a field. */
static enum rc
read_address(const struct fields *fields, const char *name, char room[321],
    struct err *err)
{
	struct mailboxes list MAILBOXES_OWNED = MAILBOXES_NONE;

	if (fields_count(fields, name) != 1 ||
	    mailboxes_parse(fields_value(fields, name), &list, err) != RC_OK ||
	    list.len != 1 || list.has_group ||
	    address_check(span_str(list.item[0].address), err) != RC_OK)
		return err_set(err, RC_REFUSED,
		    "its %s has not exactly one address", name);
	(void)snprintf(room, 321, "%s", list.item[0].address);
	return RC_OK;
}

static enum rc
check_people(const struct recognise *recognise, const struct fields *fields,
    struct recognised *ret, struct err *err)
{
	char to[321] = "";

	TRY(read_address(fields, "From", ret->answer_to, err));
	if (!address_equal(ret->answer_to, recognise->order->from))
		return err_set(err, RC_REFUSED,
		    "it is not from %s, whom our authority announced",
		    recognise->order->from);
	TRY(read_address(fields, "To", to, err));
	if (!address_equal(to, recognise->address))
		return err_set(
		    err, RC_REFUSED, "it is not to %s", recognise->address);
	if (fields_find(fields, "Reply-To") != NULL)
		return read_address(fields, "Reply-To", ret->answer_to, err);
	return RC_OK;
}

/* Nothing that could not stand in our answer's header as it is. */
static void
read_message_id(const struct fields *fields, char *room, size_t size)
{
	struct span id = fields_value(fields, "Message-ID");

	room[0] = '\0';
	if (id.len < 3 || id.len >= size || id.data[0] != '<' ||
	    id.data[id.len - 1] != '>')
		return;
	for (size_t i = 0; i < id.len; i++)
		if (id.data[i] <= ' ' || id.data[i] > '~')
			return;
	memcpy(room, id.data, id.len);
	room[id.len] = '\0';
}

static enum rc
recognise_fields(const struct recognise *recognise, const struct fields *fields,
    struct recognised *ret, struct err *err)
{
	TRY(check_looks(fields, ret, err));
	if (recognise->order == NULL || recognise->order->from[0] == '\0')
		return err_set(err, RC_REFUSED,
		    "this device has not asked for a certificate now");
	TRY(check_people(recognise, fields, ret, err));
	read_message_id(fields, ret->message_id, sizeof(ret->message_id));
	return RC_OK;
}

enum rc
recognise_challenge(const struct recognise *recognise, struct span letter,
    struct recognised *ret, struct err *err)
{
	struct fields fields FIELDS_OWNED = FIELDS_NONE;
	struct recognised found = {0};
	size_t body = 0;

	enum rc rc = fields_parse(letter, &fields, &body, err);
	if (rc == RC_SYNTAX || rc == RC_LIMIT)
		return err_set(err, RC_ABSENT, "not a challenge");
	TRY(rc);
	TRY(recognise_fields(recognise, &fields, &found, err));
	TRY(dkim_check_challenge(
	    recognise->resolver, letter, DKIM_CHALLENGE, err));
	*ret = found;
	return RC_OK;
}
