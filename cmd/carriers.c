#include "cmd/carriers.h"

#define BUDGET 2000 /* who asks on the command line can wait */

void
carriers_options_done(struct carriers_options *options)
{
	strlist_done(&options->servers);
}

void
carriers_done(struct carriers *carriers)
{
	transport_free(carriers->transport);
	resolver_free(carriers->resolver);
}

static enum rc
find(const void *self, const struct source *letter, struct entity *outer,
    struct facts *facts, struct err *err)
{
	return transport_find(self, letter, outer, facts, err);
}

enum rc
carriers_make(const struct trust *trust, const struct resolver *resolver,
    int budget, struct carriers *carriers, struct reader *reader,
    struct err *err)
{
	const struct transport_options options = {trust, resolver, budget};

	TRY(transport_new(&options, &carriers->transport, err));
	carriers->transports = (struct transports){find, carriers->transport};
	reader->transports = &carriers->transports;
	return RC_OK;
}

enum rc
carriers_prepare(const struct carriers_options *options, bool offline,
    struct trust *trust, struct carriers *carriers, struct reader *reader,
    struct err *err)
{
	const struct resolver_config config = {
	    .server = options->dns, .anchors = options->anchors};

	for (size_t i = 0; i < options->servers.len; i++) {
		enum rc rc = trust_add_server(
		    trust, span_str(options->servers.item[i]), err);
		if (rc != RC_OK)
			return err_prefix(err, rc, "--authserv");
	}
	trust->dkim = options->dkim;
	/* made without a question: settings may want it */
	if (!offline)
		TRY(resolver_new(&config, &carriers->resolver, err));
	return carriers_make(
	    trust, carriers->resolver, BUDGET, carriers, reader, err);
}
