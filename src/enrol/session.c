#include "enrol/session.h"

#include "enrol/order.h"

void
session_done(struct session *session)
{
	acme_free(session->acme);
	buf_done(&session->jwk);
	*session = SESSION;
}

static enum rc
login(struct session *session, const struct enrol *enrol, struct err *err)
{
	const struct account *account = enrol->account;

	session->names = (struct names){.find = resolver_find_address,
	    .context = (void *)(uintptr_t)enrol->resolver};
	const struct acme_config config = {
	    .directory = account->authority,
	    .trust_file =
		account->tls_trust[0] != '\0' ? account->tls_trust : NULL,
	    .names = &session->names,
	    .jwk = buf_span(&session->jwk),
	    .timeout = session->timeout,
	};
	TRY(acme_new(&config, &session->acme, err));
	return acme_login(session->acme, err);
}

enum rc
session_open(
    struct session *session, const struct enrol *enrol, struct err *err)
{
	enum rc rc = order_find_account_key(
	    enrol->state, enrol->account->authority, &session->jwk, err);

	if (rc == RC_ABSENT)
		return err_set(err, RC_ABSENT,
		    "this device has no account at %s yet: run letterlock "
		    "setup",
		    enrol->account->authority);
	TRY(rc);
	return login(session, enrol, err);
}

enum rc
session_begin(
    struct session *session, const struct enrol *enrol, struct err *err)
{
	TRY(order_account_key(
	    enrol->state, enrol->account->authority, &session->jwk, err));
	return login(session, enrol, err);
}
