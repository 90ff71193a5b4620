#include "cms/print_priv.h"

enum rc
print_begin_endless(struct buf *out, uint8_t tag, struct err *err)
{
	const uint8_t bytes[] = {tag, 0x80};

	return buf_add(out, span_of(bytes, sizeof(bytes)), err);
}

enum rc
print_end_endless(struct buf *out, struct err *err)
{
	static const uint8_t end[] = {0, 0};

	return buf_add(out, span_of(end, sizeof(end)), err);
}
