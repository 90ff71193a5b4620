/* net/quiet_bio -- a socket under OpenSSL that never raises SIGPIPE.
 *
 * OpenSSL's own socket BIO writes with write(2), and a peer that is gone would
 * end the process.  This one sends with MSG_NOSIGNAL, so that no signal
 * disposition of the program has to be changed.
 * Private to net.
 */
#ifndef NET_QUIET_BIO_PRIV_H
#define NET_QUIET_BIO_PRIV_H

#include <openssl/bio.h>

/* NULL: out of memory.  Does not close `fd`. */
BIO *quiet_bio_new(int fd);

#endif
