#include "cmd/letters.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"

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
letters_read(const char *path, struct scratch **ret, struct err *err)
{
	struct scratch *scratch OWNED(scratch_free) = NULL;
	bool is_input = strcmp(path, "-") == 0;

	TRY(scratch_new(&scratch, err));
	int file = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return err_errno(err, "%s", path);
	enum rc rc =
	    read_all(file, is_input ? "standard input" : path, scratch, err);
	if (!is_input)
		(void)close(file);
	if (rc == RC_OK)
		*ret = take(scratch);
	return rc;
}

/* --- one's own --------------------------------------------------------------- */

static enum rc
input_next(void *self, struct span *ret, struct err *err)
{
	struct letters_input *input = self;
	uint8_t *room;
	ssize_t got;

	input->piece.len = 0;
	TRY(buf_reserve(&input->piece, LETTERS_PIECE, &room, err));
	do
		got = pread(STDIN_FILENO, room, LETTERS_PIECE, input->at);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_errno(err, "standard input");
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

enum rc
letters_input_open(struct letters_input *input, struct err *err)
{
	struct stat file;

	if (fstat(STDIN_FILENO, &file) != 0)
		return err_errno(err, "standard input");
	if (!S_ISREG(file.st_mode))
		return letters_read("-", &input->scratch, err);
	input->start = input->at = lseek(STDIN_FILENO, 0, SEEK_CUR);
	return input->start < 0 ? err_errno(err, "standard input") : RC_OK;
}

void
letters_input_done(struct letters_input *input)
{
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
