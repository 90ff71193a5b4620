/* pki/crypto -- the crypto library's objects and failures, in our idioms.
 *
 * May use:   base.
 */
#ifndef PKI_CRYPTO_H
#define PKI_CRYPTO_H

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/err.h"
#include "base/own.h"
#include "base/span.h"

OWNER(BIGNUM, BN_clear_free);
OWNER(BIO, BIO_free_all);
OWNER(EVP_MD_CTX, EVP_MD_CTX_free);
OWNER(EVP_PKEY, EVP_PKEY_free);
OWNER(EVP_PKEY_CTX, EVP_PKEY_CTX_free);
OWNER(PKCS12, PKCS12_free);
OWNER(PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free);
OWNER(X509, X509_free);
OWNER(X509_REQ, X509_REQ_free);
OWNER(X509_SIG, X509_SIG_free);
OWNER(X509_STORE, X509_STORE_free);
OWNER(X509_STORE_CTX, X509_STORE_CTX_free);

/* "WHAT: the library's own reason"; empties the library's list of errors.
 * RC_CRYPTO, or RC_NOMEM when that was the reason. */
enum rc crypto_failed(struct err *err, const char *what);

/* The digest that belongs to a signature with this key: SHA-384 and SHA-512
 * for P-384 and P-521, else SHA-256; NULL for Ed25519, Ed448 and ML-DSA, which
 * have their own.  Fetched from the library once and kept. */
const EVP_MD *crypto_digest(const EVP_PKEY *key);
/* SHA-256, SHA-384 or SHA-512; fetched once, too. */
const EVP_MD *crypto_sha2(int bits);
/* The same, for the names of keys and certificates that standards want. */
const EVP_MD *crypto_sha1(void);

/* Must a point of this key's curve be checked to be of full order before one
 * agrees with it?  On NIST's prime curves the cofactor is 1, and to be on the
 * curve, which was seen when it was read, is enough; the library's check costs
 * as much as the agreement.  False for keys that have no curve. */
bool crypto_wants_order_check(const EVP_PKEY *key);
/* How an RSA key signs with PSS. */
struct crypto_pss {
	const EVP_MD *digest; /* of the mask too */
	int salt;             /* bytes */
};

/* SHA-256 and 32 bytes of salt, or what the parameters of a key demand whose
 * own OID is id-RSASSA-PSS (RFC 4056 section 3).  RC_UNFIT: they demand SHA-1,
 * or two digests. */
enum rc crypto_pss(
    const EVP_PKEY *key, struct crypto_pss *ret, struct err *err);

#endif
