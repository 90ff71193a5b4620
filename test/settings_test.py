"""What the agent tells mail programs of itself, and who believes its certificate."""

import plistlib
import shutil
import socket
import subprocess
import time
import xml.etree.ElementTree

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from setup_test import openssl


def settings(agent, *words):
    done = agent.run("settings", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_page_says_where_and_never_the_password(alice):
    page = settings(alice).decode()
    for word in ("127.0.0.1", "1993", "1465", "SSL/TLS", alice.address):
        assert word in page
    for form in ("text", "autoconfig", "mobileconfig", "certificate"):
        assert alice.credential.encode() not in settings(alice, "--format", form)


def test_the_autoconfig_names_both_servers(alice):
    root = xml.etree.ElementTree.fromstring(settings(alice, "--format", "autoconfig"))
    assert root.tag == "clientConfig"
    provider = root.find("emailProvider")
    assert provider.find("domain").text == "alpha.test"
    for element, kind, port in (("incomingServer", "imap", "1993"),
                                ("outgoingServer", "smtp", "1465")):
        server = provider.find(element)
        assert server.get("type") == kind
        said = {child.tag: child.text for child in server}
        assert said == {"hostname": "127.0.0.1", "port": port, "socketType": "SSL",
                        "authentication": "password-cleartext", "username": alice.address}


def test_apples_profile_has_the_account_and_the_root(alice):
    first = settings(alice, "--format", "mobileconfig")
    assert settings(alice, "--format", "mobileconfig") == first  # or it would be a second one
    profile = plistlib.loads(first)
    assert profile["PayloadType"] == "Configuration"
    mail, root = profile["PayloadContent"]
    assert mail["PayloadType"] == "com.apple.mail.managed"
    assert mail["EmailAddress"] == alice.address
    for way, port in (("Incoming", 1993), ("Outgoing", 1465)):
        assert mail[way + "MailServerHostName"] == "127.0.0.1"
        assert mail[way + "MailServerPortNumber"] == port
        assert mail[way + "MailServerUseSSL"] is True
        assert mail[way + "MailServerAuthentication"] == "EmailAuthPassword"
        assert mail[way + "MailServerUsername"] == alice.address
    ca = x509.load_der_x509_certificate(root["PayloadContent"])
    assert root["PayloadType"] == "com.apple.security.root"
    assert ca.public_bytes(Encoding.PEM) == (alice.home / "localhost.pem").read_bytes()
    assert len({profile["PayloadUUID"], mail["PayloadUUID"], root["PayloadUUID"]}) == 3


def test_openssl_verifies_the_signed_profile(alice, world, tmp_path):
    signed = settings(alice, "--format", "mobileconfig", "--sign")
    path = tmp_path / "signed"
    path.write_bytes(signed)
    done = openssl("cms", "-verify", "-inform", "DER", "-in", path, "-purpose", "smimesign",
                   "-CAfile", world.authority["root"], "-binary")
    assert done.returncode == 0, done.stderr
    assert done.stdout == settings(alice, "--format", "mobileconfig")


def test_a_wrong_word_is_told(alice):
    for words in (["--format", "outlook"], ["--sign"]):
        done = alice.run("settings", *words)
        assert done.returncode == 2 and done.stderr.count(b"\n") == 1


# The certificate, and the programs that have to believe it.

def shown(agent):
    """The leaf that the agent's port shows."""
    with socket.create_connection(("127.0.0.1", agent.imap_port), timeout=20) as raw:
        with agent.tls.wrap_socket(raw, server_hostname="localhost") as tls:
            return x509.load_der_x509_certificate(tls.getpeercert(True))


def test_the_ca_may_vouch_for_this_machine_only(alice):
    ca = x509.load_pem_x509_certificate((alice.home / "localhost.pem").read_bytes())
    allowed = ca.extensions.get_extension_for_class(x509.NameConstraints)
    assert allowed.critical
    assert sorted(str(each.value) for each in allowed.value.permitted_subtrees) == [
        "127.0.0.1/32", "::1/128", "localhost"]
    leaf = shown(alice)
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    days = (leaf.not_valid_after - leaf.not_valid_before).days
    assert 700 < days <= 825


def test_openssl_believes_every_name_of_it(alice, tmp_path):
    for name in (["-verify_hostname", "localhost"], ["-verify_ip", "127.0.0.1"],
                 ["-verify_ip", "::1"]):
        done = openssl("s_client", "-connect", f"127.0.0.1:{alice.imap_port}", "-CAfile",
                       alice.home / "localhost.pem", "-verify_return_error", *name, input=b"")
        assert b"Verify return code: 0 (ok)" in done.stdout, done.stdout


def test_nss_believes_it(alice, tmp_path):
    def certutil(*words):
        done = subprocess.run(["certutil", "-d", f"sql:{tmp_path}", *map(str, words)],
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout
    leaf = tmp_path / "leaf.pem"
    leaf.write_bytes(shown(alice).public_bytes(Encoding.PEM))
    certutil("-N", "--empty-password")
    certutil("-A", "-n", "ours", "-t", "C,,", "-a", "-i", alice.home / "localhost.pem")
    certutil("-A", "-n", "leaf", "-t", ",,", "-a", "-i", leaf)
    assert "valid" in certutil("-V", "-n", "leaf", "-u", "V", "-e")


if shutil.which("gnutls-cli"):
    @pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
    def test_gnutls_believes_it(alice, name):
        done = subprocess.run(
            ["gnutls-cli", "--x509cafile", str(alice.home / "localhost.pem"),
             "--port", str(alice.imap_port), "--verify-hostname", name, "127.0.0.1"],
            input=b"a LOGOUT\r\n", capture_output=True, timeout=60)
        assert b"The certificate is trusted" in done.stdout, done.stdout
        assert done.returncode == 0


def test_it_stays_the_same_over_setup_and_restarts(alice):
    before, trust = shown(alice), (alice.home / "localhost.pem").read_bytes()
    alice.stop()
    alice.setup()
    alice.start()
    assert shown(alice) == before
    assert (alice.home / "localhost.pem").read_bytes() == trust


# Without a desktop, a terminal, a keychain, or anything of the environment.

def test_the_agent_starts_from_nothing_and_says_so(alice, tmp_path):
    alice.stop()
    path = str(tmp_path / "notify")
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(path)
    manager.settimeout(30)
    smtp, imap = alice.smtp_socket.fileno(), alice.imap_socket.fileno()
    began = time.monotonic()
    process = subprocess.Popen(
        ["setsid", "env", "-i", f"NOTIFY_SOCKET={path}", "LISTEN_FDS=2",
         "LISTEN_FDNAMES=smtp:imap", "bash", "-c",
         f'LISTEN_PID=$$ exec "$@" 3<&{smtp} 4<&{imap}', "sh", *alice.command()],
        pass_fds=(smtp, imap), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE)
    try:
        assert manager.recv(100) == b"READY=1"
        print(f"ready after {time.monotonic() - began:.2f} s")
        alice.imap().logout()
        process.terminate()
        assert manager.recv(100) == b"STOPPING=1"
        assert process.wait(60) == 0
    finally:
        process.kill()
        manager.close()
        alice.start()
