#include "codec/crlf.h"
#include "edge/imap_flags.h"
#include "edge/imap_session_priv.h"
#include "flow/answering.h"
#include "flow/rest.h"
#include "mime/address.h"
#include "os/clock.h"
#include "os/log.h"

OWNER(struct entity, entity_free);

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
 * [SP date-time] SP literal; RFC 3516 section 4.4: or literal8 */
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
	if (token.kind != IMAP_STRING || span_starts(token.whole, "\""))
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

/* Was it written here?  Then it is signed as the reader's own; what is copied
 * from elsewhere is not, and is judged as it came. */
static enum rest_kind
kind_of(const struct agent *agent, const struct entity *letter)
{
	struct mailboxes from MAILBOXES_OWNED = MAILBOXES_NONE;
	struct err ignored = ERR_NONE;

	if (fields_count(&letter->fields, "From") == 1 &&
	    mailboxes_parse(fields_value(&letter->fields, "From"), &from,
		&ignored) == RC_OK &&
	    from.len == 1 &&
	    address_equal(from.item[0].address, agent->account->address))
		return REST_KEPT;
	return REST_CAME;
}

/* What has another form than mail has on its way (a bare CR) cannot come back
 * byte for byte: it is kept as a letter of its writer. */
static enum rc
keep(const struct agent *agent, const struct entity *parsed, struct span letter,
    struct buf *out, struct err *err)
{
	struct source_memory memory = {.bytes = letter};
	const struct source source = source_memory(&memory);
	const struct sink sink = sink_buf(out);
	const struct rest_frame frame = {kind_of(agent, parsed), NULL};
	struct sender sender = agent->sender;
	struct protect_reference secrets REFERENCE_OWNED = REFERENCE_NONE;
	const struct answering by = {.state = agent->state,
	    .own = agent->account->address,
	    .now = clock_now()};
	size_t was = out->len;
	struct err why = ERR_NONE;

	TRY(answering_secrets(letter, &by, &secrets, err));
	sender.reference = &secrets;
	sender.now = by.now;
	enum rc rc = rest_write(&source, &frame, &sender, &sink, &why);
	if (rc == RC_OK)
		return RC_OK;
	buf_cut(out, was);
	return rc == RC_UNFIT ? outgoing_keep(letter, &sender, out, err)
			      : err_set(err, rc, "%s", why.text);
}

/* Drafts and sent copies lie on the mail server like every letter: sealed,
 * here to their writer only.  What is sealed already (a letter copied from
 * one account to another) stays what it is. */
static enum rc
seal(const struct agent *agent, const struct imap_token *token, struct buf *out,
    struct err *err)
{
	struct span letter = token->value;
	struct entity *parsed OWNED(entity_free) = NULL;
	struct source_memory memory = {.bytes = letter};
	const struct source source = source_memory(&memory);
	struct buf lines BUF_OWNED = BUF_SECRET(SEALED_MAX);
	struct crlf_writer writer = CRLF_WRITER;
	bool sealed = false;

	TRY(rest_is_sealed(&source, &sealed, err));
	if (sealed)
		return buf_add(out, letter, err);
	/* RFC 3501 section 2.3: lines end in CRLF; some programs forget.  In a
	 * literal8 (RFC 3516) a line end may be none. */
	if (!span_starts(token->whole, "~")) {
		TRY(crlf_write(&writer, letter, &lines, err));
		letter = buf_span(&lines);
	}
	TRY(entity_parse(letter, ENTITY_LIMITS, &parsed, err));
	return keep(agent, parsed, letter, out, err);
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

	enum rc rc = seal(s->agent, &append->letter, &sealed, &why);
	if (rc != RC_OK)
		return refuse_letter(s, rc, &why, err);
	/* RFC 3516 section 4.4: only a literal8 may hold NUL */
	bool binary = span_find_byte(buf_span(&sealed), 0) >= 0;
	if (binary && !imap_upstream_can(s, "BINARY"))
		return imap_reply(
		    s, err, "NO [UNKNOWN-CTE] the mail server takes no NUL");
	TRY(buf_add_format(&append->command, err, " %s{%zu}\r\n",
	    binary ? "~" : "", sealed.len));
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
	if (rc == RC_OK && span_starts(append.letter.whole, "~") &&
	    !imap_upstream_can(s, "BINARY"))
		rc = err_set(&why, RC_SYNTAX, "literal8 is not offered");
	if (rc == RC_REFUSED)
		rc = imap_reply(s, err, "NO [CANNOT] %s", why.text);
	else if (rc != RC_OK)
		rc = imap_reply_bad(s, &why, err);
	else
		rc = run_append(s, &append, err);
	buf_done(&append.command);
	return rc;
}
