/* keydir/status_priv -- one address that is asked, and where its answer is
 * kept.
 *
 * Only inside keydir.
 */
#ifndef KEYDIR_STATUS_PRIV_H
#define KEYDIR_STATUS_PRIV_H

#include "keydir/status.h"

#define STATUS_NAME_MAX 65
#define STATUS_RECORD_MAX (STATUS_LIST_MAX + 64)

enum status_kind { STATUS_LIST, STATUS_ANSWER };

/*        wanted          a worker
 *   IDLE -----> QUEUED -------> RUNNING
 *    ^                             |
 *    +-------- answer, or none ----+
 * Only one that is IDLE is ever forgotten. */
enum status_stage { STATUS_IDLE, STATUS_QUEUED, STATUS_RUNNING };

struct status_item {
	/* constant while it is there */
	char name[STATUS_NAME_MAX]; /* SHA-256 of what is asked, hex */
	enum status_kind kind;
	char *url;
	struct cert *cert, *issuer; /* of an answer */
	/* guarded by the lock */
	enum status_stage stage;
	struct crls crls; /* one at most */
	struct ocsps ocsps;
	int64_t fetched;               /* wall clock; 0: never */
	int64_t dead_from, dead_until; /* ticks */
	uint64_t used;
};

/* Of a cert, at that address; `issuer` NULL: not known, and not asked. */
enum rc status_item_new(enum status_kind kind, const char *url,
    const struct cert *cert, const struct cert *issuer,
    struct status_item **ret, struct err *err);
void status_item_free(struct status_item *item);
OWNER(struct status_item, status_item_free);

/* The name it would have. */
enum rc status_item_name(enum status_kind kind, const char *url,
    const struct cert *cert, char ret[STATUS_NAME_MAX], struct err *err);

/* Has it an answer that still holds? */
bool status_item_is_fresh(const struct status_item *item, int64_t now);
/* Take over what was read; an older one than there is is passed over. */
void status_item_take(
    struct status_item *item, struct crls *crls, struct ocsps *ocsps);
/* Read one list or answer of this kind. */
enum rc status_item_read(enum status_kind kind, struct span bytes,
    struct crls *crls, struct ocsps *ocsps, struct err *err);

/* On the disk.  What is not there or cannot be read: nothing. */
void status_item_load(
    const struct status_rules *rules, struct status_item *item);
void status_item_save(const struct status_rules *rules, const char *name,
    int64_t fetched, struct span der);
/* Make the folder; remove what there is too much. */
enum rc status_folder_prepare(
    const struct status_rules *rules, struct err *err);

#endif
