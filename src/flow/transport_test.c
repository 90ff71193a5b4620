#include "flow/transport.h"

#include <stdio.h>

#include "base/expect.h"
#include "base/own.h"
#include "mime/scan.h"

OWNER(struct transport, transport_free);
OWNER(struct entity, entity_free);

static struct err err;

#define U TRANSPORT_UNKNOWN
#define P TRANSPORT_PASS
#define F TRANSPORT_FAIL

/* --- hearing ---------------------------------------------------------------------- */

#define REST \
	"From: Alice <alice@mail.alpha.test>\r\nSubject: x\r\n\r\nHello.\r\n"

struct heard {
	struct facts facts;
	size_t left; /* Authentication-Results fields that stay */
};

static void
hear(const char *settings, const char *letter, struct heard *ret)
{
	struct trust trust TRUST_OWNED = TRUST_NONE;
	struct transport *transport OWNED(transport_free) = NULL;
	const struct transport_options options = {.trust = &trust};
	struct span bytes EXACT = expect_exact(span_str(letter));
	struct source_memory memory = {.bytes = bytes};
	const struct source source = source_memory(&memory);
	struct entity *outer OWNED(entity_free) = NULL;

	*ret = (struct heard){.left = 0};
	assert_done(trust_parse(span_str(settings), &trust, &err), err);
	assert_done(transport_new(&options, &transport, &err), err);
	assert_done(entity_parse(bytes, ENTITY_LIMITS, &outer, &err), err);
	assert_done(
	    transport_find(transport, &source, outer, &ret->facts, &err), err);
	ret->left = fields_count(&outer->fields, "Authentication-Results");
	assert_int_equal(fields_count(&outer->fields, "From"),
	    strstr(letter, "\nFrom: B") != NULL ? 2 : 1);
}

struct row {
	const char *name, *settings, *letter;
	enum transport_state dkim, spf, dmarc;
	size_t left;
};

static void
expect_rows(const struct row *rows, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const struct row *row = &rows[i];
		struct heard got;
		hear(row->settings, row->letter, &got);
		if (got.facts.transport.dkim != row->dkim ||
		    got.facts.transport.spf != row->spf ||
		    got.facts.transport.dmarc != row->dmarc)
			fail_msg("%s: got dkim %d spf %d dmarc %d", row->name,
			    (int)got.facts.transport.dkim,
			    (int)got.facts.transport.spf,
			    (int)got.facts.transport.dmarc);
		if (got.left != row->left)
			fail_msg("%s: %zu fields left, want %zu", row->name,
			    got.left, row->left);
	}
}

/* --- what is said ----------------------------------------------------------------- */

#define MX "authserv mx.beta.test"
#define AR "Authentication-Results: mx.beta.test;\r\n "
#define BY_MX \
	"Received: from x by mx.beta.test; Mon, 5 Jan 2026 10:00:00 +0000\r\n"

static const struct row said[] = {
    {"all pass", MX,
	AR "dkim=pass header.d=alpha.test; spf=pass "
	   "smtp.mailfrom=bounce@news.alpha.test;\r\n dmarc=pass (p=none) "
	   "header.from=mail.alpha.test\r\n" BY_MX REST,
	P, P, P, 1},
    {"all fail", MX,
	AR "dkim=fail header.i=@alpha.test; spf=fail "
	   "smtp.mailfrom=mail.alpha.test; dmarc=fail "
	   "header.from=mail.alpha.test\r\n" BY_MX REST,
	F, F, F, 1},
    {"the server's name in capitals", MX,
	"AUTHENTICATION-RESULTS: MX.Beta.Test; dkim=pass "
	"header.d=ALPHA.test\r\n" BY_MX REST,
	P, U, U, 1},
    {"in two fields", MX,
	AR "dkim=pass header.d=alpha.test\r\n" AR
	   "spf=pass smtp.mailfrom=alpha.test\r\n" BY_MX REST,
	P, P, U, 2},
    {"others' domains are not aligned", MX,
	AR "dkim=pass header.d=evil.test; spf=pass smtp.mailfrom=e@evil.test; "
	   "dmarc=pass header.from=evil.test\r\n" BY_MX REST,
	U, U, U, 1},
    {"nor are others below one suffix", MX,
	AR "dkim=pass header.d=b.co.uk\r\n" BY_MX
	   "From: a@a.co.uk\r\n\r\nx\r\n",
	U, U, U, 1},
    {"nor the suffix", MX,
	AR "dkim=pass header.d=co.uk\r\n" BY_MX "From: a@a.co.uk\r\n\r\nx\r\n",
	U, U, U, 1},
    {"nor who hosts many", MX,
	AR "dkim=pass header.d=eve.github.io\r\n" BY_MX
	   "From: a@alice.github.io\r\n\r\nx\r\n",
	U, U, U, 1},
    {"nor who only ends so", MX,
	AR "dkim=pass header.d=notalpha.test\r\n" BY_MX REST, U, U, U, 1},
    {"a domain in its own script", MX,
	AR "dkim=pass header.d=xn--bcher-kva.test\r\n" BY_MX "From: a@b\xc3\xbc"
	   "cher.test\r\n\r\nx\r\n",
	P, U, U, 1},
    {"one good signature is enough", MX,
	AR "dkim=fail header.d=alpha.test; dkim=pass header.d=alpha.test; "
	   "dkim=fail header.d=alpha.test\r\n" BY_MX REST,
	P, U, U, 1},
    {"what is neither", MX,
	AR
	"dkim=temperror header.d=alpha.test; spf=softfail "
	"smtp.mailfrom=alpha.test; dmarc=none header.from=alpha.test\r\n" BY_MX
	    REST,
	U, U, U, 1},
    {"nobody is named", MX, AR "dkim=pass; spf=pass; dmarc=pass\r\n" BY_MX REST,
	U, U, U, 1},
    {"who says hello, if nobody sends", MX,
	AR "spf=pass smtp.helo=mail.alpha.test\r\n" BY_MX REST, U, P, U, 1},
    {"two From fields", MX,
	AR "dkim=pass header.d=alpha.test\r\n" BY_MX "From: Bob "
	   "<b@beta.test>\r\n" REST,
	U, U, U, 1},
    {"two From addresses", MX,
	AR "dkim=pass header.d=alpha.test\r\n" BY_MX
	   "From: a@alpha.test, b@beta.test\r\n\r\nx\r\n",
	U, U, U, 1},
    {"a field that is broken says nothing", MX,
	AR "dkim=pass header.d=alpha.test; spf\r\n" BY_MX REST, U, U, U, 1},
    {"of a later version", MX,
	"Authentication-Results: mx.beta.test 2; dkim=pass "
	"header.d=alpha.test\r\n" BY_MX REST,
	U, U, U, 1},
};

static void
what_a_named_server_says_of_the_senders_domain_counts(void **state)
{
	expect_rows(said, COUNT(said));
}

/* --- who says it ------------------------------------------------------------------- */

#define BOTH "authserv mx.beta.test by mx.beta.test"
#define GOOD "dkim=pass header.d=alpha.test"
#define BAD "dkim=fail header.d=alpha.test"
#define BY(from, host) "Received: from " from " by " host "; x\r\n"
#define LMTP "Received: from mx.beta.test by store (Dovecot) with LMTP; x\r\n"
#define SENDERS "Received: from y by out.alpha.test; x\r\n"

static const struct row who[] = {
    {"nobody was named", "", AR GOOD "\r\n" BY_MX REST, U, U, U, 1},
    {"another server", MX,
	"Authentication-Results: other.test; " GOOD "\r\n" BY_MX REST, U, U, U,
	1},
    {"the sender wrote it, below the door", MX,
	BY_MX AR GOOD "\r\n" SENDERS REST, U, U, U, 0},
    {"the sender wrote it, among its own fields", MX,
	BY_MX SENDERS "From: a@alpha.test\r\n" AR GOOD "\r\n\r\nx\r\n", U, U, U,
	0},
    {"both did", MX, AR BAD "\r\n" BY_MX AR GOOD "\r\n" REST, F, U, U, 1},
    {"the sender's in capitals, with a remark", MX,
	BY_MX "authentication-results : (a) MX.beta.TEST (b) ; " GOOD
	      "\r\n" REST,
	U, U, U, 0},
    {"the sender's is broken too", MX,
	BY_MX "Authentication-Results: mx.beta.test; dkim\r\n" REST, U, U, U,
	0},
    {"another's stays where it is", MX,
	BY_MX "Authentication-Results: alpha.test; none\r\n" REST, U, U, U, 1},
    {"nobody carried it", MX, AR GOOD "\r\n" REST, U, U, U, 0},
    /* behind the server's own Received, where milters put it */
    {"behind the door, by name", BOTH, BY_MX AR GOOD "\r\n" SENDERS REST, P, U,
	U, 1},
    {"and behind the delivery", BOTH, LMTP BY_MX AR GOOD "\r\n" SENDERS REST, P,
	U, U, 1},
    {"above it is as good", BOTH, AR GOOD "\r\n" LMTP BY_MX SENDERS REST, P, U,
	U, 1},
    {"the first one there and no other", BOTH,
	BY_MX AR BAD "\r\n" AR GOOD "\r\n" SENDERS REST, F, U, U, 1},
    {"not behind the next Received", BOTH, BY_MX SENDERS AR GOOD "\r\n" REST, U,
	U, U, 0},
    {"not between two of others", BOTH, LMTP AR GOOD "\r\n" BY_MX REST, U, U, U,
	0},
    {"nor behind one that the sender wrote in its name", BOTH,
	BY_MX SENDERS BY_MX AR GOOD "\r\n" REST, U, U, U, 0},
    {"nor where the name is in a remark", BOTH,
	"Received: from x (by mx.beta.test) by other.test; x\r\n" AR GOOD
	"\r\n" REST,
	U, U, U, 0},
    {"nor where it only begins so", BOTH,
	"Received: from x by mx.beta.test.evil.test; x\r\n" AR GOOD "\r\n" REST,
	U, U, U, 0},
    {"a dot at its end", BOTH, BY("x", "mx.beta.test.") AR GOOD "\r\n" REST, P,
	U, U, 1},
    {"with remarks, and an address", BOTH,
	BY("x [192.0.2.1] (a (b) c) (d)", "mx.beta.test (Postfix)") AR GOOD
	"\r\n" REST,
	P, U, U, 1},
    {"who said no name", BOTH,
	BY("(x.test [192.0.2.1])", "mx.beta.test") AR GOOD "\r\n" REST, P, U, U,
	1},
    {"behind what came from within", BOTH,
	"Received: (qmail 7 invoked from network); x\r\n" BY_MX AR GOOD
	"\r\n" REST,
	P, U, U, 1},
    {"a name of another server", "authserv beta.test by mx.beta.test",
	BY_MX "Authentication-Results: beta.test; " GOOD "\r\n" REST, P, U, U,
	1},
    {"not in another's name behind it",
	"authserv a.test by mx.beta.test\nauthserv mx.beta.test",
	BY_MX AR GOOD "\r\n" REST, U, U, U, 0},
};

static void
only_what_nobody_outside_can_have_written_is_believed(void **state)
{
	expect_rows(who, COUNT(who));
}

/* The sender calls itself what it likes, and some servers write that as it came:
 * the topmost Received of the server must not be passed over, or the sender's
 * own, below it, is the topmost. */
static const char *const hidden[] = {
    BY("by ([192.0.2.1])", "mx.beta.test"),
    BY("by other.test ([192.0.2.1])", "mx.beta.test"),
    BY("x by other.test ([192.0.2.1])", "mx.beta.test"),
    BY("(x) by ([192.0.2.1])", "mx.beta.test"),
    BY("x; by other.test ([192.0.2.1])", "mx.beta.test"),
    BY("( ([192.0.2.1])", "mx.beta.test"),
    BY(") ([192.0.2.1])", "mx.beta.test"),
    BY("x ([192.0.2.1] helo=()", "mx.beta.test"),
    BY("x ([192.0.2.1] helo=\\()", "mx.beta.test"),
    BY("x ([192.0.2.1] helo=\\)", "mx.beta.test (Postfix)"),
    BY("x ([192.0.2.1] helo=y) by other.test ((z)",
	"mx.beta.test with SMTP for <a)@b.test>"),
    BY("x ([192.0.2.1])", "mx.beta.test."),
    BY("x ([192.0.2.1])", "mx.beta.test(Postfix)"),
    BY("x ([192.0.2.1])\r\n", "\tMX.Beta.Test"),
};

static void
no_name_of_the_sender_hides_the_border(void **state)
{
	for (size_t i = 0; i < COUNT(hidden); i++) {
		struct buf letter BUF_OWNED = BUF_SMALL;
		const char *text = NULL;
		struct heard got;
		assert_ok(buf_add_str(&letter, LMTP, NULL));
		assert_ok(buf_add_str(&letter, hidden[i], NULL));
		assert_ok(
		    buf_add_str(&letter, BY_MX AR GOOD "\r\n" REST, NULL));
		assert_ok(buf_str(&letter, &text, NULL));
		hear(BOTH, text, &got);
		if (got.facts.transport.dkim != TRANSPORT_UNKNOWN ||
		    got.left != 0)
			fail_msg("%s: got %d, %zu fields left", hidden[i],
			    (int)got.facts.transport.dkim, got.left);
	}
}

/* --- limits ------------------------------------------------------------------------ */

static void
so_many_fields_are_read_and_no_more(void **state)
{
	for (size_t more = 0; more < 2; more++) {
		struct buf letter BUF_OWNED = BUF_SMALL;
		const char *text = NULL;
		struct heard got;
		for (size_t i = 1; i < TRANSPORT_FIELDS_MAX + more; i++)
			assert_ok(buf_add_str(&letter, AR "none\r\n", NULL));
		assert_ok(
		    buf_add_str(&letter, AR GOOD "\r\n" BY_MX REST, NULL));
		assert_ok(buf_str(&letter, &text, NULL));
		hear(MX, text, &got);
		assert_int_equal(got.facts.transport.dkim,
		    more == 0 ? TRANSPORT_PASS : TRANSPORT_UNKNOWN);
		assert_int_equal(got.left, TRANSPORT_FIELDS_MAX);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		what_a_named_server_says_of_the_senders_domain_counts),
	    cmocka_unit_test(
		only_what_nobody_outside_can_have_written_is_believed),
	    cmocka_unit_test(no_name_of_the_sender_hides_the_border),
	    cmocka_unit_test(so_many_fields_are_read_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
