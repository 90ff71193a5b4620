#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "edge/rest_pass.h"
#include "os/clock.h"
#include "os/log.h"

/* So many letters are stored before the mailbox is looked at again: copies
 * that others have made meanwhile are seen then. */
#define BATCH_MAX 32
#define BATCH_BYTES ((size_t)16 << 20)
#define SEALED_MAX ((size_t)80 << 20)
#define WHICH_MAX 4096
/* A mailbox without room: the rest of the pass would only be refused too. */
#define REFUSED_MAX 3

/* One letter on its way. */
struct job {
	uint32_t uid;
	struct rest_fetched letter;
	char name[REST_NAME_LEN + 1];
	uint32_t own; /* the copy that was appended here; 0: none was */
	bool others;  /* there are further copies, or were */
};

struct batch {
	struct rest_pass *pass;
	struct rest_scan *scan;
	struct job job[BATCH_MAX];
	size_t len, bytes;
};

bool
rest_pass_goes_on(const struct rest_pass *pass)
{
	return pass->go_on == NULL || pass->go_on(pass->self);
}

/* --- opening ---------------------------------------------------------------------*/

enum rc
rest_pass_open(const struct agent *agent, struct span sealed, struct buf *ret,
    bool *ret_own, struct err *err)
{
	/* only what it takes to open it: nobody is asked, nothing noted */
	const struct reader reader = {.keys = agent->reader.keys,
	    .keys_len = agent->reader.keys_len,
	    .roots = agent->reader.roots,
	    .now = clock_now()};
	struct source_memory memory = {.bytes = sealed};
	const struct source source = source_memory(&memory);
	const struct sink sink = sink_buf(ret);
	struct gathered g GATHERED_OWNED;

	gathered_init(&g);
	enum rc rc = gather(&source, &reader, &g, err);
	if (rc == RC_OK && g.rest == REST_CAME) {
		*ret_own = g.rest_own;
		rc = rest_read(&g, &source, &sink, err);
		if (rc == RC_OK)
			return RC_OK;
	}
	if (rc == RC_NOMEM || rc == RC_IO)
		return rc;
	return err_set(err, RC_ABSENT, "it does not lie at rest");
}

/* --- the name ----------------------------------------------------------------------*/

static enum rc
name_it(const struct rest_box *box, struct job *job, struct err *err)
{
	const struct sender *sender = &box->agent->sender;
	const struct reader_key key = {sender->own, sender->own_key};
	struct buf which BUF_OWNED = BUF(WHICH_MAX);
	uint8_t digest[SHA256_DIGEST_LENGTH];

	SHA256(job->letter.bytes.data, job->letter.bytes.len, digest);
	TRY(buf_add_format(&which, err, "%u %u ", box->validity, job->uid));
	TRY(buf_add(&which, span_of(digest, sizeof(digest)), err));
	TRY(buf_add_str(&which, box->mailbox, err));
	return rest_name(&key, buf_span(&which), job->name, err);
}

/* The next copy of that name with a UID above `above`; 0: there is none. */
static uint32_t
find_copy(const struct rest_scan *scan, const char *name, uint32_t above)
{
	uint32_t best = 0;

	for (size_t i = 0; i < scan->copies; i++)
		if (scan->copy[i].uid > above &&
		    strcmp(scan->copy[i].name, name) == 0 &&
		    (best == 0 || scan->copy[i].uid < best))
			best = scan->copy[i].uid;
	return best;
}

/* --- storing ------------------------------------------------------------------------*/

static enum rc
seal(const struct agent *agent, const struct job *job, struct buf *ret,
    struct err *err)
{
	struct source_memory memory = {.bytes = buf_span(&job->letter.bytes)};
	const struct source source = source_memory(&memory);
	const struct sink sink = sink_buf(ret);
	const struct rest_frame frame = {REST_CAME, job->name};
	struct sender sender = agent->sender;

	sender.now = clock_now();
	enum rc rc = rest_write(&source, &frame, &sender, &sink, err);
	return rc == RC_SYNTAX ? err_prefix(err, RC_UNFIT, "no letter") : rc;
}

/* Nothing is stored twice: a copy that is there already serves. */
static enum rc
store(struct batch *b, struct job *job, struct err *err)
{
	struct rest_box *box = b->pass->box;
	struct buf sealed BUF_OWNED = BUF(SEALED_MAX);

	TRY(name_it(box, job, err));
	if (find_copy(b->scan, job->name, job->uid) != 0)
		return RC_OK;
	TRY(seal(box->agent, job, &sealed, err));
	return rest_box_append(
	    box, &job->letter, buf_span(&sealed), &job->own, err);
}

/* --- is it the same? -------------------------------------------------------------------*/

static enum rc
verify(const struct rest_box *box, const struct job *job,
    const struct rest_fetched *copy, struct err *err)
{
	struct buf inside BUF_OWNED = BUF_SECRET(SEALED_MAX);
	bool own = false;

	TRY(rest_pass_open(
	    box->agent, buf_span(&copy->bytes), &inside, &own, err));
	if (!span_is(buf_span(&inside), buf_span(&job->letter.bytes)) ||
	    !span_is(buf_span(&copy->date), buf_span(&job->letter.date)))
		return err_set(
		    err, RC_ABSENT, "the copy is not the same letter");
	return RC_OK;
}

static void
note_good(struct rest_scan *scan, uint32_t uid)
{
	for (size_t i = 0; i < scan->copies; i++)
		scan->copy[i].good |= scan->copy[i].uid == uid;
}

/* The lowest one that is the same.  RC_ABSENT: there is none. */
static enum rc
find_good(struct batch *b, const struct job *job, struct rest_fetched *ret,
    uint32_t *ret_uid, struct err *err)
{
	struct rest_box *box = b->pass->box;
	uint32_t uid = job->uid;

	while ((uid = find_copy(b->scan, job->name, uid)) != 0) {
		rest_fetched_done(ret);
		rest_fetched_init(ret);
		enum rc rc = rest_box_fetch(box, uid, ret, err);
		if (rc == RC_OK)
			rc = verify(box, job, ret, err);
		*ret_uid = uid;
		if (rc == RC_OK)
			note_good(b->scan, uid);
		if (rc != RC_ABSENT)
			return rc;
	}
	return err_set(err, RC_ABSENT, "no copy is the same letter");
}

/* Copies beyond the first are of another agent, or of a pass that was cut
 * short. */
static enum rc
remove_later(struct batch *b, struct job *job, uint32_t good, struct err *err)
{
	struct rest_box *box = b->pass->box;
	uint32_t uid = good;

	while ((uid = find_copy(b->scan, job->name, uid)) != 0) {
		struct rest_fetched copy REST_FETCHED_OWNED;
		rest_fetched_init(&copy);
		job->others = true;
		enum rc rc = rest_box_fetch(box, uid, &copy, err);
		if (rc == RC_OK)
			rc = verify(box, job, &copy, err);
		if (rc == RC_OK)
			rc = rest_box_remove(box, uid, err);
		if (rc != RC_OK && rc != RC_ABSENT)
			return rc;
	}
	return RC_OK;
}

/* --- the letter goes -----------------------------------------------------------------------*/

/* Its reader, or another agent, was quicker.  What another agent relies on is
 * adopted, unless that had a copy of its own. */
static enum rc
letter_is_gone(
    struct batch *b, const struct job *job, uint32_t good, struct err *err)
{
	struct rest_box *box = b->pass->box;
	struct rest_fetched now REST_FETCHED_OWNED;

	rest_fetched_init(&now);
	if (good != job->own || job->others || !box->keywords)
		return RC_OK;
	enum rc rc = rest_box_flags(box, good, &now, err);
	if (rc != RC_OK || now.adopted)
		return rc == RC_ABSENT ? RC_OK : rc;
	return rest_box_remove(box, good, err);
}

/* What was changed since the copy was made.  A copy that was found, not made,
 * may have been changed itself: flags are added to it, and \Deleted is not, for
 * that may be ours. */
static enum rc
carry_flags(struct batch *b, const struct job *job, uint32_t good,
    const struct rest_fetched *from, struct err *err)
{
	struct rest_box *box = b->pass->box;
	bool own = good == job->own;
	const char *flags = NULL;
	struct buf text BUF_OWNED = BUF((size_t)64 * 1024);

	TRY(buf_add(&text, buf_span(&from->flags), err));
	TRY(buf_str(&text, &flags, err));
	if (own && rest_flags_same(from, &job->letter))
		return RC_OK;
	if (!own && strcmp(flags, "()") == 0)
		return RC_OK;
	return rest_box_store(box, good, own ? "FLAGS.SILENT" : "+FLAGS.SILENT",
	    flags, NULL, err);
}

/* Drop one flag from "(...)". */
static enum rc
without_deleted(struct rest_fetched *flags, struct err *err)
{
	static const char name[] = "\\Deleted";
	struct buf text BUF_OWNED = BUF((size_t)64 * 1024);
	ptrdiff_t at = span_find(buf_span(&flags->flags), span_str(name));

	if (at < 0)
		return RC_OK;
	struct span all = buf_span(&flags->flags);
	struct span before = span_first(all, (size_t)at);
	struct span after = span_after(all, (size_t)at + strlen(name));
	if (span_starts(after, " "))
		after = span_after(after, 1);
	else if (before.len > 0 && before.data[before.len - 1] == ' ')
		before.len--;
	TRY(buf_add(&text, before, err));
	TRY(buf_add(&text, after, err));
	buf_clear(&flags->flags);
	return buf_add(&flags->flags, buf_span(&text), err);
}

/* To set \Deleted tells the flags as they are at that moment: what is changed
 * later is changed on a letter that is on its way out.  A server that says
 * nothing has changed nothing: it was set already, or the letter is gone. */
static enum rc
doom(struct rest_box *box, uint32_t uid, struct rest_fetched *was,
    struct rest_fetched *now, struct err *err)
{
	TRY(rest_box_flags(box, uid, was, err));
	enum rc rc =
	    rest_box_store(box, uid, "+FLAGS", "(\\Deleted)", now, err);
	return rc == RC_ABSENT ? rest_box_flags(box, uid, now, err) : rc;
}

static enum rc
replace(struct batch *b, const struct job *job, uint32_t good,
    const struct rest_fetched *copy, struct err *err)
{
	struct rest_box *box = b->pass->box;
	struct rest_fetched was REST_FETCHED_OWNED, now REST_FETCHED_OWNED;

	rest_fetched_init(&was);
	rest_fetched_init(&now);
	enum rc rc = doom(box, job->uid, &was, &now, err);
	if (rc == RC_ABSENT)
		return letter_is_gone(b, job, good, err);
	TRY(rc);
	if (!was.deleted || good != job->own)
		TRY(without_deleted(&now, err));
	TRY(carry_flags(b, job, good, &now, err));
	TRY(rest_box_remove(box, job->uid, err));
	imap_view_adopt(
	    box->agent, &box->views, job->uid, good, buf_span(&copy->bytes));
	imap_view_remove(box->agent, &box->views, job->uid);
	b->pass->report.done++;
	return RC_OK;
}

static enum rc
settle(struct batch *b, struct job *job, struct err *err)
{
	struct rest_box *box = b->pass->box;
	struct rest_fetched copy REST_FETCHED_OWNED;
	uint32_t good = 0;

	rest_fetched_init(&copy);
	TRY(find_good(b, job, &copy, &good, err));
	if (good != job->own && box->keywords)
		TRY(rest_box_store(box, good, "+FLAGS.SILENT",
		    "(" REST_ADOPTED ")", NULL, err));
	if (good != job->own) { /* is it still there, now that we said so? */
		struct rest_fetched again REST_FETCHED_OWNED;
		rest_fetched_init(&again);
		TRY(rest_box_flags(box, good, &again, err));
	}
	TRY(remove_later(b, job, good, err));
	return replace(b, job, good, &copy, err);
}

/* --- many ------------------------------------------------------------------------------------*/

/* What is one letter's trouble, and not the connection's. */
static bool
note_trouble(struct batch *b, uint32_t uid, enum rc rc, const struct err *why)
{
	struct rest_report *report = &b->pass->report;

	switch (rc) {
	case RC_ABSENT: /* gone, or no good copy of it yet */
		report->unproven++;
		break;
	case RC_LIMIT:
		report->too_large++;
		break;
	case RC_UNFIT:
		report->unfit++;
		break;
	case RC_REFUSED:
		report->refused++;
		break;
	default:
		return false;
	}
	log_warning("at rest: letter %u stays as it is: %s", uid, why->text);
	return true;
}

static void
batch_clear(struct batch *b)
{
	for (size_t i = 0; i < b->len; i++)
		rest_fetched_done(&b->job[i].letter);
	b->len = b->bytes = 0;
}

/* The first letter that has to be looked at again. */
static void
look_again(uint32_t uid, uint32_t *ret)
{
	if (*ret == 0 || uid < *ret)
		*ret = uid;
}

/* Is it to be tried again in the next pass? */
static bool
may_change(enum rc rc)
{
	return rc == RC_REFUSED || rc == RC_ABSENT;
}

static enum rc
run_batch(struct batch *b, uint32_t *again, struct err *err)
{
	struct rest_pass *pass = b->pass;

	if (b->len == 0)
		return RC_OK;
	TRY(rest_box_scan(pass->box, b->scan, err));
	for (size_t i = 0; i < b->len; i++) {
		struct job *job = &b->job[i];
		enum rc rc = settle(b, job, err);
		if (rc == RC_OK)
			continue;
		if (!note_trouble(b, job->uid, rc, err))
			return rc;
		if (may_change(rc))
			look_again(job->uid, again);
	}
	batch_clear(b);
	return RC_OK;
}

static enum rc
is_clear(const struct rest_item *item, const struct rest_fetched *letter,
    bool *ret, struct err *err)
{
	struct source_memory memory = {.bytes = buf_span(&letter->bytes)};
	const struct source source = source_memory(&memory);
	bool sealed = false;

	if (item->claims)
		TRY(rest_is_sealed(&source, &sealed, err));
	*ret = !sealed;
	return RC_OK;
}

/* *ret false: it is sealed already, or gone. */
static enum rc
begin_job(
    struct batch *b, const struct rest_item *item, bool *ret, struct err *err)
{
	struct job *job = &b->job[b->len];

	*ret = false;
	if (item->size > REST_LETTER_MAX)
		return err_set(err, RC_LIMIT, "it is larger than %zu MiB",
		    REST_LETTER_MAX >> 20);
	*job = (struct job){.uid = item->uid};
	rest_fetched_init(&job->letter);
	enum rc rc = rest_box_fetch(b->pass->box, item->uid, &job->letter, err);
	if (rc == RC_OK)
		rc = is_clear(item, &job->letter, ret, err);
	if (rc == RC_OK && *ret)
		rc = store(b, job, err);
	if (rc == RC_OK && *ret) {
		b->bytes += job->letter.bytes.len;
		b->len++;
		return RC_OK;
	}
	rest_fetched_done(&job->letter);
	*ret = false;
	return rc == RC_ABSENT ? RC_OK : rc;
}

static bool
goes_on(const struct rest_pass *pass)
{
	return pass->report.refused < REFUSED_MAX && rest_pass_goes_on(pass);
}

static enum rc
seal_all(struct batch *b, uint32_t *again, struct err *err)
{
	struct rest_pass *pass = b->pass;
	uint32_t last = b->scan->last;

	for (size_t i = 0; i < b->scan->items; i++) {
		/* a copy: the scan grows while we store */
		const struct rest_item item = b->scan->item[i];
		bool begun = false;
		if (item.uid > last)
			break;
		if (!goes_on(pass)) {
			look_again(item.uid, again);
			break;
		}
		enum rc rc = begin_job(b, &item, &begun, err);
		if (rc != RC_OK && !note_trouble(b, item.uid, rc, err))
			return rc;
		if (rc != RC_OK && may_change(rc))
			look_again(item.uid, again);
		if (b->len == BATCH_MAX || b->bytes >= BATCH_BYTES)
			TRY(run_batch(b, again, err));
	}
	return run_batch(b, again, err);
}

static bool
is_good(const struct rest_scan *scan, uint32_t uid)
{
	for (size_t i = scan->copies; i > 0; i--)
		if (scan->copy[i - 1].uid == uid)
			return scan->copy[i - 1].good;
	return false;
}

/* Up to the last letter that was looked at, and the copies that were made
 * meanwhile. */
static uint32_t
looked_until(const struct rest_scan *scan, uint32_t last)
{
	for (size_t i = 0; i < scan->items; i++) {
		uint32_t uid = scan->item[i].uid;
		if (uid > last && !is_good(scan, uid))
			break;
		if (uid > last)
			last = uid;
	}
	return last;
}

enum rc
rest_pass_seal(struct rest_pass *pass, struct err *err)
{
	struct rest_scan scan REST_SCAN_OWNED = {.last = pass->looked};
	uint32_t again = 0;

	if (pass->box->read_only)
		return RC_OK;
	struct batch *b = calloc(1, sizeof(*b));
	if (b == NULL)
		return err_nomem(err, "letters");
	b->pass = pass;
	b->scan = &scan;
	enum rc rc = rest_box_scan(pass->box, &scan, err);
	uint32_t last = scan.last;
	if (rc == RC_OK)
		rc = seal_all(b, &again, err);
	batch_clear(b);
	free(b);
	TRY(rc);
	pass->looked = again != 0 ? again - 1 : looked_until(&scan, last);
	return RC_OK;
}
