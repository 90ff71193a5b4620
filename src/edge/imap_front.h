/* edge/imap_front -- one IMAP session of the person's mail program.
 *
 * A proxy, not a mirror: folders, UIDs, UIDVALIDITY and flags are the
 * provider's own.  Letters are opened when they are first asked for, kept in
 * the encrypted cache and shown unchangingly ever after; the verdict is in
 * keywords of our own ("$Letterlock-verified", "$Letterlock-reason-..."), which
 * nobody else can set, and those of the provider with that name are hidden.
 * What is appended (drafts, sent copies) is sealed to its writer first.
 *
 * Standard:  RFC 3501, UIDPLUS (4315), MOVE (6851), UNSELECT (3691), NAMESPACE
 *            (2342), SPECIAL-USE (6154), LITERAL+ (7888), SASL-IR (4959), ID,
 *            BINARY (3516), COMPRESS (4978).
 * May use:   base codec os mime proto net store flow enrol.
 * Limits:    proto/imap_stream's; a search in what only the sealed letters hold
 *            (TEXT, BODY, SUBJECT, ...) is refused, never sent upstream.
 */
#ifndef EDGE_IMAP_FRONT_H
#define EDGE_IMAP_FRONT_H

#include "edge/front.h"

/* Serve one connection (TLS is up) to its end. */
void imap_front_serve(const struct agent *agent, struct visit *visit);

#endif
