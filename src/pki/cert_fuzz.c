/* clang -g -fsanitize=fuzzer,address,undefined -std=gnu2x -Isrc, this file
 * and the sources of pki and base without their tests, -lcrypto: what is read
 * of any bytes can be asked everything. */
#include "base/own.h"
#include "pki/cert.h"
#include "pki/chain.h"
#include "pki/der.h"
#include "pki/mailbox.h"
#include "pki/orphan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
check_addresses(const struct cert *cert)
{
	const struct strlist *list = cert_addresses(cert);

	for (size_t i = 0; i < list->len; i++) {
		struct span mailbox = span_str(list->item[i]);
		if (mailbox_is_ascii(mailbox) == mailbox_is_utf8(mailbox))
			bug("cert: an address that is no mailbox");
		if (!cert_names_address(cert, list->item[i]))
			bug("cert: does not name its own address");
	}
}

static void
check(const struct cert *cert, struct span der)
{
	struct certs certs CERTS_OWNED = CERTS_NONE;
	struct chain_result result CHAIN_RESULT_OWNED = CHAIN_RESULT;
	struct chain_request ask = {
	    .roots = &certs, .at = cert_not_before(cert)};

	if (!span_is(cert_der(cert), der))
		bug("cert: other bytes than were read");
	check_addresses(cert);
	(void)(cert_can_sign(cert, NULL) == RC_OK);
	(void)(cert_can_receive(cert, NULL) == RC_OK);
	(void)(certs_add(&certs, cert, NULL) == RC_OK);
	(void)(chain_check(cert, &ask, &result, NULL) == RC_OK);
	if ((result.state == CHAIN_VALID) != (result.reason == NULL))
		bug("chain: a reason without a fault, or a fault without one");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cert *cert OWNED(cert_free) = NULL;
	struct certs list CERTS_OWNED = CERTS_NONE;
	struct span in = span_of(data, len);

	if (cert_parse(in, &cert, NULL) == RC_OK) {
		if (der_check(in, NULL) != RC_OK)
			bug("cert: not DER");
		check(cert, in);
	}
	if (certs_parse(&list, in, NULL) != RC_OK && list.len > 0)
		bug("certs: added something and failed");
	certs_done(&list);
	if (orphans_parse_issuers(in, 2, &list, NULL) != RC_OK && list.len > 0)
		bug("orphans: added something and failed");
	if (list.len > 2)
		bug("orphans: more than were wanted");
	return 0;
}
