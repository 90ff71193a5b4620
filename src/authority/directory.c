#include "authority/directory.h"

#include <stdlib.h>

#include "authority/acme.h"
#include "authority/authorization.h"
#include "pki/crypto.h"

#define ADOPT_MOST 500 /* in one transaction */

OWNER(char, free);

void
directory_found_done(struct directory_found *found)
{
	buf_done(&found->bytes);
	free(found->address);
	found->address = NULL;
	found->len = 0;
}

struct span
directory_der(const struct directory_found *found, size_t i)
{
	return span_of(
	    found->bytes.data + found->item[i].at, found->item[i].len);
}

static struct sql_value
hash_value(const struct directory_keys *keys, enum directory_key key)
{
	return keys->has[key]
		   ? SQL_BLOB(span_of(keys->hash[key], DIRECTORY_HASH))
		   : SQL_NULL;
}

/* The mailbox is that of the certificate's row. */
enum rc
directory_add(
    struct sql *sql, int64_t certificate, struct span cert, struct err *err)
{
	struct directory_keys keys DIRECTORY_KEYS_OWNED = DIRECTORY_KEYS_NONE;
	struct span name;

	TRY(directory_keys_of(cert, &keys, err));
	name = buf_span(&keys.name);
	return sql_change(sql,
	    "INSERT INTO directory (certificate, folded, certificate_hash,"
	    " issuer_serial_hash, key_id_hash, subject_hash, name)"
	    " SELECT id, folded, ?, ?, ?, ?, ? FROM certificate"
	    " WHERE id = ? AND NOT EXISTS (SELECT 1 FROM directory_hidden h"
	    " WHERE h.folded = certificate.folded)",
	    SQL_VALUES(hash_value(&keys, DIRECTORY_CERTIFICATE),
		hash_value(&keys, DIRECTORY_ISSUER_SERIAL),
		hash_value(&keys, DIRECTORY_KEY_ID),
		hash_value(&keys, DIRECTORY_SUBJECT),
		name.len > 0 ? SQL_BLOB(name) : SQL_NULL,
		SQL_NUMBER(certificate)),
	    err);
}

/* Rows (id, der) of certificates, added one by one. */
static enum rc
add_all(
    struct sql *sql, struct sql_rows *rows, int64_t *ret_count, struct err *err)
{
	enum rc rc;

	while ((rc = sql_rows_next(rows, err)) == RC_OK) {
		TRY(directory_add(sql, sql_rows_number(rows, 0),
		    sql_rows_bytes(rows, 1), err));
		(*ret_count)++;
	}
	return rc == RC_ABSENT ? RC_OK : rc;
}

static enum rc
adopt_some(struct sql *sql, int64_t *ret_count, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;

	TRY(sql_act_begin(sql, &act, err));
	TRY(sql_select(sql,
	    "SELECT c.id, c.der FROM certificate c"
	    " LEFT JOIN directory d ON d.certificate = c.id"
	    " LEFT JOIN directory_hidden h ON h.folded = c.folded"
	    " WHERE d.certificate IS NULL AND h.folded IS NULL"
	    " ORDER BY c.id LIMIT ?",
	    SQL_VALUES(SQL_NUMBER(ADOPT_MOST)), &rows, err));
	TRY(add_all(sql, rows, ret_count, err));
	sql_rows_free(take(rows));
	return sql_act_commit(&act, err);
}

enum rc
directory_adopt(struct sql *sql, struct err *err)
{
	unsigned tries = 0;
	int64_t count;
	enum rc rc;

	do {
		count = 0;
		rc = adopt_some(sql, &count, err);
	} while ((rc == RC_OK && count > 0) ||
		 (rc == RC_AGAIN && sql_again(&tries)));
	return rc;
}

static enum rc
fold(const char *address, struct buf *out, const char **ret, struct err *err)
{
	TRY(authorization_fold(address, out, err));
	return buf_str(out, ret, err);
}

enum rc
directory_is_hidden(
    struct sql *sql, const char *address, bool *ret, struct err *err)
{
	struct buf folded BUF_OWNED = BUF_SMALL;
	const char *text = NULL;
	int64_t at = 0;

	TRY(fold(address, &folded, &text, err));
	enum rc rc =
	    sql_number(sql, "SELECT at FROM directory_hidden WHERE folded = ?",
		SQL_VALUES(sql_text(text)), &at, err);
	if (rc != RC_OK && rc != RC_ABSENT)
		return rc;
	*ret = rc == RC_OK;
	return RC_OK;
}

enum rc
directory_hide(
    struct sql *sql, const char *address, int64_t now, struct err *err)
{
	struct buf folded BUF_OWNED = BUF_SMALL;
	const char *text = NULL;
	bool hidden = false;

	TRY(directory_is_hidden(sql, address, &hidden, err));
	if (hidden)
		return err_set(err, RC_ABSENT, "not published already");
	TRY(fold(address, &folded, &text, err));
	TRY(sql_change(sql,
	    "INSERT INTO directory_hidden (folded, at) VALUES (?, ?)",
	    SQL_VALUES(sql_text(text), SQL_NUMBER(now)), err));
	return sql_change(sql, "DELETE FROM directory WHERE folded = ?",
	    SQL_VALUES(sql_text(text)), err);
}

enum rc
directory_show(struct sql *sql, const char *address, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	struct buf folded BUF_OWNED = BUF_SMALL;
	const char *text = NULL;
	int64_t count = 0;

	TRY(fold(address, &folded, &text, err));
	TRY(sql_change(sql, "DELETE FROM directory_hidden WHERE folded = ?",
	    SQL_VALUES(sql_text(text)), err));
	if (sql_changed(sql) == 0)
		return err_set(err, RC_ABSENT, "published already");
	TRY(sql_select(sql, "SELECT id, der FROM certificate WHERE folded = ?",
	    SQL_VALUES(sql_text(text)), &rows, err));
	return add_all(sql, rows, &count, err);
}

/* Columns of what is found. */
enum { DER, KIND, ADDRESS, FOLDED };

static enum rc
keep(
    struct directory_found *found, const struct sql_rows *rows, struct err *err)
{
	struct span kind = sql_rows_bytes(rows, KIND);
	struct span der = sql_rows_bytes(rows, DER);

	found->item[found->len] =
	    (struct directory_item){.at = found->bytes.len,
		.len = der.len,
		.signing = !span_is(kind, span_str("encrypting")),
		.encrypting = !span_is(kind, span_str("signing"))};
	TRY(buf_add(&found->bytes, der, err));
	found->len++;
	return RC_OK;
}

/* Take the rows of one spelling.  Those spelled as they were asked for come
 * first; others count only if they are all the same, for who else could say
 * which is meant? */
static enum rc
take_spelling(struct sql_rows *rows, const char *asked,
    struct directory_found *found, struct err *err)
{
	enum rc rc;

	while ((rc = sql_rows_next(rows, err)) == RC_OK) {
		struct span address = sql_rows_bytes(rows, ADDRESS);
		bool same = found->address != NULL &&
			    span_is(address, span_str(found->address));
		if (found->address == NULL)
			TRY(span_dup(address, &found->address, err));
		else if (!same && strcmp(found->address, asked) == 0)
			return RC_OK;
		else if (!same)
			return err_set(err, RC_ABSENT, "several spellings");
		if (found->len < DIRECTORY_MOST)
			TRY(keep(found, rows, err));
	}
	return rc == RC_ABSENT && found->len > 0 ? RC_OK : rc;
}

static enum rc
find_folded(struct sql *sql, const char *address, int64_t now,
    struct directory_found *found, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	struct buf folded BUF_OWNED = BUF_SMALL;
	const char *text = NULL;

	TRY(fold(address, &folded, &text, err));
	TRY(sql_select(sql,
	    "SELECT c.der, c.kind, c.address FROM directory d"
	    " JOIN certificate c ON c.id = d.certificate"
	    " LEFT JOIN revocation r ON r.certificate = c.id"
	    " WHERE d.folded = ? AND c.not_before <= ? AND c.not_after > ?"
	    " AND r.id IS NULL"
	    " AND c.issuer NOT IN (SELECT subject FROM ca_revocation)"
	    " ORDER BY CASE WHEN c.address = ? THEN 0 ELSE 1 END, c.id DESC"
	    " LIMIT 100",
	    SQL_VALUES(sql_text(text), SQL_NUMBER(now), SQL_NUMBER(now),
		sql_text(address)),
	    &rows, err));
	return take_spelling(rows, address, found, err);
}

/* What failed half-way found nothing. */
static enum rc
settle(enum rc rc, struct directory_found *found)
{
	if (rc != RC_OK) {
		free(found->address);
		found->address = NULL;
		found->len = 0;
		buf_clear(&found->bytes);
	}
	return rc;
}

enum rc
directory_find_address(struct sql *sql, const struct settings *settings,
    struct span address, int64_t now, struct directory_found *ret,
    struct err *err)
{
	struct buf tidy BUF_OWNED = BUF_SMALL;
	const char *text = NULL;

	enum rc rc = acme_address(settings, address, &tidy, err);
	if (rc == RC_UNFIT)
		return err_set(err, RC_ABSENT, "nobody has such an address");
	TRY(rc);
	TRY(buf_str(&tidy, &text, err));
	return settle(find_folded(sql, text, now, ret, err), ret);
}

#define FOUND_BY(column)                                               \
	"SELECT c.der, c.kind, c.address, c.folded"                    \
	" FROM directory d JOIN certificate c ON c.id = d.certificate" \
	" LEFT JOIN revocation r ON r.certificate = c.id"              \
	" WHERE d." column " = ?"
#define NEWEST " ORDER BY c.id DESC LIMIT 100"
#define IN_FORCE                                                      \
	" AND c.not_before <= ? AND c.not_after > ? AND r.id IS NULL" \
	" AND c.issuer NOT IN (SELECT subject FROM ca_revocation)"

static const struct {
	const char *select;
	bool of_person;
} by[DIRECTORY_KEYS] = {
    [DIRECTORY_CERTIFICATE] = {FOUND_BY("certificate_hash") NEWEST, false},
    [DIRECTORY_ISSUER_SERIAL] = {FOUND_BY("issuer_serial_hash") NEWEST, false},
    [DIRECTORY_KEY_ID] = {FOUND_BY("key_id_hash") NEWEST, false},
    [DIRECTORY_SUBJECT] = {FOUND_BY("subject_hash") IN_FORCE NEWEST, true},
    [DIRECTORY_NAME] = {FOUND_BY("name") IN_FORCE NEWEST, true},
};

static enum rc
take_one_mailbox(
    struct sql_rows *rows, struct directory_found *found, struct err *err)
{
	char *folded OWNED(free) = NULL;
	enum rc rc;

	while ((rc = sql_rows_next(rows, err)) == RC_OK) {
		struct span mailbox = sql_rows_bytes(rows, FOLDED);
		if (folded == NULL) {
			TRY(span_dup(mailbox, &folded, err));
			TRY(span_dup(sql_rows_bytes(rows, ADDRESS),
			    &found->address, err));
		}
		if (!span_is(mailbox, span_str(folded)))
			return err_set(err, RC_ABSENT, "several mailboxes");
		if (found->len < DIRECTORY_MOST)
			TRY(keep(found, rows, err));
	}
	return rc == RC_ABSENT && found->len > 0 ? RC_OK : rc;
}

enum rc
directory_find(struct sql *sql, const struct directory_wish *wish,
    struct directory_found *ret, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	const struct sql_value values[] = {SQL_BLOB(wish->value),
	    SQL_NUMBER(wish->now), SQL_NUMBER(wish->now)};
	size_t len = by[wish->key].of_person ? 3 : 1;

	TRY(sql_select(sql, by[wish->key].select,
	    (struct sql_values){values, len}, &rows, err));
	return settle(take_one_mailbox(rows, ret, err), ret);
}
