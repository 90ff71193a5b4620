#include "edge/imap_session_priv.h"
#include "os/log.h"

/* What is kept of a letter is of no use once it is gone, and it is the clear
 * text: a letter that the person deletes shall not stay here. */

void
imap_sweep_one(struct imap_session *s, uint32_t number)
{
	const struct imap_uids *uids = &s->box.uids;

	if (number == 0 || number > uids->len || s->box.validity == 0 ||
	    s->box.views.name[0] == '\0')
		return;
	uint32_t uid = uids->place[number - 1].uid;
	if (uid != 0)
		imap_view_remove(s->agent, &s->box.views, uid);
	else
		s->box.swept = false;
}

void
imap_sweep_set(struct imap_session *s, const struct imap_set *set)
{
	const struct imap_uids *uids = &s->box.uids;

	if (s->box.views.name[0] == '\0')
		return;
	for (size_t i = 0; i < uids->len; i++) {
		uint32_t uid = uids->place[i].uid;
		if (imap_set_has(set, uid))
			imap_view_remove(s->agent, &s->box.views, uid);
		if (uid == 0)
			s->box.swept = false;
	}
}

/* They ascend. */
static bool
has_uid(const void *self, uint32_t uid)
{
	const struct imap_uids *uids = self;
	size_t low = 0, high = uids->len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (uids->place[middle].uid == uid)
			return true;
		if (uids->place[middle].uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* Up to the largest UID that was ever given: what came later, another session
 * may have been told of before us (RFC 3501 section 2.3.1.1: UIDs ascend). */
static uint32_t
largest(const struct imap_session *s)
{
	uint32_t last = imap_uids_last(&s->box.uids);
	uint32_t next = s->box.uid_next;

	return next > last && next > 0 ? next - 1 : last;
}

void
imap_sweep_box(struct imap_session *s)
{
	const struct imap_uids *uids = &s->box.uids;

	if (s->box.swept || s->box.validity == 0 ||
	    imap_uids_unknown(uids) != 0)
		return;
	imap_view_sweep(s->agent, &s->box.views, largest(s), has_uid, uids);
	s->box.swept = true;
}

static bool
nothing(const void *self, uint32_t uid)
{
	(void)self, (void)uid;
	return false;
}

/* RFC 3501 section 2.3.1.1: with another UIDVALIDITY, no UID means what it
 * meant. */
void
imap_sweep_renewed(struct imap_session *s, struct span mailbox)
{
	struct imap_view_folder old;
	struct err why = ERR_NONE;

	if (imap_view_folder_renew(
		s->agent, mailbox, &s->box.views, &old, &why) != RC_OK)
		log_warning("views not swept: %s", why.text);
	else if (old.name[0] != '\0')
		imap_view_sweep(s->agent, &old, UINT32_MAX, nothing, NULL);
}
