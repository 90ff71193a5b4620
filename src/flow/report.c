#include "flow/report.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "codec/when.h"
#include "mime/field.h"

static const char *
encrypted_name(enum encrypted_state state)
{
	static const char *const names[] = {
	    [ENCRYPTED_NONE] = "none",
	    [ENCRYPTED_INTACT] = "intact",
	    [ENCRYPTED_MALLEABLE] = "malleable",
	    [ENCRYPTED_UNDECRYPTABLE] = "undecryptable",
	    [ENCRYPTED_AT_REST] = "at-rest",
	};

	return names[state];
}

static const char *
signed_name(const struct facts *f)
{
	if (f->sig.state == SIGNED_VALID && f->sig.unfit != NULL)
		return "invalid";
	static const char *const names[] = {
	    [SIGNED_NONE] = "none",
	    [SIGNED_INVALID] = "invalid",
	    [SIGNED_VALID] = "valid",
	};

	return names[f->sig.state];
}

static const char *
chain_name(enum chain_state state)
{
	static const char *const names[] = {
	    [CHAIN_VALID] = "valid",
	    [CHAIN_INVALID] = "invalid",
	    [CHAIN_NO_ANCHOR] = "no-anchor",
	};

	return names[state];
}

static const char *
time_name(enum time_source source)
{
	static const char *const names[] = {
	    [TIME_NONE] = "none",
	    [TIME_CLAIMED] = "claimed",
	    [TIME_RECEIVED] = "received",
	    [TIME_STAMPED] = "timestamp",
	};

	return names[source];
}

static const char *
protect_name(enum protect_state state)
{
	static const char *const names[] = {
	    [PROTECT_UNPROTECTED] = "unprotected",
	    [PROTECT_SIGNED_ONLY] = "signed-only",
	    [PROTECT_ENCRYPTED_ONLY] = "encrypted-only",
	    [PROTECT_SIGNED_AND_ENCRYPTED] = "signed-and-encrypted",
	};

	return names[state];
}

/* A peer's bytes that are no UTF-8 would make jansson refuse the whole. */
static json_t *
text(const char *value)
{
	json_t *string = value == NULL ? NULL : json_string(value);

	return string != NULL ? string : json_string("");
}

static json_t *
text_or_null(const char *value)
{
	return value == NULL ? json_null() : text(value);
}

static json_t *
signed_object(const struct facts *f)
{
	bool judged = f->sig.state == SIGNED_VALID;
	json_t *o = json_object();

	json_object_set_new(o, "state", text(signed_name(f)));
	json_object_set_new(o, "by", text(f->sig.by));
	json_object_set_new(o, "name", text(f->sig.name));
	json_object_set_new(o, "organization", text(f->sig.organization));
	json_object_set_new(o, "level",
	    text_or_null(judged ? cert_level_name(f->sig.level) : NULL));
	json_object_set_new(o, "issuer", text(f->sig.issuer));
	json_object_set_new(
	    o, "chain", text_or_null(judged ? chain_name(f->sig.chain) : NULL));
	json_object_set_new(
	    o, "chain-reason", text_or_null(f->sig.chain_reason));
	return o;
}

static json_t *
time_object(const struct facts *f)
{
	char when[WHEN_TEXT_MAX] = "";
	json_t *o = json_object();

	if (f->time.source != TIME_NONE)
		when_print(f->time.value, when);
	json_object_set_new(o, "source", text(time_name(f->time.source)));
	json_object_set_new(
	    o, "value", f->time.source == TIME_NONE ? json_null() : text(when));
	return o;
}

static json_t *
encrypted_object(const struct facts *f)
{
	json_t *o = json_object();

	json_object_set_new(
	    o, "state", text(encrypted_name(f->encrypted.state)));
	json_object_set_new(o, "cipher",
	    text_or_null(
		f->encrypted.cipher[0] == '\0' ? NULL : f->encrypted.cipher));
	return o;
}

static json_t *
headers_object(const struct facts *f)
{
	json_t *o = json_object();

	json_object_set_new(
	    o, "subject", text(protect_name(f->headers.subject)));
	json_object_set_new(o, "from", text(protect_name(f->headers.from)));
	json_object_set_new(o, "to", text(protect_name(f->headers.to)));
	json_object_set_new(o, "cc", text(protect_name(f->headers.cc)));
	json_object_set_new(o, "date", text(protect_name(f->headers.date)));
	return o;
}

enum rc
report_json(const struct facts *facts, const struct verdict *verdict,
    struct buf *out, struct err *err)
{
	json_t *o = json_object();
	json_t *reasons = json_array();

	for (size_t i = 0; i < verdict->reasons; i++)
		json_array_append_new(reasons, text(verdict->reason[i]));
	json_object_set_new(o, "verdict", text(verdict_name(verdict->level)));
	json_object_set_new(o, "sentence", text(verdict->sentence));
	json_object_set_new(o, "encrypted", encrypted_object(facts));
	json_object_set_new(o, "signed", signed_object(facts));
	json_object_set_new(o, "time", time_object(facts));
	json_object_set_new(o, "from", text(facts->from));
	json_object_set_new(o, "headers", headers_object(facts));
	json_object_set_new(o, "reasons", reasons);
	char *printed = json_dumps(o, JSON_INDENT(2));
	json_decref(o);
	if (printed == NULL)
		return err_nomem(err, "report");
	enum rc rc = buf_add_format(out, err, "%s\n", printed);
	free(printed);
	return rc;
}

enum rc
report_text(const struct facts *facts, const struct verdict *verdict,
    struct buf *out, struct err *err)
{
	char when[WHEN_TEXT_MAX] = "";

	if (facts->time.source != TIME_NONE)
		when_print(facts->time.value, when);
	TRY(buf_add_format(out, err, "%s: %s\n", verdict_name(verdict->level),
	    verdict->sentence));
	TRY(buf_add_format(out, err, "  encrypted: %s %s\n",
	    encrypted_name(facts->encrypted.state), facts->encrypted.cipher));
	TRY(buf_add_format(out, err, "  signed:    %s %s\n", signed_name(facts),
	    facts->sig.by));
	TRY(buf_add_format(out, err, "  time:      %s %s\n",
	    time_name(facts->time.source), when));
	TRY(buf_add_str(out, "  reasons:  ", err));
	for (size_t i = 0; i < verdict->reasons; i++)
		TRY(buf_add_format(out, err, " %s", verdict->reason[i]));
	return buf_add_str(out, "\n", err);
}

enum rc
report_field(const struct verdict *verdict, int64_t now, struct buf *out,
    struct err *err)
{
	char when[WHEN_TEXT_MAX];
	struct buf value BUF_OWNED = BUF(1024);

	size_t len = strlen(verdict->sentence);

	/* in a row of parts the sentence needs no full stop */
	if (len > 0 && verdict->sentence[len - 1] == '.')
		len--;
	when_print(now, when);
	TRY(buf_add_format(&value, err, "%s; %.*s; as of %s",
	    verdict_name(verdict->level), (int)len, verdict->sentence, when));
	return field_print("Letterlock-Verdict", buf_span(&value), out, err);
}

enum rc
report_keywords(
    const struct verdict *verdict, struct strlist *out, struct err *err)
{
	struct buf keyword BUF_OWNED = BUF(128);

	TRY(buf_add_format(
	    &keyword, err, REPORT_KEYWORD "%s", verdict_name(verdict->level)));
	TRY(strlist_add(out, buf_span(&keyword), err));
	for (size_t i = 0; i < verdict->reasons; i++) {
		buf_clear(&keyword);
		TRY(buf_add_format(&keyword, err, REPORT_KEYWORD "reason-%s",
		    verdict->reason[i]));
		TRY(strlist_add(out, buf_span(&keyword), err));
	}
	return RC_OK;
}
