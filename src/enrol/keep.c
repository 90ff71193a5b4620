#include "enrol/keep.h"

#include "os/clock.h"

#define VAULT_ITEM "vault"
#define CERTS_ITEM "certs"
#define CERTS_SIZE_MAX ((size_t)CERTS_MAX * CERT_DER_MAX)
#define VAULT_SIZE_MAX ((size_t)16 << 20)

void
keep_done(struct keep *keep)
{
	certs_done(&keep->certs);
}

/* -- reading -- */

/* What the caller has loaded already is in it once all the same. */
static enum rc
load_vault(const struct enrol *enrol, struct err *err)
{
	struct buf bytes BUF_OWNED = BUF_SECRET(VAULT_SIZE_MAX);

	enum rc rc = state_load(enrol->state, VAULT_ITEM, &bytes, err);
	if (rc == RC_ABSENT)
		return RC_OK;
	TRY(rc);
	return vault_load(
	    enrol->vault, state_key(enrol->state), buf_span(&bytes), err);
}

static enum rc
load_certs(struct keep *keep, struct err *err)
{
	struct buf pem BUF_OWNED = BUF(CERTS_SIZE_MAX);

	enum rc rc = state_load(keep->enrol->state, CERTS_ITEM, &pem, err);
	if (rc == RC_ABSENT)
		return RC_OK;
	TRY(rc);
	return certs_parse(&keep->certs, buf_span(&pem), err);
}

enum rc
keep_load(struct keep *ret, const struct enrol *enrol, struct err *err)
{
	ret->enrol = enrol;
	TRY(load_vault(enrol, err));
	return load_certs(ret, err);
}

/* -- which is which -- */

static bool
is_for(
    const struct keep *keep, const struct cert *cert, enum key_purpose purpose)
{
	struct err ignored;
	const struct key *key = NULL;

	if (!cert_names_address(cert, keep->enrol->account->address) ||
	    vault_find(keep->enrol->vault, cert, &key, &ignored) != RC_OK ||
	    (key->purpose != purpose && key->purpose != KEY_BOTH))
		return false;
	return (purpose == KEY_SIGN
		       ? cert_can_sign(cert, &ignored)
		       : cert_can_receive(cert, &ignored)) == RC_OK;
}

static bool
is_good_for_long(const struct cert *cert, int64_t now)
{
	int64_t begin = cert_not_before(cert);
	int64_t end = cert_not_after(cert);

	return begin <= now && end - now > (end - begin) / 3;
}

bool
keep_needs(const struct keep *keep, enum key_purpose purpose)
{
	int64_t now = clock_now();

	for (size_t i = 0; i < keep->certs.len; i++) {
		const struct cert *cert = keep->certs.item[i];
		if (is_for(keep, cert, purpose) && is_good_for_long(cert, now))
			return false;
	}
	return true;
}

static bool
has_certificate(const struct keep *keep, const struct key *key)
{
	for (size_t i = 0; i < keep->certs.len; i++) {
		const EVP_PKEY *own = cert_key(keep->certs.item[i]);
		if (own != NULL && EVP_PKEY_eq(own, key->public_key) == 1)
			return true;
	}
	return false;
}

enum rc
keep_find_fresh_key(const struct keep *keep, enum key_purpose purpose,
    const struct key **ret, struct err *err)
{
	for (size_t i = 0;; i++) {
		const struct key *key = NULL;
		TRY(vault_get(keep->enrol->vault, i, &key, err));
		if (key->purpose == purpose && !has_certificate(keep, key)) {
			*ret = key;
			return RC_OK;
		}
	}
}

/* -- writing -- */

static enum rc
save_vault(const struct keep *keep, struct err *err)
{
	struct buf bytes BUF_OWNED = BUF(VAULT_SIZE_MAX);

	TRY(vault_save(
	    keep->enrol->vault, state_key(keep->enrol->state), &bytes, err));
	return state_save(
	    keep->enrol->state, VAULT_ITEM, buf_span(&bytes), err);
}

enum rc
keep_make_keys(struct keep *keep, struct err *err)
{
	static const enum key_purpose purposes[] = {KEY_SIGN, KEY_DECRYPT};
	bool made = false;

	for (size_t i = 0; i < 2; i++) {
		const struct key *key = NULL;
		if (!keep_needs(keep, purposes[i]))
			continue;
		enum rc rc = keep_find_fresh_key(keep, purposes[i], &key, err);
		if (rc == RC_OK)
			continue;
		if (rc != RC_ABSENT)
			return rc;
		TRY(vault_make(keep->enrol->vault, purposes[i], &key, err));
		made = true;
	}
	return made ? save_vault(keep, err) : RC_OK;
}

static bool
has_cert(const struct certs *certs, const struct cert *cert)
{
	for (size_t i = 0; i < certs->len; i++)
		if (strcmp(cert_fingerprint(certs->item[i]),
			cert_fingerprint(cert)) == 0)
			return true;
	return false;
}

static enum rc
add_missing(const struct certs *from, struct certs *to, struct err *err)
{
	for (size_t i = 0; i < from->len; i++)
		if (!has_cert(to, from->item[i]))
			TRY(certs_add(to, from->item[i], err));
	return RC_OK;
}

/* The one that ends last among those of a purpose. */
static enum rc
add_newest(const struct keep *keep, enum key_purpose purpose, struct certs *to,
    struct err *err)
{
	const struct cert *newest = NULL;

	for (size_t i = 0; i < keep->certs.len; i++) {
		const struct cert *cert = keep->certs.item[i];
		if (is_for(keep, cert, purpose) &&
		    (newest == NULL ||
			cert_not_after(cert) > cert_not_after(newest)))
			newest = cert;
	}
	if (newest == NULL || has_cert(to, newest))
		return RC_OK;
	return certs_add(to, newest, err);
}

static enum rc
save_certs(struct keep *keep, struct err *err)
{
	struct certs sorted CERTS_OWNED = CERTS_NONE;
	struct buf pem BUF_OWNED = BUF(CERTS_SIZE_MAX);

	TRY(add_newest(keep, KEY_SIGN, &sorted, err));
	TRY(add_newest(keep, KEY_DECRYPT, &sorted, err));
	TRY(add_missing(&keep->certs, &sorted, err));
	TRY(certs_print(&sorted, &pem, err));
	TRY(state_save(keep->enrol->state, CERTS_ITEM, buf_span(&pem), err));
	certs_done(&keep->certs);
	keep->certs = sorted;
	sorted = CERTS_NONE;
	return RC_OK;
}

enum rc
keep_add_certificate(struct keep *keep, enum key_purpose purpose,
    struct span pem, struct err *err)
{
	struct certs chain CERTS_OWNED = CERTS_NONE;

	TRY(certs_parse(&chain, pem, err));
	if (chain.len == 0)
		return err_set(err, RC_SYNTAX,
		    "the authority's answer has no certificate in it");
	if (!is_for(keep, chain.item[0], purpose))
		return err_set(err, RC_UNFIT,
		    "the authority's certificate is not for %s, our key and "
		    "%s",
		    keep->enrol->account->address,
		    purpose == KEY_SIGN ? "signing" : "encrypting");
	TRY(add_missing(&chain, &keep->certs, err));
	return save_certs(keep, err);
}

enum rc
keep_import(struct keep *keep, struct span file, struct span passphrase,
    struct err *err)
{
	struct certs got CERTS_OWNED = CERTS_NONE;

	TRY(vault_import(keep->enrol->vault, file, passphrase, &got, err));
	TRY(add_missing(&got, &keep->certs, err));
	TRY(save_vault(keep, err));
	return save_certs(keep, err);
}

enum rc
keep_give(const struct keep *keep, struct certs *certs, struct err *err)
{
	return add_missing(&keep->certs, certs, err);
}
