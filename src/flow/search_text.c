#include "flow/search_text.h"

#include <stdlib.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#include "codec/word.h"
#include "flow/request_priv.h"

/* --- folding -------------------------------------------------------------------- */

/* UTF-16, as ICU has it. */
struct units {
	UChar *at;
	int32_t len;
};

#define UNITS_OWNED __attribute__((cleanup(units_done)))

static void
units_done(struct units *units)
{
	free(units->at);
}

static enum rc
units_new(int32_t len, struct units *ret, struct err *err)
{
	ret->at = calloc((size_t)len + 1, sizeof(ret->at[0]));
	ret->len = len;
	return ret->at != NULL ? RC_OK : err_nomem(err, "search");
}

static enum rc
icu_failed(UErrorCode code, struct err *err)
{
	if (code == U_MEMORY_ALLOCATION_ERROR)
		return err_nomem(err, "search");
	return err_set(err, RC_UNFIT, "ICU: %s", u_errorName(code));
}

/* At most one unit a byte. */
static enum rc
from_utf8(struct span text, struct units *ret, struct err *err)
{
	UErrorCode code = U_ZERO_ERROR;
	int32_t room = (int32_t)text.len;

	if (text.len > SEARCH_FOLDED_MAX)
		return err_set(err, RC_LIMIT, "text too long to be searched");
	TRY(units_new(room, ret, err));
	u_strFromUTF8WithSub(ret->at, room, &ret->len, (const char *)text.data,
	    room, 0xfffd, NULL, &code);
	return U_SUCCESS(code) ? RC_OK : icu_failed(code, err);
}

static enum rc
normalize(const UNormalizer2 *to, const struct units *from, struct units *ret,
    struct err *err)
{
	UErrorCode code = U_ZERO_ERROR;
	int32_t len = unorm2_normalize(to, from->at, from->len, NULL, 0, &code);

	if (code != U_BUFFER_OVERFLOW_ERROR && U_FAILURE(code))
		return icu_failed(code, err);
	code = U_ZERO_ERROR;
	TRY(units_new(len, ret, err));
	ret->len =
	    unorm2_normalize(to, from->at, from->len, ret->at, len, &code);
	return U_SUCCESS(code) ? RC_OK : icu_failed(code, err);
}

static bool
is_blank(UChar32 c)
{
	return c <= ' ' || c == 0x7f || u_isUWhiteSpace(c);
}

/* ICU's macro for this mixes signs. */
static UChar32
take_character(const struct units *units, int32_t *at)
{
	UChar lead = units->at[(*at)++];

	if (!U16_IS_LEAD(lead) || *at == units->len)
		return lead;
	UChar trail = units->at[*at];
	if (!U16_IS_TRAIL(trail))
		return lead;
	(*at)++;
	return U16_GET_SUPPLEMENTARY(lead, trail);
}

/* Without the marks that NFD has put behind their letters; blanks in a row are
 * one.  In place: it becomes shorter. */
static void
drop_marks(struct units *units)
{
	bool blank = true;
	int32_t kept = 0;

	for (int32_t i = 0, from = 0; i < units->len; from = i) {
		UChar32 c = take_character(units, &i);
		if (u_charType(c) == U_NON_SPACING_MARK ||
		    (is_blank(c) && blank))
			continue;
		blank = is_blank(c);
		if (blank)
			units->at[kept++] = ' ';
		else
			while (from < i)
				units->at[kept++] = units->at[from++];
	}
	units->len = kept;
}

/* At most three bytes a unit. */
static enum rc
add_utf8(const struct units *units, struct buf *out, struct err *err)
{
	UErrorCode code = U_ZERO_ERROR;
	int32_t len = 0;
	uint8_t *room;

	TRY(buf_reserve(out, 3 * (size_t)units->len + 1, &room, err));
	u_strToUTF8WithSub((char *)room, 3 * units->len + 1, &len, units->at,
	    units->len, 0xfffd, NULL, &code);
	if (U_FAILURE(code))
		return icu_failed(code, err);
	buf_grown(out, (size_t)len);
	return RC_OK;
}

enum rc
search_fold(struct span text, struct buf *out, struct err *err)
{
	struct units raw UNITS_OWNED = {NULL, 0};
	struct units folded UNITS_OWNED = {NULL, 0};
	struct units apart UNITS_OWNED = {NULL, 0};
	UErrorCode code = U_ZERO_ERROR;
	const UNormalizer2 *fold = unorm2_getNFKCCasefoldInstance(&code);
	const UNormalizer2 *nfd = unorm2_getNFDInstance(&code);

	if (U_FAILURE(code))
		return icu_failed(code, err);
	TRY(from_utf8(text, &raw, err));
	TRY(normalize(fold, &raw, &folded, err));
	TRY(normalize(nfd, &folded, &apart, err));
	drop_marks(&apart);
	return add_utf8(&apart, out, err);
}

/* RFC 5051 section 2: each character in title case, then decomposed. */
static void
to_title(struct units *units)
{
	for (int32_t i = 0, from = 0; i < units->len; from = i) {
		UChar32 c = u_totitle(take_character(units, &i));
		/* none leaves or enters the first plane by it */
		if (c <= 0xffff && i == from + 1)
			units->at[from] = (UChar)c;
		else if (c > 0xffff && i == from + 2) {
			units->at[from] = U16_LEAD(c);
			units->at[from + 1] = U16_TRAIL(c);
		}
	}
}

enum rc
search_collate(struct span text, struct buf *out, struct err *err)
{
	struct units raw UNITS_OWNED = {NULL, 0};
	struct units apart UNITS_OWNED = {NULL, 0};
	UErrorCode code = U_ZERO_ERROR;
	const UNormalizer2 *nfkd = unorm2_getNFKDInstance(&code);

	if (U_FAILURE(code))
		return icu_failed(code, err);
	TRY(from_utf8(text, &raw, err));
	to_title(&raw);
	TRY(normalize(nfkd, &raw, &apart, err));
	return add_utf8(&apart, out, err);
}

/* --- the header ----------------------------------------------------------------- */

static enum rc
fold_field(
    const struct field *field, bool named, struct buf *out, struct err *err)
{
	struct buf value BUF_OWNED = BUF_SECRET(2 * FIELD_SECTION_MAX);
	struct buf folded BUF_OWNED = BUF_SECRET(SEARCH_FOLDED_MAX);

	if (named) {
		TRY(buf_add(&value, field->name, err));
		TRY(buf_add_str(&value, ": ", err));
	}
	TRY(word_decode(field->value, &value, err));
	TRY(search_fold(buf_span(&value), &folded, err));
	TRY(buf_add(out, buf_span(&folded), err));
	return buf_add_byte(out, '\n', err);
}

enum rc
search_fold_fields(const struct fields *fields, const char *name,
    struct buf *out, struct err *err)
{
	for (size_t i = 0; i < fields->len; i++) {
		const struct field *field = &fields->item[i];
		if (name == NULL || span_is_nocase(field->name, name))
			TRY(fold_field(field, name == NULL, out, err));
	}
	return RC_OK;
}

/* --- the body ------------------------------------------------------------------- */

/* Whatever of an encoding can be undone. */
static enum rc
decode(const struct entity *part, struct buf *out, struct err *err)
{
	struct err ignored = ERR_NONE;

	enum rc rc = entity_decode(part, out, &ignored);
	if (rc == RC_NOMEM || rc == RC_LIMIT)
		return err_set(err, rc, "%s", ignored.text);
	return rc == RC_OK
		   ? RC_OK
		   : buf_add(out, span_first(part->body, out->max), err);
}

/* The text of one part, as UTF-8. */
static enum rc
add_text(const struct entity *part, struct buf *out, struct err *err)
{
	struct buf decoded BUF_OWNED = BUF_SECRET(part->body.len + 1);
	struct buf utf8 BUF_OWNED = BUF_SECRET(8 * SEARCH_TEXT_MAX);

	TRY(decode(part, &decoded, err));
	TRY(request_utf8(content_param(&part->type, "charset"),
	    span_first(buf_span(&decoded), SEARCH_TEXT_MAX), &utf8, err));
	if (entity_is(part, "text", "html"))
		return request_from_html(buf_span(&utf8), out, err);
	return buf_add(out, buf_span(&utf8), err);
}

static enum rc
fold_part(const struct entity *part, struct buf *out, struct err *err)
{
	struct buf text BUF_OWNED = BUF_SECRET(8 * SEARCH_TEXT_MAX);

	if (!content_is(&part->type, "text", NULL) || part->child != NULL ||
	    out->len >= SEARCH_TEXT_MAX)
		return RC_OK;
	TRY(add_text(part, &text, err));
	TRY(search_fold(
	    span_first(buf_span(&text), SEARCH_TEXT_MAX), out, err));
	return buf_add_byte(out, '\n', err);
}

/* The next of the tree, in the order in which it stands in the letter. */
static const struct entity *
next_part(const struct entity *root, const struct entity *part)
{
	if (part->child != NULL)
		return part->child;
	while (part != root && part->next == NULL)
		part = part->parent;
	return part == root ? NULL : part->next;
}

static bool
is_letter_inside(const struct entity *part)
{
	return part->parent != NULL &&
	       content_is(&part->parent->type, "message", NULL);
}

enum rc
search_fold_body(const struct entity *letter, struct buf *out, struct err *err)
{
	for (const struct entity *part = letter; part != NULL;
	     part = next_part(letter, part)) {
		if (is_letter_inside(part))
			TRY(search_fold_fields(&part->fields, NULL, out, err));
		TRY(fold_part(part, out, err));
	}
	return RC_OK;
}
