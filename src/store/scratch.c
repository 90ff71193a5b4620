#define _GNU_SOURCE /* O_TMPFILE, mkostemp() */

#include "store/scratch.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/own.h"
#include "os/random.h"

#define BLOCK SCRATCH_MEMORY
#define KEY_LEN 32
#define TAG_LEN 16
#define IV_LEN 12

/* The file is blocks of BLOCK bytes, each with its tag behind it.  The last
 * block, which is not full, never leaves memory. */
struct scratch {
	int file;          /* -1: none yet */
	uint64_t blocks;   /* in the file */
	struct buf tail;   /* behind them */
	struct buf sealed; /* one block with its tag, on its way */
	struct buf clear;  /* one block that was read */
	uint64_t at;       /* of reading: the block that is next */
	bool reading;
	EVP_CIPHER_CTX *cipher; /* has the key */
	EVP_CIPHER *algorithm;
};

/* --- a block ------------------------------------------------------------------ */

static enum rc
crypto_failed(struct err *err)
{
	return err_set(err, RC_CRYPTO, "the temporary file was changed");
}

/* The key is this one's alone and no block is written twice, so its number
 * will do as IV; and no block can stand in for another. */
static enum rc
begin_block(
    struct scratch *scratch, uint64_t number, bool encrypt, struct err *err)
{
	uint8_t iv[IV_LEN] = {0};

	for (size_t i = 0; i < sizeof(number); i++)
		iv[i] = (uint8_t)(number >> (8 * i));
	if (EVP_CipherInit_ex2(
		scratch->cipher, NULL, NULL, iv, encrypt, NULL) != 1)
		return err_nomem(err, "cipher");
	return RC_OK;
}

static enum rc
seal_block(struct scratch *scratch, struct err *err)
{
	uint8_t *room;
	int len = 0, rest = 0;

	scratch->sealed.len = 0;
	TRY(buf_reserve(&scratch->sealed, BLOCK + TAG_LEN, &room, err));
	TRY(begin_block(scratch, scratch->blocks, true, err));
	if (EVP_CipherUpdate(scratch->cipher, room, &len, scratch->tail.data,
		(int)BLOCK) != 1 ||
	    EVP_CipherFinal_ex(scratch->cipher, room + len, &rest) != 1 ||
	    EVP_CIPHER_CTX_ctrl(scratch->cipher, EVP_CTRL_AEAD_GET_TAG, TAG_LEN,
		room + BLOCK) != 1)
		return err_nomem(err, "cipher");
	buf_grown(&scratch->sealed, BLOCK + TAG_LEN);
	return RC_OK;
}

static enum rc
open_block(struct scratch *scratch, uint64_t number, struct err *err)
{
	uint8_t *sealed = scratch->sealed.data, *room;
	int len = 0, rest = 0;

	scratch->clear.len = 0;
	TRY(buf_reserve(&scratch->clear, BLOCK, &room, err));
	TRY(begin_block(scratch, number, false, err));
	if (EVP_CipherUpdate(scratch->cipher, room, &len, sealed, (int)BLOCK) !=
		1 ||
	    EVP_CIPHER_CTX_ctrl(scratch->cipher, EVP_CTRL_AEAD_SET_TAG, TAG_LEN,
		sealed + BLOCK) != 1 ||
	    EVP_CipherFinal_ex(scratch->cipher, room + len, &rest) != 1)
		return crypto_failed(err);
	buf_grown(&scratch->clear, BLOCK);
	return RC_OK;
}

/* --- the file ----------------------------------------------------------------- */

/* A file system without O_TMPFILE gives a file its name for a moment. */
static int
open_named(const char *folder)
{
	char path[4096];
	int len = snprintf(path, sizeof(path), "%s/letterlock-XXXXXX", folder);

	if (len < 0 || (size_t)len >= sizeof(path))
		return -1;
	int file = mkostemp(path, O_CLOEXEC);
	if (file >= 0)
		(void)unlink(path);
	return file;
}

static enum rc
open_file(struct scratch *scratch, struct err *err)
{
	const char *folder = getenv("TMPDIR");

	if (scratch->file >= 0)
		return RC_OK;
	if (folder == NULL || folder[0] == '\0')
		folder = "/var/tmp";
	scratch->file =
	    open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
	if (scratch->file < 0)
		scratch->file = open_named(folder);
	if (scratch->file < 0)
		return err_errno(err, "temporary file in %s", folder);
	return RC_OK;
}

static enum rc
write_block(struct scratch *scratch, struct err *err)
{
	struct span rest = buf_span(&scratch->sealed);
	off_t at = (off_t)(scratch->blocks * (BLOCK + TAG_LEN));

	while (rest.len > 0) {
		ssize_t put = pwrite(scratch->file, rest.data, rest.len, at);
		if (put <= 0)
			return err_errno(err, "temporary file");
		rest = span_after(rest, (size_t)put);
		at += put;
	}
	scratch->blocks++;
	return RC_OK;
}

static enum rc
read_block(struct scratch *scratch, uint64_t number, struct err *err)
{
	off_t at = (off_t)(number * (BLOCK + TAG_LEN));
	uint8_t *room;

	scratch->sealed.len = 0;
	TRY(buf_reserve(&scratch->sealed, BLOCK + TAG_LEN, &room, err));
	for (size_t got = 0; got < BLOCK + TAG_LEN;) {
		ssize_t more = pread(scratch->file, room + got,
		    BLOCK + TAG_LEN - got, at + (off_t)got);
		if (more < 0)
			return err_errno(err, "temporary file");
		if (more == 0)
			return crypto_failed(err);
		got += (size_t)more;
	}
	return open_block(scratch, number, err);
}

/* --- writing and reading ------------------------------------------------------ */

static enum rc
make_cipher(struct scratch *scratch, struct err *err)
{
	uint8_t key[KEY_LEN];

	scratch->algorithm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	scratch->cipher = EVP_CIPHER_CTX_new();
	if (scratch->algorithm == NULL || scratch->cipher == NULL)
		return err_nomem(err, "cipher");
	random_fill(key, sizeof(key));
	int good = EVP_CipherInit_ex2(
	    scratch->cipher, scratch->algorithm, key, NULL, 1, NULL);
	OPENSSL_cleanse(key, sizeof(key));
	return good == 1 ? RC_OK : err_nomem(err, "cipher");
}

static enum rc
spill(struct scratch *scratch, struct err *err)
{
	if (scratch->cipher == NULL)
		TRY(make_cipher(scratch, err));
	TRY(open_file(scratch, err));
	TRY(seal_block(scratch, err));
	TRY(write_block(scratch, err));
	/* not buf_clear(), which wipes: the next block overwrites it */
	scratch->tail.len = 0;
	return RC_OK;
}

enum rc
scratch_new(struct scratch **ret, struct err *err)
{
	struct scratch *scratch = calloc(1, sizeof(*scratch));

	if (scratch == NULL)
		return err_nomem(err, "temporary file");
	scratch->file = -1;
	scratch->tail = BUF_SECRET(BLOCK);
	scratch->sealed = BUF(BLOCK + TAG_LEN);
	scratch->clear = BUF_SECRET(BLOCK);
	*ret = scratch;
	return RC_OK;
}

void
scratch_free(struct scratch *scratch)
{
	if (scratch == NULL)
		return;
	if (scratch->file >= 0)
		(void)close(scratch->file);
	EVP_CIPHER_CTX_free(scratch->cipher);
	EVP_CIPHER_free(scratch->algorithm);
	buf_done(&scratch->tail);
	buf_done(&scratch->sealed);
	buf_done(&scratch->clear);
	free(scratch);
}

enum rc
scratch_add(struct scratch *scratch, struct span bytes, struct err *err)
{
	if (scratch->reading)
		bug("scratch_add: it is being read");
	while (bytes.len > 0) {
		size_t room = BLOCK - scratch->tail.len;
		struct span piece = span_first(bytes, room);
		TRY(buf_add(&scratch->tail, piece, err));
		bytes = span_after(bytes, piece.len);
		if (scratch->tail.len == BLOCK)
			TRY(spill(scratch, err));
	}
	return RC_OK;
}

static enum rc
scratch_put(void *self, struct span bytes, struct err *err)
{
	return scratch_add(self, bytes, err);
}

struct sink
scratch_sink(struct scratch *scratch)
{
	return (struct sink){scratch_put, scratch};
}

static enum rc
scratch_next(void *self, struct span *ret, struct err *err)
{
	struct scratch *scratch = self;
	uint64_t number = scratch->at;

	scratch->reading = true;
	*ret = SPAN_NONE;
	if (number > scratch->blocks)
		return RC_OK;
	scratch->at++;
	if (number == scratch->blocks) {
		*ret = buf_span(&scratch->tail);
		return RC_OK;
	}
	TRY(read_block(scratch, number, err));
	*ret = buf_span(&scratch->clear);
	return RC_OK;
}

static enum rc
scratch_rewind(void *self, struct err *err)
{
	((struct scratch *)self)->at = 0;
	return RC_OK;
}

struct source
scratch_source(struct scratch *scratch)
{
	return (struct source){scratch_next, scratch_rewind, scratch};
}
