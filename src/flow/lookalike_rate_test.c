/* How many of real domains pass for somebody else, and how many of made
 * look-alikes do not.  The domains are those that a list of Debian's
 * webext-ublock-origin-firefox names; the look-alikes are made by Debian's
 * dnstwist, so nobody here chose either. */
#include <stdio.h>

#include "base/expect.h"
#include "base/own.h"
#include "flow/lookalike.h"
#include "flow/lookup.h"

#define LISTS                                     \
	"/usr/share/mozilla/extensions/"          \
	"{ec8030f7-c20a-464f-9b0e-13a3a9e97384}/" \
	"uBlock0@raymondhill.net/assets/"
#define ONE_IN 500 /* at most so many ordinary domains may be taken wrongly */
#define CONTACTS 200

OWNER(struct lookalike, lookalike_free);

static const char *const lists[] = {
    LISTS "thirdparties/easylist/easylist.txt",
    LISTS "thirdparties/easylist/easyprivacy.txt",
    LISTS "ublock/filters.min.txt",
};

/* Every domain once, in the order of the lists. */
struct domains {
	struct lookup seen;
};

static void
close_file(FILE **file)
{
	if (*file != NULL)
		(void)fclose(*file);
}
#define CLOSED __attribute__((cleanup(close_file)))

static bool
is_domain(struct span text)
{
	bool dot = false;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		bool sign = c == '-' || c == '.';
		if (!sign && (c < '0' || c > '9') && (c < 'a' || c > 'z'))
			return false;
		dot |= c == '.' && i > 0 && i + 1 < text.len;
	}
	return dot && text.data[0] != '.' && text.data[text.len - 1] != '.';
}

/* "example.com,~www.example.org##.banner" names two domains. */
static void
add_line(struct domains *domains, struct span line)
{
	ptrdiff_t end = span_find(line, span_str("##"));
	struct span names = span_first(line, end > 0 ? (size_t)end : 0);

	while (names.len > 0) {
		ptrdiff_t comma = span_find_byte(names, ',');
		size_t len = comma < 0 ? names.len : (size_t)comma;
		struct span name = span_first(names, len);
		if (span_starts(name, "~"))
			name = span_after(name, 1);
		names = span_after(names, len + 1);
		if (name.len > 0 && is_domain(name) &&
		    !lookup_has(&domains->seen, name))
			assert_ok(lookup_add(&domains->seen, name, 0, NULL));
	}
}

static void
read_domains(struct domains *ret)
{
	static char line[1 << 16];

	for (size_t i = 0; i < COUNT(lists); i++) {
		FILE *file CLOSED = fopen(lists[i], "r");
		if (file == NULL)
			fail_msg("%s is missing: run tools/install-packages "
				 "test",
			    lists[i]);
		while (fgets(line, sizeof(line), file) != NULL)
			add_line(ret, span_trim(span_str(line)));
	}
}

struct rate {
	size_t asked, found, strong;
};

static void
ask(const struct lookalike *l, struct span domain, struct rate *rate)
{
	struct lookalike_sender sender = {
	    .local = span_str("office"), .domain = domain};
	struct lookalike_finding f;
	enum rc rc = lookalike_find(l, &sender, &f, NULL);

	rate->asked++;
	if (rc == RC_ABSENT)
		return;
	assert_ok(rc);
	rate->found++;
	rate->strong += f.strong;
}

/* The rate is told to whoever runs the tests, and kept for ./check. */
static void
tell(const char *what, const struct rate *rate)
{
	static bool begun;
	FILE *file CLOSED = fopen("lookalike-rate.txt", begun ? "a" : "w");

	begun = true;
	assert_non_null(file);
	(void)fprintf(file, "%s: %zu of %zu (%zu strong)\n", what, rate->found,
	    rate->asked, rate->strong);
	print_message("%s: %zu of %zu (%zu strong)\n", what, rate->found,
	    rate->asked, rate->strong);
}

static void
at_most_1_in_500_real_domains_is_taken_for_another(void **state)
{
	struct lookalike *l OWNED(lookalike_free) = NULL;
	struct domains domains = {LOOKUP_EMPTY};
	struct rate rate = {0};

	(void)state;
	assert_ok(lookalike_new(&l, NULL));
	read_domains(&domains);
	for (size_t i = 0; i < domains.seen.len; i++)
		ask(l, span_str(domains.seen.entry[i].text), &rate);
	tell("real domains taken for somebody else, nobody known", &rate);
	assert_true(rate.asked > 15000);
	assert_true(rate.found * ONE_IN <= rate.asked);
	lookup_done(&domains.seen);
}

/* Every so many of the list is somebody one writes to; the rest are strangers.
 * The list has whole series of one firm's domains, so this is harsher than
 * life; what is strong counts. */
static void
at_most_1_in_500_with_200_people_known(void **state)
{
	struct lookalike *l OWNED(lookalike_free) = NULL;
	struct domains domains = {LOOKUP_EMPTY};
	struct rate rate = {0};
	char address[300];

	(void)state;
	assert_ok(lookalike_new(&l, NULL));
	read_domains(&domains);
	size_t step = domains.seen.len / CONTACTS;
	for (size_t i = 0; i < domains.seen.len; i += step) {
		snprintf(address, sizeof(address), "somebody@%s",
		    domains.seen.entry[i].text);
		assert_ok(
		    lookalike_add_known(l, span_str(address), SPAN_NONE, NULL));
	}
	for (size_t i = 0; i < domains.seen.len; i++)
		if (i % step != 0)
			ask(l, span_str(domains.seen.entry[i].text), &rate);
	tell("real domains taken for somebody else, 200 known", &rate);
	assert_true(rate.strong * ONE_IN <= rate.asked);
	lookup_done(&domains.seen);
}

#define DNSTWIST(domains, more)                           \
	"for d in " domains "; do dnstwist -f list " more \
	" $d | tail -n +2; done"
#define WORDS "/usr/share/dnstwist/dictionaries/"

static void
ask_all(const struct lookalike *l, const char *command, struct rate *rate)
{
	FILE *file = popen(command, "r");
	char line[512];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL)
		ask(l, span_trim(span_str(line)), rate);
	assert_int_equal(pclose(file), 0);
}

/* All that dnstwist makes but what is too short for any rule. */
static void
most_that_dnstwist_makes_is_found(void **state)
{
	struct lookalike *l OWNED(lookalike_free) = NULL;
	struct rate rate = {0};

	(void)state;
	assert_ok(lookalike_new(&l, NULL));
	ask_all(l,
	    DNSTWIST("paypal.com netflix.com docusign.com wellsfargo.com",
		"--tld " WORDS "abused_tlds.dict"),
	    &rate);
	tell("look-alikes of dnstwist that are found", &rate);
	assert_true(rate.asked > 2000);
	assert_true(rate.strong * 100 >= rate.asked * 95);
}

/* Domains nobody has heard of, with the words that frauds put beside them. */
static void
most_that_dnstwist_makes_of_an_own_domain_is_found(void **state)
{
	struct lookalike *l OWNED(lookalike_free) = NULL;
	struct rate rate = {0};

	(void)state;
	assert_ok(lookalike_new(&l, NULL));
	assert_ok(lookalike_add_own(l, span_str("contoso.com"), NULL));
	assert_ok(lookalike_add_own(l, span_str("novartech.ch"), NULL));
	assert_ok(lookalike_add_own(l, span_str("acme.com"), NULL));
	ask_all(l,
	    DNSTWIST("contoso.com novartech.ch acme.com",
		"--dictionary " WORDS "english.dict"),
	    &rate);
	tell("look-alikes of own domains that are found", &rate);
	assert_true(rate.asked > 2000);
	assert_true(rate.strong * 100 >= rate.asked * 90);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		at_most_1_in_500_real_domains_is_taken_for_another),
	    cmocka_unit_test(at_most_1_in_500_with_200_people_known),
	    cmocka_unit_test(most_that_dnstwist_makes_is_found),
	    cmocka_unit_test(
		most_that_dnstwist_makes_of_an_own_domain_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
