#include "cms/sealed.h"

#include <stdlib.h>

#include "cms/peel_priv.h"
#include "cms/smime.h"
#include "cms/walk_priv.h"
#include "pki/der.h"

#define RECIPIENTS_MAX ((size_t)64 << 20)
#define HEAD_MAX 4096
#define CONTEXT_1 0xa1
#define CONTEXT_2 0xa2
#define CONTENT_TAG 0x80
#define TAG_MAX 16
/* Base64 in lines of 64 with CRLF is 1.375 times its bytes. */
#define BODY_MOST(decoded) ((decoded) + (decoded) / 2 + 4096)
/* Of so many bytes of a cipher's text, three in eight could stand in a text. */
#define LOOK_MOST 4096
#define LOOK_LEAST 256

enum { PART_NONE, PART_CONTENT };

static const struct walk_row rows[] = {
    {0, DER_SEQUENCE, WALK_ENTER, 0, 0, PART_NONE},
    {1, DER_OID, WALK_SKIP, 0, HEAD_MAX, PART_NONE},
    {1, DER_CONTEXT_0, WALK_ENTER, 0, 0, PART_NONE},
    {2, DER_SEQUENCE, WALK_ENTER, 0, 0, PART_NONE},
    {3, DER_INTEGER, WALK_SKIP, 0, HEAD_MAX, PART_NONE},
    {3, DER_CONTEXT_0, WALK_SKIP, WALK_OPTIONAL, RECIPIENTS_MAX, PART_NONE},
    {3, DER_SET, WALK_SKIP, 0, RECIPIENTS_MAX, PART_NONE},
    {3, DER_SEQUENCE, WALK_ENTER, 0, 0, PART_NONE},
    {4, DER_OID, WALK_SKIP, 0, HEAD_MAX, PART_NONE},
    {4, DER_SEQUENCE, WALK_SKIP, 0, HEAD_MAX, PART_NONE},
    {4, CONTENT_TAG, WALK_STREAM, 0, 0, PART_CONTENT},
    {3, CONTEXT_1, WALK_SKIP, WALK_OPTIONAL, HEAD_MAX, PART_NONE},
    {3, DER_OCTETS, WALK_SKIP, WALK_OPTIONAL, TAG_MAX, PART_NONE},
    {3, CONTEXT_2, WALK_SKIP, WALK_OPTIONAL, HEAD_MAX, PART_NONE},
};
static const struct walk_table table = {
    "encrypted message", rows, sizeof(rows) / sizeof(rows[0])};

struct sealed {
	struct peel *peel;
	struct walk walk;
	bool readable;     /* that much is known */
	unsigned blank;    /* line ends in a row, until the header is over */
	uint64_t body;     /* bytes behind the header, as they came */
	uint64_t decoded;  /* of CMS */
	size_t seen, text; /* of the encrypted content; like text */
};

enum rc
sealed_new(struct sealed **ret, struct err *err)
{
	struct sealed *sealed OWNED(sealed_free) = calloc(1, sizeof(*sealed));

	if (sealed == NULL)
		return err_nomem(err, "letter");
	walk_init(&sealed->walk, &table);
	TRY(peel_new(PEEL_PLAIN, &sealed->peel, err));
	*ret = take(sealed);
	return RC_OK;
}

void
sealed_free(struct sealed *sealed)
{
	if (sealed == NULL)
		return;
	peel_free(sealed->peel);
	walk_done(&sealed->walk);
	free(sealed);
}

/* --- how much there is --------------------------------------------------------*/

/* The header ends at the first empty line. */
static void
count_body(struct sealed *sealed, struct span bytes)
{
	size_t at = 0;

	for (; at < bytes.len && sealed->blank < 2; at++) {
		if (bytes.data[at] == '\n')
			sealed->blank++;
		else if (bytes.data[at] != '\r')
			sealed->blank = 0;
	}
	sealed->body += bytes.len - at;
}

static bool
is_text(uint8_t byte)
{
	return (byte >= 0x20 && byte < 0x7f) || byte == '\t' || byte == '\n' ||
	       byte == '\r';
}

static void
look_at_content(struct sealed *sealed, struct span bytes)
{
	for (size_t i = 0; i < bytes.len && sealed->seen < LOOK_MOST; i++) {
		sealed->seen++;
		sealed->text += is_text(bytes.data[i]);
	}
}

/* Of what a cipher makes each byte is as likely as any other; what is text in
 * five of eight bytes was made by none. */
static bool
looks_encrypted(const struct sealed *sealed)
{
	return sealed->seen < LOOK_LEAST || sealed->text * 8 < sealed->seen * 5;
}

/* --- what it is ---------------------------------------------------------------*/

static void
take_cms(struct sealed *sealed, struct span cms)
{
	struct walk_item item;
	struct err ignored = ERR_NONE;
	enum rc rc;

	sealed->decoded += cms.len;
	walk_push(&sealed->walk, cms);
	while ((rc = walk_next(&sealed->walk, &item, &ignored)) == RC_OK)
		if (item.event == WALK_BYTES)
			look_at_content(sealed, item.bytes);
	if (rc != RC_AGAIN)
		sealed->readable = true;
}

static enum rc
run(struct sealed *sealed, struct span bytes, bool last, struct err *err)
{
	struct peel_event event = {.what = PEEL_MORE};
	struct err why = ERR_NONE;

	do {
		enum rc rc =
		    peel_next(sealed->peel, &bytes, last, &event, &why);
		if (rc == RC_NOMEM)
			return err_nomem(err, "letter");
		if (rc != RC_OK ||
		    (event.what != PEEL_CMS && event.what != PEEL_MORE)) {
			sealed->readable = true;
			return RC_OK;
		}
		if (event.what == PEEL_CMS)
			take_cms(sealed, event.bytes);
	} while (event.what != PEEL_MORE && !sealed->readable);
	return RC_OK;
}

enum rc
sealed_push(struct sealed *sealed, struct span bytes, struct err *err)
{
	count_body(sealed, bytes);
	return sealed->readable ? RC_OK : run(sealed, bytes, false, err);
}

static bool
is_encrypted(enum smime_kind kind)
{
	return kind == SMIME_ENVELOPED || kind == SMIME_AUTH_ENVELOPED;
}

enum rc
sealed_finish(struct sealed *sealed, bool *ret, struct err *err)
{
	struct err ignored = ERR_NONE;

	if (!sealed->readable)
		TRY(run(sealed, SPAN_NONE, true, err));
	*ret = !sealed->readable && is_encrypted(peel_kind(sealed->peel)) &&
	       walk_finish(&sealed->walk, &ignored) == RC_OK &&
	       sealed->body <= BODY_MOST(sealed->decoded) &&
	       looks_encrypted(sealed);
	return RC_OK;
}

enum rc
sealed_check(const struct source *letter, bool *ret, struct err *err)
{
	struct sealed *sealed OWNED(sealed_free) = NULL;
	struct span piece;

	TRY(sealed_new(&sealed, err));
	TRY(letter->rewind(letter->self, err));
	do {
		TRY(letter->next(letter->self, &piece, err));
		TRY(sealed_push(sealed, piece, err));
	} while (piece.len > 0);
	return sealed_finish(sealed, ret, err);
}
