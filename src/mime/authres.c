#include "mime/authres.h"

#include <stdlib.h>

#define COMMENTS_MAX 50 /* in each other */

void
authres_done(struct authres *authres)
{
	for (size_t i = 0; i < authres->len; i++)
		free(authres->item[i].property);
	free(authres->item);
	*authres = AUTHRES_NONE;
}

/* --- tokens -------------------------------------------------------------------- */

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static enum rc
broken(struct err *err)
{
	return err_set(err, RC_SYNTAX, "no proper Authentication-Results");
}

static enum rc
skip_comment(struct span *in, struct err *err)
{
	unsigned depth = 0;

	for (size_t i = 0; i < in->len; i++) {
		uint8_t c = in->data[i];
		if (c == '\\')
			i++;
		else if (c == '(' && ++depth > COMMENTS_MAX)
			break;
		else if (c == ')' && --depth == 0) {
			*in = span_after(*in, i + 1);
			return RC_OK;
		}
	}
	return broken(err);
}

static enum rc
skip_blanks(struct span *in, struct err *err)
{
	while (in->len > 0) {
		if (in->data[0] == '(')
			TRY(skip_comment(in, err));
		else if (is_blank(in->data[0]))
			*in = span_after(*in, 1);
		else
			break;
	}
	return RC_OK;
}

/* Takes that sign, if it is what comes next behind blanks. */
static enum rc
take_sign(struct span *in, char sign, bool *ret, struct err *err)
{
	TRY(skip_blanks(in, err));
	*ret = in->len > 0 && in->data[0] == (uint8_t)sign;
	if (*ret)
		*in = span_after(*in, 1);
	return RC_OK;
}

static enum rc
want_sign(struct span *in, char sign, struct err *err)
{
	bool there = false;

	TRY(take_sign(in, sign, &there, err));
	return there ? RC_OK : broken(err);
}

struct text {
	char *at; /* the caller's, of `max` + 1 bytes */
	size_t len, max;
};

static enum rc
add(struct text *text, uint8_t c, struct err *err)
{
	if (c < ' ' || c == 0x7f)
		return broken(err);
	if (text->len == text->max)
		return err_set(err, RC_LIMIT,
		    "Authentication-Results with a value of more than %zu "
		    "bytes",
		    text->max);
	text->at[text->len++] = (char)c;
	text->at[text->len] = '\0';
	return RC_OK;
}

static enum rc
take_quoted(struct span *in, struct text *text, struct err *err)
{
	for (size_t i = 1; i < in->len; i++) {
		uint8_t c = in->data[i];
		if (c == '"') {
			*in = span_after(*in, i + 1);
			return RC_OK;
		}
		if (c == '\\' && ++i < in->len)
			c = in->data[i];
		if (c != '\r' && c != '\n')
			TRY(add(text, c, err));
	}
	return broken(err);
}

/* A quoted string, or what stands before a blank, a comment or one of `ends`;
 * behind blanks.  At least one byte. */
static enum rc
take_value(struct span *in, const char *ends, struct text text, struct err *err)
{
	text.at[0] = '\0';
	TRY(skip_blanks(in, err));
	if (in->len > 0 && in->data[0] == '"') {
		TRY(take_quoted(in, &text, err));
		return text.len > 0 ? RC_OK : broken(err);
	}
	while (in->len > 0 && !is_blank(in->data[0]) && in->data[0] != '(' &&
	       strchr(ends, in->data[0]) == NULL) {
		TRY(add(&text, in->data[0], err));
		*in = span_after(*in, 1);
	}
	return text.len > 0 ? RC_OK : broken(err);
}

static void
make_lower(char *text)
{
	for (; *text != '\0'; text++)
		if (*text >= 'A' && *text <= 'Z')
			*text = (char)(*text | 0x20);
}

static enum rc
take_word(struct span *in, const char *ends, char ret[AUTHRES_WORD_MAX + 1],
    struct err *err)
{
	TRY(take_value(in, ends, (struct text){ret, 0, AUTHRES_WORD_MAX}, err));
	make_lower(ret);
	return RC_OK;
}

/* --- the parts of a field --------------------------------------------------------- */

/* "dkim/1 = pass" */
static enum rc
parse_method(struct span *in, struct authres_result *ret, struct err *err)
{
	char version[AUTHRES_WORD_MAX + 1];
	bool there = false;

	TRY(take_word(in, "/=;", ret->method, err));
	TRY(take_sign(in, '/', &there, err));
	if (there)
		TRY(take_word(in, "=;", version, err));
	/* section 2.2: a version that is not said is 1 */
	if (there && strcmp(version, "1") != 0)
		return broken(err);
	TRY(want_sign(in, '=', err));
	return take_word(in, ";", ret->result, err);
}

/* "smtp.mailfrom=alice@example.org"; or "reason=...", which says nothing. */
static enum rc
parse_property(struct span *in, struct authres_property *ret, struct err *err)
{
	char type[AUTHRES_WORD_MAX + 1], name[AUTHRES_WORD_MAX + 1] = "";
	struct text value = {ret->value, 0, AUTHRES_VALUE_MAX};
	bool there = false;

	TRY(take_word(in, ".=;", type, err));
	TRY(take_sign(in, '.', &there, err));
	if (there)
		TRY(take_word(in, "=;", name, err));
	TRY(want_sign(in, '=', err));
	TRY(take_value(in, ";", value, err));
	size_t type_len = strlen(type), name_len = strlen(name);
	memcpy(ret->name, type, type_len);
	ret->name[type_len] = '.';
	memcpy(ret->name + type_len + 1, name, name_len + 1);
	return RC_OK;
}

static enum rc
add_property(struct span *in, struct authres_result *result, struct err *err)
{
	struct authres_property *property;

	if (result->properties == AUTHRES_PROPERTIES_MAX)
		return err_set(err, RC_LIMIT,
		    "Authentication-Results with more than %d properties",
		    AUTHRES_PROPERTIES_MAX);
	property = reallocarray(
	    result->property, result->properties + 1, sizeof(*property));
	if (property == NULL)
		return err_nomem(err, "Authentication-Results");
	result->property = property;
	TRY(parse_property(in, &property[result->properties], err));
	result->properties++;
	return RC_OK;
}

/* Behind ";": up to the next one, or the end. */
static enum rc
parse_result(struct span *in, struct authres_result *ret, struct err *err)
{
	TRY(parse_method(in, ret, err));
	for (;;) {
		TRY(skip_blanks(in, err));
		if (in->len == 0 || in->data[0] == ';')
			return RC_OK;
		TRY(add_property(in, ret, err));
	}
}

static enum rc
add_result(struct span *in, struct authres *ret, struct err *err)
{
	struct authres_result *item;

	if (ret->len == AUTHRES_RESULTS_MAX)
		return err_set(err, RC_LIMIT,
		    "Authentication-Results with more than %d results",
		    AUTHRES_RESULTS_MAX);
	item = reallocarray(ret->item, ret->len + 1, sizeof(*item));
	if (item == NULL)
		return err_nomem(err, "Authentication-Results");
	ret->item = item;
	item[ret->len] = (struct authres_result){.properties = 0};
	/* counted first: what it has is freed with the rest */
	return parse_result(in, &item[ret->len++], err);
}

/* "none" alone, behind the first ";" */
static enum rc
take_none(struct span *in, bool *ret, struct err *err)
{
	struct span rest = *in;
	char word[AUTHRES_WORD_MAX + 1];
	struct err ignored = ERR_NONE;

	*ret = false;
	if (take_word(&rest, "/=;", word, &ignored) != RC_OK ||
	    strcmp(word, "none") != 0)
		return RC_OK;
	TRY(skip_blanks(&rest, err));
	*ret = rest.len == 0;
	return RC_OK;
}

static enum rc
parse_server(struct span *in, struct authres *ret, struct err *err)
{
	char version[AUTHRES_WORD_MAX + 1];

	TRY(take_value(
	    in, ";", (struct text){ret->server, 0, AUTHRES_VALUE_MAX}, err));
	make_lower(ret->server);
	TRY(skip_blanks(in, err));
	if (in->len == 0 || in->data[0] == ';')
		return RC_OK;
	TRY(take_word(in, ";", version, err));
	return strcmp(version, "1") == 0 ? RC_OK : broken(err);
}

static enum rc
parse_results(struct span in, struct authres *ret, struct err *err)
{
	bool none = false;

	TRY(want_sign(&in, ';', err));
	TRY(take_none(&in, &none, err));
	while (!none) {
		TRY(add_result(&in, ret, err));
		TRY(skip_blanks(&in, err));
		if (in.len == 0)
			break;
		TRY(want_sign(&in, ';', err));
		TRY(skip_blanks(&in, err));
		if (in.len == 0) /* some end with one ";" too many */
			break;
	}
	return RC_OK;
}

enum rc
authres_parse(struct span value, struct authres *ret, struct err *err)
{
	*ret = AUTHRES_NONE;
	TRY(parse_server(&value, ret, err));
	enum rc rc = parse_results(value, ret, err);
	if (rc == RC_OK)
		return RC_OK;
	for (size_t i = 0; i < ret->len; i++)
		free(ret->item[i].property);
	free(ret->item);
	ret->item = NULL;
	ret->len = 0;
	return rc;
}

const char *
authres_property(const struct authres_result *result, const char *name)
{
	for (size_t i = 0; i < result->properties; i++)
		if (strcmp(result->property[i].name, name) == 0)
			return result->property[i].value;
	return "";
}
