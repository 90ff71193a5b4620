/* The THREAD command: RFC 5256 section 3. */
#include "edge/imap_thread_priv.h"

static const struct algorithm {
	const char *name;
	enum rc (*run)(const struct imap_sorted *item, size_t len,
	    struct imap_threads *ret, struct err *err);
} algorithms[] = {
    {"ORDEREDSUBJECT", imap_thread_by_subject},
    {"REFERENCES", imap_thread_by_references},
};

static const struct algorithm *
take_algorithm(struct imap_walk *args)
{
	struct imap_token token;
	struct err ignored;

	if (imap_walk_next(args, &token, &ignored) != RC_OK ||
	    token.kind != IMAP_ATOM)
		return NULL;
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
		if (span_is_nocase(token.value, algorithms[i].name))
			return &algorithms[i];
	return NULL;
}

static enum rc
answer(const struct imap_sorting *sorting, const struct algorithm *algorithm,
    struct err *err)
{
	struct imap_session *s = sorting->search.s;
	struct imap_threads threads IMAP_THREADS_OWNED = {0};
	struct err why = ERR_NONE;

	enum rc rc =
	    algorithm->run(sorting->item, sorting->len, &threads, &why);
	if (rc == RC_LIMIT)
		return imap_reply(s, err, "NO [LIMIT] %s", why.text);
	if (rc != RC_OK)
		return err_set(err, rc, "%s", why.text);
	TRY(buf_add_str(&s->out, "* THREAD", err));
	if (sorting->len > 0)
		TRY(buf_add_str(&s->out, " ", err));
	TRY(imap_threads_print(&threads, s->by_uid, &s->out, err));
	TRY(buf_add_str(&s->out, "\r\n", err));
	return imap_finish(s, IMAP_OK, SPAN_NONE, err);
}

enum rc
imap_do_thread(struct imap_session *s, struct imap_walk *args, struct err *err)
{
	struct imap_sorting sorting IMAP_SORTING_OWNED;
	const struct algorithm *algorithm = take_algorithm(args);
	struct err why = ERR_NONE;

	imap_sorting_init(&sorting);
	if (algorithm == NULL) {
		(void)err_set(&why, RC_SYNTAX, "unknown algorithm");
		return imap_reply_bad(s, &why, err);
	}
	enum rc rc = imap_sorting_run(&sorting, s, args, true, false, err);
	if (rc == RC_REFUSED)
		return RC_OK;
	TRY(rc);
	return answer(&sorting, algorithm, err);
}
