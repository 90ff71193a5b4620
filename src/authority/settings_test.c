#include "authority/testkit_priv.h"

#include <jansson.h>

static void
settings_come_back_as_they_were(void **state)
{
	struct settings was SETTINGS_OWNED, is SETTINGS_OWNED;
	struct buf json BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;

	settings_init(&is);
	kit_settings(&was);
	was.challenge_mails_per_hour = 7;
	assert_done(settings_print(&was, &json, &err), err);
	assert_done(settings_parse(buf_span(&json), &is, &err), err);
	assert_string_equal(is.domain, KIT_DOMAIN);
	assert_string_equal(is.url, KIT_URL);
	assert_int_equal(is.challenge_mails_per_hour, 7);
	assert_int_equal(is.connections, 1000);
	assert_null(is.dns);
}

static void
a_wrong_setting_is_named(void **state)
{
	static const struct {
		const char *name;
		const char *value; /* JSON; NULL: taken away */
		const char *says;
	} cases[] = {
	    {"domain", NULL, "\"domain\" is missing"},
	    {"domain", "\"\"", "\"domain\""},
	    {"domain", "\"Authority.test\"", "lower case"},
	    {"domain", "\"a b\"", "lower case"},
	    {"domain",
		"\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaa.test\"",
		"longer"},
	    {"url", "\"http://x\"", "https://"},
	    {"url", "\"https://x/\"", "without a path"},
	    {"http_url", "\"https://x\"", "http://"},
	    {"http_url", "\"http://x/a\"", "without a path"},
	    {"http_url", "\"http://x\"", "belong together"},
	    {"http_listen", "\"x\"", "host:port"},
	    {"http_listen", "\"127.0.0.1:80\"", "belong together"},
	    {"clock", "\"right\"", "synchronised or trusted"},
	    {"crl_parts", "0", "1 to 1024"},
	    {"crl_parts", "1025", "1 to 1024"},
	    {"crl_hours", "241", "1 to 240"},
	    {"ocsp_hours", "7", "8 to 96"},
	    {"http_connections", "0", "1 to 10000"},
	    {"ldap_connections", "10001", "1 to 10000"},
	    {"listen", "\"8443\"", "host:port"},
	    {"listen", "\"x:0\"", "host:port"},
	    {"listen", "\"x:65536\"", "host:port"},
	    {"listen", "\"x:80x\"", "host:port"},
	    {"smarthost", "\":25\"", "host:port"},
	    {"store", "\"authority.db\"", "absolute path"},
	    {"store", "\"mysql://x/y\"", "postgresql://"},
	    {"connections", "0", "1 to 10000"},
	    {"connections", "10001", "1 to 10000"},
	    {"connections", "\"many\"", "no setting"},
	    {"tls_key", "1", "no setting"},
	    {"conections", "1", "no setting"},
	    {"colour", "\"red\"", "no setting"},
	    {"connections", "1.5", "whole number"},
	    {"connections", "true", "true or false"},
	    {"test_profile", "1", "no setting"},
	    {"test_profile", "\"true\"", "no setting"},
	    {"terms", "\"http://x/\"", "https://"},
	    {"terms", "\"https://x/>; a\"", "https://"},
	    {"terms", "\"https://x/\u00e4\"", "ASCII"},
	    {"answers", "\"lax\"", "interop"},
	    {"caa_identity", "\"CA.example\"", "lower case"},
	    {"country", "\"de\"", "two capitals"},
	    {"country", "\"DEU\"", "two capitals"},
	    {"country", "\"D\"", "two capitals"},
	    {"lmtp_listen", "\"24\"", "host:port"},
	    {"challenge_mails_per_domain", "0", "1 to"},
	    {"challenge_mails_per_client", "1000001", "1 to"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct settings was SETTINGS_OWNED, is SETTINGS_OWNED;
		struct buf json BUF_OWNED = BUF_SMALL;
		struct err err = ERR_NONE;
		settings_init(&is);
		kit_settings(&was);
		assert_done(settings_print(&was, &json, &err), err);
		json_t *object =
		    json_loadb((char *)json.data, json.len, 0, NULL);
		json_object_del(object, cases[i].name);
		if (cases[i].value != NULL)
			json_object_set_new(object, cases[i].name,
			    json_loads(cases[i].value, JSON_DECODE_ANY, NULL));
		char *text = json_dumps(object, 0);
		enum rc rc = settings_parse(span_str(text), &is, &err);
		free(text);
		json_decref(object);
		if (rc == RC_OK)
			fail_msg("%s: %s", cases[i].name, cases[i].value);
		assert_has(err.text, cases[i].says);
	}
}

static void
readers_come_to_the_same_host_by_http(void **state)
{
	static const char *const cases[][3] = {
	    {"https://a.test", "127.0.0.1:80", "http://a.test"},
	    {"https://a.test:8443", "127.0.0.1:8080", "http://a.test:8080"},
	    {"https://[::1]:8443", "[::1]:81", "http://[::1]:81"},
	    {"https://[::1]", "[::]:80", "http://[::1]"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct settings settings SETTINGS_OWNED;
		struct err err = ERR_NONE;
		kit_settings(&settings);
		assert_ok(settings_set(&settings, "url", cases[i][0], &err));
		assert_ok(
		    settings_set(&settings, "http_listen", cases[i][1], &err));
		assert_done(settings_guess_http_url(&settings, &err), err);
		assert_string_equal(settings.http_url, cases[i][2]);
		assert_done(settings_check(&settings, &err), err);
	}
}

static void
what_is_not_json_names_the_line(void **state)
{
	struct settings settings SETTINGS_OWNED;
	struct err err = ERR_NONE;

	settings_init(&settings);
	assert_rc(settings_parse(span_str("{\n\"a\" 1\n}"), &settings, &err),
	    RC_SYNTAX);
	assert_has(err.text, "line 2");
	assert_rc(settings_parse(span_str("[]"), &settings, &err), RC_SYNTAX);
}

static void
a_folder_without_an_authority_says_what_to_do(void **state)
{
	struct settings settings SETTINGS_OWNED;
	struct err err = ERR_NONE;

	settings_init(&settings);
	assert_rc(settings_load("/nowhere", &settings, &err), RC_ABSENT);
	assert_has(err.text, "letterlock-authority init");
}

static void
places_are_host_and_port(void **state)
{
	struct settings_place place;
	struct err err = ERR_NONE;

	assert_ok(settings_place("127.0.0.1:25", &place, &err));
	assert_string_equal(place.host, "127.0.0.1");
	assert_int_equal(place.port, 25);
	assert_ok(settings_place("[::1]:65535", &place, &err));
	assert_string_equal(place.host, "::1");
	assert_int_equal(place.port, 65535);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(settings_come_back_as_they_were),
	    cmocka_unit_test(a_wrong_setting_is_named),
	    cmocka_unit_test(readers_come_to_the_same_host_by_http),
	    cmocka_unit_test(what_is_not_json_names_the_line),
	    cmocka_unit_test(a_folder_without_an_authority_says_what_to_do),
	    cmocka_unit_test(places_are_host_and_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
