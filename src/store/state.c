#include "store/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "os/file.h"
#include "os/random.h"

#define STATE_PATH_MAX 4096
#define STATE_NAME_MAX 200
#define CREDENTIAL_NAME "letterlock-key"
#define NAME_BYTES                                             \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" \
	"0123456789._/-"

struct state {
	char *folder;
	struct wrap_key key;
	int lock; /* -1: not held */
};

struct path {
	char text[STATE_PATH_MAX];
};

/* Where the key is, and how closely it must be kept. */
struct key_place {
	struct path path;
	mode_t forbidden; /* permission bits that nobody may have */
	bool may_create;
};

void
state_free(struct state *state)
{
	if (state == NULL)
		return;
	if (state->lock >= 0)
		(void)close(state->lock);
	OPENSSL_cleanse(&state->key, sizeof(state->key));
	free(state->folder);
	free(state);
}

static enum rc
path_set(const char *text, struct path *ret, struct err *err)
{
	if (strlen(text) >= sizeof(ret->text))
		return err_set(
		    err, RC_LIMIT, "%.60s...: too long a path", text);
	memcpy(ret->text, text, strlen(text) + 1);
	return RC_OK;
}

static enum rc
path_join(
    const char *folder, const char *name, struct path *ret, struct err *err)
{
	struct path path;
	int len = snprintf(path.text, sizeof(path.text), "%s/%s", folder, name);

	if (len < 0 || (size_t)len >= sizeof(path.text))
		return err_set(err, RC_LIMIT, "%s: too long a path", folder);
	*ret = path;
	return RC_OK;
}

/* -- the key -- */

static enum rc
find_home_key(struct path *ret, struct err *err)
{
	const char *config = getenv("XDG_CONFIG_HOME");
	if (config != NULL && config[0] == '/')
		return path_join(config, "letterlock/key", ret, err);

	const char *home = getenv("HOME");
	if (home == NULL || home[0] != '/')
		return err_set(err, RC_ABSENT,
		    "neither HOME nor XDG_CONFIG_HOME says where the key "
		    "file is: name it with --key-file");
	return path_join(home, ".config/letterlock/key", ret, err);
}

static enum rc
find_key_place(const char *key_file, struct key_place *ret, struct err *err)
{
	struct key_place place = {.forbidden = 077, .may_create = true};
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");

	if (key_file != NULL) {
		TRY(path_set(key_file, &place.path, err));
		*ret = place;
		return RC_OK;
	}
	if (credentials != NULL && credentials[0] == '/') {
		TRY(path_join(credentials, CREDENTIAL_NAME, &place.path, err));
		/* The service manager guards its folder by access lists, which
		 * show as permissions of the group. */
		place.forbidden = 07;
		place.may_create = false;
		if (access(place.path.text, F_OK) == 0) {
			*ret = place;
			return RC_OK;
		}
	}
	place.forbidden = 077;
	place.may_create = true;
	TRY(find_home_key(&place.path, err));
	*ret = place;
	return RC_OK;
}

static enum rc
check_key_file(const struct key_place *place, struct err *err)
{
	struct stat info;

	if (stat(place->path.text, &info) != 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return err_set(err, RC_ABSENT,
			    "there is no key file %s: run "
			    "\"letterlock setup\" first",
			    place->path.text);
		return err_errno(err, "key file %s", place->path.text);
	}
	if (!S_ISREG(info.st_mode))
		return err_set(
		    err, RC_UNFIT, "key file %s is no file", place->path.text);
	if ((info.st_mode & place->forbidden) != 0)
		return err_set(err, RC_UNFIT,
		    "others can read the key file %s: chmod 600 it",
		    place->path.text);
	if (info.st_uid != geteuid() && info.st_uid != 0)
		return err_set(err, RC_UNFIT,
		    "the key file %s belongs to somebody else",
		    place->path.text);
	return RC_OK;
}

static enum rc
load_key(const struct key_place *place, struct wrap_key *ret, struct err *err)
{
	struct buf bytes BUF_OWNED = BUF_SECRET(WRAP_KEY_LEN + 1);

	TRY(check_key_file(place, err));
	enum rc rc = file_read(place->path.text, &bytes, err);
	if (rc != RC_OK && rc != RC_LIMIT)
		return rc;
	if (rc == RC_LIMIT || bytes.len != WRAP_KEY_LEN)
		return err_set(err, RC_SYNTAX,
		    "key file %s: not a key of %d bytes", place->path.text,
		    WRAP_KEY_LEN);
	memcpy(ret->bytes, bytes.data, WRAP_KEY_LEN);
	return RC_OK;
}

static enum rc
make_key_folder(const char *key_path, struct err *err)
{
	char folder[STATE_PATH_MAX];
	(void)snprintf(folder, sizeof(folder), "%s", key_path);
	char *slash = strrchr(folder, '/');

	if (slash == NULL || slash == folder)
		return RC_OK;
	*slash = '\0';
	/* Somebody's own choice of a folder that exists is left as it is:
	 * the file in it is closed to others anyway. */
	if (access(folder, F_OK) == 0)
		return RC_OK;
	return file_make_private_dir(folder, err);
}

/* By way of a second name, so that of two processes which come here at once
 * only one makes the key, and no crash leaves half of one. */
static enum rc
make_key(const char *path, struct err *err)
{
	struct buf name BUF_OWNED = BUF_SMALL;
	struct buf bytes BUF_OWNED = BUF_SECRET(WRAP_KEY_LEN);
	const char *fresh = NULL;
	uint8_t *room = NULL;

	TRY(make_key_folder(path, err));
	TRY(buf_add_format(&name, err, "%s.", path));
	TRY(random_text(12, &name, err));
	TRY(buf_str(&name, &fresh, err));
	TRY(buf_reserve(&bytes, WRAP_KEY_LEN, &room, err));
	random_fill(room, WRAP_KEY_LEN);
	buf_grown(&bytes, WRAP_KEY_LEN);

	TRY(file_save(fresh, buf_span(&bytes), 0600, err));
	int linked = link(fresh, path);
	int why = errno;
	TRY(file_remove(fresh, err));
	errno = why;
	if (linked != 0 && why != EEXIST)
		return err_errno(err, "key file %s", path);
	return RC_OK;
}

/* A new key for a folder that holds items under another one would make them
 * unreadable for good without anybody noticing today. */
static enum rc
check_may_make_key(
    const char *folder, const struct key_place *place, struct err *err)
{
	struct strlist names STRLIST_OWNED = STRLIST_NONE;

	TRY(file_list(folder, &names, err));
	if (names.len != 0 || !place->may_create)
		return err_set(err, RC_ABSENT,
		    "the key file %s is gone, and %s was wrapped with it: "
		    "bring it back, or remove that folder",
		    place->path.text, folder);
	return RC_OK;
}

static enum rc
get_key(const char *folder, const struct key_place *place, bool create,
    struct wrap_key *ret, struct err *err)
{
	enum rc rc = load_key(place, ret, err);

	if (rc != RC_ABSENT || !create)
		return rc;
	TRY(check_may_make_key(folder, place, err));
	TRY(make_key(place->path.text, err));
	return load_key(place, ret, err);
}

/* -- the folder -- */

static enum rc
check_folder(const char *folder, struct err *err)
{
	struct stat info;

	if (stat(folder, &info) != 0) {
		if (errno == ENOENT)
			return err_set(err, RC_ABSENT,
			    "there is no folder %s: run "
			    "\"letterlock setup\" first",
			    folder);
		return err_errno(err, "%s", folder);
	}
	if (!S_ISDIR(info.st_mode))
		return err_set(err, RC_UNFIT, "%s is no folder", folder);
	if ((info.st_mode & 077) != 0)
		return err_set(
		    err, RC_UNFIT, "others can enter %s: chmod 700 it", folder);
	if (info.st_uid != geteuid())
		return err_set(
		    err, RC_UNFIT, "%s belongs to somebody else", folder);
	return RC_OK;
}

enum rc
state_open(const char *folder, const char *key_file, bool create,
    struct state **ret, struct err *err)
{
	struct key_place place;
	struct state *state OWNED(state_free) = calloc(1, sizeof(*state));

	if (state == NULL)
		return err_nomem(err, "opening the state");
	state->lock = -1;
	TRY(find_key_place(key_file, &place, err));
	if (create)
		TRY(file_make_private_dir(folder, err));
	TRY(check_folder(folder, err));
	TRY(get_key(folder, &place, create, &state->key, err));
	state->folder = strdup(folder);
	if (state->folder == NULL)
		return err_nomem(err, "opening the state");
	*ret = take(state);
	return RC_OK;
}

const char *
state_folder(const struct state *state)
{
	return state->folder;
}

const struct wrap_key *
state_key(const struct state *state)
{
	return &state->key;
}

enum rc
state_guard_take(
    const struct state *state, struct file_guard *ret, struct err *err)
{
	struct path path;

	TRY(path_join(state->folder, ".guard", &path, err));
	return file_guard_take(path.text, ret, err);
}

/* What a crash left half-written is ours to remove now; but not what one that
 * need not hold the folder is just writing. */
static enum rc
sweep(const struct state *state, struct err *err)
{
	struct file_guard guard FILE_GUARD_OWNED = FILE_GUARD_NONE;

	TRY(state_guard_take(state, &guard, err));
	return file_sweep(state->folder, err);
}

enum rc
state_lock(struct state *state, struct err *err)
{
	struct path path;

	if (state->lock >= 0)
		return RC_OK;
	TRY(path_join(state->folder, ".lock", &path, err));
	int fd = open(path.text, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(err, "%s", path.text);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		state->lock = fd;
		return sweep(state, err);
	}
	int why = errno;
	(void)close(fd);
	errno = why;
	if (why == EWOULDBLOCK)
		return err_set(err, RC_AGAIN,
		    "another letterlock is using %s: stop it first",
		    state->folder);
	return err_errno(err, "%s", path.text);
}

/* -- the items -- */

/* A name never leads out of the folder, and never to a file that begins with a
 * dot (temporary ones, the lock). */
static enum rc
check_name(const char *name, struct err *err)
{
	size_t len = strlen(name);

	if (len == 0 || len > STATE_NAME_MAX ||
	    strspn(name, NAME_BYTES) != len || name[0] == '.' ||
	    name[0] == '/' || name[len - 1] == '/' ||
	    strstr(name, "/.") != NULL || strstr(name, "//") != NULL)
		return err_set(
		    err, RC_SYNTAX, "\"%.40s\" names no state item", name);
	return RC_OK;
}

static enum rc
item_path(const struct state *state, const char *name, struct path *ret,
    struct err *err)
{
	TRY(check_name(name, err));
	return path_join(state->folder, name, ret, err);
}

enum rc
state_load(const struct state *state, const char *name, struct buf *out,
    struct err *err)
{
	struct path path;
	struct buf wrapped BUF_OWNED = BUF(STATE_ITEM_MAX);

	TRY(item_path(state, name, &path, err));
	TRY(file_read(path.text, &wrapped, err));
	enum rc rc =
	    wrap_decode(&state->key, name, buf_span(&wrapped), out, err);
	if (rc == RC_CRYPTO || rc == RC_SYNTAX)
		return err_set(err, RC_CRYPTO,
		    "%s: damaged, or wrapped with another key", path.text);
	return rc;
}

static enum rc
make_item_folder(const struct path *item, struct err *err)
{
	struct path folder = *item;

	*strrchr(folder.text, '/') = '\0';
	return file_make_private_dir(folder.text, err);
}

enum rc
state_save(const struct state *state, const char *name, struct span bytes,
    struct err *err)
{
	struct path path;
	struct buf wrapped BUF_OWNED = BUF(STATE_ITEM_MAX);

	TRY(item_path(state, name, &path, err));
	enum rc rc = wrap_encode(&state->key, name, bytes, &wrapped, err);
	if (rc == RC_LIMIT)
		return err_set(err, RC_LIMIT,
		    "%s: an item of more than %zu MiB", path.text,
		    STATE_ITEM_MAX >> 20);
	TRY(rc);
	if (strchr(name, '/') != NULL)
		TRY(make_item_folder(&path, err));
	return file_save(path.text, buf_span(&wrapped), 0600, err);
}

enum rc
state_remove(const struct state *state, const char *name, struct err *err)
{
	struct path path;

	TRY(item_path(state, name, &path, err));
	return file_remove(path.text, err);
}

enum rc
state_forget(const struct state *state, const char *name, struct err *err)
{
	struct path path;

	TRY(item_path(state, name, &path, err));
	return file_forget(path.text, err);
}

enum rc
state_list(const struct state *state, const char *folder, struct strlist *ret,
    struct err *err)
{
	struct path path;
	struct strlist names STRLIST_OWNED = STRLIST_NONE;

	TRY(item_path(state, folder, &path, err));
	TRY(file_list(path.text, &names, err));
	for (size_t i = 0; i < names.len; i++) {
		struct path name;
		TRY(path_join(folder, names.item[i], &name, err));
		TRY(strlist_add_str(ret, name.text, err));
	}
	return RC_OK;
}

struct each {
	const char *folder;
	enum rc (*each)(void *self, const char *name, struct err *err);
	void *self;
};

static enum rc
each_name(void *self, const char *name, struct err *err)
{
	const struct each *each = self;
	struct path path;

	TRY(path_join(each->folder, name, &path, err));
	return each->each(each->self, path.text, err);
}

enum rc
state_each(const struct state *state, const char *folder,
    enum rc (*each)(void *self, const char *name, struct err *err), void *self,
    struct err *err)
{
	struct each names = {folder, each, self};
	struct path path;

	TRY(item_path(state, folder, &path, err));
	return file_each(path.text, each_name, &names, err);
}

/* The salt of the wrapping, which is at random each time.  (Times of files are
 * too coarse, and their numbers come again.) */
uint64_t
state_stamp(const struct state *state, const char *name)
{
	struct err ignored = ERR_NONE;
	struct path path;
	uint64_t stamp = 0;

	if (item_path(state, name, &path, &ignored) != RC_OK)
		return 0;
	int fd = open(path.text, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (pread(fd, &stamp, sizeof(stamp), WRAP_SALT_AT) != sizeof(stamp))
		stamp = 0;
	(void)close(fd);
	return stamp | 1;
}
