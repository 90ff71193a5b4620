/* cms/sign_priv -- the inside of a signature being made. */
#ifndef CMS_SIGN_PRIV_H
#define CMS_SIGN_PRIV_H

#include "cms/digest_priv.h"
#include "cms/sigalg_priv.h"
#include "cms/sign.h"

enum sign_state { SIGN_NEW, SIGN_DETACHED, SIGN_OPAQUE, SIGN_CLOSED };

/* One SignerInfo being made. */
struct sign_one {
	const struct identity *who; /* borrowed */
	struct sign_options options;
	struct sigalg_choice choice;
	struct buf attributes; /* DER SET OF, as it is signed */
	struct buf signature;
	struct buf tokens; /* the unsigned attributes, one behind the other */
	size_t token_end[SIGN_TOKENS_MAX], tokens_len;
};

struct sign {
	struct sign_one one[SIGN_SIGNERS_MAX];
	size_t len;
	int64_t time;
	struct digest digest; /* of the entity, once for each kind */
	enum sign_state state;
	bool opaque;
	struct buf chunk; /* of the opaque content, not yet printed */
	char micalg[64];
};

/* Append the signed attributes as they are signed: DER, SET OF. */
enum rc sign_print_attributes(const struct sign *sign,
    const struct sign_one *one, struct buf *der, struct err *err);

#endif
