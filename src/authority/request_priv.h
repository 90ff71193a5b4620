/* authority/request_priv -- the key in a request, and the proof that whoever
 * asks has it.
 */
#ifndef AUTHORITY_REQUEST_PRIV_H
#define AUTHORITY_REQUEST_PRIV_H

#include "authority/request.h"

#include <openssl/x509.h>

/* `der` is what `req` was read from; request->kind is what was asked for.
 * Fills in what the request says of its key.  As request_check(). */
enum rc request_check_key(const X509_REQ *req, struct span der,
    struct request *request, struct err *err);

#endif
