/* Where the views of a mailbox are, and what becomes of them with it. */
#include "edge/imap_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/hex.h"
#include "os/log.h"

#define NAME_MAX_LEN 96
#define FOLDER "views"
/* Letters of a mailbox that is renamed: more are judged anew, for each is
 * written to the disk while the program waits. */
#define MOVED_MAX 2000

/* RFC 3501 section 5.1: INBOX is "a case-insensitive name" */
static struct span
fold_inbox(struct span mailbox)
{
	return span_is_nocase(mailbox, "INBOX") ? span_str("INBOX") : mailbox;
}

static enum rc
mac_of(const struct agent *agent, const char *label, const struct buf *what,
    struct buf *ret, struct err *err)
{
	uint8_t mac[32];

	TRY(wrap_mac(state_key(agent->state), label, buf_span(what), mac, err));
	return hex_encode(span_of(mac, 16), ret, err);
}

enum rc
imap_view_folder_init(const struct agent *agent, struct span mailbox,
    uint32_t validity, struct imap_view_folder *ret, struct err *err)
{
	struct buf what BUF_OWNED = BUF_SMALL;
	struct buf hex BUF_OWNED = BUF(80);

	TRY(buf_add_format(
	    &what, err, "%u %s ", validity, agent->account->address));
	TRY(buf_add(&what, fold_inbox(mailbox), err));
	TRY(mac_of(agent, "views", &what, &hex, err));
	(void)snprintf(ret->name, sizeof(ret->name), FOLDER "/%.*s",
	    SPAN_ARGS(buf_span(&hex)));
	return RC_OK;
}

static enum rc
mailbox_item(const struct agent *agent, struct span mailbox,
    char ret[NAME_MAX_LEN], struct err *err)
{
	struct buf what BUF_OWNED = BUF_SMALL;
	struct buf hex BUF_OWNED = BUF(80);

	TRY(buf_add_format(&what, err, "%s ", agent->account->address));
	TRY(buf_add(&what, fold_inbox(mailbox), err));
	TRY(mac_of(agent, "mailboxes", &what, &hex, err));
	(void)snprintf(
	    ret, NAME_MAX_LEN, "mailboxes/%.*s", SPAN_ARGS(buf_span(&hex)));
	return RC_OK;
}

/* Only a name that we could have given ourselves. */
static void
take_name(const struct buf *name, struct imap_view_folder *ret)
{
	if (span_starts(buf_span(name), FOLDER "/"))
		(void)snprintf(ret->name, sizeof(ret->name), "%.*s",
		    SPAN_ARGS(buf_span(name)));
}

enum rc
imap_view_folder_renew(const struct agent *agent, struct span mailbox,
    const struct imap_view_folder *now, struct imap_view_folder *ret_old,
    struct err *err)
{
	struct buf was BUF_OWNED = BUF(IMAP_VIEW_FOLDER_MAX - 1);
	struct err ignored = ERR_NONE;
	char name[NAME_MAX_LEN];

	ret_old->name[0] = '\0';
	TRY(mailbox_item(agent, mailbox, name, err));
	enum rc rc = state_load(agent->state, name, &was, &ignored);
	if (rc == RC_OK && span_is(buf_span(&was), span_str(now->name)))
		return RC_OK;
	if (rc == RC_OK)
		take_name(&was, ret_old);
	return state_save(agent->state, name, span_str(now->name), err);
}

/* --- all of them --- */

struct walk {
	const struct agent *agent;
	enum rc (*folder)(
	    void *self, const struct imap_view_folder *folder, struct err *err);
	enum rc (*letter)(void *self, uint32_t uid, struct err *err);
	void *self;
};

static enum rc find_folder(const struct agent *agent, const char *item,
    struct imap_view_folder *ret, struct err *err);

/* One that is damaged or just gone is left out. */
static enum rc
walk_folder(void *self, const char *name, struct err *err)
{
	const struct walk *walk = self;
	struct imap_view_folder folder;
	struct err ignored = ERR_NONE;

	if (find_folder(walk->agent, name, &folder, &ignored) != RC_OK)
		return RC_OK;
	return walk->folder(walk->self, &folder, err);
}

enum rc
imap_view_each_folder(const struct agent *agent,
    enum rc (*each)(
	void *self, const struct imap_view_folder *folder, struct err *err),
    void *self, struct err *err)
{
	struct walk walk = {agent, each, NULL, self};

	return state_each(agent->state, "mailboxes", walk_folder, &walk, err);
}

/* "views/MAC/UID.letter" */
static enum rc
walk_letter(void *self, const char *name, struct err *err)
{
	const struct walk *walk = self;
	char *end;
	unsigned long uid = strtoul(strrchr(name, '/') + 1, &end, 10);

	if (strcmp(end, ".letter") != 0 || uid == 0 || uid > UINT32_MAX)
		return RC_OK;
	return walk->letter(walk->self, (uint32_t)uid, err);
}

enum rc
imap_view_each(const struct agent *agent, const struct imap_view_folder *folder,
    enum rc (*each)(void *self, uint32_t uid, struct err *err), void *self,
    struct err *err)
{
	struct walk walk = {agent, NULL, each, self};

	return state_each(agent->state, folder->name, walk_letter, &walk, err);
}

/* --- when it goes, or has another name --- */

static bool
nothing(const void *self, uint32_t uid)
{
	(void)self, (void)uid;
	return false;
}

/* RC_ABSENT: nothing is kept of it. */
static enum rc
find_folder(const struct agent *agent, const char *item,
    struct imap_view_folder *ret, struct err *err)
{
	struct buf was BUF_OWNED = BUF(IMAP_VIEW_FOLDER_MAX - 1);

	ret->name[0] = '\0';
	TRY(state_load(agent->state, item, &was, err));
	take_name(&was, ret);
	return ret->name[0] != '\0' ? RC_OK : RC_ABSENT;
}

enum rc
imap_view_mailbox_forget(
    const struct agent *agent, struct span mailbox, struct err *err)
{
	struct imap_view_folder folder;
	char item[NAME_MAX_LEN];

	TRY(mailbox_item(agent, mailbox, item, err));
	enum rc rc = find_folder(agent, item, &folder, err);
	if (rc == RC_ABSENT)
		return RC_OK;
	TRY(rc);
	imap_view_sweep(agent, &folder, UINT32_MAX, nothing, NULL);
	return state_forget(agent->state, item, err);
}

struct move {
	const struct agent *agent;
	const struct imap_view_folder *from, *to;
	unsigned moved;
};

/* "views/MAC/UID": its other items go with it. */
static enum rc
move_one(void *self, const char *name, struct err *err)
{
	struct move *move = self;
	const char *last = strrchr(name, '/') + 1;
	char *end;
	unsigned long uid = strtoul(last, &end, 10);

	if (*end != '\0' || uid == 0 || uid > UINT32_MAX ||
	    move->moved == MOVED_MAX)
		return RC_OK;
	move->moved++;
	return imap_view_copy(move->agent, move->from, (uint32_t)uid, move->to,
	    (uint32_t)uid, err);
}

enum rc
imap_view_mailbox_move(const struct agent *agent, struct span from,
    struct span to, uint32_t validity, struct err *err)
{
	struct imap_view_folder was, same, now, old;
	char item[NAME_MAX_LEN];

	TRY(mailbox_item(agent, from, item, err));
	enum rc rc = find_folder(agent, item, &was, err);
	if (rc == RC_ABSENT)
		return RC_OK;
	TRY(rc);
	TRY(imap_view_folder_init(agent, from, validity, &same, err));
	TRY(imap_view_folder_init(agent, to, validity, &now, err));
	struct move move = {agent, &was, &now, 0};
	if (validity != 0 && !strcmp(was.name, same.name)) {
		TRY(state_each(agent->state, was.name, move_one, &move, err));
		TRY(imap_view_folder_renew(agent, to, &now, &old, err));
	}
	return imap_view_mailbox_forget(agent, from, err);
}
