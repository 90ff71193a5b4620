/* vault/unlock -- what is encrypted with a passphrase, in all the ways in
 * which programs have made keys and bytes of one.
 *
 * Standard:  RFC 8018 (PBES1, PBES2, PBKDF2), RFC 7914 (scrypt), RFC 7292
 *            appendix B (PKCS#12's own), RFC 9579 (PBMAC1); "Proc-Type:
 *            4,ENCRYPTED" as OpenSSL wrote keys until 2010.
 * May use:   base codec pki.
 * Limits:    UNLOCK_ROUNDS_MAX rounds for one thing, what the caller says
 *            (UNLOCK_WORK_MAX) for all: RC_LIMIT.  A file that would keep us busy for minutes is no file
 *            of a person.
 *
 * Old ciphers (RC2, DES, RC4) are in OpenSSL's legacy provider, which is
 * loaded into a library context of its own: the rest of the program does not
 * learn them.
 */
#ifndef VAULT_UNLOCK_PRIV_H
#define VAULT_UNLOCK_PRIV_H

#include <openssl/pkcs7.h>
#include <openssl/provider.h>

#include "base/buf.h"
#include "pki/crypto.h"
#include "pki/pem.h"

#define UNLOCK_ROUNDS_MAX 5000000
#define UNLOCK_WORK_MAX 20000000

/* The bytes that a passphrase may have been to the program that wrote. */
struct reading {
	struct buf bytes;
	bool none;      /* no passphrase at all, which is not an empty one */
	bool not_pbes2; /* means the same there as one that is tried before */
	bool pbes2;     /* is for PBES2 only */
};

#define UNLOCK_READINGS 6

struct unlock {
	OSSL_LIB_CTX *library;          /* NULL: not needed yet */
	OSSL_PROVIDER *modern, *legacy; /* legacy: NULL if not installed */
	struct reading reading[UNLOCK_READINGS];
	size_t readings;
	size_t best;  /* the reading that was right last */
	bool given;   /* the passphrase is not empty */
	bool sure;    /* a check of the whole file was right */
	int64_t work; /* rounds that are left */
};

#define UNLOCK_OWNED __attribute__((cleanup(unlock_done)))

/* RC_SYNTAX: a NUL in the passphrase. */
enum rc unlock_init(struct unlock *unlock, struct span passphrase, int64_t work,
    struct err *err);
void unlock_done(struct unlock *unlock);

/* The library context with the old ciphers, made when something encrypted is
 * first met: it takes longer than reading a key. */
enum rc unlock_library(
    struct unlock *unlock, OSSL_LIB_CTX **ret, struct err *err);

/* For each of these:  RC_REFUSED: wrong passphrase, or none was given.
 * RC_UNFIT: encrypted in a way that this OpenSSL cannot open.  RC_LIMIT: those
 * above.  RC_CRYPTO: damaged. */

/* The check of a PKCS#12 file; RC_OK if it has none. */
enum rc unlock_check(struct unlock *unlock, PKCS12 *p12, struct err *err);
/* Certificates or keys of a PKCS#12 file; the caller frees *ret. */
enum rc unlock_bags(struct unlock *unlock, PKCS7 *safe,
    STACK_OF(PKCS12_SAFEBAG) **ret, struct err *err);
/* A private key; the caller frees *ret. */
enum rc unlock_key(struct unlock *unlock, const X509_SIG *sig, EVP_PKEY **ret,
    struct err *err);
/* A private key in PEM, encrypted or not; the caller frees *ret. */
enum rc unlock_block(struct unlock *unlock, const struct pem_block *block,
    EVP_PKEY **ret, struct err *err);

/* The key in DER: PKCS#8, PKCS#1 or SEC 1; the caller frees *ret, which is
 * NULL on failure.  RC_CRYPTO: none. */
enum rc unlock_parse_key(struct span der, EVP_PKEY **ret, struct err *err);

#endif
