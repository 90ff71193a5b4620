#include "os/desktop.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-bus.h>

#define LIBRARY "libsystemd.so.0"
#define WAIT_US (5U * 1000 * 1000)
#define SERVICE "org.freedesktop.Notifications"

/* What is used of it, by its own declarations. */
struct bus_calls {
	__typeof__(&sd_bus_open_user) open;
	__typeof__(&sd_bus_set_method_call_timeout) set_timeout;
	__typeof__(&sd_bus_call_method) call;
	__typeof__(&sd_bus_flush_close_unref) end;
};

static void *
find(void *library, const char *name)
{
	return library != NULL ? dlsym(library, name) : NULL;
}

/* It stays loaded: there may be more to say. */
static bool
load(struct bus_calls *ret)
{
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

	ret->open = (__typeof__(ret->open))find(library, "sd_bus_open_user");
	ret->set_timeout = (__typeof__(ret->set_timeout))find(
	    library, "sd_bus_set_method_call_timeout");
	ret->call = (__typeof__(ret->call))find(library, "sd_bus_call_method");
	ret->end =
	    (__typeof__(ret->end))find(library, "sd_bus_flush_close_unref");
	return ret->open != NULL && ret->set_timeout != NULL &&
	       ret->call != NULL && ret->end != NULL;
}

/* Notify(STRING app_name, UINT32 replaces_id, STRING app_icon, STRING summary,
 * STRING body, ARRAY actions, DICT hints, INT32 expire_timeout) */
static int
notify(const struct bus_calls *calls, sd_bus *bus, const char *summary,
    const char *body)
{
	int32_t until_read = 0;
	uint32_t replaces = 0;

	(void)calls->set_timeout(bus, WAIT_US);
	return calls->call(bus, SERVICE, "/org/freedesktop/Notifications",
	    SERVICE, "Notify", NULL, NULL, "susssasa{sv}i", "Letterlock",
	    replaces, "mail-message", summary, body, 0, 1, "urgency", "y", 2,
	    until_read);
}

enum rc
desktop_notify(const char *summary, const char *body, struct err *err)
{
	struct bus_calls calls;
	sd_bus *bus = NULL;

	if (!load(&calls))
		return err_set(err, RC_ABSENT, LIBRARY " is not there");
	if (calls.open(&bus) < 0)
		return err_set(err, RC_ABSENT, "there is no session bus");
	int done = notify(&calls, bus, summary, body);
	(void)calls.end(bus);
	return done < 0 ? err_set(err, RC_ABSENT, "no desktop shows anything")
			: RC_OK;
}
