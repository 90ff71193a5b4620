/* authority/issuedkit_priv -- a database with certificates in it, for this
 * room's tests only.
 */
#ifndef AUTHORITY_ISSUEDKIT_PRIV_H
#define AUTHORITY_ISSUEDKIT_PRIV_H

#include "authority/account.h"
#include "authority/issued.h"
#include "authority/revoked.h"
#include "authority/schema.h"
#include "authority/testkit_priv.h"
#include "pki/crypto.h"

/* Each test has a database of its own. */
struct shop {
	const struct kit *kit;
	struct sql *sql;
	int64_t account;
};

#define SHOP_OWNED __attribute__((cleanup(shop_done)))

static inline void
shop_done(struct shop *shop)
{
	sql_free(shop->sql);
}

static inline void
shop_init(struct shop *shop, void **state)
{
	struct account account ACCOUNT_OWNED = {0};
	struct err err = ERR_NONE;

	shop->kit = *state;
	struct account_wish wish = {.thumbprint = "t",
	    .jwk = "{}",
	    .contact = "[]",
	    .now = shop->kit->now};
	kit_forget(shop->kit);
	assert_done(schema_open(shop->kit->folder, &shop->kit->settings,
			&shop->sql, &err),
	    err);
	assert_done(account_add(shop->sql, &wish, &account, &err), err);
	shop->account = account.id;
}

/* A certificate as the kit's authority makes it, not in the database. */
static inline X509 *
shop_make_for(const struct shop *shop, const char *address,
    enum profile_kind kind, int64_t now)
{
	EVP_PKEY *key OWNED(EVP_PKEY_free) =
	    kind == PROFILE_DUAL
		? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048)
		: EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	struct profile_order wish = {.kind = kind,
	    .public_key = key,
	    .address = address,
	    .published_at = shop->kit->settings.http_url,
	    .crl_parts = shop->kit->settings.crl_parts,
	    .now = now};
	struct profile_issuer issuer = kit_issuer(shop->kit);
	struct err err = ERR_NONE;
	X509 *cert = NULL;

	assert_done(profile_issue(&wish, &issuer, &cert, &err), err);
	return cert;
}

static inline X509 *
shop_make(const struct shop *shop, int64_t now)
{
	return shop_make_for(shop, "alice@alpha.test", PROFILE_SIGNING, now);
}

static inline void
shop_keep_for(const struct shop *shop, X509 *cert, const char *address,
    enum profile_kind kind, int64_t now)
{
	struct authorization a AUTHORIZATION_OWNED = {0};
	struct order order ORDER_OWNED = {0};
	struct request request = {.kind = kind};
	struct buf der BUF_OWNED = BUF((size_t)64 * 1024);
	struct authorization_wish ask = {.account = shop->account,
	    .address = address,
	    .client = "192.0.2.1",
	    .thumbprint = "t",
	    .now = now};
	const struct order_wish wish = {.authorization = &a, .now = now};
	struct err err = ERR_NONE;

	assert_done(authorization_add(shop->sql, &ask, &a, &err), err);
	assert_done(order_add(shop->sql, &wish, &order, &err), err);
	assert_done(hierarchy_der(cert, &der, &err), err);
	assert_done(
	    issued_add(shop->sql, &order, &request, buf_span(&der), &err), err);
}

static inline void
shop_keep(const struct shop *shop, X509 *cert, int64_t now)
{
	shop_keep_for(shop, cert, "alice@alpha.test", PROFILE_SIGNING, now);
}

static inline X509 *
shop_issue_for(const struct shop *shop, const char *address,
    enum profile_kind kind, int64_t now)
{
	X509 *cert = shop_make_for(shop, address, kind, now);

	shop_keep_for(shop, cert, address, kind, now);
	return cert;
}

static inline X509 *
shop_issue(const struct shop *shop, int64_t now)
{
	X509 *cert = shop_make(shop, now);

	shop_keep(shop, cert, now);
	return cert;
}

/* Lends. */
static inline struct span
shop_serial(X509 *cert)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);

	return span_of(
	    ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial));
}

/* As an operator does. */
static inline void
shop_revoke(const struct shop *shop, X509 *cert, int reason, int64_t now)
{
	struct revoked_wish wish = {.serial = shop_serial(cert),
	    .reason = reason,
	    .by = "operator test",
	    .now = now};
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct err err = ERR_NONE;

	assert_done(sql_act_begin(shop->sql, &act, &err), err);
	assert_done(revoked_add(shop->sql, &wish, &err), err);
	assert_done(sql_act_commit(&act, &err), err);
}

/* What a query of one number says. */
static inline int64_t
shop_number(const struct shop *shop, const char *text)
{
	struct err err = ERR_NONE;
	int64_t number = -1;

	assert_done(sql_number(shop->sql, text, SQL_NONE, &number, &err), err);
	return number;
}

#endif
