/* authority/schema -- the tables, and how an older database becomes ours.
 *
 *   account --< authorization --< acme_order >-- certificate
 *
 * An order has no state of its own: it is what its authorization and its
 * certificate say (authority/order.h), so that nothing can disagree.  No
 * letter and no private key is ever in the database.
 *
 * May use:   base store.
 */
#ifndef AUTHORITY_SCHEMA_H
#define AUTHORITY_SCHEMA_H

#include "authority/settings.h"
#include "store/sql.h"

#define SCHEMA_FILE "authority.db"

/* What this program's tables are. */
int64_t schema_newest(void);

/* Open the database of the setting `store`, or else FOLDER/authority.db, for
 * one thread, with the tables made if it is empty.  RC_UNFIT: they are another
 * program's: a newer one's, or an older one's (then schema_upgrade() helps). */
enum rc schema_open(const char *folder, const struct settings *settings,
    struct sql **ret, struct err *err);

/* Open it whatever version it is of that this program knows, and change
 * nothing.  RC_UNFIT: it is a newer program's. */
enum rc schema_look(const char *folder, const struct settings *settings,
    struct sql **ret, int64_t *ret_version, struct err *err);
/* A new SQLite database in the folder, with the tables of that version. */
enum rc schema_make(
    const char *folder, int64_t version, struct sql **ret, struct err *err);

/* Bring the tables up to date.  *ret_before: which version they were. */
enum rc schema_upgrade(const char *folder, const struct settings *settings,
    int64_t *ret_before, struct err *err);

#endif
