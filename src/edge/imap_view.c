#include "edge/imap_view.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "codec/hex.h"
#include "flow/incoming.h"
#include "flow/report.h"
#include "os/clock.h"
#include "os/log.h"

#define VIEW_MAX ((size_t)80 << 20)
#define DECISION_MAX ((size_t)16 * 1024)
#define NAME_MAX_LEN 96
#define MAGIC "letterlock-view 2\n"
#define AS_IT_CAME "as-it-came "

OWNER(struct entity, entity_free);

void
imap_view_init(struct imap_view *view)
{
	*view = (struct imap_view){
	    STRLIST_NONE, false, "", BUF_SECRET(VIEW_MAX), NULL};
}

void
imap_view_done(struct imap_view *view)
{
	strlist_done(&view->keywords);
	entity_free(view->letter);
	buf_done(&view->bytes);
	imap_view_init(view);
}

enum rc
imap_view_folder_init(const struct agent *agent, struct span mailbox,
    uint32_t validity, struct imap_view_folder *ret, struct err *err)
{
	struct buf what BUF_OWNED = BUF_SMALL;
	struct buf hex BUF_OWNED = BUF(80);
	uint8_t mac[32];

	/* RFC 3501 section 5.1: INBOX is "a case-insensitive name" */
	if (span_is_nocase(mailbox, "INBOX"))
		mailbox = span_str("INBOX");
	TRY(buf_add_format(
	    &what, err, "%u %s ", validity, agent->account->address));
	TRY(buf_add(&what, mailbox, err));
	TRY(wrap_mac(
	    state_key(agent->state), "views", buf_span(&what), mac, err));
	TRY(hex_encode(span_of(mac, 16), &hex, err));
	(void)snprintf(ret->name, sizeof(ret->name), "views/%.*s",
	    SPAN_ARGS(buf_span(&hex)));
	return RC_OK;
}

static void
item_name(const struct imap_view_folder *folder, uint32_t uid,
    const char *ending, char ret[NAME_MAX_LEN])
{
	(void)snprintf(ret, NAME_MAX_LEN, "%s/%u%s", folder->name, uid, ending);
}

/* --- the decision on disk --- */

static enum rc
print_decision(const struct imap_view *view, struct buf *out, struct err *err)
{
	TRY(buf_add_str(out, MAGIC, err));
	if (view->rebuilt)
		TRY(buf_add_str(out, "rebuilt\n", err));
	else
		TRY(buf_add_format(out, err, AS_IT_CAME "%s\n", view->judged));
	for (size_t i = 0; i < view->keywords.len; i++)
		TRY(buf_add_format(out, err, "%s\n", view->keywords.item[i]));
	return RC_OK;
}

static struct span
take_line(struct span *rest)
{
	ptrdiff_t end = span_find_byte(*rest, '\n');
	size_t len = end < 0 ? rest->len : (size_t)end;
	struct span line = span_first(*rest, len);

	*rest = span_after(*rest, len + 1);
	return line;
}

static enum rc
parse_decision(struct span text, struct imap_view *view, struct err *err)
{
	if (!span_starts(text, MAGIC))
		return err_set(err, RC_SYNTAX, "a view of another version");
	text = span_after(text, strlen(MAGIC));
	struct span how = take_line(&text);
	view->rebuilt = span_is(how, span_str("rebuilt"));
	if (span_starts(how, AS_IT_CAME))
		(void)snprintf(view->judged, sizeof(view->judged), "%.*s",
		    SPAN_ARGS(span_after(how, strlen(AS_IT_CAME))));
	while (text.len > 0)
		TRY(strlist_add(&view->keywords, take_line(&text), err));
	return RC_OK;
}

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
		rc = parse_decision(buf_span(&text), ret, &why);
	if (rc == RC_OK)
		return RC_OK;
	imap_view_done(ret);
	if (rc == RC_CRYPTO || rc == RC_SYNTAX || rc == RC_LIMIT)
		return damaged(name, &why, err);
	return err_set(err, rc, "%s", why.text);
}

/* The letter first: a decision that says "rebuilt" always has one. */
static enum rc
save(const struct agent *agent, const struct imap_view_folder *folder,
    uint32_t uid, const struct imap_view *view, struct err *err)
{
	struct buf text BUF_OWNED = BUF(DECISION_MAX);
	char name[NAME_MAX_LEN];

	if (view->rebuilt) {
		item_name(folder, uid, ".letter", name);
		TRY(state_save(
		    agent->state, name, buf_span(&view->bytes), err));
	}
	TRY(print_decision(view, &text, err));
	item_name(folder, uid, "", name);
	return state_save(agent->state, name, buf_span(&text), err);
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

static enum rc
judge(const struct agent *agent, struct span letter, struct imap_view *view,
    struct err *err)
{
	struct incoming incoming INCOMING_OWNED;
	struct reader reader = agent->reader;

	reader.now = clock_now();
	incoming_init(&incoming);
	TRY(incoming_read(letter, &reader, &incoming, err));
	TRY(report_keywords(&incoming.verdict, &view->keywords, err));
	view->rebuilt = incoming.rebuilt;
	if (!view->rebuilt)
		return digest_of(letter, view->judged, err);
	view->bytes = incoming.view;
	incoming.view = BUF_SECRET(VIEW_MAX);
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

static enum rc
decide_alone(const struct agent *agent, const struct imap_view_folder *folder,
    uint32_t uid, struct span letter, struct imap_view *view, bool *ret_first,
    struct err *err)
{
	struct err why = ERR_NONE;

	*ret_first = false;
	if (imap_view_find(agent, folder, uid, view, &why) == RC_OK)
		return RC_OK;
	TRY(judge(agent, letter, view, err));
	*ret_first = true;
	/* A full disk is no reason not to show a letter. */
	if (save(agent, folder, uid, view, &why) != RC_OK)
		log_error("view not kept: %s", why.text);
	return RC_OK;
}

enum rc
imap_view_decide(const struct agent *agent,
    const struct imap_view_folder *folder, uint32_t uid, struct span letter,
    struct imap_view *view, struct err *err)
{
	/* Two sessions that come to one letter at once must show the same. */
	static pthread_mutex_t deciding[] = {PTHREAD_MUTEX_INITIALIZER,
	    PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
	    PTHREAD_MUTEX_INITIALIZER};
	pthread_mutex_t *lock =
	    &deciding[uid % (sizeof(deciding) / sizeof(deciding[0]))];
	bool first;

	pthread_mutex_lock(lock);
	enum rc rc =
	    decide_alone(agent, folder, uid, letter, view, &first, err);
	pthread_mutex_unlock(lock);
	if (rc != RC_OK)
		imap_view_done(view);
	else if (first)
		warn_of_challenge(agent, letter);
	return rc;
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

/* mime/protect takes the field out of a proper header; here the header may be
 * anything, ends only at the last place where a reader could see its end, and
 * a line that is no field ends it for some readers but not for all. */
enum rc
imap_view_strip(struct span letter, struct buf *out, struct err *err)
{
	size_t header = blank_line_at(letter), was = out->len;
	struct span rest = span_first(letter, header);
	bool dropping = false;
	enum rc rc = RC_OK;

	while (rest.len > 0 && rc == RC_OK) {
		struct span line = span_first(rest, line_len(rest));
		rest = span_after(rest, line.len);
		bool folded = line.data[0] == ' ' || line.data[0] == '\t';
		dropping = begins_verdict(line) || (dropping && folded);
		if (!dropping)
			rc = buf_add(out, line, err);
	}
	if (rc == RC_OK)
		rc = buf_add(out, span_after(letter, header), err);
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

	item_name(folder, uid, ".letter", name);
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
