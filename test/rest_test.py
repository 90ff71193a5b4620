"""Letters that arrived in the clear and lie sealed: openssl finds them, and makes them."""

import email.policy

import pytest

from filedesk import ALICE, BOB, EVE, Desk, openssl
from people import CANARY, SUBJECT, found_in, letter, wire

MARKED = b"Content-Type: message/rfc822; letterlock=at-rest\r\n\r\n"


@pytest.fixture(scope="module")
def desk(program, tmp_path_factory):
    return Desk(program, tmp_path_factory.mktemp("desk"))


@pytest.fixture(scope="module")
def came():
    """Eve's letter to Bob, in the clear, with 8-bit text."""
    return letter(EVE, [BOB]).as_bytes(policy=email.policy.SMTP.clone(cte_type="8bit"))


def store(desk, octets, reader=BOB, code=0, words=()):
    done = desk.run("seal", "--at-rest", *desk.as_id(reader), *words, stdin=octets)
    assert done.returncode == code, done.stderr
    return done


def signed_by(desk, signer, octets, *more):
    return openssl("cms", "-sign", "-signer", desk.dir / f"{signer}.key", "-binary", *more,
                   stdin=octets)


def sealed_for(desk, reader, octets, *more):
    return openssl("cms", "-encrypt", "-aes256", "-binary", *more, desk.certs[reader],
                   stdin=octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))


def test_it_lies_sealed_and_comes_back_byte_for_byte(desk, came):
    stored = store(desk, came).stdout
    assert found_in(stored, CANARY, SUBJECT) == []
    told = desk.inspect(stored)
    assert told["encrypted"] == {"state": "at-rest", "cipher": "aes-256-cbc"}
    assert told["verdict"] == "unsigned" and told["signed"]["state"] == "none"
    assert told["from"] == EVE
    opened = desk.run("open", *desk.as_id(BOB), "--trust", desk.root, stdin=stored)
    assert opened.stdout == came


def test_openssl_finds_the_letter_byte_for_byte(desk, came):
    stored = store(desk, came).stdout
    inside = openssl("cms", "-decrypt", "-recip", desk.dir / f"{BOB}.key", stdin=stored)
    payload = openssl("cms", "-verify", "-CAfile", desk.root, stdin=inside)
    header, _, rest = payload.partition(b"\r\n\r\n")
    assert header.startswith(b"Content-Type: message/rfc822; letterlock=at-rest;\r\n mark=")
    assert rest == came


def test_a_signed_letter_has_the_verdict_it_had_when_it_came(desk):
    came = desk.run("seal", *desk.as_id(ALICE), "--sign-only",
                    stdin=wire(letter(ALICE, [BOB]))).stdout
    before, after = desk.inspect(came), desk.inspect(store(desk, came).stdout)
    assert before["verdict"] == "verified" and before["encrypted"]["state"] == "none"
    assert after["encrypted"]["state"] == "at-rest"
    # but when it came is known now: the wrapper's own signature says so
    assert before["time"]["source"] == "claimed" and after["time"]["source"] == "received"
    assert after["reasons"] == ["enc.at-rest", *before["reasons"]]
    for told in (before, after):
        del told["encrypted"], told["time"], told["reasons"]
    assert after == before


def test_what_openssl_makes_in_the_same_form_is_the_same(desk, came):
    made = sealed_for(desk, BOB, signed_by(desk, BOB, MARKED + came), "-from", EVE, "-to", BOB)
    told = desk.inspect(made)
    assert told["encrypted"]["state"] == "at-rest" and told["from"] == EVE


@pytest.mark.parametrize("sealed", [True, False], ids=["sealed", "clear"])
def test_nobody_else_can_make_one(desk, came, sealed):
    """Eve wraps a letter so for Bob: it is hers, and a forwarded one."""
    forged = came.replace(EVE.encode(), ALICE.encode())
    signed = signed_by(desk, EVE, MARKED + forged, *([] if sealed else ["-from", ALICE]))
    made = sealed_for(desk, BOB, signed, "-from", ALICE, "-to", BOB) if sealed else signed
    told = desk.inspect(made, "--known", ALICE)
    assert told["encrypted"]["state"] == ("intact" if sealed else "none")
    assert told["verdict"] == "danger" and "addr.mismatch" in told["reasons"]
    assert told["signed"]["by"] == EVE


@pytest.mark.parametrize("words", [["--sign-only"], ["--cipher", "gcm"], ["--answers", "x"]])
def test_other_options_do_not_go_with_it(desk, came, words):
    done = store(desk, came, code=2, words=words)
    assert done.stdout == b"" and b"--at-rest wants" in done.stderr


@pytest.mark.parametrize("octets, why", [
    (b"", b"no letter"), (b"From: a@b.test\n\nbare\n", b"give it with CRLF"),
    (b"From: a@b.test\r\n\r\nN\0L\r\n", b"NUL or a bare CR"), (b"X: y\r\n\r\nz\r\n", b"no From")])
def test_what_cannot_come_back_as_it_was_is_not_stored(desk, octets, why):
    done = store(desk, octets, code=2)
    assert done.stdout == b"" and why in done.stderr
