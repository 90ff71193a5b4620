/* flow/gather -- what the root at the end of the chain is believed for. */
#include "flow/gather_priv.h"
#include "mime/address.h"
#include "pki/policy.h"

static bool
is_beyond_address(enum cert_level level)
{
	return level >= LEVEL_V2 && level <= LEVEL_V4;
}

static bool
is_proven(const struct facts *f)
{
	return f->sig.state == SIGNED_VALID && f->sig.chain == CHAIN_VALID &&
	       is_beyond_address(f->sig.level) && f->sig.level_allowed &&
	       f->sig.domain_allowed;
}

/* What a certificate says beyond an address is shown only where the level that
 * it claims was somebody's to give: no authority names an organisation because
 * it can write its name, and who has a mailbox is not called as they like. */
static void
set_names(struct facts *f, const struct cert *signer)
{
	const char *name = cert_name(signer);
	bool proven = is_proven(f);

	gather_copy_text(f->sig.organization, sizeof(f->sig.organization),
	    proven ? cert_organization(signer) : "");
	gather_copy_text(f->sig.name, sizeof(f->sig.name),
	    proven || address_matches(name, f->sig.by) ? name : "");
}

/* Every policy that says the level: our own, and the CA/B Forum's of any
 * generation. */
static enum rc
list_policies(enum cert_level level, struct strlist *ret, struct err *err)
{
	static const char digits[] = {
	    [LEVEL_V2] = '4', [LEVEL_V3] = '2', [LEVEL_V4] = '3'};
	struct buf oid BUF_OWNED = BUF_SMALL;

	TRY(buf_add_format(&oid, err, POLICY_ARC ".1.%c", digits[level]));
	TRY(strlist_add(ret, buf_span(&oid), err));
	for (int generation = 1; generation <= 3; generation++) {
		buf_clear(&oid);
		TRY(buf_add_format(&oid, err, POLICY_CABF_SMIME ".%c.%d",
		    digits[level], generation));
		TRY(strlist_add(ret, buf_span(&oid), err));
	}
	return RC_OK;
}

/* RFC 5280 section 6.1: what a certificate says of its policies holds only if
 * everybody above it may say so.  Else an authority that was let in for
 * mailboxes could name organisations. */
static enum rc
check_policy(struct reading *r, const struct certs *path, int64_t at, bool *ret,
    struct err *err)
{
	struct strlist policies STRLIST_OWNED = STRLIST_NONE;
	struct chain_result result CHAIN_RESULT_OWNED = CHAIN_RESULT;
	const struct certs root = {&path->item[path->len - 1], 1};
	const struct chain_request ask = {
	    .roots = &root,
	    .untrusted = path,
	    .at = at,
	    .purpose = CHAIN_MAIL_SIGN,
	    .policies = &policies,
	    .explicit_policy = true,
	};

	TRY(list_policies(r->out->facts.sig.level, &policies, err));
	TRY(chain_check(r->signer, &ask, &result, err));
	*ret = result.state == CHAIN_VALID;
	return RC_OK;
}

bool
gather_is_granted(const void *reading, const struct cert *root)
{
	const struct reading *r = reading;
	const struct facts *f = &r->out->facts;
	struct trust_answer answer = trust_ask(
	    r->reader->trust, root, address_domain(f->sig.by), f->sig.level);

	return answer.domain && answer.level;
}

enum rc
gather_trust(
    struct reading *r, const struct certs *path, int64_t at, struct err *err)
{
	struct facts *f = &r->out->facts;
	const bool beyond = is_beyond_address(f->sig.level);
	struct trust_answer answer = {.domain = true, .level = !beyond};

	if (path->len > 0)
		answer = trust_ask(r->reader->trust, path->item[path->len - 1],
		    address_domain(f->sig.by), f->sig.level);
	if (path->len > 0 && beyond && answer.level)
		TRY(check_policy(r, path, at, &answer.level, err));
	f->sig.domain_allowed = answer.domain;
	f->sig.level_allowed = answer.level;
	set_names(f, r->signer);
	return RC_OK;
}
