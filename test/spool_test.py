"""A letter that was answered 250 is handed on: through kill -9 at any instant, a full disk, one that cannot be written.

The provider is the test's own, so that it is known exactly what it took and when.
"""

import contextlib
import os
import random
import smtplib
import subprocess
import threading
import time

import pytest

from agentworld import Agent
from conftest import long
from people import letter, parse, wire
from provider import Provider, agent_with

MALLORY, BOB = "mallory@alpha.test", "bob@beta.test"


@pytest.fixture(scope="module")
def provider(world):
    provider = Provider(world, "alpha.test")
    yield provider
    provider.close()


@pytest.fixture(scope="module")
def mallory(world, program, agents, provider, tmp_path_factory):
    """Mallory's agent, which knows no other provider; Bob has a certificate."""
    agents[BOB]
    agent = agent_with(provider, Agent(world, program, MALLORY, tmp_path_factory.mktemp("spool")))
    agent.start()
    yield agent
    agent.close()


def waiting(agent):
    with contextlib.suppress(FileNotFoundError):
        return [path for path in (agent.home / "spool").iterdir() if not path.name.startswith(".")]
    return []


def wait_until_empty(agent, seconds=90):
    until = time.monotonic() + seconds
    while waiting(agent):
        assert time.monotonic() < until, agent.log()[-3000:]
        time.sleep(0.1)


def hurry(agent):
    """What waits is tried at once by an agent that begins anew."""
    agent.stop()
    agent.start()
    wait_until_empty(agent)


class Sender(threading.Thread):
    """A mail program that sends letters to Bob, and to Mallory blindly, until it is told to stop.  What was not
    answered is not sent again: it may have arrived or not, but not for one of the two only."""

    def __init__(self, agent):
        super().__init__(daemon=True)
        self.agent, self.stopping = agent, False
        self.sent = {}  # Message-ID: the answer's code; None: there was none

    def run(self):
        while not self.stopping:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                self.talk()

    def talk(self):
        with self.agent.smtp(timeout=60) as smtp:
            while not self.stopping:
                message = letter(MALLORY, [BOB])
                assert smtp.mail(MALLORY)[0] == 250
                assert smtp.rcpt(BOB)[0] == 250 and smtp.rcpt(MALLORY)[0] == 250
                self.sent[message["Message-ID"]] = None
                self.sent[message["Message-ID"]] = smtp.data(wire(message))[0]


def kill_again_and_again(agent, provider, rounds, seed):
    """The instants of the kills."""
    chance, kills = random.Random(seed), []
    for _ in range(rounds):
        # now and then the provider is away, so that letters wait
        away = chance.random() < 0.5
        provider.answers = {b"MAIL": lambda session, line: session.say("451 4.3.0 later")} if away else {}
        time.sleep(chance.uniform(0.05, 1.0))
        agent.kill()
        kills.append(time.monotonic())
        agent.start()
    provider.answers = {}
    return kills


@pytest.mark.parametrize("rounds", [4, pytest.param(100, marks=long)])
def test_kill_9_at_any_instant_loses_nothing_and_doubles_nothing(mallory, provider, rounds):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    senders = [Sender(mallory) for _ in range(3)]
    for sender in senders:
        sender.start()
    try:
        kills = kill_again_and_again(mallory, provider, rounds, seed)
        time.sleep(1)
    finally:
        for sender in senders:
            sender.stopping = True
        for sender in senders:
            sender.join(70)
    hurry(mallory)
    sent = {ident: code for sender in senders for ident, code in sender.sent.items()}
    assert 250 in sent.values()
    for ident, code in sent.items():
        counts = provider.count(ident)
        if code == 250:
            assert set(counts) == {BOB, MALLORY}, f"seed {seed}: {ident} was answered 250 and is lost: {counts}"
        else:
            assert set(counts) in (set(), {BOB, MALLORY}), f"seed {seed}: half of {ident}: {counts}"
        if any(count > 1 for count in counts.values()):
            check_doubled(provider, ident, kills, seed)


def check_doubled(provider, ident, kills, seed):
    """Only where the provider's answer, or what the agent noted of it, was lost in a kill."""
    with provider.lock:
        all = [taken for taken in provider.taken if taken.ident == ident]
    for recipient in {r for taken in all for r in taken.recipients}:
        mine = [taken for taken in all if recipient in taken.recipients]
        for taken in mine[:-1]:
            assert any(taken.was_open(kill) and taken.ended is not None and taken.ended < kill + 5
                       for kill in kills), f"seed {seed}: {ident} went twice to {recipient}"


@contextlib.contextmanager
def small_disk(agent, kilobytes):
    """The agent's home on a disk of its own with little room left."""
    agent.stop()
    size = sum(path.stat().st_blocks * 512 for path in agent.home.rglob("*")) // 1024 + kilobytes
    moved = agent.home.with_name("home-moved")
    agent.home.rename(moved)
    agent.home.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k,mode=0700", "none", agent.home], check=True)
    try:
        subprocess.run(["cp", "-a", f"{moved}/.", agent.home], check=True)
        agent.start()
        yield
        agent.stop()
    finally:
        saved = agent.home.with_name("home-saved")
        subprocess.run(["cp", "-a", agent.home, saved], check=True)
        subprocess.run(["umount", "-l", agent.home], check=True)
        agent.home.rmdir()
        saved.rename(agent.home)
        subprocess.run(["rm", "-rf", moved], check=True)
        agent.start()


def submit(agent, message):
    with agent.smtp() as smtp:
        assert smtp.mail(MALLORY)[0] == 250
        assert smtp.rcpt(BOB)[0] == 250
        return smtp.data(wire(message))


def test_on_a_full_disk_nothing_is_taken_and_nothing_is_lost(mallory, provider):
    provider.answers = {b"MAIL": lambda session, line: session.say("451 4.3.0 later")}
    kept, refused = [], []
    with small_disk(mallory, 300):
        for _ in range(60):
            message = letter(MALLORY, [BOB])
            code, text = submit(mallory, message)
            if code != 250:
                assert code == 452 and text.startswith(b"4.3.1"), text
                refused.append(message["Message-ID"])
                break
            kept.append(message["Message-ID"])
        assert kept and refused, "the disk was never full"
        provider.answers = {}
        hurry(mallory)
        # there is room again
        message = letter(MALLORY, [BOB])
        assert submit(mallory, message)[0] == 250
        kept.append(message["Message-ID"])
        wait_until_empty(mallory)
    assert [provider.count(ident) for ident in kept] == [{BOB: 1}] * len(kept)
    assert [provider.count(ident) for ident in refused] == [{}] * len(refused)


def test_where_the_spool_cannot_be_written_nothing_is_taken(mallory, provider):
    spool = mallory.home / "spool"
    wait_until_empty(mallory)
    spool.mkdir(mode=0o700, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,mode=0700", "none", spool], check=True)
    try:
        message = letter(MALLORY, [BOB])
        code, text = submit(mallory, message)
        assert code == 452 and text.startswith(b"4.3.1"), text
    finally:
        subprocess.run(["umount", spool], check=True)
    assert provider.count(message["Message-ID"]) == {}
    assert submit(mallory, message)[0] == 250
    assert provider.count(message["Message-ID"]) == {BOB: 1}


# --- what the sender wants to be told ---------------------------------------------------------------------

def talk(agent, sender=(), recipient=(), message=None):
    message = message or letter(MALLORY, [BOB])
    with agent.smtp() as smtp:
        assert smtp.mail(MALLORY, sender)[0] == 250
        assert smtp.rcpt(BOB, recipient)[0] == 250
        return message["Message-ID"], smtp.data(wire(message))


def last_line(provider, verb):
    return [line for line in provider.lines if line.startswith(verb)][-1]


def test_wishes_go_to_a_provider_that_offers_dsn_and_no_content_comes_back(mallory, provider):
    provider.offers.append("DSN")
    provider.lines.clear()
    try:
        _, (code, _) = talk(mallory, ["RET=FULL", "ENVID=QQ+3D7"],
                            ["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;bob+2Bx@beta.test"])
    finally:
        provider.offers.remove("DSN")
    assert code == 250
    assert b" RET=HDRS ENVID=QQ+3D7\r\n" in last_line(provider, b"MAIL")
    assert last_line(provider, b"RCPT") == \
        b"RCPT TO:<bob@beta.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;bob+2Bx@beta.test\r\n"
    wait_until_empty(mallory)


def reports(provider, since):
    with provider.lock:
        return [taken for taken in provider.taken[since:] if taken.sender.startswith(b"MAIL FROM:<>")]


@pytest.mark.parametrize("notify, told", [(None, False), ("NOTIFY=SUCCESS", True), ("NOTIFY=NEVER", False),
                                          ("NOTIFY=FAILURE", False)])
def test_success_is_told_by_the_agent_where_the_provider_will_not(mallory, provider, notify, told):
    since = len(provider.taken)
    provider.lines.clear()
    assert talk(mallory, [], [notify] if notify else [])[1][0] == 250
    assert not any(b"NOTIFY" in line or b"RET=" in line for line in provider.lines)
    wait_until_empty(mallory)
    assert len(reports(provider, since)) == (1 if told else 0)


@pytest.mark.parametrize("notify, told", [(None, True), ("NOTIFY=FAILURE", True), ("NOTIFY=NEVER", False),
                                          ("NOTIFY=SUCCESS", False)])
def test_a_failure_is_told_to_whom_it_matters(mallory, provider, notify, told):
    """First away, so that the letter waits; then refused for good."""
    since = len(provider.taken)
    provider.answers = {b"MAIL": lambda session, line: session.say("451 4.3.0 later")}
    assert talk(mallory, [], [notify] if notify else [])[1][0] == 250
    assert waiting(mallory)

    def refuse(session, line):
        session.say("550 5.1.1 no such user")
    provider.answers = {b"RCPT": lambda session, line: refuse(session, line) if b"bob@" in line else True}
    try:
        hurry(mallory)
    finally:
        provider.answers = {}
    assert len(reports(provider, since)) == (1 if told else 0)


def test_the_null_sender_stays_the_null_sender(mallory, provider):
    """RFC 8098 section 3: a read receipt that comes back to its sender would go round for ever."""
    provider.lines.clear()
    with mallory.smtp() as smtp:
        assert smtp.mail("")[0] == 250
        assert smtp.rcpt(BOB)[0] == 250
        assert smtp.data(wire(letter(MALLORY, [BOB])))[0] == 250
    assert last_line(provider, b"MAIL").startswith(b"MAIL FROM:<> ")


def test_the_providers_own_refusal_is_the_answer(mallory, provider):
    provider.answers = {b"MAIL": lambda session, line: session.say("550 5.7.60 not as that one")}
    try:
        _, (code, text) = talk(mallory)
        assert (code, text) == (550, b"5.7.60 not as that one")
        assert not waiting(mallory)
    finally:
        provider.answers = {}


# --- a provider that means harm ------------------------------------------------------------------------------

def endless(secure):
    with contextlib.suppress(OSError):
        while True:
            secure.sendall(b"220-" + b"x" * 4000 + b"\r\n")


def endless_line(secure):
    with contextlib.suppress(OSError):
        while True:
            secure.sendall(b"x" * 65536)


def drip(secure):
    with contextlib.suppress(OSError):
        for _ in range(600):
            secure.sendall(b"2")
            time.sleep(0.1)


def all_at_once(secure):
    """Every answer before anything was asked: a 250 for a letter that was not sent."""
    with contextlib.suppress(OSError):
        secure.sendall(b"220 x\r\n250 x\r\n235 x\r\n250 x\r\n250 x\r\n354 x\r\n250 x\r\n" * 20)
        while secure.recv(65536):
            pass


RAW = {
    "an endless greeting": endless,
    "an endless line": endless_line,
    "all answers at once": all_at_once,
    "nothing but an end": lambda secure: None,
    "no reply code": lambda secure: secure.sendall(b"hello\r\n"),
    "a web server": lambda secure: secure.sendall(b"HTTP/1.1 200 OK\r\n\r\n"),
}

ANSWERS = {
    "a 250 for DATA": {b"DATA": lambda s, line: s.say("250 2.0.0 taken")},
    "a 354 for RCPT": {b"RCPT": lambda s, line: s.say("354 go on")},
    "a 354 for MAIL": {b"MAIL": lambda s, line: s.say("354 go on")},
    "a 334 for EHLO": {b"EHLO": lambda s, line: s.say("334 ")},
    "a 421 for DATA": {b"DATA": lambda s, line: s.say("421 4.3.0 tired")},
    "no AUTH any more": {b"EHLO": lambda s, line: s.say("250 provider.test")},
    "the login refused": {b"AUTH": lambda s, line: s.say("454 4.7.0 later")},
    "two codes in one reply": {b"MAIL": lambda s, line: s.say("250-ok\r\n550 no")},
}


def resident(agent):
    for line in open(f"/proc/{agent.process.pid}/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1])


@contextlib.contextmanager
def harm(provider, name):
    provider.raw, provider.answers = RAW.get(name), ANSWERS.get(name, {})
    try:
        yield
    finally:
        provider.raw, provider.answers = None, {}


@pytest.mark.parametrize("name", [*RAW, *ANSWERS])
def test_a_provider_that_breaks_the_protocol_costs_nobody_a_letter(mallory, provider, name):
    """It is kept and handed on when the provider is itself again; never counted as taken."""
    before = resident(mallory)
    with harm(provider, name):
        ident, (code, text) = talk(mallory)
        assert code == 250 and b"kept" in text, text
        assert waiting(mallory)
        assert provider.count(ident) == {}
        assert resident(mallory) < before + 40_000
    hurry(mallory)
    assert provider.count(ident) == {BOB: 1}


@long
def test_a_provider_that_drips_holds_up_nobody_else(mallory, provider):
    """Its letter waits thirty seconds; another session is served at once."""
    with harm(provider, "all answers at once"):
        provider.raw = drip
        slow = threading.Thread(target=talk, args=(mallory,), daemon=True)
        slow.start()
        time.sleep(0.5)
        begun = time.monotonic()
        with mallory.smtp() as smtp:
            assert smtp.noop()[0] == 250
        assert time.monotonic() - begun < 5
        provider.raw = None
    slow.join(60)
    assert not slow.is_alive()
    hurry(mallory)
