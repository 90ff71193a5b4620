/* clang -g -fsanitize=fuzzer,address,undefined -std=gnu2x -Isrc, this file
 * and the sources of flow/lookalike, with base, ICU and libpsl: whatever an
 * address and a name are, there is an answer, and it is the same again. */
#include "base/buf.h"
#include "flow/lookalike.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct lookalike *
readers(void)
{
	static struct lookalike *l;

	if (l != NULL)
		return l;
	if (lookalike_new(&l, NULL) != RC_OK ||
	    lookalike_add_own(l, span_str("ourfirm.test"), NULL) != RC_OK ||
	    lookalike_add_known(l, span_str("alice.cooper@alpha-trading.test"),
		span_str("Alice Cooper"), NULL) != RC_OK ||
	    lookalike_add_known(l, span_str("wang@gmail.com"),
		span_str("王小明"), NULL) != RC_OK)
		bug("lookalike: cannot be filled");
	return l;
}

/* Up to the next NUL byte, which is taken away. */
static struct span
next_field(struct span *rest)
{
	ptrdiff_t end = span_find_byte(*rest, 0);
	size_t len = end < 0 ? rest->len : (size_t)end;
	struct span field = span_first(*rest, len);

	*rest = span_after(*rest, len + 1);
	return field;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct span rest = span_of(data, len);
	struct lookalike_sender sender = {0};
	struct lookalike_finding one = {0}, two = {0};

	sender.domain = next_field(&rest);
	sender.local = next_field(&rest);
	sender.name = next_field(&rest);
	sender.organisation = rest;
	enum rc rc = lookalike_find(readers(), &sender, &one, NULL);
	if (rc != RC_OK && rc != RC_ABSENT)
		bug("lookalike: no answer");
	if (lookalike_find(readers(), &sender, &two, NULL) != rc ||
	    (rc == RC_OK && (one.rule != two.rule || one.of != two.of)))
		bug("lookalike: two answers");
	if (rc == RC_OK && (one.reason == NULL || one.of == NULL))
		bug("lookalike: a finding without words");
	return 0;
}
