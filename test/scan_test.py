"""Debian's clamd looks at letters that the agent opened, with a signature of the test's own."""

import shutil
import socket
import subprocess
import time

import pytest

from people import leaves, parse
from replies_test import ALICE, BOB, letter

MARK = b"letterlock-test-mark-for-a-scanner-5517"
NAME = "Letterlock.Test"
LIMIT = 200_000
START_SECONDS = 30

CONFIG = """
Foreground yes
LocalSocket {directory}/socket
DatabaseDirectory {directory}/signatures
TemporaryDirectory {directory}
StreamMaxLength 100k
User root
"""


class Scanner:
    """clamd, whose only signature is MARK."""

    def __init__(self, directory):
        self.directory = directory
        self.socket = directory / "socket"
        signatures = directory / "signatures"
        signatures.mkdir()
        (signatures / "test.ndb").write_text(f"{NAME}:0:*:{MARK.hex()}\n")
        (directory / "clamd.conf").write_text(CONFIG.format(directory=directory))
        self.process = None

    def start(self):
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(
                ["/usr/sbin/clamd", "--config-file", self.directory / "clamd.conf"], stdout=log, stderr=log)
        until = time.monotonic() + START_SECONDS
        while not self.answers():
            assert self.process.poll() is None and time.monotonic() < until, (self.directory / "log").read_text()
            time.sleep(0.1)

    def answers(self):
        with socket.socket(socket.AF_UNIX) as one:
            try:
                one.connect(str(self.socket))
                one.sendall(b"zPING\0")
                return one.recv(10) == b"PONG\0"
            except OSError:
                return False

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)
            self.process = None
        self.socket.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def scanner(tmp_path_factory):
    if shutil.which("clamd") is None:
        pytest.fail("clamd is not there: tools/install-packages test")
    one = Scanner(tmp_path_factory.mktemp("clamd"))
    one.start()
    yield one
    one.stop()


def with_scanner(agent, scanner, *words):
    agent.stop()
    agent.start("--scan", str(scanner.socket), *words)


@pytest.fixture(scope="module")
def bob(agents, scanner):
    agents[ALICE]
    with_scanner(agents[BOB], scanner)
    yield agents[BOB]


def attached(octets):
    message = letter(ALICE, BOB, "There is something attached.")
    message.add_alternative("<p>There is something attached.</p>", subtype="html")
    message.add_attachment(octets, maintype="application", subtype="octet-stream", filename="a.bin")
    return message


def test_what_is_infected_is_danger_and_nothing_of_it_is_shown(agents, bob):
    message = attached(b"before " + MARK + b" behind")
    agents[ALICE].send(message, [BOB])
    flags, shown = bob.wait_for(message["Message-ID"])
    assert b"$Letterlock-danger" in flags and b"$Letterlock-reason-scan.infected" in flags
    assert parse(shown).get_content_type() == "text/plain"
    assert "nothing of it is shown" in parse(shown).get_content()
    assert "something attached" not in parse(shown).get_content()
    assert parse(shown)["Letterlock-Verdict"].startswith("danger; ")
    assert parse(shown)["Subject"] == message["Subject"]
    assert bob.wait_for(message["Message-ID"]) == (flags, shown)


def test_what_is_not_infected_is_shown(agents, bob):
    message = attached(b"nothing at all")
    agents[ALICE].send(message, [BOB])
    flags, shown = bob.wait_for(message["Message-ID"])
    assert b"$Letterlock-verified" in flags
    assert leaves(parse(shown))[-1][2] == b"nothing at all"


def test_what_is_too_large_is_shown_as_text(agents, bob):
    """For clamd, and then for the agent's own limit."""
    message = attached(bytes(range(256)) * (LIMIT // 256))
    agents[ALICE].send(message, [BOB])
    flags, shown = bob.wait_for(message["Message-ID"])
    assert b"$Letterlock-caution" in flags and b"$Letterlock-reason-scan.too-large" in flags
    assert not parse(shown).is_multipart()
    assert "something attached" in parse(shown).get_content()


def uids(agent):
    with agent.imap() as imap:
        imap.select("INBOX", readonly=True)
        return imap.uid("SEARCH", "ALL")[1][0].split()


def fetch(agent, uid):
    with agent.imap() as imap:
        imap.select("INBOX", readonly=True)
        return imap.uid("FETCH", uid, "(FLAGS BODY.PEEK[])")


def test_while_the_scanner_is_away_letters_wait(agents, bob, scanner, world):
    scanner.stop()
    message = attached(b"nothing at all")
    agents[ALICE].send(message, [BOB])
    world.wait_for_letter(BOB, message["Message-ID"])
    status, answer = fetch(bob, uids(bob)[-1].decode())
    assert status == "NO" and not [part for part in answer if isinstance(part, tuple)]
    assert "scanner" in bob.log()
    scanner.start()
    flags, shown = bob.wait_for(message["Message-ID"])
    assert b"$Letterlock-verified" in flags and leaves(parse(shown))[-1][2] == b"nothing at all"


def test_while_the_scanner_is_away_letters_are_shown_where_that_was_said(agents, bob, scanner):
    scanner.stop()
    with_scanner(bob, scanner, "--scan-away", "open")
    message = attached(b"before " + MARK)
    agents[ALICE].send(message, [BOB])
    flags, _ = bob.wait_for(message["Message-ID"])
    assert b"$Letterlock-verified" in flags and "not scanned" in bob.log()
    scanner.start()


@pytest.mark.parametrize("words, says", [
    (["--scan", "192.0.2.1:3310"], b"of this machine"),
    (["--scan-away", "open"], b"want --scan"),
    (["--scan", "/x", "--scan-away", "perhaps"], b"wants open or closed"),
    (["--scan", "/x", "--scan-limit", "0"], b"--scan-limit wants"),
])
def test_settings_that_are_wrong_keep_it_from_starting(agents, words, says):
    bob = agents[BOB]
    bob.stop()
    done = subprocess.run(bob.command(*words), capture_output=True, timeout=60)
    bob.start()
    assert done.returncode == 2 and says in done.stderr
