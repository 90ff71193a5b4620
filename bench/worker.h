/* bench/worker -- one process that does one thing over and over, and is asked
 * by bench/engine how long it took.
 *
 *     PROGRAM DIRECTION gcm|cbc KEYS INPUT [once]
 *
 * KEYS is a folder with alice.crt and alice.key, who signs, and bob.crt and
 * bob.key, who reads.  INPUT is letter:SIZE for the sample letter (see
 * letters.h), or a file; PATH,PATH is for what is read twice and cannot be
 * rewound.  Each line with a number on standard input has it done so many
 * times, and is answered by "NANOSECONDS RSS_KIB": how long they took
 * together, and the most memory that was resident until now.  With `once` it
 * is done once, what comes out goes to standard output, and the answer to
 * standard error.
 *
 * The watch stands still while input is fetched and output written away: it
 * measures the work on bytes that lie in memory, for everybody alike.  With
 * LETTERLOCK_BENCH_CLOCK=cpu it counts the process's own time, for a machine
 * that is busy with other things.
 */
#ifndef BENCH_WORKER_H
#define BENCH_WORKER_H

#include <stdbool.h>

#include "bench/letters.h"

struct worker {
	bool gcm;         /* else CBC */
	const char *keys; /* the folder */
	const char *input;
	size_t piece_len; /* how much input is handed over at once; 64 KiB */
	uint8_t *piece;
	struct letters *letters; /* NULL: a file */
	int fd;
	bool once;
	uint64_t ns, since;
};

struct job {
	const char *direction;
	void (*prepare)(struct worker *worker); /* NULL: nothing to prepare */
	void (*run)(struct worker *worker);
};

/* `jobs` ends with a direction that is NULL. */
int worker_main(int argc, char **argv, const struct job *jobs);

/* The next piece of input, valid until the next one; 0: it is at its end. */
size_t worker_read(struct worker *worker, const uint8_t **ret);
/* Read the input again (or the second PATH). */
void worker_rewind(struct worker *worker);
/* All of the input in memory, kept until the process ends. */
const uint8_t *worker_read_all(struct worker *worker, size_t *ret_len);
/* What is between them is not measured. */
void worker_pause(struct worker *worker);
void worker_go_on(struct worker *worker);
/* Output that is done with: nobody takes it, unless `once`. */
void worker_write(struct worker *worker, const void *bytes, size_t len);

/* What cannot be measured is not: one line to standard error, exit 2. */
_Noreturn void die(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
/* die() with the crypto library's own reason unless `ok`. */
void must(bool ok, const char *what);

#endif
