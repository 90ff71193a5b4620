"""The audit log: written by the program, read and tampered with by Python."""

import hashlib
import sqlite3
import time
from contextlib import closing

import pytest

from loneauthority import Lone
from quickkeys import quicken

ACTS = 5


@pytest.fixture(scope="module")
def sealed(build, tmp_path_factory):
    """An authority that has done some things, and sealed them."""
    lone = Lone(build, tmp_path_factory.mktemp("audit"))
    init = lone.init()
    assert init.returncode == 0, init.stderr
    quicken(lone.dir, lone.passphrase)
    lone.settings(audit_seal_every=1, clock="trusted")
    for _ in range(ACTS):
        lone.done("eab", lone.dir)
    lone.start()
    try:
        deadline = time.monotonic() + 30
        while not (lone.dir / "audit.head").exists():
            assert time.monotonic() < deadline, lone.log()
            time.sleep(0.05)
        lone.stop()
    finally:
        lone.close()
    return lone


def database(lone):
    return closing(sqlite3.connect(lone.dir / "authority.db"))


def number(value, octets=8):
    return value.to_bytes(octets, "big")


def test_python_computes_the_same_chain(sealed):
    with database(sealed) as found:
        rows = found.execute("SELECT position, id, at, actor, act, object, detail, hash FROM audit"
                             " ORDER BY position").fetchall()
        seals = found.execute("SELECT token FROM audit_batch").fetchall()
    assert len(rows) >= ACTS + 1
    before = bytes(32)
    for expected, (position, entry, at, *texts, own) in enumerate(rows, 1):
        assert position == expected
        octets = b"letterlock audit 1\0" + before + number(position) + number(entry) + number(at)
        for text in texts:
            octets += number(len(text.encode()), 4) + text.encode()
        before = hashlib.sha256(octets).digest()
        assert before == own
    (token,), = seals
    assert (sealed.dir / "audit.head").read_text() == \
        f"{len(rows)} {before.hex()} {hashlib.sha256(token).hexdigest()}\n"


def test_a_log_that_nobody_touched_is_whole(sealed):
    audit = sealed.command("audit", "verify", sealed.dir)
    assert (audit.returncode, audit.stderr) == (0, "")
    assert "WRONG" not in audit.stdout
    assert f"{ACTS + 1} entries, 1 seals" in audit.stdout
    listed = sealed.done("audit", "list", sealed.dir).splitlines()
    assert len(listed) == ACTS + 1
    assert listed[0].split("\t")[1:] == ["authority", "begin", "certificates", "0"]


@pytest.mark.parametrize("attack, says", [
    ("UPDATE audit SET actor = 'somebody else' WHERE position = 3", "entry 3 is not as it was"),
    ("DELETE FROM audit WHERE position = 3", "entries 3 to 3 are not there"),
    ("DELETE FROM audit WHERE position > 3; DELETE FROM audit_batch", "ends with entry 3"),
    ("UPDATE audit SET position = -2 WHERE position = 2;"
     "UPDATE audit SET position = 2 WHERE position = 3;"
     "UPDATE audit SET position = 3 WHERE position = -2", "entry 2 is not as it was"),
    ("UPDATE audit_batch SET token = zeroblob(100)", "the seal of entry"),
])
def test_whoever_edits_the_database_is_found_out(sealed, attack, says):
    path = sealed.dir / "authority.db"
    with database(sealed) as found:
        found.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = path.read_bytes()
    try:
        with database(sealed) as found:
            found.executescript(attack)
        audit = sealed.command("audit", "verify", sealed.dir)
        assert audit.returncode == 1
        assert any(line.startswith("WRONG: ") and says in line
                   for line in audit.stdout.splitlines()), audit.stdout
        assert audit.stderr.count("\n") == 1
    finally:
        path.write_bytes(before)
        for name in ("authority.db-wal", "authority.db-shm"):
            (sealed.dir / name).unlink(missing_ok=True)


def test_a_running_authority_does_not_seal_what_was_cut(sealed):
    """Else whoever writes the database has it made good by the next seal."""
    path, log = sealed.dir / "authority.db", sealed.folder / "log"
    with database(sealed) as found:
        found.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = path.read_bytes()
    try:
        with database(sealed) as found:
            found.executescript(
                "DELETE FROM audit_batch; DELETE FROM audit WHERE position = 3;"
                "UPDATE audit SET position = NULL, hash = NULL WHERE position > 3")
        log.write_text("")
        sealed.start()
        deadline = time.monotonic() + 30
        while "nothing is sealed: run audit verify" not in sealed.log():
            assert time.monotonic() < deadline, sealed.log()
            time.sleep(0.05)
        sealed.stop()
        assert sealed.command("audit", "verify", sealed.dir).returncode == 1
        with database(sealed) as found:
            assert found.execute("SELECT count(*) FROM audit_batch").fetchall() == [(0,)]
    finally:
        sealed.close()
        path.write_bytes(before)
        for name in ("authority.db-wal", "authority.db-shm"):
            (sealed.dir / name).unlink(missing_ok=True)


@pytest.mark.parametrize("words, says", [
    (("audit",), "audit verify DIR"), (("audit", "verify"), "audit verify DIR"),
    (("audit", "fly", "/x"), "audit list DIR"), (("audit", "verify", "/nowhere"), "init first"),
])
def test_what_cannot_be_asked_is_an_error_and_no_answer(sealed, words, says):
    audit = sealed.command(*words)
    assert audit.returncode == 2
    assert says in audit.stderr
