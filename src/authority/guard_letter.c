#include "authority/guard_letter.h"

#include "codec/when.h"

static const char *const wants[] = {
    [GUARD_ISSUE] = "a certificate in its name",
    [GUARD_REVOKE] = "that a certificate of it is not valid any more",
    [GUARD_UNDO] = "that all of its certificates are not valid any more",
};

/* Which of them can do what they like, and what they should do. */
static const char *const advice[] = {
    [GUARD_ISSUE] = "A device of yours has to approve this.  ",
    [GUARD_REVOKE] = "A device of yours has to approve this.  ",
    [GUARD_UNDO] = ("Two of the authority's operators, or the owner of its "
		    "domain,\r\ndecide on this.  "),
};

/* What the recovery code approved, for whoever did not use it. */
static const char *const given[] = {
    [GUARD_ISSUE] = "there is another certificate in its name",
    [GUARD_REVOKE] = "a certificate of it is not valid any more",
    [GUARD_UNDO] = "its certificates are not valid any more",
};

struct head {
	const char *from, *to, *message_id, *subject;
	int64_t at;
};

static enum rc
print_head(const struct head *head, struct buf *out, struct err *err)
{
	char date[WHEN_TEXT_MAX];

	when_print_mail(head->at, date);
	return buf_add_format(out, err,
	    "Auto-Submitted: auto-generated\r\n"
	    "Date: %s\r\n"
	    "Message-ID: %s\r\n"
	    "From: %s\r\n"
	    "To: %s\r\n"
	    "Subject: %s\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: 8bit\r\n"
	    "\r\n",
	    date, head->message_id, head->from, head->to, head->subject);
}

static enum rc
begin(const struct guard_letter *letter, int64_t at, const char *subject,
    struct buf *out, struct err *err)
{
	const struct head head = {.from = letter->from,
	    .to = letter->guard->address,
	    .message_id = letter->message_id,
	    .subject = subject,
	    .at = at};

	return print_head(&head, out, err);
}

static enum rc
print_asked(const struct guard_letter *letter, struct buf *out, struct err *err)
{
	const struct guard *guard = letter->guard;
	char until[WHEN_TEXT_MAX];

	when_print(guard->expires, until);
	TRY(begin(letter, guard->created,
	    "Somebody wants something for your mailbox", out, err));
	return buf_add_format(out, err,
	    "Somebody who can read and write the letters of\r\n"
	    "\r\n"
	    "    %s\r\n"
	    "\r\n"
	    "but is none of its devices, wants %s.\r\n"
	    "\r\n"
	    "%sWithout that, nothing\r\n"
	    "happens, and at %s it is refused.\r\n"
	    "\r\n"
	    "If it was not you, on a new device say, then refuse it, and "
	    "change the\r\n"
	    "password of your mailbox: somebody else knows it.\r\n"
	    "\r\n"
	    "    %s/acme/guard/%s\r\n",
	    guard->address, wants[guard->kind], advice[guard->kind], until,
	    letter->url, guard->name);
}

static enum rc
print_given(const struct guard_letter *letter, struct buf *out, struct err *err)
{
	const struct guard *guard = letter->guard;

	TRY(begin(letter, guard->expires - GUARD_FETCH_SECONDS,
	    "The recovery code of your mailbox was used", out, err));
	return buf_add_format(out, err,
	    "The recovery code of\r\n"
	    "\r\n"
	    "    %s\r\n"
	    "\r\n"
	    "was used: %s.\r\n"
	    "\r\n"
	    "If it was not you, then somebody else has the code.  On a device "
	    "of yours\r\n"
	    "make another one (letterlock recovery new), and change the "
	    "password of\r\n"
	    "your mailbox; whoever runs the authority takes the certificate "
	    "back.\r\n"
	    "\r\n"
	    "    %s/acme/guard/%s\r\n",
	    guard->address, given[guard->kind], letter->url, guard->name);
}

enum rc
guard_letter_print(
    const struct guard_letter *letter, struct buf *out, struct err *err)
{
	const struct guard *guard = letter->guard;
	bool code = guard->state == GUARD_APPROVED && guard->by != NULL &&
		    strcmp(guard->by, GUARD_BY_CODE) == 0;

	return code ? print_given(letter, out, err)
		    : print_asked(letter, out, err);
}

enum rc
guard_letter_print_replaced(const struct guard_letter_replaced *letter,
    struct buf *out, struct err *err)
{
	const struct head head = {.from = letter->from,
	    .to = letter->address,
	    .message_id = letter->message_id,
	    .subject = "The recovery code of your mailbox was replaced",
	    .at = letter->at};
	char when[WHEN_TEXT_MAX];

	when_print(letter->at, when);
	TRY(print_head(&head, out, err));
	return buf_add_format(out, err,
	    "At %s a device of\r\n"
	    "\r\n"
	    "    %s\r\n"
	    "\r\n"
	    "made another recovery code: the one that was printed before is "
	    "not good any\r\n"
	    "more.\r\n"
	    "\r\n"
	    "If it was not you, then somebody else has a device of yours.  On "
	    "another one\r\n"
	    "make a code of your own (letterlock recovery new), and tell "
	    "whoever runs the\r\n"
	    "authority, who takes the device's certificates back.\r\n",
	    when, letter->address);
}
