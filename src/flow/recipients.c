#include "flow/recipients.h"

#include <stdlib.h>
#include <string.h>

#include "mime/address.h"

static bool
has(const struct recipients *recipients, const char *address)
{
	for (size_t i = 0; i < recipients->len; i++)
		if (!strcmp(recipients->item[i].address, address))
			return true;
	return false;
}

static bool
is_ascii(const char *address)
{
	for (; *address != '\0'; address++)
		if ((unsigned char)*address >= 0x80)
			return false;
	return true;
}

static enum rc
append(struct recipients *recipients, const char *address,
    const struct cert *cert, unsigned ciphers, struct err *err)
{
	char *copy = NULL;

	TRY(span_dup(span_str(address), &copy, err));
	struct recipient *grown =
	    reallocarray(recipients->item, recipients->len + 1, sizeof(*grown));
	if (grown == NULL) {
		free(copy);
		return err_nomem(err, "recipients");
	}
	recipients->item = grown;
	grown[recipients->len++] =
	    (struct recipient){copy, cert_ref(cert), ciphers};
	return RC_OK;
}

enum rc
recipients_add(struct recipients *recipients, const struct keydir *keydir,
    const char *address, int64_t now, struct err *err)
{
	struct cert *cert OWNED(cert_free) = NULL;

	if (has(recipients, address))
		return RC_OK;
	if (!is_ascii(address))
		return err_set(err, RC_UNFIT,
		    "no certificate can be found for an address beyond ASCII");
	if (address_check(span_str(address), err) != RC_OK)
		return RC_UNFIT; /* no certificate can name it */
	TRY(keydir_find(keydir, address, now, &cert, err));
	return append(recipients, address, cert,
	    keydir_ciphers(keydir, address, cert), err);
}

void
recipients_done(struct recipients *recipients)
{
	for (size_t i = 0; i < recipients->len; i++) {
		free((char *)recipients->item[i].address);
		cert_free(recipients->item[i].cert);
	}
	free(recipients->item);
	*recipients = RECIPIENTS_NONE;
}
