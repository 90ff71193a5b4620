/* os/random -- unpredictable bytes from the kernel. */
#ifndef OS_RANDOM_H
#define OS_RANDOM_H

#include "base/buf.h"

/* Fills all of it; never fails (the kernel's call cannot, once booted). */
void random_fill(void *bytes, size_t len);
/* Append `len` random bytes as base64url text: names, tokens, boundaries. */
enum rc random_text(size_t len, struct buf *out, struct err *err);

#endif
