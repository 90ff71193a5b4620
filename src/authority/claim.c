#include "authority/claim.h"

#include <stdlib.h>

#include "authority/audit.h"
#include "authority/authorization.h"
#include "base/strlist.h"
#include "os/random.h"

#define NAME_BYTES 16

#define BIT(n) (1u << (n))
#define PERSON (BIT(PROFILE_INDIVIDUAL) | BIT(PROFILE_SPONSOR))
#define GROUP (BIT(PROFILE_ORGANIZATION) | BIT(PROFILE_SPONSOR))
#define ANYBODY (PERSON | BIT(PROFILE_ORGANIZATION))

static const char *const states[] = {[CLAIM_ASKED] = "asked",
    [CLAIM_CHECKED] = "checked",
    [CLAIM_APPROVED] = "approved",
    [CLAIM_REFUSED] = "refused",
    [CLAIM_WITHDRAWN] = "withdrawn",
    [CLAIM_REPLACED] = "replaced",
    [CLAIM_LAPSED] = "lapsed"};

static const char *const levels[] = {[PROFILE_MAILBOX] = "mailbox",
    [PROFILE_INDIVIDUAL] = "individual",
    [PROFILE_ORGANIZATION] = "organization",
    [PROFILE_SPONSOR] = "sponsor"};

/* In the order of enum claim_field, and of the columns. */
static const struct {
	const char *name;
	const char *label;
	unsigned levels; /* that have it */
	size_t member;   /* of struct profile_subject */
} fields[CLAIM_FIELDS] = {
#define MEMBER(name) offsetof(struct profile_subject, name)
    {"givenName", "Given name", PERSON, MEMBER(given_name)},
    {"surname", "Surname", PERSON, MEMBER(surname)},
    {"pseudonym", "Pseudonym", PERSON, MEMBER(pseudonym)},
    {"organization", "Organisation", GROUP, MEMBER(organization)},
    {"organizationIdentifier", "Organisation identifier", GROUP,
	MEMBER(organization_identifier)},
    {"country", "Country", ANYBODY, MEMBER(country)},
    {"state", "State or province", ANYBODY, MEMBER(state)},
    {"locality", "Locality", ANYBODY, MEMBER(locality)},
};

const char *
claim_state_name(enum claim_state state)
{
	return states[state];
}

const char *
claim_level_name(enum profile_level level)
{
	return levels[level];
}

enum rc
claim_level_find(const char *name, enum profile_level *ret, struct err *err)
{
	for (int i = PROFILE_INDIVIDUAL; i <= PROFILE_SPONSOR; i++)
		if (strcmp(levels[i], name) == 0) {
			*ret = (enum profile_level)i;
			return RC_OK;
		}
	return err_set(
	    err, RC_ABSENT, "the level is individual, organization or sponsor");
}

const char *
claim_field_name(enum claim_field field)
{
	return fields[field].name;
}

const char *
claim_field_label(enum claim_field field)
{
	return fields[field].label;
}

void
claim_done(struct claim *claim)
{
	free(claim->name);
	free(claim->address);
	free(claim->checker);
	for (size_t i = 0; i < CLAIM_FIELDS; i++)
		free(claim->field[i]);
	*claim = (struct claim){0};
}

struct profile_subject
claim_subject(const struct claim *claim)
{
	struct profile_subject subject = {0};

	for (size_t i = 0; i < CLAIM_FIELDS; i++)
		*(const char **)((uintptr_t)&subject + fields[i].member) =
		    claim->field[i];
	return subject;
}

static struct sql_value
text_value(const struct buf *buf)
{
	return (struct sql_value){SQL_KIND_TEXT, 0, buf_span(buf)};
}

/* -- reading -- */

#define COLUMNS                                                        \
	"SELECT id, name, account, address, level, state, version,"    \
	" created, until, checker, given_name, surname, pseudonym,"    \
	" organization, organization_identifier, country, state_name," \
	" locality FROM claim"
#define FIRST_FIELD 10

/* What nobody knows is as little as there is. */
static int
word_of(struct span text, const char *const *words, int count, int otherwise)
{
	for (int i = 0; i < count; i++)
		if (span_is(text, span_str(words[i])))
			return i;
	return otherwise;
}

static enum claim_state
state_at(const struct claim *own, enum claim_state written, int64_t now)
{
	int64_t end = own->created + CLAIM_WAIT;

	if (written == CLAIM_APPROVED)
		end = own->until;
	else if (written > CLAIM_APPROVED)
		return written;
	return end <= now ? CLAIM_LAPSED : written;
}

static enum rc
read_row(const struct sql_rows *rows, int64_t now, struct claim *own,
    struct err *err)
{
	own->id = sql_rows_number(rows, 0);
	TRY(sql_rows_text(rows, 1, &own->name, err));
	own->account = sql_rows_number(rows, 2);
	TRY(sql_rows_text(rows, 3, &own->address, err));
	own->level = (enum profile_level)word_of(
	    sql_rows_bytes(rows, 4), levels, 4, PROFILE_MAILBOX);
	own->version = sql_rows_number(rows, 6);
	own->created = sql_rows_number(rows, 7);
	own->until = sql_rows_number(rows, 8);
	TRY(sql_rows_text(rows, 9, &own->checker, err));
	for (int i = 0; i < CLAIM_FIELDS; i++)
		TRY(sql_rows_text(rows, FIRST_FIELD + i, &own->field[i], err));
	own->state = state_at(own,
	    (enum claim_state)word_of(
		sql_rows_bytes(rows, 5), states, CLAIM_LAPSED, CLAIM_REFUSED),
	    now);
	return RC_OK;
}

static enum rc
find(struct sql *sql, const char *text, struct sql_values values, int64_t now,
    struct claim *ret, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	struct claim own CLAIM_OWNED = {0};

	TRY(sql_select(sql, text, values, &rows, err));
	TRY(sql_rows_next(rows, err));
	TRY(read_row(rows, now, &own, err));
	claim_done(ret);
	*ret = own;
	own = (struct claim){0};
	return RC_OK;
}

enum rc
claim_find(struct sql *sql, const char *name, int64_t now, struct claim *ret,
    struct err *err)
{
	return find(sql, COLUMNS " WHERE name = ?", SQL_VALUES(sql_text(name)),
	    now, ret, err);
}

enum rc
claim_in_force(struct sql *sql, const struct claim_of *of, struct claim *ret,
    struct err *err)
{
	struct buf folded BUF_OWNED = BUF_SMALL;

	TRY(authorization_fold(of->address, &folded, err));
	return find(sql,
	    COLUMNS " WHERE account = ? AND folded = ?"
		    " AND state = 'approved' AND until > ?"
		    " ORDER BY id DESC LIMIT 1",
	    SQL_VALUES(SQL_NUMBER(of->account), text_value(&folded),
		SQL_NUMBER(of->now)),
	    of->now, ret, err);
}

enum rc
claim_used(struct sql *sql, const struct claim *claim, int64_t order,
    int64_t now, struct err *err)
{
	const struct audit_act act = {.actor = "authority",
	    .act = "identity-use",
	    .object = claim->address,
	    .detail = claim->name,
	    .now = now};

	TRY(sql_change(sql,
	    "INSERT INTO claim_certificate (claim, certificate)"
	    " SELECT CAST(? AS BIGINT), certificate FROM acme_order"
	    " WHERE id = ?",
	    SQL_VALUES(SQL_NUMBER(claim->id), SQL_NUMBER(order)), err));
	return audit_add(sql, &act, err);
}

enum rc
claim_list(struct sql *sql, int64_t account, bool ever, int64_t now,
    struct strlist *ret, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	enum rc rc;

	TRY(sql_select(sql,
	    "SELECT name FROM claim"
	    " WHERE (CAST(? AS BIGINT) = 0 OR account = ?)"
	    " AND (CAST(? AS BIGINT) = 1"
	    " OR (state IN ('asked', 'checked') AND created > ?)"
	    " OR (state = 'approved' AND until > ?))"
	    " ORDER BY id DESC LIMIT 500",
	    SQL_VALUES(SQL_NUMBER(account), SQL_NUMBER(account),
		SQL_NUMBER(ever), SQL_NUMBER(now - CLAIM_WAIT),
		SQL_NUMBER(now)),
	    &rows, err));
	while ((rc = sql_rows_next(rows, err)) == RC_OK)
		TRY(strlist_add(ret, sql_rows_bytes(rows, 0), err));
	return rc == RC_ABSENT ? RC_OK : rc;
}

/* -- asking -- */

static enum rc
check_fields(const struct claim_wish *wish, struct err *err)
{
	for (size_t i = 0; i < CLAIM_FIELDS; i++) {
		const char *text = wish->field[i];
		if (text == NULL)
			continue;
		if ((fields[i].levels & BIT(wish->level)) == 0)
			return err_set(err, RC_UNFIT,
			    "\"%s\" does not belong to the level %s",
			    fields[i].name, levels[wish->level]);
		if (text[0] == '\0' || strlen(text) > CLAIM_TEXT_MAX)
			return err_set(err, RC_UNFIT,
			    "\"%s\" must have 1 to %d bytes", fields[i].name,
			    CLAIM_TEXT_MAX);
	}
	return RC_OK;
}

static enum rc
check_room(
    struct sql *sql, const struct buf *folded, int64_t now, struct err *err)
{
	int64_t open = 0, today = 0;

	TRY(sql_number(sql,
	    "SELECT count(*) FROM claim WHERE folded = ?"
	    " AND state IN ('asked', 'checked') AND created > ?",
	    SQL_VALUES(text_value(folded), SQL_NUMBER(now - CLAIM_WAIT)), &open,
	    err));
	TRY(sql_number(sql,
	    "SELECT count(*) FROM claim WHERE folded = ? AND created > ?",
	    SQL_VALUES(text_value(folded), SQL_NUMBER(now - CLAIM_DAY)), &today,
	    err));
	if (open >= CLAIM_OPEN_MAX)
		return err_set(err, RC_LIMIT,
		    "%d requests for this mailbox wait for a decision already",
		    CLAIM_OPEN_MAX);
	if (today >= CLAIM_DAY_MAX)
		return err_set(err, RC_LIMIT,
		    "%d requests for this mailbox in one day are enough",
		    CLAIM_DAY_MAX);
	return RC_OK;
}

static enum rc
insert(struct sql *sql, const struct claim_wish *wish, const struct buf *folded,
    const char *name, struct err *err)
{
	struct sql_value value[6 + CLAIM_FIELDS] = {sql_text(name),
	    SQL_NUMBER(wish->account), sql_text(wish->address),
	    text_value(folded), sql_text(levels[wish->level]),
	    SQL_NUMBER(wish->now)};

	for (size_t i = 0; i < CLAIM_FIELDS; i++)
		value[6 + i] = sql_text(wish->field[i]);
	return sql_change(sql,
	    "INSERT INTO claim (name, account, address, folded, level,"
	    " created, given_name, surname, pseudonym, organization,"
	    " organization_identifier, country, state_name, locality,"
	    " state, version, until)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
	    " 'asked', 1, 0)",
	    (struct sql_values){value, 6 + CLAIM_FIELDS}, err);
}

static enum rc
write_down(struct sql *sql, const struct claim_wish *wish, const char *name,
    struct err *err)
{
	struct buf detail BUF_OWNED = BUF_SMALL;
	struct audit_act act = {.actor = wish->actor,
	    .act = "identity-ask",
	    .object = wish->address,
	    .now = wish->now};

	TRY(buf_add_format(&detail, err, "%s %s", name, levels[wish->level]));
	TRY(buf_str(&detail, &act.detail, err));
	return audit_add(sql, &act, err);
}

enum rc
claim_ask(struct sql *sql, const struct claim_wish *wish, struct claim *ret,
    struct err *err)
{
	struct buf folded BUF_OWNED = BUF_SMALL;
	struct buf name BUF_OWNED = BUF_SMALL;
	const char *text = NULL;

	TRY(check_fields(wish, err));
	TRY(authorization_fold(wish->address, &folded, err));
	TRY(check_room(sql, &folded, wish->now, err));
	TRY(random_text(NAME_BYTES, &name, err));
	TRY(buf_str(&name, &text, err));
	TRY(insert(sql, wish, &folded, text, err));
	TRY(write_down(sql, wish, text, err));
	return claim_find(sql, text, wish->now, ret, err);
}
