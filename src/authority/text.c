#include "authority/text.h"

#define CONTROL_MAX 0x1f
#define DELETE 0x7f

size_t
text_len(struct span text)
{
	uint8_t c = text.len > 0 ? text.data[0] : 0xff;
	size_t len = c < 0x80   ? 1
		     : c < 0xc2 ? 0
		     : c < 0xe0 ? 2
		     : c < 0xf0 ? 3
				: 4;

	if (len == 0 || len > text.len || c > 0xf4)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((text.data[i] & 0xc0) != 0x80)
			return 0;
	bool bad = len > 1 && ((c == 0xe0 && text.data[1] < 0xa0) ||
				  (c == 0xed && text.data[1] > 0x9f) ||
				  (c == 0xf0 && text.data[1] < 0x90) ||
				  (c == 0xf4 && text.data[1] > 0x8f));
	return bad ? 0 : len;
}

size_t
text_count(struct span text)
{
	size_t count = 0;

	for (size_t used; text.len > 0; text = span_after(text, used)) {
		used = text_len(text);
		if (used == 0)
			return 0;
		count++;
	}
	return count;
}

bool
text_is_hidden(struct span text)
{
	uint8_t c = text.len > 0 ? text.data[0] : ' ';
	uint8_t second = text.len > 1 ? text.data[1] : 0;
	uint8_t third = text.len > 2 ? text.data[2] : 0;

	if (c <= CONTROL_MAX || c == DELETE || (c == 0xc2 && second < 0xa0))
		return true;
	if (c != 0xe2)
		return c == 0xef && second == 0xbb && third == 0xbf;
	return (second == 0x80 && ((third >= 0x8b && third <= 0x8f) ||
				      (third >= 0xa8 && third <= 0xae))) ||
	       (second == 0x81 && third >= 0xa0 && third <= 0xaf);
}
