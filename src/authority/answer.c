#include "authority/answer.h"

#include <openssl/crypto.h>

#include "codec/word.h"
#include "mime/address.h"
#include "mime/entity.h"
#include "proto/challenge.h"

#define TEXT_MAX ((size_t)128 * 1024)

OWNER(struct entity, entity_free);

/* Neither the letters nor their number tell how much of it was right. */
static bool
same_secret(struct span got, const char *want)
{
	return got.len == strlen(want) &&
	       CRYPTO_memcmp(got.data, want, got.len) == 0;
}

/* token-part1 of the subject: which challenge this is about. */
static enum rc
check_subject(const struct entity *letter, const char *token1, struct err *err)
{
	struct buf unfolded BUF_OWNED = BUF_SMALL;
	struct buf subject BUF_OWNED = BUF_SMALL;
	struct buf token BUF_OWNED = BUF_SMALL;

	if (fields_count(&letter->fields, "Subject") != 1)
		return err_set(err, RC_REFUSED, "it needs one Subject");
	TRY(field_unfold(
	    fields_value(&letter->fields, "Subject"), &unfolded, err));
	TRY(word_decode(buf_span(&unfolded), &subject, err));
	if (challenge_token(buf_span(&subject), true, &token, err) != RC_OK ||
	    !same_secret(buf_span(&token), token1))
		return err_set(err, RC_REFUSED,
		    "the Subject does not have this challenge's token");
	return RC_OK;
}

static enum rc
read_mailboxes(const struct entity *letter, const char *name,
    struct mailboxes *ret, struct err *err)
{
	/* Of two fields, programs believe different ones. */
	if (fields_count(&letter->fields, name) != 1)
		return err_set(err, RC_REFUSED, "it needs one %s", name);
	return mailboxes_parse(fields_value(&letter->fields, name), ret, err);
}

static enum rc
check_from(const struct entity *letter, const char *address, struct err *err)
{
	struct mailboxes from MAILBOXES_OWNED = MAILBOXES_NONE;
	struct buf ascii BUF_OWNED = BUF_SMALL;

	TRY(read_mailboxes(letter, "From", &from, err));
	/* Letter for letter: only the mailbox that was asked may answer.  Its
	 * domain may be written in either form. */
	if (from.len != 1 || from.has_group ||
	    address_to_ascii(from.item[0].address, &ascii, err) != RC_OK ||
	    !span_is(buf_span(&ascii), span_str(address)))
		return err_set(err, RC_REFUSED,
		    "its From is not the mailbox of this challenge");
	return RC_OK;
}

static enum rc
check_to(const struct entity *letter, const char *recipient, struct err *err)
{
	struct mailboxes to MAILBOXES_OWNED = MAILBOXES_NONE;

	TRY(read_mailboxes(letter, "To", &to, err));
	if (!mailboxes_have(&to, recipient))
		return err_set(err, RC_REFUSED,
		    "its To is not the address of this challenge");
	return RC_OK;
}

/* "List-* header fields MUST be absent (i.e., the reply can't come from a
 * mailing list)." (RFC 8823 section 3.2) */
static enum rc
check_no_list(const struct entity *letter, struct err *err)
{
	for (size_t i = 0; i < letter->fields.len; i++)
		if (span_starts_nocase(letter->fields.item[i].name, "List-"))
			return err_set(
			    err, RC_REFUSED, "it came through a mailing list");
	return RC_OK;
}

/* "The media type of the "response" email message is either text/plain or
 * multipart/alternative, containing text/plain as one of the alternatives." */
static const struct entity *
find_text(const struct entity *letter)
{
	const struct entity *part = letter;

	if (entity_is(letter, "multipart", "alternative"))
		for (part = letter->child; part != NULL; part = part->next)
			if (entity_is(part, "text", "plain"))
				break;
	return part != NULL && entity_is(part, "text", "plain") ? part : NULL;
}

static enum rc
read_digest(const struct entity *letter, struct buf *digest, struct err *err)
{
	const struct entity *part = find_text(letter);
	struct buf text BUF_OWNED = BUF(TEXT_MAX);

	if (part == NULL)
		return err_set(err, RC_REFUSED, "it has no text/plain");
	TRY(entity_decode(part, &text, err));
	if (challenge_parse_answer(buf_span(&text), digest, err) != RC_OK)
		return err_set(
		    err, RC_REFUSED, "it has no ACME RESPONSE block");
	/* old drafts padded their base64url */
	while (digest->len > 0 && digest->data[digest->len - 1] == '=')
		buf_cut(digest, digest->len - 1);
	return RC_OK;
}

static enum rc
compare_digest(const struct answer_check *check, struct span got,
    const char *thumbprint, bool *ret_same, struct err *err)
{
	const struct authorization *a = check->authorization;
	struct buf want BUF_OWNED = BUF_SMALL;
	const char *digest = NULL;

	TRY(challenge_digest(span_str(a->token1), span_str(a->token2),
	    span_str(thumbprint), &want, err));
	TRY(buf_str(&want, &digest, err));
	*ret_same = same_secret(got, digest);
	return RC_OK;
}

/* A change of the account's key "SHOULD NOT have any other impact" (RFC 8555
 * section 7.3.5): an answer may have been made with the key of before. */
static enum rc
check_digest(const struct answer_check *check, const struct entity *letter,
    struct err *err)
{
	struct buf got BUF_OWNED = BUF_SMALL;
	bool now = false, before = false;

	TRY(read_digest(letter, &got, err));
	TRY(compare_digest(
	    check, buf_span(&got), check->thumbprint, &now, err));
	TRY(compare_digest(check, buf_span(&got),
	    check->authorization->thumbprint, &before, err));
	if (!now && !before)
		return err_set(err, RC_CRYPTO, "the digest is wrong");
	return RC_OK;
}

enum rc
answer_check(
    const struct answer_check *check, struct span letter, struct err *err)
{
	struct entity *entity OWNED(entity_free) = NULL;

	if (letter.len > ANSWER_MAX)
		return err_set(
		    err, RC_LIMIT, "larger than %zu bytes", ANSWER_MAX);
	TRY(entity_parse(letter, ENTITY_LIMITS, &entity, err));
	TRY(check_subject(entity, check->authorization->token1, err));
	TRY(check_from(entity, check->authorization->address, err));
	TRY(check_to(entity, check->recipient, err));
	TRY(check_no_list(entity, err));
	TRY(check->check_dkim(check->dkim_context, letter, err));
	return check_digest(check, entity, err);
}
