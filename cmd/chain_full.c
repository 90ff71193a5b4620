#include "cmd/asking.h"
#include "cmd/chain.h"
#include "cmd/command.h"

#define BUDGET 5000 /* ms: nobody waits for a letter */

int
chain_fetched(const struct chain_options *o, int argc, char **argv)
{
	struct networks networks = {.len = 0};
	struct issuers *issuers OWNED(issuers_free) = NULL;
	struct issuers_rules rules = {
	    .fetch = {.networks = &networks}, .budget = BUDGET};
	struct err err = ERR_NONE;
	enum rc rc = RC_OK;

	for (size_t i = 0; i < o->networks.len && rc == RC_OK; i++)
		rc = networks_add(&networks, o->networks.item[i], &err);
	if (rc == RC_OK)
		rc = asking_open_issuers(&rules, &issuers, &err);
	return rc == RC_OK ? chain_run(o, issuers_source(issuers))
			   : command_failed("chain", &err);
}
