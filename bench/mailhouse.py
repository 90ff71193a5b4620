"""A mail program's world: a village, Alice and Bob with their agents, and Bob's large mailbox."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from datetime import datetime, timezone
from pathlib import Path

from fixtures import Failed

sys.path.append(str(Path(__file__).resolve().parent.parent / "test"))
from agentworld import Agent  # noqa: E402
from imapwire import Wire  # noqa: E402
from mailworld import VILLAGE, World  # noqa: E402

ALICE, BOB = "alice@alpha.test", "bob@beta.test"
SAMPLES = 60  # different letters of each kind; each lies in the mailbox many times
LINKED = "linked"  # in the names of those
WORDS = "the letter that was sealed on Monday came to the house beyond the river".split()


def text_of(size, number):
    """So many bytes of lines, another text for each number."""
    lines, length = [], 0
    while length < size:
        start = (number + len(lines)) % len(WORDS)
        line = f"{number} {len(lines)} " + " ".join(WORDS[start:] + WORDS[:start])
        lines.append(line)
        length += len(line) + 1
    return "\n".join(lines) + "\n"


def letter(size, number):
    message = EmailMessage()
    message["From"], message["To"] = f"Alice <{ALICE}>", f"Bob <{BOB}>"
    message["Subject"] = f"Letter {number} of {size} bytes"
    message["Date"] = format_datetime(datetime.now(timezone.utc))
    message["Message-ID"] = make_msgid(domain="alpha.test")
    message.set_content(text_of(size, number))
    return message


class Mailhouse:
    def __init__(self, build):
        self.dir = Path(tempfile.mkdtemp(prefix="bench-"))
        self.dir.chmod(0o755)
        self.agents = []
        up = subprocess.run([VILLAGE, "up", self.dir / "village", "--bin-dir", build],
                            capture_output=True, text=True)
        if up.returncode != 0:
            raise Failed(up.stderr)
        self.world = World(self.dir / "village")
        self.alice, self.bob = (self.add(build, address) for address in (ALICE, BOB))
        self.maildir = Path(self.world.users[BOB]["store"])

    def add(self, build, address):
        agent = Agent(self.world, build / "letterlock", address, self.dir)
        self.agents.append(agent)
        agent.setup()
        agent.start()
        return agent

    def close(self):
        for agent in self.agents:
            agent.close()
        subprocess.run([VILLAGE, "down", self.dir / "village"], check=False,
                       stdout=subprocess.DEVNULL)
        shutil.rmtree(self.dir, ignore_errors=True)

    # the mailbox

    def folder(self, name):
        """Where the letters of a folder lie, which is made."""
        with self.world.mailbox(BOB) as imap:
            if name != "INBOX":
                imap.create(name)
        return self.maildir / ("cur" if name == "INBOX" else f".{name}/cur")

    def sealed(self, size, count):
        """Letters from Alice to Bob as his server has them."""
        with self.alice.smtp() as smtp:
            for number in range(count):
                smtp.send_message(letter(size, number))
        return self.arrived(count)

    def arrived(self, count):
        until = time.monotonic() + 300
        while True:
            files = [path for place in ("new", "cur") for path in self.maildir.glob(f"{place}/*")
                     if LINKED not in path.name]
            if len(files) >= count:
                break
            if time.monotonic() > until:
                raise Failed(f"{len(files)} of {count} letters arrived")
            time.sleep(0.1)
        paths = self.kept(path.read_bytes() for path in files)
        for path in files:
            path.unlink()
        return paths

    def kept(self, letters):
        """Out of the mailbox, into files that links can be made of."""
        store = Path(tempfile.mkdtemp(dir=self.maildir))
        paths = []
        for number, octets in enumerate(letters):
            paths.append(store / str(number))
            paths[-1].write_bytes(octets)
        subprocess.run(["chown", "-R", "mail:mail", store], check=True)
        return paths

    def clear(self, size, count):
        return self.kept(letter(size, number).as_bytes() for number in range(count))

    def fill(self, name, samples, count):
        """So many letters, each a link to one of `samples` in turn: the newest is the last."""
        place, now = self.folder(name), int(time.time()) - count
        # size on the disk, and with CRLF, as deliveries note it
        sizes = [(path, path.stat().st_size, path.read_bytes().count(b"\n")) for path in samples]
        for number in range(count):
            path, size, lines = sizes[number % len(sizes)]
            name = f"{now + number}.{LINKED}{number},S={size},W={size + lines}:2,S"
            os.link(path, place / name)

    # as a mail program

    def straight(self):
        domain = self.world.domain_of(BOB)
        return self.wire(domain["address"], domain["ports"]["imaps"], self.world.tls,
                         self.world.password(BOB))

    def through(self):
        return self.wire("127.0.0.1", self.bob.imap_port, self.bob.tls, self.bob.credential)

    @staticmethod
    def wire(address, port, tls, password):
        raw = socket.create_connection((address, port), timeout=300)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire = Wire(tls.wrap_socket(raw, server_hostname=address))
        wire.ok(f'LOGIN {BOB} "{password}"')
        return wire


def memory_mib(pid, field="VmRSS"):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+)", status).group(1)) / 1024
