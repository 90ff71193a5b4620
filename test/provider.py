"""A provider's submission server of the test's own: it says what it is told to, and knows exactly what it took.

With that server's own certificate, so that the agent believes it.  Letters of `relaying` go on to the real server.
"""

import re
import socket
import ssl
import threading
import time
from pathlib import Path

OFFERS = ["PIPELINING", "SIZE 60000000", "8BITMIME", "AUTH PLAIN LOGIN", "ENHANCEDSTATUSCODES"]


class Taken:
    """One letter that was answered 250: what it was, and when its session ended."""

    def __init__(self, session):
        self.octets = bytes(session.letter)
        self.sender, self.recipients = session.sender, list(session.recipients)
        found = re.search(rb"(?im)^message-id:\s*(\S+)", self.octets)
        self.ident = found[1].decode() if found else None
        self.ended = None

    def was_open(self, instant, grace=0.5):
        """Was the agent, at that instant, perhaps not yet done with it?"""
        return self.ended is None or self.ended > instant - grace


class Session:
    def __init__(self, provider, sock):
        self.provider, self.sock = provider, sock
        self.file = sock.makefile("rb")
        self.reset()
        self.open_letter = None

    def reset(self):
        self.sender, self.recipients, self.letter = None, [], bytearray()

    def say(self, text):
        self.sock.sendall(text.encode() + b"\r\n")

    def serve(self):
        self.say(self.provider.greeting)
        while line := self.file.readline(10000):
            self.provider.lines.append(line)
            verb = line[:4].upper()
            special = self.provider.answers.get(verb)
            if special is not None and not special(self, line):
                continue
            if verb == b"QUIT":
                self.say("221 2.0.0 bye")
                return
            getattr(self, "on_" + verb.decode().strip().lower(), self.on_other)(line)

    def on_ehlo(self, line):
        words = ["provider.test", *self.provider.offers]
        for at, word in enumerate(words):
            self.say(f"250{' ' if at + 1 == len(words) else '-'}{word}")

    def on_auth(self, line):
        self.say("235 2.7.0 welcome")

    def on_mail(self, line):
        self.reset()
        self.sender = line
        self.say("250 2.1.0 ok")

    def on_rcpt(self, line):
        self.recipients.append(re.search(rb"<(.*?)>", line)[1].decode())
        self.say("250 2.1.5 ok")

    def on_data(self, line):
        self.say("354 go on")
        while (line := self.file.readline()) != b".\r\n":
            if not line:
                raise OSError("cut off")
            self.letter += line[1:] if line.startswith(b".") else line
        taken = Taken(self)
        if taken.ident is None and self.provider.relaying is None:
            self.say("554 5.6.0 no Message-ID")
            return
        if self.provider.relaying is not None:
            self.provider.relaying(taken)
        self.open_letter = taken
        with self.provider.lock:
            self.provider.taken.append(taken)
        self.say("250 2.0.0 taken")

    def on_rset(self, line):
        self.reset()
        self.say("250 2.0.0 ok")

    def on_other(self, line):
        self.say("500 5.5.2 what?")


class Provider:
    """`answers`: {verb: function(session, line)}; where it returns nothing, that was the answer."""

    def __init__(self, world, domain):
        self.world, facts = world, world.domains[domain]
        self.host, self.address = facts["host"], facts["address"]
        self.taken, self.lines, self.lock = [], [], threading.Lock()
        self.offers, self.greeting, self.answers = list(OFFERS), "220 provider.test ESMTP", {}
        self.relaying = self.raw = None
        folder = Path(world.facts["tls_ca"]).parent
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(folder / f"{self.host}.pem", folder / f"{self.host}.key")
        self.listener = socket.create_server((self.address, 0), backlog=100)
        self.port = self.listener.getsockname()[1]
        self.url = f"smtps://{self.host}:{self.port}"
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
        session = None
        try:
            plain.settimeout(60)
            secure = self.tls.wrap_socket(plain, server_side=True)
            if self.raw is not None:
                self.raw(secure)
            else:
                session = Session(self, secure)
                session.serve()
            secure.close()
        except (OSError, ssl.SSLError, ValueError):
            plain.close()
        if session is not None and session.open_letter is not None:
            session.open_letter.ended = time.monotonic()

    def relay(self, login):
        """Hand on what comes, as `login`, to the server whose place this has taken."""
        def hand_on(taken):
            self.world.send_plain(login, taken.recipients, taken.octets)
        self.relaying = hand_on

    def count(self, ident):
        """{recipient: how often it was taken for them}"""
        counts = {}
        with self.lock:
            for taken in self.taken:
                if taken.ident == ident:
                    for recipient in taken.recipients:
                        counts[recipient] = counts.get(recipient, 0) + 1
        return counts


def agent_with(provider, agent):
    """Set up through the provider, which hands the answers to challenges on; then it keeps what comes."""
    provider.relay(agent.address)
    agent.setup("--smtp", provider.url)
    provider.relaying = None
    with provider.lock:
        provider.taken.clear()
    return agent
