#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/expect.h"
#include "os/activation.h"

/* Each case runs in a child of its own, because the descriptors handed over
 * are always 3, 4, ... */

static int
listen_v4(const char *address, int type, bool listening)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	int fd = socket(AF_INET, type, 0);

	if (fd < 0 || inet_pton(AF_INET, address, &at.sin_addr) != 1 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
		return -1;
	if (listening && listen(fd, 1) != 0)
		return -1;
	return fd;
}

static int
loopback(void)
{
	return listen_v4("127.0.0.1", SOCK_STREAM, true);
}

static int
other_loopback(void)
{
	return listen_v4("127.9.8.7", SOCK_STREAM, true);
}

static int
every_address(void)
{
	return listen_v4("0.0.0.0", SOCK_STREAM, true);
}

static int
datagrams(void)
{
	return listen_v4("127.0.0.1", SOCK_DGRAM, false);
}

static int
not_listening(void)
{
	return listen_v4("127.0.0.1", SOCK_STREAM, false);
}

static int
listen_v6(struct in6_addr address)
{
	struct sockaddr_in6 at = {
	    .sin6_family = AF_INET6, .sin6_addr = address};
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
	    listen(fd, 1) != 0)
		return -1;
	return fd;
}

static int
loopback_v6(void)
{
	return listen_v6((struct in6_addr)IN6ADDR_LOOPBACK_INIT);
}

static int
every_address_v6(void)
{
	return listen_v6((struct in6_addr)IN6ADDR_ANY_INIT);
}

static int
local_socket(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	/* an abstract name that the kernel chooses */
	if (fd < 0 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(sa_family_t)) != 0 ||
	    listen(fd, 1) != 0)
		return -1;
	return fd;
}

static int
plain_file(void)
{
	return open("/dev/null", O_RDONLY);
}

static int
closed(void)
{
	return 9999; /* dup2() fails, so that the number stays closed */
}

struct handed {
	const char *name;        /* of the case */
	int (*make[2])(void);    /* descriptors 3 and 4 */
	const char *fds, *names; /* NULL: not set */
	const char *find;
	enum rc want;
	int want_fd;
	const char *says; /* a part of the reason */
};

static void
set(const char *name, const char *value)
{
	if (value == NULL)
		(void)unsetenv(name);
	else
		(void)setenv(name, value, 1);
}

/* What the service manager does between fork and exec. */
static bool
hand_over(const struct handed *handed, pid_t pid)
{
	char number[20];
	int made[2] = {-1, -1};

	for (int i = 0; i < 2 && handed->make[i] != NULL; i++)
		if ((made[i] = handed->make[i]()) < 0)
			return false;
	for (int i = 0; i < 2; i++) {
		(void)close(3 + i);
		/* made[] are all above 4, see spare_low_numbers() */
		if (made[i] >= 0)
			(void)dup2(made[i], 3 + i);
	}
	(void)snprintf(number, sizeof(number), "%d", (int)pid);
	set("LISTEN_PID", number);
	set("LISTEN_FDS", handed->fds);
	set("LISTEN_FDNAMES", handed->names);
	return true;
}

static void
spare_low_numbers(void)
{
	for (int fd = open("/dev/null", O_RDONLY); fd >= 0 && fd < 8;)
		fd = open("/dev/null", O_RDONLY);
}

enum outcome {
	AS_WANTED,
	NO_SOCKET,
	OTHER_RC,
	OTHER_FD,
	NOT_CLOEXEC,
	OTHER_TEXT
};

static enum outcome
try_case(const struct handed *handed, pid_t pid)
{
	struct err err = ERR_NONE;
	int fd = -77;

	spare_low_numbers();
	if (!hand_over(handed, pid))
		return NO_SOCKET;
	if (activation_find(handed->find, &fd, &err) != handed->want)
		return OTHER_RC;
	if (fd != (handed->want == RC_OK ? handed->want_fd : -77))
		return OTHER_FD;
	if (handed->want != RC_OK)
		return strstr(err.text, handed->says) == NULL ? OTHER_TEXT
							      : AS_WANTED;
	return (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0 ? NOT_CLOEXEC : AS_WANTED;
}

static enum outcome
in_a_child(const struct handed *handed, bool for_us)
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit((int)try_case(handed, for_us ? getpid() : getppid()));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return (enum outcome)WEXITSTATUS(status);
}

static void
assert_cases(const struct handed *cases, size_t count)
{
	static const char *const outcomes[] = {"as wanted",
	    "the test could not make its socket", "another rc",
	    "another descriptor", "not close-on-exec", "another reason"};

	for (size_t i = 0; i < count; i++) {
		enum outcome got = in_a_child(&cases[i], true);
		if (got != AS_WANTED)
			fail_msg("%s: %s", cases[i].name, outcomes[got]);
	}
}

static void
a_socket_is_found_by_its_name(void **state)
{
	static const struct handed cases[] = {
	    {"one", {loopback}, "1", "smtp", "smtp", RC_OK, 3, ""},
	    {"first of two", {loopback, loopback}, "2", "smtp:imap", "smtp",
		RC_OK, 3, ""},
	    {"second of two", {loopback, loopback}, "2", "smtp:imap", "imap",
		RC_OK, 4, ""},
	    {"any 127", {other_loopback}, "1", "smtp", "smtp", RC_OK, 3, ""},
	    {"IPv6", {loopback_v6}, "1", "smtp", "smtp", RC_OK, 3, ""},
	    {"beside an unfit one", {every_address, loopback}, "2", "web:smtp",
		"smtp", RC_OK, 4, ""},
	};

	assert_cases(cases, COUNT(cases));
}

static void
what_was_not_handed_over_is_absent(void **state)
{
	static const struct handed cases[] = {
	    {"nothing", {NULL}, NULL, NULL, "smtp", RC_ABSENT, 0,
		"handed over no socket"},
	    {"none", {NULL}, "0", "", "smtp", RC_ABSENT, 0,
		"handed over no socket"},
	    {"another name", {loopback}, "1", "imap", "smtp", RC_ABSENT, 0,
		"handed over no socket"},
	    {"a longer name", {loopback}, "1", "smtps", "smtp", RC_ABSENT, 0,
		"handed over no socket"},
	    {"a shorter name", {loopback}, "1", "smt", "smtp", RC_ABSENT, 0,
		"handed over no socket"},
	    {"no names", {loopback}, "1", NULL, "smtp", RC_ABSENT, 0,
		"handed over no socket"},
	    {"more names than sockets", {loopback}, "1", "imap:smtp", "smtp",
		RC_ABSENT, 0, "handed over no socket"},
	};

	assert_cases(cases, COUNT(cases));
}

static void
what_was_handed_to_another_process_is_absent(void **state)
{
	static const struct handed handed = {"parent's", {loopback}, "1",
	    "smtp", "smtp", RC_ABSENT, 0, "handed over no socket"};

	assert_int_equal(in_a_child(&handed, false), AS_WANTED);
}

static void
what_is_no_listening_stream_on_loopback_is_unfit(void **state)
{
	static const struct handed cases[] = {
	    {"every address", {every_address}, "1", "smtp", "smtp", RC_UNFIT, 0,
		"loopback"},
	    {"every IPv6 address", {every_address_v6}, "1", "smtp", "smtp",
		RC_UNFIT, 0, "loopback"},
	    {"datagrams", {datagrams}, "1", "smtp", "smtp", RC_UNFIT, 0,
		"ListenStream="},
	    {"not listening", {not_listening}, "1", "smtp", "smtp", RC_UNFIT, 0,
		"Accept=no"},
	    {"local socket", {local_socket}, "1", "smtp", "smtp", RC_UNFIT, 0,
		"loopback"},
	    {"a file", {plain_file}, "1", "smtp", "smtp", RC_UNFIT, 0,
		"ListenStream="},
	    {"closed", {closed}, "1", "smtp", "smtp", RC_UNFIT, 0,
		"ListenStream="},
	    {"two of a name", {loopback, loopback}, "2", "smtp:smtp", "smtp",
		RC_UNFIT, 0, "two sockets"},
	};

	assert_cases(cases, COUNT(cases));
}

static void
a_count_that_is_no_number_is_unfit(void **state)
{
	static const char *const counts[] = {
	    "", "-1", "1x", " 1", "+1", "1001", "99999999999999999999"};

	for (size_t i = 0; i < COUNT(counts); i++) {
		const struct handed handed = {counts[i], {loopback}, counts[i],
		    "smtp", "smtp", RC_UNFIT, 0, "LISTEN_FDS"};
		assert_cases(&handed, 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_socket_is_found_by_its_name),
	    cmocka_unit_test(what_was_not_handed_over_is_absent),
	    cmocka_unit_test(what_was_handed_to_another_process_is_absent),
	    cmocka_unit_test(what_is_no_listening_stream_on_loopback_is_unfit),
	    cmocka_unit_test(a_count_that_is_no_number_is_unfit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
