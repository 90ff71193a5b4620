/* cms/password -- a content key under a password, both ways.
 *
 * Standard:  RFC 5652 section 6.2.4, RFC 3211 (PWRI-KEK), 8018 (PBKDF2).
 * May use:   base.  Only inside cms.
 * Limits:    PASSWORD_ROUNDS_MAX, salts of 1 KiB: what the sender chose costs
 *            our time.
 */
#ifndef CMS_PASSWORD_PRIV_H
#define CMS_PASSWORD_PRIV_H

#include "cms/tlv_priv.h"

#define PASSWORD_ROUNDS_MAX 1000000

/* `derive`: the KeyDerivationAlgorithmIdentifier; `scheme`: the
 * KeyEncryptionAlgorithmIdentifier.  RC_UNFIT, named: one that we do not know.
 * RC_LIMIT: it would take too long.  RC_SYNTAX: broken parameters. */
enum rc password_check(const struct tlv_algorithm *derive,
    const struct tlv_algorithm *scheme, struct err *err);

/* Append the content key; `out` is secret.  RC_CRYPTO: not with this
 * password.  Only after password_check(). */
enum rc password_unwrap(const struct tlv_algorithm *derive,
    const struct tlv_algorithm *scheme, struct span password,
    struct span wrapped, struct buf *out, struct err *err);

/* Append keyDerivationAlgorithm, keyEncryptionAlgorithm and encryptedKey, as
 * they follow each other in a PasswordRecipientInfo. */
enum rc password_print(
    struct span password, struct span cek, struct buf *der, struct err *err);

#endif
