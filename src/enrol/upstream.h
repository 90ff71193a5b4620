/* enrol/upstream -- the person's own mail servers, and how to log in there.
 *
 * The certificate that `tls` shows comes first, where a server asks for it;
 * then the password stays here.  Else the password, or an access token, which
 * is renewed when it is old or not taken any more.
 * May use:   base codec os mime pki vault proto dns net store.
 */
#ifndef ENROL_UPSTREAM_H
#define ENROL_UPSTREAM_H

#include "enrol/account.h"

struct upstream; /* may be shared by threads */

struct upstream_config {
	const struct account *account;
	const struct state *state;
	const struct resolver *resolver;
	const struct identity *identity; /* to show; NULL, or cert NULL: none */
};

/* Borrows all of it until upstream_free(). */
enum rc upstream_new(const struct upstream_config *config,
    struct upstream **ret, struct err *err);
void upstream_free(struct upstream *upstream);
OWNER(struct upstream, upstream_free);

/* imap_link_new() to the account's IMAP server. */
enum rc upstream_imap(const struct upstream *upstream, int timeout,
    struct imap_link **ret, struct err *err);
/* smtp_send() by the account's submission server. */
enum rc upstream_send(const struct upstream *upstream, int timeout,
    const struct smtp_client_letter *letter, struct smtp_client_result *ret,
    struct err *err);

#endif
