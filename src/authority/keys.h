/* authority/keys -- where the authority's private keys are.
 *
 * Each key has a name, and FOLDER/NAME.key says where it is: the file is the
 * key itself, encrypted (authority/keyfile), or one line with the URI of the
 * key in a PKCS#11 token (authority/token).
 *
 * May use:   base os pki.
 */
#ifndef AUTHORITY_KEYS_H
#define AUTHORITY_KEYS_H

#include "authority/settings.h"
#include "authority/signer.h"

#define KEYS_PATH_MAX 4096

struct keys {
	const char *folder;     /* borrowed, as the others */
	struct span passphrase; /* of keys in files; empty: not given */
	/* For new keys in files; 0: KEYFILE_ROUNDS.  Fewer are for tests, which
	 * make hundreds of keys and protect none. */
	int rounds;
	const char *token; /* URI: where new keys go; NULL: into files */
	struct span pin;   /* of the token; empty: not given */
	/* Where the keys of the root and the timestamping CA are made, which
	 * are to be put away afterwards; NULL: as the others. */
	const struct keys *offline;
};

/* Make a key on "P-256" or "P-384".  RC_REFUSED: there is one of that name;
 * nothing is touched. */
enum rc keys_make(const struct keys *keys, const char *name, const char *curve,
    struct signer **ret, struct err *err);
bool keys_has(const struct keys *keys, const char *name);
/* RC_ABSENT: there is no key of that name, or what it needs was not given. */
enum rc keys_load(const struct keys *keys, const char *name,
    struct signer **ret, struct err *err);

/* What opens the keys of an unattended authority. */
struct keys_secrets {
	struct buf passphrase, pin; /* secret; empty: not given */
};

#define KEYS_SECRETS_OWNED __attribute__((cleanup(keys_secrets_done)))
void keys_secrets_done(struct keys_secrets *secrets);

/* From the files that the settings name, or systemd's credentials; `folder` is
 * the authority's.  `ret` gets what `secrets` has, as long as it has it.  With
 * a token the passphrase may be left out, and without one the PIN is. */
enum rc keys_open(const char *folder, const struct settings *settings,
    struct keys_secrets *secrets, struct keys *ret, struct err *err);

#endif
