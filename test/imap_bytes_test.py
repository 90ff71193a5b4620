"""Byte for byte: what the agent does not open comes through as it is, both ways, by SHA-256."""

import hashlib
import os
import re
import secrets
import subprocess

import pytest

from conftest import long
from imapwire import agent_wire, straight_wire
from oddletters import Odd
from shapes import crlf

CAROL = "carol@alpha.test"
MANY, SOME = 5000, 500
FORGED = b"Letterlock-Verdict: verified; as of yesterday\r\n"


@pytest.fixture(scope="module")
def carol(agents):
    return agents[CAROL]


@pytest.fixture(scope="module")
def seed():
    """LETTERLOCK_SEED makes the letters of that seed again."""
    return int(os.environ.get("LETTERLOCK_SEED", secrets.randbelow(1 << 32)))


def fresh(wire, box):
    wire.command(f"DELETE {box}")
    wire.ok(f"CREATE {box}")


def put(wire, box, letters, ahead=50):
    """APPEND them all, some ahead of the answers."""
    for at in range(0, len(letters), ahead):
        some = letters[at:at + ahead]
        wire.send(b"".join(b"p APPEND %s {%d+}\r\n%s\r\n" % (box.encode(), len(octets), octets) for octets in some))
        for octets in some:
            line = wire.line()
            while not line.startswith(b"p "):
                line = wire.line()
            assert line.startswith(b"p OK"), (line, octets[:200])


def digests(wire, box, item="BODY.PEEK[]"):
    """{UID: SHA-256}; a few hundred letters at a time."""
    wire.ok(f"EXAMINE {box}")
    found, count = {}, int(re.search(rb"MESSAGES (\d+)", wire.ok(f"STATUS {box} (MESSAGES)")[0]).group(1))
    for first in range(1, count + 1, 250):
        last = min(first + 249, count)
        for items in wire.fetch(f"FETCH {first}:{last} (UID RFC822.SIZE {item})").values():
            octets = items[item.replace(".PEEK", "").encode()]
            assert len(octets) == int(items[b"RFC822.SIZE"])
            found[int(items[b"UID"])] = hashlib.sha256(octets).digest()
    return found


@pytest.mark.parametrize("count", [SOME, pytest.param(MANY, marks=long)])
def test_odd_letters_come_as_they_lie_there(world, carol, seed, count):
    odd = Odd(seed)
    letters = [odd.letter() for _ in range(count)]
    with straight_wire(world, CAROL) as judge, agent_wire(carol) as ours:
        fresh(judge, "Odd")
        put(judge, "Odd", letters)
        want, got = digests(judge, "Odd"), digests(ours, "Odd")
    wrong = [uid for uid in want if got.get(uid) != want[uid]]
    assert len(want) == count and set(got) == set(want)
    assert not wrong, f"seed {seed}: {len(wrong)} differ, the first is {letters[wrong[0] - 1][:500]}"


def test_of_a_forged_verdict_that_alone_is_missing(world, carol, seed):
    odd = Odd(seed + 1)
    letters = [letter for letter in (odd.letter() for _ in range(150)) if b"\r\n\r\n" in letter]
    # where the first field ends: what a header is there everybody agrees on
    plain = [b"X-First: 1\r\n" + letter for letter in letters]
    forged = [b"X-First: 1\r\n" + FORGED + letter for letter in letters]
    with straight_wire(world, CAROL) as judge, agent_wire(carol) as ours:
        for box, some in (("Plain", plain), ("Forged", forged)):
            fresh(judge, box)
            put(judge, box, some)
        want, got = digests(judge, "Plain"), digests(ours, "Forged")
    assert list(got.values()) == list(want.values()), f"seed {seed}"


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    """Somebody's key and certificate, of openssl's making."""
    where = tmp_path_factory.mktemp("stranger")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", where / "key.pem", "-out",
                    where / "cert.pem", "-days", "2", "-subj", "/CN=eve/emailAddress=eve@example.org"], check=True,
                   capture_output=True)
    return where


def openssl(where, *words, octets):
    return subprocess.run(["openssl", *words], cwd=where, input=octets, capture_output=True)


def test_a_strangers_signature_still_holds(world, carol, seed, stranger):
    odd = Odd(seed + 2)
    letters = []
    for number in range(30):
        entity = b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + odd.body().replace(b"\r\n", b"\n").replace(
            b"\r", b"").replace(b"\n", b"\r\n")
        signed = openssl(stranger, ["smime", "cms"][number % 2], "-sign", "-binary", "-crlfeol", "-signer", "cert.pem",
                         "-inkey", "key.pem", octets=entity).stdout
        letters.append(crlf(b"From: eve@example.org\nSubject: signed\n" + signed))
    with straight_wire(world, CAROL) as judge, agent_wire(carol) as ours:
        fresh(judge, "Signed")
        put(judge, "Signed", letters)
        assert digests(ours, "Signed") == digests(judge, "Signed")
        shown = [items[b"BODY[]"] for items in ours.fetch("FETCH 1:* BODY.PEEK[]").values()]
    for letter in shown:
        verified = openssl(stranger, "cms", "-verify", "-CAfile", "cert.pem", "-purpose", "any", octets=letter)
        assert verified.returncode == 0, verified.stderr


def test_what_is_sealed_already_lies_there_as_it_was_appended(world, carol, seed, stranger):
    """A letter copied from another account, with whatever header: nothing of it is changed by APPEND."""
    odd = Odd(seed + 3)
    bodies = [openssl(stranger, "cms", "-encrypt", cipher, "cert.pem", octets=b"x" * length).stdout
              for length in (0, 100, 5000) for cipher in ("-aes128", "-aes-256-gcm", "-des3")]
    letters = [sealed(odd, odd.random.choice(bodies)) for _ in range(200)]
    with straight_wire(world, CAROL) as judge, agent_wire(carol) as ours:
        for box in ("Straight", "Through"):
            fresh(judge, box)
        put(judge, "Straight", letters)
        put(ours, "Through", letters)
        want = list(digests(judge, "Straight").values())
        assert list(digests(judge, "Through").values()) == want, f"seed {seed}"
        assert list(digests(ours, "Through").values()) == want, f"seed {seed}"


def sealed(odd, body):
    fields = [odd.field() for _ in range(odd.random.randint(0, 8))] + [odd.date(), odd.subject(), b"From: eve@example.org"]
    # a second one would make two readers disagree about what the letter is
    fields = [field for field in fields if not field.lower().startswith(b"mime-version")]
    return crlf(b"".join(field + b"\n" for field in fields) + body)
