/* proto/imap_stream -- cut a stream of IMAP bytes into units, both sides.
 *
 * A unit is one command (server side) or one response (client side) with all
 * its literals, ended by CRLF.  The server side asks for synchronising
 * literals by itself ("+ OK"), refuses those that are too large before their
 * bytes are sent (NO [TOOBIG]; a non-synchronising one ends the connection,
 * RFC 7888) and ends a connection that speaks HTTP.
 *
 * May use:   base codec.
 * Limits:    struct imap_limits.
 */
#ifndef PROTO_IMAP_STREAM_H
#define PROTO_IMAP_STREAM_H

#include "base/buf.h"

struct imap_limits {
	size_t line;    /* bytes of a unit without its literals */
	size_t literal; /* bytes of one literal */
	size_t unit;    /* bytes of a whole unit */
};

#define IMAP_SERVER_LIMITS \
	((struct imap_limits){64 * 1024, (size_t)50 << 20, (size_t)51 << 20})
#define IMAP_STRANGER_LIMITS ((struct imap_limits){16384, 4096, 32768})
#define IMAP_CLIENT_LIMITS     \
	((struct imap_limits){ \
	    (size_t)8 << 20, (size_t)70 << 20, (size_t)80 << 20})

enum imap_side { IMAP_SERVER, IMAP_CLIENT };

struct imap_stream;

enum rc imap_stream_new(enum imap_side side, struct imap_limits limits,
    struct imap_stream **ret, struct err *err);
void imap_stream_free(struct imap_stream *stream);
/* From now on larger limits hold: whoever has not logged in gets less. */
void imap_stream_set_limits(
    struct imap_stream *stream, struct imap_limits limits);

enum rc imap_stream_push(
    struct imap_stream *stream, struct span bytes, struct err *err);

/* RC_OK: *ret_unit is one unit without its final CRLF, lent until the next
 * call.  RC_AGAIN: send the output, read more.  RC_LIMIT / RC_SYNTAX: the
 * answer is in the output already; RC_REFUSED: send the output and close.
 * After RC_LIMIT and RC_SYNTAX go on calling. */
enum rc imap_stream_next(
    struct imap_stream *stream, struct span *ret_unit, struct err *err);

/* Server side, for IDLE and AUTHENTICATE: the next line is taken as it is. */
enum rc imap_stream_next_line(
    struct imap_stream *stream, struct span *ret_line, struct err *err);

/* Was more pushed than the units that were taken out? */
bool imap_stream_has_rest(const struct imap_stream *stream);

/* Add to what is to be sent; lend it; drop what was sent. */
enum rc imap_stream_send(
    struct imap_stream *stream, struct span bytes, struct err *err);
struct span imap_stream_output(const struct imap_stream *stream);
void imap_stream_sent(struct imap_stream *stream, size_t len);

#endif
