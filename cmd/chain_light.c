#include "cmd/chain.h"
#include "cmd/full.h"

int
chain_fetched(const struct chain_options *o, int argc, char **argv)
{
	return full_run("chain", argc, argv);
}
