#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "net/network.h"

union any {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static union any
address_of(const char *text)
{
	union any address = {.v6 = {.sin6_family = AF_INET6}};

	if (inet_pton(AF_INET6, text, &address.v6.sin6_addr) == 1)
		return address;
	address = (union any){.v4 = {.sin_family = AF_INET}};
	if (inet_pton(AF_INET, text, &address.v4.sin_addr) != 1)
		fail_msg("%s", text);
	return address;
}

static void
only_public_addresses_are_public(void **state)
{
	static const char *const open[] = {"1.1.1.1", "8.8.8.8",
	    "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0",
	    "192.167.255.255", "192.169.0.0", "223.255.255.255",
	    "2606:4700::1111", "2a00:1450::", "2001:200::1", "::ffff:1.1.1.1"};
	static const char *const closed[] = {"0.0.0.0", "0.1.2.3", "10.0.0.1",
	    "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1",
	    "127.255.255.255", "169.254.169.254", "172.16.0.0",
	    "172.31.255.255", "192.168.1.1", "198.18.0.1", "198.19.255.255",
	    "192.0.2.1", "198.51.100.7", "203.0.113.9", "224.0.0.1",
	    "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1",
	    "::ffff:10.0.0.1", "::127.0.0.1", "fe80::1", "fc00::1", "fdff::1",
	    "ff02::1", "64:ff9b::7f00:1", "64:ff9b::101:101", "2001::1",
	    "2001:db8::1", "2002:7f00:1::", "3fff::1", "4000::1"};

	(void)state;
	for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
		union any address = address_of(open[i]);
		if (!network_is_public(&address.any))
			fail_msg("%s is public", open[i]);
	}
	for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++) {
		union any address = address_of(closed[i]);
		if (network_is_public(&address.any))
			fail_msg("%s is not public", closed[i]);
	}
	const struct sockaddr local = {.sa_family = AF_UNIX};
	assert_false(network_is_public(&local));
}

static void
a_named_network_has_its_own_addresses(void **state)
{
	static const struct {
		const char *network, *address;
		bool want;
	} cases[] = {{"10.1.0.0/16", "10.1.255.255", true},
	    {"10.1.0.0/16", "10.2.0.0", false},
	    {"10.1.0.0/16", "::ffff:10.1.0.1", true},
	    {"10.1.2.3", "10.1.2.3", true}, {"10.1.2.3", "10.1.2.2", false},
	    {"10.0.0.0/9", "10.127.0.1", true},
	    {"10.0.0.0/9", "10.128.0.1", false}, {"0.0.0.0/0", "9.9.9.9", true},
	    {"0.0.0.0/0", "fd00::1", false}, {"fd00::/8", "fd12::1", true},
	    {"fd00::/8", "fc00::1", false}, {"::1", "::1", true},
	    {"::1", "127.0.0.1", false}, {"::/0", "10.0.0.1", true}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct networks networks = {.len = 0};
		union any address = address_of(cases[i].address);
		assert_int_equal(
		    networks_add(&networks, cases[i].network, NULL), RC_OK);
		if (networks_have(&networks, &address.any) != cases[i].want)
			fail_msg(
			    "%s in %s", cases[i].address, cases[i].network);
	}
}

static void
what_is_no_network_is_refused(void **state)
{
	static const char *const wrong[] = {"", "/", "10.0.0.0/", "10.0.0.0/33",
	    "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0/8", "localhost", "::/129",
	    "fd00::/0008", "10.0.0.0/ 8",
	    "0000000000000000000000000000000000000000000000000000000000000000"};
	struct networks networks = {.len = 0};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (networks_add(&networks, wrong[i], NULL) != RC_SYNTAX)
			fail_msg("\"%s\" was taken", wrong[i]);
	for (size_t i = 0; i < NETWORKS_MAX; i++)
		assert_int_equal(
		    networks_add(&networks, "10.0.0.0/8", NULL), RC_OK);
	assert_int_equal(networks_add(&networks, "10.0.0.0/8", NULL), RC_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_public_addresses_are_public),
	    cmocka_unit_test(a_named_network_has_its_own_addresses),
	    cmocka_unit_test(what_is_no_network_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
