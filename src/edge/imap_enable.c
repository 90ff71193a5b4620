#include "edge/imap_session_priv.h"
#include "edge/imap_set.h"

/* ENABLE (RFC 5161), and what it changes: with QRESYNC (RFC 7162) the mail
 * server says VANISHED and UIDs instead of EXPUNGE and numbers. */

/* What we can do ourselves, if the mail server can. */
static const char *const extensions[] = {"CONDSTORE", "QRESYNC"};

static const char *
extension_named(struct span name)
{
	for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++)
		if (span_is_nocase(name, extensions[i]))
			return extensions[i];
	return NULL;
}

/* RFC 5161 section 3.1: what is not known is not enabled, and no error. */
static enum rc
print_enable(const struct imap_session *s, struct imap_walk *args,
    struct buf *out, struct err *err)
{
	struct imap_token token;

	for (;;) {
		TRY(imap_walk_next(args, &token, err));
		if (token.kind == IMAP_END)
			return RC_OK;
		if (token.kind != IMAP_ATOM)
			return err_set(err, RC_SYNTAX, "want capabilities");
		const char *name = extension_named(token.value);
		if (name != NULL && imap_upstream_can(s, name))
			TRY(buf_add_format(out, err, " %s", name));
	}
}

enum rc
imap_do_enable(struct imap_session *s, struct imap_walk *args, struct err *err)
{
	struct buf command BUF_OWNED = BUF_SMALL;
	struct err why = ERR_NONE;

	TRY(buf_add_str(&command, "ENABLE", err));
	size_t bare = command.len;
	if (print_enable(s, args, &command, &why) != RC_OK)
		return imap_reply_bad(s, &why, err);
	if (command.len > bare)
		return imap_upstream_relay(s, buf_span(&command), err);
	TRY(imap_tell(s, err, "ENABLED"));
	return imap_reply(s, err, "OK done");
}

enum rc
imap_hear_enabled(struct imap_session *s, struct span line, struct err *err)
{
	struct imap_walk walk = {span_after(line, strlen("ENABLED"))};
	struct imap_token token;

	TRY(buf_add_str(&s->out, "* ENABLED", err));
	for (;;) {
		TRY(imap_walk_next(&walk, &token, err));
		if (token.kind == IMAP_END)
			return buf_add_str(&s->out, "\r\n", err);
		const char *name = token.kind == IMAP_ATOM
				       ? extension_named(token.value)
				       : NULL;
		if (name == NULL)
			continue;
		s->qresync |= span_is_nocase(token.value, "QRESYNC");
		TRY(buf_add_format(&s->out, err, " %s", name));
	}
}

/* --- VANISHED (RFC 7162 section 3.2.10) --- */

static enum rc
pass_vanished(struct imap_session *s, struct span line, struct err *err)
{
	TRY(buf_add_str(&s->out, "* ", err));
	TRY(buf_add(&s->out, line, err));
	return buf_add_str(&s->out, "\r\n", err);
}

enum rc
imap_hear_vanished(struct imap_session *s, struct span line, struct err *err)
{
	struct imap_set set IMAP_SET_OWNED = IMAP_SET_NONE;
	struct span uids = span_trim(span_after(line, strlen("VANISHED")));
	bool earlier = span_starts_nocase(uids, "(EARLIER) ");

	if (!s->qresync)
		return err_set(err, RC_SYNTAX,
		    "the mail server says VANISHED, which nobody asked for");
	if (earlier)
		uids = span_after(uids, strlen("(EARLIER) "));
	TRY(imap_set_parse(uids, 0, &set, err));
	/* what went earlier was never in the table */
	if (!earlier) {
		imap_sweep_set(s, &set);
		imap_uids_vanish(&s->box.uids, &set);
	}
	return pass_vanished(s, line, err);
}
