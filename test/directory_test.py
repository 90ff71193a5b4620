"""The directory of certificates: RFC 4387, JSON for many addresses, and who is not in it."""

import base64
import hashlib
import http.client
import json
import urllib.parse
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from acmeclient import COMMON_NAME, Client, Https, Reply, make_csr

ALICE = "alice@alpha.test"
BOB = "bob@beta.test"
NOBODY = "nobody@alpha.test"


class Person:
    """A mailbox with a signing and an encrypting certificate."""

    def __init__(self, world, address):
        self.client = Client(world)
        assert self.client.register().status == 201
        self.address = address
        self.signing, self.encrypting = (self.get(usage) for usage in ("signing", "encrypting"))

    def get(self, usage):
        order = self.client.authorize(self.address)
        reply = self.client.finalize(order, make_csr(self.address, usage)[0])
        assert reply.status == 200, reply.body
        return x509.load_pem_x509_certificate(self.client.certificates(reply.json))


@pytest.fixture(scope="module")
def alice(world):
    return Person(world, ALICE)


@pytest.fixture(scope="module")
def bob(world):
    return Person(world, BOB)


@pytest.fixture(scope="module")
def authority(world):
    if world.authority is None:
        pytest.fail("this village has no authority: build letterlock-authority first")
    return world.authority


@pytest.fixture
def https(world, authority):
    return Https(world)


def der(certificate):
    return certificate.public_bytes(Encoding.DER)


def plain(authority, path, method="GET"):
    connection = http.client.HTTPConnection(authority["address"],
                                            urllib.parse.urlsplit(authority["http_url"]).port,
                                            timeout=10)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return Reply(response, response.read())
    finally:
        connection.close()


def search(authority, where="certificates", **query):
    return plain(authority, f"/{where}/search.cgi?{urllib.parse.urlencode(query)}")


def key_of(octets):
    return base64.b64encode(hashlib.sha1(octets).digest()).decode().rstrip("=")


def element(tag, content):
    size = len(content)
    length = bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + length + content


def keys_of(certificate):
    """By what RFC 4387 finds one certificate, computed without the project."""
    serial = certificate.serial_number
    number = element(2, serial.to_bytes(serial.bit_length() // 8 + 1, "big"))
    key_id = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return {"certHash": key_of(der(certificate)),
            "iAndSHash": key_of(element(0x30, certificate.issuer.public_bytes() + number)),
            "sKIDHash": key_of(key_id.digest)}


def parts(reply):
    """What is in a multipart answer, read by Python's own e-mail parser."""
    head = f"Content-Type: {reply.headers['Content-Type']}\r\n\r\n".encode()
    letter = message_from_bytes(head + reply.body, policy=policy.HTTP)
    assert letter.get_content_type() == "multipart/mixed"
    for part in letter.iter_parts():
        assert part.get_content_type() == "application/pkix-cert"
    mark = b"--" + letter.get_boundary().encode()
    pieces = reply.body.split(mark)
    assert pieces[0] == b"" and pieces[-1] == b"--\r\n"
    return [piece.split(b"\r\n\r\n", 1)[1][:-2] for piece in pieces[1:-1]]


@pytest.mark.parametrize("key", ["certHash", "iAndSHash", "sKIDHash"])
def test_a_certificate_is_found_by_what_is_its_own(authority, alice, key):
    for certificate in (alice.signing, alice.encrypting):
        reply = search(authority, **{key: keys_of(certificate)[key]})
        assert reply.status == 200, reply.body
        assert reply.headers.get_content_type() == "application/pkix-cert"
        assert "Transfer-Encoding" not in reply.headers
        assert reply.body == der(certificate)


@pytest.mark.parametrize("key", ["uri", "email", "name", "sHash"])
def test_a_person_has_several(authority, alice, key):
    subject = alice.signing.subject
    value = {"name": subject.get_attributes_for_oid(COMMON_NAME)[0].value,
             "sHash": key_of(subject.public_bytes())}.get(key, ALICE)
    reply = search(authority, **{key: value})
    assert reply.status == 200, reply.body
    assert parts(reply)[:2] == [der(alice.encrypting), der(alice.signing)]


def test_the_issuer_finds_cas_and_nobody_else(authority, alice):
    issuing = (Path(authority["dir"]) / "issuing.pem").read_bytes()
    certificate = x509.load_pem_x509_certificate(issuing)
    assert certificate.subject == alice.signing.issuer
    assert search(authority, iHash=key_of(alice.signing.issuer.public_bytes())).status == 404
    assert der(certificate) in parts(
        search(authority, iHash=key_of(certificate.issuer.public_bytes())))
    for key, value in keys_of(certificate).items():
        assert search(authority, **{key: value}).body == der(certificate), key


def test_lists_are_found_by_their_ca_and_by_a_certificate(authority, alice):
    issuing = x509.load_pem_x509_certificate(
        (Path(authority["dir"]) / "issuing.pem").read_bytes())
    own = keys_of(alice.signing)
    for query in ({"iHash": key_of(issuing.subject.public_bytes())},
                  {"sKIDHash": keys_of(issuing)["sKIDHash"]},
                  {"certHash": own["certHash"]}, {"iAndSHash": own["iAndSHash"]}):
        reply = search(authority, "crls", **query)
        assert reply.status == 200, (query, reply.body)
        assert reply.headers.get_content_type() == "application/pkix-crl"
        crl = x509.load_der_x509_crl(reply.body)
        assert crl.is_signature_valid(issuing.public_key())
    root = x509.load_pem_x509_certificate((Path(authority["dir"]) / "root.pem").read_bytes())
    crl = x509.load_der_x509_crl(
        search(authority, "crls", iHash=key_of(root.subject.public_bytes())).body)
    assert crl.is_signature_valid(root.public_key())
    for query in ({"uri": ALICE}, {"iHash": key_of(b"")}, {"certHash": key_of(b"")}):
        assert search(authority, "crls", **query).status == 404, query


MISSES = [("uri", NOBODY), ("uri", "*@alpha.test"), ("uri", "%@alpha.test"), ("uri", "alpha.test"),
          ("uri", "@"), ("name", "*"), ("name", "\udcff"), ("certHash", key_of(b"")),
          ("sHash", key_of(b"0\0")), ("uri", "x' OR '1'='1@alpha.test")]


def test_every_miss_looks_the_same(authority, alice):
    seen = set()
    for key, value in MISSES:
        octets = urllib.parse.quote(value.encode("utf-8", "surrogateescape"), safe="")
        reply = plain(authority, f"/certificates/search.cgi?{key}={octets}")
        assert reply.status == 404, (key, value)
        headers = {k: v for k, v in reply.headers.items() if k != "Date"}
        seen.add((reply.body, json.dumps(headers, sort_keys=True)))
    assert len(seen) == 1, seen


@pytest.mark.parametrize("query", ["", "?", "?uri", "?uri=", "?certHash=abc", "?URI=a@b.test",
                                   "?certHash=" + 27 * "_", "?uri=%zz", "?uri=a@b.c&name=x"])
def test_what_is_no_question_is_refused(authority, query):
    reply = plain(authority, f"/certificates/search.cgi{query}")
    assert (reply.status, reply.problem) == (400, "malformed")
    assert plain(authority, f"/crls/search.cgi{query}").status == 400


def test_only_get_asks(authority):
    reply = plain(authority, "/certificates/search.cgi?uri=a%40b.test", "DELETE")
    assert reply.status == 405 and reply.headers["Allow"] == "GET, HEAD"
    assert plain(authority, f"/certificates/search.cgi?uri={NOBODY}", "HEAD").status == 404


# JSON for many addresses


def ask(https, body, kind="application/json"):
    body = body if isinstance(body, (str, bytes)) else json.dumps(body)
    return https.send("POST", "/directory/v1", body, {"Content-Type": kind})


def test_many_addresses_are_looked_up_in_one_request(https, alice, bob):
    asked = [NOBODY, ALICE.upper(), "no address", BOB, ALICE, "x@authority.test"]
    reply = ask(https, {"addresses": asked})
    assert reply.status == 200, reply.body
    found = reply.json["found"]
    assert [entry["address"] for entry in found] == [NOBODY, ALICE, "no address", BOB, ALICE,
                                                     "x@authority.test"]
    for person, entry in ((alice, found[1]), (bob, found[3]), (alice, found[4])):
        for usage in ("signing", "encrypting"):
            want = base64.b64encode(der(getattr(person, usage))).decode()
            assert entry[usage][0] == want
    for entry in (found[0], found[2], found[5]):
        assert (entry["signing"], entry["encrypting"]) == ([], [])
    assert len(reply.json["chain"]) == 1


@pytest.mark.parametrize("body, status", [
    ("", 400), ("[]", 400), ("{}", 400), ('{"addresses": []}', 400), ('{"addresses": "a@b.c"}', 400),
    ('{"addresses": [1]}', 400), ('{"addresses": ["a\\u0000@b.c"]}', 400),
    (json.dumps({"addresses": 101 * [NOBODY]}), 400), ("{" * 60000, 400),
    (json.dumps({"addresses": 100 * [NOBODY]}), 200),
])
def test_what_is_no_list_of_addresses_is_refused(https, body, status):
    assert ask(https, body).status == status


def test_many_addresses_come_as_json_only(https):
    assert ask(https, {"addresses": [ALICE]}, "text/plain").status == 415
