#include "flow/report.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/when.h"
#include "codec/word.h"
#include "mime/address.h"
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

/* A name that is the address says nothing new. */
static bool
has_name(const struct facts *f)
{
	return verdict_names_person(f) ||
	       address_matches(f->sig.name, f->sig.by);
}

static json_t *
signed_object(const struct facts *f)
{
	bool judged = f->sig.state == SIGNED_VALID;
	json_t *o = json_object();

	json_object_set_new(o, "state", text(signed_name(f)));
	json_object_set_new(o, "by", text(f->sig.by));
	json_object_set_new(o, "name", text(has_name(f) ? f->sig.name : ""));
	json_object_set_new(o, "organization",
	    text(verdict_names_organisation(f) ? f->sig.organization : ""));
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

/* RFC 9788 section 4: what a signature that does not count was around is not
 * signed; and what the reader's own agent sealed came in the clear. */
static const char *
protection(const struct facts *f, enum protect_state state)
{
	bool is_signed = f->sig.state == SIGNED_VALID && f->sig.unfit == NULL;
	bool sealed = f->encrypted.state != ENCRYPTED_AT_REST;
	bool says_signed = state == PROTECT_SIGNED_ONLY ||
			   state == PROTECT_SIGNED_AND_ENCRYPTED;
	bool says_sealed = state == PROTECT_ENCRYPTED_ONLY ||
			   state == PROTECT_SIGNED_AND_ENCRYPTED;

	if (is_signed && says_signed)
		return protect_name(sealed ? state : PROTECT_SIGNED_ONLY);
	return protect_name(sealed && says_sealed ? PROTECT_ENCRYPTED_ONLY
						  : PROTECT_UNPROTECTED);
}

static json_t *
headers_object(const struct facts *f)
{
	const struct {
		const char *name;
		enum protect_state state;
	} fields[] = {
	    {"subject", f->headers.subject},
	    {"from", f->headers.from},
	    {"to", f->headers.to},
	    {"cc", f->headers.cc},
	    {"date", f->headers.date},
	};
	json_t *o = json_object();

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		json_object_set_new(
		    o, fields[i].name, text(protection(f, fields[i].state)));
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
	json_object_set_new(o, "extra", text(verdict->extra));
	json_object_set_new(o, "advice", text(verdict->advice));
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

/* Columns on a terminal, roughly: what is not ASCII is Chinese, and wide. */
static int
columns(const char *label)
{
	int width = 0;

	for (; *label != '\0'; label++) {
		uint8_t c = (uint8_t)*label;
		width += c < 0x80 ? 1 : c >= 0xc0 ? 2 : 0;
	}
	return width;
}

#define LABEL_COLUMNS 13

static enum rc
add_line(const char *label, enum language language, const char *value,
    struct buf *out, struct err *err)
{
	const char *name = words_label(label, language);
	int blanks = LABEL_COLUMNS - columns(name);

	return buf_add_format(
	    out, err, "  %s%*s %s\n", name, blanks > 0 ? blanks : 0, "", value);
}

/* Lends the word for a state or a verdict: "value" and "intact". */
static const char *
word_of(const char *kind, const char *code, enum language language)
{
	char label[64];

	(void)snprintf(label, sizeof(label), "%s.%s", kind, code);
	const struct words *words = words_find(label, "");
	return words == NULL ? code : words->says[language];
}

/* A state, and what belongs to it. */
static enum rc
add_state(const char *label, enum language language, const char *state,
    const char *beside, struct buf *out, struct err *err)
{
	char value[WORDS_MAX + 64];

	(void)snprintf(value, sizeof(value), "%s%s%s",
	    word_of("value", state, language), beside[0] == '\0' ? "" : " ",
	    beside);
	return add_line(label, language, value, out, err);
}

/* An address is anybody's, and must not steer a terminal. */
static enum rc
add_signer(const struct facts *f, enum language language, struct buf *out,
    struct err *err)
{
	const struct words_names names = {.signer = f->sig.by};
	char by[WORDS_MAX] = "";

	if (f->sig.by[0] != '\0')
		words_fill("{signer}", &names, language, by);
	return add_state(
	    "label.signed", language, signed_name(f), by, out, err);
}

static enum rc
add_reasons(const struct verdict *verdict, enum language language,
    struct buf *out, struct err *err)
{
	struct buf codes BUF_OWNED = BUF(4096);

	if (verdict->reasons == 0)
		return RC_OK;
	for (size_t i = 0; i < verdict->reasons; i++)
		TRY(buf_add_format(&codes, err, "%s%s", i == 0 ? "" : " ",
		    verdict->reason[i]));
	TRY(buf_add(&codes, span_of("", 1), err));
	return add_line(
	    "label.reasons", language, (const char *)codes.data, out, err);
}

static enum rc
add_words(const struct verdict *verdict, enum language language,
    struct buf *out, struct err *err)
{
	static const char *const colons[] = {
	    [LANGUAGE_ENGLISH] = ": ", [LANGUAGE_CHINESE] = "\uff1a"};

	TRY(buf_add_format(out, err, "%s%s%s\n",
	    word_of("level", verdict_name(verdict->level), language),
	    colons[language], verdict->sentence));
	if (verdict->extra[0] != '\0')
		TRY(buf_add_format(out, err, "  %s\n", verdict->extra));
	return add_line("label.advice", language, verdict->advice, out, err);
}

enum rc
report_text(const struct facts *facts, const struct verdict *verdict,
    enum language language, struct buf *out, struct err *err)
{
	char when[WHEN_TEXT_MAX] = "";

	if (facts->time.source != TIME_NONE)
		when_print(facts->time.value, when);
	TRY(add_words(verdict, language, out, err));
	TRY(add_state("label.encrypted", language,
	    encrypted_name(facts->encrypted.state), facts->encrypted.cipher,
	    out, err));
	TRY(add_signer(facts, language, out, err));
	TRY(add_state("label.time", language, time_name(facts->time.source),
	    when, out, err));
	return add_reasons(verdict, language, out, err);
}

/* The full stop that ends a sentence, in bytes. */
static size_t
stop_of(struct span sentence)
{
	static const char *const stops[] = {".", "\u3002"};

	for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++) {
		size_t len = strlen(stops[i]);
		if (sentence.len >= len &&
		    span_is(span_after(sentence, sentence.len - len),
			span_str(stops[i])))
			return len;
	}
	return 0;
}

/* In a row of parts the sentence needs no full stop. */
static enum rc
add_sentences(const struct verdict *verdict, struct buf *out, struct err *err)
{
	struct buf said BUF_OWNED = BUF(2048);
	const char *extra = verdict->extra;

	TRY(buf_add_format(&said, err, "%s%s%s", verdict->sentence,
	    extra[0] == '\0' ? "" : " ", extra));
	struct span sentences = buf_span(&said);
	sentences.len -= stop_of(sentences);
	TRY(buf_add(out, sentences, err));
	return buf_add_str(out, ";", err);
}

enum rc
report_field(const struct verdict *verdict, int64_t now, struct buf *out,
    struct err *err)
{
	char when[WHEN_TEXT_MAX];
	struct buf said BUF_OWNED = BUF(2048);
	struct buf value BUF_OWNED = BUF(8192);

	when_print(now, when);
	TRY(add_sentences(verdict, &said, err));
	TRY(buf_add_format(&value, err, "%s; ", verdict_name(verdict->level)));
	TRY(word_encode(buf_span(&said), &value, err));
	TRY(buf_add_format(&value, err, " as of %s", when));
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
