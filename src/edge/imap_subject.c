/* The base subject: RFC 5256 section 2.1. */
#include "edge/imap_keys.h"

/* "Convert all tabs and continuations to space.  Convert all multiple spaces to
 * a single space." */
static enum rc
one_blank(struct span text, struct buf *out, struct err *err)
{
	bool blank = false;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		bool is = c == ' ' || c == '\t' || c == '\r' || c == '\n';
		if (!is || !blank)
			TRY(buf_add_byte(out, is ? ' ' : c, err));
		blank = is;
	}
	return RC_OK;
}

static struct span
skip_blanks(struct span text)
{
	while (span_starts(text, " "))
		text = span_after(text, 1);
	return text;
}

static struct span
cut_blanks(struct span text)
{
	while (text.len > 0 && text.data[text.len - 1] == ' ')
		text.len--;
	return text;
}

/* subj-blob = "[" *BLOBCHAR "]" *WSP: what is behind it, or all. */
static struct span
skip_blob(struct span text)
{
	if (!span_starts(text, "["))
		return text;
	for (size_t i = 1; i < text.len && text.data[i] != '['; i++)
		if (text.data[i] == ']')
			return skip_blanks(span_after(text, i + 1));
	return text;
}

/* subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":" */
static bool
skip_refwd(struct span *text)
{
	struct span rest;

	if (span_starts_nocase(*text, "fwd"))
		rest = span_after(*text, 3);
	else if (span_starts_nocase(*text, "re") ||
		 span_starts_nocase(*text, "fw"))
		rest = span_after(*text, 2);
	else
		return false;
	rest = skip_blob(skip_blanks(rest));
	if (!span_starts(rest, ":"))
		return false;
	*text = span_after(rest, 1);
	return true;
}

/* subj-leader = (*subj-blob subj-refwd) / WSP */
static bool
skip_leader(struct span *text, bool *answer)
{
	struct span rest = *text;

	if (span_starts(rest, " ")) {
		*text = span_after(rest, 1);
		return true;
	}
	for (struct span was = SPAN_NONE; was.len != rest.len;) {
		was = rest;
		rest = skip_blob(rest);
	}
	if (!skip_refwd(&rest))
		return false;
	*text = rest;
	*answer = true;
	return true;
}

/* subj-trailer = "(fwd)" / WSP */
static struct span
cut_trailers(struct span text, bool *answer)
{
	static const char fwd[] = "(fwd)";
	size_t len = sizeof(fwd) - 1;

	for (;;) {
		text = cut_blanks(text);
		if (text.len < len ||
		    !span_is_nocase(span_after(text, text.len - len), fwd))
			return text;
		text.len -= len;
		*answer = true;
	}
}

/* "If there is prefix text of the subject that matches the subj-blob ABNF, and
 * removing that prefix leaves a non-empty subj-base, then remove the prefix
 * text." */
static bool
skip_needless_blob(struct span *text)
{
	struct span rest = skip_blob(*text);

	if (rest.len == text->len || rest.len == 0)
		return false;
	*text = rest;
	return true;
}

static bool
unwrap_forward(struct span *text, bool *answer)
{
	static const char begin[] = "[fwd:";

	if (!span_starts_nocase(*text, begin) ||
	    text->data[text->len - 1] != ']')
		return false;
	*text = span_after(span_first(*text, text->len - 1), strlen(begin));
	*answer = true;
	return true;
}

enum rc
imap_base_subject(
    struct span subject, struct buf *out, bool *ret_answer, struct err *err)
{
	struct buf text BUF_OWNED = BUF_SECRET(subject.len);

	*ret_answer = false;
	TRY(one_blank(subject, &text, err));
	struct span base = buf_span(&text);
	do {
		base = cut_trailers(base, ret_answer);
		do
			while (skip_leader(&base, ret_answer))
				;
		while (skip_needless_blob(&base));
	} while (unwrap_forward(&base, ret_answer));
	return buf_add(out, base, err);
}
