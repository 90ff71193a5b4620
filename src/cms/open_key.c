#include "cms/open_key_priv.h"

#include <openssl/err.h>
#include <openssl/rand.h>

#include "pki/crypto.h"

#define CEK_MAX 1024 /* OAEP may hold anything that fits its key */

struct search {
	const struct recipient_matches *matches;
	size_t want;
	uint8_t *key;
	bool good, usable;
	enum rc unfit; /* why a place was passed over */
	struct err why;
};

/* A wrong key is no failure here: `key` stays random. */
static enum rc
try_match(struct search *s, const struct recipient_match *match)
{
	struct err why = ERR_NONE;
	struct buf cek BUF_OWNED = BUF_SECRET(CEK_MAX);

	enum rc rc = recipient_unwrap(match, s->want, &cek, &why);
	ERR_clear_error();
	/* the vault away, or no memory, says nothing about the letter */
	if (rc == RC_NOMEM || rc == RC_IO || rc == RC_AGAIN) {
		s->why = why;
		return rc;
	}
	s->good = rc == RC_OK && cek.len == s->want;
	if (s->good)
		memcpy(s->key, cek.data, s->want);
	return RC_OK;
}

/* All places of one sort, until one is right. */
static enum rc
try_sort(struct search *s, bool certain)
{
	for (size_t i = 0; i < s->matches->len && !s->good; i++) {
		const struct recipient_match *match = &s->matches->item[i];
		enum rc rc = recipient_check(match, &s->why);
		if (rc != RC_OK)
			s->unfit = rc;
		if (rc != RC_OK || recipient_is_certain(match) != certain)
			continue;
		s->usable = true;
		TRY(try_match(s, match));
	}
	return RC_OK;
}

enum rc
open_key_find(const struct recipient_matches *matches, size_t want,
    uint8_t *key, bool *ret_good, struct err *err)
{
	struct search s = {matches, want, key, .unfit = RC_UNFIT};

	if (RAND_priv_bytes(key, (int)want) != 1)
		return crypto_failed(err, "random numbers");
	enum rc rc = try_sort(&s, true);
	/* PKCS#1 v1.5 never says no: the first one ends the search */
	if (rc == RC_OK)
		rc = try_sort(&s, false);
	if (rc == RC_OK && !s.usable)
		rc = s.unfit;
	if (rc != RC_OK)
		return err_set(err, rc, "%s", s.why.text);
	*ret_good = s.good;
	return RC_OK;
}
