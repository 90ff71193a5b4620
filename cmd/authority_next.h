/* cmd/authority_next -- what is left to be done when an authority was made:
 * all that needs other hands than the program's. */
#ifndef CMD_AUTHORITY_NEXT_H
#define CMD_AUTHORITY_NEXT_H

#include "authority/settings.h"
#include "base/buf.h"

/* Not a token: encrypted files, to be put away. */
#define AUTHORITY_NEXT_FILES "files"

struct authority_next {
	const char *folder;
	const struct settings *settings;
	const char *offline;   /* URI of a token, "files", or NULL */
	struct span dkim_text; /* authority_next_dkim() */
};

/* The TXT record of the DKIM key, as a zone file has it.  RC_UNFIT: the
 * settings' file has no RSA key of 1024 bits or more. */
enum rc authority_next_dkim(
    const struct settings *settings, struct buf *out, struct err *err);

void authority_next_print(const struct authority_next *next);

#endif
