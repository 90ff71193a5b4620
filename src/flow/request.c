#include "flow/request.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/own.h"
#include "codec/word.h"
#include "flow/request_priv.h"
#include "flow/requests.h"
#include "mime/field.h"
#include "mime/scan.h"
#include "mime/transfer.h"

OWNER(struct request_scan, request_free);

#define NEAR 40          /* bytes between parts that stand near each other */
#define UNLESS_NEAR 6    /* and between what says no, and the first part */
#define SENTENCE_MAX 900 /* what is longer is read as several */
#define SENTENCE_KEPT 300

/* --- one sentence --------------------------------------------------------------- */

/* Where phrases end; and which pairs of bytes there are at all, for most of
 * the many phrases are not there. */
struct sentence {
	uint8_t text[SENTENCE_MAX];
	size_t len;
	uint64_t pairs[16];
	bool unless[SENTENCE_MAX + 1]; /* one that says no ends there */
};

struct ends {
	bool at[SENTENCE_MAX + 1];
	size_t first; /* SIZE_MAX: there is none */
};

static unsigned
pair_of(uint8_t a, uint8_t b)
{
	return (a * 37U + b) % 1024;
}

static void
note_pairs(struct sentence *s)
{
	memset(s->pairs, 0, sizeof(s->pairs));
	for (size_t i = 0; i + 1 < s->len; i++) {
		unsigned pair = pair_of(s->text[i], s->text[i + 1]);
		s->pairs[pair / 64] |= (uint64_t)1 << (pair % 64);
	}
}

static bool
may_hold(const struct sentence *s, const struct request_phrase *phrase)
{
	const uint8_t *text = (const uint8_t *)phrase->text;
	unsigned pair = pair_of(text[0], text[phrase->len > 1 ? 1 : 0]);

	return phrase->len < 2 || (s->pairs[pair / 64] >> (pair % 64) & 1) != 0;
}

static bool
is_word_byte(const struct sentence *s, size_t at)
{
	uint8_t c = at < s->len ? s->text[at] : ' ';

	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool
stands_alone(
    const struct sentence *s, const struct request_phrase *phrase, size_t at)
{
	if (phrase->word_begins && at > 0 && is_word_byte(s, at - 1))
		return false;
	return !phrase->word_ends || !is_word_byte(s, at + phrase->len);
}

/* The next place of the phrase from `from` on; SIZE_MAX: none. */
static size_t
find_phrase(
    const struct sentence *s, const struct request_phrase *phrase, size_t from)
{
	struct span whole = span_of(s->text, s->len);
	struct span wanted = span_of(phrase->text, phrase->len);

	for (;;) {
		ptrdiff_t found = span_find(span_after(whole, from), wanted);
		if (found < 0)
			return SIZE_MAX;
		from += (size_t)found;
		if (stands_alone(s, phrase, from))
			return from;
		from++;
	}
}

static bool
is_set_in(const bool *at, size_t from, size_t to)
{
	for (size_t i = from; i <= to; i++)
		if (at[i])
			return true;
	return false;
}

/* May the part begin at `place`, behind what came before? */
static bool
follows(const struct sentence *s, const struct request_part *part,
    const struct ends *before, size_t place)
{
	if (before == NULL)
		return !is_set_in(s->unless,
		    place > UNLESS_NEAR ? place - UNLESS_NEAR : 0, place);
	if (part->far)
		return before->first <= place;
	return is_set_in(before->at, place > NEAR ? place - NEAR : 0, place);
}

/* Every end that the part can have.  Time is bounded by the sentence, however
 * often its phrases are repeated. */
static void
find_part(const struct sentence *s, const struct request_part *part,
    const struct ends *before, struct ends *ret)
{
	memset(ret->at, 0, s->len + 1);
	ret->first = SIZE_MAX;
	for (const struct request_phrase *p = part->phrases; p->text; p++) {
		if (!may_hold(s, p))
			continue;
		for (size_t at = find_phrase(s, p, 0); at != SIZE_MAX;
		     at = find_phrase(s, p, at + 1)) {
			if (!follows(s, part, before, at))
				continue;
			ret->at[at + p->len] = true;
			if (at + p->len < ret->first)
				ret->first = at + p->len;
		}
	}
}

static bool
holds(const struct sentence *s, const struct request_rule *rule)
{
	struct ends ends[2];
	const struct ends *before = NULL;
	size_t now = 0;

	for (const struct request_part *part = rule->parts; part->phrases;
	     part++) {
		find_part(s, part, before, &ends[now]);
		if (ends[now].first == SIZE_MAX)
			return false;
		before = &ends[now];
		now = 1 - now;
	}
	return true;
}

static void
note_unless(struct sentence *s)
{
	memset(s->unless, 0, s->len + 1);
	for (const struct request_phrase *p = request_unless; p->text; p++) {
		if (!may_hold(s, p))
			continue;
		for (size_t at = find_phrase(s, p, 0); at != SIZE_MAX;
		     at = find_phrase(s, p, at + 1))
			s->unless[at + p->len] = true;
	}
}

/* --- a text ------------------------------------------------------------------------ */

struct finding {
	enum request what;
	unsigned line;
};

static void
look_at_sentence(struct sentence *s, struct finding *ret)
{
	note_pairs(s);
	note_unless(s);
	for (const struct request_rule *r = request_rules; r->parts; r++) {
		if (r->what <= ret->what || !holds(s, r))
			continue;
		ret->what = r->what;
		ret->line = r->line;
	}
}

/* The end of it stays, for what goes on behind it. */
static void
cut_sentence(struct sentence *s)
{
	s->len = SENTENCE_KEPT;
	memmove(s->text, s->text + SENTENCE_MAX - SENTENCE_KEPT, s->len);
}

static void
add_folded(
    struct sentence *s, const char *bytes, size_t len, struct finding *ret)
{
	bool blank = bytes[0] == ' ';

	if (blank && (s->len == 0 || s->text[s->len - 1] == ' '))
		return;
	if (s->len + len > SENTENCE_MAX) {
		s->len = SENTENCE_MAX;
		look_at_sentence(s, ret);
		cut_sentence(s);
	}
	memcpy(s->text + s->len, bytes, len);
	s->len += len;
}

/* `text`: one line a paragraph. */
static void
look_at_text(struct span text, struct finding *ret)
{
	struct sentence s = {.len = 0};
	char bytes[4];

	while (text.len > 0 && ret->what != REQUEST_CREDENTIALS) {
		size_t len = request_fold(&text, bytes);
		if (len > 0 && bytes[0] != '\n') {
			add_folded(&s, bytes, len, ret);
			continue;
		}
		if (len > 0 && s.len > 0) {
			look_at_sentence(&s, ret);
			s.len = 0;
		}
	}
	if (s.len > 0)
		look_at_sentence(&s, ret);
}

enum request
request_of_text(struct span text, unsigned *ret_line)
{
	struct finding finding = {.what = REQUEST_NONE};
	struct buf lines BUF_OWNED = BUF_SECRET(2 * REQUEST_TEXT_MAX);

	/* out of memory: it asks for nothing that we know of */
	if (request_from_plain(
		span_first(text, REQUEST_TEXT_MAX), &lines, NULL) == RC_OK)
		look_at_text(buf_span(&lines), &finding);
	if (ret_line != NULL)
		*ret_line = finding.line;
	return finding.what;
}

/* --- a letter ------------------------------------------------------------------------ */

struct request_scan {
	struct scan *scan;
	struct finding finding;
	size_t looked;   /* bytes of text so far */
	size_t embedded; /* depth of the letter in it that is open, or SIZE_MAX
			  */
	/* the part that is open */
	bool is_text, is_html;
	char charset[64];
	size_t header; /* so much of its header is still to come */
	struct transfer transfer;
	struct buf text;
};

enum rc
request_new(bool of_part, struct request_scan **ret, struct err *err)
{
	struct request_scan *r OWNED(request_free) = calloc(1, sizeof(*r));

	if (r == NULL)
		return err_nomem(err, "letter");
	r->embedded = SIZE_MAX;
	r->text = BUF_SECRET(4 * REQUEST_TEXT_MAX);
	TRY(scan_new(ENTITY_LIMITS, &r->scan, err));
	if (of_part)
		scan_part(r->scan);
	*ret = take(r);
	return RC_OK;
}

void
request_free(struct request_scan *r)
{
	if (r == NULL)
		return;
	scan_free(r->scan);
	buf_done(&r->text);
	free(r);
}

bool
request_is_done(const struct request_scan *r)
{
	return r->finding.what == REQUEST_CREDENTIALS ||
	       r->looked >= REQUEST_TEXT_MAX;
}

/* A part that is attached is shown as a file; the letter itself cannot be. */
static bool
is_attached(const struct entity *entity)
{
	struct content how CONTENT_OWNED = CONTENT_NONE;
	struct err ignored = ERR_NONE;
	const struct field *field =
	    fields_find(&entity->fields, "Content-Disposition");

	return field != NULL &&
	       content_parse(field->value, &how, &ignored) == RC_OK &&
	       content_is(&how, "attachment", NULL);
}

static void
begin(struct request_scan *r, const struct scan_event *event)
{
	const struct entity *entity = event->entity;
	const char *charset = content_param(&entity->type, "charset");

	r->header = entity->header.len;
	r->is_html = entity_is(entity, "text", "html");
	r->is_text = r->embedded == SIZE_MAX &&
		     (r->is_html || entity_is(entity, "text", "plain")) &&
		     (event->depth == 0 || !is_attached(entity));
	if (r->embedded == SIZE_MAX && event->depth > 0 &&
	    entity_is(entity, "message", NULL))
		r->embedded = event->depth;
	(void)snprintf(r->charset, sizeof(r->charset), "%s",
	    charset != NULL ? charset : "utf-8");
	transfer_init(&r->transfer, entity->encoding);
	buf_clear(&r->text);
}

/* What cannot be decoded is looked at as far as it could: byte by byte then,
 * for nothing comes of a piece that has one wrong byte in it. */
static enum rc
decode(struct request_scan *r, struct span bytes, struct err *err)
{
	enum rc rc = transfer_read(&r->transfer, bytes, &r->text, err);

	if (rc != RC_SYNTAX)
		return rc;
	for (size_t i = 0; i < bytes.len; i++)
		TRY(transfer_read(&r->transfer,
		    span_first(span_after(bytes, i), 1), &r->text, err));
	return RC_OK;
}

static enum rc
add_bytes(struct request_scan *r, struct span bytes, struct err *err)
{
	size_t header = bytes.len < r->header ? bytes.len : r->header;
	size_t room = REQUEST_TEXT_MAX - r->looked;
	struct err why = ERR_NONE;

	r->header -= header;
	bytes = span_after(bytes, header);
	if (!r->is_text || r->text.len >= room)
		return RC_OK;
	/* enough for any encoding, and no more than there is room for */
	enum rc rc = decode(r, span_first(bytes, 3 * room), &why);
	r->is_text = rc == RC_OK;
	return rc == RC_NOMEM ? err_set(err, rc, "%s", why.text) : RC_OK;
}

static enum rc
look_at_part(struct request_scan *r, struct err *err)
{
	struct buf utf8 BUF_OWNED = BUF_SECRET(8 * REQUEST_TEXT_MAX);
	struct buf shown BUF_OWNED = BUF_SECRET(16 * REQUEST_TEXT_MAX);
	struct span text =
	    span_first(buf_span(&r->text), REQUEST_TEXT_MAX - r->looked);

	TRY(request_utf8(r->charset, text, &utf8, err));
	TRY(r->is_html ? request_from_html(buf_span(&utf8), &shown, err)
		       : request_from_plain(buf_span(&utf8), &shown, err));
	look_at_text(buf_span(&shown), &r->finding);
	r->looked += text.len;
	return RC_OK;
}

static enum rc
end(struct request_scan *r, const struct scan_event *event, struct err *err)
{
	struct err ignored = ERR_NONE;
	enum rc rc = RC_OK;

	if (r->is_text &&
	    transfer_end(&r->transfer, &r->text, &ignored) == RC_NOMEM)
		return err_nomem(err, "letter");
	if (r->text.len > 0)
		rc = look_at_part(r, err);
	if (event->depth == r->embedded)
		r->embedded = SIZE_MAX;
	r->is_text = false;
	buf_clear(&r->text);
	return rc;
}

static enum rc
push(struct request_scan *r, struct span in, bool last, struct err *err)
{
	struct scan_event event;

	for (;;) {
		TRY(scan_next(r->scan, &in, last, &event, err));
		switch (event.what) {
		case SCAN_BEGIN:
			begin(r, &event);
			break;
		case SCAN_BYTES:
			TRY(add_bytes(r, event.bytes, err));
			break;
		case SCAN_END:
			TRY(end(r, &event, err));
			break;
		case SCAN_MORE:
			return RC_OK;
		}
	}
}

enum rc
request_subject(struct request_scan *r, struct span value, struct err *err)
{
	struct buf text BUF_OWNED = BUF_SECRET(2 * FIELD_SECTION_MAX);

	TRY(word_decode(value, &text, err));
	look_at_text(buf_span(&text), &r->finding);
	return RC_OK;
}

enum rc
request_push(struct request_scan *r, struct span bytes, struct err *err)
{
	return push(r, bytes, false, err);
}

enum rc
request_finish(struct request_scan *r, struct err *err)
{
	return push(r, span_str(""), true, err);
}

enum request
request_found(const struct request_scan *r)
{
	return r->finding.what;
}
