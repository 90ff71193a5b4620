/* Whatever a server writes, it is read within the limits or not at all. */
#include "mime/authres.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct authres a AUTHRES_OWNED = AUTHRES_NONE;
	struct err err = ERR_NONE;

	enum rc rc = authres_parse(span_of(data, len), &a, &err);
	if (rc != RC_OK && (a.len != 0 || err.text[0] == '\0'))
		bug("authres: half read");
	if (rc == RC_OK && a.server[0] == '\0')
		bug("authres: of nobody");
	for (size_t i = 0; i < a.len; i++) {
		const struct authres_result *r = &a.item[i];
		if (r->method[0] == '\0' || r->result[0] == '\0' ||
		    strlen(r->method) > AUTHRES_WORD_MAX)
			bug("authres: a result of nothing");
		for (size_t k = 0; k < r->properties; k++)
			if (authres_property(r, r->property[k].name)[0] == '\0')
				bug("authres: a property of nothing");
	}
	return 0;
}
