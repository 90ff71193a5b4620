#include <string.h>

#include <openssl/sha.h>

#include "flow/gather_priv.h"
#include "keydir/history.h"

/* --- the letter as it is remembered ------------------------------------------*/

/* Under which root it was found to be valid; what is told last counts. */
enum rc
gather_root(struct reading *r, const struct certs *path, struct err *err)
{
	struct history_letter *seen = &r->out->seen;

	if (path->len == 0)
		return RC_OK;
	return cert_key_digest(path->item[path->len - 1], seen->root, err);
}

static uint64_t
mark_of(struct span bytes)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	uint64_t mark;

	SHA256(bytes.data, bytes.len, digest);
	memcpy(&mark, digest, sizeof(mark));
	return mark;
}

static int64_t
first_seen(const struct reader *reader)
{
	return reader->first_seen != 0 ? reader->first_seen : reader->now;
}

/* A signature is the letter's mark, for it comes to nobody twice; without one
 * it is the header, which every copy in another folder has too. */
static enum rc
describe(struct reading *r, struct err *err)
{
	struct facts *f = &r->out->facts;
	struct history_letter *seen = &r->out->seen;

	seen->is_signed = f->sig.state == SIGNED_VALID && r->signer != NULL;
	seen->seen = first_seen(r->reader);
	seen->when =
	    f->time.source == TIME_STAMPED ? f->time.value : seen->seen;
	seen->mark = mark_of(
	    seen->is_signed ? buf_span(&r->signature) : r->out->outer->header);
	return seen->is_signed ? cert_key_digest(r->signer, seen->key, err)
			       : RC_OK;
}

/* --- what is remembered of the address ---------------------------------------*/

static void
take_opinion(
    const struct history *history, const struct gathered *g, struct facts *f)
{
	struct history_opinion opinion;
	struct history_letter seen = g->seen;

	f->history.letters = history->letters;
	f->history.since = history->since;
	/* nobody knows what is in a letter that does not open */
	if (f->encrypted.state == ENCRYPTED_UNDECRYPTABLE)
		return;
	/* a signature that proves nothing of the address is as good as none:
	 * else a forger would only have to add one */
	seen.is_signed = f->sig.state == SIGNED_VALID &&
			 f->sig.binding == BINDING_FROM &&
			 f->sig.chain == CHAIN_VALID;
	history_judge(history, &seen, &opinion);
	f->history.always_signed = opinion.always_signed;
	f->history.new_root = opinion.new_root;
	f->history.conflict = opinion.conflict;
	f->history.accepted = opinion.accepted;
}

/* Nothing remembered, or nothing that can be read: a first contact. */
enum rc
gather_history(struct reading *r, struct err *err)
{
	struct facts *f = &r->out->facts;
	struct history history;
	struct err ignored = ERR_NONE;

	TRY(describe(r, err));
	if (r->reader->state == NULL || f->from[0] == '\0' ||
	    (r->reader->me != NULL &&
		strlist_has_nocase(r->reader->me, f->from)))
		return RC_OK;
	enum rc rc =
	    history_recall(r->reader->state, f->from, &history, &ignored);
	if (rc == RC_NOMEM)
		return err_nomem(err, "history");
	if (rc == RC_OK)
		take_opinion(&history, r->out, f);
	if (rc == RC_OK && history_is_known(&history))
		f->acquaintance = ACQUAINTANCE_KNOWN;
	else if (f->acquaintance == ACQUAINTANCE_UNSAID)
		f->acquaintance = ACQUAINTANCE_FIRST;
	return RC_OK;
}
