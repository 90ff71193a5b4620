#include "keydir/issuers.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/sha.h>

#include "codec/hex.h"
#include "os/clock.h"
#include "os/file.h"
#include "pki/orphan.h"
#include "pki/pointer.h"

#define FILE_LEN ((size_t)1 << 20) /* of a kept answer, in PEM */

/* Each is gone through once: first what was kept, for it costs nothing; then
 * whoever is there, for what was kept may have run out. */
enum stage { STAGE_NEW, STAGE_RECALLED, STAGE_ASKED };

struct place {
	char *url;
	enum stage stage;
	struct certs certs; /* what was fetched */
};

struct issuers {
	struct issuers_rules rules;
	const struct issuers_limits *limits;
	struct issuer_source source;
	struct fetch *fetch; /* made when it is needed */
	struct place *place;
	size_t places;
};

/* ---- on the disk ------------------------------------------------------- */

static enum rc
print_path(const struct issuers *issuers, const char *url, struct buf *path,
    const char **ret, struct err *err)
{
	uint8_t hash[SHA256_DIGEST_LENGTH];

	if (issuers->rules.folder == NULL)
		return err_set(err, RC_ABSENT, "nothing is kept");
	SHA256((const uint8_t *)url, strlen(url), hash);
	TRY(buf_add_format(path, err, "%s/", issuers->rules.folder));
	TRY(hex_encode(span_of(hash, sizeof(hash)), path, err));
	return buf_str(path, ret, err);
}

/* What cannot be read is not there. */
static void
recall(const struct issuers *issuers, const char *url, struct certs *ret)
{
	struct buf path BUF_OWNED = BUF_SMALL;
	struct buf pem BUF_OWNED = BUF(FILE_LEN);
	struct err ignored = ERR_NONE;
	const char *name = NULL;

	enum rc rc = print_path(issuers, url, &path, &name, &ignored);
	if (rc == RC_OK)
		rc = file_read(name, &pem, &ignored);
	if (rc == RC_OK)
		rc = certs_parse(ret, buf_span(&pem), &ignored);
	(void)rc;
}

static bool
is_in(const struct certs *path, const struct cert *cert)
{
	for (size_t i = 0; i < path->len; i++)
		if (!strcmp(cert_fingerprint(path->item[i]),
			cert_fingerprint(cert)))
			return true;
	return false;
}

/* A disk that is full costs the next run a question. */
static void
save(const struct issuers *issuers, const char *url, const struct certs *certs)
{
	struct buf path BUF_OWNED = BUF_SMALL;
	struct buf pem BUF_OWNED = BUF(FILE_LEN);
	struct err ignored = ERR_NONE;
	const char *name = NULL;

	if (print_path(issuers, url, &path, &name, &ignored) != RC_OK ||
	    certs_print(certs, &pem, &ignored) != RC_OK)
		return;
	enum rc rc = file_save(name, buf_span(&pem), 0600, &ignored);
	(void)rc;
}

/* Of what came only what the path goes through: the rest nobody vouched for. */
static void
keep(void *self, const struct certs *path)
{
	const struct issuers *issuers = self;

	for (size_t i = 0; i < issuers->places; i++) {
		const struct place *place = &issuers->place[i];
		struct certs good CERTS_OWNED = CERTS_NONE;
		enum rc rc = RC_OK;

		for (size_t k = 0; k < place->certs.len && rc == RC_OK; k++)
			if (is_in(path, place->certs.item[k]))
				rc = certs_add(
				    &good, place->certs.item[k], NULL);
		if (rc == RC_OK && good.len > 0)
			save(issuers, place->url, &good);
	}
}

/* Their names are digests: which ones go is chance. */
static enum rc
prepare_folder(const struct issuers *issuers, struct err *err)
{
	struct strlist names STRLIST_OWNED = STRLIST_NONE;
	const char *folder = issuers->rules.folder;

	if (folder == NULL || issuers->rules.offline)
		return RC_OK;
	TRY(file_make_private_dir(folder, err));
	TRY(file_list(folder, &names, err));
	for (size_t i = issuers->limits->kept; i < names.len; i++) {
		struct buf path BUF_OWNED = BUF_SMALL;
		const char *name = NULL;
		TRY(buf_add_format(&path, err, "%s/%s", folder, names.item[i]));
		TRY(buf_str(&path, &name, err));
		TRY(file_remove(name, err));
	}
	return RC_OK;
}

/* ---- the network ------------------------------------------------------- */

static enum rc
fetch(struct issuers *issuers, struct place *place, int64_t deadline,
    struct err *err)
{
	struct buf body BUF_OWNED = BUF(issuers->limits->body);
	int64_t left = deadline - clock_ticks();
	const struct fetch_request request = {.url = place->url,
	    .timeout = left < INT32_MAX ? (int)left : INT32_MAX};

	if (issuers->fetch == NULL)
		TRY(fetch_new(&issuers->rules.fetch, &issuers->fetch, err));
	TRY(fetch_run(issuers->fetch, &request, &body, err));
	return orphans_parse_issuers(
	    buf_span(&body), issuers->limits->certs, &place->certs, err);
}

/* Whoever does not answer, or with something else, has none. */
static enum rc
ask(struct issuers *issuers, struct place *place, int64_t deadline,
    struct certs *ret, struct err *err)
{
	struct err why = ERR_NONE;

	if (issuers->rules.offline || clock_ticks() >= deadline)
		return RC_OK;
	if (fetch(issuers, place, deadline, &why) == RC_NOMEM)
		return err_nomem(err, "issuers");
	for (size_t i = 0; i < place->certs.len; i++)
		TRY(certs_add(ret, place->certs.item[i], err));
	return RC_OK;
}

/* ---- both -------------------------------------------------------------- */

/* RC_LIMIT: one too many. */
static enum rc
get_place(struct issuers *issuers, const char *url, struct place **ret,
    struct err *err)
{
	for (size_t i = 0; i < issuers->places; i++)
		if (!strcmp(issuers->place[i].url, url)) {
			*ret = &issuers->place[i];
			return RC_OK;
		}
	if (issuers->places == issuers->limits->places)
		return err_set(err, RC_LIMIT, "more than %u addresses",
		    issuers->limits->places);
	struct place *place = &issuers->place[issuers->places];
	TRY(span_dup(span_str(url), &place->url, err));
	issuers->places++;
	*ret = place;
	return RC_OK;
}

static enum rc
try_place(struct issuers *issuers, const char *url, enum stage stage,
    int64_t deadline, struct certs *ret, struct err *err)
{
	struct place *place = NULL;
	enum rc rc = get_place(issuers, url, &place, err);

	if (rc == RC_LIMIT || (rc == RC_OK && place->stage >= stage))
		return RC_OK;
	TRY(rc);
	place->stage = stage;
	if (stage == STAGE_ASKED)
		return ask(issuers, place, deadline, ret, err);
	recall(issuers, place->url, ret);
	return RC_OK;
}

/* One of the addresses of a certificate is enough. */
static enum rc
try_cert(struct issuers *issuers, const struct cert *orphan, enum stage stage,
    int64_t deadline, struct certs *ret, struct err *err)
{
	struct strlist urls STRLIST_OWNED = STRLIST_NONE;
	size_t before = ret->len;

	TRY(pointer_issuers(orphan, &urls, err));
	for (size_t i = 0; i < urls.len && ret->len == before; i++)
		TRY(try_place(
		    issuers, urls.item[i], stage, deadline, ret, err));
	return RC_OK;
}

static enum rc
find(void *self, const struct certs *orphans, int64_t deadline,
    struct certs *ret, struct err *err)
{
	struct issuers *issuers = self;
	size_t before = ret->len;

	for (enum stage stage = STAGE_RECALLED;
	     stage <= STAGE_ASKED && ret->len == before; stage++)
		for (size_t i = 0; i < orphans->len; i++)
			TRY(try_cert(issuers, orphans->item[i], stage, deadline,
			    ret, err));
	return RC_OK;
}

/* ---- life -------------------------------------------------------------- */

enum rc
issuers_new(
    const struct issuers_rules *rules, struct issuers **ret, struct err *err)
{
	struct issuers *issuers OWNED(issuers_free) =
	    calloc(1, sizeof(*issuers));

	if (issuers == NULL)
		return err_nomem(err, "issuers");
	issuers->rules = *rules;
	issuers->limits =
	    rules->limits != NULL ? rules->limits : &issuers_default;
	issuers->place =
	    calloc(issuers->limits->places + 1, sizeof(*issuers->place));
	if (issuers->place == NULL)
		return err_nomem(err, "issuers");
	TRY(prepare_folder(issuers, err));
	issuers->source =
	    (struct issuer_source){find, keep, issuers, rules->budget};
	*ret = take(issuers);
	return RC_OK;
}

void
issuers_free(struct issuers *issuers)
{
	if (issuers == NULL)
		return;
	for (size_t i = 0; i < issuers->places; i++) {
		certs_done(&issuers->place[i].certs);
		free(issuers->place[i].url);
	}
	fetch_free(issuers->fetch);
	free(issuers->place);
	free(issuers);
}

const struct issuer_source *
issuers_source(const struct issuers *issuers)
{
	return &issuers->source;
}
