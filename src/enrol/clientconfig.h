/* enrol/clientconfig -- the XML in which providers tell mail programs their
 * settings.
 *
 * Standard:  draft-ietf-mailmaint-autoconfig (clientConfig 1.1 and 1.2, as
 *            Thunderbird reads it).  Unknown elements are passed over.
 * May use:   base codec os mime pki vault proto dns net store.
 * Not here:  where it comes from, and whether that is believed.
 * Limits:    64 KiB; elements 16 deep; 512 bytes of text in one.  A DOCTYPE is
 *            refused, so that there are no entities but XML's own five: none
 *            that grow, none that read files.
 */
#ifndef ENROL_CLIENTCONFIG_H
#define ENROL_CLIENTCONFIG_H

#include "enrol/discovery.h"

#define CLIENTCONFIG_MAX ((size_t)64 * 1024)

/* The first IMAP and the first SMTP server that can be used; `address` fills
 * %EMAILADDRESS% and its like.  RC_SYNTAX: it is no such XML.  RC_LIMIT: too
 * large or too deep.  RC_UNFIT: only servers that we do not use (without TLS,
 * or with a login that we do not have).  On failure *ret is as it was. */
enum rc clientconfig_parse(struct span xml, const char *address,
    struct discovery *ret, struct err *err);

#endif
