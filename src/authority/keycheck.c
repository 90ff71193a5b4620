#include "authority/keycheck.h"

#include <openssl/bn.h>

#include "base/own.h"
#include "pki/crypto.h"

#define FACTOR_MAX 752 /* S/MIME BR 6.1.6 */
#define ROCA_PRIME_MAX 167
#define FERMAT_ROUNDS 100
#define KEY_COMPROMISE 1 /* RFC 5280 section 5.3.1 */

OWNER(BIGNUM, BN_free);
OWNER(BN_CTX, BN_CTX_free);

static bool
is_prime(unsigned n)
{
	for (unsigned i = 2; i * i <= n; i++)
		if (n % i == 0)
			return false;
	return n > 1;
}

static bool
has_small_factor(const BIGNUM *n)
{
	for (unsigned p = 2; p < FACTOR_MAX; p++)
		if (is_prime(p) && BN_mod_word(n, p) == 0)
			return true;
	return false;
}

/* Is `rest` a power of 65537 modulo p? */
static bool
is_power(unsigned rest, unsigned p)
{
	unsigned power = 1;

	for (unsigned i = 0; i < p; i++) {
		if (power == rest)
			return true;
		power = power * (65537 % p) % p;
	}
	return false;
}

/* That library took primes k * M + (65537^a mod M), where M is the product of
 * the first primes.  So their product is a power of 65537 modulo each of these;
 * another modulus is one modulo all of them about once in 2^28. */
static bool
is_roca(const BIGNUM *n)
{
	for (unsigned p = 3; p <= ROCA_PRIME_MAX; p++)
		if (is_prime(p) && !is_power((unsigned)BN_mod_word(n, p), p))
			return false;
	return true;
}

/* The largest number whose square is not above n, by Newton's method. */
static enum rc
square_root(const BIGNUM *n, BIGNUM *ret, BN_CTX *context, struct err *err)
{
	BIGNUM *next OWNED(BN_free) = BN_new();

	BN_zero(ret);
	if (next == NULL || !BN_set_bit(ret, (BN_num_bits(n) + 1) / 2))
		return crypto_failed(err, "check a key");
	for (;;) {
		if (!BN_div(next, NULL, n, ret, context) ||
		    !BN_add(next, next, ret) || !BN_rshift1(next, next))
			return crypto_failed(err, "check a key");
		if (BN_cmp(next, ret) >= 0)
			return RC_OK;
		if (BN_copy(ret, next) == NULL)
			return crypto_failed(err, "check a key");
	}
}

static enum rc
is_square(const BIGNUM *n, bool *ret, BN_CTX *context, struct err *err)
{
	BIGNUM *root OWNED(BN_free) = BN_new();
	BIGNUM *square OWNED(BN_free) = BN_new();
	BN_ULONG last = BN_mod_word(n, 16);

	*ret = false;
	/* a square ends in one of these; most numbers are out here */
	if (last != 0 && last != 1 && last != 4 && last != 9)
		return RC_OK;
	if (root == NULL || square == NULL)
		return err_nomem(err, "checking a key");
	TRY(square_root(n, root, context, err));
	if (!BN_sqr(square, root, context))
		return crypto_failed(err, "check a key");
	*ret = BN_cmp(square, n) == 0;
	return RC_OK;
}

/* n = a^2 - b^2 with a just above the root of n: found at once if the two
 * primes share their upper half (CVE-2022-26320). */
static enum rc
has_close_primes(const BIGNUM *n, bool *ret, struct err *err)
{
	BN_CTX *context OWNED(BN_CTX_free) = BN_CTX_new();
	BIGNUM *a OWNED(BN_free) = BN_new();
	BIGNUM *b2 OWNED(BN_free) = BN_new();

	*ret = false;
	if (context == NULL || a == NULL || b2 == NULL)
		return err_nomem(err, "checking a key");
	TRY(is_square(n, ret, context, err));
	TRY(square_root(n, a, context, err));
	for (int i = 0; i < FERMAT_ROUNDS && !*ret; i++) {
		if (!BN_add_word(a, 1) || !BN_sqr(b2, a, context) ||
		    !BN_sub(b2, b2, n))
			return crypto_failed(err, "check a key");
		TRY(is_square(b2, ret, context, err));
	}
	return RC_OK;
}

enum rc
keycheck_rsa(const EVP_PKEY *key, struct err *err)
{
	BIGNUM *n OWNED(BN_clear_free) = NULL;
	bool close = false;

	if (!EVP_PKEY_get_bn_param(key, "n", &n))
		return crypto_failed(err, "read the key");
	if (has_small_factor(n))
		return err_set(err, RC_UNFIT,
		    "the RSA key has a small factor: make another one");
	if (is_roca(n))
		return err_set(err, RC_UNFIT,
		    "the RSA key was made by a chip whose keys can be broken "
		    "(ROCA): make another one, elsewhere");
	TRY(has_close_primes(n, &close, err));
	if (close)
		return err_set(err, RC_UNFIT,
		    "the RSA key's primes lie close together, so everybody can "
		    "find them: make another one, with another program");
	return RC_OK;
}

static enum rc
count(struct sql *sql, const char *text, struct span sha256, int64_t number,
    int64_t *ret, struct err *err)
{
	return sql_number(sql, text,
	    SQL_VALUES(SQL_BLOB(sha256), SQL_NUMBER(number)), ret, err);
}

enum rc
keycheck_history(
    struct sql *sql, struct span sha256, int64_t account, struct err *err)
{
	int64_t others = 0, lost = 0;

	TRY(count(sql,
	    "SELECT count(*) FROM certificate"
	    " WHERE key_sha256 = ? AND account <> ?",
	    sha256, account, &others, err));
	if (others > 0)
		return err_set(err, RC_UNFIT,
		    "another account has a certificate for this key: make one "
		    "of your own");
	TRY(count(sql,
	    "SELECT count(*) FROM revocation r"
	    " JOIN certificate c ON c.id = r.certificate"
	    " WHERE c.key_sha256 = ? AND r.reason = ?",
	    sha256, KEY_COMPROMISE, &lost, err));
	if (lost > 0)
		return err_set(err, RC_UNFIT,
		    "this key was revoked because it is in other hands: make "
		    "another one");
	return RC_OK;
}
