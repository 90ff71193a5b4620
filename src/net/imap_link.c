#include "net/imap_link.h"

#include <stdio.h>
#include <stdlib.h>

#include "codec/base64.h"
#include "net/imap_fetch_priv.h"
#include "net/imap_stretch_priv.h"
#include "proto/imap_stream.h"

#define READ_MAX ((size_t)64 * 1024)
#define HELD_MAX 10000 /* answers that came while a literal was announced */
#define USER_MAX 512
#define SECRET_MAX 8192
#define LINE_MAX_LEN ((size_t)32 * 1024)
#define CAPABILITIES_MAX 8192
#define LOGOUT_WAIT 1000
#define TAG_SIZE 24

OWNER(struct imap_stream, imap_stream_free);

struct imap_link {
	struct stream *stream;
	struct imap_stream *units;
	int timeout;
	unsigned long number; /* of the newest command */
	char tag[TAG_SIZE];
	struct buf capabilities;
	bool logged_in;
	struct buf held; /* answers that came early: length, bytes, ... */
	size_t held_count;
	struct buf lent; /* the one of them that the caller has */
	bool peeked;     /* `unit` was taken out and not yet handed out */
	struct span unit;
};

/* -- Bytes ------------------------------------------------------------------ */

static enum rc
flush(struct imap_link *link, struct err *err)
{
	struct span out = imap_stream_output(link->units);

	TRY(stream_write(link->stream, out, err));
	imap_stream_sent(link->units, out.len);
	return RC_OK;
}

enum rc
imap_link_send(struct imap_link *link, struct span bytes, struct err *err)
{
	return stream_write(link->stream, bytes, err);
}

static enum rc
recv_some(struct imap_link *link, struct err *err)
{
	struct buf bytes BUF_OWNED = BUF(READ_MAX);

	TRY(stream_read(link->stream, &bytes, err));
	return imap_stream_push(link->units, buf_span(&bytes), err);
}

/* One unit, waited for at most `timeout`: RC_AGAIN. */
static enum rc
recv_unit(
    struct imap_link *link, int timeout, struct span *ret, struct err *err)
{
	for (;;) {
		unsigned ready;
		enum rc rc = imap_stream_next(link->units, ret, err);
		if (rc != RC_AGAIN)
			return rc;
		rc = stream_wait(link->stream, NULL, timeout, &ready, err);
		if (rc == RC_AGAIN)
			(void)err_set(err, rc, "%s: no answer within %d ms",
			    stream_peer(link->stream), timeout);
		TRY(rc);
		TRY(recv_some(link, err));
	}
}

/* -- Answers ----------------------------------------------------------------- */

static enum rc
hold(struct imap_link *link, struct span unit, struct err *err)
{
	if (link->held_count >= HELD_MAX)
		return err_set(err, RC_LIMIT,
		    "IMAP: more than %d answers at once", HELD_MAX);
	size_t was = link->held.len;
	TRY(buf_add(&link->held, span_of(&unit.len, sizeof(unit.len)), err));
	enum rc rc = buf_add(&link->held, unit, err);
	if (rc != RC_OK) {
		buf_cut(&link->held, was);
		return rc;
	}
	link->held_count++;
	return RC_OK;
}

static enum rc
take_held(struct imap_link *link, struct span *ret, struct err *err)
{
	size_t len;

	memcpy(&len, link->held.data, sizeof(len));
	buf_clear(&link->lent);
	TRY(buf_add(
	    &link->lent, span_of(link->held.data + sizeof(len), len), err));
	buf_drop(&link->held, sizeof(len) + len);
	link->held_count--;
	*ret = buf_span(&link->lent);
	return RC_OK;
}

static enum rc
next_unit(struct imap_link *link, struct span *ret, struct err *err)
{
	if (link->held_count > 0)
		return take_held(link, ret, err);
	if (link->peeked) {
		link->peeked = false;
		*ret = link->unit;
		return RC_OK;
	}
	return recv_unit(link, link->timeout, ret, err);
}

static enum rc
read_tagged(const struct imap_link *link, struct span unit,
    enum imap_answer *ret, struct span *ret_line, struct err *err)
{
	static const struct {
		const char *word;
		enum imap_answer answer;
	} ends[] = {{" OK", IMAP_OK}, {" NO", IMAP_NO}, {" BAD", IMAP_BAD}};
	struct span rest = span_after(unit, strlen(link->tag));

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct span line = span_after(rest, strlen(ends[i].word));
		if (!span_starts(unit, link->tag) ||
		    !span_starts_nocase(rest, ends[i].word) ||
		    (line.len > 0 && line.data[0] != ' '))
			continue;
		*ret = ends[i].answer;
		*ret_line = span_after(line, 1);
		return RC_OK;
	}
	/* its words are not told: they may be a letter's, and this is logged */
	return err_set(err, RC_SYNTAX, "IMAP: this is no answer");
}

static enum rc
read_answer(const struct imap_link *link, struct span unit,
    enum imap_answer *ret, struct span *ret_line, struct err *err)
{
	if (span_starts(unit, "* ")) {
		*ret = IMAP_UNTAGGED;
		*ret_line = span_after(unit, 2);
		return RC_OK;
	}
	if (span_starts(unit, "+")) {
		*ret = IMAP_CONTINUE;
		*ret_line = span_after(unit, span_starts(unit, "+ ") ? 2 : 1);
		return RC_OK;
	}
	return read_tagged(link, unit, ret, ret_line, err);
}

enum rc
imap_link_answer(struct imap_link *link, enum imap_answer *ret,
    struct span *ret_line, struct err *err)
{
	struct span unit;

	TRY(next_unit(link, &unit, err));
	return read_answer(link, unit, ret, ret_line, err);
}

/* Failures count as an answer: imap_link_answer() meets them again and tells
 * them. */
bool
imap_link_has_answer(struct imap_link *link)
{
	struct err ignored;
	unsigned ready;

	if (link->held_count > 0 || link->peeked)
		return true;
	for (;;) {
		enum rc rc =
		    imap_stream_next(link->units, &link->unit, &ignored);
		link->peeked = rc == RC_OK;
		if (rc != RC_AGAIN)
			return true;
		rc = stream_wait(link->stream, NULL, 0, &ready, &ignored);
		if (rc == RC_AGAIN)
			return false;
		if (rc != RC_OK || recv_some(link, &ignored) != RC_OK)
			return true;
	}
}

static enum rc
no_answer_is_io(enum rc rc)
{
	return rc == RC_AGAIN ? RC_IO : rc;
}

/* -- Commands ------------------------------------------------------------------ */

/* After "{n}": everything that comes before the "+" is kept for
 * imap_link_answer().  *ret_go false: the command is over already, and its
 * answer is among what was kept. */
static enum rc
await_permission(struct imap_link *link, bool *ret_go, struct err *err)
{
	for (;;) {
		struct span unit, line;
		enum imap_answer answer;
		TRY(no_answer_is_io(
		    recv_unit(link, link->timeout, &unit, err)));
		TRY(read_answer(link, unit, &answer, &line, err));
		*ret_go = answer == IMAP_CONTINUE;
		if (*ret_go)
			return RC_OK;
		TRY(hold(link, unit, err));
		if (answer != IMAP_UNTAGGED)
			return RC_OK;
	}
}

static enum rc
send_stretches(struct imap_link *link, struct span rest, struct err *err)
{
	for (;;) {
		struct imap_stretch stretch;
		bool go;
		TRY(imap_stretch_find(rest, &stretch, err));
		TRY(imap_stream_send(
		    link->units, span_first(rest, stretch.text), err));
		if (stretch.last) {
			TRY(imap_stream_send(
			    link->units, span_str("\r\n"), err));
			return flush(link, err);
		}
		TRY(flush(link, err));
		TRY(await_permission(link, &go, err));
		if (!go)
			return RC_OK;
		rest = span_after(rest, stretch.text);
		TRY(stream_write(
		    link->stream, span_first(rest, stretch.literal), err));
		rest = span_after(rest, stretch.literal);
	}
}

/* A unit that was only looked at must not be overtaken by what comes later. */
static enum rc
hold_peeked(struct imap_link *link, struct err *err)
{
	if (!link->peeked)
		return RC_OK;
	TRY(hold(link, link->unit, err));
	link->peeked = false;
	return RC_OK;
}

enum rc
imap_link_command(struct imap_link *link, struct span rest, struct err *err)
{
	TRY(imap_stretch_check(rest, err));
	TRY(hold_peeked(link, err));
	(void)snprintf(link->tag, sizeof(link->tag), "a%lu", ++link->number);
	TRY(imap_stream_send(link->units, span_str(link->tag), err));
	TRY(imap_stream_send(link->units, span_str(" "), err));
	return send_stretches(link, rest, err);
}

static enum rc
refused(struct span line, struct err *err)
{
	return err_set(err, RC_REFUSED, "the mail server says no: %.*s",
	    SPAN_ARGS(span_first(line, 300)));
}

enum rc
imap_link_expect(struct imap_link *link, enum imap_answer *ret,
    struct span *ret_line, struct err *err)
{
	TRY(no_answer_is_io(imap_link_answer(link, ret, ret_line, err)));
	if (*ret == IMAP_NO || *ret == IMAP_BAD)
		return refused(*ret_line, err);
	return RC_OK;
}

static enum rc
note_capabilities(struct imap_link *link, struct span words, struct err *err)
{
	const char *unused;

	buf_clear(&link->capabilities);
	TRY(buf_add(&link->capabilities, span_trim(words), err));
	return buf_str(&link->capabilities, &unused, err); /* adds a NUL */
}

/* "[CAPABILITY ...] text" */
static enum rc
note_code(struct imap_link *link, struct span line, struct err *err)
{
	const char *code = "[CAPABILITY ";
	ptrdiff_t end = span_find_byte(line, ']');

	if (!span_starts_nocase(line, code) || end < 0)
		return RC_OK;
	return note_capabilities(
	    link, span_after(span_first(line, (size_t)end), strlen(code)), err);
}

static enum rc
note_untagged(struct imap_link *link, struct span line, struct err *err)
{
	const char *word = "CAPABILITY ";

	if (!span_starts_nocase(line, word))
		return RC_OK;
	return note_capabilities(link, span_after(line, strlen(word)), err);
}

/* Run to the end, keeping what is said about capabilities. */
static enum rc
run_and_note(struct imap_link *link, struct err *err)
{
	for (;;) {
		enum imap_answer answer;
		struct span line;
		TRY(imap_link_expect(link, &answer, &line, err));
		if (answer == IMAP_OK)
			return note_code(link, line, err);
		if (answer == IMAP_UNTAGGED)
			TRY(note_untagged(link, line, err));
	}
}

enum rc
imap_link_run(struct imap_link *link, struct span rest, struct err *err)
{
	TRY(imap_link_command(link, rest, err));
	for (;;) {
		enum imap_answer answer;
		struct span line;
		TRY(imap_link_expect(link, &answer, &line, err));
		if (answer == IMAP_OK)
			return RC_OK;
	}
}

/* -- Greeting, TLS, login -------------------------------------------------------- */

static bool
has_capability(const struct imap_link *link, const char *want)
{
	struct span rest = buf_span(&link->capabilities);

	while (rest.len > 0) {
		ptrdiff_t space = span_find_byte(rest, ' ');
		size_t len = space < 0 ? rest.len : (size_t)space;
		if (span_is_nocase(span_first(rest, len), want))
			return true;
		rest = span_after(rest, len + 1);
	}
	return false;
}

static enum rc
ask_capabilities(struct imap_link *link, struct err *err)
{
	buf_clear(&link->capabilities);
	TRY(imap_link_command(link, span_str("CAPABILITY"), err));
	TRY(run_and_note(link, err));
	if (link->capabilities.len == 0)
		return err_set(
		    err, RC_SYNTAX, "IMAP: the server says no capabilities");
	return RC_OK;
}

static enum rc
read_greeting(struct imap_link *link, struct err *err)
{
	struct span unit;

	TRY(no_answer_is_io(recv_unit(link, link->timeout, &unit, err)));
	struct span line = span_after(unit, 5);
	if (span_starts_nocase(unit, "* OK "))
		return note_code(link, line, err);
	/* RFC 9051 section 11.1: who can put PREAUTH here could keep TLS from
	 * being started */
	if (span_starts_nocase(unit, "* PREAUTH"))
		return err_set(err, RC_UNFIT,
		    "the mail server takes anybody without a login");
	if (span_starts_nocase(unit, "* BYE"))
		return refused(line, err);
	return err_set(err, RC_SYNTAX, "this is no IMAP server");
}

static enum rc
start_tls(
    struct imap_link *link, const struct imap_route *route, struct err *err)
{
	struct span early;

	TRY(imap_link_run(link, span_str("STARTTLS"), err));
	/* Bytes behind the OK would be read as if they had come under TLS. */
	if (link->held_count > 0 ||
	    imap_stream_next(link->units, &early, err) != RC_AGAIN)
		return err_set(err, RC_SYNTAX,
		    "IMAP: the server sent bytes between STARTTLS and TLS");
	struct imap_stream *fresh OWNED(imap_stream_free) = NULL;
	TRY(imap_stream_new(IMAP_CLIENT, IMAP_CLIENT_LIMITS, &fresh, err));
	imap_stream_free(link->units);
	link->units = take(fresh); /* with it half a line, if there was one */
	buf_clear(&link->capabilities);
	return stream_secure_client(link->stream, route->tls, route->host, err);
}

static enum rc
print_login(const struct imap_route *route, unsigned mechanism, struct buf *out,
    struct err *err)
{
	struct buf plain BUF_OWNED = BUF_SECRET(2 * (USER_MAX + SECRET_MAX));
	struct sasl login = route->login;

	login.host = route->host;
	login.port = route->port;
	TRY(sasl_print(&login, mechanism, &plain, err));
	return base64_encode(buf_span(&plain), 0, out, err);
}

static enum rc
await_login(struct imap_link *link, struct err *err)
{
	enum rc rc = run_and_note(link, err);

	if (rc == RC_REFUSED)
		return err_prefix(err, rc, "login");
	return rc;
}

static enum rc
await_challenge(struct imap_link *link, struct err *err)
{
	enum imap_answer answer;
	struct span said;

	do
		TRY(imap_link_expect(link, &answer, &said, err));
	while (answer == IMAP_UNTAGGED);
	if (answer != IMAP_CONTINUE)
		return err_set(err, RC_SYNTAX, "IMAP: login without password");
	return RC_OK;
}

/* A token that is not good: the server says why, and waits for the end. */
static enum rc
await_token(struct imap_link *link, unsigned mechanism, struct err *err)
{
	enum imap_answer answer;
	struct span said;
	char end[16];

	do
		TRY(imap_link_expect(link, &answer, &said, err));
	while (
	    answer == IMAP_UNTAGGED && note_untagged(link, said, err) == RC_OK);
	if (answer == IMAP_OK)
		return note_code(link, said, err);
	(void)snprintf(end, sizeof(end), "%s\r\n", sasl_end(mechanism));
	TRY(imap_link_send(link, span_str(end), err));
	return await_login(link, err);
}

/* RFC 4959: "=" is an empty first message. */
static enum rc
authenticate(struct imap_link *link, const struct imap_route *route,
    unsigned mechanism, struct err *err)
{
	struct buf line BUF_OWNED = BUF_SECRET(LINE_MAX_LEN);
	struct buf message BUF_OWNED = BUF_SECRET(LINE_MAX_LEN);
	bool at_once = has_capability(link, "SASL-IR");

	buf_clear(&link->capabilities);
	TRY(print_login(route, mechanism, &message, err));
	TRY(buf_add_format(
	    &line, err, "AUTHENTICATE %s", sasl_name(mechanism)));
	if (at_once)
		TRY(buf_add_str(&line, message.len == 0 ? " =" : " ", err));
	if (at_once)
		TRY(buf_add(&line, buf_span(&message), err));
	TRY(imap_link_command(link, buf_span(&line), err));
	if (!at_once) {
		TRY(await_challenge(link, err));
		TRY(buf_add_str(&message, "\r\n", err));
		TRY(imap_link_send(link, buf_span(&message), err));
	}
	return sasl_end(mechanism) == NULL ? await_login(link, err)
					   : await_token(link, mechanism, err);
}

static enum rc
login_plainly(
    struct imap_link *link, const struct imap_route *route, struct err *err)
{
	struct buf line BUF_OWNED = BUF_SECRET(LINE_MAX_LEN);

	if (has_capability(link, "LOGINDISABLED"))
		return err_set(err, RC_UNFIT,
		    "the mail server takes no login by password");
	buf_clear(&link->capabilities);
	TRY(buf_add_str(&line, "LOGIN ", err));
	TRY(imap_print_string(span_str(route->login.user), &line, err));
	TRY(buf_add_str(&line, " ", err));
	TRY(imap_print_string(route->login.secret, &line, err));
	TRY(imap_link_command(link, buf_span(&line), err));
	return await_login(link, err);
}

static unsigned
find_mechanisms(const struct imap_link *link)
{
	static const struct {
		const char *word;
		unsigned bit;
	} words[] = {
	    {"AUTH=PLAIN", SASL_PLAIN},
	    {"AUTH=EXTERNAL", SASL_EXTERNAL},
	    {"AUTH=OAUTHBEARER", SASL_OAUTHBEARER},
	    {"AUTH=XOAUTH2", SASL_XOAUTH2},
	};
	unsigned offered = 0;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (has_capability(link, words[i].word))
			offered |= words[i].bit;
	return offered;
}

static enum rc
log_in_with_secret(
    struct imap_link *link, const struct imap_route *route, struct err *err)
{
	enum sasl_kind kind = route->login.kind;
	unsigned mechanism = kind == SASL_CERTIFICATE
				 ? 0
				 : sasl_choose(kind, find_mechanisms(link));

	if (mechanism != 0)
		return authenticate(link, route, mechanism, err);
	if (kind == SASL_PASSWORD)
		return login_plainly(link, route, err);
	return err_set(err, RC_UNFIT, "the mail server takes no login by %s",
	    kind == SASL_TOKEN ? "token" : "this certificate");
}

/* The certificate that TLS has shown, if it was asked for: then the password
 * stays here. */
static enum rc
log_in_by_certificate(
    struct imap_link *link, const struct imap_route *route, struct err *err)
{
	if (!stream_is_certified(link->stream) ||
	    !has_capability(link, "AUTH=EXTERNAL"))
		return RC_ABSENT;
	enum rc rc = authenticate(link, route, SASL_EXTERNAL, err);
	if (rc != RC_REFUSED || route->login.kind == SASL_CERTIFICATE)
		return rc;
	/* it is nobody's there; what is offered was forgotten */
	TRY(ask_capabilities(link, err));
	return RC_ABSENT;
}

static enum rc
log_in(struct imap_link *link, const struct imap_route *route, struct err *err)
{
	if (link->capabilities.len == 0)
		TRY(ask_capabilities(link, err));
	enum rc rc = log_in_by_certificate(link, route, err);
	if (rc == RC_ABSENT)
		rc = log_in_with_secret(link, route, err);
	TRY(rc);
	link->logged_in = true;
	/* What is offered after login is often more (RFC 9051 section 6.2.2);
	 * some servers say it by themselves. */
	if (link->capabilities.len == 0)
		TRY(ask_capabilities(link, err));
	return RC_OK;
}

static enum rc
set_up(struct imap_link *link, const struct imap_route *route, struct err *err)
{
	struct stream_place place = {
	    .names = route->names, .host = route->host, .port = route->port};

	TRY(stream_connect(&place, route->timeout, &link->stream, err));
	stream_set_timeout(link->stream, route->timeout);
	if (!route->starttls)
		TRY(stream_secure_client(
		    link->stream, route->tls, route->host, err));
	TRY(read_greeting(link, err));
	if (route->starttls)
		TRY(start_tls(link, route, err));
	return log_in(link, route, err);
}

static enum rc
check_route(const struct imap_route *route, struct err *err)
{
	if (route->tls == NULL)
		return err_set(err, RC_UNFIT,
		    "%s: TLS is wanted, but nobody is trusted", route->host);
	if (strlen(route->login.user) > USER_MAX ||
	    route->login.secret.len > SECRET_MAX)
		return err_set(err, RC_LIMIT, "login is too long");
	if (span_find_byte(route->login.secret, 0) >= 0)
		return err_set(err, RC_SYNTAX, "password holds a NUL");
	return RC_OK;
}

/* A server that closes or talks nonsense before the login is done is one to
 * try again later. */
static enum rc
as_io(const struct imap_route *route, enum rc rc, struct err *err)
{
	if (rc == RC_ABSENT || rc == RC_SYNTAX || rc == RC_LIMIT)
		rc = RC_IO;
	return rc == RC_OK ? rc : err_prefix(err, rc, "%s", route->host);
}

enum rc
imap_link_new(
    const struct imap_route *route, struct imap_link **ret, struct err *err)
{
	TRY(check_route(route, err));
	struct imap_link *link OWNED(imap_link_free) = calloc(1, sizeof(*link));
	if (link == NULL)
		return err_nomem(err, "IMAP connection");
	link->timeout = route->timeout;
	link->capabilities = BUF(CAPABILITIES_MAX);
	link->held = BUF(IMAP_CLIENT_LIMITS.unit);
	link->lent = BUF(IMAP_CLIENT_LIMITS.unit);
	TRY(imap_stream_new(
	    IMAP_CLIENT, IMAP_CLIENT_LIMITS, &link->units, err));
	TRY(as_io(route, set_up(link, route, err), err));
	*ret = take(link);
	return RC_OK;
}

void
imap_link_free(struct imap_link *link)
{
	struct err ignored;

	if (link == NULL)
		return;
	if (link->logged_in) { /* a courtesy; its answer is not waited for */
		stream_set_timeout(link->stream, LOGOUT_WAIT);
		(void)(imap_link_send(
			   link, span_str("z LOGOUT\r\n"), &ignored) == RC_OK);
	}
	stream_free(link->stream);
	imap_stream_free(link->units);
	buf_done(&link->capabilities);
	buf_done(&link->held);
	buf_done(&link->lent);
	free(link);
}

const char *
imap_link_capabilities(const struct imap_link *link)
{
	return (const char *)link->capabilities.data;
}

struct stream *
imap_link_stream(struct imap_link *link)
{
	return link->stream;
}
