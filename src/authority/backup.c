#include "authority/backup.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#include "authority/audit_seal.h"
#include "authority/schema.h"
#include "codec/hex.h"
#include "os/file.h"
#include "pki/crypto.h"
#include "store/sql_copy.h"

#define FORMAT 1
#define JSON_MAX ((size_t)256 * 1024)
#define PATH_LEN_MAX 4096
#define PIECE ((size_t)64 * 1024)
#define HASH_LEN 32
#define HEX_SIZE (2 * HASH_LEN + 1)

OWNER(json_t, json_decref);
OWNER(char, free);

static void
path_of(const char *folder, const char *name, char path[PATH_LEN_MAX])
{
	(void)snprintf(path, PATH_LEN_MAX, "%s/%s", folder, name);
}

/* --- files of any length */

struct copy {
	int from, to; /* -1: none; `to` stays so when only the hash is wanted */
	EVP_MD_CTX *hash;
};

#define COPY ((struct copy){-1, -1, NULL})
#define COPY_OWNED __attribute__((cleanup(copy_done)))

static void
copy_done(struct copy *copy)
{
	if (copy->from >= 0)
		(void)close(copy->from);
	if (copy->to >= 0)
		(void)close(copy->to);
	EVP_MD_CTX_free(copy->hash);
}

static enum rc
write_all(int fd, const uint8_t *bytes, size_t len, struct err *err)
{
	while (len > 0) {
		ssize_t wrote = write(fd, bytes, len);
		if (wrote < 0)
			return err_errno(err, "write");
		bytes += wrote;
		len -= (size_t)wrote;
	}
	return RC_OK;
}

static enum rc
copy_bytes(struct copy *copy, struct err *err)
{
	uint8_t bytes[PIECE];
	ssize_t len;

	while ((len = read(copy->from, bytes, sizeof(bytes))) > 0) {
		if (!EVP_DigestUpdate(copy->hash, bytes, (size_t)len))
			return crypto_failed(err, "digest");
		if (copy->to >= 0)
			TRY(write_all(copy->to, bytes, (size_t)len, err));
	}
	if (len < 0)
		return err_errno(err, "read");
	if (copy->to >= 0 && fsync(copy->to) != 0)
		return err_errno(err, "fsync");
	return RC_OK;
}

/* Copy a file, new, for its owner only, and say what it hashes to; `to` NULL:
 * only the latter.  A link is not followed: who can write to a backup must not
 * have us read something else. */
static enum rc
copy_file(const char *from, const char *to, char hex[HEX_SIZE], struct err *err)
{
	struct copy copy COPY_OWNED = COPY;
	struct buf text BUF_OWNED = BUF(HEX_SIZE);
	uint8_t hash[HASH_LEN];

	copy.from = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (copy.from < 0)
		return err_errno(err, "%s", from);
	if (to != NULL) {
		copy.to =
		    open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (copy.to < 0)
			return err_errno(err, "%s", to);
	}
	copy.hash = EVP_MD_CTX_new();
	if (copy.hash == NULL ||
	    !EVP_DigestInit_ex(copy.hash, crypto_sha2(256), NULL))
		return crypto_failed(err, "digest");
	TRY(copy_bytes(&copy, err));
	if (!EVP_DigestFinal_ex(copy.hash, hash, NULL))
		return crypto_failed(err, "digest");
	TRY(hex_encode(span_of(hash, HASH_LEN), &text, err));
	memcpy(hex, text.data, HEX_SIZE - 1);
	hex[HEX_SIZE - 1] = '\0';
	return RC_OK;
}

static enum rc
make_new_folder(const char *path, struct err *err)
{
	if (access(path, F_OK) == 0)
		return err_set(err, RC_REFUSED,
		    "%s exists: name a folder that is not there yet", path);
	return file_make_private_dir(path, err);
}

/* --- the list of what is in a backup */

/* What is the authority's in its folder; the rest makes itself anew. */
static bool
is_kept(const char *name)
{
	static const char *const ends[] = {".pem", ".key", ".crl"};
	size_t len = strlen(name);

	if (strcmp(name, SETTINGS_FILE) == 0 || strcmp(name, AUDIT_HEAD) == 0)
		return true;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (len > 4 && strcmp(name + len - 4, ends[i]) == 0)
			return true;
	return false;
}

static bool
is_name(const char *name)
{
	return name[0] != '.' && strchr(name, '/') == NULL &&
	       (is_kept(name) || strcmp(name, SCHEMA_FILE) == 0);
}

static enum rc
save_list(const char *folder, json_t *files, struct err *err)
{
	char path[PATH_LEN_MAX];
	json_t *object OWNED(json_decref) =
	    json_pack("{s:i, s:O}", "format", FORMAT, "files", files);
	char *text OWNED(free) =
	    object != NULL ? json_dumps(object, JSON_INDENT(2)) : NULL;

	if (text == NULL)
		return err_nomem(err, "backup");
	path_of(folder, BACKUP_FILE, path);
	return file_save(path, span_str(text), 0600, err);
}

static enum rc
read_list(const char *folder, json_t **ret, struct err *err)
{
	struct buf text BUF_OWNED = BUF(JSON_MAX);
	char path[PATH_LEN_MAX];
	int format = 0;
	json_t *files = NULL;

	path_of(folder, BACKUP_FILE, path);
	enum rc rc = file_read(path, &text, err);
	if (rc == RC_ABSENT)
		return err_set(err, RC_ABSENT,
		    "%s is not there: this is no backup, or one that was cut "
		    "off",
		    path);
	TRY(rc);
	json_t *object OWNED(json_decref) = json_loadb(
	    (const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
	if (object == NULL ||
	    json_unpack(object, "{s:i, s:o}", "format", &format, "files",
		&files) != 0 ||
	    !json_is_object(files))
		return err_set(err, RC_SYNTAX, "%s is damaged", path);
	if (format != FORMAT)
		return err_set(err, RC_UNFIT,
		    "%s is of another letterlock-authority (format %d)", path,
		    format);
	*ret = json_incref(files);
	return RC_OK;
}

/* --- make */

static enum rc
add_file(const char *folder, const char *name, const char *to, json_t *files,
    struct err *err)
{
	char source[PATH_LEN_MAX], target[PATH_LEN_MAX], hex[HEX_SIZE];

	path_of(folder, name, source);
	path_of(to, name, target);
	TRY(copy_file(source, target, hex, err));
	if (json_object_set_new(files, name, json_string(hex)) != 0)
		return err_nomem(err, "backup");
	return RC_OK;
}

static enum rc
copy_rows(struct sql *from, int64_t version, const char *to, struct err *err)
{
	struct sql *file OWNED(sql_free) = NULL;
	unsigned tries = 0;
	int64_t rows = 0;
	enum rc rc;

	TRY(schema_make(to, version, &file, err));
	do
		rc = sql_copy(from, file, &rows, err);
	while (rc == RC_AGAIN && sql_again(&tries));
	return rc;
}

static enum rc
add_database(const char *folder, const struct settings *settings,
    const char *to, json_t *files, struct err *err)
{
	struct sql *sql OWNED(sql_free) = NULL;
	char path[PATH_LEN_MAX], hex[HEX_SIZE];
	int64_t version = 0;

	path_of(to, SCHEMA_FILE, path);
	/* also an older one: a backup comes before an upgrade */
	TRY(schema_look(folder, settings, &sql, &version, err));
	TRY(sql_is_shared(sql) ? copy_rows(sql, version, to, err)
			       : sql_copy_file(sql, path, err));
	if (chmod(path, 0600) != 0)
		return err_errno(err, "%s", path);
	TRY(copy_file(path, NULL, hex, err));
	if (json_object_set_new(files, SCHEMA_FILE, json_string(hex)) != 0)
		return err_nomem(err, "backup");
	return RC_OK;
}

static enum rc
add_files(const char *folder, const char *to, json_t *files, struct err *err)
{
	struct strlist names STRLIST_OWNED = STRLIST_NONE;

	TRY(file_list(folder, &names, err));
	for (size_t i = 0; i < names.len; i++) {
		if (!is_kept(names.item[i]))
			continue;
		if (json_object_size(files) >= BACKUP_FILES_MAX)
			return err_set(err, RC_LIMIT,
			    "more than %d files in %s", BACKUP_FILES_MAX,
			    folder);
		TRY(add_file(folder, names.item[i], to, files, err));
	}
	return RC_OK;
}

static enum rc
list_names(json_t *files, struct strlist *ret, struct err *err)
{
	const char *name;
	json_t *hash;

	json_object_foreach(files, name, hash)
	    TRY(strlist_add_str(ret, name, err));
	return RC_OK;
}

enum rc
backup_make(const char *folder, const struct settings *settings, const char *to,
    struct strlist *files, struct err *err)
{
	json_t *list OWNED(json_decref) = json_object();

	if (list == NULL)
		return err_nomem(err, "backup");
	TRY(make_new_folder(to, err));
	/* The head of the audit log before its database: the other way round
	 * the head could be one that the database does not have yet. */
	TRY(add_files(folder, to, list, err));
	TRY(add_database(folder, settings, to, list, err));
	TRY(save_list(to, list, err));
	return list_names(list, files, err);
}

/* --- restore */

static enum rc
check_file(const char *from, const char *name, json_t *want, struct err *err)
{
	char path[PATH_LEN_MAX], hex[HEX_SIZE];

	if (!is_name(name) || !json_is_string(want))
		return err_set(err, RC_SYNTAX,
		    "%s/" BACKUP_FILE " names what no backup has: %s", from,
		    name);
	path_of(from, name, path);
	TRY(copy_file(path, NULL, hex, err));
	if (strcmp(hex, json_string_value(want)) != 0)
		return err_set(err, RC_SYNTAX,
		    "%s is not as it was when the backup was made", path);
	return RC_OK;
}

static enum rc
check_all(const char *from, json_t *files, struct err *err)
{
	const char *name;
	json_t *hash;

	if (json_object_get(files, SETTINGS_FILE) == NULL ||
	    json_object_get(files, SCHEMA_FILE) == NULL)
		return err_set(err, RC_SYNTAX,
		    "%s/" BACKUP_FILE " lacks " SETTINGS_FILE
		    " or " SCHEMA_FILE,
		    from);
	json_object_foreach(files, name, hash)
	    TRY(check_file(from, name, hash, err));
	return RC_OK;
}

static enum rc
fetch(const char *from, const char *name, const char *folder,
    const json_t *want, struct err *err)
{
	char source[PATH_LEN_MAX], target[PATH_LEN_MAX], hex[HEX_SIZE];

	path_of(from, name, source);
	path_of(folder, name, target);
	TRY(copy_file(source, target, hex, err));
	if (strcmp(hex, json_string_value(want)) != 0)
		return err_set(
		    err, RC_SYNTAX, "%s changed while it was read", source);
	return RC_OK;
}

static enum rc
fetch_all(const char *from, json_t *files, const char *folder, struct err *err)
{
	const char *name;
	json_t *hash;

	json_object_foreach(
	    files, name, hash) if (strcmp(name, SETTINGS_FILE) != 0)
	    TRY(fetch(from, name, folder, hash, err));
	return RC_OK;
}

/* Nobody's orders go away for another's. */
static enum rc
check_empty(struct sql *sql, struct err *err)
{
	static const char *const counts[] = {"SELECT count(*) FROM account",
	    "SELECT count(*) FROM certificate",
	    "SELECT count(*) FROM audit WHERE act <> 'begin'"};
	int64_t rows = 0;

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		TRY(sql_number(sql, counts[i], SQL_NONE, &rows, err));
		if (rows > 0)
			return err_set(err, RC_REFUSED,
			    "the database that the settings name is not "
			    "empty");
	}
	return RC_OK;
}

/* Into the database that the settings name, and away with the file. */
static enum rc
move_rows(const char *folder, const struct settings *settings, struct err *err)
{
	struct sql *to OWNED(sql_free) = NULL;
	struct sql *from OWNED(sql_free) = NULL;
	struct settings own = *settings; /* borrows all but: */
	char path[PATH_LEN_MAX];
	unsigned tries = 0;
	int64_t rows = 0;
	enum rc rc;

	own.store = NULL;
	TRY(schema_open(folder, &own, &from, err));
	TRY(schema_open(folder, settings, &to, err));
	TRY(check_empty(to, err));
	do
		rc = sql_copy(from, to, &rows, err);
	while (rc == RC_AGAIN && sql_again(&tries));
	TRY(rc);
	path_of(folder, SCHEMA_FILE, path);
	sql_free(take(from));
	return file_remove(path, err);
}

/* Nonces that were used after the backup would be good once more, as would forms
 * that were sent, and a job may be held by a process that is no more. */
static enum rc
forget_the_past(
    const char *folder, const struct settings *settings, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct sql *sql OWNED(sql_free) = NULL;

	TRY(schema_open(folder, settings, &sql, err));
	TRY(sql_act_begin(sql, &act, err));
	TRY(sql_change(sql, "DELETE FROM shared_key", SQL_NONE, err));
	TRY(sql_change(sql, "DELETE FROM nonce", SQL_NONE, err));
	TRY(sql_change(sql, "DELETE FROM job", SQL_NONE, err));
	return sql_act_commit(&act, err);
}

/* An older backup's database is brought up to date on the way. */
static enum rc
settle_database(
    const char *folder, const struct settings *settings, struct err *err)
{
	struct settings own = *settings; /* borrows all but: */
	int64_t before = 0;

	own.store = NULL;
	TRY(schema_upgrade(folder, &own, &before, err));
	if (settings->store != NULL)
		TRY(move_rows(folder, settings, err));
	return forget_the_past(folder, settings, err);
}

enum rc
backup_restore(const char *from, const char *folder, struct err *err)
{
	json_t *files OWNED(json_decref) = NULL;
	struct settings settings SETTINGS_OWNED;

	settings_init(&settings);
	TRY(read_list(from, &files, err));
	TRY(check_all(from, files, err));
	TRY(settings_load(from, &settings, err));
	TRY(make_new_folder(folder, err));
	TRY(fetch_all(from, files, folder, err));
	TRY(settle_database(folder, &settings, err));
	return fetch(from, SETTINGS_FILE, folder,
	    json_object_get(files, SETTINGS_FILE), err);
}
