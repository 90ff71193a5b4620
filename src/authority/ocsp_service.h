/* authority/ocsp_service -- whether a certificate was revoked, for whoever
 * asks: POST /ocsp, GET /ocsp/BASE64.
 *
 * Standard:  RFC 6960 appendix A; RFC 5019 and 9919 (answers made before they
 *            are asked for); RFC 9654 (nonces); the S/MIME Baseline
 *            Requirements section 4.9.10.
 * May use:   base codec os pki store.
 *
 * A job signs an answer for each certificate, twice (for both digests that
 * clients name it by), and again when half of its time has gone.  What has
 * none, a question with a nonce or about several certificates is signed while
 * it waits.  Of what was never issued nothing is said ("unauthorized"), so that
 * nobody learns anything by trying numbers.
 */
#ifndef AUTHORITY_OCSP_SERVICE_H
#define AUTHORITY_OCSP_SERVICE_H

#include "authority/hierarchy.h"
#include "authority/http.h"
#include "store/sql.h"

#define OCSP_SERVICE_JOB "OCSP answers"
#define OCSP_SERVICE_EVERY 5 /* seconds */

struct ocsp_service;

/* Borrows both until ocsp_service_free(). */
enum rc ocsp_service_new(const struct settings *settings,
    const struct hierarchy *hierarchy, struct ocsp_service **ret,
    struct err *err);
void ocsp_service_free(struct ocsp_service *service);
OWNER(struct ocsp_service, ocsp_service_free);

/* As acme_answer(); a refusal is an answer too, with status 200. */
enum rc ocsp_service_answer(const struct ocsp_service *service, struct sql *sql,
    const struct http_request *request, int64_t now, struct http_answer *answer,
    struct err *err);

/* The job (authority/jobs.h); `context` is the service.  For one thread at a
 * time, which may be another than that of the answers. */
enum rc ocsp_service_presign(
    void *context, struct sql *sql, int64_t now, struct err *err);

#endif
