/* authority/issued -- the certificates that were issued.
 *
 * May use:   base os pki store.
 */
#ifndef AUTHORITY_ISSUED_H
#define AUTHORITY_ISSUED_H

#include "authority/hierarchy.h"
#include "authority/order.h"
#include "authority/request.h"

/* Keep a certificate (DER), give it to its order and write it down (audit).
 * Within a transaction of the caller, in which the order was read: what was
 * answered must have been committed.  The order is valid then, in the database
 * and in `order`.  RC_ABSENT: it has one already. */
enum rc issued_add(struct sql *sql, struct order *order,
    const struct request *request, struct span cert, struct err *err);

struct issued {
	int64_t account;
	char issuer[PUBLISHED_ID_LEN + 1];
	char *address;
	int64_t not_before, not_after;
	struct buf der;
};

#define ISSUED_OWNED __attribute__((cleanup(issued_done)))
void issued_done(struct issued *issued);

/* By the end of its URL; RC_ABSENT: there is none.  `ret->der` must be
 * initialised; the DER is appended. */
enum rc issued_find(
    struct sql *sql, const char *name, struct issued *ret, struct err *err);

/* The same by its serial number, without an octet for the sign. */
enum rc issued_find_serial(
    struct sql *sql, struct span serial, struct issued *ret, struct err *err);

/* What was issued when there was one issuing CA only does not say which: it
 * was this one. */
enum rc issued_adopt(struct sql *sql, const char *issuer, struct err *err);

#endif
