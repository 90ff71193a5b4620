"""Whoever revokes a certificate, by whatever way: within a minute the list and the OCSP responder
say so, by both digests, signed beforehand and at once.  By foreign clients, read by Python."""

import subprocess
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from acmeclient import Client, Key, make_csr
from authority_test import pem_certificates
from guard_desk_test import ALICE, BOB, CAROL, DAVE, Device, desk, operator
from revocation_test import GOOD, REVOKED, TOLD_WITHIN, Plain, ask, list_of

EVE, MALLORY = "eve@beta.test", "mallory@alpha.test"
NONCE = bytes(range(32))


class Paper:
    """A certificate, its key, and the account that has it."""

    def __init__(self, world, address, client=None):
        self.client = client or Client(world)
        assert client or self.client.register().status == 201
        csr, key = make_csr(address)
        reply = self.client.finalize(self.client.authorize(address), csr)
        assert reply.json["status"] == "valid", reply.body
        self.cert, self.issuer = pem_certificates(self.client.certificates(reply.json))
        self.key = Key(private=key)

    @property
    def der(self):
        return self.cert.public_bytes(serialization.Encoding.DER)


def by_account(world, people, paper):
    assert paper.client.revoke(paper.der, 4).status == 200
    return x509.ReasonFlags.superseded


def by_key(world, people, paper):
    assert paper.client.revoke(paper.der, 1, key=paper.key).status == 200
    return x509.ReasonFlags.key_compromise


def by_device(world, people, paper):
    """Another account of the mailbox asks, and a device approves it."""
    other = Client(world)
    assert other.register().status == 201
    address = paper.cert.extensions.get_extension_for_class(
        x509.SubjectAlternativeName).value.get_values_for_type(x509.RFC822Name)[0]
    other.authorize(address)
    reply = other.revoke(paper.der, 5)
    assert (reply.status, reply.problem) == (403, "unauthorized"), reply.body
    decided = paper.client.post(reply.json["instance"], {"status": "approved"})
    assert decided.json["status"] == "approved", decided.body
    return x509.ReasonFlags.cessation_of_operation


def by_operator(world, people, paper):
    done = subprocess.run([world.authority["program"], "revoke", world.authority["dir"],
                           "--serial", f"{paper.cert.serial_number:x}", "--reason",
                           "privilegeWithdrawn"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return x509.ReasonFlags.privilege_withdrawn


def by_two_administrators(world, people, paper):
    """They undo the mailbox's whole enrolment."""
    bob, carol = people
    status, request = bob.send("POST", "/guard/undo", {"address": DAVE})
    assert status == 200, request
    assert carol.say(request, "approved")[1]["status"] == "approved"
    return x509.ReasonFlags.privilege_withdrawn


WAYS = {by_account: ALICE, by_key: EVE, by_device: MALLORY, by_two_administrators: DAVE}


@pytest.fixture(scope="module")
def people(desk, tmp_path_factory):
    folder = tmp_path_factory.mktemp("people")
    devices = [Device(desk, folder, address) for address in (BOB, CAROL)]
    for device in devices:
        assert operator(desk, "add", "--certificate", device.file).returncode == 0
    yield devices
    for device in devices:
        operator(desk, "remove", "--address", device.address)
        device.client.leave()


def what_is_said(plain, paper):
    """Of one certificate, by all who say it: [status or reason]."""
    entry = list_of(plain, paper.cert).get_revoked_certificate_by_serial_number(
        paper.cert.serial_number)
    reason = entry and entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    said = [(REVOKED if entry else GOOD, reason)]
    for algorithm in (hashes.SHA1, hashes.SHA256):
        for nonce in (None, NONCE):
            answer = ask(plain, paper.cert, paper.issuer, algorithm=algorithm, nonce=nonce)
            said.append((answer.certificate_status, answer.revocation_reason))
    return said


def wait_until_ready(plain, papers):
    """Until their answers lie there signed: what is said next replaces something."""
    until = time.monotonic() + TOLD_WITHIN
    for paper in papers:
        while len({ask(plain, paper.cert, paper.issuer).signature for _ in range(2)}) > 1:
            assert time.monotonic() < until
            time.sleep(0.5)


def test_by_every_way_a_revocation_is_told_of_within_a_minute(desk, people):
    plain = Plain(desk)
    papers = {way: Paper(desk, address) for way, address in WAYS.items()}
    papers[by_operator] = Paper(desk, ALICE, papers[by_account].client)
    wait_until_ready(plain, papers.values())
    for paper in papers.values():
        assert what_is_said(plain, paper) == [(GOOD, None)] * 5
    began, want = {}, {}
    for way, paper in papers.items():
        want[way] = way(desk, people, paper)
        began[way] = time.monotonic()
    for way, paper in papers.items():
        while (said := what_is_said(plain, paper)) != [(REVOKED, want[way])] * 5:
            assert time.monotonic() - began[way] < TOLD_WITHIN, (way.__name__, said)
            time.sleep(0.2)


def test_an_answer_at_once_never_waits_for_what_was_signed_before(desk, people):
    """A question without a nonce gets no answer of before the revocation, not even for a second."""
    plain, paper = Plain(desk), Paper(desk, ALICE)  # who had one has revoked it
    wait_until_ready(plain, [paper])
    assert paper.client.revoke(paper.der).status == 200
    for algorithm in (hashes.SHA1, hashes.SHA256):
        assert ask(plain, paper.cert, paper.issuer,
                   algorithm=algorithm).certificate_status == REVOKED
