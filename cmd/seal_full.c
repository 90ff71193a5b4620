#include "base/own.h"
#include "cmd/command.h"
#include "cmd/seal.h"
#include "dns/resolver.h"
#include "flow/stamping.h"

#define TIMEOUT (10 * 1000)

static enum rc
run(const struct seal_options *o, struct err *err)
{
	struct resolver *resolver OWNED(resolver_free) = NULL;
	const struct resolver_config config = {o->dns, o->anchors};

	TRY(resolver_new(&config, &resolver, err));
	const struct names names = {resolver_find_address, resolver};
	struct stamping stamping = {.url = o->tsa, .timeout = TIMEOUT};
	struct stamper stamper = stamping_stamper(&stamping);
	stamper.required = true;
	TRY(https_new(o->tls_trust, &names, &stamping.https, err));
	enum rc rc = seal_run(o, &stamper, err);
	https_free(stamping.https);
	return rc;
}

int
seal_stamped(const struct seal_options *o, int argc, char **argv)
{
	struct err err = ERR_NONE;

	return run(o, &err) == RC_OK ? EXIT_YES : command_failed("seal", &err);
}
