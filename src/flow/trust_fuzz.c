/* Whatever the settings are, they are read as a whole or not at all, and an
 * answer about a domain comes. */
#include "base/own.h"
#include "flow/trust.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
check(const struct trust *trust)
{
	if (trust->grants > trust_default.grants ||
	    trust->servers > TRUST_SERVERS_MAX ||
	    trust->stampers > TRUST_STAMPERS_MAX)
		bug("trust: over its limits");
	for (size_t i = 0; i < trust->stampers; i++)
		if (strlen(trust->stamper[i].root) != 64)
			bug("trust: no root proves time");
	for (size_t i = 0; i < trust->grants; i++) {
		const struct trust_grant *grant = &trust->grant[i];
		if (strlen(grant->root) != 64 || grant->level < LEVEL_V1 ||
		    grant->level > LEVEL_V4)
			bug("trust: a grant of nothing");
		if ((grant->match == TRUST_ANY) != (grant->domain[0] == '\0'))
			bug("trust: a grant for no domain");
		if (grant->match == TRUST_EXACT &&
		    !trust_covers(grant, grant->domain))
			bug("trust: a domain that is not its own");
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct trust trust TRUST_OWNED = TRUST_NONE;
	struct err err = ERR_NONE;

	enum rc rc = trust_parse(span_of(data, len), &trust, &err);
	if (rc != RC_OK &&
	    (trust.grants != 0 || trust.servers != 0 || trust.stampers != 0))
		bug("trust: half read");
	if (rc != RC_OK && err.text[0] == '\0')
		bug("trust: no reason");
	check(&trust);
	return 0;
}
