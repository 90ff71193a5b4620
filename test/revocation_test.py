"""Revocation lists and OCSP, judged by the openssl program, by Python and by the agents."""

import base64
import hashlib
import http.client
import re
import smtplib
import socket
import struct
import subprocess
import time
import urllib.parse

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

from acmeclient import Client, Https, make_csr
from authority_test import openssl, pem_certificates
from conftest import long
from people import letter, parse

ALICE = "alice@alpha.test"
MALLORY = "mallory@alpha.test"
BOB = "bob@beta.test"
DAVE = "dave@beta.test"
TOLD_WITHIN = 60
MALFORMED = ocsp.OCSPResponseStatus.MALFORMED_REQUEST
UNAUTHORIZED = ocsp.OCSPResponseStatus.UNAUTHORIZED
GOOD, REVOKED = ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED


class Plain:
    """The authority without TLS."""

    def __init__(self, world):
        url = urllib.parse.urlsplit(world.authority["http_url"])
        self.url = world.authority["http_url"]
        self.place = (world.authority["address"], url.port)
        self.reachable = f"http://{self.place[0]}:{self.place[1]}"

    def send(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(*self.place, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            reply = connection.getresponse()
            return reply, reply.read()
        finally:
            connection.close()

    def get_url(self, url):
        assert url.startswith(self.url), url
        reply, body = self.send("GET", url.removeprefix(self.url))
        assert reply.status == 200, (url, body)
        return reply, body

    def ask(self, der):
        reply, body = self.send("POST", "/ocsp", der, {"Content-Type": "application/ocsp-request"})
        assert reply.status == 200, body
        assert reply.headers["Content-Type"] == "application/ocsp-response"
        return ocsp.load_der_ocsp_response(body)


@pytest.fixture(scope="module")
def plain(world):
    return Plain(world)


class Papers:
    """Certificates that a foreign client got, as files, with their issuer's."""

    def __init__(self, world, folder):
        self.world = world
        self.folder = folder
        self.client = Client(world)
        self.client.register()
        self.root = world.authority["root"]

    def issue(self, name):
        csr, key = make_csr(MALLORY, "signing")
        reply = self.client.finalize(self.client.authorize(MALLORY), csr)
        assert reply.status == 200, reply.body
        leaf, issuer = pem_certificates(self.client.certificates(reply.json))
        for which, cert in ((name, leaf), ("issuing", issuer)):
            path = self.folder / f"{which}.pem"
            path.write_bytes(cert.public_bytes(serialization.Encoding.PEM))
        both = self.folder / "both.pem"
        both.write_text(open(self.root).read() + (self.folder / "issuing.pem").read_text())
        self.issuing = issuer
        return leaf

    def revoke(self, world, program, cert, *words):
        return subprocess.run(
            [program, "revoke", world.authority["dir"], "--serial", f"{cert.serial_number:x}",
             *words], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def papers(world, tmp_path_factory):
    return Papers(world, tmp_path_factory.mktemp("papers"))


@pytest.fixture(scope="module")
def authority_program(build):
    return build / "letterlock-authority"


@pytest.fixture(scope="module")
def good(papers):
    return papers.issue("good")


@pytest.fixture(scope="module")
def revoked(papers, world, authority_program, plain):
    """A certificate that was revoked, once its list says so."""
    cert = papers.issue("revoked")
    assert ask(plain, cert, papers.issuing).certificate_status == GOOD
    began = time.monotonic()
    done = papers.revoke(world, authority_program, cert, "--reason", "keyCompromise")
    assert done.returncode == 0, done.stderr
    while list_of(plain, cert).get_revoked_certificate_by_serial_number(cert.serial_number) is None:
        assert time.monotonic() - began < TOLD_WITHIN
        time.sleep(0.5)
    return cert


def pointers(cert):
    """URL of the revocation list, of OCSP and of the issuer's certificate."""
    points = cert.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    access = cert.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    named = {one.access_method: one.access_location.value for one in access}
    return (points[0].full_name[0].value, named.get(x509.AuthorityInformationAccessOID.OCSP),
            named[x509.AuthorityInformationAccessOID.CA_ISSUERS])


def list_of(plain, cert):
    return x509.load_der_x509_crl(plain.get_url(pointers(cert)[0])[1])


def question(cert, issuer, algorithm=hashes.SHA1, nonce=None):
    builder = ocsp.OCSPRequestBuilder().add_certificate(cert, issuer, algorithm())
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(serialization.Encoding.DER)


def ask(plain, cert, issuer, **more):
    return plain.ask(question(cert, issuer, **more))


def openssl_ocsp(papers, plain, name, *words):
    done = openssl("ocsp", *words, "-issuer", papers.folder / "issuing.pem", "-cert",
                   papers.folder / f"{name}.pem", "-url", f"{plain.reachable}/ocsp",
                   "-CAfile", papers.folder / "both.pem")
    return done.stdout.decode() + done.stderr.decode()


# what the certificates point at


def test_a_certificate_leads_to_all_that_a_reader_needs(plain, good, papers):
    crl_url, ocsp_url, ca_url = pointers(good)
    assert ocsp_url == f"{plain.url}/ocsp"
    reply, body = plain.get_url(ca_url)
    assert reply.headers["Content-Type"] == "application/pkix-cert"
    assert x509.load_der_x509_certificate(body) == papers.issuing
    reply, body = plain.get_url(crl_url)
    assert reply.headers["Content-Type"] == "application/pkix-crl"
    crl = x509.load_der_x509_crl(body)
    assert crl.is_signature_valid(papers.issuing.public_key())
    place = crl.extensions.get_extension_for_class(x509.IssuingDistributionPoint)
    assert place.critical
    assert place.value.full_name[0].value == crl_url
    # and on to the root: of a CA's certificate there is a list, and no responder
    crl_url, ocsp_url, ca_url = pointers(papers.issuing)
    assert ocsp_url is None
    root = x509.load_der_x509_certificate(plain.get_url(ca_url)[1])
    assert root.fingerprint(hashes.SHA256()) == x509.load_pem_x509_certificate(
        open(papers.root, "rb").read()).fingerprint(hashes.SHA256())
    assert list_of(plain, papers.issuing).is_signature_valid(root.public_key())


def test_the_timestamps_certificate_and_its_ca_have_lists(plain, world):
    folder = world.authority["dir"]
    for name, above in (("tsa", "tsa-ca"), ("tsa-ca", "root")):
        cert, issuer = (x509.load_pem_x509_certificate(open(f"{folder}/{one}.pem", "rb").read())
                        for one in (name, above))
        assert list_of(plain, cert).is_signature_valid(issuer.public_key())


def test_openssl_checks_every_list_on_the_way_to_the_root(plain, good, revoked, papers):
    lists = papers.folder / "lists.pem"
    lists.write_bytes(b"".join(list_of(plain, cert).public_bytes(serialization.Encoding.PEM)
                               for cert in (good, revoked, papers.issuing)))
    said = {name: openssl("verify", "-x509_strict", "-crl_check_all", "-extended_crl", "-CRLfile",
                          lists, "-CAfile", papers.root, "-untrusted",
                          papers.folder / "issuing.pem", papers.folder / f"{name}.pem")
            for name in ("good", "revoked")}
    assert said["good"].returncode == 0, said["good"].stderr
    assert said["revoked"].returncode != 0
    assert b"certificate revoked" in said["revoked"].stderr


def test_a_list_says_why_and_is_numbered(plain, revoked):
    crl = list_of(plain, revoked)
    entry = crl.get_revoked_certificate_by_serial_number(revoked.serial_number)
    reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    assert reason == x509.ReasonFlags.key_compromise
    assert crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number > 0
    assert (crl.next_update - crl.last_update).total_seconds() == 24 * 3600


# OCSP


@pytest.mark.parametrize("words", [[], ["-no_nonce"], ["-sha256"], ["-sha256", "-no_nonce"]],
                         ids=lambda words: " ".join(words) or "as it comes")
def test_openssl_ocsp_believes_the_answer(papers, plain, good, revoked, words):
    said = openssl_ocsp(papers, plain, "good", *words)
    assert "Response verify OK" in said
    assert re.search(r"good.pem: good\n\tThis Update: .*\n\tNext Update: ", said), said
    assert "WARNING" not in said.replace("WARNING: no nonce in response", "" if words else "x")
    said = openssl_ocsp(papers, plain, "revoked", *words)
    assert "revoked.pem: revoked" in said
    assert "Reason: keyCompromise" in said


@pytest.mark.parametrize("algorithm", [hashes.SHA1, hashes.SHA256])
def test_a_certificate_is_found_by_either_digest(plain, good, papers, algorithm):
    answer = ask(plain, good, papers.issuing, algorithm=algorithm)
    assert answer.certificate_status == GOOD
    assert answer.serial_number == good.serial_number
    assert isinstance(answer.hash_algorithm, algorithm)
    assert answer.next_update > answer.this_update


@pytest.mark.parametrize("length,back", [(1, False), (15, False), (16, True), (32, True),
                                         (128, True)])
def test_a_nonce_that_is_long_enough_comes_back(plain, good, papers, length, back):
    nonce = bytes(range(1, length + 1))
    answer = ask(plain, good, papers.issuing, nonce=nonce)
    assert answer.certificate_status == GOOD
    said = [one.value.nonce for one in answer.extensions if isinstance(one.value, x509.OCSPNonce)]
    # cryptography shows the octets of the extension, which hold an OCTET STRING
    assert [one[-length:] for one in said] == ([nonce] if back else [])


def raw_nonce(der, length):
    """The question with a nonce of another length, by hand: Python makes no wrong ones."""
    marker = b"\x2b\x06\x01\x05\x05\x07\x30\x01\x02"

    def wrap(tag, value):
        size = len(value)
        head = (bytes([size]) if size < 128 else bytes([0x81, size]) if size < 256
                else bytes([0x82, size >> 8, size & 255]))
        return bytes([tag]) + head + value

    request_list = der[4:]  # SEQUENCE { SEQUENCE { list } }, both short
    inner = wrap(0x04, b"n" * length)
    extension = wrap(0x30, wrap(0x06, marker) + wrap(0x04, inner))
    return wrap(0x30, wrap(0x30, request_list + wrap(0xA2, wrap(0x30, extension))))


@pytest.mark.parametrize("length,status", [
    (0, MALFORMED), (1, ocsp.OCSPResponseStatus.SUCCESSFUL),
    (128, ocsp.OCSPResponseStatus.SUCCESSFUL), (129, MALFORMED)])
def test_a_nonce_of_a_forbidden_length_is_malformed(plain, good, papers, length, status):
    assert plain.ask(raw_nonce(question(good, papers.issuing), length)).response_status == status


@pytest.mark.parametrize("body", [
    b"", b"hello", b"\x30\x00", b"\x30\x03\x02\x01\x05", b"\x30\x80\x00\x00", b"\x30" * 9000],
    ids=["nothing", "text", "empty", "a number", "endless", "too long"])
def test_what_is_no_question_is_malformed(plain, body):
    assert plain.ask(body).response_status == MALFORMED


def test_of_what_was_never_issued_nothing_is_said(plain, good, papers, tmp_path, world):
    """Not "good", and not "unknown" with a signature on it either."""
    asked = question(good, papers.issuing)
    serial = good.serial_number.to_bytes(16, "big")
    assert serial in asked
    never = asked.replace(serial, bytes([serial[0]]) + hashlib.sha256(b"x").digest()[:15])
    assert plain.ask(never).response_status == UNAUTHORIZED
    root = x509.load_pem_x509_certificate(open(world.authority["root"], "rb").read())
    assert ask(plain, papers.issuing, root).response_status == UNAUTHORIZED
    assert ask(plain, good, papers.issuing, algorithm=hashes.SHA512).response_status == UNAUTHORIZED


def test_one_question_may_be_about_several(papers, plain, good, revoked):
    done = openssl("ocsp", "-issuer", papers.folder / "issuing.pem",
                   "-cert", papers.folder / "good.pem", "-cert", papers.folder / "revoked.pem",
                   "-url", f"{plain.reachable}/ocsp", "-CAfile", papers.folder / "both.pem")
    said = done.stdout.decode() + done.stderr.decode()
    assert "Response verify OK" in said
    assert "good.pem: good" in said
    assert "revoked.pem: revoked" in said


@pytest.mark.parametrize("spell", [
    lambda text: "/" + urllib.parse.quote(text, safe=""),
    lambda text: "/" + text,
    lambda text: "//" + text,
    lambda text: "/" + text.rstrip("="),
], ids=["escaped", "as it is", "two slashes", "no padding"])
def test_a_question_in_a_path_is_answered_and_may_be_cached_for_a_moment(plain, good, papers,
                                                                          spell):
    text = base64.b64encode(question(good, papers.issuing)).decode()
    reply, body = plain.send("GET", "/ocsp" + spell(text))
    assert reply.status == 200
    assert ocsp.load_der_ocsp_response(body).certificate_status == GOOD
    age = int(re.search(r"max-age=(\d+)", reply.headers["Cache-Control"])[1])
    assert 0 < age < TOLD_WITHIN


def test_whoever_has_a_list_a_certificate_or_an_answer_does_not_get_it_twice(plain, good, papers):
    text = base64.b64encode(question(good, papers.issuing)).decode()
    cdp, _, issuers = pointers(good)
    for path in ("/ocsp/" + text, *(url.removeprefix(plain.url) for url in (cdp, issuers))):
        until = time.monotonic() + TOLD_WITHIN
        while time.monotonic() < until:  # what is not ready is signed for each
            reply, body = plain.send("GET", path)
            assert reply.status == 200 and body
            again, nothing = plain.send("GET", path, headers={"If-None-Match": reply.headers["ETag"]})
            if again.status == 304:
                break
            time.sleep(0.2)
        assert (again.status, nothing) == (304, b"")
        assert again.headers["ETag"] == reply.headers["ETag"]
        assert again.headers["Cache-Control"] == reply.headers["Cache-Control"]
        other, body = plain.send("GET", path, headers={"If-None-Match": '"other"'})
        assert other.status == 200 and body


def test_a_refusal_is_not_cached(plain):
    reply, body = plain.send("GET", "/ocsp/MAA=")
    assert reply.headers["Cache-Control"] == "no-store"
    assert ocsp.load_der_ocsp_response(body).response_status == MALFORMED


def test_answers_are_ready_before_they_are_asked_for(plain, good, revoked, papers):
    """Two questions without a nonce get the same answer; with one, each its own."""
    until = time.monotonic() + TOLD_WITHIN
    for cert, status in ((good, GOOD), (revoked, REVOKED)):
        asked = question(cert, papers.issuing)
        while True:
            first, second = (plain.ask(asked) for _ in range(2))
            assert first.certificate_status == second.certificate_status == status
            if first.signature == second.signature:
                break
            assert time.monotonic() < until
            time.sleep(0.5)


# revoking


def test_a_second_revocation_and_an_unknown_number_are_refused(papers, world, authority_program,
                                                               revoked, good):
    again = papers.revoke(world, authority_program, revoked)
    assert again.returncode == 2
    assert "revoked already" in again.stderr
    words = [authority_program, "revoke", world.authority["dir"]]
    for more, says in ((["--serial", "7f"], "no certificate with this serial number"),
                       (["--serial", "xyz"], "no number in hexadecimal"),
                       (["--serial", "7f", "--reason", "dislike"], "--reason is"),
                       ([], "--serial HEX")):
        done = subprocess.run([*words, *more], capture_output=True, text=True, check=False)
        assert done.returncode == 2, done.stdout
        assert says in done.stderr


@long
def test_lists_that_are_made_anew_have_a_higher_number(plain, world, authority_program, papers,
                                                        good):
    before = list_of(plain, papers.issuing)
    time.sleep(1)
    done = subprocess.run([authority_program, "lists", world.authority["dir"]],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    after = list_of(plain, papers.issuing)
    number = [crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
              for crl in (before, after)]
    assert number[1] > number[0]


def test_the_list_is_in_parts_of_which_a_certificate_names_one(plain, papers, good, revoked):
    certs = [good, revoked, *(papers.issue(f"part{i}") for i in range(6))]
    urls = {cert: pointers(cert)[0] for cert in certs}
    assert len(set(urls.values())) > 1  # of 4: by chance once in 16384
    for cert in certs:
        crl = list_of(plain, cert)
        place = crl.extensions.get_extension_for_class(x509.IssuingDistributionPoint).value
        assert place.full_name[0].value == urls[cert]
        found = crl.get_revoked_certificate_by_serial_number(revoked.serial_number)
        assert (found is not None) == (urls[cert] == urls[revoked])


# the listener


def test_without_tls_nothing_else_is_served(plain):
    for path in ("/acme/directory", "/directory/v1?address=alice%40alpha.test", "/root.pem", "/",
                 "/crl/", "/ca/", "/ocspx"):
        reply, _ = plain.send("GET", path)
        assert reply.status == 404, path
    reply, _ = plain.send("PUT", "/ocsp", b"x")
    assert reply.status == 405
    reply, _ = plain.send("POST", "/ocsp", b"x", {"Content-Type": "text/plain"})
    assert reply.status == 415


def test_many_who_say_nothing_keep_nobody_out_for_long(plain, world):
    """Beyond the limit they wait; as others go, they come in."""
    most = world.authority["http_connections"]
    silent = [socket.create_connection(plain.place) for _ in range(most)]
    time.sleep(0.2)
    late = socket.create_connection(plain.place)
    late.sendall(b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n")
    late.settimeout(0.5)
    with pytest.raises(TimeoutError):
        late.recv(1)
    for one in silent:
        one.close()
    late.settimeout(10)
    assert late.recv(12) == b"HTTP/1.1 404"
    late.close()
    # nor does it need them to go: who is silent makes room for who waits
    silent = [socket.create_connection(plain.place) for _ in range(most)]
    assert plain.send("GET", "/nothing")[0].status == 404
    for one in silent:
        one.close()
    # whoever had an answer makes room at once, however many come
    for _ in range(2 * most):
        assert plain.send("GET", "/nothing")[0].status == 404


@pytest.mark.parametrize("begin", [b"", b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n"],
                         ids=["never a request", "after a request"])
@long
def test_a_byte_a_second_keeps_a_connection_for_a_minute_only(plain, begin):
    with socket.create_connection(plain.place) as slow:
        slow.sendall(begin + b"GET /")
        began = time.monotonic()
        with pytest.raises(OSError):
            while time.monotonic() - began < 90:
                slow.sendall(b"a")
                time.sleep(1)
        assert 50 < time.monotonic() - began < 75


# timestamps, which are signed too


def cabinet(name, content):
    """A file that osslsigncode signs: Microsoft's cabinet format with one uncompressed file."""
    data = struct.pack("<IHH", 0, len(content), len(content)) + content
    entry = struct.pack("<IIHHHH", len(content), 0, 0, 0x5000, 0, 0x20) + name + b"\0"
    files = 36 + 8
    blocks = files + len(entry)
    folder = struct.pack("<IHH", blocks, 1, 0)
    return struct.pack("<4sIIIIIBBHHHHH", b"MSCF", 0, blocks + len(data), 0, files, 0, 3, 1, 1, 1,
                       0, 0, 0) + folder + entry + data


def test_another_client_gets_and_believes_a_timestamp(world, plain, tmp_path):
    made = openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                   "-keyout", tmp_path / "key", "-out", tmp_path / "cert", "-subj", "/CN=Maker",
                   "-addext", "extendedKeyUsage=codeSigning",
                   "-addext", "keyUsage=digitalSignature")
    assert made.returncode == 0, made.stderr
    (tmp_path / "in.cab").write_bytes(cabinet(b"a.txt", b"hello"))
    signed = subprocess.run(
        ["osslsigncode", "sign", "-certs", tmp_path / "cert", "-key", tmp_path / "key", "-h",
         "sha256", "-ts", f"{plain.reachable}/tsa", "-in", tmp_path / "in.cab", "-out",
         tmp_path / "out.cab"], capture_output=True, text=True, check=False)
    assert signed.returncode == 0, signed.stdout + signed.stderr
    lists = [list_of(plain, x509.load_pem_x509_certificate(
        open(f"{world.authority['dir']}/{name}.pem", "rb").read())) for name in ("tsa", "tsa-ca")]
    (tmp_path / "lists").write_bytes(b"".join(
        one.public_bytes(serialization.Encoding.PEM) for one in lists))
    verified = subprocess.run(
        ["osslsigncode", "verify", "-CAfile", tmp_path / "cert", "-TSA-CAfile",
         world.authority["root"], "-TSA-CRLfile", tmp_path / "lists", "-in", tmp_path / "out.cab"],
        capture_output=True, text=True, check=False)
    assert "Timestamp Server Signature verification: ok" in verified.stdout, verified.stdout
    assert "Timestamping Service 1" in verified.stdout


# what the agents make of it


def test_a_letter_is_checked_and_one_of_a_revoked_certificate_is_not_believed(
        agents, world, papers, authority_program, plain):
    alice, bob = agents[ALICE], agents[BOB]
    sent = letter(ALICE, [BOB, DAVE])
    dave = agents[DAVE]
    assert alice.send(sent, [BOB, DAVE]) == {}
    verdict, shown = seen_by(bob, sent)
    assert verdict.startswith("verified;")
    assert b"revocation not checked" not in shown
    certs = {usage: newest(world, usage) for usage in ("signing", "encrypting")}
    for cert in certs.values():
        done = papers.revoke(world, authority_program, cert, "--reason", "keyCompromise")
        assert done.returncode == 0, done.stderr
    until = time.monotonic() + TOLD_WITHIN
    for cert in certs.values():
        while list_of(plain, cert).get_revoked_certificate_by_serial_number(
                cert.serial_number) is None:
            assert time.monotonic() < until
            time.sleep(0.5)
    # Dave's agent has fetched no list yet
    verdict, shown = seen_by(dave, sent)
    assert verdict.startswith("danger;"), verdict
    assert "was stolen" in verdict
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        dave.send(letter(DAVE, [ALICE]), [ALICE])
    code, reason = refused.value.recipients[ALICE]
    # the directory gives none out that was revoked, and Dave has believed none of the letter's
    assert code == 550 and b"has no certificate" in reason


def seen_by(agent, sent):
    _, shown = agent.wait_for(sent["Message-ID"])
    return parse(shown)["Letterlock-Verdict"], shown


def newest(world, usage):
    reply = Https(world).send("GET", "/directory/v1?address=alice%40alpha.test")
    return x509.load_der_x509_certificate(base64.b64decode(reply.json[usage][0]))
