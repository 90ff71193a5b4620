#include <openssl/obj_mac.h>

#include "pki/cert_priv.h"
#include "pki/der.h"
#include "pki/signature.h"

#define RSA_MIN_BITS 2048
#define RSA_MAX_BITS 8192
#define EC_MIN_BITS 256

#define USAGE_SIGN 0xc0U          /* digitalSignature, nonRepudiation */
#define USAGE_KEY_ENCIPHER 0x20U  /* keyEncipherment */
#define USAGE_KEY_AGREE 0x08U     /* keyAgreement */
#define USAGE_ENCIPHER_ONLY 0x01U /* the holder may only encipher with it */

static enum cert_fault
key_fault(const struct cert *cert)
{
	switch (cert->kind) {
	case KIND_RSA:
	case KIND_RSA_PSS:
		if (cert->bits < RSA_MIN_BITS)
			return CERT_WEAK;
		return cert->bits > RSA_MAX_BITS ? CERT_KEY_KIND : CERT_FIT;
	case KIND_EC:
		return cert->bits < EC_MIN_BITS ? CERT_WEAK : CERT_FIT;
	case KIND_ED:
	case KIND_ML_DSA:
		return CERT_FIT;
	default:
		return CERT_KEY_KIND;
	}
}

enum cert_fault
cert_sign_fault(const struct cert *cert)
{
	if (cert->is_ca)
		return CERT_IS_CA;
	/* RFC 8550 section 4.4.2: digitalSignature or nonRepudiation must be
	 * set where there is a key usage; without one all are. */
	if (!(cert->usage & USAGE_SIGN))
		return CERT_KU;
	if (!cert_eku_allows(cert, NID_email_protect))
		return CERT_EKU;
	return key_fault(cert);
}

static bool
may_receive(const struct cert *cert)
{
	if (cert->usage == UINT32_MAX)
		return true;
	/* RFC 9936 section 3: an ML-KEM key has keyEncipherment */
	if (cert->kind == KIND_RSA || cert->kind == KIND_KEM)
		return cert->usage & USAGE_KEY_ENCIPHER;
	return (cert->usage & USAGE_KEY_AGREE) &&
	       !(cert->usage & USAGE_ENCIPHER_ONLY);
}

enum cert_fault
cert_receive_fault(const struct cert *cert)
{
	if (cert->is_ca)
		return CERT_IS_CA;
	if (cert->kind == KIND_OTHER || cert->kind == KIND_RSA_PSS ||
	    cert->kind == KIND_ED)
		return CERT_KEY_KIND;
	if (!may_receive(cert))
		return CERT_KU;
	if (!cert_eku_allows(cert, NID_email_protect))
		return CERT_EKU;
	/* these have one size each, and cannot sign */
	if (cert->kind == KIND_X || cert->kind == KIND_KEM)
		return CERT_FIT;
	return key_fault(cert);
}

enum cert_fault
cert_stamp_fault(const struct cert *cert)
{
	if (cert->is_ca)
		return CERT_IS_CA;
	if (cert->usage != UINT32_MAX &&
	    (!(cert->usage & USAGE_SIGN) || (cert->usage & ~USAGE_SIGN)))
		return CERT_KU;
	if (!cert->eku_stamp || !cert->eku_critical || cert->eku_mail ||
	    cert->eku_other)
		return CERT_EKU;
	return key_fault(cert);
}

bool
cert_eku_allows(const struct cert *cert, int purpose)
{
	if (!cert->has_eku || cert->eku_any)
		return true;
	return purpose == NID_time_stamp ? cert->eku_stamp : cert->eku_mail;
}

bool
cert_key_is_huge(const struct cert *cert)
{
	/* a key of ML-DSA-87 has 20,736 bits, and is quick to use */
	return cert->kind != KIND_ML_DSA && cert->bits > RSA_MAX_BITS;
}

bool
cert_no_revocation_is_wrong(const struct cert *cert)
{
	return cert->no_revocation && (cert->is_ca || cert->has_pointer);
}

const char *
cert_fault_reason(enum cert_fault fault)
{
	static const char *const reasons[] = {
	    [CERT_FIT] = NULL,
	    [CERT_IS_CA] = "cert.is-a-ca",
	    [CERT_KU] = "cert.ku",
	    [CERT_EKU] = "cert.eku",
	    [CERT_WEAK] = "cert.alg-weak",
	    [CERT_KEY_KIND] = "cert.alg-weak",
	};

	return reasons[fault];
}

static enum rc
say_fault(enum cert_fault fault, const char *use, struct err *err)
{
	static const char *const reasons[] = {
	    [CERT_IS_CA] = "it belongs to a certificate authority",
	    [CERT_KU] = "its key usage forbids it",
	    [CERT_EKU] = "it is not for e-mail (extended key usage)",
	    [CERT_WEAK] = "its key is too weak",
	    [CERT_KEY_KIND] = "its kind of key is not supported",
	};

	if (fault == CERT_FIT)
		return RC_OK;
	return err_set(err, RC_UNFIT,
	    "the certificate cannot be used to %s: %s", use, reasons[fault]);
}

enum rc
cert_can_sign(const struct cert *cert, struct err *err)
{
	return say_fault(cert_sign_fault(cert), "sign", err);
}

const char *
cert_sign_reason(const struct cert *cert)
{
	return cert_fault_reason(cert_sign_fault(cert));
}

enum rc
cert_can_receive(const struct cert *cert, struct err *err)
{
	return say_fault(cert_receive_fault(cert), "encrypt", err);
}

enum rc
cert_check_time(const struct cert *cert, int64_t when, struct err *err)
{
	if (when < cert->not_before)
		return err_set(
		    err, RC_UNFIT, "the certificate is not yet valid");
	if (when > cert->not_after)
		return err_set(err, RC_UNFIT, "the certificate has expired");
	return RC_OK;
}

/* The algorithm is named twice, and only one of them is signed. */
bool
cert_is_signed(const struct cert *cert, const struct cert *by)
{
	struct span in = cert_der(cert);
	struct der all, tbs;
	const X509_ALGOR *algorithm = NULL;
	const ASN1_BIT_STRING *signature = NULL;

	X509_get0_signature(&signature, &algorithm, cert->x509);
	return X509_ALGOR_cmp(algorithm, X509_get0_tbs_sigalg(cert->x509)) ==
		   0 &&
	       der_expect(&in, DER_SEQUENCE, &all, NULL) == RC_OK &&
	       der_expect(&all.value, DER_SEQUENCE, &tbs, NULL) == RC_OK &&
	       signature_is(tbs.whole, algorithm, signature, by);
}

unsigned
cert_capabilities(const struct cert *cert)
{
	return cert->capabilities;
}

bool
cert_has_revocation_pointer(const struct cert *cert)
{
	return cert->has_pointer;
}

enum rc
cert_key_digest(
    const struct cert *cert, uint8_t ret[CERT_DIGEST_LEN], struct err *err)
{
	uint8_t *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert_x509(cert)), &der);
	bool done = len > 0 && EVP_Digest(der, (size_t)len, ret, NULL,
				   crypto_sha2(256), NULL) == 1;

	OPENSSL_free(der);
	return done ? RC_OK
		    : err_set(err, RC_CRYPTO, "a public key has no digest");
}
