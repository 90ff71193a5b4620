/* vault/unlock_algorithm -- how something is encrypted or checked with a
 * passphrase, looked at before any work is done.
 *
 * May use:   base codec pki.
 */
#ifndef VAULT_UNLOCK_ALGORITHM_PRIV_H
#define VAULT_UNLOCK_ALGORITHM_PRIV_H

#include "base/buf.h"
#include "pki/crypto.h"

/* RC_LIMIT: too many rounds.  RC_UNFIT: `library` cannot do it, with what to
 * do then.  *ret_pbes2: the passphrase is bytes, and no characters. */
enum rc algorithm_check(OSSL_LIB_CTX *library, const X509_ALGOR *algorithm,
    int64_t *ret_rounds, bool *ret_pbes2, struct err *err);

/* The same for the check of a PKCS#12 file; *ret_modern: it is PBMAC1. */
enum rc algorithm_check_mac(OSSL_LIB_CTX *library, const PKCS12 *p12,
    int64_t *ret_rounds, bool *ret_modern, struct err *err);

/* RFC 9579, which OpenSSL has since 3.4.  Borrows from the PKCS12. */
struct pbmac1 {
	PBE2PARAM *param; /* owned: the same shape */
	PBKDF2PARAM *kdf; /* owned */
	const ASN1_OCTET_STRING *mac;
	const EVP_MD *prf, *digest;
	struct buf content; /* what is checked */
};

#define PBMAC1_NONE \
	((struct pbmac1){NULL, NULL, NULL, NULL, NULL, BUF(SIZE_MAX / 2)})
#define PBMAC1_OWNED __attribute__((cleanup(pbmac1_done)))

enum rc pbmac1_parse(const PKCS12 *p12, struct pbmac1 *ret, struct err *err);
bool pbmac1_verify(const struct pbmac1 *pbmac1, struct span passphrase);
void pbmac1_done(struct pbmac1 *pbmac1);

/* "DEK-Info: AES-128-CBC,0123..." */
struct old_pem {
	EVP_CIPHER *cipher; /* owned */
	uint8_t iv[EVP_MAX_IV_LENGTH];
};

#define OLD_PEM_NONE ((struct old_pem){NULL, {0}})

enum rc old_pem_parse(OSSL_LIB_CTX *library, const char *header,
    struct old_pem *ret, struct err *err);
void old_pem_done(struct old_pem *old);
/* RC_REFUSED: the passphrase is another. */
enum rc old_pem_decrypt(const struct old_pem *old, struct span data,
    struct span passphrase, struct buf *out);

#endif
