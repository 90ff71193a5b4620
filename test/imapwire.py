"""IMAP by hand: every byte of the answers, straight or through the agent, or with a middleman."""

import re
import select
import socket
import ssl
import threading
from contextlib import contextmanager
from pathlib import Path

class Reader:
    """A response's words: lists, strings and atoms, whatever form they came in."""

    def __init__(self, octets):
        self.octets, self.at = octets, 0

    def blanks(self):
        while self.octets[self.at:self.at + 1] == b" ":
            self.at += 1

    def value(self):
        self.blanks()
        start = self.octets[self.at:self.at + 1]
        if start == b"(":
            return self.list()
        if start == b'"':
            return self.quoted()
        if start == b"{":
            return self.literal()
        return self.atom()

    def list(self):
        self.at += 1
        values = []
        while True:
            self.blanks()
            if self.octets[self.at:self.at + 1] == b")":
                self.at += 1
                return values
            values.append(self.value())

    def quoted(self):
        match = re.compile(rb'"((?:[^"\\]|\\.)*)"').match(self.octets, self.at)
        self.at = match.end()
        return re.sub(rb"\\(.)", rb"\1", match.group(1))

    def literal(self):
        match = re.compile(rb"\{(\d+)\}\r\n").match(self.octets, self.at)
        self.at = match.end() + int(match.group(1))
        return self.octets[match.end():self.at]

    def atom(self):
        match = re.compile(rb"[A-Za-z0-9.]+\[[^]]*\](<\d+>)?|[^ ()]+").match(self.octets, self.at)
        self.at = match.end()
        return None if match.group() == b"NIL" else match.group()


class Wire:
    """IMAP by hand, with every byte of the answers."""

    def __init__(self, sock):
        self.sock = sock
        self.file = sock.makefile("rwb")
        self.number = 0
        self.greeting = self.line()

    def line(self):
        octets = self.file.readline()
        while match := re.search(rb"\{(\d+)\}\r\n$", octets):
            octets += self.file.read(int(match.group(1))) + self.file.readline()
        return octets

    def send(self, octets):
        self.file.write(octets)
        self.file.flush()

    def command(self, text):
        """(untagged lines, tagged line)"""
        self.number += 1
        tag = b"t%d" % self.number
        self.send(tag + b" " + (text if isinstance(text, bytes) else text.encode()) + b"\r\n")
        untagged = []
        while True:
            line = self.line()
            assert line, untagged
            if line.startswith(tag + b" "):
                return untagged, line[len(tag) + 1:].strip()
            untagged.append(line)

    def ok(self, text):
        untagged, end = self.command(text)
        assert end.startswith(b"OK"), (text, untagged, end)
        return untagged

    def flood(self, octets, enough):
        """Send it all without waiting for answers, and take those as they come, until enough(answers).

        One thread: a TLS connection cannot be read by one and written by another.  The last thing that
        is done with this wire.
        """
        self.sock.setblocking(False)
        answers = bytearray()
        while not enough(answers):
            try:
                more = self.sock.recv(65536)
                assert more, f"closed after {bytes(answers[-200:])!r}, {len(octets)} bytes still to send"
                answers += more
                continue
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
            try:
                octets = octets[self.sock.send(octets[:16384]):] if octets else octets
                continue_at_once = bool(octets)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                continue_at_once = False
            if not continue_at_once:
                writers = [self.sock] if octets else []
                ready = select.select([self.sock], writers, [], 60)
                assert ready[0] or ready[1], "nothing for a minute"
        return bytes(answers)

    def fetch(self, text):
        """{sequence number: {item: value}}"""
        found = {}
        for line in self.ok(text):
            match = re.match(rb"\* (\d+) FETCH ", line)
            if match is None:
                continue
            values = Reader(line[match.end():]).value()
            items = dict(zip(map(bytes.upper, values[::2]), values[1::2]))
            found.setdefault(int(match.group(1)), {}).update(items)
        return found


@contextmanager
def wire_to(address, port, context, host):
    with socket.create_connection((address, port), timeout=60) as plain:
        with context.wrap_socket(plain, server_hostname=host) as secure:
            yield Wire(secure)


@contextmanager
def straight_wire(world, address):
    domain = world.domain_of(address)
    with wire_to(domain["address"], domain["ports"]["imaps"], world.tls, domain["host"]) as wire:
        wire.ok(f'LOGIN {address} "{world.password(address)}"')
        yield wire


@contextmanager
def agent_wire(agent, login=True):
    with wire_to("127.0.0.1", agent.imap_port, agent.tls, "localhost") as wire:
        if login:
            wire.ok(f'LOGIN {agent.address} "{agent.credential}"')
        yield wire


class Middle:
    """Between the agent and its mail server, with that server's own TLS certificate.

    Everything the agent says is kept in `said`.  `twist(octets)` may change what the server
    answers; `deaf` closes each connection as soon as the agent says something that has it in it.
    """

    def __init__(self, world, domain):
        self.world, self.facts = world, world.domains[domain]
        self.said = bytearray()
        self.twist = None
        self.deaf = None
        tls = Path(world.facts["tls_ca"]).parent
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        host = self.facts["host"]
        self.tls.load_cert_chain(tls / f"{host}.pem", tls / f"{host}.key")
        self.listener = socket.create_server((self.facts["address"], 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"imaps://{self.facts['host']}:{self.port}"
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def accept(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(plain,), daemon=True).start()

    def serve(self, plain):
        try:
            agent = self.tls.wrap_socket(plain, server_side=True)
            server = self.world.tls.wrap_socket(
                socket.create_connection((self.facts["address"], self.facts["ports"]["imaps"])),
                server_hostname=self.facts["host"])
        except OSError:
            plain.close()
            return
        try:
            self.pass_on(agent, server)
        except OSError:
            pass
        hang_up(agent, server)

    def pass_on(self, agent, server):
        """One thread for both ways: a TLS connection cannot be read by one and written by another."""
        while True:
            ready = [s for s in (agent, server) if s.pending()] or select.select([agent, server], [], [])[0]
            for sock in ready:
                octets = sock.recv(65536)
                if not octets:
                    return
                if sock is server:
                    agent.sendall(octets if self.twist is None else self.twist(octets))
                    continue
                self.said += octets
                if self.deaf is not None and self.deaf in octets:
                    return
                server.sendall(octets)


def hang_up(*sockets):
    for sock in sockets:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
