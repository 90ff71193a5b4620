#include "edge/imap_session_priv.h"

/* RFC 2177.  The mail server idles as long as the mail program does, with
 * breaks in which we ask what the program will want to know: a command cannot
 * be given while one is in work.
 *
 *     IDLE + ... (news: DONE, look at the letters, IDLE +) ... DONE  */

/* RFC 2177: "clients using IDLE are advised to terminate the IDLE and re-issue
 * it at least every 29 minutes"; routers on the way forget sooner. */
#define RENEW (9 * 60 * 1000)
/* As long as the search index does not have all letters. */
#define FILL_EVERY (10 * 1000)

static enum rc
idle_start(struct imap_session *s, struct err *err)
{
	enum imap_answer answer;
	struct span line;

	TRY(imap_link_command(s->link, span_str("IDLE"), err));
	for (;;) {
		enum rc rc = imap_link_answer(s->link, &answer, &line, err);
		if (rc == RC_AGAIN)
			return err_set(
			    err, RC_IO, "the mail server does not answer");
		TRY(rc);
		if (answer == IMAP_CONTINUE)
			return RC_OK;
		if (answer != IMAP_UNTAGGED)
			return err_set(err, RC_SYNTAX,
			    "the mail server offers IDLE and refuses it: %.*s",
			    SPAN_ARGS(span_first(line, 200)));
		TRY(imap_untagged(s, line, err));
	}
}

static enum rc
idle_end(struct imap_session *s, struct err *err)
{
	enum imap_answer answer;
	struct span line;

	TRY(imap_link_send(s->link, span_str("DONE\r\n"), err));
	do {
		TRY(imap_upstream_next(s, &answer, &line, err));
		if (answer == IMAP_UNTAGGED)
			TRY(imap_untagged(s, line, err));
	} while (answer == IMAP_UNTAGGED);
	return RC_OK;
}

/* What the mail server says meanwhile.  *ret_news: letters have come, or the
 * flags of some have to be told. */
static enum rc
hear_news(struct imap_session *s, bool *ret_news, struct err *err)
{
	size_t were = s->box.uids.len;

	TRY(imap_upstream_hear(s, err));
	*ret_news = s->box.uids.len > were || imap_uids_stale(&s->box.uids);
	return RC_OK;
}

static enum rc
look_at_news(struct imap_session *s, struct err *err)
{
	TRY(imap_flush(s, err));
	TRY(idle_end(s, err));
	TRY(imap_fetch_ahead(s, err));
	TRY(imap_fetch_stale(s, err));
	return idle_start(s, err);
}

/* The next line of the mail program, or RC_AGAIN after the mail server has
 * spoken or `RENEW` has passed. */
static enum rc
wait_for_either(struct imap_session *s, int *waited, struct err *err)
{
	bool news = false;
	unsigned ready = 0;

	/* what came with "+" is read already, and no wait would end for it */
	do {
		TRY(hear_news(s, &news, err));
		if (news)
			TRY(look_at_news(s, err));
	} while (news);
	TRY(imap_flush(s, err));
	int most = imap_has_to_fill(s) ? FILL_EVERY : RENEW;
	enum rc rc = imap_wait(s, most, &ready, err);
	if (rc == RC_AGAIN) {
		*waited += most;
		if (*waited >= s->agent->limits.idle)
			return err_set(
			    err, RC_IO, "nothing was said for too long");
		TRY(idle_end(s, err));
		if (imap_has_to_fill(s))
			TRY(imap_fill(s, err));
		return idle_start(s, err);
	}
	TRY(rc);
	return (ready & 1) != 0 ? imap_read(s, err) : RC_OK;
}

static enum rc
await_done(struct imap_session *s, bool *ret_done, struct err *err)
{
	struct span line = SPAN_NONE;
	int waited = 0;

	for (;;) {
		enum rc rc = imap_stream_next_line(s->units, &line, err);
		if (rc == RC_OK) {
			*ret_done = span_is_nocase(line, "DONE");
			return RC_OK;
		}
		if (rc != RC_AGAIN)
			return rc;
		TRY(wait_for_either(s, &waited, err));
	}
}

enum rc
imap_do_idle(struct imap_session *s, struct imap_walk *args, struct err *err)
{
	bool done = false;

	(void)args;
	TRY(idle_start(s, err));
	TRY(buf_add_str(&s->out, "+ idling\r\n", err));
	TRY(await_done(s, &done, err));
	TRY(idle_end(s, err));
	if (done)
		return imap_finish(s, IMAP_OK, span_str("done"), err);
	struct err why = ERR_NONE;
	(void)err_set(&why, RC_SYNTAX, "IDLE ends with DONE");
	return imap_reply_bad(s, &why, err);
}
