"""Those who come to the authority with a certificate: devices and operators decide what waits for a
mailbox.  TLS by Python; certificates by a foreign ACME client."""

import http.client
import json
import socket
import sqlite3
import ssl
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from acmeclient import Client, make_csr

ALICE = "alice@alpha.test"
BOB = "bob@beta.test"
CAROL = "carol@alpha.test"
DAVE = "dave@beta.test"
PORT = 8444


class Device:
    """An account with a signing certificate, and the files that TLS wants of it."""

    def __init__(self, world, folder, address, usage="signing"):
        self.world, self.address = world, address
        self.client = Client(world)
        assert self.client.register().status == 201
        csr, key = make_csr(address, usage)
        reply = self.client.finalize(self.client.authorize(address), csr)
        assert reply.json["status"] == "valid", reply.body
        self.file = folder / f"{address}-{usage}.pem"
        chain = self.client.certificates(reply.json)
        self.der = x509.load_pem_x509_certificate(chain).public_bytes(serialization.Encoding.DER)
        self.write(chain, key)

    def write(self, chain, key):
        self.file.write_bytes(chain + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))

    def send(self, method, path, payload=None, kind="application/json"):
        return send(self.world, self.file, method, path, payload, kind)

    def pending(self):
        status, answer = self.send("GET", "/guard/pending")
        assert status == 200, answer
        return answer["requests"]

    def say(self, request, status):
        return self.send("POST", request["url"], {"status": status})


def send(world, file, method, path, payload=None, kind="application/json"):
    context = ssl.create_default_context(cafile=world.facts["tls_ca"])
    if file is not None:
        context.load_cert_chain(file)
    plain = socket.create_connection((world.authority["address"], PORT), timeout=30)
    connection = http.client.HTTPConnection("authority.test", PORT)
    connection.sock = context.wrap_socket(plain, server_hostname=world.authority["domain"])
    try:
        body = None if payload is None else json.dumps(payload)
        connection.request(method, path, body, {"Content-Type": kind})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


@pytest.fixture(scope="module")
def desk(world):
    """The authority has a place for people with certificates."""
    path = Path(world.authority["dir"]) / "authority.json"
    before = path.read_text()
    place = f"{world.authority['address']}:{PORT}"
    path.write_text(json.dumps({**json.loads(before), "desk_listen": place}))
    world.stop("authority")
    world.start("authority")
    yield world
    path.write_text(before)


@pytest.fixture(scope="module")
def people(desk, tmp_path_factory):
    """Alice and two who become operators."""
    folder = tmp_path_factory.mktemp("people")
    devices = [Device(desk, folder, address) for address in (ALICE, BOB, CAROL)]
    yield devices
    for device in devices:
        device.client.leave()


def thief_of(world, address):
    """Somebody who has the password, and an order that waits."""
    thief = Client(world)
    thief.register()
    order = thief.authorize(address)
    reply = thief.finalize(order, make_csr(address)[0])
    assert reply.json["status"] == "processing", reply.body
    return thief, order["url"]


def operator(world, *words):
    command = [world.authority["program"], "operator", words[0], world.authority["dir"], *words[1:]]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_device_sees_and_decides_by_its_signing_key(desk, people):
    alice, bob, _ = people
    thief, url = thief_of(desk, ALICE)
    [request] = alice.pending()
    assert (request["kind"], request["address"]) == ("issue", ALICE)
    assert bob.pending() == []
    assert bob.say(request, "approved")[0] == 403
    assert alice.say(request, "maybe")[0] == 400
    assert alice.send("POST", request["url"], {"status": "approved"}, "text/plain")[0] == 415
    assert alice.send("GET", request["url"])[0] == 405
    assert alice.send("POST", "/guard/nothing", {"status": "approved"})[0] == 404
    assert thief.post(url).json["status"] == "processing"
    assert alice.say(request, "refused")[1]["status"] == "refused"
    assert alice.say(request, "approved")[0] == 409
    assert thief.post(url).json["status"] == "invalid"


def test_two_operators_approve_and_one_does_not(desk, people):
    alice, bob, carol = people
    for one in (bob, carol):
        done = operator(desk, "add", "--certificate", one.file)
        assert done.returncode == 0 and one.address in done.stdout, done.stderr
    again = operator(desk, "add", "--certificate", bob.file)
    assert again.returncode == 2 and "already" in again.stderr
    newcomer, url = thief_of(desk, ALICE)
    [request] = bob.pending()
    assert bob.say(request, "approved")[1]["status"] == "open"
    assert bob.say(request, "approved")[0] == 403
    assert newcomer.post(url).json["status"] == "processing"
    assert carol.say(request, "approved")[1]["status"] == "approved"
    assert newcomer.post(url).json["status"] == "valid"
    newcomer.got.append(newcomer.post(url).json["certificate"])
    newcomer.leave()
    _, url = thief_of(desk, ALICE)
    [request] = carol.pending()
    assert carol.say(request, "refused")[1]["status"] == "refused"
    database = sqlite3.connect(f"file:{desk.authority['database']}?mode=ro", uri=True)
    acts = database.execute("SELECT actor, act FROM audit WHERE object IN (?, ?)",
                            (ALICE, BOB)).fetchall()
    database.close()
    for act in (("authority", "operator-add"), (f"operator {BOB}", "guard-second"),
                (f"operator {CAROL}", "guard-approve"), (f"operator {CAROL}", "guard-veto")):
        assert act in acts, acts


def test_two_operators_undo_an_enrolment(desk, people, tmp_path):
    """Whoever was first at Dave's mailbox was not Dave."""
    alice, bob, carol = people
    first = Device(desk, tmp_path, DAVE)
    assert alice.send("POST", "/guard/undo", {"address": DAVE})[0] == 403
    assert bob.send("POST", "/guard/undo", {"address": "nobody@alpha.test"})[0] == 404
    status, request = bob.send("POST", "/guard/undo", {"address": DAVE})
    assert (status, request["kind"], request["status"]) == (200, "undo", "open")
    # it is about the device, which has no word in it
    assert first.say(request, "refused")[0] == 403
    assert first.client.post(first.client.base + "/acme" + request["url"],
                             {"status": "refused"}).status == 403
    assert carol.say(request, "approved")[1]["status"] == "approved"
    assert first.send("GET", "/guard/pending")[0] == 403
    Device(desk, tmp_path, DAVE).client.leave()


def test_nobody_comes_in_without_a_certificate_of_ours(desk, people, tmp_path):
    alice = people[0]
    with pytest.raises((ssl.SSLError, OSError, http.client.HTTPException)):
        send(desk, None, "GET", "/guard/pending")
    # the same name and serial number, by somebody else's hand
    real = x509.load_der_x509_certificate(alice.der)
    key = ec.generate_private_key(ec.SECP256R1())
    forged = (x509.CertificateBuilder().subject_name(real.subject).issuer_name(real.issuer)
              .serial_number(real.serial_number).not_valid_before(real.not_valid_before)
              .not_valid_after(real.not_valid_after).public_key(key.public_key())
              .sign(key, hashes.SHA256()))
    file = tmp_path / "forged.pem"
    file.write_bytes(forged.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()))
    assert send(desk, file, "GET", "/guard/pending")[0] == 403
    assert operator(desk, "add", "--certificate", file).returncode == 2
    # one that was revoked
    gone = Device(desk, tmp_path, DAVE)
    assert gone.pending() == []
    gone.client.leave()
    assert gone.send("GET", "/guard/pending")[0] == 403
    # and nothing else is served there, nor this at the other place
    assert alice.send("GET", "/acme/directory")[0] == 404
    assert alice.client.https.send("GET", "/guard/pending").status == 404


def test_who_is_no_operator_any_more_decides_nothing(desk, people):
    _, bob, _ = people
    assert operator(desk, "remove", "--address", "Bob@beta.test").returncode == 0
    assert operator(desk, "remove", "--address", BOB).returncode == 2
    assert bob.send("POST", "/guard/undo", {"address": ALICE})[0] == 403
    for words in (["add"], ["remove"], ["add", "--address", BOB], ["drop", "--address", BOB]):
        assert "want operator add" in operator(desk, *words).stderr
