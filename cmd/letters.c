#include "cmd/letters.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "cmd/support.h"

OWNER(struct scratch, scratch_free);

/* --- in --------------------------------------------------------------------- */

static enum rc
read_piece(int file, const char *name, struct buf *piece, struct err *err)
{
	uint8_t *room;
	ssize_t got;

	/* not buf_clear(), which wipes: the next piece overwrites it */
	piece->len = 0;
	TRY(buf_reserve(piece, LETTERS_PIECE, &room, err));
	do
		got = read(file, room, LETTERS_PIECE);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_errno(err, "%s", name);
	buf_grown(piece, (size_t)got);
	return RC_OK;
}

static enum rc
read_all(int file, const char *name, struct scratch *to, struct err *err)
{
	struct buf piece BUF_OWNED = BUF_SECRET(LETTERS_PIECE);

	do {
		TRY(read_piece(file, name, &piece, err));
		TRY(scratch_add(to, buf_span(&piece), err));
	} while (piece.len > 0);
	return RC_OK;
}

enum rc
letters_read_input(struct scratch **ret, struct err *err)
{
	struct scratch *scratch OWNED(scratch_free) = NULL;

	TRY(scratch_new(&scratch, err));
	TRY(read_all(STDIN_FILENO, "standard input", scratch, err));
	*ret = take(scratch);
	return RC_OK;
}

enum rc
letters_read(const char *path, struct scratch **ret, struct err *err)
{
	struct scratch *scratch OWNED(scratch_free) = NULL;

	TRY(support_check_path(path, err));
	TRY(scratch_new(&scratch, err));
	int file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return err_errno(err, "%s", path);
	enum rc rc = read_all(file, path, scratch, err);
	(void)close(file);
	if (rc == RC_OK)
		*ret = take(scratch);
	return rc;
}

/* --- one's own --------------------------------------------------------------- */

static enum rc
check_unchanged(const struct letters_input *input, struct err *err)
{
	struct stat now;

	if (fstat(STDIN_FILENO, &now) != 0)
		return err_errno(err, "standard input");
	if (now.st_size != input->file.st_size ||
	    now.st_mtim.tv_sec != input->file.st_mtim.tv_sec ||
	    now.st_mtim.tv_nsec != input->file.st_mtim.tv_nsec)
		return err_set(
		    err, RC_IO, "the letter was changed while it was read");
	return RC_OK;
}

/* Never past the end that the file had: it may be growing. */
static enum rc
input_next(void *self, struct span *ret, struct err *err)
{
	struct letters_input *input = self;
	off_t left = input->file.st_size - input->at;
	size_t want = left < 0                      ? 0
		      : left < (off_t)LETTERS_PIECE ? (size_t)left
						    : LETTERS_PIECE;
	uint8_t *room;
	ssize_t got;

	input->piece.len = 0;
	TRY(buf_reserve(&input->piece, LETTERS_PIECE, &room, err));
	do
		got = pread(STDIN_FILENO, room, want, input->at);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_errno(err, "standard input");
	if (got == 0)
		TRY(check_unchanged(input, err));
	input->at += got;
	buf_grown(&input->piece, (size_t)got);
	*ret = buf_span(&input->piece);
	return RC_OK;
}

static enum rc
input_rewind(void *self, struct err *err)
{
	struct letters_input *input = self;

	input->at = input->start;
	return RC_OK;
}

static bool
is_output_too(const struct stat *file)
{
	struct stat out;

	return fstat(STDOUT_FILENO, &out) == 0 && out.st_dev == file->st_dev &&
	       out.st_ino == file->st_ino;
}

enum rc
letters_input_open(struct letters_input *input, struct err *err)
{
	if (fstat(STDIN_FILENO, &input->file) != 0)
		return err_errno(err, "standard input");
	if (!S_ISREG(input->file.st_mode) || is_output_too(&input->file))
		return letters_read_input(&input->scratch, err);
	input->start = input->at = lseek(STDIN_FILENO, 0, SEEK_CUR);
	return input->start < 0 ? err_errno(err, "standard input") : RC_OK;
}

void
letters_input_done(struct letters_input *input)
{
	/* whoever shares it goes on behind what was read */
	if (input->scratch == NULL && input->at > input->start)
		(void)lseek(STDIN_FILENO, input->at, SEEK_SET);
	scratch_free(input->scratch);
	buf_done(&input->piece);
}

struct source
letters_input_source(struct letters_input *input)
{
	if (input->scratch != NULL)
		return scratch_source(input->scratch);
	return (struct source){input_next, input_rewind, input};
}

/* --- out -------------------------------------------------------------------- */

static enum rc
put(void *self, struct span bytes, struct err *err)
{
	while (bytes.len > 0) {
		ssize_t done = write(STDOUT_FILENO, bytes.data, bytes.len);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return err_errno(err, "standard output");
		bytes = span_after(bytes, (size_t)done);
	}
	return RC_OK;
}

struct sink
letters_stdout(void)
{
	return (struct sink){put, NULL};
}

/* --- keys ------------------------------------------------------------------- */

enum rc
letters_keys(const struct identity_file *id, struct reader_key **ret,
    size_t *ret_len, struct err *err)
{
	struct reader_key *keys = calloc(id->certs.len + 1, sizeof(*keys));
	struct err ignored = ERR_NONE;
	size_t len = 0;

	if (keys == NULL)
		return err_nomem(err, "keys");
	for (size_t i = 0; id->vault != NULL && i < id->certs.len; i++) {
		const struct key *key = NULL;
		if (vault_find(id->vault, id->certs.item[i], &key, &ignored) ==
		    RC_OK)
			keys[len++] =
			    (struct reader_key){id->certs.item[i], key};
	}
	*ret = keys;
	*ret_len = len;
	return RC_OK;
}
