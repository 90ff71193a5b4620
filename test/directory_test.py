"""The directory of certificates: RFC 4387, JSON for many addresses, and who is not in it."""

import base64
import hashlib
import http.client
import json
import os
import re
import socket
import subprocess
import time
import urllib.parse
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from acmeclient import COMMON_NAME, Client, Reply, make_csr

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


# LDAP


@pytest.fixture(scope="module")
def ldap(world, authority, alice, bob):
    """The place of the LDAP server; nobody but the tests of this file has one."""
    place = f"{authority['address']}:3890"
    before = world.set_authority(ldap_listen=place, ldap_connections=5,
                                 ldaps_listen=ldaps_of(place))
    yield place
    world.set_authority(**before)


CONTEXT = "dc=authority,dc=test"


def ldaps_of(place):
    return place.replace(":3890", ":6360")


def ldapsearch(place, *words, base=CONTEXT, tls=False, more=(), scheme="ldap"):
    """What OpenLDAP's own program finds: [(dn, {attribute: [values]})] and its exit status."""
    environment = {**os.environ, **({"LDAPTLS_REQCERT": "never"} if tls else {"LDAPNOINIT": "1"})}
    done = subprocess.run(["ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no", "-H",
                           f"{scheme}://{place}", "-b", base, *more, *words],
                          capture_output=True, text=True, check=False, timeout=20,
                          env=environment)
    entries = []
    for line in done.stdout.splitlines():
        name, _, value = line.partition(":")
        if not line:
            continue
        octets = base64.b64decode(value[2:]) if value.startswith(": ") else value[1:].encode()
        if name == "dn":
            entries.append((octets.decode(), {}))
        else:
            entries[-1][1].setdefault(name, []).append(octets)
    return done.returncode, entries, done.stderr


def test_ldapsearch_finds_the_certificates_of_an_address(ldap, alice):
    status, entries, errors = ldapsearch(ldap, f"(mail={ALICE})")
    assert status == 0, errors
    (dn, found), = entries[-1:]
    assert dn == f"mail={ALICE},{CONTEXT}"
    assert found["mail"] == [ALICE.encode()]
    assert found["objectClass"][-2:] == [b"inetOrgPerson", b"pkiUser"]
    certificates = found["userCertificate;binary"]
    assert certificates[0] == der(alice.encrypting)
    assert der(alice.signing) in certificates
    message, = found["userSMIMECertificate;binary"]
    names = [c.subject for c in pkcs7.load_der_pkcs7_certificates(message)]
    assert len(names) == len(certificates) + 1 and alice.signing.issuer in names


@pytest.mark.parametrize("words", [
    (f"(&(objectClass=inetOrgPerson)(mail={ALICE}))", "userCertificate;binary"),
    (f"(|(mail={NOBODY})(mail={ALICE}))", "usercertificate"),
    (f"(&(mail=*)(|(mail={ALICE})(cn={ALICE}*)(sn={ALICE}*)))", "USERCERTIFICATE;BINARY"),
    (f"(&(mail={ALICE.upper()})(!(msExchHideFromAddressLists=TRUE)))", "2.5.4.36"),
    (f"(0.9.2342.19200300.100.1.3={ALICE})", "userCertificate;binary", "cn;lang-de"),
])
def test_searches_as_mail_programs_send_them(ldap, alice, words):
    status, entries, errors = ldapsearch(ldap, *words)
    assert status == 0, errors
    assert [dn for dn, _ in entries] == [f"mail={ALICE},{CONTEXT}"]
    assert list(entries[0][1]) == ["userCertificate;binary"]
    assert der(alice.encrypting) in entries[0][1]["userCertificate;binary"]


@pytest.mark.parametrize("words", [
    (f"(mail={NOBODY})",), ("(mail=*)",), ("(mail=al*)",), ("(mail=alice@*)",),
    (f"(!(mail={NOBODY}))", "mail"), (f"(!(mail={ALICE}))", "mail"), ("(mail>=a)",),
    ("(userCertificate=*)",), (f"(cn={ALICE})",), (f"(&(mail={ALICE})(mail={BOB}))",),
    ("(mail=\\2a@alpha.test)",), ("(mail=)",), (f"(mail:caseIgnoreMatch:={ALICE})",),
    (f"(&(mail={ALICE})(telephoneNumber=*))",),
])
def test_nobody_is_found_who_is_not_named(ldap, words):
    """Unknown, everybody, and everybody but one: the same to whoever asks."""
    status, entries, errors = ldapsearch(ldap, *words, more=("-s", "one"))
    assert (status, entries) == (0, []), errors


def test_a_search_begins_at_a_place(ldap):
    one = f"mail={ALICE},{CONTEXT}"
    for base, more, want in ((one, ("-s", "base"), [one]), (one, (), [one]),
                             (one.upper().replace(",", " , "), ("-s", "base"), [one]),
                             (one, ("-s", "one"), []), ("", ("-s", "one"), [one])):
        status, entries, errors = ldapsearch(ldap, f"(mail={ALICE})", base=base, more=more)
        assert (status, [dn for dn, _ in entries]) == (0, want), (base, errors)
    for base in (f"mail={NOBODY},{CONTEXT}", "dc=elsewhere", f"cn={ALICE},{CONTEXT}",
                 f"mail={ALICE},dc=elsewhere"):
        status, entries, errors = ldapsearch(ldap, "(objectClass=*)", base=base,
                                             more=("-s", "base"))
        assert (status, entries) == (32, []), (base, errors)


def test_the_server_says_what_it_is(ldap):
    status, entries, _ = ldapsearch(ldap, "(objectClass=*)", "+", base="", more=("-s", "base"))
    assert status == 0
    assert entries == [("", {"namingContexts": [CONTEXT.encode()],
                             "supportedLDAPVersion": [b"3"],
                             "supportedExtension": [b"1.3.6.1.4.1.1466.20037"]})]
    status, entries, _ = ldapsearch(ldap, "(objectClass=*)", more=("-s", "base"))
    assert entries[0][1]["objectClass"] == [b"top", b"domain"]


def test_start_tls_and_what_the_server_proves_with_it(ldap, world, alice):
    shown = subprocess.run(
        ["openssl", "s_client", "-starttls", "ldap", "-connect", ldap, "-CAfile",
         world.facts["tls_ca"], "-verify_return_error", "-verify_hostname",
         world.authority["domain"]], input=b"", capture_output=True, check=False, timeout=20)
    assert shown.returncode == 0 and b"Verify return code: 0 (ok)" in shown.stdout, shown.stderr
    words = f"(mail={ALICE})", "userCertificate;binary"
    status, entries, errors = ldapsearch(ldap, *words, tls=True, more=("-ZZ",))
    assert status == 0, errors
    assert der(alice.encrypting) in entries[0][1]["userCertificate;binary"]


def test_tls_from_the_first_octet(ldap, world, alice):
    place = ldaps_of(ldap)
    shown = subprocess.run(
        ["openssl", "s_client", "-connect", place, "-CAfile", world.facts["tls_ca"],
         "-verify_return_error", "-verify_hostname", world.authority["domain"]],
        input=b"", capture_output=True, check=False, timeout=20)
    assert shown.returncode == 0 and b"Verify return code: 0 (ok)" in shown.stdout, shown.stderr
    search = f"(mail={ALICE})", "userCertificate;binary"
    status, entries, errors = ldapsearch(place, *search, tls=True, scheme="ldaps")
    assert status == 0, errors
    assert der(alice.encrypting) in entries[0][1]["userCertificate;binary"]
    # once is enough, and without it there is nothing
    assert ldapsearch(place, *search, tls=True, scheme="ldaps", more=("-ZZ",))[0] != 0
    assert ldapsearch(place, *search)[0] != 0


def test_paged_results_and_limits(ldap):
    search = f"(|(mail={ALICE})(mail={BOB}))"
    status, entries, errors = ldapsearch(ldap, search, "mail", more=("-E", "pr=1/noprompt"))
    assert (status, len(entries)) == (0, 2), errors
    status, _, errors = ldapsearch(ldap, search, "mail", more=("-E", "!pr=1/noprompt"))
    assert status == 12, errors
    status, entries, errors = ldapsearch(ldap, search, "mail", more=("-z", "1"))
    assert (status, len(entries)) == (4, 1), errors
    status, entries, _ = ldapsearch(ldap, search, "mail", more=("-z", "2"))
    assert (status, len(entries)) == (0, 2)
    _, entries, _ = ldapsearch(ldap, search, "userCertificate", more=("-A",))
    assert [list(found.values()) for _, found in entries] == [[[b""]], [[b""]]]
    many = "".join(f"(mail=m{i}@alpha.test)" for i in range(21))
    assert ldapsearch(ldap, f"(|{many})")[0] == 11


@pytest.mark.parametrize("words, status", [
    (("-D", "cn=admin", "-w", "secret"), 49), (("-D", "cn=admin"), 53), (("-P", "2"), 2),
])
def test_nobody_logs_in(ldap, words, status):
    assert ldapsearch(ldap, f"(mail={ALICE})", more=words)[0] == status


def test_nothing_can_be_changed(ldap):
    change = f"dn: mail={ALICE},{CONTEXT}\nchangetype: delete\n"
    for program, words, text in (
            ("ldapmodify", (), change),
            ("ldapadd", (), f"dn: mail=x@y.z,{CONTEXT}\nobjectClass: top\n"),
            ("ldapcompare", (f"mail={ALICE},{CONTEXT}", f"mail:{ALICE}"), ""),
            ("ldapmodrdn", (f"mail={ALICE},{CONTEXT}", "mail=x"), "")):
        done = subprocess.run([program, "-x", "-H", f"ldap://{ldap}", *words], input=text,
                              capture_output=True, text=True, check=False, timeout=20)
        assert done.returncode == 53, (program, done.stderr)
    done = subprocess.run(["ldapwhoami", "-x", "-H", f"ldap://{ldap}"], capture_output=True,
                          text=True, check=False, timeout=20)
    assert "Protocol error" in done.stderr


def connect(place):
    host, port = place.split(":")
    return socket.create_connection((host, int(port)), timeout=10)


UNBIND = b"\x30\x05\x02\x01\x01\x42\x00"
BIND = b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00"
BOUND = b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00"
START_TLS = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x16" + b"1.3.6.1.4.1.1466.20037"
GOODBYE = b"1.3.6.1.4.1.1466.20036"


def read_all(connection):
    octets = b""
    while more := connection.recv(65536):
        octets += more
    return octets


@pytest.mark.parametrize("octets", [
    b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello", b"\x30\x80", 7 * b"\xff",
    b"\x30\x84\xff\xff\xff\xff", b"\x30\x05\x02\x01\x01\x7e\x00", b"\x30\x00",
    START_TLS + BIND,
])
def test_what_is_not_ldap_is_told_so_and_sent_away(ldap, octets):
    with connect(ldap) as connection:
        connection.sendall(octets)
        said = read_all(connection)
    assert GOODBYE in said or octets.startswith(START_TLS)
    assert BOUND not in said


def test_questions_may_come_in_any_pieces(ldap):
    with connect(ldap) as connection:
        for octet in BIND:
            connection.sendall(bytes([octet]))
            time.sleep(0.005)
        connection.sendall(BIND + BIND + UNBIND)
        assert read_all(connection) == 3 * BOUND


def test_more_connections_than_allowed_wait_and_are_served_later(ldap):
    crowd = [connect(ldap) for _ in range(6)]
    for connection in crowd[:5]:
        connection.sendall(BIND)
        assert connection.recv(100) == BOUND
    crowd[5].sendall(BIND)
    crowd[5].settimeout(0.3)
    with pytest.raises(TimeoutError):
        crowd[5].recv(100)
    crowd[0].close()
    crowd[5].settimeout(10)
    assert crowd[5].recv(100) == BOUND
    for connection in crowd:
        connection.close()


def test_who_only_holds_connections_makes_room_while_others_wait(ldap):
    crowd = [connect(ldap) for _ in range(12)]
    began = time.monotonic()
    with connect(ldap) as late:
        late.settimeout(20)
        late.sendall(BIND)
        assert late.recv(100) == BOUND
    assert time.monotonic() - began > 1  # nobody is sent away who has just come
    for connection in crowd:
        connection.close()


def authority_process(world):
    pid = (Path(world.authority["dir"]).parent / "run" / "authority.pid").read_text()
    return Path("/proc", pid.split()[0])


def has_sanitizer(world):
    return "libasan" in (authority_process(world) / "maps").read_text()


def peak_memory(world):
    status = (authority_process(world) / "status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) * 1024


def test_whoever_does_not_fetch_answers_is_not_asked_any_more(ldap, world):
    """20 MB of searches whose answers nobody reads; others are served all the same."""
    before = peak_memory(world)
    part = element(0xa3, element(4, b"mail") + element(4, ALICE.encode()))
    search = element(0x63, b"\x04\x00\x0a\x01\x02\x0a\x01\x00\x02\x01\x00\x02\x01\x00\x01\x01\x00"
                     + part + b"\x30\x00")
    questions = memoryview(300000 * element(0x30, b"\x02\x01\x02" + search))
    with connect(ldap) as connection:
        connection.settimeout(1)
        with pytest.raises(TimeoutError):
            while questions:
                questions = questions[connection.send(questions):]
        # AddressSanitizer keeps what was freed for a while
        assert has_sanitizer(world) or peak_memory(world) - before < 20_000_000
        with connect(ldap) as other:
            other.sendall(BIND)
            assert other.recv(100) == BOUND


# by command: the DNS zone, and who does not wish to be found


def command(world, *words):
    program = Path(os.environ["LETTERLOCK_BUILD"]) / "letterlock-authority"
    return subprocess.run([program, *map(str, words)], capture_output=True, text=True,
                          check=False, timeout=30)


def smimea(world, domain, tmp_path):
    """The records of a domain, {name: [der]}, after Knot's own checker found no fault."""
    done = command(world, "export-smimea", world.authority["dir"], "--domain", domain, "--ttl", 60)
    assert done.returncode == 0, done.stderr
    zone = tmp_path / "zone"
    zone.write_text(f"{domain}. 60 IN SOA ns.{domain}. root.{domain}. 1 60 60 60 60\n"
                    f"{domain}. 60 IN NS ns.{domain}.\nns.{domain}. 60 IN A 192.0.2.1\n"
                    + done.stdout)
    checked = subprocess.run(["kzonecheck", "-o", f"{domain}.", zone], capture_output=True,
                             text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    records = {}
    for line in done.stdout.splitlines():
        name, *middle, octets = line.split()
        assert middle == ["60", "IN", "SMIMEA", "3", "0", "0"]
        records.setdefault(name, []).append(bytes.fromhex(octets))
    return records


def test_a_zone_has_the_certificates_of_its_domain(world, alice, bob, tmp_path):
    records = smimea(world, "alpha.test", tmp_path)
    name = hashlib.sha256(b"alice").digest()[:28].hex() + "._smimecert.alpha.test."
    assert der(alice.signing) in records[name] and der(alice.encrypting) in records[name]
    assert der(bob.signing) not in sum(records.values(), [])
    assert smimea(world, "lpha.test", tmp_path) == {}


@pytest.mark.parametrize("words, says", [
    ((), "--domain"), (("--domain", "a\nb"), "no domain"), (("--domain", "A.test"), "lower case"),
    (("--domain", "a.test", "--ttl", "-1"), "--ttl"), (("--domain", "a.test", "--ttl", "x"), "--ttl"),
])
def test_a_zone_that_cannot_be_printed(world, authority, words, says):
    done = command(world, "export-smimea", authority["dir"], *words)
    assert done.returncode == 2 and says in done.stderr


def test_who_does_not_wish_it_is_found_nowhere(world, authority, https, ldap, alice, tmp_path):
    miss = plain(authority, f"/certificates/search.cgi?uri={NOBODY}").body
    own = keys_of(alice.signing)["certHash"]
    done = command(world, "directory", "hide", authority["dir"], ALICE.upper())
    assert done.returncode == 0, done.stderr
    try:
        for query in ({"uri": ALICE}, {"certHash": own}, {"name": ALICE}):
            reply = search(authority, **query)
            assert (reply.status, reply.body) == (404, miss)
        hidden, = ask(https, {"addresses": [ALICE]}).json["found"]
        assert (hidden["signing"], hidden["encrypting"]) == ([], [])
        assert ldapsearch(ldap, f"(mail={ALICE})", "mail", more=("-s", "one"))[:2] == (0, [])
        assert smimea(world, "alpha.test", tmp_path) == {}
        assert command(world, "directory", "hide", authority["dir"], ALICE).returncode == 2
    finally:
        assert command(world, "directory", "show", authority["dir"], ALICE).returncode == 0
    assert search(authority, certHash=own).body == der(alice.signing)
    log = command(world, "audit", "list", authority["dir"]).stdout
    assert f"\thide\t{ALICE.upper()}\t" in log and f"\tshow\t{ALICE}\t" in log


def test_nobody_asks_for_all_addresses(world, authority, https, ldap, alice):
    """Every way to ask counts, and all of them together."""
    def one():
        return https.send("GET", f"/directory/v1?address={NOBODY}")

    def several():
        return ask(https, {"addresses": [NOBODY, ALICE]})

    def stored():
        return search(authority, uri=NOBODY)

    def lists():
        return plain(authority, "/crls/search.cgi?certHash=" + 27 * "A")

    def by_ldap(*addresses):
        mails = "".join(f"(mail={address})" for address in addresses)
        return ldapsearch(ldap, f"(|{mails})", "mail", more=("-s", "one"))[0]

    before = world.set_authority(lookups_per_minute=7)
    try:
        assert [one().status, several().status, stored().status, lists().status] == [
            404, 200, 404, 404]
        assert by_ldap(NOBODY, BOB) == 0
        for way in (one, several, stored, lists):
            problem = way()
            assert (problem.status, problem.problem) == (429, "rateLimited")
            assert 0 < int(problem.headers["Retry-After"]) <= 60
        assert by_ldap(NOBODY) == LDAP_BUSY
        # it is that client's trouble only
        assert stored_from(authority, "127.0.0.77") == 404
    finally:
        world.set_authority(**before)


LDAP_BUSY = 51


def stored_from(authority, source):
    connection = http.client.HTTPConnection(
        authority["address"], urllib.parse.urlsplit(authority["http_url"]).port, timeout=10,
        source_address=(source, 0))
    try:
        connection.request("GET", f"/certificates/search.cgi?uri={NOBODY}")
        return connection.getresponse().status
    finally:
        connection.close()


def published(client, address, wish=None):
    payload = {"address": address}
    if wish is not None:
        payload["published"] = wish
    return client.post(client.base + "/acme/published", payload)


def test_a_device_says_whether_its_mailbox_is_published(world, authority, https, alice, bob):
    own = keys_of(alice.signing)["certHash"]
    assert published(alice.client, ALICE).json == {"address": ALICE, "published": True}
    assert published(alice.client, ALICE, False).json == {"address": ALICE, "published": False}
    try:
        assert search(authority, certHash=own).status == 404
        hidden, = ask(https, {"addresses": [ALICE]}).json["found"]
        assert (hidden["signing"], hidden["encrypting"]) == ([], [])
        # the mailbox is another's
        for wish in (None, True):
            reply = published(bob.client, ALICE, wish)
            assert (reply.status, reply.problem) == (403, "unauthorized")
        # the wish is there already: no second act
        assert published(alice.client, ALICE, False).json["published"] is False
    finally:
        assert published(alice.client, ALICE, True).json["published"] is True
    assert search(authority, certHash=own).body == der(alice.signing)
    log = [line.split("\t")[1:4] for line in
           command(world, "audit", "list", authority["dir"]).stdout.splitlines()
           if "\thide\t" in line or "\tshow\t" in line]
    name = f"account {alice.client.kid.rpartition('/')[2]}"
    assert [act for act in log if act[0] == name] == [[name, "hide", ALICE], [name, "show", ALICE]]


def test_a_mailbox_without_devices_is_its_proven_owners(world):
    carol, stranger = Client(world), Client(world)
    for client in (carol, stranger):
        assert client.register().status == 201
    reply = published(carol, "carol@alpha.test", False)
    assert (reply.status, reply.problem) == (403, "unauthorized")
    carol.authorize("carol@alpha.test")
    assert published(carol, "carol@alpha.test", False).json["published"] is False
    assert published(carol, "carol@alpha.test", True).json["published"] is True
    reply = published(stranger, "carol@alpha.test", False)
    assert (reply.status, reply.problem) == (403, "unauthorized")


@pytest.mark.parametrize("payload, kind", [
    (None, "malformed"), ({}, "malformed"), ({"address": 1}, "malformed"),
    ({"address": ALICE, "published": "no"}, "malformed"),
    ({"address": ALICE, "published": None}, "malformed"),
    ({"address": "no address"}, "rejectedIdentifier"),
    ({"address": '"*"@alpha.test', "published": False}, "rejectedIdentifier"),
])
def test_a_wish_that_is_none_changes_nothing(alice, payload, kind):
    reply = alice.client.post(alice.client.base + "/acme/published", payload)
    assert reply.problem == kind, reply.body
    assert published(alice.client, ALICE).json["published"] is True
