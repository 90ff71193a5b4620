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
    [GUARD_UNDO] = "Two of the authority's operators decide on this.  ",
};

enum rc
guard_letter_print(
    const struct guard_letter *letter, struct buf *out, struct err *err)
{
	const struct guard *guard = letter->guard;
	char date[WHEN_TEXT_MAX], until[WHEN_TEXT_MAX];

	when_print_mail(guard->created, date);
	when_print(guard->expires, until);
	return buf_add_format(out, err,
	    "Auto-Submitted: auto-generated\r\n"
	    "Date: %s\r\n"
	    "Message-ID: %s\r\n"
	    "From: %s\r\n"
	    "To: %s\r\n"
	    "Subject: Somebody wants something for your mailbox\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=us-ascii\r\n"
	    "Content-Transfer-Encoding: 7bit\r\n"
	    "\r\n"
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
	    date, letter->message_id, letter->from, guard->address,
	    guard->address, wants[guard->kind], advice[guard->kind], until,
	    letter->url, guard->name);
}
