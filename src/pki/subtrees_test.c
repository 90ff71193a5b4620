#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pki/fixture.h"
#include "pki/subtrees_priv.h"

#define UTF8_NAME "otherName:1.3.6.1.5.5.7.8.9;UTF8:j\xc3\xb6rg@"

static const struct {
	const char *name;
	const char *limits; /* nameConstraints of the authority */
	const char *names;  /* subjectAltName of the leaf */
	bool allowed;
} cases[] = {
    {"the host itself", "permitted;email:example.org", "email:a@example.org",
	true},
    {"without regard to case", "permitted;email:Example.ORG",
	"email:a@eXample.org", true},
    {"a host below", "permitted;email:example.org", "email:a@mail.example.org",
	false},
    {"another host that ends alike", "permitted;email:example.org",
	"email:a@badexample.org", false},
    {"hosts below a dot", "permitted;email:.example.org",
	"email:a@mail.example.org", true},
    {"below a dot there must be something", "permitted;email:.example.org",
	"email:a@example.org", false},
    {"excluded beats permitted",
	"permitted;email:example.org,excluded;email:example.org",
	"email:a@example.org", false},
    {"one of two permitted",
	"permitted;email:example.com,permitted;email:example.org",
	"email:a@example.org", true},
    {"every name must be permitted", "permitted;email:example.org",
	"email:a@example.org,email:a@example.com", false},
    {"a whole mailbox, as before RFC 9549", "permitted;email:a@example.org",
	"email:A@example.org", true},
    {"another than the whole mailbox", "permitted;email:a@example.org",
	"email:b@example.org", false},
    {"an excluded whole mailbox", "excluded;email:a@example.org",
	"email:a@example.org", false},
    {"a domain in a quoted local part", "permitted;email:example.org",
	"email:\"x@example.org\"@example.com", false},
    {"no address at all", "permitted;email:example.org", "DNS:example.com",
	true},
    {"an address that is none", "permitted;email:example.org",
	"email:example.org", false},
    {"an address that is none, without a constraint for it",
	"permitted;DNS:example.org", "email:example.org", true},
    {"SmtpUTF8Mailbox of the host", "permitted;email:example.org",
	UTF8_NAME "example.org", true},
    {"SmtpUTF8Mailbox of another host", "permitted;email:example.org",
	UTF8_NAME "example.com", false},
    {"SmtpUTF8Mailbox of an excluded host", "excluded;email:example.org",
	UTF8_NAME "example.org", false},
    {"SmtpUTF8Mailbox and A-labels", "permitted;email:xn--bcher-kva.test",
	UTF8_NAME "xn--bcher-kva.test", true},
    {"SmtpUTF8Mailbox with a U-label, which RFC 9598 forbids",
	"permitted;email:xn--bcher-kva.test",
	UTF8_NAME "b\xc3\xbc"
		  "cher.test",
	false},
    {"SmtpUTF8Mailbox of no string", "permitted;email:example.org",
	"otherName:1.3.6.1.5.5.7.8.9;INTEGER:5", false},
    {"another otherName is none of its business", "permitted;email:example.org",
	"otherName:1.2.3.4;UTF8:x", true},
    {"an otherName of a constrained kind", "permitted;otherName:1.2.3.4;UTF8:x",
	"otherName:1.2.3.4;UTF8:x", false},
    {"an otherName of another kind than the constrained one",
	"permitted;otherName:1.2.3.4;UTF8:x", "otherName:1.2.3.5;UTF8:x", true},
    {"a registered ID has no rule", "excluded;RID:1.2.3.4", "RID:1.2.3.5",
	false},
    {"DNS: the name", "permitted;DNS:example.org", "DNS:example.ORG", true},
    {"DNS: below", "permitted;DNS:example.org", "DNS:a.b.example.org", true},
    {"DNS: alike", "permitted;DNS:example.org", "DNS:badexample.org", false},
    {"DNS: below a dot", "permitted;DNS:.example.org", "DNS:a.example.org",
	true},
    {"DNS: not the name below a dot", "permitted;DNS:.example.org",
	"DNS:example.org", false},
    {"DNS: everything excluded", "critical,DER:30:06:a1:04:30:02:82:00",
	"DNS:a.test", false},
    {"URI: the host", "permitted;URI:example.org",
	"URI:https://u@example.org:8/x", true},
    {"URI: below without a dot", "permitted;URI:example.org",
	"URI:https://a.example.org/", false},
    {"URI: below a dot", "permitted;URI:.example.org",
	"URI:https://a.example.org", true},
    {"URI: the host in the path", "permitted;URI:example.org",
	"URI:https://example.com/@example.org", false},
    {"URI: the host as user", "permitted;URI:example.org",
	"URI:https://example.org@example.com/", false},
    {"URI: no host", "excluded;URI:example.org", "URI:mailto:a@b.test", false},
    {"URI: an address as host", "excluded;URI:example.org",
	"URI:http://192.0.2.1/", false},
    {"URI: an address of six as host", "excluded;URI:example.org",
	"URI:http://[2001:db8::1]/", false},
    {"IP: inside", "permitted;IP:192.0.2.0/255.255.255.0", "IP:192.0.2.9",
	true},
    {"IP: outside", "permitted;IP:192.0.2.0/255.255.255.0", "IP:192.0.3.9",
	false},
    {"IP: of the other kind", "permitted;IP:192.0.2.0/255.255.255.0",
	"IP:2001:db8::1", false},
    {"IP: a mask with holes", "permitted;IP:192.0.2.0/255.0.255.0",
	"IP:192.0.2.9", false},
};

static struct fixture
make_authority(const char *limits, const struct fixture *issuer)
{
	return fixture_make(&(struct fixture_spec){.name = "Authority",
	    .issuer = issuer,
	    .constraints = "critical,CA:TRUE",
	    .usage = "critical,keyCertSign",
	    .more = {{limits != NULL ? "nameConstraints" : NULL, limits}}});
}

static struct fixture
make_leaf(const struct fixture *issuer, const char *names)
{
	return fixture_make(&(struct fixture_spec){.name = "Leaf",
	    .issuer = issuer,
	    .more = {{names != NULL ? "subjectAltName" : NULL, names}}});
}

#define WORK 1000

static enum subtrees_answer
check(const struct fixture *leaf, const struct fixture *authority, size_t *work)
{
	struct certs path CERTS_OWNED = CERTS_NONE;

	assert_int_equal(certs_add(&path, leaf->cert, NULL), RC_OK);
	assert_int_equal(certs_add(&path, authority->cert, NULL), RC_OK);
	return subtrees_check(&path, WORK, work);
}

static void
names_are_held_against_constraints(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture authority FIXTURE_OWNED =
		    make_authority(cases[i].limits, NULL);
		struct fixture leaf FIXTURE_OWNED =
		    make_leaf(&authority, cases[i].names);
		size_t work = 0;
		enum subtrees_answer got = check(&leaf, &authority, &work);
		if (got !=
		    (cases[i].allowed ? SUBTREES_ALLOW : SUBTREES_FORBID))
			fail_msg("%s: got %d", cases[i].name, got);
	}
}

static void
add_mail(X509 *x509)
{
	fixture_subject(x509, "emailAddress", "a@example.com");
}

/* RFC 5280 wants it only without subjectAltName; a reader that looks in both
 * would be fooled. */
static void
an_address_in_the_subject_is_bound_too(void **state)
{
	struct fixture authority FIXTURE_OWNED =
	    make_authority("permitted;email:example.org", NULL);
	struct fixture leaf FIXTURE_OWNED =
	    fixture_make(&(struct fixture_spec){.name = "x",
		.issuer = &authority,
		.mail = "a@example.org",
		.change = add_mail});
	size_t work = 0;

	assert_int_equal(check(&leaf, &authority, &work), SUBTREES_FORBID);
}

/* A damaged one is held against everybody; then maximum 5, and minimum 1, for
 * rfc822Name. */
static void
distances_are_refused(void **state)
{
	static const char *const limits[] = {
	    "critical,DER:30:16:a0:14:30:12:81:0b:65:78:61:6d:70:6c:65:2e:6f:"
	    "72:67:80:01:01:00:00",
	    "critical,DER:30:14:a0:12:30:10:81:0b:65:78:61:6d:70:6c:65:2e:6f:"
	    "72:67:81:01:05",
	    "critical,DER:30:14:a0:12:30:10:81:0b:65:78:61:6d:70:6c:65:2e:6f:"
	    "72:67:80:01:01",
	};

	for (size_t i = 0; i < 3; i++) {
		struct fixture authority FIXTURE_OWNED =
		    make_authority(limits[i], NULL);
		struct fixture leaf FIXTURE_OWNED =
		    make_leaf(&authority, "email:a@example.org");
		struct fixture other FIXTURE_OWNED =
		    make_leaf(&authority, "URI:http://a.test");
		size_t work = 0;
		assert_int_equal(
		    check(&leaf, &authority, &work), SUBTREES_FORBID);
		if (i > 0)
			assert_int_equal(
			    check(&other, &authority, &work), SUBTREES_ALLOW);
	}
}

static void
only_the_leaf_is_bound_if_it_issues_itself(void **state)
{
	struct fixture top FIXTURE_OWNED =
	    make_authority("excluded;DNS:example.org", NULL);
	struct fixture_spec spec = {.name = "Authority",
	    .issuer = &top,
	    .more = {{"subjectAltName", "DNS:example.org"}}};
	struct fixture self FIXTURE_OWNED = fixture_make(&spec);
	struct fixture leaf FIXTURE_OWNED = make_leaf(&self, NULL);
	struct certs path CERTS_OWNED = CERTS_NONE;
	size_t work = 0;

	assert_int_equal(check(&self, &top, &work), SUBTREES_FORBID);
	assert_int_equal(certs_add(&path, leaf.cert, NULL), RC_OK);
	assert_int_equal(certs_add(&path, self.cert, NULL), RC_OK);
	assert_int_equal(certs_add(&path, top.cert, NULL), RC_OK);
	assert_int_equal(subtrees_check(&path, WORK, &work), SUBTREES_ALLOW);
}

/* The leaf has a subject, at 8, and a name, at 1, for the one subtree. */
static void
the_work_has_a_limit(void **state)
{
	struct fixture authority FIXTURE_OWNED =
	    make_authority("permitted;email:example.org", NULL);
	struct fixture leaf FIXTURE_OWNED =
	    make_leaf(&authority, "email:a@example.org");
	size_t work = WORK - 9;

	assert_int_equal(check(&leaf, &authority, &work), SUBTREES_ALLOW);
	assert_int_equal(work, WORK);
	work = WORK - 8;
	assert_int_equal(check(&leaf, &authority, &work), SUBTREES_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_are_held_against_constraints),
	    cmocka_unit_test(an_address_in_the_subject_is_bound_too),
	    cmocka_unit_test(distances_are_refused),
	    cmocka_unit_test(only_the_leaf_is_bound_if_it_issues_itself),
	    cmocka_unit_test(the_work_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
