/* pki/listkit -- make revocation lists for tests, good and bad ones.
 *
 * Only for _test.c files of pki.  Any failure ends the test.
 */
#ifndef PKI_LISTKIT_PRIV_H
#define PKI_LISTKIT_PRIV_H

#include "base/expect.h"
#include "pki/crl.h"
#include "pki/fixture.h"

#define DAY 86400L

struct entry {
	const struct fixture *whose; /* NULL: nobody is revoked */
	int64_t at;
	int reason;      /* 0: none given */
	int64_t invalid; /* invalidityDate; 0: none */
};

struct list {
	const struct fixture *issuer, *signer; /* signer NULL: the issuer */
	int64_t from, until;                   /* 0: around FIXTURE_NOW */
	struct entry entry;
	bool critical; /* with a critical extension nobody knows */
	bool sha1;
	const char *scope;   /* issuingDistributionPoint */
	long number, base;   /* 0: none; with a base it is a delta */
	const char *expired; /* expiredCertsOnCRL, DER in hex */
};

static inline void
add_entry(X509_CRL *crl, const struct entry *entry)
{
	X509_REVOKED *revoked = X509_REVOKED_new();
	ASN1_TIME *time = ASN1_TIME_set(NULL, entry->at);

	X509_REVOKED_set_serialNumber(
	    revoked, X509_get_serialNumber(cert_x509(entry->whose->cert)));
	X509_REVOKED_set_revocationDate(revoked, time);
	ASN1_TIME_free(time);
	if (entry->reason != 0) {
		ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();
		ASN1_ENUMERATED_set(reason, entry->reason);
		X509_REVOKED_add1_ext_i2d(
		    revoked, NID_crl_reason, reason, 0, X509V3_ADD_APPEND);
		ASN1_ENUMERATED_free(reason);
	}
	if (entry->invalid != 0) {
		ASN1_GENERALIZEDTIME *since =
		    ASN1_GENERALIZEDTIME_set(NULL, entry->invalid);
		X509_REVOKED_add1_ext_i2d(
		    revoked, NID_invalidity_date, since, 0, X509V3_ADD_APPEND);
		ASN1_GENERALIZEDTIME_free(since);
	}
	assert_int_equal(X509_CRL_add0_revoked(crl, revoked), 1);
}

static inline void
set_times(X509_CRL *crl, const struct list *list)
{
	int64_t from = list->from != 0 ? list->from : FIXTURE_NOW - DAY;
	int64_t until = list->until != 0 ? list->until : from + 7 * DAY;
	ASN1_TIME *time = ASN1_TIME_set(NULL, from);

	X509_CRL_set1_lastUpdate(crl, time);
	ASN1_TIME_set(time, until);
	X509_CRL_set1_nextUpdate(crl, time);
	ASN1_TIME_free(time);
}

static inline void
add_number(X509_CRL *crl, int nid, long number)
{
	ASN1_INTEGER *value = ASN1_INTEGER_new();

	ASN1_INTEGER_set(value, number);
	if (number != 0)
		X509_CRL_add1_ext_i2d(
		    crl, nid, value, nid == NID_delta_crl, X509V3_ADD_APPEND);
	ASN1_INTEGER_free(value);
}

static inline void
add_scope(X509_CRL *crl, const char *scope)
{
	X509V3_CTX ctx;

	if (scope == NULL)
		return;
	X509V3_set_ctx(&ctx, NULL, NULL, NULL, crl, 0);
	CONF *conf = NCONF_new(NULL);
	X509V3_set_nconf(&ctx, conf);
	X509_EXTENSION *extension =
	    X509V3_EXT_nconf(conf, &ctx, "issuingDistributionPoint", scope);
	fixture_must(extension != NULL, scope);
	X509_CRL_add_ext(crl, extension, -1);
	X509_EXTENSION_free(extension);
	NCONF_free(conf);
}

static inline void
make_list(const struct list *list, struct crls *made)
{
	X509_CRL *crl = X509_CRL_new();
	const struct fixture *signer =
	    list->signer != NULL ? list->signer : list->issuer;

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(
	    crl, X509_get_subject_name(cert_x509(list->issuer->cert)));
	set_times(crl, list);
	if (list->entry.whose != NULL)
		add_entry(crl, &list->entry);
	if (list->critical) {
		X509_EXTENSION *extension =
		    X509V3_EXT_conf(NULL, NULL, "1.2.3.4", "critical,DER:0500");
		X509_CRL_add_ext(crl, extension, -1);
		X509_EXTENSION_free(extension);
	}
	if (list->expired != NULL) {
		X509_EXTENSION *extension =
		    X509V3_EXT_conf(NULL, NULL, "2.5.29.60", list->expired);
		fixture_must(extension != NULL, list->expired);
		X509_CRL_add_ext(crl, extension, -1);
		X509_EXTENSION_free(extension);
	}
	add_scope(crl, list->scope);
	add_number(crl, NID_crl_number, list->number);
	add_number(crl, NID_delta_crl, list->base);
	assert_true(X509_CRL_sign(crl, signer->key,
			list->sha1 ? EVP_sha1() : EVP_sha256()) > 0);
	uint8_t *der = NULL;
	int len = i2d_X509_CRL(crl, &der);
	struct err err = ERR_NONE;
	if (crls_add(made, span_of(der, (size_t)len), &err) != RC_OK)
		fail_msg("crls_add: %s", err.text);
	OPENSSL_free(der);
	X509_CRL_free(crl);
}

static inline struct crls
make_lists(const struct list *lists, size_t count)
{
	struct crls made = CRLS_NONE;

	for (size_t i = 0; i < count && lists[i].issuer != NULL; i++)
		make_list(&lists[i], &made);
	return made;
}

#endif
