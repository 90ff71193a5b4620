/* authority/testkit_priv -- a folder, a founded authority and the openssl
 * program, for this room's tests only.
 */
#ifndef AUTHORITY_TESTKIT_PRIV_H
#define AUTHORITY_TESTKIT_PRIV_H

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "authority/hierarchy.h"
#include "authority/profile.h"
#include "base/expect.h"
#include "os/file.h"
#include "store/postgres_fixture.h"

#define KIT_PASSPHRASE "correct horse battery"
#define KIT_ROUNDS 1000
#define KIT_DOMAIN "authority.test"
#define KIT_URL "https://authority.test:8443"

struct kit {
	char folder[64];
	struct settings settings;
	struct hierarchy hierarchy;
	struct postgres_fixture postgres; /* no URL: the store is SQLite */
	int64_t now;
};

/* Run a command of the shell in the kit's folder; its exit status. */
__attribute__((format(printf, 2, 3))) static inline int
kit_run(const struct kit *kit, const char *format, ...)
{
	char asked[8000], command[8192];
	va_list args;

	va_start(args, format);
	int len = vsnprintf(asked, sizeof(asked), format, args);
	va_end(args);
	assert_in_range(len, 0, (int)sizeof(asked) - 1);
	len = snprintf(command, sizeof(command), "cd '%s' && { %s\n} >out 2>&1",
	    kit->folder, asked);
	assert_in_range(len, 0, (int)sizeof(command) - 1);
	/* NOLINTNEXTLINE(cert-env33-c): a command of the test itself */
	return system(command);
}

/* What the last command printed. */
static inline void
kit_output(const struct kit *kit, char *text, size_t size)
{
	char path[100];
	(void)snprintf(path, sizeof(path), "%s/out", kit->folder);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	size_t len = fread(text, 1, size - 1, file);
	text[len] = '\0';
	(void)fclose(file);
}

#define assert_run(kit, ...)                                           \
	do {                                                           \
		if (kit_run((kit), __VA_ARGS__) != 0) {                \
			char run_text[2000];                           \
			kit_output((kit), run_text, sizeof(run_text)); \
			fail_msg("%s", run_text);                      \
		}                                                      \
	} while (0)

static inline void
kit_read(const struct kit *kit, const char *name, struct buf *out)
{
	struct err err = ERR_NONE;
	char path[200];

	(void)snprintf(path, sizeof(path), "%s/%s", kit->folder, name);
	assert_done(file_read(path, out, &err), err);
}

static inline void
kit_write(const struct kit *kit, const char *name, struct span bytes)
{
	struct err err = ERR_NONE;
	char path[200];

	(void)snprintf(path, sizeof(path), "%s/%s", kit->folder, name);
	assert_done(file_save(path, bytes, 0600, &err), err);
}

static inline void
kit_write_cert(const struct kit *kit, const char *name, X509 *cert)
{
	struct buf pem BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;

	assert_done(hierarchy_print(cert, &pem, &err), err);
	kit_write(kit, name, buf_span(&pem));
}

static inline void
kit_settings(struct settings *settings)
{
	static const char *const values[][2] = {{"domain", KIT_DOMAIN},
	    {"url", KIT_URL}, {"listen", "127.0.0.1:8443"},
	    {"mx_listen", "127.0.0.1:2525"}, {"smarthost", "127.0.0.1:2526"},
	    {"tls_certificate", "/x"}, {"tls_key", "/x"}, {"dkim_key", "/x"},
	    {"dkim_selector", "letterlock"}};
	struct err err = ERR_NONE;

	settings_init(settings);
	for (size_t i = 0; i < COUNT(values); i++)
		assert_done(
		    settings_set(settings, values[i][0], values[i][1], &err),
		    err);
}

static inline struct keys
kit_keys(const struct kit *kit, const char *passphrase)
{
	return (struct keys){.folder = kit->folder,
	    .passphrase = span_str(passphrase),
	    .rounds = KIT_ROUNDS};
}

/* Who issues for mailboxes. */
static inline struct profile_issuer
kit_issuer(const struct kit *kit)
{
	const struct authority_ca *ca = hierarchy_current(&kit->hierarchy);

	return (struct profile_issuer){ca->cert, ca->signer};
}

/* A setup function for cmocka's groups: one authority for all tests. */
static inline int
kit_make(void **state)
{
	struct kit *kit = calloc(1, sizeof(*kit));
	struct err err = ERR_NONE;

	if (kit == NULL)
		return -1;
	(void)snprintf(
	    kit->folder, sizeof(kit->folder), "/tmp/authority-test-XXXXXX");
	if (mkdtemp(kit->folder) == NULL)
		return -1;
	kit->now = (int64_t)time(NULL);
	kit_settings(&kit->settings);
	struct keys keys = kit_keys(kit, KIT_PASSPHRASE);
	if (hierarchy_found(&keys, &kit->settings, kit->now, &err) != RC_OK ||
	    hierarchy_load(&keys, &kit->hierarchy, &err) != RC_OK) {
		print_error("%s\n", err.text);
		return -1;
	}
	*state = kit;
	return 0;
}

/* The same with PostgreSQL as its store. */
static inline int
kit_make_postgres(void **state)
{
	struct err err = ERR_NONE;

	if (kit_make(state) != 0)
		return -1;
	struct kit *kit = *state;
	if (postgres_fixture_start(&kit->postgres) == 0 &&
	    settings_set(&kit->settings, "store", kit->postgres.url, &err) ==
		RC_OK)
		return 0;
	print_error("PostgreSQL does not start\n");
	return -1;
}

/* The next schema_open() finds nothing. */
static inline void
kit_forget(const struct kit *kit)
{
	struct err err = ERR_NONE;

	if (kit->postgres.url[0] == '\0')
		assert_run(kit, "rm -f authority.db*");
	else
		assert_done(postgres_fixture_empty(&kit->postgres, &err), err);
}

static inline int
kit_remove(void **state)
{
	struct kit *kit = *state;

	if (kit->postgres.url[0] != '\0')
		postgres_fixture_stop(&kit->postgres);

	hierarchy_done(&kit->hierarchy);
	settings_done(&kit->settings);
	int failed = kit_run(kit, "cd / && rm -rf '%s'", kit->folder);
	free(kit);
	(void)failed;
	return 0;
}

/* Everything that needs no more of a database than that it is one, with both. */
static inline int
kit_test_both(const struct CMUnitTest *tests, size_t len)
{
	int failed = _cmocka_run_group_tests(
	    "with SQLite", tests, len, kit_make, kit_remove);

	return failed + _cmocka_run_group_tests("with PostgreSQL", tests, len,
			    kit_make_postgres, kit_remove);
}

#endif
