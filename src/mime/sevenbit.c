#include "mime/sevenbit.h"

#include <stdlib.h>

#include "base/own.h"
#include "mime/sevenbit_priv.h"

/* How much is worked on at once: what is read, made and looked at again then
 * stays in the processor's cache, and little memory is needed. */
#define PIECE ((size_t)64 * 1024)

struct sevenbit {
	struct sevenbit_look *look;       /* owned; until all was looked at */
	struct sevenbit_printer *printer; /* owned; from then on */
	struct sevenbit_plan plan;
};

OWNER(struct sevenbit, sevenbit_free);

enum rc
sevenbit_new(struct sevenbit **ret, struct err *err)
{
	struct sevenbit *sevenbit OWNED(sevenbit_free) =
	    calloc(1, sizeof(*sevenbit));

	if (sevenbit == NULL)
		return err_nomem(err, "letter");
	TRY(sevenbit_look_new(&sevenbit->look, err));
	*ret = take(sevenbit);
	return RC_OK;
}

void
sevenbit_free(struct sevenbit *sevenbit)
{
	if (sevenbit == NULL)
		return;
	sevenbit_look_free(sevenbit->look);
	sevenbit_printer_free(sevenbit->printer);
	free(sevenbit->plan.part);
	free(sevenbit);
}

/* ---- the first time ------------------------------------------------------------ */

static enum rc
look(struct sevenbit *sevenbit, struct span bytes, bool last, struct err *err)
{
	if (sevenbit->look == NULL)
		bug("sevenbit: looked at behind its end");
	return sevenbit_look_push(
	    sevenbit->look, bytes, last, &sevenbit->plan, err);
}

enum rc
sevenbit_look(struct sevenbit *sevenbit, struct span bytes, struct err *err)
{
	while (bytes.len > 0) {
		struct span piece = span_first(bytes, PIECE);
		TRY(look(sevenbit, piece, false, err));
		bytes = span_after(bytes, piece.len);
	}
	return RC_OK;
}

enum rc
sevenbit_look_end(
    struct sevenbit *sevenbit, struct sevenbit_needs *needs, struct err *err)
{
	const struct sevenbit_plan *plan = &sevenbit->plan;

	TRY(look(sevenbit, span_str(""), true, err));
	sevenbit_look_free(take(sevenbit->look));
	TRY(sevenbit_printer_new(&sevenbit->printer, err));
	needs->eight_bit |= plan->result.eight_bit;
	needs->utf8 |= plan->utf8;
	needs->binary |= plan->rough;
	return RC_OK;
}

struct sevenbit_shape
sevenbit_shape(const struct sevenbit *sevenbit)
{
	const struct sevenbit_plan *plan = &sevenbit->plan;
	struct sevenbit_shape shape = {
	    .malformed = plan->parts > 0 && plan->part[0].malformed,
	    .first_malformed = plan->parts > 1 && plan->part[1].malformed};

	for (size_t i = 0; i < plan->parts; i++)
		shape.parts += plan->part[i].top ? 1 : 0;
	return shape;
}

/* ---- the second time ----------------------------------------------------------- */

static enum rc
print(struct sevenbit *sevenbit, struct span bytes, bool last, struct buf *out,
    struct err *err)
{
	if (sevenbit->printer == NULL)
		bug("sevenbit: printed before all was looked at");
	return sevenbit_printer_push(
	    sevenbit->printer, bytes, last, &sevenbit->plan, out, err);
}

enum rc
sevenbit_print(struct sevenbit *sevenbit, struct span bytes, struct buf *out,
    struct err *err)
{
	size_t before = out->len;

	while (bytes.len > 0) {
		struct span piece = span_first(bytes, PIECE);
		enum rc rc = print(sevenbit, piece, false, out, err);
		if (rc != RC_OK) {
			buf_cut(out, before);
			return rc;
		}
		bytes = span_after(bytes, piece.len);
	}
	return RC_OK;
}

enum rc
sevenbit_print_end(struct sevenbit *sevenbit, struct buf *out, struct err *err)
{
	return print(sevenbit, span_str(""), true, out, err);
}
