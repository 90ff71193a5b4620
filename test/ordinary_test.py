"""Ordinary life is never `danger`: lists, vacations, bounces, calendars, forwards.

By the real programs where Debian has them: Mailman, Dovecot's Pigeonhole, Postfix.  The reader knows
everybody who takes part, which is when a verdict is at its strictest.
"""

import base64
import json
import re
import subprocess
import sys
import tempfile
import time
from email.utils import make_msgid
from pathlib import Path

import pytest

from filedesk import ALICE, BOB, EVE, Desk, openssl
from forge import Person, crlf, detached, head, letter, multipart, opaque, part, rfc822, seal_opaque, sign
from mailinglist import LIST
from people import letter as compose

MAILINGLIST = Path(__file__).with_name("mailinglist.py")
KNOWN = ["--me", BOB, "--known", ALICE, "--known", LIST, "--known", EVE]


@pytest.fixture(scope="module")
def desk(program, tmp_path_factory):
    desk = Desk(program, tmp_path_factory.mktemp("ordinary"))
    desk.alice = Person(desk.authority, rfc822(ALICE))
    return desk


# --- a mailing list -----------------------------------------------------------------------------------

def letters(desk):
    """What Alice sends to the list: name, letter, what becomes of it where the list leaves From alone."""
    entity = multipart([part(), part("<p>hello</p>", "text/html")], "alternative", "=_alt")
    protected = desk.seal(compose(ALICE, [LIST]).as_bytes(), "--sign-only", to=[])
    alice = f"Alice Adams <{ALICE}>"
    return {
        "unsigned": (head(alice, to=LIST) + part(), "unsigned"),
        "signed": (letter(desk.alice, alice), "caution"),
        "signed, two forms": (letter(desk.alice, alice, entity), "caution"),
        "header protected": (protected, "caution"),
        "opaque": (head(alice, to=LIST) + opaque(seal_opaque(desk.alice, part())), "unsigned"),
        "sealed": (desk.seal(compose(ALICE, [LIST]).as_bytes()), "unsigned"),
    }


@pytest.fixture(scope="module")
def delivered(desk, tmp_path_factory):
    """(letter, what the list does to From) -> what Bob gets, and the verdict that was expected."""
    wishes = [(name, how) for name in letters(desk) for how in ("none", "munge", "wrap")]
    made = letters(desk)
    asked = [{"letter": base64.b64encode(made[name][0]).decode(), "from": how} for name, how in wishes]
    done = subprocess.run([sys.executable, MAILINGLIST, tmp_path_factory.mktemp("mailman")], check=True,
                          input=json.dumps(asked).encode(), stdout=subprocess.PIPE)
    got = map(base64.b64decode, json.loads(done.stdout))
    return {wish: (octets, made[wish[0]][1]) for wish, octets in zip(wishes, got, strict=True)}


NAMES = ["unsigned", "signed", "signed, two forms", "header protected", "opaque", "sealed"]


@pytest.mark.parametrize("name", NAMES)
def test_a_lists_footer_is_no_danger_and_what_is_signed_is_named(desk, delivered, name):
    octets, want = delivered[name, "none"]
    assert b"[Talk]" in octets and b"List-Id: <talk.lists.test>" in octets
    told = desk.inspect(octets, *KNOWN)
    assert told["verdict"] == want, told
    if want == "caution":
        assert "sig.partial" in told["reasons"] and "part 1" in told["sentence"], told


@pytest.mark.parametrize("how", ["munge", "wrap"])
@pytest.mark.parametrize("name", NAMES)
def test_a_list_that_rewrites_from_is_no_danger(desk, delivered, name, how):
    octets, _ = delivered[name, how]
    assert b"From: Alice Adams via Talk <talk@lists.test>" in octets or name in ("header protected", "sealed")
    told = desk.inspect(octets, *KNOWN)
    assert told["verdict"] in ("caution", "unsigned"), told
    if told["verdict"] == "caution":
        assert told["signed"]["by"] == ALICE and "addr.mismatch" in told["reasons"]


def test_who_only_says_to_be_a_list_is_danger_all_the_same(desk):
    """Eve signs, From is Alice, and the list fields are there: but the list they name is another."""
    eve = Person(desk.authority, rfc822(EVE))
    more = f"List-Id: <talk.lists.test>\nList-Post: <mailto:{LIST}>\nReply-To: {EVE}\n"
    octets = head(ALICE, more=more) + detached(part(), sign(eve, part()))
    assert desk.inspect(octets, *KNOWN)["verdict"] == "danger"


# --- what answers by itself ------------------------------------------------------------------------------

@pytest.fixture
def open_directory():
    """For a program that is not the user who runs the tests."""
    with tempfile.TemporaryDirectory(prefix="sieve-") as name:
        Path(name).chmod(0o777)
        yield Path(name)


def test_a_vacation_answer_of_pigeonhole_is_unsigned_and_no_more(desk, open_directory):
    (open_directory / "vacation.sieve").write_text(
        'require "vacation";\nvacation :days 1 :addresses ["alice@alpha.test"] '
        ':subject "Away until Monday" "I am away; in urgent cases my colleague will pay your invoice.";\n')
    (open_directory / "dovecot.conf").write_text(f"mail_location = maildir:{open_directory}/mail\nssl = no\n"
                                           f"base_dir = {open_directory}/run\nstate_dir = {open_directory}/state\n"
                                           "mail_uid = nobody\nmail_gid = nogroup\nfirst_valid_uid = 0\n")
    (open_directory / "in.eml").write_bytes(compose(BOB, [ALICE]).as_bytes())
    done = subprocess.run(
        ["sieve-test", "-c", open_directory / "dovecot.conf", "-e", "-f", BOB, "-a", ALICE, "-r", ALICE, "-l",
         f"maildir:{open_directory}/mail", open_directory / "vacation.sieve", open_directory / "in.eml"],
        capture_output=True, text=True, check=True)
    answer = re.sub(r"(?m)^(START MESSAGE:|END MESSAGE|RECIPIENT: .*)\n", "", done.stdout)
    assert "Auto-Submitted: auto-replied (vacation)" in answer
    told = desk.inspect(answer.encode(), *KNOWN)
    assert (told["verdict"], told["reasons"][0]) == ("unsigned", "sig.none"), told


def test_a_delivery_report_of_postfix_is_unsigned_and_no_more(world, desk):
    """Of a letter that could not be delivered, with that letter in it; once plain, once sealed."""
    nobody = "nobody@beta.test"
    plain = compose(ALICE, [nobody])
    sealed = desk.seal(compose(ALICE, [nobody]).as_bytes())
    for octets in (plain.as_bytes(), sealed):
        ident = make_msgid(domain="alpha.test")
        world.send_plain(ALICE, nobody, re.sub(rb"Message-ID: .*", b"Message-ID: " + ident.encode(), octets))
        report = wait_for(world, "TEXT", ident)
        assert b"report-type=delivery-status" in report
        told = desk.inspect(report, *KNOWN)
        assert (told["verdict"], told["reasons"][0]) == ("unsigned", "sig.none"), told


def wait_for(world, *search):
    for _ in range(200):
        found = world.fetch_where(ALICE, *search)
        if found:
            return found[0]
        time.sleep(0.1)
    raise AssertionError(f"no letter with {search}")


# --- what people send each other --------------------------------------------------------------------------

REPLY = """BEGIN:VCALENDAR\r\nMETHOD:REPLY\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\nBEGIN:VEVENT\r
UID:1@beta.test\r\nDTSTAMP:20261102T100000Z\r\nORGANIZER:mailto:bob@beta.test\r
ATTENDEE;PARTSTAT=ACCEPTED;CN=Alice:mailto:alice@alpha.test\r\nEND:VEVENT\r\nEND:VCALENDAR"""


def forwarded(desk):
    return crlf("Content-Type: message/rfc822\nContent-Disposition: attachment\n\n") + head(ALICE) + detached(
        part(), sign(desk.alice, part()), "=_forwarded")


def forwarded_inline(desk):
    return part(f"See below.\n\n---- Forwarded ----\nFrom: {ALICE}\nTo: {BOB}\nSubject: hello\n\nGood morning.")


def calendar(desk):
    return multipart([part("Alice has accepted."), part(REPLY, "text/calendar; method=REPLY; charset=utf-8")],
                     "alternative")


PLAIN = {
    "calendar reply": (ALICE, calendar), "forwarded inline": (EVE, forwarded_inline),
    "forwarded as attachment": (EVE, lambda d: multipart([part("See the attachment."), forwarded(d)])),
    "forwarded as the whole": (EVE, forwarded),
    "automatic": (ALICE, lambda d: crlf("Auto-Submitted: auto-generated\nPrecedence: bulk\n") + part()),
    "read receipt": (ALICE, lambda d: multipart(
        [part("It was read."), part(f"Final-Recipient: rfc822; {ALICE}\nDisposition: manual-action/"
                                    "MDN-sent-manually; displayed", "message/disposition-notification")],
        "report; report-type=disposition-notification")),
    "through a calendar service": (
        f"Alice Adams <{ALICE}>\r\nSender: Calendar <calendar-notification@google.com>", calendar),
}


@pytest.mark.parametrize("name", PLAIN)
def test_an_unsigned_letter_of_everyday_is_unsigned_and_no_more(desk, name):
    sender, make = PLAIN[name]
    told = desk.inspect(head(sender) + make(desk), *KNOWN)
    assert (told["verdict"], told["reasons"][0]) == ("unsigned", "sig.none"), told


@pytest.mark.parametrize("make", [calendar, forwarded_inline, lambda d: multipart(
    [part("See the attachment."), forwarded(d)])], ids=["calendar", "inline", "attachment"])
def test_the_same_signed_by_who_sends_it_is_verified(desk, make):
    entity = make(desk).rstrip(b"\r\n")
    told = desk.inspect(letter(desk.alice, ALICE, entity), *KNOWN)
    assert told["verdict"] == "verified", told


def test_a_signed_letter_that_was_redirected_stays_verified(desk):
    """RFC 5322 section 3.6.6: who passes it on puts fields in front and changes nothing."""
    more = f"Received: from x by y\r\nResent-From: {EVE}\r\nResent-To: {BOB}\r\nX-Forwarded-To: {BOB}\r\n"
    told = desk.inspect(more.encode() + letter(desk.alice, ALICE), *KNOWN)
    assert told["verdict"] == "verified", told


def test_a_gateways_footer_beside_a_signed_letter_names_the_part(desk):
    """A company's disclaimer, put there by a mail gateway."""
    signed = detached(part(), sign(desk.alice, part()), "=_inner").rstrip(b"\r\n")
    told = desk.inspect(head(ALICE) + multipart([signed, part("This mail is confidential.")]), *KNOWN)
    assert told["verdict"] == "caution" and told["reasons"][0] == "sig.partial", told
    assert "part 1" in told["sentence"]


def test_a_virus_scanner_that_adds_fields_harms_nothing(desk):
    signed = openssl("cms", "-sign", "-signer", desk.certs[ALICE], "-inkey", desk.dir / f"{ALICE}.key", "-from", ALICE,
                     "-to", BOB, stdin=part())
    told = desk.inspect(b"X-Virus-Scanned: yes\r\nX-Spam-Score: 0\r\nARC-Seal: i=1\r\n" + crlf(signed), *KNOWN)
    assert told["verdict"] == "verified", told
