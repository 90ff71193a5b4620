/* What a search found, told and saved. */
#include <stdlib.h>

#include "edge/imap_search_priv.h"

/* What was found, by number or UID, ascending; the caller frees it. */
static enum rc
list_found(const struct imap_search *search, uint32_t **ret, size_t *ret_len,
    struct err *err)
{
	const struct imap_session *s = search->s;
	uint32_t *number = calloc(search->len + 1, sizeof(number[0]));
	size_t len = 0;

	if (number == NULL)
		return err_nomem(err, "search");
	for (size_t i = 0; i < search->len; i++) {
		uint32_t at = imap_uids_find(
		    &s->box.uids, search->uid[i], (uint32_t)i + 1);
		if (search->found[i] && at != 0)
			number[len++] = s->by_uid ? search->uid[i] : at;
	}
	*ret = number;
	*ret_len = len;
	return RC_OK;
}

static enum rc
print_plainly(const struct imap_search *search, const uint32_t *number,
    size_t len, struct buf *out, struct err *err)
{
	TRY(buf_add_str(out, "* SEARCH", err));
	for (size_t i = 0; i < len; i++)
		TRY(buf_add_format(out, err, " %u", number[i]));
	if (len > 0 && search->modseq.len > 0)
		TRY(buf_add_format(out, err, " (MODSEQ %.*s)",
		    SPAN_ARGS(buf_span(&search->modseq))));
	return buf_add_str(out, "\r\n", err);
}

/* RFC 4731 section 3.1; MODSEQ: RFC 7162 section 3.1.10. */
static enum rc
print_extended(const struct imap_search *search, const uint32_t *number,
    size_t len, struct buf *out, struct err *err)
{
	const struct imap_session *s = search->s;
	unsigned wanted = search->asked->wanted;

	TRY(buf_add_str(out, "* ESEARCH (TAG ", err));
	TRY(imap_print_string(span_str(s->tag), out, err));
	TRY(buf_add_str(out, s->by_uid ? ") UID" : ")", err));
	if ((wanted & IMAP_RETURN_MIN) != 0 && len > 0)
		TRY(buf_add_format(out, err, " MIN %u", number[0]));
	if ((wanted & IMAP_RETURN_MAX) != 0 && len > 0)
		TRY(buf_add_format(out, err, " MAX %u", number[len - 1]));
	if ((wanted & IMAP_RETURN_ALL) != 0 && len > 0) {
		TRY(buf_add_str(out, " ALL ", err));
		TRY(imap_saved_print(number, len, out, err));
	}
	if ((wanted & IMAP_RETURN_COUNT) != 0)
		TRY(buf_add_format(out, err, " COUNT %zu", len));
	if (len > 0 && search->modseq.len > 0)
		TRY(buf_add_format(out, err, " MODSEQ %.*s",
		    SPAN_ARGS(buf_span(&search->modseq))));
	return buf_add_str(out, "\r\n", err);
}

static enum rc
print_found(const struct imap_search *search, struct err *err)
{
	struct buf *out = &search->s->out;
	uint32_t *number = NULL;
	size_t len = 0;

	/* RFC 5182 section 2.1: with SAVE alone nothing is told */
	if (search->asked->wanted == IMAP_RETURN_SAVE)
		return RC_OK;
	TRY(list_found(search, &number, &len, err));
	enum rc rc = search->asked->extended
			 ? print_extended(search, number, len, out, err)
			 : print_plainly(search, number, len, out, err);
	free(number);
	return rc;
}

/* RFC 5182 section 2.1: MIN and MAX alone save what they name. */
static void
save(struct imap_search *search)
{
	struct imap_saved *saved = &search->s->box.saved;
	unsigned wanted = search->asked->wanted;
	unsigned ends = wanted & (IMAP_RETURN_MIN | IMAP_RETURN_MAX);
	bool all =
	    ends == 0 || (wanted & (IMAP_RETURN_ALL | IMAP_RETURN_COUNT)) != 0;
	size_t len = 0;

	if ((wanted & IMAP_RETURN_SAVE) == 0)
		return;
	for (size_t i = 0; i < search->len; i++)
		if (search->found[i])
			search->uid[len++] = search->uid[i];
	if (!all && len > 1 && ends == IMAP_RETURN_MAX)
		search->uid[0] = search->uid[len - 1];
	else if (!all && len > 1 && ends != IMAP_RETURN_MIN)
		search->uid[1] = search->uid[len - 1];
	if (!all && len > 1)
		len = ends == (IMAP_RETURN_MIN | IMAP_RETURN_MAX) ? 2 : 1;
	imap_saved_done(saved);
	saved->uid = search->uid;
	saved->len = len;
	search->uid = NULL;
	search->len = 0;
}

static enum rc
run(struct imap_search *search, struct err *err)
{
	struct imap_session *s = search->s;

	TRY(imap_search_run(search, err));
	if (search->refused)
		return imap_finish(s, IMAP_NO, buf_span(&search->why), err);
	TRY(print_found(search, err));
	save(search);
	return imap_finish(s, IMAP_OK, SPAN_NONE, err);
}

/* The highest mod-sequence of what was found is known only if the mail server
 * alone has found it, and all of it is told. */
static bool
is_answerable(const struct imap_searching *asked)
{
	unsigned ends = IMAP_RETURN_MIN | IMAP_RETURN_MAX;

	return !asked->modseq || (asked->query->kind == IMAP_QUERY_SERVER &&
				     (asked->wanted & ends) == 0);
}

enum rc
imap_do_search(struct imap_session *s, struct imap_walk *args, struct err *err)
{
	struct imap_searching asked IMAP_SEARCHING_OWNED = {0};
	struct imap_search search IMAP_SEARCH_OWNED = {0};
	struct err why = ERR_NONE;

	enum rc rc = imap_query_parse(args, &asked, &why);
	if (rc == RC_REFUSED)
		return imap_reply(
		    s, err, "NO [BADCHARSET (UTF-8 US-ASCII)] %s", why.text);
	if (rc != RC_OK)
		return imap_reply_bad(s, &why, err);
	if (!is_answerable(&asked))
		return imap_reply(s, err,
		    "NO [CANNOT] MODSEQ does not go with what is inside of "
		    "letters, MIN or MAX");
	TRY(imap_fetch_uids(s, err));
	TRY(imap_search_init(&search, s, &asked, err));
	return run(&search, err);
}
