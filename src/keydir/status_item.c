/* One address that is asked about revocation, and its answer on the disk. */
#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "keydir/status_priv.h"
#include "os/clock.h"
#include "os/file.h"
#include "pki/chain.h"

/* Before the DER: this, and when it was fetched (big-endian). */
#define MAGIC "letterlock status 1\n"
#define TIME_LEN 8
#define STATE_FOLDER "status"
#define PATH_MAX_LEN 4096
/* An answer that does not say how long it holds. */
#define LIST_HOLDS 3600
#define ANSWER_HOLDS 60

const struct status_limits *
status_limits_of(const struct status_rules *rules)
{
	return rules->limits != NULL ? rules->limits : &status_default;
}

/* ---- what is asked --------------------------------------------------- */

static void
print_hex(const uint8_t hash[32], char ret[STATUS_NAME_MAX])
{
	for (size_t i = 0; i < 32; i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", hash[i]);
}

/* Two authorities may name one address: what one signed is not the other's. */
static enum rc
add_issuer(const struct cert *cert, struct buf *out, struct err *err)
{
	const X509 *x509 = cert_x509(cert);
	const ASN1_OCTET_STRING *key =
	    X509_get0_authority_key_id(cert_x509(cert));
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (X509_NAME_digest(
		X509_get_issuer_name(x509), EVP_sha256(), hash, &len) != 1)
		return err_set(err, RC_CRYPTO, "digest");
	TRY(buf_add(out, span_of(hash, len), err));
	if (key == NULL)
		return RC_OK;
	return buf_add(out,
	    span_of(
		ASN1_STRING_get0_data(key), (size_t)ASN1_STRING_length(key)),
	    err);
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
	TRY(add_issuer(cert, &text, err));
	if (EVP_Digest(text.data, text.len, hash, NULL, EVP_sha256(), NULL) !=
	    1)
		return err_set(err, RC_CRYPTO, "digest");
	print_hex(hash, ret);
	return RC_OK;
}

enum rc
status_item_new(enum status_kind kind, const char *url, const struct cert *cert,
    struct status_item **ret, struct err *err)
{
	struct status_item *item OWNED(status_item_free) =
	    calloc(1, sizeof(*item));

	if (item == NULL)
		return err_nomem(err, "status");
	item->kind = kind;
	TRY(span_dup(span_str(url), &item->url, err));
	TRY(status_item_name(kind, url, cert, item->name, err));
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
	crls_done(&item->loose_crls);
	ocsps_done(&item->loose_ocsps);
	certs_done(&item->path);
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

static void
replace(struct crls *old_crls, struct crls *crls, struct ocsps *old_ocsps,
    struct ocsps *ocsps)
{
	crls_done(old_crls);
	ocsps_done(old_ocsps);
	*old_crls = *crls;
	*old_ocsps = *ocsps;
	*crls = CRLS_NONE;
	*ocsps = OCSPS_NONE;
}

bool
status_item_take(
    struct status_item *item, struct crls *crls, struct ocsps *ocsps)
{
	if (is_older(item, crls, ocsps))
		return false;
	replace(&item->crls, crls, &item->ocsps, ocsps);
	crls_done(&item->loose_crls);
	ocsps_done(&item->loose_ocsps);
	return true;
}

void
status_item_take_loose(
    struct status_item *item, struct crls *crls, struct ocsps *ocsps)
{
	replace(&item->loose_crls, crls, &item->loose_ocsps, ocsps);
}

/* ---- may it be kept? ------------------------------------------------- */

/* One of a day far away would be newer than all that come, for ever. */
bool
status_item_proves(const struct status_item *item, const struct crls *crls,
    const struct ocsps *ocsps, int64_t now)
{
	const struct chain_request ask = {
	    .crls = crls, .ocsps = ocsps, .at = now, .purpose = CHAIN_ANY};
	struct err ignored = ERR_NONE;
	bool heard = false;
	int64_t said = item->kind == STATUS_LIST
			   ? crl_from(crls->item[0])
			   : ocsp_produced(ocsps->item[0]);

	return item->path.len > 1 && said <= now + STATUS_SKEW &&
	       chain_hears(&item->path, &ask, &heard, &ignored) == RC_OK &&
	       heard;
}

static enum rc
copy_path(const struct certs *path, struct certs *ret, struct err *err)
{
	struct certs copy CERTS_OWNED = CERTS_NONE;

	for (size_t i = 0; i < path->len; i++)
		TRY(certs_add(&copy, path->item[i], err));
	certs_done(ret);
	*ret = copy;
	copy = CERTS_NONE;
	return RC_OK;
}

static bool
same_issuer(const struct certs *a, const struct certs *b)
{
	return a->len > 1 && b->len > 1 &&
	       !strcmp(
		   cert_fingerprint(a->item[1]), cert_fingerprint(b->item[1]));
}

enum rc
status_item_know(struct status_item *item, const struct certs *path,
    int64_t now, struct err *err)
{
	if (!same_issuer(&item->path, path)) {
		TRY(copy_path(path, &item->path, err));
		item->proven = false;
	}
	if (!has_answer(item) || item->proven)
		return RC_OK;
	item->proven = status_item_proves(item, &item->crls, &item->ocsps, now);
	if (item->proven)
		return RC_OK;
	crls_done(&item->crls);
	ocsps_done(&item->ocsps);
	item->fetched = 0;
	return RC_OK;
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

static size_t
record_max(const struct status_rules *rules)
{
	size_t list = status_limits_of(rules)->list;

	return (list > ocsp_default.der ? list : ocsp_default.der) +
	       strlen(MAGIC) + TIME_LEN;
}

void
status_item_load(const struct status_rules *rules, struct status_item *item)
{
	struct buf record BUF_OWNED = BUF(record_max(rules));
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
	(void)status_item_take(item, &crls, &ocsps);
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

/* Another process may have asked since, and got a newer one. */
static bool
is_older_than_saved(const struct status_rules *rules,
    const struct status_item *item, const struct crls *crls,
    const struct ocsps *ocsps)
{
	struct status_item saved = {.kind = item->kind, .path = item->path};

	memcpy(saved.name, item->name, sizeof(saved.name));
	status_item_load(rules, &saved);
	bool older =
	    is_older(&saved, crls, ocsps) &&
	    status_item_proves(&saved, &saved.crls, &saved.ocsps, clock_now());
	crls_done(&saved.crls);
	ocsps_done(&saved.ocsps);
	return older;
}

/* From the look at what there is until it is replaced: two processes that got
 * two lists shall leave the newer one. */
static enum rc
keep_others_out(const struct status_rules *rules, struct file_guard *ret)
{
	struct err ignored = ERR_NONE;
	char path[PATH_MAX_LEN];

	if (rules->state != NULL)
		return state_guard_take(rules->state, ret, &ignored);
	return print_path(rules, ".guard", path)
		   ? file_guard_take(path, ret, &ignored)
		   : RC_ABSENT;
}

/* A disk that is full costs the next run a question. */
void
status_item_save(const struct status_rules *rules,
    const struct status_item *item, int64_t fetched, const struct crls *crls,
    const struct ocsps *ocsps)
{
	struct buf record BUF_OWNED = BUF(record_max(rules));
	struct file_guard guard FILE_GUARD_OWNED = FILE_GUARD_NONE;
	struct err ignored = ERR_NONE;
	char path[PATH_MAX_LEN];
	struct span der = item->kind == STATUS_LIST ? crl_der(crls->item[0])
						    : ocsp_der(ocsps->item[0]);
	enum rc rc;

	if (!is_kept(rules) || !print_path(rules, item->name, path) ||
	    is_older(item, crls, ocsps) ||
	    keep_others_out(rules, &guard) != RC_OK ||
	    is_older_than_saved(rules, item, crls, ocsps) ||
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

/* Nothing is made where nothing will be written. */
static enum rc
check_folder(const struct status_rules *rules, struct err *err)
{
	struct strlist names STRLIST_OWNED = STRLIST_NONE;

	if (rules->state != NULL)
		return RC_OK;
	TRY(file_list(rules->folder, &names, err));
	return names.len == 0 ? RC_OK
			      : file_make_private_dir(rules->folder, err);
}

/* Their names are digests: which ones go is chance. */
enum rc
status_folder_prepare(const struct status_rules *rules, struct err *err)
{
	struct strlist names STRLIST_OWNED = STRLIST_NONE;

	if (!is_kept(rules))
		return RC_OK;
	if (rules->offline)
		return check_folder(rules, err);
	if (rules->state != NULL) {
		TRY(state_list(rules->state, STATE_FOLDER, &names, err));
	} else {
		TRY(file_make_private_dir(rules->folder, err));
		TRY(file_list(rules->folder, &names, err));
	}
	for (size_t i = status_limits_of(rules)->kept; i < names.len; i++)
		TRY(remove_file(rules, names.item[i], err));
	return RC_OK;
}
