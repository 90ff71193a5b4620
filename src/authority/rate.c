#include "authority/rate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include "os/random.h"

#define SLOTS 4096 /* a power of two */

struct slot {
	uint64_t key;  /* hash; 0: free */
	int64_t level; /* what is used up */
	int64_t seen;  /* when `level` was right */
};

struct rate {
	int64_t most;
	int64_t seconds;
	uint64_t secret;
	struct slot slot[SLOTS];
};

enum rc
rate_new(int64_t most, int64_t seconds, struct rate **ret, struct err *err)
{
	struct rate *rate = calloc(1, sizeof(*rate));

	if (rate == NULL)
		return err_nomem(err, "limits");
	rate->most = most;
	rate->seconds = seconds;
	random_fill(&rate->secret, sizeof(rate->secret));
	*ret = rate;
	return RC_OK;
}

void
rate_free(struct rate *rate)
{
	free(rate);
}

/* FNV-1a from a secret start: nobody can aim at another one's slot. */
static uint64_t
hash(const struct rate *rate, const char *key)
{
	uint64_t sum = rate->secret ^ 0xcbf29ce484222325u;

	for (size_t i = 0; key[i] != '\0'; i++)
		sum = (sum ^ (uint8_t)key[i]) * 0x100000001b3u;
	sum ^= sum >> 29;
	return sum != 0 ? sum : 1;
}

static struct slot *
find(struct rate *rate, uint64_t key, int64_t now)
{
	struct slot *slot = &rate->slot[key & (SLOTS - 1)];

	if (slot->key != key)
		*slot = (struct slot){key, 0, now};
	return slot;
}

/* Exact in whole numbers: an act costs `seconds` thousand, and every
 * millisecond gives `most` back. */
bool
rate_allow(struct rate *rate, const char *key, int64_t now, int64_t *ret_wait)
{
	struct slot *slot = find(rate, hash(rate, key), now);
	int64_t cost = rate->seconds * 1000;
	int64_t gone = now > slot->seen ? (now - slot->seen) * rate->most : 0;

	slot->level = slot->level > gone ? slot->level - gone : 0;
	slot->seen = now;
	int64_t over = slot->level + cost - rate->most * cost;
	if (over > 0) {
		*ret_wait = over / (rate->most * 1000) + 1;
		return false;
	}
	slot->level += cost;
	return true;
}

void
rate_client(const char *peer, char ret[RATE_CLIENT_MAX])
{
	struct in6_addr whole;
	struct in6_addr part = {0};
	char text[INET6_ADDRSTRLEN];

	(void)snprintf(ret, RATE_CLIENT_MAX, "%s", peer);
	if (inet_pton(AF_INET6, peer, &whole) != 1)
		return;
	if (IN6_IS_ADDR_V4MAPPED(&whole)) {
		(void)inet_ntop(
		    AF_INET, &whole.s6_addr[12], ret, RATE_CLIENT_MAX);
		return;
	}
	memcpy(&part, &whole, 8);
	(void)inet_ntop(AF_INET6, &part, text, sizeof(text));
	(void)snprintf(ret, RATE_CLIENT_MAX, "%s", text);
}
