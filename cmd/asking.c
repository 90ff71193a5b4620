#include "cmd/asking.h"

#include <stdio.h>
#include <stdlib.h>

#include "cmd/support.h"
#include "os/file.h"

#define FILE_MAX ((size_t)100 << 20)
#define PATH_LEN 4096
#define WAIT_MAX 60000

void
asking_options_done(struct asking_options *o)
{
	strlist_done(&o->crls);
	strlist_done(&o->ocsps);
	strlist_done(&o->networks);
}

void
asking_done(struct asking *asking)
{
	status_free(asking->status);
	issuers_free(asking->issuers);
	crls_done(&asking->crls);
	ocsps_done(&asking->ocsps);
	evidence_done(&asking->kept);
}

/* ---- files ----------------------------------------------------------- */

static enum rc
read_crl(const char *path, struct asking *asking, struct err *err)
{
	struct buf text BUF_OWNED = BUF(FILE_MAX);

	TRY(support_check_path(path, err));
	TRY(file_read(path, &text, err));
	enum rc rc = crls_parse(&asking->crls, buf_span(&text), err);
	return rc == RC_OK ? RC_OK : err_prefix(err, rc, "%s", path);
}

static enum rc
read_ocsp(const char *path, struct asking *asking, struct err *err)
{
	struct buf text BUF_OWNED = BUF(FILE_MAX);

	TRY(support_check_path(path, err));
	TRY(file_read(path, &text, err));
	enum rc rc = ocsps_parse(&asking->ocsps, buf_span(&text), err);
	return rc == RC_OK ? RC_OK : err_prefix(err, rc, "%s", path);
}

/* A file that is not there will be.  One that holds something else is somebody's
 * who mistyped a name: it would be replaced. */
static enum rc
read_evidence(const char *path, struct asking *asking, struct err *err)
{
	struct buf packed BUF_OWNED = BUF(evidence_default.packed);

	TRY(support_check_path(path, err));
	enum rc rc = file_read(path, &packed, err);
	if (rc == RC_ABSENT)
		return RC_OK;
	TRY(rc);
	rc = evidence_unpack(buf_span(&packed), &asking->kept, err);
	return rc == RC_OK
		   ? RC_OK
		   : err_set(err, rc,
			 "%s holds something else, and is left as it is: "
			 "name a file of its own for each letter",
			 path);
}

static enum rc
read_files(
    const struct asking_options *o, struct asking *asking, struct err *err)
{
	for (size_t i = 0; i < o->crls.len; i++)
		TRY(support_of_option(
		    "--crl", read_crl(o->crls.item[i], asking, err), err));
	for (size_t i = 0; i < o->ocsps.len; i++)
		TRY(support_of_option(
		    "--ocsp", read_ocsp(o->ocsps.item[i], asking, err), err));
	for (size_t i = 0; i < o->networks.len; i++)
		TRY(support_of_option("--status-network",
		    networks_add(&asking->networks, o->networks.item[i], err),
		    err));
	return o->evidence == NULL
		   ? RC_OK
		   : support_of_option("--evidence",
			 read_evidence(o->evidence, asking, err), err);
}

/* ---- the network ----------------------------------------------------- */

/* False: there is no such place, and nothing is remembered. */
static bool
find_folder(const char *name, char path[PATH_LEN])
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	int len = 0;

	if (cache != NULL && cache[0] == '/')
		len = snprintf(path, PATH_LEN, "%s/letterlock/%s", cache, name);
	else if (home != NULL && home[0] == '/')
		len = snprintf(
		    path, PATH_LEN, "%s/.cache/letterlock/%s", home, name);
	return len > 0 && len < PATH_LEN;
}

enum rc
asking_wait(const char *text, int *ret, struct err *err)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end != '\0' || value > WAIT_MAX)
		return err_set(err, RC_SYNTAX,
		    "--status-wait wants milliseconds, at most %d", WAIT_MAX);
	*ret = (int)value;
	return RC_OK;
}

/* Where nothing can be kept (a folder that others may enter, a disk that is
 * full), nothing is. */
static enum rc
open_status(struct status_rules *rules, struct status **ret, struct err *err)
{
	struct err ignored = ERR_NONE;

	if (rules->folder != NULL && status_new(rules, ret, &ignored) == RC_OK)
		return RC_OK;
	rules->folder = NULL;
	return status_new(rules, ret, err);
}

static enum rc
start(const struct asking_options *o, struct asking *asking, struct err *err)
{
	static char folder[PATH_LEN]; /* as long as the status */
	struct status_rules rules = {
	    .fetch = {.networks = &asking->networks},
	    .folder = find_folder("status", folder) ? folder : NULL,
	    .budget = STATUS_BUDGET,
	    .offline = o->offline,
	};

	if (o->wait != NULL)
		TRY(asking_wait(o->wait, &rules.budget, err));
	return open_status(&rules, &asking->status, err);
}

/* Where nothing can be kept, nothing is. */
enum rc
asking_open_issuers(
    struct issuers_rules *rules, struct issuers **ret, struct err *err)
{
	static char folder[PATH_LEN]; /* as long as the issuers */
	struct err ignored = ERR_NONE;

	rules->folder = find_folder("issuers", folder) ? folder : NULL;
	if (issuers_new(rules, ret, &ignored) == RC_OK)
		return RC_OK;
	rules->folder = NULL;
	return issuers_new(rules, ret, err);
}

static enum rc
start_issuers(const struct asking_options *o, struct asking *asking,
    struct reader *reader, struct err *err)
{
	struct issuers_rules rules = {
	    .fetch = {.networks = &asking->networks},
	    .budget = reader->status->budget,
	    .offline = o->offline,
	};

	if (!o->fetch_issuers)
		return RC_OK;
	TRY(asking_open_issuers(&rules, &asking->issuers, err));
	reader->issuers = issuers_source(asking->issuers);
	return RC_OK;
}

enum rc
asking_prepare(const struct asking_options *o, struct asking *asking,
    struct reader *reader, struct err *err)
{
	TRY(read_files(o, asking, err));
	if (o->first_seen != NULL)
		TRY(support_parse_time(
		    "--first-seen", o->first_seen, &reader->first_seen, err));
	TRY(start(o, asking, err));
	reader->crls = &asking->crls;
	reader->ocsps = &asking->ocsps;
	reader->kept = &asking->kept;
	reader->status = status_source(asking->status);
	return start_issuers(o, asking, reader, err);
}

enum rc
asking_keep(const struct asking_options *o, const struct gathered *gathered,
    struct err *err)
{
	struct buf packed BUF_OWNED = BUF(evidence_default.packed);

	if (o->evidence == NULL || evidence_is_empty(&gathered->evidence))
		return RC_OK;
	TRY(evidence_pack(&gathered->evidence, &packed, err));
	return support_of_option("--evidence",
	    support_save(o->evidence, buf_span(&packed), 0600, err), err);
}
