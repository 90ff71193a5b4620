#include "base/rc.h"

#include <stdio.h>
#include <stdlib.h>

const char *
rc_name(enum rc rc)
{
	static const char *const names[] = {
	    [RC_OK] = "RC_OK",
	    [RC_NOMEM] = "RC_NOMEM",
	    [RC_IO] = "RC_IO",
	    [RC_AGAIN] = "RC_AGAIN",
	    [RC_SYNTAX] = "RC_SYNTAX",
	    [RC_LIMIT] = "RC_LIMIT",
	    [RC_ABSENT] = "RC_ABSENT",
	    [RC_UNFIT] = "RC_UNFIT",
	    [RC_CRYPTO] = "RC_CRYPTO",
	    [RC_REFUSED] = "RC_REFUSED",
	};

	if ((size_t)rc >= sizeof(names) / sizeof(names[0]))
		bug("rc_name: no such rc");
	return names[rc];
}

void
bug_at(const char *file, int line, const char *what)
{
	fprintf(stderr, "letterlock: bug at %s:%d: %s\n", file, line, what);
	abort();
}
