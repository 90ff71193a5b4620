/* authority/backup -- an authority in a folder of its own, and back.
 *
 * A backup is a folder: what is in the authority's own (settings,
 * certificates, keys as they are there: encrypted, or in a token), the database
 * as SQLite file whatever it was, and backup.json with the SHA-256 of each,
 * written last, so that a folder with it is complete.  What the settings name
 * elsewhere (TLS, DKIM, passphrase, PIN) is not in it.
 *
 * May use:   base codec os store.
 * Limits:    BACKUP_FILES_MAX.
 */
#ifndef AUTHORITY_BACKUP_H
#define AUTHORITY_BACKUP_H

#include "authority/settings.h"
#include "base/strlist.h"

#define BACKUP_FILE "backup.json"
#define BACKUP_FILES_MAX 200

/* Into `to`, which must not be there.  While the authority runs: the database
 * is as it is at one moment.  *files: what is in it now. */
enum rc backup_make(const char *folder, const struct settings *settings,
    const char *to, struct strlist *files, struct err *err);

/* Into `folder`, which must not be there.  Everything is checked before the
 * first file is written; authority.json comes last.  A database that the
 * settings name elsewhere must be empty.  RC_SYNTAX: the backup is damaged.
 * RC_REFUSED: something is there. */
enum rc backup_restore(const char *from, const char *folder, struct err *err);

#endif
