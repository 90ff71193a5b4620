/* enrol/pacc -- the JSON in which providers tell mail programs their settings.
 *
 * Standard:  draft-ietf-mailmaint-pacc: a document at
 *            https://ua-auto-config.DOMAIN/.well-known/user-agent-configuration.json
 *            whose SHA-256 a TXT record at _ua-auto-config.DOMAIN has.
 * May use:   base codec os mime pki vault proto dns net store.
 * Limits:    64 KiB.  Unknown members are passed over.
 */
#ifndef ENROL_PACC_H
#define ENROL_PACC_H

#include "base/strlist.h"
#include "enrol/discovery.h"

#define PACC_MAX ((size_t)64 * 1024)

/* Does one of the records vouch for these very bytes?  RC_ABSENT: there is no
 * such record.  RC_UNFIT: there are, and for other bytes. */
enum rc pacc_check(
    const struct strlist *records, struct span json, struct err *err);
/* IMAP and SMTP with TLS from the first byte, on the ports of RFC 8314.
 * RC_SYNTAX: it is no such JSON.  RC_UNFIT: no servers or no login that we
 * have.  On failure *ret is as it was. */
enum rc pacc_parse(struct span json, struct discovery *ret, struct err *err);

#endif
