/* What it takes to say what a signed letter is worth.
 *
 *   verdict   flow/gather and flow/verdict, as a reader's agent has it: roots
 *             and the revocation list were parsed before, and what was seen to
 *             be signed is remembered from one former letter, the INPUT
 *   cold      the same, with nothing remembered from letter to letter
 *
 * The folder has roots.pem, tsa.pem, list.crl, and the letters that are judged
 * in turn, letter-0.eml and so on.  The memory is begun anew before a letter
 * comes again, so that nothing of the letter itself is in it.  Each must be
 * `verified`, stamped, and its signer not revoked.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/worker.h"
#include "flow/gather.h"
#include "flow/verdict.h"

#define FILE_MAX ((size_t)1 << 20)
#define LETTERS_MAX 256

static struct certs roots, tsa_roots;
static struct crls lists;
static struct lookalike *lookalike;
static struct imitations imitations;
static struct reader reader;
static struct source_memory former, letter[LETTERS_MAX];
static size_t letters, next;
static struct err err;

static void
need(enum rc rc, const char *what)
{
	if (rc != RC_OK)
		die("%s: %s", what, err.text);
}

/* --- what is parsed once */

static bool
find_file(const struct worker *worker, const char *name, struct span *ret)
{
	char path[512];
	uint8_t *bytes = malloc(FILE_MAX);

	snprintf(path, sizeof(path), "%s/%s", worker->keys, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 || bytes == NULL ? -1 : read(fd, bytes, FILE_MAX);
	if (fd >= 0)
		close(fd);
	if (len < 0)
		free(bytes);
	else
		*ret = span_of(bytes, (size_t)len);
	return len >= 0;
}

static struct span
read_file(const struct worker *worker, const char *name)
{
	struct span found;

	if (!find_file(worker, name, &found))
		die("%s/%s: cannot be read", worker->keys, name);
	return found;
}

static void
read_letters(const struct worker *worker)
{
	char name[32];

	for (; letters < LETTERS_MAX; letters++) {
		snprintf(name, sizeof(name), "letter-%zu.eml", letters);
		if (!find_file(worker, name, &letter[letters].bytes))
			break;
	}
	if (letters == 0)
		die("%s: there is no letter", worker->keys);
}

static enum rc
find(const void *self, const struct lookalike_sender *sender,
    struct lookalike_finding *ret, struct err *why)
{
	return lookalike_find(self, sender, ret, why);
}

static void
prepare_reader(struct worker *worker)
{
	need(certs_parse(&roots, read_file(worker, "roots.pem"), &err),
	    "roots.pem");
	need(certs_parse(&tsa_roots, read_file(worker, "tsa.pem"), &err),
	    "tsa.pem");
	need(crls_add(&lists, read_file(worker, "list.crl"), &err), "list.crl");
	need(lookalike_new(&lookalike, &err), "look-alikes");
	imitations = (struct imitations){find, lookalike};
	reader = (struct reader){
	    .roots = &roots,
	    .tsa_roots = &tsa_roots,
	    .imitations = &imitations,
	    .crls = &lists,
	    .now = time(NULL),
	};
}

static void
prepare_cold(struct worker *worker)
{
	prepare_reader(worker);
	read_letters(worker);
}

/* --- one letter */

static void
check(const struct facts *facts, const struct verdict *verdict)
{
	if (verdict->level == VERDICT_VERIFIED &&
	    facts->time.source == TIME_STAMPED &&
	    facts->sig.revocation == REVOCATION_GOOD)
		return;
	die("not as it was sent: %s (%s), time %d, revocation %d",
	    verdict_name(verdict->level),
	    verdict->reasons > 0 ? verdict->reason[0] : "no reason",
	    (int)facts->time.source, (int)facts->sig.revocation);
}

static void
judge(struct source_memory *one)
{
	struct source source = source_memory(one);
	struct gathered gathered GATHERED_OWNED;
	struct verdict verdict;

	gathered_init(&gathered);
	need(source.rewind(source.self, &err), "letter");
	need(gather(&source, &reader, &gathered, &err), "letter");
	verdict_decide(&gathered.facts, &verdict);
	check(&gathered.facts, &verdict);
}

static void
run_cold(struct worker *worker)
{
	judge(&letter[next++ % letters]);
}

static void
remember_anew(void)
{
	seen_free(reader.seen);
	need(seen_new(&reader.seen, &err), "certificates");
	judge(&former);
}

static void
prepare(struct worker *worker)
{
	prepare_cold(worker);
	former.bytes.data = worker_read_all(worker, &former.bytes.len);
	remember_anew();
}

static void
run(struct worker *worker)
{
	if (next == letters) {
		worker_pause(worker);
		remember_anew();
		worker_go_on(worker);
		next = 0;
	}
	judge(&letter[next++]);
}

int
main(int argc, char **argv)
{
	static const struct job jobs[] = {
	    {"verdict", prepare, run},
	    {"cold", prepare_cold, run_cold},
	    {NULL, NULL, NULL},
	};

	return worker_main(argc, argv, jobs);
}
