/* A scanner of the test's own; the real one is asked by test/scan_test.py. */
#include "net/clamd.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/expect.h"

struct fake {
	const char *answer;
	size_t answer_len;
	int listener;
	char path[64];
	uint8_t got[4096];
	size_t got_len;
	pthread_t thread;
};

static void *
answer_once(void *self)
{
	struct fake *fake = self;
	int fd = accept(fake->listener, NULL, NULL);

	while (fake->got_len < 4 ||
	       !span_is(span_of(fake->got + fake->got_len - 4, 4),
		   span_of("\0\0\0\0", 4))) {
		ssize_t len = read(fd, fake->got + fake->got_len,
		    sizeof(fake->got) - fake->got_len);
		if (len <= 0)
			break;
		fake->got_len += (size_t)len;
	}
	if (fake->answer != NULL)
		assert_int_equal(write(fd, fake->answer, fake->answer_len),
		    (ssize_t)fake->answer_len);
	(void)close(fd);
	return NULL;
}

static void
fake_start(struct fake *fake)
{
	static int count;
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	(void)snprintf(fake->path, sizeof(fake->path), "/tmp/clamd-test-%d-%d",
	    (int)getpid(), ++count);
	(void)snprintf(
	    address.sun_path, sizeof(address.sun_path), "%s", fake->path);
	fake->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(
	    bind(fake->listener, (struct sockaddr *)&address, sizeof(address)),
	    0);
	assert_int_equal(listen(fake->listener, 1), 0);
	assert_int_equal(
	    pthread_create(&fake->thread, NULL, answer_once, fake), 0);
}

static void
fake_stop(struct fake *fake)
{
	assert_int_equal(pthread_join(fake->thread, NULL), 0);
	(void)close(fake->listener);
	(void)unlink(fake->path);
}

static struct clamd_place
place_of(const char *path)
{
	struct clamd_place place = {.most = 1000, .timeout = 5000};

	assert_ok(clamd_place_parse(path, &place, NULL));
	return place;
}

static void
an_answer_means_what_it_says(void **state)
{
#define ANSWER(text) text, sizeof(text)
	static const struct {
		const char *answer;
		size_t len;
		enum rc want;
		const char *found;
	} cases[] = {
	    {ANSWER("stream: OK"), RC_OK, ""},
	    {ANSWER("stream: Eicar-Test FOUND"), RC_REFUSED, "Eicar-Test"},
	    {ANSWER("stream: a\x1b[2J b FOUND"), RC_REFUSED, "a?[2J?b"},
	    {ANSWER("INSTREAM size limit exceeded. ERROR"), RC_LIMIT, ""},
	    {ANSWER("stream: Can't allocate memory ERROR"), RC_SYNTAX, ""},
	    {ANSWER("stream: OK FOUND OK"), RC_SYNTAX, ""},
	    {ANSWER("UNKNOWN COMMAND"), RC_SYNTAX, ""},
	    {ANSWER(""), RC_SYNTAX, ""},
	    {"stream: OK", 10, RC_IO, ""}, /* without its end */
	    {NULL, 0, RC_IO, ""},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct fake fake = {
		    .answer = cases[i].answer, .answer_len = cases[i].len};
		char found[CLAMD_NAME_MAX] = "";
		struct err err = ERR_NONE;
		fake_start(&fake);
		const struct clamd_place place = place_of(fake.path);
		assert_rc(clamd_scan(&place, span_str("letter"), found, &err),
		    cases[i].want);
		fake_stop(&fake);
		assert_string_equal(found, cases[i].found);
	}
}

static void
the_letter_goes_in_pieces_with_their_lengths(void **state)
{
	struct fake fake = {.answer = "stream: OK", .answer_len = 11};
	char found[CLAMD_NAME_MAX];
	struct err err = ERR_NONE;

	fake_start(&fake);
	const struct clamd_place place = place_of(fake.path);
	assert_done(clamd_scan(&place, span_str("hello"), found, &err), err);
	fake_stop(&fake);
	assert_bytes(span_of(fake.got, fake.got_len),
	    span_of("zINSTREAM\0\0\0\0\5hello\0\0\0\0", 23));
}

static void
a_letter_has_a_limit(void **state)
{
	static const uint8_t bytes[1001];
	struct fake fake = {.answer = "stream: OK", .answer_len = 11};
	char found[CLAMD_NAME_MAX];
	struct err err = ERR_NONE;

	fake_start(&fake);
	const struct clamd_place place = place_of(fake.path);
	assert_rc(
	    clamd_scan(&place, span_of(bytes, 1001), found, &err), RC_LIMIT);
	assert_done(clamd_scan(&place, span_of(bytes, 1000), found, &err), err);
	fake_stop(&fake);
}

static void
nobody_there_is_told(void **state)
{
	const struct clamd_place place = place_of("/tmp/no-such-socket");
	char found[CLAMD_NAME_MAX];
	struct err err = ERR_NONE;

	assert_rc(clamd_scan(&place, span_str("x"), found, &err), RC_IO);
	assert_has(err.text, "/tmp/no-such-socket");
}

static void
only_this_machine_is_asked(void **state)
{
	static const struct {
		const char *text;
		enum rc want;
	} cases[] = {{"127.0.0.1:3310", RC_OK}, {"localhost:1", RC_OK},
	    {"/run/x", RC_OK}, {"192.0.2.1:3310", RC_SYNTAX},
	    {"127.0.0.1", RC_SYNTAX}, {"127.0.0.1:0", RC_SYNTAX},
	    {"127.0.0.1:65536", RC_SYNTAX}, {"127.0.0.1:1x", RC_SYNTAX},
	    {"", RC_SYNTAX}, {"clamd", RC_SYNTAX}};
	char path[109];

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct clamd_place place = {.port = 0};
		assert_rc(clamd_place_parse(cases[i].text, &place, NULL),
		    cases[i].want);
	}
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[108] = '\0';
	struct clamd_place place = {.port = 0};
	assert_rc(clamd_place_parse(path, &place, NULL), RC_SYNTAX);
	path[107] = '\0';
	assert_ok(clamd_place_parse(path, &place, NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_answer_means_what_it_says),
	    cmocka_unit_test(the_letter_goes_in_pieces_with_their_lengths),
	    cmocka_unit_test(a_letter_has_a_limit),
	    cmocka_unit_test(nobody_there_is_told),
	    cmocka_unit_test(only_this_machine_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
