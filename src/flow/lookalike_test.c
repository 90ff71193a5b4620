#include "flow/lookalike.h"

#include <stdio.h>

#include "base/expect.h"
#include "base/own.h"

OWNER(struct lookalike, lookalike_free);

struct row {
	const char *name;    /* display name; "" for none */
	const char *address; /* local@domain */
	const char *want;    /* the rule, "none", "slip weak" */
	const char *of;
};

static struct lookalike *
readers(void)
{
	static const char *const known[][2] = {
	    {"alice.cooper@alpha-trading.test", "Alice Cooper"},
	    {"bob@beta.test", "Bob Baker"},
	    {"carol.danvers@gmail.com", "Carol Danvers"},
	    {"wang@gamma.test", "王小明"},
	    {"billing@northwindworks.test", "Customer Service"},
	    {"sensei@mall.test", "Sensei"},
	    {"erika@server12.test", "Erika Mustermann"},
	    {"dmitri@почта.test", "Дмитрий Иванов"},
	    {"info@müller-söhne.test", ""},
	    {"frank@stone.test", "Prof. Frank Stone"},
	    {"gerda@webhandel.de", ""},
	};
	struct lookalike *l = NULL;
	struct err err = ERR_NONE;

	assert_done(lookalike_new(&l, &err), err);
	assert_done(lookalike_add_own(l, span_str("ourfirm.test"), &err), err);
	assert_done(
	    lookalike_add_own(l, span_str("second.example"), &err), err);
	assert_done(lookalike_add_own(l, span_str("kpmx.test"), &err), err);
	for (size_t i = 0; i < COUNT(known); i++)
		assert_done(lookalike_add_known(l, span_str(known[i][0]),
				span_str(known[i][1]), &err),
		    err);
	return l;
}

static enum rc
ask(const struct lookalike *l, const struct row *row,
    struct lookalike_finding *ret)
{
	struct err err = ERR_NONE;
	struct span name EXACT = expect_exact(span_str(row->name));
	struct span address EXACT = expect_exact(span_str(row->address));
	size_t at = address.len;

	while (at > 0 && address.data[at - 1] != '@')
		at--;
	struct lookalike_sender sender = {
	    .local = span_first(address, at > 0 ? at - 1 : 0),
	    .domain = span_after(address, at),
	    .name = name,
	};
	return lookalike_find(l, &sender, ret, &err);
}

/* Says so and returns false if the answer is another than the row's. */
static bool
is_right(const struct lookalike *l, const struct row *row)
{
	struct lookalike_finding f = {.of = ""};
	enum rc rc = ask(l, row, &f);
	char got[64];

	snprintf(got, sizeof(got), "%s%s",
	    rc == RC_OK       ? lookalike_rule_name(f.rule)
	    : rc == RC_ABSENT ? "none"
			      : rc_name(rc),
	    rc == RC_OK && !f.strong ? " weak" : "");
	if (strcmp(got, row->want) == 0 && strcmp(f.of, row->of) == 0)
		return true;
	print_error("%s <%s>: got %s of \"%s\", want %s of \"%s\"\n", row->name,
	    row->address, got, f.of, row->want, row->of);
	return false;
}

#define ALICE "alice.cooper@alpha-trading.test"

static const struct row tricks[] = {
    /* digits and letters that look alike */
    {"", "a@micr0soft.com", "confusable", "Microsoft"},
    {"", "a@paypa1.com", "confusable", "PayPal"},
    {"", "a@paypai.com", "digits", "PayPal"},
    {"", "a@rnicrosoft.com", "confusable", "Microsoft"},
    {"", "a@g00gle.com", "confusable", "Google"},
    {"", "a@goog1e.test", "confusable", "Google"},
    {"", "a@amaz0n.test", "confusable", "Amazon"},
    {"", "a@n3tflix.com", "digits", "Netflix"},
    {"", "a@5amsung.com", "digits", "Samsung"},
    {"", "a@app1e.com", "confusable", "Apple"},
    {"", "a@vvalmart.com", "digits", "Walmart"},
    {"", "a@clropbox.com", "digits", "Dropbox"},
    {"", "a@h5bc.com", "digits", "HSBC"},
    {"", "a@0urfirm.test", "confusable", "ourfirm.test"},
    {"", "a@alpha-trad1ng.test", "digits", "alpha-trading.test"},
    /* the very domain, as nobody writes who has it */
    {"", "bob@beta。test", "confusable", "bob@beta.test"},
    {"", "bob@ｂeta.test", "confusable", "bob@beta.test"},
    {"", "bob@ⓑeta.test", "confusable", "bob@beta.test"},
    {"", "boss@ourfirm．test", "confusable", "ourfirm.test"},
    {"", "info@xn--mller-shne-kcb9d.ｔest", "confusable",
	"info@xn--mller-shne-kcb9d.test"},
    /* other scripts */
    {"", "a@xn--pypal-4ve.com", "confusable", "PayPal"},
    {"", "a@pаypal.com", "confusable", "PayPal"},
    {"", "a@аррӏе.com", "digits", "Apple"},
    {"", "a@gооgle.com", "confusable", "Google"},
    {"", "a@ｐａｙｐａｌ.test", "ending", "PayPal"},
    {"", "a@раураl.com", "confusable", "PayPal"},
    {"", "a@ourfırm.test", "confusable", "ourfirm.test"},
    {"", "a@ɡoogle.com", "confusable", "Google"},
    {"", "a@páypal.com", "digits", "PayPal"},
    {"", "a@mícrosoft.com", "digits", "Microsoft"},
    {"", "a@ᴘaypal.com", "digits", "PayPal"},
    {"", "a@alphа-trading.test", "confusable", "alpha-trading.test"},
    {"", "a@exаmple.com", "scripts", ""},
    {"", "a@shор-now.com", "scripts", ""},
    /* invisible, turned, unreadable */
    {"", "a@pay\u200bpal.com", "invisible", ""},
    {"", "a@exam\u00adple.com", "invisible", ""},
    {"", "a@moc.lapyap\u202e.com", "invisible", ""},
    {"", "a@xn--zzzzzz-99999999.com", "unreadable", ""},
    {"", "a@..com", "unreadable", ""},
    {"", "a\u202eb@example.com", "invisible", ""},
    {"\u202emoc.lapyap", "a@example.com", "turned", ""},
    /* hyphens */
    {"", "a@pay-pal.com", "hyphen", "PayPal"},
    {"", "a@micro-soft.com", "hyphen", "Microsoft"},
    {"", "a@standard-chartered.com", "hyphen", "Standard Chartered"},
    {"", "a@wells-fargo.test", "hyphen", "Wells Fargo"},
    {"", "a@al-phatrading.test", "hyphen", "alpha-trading.test"},
    {"", "a@alphatrading.test", "hyphen", "alpha-trading.test"},
    {"", "a@our-firm.test", "hyphen", "ourfirm.test"},
    {"", "bob@be-ta.test", "hyphen", "beta.test"},
    /* domains inside domains */
    {"", "a@hsbc.com.evil.test", "subdomain", "HSBC"},
    {"", "a@www.paypal.com-secure.test", "subdomain", "PayPal"},
    {"", "a@hsbc-com.test", "subdomain", "HSBC"},
    {"", "a@ourfirm.test.evil.example", "subdomain", "ourfirm.test"},
    {"", "a@mail.alpha-trading.test.evil.example", "subdomain",
	"alpha-trading.test"},
    {"", "a@ourfirm-test.example", "subdomain", "ourfirm.test"},
    {"", "a@paypal.verify.test", "subdomain", "PayPal"},
    {"", "a@ourfirm.verify.test", "subdomain", "ourfirm.test"},
    {"", "a@ourfirm.evil.example", "subdomain weak", "ourfirm.test"},
    {"", "gerda@webhandel.evil.example", "subdomain", "webhandel.de"},
    {"", "a@pay.pal.com", "subdomain", "PayPal"},
    {"", "a@hs.bc.test", "subdomain", "HSBC"},
    {"", "a@hsbc.com.tk", "subdomain", "HSBC"},
    /* words */
    {"", "a@paypal-secure.test", "words", "PayPal"},
    {"", "a@secure-paypal.test", "words", "PayPal"},
    {"", "a@paypalsecurity.com", "words", "PayPal"},
    {"", "a@accountmicrosoft.com", "words", "Microsoft"},
    {"", "a@hsbc-security.com", "words", "HSBC"},
    {"", "a@apple-support.com", "words", "Apple"},
    {"", "a@applesupport.test", "words", "Apple"},
    {"", "a@chase-verify.com", "words", "JPMorgan"},
    {"", "a@dhl-delivery.test", "words", "DHL"},
    {"", "a@hsbc24.test", "words", "HSBC"},
    {"", "a@ourfirm-invoice.test", "words", "ourfirm.test"},
    {"", "a@alpha-trading-payments.test", "words", "alpha-trading.test"},
    {"", "a@paypal-secure.evil.test", "words", "PayPal"},
    {"", "a@paypal-signup.test", "words", "PayPal"},
    {"", "a@securepaypallogin.test", "words", "PayPal"},
    {"", "a@securepaypal-login.test", "words", "PayPal"},
    {"", "a@myourfirm.test", "words", "ourfirm.test"},
    {"", "a@ourfirmhr.test", "words", "ourfirm.test"},
    {"", "a@ourfirm-vpn.test", "words", "ourfirm.test"},
    {"", "a@download-hsbc.com", "words", "HSBC"},
    {"", "a@ourfirm-ceo.test", "words", "ourfirm.test"},
    {"", "a@ourfirm24.test", "words", "ourfirm.test"},
    {"", "bob@beta-login.example", "words", "beta.test"},
    {"", "bob@securebeta.example", "words", "beta.test"},
    {"", "a@micr0soft-fans.test", "digits", "Microsoft"},
    {"", "a@paypal-haters.test", "words weak", "PayPal"},
    /* other endings */
    {"", "a@paypal.test", "ending", "PayPal"},
    {"", "a@hsbc.info", "ending", "HSBC"},
    {"", "a@microsoft.xyz", "ending", "Microsoft"},
    {"", "a@paypal.co", "ending", "PayPal"},
    {"", "a@paypal.cm", "ending", "PayPal"},
    {"", "a@apple.support", "ending", "Apple"},
    {"", "a@ourfirm.com", "ending", "ourfirm.test"},
    {"", "a@paypal.github.io", "ending", "PayPal"},
    {"", "alice.cooper@alpha-trading.com", "ending", "alpha-trading.test"},
    {"", "gerda@webhandel.at", "ending", "webhandel.de"},
    {"", "a@webhandel.com", "ending weak", "webhandel.de"},
    {"", "a@webhandel.xyz", "ending", "webhandel.de"},
    {"", "bob@beta.com", "ending", "beta.test"},
    {"", "eve@alpha-trading.com", "ending weak", "alpha-trading.test"},
    /* slips of the finger */
    {"", "a@paypla.com", "slip", "PayPal"},
    {"", "a@paypall.com", "slip", "PayPal"},
    {"", "a@payal.com", "slip", "PayPal"},
    {"", "a@micosoft.com", "slip", "Microsoft"},
    {"", "a@mircosoft.test", "slip", "Microsoft"},
    {"", "a@standartcharterd.com", "slip", "Standard Chartered"},
    {"", "a@ourfim.test", "slip", "ourfirm.test"},
    {"", "a@alpha-tradng.test", "slip", "alpha-trading.test"},
    {"", "a@alpha-tardign.test", "slip", "alpha-trading.test"},
    {"", "bob@bets.test", "slip", "beta.test"},
    {"", "a@mircosoft-support.test", "slip", "Microsoft"},
    {"", "a@secure-amazn.test", "slip", "Amazon"},
    {"", "a@appple.com", "slip", "Apple"},
    {"", "a@ebbay.com", "slip", "eBay"},
    {"", "a@hbsc.com", "slip", "HSBC"},
    {"", "a@gihtub.com", "slip", "GitHub"},
    {"", "a@gmaill.com", "slip", "Google"},
    {"", "a@micosft.com", "slip", "Microsoft"},
    {"", "a@ourfïm.test", "slip", "ourfirm.test"},
    {"", "a@kpnx.test", "slip", "kpmx.test"},
    {"", "a@northwindwroks.test", "slip", "northwindworks.test"},
    /* before the @ */
    {"", "security.hsbc.com@evil.test", "local", "HSBC"},
    {"", "alice_alpha-trading.test@evil.test", "local", "alpha-trading.test"},
    {"", "ceo.ourfirm.test@evil.example", "local", "ourfirm.test"},
    {"", "paypal-service@gmail.com", "local", "PayPal"},
    {"", "hsbc.support@outlook.com", "local", "HSBC"},
    {"", "carol_danvers@gmail.com", "local", "carol.danvers@gmail.com"},
    {"", "car0l.danvers@gmail.com", "local", "carol.danvers@gmail.com"},
    {"", "аlice.cooper@alpha-trading.test", "local", ALICE},
    /* names */
    {"Alice Cooper", "boss@free.test", "person", ALICE},
    {"Cooper, Alice", "boss@gmail.com", "person", ALICE},
    {"Alice Cooper (CEO)", "boss@free.test", "person", ALICE},
    {"Dr. Alice B. Cooper", "boss@free.test", "person", ALICE},
    {"Аlice Cооper", "boss@free.test", "person", ALICE},
    {"ALICE  COOPER", "boss@free.test", "person", ALICE},
    {"Al\u200bice Cooper", "boss@free.test", "person", ALICE},
    {"Carol Danvers", "carol.danvers7@gmail.com", "person",
	"carol.danvers@gmail.com"},
    {"王小明", "wang@free.test", "person", "wang@gamma.test"},
    {"AliceCooper", "boss@free.test", "person", ALICE},
    {"CooperAlice", "boss@free.test", "person", ALICE},
    {"A l i c e  C o o p e r", "boss@free.test", "person", ALICE},
    {"Alice Cooper (Alpha Trading)", "boss@free.test", "person", ALICE},
    {"Pay-Pal", "x@free.test", "organisation", "PayPal"},
    {"P a y P a l", "x@free.test", "organisation", "PayPal"},
    {"BankofAmerica", "x@free.test", "organisation", "Bank of America"},
    {"Alice Cooper via Lists", "list@lists.test", "person weak", ALICE},
    {"Alice Cooper Foundation", "list@foundation.test", "person weak", ALICE},
    {"HSBC Security", "office@new-domain.test", "organisation", "HSBC"},
    {"HSBC", "office@new-domain.test", "organisation", "HSBC"},
    {"H5BC Bank", "office@new-domain.test", "organisation", "HSBC"},
    {"PayPal", "x@gmail.com", "organisation", "PayPal"},
    {"The PayPal Team", "x@free.test", "organisation", "PayPal"},
    {"Bank of America Alerts", "x@free.test", "organisation",
	"Bank of America"},
    {"Chase Bank", "x@free.test", "organisation", "Chase"},
    {"Apple Support", "x@free.test", "organisation", "Apple"},
    {"汇丰银行安全中心", "x@free.test", "organisation", "汇丰"},
    {"HSBC Hong Kong", "x@free.test", "organisation", "HSBC"},
    {"Amazon River Tours", "x@tours.test", "organisation weak", "Amazon"},
    {"Google Support", "x@gmail.com", "organisation weak", "Google"},
    {"Apple Support", "x@icloud.com", "organisation weak", "Apple"},
    {"Frank Stone", "x@free.test", "person", "frank@stone.test"},
    {"Friends of HSBC", "x@free.test", "organisation weak", "HSBC"},
    {ALICE, "eve@evil.test", "address", ALICE},
    {"Alice <" ALICE ">", "eve@evil.test", "address", ALICE},
    /* blanks and brackets that are not ASCII, and other signs for "@" */
    {ALICE "\xc2\xa0\xc2\xa0\xc2\xa0", "eve@evil.test", "address", ALICE},
    {"Alice\xe2\x80\xa8" ALICE "\xe2\x80\xa9x", "eve@evil.test", "address",
	ALICE},
    {"\xef\xbc\x9c" ALICE "\xef\xbc\x9e", "eve@evil.test", "address", ALICE},
    {"\xe3\x80\x90" ALICE "\xe3\x80\x91", "eve@evil.test", "address", ALICE},
    {"\xe2\x80\x9c" ALICE "\xe2\x80\x9d", "eve@evil.test", "address", ALICE},
    {"bob\xef\xbc\xa0"
     "beta.test",
	"eve@evil.test", "address", "bob@beta.test"},
    {"bob\xef\xb9\xab"
     "beta.test",
	"eve@evil.test", "address", "bob@beta.test"},
    {"www.paypal.com\xc2\xa0\xc2\xa0", "eve@evil.test", "address", "PayPal"},
    {"security@hsbc.com", "eve@evil.test", "address", "HSBC"},
    {"www.paypal.com", "eve@evil.test", "address", "PayPal"},
    {"boss@ourfirm.test", "eve@evil.test", "address", "ourfirm.test"},
    {"someone@stranger.test", "eve@evil.test", "address weak", ""},
};

static const char *const innocents[][2] = {
    /* known, own, and what belongs to them */
    {"Alice Cooper", ALICE},
    {"Alice", "ALICE.COOPER@Alpha-Trading.TEST"},
    {"", "bob@beta.test."},
    {"", "info@Müller-Söhne.test"},
    {"", "info@MÜLLER-SÖHNE.test"},
    {"Dan Brown", "dan@alpha-trading.test"},
    {"Alice Cooper", "alice@mail.alpha-trading.test"},
    {"Newsletter", "news@news.alpha-trading.test"},
    {"", "a@ourfirm.test"},
    {"", "a@lists.ourfirm.test"},
    {"", "a@second.example"},
    {"Carol Danvers", "caroldanvers@gmail.com"},
    {"Carol Danvers", "carol.danvers@gmail.com"},
    {"", "dmitri@почта.test"},
    {"", "dmitri@xn--80a1acny.test"},
    {"", "verkauf@müller-söhne.test"},
    /* organisations and what is theirs */
    {"PayPal", "service@paypal.com"},
    {"PayPal", "service@intl.paypal.com"},
    {"PayPal", "service@paypal.de"},
    {"HSBC", "alerts@mail.hsbc.com.hk"},
    {"HSBC", "alerts@hsbc.co.uk"},
    {"HSBCnet", "alerts@hsbcnet.com"},
    {"Microsoft account team", "x@accountprotection.microsoft.com"},
    {"Office 365", "x@microsoftonline.com"},
    {"Google", "no-reply@accounts.google.com"},
    {"Amazon.de", "versand@amazon.de"},
    {"Amazon Web Services", "no-reply@amazonaws.com"},
    {"Facebook", "x@facebookmail.com"},
    {"Apple", "x@email.apple.com"},
    {"DHL Paket", "x@dhl.de"},
    {"eBay", "x@reply.ebay.co.uk"},
    {"LinkedIn", "x@linkedin.com"},
    {"Alice Cooper", "notifications@github.com"},
    {"Alice Cooper via LinkedIn", "invitations@linkedin.com"},
    {"Citi Alerts", "x@citibankonline.com"},
    {"支付宝", "service@alipay.com"},
    {"中国银行", "x@bankofchina.com"},
    /* strangers at mail providers */
    {"Jane Roe", "jane.roe@gmail.com"},
    {"Jane Roe", "jane@outlook.com"},
    {"Hans Meier", "hans.meier@gmx.de"},
    {"Hans Meier", "hans@mail.com"},
    {"Ivan", "ivan@ymail.com"},
    {"Li", "li@163.com"},
    {"Li", "12345678@qq.com"},
    {"Anna", "anna@proton.me"},
    /* hosts that everybody calls so */
    {"", "a@outlook.university.test"},
    {"", "a@zoom.university.test"},
    {"", "a@github.company.test"},
    {"", "a@sharepoint.company.test"},
    /* words and names that are near and mean themselves */
    {"", "a@orange-juice.test"},
    {"", "a@appletree.test"},
    {"", "a@apple-tree-farm.test"},
    {"", "a@visa-service.test"},
    {"", "a@targeting.test"},
    {"", "a@squaretrade.test"},
    {"", "a@square-trade.test"},
    {"", "a@northwindwork.test"},
    {"", "a@webhandel.at"},
    {"", "a@webhandel.company.test"},
    {"", "gerda@webhandel.onmicrosoft.com"},
    {"", "a@interest.test"},
    {"", "a@mobile.test"},
    {"", "a@chase.test"},
    {"", "a@delta.test"},
    {"", "a@barclay.test"},
    {"", "a@finance.test"},
    {"", "a@upstairs.test"},
    {"", "a@shell.test"},
    {"", "a@discovery.test"},
    {"", "a@purchase.test"},
    /* short names and numbers */
    {"", "a@bets.test"},
    {"", "a@zeta.test"},
    {"", "a@b2b.test"},
    {"", "a@3m.com"},
    {"", "a@51job.com"},
    {"", "a@server14.test"},
    {"", "a@ibn.test"},
    {"", "a@abc.test"},
    {"", "a@1800flowers.com"},
    {"", "a@kpnx.com"},
    {"", "a@linkedup-jobs.test"},
    {"", "a@itkpmx.test"},
    {"", "a@bithub.win"},
    {"", "a@vcloud.test"},
    {"", "a@pcgames.de"},
    {"", "a@vnexpress.net"},
    {"", "a@yorkpress.co.uk"},
    {"", "a@zaobao.com.sg"},
    {"", "a@cnbc.com"},
    {"", "a@nedbank.co.za"},
    {"", "a@securebeta.example"},
    {"", "a@4imprint.com"},
    /* other scripts that are honest */
    {"", "a@münchen.de"},
    {"", "a@xn--mnchen-3ya.de"},
    {"", "a@例子.测试"},
    {"", "a@президент.рф"},
    {"", "a@παράδειγμα.δοκιμή"},
    {"", "a@日本語ドメイン.jp"},
    {"", "a@café-central.fr"},
    {"", "a@한국어.kr"},
    {"שלום כהן", "shalom@example.test"},
    {"\u200fמשה לוי\u200f", "moshe@example.test"},
    {"王芳", "wang@example.test"},
    /* names */
    {"GMX", "mailings@gmx.net"},
    {"Chase Miller", "chase@miller.test"},
    {"Chase", "chase@miller.test"},
    {"Paige Orange", "paige@juice.test"},
    {"Alice", "alice@stranger.test"},
    {"Bob", "bob@stranger.test"},
    {"Alice Carpenter", "alice@stranger.test"},
    {"Customer Service", "service@stranger.test"},
    {"Sensei", "sensei@dojo.test"},
    {"jane@stranger.test", "jane@stranger.test"},
    {"Jane (jane@stranger.test)", "jane@stranger.test"},
    {"@jane", "jane@stranger.test"},
    {"Delta Dental", "x@dental.test"},
    {"AliceCooper", "alice@mail.alpha-trading.test"},
    {"Hu Lu", "hu@stranger.test"},
    {"Alice Alpha", "alice@stranger.test"},
    {"", "office@[192.0.2.1]"},
    {"", "alice=alpha-trading.test@lists.test"},
    {"", "me+paypal.com@stranger.test"},
    {"", "me+shop.paypal.com@stranger.test"},
    {"", "alice=mail.ourfirm.test@lists.test"},
    {"", "x@stranger.co.uk"},
    {"", "x@a.very.deep.host.of.stranger.test"},
};

static void
every_trick_is_found(void **state)
{
	struct lookalike *l OWNED(lookalike_free) = readers();
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(tricks); i++)
		wrong += !is_right(l, &tricks[i]);
	assert_int_equal(wrong, 0);
	assert_true(COUNT(tricks) >= 80);
}

static void
who_is_innocent_is_left_alone(void **state)
{
	struct lookalike *l OWNED(lookalike_free) = readers();
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(innocents); i++) {
		struct row row = {innocents[i][0], innocents[i][1], "none", ""};
		wrong += !is_right(l, &row);
	}
	assert_int_equal(wrong, 0);
	assert_true(COUNT(innocents) >= 60);
}

static void
the_domains_of_manuals_imitate_nobody(void **state)
{
	static const struct row rows[] = {
	    {"", "alice@example.org", "none", ""},
	    {"", "bob@example.com", "none", ""},
	    {"", "alice@example.test", "ending", "example.net"},
	    {"", "alice@examp1e.net", "confusable", "example.net"},
	};
	struct lookalike *l OWNED(lookalike_free) = NULL;
	struct err err = ERR_NONE;
	bool right = true;

	assert_done(lookalike_new(&l, &err), err);
	assert_done(lookalike_add_own(l, span_str("example.net"), &err), err);
	assert_done(lookalike_add_known(
			l, span_str("bob@example.net"), SPAN_NONE, &err),
	    err);
	for (size_t i = 0; i < COUNT(rows); i++)
		right = is_right(l, &rows[i]) && right;
	assert_true(right);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_trick_is_found),
	    cmocka_unit_test(who_is_innocent_is_left_alone),
	    cmocka_unit_test(the_domains_of_manuals_imitate_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
