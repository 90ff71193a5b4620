/* enrol/keep -- the keys and certificates that a person has.
 *
 * State items: "vault" (all keys) and "certs" (PEM: signing, encrypting, then
 * chain and older ones: old letters still want theirs).
 * May use:   base codec os mime pki vault proto dns net store.
 */
#ifndef ENROL_KEEP_H
#define ENROL_KEEP_H

#include "enrol/enrol.h"

struct keep {
	const struct enrol *enrol;
	struct certs certs;
};

#define KEEP_NONE ((struct keep){NULL, CERTS_NONE})
#define KEEP_OWNED __attribute__((cleanup(keep_done)))

/* Loads both items. */
enum rc keep_load(struct keep *ret, const struct enrol *enrol, struct err *err);
void keep_done(struct keep *keep);

/* No certificate for it, or one that has less than a third of its life left. */
bool keep_needs(const struct keep *keep, enum key_purpose purpose);
/* Make a key for each purpose that needs a certificate and has no unused key,
 * and save them before anybody hears of them. */
enum rc keep_make_keys(struct keep *keep, struct err *err);
/* Lends the key of that purpose that no certificate names yet. */
enum rc keep_find_fresh_key(const struct keep *keep, enum key_purpose purpose,
    const struct key **ret, struct err *err);

/* Check that the first certificate of the chain is for our mailbox, our key
 * and that purpose (RC_UNFIT), take all of them up, and save. */
enum rc keep_add_certificate(struct keep *keep, enum key_purpose purpose,
    struct span pem, struct err *err);
/* Take up the keys and certificates of a file (vault_import()), and save. */
enum rc keep_import(struct keep *keep, struct span file, struct span passphrase,
    struct err *err);
/* Add every certificate to `certs` that is not in it. */
enum rc keep_give(
    const struct keep *keep, struct certs *certs, struct err *err);

#endif
