#include "flow/words.h"

#include <stddef.h>
#include <string.h>

/* In characters; tools/words-table counts with the same. */
#define ADDRESS_SHOWN 48
#define NAME_SHOWN 30
#define FRONT 12 /* of a name that is cut; then three dots */

/* --- looking up -------------------------------------------------------------- */

const struct words *
words_find(const char *code, const char *level)
{
	const struct words *all = NULL;

	for (const struct words *w = words_table; w->code != NULL; w++) {
		if (strcmp(w->code, code) != 0)
			continue;
		if (!strcmp(w->level, level))
			return w;
		if (w->level[0] == '\0')
			all = w;
	}
	return all;
}

const char *
words_label(const char *label, enum language language)
{
	const struct words *words = words_find(label, "");

	return words == NULL ? label : words->says[language];
}

bool
words_language(const char *name, enum language *ret)
{
	static const char *const names[] = {
	    [LANGUAGE_ENGLISH] = "en",
	    [LANGUAGE_CHINESE] = "zh",
	};

	for (size_t i = 0; i < LANGUAGES; i++) {
		if (strcmp(name, names[i]) != 0)
			continue;
		*ret = (enum language)i;
		return true;
	}
	return false;
}

enum language
words_language_of_locale(const char *locale)
{
	size_t len = strcspn(locale, "_.@-");
	bool chinese = span_is_nocase(span_of(locale, len), "zh");

	return chinese ? LANGUAGE_CHINESE : LANGUAGE_ENGLISH;
}

/* --- names ---------------------------------------------------------------------- */

/* One character; 0 if there is no UTF-8 (RFC 3629). */
static size_t
take_character(const char *text, uint32_t *ret)
{
	const uint8_t *s = (const uint8_t *)text;
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

	*ret = len == 1 ? s[0] : s[0] & (0xffU >> (len + 1));
	if (s[0] >= 0x80 && (s[0] < 0xc2 || s[0] > 0xf4))
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*ret = *ret << 6 | (s[i] & 0x3fU);
	}
	if (*ret < least[len] || *ret > 0x10ffff || (*ret >> 11) == 0x1b)
		return 0;
	return len;
}

/* Blanks, punctuation, format and control characters beyond ASCII: nothing
 * that an address or a name needs in order to be known again. */
static bool
is_hidden_or_punctuation(uint32_t c)
{
	static const uint32_t ranges[][2] = {{0x80, 0xbf}, {0xd7, 0xd7},
	    {0xf7, 0xf7}, {0x34f, 0x34f}, {0x61c, 0x61c}, {0x115f, 0x1160},
	    {0x1680, 0x1680}, {0x17b4, 0x17b5}, {0x180b, 0x180f},
	    {0x2000, 0x206f}, {0x2e00, 0x2e7f}, {0x2ff0, 0x2fff},
	    {0x3000, 0x3004}, {0x3008, 0x3020}, {0x3164, 0x3164},
	    {0xe000, 0xf8ff}, {0xfe00, 0xfe6f}, {0xfeff, 0xff0f},
	    {0xff1a, 0xff20}, {0xff3b, 0xff40}, {0xff5b, 0xff65},
	    {0xffa0, 0xffa0}, {0xffe0, 0xffff}, {0xe0000, 0x10ffff}};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i][0] && c <= ranges[i][1])
			return true;
	return false;
}

/* A quoted local part may hold whole sentences: `"Signed by x; as of"@evil`. */
static bool
may_show(uint32_t c, const char *beside)
{
	if (c >= 0x80)
		return !is_hidden_or_punctuation(c);
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z') ||
	       (c > ' ' && strchr("!#$%&'*+-/=?^_`{|}~.@", (int)c) != NULL) ||
	       (c != '\0' && strchr(beside, (int)c) != NULL);
}

/* What is written so far, and what may be. */
struct line {
	char *to;
	size_t len;
};

static void
add(struct line *line, const char *text, size_t len)
{
	if (len >= WORDS_MAX - line->len)
		return;
	memcpy(line->to + line->len, text, len);
	line->len += len;
	line->to[line->len] = '\0';
}

static void
add_str(struct line *line, const char *text)
{
	add(line, text, strlen(text));
}

/* The length in bytes of the next character of a name, whatever it is. */
static size_t
step(const char *name, const char *beside, bool *ret_shown)
{
	uint32_t c = 0;
	size_t len = take_character(name, &c);

	*ret_shown = len > 0 && may_show(c, beside);
	return len > 0 ? len : 1;
}

static size_t
count(const char *name)
{
	size_t characters = 0;
	bool shown;

	for (; *name != '\0'; characters++)
		name += step(name, "", &shown);
	return characters;
}

static void
add_characters(struct line *line, const char *name, size_t from, size_t to,
    const char *beside)
{
	size_t len;
	bool shown;

	for (size_t i = 0; *name != '\0' && i < to; i++, name += len) {
		len = step(name, beside, &shown);
		if (i >= from)
			add(line, shown ? name : "?", shown ? len : 1);
	}
}

/* Hebrew, Arabic and their like: they turn what stands beside them. */
static bool
is_right_to_left(uint32_t c)
{
	return (c >= 0x590 && c <= 0x8ff) || (c >= 0xfb1d && c <= 0xfdff) ||
	       (c >= 0xfe70 && c <= 0xfefc) || (c >= 0x10800 && c <= 0x10fff) ||
	       (c >= 0x1e800 && c <= 0x1efff);
}

static bool
turns_text(const char *name)
{
	uint32_t c = 0;

	for (size_t len; *name != '\0'; name += len > 0 ? len : 1) {
		len = take_character(name, &c);
		if (len > 0 && is_right_to_left(c))
			return true;
	}
	return false;
}

/* The end of an address matters: it is the domain.  What turns the text beside
 * it is isolated (UAX #9). */
static void
add_name(struct line *line, const char *name, size_t most, const char *beside)
{
	bool alone = turns_text(name);
	size_t all = count(name);

	if (alone) {
		most -= 2;
		add_str(line, "\xe2\x81\xa8");
	}
	if (all <= most) {
		add_characters(line, name, 0, all, beside);
	} else {
		add_characters(line, name, 0, FRONT, beside);
		add_str(line, "...");
		add_characters(
		    line, name, all - (most - FRONT - 3), all, beside);
	}
	if (alone)
		add_str(line, "\xe2\x81\xa9");
}

static void
add_part(struct line *line, const char *part, enum language language)
{
	const char *says = words_label("word.part", language);
	const char *at = strstr(says, "{number}");
	size_t letters = strcspn(part, "0123456789");

	if (at == NULL)
		return;
	add(line, says, (size_t)(at - says));
	add_characters(line, part + letters, 0, 10, "");
	add_str(line, at + strlen("{number}"));
}

/* --- sentences -------------------------------------------------------------------- */

/* What may stand in braces. */
struct place {
	const char *name;
	size_t at;          /* in struct words_names */
	const char *nobody; /* the label where there is no name */
	size_t most;
	const char *beside; /* may be in it too */
};

#define AT(field) offsetof(struct words_names, field)
static const struct place places[] = {
    {"from", AT(from), "word.somebody", ADDRESS_SHOWN, "[]:"},
    {"signer", AT(signer), "word.somebody", ADDRESS_SHOWN, "[]:"},
    {"imitated", AT(imitated), "word.another", ADDRESS_SHOWN, " ,()"},
    {"organisation", AT(organisation), "word.somebody", NAME_SHOWN, " ,()"},
};

static void
add_named(struct line *line, const struct place *place,
    const struct words_names *names, enum language language)
{
	const char *name =
	    *(const char *const *)((const char *)names + place->at);

	if (name == NULL || name[0] == '\0')
		add_str(line, words_label(place->nobody, language));
	else
		add_name(line, name, place->most, place->beside);
}

static void
add_place(struct line *line, struct span name, const struct words_names *names,
    enum language language)
{
	if (names->part != NULL && span_is(name, span_str("part")))
		add_part(line, names->part, language);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (span_is(name, span_str(places[i].name)))
			add_named(line, &places[i], names, language);
}

void
words_fill(const char *says, const struct words_names *names,
    enum language language, char ret[WORDS_MAX])
{
	struct line line = {.to = ret};

	ret[0] = '\0';
	for (;;) {
		size_t text = strcspn(says, "{");
		add(&line, says, text);
		says += text;
		if (*says == '\0')
			return;
		size_t place = strcspn(says + 1, "}");
		add_place(&line, span_of(says + 1, place), names, language);
		says += 1 + place + (says[1 + place] == '}');
	}
}
