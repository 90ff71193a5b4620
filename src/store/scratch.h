/* store/scratch -- bytes for as long as a process needs them, as many as the
 * disk has room for.
 *
 * Little stays in memory; the rest goes into a file that has no name and is
 * encrypted with a key that nobody but this process ever has: clear text does
 * not reach the disk, and what is read again is what was written.
 *
 * May use:   base codec os.
 * Where:     $TMPDIR, else /var/tmp.
 * Limits:    SCRATCH_MEMORY bytes in memory.
 */
#ifndef STORE_SCRATCH_H
#define STORE_SCRATCH_H

#include "base/source.h"

#define SCRATCH_MEMORY ((size_t)256 * 1024)

struct scratch;

enum rc scratch_new(struct scratch **ret, struct err *err);
void scratch_free(struct scratch *scratch);

/* Append.  Not once reading has begun.  RC_IO: the disk is full, or else.
 * After a failure it is of no more use. */
enum rc scratch_add(
    struct scratch *scratch, struct span bytes, struct err *err);

struct sink scratch_sink(struct scratch *scratch);

/* All of it, as often as wanted; lends `scratch`.  One reader at a time.
 * RC_IO: the disk; RC_CRYPTO: it gave back something else. */
struct source scratch_source(struct scratch *scratch);

#endif
