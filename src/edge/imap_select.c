#include "edge/imap_session_priv.h"

static void
forget_box(struct imap_session *s)
{
	imap_uids_done(&s->box.uids);
	s->box = (struct imap_box){.uids = IMAP_UIDS_NONE};
}

static enum rc
open_box(struct imap_session *s, struct span mailbox, bool read_only,
    struct err *err)
{
	if (s->box.validity == 0)
		return err_set(
		    err, RC_SYNTAX, "the mail server does not say UIDVALIDITY");
	s->box.read_only = read_only;
	TRY(imap_view_folder_init(
	    s->agent, mailbox, s->box.validity, &s->box.views, err));
	imap_sweep_renewed(s, mailbox);
	return RC_OK;
}

/* RFC 3501 section 6.3.1: a SELECT that fails leaves no mailbox selected. */
static enum rc
select_mailbox(struct imap_session *s, const char *verb, struct span mailbox,
    struct err *err)
{
	struct buf command BUF_OWNED = BUF_SMALL;
	struct buf text BUF_OWNED = BUF_SMALL;
	enum imap_answer answer;

	forget_box(s);
	s->state = IMAP_SELECTED; /* what comes untagged is about it */
	TRY(buf_add_format(&command, err, "%s ", verb));
	TRY(imap_print_string(mailbox, &command, err));
	TRY(imap_upstream_run(s, buf_span(&command), &answer, &text, err));
	if (answer == IMAP_OK)
		TRY(open_box(s, mailbox,
		    span_starts_nocase(buf_span(&text), "[READ-ONLY]"), err));
	else {
		forget_box(s);
		s->state = IMAP_LOGGED_IN;
	}
	return imap_finish(s, answer, buf_span(&text), err);
}

static enum rc
read_mailbox(struct imap_walk *args, struct buf *out, struct err *err)
{
	struct imap_token token;

	TRY(imap_walk_next(args, &token, err));
	TRY(imap_token_value(&token, out, err));
	TRY(imap_walk_next(args, &token, err));
	if (token.kind != IMAP_END || out->len == 0 ||
	    span_find_byte(buf_span(out), 0) >= 0)
		return err_set(err, RC_SYNTAX, "want the name of one mailbox");
	return RC_OK;
}

static enum rc
do_select(struct imap_session *s, const char *verb, struct imap_walk *args,
    struct err *err)
{
	struct buf mailbox BUF_OWNED = BUF(4096);
	struct err why = ERR_NONE;

	if (read_mailbox(args, &mailbox, &why) != RC_OK)
		return imap_reply_bad(s, &why, err);
	return select_mailbox(s, verb, buf_span(&mailbox), err);
}

enum rc
imap_do_select(struct imap_session *s, struct imap_walk *args, struct err *err)
{
	return do_select(s, "SELECT", args, err);
}

enum rc
imap_do_examine(struct imap_session *s, struct imap_walk *args, struct err *err)
{
	return do_select(s, "EXAMINE", args, err);
}

/* Both CLOSE and UNSELECT end without EXPUNGE answers (RFC 3501 section
 * 6.4.2). */
static enum rc
leave(struct imap_session *s, const char *verb, struct err *err)
{
	struct buf text BUF_OWNED = BUF_SMALL;
	enum imap_answer answer;

	TRY(imap_upstream_run(s, span_str(verb), &answer, &text, err));
	if (answer == IMAP_OK) {
		forget_box(s);
		s->state = IMAP_LOGGED_IN;
	}
	return imap_finish(s, answer, buf_span(&text), err);
}

enum rc
imap_do_close(struct imap_session *s, struct imap_walk *args, struct err *err)
{
	(void)args;
	return leave(s, "CLOSE", err);
}

enum rc
imap_do_unselect(
    struct imap_session *s, struct imap_walk *args, struct err *err)
{
	(void)args;
	return leave(s, "UNSELECT", err);
}
