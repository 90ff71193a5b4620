#include "keydir/person.h"

#include <stdio.h>

#include "codec/hex.h"
#include "mime/address.h"

#define MAC_BYTES 32

enum rc
person_item(const struct state *state, const char *address, const char *ending,
    char ret[PERSON_NAME_MAX], struct err *err)
{
	struct buf form BUF_OWNED = BUF_SMALL;
	struct buf hex BUF_OWNED = BUF_SMALL;
	uint8_t mac[MAC_BYTES];

	TRY(address_canonical(address, &form, err));
	TRY(wrap_mac(state_key(state), "people", buf_span(&form), mac, err));
	TRY(hex_encode(span_of(mac, sizeof(mac)), &hex, err));
	(void)snprintf(ret, PERSON_NAME_MAX, PERSON_FOLDER "/%.*s%s",
	    SPAN_ARGS(buf_span(&hex)), ending);
	return RC_OK;
}
