/* dns/zone_fixture -- a real DNS server (Knot) for this room's tests: signed,
 * unsigned and forged zones on a loopback address of this process' own.  For
 * tests only.
 */
#ifndef DNS_ZONE_FIXTURE_H
#define DNS_ZONE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <unistd.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "dns/resolver.h"

#define ZONE_PORT 5300
#define ZONE_STOP_TRIES 200 /* of 50 ms */

struct zone_fixture {
	char root[64];
	char address[20];  /* of 127.64.0.0/10 */
	char server[64];   /* "127.64.1.2@5300" */
	char anchors[128]; /* of signed.test and, wrongly, of forged.test */
	pid_t knot;
};

/* Run a command of the shell in the fixture's folder. */
__attribute__((format(printf, 2, 3))) static void
zone_run(const struct zone_fixture *fixture, const char *format, ...)
{
	char command[8192];
	int begin = snprintf(command, sizeof(command),
	    "set -e; cd '%s'; PATH=$PATH:/usr/sbin; ", fixture->root);
	va_list args;

	va_start(args, format);
	int len = vsnprintf(
	    command + begin, sizeof(command) - (size_t)begin, format, args);
	va_end(args);
	assert_in_range(begin + len, 0, (int)sizeof(command) - 1);
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

/* Tests run side by side: a port that was free a moment ago may be another's
 * by now, an address made of the process id may not. */
static void
zone_choose_address(struct zone_fixture *fixture)
{
	unsigned pid = (unsigned)getpid();

	(void)snprintf(fixture->address, sizeof(fixture->address),
	    "127.%u.%u.%u", 64 + (pid >> 16 & 63), pid >> 8 & 255, pid & 255);
	(void)snprintf(fixture->server, sizeof(fixture->server), "%s@%d",
	    fixture->address, ZONE_PORT);
}

static void
zone_write_config(const struct zone_fixture *fixture)
{
	zone_run(fixture,
	    "cat > knot.conf <<'END'\n"
	    "server:\n  rundir: %s\n  listen: %s\n"
	    "  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\n"
	    "control:\n  listen: %s/knot.sock\n"
	    "database:\n  storage: %s/db\n"
	    "policy:\n  - id: p\n    algorithm: ecdsap256sha256\n"
	    "    single-type-signing: on\n    cds-cdnskey-publish: none\n"
	    "template:\n  - id: default\n    storage: %s\n"
	    "    zonefile-sync: -1\n    journal-content: none\n"
	    "zone:\n"
	    "  - domain: signed.test\n    file: signed.zone\n"
	    "    dnssec-signing: on\n    dnssec-policy: p\n"
	    "  - domain: open.test\n    file: open.zone\n"
	    "  - domain: forged.test\n    file: open.zone\n"
	    "  - domain: football.example.com\n    file: football.zone\n"
	    "END\n",
	    fixture->root, fixture->server, fixture->root, fixture->root,
	    fixture->root);
}

/* `signed_records`, `football_records`: added to these zones. */
static void
zone_start(struct zone_fixture *fixture)
{
	zone_run(fixture,
	    "for z in signed open football; do { echo '$TTL 60'; "
	    "echo '@ SOA ns.open.test. h.open.test. 1 60 60 60 1'; "
	    "echo '@ NS ns.open.test.'; cat $z.records; } > $z.zone; done; "
	    "mkdir -p db; "
	    "k='keymgr -c knot.conf'; "
	    "$k signed.test generate algorithm=ecdsap256sha256 ksk=yes "
	    "zsk=yes >/dev/null; "
	    "$k signed.test dnskey > anchors; "
	    "sed s/^signed/forged/ anchors >> anchors.more; "
	    "cat anchors.more >> anchors");
	fixture->knot = fork();
	if (fixture->knot == 0) {
		char command[256];
		(void)snprintf(command, sizeof(command),
		    "PATH=$PATH:/usr/sbin; cd %s; exec knotd -c knot.conf "
		    ">log 2>&1",
		    fixture->root);
		(void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
}

static void
zone_wait(const struct zone_fixture *fixture)
{
	zone_run(fixture,
	    "for i in $(seq 200); do "
	    "kdig +short +timeout=1 +retry=0 @%s -p %d TXT ready.signed.test "
	    "2>/dev/null | grep -q ready && exit 0; sleep 0.05; done; cat log; "
	    "exit 1",
	    fixture->address, ZONE_PORT);
}

static void
zone_fixture_init(struct zone_fixture *fixture)
{
	(void)snprintf(
	    fixture->root, sizeof(fixture->root), "/tmp/zone-XXXXXX");
	assert_non_null(mkdtemp(fixture->root));
	zone_choose_address(fixture);
	(void)snprintf(fixture->anchors, sizeof(fixture->anchors), "%s/anchors",
	    fixture->root);
	zone_write_config(fixture);
	zone_run(fixture, "echo 'ready TXT ready' > signed.records; "
			  "touch open.records football.records");
}

static void
zone_fixture_done(struct zone_fixture *fixture)
{
	bool gone = fixture->knot <= 0;

	for (int i = 0; !gone && i < ZONE_STOP_TRIES; i++) {
		(void)kill(fixture->knot, SIGTERM);
		gone = waitpid(fixture->knot, NULL, WNOHANG) != 0;
		if (!gone)
			(void)usleep(50 * 1000);
	}
	if (!gone) {
		(void)kill(fixture->knot, SIGKILL);
		(void)waitpid(fixture->knot, NULL, 0);
	}
	zone_run(fixture, "rm -r '%s'", fixture->root);
}

static struct resolver *
zone_resolver(const struct zone_fixture *fixture)
{
	struct resolver_config config = {
	    .server = fixture->server, .anchors = fixture->anchors};
	struct resolver *resolver = NULL;
	struct err err = ERR_NONE;

	if (resolver_new(&config, &resolver, &err) != RC_OK)
		fail_msg("resolver: %s", err.text);
	return resolver;
}

#endif
