"""Other people's ACME clients, made for web servers, get certificates for a host of the test profile.

They judge the core of our ACME: JWS, nonces, accounts, orders, polling, finalize, revocation.
"""

import http.server
import os
import shlex
import subprocess
import threading
from functools import partial

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from acmeclient import Client, Https, make_csr
from conftest import long

HOST = "mail.alpha.test"  # a name that the village's DNS has
PERSON = "mailto:alice@alpha.test"


@pytest.fixture(scope="module")
def authority(world, authority):
    world.set_authority(test_profile=True)
    return world.authority


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def webroot(world, tmp_path):
    """What the host serves on port 80."""
    folder = tmp_path / "webroot"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(
        (world.domains["alpha.test"]["address"], 80), partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder
    server.shutdown()
    server.server_close()


@pytest.fixture
def run(world, authority, tmp_path):
    """Run a client that finds the authority by its name and trusts its TLS certificate."""
    hosts = tmp_path / "hosts"
    hosts.write_text(f"{authority['address']} {authority['domain']}\n"
                     f"{world.domains['alpha.test']['address']} {HOST}\n127.0.0.1 localhost\n")
    trust = world.facts["tls_ca"]
    environment = {**os.environ, "SSL_CERT_FILE": trust, "REQUESTS_CA_BUNDLE": trust,
                   "LEGO_CA_CERTIFICATES": trust, "CURL_CA_BUNDLE": trust, "HOME": str(tmp_path)}

    def call(*words, inside=None):
        command = " ".join(shlex.quote(str(word)) for word in words)
        done = subprocess.run(
            ["unshare", "-m", "bash", "-c",
             f"mount --bind {shlex.quote(str(hosts))} /etc/hosts && exec {command}"],
            capture_output=True, text=True, timeout=120, env=environment, cwd=inside or tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return call


def check_chain(pem, authority):
    """Ours, for the host and for nothing else."""
    end = b"-----END CERTIFICATE-----"
    leaf, issuing = [x509.load_pem_x509_certificate(part + end) for part in pem.split(end)[:-1]]
    names = leaf.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    assert [(type(name), name.value) for name in names] == [(x509.DNSName, HOST)]
    purposes = leaf.extensions.get_extension_for_oid(ExtensionOID.EXTENDED_KEY_USAGE).value
    assert list(purposes) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert issuing.subject == leaf.issuer
    assert (leaf.not_valid_after - leaf.not_valid_before).days <= 8


def directory(authority):
    return f"{authority['url']}/acme/directory"


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


def test_acme_tiny(authority, run, webroot, tmp_path):
    openssl("genrsa", "-out", tmp_path / "account.key", "2048")
    openssl("req", "-new", "-newkey", "rsa:2048", "-noenc", "-keyout", tmp_path / "host.key",
            "-subj", f"/CN={HOST}", "-out", tmp_path / "host.csr")
    challenges = webroot / ".well-known" / "acme-challenge"
    challenges.mkdir(parents=True)
    pem = run("acme-tiny", "--account-key", tmp_path / "account.key", "--csr",
              tmp_path / "host.csr", "--acme-dir", challenges, "--directory-url",
              directory(authority), "--contact", PERSON)
    check_chain(pem.encode(), authority)


class Certbot:
    def __init__(self, authority, run, folder):
        self.run, self.folder = run, folder
        self.more = ["--server", directory(authority), "--non-interactive",
                     *[f"--{kind}-dir={folder / kind}" for kind in ("config", "work", "logs")]]
        self.live = folder / "config" / "live" / HOST

    def __call__(self, command, *words):
        self.run("certbot", command, *self.more, *words)

    def certify(self, webroot, *words):
        self("certonly", "--webroot", "--webroot-path", webroot, "--agree-tos", "-d", HOST,
             "--register-unsafely-without-email", *words)


@pytest.fixture
def certbot(authority, run, tmp_path):
    return Certbot(authority, run, tmp_path)


def test_certbot(authority, certbot, webroot):
    certbot.certify(webroot)
    check_chain((certbot.live / "fullchain.pem").read_bytes(), authority)
    certbot("revoke", "--cert-path", certbot.live / "cert.pem", "--reason", "keycompromise",
            "--no-delete-after-revoke")


@long
def test_certbot_renews_and_leaves(certbot, webroot):
    certbot.certify(webroot)
    certbot("update_account", "--email", "bob@beta.test", "--no-eff-email")
    certbot("renew", "--force-renewal", "--no-random-sleep-on-renew")
    certbot("unregister")


@long
def test_certbot_revokes_with_the_key_of_the_certificate(certbot, webroot):
    certbot.certify(webroot, "--key-type", "rsa")
    certbot("revoke", "--cert-path", certbot.live / "cert.pem", "--key-path",
            certbot.live / "privkey.pem", "--no-delete-after-revoke")


@long
def test_certbot_binds_its_account(authority, certbot):
    made = subprocess.run([authority["program"], "eab", authority["dir"]], check=True,
                          capture_output=True, text=True).stdout
    words = dict(line.split(": ") for line in made.splitlines())
    certbot("register", "--agree-tos", "--register-unsafely-without-email", "--eab-kid",
            words["kid"], "--eab-hmac-key", words["key"])


def test_dehydrated(world, authority, run, webroot, tmp_path):
    challenges = webroot / ".well-known" / "acme-challenge"
    challenges.mkdir(parents=True)
    (tmp_path / "config").write_text(
        f'CA="{directory(authority)}"\nWELLKNOWN="{challenges}"\nBASEDIR="{tmp_path}"\n'
        f'CURL_OPTS="--cacert {world.facts["tls_ca"]}"\nKEY_ALGO=secp384r1\n'
        f'ACCOUNT_KEYSIZE=2048\nCONTACT_EMAIL=alice@alpha.test\nIP_VERSION=4\n')
    words = ("dehydrated", "--config", tmp_path / "config")
    run(*words, "--register", "--accept-terms")
    run(*words, "--cron", "--domain", HOST)
    certificates = tmp_path / "certs" / HOST
    check_chain((certificates / "fullchain.pem").read_bytes(), authority)
    run(*words, "--revoke", certificates / "cert.pem")


def test_lego(world, authority, run, tmp_path):
    address = world.domains["alpha.test"]["address"]
    words = ("lego", "--server", directory(authority), "--accept-tos", "--email",
             "alice@alpha.test", "--domains", HOST, "--path", tmp_path / "lego", "--http",
             "--http.port", f"{address}:80")
    run(*words, "run")
    kept = tmp_path / "lego" / "certificates"
    check_chain((kept / f"{HOST}.crt").read_bytes(), authority)
    run(*words, "renew", "--days", "90", "--no-random-sleep")
    run(*words, "revoke")


# what is not for anybody


def new_order(world, name):
    client = Client(world)
    client.register()
    return client, client.post(client.directory["newOrder"],
                               {"identifiers": [{"type": "dns", "value": name}]})


@pytest.mark.parametrize("name", ["alpha", "*.alpha.test", "Alpha.test", "a..test", ".test",
                                  "test.", "a b.test", "x" * 64 + ".test", "é.test", "",
                                  ("a" * 62 + ".") * 4 + "test"])
def test_hosts_that_are_none(world, authority, name):
    _, reply = new_order(world, name)
    assert (reply.status, reply.problem) == (400, "rejectedIdentifier")


@pytest.mark.parametrize("name, kind", [("nowhere.alpha.test", "dns"), (HOST, "connection")])
def test_a_host_that_does_not_answer_proves_nothing(world, authority, name, kind):
    client, reply = new_order(world, name)
    [challenge] = client.post(reply.json["authorizations"][0]).json["challenges"]
    assert challenge["type"] == "http-01" and "from" not in challenge
    client.post(challenge["url"], {})
    assert client.wait_for(reply.headers["Location"], ("invalid", "ready"))["status"] == "invalid"
    assert client.post(challenge["url"]).json["error"]["type"].endswith(":" + kind)
    problem = client.finalize(reply.json, make_csr("a@b.test")[0])
    assert (problem.status, problem.problem) == (403, "orderNotReady")


def test_a_host_with_another_answer_proves_nothing(world, authority, webroot):
    client, reply = new_order(world, HOST)
    [challenge] = client.post(reply.json["authorizations"][0]).json["challenges"]
    place = webroot / ".well-known" / "acme-challenge" / challenge["token"]
    place.parent.mkdir(parents=True)
    place.write_text(f"{challenge['token']}.{'A' * 43}")
    client.post(challenge["url"], {})
    assert client.wait_for(reply.headers["Location"], ("invalid", "ready"))["status"] == "invalid"
    assert client.post(challenge["url"]).json["error"]["type"].endswith(":unauthorized")


def test_a_hosts_certificate_is_in_no_directory(world, authority):
    assert Https(world).send("GET", f"/directory/v1?address={HOST}").status in (400, 404)
