#include "pki/orphan.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/pkcs7.h>

#include "pki/cert_priv.h"
#include "pki/crypto.h"

OWNER(PKCS7, PKCS7_free);

/* ---- the way up -------------------------------------------------------- */

struct climb {
	const struct certs *roots, *untrusted;
	int64_t at;
	struct certs met; /* in the order they were met */
	size_t signatures;
};

static bool
has(const struct certs *certs, const struct cert *cert)
{
	for (size_t i = 0; i < certs->len; i++)
		if (!strcmp(
			cert_fingerprint(certs->item[i]), cert->fingerprint))
			return true;
	return false;
}

static bool
is_named_and_valid(
    const struct climb *climb, const struct cert *issuer, const struct cert *of)
{
	return X509_NAME_cmp(X509_get_subject_name(issuer->x509),
		   X509_get_issuer_name(of->x509)) == 0 &&
	       climb->at >= issuer->not_before &&
	       climb->at <= issuer->not_after && !cert_key_is_huge(issuer);
}

/* A stranger's namesake in its place is not the issuer. */
static bool
is_issuer(struct climb *climb, const struct cert *issuer, const struct cert *of)
{
	if (!is_named_and_valid(climb, issuer, of))
		return false;
	if (climb->signatures == ORPHAN_SIGNATURES)
		return true;
	climb->signatures++;
	return cert_is_signed(of, issuer);
}

static enum rc
meet_issuers(struct climb *climb, const struct cert *of,
    const struct certs *among, bool *found, struct err *err)
{
	for (size_t i = 0; among != NULL && i < among->len; i++) {
		const struct cert *issuer = among->item[i];
		if (!is_issuer(climb, issuer, of))
			continue;
		*found = true;
		if (climb->met.len < CERTS_MAX && !has(&climb->met, issuer))
			TRY(certs_add(&climb->met, issuer, err));
	}
	return RC_OK;
}

static enum rc
find_all(struct climb *climb, struct certs *ret, struct err *err)
{
	for (size_t i = 0; i < climb->met.len; i++) {
		const struct cert *cert = climb->met.item[i];
		bool found = X509_get_extension_flags(cert->x509) & EXFLAG_SI;

		TRY(meet_issuers(climb, cert, climb->roots, &found, err));
		TRY(meet_issuers(climb, cert, climb->untrusted, &found, err));
		if (!found)
			TRY(certs_add(ret, cert, err));
	}
	return RC_OK;
}

enum rc
orphans_find(const struct cert *cert, const struct certs *roots,
    const struct certs *untrusted, int64_t at, struct certs *ret,
    struct err *err)
{
	struct climb climb = {roots, untrusted, at, CERTS_NONE, 0};

	if (cert_key_is_huge(cert))
		return RC_OK;
	enum rc rc = certs_add(&climb.met, cert, err);
	if (rc == RC_OK)
		rc = find_all(&climb, ret, err);
	certs_done(&climb.met);
	return rc;
}

/* ---- what an address gave out ------------------------------------------ */

static enum rc
add_x509(const X509 *x509, struct certs *certs, struct err *err)
{
	struct cert *cert OWNED(cert_free) = NULL;

	TRY(cert_from_x509((X509 *)x509, &cert, err));
	return certs_add(certs, cert, err);
}

/* What is signed in such a message, and by whom, says nothing. */
static enum rc
add_message(struct span der, size_t most, struct certs *certs, struct err *err)
{
	const uint8_t *at = der.data;
	PKCS7 *message OWNED(PKCS7_free) = d2i_PKCS7(NULL, &at, (long)der.len);

	ERR_clear_error();
	if (message == NULL || at != der.data + der.len ||
	    !PKCS7_type_is_signed(message) || message->d.sign == NULL)
		return err_set(
		    err, RC_SYNTAX, "neither a certificate nor certificates");
	const STACK_OF(X509) *all = message->d.sign->cert;
	if (sk_X509_num(all) > 0 && (size_t)sk_X509_num(all) > most)
		return err_set(
		    err, RC_LIMIT, "more than %zu certificates", most);
	for (int i = 0; i < sk_X509_num(all); i++)
		TRY(add_x509(sk_X509_value(all, i), certs, err));
	return RC_OK;
}

static enum rc
add_one(struct span der, struct certs *certs, struct err *err)
{
	struct cert *cert OWNED(cert_free) = NULL;

	TRY(cert_parse(der, &cert, err));
	return certs_add(certs, cert, err);
}

static enum rc
add_all(struct certs *certs, const struct certs *from, struct err *err)
{
	size_t before = certs->len;
	enum rc rc = RC_OK;

	for (size_t i = 0; i < from->len && rc == RC_OK; i++)
		rc = certs_add(certs, from->item[i], err);
	while (rc != RC_OK && certs->len > before)
		cert_free(certs->item[--certs->len]);
	return rc;
}

enum rc
orphans_parse_issuers(
    struct span der, size_t most, struct certs *certs, struct err *err)
{
	struct certs made CERTS_OWNED = CERTS_NONE;

	if (der.len > LONG_MAX)
		return err_set(err, RC_LIMIT, "too long");
	if (most == 0 || add_one(der, &made, NULL) != RC_OK)
		TRY(add_message(der, most, &made, err));
	return add_all(certs, &made, err);
}
