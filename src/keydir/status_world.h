/* keydir/status_world -- for tests: a web server that gives out lists, those
 * who are asked about, and whoever asks.
 */
#ifndef KEYDIR_STATUS_WORLD_H
#define KEYDIR_STATUS_WORLD_H

#include "keydir/status_priv.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/expect.h"
#include "keydir/keydir.h"
#include "os/clock.h"
#include "os/file.h"
#include "pki/chain.h"
#include "pki/fixture.h"

#define MAIL "alice@example.org"
#define DAY 86400L

/* A web server that gives out one list, or nothing at all. */
struct server {
	int fd;
	unsigned port;
	pthread_t thread;
	atomic_int asked;
	atomic_bool silent;
	pthread_mutex_t lock;
	struct buf list; /* guarded by it */
};

static struct world {
	char folder[64];
	struct state *state;
	struct server server;
	struct networks loopback;
	struct fixture root, alice, other;
	struct certs roots, path;
	int64_t now;
} w;

/* ---- the server ------------------------------------------------------ */

static inline void
write_all(int fd, struct span bytes)
{
	while (bytes.len > 0) {
		ssize_t done = send(fd, bytes.data, bytes.len, MSG_NOSIGNAL);
		if (done <= 0)
			return;
		bytes = span_after(bytes, (size_t)done);
	}
}

static inline void
serve(struct server *server, int fd)
{
	struct buf list BUF_OWNED = BUF_SMALL;
	char text[1000];

	if (recv(fd, text, sizeof(text), 0) <= 0)
		return;
	atomic_fetch_add(&server->asked, 1);
	if (atomic_load(&server->silent)) {
		(void)recv(fd, text, sizeof(text), 0); /* until it is closed */
		return;
	}
	(void)pthread_mutex_lock(&server->lock);
	assert_int_equal(buf_add(&list, buf_span(&server->list), NULL), RC_OK);
	(void)pthread_mutex_unlock(&server->lock);
	(void)snprintf(text, sizeof(text),
	    "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: "
	    "close\r\n\r\n",
	    list.len);
	write_all(fd, span_str(text));
	write_all(fd, buf_span(&list));
}

struct visit {
	struct server *server;
	int fd;
};

static inline void *
visit(void *context)
{
	struct visit *visit = context;

	serve(visit->server, visit->fd);
	(void)close(visit->fd);
	free(visit);
	return NULL;
}

static inline void *
listen_on(void *context)
{
	struct server *server = context;
	pthread_t thread;

	for (;;) {
		int fd = accept(server->fd, NULL, NULL);
		struct visit *one = fd >= 0 ? malloc(sizeof(*one)) : NULL;
		if (one == NULL)
			return NULL;
		*one = (struct visit){server, fd};
		if (pthread_create(&thread, NULL, visit, one) == 0)
			(void)pthread_detach(thread);
	}
}

static inline void
start_server(struct server *server)
{
	struct sockaddr_in at = {
	    .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(at);

	server->list = BUF_SMALL;
	(void)pthread_mutex_init(&server->lock, NULL);
	server->fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(server->fd, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(server->fd, 10), 0);
	assert_int_equal(
	    getsockname(server->fd, (struct sockaddr *)&at, &len), 0);
	server->port = ntohs(at.sin_port);
	assert_int_equal(
	    pthread_create(&server->thread, NULL, listen_on, server), 0);
}

/* ---- the world ------------------------------------------------------- */

static inline void
print_list_by(EVP_PKEY *key, const struct fixture *revoked, int64_t from,
    int64_t until, struct buf *ret)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *time = ASN1_TIME_set(NULL, from);
	uint8_t *der = NULL;

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(
	    crl, X509_get_subject_name(cert_x509(w.root.cert)));
	X509_CRL_set1_lastUpdate(crl, time);
	if (revoked != NULL) {
		X509_REVOKED *entry = X509_REVOKED_new();
		X509_REVOKED_set_serialNumber(
		    entry, X509_get_serialNumber(cert_x509(revoked->cert)));
		X509_REVOKED_set_revocationDate(entry, time);
		X509_CRL_add0_revoked(crl, entry);
	}
	ASN1_TIME_set(time, until);
	X509_CRL_set1_nextUpdate(crl, time);
	ASN1_TIME_free(time);
	assert_true(X509_CRL_sign(crl, key, EVP_sha256()) > 0);
	int len = i2d_X509_CRL(crl, &der);
	buf_clear(ret);
	assert_int_equal(buf_add(ret, span_of(der, (size_t)len), NULL), RC_OK);
	OPENSSL_free(der);
	X509_CRL_free(crl);
}

static inline void
print_list(
    const struct fixture *revoked, int64_t from, int64_t until, struct buf *ret)
{
	print_list_by(w.root.key, revoked, from, until, ret);
}

static inline void
give_out(const struct buf *list)
{
	(void)pthread_mutex_lock(&w.server.lock);
	buf_clear(&w.server.list);
	assert_int_equal(buf_add(&w.server.list, buf_span(list), NULL), RC_OK);
	(void)pthread_mutex_unlock(&w.server.lock);
}

static inline void
publish_by(EVP_PKEY *key, int64_t from, int64_t until)
{
	struct buf list BUF_OWNED = BUF_SMALL;

	print_list_by(key, NULL, from, until, &list);
	give_out(&list);
}

static inline void
publish_until(const struct fixture *revoked, int64_t until)
{
	struct buf list BUF_OWNED = BUF_SMALL;

	print_list(revoked, w.now - DAY, until, &list);
	give_out(&list);
}

static inline void
publish(const struct fixture *revoked)
{
	publish_until(revoked, w.now + DAY);
}

static inline struct fixture
make_alice(const char *name)
{
	char place[100];

	(void)snprintf(place, sizeof(place),
	    "URI:http://127.0.0.1:%u/%s%s%u/%s", w.server.port, name,
	    ",URI:http://127.0.0.1:", w.server.port, "second");
	if (strcmp(name, "twice") != 0)
		*strchr(place, ',') = '\0';
	return fixture_make(&(struct fixture_spec){.name = name,
	    .mail = MAIL,
	    .issuer = &w.root,
	    .usage = "critical,keyAgreement",
	    .extended = "emailProtection",
	    .start = w.now - DAY,
	    .end = w.now + 9 * DAY,
	    .more = {{"crlDistributionPoints", place}}});
}

static inline int
set_up(void **context)
{
	char key[96], folder[96];
	struct err err = ERR_NONE;

	(void)context;
	(void)snprintf(w.folder, sizeof(w.folder), "/tmp/status-test-XXXXXX");
	assert_non_null(mkdtemp(w.folder));
	(void)snprintf(folder, sizeof(folder), "%s/state", w.folder);
	(void)snprintf(key, sizeof(key), "%s/key", w.folder);
	assert_done(state_open(folder, key, true, &w.state, &err), err);
	start_server(&w.server);
	w.now = clock_now();
	assert_int_equal(networks_add(&w.loopback, "127.0.0.1", NULL), RC_OK);
	w.root = fixture_make(&(struct fixture_spec){.name = "Root",
	    .constraints = "critical,CA:TRUE",
	    .usage = "critical,keyCertSign,cRLSign",
	    .start = w.now - DAY,
	    .end = w.now + 99 * DAY});
	w.alice = make_alice("alice");
	w.other = make_alice("other");
	assert_int_equal(certs_add(&w.roots, w.root.cert, NULL), RC_OK);
	assert_int_equal(certs_add(&w.path, w.alice.cert, NULL), RC_OK);
	assert_int_equal(certs_add(&w.path, w.root.cert, NULL), RC_OK);
	publish(NULL);
	return 0;
}

static inline int
tear_down(void **context)
{
	char command[96];

	(void)context;
	(void)shutdown(w.server.fd, SHUT_RDWR);
	(void)pthread_join(w.server.thread, NULL);
	(void)close(w.server.fd);
	buf_done(&w.server.list);
	state_free(w.state);
	fixture_done(&w.root);
	fixture_done(&w.alice);
	fixture_done(&w.other);
	certs_done(&w.roots);
	certs_done(&w.path);
	(void)snprintf(command, sizeof(command), "rm -r '%s'", w.folder);
	return system(command);
}

static inline struct status *
open_as(const struct state *state, const char *folder, bool offline)
{
	const struct status_rules rules = {.fetch = {.networks = &w.loopback},
	    .state = state,
	    .folder = folder,
	    .budget = STATUS_BUDGET,
	    .offline = offline};
	struct status *status = NULL;
	struct err err = ERR_NONE;

	atomic_store(&w.server.asked, 0);
	atomic_store(&w.server.silent, false);
	assert_done(status_new(&rules, &status, &err), err);
	return status;
}

static inline struct status *
open_status(const struct state *state, const char *folder)
{
	return open_as(state, folder, false);
}

/* How many lists. */
static inline size_t
ask(const struct status *status, const struct certs *path, int wait)
{
	const struct status_source *source = status_source(status);
	struct crls crls CRLS_OWNED = CRLS_NONE;
	struct ocsps ocsps OCSPS_OWNED = OCSPS_NONE;
	struct err err = ERR_NONE;

	assert_done(source->ask(source->self, path, clock_ticks() + wait, &crls,
			&ocsps, &err),
	    err);
	return crls.len;
}

static inline size_t
recall(const struct status *status, const struct certs *certs)
{
	const struct status_source *source = status_source(status);
	struct crls crls CRLS_OWNED = CRLS_NONE;
	struct ocsps ocsps OCSPS_OWNED = OCSPS_NONE;
	struct err err = ERR_NONE;

	assert_done(
	    source->recall(source->self, certs, &crls, &ocsps, &err), err);
	return crls.len;
}

#endif
