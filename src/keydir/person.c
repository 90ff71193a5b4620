#include "keydir/person.h"

#include <ctype.h>
#include <stdio.h>

#include "codec/hex.h"

#define MAC_BYTES 32

enum rc
person_item(const struct state *state, const char *address, const char *ending,
    char ret[PERSON_NAME_MAX], struct err *err)
{
	struct buf folded BUF_OWNED = BUF_SMALL;
	struct buf hex BUF_OWNED = BUF_SMALL;
	uint8_t mac[MAC_BYTES];

	for (; *address != '\0'; address++)
		TRY(buf_add_byte(
		    &folded, (uint8_t)tolower((unsigned char)*address), err));
	TRY(wrap_mac(state_key(state), "people", buf_span(&folded), mac, err));
	TRY(hex_encode(span_of(mac, sizeof(mac)), &hex, err));
	(void)snprintf(ret, PERSON_NAME_MAX, PERSON_FOLDER "/%.*s%s",
	    SPAN_ARGS(buf_span(&hex)), ending);
	return RC_OK;
}
