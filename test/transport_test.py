"""What servers on the way say, and what a letter asks for: evidence beside the verdict."""

import base64
import json
import socket
import subprocess
import threading

import dkim
import dns.message
import dns.rrset
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding, NoEncryption, PrivateFormat, PublicFormat)

RECEIVED = b"Received: from x by mx.beta.test; Mon, 5 Jan 2026 10:00:00 +0000\r\n"
RESULTS = (b"Authentication-Results: mx.beta.test; spf=pass smtp.mailfrom=alpha.test;\r\n"
           b" dmarc=pass (p=reject) header.from=alpha.test\r\n")
LETTER = (b"From: Alice <alice@alpha.test>\r\nTo: bob@beta.test\r\nSubject: hello\r\n"
          b"Date: Mon, 5 Jan 2026 10:00:00 +0000\r\n\r\nGood morning.\r\n")
ASKING = {
    "ask.money": "Please wire the funds to the account below today.",
    "ask.credentials": "您的邮箱即将停用，请点击以下链接验证您的账户。",
}


class Names:
    """A DNS server that knows some TXT records, and counts who asks."""

    def __init__(self, texts):
        self.texts, self.asked = texts, []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1@%d" % self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            octets, peer = self.socket.recvfrom(4096)
            question = dns.message.from_wire(octets)
            answer = dns.message.make_response(question)
            name = question.question[0].name
            self.asked.append(str(name).rstrip("."))
            text = self.texts.get(str(name).rstrip("."))
            if text is None:
                answer.set_rcode(3)
            else:
                pieces = [text[i:i + 200] for i in range(0, len(text), 200)]
                quoted = " ".join(f'"{piece}"' for piece in pieces)
                answer.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", quoted))
            self.socket.sendto(answer.to_wire(), peer)


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def names(key):
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    record = "v=DKIM1; k=rsa; p=" + base64.b64encode(public).decode()
    return Names({"s._domainkey.alpha.test": record, "s._domainkey.evil.test": record})


def signed(key, letter, domain=b"alpha.test"):
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return dkim.sign(letter, b"s", domain, pem, include_headers=[b"from", b"to", b"subject"]) + letter


def reasons(program, letter, *words):
    done = subprocess.run([program, "inspect", "--json", *map(str, words)], input=letter,
                          capture_output=True, timeout=60)
    assert done.stderr == b"", done.stderr
    told = json.loads(done.stdout)
    assert told["verdict"] == "unsigned", "evidence is no identity"
    return told["reasons"]


def dns_of(names):
    return "--dns", names.address, "--dns-anchors", "/dev/null"


# --- DKIM -------------------------------------------------------------------------


def test_dkim_is_checked_when_asked_for_and_only_then(program, key, names):
    letter = signed(key, LETTER)
    assert "dkim.pass" in reasons(program, letter, "--dkim", *dns_of(names))
    names.asked.clear()
    for words in [(), ("--offline", "--dkim")]:
        told = reasons(program, letter, *words, *dns_of(names))
        assert not [reason for reason in told if reason.startswith("dkim")]
    assert names.asked == []


def test_a_letter_that_was_changed_fails(program, key, names):
    letter = signed(key, LETTER).replace(b"Good morning", b"Good evening")
    assert "dkim.fail" in reasons(program, letter, "--dkim", *dns_of(names))


def test_what_a_server_saw_pass_may_be_changed_behind_it(program, key, names):
    """By a footer, say: the server was there before."""
    seen = b"Authentication-Results: mx.beta.test; dkim=pass header.d=alpha.test\r\n"
    letter = signed(key, LETTER).replace(b"Good morning", b"Good evening")
    told = reasons(program, seen + RECEIVED + letter, "--authserv", "mx.beta.test", "--dkim",
                   *dns_of(names))
    assert "dkim.pass" in told and "dkim.fail" not in told


def test_nobody_elses_key_is_asked_for(program, key, names):
    """Good, and of a domain that has nothing to do with the sender."""
    told = reasons(program, signed(key, LETTER, b"evil.test"), "--dkim", *dns_of(names))
    assert not [reason for reason in told if reason.startswith("dkim")]
    assert names.asked == []


def test_a_silent_dns_says_nothing_in_time(program, key):
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 0))
    words = ("--dkim", "--dns", "127.0.0.1@%d" % silent.getsockname()[1])
    told = reasons(program, signed(key, LETTER), *words, "--dns-anchors", "/dev/null")
    assert not [reason for reason in told if reason.startswith("dkim")]


# --- Authentication-Results ----------------------------------------------------------


def test_results_count_of_servers_that_were_named(program):
    letter = RESULTS + RECEIVED + LETTER
    told = reasons(program, letter, "--authserv", "mx.beta.test")
    assert "spf.pass" in told and "dmarc.pass" in told
    for words in [(), ("--authserv", "beta.test")]:
        assert not {"spf.pass", "dmarc.pass"} & set(reasons(program, letter, *words))


def test_results_that_the_sender_wrote_are_nothing(program):
    forged = RECEIVED + RESULTS + LETTER
    assert "dmarc.pass" not in reasons(program, forged, "--authserv", "mx.beta.test")
    by = "mx.beta.test by mx.beta.test"
    assert "dmarc.pass" in reasons(program, forged, "--authserv", by), "a milter's place"
    below = RECEIVED + RECEIVED.replace(b"mx.beta", b"out.alpha") + RESULTS + LETTER
    assert "dmarc.pass" not in reasons(program, below, "--authserv", by)


def test_settings_name_servers_and_ask_for_dkim(program, key, names, tmp_path):
    settings = tmp_path / "trust-settings"
    settings.write_text("authserv mx.beta.test\ndkim\n")
    told = reasons(program, RESULTS + RECEIVED + signed(key, LETTER), "--trust-settings", settings,
                   *dns_of(names))
    assert {"dkim.pass", "spf.pass", "dmarc.pass"} <= set(told)


@pytest.mark.parametrize("server", ["", "mx beta", "mx.beta.test by", "a@b"])
def test_a_server_that_is_none_is_refused(program, server):
    done = subprocess.run([program, "inspect", "--authserv", server], input=LETTER,
                          capture_output=True, timeout=60)
    assert done.returncode == 2 and done.stdout == b"" and b"--authserv" in done.stderr


# --- requests -------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ASKING)
def test_what_an_unproven_letter_asks_for_is_told(program, reason):
    head = LETTER.partition(b"\r\n\r\n")[0]
    typed = head + b"\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64"
    body = base64.encodebytes(f"<p>{ASKING[reason]}</p>".encode())
    assert reason in reasons(program, typed + b"\r\n\r\n" + body)
    assert not [each for each in reasons(program, LETTER) if each.startswith("ask.")]
