"""Answers to challenges that are signed, and yet prove nothing; and those that come by LMTP.

The letters are made and signed here (python3-dkim with the village's keys), so that each has exactly
one thing wrong with it, and are given to the authority as a mail server would.
"""

import smtplib

import dkim
import pytest

from acmeclient import Client, token_of, wait_for_challenge

CAROL = "carol@alpha.test"
MALLORY = "mallory@alpha.test"
LMTP_PORT = 2424
# RFC 8823 section 3.2
FIELDS = ("From", "Sender", "Reply-To", "To", "Cc", "Subject", "Date", "In-Reply-To", "References",
          "Message-ID", "Content-Type", "Content-Transfer-Encoding")


@pytest.fixture(scope="module")
def authority(world, authority):
    world.set_authority(lmtp_listen=f"{world.authority['address']}:{LMTP_PORT}")
    return world.authority


@pytest.fixture
def contest(world, authority):
    """A challenge for Carol that is taken up, and what her letter would say."""
    contest = Contest(world)
    yield contest
    contest.client.post(contest.order["authorizations"][0], {"status": "deactivated"})


class Contest:
    def __init__(self, world):
        self.world = world
        self.client = Client(world)
        self.client.register()
        self.order, _, challenge = self.client.new_order(CAROL)
        self.client.post(challenge["url"], {})
        self.to = challenge["from"]
        mail = wait_for_challenge(world, CAROL, challenge)
        self.digest = self.client.response_of(token_of(mail), challenge)
        self.subject = f"Re: {mail['Subject']}"

    def state(self):
        return self.client.post(self.order["url"]).json["status"]

    def letter(self, *more, sender=CAROL, digest=None):
        lines = [f"From: {sender}", f"To: {self.to}", f"Subject: {self.subject}",
                 "Date: Sun, 22 Nov 2026 10:00:00 +0000", "Message-ID: <x@alpha.test>",
                 "Content-Type: text/plain", *more, "", "-----BEGIN ACME RESPONSE-----",
                 digest or self.digest, "-----END ACME RESPONSE-----", ""]
        return "\r\n".join(lines).encode()

    def sign(self, letter, domain="alpha.test", fields=FIELDS, **more):
        key = (self.world.dir / "dkim" / f"{domain}.key").read_bytes()
        selector = b"letterlock" if domain == "authority.test" else b"village"
        return dkim.sign(letter, selector, domain.encode(), key, canonicalize=(b"relaxed", b"simple"),
                         include_headers=[name.encode() for name in fields], **more) + letter

    def send(self, letter, by=smtplib.SMTP):
        authority = self.world.authority
        port = LMTP_PORT if by is smtplib.LMTP else authority["ports"]["smtp"]
        with by(authority["address"], port, timeout=30) as server:
            return server.sendmail(CAROL, [self.to], letter)

    def refused(self, letter, says, by=smtplib.SMTP):
        with pytest.raises(smtplib.SMTPDataError) as refusal:
            self.send(letter, by)
        assert refusal.value.smtp_code == 550, refusal.value
        assert says in refusal.value.smtp_error.decode(), refusal.value
        assert self.state() == "pending"


@pytest.mark.parametrize("by", [smtplib.SMTP, smtplib.LMTP])
def test_a_signed_answer_is_taken_by_smtp_and_by_lmtp(contest, by):
    contest.send(contest.sign(contest.letter()), by)
    assert contest.state() == "ready"


def test_lmtp_takes_answers_only(world, contest):
    address = (world.authority["address"], LMTP_PORT)
    with smtplib.LMTP(*address, timeout=30) as server:
        for to in ("postmaster@authority.test", "acme-challenge+00@authority.test", CAROL):
            with pytest.raises(smtplib.SMTPRecipientsRefused):
                server.sendmail(CAROL, [to], b"Subject: x\r\n\r\nx\r\n")
    with smtplib.SMTP(*address, timeout=30) as server:
        assert server.ehlo()[0] == 500 and server.helo()[0] == 500
    contest.refused(contest.letter(), "DKIM", smtplib.LMTP)


@pytest.mark.parametrize("make, says", [
    (lambda c: c.sign(c.letter(), length=True) + b"more\r\n", "l="),
    (lambda c: c.sign(c.letter(), length=True), "l="),
    (lambda c: c.sign(c.letter("List-Id: <x.alpha.test>")), "mailing list"),
    (lambda c: c.sign(c.letter("list-unsubscribe: <mailto:x@alpha.test>")), "mailing list"),
    (lambda c: c.sign(c.letter(f"From: {MALLORY}"), fields=(*FIELDS, "From")), "one From"),
    (lambda c: f"From: {MALLORY}\r\n".encode() + c.sign(c.letter()), "one From"),
    (lambda c: c.sign(c.letter(f"To: {MALLORY}"), fields=(*FIELDS, "To")), "one To"),
    (lambda c: c.sign(c.letter("Subject: x"), fields=(*FIELDS, "Subject")), "one Subject"),
    (lambda c: c.sign(c.letter(sender=MALLORY)), "From is not the mailbox"),
    (lambda c: c.sign(c.letter(sender="Carol@alpha.test")), "From is not the mailbox"),
    (lambda c: c.sign(c.letter(sender=f"{CAROL}, {MALLORY}")), "From is not the mailbox"),
    (lambda c: c.sign(c.letter(), domain="beta.test"), "no DKIM signature of alpha.test"),
    (lambda c: c.sign(c.letter(), domain="authority.test"), "no DKIM signature of alpha.test"),
    (lambda c: c.sign(c.letter(), fields=FIELDS[:-1]), "does not cover Content-Transfer"),
    (lambda c: c.sign(c.letter()).replace(b"text/plain", b"text/html "), ""),
    (lambda c: c.sign(c.letter()).replace(b"END ACME", b"END  ACME"), "DKIM"),
    (lambda c: c.sign(c.letter(digest="A" * 43)).replace(b"A" * 43, c.digest.encode()), "DKIM"),
], ids=["l= and more behind it", "l=", "List-Id", "List-Unsubscribe", "From twice, both signed",
        "From twice", "To twice", "Subject twice", "a neighbour", "another spelling", "two addresses",
        "another domain", "the authority itself", "a field left open", "another type",
        "changed text", "changed digest"])
def test_signed_letters_that_prove_nothing(contest, make, says):
    contest.refused(make(contest), says)


def test_a_wrong_digest_decides_only_when_it_is_signed(contest):
    contest.refused(contest.letter(digest="A" * 43), "DKIM")
    with pytest.raises(smtplib.SMTPDataError) as refusal:
        contest.send(contest.sign(contest.letter(digest="A" * 43)))
    assert refusal.value.smtp_code == 550
    assert contest.state() == "invalid"


def test_an_answer_is_good_once_and_for_its_own_challenge(world, contest):
    other = Contest(world)
    letter = contest.sign(contest.letter())
    with pytest.raises(smtplib.SMTPDataError):
        other.send(letter)
    assert other.state() == "pending"
    contest.send(letter)
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        contest.send(letter)
    assert contest.state() == "ready"
    # what was answered rightly cannot be spoilt afterwards
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        contest.send(contest.sign(contest.letter(digest="A" * 43)))
    assert contest.state() == "ready"
    other.client.post(other.order["authorizations"][0], {"status": "deactivated"})


def test_with_interop_what_is_there_must_be_signed(world, authority, contest):
    """As most providers sign: what is in the letter, and nothing that is not."""
    there = ("From", "To", "Subject", "Date", "Message-ID", "Content-Type")
    contest.refused(contest.sign(contest.letter(), fields=there), "does not cover")
    world.set_authority(answers="interop")
    contest.refused(contest.sign(contest.letter(), fields=there[:-1]), "does not cover Content-Type")
    contest.refused(contest.sign(contest.letter(), fields=there, length=True), "l=")
    contest.refused(contest.sign(contest.letter("Cc: x@alpha.test"), fields=there), "cover Cc")
    contest.send(contest.sign(contest.letter(), fields=there))
    assert contest.state() == "ready"
