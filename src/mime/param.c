#include "mime/param_priv.h"

#include <stdlib.h>
#include <strings.h>

#define FOLD_AT 78
#define PLAIN_MAX 250  /* longer values are split */
#define SECTION_MAX 60 /* characters of a split value in a line */
#define SECTIONS_MAX 60

void
param_remove(struct content *content, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < content->params; i++) {
		struct param param = content->param[i];
		if (strcasecmp(param.name, name) != 0)
			content->param[kept++] = param;
	}
	content->params = kept;
}

static size_t
column(struct span text)
{
	size_t len = 0;

	while (len < text.len && text.data[text.len - 1 - len] != '\n')
		len++;
	return len;
}

/* One "name=value", behind what is there. */
static enum rc
add_item(struct span item, struct buf *out, struct err *err)
{
	bool fits = column(buf_span(out)) + item.len + 2 <= FOLD_AT;

	TRY(buf_add_str(out, fits ? "; " : ";\r\n ", err));
	return buf_add(out, item, err);
}

static bool
is_attribute_byte(char c)
{
	return c > 0x20 && c < 0x7f &&
	       strchr("()<>@,;:\\\"/[]?=*'%", c) == NULL;
}

/* Every byte that is no plain character as a percent code (RFC 2231). */
static enum rc
percent_encode(const char *value, struct buf *out, struct err *err)
{
	for (; *value != '\0'; value++) {
		if (is_attribute_byte(*value))
			TRY(buf_add_byte(out, (uint8_t)*value, err));
		else
			TRY(buf_add_format(
			    out, err, "%%%02X", (uint8_t)*value));
	}
	return RC_OK;
}

/* How much of `text` makes a section: never half a percent code. */
static size_t
section_len(struct span text)
{
	size_t len = text.len < SECTION_MAX ? text.len : SECTION_MAX;

	if (len == text.len)
		return len;
	for (size_t back = 1; back <= 2; back++)
		if (text.data[len - back] == '%')
			return len - back;
	return len;
}

static enum rc
add_extended(const struct param *param, struct buf *out, struct err *err)
{
	struct buf codes BUF_OWNED = BUF_SMALL;

	TRY(percent_encode(param->value, &codes, err));
	struct span rest = buf_span(&codes);
	bool one = section_len(rest) == rest.len;
	for (int i = 0; rest.len > 0; i++) {
		struct buf item BUF_OWNED = BUF_SMALL;
		struct span section = span_first(rest, section_len(rest));
		if (i >= SECTIONS_MAX)
			return err_set(
			    err, RC_LIMIT, "a MIME parameter is too long");
		TRY(buf_add_str(&item, param->name, err));
		if (!one)
			TRY(buf_add_format(&item, err, "*%d", i));
		TRY(buf_add_str(&item, i == 0 ? "*=utf-8''" : "*=", err));
		TRY(buf_add(&item, section, err));
		TRY(add_item(buf_span(&item), out, err));
		rest = span_after(rest, section.len);
	}
	return RC_OK;
}

static enum rc
add_quoted(const struct param *param, struct buf *out, struct err *err)
{
	struct buf item BUF_OWNED = BUF_SMALL;

	TRY(buf_add_format(&item, err, "%s=\"", param->name));
	for (const char *c = param->value; *c != '\0'; c++) {
		if (*c == '"' || *c == '\\')
			TRY(buf_add_byte(&item, '\\', err));
		TRY(buf_add_byte(&item, (uint8_t)*c, err));
	}
	TRY(buf_add_byte(&item, '"', err));
	return add_item(buf_span(&item), out, err);
}

static bool
is_plain(const char *value)
{
	if (strlen(value) > PLAIN_MAX)
		return false;
	for (; *value != '\0'; value++)
		if ((uint8_t)*value < 0x20 || (uint8_t)*value >= 0x7f)
			return false;
	return true;
}

enum rc
param_print(const struct content *content, const char *field, struct buf *out,
    struct err *err)
{
	struct buf text BUF_OWNED = BUF_SMALL;

	TRY(buf_add_format(&text, err, "%s: %s", field, content->type));
	if (content->subtype[0] != '\0')
		TRY(buf_add_format(&text, err, "/%s", content->subtype));
	for (size_t i = 0; i < content->params; i++) {
		const struct param *param = &content->param[i];
		TRY(is_plain(param->value) ? add_quoted(param, &text, err)
					   : add_extended(param, &text, err));
	}
	return buf_add(out, buf_span(&text), err);
}

enum rc
param_append(
    const char *name, const char *value, struct buf *out, struct err *err)
{
	struct buf item BUF_OWNED = BUF_SMALL;

	TRY(buf_add_format(&item, err, "%s=\"%s\"", name, value));
	return add_item(buf_span(&item), out, err);
}
