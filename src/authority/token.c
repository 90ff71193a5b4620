#include "authority/token.h"

#include <stdlib.h>
#include <string.h>

#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>
#include <pthread.h>

#include "os/random.h"
#include "pki/crypto.h"
#include "pki/der_write.h"

#define SLOTS_MAX 64
#define ID_LEN 8
#define VALUE_MAX ((size_t)16 * 1024)
#define SPKI_MAX ((size_t)32 * 1024)
#define SIGNATURE_MAX 2048

/* A token, and a session in it that is logged in. */
struct token {
	P11KitUri *uri;
	CK_FUNCTION_LIST **modules; /* all that were loaded, NULL at the end */
	CK_FUNCTION_LIST *alone[2]; /* or the one that was named */
	CK_FUNCTION_LIST *module;   /* where the token is; borrowed */
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE session;
	bool has_session;
	bool writes;
	struct buf pin;
};

struct token_key {
	struct token token;
	CK_OBJECT_HANDLE object;
	bool asks_each_time;  /* CKA_ALWAYS_AUTHENTICATE */
	pthread_mutex_t lock; /* a session does one thing at a time */
};

OWNER(char, free);

static enum rc
failed(struct err *err, const char *what, CK_RV rv)
{
	switch (rv) {
	case CKR_PIN_INCORRECT:
	case CKR_PIN_INVALID:
	case CKR_PIN_LEN_RANGE:
		return err_set(err, RC_REFUSED,
		    "the token does not take this PIN; mind that it locks "
		    "itself after some wrong ones");
	case CKR_PIN_LOCKED:
		return err_set(err, RC_REFUSED,
		    "the token has locked its PIN: its security officer can "
		    "set a new one");
	case CKR_HOST_MEMORY:
		return err_nomem(err, "token");
	default:
		return err_set(
		    err, RC_IO, "token: %s: %s", what, p11_kit_strerror(rv));
	}
}

#define TRY_CK(what, expr, err)                              \
	do {                                                 \
		CK_RV ck_rv = (expr);                        \
		if (ck_rv != CKR_OK)                         \
			return failed((err), (what), ck_rv); \
	} while (0)

/* --- to the session */

static void
token_done(struct token *token)
{
	if (token->has_session)
		(void)token->module->C_CloseSession(token->session);
	if (token->modules == token->alone) {
		(void)p11_kit_module_finalize(token->alone[0]);
		p11_kit_module_release(token->alone[0]);
	} else if (token->modules != NULL) {
		p11_kit_modules_finalize_and_release(token->modules);
	}
	p11_kit_uri_free(token->uri);
	buf_done(&token->pin);
}

#define TOKEN_OWNED __attribute__((cleanup(token_done)))

static enum rc
parse(struct token *token, const char *text, struct err *err)
{
	token->uri = p11_kit_uri_new();
	if (token->uri == NULL)
		return err_nomem(err, "token");
	int code =
	    strlen(text) <= TOKEN_URI_MAX
		? p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, token->uri)
		: P11_KIT_URI_BAD_SYNTAX;
	if (p11_kit_uri_get_pin_value(token->uri) != NULL)
		return err_set(err, RC_SYNTAX,
		    "the URI of the token has its PIN in it, which would be "
		    "seen by others: put it into a --pin-file");
	/* what is not understood might be what tells two keys apart */
	if (code != P11_KIT_URI_OK || p11_kit_uri_any_unrecognized(token->uri))
		return err_set(err, RC_SYNTAX,
		    "no URI of a PKCS#11 token (RFC 7512): want "
		    "pkcs11:token=NAME");
	return RC_OK;
}

static enum rc
load_module(struct token *token, const char *path, struct err *err)
{
	CK_FUNCTION_LIST *module =
	    p11_kit_module_load(path, P11_KIT_MODULE_CRITICAL);

	if (module == NULL)
		return err_set(err, RC_ABSENT,
		    "the PKCS#11 module %s cannot be loaded: %s", path,
		    p11_kit_message());
	CK_RV rv = p11_kit_module_initialize(module);
	if (rv != CKR_OK) {
		p11_kit_module_release(module);
		return failed(err, "its module", rv);
	}
	token->alone[0] = module;
	token->modules = token->alone;
	return RC_OK;
}

static enum rc
load(struct token *token, struct err *err)
{
	const char *path = p11_kit_uri_get_module_path(token->uri);

	if (path != NULL)
		return load_module(token, path, err);
	token->modules = p11_kit_modules_load_and_initialize(0);
	if (token->modules == NULL)
		return err_set(err, RC_IO, "p11-kit loads no modules: %s",
		    p11_kit_message());
	return RC_OK;
}

static bool
is_meant(const struct token *token, CK_FUNCTION_LIST *module, CK_SLOT_ID slot)
{
	CK_TOKEN_INFO info;

	return module->C_GetTokenInfo(slot, &info) == CKR_OK &&
	       (info.flags & CKF_TOKEN_INITIALIZED) != 0 &&
	       p11_kit_uri_match_token_info(token->uri, &info);
}

/* A module that fails has no token for us; the next may. */
static size_t
find_in(struct token *token, CK_FUNCTION_LIST *module)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG len = SLOTS_MAX;
	size_t found = 0;

	if (module->C_GetSlotList(CK_TRUE, slots, &len) != CKR_OK)
		return 0;
	for (CK_ULONG i = 0; i < len; i++) {
		if (!is_meant(token, module, slots[i]))
			continue;
		token->module = module;
		token->slot = slots[i];
		found++;
	}
	return found;
}

static enum rc
find_slot(struct token *token, struct err *err)
{
	size_t found = 0;

	for (size_t i = 0; token->modules[i] != NULL; i++)
		found += find_in(token, token->modules[i]);
	if (found == 0)
		return err_set(err, RC_ABSENT,
		    "no PKCS#11 token is there that the URI names; p11tool or "
		    "p11-kit list-modules shows those that are");
	if (found > 1)
		return err_set(err, RC_UNFIT,
		    "%zu PKCS#11 tokens fit the URI: add what tells them "
		    "apart, as serial=",
		    found);
	return RC_OK;
}

static enum rc
log_in(struct token *token, CK_USER_TYPE user, struct err *err)
{
	CK_RV rv = token->module->C_Login(
	    token->session, user, token->pin.data, (CK_ULONG)token->pin.len);

	/* by another session of this process */
	if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
		return RC_OK;
	return failed(err, "log in", rv);
}

static enum rc
begin_session(struct token *token, struct err *err)
{
	CK_FLAGS flags = CKF_SERIAL_SESSION;

	if (token->writes)
		flags |= CKF_RW_SESSION;
	TRY_CK("begin a session",
	    token->module->C_OpenSession(
		token->slot, flags, NULL, NULL, &token->session),
	    err);
	token->has_session = true;
	return log_in(token, CKU_USER, err);
}

static enum rc
token_open(
    struct token *token, const char *uri, struct span pin, struct err *err)
{
	token->pin = BUF_SECRET(TOKEN_PIN_MAX);
	if (pin.len == 0)
		return err_set(err, RC_ABSENT,
		    "a token needs its PIN: name a --pin-file, or give the "
		    "systemd credential authority-pin");
	TRY(buf_add(&token->pin, pin, err));
	TRY(parse(token, uri, err));
	TRY(load(token, err));
	TRY(find_slot(token, err));
	return begin_session(token, err);
}

/* --- objects */

static CK_ATTRIBUTE
attribute(CK_ATTRIBUTE_TYPE type, const void *value, size_t len)
{
	return (CK_ATTRIBUTE){type, (void *)(uintptr_t)value, (CK_ULONG)len};
}

#define ATTRIBUTE(type, variable) \
	attribute((type), &(variable), sizeof(variable))

static enum rc
get_bytes(struct token *token, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
    struct buf *out, struct err *err)
{
	CK_ATTRIBUTE ask = {type, NULL, 0};
	uint8_t *room = NULL;

	TRY_CK("look at a key",
	    token->module->C_GetAttributeValue(token->session, object, &ask, 1),
	    err);
	if (ask.ulValueLen > VALUE_MAX)
		return err_set(err, RC_LIMIT, "a token's key is too large");
	TRY(buf_reserve(out, ask.ulValueLen + 1, &room, err));
	ask.pValue = room;
	TRY_CK("look at a key",
	    token->module->C_GetAttributeValue(token->session, object, &ask, 1),
	    err);
	buf_grown(out, ask.ulValueLen);
	return RC_OK;
}

/* The only object that has all of these. */
static enum rc
find_object(struct token *token, CK_ATTRIBUTE *want, CK_ULONG wants,
    CK_OBJECT_HANDLE *ret, struct err *err)
{
	CK_FUNCTION_LIST *module = token->module;
	CK_OBJECT_HANDLE found[2];
	CK_ULONG len = 0;

	TRY_CK("look for a key",
	    module->C_FindObjectsInit(token->session, want, wants), err);
	CK_RV rv = module->C_FindObjects(token->session, found, 2, &len);
	(void)module->C_FindObjectsFinal(token->session);
	if (rv != CKR_OK)
		return failed(err, "look for a key", rv);
	if (len == 0)
		return err_set(
		    err, RC_ABSENT, "the token has no key that the URI names");
	if (len > 1)
		return err_set(err, RC_UNFIT,
		    "several keys of the token fit the URI: add id=");
	*ret = found[0];
	return RC_OK;
}

static enum rc
find_private(struct token_key *key, struct err *err)
{
	static const CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	struct token *token = &key->token;
	CK_ATTRIBUTE *label = p11_kit_uri_get_attribute(token->uri, CKA_LABEL);
	CK_ATTRIBUTE *id = p11_kit_uri_get_attribute(token->uri, CKA_ID);
	CK_ATTRIBUTE want[3] = {ATTRIBUTE(CKA_CLASS, class)};
	CK_ULONG wants = 1;

	if (label != NULL)
		want[wants++] = *label;
	if (id != NULL)
		want[wants++] = *id;
	return find_object(token, want, wants, &key->object, err);
}

/* Some want the PIN for every signature; who does not say so does not. */
static void
look_at_private(struct token_key *key)
{
	CK_BBOOL each = CK_FALSE;
	CK_ATTRIBUTE ask = ATTRIBUTE(CKA_ALWAYS_AUTHENTICATE, each);

	if (key->token.module->C_GetAttributeValue(
		key->token.session, key->object, &ask, 1) == CKR_OK)
		key->asks_each_time = each == CK_TRUE;
}

enum rc
token_key_open(
    const char *uri, struct span pin, struct token_key **ret, struct err *err)
{
	struct token_key *key OWNED(token_key_free) = calloc(1, sizeof(*key));

	if (key == NULL)
		return err_nomem(err, "token");
	(void)pthread_mutex_init(&key->lock, NULL);
	TRY(token_open(&key->token, uri, pin, err));
	TRY(find_private(key, err));
	look_at_private(key);
	*ret = take(key);
	return RC_OK;
}

void
token_key_free(struct token_key *key)
{
	if (key == NULL)
		return;
	token_done(&key->token);
	(void)pthread_mutex_destroy(&key->lock);
	free(key);
}

/* --- the public half */

static enum rc
find_public(struct token_key *key, CK_OBJECT_HANDLE *ret, struct err *err)
{
	static const CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
	struct buf id BUF_OWNED = BUF(VALUE_MAX);

	TRY(get_bytes(&key->token, key->object, CKA_ID, &id, err));
	CK_ATTRIBUTE want[] = {
	    ATTRIBUTE(CKA_CLASS, class), attribute(CKA_ID, id.data, id.len)};
	enum rc rc = find_object(&key->token, want, 2, ret, err);
	if (rc == RC_ABSENT)
		return err_set(err, RC_ABSENT,
		    "the token has the private key, but no public one of the "
		    "same id");
	return rc;
}

/* CKA_EC_PARAMS is the DER of the curve's name, CKA_EC_POINT an OCTET STRING
 * around the point. */
static enum rc
write_ec(struct token *token, CK_OBJECT_HANDLE object, struct buf *algorithm,
    struct buf *bits, struct err *err)
{
	static const uint8_t oid[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};
	struct buf octets BUF_OWNED = BUF(VALUE_MAX);
	struct der point;

	TRY(der_write_bytes(
	    algorithm, DER_OID, span_of(oid, sizeof(oid)), err));
	TRY(get_bytes(token, object, CKA_EC_PARAMS, algorithm, err));
	TRY(get_bytes(token, object, CKA_EC_POINT, &octets, err));
	struct span in = buf_span(&octets);
	TRY(der_expect(&in, DER_OCTETS, &point, err));
	return buf_add(bits, point.value, err);
}

static enum rc
write_rsa(struct token *token, CK_OBJECT_HANDLE object, struct buf *algorithm,
    struct buf *bits, struct err *err)
{
	static const uint8_t oid[] = {
	    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01};
	struct buf n BUF_OWNED = BUF(VALUE_MAX), e BUF_OWNED = BUF(VALUE_MAX);
	size_t at;

	TRY(der_write_bytes(
	    algorithm, DER_OID, span_of(oid, sizeof(oid)), err));
	TRY(der_write_bytes(algorithm, DER_NULL, SPAN_NONE, err));
	TRY(get_bytes(token, object, CKA_MODULUS, &n, err));
	TRY(get_bytes(token, object, CKA_PUBLIC_EXPONENT, &e, err));
	TRY(der_write_begin(bits, DER_SEQUENCE, &at, err));
	TRY(der_write_integer(bits, buf_span(&n), err));
	TRY(der_write_integer(bits, buf_span(&e), err));
	return der_write_end(bits, at, err);
}

static enum rc
parse_public(
    struct span algorithm, struct span bits, EVP_PKEY **ret, struct err *err)
{
	struct buf der BUF_OWNED = BUF(SPKI_MAX);
	size_t all, at;

	TRY(der_write_begin(&der, DER_SEQUENCE, &all, err));
	TRY(der_write_begin(&der, DER_SEQUENCE, &at, err));
	TRY(buf_add(&der, algorithm, err));
	TRY(der_write_end(&der, at, err));
	TRY(der_write_bits(&der, bits, err));
	TRY(der_write_end(&der, all, err));
	const uint8_t *in = der.data;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &in, (long)der.len);
	if (key == NULL)
		return crypto_failed(err, "read a token's public key");
	*ret = key;
	return RC_OK;
}

enum rc
token_key_public(struct token_key *key, EVP_PKEY **ret, struct err *err)
{
	struct buf algorithm BUF_OWNED = BUF(VALUE_MAX);
	struct buf bits BUF_OWNED = BUF(VALUE_MAX);
	CK_OBJECT_HANDLE object;
	CK_KEY_TYPE type = 0;
	CK_ATTRIBUTE ask = ATTRIBUTE(CKA_KEY_TYPE, type);

	TRY(find_public(key, &object, err));
	TRY_CK("look at a key",
	    key->token.module->C_GetAttributeValue(
		key->token.session, object, &ask, 1),
	    err);
	if (type != CKK_EC && type != CKK_RSA)
		return err_set(err, RC_UNFIT,
		    "the token's key is neither of an elliptic curve nor RSA");
	TRY(type == CKK_EC
		? write_ec(&key->token, object, &algorithm, &bits, err)
		: write_rsa(&key->token, object, &algorithm, &bits, err));
	return parse_public(buf_span(&algorithm), buf_span(&bits), ret, err);
}

/* --- signatures */

static CK_RV
sign(struct token_key *key, enum token_way way, struct span input,
    uint8_t *room, CK_ULONG *len)
{
	CK_FUNCTION_LIST *module = key->token.module;
	CK_MECHANISM how = {
	    way == TOKEN_ECDSA ? CKM_ECDSA : CKM_RSA_PKCS, NULL, 0};

	CK_RV rv = module->C_SignInit(key->token.session, &how, key->object);
	if (rv == CKR_OK && key->asks_each_time)
		rv = module->C_Login(key->token.session, CKU_CONTEXT_SPECIFIC,
		    key->token.pin.data, (CK_ULONG)key->token.pin.len);
	if (rv != CKR_OK)
		return rv;
	return module->C_Sign(key->token.session,
	    (uint8_t *)(uintptr_t)input.data, (CK_ULONG)input.len, room, len);
}

/* Would it go in a new session? */
static bool
is_lost(CK_RV rv)
{
	static const CK_RV lost[] = {CKR_SESSION_HANDLE_INVALID,
	    CKR_SESSION_CLOSED, CKR_USER_NOT_LOGGED_IN, CKR_KEY_HANDLE_INVALID,
	    CKR_OBJECT_HANDLE_INVALID, CKR_DEVICE_REMOVED, CKR_DEVICE_ERROR,
	    CKR_TOKEN_NOT_PRESENT, CKR_OPERATION_ACTIVE};

	for (size_t i = 0; i < sizeof(lost) / sizeof(lost[0]); i++)
		if (rv == lost[i])
			return true;
	return false;
}

static enum rc
begin_again(struct token_key *key, struct err *err)
{
	if (key->token.has_session)
		(void)key->token.module->C_CloseSession(key->token.session);
	key->token.has_session = false;
	TRY(find_slot(&key->token, err));
	TRY(begin_session(&key->token, err));
	return find_private(key, err);
}

static enum rc
sign_locked(struct token_key *key, enum token_way way, struct span input,
    struct buf *signature, struct err *err)
{
	uint8_t room[SIGNATURE_MAX];
	CK_ULONG len = sizeof(room);
	CK_RV rv = sign(key, way, input, room, &len);

	if (is_lost(rv)) {
		TRY(begin_again(key, err));
		len = sizeof(room);
		rv = sign(key, way, input, room, &len);
	}
	if (rv != CKR_OK)
		return failed(err, "sign", rv);
	return buf_add(signature, span_of(room, len), err);
}

enum rc
token_key_sign(struct token_key *key, enum token_way way, struct span input,
    struct buf *signature, struct err *err)
{
	(void)pthread_mutex_lock(&key->lock);
	enum rc rc = sign_locked(key, way, input, signature, err);
	(void)pthread_mutex_unlock(&key->lock);
	return rc;
}

/* --- a new key */

static enum rc
curve_of(const char *name, struct span *ret, struct err *err)
{
	static const char p256[] = "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
	static const char p384[] = "\x06\x05\x2b\x81\x04\x00\x22";

	if (strcmp(name, "P-256") == 0)
		*ret = span_of(p256, sizeof(p256) - 1);
	else if (strcmp(name, "P-384") == 0)
		*ret = span_of(p384, sizeof(p384) - 1);
	else
		return err_set(err, RC_UNFIT, "no curve %s", name);
	return RC_OK;
}

static enum rc
generate(struct token *token, struct span label, struct span id,
    struct span curve, struct err *err)
{
	static const CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_MECHANISM how = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
	CK_ATTRIBUTE public[] = {ATTRIBUTE(CKA_TOKEN, yes),
	    ATTRIBUTE(CKA_VERIFY, yes),
	    attribute(CKA_LABEL, label.data, label.len),
	    attribute(CKA_ID, id.data, id.len),
	    attribute(CKA_EC_PARAMS, curve.data, curve.len)};
	CK_ATTRIBUTE private[] = {ATTRIBUTE(CKA_TOKEN, yes),
	    ATTRIBUTE(CKA_PRIVATE, yes), ATTRIBUTE(CKA_SENSITIVE, yes),
	    ATTRIBUTE(CKA_EXTRACTABLE, no), ATTRIBUTE(CKA_SIGN, yes),
	    attribute(CKA_LABEL, label.data, label.len),
	    attribute(CKA_ID, id.data, id.len)};
	CK_OBJECT_HANDLE made[2];

	TRY_CK("make a key",
	    token->module->C_GenerateKeyPair(token->session, &how, public,
		sizeof(public) / sizeof(public[0]), private,
		sizeof(private) / sizeof(private[0]), &made[0], &made[1]),
	    err);
	return RC_OK;
}

/* What the operator named, the token's own name, and the key in it. */
static enum rc
print_uri(struct token *token, struct span label, struct span id,
    struct buf *out, struct err *err)
{
	static const CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_TOKEN_INFO info;
	CK_ATTRIBUTE of[] = {ATTRIBUTE(CKA_CLASS, class),
	    attribute(CKA_LABEL, label.data, label.len),
	    attribute(CKA_ID, id.data, id.len)};
	char *text OWNED(free) = NULL;

	TRY_CK("look at it", token->module->C_GetTokenInfo(token->slot, &info),
	    err);
	memcpy(p11_kit_uri_get_token_info(token->uri)->label, info.label,
	    sizeof(info.label));
	if (p11_kit_uri_set_attributes(token->uri, of, 3) != P11_KIT_URI_OK ||
	    p11_kit_uri_format(token->uri, P11_KIT_URI_FOR_ANY, &text) !=
		P11_KIT_URI_OK)
		return err_nomem(err, "token");
	return buf_add_str(out, text, err);
}

enum rc
token_key_make(const char *uri, struct span pin, const char *label,
    const char *curve, struct buf *ret_uri, struct err *err)
{
	struct token token TOKEN_OWNED = {.writes = true};
	struct span params = SPAN_NONE;
	uint8_t id[ID_LEN];

	random_fill(id, sizeof(id));
	TRY(curve_of(curve, &params, err));
	TRY(token_open(&token, uri, pin, err));
	TRY(generate(
	    &token, span_str(label), span_of(id, sizeof(id)), params, err));
	return print_uri(
	    &token, span_str(label), span_of(id, sizeof(id)), ret_uri, err);
}
