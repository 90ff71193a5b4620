"""Parts without their transfer encoding (RFC 3516) and compressed connections (RFC 4978) through the agent."""

import base64
import re
import zlib

import pytest

from imapwire import agent_wire, straight_wire
from shapes import SHAPES, crlf

CAROL = "carol@alpha.test"
BOX = "Binary"
BYTES = bytes(range(256)) * 3


@pytest.fixture(scope="module")
def carol(agents):
    return agents[CAROL]


ENCODED = crlf(b"""From: Dora <dora@example.org>
To: carol@alpha.test
Subject: encoded
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

caf=C3=A9 =
joined
--b
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64

""" + base64.encodebytes(BYTES) + b"""--b
Content-Type: message/rfc822

Subject: inside
Content-Transfer-Encoding: base64

aGVsbG8K
--b--
""")
BROKEN = crlf(b"""Subject: broken
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: application/octet-stream
Content-Transfer-Encoding: x-unheard-of

what?
--b
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64

no base64 at all!
--b--
""")
SINGLE = crlf(b"Subject: one part\nContent-Transfer-Encoding: base64\n\nAAECAw==\n")


@pytest.fixture(scope="module")
def both(world, carol):
    with straight_wire(world, CAROL) as judge, agent_wire(carol) as ours:
        judge.command(f"DELETE {BOX}")
        judge.ok(f"CREATE {BOX}")
        for letter in (ENCODED, SINGLE, SHAPES["rich"], SHAPES["nested"], BROKEN):
            judge.ok(b"APPEND %s {%d+}\r\n%s" % (BOX.encode(), len(letter), letter))
        for wire in (judge, ours):
            wire.ok(f"EXAMINE {BOX}")
        yield judge, ours


LEAVES = [(1, "1"), (1, "2"), (1, "3.1"), (1, "9"), (2, "1"), (2, "1.1"), (3, "1.1"), (3, "1.2.2"), (3, "2"), (4, "3")]


@pytest.mark.parametrize("number, section", LEAVES)
@pytest.mark.parametrize("item", ["BINARY.PEEK[%s]", "BINARY.SIZE[%s]", "BINARY.PEEK[%s]<3.20>", "BINARY.PEEK[%s]<9999.5>"])
def test_a_part_without_its_encoding_is_what_the_server_makes_of_it(both, number, section, item):
    """Of a part that has parts the server decodes those too, and the agent nothing: RFC 9051 section 6.4.5.1 has
    only leaves asked for."""
    want, got = [wire.command(f"FETCH {number} {item % section}") for wire in both]
    # what is not there the server refuses, or says NIL; an empty string says the same
    if want[1].startswith(b"OK") and b"NIL" not in b"".join(want[0]):
        assert parts(got) == parts(want)
    else:
        assert parts(got) in ([b""], [b"0"])


def parts(answer):
    """[bytes or number] of each item."""
    lines, end = answer
    assert end.startswith(b"OK"), end
    found = []
    for line in lines:
        literal = re.search(rb"\] ?(?:<\d+>)? ~?\{(\d+)\}\r\n|\](?:<\d+>)? ~?\{(\d+)\}\r\n", line)
        if literal:
            length = int(literal.group(1) or literal.group(2))
            found.append(line[literal.end():literal.end() + length])
        elif value := re.search(rb'\](?:<\d+>)? ("[^"]*"|\d+)\)', line):
            found.append(value.group(1).strip(b'"'))
    return found


def test_the_bytes_of_an_attachment_come_as_they_are(both):
    _, ours = both
    assert parts(ours.command("FETCH 1 BINARY.PEEK[2]")) == [BYTES]
    line, = ours.ok("FETCH 1 BINARY.PEEK[2]")
    assert b"BINARY[2] ~{%d}\r\n" % len(BYTES) in line
    assert parts(ours.command("FETCH 1 BINARY.SIZE[2]")) == [b"%d" % len(BYTES)]
    assert parts(ours.command("FETCH 1 BINARY.PEEK[2]<250.10>")) == [BYTES[250:260]]
    assert parts(ours.command("FETCH 1 BINARY.PEEK[1]")) == ["café joined".encode()]
    assert parts(ours.command("FETCH 2 BINARY.PEEK[1]")) == [b"\0\1\2\3"]
    assert parts(ours.command("FETCH 1 BINARY.PEEK[]")) == [ENCODED]


@pytest.mark.parametrize("section", ["1", "2"])
@pytest.mark.parametrize("item", ["BINARY.PEEK", "BINARY.SIZE"])
def test_an_encoding_that_cannot_be_undone_is_said_to_be_one(both, section, item):
    _, ours = both
    lines, end = ours.command(f"FETCH 5 {item}[{section}]")
    assert end.startswith(b"NO [UNKNOWN-CTE]") and lines == []
    assert ours.fetch(f"FETCH 5 BODY.PEEK[{section}]")[5]


@pytest.mark.parametrize("item", ["BINARY[HEADER]", "BINARY[1.MIME]", "BINARY.SIZE[1]<0.5>", "BINARY", "BINARY.SIZE",
                                  "BINARY.SIZE[TEXT]", "BINARY.PEEK[0]"])
def test_a_binary_item_that_is_none_is_refused(both, item):
    _, ours = both
    assert ours.command(f"FETCH 1 {item}")[1].startswith(b"BAD")


def test_reading_by_binary_is_reading(world, carol):
    with straight_wire(world, CAROL) as judge, agent_wire(carol) as ours:
        judge.command("DELETE Seen")
        judge.ok("CREATE Seen")
        judge.ok(b"APPEND Seen {%d+}\r\n%s" % (len(ENCODED), ENCODED))
        ours.ok("SELECT Seen")
        for item, seen in (("BINARY.SIZE[1]", False), ("BINARY.PEEK[1]", False), ("BINARY[1]", True)):
            ours.ok(f"FETCH 1 {item}")
            judge.ok("EXAMINE Seen")
            assert (rb"\Seen" in judge.fetch("FETCH 1 FLAGS")[1][b"FLAGS"]) is seen, item


def test_a_binary_letter_is_kept_sealed_and_comes_back(world, carol):
    """APPEND of a literal8; what was binary in it lies encoded inside, and is read as it was."""
    letter = crlf(b"From: carol@alpha.test\nTo: bob@beta.test\nSubject: binary\nMIME-Version: 1.0\n"
                  b"Content-Type: application/octet-stream\nContent-Transfer-Encoding: binary\n\n") + BYTES
    with straight_wire(world, CAROL) as judge, agent_wire(carol) as ours:
        judge.command("DELETE Kept")
        judge.ok("CREATE Kept")
        assert ours.command(b"APPEND Kept ~{%d+}\r\n%s" % (len(letter), letter))[1].startswith(b"OK [APPENDUID")
        ours.ok("EXAMINE Kept")
        assert parts(ours.command("FETCH 1 BINARY.PEEK[1]")) == [BYTES]
        judge.ok("EXAMINE Kept")
        lies = judge.fetch("FETCH 1 BODY.PEEK[]")[1][b"BODY[]"]
        assert b"pkcs7-mime" in lies and BYTES[:40] not in lies and b"Subject: binary" not in lies


# compression


class Packed:
    """The socket of a wire, compressed from here on."""

    def __init__(self, sock):
        self.sock = sock
        self.pack = zlib.compressobj(wbits=-15)
        self.unpack = zlib.decompressobj(wbits=-15)
        self.held = b""
        self.received = 0

    def write(self, octets):
        self.sock.sendall(self.pack.compress(octets) + self.pack.flush(zlib.Z_SYNC_FLUSH))

    def flush(self):
        pass

    def more(self):
        octets = self.sock.recv(65536)
        self.received += len(octets)
        self.held += self.unpack.decompress(octets)
        return octets != b""

    def readline(self):
        while b"\n" not in self.held:
            if not self.more():
                break
        line, end, self.held = self.held.partition(b"\n")
        return line + end

    def read(self, count):
        while len(self.held) < count and self.more():
            pass
        octets, self.held = self.held[:count], self.held[count:]
        return octets


def compress(wire):
    wire.ok("COMPRESS DEFLATE")
    wire.file = Packed(wire.sock)


@pytest.fixture
def packed(carol):
    with agent_wire(carol) as wire:
        compress(wire)
        yield wire


def test_a_compressed_session_says_what_an_uncompressed_one_says(both, packed):
    judge, _ = both
    packed.ok(f"EXAMINE {BOX}")
    for command in ("FETCH 1:* (UID RFC822.SIZE BODY.PEEK[])", "FETCH 1:* (ENVELOPE INTERNALDATE)", "NOOP"):
        assert packed.fetch(command) == judge.fetch(command)
    before = packed.file.received
    letters = packed.fetch("FETCH 1:* BODY.PEEK[]")
    assert packed.file.received - before < sum(len(items[b"BODY[]"]) for items in letters.values())


def test_commands_are_compressed_however_they_are_cut(packed):
    octets = packed.file.pack.compress(b"".join(b"p%d NOOP\r\n" % n for n in range(3000)))
    octets += packed.file.pack.flush(zlib.Z_SYNC_FLUSH)
    for at in range(0, len(octets), 97):
        packed.sock.sendall(octets[at:at + 97])
    assert [packed.line().split()[:2] for _ in range(3000)] == [[b"p%d" % n, b"OK"] for n in range(3000)]


def test_a_compressed_session_idles_and_takes_letters(world, packed):
    with straight_wire(world, CAROL) as judge:
        judge.command("DELETE Idles")
        judge.ok("CREATE Idles")
        packed.ok("SELECT Idles")
        packed.send(b"i IDLE\r\n")
        assert packed.line().startswith(b"+ ")
        judge.ok(b"APPEND Idles {%d+}\r\n%s" % (len(SINGLE), SINGLE))
        while not packed.line().startswith(b"* 1 EXISTS"):
            pass
        packed.send(b"DONE\r\n")
        while not packed.line().startswith(b"i OK"):
            pass
        letter = SHAPES["plain"] + b"One more line.\r\n" * 20000
        assert packed.command(b"APPEND Idles {%d+}\r\n%s" % (len(letter), letter))[1].startswith(b"OK [APPENDUID")


@pytest.mark.parametrize("command, answer", [
    ("COMPRESS LZ77", b"NO [CANNOT]"), ("COMPRESS", b"BAD"), ("COMPRESS DEFLATE x", b"BAD"),
    (b"COMPRESS DEFLATE\r\nx NOOP", b"BAD")])
def test_what_cannot_be_compressed_is_not(carol, command, answer):
    with agent_wire(carol) as wire:
        assert wire.command(command)[1].startswith(answer)
        wire.ok("NOOP")


def test_compression_is_for_those_who_are_logged_in(carol):
    with agent_wire(carol, login=False) as wire:
        assert b"COMPRESS" not in wire.greeting
        assert wire.command("COMPRESS DEFLATE")[1].startswith(b"BAD")


def test_nobody_compresses_twice(packed):
    assert packed.command("COMPRESS DEFLATE")[1].startswith(b"NO [COMPRESSIONACTIVE]")
    packed.ok("NOOP")


@pytest.mark.parametrize("octets", [b"\x07garbage", b"a NOOP\r\n" * 10, b"\x03\x00"])
def test_damaged_bytes_end_this_session_and_no_other(carol, packed, octets):
    packed.sock.sendall(octets)
    assert packed.line().startswith(b"* BYE ") and packed.line() == b""
    with agent_wire(carol) as wire:
        wire.ok("SELECT INBOX")


def test_a_bomb_is_a_line_too_long(carol, packed):
    """A gigabyte in a megabyte: it is refused where the same bytes uncompressed would be."""
    bomb = zlib.compressobj(9, wbits=-15)
    zeros, said = b"x" * (1 << 20), 0
    try:
        for _ in range(1024):
            octets = bomb.compress(zeros)
            packed.sock.sendall(octets)
            said += len(octets)
        packed.sock.sendall(bomb.flush(zlib.Z_SYNC_FLUSH))
    except OSError:
        pass  # it hung up meanwhile
    assert carol.sanitized or resident(carol) < 200 << 20
    with agent_wire(carol) as wire:
        wire.ok("SELECT INBOX")
    try:
        assert packed.line().startswith(b"* BYE ")
    except OSError:
        pass


def resident(agent):
    """Bytes of memory that the agent holds now."""
    with open(f"/proc/{agent.process.pid}/statm") as file:
        return int(file.read().split()[1]) * 4096
