/* bench/agent_index -- the search index by itself: letters that lie in the
 * agent's folder as it keeps opened ones are indexed by its own thread, and
 * then searched.
 *
 *     agent_index FOLDER LETTERS QUERIES
 *
 * Prints "per_s=LETTERS-A-SECOND p95_ms=.. median_ms=.. mib=SIZE-OF-THE-FILE",
 * or what failed.  The letters are of about 2 kB, of words as often as words of
 * a language are (the nth a nth as often as the first), one in ten Chinese; what
 * is searched for are words of every frequency, parts of words and several words
 * in a row, in the text, the subject and the senders.  With
 * LETTERLOCK_BENCH_CLOCK=cpu it counts the process's own time, for a machine
 * that is busy with other things.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "codec/wrap.h"
#include "edge/imap_decision.h"
#include "edge/imap_index.h"
#include "flow/search_text.h"
#include "os/file.h"

#define WORDS 20000
#define WORD_LEN 24
#define BODY_WORDS 280

static char word[WORDS][WORD_LEN];
static uint64_t seed = 88172645463325252U;

static uint32_t
chance(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)((seed >> 16) % below);
}

static void
fail(const char *what, const struct err *why)
{
	(void)fprintf(stderr, "agent_index: %s: %s\n", what, why->text);
	exit(1);
}

static void
make_word(char ret[WORD_LEN])
{
	static const char *const begin[] = {"b", "d", "f", "g", "h", "k", "l",
	    "m", "n", "p", "r", "s", "sch", "st", "t", "w", "z", "br", "tr"};
	static const char *const middle[] = {
	    "a", "e", "i", "o", "u", "ei", "au", "\u00fc", "\u00e4", "ie"};
	size_t len = 0, parts = 1 + chance(4);

	for (size_t i = 0; i < parts && len < WORD_LEN - 8; i++)
		len += (size_t)snprintf(ret + len, WORD_LEN - len, "%s%s",
		    begin[chance(19)], middle[chance(10)]);
}

static void
make_words(void)
{
	for (size_t i = 0; i < WORDS; i++)
		if (i % 10 == 9)
			(void)snprintf(word[i], WORD_LEN, "%c%c%c%c%c%c", 0xe4,
			    0xb8 + (int)chance(8), 0x80 + (int)chance(64), 0xe6,
			    0x80 + (int)chance(64), 0x80 + (int)chance(64));
		else
			make_word(word[i]);
}

/* The nth about a nth as often as the first. */
static const char *
any_word(void)
{
	double to = log((double)WORDS);

	return word[(size_t)(exp(to * chance(1 << 24) / (1 << 24)) - 1) %
		    WORDS];
}

static enum rc
write_letter(uint32_t number, struct buf *out, struct err *err)
{
	TRY(buf_add_format(out, err,
	    "Received: from mx%u.beta.test (mx%u.beta.test [192.0.2.%u])\r\n"
	    "\tby mail.alpha.test with ESMTPS id %08x;\r\n"
	    "\tSat, 21 Nov 2026 20:18:00 +0000\r\n"
	    "From: %s %s <%s@beta.test>\r\nTo: Bob <bob@alpha.test>\r\n"
	    "Subject: %s %s %s\r\nDate: Sat, 21 Nov 2026 20:18:00 +0000\r\n"
	    "Message-ID: <%u.%u@beta.test>\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: 8bit\r\n"
	    "Letterlock-Verdict: verified; as of 2026-11-21T20:18:00Z\r\n\r\n",
	    number % 7, number % 7, number % 250, number * 2654435761U,
	    any_word(), any_word(), any_word(), any_word(), any_word(),
	    any_word(), number, chance(1 << 30)));
	for (int i = 1; i <= BODY_WORDS; i++)
		TRY(buf_add_format(
		    out, err, "%s%s", any_word(), i % 12 == 0 ? "\r\n" : " "));
	return RC_OK;
}

/* As state_save() does, without waiting for the disk each time. */
static enum rc
keep(const struct state *state, const char *name, const struct buf *bytes,
    struct err *err)
{
	struct buf wrapped BUF_OWNED = BUF_SMALL;
	char path[1000];

	TRY(wrap_encode(
	    state_key(state), name, buf_span(bytes), &wrapped, err));
	(void)snprintf(path, sizeof(path), "%s/%s", state_folder(state), name);
	FILE *file = fopen(path, "w");
	if (file == NULL)
		return err_errno(err, "%s", path);
	(void)fwrite(wrapped.data, 1, wrapped.len, file);
	return fclose(file) == 0 ? RC_OK : err_errno(err, "%s", path);
}

static enum rc
keep_letter(const struct state *state, const struct imap_view_folder *folder,
    uint32_t number, struct err *err)
{
	struct imap_view view IMAP_VIEW_OWNED;
	struct buf letter BUF_OWNED = BUF_SMALL, decision BUF_OWNED = BUF_SMALL;
	char name[100];

	imap_view_init(&view);
	view.rebuilt = true;
	view.first_seen = view.judged_at = 1795292280;
	TRY(imap_decision_print(&view, &decision, err));
	TRY(write_letter(number, &letter, err));
	(void)snprintf(
	    name, sizeof(name), "%s/%u.letter", folder->name, number);
	TRY(keep(state, name, &letter, err));
	(void)snprintf(name, sizeof(name), "%s/%u", folder->name, number);
	return keep(state, name, &decision, err);
}

static double
now(void)
{
	const char *clock = getenv("LETTERLOCK_BENCH_CLOCK");
	bool cpu = clock != NULL && !strcmp(clock, "cpu");
	struct timespec time;

	(void)clock_gettime(
	    cpu ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static enum rc
count(void *self, uint32_t number, const struct index_letter *letter,
    struct err *err)
{
	(void)number, (void)letter, (void)err;
	++*(unsigned *)self;
	return RC_OK;
}

static unsigned
count_all(const struct agent *agent, const struct imap_view_folder *folder)
{
	struct err why = ERR_NONE;
	unsigned found = 0;

	if (index_list(agent->index, folder->name, false, count, &found,
		&why) != RC_OK)
		fail("list", &why);
	return found;
}

static double
index_them(struct agent *agent, const struct imap_view_folder *folder,
    unsigned letters)
{
	struct imap_indexer *indexer OWNED(imap_indexer_free) = NULL;
	struct err why = ERR_NONE;
	double began = now();

	if (imap_indexer_new(agent, &indexer, &why) != RC_OK)
		fail("thread", &why);
	imap_indexer_visit(indexer, folder);
	while (count_all(agent, folder) < letters)
		(void)usleep(20000);
	return letters / (now() - began);
}

/* What a search of the agent asks, but for the mail server. */
static double
search(const struct agent *agent, const struct imap_view_folder *folder,
    unsigned in, const char *text)
{
	struct buf folded BUF_OWNED = BUF_SMALL;
	struct err why = ERR_NONE;
	unsigned found = 0;
	bool exact = false;
	double began = now();

	if (search_fold(span_str(text), &folded, &why) != RC_OK)
		fail("fold", &why);
	(void)count_all(agent, folder);
	if (index_find(agent->index, folder->name, in, buf_span(&folded), count,
		&found, &exact, &why) != RC_OK)
		fail("find", &why);
	double took = (now() - began) * 1e3;
	if (getenv("LETTERLOCK_BENCH_SHOW") != NULL)
		(void)fprintf(stderr, "%8.1f ms %6u %s\n", took, found, text);
	return took;
}

/* A word of any frequency; a part of one; two that may be beside each other. */
static void
choose(unsigned number, char *ret, size_t room)
{
	const char *text = word[number * 37 % WORDS];

	if (number % 4 == 0)
		text = word[number / 4 % 50];
	if (number % 4 == 1)
		text = any_word();
	if (number % 8 == 7)
		(void)snprintf(ret, room, "%s %s", word[number % 5], text);
	else if (number % 8 == 3 && (uint8_t)text[0] < 0x80)
		(void)snprintf(ret, room, "%.4s", text);
	else
		(void)snprintf(ret, room, "%s", text);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void
run(struct agent *agent, unsigned letters, unsigned queries)
{
	static const unsigned texts[] = {INDEX_HEADER | INDEX_BODY, INDEX_BODY,
	    INDEX_SUBJECT, INDEX_FROM, INDEX_HEADER | INDEX_BODY};
	struct imap_view_folder folder = {"views/bench"};
	double *took = calloc(queries, sizeof(took[0]));
	double per_second = index_them(agent, &folder, letters);
	char path[1000], text[100];
	struct stat info = {0};

	if (took == NULL)
		exit(1);
	for (unsigned i = 0; i < queries; i++) {
		choose(i, text, sizeof(text));
		took[i] = search(agent, &folder, texts[i % 5], text);
	}
	qsort(took, queries, sizeof(took[0]), compare);
	(void)snprintf(
	    path, sizeof(path), "%s/index", state_folder(agent->state));
	(void)stat(path, &info);
	(void)printf("per_s=%.0f p95_ms=%.1f median_ms=%.1f mib=%.0f\n",
	    per_second, took[queries * 95 / 100], took[queries / 2],
	    (double)info.st_size / (1 << 20));
	free(took);
}

int
main(int argc, char **argv)
{
	struct state *state OWNED(state_free) = NULL;
	struct index *index OWNED(index_free) = NULL;
	struct agent agent = {0};
	struct err why = ERR_NONE;
	char path[1000];

	if (argc != 4)
		return 2;
	unsigned letters = (unsigned)strtoul(argv[2], NULL, 10);
	unsigned queries = (unsigned)strtoul(argv[3], NULL, 10);
	(void)snprintf(path, sizeof(path), "%s/key", argv[1]);
	if (letters == 0 || queries == 0 ||
	    state_open(argv[1], path, true, &state, &why) != RC_OK ||
	    index_open(state, INDEX_SIZE, &index, &why) != RC_OK)
		fail("begin", &why);
	(void)snprintf(path, sizeof(path), "%s/views/bench", argv[1]);
	if (file_make_private_dir(path, &why) != RC_OK)
		fail("begin", &why);
	make_words();
	const struct imap_view_folder folder = {"views/bench"};
	for (unsigned i = 1; i <= letters; i++)
		if (keep_letter(state, &folder, i, &why) != RC_OK)
			fail("letter", &why);
	agent.state = state;
	agent.index = index;
	run(&agent, letters, queries);
	return 0;
}
