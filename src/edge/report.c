#include "edge/report.h"

#include "codec/when.h"
#include "os/clock.h"
#include "os/random.h"

/* Each recipient with the server's words, 300 bytes at most, and where it was
 * sent first, 500: a report that did not fit would be tried for ever, and its
 * sender never told. */
#define REPORT_MAX ((size_t)OUTGOING_COPIES_MAX * 2048 + (size_t)16 * 1024)

static const struct phrases {
	const char *subject, *text, *action, *status;
} says[] = {
    [REPORT_FAILED] = {"Not delivered",
	"A letter of yours could not be delivered. Nothing of it was\r\n"
	"shown to anybody.\r\n",
	"failed", "5.0.0"},
    [REPORT_RELAYED] = {"Handed on",
	"Your mail server has taken a letter of yours. It does not tell\r\n"
	"whether it was delivered.\r\n",
	"relayed", "2.0.0"},
};

bool
report_wanted(
    const struct spool_letter *letter, size_t i, enum report_action action)
{
	unsigned notify = 0;

	if (letter->notify.len > 0 && letter->notify.item[i][0] != '\0' &&
	    !smtp_notify_parse(span_str(letter->notify.item[i]), &notify))
		notify = 0; /* what cannot be read is not left untold */
	if (action == REPORT_RELAYED)
		return (notify & SMTP_NOTIFY_SUCCESS) != 0;
	return smtp_notify_has_failure(notify);
}

static bool
wants_any(const struct spool_letter *letter, enum report_action action)
{
	for (size_t i = 0; i < letter->to.len; i++)
		if (report_wanted(letter, i, action))
			return true;
	return false;
}

static enum rc
print_head(const char *me, const struct phrases *phrases, struct span boundary,
    struct buf *out, struct err *err)
{
	char date[WHEN_TEXT_MAX];

	when_print_mail(clock_now(), date);
	return buf_add_format(out, err,
	    "From: %s\r\nTo: %s\r\nDate: %s\r\n"
	    "Subject: %s\r\nAuto-Submitted: auto-replied\r\n"
	    "Message-ID: <%.*s@letterlock.invalid>\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: multipart/report; report-type=delivery-status;\r\n"
	    " boundary=\"%.*s\"\r\n\r\n",
	    me, me, date, phrases->subject, SPAN_ARGS(boundary),
	    SPAN_ARGS(boundary));
}

/* RFC 3464 section 2.2.1: the ENVID as it was before it was an xtext. */
static enum rc
print_envelope(
    const struct spool_letter *letter, struct buf *out, struct err *err)
{
	TRY(buf_add_str(
	    out, "Reporting-MTA: dns; letterlock.invalid\r\n", err));
	if (letter->envid == NULL || letter->envid[0] == '\0')
		return RC_OK;
	TRY(buf_add_str(out, "Original-Envelope-Id: ", err));
	TRY(smtp_dsn_decode(span_str(letter->envid), out, err));
	return buf_add_str(out, "\r\n", err);
}

/* "rfc822;bob+2Bx@b.example", as "rfc822;bob+x@b.example" */
static enum rc
print_original(struct span orcpt, struct buf *out, struct err *err)
{
	ptrdiff_t semicolon = span_find_byte(orcpt, ';');

	if (semicolon <= 0)
		return RC_OK;
	struct span type = span_first(orcpt, (size_t)semicolon);
	struct span address = span_after(orcpt, type.len + 1);
	TRY(buf_add_format(
	    out, err, "Original-Recipient: %.*s;", SPAN_ARGS(type)));
	if (span_is_nocase(type, "utf-8"))
		TRY(buf_add(out, address, err));
	else
		TRY(smtp_dsn_decode(address, out, err));
	return buf_add_str(out, "\r\n", err);
}

/* What a report is printed from. */
struct report {
	const struct spool_letter *letter;
	enum report_action action;
	const char *why;
};

static enum rc
print_recipient(
    const struct report *report, size_t i, struct buf *out, struct err *err)
{
	const struct spool_letter *letter = report->letter;
	const struct phrases *phrases = &says[report->action];

	TRY(buf_add_str(out, "\r\n", err));
	if (letter->orcpt.len > 0)
		TRY(print_original(span_str(letter->orcpt.item[i]), out, err));
	return buf_add_format(out, err,
	    "Final-Recipient: rfc822; %s\r\nAction: %s\r\n"
	    "Status: %s\r\nDiagnostic-Code: smtp; %s\r\n",
	    letter->to.item[i], phrases->action, phrases->status, report->why);
}

static enum rc
print_report(const char *me, const struct report *report, struct buf *out,
    struct err *err)
{
	const struct spool_letter *letter = report->letter;
	const struct phrases *phrases = &says[report->action];
	struct buf random BUF_OWNED = BUF(128);

	TRY(random_text(18, &random, err));
	struct span boundary = buf_span(&random);
	TRY(print_head(me, phrases, boundary, out, err));
	TRY(buf_add_format(out, err,
	    "--%.*s\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
	    "%s\r\nMessage-ID: %s\r\nReason: %s\r\n\r\n"
	    "--%.*s\r\nContent-Type: message/delivery-status\r\n\r\n",
	    SPAN_ARGS(boundary), phrases->text,
	    letter->message_id != NULL ? letter->message_id : "unknown",
	    report->why, SPAN_ARGS(boundary)));
	TRY(print_envelope(letter, out, err));
	for (size_t i = 0; i < letter->to.len; i++)
		if (report_wanted(letter, i, report->action))
			TRY(print_recipient(report, i, out, err));
	return buf_add_format(
	    out, err, "\r\n--%.*s--\r\n", SPAN_ARGS(boundary));
}

/* In the spool before the letter it is about leaves it. */
static enum rc
spool_it(
    const struct agent *agent, const struct report *report, struct err *err)
{
	struct sender sender = agent->sender;
	struct buf text BUF_OWNED = BUF(REPORT_MAX);
	struct spool_letter letter SPOOL_LETTER_OWNED = {
	    .bytes = BUF(REPORT_MAX * 4), .accepted = clock_now()};
	uint64_t id = 0;

	sender.now = clock_now();
	TRY(print_report(agent->account->address, report, &text, err));
	TRY(outgoing_keep(buf_span(&text), &sender, &letter.bytes, err));
	TRY(span_dup(span_str(""), &letter.from, err));
	TRY(span_dup(span_str("report"), &letter.message_id, err));
	TRY(strlist_add_str(&letter.to, agent->account->address, err));
	TRY(spool_add(agent->spool, &letter, 1, &id, err));
	return spool_later(agent->spool, id, 0, "", err);
}

enum rc
report_spool(const struct agent *agent, const struct spool_letter *letter,
    enum report_action action, const char *why, struct err *err)
{
	const struct report report = {letter, action, why};

	if (letter->from[0] == '\0' || !wants_any(letter, action))
		return RC_OK;
	return spool_it(agent, &report, err);
}
