#include "cmd/authority_audit.h"

#include <stdio.h>

#include "authority/audit.h"
#include "authority/audit_verify.h"
#include "authority/schema.h"
#include "codec/when.h"
#include "os/file.h"

#define PEM_MAX ((size_t)256 * 1024)
#define PATH_LEN_MAX 4096

struct log {
	const char *folder;
	struct settings settings;
	struct sql *sql;
};

static void
log_done(struct log *log)
{
	sql_free(log->sql);
	settings_done(&log->settings);
}

#define LOG_OWNED __attribute__((cleanup(log_done)))

static enum rc
load_roots(const char *folder, struct certs *ret, struct err *err)
{
	struct buf pem BUF_OWNED = BUF(PEM_MAX);
	char path[PATH_LEN_MAX];

	(void)snprintf(path, sizeof(path), "%s/root.pem", folder);
	TRY(file_read(path, &pem, err));
	return certs_parse(ret, buf_span(&pem), err);
}

static void
print_report(const struct audit_report *report)
{
	char when[WHEN_TEXT_MAX];

	for (size_t i = 0; i < report->fault.len; i++)
		printf("WRONG: %s\n", report->fault.item[i]);
	if (report->faults > (int64_t)report->fault.len)
		printf("WRONG: %lld more\n",
		    (long long)report->faults - (long long)report->fault.len);
	printf("%lld entries, %lld seals", (long long)report->entries,
	    (long long)report->seals);
	if (report->seals > 0) {
		when_print(report->sealed_at, when);
		printf(", the last one of entry %lld at %s",
		    (long long)report->sealed, when);
	}
	printf("\n");
	if (report->open > 0) {
		when_print(report->oldest_open, when);
		printf("%lld entries are not in the chain yet, the oldest of "
		       "%s\n",
		    (long long)report->open, when);
	}
	printf("%lld certificates and %lld revocations, %s\n",
	    (long long)report->certificates, (long long)report->revocations,
	    report->faults == 0 ? "each of them written down"
				: "looked for in the log");
}

static enum rc
verify(struct log *log, struct err *err)
{
	struct audit_report report AUDIT_REPORT_OWNED = {.fault = STRLIST_NONE};
	struct certs roots CERTS_OWNED = CERTS_NONE;

	TRY(load_roots(log->folder, &roots, err));
	TRY(audit_verify(log->sql, log->folder, &roots, &report, err));
	print_report(&report);
	if (report.faults == 0)
		return RC_OK;
	return err_set(
	    err, RC_REFUSED, "the audit log is not as it was written");
}

static enum rc
print_entry(void *context, const struct audit_entry *entry, struct err *err)
{
	char when[WHEN_TEXT_MAX];

	when_print(entry->at, when);
	printf("%lld %s", (long long)entry->id, when);
	for (size_t i = 0; i < 4; i++)
		printf("\t%.*s", (int)entry->text[i].len,
		    (const char *)entry->text[i].data);
	printf("\n");
	return RC_OK;
}

static enum rc
list(struct log *log, struct err *err)
{
	return audit_each(log->sql, print_entry, NULL, err);
}

static const struct {
	const char *name;
	enum rc (*run)(struct log *log, struct err *err);
} acts[] = {
    {"verify", verify},
    {"list", list},
};

enum rc
audit_command(int argc, char **argv, struct err *err)
{
	struct log log LOG_OWNED = {0};

	settings_init(&log.settings);
	for (size_t i = 0; argc == 3 && i < sizeof(acts) / sizeof(acts[0]);
	     i++) {
		if (strcmp(argv[1], acts[i].name) != 0)
			continue;
		log.folder = argv[2];
		TRY(settings_load(log.folder, &log.settings, err));
		TRY(schema_open(log.folder, &log.settings, &log.sql, err));
		return acts[i].run(&log, err);
	}
	return err_set(
	    err, RC_SYNTAX, "want audit verify DIR or audit list DIR");
}
