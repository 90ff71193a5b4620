/* Every split of the input reads the same, all that was read was in the input,
 * and what becomes DER is DER. */
#include <stdlib.h>

#include "cms/ber_priv.h"
#include "pki/der.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What was read, so that two readings can be compared. */
struct reading {
	uint64_t sum; /* FNV-1a over the elements and their contents */
	size_t bytes;
	int open;
	enum rc rc;
};

static void
add(struct reading *r, uint8_t byte)
{
	r->sum = (r->sum ^ byte) * 0x100000001b3;
}

static void
add_item(struct reading *r, const struct ber_item *item)
{
	if (item->event == BER_BEGIN)
		r->open++;
	if (item->event == BER_END)
		r->open--;
	if (r->open < 0 || r->open > BER_DEPTH_MAX ||
	    (item->event == BER_BYTES && item->bytes.len == 0))
		abort();
	if (item->event != BER_BYTES)
		add(r, item->tag ^ (uint8_t)(item->event << 6));
	for (size_t i = 0; i < item->bytes.len; i++)
		add(r, item->bytes.data[i]);
	r->bytes += item->bytes.len;
}

static struct reading
read_all(struct span in, size_t step)
{
	struct reading r = {.rc = RC_AGAIN};
	struct ber ber = BER_READER;
	struct ber_item item;

	for (; in.len > 0 && r.rc == RC_AGAIN; in = span_after(in, step)) {
		ber_push(&ber, span_first(in, step));
		while ((r.rc = ber_next(&ber, &item, NULL)) == RC_OK)
			add_item(&r, &item);
	}
	if (r.rc == RC_ABSENT && r.open != 0)
		abort();
	return r;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf copy BUF_OWNED = BUF((size_t)4 << 20);
	struct span in = span_of(data, len), der = SPAN_NONE;

	struct reading whole = read_all(in, len + 1);
	for (size_t step = 1; step < 8; step++) {
		struct reading r = read_all(in, step);
		if (r.rc != whole.rc || r.sum != whole.sum ||
		    r.bytes != whole.bytes)
			abort();
	}
	if (whole.bytes > len)
		abort();
	if (ber_der(in, &copy, &der, NULL) == RC_OK &&
	    (whole.rc != RC_ABSENT || whole.bytes != len ||
		der_check(der, NULL) != RC_OK))
		abort();
	return 0;
}
