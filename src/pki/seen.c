#include "pki/seen.h"

#include <stdlib.h>
#include <string.h>

#include <pthread.h>

#include "pki/crypto.h"

/* A thing is looked for in one set only: among WAYS others. */
#define WAYS 4
#define CERT_SETS (SEEN_CERTS / WAYS)
#define SIGNATURE_SETS (SEEN_SIGNATURES / WAYS)

/* SHA-256 of what is signed, and by whom. */
struct mark {
	uint8_t hash[32];
};

struct seen {
	pthread_mutex_t lock;
	struct cert *cert[CERT_SETS][WAYS];
	unsigned next_cert[CERT_SETS]; /* the way to be overwritten */
	struct mark signature[SIGNATURE_SETS][WAYS];
	unsigned next_signature[SIGNATURE_SETS];
};

enum rc
seen_new(struct seen **ret, struct err *err)
{
	struct seen *seen = calloc(1, sizeof(*seen));

	if (seen == NULL)
		return err_nomem(err, "certificates that were seen");
	(void)pthread_mutex_init(&seen->lock, NULL);
	*ret = seen;
	return RC_OK;
}

void
seen_free(struct seen *seen)
{
	if (seen == NULL)
		return;
	for (size_t i = 0; i < CERT_SETS; i++)
		for (size_t k = 0; k < WAYS; k++)
			cert_free(seen->cert[i][k]);
	(void)pthread_mutex_destroy(&seen->lock);
	free(seen);
}

/* ---- certificates ------------------------------------------------------- */

/* A certificate ends in its signature, which is as good as random; who makes
 * them alike has them all in one set. */
static size_t
cert_set(struct span der)
{
	uint32_t end = 0;

	for (size_t i = 0; i < 4 && i < der.len; i++)
		end = end << 8 | der.data[der.len - 1 - i];
	return end % CERT_SETS;
}

static struct cert *
find_cert(const struct seen *seen, struct span der)
{
	struct cert *const *set = seen->cert[cert_set(der)];

	for (size_t i = 0; i < WAYS; i++)
		if (set[i] != NULL && span_is(cert_der(set[i]), der))
			return cert_ref(set[i]);
	return NULL;
}

static void
keep_cert(struct seen *seen, const struct cert *cert)
{
	size_t set = cert_set(cert_der(cert));
	struct cert **place = &seen->cert[set][seen->next_cert[set]++ % WAYS];

	cert_free(*place);
	*place = cert_ref(cert);
}

enum rc
seen_cert(
    struct seen *seen, struct span der, struct cert **ret, struct err *err)
{
	if (seen == NULL || der.len > SEEN_DER_MAX)
		return cert_parse(der, ret, err);
	(void)pthread_mutex_lock(&seen->lock);
	struct cert *found = find_cert(seen, der);
	(void)pthread_mutex_unlock(&seen->lock);
	if (found != NULL) {
		*ret = found;
		return RC_OK;
	}
	TRY(cert_parse(der, ret, err));
	(void)pthread_mutex_lock(&seen->lock);
	keep_cert(seen, *ret);
	(void)pthread_mutex_unlock(&seen->lock);
	return RC_OK;
}

/* ---- signatures --------------------------------------------------------- */

/* The hash of a certificate has always the same length: nothing runs into
 * each other. */
static bool
make_mark(struct span what, const struct cert *by, struct mark *ret)
{
	EVP_MD_CTX *ctx OWNED(EVP_MD_CTX_free) = EVP_MD_CTX_new();
	const char *hash = cert_fingerprint(by);

	return ctx != NULL &&
	       EVP_DigestInit_ex2(ctx, crypto_sha2(256), NULL) == 1 &&
	       EVP_DigestUpdate(ctx, hash, strlen(hash)) == 1 &&
	       EVP_DigestUpdate(ctx, what.data, what.len) == 1 &&
	       EVP_DigestFinal_ex(ctx, ret->hash, NULL) == 1;
}

static size_t
signature_set(const struct mark *mark)
{
	return (size_t)(mark->hash[0] << 8 | mark->hash[1]) % SIGNATURE_SETS;
}

static bool
has_mark(const struct seen *seen, const struct mark *mark)
{
	const struct mark *set = seen->signature[signature_set(mark)];

	for (size_t i = 0; i < WAYS; i++)
		if (span_is(span_of(set[i].hash, 32), span_of(mark->hash, 32)))
			return true;
	return false;
}

void
seen_add_signature(struct seen *seen, struct span what, const struct cert *by)
{
	struct mark mark;

	if (seen == NULL || !make_mark(what, by, &mark))
		return;
	size_t set = signature_set(&mark);
	(void)pthread_mutex_lock(&seen->lock);
	if (!has_mark(seen, &mark))
		seen->signature[set][seen->next_signature[set]++ % WAYS] = mark;
	(void)pthread_mutex_unlock(&seen->lock);
}

bool
seen_has_signature(struct seen *seen, struct span what, const struct cert *by)
{
	struct mark mark;

	if (seen == NULL || !make_mark(what, by, &mark))
		return false;
	(void)pthread_mutex_lock(&seen->lock);
	bool has = has_mark(seen, &mark);
	(void)pthread_mutex_unlock(&seen->lock);
	return has;
}
