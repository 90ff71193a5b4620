"""A test's hands and eyes in the village: Python's own mail modules, and no code of the project."""

import imaplib
import json
import smtplib
import ssl
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

from wire import Capture

VILLAGE = Path(__file__).resolve().parent / "village" / "village"
ARRIVAL_SECONDS = 20


class World:
    def __init__(self, directory):
        self.dir = Path(directory)
        self.facts = json.loads((self.dir / "world.json").read_text())
        self.domains = self.facts["domains"]
        self.users = self.facts["users"]
        self.authority = self.facts["authority"]
        self.tls = ssl.create_default_context(cafile=self.facts["tls_ca"])

    # who is who

    def domain_of(self, address):
        return self.domains[address.rpartition("@")[2]]

    def password(self, address):
        return self.users[address]["password"]

    # SMTP

    @contextmanager
    def submission(self, login):
        """A session with the login's own server, over TLS, logged in."""
        domain = self.domain_of(login)
        with smtplib.SMTP_SSL(domain["address"], domain["ports"]["submissions"], timeout=30,
                              context=self.tls) as smtp:
            smtp.login(login, self.password(login))
            yield smtp

    def send_plain(self, sender, recipients, message):
        """Submit `message` (bytes or an EmailMessage) as `sender`, without any agent."""
        recipients = [recipients] if isinstance(recipients, str) else recipients
        octets = message if isinstance(message, bytes) else message.as_bytes()
        with self.submission(sender) as smtp:
            smtp.sendmail(sender, recipients, octets)

    @contextmanager
    def stranger(self, domain, source="127.0.0.1"):
        """A session with the domain's port for other servers: no TLS, no login."""
        facts = self.domains[domain]
        with smtplib.SMTP(facts["address"], facts["ports"]["smtp"], timeout=30,
                          local_hostname="stranger.test", source_address=(source, 0)) as smtp:
            smtp.ehlo()
            yield smtp

    # IMAP

    @contextmanager
    def mailbox(self, address, name="INBOX"):
        """A session with the person's own Dovecot, over TLS, with `name` selected for reading."""
        domain = self.domain_of(address)
        with imaplib.IMAP4_SSL(domain["address"], domain["ports"]["imaps"], timeout=30,
                               ssl_context=self.tls) as imap:
            imap.login(address, self.password(address))
            expect_ok(imap.select(name, readonly=True))
            yield imap

    def fetch_all(self, address, name="INBOX"):
        """Every letter as the server has it, byte for byte."""
        with self.mailbox(address, name) as imap:
            return fetch(imap, "ALL")

    def fetch_where(self, address, *search, name="INBOX"):
        """Those that match IMAP's SEARCH, such as ("HEADER", "Message-ID", "<x@y>")."""
        with self.mailbox(address, name) as imap:
            return fetch(imap, *search)

    def wait_for_letter(self, address, message_id, seconds=ARRIVAL_SECONDS, name="INBOX"):
        """The letter as soon as it is there; fails the test if it does not come."""
        deadline = time.monotonic() + seconds
        with self.mailbox(address, name) as imap:
            while time.monotonic() < deadline:
                letters = fetch(imap, "HEADER", "Message-ID", message_id)
                if letters:
                    return letters[0]
                time.sleep(0.02)
                imap.noop()
        raise AssertionError(f"no letter {message_id} for {address} within {seconds} s")

    def empty(self, address, name="INBOX"):
        """Expunge every letter, so that a test begins with none."""
        domain = self.domain_of(address)
        with imaplib.IMAP4_SSL(domain["address"], domain["ports"]["imaps"], timeout=30,
                               ssl_context=self.tls) as imap:
            imap.login(address, self.password(address))
            if expect_ok(imap.select(name)) == [b"0"]:
                return  # Dovecot takes no "1:*" of nothing
            expect_ok(imap.store("1:*", "+FLAGS.SILENT", r"\Deleted"))
            expect_ok(imap.expunge())

    # what lies on the disks

    def store_files(self, domain):
        return files_below(self.domains[domain]["store"])

    def queue_files(self, domain):
        return files_below(self.domains[domain]["queue"])

    def queued(self, domain):
        """Letters in the queue, as Postfix lists them."""
        listing = subprocess.run(
            ["postqueue", "-c", self.domains[domain]["postfix_config"], "-j"],
            check=True, capture_output=True, text=True).stdout
        return [json.loads(line) for line in listing.splitlines()]

    def wait_for_queue(self, domain, condition, seconds=ARRIVAL_SECONDS):
        """Until `condition(queued letters)` holds; fails the test if it does not come to that."""
        deadline = time.monotonic() + seconds
        while not condition(queued := self.queued(domain)):
            if time.monotonic() > deadline:
                raise AssertionError(f"queue of {domain} after {seconds} s: {queued}")
            time.sleep(0.05)

    # servers and wires

    def stop(self, server):
        subprocess.run([VILLAGE, "stop", self.dir, server], check=True)

    def start(self, server):
        subprocess.run([VILLAGE, "start", self.dir, server], check=True)

    def restart(self, server):
        self.stop(server)
        self.start(server)

    def set_authority(self, **values):
        """The authority begins again with other settings (None: without that one); what those were
        before, so that they can be set back."""
        path = Path(self.authority["dir"]) / "authority.json"
        settings = json.loads(path.read_text())
        before = {name: settings.get(name) for name in values}
        path.write_text(json.dumps({name: value for name, value in {**settings, **values}.items()
                                    if value is not None}))
        self.restart("authority")
        return before

    @contextmanager
    def stopped(self, *servers):
        """The servers are down inside, and up again afterwards whatever happens."""
        try:
            for server in servers:
                self.stop(server)
            yield
        finally:
            for server in servers:
                self.start(server)

    def capture(self):
        """Everything that passes between the Postfix of both organisations:

            with world.capture() as wire:
                ...
            assert b"..." in wire.bytes
        """
        return Capture(port=self.domains["alpha.test"]["ports"]["smtp"])


def fetch(imap, *search):
    found = expect_ok(imap.uid("SEARCH", *search))[0].split()
    if not found:
        return []
    parts = expect_ok(imap.uid("FETCH", b",".join(found).decode(), "(BODY.PEEK[])"))
    return [part[1] for part in parts if isinstance(part, tuple)]


def expect_ok(answer):
    status, data = answer
    assert status == "OK", data
    return data


def files_below(directory):
    return [path for path in Path(directory).rglob("*") if path.is_file()]
