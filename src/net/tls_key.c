#include "net/tls_key_priv.h"

#include <stdlib.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/provider.h>

#include "base/buf.h"
#include "net/tls_priv.h"

#define PROVIDER "letterlock"
#define PARAM_KEY "letterlock-key" /* the address of a struct key */
#define GROUP_MAX 64
#define POINT_MAX 200
#define SIGNATURE_MAX 160 /* ECDSA with P-521 */

struct tls_key {
	OSSL_LIB_CTX *library;
	OSSL_PROVIDER *provider;
	EVP_PKEY *pkey;
};

/* ---- keys, as the provider has them ------------------------------------- */

struct data {
	const struct key *key; /* NULL: a public key, to compare */
	char group[GROUP_MAX];
	uint8_t point[POINT_MAX];
	size_t point_len;
};

static void *
data_new(void *context)
{
	(void)context;
	return calloc(1, sizeof(struct data));
}

static void
data_free(void *data)
{
	free(data);
}

static int
data_has(const void *context, int selection)
{
	const struct data *data = context;

	if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 &&
	    data->key == NULL)
		return 0;
	return data->point_len > 0;
}

static int
data_match(const void *first, const void *second, int selection)
{
	const struct data *a = first, *b = second;

	(void)selection;
	return strcmp(a->group, b->group) == 0 &&
	       span_is(span_of(a->point, a->point_len),
		   span_of(b->point, b->point_len));
}

static int
read_key(struct data *data, const OSSL_PARAM *params)
{
	const OSSL_PARAM *param = OSSL_PARAM_locate_const(params, PARAM_KEY);
	const void *key = NULL;
	size_t len = 0;

	if (param == NULL)
		return 1;
	if (!OSSL_PARAM_get_octet_ptr(param, &key, &len))
		return 0;
	data->key = key;
	return 1;
}

static int
data_import(void *context, int selection, const OSSL_PARAM params[])
{
	struct data *data = context;
	const OSSL_PARAM *group =
	    OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_GROUP_NAME);
	const OSSL_PARAM *point =
	    OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PUB_KEY);
	char *group_at = data->group;
	void *point_at = data->point;

	(void)selection;
	return group != NULL && point != NULL &&
	       OSSL_PARAM_get_utf8_string(
		   group, &group_at, sizeof(data->group)) &&
	       OSSL_PARAM_get_octet_string(
		   point, &point_at, sizeof(data->point), &data->point_len) &&
	       read_key(data, params);
}

static const OSSL_PARAM *
data_types(int selection)
{
	static const OSSL_PARAM types[] = {
	    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
	    OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
	    OSSL_PARAM_octet_ptr(PARAM_KEY, NULL, 0), OSSL_PARAM_END};

	(void)selection;
	return types;
}

/* The private part goes nowhere: whoever wants it gets nothing at all. */
static int
data_export(void *context, int selection, OSSL_CALLBACK *give, void *argument)
{
	struct data *data = context;
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(
		OSSL_PKEY_PARAM_GROUP_NAME, data->group, 0),
	    OSSL_PARAM_construct_octet_string(
		OSSL_PKEY_PARAM_PUB_KEY, data->point, data->point_len),
	    OSSL_PARAM_construct_end(),
	};

	if (data->key != NULL &&
	    (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0)
		return 0;
	return give(params, argument);
}

static int
set_size(OSSL_PARAM params[], const char *name, int value)
{
	OSSL_PARAM *param = OSSL_PARAM_locate(params, name);

	return param == NULL || OSSL_PARAM_set_int(param, value);
}

static int
data_get(void *context, OSSL_PARAM params[])
{
	const struct data *data = context;
	OSSL_PARAM *group =
	    OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_GROUP_NAME);
	int bits = (int)(data->point_len - 1) / 2 * 8;

	return set_size(params, OSSL_PKEY_PARAM_BITS, bits) &&
	       set_size(params, OSSL_PKEY_PARAM_SECURITY_BITS, bits / 2) &&
	       set_size(params, OSSL_PKEY_PARAM_MAX_SIZE, SIGNATURE_MAX) &&
	       (group == NULL ||
		   OSSL_PARAM_set_utf8_string(group, data->group));
}

static const OSSL_PARAM *
data_gettable(void *context)
{
	static const OSSL_PARAM names[] = {
	    OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
	    OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
	    OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
	    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
	    OSSL_PARAM_END};

	(void)context;
	return names;
}

static const char *
data_operation(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? "ECDSA" : NULL;
}

#define ENTRY(id, function)                    \
	{                                      \
		id, (void (*)(void))(function) \
	}

static const OSSL_DISPATCH key_functions[] = {
    ENTRY(OSSL_FUNC_KEYMGMT_NEW, data_new),
    ENTRY(OSSL_FUNC_KEYMGMT_FREE, data_free),
    ENTRY(OSSL_FUNC_KEYMGMT_HAS, data_has),
    ENTRY(OSSL_FUNC_KEYMGMT_MATCH, data_match),
    ENTRY(OSSL_FUNC_KEYMGMT_IMPORT, data_import),
    ENTRY(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, data_types),
    ENTRY(OSSL_FUNC_KEYMGMT_EXPORT, data_export),
    ENTRY(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, data_types),
    ENTRY(OSSL_FUNC_KEYMGMT_GET_PARAMS, data_get),
    ENTRY(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, data_gettable),
    ENTRY(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, data_operation),
    {0, NULL},
};

/* ---- signing -------------------------------------------------------------- */

struct signing {
	const struct data *data;
};

static void *
signing_new(void *context, const char *properties)
{
	(void)context;
	(void)properties;
	return calloc(1, sizeof(struct signing));
}

static void
signing_free(void *signing)
{
	free(signing);
}

static int
signing_begin(
    void *context, const char *digest, void *data, const OSSL_PARAM params[])
{
	struct signing *signing = context;

	(void)digest; /* the key's own; others are not negotiated for it */
	(void)params;
	signing->data = data;
	return signing->data != NULL && signing->data->key != NULL;
}

static int
signing_sign(void *context, unsigned char *room, size_t *len, size_t size,
    const unsigned char *bytes, size_t bytes_len)
{
	struct signing *signing = context;
	struct buf signature BUF_OWNED = BUF(SIGNATURE_MAX);
	const struct key *key = signing->data->key;

	if (room == NULL) {
		*len = SIGNATURE_MAX;
		return 1;
	}
	if (key->ops->sign_tls(
		key, span_of(bytes, bytes_len), &signature, NULL) != RC_OK ||
	    signature.len > size)
		return 0;
	memcpy(room, signature.data, signature.len);
	*len = signature.len;
	return 1;
}

static const OSSL_DISPATCH signing_functions[] = {
    ENTRY(OSSL_FUNC_SIGNATURE_NEWCTX, signing_new),
    ENTRY(OSSL_FUNC_SIGNATURE_FREECTX, signing_free),
    ENTRY(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, signing_begin),
    ENTRY(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, signing_sign),
    {0, NULL},
};

/* ---- the provider --------------------------------------------------------- */

static const OSSL_ALGORITHM *
query(void *context, int operation, int *no_store)
{
	static const OSSL_ALGORITHM keys[] = {
	    {"EC:id-ecPublicKey:1.2.840.10045.2.1", "provider=" PROVIDER,
		key_functions, NULL},
	    {NULL, NULL, NULL, NULL}};
	static const OSSL_ALGORITHM signings[] = {
	    {"ECDSA", "provider=" PROVIDER, signing_functions, NULL},
	    {NULL, NULL, NULL, NULL}};

	(void)context;
	*no_store = 0;
	if (operation == OSSL_OP_KEYMGMT)
		return keys;
	return operation == OSSL_OP_SIGNATURE ? signings : NULL;
}

static int
start(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
    const OSSL_DISPATCH **out, void **context)
{
	static const OSSL_DISPATCH functions[] = {
	    ENTRY(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query), {0, NULL}};

	(void)in;
	*context = (void *)(uintptr_t)handle;
	*out = functions;
	return 1;
}

/* ---- one key of it -------------------------------------------------------- */

static enum rc
open_library(struct tls_key *tls_key, struct err *err)
{
	tls_key->library = OSSL_LIB_CTX_new();
	if (tls_key->library == NULL ||
	    OSSL_PROVIDER_add_builtin(tls_key->library, PROVIDER, start) != 1)
		return tls_fail(err, RC_CRYPTO, "TLS key");
	tls_key->provider = OSSL_PROVIDER_load(tls_key->library, PROVIDER);
	if (tls_key->provider == NULL)
		return tls_fail(err, RC_CRYPTO, "TLS key");
	return RC_OK;
}

OWNER(EVP_PKEY_CTX, EVP_PKEY_CTX_free);

static enum rc
make(struct tls_key *tls_key, const struct key *key, struct err *err)
{
	char group[GROUP_MAX];
	uint8_t point[POINT_MAX];
	size_t len = 0;
	void *address = (void *)(uintptr_t)key;

	if (EVP_PKEY_get_group_name(
		key->public_key, group, sizeof(group), NULL) != 1 ||
	    EVP_PKEY_get_octet_string_param(key->public_key,
		OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &len) != 1)
		return tls_fail(err, RC_CRYPTO, "TLS key");
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(
		OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
	    OSSL_PARAM_construct_octet_string(
		OSSL_PKEY_PARAM_PUB_KEY, point, len),
	    OSSL_PARAM_construct_octet_ptr(PARAM_KEY, &address, 0),
	    OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) =
	    EVP_PKEY_CTX_new_from_name(tls_key->library, "EC", NULL);
	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &tls_key->pkey, EVP_PKEY_KEYPAIR, params) !=
		1)
		return tls_fail(err, RC_CRYPTO, "TLS key");
	return RC_OK;
}

enum rc
tls_key_new(const struct key *key, struct tls_key **ret, struct err *err)
{
	struct tls_key *tls_key OWNED(tls_key_free) =
	    calloc(1, sizeof(*tls_key));

	if (tls_key == NULL)
		return err_nomem(err, "TLS key");
	if (!EVP_PKEY_is_a(key->public_key, "EC"))
		return err_set(err, RC_UNFIT, "TLS key: not an EC key");
	TRY(open_library(tls_key, err));
	TRY(make(tls_key, key, err));
	*ret = take(tls_key);
	return RC_OK;
}

void
tls_key_free(struct tls_key *tls_key)
{
	if (tls_key == NULL)
		return;
	EVP_PKEY_free(tls_key->pkey);
	if (tls_key->provider != NULL)
		(void)OSSL_PROVIDER_unload(tls_key->provider);
	OSSL_LIB_CTX_free(tls_key->library);
	free(tls_key);
}

EVP_PKEY *
tls_key_get(const struct tls_key *tls_key)
{
	return tls_key->pkey;
}
