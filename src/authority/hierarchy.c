#include "authority/hierarchy_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <pthread.h>

#include "authority/profile.h"
#include "os/file.h"
#include "pki/crypto.h"

enum rc
hierarchy_print(X509 *cert, struct buf *pem, struct err *err)
{
	BIO *out OWNED(BIO_free_all) = BIO_new(BIO_s_mem());
	char *bytes = NULL;

	if (out == NULL || !PEM_write_bio_X509(out, cert))
		return crypto_failed(err, "print a certificate");
	long len = BIO_get_mem_data(out, &bytes);
	return buf_add(pem, span_of(bytes, (size_t)len), err);
}

enum rc
hierarchy_der(const X509 *cert, struct buf *der, struct err *err)
{
	uint8_t *room = NULL;
	int len = i2d_X509(cert, NULL);

	if (len <= 0)
		return crypto_failed(err, "encode a certificate");
	TRY(buf_reserve(der, (size_t)len, &room, err));
	buf_grown(der, (size_t)i2d_X509(cert, &room));
	return RC_OK;
}

void
hierarchy_name(const char *base, size_t index, char ret[HIERARCHY_NAME_SIZE])
{
	if (index == 0)
		(void)snprintf(ret, HIERARCHY_NAME_SIZE, "%s", base);
	else
		(void)snprintf(
		    ret, HIERARCHY_NAME_SIZE, "%s-%zu", base, index + 1);
}

static void
path_of(const char *folder, const char *name, char path[KEYS_PATH_MAX])
{
	(void)snprintf(path, KEYS_PATH_MAX, "%s/%s.pem", folder, name);
}

enum rc
hierarchy_save_cert(
    const char *folder, const char *name, X509 *cert, struct err *err)
{
	struct buf pem BUF_OWNED = BUF(HIERARCHY_PEM_MAX);
	char path[KEYS_PATH_MAX];

	TRY(hierarchy_print(cert, &pem, err));
	path_of(folder, name, path);
	return file_save(path, buf_span(&pem), 0644, err);
}

enum rc
hierarchy_load_cert(
    const char *folder, const char *name, X509 **ret, struct err *err)
{
	struct buf pem BUF_OWNED = BUF(HIERARCHY_PEM_MAX);
	char path[KEYS_PATH_MAX];

	path_of(folder, name, path);
	TRY(file_read(path, &pem, err));
	BIO *in OWNED(BIO_free_all) = BIO_new_mem_buf(pem.data, (int)pem.len);
	X509 *cert =
	    in != NULL ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
	if (cert == NULL) {
		(void)crypto_failed(err, path);
		return err_set(err, RC_SYNTAX, "%s holds no certificate", path);
	}
	*ret = cert;
	return RC_OK;
}

enum rc
hierarchy_load_key(const struct keys *keys, const char *name, X509 *cert,
    struct signer **ret, struct err *err)
{
	struct signer *signer OWNED(signer_free) = NULL;

	TRY(keys_load(keys, name, &signer, err));
	if (EVP_PKEY_eq(X509_get0_pubkey(cert), signer_public(signer)) != 1) {
		(void)crypto_failed(err, "key");
		return err_set(err, RC_UNFIT, "%s.key is not the key of %s.pem",
		    name, name);
	}
	*ret = take(signer);
	return RC_OK;
}

/* --- who is who */

const struct authority_ca *
hierarchy_current(const struct hierarchy *hierarchy)
{
	return &hierarchy->issuing[hierarchy->current];
}

static bool
has_id(const X509 *cert, const char *id)
{
	char own[PUBLISHED_ID_LEN + 1];

	return published_id(cert, own, NULL) == RC_OK && strcmp(own, id) == 0;
}

const struct authority_ca *
hierarchy_find(const struct hierarchy *hierarchy, const char *id)
{
	for (size_t i = 0; i < hierarchy->issuings; i++)
		if (strcmp(hierarchy->issuing[i].id, id) == 0)
			return &hierarchy->issuing[i];
	return NULL;
}

const X509 *
hierarchy_find_cert(const struct hierarchy *hierarchy, const char *id)
{
	const struct authority_ca *ca = hierarchy_find(hierarchy, id);
	char name[HIERARCHY_NAME_SIZE];

	if (ca != NULL)
		return ca->cert;
	for (size_t i = 0; i < hierarchy->tsa_cas; i++)
		if (has_id(hierarchy->tsa_ca[i], id))
			return hierarchy->tsa_ca[i];
	return hierarchy_find_offline(hierarchy, id, name) ? hierarchy->root
							   : NULL;
}

bool
hierarchy_find_offline(const struct hierarchy *hierarchy, const char *id,
    char name[HIERARCHY_NAME_SIZE])
{
	for (size_t i = 0; i < hierarchy->tsa_cas; i++) {
		if (!has_id(hierarchy->tsa_ca[i], id))
			continue;
		hierarchy_name(TSA_CA_NAME, i, name);
		return true;
	}
	hierarchy_name(ROOT_NAME, 0, name);
	return has_id(hierarchy->root, id);
}

/* --- responders */

struct responder {
	pthread_mutex_t lock;
	X509 *cert; /* NULL before the first was asked for */
};

static void
responder_free(struct responder *responder)
{
	if (responder == NULL)
		return;
	X509_free(responder->cert);
	(void)pthread_mutex_destroy(&responder->lock);
	free(responder);
}

static enum rc
responder_new(struct responder **ret, struct err *err)
{
	struct responder *responder = calloc(1, sizeof(*responder));

	if (responder == NULL)
		return err_nomem(err, "responder");
	(void)pthread_mutex_init(&responder->lock, NULL);
	*ret = responder;
	return RC_OK;
}

static bool
ends_before(const X509 *cert, int64_t then)
{
	time_t at = (time_t)then;

	return X509_cmp_time(X509_get0_notAfter(cert), &at) <= 0;
}

static enum rc
make_responder(
    const struct authority_ca *ca, int64_t now, X509 **ret, struct err *err)
{
	struct profile_issuer issuer = {ca->cert, ca->signer};
	char organization[SETTINGS_DOMAIN_MAX + 1] = "";

	(void)X509_NAME_get_text_by_NID(X509_get_subject_name(ca->cert),
	    NID_organizationName, organization, sizeof(organization));
	struct profile_order order = {.kind = PROFILE_OCSP,
	    .public_key = signer_public(ca->ocsp_signer),
	    .name = "OCSP Responder",
	    .organization = organization,
	    .now = now};
	return profile_issue(&order, &issuer, ret, err);
}

/* At the end of a CA's own days there is no longer one to be had. */
static bool
must_renew(const struct authority_ca *ca, int64_t now)
{
	const X509 *cert = ca->responder->cert;

	if (cert == NULL || ends_before(cert, now))
		return true;
	return ends_before(cert, now + HIERARCHY_OCSP_LEFT) &&
	       ASN1_TIME_compare(
		   X509_get0_notAfter(cert), X509_get0_notAfter(ca->cert)) < 0;
}

/* With the lock held: of several that see it end, one makes the next. */
static enum rc
look(const struct authority_ca *ca, int64_t now, X509 **ret, struct err *err)
{
	struct responder *responder = ca->responder;
	X509 *made = NULL;

	if (must_renew(ca, now)) {
		TRY(make_responder(ca, now, &made, err));
		X509_free(responder->cert);
		responder->cert = made;
	}
	if (!X509_up_ref(responder->cert))
		return err_nomem(err, "responder");
	*ret = responder->cert;
	return RC_OK;
}

enum rc
hierarchy_ocsp(
    const struct authority_ca *ca, int64_t now, X509 **ret, struct err *err)
{
	(void)pthread_mutex_lock(&ca->responder->lock);
	enum rc rc = look(ca, now, ret, err);
	(void)pthread_mutex_unlock(&ca->responder->lock);
	return rc;
}

/* --- the whole of it */

static void
ca_done(struct authority_ca *ca)
{
	X509_free(ca->cert);
	signer_free(ca->signer);
	signer_free(ca->ocsp_signer);
	responder_free(ca->responder);
}

void
hierarchy_done(struct hierarchy *hierarchy)
{
	X509_free(hierarchy->root);
	for (size_t i = 0; i < HIERARCHY_ISSUING_MAX; i++)
		ca_done(&hierarchy->issuing[i]);
	for (size_t i = 0; i < HIERARCHY_ISSUING_MAX; i++)
		X509_free(hierarchy->tsa_ca[i]);
	X509_free(hierarchy->tsa);
	signer_free(hierarchy->tsa_signer);
	cert_free(hierarchy->tsa_cert);
	certs_done(&hierarchy->tsa_chain);
	*hierarchy = (struct hierarchy){0};
}

static enum rc
load_responder(const struct keys *keys, size_t index, struct authority_ca *ca,
    struct err *err)
{
	char name[HIERARCHY_NAME_SIZE];

	TRY(responder_new(&ca->responder, err));
	hierarchy_name(OCSP_NAME, index, name);
	enum rc rc = keys_load(keys, name, &ca->ocsp_signer, err);
	if (rc == RC_ABSENT && !keys_has(keys, name))
		return err_set(err, RC_ABSENT,
		    "%s/%s.key is not there: run letterlock-authority upgrade",
		    keys->folder, name);
	return rc;
}

static enum rc
load_ca(const struct keys *keys, size_t index, struct authority_ca *ca,
    struct err *err)
{
	char name[HIERARCHY_NAME_SIZE];

	hierarchy_name(ISSUING_NAME, index, name);
	TRY(hierarchy_load_cert(keys->folder, name, &ca->cert, err));
	TRY(hierarchy_load_key(keys, name, ca->cert, &ca->signer, err));
	TRY(published_id(ca->cert, ca->id, err));
	return load_responder(keys, index, ca, err);
}

bool
hierarchy_has_cert(const char *folder, const char *name)
{
	char path[KEYS_PATH_MAX];

	path_of(folder, name, path);
	return access(path, F_OK) == 0;
}

static bool
has_another(const char *folder, const char *base, size_t index)
{
	char name[HIERARCHY_NAME_SIZE];

	hierarchy_name(base, index, name);
	return index < HIERARCHY_ISSUING_MAX &&
	       hierarchy_has_cert(folder, name);
}

enum rc
hierarchy_next_index(const char *folder, const char *base, const char *what,
    size_t *ret, struct err *err)
{
	size_t index = 0;

	while (has_another(folder, base, index))
		index++;
	if (index == HIERARCHY_ISSUING_MAX)
		return err_set(err, RC_LIMIT, "there are %zu %s: that is all",
		    index, what);
	*ret = index;
	return RC_OK;
}

/* The first must be there; the newest issues. */
static enum rc
load_issuing(const struct keys *keys, struct hierarchy *own, struct err *err)
{
	size_t i = 0;

	do {
		own->issuings = i + 1;
		own->current = i;
		TRY(load_ca(keys, i, &own->issuing[i], err));
	} while (has_another(keys->folder, ISSUING_NAME, ++i));
	return RC_OK;
}

static enum rc
load_tsa_cas(const struct keys *keys, struct hierarchy *own, struct err *err)
{
	char name[HIERARCHY_NAME_SIZE];

	do {
		hierarchy_name(TSA_CA_NAME, own->tsa_cas, name);
		TRY(hierarchy_load_cert(
		    keys->folder, name, &own->tsa_ca[own->tsa_cas], err));
	} while (has_another(keys->folder, TSA_CA_NAME, ++own->tsa_cas));
	return RC_OK;
}

static enum rc
find_tsa_ca(struct hierarchy *own, X509 **ret, struct err *err)
{
	char id[PUBLISHED_ID_LEN + 1];

	TRY(published_issuer_id(own->tsa, id, err));
	for (size_t i = 0; i < own->tsa_cas; i++) {
		if (!has_id(own->tsa_ca[i], id))
			continue;
		*ret = own->tsa_ca[i];
		return RC_OK;
	}
	return err_set(
	    err, RC_UNFIT, "the CA of the newest TSA is not in the folder");
}

static enum rc
load_tsa(const struct keys *keys, struct hierarchy *own, struct err *err)
{
	struct cert *above OWNED(cert_free) = NULL;
	char name[HIERARCHY_NAME_SIZE];
	X509 *ca = NULL;
	size_t i = 0;

	TRY(load_tsa_cas(keys, own, err));
	while (has_another(keys->folder, TSA_NAME, i + 1))
		i++;
	hierarchy_name(TSA_NAME, i, name);
	TRY(hierarchy_load_cert(keys->folder, name, &own->tsa, err));
	TRY(hierarchy_load_key(keys, name, own->tsa, &own->tsa_signer, err));
	TRY(cert_from_x509(own->tsa, &own->tsa_cert, err));
	TRY(find_tsa_ca(own, &ca, err));
	TRY(cert_from_x509(ca, &above, err));
	return certs_add(&own->tsa_chain, above, err);
}

enum rc
hierarchy_load(const struct keys *keys, struct hierarchy *ret, struct err *err)
{
	struct hierarchy own HIERARCHY_OWNED = {0};

	TRY(hierarchy_load_cert(keys->folder, ROOT_NAME, &own.root, err));
	TRY(load_issuing(keys, &own, err));
	TRY(load_tsa(keys, &own, err));
	*ret = own;
	own = (struct hierarchy){0};
	return RC_OK;
}
