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

/* Append "STORE set operation (flags)".  RC_REFUSED: flags of ours. */
static enum rc
print_store(const struct imap_session *s, struct imap_walk *args,
    struct buf *out, struct err *err)
{
	struct imap_token set, operation, end;

	TRY(imap_walk_next(args, &set, err));
	if (set.kind != IMAP_ATOM)
		return err_set(err, RC_SYNTAX, "a set of letters is missing");
	TRY(imap_set_check(set.value, err));
	TRY(imap_walk_next(args, &operation, err));
	if (operation.kind != IMAP_ATOM || !is_operation(operation.value))
		return err_set(err, RC_SYNTAX,
		    "STORE knows FLAGS, +FLAGS and -FLAGS, with .SILENT");
	TRY(buf_add_format(out, err, "%sSTORE %.*s %.*s ",
	    s->by_uid ? "UID " : "", SPAN_ARGS(set.value),
	    SPAN_ARGS(operation.value)));
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
		return imap_reply_bad(s, &why, err);
	return imap_upstream_relay(s, buf_span(&command), err);
}
