#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "enrol/clientconfig.h"

#define HEAD "<?xml version=\"1.0\"?>\n<clientConfig version=\"1.2\">"
#define PROVIDER(inside)                                              \
	HEAD "<emailProvider id=\"x\"><domain>a.test</domain>" inside \
	     "</emailProvider></clientConfig>"
#define SERVER(element, type, host, port, socket, login, user) \
	"<" element " type=\"" type "\"><hostname>" host       \
	"</hostname><port>" port "</port><socketType>" socket  \
	"</socketType><authentication>" login                  \
	"</authentication><username>" user "</username></" element ">"
#define IMAP(host, port, socket, login)                             \
	SERVER("incomingServer", "imap", host, port, socket, login, \
	    "%EMAILADDRESS%")
#define SMTP(host, port, socket, login)                             \
	SERVER("outgoingServer", "smtp", host, port, socket, login, \
	    "%EMAILADDRESS%")
#define GOOD_IMAP IMAP("imap.b.test", "993", "SSL", "password-cleartext")
#define GOOD_SMTP SMTP("smtp.b.test", "587", "STARTTLS", "password-cleartext")

static enum rc
parse(const char *xml, struct discovery *ret, struct err *err)
{
	return clientconfig_parse(span_str(xml), "al+x@a.test", ret, err);
}

static void
both_servers_are_read(void **state)
{
	struct discovery found = {0};

	(void)state;
	assert_int_equal(
	    parse(PROVIDER(GOOD_IMAP GOOD_SMTP), &found, NULL), RC_OK);
	assert_string_equal(found.imap.host, "imap.b.test");
	assert_int_equal(found.imap.port, 993);
	assert_int_equal(found.imap.security, SMTP_TLS);
	assert_string_equal(found.smtp.host, "smtp.b.test");
	assert_int_equal(found.smtp.port, 587);
	assert_int_equal(found.smtp.security, SMTP_STARTTLS);
	assert_string_equal(found.user, "al+x@a.test");
	assert_int_equal(found.logins, DISCOVERY_PASSWORD);
}

/* The order of sections is the provider's preference; what we do not use is
 * passed over as a whole. */
static void
the_first_section_that_can_be_used_counts(void **state)
{
	struct discovery found = {0};

	(void)state;
	assert_int_equal(
	    parse(PROVIDER(SERVER("incomingServer", "pop3", "pop.b.test", "995",
		      "SSL", "password-cleartext", "x") IMAP("plain.b.test",
		      "143", "plain", "password-cleartext") IMAP("ntlm.b.test",
		      "993", "SSL", "NTLM") IMAP("bad port", "99999", "SSL",
		      "password-cleartext") GOOD_IMAP IMAP("later.b.test",
		      "993", "SSL", "password-cleartext") GOOD_SMTP),
		&found, NULL),
	    RC_OK);
	assert_string_equal(found.imap.host, "imap.b.test");
}

static void
names_of_parts_of_the_address_are_filled_in(void **state)
{
	static const struct {
		const char *pattern, *wanted;
	} cases[] = {
	    {"%EMAILLOCALPART%", "al+x"},
	    {"%EMAILDOMAIN%\\%EMAILLOCALPART%", "a.test\\al+x"},
	    {"u-%EMAILADDRESS%-%", "u-al+x@a.test-%"},
	    {"&lt;%NONE%&gt;", "<%NONE%>"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct discovery found = {0};
		char xml[2000];
		(void)snprintf(xml, sizeof(xml),
		    PROVIDER(SERVER("incomingServer", "imap", "i.test", "993",
			"SSL", "password-cleartext", "%s")
			    SERVER("outgoingServer", "smtp", "s.test", "465",
				"SSL", "password-cleartext", "%s")),
		    cases[i].pattern, cases[i].pattern);
		assert_int_equal(parse(xml, &found, NULL), RC_OK);
		assert_string_equal(found.user, cases[i].wanted);
	}
}

static void
oauth_and_certificates_are_read(void **state)
{
	struct discovery found = {0};

	(void)state;
	assert_int_equal(
	    parse(HEAD "<emailProvider id=\"x\"><incomingServer type=\"imap\">"
		       "<hostname> imap.b.test\n</hostname><port>993</port>"
		       "<socketType>SSL</socketType>"
		       "<authentication>OAuth2</authentication>"
		       "<authentication>TLS-client-cert</authentication>"
		       "</incomingServer>" SMTP("smtp.b.test", "465", "SSL",
			   "OAuth2") "</emailProvider>"
				     "<oAuth2><issuer>id.test</issuer><scope>m "
				     "n</scope>"
				     "<authURL>https://id.test/a</authURL>"
				     "<tokenURL>https://id.test/t</tokenURL>"
				     "</oAuth2></clientConfig>",
		&found, NULL),
	    RC_OK);
	assert_int_equal(found.logins, DISCOVERY_OAUTH);
	assert_string_equal(found.imap.host, "imap.b.test");
	assert_string_equal(found.issuer, "id.test");
	assert_string_equal(found.scope, "m n");
	assert_string_equal(found.auth_url, "https://id.test/a");
	assert_string_equal(found.token_url, "https://id.test/t");
}

/* "Billion laughs", and a file of the reader's own as an entity. */
#define BOMB                                                             \
	"<?xml version=\"1.0\"?><!DOCTYPE c [<!ENTITY a \"aaaaaaaaaa\">" \
	"<!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">"                       \
	"<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">]>"                     \
	"<clientConfig>&c;</clientConfig>"
#define FILE_ENTITY                                              \
	"<?xml version=\"1.0\"?><!DOCTYPE c [<!ENTITY a SYSTEM " \
	"\"file:///etc/passwd\">]><clientConfig>&a;</clientConfig>"

static void
hostile_xml_is_refused(void **state)
{
	static const struct {
		const char *xml;
		enum rc wanted;
	} cases[] = {
	    {"", RC_SYNTAX},
	    {"<html>not found</html>", RC_SYNTAX},
	    {"<clientConfig>", RC_SYNTAX},
	    {BOMB, RC_SYNTAX},
	    {FILE_ENTITY, RC_SYNTAX},
	    {PROVIDER(""), RC_UNFIT},
	    {PROVIDER(GOOD_IMAP), RC_UNFIT},
	    {PROVIDER(GOOD_IMAP SMTP(
		 "smtp.b.test", "25", "plain", "password-cleartext")),
		RC_UNFIT},
	    {PROVIDER(IMAP("i.test\nb LOGOUT", "993", "SSL",
		 "password-cleartext") GOOD_SMTP),
		RC_UNFIT},
	    {PROVIDER(IMAP("127.0.0.1", "993", "SSL", "password-cleartext")
		     GOOD_SMTP),
		RC_UNFIT},
	    {PROVIDER(GOOD_IMAP SERVER("outgoingServer", "smtp", "s.test",
		 "465", "SSL", "password-cleartext", "somebody")),
		RC_UNFIT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct discovery found = {0};
		struct err err = ERR_NONE;
		enum rc got = parse(cases[i].xml, &found, &err);
		if (got != cases[i].wanted || found.imap.host[0] != '\0')
			fail_msg(
			    "case %zu: %s \"%s\"", i, rc_name(got), err.text);
	}
}

/* The elements around a server, `deep` of them, and one text of `len`. */
static enum rc
parse_deep(int deep, size_t len)
{
	struct buf xml BUF_OWNED = BUF(CLIENTCONFIG_MAX * 2);
	struct discovery found = {0};
	struct err err = ERR_NONE;
	const char *text;

	assert_int_equal(buf_add_str(&xml, HEAD, NULL), RC_OK);
	for (int i = 1; i < deep; i++)
		assert_int_equal(buf_add_str(&xml, "<x>", NULL), RC_OK);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(buf_add_byte(&xml, 'a', NULL), RC_OK);
	for (int i = 1; i < deep; i++)
		assert_int_equal(buf_add_str(&xml, "</x>", NULL), RC_OK);
	assert_int_equal(buf_add_str(&xml,
			     "<emailProvider id=\"x\">" GOOD_IMAP GOOD_SMTP
			     "</emailProvider></clientConfig>",
			     NULL),
	    RC_OK);
	assert_int_equal(buf_str(&xml, &text, NULL), RC_OK);
	return parse(text, &found, &err);
}

static void
each_limit_is_met_and_one_beyond_is_refused(void **state)
{
	struct buf large BUF_OWNED = BUF(CLIENTCONFIG_MAX + 1);
	struct discovery found = {0};

	(void)state;
	assert_int_equal(parse_deep(16, 512), RC_OK);
	assert_int_equal(parse_deep(17, 0), RC_LIMIT);
	assert_int_equal(parse_deep(2, 513), RC_LIMIT);
	assert_int_equal(
	    buf_add_str(&large, PROVIDER(GOOD_IMAP GOOD_SMTP), NULL), RC_OK);
	while (large.len < CLIENTCONFIG_MAX)
		assert_int_equal(buf_add_byte(&large, '\n', NULL), RC_OK);
	assert_int_equal(
	    clientconfig_parse(buf_span(&large), "a@b.test", &found, NULL),
	    RC_OK);
	assert_int_equal(buf_add_byte(&large, '\n', NULL), RC_OK);
	assert_int_equal(
	    clientconfig_parse(buf_span(&large), "a@b.test", &found, NULL),
	    RC_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both_servers_are_read),
	    cmocka_unit_test(the_first_section_that_can_be_used_counts),
	    cmocka_unit_test(names_of_parts_of_the_address_are_filled_in),
	    cmocka_unit_test(oauth_and_certificates_are_read),
	    cmocka_unit_test(hostile_xml_is_refused),
	    cmocka_unit_test(each_limit_is_met_and_one_beyond_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
