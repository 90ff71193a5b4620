#include "net/network.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESS_LEN 16
#define V4_BITS 96 /* of ::ffff:0:0/96 */
#define TEXT_MAX 64

static const uint8_t v4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* What is not for everybody.  IPv4: all of the special-purpose registry that is
 * not "globally reachable".  IPv6: whatever is not in 2000::/3, and in it what
 * is for documentation or holds an IPv4 address (Teredo, 6to4). */
static const char *const closed_v4[] = {"0.0.0.0/8", "10.0.0.0/8",
    "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"};
static const char *const closed_v6[] = {
    "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"};
static const char open_v6[] = "2000::/3";

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
map_v4(const void *four, uint8_t out[ADDRESS_LEN])
{
	memcpy(out, v4_mapped, sizeof(v4_mapped));
	memcpy(out + sizeof(v4_mapped), four, 4);
}

/* `bits_max`: as many as the family has. */
static bool
parse_address(const char *text, uint8_t out[ADDRESS_LEN], unsigned *bits_max)
{
	uint8_t four[4];

	*bits_max = 128;
	if (inet_pton(AF_INET6, text, out) == 1)
		return true;
	if (inet_pton(AF_INET, text, four) != 1)
		return false;
	map_v4(four, out);
	*bits_max = 32;
	return true;
}

static bool
parse_bits(const char *text, unsigned bits_max, unsigned *ret)
{
	char *end;

	if (text[0] < '0' || text[0] > '9' || strlen(text) > 3)
		return false;
	unsigned long bits = strtoul(text, &end, 10);
	*ret = (unsigned)bits;
	return *end == '\0' && bits <= bits_max;
}

static bool
parse(const char *text, struct network *ret)
{
	char copy[TEXT_MAX];
	unsigned bits_max = 0, bits;

	if (strlen(text) >= sizeof(copy))
		return false;
	(void)snprintf(copy, sizeof(copy), "%s", text);
	char *slash = strchr(copy, '/');
	if (slash != NULL)
		*slash = '\0';
	if (!parse_address(copy, ret->address, &bits_max))
		return false;
	bits = bits_max;
	if (slash != NULL && !parse_bits(slash + 1, bits_max, &bits))
		return false;
	ret->bits = bits_max == 32 ? V4_BITS + bits : bits;
	return true;
}

enum rc
networks_add(struct networks *networks, const char *text, struct err *err)
{
	struct network made;

	if (!parse(text, &made))
		return err_set(err, RC_SYNTAX,
		    "\"%s\" is no network (such as 10.1.0.0/16)", text);
	if (networks->len == NETWORKS_MAX)
		return err_set(
		    err, RC_LIMIT, "more than %d networks", NETWORKS_MAX);
	networks->item[networks->len++] = made;
	return RC_OK;
}

static bool
is_in(const uint8_t address[ADDRESS_LEN], const struct network *network)
{
	unsigned whole = network->bits / 8, rest = network->bits % 8;
	uint8_t mask = (uint8_t)(0xff00U >> rest);

	if (!span_is(span_of(address, whole), span_of(network->address, whole)))
		return false;
	return rest == 0 ||
	       ((address[whole] ^ network->address[whole]) & mask) == 0;
}

static bool
is_in_text(const uint8_t address[ADDRESS_LEN], const char *text)
{
	struct network network = {.bits = 0};

	if (!parse(text, &network))
		bug("network: a table that cannot be read");
	return is_in(address, &network);
}

static bool
read_sockaddr(const struct sockaddr *from, uint8_t out[ADDRESS_LEN])
{
	if (from->sa_family == AF_INET) {
		map_v4(&((const struct sockaddr_in *)from)->sin_addr, out);
		return true;
	}
	if (from->sa_family != AF_INET6)
		return false;
	memcpy(
	    out, &((const struct sockaddr_in6 *)from)->sin6_addr, ADDRESS_LEN);
	return true;
}

bool
networks_have(const struct networks *networks, const struct sockaddr *address)
{
	uint8_t bytes[ADDRESS_LEN];

	if (!read_sockaddr(address, bytes))
		return false;
	for (size_t i = 0; i < networks->len; i++)
		if (is_in(bytes, &networks->item[i]))
			return true;
	return false;
}

static bool
is_in_any(
    const uint8_t address[ADDRESS_LEN], const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_in_text(address, list[i]))
			return true;
	return false;
}

bool
network_is_public(const struct sockaddr *address)
{
	uint8_t bytes[ADDRESS_LEN];

	if (!read_sockaddr(address, bytes))
		return false;
	if (span_is(span_of(bytes, sizeof(v4_mapped)),
		span_of(v4_mapped, sizeof(v4_mapped))))
		return !is_in_any(bytes, closed_v4, COUNT(closed_v4));
	return is_in_text(bytes, open_v6) &&
	       !is_in_any(bytes, closed_v6, COUNT(closed_v6));
}
