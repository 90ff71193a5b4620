/* Servers that do not answer. */
#include "keydir/status_priv.h"
#include "os/clock.h"

static void
print_origin(const char *url, char ret[STATUS_ORIGIN_MAX])
{
	const char *host = strstr(url, "://");
	size_t len = host != NULL ? (size_t)(host - url) + 3 : 0;

	len += strcspn(url + len, "/?#");
	if (len >= STATUS_ORIGIN_MAX)
		len = STATUS_ORIGIN_MAX - 1;
	memcpy(ret, url, len);
	ret[len] = '\0';
}

struct status_dead *
status_dead_find(struct status_deads *deads, const char *url)
{
	char origin[STATUS_ORIGIN_MAX];

	print_origin(url, origin);
	for (size_t i = 0; i < STATUS_DEADS_MAX; i++)
		if (!strcmp(deads->item[i].origin, origin))
			return &deads->item[i];
	return NULL;
}

void
status_dead_note(struct status_deads *deads, const char *url, int64_t for_ms)
{
	struct status_dead *at = status_dead_find(deads, url);
	int64_t now = clock_ticks();

	for (size_t i = 0; at == NULL && i < STATUS_DEADS_MAX; i++)
		if (deads->item[i].until <= now)
			at = &deads->item[i];
	if (at == NULL)
		at = &deads->item[(size_t)now % STATUS_DEADS_MAX];
	print_origin(url, at->origin);
	at->from = now;
	at->until = now + for_ms;
}

void
status_dead_clear(struct status_deads *deads, const char *url)
{
	struct status_dead *dead = status_dead_find(deads, url);

	if (dead != NULL)
		*dead = (struct status_dead){.until = 0};
}
