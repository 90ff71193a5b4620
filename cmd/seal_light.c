#include "cmd/full.h"
#include "cmd/seal.h"

int
seal_stamped(const struct seal_options *o, int argc, char **argv)
{
	return full_run("seal", argc, argv);
}
