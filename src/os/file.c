#define _GNU_SOURCE /* openat and its relatives */
#include "os/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "os/random.h"

#define READ_STEP ((size_t)1 << 16)
#define DRAFT ".new-" /* how the name of a half-written file begins */
#define SWEEP_FDS 16

/* A descriptor that is closed at the end of its scope. */
static void
fd_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

#define FD_OWNED __attribute__((cleanup(fd_close)))

OWNER(DIR, closedir);

static enum rc
no_file(const char *doing, const char *path, struct err *err)
{
	if (errno == ENOENT)
		return err_set(err, RC_ABSENT, "%s: no such file", path);
	return err_errno(err, "%s %s", doing, path);
}

static ssize_t
read_some(int fd, uint8_t *to, size_t len)
{
	ssize_t got;

	do
		got = read(fd, to, len);
	while (got < 0 && errno == EINTR);
	return got;
}

/* The buf is full: that is well only if the file ends here. */
static enum rc
expect_end(int fd, const char *path, const struct buf *out, struct err *err)
{
	uint8_t more;
	ssize_t got = read_some(fd, &more, 1);

	if (got < 0)
		return err_errno(err, "read %s", path);
	if (got > 0)
		return err_set(
		    err, RC_LIMIT, "%s: more than %zu bytes", path, out->max);
	return RC_OK;
}

static enum rc
read_all(int fd, const char *path, struct buf *out, struct err *err)
{
	for (;;) {
		size_t room = out->max - out->len;
		uint8_t *to;
		if (room == 0)
			return expect_end(fd, path, out, err);
		room = room < READ_STEP ? room : READ_STEP;
		TRY(buf_reserve(out, room, &to, err));
		ssize_t got = read_some(fd, to, room);
		if (got < 0)
			return err_errno(err, "read %s", path);
		if (got == 0)
			return RC_OK;
		buf_grown(out, (size_t)got);
	}
}

enum rc
file_read(const char *path, struct buf *out, struct err *err)
{
	size_t before = out->len;
	bool standard = !strcmp(path, "-");
	int opened FD_OWNED = -1;

	if (!standard) {
		opened = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (opened < 0)
			return no_file("open", path, err);
	}
	enum rc rc = read_all(standard ? STDIN_FILENO : opened,
	    standard ? "standard input" : path, out, err);
	if (rc != RC_OK)
		buf_cut(out, before);
	return rc;
}

/* The folder that `path` is in, open; and the name in it. */
static enum rc
open_parent(
    const char *path, int *ret_fd, const char **ret_name, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX] = ".";

	if (slash != NULL) {
		size_t len = slash == path ? 1 : (size_t)(slash - path);
		if (len >= sizeof(folder))
			return err_set(err, RC_IO, "%s: path too long", path);
		memcpy(folder, path, len);
		folder[len] = '\0';
	}
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return no_file("open", folder, err);
	*ret_fd = fd;
	*ret_name = slash == NULL ? path : slash + 1;
	return RC_OK;
}

static bool
write_all(int fd, struct span bytes)
{
	while (bytes.len > 0) {
		ssize_t done = write(fd, bytes.data, bytes.len);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return false;
		bytes = span_after(bytes, (size_t)done);
	}
	return true;
}

/* A file that is being written: in `folder`, under a name that file_list()
 * leaves out should we die before the rename. */
struct draft {
	int folder;
	char name[32];
	unsigned mode;
};

static bool
draft_write(const struct draft *draft, struct span bytes)
{
	int fd FD_OWNED = openat(draft->folder, draft->name,
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, draft->mode);

	return fd >= 0 && write_all(fd, bytes) && fsync(fd) == 0;
}

static bool
draft_save(struct draft *draft, struct span bytes, const char *name)
{
	uint64_t number;

	random_fill(&number, sizeof(number));
	(void)snprintf(
	    draft->name, sizeof(draft->name), DRAFT "%016" PRIx64, number);
	if (draft_write(draft, bytes) &&
	    renameat(draft->folder, draft->name, draft->folder, name) == 0)
		return fsync(draft->folder) == 0;
	int why = errno;
	(void)unlinkat(draft->folder, draft->name, 0);
	errno = why;
	return false;
}

enum rc
file_save(const char *path, struct span bytes, unsigned mode, struct err *err)
{
	struct draft draft = {.mode = mode};
	int folder FD_OWNED = -1;
	const char *name;

	TRY(open_parent(path, &folder, &name, err));
	draft.folder = folder;
	if (!draft_save(&draft, bytes, name))
		return err_errno(err, "save %s", path);
	return RC_OK;
}

/* Of an open file of one's own, so that threads wait for each other too. */
enum rc
file_guard_take(const char *path, struct file_guard *ret, struct err *err)
{
	int done;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_errno(err, "%s", path);
	do
		done = flock(fd, LOCK_EX);
	while (done != 0 && errno == EINTR);
	if (done != 0) {
		(void)close(fd);
		return err_errno(err, "%s", path);
	}
	ret->fd = fd;
	return RC_OK;
}

void
file_guard_done(struct file_guard *guard)
{
	if (guard->fd >= 0)
		(void)close(guard->fd);
	*guard = FILE_GUARD_NONE;
}

enum rc
file_remove(const char *path, struct err *err)
{
	int folder FD_OWNED = -1;
	const char *name;
	enum rc rc = open_parent(path, &folder, &name, err);

	if (rc == RC_ABSENT)
		return RC_OK;
	TRY(rc);
	if (unlinkat(folder, name, 0) != 0 && errno != ENOENT)
		return err_errno(err, "remove %s", path);
	/* Also if it was gone already: perhaps by a call of ours whose own
	 * fsync failed. */
	if (fsync(folder) != 0)
		return err_errno(err, "remove %s", path);
	return RC_OK;
}

enum rc
file_forget(const char *path, struct err *err)
{
	if (unlink(path) != 0 && errno != ENOENT)
		return err_errno(err, "remove %s", path);
	return RC_OK;
}

static enum rc
make_one_dir(const char *path, struct err *err)
{
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return err_errno(err, "make folder %s", path);
	return RC_OK;
}

/* Every folder above the last, as far as it is missing. */
static enum rc
make_parents(const char *path, struct err *err)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	if (len >= sizeof(part))
		return err_set(err, RC_IO, "%s: path too long", path);
	for (size_t i = 1; i < len; i++) {
		if (path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		TRY(make_one_dir(part, err));
	}
	return RC_OK;
}

enum rc
file_make_private_dir(const char *path, struct err *err)
{
	struct stat is;

	TRY(make_parents(path, err));
	TRY(make_one_dir(path, err));
	int fd FD_OWNED = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &is) != 0)
		return err_errno(err, "open folder %s", path);
	if (is.st_uid != geteuid())
		return err_set(err, RC_UNFIT,
		    "%s belongs to another user: choose another folder", path);
	if ((is.st_mode & 077) != 0)
		return err_set(err, RC_UNFIT,
		    "%s is open to other users: chmod 700 it", path);
	return RC_OK;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum rc
list_names(DIR *folder, const char *path, struct strlist *ret, struct err *err)
{
	for (;;) {
		errno = 0;
		const struct dirent *entry = readdir(folder);
		if (entry == NULL && errno != 0)
			return err_errno(err, "list %s", path);
		if (entry == NULL)
			break;
		if (entry->d_name[0] != '.')
			TRY(strlist_add_str(ret, entry->d_name, err));
	}
	if (ret->len > 1)
		qsort(ret->item, ret->len, sizeof(ret->item[0]), compare_names);
	return RC_OK;
}

enum rc
file_list(const char *path, struct strlist *ret, struct err *err)
{
	struct strlist names STRLIST_OWNED = STRLIST_NONE;
	DIR *folder OWNED(closedir) = opendir(path);

	if (folder == NULL && errno != ENOENT)
		return err_errno(err, "list %s", path);
	if (folder != NULL)
		TRY(list_names(folder, path, &names, err));
	strlist_done(ret);
	*ret = names;
	names = STRLIST_NONE;
	return RC_OK;
}

enum rc
file_each(const char *path,
    enum rc (*each)(void *self, const char *name, struct err *err), void *self,
    struct err *err)
{
	DIR *folder OWNED(closedir) = opendir(path);

	if (folder == NULL)
		return errno == ENOENT ? RC_OK
				       : err_errno(err, "list %s", path);
	for (;;) {
		errno = 0;
		const struct dirent *entry = readdir(folder);
		if (entry == NULL)
			return errno == 0 ? RC_OK
					  : err_errno(err, "list %s", path);
		if (entry->d_name[0] != '.')
			TRY(each(self, entry->d_name, err));
	}
}

static int
sweep_one(
    const char *path, const struct stat *info, int kind, struct FTW *where)
{
	(void)info;
	if (kind == FTW_F && !strncmp(path + where->base, DRAFT, strlen(DRAFT)))
		return unlink(path);
	return 0;
}

enum rc
file_sweep(const char *path, struct err *err)
{
	if (nftw(path, sweep_one, SWEEP_FDS, FTW_PHYS) != 0 && errno != ENOENT)
		return err_errno(err, "sweep %s", path);
	return RC_OK;
}
