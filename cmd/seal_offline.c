#include "cmd/online.h"
#include "cmd/seal.h"

int
seal_stamped(const struct seal_options *o, int argc, char **argv)
{
	return online_run("seal", argc, argv);
}
