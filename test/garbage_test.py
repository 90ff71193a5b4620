"""An authority that answers nonsense: a clear line, nothing lost, nothing sent, the agent stays up."""

import http.server
import json
import ssl
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

import acmeclient
from agentworld import Agent
from people import letter, wire

ALICE, BOB = "alice@alpha.test", "bob@beta.test"


class Nonsense(http.server.BaseHTTPRequestHandler):
    """Answers everything with what the test says: (status, type, octets, delay)."""
    protocol_version = "HTTP/1.1"
    answer = None

    def reply(self):
        status, kind, octets, delay = type(self).answer
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        time.sleep(delay)
        try:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(octets)))
            self.send_header("Replay-Nonce", "bm9uY2U")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(octets)
        except OSError:
            pass

    do_GET = do_POST = do_HEAD = reply

    def log_message(self, *_):
        pass


@contextmanager
def nonsense(world, status, kind, octets, delay=0):
    """In the authority's place, with the authority's own TLS certificate."""
    Nonsense.answer = (status, kind, octets, delay)
    facts = world.authority
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    directory = Path(world.facts["tls_ca"]).parent
    tls.load_cert_chain(directory / "authority.test.pem", directory / "authority.test.key")
    with world.stopped("authority"):
        server = http.server.ThreadingHTTPServer((facts["address"], facts["ports"]["https"]),
                                                 Nonsense)
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()


@pytest.mark.parametrize("status, kind, octets, code", [
    (200, "application/json", b"<html>busy</html>", 451),
    (200, "application/json", b"", 451),
    (200, "application/json", b"[]", 451),
    (200, "application/json", b'{"encrypting": "x"}', 451),
    (200, "application/json", b'{"encrypting": [5]}', 451),
    (200, "application/json", b'{"encrypting": ["AAAA"]}', 451),
    (200, "application/json", b'{"encrypting": [], "encrypting": []}', 451),
    (200, "application/json", b'{"encrypting": ["' + b"A" * 3_000_000 + b'"]}', 451),
    (200, "application/json", b"\xff\xfe" * 1000, 451),
    (500, "text/plain", b"out of order", 451),
    (302, "text/plain", b"", 451),
    (200, "application/json", b'{"address": "x"}', 550),
    (404, "text/html", b"whatever", 550),
], ids=range(13))
def test_a_directory_that_answers_garbage_is_no_reason_to_send(alice, world, status, kind, octets,
                                                               code):
    with nonsense(world, status, kind, octets), alice.smtp() as smtp:
        smtp.mail(ALICE)
        got, text = smtp.rcpt(BOB)
        assert got == code, text
        assert b"\n" not in text
    assert alice.process.poll() is None


def test_a_directory_that_never_answers_costs_its_budget_only(alice, world):
    with nonsense(world, 200, "application/json", b"{}", delay=20), alice.smtp() as smtp:
        smtp.mail(ALICE)
        began = time.monotonic()
        assert smtp.rcpt(BOB)[0] == 451
        print(f"answered after {time.monotonic() - began:.1f} s")


def test_a_certificate_for_another_address_is_not_sealed_to(alice, bob, world):
    """The directory says Bob's certificate is Eve's; that Bob's own is not revoked is known before."""
    with alice.smtp() as smtp:
        smtp.mail(ALICE)
        assert smtp.rcpt(BOB)[0] == 250
    reply = acmeclient.Https(world).send("GET", "/directory/v1?address=bob%40beta.test")
    octets = json.dumps({**reply.json, "address": "eve@beta.test"}).encode()
    with nonsense(world, 200, "application/json", octets), alice.smtp() as smtp:
        smtp.mail(ALICE)
        got, text = smtp.rcpt("eve@beta.test")
        assert got == 550 and b"somebody else" in text
        assert smtp.rcpt(BOB)[0] == 250


def test_a_timestamp_authority_that_answers_garbage_costs_the_proven_time_only(alice, bob, world):
    message = letter(ALICE, [BOB])
    with alice.smtp() as smtp:
        smtp.mail(ALICE)
        assert smtp.rcpt(BOB)[0] == 250
        with nonsense(world, 200, "application/timestamp-reply", b"\x30\x80garbage"):
            assert smtp.data(wire(message))[0] == 250
    flags, _ = bob.wait_for(message["Message-ID"])
    assert b"$Letterlock-verified" in flags and b"$Letterlock-reason-tst.none" in flags


@pytest.mark.parametrize("status, octets", [
    (200, b"<html>"), (200, b"{}"), (200, b"[1,2"), (500, b"\x00"), (200, b'{"newNonce": 5}'),
    (400, json.dumps({"type": "urn:ietf:params:acme:error:malformed",
                      "detail": "no\nway\x1b[31m"}).encode()),
], ids=range(6))
def test_an_acme_answer_that_is_not_one_ends_setup_with_one_line(world, program, tmp_path, status,
                                                                 octets):
    agent = Agent(world, program, "mallory@alpha.test", tmp_path)
    try:
        with nonsense(world, status, "application/json", octets):
            done = agent.setup(check=False)
        assert done.returncode == 2
        assert done.stderr.count(b"\n") == 1 and b"\x1b" not in done.stderr, done.stderr
    finally:
        agent.close()
