"""The agent before another mail server: Cyrus, which has other capabilities, other names and other habits."""

import re
import socket
import tempfile
import time
from pathlib import Path

import pytest

from agentworld import Agent
from cyrus import Cyrus
from imap_model_test import a_seed, sealed_letters
from imaprandom import Side, Work
from imapwire import Wire, agent_wire
from shapes import SHAPES

# whose agent it is, and with whom it is compared
OURS, THEIRS = "mallory@alpha.test", "alice@alpha.test"
SECONDS = 8  # of random work
LETTER = b"From: a@example.org\r\nTo: mallory@alpha.test\r\nSubject: one\r\n\r\ntext\r\n"


@pytest.fixture(scope="module")
def server(world, build):
    with tempfile.TemporaryDirectory(prefix="cyrus-") as directory:
        Path(directory).chmod(0o755)
        ready = build.parent / "cyrus"  # where ./check has put it, for there is no network here
        cyrus = Cyrus(world, directory, ready if ready.is_dir() else build / "cyrus")
        try:
            cyrus.start(OURS, THEIRS)
            yield cyrus
        finally:
            cyrus.stop()


@pytest.fixture(scope="module")
def agent(world, program, server, tmp_path_factory):
    """It got its certificates over Dovecot, where the authority's letters go, and then moved."""
    agent = Agent(world, program, OURS, tmp_path_factory.mktemp("mallory"))
    agent.setup()
    agent.setup("--imap", server.url)
    agent.start()
    yield agent
    agent.close()


def straight(server, world, address):
    wire = Wire(server.connect())
    wire.ok(f'LOGIN {address} "{world.password(address)}"')
    return wire


@pytest.fixture
def both(server, agent, world):
    judge = straight(server, world, OURS)
    with agent_wire(agent) as ours:
        yield judge, ours
    judge.sock.close()


def fill(wire, box, letters):
    wire.command(f"DELETE {box}")
    wire.ok(f"CREATE {box}")
    kept = []
    for octets in letters:
        if wire.command(b"APPEND %s {%d+}\r\n%s" % (box.encode(), len(octets), octets))[1].startswith(b"OK"):
            kept.append(octets)
    return kept


def test_what_it_offers_and_we_do_not_is_not_offered(both):
    judge, ours = both
    theirs, given = [set(wire.ok("CAPABILITY")[0].split()[2:]) for wire in both]
    own = {b"IMAP4rev1", b"LITERAL+", b"ID", b"SASL-IR", b"ESEARCH", b"SEARCHRES", b"COMPRESS=DEFLATE"}
    assert given - own <= theirs
    assert {b"IDLE", b"CONDSTORE", b"QRESYNC", b"OBJECTID", b"SAVEDATE", b"BINARY", b"MOVE"} <= given
    for name in (b"ACL", b"METADATA", b"URLAUTH", b"CATENATE", b"MULTIAPPEND", b"STATUS=SIZE", b"PREVIEW", b"XLIST",
                 b"X-REPLICATION", b"SEARCH=FUZZY"):
        assert name in theirs and name not in given
    for command in ("GETACL INBOX", "XLIST \"\" *", "GENURLAUTH x", "STATUS INBOX (SIZE)", "GETMETADATA INBOX /comment"):
        assert ours.command(command)[1].startswith(b"BAD"), command


def test_letters_look_as_they_look_straight(both):
    judge, ours = both
    kept = fill(judge, "Shapes", SHAPES.values())
    assert len(kept) > 15
    for wire in both:
        wire.ok("EXAMINE Shapes")
    for items in ("UID INTERNALDATE RFC822.SIZE", "BODY.PEEK[]", "BODY.PEEK[HEADER]", "BODY.PEEK[TEXT]", "EMAILID", "MODSEQ"):
        want, got = [wire.fetch(f"FETCH 1:* ({items})") for wire in both]
        for number, told in want.items():
            assert {item: got[number][item] for item in told} == told, (items, number)


def test_flags_copies_moves_and_news_are_the_servers(both):
    judge, ours = both
    fill(judge, "Work", [LETTER] * 4)
    fill(judge, "Other", [])
    for wire in both:
        wire.ok("SELECT Work")
    judge.ok(r"STORE 2 +FLAGS (\Flagged hello $Letterlock-verified)")
    flags = ours.fetch("FETCH 2 FLAGS")[2][b"FLAGS"]
    assert rb"\Flagged" in flags and b"hello" in flags
    assert b"$Letterlock-verified" not in flags and b"$Letterlock-unsigned" in flags
    assert re.match(rb"OK \[COPYUID \d+ 1:2 1:2\]", ours.command("COPY 1:2 Other")[1])
    lines, end = ours.command("UID MOVE 3 Other")
    assert end.startswith(b"OK") and b"* 3 EXPUNGE\r\n" in lines
    ours.ok(r"STORE 1 +FLAGS.SILENT (\Deleted)")
    assert b"* 1 EXPUNGE\r\n" in ours.ok("EXPUNGE")
    judge.ok("NOOP")
    assert judge.fetch("FETCH 1:* UID") == ours.fetch("FETCH 1:* UID")
    ours.send(b"i IDLE\r\n")
    while not ours.line().startswith(b"+ "):
        pass
    judge.ok(b"APPEND Work {%d+}\r\n%s" % (len(LETTER), LETTER))
    while not ours.line().startswith(b"* 3 EXISTS"):
        pass
    ours.send(b"DONE\r\n")
    while not ours.line().startswith(b"i OK"):
        pass


def test_a_draft_lies_sealed_and_a_mailbox_is_taken_up_where_it_was_left(both):
    judge, ours = both
    fill(judge, "Kept", [LETTER])
    draft = LETTER.replace(b"Subject: one", b"Subject: a secret")
    assert ours.command(b"APPEND Kept (\\Draft) {%d+}\r\n%s" % (len(draft), draft))[1].startswith(b"OK [APPENDUID")
    judge.ok("SELECT Kept")
    lies = judge.fetch("FETCH 2 BODY.PEEK[]")[2][b"BODY[]"]
    assert b"secret" not in lies and b"pkcs7-mime" in lies
    lines = b"".join(ours.ok("SELECT Kept"))
    assert b"a secret" in ours.fetch("FETCH 2 BODY.PEEK[]")[2][b"BODY[]"]
    validity, since = [int(re.search(name + rb" (\d+)", lines).group(1)) for name in (rb"UIDVALIDITY", rb"HIGHESTMODSEQ")]
    ours.ok("UNSELECT")
    judge.ok(r"STORE 1 +FLAGS.SILENT (\Deleted)")
    judge.ok("EXPUNGE")
    ours.ok("ENABLE QRESYNC")
    assert b"* VANISHED (EARLIER) 1\r\n" in ours.ok(f"SELECT Kept (QRESYNC ({validity} {since}))")
    assert list(ours.fetch("FETCH 1:* UID").values()) == [{b"UID": b"2"}]


def test_random_commands_do_what_they_do_straight(server, agent, world, tmp_path):
    """As over Dovecot (imap_model_test.py), with the letters that Cyrus takes."""
    def straight_to(address):
        return lambda: (server.connect(), f'LOGIN {address} "{world.password(address)}"'.encode())

    def through():
        plain = socket.create_connection(("127.0.0.1", agent.imap_port), timeout=60)
        login = f'LOGIN {OURS} "{agent.credential}"'.encode()
        return agent.tls.wrap_socket(plain, server_hostname="localhost"), login

    sides = [Side("the agent", through, straight_to(OURS)),
             Side("Cyrus", straight_to(THEIRS), straight_to(THEIRS), pipelined=False)]
    wire = straight(server, world, THEIRS)
    letters = fill(wire, "Tried", SHAPES.values())
    wire.ok("DELETE Tried")
    for side in sides:
        side.begin()
        for box in ("Shapes", "Work", "Other", "Kept"):
            side.post.command(f"DELETE {box}")
    seed = a_seed()
    # it spells structures otherwise, and tells of \Seen at another time
    work = Work(sides, seed, letters, sealed_letters(tmp_path), delimiter="/",
                unlike=frozenset((b"BODY", b"BODYSTRUCTURE", b"ENVELOPE", b"FLAGS")))
    try:
        until = time.monotonic() + SECONDS
        while work.done == 0 or time.monotonic() < until:
            work.round(100)
    except AssertionError as wrong:
        raise AssertionError(f"LETTERLOCK_SEED={seed}: {wrong}") from None
    finally:
        for side in sides:
            side.end()
