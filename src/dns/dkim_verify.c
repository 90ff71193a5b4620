/* Whether a letter is signed by one of the domains that count: dns/dkim. */
#include "dns/dkim.h"

#include "codec/crlf.h"
#include "dns/dkim_key_priv.h"
#include "os/clock.h"

#define PIECE_MAX ((size_t)256 * 1024)

/* The letter behind its header, line ends as they are on the wire: files often
 * have others. */
static enum rc
push_piece(
    DKIM *dkim, struct span bytes, struct crlf_writer *writer, struct err *err)
{
	struct buf lines BUF_OWNED = BUF(2 * PIECE_MAX);

	while (bytes.len > 0) {
		struct span piece = span_first(bytes, PIECE_MAX);
		lines.len = 0;
		TRY(crlf_write(writer, piece, &lines, err));
		TRY(dkim_key_status(
		    dkim, dkim_body(dkim, lines.data, lines.len), "body", err));
		bytes = span_after(bytes, piece.len);
	}
	return RC_OK;
}

static enum rc
push_body(
    DKIM *dkim, size_t header, const struct source *letter, struct err *err)
{
	struct crlf_writer writer = CRLF_WRITER;
	struct span piece;

	TRY(letter->rewind(letter->self, err));
	for (;;) {
		TRY(letter->next(letter->self, &piece, err));
		if (piece.len == 0)
			return RC_OK;
		size_t skip = piece.len < header ? piece.len : header;
		header -= skip;
		TRY(push_piece(dkim, span_after(piece, skip), &writer, err));
	}
}

/* RFC 6376 section 6.1: a signature that cannot be checked is as good as none,
 * and so is one of who is only trying (t=y), or that does not hold any more. */
static enum dkim_answer
judge_signature(DKIM *dkim, DKIM_SIGINFO *sig)
{
	struct err ignored = ERR_NONE;

	(void)dkim_sig_process(dkim, sig);
	if ((dkim_sig_getflags(sig) & DKIM_SIGFLAG_TESTKEY) != 0)
		return DKIM_ANSWER_NONE;
	DKIM_SIGERROR why = dkim_sig_geterror(sig);
	if (why == DKIM_SIGERROR_BADSIG ||
	    dkim_sig_getbh(sig) == DKIM_SIGBH_MISMATCH)
		return DKIM_ANSWER_BAD;
	if (!DKIM_SIG_CHECK(sig) || dkim_key_strength(sig, &ignored) != RC_OK)
		return DKIM_ANSWER_NONE;
	return DKIM_ANSWER_GOOD;
}

static enum dkim_answer
judge_signatures(DKIM *dkim)
{
	enum dkim_answer all = DKIM_ANSWER_NONE;
	DKIM_SIGINFO **sigs = NULL;
	int count = 0;

	if (dkim_getsiglist(dkim, &sigs, &count) != DKIM_STAT_OK)
		return DKIM_ANSWER_NONE;
	for (int i = 0; i < count; i++) {
		if ((dkim_sig_getflags(sigs[i]) & DKIM_SIGFLAG_IGNORE) != 0)
			continue;
		enum dkim_answer one = judge_signature(dkim, sigs[i]);
		if (one == DKIM_ANSWER_GOOD)
			return one;
		if (one == DKIM_ANSWER_BAD)
			all = one;
	}
	return all;
}

static enum rc
judge(DKIM *dkim, const struct fields *fields, size_t header,
    const struct source *letter, enum dkim_answer *ret, struct err *err)
{
	bool testing = false;

	TRY(dkim_key_fields(dkim, fields, err));
	/* no signature that counts, or none that can be used */
	DKIM_STAT got = dkim_eoh(dkim);
	if (got == DKIM_STAT_NORESOURCE)
		return err_nomem(err, "DKIM");
	if (got != DKIM_STAT_OK)
		return RC_OK;
	TRY(push_body(dkim, header, letter, err));
	(void)dkim_eom(dkim, &testing);
	*ret = judge_signatures(dkim);
	return RC_OK;
}

enum rc
dkim_judge(const struct dkim_question *question, const struct fields *fields,
    size_t header, const struct source *letter, enum dkim_answer *ret,
    struct err *err)
{
	DKIM_LIB *library OWNED(dkim_close) = NULL;
	DKIM_STAT got = DKIM_STAT_OK;
	struct dkim_keys keys = {
	    .resolver = question->resolver,
	    .wanted = question->wanted,
	    .self = question->self,
	    .most = DKIM_KEYS_MAX,
	    .deadline = clock_ticks() + question->budget,
	};

	*ret = DKIM_ANSWER_NONE;
	if (fields_count(fields, "DKIM-Signature") == 0)
		return RC_OK;
	TRY(dkim_key_library(true, &library, err));
	DKIM *dkim OWNED(dkim_end) =
	    dkim_verify(library, dkim_key_bytes("letter"), NULL, &got);
	if (dkim == NULL)
		return err_nomem(err, "DKIM");
	(void)dkim_set_user_context(dkim, &keys);
	enum rc rc = judge(dkim, fields, header, letter, ret, err);
	return rc == RC_SYNTAX || rc == RC_LIMIT ? RC_OK : rc;
}
