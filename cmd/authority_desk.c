#include "cmd/authority_desk.h"

#include <stdio.h>
#include <stdlib.h>

#include "authority/audit.h"
#include "authority/claim_shell.h"
#include "cmd/authority_home.h"
#include "cmd/options.h"
#include "codec/when.h"
#include "mime/address.h"
#include "os/clock.h"
#include "os/file.h"

#define PEM_MAX ((size_t)256 * 1024)
#define DAY_TEXT_LEN 10 /* "2026-11-22" */

/* What was said on the command line. */
struct line {
	const char *act; /* "list", ... */
	const char *folder;
	const char *name; /* of a claim */
	const char *file; /* of its evidence */
	const char *address, *level, *field[CLAIM_FIELDS];
	const char *evidence, *certificate, *key, *seen, *note, *until;
	bool ever, help;
};

/* -- looking -- */

static enum rc
list(const struct line *line, struct authority_home *home, struct err *err)
{
	struct strlist names STRLIST_OWNED = STRLIST_NONE;
	int64_t now = clock_now();

	TRY(claim_list(home->sql, 0, line->ever, now, &names, err));
	for (size_t i = 0; i < names.len; i++) {
		struct claim one CLAIM_OWNED = {0};
		TRY(claim_find(home->sql, names.item[i], now, &one, err));
		printf("%s %s %s %s\n", one.name, claim_state_name(one.state),
		    claim_level_name(one.level), one.address);
	}
	return RC_OK;
}

static enum rc
find(const struct line *line, struct authority_home *home, struct claim *ret,
    struct err *err)
{
	enum rc rc = claim_find(home->sql, line->name, clock_now(), ret, err);

	if (rc == RC_ABSENT)
		return err_set(
		    err, rc, "there is no request \"%s\"", line->name);
	return rc;
}

static enum rc
show_files(const struct claim *claim, struct sql *sql, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	enum rc rc;

	TRY(claim_files(sql, claim, &rows, err));
	while ((rc = sql_rows_next(rows, err)) == RC_OK)
		printf("File: %.*s, %lld bytes\n",
		    SPAN_ARGS(sql_rows_bytes(rows, 1)),
		    (long long)sql_rows_number(rows, 2));
	return rc == RC_ABSENT ? RC_OK : rc;
}

static enum rc
show_words(const struct claim *claim, struct sql *sql, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	char when[WHEN_TEXT_MAX];
	enum rc rc;

	TRY(claim_words(sql, claim, &rows, err));
	while ((rc = sql_rows_next(rows, err)) == RC_OK) {
		when_print(sql_rows_number(rows, 2), when);
		printf("Said: %s %.*s, by %.*s: %.*s\n", when,
		    SPAN_ARGS(sql_rows_bytes(rows, 0)),
		    SPAN_ARGS(sql_rows_bytes(rows, 1)),
		    SPAN_ARGS(sql_rows_bytes(rows, 3)));
	}
	return rc == RC_ABSENT ? RC_OK : rc;
}

/* Fields and notes have no line ends and nothing else that a terminal obeys:
 * the linter and claim_say() see to that. */
static enum rc
show(const struct line *line, struct authority_home *home, struct err *err)
{
	struct claim claim CLAIM_OWNED = {0};
	char when[WHEN_TEXT_MAX];

	TRY(find(line, home, &claim, err));
	printf("Mailbox: %s\nLevel: %s\nState: %s\nSeen: %lld\n", claim.address,
	    claim_level_name(claim.level), claim_state_name(claim.state),
	    (long long)claim.version);
	for (int i = 0; i < CLAIM_FIELDS; i++)
		if (claim.field[i] != NULL)
			printf("%s: %s\n",
			    claim_field_label((enum claim_field)i),
			    claim.field[i]);
	when_print(claim.until, when);
	if (claim.until > 0)
		printf("In force until: %s\n", when);
	TRY(show_files(&claim, home->sql, err));
	return show_words(&claim, home->sql, err);
}

static enum rc
print_file(
    const struct line *line, struct authority_home *home, struct err *err)
{
	struct claim claim CLAIM_OWNED = {0};
	struct buf bytes BUF_OWNED = BUF(CLAIM_FILE_MAX);

	TRY(find(line, home, &claim, err));
	enum rc rc = claim_file(home->sql, &claim, line->file, &bytes, err);
	if (rc == RC_ABSENT)
		return err_set(err, rc, "no evidence \"%s\"", line->file);
	TRY(rc);
	TRY(authority_home_audit(
	    home, "identity-read", claim.address, claim.name, err));
	if (fwrite(bytes.data, 1, bytes.len, stdout) != bytes.len ||
	    fflush(stdout) != 0)
		return err_errno(err, "standard output");
	return RC_OK;
}

/* -- asking -- */

static enum rc
ask(const struct line *line, struct authority_home *home, struct err *err)
{
	struct hierarchy hierarchy HIERARCHY_OWNED = {0};
	const struct claim_office office = {&home->settings, &hierarchy};
	struct claim claim CLAIM_OWNED = {0};
	char actor[AUTHORITY_ACTOR_MAX];
	struct claim_wish wish = {
	    .address = line->address, .actor = actor, .now = clock_now()};

	if (line->address == NULL || line->level == NULL)
		return err_set(err, RC_SYNTAX,
		    "--address ADDRESS and --level LEVEL are needed");
	TRY(address_check(span_str(line->address), err));
	TRY(claim_level_find(line->level, &wish.level, err));
	memcpy(wish.field, line->field, sizeof(wish.field));
	authority_home_actor(actor);
	TRY(keys_open(
	    line->folder, &home->settings, &home->secrets, &home->keys, err));
	TRY(hierarchy_load(&home->keys, &hierarchy, err));
	TRY(claim_shell_ask(home->sql, &office, &wish, &claim, err));
	printf("%s\n", claim.name);
	return RC_OK;
}

static enum rc
attach(const struct line *line, struct authority_home *home, struct err *err)
{
	struct buf bytes BUF_OWNED = BUF(CLAIM_FILE_MAX);
	char actor[AUTHORITY_ACTOR_MAX];
	struct claim_piece file = {.actor = actor, .now = clock_now()};
	const char *slash;

	if (line->evidence == NULL)
		return err_set(err, RC_SYNTAX, "--evidence FILE is needed");
	slash = strrchr(line->evidence, '/');
	file.name = slash != NULL ? slash + 1 : line->evidence;
	TRY(file_read(line->evidence, &bytes, err));
	file.bytes = buf_span(&bytes);
	authority_home_actor(actor);
	enum rc rc = claim_shell_attach(home->sql, line->name, &file, err);
	if (rc == RC_ABSENT)
		return err_set(
		    err, rc, "there is no request \"%s\"", line->name);
	return rc;
}

/* -- saying -- */

static enum rc
read_seen(const char *text, int64_t *ret, struct err *err)
{
	char *end = NULL;

	*ret = text != NULL ? strtoll(text, &end, 10) : 0;
	if (text == NULL || end == text || *end != '\0')
		return err_set(err, RC_SYNTAX,
		    "--seen NUMBER is needed: what desk show calls \"Seen\"");
	return RC_OK;
}

/* The day's last second, for that is what people mean. */
static enum rc
read_until(const struct line *line, struct claim_word *word, struct err *err)
{
	char text[WHEN_TEXT_MAX];

	word->until = word->now + word->days * CLAIM_DAY;
	if (line->until == NULL)
		return RC_OK;
	(void)snprintf(text, sizeof(text), "%.12sT23:59:59Z", line->until);
	if (strlen(line->until) == DAY_TEXT_LEN &&
	    when_parse(span_str(text), &word->until, NULL) == RC_OK)
		return RC_OK;
	return err_set(err, RC_SYNTAX, "--until: a day is written 2026-12-31");
}

static enum rc
say(const struct line *line, struct authority_home *home, struct err *err)
{
	struct buf certificate BUF_OWNED = BUF(PEM_MAX);
	struct buf key BUF_OWNED = BUF_SECRET(PEM_MAX);
	struct claim_word word = {.note = line->note,
	    .days = home->settings.identity_days,
	    .now = clock_now()};

	TRY(claim_act_find(line->act, &word.act, err));
	TRY(read_seen(line->seen, &word.version, err));
	TRY(read_until(line, &word, err));
	if (line->certificate == NULL || line->key == NULL)
		return err_set(err, RC_SYNTAX,
		    "--certificate FILE and --key FILE of an operator are "
		    "needed");
	TRY(file_read(line->certificate, &certificate, err));
	TRY(file_read(line->key, &key, err));
	const struct claim_speaker speaker = {
	    buf_span(&certificate), buf_span(&key)};
	enum rc rc =
	    claim_shell_say(home->sql, &speaker, line->name, &word, err);
	if (rc == RC_ABSENT)
		return err_set(
		    err, rc, "there is no request \"%s\"", line->name);
	return rc;
}

/* -- the line -- */

static const struct {
	const char *name;
	size_t words; /* behind the name */
	enum rc (*run)(const struct line *line, struct authority_home *home,
	    struct err *err);
} acts[] = {
    {"list", 1, list},
    {"show", 2, show},
    {"evidence", 3, print_file},
    {"ask", 1, ask},
    {"attach", 2, attach},
    {"check", 2, say},
    {"approve", 2, say},
    {"refuse", 2, say},
    {"withdraw", 2, say},
};
#define ACTS (sizeof(acts) / sizeof(acts[0]))

static void
print_help(const struct option *table)
{
	printf("usage: letterlock-authority desk list DIR [--ever]\n"
	       "       letterlock-authority desk show DIR NAME\n"
	       "       letterlock-authority desk evidence DIR NAME FILE\n"
	       "       letterlock-authority desk ask DIR --address ADDRESS "
	       "--level LEVEL ...\n"
	       "       letterlock-authority desk attach DIR NAME --evidence "
	       "FILE\n"
	       "       letterlock-authority desk "
	       "check|approve|refuse|withdraw DIR NAME\n"
	       "           --seen NUMBER --certificate FILE --key FILE "
	       "[--note TEXT] [--until DAY]\n\n"
	       "Find out who somebody is: one operator checks, another "
	       "approves.\n\n");
	options_help(table);
}

static enum rc
run(struct line *line, const struct strlist *words, struct err *err)
{
	struct authority_home home AUTHORITY_HOME_OWNED = {0};

	for (size_t i = 0; i < ACTS; i++) {
		if (words->len == 0 ||
		    strcmp(acts[i].name, words->item[0]) != 0 ||
		    words->len != acts[i].words + 1)
			continue;
		line->act = words->item[0];
		line->folder = words->item[1];
		line->name = words->len > 2 ? words->item[2] : NULL;
		line->file = words->len > 3 ? words->item[3] : NULL;
		TRY(authority_home_settings(line->folder, &home, err));
		TRY(authority_home_connect(&home, err));
		return acts[i].run(line, &home, err);
	}
	return err_set(err, RC_SYNTAX,
	    "want desk list, show, evidence, ask, attach, check, approve, "
	    "refuse or withdraw; see desk --help");
}

enum rc
desk_command(int argc, char **argv, struct err *err)
{
	struct strlist words STRLIST_OWNED = STRLIST_NONE;
	struct line line = {0};
#define TEXT(name, into, value, help)                             \
	{                                                         \
		name, OPTION_TEXT, &line.into, value, help, false \
	}
	const struct option table[] = {
	    TEXT("address", address, "ADDRESS", "whose mailbox"),
	    TEXT(
		"level", level, "LEVEL", "individual, organization or sponsor"),
	    TEXT("given-name", field[CLAIM_GIVEN_NAME], "TEXT", "of a person"),
	    TEXT("surname", field[CLAIM_SURNAME], "TEXT", "of a person"),
	    TEXT("pseudonym", field[CLAIM_PSEUDONYM], "TEXT",
		"instead of a person's names"),
	    TEXT("organization", field[CLAIM_ORGANIZATION], "TEXT",
		"its registered name"),
	    TEXT("organization-identifier",
		field[CLAIM_ORGANIZATION_IDENTIFIER], "TEXT",
		"in a register: NTRGB-12345678"),
	    TEXT("country", field[CLAIM_COUNTRY], "CODE", "two letters"),
	    TEXT("state", field[CLAIM_STATE], "TEXT", "or province"),
	    TEXT("locality", field[CLAIM_LOCALITY], "TEXT", "town"),
	    TEXT("evidence", evidence, "FILE", "to attach"),
	    TEXT("certificate", certificate, "FILE",
		"signing certificate of the operator who speaks, PEM"),
	    TEXT("key", key, "FILE", "its key, PEM"),
	    TEXT("seen", seen, "NUMBER",
		"what desk show told, when the operator looked"),
	    TEXT("note", note, "TEXT", "what was looked at, or why not"),
	    TEXT("until", until, "DAY",
		"last day on which it is in force (default: as long as may "
		"be)"),
	    {"ever", OPTION_FLAG, &line.ever, NULL,
		"also what is decided and over", false},
	    {"help", OPTION_FLAG, &line.help, NULL, "this text", false}, {0}};
#undef TEXT

	TRY(options_parse(argc - 1, argv + 1, table, &words, err));
	if (line.help) {
		print_help(table);
		return RC_OK;
	}
	return run(&line, &words, err);
}
