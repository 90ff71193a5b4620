"""An issuing CA that was revoked while orders were on their way, and the one after it."""

import subprocess
import urllib.parse
from pathlib import Path

import pytest
from cryptography import x509

from acmeclient import Client, Https, make_csr
from authority_test import openssl, pem_certificates
from quickkeys import quicken
from revocation_test import Plain, list_of

DAVE, EVE = "dave@beta.test", "eve@beta.test"


def command(world, word, *words):
    whole = [world.authority["program"], *word.split(), world.authority["dir"], *words]
    done = subprocess.run(whole, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def newest(folder):
    return sorted(Path(folder).glob("issuing*.pem"), key=lambda path: path.stat().st_mtime)[-1]


def found(world, address):
    path = f"/directory/v1?address={urllib.parse.quote(address, safe='')}"
    return Https(world).send("GET", path).status == 200


def count(world):
    return command(world, "audit list").count("\tissue\t")


@pytest.fixture(scope="module")
def client(world):
    client = Client(world)
    assert client.register().status == 201
    yield client
    client.leave()


def test_a_revoked_ca_issues_no_more_and_another_one_does(world, client, tmp_path):
    folder = world.authority["dir"]
    first = client.finalize(client.authorize(EVE), make_csr(EVE, "encrypting")[0])
    old = pem_certificates(client.certificates(first.json))
    assert found(world, EVE)
    order = client.authorize(DAVE)
    csr, before = make_csr(DAVE)[0], count(world)
    command(world, "revoke-ca", newest(folder).stem, "--reason", "cACompromise")
    for again in range(2):  # the running one, and one that was started anew
        reply = client.finalize(order, csr)
        assert reply.status == 503, reply.body
        assert int(reply.headers["Retry-After"]) > 0
        assert client.post(order["url"]).json["status"] == "ready"
        assert count(world) == before and not found(world, DAVE)
        assert not found(world, EVE)
        if again == 0:
            world.restart("authority")
    assert list_of(Plain(world), old[1]).get_revoked_certificate_by_serial_number(
        old[1].serial_number) is not None
    command(world, "rollover")
    quicken(Path(folder), world.authority["passphrase_file"], f"{newest(folder).stem}.key")
    world.restart("authority")
    done = client.finalize(order, csr)
    assert done.status == 200, done.body
    path = tmp_path / "leaf.pem"
    path.write_bytes(client.certificates(done.json))
    leaf, issuer = pem_certificates(path.read_bytes())
    assert issuer == x509.load_pem_x509_certificate(newest(folder).read_bytes())
    assert issuer.serial_number != old[1].serial_number
    assert found(world, DAVE) and count(world) == before + 1
    verify = openssl("verify", "-x509_strict", "-CAfile", world.authority["root"], "-untrusted",
                     path, path)
    assert verify.returncode == 0, verify.stderr
