/* pki/cert_priv -- the inside of a certificate, and what chain must know of it
 * in codes. */
#ifndef PKI_CERT_PRIV_H
#define PKI_CERT_PRIV_H

#include "pki/cert.h"
#include "pki/ready.h"

enum key_kind {
	KIND_OTHER,
	KIND_RSA,
	KIND_RSA_PSS,
	KIND_EC,
	KIND_ED,
	KIND_ML_DSA, /* where the library has it */
	KIND_X,      /* X25519, X448: for key agreement only */
	KIND_KEM     /* ML-KEM, where the library has it: encapsulation only */
};

struct cert {
	_Atomic unsigned references;
	X509 *x509;
	EVP_PKEY *key; /* NULL: of a kind the library does not know */
	struct ready verifying, sealing;
	struct buf der;
	char fingerprint[2 * 32 + 1];
	struct buf name, organization, issuer; /* terminated */
	enum cert_level level;
	int64_t not_before, not_after;
	struct strlist addresses;
	enum key_kind kind;
	int bits;
	bool is_ca;
	bool signs_itself; /* it says so; the signature may not hold */
	uint32_t usage;    /* UINT32_MAX: not restricted */
	bool has_eku, eku_critical;
	bool eku_mail, eku_stamp, eku_any, eku_other;
	bool has_pointer, no_revocation;
	bool ocsp_no_check;    /* RFC 6960 section 4.2.2.2.1 */
	unsigned capabilities; /* enum capability */
};

/* From its DER: `x509`, and `key` if it can be read by hand.  RC_SYNTAX: it is
 * none. */
enum rc cert_decode(struct cert *cert, struct err *err);
/* Fill in `key`, `bits` and `kind`. */
void cert_read_key(struct cert *cert);
/* See `signs_itself`. */
bool cert_names_itself(const struct cert *cert);

/* Why a certificate may not be used for something; the first that holds. */
enum cert_fault {
	CERT_FIT,
	CERT_IS_CA,    /* belongs to an authority */
	CERT_KU,       /* key usage */
	CERT_EKU,      /* extended key usage */
	CERT_WEAK,     /* the key is too weak */
	CERT_KEY_KIND, /* no kind of key that we use */
};

/* The code of pki/chain: "cert.ku", ...; NULL for CERT_FIT. */
const char *cert_fault_reason(enum cert_fault fault);
enum cert_fault cert_sign_fault(const struct cert *cert);
enum cert_fault cert_receive_fault(const struct cert *cert);
/* RFC 3161 section 2.3: the extended key usage is critical and exactly
 * timeStamping; the key usage, if there, is for signing only. */
enum cert_fault cert_stamp_fault(const struct cert *cert);

/* A constraint on what an authority's certificates may be used for: none, or
 * the purpose (NID of the key purpose) or "any" is in it. */
bool cert_eku_allows(const struct cert *cert, int purpose);

/* Too large to be worth one verification: nobody makes us compute with keys
 * beyond 8192 bits. */
bool cert_key_is_huge(const struct cert *cert);

/* By the key of `by`, with whatever algorithm. */
bool cert_is_signed(const struct cert *cert, const struct cert *by);

/* RFC 9608 section 3: "no revocation information will ever be there" is not
 * valid beside a pointer to some, or in an authority's certificate. */
bool cert_no_revocation_is_wrong(const struct cert *cert);

#endif
