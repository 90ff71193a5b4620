"""What a broken or hostile mail program sends: a clear answer, nothing lost, the agent stays up."""

import imaplib
import smtplib
import socket

import pytest

from people import letter

ALICE, BOB = "alice@alpha.test", "bob@beta.test"
LIMIT = 50 << 20
HEAD = b"From: alice@alpha.test\r\nTo: bob@beta.test\r\nSubject: s\r\nMessage-ID: <%s@alpha.test>\r\n"


@pytest.fixture
def smtp(alice):
    with alice.smtp() as session:
        yield session
    assert alice.process.poll() is None


def begin(smtp):
    assert smtp.mail(ALICE)[0] == 250
    assert smtp.rcpt(BOB)[0] == 250
    assert smtp.docmd("DATA")[0] == 354


def works(alice, bob):
    message = letter(ALICE, [BOB])
    alice.send(message, [BOB])
    bob.wait_for(message["Message-ID"])


def test_a_letter_over_the_limit_is_552_when_its_size_is_told(smtp):
    code, text = smtp.mail(ALICE, [f"SIZE={LIMIT + 1}"])
    assert code == 552 and text.startswith(b"5.3.4")
    assert smtp.mail(ALICE, [f"SIZE={LIMIT}"])[0] == 250


def test_a_letter_over_the_limit_is_552_after_its_data(smtp, bob):
    begin(smtp)
    smtp.send(HEAD % b"big" + b"\r\n" + b"x" * 98 + b"\r\n")
    for _ in range(LIMIT // 1_000_000 + 1):
        smtp.send((b"x" * 998 + b"\r\n") * 1000)
    smtp.send(b".\r\n")
    code, text = smtp.getreply()
    assert code == 552 and text.startswith(b"5.3.4")
    assert smtp.noop()[0] == 250


@pytest.mark.parametrize("ending", [b"\n.\n", b"\r\n.\n", b"\n.\r\n", b"\r.\r\n", b"\r\n.\r"])
def test_a_bare_line_end_is_refused_and_smuggles_nothing(alice, bob, world, smtp, ending):
    """What a lax server behind us would take for the end of the letter, and a second one behind it."""
    begin(smtp)
    second = (b"MAIL FROM:<alice@alpha.test>\r\nRCPT TO:<bob@beta.test>\r\nDATA\r\n"
              + HEAD % b"smuggled" + b"\r\nsecond\r\n")
    smtp.send(HEAD % b"first" + b"\r\nfirst" + ending + second + b".\r\n")
    code, text = smtp.getreply()
    assert code == 554 and text.startswith(b"5.6.0"), text
    assert smtp.noop()[0] == 250
    for ident in ("<first@alpha.test>", "<smuggled@alpha.test>"):
        assert not world.fetch_where(BOB, "HEADER", "Message-ID", ident)


@pytest.mark.parametrize("octets, code", [
    (b"To: bob@beta.test\r\n\r\nno sender\r\n", 550),
    (b"From: alice@alpha.test, bob@beta.test\r\n\r\ntwo senders\r\n", 550),
    (b"From: alice@alpha.test\r\nFrom: bob@beta.test\r\n\r\ntwo fields\r\n", 554),
    (b"From: alice@alpha.test\r\nSubject: a\r\nSubject: b\r\n\r\ntwo subjects\r\n", 554),
    (b"From: alice@alpha.test <bob@beta.test>\r\n\r\nbroken\r\n", 550),
    (b"From: alice@alpha.test\r\nSubject: b\xe4r\r\n\r\n8-bit header\r\n", 554),
    (b"From: alice@alpha.test\r\nTo: <<<>>>\r\n\r\nbroken list\r\n", 554),
    (b"From: alice@alpha.test\r\nSubject: a\x00b\r\n\r\nNUL\r\n", 554),
    (b"From: alice@alpha.test\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
     + b"--x\r\n\r\n" * 1100, 552),
    (b"From: alice@alpha.test\r\n" + b"X-A: b\r\n" * 3000 + b"\r\n", 552),
], ids=range(10))
def test_a_broken_letter_is_refused_with_its_reason(smtp, octets, code):
    begin(smtp)
    smtp.send(octets.rstrip(b"\r\n") + b"\r\n.\r\n" if b"\r\n\r\n" in octets.rstrip(b"\r\n")
              else octets + b".\r\n")
    got, text = smtp.getreply()
    assert got == code, text
    assert b"\n" not in text


def test_commands_out_of_order_are_503_and_unknown_ones_500(smtp):
    assert smtp.docmd("DATA")[0] == 503
    assert smtp.docmd("RCPT TO:<bob@beta.test>")[0] == 503
    assert smtp.docmd("FROBNICATE")[0] == 500
    assert smtp.docmd("AUTH PLAIN AAAA")[0] == 503


def test_too_many_bad_commands_end_the_connection(alice):
    with alice.smtp() as smtp:
        codes = []
        try:
            for _ in range(50):
                codes.append(smtp.docmd("FROBNICATE")[0])
        except (OSError, smtplib.SMTPException):
            pass
        assert 421 in codes or len(codes) < 50




def test_a_command_line_of_200_kB_is_refused(alice):
    with alice.smtp() as smtp:
        smtp.send(b"X" * 200_000 + b"\r\n")
        try:
            code, _ = smtp.getreply()
            assert code in (500, 421)
        except (OSError, smtplib.SMTPException):
            pass
    assert alice.process.poll() is None


def raw_imap(alice):
    plain = socket.create_connection(("127.0.0.1", alice.imap_port), timeout=30)
    return alice.tls.wrap_socket(plain, server_hostname="127.0.0.1")


def read_until(secure, *words):
    got = b""
    while not any(word in got for word in words):
        chunk = secure.recv(65536)
        if not chunk:
            break
        got += chunk
    return got


def test_a_literal_that_is_too_large_is_refused_before_it_is_sent(alice):
    with raw_imap(alice) as secure:
        read_until(secure, b"* OK")
        secure.sendall(f"a1 LOGIN {ALICE} {alice.credential}\r\n".encode())
        assert b"a1 OK" in read_until(secure, b"a1 ")
        secure.sendall(b"a2 APPEND INBOX {4000000000}\r\n")
        answer = read_until(secure, b"a2 ")
        assert b"a2 NO [TOOBIG]" in answer or b"a2 BAD" in answer
        assert b"+ " not in answer
        secure.sendall(b"a3 NOOP\r\n")
        assert b"a3 OK" in read_until(secure, b"a3 ")


def test_before_login_a_large_literal_is_refused_too(alice):
    with raw_imap(alice) as secure:
        read_until(secure, b"* OK")
        secure.sendall(b"a1 LOGIN {1000000000+}\r\n")
        answer = read_until(secure, b"a1 ", b"BYE")
        assert b"OK" not in answer


@pytest.mark.parametrize("line", [
    b"\r\n", b"a1\r\n", b"a1 \r\n", b"a1 FROBNICATE\r\n", b"a1 FETCH\r\n", b"a1 FETCH 1\r\n",
    b"a1 FETCH 1 (BODY[\r\n", b"a1 FETCH 1 (BODY[1.2.3.4.5.6.7.8.9.1.2.3.4.5]<0.0>)\r\n",
    b"a1 FETCH 99999999999999999999 FLAGS\r\n", b"a1 FETCH 0 FLAGS\r\n",
    b"a1 FETCH 1 ((((((((FLAGS\r\n", b"a1 UID\r\n", b"a1 STORE 1 +FLAGS ($Letterlock-verified)\r\n",
    b"a1 SEARCH TEXT\r\n", b"a1 SELECT \"a\\\x00b\"\r\n", b"a1 LIST \"\" \"*\r\n",
    b"\xff\xfe\xfd\r\n", b"a1 APPEND INBOX (\\Seen {5+}\r\nhello\r\n", b"* FETCH 1 FLAGS\r\n",
    b"a1 LOGIN x\r\n", b"a1 IDLE x\r\n",
], ids=range(21))
def test_a_broken_command_is_bad_or_no_and_the_session_lives(alice, line):
    with raw_imap(alice) as secure:
        read_until(secure, b"* OK")
        secure.sendall(f"l LOGIN {ALICE} {alice.credential}\r\ns SELECT INBOX\r\n".encode())
        assert b"s OK" in read_until(secure, b"s OK", b"s NO", b"s BAD")
        secure.sendall(line)
        secure.sendall(b"z9 NOOP\r\n")
        answer = read_until(secure, b"z9 ", b"BYE")
        assert b"a1 OK" not in answer
        assert b"z9 OK" in answer or b"BAD" in answer
    assert alice.process.poll() is None


def test_five_wrong_logins_end_the_connection(alice):
    imap = alice.imap(login=False)
    for _ in range(10):
        try:
            imap.login(ALICE, "guess")
        except imaplib.IMAP4.abort:
            break
        except imaplib.IMAP4.error:
            continue
    else:
        raise AssertionError("one may guess on and on")


def test_after_all_this_letters_still_go(alice, bob):
    works(alice, bob)
