"""Answers to challenges that are signed, and yet prove nothing; and those that come by LMTP.

The letters are made and signed here (python3-dkim with the village's keys), so that each has exactly
one thing wrong with it, and are given to the authority as a mail server would.
"""

import smtplib
import socket
import threading
import unicodedata
import urllib.parse
from email import message_from_bytes, policy

import dkim
import pytest
from cryptography import x509

from acmeclient import Client, make_csr, token_of, wait_for_challenge
from names import Names

CAROL = "carol@alpha.test"
MALLORY = "mallory@alpha.test"
JORG = "jörg@alpha.test"
SMTP_UTF8_MAILBOX = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.9")  # RFC 9598
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
        elsewhere = contest.to.replace("authority.test", "alpha.test")
        for to in ("postmaster@authority.test", "acme-challenge+00@authority.test", CAROL,
                   elsewhere):
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


# addresses beyond ASCII (RFC 6531, 6532, 9598)


class Smarthost:
    """A mail server that takes one letter for addresses beyond ASCII, which Dovecot's LMTP does not."""

    def __init__(self, offers=b"SMTPUTF8"):
        self.offers = offers
        self.server = socket.create_server(("127.0.0.1", 0))
        self.place = "127.0.0.1:%d" % self.server.getsockname()[1]
        self.commands, self.letter, self.done = [], b"", threading.Event()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while not self.done.is_set():
            peer, _ = self.server.accept()
            with peer, peer.makefile("rwb", buffering=0) as stream:
                self.talk(stream)

    def talk(self, stream):
        stream.write(b"220 smarthost.test\r\n")
        for line in stream:
            self.commands.append(line.rstrip())
            if line.startswith(b"EHLO"):
                stream.write(b"250-smarthost.test\r\n250-8BITMIME\r\n250 " + self.offers + b"\r\n")
            elif line.startswith(b"DATA"):
                stream.write(b"354 go on\r\n")
                while (text := stream.readline()) != b".\r\n":
                    self.letter += text
                stream.write(b"250 taken\r\n")
                self.done.set()
            else:
                stream.write(b"250 ok\r\n")


class Beyond(Contest):
    """The same for a mailbox whose local part is not ASCII."""

    def __init__(self, world):
        self.world = world
        host = Smarthost()
        before = world.set_authority(smarthost=host.place)
        self.client = Client(world)
        self.client.register()
        self.order, self.authorization, challenge = self.client.new_order(JORG)
        self.client.post(challenge["url"], {})
        assert host.done.wait(20)
        world.set_authority(**before)
        self.commands, self.mail = host.commands, host.letter
        self.to = challenge["from"]
        mail = message_from_bytes(host.letter, policy=policy.SMTPUTF8)
        self.digest = self.client.response_of(token_of(mail), challenge)
        self.subject = f"Re: {mail['Subject']}"

    def send(self, letter, by=smtplib.SMTP, options=("SMTPUTF8", "BODY=8BITMIME"), sender=JORG):
        authority = self.world.authority
        with by(authority["address"], authority["ports"]["smtp"], timeout=30) as server:
            return server.sendmail(sender, [self.to], letter, mail_options=options)


@pytest.fixture(scope="module")
def beyond(world, authority):
    return Beyond(world)


def test_a_challenge_goes_to_an_address_beyond_ascii(world, beyond):
    assert beyond.authorization["identifier"] == {"type": "email", "value": JORG}
    sender = next(c for c in beyond.commands if c.startswith(b"MAIL"))
    assert sender.endswith(b" SMTPUTF8") and b" BODY=8BITMIME" in sender
    assert f"RCPT TO:<{JORG}>".encode() in beyond.commands
    mail = message_from_bytes(beyond.mail, policy=policy.SMTPUTF8)
    assert f"\r\nTo: {JORG}\r\n".encode() in beyond.mail
    assert JORG in mail.get_content()
    assert dkim.verify(beyond.mail, dnsfunc=Names(world).txt_for_dkim)


def test_only_that_address_answers_it(beyond):
    decomposed = unicodedata.normalize("NFD", JORG)
    assert decomposed != JORG
    for sender in (decomposed, "jorg@alpha.test", "JÖRG@alpha.test", f"{JORG}, {CAROL}"):
        beyond.refused(beyond.sign(beyond.letter(sender=sender)), "From is not the mailbox")
    good = beyond.sign(beyond.letter(sender=JORG))
    with pytest.raises(smtplib.SMTPSenderRefused) as refusal:
        with smtplib.SMTP(*server_of(beyond), timeout=30) as server:
            server.command_encoding = "utf-8"
            server.sendmail(JORG, [beyond.to], good)
    assert refusal.value.smtp_code == 553
    beyond.send(good)
    assert beyond.state() == "ready"


def server_of(contest):
    authority = contest.world.authority
    return authority["address"], authority["ports"]["smtp"]


def other_name(address):
    text = address.encode()
    return x509.OtherName(SMTP_UTF8_MAILBOX, bytes((0x0c, len(text))) + text)


def test_its_certificate_has_a_smtp_utf8_mailbox(world, beyond):
    assert beyond.state() == "ready", "the answer was not taken"
    client = beyond.client
    wrong, _ = make_csr(JORG, names=[other_name("jorg@alpha.test")])
    assert client.finalize(beyond.order, wrong).problem == "badCSR"
    csr, _ = make_csr(JORG, names=[other_name(JORG)])
    reply = client.finalize(beyond.order, csr)
    assert reply.status == 200, reply.body
    leaf = x509.load_pem_x509_certificate(client.certificates(reply.json))
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert list(names.value) == [other_name(JORG)]
    assert leaf.subject.rfc4514_string() == f"CN={JORG}"  # an emailAddress could not say it
    assert len(look_up(client, JORG).json["signing"]) == 1
    assert look_up(client, "jorg@alpha.test").status == 404
    client.leave()


def look_up(client, address):
    return client.https.send("GET", "/directory/v1?address=" + urllib.parse.quote(address))


def test_a_server_that_does_not_take_such_addresses_is_told_of_by_the_challenge(world, authority):
    host = Smarthost(b"DSN")
    before = world.set_authority(smarthost=host.place)
    try:
        client = Client(world)
        client.register()
        order, _, _ = client.new_order("käthe@alpha.test")
        authorization = client.wait_for(order["authorizations"][0], ("invalid",))
    finally:
        world.set_authority(**before)
    assert "beyond ASCII" in authorization["challenges"][0]["error"]["detail"]


def test_a_domain_beyond_ascii_is_written_as_the_dns_has_it(client):
    order, _, _ = client.new_order("alice@Bücher.alpha.test")
    assert order["identifiers"][0]["value"] == "alice@xn--bcher-kva.alpha.test"
