#include "edge/imap_flags.h"

#include "flow/report.h"

bool
imap_flag_is_ours(struct span flag)
{
	return span_starts_nocase(flag, REPORT_KEYWORD);
}

static enum rc
open_list(struct imap_walk *walk, struct err *err)
{
	struct imap_token token;

	TRY(imap_walk_next(walk, &token, err));
	if (token.kind != IMAP_OPEN)
		return err_set(err, RC_SYNTAX, "a list of flags is missing");
	return RC_OK;
}

/* RC_ABSENT at the end of the list. */
static enum rc
next_flag(struct imap_walk *walk, struct span *ret, struct err *err)
{
	struct imap_token token;

	TRY(imap_walk_next(walk, &token, err));
	if (token.kind == IMAP_CLOSE)
		return RC_ABSENT;
	if (token.kind != IMAP_ATOM)
		return err_set(err, RC_SYNTAX, "this is no flag");
	*ret = token.value;
	return RC_OK;
}

static enum rc
add_flag(struct span flag, bool *first, struct buf *out, struct err *err)
{
	TRY(buf_add_str(out, *first ? "" : " ", err));
	*first = false;
	return buf_add(out, flag, err);
}

enum rc
imap_flags_print(struct imap_walk *walk, const struct strlist *add,
    struct buf *out, struct err *err)
{
	bool first = true;
	struct span flag;
	enum rc rc;

	TRY(open_list(walk, err));
	TRY(buf_add_str(out, "(", err));
	while ((rc = next_flag(walk, &flag, err)) == RC_OK)
		if (!imap_flag_is_ours(flag))
			TRY(add_flag(flag, &first, out, err));
	if (rc != RC_ABSENT)
		return rc;
	for (size_t i = 0; add != NULL && i < add->len; i++)
		TRY(add_flag(span_str(add->item[i]), &first, out, err));
	return buf_add_str(out, ")", err);
}

bool
imap_flags_have(struct span list, const char *flag)
{
	struct imap_walk walk = {list};
	struct err ignored;
	struct span at;

	if (open_list(&walk, &ignored) != RC_OK)
		return false;
	while (next_flag(&walk, &at, &ignored) == RC_OK)
		if (span_is_nocase(at, flag))
			return true;
	return false;
}

static enum rc
add_foreign(struct span flag, bool *first, struct buf *out, struct err *err)
{
	if (imap_flag_is_ours(flag))
		return err_set(err, RC_REFUSED,
		    "flags that begin with " REPORT_KEYWORD
		    " are set by the agent alone");
	return add_flag(flag, first, out, err);
}

static enum rc
read_list(struct imap_walk *walk, struct buf *out, struct err *err)
{
	bool first = true;
	struct span flag;
	enum rc rc;

	TRY(open_list(walk, err));
	while ((rc = next_flag(walk, &flag, err)) == RC_OK)
		TRY(add_foreign(flag, &first, out, err));
	return rc == RC_ABSENT ? RC_OK : rc;
}

static enum rc
read_bare(struct imap_walk *walk, struct buf *out, struct err *err)
{
	bool first = true;
	struct imap_token token;

	for (;;) {
		TRY(imap_walk_next(walk, &token, err));
		if (token.kind == IMAP_END && !first)
			return RC_OK;
		if (token.kind != IMAP_ATOM)
			return err_set(err, RC_SYNTAX, "this is no flag");
		TRY(add_foreign(token.value, &first, out, err));
	}
}

enum rc
imap_flags_read(struct imap_walk *walk, struct buf *out, struct err *err)
{
	bool list = span_starts(span_trim(walk->rest), "(");

	TRY(buf_add_str(out, "(", err));
	TRY(list ? read_list(walk, out, err) : read_bare(walk, out, err));
	return buf_add_str(out, ")", err);
}

enum rc
imap_flags_levels(struct strlist *out, struct err *err)
{
	static const enum verdict_level levels[] = {VERDICT_VERIFIED,
	    VERDICT_CAUTION, VERDICT_UNSIGNED, VERDICT_DANGER};

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		struct buf name BUF_OWNED = BUF(64);
		TRY(buf_add_format(
		    &name, err, REPORT_KEYWORD "%s", verdict_name(levels[i])));
		TRY(strlist_add(out, buf_span(&name), err));
	}
	return RC_OK;
}
