/* codec/when -- a moment as text: RFC 3339 and RFC 5322.
 *
 * Units:     seconds since 1970-01-01 UTC, without leap seconds.
 * May use:   base.  No clock (os/clock.h), no locale, no time zone database.
 */
#ifndef CODEC_WHEN_H
#define CODEC_WHEN_H

#include <stdint.h>

#include "base/buf.h"

#define WHEN_TEXT_MAX 48

/* "2026-11-21T20:18:00Z" */
void when_print(int64_t when, char text[WHEN_TEXT_MAX]);
/* "Sat, 21 Nov 2026 20:18:00 +0000" */
void when_print_mail(int64_t when, char text[WHEN_TEXT_MAX]);

/* RFC 3339 with Z or an offset; or plain seconds since 1970. */
enum rc when_parse(struct span text, int64_t *ret, struct err *err);
/* An RFC 5322 Date, obsolete zones and two-digit years included. */
enum rc when_parse_mail(struct span text, int64_t *ret, struct err *err);

#endif
