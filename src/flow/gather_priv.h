/* flow/gather -- between its two halves: what the layers say (gather.c), and
 * what that means for the names, the time and the reader (gather_facts.c).
 *
 * Only inside flow.
 */
#ifndef FLOW_GATHER_PRIV_H
#define FLOW_GATHER_PRIV_H

#include "cms/letter.h"
#include "flow/gather.h"
#include "mime/address.h"

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
	/* for gather_time.c: what may help to judge certificates, and until
	 * when others may be asked (0: nobody was yet) */
	struct evidence known;
	struct evidence own; /* what of it the letter did not bring: statuses */
	int64_t deadline;
};

void gather_copy_text(char *to, size_t size, const char *from);

/* `from`, or where that was needed to judge it, with its line ends: every pass
 * over the letter is over these bytes. */
struct source gather_source(
    struct gathered *gathered, const struct source *from);

/* The From that the verdict is about: the protected one where there is any. */
void gather_from(struct gathered *gathered);

/* What the root that ends `path` (empty: there is none) is believed for at `at`,
 * and so which of the signer's names are told.  The chain's state is set
 * before. */
enum rc gather_trust(struct reading *reading, const struct certs *path,
    int64_t at, struct err *err);

/* May this root name the signer's address, at the level that his certificate
 * says?  `reading`: a struct reading. */
bool gather_is_granted(const void *reading, const struct cert *root);

/* When the signer's certificate had to be good, and whether it was: time, chain
 * and revocation. */
enum rc gather_time(struct reading *reading, struct err *err);

/* gather_history.c: the path that the signer's chain was found by, and, last
 * of all, what was seen of the sender before. */
enum rc gather_root(
    struct reading *reading, const struct certs *path, struct err *err);
enum rc gather_history(struct reading *reading, struct err *err);

/* Append all whom From, and every further From, names to some reader: also
 * where it is no address list, "alice@alpha.test." with its dot.  To warn;
 * never to prove. */
enum rc gather_senders(
    const struct entity *header, struct mailboxes *ret, struct err *err);

/* Do other programs read this header's MIME fields otherwise? */
bool gather_is_ambiguous(const struct entity *entity);

/* RFC 8550 section 3, with the domain of `address` in either form. */
bool gather_names(const struct cert *cert, const char *address);

/* What the text asks for, once it is known who signed it (gather_request.c). */
enum rc gather_request(struct reading *reading, struct err *err);

/* gather_rest.c: is it a letter that lies at rest?  Then there is one inside,
 * and all facts are about that, if it came so. */
enum rc gather_rest(struct reading *reading, struct err *err);
/* The facts of one that was written here. */
enum rc gather_kept(struct reading *reading, struct err *err);
void gather_rest_done(struct gathered *gathered);
enum rc gather_rest_show(struct gathered *gathered, const struct source *letter,
    const struct sink *to, struct err *err);

/* All the rest, once the layers and the payload are known. */
enum rc gather_facts(struct reading *reading, struct err *err);

#endif
