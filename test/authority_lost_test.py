"""A database that takes nothing more: with a full disk (SQLite), and while the server is away
(PostgreSQL).  Whatever would write is refused with "later", nothing is half done, and afterwards the
same requests are granted.  By foreign clients; what lies in the database is read by Python."""

import json
import shutil
import subprocess
from contextlib import contextmanager

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

import stores
from acmeclient import Client, Key, make_csr
from authority_several_test import fill
from conftest import long, new_directory
from desk_test import Visitor, attach
from desk_test import ask as ask_identity
from guard_desk_test import PORT, Device, operator, thief_of
from guard_test import recovery
from postgres import Cutter, Postgres

ALICE, BOB, CAROL = "alice@alpha.test", "bob@beta.test", "carol@alpha.test"
DAVE, EVE, MALLORY = "dave@beta.test", "eve@beta.test", "mallory@alpha.test"
DISK = 64 << 20


class FullDisk:
    def __init__(self, folder):
        self.folder = folder
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", folder], check=True)
        self.store = str(folder / "db")

    def lose(self):
        fill(self.folder)

    def back(self):
        (self.folder / "filler").unlink()

    def close(self):
        subprocess.run(["umount", self.folder], check=True)


class GoneServer:
    def __init__(self, folder):
        self.server = Postgres(folder)
        self.store = self.server.url

    def lose(self):
        self.server.stop()

    def back(self):
        self.server.start()

    def close(self):
        self.server.stop()


@contextmanager
def beginning_anew(world, **settings):
    with stores.another_log(world.authority["dir"]):
        before = world.set_authority(**settings)
        try:
            yield
        finally:
            world.set_authority(**before)


@pytest.fixture(params=[pytest.param(FullDisk, id="full disk", marks=long),
                        pytest.param(GoneServer, id="server away")])
def database(request, world):
    folder = new_directory()
    database = request.param(folder)
    place = f"{world.authority['address']}:{PORT}"
    try:
        with beginning_anew(world, store=database.store, desk_listen=place):
            yield database
    finally:
        database.close()
        shutil.rmtree(folder, ignore_errors=True)


class Everybody:
    """People who are about to ask for something that has to be written down."""

    def __init__(self, world, folder):
        self.world = world
        self.alice, self.bob, self.carol = (Device(world, folder, address)
                                            for address in (ALICE, BOB, CAROL))
        for device in (self.bob, self.carol):
            assert operator(world, "add", "--certificate", device.file).returncode == 0
        self.by_bob = Visitor(world, self.bob.file)

    def prepare(self):
        """Each wish: what it is called, how to ask, what is the answer when it is granted."""
        return [wish for make in (self.accounts, self.orders, self.certificates, self.mailboxes,
                                  self.guards, self.identities, self.at_the_desk)
                for wish in make()]

    def accounts(self):
        new, changed, ended, keyed = (Client(self.world) for _ in range(4))
        for client in (changed, ended, keyed):
            assert client.register().status == 201
        yield "newAccount", new.register, 201
        yield "contact", lambda: changed.post(changed.kid, {"contact": [f"mailto:{EVE}"]}), 200
        yield "end of an account", lambda: ended.post(ended.kid, {"status": "deactivated"}), 200
        key = Key()
        yield "keyChange", lambda: keyed.change_key(key), 200

    def orders(self):
        client = Client(self.world)
        client.register()
        yield "newOrder", lambda: client.order(EVE), 201
        _, _, challenge = client.new_order(DAVE)
        yield "challenge", lambda: client.post(challenge["url"], {}), 200
        given_up = client.new_order(MALLORY)[0]["authorizations"][0]
        yield "authorization", lambda: client.post(given_up, {"status": "deactivated"}), 200

    def certificates(self):
        client = self.alice.client
        order = client.authorize(ALICE)
        yield "finalize", lambda: client.finalize(order, make_csr(ALICE)[0]), 200
        der = {}
        for who in ("account", "key"):
            csr, key = make_csr(ALICE)
            reply = client.finalize(client.authorize(ALICE), csr)
            pem = client.certificates(reply.json)
            der[who] = der_of(pem), Key(private=key)
        yield "revoke", lambda: client.revoke(der["account"][0]), 200
        yield "revoke by key", lambda: client.revoke(der["key"][0], key=der["key"][1]), 200

    def mailboxes(self):
        client, code = self.alice.client, Key()
        yield "published", lambda: client.post(client.base + "/acme/published", {
            "address": ALICE, "published": False}), 200
        yield "recovery", lambda: recovery(client, ALICE, code), 200
        yield "undo", lambda: client.post(client.directory["undo"], {"address": BOB}), 200

    def guards(self):
        stranger = Client(self.world)
        stranger.register()
        order = stranger.authorize(BOB)
        yield "what is to wait", lambda: stranger.finalize(order, make_csr(BOB)[0]), 200
        thief_of(self.world, CAROL)
        url = self.carol.client.base + "/acme/guard"
        [waits] = self.carol.client.post(url).json["requests"]
        yield ("a device's word", lambda: self.carol.client.post(
            waits["url"], {"status": "refused"}), 200)

    def identities(self):
        client = self.alice.client
        yield "identity", lambda: ask_identity(client), 201
        asked = ask_identity(client).headers["Location"]
        yield "evidence", lambda: attach(client, asked, "a.txt", b"x"), 200
        other = ask_identity(client).headers["Location"]
        yield "withdrawal", lambda: client.post(other, {"status": "withdrawn"}), 200

    def at_the_desk(self):
        thief_of(self.world, ALICE)
        waits = next(request for request in self.bob.pending() if request["address"] == ALICE)
        yield "an operator's word", lambda: Told(*self.bob.say(waits, "refused")), 200
        client = self.carol.client
        asked = ask_identity(client, address=CAROL).headers["Location"]
        attach(client, asked, "a.txt", b"x")
        page = "/desk/" + asked.rpartition("/")[2]
        [form] = self.by_bob.get(page).forms
        fields = {**form["fields"], "word": "check", "note": "seen"}
        yield "evidence that is read", lambda: Told(*self.by_bob.send("GET", page + "/a.txt")), 200
        yield "a form", lambda: Told(*self.by_bob.post(page, fields)), 303


class Told:
    """An answer at the desk."""

    def __init__(self, status, *more):
        self.status, self.body = status, more[-1]
        self.headers = more[0] if len(more) == 2 else None


def der_of(pem):
    return x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER)


# Not of a request: what is done in the background, and the letters that are sent meanwhile.
BACKGROUND = {"job", "nonce", "crl_list", "ocsp_answer", "audit_batch", "shared_key"}
PASSING = {"batch", "listed"}


def everything(world):
    """Every row but for those, {table: rows}."""
    found = {}
    for table in sorted(tables(world) - BACKGROUND):
        names = [name for name in columns(world, table)
                 if not name.startswith("mail_") and name not in PASSING]
        listed = ", ".join(f'"{name}"' for name in names)
        found[table] = sorted(map(repr, stores.select(
            world.authority, f'SELECT {listed} FROM "{table}"')))
    return found


def is_sqlite(world):
    return not stores.store_of(world.authority).startswith("postgresql://")


def tables(world):
    query = ("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
             if is_sqlite(world) else "SELECT table_name FROM information_schema.tables"
             " WHERE table_schema = current_schema()")
    return {name for (name,) in stores.select(world.authority, query)}


def columns(world, table):
    query = ("SELECT name FROM pragma_table_info(?) ORDER BY cid" if is_sqlite(world) else
             "SELECT column_name FROM information_schema.columns WHERE table_name = ?"
             " AND table_schema = current_schema() ORDER BY ordinal_position")
    return [name for (name,) in stores.select(world.authority, query, (table,))]


def differences(before, after):
    return {table: (set(before[table]) ^ set(after[table]))
            for table in before if before[table] != after[table]}


def check_later(name, reply):
    assert reply.status == 503, (name, reply.status, reply.body)
    if reply.headers is None:  # of the JSON at the desk its test helper keeps no header
        return
    assert int(reply.headers["Retry-After"]) > 0, name
    if reply.headers.get_content_type() != "text/html":
        assert json.loads(reply.body)["type"].endswith(":serverInternal"), name


def test_whatever_would_write_is_put_off_and_nothing_is_half_done(world, database, tmp_path):
    wishes = Everybody(world, tmp_path).prepare()
    assert len(wishes) == 21
    before = everything(world)
    assert before["account"] and before["certificate"] and before["audit"]
    database.lose()
    try:
        for name, ask, _ in wishes:
            check_later(name, ask())
    finally:
        database.back()
    assert differences(before, everything(world)) == {}
    for name, ask, status in wishes:
        reply = ask()
        assert reply.status == status, (name, reply.status, reply.body)
    after = everything(world)
    assert len(after["certificate"]) == len(before["certificate"]) + 1
    assert len(after["revocation"]) == len(before["revocation"]) + 2
    assert len(after["account"]) == len(before["account"]) + 1
    audit = subprocess.run([world.authority["program"], "audit", "verify",
                            world.authority["dir"]], capture_output=True, text=True, check=False)
    assert audit.returncode == 0, audit.stdout


# a commit that was done, and of which nobody heard


@pytest.fixture(scope="module")
def cutter(world):
    """The authority's way to its database leads through somebody who can cut it."""
    folder = new_directory()
    server = Postgres(folder)
    cutter = Cutter(folder)
    try:
        with beginning_anew(world, store=cutter.url):
            yield cutter
    finally:
        cutter.close()
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def name_of(client):
    """What the database is asked for before anything else."""
    return client.kid.rpartition("/")[2] if client.kid else client.key.thumbprint


def unheard(cutter, client, ask):
    """A request whose commit the database does, and cannot tell of."""
    with cutter.cutting(name_of(client)):
        reply = ask()
    check_later("unheard", reply)


def count(world, table, where="1 = 1"):
    [(number,)] = stores.select(world.authority, f'SELECT count(*) FROM "{table}" WHERE {where}')
    return number


def test_a_commit_that_nobody_heard_of_is_not_done_twice(world, cutter):
    client, key = Client(world), Key()
    accounts = count(world, "account")
    unheard(cutter, client, client.register)
    assert client.register().status == 200  # it is there
    assert count(world, "account") == accounts + 1
    order = client.authorize(ALICE)
    csr = make_csr(ALICE)[0]
    unheard(cutter, client, lambda: client.finalize(order, csr))
    reply = client.finalize(order, csr)
    assert (reply.status, reply.problem) == (403, "orderNotReady")
    done = client.post(order["url"]).json
    assert done["status"] == "valid"
    der = der_of(client.certificates(done))
    assert count(world, "certificate") == count(world, "audit", "act = 'issue'") == 1
    unheard(cutter, client, lambda: client.change_key(key))
    client.key = key
    assert client.post(client.kid).status == 200
    unheard(cutter, client, lambda: client.revoke(der))
    assert client.revoke(der).problem == "alreadyRevoked"
    assert count(world, "revocation") == count(world, "audit", "act = 'revoke'") == 1


def test_a_commit_that_never_came_is_done_the_next_time(world, cutter):
    """The other half: what was cut off before it is as if it had not been asked for."""
    client = Client(world)
    client.register()
    order = client.authorize(BOB)
    csr = make_csr(BOB)[0]
    before = count(world, "certificate")
    with cutter.cutting(name_of(client), before=True):
        check_later("cut off", client.finalize(order, csr))
    assert count(world, "certificate") == before
    assert client.finalize(order, csr).status == 200
    assert count(world, "certificate") == before + 1
    client.leave()
