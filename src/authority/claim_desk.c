#include "authority/claim_desk.h"

#include <stdio.h>
#include <stdlib.h>

#include "authority/audit.h"
#include "authority/authorization.h"
#include "authority/claim_evidence.h"
#include "authority/person.h"
#include "base/strlist.h"
#include "codec/when.h"
#include "os/log.h"

OWNER(char, free);

#define ACTOR_MAX 600
#define DAY_TEXT_LEN 10 /* "2026-11-22" */
#define NUMBER_MAX 24
#define VERSION_MAX ((int64_t)1000000)

/* One request of one person. */
struct visit {
	const struct claim_desk *desk;
	struct page_visit page;
	struct http_answer *answer;
	int64_t now;
	struct person person;
	char actor[ACTOR_MAX]; /* for the audit log */
	char *name;            /* behind CLAIM_DESK_PATH; "": the list */
	char *file;            /* behind that; NULL: none */
};

static void
visit_done(struct visit *visit)
{
	person_done(&visit->person);
	free(visit->name);
	free(visit->file);
}

static enum rc
split_path(struct visit *visit, struct err *err)
{
	struct span rest =
	    span_str(visit->page.request->path + strlen(CLAIM_DESK_PATH));
	ptrdiff_t slash = span_find_byte(rest, '/');

	if (slash < 0)
		return span_dup(rest, &visit->name, err);
	TRY(span_dup(span_first(rest, (size_t)slash), &visit->name, err));
	return span_dup(span_after(rest, (size_t)slash + 1), &visit->file, err);
}

static enum rc
admit(struct visit *visit, struct err *err)
{
	struct err why = ERR_NONE;
	enum rc rc = person_find(visit->desk->sql, visit->page.request->person,
	    visit->now, &visit->person, &why);

	if (rc == RC_REFUSED)
		return page_refuse(visit->answer, 403, err,
		    "This door needs a certificate "
		    "of this authority: %s.",
		    why.text);
	if (rc != RC_OK)
		return err_set(err, rc, "%s", why.text);
	if (visit->person.is_operator)
		(void)snprintf(visit->actor, sizeof(visit->actor),
		    "operator %s", visit->person.address);
	else
		(void)snprintf(visit->actor, sizeof(visit->actor),
		    "device %s of %s", visit->person.serial,
		    visit->person.address);
	return RC_OK;
}

/* What is somebody else's does not exist. */
static enum rc
find(struct visit *visit, struct claim *ret, struct err *err)
{
	enum rc rc =
	    claim_find(visit->desk->sql, visit->name, visit->now, ret, err);

	if (rc == RC_ABSENT || (rc == RC_OK && !visit->person.is_operator &&
				   ret->account != visit->person.account))
		return page_refuse(visit->answer, 404, err,
		    "There is no request of that name.");
	return rc;
}

/* -- pages -- */

static enum rc
begin(const struct visit *visit, const char *title, struct buf *html,
    struct err *err)
{
	static const struct page_link links[] = {
	    {CLAIM_DESK_PATH, "Identities"}, {"/guard/", "Devices"}};
	const struct page_head head = {
	    .title = title, .who = visit->actor, .link = links, .links = 2};

	return page_begin(html, &head, err);
}

static void
print_day(int64_t when, char text[WHEN_TEXT_MAX])
{
	when_print(when, text);
	text[DAY_TEXT_LEN] = '\0';
}

/* Who it is, in a few words. */
static const char *
brief(const struct claim *claim)
{
	static const enum claim_field fields[] = {CLAIM_ORGANIZATION,
	    CLAIM_PSEUDONYM, CLAIM_SURNAME, CLAIM_GIVEN_NAME};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (claim->field[fields[i]] != NULL)
			return claim->field[fields[i]];
	return "";
}

static enum rc
add_row(const struct claim *one, struct buf *html, struct err *err)
{
	char href[200], asked[WHEN_TEXT_MAX];
	const struct page_link link = {href, one->address};

	(void)snprintf(href, sizeof(href), CLAIM_DESK_PATH "%s", one->name);
	print_day(one->created, asked);
	TRY(page_row_begin(html, err));
	TRY(page_cell_link(html, "Mailbox", &link, err));
	TRY(page_cell(html, "Level", claim_level_name(one->level), err));
	TRY(page_cell(html, "Who", brief(one), err));
	TRY(page_cell(html, "State", claim_state_name(one->state), err));
	TRY(page_cell(html, "Asked", asked, err));
	return page_row_end(html, err);
}

static enum rc
add_table(struct visit *visit, bool ever, struct buf *html, struct err *err)
{
	static const char *const columns[] = {
	    "Mailbox", "Level", "Who", "State", "Asked"};
	struct strlist names STRLIST_OWNED = STRLIST_NONE;

	TRY(claim_list(visit->desk->sql,
	    visit->person.is_operator ? 0 : visit->person.account, ever,
	    visit->now, &names, err));
	if (names.len == 0)
		return page_say(html, err, "Nothing waits.");
	TRY(page_table_begin(html, columns, 5, err));
	for (size_t i = 0; i < names.len; i++) {
		struct claim one CLAIM_OWNED = {0};
		TRY(claim_find(
		    visit->desk->sql, names.item[i], visit->now, &one, err));
		TRY(add_row(&one, html, err));
	}
	return page_table_end(html, err);
}

static enum rc
show_list(struct visit *visit, struct err *err)
{
	bool ever = strcmp(visit->page.request->query, "ever=1") == 0;
	const struct page_link all = {
	    CLAIM_DESK_PATH "?ever=1", "All there ever were"};
	struct buf html BUF_OWNED = PAGE_BUF;

	TRY(begin(visit, "Identities", &html, err));
	TRY(add_table(visit, ever, &html, err));
	if (!ever)
		TRY(page_link(&html, &all, err));
	TRY(page_end(&html, err));
	return page_answer(visit->answer, 200, &html, err);
}

#define OTHER_FACTS 5

static enum rc
add_facts(const struct claim *claim, struct buf *html, struct err *err)
{
	char asked[WHEN_TEXT_MAX], until[WHEN_TEXT_MAX];
	struct page_fact fact[OTHER_FACTS + CLAIM_FIELDS] = {
	    {"Mailbox", claim->address},
	    {"Level", claim_level_name(claim->level)},
	    {"State", claim_state_name(claim->state)}, {"Asked", asked},
	    {"In force until", claim->until > 0 ? until : NULL}};

	when_print(claim->created, asked);
	when_print(claim->until, until);
	for (int i = 0; i < CLAIM_FIELDS; i++)
		fact[OTHER_FACTS + i] = (struct page_fact){
		    claim_field_label((enum claim_field)i), claim->field[i]};
	return page_facts(html, fact, OTHER_FACTS + CLAIM_FIELDS, err);
}

static enum rc
add_file_row(const struct claim *claim, const struct sql_rows *rows,
    struct buf *html, struct err *err)
{
	char *name OWNED(free) = NULL;
	char href[400], size[NUMBER_MAX], day[WHEN_TEXT_MAX];

	TRY(sql_rows_text(rows, 1, &name, err));
	const struct page_link link = {href, name};
	(void)snprintf(
	    href, sizeof(href), CLAIM_DESK_PATH "%s/%s", claim->name, name);
	(void)snprintf(
	    size, sizeof(size), "%lld", (long long)sql_rows_number(rows, 2));
	print_day(sql_rows_number(rows, 3), day);
	TRY(page_row_begin(html, err));
	TRY(page_cell_link(html, "File", &link, err));
	TRY(page_cell(html, "Bytes", size, err));
	TRY(page_cell(html, "Came", day, err));
	return page_row_end(html, err);
}

static enum rc
add_files(const struct visit *visit, const struct claim *claim,
    struct buf *html, struct err *err)
{
	static const char *const columns[] = {"File", "Bytes", "Came"};
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	enum rc rc;

	TRY(page_heading(html, "Evidence", err));
	TRY(page_say(html, err,
	    "Nobody has looked into these files. Open them where they can do "
	    "no harm."));
	TRY(page_table_begin(html, columns, 3, err));
	TRY(claim_files(visit->desk->sql, claim, &rows, err));
	while ((rc = sql_rows_next(rows, err)) == RC_OK)
		TRY(add_file_row(claim, rows, html, err));
	if (rc != RC_ABSENT)
		return rc;
	return page_table_end(html, err);
}

static enum rc
add_word_row(const struct sql_rows *rows, struct buf *html, struct err *err)
{
	static const char *const columns[] = {"Word", "By", "When", "Note"};
	char when[WHEN_TEXT_MAX];

	when_print(sql_rows_number(rows, 2), when);
	TRY(page_row_begin(html, err));
	for (int i = 0; i < 4; i++) {
		char *text OWNED(free) = NULL;
		if (i != 2)
			TRY(sql_rows_text(rows, i, &text, err));
		const char *shown = i == 2 ? when : text;
		TRY(page_cell(
		    html, columns[i], shown != NULL ? shown : "", err));
	}
	return page_row_end(html, err);
}

static enum rc
add_words(const struct visit *visit, const struct claim *claim,
    struct buf *html, struct err *err)
{
	static const char *const columns[] = {"Word", "By", "When", "Note"};
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	enum rc rc;

	TRY(page_heading(html, "What was said", err));
	TRY(page_table_begin(html, columns, 4, err));
	TRY(claim_words(visit->desk->sql, claim, &rows, err));
	while ((rc = sql_rows_next(rows, err)) == RC_OK)
		TRY(add_word_row(rows, html, err));
	if (rc != RC_ABSENT)
		return rc;
	return page_table_end(html, err);
}

/* -- the form -- */

static const char *const labels[] = {
    [CLAIM_CHECK] = "I have checked it",
    [CLAIM_APPROVE] = "Approve",
    [CLAIM_REFUSE] = "Refuse",
    [CLAIM_WITHDRAW] = "Withdraw",
};
#define ACTS (sizeof(labels) / sizeof(labels[0]))

static bool
is_own(const struct visit *visit, const struct claim *claim)
{
	return claim->account == visit->person.account;
}

/* Is there a button for it?  What the answer to it would be is claim_say()'s
 * to say. */
static bool
is_offered(
    const struct visit *visit, const struct claim *claim, enum claim_act act)
{
	if (!claim_act_fits(act, claim->state))
		return false;
	return is_own(visit, claim) ? act == CLAIM_WITHDRAW
				    : visit->person.is_operator;
}

static enum rc
add_inputs(const struct visit *visit, const struct claim *claim,
    struct buf *html, struct err *err)
{
	char version[NUMBER_MAX], until[WHEN_TEXT_MAX];
	const struct page_input seen = {.name = "version", .value = version};
	const struct page_input note = {.name = "note",
	    .label = "What you looked at, or why",
	    .type = "text",
	    .max = CLAIM_NOTE_MAX};
	const struct page_input day = {.name = "until",
	    .label = "In force until the end of",
	    .type = "date",
	    .value = until,
	    .max = DAY_TEXT_LEN};

	(void)snprintf(
	    version, sizeof(version), "%lld", (long long)claim->version);
	print_day(
	    visit->now + (visit->desk->settings->identity_days - 1) * CLAIM_DAY,
	    until);
	TRY(page_input(html, &seen, err));
	if (!is_own(visit, claim))
		TRY(page_input(html, &note, err));
	if (!is_offered(visit, claim, CLAIM_APPROVE))
		return RC_OK;
	return page_input(html, &day, err);
}

static enum rc
add_form(const struct visit *visit, const struct claim *claim, struct buf *html,
    struct err *err)
{
	bool any = false;

	for (size_t i = 0; i < ACTS; i++)
		any = any || is_offered(visit, claim, (enum claim_act)i);
	if (!any)
		return RC_OK;
	TRY(page_form_begin(
	    html, &visit->page, visit->page.request->path, err));
	TRY(add_inputs(visit, claim, html, err));
	for (size_t i = 0; i < ACTS; i++)
		if (is_offered(visit, claim, (enum claim_act)i))
			TRY(page_button(html, "word",
			    claim_act_name((enum claim_act)i), labels[i], err));
	return page_form_end(html, err);
}

static enum rc
show_one(struct visit *visit, struct err *err)
{
	struct claim claim CLAIM_OWNED = {0};
	struct buf html BUF_OWNED = PAGE_BUF;

	TRY(find(visit, &claim, err));
	TRY(begin(visit, "Request", &html, err));
	TRY(add_facts(&claim, &html, err));
	TRY(add_files(visit, &claim, &html, err));
	TRY(add_words(visit, &claim, &html, err));
	TRY(add_form(visit, &claim, &html, err));
	TRY(page_end(&html, err));
	return page_answer(visit->answer, 200, &html, err);
}

/* -- evidence -- */

static enum rc
write_down(struct visit *visit, const struct claim *claim, struct err *err)
{
	struct sql_act work SQL_ACT_OWNED = SQL_ACT;
	struct buf detail BUF_OWNED = BUF_SMALL;
	struct audit_act act = {.actor = visit->actor,
	    .act = "identity-read",
	    .object = claim->address,
	    .now = visit->now};

	TRY(buf_add_format(&detail, err, "%s %s", claim->name, visit->file));
	TRY(buf_str(&detail, &act.detail, err));
	TRY(sql_act_begin(visit->desk->sql, &work, err));
	TRY(audit_add(visit->desk->sql, &act, err));
	return sql_act_commit(&work, err);
}

/* Whatever it is, it is nothing that a browser shows at this place, with the
 * person's certificate in its hand. */
static enum rc
send_file(struct visit *visit, const struct buf *bytes, struct err *err)
{
	TRY(http_answer_add_header(visit->answer, "Content-Disposition", err,
	    "attachment; filename=\"%s\"", visit->file));
	TRY(http_answer_add_header(visit->answer, "Content-Security-Policy",
	    err, "sandbox; default-src 'none'; frame-ancestors 'none'"));
	TRY(http_answer_add_header(
	    visit->answer, "Cross-Origin-Resource-Policy", err, "same-origin"));
	TRY(http_answer_add_header(
	    visit->answer, "Cache-Control", err, "no-store"));
	return http_answer_set(visit->answer, 200, "application/octet-stream",
	    buf_span(bytes), err);
}

static enum rc
show_file(struct visit *visit, struct err *err)
{
	struct claim claim CLAIM_OWNED = {0};
	struct buf bytes BUF_OWNED = BUF(CLAIM_FILE_MAX);

	TRY(find(visit, &claim, err));
	enum rc rc = RC_ABSENT;
	if (claim_is_file_name(visit->file))
		rc = claim_file(
		    visit->desk->sql, &claim, visit->file, &bytes, err);
	if (rc == RC_ABSENT)
		return page_refuse(visit->answer, 404, err,
		    "There is no evidence of that name.");
	TRY(rc);
	TRY(write_down(visit, &claim, err));
	return send_file(visit, &bytes, err);
}

/* -- a word -- */

static enum rc
read_number(
    struct visit *visit, const char *name, int64_t *ret, struct err *err)
{
	struct buf value BUF_OWNED = BUF(NUMBER_MAX);
	const char *text = NULL;
	char *end = NULL;

	TRY(page_form_value(visit->page.request, name, &value, err));
	TRY(buf_str(&value, &text, err));
	*ret = strtoll(text, &end, 10);
	if (end == text || *end != '\0' || *ret < 0 || *ret > VERSION_MAX)
		return err_set(err, RC_SYNTAX, "\"%s\" is no number", name);
	return RC_OK;
}

/* The day's last second, for that is what people mean. */
static enum rc
read_day(struct visit *visit, int64_t *ret, struct err *err)
{
	struct buf value BUF_OWNED = BUF(WHEN_TEXT_MAX);

	TRY(page_form_value(visit->page.request, "until", &value, err));
	if (value.len != DAY_TEXT_LEN)
		return err_set(
		    err, RC_SYNTAX, "The day is written 2026-12-31.");
	TRY(buf_add_str(&value, "T23:59:59Z", err));
	if (when_parse(buf_span(&value), ret, NULL) != RC_OK)
		return err_set(
		    err, RC_SYNTAX, "The day is written 2026-12-31.");
	return RC_OK;
}

/* `note` gets what the word borrows. */
static enum rc
read_word(struct visit *visit, struct claim_word *word, struct buf *note,
    struct err *err)
{
	struct buf name BUF_OWNED = BUF(NUMBER_MAX);
	const char *text = NULL;

	TRY(page_form_value(visit->page.request, "word", &name, err));
	TRY(buf_str(&name, &text, err));
	TRY(claim_act_find(text, &word->act, err));
	TRY(read_number(visit, "version", &word->version, err));
	if (word->act == CLAIM_APPROVE)
		TRY(read_day(visit, &word->until, err));
	enum rc rc = page_form_value(visit->page.request, "note", note, err);
	if (rc == RC_OK && note->len > 0)
		return buf_str(note, &word->note, err);
	return rc == RC_ABSENT ? RC_OK : rc;
}

/* Of their own request an operator is nothing but the one who asked. */
static enum rc
say(struct visit *visit, struct claim_word *word, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct claim claim CLAIM_OWNED = {0};
	struct err why = ERR_NONE;

	TRY(sql_act_begin(visit->desk->sql, &act, err));
	TRY(find(visit, &claim, err));
	word->who = is_own(visit, &claim) ? NULL : visit->person.address;
	enum rc rc = claim_say(visit->desk->sql, &claim, word, &why);
	if (rc == RC_REFUSED)
		return page_refuse(visit->answer, 409, err,
		    "It stays as it was: %s.", why.text);
	if (rc == RC_UNFIT)
		return page_refuse(visit->answer, 403, err,
		    "It stays as it was: %s.", why.text);
	if (rc != RC_OK)
		return err_set(err, rc, "%s", why.text);
	return sql_act_commit(&act, err);
}

static enum rc
take_word(struct visit *visit, struct err *err)
{
	struct buf note BUF_OWNED = BUF(HTTP_BODY_MAX);
	struct claim_word word = {.actor = visit->actor,
	    .days = visit->desk->settings->identity_days,
	    .now = visit->now};
	struct err why = ERR_NONE;
	enum rc rc = page_form_check(&visit->page, &why);

	if (rc == RC_REFUSED)
		return page_refuse(visit->answer, 403, err, "%s", why.text);
	if (rc == RC_OK && read_word(visit, &word, &note, &why) != RC_OK)
		return page_refuse(visit->answer, 400, err, "%s", why.text);
	if (rc != RC_OK)
		return err_set(err, rc, "%s", why.text);
	TRY(say(visit, &word, err));
	log_info("identity: %s: %s, by %s", visit->name,
	    claim_act_name(word.act), visit->actor);
	return page_see(visit->answer, visit->page.request->path, err);
}

static enum rc
answer(struct visit *visit, struct err *err)
{
	const char *method = visit->page.request->method;
	bool post = strcmp(method, "POST") == 0;

	TRY(split_path(visit, err));
	TRY(admit(visit, err));
	bool one = visit->name[0] != '\0' && visit->file == NULL;
	if (post ? !one : strcmp(method, "GET") != 0) {
		TRY(http_answer_add_header(
		    visit->answer, "Allow", err, one ? "GET, POST" : "GET"));
		return page_refuse(visit->answer, 405, err,
		    "That is nothing that can be done with this page.");
	}
	if (post)
		return take_word(visit, err);
	if (visit->file != NULL)
		return show_file(visit, err);
	return one ? show_one(visit, err) : show_list(visit, err);
}

enum rc
claim_desk_answer(const struct claim_desk *desk,
    const struct http_request *request, int64_t now, struct http_answer *into,
    struct err *err)
{
	unsigned tries = 0;
	enum rc rc;

	do {
		struct visit visit = {.desk = desk,
		    .page = {desk->key, request, now},
		    .answer = into,
		    .now = now};
		http_answer_cut(into, 0);
		rc = answer(&visit, err);
		visit_done(&visit);
	} while (rc == RC_AGAIN && sql_again(&tries));
	return rc;
}
