#include "edge/imap_flags.h"
#include "edge/imap_session_priv.h"
#include "edge/imap_set.h"

static bool
is_operation(struct span word)
{
	static const char *const operations[] = {"FLAGS", "FLAGS.SILENT",
	    "+FLAGS", "+FLAGS.SILENT", "-FLAGS", "-FLAGS.SILENT"};

	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		if (span_is_nocase(word, operations[i]))
			return true;
	return false;
}

/* RFC 7162 section 3.1.3: "UNCHANGEDSINCE number)" */
static enum rc
take_modifier(struct imap_walk *args, struct buf *out, struct err *err)
{
	struct imap_token name, number, end;

	TRY(imap_walk_next(args, &name, err));
	TRY(imap_walk_next(args, &number, err));
	TRY(imap_walk_next(args, &end, err));
	if (name.kind != IMAP_ATOM || number.kind != IMAP_ATOM ||
	    end.kind != IMAP_CLOSE ||
	    !span_is_nocase(name.value, "UNCHANGEDSINCE"))
		return err_set(err, RC_SYNTAX, "unknown STORE modifier");
	TRY(imap_modseq_check(number.value, err));
	return buf_add_format(
	    out, err, "(UNCHANGEDSINCE %.*s) ", SPAN_ARGS(number.value));
}

/* Append "STORE set operation (flags)".  RC_REFUSED: flags of ours. */
static enum rc
print_store(struct imap_session *s, struct imap_walk *args, struct buf *out,
    struct err *err)
{
	struct imap_token operation, end;

	TRY(buf_add_str(out, s->by_uid ? "UID STORE " : "STORE ", err));
	TRY(imap_take_set(s, args, out, err));
	TRY(buf_add_str(out, " ", err));
	TRY(imap_walk_next(args, &operation, err));
	if (operation.kind == IMAP_OPEN) {
		TRY(take_modifier(args, out, err));
		TRY(imap_walk_next(args, &operation, err));
	}
	if (operation.kind != IMAP_ATOM || !is_operation(operation.value))
		return err_set(err, RC_SYNTAX,
		    "STORE knows FLAGS, +FLAGS and -FLAGS, with .SILENT");
	TRY(buf_add_format(out, err, "%.*s ", SPAN_ARGS(operation.value)));
	TRY(imap_flags_read(args, out, err));
	TRY(imap_walk_next(args, &end, err));
	return end.kind == IMAP_END
		   ? RC_OK
		   : err_set(err, RC_SYNTAX, "too many arguments");
}

enum rc
imap_do_store(struct imap_session *s, struct imap_walk *args, struct err *err)
{
	struct buf command BUF_OWNED = BUF_SMALL;
	struct err why = ERR_NONE;

	enum rc rc = print_store(s, args, &command, &why);
	if (rc == RC_REFUSED)
		return imap_reply(s, err, "NO [CANNOT] %s", why.text);
	if (rc != RC_OK)
		return imap_reply_set(s, rc, &why, err);
	return imap_upstream_relay(s, buf_span(&command), err);
}

enum rc
imap_do_uid_expunge(
    struct imap_session *s, struct imap_walk *args, struct err *err)
{
	struct buf command BUF_OWNED = BUF_SMALL;
	struct err why = ERR_NONE;

	TRY(buf_add_str(&command, "UID EXPUNGE ", err));
	enum rc rc = imap_take_set(s, args, &command, &why);
	if (rc != RC_OK)
		return imap_reply_set(s, rc, &why, err);
	return imap_upstream_relay(s, buf_span(&command), err);
}
