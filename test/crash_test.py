"""kill -9 of the agent between accepting a letter and the provider's 250.

strace delivers SIGKILL at a chosen system call, so that the points are exact and the program knows
nothing of the test: calls that open, write, sync and rename the spool's file, calls that talk to the
provider, and the removal of the file after its 250.
"""

import re
import signal
import smtplib
import subprocess
import time
from pathlib import Path

import pytest

from people import CANARY, SUBJECT, found_in, letter, parse

ALICE, BOB = "alice@alpha.test", "bob@beta.test"

# the call, and which one of that kind in the submitting thread after the letter's last byte
POINTS = [
    ("openat of the spool file", "spool-openat", 1),
    ("write of the spool file", "spool-write", 1),
    ("fsync of the spool file", "spool-fsync", 1),
    ("rename into the spool", "spool-rename", 1),
    ("fsync of the spool folder", "spool-fsync", 2),
    ("connect to the provider", "connect", 1),
    ("the first bytes to the provider", "provider-write", 1),
    ("in the middle of the talk with the provider", "provider-write", 8),
    ("the last bytes to the provider", "provider-write", -1),
    ("the removal after the provider's 250", "unlink", 1),
]
CALLS = "openat,write,fsync,fdatasync,rename,renameat,renameat2,connect,sendto,unlink,unlinkat"


@pytest.fixture(scope="module")
def carrier(world, program, agents, tmp_path_factory):
    """Alice's own certificates, in an agent that may die."""
    agents[BOB]
    agents[ALICE].stop()
    yield agents[ALICE]
    agent = agents[ALICE]
    if agent.process is not None:
        agent.kill()
    agent.start()


def traced(agent, inject=()):
    """Attached when the agent is ready: only the thread of the submission makes these calls then."""
    trace = agent.dir / "trace"
    trace.unlink(missing_ok=True)
    # the leak sanitizer is a tracer itself, and there can be only one
    agent.start(env={"ASAN_OPTIONS": "detect_leaks=0"})
    tracer = subprocess.Popen(["strace", "-f", "-qq", "-yy", "-o", trace, "-e", f"trace={CALLS}",
                               *inject, "-p", str(agent.process.pid)])
    until = time.monotonic() + 20
    while any(tracer_of(task) != tracer.pid for task in tasks(agent)):
        assert time.monotonic() < until and tracer.poll() is None
        time.sleep(0.02)
    return trace


def tasks(agent):
    return list(Path(f"/proc/{agent.process.pid}/task").iterdir())


def tracer_of(task):
    return int(re.search(r"TracerPid:\s+(\d+)", (task / "status").read_text())[1])


def submit(agent, message):
    """True if the letter was answered 250."""
    try:
        agent.send(message, [BOB])
        return True
    except (smtplib.SMTPException, OSError):
        return False


def kinds(line):
    """What a traced call is to the submission, if anything."""
    call = re.match(r"\d+ +(\w+)\(", line)
    name = call[1] if call else ""
    if "/spool" in line:
        for kind in ("openat", "write", "fsync", "rename", "unlink"):
            if name.startswith(kind):
                return "unlink" if kind == "unlink" else f"spool-{kind}"
    if name == "connect" and "127.0.0.11" in line and "4650" in line:
        return "connect"
    if name in ("write", "sendto") and "TCP:" in line and "127.0.0.11:4650" in line:
        return "provider-write"
    return None


@pytest.fixture(scope="module")
def course(carrier, world):
    """The submission's system calls as they come when nothing goes wrong: [(thread, name, kind)]."""
    trace = traced(carrier)
    message = letter(ALICE, [BOB])
    assert submit(carrier, message)
    carrier.stop()
    world.wait_for_letter(BOB, message["Message-ID"], seconds=60)
    lines = [line for line in trace.read_text(errors="replace").splitlines()
             if re.match(r"\d+ +\w+\(", line)]
    # others look into the spool too; only the submission puts something there
    thread = next(line for line in lines if kinds(line) == "spool-rename").split()[0]
    return [(re.match(r"\d+ +(\w+)\(", line)[1], kinds(line))
            for line in lines if line.split()[0] == thread]


def injection(course, kind, which):
    """strace counts calls by name in each thread: the number of the wanted one."""
    wanted = [i for i, (_, each) in enumerate(course) if each == kind]
    at = wanted[which - 1 if which > 0 else which]
    name = course[at][0]
    number = sum(1 for each, _ in course[:at + 1] if each == name)
    return ["-e", f"inject={name}:signal=KILL:when={number}"]


SENT = []  # Message-IDs, of all points


@pytest.mark.parametrize("name, kind, which", POINTS, ids=[point[0] for point in POINTS])
def test_what_was_answered_250_arrives_and_copies_have_one_message_id(carrier, course, world, bob,
                                                                      name, kind, which):
    world.empty(BOB)
    message = letter(ALICE, [BOB])
    traced(carrier, injection(course, kind, which))
    answered = submit(carrier, message)
    assert carrier.process.wait(60) == -signal.SIGKILL, f"it was not killed at {name}"
    carrier.process = None
    for path in carrier.home.rglob("*"):
        if path.is_file():
            assert found_in(path.read_bytes(), CANARY, SUBJECT) == [], path
    carrier.start()
    if not answered:
        # as every mail program does: once more, and this time it must work
        assert submit(carrier, message)
    world.wait_for_letter(BOB, message["Message-ID"], seconds=60)
    wait_until_spool_is_empty(carrier)
    carrier.stop()
    SENT.append(message["Message-ID"])
    # a copy of this one or of one before may still be on its way through the mail server
    names = [parse(octets)["Message-ID"] for octets in world.fetch_all(BOB)]
    assert set(names) <= set(SENT), "a letter under another Message-ID"
    # at most: what was sent before the crash, what the spool held, what the program sent again
    assert 1 <= names.count(message["Message-ID"]) <= 3


def wait_until_spool_is_empty(agent):
    until = time.monotonic() + 60
    while any(path.is_file() for path in (agent.home / "spool").iterdir()):
        assert time.monotonic() < until, agent.log()
        time.sleep(0.1)
