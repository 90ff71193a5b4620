"""From an address and a password to two certificates, with nobody touching anything."""

import base64
import imaplib
import smtplib
import subprocess
import time
import urllib.parse
from email.utils import make_msgid

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

import acmeclient
from agentworld import Agent


SMIME_CAPABILITIES = "1.2.840.113549.1.9.15"


def certificates(world, address):
    """What the directory shows of an address: {"signing": [...], "encrypting": [...]}."""
    target = "/directory/v1?address=" + urllib.parse.quote(address, safe="")
    reply = acmeclient.Https(world).send("GET", target)
    assert reply.status == 200, reply.body
    answer = reply.json
    return {kind: [x509.load_der_x509_certificate(base64.b64decode(text))
                   for text in answer[kind]] for kind in ("signing", "encrypting")}


def openssl(*words, **more):
    return subprocess.run(["openssl", *map(str, words)], capture_output=True, **more)


def pem(path, *certs):
    path.write_bytes(b"".join(cert.public_bytes(Encoding.PEM) for cert in certs))
    return path


def test_both_certificates_are_got_and_the_time_it_took_is_told(agents, world):
    began = time.monotonic()
    agents["alice@alpha.test"]
    print(f"setup and start took {time.monotonic() - began:.1f} s")
    shown = certificates(world, "alice@alpha.test")
    assert len(shown["signing"]) == 1 and len(shown["encrypting"]) == 1
    for cert in shown["signing"] + shown["encrypting"]:
        assert isinstance(cert.public_key(), ec.EllipticCurvePublicKey)
        assert cert.public_key().curve.name == "secp256r1"
        names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.RFC822Name) == ["alice@alpha.test"]
    signing, encrypting = shown["signing"][0], shown["encrypting"][0]
    usage = signing.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature and not usage.key_agreement
    usage = encrypting.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.key_agreement and not usage.digital_signature
    # who writes to her first knows what she reads (RFC 4262)
    oids = [extension.oid.dotted_string for extension in encrypting.extensions]
    assert SMIME_CAPABILITIES in oids
    assert SMIME_CAPABILITIES not in [e.oid.dotted_string for e in signing.extensions]
    assert signing.public_key().public_numbers() != encrypting.public_key().public_numbers()


def test_openssl_accepts_the_signing_certificate_for_mail(alice, world, tmp_path):
    cert = certificates(world, alice.address)["signing"][0]
    issuing = world.authority["dir"] + "/issuing.pem"
    done = openssl("verify", "-purpose", "smimesign", "-CAfile", world.authority["root"],
                   "-untrusted", issuing, pem(tmp_path / "cert.pem", cert))
    assert done.returncode == 0, done.stderr


def test_openssl_encrypts_to_and_decrypts_with_the_encrypting_one(alice, world, tmp_path):
    cert = pem(tmp_path / "cert.pem", certificates(world, alice.address)["encrypting"][0])
    passphrase = alice.export(tmp_path / "alice.p12")
    text = b"Content-Type: text/plain\r\n\r\nhello\r\n"
    sealed = openssl("cms", "-encrypt", "-aes256", "-binary", "-outform", "DER", cert, input=text)
    assert sealed.returncode == 0, sealed.stderr
    keys = openssl("pkcs12", "-in", tmp_path / "alice.p12", "-passin", f"pass:{passphrase}",
                   "-nodes")
    assert keys.returncode == 0, keys.stderr
    (tmp_path / "keys.pem").write_bytes(keys.stdout)
    opened = openssl("cms", "-decrypt", "-inform", "DER", "-inkey", tmp_path / "keys.pem",
                     "-recip", cert, input=sealed.stdout)
    assert opened.stdout == text, opened.stderr


def test_the_signing_key_is_not_in_the_recovery_copy(alice, world, tmp_path):
    passphrase = alice.export(tmp_path / "alice.p12")
    key, cert, more = pkcs12.load_key_and_certificates((tmp_path / "alice.p12").read_bytes(),
                                                       passphrase.encode())
    shown = certificates(world, alice.address)
    numbers = shown["encrypting"][0].public_key().public_numbers()
    assert key.public_key().public_numbers() == numbers
    dump = openssl("pkcs12", "-in", tmp_path / "alice.p12", "-passin", f"pass:{passphrase}",
                   "-nodes", "-nocerts").stdout
    assert dump.count(b"BEGIN PRIVATE KEY") == 1


def test_the_challenge_is_gone_from_the_inbox(alice, world):
    assert not [raw for raw in world.fetch_all(alice.address) if b"Subject: ACME:" in raw]


def test_running_setup_again_changes_nothing(agents, world, program, tmp_path_factory):
    directory = tmp_path_factory.mktemp("again")
    carol = Agent(world, program, "carol@alpha.test", directory)
    try:
        carol.setup()
        before = certificates(world, carol.address)
        carol.setup()
        assert certificates(world, carol.address) == before
    finally:
        carol.close()


def test_a_lost_credential_is_replaced_and_the_certificates_stay(agents, world, program,
                                                                 tmp_path_factory):
    eve = Agent(world, program, "eve@beta.test", tmp_path_factory.mktemp("lost"))
    try:
        eve.setup()
        lost, front = eve.credential, (eve.home / "localhost.pem").read_bytes()
        before = certificates(world, eve.address)
        eve.start()
        done = replace_credential(eve)
        assert done.returncode == 2 and b"stop it first" in done.stderr, done.stderr
        eve.stop()
        done = replace_credential(eve)
        assert done.returncode == 0, done.stderr
        assert eve.credential != lost and eve.credential.encode() not in done.stdout
        assert (eve.home / "localhost.pem").read_bytes() == front
        assert certificates(world, eve.address) == before
        eve.start()
        eve.imap().logout()
        eve.smtp().quit()
        eve.credential_file.write_text(lost)
        with pytest.raises(imaplib.IMAP4.error, match="--new-credential"):
            eve.imap()
        with pytest.raises(smtplib.SMTPAuthenticationError):
            eve.smtp()
    finally:
        eve.close()


def test_after_a_setup_that_failed_the_next_one_tells_the_credential(agents, world, program,
                                                                     tmp_path_factory):
    """Nothing listens at the first authority; the root given second is another one's."""
    mallory = Agent(world, program, "mallory@alpha.test", tmp_path_factory.mktemp("failed"))
    known = ["--password-file", world.users[mallory.address]["password_file"],
             "--tls-trust", world.facts["tls_ca"], "--dns-anchors", world.facts["dns"]["anchors"],
             "--dns", f"{world.facts['dns']['address']}@{world.facts['dns']['port']}"]
    nobody = "https://authority.test:9/acme/directory"
    somebody, root = world.authority["acme_directory"], world.authority["root"]
    try:
        for authority, trust, says in ((nobody, root, nobody.encode()),
                                       (somebody, world.facts["tls_ca"], b"--trust")):
            done = mallory.run("setup", mallory.address, *known, "--authority", authority,
                               "--trust", trust)
            assert done.returncode == 2 and says in done.stderr, done.stderr
            assert done.stdout == b"" and done.stderr.count(b"\n") == 1
            done = replace_credential(mallory)
            assert done.returncode == 2 and b"not set up" in done.stderr, done.stderr
        done = mallory.run("setup", mallory.address, "--trust", root)
        assert done.returncode == 0 and b"  password  " in done.stdout, done.stderr
    finally:
        mallory.close()


def replace_credential(agent, *words):
    return agent.run("setup", agent.address, "--new-credential",
                     "--credential-file", agent.credential_file, *words)


def test_a_new_credential_comes_alone_and_for_an_account_that_is_there(world, program, tmp_path):
    agent = Agent(world, program, "mallory@alpha.test", tmp_path)
    try:
        for words, says in ([], b"letterlock setup"), (["--user", "m"], b"changes nothing else"):
            done = replace_credential(agent, *words)
            assert done.returncode == 2 and says in done.stderr, done.stderr
            assert done.stderr.count(b"\n") == 1
            assert not agent.credential_file.exists()
    finally:
        agent.close()


def test_somebody_elses_challenge_stays_where_it_is_and_is_reported(agents, world, program,
                                                                   tmp_path_factory):
    """Mallory's accomplice orders a certificate for Dave's address with an account of his own."""
    thief = acmeclient.Client(world)
    thief.register()
    thief.new_order("dave@beta.test")
    until = time.monotonic() + 20
    while not challenges(world, "dave@beta.test"):
        assert time.monotonic() < until, "the thief's challenge did not arrive"
        time.sleep(0.1)
    dave = Agent(world, program, "dave@beta.test", tmp_path_factory.mktemp("dave"))
    try:
        done = dave.setup()
        assert b"somebody else is trying" in done.stderr, done.stderr
        assert len(challenges(world, "dave@beta.test")) == 1
        assert len(certificates(world, "dave@beta.test")["signing"]) == 1
    finally:
        dave.close()
        world.empty("dave@beta.test")


def challenges(world, address):
    return [raw for raw in world.fetch_all(address) if b"\nSubject: ACME:" in raw]


def test_a_forged_challenge_is_not_answered(alice, bob, world):
    """Eve mails what looks like one; the running agent leaves it and says so."""
    forged = (b"From: acme-challenge+1234@authority.test\r\nTo: bob@beta.test\r\n"
              b"Subject: ACME: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n"
              b"Auto-Submitted: auto-generated; type=acme\r\n"
              b"Date: Sat, 21 Nov 2026 10:00:00 +0000\r\n"
              b"Message-ID: " + make_msgid(domain="authority.test").encode() + b"\r\n\r\nhello\r\n")
    with world.stranger("beta.test", "127.0.0.13") as smtp:
        smtp.sendmail("eve@beta.test", ["bob@beta.test"], forged)
    until = time.monotonic() + 20
    while not challenges(world, "bob@beta.test"):
        assert time.monotonic() < until
        time.sleep(0.1)
    bob.letters()
    assert "somebody else is trying" in bob.log()
    assert len(challenges(world, "bob@beta.test")) == 1
    world.empty("bob@beta.test")


@pytest.mark.parametrize("words, says", [
    (["--authority", "https://authority.test:8443/elsewhere"], b"/acme/directory"),
    (["--authority", "http://authority.test:8443/acme/directory"], b"https"),
    (["--imap", "imaps://nowhere.alpha.test:9930"], b"nowhere.alpha.test"),
    (["--imap", "pop3://mail.alpha.test:110"], b"imaps://HOST:PORT"),
    (["--trust", "/nonexistent.pem"], b"/nonexistent.pem"),
    (["--frobnicate"], b"unknown option --frobnicate"),
])
def test_a_wrong_word_is_told_in_one_line(world, program, tmp_path, words, says):
    """The good words come first; the one that is given twice is not this test's business."""
    agent = Agent(world, program, "mallory@alpha.test", tmp_path)
    try:
        given = {"--authority": world.authority["acme_directory"],
                 "--trust": world.authority["root"], "--tls-trust": world.facts["tls_ca"],
                 "--password-file": world.users["mallory@alpha.test"]["password_file"],
                 "--dns": f"{world.facts['dns']['address']}@{world.facts['dns']['port']}",
                 "--dns-anchors": world.facts["dns"]["anchors"]}
        given.update(dict(zip(words[::2], words[1::2])) if len(words) > 1 else {})
        flat = [word for pair in given.items() for word in pair]
        flat += words if len(words) == 1 else []
        done = agent.run("setup", "mallory@alpha.test", *flat)
        assert done.returncode == 2
        assert says in done.stderr, done.stderr
        assert done.stderr.count(b"\n") == 1
    finally:
        agent.close()


def test_the_mailbox_password_and_keys_lie_nowhere_in_the_clear(alice, world):
    secret = world.password(alice.address).encode()
    files = [path for path in alice.home.rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert secret not in path.read_bytes(), path
        assert b"PRIVATE KEY" not in path.read_bytes(), path
        assert alice.credential.encode() not in path.read_bytes(), path
        if path.name != "localhost.pem":
            assert path.stat().st_mode & 0o077 == 0, path
    assert alice.key_file.stat().st_mode & 0o077 == 0
