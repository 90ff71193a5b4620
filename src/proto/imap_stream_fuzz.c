/* libFuzzer: whatever comes, units of IMAP stay in their bounds, a stream cut
 * in two is the same stream, and their words can be walked.
 *
 *     clang -std=gnu2x -g -O1 -fsanitize=fuzzer,address,undefined -Isrc \
 *         src/base/[!t]*.c ... src/proto/imap_stream_fuzz.c
 *
 * The first byte says where the rest is cut, its last bit which side we are.
 */
#include "proto/imap_stream.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/own.h"
#include "proto/imap_token.h"

OWNER(struct imap_stream, imap_stream_free);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct imap_limits limits = {200, 100, 400};

static void
demand(bool fact)
{
	if (!fact)
		abort();
}

/* What is printed is read again as the same. */
static void
check_value(struct span value)
{
	struct buf printed BUF_OWNED = BUF(2000);
	struct buf back BUF_OWNED = BUF(2000);
	struct imap_token token;

	if (imap_print_string(value, &printed, NULL) != RC_OK)
		return;
	struct imap_walk walk = {buf_span(&printed)};
	demand(imap_walk_next(&walk, &token, NULL) == RC_OK);
	demand(imap_token_value(&token, &back, NULL) == RC_OK);
	demand(span_is(buf_span(&back), value));
}

static void
walk_words(struct span unit)
{
	struct imap_walk walk = {unit};
	struct imap_token token;

	while (imap_walk_next(&walk, &token, NULL) == RC_OK &&
	       token.kind != IMAP_END) {
		struct buf value BUF_OWNED = BUF(1000);
		demand(token.whole.len > 0);
		if (imap_token_value(&token, &value, NULL) == RC_OK)
			check_value(buf_span(&value));
	}
}

static void
feed(struct imap_stream *stream, struct span bytes, struct buf *out)
{
	demand(imap_stream_push(stream, bytes, NULL) == RC_OK);
	for (;;) {
		struct span unit = SPAN_NONE;
		enum rc rc = imap_stream_next(stream, &unit, NULL);
		if (rc == RC_AGAIN || rc == RC_REFUSED)
			return;
		demand(buf_add_str(out, rc_name(rc), NULL) == RC_OK);
		if (rc != RC_OK)
			continue;
		demand(unit.len <= limits.unit);
		demand(buf_add(out, unit, NULL) == RC_OK);
		walk_words(unit);
	}
}

static void
run(enum imap_side side, struct span first, struct span second, struct buf *out)
{
	struct imap_stream *stream OWNED(imap_stream_free) = NULL;

	demand(imap_stream_new(side, limits, &stream, NULL) == RC_OK);
	feed(stream, first, out);
	feed(stream, second, out);
	demand(buf_add(out, imap_stream_output(stream), NULL) == RC_OK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole BUF_OWNED = BUF((size_t)8 << 20);
	struct buf cut BUF_OWNED = BUF((size_t)8 << 20);

	if (size == 0)
		return 0;
	enum imap_side side = data[0] % 2 == 0 ? IMAP_SERVER : IMAP_CLIENT;
	struct span input = span_of(data + 1, size - 1);
	size_t at = data[0] * (size - 1) / 256;
	run(side, input, SPAN_NONE, &whole);
	run(side, span_first(input, at), span_after(input, at), &cut);
	demand(span_is(buf_span(&whole), buf_span(&cut)));
	return 0;
}
