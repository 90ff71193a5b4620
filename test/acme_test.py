"""ACME to the letter: what RFC 8555 and RFC 9773 have beyond the plain way to a certificate."""

import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from acmeclient import (Client, Key, answer_to, b64, cert_id, make_csr, token_of,
                        wait_for_challenge)
from stores import select

ALICE = "alice@alpha.test"
BOB = "bob@beta.test"
CAROL = "carol@alpha.test"
DAVE = "dave@beta.test"


def problem(reply, status, kind):
    assert (reply.status, reply.problem) == (status, kind), reply.body


def certificate(client, address, key=None):
    """A fresh certificate of the address: (x509, its DER, its key)."""
    order = client.authorize(address)
    csr, key = make_csr(address, key=key)
    reply = client.finalize(order, csr)
    assert reply.status == 200, reply.body
    leaf = x509.load_pem_x509_certificate(client.certificates(reply.json))
    return leaf, leaf.public_bytes(serialization.Encoding.DER), key


def audit(authority, act):
    return select(
        authority, "SELECT actor, object, detail FROM audit WHERE act = ? ORDER BY id", (act,))


# who may have an account


def external_key(authority, *options):
    made = subprocess.run([authority["program"], "eab", authority["dir"], *options],
                          capture_output=True, text=True, check=True)
    lines = dict(line.split(": ") for line in made.stdout.splitlines())
    return lines["kid"], lines["key"]


def bound(world, kid, key, agreed=True, **changes):
    client = Client(world)
    binding = client.binding(kid, key, **changes)
    payload = {"externalAccountBinding": binding, "termsOfServiceAgreed": agreed}
    return client, client.register(payload), binding


def test_a_binding_that_is_not_right_makes_no_account(world, authority):
    kid, key = external_key(authority)
    other = Key().jwk
    url = authority["url"] + "/acme/new-order"
    for words, status, kind in [
            ({"jwk": other}, 403, "unauthorized"), ({"url": url}, 403, "unauthorized"),
            ({"alg": "HS512"}, 400, "badSignatureAlgorithm"),
            ({"alg": "none"}, 400, "badSignatureAlgorithm"),
            ({"nonce": "AAAA"}, 400, "malformed")]:
        problem(bound(world, kid, key, **words)[1], status, kind)
    problem(bound(world, kid, b64(b"x" * 32))[1], 403, "unauthorized")
    problem(bound(world, "nobody", key)[1], 403, "unauthorized")
    for value in ("x", 1, [], {}, {"protected": "e30", "payload": "", "signature": ""}):
        problem(Client(world).register({"externalAccountBinding": value}), 400, "malformed")
    # all of this has used nothing up
    assert bound(world, kid, key)[1].status == 201


@pytest.mark.parametrize("words, says", [
    (("eab",), "eab DIR"), (("eab", "x", "y"), "eab DIR"), (("eab", "/nowhere"), "init first"),
    (("eab", "DIR", "--accounts", "0"), "1 to"), (("eab", "DIR", "--accounts", "many"), "number"),
    (("eab", "DIR", "--label", "x" * 201), "200"), (("eab", "DIR", "--colour", "x"), "--colour"),
])
def test_eab_says_what_is_wrong(authority, words, says):
    words = [authority["dir"] if word == "DIR" else word for word in words]
    done = subprocess.run([authority["program"], *words], capture_output=True, text=True)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


# another key


@pytest.mark.parametrize("kind", ["ES256", "EdDSA", "RS256"])
def test_an_account_gets_another_key_and_keeps_what_it_has(world, client, kind):
    kid, old = client.kid, client.key
    order, _, challenge = client.new_order(CAROL)
    mail = wait_for_challenge(world, CAROL, challenge)
    digest = client.response_of(token_of(mail), challenge)  # by the old key
    reply = client.change_key(Key(kind))
    assert reply.status == 200, reply.body
    assert reply.headers["Location"] == kid
    assert client.post(kid).json["status"] == "valid"
    taken = client.post(challenge["url"], {})
    assert (taken.status, taken.json["status"]) == (200, "processing"), taken.body
    world.send_plain(CAROL, challenge["from"], answer_to(mail, CAROL, digest))
    assert client.wait_for(order["url"], ("ready", "invalid"))["status"] == "ready"
    client.key, new = old, client.key
    reply = client.post(kid)  # what is wrong with it depends on the kinds of the keys
    assert (reply.status, reply.problem) in [(403, "unauthorized"), (400, "badPublicKey")]
    client.key = new
    assert client.register().status == 200 and client.kid == kid
    fresh = Client(world, old)
    assert fresh.register().status == 201 and fresh.kid != kid


def test_a_key_change_that_is_not_right_changes_nothing(world, client):
    url, new = client.directory["keyChange"], Key()
    change = {"account": client.kid, "oldKey": client.key.jwk}
    other = Client(world)
    other.register()
    for inner, status, kind in [
            (client.inner(new, url, {**change, "account": other.kid}), 400, "malformed"),
            (client.inner(new, url, {**change, "oldKey": new.jwk}), 400, "malformed"),
            (client.inner(new, url, {}), 400, "malformed"),
            (client.inner(new, url + "x", change), 400, "malformed"),
            (client.inner(new, url, change, nonce=client.nonce()), 400, "malformed"),
            (client.inner(new, url, change, jwk=None, kid=client.kid), 400, "malformed"),
            (client.inner(new, url, change, jwk=client.key.jwk), 403, "unauthorized"),
            (client.inner(new, url, change, alg="HS256"), 400, "badSignatureAlgorithm"),
            ({**client.inner(new, url, change), "signature": b64(b"x" * 64)}, 403, "unauthorized"),
            (change, 400, "malformed")]:
        problem(client.post(url, inner), status, kind)
    reply = client.change_key(other.key)
    problem(reply, 409, "malformed")
    assert reply.headers["Location"] == other.kid
    problem(client.change_key(client.key), 409, "malformed")
    # a key change signed by somebody else's account
    problem(other.post(url, client.inner(new, url, change)), 400, "malformed")
    assert client.post(client.kid).json["status"] == "valid"
    assert client.change_key(new).status == 200


# reading


def test_directory_and_nonces_can_be_had_by_post_as_get(client):
    base = client.base
    assert client.post(base + "/acme/directory").json["newOrder"] == client.directory["newOrder"]
    reply = client.post(client.directory["newNonce"])
    assert reply.status in (200, 204)
    assert reply.headers.get_all("Replay-Nonce") is not None
    assert len(reply.headers.get_all("Replay-Nonce")) == 1
    problem(client.post(base + "/acme/renewal-info/x.y"), 405, "malformed")


def test_a_certificate_has_an_alternate_chain_that_ends_in_the_root(world, authority, client):
    order = client.authorize(ALICE)
    reply = client.finalize(order, make_csr(ALICE)[0])
    chain = client.post(reply.json["certificate"])
    [link] = [link for link in chain.headers.get_all("Link") if 'rel="alternate"' in link]
    other = client.post(link.partition("<")[2].partition(">")[0])
    assert other.body.startswith(chain.body)
    end = b"-----END CERTIFICATE-----"
    certificates = [x509.load_pem_x509_certificate(part + end)
                    for part in other.body.split(end)[:-1]]
    root = x509.load_pem_x509_certificate(Path(authority["root"]).read_bytes())
    assert len(certificates) == 3 and certificates[-1] == root
    problem(client.post(reply.json["certificate"] + "/2"), 404, "malformed")
    stranger = Client(world)
    stranger.register()
    problem(stranger.post(reply.json["certificate"] + "/1"), 403, "unauthorized")


def test_several_identifiers_are_refused_one_by_one(client):
    good, bad = {"type": "email", "value": ALICE}, {"type": "email", "value": "alice"}
    host = {"type": "dns", "value": "alpha.test"}
    order = client.directory["newOrder"]
    reply = client.post(order, {"identifiers": [good, bad, host]})
    problem(reply, 400, "compound")
    parts = reply.json["subproblems"]
    assert [part["identifier"] for part in parts] == [bad, host]
    assert [part["type"].rpartition(":")[2] for part in parts] == [
        "rejectedIdentifier", "unsupportedIdentifier"]
    assert all(part["detail"] for part in parts)
    problem(client.post(order, {"identifiers": [good, good]}), 400, "malformed")
    problem(client.post(order, {"identifiers": [good] * 101}), 400, "malformed")


# revocation


def test_whoever_may_revokes_once(world, authority, client):
    leaf, der, key = certificate(client, DAVE)
    stranger = Client(world)
    stranger.register()
    problem(stranger.revoke(der), 403, "unauthorized")
    problem(client.revoke(der, key=Key()), 403, "unauthorized")
    for reason in (2, 6, 7, 8, 10, 11, -1, "1", 1.5, True):
        problem(client.revoke(der, reason=reason), 400, "badRevocationReason")
    problem(client.revoke(der[:-1]), 400, "malformed")
    problem(client.revoke(b""), 400, "malformed")
    problem(client.revoke(der + b"x"), 400, "malformed")
    root = x509.load_pem_x509_certificate(Path(authority["root"]).read_bytes())
    problem(client.revoke(root.public_bytes(serialization.Encoding.DER)), 404, "malformed")
    assert revoked(authority, leaf) is None
    assert client.revoke(der, reason=4).status == 200
    assert revoked(authority, leaf) == 4
    problem(client.revoke(der, reason=4), 400, "alreadyRevoked")
    name = client.kid.rpartition("/")[2]
    assert audit(authority, "revoke")[-1][0] == f"account {name}"


def test_a_certificate_of_the_same_number_revokes_nothing(authority, client):
    """Anybody can write any serial number and issuer into a certificate with a key of their own."""
    leaf, _, _ = certificate(client, DAVE)
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(timezone.utc)
    forged = x509.CertificateBuilder(
        issuer_name=leaf.issuer, subject_name=leaf.subject, public_key=key.public_key(),
        serial_number=leaf.serial_number, not_valid_before=now,
        not_valid_after=now + timedelta(days=1)).sign(key, hashes.SHA256())
    octets = forged.public_bytes(serialization.Encoding.DER)
    problem(client.revoke(octets, key=Key("ES256", key)), 404, "malformed")
    assert revoked(authority, leaf) is None


def revoked(authority, leaf):
    serial = leaf.serial_number.to_bytes(16, "big")
    rows = select(authority, "SELECT reason FROM revocation WHERE serial = ?", (serial,))
    return rows[0][0] if rows else None


@pytest.mark.parametrize("kind, curve", [("ES256", ec.SECP256R1), ("ES384", ec.SECP384R1)])
def test_the_key_of_a_certificate_revokes_it(authority, client, kind, curve):
    leaf, der, key = certificate(client, DAVE, ec.generate_private_key(curve()))
    assert client.revoke(der, reason=1, key=Key(kind, key)).status == 200
    assert revoked(authority, leaf) == 1
    assert audit(authority, "revoke")[-1][0] == "key of the certificate"


def test_an_account_that_proved_the_mailbox_revokes_what_another_one_had_if_that_agrees(world, client):
    _, der, _ = certificate(client, DAVE)
    other = Client(world)
    other.register()
    order, authorization, challenge = other.new_order(DAVE)
    problem(other.revoke(der), 403, "unauthorized")  # asked for is not proved
    other.prove(DAVE, challenge)
    other.wait_for(order["url"], ("ready", "invalid"))
    problem(other.revoke(der), 403, "unauthorized")  # a password is not enough
    [request] = client.post(client.base + "/acme/guard").json["requests"]
    assert client.post(request["url"], {"status": "approved"}).status == 200
    problem(client.revoke(der), 400, "alreadyRevoked")


# renewal


def window(https, client, leaf):
    url = client.directory["renewalInfo"].removeprefix(client.base)
    reply = https.send("GET", f"{url}/{cert_id(leaf)}")
    assert reply.status == 200, reply.body
    assert int(reply.headers["Retry-After"]) > 0
    shown = reply.json["suggestedWindow"]
    return [datetime.fromisoformat(shown[end].replace("Z", "+00:00")) for end in ("start", "end")]


def test_renewal_information_says_when(https, client):
    leaf, der, _ = certificate(client, BOB)
    start, end = window(https, client, leaf)
    begins = leaf.not_valid_before.replace(tzinfo=timezone.utc)
    ends = leaf.not_valid_after.replace(tzinfo=timezone.utc)
    assert begins + (ends - begins) / 2 < start < end < ends
    assert client.revoke(der).status == 200
    start, end = window(https, client, leaf)
    assert start < end < datetime.now(timezone.utc) - timedelta(minutes=50)


@pytest.mark.parametrize("name, status", [
    ("x", 400), (".", 400), ("AAAA.", 400), (".AAAA", 400), ("AAAA.AAAA", 404), ("A=.B", 400),
    ("AAAA.AAAA.AAAA", 400), ("A" * 500 + ".AAAA", 400),
])
def test_renewal_information_of_nothing(https, name, status):
    problem(https.send("GET", f"/acme/renewal-info/{name}"), status, "malformed")


def test_an_order_can_replace_a_certificate_once(world, client):
    leaf, _, _ = certificate(client, BOB)
    url = client.directory["newOrder"]

    def ask(who, replaces, address=BOB):
        return who.post(url, {"identifiers": [{"type": "email", "value": address}],
                              "replaces": replaces})

    stranger = Client(world)
    stranger.register()
    problem(ask(stranger, cert_id(leaf)), 400, "malformed")
    for bad in ("x", "AAAA.AAAA", 1, cert_id(leaf) + "AAAA"):
        problem(ask(client, bad), 400, "malformed")
    problem(ask(client, cert_id(leaf), ALICE), 400, "malformed")
    reply = ask(client, cert_id(leaf))
    assert reply.status == 201, reply.body
    assert reply.json["replaces"] == cert_id(leaf)
    problem(ask(client, cert_id(leaf)), 409, "alreadyReplaced")
    # an order that failed has replaced nothing
    client.post(reply.json["authorizations"][0], {"status": "deactivated"})
    assert client.post(reply.headers["Location"]).json["status"] == "invalid"
    assert ask(client, cert_id(leaf)).status == 201


# an authority that does not take everybody


TERMS = "https://authority.test/terms-1"
NEW_TERMS = "https://authority.test/terms-2"
PAGE = 50
LETTERS = 8


@pytest.fixture(scope="module")
def choosy(world, authority):
    """What follows has an authority with other settings, until the end of this file."""
    [[letters]] = select(authority, "SELECT count(*) FROM acme_authorization")
    world.set_authority(external_account_required=True, terms=TERMS, orders_per_hour=PAGE + 2,
                    challenge_mails_per_domain=1, challenge_mails_per_client=letters + LETTERS)
    return authority


def test_an_account_is_bound_by_a_key_of_the_operator(world, choosy):
    client = Client(world)
    assert client.directory["meta"]["externalAccountRequired"] is True
    problem(client.register(), 403, "externalAccountRequired")
    kid, key = external_key(choosy, "--label", "Accounting", "--accounts", "2")
    client, reply, binding = bound(world, kid, key)
    assert reply.status == 201, reply.body
    assert reply.json["externalAccountBinding"] == binding
    assert client.post(client.kid).json["externalAccountBinding"] == binding
    name = client.kid.rpartition("/")[2]
    assert audit(choosy, "account")[-1] == (f"account {name}", name, "Accounting")
    # the same account again uses nothing up; a second one does, and a third is too many
    assert client.register().status == 200
    assert bound(world, kid, key)[1].status == 201
    problem(bound(world, kid, key)[1], 403, "unauthorized")


def member(world, authority):
    client, reply, _ = bound(world, *external_key(authority))
    assert reply.status == 201, reply.body
    return client


def next_page(reply):
    links = [link for link in reply.headers.get_all("Link") if 'rel="next"' in link]
    return links[0].partition("<")[2].partition(">")[0] if links else None


def test_orders_are_listed_in_pages_without_those_that_failed(world, choosy):
    client = member(world, choosy)
    made = [client.order("a@pages.limit.test").headers["Location"] for _ in range(PAGE + 1)]
    gone = client.order("a@gone.limit.test")
    assert client.post(gone.json["authorizations"][0], {"status": "deactivated"}).status == 200
    problem(client.order("a@pages.limit.test"), 429, "rateLimited")
    url = client.post(client.kid).json["orders"]
    first = client.post(url)
    second = client.post(next_page(first))
    assert first.json["orders"] == made[:0:-1]
    assert (second.json["orders"], next_page(second)) == (made[:1], None)
    for cursor in ("?cursor=0", "?cursor=x", "?cursor=", "?cursor=-1", "?page=1"):
        problem(client.post(url + cursor), 400, "malformed")


def test_letters_are_limited_by_domain_and_by_client(world, choosy):
    client = member(world, choosy)
    assert client.order("a@first.limit.test").status == 201
    assert client.order("a@first.limit.test").status == 201  # shares the letter
    reply = client.order("b@FIRST.limit.test")
    problem(reply, 429, "rateLimited")
    assert "domain" in reply.json["detail"] and int(reply.headers["Retry-After"]) > 0
    replies = [client.order(f"a@number{n}.limit.test") for n in range(LETTERS + 1)]
    assert replies[0].status == 201
    problem(replies[-1], 429, "rateLimited")
    assert "IP address" in replies[-1].json["detail"]


def test_terms_are_agreed_to_and_agreed_to_again_when_they_change(world, choosy):
    kid, key = external_key(choosy)
    client, reply, binding = bound(world, kid, key, agreed=False)
    assert client.directory["meta"]["termsOfService"] == TERMS
    for agreed in ({}, {"termsOfServiceAgreed": False}, {"termsOfServiceAgreed": "true"}):
        reply = client.register({"externalAccountBinding": binding, **agreed})
        problem(reply, 403, "userActionRequired")
        assert reply.json["instance"] == TERMS
        assert f'<{TERMS}>;rel="terms-of-service"' in reply.headers.get_all("Link")
    client, reply, _ = bound(world, kid, key)
    assert reply.json["termsOfServiceAgreed"] is True
    # other terms: who has not agreed to them gets nothing new
    world.set_authority(terms=NEW_TERMS, challenge_mails_per_client=10000)
    problem(client.order("a@terms.limit.test"), 403, "userActionRequired")
    client.post(client.kid, {"termsOfServiceAgreed": True})  # not so: RFC 8555 section 7.3.2
    problem(client.order("a@terms.limit.test"), 403, "userActionRequired")
    assert client.register().status == 200
    assert client.order("a@terms.limit.test").status == 201
