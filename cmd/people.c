/* letterlock people -- whom the reader knows, and what is said to be fine.
 *
 * Works beside a running agent: what is changed is replaced as a whole, and
 * the agent looks at it again with the next letter.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/home.h"
#include "codec/when.h"
#include "flow/lookalike.h"
#include "keydir/history.h"
#include "keydir/own.h"
#include "mime/address.h"
#include "os/clock.h"

OWNER(struct lookalike, lookalike_free);

struct people_options {
	struct home_options home;
	struct strlist words; /* what to do, and with whom */
	bool remove;
	bool unsigned_too;
};

/* --- list --------------------------------------------------------------------*/

struct lines {
	char **item; /* owned */
	size_t len, cap;
};

#define LINES_OWNED __attribute__((cleanup(lines_done)))

static void
lines_done(struct lines *lines)
{
	for (size_t i = 0; i < lines->len; i++)
		free(lines->item[i]);
	free(lines->item);
}

static enum rc
lines_add(struct lines *lines, const struct buf *line, struct err *err)
{
	if (lines->len == lines->cap) {
		size_t cap = lines->cap * 2 + 64;
		char **item = reallocarray(lines->item, cap, sizeof(*item));
		if (item == NULL)
			return err_nomem(err, "people");
		lines->item = item;
		lines->cap = cap;
	}
	TRY(span_dup(buf_span(line), &lines->item[lines->len], err));
	lines->len++;
	return RC_OK;
}

/* It was written by a stranger, and goes to a terminal. */
static enum rc
add_shown(const char *text, struct buf *out, struct err *err)
{
	for (; *text != '\0'; text++) {
		uint8_t c = (uint8_t)*text;
		TRY(buf_add_byte(out, c < ' ' || c == 0x7f ? '?' : c, err));
	}
	return RC_OK;
}

/* The day is enough. */
static enum rc
add_day(const char *what, int64_t when, struct buf *out, struct err *err)
{
	char text[WHEN_TEXT_MAX];

	if (when == 0)
		return RC_OK;
	when_print(when, text);
	return buf_add_format(out, err, "%s %.10s", what, text);
}

static struct span
root_of(const struct history_key *key)
{
	return span_of(key->root, sizeof(key->root));
}

static size_t
count_roots(const struct history *h)
{
	size_t roots = 0;

	for (size_t i = 0; i < h->keys; i++) {
		bool seen = false;
		for (size_t k = 0; k < i; k++)
			seen = seen || span_is(root_of(&h->key[k]),
					   root_of(&h->key[i]));
		roots += !seen;
	}
	return roots;
}

static enum rc
add_letters(const struct history *h, struct buf *out, struct err *err)
{
	if (h->letters == 0)
		return RC_OK;
	TRY(buf_add_format(out, err, "; %u verified letters", h->letters));
	TRY(add_day(" since", h->since, out, err));
	TRY(buf_add_format(
	    out, err, ", %zu keys, %zu roots", h->keys, count_roots(h)));
	if (h->unsigned_too > 0)
		TRY(buf_add_format(out, err, ", %u unsigned", h->unsigned_too));
	return RC_OK;
}

static enum rc
list_one(void *self, const struct history *h, struct err *err)
{
	struct buf line BUF_OWNED = BUF_SMALL;

	TRY(add_shown(h->address, &line, err));
	TRY(add_day("; fine since", h->fine, &line, err));
	if (h->fine_unsigned)
		TRY(buf_add_str(&line, " without signature too", err));
	TRY(add_day("; written to", h->wrote, &line, err));
	if (h->imitates && h->fine == 0)
		TRY(buf_add_str(&line, "; resembles somebody else", err));
	TRY(add_letters(h, &line, err));
	return lines_add(self, &line, err);
}

static int
compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum rc
list(const struct state *state, const struct people_options *o, struct err *err)
{
	struct lines lines LINES_OWNED = {NULL, 0, 0};
	struct strlist own STRLIST_OWNED = STRLIST_NONE;

	(void)o;
	TRY(own_list(state, &own, err));
	TRY(history_each(state, list_one, &lines, err));
	if (lines.len > 1)
		qsort(lines.item, lines.len, sizeof(lines.item[0]),
		    compare_lines);
	for (size_t i = 0; i < own.len; i++)
		printf("own domain %s\n", own.item[i]);
	for (size_t i = 0; i < lines.len; i++)
		printf("%s\n", lines.item[i]);
	return RC_OK;
}

/* --- changes -----------------------------------------------------------------*/

/* The one address that is named, as letters' addresses are written. */
static enum rc
read_address(const char *word, struct mailboxes *ret, struct err *err)
{
	struct err ignored = ERR_NONE;

	if (mailboxes_parse(span_str(word), ret, &ignored) != RC_OK ||
	    ret->len != 1 || ret->has_group)
		return err_set(err, RC_SYNTAX, "%.200s is no address", word);
	return RC_OK;
}

static enum rc
fine(const struct state *state, const struct people_options *o, struct err *err)
{
	struct mailboxes who MAILBOXES_OWNED = MAILBOXES_NONE;

	TRY(read_address(o->words.item[1], &who, err));
	const char *address = who.item[0].address;
	TRY(history_accept(state, address, o->unsigned_too, clock_now(), err));
	TRY(own_touch(state, err));
	printf("%s is fine, as far as it was seen until now%s.\n", address,
	    o->unsigned_too ? ", and without signature" : "");
	return RC_OK;
}

static enum rc
undo(const struct state *state, const struct people_options *o, struct err *err)
{
	struct mailboxes who MAILBOXES_OWNED = MAILBOXES_NONE;

	TRY(read_address(o->words.item[1], &who, err));
	const char *address = who.item[0].address;
	TRY(history_undo(state, address, err));
	TRY(own_touch(state, err));
	printf("%s is judged again as if nothing had been said.\n", address);
	return RC_OK;
}

/* What look-alikes could not be measured by is told now, not passed over
 * later. */
static enum rc
check_domain(const char *domain, struct err *err)
{
	struct lookalike *lookalike OWNED(lookalike_free) = NULL;
	struct err why = ERR_NONE;

	TRY(lookalike_new(&lookalike, err));
	enum rc rc = lookalike_add_own(lookalike, span_str(domain), &why);
	return rc == RC_OK ? RC_OK
			   : err_set(err, rc, "%.200s is no domain: %s", domain,
				 why.text);
}

static enum rc
own(const struct state *state, const struct people_options *o, struct err *err)
{
	const char *domain = o->words.item[1];

	if (o->remove) {
		TRY(own_remove(state, domain, err));
		printf("%s is no own domain any more.\n", domain);
		return RC_OK;
	}
	TRY(check_domain(domain, err));
	TRY(own_add(state, domain, err));
	printf("%s is an own domain.\n", domain);
	return RC_OK;
}

/* --- the command -------------------------------------------------------------*/

static const struct {
	const char *word;
	size_t words; /* with it */
	bool removes; /* --remove has a meaning */
	bool unsigns; /* --unsigned has */
	enum rc (*run)(const struct state *state,
	    const struct people_options *o, struct err *err);
} actions[] = {
    {"list", 1, false, false, list},
    {"fine", 2, false, true, fine},
    {"undo", 2, false, false, undo},
    {"own", 2, true, false, own},
};

static enum rc
run_action(const struct people_options *o, struct err *err)
{
	const size_t count = sizeof(actions) / sizeof(actions[0]);
	struct home home HOME_OWNED;
	size_t i = 0;

	home_init(&home);
	while (i < count && (o->words.len == 0 ||
				strcmp(o->words.item[0], actions[i].word) != 0))
		i++;
	if (i == count || o->words.len != actions[i].words ||
	    (o->remove && !actions[i].removes) ||
	    (o->unsigned_too && !actions[i].unsigns))
		return err_set(err, RC_SYNTAX,
		    "want list, fine ADDRESS [--unsigned], undo ADDRESS or "
		    "own DOMAIN [--remove]");
	TRY(home_open(&home, &o->home, false, err));
	return actions[i].run(home.state, o, err);
}

int
command_people(int argc, char **argv)
{
	struct people_options o = {.words = STRLIST_NONE};
	const struct option options[] = {
	    {"remove", OPTION_FLAG, &o.remove, NULL,
		"with own: the domain is not one's own any more", false},
	    {"unsigned", OPTION_FLAG, &o.unsigned_too, NULL,
		"with fine: its letters without signature are, too", false},
	    HOME_OPTIONS(o.home),
	    {0},
	};
	struct err err = ERR_NONE;

	if (command_helps(argc, argv,
		"people list | fine ADDRESS | undo ADDRESS | own DOMAIN",
		options))
		return EXIT_YES;
	enum rc rc = options_parse(argc, argv, options, &o.words, &err);
	if (rc == RC_OK)
		rc = run_action(&o, &err);
	strlist_done(&o.words);
	return rc == RC_OK ? EXIT_YES : command_failed("people", &err);
}
