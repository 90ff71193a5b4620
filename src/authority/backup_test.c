/* With both databases; damaged backups: test/authority_keys_test.py. */
#include "authority/backup.h"

#include "authority/issuedkit_priv.h"

/* The folder says which database it is. */
static void
write_settings(const struct kit *kit)
{
	struct buf json BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;

	assert_done(settings_print(&kit->settings, &json, &err), err);
	kit_write(kit, SETTINGS_FILE, buf_span(&json));
}

static int64_t
count(struct sql *sql, const char *what)
{
	struct err err = ERR_NONE;
	int64_t number = -1;

	assert_done(sql_number(sql, what, SQL_NONE, &number, &err), err);
	return number;
}

struct places {
	char backup[100], folder[100], second[100];
};

static void
name_places(const struct kit *kit, struct places *ret)
{
	assert_run(kit, "rm -rf backup new second");
	(void)snprintf(
	    ret->backup, sizeof(ret->backup), "%s/backup", kit->folder);
	(void)snprintf(ret->folder, sizeof(ret->folder), "%s/new", kit->folder);
	(void)snprintf(
	    ret->second, sizeof(ret->second), "%s/second", kit->folder);
}

static void
make_backup(struct shop *shop, const struct places *places)
{
	struct strlist files STRLIST_OWNED = STRLIST_NONE;
	struct err err = ERR_NONE;

	for (int i = 0; i < 3; i++) {
		X509 *cert OWNED(X509_free) = shop_issue(shop, shop->kit->now);
		(void)cert;
	}
	write_settings(shop->kit);
	assert_done(backup_make(shop->kit->folder, &shop->kit->settings,
			places->backup, &files, &err),
	    err);
	assert_in_range(files.len, 11, 20);
	sql_free(shop->sql);
	shop->sql = NULL;
	kit_forget(shop->kit);
}

static void
what_was_there_is_there_again_and_goes_on(void **state)
{
	struct shop shop SHOP_OWNED = {0};
	struct places places;
	struct err err = ERR_NONE;

	name_places(*state, &places);
	shop_init(&shop, state);
	make_backup(&shop, &places);
	assert_done(backup_restore(places.backup, places.folder, &err), err);
	assert_done(
	    schema_open(places.folder, &shop.kit->settings, &shop.sql, &err),
	    err);
	assert_int_equal(
	    count(shop.sql, "SELECT count(*) FROM certificate"), 3);
	assert_int_equal(count(shop.sql, "SELECT count(*) FROM acme_order"), 3);
	X509 *next OWNED(X509_free) = shop_issue(&shop, shop.kit->now);
	assert_non_null(next);
	assert_int_equal(count(shop.sql, "SELECT max(id) FROM certificate"), 4);
}

static void
a_database_elsewhere_must_be_empty(void **state)
{
	const struct kit *kit = *state;
	struct shop shop SHOP_OWNED = {0};
	struct places places;
	struct err err = ERR_NONE;

	name_places(kit, &places);
	shop_init(&shop, state);
	make_backup(&shop, &places);
	assert_done(backup_restore(places.backup, places.folder, &err), err);
	enum rc rc = backup_restore(places.backup, places.second, &err);
	assert_rc(rc, kit->settings.store != NULL ? RC_REFUSED : RC_OK);
	if (rc != RC_REFUSED)
		return;
	assert_has(err.text, "is not empty");
	assert_run(kit, "! test -e second/" SETTINGS_FILE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_there_is_there_again_and_goes_on),
	    cmocka_unit_test(a_database_elsewhere_must_be_empty),
	};

	return kit_test_both(tests, COUNT(tests));
}
