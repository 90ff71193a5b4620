#include "edge/imap_decision.h"

#include <stdio.h>

#define MAGIC "letterlock-view 3\n"
#define MAGIC_2 "letterlock-view 2\n" /* without what was added since */
#define REBUILT "rebuilt"
#define AS_IT_CAME "as-it-came"

enum rc
imap_decision_print(
    const struct imap_view *view, struct buf *out, struct err *err)
{
	TRY(buf_add_format(out, err,
	    MAGIC "%s %s\nseen %lld\njudged %lld\nunchecked %d\nnoted %d\n",
	    view->rebuilt ? REBUILT : AS_IT_CAME, view->judged,
	    (long long)view->first_seen, (long long)view->judged_at,
	    view->unchecked, view->noted));
	for (size_t i = 0; i < view->keywords.len; i++)
		TRY(buf_add_format(out, err, "%s\n", view->keywords.item[i]));
	return RC_OK;
}

static struct span
take_line(struct span *rest)
{
	ptrdiff_t end = span_find_byte(*rest, '\n');
	size_t len = end < 0 ? rest->len : (size_t)end;
	struct span line = span_first(*rest, len);

	*rest = span_after(*rest, len + 1);
	return line;
}

/* "WORD value": what stands behind the word. */
static enum rc
take_value(
    struct span *rest, const char *word, struct span *ret, struct err *err)
{
	struct span line = take_line(rest);

	if (!span_starts(line, word))
		return err_set(err, RC_SYNTAX, "a view without \"%s\"", word);
	*ret = span_trim(span_after(line, strlen(word)));
	return RC_OK;
}

static enum rc
take_number(struct span *rest, const char *word, int64_t *ret, struct err *err)
{
	struct span digits = SPAN_NONE;
	int64_t value = 0;

	TRY(take_value(rest, word, &digits, err));
	for (size_t i = 0; i < digits.len; i++) {
		uint8_t c = digits.data[i];
		if (c < '0' || c > '9' ||
		    __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, c - '0', &value))
			return err_set(
			    err, RC_SYNTAX, "\"%s\" of a view", word);
	}
	*ret = value;
	return RC_OK;
}

static enum rc
take_flag(struct span *rest, const char *word, bool *ret, struct err *err)
{
	int64_t value = 0;

	TRY(take_number(rest, word, &value, err));
	*ret = value != 0;
	return RC_OK;
}

static enum rc
parse_times(struct span *text, struct imap_view *view, struct err *err)
{
	TRY(take_number(text, "seen ", &view->first_seen, err));
	TRY(take_number(text, "judged ", &view->judged_at, err));
	TRY(take_flag(text, "unchecked ", &view->unchecked, err));
	return take_flag(text, "noted ", &view->noted, err);
}

enum rc
imap_decision_parse(struct span text, struct imap_view *view, struct err *err)
{
	bool old = span_starts(text, MAGIC_2);
	struct span digest = SPAN_NONE;

	if (!old && !span_starts(text, MAGIC))
		return err_set(err, RC_SYNTAX, "a view of another version");
	(void)take_line(&text);
	view->rebuilt = span_starts(text, REBUILT);
	TRY(take_value(
	    &text, view->rebuilt ? REBUILT : AS_IT_CAME, &digest, err));
	(void)snprintf(
	    view->judged, sizeof(view->judged), "%.*s", SPAN_ARGS(digest));
	if (!old)
		TRY(parse_times(&text, view, err));
	while (text.len > 0)
		TRY(strlist_add(&view->keywords, take_line(&text), err));
	return RC_OK;
}
