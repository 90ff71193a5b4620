/* mime/protect_testkit -- composing and reading letters in tests; for
 * *_test.c only. */
#ifndef MIME_PROTECT_TESTKIT_PRIV_H
#define MIME_PROTECT_TESTKIT_PRIV_H

#include <stdio.h>
#include <unistd.h>

#include "base/expect.h"
#include "base/own.h"
#include "mime/protect_reference.h"
#include "mime/sevenbit_testkit_priv.h"

OWNER(struct entity, entity_free);
OWNER(struct protect_writer, protect_writer_free);
#define ENTITY_OWNED OWNED(entity_free)
OWNER(struct protect_view, protect_view_free);
#define VIEW_OWNED OWNED(protect_view_free)

#define BIG BUF((size_t)1 << 26)

struct composed {
	struct buf payload, outer;
	struct sevenbit_needs needs;
};

static inline void
composed_done(struct composed *composed)
{
	buf_done(&composed->payload);
	buf_done(&composed->outer);
}

#define COMPOSED_NONE ((struct composed){BIG, BIG, {false, false, false}})
#define COMPOSED_OWNED __attribute__((cleanup(composed_done)))

#define BOUNDARY "=_letter_0"

/* Each piece is in a block of exactly its size. */
static inline enum rc
compose_looked(struct protect_writer *writer, struct span in, size_t size,
    struct composed *ret, struct err *err)
{
	while (in.len > 0) {
		struct span piece EXACT = expect_exact(span_first(in, size));
		TRY(protect_look(writer, piece, err));
		in = span_after(in, size);
	}
	return protect_look_end(writer, &ret->outer, &ret->needs, err);
}

static inline enum rc
compose_written(struct protect_writer *writer, struct span in, size_t size,
    struct composed *ret, struct err *err)
{
	while (in.len > 0) {
		struct span piece EXACT = expect_exact(span_first(in, size));
		TRY(protect_write(writer, piece, &ret->payload, err));
		in = span_after(in, size);
	}
	return protect_write_end(writer, &ret->payload, err);
}

static inline enum rc
compose_cut(struct span in, const struct protect_options *options, size_t look,
    size_t write, struct composed *ret, struct err *err)
{
	struct protect_writer *writer OWNED(protect_writer_free) = NULL;

	TRY(protect_writer_new(options, &writer, err));
	TRY(compose_looked(writer, in, look, ret, err));
	return compose_written(writer, in, write, ret, err);
}

/* The letter with its display, if it is to have one. */
static inline void
display(struct span letter, struct protect_options *options, struct buf *out)
{
	struct entity *root ENTITY_OWNED = NULL;
	bool added = false;

	assert_ok(entity_parse(letter, ENTITY_LIMITS, &root, NULL));
	if (options->legacy && options->encrypting)
		assert_ok(protect_add_display(
		    root, options->policy, out, &added, NULL));
	if (!added)
		assert_ok(buf_add(out, letter, NULL));
	options->legacy = added;
}

/* In every way to cut the letter: the result must be the same. */
static inline enum rc
compose(const char *letter, const struct protect_options *options,
    struct composed *ret, struct err *err)
{
	struct span exact EXACT = expect_exact(span_str(letter));
	struct buf shown BUF_OWNED = BIG;
	struct protect_options given = *options;

	*ret = COMPOSED_NONE;
	if (given.boundary == NULL)
		given.boundary = BOUNDARY;
	display(exact, &given, &shown);
	struct span in = buf_span(&shown);
	enum rc rc = compose_cut(in, &given, WHOLE, WHOLE, ret, err);
	for (size_t i = 0; i < COUNT(sevenbit_cuts); i++) {
		struct composed got COMPOSED_OWNED = COMPOSED_NONE;
		assert_rc(compose_cut(in, &given, sevenbit_cuts[i][0],
			      sevenbit_cuts[i][1], &got, NULL),
		    rc);
		assert_bytes(buf_span(&got.payload), buf_span(&ret->payload));
		assert_bytes(buf_span(&got.outer), buf_span(&ret->outer));
		if (rc == RC_OK)
			assert_true(same_needs(&got.needs, &ret->needs));
	}
	return rc;
}

static inline void
compose_ok(const char *letter, const struct protect_options *options,
    struct composed *ret)
{
	struct err err = ERR_NONE;

	assert_done(compose(letter, options, ret, &err), err);
}

static const struct protect_options baseline = {
    .policy = PROTECT_BASELINE, .encrypting = true};
static const struct protect_options shy = {
    .policy = PROTECT_SHY, .encrypting = true};
static const struct protect_options hide_nothing = {
    .policy = PROTECT_NONE, .encrypting = true};
static const struct protect_options signing = {.encrypting = false};

static inline bool
has(const struct buf *buf, const char *text)
{
	return span_find(buf_span(buf), span_str(text)) >= 0;
}

#define ENVELOPED                                                             \
	"MIME-Version: 1.0\r\n"                                               \
	"Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n" \
	"Content-Transfer-Encoding: base64\r\n\r\nMIIB\r\n"

/* A letter with both its entities: what a reader has. */
struct received {
	struct span outer_bytes, payload_bytes;
	struct entity *outer, *payload;
	struct protect_letter letter;
};

static inline void
received_done(struct received *received)
{
	entity_free(received->outer);
	entity_free(received->payload);
	expect_free(&received->outer_bytes);
	expect_free(&received->payload_bytes);
}

#define RECEIVED_OWNED __attribute__((cleanup(received_done)))

static inline void
receive_spans(struct span outer, struct span payload, bool encrypted,
    bool signature_valid, struct received *ret)
{
	*ret = (struct received){
	    .outer_bytes = expect_exact(outer),
	    .payload_bytes = expect_exact(payload),
	};
	assert_ok(
	    entity_parse(ret->outer_bytes, ENTITY_LIMITS, &ret->outer, NULL));
	assert_ok(entity_parse(
	    ret->payload_bytes, ENTITY_LIMITS, &ret->payload, NULL));
	ret->letter = (struct protect_letter){
	    ret->outer, ret->payload, encrypted, signature_valid};
}

static inline void
receive(const char *outer, const char *payload, struct received *ret)
{
	receive_spans(span_str(outer), span_str(payload), true, true, ret);
}

/* What was composed, as it arrives. */
static inline void
receive_composed(const struct composed *composed, struct received *ret)
{
	struct buf outer BUF_OWNED = BIG;

	assert_ok(buf_add(&outer, buf_span(&composed->outer), NULL));
	assert_ok(buf_add_str(&outer, ENVELOPED, NULL));
	receive_spans(
	    buf_span(&outer), buf_span(&composed->payload), true, true, ret);
}

/* ---- what is shown ----------------------------------------------------------- */

/* How a payload comes: in pieces of these lengths, again and again. */
static const size_t view_steps[][6] = {{SIZE_MAX}, {1}, {2}, {3, 1}, {7, 5},
    {1, 2, 3, 5, 8, 13}, {64, 1}, {255}, {1000, 1}};

/* Each piece is gone after its call. */
static inline enum rc
view_in_steps(struct protect_view *view, struct span payload,
    const size_t steps[6], struct buf *out, struct err *err)
{
	enum rc rc = RC_OK;

	for (size_t i = 0; payload.len > 0 && rc == RC_OK; i++) {
		if (i == 6 || steps[i] == 0)
			i = 0;
		struct span piece EXACT =
		    expect_exact(span_first(payload, steps[i]));
		rc = protect_view_push(view, piece, out, err);
		payload = span_after(payload, piece.len);
	}
	return rc == RC_OK ? protect_view_end(view, out, err) : rc;
}

/* The headers that a view goes by, and no bodies. */
static inline struct span
view_headers(const struct entity *payload)
{
	size_t len = payload->header.len;

	if (payload->child != NULL && entity_is(payload, "message", "rfc822"))
		len = (size_t)(payload->child->header.data -
			       payload->whole.data) +
		      payload->child->header.len;
	return span_first(payload->whole, len);
}

/* Nothing but the headers is known when it begins, and they are gone when the
 * payload comes. */
static inline enum rc
view_new_of_headers(const struct protect_letter *letter,
    struct protect_view **ret, struct err *err)
{
	struct span headers EXACT = expect_exact(view_headers(letter->payload));
	struct entity *payload ENTITY_OWNED = NULL;
	struct protect_letter known = *letter;

	assert_ok(entity_parse(headers, ENTITY_LIMITS, &payload, NULL));
	known.payload = payload;
	if (letter->payload == letter->outer)
		known.outer = payload;
	return protect_view_new(&known, ret, err);
}

static inline enum rc
view_whole(
    const struct protect_letter *letter, struct buf *out, struct err *err)
{
	struct protect_view *view VIEW_OWNED = NULL;

	assert_ok(protect_view_new(letter, &view, err));
	return view_in_steps(
	    view, letter->payload->whole, view_steps[0], out, err);
}

/* Appends what is shown, which is the same however the payload comes. */
static inline enum rc
view_letter(
    const struct protect_letter *letter, struct buf *out, struct err *err)
{
	size_t before = out->len;
	enum rc rc = view_whole(letter, out, err);
	struct span want = span_after(buf_span(out), before);

	for (size_t i = 1; i < COUNT(view_steps); i++) {
		struct protect_view *view VIEW_OWNED = NULL;
		struct buf got BUF_OWNED = BIG;
		assert_ok(view_new_of_headers(letter, &view, NULL));
		if (view_in_steps(view, letter->payload->whole, view_steps[i],
			&got, NULL) != rc)
			fail_msg("steps %zu: another result", i);
		if (rc == RC_OK && !span_is(buf_span(&got), want))
			fail_msg("steps %zu: other bytes are shown", i);
	}
	return rc;
}

/* Runs Debian's Python, whose email module is nobody's code here; it gets the
 * bytes on its standard input. */
static inline void
ask_python(const char *script, struct span input)
{
	char command[4096];
	FILE *python;

	if (access("/usr/bin/python3", X_OK) != 0)
		skip();
	int len = snprintf(command, sizeof(command),
	    "/usr/bin/python3 -c '\n"
	    "import sys, email, email.policy\n"
	    "from email.headerregistry import Address\n"
	    "m = email.message_from_bytes(sys.stdin.buffer.read(),"
	    " policy=email.policy.default)\n"
	    "assert not m.defects, m.defects\n%s'",
	    script);
	assert_in_range(len, 1, sizeof(command) - 1);
	python = popen(command, "w");
	assert_non_null(python);
	assert_int_equal(fwrite(input.data, 1, input.len, python), input.len);
	assert_int_equal(pclose(python), 0);
}

#endif
