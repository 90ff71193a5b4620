#include "cmd/authority_backup.h"

#include <stdio.h>

#include "authority/backup.h"
#include "authority/schema.h"
#include "cmd/authority_home.h"

/* What the settings name is elsewhere, and the operator's to keep. */
static void
print_elsewhere(const struct settings *settings)
{
	const char *const paths[] = {settings->tls_certificate,
	    settings->tls_key, settings->dkim_key, settings->passphrase_file,
	    settings->pin_file, settings->dns_anchors};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (paths[i] != NULL)
			printf("  %s\n", paths[i]);
	if (settings->passphrase_file == NULL)
		printf("  the systemd credential with the passphrase\n");
	if (settings->pkcs11 != NULL)
		printf("  the keys in the token %s\n", settings->pkcs11);
}

static enum rc
backup(struct authority_home *home, const char *to, struct err *err)
{
	struct strlist files STRLIST_OWNED = STRLIST_NONE;

	struct sql *sql OWNED(sql_free) = NULL;
	int64_t version = 0;

	TRY(schema_look(home->folder, &home->settings, &sql, &version, err));
	TRY(backup_make(home->folder, &home->settings, to, &files, err));
	/* an older one's log may be another, or none */
	if (version == schema_newest())
		TRY(authority_home_audit(home, "backup", to, NULL, err));
	printf("%s has %zu files and their checksums.  Not in it, for they "
	       "are not in %s:\n",
	    to, files.len, home->folder);
	print_elsewhere(&home->settings);
	return RC_OK;
}

enum rc
backup_command(int argc, char **argv, struct err *err)
{
	struct authority_home home AUTHORITY_HOME_OWNED = {0};

	if (argc != 3 || argv[1][0] == '-' || argv[2][0] == '-')
		return err_set(err, RC_SYNTAX,
		    "want backup DIR TO; see letterlock-authority --help");
	TRY(authority_home_settings(argv[1], &home, err));
	return backup(&home, argv[2], err);
}

enum rc
restore_command(int argc, char **argv, struct err *err)
{
	struct authority_home home AUTHORITY_HOME_OWNED = {0};

	if (argc != 3 || argv[1][0] == '-' || argv[2][0] == '-')
		return err_set(err, RC_SYNTAX,
		    "want restore FROM DIR; see letterlock-authority --help");
	TRY(backup_restore(argv[1], argv[2], err));
	TRY(authority_home_settings(argv[2], &home, err));
	TRY(authority_home_audit(&home, "restore", argv[1], NULL, err));
	printf("%s is as it was when the backup was made; what was issued or "
	       "revoked since then\nis unknown to it.  Never run it beside "
	       "the one that the backup is of.\n\nNext:\n"
	       "1. Put in their places:\n",
	    argv[2]);
	print_elsewhere(&home.settings);
	printf("2. letterlock-authority audit verify %s\n"
	       "3. letterlock-authority run %s\n",
	    argv[2], argv[2]);
	return RC_OK;
}
