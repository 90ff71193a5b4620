#include "authority/nonce.h"

#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "codec/base64.h"
#include "os/random.h"

#define NUMBER_LEN 8
#define MAC_LEN 16

struct nonces {
	uint8_t key[32];
	uint64_t next;                  /* to be given out */
	uint8_t used[NONCE_WINDOW / 8]; /* bit n % NONCE_WINDOW */
};

enum rc
nonces_new(struct nonces **ret, struct err *err)
{
	struct nonces *nonces = calloc(1, sizeof(*nonces));

	if (nonces == NULL)
		return err_nomem(err, "nonces");
	random_fill(nonces->key, sizeof(nonces->key));
	*ret = nonces;
	return RC_OK;
}

void
nonces_free(struct nonces *nonces)
{
	free(nonces);
}

static enum rc
add_mac(const struct nonces *nonces, uint64_t number,
    uint8_t bytes[NUMBER_LEN + MAC_LEN], struct err *err)
{
	uint8_t mac[EVP_MAX_MD_SIZE];

	for (size_t i = 0; i < NUMBER_LEN; i++)
		bytes[i] = (uint8_t)(number >> (8 * (NUMBER_LEN - 1 - i)));
	if (HMAC(EVP_sha256(), nonces->key, sizeof(nonces->key), bytes,
		NUMBER_LEN, mac, NULL) == NULL)
		return err_set(err, RC_CRYPTO, "no HMAC-SHA-256");
	memcpy(bytes + NUMBER_LEN, mac, MAC_LEN);
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
nonces_make(struct nonces *nonces, struct buf *out, struct err *err)
{
	uint8_t bytes[NUMBER_LEN + MAC_LEN];
	uint64_t number = nonces->next;

	TRY(add_mac(nonces, number, bytes, err));
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

enum rc
nonces_use(struct nonces *nonces, const char *nonce, struct err *err)
{
	uint8_t want[NUMBER_LEN + MAC_LEN];
	struct buf got BUF_OWNED = BUF(2 * sizeof(want));
	uint64_t number = 0;

	if (base64url_decode(span_str(nonce), &got, err) != RC_OK ||
	    got.len != sizeof(want))
		return refuse(err);
	for (size_t i = 0; i < NUMBER_LEN; i++)
		number = number << 8 | got.data[i];
	TRY(add_mac(nonces, number, want, err));
	if (CRYPTO_memcmp(want, got.data, sizeof(want)) != 0 ||
	    number >= nonces->next || nonces->next - number > NONCE_WINDOW ||
	    (*byte_of(nonces, number) & bit_of(number)) != 0)
		return refuse(err);
	*byte_of(nonces, number) |= bit_of(number);
	return RC_OK;
}
