"""The identity desk: who a mailbox belongs to is asked by its account, checked by one operator and
approved by another, and then its certificates say so.  Pages are read by Python's HTML parser and
by Chromium; certificates by python-cryptography and openssl."""

import base64
import calendar
import hashlib
import http.client
import json
import re
import socket
import ssl
import subprocess
import time
from html.parser import HTMLParser
from urllib.parse import urlencode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID, ObjectIdentifier

import stores
from acmeclient import Client, b64, make_csr
from chromium import Bearer, Chromium
from guard_desk_test import (ALICE, BOB, CAROL, DAVE, PORT, Device, desk, operator, thief_of)

ORGANIZATION_IDENTIFIER = ObjectIdentifier("2.5.4.97")
SPONSOR = {"givenName": "Alice", "surname": "Adams", "organization": "Alpha & <b>Söhne</b>",
           "organizationIdentifier": "NTRGB-12345678", "country": "GB"}
PIECE = 30000
LAST_DAY = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 60 * 86400))


class Page(HTMLParser):
    """What a person sees, and the forms they can send."""

    def __init__(self, status, headers, body):
        super().__init__()
        self.status, self.headers, self.body = status, headers, body
        self.text, self.links, self.forms, self.tags = "", [], [], set()
        self.feed(body.decode())

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.add(tag)
        if tag == "a":
            self.links.append(attrs["href"])
        if tag == "form":
            self.forms.append({"action": attrs["action"], "method": attrs["method"],
                               "fields": {}, "buttons": []})
        if tag == "input":
            self.forms[-1]["fields"][attrs["name"]] = attrs.get("value", "")
        if tag == "button":
            self.forms[-1]["buttons"].append((attrs["name"], attrs["value"]))

    def handle_data(self, data):
        self.text += data

    def words(self):
        return [value for form in self.forms for _, value in form["buttons"]]


class Visitor:
    """A browser with a person's certificate."""

    def __init__(self, world, file):
        self.world, self.file = world, file

    def send(self, method, path, body=None, headers=None):
        context = ssl.create_default_context(cafile=self.world.facts["tls_ca"])
        context.load_cert_chain(self.file)
        plain = socket.create_connection((self.world.authority["address"], PORT), timeout=30)
        connection = http.client.HTTPConnection("authority.test", PORT)
        connection.sock = context.wrap_socket(
            plain, server_hostname=self.world.authority["domain"])
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def get(self, path):
        return Page(*self.send("GET", path))

    def post(self, path, fields, **headers):
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.send("POST", path, urlencode(fields), {**kind, **headers})

    def say(self, path, word, headers=None, **changes):
        """Fill in the form that the page has, and send it."""
        [form] = self.get(path).forms
        assert form["method"] == "post" and ("word", word) in form["buttons"], form
        fields = {**form["fields"], "word": word, **changes}
        status, answer, body = self.post(form["action"], fields, **(headers or {}))
        return status, answer, body.decode()


@pytest.fixture(scope="module")
def people(desk, tmp_path_factory):
    """Alice, and two who become operators."""
    folder = tmp_path_factory.mktemp("people")
    devices = [Device(desk, folder, address) for address in (ALICE, BOB, CAROL)]
    for device in devices[1:]:
        assert operator(desk, "add", "--certificate", device.file).returncode == 0
    yield devices
    for device in devices[1:]:
        operator(desk, "remove", "--address", device.address)
    for device in devices:
        device.client.leave()


@pytest.fixture
def visitors(desk, people):
    return [Visitor(desk, device.file) for device in people]


def ask(client, subject=None, level="sponsor", address=ALICE):
    return client.post(client.directory["identity"],
                       {"address": address, "level": level, "subject": subject or SPONSOR})


def attach(client, url, name, octets, at=0):
    reply = None
    for begin in range(at, len(octets), PIECE):
        piece = b64(octets[begin:begin + PIECE])
        reply = client.post(url, {"evidence": {"name": name, "at": begin, "data": piece}})
        if reply.status != 200:
            break
    return reply


@pytest.fixture
def claim(people):
    """What Alice asks for, and its page."""
    client = people[0].client
    reply = ask(client)
    assert reply.status == 201, reply.body
    url = reply.headers["Location"]
    yield url, "/desk/" + url.rpartition("/")[2]
    if client.post(url).json["status"] in ("asked", "checked", "approved"):
        assert client.post(url, {"status": "withdrawn"}).status == 200


def audit(world):
    return [row for row in stores.select(
        world.authority, "SELECT actor, act, object, detail FROM audit ORDER BY id")
        if row[1].startswith("identity-")]


def certificate_of(device, usage="encrypting", subject=()):
    csr, _ = make_csr(device.address, usage, subject=subject)
    reply = device.client.finalize(device.client.authorize(device.address), csr)
    assert reply.json["status"] == "valid", reply.body
    return x509.load_pem_x509_certificate(device.client.certificates(reply.json))


def names_of(certificate):
    return {one.oid: one.value for one in certificate.subject}


def test_what_two_people_found_is_what_certificates_say(desk, people, visitors, claim):
    alice, _, carol = people
    _, by_bob, by_carol = visitors
    url, path = claim
    passport = bytes(range(256)) * 300
    reply = attach(alice.client, url, "passport.pdf", passport)
    assert reply.json["evidence"] == [{"name": "passport.pdf", "size": len(passport)}]
    evil = [(NameOID.ORGANIZATION_NAME, "Evil plc"), (NameOID.GIVEN_NAME, "Mallory")]
    before = names_of(certificate_of(alice, subject=evil))
    assert before.keys() == {NameOID.COMMON_NAME}
    assert path in by_bob.get("/desk/").links
    page = by_bob.get(path)
    assert SPONSOR["organization"] in page.text and "script" not in page.tags
    status, headers, octets = by_bob.send("GET", path + "/passport.pdf")
    assert (status, octets) == (200, passport)
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["Content-Disposition"] == 'attachment; filename="passport.pdf"'
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in headers["Content-Security-Policy"]
    assert by_bob.say(path, "check", note="passport and register")[0] == 303
    status, _, text = by_bob.say(path, "approve")
    assert status == 403 and "second operator" in text
    assert names_of(certificate_of(alice)).keys() == {NameOID.COMMON_NAME}
    status, headers, _ = by_carol.say(path, "approve")
    assert (status, headers["Location"]) == (303, path)
    assert alice.client.post(url).json["status"] == "approved"
    for usage in ("signing", "encrypting"):
        certificate = certificate_of(alice, usage, evil)
        names = names_of(certificate)
        assert names[NameOID.ORGANIZATION_NAME] == SPONSOR["organization"]
        assert (names[NameOID.GIVEN_NAME], names[NameOID.SURNAME]) == ("Alice", "Adams")
        assert names[ORGANIZATION_IDENTIFIER] == "NTRGB-12345678"
        assert names[NameOID.COUNTRY_NAME] == "GB"
    shown = subprocess.run(["openssl", "x509", "-noout", "-subject", "-nameopt",
                            "utf8,sep_multiline"],
                           input=certificate.public_bytes(serialization.Encoding.PEM),
                           capture_output=True, check=True).stdout.decode()
    assert "O=" + SPONSOR["organization"] in shown.replace(" = ", "=")
    # whoever has no such word gets a certificate without it
    assert names_of(certificate_of(carol, subject=evil)).keys() == {NameOID.COMMON_NAME}
    acts = [row[:3] for row in audit(desk)]
    for act in ((f"operator {BOB}", "identity-read", ALICE),
                (f"operator {BOB}", "identity-check", ALICE),
                (f"operator {CAROL}", "identity-approve", ALICE),
                ("authority", "identity-use", ALICE)):
        assert act in acts, acts


def inspected(desk, program, folder, certificate_pem, key, level):
    """What `letterlock inspect` says of a letter by that certificate, to a reader who lets our root
    name so much; the letter is openssl's."""
    (folder / "letter").write_bytes(b"Content-Type: text/plain\r\n\r\nHello.\r\n")
    (folder / "pem").write_bytes(certificate_pem)
    end = b"-----END CERTIFICATE-----"
    (folder / "above").write_bytes(certificate_pem.partition(end)[2])
    (folder / "key").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()))
    signed = subprocess.run(
        ["openssl", "cms", "-sign", "-in", folder / "letter", "-signer", folder / "pem", "-inkey",
         folder / "key", "-certfile", folder / "above", "-md", "sha256", "-from", DAVE, "-to", BOB,
         "-subject", "s"], capture_output=True, check=True).stdout
    root = x509.load_pem_x509_certificate(open(desk.authority["root"], "rb").read())
    settings = folder / "settings"
    settings.write_text(f"root {root.fingerprint(hashes.SHA256()).hex()} {level} *\n")
    done = subprocess.run(
        [program, "inspect", "--json", "--offline", "--trust", desk.authority["root"],
         "--trust-settings", settings], input=signed, capture_output=True, check=False)
    return json.loads(done.stdout)["signed"]


@pytest.mark.parametrize("level, subject, shown", [
    ("sponsor", SPONSOR, {"level": "V4", "organization": SPONSOR["organization"]}),
    ("organization", {name: SPONSOR[name] for name in (
        "organization", "organizationIdentifier", "country")},
     {"level": "V3", "organization": SPONSOR["organization"]}),
    ("individual", {"givenName": "Alice", "surname": "Adams", "country": "GB"},
     {"level": "V2", "organization": ""}),
])
def test_what_the_desk_approved_is_shown_to_whoever_lets_us_name_it(
        desk, people, visitors, program, tmp_path, level, subject, shown):
    """And to nobody else: who trusts us for mailboxes only is shown no organisation."""
    dave, (_, by_bob, by_carol) = Device(desk, tmp_path, DAVE), visitors
    asked = ask(dave.client, subject, level, DAVE)
    assert asked.status == 201, asked.body
    url = asked.headers["Location"]
    path = "/desk/" + url.rpartition("/")[2]
    assert by_bob.say(path, "check", note="register")[0] == 303
    assert by_carol.say(path, "approve")[0] == 303
    csr, key = make_csr(DAVE)
    reply = dave.client.finalize(dave.client.authorize(DAVE), csr)
    pem = dave.client.certificates(reply.json)
    told = inspected(desk, program, tmp_path, pem, key, shown["level"])
    assert told["chain"] == "valid"
    assert {name: told[name] for name in shown} == shown
    told = inspected(desk, program, tmp_path, pem, key, "V1")
    assert (told["level"], told["organization"]) == (shown["level"], "")
    assert dave.client.post(url, {"status": "withdrawn"}).status == 200
    dave.client.leave()


def test_what_is_withdrawn_takes_its_certificates_along(desk, people, visitors, claim):
    alice = people[0]
    _, by_bob, by_carol = visitors
    url, path = claim
    assert by_bob.say(path, "check", note="seen")[0] == 303
    assert by_carol.say(path, "approve")[0] == 303
    serial = certificate_of(alice).serial_number.to_bytes(16, "big")
    assert by_bob.say(path, "withdraw", note="has left")[0] == 303
    answer = alice.client.post(url).json
    assert (answer["status"], answer["reason"]) == ("withdrawn", "has left")
    revoked = stores.select(desk.authority, "SELECT reason FROM revocation WHERE serial = ?",
                            (serial,))
    assert revoked == [(3,)]  # affiliationChanged
    assert names_of(certificate_of(alice)).keys() == {NameOID.COMMON_NAME}


def test_a_foreign_page_sends_no_word(people, visitors, claim):
    _, by_bob, by_carol = visitors
    url, path = claim
    [form] = by_bob.get(path).forms
    good = {**form["fields"], "word": "check", "note": "seen"}
    kind = {"Content-Type": "text/plain"}
    tries = [
        by_bob.post(path, {**good, "token": ""}),
        by_bob.post(path, {name: value for name, value in good.items() if name != "token"}),
        by_bob.post(path, {**good, "token": by_carol.get(path).forms[0]["fields"]["token"]}),
        by_bob.post(path, good, **{"Sec-Fetch-Site": "cross-site"}),
        by_bob.post(path, good, **{"Sec-Fetch-Site": "same-site"}),
        by_bob.post(path, good, Origin="https://evil.test"),
        by_bob.post(path, good, Origin="null"),
        by_bob.send("POST", path, urlencode(good), kind),
        by_carol.post(path, good),
    ]
    assert [status for status, _, _ in tries] == [403] * len(tries)
    assert by_bob.send("GET", f"{path}?{urlencode(good)}")[0] == 200
    assert by_bob.send("HEAD", path)[0] == 405
    assert people[0].client.post(url).json["status"] == "asked"
    own = {"Origin": f"https://authority.test:{PORT}", "Sec-Fetch-Site": "same-origin"}
    assert by_bob.post(path, good, **own)[0] == 303
    assert people[0].client.post(url).json["status"] == "checked"


def test_a_word_is_about_what_was_seen(people, visitors, claim):
    by_bob = visitors[1]
    url, path = claim
    [form] = by_bob.get(path).forms
    assert attach(people[0].client, url, "later.txt", b"later").status == 200
    status, _, body = by_bob.post(path, {**form["fields"], "word": "check", "note": "seen"})
    assert status == 409 and b"has changed since you looked" in body
    for changes, want in (({"note": ""}, 403), ({"word": "bless"}, 400), ({"version": "x"}, 400),
                          ({"word": "approve", "until": "2026-13-01"}, 400),
                          ({"word": "approve"}, 409)):
        fields = {**by_bob.get(path).forms[0]["fields"], "word": "check", "note": "seen", **changes}
        fields.setdefault("until", LAST_DAY)
        assert by_bob.post(path, fields)[0] == want, changes
    assert by_bob.say(path, "check", note="seen")[0] == 303
    assert by_bob.say(path, "refuse", note="not the register's number")[0] == 303
    assert people[0].client.post(url).json["reason"] == "not the register's number"
    assert by_bob.get(path).forms == []


def test_people_see_what_is_theirs(desk, people, visitors, claim, tmp_path):
    by_alice, by_bob, _ = visitors
    url, path = claim
    dave = Device(desk, tmp_path, DAVE)
    by_dave = Visitor(desk, dave.file)
    assert path in by_alice.get("/desk/").links and path not in by_dave.get("/desk/").links
    assert by_alice.get(path).words() == ["withdraw"]
    assert by_bob.get(path).words() == ["check", "refuse", "withdraw"]
    assert attach(people[0].client, url, "a.txt", b"x").status == 200
    for page in (by_dave.get(path), by_dave.get(path + "/a.txt"), by_bob.get(path + "/b.txt"),
                 by_bob.get("/desk/nothing"), by_bob.get(path + "/..%2f")):
        assert page.status == 404
    # an operator has no word on what is about themselves
    own = ask(people[1].client, {**SPONSOR, "givenName": "Bob"}, address=BOB)
    mine = "/desk/" + own.headers["Location"].rpartition("/")[2]
    assert by_bob.get(mine).words() == ["withdraw"]
    fields = {**by_bob.get(mine).forms[0]["fields"], "word": "check", "note": "it is me"}
    assert by_bob.post(mine, fields)[0] == 403
    assert by_bob.say(mine, "withdraw")[0] == 303
    assert by_alice.say(path, "withdraw")[0] == 303
    assert people[0].client.post(url).json["status"] == "withdrawn"
    dave.client.leave()


def test_a_page_is_what_it_is_and_nothing_else(visitors, claim):
    page = visitors[1].get(claim[1])
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = dict(part.strip().partition(" ")[::2]
                  for part in page.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["form-action"] == "'self'" and "script-src" not in policy
    assert re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", policy["style-src"])
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert b"://" not in page.body and not page.tags & {"script", "img", "link", "iframe", "object"}


def problem(reply, status, kind):
    assert (reply.status, reply.problem) == (status, kind), reply.body


def test_an_account_asks_for_its_own_mailbox_and_for_what_there_is(desk, people):
    client = people[0].client
    stranger = Client(desk)
    stranger.register()
    problem(ask(stranger), 403, "unauthorized")
    problem(ask(client, address=BOB), 403, "unauthorized")
    for changes in ({"level": "mailbox"}, {"level": 1}, {"subject": []}, {"address": None},
                    {"subject": {"title": "Dr"}}, {"subject": {"surname": 1}}):
        problem(client.post(client.directory["identity"],
                            {"address": ALICE, "level": "sponsor", "subject": SPONSOR, **changes}),
                400, "malformed")
    # what no certificate may say is told before anybody spends time on it
    for subject in ({**SPONSOR, "country": "gb"}, {**SPONSOR, "organizationIdentifier": "12"},
                    {"givenName": "Alice"}, {**SPONSOR, "surname": "A\u202edams"},
                    {**SPONSOR, "pseudonym": "Al"}, {**SPONSOR, "surname": ""}):
        problem(ask(client, subject), 400, "malformed")
    problem(ask(client, SPONSOR, "individual"), 400, "malformed")
    assert client.post(client.directory["identity"]).json["identities"] is not None
    url = ask(client).headers["Location"]
    problem(stranger.post(url), 404, "malformed")
    problem(stranger.post(url, {"status": "withdrawn"}), 404, "malformed")
    for payload in ({}, {"status": "approved"}, {"status": "checked"}, {"evidence": []},
                    {"evidence": {"name": "a", "at": 0}}, {"evidence": {"name": "a", "at": 0,
                                                                        "data": "?"}},
                    {"evidence": {"name": "../a", "at": 0, "data": "eA"}}):
        problem(client.post(url, payload), 400, "malformed")
    problem(attach(client, url, "a", b"x" * 5, at=1), 409, "malformed")
    urls = [one["url"] for one in client.post(client.directory["identity"]).json["identities"]]
    assert url == urls[0]
    assert client.post(url, {"status": "withdrawn"}).json["status"] == "withdrawn"
    problem(client.post(url, {"status": "withdrawn"}), 409, "malformed")
    problem(attach(client, url, "a", b"x"), 409, "malformed")


# -- by command --

def command(world, *words):
    return subprocess.run([world.authority["program"], "desk", words[0], world.authority["dir"],
                           *map(str, words[1:])], capture_output=True, text=True, check=False)


def speak(world, word, name, device, *more, seen=None):
    """As somebody with a shell does who has looked."""
    if seen is None:
        shown = command(world, "show", name).stdout
        seen = re.search(r"^Seen: (\d+)$", shown, re.MULTILINE)[1]
    return command(world, word, name, "--seen", seen, "--certificate", device.file,
                   "--key", device.file, *more)


def test_those_with_a_shell_are_two_people_too(desk, people, tmp_path):
    alice, bob, carol = people
    words = ["--address", ALICE, "--level", "organization", "--organization", "Alpha Ltd",
             "--organization-identifier", "NTRGB-12345678"]
    assert "sbr-7.1.4-country" in command(desk, "ask", *words, "--country", "gb").stderr
    name = command(desk, "ask", *words, "--country", "GB").stdout.strip()
    assert f"{name} asked organization {ALICE}" in command(desk, "list").stdout
    evidence = tmp_path / "register.txt"
    evidence.write_bytes(b"Alpha Ltd\n" * 10000)
    assert command(desk, "attach", name, "--evidence", evidence).returncode == 0
    again = command(desk, "attach", name, "--evidence", evidence)
    assert again.returncode == 2 and "100000 bytes" in again.stderr
    shown = command(desk, "show", name).stdout
    for line in (f"Mailbox: {ALICE}", "Organisation: Alpha Ltd",
                 "File: register.txt, 100000 bytes"):
        assert line in shown.splitlines(), shown
    assert command(desk, "evidence", name, "register.txt").stdout == "Alpha Ltd\n" * 10000
    refused = speak(desk, "check", name, alice, "--note", "it is me")
    assert refused.returncode == 2 and "no operator" in refused.stderr
    stolen = command(desk, "check", name, "--seen", 1, "--certificate", bob.file,
                     "--key", alice.file, "--note", "x")
    assert stolen.returncode == 2 and "not that of the certificate" in stolen.stderr
    old = speak(desk, "check", name, bob, "--note", "register", seen=1)
    assert old.returncode == 2 and "has changed" in old.stderr
    done = speak(desk, "check", name, bob, "--note", "register")
    assert done.returncode == 0, done.stderr
    same = speak(desk, "approve", name, bob)
    assert same.returncode == 2 and "second operator" in same.stderr
    assert speak(desk, "approve", name, carol, "--until", "2026-13-01").returncode == 2
    done = speak(desk, "approve", name, carol, "--until", LAST_DAY)
    assert done.returncode == 0, done.stderr
    assert f"In force until: {LAST_DAY}T23:59:59Z" in command(desk, "show", name).stdout
    assert names_of(certificate_of(alice))[NameOID.ORGANIZATION_NAME] == "Alpha Ltd"
    signatures_are_by(desk, name, {"check": bob, "approve": carol})
    assert speak(desk, "withdraw", name, carol, "--note", "gone").returncode == 0
    assert names_of(certificate_of(alice)).keys() == {NameOID.COMMON_NAME}
    assert name not in command(desk, "list").stdout
    assert f"{name} withdrawn" in command(desk, "list", "--ever").stdout


def signatures_are_by(world, name, speakers):
    """What was said is signed by who said it: python-cryptography looks, years later."""
    rows = stores.select(world.authority, "SELECT w.act, w.signature, w.note, w.at FROM claim_word"
                         " AS w JOIN claim AS c ON c.id = w.claim WHERE c.name = ?", (name,))
    assert [row[0] for row in rows] == list(speakers)
    digest = hashlib.sha256(b"Alpha Ltd\n" * 10000).hexdigest()
    until = calendar.timegm(time.strptime(LAST_DAY + "T23:59:59", "%Y-%m-%dT%H:%M:%S"))
    for act, signature, note, at in rows:
        device = speakers[act]
        said = (f"letterlock-authority identity 1\nby: {device.address}\nword: {act}\n"
                f"request: {name}\nmailbox: {ALICE}\nlevel: organization\n"
                "organization: Alpha Ltd\norganizationIdentifier: NTRGB-12345678\n"
                f"country: GB\nfile: register.txt {digest}\n"
                + (f"until: {until}\n" if act == "approve" else "")
                + (f"note: {note}\n" if note else "") + f"at: {at}\n")
        key = x509.load_der_x509_certificate(device.der).public_key()
        key.verify(base64.b64decode(signature), said.encode(), ec.ECDSA(hashes.SHA256()))


def test_a_command_that_is_not_complete_says_so(desk, people, tmp_path):
    alice, bob, _ = people
    for words, said in (
            (["list", "x"], "want desk list"), (["bless"], "want desk list"),
            (["show", "nothing"], "no request"), (["evidence", "nothing", "a"], "no request"),
            (["ask"], "--address"), (["ask", "--address", ALICE, "--level", "mailbox"], "level is"),
            (["ask", "--address", "nobody@alpha.test", "--level", "individual", "--surname", "X"],
             "no certificate of"),
            (["attach", "nothing", "--evidence", alice.file], "no request"),
            (["attach", "nothing"], "--evidence"), (["check", "nothing"], "--seen"),
            (["check", "nothing", "--seen", "1"], "--certificate")):
        done = command(desk, *words)
        assert done.returncode == 2 and said in done.stderr, (words, done.stderr)
    nothing = speak(desk, "check", "nothing", bob, "--note", "x", seen=1)
    assert nothing.returncode == 2 and "no request" in nothing.stderr
    empty = tmp_path / "empty"
    empty.write_bytes(b"")
    for files in ((empty, bob.file), (bob.file, empty)):
        done = command(desk, "check", "nothing", "--seen", 1, "--certificate", files[0],
                       "--key", files[1], "--note", "x")
        assert done.returncode == 2 and "in PEM" in done.stderr


# the page of what waits for devices


def forms_about(page, request):
    return [form for form in page.forms if form["fields"].get("request") == request]


def test_a_device_decides_on_a_page(desk, people, visitors):
    by_alice, by_bob, _ = visitors
    assert "Nothing waits." in by_alice.get("/guard/").text
    thief, url = thief_of(desk, ALICE)
    name = thief.post(url).json["guard"].rpartition("/")[2]
    page = by_alice.get("/guard/")
    assert page.words() == ["approve", "refuse"] and "script" not in page.tags
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    key = thief.post(thief.post(url).json["guard"]).json["key"]
    assert " ".join(key[at:at + 4] for at in range(0, 20, 4)) in page.text
    [form] = forms_about(page, name)
    good = {**form["fields"], "word": "approve"}
    [operators] = forms_about(by_bob.get("/guard/"), name)
    for fields, headers in (({**good, "token": ""}, {}),
                            ({**good, "token": operators["fields"]["token"]}, {}),
                            (good, {"Sec-Fetch-Site": "cross-site"}),
                            (good, {"Origin": "https://evil.test"})):
        assert by_alice.post("/guard/", fields, **headers)[0] == 403
    assert by_alice.send("POST", "/guard/", urlencode(good), {"Content-Type": "text/plain"})[0] == 403
    for changes, want in (({"word": "bless"}, 400), ({"request": "x"}, 404), ({"word": "undo"}, 400),
                          ({"word": "undo", "undo": BOB}, 403)):
        assert by_alice.post("/guard/", {**good, **changes})[0] == want, changes
    assert by_alice.send("PUT", "/guard/")[0] == 405
    assert thief.post(url).json["status"] == "processing"
    status, headers, _ = by_alice.post("/guard/", {**good, "word": "refuse"})
    assert (status, headers["Location"]) == (303, "/guard/")
    assert thief.post(url).json["status"] == "invalid"
    assert by_alice.post("/guard/", good)[0] == 409


def test_two_operators_decide_on_a_page(desk, people, visitors, tmp_path):
    by_alice, by_bob, by_carol = visitors
    first = Device(desk, tmp_path, DAVE)
    [undo] = [form for form in by_bob.get("/guard/").forms if "undo" in form["fields"]]
    assert by_alice.get("/guard/").forms == []
    wish = {**undo["fields"], "word": "undo"}
    assert by_bob.post("/guard/", {**wish, "undo": "nobody@alpha.test"})[0] == 404
    assert by_bob.post("/guard/", {**wish, "undo": DAVE})[0] == 303
    # it is about the device, which sees it and has no word; and one voice is one voice
    by_dave = Visitor(desk, first.file)
    page = by_dave.get("/guard/")
    assert DAVE in page.text and page.forms == []
    [form] = [form for form in by_bob.get("/guard/").forms if "request" in form["fields"]]
    assert by_bob.post("/guard/", {**form["fields"], "word": "approve"})[0] == 403
    assert by_dave.get("/guard/").status == 200
    [form] = forms_about(by_carol.get("/guard/"), form["fields"]["request"])
    assert by_carol.post("/guard/", {**form["fields"], "word": "approve"})[0] == 303
    page = by_dave.get("/guard/")
    assert page.status == 403 and "needs a certificate" in page.text


# -- a browser --

@pytest.fixture
def browser():
    chromium = Chromium()
    yield chromium
    chromium.close()


@pytest.fixture
def bearer(desk, people):
    """Bob's certificate in a browser's hand."""
    bob = people[1]
    one = Bearer(desk, PORT, bob.file, bob.file)
    yield one
    one.close()


def press(browser, word, **fields):
    for name, value in fields.items():
        browser.tell(f"document.querySelector('input[name={name}]').value = {value!r}")
    browser.tell(f"document.querySelector('button[value={word}]').click()")


def test_a_telephone_shows_it_and_sends_it_without_script(browser, bearer, people, claim):
    url, path = claim
    assert attach(people[0].client, url, "register.pdf", b"x" * 100).status == 200
    browser.go(bearer.url + "/desk/", "/desk/")
    assert browser.tell(f"document.querySelector('a[href=\"{path}\"]') !== null")
    browser.tell(f"document.querySelector('a[href=\"{path}\"]').click()")
    browser.settle(path)
    assert SPONSOR["organization"] in browser.tell("document.body.innerText")
    assert browser.tell("document.querySelector('b')") is None
    # our style is in force, nothing hangs over the edge, and cells say what they are
    assert browser.tell("getComputedStyle(document.querySelector('thead')).display") == "none"
    assert browser.tell("document.documentElement.scrollWidth") <= 360
    assert "File" in browser.tell(
        "getComputedStyle(document.querySelector('td'), '::before').content")
    press(browser, "check", note="register and passport")
    deadline = time.monotonic() + 20
    while people[0].client.post(url).json["status"] != "checked":
        assert time.monotonic() < deadline, browser.tell("document.body.innerText")
        time.sleep(0.1)
    browser.settle(path)
    assert "register and passport" in browser.tell("document.body.innerText")
    assert browser.complaints() == []


FORM = """<form method="post" action="{action}">{inputs}</form>
<script>document.forms[0].submit()</script>"""


def test_a_page_of_somebody_elses_has_the_browser_send_nothing(browser, bearer, people, visitors,
                                                               claim, tmp_path):
    """Even with the token, which it could not have."""
    url, path = claim
    [form] = visitors[1].get(path).forms
    inputs = "".join(f'<input name="{name}" value="{value}">' for name, value in
                     {**form["fields"], "word": "check", "note": "evil"}.items())
    page = tmp_path / "evil.html"
    page.write_text(FORM.format(action=bearer.url + path, inputs=inputs))
    browser.call("Emulation.setScriptExecutionDisabled", value=False)
    browser.call("Page.navigate", url=page.as_uri())
    browser.settle(path)
    assert "was not sent from a page" in browser.tell("document.body.innerText")
    assert people[0].client.post(url).json["status"] == "asked"
