/* One address that is asked about revocation, and its answer on the disk. */
#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "keydir/status_priv.h"
#include "os/clock.h"
#include "os/file.h"

/* Before the DER: this, and when it was fetched (big-endian). */
#define MAGIC "letterlock status 1\n"
#define TIME_LEN 8
#define STATE_FOLDER "status"
#define PATH_MAX_LEN 4096
/* An answer that does not say how long it holds. */
#define LIST_HOLDS 3600
#define ANSWER_HOLDS 60

/* ---- what is asked --------------------------------------------------- */

static void
print_hex(const uint8_t hash[32], char ret[STATUS_NAME_MAX])
{
	for (size_t i = 0; i < 32; i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", hash[i]);
}

enum rc
status_item_name(enum status_kind kind, const char *url,
    const struct cert *cert, char ret[STATUS_NAME_MAX], struct err *err)
{
	struct buf text BUF_OWNED = BUF_SMALL;
	uint8_t hash[32];

	TRY(buf_add_format(&text, err, "%s\n%s\n%s\n",
	    kind == STATUS_LIST ? "list" : "answer", url,
	    kind == STATUS_LIST ? "" : cert_fingerprint(cert)));
	if (EVP_Digest(text.data, text.len, hash, NULL, EVP_sha256(), NULL) !=
	    1)
		return err_set(err, RC_CRYPTO, "digest");
	print_hex(hash, ret);
	return RC_OK;
}

enum rc
status_item_new(enum status_kind kind, const char *url, const struct cert *cert,
    const struct cert *issuer, struct status_item **ret, struct err *err)
{
	struct status_item *item OWNED(status_item_free) =
	    calloc(1, sizeof(*item));

	if (item == NULL)
		return err_nomem(err, "status");
	item->kind = kind;
	TRY(span_dup(span_str(url), &item->url, err));
	TRY(status_item_name(kind, url, cert, item->name, err));
	if (kind == STATUS_ANSWER) {
		item->cert = cert_ref(cert);
		item->issuer = issuer != NULL ? cert_ref(issuer) : NULL;
	}
	*ret = take(item);
	return RC_OK;
}

void
status_item_free(struct status_item *item)
{
	if (item == NULL)
		return;
	crls_done(&item->crls);
	ocsps_done(&item->ocsps);
	cert_free(item->cert);
	cert_free(item->issuer);
	free(item->url);
	free(item);
}

/* ---- the answer ------------------------------------------------------ */

static bool
has_answer(const struct status_item *item)
{
	return item->crls.len > 0 || item->ocsps.len > 0;
}

bool
status_item_is_fresh(const struct status_item *item, int64_t now)
{
	if (!has_answer(item))
		return false;
	bool is_list = item->kind == STATUS_LIST;
	int64_t until = is_list ? crl_until(item->crls.item[0])
				: ocsp_until(item->ocsps.item[0]);
	if (until != INT64_MIN)
		return now <= until;
	return now <= item->fetched + (is_list ? LIST_HOLDS : ANSWER_HOLDS);
}

/* Somebody on the way may give us last week's once more. */
static bool
is_older(const struct status_item *item, const struct crls *crls,
    const struct ocsps *ocsps)
{
	if (!has_answer(item))
		return false;
	return item->kind == STATUS_LIST
		   ? crl_from(crls->item[0]) < crl_from(item->crls.item[0])
		   : ocsp_produced(ocsps->item[0]) <
			 ocsp_produced(item->ocsps.item[0]);
}

void
status_item_take(
    struct status_item *item, struct crls *crls, struct ocsps *ocsps)
{
	if (is_older(item, crls, ocsps))
		return;
	crls_done(&item->crls);
	ocsps_done(&item->ocsps);
	item->crls = *crls;
	item->ocsps = *ocsps;
	*crls = CRLS_NONE;
	*ocsps = OCSPS_NONE;
}

enum rc
status_item_read(enum status_kind kind, struct span bytes, struct crls *crls,
    struct ocsps *ocsps, struct err *err)
{
	if (kind == STATUS_ANSWER)
		return ocsps_add(ocsps, bytes, err);
	TRY(crls_parse(crls, bytes, err));
	return crls->len == 1 ? RC_OK
			      : err_set(err, RC_SYNTAX, "more than one list");
}

/* ---- on the disk ----------------------------------------------------- */

static bool
print_path(
    const struct status_rules *rules, const char *name, char ret[PATH_MAX_LEN])
{
	const char *folder =
	    rules->state != NULL ? STATE_FOLDER : rules->folder;
	int len = snprintf(ret, PATH_MAX_LEN, "%s/%s", folder, name);

	return len > 0 && len < PATH_MAX_LEN;
}

static bool
is_kept(const struct status_rules *rules)
{
	return rules->state != NULL || rules->folder != NULL;
}

static enum rc
load(const struct status_rules *rules, const char *name, struct buf *out)
{
	struct err ignored = ERR_NONE;
	char path[PATH_MAX_LEN];

	if (!is_kept(rules) || !print_path(rules, name, path))
		return RC_ABSENT;
	return rules->state != NULL
		   ? state_load(rules->state, path, out, &ignored)
		   : file_read(path, out, &ignored);
}

static int64_t
read_time(struct span in)
{
	uint64_t time = 0;

	for (size_t i = 0; i < TIME_LEN; i++)
		time = time << 8 | in.data[i];
	return time <= INT64_MAX ? (int64_t)time : 0;
}

void
status_item_load(const struct status_rules *rules, struct status_item *item)
{
	struct buf record BUF_OWNED = BUF(STATUS_RECORD_MAX);
	struct crls crls CRLS_OWNED = CRLS_NONE;
	struct ocsps ocsps OCSPS_OWNED = OCSPS_NONE;
	const size_t head = strlen(MAGIC);

	if (load(rules, item->name, &record) != RC_OK)
		return;
	struct span in = buf_span(&record);
	if (!span_starts(in, MAGIC) || in.len < head + TIME_LEN)
		return;
	int64_t fetched = read_time(span_after(in, head));
	if (fetched > clock_now() ||
	    status_item_read(item->kind, span_after(in, head + TIME_LEN), &crls,
		&ocsps, NULL) != RC_OK)
		return;
	item->fetched = fetched;
	status_item_take(item, &crls, &ocsps);
}

static enum rc
print_record(int64_t fetched, struct span der, struct buf *out)
{
	TRY(buf_add_str(out, MAGIC, NULL));
	for (int shift = 56; shift >= 0; shift -= 8)
		TRY(buf_add_byte(
		    out, (uint8_t)((uint64_t)fetched >> shift), NULL));
	return buf_add(out, der, NULL);
}

/* A disk that is full costs the next run a question. */
void
status_item_save(const struct status_rules *rules, const char *name,
    int64_t fetched, struct span der)
{
	struct buf record BUF_OWNED = BUF(STATUS_RECORD_MAX);
	struct err ignored = ERR_NONE;
	char path[PATH_MAX_LEN];
	enum rc rc;

	if (!is_kept(rules) || !print_path(rules, name, path) ||
	    print_record(fetched, der, &record) != RC_OK)
		return;
	rc = rules->state != NULL
		 ? state_save(rules->state, path, buf_span(&record), &ignored)
		 : file_save(path, buf_span(&record), 0600, &ignored);
	(void)rc;
}

static enum rc
remove_file(const struct status_rules *rules, const char *name, struct err *err)
{
	char path[PATH_MAX_LEN];

	if (!print_path(rules, name, path))
		return RC_OK;
	return rules->state != NULL ? state_remove(rules->state, path, err)
				    : file_remove(path, err);
}

/* Their names are digests: which ones go is chance. */
enum rc
status_folder_prepare(const struct status_rules *rules, struct err *err)
{
	struct strlist names STRLIST_OWNED = STRLIST_NONE;

	if (!is_kept(rules))
		return RC_OK;
	if (rules->state != NULL) {
		TRY(state_list(rules->state, STATE_FOLDER, &names, err));
	} else {
		TRY(file_make_private_dir(rules->folder, err));
		TRY(file_list(rules->folder, &names, err));
	}
	for (size_t i = STATUS_KEPT_MAX; i < names.len; i++)
		TRY(remove_file(rules, names.item[i], err));
	return RC_OK;
}
