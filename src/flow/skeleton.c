#include "flow/skeleton.h"

#include <stdlib.h>

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/uspoof.h>
#include <unicode/ustring.h>
#include <unicode/utf16.h>
#include <unicode/utf8.h>

#include "base/own.h"

/* NFKC_Casefold lengthens a character to at most 18 units, a skeleton again
 * by as many; what grows beyond is refused. */
#define UNITS_MAX (SKELETON_TEXT_MAX * 2)

struct skeleton {
	USpoofChecker *looks;      /* for skeletons */
	USpoofChecker *scripts;    /* for restriction levels */
	const UNormalizer2 *fold;  /* NFKC_Casefold, lent by ICU */
	const UNormalizer2 *apart; /* NFD, lent by ICU */
	/* the skeleton of each ASCII character; most text is nothing else */
	char ascii[128][3];
};

struct units {
	UChar at[UNITS_MAX];
	int32_t len;
};

OWNER(struct skeleton, skeleton_free);

static enum rc
icu_failed(UErrorCode code, struct err *err)
{
	if (code == U_BUFFER_OVERFLOW_ERROR)
		return err_set(err, RC_LIMIT, "text grows beyond %d characters",
		    UNITS_MAX);
	return err_set(err, RC_UNFIT, "ICU: %s", u_errorName(code));
}

/* --- a text of any script -------------------------------------------------*/

static enum rc
to_units(struct span text, struct units *ret, struct err *err)
{
	UErrorCode code = U_ZERO_ERROR;

	u_strFromUTF8(ret->at, UNITS_MAX, &ret->len, (const char *)text.data,
	    (int32_t)text.len, &code);
	if (code == U_INVALID_CHAR_FOUND)
		return err_set(err, RC_SYNTAX, "text is not UTF-8");
	return U_SUCCESS(code) ? RC_OK : icu_failed(code, err);
}

static enum rc
normalize(const UNormalizer2 *how, const struct units *from, struct units *ret,
    struct err *err)
{
	UErrorCode code = U_ZERO_ERROR;

	ret->len = unorm2_normalize(
	    how, from->at, from->len, ret->at, UNITS_MAX, &code);
	return U_SUCCESS(code) ? RC_OK : icu_failed(code, err);
}

/* Case first: a domain is shown in lower case, and I would be l.  Case once
 * more at the end: the skeleton of 0 is O. */
static enum rc
look(const struct skeleton *s, struct span text, struct units *ret,
    struct err *err)
{
	UErrorCode code = U_ZERO_ERROR;
	struct units a, b;

	TRY(to_units(text, &a, err));
	TRY(normalize(s->fold, &a, &b, err));
	a.len = uspoof_getSkeleton(
	    s->looks, 0, b.at, b.len, a.at, UNITS_MAX, &code);
	if (U_FAILURE(code))
		return icu_failed(code, err);
	TRY(normalize(s->fold, &a, &b, err));
	return normalize(s->apart, &b, ret, err);
}

static enum rc
add_units(const struct units *units, struct buf *ret, struct err *err)
{
	UErrorCode code = U_ZERO_ERROR;
	uint8_t *room = NULL;
	int32_t len = 0;

	TRY(buf_reserve(ret, UNITS_MAX * 3, &room, err));
	u_strToUTF8(
	    (char *)room, UNITS_MAX * 3, &len, units->at, units->len, &code);
	if (U_FAILURE(code))
		return icu_failed(code, err);
	buf_grown(ret, (size_t)len);
	return RC_OK;
}

static bool
is_mark(UChar32 c)
{
	int8_t type = u_charType(c);

	return type == U_NON_SPACING_MARK || type == U_ENCLOSING_MARK;
}

/* "LATIN SMALL LETTER P WITH HOOK", "LATIN LETTER SMALL CAPITAL P": a p, with
 * something about it.  0 if its name says no such thing. */
static UChar32
named_letter(UChar32 c)
{
	static const char *const begins[] = {
	    "LATIN SMALL LETTER ", "LATIN LETTER SMALL CAPITAL "};
	UErrorCode code = U_ZERO_ERROR;
	char name[64];

	int32_t len =
	    u_charName(c, U_UNICODE_CHAR_NAME, name, sizeof(name), &code);
	if (U_FAILURE(code) || len <= 0)
		return 0;
	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
		size_t at = strlen(begins[i]);
		if (!span_starts(span_of(name, (size_t)len), begins[i]))
			continue;
		if (name[at + 1] == '\0' || name[at + 1] == ' ')
			return name[at] | 0x20;
	}
	return 0;
}

/* Letters that read as those of ASCII, that UTS #39 keeps apart, and whose
 * names do not say it. */
static UChar32
plain_letter(UChar32 c)
{
	static const struct {
		UChar32 odd, plain;
	} letter[] = {
	    {0x0251, 'a'},
	    {0x0250, 'a'},
	    {0x0252, 'a'},
	    {0x03b1, 'a'},
	    {0x0185, 'b'},
	    {0x044c, 'b'},
	    {0x0432, 'b'},
	    {0x03b2, 'b'},
	    {0x00df, 'b'},
	    {0x00f0, 'd'},
	    {0x01dd, 'e'},
	    {0x0259, 'e'},
	    {0x025b, 'e'},
	    {0x0454, 'e'},
	    {0x03b5, 'e'},
	    {0x0437, 'e'},
	    {0x043d, 'h'},
	    {0x0269, 'i'},
	    {0x03b9, 'i'},
	    {0x0138, 'k'},
	    {0x043a, 'k'},
	    {0x03ba, 'k'},
	    {0x043c, 'm'},
	    {0x028d, 'm'},
	    {0x014b, 'n'},
	    {0x03b7, 'n'},
	    {0x043f, 'n'},
	    {0x0275, 'o'},
	    {0x03c3, 'o'},
	    {0x00fe, 'p'},
	    {0x01bf, 'p'},
	    {0x0433, 'r'},
	    {0x044f, 'r'},
	    {0x0442, 't'},
	    {0x03c4, 't'},
	    {0x0447, 'u'},
	    {0x03bc, 'u'},
	    {0x0446, 'u'},
	    {0x0438, 'u'},
	    {0x028b, 'v'},
	    {0x03bd, 'v'},
	    {0x03c9, 'w'},
	    {0x0461, 'w'},
	    {0x0448, 'w'},
	    {0x03c7, 'x'},
	    {0x03b3, 'y'},
	    {0x0292, 'z'},
	    {0x03b6, 'z'},
	};

	if (c < 0x80)
		return c;
	for (size_t i = 0; i < sizeof(letter) / sizeof(letter[0]); i++)
		if (letter[i].odd == c)
			return letter[i].plain;
	UChar32 named = named_letter(c);
	return named != 0 ? named : c;
}

/* ICU's own macro mixes signs. */
static UChar32
next_character(const struct units *units, int32_t *at)
{
	UChar a = units->at[(*at)++];

	if (!U16_IS_LEAD(a) || *at >= units->len ||
	    !U16_IS_TRAIL(units->at[*at]))
		return a;
	return (UChar32)U16_GET_SUPPLEMENTARY(a, units->at[(*at)++]);
}

/* In place: no result is longer than what it is made of. */
static void
strip_marks(struct units *units)
{
	int32_t from = 0, to = 0;

	while (from < units->len) {
		int32_t begin = from;
		UChar32 c = next_character(units, &from);
		if (is_mark(c))
			continue;
		UChar32 plain = plain_letter(c);
		if (plain != c) {
			units->at[to++] = (UChar)plain;
			continue;
		}
		while (begin < from)
			units->at[to++] = units->at[begin++];
	}
	units->len = to;
}

/* --- ASCII ----------------------------------------------------------------*/

static bool
is_ascii(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] >= 0x80 || text.data[i] == 0)
			return false;
	return true;
}

static enum rc
add_ascii(const struct skeleton *s, struct span text, struct buf *ret,
    struct err *err)
{
	uint8_t *room = NULL;
	size_t len = 0;

	TRY(buf_reserve(ret, text.len * 2, &room, err));
	for (size_t i = 0; i < text.len; i++)
		for (const char *c = s->ascii[text.data[i]]; *c != '\0'; c++)
			room[len++] = (uint8_t)*c;
	buf_grown(ret, len);
	return RC_OK;
}

static char
loose_letter(char c)
{
	static const char reads[128] = {
	    ['0'] = 'o',
	    ['1'] = 'l',
	    ['2'] = 'z',
	    ['3'] = 'e',
	    ['4'] = 'a',
	    ['5'] = 's',
	    ['6'] = 'g',
	    ['7'] = 't',
	    ['8'] = 'b',
	    ['9'] = 'g',
	    ['i'] = 'l',
	    ['q'] = 'g',
	    ['$'] = 's',
	    ['!'] = 'l',
	    ['|'] = 'l',
	};
	return c > 0 && reads[(int)c] != 0 ? reads[(int)c] : c;
}

/* Two letters that are one to the eye. */
static char
loose_pair(char a, char b)
{
	if (a == 'r' && b == 'n')
		return 'm';
	return a == 'v' && b == 'v' ? 'w' : '\0';
}

/* What was added behind `from` is read in a hurry; it only gets shorter. */
static void
loosen(struct buf *buf, size_t from)
{
	char *text = (char *)buf->data;
	size_t to = from;

	for (size_t i = from; i < buf->len; i++) {
		char pair =
		    to > from ? loose_pair(text[to - 1], text[i]) : '\0';
		if (pair != '\0')
			text[to - 1] = pair;
		else
			text[to++] = loose_letter(text[i]);
	}
	buf_cut(buf, to);
}

/* --- what others call -----------------------------------------------------*/

enum rc
skeleton_strict(const struct skeleton *skeleton, struct span text,
    struct buf *ret, struct err *err)
{
	struct units units;

	if (text.len > SKELETON_TEXT_MAX)
		return err_set(err, RC_LIMIT, "text is longer than %d bytes",
		    SKELETON_TEXT_MAX);
	if (is_ascii(text))
		return add_ascii(skeleton, text, ret, err);
	TRY(look(skeleton, text, &units, err));
	return add_units(&units, ret, err);
}

enum rc
skeleton_loose(const struct skeleton *skeleton, struct span text,
    struct buf *ret, struct err *err)
{
	size_t from = ret->len;
	struct units units;

	if (text.len > SKELETON_TEXT_MAX)
		return err_set(err, RC_LIMIT, "text is longer than %d bytes",
		    SKELETON_TEXT_MAX);
	if (is_ascii(text)) {
		TRY(add_ascii(skeleton, text, ret, err));
	} else {
		TRY(look(skeleton, text, &units, err));
		strip_marks(&units);
		TRY(add_units(&units, ret, err));
	}
	if (ret->len > from)
		loosen(ret, from);
	return RC_OK;
}

static bool
turns_direction(UChar32 c)
{
	return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
	       c == 0x200e || c == 0x200f || c == 0x061c;
}

static bool
shows_nothing(UChar32 c)
{
	return u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT) ||
	       u_charType(c) == U_CONTROL_CHAR;
}

static unsigned
flaws_of(struct span text)
{
	unsigned flaws = 0;

	for (size_t i = 0; i < text.len;) {
		UChar32 c = 0;
		U8_NEXT(text.data, i, text.len, c);
		if (c < 0)
			continue;
		if (turns_direction(c))
			flaws |= SKELETON_BIDI;
		else if (shows_nothing(c))
			flaws |= SKELETON_INVISIBLE;
	}
	return flaws;
}

enum rc
skeleton_check(const struct skeleton *skeleton, struct span text, unsigned *ret,
    struct err *err)
{
	UErrorCode code = U_ZERO_ERROR;
	struct units units;

	if (text.len > SKELETON_TEXT_MAX)
		return err_set(err, RC_LIMIT, "text is longer than %d bytes",
		    SKELETON_TEXT_MAX);
	TRY(to_units(text, &units, err));
	int32_t found =
	    uspoof_check(skeleton->scripts, units.at, units.len, NULL, &code);
	if (U_FAILURE(code))
		return icu_failed(code, err);
	*ret = flaws_of(text);
	if ((found & USPOOF_RESTRICTION_LEVEL) != 0)
		*ret |= SKELETON_SCRIPTS;
	return RC_OK;
}

/* --- begin and end --------------------------------------------------------*/

static enum rc
fill_ascii(struct skeleton *s, struct err *err)
{
	struct units units;

	for (char c = 1; c > 0 && c < 127; c++) {
		struct buf one BUF_OWNED = BUF_SMALL;
		TRY(look(s, span_of(&c, 1), &units, err));
		TRY(add_units(&units, &one, err));
		/* "%" looks like three, which nobody needs */
		if (one.len > 0 && one.len < sizeof(s->ascii[0]))
			memcpy(s->ascii[(int)c], one.data, one.len);
		else
			s->ascii[(int)c][0] = c;
	}
	return RC_OK;
}

enum rc
skeleton_new(struct skeleton **ret, struct err *err)
{
	UErrorCode code = U_ZERO_ERROR;
	struct skeleton *s OWNED(skeleton_free) = calloc(1, sizeof(*s));

	if (s == NULL)
		return err_nomem(err, "skeleton");
	s->looks = uspoof_open(&code);
	s->scripts = uspoof_open(&code);
	uspoof_setChecks(s->scripts, USPOOF_RESTRICTION_LEVEL, &code);
	if (U_SUCCESS(code))
		uspoof_setRestrictionLevel(
		    s->scripts, USPOOF_HIGHLY_RESTRICTIVE);
	s->fold = unorm2_getNFKCCasefoldInstance(&code);
	s->apart = unorm2_getNFDInstance(&code);
	if (U_FAILURE(code))
		return icu_failed(code, err);
	TRY(fill_ascii(s, err));
	*ret = take(s);
	return RC_OK;
}

void
skeleton_free(struct skeleton *skeleton)
{
	if (skeleton == NULL)
		return;
	uspoof_close(skeleton->looks);
	uspoof_close(skeleton->scripts);
	free(skeleton);
}
