/* codec/wiped_zlib -- zlib whose memory is wiped before it is given back.
 *
 * It keeps the last 32 KiB of what passed through.
 * May use:   base.
 */
#ifndef CODEC_WIPED_ZLIB_H
#define CODEC_WIPED_ZLIB_H

#include <zlib.h>

/* Before inflateInit() or deflateInit(). */
void wiped_zlib_set(z_stream *zlib);

#endif
