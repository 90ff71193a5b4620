#include "authority/guard_page.h"

#include <stdlib.h>

#include "authority/guard_voice.h"
#include "base/own.h"
#include "codec/hex.h"
#include "codec/when.h"
#include "os/log.h"

OWNER(char, free);

#define WORD_MAX 16
#define ADDRESS_MAX 400
#define KEY_SHOWN 20 /* hex digits, as letterlock guard shows them */
#define KEY_TEXT (KEY_SHOWN + KEY_SHOWN / 4)

/* One request of one person. */
struct visit {
	struct guard_voice voice;
	struct page_visit page;
	struct http_answer *answer;
	struct person person;
};

static enum rc
admit(struct visit *visit, struct err *err)
{
	struct err why = ERR_NONE;
	enum rc rc = person_find(visit->voice.sql, visit->page.request->person,
	    visit->voice.now, &visit->person, &why);

	if (rc == RC_REFUSED)
		return page_refuse(visit->answer, 403, err,
		    "This door needs a certificate of this authority: %s.",
		    why.text);
	return rc == RC_OK ? RC_OK : err_set(err, rc, "%s", why.text);
}

/* -- the page -- */

static const char *const wants[] = {
    [GUARD_ISSUE] = "A certificate for another device",
    [GUARD_REVOKE] = "That a certificate is not valid any more",
    [GUARD_UNDO] = "That none of its certificates is valid any more",
};

/* The key's beginning, in fours: a new device shows the same. */
static enum rc
print_key(const struct guard *guard, char text[KEY_TEXT], struct err *err)
{
	struct buf hex BUF_OWNED = BUF_SMALL;
	size_t len = 0;

	TRY(hex_encode(buf_span(&guard->key_sha256), &hex, err));
	for (size_t i = 0; i < KEY_SHOWN && i < hex.len; i++) {
		if (i > 0 && i % 4 == 0)
			text[len++] = ' ';
		text[len++] = (char)hex.data[i];
	}
	text[len] = '\0';
	return RC_OK;
}

static enum rc
add_facts(const struct guard *guard, struct buf *html, struct err *err)
{
	char asked[WHEN_TEXT_MAX], until[WHEN_TEXT_MAX], key[KEY_TEXT];
	struct buf serial BUF_OWNED = BUF_SMALL;
	const char *number = NULL;
	bool open = guard->state == GUARD_OPEN;

	when_print(guard->created, asked);
	when_print(guard->expires, until);
	TRY(print_key(guard, key, err));
	TRY(hex_encode(buf_span(&guard->serial), &serial, err));
	TRY(buf_str(&serial, &number, err));
	const struct page_fact fact[] = {
	    {"Mailbox", guard->address},
	    {"Wanted", wants[guard->kind]},
	    {"Its key", key[0] != '\0' ? key : NULL},
	    {"Serial", number[0] != '\0' ? number : NULL},
	    {"Asked", asked},
	    {"Refused", open ? until : NULL},
	    {"Approved by", open ? NULL : guard->by},
	};
	return page_facts(html, fact, sizeof(fact) / sizeof(fact[0]), err);
}

static enum rc
add_buttons(const struct visit *visit, const struct guard *guard,
    struct buf *html, struct err *err)
{
	const struct page_input which = {
	    .name = "request", .value = guard->name};
	bool can = false;

	TRY(guard_voice_can(&visit->voice, guard, &can, err));
	if (!can)
		return RC_OK;
	TRY(page_form_begin(html, &visit->page, GUARD_DESK_PATH, err));
	TRY(page_input(html, &which, err));
	TRY(page_button(html, "word", "approve", "Approve", err));
	TRY(page_button(html, "word", "refuse", "Refuse", err));
	return page_form_end(html, err);
}

static enum rc
add_one(const struct visit *visit, const char *name, struct buf *html,
    struct err *err)
{
	struct guard guard GUARD_OWNED = GUARD;

	TRY(guard_find(visit->voice.sql, name, visit->voice.now, &guard, err));
	TRY(page_heading(html, guard.address, err));
	TRY(add_facts(&guard, html, err));
	return add_buttons(visit, &guard, html, err);
}

static enum rc
add_all(const struct visit *visit, struct buf *html, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	size_t count = 0;
	enum rc rc;

	TRY(guard_select(visit->voice.sql,
	    visit->person.is_operator ? 0 : visit->person.account,
	    visit->voice.now, &rows, err));
	while ((rc = sql_rows_next(rows, err)) == RC_OK) {
		char *name OWNED(free) = NULL;
		if (count++ == GUARD_PAGE_MAX)
			return page_say(
			    html, err, "There is more: decide on these first.");
		TRY(sql_rows_text(rows, 0, &name, err));
		TRY(add_one(visit, name, html, err));
	}
	if (rc != RC_ABSENT)
		return rc;
	return count > 0 ? RC_OK : page_say(html, err, "Nothing waits.");
}

static enum rc
add_undo(const struct visit *visit, struct buf *html, struct err *err)
{
	const struct page_input address = {.name = "undo",
	    .label = "Mailbox that was somebody else's from the beginning",
	    .type = "email",
	    .max = ADDRESS_MAX,
	    .required = true};

	if (!visit->person.is_operator)
		return RC_OK;
	TRY(page_heading(html, "Undo an enrolment", err));
	TRY(page_say(html, err,
	    "It takes two operators. All certificates of the mailbox end, and "
	    "it belongs to whoever controls it then."));
	TRY(page_form_begin(html, &visit->page, GUARD_DESK_PATH, err));
	TRY(page_input(html, &address, err));
	TRY(page_button(html, "word", "undo", "Ask for that", err));
	return page_form_end(html, err);
}

static enum rc
show(const struct visit *visit, struct err *err)
{
	static const struct page_link links[] = {
	    {"/desk/", "Identities"}, {GUARD_DESK_PATH, "Devices"}};
	struct buf html BUF_OWNED = PAGE_BUF;
	char who[GUARD_VOICE_MAX];

	guard_voice_print(&visit->voice, visit->person.is_operator, who);
	const struct page_head head = {
	    .title = "Devices", .who = who, .link = links, .links = 2};
	TRY(page_begin(&html, &head, err));
	TRY(page_say(&html, err,
	    "What somebody wants who is none of a mailbox's devices. Approve a "
	    "certificate only if the new device shows the same key. Whoever "
	    "asks and is not known to you has the password of the mailbox."));
	TRY(add_all(visit, &html, err));
	TRY(add_undo(visit, &html, err));
	TRY(page_end(&html, err));
	return page_answer(visit->answer, 200, &html, err);
}

/* -- a word -- */

/* What came of it, as a page. */
static enum rc
settle(struct visit *visit, enum rc rc, const struct err *why, struct err *err)
{
	static const struct {
		enum rc rc;
		unsigned status;
	} table[] = {
	    {RC_REFUSED, 409},
	    {RC_UNFIT, 403},
	    {RC_ABSENT, 404},
	    {RC_LIMIT, 429},
	    {RC_SYNTAX, 400},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].rc == rc)
			return page_refuse(visit->answer, table[i].status, err,
			    "It stays as it was: %s.", why->text);
	return rc == RC_OK ? RC_OK : err_set(err, rc, "%s", why->text);
}

static enum rc
read_field(const struct visit *visit, const char *name, struct buf *value,
    const char **ret, struct err *err)
{
	enum rc rc = page_form_value(visit->page.request, name, value, err);

	if (rc == RC_ABSENT || rc == RC_LIMIT)
		return err_set(err, RC_SYNTAX, "the form has no \"%s\"", name);
	TRY(rc);
	return buf_str(value, ret, err);
}

static enum rc
decide(const struct visit *visit, bool approves, struct err *err)
{
	struct buf value BUF_OWNED = BUF(ADDRESS_MAX);
	struct guard guard GUARD_OWNED = GUARD;
	const char *name = NULL;

	TRY(read_field(visit, "request", &value, &name, err));
	enum rc rc =
	    guard_find(visit->voice.sql, name, visit->voice.now, &guard, err);
	if (rc == RC_ABSENT)
		return err_set(err, RC_ABSENT, "nothing of that name waits");
	TRY(rc);
	return guard_voice_say(&visit->voice, &guard, approves, err);
}

static enum rc
undo(const struct visit *visit, struct err *err)
{
	struct buf value BUF_OWNED = BUF(ADDRESS_MAX);
	struct guard guard GUARD_OWNED = GUARD;
	const char *address = NULL;

	TRY(read_field(visit, "undo", &value, &address, err));
	TRY(guard_voice_undo(&visit->voice, address, &guard, err));
	visit->answer->mail_waits = true;
	return RC_OK;
}

static enum rc
say(const struct visit *visit, struct err *err)
{
	struct buf value BUF_OWNED = BUF(WORD_MAX);
	const char *word = "";

	TRY(read_field(visit, "word", &value, &word, err));
	if (strcmp(word, "undo") == 0)
		return undo(visit, err);
	bool approves = strcmp(word, "approve") == 0;
	if (!approves && strcmp(word, "refuse") != 0)
		return err_set(err, RC_SYNTAX, "there is no such word");
	return decide(visit, approves, err);
}

static enum rc
take_word(struct visit *visit, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct err why = ERR_NONE;
	enum rc rc = page_form_check(&visit->page, &why);

	if (rc == RC_REFUSED)
		return page_refuse(visit->answer, 403, err, "%s", why.text);
	if (rc != RC_OK)
		return err_set(err, rc, "%s", why.text);
	TRY(sql_act_begin(visit->voice.sql, &act, err));
	rc = say(visit, &why);
	TRY(settle(visit, rc, &why, err));
	TRY(sql_act_commit(&act, err));
	log_info("guard: a word by %s", visit->person.address);
	return page_see(visit->answer, GUARD_DESK_PATH, err);
}

static enum rc
answer(struct visit *visit, struct err *err)
{
	const char *method = visit->page.request->method;

	TRY(admit(visit, err));
	if (strcmp(method, "POST") == 0)
		return take_word(visit, err);
	if (strcmp(method, "GET") == 0)
		return show(visit, err);
	TRY(http_answer_add_header(visit->answer, "Allow", err, "GET, POST"));
	return page_refuse(visit->answer, 405, err,
	    "That is nothing that can be done with this page.");
}

enum rc
guard_page_answer(const struct guard_desk *desk,
    const struct http_request *request, int64_t now, struct http_answer *into,
    struct err *err)
{
	unsigned tries = 0;
	enum rc rc;

	do {
		struct visit visit = {.page = {desk->key, request, now},
		    .answer = into,
		    .voice = {.sql = desk->sql, .now = now}};
		visit.voice.person = &visit.person;
		http_answer_cut(into, 0);
		rc = answer(&visit, err);
		person_done(&visit.person);
	} while (rc == RC_AGAIN && sql_again(&tries));
	return rc;
}
