"""Every program that writes S/MIME, and ours: who reads whom, algorithm by algorithm.

The tables are in doc/interop.md; a run that differs from them in any cell fails.  After a change
that is meant, or when a program was updated, LETTERLOCK_INTEROP_WRITE=1 has them written anew.  The
tables of a run are left in the build directory, in interop.txt.
"""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from interop import matrix, oids, table
from interop.cases import CASES, CONTENT, Case, Recipient, Signer
from interop.desk import Desk
from interop.peer_driven import BouncyCastle, Pkijs
from interop.peer_gpgsm import Gpgsm
from interop.peer_nss import Nss, Thunderbird
from interop.peer_openssl import Openssl
from interop.peer_ours import Ours

PROJECT = Path(__file__).resolve().parent.parent
DOCUMENT = PROJECT / "doc" / "interop.md"
PEERS = [Openssl, Gpgsm, Nss, Thunderbird, BouncyCastle, Pkijs]


class Run:
    """Our engine with every peer."""

    def __init__(self, build, modules, directory):
        self.dir = directory
        self.modules = modules
        (directory / "desk").mkdir()
        self.desk = Desk(directory / "desk")
        self.plain = directory / "plain"
        self.plain.write_bytes(CONTENT)
        self.changed = directory / "changed"
        self.changed.write_bytes(CONTENT.replace(b"other", b"0ther", 1))
        self.tool = build / "engine_tool"
        self.us = Ours(self.desk, directory / "us", self.tool)
        self.versions = []
        written = self._all_written(self.us, "ours")
        with ThreadPoolExecutor(len(PEERS)) as pool:
            self.columns = list(pool.map(lambda kind: self._column(kind, written), PEERS))
        self.ourselves = self._read(self.us, written)

    def _all_written(self, writer, prefix):
        return {case: matrix.write(writer, case, self.plain, self.dir / f"{prefix}-{case.id}")
                for case in CASES}

    def _column(self, kind, written):
        """(name, cells of what it reads, cells of what it writes)"""
        name = kind.__name__.lower()
        more = [self.modules] if kind is Pkijs else []
        peer = kind(self.desk, self.dir / name, *more)
        us = Ours(self.desk, self.dir / f"us-{name}", self.tool)
        try:
            self.versions.append(f"{peer.name} {peer.version()}")
            reads = self._read(peer, written)
            return peer.name, reads, self._read(us, self._all_written(peer, name))
        finally:
            peer.close()

    def _read(self, reader, written):
        return {case: matrix.read(reader, case, written[case], self.plain, self.changed)
                for case in CASES}

    def tables(self):
        return table.text(CASES, self.columns, self.us.name, self.ourselves)


@pytest.fixture(scope="module")
def run(build, tmp_path_factory):
    modules = build.parent / "pkijs"
    subprocess.run([PROJECT / "tools" / "install-pkijs", modules], check=True, timeout=300)
    run = Run(build, modules, tmp_path_factory.mktemp("interop"))
    (build / "interop.txt").write_text(
        "; ".join(sorted(run.versions)) + "\n\n" + run.tables())
    return run


def test_who_reads_whom_is_as_documented(run):
    if os.environ.get("LETTERLOCK_INTEROP_WRITE"):
        table.document(DOCUMENT, run.tables(), sorted(run.versions))
    told = table.documented(DOCUMENT)
    if told != run.tables():
        pytest.fail("\n".join(["doc/interop.md is not what this run found:",
                               *table.changes(told, run.tables()),
                               "; ".join(sorted(run.versions))]), pytrace=False)


@pytest.mark.parametrize("kind", PEERS)
def test_what_we_send_by_default_is_read_by(run, kind):
    """RSA, CBC and a signature: the least that every one of them has."""
    reads = next(reads for name, reads, _ in run.columns if name == kind.name)
    labels = {case.label: cell for case, cell in reads.items()}
    # WebCrypto has no RSA v1.5 for encryption
    least = [] if kind is Pkijs else ["As it likes, to RSA"]
    for label in [*least, "RSA v1.5 SHA-256, detached", "ECDSA P-256 SHA-256, detached"]:
        assert labels[label].works, f"{label}: {labels[label].says}"


def test_we_read_whatever_we_write(run):
    for case, cell in run.ourselves.items():
        assert cell.works or cell.says.startswith("not written: "), f"{case.label}: {cell.says}"


@pytest.mark.parametrize("kind", PEERS)
def test_we_read_whatever_is_written_by(run, kind):
    _, _, writes = next(column for column in run.columns if column[0] == kind.name)
    for case, cell in writes.items():
        if case.weak:
            assert not cell.works, f"{case.label}: read"
            continue
        assert cell.works or cell.says.startswith("not written: "), f"{case.label}: {cell.says}"


@pytest.mark.parametrize("kind", PEERS)
def test_nothing_changed_is_accepted_by_us_or(run, kind):
    _, reads, writes = next(column for column in run.columns if column[0] == kind.name)
    for cells in (reads, writes):
        for case, cell in cells.items():
            assert not (case.tamper and cell.says == "accepts it"), case.label


# --- the judge itself


def column(**says):
    """Cells of three cases; `says` names those that do not work."""
    cases = [Case(label, "seal") for label in ("one", "two", "three")]
    return cases, {case: matrix.Cell(case.label not in says, says.get(case.label, ""))
                   for case in cases}


def tables_of(**says):
    cases, cells = column(**says)
    return table.text(cases, [("peer", cells, cells)], "us", cells)


def test_a_cell_that_changed_is_named_also_when_notes_are_counted_anew():
    before, after = tables_of(two="cannot", three="crashes"), tables_of(three="crashes")
    assert table.changes(before, before) == []
    assert table.changes(before, after) == [
        f"{way} / two / {name}: was <no, {name if way.startswith('we write') else 'us'}: `cannot`>,"
        " is <yes>" for way, name in (("we write, read by", "us"), ("we write, read by", "peer"),
                                      ("we read, written by", "peer"))]


def test_another_message_is_a_change():
    assert table.changes(tables_of(two="cannot"), tables_of(two="will not")) != []


@pytest.mark.parametrize("case, has, wrong", [
    (Case("", "seal", "aes-256-gcm", (Recipient("rsa"),)),
     ("EnvelopedData", "aes-128-cbc", "RSA v1.5"), "aes-128-cbc instead"),
    (Case("", "seal", "aes-256-cbc", (Recipient("p256", kdf="sha512"),)),
     ("EnvelopedData", "aes-256-cbc", "KDF sha256"), "KDF sha256 instead"),
    (Case("", "seal", "aes-256-gcm", (Recipient("rsa"),)),
     ("EnvelopedData", "aes-256-gcm", "RSA v1.5"), "no AuthEnvelopedData"),
    (Case("", "seal", "aes-256-cbc", (Recipient("rsa", "oaep-sha256"),)),
     ("EnvelopedData", "aes-256-cbc", "RSA-OAEP"), "no sha256"),
    (Case("", "sign", signers=(Signer("rsa", pss=True),)), ("SignedData", "sha256"),
     "no RSA-PSS"),
    (Case("", "seal", "aes-256-cbc", (Recipient("rsa"),)),
     ("EnvelopedData", "aes-256-cbc", "RSA v1.5"), ""),
])
def test_what_was_written_is_judged_by_what_is_in_it(case, has, wrong):
    assert oids.missing(case, b"".join(oids.DER[name] for name in has)) == wrong


def test_object_identifiers_are_encoded_as_openssl_encodes_them():
    text = "\n".join(["asn1=SEQUENCE:all", "[all]", *(
        f"o{index}=OID:{dotted}" for index, dotted in enumerate(oids.NAMES.values()))])
    done = subprocess.run(["openssl", "asn1parse", "-genconf", "/dev/stdin", "-noout", "-out",
                           "/dev/stdout"], input=text.encode(), capture_output=True, check=True)
    assert done.stdout.endswith(b"".join(oids.DER.values()))
