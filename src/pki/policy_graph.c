#include "pki/policy_graph_priv.h"

#include <stdlib.h>

#include <openssl/err.h>

#include "pki/chain_priv.h"
#include "pki/crypto.h"

OWNER(POLICY_CONSTRAINTS, POLICY_CONSTRAINTS_free);
OWNER(ASN1_INTEGER, ASN1_INTEGER_free);

/* A node and one policy that may come below it: the node's own, or what its
 * authority mapped it to.  A node with several is several of these.  Edges are
 * not kept: the parents of a node P are the links of the depth above that lead
 * to P, or if there is none the anyPolicy node there. */
struct link {
	const ASN1_OBJECT *policy, *expected;
	bool leads_down; /* to a node of the last certificate */
};

struct level {
	struct link *link;
	size_t len, cap;
};

/* What a certificate says; the levels borrow its objects. */
struct said {
	CERTIFICATEPOLICIES *policies;
	POLICY_MAPPINGS *mappings;
};

struct walk {
	const struct certs *path;
	struct said said[CHAIN_MAX_PATH];
	struct level level[CHAIN_MAX_PATH + 1]; /* [0]: the anchor */
	const ASN1_OBJECT *any;
	bool is_null; /* no policy is left */
	size_t explicit_policy, mapping, any_policy;
	enum policy_answer answer;
};

static void
walk_done(struct walk *walk)
{
	for (size_t i = 0; i < CHAIN_MAX_PATH; i++) {
		CERTIFICATEPOLICIES_free(walk->said[i].policies);
		sk_POLICY_MAPPING_pop_free(
		    walk->said[i].mappings, POLICY_MAPPING_free);
	}
	for (size_t i = 0; i <= CHAIN_MAX_PATH; i++)
		free(walk->level[i].link);
}

/* ---- a level ------------------------------------------------------------ */

static bool
same(const ASN1_OBJECT *a, const ASN1_OBJECT *b)
{
	return OBJ_cmp(a, b) == 0;
}

static bool
has_policy(const struct level *level, const ASN1_OBJECT *policy)
{
	for (size_t i = 0; i < level->len; i++)
		if (same(level->link[i].policy, policy))
			return true;
	return false;
}

static bool
expects(const struct level *level, const ASN1_OBJECT *policy)
{
	for (size_t i = 0; i < level->len; i++)
		if (same(level->link[i].expected, policy))
			return true;
	return false;
}

/* Beyond the limit the walk has its answer. */
static enum rc
add_link(struct walk *walk, struct level *level, const ASN1_OBJECT *policy,
    const ASN1_OBJECT *expected, struct err *err)
{
	if (level->len >= POLICY_MAX_NODES) {
		walk->answer = POLICY_LIMIT;
		return RC_OK;
	}
	if (level->len == level->cap) {
		size_t cap = level->cap == 0 ? 8 : 2 * level->cap;
		struct link *more =
		    reallocarray(level->link, cap, sizeof(*more));
		if (more == NULL)
			return err_nomem(err, "policies");
		level->link = more;
		level->cap = cap;
	}
	level->link[level->len++] = (struct link){policy, expected, false};
	return RC_OK;
}

static void
drop_policy(struct level *level, const ASN1_OBJECT *policy)
{
	size_t kept = 0;

	for (size_t i = 0; i < level->len; i++)
		if (!same(level->link[i].policy, policy))
			level->link[kept++] = level->link[i];
	level->len = kept;
}

/* ---- section 6.1.3: the policies of a certificate ----------------------- */

static enum rc
add_named(struct walk *walk, size_t depth, const CERTIFICATEPOLICIES *policies,
    struct err *err)
{
	struct level *level = &walk->level[depth];
	const struct level *above = &walk->level[depth - 1];
	bool any_above = expects(above, walk->any);

	for (int i = 0; i < sk_POLICYINFO_num(policies); i++) {
		const ASN1_OBJECT *policy =
		    sk_POLICYINFO_value(policies, i)->policyid;
		if (same(policy, walk->any))
			continue;
		/* RFC 5280 section 4.2.1.4: not more than once */
		if (has_policy(level, policy))
			walk->answer = POLICY_FAILS;
		if (walk->answer != POLICY_HOLDS)
			return RC_OK;
		if (any_above || expects(above, policy))
			TRY(add_link(walk, level, policy, policy, err));
	}
	return RC_OK;
}

/* anyPolicy stands for all that may still come. */
static enum rc
add_rest(struct walk *walk, size_t depth, struct err *err)
{
	struct level *level = &walk->level[depth];
	const struct level *above = &walk->level[depth - 1];

	for (size_t i = 0; i < above->len; i++) {
		const ASN1_OBJECT *expected = above->link[i].expected;
		if (!has_policy(level, expected))
			TRY(add_link(walk, level, expected, expected, err));
	}
	return RC_OK;
}

static bool
has_any(const struct walk *walk, const CERTIFICATEPOLICIES *policies)
{
	for (int i = 0; i < sk_POLICYINFO_num(policies); i++)
		if (same(sk_POLICYINFO_value(policies, i)->policyid, walk->any))
			return true;
	return false;
}

static enum rc
add_policies(struct walk *walk, size_t depth, bool any_counts, struct err *err)
{
	const CERTIFICATEPOLICIES *policies =
	    walk->said[walk->path->len - 1 - depth].policies;

	if (policies == NULL)
		walk->is_null = true;
	if (walk->is_null)
		return RC_OK;
	TRY(add_named(walk, depth, policies, err));
	if (any_counts && has_any(walk, policies))
		TRY(add_rest(walk, depth, err));
	walk->is_null = walk->level[depth].len == 0;
	return RC_OK;
}

/* ---- section 6.1.4: what an authority maps ------------------------------ */

static enum rc
add_mapped(struct walk *walk, struct level *level, const POLICY_MAPPINGS *all,
    const ASN1_OBJECT *policy, struct err *err)
{
	for (int i = 0; i < sk_POLICY_MAPPING_num(all); i++) {
		const POLICY_MAPPING *one = sk_POLICY_MAPPING_value(all, i);
		if (same(one->issuerDomainPolicy, policy))
			TRY(add_link(walk, level, policy,
			    one->subjectDomainPolicy, err));
	}
	return RC_OK;
}

static bool
was_mapped_before(const POLICY_MAPPINGS *all, int at)
{
	const POLICY_MAPPING *one = sk_POLICY_MAPPING_value(all, at);

	for (int i = 0; i < at; i++)
		if (same(sk_POLICY_MAPPING_value(all, i)->issuerDomainPolicy,
			one->issuerDomainPolicy))
			return true;
	return false;
}

static enum rc
map_one(struct walk *walk, struct level *level, const POLICY_MAPPINGS *all,
    int at, struct err *err)
{
	const ASN1_OBJECT *policy =
	    sk_POLICY_MAPPING_value(all, at)->issuerDomainPolicy;

	if (was_mapped_before(all, at))
		return RC_OK;
	bool there = has_policy(level, policy);
	drop_policy(level, policy);
	if (walk->mapping == 0 || (!there && !has_policy(level, walk->any)))
		return RC_OK;
	return add_mapped(walk, level, all, policy, err);
}

static enum rc
map_policies(struct walk *walk, size_t depth, struct err *err)
{
	const POLICY_MAPPINGS *all =
	    walk->said[walk->path->len - 1 - depth].mappings;
	struct level *level = &walk->level[depth];

	if (sk_POLICY_MAPPING_num(all) > POLICY_MAX_NODES)
		walk->answer = POLICY_LIMIT;
	for (int i = 0;
	     i < sk_POLICY_MAPPING_num(all) && walk->answer == POLICY_HOLDS;
	     i++) {
		const POLICY_MAPPING *one = sk_POLICY_MAPPING_value(all, i);
		if (same(one->issuerDomainPolicy, walk->any) ||
		    same(one->subjectDomainPolicy, walk->any))
			walk->answer = POLICY_FAILS;
		else if (!walk->is_null)
			TRY(map_one(walk, level, all, i, err));
	}
	walk->is_null = walk->is_null || level->len == 0;
	return RC_OK;
}

/* ---- the counters ------------------------------------------------------- */

/* Something that cannot be read is as strict as it could be. */
static size_t
number_of(const ASN1_INTEGER *integer)
{
	long value = ASN1_INTEGER_get(integer);

	return value < 0 ? 0 : (size_t)value;
}

static void
lower(size_t *counter, const ASN1_INTEGER *to)
{
	if (to != NULL && number_of(to) < *counter)
		*counter = number_of(to);
}

static void
count_down(size_t *counter)
{
	if (*counter > 0)
		--*counter;
}

static bool
read_counters(struct walk *walk, const X509 *x509, bool is_last)
{
	int twice = 0, other = 0;
	POLICY_CONSTRAINTS *limits OWNED(POLICY_CONSTRAINTS_free) =
	    X509_get_ext_d2i(x509, NID_policy_constraints, &twice, NULL);
	ASN1_INTEGER *any OWNED(ASN1_INTEGER_free) =
	    X509_get_ext_d2i(x509, NID_inhibit_any_policy, &other, NULL);

	ERR_clear_error();
	if ((limits == NULL && twice != -1) || (any == NULL && other != -1))
		return false;
	if (is_last) {
		if (limits != NULL && limits->requireExplicitPolicy != NULL &&
		    number_of(limits->requireExplicitPolicy) == 0)
			walk->explicit_policy = 0;
		return true;
	}
	if (limits != NULL) {
		lower(&walk->explicit_policy, limits->requireExplicitPolicy);
		lower(&walk->mapping, limits->inhibitPolicyMapping);
	}
	lower(&walk->any_policy, any);
	return true;
}

/* ---- one certificate after the other ------------------------------------ */

static bool
read_said(struct said *said, const X509 *x509)
{
	int first = 0, second = 0;

	said->policies =
	    X509_get_ext_d2i(x509, NID_certificate_policies, &first, NULL);
	said->mappings =
	    X509_get_ext_d2i(x509, NID_policy_mappings, &second, NULL);
	ERR_clear_error();
	return (said->policies != NULL || first == -1) &&
	       (said->mappings != NULL || second == -1);
}

static enum rc
take_step(struct walk *walk, size_t depth, struct err *err)
{
	size_t at = walk->path->len - 1 - depth;
	X509 *x509 = cert_x509(walk->path->item[at]);
	bool self_issued = X509_get_extension_flags(x509) & EXFLAG_SI;
	bool is_last = at == 0;

	if (!read_said(&walk->said[at], x509)) {
		walk->answer = POLICY_FAILS;
		return RC_OK;
	}
	TRY(add_policies(walk, depth,
	    walk->any_policy > 0 || (!is_last && self_issued), err));
	if (walk->explicit_policy == 0 && walk->is_null)
		walk->answer = POLICY_FAILS;
	if (walk->answer != POLICY_HOLDS)
		return RC_OK;
	if (!is_last)
		TRY(map_policies(walk, depth, err));
	if (is_last || !self_issued) {
		count_down(&walk->explicit_policy);
		count_down(&walk->mapping);
		count_down(&walk->any_policy);
	}
	if (!read_counters(walk, x509, is_last))
		walk->answer = POLICY_FAILS;
	return RC_OK;
}

/* ---- which policies are left -------------------------------------------- */

/* A node that leads down has parents that do. */
static void
mark_parents(
    const struct walk *walk, struct level *above, const struct link *child)
{
	bool found = false;

	for (size_t i = 0; i < above->len; i++) {
		if (!same(above->link[i].expected, child->policy))
			continue;
		above->link[i].leads_down = found = true;
	}
	for (size_t i = 0; !found && i < above->len; i++)
		if (same(above->link[i].policy, walk->any))
			above->link[i].leads_down = true;
}

static bool
wanted(const struct strlist *policies, const ASN1_OBJECT *policy)
{
	bool found = false;

	for (size_t i = 0; i < policies->len && !found; i++) {
		ASN1_OBJECT *one = OBJ_txt2obj(policies->item[i], 1);
		found = one != NULL && (same(one, policy) ||
					   OBJ_obj2nid(one) == NID_any_policy);
		ASN1_OBJECT_free(one);
	}
	ERR_clear_error();
	return found;
}

/* Only what stands directly below anyPolicy was said in the anchor's own
 * words; what is further down may be another name for it. */
static bool
level_has_wanted(
    const struct walk *walk, size_t depth, const struct strlist *policies)
{
	const struct level *level = &walk->level[depth];
	bool is_last = depth + 1 == walk->path->len;

	for (size_t i = 0; i < level->len; i++) {
		const struct link *link = &level->link[i];
		if (!link->leads_down)
			continue;
		if (same(link->policy, walk->any)) {
			if (is_last)
				return true;
			continue;
		}
		if (!expects(&walk->level[depth - 1], link->policy) &&
		    wanted(policies, link->policy))
			return true;
	}
	return false;
}

static bool
has_wanted(struct walk *walk, const struct strlist *policies)
{
	size_t last = walk->path->len - 1;

	if (walk->is_null)
		return false;
	if (policies == NULL)
		return true;
	for (size_t i = 0; i < walk->level[last].len; i++)
		walk->level[last].link[i].leads_down = true;
	for (size_t depth = last; depth > 0; depth--) {
		const struct level *level = &walk->level[depth];
		if (level_has_wanted(walk, depth, policies))
			return true;
		for (size_t i = 0; i < level->len; i++)
			if (level->link[i].leads_down)
				mark_parents(walk, &walk->level[depth - 1],
				    &level->link[i]);
	}
	return false;
}

/* ---- the whole ---------------------------------------------------------- */

static enum rc
begin(struct walk *walk, const struct chain_request *ask, struct err *err)
{
	size_t never = walk->path->len;

	walk->any = OBJ_nid2obj(NID_any_policy);
	walk->explicit_policy = ask->explicit_policy ? 0 : never;
	walk->mapping = ask->inhibit_mapping ? 0 : never;
	walk->any_policy = ask->inhibit_any_policy ? 0 : never;
	return add_link(walk, &walk->level[0], walk->any, walk->any, err);
}

static enum rc
check(struct walk *walk, const struct chain_request *ask, struct err *err)
{
	TRY(begin(walk, ask, err));
	for (size_t depth = 1;
	     depth < walk->path->len && walk->answer == POLICY_HOLDS; depth++)
		TRY(take_step(walk, depth, err));
	if (walk->answer == POLICY_HOLDS && walk->explicit_policy == 0 &&
	    !has_wanted(walk, ask->policies))
		walk->answer = POLICY_FAILS;
	return RC_OK;
}

enum rc
policy_graph_check(const struct certs *path, const struct chain_request *ask,
    enum policy_answer *ret, struct err *err)
{
	struct walk walk = {.path = path, .answer = POLICY_HOLDS};

	if (path->len == 0 || path->len > CHAIN_MAX_PATH)
		bug("a path has one to CHAIN_MAX_PATH certificates");
	*ret = POLICY_HOLDS;
	if (path->len == 1)
		return RC_OK; /* the anchor itself */
	enum rc rc = check(&walk, ask, err);
	walk_done(&walk);
	*ret = walk.answer;
	return rc;
}
