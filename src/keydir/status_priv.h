/* keydir/status_priv -- one address that is asked, and where its answer is
 * kept.
 *
 * Only inside keydir.
 */
#ifndef KEYDIR_STATUS_PRIV_H
#define KEYDIR_STATUS_PRIV_H

#include "keydir/status.h"

#define STATUS_NAME_MAX 65

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
	/* guarded by the lock */
	enum status_stage stage;
	/* what is asked about: a certificate and those above it.  Empty: not
	 * known, and not asked.  Constant while it is not IDLE */
	struct certs path;
	struct crls crls; /* one at most; as long as in work: constant */
	struct ocsps ocsps;
	bool proven; /* heard on the path, not only read from the disk */
	/* what came last and was not heard on the path */
	struct crls loose_crls;
	struct ocsps loose_ocsps;
	int64_t fetched;               /* wall clock; 0: never */
	int64_t dead_from, dead_until; /* ticks */
	uint64_t used;
};

/* ---- servers that do not answer (status_dead.c) ----------------------- */

#define STATUS_DEADS_MAX 32
#define STATUS_ORIGIN_MAX 300

struct status_deads {
	struct status_dead {
		/* "http://host:port", which is whom one waits for */
		char origin[STATUS_ORIGIN_MAX];
		int64_t from, until; /* ticks */
	} item[STATUS_DEADS_MAX];
};

/* Lends; NULL: nothing is known of the server at that address. */
struct status_dead *status_dead_find(
    struct status_deads *deads, const char *url);
/* In the place of one whose time is over, if there is no room. */
void status_dead_note(
    struct status_deads *deads, const char *url, int64_t for_ms);
void status_dead_clear(struct status_deads *deads, const char *url);

/* ---- one address ------------------------------------------------------- */

const struct status_limits *status_limits_of(const struct status_rules *rules);

/* Of a cert, at that address. */
enum rc status_item_new(enum status_kind kind, const char *url,
    const struct cert *cert, struct status_item **ret, struct err *err);
void status_item_free(struct status_item *item);
OWNER(struct status_item, status_item_free);

/* The name it would have. */
enum rc status_item_name(enum status_kind kind, const char *url,
    const struct cert *cert, char ret[STATUS_NAME_MAX], struct err *err);

/* Has it an answer that still holds? */
bool status_item_is_fresh(const struct status_item *item, int64_t now);
/* It is asked about for this path (slice: leaf first).  What the disk had and
 * nobody on the path would have signed is forgotten.  Not for one in work. */
enum rc status_item_know(struct status_item *item, const struct certs *path,
    int64_t now, struct err *err);
/* May it be kept?  Heard on the path, and not of a day to come. */
bool status_item_proves(const struct status_item *item, const struct crls *crls,
    const struct ocsps *ocsps, int64_t now);
/* Take over what was read.  False: it is older than what there is. */
bool status_item_take(
    struct status_item *item, struct crls *crls, struct ocsps *ocsps);
/* Take it over beside what there is. */
void status_item_take_loose(
    struct status_item *item, struct crls *crls, struct ocsps *ocsps);
/* Read one list or answer of this kind. */
enum rc status_item_read(enum status_kind kind, struct span bytes,
    struct crls *crls, struct ocsps *ocsps, struct err *err);

/* On the disk.  What is not there or cannot be read: nothing. */
void status_item_load(
    const struct status_rules *rules, struct status_item *item);
/* Only what is proven, and not older than what there is, here and there. */
void status_item_save(const struct status_rules *rules,
    const struct status_item *item, int64_t fetched, const struct crls *crls,
    const struct ocsps *ocsps);
/* Make the folder; remove what there is too much. */
enum rc status_folder_prepare(
    const struct status_rules *rules, struct err *err);

#endif
