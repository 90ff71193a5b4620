"""Other people's RFC 3161 clients get timestamps and believe them: what of them Debian has beside
`openssl ts` (test/authority_test.py) and osslsigncode (test/revocation_test.py)."""

import subprocess
import zipfile
from datetime import datetime, timedelta, timezone

import pytest
import rfc3161ng
from pyasn1.codec.der import encoder

from authority_test import openssl
from conftest import long
from revocation_test import Plain

TSGET = "/usr/lib/ssl/misc/tsget.pl"
CONTENT = b"what was signed"
PASSWORD = "changeit"
REJECTION = 2  # RFC 3161 section 2.4.2


@pytest.fixture(scope="module")
def url(world):
    return f"{Plain(world).reachable}/tsa"


def is_now(moment):
    return abs(datetime.now(timezone.utc) - moment) < timedelta(minutes=5)


# OpenSSL's own client over the network


def tsget(url, query, folder):
    return subprocess.run([TSGET, "-h", url, "-e", ".tsr", query], cwd=folder, capture_output=True,
                          text=True, check=False)


def test_tsget_fetches_what_openssl_verifies(world, url, tmp_path):
    (tmp_path / "content").write_bytes(CONTENT)
    made = openssl("ts", "-query", "-data", tmp_path / "content", "-sha256", "-cert", "-out",
                   tmp_path / "q.tsq")
    assert made.returncode == 0, made.stderr
    done = tsget(url, "q.tsq", tmp_path)
    assert done.returncode == 0, done.stderr
    verify = openssl("ts", "-verify", "-in", tmp_path / "q.tsr", "-queryfile", tmp_path / "q.tsq",
                     "-CAfile", world.authority["root"])
    assert verify.returncode == 0, verify.stderr


def test_tsget_is_content_with_the_form_of_a_refusal(url, tmp_path):
    """It looks at the status and the type of what comes; both are as for a token."""
    (tmp_path / "q.tsq").write_bytes(b"garbage")
    done = tsget(url, "q.tsq", tmp_path)
    assert done.returncode == 0, done.stderr
    said = openssl("ts", "-reply", "-in", tmp_path / "q.tsr", "-text").stdout.decode()
    assert "Status: Rejected" in said


# Python's


@pytest.mark.parametrize("digest", ["sha256", "sha512"])
@pytest.mark.parametrize("certificate", [True, False])
def test_rfc3161ng_reads_the_token_and_its_time(world, url, tmp_path, digest, certificate):
    """It asks for a nonce and compares it.  Signatures it checks with RSA keys only; openssl has a
    look at this one."""
    client = rfc3161ng.RemoteTimestamper(url, hashname=digest,
                                         include_tsa_certificate=certificate)
    token = client(data=CONTENT, nonce=2**63 + 1, return_tsr=True).time_stamp_token
    info = token.tst_info
    assert int(info["nonce"]) == 2**63 + 1
    assert is_now(rfc3161ng.get_timestamp(token, naive=False).astimezone(timezone.utc))
    (tmp_path / "content").write_bytes(CONTENT)
    (tmp_path / "token").write_bytes(encoder.encode(token))
    folder = world.authority["dir"]
    chain = tmp_path / "chain.pem"
    chain.write_text("".join(open(f"{folder}/{name}.pem").read() for name in ("tsa", "tsa-ca")))
    verify = openssl("ts", "-verify", "-token_in", "-in", tmp_path / "token", "-data",
                     tmp_path / "content", "-CAfile", world.authority["root"], "-untrusted", chain)
    assert verify.returncode == 0, verify.stderr


def test_rfc3161ng_is_told_of_a_policy_that_is_not_ours(url):
    client = rfc3161ng.RemoteTimestamper(url, hashname="sha256", tsa_policy_id="1.2.3.4")
    reply = client(data=CONTENT, return_tsr=True)
    assert int(reply.status["status"]) == REJECTION


# Java's


def run(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def store(tmp_path):
    """Somebody who signs archives."""
    path = tmp_path / "keys"
    run("keytool", "-genkeypair", "-alias", "maker", "-keyalg", "EC", "-groupname", "secp256r1",
        "-dname", "CN=Maker", "-ext", "EKU=codeSigning", "-validity", "30", "-keystore", path,
        "-storepass", PASSWORD)
    return path


@long  # five virtual machines
def test_jarsigner_believes_a_timestamp_whose_root_it_knows(world, url, store, tmp_path):
    archive = tmp_path / "a.jar"
    with zipfile.ZipFile(archive, "w") as jar:
        jar.writestr("a.txt", CONTENT)
    words = ("-keystore", store, "-storepass", PASSWORD)
    run("jarsigner", *words, "-tsa", url, archive, "maker")
    verify = ("jarsigner", "-verify", "-verbose", "-certs", *words, archive)
    said = run(*verify)
    assert "jar verified" in said
    assert 'Timestamped by "CN=Timestamping Service' in said
    # whoever does not know the root says so
    assert "TSA certificate chain is invalid" in said
    run("keytool", "-importcert", "-noprompt", "-alias", "root", "-file",
        world.authority["root"], *words)
    said = run(*verify)
    assert "TSA certificate chain is invalid" not in said
    assert 'Timestamped by "CN=Timestamping Service' in said
    assert "The timestamp will expire on" in said
