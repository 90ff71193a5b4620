"""Many who want nothing good, and one who wants to read and write mail."""

import contextlib
import smtplib
import socket
import threading
import time

import pytest

ALICE = "alice@alpha.test"
LIMIT = 64


def resident(agent):
    with open(f"/proc/{agent.process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def threads(agent):
    with open(f"/proc/{agent.process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("Threads"))


def served(agent, seconds=10):
    """Both fronts serve somebody who logs in, soon."""
    begun = time.monotonic()
    with agent.smtp() as smtp:
        assert smtp.noop()[0] == 250
    imap = agent.imap()
    assert imap.select("INBOX", readonly=True)[0] == "OK"
    imap.logout()
    assert time.monotonic() - begun < seconds


def secured(agent, port):
    plain = socket.create_connection(("127.0.0.1", port), timeout=60)
    return agent.tls.wrap_socket(plain, server_hostname="localhost")


def ports(agent):
    return agent.smtp_port, agent.imap_port


@pytest.mark.parametrize("count", [1000])
def test_who_only_holds_connections_keeps_nobody_out(alice, count):
    """They say nothing, on both ports; those that are logged in stay."""
    before = resident(alice)
    with alice.smtp() as early, contextlib.ExitStack() as held:
        imap = alice.imap()
        for n in range(count):
            sock = held.enter_context(socket.socket())
            sock.settimeout(60)
            sock.connect(("127.0.0.1", ports(alice)[n % 2]))
        served(alice)
        assert early.noop()[0] == 250
        assert imap.noop()[0] == "OK"
        assert threads(alice) < 4 * LIMIT + 50
        assert alice.sanitized or resident(alice) < before + 60_000
        imap.logout()
    served(alice)


def test_who_begins_tls_and_says_no_more_keeps_nobody_out(alice):
    with contextlib.ExitStack() as held:
        for n in range(2 * LIMIT + 20):
            held.enter_context(secured(alice, ports(alice)[n % 2]))
        served(alice)


def test_who_never_reads_costs_little_and_holds_up_nobody(alice):
    """All the letters there are, asked for again and again, and not one byte of them read."""
    before = resident(alice)
    with secured(alice, alice.imap_port) as imap, secured(alice, alice.smtp_port) as smtp:
        imap.sendall(f"a LOGIN {ALICE} {alice.credential}\r\nb SELECT INBOX\r\n".encode())
        for sock, octets in ((imap, b"c CAPABILITY\r\n" * 1000), (smtp, b"EHLO x\r\n" * 2000)):
            sock.settimeout(1)
            with contextlib.suppress(OSError):
                for _ in range(200):
                    sock.sendall(octets)
        served(alice)
        assert alice.sanitized or resident(alice) < before + 40_000


def test_five_wrong_credentials_end_an_smtp_connection(alice):
    with alice.smtp(login=False) as smtp:
        smtp.ehlo()
        codes = [smtp.docmd("AUTH", "PLAIN AGFsaWNlQGFscGhhLnRlc3QAZ3Vlc3M=")[0] for _ in range(5)]
        assert codes == [535, 535, 535, 535, 421]
        with pytest.raises((smtplib.SMTPServerDisconnected, OSError)):
            smtp.noop()


@pytest.mark.parametrize("words, code", [
    (["PLAIN", "*"], 501), (["PLAIN", "!!!!"], 501), (["PLAIN", "AGE="], 501), (["LOGIN", "*"], 501),
    (["GSSAPI"], 504), (["PLAIN ="], 501), (["PLAIN " + "A" * 13000], 500),
], ids=range(7))
def test_a_login_that_is_broken_is_refused_and_another_works(alice, words, code):
    with alice.smtp(login=False) as smtp:
        smtp.ehlo()
        got = [smtp.docmd("AUTH" if n == 0 else word, word if n == 0 else "") for n, word in enumerate(words)]
        assert got[-1][0] == code, got
        smtp.login(ALICE, alice.credential)


def test_ten_thousand_commands_from_a_stranger_are_ended(alice):
    with secured(alice, alice.smtp_port) as sock:
        sock.settimeout(30)
        sender = threading.Thread(target=flood, args=(sock,), daemon=True)
        sender.start()
        got = b""
        with contextlib.suppress(OSError):
            while more := sock.recv(65536):
                got += more
        assert b"421 4.7.0" in got and got.count(b"\r\n") < 50
    served(alice)


def flood(sock):
    with contextlib.suppress(OSError):
        sock.sendall(b"FROB\r\n" * 10000)


def test_silence_and_half_open_connections_hold_up_no_stop(alice):
    """They are not waited for when the agent is told to stop."""
    with contextlib.ExitStack() as held:
        for port in ports(alice) * 5:
            held.enter_context(socket.create_connection(("127.0.0.1", port)))
            held.enter_context(secured(alice, port))
        begun = time.monotonic()
        alice.stop()
        assert time.monotonic() - begun < 10
    alice.start()
    served(alice)
