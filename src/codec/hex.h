/* codec/hex -- lower-case hexadecimal. */
#ifndef CODEC_HEX_H
#define CODEC_HEX_H

#include "base/buf.h"

enum rc hex_encode(struct span in, struct buf *out, struct err *err);
enum rc hex_decode(struct span in, struct buf *out, struct err *err);

#endif
