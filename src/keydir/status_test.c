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

static void
write_all(int fd, struct span bytes)
{
	while (bytes.len > 0) {
		ssize_t done = send(fd, bytes.data, bytes.len, MSG_NOSIGNAL);
		if (done <= 0)
			return;
		bytes = span_after(bytes, (size_t)done);
	}
}

static void
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

static void *
visit(void *context)
{
	struct visit *visit = context;

	serve(visit->server, visit->fd);
	(void)close(visit->fd);
	free(visit);
	return NULL;
}

static void *
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

static void
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

static void
print_list(
    const struct fixture *revoked, int64_t from, int64_t until, struct buf *ret)
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
	assert_true(X509_CRL_sign(crl, w.root.key, EVP_sha256()) > 0);
	int len = i2d_X509_CRL(crl, &der);
	buf_clear(ret);
	assert_int_equal(buf_add(ret, span_of(der, (size_t)len), NULL), RC_OK);
	OPENSSL_free(der);
	X509_CRL_free(crl);
}

static void
give_out(const struct buf *list)
{
	(void)pthread_mutex_lock(&w.server.lock);
	buf_clear(&w.server.list);
	assert_int_equal(buf_add(&w.server.list, buf_span(list), NULL), RC_OK);
	(void)pthread_mutex_unlock(&w.server.lock);
}

static void
publish_until(const struct fixture *revoked, int64_t until)
{
	struct buf list BUF_OWNED = BUF_SMALL;

	print_list(revoked, w.now - DAY, until, &list);
	give_out(&list);
}

static void
publish(const struct fixture *revoked)
{
	publish_until(revoked, w.now + DAY);
}

static struct fixture
make_alice(const char *name)
{
	char place[100];

	(void)snprintf(place, sizeof(place), "URI:http://127.0.0.1:%u/%s",
	    w.server.port, name);
	return fixture_make(&(struct fixture_spec){.name = name,
	    .mail = MAIL,
	    .issuer = &w.root,
	    .usage = "critical,keyAgreement",
	    .extended = "emailProtection",
	    .start = w.now - DAY,
	    .end = w.now + 9 * DAY,
	    .more = {{"crlDistributionPoints", place}}});
}

static int
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

static int
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

static struct status *
open_status(const struct state *state, const char *folder)
{
	const struct status_rules rules = {.fetch = {.networks = &w.loopback},
	    .state = state,
	    .folder = folder,
	    .budget = STATUS_BUDGET};
	struct status *status = NULL;
	struct err err = ERR_NONE;

	atomic_store(&w.server.asked, 0);
	atomic_store(&w.server.silent, false);
	assert_done(status_new(&rules, &status, &err), err);
	return status;
}

/* How many lists. */
static size_t
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

static size_t
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

/* ---- asking and remembering ------------------------------------------ */

static void
what_was_asked_is_remembered(void **context)
{
	struct status *status OWNED(status_free) = open_status(NULL, NULL);

	(void)context;
	assert_int_equal(recall(status, &w.path), 0);
	assert_int_equal(atomic_load(&w.server.asked), 0);
	assert_int_equal(ask(status, &w.path, 5000), 1);
	assert_int_equal(ask(status, &w.path, 5000), 1);
	assert_int_equal(recall(status, &w.path), 1);
	assert_int_equal(atomic_load(&w.server.asked), 1);
}

static void
it_is_remembered_in_the_state_and_wrapped(void **context)
{
	char path[200];
	struct strlist names STRLIST_OWNED = STRLIST_NONE;
	struct buf file BUF_OWNED = BUF_SMALL;
	struct status *first = open_status(w.state, NULL);

	(void)context;
	assert_int_equal(ask(first, &w.path, 5000), 1);
	status_free(first);
	struct status *second OWNED(status_free) = open_status(w.state, NULL);
	assert_int_equal(recall(second, &w.path), 1);
	assert_int_equal(ask(second, &w.path, 5000), 1);
	assert_int_equal(atomic_load(&w.server.asked), 0);
	(void)snprintf(path, sizeof(path), "%s/state/status", w.folder);
	assert_int_equal(file_list(path, &names, NULL), RC_OK);
	assert_int_equal(names.len, 1);
	(void)snprintf(
	    path, sizeof(path), "%s/state/status/%s", w.folder, names.item[0]);
	assert_int_equal(file_read(path, &file, NULL), RC_OK);
	assert_true(span_find(buf_span(&file), span_str("Root")) < 0);
}

static void
a_folder_that_others_may_enter_is_refused(void **context)
{
	const struct status_rules rules = {.folder = "/tmp"};
	struct status *status = NULL;

	(void)context;
	assert_int_equal(status_new(&rules, &status, NULL), RC_UNFIT);
}

static void
what_is_too_much_on_the_disk_is_removed(void **context)
{
	char folder[100], path[200];
	struct strlist names STRLIST_OWNED = STRLIST_NONE;

	(void)context;
	(void)snprintf(folder, sizeof(folder), "%s/many", w.folder);
	assert_int_equal(file_make_private_dir(folder, NULL), RC_OK);
	for (int i = 0; i < STATUS_KEPT_MAX + 3; i++) {
		(void)snprintf(path, sizeof(path), "%s/%d", folder, i);
		assert_int_equal(
		    file_save(path, span_str("x"), 0600, NULL), RC_OK);
	}
	status_free(open_status(NULL, folder));
	assert_int_equal(file_list(folder, &names, NULL), RC_OK);
	assert_int_equal(names.len, STATUS_KEPT_MAX);
}

static void
so_many_are_remembered_and_no_more(void **context)
{
	struct status *status OWNED(status_free) = open_status(NULL, NULL);

	(void)context;
	assert_int_equal(ask(status, &w.path, 5000), 1);
	for (int i = 0; i < STATUS_KEPT_MAX; i++) {
		const int at_once = 5000;
		char name[20];
		(void)snprintf(name, sizeof(name), "x%d", i);
		struct fixture one FIXTURE_OWNED = make_alice(name);
		struct cert *two[] = {one.cert, w.root.cert};
		const struct certs path = {two, 2}, met = {two, 1};
		if (i == STATUS_KEPT_MAX - 1)
			assert_int_equal(recall(status, &w.path), 1);
		/* who was only met makes nothing be forgotten */
		assert_int_equal(recall(status, &met), 0);
		assert_int_equal(ask(status, &path, at_once), 1);
	}
	assert_int_equal(recall(status, &w.path), 1);
	assert_int_equal(atomic_load(&w.server.asked), STATUS_KEPT_MAX + 1);
}

static void
what_has_ended_is_asked_again_and_never_replaced_by_older(void **context)
{
	char folder[100];
	struct status_item *item OWNED(status_item_free) = NULL;
	struct crls older CRLS_OWNED = CRLS_NONE;
	struct crls newer CRLS_OWNED = CRLS_NONE;
	struct ocsps none = OCSPS_NONE;
	struct buf der BUF_OWNED = BUF_SMALL;

	(void)context;
	(void)snprintf(folder, sizeof(folder), "%s/ended", w.folder);
	publish_until(NULL, w.now - 1);
	struct status *first = open_status(NULL, folder);
	assert_int_equal(ask(first, &w.path, 5000), 1);
	assert_int_equal(ask(first, &w.path, 5000), 1);
	assert_int_equal(atomic_load(&w.server.asked), 1);
	status_free(first);
	publish(NULL);
	struct status *second OWNED(status_free) = open_status(NULL, folder);
	assert_int_equal(recall(second, &w.path), 1);
	assert_int_equal(atomic_load(&w.server.asked), 0);
	/* the ended one was there, and the new one came */
	assert_int_equal(ask(second, &w.path, 5000), 2);
	assert_int_equal(recall(second, &w.path), 1);
	assert_int_equal(atomic_load(&w.server.asked), 1);

	print_list(NULL, w.now - 1, w.now + DAY, &der);
	assert_int_equal(crls_add(&newer, buf_span(&der), NULL), RC_OK);
	print_list(NULL, w.now - 2, w.now + DAY, &der);
	assert_int_equal(crls_add(&older, buf_span(&der), NULL), RC_OK);
	assert_int_equal(status_item_new(STATUS_LIST, "http://a/", w.alice.cert,
			     NULL, &item, NULL),
	    RC_OK);
	status_item_take(item, &newer, &none);
	assert_true(status_item_is_fresh(item, w.now));
	assert_false(status_item_is_fresh(item, w.now + DAY + 1));
	status_item_take(item, &older, &none);
	assert_int_equal(crl_from(item->crls.item[0]), w.now - 1);
}

/* ---- servers that do not answer -------------------------------------- */

static void
a_server_that_is_silent_holds_up_one_letter_once(void **context)
{
	struct status *status OWNED(status_free) = open_status(NULL, NULL);
	struct cert *two[] = {w.other.cert, w.root.cert};
	const struct certs path = {two, 2};

	(void)context;
	atomic_store(&w.server.silent, true);
	int64_t begin = clock_ticks();
	assert_int_equal(ask(status, &w.path, STATUS_BUDGET), 0);
	int64_t waited = clock_ticks() - begin;
	assert_in_range(waited, STATUS_BUDGET - 10, STATUS_BUDGET + 200);
	/* another certificate, the same server: nobody waits */
	begin = clock_ticks();
	assert_int_equal(ask(status, &path, STATUS_BUDGET), 0);
	assert_in_range(clock_ticks() - begin, 0, STATUS_BUDGET / 2);
	assert_int_equal(atomic_load(&w.server.asked), 1);
}

static void
what_comes_too_late_is_there_for_the_next_letter(void **context)
{
	struct status *status OWNED(status_free) = open_status(NULL, NULL);
	const struct timespec soon = {0, 5 * 1000000};

	(void)context;
	assert_int_equal(ask(status, &w.path, 0), 0);
	for (int i = 0; i < 1000 && recall(status, &w.path) == 0; i++)
		(void)nanosleep(&soon, NULL);
	assert_int_equal(recall(status, &w.path), 1);
}

static void
the_end_waits_for_nobody(void **context)
{
	struct status *status = open_status(NULL, NULL);

	(void)context;
	atomic_store(&w.server.silent, true);
	assert_int_equal(ask(status, &w.path, 50), 0);
	int64_t begin = clock_ticks();
	status_free(status);
	assert_in_range(clock_ticks() - begin, 0, 500);
}

/* ---- whom one may encrypt to ----------------------------------------- */

static enum rc
check(const struct status *status, const struct fixture *who, struct err *err)
{
	const struct keydir keydir = {.roots = &w.roots,
	    .status = status != NULL ? status_source(status) : NULL};

	return keydir_check(&keydir, who->cert, NULL, MAIL, w.now, err);
}

static void
nobody_encrypts_without_knowing_where_one_could(void **context)
{
	struct err err = ERR_NONE;
	struct fixture plain FIXTURE_OWNED =
	    fixture_make(&(struct fixture_spec){.name = "plain",
		.mail = MAIL,
		.issuer = &w.root,
		.usage = "critical,keyAgreement",
		.extended = "emailProtection"});

	(void)context;
	assert_done(check(NULL, &plain, &err), err);
	assert_int_equal(check(NULL, &w.alice, &err), RC_IO);
	struct status *good OWNED(status_free) = open_status(NULL, NULL);
	assert_done(check(good, &w.alice, &err), err);
	publish(&w.alice);
	struct status *bad OWNED(status_free) = open_status(NULL, NULL);
	assert_int_equal(check(bad, &w.alice, &err), RC_UNFIT);
	assert_non_null(strstr(err.text, "revoked"));
	assert_done(check(bad, &w.other, &err), err);
	give_out(&BUF_SMALL);
	struct status *none OWNED(status_free) = open_status(NULL, NULL);
	assert_int_equal(check(none, &w.alice, &err), RC_IO);
	assert_non_null(strstr(err.text, MAIL));
	publish(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_asked_is_remembered),
	    cmocka_unit_test(it_is_remembered_in_the_state_and_wrapped),
	    cmocka_unit_test(a_folder_that_others_may_enter_is_refused),
	    cmocka_unit_test(what_is_too_much_on_the_disk_is_removed),
	    cmocka_unit_test(so_many_are_remembered_and_no_more),
	    cmocka_unit_test(
		what_has_ended_is_asked_again_and_never_replaced_by_older),
	    cmocka_unit_test(a_server_that_is_silent_holds_up_one_letter_once),
	    cmocka_unit_test(what_comes_too_late_is_there_for_the_next_letter),
	    cmocka_unit_test(the_end_waits_for_nobody),
	    cmocka_unit_test(nobody_encrypts_without_knowing_where_one_could),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
