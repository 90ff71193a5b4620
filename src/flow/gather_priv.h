/* flow/gather -- between its two halves: what the layers say (gather.c), and
 * what that means for the names, the time and the reader (gather_facts.c).
 *
 * Only inside flow.
 */
#ifndef FLOW_GATHER_PRIV_H
#define FLOW_GATHER_PRIV_H

#include "cms/letter.h"
#include "flow/gather.h"

/* One reading in progress. */
struct reading {
	const struct reader *reader;
	const struct source *source;
	struct gathered *out;
	struct letter_result layers;
	bool closed; /* nothing inside of it can be shown */
	bool signature_seen;
	bool signature_before_opening; /* the newest one is outside */
	struct certs certs;            /* of the signature that counts */
	struct buf token[VERIFY_TOKENS_MAX];
	size_t tokens, tokens_found;
	struct buf signature;
	struct cert *signer; /* owned */
	int64_t claimed;
};

void gather_copy_text(char *to, size_t size, const char *from);

/* The From that the verdict is about: the protected one where there is any. */
void gather_from(struct gathered *gathered);

/* Do other programs read this header's MIME fields otherwise? */
bool gather_is_ambiguous(const struct entity *entity);

/* RFC 8550 section 3, with the domain of `address` in either form. */
bool gather_names(const struct cert *cert, const char *address);

/* All the rest, once the layers and the payload are known. */
enum rc gather_facts(struct reading *reading, struct err *err);

#endif
