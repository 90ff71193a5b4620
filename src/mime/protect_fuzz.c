/* clang -g -fsanitize=fuzzer,address,undefined -std=gnu2x -Isrc, this file
 * and the sources of mime, codec and base without their tests, -lcrypto:
 * whatever is composed, made 7-bit, revealed or stripped is what it should
 * be, and is so for the second time. */
#include <strings.h>

#include "mime/address.h"
#include "mime/lines_priv.h"
#include "mime/protect_reference.h"
#include "mime/sevenbit_testkit_priv.h"

OWNER(struct entity, entity_free);
OWNER(struct protect_writer, protect_writer_free);
OWNER(struct protect_view, protect_view_free);
#define ENTITY_OWNED OWNED(entity_free)
#define ROOM BUF((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
must(bool true_for_all, const char *what)
{
	if (!true_for_all)
		bug(what);
}

static struct entity *
parse(struct span bytes)
{
	struct entity *entity = NULL;

	must(entity_parse(bytes, ENTITY_LIMITS, &entity, NULL) == RC_OK,
	    "what we made cannot be read");
	return entity;
}

static void
check_strip(struct span in)
{
	struct buf once BUF_OWNED = ROOM, twice BUF_OWNED = ROOM;

	must(protect_strip_verdict(in, &once, NULL) == RC_OK &&
		 protect_strip_verdict(buf_span(&once), &twice, NULL) == RC_OK,
	    "strip failed");
	must(span_is(buf_span(&once), buf_span(&twice)), "not all stripped");
}

static void
check_addresses(struct span in)
{
	struct mailboxes list MAILBOXES_OWNED = MAILBOXES_NONE;

	if (mailboxes_parse(in, &list, NULL) != RC_OK)
		return;
	for (size_t i = 0; i < list.len; i++) {
		struct mailboxes again MAILBOXES_OWNED = MAILBOXES_NONE;
		const char *address = list.item[i].address;
		must(
		    mailboxes_parse(span_str(address), &again, NULL) == RC_OK &&
			again.len == 1 &&
			strcmp(again.item[0].address, address) == 0,
		    "an address is read as another one");
	}
}

/* RFC 6532 section 3.5: the one message that may be encoded, and is no part
 * any more then. */
static size_t
children(const struct entity *entity)
{
	return entity_is(entity, "message", "global") ? 0
						      : entity_children(entity);
}

/* What made it so may be in a part that was encoded, and be gone then. */
static bool
has_malformed(const struct entity *entity)
{
	bool any = entity->malformed;

	for (const struct entity *c = entity->child; c != NULL; c = c->next)
		any |= has_malformed(c);
	return any;
}

/* Cut in a way that the input decides. */
static enum rc
print_twice(struct span in, struct sevenbit_needs *needs, struct buf *out)
{
	struct buf again BUF_OWNED = ROOM;
	struct sevenbit_needs needed = *needs;
	size_t look = in.len % 7 + 1, print = in.len % 11 + 1;

	enum rc rc = print_cut(in, WHOLE, WHOLE, needs, out, NULL);
	must(print_cut(in, look, print, &needed, &again, NULL) == rc,
	    "another result in pieces");
	must(rc != RC_OK || (same_needs(needs, &needed) &&
				span_is(buf_span(out), buf_span(&again))),
	    "another letter in pieces");
	return rc;
}

/* The second pass over a letter of which one byte is another: whatever is
 * printed to its end is as safe as the first pass said. */
static void
check_changed(struct span in)
{
	struct sevenbit *sevenbit OWNED(sevenbit_free) = NULL;
	struct sevenbit_needs needs = {false, false, false};
	struct buf other BUF_OWNED = ROOM, out BUF_OWNED = ROOM;

	if (in.len == 0 || buf_add(&other, in, NULL) != RC_OK ||
	    sevenbit_new(&sevenbit, NULL) != RC_OK ||
	    look_pieces(sevenbit, in, WHOLE, &needs, NULL) != RC_OK)
		return;
	other.data[in.data[0] * in.len / 256] ^= in.data[in.len - 1];
	if (print_pieces(sevenbit, buf_span(&other), WHOLE, &out, NULL) !=
	    RC_OK)
		return;
	struct wire trouble = lines_look(buf_span(&out));
	must(trouble.eight_bit <= needs.eight_bit &&
		 (needs.binary || (!trouble.control && !trouble.long_line)),
	    "unsafe, where the letter changed");
}

static void
check_sevenbit(const struct entity *entity)
{
	struct buf once BUF_OWNED = ROOM, twice BUF_OWNED = ROOM;
	struct sevenbit_needs needs = {false, false, false}, again = needs;

	check_changed(entity->whole);
	if (print_twice(entity->whole, &needs, &once) != RC_OK)
		return;
	struct wire trouble = lines_look(buf_span(&once));
	must(trouble.eight_bit == needs.eight_bit &&
		 (needs.binary || (!trouble.control && !trouble.long_line)),
	    "not 7-bit");
	struct entity *made ENTITY_OWNED = parse(buf_span(&once));
	must(children(made) == children(entity), "other parts than before");
	if (has_malformed(entity))
		return;
	must(print_twice(buf_span(&once), &again, &twice) == RC_OK &&
		 span_is(buf_span(&once), buf_span(&twice)),
	    "7-bit made 7-bit is changed");
}

static enum rc
write_letter(struct span letter, const struct protect_options *options,
    struct buf *payload, struct buf *outer)
{
	struct protect_writer *writer OWNED(protect_writer_free) = NULL;
	struct sevenbit_needs needs = {false, false, false};
	size_t half = letter.len / 2;

	TRY(protect_writer_new(options, &writer, NULL));
	TRY(protect_look(writer, letter, NULL));
	TRY(protect_look_end(writer, outer, &needs, NULL));
	TRY(protect_write(writer, span_first(letter, half), payload, NULL));
	TRY(protect_write(writer, span_after(letter, half), payload, NULL));
	return protect_write_end(writer, payload, NULL);
}

/* With the display in its text, if there is to be one. */
static enum rc
compose(const struct entity *letter, const struct protect_options *options,
    struct buf *payload, struct buf *outer)
{
	struct protect_options given = *options;
	struct buf shown BUF_OWNED = ROOM;

	if (options->legacy)
		TRY(protect_add_display(
		    letter, options->policy, &shown, &given.legacy, NULL));
	return write_letter(given.legacy ? buf_span(&shown) : letter->whole,
	    &given, payload, outer);
}

static enum rc
show(const struct protect_letter *letter, size_t step, struct buf *out)
{
	struct protect_view *view OWNED(protect_view_free) = NULL;
	struct span rest = letter->payload->whole;

	must(protect_view_new(letter, &view, NULL) == RC_OK,
	    "a header that cannot be shown");
	while (rest.len > 0) {
		TRY(protect_view_push(view, span_first(rest, step), out, NULL));
		rest = span_after(rest, step);
	}
	return protect_view_end(view, out, NULL);
}

/* Also in odd pieces it is the same. */
static enum rc
show_both(const struct protect_letter *letter, struct buf *out)
{
	struct buf again BUF_OWNED = ROOM;
	enum rc rc = show(letter, SIZE_MAX, out);

	must(show(letter, 1 + letter->payload->whole.len % 7, &again) == rc,
	    "in pieces, it cannot be shown");
	must(rc != RC_OK || span_is(buf_span(out), buf_span(&again)),
	    "in pieces, something else is shown");
	return rc;
}

static void
check_shown(const struct protect_letter *letter)
{
	struct buf shown BUF_OWNED = ROOM;

	must(show_both(letter, &shown) == RC_OK, "cannot be shown");
	struct entity *view ENTITY_OWNED = parse(buf_span(&shown));
	must(fields_count(&view->fields, "Letterlock-Verdict") == 0 &&
		 fields_count(&view->fields, "HP-Outer") == 0 &&
		 fields_count(&view->fields, "MIME-Version") == 1,
	    "shows a field that it must not");
	must(entity_children(view) == entity_children(letter->payload),
	    "shows other parts");
}

/* What a letter kept secret is printed, parsed, and used for an answer that
 * is the same letter again. */
static void
check_reference(
    const struct protect_letter *letter, const struct entity *answer)
{
	struct protect_reference made REFERENCE_OWNED = REFERENCE_NONE;
	struct protect_reference back REFERENCE_OWNED = REFERENCE_NONE;
	struct buf text BUF_OWNED = ROOM, again BUF_OWNED = ROOM;
	struct buf payload BUF_OWNED = ROOM, outer BUF_OWNED = ROOM;
	const struct protect_options options = {.policy = PROTECT_NONE,
	    .encrypting = true,
	    .reference = &back,
	    .boundary = "=_letter_0"};

	if (protect_reference_add(&made, letter, NULL) != RC_OK ||
	    protect_reference_print(&made, &text, NULL) != RC_OK)
		return;
	must(protect_reference_parse(&back, buf_span(&text), NULL) == RC_OK &&
		 protect_reference_print(&back, &again, NULL) == RC_OK &&
		 span_is(buf_span(&text), buf_span(&again)),
	    "a reference is not what was printed");
	if (compose(answer, &options, &payload, &outer) != RC_OK)
		return;
	struct entity *sent ENTITY_OWNED = parse(buf_span(&outer));
	for (size_t i = 0; i < back.len; i++)
		must(back.item[i].kind != REFERENCE_TEXT ||
			 strcasecmp(back.item[i].field, "Subject") != 0 ||
			 back.item[i].instead != NULL ||
			 fields_find(&sent->fields, "Subject") == NULL,
		    "a subject that was hidden is shown");
}

static void
check_reading(const struct entity *entity, struct buf *outer_bytes,
    struct span payload_bytes)
{
	must(buf_add_str(outer_bytes,
		 "Content-Type: application/pkcs7-mime\r\n\r\n", NULL) == RC_OK,
	    "outer header too large");
	struct entity *outer ENTITY_OWNED = parse(buf_span(outer_bytes));
	struct entity *payload ENTITY_OWNED = parse(payload_bytes);
	const struct protect_letter letter = {outer, payload, true, true};

	must(protect_form_of(&letter) == PROTECT_FORM_CIPHER,
	    "payload without hp");
	check_shown(&letter);
	check_reference(&letter, entity);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf payload BUF_OWNED = ROOM, outer BUF_OWNED = ROOM;
	struct buf shown BUF_OWNED = ROOM;
	struct entity *entity ENTITY_OWNED = NULL;

	check_strip(span_of(data, len));
	check_addresses(span_of(data, len));
	if (entity_parse(span_of(data, len), ENTITY_LIMITS, &entity, NULL) !=
	    RC_OK)
		return 0;
	check_sevenbit(entity);
	const struct protect_options options = {
	    .policy = len % 2 == 0 ? PROTECT_BASELINE : PROTECT_SHY,
	    .encrypting = true,
	    .legacy = len % 5 == 0,
	    .bcc = len % 3 == 0 ? "eve@c.test" : NULL,
	    .boundary = "=_letter_0",
	};
	if (compose(entity, &options, &payload, &outer) == RC_OK)
		check_reading(entity, &outer, buf_span(&payload));
	const struct protect_letter letter = {entity, entity, true, true};
	(void)(show_both(&letter, &shown) == RC_OK);
	if (entity->child == NULL)
		return 0;
	const struct protect_letter inner = {entity, entity->child, true, true};
	buf_clear(&shown);
	(void)(show_both(&inner, &shown) == RC_OK);
	check_reference(&inner, entity);
	return 0;
}
