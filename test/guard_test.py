"""A mailbox that has a device: what somebody gets who only knows its password, and what its owner
is told.  By a foreign ACME client; the clock by libfaketime."""

import base64
import hashlib
import os
import sqlite3
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

import later
import stores
from acmeclient import (Client, Https, Key, answer_to, make_csr, token_of, wait_for_challenge)

ALICE = "alice@alpha.test"
BOB = "bob@beta.test"
CAROL = "carol@alpha.test"
DAVE = "dave@beta.test"
WAIT_HOURS = 72
SUBJECT = "Somebody wants something for your mailbox"
USED = "The recovery code of your mailbox was used"
REPLACED = "The recovery code of your mailbox was replaced"


@pytest.fixture
def somebody(world, authority):
    """A fresh account; none of them has a certificate after the test."""
    everybody = []

    def make():
        client = Client(world)
        assert client.register().status == 201
        everybody.append(client)
        return client

    yield make
    for client in everybody:
        client.leave()


def problem(reply, status, kind):
    assert (reply.status, reply.problem) == (status, kind), reply.body


def certificate(client, address, usage="signing"):
    """A certificate without further questions: (PEM of the leaf, DER, key)."""
    csr, key = make_csr(address, usage)
    reply = client.finalize(client.authorize(address), csr)
    assert (reply.status, reply.json["status"]) == (200, "valid"), reply.body
    leaf = x509.load_pem_x509_certificate(client.certificates(reply.json))
    return leaf, leaf.public_bytes(serialization.Encoding.DER), key


def ask(client, address, usage="signing"):
    """Order one at a mailbox that has a device: the order, which waits."""
    csr, key = make_csr(address, usage)
    order = client.authorize(address)
    reply = client.finalize(order, csr)
    assert (reply.status, reply.json["status"]) == (200, "processing"), reply.body
    assert int(reply.headers["Retry-After"]) > 0
    return order["url"], key


def waiting(client):
    """What the client's devices are told that waits."""
    reply = client.post(client.base + "/acme/guard")
    assert reply.status == 200, reply.body
    return reply.json["requests"]


def say(client, request, status):
    return client.post(request["url"], {"status": status})


def recovery(client, address, key=None, said=None, **more):
    """What the authority says of the mailbox's recovery code; with a key: have it registered."""
    url = client.directory["recovery"]
    payload = {"address": address, **more}
    if key:
        payload["key"] = client.inner(key, url, {"account": client.kid, "address": address,
                                                 **(said or {})})
    return client.post(url, payload)


def prove(client, request, code, status="approved", **changes):
    """The word of a recovery code's key on what waits; `changes`: of what it signs."""
    said = {**request, "status": status, **changes}
    said = {name: value for name, value in said.items() if value is not None}
    return client.post(request["url"], {"status": status,
                                        "proof": client.inner(code, request["url"], said)})


def audit(authority, prefix="guard-"):
    with sqlite3.connect(f"file:{authority['database']}?mode=ro", uri=True) as database:
        return [(actor, act, thing) for actor, act, thing in database.execute(
            "SELECT actor, act, object FROM audit ORDER BY id").fetchall()
            if act.startswith(prefix)]


def wait_for_warnings(world, address, count, seconds=20, subject=SUBJECT):
    deadline = time.monotonic() + seconds
    while len(found := world.fetch_where(address, "HEADER", "Subject", f'"{subject}"')) < count:
        assert time.monotonic() < deadline, (len(found), count)
        time.sleep(0.1)
    return found


@contextmanager
def later_by(world, hours, last=True):
    """The authority goes on so many hours later; after the last time, now."""
    program, log = world.authority["program"], open(world.dir / "log" / "later.log", "ab")
    world.stop("authority")
    process = subprocess.Popen([program, "run", world.authority["dir"]], stdout=log, stderr=log,
                               env={**os.environ, **later.in_days(hours / 24)})
    try:
        wait_until_it_answers(world, process)
        yield
    finally:
        process.terminate()
        process.wait(20)
        log.close()
        if last:
            world.start("authority")


def wait_until_it_answers(world, process, seconds=60):
    deadline = time.monotonic() + seconds
    while True:
        assert process.poll() is None and time.monotonic() < deadline
        try:
            Https(world).connect().close()
            return
        except OSError:
            time.sleep(0.05)


# the way it should be


def test_the_same_account_renews_without_asking(world, authority, somebody):
    owner = somebody()
    certificate(owner, ALICE)
    certificate(owner, ALICE, "encrypting")
    certificate(owner, ALICE)
    assert waiting(owner) == []


def test_a_new_device_waits_until_one_of_the_first_approves_it(world, authority, somebody):
    world.empty(BOB)
    owner, second, third = somebody(), somebody(), somebody()
    certificate(owner, BOB)
    url, key = ask(second, BOB)
    [request] = waiting(owner)
    assert (request["kind"], request["status"], request["address"]) == ("issue", "open", BOB)
    letter = wait_for_warnings(world, BOB, 1)[0]
    assert b"guard@authority.test" in letter and request["url"].encode() in letter
    assert second.post(url).json["status"] == "processing"
    # who asks does not decide, nor does anybody else
    problem(say(second, request, "approved"), 403, "unauthorized")
    problem(say(third, request, "refused"), 403, "unauthorized")
    problem(third.post(request["url"]), 403, "unauthorized")
    assert second.post(request["url"]).json["status"] == "open"
    for bad in ({}, {"status": "open"}, {"status": 1}):
        problem(owner.post(request["url"], bad), 400, "malformed")
    problem(owner.post(request["url"] + "x", {"status": "approved"}), 404, "malformed")
    assert say(owner, request, "approved").json["status"] == "approved"
    problem(say(owner, request, "refused"), 409, "malformed")
    # the key that was approved has its certificate, and the second device is one now
    done = second.post(url).json
    assert done["status"] == "valid"
    second.got.append(done["certificate"])
    leaf = x509.load_pem_x509_certificate(second.certificates(done))
    assert leaf.public_key().public_numbers() == key.public_key().public_numbers()
    certificate(second, BOB, "encrypting")
    url, _ = ask(third, BOB)
    [request] = waiting(second)
    assert say(second, request, "refused").json["status"] == "refused"
    refused = third.post(url).json
    assert refused["status"] == "invalid"
    assert refused["error"]["type"].endswith(":unauthorized")
    assert waiting(owner) == waiting(second) == []
    owners = "account " + owner.kid.rpartition("/")[2]
    assert (owners, "guard-approve", BOB) in audit(authority)


def test_who_gave_the_mailbox_up_does_not_get_what_was_waited_for(world, authority, somebody):
    owner, second = somebody(), somebody()
    certificate(owner, ALICE)
    order = second.authorize(ALICE)
    second.finalize(order, make_csr(ALICE)[0])
    [request] = waiting(owner)
    assert say(owner, request, "approved").json["status"] == "approved"
    given_up = second.post(order["authorizations"][0], {"status": "deactivated"})
    assert given_up.json["status"] == "deactivated"
    assert second.post(order["url"]).json["status"] == "invalid"
    assert second.post(second.post(second.kid).json["orders"]).json["orders"] == []


def test_the_case_of_letters_is_no_way_around(world, authority, somebody):
    owner, thief = somebody(), somebody()
    certificate(owner, CAROL)
    other = CAROL.replace("carol", "Carol")
    order, _, challenge = thief.new_order(other)
    mail = wait_for_challenge(world, CAROL, challenge)
    answer = answer_to(mail, other, thief.response_of(token_of(mail), challenge))
    world.send_plain(CAROL, challenge["from"], answer)
    thief.post(challenge["url"], {})
    assert thief.wait_for(order["url"], ("ready", "invalid"))["status"] == "ready"
    assert thief.finalize(order, make_csr(other)[0]).json["status"] == "processing"
    [request] = waiting(owner)
    assert request["address"] == other


def test_a_revocation_by_another_account_waits_for_a_device(world, authority, somebody):
    owner, other = somebody(), somebody()
    _, der, _ = certificate(owner, DAVE)
    other.authorize(DAVE)
    problem(other.revoke(der, reason=1), 403, "unauthorized")
    problem(other.revoke(der, reason=1), 403, "unauthorized")
    [request] = waiting(owner)  # one, however often it is asked for
    assert request["kind"] == "revoke"
    assert say(owner, request, "approved").json["status"] == "approved"
    problem(owner.revoke(der), 400, "alreadyRevoked")
    # nothing is in force any more: whoever controls the mailbox is the first again
    certificate(other, DAVE)


def test_the_recovery_code_speaks_for_a_mailbox_whose_devices_are_gone(world, authority, somebody):
    world.empty(BOB)
    owner, second = somebody(), somebody()
    certificate(owner, BOB)
    code = Key()
    assert recovery(owner, BOB).json["registered"] is False
    assert recovery(owner, BOB, code).json["registered"] is True
    url, key = ask(second, BOB)
    # who asked sees in the order what it waits for
    request = second.post(second.post(url).json["guard"]).json
    assert (request["kind"], request["status"]) == ("issue", "open")
    assert prove(second, request, code).json["status"] == "approved"
    done = second.post(url).json
    assert done["status"] == "valid"
    second.got.append(done["certificate"])
    leaf = x509.load_pem_x509_certificate(second.certificates(done))
    assert leaf.public_key().public_numbers() == key.public_key().public_numbers()
    assert ("recovery code", "guard-approve", BOB) in audit(authority)
    # the devices are told, and the mailbox once more
    assert [(one["decidedBy"], one["status"]) for one in waiting(owner)] == [
        ("recovery code", "approved")]
    assert b"letterlock recovery new" in wait_for_warnings(world, BOB, 1, subject=USED)[0]
    # it can have a lost device's certificates revoked too
    for got in owner.got:
        lost = x509.load_pem_x509_certificate(owner.certificates({"certificate": got}))
        third = somebody()
        third.authorize(BOB)
        reply = third.revoke(lost.public_bytes(serialization.Encoding.DER), reason=1)
        problem(reply, 403, "unauthorized")
        request = third.post(reply.json["instance"]).json
        assert prove(third, request, code).json["status"] == "approved"
    assert owner.post(owner.base + "/acme/guard").json["requests"] == []


def test_a_proof_is_good_for_its_one_request_only(world, authority, somebody):
    owner, thief = somebody(), somebody()
    certificate(owner, BOB)
    code = Key()
    assert recovery(owner, BOB, code).status == 200
    ask(thief, BOB)
    ask(thief, BOB, "encrypting")
    first, other = [request for request in waiting(owner) if request["status"] == "open"]
    problem(prove(thief, first, Key()), 403, "unauthorized")
    good = thief.inner(code, first["url"], {**first, "status": "approved"})
    for changes in ({"key": other["key"]}, {"key": None}, {"address": ALICE}, {"kind": "revoke"},
                    {"url": other["url"]}):
        problem(prove(thief, first, code, **changes), 400, "malformed")
    # as it was for the first one, at the second one
    problem(thief.post(other["url"], {"status": "approved", "proof": good}), 400, "malformed")
    problem(thief.post(first["url"], {"status": "refused", "proof": good}), 400, "malformed")
    for bad in ({**good, "signature": good["signature"][:-2] + "AA"}, {**good, "payload": "e30"}):
        problem(thief.post(first["url"], {"status": "approved", "proof": bad}),
                403, "unauthorized")
    for bad in ("x", {}, [], {**good, "more": 1}):
        problem(thief.post(first["url"], {"status": "approved", "proof": bad}), 400, "malformed")
    assert [owner.post(one["url"]).json["status"] for one in (first, other)] == ["open"] * 2
    # it can say no as well, and then not yes any more
    assert prove(thief, first, code, "refused").json["status"] == "refused"
    problem(thief.post(first["url"], {"status": "approved", "proof": good}), 409, "malformed")


WRONG_MAX = 10


def test_wrong_recovery_codes_are_counted_and_stop_whoever_tries_them(world, authority, somebody):
    """The thief is stopped, by the right code too; the person is not."""
    owner, thief, person = somebody(), somebody(), somebody()
    certificate(owner, BOB)
    code = Key()
    assert recovery(owner, BOB, code).status == 200
    url, _ = ask(thief, BOB)
    request = thief.post(thief.post(url).json["guard"]).json
    broken = {"status": "approved", "proof": {"protected": "", "payload": "", "signature": ""}}
    problem(thief.post(request["url"], broken), 400, "malformed")
    for _ in range(WRONG_MAX):
        problem(prove(thief, request, Key()), 403, "unauthorized")
    for guess in (Key(), code):
        reply = prove(thief, request, guess)
        problem(reply, 429, "rateLimited")
        assert int(reply.headers["Retry-After"]) > 0
    assert thief.post(url).json["status"] == "processing"
    name = "account " + thief.kid.rpartition("/")[2]
    assert audit(authority).count((name, "guard-wrong-code", BOB)) == WRONG_MAX
    url, _ = ask(person, BOB)
    request = person.post(person.post(url).json["guard"]).json
    assert prove(person, request, code).json["status"] == "approved"
    done = person.post(url).json
    assert done["status"] == "valid"
    person.got.append(done["certificate"])


def test_what_a_thief_asks_for_keeps_nobody_else_from_asking(world, authority, somebody):
    owner, thief, person = somebody(), somebody(), somebody()
    certificate(owner, DAVE)
    code = Key()
    assert recovery(owner, DAVE, code).status == 200
    for _ in range(4):
        ask(thief, DAVE)
    order = thief.authorize(DAVE)
    reply = thief.finalize(order, make_csr(DAVE)[0])
    problem(reply, 429, "rateLimited")
    assert int(reply.headers["Retry-After"]) > 0
    assert len(waiting(owner)) == 4
    url, _ = ask(person, DAVE)
    request = person.post(person.post(url).json["guard"]).json
    assert prove(person, request, code).json["status"] == "approved"
    done = person.post(url).json
    person.got.append(done["certificate"])
    for request in waiting(owner):
        say(owner, request, "refused")


def test_the_owner_is_told_that_a_device_replaced_the_recovery_code(world, authority, somebody):
    world.empty(CAROL)
    owner = somebody()
    certificate(owner, CAROL)
    assert recovery(owner, CAROL, Key()).status == 200
    assert recovery(owner, CAROL, Key(), replace=True).status == 200
    [letter] = wait_for_warnings(world, CAROL, 1, subject=REPLACED)
    assert b"From: guard@authority.test" in letter and b"d=authority.test" in letter
    assert b"a device of\r\n\r\n    carol@alpha.test\r\n" in letter
    time.sleep(1)  # of the first one, and a second time, nobody is told
    assert len(world.fetch_where(CAROL, "HEADER", "Subject", f'"{REPLACED}"')) == 1


def test_only_a_device_has_a_recovery_code_registered(world, authority, somebody):
    owner, thief = somebody(), somebody()
    certificate(owner, DAVE)
    code, other = Key(), Key()
    thief.authorize(DAVE)  # what the password is good for
    problem(recovery(thief, DAVE), 403, "unauthorized")
    problem(recovery(thief, DAVE, other), 403, "unauthorized")
    problem(recovery(owner, ALICE, code), 403, "unauthorized")
    problem(recovery(owner, "no address", code), 400, "rejectedIdentifier")
    problem(owner.post(owner.directory["recovery"], {}), 400, "malformed")
    problem(owner.post(owner.directory["recovery"], {"address": DAVE, "key": {}}),
            400, "malformed")
    # a key that was shown for something else
    problem(recovery(owner, DAVE, code, {"address": ALICE}), 400, "malformed")
    problem(recovery(owner, DAVE, code, {"account": thief.kid}), 400, "malformed")
    assert recovery(owner, DAVE).json["registered"] is False
    assert recovery(owner, DAVE, code).json["registered"] is True
    problem(recovery(owner, DAVE, other), 409, "malformed")
    assert recovery(owner, DAVE, other, replace=True).json["registered"] is True
    url, _ = ask(thief, DAVE)
    request = thief.post(thief.post(url).json["guard"]).json
    problem(prove(thief, request, code), 403, "unauthorized")
    # whoever has the mailbox next begins without it
    owner.leave()
    next_one = somebody()
    certificate(next_one, DAVE)
    assert recovery(next_one, DAVE).json["registered"] is False
    problem(prove(thief, request, other), 403, "unauthorized")


def set_record(world, name, value, command="zone-set"):
    """A TXT record in alpha.test, by the DNS server's own control."""
    words = [] if command == "zone-unset" else ["1"]
    for line in (["zone-begin", "alpha.test"],
                 [command, "alpha.test", name, *words, "TXT", value], ["zone-commit", "alpha.test"]):
        subprocess.run(["knotc", "-s", Path(world.dir) / "dns" / "knot.sock", *line], check=True,
                       capture_output=True)


def seen(authority, request):
    name = request["url"].rpartition("/")[2]
    [(count,)] = stores.select(authority, "SELECT proof_seen FROM guard_request WHERE name = ?",
                               (name,))
    return count


def wait_until(what, seconds=30):
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_owner_of_the_domain_undoes_an_enrolment_by_dns(world, authority, somebody):
    """Whoever was first at the mailbox was not its person.  The clock stays where it goes."""
    erin = "erin@alpha.test"
    thief, owner, other = somebody(), somebody(), somebody()
    certificate(thief, ALICE)
    ask_undo = owner.directory["undo"]
    problem(owner.post(ask_undo, {"address": "x"}), 400, "rejectedIdentifier")
    request = owner.post(ask_undo, {"address": ALICE}).json
    want = base64.urlsafe_b64encode(hashlib.sha256(
        f"{request['url'].rpartition('/')[2]}.{ALICE}".encode()).digest()).rstrip(b"=").decode()
    assert request["record"] == {"name": "_letterlock.alpha.test", "type": "TXT",
                                 "value": "letterlock-undo=" + want}
    # what is asked for without a record, whether there is such a mailbox or not
    lone = other.post(ask_undo, {"address": ALICE}).json
    assert other.post(ask_undo, {"address": erin}).json["status"] == "open"
    assert waiting(thief) == []
    set_record(world, "_letterlock", request["record"]["value"])
    try:
        for look, hours in enumerate((1, 14, 27), 1):
            with later_by(world, hours, last=look == 3):
                wait_until(lambda: seen(authority, request) == look)
                if look < 3:
                    [told] = waiting(thief)
                    assert (told["kind"], told["url"]) == ("undo", request["url"])
                    problem(say(thief, told, "refused"), 403, "unauthorized")
    finally:
        set_record(world, "_letterlock", request["record"]["value"], "zone-unset")
    assert owner.post(request["url"]).json["decidedBy"] == "domain alpha.test"
    assert owner.post(request["url"]).json["status"] == "approved"
    assert other.post(lone["url"]).json["status"] == "open"
    assert ("domain alpha.test", "guard-approve", ALICE) in audit(authority)
    certificate(owner, ALICE)


# the attack


def test_a_thief_of_the_password_gets_nothing_and_the_owner_is_told(world, authority, somebody):
    """Last: the clock stays where it goes."""
    mallory = "mallory@alpha.test"
    world.empty(mallory)
    owner = somebody()
    _, signing, _ = certificate(owner, mallory)
    _, encrypting, _ = certificate(owner, mallory, "encrypting")
    code = Key()
    assert recovery(owner, mallory, code).status == 200

    def attack(before):
        """Everything that a password can do; how much of it the owner was told."""
        thief = somebody()
        orders = [ask(thief, mallory, usage)[0] for usage in ("signing", "encrypting")]
        assert [thief.post(url).json["status"] for url in orders] == ["processing"] * 2
        for der in (signing, encrypting):
            problem(thief.revoke(der, reason=1), 403, "unauthorized")
        told = waiting(owner)
        assert [request["kind"] for request in told] == ["issue", "issue", "revoke", "revoke"]
        # a recovery code of the thief's own
        problem(recovery(thief, mallory, Key(), replace=True), 403, "unauthorized")
        for request in told:
            problem(prove(thief, request, Key()), 403, "unauthorized")
            problem(say(thief, request, "approved"), 403, "unauthorized")
        wait_for_warnings(world, mallory, before + 4)
        world.empty(mallory)  # what a thief does with letters
        return thief, orders

    thief, orders = attack(0)
    early = somebody()
    asked, _, _ = early.new_order(mallory)
    with later_by(world, WAIT_HOURS - 1, last=False):
        assert [thief.post(url).json["status"] for url in orders] == ["processing"] * 2
        assert len(waiting(owner)) == 4
    with later_by(world, WAIT_HOURS + 1):
        for url in orders:
            assert thief.post(url).json["status"] == "invalid"
            problem(thief.finalize({"finalize": url.replace("/order/", "/finalize/")},
                                   make_csr(mallory)[0]), 403, "orderNotReady")
        assert early.post(asked["url"]).json["status"] == "invalid"
        assert waiting(owner) == []
        # once more, with everything proved anew
        thief, orders = attack(0)
        for request in waiting(owner):
            assert say(owner, request, "refused").status == 200
        assert {thief.post(url).json["status"] for url in orders} == {"invalid"}
        nothing_came_of_it(world, authority, mallory)


def nothing_came_of_it(world, authority, address):
    reply = Https(world).send("GET", f"/directory/v1?address={address}")
    assert [len(reply.json[usage]) for usage in ("signing", "encrypting")] == [1, 1]
    with sqlite3.connect(f"file:{authority['database']}?mode=ro", uri=True) as database:
        assert database.execute(
            "SELECT count(*) FROM revocation AS r JOIN certificate AS c ON c.id = r.certificate"
            " WHERE c.address = ?", (address,)).fetchall() == [(0,)]
    deadline = time.monotonic() + 20
    while [act for _, act, thing in audit(authority) if thing == address
           ].count("guard-silence") < 4:
        assert time.monotonic() < deadline, audit(authority)
        time.sleep(0.2)
