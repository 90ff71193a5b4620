#include "store/scratch.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/expect.h"
#include "base/own.h"

OWNER(struct scratch, scratch_free);

/* Bytes that do not repeat in steps of a block. */
static void
fill(struct buf *out, size_t len)
{
	uint32_t x = 2463534242;

	while (out->len < len) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		assert_ok(buf_add(out,
		    span_first(
			span_of((uint8_t *)&x, sizeof(x)), len - out->len),
		    NULL));
	}
}

static void
assert_comes_back(size_t len, size_t piece)
{
	struct buf bytes BUF_OWNED = BUF(len + 1), read BUF_OWNED = BUF(len);
	struct scratch *scratch OWNED(scratch_free) = NULL;

	fill(&bytes, len);
	assert_ok(scratch_new(&scratch, NULL));
	for (struct span rest = buf_span(&bytes); rest.len > 0;
	     rest = span_after(rest, piece))
		assert_ok(scratch_add(scratch, span_first(rest, piece), NULL));
	struct source source = scratch_source(scratch);
	for (int i = 0; i < 2; i++) {
		buf_clear(&read);
		assert_ok(source_read(&source, &read, NULL));
		assert_true(span_is(buf_span(&read), buf_span(&bytes)));
	}
}

static void
what_was_added_comes_back_as_often_as_wanted(void **state)
{
	assert_comes_back(0, 1);
	assert_comes_back(1, 1);
	assert_comes_back(SCRATCH_MEMORY - 1, 4096);
	assert_comes_back(SCRATCH_MEMORY, 1000);
	assert_comes_back(SCRATCH_MEMORY + 1, 1 << 20);
	assert_comes_back(3 * SCRATCH_MEMORY, SCRATCH_MEMORY);
	assert_comes_back(5 * SCRATCH_MEMORY + 77, 70001);
}

/* The file of ours among the descriptors; -1: there is none. */
static int
find_file(void)
{
	char link[300];
	struct stat found;

	for (int fd = 3; fd < 200; fd++) {
		(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		if (stat(link, &found) == 0 && S_ISREG(found.st_mode) &&
		    found.st_nlink == 0)
			return fd;
	}
	return -1;
}

static void
little_needs_no_file(void **state)
{
	struct scratch *scratch OWNED(scratch_free) = NULL;

	assert_ok(scratch_new(&scratch, NULL));
	assert_ok(scratch_add(scratch, span_str("a word"), NULL));
	assert_int_equal(find_file(), -1);
}

/* A secret that is written over and over stands nowhere on the disk. */
static void
the_file_has_no_name_and_no_clear_text(void **state)
{
	static const char secret[] = "the quick brown fox ";
	struct scratch *scratch OWNED(scratch_free) = NULL;
	struct buf disk BUF_OWNED = BUF((size_t)4 << 20);
	uint8_t *room;

	assert_ok(scratch_new(&scratch, NULL));
	for (size_t len = 0; len < 2 * SCRATCH_MEMORY; len += strlen(secret))
		assert_ok(scratch_add(scratch, span_str(secret), NULL));
	int file = find_file();
	assert_true(file >= 0);
	assert_ok(buf_reserve(&disk, 2 << 20, &room, NULL));
	ssize_t got = pread(file, room, 2 << 20, 0);
	assert_true(got > (ssize_t)SCRATCH_MEMORY);
	buf_grown(&disk, (size_t)got);
	assert_true(span_find(buf_span(&disk), span_str("quick")) < 0);
}

static enum rc
read_all(struct scratch *scratch)
{
	struct source source = scratch_source(scratch);
	struct buf read BUF_OWNED = BUF((size_t)4 << 20);

	return source_read(&source, &read, NULL);
}

static void
a_changed_file_is_found_out(void **state)
{
	struct scratch *scratch OWNED(scratch_free) = NULL;
	struct buf bytes BUF_OWNED = BUF((size_t)4 << 20);
	const size_t places[] = {
	    0, 1000, SCRATCH_MEMORY, SCRATCH_MEMORY + 16, 2 * SCRATCH_MEMORY};
	uint8_t byte;

	fill(&bytes, 3 * SCRATCH_MEMORY);
	assert_ok(scratch_new(&scratch, NULL));
	assert_ok(scratch_add(scratch, buf_span(&bytes), NULL));
	int file = find_file();
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		off_t at = (off_t)places[i];
		assert_int_equal(pread(file, &byte, 1, at), 1);
		byte ^= 1;
		assert_int_equal(pwrite(file, &byte, 1, at), 1);
		assert_int_equal(read_all(scratch), RC_CRYPTO);
		byte ^= 1;
		assert_int_equal(pwrite(file, &byte, 1, at), 1);
		assert_ok(read_all(scratch));
	}
}

static void
blocks_that_change_places_are_found_out(void **state)
{
	struct scratch *scratch OWNED(scratch_free) = NULL;
	struct buf bytes BUF_OWNED = BUF((size_t)4 << 20);
	size_t block = SCRATCH_MEMORY + 16;
	struct buf one BUF_OWNED = BUF(block), two BUF_OWNED = BUF(block);
	uint8_t *first, *second;

	fill(&bytes, 2 * SCRATCH_MEMORY);
	assert_ok(scratch_new(&scratch, NULL));
	assert_ok(scratch_add(scratch, buf_span(&bytes), NULL));
	int file = find_file();
	assert_ok(buf_reserve(&one, block, &first, NULL));
	assert_ok(buf_reserve(&two, block, &second, NULL));
	assert_int_equal(pread(file, first, block, 0), block);
	assert_int_equal(pread(file, second, block, (off_t)block), block);
	assert_int_equal(pwrite(file, first, block, (off_t)block), block);
	assert_int_equal(pwrite(file, second, block, 0), block);
	assert_int_equal(read_all(scratch), RC_CRYPTO);
}

static void
a_file_cut_off_is_found_out(void **state)
{
	struct scratch *scratch OWNED(scratch_free) = NULL;
	struct buf bytes BUF_OWNED = BUF((size_t)4 << 20);

	fill(&bytes, 2 * SCRATCH_MEMORY);
	assert_ok(scratch_new(&scratch, NULL));
	assert_ok(scratch_add(scratch, buf_span(&bytes), NULL));
	assert_int_equal(ftruncate(find_file(), (off_t)SCRATCH_MEMORY), 0);
	assert_int_equal(read_all(scratch), RC_CRYPTO);
}

static void
a_folder_that_is_not_there_is_named(void **state)
{
	struct scratch *scratch OWNED(scratch_free) = NULL;
	struct buf bytes BUF_OWNED = BUF((size_t)4 << 20);
	struct err err = ERR_NONE;

	fill(&bytes, SCRATCH_MEMORY);
	assert_int_equal(setenv("TMPDIR", "/nonexistent/folder", 1), 0);
	assert_ok(scratch_new(&scratch, NULL));
	enum rc rc = scratch_add(scratch, buf_span(&bytes), &err);
	assert_int_equal(unsetenv("TMPDIR"), 0);
	assert_int_not_equal(rc, RC_OK);
	assert_non_null(strstr(err.text, "/nonexistent/folder"));
}

/* What a full disk does. */
static void
a_disk_without_room_is_an_error(void **state)
{
	struct scratch *scratch OWNED(scratch_free) = NULL;
	struct buf bytes BUF_OWNED = BUF((size_t)4 << 20);
	struct rlimit before, small;

	fill(&bytes, 3 * SCRATCH_MEMORY);
	assert_ok(scratch_new(&scratch, NULL));
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = SCRATCH_MEMORY + SCRATCH_MEMORY / 2;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	enum rc rc = scratch_add(scratch, buf_span(&bytes), NULL);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(rc, RC_IO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_added_comes_back_as_often_as_wanted),
	    cmocka_unit_test(little_needs_no_file),
	    cmocka_unit_test(the_file_has_no_name_and_no_clear_text),
	    cmocka_unit_test(a_changed_file_is_found_out),
	    cmocka_unit_test(blocks_that_change_places_are_found_out),
	    cmocka_unit_test(a_file_cut_off_is_found_out),
	    cmocka_unit_test(a_folder_that_is_not_there_is_named),
	    cmocka_unit_test(a_disk_without_room_is_an_error),
	};

	(void)signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
