"""The agent is for the one person: not for other users, not for web pages, not for who comes first."""

import base64
import http.server
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time

import pytest

from people import letter

ALICE, BOB = "alice@alpha.test", "bob@beta.test"

# What another user of the machine can try, as that user: Python's own modules, nothing of ours.
STRANGER = """
import imaplib, smtplib, ssl, sys
tls = ssl.create_default_context()
tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
smtp_port, imap_port, home, credential = int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:5]
for path in (home, home + "/account", credential):
    try:
        open(path).read()
    except PermissionError:
        print("cannot read", path)
with smtplib.SMTP_SSL("127.0.0.1", smtp_port, context=tls) as smtp:
    smtp.ehlo()
    print("mail", smtp.mail("alice@alpha.test")[0])
    try:
        smtp.login("alice@alpha.test", "guess")
    except smtplib.SMTPAuthenticationError as refused:
        print("login", refused.smtp_code)
    print("mail", smtp.mail("alice@alpha.test")[0])
imap = imaplib.IMAP4_SSL("127.0.0.1", imap_port, ssl_context=tls)
for guess in ("guess", ""):
    try:
        imap.login("alice@alpha.test", guess)
    except imap.error as refused:
        print("imap", "AUTHENTICATIONFAILED" in str(refused))
try:
    imap.select()
except imap.error:
    print("no select")
"""


def as_nobody(*words):
    return subprocess.run(["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups",
                           *map(str, words)], capture_output=True, text=True, timeout=60)


def test_a_crash_leaves_no_core_with_clear_text(alice):
    with open(f"/proc/{alice.process.pid}/limits") as limits:
        assert re.search(r"^Max core file size +0 +0 ", limits.read(), re.MULTILINE)


def test_another_user_can_neither_send_nor_read(alice):
    done = as_nobody("/usr/bin/python3", "-c", STRANGER, alice.smtp_port, alice.imap_port,
                     alice.home, alice.credential_file)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert len([line for line in lines if line.startswith("cannot read")]) == 3
    assert lines[3:] == ["mail 530", "login 535", "mail 530", "imap True", "imap True",
                         "no select"]


def test_nothing_is_accepted_without_tls(alice):
    for port in (alice.smtp_port, alice.imap_port):
        with socket.create_connection(("127.0.0.1", port), timeout=30) as plain:
            plain.sendall(b"EHLO x\r\nMAIL FROM:<alice@alpha.test>\r\na1 CAPABILITY\r\n")
            answer = b""
            try:
                while chunk := plain.recv(4096):
                    answer += chunk
            except ConnectionResetError:
                pass
        assert b"220" not in answer and b"250" not in answer and b"OK" not in answer


def test_old_tls_is_refused(alice):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    tls.minimum_version = tls.maximum_version = ssl.TLSVersion.TLSv1_1
    tls.set_ciphers("ALL:@SECLEVEL=0")
    with socket.create_connection(("127.0.0.1", alice.smtp_port), timeout=30) as plain:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            tls.wrap_socket(plain)


@pytest.mark.parametrize("first", [b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/1.1\r\n"])
def test_http_inside_tls_ends_the_connection_before_any_command(alice, world, first):
    smuggled = (b"EHLO x\r\nMAIL FROM:<alice@alpha.test>\r\n"
                b"a1 LOGIN alice@alpha.test " + alice.credential.encode() + b"\r\na2 SELECT INBOX\r\n")
    for port in (alice.smtp_port, alice.imap_port):
        with socket.create_connection(("127.0.0.1", port), timeout=30) as plain:
            with alice.tls.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
                answer = b""
                try:
                    secure.sendall(first + smuggled)
                    while chunk := secure.recv(4096):
                        answer += chunk
                except (ConnectionError, ssl.SSLError):
                    pass
        assert b"a1 OK" not in answer and b"a2 OK" not in answer and b"250" not in answer, answer


def test_a_browsers_alpn_is_not_spoken_to(alice):
    tls = alice.tls
    tls.set_alpn_protocols(["h2", "http/1.1"])
    for port in (alice.smtp_port, alice.imap_port):
        with socket.create_connection(("127.0.0.1", port), timeout=30) as plain:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                tls.wrap_socket(plain, server_hostname="127.0.0.1")


PAGE = """<!doctype html><title>page</title><body><script>
const smtp = "EHLO x\\r\\nAUTH PLAIN %(plain)s\\r\\nMAIL FROM:<alice@alpha.test>\\r\\n"
  + "RCPT TO:<bob@beta.test>\\r\\nDATA\\r\\nFrom: alice@alpha.test\\r\\nMessage-ID: <web@alpha.test>\\r\\n"
  + "\\r\\nfrom a web page\\r\\n.\\r\\nQUIT\\r\\n";
const imap = "a1 LOGIN alice@alpha.test %(credential)s\\r\\na2 DELETE INBOX\\r\\n";
async function post(url, body) {
  try { await fetch(url, {method: "POST", mode: "no-cors", body}); return "answered"; }
  catch (error) { return "failed"; }
}
(async () => {
  const told = [];
  for (const scheme of ["http", "https"])
    for (const [port, body] of [[%(smtp)d, smtp], [%(imap)d, imap]])
      told.push(scheme + " " + await post(scheme + "://127.0.0.1:" + port + "/", body));
  await fetch("/told", {method: "POST", body: told.join(",")});
})();
</script>"""


class Site(http.server.BaseHTTPRequestHandler):
    page = b""
    told = None

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(self.page)

    def do_POST(self):
        Site.told = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def site():
    Site.told = None
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


def browse(url):
    """Chromium that believes any certificate: the worst case for us."""
    profile = tempfile.mkdtemp(prefix="chromium-")
    browser = subprocess.Popen(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
         "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--ignore-certificate-errors", f"--user-data-dir={profile}",
         "--remote-debugging-port=0", url],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while Site.told is None and time.monotonic() < until:
            time.sleep(0.1)
    finally:
        browser.terminate()
        browser.wait(30)
        shutil.rmtree(profile, ignore_errors=True)
    return Site.told


def test_a_web_page_can_neither_send_nor_read_even_with_the_credential(alice, bob, world, site):

    plain = base64.b64encode(f"\0{ALICE}\0{alice.credential}".encode()).decode()
    Site.page = (PAGE % {"plain": plain, "credential": alice.credential, "smtp": alice.smtp_port,
                         "imap": alice.imap_port}).encode()
    told = browse(site)
    assert told is not None, "the page did not run"
    assert told == "http failed,http failed,https failed,https failed"
    time.sleep(1)
    assert not world.fetch_where(BOB, "HEADER", "Message-ID", "<web@alpha.test>")
    assert alice.letters() is not None, "the inbox is still there"


def test_the_ports_cannot_be_taken_while_the_agent_is_down(alice, world, bob):
    alice.kill()
    for port in (alice.smtp_port, alice.imap_port):
        code = f"import socket; s = socket.socket(); s.setsockopt({socket.SOL_SOCKET}, " \
               f"{socket.SO_REUSEADDR}, 1); s.bind(('127.0.0.1', {port}))"
        done = as_nobody("/usr/bin/python3", "-c", code)
        assert "Address already in use" in done.stderr
    alice.start()
    message = letter(ALICE, [BOB])
    alice.send(message, [BOB])
    bob.wait_for(message["Message-ID"])


def test_without_socket_activation_it_does_not_start(alice):
    alice.stop()
    done = alice.run("agent")
    assert done.returncode == 2
    assert b"letterlock.socket" in done.stderr and done.stderr.count(b"\n") == 1
    alice.start()


def test_two_agents_never_share_a_home(alice):
    done = subprocess.run(alice.command(), capture_output=True, timeout=30)
    assert done.returncode == 2 and re.search(b"another|in use", done.stderr), done.stderr


@pytest.mark.parametrize("make_open", ["home", "key"])
def test_a_home_or_key_that_others_can_read_is_refused(alice, make_open):
    path = alice.home if make_open == "home" else alice.key_file
    mode = path.stat().st_mode & 0o777
    path.chmod(mode | 0o044)
    try:
        done = alice.run("status")
        assert done.returncode == 2 and str(path).encode() in done.stderr, done.stderr
    finally:
        path.chmod(mode)
