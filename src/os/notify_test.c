#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/notify.h"

/* A manager that listens at `name`; "@" is of the abstract kind. */
static int
listen_at(const char *name)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	size_t len = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(at.sun_path, name, len);
	if (name[0] == '@')
		at.sun_path[0] = '\0';
	assert_int_equal(
	    bind(fd, (struct sockaddr *)&at,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
	    0);
	return fd;
}

static void
the_manager_hears_it_at_either_kind_of_socket(void **state)
{
	char names[2][64];

	(void)state;
	(void)snprintf(names[0], 64, "/tmp/notify-%d", (int)getpid());
	(void)snprintf(names[1], 64, "@notify-%d", (int)getpid());
	for (int i = 0; i < 2; i++) {
		char got[32] = "";
		int fd = listen_at(names[i]);
		assert_int_equal(setenv("NOTIFY_SOCKET", names[i], 1), 0);
		notify_send("READY=1");
		assert_int_equal(recv(fd, got, sizeof(got), MSG_DONTWAIT), 7);
		assert_string_equal(got, "READY=1");
		(void)close(fd);
		(void)unlink(names[i]);
	}
}

static void
without_a_manager_nothing_happens(void **state)
{
	char longest[300];
	const char *const none[] = {"", "relative", "/nonexistent/x", longest};

	(void)state;
	memset(longest, '/', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	notify_send("READY=1");
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		assert_int_equal(setenv("NOTIFY_SOCKET", none[i], 1), 0);
		notify_send("READY=1");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_manager_hears_it_at_either_kind_of_socket),
	    cmocka_unit_test(without_a_manager_nothing_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
