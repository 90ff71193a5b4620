#include "flow/transport.h"

#include <stdlib.h>

#include "base/own.h"
#include "dns/dkim.h"
#include "flow/domain.h"
#include "mime/address.h"
#include "mime/authres.h"

struct transport {
	struct transport_options options;
	struct domain_reader *domains;
};

OWNER(struct transport, transport_free);

enum rc
transport_new(const struct transport_options *options, struct transport **ret,
    struct err *err)
{
	struct transport *t OWNED(transport_free) = calloc(1, sizeof(*t));

	if (t == NULL)
		return err_nomem(err, "transport");
	t->options = *options;
	TRY(domain_reader_new(&t->domains, err));
	*ret = take(t);
	return RC_OK;
}

void
transport_free(struct transport *t)
{
	if (t == NULL)
		return;
	domain_reader_free(t->domains);
	free(t);
}

/* --- alignment ------------------------------------------------------------------ */

struct sender {
	const struct transport *transport;
	struct domain domain; /* of the one From address */
};

/* RFC 7489 section 3.1.1: "the Organizational Domains of both [...] MUST be
 * equal". */
static bool
is_aligned(const void *self, const char *text)
{
	const struct sender *sender = self;
	struct domain other;
	struct err ignored = ERR_NONE;

	if (domain_parse(sender->transport->domains, span_str(text), &other,
		&ignored) != RC_OK)
		return false;
	return strcmp(domain_registrable(&other),
		   domain_registrable(&sender->domain)) == 0;
}

/* RFC 7489 section 6.6.1: who is no one address is not evaluated. */
static bool
read_sender(const struct transport *transport, const struct entity *outer,
    struct sender *ret)
{
	const struct fields *fields = &outer->fields;
	struct mailboxes from MAILBOXES_OWNED = MAILBOXES_NONE;
	struct err ignored = ERR_NONE;

	ret->transport = transport;
	return fields_count(fields, "From") == 1 &&
	       mailboxes_parse(fields_value(fields, "From"), &from, &ignored) ==
		   RC_OK &&
	       from.len == 1 && !from.has_group &&
	       domain_parse(transport->domains,
		   span_str(address_domain(from.item[0].address)), &ret->domain,
		   &ignored) == RC_OK;
}

/* --- one result ------------------------------------------------------------------- */

static enum transport_state
state_of(const char *result)
{
	if (strcmp(result, "pass") == 0)
		return TRANSPORT_PASS;
	return strcmp(result, "fail") == 0 ? TRANSPORT_FAIL : TRANSPORT_UNKNOWN;
}

/* Of "alice@example.org", "@example.org" or "example.org". */
static const char *
domain_of(const char *value)
{
	const char *at = strrchr(value, '@');

	return at != NULL ? at + 1 : value;
}

static const char *
first_of(const struct authres_result *result, const char *const *names)
{
	const char *value = "";

	for (; *names != NULL && value[0] == '\0'; names++)
		value = authres_property(result, *names);
	return domain_of(value);
}

/* Several signatures: one that passes is enough. */
static void
hear_dkim(const struct sender *sender, const struct authres_result *result,
    struct facts *f)
{
	static const char *const names[] = {"header.d", "header.i", NULL};
	enum transport_state state = state_of(result->result);

	if (state == TRANSPORT_UNKNOWN || f->transport.dkim == TRANSPORT_PASS ||
	    !is_aligned(sender, first_of(result, names)))
		return;
	f->transport.dkim = state;
}

/* The topmost one counts. */
static void
hear_spf(const struct sender *sender, const struct authres_result *result,
    struct facts *f)
{
	static const char *const names[] = {
	    "smtp.mailfrom", "smtp.mail", "smtp.helo", NULL};

	if (f->transport.spf == TRANSPORT_UNKNOWN &&
	    is_aligned(sender, first_of(result, names)))
		f->transport.spf = state_of(result->result);
}

static void
hear_dmarc(const struct sender *sender, const struct authres_result *result,
    struct facts *f)
{
	static const char *const names[] = {"header.from", NULL};

	if (f->transport.dmarc == TRANSPORT_UNKNOWN &&
	    is_aligned(sender, first_of(result, names)))
		f->transport.dmarc = state_of(result->result);
}

static const struct {
	const char *method;
	void (*hear)(const struct sender *sender,
	    const struct authres_result *result, struct facts *f);
} methods[] = {{"dkim", hear_dkim}, {"spf", hear_spf}, {"dmarc", hear_dmarc}};

static void
hear_results(
    const struct sender *sender, const struct authres *said, struct facts *f)
{
	for (size_t i = 0; i < said->len; i++)
		for (size_t k = 0; k < sizeof(methods) / sizeof(methods[0]);
		     k++)
			if (strcmp(said->item[i].method, methods[k].method) ==
			    0)
				methods[k].hear(sender, &said->item[i], f);
}

/* --- which fields are believed ------------------------------------------------------ */

/* A walk through the header from the top: what is above the topmost Received
 * was written behind the last server's door.  What is behind a server's own
 * Received, and above the next one, is that server's or the sender's: one field
 * there is believed, the first.  (Who adds none lets the sender's be first.) */
struct walk {
	const struct trust *trust;
	bool received; /* a Received field has been passed */
	bool ended;    /* one that is not clear: nobody below is believed */
	const struct trust_server *border; /* the Received above is its own */
	bool passed[TRUST_SERVERS_MAX];    /* its Received has been seen */
	unsigned read;
};

static bool
is_word_end(struct span text, size_t at)
{
	return at >= text.len || text.data[at] <= ' ' || text.data[at] == ';' ||
	       text.data[at] == '(' || text.data[at] == ')';
}

/* Takes blanks and comments, and the word behind them: an empty one at the ";"
 * before the date, or at the end.  False: the comments have no end. */
static bool
next_word(struct span *rest, struct span *ret)
{
	size_t depth = 0, begin = 0, len = 0;

	for (; begin < rest->len; begin++) {
		uint8_t c = rest->data[begin];
		if (c == ')' && depth == 0)
			return false;
		if (depth == 0 && c > ' ' && c != '(')
			break;
		depth += c == '(';
		depth -= c == ')';
	}
	*rest = span_after(*rest, begin);
	while (!is_word_end(*rest, len))
		len++;
	*ret = span_first(*rest, len);
	*rest = span_after(*rest, len);
	return depth == 0;
}

/* Behind "from": what the other side called itself, "by" if it likes, and
 * perhaps its "[address]".  The word behind them. */
static bool
pass_from(struct span *rest, struct span *ret)
{
	if (!span_starts(span_trim(*rest), "(") && !next_word(rest, ret))
		return false;
	do {
		if (!next_word(rest, ret))
			return false;
	} while (span_starts(*ret, "["));
	return true;
}

/* RFC 5321 section 4.4: "from NAME (remarks) by HOST ...; date".  False: it is
 * not read in one way only.  The name was chosen by who sent the letter, and
 * some servers write it as it came: what is odd, twice there or not closed is
 * nothing to guess at.  An empty host: nobody's, as of qmail within itself. */
static bool
parse_received(struct span value, struct span *ret_host)
{
	struct span rest = value, word;

	if (span_find_byte(value, '\\') >= 0 || !next_word(&rest, &word))
		return false;
	*ret_host = SPAN_NONE;
	if (word.len == 0)
		return true;
	if (span_is_nocase(word, "from") && !pass_from(&rest, &word))
		return false;
	if (!span_is_nocase(word, "by") || !next_word(&rest, ret_host) ||
	    ret_host->len == 0)
		return false;
	do {
		if (!next_word(&rest, &word) || span_is_nocase(word, "by"))
			return false;
	} while (word.len > 0);
	return true;
}

/* "mx.beta.test" or "mx.beta.test." */
static bool
begins_with_host(struct span text, const char *host)
{
	size_t len = strlen(host);

	if (!span_starts_nocase(text, host))
		return false;
	return is_word_end(text, len) ||
	       (text.data[len] == '.' && is_word_end(text, len + 1));
}

/* Anywhere, in a remark too. */
static bool
mentions_by(struct span value, const char *host)
{
	for (size_t i = 0; i + 2 < value.len; i++) {
		struct span word = span_after(value, i);
		if (span_starts_nocase(word, "by") && is_word_end(word, 2) &&
		    begins_with_host(span_trim(span_after(word, 2)), host))
			return true;
	}
	return false;
}

/* False: it cannot be read, or it may be that server's, whose name the sender
 * has hidden from us, and not from others.  Then this was the border, perhaps,
 * and the sender wrote what is below. */
static bool
is_clear(struct span value, const struct trust *trust, struct span *ret_host)
{
	if (!parse_received(value, ret_host))
		return false;
	for (size_t i = 0; i < trust->servers; i++) {
		const char *by = trust->server[i].by;
		if (by[0] != '\0' && mentions_by(value, by) &&
		    !begins_with_host(*ret_host, by))
			return false;
	}
	return true;
}

static void
pass_received(struct walk *walk, const struct field *field)
{
	const struct trust *trust = walk->trust;
	struct span host;

	walk->received = true;
	walk->border = NULL;
	if (walk->ended || !is_clear(field->value, trust, &host)) {
		walk->ended = true;
		return;
	}
	for (size_t i = 0; i < trust->servers; i++) {
		const struct trust_server *server = &trust->server[i];
		if (walk->passed[i] || server->by[0] == '\0' ||
		    !begins_with_host(host, server->by))
			continue;
		walk->passed[i] = true;
		walk->border = server;
	}
}

static bool
is_server(const struct trust *trust, const char *name)
{
	for (size_t i = 0; i < trust->servers; i++)
		if (strcmp(trust->server[i].name, name) == 0)
			return true;
	return false;
}

static bool
is_believed(struct walk *walk, const char *server)
{
	if (walk->read == TRANSPORT_FIELDS_MAX)
		return false;
	if (walk->received &&
	    (walk->border == NULL || strcmp(walk->border->name, server) != 0))
		return false;
	if (walk->received)
		walk->border = NULL; /* one, and no more */
	walk->read++;
	return true;
}

/* False: it is in the name of one of the servers, and not by it. */
static bool
look_at_field(struct walk *walk, const struct field *field,
    const struct sender *sender, struct facts *f)
{
	struct authres said AUTHRES_OWNED = AUTHRES_NONE;
	struct err ignored = ERR_NONE;

	if (span_is_nocase(field->name, "Received"))
		pass_received(walk, field);
	if (!span_is_nocase(field->name, "Authentication-Results"))
		return true;
	enum rc rc = authres_parse(field->value, &said, &ignored);
	if (!is_server(walk->trust, said.server))
		return true;
	if (!is_believed(walk, said.server))
		return false;
	if (rc == RC_OK && sender != NULL)
		hear_results(sender, &said, f);
	return true;
}

/* Without a Received field nobody carried the letter: whoever put it there
 * wrote all of it. */
static void
look_at_fields(const struct transport *transport, struct entity *outer,
    const struct sender *sender, struct facts *f)
{
	struct fields *fields = &outer->fields;
	struct walk walk = {.trust = transport->options.trust};
	size_t kept = 0;

	if (fields_count(fields, "Received") == 0)
		walk.received = true;
	for (size_t i = 0; i < fields->len; i++)
		if (look_at_field(&walk, &fields->item[i], sender, f))
			fields->item[kept++] = fields->item[i];
	fields->len = kept;
}

/* --- all of it ------------------------------------------------------------------------ */

/* What a server saw at the border may have been changed since then, and what
 * it did not look at may be good: who passes once has passed. */
static enum rc
check_dkim(const struct sender *sender, const struct source *letter,
    const struct entity *outer, struct facts *f, struct err *err)
{
	const struct transport_options *options = &sender->transport->options;
	const struct dkim_question question = {
	    .resolver = options->resolver,
	    .wanted = is_aligned,
	    .self = sender,
	    .budget = options->budget,
	};
	enum dkim_answer answer = DKIM_ANSWER_NONE;

	TRY(dkim_judge(&question, &outer->fields, outer->header.len, letter,
	    &answer, err));
	if (answer == DKIM_ANSWER_GOOD)
		f->transport.dkim = TRANSPORT_PASS;
	if (answer == DKIM_ANSWER_BAD)
		f->transport.dkim = TRANSPORT_FAIL;
	return RC_OK;
}

enum rc
transport_find(const struct transport *transport, const struct source *letter,
    struct entity *outer, struct facts *facts, struct err *err)
{
	struct sender sender;
	bool one = read_sender(transport, outer, &sender);

	if (one && transport->options.resolver != NULL &&
	    transport->options.trust->dkim)
		TRY(check_dkim(&sender, letter, outer, facts, err));
	look_at_fields(transport, outer, one ? &sender : NULL, facts);
	return RC_OK;
}
