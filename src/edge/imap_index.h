/* edge/imap_index -- what the search index (store/index) is told of letters,
 * and the thread that tells it.
 *
 * What passes by is put into a queue and indexed behind it; between, the thread
 * goes through the letters of all mailboxes that lie here opened
 * (edge/imap_view) and are not in yet.  Nobody ever waits for it: what does not
 * fit into the queue is left out, and found later by opening it.  Killed at any
 * moment, the next one goes on where it was.
 *
 * May use:   base codec os mime proto net store flow enrol.
 * Limits:    IMAP_INDEX_QUEUE letters, IMAP_INDEX_BYTES bytes wait.
 */
#ifndef EDGE_IMAP_INDEX_H
#define EDGE_IMAP_INDEX_H

#include "edge/imap_view.h"
#include "store/index.h"

#define IMAP_INDEX_QUEUE 1000
#define IMAP_INDEX_BYTES ((size_t)32 << 20)

struct imap_indexer;

/* Begin.  Borrows the agent until imap_indexer_free(), which waits for the
 * letter in work. */
enum rc imap_indexer_new(
    const struct agent *agent, struct imap_indexer **ret, struct err *err);
void imap_indexer_free(struct imap_indexer *indexer); /* NULL is fine */
OWNER(struct imap_indexer, imap_indexer_free);

/* A letter was shown.  `bytes`: as it is shown, copied; empty if it lies here
 * (it is a rebuilt one).  All of these do nothing if `indexer` is NULL. */
void imap_indexer_add(struct imap_indexer *indexer,
    const struct imap_view_folder *folder, uint32_t uid, struct span bytes);
/* A mailbox is looked at: its letters are the next to be gone through. */
void imap_indexer_visit(
    struct imap_indexer *indexer, const struct imap_view_folder *folder);

/* Letters are gone.  Nothing, if there is no index. */
void imap_index_remove(const struct agent *agent,
    const struct imap_view_folder *folder, uint32_t uid);
void imap_index_sweep(const struct agent *agent,
    const struct imap_view_folder *folder, uint32_t last,
    bool (*is_there)(const void *self, uint32_t uid), const void *self);

/* Add one letter now.  RC_LIMIT: the index is full. */
enum rc imap_index_letter(struct index *index,
    const struct imap_view_folder *folder, uint32_t uid,
    const struct entity *letter, struct err *err);

#endif
