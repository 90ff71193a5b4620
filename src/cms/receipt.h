/* cms/receipt -- requests for signed receipts, and receipts.
 *
 * Standard:  RFC 2634 sections 2.7 and 2.8.
 * May use:   base pki.  No I/O.
 * Not here:  whether one is sent (flow); its signature (cms/verify).
 * Limits:    as the signature they come in; RECEIPT_TO_MAX.
 */
#ifndef CMS_RECEIPT_H
#define CMS_RECEIPT_H

#include "base/buf.h"
#include "base/strlist.h"

#define RECEIPT_TO_MAX 16 /* ub-receiptsTo */

enum receipt_from {
	RECEIPT_ALL,        /* every recipient is asked */
	RECEIPT_FIRST_TIER, /* those whom no mailing list served */
	RECEIPT_LISTED,     /* those in `from_list` */
};

struct receipt_request {
	bool asked;    /* false: there is no request, and nothing else is set */
	struct buf id; /* signedContentIdentifier */
	enum receipt_from from;
	struct strlist from_list; /* mail addresses */
	struct strlist to;        /* where receipts are to be sent */
};

struct receipt {
	struct buf content_type; /* OID, its content octets */
	struct buf id;           /* signedContentIdentifier */
	struct buf signature;    /* the value of the signature it is about */
};

#define RECEIPT_REQUEST_OWNED __attribute__((cleanup(receipt_request_done)))
#define RECEIPT_OWNED __attribute__((cleanup(receipt_done)))

/* `der`: the value of the receiptRequest attribute.  Fill an empty *ret.
 * RC_SYNTAX, RC_LIMIT. */
enum rc receipt_request_parse(
    struct span der, struct receipt_request *ret, struct err *err);
void receipt_request_done(struct receipt_request *request);

/* `der`: the content of a SignedData whose type is id-ct-receipt. */
enum rc receipt_parse(struct span der, struct receipt *ret, struct err *err);
void receipt_done(struct receipt *receipt);

#endif
