/* pki/key -- a private key that can be used and never seen.
 *
 * Everybody but the vault holds a struct key: operations and an opaque
 * handle.  There is no call that signs a bare digest or whatever bytes it is
 * handed: each signing call checks that the bytes are of the kind it is for,
 * so that a component that was taken over cannot have a login signed as a
 * letter, or the other way round.
 *
 * May use:   base codec.
 */
#ifndef PKI_KEY_H
#define PKI_KEY_H

#include "pki/cert.h"

struct key;

/* What a key was made for; a key of one purpose refuses the calls of
 * another. */
enum key_purpose { KEY_SIGN, KEY_DECRYPT, KEY_BOTH };

/* The parameters of RSA's OAEP, with digests as libcrypto calls them
 * ("SHA256"). */
struct key_oaep {
	const char *digest;
	const char *mask; /* of MGF1; mostly the same */
	struct span label;
};

struct key_ops {
	/* Sign S/MIME signed attributes.  `attributes`: DER SET OF (tag 0x31)
	 * with exactly one contentType and one messageDigest (RFC 5652 section
	 * 5.4); anything else is RC_UNFIT.  Appends the signature value: ECDSA
	 * P-256/384/521 with SHA-256/384/512, RSA PKCS#1 v1.5 with SHA-256,
	 * Ed25519, Ed448 or ML-DSA without a digest.  A key whose own OID is
	 * id-RSASSA-PSS signs as sign_attributes_pss() does. */
	enum rc (*sign_attributes)(const struct key *key,
	    struct span attributes, struct buf *signature, struct err *err);

	/* The same with RSA-PSS, as crypto_pss() says for that key; RC_UNFIT:
	 * the key is not RSA.  NULL: this key cannot. */
	enum rc (*sign_attributes_pss)(const struct key *key,
	    struct span attributes, struct buf *signature, struct err *err);

	/* Sign a TLS 1.3 client CertificateVerify.  `content`: 64 spaces, the
	 * context string of RFC 8446 section 4.4.3 for clients, 0x00, the
	 * transcript hash (32 or 48 bytes); anything else is RC_UNFIT.  The
	 * digests of sign_attributes; RSA signs with PSS. */
	enum rc (*sign_tls)(const struct key *key, struct span content,
	    struct buf *signature, struct err *err);

	/* Sign the request for this key's own certificate.  `info`: DER
	 * CertificationRequestInfo (RFC 2986) with this very key inside; else
	 * RC_UNFIT. */
	enum rc (*sign_request)(const struct key *key, struct span info,
	    struct buf *signature, struct err *err);

	/* ECDH: append the shared secret with the peer's public key: a point
	 * (uncompressed or compressed, checked to be on the curve; the secret is
	 * the x coordinate), or the 32 or 56 bytes of X25519 or X448 (an all-zero
	 * secret is RC_CRYPTO).  `out` must be secret. */
	enum rc (*agree)(const struct key *key, struct span peer,
	    struct buf *out, struct err *err);

	/* RSA key transport: append the content key.  `oaep` NULL: PKCS#1 v1.5,
	 * which never fails for a wrong padding but yields `want` random bytes
	 * (RFC 3218). */
	enum rc (*unwrap)(const struct key *key, struct span wrapped,
	    const struct key_oaep *oaep, size_t want, struct buf *out,
	    struct err *err);

	/* ML-KEM: append the shared secret; `out` must be secret.  A ciphertext
	 * that was not made for this key yields another secret (FIPS 203's
	 * implicit rejection).  RC_UNFIT: the library here has no ML-KEM. */
	enum rc (*decapsulate)(const struct key *key, struct span ciphertext,
	    struct buf *out, struct err *err);
};

struct key {
	const struct key_ops *ops;
	void *handle; /* the vault's own */
	enum key_purpose purpose;
	EVP_PKEY *public_key; /* borrowed from the vault, no private part */
};

/* A key with the certificate that names it, and what leads to its root. */
struct identity {
	const struct cert *cert;   /* borrowed */
	const struct key *key;     /* borrowed */
	const struct certs *chain; /* borrowed; intermediates; may be NULL */
};

/* Build and sign a PKCS#10 request: subject empty, extensionRequest with
 * rfc822Name `address` and the key usage (signing: digitalSignature;
 * otherwise keyAgreement or keyEncipherment as the key's kind allows, and
 * smimeCapabilities, so that whoever writes to us knows what we read before we
 * ever wrote; RFC 4262).  Appends DER. */
enum rc key_request(const struct key *key, const char *address, struct buf *der,
    struct err *err);

#endif
