#include "enrol/inbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

struct inbox {
	struct imap_link *link;
	bool can_expunge_one; /* UIDPLUS, RFC 4315 */
	uint32_t seen[INBOX_SEEN_MAX];
	size_t seen_count;
};

static bool
has_word(const char *words, const char *wanted)
{
	size_t len = strlen(wanted);

	while (*words != '\0') {
		size_t word = strcspn(words, " ");
		if (word == len && strncasecmp(words, wanted, len) == 0)
			return true;
		words += word;
		words += strspn(words, " ");
	}
	return false;
}

enum rc
inbox_new(const struct upstream *upstream, int timeout, struct inbox **ret,
    struct err *err)
{
	struct inbox *inbox OWNED(inbox_free) = calloc(1, sizeof(*inbox));

	if (inbox == NULL)
		return err_nomem(err, "opening the inbox");
	TRY(upstream_imap(upstream, timeout, &inbox->link, err));
	inbox->can_expunge_one =
	    has_word(imap_link_capabilities(inbox->link), "UIDPLUS");
	TRY(imap_link_run(inbox->link, span_str("SELECT INBOX"), err));
	*ret = take(inbox);
	return RC_OK;
}

void
inbox_free(struct inbox *inbox)
{
	if (inbox == NULL)
		return;
	if (inbox->link != NULL)
		imap_link_free(inbox->link);
	free(inbox);
}

static bool
is_seen(const struct inbox *inbox, uint32_t uid)
{
	for (size_t i = 0; i < inbox->seen_count; i++)
		if (inbox->seen[i] == uid)
			return true;
	return false;
}

enum rc
inbox_mark(struct inbox *inbox, uint32_t uid, struct err *err)
{
	if (is_seen(inbox, uid))
		return RC_OK;
	if (inbox->seen_count >= INBOX_SEEN_MAX)
		return err_set(err, RC_LIMIT,
		    "more than %d letters in the inbox look like challenges",
		    INBOX_SEEN_MAX);
	inbox->seen[inbox->seen_count++] = uid;
	return RC_OK;
}

/* "SEARCH 3 17 4": the largest that was not seen, if it is larger than *best. */
static void
read_search(const struct inbox *inbox, struct span line, uint32_t *best)
{
	static const char word[] = "SEARCH";

	if (!span_starts_nocase(line, word))
		return;
	line = span_after(line, strlen(word));
	while (line.len != 0) {
		uint64_t number = 0;
		size_t digits = 0;
		line = span_after(line, 1); /* the blank */
		while (digits < line.len && digits < 10 &&
		       line.data[digits] >= '0' && line.data[digits] <= '9')
			number = number * 10 + (line.data[digits++] - '0');
		line = span_after(line, digits);
		if (number > *best && number <= UINT32_MAX &&
		    !is_seen(inbox, (uint32_t)number))
			*best = (uint32_t)number;
	}
}

static enum rc
search(struct inbox *inbox, uint32_t *ret_best, struct err *err)
{
	char command[100];
	uint32_t best = 0;
	enum imap_answer answer = IMAP_BAD;
	struct span line = SPAN_NONE;

	/* The newest first: whoever fills the inbox with letters of this kind
	 * does not keep us from the one that just came. */
	(void)snprintf(command, sizeof(command),
	    "UID SEARCH UNDELETED SMALLER %zu SUBJECT \"ACME:\"",
	    INBOX_LETTER_MAX);
	TRY(imap_link_command(inbox->link, span_str(command), err));
	for (;;) {
		enum rc rc = imap_link_answer(inbox->link, &answer, &line, err);
		if (rc == RC_AGAIN)
			return err_set(err, RC_IO,
			    "the mail server does not answer a search");
		TRY(rc);
		if (answer == IMAP_UNTAGGED)
			read_search(inbox, line, &best);
		if (answer == IMAP_NO || answer == IMAP_BAD)
			return err_set(err, RC_REFUSED,
			    "the mail server refuses to search: %.*s",
			    SPAN_ARGS(span_first(line, 200)));
		if (answer == IMAP_OK)
			break;
	}
	*ret_best = best;
	return RC_OK;
}

enum rc
inbox_next(
    struct inbox *inbox, struct buf *letter, uint32_t *ret_uid, struct err *err)
{
	uint32_t uid = 0;

	/* A search may leave out what came since the last command. */
	TRY(imap_link_run(inbox->link, span_str("NOOP"), err));
	TRY(search(inbox, &uid, err));
	if (uid == 0)
		return err_set(err, RC_ABSENT, "no challenge in the inbox");
	TRY(imap_link_fetch(inbox->link, uid, letter, err));
	*ret_uid = uid;
	return RC_OK;
}

enum rc
inbox_remove(struct inbox *inbox, uint32_t uid, struct err *err)
{
	char command[100];

	(void)snprintf(command, sizeof(command),
	    "UID STORE %u +FLAGS.SILENT (\\Deleted)", uid);
	TRY(imap_link_run(inbox->link, span_str(command), err));
	/* A plain EXPUNGE would remove what the person marked, too. */
	if (!inbox->can_expunge_one)
		return RC_OK;
	(void)snprintf(command, sizeof(command), "UID EXPUNGE %u", uid);
	return imap_link_run(inbox->link, span_str(command), err);
}
