#define _GNU_SOURCE /* pipe2, and mkdtemp with it */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/expect.h"
#include "os/file.h"

static char home[] = "/tmp/file_test-XXXXXX";

static int
enter_home(void **state)
{
	(void)umask(022);
	return mkdtemp(home) == NULL || chdir(home) != 0;
}

static int
remove_home(void **state)
{
	pid_t child = fork();

	if (child == 0) {
		(void)execlp("rm", "rm", "-rf", home, (char *)NULL);
		_exit(1);
	}
	return waitpid(child, NULL, 0) != child;
}

static unsigned
mode_of(const char *path)
{
	struct stat is;

	assert_int_equal(stat(path, &is), 0);
	return is.st_mode & 07777;
}

static void
assert_file(const char *path, const char *want)
{
	struct buf out BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;

	assert_done(file_read(path, &out, &err), err);
	assert_span(buf_span(&out), want);
}

static void
what_is_saved_is_read(void **state)
{
	struct err err = ERR_NONE;

	assert_done(file_save("a", span_str("one"), 0600, &err), err);
	assert_file("a", "one");
	assert_done(file_save("a", span_str("two two"), 0600, &err), err);
	assert_file("a", "two two");
	assert_done(file_save("a", SPAN_NONE, 0600, &err), err);
	assert_file("a", "");
	char path[100];
	(void)snprintf(path, sizeof(path), "%s/absolute", home);
	assert_done(file_save(path, span_str("x"), 0600, &err), err);
	assert_file("absolute", "x");
}

static void
reading_appends(void **state)
{
	struct buf out BUF_OWNED = BUF(100);

	assert_ok(file_save("b", span_of("\0x", 2), 0600, NULL));
	assert_ok(buf_add_str(&out, "before ", NULL));
	assert_ok(file_read("b", &out, NULL));
	assert_bytes(buf_span(&out), span_of("before \0x", 9));
}

static void
a_file_of_the_limit_is_read_and_one_byte_more_is_not(void **state)
{
	static const size_t lens[] = {1, 65535, 65536, 65537, 200000};

	for (size_t i = 0; i < COUNT(lens); i++) {
		struct buf bytes BUF_OWNED = BUF_SMALL;
		struct buf out BUF_OWNED = BUF(lens[i]);
		struct buf small BUF_OWNED = BUF(lens[i] - 1);
		struct err err = ERR_NONE;
		for (size_t n = 0; n < lens[i]; n++)
			assert_ok(buf_add_byte(&bytes, (uint8_t)n, NULL));
		assert_ok(file_save("large", buf_span(&bytes), 0600, NULL));
		assert_done(file_read("large", &out, &err), err);
		assert_bytes(buf_span(&out), buf_span(&bytes));
		assert_rc(file_read("large", &small, &err), RC_LIMIT);
		assert_has(err.text, "large: more than ");
		assert_int_equal(small.len, 0);
	}
}

static void
standard_input_is_read_to_its_end(void **state)
{
	struct buf out BUF_OWNED = BUF(100);
	int pipes[2], saved = dup(STDIN_FILENO);

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(write(pipes[1], "from a pipe", 11), 11);
	(void)close(pipes[1]);
	assert_true(dup2(pipes[0], STDIN_FILENO) >= 0);
	(void)close(pipes[0]);
	assert_ok(file_read("-", &out, NULL));
	assert_true(dup2(saved, STDIN_FILENO) >= 0);
	(void)close(saved);
	assert_span(buf_span(&out), "from a pipe");
}

static void
what_cannot_be_read_says_why(void **state)
{
	struct buf out BUF_OWNED = BUF(100);
	struct err err = ERR_NONE;

	assert_rc(file_read("not-there", &out, &err), RC_ABSENT);
	assert_string_equal(err.text, "not-there: no such file");
	assert_rc(file_read("no/such/folder", &out, &err), RC_ABSENT);
	assert_rc(file_read(home, &out, &err), RC_IO);
	assert_has(err.text, "Is a directory");
	assert_rc(file_read("a/b", &out, &err), RC_IO);
}

static void
a_saved_file_has_the_mode_that_was_asked_for(void **state)
{
	assert_ok(file_save("own", span_str("x"), 0600, NULL));
	assert_int_equal(mode_of("own"), 0600);
	assert_ok(file_save("own", span_str("x"), 0644, NULL));
	assert_int_equal(mode_of("own"), 0644);
	assert_ok(file_save("own", span_str("x"), 0600, NULL));
	assert_int_equal(mode_of("own"), 0600);
}

/* How many entries the folder has, hidden ones too. */
static int
count_entries(const char *path)
{
	DIR *folder = opendir(path);
	int count = 0;

	assert_non_null(folder);
	while (readdir(folder) != NULL)
		count++;
	(void)closedir(folder);
	return count - 2; /* "." and ".." */
}

static void
a_failed_save_leaves_nothing_behind_and_the_old_bytes(void **state)
{
	struct err err = ERR_NONE;

	assert_int_equal(mkdir("s", 0700), 0);
	assert_int_equal(mkdir("s/taken", 0700), 0);
	assert_int_equal(mkdir("s/taken/full", 0700), 0);
	assert_rc(file_save("s/taken", span_str("x"), 0600, &err), RC_IO);
	assert_has(err.text, "save s/taken: ");
	assert_int_equal(count_entries("s"), 1);
	assert_rc(file_save("nowhere/a", span_str("x"), 0600, &err), RC_ABSENT);
	assert_has(err.text, "nowhere: no such file");
	/* the folder of "/tmp" is "/" */
	assert_rc(file_save("/tmp", span_str("x"), 0600, &err), RC_IO);
	assert_rc(file_save("s/", span_str("x"), 0600, &err), RC_IO);
	assert_int_equal(count_entries("s"), 1);
}

/* In a child whose files may not grow beyond 1,000 bytes, as on a full disk.
 */
static enum rc
save_on_a_full_disk(void)
{
	static const uint8_t large[5000];
	const struct rlimit limit = {1000, 1000};
	int status;
	pid_t child = fork();

	if (child == 0) {
		(void)signal(SIGXFSZ, SIG_IGN);
		(void)setrlimit(RLIMIT_FSIZE, &limit);
		_exit((int)file_save(
		    "f/a", span_of(large, sizeof(large)), 0600, NULL));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return (enum rc)WEXITSTATUS(status);
}

static void
a_full_disk_keeps_the_old_bytes(void **state)
{
	assert_int_equal(mkdir("f", 0700), 0);
	assert_ok(file_save("f/a", span_str("old"), 0600, NULL));
	assert_rc(save_on_a_full_disk(), RC_IO);
	assert_file("f/a", "old");
	assert_int_equal(count_entries("f"), 1);
}

static void
saving_replaces_a_link_and_not_what_it_points_to(void **state)
{
	struct stat is;

	assert_ok(file_save("target", span_str("old"), 0600, NULL));
	assert_int_equal(symlink("target", "link"), 0);
	assert_ok(file_save("link", span_str("new"), 0600, NULL));
	assert_file("target", "old");
	assert_int_equal(lstat("link", &is), 0);
	assert_true(S_ISREG(is.st_mode));
}

static void
removing_twice_is_well(void **state)
{
	struct err err = ERR_NONE;

	assert_ok(file_save("gone", span_str("x"), 0600, NULL));
	assert_done(file_remove("gone", &err), err);
	assert_int_not_equal(access("gone", F_OK), 0);
	assert_done(file_remove("gone", &err), err);
	assert_done(file_remove("no-folder/gone", &err), err);
	assert_int_equal(mkdir("dir", 0700), 0);
	assert_rc(file_remove("dir", &err), RC_IO);
}

static void
private_folders_are_made_with_their_parents(void **state)
{
	struct err err = ERR_NONE;

	assert_done(file_make_private_dir("p/q/r", &err), err);
	assert_int_equal(mode_of("p"), 0700);
	assert_int_equal(mode_of("p/q"), 0700);
	assert_int_equal(mode_of("p/q/r"), 0700);
	assert_done(file_make_private_dir("p/q/r", &err), err);
	assert_done(file_make_private_dir("p/q/s/", &err), err);
	assert_int_equal(mode_of("p/q/s"), 0700);
	char path[100];
	(void)snprintf(path, sizeof(path), "%s/t/u", home);
	assert_done(file_make_private_dir(path, &err), err);
}

static void
a_folder_that_others_may_enter_is_not_private(void **state)
{
	static const mode_t modes[] = {
	    0701, 0702, 0704, 0710, 0720, 0740, 0755};
	struct err err = ERR_NONE;

	assert_int_equal(mkdir("open", 0700), 0);
	for (size_t i = 0; i < COUNT(modes); i++) {
		assert_int_equal(chmod("open", modes[i]), 0);
		assert_rc(file_make_private_dir("open", &err), RC_UNFIT);
		assert_string_equal(
		    err.text, "open is open to other users: chmod 700 it");
	}
}

static void
a_folder_of_somebody_else_is_not_private(void **state)
{
	struct err err = ERR_NONE;

	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir("theirs", 0700), 0);
	assert_int_equal(chown("theirs", 65534, 65534), 0);
	assert_rc(file_make_private_dir("theirs", &err), RC_UNFIT);
	assert_has(err.text, "belongs to another user");
}

static void
a_file_is_no_folder(void **state)
{
	struct err err = ERR_NONE;

	assert_ok(file_save("file", span_str("x"), 0600, NULL));
	assert_rc(file_make_private_dir("file", &err), RC_IO);
	assert_rc(file_make_private_dir("file/below", &err), RC_IO);
	assert_has(err.text, "Not a directory");
}

static void
a_list_is_sorted_and_leaves_hidden_names_out(void **state)
{
	struct strlist names STRLIST_OWNED = STRLIST_NONE;
	struct err err = ERR_NONE;

	assert_int_equal(mkdir("l", 0700), 0);
	assert_ok(file_save("l/b", SPAN_NONE, 0600, NULL));
	assert_ok(file_save("l/.new-1", SPAN_NONE, 0600, NULL));
	assert_ok(file_save("l/c", SPAN_NONE, 0600, NULL));
	assert_ok(file_save("l/a", SPAN_NONE, 0600, NULL));
	assert_done(file_list("l", &names, &err), err);
	assert_int_equal(names.len, 3);
	assert_string_equal(names.item[0], "a");
	assert_string_equal(names.item[1], "b");
	assert_string_equal(names.item[2], "c");
}

static void
a_folder_that_is_not_there_has_no_names(void **state)
{
	struct strlist names STRLIST_OWNED = STRLIST_NONE;
	struct err err = ERR_NONE;

	assert_done(file_list("not-there", &names, &err), err);
	assert_int_equal(names.len, 0);
	assert_ok(strlist_add_str(&names, "before", NULL));
	assert_ok(file_save("plain", SPAN_NONE, 0600, NULL));
	assert_rc(file_list("plain", &names, &err), RC_IO);
	assert_int_equal(names.len, 1);
}

static void
a_sweep_takes_half_written_files_at_every_depth_and_nothing_else(void **state)
{
	struct err err = ERR_NONE;

	assert_int_equal(mkdir("sweep", 0700), 0);
	assert_int_equal(mkdir("sweep/below", 0700), 0);
	assert_ok(file_save("sweep/.new-1", SPAN_NONE, 0600, NULL));
	assert_ok(file_save("sweep/below/.new-2", SPAN_NONE, 0600, NULL));
	assert_ok(file_save("sweep/.hidden", span_str("h"), 0600, NULL));
	assert_ok(file_save("sweep/below/x.new-3", span_str("x"), 0600, NULL));
	assert_int_equal(symlink("below/x.new-3", "sweep/.new-link"), 0);
	assert_done(file_sweep("sweep", &err), err);
	assert_int_not_equal(access("sweep/.new-1", F_OK), 0);
	assert_int_not_equal(access("sweep/below/.new-2", F_OK), 0);
	assert_file("sweep/.hidden", "h");
	assert_file("sweep/below/x.new-3", "x");
	assert_done(file_sweep("not-there", &err), err);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_saved_is_read),
	    cmocka_unit_test(reading_appends),
	    cmocka_unit_test(
		a_file_of_the_limit_is_read_and_one_byte_more_is_not),
	    cmocka_unit_test(standard_input_is_read_to_its_end),
	    cmocka_unit_test(what_cannot_be_read_says_why),
	    cmocka_unit_test(a_saved_file_has_the_mode_that_was_asked_for),
	    cmocka_unit_test(
		a_failed_save_leaves_nothing_behind_and_the_old_bytes),
	    cmocka_unit_test(a_full_disk_keeps_the_old_bytes),
	    cmocka_unit_test(saving_replaces_a_link_and_not_what_it_points_to),
	    cmocka_unit_test(removing_twice_is_well),
	    cmocka_unit_test(private_folders_are_made_with_their_parents),
	    cmocka_unit_test(a_folder_that_others_may_enter_is_not_private),
	    cmocka_unit_test(a_folder_of_somebody_else_is_not_private),
	    cmocka_unit_test(a_file_is_no_folder),
	    cmocka_unit_test(a_list_is_sorted_and_leaves_hidden_names_out),
	    cmocka_unit_test(a_folder_that_is_not_there_has_no_names),
	    cmocka_unit_test(
		a_sweep_takes_half_written_files_at_every_depth_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, enter_home, remove_home);
}
