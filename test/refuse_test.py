"""Nothing leaves in the clear, and nothing leaves for anybody when one cannot be reached sealed."""

import smtplib
import time

import pytest

from people import CANARY, SUBJECT, found_in, letter, parse, wire

ALICE, BOB = "alice@alpha.test", "bob@beta.test"
NOBODY = "eve@beta.test"  # has a mailbox, and never a certificate


def converse(smtp, recipients, message):
    """MAIL, each RCPT, DATA: every answer, as a mail program that goes on whatever is said."""
    answers = [smtp.mail(ALICE)]
    answers += [smtp.rcpt(recipient) for recipient in recipients]
    if any(code == 250 for code, _ in answers[1:]):
        answers.append(smtp.data(wire(message)))
    return answers


def nothing_left(world, wire):
    assert found_in(wire.bytes, CANARY, SUBJECT) == []
    assert b"RCPT TO" not in wire.bytes.upper()
    for domain in ("alpha.test", "beta.test"):
        assert not world.queued(domain)


def test_no_certificate_is_550_at_rcpt_and_554_after_data_and_nothing_leaves(alice, bob, world):
    message = letter(ALICE, [BOB, NOBODY])
    before = len(world.fetch_all(BOB))
    with world.capture() as wire, alice.smtp() as smtp:
        mail, to_bob, to_nobody, data = converse(smtp, [BOB, NOBODY], message)
        assert mail[0] == 250 and to_bob[0] == 250
        assert to_nobody[0] == 550 and to_nobody[1].startswith(b"5.7.1")
        assert NOBODY.encode() in to_nobody[1]
        assert data[0] == 554 and NOBODY.encode() in data[1]
        time.sleep(1)
    nothing_left(world, wire)
    assert len(world.fetch_all(BOB)) == before


def test_after_a_refused_letter_the_next_one_goes(alice, bob, world):
    with alice.smtp() as smtp:
        assert converse(smtp, [BOB, NOBODY], letter(ALICE, [BOB]))[-1][0] == 554
        message = letter(ALICE, [BOB])
        assert converse(smtp, [BOB], message)[-1][0] == 250
    world.wait_for_letter(BOB, message["Message-ID"])


def test_the_only_recipient_without_certificate_gets_nothing(alice, world):
    with alice.smtp() as smtp, pytest.raises(smtplib.SMTPRecipientsRefused):
        smtp.send_message(letter(ALICE, [NOBODY]), ALICE, [NOBODY])
    assert world.fetch_all(NOBODY) == []


def test_directory_down_is_451_and_nothing_leaves(alice, bob, world):
    with world.stopped("authority"), world.capture() as wire, alice.smtp() as smtp:
        mail, rcpt = converse(smtp, [BOB], letter(ALICE, [BOB]))
        assert mail[0] == 250
        assert rcpt[0] == 451 and rcpt[1].startswith(b"4.4.3"), rcpt
    nothing_left(world, wire)


def test_tsa_down_the_letter_goes_without_a_proven_time(alice, bob, world):
    """The directory answered at RCPT; then the authority goes away before DATA."""
    message = letter(ALICE, [BOB])
    with alice.smtp() as smtp:
        assert smtp.mail(ALICE)[0] == 250
        assert smtp.rcpt(BOB)[0] == 250
        with world.stopped("authority"):
            code, text = smtp.data(wire(message))
    assert code == 250, text
    flags, shown = bob.wait_for(message["Message-ID"])
    assert b"$Letterlock-verified" in flags
    assert b"$Letterlock-reason-tst.none" in flags
    assert parse(shown)["Subject"] == SUBJECT


def test_upstream_away_is_250_and_the_letter_arrives_when_it_is_back(alice, bob, world):
    message = letter(ALICE, [BOB])
    with world.stopped("alpha-postfix"):
        assert alice.send(message, [BOB]) == {}
        spool = [path for path in (alice.home / "spool").iterdir() if path.is_file()]
        assert len(spool) == 1
        assert found_in(spool[0].read_bytes(), CANARY, SUBJECT) == []
        # wrapped: not even whom it is for
        assert b"bob" not in spool[0].read_bytes()
    flags, _ = bob.wait_for(message["Message-ID"], seconds=60)
    assert b"$Letterlock-verified" in flags
    until = time.monotonic() + 10
    while any(path.is_file() for path in (alice.home / "spool").iterdir()):
        assert time.monotonic() < until
        time.sleep(0.1)


def test_imap_without_the_provider_is_told(alice, world):
    with world.stopped("alpha-dovecot"):
        imap = alice.imap(login=False)
        with pytest.raises(imap.error) as refused:
            imap.login(alice.address, alice.credential)
        assert "UNAVAILABLE" in str(refused.value)
    assert alice.letters() is not None


@pytest.mark.parametrize("address", ["bob", "bob@", "@beta.test", "bob@beta.test\x00",
                                     "böb@beta.test"])
def test_what_is_no_address_is_refused(alice, address):
    with alice.smtp() as smtp:
        smtp.mail(ALICE)
        smtp.send(f"RCPT TO:<{address}>\r\n".encode())
        code, _ = smtp.getreply()
        assert 500 <= code < 560

