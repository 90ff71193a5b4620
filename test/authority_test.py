"""The authority, driven by a foreign ACME client, the openssl program and people who cheat."""

import base64
import ctypes
import json
import re
import resource
import smtplib
import socket
import ssl
import subprocess
import time
import urllib.parse
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from acmeclient import (COMMON_NAME, Client, Https, Key, answer_to, b64, make_csr, token_of,
                        wait_for_challenge)
from quickkeys import quicken
from stores import dump, select

ALICE = "alice@alpha.test"
BOB = "bob@beta.test"
CAROL = "carol@alpha.test"
DAVE = "dave@beta.test"
MALLORY = "mallory@alpha.test"
EVE = "eve@beta.test"


@contextmanager
def setting(world, name, value):
    """The authority runs with another setting inside, and with its own again afterwards."""
    before = world.set_authority(**{name: value})
    try:
        yield
    finally:
        world.set_authority(**before)


def openssl(*words, **more):
    return subprocess.run(["openssl", *map(str, words)], capture_output=True, check=False, **more)


def problem(reply, status, kind):
    assert (reply.status, reply.problem) == (status, kind), reply.body


# ACME, as it should be


@pytest.mark.parametrize("kind", ["ES256", "ES384", "EdDSA", "RS256"])
def test_an_account_is_made_once_for_each_kind_of_key(world, authority, kind):
    client = Client(world, Key(kind))
    first = client.register({"contact": [f"mailto:{ALICE}"]})
    assert first.status == 201
    assert first.json["status"] == "valid"
    assert first.json["contact"] == [f"mailto:{ALICE}"]
    assert 'rel="index"' in first.headers["Link"]
    again = client.register()
    assert again.status == 200
    assert again.headers["Location"] == first.headers["Location"]


def test_the_directory_names_only_what_is_offered(client):
    assert set(client.directory) == {"newNonce", "newAccount", "newOrder", "revokeCert",
                                     "keyChange", "renewalInfo", "meta", "identity", "guard",
                                     "recovery", "undo"}


def test_a_person_gets_both_certificates_with_one_challenge(world, authority, client, tmp_path):
    before = len(world.fetch_where(ALICE, "HEADER", "Subject", "ACME:"))
    began = time.monotonic()
    keys = {}
    for usage in ("signing", "encrypting"):
        order = client.authorize(ALICE)
        assert order["status"] == "ready"
        csr, keys[usage] = make_csr(ALICE, usage)
        reply = client.finalize(order, csr)
        assert reply.status == 200, reply.body
        assert reply.json["status"] == "valid"
        (tmp_path / f"{usage}.pem").write_bytes(client.certificates(reply.json))
        (tmp_path / f"{usage}.key").write_bytes(keys[usage].private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))
    assert time.monotonic() - began < 10
    assert len(world.fetch_where(ALICE, "HEADER", "Subject", "ACME:")) == before + 1

    root = authority["root"]
    verify = openssl("verify", "-x509_strict", "-purpose", "smimesign", "-verify_email", ALICE,
                     "-CAfile", root, "-untrusted", tmp_path / "signing.pem",
                     tmp_path / "signing.pem")
    assert verify.returncode == 0, verify.stderr
    sealed = openssl("cms", "-encrypt", "-aes-256-cbc", tmp_path / "encrypting.pem",
                     input=b"hello", cwd=tmp_path)
    assert sealed.returncode == 0, sealed.stderr
    opened = openssl("cms", "-decrypt", "-inkey", tmp_path / "encrypting.key", "-recip",
                     tmp_path / "encrypting.pem", input=sealed.stdout)
    assert opened.stdout.strip() == b"hello", opened.stderr
    check_directory(https=Https(world), address=ALICE, folder=tmp_path)


def check_directory(https, address, folder):
    reply = https.send("GET", f"/directory/v1?address={urllib.parse.quote(address, safe='')}")
    assert reply.status == 200
    assert reply.headers.get_content_type() == "application/json"
    assert reply.json["address"] == address
    for usage in ("signing", "encrypting"):
        certificates = pem_certificates((folder / f"{usage}.pem").read_bytes())
        der = [base64.b64encode(c.public_bytes(serialization.Encoding.DER)).decode()
               for c in certificates]
        assert reply.json[usage][0] == der[0]
        assert reply.json["chain"] == der[1:]


def pem_certificates(text):
    end = b"-----END CERTIFICATE-----"
    return [x509.load_pem_x509_certificate(part + end) for part in text.split(end)[:-1]]


def test_the_challenge_mail_is_what_rfc_8823_says(world, client):
    _, authorization, challenge = client.new_order(BOB)
    assert authorization["identifier"] == {"type": "email", "value": BOB}
    assert authorization["status"] == "pending"
    assert challenge["type"] == "email-reply-00"
    assert challenge["from"].startswith("acme-challenge+")
    assert len(challenge["token"]) >= 22
    mail = wait_for_challenge(world, BOB, challenge)
    assert mail["From"] == challenge["from"]
    assert mail["To"] == BOB
    assert mail["Auto-Submitted"] == "auto-generated; type=acme"
    assert mail["Subject"].startswith("ACME: ")
    assert len(token_of(mail)) >= 22
    assert token_of(mail) != challenge["token"]
    tags = dict(tag.split("=", 1) for tag in re.sub(r"\s", "", mail["DKIM-Signature"]).split(";"))
    assert tags["d"] == "authority.test"
    signed = tags["h"].lower().split(":")
    for name in ("from", "to", "subject", "date", "message-id", "auto-submitted", "reply-to", "cc",
                 "sender", "in-reply-to", "references", "content-type",
                 "content-transfer-encoding"):
        assert name in signed, name
    client.post(client.order(BOB).json["authorizations"][0], {"status": "deactivated"})


def test_the_answer_may_come_before_or_after_the_post(world, authority):
    for answer_first in (True, False):
        client = Client(world)
        client.register()
        order, _, challenge = client.new_order(CAROL)
        mail = wait_for_challenge(world, CAROL, challenge)
        answer = answer_to(mail, CAROL, client.response_of(token_of(mail), challenge))
        if answer_first:
            world.send_plain(CAROL, challenge["from"], answer)
            wait_until_answered(authority, challenge)
            assert client.post(order["url"]).json["status"] == "pending"
            assert client.post(challenge["url"], {}).json["status"] == "valid"
        else:
            assert client.post(challenge["url"], {}).json["status"] == "processing"
            world.send_plain(CAROL, challenge["from"], answer)
        assert client.wait_for(order["url"], ("ready", "invalid"))["status"] == "ready"


def wait_until_answered(authority, challenge):
    recipient = challenge["from"].partition("+")[2].partition("@")[0]
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        rows = select(authority, "SELECT answered FROM acme_authorization WHERE recipient = ?",
                      (recipient,))
        if rows == [(1,)]:
            return
        time.sleep(0.1)
    raise AssertionError("the answer did not arrive")


def test_a_restart_loses_nothing(world, authority, client):
    """With the smarthost away the letter waits in the database."""
    with world.stopped("alpha-postfix"):
        order, _, challenge = client.new_order(DAVE)
        time.sleep(0.5)
        world.restart("authority")
    client.prove(DAVE, challenge)
    assert client.wait_for(order["url"], ("ready", "invalid"))["status"] == "ready"
    world.restart("authority")
    csr, _ = make_csr(DAVE)
    reply = client.finalize({**order, **client.post(order["url"]).json}, csr)
    assert reply.status == 200
    assert client.certificates(reply.json).count(b"BEGIN CERTIFICATE") == 2


def test_a_mailbox_that_does_not_exist_is_reported(client):
    order, _, challenge = client.new_order("nosuch@alpha.test")
    failed = client.wait_for(order["url"], ("invalid", "ready"))
    assert failed["status"] == "invalid"
    assert failed["error"]["type"].endswith(":connection")
    assert "550" in client.post(challenge["url"]).json["error"]["detail"]


# ACME, as it should not be


def test_a_nonce_is_good_once(client):
    url = client.directory["newOrder"]
    nonce = client.nonce()
    body = json.dumps(client.jws(url, {"identifiers": []}, nonce=nonce))
    problem(client.post_raw(url, body), 400, "malformed")
    reply = client.post_raw(url, body)
    problem(reply, 400, "badNonce")
    assert reply.headers["Replay-Nonce"] not in (None, nonce)
    problem(client.post(url, {}, nonce="AAAA"), 400, "badNonce")


def test_every_answer_to_a_post_brings_a_nonce(client):
    reply = client.post(client.directory["newOrder"], {})
    assert client.post(client.directory["newOrder"], {},
                       nonce=reply.headers["Replay-Nonce"]).problem == "malformed"


def test_what_was_signed_for_one_url_is_refused_at_another(client):
    url = client.directory["newOrder"]
    body = json.dumps(client.jws(url + "x", {}))
    problem(client.post_raw(url, body), 403, "unauthorized")


def test_a_kid_of_another_account_does_not_verify(world, client):
    other = Client(world)
    other.register()
    problem(client.post(client.directory["newOrder"], {}, kid=other.kid), 403, "unauthorized")
    problem(client.post(client.directory["newOrder"], {}, kid=client.kid + "x"), 400,
            "accountDoesNotExist")
    problem(client.post(client.directory["newOrder"], {}, kid="https://elsewhere.test/1"), 400,
            "accountDoesNotExist")


def test_another_accounts_objects_are_out_of_reach(world, client):
    other = Client(world)
    other.register()
    order, authorization, challenge = client.new_order(MALLORY)
    for url in (order["url"], order["authorizations"][0], challenge["url"], client.kid,
                client.post(client.kid).json["orders"]):
        problem(other.post(url), 403, "unauthorized")
        problem(other.post(url, {"status": "deactivated"}), 403, "unauthorized")
    problem(other.finalize(order, make_csr(MALLORY)[0]), 403, "unauthorized")
    assert client.post(order["url"]).json["status"] == "pending"
    assert authorization["status"] == "pending"


OWN = "the account's own key"


@pytest.mark.parametrize("changes, kind", [
    ({"alg": "none"}, "badSignatureAlgorithm"),
    ({"alg": "HS256"}, "badSignatureAlgorithm"),
    ({"alg": "PS256"}, "badSignatureAlgorithm"),
    ({"alg": None}, "malformed"),
    ({"alg": "RS256"}, "badPublicKey"),
    ({"alg": "ES384"}, "badPublicKey"),
    ({"crit": ["exp"]}, "malformed"),
    ({"b64": False}, "malformed"),
    ({"url": None}, "malformed"),
    ({"jwk": OWN}, "malformed"),
    ({"kid": None}, "malformed"),
    ({"kid": None, "jwk": OWN}, "malformed"),
])
def test_headers_that_acme_forbids_are_refused(client, changes, kind):
    """Each differs from a good request by that alone."""
    changes = {name: client.key.jwk if value is OWN else value for name, value in changes.items()}
    url = client.kid
    assert client.post(url).status == 200
    if "url" in changes:
        body = client.jws(None, None)
    else:
        body = client.jws(url, None, **changes)
    problem(client.post_raw(url, json.dumps(body)), 400, kind)


def test_members_beside_those_of_a_flattened_jws_are_refused(client):
    for extra in ({"header": {}}, {"header": {"kid": client.kid}}, {"signatures": []}, {"x": 1}):
        body = {**client.jws(client.kid, None), **extra}
        problem(client.post_raw(client.kid, json.dumps(body)), 400, "malformed")


def test_a_changed_signature_is_refused(client):
    url = client.directory["newOrder"]
    body = client.jws(url, {})
    body["signature"] = b64(b"\1" * 64)
    problem(client.post_raw(url, json.dumps(body)), 403, "unauthorized")


@pytest.mark.parametrize("body", ["", "{", "[]", "null", "{}", "\0", "a" * 1000, "[" * 20000,
                                  '{"protected":"e30=","payload":"","signature":""}',
                                  '{"payload":"","signatures":[]}'])
def test_a_body_that_is_no_jws_is_malformed(client, body):
    problem(client.post_raw(client.directory["newOrder"], body), 400, "malformed")


def test_only_jose_json_is_read(client):
    url = client.directory["newOrder"]
    reply = client.post_raw(url, json.dumps(client.jws(url, {})), "application/json")
    problem(reply, 415, "malformed")


def test_get_where_a_post_is_wanted_is_refused(https):
    for method, path in (("GET", "/acme/new-order"), ("PUT", "/acme/new-account"),
                         ("PUT", "/acme/directory"), ("DELETE", "/directory/v1"),
                         ("GET", "/tsa")):
        reply = https.send(method, path)
        problem(reply, 405, "malformed")
        assert reply.headers["Allow"]
    for path in ("/", "/acme/", "/acme/order/", "/acme/nothing", "/acme/new-authz", "/../x"):
        problem(https.send("GET", path), 404, "malformed")


@pytest.mark.parametrize("payload, kind", [
    ({"contact": "mailto:a@b.test"}, "malformed"),
    ({"contact": ["tel:1"]}, "unsupportedContact"),
    ({"contact": ["mailto:a@b.test,c@d.test"]}, "invalidContact"),
    ({"contact": ["mailto:a@b.test?subject=x"]}, "invalidContact"),
    ({"contact": [1]}, "malformed"),
    ({"onlyReturnExisting": True}, "accountDoesNotExist"),
    ("[]", "malformed"),
    ('{"a":1,"a":2}', "malformed"),
])
def test_accounts_that_cannot_be_made(world, authority, payload, kind):
    problem(Client(world).register(payload), 400, kind)


def test_contacts_are_changed_as_a_whole_or_not_at_all(authority, client):
    new = {"contact": [f"mailto:{BOB}", f"mailto:{CAROL}"]}
    assert client.post(client.kid, new).json["contact"] == new["contact"]
    for bad, kind in (("mailto:a b@c.test", "invalidContact"), ("tel:1", "unsupportedContact")):
        problem(client.post(client.kid, {"contact": [f"mailto:{EVE}", bad]}), 400, kind)
    assert client.post(client.kid).json["contact"] == new["contact"]
    name = client.kid.rpartition("/")[2]
    assert select(authority, "SELECT actor, detail FROM audit WHERE act = 'contact'"
                             " AND object = ?", (name,)) == [(f"account {name}", "")]


def test_new_accounts_of_one_client_are_limited(world, authority):
    with setting(world, "accounts_per_hour", 2):
        first = Client(world)
        assert [first.register().status, Client(world).register().status] == [201, 201]
        reply = Client(world).register()
        problem(reply, 429, "rateLimited")
        assert int(reply.headers["Retry-After"]) > 0
        assert first.register().status == 200  # nothing new


def test_a_deactivated_account_can_do_nothing(world, authority):
    client = Client(world)
    client.register()
    assert client.post(client.kid, {"status": "deactivated"}).json["status"] == "deactivated"
    problem(client.order(ALICE), 401, "unauthorized")
    problem(client.register(), 401, "unauthorized")


@pytest.mark.parametrize("identifiers, kind", [
    ([], "malformed"),
    ([{"type": "email", "value": ALICE}, {"type": "email", "value": BOB}], "malformed"),
    ([{"type": "dns", "value": "alpha.test"}], "unsupportedIdentifier"),
    ([{"type": "email"}], "malformed"),
    ([{"type": "email", "value": "alice"}], "rejectedIdentifier"),
    ([{"type": "email", "value": "a@b@c.test"}], "rejectedIdentifier"),
    ([{"type": "email", "value": "*@alpha.test"}], "rejectedIdentifier"),
    ([{"type": "email", "value": '"a b"@alpha.test'}], "rejectedIdentifier"),
    ([{"type": "email", "value": "a@alpha.test\r\nBcc: b@beta.test"}], "rejectedIdentifier"),
    ([{"type": "email", "value": "a@alpha.test, b@beta.test"}], "rejectedIdentifier"),
    ([{"type": "email", "value": "x@authority.test"}], "rejectedIdentifier"),
    ([{"type": "email", "value": "a" * 400 + "@alpha.test"}], "rejectedIdentifier"),
    ([{"type": "email", "value": "al\u202eice@alpha.test"}], "rejectedIdentifier"),
    ([{"type": "email", "value": "äl\u200bice@alpha.test"}], "rejectedIdentifier"),
    ([{"type": "email", "value": "äl ice@alpha.test"}], "rejectedIdentifier"),
    ([{"type": "email", "value": "ä" * 33 + "@alpha.test"}], "rejectedIdentifier"),
    ([{"type": "email", "value": "älice@authority.test"}], "rejectedIdentifier"),
    ([{"type": "email", "value": "älice@-a.test"}], "rejectedIdentifier"),
    ([{"type": "email", "value": "alice@alpha.test."}], "rejectedIdentifier"),
    ([{"type": "email", "value": "alice@[127.0.0.11]"}], "rejectedIdentifier"),
    ([{"type": "email", "value": "alice(home)@alpha.test"}], "rejectedIdentifier"),
    ([{"type": "email", "value": " alice@alpha.test"}], "rejectedIdentifier"),
    ([{"type": "email", "value": "Alice <alice@alpha.test>"}], "rejectedIdentifier"),
    ([{"type": "email", "value": "@alpha.test"}], "rejectedIdentifier"),
    ([{"type": "email", "value": "alice@"}], "rejectedIdentifier"),
    ([{"type": "EMAIL", "value": ALICE}], "unsupportedIdentifier"),
    ([{"type": "email", "value": [ALICE]}], "malformed"),
    ("alice", "malformed"),
])
def test_orders_that_cannot_be_had(client, identifiers, kind):
    reply = client.post(client.directory["newOrder"], {"identifiers": identifiers})
    problem(reply, 400, kind)


def test_validity_cannot_be_chosen(client):
    problem(client.post(client.directory["newOrder"], {
        "identifiers": [{"type": "email", "value": ALICE}], "notAfter": "2099-01-01T00:00:00Z",
    }), 400, "malformed")


def test_a_mailbox_is_not_bombed(world, authority):
    """Ten challenges an hour, whoever asks, however the address is written."""
    target = "Nobody@Beta.test"
    with setting(world, "challenge_mails_per_hour", 10):
        for i in range(10):
            client = Client(world)
            client.register()
            assert client.order(target if i % 2 else target.lower()).status == 201
        client = Client(world)
        client.register()
        reply = client.order(target)
        problem(reply, 429, "rateLimited")
        assert int(reply.headers["Retry-After"]) > 0


def test_an_unproved_order_is_not_finalized(client):
    order, _, _ = client.new_order(EVE)
    problem(client.finalize(order, make_csr(EVE)[0]), 403, "orderNotReady")


def test_requests_that_are_not_granted_leave_the_order_ready(world, client):
    order = client.authorize(BOB)
    good, _ = make_csr(BOB)
    name = x509.RFC822Name
    bad = {
        "another address": make_csr(ALICE)[0],
        "an extra address": make_csr(BOB, names=[name(BOB), name(ALICE)])[0],
        "an extra host": make_csr(BOB, names=[name(BOB), x509.DNSName("beta.test")])[0],
        "a name in the subject": make_csr(BOB, subject=[(COMMON_NAME, "Bob B.")])[0],
        "no names": make_csr(BOB, names=[x509.DNSName("beta.test")])[0],
        "a broken signature": good[:-4] + bytes(4),
        "cut": good[:-10],
        "garbage": b"garbage",
        "empty": b"",
    }
    for what, csr in bad.items():
        reply = client.finalize(order, csr)
        assert (what, reply.status, reply.problem) == (what, 400, "badCSR")
        assert client.post(order["url"]).json["status"] == "ready"
    problem(client.post(order["finalize"], {}), 400, "malformed")
    problem(client.post(order["finalize"], {"csr": "a=="}), 400, "badCSR")
    reply = client.finalize(order, with_half_a_point(BOB))
    problem(reply, 400, "badCSR")
    assert "not encoded as usual" in reply.json["detail"]
    reply = client.finalize(order, with_no_capabilities(BOB))
    problem(reply, 400, "badCSR")  # what only the rules for certificates forbid
    assert "rfc4262-2-capabilities" in reply.json["detail"]
    assert client.finalize(order, good).status == 200


def with_half_a_point(address):
    """A request whose key is a point of which one coordinate has to be computed."""
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    half = openssl("ec", "-conv_form", "compressed", input=key).stdout
    done = openssl("req", "-new", "-key", "/dev/stdin", "-subj", "/", "-outform", "DER",
                   "-addext", f"subjectAltName=email:{address}",
                   "-addext", "keyUsage=critical,digitalSignature", input=half)
    assert done.returncode == 0, done.stderr
    return done.stdout


def with_no_capabilities(address):
    """A request with a list of what its mail program reads, and nothing in it."""
    key = ec.generate_private_key(ec.SECP256R1())
    uses = dict.fromkeys(("digital_signature", "content_commitment", "key_encipherment",
                          "data_encipherment", "key_cert_sign", "crl_sign", "encipher_only",
                          "decipher_only"), False)
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(
        x509.SubjectAlternativeName([x509.RFC822Name(address)]), critical=False).add_extension(
        x509.KeyUsage(key_agreement=True, **uses), critical=True).add_extension(
        x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.840.113549.1.9.15"), b"0\0"),
        critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def test_one_certificate_an_order(world, client):
    order = client.authorize(BOB)
    assert client.finalize(order, make_csr(BOB)[0]).status == 200
    problem(client.finalize(order, make_csr(BOB)[0]), 403, "orderNotReady")


# answers, as they should not be


@pytest.fixture
def contest(world, client):
    """A challenge for Carol that is taken up: (order, challenge, the mail, her digest)."""
    order, _, challenge = client.new_order(CAROL)
    client.post(challenge["url"], {})
    mail = wait_for_challenge(world, CAROL, challenge)
    yield client, order, challenge, mail, client.response_of(token_of(mail), challenge)
    client.post(order["authorizations"][0], {"status": "deactivated"})


def wait_for_log(world, text, seconds=20):
    deadline = time.monotonic() + seconds
    path = world.dir / "log" / "authority.log"
    while text not in path.read_text():
        assert time.monotonic() < deadline, path.read_text()[-2000:]
        time.sleep(0.1)


def still_pending(client, order):
    return client.post(order["url"]).json["status"] == "pending"


def test_a_wrong_digest_makes_the_challenge_invalid(world, contest):
    client, order, challenge, mail, digest = contest
    wrong = ("A" if digest[0] != "A" else "B") + digest[1:]
    world.send_plain(CAROL, challenge["from"], answer_to(mail, CAROL, wrong))
    assert client.wait_for(order["url"], ("invalid", "ready"))["status"] == "invalid"
    failed = client.post(challenge["url"]).json
    assert failed["status"] == "invalid"
    assert failed["error"]["type"].endswith(":incorrectResponse")
    world.send_plain(CAROL, challenge["from"], answer_to(mail, CAROL, digest))
    time.sleep(1)
    assert client.post(order["url"]).json["status"] == "invalid"


def test_an_answer_from_another_mailbox_is_refused(world, contest):
    """Mallory has read the mail, and shares Carol's server; the server signs for both."""
    client, order, challenge, mail, digest = contest
    world.send_plain(MALLORY, challenge["from"], answer_to(mail, MALLORY, digest))
    wait_for_log(world, "From is not the mailbox")
    assert still_pending(client, order)


def direct(world, authority, sender, to, letter):
    with smtplib.SMTP(authority["address"], authority["ports"]["smtp"], timeout=30) as smtp:
        return smtp.sendmail(sender, [to], letter)


def expect_refusal(world, authority, challenge, letter, code, text):
    with pytest.raises(smtplib.SMTPDataError) as refusal:
        direct(world, authority, CAROL, challenge["from"], letter)
    assert refusal.value.smtp_code == code, refusal.value
    assert text in refusal.value.smtp_error.decode(), refusal.value


def test_an_answer_without_dkim_is_refused_and_spoils_nothing(world, authority, contest):
    client, order, challenge, mail, digest = contest
    for body in (digest, "A" * 43):
        letter = answer_to(mail, CAROL, body).as_bytes()
        expect_refusal(world, authority, challenge, letter, 550, "")
        assert still_pending(client, order)
    world.send_plain(CAROL, challenge["from"], answer_to(mail, CAROL, digest))
    assert client.wait_for(order["url"], ("invalid", "ready"))["status"] == "ready"


@pytest.mark.parametrize("change, says", [
    (lambda letter: letter.replace_header("Subject", "Re: ACME: AAAAAAAAAAAAAAAAAAAAAAAAAAA"),
     "token"),
    (lambda letter: letter.replace_header("Subject", "Re: hello"), "token"),
    (lambda letter: letter.replace_header("To", "acme-challenge+0@authority.test"), "To"),
    (lambda letter: letter.add_header("List-Id", "<x.alpha.test>"), "mailing list"),
    (lambda letter: letter.replace_header("From", f"{CAROL}, {ALICE}"), "From"),
    (lambda letter: letter.__delitem__("From"), "From"),
])
def test_letters_that_are_no_answer_are_refused(world, authority, contest, change, says):
    client, order, challenge, mail, digest = contest
    letter = answer_to(mail, CAROL, digest)
    change(letter)
    expect_refusal(world, authority, challenge, letter.as_bytes(), 550, says)
    assert still_pending(client, order)


def test_a_second_from_field_is_refused(world, authority, contest):
    client, order, challenge, mail, digest = contest
    letter = b"From: mallory@alpha.test\r\n" + answer_to(mail, CAROL, digest).as_bytes()
    expect_refusal(world, authority, challenge, letter, 550, "From")
    assert still_pending(client, order)


def test_a_signed_answer_cannot_be_used_again_for_another_challenge(world, authority, contest):
    """Whoever sees Carol's letter on its way cannot have it prove something else."""
    client, order, challenge, mail, digest = contest
    thief = Client(world)
    thief.register()
    theirs, _, their_challenge = thief.new_order(CAROL)
    thief.post(their_challenge["url"], {})
    letter = answer_to(mail, CAROL, digest)
    letter["Cc"] = BOB
    world.send_plain(CAROL, [challenge["from"], BOB], letter)
    assert client.wait_for(order["url"], ("invalid", "ready"))["status"] == "ready"
    signed = world.wait_for_letter(BOB, letter["Message-ID"])
    with pytest.raises(smtplib.SMTPDataError) as refusal:
        direct(world, authority, CAROL, their_challenge["from"], signed)
    assert refusal.value.smtp_code == 550
    assert still_pending(thief, theirs)
    # nor again for its own
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        direct(world, authority, CAROL, challenge["from"], signed)
    thief.post(theirs["authorizations"][0], {"status": "deactivated"})


def test_with_dns_away_an_answer_is_asked_for_later(world, authority, contest):
    client, order, challenge, mail, digest = contest
    letter = answer_to(mail, CAROL, digest)
    letter["Cc"] = MALLORY
    world.send_plain(CAROL, MALLORY, letter)  # only to have it signed
    signed = world.wait_for_letter(MALLORY, letter["Message-ID"])
    world.restart("authority")  # forgets the key it may have seen
    with world.stopped("dns"):
        with pytest.raises(smtplib.SMTPDataError) as refusal:
            direct(world, authority, CAROL, challenge["from"], signed)
    assert refusal.value.smtp_code == 451
    assert still_pending(client, order)
    try_until_taken(lambda: direct(world, authority, CAROL, challenge["from"], signed))
    assert client.wait_for(order["url"], ("invalid", "ready"))["status"] == "ready"


def try_until_taken(send, seconds=60):
    """As a mail server does it; a resolver remembers a failure for some seconds."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return send()
        except smtplib.SMTPDataError as refusal:
            if refusal.smtp_code != 451 or time.monotonic() > deadline:
                raise
            time.sleep(1)


@pytest.mark.parametrize("to", [
    "acme-challenge+00000000000000000000@authority.test", "acme-challenge@authority.test",
    "postmaster@elsewhere.test", "acme-challenge+@authority.test",
    "acme-challenge+' OR 1=1 --@authority.test", ALICE, "x" * 300 + "@authority.test",
])
def test_mail_for_anything_else_is_refused_at_once(world, authority, to):
    with smtplib.SMTP(authority["address"], authority["ports"]["smtp"], timeout=30) as smtp:
        smtp.ehlo()
        smtp.mail(ALICE)
        code, _ = smtp.docmd(f"RCPT TO:<{to}>")
        assert code in (501, 550, 553), code


def test_a_letter_over_the_limit_is_refused(world, authority, contest):
    client, order, challenge, mail, digest = contest
    letter = answer_to(mail, CAROL, digest).as_bytes() + b"x" * 70 + b"\r\n"
    letter += (b"x" * 70 + b"\r\n") * 4000
    with pytest.raises((smtplib.SMTPDataError, smtplib.SMTPSenderRefused,
                        smtplib.SMTPServerDisconnected)) as refusal:
        direct(world, authority, CAROL, challenge["from"], letter)
    if not isinstance(refusal.value, smtplib.SMTPServerDisconnected):
        assert refusal.value.smtp_code == 552
    assert still_pending(client, order)


def test_the_database_holds_no_letter(world, authority, contest):
    _, _, challenge, mail, digest = contest
    world.send_plain(CAROL, challenge["from"], answer_to(mail, CAROL, digest))
    wait_until_answered(authority, challenge)
    everything = dump(authority)
    for word in ("BEGIN ACME RESPONSE", digest, "PRIVATE KEY", mail["Message-ID"]):
        assert word not in everything


# HTTP, as it should not be


def test_a_body_that_is_too_large_is_refused(client, https):
    for size in (64 * 1024 + 1, 10 * 1024 * 1024):
        reply = https.send("POST", "/acme/new-order", b"x" * size,
                           {"Content-Type": "application/jose+json"})
        assert reply.status == 413
    assert https.send("GET", "/acme/directory").status == 200


def test_headers_that_are_too_large_are_refused(https):
    try:
        reply = https.send("GET", "/acme/directory", headers={"X": "x" * 100000})
        assert reply.status in (400, 413, 431)
    except (ConnectionError, ssl.SSLError, OSError):
        pass
    assert https.send("GET", "/acme/directory").status == 200


def test_somebody_slow_keeps_nobody_waiting_and_is_cut_off(https):
    """One byte a second would keep an idle time-out from ever running out."""
    slow = https.connect()
    slow.sendall(b"POST /acme/new-order HTTP/1.1\r\nHost: authority.test\r\n"
                 b"Content-Length: 10000\r\n\r\n")
    began = time.monotonic()
    assert https.send("GET", "/acme/directory").status == 200
    assert time.monotonic() - began < 2
    slow.settimeout(1)
    while time.monotonic() - began < 90:
        try:
            slow.sendall(b"x")
            if slow.recv(1) == b"":
                break
        except (socket.timeout, TimeoutError):
            continue
        except OSError:
            break
    assert 50 < time.monotonic() - began < 75


def test_who_only_holds_mail_connections_makes_room_for_an_answer(world, authority):
    address = (authority["address"], authority["ports"]["smtp"])
    with setting(world, "mx_connections", 3):
        idle = [socket.create_connection(address, timeout=10) for _ in range(3)]
        try:
            assert [connection.recv(3) for connection in idle] == [b"220"] * 3
            with socket.create_connection(address, timeout=10) as one_more:
                assert one_more.recv(3) == b"421"
            deadline = time.monotonic() + 15
            while not served(address):
                assert time.monotonic() < deadline
                time.sleep(0.2)
        finally:
            for connection in idle:
                connection.close()


def served(address):
    with socket.create_connection(address, timeout=10) as connection:
        return connection.recv(3) == b"220"


def test_whoever_does_not_speak_tls_gets_nothing(authority):
    address = (authority["address"], authority["ports"]["https"])
    with socket.create_connection(address, timeout=10) as plain:
        plain.sendall(b"GET /acme/directory HTTP/1.1\r\nHost: authority.test\r\n\r\n")
        try:
            assert b"newNonce" not in plain.recv(1000)
        except ConnectionError:
            pass


MB = 1024 * 1024
SANITIZER_KEEPS = 256 * MB  # of what was freed, lest it is used again (quarantine_size_mb)


def resident(world):
    """Memory of the authority, in bytes."""
    pages = int((process_of(world) / "statm").read_text().split()[1])
    return pages * resource.getpagesize()


def process_of(world):
    return Path("/proc", (world.dir / "run" / "authority.pid").read_text().split()[0])


def may_grow(world):
    sanitized = "libasan" in (process_of(world) / "maps").read_text()
    return 200 * MB + (SANITIZER_KEEPS if sanitized else 0)


def test_ten_thousand_open_connections_keep_nobody_out(world, https):
    """Who only holds a connection open makes room for the next one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 12000), hard))
    before, idle = resident(world), []
    try:
        for _ in range(10000):
            connection = socket.socket()
            connection.setblocking(False)
            connection.connect_ex((https.address, https.port))
            idle.append(connection)
        for _ in range(3):
            began = time.monotonic()
            assert https.send("GET", "/acme/directory").status == 200
            assert time.monotonic() - began < 25
        assert resident(world) - before < may_grow(world)
    finally:
        for connection in idle:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    began = time.monotonic()
    assert https.send("GET", "/acme/directory").status == 200
    assert time.monotonic() - began < 5


# the directory


@pytest.mark.parametrize("query, status", [
    ("", 400), ("?address=", 400), ("?address=%zz", 400), ("?address=a%00@b.test", 400),
    ("?address=nobody%40alpha.test", 404), ("?address=*%40alpha.test", 404),
    ("?address=x&address=y", 400), ("?address=x%40authority.test", 404),
    ("?address=%25%40alpha.test", 404), ("?address=' OR 1--%40alpha.test".replace(" ", "+"), 404),
])
def test_a_look_up_without_result(https, query, status):
    problem(https.send("GET", f"/directory/v1{query}"), status, "malformed")


def test_case_of_the_address_in_a_look_up(world, client, https):
    order = client.authorize(BOB)
    assert client.finalize(order, make_csr(BOB, "encrypting")[0]).status == 200
    for spelling in (BOB, BOB.upper(), "Bob@BETA.test"):
        reply = https.send("GET", f"/directory/v1?address={urllib.parse.quote(spelling)}")
        assert (spelling, reply.status) == (spelling, 200)
        assert reply.json["address"] == BOB
    newest, *rest = reply.json["encrypting"]
    order = client.authorize(BOB)
    assert client.finalize(order, make_csr(BOB, "encrypting")[0]).status == 200
    reply = https.send("GET", f"/directory/v1?address={urllib.parse.quote(BOB)}")
    assert reply.json["encrypting"][1:] == [newest, *rest]


# timestamps


def query(tmp_path, *options, content=b"what was signed"):
    (tmp_path / "content").write_bytes(content)
    made = openssl("ts", "-query", "-data", tmp_path / "content", *options,
                   "-out", tmp_path / "query.tsq")
    assert made.returncode == 0, made.stderr
    return (tmp_path / "query.tsq").read_bytes()


def stamp(https, body, content_type="application/timestamp-query"):
    return https.send("POST", "/tsa", body, {"Content-Type": content_type})


@pytest.mark.parametrize("digest", ["-sha256", "-sha384", "-sha512"])
def test_openssl_verifies_a_timestamp(authority, https, tmp_path, digest):
    reply = stamp(https, query(tmp_path, digest, "-cert"))
    assert reply.status == 200
    assert reply.headers.get_content_type() == "application/timestamp-reply"
    (tmp_path / "reply.tsr").write_bytes(reply.body)
    verify = openssl("ts", "-verify", "-queryfile", tmp_path / "query.tsq", "-in",
                     tmp_path / "reply.tsr", "-CAfile", authority["root"], "-untrusted",
                     f"{authority['dir']}/tsa-ca.pem")
    assert verify.returncode == 0, verify.stderr
    text = openssl("ts", "-reply", "-in", tmp_path / "reply.tsr", "-text").stdout.decode()
    assert "Status: Granted" in text


def test_serials_of_timestamps_differ(https, tmp_path):
    body = query(tmp_path, "-sha256", "-cert")
    replies = set()
    for _ in range(3):
        (tmp_path / "reply.tsr").write_bytes(stamp(https, body).body)
        text = openssl("ts", "-reply", "-in", tmp_path / "reply.tsr", "-text").stdout.decode()
        replies.add([line for line in text.splitlines() if "Serial" in line][0])
    assert len(replies) == 3


@pytest.mark.parametrize("body", [b"", b"garbage", b"\x30\x03\x02\x01\x01", b"\x30" * 1000])
def test_a_query_that_is_garbage_gets_a_proper_refusal(https, tmp_path, body):
    reply = stamp(https, body)
    assert reply.status == 200
    (tmp_path / "reply.tsr").write_bytes(reply.body)
    text = openssl("ts", "-reply", "-in", tmp_path / "reply.tsr", "-text").stdout.decode()
    assert "Status: Rejected" in text, text


def test_a_weak_digest_is_refused(https, tmp_path):
    (tmp_path / "reply.tsr").write_bytes(stamp(https, query(tmp_path, "-sha1", "-cert")).body)
    text = openssl("ts", "-reply", "-in", tmp_path / "reply.tsr", "-text").stdout.decode()
    assert "Status: Rejected" in text, text


def refusal(reply, tmp_path):
    """The failInfo of an answer without a token, as openssl reads it."""
    assert reply.headers.get_content_type() == "application/timestamp-reply"
    (tmp_path / "reply.tsr").write_bytes(reply.body)
    text = openssl("ts", "-reply", "-in", tmp_path / "reply.tsr", "-text").stdout.decode()
    assert "Status: Rejected" in text, text
    assert "TST info:\nNot included." in text
    return re.search(r"Failure info: (.*)", text)[1]


@pytest.mark.parametrize("options, says", [
    (("-sha1", "-cert"), "unrecognized or unsupported algorithm identifier"),
    (("-sha256", "-tspolicy", "1.2.3"), "the requested TSA policy is not supported by the TSA"),
])
def test_a_refusal_of_a_timestamp_says_why(https, tmp_path, options, says):
    reply = stamp(https, query(tmp_path, *options))
    assert reply.status == 200
    assert refusal(reply, tmp_path) == says


def test_other_types_and_large_queries_are_refused_in_both_languages(https, tmp_path):
    other = stamp(https, query(tmp_path, "-sha256"), "text/plain")
    assert other.status == 415
    assert refusal(other, tmp_path) == "transaction not permitted or supported"
    large = stamp(https, b"\x30" * (16 * 1024 + 1))
    assert large.status == 413
    assert refusal(large, tmp_path) == "the data submitted has the wrong format"
    assert stamp(https, b"\x30" * (65 * 1024)).status == 413  # no service sees it
    problem(https.send("GET", "/tsa"), 405, "malformed")


def test_a_query_in_chunks_is_answered(authority, https, tmp_path):
    body = query(tmp_path, "-sha256", "-cert")
    pieces = (body[i:i + 7] for i in range(0, len(body), 7))
    reply = stamp(https, pieces)  # http.client sends what has no length in chunks
    assert reply.status == 200
    (tmp_path / "reply.tsr").write_bytes(reply.body)
    assert b"Status: Granted" in openssl("ts", "-reply", "-in", tmp_path / "reply.tsr",
                                         "-text").stdout


@pytest.mark.parametrize("nonce", ["00", "01", "7f", "0080", "00ffffffffffffffff", "80", "ff7f",
                                   "00" + "ab" * 31],
                         ids=["0", "1", "127", "128", "64 bits", "-128", "negative", "31 bytes"])
def test_a_nonce_comes_back_octet_for_octet(https, tmp_path, nonce):
    body = query(tmp_path, "-sha256", "-no_nonce")
    integer = bytes.fromhex(f"02{len(nonce) // 2:02x}{nonce}")
    assert body[0] == 0x30 and body[1] < 0x80
    reply = stamp(https, bytes([0x30, body[1] + len(integer)]) + body[2:] + integer)
    assert reply.status == 200
    assert integer in reply.body
    (tmp_path / "reply.tsr").write_bytes(reply.body)
    assert b"Status: Granted" in openssl("ts", "-reply", "-in", tmp_path / "reply.tsr",
                                         "-text").stdout


def test_without_a_clock_that_is_kept_right_nothing_is_stamped(world, authority, tmp_path):
    """Where the kernel knows of nothing that keeps its clock, and nobody says that it is right."""
    with setting(world, "clock", "synchronised"):
        reply = stamp(Https(world), query(tmp_path, "-sha256", "-cert"))
        if kernel_keeps_time():
            assert b"timeNotAvailable" not in reply.body
        else:
            assert refusal(reply, tmp_path) == "the TSA's time source is not available"


def kernel_keeps_time():
    libc = ctypes.CDLL(None, use_errno=True)
    timex = (ctypes.c_char * 208)()  # struct timex; modes = 0 asks only
    return libc.adjtimex(timex) not in (-1, 5)  # TIME_ERROR


# the program


def test_root_pem_is_served(authority, https):
    assert https.send("GET", "/root.pem").body == open(authority["root"], "rb").read()


@pytest.mark.parametrize("words, says", [
    ((), "--help"), (("run",), "--help"), (("fly", "x"), "--help"),
    (("init", "x"), "--domain"), (("init", "x", "--colour", "red"), "--colour"),
    (("run", "/nowhere"), "init first"), (("run", "x", "--domain", "a.test"), "authority.json"),
])
def test_a_wrong_command_line_says_what_to_do(authority, words, says):
    done = subprocess.run([authority["program"], *words], capture_output=True, text=True)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_log_holds_no_secret(world, authority, contest):
    _, _, challenge, mail, digest = contest
    world.send_plain(CAROL, challenge["from"], answer_to(mail, CAROL, digest))
    wait_until_answered(authority, challenge)
    log = (world.dir / "log" / "authority.log").read_text()
    passphrase = open(authority["passphrase_file"]).read().strip()
    for secret in (challenge["token"], token_of(mail), digest, passphrase):
        assert secret not in log


def test_letters_and_answers_are_counted(world, authority):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with setting(world, "metrics_listen", f"127.0.0.1:{port}"):
        client = Client(world)
        assert client.register().status == 201
        assert client.authorize(EVE)["status"] == "ready"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as reply:
            text = reply.read().decode()
    for what in ("mail-sent", "mail-answer", "acme-account", "acme-order", "acme-challenge"):
        counted = re.search(rf'{{request="{what}",result="ok"}} (\d+)', text)
        assert int(counted[1]) >= 1, what
    assert EVE not in text


# a new issuing CA; last, for it stays


def test_after_a_rollover_both_issuing_cas_lead_to_the_root(world, authority, client, tmp_path):
    folder = Path(authority["dir"])
    before = certificate_of(client, tmp_path / "before.pem")
    rolled = subprocess.run([authority["program"], "rollover", folder], capture_output=True)
    assert rolled.returncode == 0, rolled.stderr
    quicken(folder, authority["passphrase_file"], "*-2.key")
    world.restart("authority")
    certificate_of(client, tmp_path / "after.pem")
    (tmp_path / "again.pem").write_bytes(client.certificates(before))
    assert (tmp_path / "again.pem").read_bytes() == (tmp_path / "before.pem").read_bytes()
    issuers = [(folder / name).read_bytes() for name in ("issuing.pem", "issuing-2.pem")]
    for name, issuer in (("before", issuers[0]), ("after", issuers[1])):
        path = tmp_path / f"{name}.pem"
        chain = pem_certificates(path.read_bytes())
        assert chain[1:] == pem_certificates(issuer)
        verify = openssl("verify", "-x509_strict", "-CAfile", authority["root"], "-untrusted",
                         path, path)
        assert verify.returncode == 0, verify.stderr
    reply = Https(world).send("GET", f"/directory/v1?address={urllib.parse.quote(DAVE, safe='')}")
    known = {base64.b64decode(der) for der in reply.json["chain"]}
    assert known == {certificate.public_bytes(serialization.Encoding.DER)
                     for pem in issuers for certificate in pem_certificates(pem)}


def certificate_of(client, path):
    order = client.authorize(DAVE)
    reply = client.finalize(order, make_csr(DAVE, "signing")[0])
    assert reply.status == 200, reply.body
    path.write_bytes(client.certificates(reply.json))
    return reply.json
