/* flow/sealing -- one letter, made into what is sent.
 *
 *   look at all of it -> its outer header goes out -> protect the headers,
 *   sign, seal, piece by piece -> timestamp -> its end goes out
 *
 * May use:   base codec os mime pki cms proto dns net store keydir.
 * Not here:  from whom and for whom (flow/outgoing, cmd/seal).
 * Memory:    the same for a letter of any length, but with `legacy_display`:
 *            then it is held, and no longer than SEALING_DISPLAY_MAX
 *            (RC_LIMIT).
 *
 * What can be wrong with a letter is found in the first pass, before something
 * goes out.
 */
#ifndef FLOW_SEALING_H
#define FLOW_SEALING_H

#include <limits.h>

#include "base/source.h"
#include "cms/seal.h"
#include "mime/protect.h"
#include "pki/key.h"

#define SEALING_DISPLAY_MAX ((size_t)80 << 20)

/* Whoever makes timestamps. */
struct stamper {
	/* Append a token for the digest. */
	enum rc (*stamp)(void *self, const uint8_t imprint[32],
	    struct buf *token, struct err *err);
	void *self;
	bool required; /* no: a letter without a proven time is better than one
			* that waits */
};

struct sender {
	const char *address;       /* From must be exactly this */
	struct identity identity;  /* signs */
	const struct cert *own;    /* the copy to oneself; always sealed to */
	const struct key *own_key; /* that opens it; NULL: what lies at rest has
				    * no mark (flow/rest) */
	enum protect_policy policy;
	bool legacy_display; /* hidden fields stand in the text too, for old
			      * readers */
	/* of the letters that this one answers; NULL: none is known */
	const struct protect_reference *reference;
	const struct stamper *stamper; /* NULL: no timestamp is asked for */
	int64_t now;
};

/* Whom one copy is sealed for, and what all of them are known to read. */
struct readers {
	struct certs certs;
	unsigned ciphers; /* enum capability */
};

#define READERS_NONE ((struct readers){CERTS_NONE, UINT_MAX})
#define READERS_OWNED __attribute__((cleanup(readers_done)))

void readers_done(struct readers *readers);
enum rc readers_add(struct readers *readers, const struct cert *cert,
    unsigned ciphers, struct err *err);

struct sealing_way {
	bool sign;
	bool encrypt;
	enum seal_cipher cipher;
	bool cipher_auto; /* the strongest that all are known to read */
};
/* One copy: of what, by whom, for whom, and where it goes. */
struct sealing {
	const struct source *letter;
	const struct sender *sender;
	const struct sealing_way *way;
	const struct readers *to;
	const char *bcc; /* the blind recipient it is for, or NULL */
	const struct sink *out;
};

/* RC_UNFIT: names an address in UTF-8, which nothing here carries; signed only,
 * and something in it cannot be made 7-bit; or as protect_look_end().
 * RC_SYNTAX: broken MIME, a header that is no UTF-8. */
enum rc sealing_write(
    const struct sealing *sealing, bool *ret_stamped, struct err *err);

/* The same for certificates of which nothing is known but what they say. */
enum rc sealing_letter(const struct source *letter, const struct sender *sender,
    const struct sealing_way *way, const struct certs *to,
    const struct sink *out, struct err *err);

#endif
