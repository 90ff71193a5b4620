/* cmd/letters -- what the commands on letters share. */
#ifndef CMD_LETTERS_H
#define CMD_LETTERS_H

#include <sys/stat.h>

#include "flow/gather.h"
#include "store/scratch.h"
#include "vault/identity.h"

/* A whole file, or standard input, of any length.  A private copy: it can be
 * read twice, and nobody changes it in between. */
enum rc letters_read(const char *path, struct scratch **ret, struct err *err);
enum rc letters_read_input(struct scratch **ret, struct err *err);

/* Standard input, for those who make something of their own letter: a file is
 * read where it lies, unless standard output goes there too.  RC_IO: it was
 * changed meanwhile. */
struct letters_input {
	struct scratch *scratch; /* NULL: a file */
	off_t start, at;
	struct stat file;
	struct buf piece;
};

#define LETTERS_INPUT_OWNED __attribute__((cleanup(letters_input_done)))
#define LETTERS_INPUT \
	((struct letters_input){.piece = BUF_SECRET(LETTERS_PIECE)})
#define LETTERS_PIECE ((size_t)128 * 1024)

enum rc letters_input_open(struct letters_input *input, struct err *err);
void letters_input_done(struct letters_input *input);
struct source letters_input_source(struct letters_input *input);

/* Every key of the identity with each certificate it belongs to; the caller
 * frees *ret. */
enum rc letters_keys(const struct identity_file *id, struct reader_key **ret,
    size_t *ret_len, struct err *err);

struct sink letters_stdout(void);

#endif
