/* engine_tool -- the engine of src/cms on CMS files, for test/interop_test.py.
 *
 * Reads standard input, writes standard output; status 0, or 1 and one line
 * on standard error.  Whatever seal, open, sign and verify can do has a word
 * here, also what no command of the product offers.
 *
 *   seal    --cipher NAME [--to CERT[,WAY]]...      content  -> CMS
 *           [--kek HEX --kek-id HEX] [--password TEXT]
 *   open    --identity ID, or as seal               CMS      -> content
 *   sign    --signer ID[,WAY]... [--detached]       content  -> CMS
 *   verify  [--content FILE] --signers N            CMS      -> content
 *   expand                                          CMS      -> content
 *
 * A WAY: oaep-sha256, sha384 (the KDF's), pss, ski (by key identifier).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/options.h"
#include "cmd/support.h"
#include "cms/compress.h"
#include "cms/open.h"
#include "cms/seal.h"
#include "cms/sign.h"
#include "cms/verify.h"
#include "codec/hex.h"
#include "os/clock.h"
#include "os/file.h"

#define CONTENT_MAX ((size_t)100 << 20)
#define PIECE ((size_t)10007) /* how much is pushed at once */

OWNER(struct seal, seal_free);
OWNER(struct open, open_free);
OWNER(struct sign, sign_free);
OWNER(struct verify, verify_free);
OWNER(struct compress, compress_free);

struct task {
	const char *cipher, *identity, *content, *signers;
	const char *kek, *kek_id, *password;
	struct strlist to, signer;
	bool detached;
	struct buf in, out;
};

static struct span
next_piece(struct span *rest)
{
	size_t len = rest->len < PIECE ? rest->len : PIECE;
	struct span piece = span_of(rest->data, len);

	*rest = span_of(rest->data + len, rest->len - len);
	return piece;
}

/* What both sides have, if it was given. */
struct shared {
	struct buf kek, kek_id;
};

static void
shared_done(struct shared *shared)
{
	buf_done(&shared->kek);
	buf_done(&shared->kek_id);
}

#define SHARED_OWNED __attribute__((cleanup(shared_done)))
#define SHARED_NONE ((struct shared){BUF_SECRET(64), BUF(64)})

static enum rc
shared_read(const struct task *task, struct shared *ret, struct err *err)
{
	if (task->kek == NULL)
		return RC_OK;
	if (task->kek_id == NULL)
		return err_set(err, RC_SYNTAX, "--kek wants --kek-id");
	TRY(hex_decode(span_str(task->kek), &ret->kek, err));
	return hex_decode(span_str(task->kek_id), &ret->kek_id, err);
}

/* --- seal */

static enum rc
find_cipher(const char *name, enum seal_cipher *ret, struct err *err)
{
	static const struct {
		const char *name;
		enum seal_cipher cipher;
	} ciphers[] = {
	    {"aes-256-cbc", SEAL_AES256_CBC},
	    {"aes-192-cbc", SEAL_AES192_CBC},
	    {"aes-128-cbc", SEAL_AES128_CBC},
	    {"aes-256-gcm", SEAL_AES256_GCM},
	    {"aes-128-gcm", SEAL_AES128_GCM},
	    {"chacha20-poly1305", SEAL_CHACHA20_POLY1305},
	};

	for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++)
		if (name == NULL || strcmp(name, ciphers[i].name) == 0) {
			*ret = ciphers[i].cipher;
			return RC_OK;
		}
	return err_set(err, RC_UNFIT, "%s is for reading only", name);
}

/* A word of --to or --signer, taken apart at its commas: file,way,way,... */
struct word {
	char *text, *rest;
};

static void
word_done(struct word *word)
{
	free(word->text);
}

#define WORD_OWNED __attribute__((cleanup(word_done)))

static enum rc
word_new(const char *text, struct word *ret, struct err *err)
{
	TRY(span_dup(span_str(text), &ret->text, err));
	ret->rest = ret->text;
	return RC_OK;
}

static enum rc
add_way(const char *name, struct recipient_way *way, struct err *err)
{
	static const struct {
		const char *name, *kdf;
		enum recipient_rsa rsa;
		bool by_key_id;
	} ways[] = {
	    {"", NULL, 0, false},
	    {"oaep-sha1", NULL, RECIPIENT_RSA_OAEP_SHA1, false},
	    {"oaep-sha256", NULL, RECIPIENT_RSA_OAEP_SHA256, false},
	    {"oaep-sha384", NULL, RECIPIENT_RSA_OAEP_SHA384, false},
	    {"oaep-sha512", NULL, RECIPIENT_RSA_OAEP_SHA512, false},
	    {"sha1", "SHA1", 0, false},
	    {"sha256", "SHA256", 0, false},
	    {"sha384", "SHA384", 0, false},
	    {"sha512", "SHA512", 0, false},
	    {"ski", NULL, 0, true},
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (strcmp(name, ways[i].name) != 0)
			continue;
		if (ways[i].rsa != 0)
			way->rsa = ways[i].rsa;
		if (ways[i].kdf != NULL)
			way->kdf = ways[i].kdf;
		way->by_key_id |= ways[i].by_key_id;
		return RC_OK;
	}
	return err_set(err, RC_SYNTAX, "no way %s", name);
}

static enum rc
add_recipient(struct seal *seal, const char *text, struct err *err)
{
	struct word word WORD_OWNED = {0};
	struct certs certs CERTS_OWNED = CERTS_NONE;
	struct recipient_way way = {0};

	TRY(word_new(text, &word, err));
	TRY(support_read_certs(strsep(&word.rest, ","), &certs, err));
	while (word.rest != NULL)
		TRY(add_way(strsep(&word.rest, ","), &way, err));
	return seal_add_way(seal, certs.item[0], &way, err);
}

static enum rc
add_everybody(struct seal *seal, const struct task *task, struct err *err)
{
	struct shared shared SHARED_OWNED = SHARED_NONE;

	for (size_t i = 0; i < task->to.len; i++)
		TRY(add_recipient(seal, task->to.item[i], err));
	TRY(shared_read(task, &shared, err));
	if (task->kek != NULL)
		TRY(seal_add_kek(seal, buf_span(&shared.kek_id),
		    buf_span(&shared.kek), err));
	if (task->password == NULL)
		return RC_OK;
	return seal_add_password(seal, span_str(task->password), err);
}

static enum rc
run_seal(struct task *task, struct err *err)
{
	struct seal *seal OWNED(seal_free) = NULL;
	enum seal_cipher cipher = SEAL_AES256_CBC;
	struct span rest = buf_span(&task->in);

	TRY(find_cipher(task->cipher, &cipher, err));
	TRY(seal_new(cipher, &seal, err));
	TRY(add_everybody(seal, task, err));
	while (rest.len > 0)
		TRY(seal_push(seal, next_piece(&rest), &task->out, err));
	return seal_finish(seal, &task->out, err);
}

/* --- open */

static enum rc
add_keys(struct open *open, const struct identity_file *id, struct err *err)
{
	struct err ignored = ERR_NONE;

	for (size_t i = 0; i < id->certs.len; i++) {
		const struct key *key = NULL;
		if (vault_find(id->vault, id->certs.item[i], &key, &ignored) ==
		    RC_OK)
			TRY(open_add(open, id->certs.item[i], key, err));
	}
	return RC_OK;
}

static enum rc
run_open(struct task *task, struct err *err)
{
	struct identity_file id IDENTITY_FILE_OWNED = IDENTITY_FILE_NONE;
	struct shared shared SHARED_OWNED = SHARED_NONE;
	struct open *open OWNED(open_free) = NULL;
	struct open_result result;
	struct span rest = buf_span(&task->in);

	TRY(open_new(&open, err));
	TRY(support_read_identity(task->identity, NULL, &id, err));
	if (task->identity != NULL)
		TRY(add_keys(open, &id, err));
	TRY(shared_read(task, &shared, err));
	if (task->kek != NULL)
		TRY(open_add_kek(open, buf_span(&shared.kek_id),
		    buf_span(&shared.kek), err));
	if (task->password != NULL)
		TRY(open_add_password(open, span_str(task->password), err));
	while (rest.len > 0)
		TRY(open_push(open, next_piece(&rest), &task->out, err));
	return open_finish(open, &task->out, &result, err);
}

/* --- sign */

/* One who signs, and how. */
struct signatory {
	struct identity_file id;
	struct identity who;
	struct sign_options options;
};

static enum rc
signatory_read(const char *text, struct signatory *ret, struct err *err)
{
	struct word word WORD_OWNED = {0};

	TRY(word_new(text, &word, err));
	TRY(support_read_identity(
	    strsep(&word.rest, ","), NULL, &ret->id, err));
	while (word.rest != NULL) {
		const char *way = strsep(&word.rest, ",");
		if (strcmp(way, "pss") == 0)
			ret->options.padding = SIGN_PSS;
		if (strcmp(way, "ski") == 0)
			ret->options.by_key_id = true;
	}
	return identity_signer(&ret->id, clock_now(), &ret->who, err);
}

static enum rc
sign_by(struct task *task, struct signatory *by, struct err *err)
{
	struct sign *sign OWNED(sign_free) = NULL;
	struct span rest = buf_span(&task->in);

	for (size_t i = 0; i < task->signer.len; i++)
		TRY(signatory_read(task->signer.item[i], &by[i], err));
	TRY(sign_new_with(&by[0].who, clock_now(), &by[0].options, &sign, err));
	for (size_t i = 1; i < task->signer.len; i++)
		TRY(sign_add_signer(sign, &by[i].who, &by[i].options, err));
	if (!task->detached)
		TRY(sign_start_opaque(sign, &task->out, err));
	while (rest.len > 0 && task->detached)
		TRY(sign_push(sign, next_piece(&rest), err));
	while (rest.len > 0)
		TRY(sign_push_opaque(sign, next_piece(&rest), &task->out, err));
	TRY(sign_close(sign, err));
	return sign_finish(sign, &task->out, err);
}

static enum rc
run_sign(struct task *task, struct err *err)
{
	struct signatory by[SIGN_SIGNERS_MAX] = {0};

	if (task->signer.len == 0 || task->signer.len > SIGN_SIGNERS_MAX)
		return err_set(
		    err, RC_SYNTAX, "1 to %d times --signer", SIGN_SIGNERS_MAX);
	enum rc rc = sign_by(task, by, err);
	for (size_t i = 0; i < task->signer.len; i++)
		identity_file_done(&by[i].id);
	return rc;
}

/* --- verify */

static enum rc
push_content(struct verify *verify, struct task *task, struct err *err)
{
	struct buf content BUF_OWNED = BUF(CONTENT_MAX);

	TRY(file_read(task->content, &content, err));
	struct span rest = buf_span(&content);
	while (rest.len > 0)
		TRY(verify_push_content(verify, next_piece(&rest), err));
	return buf_add(&task->out, buf_span(&content), err);
}

/* All signers valid, and as many as there should be? */
static enum rc
judge(const struct task *task, const struct verify_result *result,
    struct err *err)
{
	char count[24];

	for (size_t i = 0; i < result->signers; i++)
		if (!result->signer[i].valid)
			return err_set(
			    err, RC_REFUSED, "%s", result->signer[i].reason);
	(void)snprintf(count, sizeof(count), "%zu", result->signers);
	if (task->signers == NULL || strcmp(count, task->signers) != 0)
		return err_set(err, RC_REFUSED, "%s signers", count);
	return RC_OK;
}

static enum rc
run_verify(struct task *task, struct err *err)
{
	struct verify *verify OWNED(verify_free) = NULL;
	struct verify_result result VERIFY_RESULT_OWNED = {0};
	struct span rest = buf_span(&task->in);

	TRY(verify_new(&verify, err));
	while (rest.len > 0)
		TRY(verify_push_cms(
		    verify, next_piece(&rest), &task->out, err));
	if (task->content != NULL)
		TRY(push_content(verify, task, err));
	TRY(verify_finish(verify, &result, err));
	return judge(task, &result, err);
}

/* --- expand */

static enum rc
run_expand(struct task *task, struct err *err)
{
	struct compress *compress OWNED(compress_free) = NULL;
	struct span rest = buf_span(&task->in);

	TRY(compress_new(COMPRESS_LIMITS, &compress, err));
	while (rest.len > 0) {
		enum rc rc = RC_OK;
		compress_push(compress, next_piece(&rest));
		while (rc == RC_OK)
			rc = compress_pull(compress, &task->out, err);
		if (rc != RC_AGAIN)
			return rc;
	}
	return compress_finish(compress, err);
}

/* --- the command line */

static const struct {
	const char *name;
	enum rc (*run)(struct task *task, struct err *err);
} verbs[] = {
    {"seal", run_seal},
    {"open", run_open},
    {"sign", run_sign},
    {"verify", run_verify},
    {"expand", run_expand},
};

static enum rc
run(int argc, char **argv, struct task *task, struct err *err)
{
	const struct option options[] = {
	    {"cipher", OPTION_TEXT, &task->cipher, "NAME", "", false},
	    {"to", OPTION_LIST, &task->to, "CERT", "", false},
	    {"kek", OPTION_TEXT, &task->kek, "HEX", "", false},
	    {"kek-id", OPTION_TEXT, &task->kek_id, "HEX", "", false},
	    {"password", OPTION_TEXT, &task->password, "TEXT", "", false},
	    {"identity", OPTION_TEXT, &task->identity, "ID", "", false},
	    {"signer", OPTION_LIST, &task->signer, "ID", "", false},
	    {"detached", OPTION_FLAG, &task->detached, NULL, "", false},
	    {"content", OPTION_TEXT, &task->content, "FILE", "", false},
	    {"signers", OPTION_TEXT, &task->signers, "N", "", false},
	    {0},
	};

	if (argc < 2)
		return err_set(err, RC_SYNTAX, "usage: engine_tool VERB ...");
	TRY(options_parse(argc - 2, argv + 2, options, NULL, err));
	TRY(file_read("-", &task->in, err));
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].run(task, err);
	return err_set(err, RC_SYNTAX, "no verb %s", argv[1]);
}

int
main(int argc, char **argv)
{
	struct task task = {.to = STRLIST_NONE,
	    .signer = STRLIST_NONE,
	    .in = BUF(CONTENT_MAX),
	    .out = BUF_SECRET(CONTENT_MAX)};
	struct err err = ERR_NONE;
	enum rc rc = run(argc, argv, &task, &err);

	if (rc == RC_OK)
		rc = support_write(buf_span(&task.out), &err);
	if (rc != RC_OK)
		(void)fprintf(stderr, "%s\n", err.text);
	strlist_done(&task.to);
	strlist_done(&task.signer);
	buf_done(&task.in);
	buf_done(&task.out);
	return rc == RC_OK ? 0 : 1;
}
