/* What holds of every verdict, whatever the facts: asked of facts made at
 * random, always the same ones. */
#include "flow/verdict.h"

#include "base/expect.h"

#define LETTERS 50000

/* --- facts at random --------------------------------------------------------- */

static uint64_t seed;

static unsigned
below(unsigned end)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % end;
}

/* Mostly not, so that letters with nothing wrong are among them. */
static bool
rarely(void)
{
	return below(12) == 0;
}

static const char *
one_of(const char *const *texts, size_t len)
{
	return texts[below((unsigned)len)];
}

static void
copy(char *to, size_t size, const char *text)
{
	(void)snprintf(to, size, "%s", text);
}

static void
make_signature(struct facts *f)
{
	static const char *const reasons[] = {
	    NULL, "sig.digest-mismatch", "sig.alg-weak", "sig.unreadable"};
	static const char *const faults[] = {
	    NULL, "cert.expired-at-time", "cert.eku", "chain.limit"};

	f->sig.state = rarely() ? (enum signed_state)below(2) : SIGNED_VALID;
	f->sig.reason = one_of(reasons, COUNT(reasons));
	f->sig.outside_only = rarely();
	f->sig.other_invalid = rarely();
	copy(f->sig.part, sizeof(f->sig.part), rarely() ? "part 1" : "");
	copy(f->sig.by, sizeof(f->sig.by), rarely() ? "" : "alice@alpha.test");
	f->sig.level = (enum cert_level)below(LEVEL_OTHER + 1);
	f->sig.unfit = rarely() ? "cert.ku" : NULL;
	f->sig.binding = rarely() ? (enum binding)below(BINDING_NO_ADDRESS + 1)
				  : BINDING_FROM;
	f->sig.level_allowed = !rarely();
	f->sig.domain_allowed = !rarely();
	f->sig.chain = rarely() ? (enum chain_state)below(3) : CHAIN_VALID;
	f->sig.chain_reason = one_of(faults, COUNT(faults));
	f->sig.good_before = below(4) == 0;
	f->sig.revocation = (enum chain_revocation)(
	    rarely() ? below(REVOCATION_COMPROMISED + 1) : below(2));
}

static void
make_history(struct facts *f)
{
	static const char *const imitates[] = {
	    "addr.confusable", "addr.name-of-known", "addr.deceptive"};

	f->lookalike.reason =
	    rarely() ? one_of(imitates, COUNT(imitates)) : NULL;
	f->lookalike.strong = below(2);
	copy(f->lookalike.of, sizeof(f->lookalike.of),
	    below(2) ? "al@alpha.test" : "");
	f->acquaintance = (enum acquaintance)below(3);
	f->history.always_signed = rarely();
	f->history.new_root = rarely();
	f->history.conflict = rarely();
	f->history.accepted = below(4) == 0;
	f->request = (enum request)below(3);
	f->transport.dkim = (enum transport_state)below(3);
	f->transport.spf = (enum transport_state)below(3);
	f->transport.dmarc = (enum transport_state)below(3);
}

static void
make_facts(struct facts *f)
{
	memset(f, 0, sizeof(*f));
	f->encrypted.state =
	    rarely() ? (enum encrypted_state)below(ENCRYPTED_AT_REST + 1)
		     : ENCRYPTED_INTACT;
	f->encrypted.part_inside = rarely();
	make_signature(f);
	make_history(f);
	f->time.source = (enum time_source)below(TIME_STAMPED + 1);
	f->time.token_invalid = rarely();
	f->time.token_late = rarely();
	f->time.token_unchecked = rarely();
	copy(f->from, sizeof(f->from), rarely() ? "" : "alice@alpha.test");
	f->unreadable = below(50) == 0;
	f->ambiguous = rarely();
	f->from_unclear = rarely();
	f->from_mismatch = rarely();
	f->outside_differs = rarely();
	f->not_for_reader = rarely();
}

/* --- what verified means, said once more -------------------------------------- */

static bool
signature_proves(const struct facts *f)
{
	return f->sig.state == SIGNED_VALID && f->sig.unfit == NULL &&
	       f->sig.binding == BINDING_FROM && !f->sig.outside_only &&
	       f->sig.part[0] == '\0' && !f->sig.other_invalid &&
	       !f->unreadable && !f->ambiguous && !f->from_unclear &&
	       !f->outside_differs && !f->encrypted.part_inside &&
	       f->encrypted.state != ENCRYPTED_UNDECRYPTABLE;
}

static bool
certificate_proves(const struct facts *f)
{
	bool known =
	    f->time.source == TIME_STAMPED || f->time.source == TIME_RECEIVED;
	bool before = f->sig.good_before && known;

	if (f->sig.chain != CHAIN_VALID || !f->sig.level_allowed ||
	    !f->sig.domain_allowed || (f->sig.good_before && !known))
		return false;
	switch (f->sig.revocation) {
	case REVOCATION_NOT_APPLICABLE:
	case REVOCATION_GOOD:
		return true;
	case REVOCATION_UNKNOWN:
		return false;
	case REVOCATION_REVOKED:
		return before;
	case REVOCATION_COMPROMISED:
		return before && f->time.source == TIME_STAMPED;
	}
	return false;
}

static bool
nothing_speaks_against(const struct facts *f)
{
	bool hidden = f->lookalike.reason != NULL && f->lookalike.strong &&
		      f->lookalike.of[0] == '\0';
	bool looks = f->lookalike.reason != NULL && !f->history.accepted;
	bool changed = (f->history.conflict || f->history.new_root) &&
		       !f->history.accepted;

	bool rests = f->sig.good_before && f->time.token_unchecked;

	return !hidden && !looks && !changed && !rests && !f->not_for_reader &&
	       !f->time.token_late;
}

static void
verified_is_what_is_proven_and_only_that(void **state)
{
	size_t verified = 0;
	struct facts f;
	struct verdict got;

	(void)state;
	seed = 1;
	for (size_t i = 0; i < LETTERS; i++) {
		make_facts(&f);
		verdict_decide(&f, &got);
		bool want = signature_proves(&f) && certificate_proves(&f) &&
			    nothing_speaks_against(&f);
		if ((got.level == VERDICT_VERIFIED) != want)
			fail_msg("letter %zu: %s: %s", i,
			    verdict_name(got.level), got.sentence);
		verified += want;
	}
	/* there are enough of both */
	assert_in_range(verified, LETTERS / 50, LETTERS / 2);
}

/* --- danger is said only with a reason for it ---------------------------------- */

static void
danger_is_a_contradiction_and_never_ordinary_life(void **state)
{
	static const char *const reasons[] = {"cert.revoked-compromise",
	    "hdr.from-mismatch", "addr.mismatch", "addr.confusable",
	    "addr.name-of-known", "addr.deceptive", "key.always-signed",
	    "key.conflict"};
	struct facts f;
	struct verdict got;

	(void)state;
	seed = 2;
	for (size_t i = 0; i < LETTERS; i++) {
		make_facts(&f);
		verdict_decide(&f, &got);
		if (got.level != VERDICT_DANGER)
			continue;
		bool known = false;
		for (size_t k = 0; k < COUNT(reasons); k++)
			known = known || !strcmp(got.reason[0], reasons[k]);
		if (!known)
			fail_msg("letter %zu: %s", i, got.reason[0]);
		/* what is innocent by itself, not even all of it at once */
		f.request = REQUEST_NONE;
		f.lookalike.reason = NULL;
		f.from_mismatch = false;
		f.acquaintance = ACQUAINTANCE_FIRST;
		f.sig.revocation = REVOCATION_REVOKED;
		verdict_decide(&f, &got);
		assert_int_not_equal(got.level, VERDICT_DANGER);
	}
}

/* --- nothing bad makes it better ------------------------------------------------ */

static void
worse_binding(struct facts *f)
{
	if (f->sig.binding == BINDING_FROM)
		f->sig.binding = (enum binding)below(BINDING_NO_ADDRESS + 1);
}

static void
worse_part(struct facts *f)
{
	if (f->sig.binding == BINDING_FROM)
		copy(f->sig.part, sizeof(f->sig.part), "part 2");
}

static void
worse_outside_only(struct facts *f)
{
	f->sig.outside_only = true;
}

static void
worse_level(struct facts *f)
{
	f->sig.level_allowed = false;
}

static void
worse_domain(struct facts *f)
{
	f->sig.domain_allowed = false;
}

static void
worse_chain(struct facts *f)
{
	if (f->sig.chain == CHAIN_VALID)
		f->sig.chain = below(2) ? CHAIN_INVALID : CHAIN_NO_ANCHOR;
}

static void
worse_revocation(struct facts *f)
{
	if (f->sig.revocation < REVOCATION_UNKNOWN)
		f->sig.revocation =
		    (enum chain_revocation)(REVOCATION_UNKNOWN + below(3));
}

static void
worse_time(struct facts *f)
{
	if (f->time.source > TIME_NONE)
		f->time.source--;
}

static void
worse_token(struct facts *f)
{
	f->time.token_late = f->time.token_invalid = true;
	f->time.token_unchecked = true;
}

static void
worse_from(struct facts *f)
{
	f->from_unclear = true;
}

static void
worse_mismatch(struct facts *f)
{
	f->from_mismatch = true;
}

static void
worse_outside(struct facts *f)
{
	f->outside_differs = true;
}

static void
worse_lookalike(struct facts *f)
{
	if (f->lookalike.reason == NULL)
		f->lookalike.strong = false;
	f->lookalike.reason = "addr.confusable";
}

static void
worse_strong(struct facts *f)
{
	f->lookalike.strong = true;
}

static void
worse_reader(struct facts *f)
{
	f->not_for_reader = true;
}

static void
worse_known(struct facts *f)
{
	f->acquaintance = ACQUAINTANCE_KNOWN;
}

static void
worse_habit(struct facts *f)
{
	f->history.always_signed = true;
}

static void
worse_root(struct facts *f)
{
	f->history.new_root = true;
}

static void
worse_conflict(struct facts *f)
{
	f->history.conflict = true;
}

static void
worse_accepted(struct facts *f)
{
	f->history.accepted = false;
}

static void
worse_request(struct facts *f)
{
	if (f->request == REQUEST_NONE)
		f->request = below(2) ? REQUEST_MONEY : REQUEST_CREDENTIALS;
}

static void
worse_other_signature(struct facts *f)
{
	f->sig.other_invalid = true;
}

static void
worse_mime(struct facts *f)
{
	f->ambiguous = true;
}

static void
worse_inside(struct facts *f)
{
	f->encrypted.part_inside = true;
}

static void (*const worse[])(struct facts *) = {worse_binding, worse_part,
    worse_outside_only, worse_level, worse_domain, worse_chain,
    worse_revocation, worse_time, worse_token, worse_from, worse_mismatch,
    worse_outside, worse_lookalike, worse_strong, worse_reader, worse_known,
    worse_habit, worse_root, worse_conflict, worse_accepted, worse_request,
    worse_inside, worse_other_signature, worse_mime};

static void
a_bad_fact_never_makes_the_verdict_better(void **state)
{
	struct facts f;
	struct verdict before, after;

	(void)state;
	seed = 3;
	for (size_t i = 0; i < LETTERS; i++) {
		unsigned which = below(COUNT(worse));
		make_facts(&f);
		verdict_decide(&f, &before);
		worse[which](&f);
		verdict_decide(&f, &after);
		if (after.level > before.level)
			fail_msg("letter %zu, fact %u: %s, was %s", i, which,
			    verdict_name(after.level),
			    verdict_name(before.level));
	}
}

/* Whatever else is good: without a signature that holds nobody is proven. */
static void
without_a_signature_it_is_unsigned_or_danger(void **state)
{
	struct facts f;
	struct verdict got;

	(void)state;
	seed = 4;
	for (size_t i = 0; i < LETTERS; i++) {
		make_facts(&f);
		switch (below(5)) {
		case 0:
			f.sig.state = SIGNED_NONE;
			break;
		case 1:
			f.sig.state = SIGNED_INVALID;
			break;
		case 2:
			f.sig.unfit = "cert.ku";
			break;
		case 3:
			f.unreadable = true;
			break;
		default:
			f.encrypted.state = ENCRYPTED_UNDECRYPTABLE;
		}
		verdict_decide(&f, &got);
		assert_in_range(got.level, VERDICT_DANGER, VERDICT_UNSIGNED);
	}
}

/* --- what changes nothing ------------------------------------------------------ */

static void
what_servers_say_and_at_rest_change_no_verdict(void **state)
{
	struct facts f;
	struct verdict before, after;

	(void)state;
	seed = 5;
	for (size_t i = 0; i < LETTERS; i++) {
		make_facts(&f);
		if (f.encrypted.state == ENCRYPTED_UNDECRYPTABLE)
			continue;
		verdict_decide(&f, &before);
		f.transport.dkim = (enum transport_state)below(3);
		f.transport.spf = (enum transport_state)below(3);
		f.transport.dmarc = (enum transport_state)below(3);
		f.encrypted.state =
		    below(2) ? ENCRYPTED_NONE : ENCRYPTED_AT_REST;
		verdict_decide(&f, &after);
		assert_int_equal(after.level, before.level);
		assert_string_equal(after.sentence, before.sentence);
	}
}

/* --- reasons ------------------------------------------------------------------- */

static bool
has_reason(const struct verdict *v, const char *reason)
{
	for (size_t i = 0; i < v->reasons; i++)
		if (!strcmp(v->reason[i], reason))
			return true;
	return false;
}

static void
every_verdict_but_verified_has_a_reason_and_none_twice(void **state)
{
	struct facts f;
	struct verdict got;

	(void)state;
	seed = 6;
	for (size_t i = 0; i < LETTERS; i++) {
		make_facts(&f);
		verdict_decide(&f, &got);
		if (got.level != VERDICT_VERIFIED)
			assert_in_range(got.reasons, 1, VERDICT_REASONS_MAX);
		for (size_t k = 0; k < got.reasons; k++)
			for (size_t m = 0; m < k; m++)
				assert_string_not_equal(
				    got.reason[k], got.reason[m]);
	}
}

static void
what_it_asks_for_is_told_of_all_that_is_not_verified(void **state)
{
	struct facts f;
	struct verdict got;

	(void)state;
	seed = 7;
	for (size_t i = 0; i < LETTERS; i++) {
		make_facts(&f);
		verdict_decide(&f, &got);
		bool unproven = got.level != VERDICT_VERIFIED;
		assert_int_equal(has_reason(&got, "ask.money"),
		    unproven && f.request == REQUEST_MONEY);
		assert_int_equal(has_reason(&got, "ask.credentials"),
		    unproven && f.request == REQUEST_CREDENTIALS);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(verified_is_what_is_proven_and_only_that),
	    cmocka_unit_test(danger_is_a_contradiction_and_never_ordinary_life),
	    cmocka_unit_test(a_bad_fact_never_makes_the_verdict_better),
	    cmocka_unit_test(without_a_signature_it_is_unsigned_or_danger),
	    cmocka_unit_test(what_servers_say_and_at_rest_change_no_verdict),
	    cmocka_unit_test(
		every_verdict_but_verified_has_a_reason_and_none_twice),
	    cmocka_unit_test(
		what_it_asks_for_is_told_of_all_that_is_not_verified),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
