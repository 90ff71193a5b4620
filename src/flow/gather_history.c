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

/* A signature that proves nothing of the address is as good as none: else a
 * forger would only have to add one. */
static void
judge(const struct history *history, const struct gathered *g,
    struct history_opinion *ret)
{
	const struct facts *f = &g->facts;
	struct history_letter seen = g->seen;

	seen.is_signed = f->sig.state == SIGNED_VALID &&
			 f->sig.binding == BINDING_FROM &&
			 f->sig.chain == CHAIN_VALID;
	history_judge(history, &seen, ret);
}

static void
take_opinion(
    const struct history *history, const struct gathered *g, struct facts *f)
{
	struct history_opinion opinion;

	f->history.letters = history->letters;
	f->history.since = history->since;
	/* nobody knows what is in a letter that does not open */
	if (f->encrypted.state == ENCRYPTED_UNDECRYPTABLE)
		return;
	judge(history, g, &opinion);
	f->history.new_root = opinion.new_root;
	f->history.conflict = opinion.conflict;
	f->history.accepted = opinion.accepted;
}

/* Each of several in From is shown as its sender. */
static void
take_habit(const struct history *history, const struct gathered *g,
    const char *address, struct facts *f)
{
	struct history_opinion opinion;

	if (f->encrypted.state == ENCRYPTED_UNDECRYPTABLE)
		return;
	judge(history, g, &opinion);
	f->history.accepted = f->history.accepted && opinion.accepted;
	if (!opinion.always_signed || f->history.always_signed)
		return;
	f->history.always_signed = true;
	gather_copy_text(f->history.who, sizeof(f->history.who), address);
}

static void
take_acquaintance(bool known, struct facts *f)
{
	if (known)
		f->acquaintance = ACQUAINTANCE_KNOWN;
	else if (f->acquaintance == ACQUAINTANCE_UNSAID)
		f->acquaintance = ACQUAINTANCE_FIRST;
}

/* Nothing remembered, or nothing that can be read: a first contact. */
static enum rc
ask_about(struct reading *r, const char *address, bool is_from, struct err *err)
{
	struct facts *f = &r->out->facts;
	struct history history;
	struct err ignored = ERR_NONE;

	if (r->reader->me != NULL && strlist_has_nocase(r->reader->me, address))
		return RC_OK;
	enum rc rc =
	    history_recall(r->reader->state, address, &history, &ignored);
	if (rc == RC_NOMEM)
		return err_nomem(err, "history");
	if (is_from && rc == RC_OK)
		take_opinion(&history, r->out, f);
	if (is_from)
		take_acquaintance(rc == RC_OK && history_is_known(&history), f);
	if (rc == RC_OK)
		take_habit(&history, r->out, address, f);
	else
		f->history.accepted = false;
	return RC_OK;
}

enum rc
gather_history(struct reading *r, struct err *err)
{
	const struct facts *f = &r->out->facts;
	const struct protect_letter letter = gathered_letter(r->out);
	struct mailboxes from MAILBOXES_OWNED = MAILBOXES_NONE;

	TRY(describe(r, err));
	if (r->reader->state == NULL)
		return RC_OK;
	TRY(gather_senders(protect_header_of(&letter), &from, err));
	for (size_t i = 0; i < from.len; i++)
		TRY(ask_about(r, from.item[i].address,
		    i == 0 && strcmp(from.item[i].address, f->from) == 0, err));
	return RC_OK;
}
