"""What matters is told once, on the desktop and in the log, and neither says of whom or about what.

A dbus-daemon of the test's own, and a receiver that speaks D-Bus by hand.
"""

import os
import re
import socket
import struct
import subprocess
import threading
import time
from datetime import datetime, timezone

import pytest

from agentworld import Agent
from imapwire import agent_wire, straight_wire
from later import in_days
from people import CANARY, SUBJECT, letter

ALICE, BOB = "alice@alpha.test", "bob@beta.test"
IMITATOR = "bob@" + "bеta.test".encode("idna").decode()  # with a Cyrillic letter
NOTIFICATIONS = "org.freedesktop.Notifications"
CONF = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=%s</listen><policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
"""


class Desktop:
    """A session bus, and who shows notifications on it."""

    def __init__(self, directory):
        self.path = directory / "bus"
        (directory / "bus.conf").write_text(CONF % self.path)
        self.daemon = subprocess.Popen(["dbus-daemon", f"--config-file={directory / 'bus.conf'}", "--nofork"])
        self.shown = []
        self.sock = socket.socket(socket.AF_UNIX)
        until = time.monotonic() + 20
        while self.sock.connect_ex(str(self.path)) != 0:  # not there yet, or nobody listens yet
            assert time.monotonic() < until
            time.sleep(0.05)
        self.sock.sendall(b"\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() + b"\r\n")
        assert self.sock.recv(4096).startswith(b"OK")
        self.sock.sendall(b"BEGIN\r\n")
        self.file = self.sock.makefile("rb")
        self.serial = 0
        self.call("Hello")
        self.call("RequestName", "su", text(NOTIFICATIONS) + b"\0" * (-len(text(NOTIFICATIONS)) % 4)
                  + struct.pack("<I", 0))
        threading.Thread(target=self.receive, daemon=True).start()

    @property
    def env(self):
        return {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={self.path}"}

    def send(self, kind, body, fields, flags=0):
        self.serial += 1
        packed = b""
        for code, signature, value in fields:
            packed += b"\0" * (-len(packed) % 8) + bytes([code, 1]) + signature + b"\0"
            if signature == b"g":
                packed += bytes([len(value)]) + value.encode() + b"\0"
            elif signature == b"u":
                packed += b"\0" * (-len(packed) % 4) + struct.pack("<I", value)
            else:
                packed += b"\0" * (-len(packed) % 4) + text(value)
        head = b"l" + bytes([kind, flags, 1]) + struct.pack("<III", len(body), self.serial, len(packed)) + packed
        self.sock.sendall(head + b"\0" * (-len(head) % 8) + body)

    def call(self, member, signature="", body=b""):
        fields = [(1, b"o", "/org/freedesktop/DBus"), (2, b"s", "org.freedesktop.DBus"), (3, b"s", member),
                  (6, b"s", "org.freedesktop.DBus")]
        self.send(1, body, fields + ([(8, b"g", signature)] if signature else []))

    def receive(self):
        while head := self.file.read(16):
            body_len, serial, fields_len = struct.unpack("<III", head[4:])
            fields = self.file.read(fields_len + -fields_len % 8)
            body = self.file.read(body_len)
            if head[1] != 1 or b"Notify" not in fields:
                continue
            self.shown.append(strings(body))
            sender = re.search(rb"\x07\x01s\0.{4}(:[0-9.]+)\0", fields, re.S)[1].decode()
            self.send(2, struct.pack("<I", 7), [(5, b"u", serial), (6, b"s", sender), (8, b"g", "u")])

    def wait(self, count, seconds=60):
        until = time.monotonic() + seconds
        while len(self.shown) < count:
            assert time.monotonic() < until, self.shown
            time.sleep(0.1)
        time.sleep(0.5)
        assert len(self.shown) == count, self.shown
        return self.shown[-1]

    def close(self):
        self.sock.close()
        self.daemon.terminate()
        self.daemon.wait(20)


def text(value):
    octets = value.encode()
    return struct.pack("<I", len(octets)) + octets + b"\0"


def strings(body):
    """app_name, replaces_id, icon, summary, body: (summary, body)"""
    found, at = [], 0
    for kind in "susss":
        at += -at % 4
        number, = struct.unpack_from("<I", body, at)
        at += 4
        if kind == "s":
            found.append(body[at:at + number].decode())
            at += number + 1
    assert found[0] == "Letterlock"
    return found[2], found[3]


@pytest.fixture
def desktop(tmp_path):
    one = Desktop(tmp_path)
    yield one
    one.close()


@pytest.fixture(scope="module")
def agent(world, authority, program, tmp_path_factory):
    one = Agent(world, program, ALICE, tmp_path_factory.mktemp("notice"))
    one.setup()
    yield one
    one.close()


def dangerous(number):
    return (f"From: Bob <{IMITATOR}>\r\nTo: {ALICE}\r\nSubject: {SUBJECT} {number}\r\n"
            f"Date: Sat, 21 Nov 2026 20:18:00 +0000\r\nMessage-ID: <d{number}@x.test>\r\n\r\n{CANARY}\r\n").encode()


def look(agent, judge, letters):
    for octets in letters:
        judge.ok(b"APPEND INBOX {%d+}\r\n%s" % (len(octets), octets))
    with agent_wire(agent) as ours:
        ours.ok("EXAMINE INBOX")
        return ours.fetch("FETCH 1:* (FLAGS)")


def knows_bob(agent, world):
    """Bob is somebody to be imitated: Alice has written to him."""
    agent.send(letter(ALICE, [BOB]), [BOB])


def test_a_dangerous_letter_is_told_once_and_floods_are_one_notification(agent, agents, desktop, world):
    agents[BOB]
    agent.start(env=desktop.env)
    knows_bob(agent, world)
    with straight_wire(world, ALICE) as judge:
        rows = look(agent, judge, [dangerous(0)])
        assert any(b"$Letterlock-danger" in row[b"FLAGS"] for row in rows.values()), rows
        summary, body = desktop.wait(1)
        assert summary == "Dangerous letter"
        look(agent, judge, [dangerous(0), *map(dangerous, range(1, 6))])
    desktop.wait(1)
    assert agent.log().count("a dangerous letter came") == 6
    assert "dangerous letters: 6 in 30 days" in agent.run("status").stdout.decode()
    agent.stop()
    agent.start(env=desktop.env)
    with straight_wire(world, ALICE) as judge:
        look(agent, judge, [])
    desktop.wait(1)
    agent.stop()
    told = " ".join(desktop.shown[0]) + agent.log()
    for secret in (SUBJECT, CANARY, "canary-subject", IMITATOR, BOB, "Bob"):
        assert secret not in told


def test_a_held_letter_is_told_once_and_status_says_why(agent, desktop, world):
    agent.start(env=desktop.env)
    with world.stopped("alpha-postfix"):
        agent.send(letter(ALICE, [BOB]), [BOB])
        summary, _ = desktop.wait(1)
        assert summary == "A letter is held"
        said = agent.run("status").stdout.decode()
        assert re.search(r"^held: 1, the first since \d{4}-.*: \S", said, re.M), said
    agent.stop()
    assert BOB not in agent.log() and SUBJECT not in agent.log()


def test_a_certificate_that_ends_soon_is_told_and_without_a_desktop_the_log_says_it(agent, desktop):
    ends = re.search(r"signing: good until (\S+)", agent.run("status").stdout.decode())[1]
    days = (datetime.fromisoformat(ends.replace("Z", "+00:00")) - datetime.now(timezone.utc)).days
    assert f"({days} days)" in agent.run("status").stdout.decode()
    agent.start(env={**in_days(days - 5), **desktop.env}, wait=False)
    try:
        assert desktop.wait(2)[0] == "A certificate ends soon"  # the signing and the encrypting one
    finally:
        agent.stop()
    agent.start(env={**in_days(days - 1), "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere"}, wait=False)
    until = time.monotonic() + 30
    while agent.log().count("a certificate ends soon") < 4:
        assert time.monotonic() < until, agent.log()
        time.sleep(0.1)
    agent.stop()
    assert len(desktop.shown) == 2


def test_no_program_needs_the_library_to_start(build):
    listed = subprocess.run(["ldd", build / "letterlock-full"], capture_output=True, text=True, check=True).stdout
    assert "libsystemd" not in listed and "libcrypto" in listed
