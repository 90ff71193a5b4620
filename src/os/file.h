/* os/file -- whole files, durable and all or nothing.
 *
 * May use:   base.
 * Errors:    RC_ABSENT: no such file.  RC_LIMIT: larger than the buf allows.
 *            RC_IO: everything else the kernel says (permission, full disk).
 */
#ifndef OS_FILE_H
#define OS_FILE_H

#include "base/buf.h"
#include "base/strlist.h"

/* Append the whole file ("-": standard input).  Never more than `out->max`. */
enum rc file_read(const char *path, struct buf *out, struct err *err);

/* Replace or create by a temporary file, fsync, rename, fsync of the folder:
 * after RC_OK the new bytes survive a crash, after anything else the old ones
 * are there (or the new, if the folder's own fsync was what failed).  `mode`
 * as in open(2): 0600 for whatever is anybody's own. */
enum rc file_save(
    const char *path, struct span bytes, unsigned mode, struct err *err);

/* Who reads a file to change it keeps others from doing so meanwhile, other
 * threads and other processes: whoever takes the guard of this path.  An empty
 * file, made if it is not there.  Waits; who dies gives it back. */
struct file_guard {
	int fd;
};
#define FILE_GUARD_NONE ((struct file_guard){-1})
#define FILE_GUARD_OWNED __attribute__((cleanup(file_guard_done)))
enum rc file_guard_take(
    const char *path, struct file_guard *ret, struct err *err);
void file_guard_done(struct file_guard *guard);

/* Remove durably; a file that is not there is RC_OK. */
enum rc file_remove(const char *path, struct err *err);

/* The same, without waiting for the disk: after a crash it may be there again.
 * For what is only not needed any more. */
enum rc file_forget(const char *path, struct err *err);

/* Make the folder and its parents, 0700 each; RC_UNFIT if it exists but
 * belongs to somebody else or others may enter. */
enum rc file_make_private_dir(const char *path, struct err *err);

/* Names (not paths) in a folder, sorted; names that begin with "." are left
 * out.  They take the place of what `ret` held.  A folder that is not there
 * has none. */
enum rc file_list(const char *path, struct strlist *ret, struct err *err);

/* Call `each` with every name that file_list() would give, in any order and
 * however many; the file it is called for may be removed meanwhile.  Ends with
 * the first failure of `each`. */
enum rc file_each(const char *path,
    enum rc (*each)(void *self, const char *name, struct err *err), void *self,
    struct err *err);

/* Remove what file_save() left half-written, in a folder and all below it, when
 * its process died in the middle.  Only for the one process that writes there:
 * another's work would be swept away.  Links are not followed. */
enum rc file_sweep(const char *path, struct err *err);

#endif
