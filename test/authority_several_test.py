"""Several processes over one PostgreSQL; and a database that is gone, or full."""

import base64
import http.client
import json
import random
import re
import shutil
import signal
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509

from acmeclient import Client, Https, make_csr
from conftest import long, new_directory
from postgres import Postgres

ALICE = "alice@alpha.test"
PEOPLE = [ALICE, "bob@beta.test", "carol@alpha.test", "dave@beta.test"]
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
    postgres = Postgres(folder)
    several = Several(world, postgres)
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
        postgres.stop()
        shutil.rmtree(folder)
        world.start("authority")


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
        return x509.load_pem_x509_certificate(self.certificates(reply.json)).serial_number


# a full disk


@contextmanager
def small_disk(world, size):
    """The authority's database lies on a disk of so many bytes, and the disk is what is lent."""
    disk = new_directory()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk], check=True)
    settings = Path(world.authority["dir"]) / "authority.json"
    before = settings.read_text()
    try:
        settings.write_text(json.dumps({**json.loads(before), "store": str(disk / "db")}))
        world.stop("authority")
        world.start("authority")
        yield disk
    finally:
        world.stop("authority")
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


def test_without_the_database_it_says_later_and_goes_on_when_it_is_back(several):
    client = several.client(0)
    order = client.authorize(ALICE)
    csr = make_csr(ALICE)[0]
    before = [process.process.pid for process in several.processes]
    several.postgres.stop()
    try:
        for reply in (client.finalize(order, csr), client.order(ALICE), client.post(client.kid),
                      client.https.send("GET", "/directory/v1?address=alice%40alpha.test")):
            assert reply.status == 503, reply.body
            assert int(reply.headers["Retry-After"]) > 0
        # what needs no database is there
        assert client.https.send("GET", "/root.pem").status == 200
    finally:
        several.postgres.start()
    assert client.post(order["url"]).json["status"] == "ready"
    reply = client.finalize(order, csr)
    assert reply.status == 200, reply.body
    client.leave()
    assert [process.process.pid for process in several.processes] == before
    assert all(process.process.poll() is None for process in several.processes)


def orders_under_fire(several, count):
    """Clients order, each for a mailbox, while somebody kills; the serials they have in hands."""
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
    return serials


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
    serials = orders_under_fire(several, count)
    acknowledged = sum(map(len, serials.values()))
    assert acknowledged >= count
    stored = check_nothing_is_lost(several, serials)
    # nor is there one that nobody has: each order has one, and each was asked for until it came
    assert len(set(stored) - before) == acknowledged
