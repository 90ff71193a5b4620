#include "authority/certstore.h"

#include <stdlib.h>

#include "authority/certstore_query.h"
#include "authority/crl_make.h"
#include "authority/directory.h"
#include "authority/etag.h"
#include "authority/lists.h"
#include "authority/problem.h"
#include "os/clock.h"
#include "os/random.h"
#include "pki/crypto.h"

#define CAS_MAX (2 * HIERARCHY_ISSUING_MAX + 1)
#define CA_MAX ((size_t)64 * 1024)
#define BOUNDARY_BYTES 24
/* Nobody between us and a reader may keep an answer for so long that a
 * revocation is told of later than after a minute. */
#define ANSWER_AGE 30

/* A CA of ours, and by what its certificate and its lists are found. */
struct ca {
	const X509 *cert;
	/* its list is FOLDER/file.crl; "": in the database */
	char file[HIERARCHY_NAME_SIZE];
	char id[PUBLISHED_ID_LEN + 1];
	uint8_t issuer[DIRECTORY_HASH]; /* of who issued its certificate */
	struct directory_keys keys;
};

struct certstore {
	struct certstore_config config;
	struct ca ca[CAS_MAX];
	size_t cas;
};

/* What RFC 4387 calls an attribute, as the directory calls it. */
static const enum directory_key keys_of[] = {
    [CERTSTORE_CERT_HASH] = DIRECTORY_CERTIFICATE,
    [CERTSTORE_ISSUER_SERIAL_HASH] = DIRECTORY_ISSUER_SERIAL,
    [CERTSTORE_SUBJECT_HASH] = DIRECTORY_SUBJECT,
    [CERTSTORE_KEY_ID_HASH] = DIRECTORY_KEY_ID,
    [CERTSTORE_NAME] = DIRECTORY_NAME,
};

static enum rc
hash_issuer(const X509 *cert, uint8_t ret[DIRECTORY_HASH], struct err *err)
{
	const uint8_t *name = NULL;
	size_t len = 0;

	if (!X509_NAME_get0_der(X509_get_issuer_name(cert), &name, &len) ||
	    EVP_Digest(name, len, ret, NULL, crypto_sha1(), NULL) != 1)
		return crypto_failed(err, "certificate store");
	return RC_OK;
}

static enum rc
add_ca(struct certstore *store, const X509 *cert, struct err *err)
{
	struct ca *ca = &store->ca[store->cas++];
	struct buf der BUF_OWNED = BUF(CA_MAX);

	ca->keys = DIRECTORY_KEYS_NONE;
	ca->cert = cert;
	TRY(published_id(cert, ca->id, err));
	if (!hierarchy_find_offline(store->config.hierarchy, ca->id, ca->file))
		ca->file[0] = '\0';
	TRY(hash_issuer(cert, ca->issuer, err));
	TRY(hierarchy_der(cert, &der, err));
	return directory_keys_of(buf_span(&der), &ca->keys, err);
}

enum rc
certstore_new(const struct certstore_config *config, struct certstore **ret,
    struct err *err)
{
	struct certstore *store OWNED(certstore_free) =
	    calloc(1, sizeof(*store));
	const struct hierarchy *hierarchy = config->hierarchy;

	if (store == NULL)
		return err_nomem(err, "certificate store");
	store->config = *config;
	TRY(add_ca(store, hierarchy->root, err));
	for (size_t i = 0; i < hierarchy->tsa_cas; i++)
		TRY(add_ca(store, hierarchy->tsa_ca[i], err));
	for (size_t i = 0; i < hierarchy->issuings; i++)
		TRY(add_ca(store, hierarchy->issuing[i].cert, err));
	*ret = take(store);
	return RC_OK;
}

void
certstore_free(struct certstore *store)
{
	if (store == NULL)
		return;
	for (size_t i = 0; i < store->cas; i++)
		directory_keys_done(&store->ca[i].keys);
	free(store);
}

static enum rc
check(const struct certstore *store, const struct http_request *request,
    struct http_answer *answer, struct err *err)
{
	char client[RATE_CLIENT_MAX];
	int64_t wait = 0;

	if (strcmp(request->method, "GET") != 0 &&
	    strcmp(request->method, "HEAD") != 0) {
		TRY(http_answer_add_header(answer, "Allow", err, "GET, HEAD"));
		return problem_set(answer, PROBLEM_METHOD, err, "use GET here");
	}
	rate_client(request->peer, client);
	if (rate_allow(store->config.rate, client, clock_ticks(), &wait))
		return RC_OK;
	TRY(http_answer_add_header(
	    answer, "Retry-After", err, "%lld", (long long)wait));
	return problem_set(answer, PROBLEM_RATE_LIMITED, err,
	    "too many look-ups from your address");
}

static bool
has_hash(const struct directory_keys *keys, enum directory_key key,
    const uint8_t hash[CERTSTORE_HASH])
{
	return keys->has[key] &&
	       span_is(span_of(keys->hash[key], DIRECTORY_HASH),
		   span_of(hash, CERTSTORE_HASH));
}

static bool
ca_is_asked(const struct ca *ca, const struct certstore_query *query)
{
	switch (query->attribute) {
	case CERTSTORE_URI:
		return false;
	case CERTSTORE_NAME:
		return span_is(
		    buf_span(&ca->keys.name), buf_span(&query->text));
	case CERTSTORE_ISSUER_HASH:
		return span_is(span_of(ca->issuer, DIRECTORY_HASH),
		    span_of(query->hash, CERTSTORE_HASH));
	default:
		return has_hash(
		    &ca->keys, keys_of[query->attribute], query->hash);
	}
}

static enum rc
find_cas(const struct certstore *store, const struct certstore_query *query,
    struct directory_found *ret, struct err *err)
{
	for (size_t i = 0; i < store->cas && ret->len < DIRECTORY_MOST; i++) {
		size_t at = ret->bytes.len;
		if (!ca_is_asked(&store->ca[i], query))
			continue;
		TRY(hierarchy_der(store->ca[i].cert, &ret->bytes, err));
		ret->item[ret->len++] = (struct directory_item){
		    .at = at, .len = ret->bytes.len - at};
	}
	return ret->len > 0 ? RC_OK : err_set(err, RC_ABSENT, "no such CA");
}

static enum rc
find_mailbox(const struct certstore *store, const struct certstore_query *query,
    int64_t now, struct directory_found *ret, struct err *err)
{
	const struct certstore_config *config = &store->config;

	if (query->attribute == CERTSTORE_URI)
		return directory_find_address(config->sql, config->settings,
		    buf_span(&query->text), now, ret, err);
	struct directory_wish wish = {.key = keys_of[query->attribute],
	    .value = query->attribute == CERTSTORE_NAME
			 ? buf_span(&query->text)
			 : span_of(query->hash, CERTSTORE_HASH),
	    .now = now};
	return directory_find(config->sql, &wish, ret, err);
}

static enum rc
find(const struct certstore *store, const struct certstore_query *query,
    int64_t now, struct directory_found *ret, struct err *err)
{
	enum rc rc = find_cas(store, query, ret, err);

	if (rc != RC_ABSENT || query->attribute == CERTSTORE_ISSUER_HASH)
		return rc;
	return find_mailbox(store, query, now, ret, err);
}

/* The same for whoever is unknown, not published, without a certificate that
 * is good, or no address at all. */
static enum rc
answer_nothing(struct http_answer *answer, struct err *err)
{
	return problem_set(
	    answer, PROBLEM_NOT_FOUND, err, "nothing is known by this");
}

static enum rc
add_age(struct http_answer *answer, struct err *err)
{
	return http_answer_add_header(answer, "Cache-Control", err,
	    "max-age=%d, public, no-transform", ANSWER_AGE);
}

/* "If more than one certificate matches a query, it MUST be returned as a
 * multipart/mixed response."  Nobody can have put the boundary, which nobody
 * can guess, into a certificate. */
static enum rc
answer_several(const struct directory_found *found, struct http_answer *answer,
    struct err *err)
{
	struct buf body BUF_OWNED = BUF(HTTP_ANSWER_MAX);
	struct buf random BUF_OWNED = BUF_SMALL;
	const char *boundary = NULL;

	TRY(random_text(BOUNDARY_BYTES, &random, err));
	TRY(buf_str(&random, &boundary, err));
	for (size_t i = 0; i < found->len; i++) {
		TRY(buf_add_format(&body, err,
		    "--%s\r\nContent-Type: application/pkix-cert\r\n\r\n",
		    boundary));
		TRY(buf_add(&body, directory_der(found, i), err));
		TRY(buf_add_str(&body, "\r\n", err));
	}
	TRY(buf_add_format(&body, err, "--%s--\r\n", boundary));
	TRY(http_answer_add_header(answer, "Content-Type", err,
	    "multipart/mixed; boundary=\"%s\"", boundary));
	return http_answer_set(answer, 200, NULL, buf_span(&body), err);
}

static enum rc
read_query(const struct http_request *request, struct certstore_query *ret,
    struct http_answer *answer, struct err *err)
{
	struct err why = ERR_NONE;

	enum rc rc = certstore_query_parse(span_str(request->query), ret, &why);
	if (rc == RC_SYNTAX || rc == RC_LIMIT)
		return problem_set(
		    answer, PROBLEM_MALFORMED, err, "%s", why.text);
	return rc == RC_OK ? rc : err_set(err, rc, "%s", why.text);
}

enum rc
certstore_answer(const struct certstore *store,
    const struct http_request *request, int64_t now, struct http_answer *answer,
    struct err *err)
{
	struct certstore_query query CERTSTORE_QUERY_OWNED = CERTSTORE_QUERY;
	struct directory_found found DIRECTORY_FOUND_OWNED = DIRECTORY_FOUND;

	TRY(check(store, request, answer, err));
	TRY(read_query(request, &query, answer, err));
	enum rc rc = find(store, &query, now, &found, err);
	if (rc == RC_ABSENT || rc == RC_SYNTAX)
		return answer_nothing(answer, err);
	TRY(rc);
	TRY(add_age(answer, err));
	if (found.len > 1)
		return answer_several(&found, answer, err);
	return http_answer_set(answer, 200, "application/pkix-cert",
	    directory_der(&found, 0), err);
}

static enum rc
find_newest(
    struct sql *sql, const char *issuer, struct buf *der, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;

	TRY(sql_select(sql,
	    "SELECT der FROM crl_list WHERE issuer = ?"
	    " ORDER BY made DESC, part LIMIT 1",
	    SQL_VALUES(sql_text(issuer)), &rows, err));
	TRY(sql_rows_next(rows, err));
	return buf_add(der, sql_rows_bytes(rows, 0), err);
}

/* The list of a CA.  "A CRL query MUST return the matching CRL with the
 * greatest thisUpdate value". */
static enum rc
find_of_ca(const struct certstore *store, const struct certstore_query *query,
    struct buf *der, struct err *err)
{
	const enum directory_key key = query->attribute == CERTSTORE_ISSUER_HASH
					   ? DIRECTORY_SUBJECT
					   : DIRECTORY_KEY_ID;

	for (size_t i = 0; i < store->cas; i++) {
		const struct ca *ca = &store->ca[i];
		if (!has_hash(&ca->keys, key, query->hash))
			continue;
		return ca->file[0] != '\0'
			   ? lists_read_file(
				 store->config.folder, ca->file, der, err)
			   : find_newest(store->config.sql, ca->id, der, err);
	}
	return err_set(err, RC_ABSENT, "no such CA");
}

/* The part that tells of a certificate stands in it. */
static enum rc
find_of_certificate(const struct certstore *store,
    const struct certstore_query *query, struct buf *der, struct err *err)
{
	struct directory_found found DIRECTORY_FOUND_OWNED = DIRECTORY_FOUND;
	char issuer[PUBLISHED_ID_LEN + 1];
	int64_t part = 0;

	TRY(find_mailbox(store, query, 0, &found, err));
	const uint8_t *at = found.bytes.data;
	X509 *cert OWNED(X509_free) =
	    d2i_X509(NULL, &at, (long)found.item[0].len);
	if (cert == NULL)
		return crypto_failed(err, "a certificate of ours");
	TRY(published_issuer_id(cert, issuer, err));
	TRY(published_part_of(cert, &part, err));
	return lists_find(store->config.sql, issuer, part, der, err);
}

/* What a list can be asked for by; others find nothing. */
static enum rc
find_list(const struct certstore *store, const struct certstore_query *query,
    struct buf *der, struct err *err)
{
	switch (query->attribute) {
	case CERTSTORE_ISSUER_HASH:
	case CERTSTORE_KEY_ID_HASH:
		return find_of_ca(store, query, der, err);
	case CERTSTORE_CERT_HASH:
	case CERTSTORE_ISSUER_SERIAL_HASH:
		return find_of_certificate(store, query, der, err);
	default:
		return err_set(err, RC_ABSENT, "lists are not found by this");
	}
}

enum rc
certstore_answer_list(const struct certstore *store,
    const struct http_request *request, struct http_answer *answer,
    struct err *err)
{
	struct certstore_query query CERTSTORE_QUERY_OWNED = CERTSTORE_QUERY;
	struct buf der BUF_OWNED = BUF(CRL_MAKE_MAX);

	TRY(check(store, request, answer, err));
	TRY(read_query(request, &query, answer, err));
	enum rc rc = find_list(store, &query, &der, err);
	if (rc == RC_ABSENT)
		return answer_nothing(answer, err);
	TRY(rc);
	TRY(add_age(answer, err));
	return etag_answer(
	    request, answer, "application/pkix-crl", buf_span(&der), err);
}
