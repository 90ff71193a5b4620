#include "cmd/full.h"
#include "cmd/read.h"

int
open_reported(const struct read_options *o, int argc, char **argv)
{
	return full_run("open", argc, argv);
}
