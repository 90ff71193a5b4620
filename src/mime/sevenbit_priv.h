/* mime/sevenbit, inside: what is decided about a part in the first pass, who
 * decides it and who prints it.
 *
 * Standard:  as mime/sevenbit.
 * May use:   base codec.
 */
#ifndef MIME_SEVENBIT_PRIV_H
#define MIME_SEVENBIT_PRIV_H

#include "mime/lines_priv.h"
#include "mime/sevenbit.h"
#include "mime/sevenbit_walk_priv.h"

/* RC_CRYPTO: the bytes of the second pass are not those of the first. */
enum rc sevenbit_changed(struct err *err);

/* ---- headers ----------------------------------------------------------------- */

/* What is in the fields as they will be printed. */
struct sevenbit_fields {
	bool eight_bit, long_line;
	bool utf8;  /* needs SMTPUTF8 */
	bool rough; /* another's field stays, with lines too long */
};

/* How a header is printed. */
struct sevenbit_header {
	size_t len;           /* of it; the rest belongs to a delimiter */
	const char *encoding; /* to be said instead of what it says, or NULL */
	bool end;             /* with an empty line, if it has none */
	bool strict;          /* it is our own letter's: must be UTF-8 */
};

/* Look at all fields but the one that says the encoding, and at that: it may
 * be written anew.  The errors are of `strict` only. */
enum rc sevenbit_look_fields(const struct entity *entity, bool strict,
    struct sevenbit_fields *ret, struct err *err);
enum rc sevenbit_look_encoding(const struct entity *entity, bool strict,
    struct sevenbit_fields *ret, struct err *err);

/* Append the header.  RC_CRYPTO: it is another than was looked at. */
enum rc sevenbit_print_header(const struct entity *entity,
    const struct sevenbit_header *how, struct buf *out, struct err *err);

/* ---- decisions --------------------------------------------------------------- */

enum sevenbit_form {
	FORM_CONTAINER,
	FORM_PLAIN,  /* a leaf that is safe */
	FORM_KEPT,   /* a leaf that is not, and stays */
	FORM_QP,     /* a leaf to be encoded so */
	FORM_BASE64, /* the same */
};

struct sevenbit_part {
	enum sevenbit_form form;
	size_t len, header_len;
	bool malformed;
	bool top;           /* lies right in the entity itself */
	bool wide;          /* said 8bit or binary */
	bool harmless;      /* KEPT: but there is no trouble in it */
	bool lines;         /* QP, BASE64: it is in lines, which end in CRLF */
	bool drop_preamble; /* CONTAINER */
	bool drop_epilogue; /* CONTAINER */
	struct sevenbit_fields encoding; /* the field that says it */
};

struct sevenbit_look; /* the first pass */

/* What the first pass finds, complete when it is over. */
struct sevenbit_plan {
	struct sevenbit_part *part; /* owned */
	size_t parts, cap;
	bool wide_stays;    /* a part stays 8-bit, so what holds it may say
			     * so */
	struct wire result; /* what will be in what is printed: the flags */
	bool rough; /* a NUL, a bare CR or a long line stays in a part */
	bool utf8;
};

enum rc sevenbit_look_new(struct sevenbit_look **ret, struct err *err);
void sevenbit_look_free(struct sevenbit_look *look);
enum rc sevenbit_look_push(struct sevenbit_look *look, struct span bytes,
    bool last, struct sevenbit_plan *plan, struct err *err);

/* The encoding that the header of a part says anew, or NULL. */
const char *sevenbit_encoding(
    const struct sevenbit_plan *plan, const struct sevenbit_part *part);

/* ---- leaves ------------------------------------------------------------------- */

/* A boundary that no line may begin with; borrowed. */
struct sevenbit_boundaries {
	const struct span *item;
	size_t len;
};

/* What a leaf holds, looked at before it is known whether it will be encoded
 * anew; and if so, whether that can be done, and how. */
struct sevenbit_leaf;

enum rc sevenbit_leaf_new(struct sevenbit_leaf **ret, struct err *err);
void sevenbit_leaf_free(struct sevenbit_leaf *leaf);

/* A leaf begins.  `opaque`: it may not be encoded. */
void sevenbit_leaf_begin(
    struct sevenbit_leaf *leaf, const struct entity *entity, bool opaque);
enum rc sevenbit_leaf_look(struct sevenbit_leaf *leaf, struct span bytes,
    const struct sevenbit_boundaries *around, struct err *err);
enum rc sevenbit_leaf_end(struct sevenbit_leaf *leaf,
    const struct sevenbit_boundaries *around, struct err *err);

/* Behind its end: does a line look like what servers change?  Can what is
 * encoded be read?  Can it be quoted-printable? */
bool sevenbit_leaf_fragile(const struct sevenbit_leaf *leaf);
bool sevenbit_leaf_readable(const struct sevenbit_leaf *leaf);
bool sevenbit_leaf_qp(const struct sevenbit_leaf *leaf);

/* ---- the second pass ----------------------------------------------------------- */

struct sevenbit_printer;

enum rc sevenbit_printer_new(struct sevenbit_printer **ret, struct err *err);
void sevenbit_printer_free(struct sevenbit_printer *printer);
enum rc sevenbit_printer_push(struct sevenbit_printer *printer,
    struct span bytes, bool last, const struct sevenbit_plan *plan,
    struct buf *out, struct err *err);

#endif
