"""The submission front beyond the plain way: BDAT, STARTTLS, DSN, SMTPUTF8, order of answers."""

import base64
import imaplib
import smtplib
import socket
import threading

import pytest

from agentworld import listen_on
from people import leaves, letter, parse, same_text, wire

ALICE, BOB = "alice@alpha.test", "bob@beta.test"


def code(reply):
    return int(reply.split(b" ")[0].split(b"-")[0])


class Talk:
    """Bytes out, replies in, as they stand on the wire."""

    def __init__(self, sock):
        self.sock, self.got = sock, b""

    def send(self, octets):
        self.sock.sendall(octets)

    def reply(self):
        lines = b""
        while True:
            while b"\r\n" not in self.got:
                more = self.sock.recv(65536)
                if not more:
                    return lines
                self.got += more
            line, _, self.got = self.got.partition(b"\r\n")
            lines += line + b"\r\n"
            if line[3:4] != b"-":
                return lines

    def say(self, line):
        self.send(line + b"\r\n")
        return self.reply()

    def secure(self, context):
        self.sock = context.wrap_socket(self.sock, server_hostname="localhost")

    def log_in(self, agent):
        self.say(b"EHLO mailprogram.test")
        plain = base64.b64encode(f"\0{agent.address}\0{agent.credential}".encode())
        assert self.say(b"AUTH PLAIN " + plain).startswith(b"235 2.7.0")


@pytest.fixture
def talk(alice, bob):
    plain = socket.create_connection(("127.0.0.1", alice.smtp_port), timeout=60)
    talk = Talk(alice.tls.wrap_socket(plain, server_hostname="localhost"))
    assert talk.reply().startswith(b"220 ")
    talk.log_in(alice)
    yield talk
    talk.sock.close()
    assert alice.process.poll() is None


def envelope(talk, sender=b"", recipient=b""):
    assert talk.say(b"MAIL FROM:<alice@alpha.test>" + sender).startswith(b"250 2.1.0")
    assert talk.say(b"RCPT TO:<bob@beta.test>" + recipient).startswith(b"250 2.1.5")


def test_what_is_offered_is_what_is_there(talk):
    offered = talk.say(b"EHLO again").decode()
    words = {line[4:].split()[0] for line in offered.splitlines()}
    assert words >= {"PIPELINING", "SIZE", "8BITMIME", "CHUNKING", "DSN", "SMTPUTF8", "AUTH",
                     "ENHANCEDSTATUSCODES"}
    assert not words & {"BINARYMIME", "STARTTLS"}


def test_a_letter_in_chunks_arrives_whole(talk, bob):
    message = letter(ALICE, [BOB])
    octets = wire(message)
    envelope(talk, b" BODY=8BITMIME")
    for at in range(0, len(octets), 1000):
        piece = octets[at:at + 1000]
        talk.send(b"BDAT %d\r\n" % len(piece) + piece)
    talk.send(b"BDAT 0 LAST\r\n")
    for at in range(0, len(octets), 1000):
        assert talk.reply().startswith(b"250 2.0.0")
    assert talk.reply().startswith(b"250 2.0.0 sealed and handed on")
    _, shown = bob.wait_for(message["Message-ID"])
    assert [same_text(part[2]) for part in leaves(parse(shown))] == \
        [same_text(part[2]) for part in leaves(parse(octets))]


# What some server on the way has taken for the end of a letter: published as "SMTP smuggling".
ENDINGS = [b"\n.\n", b"\r\n.\n", b"\n.\r\n", b"\r.\r\n", b"\r\n.\r", b"\r.\r", b"\n.\r", b"\r\r\n.\r\r\n",
           b"\r\n\0.\r\n", b"\r\n.\0\r\n", b"\n\n.\r\n"]


@pytest.mark.parametrize("chunked", [False, True], ids=["DATA", "BDAT"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_no_end_of_data_but_the_one_ends_a_letter(talk, chunked, ending):
    envelope(talk)
    first = b"From: alice@alpha.test\r\nTo: bob@beta.test\r\n\r\nfirst" + ending
    octets = first + b"MAIL FROM:<alice@alpha.test>\r\nRCPT TO:<bob@beta.test>\r\nDATA\r\nx\r\n"
    if chunked:
        talk.send(b"BDAT %d LAST\r\n" % len(octets) + octets)
    else:
        assert talk.say(b"DATA").startswith(b"354")
        talk.send(octets + b".\r\n")
    assert talk.reply().startswith(b"554 5.6.0 ")
    assert talk.say(b"NOOP").startswith(b"250 ")


def test_a_dot_in_a_chunk_is_text(talk, bob):
    octets = (b"From: alice@alpha.test\r\nTo: bob@beta.test\r\nMessage-ID: <dots@alpha.test>\r\n"
              b"Subject: s\r\n\r\n..\r\n.\r\nMAIL FROM:<>\r\n")
    envelope(talk)
    talk.send(b"BDAT %d LAST\r\n" % len(octets) + octets)
    assert talk.reply().startswith(b"250 2.0.0")
    _, shown = bob.wait_for("<dots@alpha.test>")
    assert parse(shown).get_content().replace("\r\n", "\n") == "..\n.\nMAIL FROM:<>\n"


def test_ten_thousand_commands_at_once_are_answered_in_order(talk):
    commands = b"".join(b"NOOP\r\nVRFY x\r\n" for _ in range(5000))
    sender = threading.Thread(target=talk.send, args=(commands,))
    sender.start()
    codes = [talk.reply()[:3] for _ in range(10000)]
    sender.join()
    assert codes == [b"250", b"252"] * 5000


def test_a_group_of_commands_is_answered_in_order(talk):
    talk.send(b"MAIL FROM:<alice@alpha.test>\r\nRCPT TO:<eve@beta.test>\r\nRCPT TO:<bob@beta.test>\r\n"
              b"RCPT TO:<nobody@\r\nDATA\r\n")
    assert [talk.reply()[:9] for _ in range(5)] == \
        [b"250 2.1.0", b"550 5.7.1", b"250 2.1.5", b"501 5.1.3", b"354 End d"]
    talk.send(b".\r\nRSET\r\nNOOP\r\n")
    assert [talk.reply()[:9] for _ in range(3)] == [b"554 5.7.1", b"250 2.0.0", b"250 2.0.0"]


# --- who one is ------------------------------------------------------------------------------------------

IDENTITIES = {
    "Sender is another": (b"From: alice@alpha.test\r\nSender: bob@beta.test\r\n", 550),
    "Sender is oneself": (b"From: alice@alpha.test\r\nSender: Alice <alice@alpha.test>\r\n", 250),
    "two in Sender": (b"From: alice@alpha.test\r\nSender: alice@alpha.test, bob@beta.test\r\n", 550),
    "a group in From": (b"From: us: alice@alpha.test;\r\n", 550),
    "an empty group in From": (b"From: us:;\r\n", 550),
    "two in From": (b"From: alice@alpha.test, bob@beta.test\r\n", 550),
    "two From fields": (b"From: alice@alpha.test\r\nfrom: alice@alpha.test\r\n", 554),
    "From in a comment": (b"From: (alice@alpha.test) bob@beta.test\r\n", 550),
    "From with a route": (b"From: <@beta.test:alice@alpha.test>\r\n", None),
    "resent by another": (b"From: alice@alpha.test\r\nResent-From: bob@beta.test\r\n", 550),
    "resent for another": (b"From: alice@alpha.test\r\nResent-From: alice@alpha.test\r\n"
                           b"Resent-Sender: bob@beta.test\r\n", 550),
}


@pytest.mark.parametrize("name", IDENTITIES)
def test_a_letter_is_its_accounts_own(talk, name):
    head, want = IDENTITIES[name]
    envelope(talk)
    octets = head + b"To: bob@beta.test\r\nSubject: who\r\n\r\nwho\r\n"
    talk.send(b"BDAT %d LAST\r\n" % len(octets) + octets)
    reply = talk.reply()
    assert code(reply) == want if want else code(reply) in (250, 550, 554), reply


# --- what the sender wants to be told -------------------------------------------------------------------

def test_wishes_that_are_none_are_501(talk):
    for line in (b"MAIL FROM:<alice@alpha.test> RET=ALL", b"MAIL FROM:<alice@alpha.test> ENVID=a+0D+0Ab",
                 b"MAIL FROM:<alice@alpha.test> BODY=BINARYMIME"):
        assert talk.say(line).startswith(b"501 5.5.4")
    assert talk.say(b"MAIL FROM:<alice@alpha.test> FROB=1").startswith(b"555 5.5.4")


def test_addresses_beyond_ascii_are_refused_with_the_reason(talk):
    bad = "RCPT TO:<jörg@beta.test>".encode()
    assert talk.say(b"MAIL FROM:<alice@alpha.test>").startswith(b"250")
    assert talk.say(bad).startswith(b"553 5.6.7 An address beyond ASCII wants SMTPUTF8")
    assert talk.say(b"RSET").startswith(b"250")
    assert talk.say(b"MAIL FROM:<alice@alpha.test> SMTPUTF8").startswith(b"250")
    reply = talk.say(bad)
    assert reply.startswith(b"550 5.7.1") and b"certificate" in reply, reply
    assert talk.say("MAIL FROM:<älice@alpha.test> SMTPUTF8".encode()).startswith(b"503")
    assert talk.say(b"RSET").startswith(b"250")
    assert talk.say("MAIL FROM:<älice@alpha.test> SMTPUTF8".encode()).startswith(b"550 5.7.1")


# --- STARTTLS --------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def clear(alice):
    """Alice's agent with two sockets more: (agent, submission socket, IMAP socket)."""
    sockets = listen_on(), listen_on()
    alice.stop()
    alice.more = {"submission": sockets[0], "imap-starttls": sockets[1]}
    alice.start()
    yield alice, *sockets
    alice.stop()
    alice.more = {}
    alice.start()


@pytest.fixture(scope="module")
def alice(agents):
    return agents[ALICE]


@pytest.fixture(scope="module")
def bob(agents):
    return agents[BOB]


def open_clear(sock):
    return Talk(socket.create_connection(sock.getsockname(), timeout=60))


def test_starttls_and_then_a_letter(clear, bob):
    agent, submission, _ = clear
    message = letter(ALICE, [BOB])
    with smtplib.SMTP(*submission.getsockname(), timeout=60, local_hostname="mailprogram.test") as smtp:
        smtp.ehlo()
        assert smtp.has_extn("starttls") and not smtp.has_extn("auth")
        smtp.starttls(context=agent.tls)
        smtp.ehlo()
        assert smtp.has_extn("auth") and not smtp.has_extn("starttls")
        smtp.login(ALICE, agent.credential)
        smtp.send_message(message, ALICE, [BOB])
    bob.wait_for(message["Message-ID"])


def test_before_tls_no_password_is_taken(clear):
    agent, submission, imap = clear
    talk = open_clear(submission)
    assert talk.reply().startswith(b"220")
    assert b"AUTH" not in talk.say(b"EHLO x")
    for line in (b"AUTH PLAIN AGEAYg==", b"AUTH PLAIN", b"MAIL FROM:<alice@alpha.test>"):
        assert talk.say(line).startswith(b"530 5.7.0"), line
    plain = imaplib.IMAP4(*imap.getsockname())
    assert "LOGINDISABLED" in plain.capabilities and "AUTH=PLAIN" not in plain.capabilities
    with pytest.raises(imaplib.IMAP4.error, match="PRIVACYREQUIRED"):
        plain.login(ALICE, agent.credential)
    plain.shutdown()


def test_what_stands_behind_starttls_is_not_obeyed(clear):
    """CVE-2011-0411: commands put there by whoever sits between."""
    agent, submission, imap = clear
    talk = open_clear(submission)
    talk.reply()
    talk.send(b"STARTTLS\r\nEHLO injected\r\n")
    assert talk.reply().startswith(b"421 4.7.0") and talk.reply() == b""
    talk = open_clear(imap)
    talk.sock.recv(1000)
    talk.send(b"a STARTTLS\r\nb LOGOUT\r\n")
    assert talk.sock.recv(1000).startswith(b"a OK")
    talk.secure(agent.tls)
    talk.send(b"c CAPABILITY\r\n")
    got = b""
    while b"c OK" not in got:
        got += talk.sock.recv(1000)
    assert b"BYE" not in got and b"AUTH=PLAIN" in got and b"LOGINDISABLED" not in got


def test_imap_starttls_and_a_mailbox(clear):
    agent, _, imap = clear
    program = imaplib.IMAP4(*imap.getsockname())
    program.starttls(agent.tls)
    program.login(ALICE, agent.credential)
    assert program.select("INBOX")[0] == "OK"
    program.logout()
