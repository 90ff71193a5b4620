/* dns/dkimkit -- letters signed by dkimpy, and a DNS that has the keys.  For
 * tests only.
 */
#ifndef DNS_DKIMKIT_PRIV_H
#define DNS_DKIMKIT_PRIV_H

#include <strings.h>

#include "dns/dkim.h"
#include "dns/zone_fixture.h"

/* Foreign judge: dkimpy signs what we check and checks what we sign. */
static const char sign_script[] =
    "import sys, time, dkim\n"
    "letter = sys.stdin.buffer.read()\n"
    "o = dict(a.split('=', 1) for a in sys.argv[1:])\n"
    "late = float(o.get('late', 0)); now = time.time\n"
    "time.time = lambda: now() + late\n"
    "gen = dkim.DKIM.gen_header\n"
    "def add(self, fields, *a, **k):\n"
    "    if 'x' in o:\n"
    "        x = str(int(now()) + int(o['x'])).encode()\n"
    "        fields.insert(-1, (b'x', x))\n"
    "    return gen(self, fields, *a, **k)\n"
    "dkim.DKIM.gen_header = add\n"
    "names = [n.encode() for n in o['h'].split(':')]\n"
    "key = open(o['key'], 'rb').read()\n"
    "canon = tuple(c.encode() for c in o.get('c', "
    "'relaxed/simple').split('/'))\n"
    "field = dkim.sign(letter, o['s'].encode(), o['d'].encode(), key, "
    "canonicalize=canon, "
    "signature_algorithm=o.get('a', 'rsa-sha256').encode(), "
    "include_headers=names, length='l' in o)\n"
    "sys.stdout.buffer.write(field + letter)\n";

static const char verify_script[] =
    "import sys, dkim\n"
    "record = open(sys.argv[1], 'rb').read().strip()\n"
    "ok = dkim.verify(sys.stdin.buffer.read(), "
    "dnsfunc=lambda name, timeout=5: record)\n"
    "sys.exit(0 if ok else 1)\n";

#define H_ANSWER                                               \
	"from:sender:reply-to:to:cc:subject:date:in-reply-to:" \
	"references:message-id:content-type:content-transfer-encoding"
#define H_ALL H_ANSWER ":auto-submitted"
/* Once more than there is one: oversigned. */
#define H_OVER H_ALL ":from:subject:to"

#define LETTER                                                     \
	"Auto-Submitted: auto-generated; type=acme\r\n"            \
	"Date: Sat, 05 Dec 2020 10:08:55 +0100\r\n"                \
	"Message-ID: <A2299BB.FF7788@signed.test>\r\n"             \
	"From: Authority <acme@signed.test>\r\n"                   \
	"To: alexey@example.com\r\n"                               \
	"Subject: ACME: LgYemJLy3F1LDkiJrdIGbEzyFJyOyf6vBdyZ1\r\n" \
	"Content-Type: text/plain\r\n"                             \
	"MIME-Version: 1.0\r\n"                                    \
	"\r\n"                                                     \
	"Hello.\r\n"

struct context {
	struct zone_fixture zones;
	struct resolver *resolver;
};

static inline void
write_file(struct context *context, const char *name, const char *text)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", context->zones.root, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
}

static inline void
make_keys(const struct zone_fixture *zones)
{
	zone_run(zones,
	    "exec 2>/dev/null; umask 077; "
	    "for b in 2048 1024 768; do openssl genrsa -traditional -out $b "
	    "$b; openssl pkey -in $b -pubout -outform DER | base64 -w0 > "
	    "$b.pub; done; "
	    "openssl genpkey -algorithm ed25519 -out ed.pem; "
	    "openssl pkey -in ed.pem -outform DER | tail -c 32 | base64 -w0 "
	    "> ed; "
	    "openssl pkey -in ed.pem -pubout -outform DER | tail -c 32 | "
	    "base64 -w0 > ed.pub; "
	    "r() { echo \"$1._domainkey TXT $(echo \"$2\" | "
	    "sed 's/.\\{200\\}/&\" \"/g; s/^/\"/; s/$/\"/')\"; }; "
	    "{ r good \"v=DKIM1; k=rsa; p=$(cat 2048.pub)\"; "
	    "r thousand \"v=DKIM1; p=$(cat 1024.pub)\"; "
	    "r small \"v=DKIM1; p=$(cat 768.pub)\"; "
	    "r ed \"v=DKIM1; k=ed25519; p=$(cat ed.pub)\"; "
	    "r testing \"v=DKIM1; t=y; p=$(cat 2048.pub)\"; "
	    "r revoked \"v=DKIM1; p=\"; "
	    "r other \"v=DKIM1; p=$(cat 1024.pub)\"; "
	    "r two \"v=DKIM1; p=$(cat 2048.pub)\"; "
	    "r two \"v=DKIM1; k=rsa; p=$(cat 2048.pub)\"; "
	    "} >> signed.records; "
	    "echo \"v=DKIM1; k=rsa; p=$(cat 2048.pub)\" > good.txt; "
	    "r good \"v=DKIM1; k=rsa; p=$(cat 2048.pub)\" > open.records");
}

static inline int
set_up(void **state)
{
	static struct context context;

	zone_fixture_init(&context.zones);
	make_keys(&context.zones);
	/* RFC 8463 appendix A.2. */
	write_file(&context, "football.records",
	    "brisbane._domainkey TXT \"v=DKIM1; k=ed25519; "
	    "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"\n"
	    "test._domainkey TXT ( \"v=DKIM1; k=rsa; "
	    "p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWR\"\n"
	    " \"iGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/"
	    "J16JYi0Qvx/byYzCNb3W91y3FutAC\"\n"
	    " \"DfzwQ/BC/e/8uBsCR+yz1Lxj+"
	    "PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3\"\n"
	    " \"Ip3G+2kryOTIKT+l/K4w3QIDAQAB\" )\n");
	write_file(&context, "sign.py", sign_script);
	write_file(&context, "verify.py", verify_script);
	zone_start(&context.zones);
	zone_wait(&context.zones);
	context.resolver = zone_resolver(&context.zones);
	*state = &context;
	return 0;
}

static inline int
tear_down(void **state)
{
	struct context *context = *state;

	resolver_free(context->resolver);
	zone_fixture_done(&context->zones);
	return 0;
}

static inline void
read_file(struct context *context, const char *name, struct buf *out)
{
	char path[256];
	uint8_t *room = NULL;

	(void)snprintf(path, sizeof(path), "%s/%s", context->zones.root, name);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_int_equal(buf_reserve(out, 100000, &room, NULL), RC_OK);
	buf_grown(out, fread(room, 1, 100000, file));
	assert_int_equal(fclose(file), 0);
}

/* The letter with a signature by dkimpy in front. */
static inline void
sign(void **state, const char *letter, const char *options, struct buf *out)
{
	struct context *context = *state;

	write_file(context, "letter", letter);
	zone_run(&context->zones,
	    "/usr/bin/python3 sign.py %s < letter > letter.signed", options);
	read_file(context, "letter.signed", out);
}

#endif
