#include "edge/imap_session_priv.h"
#include "edge/imap_set.h"
#include "os/log.h"

/* What is kept of the letters of a mailbox goes with the mailbox: with a deleted
 * one it is deleted, for it is the clear text; with a renamed one it is renamed,
 * or letters that were good when they came would be judged as if they had come
 * on that day. */

#define MAILBOX_MAX 4096
#define INFERIORS_MAX 200 /* of others nothing is carried */

static enum rc
take_mailbox(struct imap_walk *args, struct buf *out, struct err *err)
{
	struct imap_token token;

	TRY(imap_walk_next(args, &token, err));
	TRY(imap_token_value(&token, out, err));
	return out->len > 0 && span_find_byte(buf_span(out), 0) < 0
		   ? RC_OK
		   : err_set(err, RC_SYNTAX, "want the name of a mailbox");
}

/* --- DELETE --- */

/* RFC 3501 section 6.3.4: the letters are gone even where the name stays. */
enum rc
imap_do_delete(struct imap_session *s, struct imap_walk *args, struct err *err)
{
	struct buf mailbox BUF_OWNED = BUF(MAILBOX_MAX);
	struct buf command BUF_OWNED = BUF_SMALL;
	struct buf text BUF_OWNED = BUF_SMALL;
	struct err why = ERR_NONE;
	enum imap_answer answer;

	if (take_mailbox(args, &mailbox, &why) != RC_OK)
		return imap_reply_bad(s, &why, err);
	TRY(buf_add_str(&command, "DELETE ", err));
	TRY(imap_print_string(buf_span(&mailbox), &command, err));
	TRY(imap_upstream_run(s, buf_span(&command), &answer, &text, err));
	if (answer == IMAP_OK && imap_view_mailbox_forget(s->agent,
				     buf_span(&mailbox), &why) != RC_OK)
		log_warning("imap: views not removed: %s", why.text);
	return imap_finish(s, answer, buf_span(&text), err);
}

/* --- what the mail server says to us alone --- */

struct heard {
	struct span from;      /* the name that is looked for */
	struct strlist *names; /* LIST: it, and those below it */
	uint32_t validity;     /* STATUS: its UIDVALIDITY */
};

/* "(flags) "delimiter" name"; whether it is below `from`. */
static enum rc
hear_list(struct heard *heard, struct imap_walk walk, struct err *err)
{
	struct buf name BUF_OWNED = BUF(MAILBOX_MAX);
	struct buf delimiter BUF_OWNED = BUF(16);
	struct imap_token token;

	do
		TRY(imap_walk_next(&walk, &token, err));
	while (token.kind != IMAP_CLOSE && token.kind != IMAP_END);
	TRY(imap_walk_next(&walk, &token, err));
	if (token.kind == IMAP_STRING)
		TRY(imap_token_value(&token, &delimiter, err));
	TRY(take_mailbox(&walk, &name, err));
	struct span below = span_after(buf_span(&name), heard->from.len);
	if (!span_is(
		span_first(buf_span(&name), heard->from.len), heard->from) ||
	    delimiter.len != 1 || below.len < 2 ||
	    below.data[0] != delimiter.data[0] ||
	    heard->names->len == INFERIORS_MAX)
		return RC_OK;
	return strlist_add(heard->names, buf_span(&name), err);
}

/* "name (UIDVALIDITY number)" */
static enum rc
hear_status(struct heard *heard, struct imap_walk walk, struct err *err)
{
	struct buf name BUF_OWNED = BUF(MAILBOX_MAX);
	struct imap_token token;

	TRY(take_mailbox(&walk, &name, err));
	TRY(imap_walk_next(&walk, &token, err));
	TRY(imap_walk_next(&walk, &token, err));
	if (!span_is(buf_span(&name), heard->from) ||
	    !span_is_nocase(token.value, "UIDVALIDITY"))
		return RC_OK;
	TRY(imap_walk_next(&walk, &token, err));
	return imap_number_parse(token.value, &heard->validity, err);
}

/* What cannot be read says nothing. */
static enum rc
hear_line(struct imap_session *s, struct heard *heard, struct span line,
    struct err *err)
{
	static const char list[] = "LIST ", status[] = "STATUS ";
	struct err why = ERR_NONE;
	enum rc rc;

	if (heard->names != NULL && span_starts_nocase(line, list))
		rc = hear_list(heard,
		    (struct imap_walk){span_after(line, strlen(list))}, &why);
	else if (heard->names == NULL && span_starts_nocase(line, status))
		rc = hear_status(heard,
		    (struct imap_walk){span_after(line, strlen(status))}, &why);
	else
		return imap_untagged(s, line, err);
	return rc == RC_NOMEM ? err_nomem(err, "mailboxes") : RC_OK;
}

static enum rc
hear(struct imap_session *s, const struct buf *command, struct heard *heard,
    struct err *err)
{
	enum imap_answer answer;
	struct span line;

	TRY(imap_link_command(s->link, buf_span(command), err));
	for (;;) {
		TRY(imap_upstream_next(s, &answer, &line, err));
		if (answer != IMAP_UNTAGGED)
			return RC_OK;
		TRY(hear_line(s, heard, line, err));
	}
}

/* --- RENAME --- */

/* RFC 3501 section 6.3.5: "If the name has inferior hierarchical names, then
 * the inferior hierarchical names MUST also be renamed", but for INBOX's. */
static enum rc
list_inferiors(struct imap_session *s, struct span mailbox, struct strlist *ret,
    struct err *err)
{
	struct buf command BUF_OWNED = BUF_SMALL;
	struct buf pattern BUF_OWNED = BUF_SMALL;
	struct heard heard = {mailbox, ret, 0};

	if (span_is_nocase(mailbox, "INBOX"))
		return RC_OK;
	TRY(buf_add(&pattern, mailbox, err));
	TRY(buf_add_str(&pattern, "*", err));
	TRY(buf_add_str(&command, "LIST \"\" ", err));
	TRY(imap_print_string(buf_span(&pattern), &command, err));
	return hear(s, &command, &heard, err);
}

static enum rc
carry(struct imap_session *s, struct span from, struct span to, struct err *err)
{
	struct buf command BUF_OWNED = BUF_SMALL;
	struct heard heard = {to, NULL, 0};
	struct err why = ERR_NONE;

	TRY(buf_add_str(&command, "STATUS ", err));
	TRY(imap_print_string(to, &command, err));
	TRY(buf_add_str(&command, " (UIDVALIDITY)", err));
	TRY(hear(s, &command, &heard, err));
	if (imap_view_mailbox_move(s->agent, from, to, heard.validity, &why) !=
	    RC_OK)
		log_warning("imap: views not carried: %s", why.text);
	return RC_OK;
}

static enum rc
carry_all(struct imap_session *s, struct span from, struct span to,
    const struct strlist *inferiors, struct err *err)
{
	TRY(carry(s, from, to, err));
	for (size_t i = 0; i < inferiors->len; i++) {
		struct span old = span_str(inferiors->item[i]);
		struct buf new BUF_OWNED = BUF(2 * MAILBOX_MAX);

		TRY(buf_add(&new, to, err));
		TRY(buf_add(&new, span_after(old, from.len), err));
		TRY(carry(s, old, buf_span(&new), err));
	}
	return RC_OK;
}

static enum rc
rename_mailbox(
    struct imap_session *s, struct span from, struct span to, struct err *err)
{
	struct strlist inferiors STRLIST_OWNED = STRLIST_NONE;
	struct buf command BUF_OWNED = BUF_SMALL;
	struct buf text BUF_OWNED = BUF_SMALL;
	enum imap_answer answer;

	TRY(list_inferiors(s, from, &inferiors, err));
	TRY(buf_add_str(&command, "RENAME ", err));
	TRY(imap_print_string(from, &command, err));
	TRY(buf_add_str(&command, " ", err));
	TRY(imap_print_string(to, &command, err));
	TRY(imap_upstream_run(s, buf_span(&command), &answer, &text, err));
	if (answer == IMAP_OK)
		TRY(carry_all(s, from, to, &inferiors, err));
	return imap_finish(s, answer, buf_span(&text), err);
}

enum rc
imap_do_rename(struct imap_session *s, struct imap_walk *args, struct err *err)
{
	struct buf from BUF_OWNED = BUF(MAILBOX_MAX);
	struct buf to BUF_OWNED = BUF(MAILBOX_MAX);
	struct err why = ERR_NONE;

	if (take_mailbox(args, &from, &why) != RC_OK ||
	    take_mailbox(args, &to, &why) != RC_OK)
		return imap_reply_bad(s, &why, err);
	return rename_mailbox(s, buf_span(&from), buf_span(&to), err);
}
