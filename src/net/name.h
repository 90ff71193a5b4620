/* net/name -- how this room learns an address, without using the dns room:
 * the program plugs in the resolver. */
#ifndef NET_NAME_H
#define NET_NAME_H

#include "base/err.h"
#include "base/strlist.h"

struct names {
	/* Add the IP addresses of `host` as text.  RC_ABSENT: it has none. */
	enum rc (*find)(void *context, const char *host, struct strlist *ret,
	    struct err *err);
	void *context;
};

#endif
