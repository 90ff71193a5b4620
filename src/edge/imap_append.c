#include "edge/imap_flags.h"
#include "edge/imap_session_priv.h"
#include "os/clock.h"
#include "os/log.h"

#define SEALED_MAX ((size_t)160 << 20)

/* What is to be appended: "APPEND mailbox (flags) "date"", and the letter. */
struct append {
	struct buf command;
	struct imap_token letter;
};

static enum rc
take_mailbox(struct imap_walk *args, struct buf *command, struct err *err)
{
	struct imap_token token;
	struct buf mailbox BUF_OWNED = BUF(4096);

	TRY(imap_walk_next(args, &token, err));
	TRY(imap_token_value(&token, &mailbox, err));
	TRY(buf_add_str(command, "APPEND ", err));
	return imap_print_string(buf_span(&mailbox), command, err);
}

static enum rc
take_flags(struct imap_walk *args, struct buf *command, struct err *err)
{
	if (!span_starts(span_trim(args->rest), "("))
		return RC_OK;
	TRY(buf_add_str(command, " ", err));
	return imap_flags_read(args, command, err);
}

/* RFC 3501 section 9: append = "APPEND" SP mailbox [SP flag-list]
 * [SP date-time] SP literal */
static enum rc
take_letter(struct imap_walk *args, struct append *append, struct err *err)
{
	struct imap_token token;

	TRY(imap_walk_next(args, &token, err));
	if (token.kind == IMAP_STRING && span_starts(token.whole, "\"")) {
		TRY(buf_add_str(&append->command, " ", err));
		TRY(buf_add(&append->command, token.whole, err));
		TRY(imap_walk_next(args, &token, err));
	}
	if (token.kind != IMAP_STRING || !span_starts(token.whole, "{"))
		return err_set(err, RC_SYNTAX, "the letter is missing");
	append->letter = token;
	TRY(imap_walk_next(args, &token, err));
	return token.kind == IMAP_END
		   ? RC_OK
		   : err_set(err, RC_SYNTAX, "one letter at a time");
}

static enum rc
parse_append(struct imap_walk *args, struct append *append, struct err *err)
{
	TRY(take_mailbox(args, &append->command, err));
	TRY(take_flags(args, &append->command, err));
	return take_letter(args, append, err);
}

/* Drafts and sent copies lie on the mail server like every letter: sealed,
 * here to their writer only.  What is sealed already (a letter copied from
 * one account to another) stays what it is. */
static enum rc
seal(const struct agent *agent, struct span letter, struct buf *out,
    struct err *err)
{
	struct sender sender = agent->sender;

	if (outgoing_is_sealed(letter))
		return buf_add(out, letter, err);
	sender.now = clock_now();
	return outgoing_keep(letter, &sender, out, err);
}

static enum rc
refuse_letter(
    struct imap_session *s, enum rc rc, const struct err *why, struct err *err)
{
	log_warning("imap: letter not kept: %s", why->text);
	return imap_reply(s, err, "NO [%s] the letter cannot be sealed: %s",
	    rc == RC_LIMIT ? "LIMIT" : "CANNOT", why->text);
}

static enum rc
run_append(struct imap_session *s, struct append *append, struct err *err)
{
	struct buf sealed BUF_OWNED = BUF(SEALED_MAX);
	struct err why = ERR_NONE;

	enum rc rc = seal(s->agent, append->letter.value, &sealed, &why);
	if (rc != RC_OK)
		return refuse_letter(s, rc, &why, err);
	TRY(buf_add_format(&append->command, err, " {%zu}\r\n", sealed.len));
	TRY(buf_add(&append->command, buf_span(&sealed), err));
	buf_done(&sealed);
	return imap_upstream_relay(s, buf_span(&append->command), err);
}

enum rc
imap_do_append(struct imap_session *s, struct imap_walk *args, struct err *err)
{
	struct append append = {
	    BUF(SEALED_MAX + 65536), {IMAP_END, SPAN_NONE, SPAN_NONE, false}};
	struct err why = ERR_NONE;

	enum rc rc = parse_append(args, &append, &why);
	if (rc == RC_REFUSED)
		rc = imap_reply(s, err, "NO [CANNOT] %s", why.text);
	else if (rc != RC_OK)
		rc = imap_reply_bad(s, &why, err);
	else
		rc = run_append(s, &append, err);
	buf_done(&append.command);
	return rc;
}
