#include "codec/base64.h"
#include "edge/imap_session_priv.h"
#include "os/log.h"

#define WRONG_MAX 5
#define SASL_MAX 12288 /* RFC 4616: three texts, RFC 4954's line in base64 */

/* --- capabilities --- */

#define EVER (IMAP_CLEAR | IMAP_BEFORE_LOGIN | IMAP_LOGGED_IN | IMAP_SELECTED)

static const struct {
	const char *name;
	unsigned states;
	bool upstream; /* only if the mail server has it */
} offers[] = {
    {"IMAP4rev1", EVER, false},
    {"LITERAL+", EVER, false},
    {"ID", EVER, false},
    {"SASL-IR", IMAP_BEFORE_LOGIN | IMAP_LOGGED_IN | IMAP_SELECTED, false},
    {"ESEARCH", IMAP_LOGGED_IN | IMAP_SELECTED, false},
    {"SEARCHRES", IMAP_LOGGED_IN | IMAP_SELECTED, false},
    {"SORT", IMAP_LOGGED_IN | IMAP_SELECTED, false},
    {"SORT=DISPLAY", IMAP_LOGGED_IN | IMAP_SELECTED, false},
    {"THREAD=ORDEREDSUBJECT", IMAP_LOGGED_IN | IMAP_SELECTED, false},
    {"THREAD=REFERENCES", IMAP_LOGGED_IN | IMAP_SELECTED, false},
    {"AUTH=PLAIN", IMAP_BEFORE_LOGIN, false},
    {"STARTTLS", IMAP_CLEAR, false},
    {"LOGINDISABLED", IMAP_CLEAR, false},
    {"COMPRESS=DEFLATE", IMAP_LOGGED_IN | IMAP_SELECTED, false},
    {"IDLE", IMAP_LOGGED_IN | IMAP_SELECTED, true},
    {"UIDPLUS", IMAP_LOGGED_IN | IMAP_SELECTED, true},
    {"MOVE", IMAP_LOGGED_IN | IMAP_SELECTED, true},
    {"NAMESPACE", IMAP_LOGGED_IN | IMAP_SELECTED, true},
    {"CHILDREN", IMAP_LOGGED_IN | IMAP_SELECTED, true},
    {"SPECIAL-USE", IMAP_LOGGED_IN | IMAP_SELECTED, true},
    {"UNSELECT", IMAP_LOGGED_IN | IMAP_SELECTED, true},
    {"LIST-EXTENDED", IMAP_LOGGED_IN | IMAP_SELECTED, true},
    {"LIST-STATUS", IMAP_LOGGED_IN | IMAP_SELECTED, true},
    {"CREATE-SPECIAL-USE", IMAP_LOGGED_IN | IMAP_SELECTED, true},
    {"ENABLE", IMAP_LOGGED_IN | IMAP_SELECTED, true},
    {"CONDSTORE", IMAP_LOGGED_IN | IMAP_SELECTED, true},
    {"QRESYNC", IMAP_LOGGED_IN | IMAP_SELECTED, true},
    {"OBJECTID", IMAP_LOGGED_IN | IMAP_SELECTED, true},
    {"SAVEDATE", IMAP_LOGGED_IN | IMAP_SELECTED, true},
    {"WITHIN", IMAP_LOGGED_IN | IMAP_SELECTED, true},
    {"BINARY", IMAP_LOGGED_IN | IMAP_SELECTED, true},
    {"QUOTA", IMAP_LOGGED_IN | IMAP_SELECTED, true},
};

enum rc
imap_print_capabilities(
    const struct imap_session *s, struct buf *out, struct err *err)
{
	TRY(buf_add_str(out, "CAPABILITY", err));
	for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
		if ((offers[i].states & s->state) == 0)
			continue;
		if (offers[i].upstream && !imap_upstream_can(s, offers[i].name))
			continue;
		TRY(buf_add_format(out, err, " %s", offers[i].name));
	}
	return RC_OK;
}

enum rc
imap_do_capability(
    struct imap_session *s, struct imap_walk *args, struct err *err)
{
	(void)args;
	TRY(buf_add_str(&s->out, "* ", err));
	TRY(imap_print_capabilities(s, &s->out, err));
	TRY(buf_add_str(&s->out, "\r\n", err));
	return imap_reply(s, err, "OK done");
}

/* --- STARTTLS --- */

/* What stands behind the command is thrown away, with all that was pushed:
 * whoever sits between could have put it there, to be obeyed as if it had come
 * under TLS (RFC 9051 section 6.2.1, CVE-2011-0411). */
enum rc
imap_do_starttls(
    struct imap_session *s, struct imap_walk *args, struct err *err)
{
	(void)args;
	TRY(imap_reply(s, err, "OK begin TLS"));
	TRY(imap_flush(s, err));
	s->gone = true; /* in the clear it is told nothing any more */
	TRY(visit_secure(s->visit, err));
	s->gone = false;
	stream_set_timeout(s->stream, s->agent->limits.stranger);
	imap_stream_free(s->units);
	s->units = NULL;
	s->state = IMAP_BEFORE_LOGIN;
	return imap_stream_new(
	    IMAP_SERVER, IMAP_STRANGER_LIMITS, &s->units, err);
}

/* --- login --- */

static enum rc
connect_upstream(struct imap_session *s, struct err *err)
{
	return upstream_imap(
	    s->agent->upstream, s->agent->limits.upstream, &s->link, err);
}

static enum rc
refuse_credential(struct imap_session *s, struct err *err)
{
	log_warning("imap: %s: wrong credential", stream_peer(s->stream));
	TRY(imap_reply(s, err,
	    "NO [AUTHENTICATIONFAILED] not this account's name and "
	    "credential; \"letterlock setup ADDRESS --new-credential\" makes "
	    "a new one"));
	if (++s->wrong < WRONG_MAX)
		return RC_OK;
	s->state = IMAP_OVER;
	return imap_tell(s, err, "BYE too many wrong credentials");
}

static enum rc
refuse_upstream(
    struct imap_session *s, enum rc rc, const struct err *why, struct err *err)
{
	log_warning("imap: no mail server: %s", why->text);
	if (rc == RC_REFUSED)
		return imap_reply(s, err,
		    "NO [CONTACTADMIN] the mail server does not accept the "
		    "account's password: run \"letterlock setup\" again");
	return imap_reply(s, err,
	    "NO [UNAVAILABLE] the mail server cannot be reached now: %s",
	    why->text);
}

static enum rc
refuse_crowd(struct imap_session *s, const struct err *why, struct err *err)
{
	TRY(imap_reply(s, err, "NO [LIMIT] %s", why->text));
	s->state = IMAP_OVER;
	return imap_tell(s, err, "BYE %s", why->text);
}

static enum rc
log_in(struct imap_session *s, const char *user, struct span credential,
    struct err *err)
{
	struct imap_limits limits = IMAP_SERVER_LIMITS;
	struct err why = ERR_NONE;
	struct buf offer BUF_OWNED = BUF(1024);
	const char *text;

	if (!agent_knows(s->agent, user, credential))
		return refuse_credential(s, err);
	enum rc rc = connect_upstream(s, &why);
	if (rc != RC_OK)
		return refuse_upstream(s, rc, &why, err);
	if (visit_admit(s->visit, &why) != RC_OK)
		return refuse_crowd(s, &why, err);
	s->state = IMAP_LOGGED_IN;
	stream_set_timeout(s->stream, s->agent->limits.idle);
	limits.literal = s->agent->limits.letter;
	limits.unit = limits.literal + limits.line;
	imap_stream_set_limits(s->units, limits);
	TRY(imap_print_capabilities(s, &offer, err));
	TRY(buf_str(&offer, &text, err));
	return imap_reply(s, err, "OK [%s] welcome", text);
}

static enum rc
read_word(struct imap_walk *args, struct buf *out, struct err *err)
{
	struct imap_token token;

	TRY(imap_walk_next(args, &token, err));
	return imap_token_value(&token, out, err);
}

static enum rc
read_login(struct imap_walk *args, struct buf *user, struct buf *credential,
    struct err *err)
{
	struct imap_token token;

	TRY(read_word(args, user, err));
	TRY(read_word(args, credential, err));
	TRY(imap_walk_next(args, &token, err));
	return token.kind == IMAP_END
		   ? RC_OK
		   : err_set(err, RC_SYNTAX, "LOGIN takes two words");
}

enum rc
imap_do_login(struct imap_session *s, struct imap_walk *args, struct err *err)
{
	struct buf user BUF_OWNED = BUF(SASL_MAX);
	struct buf credential BUF_OWNED = BUF_SECRET(SASL_MAX);
	struct err why = ERR_NONE;
	const char *name;

	enum rc rc = read_login(args, &user, &credential, &why);
	if (rc == RC_OK)
		rc = buf_str(&user, &name, &why);
	if (rc != RC_OK)
		return imap_reply_bad(s, &why, err);
	return log_in(s, name, buf_span(&credential), err);
}

/* --- SASL PLAIN --- */

/* The answer to "+"; it is a line of its own, whatever is in it. */
static enum rc
ask_response(struct imap_session *s, struct buf *out, struct err *err)
{
	struct span line;

	TRY(buf_add_str(&s->out, "+ \r\n", err));
	TRY(imap_flush(s, err));
	for (;;) {
		enum rc rc = imap_stream_next_line(s->units, &line, err);
		if (rc == RC_OK)
			return buf_add(out, line, err);
		if (rc != RC_AGAIN)
			return rc;
		TRY(imap_read(s, err));
	}
}

/* RFC 4616: [authzid] NUL authcid NUL passwd */
static enum rc
log_in_plain(struct imap_session *s, struct span response, struct err *err)
{
	struct buf plain BUF_OWNED = BUF_SECRET(SASL_MAX);
	struct buf user BUF_OWNED = BUF(SASL_MAX);
	struct err why = ERR_NONE;
	const char *name = "";

	enum rc rc = base64_decode(response, &plain, &why);
	struct span all = buf_span(&plain);
	ptrdiff_t first = rc == RC_OK ? span_find_byte(all, 0) : -1;
	struct span rest = span_after(all, (size_t)(first + 1));
	ptrdiff_t second = first < 0 ? -1 : span_find_byte(rest, 0);
	if (second < 0) {
		(void)err_set(&why, RC_SYNTAX, "this is no PLAIN response");
		return imap_reply_bad(s, &why, err);
	}
	/* nobody acts for somebody else here */
	struct span acting = span_first(all, (size_t)first);
	struct span acted = span_first(rest, (size_t)second);
	if (acting.len > 0 && !span_equal_nocase(acting, acted))
		return refuse_credential(s, err);
	TRY(buf_add(&user, acted, err));
	TRY(buf_str(&user, &name, err));
	return log_in(s, name, span_after(rest, (size_t)second + 1), err);
}

enum rc
imap_do_authenticate(
    struct imap_session *s, struct imap_walk *args, struct err *err)
{
	struct buf response BUF_OWNED = BUF_SECRET(SASL_MAX);
	struct imap_token mechanism, initial;
	struct err why = ERR_NONE;

	enum rc rc = imap_walk_next(args, &mechanism, &why);
	if (rc == RC_OK)
		rc = imap_walk_next(args, &initial, &why);
	if (rc != RC_OK)
		return imap_reply_bad(s, &why, err);
	if (mechanism.kind != IMAP_ATOM ||
	    !span_is_nocase(mechanism.value, "PLAIN"))
		return imap_reply(s, err,
		    "NO [CANNOT] PLAIN is the mechanism that is offered");
	rc = initial.kind == IMAP_END ? ask_response(s, &response, &why)
				      : buf_add(&response, initial.value, &why);
	if (rc == RC_LIMIT)
		return imap_reply_bad(s, &why, err);
	if (rc != RC_OK)
		return err_set(err, rc, "%s", why.text);
	if (span_is(buf_span(&response), span_str("*")))
		return imap_reply(s, err, "BAD cancelled");
	return log_in_plain(s, buf_span(&response), err);
}
