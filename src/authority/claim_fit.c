#include "authority/claim_fit.h"

#include "base/own.h"
#include "pki/crypto.h"

/* Any key will do: it is about the name. */
enum rc
claim_fit(const struct claim_office *office, const struct claim *claim,
    int64_t now, struct err *err)
{
	const struct profile_subject subject = claim_subject(claim);
	const struct authority_ca *ca = hierarchy_current(office->hierarchy);
	const struct profile_issuer issuer = {ca->cert, ca->signer};
	EVP_PKEY *key OWNED(EVP_PKEY_free) =
	    EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	const struct profile_order wish = {.kind = PROFILE_SIGNING,
	    .public_key = key,
	    .address = claim->address,
	    .level = claim->level,
	    .subject = &subject,
	    .published_at = office->settings->http_url,
	    .crl_parts = office->settings->crl_parts,
	    .now = now};

	if (key == NULL)
		return crypto_failed(err, "make a key");
	return profile_check(&wish, &issuer, err);
}
