#include "cmd/recovery_copy.h"

#include <stdio.h>

#include "cmd/support.h"
#include "edge/rest_settings.h"
#include "enrol/keep.h"
#include "os/clock.h"
#include "os/file.h"
#include "vault/recovery.h"

#define FILE_MAX ((size_t)4 << 20)

OWNER(struct vault, vault_free);

/* The keys that open letters, of these certificates. */
struct openers {
	struct reader_key key[CERTS_MAX];
	size_t len;
};

static void
find_openers(
    const struct vault *vault, const struct certs *certs, struct openers *ret)
{
	struct err ignored = ERR_NONE;

	for (size_t i = 0; i < certs->len; i++) {
		const struct key *key = NULL;
		bool known = false;
		if (vault_find(vault, certs->item[i], &key, &ignored) !=
			RC_OK ||
		    key->purpose == KEY_SIGN)
			continue;
		for (size_t j = 0; j < ret->len; j++)
			known |= ret->key[j].key == key;
		if (!known && ret->len < CERTS_MAX)
			ret->key[ret->len++] =
			    (struct reader_key){certs->item[i], key};
	}
}

/* From now on letters may lie sealed: there is a copy. */
static enum rc
note(const struct state *state, const struct openers *all, struct err *err)
{
	struct rest_settings settings REST_SETTINGS_OWNED = REST_SETTINGS_NONE;
	struct file_guard guard FILE_GUARD_OWNED = FILE_GUARD_NONE;

	TRY(state_guard_take(state, &guard, err));
	TRY(rest_settings_load(state, &settings, err));
	TRY(rest_keys(all->key, all->len, settings.copied, err));
	settings.copied_at = clock_now();
	return rest_settings_save(state, &settings, err);
}

static bool
has_key(const struct openers *in, const struct key *key)
{
	for (size_t i = 0; i < in->len; i++)
		if (EVP_PKEY_eq(in->key[i].key->public_key, key->public_key) ==
		    1)
			return true;
	return false;
}

/* Every one of `want` is in the file, under that code. */
static enum rc
check_file(struct span file, struct span code, const struct openers *want,
    struct err *err)
{
	struct vault *vault OWNED(vault_free) = NULL;
	struct certs certs CERTS_OWNED = CERTS_NONE;
	struct openers got = {.len = 0};

	TRY(vault_new(&vault, err));
	TRY(vault_import(vault, file, code, &certs, err));
	find_openers(vault, &certs, &got);
	for (size_t i = 0; i < want->len; i++)
		if (!has_key(&got, want->key[i].key))
			return err_set(err, RC_CRYPTO,
			    "the copy was read back, and a key is missing");
	return RC_OK;
}

static enum rc
write_and_check(const struct home *home, const char *path, struct span code,
    struct openers *all, struct err *err)
{
	struct buf out BUF_OWNED = BUF_SECRET(FILE_MAX);
	struct buf back BUF_OWNED = BUF_SECRET(FILE_MAX);

	find_openers(home->vault, &home->certs, all);
	TRY(support_check_path(path, err));
	TRY(vault_export(home->vault, &home->certs, code, &out, err));
	TRY(support_save(path, buf_span(&out), 0600, err));
	TRY(file_read(path, &back, err));
	return check_file(buf_span(&back), code, all, err);
}

/* The code before the note: a copy that nobody can open is none. */
static enum rc
give_code(const struct recovery_options *o, struct buf *code, struct err *err)
{
	const char *text = NULL;

	TRY(buf_str(code, &text, err));
	printf("All keys that open your letters are in %s\n", o->to);
	if (o->code_file != NULL) {
		TRY(file_save(o->code_file, buf_span(code), 0600, err));
		printf("Its code is in %s\n", o->code_file);
		return RC_OK;
	}
	printf("code  %s\n      (shown only now: write it down, and keep it "
	       "away from the file)\n",
	    text);
	return fflush(stdout) == 0 ? RC_OK : err_errno(err, "standard output");
}

enum rc
recovery_export(const struct recovery_options *o, struct err *err)
{
	struct home home HOME_OWNED;
	struct buf secret BUF_OWNED = BUF_SECRET(RECOVERY_BYTES);
	struct buf code BUF_OWNED = BUF_SECRET(RECOVERY_TEXT_LEN + 1);
	struct openers all = {.len = 0};

	home_init(&home);
	if (o->to == NULL || o->from != NULL)
		return err_set(
		    err, RC_SYNTAX, "want recovery export --to FILE");
	TRY(home_open(&home, &o->home, false, err));
	TRY(home_load(&home, err));
	TRY(recovery_make(&secret, err));
	TRY(recovery_print(buf_span(&secret), &code, err));
	TRY(write_and_check(&home, o->to, buf_span(&code), &all, err));
	TRY(give_code(o, &code, err));
	return note(home.state, &all, err);
}

static enum rc
take_up(const struct home *home, struct span file, struct span code,
    struct err *err)
{
	struct enrol enrol = {0};
	struct keep keep KEEP_OWNED = KEEP_NONE;
	struct openers all = {.len = 0};
	struct err ignored = ERR_NONE;

	home_enrol(home, 0, &enrol);
	TRY(keep_load(&keep, &enrol, err));
	TRY(keep_import(&keep, file, code, err));
	find_openers(home->vault, &keep.certs, &all);
	printf("This device opens letters with %zu keys now.\n", all.len);
	/* a file that has all of them is the copy */
	if (check_file(file, code, &all, &ignored) != RC_OK)
		return RC_OK;
	return note(home->state, &all, err);
}

static enum rc
lock(const struct home *home, struct err *err)
{
	enum rc rc = state_lock(home->state, err);

	return rc == RC_AGAIN
		   ? err_set(err, rc, "the agent runs: stop it first")
		   : rc;
}

enum rc
recovery_import(const struct recovery_options *o, struct err *err)
{
	struct home home HOME_OWNED;
	struct buf secret BUF_OWNED = BUF_SECRET(RECOVERY_BYTES);
	struct buf code BUF_OWNED = BUF_SECRET(RECOVERY_TEXT_LEN + 1);
	struct buf file BUF_OWNED = BUF_SECRET(FILE_MAX);
	struct err ignored = ERR_NONE;

	home_init(&home);
	if (o->from == NULL || o->to != NULL)
		return err_set(
		    err, RC_SYNTAX, "want recovery import --from FILE");
	TRY(support_check_path(o->from, err));
	TRY(file_read(o->from, &file, err));
	TRY(recovery_read_code(o, &secret, err));
	TRY(recovery_print(buf_span(&secret), &code, err));
	TRY(home_open(&home, &o->home, true, err));
	TRY(lock(&home, err));
	/* before setup there is no account yet, and none is needed */
	(void)(account_load(home.state, &home.account, &ignored) == RC_OK);
	return take_up(&home, buf_span(&file), buf_span(&code), err);
}
