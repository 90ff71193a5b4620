#include "bench/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>

#define PIECE ((size_t)64 * 1024)

static clockid_t watch = CLOCK_MONOTONIC;

void
die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vdprintf(STDERR_FILENO, format, args);
	va_end(args);
	dprintf(STDERR_FILENO, "\n");
	exit(2);
}

void
must(bool ok, const char *what)
{
	if (!ok)
		die("%s: %s", what,
		    ERR_reason_error_string(ERR_peek_last_error()));
}

/* --- the watch */

static uint64_t
now(void)
{
	struct timespec t;

	clock_gettime(watch, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void
watch_go(struct worker *worker)
{
	worker->since = now();
}

static void
watch_stop(struct worker *worker)
{
	worker->ns += now() - worker->since;
}

void
worker_pause(struct worker *worker)
{
	watch_stop(worker);
}

void
worker_go_on(struct worker *worker)
{
	watch_go(worker);
}

/* --- input and output */

/* A pipe gives what it has: a piece is always whole, but for the last. */
static size_t
read_file(struct worker *worker)
{
	size_t done = 0;

	while (done < worker->piece_len) {
		ssize_t len = read(
		    worker->fd, worker->piece + done, worker->piece_len - done);
		if (len < 0)
			die("%s: %s", worker->input, strerror(errno));
		if (len == 0)
			break;
		done += (size_t)len;
	}
	return done;
}

static size_t
fetch(struct worker *worker)
{
	if (worker->letters == NULL)
		return read_file(worker);
	return letters_read(worker->letters, worker->piece, worker->piece_len);
}

size_t
worker_read(struct worker *worker, const uint8_t **ret)
{
	watch_stop(worker);
	size_t len = fetch(worker);
	*ret = worker->piece;
	watch_go(worker);
	return len;
}

static void
open_file(struct worker *worker, const char *path)
{
	worker->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (worker->fd < 0)
		die("%s: %s", path, strerror(errno));
}

static void
rewind_input(struct worker *worker)
{
	const char *comma = strchr(worker->input, ',');

	if (worker->letters != NULL) {
		letters_rewind(worker->letters);
	} else if (comma != NULL) {
		close(worker->fd);
		open_file(worker, comma + 1);
	} else if (lseek(worker->fd, 0, SEEK_SET) != 0) {
		die("%s: cannot be read twice", worker->input);
	}
}

void
worker_rewind(struct worker *worker)
{
	watch_stop(worker);
	rewind_input(worker);
	watch_go(worker);
}

const uint8_t *
worker_read_all(struct worker *worker, size_t *ret_len)
{
	uint8_t *all = NULL;
	size_t len = 0, more;

	while ((more = fetch(worker)) > 0) {
		all = realloc(all, len + more);
		if (all == NULL)
			die("out of memory");
		memcpy(all + len, worker->piece, more);
		len += more;
	}
	*ret_len = len;
	return all;
}

void
worker_write(struct worker *worker, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	if (!worker->once)
		return;
	watch_stop(worker);
	while (len > 0) {
		ssize_t done = write(STDOUT_FILENO, at, len);
		if (done < 0)
			die("standard output: %s", strerror(errno));
		at += done;
		len -= (size_t)done;
	}
	watch_go(worker);
}

/* --- the process */

static unsigned long
most_resident(void)
{
	char text[4096];
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (len < 0)
		die("/proc/self/status: %s", strerror(errno));
	close(fd);
	text[len] = '\0';
	const char *line = strstr(text, "VmHWM:");
	if (line == NULL)
		die("/proc/self/status has no VmHWM");
	return strtoul(line + strlen("VmHWM:"), NULL, 10);
}

static void
run(struct worker *worker, const struct job *job, unsigned long times, int to)
{
	worker->ns = 0;
	for (unsigned long i = 0; i < times; i++) {
		watch_go(worker);
		job->run(worker);
		watch_stop(worker);
		if (!worker->once)
			rewind_input(worker);
	}
	dprintf(
	    to, "%llu %lu\n", (unsigned long long)worker->ns, most_resident());
}

/* One number a line; a byte at a time, for there are few. */
static bool
next_number(unsigned long *ret)
{
	char text[24];
	size_t len = 0;

	while (len < sizeof(text) - 1 && read(STDIN_FILENO, text + len, 1) == 1)
		if (text[len++] == '\n')
			break;
	text[len] = '\0';
	*ret = strtoul(text, NULL, 10);
	return *ret > 0;
}

static void
set_input(struct worker *worker)
{
	static const char generated[] = "letter:";
	char path[256];

	if (strncmp(worker->input, generated, strlen(generated)) == 0) {
		worker->letters = malloc(sizeof(*worker->letters));
		if (worker->letters == NULL)
			die("out of memory");
		letters_init(worker->letters,
		    strtoull(worker->input + strlen(generated), NULL, 10));
		return;
	}
	size_t len = strcspn(worker->input, ",");
	if (len >= sizeof(path))
		die("%s: too long", worker->input);
	memcpy(path, worker->input, len);
	path[len] = '\0';
	open_file(worker, path);
}

static const struct job *
find_job(const struct job *jobs, const char *direction)
{
	for (; jobs->direction != NULL; jobs++)
		if (strcmp(jobs->direction, direction) == 0)
			return jobs;
	die("no direction %s", direction);
}

int
worker_main(int argc, char **argv, const struct job *jobs)
{
	static uint8_t piece[PIECE];
	const char *wanted = getenv("LETTERLOCK_BENCH_CLOCK");
	unsigned long times;

	if (argc < 5)
		die("usage: %s DIRECTION gcm|cbc KEYS INPUT [once]", argv[0]);
	if (wanted != NULL && strcmp(wanted, "cpu") == 0)
		watch = CLOCK_PROCESS_CPUTIME_ID;
	struct worker worker = {.gcm = strcmp(argv[2], "gcm") == 0,
	    .keys = argv[3],
	    .input = argv[4],
	    .piece_len = PIECE,
	    .piece = piece,
	    .fd = -1,
	    .once = argc > 5 && strcmp(argv[5], "once") == 0};
	const struct job *job = find_job(jobs, argv[1]);
	set_input(&worker);
	if (job->prepare != NULL)
		job->prepare(&worker);
	if (worker.once)
		run(&worker, job, 1, STDERR_FILENO);
	while (!worker.once && next_number(&times))
		run(&worker, job, times, STDOUT_FILENO);
	return 0;
}
