#include "proto/smtp_data_priv.h"

/* How much is swallowed after a fault, beyond twice the limit. */
#define SWALLOW_MORE ((size_t)64 * 1024)

void
smtp_data_begin(struct smtp_data *data, size_t limit)
{
	buf_done(&data->letter);
	*data = (struct smtp_data){
	    .state = SMTP_DATA_LINE_START, .letter = BUF(limit)};
}

void
smtp_data_done(struct smtp_data *data)
{
	buf_done(&data->letter);
}

static void
give_up(struct smtp_data *data, enum smtp_data_fault fault)
{
	data->faults |= fault;
	buf_done(&data->letter);
}

static enum rc
add(struct smtp_data *data, struct span bytes, struct err *err)
{
	data->line += bytes.len;
	data->size += bytes.len; /* bounded by is_too_much() */
	if (data->line > SMTP_DATA_LINE_MAX)
		give_up(data, SMTP_DATA_LINE);
	if (data->size > data->letter.max)
		give_up(data, SMTP_DATA_LARGE);
	if (data->faults != 0)
		return RC_OK;
	return buf_add(&data->letter, bytes, err);
}

/* Up to the next CR.  An LF before it is bare. */
static enum rc
take_text(struct smtp_data *data, struct span bytes, size_t *ret_used,
    struct err *err)
{
	ptrdiff_t end = span_find_byte(bytes, '\r');
	struct span text = end < 0 ? bytes : span_first(bytes, (size_t)end);

	if (span_find_byte(text, '\n') >= 0)
		give_up(data, SMTP_DATA_BARE);
	if (span_find_byte(text, 0) >= 0)
		give_up(data, SMTP_DATA_NUL);
	TRY(add(data, text, err));
	if (end >= 0)
		data->state = SMTP_DATA_CR;
	*ret_used = end < 0 ? text.len : text.len + 1;
	return RC_OK;
}

static enum rc
take_after_cr(
    struct smtp_data *data, uint8_t byte, size_t *ret_used, struct err *err)
{
	if (byte != '\n') {
		give_up(data, SMTP_DATA_BARE);
		data->state = SMTP_DATA_IN_LINE; /* which sees it again */
		*ret_used = 0;
		return RC_OK;
	}
	TRY(add(data, span_str("\r\n"), err));
	data->state = SMTP_DATA_LINE_START;
	data->line = 0;
	*ret_used = 1;
	return RC_OK;
}

/* "If the first character is a period and there are other characters on the
 * line, the first character is deleted" (RFC 5321 section 4.5.2). */
static size_t
take_dot(struct smtp_data *data, uint8_t byte)
{
	switch (data->state) {
	case SMTP_DATA_LINE_START:
		data->state = byte == '.' ? SMTP_DATA_DOT : SMTP_DATA_IN_LINE;
		return byte == '.' ? 1 : 0;
	case SMTP_DATA_DOT:
		data->state =
		    byte == '\r' ? SMTP_DATA_DOT_CR : SMTP_DATA_IN_LINE;
		return byte == '\r' ? 1 : 0;
	default: /* SMTP_DATA_DOT_CR */
		if (byte != '\n')
			give_up(data, SMTP_DATA_BARE);
		data->state = byte == '\n' ? SMTP_DATA_OVER : SMTP_DATA_IN_LINE;
		return byte == '\n' ? 1 : 0;
	}
}

static enum rc
take_some(struct smtp_data *data, struct span bytes, size_t *ret_used,
    struct err *err)
{
	if (data->state == SMTP_DATA_IN_LINE)
		return take_text(data, bytes, ret_used, err);
	if (data->state == SMTP_DATA_CR)
		return take_after_cr(data, bytes.data[0], ret_used, err);
	*ret_used = take_dot(data, bytes.data[0]);
	return RC_OK;
}

static bool
is_too_much(const struct smtp_data *data)
{
	size_t max = data->letter.max;
	size_t most = max > (SIZE_MAX - SWALLOW_MORE) / 2
			  ? SIZE_MAX
			  : max * 2 + SWALLOW_MORE;

	return data->total > most;
}

enum rc
smtp_data_push(struct smtp_data *data, struct span bytes, size_t *ret_used,
    struct err *err)
{
	size_t at = 0;

	while (at < bytes.len && data->state != SMTP_DATA_OVER) {
		size_t used = 0;
		TRY(take_some(data, span_after(bytes, at), &used, err));
		at += used;
		data->total += used;
		if (is_too_much(data))
			return err_set(
			    err, RC_LIMIT, "SMTP: the letter does not end");
	}
	*ret_used = at;
	return RC_OK;
}

static enum rc
take_chunk(struct smtp_data *data, struct span bytes, size_t *ret_used,
    struct err *err)
{
	if (data->state == SMTP_DATA_CR)
		return take_after_cr(data, bytes.data[0], ret_used, err);
	return take_text(data, bytes, ret_used, err);
}

enum rc
smtp_data_push_chunk(struct smtp_data *data, struct span bytes, struct err *err)
{
	while (bytes.len > 0) {
		size_t used = 0;
		TRY(take_chunk(data, bytes, &used, err));
		bytes = span_after(bytes, used);
		data->total += used;
		if (is_too_much(data))
			return err_set(
			    err, RC_LIMIT, "SMTP: the letter does not end");
	}
	return RC_OK;
}

enum rc
smtp_data_end(struct smtp_data *data, struct err *err)
{
	if (data->state == SMTP_DATA_CR)
		give_up(data, SMTP_DATA_BARE);
	if (data->faults != 0 || data->line == 0)
		return RC_OK;
	return add(data, span_str("\r\n"), err);
}

const struct smtp_refusal *
smtp_data_refusal(const struct smtp_data *data)
{
	static const struct {
		enum smtp_data_fault fault;
		struct smtp_refusal no;
	} answers[] = {
	    {SMTP_DATA_BARE,
		{554, "5.6.0", "Bare CR or LF: lines must end in CRLF"}},
	    {SMTP_DATA_NUL, {554, "5.6.0", "NUL byte in the letter"}},
	    {SMTP_DATA_LINE, {554, "5.6.0", "Line is too long"}},
	    {SMTP_DATA_LARGE, {552, "5.3.4", "Letter is too large"}},
	};

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (data->faults & answers[i].fault)
			return &answers[i].no;
	return NULL;
}
