/* authority/keys -- where the authority's private keys are.
 *
 * Each key has a name, and FOLDER/NAME.key says where it is: the file is the
 * key itself, encrypted (authority/keyfile).
 *
 * May use:   base os pki.
 */
#ifndef AUTHORITY_KEYS_H
#define AUTHORITY_KEYS_H

#include "authority/signer.h"

#define KEYS_PATH_MAX 4096

struct keys {
	const char *folder;     /* borrowed, as the others */
	struct span passphrase; /* of keys in files */
};

/* Make a key on "P-256" or "P-384".  RC_REFUSED: there is one of that name;
 * nothing is touched. */
enum rc keys_make(const struct keys *keys, const char *name, const char *curve,
    struct signer **ret, struct err *err);
/* RC_ABSENT: there is no key of that name. */
enum rc keys_load(const struct keys *keys, const char *name,
    struct signer **ret, struct err *err);

#endif
