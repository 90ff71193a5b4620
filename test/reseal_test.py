"""Letters that arrived in the clear lie sealed: stored again by the agent, and restored.

Dovecot says what lies on the server, straight; Python's email and openssl judge it.
"""

import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import time

import pytest

from agentworld import Agent
from conftest import long
from imapwire import Middle, agent_wire, straight_wire
from people import found_in

ALICE, BOB = "alice@alpha.test", "bob@beta.test"
CODE = re.compile(r"^code  (\S+)$", re.M)
SECRET = "canaryinclear"
BOX = "Rest"


def done(agent, *words, code=0, **more):
    ran = agent.run(*words, **more)
    assert ran.returncode == code, (words, ran.stdout.decode(), ran.stderr.decode())
    return ran.stdout.decode() + ran.stderr.decode()


def clear(number, *fields, body=None):
    lines = [f"Return-Path: <eve{number}@else.test>", f"Received: from a by b; x{number}",
             f"From: Eve <eve{number}@else.test>", f"To: {ALICE}", f"Subject: {SECRET} Gr\u00fc\u00dfe {number}",
             "Date: Sat, 21 Nov 2026 20:18:00 +0000", f"Message-ID: <clear-{number}@else.test>",
             f"References: <clear-{number - 1}@else.test>", *fields]
    return ("\r\n".join(lines) + "\r\n\r\n" + (body or f"{SECRET} body {number} \u0416\r\n.\r\n--x\r\n")).encode()


LETTERS = [
    clear(1), clear(2, "MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=x",
                    body=f"\r\n--x\r\n\r\n{SECRET}\r\n--x--\r\n"),
    clear(3, "Content-Type: application/pkcs7-mime; smime-type=enveloped-data"),
    clear(4, "Content-Transfer-Encoding: base64", "Content-Type: application/pdf", body="QUJD\r\n"),
    clear(5, body=f"{SECRET} no line end at its end"), clear(6, body="\r\n" * 40),
    clear(6, body="\r\n" * 40),  # the same letter twice is two letters
    clear(7, body=(f"{SECRET} long " + "x" * 60 + "\r\n") * 9000),
]
FLAGS = [r"\Seen", r"\Answered \Flagged", "", r"$Forwarded Kw", r"\Deleted \Seen", r"\Draft", "", "NonJunk"]


def literal(octets):
    return b"{%d+}\r\n%s" % (len(octets), octets)


def fill(judge, letters=LETTERS, flags=FLAGS, box=BOX):
    judge.ok("EXAMINE INBOX")  # not the one that is deleted
    judge.command(f"DELETE {box}")
    judge.ok(f"CREATE {box}")
    for number, octets in enumerate(letters):
        judge.ok(f'APPEND {box} ({flags[number % len(flags)]}) "{number % 28 + 1:02}-Jan-2026 10:00:00 +0000" '.encode()
                 + literal(octets))


def dump(wire, box=BOX):
    """What is there, whatever its UIDs and order: [(date, flags, letter)]."""
    exists, = re.findall(rb"\* (\d+) EXISTS", b"".join(wire.ok(f"EXAMINE {box}")))
    found = wire.fetch("FETCH 1:* (FLAGS INTERNALDATE BODY.PEEK[])") if exists != b"0" else {}
    return sorted((items[b"INTERNALDATE"], flags_of(items), items[b"BODY[]"]) for items in found.values())


def flags_of(items):
    return tuple(sorted(flag for flag in items[b"FLAGS"]
                        if flag != rb"\Recent" and not flag.startswith(b"$Letterlock")))


def wanted(letters=LETTERS, flags=FLAGS):
    return sorted((b"%02d-Jan-2026 10:00:00 +0000" % (number % 28 + 1),
                   tuple(sorted(flags[number % len(flags)].encode().split())), octets)
                  for number, octets in enumerate(letters))


@pytest.fixture(scope="module")
def device(world, authority, program, tmp_path_factory):
    """Alice's agent, set up and not running, with a copy of its keys."""
    agent = Agent(world, program, ALICE, tmp_path_factory.mktemp("device"))
    agent.setup()
    with straight_wire(world, ALICE) as judge:
        fill(judge)
    refused = done(agent, "rest", "on", code=2)
    assert "letterlock recovery export" in refused
    agent.copy = agent.dir / "keys.p12"
    said = done(agent, "recovery", "export", "--to", agent.copy)
    agent.code = CODE.search(said).group(1)
    yield agent
    agent.close()


def only(agent, *boxes):
    """Nothing but these is sealed."""
    done(agent, "rest", "off")
    for box in boxes:
        done(agent, "rest", "on", "--folder", box)


def store(world):
    """The letters' files.  (Dovecot's own index remembers header fields of letters that are gone.)"""
    return b"".join(path.read_bytes() for path in world.store_files("alpha.test")
                    if not path.name.startswith("dovecot"))


def test_openssl_opens_the_copy_of_the_keys_with_the_code(device):
    assert device.copy.stat().st_mode & 0o777 == 0o600
    shown = subprocess.run(["openssl", "pkcs12", "-in", device.copy, "-passin", f"pass:{device.code}",
                            "-nodes"], capture_output=True, check=True).stdout
    assert shown.count(b"BEGIN PRIVATE KEY") == 1 and ALICE.encode() in shown
    wrong = device.dir / "wrong"
    wrong.write_text(device.code[:-1] + ("0" if device.code[-1] != "0" else "1"))
    assert "compare it" in done(device, "recovery", "import", "--from", device.copy, "--code-file", wrong,
                                code=2)


def test_what_came_in_the_clear_is_sealed_and_shown_the_same_and_restored(device, world):
    """By the running agent, which had shown the letters before."""
    only(device)
    with straight_wire(world, ALICE) as judge:
        fill(judge)
        assert dump(judge) == wanted()
    device.start("--rest-every", "1")
    try:
        with agent_wire(device) as ours:
            assert dump(ours) == wanted()
        assert done(device, "audit", "--folder", BOX, code=1).startswith(f"{BOX}: 8 of 8 can be read\n")
        done(device, "rest", "on", "--folder", BOX)
        wait_for(lambda: "0 of 8" in device.run("audit", "--folder", BOX).stdout.decode(), device)
        assert found_in(store(world), SECRET) == []
        said = done(device, "rest", "status")
        assert f"{BOX}: sealed\n" in said and re.search(r"^last round: 2\d{3}-\S+$", said, re.M), said
        with straight_wire(world, ALICE) as judge:
            sealed = dump(judge)
        assert [(date, flags) for date, flags, _ in sealed] == [row[:2] for row in sorted(
            wanted(), key=lambda row: row[:2])]
        assert all(b"application/pkcs7-mime" in octets for _, _, octets in sealed)
        with agent_wire(device) as ours:
            assert dump(ours) == wanted()
            ours.ok(f"EXAMINE {BOX}")
            rows = ours.fetch("FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (REFERENCES MESSAGE-ID)])")
            assert all(b"$Letterlock-reason-enc.at-rest" in row[b"FLAGS"] for row in rows.values())
        done(device, "rest", "off", "--folder", BOX)
        wait_for(lambda: "8 of 8" in device.run("audit", "--folder", BOX).stdout.decode(), device)
        with straight_wire(world, ALICE) as judge:
            wait_for(lambda: dump(judge) == wanted(), device)
        with agent_wire(device) as ours:
            assert dump(ours) == wanted()
    finally:
        device.stop()


def wait_for(condition, agent, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, agent.log()
        time.sleep(0.3)


def test_flags_that_are_set_on_a_sealed_copy_go_back_with_it(device, world):
    only(device, BOX)
    with straight_wire(world, ALICE) as judge:
        fill(judge, LETTERS[:1], [""])
        done(device, "rest", "now")
        judge.ok(f"SELECT {BOX}")
        judge.ok(r"STORE 1 +FLAGS (\Flagged New)")
        done(device, "rest", "off", "--folder", BOX)
        done(device, "rest", "now")
        (_, flags, octets), = dump(judge)
    assert flags == (b"New", rb"\Flagged") and octets == LETTERS[0]


def test_nothing_of_a_mailbox_that_is_not_named_is_touched(device, world):
    only(device, "Other")
    with straight_wire(world, ALICE) as judge:
        fill(judge)
        judge.command("CREATE Other")
        done(device, "rest", "now")
        assert dump(judge) == wanted()
        assert "can be read" in done(device, "audit", code=1)


def test_what_cannot_come_back_as_it_was_stays_and_is_counted(device, world):
    only(device, BOX)
    odd = clear(1, body="a bare \r stays\r\n")
    with straight_wire(world, ALICE) as judge:
        fill(judge, [odd, LETTERS[0]])
        assert "would not come back byte for byte: 1" in done(device, "rest", "now")
        assert odd in [octets for _, _, octets in dump(judge)]
    assert "1 of 2" in done(device, "audit", "--folder", BOX, code=1)


def test_a_key_that_no_copy_has_stops_it(device, world, tmp_path):
    """As after a renewal: what would be sealed then could be lost with the device."""
    twin = clone(device, tmp_path)
    state = twin.home / "rest"
    state.unlink()
    assert "letterlock recovery export" in done(twin, "rest", "on", code=2)
    twin.close()


# --- a hostile or poor mail server

class Between(Middle):
    """`refuse(octets)`: answered with NO by us, and never passed on."""
    refuse = None

    def pass_on(self, agent, server):
        plain, socket_ = server.sendall, agent

        def send(octets):
            if self.refuse is not None and self.refuse in octets:
                tag = octets.split(b" ", 1)[0]
                socket_.sendall(tag + b" NO [OVERQUOTA] no room for " + SECRET.encode() + b"\r\n")
                return
            plain(octets)

        super().pass_on(agent, Sender(server, send))


class Sender:
    def __init__(self, sock, send):
        self.sock, self.sendall = sock, send

    def __getattr__(self, name):
        return getattr(self.sock, name)


@pytest.fixture(scope="module")
def middle(world, device, tmp_path_factory):
    """(the middleman, an agent with the same keys that knows no other mail server)"""
    between = Between(world, "alpha.test")
    agent = clone(device, tmp_path_factory.mktemp("middle"))
    agent.setup("--imap", between.url)
    yield between, agent
    agent.close()
    between.close()


def clone(device, directory):
    """Another device of the same person: the same keys in a folder of its own."""
    twin = Agent(device.world, device.program, device.address, directory)
    shutil.copytree(device.home, twin.home, dirs_exist_ok=True)
    (twin.home / ".lock").unlink(missing_ok=True)
    shutil.copy(device.key_file, twin.key_file)
    shutil.copy(device.credential_file, twin.credential_file)
    return twin


def fresh(judge, between, agent):
    between.twist = between.deaf = between.refuse = None
    only(agent, BOX)
    fill(judge, LETTERS[:4])


def test_without_uidplus_nothing_is_done(middle, world):
    between, agent = middle
    with straight_wire(world, ALICE) as judge:
        fresh(judge, between, agent)
        between.twist = lambda octets: octets.replace(b"UIDPLUS", b"UIDNONE")
        between.said = bytearray()
        assert "UIDPLUS" in done(agent, "rest", "now", code=2)
        assert b"APPEND" not in between.said and b"EXPUNGE" not in between.said
        assert dump(judge) == wanted(LETTERS[:4])
        between.twist = None


def test_without_room_the_letters_stay_and_the_log_does_not_say_what_they_are(middle, world):
    between, agent = middle
    with straight_wire(world, ALICE) as judge:
        fresh(judge, between, agent)
        between.refuse = b" APPEND "
        said = done(agent, "rest", "now")
        assert "refused by the mail server: 3" in said and "OVERQUOTA" in said
        assert SECRET not in said and BOX not in said
        assert dump(judge) == wanted(LETTERS[:4])
        between.refuse = None
        assert "stored again: 4" in done(agent, "rest", "now")


def test_a_copy_that_is_not_the_same_when_fetched_back_costs_nothing(middle, world):
    """The server changes a byte of every sealed letter that it shows (and they are whole again later)."""
    between, agent = middle
    with straight_wire(world, ALICE) as judge:
        fresh(judge, between, agent)
        fill(judge, LETTERS[:2])
        between.twist = lambda octets: octets.replace(b"application/pkcs7-mime", b"application/pkcs7-mine")
        between.said = bytearray()
        assert "to be tried again: 2" in done(agent, "rest", "now")
        assert b"EXPUNGE" not in between.said
        between.twist = None
        assert all(row in dump(judge) for row in wanted(LETTERS[:2]))
        assert "stored again: 2" in done(agent, "rest", "now")
        assert len(dump(judge)) == 2


@pytest.mark.parametrize("word", [b" APPEND ", b"UID EXPUNGE", *(pytest.param(word, marks=long) for word in (
    b" UID FETCH", b" NOOP", b" UID STORE", b"UID FETCH 5 "))])
def test_a_server_that_goes_away_in_the_middle_loses_and_doubles_nothing(middle, world, word):
    between, agent = middle
    with straight_wire(world, ALICE) as judge:
        fresh(judge, between, agent)
        between.deaf = word
        done(agent, "rest", "now", code=2)
        between.deaf = None
        done(agent, "rest", "now")
        sealed = dump(judge)
        assert len(sealed) == 4 and found_in(b"".join(row[2] for row in sealed), SECRET) == []
        done(agent, "rest", "off", "--folder", BOX)
        between.deaf = word.replace(b" 5 ", b" 9 ")
        agent.run("rest", "now")
        between.deaf = None
        done(agent, "rest", "now")
        assert dump(judge) == wanted(LETTERS[:4])


# --- kill -9, and two at once

def run(agent, *words):
    return subprocess.Popen([agent.program, *words, *agent.where()], stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)


def kill_after(process, seconds):
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait(30)


MANY = [clear(number) for number in range(24)]


def shown_by(agent):
    agent.start("--rest-every", "3600")
    try:
        with agent_wire(agent) as ours:
            return dump(ours)
    finally:
        agent.stop()


def test_killed_at_any_moment_it_loses_and_doubles_nothing(device, world):
    chance = random.Random(7)
    only(device, BOX)
    with straight_wire(world, ALICE) as judge:
        fill(judge, MANY)
        for mode in ("on", "off"):
            done(device, "rest", mode, "--folder", BOX)
            for _ in range(40 if "LETTERLOCK_LONG" in os.environ else 5):
                kill_after(run(device, "rest", "now"), chance.uniform(0.02, 0.5))
                assert len(dump(judge)) >= len(MANY)
            done(device, "rest", "now")
            assert len(dump(judge)) == len(MANY)
            if mode == "on":
                assert found_in(b"".join(row[2] for row in dump(judge)), SECRET) == []
        assert dump(judge) == wanted(MANY)


def test_two_agents_at_one_mailbox_lose_and_double_nothing(device, world, tmp_path):
    chance = random.Random(11)
    twin = clone(device, tmp_path)
    with straight_wire(world, ALICE) as judge:
        for turn in range(3):
            only(device, BOX)
            only(twin, BOX)
            fill(judge, MANY)
            both = [run(device, "rest", "now"), run(twin, "rest", "now")]
            if turn == 1:
                kill_after(both[0], chance.uniform(0.05, 0.6))
            if turn == 2:
                kill_after(both[1], chance.uniform(0.05, 0.6))
            for process in both:
                process.wait(120)
            for agent in (device, twin, device):
                done(agent, "rest", "now")
            sealed = dump(judge)
            assert len(sealed) == len(MANY) and found_in(b"".join(row[2] for row in sealed), SECRET) == []
            assert "0 of 24" in done(twin, "audit", "--folder", BOX)
    assert shown_by(device) == wanted(MANY)
    twin.close()


def test_a_letter_that_its_reader_removes_meanwhile_does_not_come_back(middle, world):
    """At the moment when its copy is there and it is not yet gone."""
    between, agent = middle
    with straight_wire(world, ALICE) as judge:
        fresh(judge, between, agent)
        judge.ok(f"SELECT {BOX}")
        removed = []

        def twist(octets):
            if b"APPENDUID" in octets and not removed:
                removed.append(True)
                judge.ok(r"UID STORE 1 +FLAGS.SILENT (\Deleted)")
                judge.ok("UID EXPUNGE 1")
            return octets

        between.twist = twist
        done(agent, "rest", "now")
        between.twist = None
        assert removed
        done(agent, "rest", "now")
        assert len(dump(judge)) == 3


# --- a new machine

def test_on_a_new_machine_the_copy_of_the_keys_opens_everything(device, world, tmp_path):
    only(device, BOX)
    with straight_wire(world, ALICE) as judge:
        fill(judge)
    done(device, "rest", "now")
    new = Agent(world, device.program, ALICE, tmp_path)
    code = tmp_path / "code"
    code.write_text(device.code.lower().replace("-", " "))
    assert "with 1 keys" in done(new, "recovery", "import", "--from", device.copy, "--code-file", code)
    name = re.search(r"letterlock guard approve (\S+)", new.setup(check=False).stdout.decode()).group(1)
    done(device, "guard", "approve", name)
    new.setup()
    # it has a key of its own to sign, and the same one to open letters
    assert shown_by(new) == wanted()
    done(new, "rest", "on", "--folder", BOX)
    assert "stored again: 0" in done(new, "rest", "now")
    # and each device restores what it has sealed itself
    done(new, "rest", "off", "--folder", BOX)
    assert "sealed by another device: 8" in done(new, "rest", "now")
    with straight_wire(world, ALICE) as judge:
        assert len(dump(judge)) == 8
        done(device, "rest", "off", "--folder", BOX)
        done(device, "rest", "now")
        assert dump(judge) == wanted()
    new.close()


# --- audit

def test_audit_counts_what_can_be_read_whatever_it_is_called(device, world):
    only(device, BOX)
    with straight_wire(world, ALICE) as judge:
        fill(judge, LETTERS[:2])
        done(device, "rest", "now")
        good = dump(judge)[0][2]
        for bad in (good + b"and some text behind it\r\n" * 300,
                    good.replace(b"\r\n\r\nM", b"\r\n\r\nN", 1),
                    good[:len(good) // 2], clear(9), clear(10, "Content-Type: application/x-pkcs7-mime")):
            judge.ok(f"APPEND {BOX} ".encode() + literal(bad))
        judge.ok(f"APPEND {BOX} ".encode() + literal(good))
    said = done(device, "audit", "--folder", BOX, code=1)
    assert f"{BOX}: 5 of 8 can be read" in said and "in all: 5 of 8 can be read" in said
    assert re.search(r"looked at 8 letters in \d+\.\d s", said)
    assert done(device, "audit", "--folder", "NotThere", code=2)


@long
def test_ten_thousand_letters_are_sealed_and_the_audit_says_nought(device, world):
    many = [clear(number) for number in range(10000)]
    only(device, BOX)
    with straight_wire(world, ALICE) as judge:
        fill(judge, many)
    begun = time.monotonic()
    subprocess.run([device.program, "rest", "now", *device.where()], check=True, timeout=3000)
    took = time.monotonic() - begun
    said = done(device, "audit", "--folder", BOX)
    assert f"{BOX}: 0 of 10000 can be read" in said
    print(f"sealed {len(many) / took:.0f} letters/s; {said}")
    assert [hashlib.sha256(row[2]).digest() for row in shown_by(device)] == [
        hashlib.sha256(row[2]).digest() for row in wanted(many)]
