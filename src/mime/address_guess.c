/* What stands in a field that is no address list. */
#include <string.h>

#include "codec/word.h"
#include "mime/address.h"

#define TEXT_MAX ((size_t)256 * 1024)

static bool
is_part(uint8_t c)
{
	return c > 0x20 && c != 0x7f && strchr("()<>[]:;@\\,\"", c) == NULL;
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* What is in front of the "@" at `at`, with blanks or a quote between. */
static struct span
find_local(struct span text, size_t at)
{
	size_t end = at;

	while (end > 0 && is_blank(text.data[end - 1]))
		end--;
	if (end > 0 && text.data[end - 1] == '"')
		end--;
	size_t begin = end;
	while (begin > 0 && is_part(text.data[begin - 1]))
		begin--;
	return span_first(span_after(text, begin), end - begin);
}

static struct span
find_domain(struct span text, size_t at)
{
	size_t begin = at + 1;

	while (begin < text.len && is_blank(text.data[begin]))
		begin++;
	size_t end = begin;
	while (end < text.len && is_part(text.data[end]))
		end++;
	while (end > begin && text.data[end - 1] == '.')
		end--;
	return span_first(span_after(text, begin), end - begin);
}

static enum rc
add_guess(struct span text, size_t at, struct mailboxes *list, struct err *err)
{
	struct buf address BUF_OWNED = BUF(TEXT_MAX + 1);
	struct span local = find_local(text, at);
	struct err ignored = ERR_NONE;

	TRY(buf_add(&address, local, err));
	TRY(buf_add_byte(&address, '@', err));
	TRY(buf_add(&address, find_domain(text, at), err));
	enum rc rc = mailboxes_parse(buf_span(&address), list, &ignored);
	return rc == RC_NOMEM ? err_nomem(err, "addresses") : RC_OK;
}

enum rc
mailboxes_guess(struct span value, struct mailboxes *list, struct err *err)
{
	struct buf decoded BUF_OWNED = BUF(4 * TEXT_MAX);

	/* some programs decode encoded words anywhere */
	TRY(word_decode(span_first(value, TEXT_MAX), &decoded, err));
	struct span text = buf_span(&decoded);
	for (size_t at = 0; at < text.len && list->len < ADDRESS_MAX; at++)
		if (text.data[at] == '@')
			TRY(add_guess(text, at, list, err));
	return RC_OK;
}
