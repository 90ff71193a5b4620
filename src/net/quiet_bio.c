#include "net/quiet_bio_priv.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/socket.h>

static int
get_fd(BIO *bio)
{
	return (int)(intptr_t)BIO_get_data(bio);
}

static int
quiet_write(BIO *bio, const char *bytes, int len)
{
	ssize_t sent = send(get_fd(bio), bytes, (size_t)len, MSG_NOSIGNAL);

	BIO_clear_retry_flags(bio);
	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_write(bio);
	return (int)sent;
}

static int
quiet_read(BIO *bio, char *room, int len)
{
	ssize_t got = recv(get_fd(bio), room, (size_t)len, 0);

	BIO_clear_retry_flags(bio);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_read(bio);
	if (got == 0)
		BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
	return (int)got;
}

static long
quiet_control(BIO *bio, int command, long number, void *pointer)
{
	(void)number;
	(void)pointer;
	if (command == BIO_CTRL_EOF)
		return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
	return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *quiet_method; /* made once, lives as long as the program */

static void
make_quiet_method(void)
{
	BIO_METHOD *method = BIO_meth_new(
	    BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "quiet socket");

	if (method != NULL && BIO_meth_set_write(method, quiet_write) &&
	    BIO_meth_set_read(method, quiet_read) &&
	    BIO_meth_set_ctrl(method, quiet_control))
		quiet_method = method;
}

BIO *
quiet_bio_new(int fd)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (pthread_once(&once, make_quiet_method) != 0 || quiet_method == NULL)
		return NULL;
	BIO *bio = BIO_new(quiet_method);
	if (bio == NULL)
		return NULL;
	BIO_set_data(bio, (void *)(intptr_t)fd);
	BIO_set_init(bio, 1);
	return bio;
}
