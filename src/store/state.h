/* store/state -- what the agent remembers: small files, each wrapped.
 *
 * A folder that is only its owner's (0700), and one key for everything in it,
 * kept apart: a file of the user (0600), or a systemd credential.  Every file
 * is wrapped (codec/wrap) with its name as label, and replaced durably.
 *
 * May use:   base codec os pki.
 */
#ifndef STORE_STATE_H
#define STORE_STATE_H

#include "base/buf.h"
#include "base/own.h"
#include "base/strlist.h"
#include "codec/wrap.h"
#include "os/file.h"

struct state; /* may be shared by threads */

#define STATE_ITEM_MAX ((size_t)80 << 20)

/* Open the folder.  Key: `key_file` if not NULL; else
 * $CREDENTIALS_DIRECTORY/letterlock-key; else
 * ${XDG_CONFIG_HOME:-~/.config}/letterlock/key.  With `create`, folder and key
 * file are made if absent; without, RC_ABSENT says "run setup first".
 * RC_UNFIT: others can read the key or enter the folder. */
enum rc state_open(const char *folder, const char *key_file, bool create,
    struct state **ret, struct err *err);
void state_free(struct state *state);
OWNER(struct state, state_free);

/* `name`: relative path, "account", "spool/0001", ... [A-Za-z0-9._/-] only, no
 * component that begins with a dot. */
enum rc state_load(const struct state *state, const char *name, struct buf *out,
    struct err *err);
enum rc state_save(const struct state *state, const char *name,
    struct span bytes, struct err *err);
enum rc state_remove(
    const struct state *state, const char *name, struct err *err);
/* The same, but after a crash it may be there again. */
enum rc state_forget(
    const struct state *state, const char *name, struct err *err);
/* The names in a folder of it ("spool"), sorted, with the folder. */
enum rc state_list(const struct state *state, const char *folder,
    struct strlist *ret, struct err *err);

/* Call `each` with the name of every item in a folder of it, in any order and
 * however many; that item may be removed meanwhile.  RC_OK, or the first
 * failure of `each`. */
enum rc state_each(const struct state *state, const char *folder,
    enum rc (*each)(void *self, const char *name, struct err *err), void *self,
    struct err *err);
/* A number that is another one after the item was saved again, by whatever
 * process; 0: it is not there. */
uint64_t state_stamp(const struct state *state, const char *name);

/* Who reads an item to change it keeps others from doing so meanwhile: other
 * threads, and other processes, which need not hold the folder.  Waits. */
enum rc state_guard_take(
    const struct state *state, struct file_guard *ret, struct err *err);

const char *state_folder(const struct state *state);
const struct wrap_key *state_key(const struct state *state);
/* Hold the folder for one process: RC_AGAIN if another has it.  What an earlier
 * one left half-written is removed. */
enum rc state_lock(struct state *state, struct err *err);

#endif
