#include "edge/imap_fetched.h"
#include "edge/imap_session_priv.h"
#include "edge/imap_set.h"
#include "os/log.h"

/* A letter that is filed away is the same letter: what is known of it, when it
 * was first seen before all, goes with it.  Without that, a letter that was
 * good when it came would be judged as if it had come on the day it was filed.
 *
 * The mail server says which UID became which (RFC 4315 section 3, COPYUID):
 * at the end of COPY, before the EXPUNGE answers of MOVE (RFC 6851 section
 * 4.3). */

/* More are judged anew: each is written to the disk while the program waits. */
#define COPIES_MAX 200

/* The numbers of "304,319:320", in the order in which they stand. */
struct uid_list {
	struct span rest;
	uint32_t next, last;
};

static bool
next_range(struct uid_list *list)
{
	ptrdiff_t comma = span_find_byte(list->rest, ',');
	struct span range =
	    comma < 0 ? list->rest : span_first(list->rest, (size_t)comma);
	ptrdiff_t colon = span_find_byte(range, ':');
	struct span first =
	    colon < 0 ? range : span_first(range, (size_t)colon);
	struct span last =
	    colon < 0 ? range : span_after(range, (size_t)colon + 1);

	list->rest =
	    comma < 0 ? SPAN_NONE : span_after(list->rest, (size_t)comma + 1);
	return imap_number_parse(first, &list->next, NULL) == RC_OK &&
	       imap_number_parse(last, &list->last, NULL) == RC_OK &&
	       list->next != 0 && list->next <= list->last;
}

static bool
next_uid(struct uid_list *list, uint32_t *ret)
{
	if (list->next == 0 && !next_range(list))
		return false;
	*ret = list->next;
	list->next = list->next < list->last ? list->next + 1 : 0;
	return true;
}

/* "UIDVALIDITY from to" */
static enum rc
carry(struct imap_session *s, struct span value, struct err *err)
{
	struct imap_walk walk = {value};
	struct imap_token validity, from, to;
	struct imap_view_folder views;
	uint32_t number = 0, old, new;

	TRY(imap_walk_next(&walk, &validity, err));
	TRY(imap_walk_next(&walk, &from, err));
	TRY(imap_walk_next(&walk, &to, err));
	TRY(imap_number_parse(validity.value, &number, err));
	TRY(imap_view_folder_init(
	    s->agent, buf_span(&s->copy_to), number, &views, err));
	struct uid_list olds = {from.value, 0, 0}, news = {to.value, 0, 0};
	for (int i = 0;
	     i < COPIES_MAX && next_uid(&olds, &old) && next_uid(&news, &new);
	     i++)
		TRY(imap_view_copy(
		    s->agent, &s->box.views, old, &views, new, err));
	return RC_OK;
}

/* What cannot be carried is judged anew. */
void
imap_copied(struct imap_session *s, struct span code)
{
	static const char name[] = "COPYUID ";
	struct err why = ERR_NONE;

	if (s->copy_to.len == 0 || s->box.validity == 0 ||
	    !span_starts_nocase(code, name))
		return;
	if (carry(s, span_after(code, strlen(name)), &why) != RC_OK)
		log_warning("imap: views not copied: %s", why.text);
	buf_clear(&s->copy_to); /* once for each command */
}

/* "[CODE] text" */
static struct span
code_of(struct span text)
{
	ptrdiff_t end = span_find_byte(text, ']');

	return span_starts(text, "[") && end > 0
		   ? span_after(span_first(text, (size_t)end), 1)
		   : SPAN_NONE;
}

static enum rc
keep_mailbox(struct imap_session *s, struct imap_walk args, struct err *err)
{
	struct imap_token token;

	buf_clear(&s->copy_to);
	TRY(imap_walk_next(&args, &token, err));
	return imap_token_value(&token, &s->copy_to, err);
}

static enum rc
copy(struct imap_session *s, const char *verb, struct imap_walk *args,
    struct err *err)
{
	struct buf line BUF_OWNED = BUF_SMALL;
	struct buf text BUF_OWNED = BUF_SMALL;
	struct err why = ERR_NONE;
	enum imap_answer answer;

	TRY(buf_add_format(&line, err, "%s%s ", s->by_uid ? "UID " : "", verb));
	enum rc rc = imap_take_set(s, args, &line, &why);
	if (rc == RC_OK)
		rc = keep_mailbox(s, *args, &why);
	if (rc == RC_OK)
		rc = buf_add_str(&line, " ", &why);
	if (rc == RC_OK)
		rc = imap_reprint(*args, &line, &why);
	if (rc != RC_OK)
		return imap_reply_set(s, rc, &why, err);
	TRY(imap_upstream_run(s, buf_span(&line), &answer, &text, err));
	if (answer == IMAP_OK)
		imap_copied(s, code_of(buf_span(&text)));
	buf_clear(&s->copy_to);
	return imap_finish(s, answer, buf_span(&text), err);
}

enum rc
imap_do_copy(struct imap_session *s, struct imap_walk *args, struct err *err)
{
	return copy(s, "COPY", args, err);
}

enum rc
imap_do_move(struct imap_session *s, struct imap_walk *args, struct err *err)
{
	return copy(s, "MOVE", args, err);
}
