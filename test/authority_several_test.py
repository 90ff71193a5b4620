"""Several processes over one PostgreSQL; and a database that is gone, or full."""

import base64
import http.client
import json
import random
import re
import shutil
import signal
import smtplib
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

from acmeclient import Client, Https, Key, b64, cert_id, make_csr
from conftest import long, new_directory
from postgres import Postgres
from stores import another_log

ALICE = "alice@alpha.test"
BOB, CAROL, DAVE = "bob@beta.test", "carol@alpha.test", "dave@beta.test"
PEOPLE = [ALICE, BOB, CAROL, DAVE]
CROWD = 6  # who ask in the same moment
PROCESSES = 3
PORTS = {"listen": 8443, "mx_listen": 2525, "http_listen": 8080}
FEW, MANY = 60, 10_000
KILLS = 3  # at least
PATIENCE = 60
SETTINGS = {"orders_per_hour": 1_000_000, "accounts_per_hour": 1_000_000,
            "challenge_mails_per_hour": 1000, "authorization_reuse": 24 * 3600,
            "audit_seal_every": 1}


class Process:
    """One of several: the authority's folder, or a copy of it, with listeners of its own."""

    def __init__(self, world, number, **changes):
        own = Path(world.authority["dir"])
        self.dir = own if number == 0 else own.with_name(f"authority-{number}")
        if number > 0:
            shutil.copytree(own, self.dir)
        self.settings = self.dir / "authority.json"
        self.before = self.settings.read_text()
        places = {name: f"{world.authority['address']}:{port + 10 * number}"
                  for name, port in PORTS.items()}
        self.settings.write_text(json.dumps({**json.loads(self.before), **changes, **places}))
        self.program = world.authority["program"]
        self.https = Https(world)
        self.https.port = PORTS["listen"] + 10 * number
        self.log = world.dir / "log" / f"several-{number}.log"
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([self.program, "run", self.dir], stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE
        while not self.is_up():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)

    def is_up(self):
        try:
            return self.https.send("GET", "/acme/directory").status == 200
        except OSError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE) == 0, self.log.read_text()

    def audit(self):
        return subprocess.run([self.program, "audit", "verify", self.dir], capture_output=True,
                              text=True, check=False)


class Several:
    def __init__(self, world, postgres):
        self.world = world
        self.postgres = postgres
        changes = {**SETTINGS, "store": postgres.url}
        self.processes = [Process(world, number, **changes) for number in range(PROCESSES)]

    def client(self, number):
        """A client of that process alone."""
        client = Client(self.world)
        client.https.port = self.processes[number].https.port
        assert client.register().status in (200, 201)
        return client


@pytest.fixture(scope="module")
def several(world):
    folder = new_directory()
    world.stop("authority")
    try:
        with another_log(world.authority["dir"]):
            postgres = Postgres(folder)
            yield from running(Several(world, postgres))
    finally:
        shutil.rmtree(folder)
        world.start("authority")


def running(several):
    try:
        for process in several.processes:
            process.start()
        yield several
        for process in several.processes:
            process.stop()
    finally:
        for process in several.processes:
            if process.process is not None and process.process.poll() is None:
                process.kill()
        several.processes[0].settings.write_text(several.processes[0].before)
        several.postgres.stop()


class Tireless(Client):
    """Asks any of the processes, and another one whenever that did not work out."""

    def __init__(self, several):
        self.doors = [process.https.port for process in several.processes]
        super().__init__(several.world)
        self.tries = 0

    def post(self, url, payload=None, **changes):
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.https.port = random.choice(self.doors)
                reply = super().post(url, payload, **changes)
            except (OSError, AssertionError, http.client.HTTPException):
                reply = None
            if reply is not None and reply.status != 503 and not (
                    reply.status == 400 and reply.problem == "badNonce"):
                return reply
            if reply is not None and reply.status == 503:
                assert int(reply.headers["Retry-After"]) > 0
            assert time.monotonic() < deadline, reply and reply.body
            self.tries += 1
            time.sleep(0.05)

    def certificate(self, address):
        """Order one and have it in hands; its serial number."""
        order = self.order(address)
        assert order.status == 201, order.body
        assert order.json["status"] == "ready", order.body
        url = order.headers["Location"]
        reply = self.finalize(order.json, make_csr(address)[0])
        if reply.status != 200:  # it was done, and the answer was lost
            assert reply.problem == "orderNotReady", reply.body
            reply = self.post(url)
        assert reply.json["status"] == "valid", reply.body
        if reply.json["certificate"] not in self.got:
            self.got.append(reply.json["certificate"])
        return x509.load_pem_x509_certificate(self.certificates(reply.json)).serial_number


# a full disk


@contextmanager
def small_disk(world, size):
    """The authority's database lies on a disk of so many bytes, and the disk is what is lent."""
    disk = new_directory()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk], check=True)
    settings = Path(world.authority["dir"]) / "authority.json"
    before = settings.read_text()
    world.stop("authority")
    try:
        with another_log(settings.parent):
            settings.write_text(json.dumps({**json.loads(before), "store": str(disk / "db")}))
            world.start("authority")
            try:
                yield disk
            finally:
                world.stop("authority")
    finally:
        settings.write_text(before)
        subprocess.run(["umount", disk], check=True)
        disk.rmdir()
        world.start("authority")


def fill(disk):
    """Nothing more goes onto it, not even a piece of what is there."""
    with open(disk / "filler", "wb", buffering=0) as filler:
        for size in (65536, 4096, 1):
            try:
                while filler.write(b"x" * size) == size:
                    pass
            except OSError:
                pass


def test_with_a_full_disk_nothing_is_half_done_and_it_goes_on_afterwards(world):
    with small_disk(world, 4 << 20) as disk:
        client = Client(world)
        assert client.register().status == 201
        order = client.authorize(ALICE)
        assert order["status"] == "ready"
        csr = make_csr(ALICE)[0]
        fill(disk)
        for reply in (client.finalize(order, csr), client.order(ALICE)):
            assert reply.status == 503, reply.body
            assert reply.problem == "serverInternal"
            assert int(reply.headers["Retry-After"]) > 0
        (disk / "filler").unlink()
        assert client.post(order["url"]).json["status"] == "ready"
        reply = client.finalize(order, csr)
        assert reply.status == 200, reply.body
        client.certificates(reply.json)
        audit = subprocess.run(
            [world.authority["program"], "audit", "verify", world.authority["dir"]],
            capture_output=True, text=True, check=False)
        assert audit.returncode == 0, audit.stdout
        assert "1 certificates" in audit.stdout


# several processes


def test_a_nonce_of_one_process_is_good_at_another_once(several):
    client = several.client(0)
    nonce = client.nonce()
    url = client.directory["newOrder"]
    body = client.jws(url, {"identifiers": [{"type": "email", "value": ALICE}]}, nonce=nonce)
    client.https.port = several.processes[1].https.port
    assert client.post_raw(url, json.dumps(body)).status == 201
    for process in several.processes:
        client.https.port = process.https.port
        reply = client.post_raw(url, json.dumps(body))
        assert (reply.status, reply.problem) == (400, "badNonce")


def test_an_account_of_one_process_is_known_to_the_others(several):
    client = several.client(0)
    client.https.port = several.processes[2].https.port
    again = Client(several.world, client.key)
    again.https.port = several.processes[1].https.port
    assert again.register().status == 200
    assert again.kid == client.kid
    assert client.post(client.kid).status == 200


def test_each_challenge_is_mailed_once_whoever_was_asked(several):
    """Every process has a mailer, and each sees all letters that wait."""
    asked = []
    for number in range(2 * PROCESSES):
        _, _, challenge = several.client(number % PROCESSES).new_order("eve@beta.test")
        asked.append(challenge["from"])

    def letters(sender):
        return several.world.fetch_where("eve@beta.test", "HEADER", "From", sender)

    deadline = time.monotonic() + PATIENCE
    while not all(letters(sender) for sender in asked):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    time.sleep(1)
    assert [len(letters(sender)) for sender in asked] == [1] * len(asked)


# races


def at_once(several, requests):
    """POST all of (client, URL, payload) in the same moment, each at another door than the last."""
    bodies = [(client.path(url), json.dumps(client.jws(url, payload)))
              for client, url, payload in requests]
    return post_at_once(several, bodies)


def post_at_once(several, bodies):
    barrier, replies = threading.Barrier(len(bodies)), [None] * len(bodies)

    def post(number, path, body):
        https = Https(several.world)
        https.port = several.processes[number % PROCESSES].https.port
        barrier.wait()
        replies[number] = https.send("POST", path, body,
                                     {"Content-Type": "application/jose+json"})

    threads = [threading.Thread(target=post, args=(number, *body))
               for number, body in enumerate(bodies)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return replies


def outcomes(replies):
    """How often each was said; what was never done because of the others may be tried again."""
    said = [reply.status if reply.status < 300 else reply.problem for reply in replies]
    return {word: said.count(word) for word in said}


def test_a_nonce_that_comes_to_all_at_once_is_taken_by_one(several):
    client = several.client(0)
    body = json.dumps(client.jws(client.kid, None))
    replies = post_at_once(several, [(client.path(client.kid), body)] * CROWD)
    assert outcomes(replies) == {200: 1, "badNonce": CROWD - 1}


def test_an_order_that_all_finalize_at_once_has_one_certificate(several):
    client = several.client(0)
    order = client.authorize(BOB)
    replies = at_once(several, [(client, order["finalize"], {"csr": b64(make_csr(BOB)[0])})
                                for _ in range(CROWD)])
    said = outcomes(replies)
    assert said.pop(200) == 1 and set(said) <= {"orderNotReady"}, said
    [done] = [reply.json for reply in replies if reply.status == 200]
    client.got.append(done["certificate"])
    name = client.kid.rpartition("/")[2]
    assert several.postgres.query(
        "SELECT count(*) FROM certificate AS c JOIN account AS a ON a.id = c.account"
        " WHERE a.name = %s", (name,)) == [(1,)]
    client.leave()


def test_of_several_who_enrol_a_mailbox_at_once_one_is_the_first(several):
    """The others wait for its device, or two thieves would guard the mailbox together."""
    clients = [several.client(number) for number in range(PROCESSES)]
    orders = [client.authorize(CAROL) for client in clients]
    replies = at_once(several, [(client, order["finalize"], {"csr": b64(make_csr(CAROL)[0])})
                                for client, order in zip(clients, orders)])
    states = [reply.json["status"] for reply in replies]
    assert sorted(states) == ["processing"] * (PROCESSES - 1) + ["valid"], states
    first = clients[states.index("valid")]
    first.got.append(replies[states.index("valid")].json["certificate"])
    for request in first.post(first.base + "/acme/guard").json["requests"]:
        assert first.post(request["url"], {"status": "refused"}).status == 200
    first.leave()


def test_a_certificate_that_all_revoke_or_replace_at_once_is_so_once(several):
    client = several.client(0)
    order = client.authorize(DAVE)
    reply = client.finalize(order, make_csr(DAVE)[0])
    leaf = x509.load_pem_x509_certificate(client.certificates(reply.json))
    new_order = {"identifiers": [{"type": "email", "value": DAVE}], "replaces": cert_id(leaf)}
    replies = at_once(several, [(client, client.directory["newOrder"], new_order)] * CROWD)
    assert outcomes(replies) == {201: 1, "alreadyReplaced": CROWD - 1}
    der = leaf.public_bytes(serialization.Encoding.DER)
    replies = at_once(several, [(client, client.directory["revokeCert"],
                                 {"certificate": b64(der)})] * CROWD)
    assert outcomes(replies) == {200: 1, "alreadyRevoked": CROWD - 1}
    assert several.postgres.query("SELECT count(*) FROM audit WHERE act = 'revoke' AND object = %s",
                                  (f"{leaf.serial_number:x}",)) == [(1,)]


def test_a_key_has_one_account_whoever_asks_when(several):
    new = Client(several.world, Key())
    url = new.directory["newAccount"]
    replies = at_once(several, [(new, url, {})] * CROWD)
    assert outcomes(replies) == {201: 1, 200: CROWD - 1}
    assert len({reply.headers["Location"] for reply in replies}) == 1
    clients, key = [several.client(number) for number in range(PROCESSES)], Key()
    url = new.directory["keyChange"]
    replies = at_once(several, [(client, url, client.inner(key, url, {
        "account": client.kid, "oldKey": client.key.jwk})) for client in clients])
    assert sorted(reply.status for reply in replies) == [200] + [409] * (PROCESSES - 1)


def test_a_binding_for_one_account_makes_one(several):
    made = subprocess.run([several.processes[0].program, "eab", several.processes[0].dir,
                           "--accounts", "1"], capture_output=True, text=True, check=True)
    kid, key = [line.split(": ")[1] for line in made.stdout.splitlines()[:2]]
    clients = [Client(several.world, Key()) for _ in range(CROWD)]
    replies = at_once(several, [(client, client.directory["newAccount"], {
        "externalAccountBinding": client.binding(kid, key)}) for client in clients])
    assert outcomes(replies) == {201: 1, "unauthorized": CROWD - 1}


def test_without_the_database_it_says_later_and_goes_on_when_it_is_back(several):
    client = several.client(0)
    csr = make_csr(ALICE)[0]
    first = client.finalize(client.authorize(ALICE), csr)
    leaf, issuer = [x509.load_pem_x509_certificate(part + END) for part in
                    client.certificates(first.json).split(END)[:2]]
    der = leaf.public_bytes(serialization.Encoding.DER)
    order = client.authorize(ALICE)
    before = [process.process.pid for process in several.processes]
    several.postgres.stop()
    try:
        for reply in (client.finalize(order, csr), client.order(ALICE), client.post(client.kid),
                      client.revoke(der),
                      client.https.send("GET", "/directory/v1?address=alice%40alpha.test")):
            assert reply.status == 503, reply.body
            assert int(reply.headers["Retry-After"]) > 0
        assert ocsp_status(several, leaf, issuer) == (503, ocsp.OCSPResponseStatus.TRY_LATER)
        assert rcpt_code(several) == 451
        # what needs no database is there
        assert client.https.send("GET", "/root.pem").status == 200
    finally:
        several.postgres.start()
    assert client.post(order["url"]).json["status"] == "ready"
    assert ocsp_status(several, leaf, issuer) == (200, ocsp.OCSPResponseStatus.SUCCESSFUL)
    assert rcpt_code(several) == 550
    reply = client.finalize(order, csr)
    assert reply.status == 200, reply.body
    client.leave()
    assert [process.process.pid for process in several.processes] == before
    assert all(process.process.poll() is None for process in several.processes)


END = b"-----END CERTIFICATE-----"


def ocsp_status(several, leaf, issuer):
    """What HTTP and OCSP say; with a nonce, so that no answer is ready."""
    question = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, hashes.SHA1()).add_extension(
        x509.OCSPNonce(bytes(range(32))), critical=False).build()
    connection = http.client.HTTPConnection(several.world.authority["address"],
                                            PORTS["http_listen"], timeout=30)
    try:
        connection.request("POST", "/ocsp", question.public_bytes(serialization.Encoding.DER),
                           {"Content-Type": "application/ocsp-request"})
        reply = connection.getresponse()
        return reply.status, ocsp.load_der_ocsp_response(reply.read()).response_status
    finally:
        connection.close()


def rcpt_code(several):
    address = several.world.authority["address"]
    with smtplib.SMTP(address, PORTS["mx_listen"], timeout=30) as smtp:
        smtp.ehlo()
        smtp.mail(ALICE)
        return smtp.docmd("RCPT TO:<acme-challenge+00000000000000000000@authority.test>")[0]


def orders_under_fire(several, count):
    """Clients order, each for a mailbox, while somebody kills; they, and the serials they have in hands."""
    clients = {}
    for address in PEOPLE:
        clients[address] = Tireless(several)
        clients[address].register()
        clients[address].authorize(address)
    serials = {address: [] for address in PEOPLE}
    faults, killed = [], []

    def work(address):
        try:
            while len(serials[address]) < count // len(PEOPLE) or len(killed) < KILLS:
                serials[address].append(clients[address].certificate(address))
        except BaseException as fault:
            faults.append(fault)
            raise

    threads = [threading.Thread(target=work, args=(address,)) for address in PEOPLE]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        time.sleep(random.uniform(0.2, 1))
        victim = random.choice(several.processes)
        victim.kill()
        victim.start()
        killed.append(victim)
    assert not faults
    return clients, serials


def check_nothing_is_lost(several, serials):
    """Every certificate that somebody has is in the database, the directory and the log, once."""
    acknowledged = sorted(serial for some in serials.values() for serial in some)
    assert len(set(acknowledged)) == len(acknowledged)
    stored = [int.from_bytes(row[0], "big")
              for row in several.postgres.query("SELECT serial FROM certificate")]
    assert len(set(stored)) == len(stored)
    assert set(acknowledged) <= set(stored)
    logged = [int(row[0], 16) for row in several.postgres.query(
        "SELECT object FROM audit WHERE act = 'issue'")]
    assert sorted(logged) == sorted(stored)
    for address, own in serials.items():
        reply = several.processes[0].https.send("GET", f"/directory/v1?address={address}")
        found = [der_serial(text) for text in reply.json["signing"]]
        assert len(set(found)) == len(found)
        # the directory shows the newest 32
        assert set(own[-30:]) <= set(found)
    for process in several.processes:
        audit = process.audit()
        assert audit.returncode == 0, audit.stdout
        assert f"{len(stored)} certificates" in audit.stdout
        assert int(re.search(r"(\d+) seals", audit.stdout).group(1)) > 1
    return stored


def der_serial(text):
    return x509.load_der_x509_certificate(base64.b64decode(text)).serial_number


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=long)])
def test_whatever_was_acknowledged_survives_the_death_of_any_process(several, count):
    before = {int.from_bytes(row[0], "big")
              for row in several.postgres.query("SELECT serial FROM certificate")}
    clients, serials = orders_under_fire(several, count)
    acknowledged = sum(map(len, serials.values()))
    assert acknowledged >= count
    stored = check_nothing_is_lost(several, serials)
    # nor is there one that nobody has: each order has one, and each was asked for until it came
    assert len(set(stored) - before) == acknowledged
    if count == FEW:  # the mailboxes are for others after this
        for client in clients.values():
            client.leave()
