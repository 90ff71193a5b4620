#include "authority/nonce.h"

#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "codec/base64.h"
#include "os/random.h"

OWNER(EVP_MAC_CTX, EVP_MAC_CTX_free);

#define NUMBER_LEN 8
#define RANDOM_LEN 8
#define ID_LEN (NUMBER_LEN + RANDOM_LEN)
#define MAC_LEN 16
#define KEY_LEN 32
/* The clocks of two machines are not the same. */
#define AHEAD_SECONDS 60

struct nonces {
	uint8_t key[KEY_LEN];
	EVP_MAC_CTX *mac;               /* with the key, for copies */
	struct sql *sql;                /* NULL: in memory, as follows */
	uint64_t next;                  /* to be given out */
	uint8_t used[NONCE_WINDOW / 8]; /* bit n % NONCE_WINDOW */
};

static enum rc
find_key(struct nonces *nonces, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;

	TRY(sql_select(nonces->sql,
	    "SELECT key FROM shared_key WHERE name = 'nonce'", SQL_NONE, &rows,
	    err));
	TRY(sql_rows_next(rows, err));
	struct span key = sql_rows_bytes(rows, 0);
	if (key.len != KEY_LEN)
		return err_set(err, RC_UNFIT, "the key of nonces is broken");
	memcpy(nonces->key, key.data, KEY_LEN);
	return RC_OK;
}

/* The first process makes it; of two first ones, one does. */
static enum rc
share_key(struct nonces *nonces, struct err *err)
{
	enum rc rc = find_key(nonces, err);

	if (rc != RC_ABSENT)
		return rc;
	rc = sql_change(nonces->sql,
	    "INSERT INTO shared_key (name, key) VALUES ('nonce', ?)",
	    SQL_VALUES(SQL_BLOB(span_of(nonces->key, KEY_LEN))), err);
	if (rc != RC_OK && rc != RC_REFUSED)
		return rc;
	return find_key(nonces, err);
}

/* The library looks for a MAC and its digest anew each time, which takes longer
 * than the MAC. */
static enum rc
key_mac(struct nonces *nonces, struct err *err)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string("digest", digest, 0),
	    OSSL_PARAM_construct_end()};

	nonces->mac = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
	EVP_MAC_free(mac);
	if (nonces->mac == NULL ||
	    EVP_MAC_init(nonces->mac, nonces->key, KEY_LEN, params) != 1)
		return err_set(err, RC_CRYPTO, "no HMAC-SHA-256");
	return RC_OK;
}

enum rc
nonces_new(struct sql *sql, struct nonces **ret, struct err *err)
{
	struct nonces *nonces OWNED(nonces_free) = calloc(1, sizeof(*nonces));

	if (nonces == NULL)
		return err_nomem(err, "nonces");
	random_fill(nonces->key, sizeof(nonces->key));
	if (sql_is_shared(sql)) {
		nonces->sql = sql;
		TRY(share_key(nonces, err));
	}
	TRY(key_mac(nonces, err));
	*ret = take(nonces);
	return RC_OK;
}

void
nonces_free(struct nonces *nonces)
{
	if (nonces == NULL)
		return;
	EVP_MAC_CTX_free(nonces->mac);
	OPENSSL_cleanse(nonces->key, KEY_LEN);
	free(nonces);
}

static enum rc
add_mac(const struct nonces *nonces, uint8_t bytes[ID_LEN + MAC_LEN],
    struct err *err)
{
	EVP_MAC_CTX *ctx OWNED(EVP_MAC_CTX_free) = EVP_MAC_CTX_dup(nonces->mac);
	uint8_t mac[EVP_MAX_MD_SIZE];
	size_t len = 0;

	if (ctx == NULL || EVP_MAC_update(ctx, bytes, ID_LEN) != 1 ||
	    EVP_MAC_final(ctx, mac, &len, sizeof(mac)) != 1 || len < MAC_LEN)
		return err_set(err, RC_CRYPTO, "no HMAC-SHA-256");
	memcpy(bytes + ID_LEN, mac, MAC_LEN);
	return RC_OK;
}

static uint8_t *
byte_of(struct nonces *nonces, uint64_t number)
{
	return &nonces->used[number % NONCE_WINDOW / 8];
}

static uint8_t
bit_of(uint64_t number)
{
	return (uint8_t)(1u << (number % 8));
}

enum rc
nonces_make(
    struct nonces *nonces, int64_t now, struct buf *out, struct err *err)
{
	uint64_t number = nonces->sql != NULL ? (uint64_t)now : nonces->next;
	uint8_t bytes[ID_LEN + MAC_LEN] = {0};

	for (size_t i = 0; i < NUMBER_LEN; i++)
		bytes[i] = (uint8_t)(number >> (8 * (NUMBER_LEN - 1 - i)));
	/* a counter needs nothing to differ by, a time does */
	if (nonces->sql != NULL)
		random_fill(bytes + NUMBER_LEN, RANDOM_LEN);
	TRY(add_mac(nonces, bytes, err));
	TRY(base64url_encode(span_of(bytes, sizeof(bytes)), out, err));
	/* its bit was that of one that is now too old */
	*byte_of(nonces, number) &= (uint8_t)~bit_of(number);
	nonces->next++;
	return RC_OK;
}

static enum rc
refuse(struct err *err)
{
	return err_set(err, RC_REFUSED,
	    "the nonce was used before or is too old: use the one given here");
}

static enum rc
use_bit(struct nonces *nonces, uint64_t number, struct err *err)
{
	if (number >= nonces->next || nonces->next - number > NONCE_WINDOW ||
	    (*byte_of(nonces, number) & bit_of(number)) != 0)
		return refuse(err);
	*byte_of(nonces, number) |= bit_of(number);
	return RC_OK;
}

static enum rc
use_row(struct nonces *nonces, const uint8_t id[ID_LEN], int64_t made,
    int64_t now, struct err *err)
{
	if (made > now + AHEAD_SECONDS || made < now - NONCE_SECONDS)
		return refuse(err);
	enum rc rc = sql_change(nonces->sql,
	    "INSERT INTO nonce (id, made) VALUES (?, ?)",
	    SQL_VALUES(SQL_BLOB(span_of(id, ID_LEN)), SQL_NUMBER(made)), err);
	return rc == RC_REFUSED ? refuse(err) : rc;
}

enum rc
nonces_use(
    struct nonces *nonces, const char *nonce, int64_t now, struct err *err)
{
	struct buf got BUF_OWNED = BUF((size_t)4 * (ID_LEN + MAC_LEN));
	uint8_t want[ID_LEN + MAC_LEN];
	uint64_t number = 0;

	if (base64url_decode(span_str(nonce), &got, err) != RC_OK ||
	    got.len != sizeof(want))
		return refuse(err);
	memcpy(want, got.data, ID_LEN);
	TRY(add_mac(nonces, want, err));
	if (CRYPTO_memcmp(want, got.data, sizeof(want)) != 0)
		return refuse(err);
	for (size_t i = 0; i < NUMBER_LEN; i++)
		number = number << 8 | got.data[i];
	if (nonces->sql == NULL)
		return use_bit(nonces, number, err);
	return use_row(nonces, got.data, (int64_t)number, now, err);
}

enum rc
nonces_forget(void *context, struct sql *sql, int64_t now, struct err *err)
{
	return sql_change(sql, "DELETE FROM nonce WHERE made < ?",
	    SQL_VALUES(SQL_NUMBER(now - NONCE_SECONDS - AHEAD_SECONDS)), err);
}
