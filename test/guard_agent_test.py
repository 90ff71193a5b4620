"""A second device of a mailbox, as a person meets it: setup, guard, recovery and the agent."""

import re
import sqlite3
import time

import pytest

from acmeclient import Client, make_csr
from agentworld import Agent

BOB = "bob@beta.test"
CODE = re.compile(r"^  ((?:[0-9A-Z]{4}-){6}[0-9A-Z]{4})$", re.M)
NAME = re.compile(r"letterlock guard approve (\S+)")
KEY = re.compile(r"its key  ((?:[0-9a-f]{4} ){4}[0-9a-f]{4})")


@pytest.fixture(scope="module")
def new_device(world, authority, build, tmp_path_factory):
    """Homes of one mailbox, each as on a machine of its own."""
    made = []

    def make():
        made.append(Agent(world, build / "letterlock", BOB, tmp_path_factory.mktemp("device")))
        return made[-1]

    yield make
    for device in made:
        device.close()


@pytest.fixture(scope="module")
def first(new_device):
    """The first device, and the recovery code that its setup told."""
    device = new_device()
    device.code = CODE.search(device.setup().stdout.decode()).group(1)
    return device


def done(device, *words, **more):
    """A command that has to succeed; what it says."""
    ran = device.run(*words, **more)
    assert ran.returncode == 0, ran.stderr.decode()
    return ran.stdout.decode()


def failed(device, *words, **more):
    ran = device.run(*words, **more)
    assert ran.returncode == 2, ran.stdout
    return ran.stderr.decode()


def ask(device):
    """Setup on a machine that is no device yet: the name of what waits, and the key shown."""
    ran = device.setup(check=False)
    assert ran.returncode == 1, ran.stderr.decode()
    said = ran.stdout.decode()
    assert f"letterlock setup {BOB} again" in said and "is refused at 2" in said
    return NAME.search(said).group(1), KEY.search(said).group(1)


def audit(authority):
    with sqlite3.connect(f"file:{authority['database']}?mode=ro", uri=True) as database:
        return database.execute("SELECT actor, act FROM audit WHERE object = ?", (BOB,)).fetchall()


def test_a_second_device_waits_for_the_first_and_goes_on_where_it_was(authority, first, new_device):
    second = new_device()
    name, key = ask(second)
    assert ask(second) == (name, key)  # it is the same order, however often one asks
    shown = done(first, "guard")
    assert name in shown and key in shown and "a certificate for another device" in shown
    # who waits cannot help themselves
    assert "none" in failed(second, "guard", "approve", name)
    assert "Nothing waits" in done(second, "guard", "list")
    assert "approved" in done(first, "guard", "approve", name)
    assert "already" in failed(first, "guard", "refuse", name)
    said = second.setup().stdout.decode()
    assert "is ready" in said and not CODE.search(said)  # the mailbox has a code
    assert done(second, "status").count("good until") == 2
    assert "Nothing waits" in done(first, "guard", "list")
    # it is a device like the first one now
    third = new_device()
    name, _ = ask(third)
    assert name in done(second, "guard")
    assert "refused" in done(second, "guard", "refuse", name)
    assert "approved this order in time" in failed(third, "setup", BOB)
    assert "Nothing waits" in done(first, "guard")  # setup told it, and did not ask again


def test_the_recovery_code_alone_is_enough_on_a_new_machine(authority, first, new_device, tmp_path):
    lone = new_device()
    assert "waits for no other" in failed(first, "recovery", "use", input=b"")
    ask(lone)
    slip = first.code[:-1] + ("0" if first.code[-1] != "0" else "1")
    assert "is wrong" in failed(lone, "recovery", "use", input=slip.encode() + b"\n")
    other = "000G-40R4-0M30-E209-185G-R38E-1W6K"  # a good one, of somebody else
    assert "not the recovery code" in failed(lone, "recovery", "use", input=other.encode())
    written = tmp_path / "code"
    written.write_text(first.code.lower().replace("-", " ") + "\n")
    assert "Approved" in done(lone, "recovery", "use", "--code-file", written)
    assert "run letterlock setup" in failed(lone, "recovery", "use", "--code-file", written)
    assert "is ready" in lone.setup().stdout.decode()
    assert ("recovery code", "guard-approve") in audit(authority)
    assert "approved by the recovery code" in done(first, "guard")


def test_a_new_code_takes_the_place_of_the_old_one(first, new_device, tmp_path):
    written = tmp_path / "new"
    assert "has a recovery code" in done(first, "recovery")
    assert str(written) in done(first, "recovery", "new", "--code-file", written)
    assert written.stat().st_mode & 0o777 == 0o600
    newer = new_device()
    ask(newer)
    assert "not the recovery code" in failed(newer, "recovery", "use",
                                             input=first.code.encode() + b"\n")
    first.code = written.read_text()
    assert "Approved" in done(newer, "recovery", "use", input=written.read_bytes())
    assert "is ready" in newer.setup().stdout.decode()


def test_the_agent_says_what_waits_while_it_runs(world, first):
    thief = Client(world)
    assert thief.register().status == 201
    first.start("--guard-every", "1")
    try:
        wait_for(first, "the recovery code of bob@beta.test was used", 1)
        order = thief.authorize(BOB)
        reply = thief.finalize(order, make_csr(BOB)[0])
        assert reply.json["status"] == "processing", reply.body
        wait_for(first, "wants a certificate in its name, and it waits for your word", 1)
        name = reply.json["guard"].rpartition("/")[2]
        assert "waiting for your word: 1;" in done(first, "status")
        # beside the agent
        assert "refused" in done(first, "guard", "refuse", name)
        until = time.monotonic() + 20
        while "waiting for your word" in done(first, "status"):
            assert time.monotonic() < until, first.log()
            time.sleep(0.2)
    finally:
        first.stop()
    assert first.log().count("waits for your word") == 1  # once, not at each look
    assert thief.post(order["url"]).json["status"] == "invalid"


def wait_for(device, words, count):
    until = time.monotonic() + 20
    while device.log().count(words) < count:
        assert time.monotonic() < until, device.log()
        time.sleep(0.1)


@pytest.mark.parametrize("words", [["guard", "approve"], ["guard", "list", "x"], ["guard", "x", "y"],
                                   ["recovery", "x"], ["recovery", "use", "x"],
                                   ["recovery", "show", "--code-file", "x"]])
def test_a_wrong_line_is_told_what_is_wanted(first, words):
    assert f"want {words[0]} " in failed(first, *words)


def test_a_name_leads_nowhere_else(first):
    for name in ("../account/x", "a b", "", "x?y=1", "https://127.0.0.1:1/x"):
        failed(first, "guard", "approve", name)
    assert "nothing of that name" in failed(first, "guard", "refuse", "nothing")


def test_the_owner_of_a_domain_is_told_which_record_undoes_an_enrolment(authority, first):
    said = done(first, "guard", "undo", "carol@alpha.test")
    name, value = re.search(r"^  (\S+)\. TXT \"(\S+)\"$", said, re.M).groups()
    assert name == "_letterlock.alpha.test" and value.startswith("letterlock-undo=")
    assert said == done(first, "guard", "undo", "carol@alpha.test")  # it is the same request
    failed(first, "guard", "undo", "no address")


def test_without_an_account_there_is_nothing_to_say(world, new_device):
    for words in (["guard"], ["recovery", "new"], ["recovery", "use"]):
        assert "setup" in failed(new_device(), *words, input=b"")
