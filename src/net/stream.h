/* net/stream -- one connection, plain or TLS, with a deadline on every wait.
 *
 * Blocking, one thread per connection: sessions read like their protocol.
 * Errors: RC_IO: refused, timed out, broken (try later).  RC_ABSENT: the peer
 * closed properly.  RC_UNFIT: its certificate is not to be believed, or no TLS
 * where TLS must be.
 * May use:   base codec os pki proto.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "base/buf.h"
#include "net/name.h"
#include "net/tls.h"

struct stream;

struct stream_place {
	const struct names *names;
	const char *host;
	uint16_t port;
	const char *source; /* local address to come from; NULL: any */
};

/* Connect within `timeout` milliseconds, trying each address of the host
 * (a literal IP address is taken as it is, and needs no names).  RC_IO: it
 * has no address that `source` could reach, nobody answers, or `source` is
 * not ours. */
enum rc stream_connect(const struct stream_place *place, int timeout,
    struct stream **ret, struct err *err);
/* Take over an accepted or otherwise connected descriptor. */
enum rc stream_adopt(int fd, struct stream **ret, struct err *err);
void stream_free(struct stream *stream); /* closes; NULL is fine */
OWNER(struct stream, stream_free);

/* TLS handshake; `host` is the name the server must prove. */
enum rc stream_secure_client(struct stream *stream, const struct tls *tls,
    const char *host, struct err *err);
enum rc stream_secure_server(
    struct stream *stream, const struct tls *tls, struct err *err);

/* As a client: did the server ask for our certificate, and was it shown? */
bool stream_is_certified(const struct stream *stream);

/* Milliseconds that any later single wait may take (default 60,000). */
void stream_set_timeout(struct stream *stream, int timeout);

/* Milliseconds that a write may stand still because the peer does not read,
 * where that is less (default: as the other). */
void stream_set_patience(struct stream *stream, int timeout);

/* Append what there is, at least one byte, at most 64 KiB. */
enum rc stream_read(struct stream *stream, struct buf *out, struct err *err);
enum rc stream_write(struct stream *stream, struct span bytes, struct err *err);

/* Wait until one of two has something to read (the second may be NULL):
 * bit 0 and bit 1 of *ret.  RC_AGAIN: neither within `timeout`. */
enum rc stream_wait(struct stream *a, struct stream *b, int timeout,
    unsigned *ret, struct err *err);

/* End both directions from another thread: its waits return RC_ABSENT. */
void stream_shut(struct stream *stream);
/* "127.0.0.1:4321" for logs. */
const char *stream_peer(const struct stream *stream);

#endif
