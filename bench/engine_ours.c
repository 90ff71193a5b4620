/* What our engine needs for the same letter.
 *
 *   seal          cms/compose: signed and sealed in one pass
 *   open          cms/letter: opened and checked in one pass, the plaintext
 *                 straight into the caller's quarantine
 *   open-release  the same, but nothing comes out before all of it was
 *                 authenticated: a short letter waits in memory, of another
 *                 there is a second pass
 *   sign, verify  as seal and open, of a letter that is signed only
 *
 * Links the rooms that cms may use, and the vault, which holds the keys.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"
#include "bench/worker.h"
#include "cms/compose.h"
#include "cms/letter.h"
#include "pki/seen.h"
#include "vault/vault.h"

OWNER(struct compose, compose_free);
OWNER(struct letter, letter_free);

#define BOUNDARY "boundary-of-the-signed-letter"

struct person {
	struct certs certs;
	const struct key *key;
};

static struct vault *vault;
static struct person alice, bob;
static struct identity signer;
static struct seen *seen;
static struct buf output; /* kept from letter to letter */
static struct err err;

static void
need(enum rc rc, const char *what)
{
	if (rc != RC_OK)
		die("%s: %s", what, err.text);
}

/* --- keys and certificates */

static void
import(const struct worker *worker, const char *name, struct certs *certs)
{
	char path[512];
	uint8_t bytes[16384];

	snprintf(path, sizeof(path), "%s/%s", worker->keys, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));
	if (len < 0)
		die("%s: cannot be read", path);
	close(fd);
	need(vault_import(
		 vault, span_of(bytes, (size_t)len), SPAN_NONE, certs, &err),
	    path);
}

static void
load(const struct worker *worker, const char *cert, const char *key,
    struct person *ret)
{
	import(worker, cert, &ret->certs);
	import(worker, key, &ret->certs);
	if (ret->certs.len != 1)
		die("%s: %zu certificates", cert, ret->certs.len);
	need(vault_find(vault, ret->certs.item[0], &ret->key, &err), key);
}

static void
prepare(struct worker *worker)
{
	need(vault_new(&vault, &err), "vault");
	need(seen_new(&seen, &err), "certificates");
	load(worker, "alice.crt", "alice.key", &alice);
	load(worker, "bob.crt", "bob.key", &bob);
	signer = (struct identity){alice.certs.item[0], alice.key, NULL};
	output = BUF((size_t)1 << 20);
}

/* The caller takes what is ready. */
static void
drain(struct worker *worker)
{
	worker_write(worker, output.data, output.len);
	buf_clear(&output);
}

/* --- sealing */

static void
write_letter(struct worker *worker, bool seal)
{
	const struct compose_options options = {
	    .signer = &signer,
	    .signing_time = time(NULL),
	    .seal = seal,
	    .cipher = worker->gcm ? SEAL_AES256_GCM : SEAL_AES256_CBC,
	    .to = &bob.certs,
	    .boundary = BOUNDARY,
	};
	struct compose *compose OWNED(compose_free) = NULL;
	const uint8_t *piece;
	size_t len;

	need(compose_new(&options, &compose, &err), "seal");
	while ((len = worker_read(worker, &piece)) > 0) {
		need(compose_push(compose, span_of(piece, len), &output, &err),
		    "seal");
		drain(worker);
	}
	need(compose_close(compose, &output, &err), "sign");
	need(compose_finish(compose, &output, &err), "seal");
	drain(worker);
}

static void
run_sign(struct worker *worker)
{
	write_letter(worker, false);
}

static void
run_seal(struct worker *worker)
{
	write_letter(worker, true);
}

/* --- opening */

static struct letter *
new_letter(void)
{
	struct letter *letter = NULL;

	need(letter_new(&letter, &err), "letter");
	need(letter_add(letter, bob.certs.item[0], bob.key, &err), "letter");
	/* a reader has seen the certificates of those who write to him */
	letter_know(letter, seen);
	return letter;
}

/* So many layers, the innermost signed by Alice and nobody else. */
static void
check(const struct letter_result *result, size_t layers)
{
	if (result->layers != layers || result->closed ||
	    !result->authenticated || !result->signed_whole)
		die("open: not as it was sent");
	const struct verify_result *verified =
	    result->layer[layers - 1].verified;
	if (verified->signers != 1 || !verified->signer[0].valid)
		die("open: not signed as it was sent");
}

static void
read_letter(struct worker *worker, size_t layers)
{
	struct letter *letter OWNED(letter_free) = new_letter();
	struct letter_result result LETTER_RESULT_OWNED = {.layers = 0};
	const uint8_t *piece;
	size_t len;

	while ((len = worker_read(worker, &piece)) > 0) {
		need(letter_push_unverified(
			 letter, span_of(piece, len), &output, &err),
		    "open");
		drain(worker);
	}
	need(letter_finish_unverified(letter, &output, &result, &err), "open");
	check(&result, layers);
	drain(worker);
}

static void
run_verify(struct worker *worker)
{
	read_letter(worker, 1);
}

static void
run_open(struct worker *worker)
{
	read_letter(worker, 2);
}

/* So much may wait in memory until it is authenticated. */
#define SHORT_MAX (256 * 1024)

static bool
is_short(const struct worker *worker)
{
	struct stat file;

	return fstat(worker->fd, &file) == 0 && S_ISREG(file.st_mode) &&
	       file.st_size <= SHORT_MAX;
}

static void
release_from_memory(struct worker *worker)
{
	struct letter *letter OWNED(letter_free) = new_letter();
	struct letter_result result LETTER_RESULT_OWNED = {.layers = 0};
	const uint8_t *piece;
	size_t len;

	while ((len = worker_read(worker, &piece)) > 0)
		need(letter_push_unverified(
			 letter, span_of(piece, len), &output, &err),
		    "open");
	need(letter_finish_unverified(letter, &output, &result, &err), "open");
	check(&result, 2);
	drain(worker);
}

static void
release_in_second_pass(struct worker *worker)
{
	struct letter *letter OWNED(letter_free) = new_letter();
	struct letter_result result LETTER_RESULT_OWNED = {.layers = 0};
	const uint8_t *piece;
	size_t len;

	while ((len = worker_read(worker, &piece)) > 0)
		need(letter_push(letter, span_of(piece, len), &err), "open");
	need(letter_finish(letter, &result, &err), "open");
	check(&result, 2);
	need(letter_rewind(letter, &err), "release");
	worker_rewind(worker);
	while ((len = worker_read(worker, &piece)) > 0) {
		need(letter_release(letter, span_of(piece, len), &output, &err),
		    "release");
		drain(worker);
	}
	need(letter_release_finish(letter, &output, &err), "release");
	drain(worker);
}

/* Nothing comes out before all of it is authenticated. */
static void
run_open_release(struct worker *worker)
{
	if (is_short(worker))
		release_from_memory(worker);
	else
		release_in_second_pass(worker);
}

int
main(int argc, char **argv)
{
	static const struct job jobs[] = {
	    {"seal", prepare, run_seal},
	    {"open", prepare, run_open},
	    {"open-release", prepare, run_open_release},
	    {"sign", prepare, run_sign},
	    {"verify", prepare, run_verify},
	    {NULL, NULL, NULL},
	};

	return worker_main(argc, argv, jobs);
}
