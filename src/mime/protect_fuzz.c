/* clang -g -fsanitize=fuzzer,address,undefined -std=gnu2x -Isrc, this file
 * and the sources of mime, codec and base without their tests, -lcrypto:
 * whatever is composed, made 7-bit, revealed or stripped is what it should
 * be, and is so for the second time. */
#include "base/own.h"
#include "mime/address.h"
#include "mime/lines_priv.h"
#include "mime/protect.h"
#include "mime/sevenbit.h"

OWNER(struct entity, entity_free);
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

static void
check_sevenbit(const struct entity *entity)
{
	struct buf once BUF_OWNED = ROOM, twice BUF_OWNED = ROOM;

	if (sevenbit_print(entity, &once, NULL) != RC_OK)
		return;
	struct wire trouble = lines_look(buf_span(&once));
	must(!trouble.eight_bit && !trouble.control && !trouble.long_line,
	    "not 7-bit");
	struct entity *made ENTITY_OWNED = parse(buf_span(&once));
	must(entity_children(made) == entity_children(entity),
	    "other parts than before");
	must(sevenbit_print(made, &twice, NULL) == RC_OK &&
		 span_is(buf_span(&once), buf_span(&twice)),
	    "7-bit made 7-bit is changed");
}

static void
check_reveal(struct buf *outer_bytes, struct span payload_bytes)
{
	struct buf shown BUF_OWNED = ROOM;

	must(buf_add_str(outer_bytes,
		 "Content-Type: application/pkcs7-mime\r\n\r\n", NULL) == RC_OK,
	    "outer header too large");
	struct entity *outer ENTITY_OWNED = parse(buf_span(outer_bytes));
	struct entity *payload ENTITY_OWNED = parse(payload_bytes);
	must(protect_hp(payload) != NULL, "payload without hp");
	must(protect_reveal(outer, payload, &shown, NULL) == RC_OK,
	    "cannot be revealed");
	struct entity *letter ENTITY_OWNED = parse(buf_span(&shown));
	must(fields_count(&letter->fields, "Letterlock-Verdict") == 0 &&
		 fields_count(&letter->fields, "HP-Outer") == 0 &&
		 fields_count(&letter->fields, "MIME-Version") == 1,
	    "shows a field that it must not");
	must(entity_children(letter) == entity_children(payload),
	    "shows other parts");
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
	if (protect_compose(entity,
		len % 2 == 0 ? PROTECT_BASELINE : PROTECT_SHY, true,
		len % 3 == 0 ? "eve@c.test" : NULL, &payload, &outer,
		NULL) == RC_OK)
		check_reveal(&outer, buf_span(&payload));
	(void)(protect_reveal(entity, entity, &shown, NULL) == RC_OK);
	return 0;
}
