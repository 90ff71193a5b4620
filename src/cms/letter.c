#include "cms/letter.h"

#include <stdlib.h>

#include "base/own.h"
#include "cms/layer_priv.h"

/* So much at once goes through all layers while the nearest cache has it. */
#define STEP ((size_t)32 * 1024)
#define KEYS_MAX 1000
/* What may come behind the last byte, for letter_finish() to see. */
#define LATE_MAX ((size_t)1 << 20)
#define LETTER_COMPRESSED_MAX 2

/*            push*               finish            rewind
 *   +-------+ -----> +-----------+ -----> +------+ -----> +-----------+
 *   | EMPTY |        | IN_FIRST  |        | READ |        | IN_SECOND |--+
 *   +-------+ -----> | IN_SINGLE |        +------+        | IN_PART   |  |
 *      push_         +-----------+            ^           +-----------+  |
 *      unverified*                            |   ..._finish |  ^ rewind |
 *                                             +--------------+  +--------+
 *   Any failure: BROKEN. */
enum letter_state {
	STATE_EMPTY,
	STATE_IN_FIRST,
	STATE_IN_SINGLE, /* what is inside comes out, unverified */
	STATE_READ,
	STATE_IN_SECOND,
	STATE_IN_PART, /* one part's signature is checked */
	STATE_BROKEN,
};

struct letter {
	enum letter_state state;
	struct layer_keys keys;
	/* and one more, for what is inside of the last */
	struct layer layer[LETTER_LAYERS_MAX + 1];
	bool may_release;
	size_t payload; /* once read: the layer that is to be released */
	struct partial_find part; /* once read: of it, what is signed */
	bool too_many; /* the innermost is one layer more than we read */
	uint64_t consumed;
	const struct sink *out; /* NULL: nothing comes out; borrowed for one
				 * call */
	bool out_failed;        /* that one, not the letter */
};

enum rc
letter_new(struct letter **ret, struct err *err)
{
	struct letter *letter = calloc(1, sizeof(*letter));

	if (letter == NULL)
		return err_nomem(err, "letter");
	for (size_t i = 0; i <= LETTER_LAYERS_MAX; i++)
		layer_init(&letter->layer[i]);
	*ret = letter;
	return RC_OK;
}

void
letter_free(struct letter *letter)
{
	if (letter == NULL)
		return;
	for (size_t i = 0; i <= LETTER_LAYERS_MAX; i++)
		layer_done(&letter->layer[i]);
	for (size_t i = 0; i < letter->keys.len; i++)
		cert_free(letter->keys.item[i].cert);
	free(letter->keys.item);
	free(letter);
}

enum rc
letter_add(struct letter *letter, const struct cert *cert,
    const struct key *key, struct err *err)
{
	struct layer_keys *keys = &letter->keys;

	if (letter->state != STATE_EMPTY)
		bug("letter_add: the letter has begun");
	if (keys->len >= KEYS_MAX)
		return err_set(err, RC_LIMIT, "more than %d keys", KEYS_MAX);
	struct layer_key *item =
	    reallocarray(keys->item, keys->len + 1, sizeof(*item));
	if (item == NULL)
		return err_nomem(err, "letter");
	keys->item = item;
	item[keys->len++] = (struct layer_key){cert_ref(cert), key};
	return RC_OK;
}

void
letter_know(struct letter *letter, struct seen *seen)
{
	letter->keys.seen = seen;
}

void
letter_distrust_micalg(struct letter *letter)
{
	letter->keys.all_digests = true;
}

uint64_t
letter_consumed(const struct letter *letter)
{
	return letter->consumed;
}

/* --- bytes on their way inwards -------------------------------------------- */

static enum rc feed(struct letter *letter, size_t depth, struct span bytes,
    bool last, struct err *err);

/* Is this where the part is that is checked? */
static bool
is_part(const struct letter *letter, size_t depth)
{
	return letter->state == STATE_IN_PART && depth == letter->payload;
}

static bool
is_innermost(const struct letter *letter, size_t depth)
{
	return depth == LETTER_LAYERS_MAX || is_part(letter, depth);
}

/* How the MIME at this depth is to be read. */
static unsigned
way_at(const struct letter *letter, size_t depth)
{
	unsigned way = PEEL_PLAIN;

	if (letter->state == STATE_IN_SECOND && depth == letter->payload)
		way |= PEEL_FLAT;
	if (letter->state == STATE_IN_SINGLE)
		way |= PEEL_NAMED;
	if (depth > 0 && letter->layer[depth - 1].kind == SMIME_SIGNED)
		way |= PEEL_OF_PART;
	/* of a part that is signed whoever read the signature has seen all */
	else if (letter->state == STATE_IN_FIRST)
		way |= PEEL_DEEP;
	return way;
}

static enum rc
begin_layer(struct letter *letter, size_t depth, struct err *err)
{
	struct layer *layer = &letter->layer[depth];

	if (layer->peel != NULL)
		return RC_OK;
	TRY(layer_begin(layer, way_at(letter, depth), err));
	if (is_part(letter, depth))
		peel_only(layer->peel, letter->part.entity);
	return RC_OK;
}

/* Each of them may come to much more than it is. */
static enum rc
check_compressed(const struct letter *letter, size_t depth, struct err *err)
{
	size_t count = 0;

	for (size_t i = 0; i <= depth; i++)
		count += letter->layer[i].kind == SMIME_COMPRESSED;
	if (count > LETTER_COMPRESSED_MAX)
		return err_set(err, RC_LIMIT, "compressed more than %d times",
		    LETTER_COMPRESSED_MAX);
	return RC_OK;
}

static enum rc
refuse_layer(struct letter *letter, struct err *err)
{
	letter->too_many = true;
	return err_set(
	    err, RC_LIMIT, "more than %d nested layers", LETTER_LAYERS_MAX);
}

/* A multipart/signed may yet turn out to be none. */
static enum rc
check_depth(struct letter *letter, size_t depth, struct err *err)
{
	enum smime_kind kind = letter->layer[depth].kind;

	if (depth < LETTER_LAYERS_MAX || is_part(letter, depth) ||
	    kind == SMIME_NONE || kind == SMIME_SIGNED)
		return RC_OK;
	return refuse_layer(letter, err);
}

static enum rc
begin_engine(struct letter *letter, size_t depth, struct err *err)
{
	struct layer *layer = &letter->layer[depth];

	if (layer->begun)
		return RC_OK;
	TRY(layer_begin_engine(layer, &letter->keys, err));
	TRY(check_depth(letter, depth, err));
	return check_compressed(letter, depth, err);
}

/* What came out of a layer goes into the next. */
static enum rc
drain(struct letter *letter, size_t depth, bool last, struct err *err)
{
	struct buf *plain = &letter->layer[depth].plain;

	if (plain->len == 0 && !last)
		return RC_OK;
	enum rc rc = feed(letter, depth + 1, buf_span(plain), last, err);

	/* not buf_clear(), which wipes: the next piece overwrites it */
	plain->len = 0;
	return rc;
}

static enum rc
pass_cms(struct letter *letter, size_t depth, struct span cms, struct err *err)
{
	struct layer *layer = &letter->layer[depth];
	enum rc rc;

	TRY(layer_push(layer, cms, err));
	TRY(drain(letter, depth, false, err));
	while ((rc = layer_pull(layer, err)) == RC_OK)
		TRY(drain(letter, depth, false, err));
	return rc == RC_AGAIN ? RC_OK : rc;
}

static enum rc
give_out(struct letter *letter, struct span bytes, struct err *err)
{
	if (letter->out == NULL)
		return RC_OK;
	enum rc rc = letter->out->put(letter->out->self, bytes, err);
	letter->out_failed = rc != RC_OK;
	return rc;
}

static enum rc
take_event(struct letter *letter, size_t depth, const struct peel_event *event,
    struct err *err)
{
	if (event->what == PEEL_MORE)
		return RC_OK;
	TRY(begin_engine(letter, depth, err));
	if (event->what == PEEL_CMS)
		return pass_cms(letter, depth, event->bytes, err);
	if (event->what == PEEL_ENTITY)
		return give_out(letter, event->bytes, err);
	TRY(layer_push_part(&letter->layer[depth], event->bytes, err));
	if (is_innermost(letter, depth))
		return RC_OK;
	return feed(letter, depth + 1, event->bytes, false, err);
}

/* The last of what is inside goes on only if all of it was as it must be. */
static enum rc
end_layer(struct letter *letter, size_t depth, struct err *err)
{
	struct layer *layer = &letter->layer[depth];

	TRY(begin_engine(letter, depth, err));
	if (layer_is_payload(layer))
		return RC_OK;
	enum rc rc = layer_end(layer, err);
	if (!is_part(letter, depth) && depth == LETTER_LAYERS_MAX &&
	    !layer_is_payload(layer))
		return refuse_layer(letter, err);
	TRY(rc);
	return is_innermost(letter, depth) ? RC_OK
					   : drain(letter, depth, true, err);
}

/* The MIME around it is wrong, perhaps in its first piece: then what it is was
 * never asked.  A multipart/signed that cannot be taken apart is no letter. */
static enum rc
fail_mime(struct letter *letter, size_t depth, enum rc rc, struct err *err)
{
	struct layer *layer = &letter->layer[depth];

	if (!layer->begun && peel_has_header(layer->peel)) {
		layer->kind = peel_kind(layer->peel);
		layer->begun = true;
		TRY(check_depth(letter, depth, err));
	}
	if (layer->kind == SMIME_SIGNED)
		layer->kind = SMIME_NONE;
	return rc;
}

static enum rc
run(struct letter *letter, size_t depth, struct span bytes, bool last,
    struct err *err)
{
	struct layer *layer = &letter->layer[depth];
	struct peel_event event;

	TRY(begin_layer(letter, depth, err));
	do {
		enum rc rc = peel_next(layer->peel, &bytes, last, &event, err);
		if (rc != RC_OK)
			return fail_mime(letter, depth, rc, err);
		TRY(take_event(letter, depth, &event, err));
	} while (event.what != PEEL_MORE);
	return last ? end_layer(letter, depth, err) : RC_OK;
}

/* In a second pass it is another letter. */
static bool
is_about_letter(const struct letter *letter, size_t depth, enum rc rc)
{
	bool again =
	    letter->state == STATE_IN_SECOND || letter->state == STATE_IN_PART;

	return layer_blames_letter(rc) && !letter->out_failed &&
	       (!again || is_part(letter, depth));
}

/* Bytes for the layer at this depth.  What is wrong with it is remembered
 * there; those around it go on, for they have to be judged too. */
static enum rc
feed(struct letter *letter, size_t depth, struct span bytes, bool last,
    struct err *err)
{
	struct layer *layer = &letter->layer[depth];
	struct err why = ERR_NONE;

	if (layer->failed != RC_OK)
		return RC_OK;
	enum rc rc = run(letter, depth, bytes, last, &why);
	if (rc == RC_OK)
		return RC_OK;
	if (is_about_letter(letter, depth, rc) && (depth > 0 || layer->begun)) {
		layer->failed = rc;
		layer->why = why;
		return RC_OK;
	}
	if (err != NULL)
		*err = why;
	return rc;
}

static enum rc
feed_all(struct letter *letter, struct span bytes, const struct sink *out,
    struct err *err)
{
	enum rc rc = RC_OK;

	letter->out = out;
	for (; rc == RC_OK && bytes.len > 0; bytes = span_after(bytes, STEP)) {
		struct span step = span_first(bytes, STEP);
		rc = feed(letter, 0, step, false, err);
		letter->consumed += step.len;
	}
	letter->out = NULL;
	if (rc != RC_OK)
		letter->state = STATE_BROKEN;
	return rc;
}

static enum rc
feed_end(struct letter *letter, const struct sink *out, struct err *err)
{
	letter->out = out;
	enum rc rc = feed(letter, 0, SPAN_NONE, true, err);
	letter->out = NULL;
	letter->state = rc == RC_OK ? STATE_READ : STATE_BROKEN;
	return rc;
}

/* A caller's mistake, but for a letter that had failed before. */
static enum rc
check_state(const struct letter *letter, enum letter_state first,
    enum letter_state then, struct err *err)
{
	if (letter->state == STATE_BROKEN)
		return err_set(
		    err, RC_SYNTAX, "the letter could not be read before");
	if (letter->state != first && letter->state != then)
		bug("letter: not in this order");
	return RC_OK;
}

enum rc
letter_push(struct letter *letter, struct span bytes, struct err *err)
{
	TRY(check_state(letter, STATE_EMPTY, STATE_IN_FIRST, err));
	letter->state = STATE_IN_FIRST;
	return feed_all(letter, bytes, NULL, err);
}

enum rc
letter_push_unverified(
    struct letter *letter, struct span bytes, struct buf *out, struct err *err)
{
	const struct sink to = sink_buf(out);

	TRY(check_state(letter, STATE_EMPTY, STATE_IN_SINGLE, err));
	letter->state = STATE_IN_SINGLE;
	return feed_all(letter, bytes, &to, err);
}

/* --- what it is worth ------------------------------------------------------- */

static enum letter_kind
kind_of(const struct layer *layer)
{
	static const enum letter_kind kinds[] = {
	    [SMIME_NONE] = LETTER_OTHER,
	    [SMIME_SIGNED] = LETTER_SIGNED,
	    [SMIME_OPAQUE] = LETTER_OPAQUE,
	    [SMIME_ENVELOPED] = LETTER_ENVELOPED,
	    [SMIME_AUTH_ENVELOPED] = LETTER_AUTH_ENVELOPED,
	    [SMIME_COMPRESSED] = LETTER_COMPRESSED,
	    [SMIME_OTHER] = LETTER_OTHER,
	};

	return kinds[layer->kind];
}

static void
report(struct layer *layer, struct letter_layer *ret)
{
	*ret = (struct letter_layer){.kind = kind_of(layer),
	    .rc = layer->failed,
	    .why = layer->why,
	    .opened = layer->opened};
	if (layer->failed != RC_OK || !layer_is_signed(layer))
		return;
	ret->verified = take(layer->verified);
}

/* From the outside inwards, the first that is no layer or cannot be read. */
static size_t
find_end(const struct letter *letter)
{
	size_t i = 0;

	while (letter->layer[i].failed == RC_OK &&
	       !layer_is_payload(&letter->layer[i]))
		i++;
	return i;
}

/* Does what is inside of the outer `count` prove to be as it was sealed? */
static bool
is_authenticated(const struct letter *letter, size_t count)
{
	bool good = true;

	for (size_t i = 0; i < count; i++) {
		const struct layer *layer = &letter->layer[i];
		if (layer_is_encrypted(layer))
			good = good && layer->opened.authenticated;
		/* a valid signature is around all that CBC let through */
		good = good || layer_has_valid_signer(layer);
	}
	return good;
}

/* Where there is a signature around all of it, no other counts. */
static struct partial_find
find_part(const struct letter *letter, bool failed)
{
	const struct partial_find none = {0, 0, false};

	for (size_t i = 0; i < letter->payload; i++)
		if (layer_is_signed(&letter->layer[i]))
			return none;
	return failed ? none
		      : peel_partial(letter->layer[letter->payload].peel);
}

static enum rc
judge(struct letter *letter, struct letter_result *ret, struct err *err)
{
	size_t end = find_end(letter);
	struct layer *last = &letter->layer[end];
	bool failed = last->failed != RC_OK;

	if (letter->too_many && end == LETTER_LAYERS_MAX)
		return err_set(err, last->failed, "%s", last->why.text);
	ret->closed = failed && !layer_is_signed(last);
	ret->authenticated = !ret->closed && is_authenticated(letter, end);
	ret->signed_whole = false;
	for (size_t i = 0; i < end; i++)
		ret->signed_whole = ret->signed_whole ||
				    layer_has_valid_signer(&letter->layer[i]);
	ret->layers = end + failed;
	letter->payload = end;
	letter->part = find_part(letter, failed);
	ret->part = letter->part.number;
	ret->sealed_part = letter->part.sealed;
	for (size_t i = 0; i < ret->layers; i++)
		report(&letter->layer[i], &ret->layer[i]);
	letter->may_release = ret->authenticated;
	return RC_OK;
}

enum rc
letter_finish(struct letter *letter, struct letter_result *ret, struct err *err)
{
	struct buf late BUF_OWNED = BUF_SECRET(LATE_MAX);
	const struct sink to = sink_buf(&late);

	if (letter->state == STATE_EMPTY)
		letter->state = STATE_IN_FIRST;
	TRY(check_state(letter, STATE_IN_FIRST, STATE_IN_SINGLE, err));
	bool single = letter->state == STATE_IN_SINGLE;
	TRY(feed_end(letter, single ? &to : NULL, err));
	if (late.len > 0)
		return err_set(err, RC_UNFIT,
		    "the end of the letter came too late to be given out");
	return judge(letter, ret, err);
}

enum rc
letter_finish_unverified(struct letter *letter, struct buf *out,
    struct letter_result *ret, struct err *err)
{
	const struct sink to = sink_buf(out);

	if (letter->state == STATE_EMPTY)
		letter->state = STATE_IN_SINGLE;
	TRY(check_state(letter, STATE_IN_SINGLE, STATE_IN_SINGLE, err));
	TRY(feed_end(letter, &to, err));
	return judge(letter, ret, err);
}

void
letter_result_done(struct letter_result *result)
{
	for (size_t i = 0; i < result->layers; i++)
		verify_result_free(result->layer[i].verified);
	result->layers = 0;
}

/* --- the second pass -------------------------------------------------------- */

static enum rc
refuse(struct err *err)
{
	return err_set(
	    err, RC_UNFIT, "nothing of this letter may be given out");
}

/* To what is inside of the outer `layers`. */
static enum rc
rewind_to(struct letter *letter, size_t layers, enum letter_state state,
    struct err *err)
{
	for (size_t i = 0; i < layers; i++)
		TRY(layer_rewind(&letter->layer[i], err));
	/* what was found inside of it was none of the letter's */
	for (size_t i = layers; i <= LETTER_LAYERS_MAX; i++) {
		layer_done(&letter->layer[i]);
		layer_init(&letter->layer[i]);
	}
	letter->payload = layers;
	letter->state = state;
	letter->consumed = 0;
	return RC_OK;
}

static bool
was_read(const struct letter *letter)
{
	return letter->state == STATE_READ ||
	       letter->state == STATE_IN_SECOND ||
	       letter->state == STATE_IN_PART;
}

enum rc
letter_rewind(struct letter *letter, struct err *err)
{
	if (!was_read(letter) || !letter->may_release)
		return refuse(err);
	return rewind_to(letter, letter->payload, STATE_IN_SECOND, err);
}

enum rc
letter_rewind_unverified(struct letter *letter, size_t layers, struct err *err)
{
	if (!was_read(letter) || layers > letter->payload)
		return refuse(err);
	/* what is less than all of it was not what was judged */
	if (layers < letter->payload) {
		letter->may_release = false;
		letter->part = (struct partial_find){0, 0, false};
	}
	return rewind_to(letter, layers, STATE_IN_SECOND, err);
}

enum rc
letter_rewind_part(struct letter *letter, struct err *err)
{
	if (!was_read(letter) || letter->part.entity == 0)
		return err_set(
		    err, RC_UNFIT, "no part of this letter is signed alone");
	return rewind_to(letter, letter->payload, STATE_IN_PART, err);
}

enum rc
letter_release_to(struct letter *letter, struct span bytes,
    const struct sink *to, struct err *err)
{
	TRY(check_state(letter, STATE_IN_SECOND, STATE_IN_SECOND, err));
	return feed_all(letter, bytes, to, err);
}

enum rc
letter_release_to_finish(
    struct letter *letter, const struct sink *to, struct err *err)
{
	TRY(check_state(letter, STATE_IN_SECOND, STATE_IN_SECOND, err));
	return feed_end(letter, to, err);
}

enum rc
letter_release(
    struct letter *letter, struct span bytes, struct buf *out, struct err *err)
{
	const struct sink to = sink_buf(out);

	return letter_release_to(letter, bytes, &to, err);
}

enum rc
letter_release_finish(struct letter *letter, struct buf *out, struct err *err)
{
	const struct sink to = sink_buf(out);

	return letter_release_to_finish(letter, &to, err);
}

enum rc
letter_check_part(struct letter *letter, struct span bytes, struct err *err)
{
	TRY(check_state(letter, STATE_IN_PART, STATE_IN_PART, err));
	return feed_all(letter, bytes, NULL, err);
}

enum rc
letter_check_part_finish(
    struct letter *letter, struct letter_layer *ret, struct err *err)
{
	struct layer *layer = &letter->layer[letter->payload];

	TRY(check_state(letter, STATE_IN_PART, STATE_IN_PART, err));
	TRY(feed_end(letter, NULL, err));
	if (layer->failed == RC_OK && !layer_is_signed(layer)) {
		letter->state = STATE_BROKEN;
		return err_set(
		    err, RC_CRYPTO, "the letter is not the one of before");
	}
	report(layer, ret);
	return RC_OK;
}
