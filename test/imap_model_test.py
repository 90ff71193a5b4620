"""Two mail programs at random work on one mailbox through the agent, and straight: everything must be the same.

LETTERLOCK_SEED begins with that seed again; the one of a run is in its output.
"""

import os
import re
import secrets
import socket
import subprocess
import time

import pytest

from conftest import long
from imaprandom import Side, Work
from shapes import SHAPES, crlf

CAROL, MALLORY = "carol@alpha.test", "mallory@alpha.test"
ROUND = 250
STANDING = (b"INBOX", b"Drafts", b"Sent", b"Junk", b"Trash")


@pytest.fixture(scope="module")
def carol(agents):
    return agents[CAROL]


def clear_letters():
    return list(SHAPES.values())


def sealed_letters(directory, count=20):
    """For somebody else: the agent cannot open them, and leaves them what they are."""
    key, cert = directory / "key.pem", directory / "cert.pem"
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2",
        "-subj", "/CN=nobody/emailAddress=nobody@example.org")
    letters = []
    for number in range(count):
        body = subprocess.run(["openssl", "cms", "-encrypt", "-aes128", "-outform", "SMIME", cert], check=True,
                              input=b"x" * (number * 97), capture_output=True).stdout
        head = (f"From: a{number}@example.org\nTo: nobody@example.org\nSubject: sealed {number}\n"
                f"Date: Sat, 21 Nov 2026 20:{number:02}:00 +0000\nMessage-ID: <sealed-{number}@example.org>\n")
        letters.append(crlf(head.encode() + body))
    return letters


def run(*words):
    subprocess.run(list(map(str, words)), check=True, capture_output=True)


def side_of(world, name, address, agent=None, pipelined=True):
    domain = world.domain_of(address)

    def straight():
        plain = socket.create_connection((domain["address"], domain["ports"]["imaps"]), timeout=60)
        login = f'LOGIN {address} "{world.password(address)}"'.encode()
        return world.tls.wrap_socket(plain, server_hostname=domain["host"]), login

    def through():
        plain = socket.create_connection(("127.0.0.1", agent.imap_port), timeout=60)
        login = f'LOGIN {address} "{agent.credential}"'.encode()
        return agent.tls.wrap_socket(plain, server_hostname="localhost"), login

    return Side(name, through if agent else straight, straight, pipelined)


@pytest.fixture
def sides(world, carol):
    both = [side_of(world, "the agent", CAROL, carol), side_of(world, "Dovecot", MALLORY, pipelined=False)]
    for side in both:
        side.begin()
    begin_alike(both)
    yield both
    for side in both:
        side.end()


def begin_alike(sides):
    """Both accounts with an empty INBOX that gives out the same UID next, and no other mailbox but those that are
    always there."""
    nexts = []
    for side in sides:
        for line in side.post.ok('LIST "" *'):
            box = line.strip().partition(b'"." ')[2]
            if box not in STANDING:
                side.post.command(b"DELETE " + box)
        for line in side.post.ok('LSUB "" *'):
            box = line.strip().partition(b'"." ')[2]
            if box not in STANDING:
                side.post.command(b"UNSUBSCRIBE " + box)
        nexts.append(int(re.search(rb"UIDNEXT (\d+)", side.post.ok("STATUS INBOX (UIDNEXT)")[0]).group(1)))
    for side, uid in zip(sides, nexts):
        side.post.command(b"UNSUBSCRIBE INBOX")
        for _ in range(max(nexts) - uid):
            side.post.ok("APPEND INBOX {2+}\r\n\r\n")
        side.post.ok("SELECT INBOX")
        side.post.command(r"STORE 1:* +FLAGS.SILENT (\Deleted)")
        side.post.ok("CLOSE")


def work_for(sides, tmp_path, seed, operations, seconds):
    """Until so many operations are done, or so much time has gone; how many they were."""
    work = Work(sides, seed, clear_letters(), sealed_letters(tmp_path))
    until = time.monotonic() + seconds
    while work.done < operations and time.monotonic() < until:
        work.round(ROUND)
    return work.done


def a_seed():
    return int(os.environ.get("LETTERLOCK_SEED", secrets.randbelow(1 << 32)))


@pytest.mark.parametrize("operations, seconds, least", [
    (10000, 20, ROUND),  # as many as ./check has time for; an idle machine does them all
    pytest.param(1000000, 20 * 60, 10000, marks=long)])
def test_random_commands_do_what_they_do_straight(sides, tmp_path, operations, seconds, least):
    seed, begin = a_seed(), time.monotonic()
    try:
        done = work_for(sides, tmp_path, seed, operations, seconds)
    except AssertionError as wrong:
        raise AssertionError(f"LETTERLOCK_SEED={seed}: {wrong}") from None
    print(f"seed {seed}: {done} commands in {time.monotonic() - begin:.1f} s")
    assert done >= least, f"seed {seed}: only {done} commands in {seconds} s"
