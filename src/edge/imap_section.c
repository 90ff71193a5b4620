#include "edge/imap_section.h"

#include "edge/imap_set.h"

void
imap_section_done(struct imap_section *section)
{
	strlist_done(&section->names);
}

/* message/global has another grammar (RFC 6532), which IMAP4rev1 does not
 * know: such a part is a leaf. */
bool
imap_section_is_message(const struct entity *part)
{
	return entity_is(part, "message", "rfc822") && part->child != NULL;
}

/* --- parsing --- */

/* Take "1.2." or "1.2" off the front. */
static enum rc
parse_path(struct span *text, struct imap_section *ret, struct err *err)
{
	while (text->len > 0 && text->data[0] >= '0' && text->data[0] <= '9') {
		size_t len = 0;
		while (len < text->len && text->data[len] >= '0' &&
		       text->data[len] <= '9')
			len++;
		if (ret->depth == IMAP_PATH_MAX)
			return err_set(err, RC_LIMIT,
			    "a part number is deeper than %d", IMAP_PATH_MAX);
		uint32_t *at = &ret->path[ret->depth++];
		TRY(imap_number_parse(span_first(*text, len), at, err));
		if (*at == 0)
			return err_set(err, RC_SYNTAX, "parts begin with 1");
		*text = span_after(*text, len);
		if (text->len == 0)
			return RC_OK;
		if (text->data[0] != '.' || text->len == 1)
			break;
		*text = span_after(*text, 1);
	}
	return RC_OK;
}

static enum rc
parse_names(struct span list, struct strlist *ret, struct err *err)
{
	struct imap_walk walk = {list};
	struct imap_token token;

	TRY(imap_walk_next(&walk, &token, err));
	if (token.kind != IMAP_OPEN)
		return err_set(err, RC_SYNTAX, "header names are missing");
	for (;;) {
		struct buf name BUF_OWNED = BUF(1000);
		TRY(imap_walk_next(&walk, &token, err));
		if (token.kind == IMAP_CLOSE)
			break;
		TRY(imap_token_value(&token, &name, err));
		if (ret->len == IMAP_NAMES_MAX)
			return err_set(err, RC_LIMIT,
			    "more than %d header names", IMAP_NAMES_MAX);
		/* what no field can be called is not echoed */
		for (size_t i = 0; i < name.len; i++)
			if (name.data[i] <= ' ' || name.data[i] >= 0x7f ||
			    name.data[i] == ':')
				return err_set(
				    err, RC_SYNTAX, "this is no header name");
		TRY(strlist_add(ret, buf_span(&name), err));
	}
	TRY(imap_walk_next(&walk, &token, err));
	if (token.kind != IMAP_END || ret->len == 0)
		return err_set(err, RC_SYNTAX, "bad list of header names");
	return RC_OK;
}

static const struct {
	const char *name;
	enum imap_text text;
} texts[] = {
    {"HEADER", IMAP_TEXT_HEADER},
    {"HEADER.FIELDS", IMAP_TEXT_FIELDS},
    {"HEADER.FIELDS.NOT", IMAP_TEXT_FIELDS_NOT},
    {"TEXT", IMAP_TEXT_BODY},
    {"MIME", IMAP_TEXT_MIME},
};

static enum rc
parse_text(struct span text, struct imap_section *ret, struct err *err)
{
	ptrdiff_t space = span_find_byte(text, ' ');
	struct span word = space < 0 ? text : span_first(text, (size_t)space);
	bool found = false;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (span_is_nocase(word, texts[i].name)) {
			ret->text = texts[i].text;
			found = true;
		}
	if (!found || (ret->text == IMAP_TEXT_MIME && ret->depth == 0))
		return err_set(err, RC_SYNTAX, "unknown section");
	bool has_names =
	    ret->text == IMAP_TEXT_FIELDS || ret->text == IMAP_TEXT_FIELDS_NOT;
	if (has_names != (space >= 0))
		return err_set(err, RC_SYNTAX, "bad section");
	if (!has_names)
		return RC_OK;
	return parse_names(span_after(text, (size_t)space), &ret->names, err);
}

static enum rc
parse(struct span text, struct imap_section *ret, struct err *err)
{
	TRY(parse_path(&text, ret, err));
	return text.len == 0 ? RC_OK : parse_text(text, ret, err);
}

enum rc
imap_section_parse(struct span text, struct imap_section *ret, struct err *err)
{
	struct imap_section section = IMAP_SECTION_NONE;
	enum rc rc = parse(text, &section, err);

	if (rc == RC_OK)
		*ret = section;
	else
		imap_section_done(&section);
	return rc;
}

/* --- printing --- */

static bool
is_atom(const char *text)
{
	for (; *text != '\0'; text++)
		if (strchr("(){%*\"\\]", *text) != NULL)
			return false;
	return true;
}

static enum rc
print_names(const struct strlist *names, struct buf *out, struct err *err)
{
	TRY(buf_add_str(out, " (", err));
	for (size_t i = 0; i < names->len; i++) {
		const char *name = names->item[i];
		TRY(buf_add_str(out, i == 0 ? "" : " ", err));
		TRY(is_atom(name)
			? buf_add_str(out, name, err)
			: imap_print_string(span_str(name), out, err));
	}
	return buf_add_str(out, ")", err);
}

enum rc
imap_section_print(
    const struct imap_section *section, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < section->depth; i++)
		TRY(buf_add_format(
		    out, err, "%s%u", i == 0 ? "" : ".", section->path[i]));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].text == section->text)
			TRY(buf_add_format(out, err, "%s%s",
			    section->depth > 0 ? "." : "", texts[i].name));
	return section->names.len == 0 ? RC_OK
				       : print_names(&section->names, out, err);
}

/* --- finding --- */

static const struct entity *
child_at(const struct entity *parent, uint32_t number)
{
	const struct entity *child = parent->child;

	while (child != NULL && --number > 0)
		child = child->next;
	return child;
}

/* Where a part number has led so far. */
struct place {
	const struct entity *part;
	bool message; /* the part is the root of a message */
	bool itself;  /* the last number was the 1 of what has no parts */
};

/* One number further: RFC 3501 section 6.4.5: "Non-multipart [MIME-IMB]
 * messages, and non-multipart [MIME-IMB] messages with no encapsulated
 * message, only have a part 1", which is the message itself; servers give
 * each leaf such a part. */
static void
step(struct place *place, uint32_t number)
{
	const struct entity *at = place->part;

	if (!place->message && imap_section_is_message(at)) {
		at = at->child;
		place->itself = false;
	}
	place->message = false;
	if (entity_is(at, "multipart", NULL)) {
		place->part = child_at(at, number);
		return;
	}
	place->part = number == 1 && !place->itself ? at : NULL;
	/* a message/rfc822 at the top is its own part 1, and goes deeper */
	place->itself = !imap_section_is_message(at);
}

const struct entity *
imap_section_part(
    const struct imap_section *section, const struct entity *letter)
{
	struct place place = {letter, true, false};

	for (size_t i = 0; place.part != NULL && i < section->depth; i++)
		step(&place, section->path[i]);
	return place.part;
}

static enum rc
pick_fields(const struct imap_section *section, const struct entity *message,
    struct buf *made, struct err *err)
{
	bool want = section->text == IMAP_TEXT_FIELDS;

	for (size_t i = 0; i < message->fields.len; i++) {
		const struct field *field = &message->fields.item[i];
		bool named = false;
		for (size_t n = 0; n < section->names.len && !named; n++)
			named =
			    span_is_nocase(field->name, section->names.item[n]);
		if (named == want)
			TRY(buf_add(made, field->whole, err));
	}
	return buf_add_str(made, "\r\n", err);
}

static enum rc
find_text(const struct imap_section *section, const struct entity *message,
    struct buf *made, struct span *ret, struct err *err)
{
	if (section->text == IMAP_TEXT_HEADER)
		*ret = message->header;
	else if (section->text == IMAP_TEXT_BODY)
		*ret = message->body;
	else {
		TRY(pick_fields(section, message, made, err));
		*ret = buf_span(made);
	}
	return RC_OK;
}

static enum rc
no_part(struct err *err)
{
	return err_set(err, RC_ABSENT, "the letter has no such part");
}

enum rc
imap_section_find(const struct imap_section *section,
    const struct entity *letter, struct buf *made, struct span *ret,
    struct err *err)
{
	if (section->depth == 0 && section->text == IMAP_TEXT_ALL) {
		*ret = letter->whole;
		return RC_OK;
	}
	if (section->depth == 0)
		return find_text(section, letter, made, ret, err);
	const struct entity *part = imap_section_part(section, letter);
	if (part == NULL)
		return no_part(err);
	if (section->text == IMAP_TEXT_ALL)
		*ret = part->body;
	else if (section->text == IMAP_TEXT_MIME)
		*ret = part->header;
	else if (imap_section_is_message(part))
		return find_text(section, part->child, made, ret, err);
	else
		return no_part(err);
	return RC_OK;
}
