#include "authority/metrics.h"

#include "authority/testkit_priv.h"

static void
print(const struct kit *kit, struct buf *out, const char **ret)
{
	struct err err = ERR_NONE;

	assert_done(
	    metrics_print(&kit->hierarchy, kit->folder, kit->now, out, &err),
	    err);
	assert_done(buf_str(out, ret, &err), err);
}

static void
every_request_is_counted_by_kind_and_result(void **state)
{
	struct buf before BUF_OWNED = BUF_SMALL, after BUF_OWNED = BUF_SMALL;
	const char *text;

	print(*state, &before, &text);
	assert_has(text,
	    "letterlock_requests_total{request=\"tsa\",result=\"ok\"} 0\n");
	metrics_count(METRICS_TSA, true);
	metrics_count(METRICS_TSA, true);
	metrics_count(METRICS_TSA, false);
	metrics_count(METRICS_OTHER, false);
	print(*state, &after, &text);
	assert_has(text,
	    "letterlock_requests_total{request=\"tsa\",result=\"ok\"} 2\n");
	assert_has(text,
	    "letterlock_requests_total{request=\"tsa\",result=\"refused\"} "
	    "1\n");
	assert_has(text,
	    "letterlock_requests_total{request=\"other\",result=\"refused\"} "
	    "1\n");
	assert_has(text,
	    "letterlock_requests_total{request=\"ocsp\",result=\"ok\"} 0\n");
	assert_null(strstr(text, "(null)"));
}

static void
a_path_says_what_was_asked_for(void **state)
{
	static const struct {
		const char *path;
		enum metrics_what want;
	} cases[] = {
	    {"/acme/new-order", METRICS_ACME_ORDER},
	    {"/acme/order/x", METRICS_ACME_ORDER},
	    {"/acme/orders/x", METRICS_ACME_OTHER},
	    {"/acme/directory", METRICS_ACME_OTHER},
	    {"/tsa", METRICS_TSA},
	    {"/ocsp/MEUw", METRICS_OCSP},
	    {"/directory/v1", METRICS_LOOKUP},
	    {"/", METRICS_OTHER},
	    {"", METRICS_OTHER},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(metrics_of_path(cases[i].path), cases[i].want);
}

static void
the_end_of_each_certificate_is_told(void **state)
{
	struct buf out BUF_OWNED = BUF_SMALL;
	const struct kit *kit = *state;
	const char *text;
	char want[200];

	print(kit, &out, &text);
	(void)snprintf(want, sizeof(want),
	    "letterlock_certificate_seconds_left{certificate=\"%s\"} %d\n",
	    kit->hierarchy.issuing[0].id, 10 * 365 * 86400 - 1);
	assert_has(text, want);
	assert_has(text, "{certificate=\"root\"} 630719999\n");
	assert_null(strstr(text, "{list="));
	assert_has(text, "{certificate=\"tsa\"} ");
}

/* The grammar of the format, line by line. */
static void
every_line_is_one_of_the_format(void **state)
{
	struct buf out BUF_OWNED = BUF_SMALL;
	const char *text;

	print(*state, &out, &text);
	kit_write(*state, "metrics", buf_span(&out));
	assert_run(*state,
	    "! grep -nvE '^# (HELP [a-z_]+ .+|TYPE [a-z_]+ (counter|gauge))$|"
	    "^[a-z_]+([{][a-z]+=\"[^\"]*\"(,[a-z]+=\"[^\"]*\")*[}])? "
	    "-?[0-9]+([.][0-9]+)?$' metrics");
	assert_run(*state, "test -z \"$(tail -c 1 metrics)\" && "
			   "grep -q '^process_cpu_seconds_total' metrics");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_request_is_counted_by_kind_and_result),
	    cmocka_unit_test(a_path_says_what_was_asked_for),
	    cmocka_unit_test(the_end_of_each_certificate_is_told),
	    cmocka_unit_test(every_line_is_one_of_the_format),
	};

	return cmocka_run_group_tests(tests, kit_make, kit_remove);
}
