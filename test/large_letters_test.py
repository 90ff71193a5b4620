"""Letters of any length: the same little memory, nothing on the disk in clear, and nothing comes out
before all of it is known to be good."""

import base64
import hashlib
import itertools
import os
import resource
import subprocess
import threading
import zlib

import pytest

from der import tlv
from filedesk import ALICE, BOB, Desk, openssl

LARGE = 150_000_000  # many times what a process may need
MEMORY = 64  # MiB that seal, open and inspect need for whatever letter, sanitizers and all
HEADER = (f"From: Alice <{ALICE}>\r\nTo: Bob <{BOB}>\r\nSubject: The film\r\n"
          "Date: Sat, 21 Nov 2026 20:18:00 +0000\r\nMessage-ID: <film@alpha.test>\r\n"
          "MIME-Version: 1.0\r\n").encode()
CANARY = b"no disk has ever seen this line"


@pytest.fixture(scope="module")
def desk(program, tmp_path_factory):
    desk = Desk(program, tmp_path_factory.mktemp("large"))
    for label in (ALICE, BOB):  # without the thousands of hash rounds of a PKCS#12 file
        desk.ids[label] = desk.dir / f"{label}.key"
    return desk


def lines_of(size):
    """Text in pieces that come to about `size`."""
    number, length = 0, 0
    while length < size:
        piece = b"".join(b"%012d %s\r\n" % (number + i, CANARY) for i in range(20_000))
        number, length = number + 20_000, length + len(piece)
        yield piece


def letter_of(size):
    """A letter with a long attachment of text, in pieces."""
    yield HEADER + (b"Content-Type: multipart/mixed; boundary=film\r\n\r\n--film\r\n\r\nSee below.\r\n"
                    b"--film\r\nContent-Type: text/plain; name=film.txt\r\n\r\n")
    yield from lines_of(size)
    yield b"\r\n--film--\r\n"


class Run:
    """A program that is fed by a pipe, so that nobody can read its input twice but itself."""

    def __init__(self, program, command, *words, pieces, out, limit=None, cwd=None):
        env = dict(os.environ, TMPDIR=str(cwd)) if cwd else None
        memory = out.with_suffix(".memory")
        # not our own child: what we needed before exec would count as its memory
        timed = ["time", "--quiet", "-f", "%M", "-o", memory, program, command, *map(str, words)]
        with open(out, "wb") as target:
            self.process = subprocess.Popen(
                timed, stdin=subprocess.PIPE, stdout=target, stderr=subprocess.PIPE, env=env,
                preexec_fn=(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
                if limit else None)
        feeder = threading.Thread(target=self.feed, args=(pieces,))
        feeder.start()
        self.stderr = self.process.stderr.read()
        self.status = self.process.wait()
        feeder.join()
        self.process.stderr.close()
        self.mebibytes = int(memory.read_text()) / 1024

    def feed(self, pieces):
        try:
            for piece in pieces:
                self.process.stdin.write(piece)
            self.process.stdin.close()
        except BrokenPipeError:
            pass


def pieces_of(path):
    with open(path, "rb") as source:
        while piece := source.read(1 << 20):
            yield piece


def seal(desk, pieces, out, *words, **how):
    return Run(desk.program, "seal", *desk.as_id(ALICE)[:2], "--to", desk.certs[BOB], *words,
               pieces=pieces, out=out, **how)


def read(desk, command, path, out, *words, **how):
    return Run(desk.program, command, *desk.as_id(BOB)[:2], "--trust", desk.root, *words,
               pieces=path if not isinstance(path, os.PathLike) else pieces_of(path), out=out, **how)


def digest_of_lines(path):
    """Of the lines of the attachment."""
    digest = hashlib.sha256()
    with open(path, "rb") as lines:
        for line in lines:
            if line.endswith(CANARY + b"\r\n"):
                digest.update(line)
    return digest.digest()


@pytest.fixture(scope="module")
def sealed(desk):
    """{cipher: a large letter, sealed}"""
    return {}


def large_letter(desk, sealed, cipher):
    if cipher not in sealed:
        sealed[cipher] = desk.dir / f"sealed-{cipher}"
        done = seal(desk, letter_of(LARGE), sealed[cipher], "--cipher", cipher)
        assert done.status == 0, done.stderr
        assert done.mebibytes < MEMORY
    return sealed[cipher]


@pytest.mark.parametrize("cipher", ["gcm", "cbc"])
def test_a_large_letter_goes_both_ways_in_little_memory(desk, sealed, tmp_path, cipher):
    path = large_letter(desk, sealed, cipher)
    done = read(desk, "open", path, tmp_path / "opened")
    assert done.status == 0, done.stderr
    assert done.mebibytes < MEMORY
    want = hashlib.sha256()
    for piece in lines_of(LARGE):
        want.update(piece)
    assert digest_of_lines(tmp_path / "opened") == want.digest()
    (tmp_path / "opened").unlink()
    told = read(desk, "inspect", path, tmp_path / "told")
    assert told.status == 0 and told.mebibytes < MEMORY
    assert (tmp_path / "told").read_text().startswith("verified")


def test_openssl_reads_a_large_letter_of_ours(desk, sealed, tmp_path):
    path = large_letter(desk, sealed, "cbc")
    openssl("cms", "-decrypt", "-in", path, "-recip", desk.certs[BOB],
            "-inkey", desk.dir / f"{BOB}.key", "-out", tmp_path / "signed")
    openssl("cms", "-verify", "-in", tmp_path / "signed", "-CAfile", desk.root,
            "-out", tmp_path / "payload")
    assert digest_of_lines(tmp_path / "payload") == digest_of_lines(tmp_path / "signed")
    assert (tmp_path / "payload").stat().st_size > LARGE


def test_one_changed_byte_at_the_end_of_a_large_letter_lets_nothing_out(desk, sealed, tmp_path):
    """Not even the part that is before it."""
    path = large_letter(desk, sealed, "gcm")
    size = path.stat().st_size

    def changed():
        at = 0
        for piece in pieces_of(path):
            place = size - 5000 - at
            if 0 <= place < len(piece):
                other = b"B" if piece[place:place + 1] == b"A" else b"A"
                piece = piece[:place] + other + piece[place + 1:]
            at += len(piece)
            yield piece

    done = read(desk, "open", changed(), tmp_path / "opened")
    assert done.status == 2 and (tmp_path / "opened").stat().st_size == 0
    assert b"cannot be opened" in done.stderr


def test_a_large_letter_that_ends_too_early_lets_nothing_out(desk, sealed, tmp_path):
    path = large_letter(desk, sealed, "gcm")

    def cut():
        left = path.stat().st_size // 2
        for piece in pieces_of(path):
            yield piece[:left]
            left -= len(piece[:left])

    done = read(desk, "open", cut(), tmp_path / "opened")
    assert done.status == 2 and (tmp_path / "opened").stat().st_size == 0


def test_a_large_letter_of_eight_bits_is_made_seven_bit_before_it_is_signed(desk, tmp_path):
    """Which shows at its very end only."""
    def pieces():
        yield HEADER + b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        yield from lines_of(20_000_000)
        yield "Grüße\r\n".encode()

    done = seal(desk, pieces(), tmp_path / "signed", "--sign-only")
    assert done.status == 0 and done.mebibytes < MEMORY
    assert all(max(piece) < 128 for piece in pieces_of(tmp_path / "signed"))
    shown = openssl("cms", "-verify", "-in", tmp_path / "signed", "-CAfile", desk.root)
    assert b"quoted-printable" in shown[:3000] and b"Gr=C3=BC=C3=9Fe" in shown[-200:]


def test_what_cannot_be_sent_lets_nothing_out(desk, tmp_path):
    """A part that another signed with eight bits, and that shows at the end of a large letter only."""
    def pieces():
        yield HEADER + b"Content-Type: multipart/mixed; boundary=film\r\n\r\n--film\r\n\r\n"
        yield from lines_of(20_000_000)
        yield (b"\r\n--film\r\nContent-Type: multipart/signed; boundary=in;"
               b" protocol=\"application/pkcs7-signature\"\r\n\r\n--in\r\n"
               b"Content-Transfer-Encoding: 8bit\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n--in\r\n"
               b"Content-Type: application/pkcs7-signature\r\n\r\nAAAA\r\n--in--\r\n--film--\r\n")

    done = seal(desk, pieces(), tmp_path / "signed", "--sign-only")
    assert done.status == 2 and (tmp_path / "signed").stat().st_size == 0
    assert b"encrypt the letter" in done.stderr


def test_clear_text_does_not_reach_the_disk(desk, tmp_path):
    """While a letter waits in the middle, its temporary file holds none of it."""
    middle, go_on, seen = threading.Event(), threading.Event(), []

    def pieces():
        yield from letter_of(3_000_000)
        middle.set()
        go_on.wait(30)

    def look():
        middle.wait(30)
        with open(f"/proc/{runs[0]}/task/{runs[0]}/children") as children:
            folder = f"/proc/{children.read().split()[0]}/fd"
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if os.readlink(path).startswith(f"{tmp_path}/"):
                with open(path, "rb") as hidden:
                    seen.append(hidden.read())
        go_on.set()

    runs = []
    looker = threading.Thread(target=look)

    class Seen(Run):
        def feed(self, pieces):
            runs.append(self.process.pid)
            looker.start()
            super().feed(pieces)

    done = Seen(desk.program, "seal", *desk.as_id(ALICE)[:2], "--to", desk.certs[BOB],
                pieces=pieces(), out=desk.dir / "waited", cwd=tmp_path)
    looker.join()
    assert done.status == 0, done.stderr
    large = [octets for octets in seen if len(octets) > 1_000_000]
    assert large and not any(CANARY in octets for octets in seen)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("command", ["seal", "open"])
def test_a_full_disk_is_told_and_lets_nothing_out(desk, sealed, tmp_path, command):
    if command == "seal":
        done = seal(desk, letter_of(5_000_000), tmp_path / "out", limit=1_000_000, cwd=tmp_path)
    else:
        done = read(desk, "open", large_letter(desk, sealed, "gcm"), tmp_path / "out",
                    limit=1_000_000, cwd=tmp_path)
    assert done.status == 2 and (tmp_path / "out").stat().st_size == 0
    assert b"temporary file" in done.stderr and done.stderr.count(b"\n") == 1


def test_a_letter_that_is_sealed_into_its_own_file_ends(desk, tmp_path):
    path = tmp_path / "letter"
    path.write_bytes(b"".join(letter_of(1_000_000)))
    before = path.stat().st_size
    done = subprocess.run(f"exec {desk.program} seal --identity {desk.ids[ALICE]} --to {desk.certs[BOB]}"
                          f" <{path} >>{path}", shell=True, timeout=60)
    assert done.returncode == 0 and before < path.stat().st_size < 4 * before


def test_a_file_that_is_changed_meanwhile_is_told(desk, tmp_path):
    """By the program that reads the other end, as soon as the first piece is there."""
    path = tmp_path / "letter"
    path.write_bytes(b"".join(letter_of(20_000_000)))
    with open(path, "rb") as letter:
        sealing = subprocess.Popen([desk.program, "seal", "--identity", desk.ids[ALICE],
                                    "--to", desk.certs[BOB]], stdin=letter, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
    sealing.stdout.read(1000)
    with open(path, "ab") as letter:
        letter.write(b"more")
    _, stderr = sealing.communicate(timeout=60)
    assert sealing.returncode == 2 and b"changed while it was read" in stderr


def test_whoever_shares_the_input_goes_on_behind_the_letter(desk, tmp_path):
    path = tmp_path / "letter"
    path.write_bytes(b"".join(letter_of(1_000)))
    with open(path, "rb") as letter:
        subprocess.run([desk.program, "seal", "--identity", desk.ids[ALICE], "--to", desk.certs[BOB]],
                       stdin=letter, stdout=subprocess.DEVNULL, check=True)
        assert os.read(letter.fileno(), 1) == b""


@pytest.mark.parametrize("command", ["open", "seal"])
def test_what_cannot_go_out_goes_into_no_file(desk, sealed, tmp_path, command):
    """Standard output is closed: the temporary file must not take its place."""
    source = large_letter(desk, sealed, "gcm")
    words = [*desk.as_id(BOB)[:2]] if command == "open" else [
        *desk.as_id(ALICE)[:2], "--to", desk.certs[BOB], "--encrypt-only"]
    done = subprocess.run(["bash", "-c", 'cat "$0" | "$@" >&-', source, desk.program, command,
                           *map(str, words)], stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 2 and b"standard output" in done.stderr


def test_a_compressed_letter_is_read(desk, tmp_path):
    body = b"Content-Type: text/plain\r\n\r\npressed flat\r\n"
    signed = openssl("cms", "-sign", "-signer", desk.certs[ALICE],
                     "-inkey", desk.dir / f"{ALICE}.key", stdin=body)
    pressed = b"From: alice\r\n" + compress([signed])
    done = read(desk, "open", iter([pressed]), tmp_path / "opened")
    assert done.status == 0, done.stderr
    assert b"pressed flat" in (tmp_path / "opened").read_bytes()


def compress(pieces):
    """RFC 3274 by hand, for Debian's openssl has no zlib."""
    def oid(*arcs):
        out = bytes([arcs[0] * 40 + arcs[1]])
        for arc in arcs[2:]:
            septets = [arc & 127]
            while arc := arc >> 7:
                septets.append(arc & 127 | 128)
            out += bytes(reversed(septets))
        return tlv(6, out)

    data, zlib_oid = oid(1, 2, 840, 113549, 1, 7, 1), oid(1, 2, 840, 113549, 1, 9, 16, 3, 8)
    content = tlv(0x30, tlv(2, b"\0"), tlv(0x30, zlib_oid),
                  tlv(0x30, data, tlv(0xa0, tlv(4, deflate(pieces)))))
    cms = tlv(0x30, oid(1, 2, 840, 113549, 1, 9, 16, 1, 9), tlv(0xa0, content))
    return (b"MIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; smime-type=compressed-data;"
            b" name=smime.p7z\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(cms))


def deflate(pieces):
    zipped = zlib.compressobj()
    return b"".join(map(zipped.compress, pieces)) + zipped.flush()


def test_a_bomb_does_not_burst(desk, tmp_path):
    """300 MB of blanks, compressed twice."""
    blanks = itertools.repeat(b" " * 1_000_000, 300)
    bomb = compress([compress(itertools.chain([b"Content-Type: text/plain\r\n\r\n"], blanks))])
    done = read(desk, "open", iter([b"From: eve\r\n" + bomb]), tmp_path / "opened")
    assert done.status == 1 and (tmp_path / "opened").stat().st_size == 0
    assert done.mebibytes < MEMORY
