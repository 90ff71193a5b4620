/* libFuzzer: whatever the mail server says unasked, what the mail program gets
 * of it is whole lines that can be read, no verdict of ours among them, and the
 * table of letters stays what it must be.
 *
 *     clang -std=gnu2x -g -O1 -fsanitize=fuzzer,address,undefined -Isrc \
 *         src/edge/imap_untagged_fuzz.c libroom_edge.a ...
 *
 * The first byte: which extensions are on.
 */
#include "edge/imap_session_priv.h"

#include <stdlib.h>

#include "base/own.h"

OWNER(struct imap_stream, imap_stream_free);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX 8192 /* so that nothing has to be sent: there is nobody */

static const struct imap_limits limits = {INPUT_MAX, INPUT_MAX, INPUT_MAX};
static const struct imap_limits wide = {1 << 20, 1 << 20, 1 << 20};

static void
demand(bool fact)
{
	if (!fact)
		abort();
}

/* No two letters of one UID, none that falls. */
static void
check_uids(const struct imap_uids *uids)
{
	uint32_t last = 0;

	for (size_t i = 0; i < uids->len && i < 1000; i++) {
		uint32_t uid = uids->place[i].uid;
		if (uid == 0)
			continue;
		demand(uid > last);
		last = uid;
	}
}

/* The mail program reads them as lines that begin with "* ". */
static void
check_told(struct imap_session *s)
{
	struct imap_stream *units OWNED(imap_stream_free) = NULL;
	struct span unit, told = buf_span(&s->out);
	size_t seen = 0;

	demand(imap_stream_new(IMAP_CLIENT, wide, &units, NULL) == RC_OK);
	demand(imap_stream_push(units, told, NULL) == RC_OK);
	while (seen < told.len) {
		demand(imap_stream_next(units, &unit, NULL) == RC_OK);
		demand(span_starts(unit, "* "));
		seen += unit.len + 2;
	}
	demand(seen == told.len);
	buf_clear(&s->out);
}

static void
hear_all(struct imap_session *s, struct span input)
{
	struct imap_stream *units OWNED(imap_stream_free) = NULL;
	struct span unit;

	demand(imap_stream_new(IMAP_CLIENT, limits, &units, NULL) == RC_OK);
	if (imap_stream_push(units, input, NULL) != RC_OK)
		return;
	while (imap_stream_next(units, &unit, NULL) == RC_OK) {
		if (!span_starts(unit, "* "))
			continue;
		if (imap_untagged(s, span_after(unit, 2), NULL) != RC_OK)
			return; /* the session ends; nothing more is told */
		check_uids(&s->box.uids);
		check_told(s);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct imap_session s = {.state = IMAP_SELECTED,
	    .out = BUF(1 << 20),
	    .copy_to = BUF(4096),
	    .box = {.uids = IMAP_UIDS_NONE}};

	if (size == 0 || size > INPUT_MAX)
		return 0;
	s.qresync = (data[0] & 1) != 0;
	s.by_uid = (data[0] & 2) != 0;
	if ((data[0] & 4) != 0)
		s.state = IMAP_LOGGED_IN;
	hear_all(&s, span_of(data + 1, size - 1));
	imap_uids_done(&s.box.uids);
	imap_saved_done(&s.box.saved);
	buf_done(&s.out);
	buf_done(&s.copy_to);
	return 0;
}
