/* enrol/oauth -- what its two files share.  Private to enrol. */
#ifndef ENROL_OAUTH_PRIV_H
#define ENROL_OAUTH_PRIV_H

#include <pthread.h>

#include "enrol/oauth.h"
#include "net/https.h"

#define OAUTH_TOKEN_MAX 8000
#define OAUTH_FORM_MAX ((size_t)32 * 1024)

struct oauth {
	struct oauth_config config;
	pthread_mutex_t lock; /* of all below */
	struct https *https;
	bool loaded;
	struct buf access, refresh; /* secret */
	int64_t ends;               /* of the access token; 0: not known */
};

/* Append "name=value" for a form, with what stands between two. */
enum rc oauth_add_field(
    struct buf *form, const char *name, struct span value, struct err *err);
/* Send a form to the token endpoint; save what comes.  Holds the lock. */
enum rc oauth_ask_tokens(
    struct oauth *oauth, struct buf *form, struct err *err);

#endif
