#include "edge/imap_front.h"

#include <stdlib.h>

#include "edge/imap_session_priv.h"
#include "edge/imap_set.h"
#include "os/log.h"

#define JUNK_MAX 20 /* bad commands before login */
#define OUT_MAX ((size_t)200 << 20)

/* --- commands that need no file of their own --- */

static enum rc
do_noop(struct imap_session *s, struct imap_walk *args, struct err *err)
{
	(void)args;
	if ((s->state & (IMAP_CLEAR | IMAP_BEFORE_LOGIN)) != 0)
		return imap_reply(s, err, "OK done");
	return imap_upstream_relay(s, span_str("NOOP"), err);
}

static enum rc
do_logout(struct imap_session *s, struct imap_walk *args, struct err *err)
{
	(void)args;
	s->state = IMAP_OVER;
	TRY(imap_tell(s, err, "BYE until next time"));
	return imap_reply(s, err, "OK done");
}

static enum rc
do_id(struct imap_session *s, struct imap_walk *args, struct err *err)
{
	(void)args;
	TRY(imap_tell(s, err, "ID (\"name\" \"letterlock\")"));
	return imap_reply(s, err, "OK done");
}

/* --- shapes --- */

typedef enum rc check(struct imap_walk args, struct err *err);

static enum rc
check_end(struct imap_walk *args, struct err *err)
{
	struct imap_token token;

	TRY(imap_walk_next(args, &token, err));
	return token.kind == IMAP_END
		   ? RC_OK
		   : err_set(err, RC_SYNTAX, "too many arguments");
}

static enum rc
check_none(struct imap_walk args, struct err *err)
{
	return check_end(&args, err);
}

static enum rc
take_text(struct imap_walk *args, struct err *err)
{
	struct imap_token token;

	TRY(imap_walk_next(args, &token, err));
	return token.kind == IMAP_ATOM || token.kind == IMAP_STRING
		   ? RC_OK
		   : err_set(err, RC_SYNTAX, "an argument is missing");
}

static enum rc
check_mailbox(struct imap_walk args, struct err *err)
{
	TRY(take_text(&args, err));
	return check_end(&args, err);
}

static enum rc
check_two(struct imap_walk args, struct err *err)
{
	TRY(take_text(&args, err));
	return check_mailbox(args, err);
}

/* Something, which the mail server will judge. */
static enum rc
check_some(struct imap_walk args, struct err *err)
{
	struct imap_token token;

	TRY(imap_walk_next(&args, &token, err));
	return token.kind != IMAP_END
		   ? RC_OK
		   : err_set(err, RC_SYNTAX, "an argument is missing");
}

/* What other items would say (SIZE) is about the letters as they are sealed. */
static enum rc
check_status_item(struct span item, struct err *err)
{
	static const char *const items[] = {"MESSAGES", "RECENT", "UIDNEXT",
	    "UIDVALIDITY", "UNSEEN", "HIGHESTMODSEQ", "MAILBOXID"};

	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
		if (span_is_nocase(item, items[i]))
			return RC_OK;
	return err_set(err, RC_SYNTAX, "unknown STATUS item");
}

static enum rc
take_status_items(struct imap_walk *args, struct err *err)
{
	struct imap_token token;

	TRY(imap_walk_next(args, &token, err));
	if (token.kind != IMAP_OPEN)
		return err_set(err, RC_SYNTAX, "a list of items is missing");
	for (;;) {
		TRY(imap_walk_next(args, &token, err));
		if (token.kind == IMAP_CLOSE)
			return RC_OK;
		if (token.kind != IMAP_ATOM)
			return err_set(err, RC_SYNTAX, "bad list of items");
		TRY(check_status_item(token.value, err));
	}
}

static enum rc
check_status(struct imap_walk args, struct err *err)
{
	TRY(take_text(&args, err));
	TRY(take_status_items(&args, err));
	return check_end(&args, err);
}

/* RFC 5258, RFC 5819: what the mail server will judge, but for the items of
 * "RETURN (STATUS (...))". */
static enum rc
check_list(struct imap_walk args, struct err *err)
{
	struct imap_token token;
	bool status = false;

	do {
		struct imap_walk items = args;
		TRY(imap_walk_next(&args, &token, err));
		if (status && token.kind == IMAP_OPEN)
			TRY(take_status_items(&items, err));
		status = token.kind == IMAP_ATOM &&
			 span_is_nocase(token.value, "STATUS");
	} while (token.kind != IMAP_END);
	return RC_OK;
}

static enum rc
take_set(struct imap_walk *args, struct err *err)
{
	struct imap_token token;

	TRY(imap_walk_next(args, &token, err));
	if (token.kind != IMAP_ATOM)
		return err_set(err, RC_SYNTAX, "a set of letters is missing");
	if (span_is(token.value, span_str("$")))
		return RC_OK;
	return imap_set_check(token.value, err);
}

static enum rc
check_set(struct imap_walk args, struct err *err)
{
	TRY(take_set(&args, err));
	return check_end(&args, err);
}

static enum rc
check_set_mailbox(struct imap_walk args, struct err *err)
{
	TRY(take_set(&args, err));
	return check_mailbox(args, err);
}

/* --- the table --- */

#define ANY (IMAP_CLEAR | IMAP_BEFORE_LOGIN | IMAP_LOGGED_IN | IMAP_SELECTED)
#define STRANGER (IMAP_CLEAR | IMAP_BEFORE_LOGIN)
#define IN (IMAP_LOGGED_IN | IMAP_SELECTED)

/* `run` NULL: the command goes to the mail server as it is, and its answers
 * come back.  A capability in `needs` is the mail server's. */
static const struct command {
	const char *name;
	unsigned states;
	const char *needs;
	check *check;
	imap_do *run;
} commands[] = {
    {"CAPABILITY", ANY, NULL, check_none, imap_do_capability},
    {"NOOP", ANY, NULL, check_none, do_noop},
    {"LOGOUT", ANY, NULL, check_none, do_logout},
    {"ID", ANY, NULL, check_some, do_id},
    {"STARTTLS", IMAP_CLEAR, NULL, check_none, imap_do_starttls},
    {"LOGIN", IMAP_BEFORE_LOGIN, NULL, check_some, imap_do_login},
    {"AUTHENTICATE", IMAP_BEFORE_LOGIN, NULL, check_some, imap_do_authenticate},
    {"SELECT", IN, NULL, check_some, imap_do_select},
    {"EXAMINE", IN, NULL, check_some, imap_do_examine},
    {"CREATE", IN, NULL, check_some, NULL},
    {"DELETE", IN, NULL, check_mailbox, imap_do_delete},
    {"RENAME", IN, NULL, check_two, imap_do_rename},
    {"SUBSCRIBE", IN, NULL, check_mailbox, NULL},
    {"UNSUBSCRIBE", IN, NULL, check_mailbox, NULL},
    {"LIST", IN, NULL, check_list, NULL},
    {"LSUB", IN, NULL, check_two, NULL},
    {"STATUS", IN, NULL, check_status, NULL},
    {"NAMESPACE", IN, "NAMESPACE", check_none, NULL},
    {"ENABLE", IN, "ENABLE", check_some, imap_do_enable},
    {"GETQUOTA", IN, "QUOTA", check_mailbox, NULL},
    {"GETQUOTAROOT", IN, "QUOTA", check_mailbox, NULL},
    {"APPEND", IN, NULL, check_some, imap_do_append},
    {"IDLE", IN, "IDLE", check_none, imap_do_idle},
    {"COMPRESS", IN, NULL, check_mailbox, imap_do_compress},
    {"CHECK", IMAP_SELECTED, NULL, check_none, NULL},
    {"CLOSE", IMAP_SELECTED, NULL, check_none, imap_do_close},
    {"UNSELECT", IMAP_SELECTED, "UNSELECT", check_none, imap_do_unselect},
    {"EXPUNGE", IMAP_SELECTED, NULL, check_none, NULL},
    {"UID EXPUNGE", IMAP_SELECTED, "UIDPLUS", check_set, imap_do_uid_expunge},
    {"SEARCH", IMAP_SELECTED, NULL, check_some, imap_do_search},
    {"UID SEARCH", IMAP_SELECTED, NULL, check_some, imap_do_search},
    {"SORT", IMAP_SELECTED, NULL, check_some, imap_do_sort},
    {"UID SORT", IMAP_SELECTED, NULL, check_some, imap_do_sort},
    {"THREAD", IMAP_SELECTED, NULL, check_some, imap_do_thread},
    {"UID THREAD", IMAP_SELECTED, NULL, check_some, imap_do_thread},
    {"FETCH", IMAP_SELECTED, NULL, check_some, imap_do_fetch},
    {"UID FETCH", IMAP_SELECTED, NULL, check_some, imap_do_fetch},
    {"STORE", IMAP_SELECTED, NULL, check_some, imap_do_store},
    {"UID STORE", IMAP_SELECTED, NULL, check_some, imap_do_store},
    {"COPY", IMAP_SELECTED, NULL, check_set_mailbox, imap_do_copy},
    {"UID COPY", IMAP_SELECTED, NULL, check_set_mailbox, imap_do_copy},
    {"MOVE", IMAP_SELECTED, "MOVE", check_set_mailbox, imap_do_move},
    {"UID MOVE", IMAP_SELECTED, "MOVE", check_set_mailbox, imap_do_move},
};

static enum rc
pass_on(struct imap_session *s, const struct command *command,
    const struct imap_walk *args, struct err *err)
{
	struct buf line BUF_OWNED = BUF_SMALL;
	struct err why = ERR_NONE;

	TRY(buf_add_format(&line, err, "%s ", command->name));
	if (imap_reprint(*args, &line, &why) != RC_OK)
		return imap_reply_bad(s, &why, err);
	return imap_upstream_relay(s, span_trim(buf_span(&line)), err);
}

static enum rc
run_command(struct imap_session *s, const struct command *command,
    struct imap_walk *args, struct err *err)
{
	struct err why = ERR_NONE;

	if (s->state == IMAP_CLEAR && (command->states & IMAP_CLEAR) == 0)
		return imap_reply(
		    s, err, "NO [PRIVACYREQUIRED] say STARTTLS first");
	if ((command->states & s->state) == 0)
		(void)err_set(&why, RC_SYNTAX, "%s: %s", command->name,
		    s->state == IMAP_BEFORE_LOGIN ? "log in first"
		    : command->states == IMAP_SELECTED
			? "select a mailbox first"
			: "logged in already");
	else if (command->needs != NULL &&
		 !imap_upstream_can(s, command->needs))
		(void)err_set(
		    &why, RC_SYNTAX, "%s is not offered", command->name);
	else if (command->check(*args, &why) == RC_OK)
		return command->run != NULL ? command->run(s, args, err)
					    : pass_on(s, command, args, err);
	return imap_reply_bad(s, &why, err);
}

/* --- one command --- */

/* RFC 3501 section 9: tag = 1*<any ASTRING-CHAR except "+"> */
static bool
is_tag(const struct imap_token *token)
{
	struct span tag = token->value;

	if (token->kind != IMAP_ATOM || tag.len > IMAP_TAG_MAX)
		return false;
	for (size_t i = 0; i < tag.len; i++)
		if (tag.data[i] <= ' ' || tag.data[i] >= 0x7f ||
		    strchr("(){%*\"\\+", tag.data[i]) != NULL)
			return false;
	return tag.len > 0;
}

static enum rc
read_name(struct imap_session *s, struct imap_walk *walk, struct buf *ret,
    struct err *err)
{
	struct imap_token word;

	TRY(imap_walk_next(walk, &word, err));
	TRY(imap_token_value(&word, ret, err));
	s->by_uid = span_is_nocase(buf_span(ret), "UID");
	if (!s->by_uid)
		return RC_OK;
	TRY(imap_walk_next(walk, &word, err));
	TRY(buf_add_str(ret, " ", err));
	return imap_token_value(&word, ret, err);
}

static enum rc
obey(struct imap_session *s, struct imap_walk *walk, struct err *err)
{
	struct buf name BUF_OWNED = BUF(64);
	struct err why = ERR_NONE;

	if (read_name(s, walk, &name, &why) != RC_OK)
		return imap_reply_bad(s, &why, err);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (span_is_nocase(buf_span(&name), commands[i].name))
			return run_command(s, &commands[i], walk, err);
	(void)err_set(&why, RC_SYNTAX, "unknown command");
	return imap_reply_bad(s, &why, err);
}

static enum rc
obey_unit(struct imap_session *s, struct span unit, struct err *err)
{
	struct imap_walk walk = {unit};
	struct imap_token tag;
	struct err why = ERR_NONE;

	if (imap_walk_next(&walk, &tag, &why) != RC_OK || !is_tag(&tag)) {
		s->junk++;
		TRY(imap_tell(s, err, "BAD a command begins with a tag"));
	} else {
		/* kept: the unit's bytes may move while it is worked on */
		memcpy(s->tag, tag.value.data, tag.value.len);
		s->tag[tag.value.len] = '\0';
		TRY(obey(s, &walk, err));
	}
	if ((s->state & STRANGER) != 0 && s->junk >= JUNK_MAX) {
		s->state = IMAP_OVER;
		return imap_tell(s, err, "BYE this is an IMAP server");
	}
	return RC_OK;
}

/* --- the loop --- */

static enum rc
read_more(struct imap_session *s, struct err *err)
{
	unsigned ready = 1;
	enum rc rc = RC_OK;

	if (s->link != NULL)
		rc = imap_wait(s, s->agent->limits.idle, &ready, err);
	if (rc == RC_AGAIN)
		return err_set(err, RC_IO, "nothing was said for too long");
	TRY(rc);
	if ((ready & 2) != 0) {
		TRY(imap_upstream_hear(s, err));
		TRY(imap_flush(s, err));
	}
	return (ready & 1) != 0 ? imap_read(s, err) : RC_OK;
}

static enum rc
flush_units(struct imap_session *s, struct err *err)
{
	struct span out = imap_stream_output(s->units);

	if (out.len == 0)
		return RC_OK;
	enum rc rc = imap_write(s, out, err);
	imap_stream_sent(s->units, out.len);
	return rc;
}

/* RC_REFUSED: the connection cannot go on, and its mail program was told. */
static enum rc
serve_one(struct imap_session *s, struct err *err)
{
	struct span unit;
	struct err why = ERR_NONE;

	enum rc rc = imap_stream_next(s->units, &unit, &why);
	TRY(flush_units(s, err));
	switch (rc) {
	case RC_OK:
		TRY(obey_unit(s, unit, err));
		return imap_flush(s, err);
	case RC_AGAIN:
		return read_more(s, err);
	case RC_SYNTAX:
	case RC_LIMIT:
		s->junk++;
		return RC_OK;
	default:
		s->gone = true;
		return err_set(err, rc, "%s", why.text);
	}
}

static enum rc
run(struct imap_session *s, struct err *err)
{
	TRY(imap_stream_new(IMAP_SERVER, IMAP_STRANGER_LIMITS, &s->units, err));
	TRY(buf_add_str(&s->out, "* OK [", err));
	TRY(imap_print_capabilities(s, &s->out, err));
	TRY(buf_add_str(&s->out, "] Letterlock\r\n", err));
	TRY(imap_flush(s, err));
	while (s->state != IMAP_OVER)
		TRY(serve_one(s, err));
	return RC_OK;
}

/* Nothing half answered: the command in work gets no end, the connection
 * does. */
static void
say_goodbye(struct imap_session *s, const struct err *why)
{
	struct err ignored;

	if (s->gone)
		return;
	if (imap_tell(s, &ignored, "BYE %s", why->text) == RC_OK)
		(void)!imap_flush(s, &ignored);
}

void
imap_front_serve(const struct agent *agent, struct visit *visit)
{
	struct stream *stream = visit_stream(visit);
	struct imap_session s = {.agent = agent,
	    .visit = visit,
	    .stream = stream,
	    .state = visit_is_clear(visit) ? IMAP_CLEAR : IMAP_BEFORE_LOGIN,
	    .out = BUF_SECRET(OUT_MAX),
	    .copy_to = BUF(4096),
	    .box = {.uids = IMAP_UIDS_NONE}};
	struct err err = ERR_NONE;

	stream_set_timeout(stream, agent->limits.stranger);
	enum rc rc = run(&s, &err);
	if (rc != RC_OK) {
		say_goodbye(&s, &err);
		if (rc != RC_ABSENT)
			log_info("imap: %s: %s", stream_peer(stream), err.text);
	}
	imap_uids_done(&s.box.uids);
	imap_saved_done(&s.box.saved);
	imap_saved_done(&s.box.missing);
	buf_done(&s.out);
	buf_done(&s.copy_to);
	imap_link_free(s.link);
	imap_stream_free(s.units);
	deflate_reader_free(s.unpack);
	deflate_writer_free(s.pack);
}
