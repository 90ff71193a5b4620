#include "proto/smtp_offers_priv.h"

static struct span
next_word(struct span *text)
{
	struct span rest = span_trim(*text);
	ptrdiff_t end = span_find_byte(rest, ' ');
	size_t len = end < 0 ? rest.len : (size_t)end;

	*text = span_after(rest, len);
	return span_first(rest, len);
}

static void
read_auth(struct smtp_offers *offers, struct span rest)
{
	for (struct span word = next_word(&rest); word.len > 0;
	     word = next_word(&rest))
		offers->mechanisms |= sasl_find(word);
}

static void
read_size(struct smtp_offers *offers, struct span rest)
{
	struct span word = next_word(&rest);
	unsigned long long size = 0;

	offers->size = true;
	for (size_t i = 0; i < word.len && i < 18; i++)
		if (word.data[i] >= '0' && word.data[i] <= '9')
			size = size * 10 + (unsigned)(word.data[i] - '0');
	offers->size_max = size;
}

static void
read_offer(struct smtp_offers *offers, struct span line)
{
	struct span word = next_word(&line);

	if (span_is_nocase(word, "AUTH"))
		read_auth(offers, line);
	else if (span_is_nocase(word, "SIZE"))
		read_size(offers, line);
	offers->starttls |= span_is_nocase(word, "STARTTLS");
	offers->pipelining |= span_is_nocase(word, "PIPELINING");
	offers->eightbit |= span_is_nocase(word, "8BITMIME");
	offers->dsn |= span_is_nocase(word, "DSN");
	offers->utf8 |= span_is_nocase(word, "SMTPUTF8");
}

void
smtp_offers_read(const struct smtp_reply *reply, struct smtp_offers *ret)
{
	struct span lines = reply->lines, line;

	*ret = (struct smtp_offers){0};
	/* the first line is the greeting */
	if (!smtp_reply_next_line(&lines, &line))
		return;
	while (smtp_reply_next_line(&lines, &line))
		read_offer(ret, line);
}
