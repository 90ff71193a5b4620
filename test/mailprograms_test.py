"""Mail programs that people use, through the agent: each reads, searches, moves, drafts and sends."""

import re
import subprocess
import time

import pytest

from imapwire import straight_wire
from mailprograms import TUID, MbSync, Mutt
from people import parse
from shapes import SHAPES, crlf

ALICE, BOB = "alice@alpha.test", "bob@beta.test"
DRAFT = crlf(f"From: {ALICE}\nTo: {BOB}\nSubject: a draft of mine\nMessage-ID: <draft@alpha.test>\n\nnot sent yet\n")


def fresh(wire, box, letters=()):
    wire.command(f"DELETE {box}")
    wire.ok(f"CREATE {box}")
    for octets in letters:
        wire.ok(b"APPEND %s {%d+}\r\n%s" % (box.encode(), len(octets), octets))


def everything(wire, box):
    """[(flags, bytes)]"""
    wire.ok(f"EXAMINE {box}")
    found = wire.fetch("FETCH 1:* (FLAGS BODY.PEEK[])") if b"* 0 EXISTS\r\n" not in wire.ok(f"EXAMINE {box}") else {}
    return [(set(items[b"FLAGS"]), items[b"BODY[]"]) for items in found.values()]


@pytest.fixture
def judge(world):
    with straight_wire(world, ALICE) as wire:
        yield wire


def simple(subject, text="hello there", name="one"):
    return crlf(f"From: dora@example.org\nTo: {ALICE}\nSubject: {subject}\nDate: Sat, 21 Nov 2026 20:18:00 +0000\n"
                f"Message-ID: <{name}@example.org>\n\n{text}\n")


# Python's imaplib and smtplib


def test_imaplib_reads_searches_moves_drafts_and_sends(world, alice, bob, judge):
    fresh(judge, "Lib", [simple("first", name="lib-1"), simple("second", "needle", name="lib-2")])
    fresh(judge, "LibMoved")
    imap = alice.imap()
    assert imap.select("Lib") == ("OK", [b"2"])
    assert imap.uid("SEARCH", "BODY", "needle")[1] == [b"2"]
    assert imap.uid("FETCH", "2", "(BODY[])")[1][0][1] == simple("second", "needle", name="lib-2")
    assert imap.uid("MOVE", "2", "LibMoved")[0] == "OK"
    assert imap.append("Drafts", r"(\Draft)", None, DRAFT)[0] == "OK"
    imap.logout()
    assert [octets for _, octets in everything(judge, "LibMoved")] == [simple("second", "needle", name="lib-2")]
    assert [octets for _, octets in everything(judge, "Lib")] == [simple("first", name="lib-1")]
    assert_sealed_draft(judge, alice, b"a draft of mine", b"not sent yet")
    with alice.smtp() as smtp:
        smtp.sendmail(ALICE, [BOB], simple("by smtplib", name="lib-sent").replace(b"dora@example.org", ALICE.encode()))
    assert b"hello there" in bob.wait_for("<lib-sent@example.org>")[1]


def assert_sealed_draft(judge, agent, subject, text):
    """It lies sealed on the server, and can be read through the agent."""
    lies = [octets for _, octets in everything(judge, "Drafts")]
    assert lies and all(b"pkcs7-mime" in octets and text not in octets and subject not in octets for octets in lies)
    assert any(subject in octets and text in octets for _, octets in agent.letters("Drafts"))


# mbsync


def test_mbsync_brings_every_letter_byte_for_byte_and_takes_changes_back(world, alice, judge, tmp_path):
    letters = [b"X-Number: %d\r\n" % n + octets for n, octets in enumerate(SHAPES.values())]
    fresh(judge, "Synced", letters)
    program = MbSync(alice, tmp_path / "first")
    program.sync("Synced")
    here = program.letters("Synced")
    assert sorted(here.values()) == sorted(letters)
    # read one, put one that is sealed already, delete one
    read, gone = [next(path for path, octets in here.items() if octets == letters[n]) for n in (0, 1)]
    read.rename(read.parent.parent / "cur" / (read.name.split(":")[0] + ":2,S"))
    gone.rename(gone.parent.parent / "cur" / (gone.name.split(":")[0] + ":2,T"))
    mine = sealed_for_somebody(tmp_path)
    program.put("Synced", "1795000000.1_1.here", mine)
    program.sync("Synced")
    there = {TUID.sub(b"", octets): flags for flags, octets in everything(judge, "Synced")}
    assert set(there) == {*letters, mine} - {letters[1]}
    assert rb"\Seen" in there[letters[0]] and rb"\Seen" not in there[letters[2]]
    # and somebody who has nothing yet gets the same
    other = MbSync(alice, tmp_path / "second")
    other.sync("Synced")
    assert sorted(other.letters("Synced").values()) == sorted(there)
    other.sync("Synced")
    assert sorted(other.letters("Synced").values()) == sorted(there)


def sealed_for_somebody(where):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", where / "key.pem", "-out",
                    where / "cert.pem", "-days", "2", "-subj", "/CN=eve/emailAddress=eve@example.org"], check=True,
                   capture_output=True)
    body = subprocess.run(["openssl", "cms", "-encrypt", "-aes128", where / "cert.pem"], check=True, capture_output=True,
                          input=b"secret").stdout
    return crlf(b"From: a@example.org\nTo: eve@example.org\nSubject: sealed\nMessage-ID: <sealed@example.org>\n" + body)


def test_what_mbsync_uploads_in_the_clear_lies_sealed(world, alice, judge, tmp_path):
    fresh(judge, "Uploaded", [simple("there already", name="up-0")])
    program = MbSync(alice, tmp_path / "up")
    program.sync("Uploaded")
    program.put("Uploaded", "1795000000.2_1.here", DRAFT)
    program.sync("Uploaded")
    lies = [octets for _, octets in everything(judge, "Uploaded") if b"up-0" not in octets]
    assert len(lies) == 1 and b"pkcs7-mime" in lies[0] and b"not sent yet" not in lies[0]
    program.sync("Uploaded")
    assert len(program.letters("Uploaded")) == 2, "nothing is doubled"


# mutt


@pytest.fixture
def mutt(alice, tmp_path):
    return Mutt(alice, tmp_path / "mutt")


def test_mutt_reads_searches_and_moves(judge, mutt, tmp_path):
    fresh(judge, "Mutt", [simple("first", name="mutt-1"), simple("second", "needle", name="mutt-2"),
                          simple("third", name="mutt-3")])
    fresh(judge, "MuttMoved")
    out = tmp_path / "read"
    mutt.press(f"<search>~b needle<enter><pipe-message>cat >{out}<enter><save-message>=MuttMoved<enter>"
               "<sync-mailbox><exit>", "Mutt")
    assert crlf(out.read_bytes()) == simple("second", "needle", name="mutt-2")
    assert [octets for _, octets in everything(judge, "MuttMoved")] == [simple("second", "needle", name="mutt-2")]
    assert len(everything(judge, "Mutt")) == 2


def test_mutt_drafts_and_sends(judge, alice, bob, mutt):
    fresh(judge, "Mutt", [simple("first", name="mutt-1")])
    mutt.press(f"<mail>{BOB}<enter>kept by mutt<enter><postpone-message><exit>", "Mutt")
    assert_sealed_draft(judge, alice, b"kept by mutt", b"written in the editor")
    subject = f"by mutt {time.time()}"
    mutt.send(BOB, subject, "mutt says hello\n")
    letter = wait_for_subject(bob, subject)
    assert b"mutt says hello" in letter and parse(letter)["Letterlock-Verdict"].startswith("verified")
    sent = [octets for _, octets in everything(judge, "Sent")]
    assert sent and all(b"pkcs7-mime" in octets and b"mutt says hello" not in octets for octets in sent)
    assert any(b"mutt says hello" in octets for _, octets in alice.letters("Sent"))


def wait_for_subject(agent, subject, seconds=30):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for _, octets in agent.letters():
            if re.search(rb"(?m)^Subject: " + re.escape(subject.encode()) + rb"\r$", octets):
                return octets
        time.sleep(0.2)
    raise AssertionError(f"{subject} did not arrive: {agent.log()[-1000:]}")
