/* net/libcurl -- what all who use libcurl share: its start, and where a URL
 * leads.
 *
 * May use:   base codec os pki proto.
 */
#ifndef NET_LIBCURL_PRIV_H
#define NET_LIBCURL_PRIV_H

#include <curl/curl.h>

#include "base/own.h"
#include "net/name.h"

OWNER(char, curl_free);

/* Once a process, by whoever comes first. */
enum rc libcurl_start(struct err *err);

/* The caller frees both with curl_free().  RC_SYNTAX: it cannot be read.
 * RC_UNFIT: it holds a user name. */
enum rc libcurl_split(
    const char *url, char **ret_host, char **ret_port, struct err *err);

/* Is it an address, and no name? */
bool libcurl_is_literal(const char *host);

/* For CURLOPT_RESOLVE, freed with curl_slist_free_all(): libcurl is told the
 * addresses and asks nobody, so that what the program's resolver checked
 * (DNSSEC) is what is used.  RC_IO: there are none. */
enum rc libcurl_find(const struct names *names, const char *host,
    const char *port, struct curl_slist **ret, struct err *err);

#endif
