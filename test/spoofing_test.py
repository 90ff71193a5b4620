"""Published ways to fool readers of signed mail, and the honest letters that look like them.

Each attack has the verdict it must get and its main reason; none is `verified`.  Beside each family
stand honest letters of the same shapes, and all of those are.  (Classes of attacks: "Johnny, you
are fired", "Mailsploit", EFAIL, "mailto: me your secrets", RFC 9788's and RFC 8550's considerations;
the letters are made here.)
"""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

import spoofs_frames
import spoofs_senders  # noqa: F401  (their rows are in the tables of spoofs)
import spoofs_signatures  # noqa: F401
from filedesk import ALICE, BOB, Desk
from forge import head, multipart, part
from spoofs import ATTACKS, HONEST, Bench
from spoofs_frames import a_cbc_gadget_in_a_signed_letter, encrypt


@pytest.fixture(scope="module")
def bench(program, tmp_path_factory):
    return Bench(Desk(program, tmp_path_factory.mktemp("spoofing")))


@pytest.fixture(scope="module")
def judged(bench):
    """What the program says of each letter: several at a time, for most of it is waiting."""
    def judge(param):
        make, words = param.values[0], param.values[3] if len(param.values) > 3 else ()
        try:
            return make, words, bench.inspect(make(bench), *words)
        except Exception as error:  # it is the row's, not that of all
            return make, words, error
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        told = pool.map(judge, ATTACKS + HONEST)
        return {(make, words): each for make, words, each in told}


def look_up(judged, make, words=()):
    told = judged[make, words]
    if isinstance(told, Exception):
        raise told
    return told


@pytest.mark.parametrize("make, verdict, reason, words", ATTACKS)
def test_an_attack_is_not_verified(judged, make, verdict, reason, words):
    told = look_up(judged, make, words)
    assert (told["verdict"], told["reasons"][0]) == (verdict, reason), told


@pytest.mark.parametrize("make", HONEST)
def test_an_honest_letter_is_verified(judged, make):
    told = look_up(judged, make)
    assert told["verdict"] == "verified", told


def test_what_is_around_an_encrypted_part_never_gets_its_text(bench):
    """EFAIL: opened into this, the text would be a part of the address of the picture."""
    sealed = encrypt(bench, part("the secret canary")).rstrip(b"\r\n")
    for parts in ([part('<img src="http://eve.test/', "text/html"), sealed, part('">', "text/html")], [sealed]):
        octets = head(ALICE) + multipart(parts)
        for octets, state in ((octets, "none"), (head(ALICE) + encrypt(bench, multipart(parts)), "malleable")):
            assert bench.inspect(octets)["encrypted"]["state"] == state
            done = bench.desk.run("open", *bench.desk.as_id(BOB), "--unverified", stdin=octets)
            assert b"canary" not in done.stdout and b"pkcs7-mime" in done.stdout


def test_a_gadget_is_malleable_and_what_it_opens_to_is_not_given_out_as_signed(bench):
    octets = a_cbc_gadget_in_a_signed_letter(bench)
    assert bench.inspect(octets)["encrypted"]["state"] == "malleable"
    done = bench.desk.run("open", *bench.desk.as_id(BOB), stdin=octets)
    assert done.returncode == 1 and done.stdout == b""
