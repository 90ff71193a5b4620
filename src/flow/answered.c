#include "flow/answered.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/own.h"
#include "codec/hex.h"
#include "mime/address.h"

#define MAGIC "letterlock-answered 1\n"
#define UNPROVEN "answered/unproven"
#define LINES_MAX ((size_t)4 << 20)
#define ITEM_NAME 24
#define RECORDS_MAX 10000

OWNER(struct entity, entity_free);

/* One process has the state (state_lock); its threads take turns. */
static pthread_mutex_t changing = PTHREAD_MUTEX_INITIALIZER;

/* --- records ------------------------------------------------------------------ */

static void
record_done(struct answered *record)
{
	strlist_done(&record->named);
	protect_reference_done(&record->secrets);
	fingerprint_done(&record->text);
}

static struct answered
record_none(void)
{
	return (struct answered){.named = STRLIST_NONE,
	    .secrets = REFERENCE_NONE,
	    .text = FINGERPRINT_NONE};
}

void
answered_list_done(struct answered_list *list)
{
	for (size_t i = 0; i < list->len; i++)
		record_done(&list->item[i]);
	free(list->item);
	*list = ANSWERED_LIST_NONE;
}

/* Takes what is in *record. */
static enum rc
append(struct answered_list *list, struct answered *record, struct err *err)
{
	if (list->len >= RECORDS_MAX)
		return err_set(err, RC_LIMIT, "too many letters remembered");
	if (list->len == list->cap) {
		size_t cap = list->cap * 2 + 8;
		struct answered *item =
		    reallocarray(list->item, cap, sizeof(*item));
		if (item == NULL)
			return err_nomem(err, "answered");
		list->item = item;
		list->cap = cap;
	}
	list->item[list->len++] = *record;
	*record = record_none();
	return RC_OK;
}

enum rc
answered_list_take(
    struct answered_list *to, struct answered_list *from, struct err *err)
{
	for (size_t i = 0; i < from->len; i++)
		TRY(append(to, &from->item[i], err));
	return RC_OK;
}

static void
drop(struct answered_list *list, size_t i)
{
	record_done(&list->item[i]);
	list->len--;
	memmove(&list->item[i], &list->item[i + 1],
	    (list->len - i) * sizeof(list->item[0]));
}

/* --- printed ------------------------------------------------------------------- */

static enum rc
print_secrets(const struct answered *record, struct buf *out, struct err *err)
{
	struct buf lines BUF_OWNED = BUF_SECRET(LINES_MAX);

	TRY(protect_reference_print(&record->secrets, &lines, err));
	struct span rest = buf_span(&lines);
	for (ptrdiff_t end; (end = span_find_byte(rest, '\n')) >= 0;
	     rest = span_after(rest, (size_t)end + 1)) {
		TRY(buf_add_str(out, "secret ", err));
		TRY(buf_add(out, span_first(rest, (size_t)end + 1), err));
	}
	return RC_OK;
}

static enum rc
print_record(const struct answered *record, struct buf *out, struct err *err)
{
	TRY(buf_add_format(out, err, "letter %s.%s.%lld.%d.%d.%d\n", record->id,
	    record->letter, (long long)record->at, (int)record->seal,
	    (int)record->level, record->crowded ? 1 : 0));
	for (size_t i = 0; i < record->named.len; i++)
		TRY(buf_add_format(
		    out, err, "named %s\n", record->named.item[i]));
	TRY(print_secrets(record, out, err));
	TRY(buf_add_str(out, "text ", err));
	TRY(fingerprint_print(&record->text, out, err));
	return buf_add_str(out, "\n", err);
}

static enum rc
not_ours(struct err *err)
{
	return err_set(err, RC_SYNTAX,
	    "what is remembered of letters is not "
	    "as it was written");
}

/* Up to the next dot, or the end. */
static struct span
take_part(struct span *line)
{
	ptrdiff_t dot = span_find_byte(*line, '.');
	size_t len = dot < 0 ? line->len : (size_t)dot;
	struct span part = span_first(*line, len);

	*line = span_after(*line, dot < 0 ? len : len + 1);
	return part;
}

static bool
take_mac(struct span *line, char ret[33])
{
	struct span part = take_part(line);

	for (size_t i = 0; i < part.len; i++)
		if (strchr("0123456789abcdef", part.data[i]) == NULL ||
		    part.data[i] == '\0')
			return false;
	(void)snprintf(ret, 33, "%.*s", SPAN_ARGS(part));
	return part.len == 0 || part.len == 32;
}

/* A number from `least` to `most`, in digits. */
static bool
take_number(struct span *line, int64_t least, int64_t most, int64_t *ret)
{
	struct span part = take_part(line);
	int64_t value = 0;

	for (size_t i = 0; i < part.len; i++) {
		int digit = part.data[i] - '0';
		if (digit < 0 || digit > 9 || value > (most - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*ret = value;
	return part.len > 0 && value >= least;
}

/* MAC of the Message-ID, or nothing; MAC of the letter; when; what. */
static enum rc
parse_head(struct span line, struct answered *ret, struct err *err)
{
	int64_t seal, level, crowded;

	if (!take_mac(&line, ret->id) || !take_mac(&line, ret->letter) ||
	    ret->letter[0] == '\0' ||
	    !take_number(&line, 0, INT64_MAX, &ret->at) ||
	    !take_number(&line, ANSWERED_SIGNED, ANSWERED_MALLEABLE, &seal) ||
	    !take_number(&line, VERDICT_DANGER, VERDICT_VERIFIED, &level) ||
	    !take_number(&line, 0, 1, &crowded) || line.len > 0)
		return not_ours(err);
	ret->seal = (enum answered_seal)seal;
	ret->level = (enum verdict_level)level;
	ret->crowded = crowded != 0;
	return RC_OK;
}

static bool
take_word(struct span *line, const char *word)
{
	if (!span_starts(*line, word))
		return false;
	*line = span_after(*line, strlen(word));
	return true;
}

/* A line of a record that has begun; the last of them says *ret_whole. */
static enum rc
parse_line(
    struct span line, struct answered *record, bool *ret_whole, struct err *err)
{
	struct span whole = line;

	if (take_word(&line, "named "))
		return strlist_add(&record->named, line, err);
	if (take_word(&line, "secret "))
		/* with its line end, which is behind it */
		return protect_reference_parse(
		    &record->secrets, span_of(line.data, line.len + 1), err);
	line = whole;
	if (!take_word(&line, "text "))
		return not_ours(err);
	*ret_whole = true;
	return fingerprint_parse(line, &record->text, err);
}

static enum rc
parse_record(struct span *text, struct answered *record, struct err *err)
{
	bool begun = false, whole = false;

	while (!whole) {
		ptrdiff_t end = span_find_byte(*text, '\n');
		if (end < 0)
			return not_ours(err);
		struct span line = span_first(*text, (size_t)end);
		*text = span_after(*text, (size_t)end + 1);
		if (begun)
			TRY(parse_line(line, record, &whole, err));
		else if (take_word(&line, "letter "))
			TRY(parse_head(line, record, err));
		else
			return not_ours(err);
		begun = true;
	}
	return RC_OK;
}

static enum rc
parse_all(
    struct span text, int64_t now, struct answered_list *ret, struct err *err)
{
	if (!take_word(&text, MAGIC))
		return not_ours(err);
	while (text.len > 0) {
		struct answered record __attribute__((cleanup(record_done))) =
		    record_none();
		TRY(parse_record(&text, &record, err));
		if (now - record.at < ANSWERED_AGE)
			TRY(append(ret, &record, err));
	}
	return RC_OK;
}

/* --- on the disk --------------------------------------------------------------- */

static enum rc
load(const struct state *state, const char *name, int64_t now,
    struct answered_list *ret, struct err *err)
{
	struct buf text BUF_OWNED = BUF_SECRET(STATE_ITEM_MAX);
	struct err why = ERR_NONE;

	enum rc rc = state_load(state, name, &text, &why);
	if (rc == RC_ABSENT)
		return RC_OK;
	if (rc != RC_OK)
		return err_set(err, rc, "%s", why.text);
	return parse_all(buf_span(&text), now, ret, err);
}

/* The newest first, as many as there is room for. */
static enum rc
save(const struct state *state, const char *name, size_t room,
    const struct answered_list *list, struct err *err)
{
	struct buf text BUF_OWNED = BUF_SECRET(STATE_ITEM_MAX);

	TRY(buf_add_str(&text, MAGIC, err));
	for (size_t i = 0; i < list->len; i++) {
		size_t was = text.len;
		TRY(print_record(&list->item[i], &text, err));
		if (i > 0 && text.len > room) {
			buf_cut(&text, was);
			break;
		}
	}
	return state_save(state, name, buf_span(&text), err);
}

static enum rc
mac_of(const struct state *state, const char *label, struct span bytes,
    char ret[33], struct err *err)
{
	uint8_t mac[32];
	struct buf hex BUF_OWNED = BUF(64);

	TRY(wrap_mac(state_key(state), label, bytes, mac, err));
	TRY(hex_encode(span_of(mac, 16), &hex, err));
	(void)snprintf(ret, 33, "%.*s", SPAN_ARGS(buf_span(&hex)));
	return RC_OK;
}

static void
item_of(const char *id, char ret[ITEM_NAME])
{
	(void)snprintf(ret, ITEM_NAME, "answered/%.3s", id);
}

/* --- what there is to know ------------------------------------------------------ */

bool
answered_next_id(struct span *value, struct span *ret)
{
	for (size_t at = 0; at < value->len; at++) {
		if (value->data[at] != '<')
			continue;
		struct span rest = span_after(*value, at);
		ptrdiff_t end = span_find_byte(rest, '>');
		if (end < 0)
			return false;
		*ret = span_first(rest, (size_t)end + 1);
		*value = span_after(rest, (size_t)end + 1);
		return true;
	}
	return false;
}

/* A letter as it was sealed on its way. */
static bool
is_remembered(const struct gathered *g)
{
	return g->inside == NULL && g->opened && g->payload != NULL &&
	       (g->facts.encrypted.state == ENCRYPTED_INTACT ||
		   g->facts.encrypted.state == ENCRYPTED_MALLEABLE);
}

static enum answered_seal
seal_of(const struct gathered *g)
{
	if (g->facts.encrypted.state == ENCRYPTED_MALLEABLE)
		return ANSWERED_MALLEABLE;
	return gathered_letter(g).signature_valid ? ANSWERED_SIGNED
						  : ANSWERED_UNSIGNED;
}

/* Of a malleable letter nothing inside is believed, its header least of all:
 * the mail program has the outer one. */
static const struct fields *
fields_of(const struct gathered *g)
{
	const struct protect_letter letter = gathered_letter(g);

	return seal_of(g) == ANSWERED_MALLEABLE
		   ? &g->outer->fields
		   : &protect_header_of(&letter)->fields;
}

static enum rc
name_one(const char *address, struct strlist *ret, struct err *err)
{
	return address[0] == '\0' || strlist_has_nocase(ret, address)
		   ? RC_OK
		   : strlist_add_str(ret, address, err);
}

/* RFC 9788 section 6.2: who answers goes by protected fields only.  Whoever
 * signed them knows the text, and can tell it to whom he likes. */
static enum rc
name_signed(const struct gathered *g, struct strlist *ret, struct err *err)
{
	static const char *const names[] = {
	    "From", "To", "Cc", "Reply-To", "Mail-Followup-To"};
	const struct protect_letter letter = gathered_letter(g);
	struct mailboxes list MAILBOXES_OWNED = MAILBOXES_NONE;
	struct err ignored = ERR_NONE;

	TRY(name_one(g->facts.sig.by, ret, err));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		enum protect_state state = protect_state_of(&letter, names[i]);
		if (state == PROTECT_SIGNED_AND_ENCRYPTED ||
		    state == PROTECT_SIGNED_ONLY)
			(void)mailboxes_parse(
			    fields_value(fields_of(g), names[i]), &list,
			    &ignored);
	}
	for (size_t i = 0; i < list.len; i++)
		TRY(name_one(list.item[i].address, ret, err));
	return RC_OK;
}

static enum rc
identify(const struct state *state, const struct gathered *g,
    struct span letter, struct answered *ret, struct err *err)
{
	struct span value = fields_value(fields_of(g), "Message-ID"), id;

	if (answered_next_id(&value, &id))
		TRY(mac_of(state, "answered", id, ret->id, err));
	return mac_of(state, "answered letter", letter, ret->letter, err);
}

static enum rc
describe(const struct state *state, const struct gathered *g, struct span shown,
    struct answered *ret, struct err *err)
{
	struct entity *view OWNED(entity_free) = NULL;
	const struct protect_letter letter = gathered_letter(g);

	ret->seal = seal_of(g);
	if (ret->seal == ANSWERED_SIGNED)
		TRY(name_signed(g, &ret->named, err));
	if (ret->seal != ANSWERED_MALLEABLE)
		TRY(protect_reference_add(&ret->secrets, &letter, err));
	TRY(entity_parse(shown, ENTITY_LIMITS, &view, err));
	return fingerprint_keep(view, state_key(state), &ret->text, err);
}

/* --- one more --------------------------------------------------------------------- */

static size_t
count_same(const struct answered_list *list, const char *id)
{
	size_t count = 0;

	for (size_t i = 0; i < list->len; i++)
		count += strcmp(list->item[i].id, id) == 0;
	return count;
}

static void
crowd(struct answered_list *list, const char *id)
{
	for (size_t i = 0; i < list->len; i++)
		if (strcmp(list->item[i].id, id) == 0)
			list->item[i].crowded = true;
}

static void
drop_letter(struct answered_list *list, const char *letter)
{
	for (size_t i = list->len; i-- > 0;)
		if (strcmp(list->item[i].letter, letter) == 0)
			drop(list, i);
}

/* A copy of what is there, behind the new record. */
static enum rc
put_first(struct answered *record, struct answered_list *list, struct err *err)
{
	TRY(append(list, record, err));
	struct answered first = list->item[list->len - 1];
	memmove(&list->item[1], &list->item[0],
	    (list->len - 1) * sizeof(list->item[0]));
	list->item[0] = first;
	return RC_OK;
}

/* What cannot be read any more is lost, and no reason to forget the next. */
static enum rc
add_to(const struct state *state, const char *name, size_t room,
    struct answered *record, struct err *err)
{
	struct answered_list list ANSWERED_LIST_OWNED = ANSWERED_LIST_NONE;
	struct err why = ERR_NONE;

	enum rc rc = load(state, name, record->at, &list, &why);
	if (rc == RC_NOMEM || rc == RC_IO)
		return err_set(err, rc, "%s", why.text);
	drop_letter(&list, record->letter);
	if (record->id[0] != '\0' &&
	    count_same(&list, record->id) >= ANSWERED_SAME)
		crowd(&list, record->id);
	else
		TRY(put_first(record, &list, err));
	return save(state, name, room, &list, err);
}

static enum rc
add_both(const struct state *state, struct answered *record,
    struct answered *unproven, struct err *err)
{
	char name[ITEM_NAME];

	item_of(record->id, name);
	if (unproven->seal != ANSWERED_SIGNED)
		TRY(add_to(
		    state, UNPROVEN, ANSWERED_UNPROVEN_BYTES, unproven, err));
	return record->id[0] == '\0'
		   ? RC_OK
		   : add_to(state, name, ANSWERED_BYTES, record, err);
}

enum rc
answered_note(const struct state *state, const struct gathered *g,
    enum verdict_level level, struct span letter, struct span shown,
    int64_t now, struct err *err)
{
	struct answered record __attribute__((cleanup(record_done))) =
	    record_none();
	struct answered unproven __attribute__((cleanup(record_done))) =
	    record_none();

	if (!is_remembered(g))
		return RC_OK;
	record.at = unproven.at = now;
	record.level = unproven.level = level;
	TRY(identify(state, g, letter, &record, err));
	TRY(describe(state, g, shown, &record, err));
	TRY(identify(state, g, letter, &unproven, err));
	unproven.seal = record.seal;
	if (unproven.seal != ANSWERED_SIGNED)
		TRY(describe(state, g, shown, &unproven, err));
	unproven.id[0] = '\0'; /* they are not looked up by it */
	pthread_mutex_lock(&changing);
	enum rc rc = add_both(state, &record, &unproven, err);
	pthread_mutex_unlock(&changing);
	return rc;
}

/* --- looked up --------------------------------------------------------------------- */

static enum rc
find(const struct state *state, const char *id, int64_t now,
    struct answered_list *ret, struct err *err)
{
	struct answered_list list ANSWERED_LIST_OWNED = ANSWERED_LIST_NONE;
	char name[ITEM_NAME];

	item_of(id, name);
	pthread_mutex_lock(&changing);
	enum rc rc = load(state, name, now, &list, err);
	pthread_mutex_unlock(&changing);
	for (size_t i = 0; rc == RC_OK && i < list.len; i++)
		if (strcmp(list.item[i].id, id) == 0)
			rc = append(ret, &list.item[i], err);
	return rc;
}

enum rc
answered_find(const struct state *state, struct span message_id, int64_t now,
    struct answered_list *ret, struct err *err)
{
	char id[33];

	TRY(mac_of(state, "answered", message_id, id, err));
	return find(state, id, now, ret, err);
}

enum rc
answered_unproven(const struct state *state, int64_t now,
    struct answered_list *ret, struct err *err)
{
	if (state_stamp(state, UNPROVEN) == 0)
		return RC_OK;
	pthread_mutex_lock(&changing);
	enum rc rc = load(state, UNPROVEN, now, ret, err);
	pthread_mutex_unlock(&changing);
	return rc;
}

bool
answered_knows(const struct state *state, const struct gathered *g,
    struct span letter, int64_t now)
{
	struct answered_list list ANSWERED_LIST_OWNED = ANSWERED_LIST_NONE;
	struct answered wanted = record_none();
	struct err ignored = ERR_NONE;

	if (!is_remembered(g))
		return true;
	if (identify(state, g, letter, &wanted, &ignored) != RC_OK ||
	    find(state, wanted.id, now, &list, &ignored) != RC_OK)
		return false;
	for (size_t i = 0; i < list.len; i++)
		if (list.item[i].crowded ||
		    strcmp(list.item[i].letter, wanted.letter) == 0)
			return true;
	return false;
}
