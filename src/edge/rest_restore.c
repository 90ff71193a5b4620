#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge/rest_pass.h"
#include "edge/rest_settings.h"
#include "os/log.h"

#define JOURNAL "rest-under-way"
#define JOURNAL_MAX 256
#define PLAIN_MAX ((size_t)80 << 20)

/* One letter on its way back. */
struct way {
	struct rest_pass *pass;
	uint32_t uid; /* as it lies sealed */
	struct rest_fetched sealed;
	struct rest_fetched plain; /* the bytes; date and flags as there */
	uint32_t back; /* the letter as it came, on the mail server; or 0 */
	uint32_t from; /* it has at least this UID, if it is there */
};

/* --- the journal -------------------------------------------------------------------*/

/* "views/MAC UID FROM": which letter, and the mailbox's next UID before
 * anything was appended. */
static enum rc
write_journal(const struct way *way, struct err *err)
{
	struct rest_box *box = way->pass->box;
	struct buf text BUF_OWNED = BUF(JOURNAL_MAX);

	TRY(buf_add_format(
	    &text, err, "%s %u %u", box->views.name, way->uid, way->from));
	return state_save(box->agent->state, JOURNAL, buf_span(&text), err);
}

/* Was it this letter that was under way when the agent died? */
static bool
read_journal(const struct way *way, uint32_t *ret_from)
{
	struct rest_box *box = way->pass->box;
	struct buf text BUF_OWNED = BUF(JOURNAL_MAX);
	struct err ignored = ERR_NONE;
	uint64_t uid = 0, from = 0;

	if (state_load(box->agent->state, JOURNAL, &text, &ignored) != RC_OK)
		return false;
	struct span line = buf_span(&text);
	if (!span_is(rest_word(&line), span_str(box->views.name)) ||
	    !rest_number(&line, &uid) || !rest_number(&line, &from) ||
	    uid != way->uid || from == 0 || from > UINT32_MAX)
		return false;
	*ret_from = (uint32_t)from;
	return true;
}

/* --- is it there? --------------------------------------------------------------------*/

static bool
is_same(const struct way *way, const struct rest_fetched *found)
{
	return span_is(buf_span(&found->bytes), buf_span(&way->plain.bytes)) &&
	       span_is(buf_span(&found->date), buf_span(&way->sealed.date));
}

static enum rc
check(struct way *way, uint32_t uid, bool *ret, struct err *err)
{
	struct rest_fetched found REST_FETCHED_OWNED;

	rest_fetched_init(&found);
	*ret = false;
	enum rc rc = rest_box_fetch(way->pass->box, uid, &found, err);
	*ret = rc == RC_OK && is_same(way, &found);
	return rc == RC_ABSENT ? RC_OK : rc;
}

/* What an agent that died has appended. */
static enum rc
find_back(struct way *way, struct err *err)
{
	struct rest_scan scan REST_SCAN_OWNED = {.last = way->from - 1};
	bool same = false;

	TRY(rest_box_scan(way->pass->box, &scan, err));
	for (size_t i = 0; i < scan.items && !same; i++) {
		if (scan.item[i].size != way->plain.bytes.len)
			continue;
		TRY(check(way, scan.item[i].uid, &same, err));
		if (same)
			way->back = scan.item[i].uid;
	}
	return RC_OK;
}

/* --- the way back ----------------------------------------------------------------------*/

static enum rc
append(struct way *way, struct err *err)
{
	struct rest_box *box = way->pass->box;
	bool same = false;

	if (read_journal(way, &way->from))
		TRY(find_back(way, err));
	if (way->back != 0)
		return RC_OK;
	/* anew: other letters have come since */
	TRY(rest_box_select(box, false, err));
	way->from = box->next != 0 ? box->next : way->uid + 1;
	TRY(write_journal(way, err));
	TRY(rest_box_append(
	    box, &way->sealed, buf_span(&way->plain.bytes), &way->back, err));
	TRY(check(way, way->back, &same, err));
	return same
		   ? RC_OK
		   : err_set(err, RC_ABSENT, "the copy is not the same letter");
}

static enum rc
carry_flags(struct way *way, struct err *err)
{
	struct rest_box *box = way->pass->box;
	struct rest_fetched now REST_FETCHED_OWNED;
	const char *flags = NULL;

	rest_fetched_init(&now);
	TRY(rest_box_flags(box, way->uid, &now, err));
	if (rest_flags_same(&now, &way->sealed))
		return RC_OK;
	TRY(buf_str(&now.flags, &flags, err));
	return rest_box_store(box, way->back, "FLAGS.SILENT", flags, NULL, err);
}

static enum rc
give_back(struct way *way, struct err *err)
{
	struct rest_box *box = way->pass->box;
	struct err ignored = ERR_NONE;

	TRY(append(way, err));
	TRY(carry_flags(way, err));
	TRY(rest_box_remove(box, way->uid, err));
	imap_view_adopt(box->agent, &box->views, way->uid, way->back,
	    buf_span(&way->plain.bytes));
	imap_view_remove(box->agent, &box->views, way->uid);
	way->pass->report.done++;
	return state_forget(box->agent->state, JOURNAL, &ignored) == RC_OK
		   ? RC_OK
		   : err_set(err, RC_IO, "%s", ignored.text);
}

static enum rc
open_and_give_back(struct way *way, struct err *err)
{
	struct rest_box *box = way->pass->box;
	bool own = false;

	TRY(rest_box_fetch(box, way->uid, &way->sealed, err));
	struct err why = ERR_NONE;
	enum rc rc = rest_pass_open(box->agent, buf_span(&way->sealed.bytes),
	    &way->plain.bytes, &own, &why);
	if (rc == RC_ABSENT) /* sealed on its way, or written here */
		return RC_OK;
	if (rc != RC_OK)
		return err_set(err, rc, "%s", why.text);
	if (own)
		return give_back(way, err);
	way->pass->report.foreign++;
	return RC_OK;
}

/* What is one letter's trouble, and not the connection's. */
static bool
note_trouble(
    struct rest_pass *pass, uint32_t uid, enum rc rc, const struct err *why)
{
	if (rc == RC_LIMIT)
		pass->report.too_large++;
	else if (rc == RC_REFUSED)
		pass->report.refused++;
	else if (rc == RC_ABSENT)
		pass->report.unproven++;
	else
		return false;
	log_warning("at rest: letter %u stays sealed: %s", uid, why->text);
	return true;
}

static enum rc
restore_one(
    struct rest_pass *pass, uint32_t uid, bool *ret_good, struct err *err)
{
	struct way way = {.pass = pass, .uid = uid};

	rest_fetched_init(&way.sealed);
	rest_fetched_init(&way.plain);
	enum rc rc = open_and_give_back(&way, err);
	rest_fetched_done(&way.sealed);
	rest_fetched_done(&way.plain);
	*ret_good = rc == RC_OK;
	if (rc != RC_OK && note_trouble(pass, uid, rc, err))
		return RC_OK;
	return rc;
}

enum rc
rest_pass_restore(struct rest_pass *pass, struct err *err)
{
	struct rest_scan scan REST_SCAN_OWNED = {.last = pass->looked};
	uint32_t looked = 0;
	bool good = true, all = true;

	if (pass->box->read_only)
		return RC_OK;
	TRY(rest_box_scan(pass->box, &scan, err));
	looked = scan.last;
	for (size_t i = 0; i < scan.items && all; i++) {
		if (!rest_pass_goes_on(pass)) {
			looked = scan.item[i].uid - 1;
			break;
		}
		if (!scan.item[i].claims)
			continue;
		TRY(restore_one(pass, scan.item[i].uid, &good, err));
		all = good || pass->report.refused < 3;
		if (!good && scan.item[i].uid <= looked)
			looked = scan.item[i].uid - 1;
	}
	pass->looked = looked;
	return RC_OK;
}
