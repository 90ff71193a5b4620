#include "edge/imap_index.h"
#include "edge/imap_session_priv.h"

static void
forget_box(struct imap_session *s)
{
	imap_uids_done(&s->box.uids);
	imap_saved_done(&s->box.saved);
	imap_saved_done(&s->box.missing);
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
	imap_indexer_visit(s->agent->indexer, &s->box.views);
	/* VANISHED names UIDs, so they are all known from the beginning */
	return s->qresync ? imap_fetch_uids(s, err) : RC_OK;
}

/* RFC 3501 section 6.3.1: a SELECT that fails leaves no mailbox selected. */
static enum rc
select_mailbox(struct imap_session *s, const char *verb, struct span mailbox,
    struct span parameters, struct err *err)
{
	struct buf command BUF_OWNED = BUF_SMALL;
	struct buf text BUF_OWNED = BUF_SMALL;
	enum imap_answer answer;

	forget_box(s);
	s->state = IMAP_SELECTED; /* what comes untagged is about it */
	TRY(buf_add_format(&command, err, "%s ", verb));
	TRY(imap_print_string(mailbox, &command, err));
	TRY(buf_add(&command, parameters, err));
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
	if (out->len == 0 || span_find_byte(buf_span(out), 0) >= 0)
		return err_set(err, RC_SYNTAX, "want the name of one mailbox");
	return RC_OK;
}

/* RFC 7162 sections 3.1.8 and 3.2.5; a list in a list is QRESYNC's. */
static enum rc
check_parameter(const struct imap_session *s, const struct imap_token *token,
    unsigned depth, struct err *err)
{
	if (depth != 1 || token->kind != IMAP_ATOM ||
	    (span_is_nocase(token->value, "CONDSTORE") &&
		imap_upstream_can(s, "CONDSTORE")) ||
	    (span_is_nocase(token->value, "QRESYNC") && s->qresync))
		return RC_OK;
	return err_set(err, RC_SYNTAX, "unknown parameter");
}

/* Append " (...)", or nothing if nothing is there. */
static enum rc
read_parameters(struct imap_session *s, struct imap_walk args, struct buf *out,
    struct err *err)
{
	struct imap_walk walk = args;
	struct imap_token token;
	unsigned depth = 0;

	do {
		TRY(imap_walk_next(&walk, &token, err));
		if (token.kind == IMAP_CLOSE && depth-- == 0)
			return err_set(err, RC_SYNTAX, "too many \")\"");
		if (token.kind != IMAP_OPEN && token.kind != IMAP_END &&
		    depth == 0 && token.kind != IMAP_CLOSE)
			return err_set(err, RC_SYNTAX, "too many arguments");
		TRY(check_parameter(s, &token, depth, err));
		depth += token.kind == IMAP_OPEN;
	} while (token.kind != IMAP_END);
	if (span_trim(args.rest).len == 0)
		return RC_OK;
	TRY(buf_add_str(out, " ", err));
	return imap_reprint(args, out, err);
}

static enum rc
do_select(struct imap_session *s, const char *verb, struct imap_walk *args,
    struct err *err)
{
	struct buf mailbox BUF_OWNED = BUF(4096);
	struct buf parameters BUF_OWNED = BUF_SMALL;
	struct err why = ERR_NONE;

	if (read_mailbox(args, &mailbox, &why) != RC_OK ||
	    read_parameters(s, *args, &parameters, &why) != RC_OK)
		return imap_reply_bad(s, &why, err);
	return select_mailbox(
	    s, verb, buf_span(&mailbox), buf_span(&parameters), err);
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
