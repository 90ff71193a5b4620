#include "edge/imap_session_priv.h"

/* COMPRESS (RFC 4978): between the mail program and us, inside of TLS.  What
 * is said to the mail server is never compressed: there somebody could learn
 * from the length of what passes what else is in it. */

static enum rc
start(struct imap_session *s, struct err *err)
{
	struct deflate_reader *unpack OWNED(deflate_reader_free) = NULL;
	struct deflate_writer *pack OWNED(deflate_writer_free) = NULL;

	TRY(deflate_reader_new(&unpack, err));
	TRY(deflate_writer_new(&pack, err));
	TRY(imap_reply(s, err, "OK compressed from here on"));
	TRY(imap_flush(s, err));
	s->unpack = take(unpack);
	s->pack = take(pack);
	return RC_OK;
}

enum rc
imap_do_compress(
    struct imap_session *s, struct imap_walk *args, struct err *err)
{
	struct imap_token mechanism;
	struct err why = ERR_NONE;

	if (imap_walk_next(args, &mechanism, &why) != RC_OK)
		return imap_reply_bad(s, &why, err);
	if (!span_is_nocase(mechanism.value, "DEFLATE"))
		return imap_reply(s, err, "NO [CANNOT] DEFLATE is offered");
	/* RFC 4978 section 3 */
	if (s->pack != NULL)
		return imap_reply(
		    s, err, "NO [COMPRESSIONACTIVE] DEFLATE active already");
	/* RFC 4978 section 3: "The client MUST NOT send any further commands
	 * until it has seen the result of COMPRESS": they cannot be told from
	 * compressed bytes. */
	if (imap_stream_has_rest(s->units)) {
		(void)err_set(
		    &why, RC_SYNTAX, "something was sent behind COMPRESS");
		return imap_reply_bad(s, &why, err);
	}
	return start(s, err);
}
