/* flow/gather -- what the root at the end of the chain is believed for. */
#include "flow/gather_priv.h"
#include "mime/address.h"

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

void
gather_trust(struct reading *r, const struct certs *path)
{
	struct facts *f = &r->out->facts;
	struct trust_answer answer = {
	    .domain = true, .level = !is_beyond_address(f->sig.level)};

	if (path->len > 0 && f->sig.chain != CHAIN_NO_ANCHOR)
		answer = trust_ask(r->reader->trust, path->item[path->len - 1],
		    address_domain(f->sig.by), f->sig.level);
	f->sig.domain_allowed = answer.domain;
	f->sig.level_allowed = answer.level;
	set_names(f, r->signer);
}
