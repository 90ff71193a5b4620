"""seal, open, inspect and chain on files, with openssl as the other side."""

import base64
import datetime
import json
import os
import re
import subprocess
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

import papers
from filedesk import ALICE, BOB, EVE, Desk, openssl
from people import CANARY, SUBJECT, found_in, leaves, letter, parse, same_text


@pytest.fixture(scope="module")
def desk(program, tmp_path_factory):
    return Desk(program, tmp_path_factory.mktemp("desk"))


@pytest.fixture(scope="module")
def plain():
    return letter(ALICE, [BOB])


def crlf(octets):
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def check_same(shown, plain):
    for field in ("Subject", "From", "To", "Date", "Message-ID"):
        assert shown[field] == plain[field]
    for (kind, _, have), (_, _, want) in zip(leaves(shown), leaves(plain), strict=True):
        assert same_text(have) == same_text(want) if kind.startswith("text/") else have == want


@pytest.mark.parametrize("cipher, named", [("cbc", "aes-256-cbc"), ("gcm", "aes-256-gcm"),
                                           ("auto", "aes-256-cbc")])
def test_what_is_sealed_opens_again_equal_and_is_verified(desk, plain, cipher, named):
    sealed = desk.seal(plain.as_bytes(), "--cipher", cipher)
    assert found_in(sealed, CANARY, SUBJECT) == []
    told = desk.inspect(sealed, "--me", BOB, "--known", ALICE)
    assert told["verdict"] == "verified"
    assert told["encrypted"] == {"state": "intact", "cipher": named}
    assert told["signed"]["state"] == "valid" and told["signed"]["by"] == ALICE
    assert told["signed"]["chain"] == "valid" and told["from"] == ALICE
    assert told["headers"]["subject"] == "signed-and-encrypted"
    assert told["headers"]["from"] == "signed-only"
    assert len(told["sentence"]) <= 120
    opened = desk.run("open", *desk.as_id(BOB), "--trust", desk.root, stdin=sealed)
    assert opened.returncode == 0, opened.stderr
    check_same(parse(opened.stdout), plain)


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_openssl_reads_what_we_seal(desk, plain, tmp_path, kind):
    label = desk.add("carol@alpha.test", f"carol-{kind}", kind=kind)
    (tmp_path / "sealed").write_bytes(desk.seal(plain.as_bytes(), to=[label]))
    opened = openssl("cms", "-decrypt", "-in", tmp_path / "sealed", "-recip", desk.certs[label],
                     "-inkey", desk.dir / f"{label}.key")
    (tmp_path / "signed").write_bytes(opened)
    payload = openssl("cms", "-verify", "-in", tmp_path / "signed", "-CAfile", desk.root)
    assert parse(payload)["Subject"] == SUBJECT


@pytest.mark.parametrize("cipher", ["-aes256", "-aes128", "-aes-256-gcm"])
@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_we_read_what_openssl_seals(desk, tmp_path, kind, cipher):
    """Detached or opaque inside, as openssl writes them; the header stands outside only."""
    label = desk.add(BOB, f"bob-{kind}", kind=kind)
    body = b"Content-Type: text/plain\r\n\r\nhello from openssl\r\n"
    for opaque in ([], ["-nodetach"]):
        signed = openssl("cms", "-sign", *opaque, "-signer", desk.certs[ALICE], "-inkey",
                         desk.dir / f"{ALICE}.key", stdin=body)
        sealed = openssl("cms", "-encrypt", cipher, "-from", ALICE, "-to", BOB, "-subject", "hi",
                         desk.certs[label], stdin=signed)
        told = desk.inspect(sealed, reader=label)
        assert told["verdict"] == "verified", told
        assert told["encrypted"]["state"] == "intact"
        assert told["headers"]["subject"] == "unprotected"
        opened = desk.run("open", *desk.as_id(label), stdin=sealed)
        assert opened.returncode == 0 and b"hello from openssl" in opened.stdout


def test_sign_only_is_readable_by_everybody_and_verified(desk, plain):
    signed = desk.seal(plain.as_bytes(), "--sign-only", to=[])
    assert parse(signed)["Subject"] == SUBJECT
    told = desk.inspect(signed)
    assert told["verdict"] == "verified" and told["encrypted"]["state"] == "none"
    assert told["headers"]["subject"] == "signed-only"


@pytest.mark.parametrize("field, other", [
    (b"From: ", b"From: Alice <%s>\r\nX-Was: " % BOB.encode()),
    (b"Subject: ", b"Subject: Pay at once\r\nX-Was: "),
    (b"To: ", b"Reply-To: %s\r\nTo: " % EVE.encode()),
    (b"Date: ", b"X-Was: ")])
def test_another_header_around_a_signed_one_is_not_verified(desk, plain, field, other):
    signed = desk.seal(plain.as_bytes(), "--sign-only", to=[])
    changed = signed.replace(field, other, 1)
    assert changed != signed
    told = desk.inspect(changed)
    assert told["verdict"] == "caution" and told["reasons"][0] == "hdr.outside-differs"


def test_a_sender_behind_a_line_that_is_no_field_is_not_overlooked(desk):
    signed = openssl("cms", "-sign", "-signer", desk.certs[EVE], "-inkey", desk.dir / f"{EVE}.key",
                     "-from", EVE, stdin=b"Content-Type: text/plain\r\n\r\nhello\r\n")
    assert desk.inspect(signed)["verdict"] == "verified"
    head, gap, body = signed.partition(b"\n\n")
    changed = head + b"\nno field\nFrom: " + ALICE.encode() + gap + body
    told = desk.inspect(changed)
    assert told["verdict"] == "caution" and told["reasons"][0] == "hdr.from-unclear"


def test_encrypt_only_is_opened_and_called_unsigned(desk, plain):
    done = desk.run("seal", "--encrypt-only", "--to", desk.certs[BOB], stdin=plain.as_bytes())
    assert done.returncode == 0, done.stderr
    told = desk.inspect(done.stdout)
    assert told["verdict"] == "unsigned"
    assert told["encrypted"]["state"] == "malleable"
    assert told["headers"]["subject"] == "encrypted-only"
    opened = desk.run("open", *desk.as_id(BOB), stdin=done.stdout)
    assert opened.returncode == 0
    check_same(parse(opened.stdout), plain)


@pytest.mark.parametrize("words, warns", [
    (["--encrypt-only"], True), (["--encrypt-only", "--cipher", "gcm"], False), (["--identity", "ID"], False)],
    ids=["CBC", "GCM", "CBC around a signature"])
def test_open_warns_of_what_others_can_have_changed(desk, plain, words, warns, tmp_path):
    words = [desk.dir / f"{ALICE}.key" if word == "ID" else word for word in words]
    sealed = desk.run("seal", *words, "--to", desk.certs[BOB], stdin=plain.as_bytes()).stdout
    for more in ([], ["--report", tmp_path / "report"]):
        done = desk.run("open", *desk.as_id(BOB), *more, stdin=sealed)
        assert done.returncode == 0 and done.stdout != b""
        assert done.stderr.count(b"\n") == done.stderr.count(b"warning: it was sealed in a way") == warns


def test_without_a_key_the_sender_is_not_blamed(desk, plain):
    sealed = desk.seal(plain.as_bytes())
    done = desk.run("inspect", "--trust", desk.root, "--json", stdin=sealed)
    told = json.loads(done.stdout)
    assert done.returncode == 1 and told["verdict"] == "unsigned" and told["reasons"] == ["enc.no-key"]
    assert "no key was given" in told["sentence"] and "--identity" in told["advice"]
    assert desk.inspect(sealed, reader=EVE)["reasons"] == ["enc.not-for-us"]


@pytest.mark.parametrize("front, says", [
    (None, b"it is empty"), (b"-----BEGIN CERTIFICATE-----\nMIIB\n", b"PEM"), (bytes(range(256)), b"no header field"),
    (b"From alice@alpha.test Sat Nov 21 20:18:00 2026\n", b'"From " line'), (b"\xef\xbb\xbf", b"byte order mark"),
    (b"\r\n", b"empty line")], ids=["nothing", "PEM", "random", "mailbox file", "BOM", "empty line"])
def test_what_is_no_letter_is_said(desk, plain, front, says):
    octets = b"" if front is None else front + desk.seal(plain.as_bytes(), "--sign-only", to=())
    done = desk.run("inspect", "--trust", desk.root, "--json", stdin=octets)
    told = json.loads(done.stdout)
    assert done.returncode == 1 and done.stderr.count(b"\n") == 1 and says in done.stderr
    assert told["verdict"] == "unsigned" and told["reasons"] == ["letter.unreadable"]
    assert told["sentence"].startswith("This is no letter") and "the sender" not in told["advice"]
    done = desk.run("open", *desk.as_id(BOB), stdin=octets)
    assert done.returncode == 2 and done.stdout == b"" and says in done.stderr


@pytest.mark.parametrize("line, verdict, reason", [
    (b"X: a\rFrom: eve@beta.test", "unsigned", "letter.unreadable"), (b"X: a\0b", "unsigned", "letter.unreadable"),
    (b"X\rY: a", "caution", "hdr.from-unclear"), (b"junk \r junk", "caution", "hdr.from-unclear"),
    (b"junk \0 junk", "caution", "hdr.from-unclear"), (b"junk", "caution", "hdr.from-unclear")],
    ids=["CR in a value", "NUL in a value", "CR in a name", "CR in junk", "NUL in junk", "junk"])
def test_a_bare_cr_in_a_field_is_no_letter_and_in_a_junk_line_ends_the_header(desk, line, verdict, reason):
    signed = openssl("cms", "-sign", "-signer", desk.certs[EVE], "-inkey", desk.dir / f"{EVE}.key",
                     "-from", EVE, stdin=b"Content-Type: text/plain\r\n\r\nhello\r\n")
    told = desk.inspect(signed.replace(b"\n\n", b"\n" + line + b"\n\n", 1))
    assert (told["verdict"], told["reasons"][0]) == (verdict, reason)


def test_eve_in_alices_name_is_caution_and_danger_for_those_who_know_alice(desk, plain):
    forged = desk.seal(plain.as_bytes(), sender=EVE)
    told = desk.inspect(forged)
    assert told["verdict"] == "caution" and told["reasons"][0] == "addr.mismatch"
    assert EVE in told["sentence"]
    told = desk.inspect(forged, "--known", ALICE)
    assert told["verdict"] == "danger" and ALICE in told["sentence"]


def test_a_valid_signature_on_a_look_alike_is_danger(desk):
    """Of somebody known; to who does not know Alice, it is a stranger."""
    twin = desk.add("alice@a1pha.test")
    sealed = desk.seal(letter(twin, [BOB]).as_bytes(), sender=twin)
    told = desk.inspect(sealed, "--me", BOB, "--known", ALICE)
    assert told["verdict"] == "danger" and told["reasons"][0] == "addr.confusable"
    assert told["signed"]["state"] == "valid" and told["signed"]["chain"] == "valid"
    assert "looks like alpha.test" in told["sentence"]
    assert desk.inspect(sealed, "--me", BOB)["verdict"] == "verified"


@pytest.mark.parametrize("sender, reason, says", [
    ("Help Desk <help@b\u0435ta.test>", "addr.confusable", "beta.test"),
    ("PayPal Service <service@eve.test>", "addr.name-of-organisation", "PayPal"),
    ('"bob@beta.test" <eve@eve.test>', "addr.name-is-address", "beta.test"),
])
def test_a_look_alike_is_danger_unsigned_too(desk, sender, reason, says):
    octets = f"From: {sender}\r\nTo: {BOB}\r\nSubject: Urgent\r\n\r\nPay at once.\r\n".encode()
    told = desk.inspect(octets, "--me", BOB)
    assert told["verdict"] == "danger" and told["reasons"][0] == reason
    assert says in told["sentence"] and "sig.none" in told["reasons"]


def test_the_report_of_open_is_that_of_inspect(desk, tmp_path):
    twin = desk.add("alice@paypa1.test")
    sealed = desk.seal(letter(twin, [BOB]).as_bytes(), sender=twin)
    done = desk.run("open", *desk.as_id(BOB), "--trust", desk.root, "--report", tmp_path / "report",
                    stdin=sealed)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "report").read_text()) == desk.inspect(sealed)


def test_a_letter_without_mime_fields_keeps_its_umlauts(desk):
    """And openssl's and Python's reader sees them too, after it was made 7-bit."""
    octets = f"From: {ALICE}\nSubject: Grüße\n\nSchöne Grüße\n".encode()
    opened = desk.run("open", *desk.as_id(BOB), stdin=desk.seal(octets))
    assert opened.returncode == 0, opened.stderr
    shown = parse(opened.stdout)
    assert shown["Subject"] == "Grüße" and shown.get_content().strip() == "Schöne Grüße"


def test_a_report_goes_where_it_is_told_to(desk, plain, tmp_path):
    """A link stays one, and so does a pipe."""
    sealed = desk.seal(plain.as_bytes())
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    for name in ("link", "pipe"):
        done = desk.run("open", *desk.as_id(BOB), "--report", tmp_path / name, stdin=sealed)
        assert done.returncode == 0, done.stderr
    told = os.read(reader, 1 << 16)
    os.close(reader)
    assert (tmp_path / "link").is_symlink() and (tmp_path / "pipe").is_fifo()
    assert json.loads((tmp_path / "real").read_text()) == json.loads(told)


def test_only_a_part_is_signed_is_not_opened(desk):
    part = openssl("cms", "-sign", "-signer", desk.certs[ALICE], "-inkey",
                   desk.dir / f"{ALICE}.key", stdin=b"Content-Type: text/plain\r\n\r\nmine\r\n")
    octets = (b"From: eve@eve.test\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x"
              b"\r\n\r\n--x\r\n\r\nPAY TO EVE\r\n--x\r\n" + part + b"\r\n--x--\r\n")
    done = desk.run("open", *desk.as_id(BOB), "--trust", desk.root, stdin=octets)
    assert done.returncode == 1 and done.stdout == b"" and b"part 2" in done.stderr
    shown = desk.run("open", *desk.as_id(BOB), "--unverified", stdin=octets)
    assert shown.returncode == 1 and b"PAY TO EVE" in shown.stdout


LONG = '"' + "\r\n ".join(["y" * 66] * 81) + '"'


@pytest.mark.parametrize("head, body", [
    (f"Content-Type: text/plain; name={LONG}\r\n", "the end\r\n"),
    ("Content-Type: multipart/mixed; boundary=x\r\n",
     f"--x\r\nContent-Type: text/plain; hp-legacy-display=1; x={LONG}\r\n\r\nSubject: x\r\n\r\nhi"
     "\r\n--x\r\n\r\nthe end\r\n--x--\r\n")], ids=["of the letter", "of a part"])
def test_a_parameter_that_is_too_long_to_print_cuts_nothing_off(desk, head, body):
    octets = f"From: {ALICE}\r\nMIME-Version: 1.0\r\n{head}\r\n{body}".encode()
    done = desk.run("open", *desk.as_id(BOB), stdin=desk.seal(octets))
    assert done.returncode == 0, done.stderr
    assert b"the end" in done.stdout


def test_output_that_is_not_taken_is_told(desk):
    for words in (["chain", "--trust", desk.root], ["--help"]):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([desk.program, *words], stdout=full, stderr=subprocess.PIPE,
                                  input=desk.certs[ALICE].read_bytes())
        assert done.returncode == 2 and b"standard output" in done.stderr


def test_a_plain_letter_is_unsigned(desk, plain):
    told = desk.inspect(plain.as_bytes())
    assert told["verdict"] == "unsigned" and told["signed"]["state"] == "none"


def test_sealed_again_for_somebody_else_is_caution(desk, plain, tmp_path):
    """Bob takes Alice's signed letter and seals it for Eve: she was never written to."""
    sealed = desk.seal(plain.as_bytes())
    (tmp_path / "sealed").write_bytes(sealed)
    signed = openssl("cms", "-decrypt", "-in", tmp_path / "sealed", "-recip", desk.certs[BOB],
                     "-inkey", desk.dir / f"{BOB}.key")
    again = openssl("cms", "-encrypt", "-aes256", "-from", ALICE, "-to", EVE, desk.certs[EVE],
                    stdin=signed)
    told = desk.inspect(again, "--me", EVE, reader=EVE)
    assert told["verdict"] == "caution" and "addr.not-for-you" in told["reasons"]


def signed_times(desk, times):
    """A letter signed again and again, each signature around the one before."""
    inside = b"Content-Type: text/plain\r\n\r\nGood morning.\r\n"
    for _ in range(times):
        done = subprocess.run(
            ["openssl", "cms", "-sign", "-signer", desk.dir / f"{ALICE}.key", "-inkey", desk.dir / f"{ALICE}.key"],
            input=inside, capture_output=True, check=True)
        inside = done.stdout.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return f"From: {ALICE}\r\nTo: {BOB}\r\nSubject: layers\r\n".encode() + inside


def test_signatures_around_signatures_have_a_limit(desk):
    """Each has all that is inside of it hashed: a letter of many would cost many times its length."""
    assert desk.inspect(signed_times(desk, 8))["signed"]["state"] == "valid"
    done = desk.run("inspect", "--trust", desk.root, "--json", stdin=signed_times(desk, 9))
    assert done.returncode == 1 and b"more than 8 nested layers" in done.stderr
    assert json.loads(done.stdout)["reasons"] == ["letter.unreadable"]


def test_a_broken_signature_inside_is_not_told_as_the_outer_signers(desk):
    octets = signed_times(desk, 2)
    at = octets.rindex(b"Good morning")
    told = desk.inspect(octets[:at] + b"Bad" + octets[at + 4:])
    assert told["signed"]["state"] == "invalid" and told["verdict"] == "unsigned"


def test_no_root_no_trust(desk, plain, tmp_path):
    other = papers.Authority("Somebody else's").save(tmp_path / "other.pem")
    sealed = desk.seal(plain.as_bytes())
    done = desk.run("inspect", *desk.as_id(BOB), "--trust", other, "--json", stdin=sealed)
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert told["verdict"] == "caution" and told["signed"]["chain"] == "no-anchor"


def test_expired_without_a_timestamp_is_caution_and_at_then_it_was_good(desk, plain):
    sealed = desk.seal(plain.as_bytes())
    told = desk.inspect(sealed, "--at", "2035-01-01T00:00:00Z")
    assert told["verdict"] == "caution"
    assert told["signed"]["chain-reason"] == "cert.expired-at-time"
    told = desk.inspect(sealed, "--at", str(int(time.time())))
    assert told["verdict"] == "verified"


@pytest.mark.parametrize("cipher", ["cbc", "gcm"])
def test_no_changed_byte_of_the_ciphertext_ever_opens(desk, cipher):
    octets = f"From: {ALICE}\r\nTo: {BOB}\r\nSubject: s\r\n\r\nshort\r\n".encode()
    sealed = desk.seal(octets, "--cipher", cipher)
    head, _, body = sealed.partition(b"\r\n\r\n")
    der = base64.b64decode(body)
    for at in range(0, len(der), max(1, len(der) // 60)):
        changed = der[:at] + bytes([der[at] ^ 1]) + der[at + 1:]
        octets = head + b"\r\n\r\n" + base64.encodebytes(changed).replace(b"\n", b"\r\n")
        opened = desk.run("open", *desk.as_id(BOB), stdin=octets)
        assert opened.returncode in (0, 1, 2)
        if opened.returncode == 0:
            # a byte that says nothing about the content (another recipient's part)
            assert b"short" in opened.stdout
        else:
            assert opened.stdout == b""


def test_open_writes_nothing_for_a_broken_signature_but_when_told(desk, plain):
    signed = desk.seal(plain.as_bytes(), "--sign-only", to=[])
    broken = signed.replace(b"Yours", b"YourS")
    assert broken != signed
    opened = desk.run("open", *desk.as_id(BOB), stdin=broken)
    assert opened.returncode == 1 and opened.stdout == b"" and b"not valid" in opened.stderr
    opened = desk.run("open", *desk.as_id(BOB), "--unverified", stdin=broken)
    assert opened.returncode == 1 and b"YourS" in opened.stdout


def test_open_writes_its_report(desk, plain, tmp_path):
    sealed = desk.seal(plain.as_bytes())
    opened = desk.run("open", *desk.as_id(BOB), "--trust", desk.root, "--report",
                      tmp_path / "report", stdin=sealed)
    assert opened.returncode == 0
    assert json.loads((tmp_path / "report").read_text())["verdict"] == "verified"


@pytest.mark.parametrize("policy, subject, sender", [
    ("baseline", "[...]", "Alice Müller <alice@alpha.test>"),
    ("shy", "[...]", "alice@alpha.test"),
    ("none", SUBJECT, "Alice Müller <alice@alpha.test>")])
def test_header_policies_hide_what_they_say(desk, plain, policy, subject, sender):
    outer = parse(desk.seal(plain.as_bytes(), "--header-policy", policy))
    assert outer["Subject"] == subject and outer["From"] == sender


def test_an_answer_does_not_tell_what_its_letter_hid(desk, plain, tmp_path):
    (tmp_path / "letter").write_bytes(desk.seal(plain.as_bytes(), "--header-policy", "shy"))
    answer = (f"From: Bob <{BOB}>\r\nTo: =?utf-8?Q?Alice_M=C3=BCller?= <{ALICE}>\r\n"
              f"Subject: Re: {SUBJECT}\r\nX-Topic: about {SUBJECT}\r\n"
              "Message-ID: <answer@beta.test>\r\n\r\nyes\r\n").encode()
    words = ["--header-policy", "none", "--answers", tmp_path / "letter"]
    sealed = desk.seal(answer, *words, sender=BOB, to=(ALICE,))
    outer = parse(sealed)
    assert outer["Subject"] == "Re: [...]" and outer["To"] == ALICE and outer["X-Topic"] is None
    opened = parse(desk.run("open", *desk.as_id(ALICE), stdin=sealed).stdout)
    assert opened["Subject"] == f"Re: {SUBJECT}" and "Müller" in opened["To"]
    # in clear it would tell; and who cannot open the letter does not know what
    done = desk.run("seal", *desk.as_id(BOB), "--sign-only", *words, stdin=answer)
    assert done.returncode == 2 and done.stdout == b"" and b"not encrypted" in done.stderr
    done = desk.run("seal", *desk.as_id(EVE), "--to", desk.certs[ALICE], *words, stdin=answer)
    assert done.returncode == 2 and done.stdout == b"" and b"cannot be opened" in done.stderr


def payload_of(desk, sealed, tmp_path, reader=BOB):
    """What openssl finds inside of both layers."""
    (tmp_path / "sealed").write_bytes(sealed)
    signed = openssl("cms", "-decrypt", "-in", tmp_path / "sealed", "-recip", desk.certs[reader],
                     "-inkey", desk.dir / f"{reader}.key")
    return openssl("cms", "-verify", "-CAfile", desk.root, stdin=signed)


def test_old_readers_see_the_subject_in_the_text_and_new_ones_do_not(desk, plain, tmp_path):
    sealed = desk.seal(plain.as_bytes(), "--legacy-display", "--cipher", "cbc")
    first = leaves(parse(payload_of(desk, sealed, tmp_path)))[0][2]
    shown, text = first.decode().replace("\r\n", "\n").split("\n\n", 1)
    # the blank that Python encodes and the one it folds at are two
    assert " ".join(shown.split()) == f"Subject: {SUBJECT}" and CANARY in text
    opened = desk.run("open", *desk.as_id(BOB), stdin=sealed)
    check_same(parse(opened.stdout), plain)
    assert b"hp-legacy-display" not in opened.stdout


SIGNED_BODY = ("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
               "Grüße \r\nFrom me\r\n" + "x" * 1200 + "\r\n").encode()


def signed_by_openssl(desk, who):
    return openssl("cms", "-sign", "-binary", "-crlfeol", "-signer", desk.certs[who], "-inkey",
                   desk.dir / f"{who}.key", stdin=SIGNED_BODY)


def check_signed_part(desk, octets):
    """openssl finds the signature in the multipart/signed of a letter valid, byte for byte."""
    start = octets.index(b"Content-Type: multipart/signed")
    boundary = octets[start:].split(b'boundary="', 1)[1].split(b'"', 1)[0]
    end = octets.index(b"--" + boundary + b"--") + len(boundary) + 4
    part = b"MIME-Version: 1.0\r\n" + octets[start:end] + b"\r\n"
    assert openssl("cms", "-verify", "-binary", "-crlfeol", "-CAfile", desk.root,
                   stdin=part) == SIGNED_BODY


def test_a_part_that_another_signed_is_passed_on_as_it_is(desk):
    signed = crlf(signed_by_openssl(desk, EVE)).split(b"MIME-Version: 1.0\r\n", 1)[1]
    forward = (f"From: {ALICE}\r\nTo: {BOB}\r\nSubject: Fwd\r\nMIME-Version: 1.0\r\n"
               "Content-Type: multipart/mixed; boundary=zz\r\n\r\n--zz\r\n\r\nSee below. \r\n"
               "--zz\r\n").encode() + signed + b"\r\n--zz--\r\n"
    sealed = desk.seal(forward)
    told = desk.inspect(sealed)
    assert told["verdict"] == "verified" and told["signed"]["by"] == ALICE, told
    check_signed_part(desk, desk.run("open", *desk.as_id(BOB), stdin=sealed).stdout)
    # in clear a server might change it
    done = desk.run("seal", *desk.as_id(ALICE), "--sign-only", stdin=forward)
    assert done.returncode == 2 and done.stdout == b"" and b"encrypt the letter" in done.stderr


def test_a_letter_that_its_program_signed_keeps_its_subject_and_its_signature(desk):
    sealed = desk.seal(f"From: {ALICE}\r\nTo: {BOB}\r\nSubject: {SUBJECT}\r\n".encode()
                       + crlf(signed_by_openssl(desk, ALICE)))
    assert parse(sealed)["Subject"] == "[...]"
    told = desk.inspect(sealed)
    assert told["verdict"] == "verified", told
    assert told["headers"]["subject"] == "signed-and-encrypted"
    opened = desk.run("open", *desk.as_id(BOB), stdin=sealed).stdout
    assert parse(opened)["Subject"] == SUBJECT
    check_signed_part(desk, opened)


def test_utf8_in_a_header_is_encoded_and_an_address_in_it_is_refused(desk):
    octets = (f"From: Jörg <{ALICE}>\r\nTo: Änne <{BOB}>\r\nSubject: Grüße\r\n\r\n"
              "Grüße\r\n").encode()
    sealed = desk.seal(octets, "--header-policy", "none")
    assert sealed.isascii()
    opened = parse(desk.run("open", *desk.as_id(BOB), stdin=sealed).stdout)
    assert opened["Subject"] == parse(sealed)["Subject"] == "Grüße"
    assert opened["To"] == f"Änne <{BOB}>" and opened["From"] == f"Jörg <{ALICE}>"
    done = desk.run("seal", *desk.as_id(ALICE), "--to", desk.certs[BOB],
                    stdin=octets.replace(b"bob@", "jörg@".encode()))
    assert done.returncode == 2 and done.stdout == b"" and b"SMTPUTF8" in done.stderr


def test_chain_says_valid_expired_and_no_anchor(desk, tmp_path):
    cert = desk.certs[ALICE].read_bytes()
    done = desk.run("chain", "--trust", desk.root, stdin=cert)
    assert done.returncode == 0 and done.stdout.startswith(b"valid\n")
    done = desk.run("chain", "--trust", desk.root, "--at", "2040-01-01T00:00:00Z", "--json",
                    stdin=cert)
    assert done.returncode == 1
    assert json.loads(done.stdout)["chain-reason"] == "cert.expired-at-time"
    other = papers.Authority("Other").save(tmp_path / "other.pem")
    done = desk.run("chain", "--trust", other, "--json", stdin=cert)
    assert done.returncode == 1 and json.loads(done.stdout)["chain"] == "no-anchor"


def chain_says(desk, *words, who=ALICE):
    """(the codes, the sentence)"""
    done = desk.run("chain", *words, stdin=desk.certs[who].read_bytes())
    codes, sentence, advice = done.stdout.decode().splitlines()
    assert sentence.endswith(".") and advice.endswith(".") and done.stderr == b""
    return codes, sentence.strip()


def test_chain_says_what_it_means_and_that_revocation_was_not_checked(desk, tmp_path):
    other = papers.Authority("Other").save(tmp_path / "other.pem")
    crl = a_list(desk, EVE, tmp_path)
    root = ["--trust", desk.root]
    assert chain_says(desk, *root) == (
        "valid", f"The certificate of {ALICE} leads to a root you trust; revocation not checked.")
    assert chain_says(desk, *root, "--crl", crl) == (
        "valid", f"The certificate of {ALICE} leads to a root you trust, and was not revoked.")
    assert chain_says(desk, *root, "--crl", crl, who=EVE) == (
        "invalid: cert.revoked", f"The certificate of {EVE}, or one above it, was revoked.")
    assert chain_says(desk, *root, "--crl", crl, "--at", "2040-01-01T00:00:00Z") == (
        "invalid: cert.expired-at-time", f"The certificate of {ALICE} is not in order: it had expired.")
    assert chain_says(desk, "--trust", other) == (
        "no-anchor: chain.no-anchor", f"The certificate of {ALICE} leads to no root that you trust.")


def a_list(desk, who, folder):
    cert = x509.load_pem_x509_certificate(desk.certs[who].read_bytes())
    now = datetime.datetime.utcnow()
    revoked = (x509.RevokedCertificateBuilder().serial_number(cert.serial_number)
               .revocation_date(now - papers.DAY).build())
    crl = (x509.CertificateRevocationListBuilder().issuer_name(desk.authority.name)
           .last_update(now - papers.DAY).next_update(now + papers.DAY)
           .add_revoked_certificate(revoked).sign(desk.authority.key, hashes.SHA256()))
    (folder / "crl.pem").write_bytes(crl.public_bytes(Encoding.PEM))
    return folder / "crl.pem"


def test_chain_knows_revoked_ones(desk, tmp_path):
    crl = a_list(desk, EVE, tmp_path)
    for who, status, reason in ((EVE, 1, "cert.revoked"), (ALICE, 0, None)):
        done = desk.run("chain", "--trust", desk.root, "--crl", crl, "--json",
                        stdin=desk.certs[who].read_bytes())
        assert done.returncode == status
        assert json.loads(done.stdout)["chain-reason"] == reason


@pytest.mark.parametrize("words, stdin, says", [
    (["seal", "--frobnicate"], b"", b"unknown option --frobnicate"),
    (["seal", "--to"], b"", b"needs a value"),
    (["seal", "--sign-only", "--encrypt-only"], b"", b"exclude each other"),
    (["seal", "--cipher", "rot13", "--to", "x", "--identity", "x"], b"", b"rot13"),
    (["seal", "--encrypt-only", "--tsa", "https://x/", "--to", "x"], b"", b"--tsa"),
    (["seal", "--identity", "ID", "--to", "-"], b"", b"name a file"),
    (["seal", "--identity", "ID", "--sign-only", "--answers", "-"], b"", b"name a file"),
    (["seal", "--identity", "ID", "--sign-only"], b"", b"no letter on standard input"),
    (["seal", "--identity", "ID", "--sign-only"], b"From alice Mon\nFrom: a@b.test\n\nhi\n",
     b"mailbox file"),
    (["seal", "--identity", "ID", "--sign-only"], b"Subject: x\n\nhi\n", b"no From field"),
    (["open"], b"", b"--identity ID is needed"),
    (["open", "--identity", "/nonexistent.p12"], b"", b"--identity: /nonexistent.p12"),
    (["open", "--identity", "ID", "--passphrase-file", "/nonexistent"], b"", b"--passphrase-file: /nonexistent"),
    (["seal", "--identity", "ID", "--to", "/nonexistent.pem"], b"", b"--to: /nonexistent.pem"),
    (["inspect", "--trust", "/nonexistent.pem"], b"", b"/nonexistent.pem"),
    (["inspect", "--at", "yesterday"], b"", b"--at yesterday"),
    (["inspect", "--first-seen", "yesterday"], b"", b"--first-seen yesterday"),
    (["inspect", "--me", "Bob <bob@beta.test>"], b"From: a@b.test\n\nhi\n", b"--me"),
    (["inspect", "--me", "bob@beta.test, carol@beta.test"], b"From: a@b.test\n\nhi\n", b"--me"),
    (["inspect", "--known", "bob"], b"From: a@b.test\n\nhi\n", b"--known"),
    (["inspect", "--trust", "x", "--trust", "y"], b"", b"--trust is given twice: give one FILE only"),
    (["inspect", "--trust", "/nonexistent.pem"], b"", b"--trust: /nonexistent.pem"),
    (["inspect", "--authserv", "*"], b"From: a@b.test\n\nhi\n", b'--authserv: "*" is no server'),
    (["inspect", "--status-network", "10"], b"From: a@b.test\n\nhi\n", b"--status-network: "),
    (["chain", "--trust", "ROOT", "--ocsp", "-"], b"", b"--ocsp: -: standard input"),
    (["chain", "--trust", "ROOT", "--crl", "/nonexistent.crl"], b"", b"--crl: /nonexistent.crl"),
    (["chain", "--trust", "ROOT"], b"rubbish", b"no certificate"),
    (["frobnicate"], b"", b"unknown command frobnicate"),
])
def test_a_wrong_word_gets_one_line_and_status_2(desk, words, stdin, says):
    mine = {"ROOT": str(desk.root), "ID": str(desk.dir / f"{ALICE}.key")}
    words = [mine.get(word, word) for word in words]
    done = desk.run(*words, stdin=stdin)
    assert done.returncode == 2 and done.stdout == b""
    assert says in done.stderr and done.stderr.count(b"\n") == 1


def test_the_version_is_told(program):
    told = subprocess.run([program, "--version"], capture_output=True, text=True)
    assert told.returncode == 0 and re.fullmatch(r"letterlock \d+\.\d+\.\d+\n", told.stdout)


def test_a_wrong_passphrase_is_told(desk, plain, tmp_path):
    (tmp_path / "wrong").write_text("wrong\n")
    done = desk.run("open", "--identity", desk.ids[BOB], "--passphrase-file", tmp_path / "wrong",
                    stdin=desk.seal(plain.as_bytes()))
    assert done.returncode == 2 and b"passphrase" in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_an_expired_certificate_is_neither_signed_with_nor_sealed_to(desk, plain):
    old = desk.add(BOB, "bob-old", begins=-30, ends=-1)
    done = desk.run("seal", *desk.as_id(ALICE), "--to", desk.certs[old], stdin=plain.as_bytes())
    assert done.returncode == 2 and b"no longer valid" in done.stderr or b"expired" in done.stderr
    done = desk.run("seal", *desk.as_id(old), "--to", desk.certs[ALICE], stdin=plain.as_bytes())
    assert done.returncode == 2 and done.stdout == b""


def test_a_signing_certificate_is_not_sealed_to(desk, plain):
    only = desk.add(BOB, "bob-sign", purpose="sign")
    done = desk.run("seal", *desk.as_id(ALICE), "--to", desk.certs[only], stdin=plain.as_bytes())
    assert done.returncode == 2 and done.stdout == b""


@pytest.mark.parametrize("octets", [
    b"", b"\r\n", b"\x00" * 100, b"From: a@b.c\r\n\r\n", b"rubbish without colon\r\n" * 50,
    b"Content-Type: application/pkcs7-mime\r\n\r\n!!!!\r\n",
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n" * 5000,
    b"Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=x\r\n\r\n"
    b"--x\r\n\r\nhello\r\n--x\r\nContent-Type: application/pkcs7-signature\r\n\r\nAAAA\r\n--x--",
], ids=range(8))
def test_broken_letters_get_a_verdict_or_one_line_never_a_crash(desk, octets):
    done = desk.run("inspect", "--trust", desk.root, "--json", stdin=octets)
    if done.returncode == 1:
        assert json.loads(done.stdout)["verdict"] in ("unsigned", "danger")
    else:
        assert done.returncode == 2 and done.stderr.count(b"\n") == 1
    done = desk.run("open", *desk.as_id(BOB), stdin=octets)
    assert done.returncode in (1, 2) and done.stdout == b""


def test_too_many_parts_get_a_verdict_and_one_line(desk):
    octets = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n\r\n" * 1002
    done = desk.run("inspect", "--json", stdin=octets)
    assert json.loads(done.stdout)["reasons"] == ["letter.unreadable"]
    assert done.returncode == 1 and done.stderr.count(b"\n") == 1
