/* flow/people -- whom the reader knows, as look-alikes are measured by.
 *
 * The reader's own addresses and domains, everybody the reader wrote to or
 * said is fine (keydir/history), and the shipped organisations: together a
 * `struct imitations` that is always up to date.  Somebody the reader writes
 * to for the first time is added at once.  What another process says
 * (letterlock people) is noticed at the next letter.
 *
 * Whoever passes for somebody else at the moment the reader writes to them is
 * not added: an answer to an impostor must not make him known.  Only "this one
 * is fine" does.
 *
 * May use:   base codec os mime pki cms proto dns net store keydir.
 * Threads:   several may use it at once.
 * Limits:    those of flow/lookalike; who is beyond them is measured, but
 *            nobody is measured by them.
 */
#ifndef FLOW_PEOPLE_H
#define FLOW_PEOPLE_H

#include "flow/gather.h"
#include "flow/recipients.h"

struct people;

/* Reads all that is remembered.  Borrows `state`; copies `me`. */
enum rc people_new(const struct state *state, const struct strlist *me,
    struct people **ret, struct err *err);
void people_free(struct people *people); /* NULL is fine */
OWNER(struct people, people_free);

/* Lends.  A finding's `of` is lent until the same thread asks again. */
struct imitations people_imitations(const struct people *people);

/* The reader wrote to that address.  `name`: as the reader calls it, or "". */
enum rc people_wrote(struct people *people, const char *address,
    const char *name, int64_t now, struct err *err);
/* The reader sent this letter to them; names are those in its To and Cc. */
enum rc people_sent(struct people *people, struct span letter,
    const struct recipients *to, int64_t now, struct err *err);

#endif
