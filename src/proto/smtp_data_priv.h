/* proto/smtp_data -- the bytes between 354 and the final dot, or in the chunks
 * of BDAT.
 *
 * Private to proto/smtp_server.
 * Standard:  RFC 5321 sections 2.3.8, 4.1.1.4 and 4.5.2; RFC 3030.
 *
 *     LINE_START -"."-> DOT -CR-> DOT_CR -LF-> (over)
 *         |               |          |
 *       other           other      other (fault)
 *         v               v          v
 *      IN_LINE <----------+----------+
 *         |  ^
 *        CR  other (fault)
 *         v  |
 *         CR -LF-> LINE_START
 */
#ifndef PROTO_SMTP_DATA_PRIV_H
#define PROTO_SMTP_DATA_PRIV_H

#include "base/buf.h"
#include "proto/smtp_reply_priv.h"

#define SMTP_DATA_LINE_MAX ((size_t)1 << 20)

/* What was wrong, as bits: after the first the letter is given up, and what is
 * still to come is swallowed.  All are looked for to the end, so that the
 * answer does not depend on how the bytes were cut on their way. */
enum smtp_data_fault {
	SMTP_DATA_BARE = 1, /* CR or LF that is not CRLF */
	SMTP_DATA_NUL = 2,
	SMTP_DATA_LINE = 4,  /* a line over SMTP_DATA_LINE_MAX */
	SMTP_DATA_LARGE = 8, /* more than the limit */
};

struct smtp_data {
	enum {
		SMTP_DATA_LINE_START,
		SMTP_DATA_DOT,
		SMTP_DATA_DOT_CR,
		SMTP_DATA_IN_LINE,
		SMTP_DATA_CR,
		SMTP_DATA_OVER
	} state;
	unsigned faults;   /* enum smtp_data_fault */
	size_t size;       /* bytes of the letter, also when it was given up */
	size_t line;       /* bytes of the current line */
	size_t total;      /* bytes that came */
	struct buf letter; /* dots undone; its max is the limit */
};

/* Start afresh; the letter before is freed. */
void smtp_data_begin(struct smtp_data *data, size_t limit);
void smtp_data_done(struct smtp_data *data);

/* Take bytes until they or the letter are over: *ret_used of them.
 * RC_LIMIT: the peer sends on and on. */
enum rc smtp_data_push(struct smtp_data *data, struct span bytes,
    size_t *ret_used, struct err *err);

/* The same for a chunk of BDAT, all of it: dots are nothing, and nothing in it
 * ends the letter. */
enum rc smtp_data_push_chunk(
    struct smtp_data *data, struct span bytes, struct err *err);
/* The last chunk is over.  A last line without its end gets one. */
enum rc smtp_data_end(struct smtp_data *data, struct err *err);

/* What to answer: the fault that says most; NULL: none. */
const struct smtp_refusal *smtp_data_refusal(const struct smtp_data *data);

#endif
