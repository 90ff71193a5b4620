/* Characters as the rules see them.  Spellings that only look alike are one:
 * who asks for money hides the words that filters look for. */
#include "flow/request_priv.h"

struct range {
	uint32_t from, to;
};

/* Nothing is seen of them. */
static const struct range unseen[] = {{0xad, 0xad}, {0x300, 0x36f},
    {0x34f, 0x34f}, {0x180b, 0x180e}, {0x200b, 0x200f}, {0x202a, 0x202e},
    {0x2060, 0x206f}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xe0000, 0xe0fff}};

static const struct range blanks[] = {{0, 0x09}, {0x0b, 0x20}, {0x7f, 0xa0},
    {0x2000, 0x200a}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}};

/* Letters of Latin-1 without their accents. */
static const char latin[] = "aaaaaaaceeeeiiiidnooooo ouuuuypb"
			    "aaaaaaaceeeeiiiidnooooo ouuuuypy";

static const struct {
	uint32_t code;
	char is;
} alike[] = {
    {0x2018, '\''},
    {0x2019, '\''},
    {0x2bc, '\''},
    {0x2010, '-'},
    {0x2011, '-'},
    {0x2012, '-'},
    {0x2013, '-'},
    {0x2014, '-'},
    {0x131, 'i'},
    /* Greek */
    {0x391, 'a'},
    {0x392, 'b'},
    {0x395, 'e'},
    {0x396, 'z'},
    {0x397, 'h'},
    {0x399, 'i'},
    {0x39a, 'k'},
    {0x39c, 'm'},
    {0x39d, 'n'},
    {0x39f, 'o'},
    {0x3a1, 'p'},
    {0x3a4, 't'},
    {0x3a5, 'y'},
    {0x3a7, 'x'},
    {0x3b1, 'a'},
    {0x3b9, 'i'},
    {0x3bd, 'v'},
    {0x3bf, 'o'},
    {0x3c1, 'p'},
    {0x3c5, 'u'},
    /* Cyrillic */
    {0x405, 's'},
    {0x406, 'i'},
    {0x408, 'j'},
    {0x410, 'a'},
    {0x412, 'b'},
    {0x415, 'e'},
    {0x41a, 'k'},
    {0x41c, 'm'},
    {0x41d, 'h'},
    {0x41e, 'o'},
    {0x420, 'p'},
    {0x421, 'c'},
    {0x422, 't'},
    {0x423, 'y'},
    {0x425, 'x'},
    {0x430, 'a'},
    {0x435, 'e'},
    {0x43e, 'o'},
    {0x440, 'p'},
    {0x441, 'c'},
    {0x443, 'y'},
    {0x445, 'x'},
    {0x455, 's'},
    {0x456, 'i'},
    {0x458, 'j'},
    {0x4bb, 'h'},
    {0x501, 'd'},
    {0x51b, 'q'},
    {0x51d, 'w'},
};

/* --- one character ------------------------------------------------------------ */

/* What is no UTF-8 is one "?" a byte. */
static uint32_t
take_code(struct span *text)
{
	uint8_t first = text->data[0];
	size_t len = first < 0x80    ? 1
		     : first >= 0xf0 ? 4
		     : first >= 0xe0 ? 3
		     : first >= 0xc2 ? 2
				     : 0;
	uint32_t code = len < 2 ? first : first & (0x7fU >> len);

	if (len == 0 || len > text->len || first > 0xf4)
		len = 0;
	for (size_t i = 1; i < len; i++) {
		if ((text->data[i] & 0xc0) != 0x80) {
			len = 0;
			break;
		}
		code = code << 6 | (text->data[i] & 0x3f);
	}
	*text = span_after(*text, len == 0 ? 1 : len);
	return len == 0 ? '?' : code;
}

static bool
is_in(uint32_t code, const struct range *ranges, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (code >= ranges[i].from && code <= ranges[i].to)
			return true;
	return false;
}

/* Full-width, circled and mathematical letters; those of other scripts. */
static uint32_t
plain_letter(uint32_t code)
{
	if (code >= 0xff01 && code <= 0xff5e)
		return code - 0xff01 + '!';
	if (code >= 0x24b6 && code <= 0x24e9)
		return 'a' + (code - 0x24b6) % 26;
	if (code >= 0x1d400 && code <= 0x1d6a3)
		return 'a' + (code - 0x1d400) % 26;
	if (code >= 0x1d7ce && code <= 0x1d7ff)
		return '0' + (code - 0x1d7ce) % 10;
	if (code >= 0xc0 && code <= 0xff)
		return (uint8_t)latin[code - 0xc0];
	for (size_t i = 0; i < sizeof(alike) / sizeof(alike[0]); i++)
		if (alike[i].code == code)
			return (uint8_t)alike[i].is;
	return code;
}

static size_t
put_code(uint32_t code, char ret[4])
{
	if (code < 0x80) {
		ret[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		ret[0] = (char)(0xc0 | code >> 6);
		ret[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		ret[0] = (char)(0xe0 | code >> 12);
		ret[1] = (char)(0x80 | (code >> 6 & 0x3f));
		ret[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	ret[0] = (char)(0xf0 | (code >> 18 & 7));
	ret[1] = (char)(0x80 | (code >> 12 & 0x3f));
	ret[2] = (char)(0x80 | (code >> 6 & 0x3f));
	ret[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

static bool
ends_sentence(uint32_t code, struct span rest)
{
	if (code == 0x3002 || code == 0xff61 || code == 0xff01 ||
	    code == 0xff1f || code == 0xff1b)
		return true;
	bool mark = code == '.' || code == '!' || code == '?';
	return mark && (rest.len == 0 || rest.data[0] <= ' ');
}

size_t
request_fold(struct span *text, char ret[4])
{
	uint32_t code = take_code(text);

	if (code == '\n' || ends_sentence(code, *text)) {
		ret[0] = '\n';
		return 1;
	}
	if (code >= 0x80 &&
	    is_in(code, unseen, sizeof(unseen) / sizeof(unseen[0])))
		return 0;
	if (is_in(code, blanks, sizeof(blanks) / sizeof(blanks[0]))) {
		ret[0] = ' ';
		return 1;
	}
	if (code >= 0x80)
		code = plain_letter(code);
	if (code >= 'A' && code <= 'Z')
		code |= 0x20;
	return put_code(code, ret);
}
