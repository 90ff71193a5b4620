/* flow/evidence -- what proved that a letter's certificates were good, to be
 * kept with the letter: years later nobody can be asked any more.
 *
 * Nothing in it is believed because it was kept: certificates, lists and
 * answers are signed by those who made them, and are judged as if they had
 * just come.  Of what the letter itself brought no status is kept: its sender
 * chose it.  Who loses it loses proof.  Who changes it gains no more than that
 * a true list, of the time before a theft, counts after the certificate has
 * expired: one that the letter itself brings does not then, for its sender
 * chose it.
 *
 * May use:   base codec os mime pki cms proto dns net store keydir.
 * Format:    doc/formats.md, "Evidence".
 * Limits:    struct evidence_limits; what does not fit (a list of that length) is left
 *            out, and can be fetched again as long as it is published.
 */
#ifndef FLOW_EVIDENCE_H
#define FLOW_EVIDENCE_H

#include "pki/chain.h"

struct evidence_limits {
	size_t packed; /* bytes */
};

static const struct evidence_limits evidence_default = {
    .packed = (size_t)1 << 20,
};

struct evidence {
	struct certs certs; /* the paths of the signer and of the timestamp */
	struct crls crls;
	struct ocsps ocsps;
	const struct evidence_limits *limits; /* NULL: evidence_default */
};

#define EVIDENCE_NONE \
	((struct evidence){CERTS_NONE, CRLS_NONE, OCSPS_NONE, NULL})
#define EVIDENCE_OWNED __attribute__((cleanup(evidence_done)))
void evidence_done(struct evidence *evidence);

/* Is there anything in it that is worth to be kept (a status)? */
bool evidence_is_empty(const struct evidence *evidence);

/* Append all of it; nothing, if it is empty.  To the caller it is opaque. */
enum rc evidence_pack(
    const struct evidence *evidence, struct buf *out, struct err *err);

/* The reverse; no bytes: nothing.  RC_SYNTAX, RC_LIMIT: not what was packed;
 * *ret is as it was, and the letter is judged without. */
enum rc evidence_unpack(
    struct span packed, struct evidence *ret, struct err *err);

#endif
