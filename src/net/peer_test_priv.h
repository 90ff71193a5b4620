/* net/peer -- for tests: the other end of a connection, played by Python.
 *
 * A peer follows a list of steps:
 *     "> text"  send it            "< text"  read exactly that, else fail
 *     "<~ text"  read to an empty line; `text` must be in it
 *     "tls"     start TLS          "tls! OPTIONS"  try to, which must fail
 *     "sleep"   for 0.1 s         "from X"  the other's address is X
 *     "cut"     end without TLS's goodbye           "eof"  read the end
 * OPTIONS: alpn=h2,imap max=TLSv1_1 ciphers=AES128-SHA.  All peers trust and
 * use the certificate made by peer_setup().
 */
#ifndef NET_PEER_TEST_PRIV_H
#define NET_PEER_TEST_PRIV_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/tls.h"

#define PYTHON "/usr/bin/python3"
#define PEER_STEPS_MAX 40
#define LENGTH(table) (sizeof(table) / sizeof((table)[0]))

static const char peer_program[] =
    "import socket, ssl, sys, time\n"
    "sys.excepthook = lambda kind, e, trace: "
    "print('peer:', repr(e), file=sys.stderr)\n"
    "pem, role, steps = sys.argv[1], sys.argv[2], sys.argv[3:]\n"
    "def start_tls(c, options):\n"
    "    o = dict(w.split('=') for w in options.split())\n"
    "    x = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if role == 'listen'\n"
    "                       else ssl.PROTOCOL_TLS_CLIENT)\n"
    "    x.load_cert_chain(pem) if role == 'listen' else "
    "x.load_verify_locations(pem)\n"
    "    x.minimum_version = ssl.TLSVersion.TLSv1\n"
    "    if 'alpn' in o: x.set_alpn_protocols(o['alpn'].split(','))\n"
    "    if 'max' in o: x.maximum_version = getattr(ssl.TLSVersion, "
    "o['max'])\n"
    "    if 'ciphers' in o: x.set_ciphers(o['ciphers'] + ':@SECLEVEL=0')\n"
    "    if role == 'listen': return x.wrap_socket(c, server_side=True)\n"
    "    return x.wrap_socket(c, server_hostname='localhost')\n"
    "if role == 'listen':\n"
    "    s = socket.create_server(('127.0.0.1', 0))\n"
    "    s.settimeout(20)\n"
    "    print(s.getsockname()[1], flush=True)\n"
    "    c = s.accept()[0]\n"
    "else:\n"
    "    c = socket.create_connection(('127.0.0.1', int(role)))\n"
    "c.settimeout(20)\n"
    "for step in steps:\n"
    "    if step[:2] == '> ': c.sendall(step[2:].encode('latin-1'))\n"
    "    elif step[:2] == '< ':\n"
    "        want, got = step[2:].encode('latin-1'), b''\n"
    "        while len(got) < len(want):\n"
    "            more = c.recv(len(want) - len(got))\n"
    "            if not more: break\n"
    "            got += more\n"
    "        if got != want: sys.exit(f'peer: {got!r}, not {want!r}')\n"
    "    elif step[:3] == '<~ ':\n"
    "        got = b''\n"
    "        while not got.endswith(b'\\r\\n\\r\\n'):\n"
    "            more = c.recv(1)\n"
    "            if not more: sys.exit(f'peer: {got!r} is cut')\n"
    "            got += more\n"
    "        if step[3:].encode('latin-1') not in got:\n"
    "            sys.exit(f'peer: {got!r}')\n"
    "    elif step[:4] == 'tls!':\n"
    "        try: start_tls(c, step[4:])\n"
    "        except (OSError, ssl.SSLError): sys.exit(0)\n"
    "        sys.exit('peer: TLS was not refused')\n"
    "    elif step[:3] == 'tls': c = start_tls(c, step[3:])\n"
    "    elif step[:5] == 'from ':\n"
    "        if c.getpeername()[0] != step[5:]:\n"
    "            sys.exit(f'peer: from {c.getpeername()[0]}')\n"
    "    elif step == 'sleep': time.sleep(0.1)\n"
    "    elif step == 'eof':\n"
    "        if c.recv(1): sys.exit('peer: more, not the end')\n"
    "    elif step == 'cut':\n"
    "        socket.socket(fileno=c.detach()).close()\n"
    "        sys.exit(0)\n"
    "if isinstance(c, ssl.SSLSocket):\n"
    "    try: c.unwrap()\n"
    "    except (OSError, ssl.SSLError): pass\n"
    "c.close()\n";

struct peer {
	pid_t pid;
	uint16_t port;
};

static char peer_pem[64]; /* certificate and key, made by peer_setup() */
static struct tls *peer_trust;
static struct tls *peer_server;

static inline void
peer_write_file(const char *path, struct span bytes)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes.data, 1, bytes.len, file), bytes.len);
	assert_int_equal(fclose(file), 0);
}

static inline int
peer_setup(void **state)
{
	struct buf certificate BUF_OWNED = BUF_SMALL;
	struct buf key BUF_OWNED = BUF_SECRET((size_t)1 << 20);
	char template[] = "/tmp/letterlock-net-XXXXXX";
	int fd = mkstemp(template);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
	(void)snprintf(peer_pem, sizeof(peer_pem), "%s", template);
	assert_int_equal(tls_make_local(&certificate, &key, NULL), RC_OK);
	assert_int_equal(tls_server_new(buf_span(&certificate), buf_span(&key),
			     &peer_server, NULL),
	    RC_OK);
	assert_int_equal(buf_add(&key, buf_span(&certificate), NULL), RC_OK);
	peer_write_file(peer_pem, buf_span(&key));
	assert_int_equal(tls_client_new(peer_pem, &peer_trust, NULL), RC_OK);
	return 0;
}

static inline int
peer_teardown(void **state)
{
	(void)state;
	tls_free(peer_trust);
	tls_free(peer_server);
	(void)unlink(peer_pem);
	return 0;
}

static inline void
peer_exec(const char *role, const char *const *steps)
{
	const char *arguments[PEER_STEPS_MAX + 7] = {
	    PYTHON, "-Wignore", "-c", peer_program, peer_pem, role};

	for (size_t i = 0; steps[i] != NULL && i < PEER_STEPS_MAX; i++)
		arguments[6 + i] = steps[i];
	(void)execv(PYTHON, (char *const *)(uintptr_t)arguments);
	_exit(127);
}

static inline struct peer
peer_listen(const char *const *steps)
{
	struct peer peer = {0, 0};
	char line[16] = "";
	int pipes[2];

	assert_int_equal(pipe(pipes), 0);
	peer.pid = fork();
	assert_true(peer.pid >= 0);
	if (peer.pid == 0) {
		(void)dup2(pipes[1], STDOUT_FILENO);
		(void)close(pipes[0]);
		peer_exec("listen", steps);
	}
	(void)close(pipes[1]);
	FILE *said = fdopen(pipes[0], "r");
	assert_non_null(said);
	assert_non_null(fgets(line, sizeof(line), said));
	(void)fclose(said);
	peer.port = (uint16_t)strtoul(line, NULL, 10);
	assert_true(peer.port > 0);
	return peer;
}

static inline struct peer
peer_connect(uint16_t port, const char *const *steps)
{
	struct peer peer = {fork(), port};
	char role[8];

	assert_true(peer.pid >= 0);
	(void)snprintf(role, sizeof(role), "%u", port);
	if (peer.pid == 0)
		peer_exec(role, steps);
	return peer;
}

/* It did everything it was told. */
static inline void
peer_finish(const struct peer *peer)
{
	int status = -1;

	assert_int_equal(waitpid(peer->pid, &status, 0), peer->pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* However far it came. */
static inline void
peer_forget(const struct peer *peer)
{
	assert_int_equal(waitpid(peer->pid, NULL, 0), peer->pid);
}

#endif
