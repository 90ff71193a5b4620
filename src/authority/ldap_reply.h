/* authority/ldap_reply -- write what an LDAP server says.
 *
 * Standard:  RFC 4511.
 * May use:   base pki.
 *
 * Every function appends one whole message, or nothing.
 */
#ifndef AUTHORITY_LDAP_REPLY_H
#define AUTHORITY_LDAP_REPLY_H

#include "authority/ldap_query.h"
#include "base/buf.h"

#define LDAP_OID_STARTTLS "1.3.6.1.4.1.1466.20037"
#define LDAP_OID_DISCONNECTION "1.3.6.1.4.1.1466.20036"

/* resultCode (RFC 4511 appendix A) */
enum ldap_result {
	LDAP_SUCCESS = 0,
	LDAP_OPERATIONS_ERROR = 1,
	LDAP_PROTOCOL_ERROR = 2,
	LDAP_SIZE_LIMIT = 4,
	LDAP_METHOD_NOT_SUPPORTED = 7,
	LDAP_ADMIN_LIMIT = 11,
	LDAP_UNKNOWN_CRITICAL = 12,
	LDAP_NO_SUCH_OBJECT = 32,
	LDAP_INVALID_CREDENTIALS = 49,
	LDAP_BUSY = 51,
	LDAP_UNAVAILABLE = 52,
	LDAP_UNWILLING = 53,
};

struct ldap_reply {
	uint32_t id;
	uint8_t op; /* of the question */
	enum ldap_result result;
	const char *text;
	const char *oid; /* of an extended answer; NULL: none */
};

/* The last answer to a question.  RC_ABSENT: nobody waits for one (unbind,
 * abandon). */
enum rc ldap_reply_end(
    const struct ldap_reply *reply, struct buf *out, struct err *err);

/* An entry, with those of its attributes that are asked for. */
enum rc ldap_reply_entry(const struct ldap_query *query,
    const struct ldap_entry *entry, struct buf *out, struct err *err);

/* "Notice of Disconnection" (section 4.4.1). */
enum rc ldap_reply_goodbye(enum ldap_result result, const char *text,
    struct buf *out, struct err *err);

#endif
