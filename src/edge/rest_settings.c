#include "edge/rest_settings.h"

#include <stdio.h>
#include <stdlib.h>

#define ITEM "rest"
#define ITEM_MAX ((size_t)2 << 20)
#define FIRST_LINE "letterlock-rest 1"
#define MAILBOX_MAX 1024

void
rest_settings_done(struct rest_settings *settings)
{
	strlist_done(&settings->seal);
	strlist_done(&settings->restore);
	*settings = REST_SETTINGS_NONE;
}

static const char *const modes[] = {"leave", "seal", "restore"};
#define MODES (sizeof(modes) / sizeof(modes[0]))

#define DIGITS_MAX 18

struct span
rest_word(struct span *line)
{
	struct span text = span_trim(*line);
	ptrdiff_t end = span_find_byte(text, ' ');
	struct span word = end < 0 ? text : span_first(text, (size_t)end);

	*line = span_after(text, word.len);
	return word;
}

bool
rest_number(struct span *line, uint64_t *ret)
{
	struct span word = rest_word(line);
	uint64_t number = 0;

	if (word.len == 0 || word.len > DIGITS_MAX)
		return false;
	for (size_t i = 0; i < word.len; i++) {
		if (word.data[i] < '0' || word.data[i] > '9')
			return false;
		number = number * 10 + (uint64_t)(word.data[i] - '0');
	}
	*ret = number;
	return true;
}

/* --- on the disk ---------------------------------------------------------------*/

static struct span
take_line(struct span *rest)
{
	ptrdiff_t end = span_find_byte(*rest, '\n');
	struct span line = end < 0 ? *rest : span_first(*rest, (size_t)end);

	*rest = span_after(*rest, end < 0 ? rest->len : (size_t)end + 1);
	return line;
}

static enum rc
parse_mode(struct span word, enum rest_mode *ret, struct err *err)
{
	for (size_t i = 0; i < MODES; i++)
		if (span_is(word, span_str(modes[i]))) {
			*ret = (enum rest_mode)i;
			return RC_OK;
		}
	return err_set(err, RC_SYNTAX, "rest: no such mode");
}

/* "copied SECONDS DIGEST" */
static enum rc
parse_copied(struct span value, struct rest_settings *ret, struct err *err)
{
	char text[32 + REST_KEYS_LEN + 1] = "";

	if (value.len < REST_KEYS_LEN + 2 || value.len >= sizeof(text))
		return err_set(err, RC_SYNTAX, "rest: damaged");
	(void)snprintf(text, sizeof(text), "%.*s", SPAN_ARGS(value));
	ret->copied_at = strtoll(text, NULL, 10);
	memcpy(ret->copied, text + value.len - REST_KEYS_LEN, REST_KEYS_LEN);
	ret->copied[REST_KEYS_LEN] = '\0';
	return RC_OK;
}

static enum rc
parse_line(struct span line, struct rest_settings *ret, struct err *err)
{
	static const char all[] = "all ", copied[] = "copied ";
	static const char seal[] = "seal ", restore[] = "restore ";

	if (span_starts(line, all))
		return parse_mode(
		    span_after(line, strlen(all)), &ret->mode, err);
	if (span_starts(line, copied))
		return parse_copied(span_after(line, strlen(copied)), ret, err);
	if (span_starts(line, seal))
		return strlist_add(
		    &ret->seal, span_after(line, strlen(seal)), err);
	if (span_starts(line, restore))
		return strlist_add(
		    &ret->restore, span_after(line, strlen(restore)), err);
	return err_set(err, RC_SYNTAX, "rest: damaged");
}

static enum rc
parse(struct span text, struct rest_settings *ret, struct err *err)
{
	struct span first = take_line(&text);

	if (!span_is(first, span_str(FIRST_LINE)))
		return err_set(
		    err, RC_SYNTAX, "rest: of another version of letterlock");
	while (text.len > 0)
		TRY(parse_line(take_line(&text), ret, err));
	return RC_OK;
}

enum rc
rest_settings_load(
    const struct state *state, struct rest_settings *ret, struct err *err)
{
	struct rest_settings read REST_SETTINGS_OWNED = REST_SETTINGS_NONE;
	struct buf text BUF_OWNED = BUF(ITEM_MAX);
	struct err why = ERR_NONE;

	enum rc rc = state_load(state, ITEM, &text, &why);
	if (rc == RC_ABSENT)
		return RC_OK;
	if (rc != RC_OK)
		return err_set(err, rc, "%s", why.text);
	TRY(parse(buf_span(&text), &read, err));
	rest_settings_done(ret);
	*ret = read;
	read = REST_SETTINGS_NONE;
	return RC_OK;
}

static enum rc
print_names(const char *word, const struct strlist *names, struct buf *out,
    struct err *err)
{
	for (size_t i = 0; i < names->len; i++)
		TRY(buf_add_format(out, err, "%s %s\n", word, names->item[i]));
	return RC_OK;
}

enum rc
rest_settings_save(const struct state *state,
    const struct rest_settings *settings, struct err *err)
{
	struct buf text BUF_OWNED = BUF(ITEM_MAX);

	TRY(buf_add_format(
	    &text, err, FIRST_LINE "\nall %s\n", modes[settings->mode]));
	if (settings->copied_at != 0)
		TRY(buf_add_format(&text, err, "copied %lld %s\n",
		    (long long)settings->copied_at, settings->copied));
	TRY(print_names("seal", &settings->seal, &text, err));
	TRY(print_names("restore", &settings->restore, &text, err));
	return state_save(state, ITEM, buf_span(&text), err);
}

/* --- which mailbox -------------------------------------------------------------*/

/* RFC 3501 section 5.1: INBOX is INBOX in any case. */
static bool
has(const struct strlist *list, const char *mailbox)
{
	return strlist_has(list, mailbox) ||
	       (span_is_nocase(span_str(mailbox), "INBOX") &&
		   strlist_has_nocase(list, mailbox));
}

enum rest_mode
rest_settings_of(const struct rest_settings *settings, const char *mailbox)
{
	if (has(&settings->seal, mailbox))
		return REST_SEAL;
	if (has(&settings->restore, mailbox))
		return REST_RESTORE;
	return settings->mode;
}

bool
rest_settings_any(const struct rest_settings *settings)
{
	return settings->mode != REST_LEAVE || settings->seal.len > 0 ||
	       settings->restore.len > 0;
}

static enum rc
without(const struct strlist *list, const char *mailbox, struct strlist *ret,
    struct err *err)
{
	struct strlist one STRLIST_OWNED = STRLIST_NONE;

	for (size_t i = 0; i < list->len; i++) {
		strlist_done(&one);
		TRY(strlist_add_str(&one, list->item[i], err));
		if (!has(&one, mailbox))
			TRY(strlist_add_str(ret, list->item[i], err));
	}
	return RC_OK;
}

static enum rc
set_one(struct rest_settings *settings, const char *mailbox,
    enum rest_mode mode, struct err *err)
{
	struct rest_settings new REST_SETTINGS_OWNED = REST_SETTINGS_NONE;
	struct strlist old;

	if (mailbox[0] == '\0' || strlen(mailbox) > MAILBOX_MAX ||
	    strpbrk(mailbox, "\r\n") != NULL)
		return err_set(err, RC_SYNTAX, "this is no name of a mailbox");
	TRY(without(&settings->seal, mailbox, &new.seal, err));
	TRY(without(&settings->restore, mailbox, &new.restore, err));
	if (new.seal.len + new.restore.len >= REST_FOLDERS_MAX)
		return err_set(err, RC_LIMIT, "more than %d mailboxes by name",
		    REST_FOLDERS_MAX);
	TRY(strlist_add_str(
	    mode == REST_SEAL ? &new.seal : &new.restore, mailbox, err));
	old = settings->seal, settings->seal = new.seal, new.seal = old;
	old = settings->restore, settings->restore = new.restore,
	new.restore = old;
	return RC_OK;
}

enum rc
rest_settings_set(struct rest_settings *settings, const char *mailbox,
    enum rest_mode mode, struct err *err)
{
	if (mailbox != NULL)
		return set_one(settings, mailbox, mode, err);
	settings->mode = mode;
	strlist_done(&settings->seal);
	strlist_done(&settings->restore);
	return RC_OK;
}
