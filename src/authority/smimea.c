#include "authority/smimea.h"

#include "codec/hex.h"
#include "pki/crypto.h"

#define PAGE 200
#define LINE_MAX_LEN ((size_t)256 * 1024)
#define NAME_OCTETS 28 /* "truncated to 28 octets" (RFC 8162 section 3) */

enum rc
smimea_name(struct span address, struct buf *out, struct err *err)
{
	ptrdiff_t at = span_find_byte(address, '@');
	uint8_t hash[EVP_MAX_MD_SIZE];

	if (at <= 0)
		return err_set(err, RC_SYNTAX, "not an address");
	if (EVP_Digest(address.data, (size_t)at, hash, NULL, crypto_sha2(256),
		NULL) != 1)
		return crypto_failed(err, "SMIMEA");
	TRY(hex_encode(span_of(hash, NAME_OCTETS), out, err));
	return buf_add_str(out, "._smimecert", err);
}

static bool
is_of_domain(struct span address, const char *domain)
{
	ptrdiff_t at = span_find_byte(address, '@');

	return at > 0 &&
	       span_is(span_after(address, (size_t)at + 1), span_str(domain));
}

static enum rc
print(const struct smimea_wish *wish, struct span address, struct span der,
    struct err *err)
{
	struct buf out BUF_OWNED = BUF(LINE_MAX_LEN);
	const char *line = NULL;

	TRY(smimea_name(address, &out, err));
	TRY(buf_add_format(&out, err, ".%s. %lld IN SMIMEA 3 0 0 ",
	    wish->domain, (long long)wish->ttl));
	TRY(hex_encode(der, &out, err));
	TRY(buf_str(&out, &line, err));
	return wish->line(wish->context, line, err);
}

/* From behind this certificate on; RC_ABSENT: there is none any more. */
static enum rc
print_page(struct sql *sql, const struct smimea_wish *wish, int64_t *last,
    struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	int64_t before = *last;
	enum rc rc;

	TRY(sql_select(sql,
	    "SELECT c.id, c.address, c.der FROM directory d"
	    " JOIN certificate c ON c.id = d.certificate"
	    " LEFT JOIN revocation r ON r.certificate = c.id"
	    " WHERE d.certificate > ? AND c.not_before <= ?"
	    " AND c.not_after > ? AND r.id IS NULL"
	    " AND c.issuer NOT IN (SELECT subject FROM ca_revocation)"
	    " ORDER BY d.certificate LIMIT ?",
	    SQL_VALUES(SQL_NUMBER(before), SQL_NUMBER(wish->now),
		SQL_NUMBER(wish->now), SQL_NUMBER(PAGE)),
	    &rows, err));
	while ((rc = sql_rows_next(rows, err)) == RC_OK) {
		struct span address = sql_rows_bytes(rows, 1);
		*last = sql_rows_number(rows, 0);
		if (is_of_domain(address, wish->domain))
			TRY(print(wish, address, sql_rows_bytes(rows, 2), err));
	}
	return rc == RC_ABSENT && *last > before ? RC_OK : rc;
}

enum rc
smimea_export(struct sql *sql, const struct smimea_wish *wish, struct err *err)
{
	int64_t last = 0;
	enum rc rc;

	do
		rc = print_page(sql, wish, &last, err);
	while (rc == RC_OK);
	return rc == RC_ABSENT ? RC_OK : rc;
}
