"""What is made to be too much: a verdict or one line, within seconds and little memory.

Depth, length and number of everything; chains that branch without end; nothing at all.  And each
limit, at it and one beyond.
"""

import base64
import datetime
import itertools
import json
import os
import time
import zlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

import forge
import papers
from conftest import long
from filedesk import ALICE, BOB, EVE, Desk
from forge import (
    Person, crlf, detached, head, integer, letter, multipart, octets as octet_string, oid, opaque, part, rfc822,
    seal_opaque, seq, set_of, sign, signed_data, signer_info, tlv, utc)
from large_letters_test import Run

SECONDS = 10  # of a busy machine, with sanitizers; a quiet one needs a tenth
MEMORY = 96  # MiB, with sanitizers and the most certificates a letter may have
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def desk(program, tmp_path_factory):
    desk = Desk(program, tmp_path_factory.mktemp("hostile"))
    desk.alice = Person(desk.authority, rfc822(ALICE))
    desk.ids[BOB] = desk.dir / f"{BOB}.key"  # without the thousands of hash rounds of a PKCS#12 file
    return desk


def measured(desk, command, *words, pieces):
    """Its status and output, once it is known that it took no more than it may."""
    out = desk.dir / "out"
    begun = time.monotonic()
    run = Run(desk.program, command, *words, pieces=pieces, out=out)
    took = time.monotonic() - begun
    assert run.status in (0, 1, 2), run.stderr
    assert took < SECONDS, took
    assert run.mebibytes < MEMORY, run.mebibytes
    return run, out.read_bytes()


def judged(desk, pieces, *words):
    """Its verdict, or None if there was only a line."""
    pieces = [pieces] if isinstance(pieces, bytes) else pieces
    run, out = measured(desk, "inspect", "--identity", desk.ids[BOB], "--trust", desk.root, "--me", BOB, "--known",
                        ALICE, "--json", *words, pieces=pieces)
    if run.status == 2:
        assert out == b"" and run.stderr.count(b"\n") == 1, run.stderr
        return None
    return json.loads(out)


# --- too deep, too long, too many ------------------------------------------------------------------------

def deep_multiparts(desk, levels=10_000):
    yield head(ALICE)
    for level in range(levels):
        yield b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
    yield b"\r\nhello\r\n"


def deep_messages(desk, levels=10_000):
    yield head(ALICE)
    yield from itertools.repeat(b"Content-Type: message/rfc822\r\n\r\n", levels)


def deep_signed(desk, levels=10_000):
    yield head(ALICE)
    for level in range(levels):
        yield (b'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; boundary=b%d\r\n\r\n'
               b"--b%d\r\n" % (level, level))


def deep_digests(desk, levels=10_000):
    yield head(ALICE)
    for level in range(levels):
        yield b"Content-Type: multipart/digest; boundary=b%d\r\n\r\n--b%d\r\n\r\n" % (level, level)


def many_parts(desk, parts=100_000):
    yield head(ALICE) + b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"
    yield from itertools.repeat(b"--x\r\n\r\n", parts)


def one_long_field(desk, size=100 * MEGABYTE):
    yield b"X-Long: "
    yield from itertools.repeat(b"x" * MEGABYTE, size // MEGABYTE)


def one_long_folded_field(desk, size=100 * MEGABYTE):
    yield b"From: " + ALICE.encode() + b"\r\nX-Long:"
    yield from itertools.repeat(b" x\r\n" * (MEGABYTE // 4), size // MEGABYTE)


def many_fields(desk, size=100 * MEGABYTE):
    yield from itertools.repeat(b"X-A: b\r\n" * (MEGABYTE // 8), size // MEGABYTE)


def many_from_fields(desk, size=100 * MEGABYTE):
    yield from itertools.repeat(b"From: alice@alpha.test\r\n" * (MEGABYTE // 24), size // MEGABYTE)


def many_senders(desk):
    yield b"From: " + b",\r\n ".join([b"alice@alpha.test"] * 9000) + b"\r\n\r\nhello\r\n"


def deep_comments(desk):
    yield b"From: " + b"(" * 200_000 + b" alice@alpha.test\r\n\r\nhello\r\n"


def many_comments(desk):
    yield b"From: " + b"(alice@alpha.test)\r\n " * 9000 + b"eve@beta.test\r\n\r\nhello\r\n"


def many_encoded_words(desk):
    yield b"From: " + b"=?utf-8?q?a=40b?=\r\n " * 9000 + b"<eve@beta.test>\r\n\r\nhello\r\n"


def many_at_signs(desk):
    yield b'From: "' + b"a@b.c " * 40_000 + b'" <eve@beta.test>\r\n\r\nhello\r\n'


def many_parameters(desk):
    yield head(ALICE) + b"Content-Type: text/plain" + b";\r\n a=b" * 30_000 + b"\r\n\r\nhello\r\n"


def many_continuations(desk):
    yield (head(ALICE) + b"Content-Type: multipart/mixed"
           + b"".join(b";\r\n boundary*%d=x" % i for i in range(15_000)) + b"\r\n\r\nhello\r\n")


def a_line_without_end(desk, size=100 * MEGABYTE):
    yield head(ALICE) + b"\r\n"
    yield from itertools.repeat(b"x" * MEGABYTE, size // MEGABYTE)


def a_body_of_dashes(desk, size=100 * MEGABYTE):
    yield head(ALICE) + b"Content-Type: multipart/mixed; boundary=" + b"-" * 60 + b"\r\n\r\n"
    yield from itertools.repeat(b"\r\n--" + b"-" * 59 + b"\r\n", size // 66)


def a_long_signature(desk, size=100 * MEGABYTE):
    entity = part()
    yield (head(ALICE) + b'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; boundary=x\r\n\r\n'
           b"--x\r\n" + entity + b"\r\n--x\r\nContent-Type: application/pkcs7-signature\r\n"
           b"Content-Transfer-Encoding: base64\r\n\r\n")
    yield from itertools.repeat(b"MIIB" * 19 + b"\r\n", size // 78)


def a_long_opaque_letter_that_is_none(desk, size=100 * MEGABYTE):
    yield head(ALICE) + b"Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    yield from itertools.repeat(b"MIIB" * 19 + b"\r\n", size // 78)


def nested_der(desk):
    """Indefinite lengths that never end."""
    yield head(ALICE) + opaque(b"\x30\x80" * 500_000)


def set_of_everything(desk):
    infos = [signer_info(desk.alice, part())] * 1000
    yield head(ALICE) + detached(part(), signed_data(infos, [desk.alice]))


def a_certificate_with_very_many_names(desk):
    names = [rfc822(f"a{i}@alpha.test") for i in range(100_000)]
    person = Person(desk.authority, *names, rfc822(ALICE))
    yield letter(person, ALICE)


def many_certificates(desk):
    der = desk.alice.der()
    people = [type("Copy", (), {"der": lambda self, i=i: der[:-2] + bytes(divmod(i, 256))})() for i in range(2000)]
    yield head(ALICE) + detached(part(), signed_data([signer_info(desk.alice, part())], [*people, desk.alice]))


SHORT = 2 * MEGABYTE
LETTERS = {
    deep_multiparts: ("unsigned", "letter.unreadable"), deep_messages: ("unsigned", "letter.unreadable"),
    deep_signed: ("unsigned", None), deep_digests: ("unsigned", "letter.unreadable"),
    many_parts: ("unsigned", "letter.unreadable"), many_senders: ("unsigned", None),
    deep_comments: ("unsigned", None), many_comments: ("danger", "addr.name-is-address"), many_encoded_words: ("unsigned", None),
    many_at_signs: ("unsigned", None), many_parameters: ("unsigned", None), many_continuations: ("unsigned", None),
    nested_der: ("unsigned", "sig.none"), set_of_everything: ("unsigned", None),
    a_certificate_with_very_many_names: ("unsigned", None), many_certificates: ("unsigned", None),
}
LENGTHS = {
    one_long_field: ("unsigned", "letter.unreadable"), one_long_folded_field: ("unsigned", "letter.unreadable"),
    many_fields: ("unsigned", "letter.unreadable"), many_from_fields: ("unsigned", "letter.unreadable"),
    a_line_without_end: ("unsigned", "sig.none"), a_body_of_dashes: ("unsigned", "sig.none"),
    a_long_signature: ("unsigned", "sig.unreadable"), a_long_opaque_letter_that_is_none: ("unsigned", None),
}


@pytest.mark.parametrize("make", LETTERS, ids=lambda make: make.__name__)
def test_too_much_gets_a_verdict_soon(desk, make):
    verdict, reason = LETTERS[make]
    told = judged(desk, make(desk))
    assert told["verdict"] == verdict, told
    assert reason in (None, told["reasons"][0]), told


@pytest.mark.parametrize("make", LENGTHS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("size", [SHORT, pytest.param(100 * MEGABYTE, marks=long)], ids=["2 MB", "100 MB"])
def test_so_many_bytes_get_a_verdict_soon(desk, make, size):
    verdict, reason = LENGTHS[make]
    told = judged(desk, make(desk, size))
    assert told["verdict"] == verdict, told
    assert reason in (None, told["reasons"][0]), told


# --- a little that becomes very much -----------------------------------------------------------------------

def compressed(entity, effort=9):
    """RFC 3274."""
    data = seq(oid("1.2.840.113549.1.9.16.1.9"), tlv(0xa0, seq(
        integer(0), seq(oid("1.2.840.113549.1.9.16.3.8")),
        seq(oid(forge.DATA), tlv(0xa0, octet_string(zlib.compress(entity, effort)))))))
    return opaque(data, "application/pkcs7-mime; smime-type=compressed-data; name=smime.p7z")


@pytest.mark.parametrize("times", [1, pytest.param(100, marks=long)])
def test_a_letter_that_was_compressed_a_million_times_is_not_inflated_to_its_end(desk, times):
    """10 MB of it, in which there are 10 GB, and in those a signature."""
    bomb = compressed(part() + b"\0" * (100 * MEGABYTE)).rstrip(b"\r\n")
    inner = multipart([bomb] * times + [part()], "mixed", "=_b")
    told = judged(desk, head(ALICE) + compressed(inner) if times > 1 else head(ALICE) + compressed(bomb))
    assert told["verdict"] == "unsigned"


@long
def test_what_is_compressed_may_come_to_so_much_and_no_more(desk):
    """src/cms/compress.h: 128 MiB of what is no bomb."""
    text = os.urandom(64 << 20).hex().encode()
    for size, verdict in ((127 << 20, "verified"), ((128 << 20) + 1, "unsigned")):
        entity = crlf("Content-Type: text/plain\n\n") + (text + text)[:size]
        told = judged(desk, head(ALICE) + compressed(detached(entity, sign(desk.alice, entity)), 1))
        assert told["verdict"] == verdict, told


def authorities(count, root=None):
    """Every one certifies every other: as many ways as there are orders, and none leads to a root."""
    all = [papers.Authority(f"Authority {i}") for i in range(count)]
    people = []
    for issuer, named in itertools.permutations(all, 2):
        people.append(cross(issuer, named))
    return all, people


def cross(issuer, named):
    now = datetime.datetime.utcnow()
    cert = (x509.CertificateBuilder().subject_name(named.name).issuer_name(issuer.name)
            .public_key(named.key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - papers.DAY).not_valid_after(now + 365 * papers.DAY)
            .add_extension(x509.BasicConstraints(True, None), True)
            .add_extension(papers.usage(key_cert_sign=True), True).sign(issuer.key, hashes.SHA256()))
    return type("Cross", (), {"der": lambda self: cert.public_bytes(Encoding.DER)})()


@pytest.mark.parametrize("reachable", [False, True], ids=["no root", "a root behind it"])
def test_certificates_that_all_certify_each_other_cost_little(desk, reachable):
    all, people = authorities(15)
    if reachable:
        people.append(cross(desk.authority, all[-1]))
    alice = Person(all[0], rfc822(ALICE))
    der = signed_data([signer_info(alice, part())], [*people, alice])
    told = judged(desk, head(ALICE) + detached(part(), der))
    assert told["verdict"] in (("caution", "verified") if reachable else ("caution",)), told
    assert told["signed"]["by"] == ALICE


def test_authorities_of_one_name_and_many_keys_cost_little(desk):
    """Each may have issued the certificate: every signature is tried, to a limit."""
    twins = [papers.Authority("Twin") for _ in range(200)]
    people = [cross(twins[i - 1], twin) for i, twin in enumerate(twins)]
    alice = Person(twins[0], rfc822(ALICE))
    der = signed_data([signer_info(alice, part())], [*people, alice])
    told = judged(desk, head(ALICE) + detached(part(), der))
    assert told["verdict"] == "caution" and told["signed"]["chain"] != "valid", told


def revocation_list(authority, size):
    """Of about `size` bytes; nobody whom we know is in it."""
    now = datetime.datetime.utcnow()
    when = utc(now)
    entry = len(seq(tlv(0x02, b"\1" * 17), when))
    entries = b"".join(b"\x30" + bytes([entry - 2]) + b"\x02\x11\x01" + i.to_bytes(16, "big") + when
                       for i in range(size // entry))
    body = seq(integer(1), forge.algorithm(forge.ECDSA["sha256"]), authority.name.public_bytes(), when,
               utc(now + papers.DAY), tlv(0x30, entries))
    named, value = forge.sign_value(authority.key, body, "sha256")
    return seq(body, named, tlv(0x03, b"\0", value))


@pytest.mark.parametrize("size", [2 * MEGABYTE, pytest.param(50 * MEGABYTE, marks=long)], ids=["2 MB", "50 MB"])
def test_a_long_revocation_list_is_read_soon(desk, size):
    crl = desk.dir / "list.pem"
    crl.write_bytes(b"-----BEGIN X509 CRL-----\n" + base64.encodebytes(revocation_list(desk.authority, size))
                    + b"-----END X509 CRL-----\n")
    begun = time.monotonic()
    run = Run(desk.program, "chain", "--trust", desk.root, "--crl", crl, "--json", out=desk.dir / "out",
              pieces=[desk.certs[ALICE].read_bytes()])
    assert run.status == 0, run.stderr
    assert time.monotonic() - begun < SECONDS and run.mebibytes < MEMORY + 8 * size / MEGABYTE


# --- nothing at all ----------------------------------------------------------------------------------------

NOTHING = {
    "no byte": b"", "a line end": b"\r\n", "only From": b"From: \r\n\r\n", "an empty name": b": x\r\n\r\n",
    "no type": head(ALICE) + b"Content-Type: \r\n\r\n", "no boundary": head(ALICE) + b"Content-Type: multipart/signed; "
    b"boundary=\"\"; protocol=\"application/pkcs7-signature\"\r\n\r\n----\r\n----\r\n",
    "no parts": head(ALICE) + multipart([]), "empty parts": head(ALICE) + multipart([b"", b"", b""]),
    "a signed letter of no parts": head(ALICE) + b"Content-Type: multipart/signed; boundary=x; protocol=\""
    b"application/pkcs7-signature\"\r\n\r\n--x--\r\n",
    "a signed letter of empty parts": head(ALICE) + b"Content-Type: multipart/signed; boundary=x; protocol=\""
    b"application/pkcs7-signature\"\r\n\r\n--x\r\n--x\r\n--x--\r\n",
    "an empty signature": head(ALICE) + detached(part(), b""), "an empty CMS": head(ALICE) + opaque(b""),
    "an empty sequence": head(ALICE) + opaque(seq()), "an empty SignedData": head(ALICE) + opaque(
        seq(oid(forge.SIGNED), tlv(0xa0, seq()))), "a SignedData without all": head(ALICE) + opaque(
        seq(oid(forge.SIGNED), tlv(0xa0, seq(integer(1), set_of(), seq(oid(forge.DATA)), set_of())))),
    "an empty SignerInfo": head(ALICE) + detached(part(), signed_data([seq()], [])),
    "an empty certificate": head(ALICE) + detached(part(), seq(oid(forge.SIGNED), tlv(0xa0, seq(
        integer(1), set_of(), seq(oid(forge.DATA)), tlv(0xa0, seq()), set_of())))),
}


@pytest.mark.parametrize("name", NOTHING)
def test_nothing_gets_a_verdict(desk, name):
    told = judged(desk, NOTHING[name])
    assert told["verdict"] == "unsigned", told


def test_an_empty_text_may_be_signed(desk):
    for entity in (b"", b"\r\n", b"Content-Type: text/plain\r\n\r\n"):
        told = judged(desk, letter(desk.alice, ALICE, entity))
        assert told["verdict"] == "verified", (entity, told)
        told = judged(desk, head(ALICE) + opaque(seal_opaque(desk.alice, entity)))
        assert told["verdict"] == "verified", (entity, told)


# --- at the limit, and one beyond ----------------------------------------------------------------------------

def signed_in_multiparts(desk, depth):
    inside = detached(part(), sign(desk.alice, part()), "=_s").rstrip(b"\r\n")
    for level in range(depth - 1):
        inside = multipart([inside], "mixed", f"=_{level}").rstrip(b"\r\n")
    return head(ALICE) + inside


def signed_with_parts(desk, count):
    entity = multipart([b"\r\n"] * (count - 3), "mixed", "=_in").rstrip(b"\r\n")
    return head(ALICE) + detached(entity, sign(desk.alice, entity))


def signed_with_fields(desk, count):
    given = head(ALICE).count(b"\r\n") + 1
    return b"X-A: b\r\n" * (count - given) + letter(desk.alice, ALICE)


def signed_with_header(desk, size):
    given = len(letter(desk.alice, ALICE).partition(b"\r\n\r\n")[0]) + 4
    lines = size - given
    field = b"X-A: " + b"b" * 900 + b"\r\n"
    more = field * (lines // len(field) - 1)
    return more + b"X-A: " + b"b" * (lines - len(more) - 7) + b"\r\n" + letter(desk.alice, ALICE)


def signed_by(desk, count):
    infos = [signer_info(desk.alice, part())] + [signer_info(desk.alice, part())] * (count - 1)
    return head(ALICE) + detached(part(), signed_data(infos, [desk.alice]))


def signed_with_certificates(desk, count):
    key = papers.new_key("ec")
    others = [Person(desk.authority, rfc822(EVE), key=key) for _ in range(count - 1)]
    return head(ALICE) + detached(part(), signed_data([signer_info(desk.alice, part())], [*others, desk.alice]))


def signed_in_layers(desk, count):
    inside = part()
    for level in range(count):
        inside = detached(inside, sign(desk.alice, inside), f"=_{level}").rstrip(b"\r\n")
    return head(ALICE) + inside


LIMITS = {
    "depth of parts": (signed_in_multiparts, 50, "caution", "letter.unreadable"),
    "parts": (signed_with_parts, 1000, "verified", "letter.unreadable"),
    "fields": (signed_with_fields, 2000, "verified", "letter.unreadable"),
    "bytes of a header": (signed_with_header, 256 << 10, "verified", "letter.unreadable"),
    "signers": (signed_by, 16, "verified", "sig.unreadable"),
    "certificates": (signed_with_certificates, 256, "verified", "sig.unreadable"),
    "layers": (signed_in_layers, 8, "verified", "letter.unreadable"),
}


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_holds_at_it_and_one_beyond(desk, name):
    make, limit, at, beyond = LIMITS[name]
    told = judged(desk, make(desk, limit))
    assert told["verdict"] == at, told
    told = judged(desk, make(desk, limit + 1))
    assert told["reasons"][0] == beyond and told["verdict"] == "unsigned", told
