#include "edge/imap_view.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "codec/hex.h"
#include "edge/imap_decision.h"
#include "edge/imap_index.h"
#include "edge/notice.h"
#include "flow/incoming.h"
#include "flow/report.h"
#include "os/clock.h"
#include "os/log.h"

#define VIEW_MAX ((size_t)80 << 20)
#define DECISION_MAX ((size_t)16 * 1024)
#define NAME_MAX_LEN 96
#define LETTER ".letter"
#define EVIDENCE ".evidence"
#define DANGER REPORT_KEYWORD "danger"

OWNER(struct entity, entity_free);

void
imap_view_init(struct imap_view *view)
{
	*view = (struct imap_view){
	    .keywords = STRLIST_NONE, .bytes = BUF_SECRET(VIEW_MAX)};
}

void
imap_view_done(struct imap_view *view)
{
	strlist_done(&view->keywords);
	entity_free(view->letter);
	buf_done(&view->bytes);
	imap_view_init(view);
}

static void
item_name(const struct imap_view_folder *folder, uint32_t uid,
    const char *ending, char ret[NAME_MAX_LEN])
{
	(void)snprintf(ret, NAME_MAX_LEN, "%s/%u%s", folder->name, uid, ending);
}

/* --- on the disk --- */

/* A damaged item is as good as none: the letter is judged again. */
static enum rc
damaged(const char *name, const struct err *why, struct err *err)
{
	log_warning("view %s: %s", name, why->text);
	return err_set(err, RC_ABSENT, "%s", why->text);
}

enum rc
imap_view_find(const struct agent *agent, const struct imap_view_folder *folder,
    uint32_t uid, struct imap_view *ret, struct err *err)
{
	struct buf text BUF_OWNED = BUF(DECISION_MAX);
	struct err why = ERR_NONE;
	char name[NAME_MAX_LEN];

	item_name(folder, uid, "", name);
	enum rc rc = state_load(agent->state, name, &text, &why);
	if (rc == RC_OK)
		rc = imap_decision_parse(buf_span(&text), ret, &why);
	if (rc == RC_OK)
		return RC_OK;
	imap_view_done(ret);
	if (rc == RC_CRYPTO || rc == RC_SYNTAX || rc == RC_LIMIT)
		return damaged(name, &why, err);
	return err_set(err, rc, "%s", why.text);
}

static enum rc
save_part(const struct agent *agent, const struct imap_view_folder *folder,
    uint32_t uid, const char *ending, const struct buf *bytes, struct err *err)
{
	char name[NAME_MAX_LEN];

	item_name(folder, uid, ending, name);
	return state_save(agent->state, name, buf_span(bytes), err);
}

static enum rc
save_decision(const struct agent *agent, const struct imap_view_folder *folder,
    uint32_t uid, const struct imap_view *view, struct err *err)
{
	struct buf text BUF_OWNED = BUF(DECISION_MAX);

	TRY(imap_decision_print(view, &text, err));
	return save_part(agent, folder, uid, "", &text, err);
}

/* The letter first: a decision that says "rebuilt" always has one. */
static enum rc
save(const struct agent *agent, const struct imap_view_folder *folder,
    uint32_t uid, const struct imap_view *view, const struct buf *evidence,
    struct err *err)
{
	if (view->rebuilt)
		TRY(save_part(agent, folder, uid, LETTER, &view->bytes, err));
	if (evidence->len > 0)
		TRY(save_part(agent, folder, uid, EVIDENCE, evidence, err));
	return save_decision(agent, folder, uid, view, err);
}

/* --- deciding --- */

/* RFC 3501 section 9: no literal holds a NUL.  What servers do with the letters
 * they store is done with what was inside a sealed one. */
static void
replace_nul(struct buf *bytes)
{
	for (size_t i = 0; i < bytes->len; i++)
		if (bytes->data[i] == 0)
			bytes->data[i] = 0x80;
}

static enum rc
digest_of(struct span letter, char ret[65], struct err *err)
{
	uint8_t hash[SHA256_DIGEST_LENGTH];
	struct buf hex BUF_OWNED = BUF(80);

	SHA256(letter.data, letter.len, hash);
	TRY(hex_encode(span_of(hash, sizeof(hash)), &hex, err));
	(void)snprintf(ret, 65, "%.*s", SPAN_ARGS(buf_span(&hex)));
	return RC_OK;
}

/* A letter of one's own, seen again among the sent ones. */
static void
remember(const struct agent *agent, const struct incoming *incoming)
{
	const struct mailboxes *list = &incoming->wrote_to;
	struct err why = ERR_NONE;
	enum rc rc = RC_OK;

	if (agent->people == NULL)
		return;
	for (size_t i = 0; i < list->len && rc == RC_OK; i++)
		rc = people_wrote(agent->people, list->item[i].address,
		    list->item[i].name, clock_now(), &why);
	if (rc != RC_OK)
		log_warning("recipients not remembered: %s", why.text);
}

/* Shown all the same: an answer to it goes sealed, and is not looked at. */
static void
warn_of_forgotten(const struct incoming *incoming)
{
	if (incoming->forgotten[0] != '\0')
		log_error("a letter is not remembered, so that answers to it "
			  "cannot be checked: %s",
		    incoming->forgotten);
	if (incoming->unscanned[0] != '\0')
		log_error("a letter is not scanned for viruses: %s",
		    incoming->unscanned);
}

static enum rc
take_verdict(const struct agent *agent, const struct incoming *incoming,
    int64_t now, struct imap_view *view, struct err *err)
{
	struct strlist keywords STRLIST_OWNED = STRLIST_NONE;
	struct strlist old = view->keywords;

	TRY(report_keywords(&incoming->verdict, &keywords, err));
	view->keywords = keywords;
	keywords = old;
	view->judged_at = now;
	view->unchecked = incoming->unchecked;
	view->noted = incoming->noted;
	remember(agent, incoming);
	warn_of_forgotten(incoming);
	return RC_OK;
}

/* `first_seen` 0: now. */
static enum rc
judge(const struct agent *agent, struct span letter, int64_t first_seen,
    struct imap_view *view, struct incoming *incoming, struct err *err)
{
	struct agent_reader by AGENT_READER_OWNED;

	agent_reader_init(&by, agent, clock_now());
	by.reader.first_seen = first_seen != 0 ? first_seen : by.reader.now;
	TRY(incoming_read(letter, &by.reader, incoming, err));
	TRY(digest_of(letter, view->judged, err));
	TRY(take_verdict(agent, incoming, by.reader.now, view, err));
	view->first_seen = by.reader.first_seen;
	view->rebuilt = incoming->rebuilt;
	if (!view->rebuilt)
		return RC_OK;
	view->bytes = incoming->view;
	incoming->view = BUF_SECRET(VIEW_MAX);
	replace_nul(&view->bytes);
	return RC_OK;
}

/* Once per letter, since a letter is decided once. */
static void
warn_of_challenge(const struct agent *agent, struct span letter)
{
	struct err why = ERR_NONE;

	if (enrol_check_challenge(&agent->enrol, letter, &why) == RC_REFUSED)
		log_warning("somebody else is trying to get a certificate for "
			    "%s: %s",
		    agent->account->address, why.text);
}

/* The same, whatever UID it is seen under. */
static void
warn_of_danger(const struct agent *agent, const struct imap_view *view)
{
	if (strlist_has(&view->keywords, DANGER))
		notice_tell(agent, NOTICE_DANGER, view->judged);
}

/* Two sessions that come to one letter at once must show the same. */
static pthread_mutex_t *
lock_of(uint32_t uid)
{
	static pthread_mutex_t deciding[] = {PTHREAD_MUTEX_INITIALIZER,
	    PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
	    PTHREAD_MUTEX_INITIALIZER};

	return &deciding[uid % (sizeof(deciding) / sizeof(deciding[0]))];
}

static enum rc
decide_alone(const struct agent *agent, const struct imap_view_folder *folder,
    uint32_t uid, struct span letter, struct imap_view *view, bool *ret_first,
    struct err *err)
{
	struct incoming incoming INCOMING_OWNED;
	struct err why = ERR_NONE;

	incoming_init(&incoming);
	*ret_first = false;
	if (imap_view_find(agent, folder, uid, view, &why) == RC_OK)
		return RC_OK;
	TRY(judge(agent, letter, 0, view, &incoming, err));
	*ret_first = true;
	/* A full disk is no reason not to show a letter. */
	if (save(agent, folder, uid, view, &incoming.evidence, &why) != RC_OK)
		log_error("view not kept: %s", why.text);
	return RC_OK;
}

enum rc
imap_view_decide(const struct agent *agent,
    const struct imap_view_folder *folder, uint32_t uid, struct span letter,
    struct imap_view *view, struct err *err)
{
	pthread_mutex_t *lock = lock_of(uid);
	bool first;

	pthread_mutex_lock(lock);
	enum rc rc =
	    decide_alone(agent, folder, uid, letter, view, &first, err);
	pthread_mutex_unlock(lock);
	if (rc != RC_OK)
		imap_view_done(view);
	else if (first) {
		warn_of_challenge(agent, letter);
		warn_of_danger(agent, view);
	}
	return rc;
}

/* --- deciding again --- */

bool
imap_view_is_unsigned(const struct imap_view *view)
{
	return !view->rebuilt &&
	       strlist_has_nocase(&view->keywords, REPORT_KEYWORD "unsigned");
}

bool
imap_view_is_due(const struct imap_view *view, int64_t now)
{
	int64_t old = view->unchecked ? IMAP_VIEW_OLD_UNCHECKED : IMAP_VIEW_OLD;

	/* which letter it was must be known; a clock that was set back is as
	 * good as a long time */
	return view->judged[0] != '\0' &&
	       (now - view->judged_at >= old || now < view->judged_at);
}

/* A letter without evidence that can be read is judged without. */
static void
load_evidence(const struct agent *agent, const struct imap_view_folder *folder,
    uint32_t uid, struct buf *ret)
{
	char name[NAME_MAX_LEN];
	struct err ignored = ERR_NONE;

	item_name(folder, uid, EVIDENCE, name);
	if (state_load(agent->state, name, ret, &ignored) != RC_OK)
		buf_clear(ret);
}

/* What is shown stays, and so does why it is all there is. */
static const char *
scanned_before(const struct imap_view *view)
{
	static const char *const reasons[] = {
	    "scan.infected", "scan.too-large"};
	char keyword[64];

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		(void)snprintf(keyword, sizeof(keyword),
		    REPORT_KEYWORD "reason-%s", reasons[i]);
		if (strlist_has(&view->keywords, keyword))
			return reasons[i];
	}
	return NULL;
}

static enum rc
judge_again(const struct agent *agent, const struct imap_view_folder *folder,
    uint32_t uid, struct span letter, struct imap_view *view, struct err *err)
{
	struct buf kept BUF_OWNED = BUF(INCOMING_EVIDENCE_MAX);
	struct incoming incoming INCOMING_OWNED;
	struct agent_reader by AGENT_READER_OWNED;
	char digest[65];

	agent_reader_init(&by, agent, clock_now());
	incoming_init(&incoming);
	TRY(digest_of(letter, digest, err));
	if (strcmp(digest, view->judged) != 0)
		return err_set(
		    err, RC_CRYPTO, "the mail server shows another letter");
	by.reader.first_seen = view->first_seen;
	incoming.noted = view->noted;
	incoming.scan = scanned_before(view);
	load_evidence(agent, folder, uid, &kept);
	incoming.kept = buf_span(&kept);
	TRY(incoming_judge(letter, &by.reader, &incoming, err));
	TRY(take_verdict(agent, &incoming, by.reader.now, view, err));
	if (incoming.evidence.len > 0)
		TRY(save_part(
		    agent, folder, uid, EVIDENCE, &incoming.evidence, err));
	return save_decision(agent, folder, uid, view, err);
}

void
imap_view_refresh(const struct agent *agent,
    const struct imap_view_folder *folder, uint32_t uid, struct span letter,
    struct imap_view *view)
{
	struct err why = ERR_NONE;

	pthread_mutex_lock(lock_of(uid));
	enum rc rc = judge_again(agent, folder, uid, letter, view, &why);
	pthread_mutex_unlock(lock_of(uid));
	if (rc != RC_OK)
		log_warning("letter %u not judged again: %s", uid, why.text);
}

/* --- under another UID --- */

static enum rc
copy_part(const struct agent *agent, const char *from, const char *to,
    struct err *err)
{
	struct buf bytes BUF_OWNED = BUF_SECRET(VIEW_MAX);

	enum rc rc = state_load(agent->state, from, &bytes, err);
	if (rc == RC_ABSENT)
		return RC_OK;
	TRY(rc);
	return state_save(agent->state, to, buf_span(&bytes), err);
}

/* The decision last, as it is saved. */
enum rc
imap_view_copy(const struct agent *agent, const struct imap_view_folder *from,
    uint32_t uid, const struct imap_view_folder *to, uint32_t to_uid,
    struct err *err)
{
	static const char *const endings[] = {LETTER, EVIDENCE, ""};
	char old[NAME_MAX_LEN], new[NAME_MAX_LEN];

	item_name(to, to_uid, "", new);
	item_name(from, uid, "", old);
	if (state_stamp(agent->state, new) != 0 ||
	    state_stamp(agent->state, old) == 0)
		return RC_OK;
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		item_name(from, uid, endings[i], old);
		item_name(to, to_uid, endings[i], new);
		TRY(copy_part(agent, old, new, err));
	}
	return RC_OK;
}

static enum rc
adopt(const struct agent *agent, const struct imap_view_folder *folder,
    uint32_t uid, uint32_t to_uid, struct span letter, struct err *err)
{
	struct buf kept BUF_OWNED = BUF(INCOMING_EVIDENCE_MAX);
	struct incoming incoming INCOMING_OWNED;
	struct imap_view old IMAP_VIEW_OWNED, new IMAP_VIEW_OWNED;

	imap_view_init(&old);
	imap_view_init(&new);
	incoming_init(&incoming);
	TRY(imap_view_find(agent, folder, uid, &old, err));
	load_evidence(agent, folder, uid, &kept);
	incoming.kept = buf_span(&kept);
	incoming.noted = old.noted;
	TRY(judge(agent, letter, old.first_seen, &new, &incoming, err));
	if (incoming.evidence.len == 0)
		TRY(buf_add(&incoming.evidence, buf_span(&kept), err));
	return save(agent, folder, to_uid, &new, &incoming.evidence, err);
}

void
imap_view_adopt(const struct agent *agent,
    const struct imap_view_folder *folder, uint32_t uid, uint32_t to_uid,
    struct span letter)
{
	struct imap_view there IMAP_VIEW_OWNED;
	struct err why = ERR_NONE;
	enum rc rc = RC_OK;

	imap_view_init(&there);
	pthread_mutex_lock(lock_of(to_uid));
	/* a mail program was quicker: what was shown stays */
	if (imap_view_find(agent, folder, to_uid, &there, &why) == RC_ABSENT)
		rc = adopt(agent, folder, uid, to_uid, letter, &why);
	pthread_mutex_unlock(lock_of(to_uid));
	if (rc != RC_OK && rc != RC_ABSENT)
		log_warning("letter %u judged anew: %s", to_uid, why.text);
}

/* --- forgetting --- */

static void
forget(const struct agent *agent, const char *name)
{
	struct err why = ERR_NONE;

	if (state_forget(agent->state, name, &why) != RC_OK)
		log_warning("view not removed: %s", why.text);
}

void
imap_view_remove(const struct agent *agent,
    const struct imap_view_folder *folder, uint32_t uid)
{
	static const char *const endings[] = {LETTER, EVIDENCE, ""};
	char name[NAME_MAX_LEN];

	pthread_mutex_lock(lock_of(uid));
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		item_name(folder, uid, endings[i], name);
		forget(agent, name);
	}
	pthread_mutex_unlock(lock_of(uid));
	imap_index_remove(agent, folder, uid);
}

struct sweep {
	const struct agent *agent;
	uint32_t last;
	bool (*is_there)(const void *self, uint32_t uid);
	const void *self;
};

/* "views/MAC/UID", or another item of that UID. */
static enum rc
sweep_one(void *self, const char *name, struct err *err)
{
	const struct sweep *sweep = self;
	unsigned long uid = strtoul(strrchr(name, '/') + 1, NULL, 10);

	(void)err;
	if (uid <= sweep->last && !sweep->is_there(sweep->self, (uint32_t)uid))
		forget(sweep->agent, name);
	return RC_OK;
}

void
imap_view_sweep(const struct agent *agent,
    const struct imap_view_folder *folder, uint32_t last,
    bool (*is_there)(const void *self, uint32_t uid), const void *self)
{
	struct sweep sweep = {agent, last, is_there, self};
	struct err why = ERR_NONE;

	if (state_each(agent->state, folder->name, sweep_one, &sweep, &why) !=
	    RC_OK)
		log_warning("views not swept: %s", why.text);
	imap_index_sweep(agent, folder, last, is_there, self);
}

/* --- showing --- */

static size_t
blank_line_at(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		struct span rest = span_after(text, i);
		if (span_starts(rest, "\n\n") || span_starts(rest, "\n\r\n"))
			return i + 1;
	}
	return text.len;
}

/* The length of the line, which a bare CR ends too for some readers. */
static size_t
line_len(struct span text)
{
	size_t at = 0;

	while (at < text.len && text.data[at] != '\n' && text.data[at] != '\r')
		at++;
	if (span_starts(span_after(text, at), "\r\n"))
		return at + 2;
	return at < text.len ? at + 1 : at;
}

static bool
begins_verdict(struct span line)
{
	const char *name = "Letterlock-Verdict";
	struct span rest = span_trim(span_after(line, strlen(name)));

	return span_starts_nocase(line, name) &&
	       (rest.len == 0 || span_starts(rest, ":"));
}

/* Does the line, behind what was kept, end the header for every reader?  Some
 * pass over empty lines before the first field, and some know no CR alone. */
static bool
ends_header(struct span line, struct span kept, bool has_fields)
{
	return (span_is(line, span_str("\n")) ||
		   span_is(line, span_str("\r\n"))) &&
	       has_fields && kept.data[kept.len - 1] == '\n';
}

static bool
is_line_end(struct span line)
{
	return line.data[0] == '\r' || line.data[0] == '\n';
}

/* mime/protect takes the field out of a proper header; here the header may be
 * anything, ends only at the last place where a reader could see its end, and
 * a line that is no field ends it for some readers but not for all. */
enum rc
imap_view_strip(struct span letter, struct buf *out, struct err *err)
{
	size_t was = out->len;
	struct span rest = letter;
	bool dropping = false, has_fields = false;
	enum rc rc = RC_OK;

	while (rest.len > 0 && rc == RC_OK) {
		struct span line = span_first(rest, line_len(rest));
		if (ends_header(line, buf_span(out), has_fields))
			break;
		rest = span_after(rest, line.len);
		bool folded = line.data[0] == ' ' || line.data[0] == '\t';
		dropping = begins_verdict(line) || (dropping && folded);
		if (dropping)
			continue;
		has_fields |= !is_line_end(line);
		rc = buf_add(out, line, err);
	}
	if (rc == RC_OK)
		rc = buf_add(out, rest, err);
	if (rc != RC_OK)
		buf_cut(out, was);
	return rc;
}

/* No message by our parser's rules: header up to the empty line, the rest one
 * text, so that a mail program can still try. */
static enum rc
parse_flat(struct span bytes, struct entity **ret, struct err *err)
{
	struct entity *flat OWNED(entity_free) = calloc(1, sizeof(*flat));
	size_t header = blank_line_at(bytes);

	if (flat == NULL)
		return err_nomem(err, "letter");
	struct span rest = span_after(bytes, header);
	header += span_starts(rest, "\r\n") ? 2 : rest.len > 0 ? 1 : 0;
	flat->whole = bytes;
	flat->header = span_first(bytes, header);
	flat->body = span_after(bytes, header);
	flat->malformed = true;
	TRY(content_parse(
	    span_str("text/plain; charset=us-ascii"), &flat->type, err));
	*ret = take(flat);
	return RC_OK;
}

static enum rc
parse(struct imap_view *view, struct err *err)
{
	struct span bytes = buf_span(&view->bytes);
	struct err ignored;

	enum rc rc =
	    entity_parse(bytes, ENTITY_LIMITS, &view->letter, &ignored);
	if (rc == RC_NOMEM)
		return err_nomem(err, "letter");
	return rc == RC_OK ? RC_OK : parse_flat(bytes, &view->letter, err);
}

/* A decision whose letter is lost goes too: next time the letter is opened
 * again. */
static enum rc
load_letter(const struct agent *agent, const struct imap_view_folder *folder,
    uint32_t uid, struct imap_view *view, struct err *err)
{
	char name[NAME_MAX_LEN];
	struct err why = ERR_NONE;

	item_name(folder, uid, LETTER, name);
	enum rc rc = state_load(agent->state, name, &view->bytes, &why);
	if (rc == RC_ABSENT || rc == RC_CRYPTO) {
		log_warning("view %s: %s", name, why.text);
		item_name(folder, uid, "", name);
		TRY(state_remove(agent->state, name, err));
	}
	return rc == RC_OK ? rc : err_set(err, rc, "%s", why.text);
}

/* RFC 3501 section 2.3.1.1: what a UID stands for never changes.  A server that
 * shows one letter to be verified and another one to be read lies; the next
 * time the other one is judged. */
static enum rc
check_same(const struct agent *agent, const struct imap_view_folder *folder,
    uint32_t uid, struct span letter, const struct imap_view *view,
    struct err *err)
{
	char name[NAME_MAX_LEN], digest[65];

	TRY(digest_of(letter, digest, err));
	if (strcmp(digest, view->judged) == 0)
		return RC_OK;
	item_name(folder, uid, "", name);
	TRY(state_remove(agent->state, name, err));
	return err_set(err, RC_CRYPTO,
	    "the mail server shows another letter %u than before", uid);
}

enum rc
imap_view_open(const struct agent *agent, const struct imap_view_folder *folder,
    uint32_t uid, struct span letter, struct imap_view *view, struct err *err)
{
	if (view->letter != NULL)
		return RC_OK;
	if (!view->rebuilt) {
		TRY(check_same(agent, folder, uid, letter, view, err));
		TRY(imap_view_strip(letter, &view->bytes, err));
		replace_nul(&view->bytes);
	} else if (view->bytes.len == 0) {
		TRY(load_letter(agent, folder, uid, view, err));
	}
	return parse(view, err);
}

enum rc
imap_view_take(struct span shown, struct imap_view *view, struct err *err)
{
	TRY(buf_add(&view->bytes, shown, err));
	return parse(view, err);
}
