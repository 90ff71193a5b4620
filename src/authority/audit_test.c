#include "authority/audit_verify.h"

#include "authority/audit.h"
#include "authority/audit_seal.h"
#include "authority/issuedkit_priv.h"
#include "authority/tsa.h"
#include "os/clock.h"

/* An authority with a log of some acts. */
struct log {
	struct shop shop;
	struct audit_sealer sealer;
	struct certs roots;
	int64_t time; /* what the sealer is told */
};

#define LOG_OWNED __attribute__((cleanup(log_done)))

static void
log_done(struct log *log)
{
	certs_done(&log->roots);
	shop_done(&log->shop);
}

static int64_t
time_of(void *context)
{
	return ((struct log *)context)->time;
}

static void
log_init(struct log *log, void **state)
{
	struct buf pem BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;
	struct kit *kit = *state;

	shop_init(&log->shop, state);
	assert_run(kit, "rm -f " AUDIT_HEAD);
	log->time = clock_now();
	log->sealer = (struct audit_sealer){.folder = kit->folder,
	    .stamper = tsa_stamper(&kit->hierarchy),
	    .time = time_of,
	    .context = log};
	kit_read(kit, "root.pem", &pem);
	assert_done(certs_parse(&log->roots, buf_span(&pem), &err), err);
}

static void
add(struct log *log, const char *object)
{
	struct audit_act act = {.actor = "operator test",
	    .act = "approve",
	    .object = object,
	    .now = log->time};
	struct err err = ERR_NONE;

	assert_done(audit_add(log->shop.sql, &act, &err), err);
}

static void
seal(struct log *log)
{
	struct err err = ERR_NONE;

	assert_done(
	    audit_seal(&log->sealer, log->shop.sql, log->time, &err), err);
}

/* The beginning, three acts, a certificate and its revocation, in two
 * batches. */
static void
fill(struct log *log)
{
	add(log, "a@x.test");
	add(log, "b@x.test");
	seal(log);
	X509 *cert OWNED(X509_free) =
	    shop_issue(&log->shop, log->shop.kit->now);
	shop_revoke(&log->shop, cert, REVOKED_KEY_COMPROMISE, log->time);
	add(log, "c@x.test");
	seal(log);
}

static void
verify(struct log *log, struct audit_report *ret)
{
	struct err err = ERR_NONE;

	assert_done(audit_verify(log->shop.sql, log->shop.kit->folder,
			&log->roots, ret, &err),
	    err);
}

static void
tamper(struct log *log, const char *statement)
{
	struct err err = ERR_NONE;

	assert_done(sql_run(log->shop.sql, statement, &err), err);
}

static void
what_was_written_is_found_as_it_was(void **state)
{
	struct audit_report report AUDIT_REPORT_OWNED = {0};
	struct log log LOG_OWNED = {0};

	log_init(&log, state);
	fill(&log);
	add(&log, "d@x.test");
	verify(&log, &report);
	assert_int_equal(report.faults, 0);
	assert_int_equal(report.entries, 6);
	assert_int_equal(report.seals, 2);
	assert_int_equal(report.sealed, 6);
	assert_in_range(report.sealed_at, log.time - 1, log.time + 1);
	assert_int_equal(report.open, 1);
	assert_int_equal(report.oldest_open, log.time);
	assert_int_equal(report.certificates, 1);
	assert_int_equal(report.revocations, 1);
}

static void
nothing_new_makes_no_seal(void **state)
{
	struct audit_report report AUDIT_REPORT_OWNED = {0};
	struct log log LOG_OWNED = {0};

	log_init(&log, state);
	fill(&log);
	seal(&log);
	verify(&log, &report);
	assert_int_equal(report.seals, 2);
}

static void
without_a_clock_the_chain_goes_on_and_the_seal_comes_later(void **state)
{
	struct audit_report before AUDIT_REPORT_OWNED = {0};
	struct audit_report after AUDIT_REPORT_OWNED = {0};
	struct log log LOG_OWNED = {0};

	log_init(&log, state);
	fill(&log);
	int64_t now = log.time;
	log.time = 0;
	add(&log, "later");
	seal(&log);
	verify(&log, &before);
	assert_int_equal(before.entries, 7);
	assert_int_equal(before.sealed, 6);
	log.time = now;
	seal(&log);
	verify(&log, &after);
	assert_int_equal(after.sealed, 7);
	assert_int_equal(after.faults, 0);
}

/* Whoever can write to the database, and what verify says of it. */
static const struct {
	const char *name;
	const char *statement;
	const char *says;
} attacks[] = {
    {"another text", "UPDATE audit SET object = 'x@x.test' WHERE position = 3",
	"entry 3 is not as it was sealed"},
    {"another detail",
	"UPDATE audit SET detail = 'superseded' WHERE act = 'revoke'",
	"entry 5 is not as it was sealed"},
    {"another actor", "UPDATE audit SET actor = 'x' WHERE position = 2",
	"entry 2 is not as it was sealed"},
    {"another time", "UPDATE audit SET at = at + 1 WHERE position = 6",
	"entry 6 is not as it was sealed"},
    {"another hash",
	"UPDATE audit SET hash = (SELECT hash FROM audit WHERE position = 2)"
	" WHERE position = 3",
	"entry 3 is not as it was sealed"},
    {"no hash", "UPDATE audit SET hash = NULL WHERE position = 3",
	"entry 3 is not as it was sealed"},
    {"cut in the middle", "DELETE FROM audit WHERE position = 3",
	"entries 3 to 3 are not there"},
    {"cut at the beginning", "DELETE FROM audit WHERE position < 3",
	"entries 1 to 2 are not there"},
    {"cut at the end", "DELETE FROM audit WHERE position = 6",
	"ends with entry 5"},
    {"cut at the end with its seal",
	"DELETE FROM audit WHERE position > 3;"
	" DELETE FROM audit_batch WHERE position > 3",
	"ends with entry 3"},
    {"all of it", "DELETE FROM audit; DELETE FROM audit_batch",
	"the log is empty"},
    {"taken out of the chain",
	"UPDATE audit SET position = NULL, hash = NULL WHERE position = 3",
	"entries 3 to 3 are not there"},
    {"hidden before the chain",
	"UPDATE audit SET position = -1 WHERE position = 3",
	"1 entries have impossible places"},
    {"two exchanged",
	"UPDATE audit SET position = 100 WHERE position = 2;"
	" UPDATE audit SET position = 2 WHERE position = 3;"
	" UPDATE audit SET position = 3 WHERE position = 100",
	"entry 2 is not as it was sealed"},
    {"one put in",
	"UPDATE audit SET position = 7 WHERE position = 6;"
	" INSERT INTO audit"
	" (at, actor, act, object, detail, position, hash)"
	" SELECT at, 'x', act, object, detail, 6, hash FROM audit"
	" WHERE position = 7",
	"entry 6 is not as it was sealed"},
    {"a seal of another entry",
	"UPDATE audit_batch SET position = 4 WHERE position = 3",
	"the seal of entry 4"},
    {"a broken seal",
	"UPDATE audit_batch SET token = (SELECT hash FROM audit"
	" WHERE position = 1) WHERE position = 3",
	"the seal of entry 3"},
    {"a seal between others taken away",
	"DELETE FROM audit_batch WHERE position = 3",
	"the seal before that of entry 6 is not there"},
    {"a seal between others taken away, and its name",
	"DELETE FROM audit_batch WHERE position = 3;"
	" UPDATE audit_batch SET previous = NULL",
	"the seal of entry 6"},
    {"a seal without the name of the one before",
	"UPDATE audit_batch SET previous = NULL WHERE position = 6",
	"the seal of entry 6 does not name the one before"},
    {"a seal with half a name",
	"UPDATE audit_batch SET previous = token WHERE position = 6",
	"the seal before that of entry 6 is not there"},
    {"the last seal taken away", "DELETE FROM audit_batch WHERE position = 6",
	"the seal of entry 6, which audit.head knows"},
    {"a seal of nothing",
	"INSERT INTO audit_batch (position, at, token)"
	" SELECT 1000, at, token FROM audit_batch"
	" WHERE position = 3",
	"1 seals are of entries that are not there"},
    {"a certificate taken away",
	"DELETE FROM revocation;"
	" UPDATE acme_order SET certificate = NULL;"
	" DELETE FROM directory; DELETE FROM certificate",
	"entry 4: its certificate"},
    {"a revocation taken away", "DELETE FROM revocation",
	"entry 5: its revocation"},
    {"a certificate that nobody issued",
	"UPDATE certificate SET serial = key_sha256", "is 0 times in the log"},
    {"a revocation that nobody made",
	"UPDATE revocation SET serial = (SELECT key_sha256 FROM certificate)",
	"revocation"},
    {"a certificate written down twice",
	"INSERT INTO audit (at, actor, act, object, detail)"
	" SELECT at, actor, act, object, detail FROM audit"
	" WHERE act = 'issue'",
	"is 2 times in the log"},
};

static bool
says(const struct audit_report *report, const char *want)
{
	for (size_t i = 0; i < report->fault.len; i++)
		if (strstr(report->fault.item[i], want) != NULL)
			return true;
	return false;
}

static void
whatever_is_done_to_the_database_is_found(void **state)
{
	struct log log LOG_OWNED = {0};
	struct err err = ERR_NONE;

	log_init(&log, state);
	fill(&log);
	for (size_t i = 0; i < COUNT(attacks); i++) {
		struct audit_report report AUDIT_REPORT_OWNED = {0};
		struct sql_act act SQL_ACT_OWNED = SQL_ACT; /* undone */
		assert_ok(sql_act_begin(log.shop.sql, &act, &err));
		tamper(&log, attacks[i].statement);
		verify(&log, &report);
		if (!says(&report, attacks[i].says))
			fail_msg("%s: got \"%s\", want \"%s\"", attacks[i].name,
			    report.fault.len > 0 ? report.fault.item[0] : "",
			    attacks[i].says);
	}
	struct audit_report report AUDIT_REPORT_OWNED = {0};
	verify(&log, &report);
	assert_int_equal(report.faults, 0);
}

/* What somebody has to do who wants an authority to seal a log that was cut. */
static const struct {
	const char *name;
	const char *statement;
} launderings[] = {
    {"the end is sealed anew",
	"DELETE FROM audit_batch WHERE position > 3;"
	" UPDATE audit SET position = NULL, hash = NULL WHERE position > 3;"
	" UPDATE audit SET object = 'x@x.test' WHERE object = 'c@x.test'"},
    {"the end is cut off", "DELETE FROM audit_batch WHERE position > 3;"
			   " DELETE FROM audit WHERE position > 3"},
    {"all begins anew", "DELETE FROM audit_batch;"
			" UPDATE audit SET position = NULL, hash = NULL"},
    {"the last hash is gone",
	"UPDATE audit SET hash = NULL WHERE position = 6"},
};

static void
a_log_that_was_cut_is_not_sealed_again(void **state)
{
	struct log log LOG_OWNED = {0};
	struct err err = ERR_NONE;

	log_init(&log, state);
	fill(&log);
	for (size_t i = 0; i < COUNT(launderings); i++) {
		struct audit_report report AUDIT_REPORT_OWNED = {0};
		struct sql_act act SQL_ACT_OWNED = SQL_ACT; /* undone */
		assert_ok(sql_act_begin(log.shop.sql, &act, &err));
		tamper(&log, launderings[i].statement);
		add(&log, "later@x.test");
		if (audit_seal(&log.sealer, log.shop.sql, log.time, &err) !=
		    RC_UNFIT)
			fail_msg("%s: was sealed", launderings[i].name);
		assert_has(err.text, "audit.head");
		verify(&log, &report);
		assert_true(report.faults > 0);
	}
	/* and what nobody touched goes on */
	add(&log, "later@x.test");
	seal(&log);
}

/* With the program itself somebody can make a log anew, but not our seals. */
static void
a_log_made_anew_is_found_by_its_head(void **state)
{
	struct audit_report report AUDIT_REPORT_OWNED = {0};
	struct log log LOG_OWNED = {0};
	struct buf head BUF_OWNED = BUF_SMALL;

	log_init(&log, state);
	fill(&log);
	kit_read(log.shop.kit, AUDIT_HEAD, &head);
	tamper(&log,
	    "DELETE FROM audit_batch; UPDATE audit SET position = NULL;"
	    "UPDATE audit SET object = 'x' WHERE act = 'approve'");
	assert_run(log.shop.kit, "rm " AUDIT_HEAD);
	seal(&log);
	kit_write(log.shop.kit, AUDIT_HEAD, buf_span(&head));
	verify(&log, &report);
	assert_int_equal(report.faults, 2);
	assert_has(report.fault.item[0],
	    "entry 6 is another one than audit.head knows");
	assert_has(report.fault.item[1],
	    "the seal of entry 6 is another one than audit.head knows");
}

/* Whoever takes the newest seal away before the next one is made. */
static void
the_next_seal_names_the_one_that_was_taken_away(void **state)
{
	struct audit_report report AUDIT_REPORT_OWNED = {0};
	struct log log LOG_OWNED = {0};

	log_init(&log, state);
	fill(&log);
	tamper(&log, "DELETE FROM audit_batch WHERE position = 6");
	add(&log, "d@x.test");
	seal(&log);
	verify(&log, &report);
	assert_int_equal(report.faults, 1);
	assert_has(
	    report.fault.item[0], "the seal before that of entry 7 is not");
}

static void
stamp_alone(struct log *log, struct span hash, struct buf *token)
{
	struct buf request BUF_OWNED = BUF_SMALL;
	struct buf response BUF_OWNED = BUF_SMALL;
	struct stamp_nonce nonce = {.bytes = {1}};
	uint8_t imprint[32], serial[16] = {1};
	struct err err = ERR_NONE;

	assert_ok(audit_seal_name(hash, imprint, &err));
	assert_ok(stamp_request(imprint, &nonce, &request, &err));
	assert_ok(stamp_answer(&log->sealer.stamper, buf_span(&request),
	    log->time, serial, &response, &err));
	assert_ok(stamp_response(
	    buf_span(&response), imprint, &nonce, log->time, token, &err));
}

/* The seal at 3 becomes one of the time before. */
static void
make_old(struct log *log)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	struct buf token BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;

	assert_ok(sql_select(log->shop.sql,
	    "SELECT hash FROM audit WHERE position = 3", SQL_NONE, &rows,
	    &err));
	assert_ok(sql_rows_next(rows, &err));
	stamp_alone(log, sql_rows_bytes(rows, 0), &token);
	assert_ok(sql_change(log->shop.sql,
	    "UPDATE audit_batch SET token = ?, previous = NULL",
	    SQL_VALUES(SQL_BLOB(buf_span(&token))), &err));
}

static void
seals_from_before_they_had_names_still_hold(void **state)
{
	struct audit_report report AUDIT_REPORT_OWNED = {0};
	struct audit_report after AUDIT_REPORT_OWNED = {0};
	struct log log LOG_OWNED = {0};

	log_init(&log, state);
	add(&log, "a@x.test");
	add(&log, "b@x.test");
	seal(&log);
	make_old(&log);
	assert_run(log.shop.kit, "cut -d' ' -f1,2 <" AUDIT_HEAD " >old &&"
				 " mv old " AUDIT_HEAD);
	add(&log, "c@x.test");
	seal(&log);
	verify(&log, &report);
	assert_int_equal(report.faults, 0);
	assert_int_equal(report.seals, 2);
	tamper(&log, "DELETE FROM audit_batch WHERE position = 3");
	verify(&log, &after);
	assert_int_equal(after.faults, 1);
	assert_has(after.fault.item[0], "the seal before that of entry 4");
}

static void
the_seals_of_another_authority_are_none(void **state)
{
	struct audit_report report AUDIT_REPORT_OWNED = {0};
	struct log log LOG_OWNED = {0};

	log_init(&log, state);
	fill(&log);
	certs_done(&log.roots);
	log.roots = CERTS_NONE;
	verify(&log, &report);
	assert_int_equal(report.faults, 3);
	assert_has(report.fault.item[0], "not of our timestamp authority");
}

static void
openssl_verifies_a_seal(void **state)
{
	struct log log LOG_OWNED = {0};
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	struct buf stamped BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;

	log_init(&log, state);
	fill(&log);
	assert_done(
	    sql_select(log.shop.sql,
		"SELECT b.token, a.hash, b.previous FROM audit_batch AS b"
		" JOIN audit AS a ON a.position = b.position"
		" WHERE b.position = 6",
		SQL_NONE, &rows, &err),
	    err);
	assert_done(sql_rows_next(rows, &err), err);
	kit_write(log.shop.kit, "seal.token", sql_rows_bytes(rows, 0));
	assert_ok(buf_add(&stamped, sql_rows_bytes(rows, 1), &err));
	assert_ok(buf_add(&stamped, sql_rows_bytes(rows, 2), &err));
	kit_write(log.shop.kit, "seal.content", buf_span(&stamped));
	assert_run(log.shop.kit,
	    "openssl ts -verify -token_in -in seal.token -data seal.content"
	    " -CAfile root.pem -untrusted tsa-ca.pem");
}

static void
a_text_that_is_too_long_is_refused(void **state)
{
	struct log log LOG_OWNED = {0};
	struct err err = ERR_NONE;
	char text[AUDIT_TEXT_MAX + 2];

	log_init(&log, state);
	memset(text, 'x', sizeof(text));
	text[AUDIT_TEXT_MAX] = '\0';
	add(&log, text);
	text[AUDIT_TEXT_MAX] = 'x';
	text[AUDIT_TEXT_MAX + 1] = '\0';
	struct audit_act act = {.actor = "x", .act = "x", .object = text};
	assert_rc(audit_add(log.shop.sql, &act, &err), RC_LIMIT);
	assert_has(err.text, "2000 bytes");
}

static void
a_head_is_read_as_it_was_written_and_not_otherwise(void **state)
{
	static const char *const bad[] = {
	    "", "1", "1 \n", "x 00\n", "1 00\n", " 00\n", "1 zz\n"};
	struct audit_head head = {.position = 1234567890123}, got = {0};
	struct err err = ERR_NONE;

	memset(head.hash, 0xa5, sizeof(head.hash));
	memset(head.seal, 0x5a, sizeof(head.seal));
	for (int i = 0; i < 2; i++) {
		struct buf text BUF_OWNED = BUF_SMALL;
		head.has_seal = i == 1;
		assert_ok(audit_head_print(&head, &text, &err));
		assert_ok(audit_head_parse(buf_span(&text), &got, &err));
		assert_true(got.position == 1234567890123);
		assert_memory_equal(got.hash, head.hash, sizeof(head.hash));
		assert_true(got.has_seal == head.has_seal);
		for (size_t len = 0; len < text.len; len++)
			assert_rc(audit_head_parse(
				      span_of(text.data, len), &got, &err),
			    RC_SYNTAX);
		assert_ok(buf_add_byte(&text, '\n', &err));
		assert_rc(
		    audit_head_parse(buf_span(&text), &got, &err), RC_SYNTAX);
	}
	assert_memory_equal(got.seal, head.seal, sizeof(head.seal));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_rc(
		    audit_head_parse(span_str(bad[i]), &got, &err), RC_SYNTAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_written_is_found_as_it_was),
	    cmocka_unit_test(nothing_new_makes_no_seal),
	    cmocka_unit_test(
		without_a_clock_the_chain_goes_on_and_the_seal_comes_later),
	    cmocka_unit_test(whatever_is_done_to_the_database_is_found),
	    cmocka_unit_test(a_log_that_was_cut_is_not_sealed_again),
	    cmocka_unit_test(a_log_made_anew_is_found_by_its_head),
	    cmocka_unit_test(the_next_seal_names_the_one_that_was_taken_away),
	    cmocka_unit_test(seals_from_before_they_had_names_still_hold),
	    cmocka_unit_test(the_seals_of_another_authority_are_none),
	    cmocka_unit_test(openssl_verifies_a_seal),
	    cmocka_unit_test(a_text_that_is_too_long_is_refused),
	    cmocka_unit_test(
		a_head_is_read_as_it_was_written_and_not_otherwise),
	};

	return kit_test_both(tests, COUNT(tests));
}
