"""What each root is believed for: the trust settings, and the system's roots."""

import hashlib
import json
import os
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

import papers
from filedesk import ALICE, PASSPHRASE, Desk

V1, V3 = "2.23.140.1.5.1.3", "2.23.140.1.5.2.1"
TEXT = f"From: {ALICE}\r\nTo: bob@beta.test\r\nSubject: hello\r\n\r\nGood morning.\r\n".encode()


def issue_as_firm(authority, address, policy):
    """A certificate that says: I am Microsoft."""
    key, now = papers.new_key("ec"), papers.datetime.datetime.utcnow()
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Microsoft"),
                     x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Microsoft")])
    cert = (
        x509.CertificateBuilder().subject_name(who).issuer_name(authority.name)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - papers.DAY).not_valid_after(now + 365 * papers.DAY)
        .add_extension(papers.usage(digital_signature=True), True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
        .add_extension(x509.SubjectAlternativeName([x509.RFC822Name(address)]), False)
        .add_extension(x509.CertificatePolicies(
            [x509.PolicyInformation(x509.ObjectIdentifier(policy), None)]), False)
        .sign(authority.key, hashes.SHA256()))
    return key, cert


@pytest.fixture(scope="module")
def desk(program, tmp_path_factory):
    """Alice also has certificates that call her Microsoft, at two levels."""
    made = Desk(program, tmp_path_factory.mktemp("desk"))
    for label, policy in (("firm", V3), ("mailbox", V1)):
        key, cert = issue_as_firm(made.authority, ALICE, policy)
        made.certs[label] = papers.save_cert(made.dir / f"{label}.pem", cert)
        made.ids[label] = papers.save_p12(made.dir / f"{label}.p12", key, cert, PASSPHRASE)
    return made


def settings(desk, *lines):
    fingerprint = hashlib.sha256(desk.authority.cert.public_bytes(Encoding.DER)).hexdigest()
    file = desk.dir / "trust-settings"
    file.write_text("".join(line.replace("ROOT", f"root {fingerprint}") + "\n" for line in lines))
    return "--trust-settings", file


def names(told):
    return told["signed"]["organization"], told["signed"]["name"]


def test_no_root_may_name_microsoft_because_it_can_write_it(desk):
    told = desk.inspect(desk.seal(TEXT, sender="firm"))
    assert told["signed"]["chain"] == "valid" and told["signed"]["level"] == "V3"
    assert told["verdict"] == "caution" and told["reasons"][0] == "root.level"
    assert names(told) == ("", "") and "Microsoft" not in told["sentence"]


def test_a_root_names_an_organisation_where_the_settings_let_it(desk):
    letter = desk.seal(TEXT, sender="firm")
    told = desk.inspect(letter, *settings(desk, "# ours", "ROOT V3 alpha.test"))
    assert told["verdict"] == "verified" and names(told) == ("Microsoft", "Microsoft")
    told = desk.inspect(letter, *settings(desk, "ROOT V2 alpha.test"))
    assert told["verdict"] == "caution" and names(told) == ("", "")
    told = desk.inspect(letter, *settings(desk, "ROOT V1 *", "ROOT V4 microsoft.com"))
    assert told["verdict"] == "caution" and names(told) == ("", "")


def test_a_root_is_believed_for_its_own_domains_only(desk):
    letter = desk.seal(TEXT)
    told = desk.inspect(letter, *settings(desk, "ROOT V1 beta.test *.alpha.test"))
    assert told["verdict"] == "caution" and told["reasons"][0] == "root.domain"
    told = desk.inspect(letter, *settings(desk, "ROOT V1 beta.test alpha.test"))
    assert told["verdict"] == "verified"


def sign_for(root, name, key, constraint, *more):
    """By an authority, in its name."""
    now = papers.datetime.datetime.utcnow()
    builder = (
        x509.CertificateBuilder().subject_name(common_name(name)).issuer_name(root[0])
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - papers.DAY).not_valid_after(now + 365 * papers.DAY)
        .add_extension(x509.BasicConstraints(constraint, None), True))
    for extension in more:
        builder = builder.add_extension(extension, True)
    return builder.sign(root[1], hashes.SHA256())


def common_name(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def pem(*certs):
    return b"".join(cert.public_bytes(Encoding.PEM) for cert in certs)


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_roots_the_one_that_may_is_asked(desk, tmp_path, turned):
    """An authority that two roots vouch for, one of them for another domain only."""
    keys = {name: papers.new_key("ec") for name in ("ours", "partner", "between", "alice")}
    signs = papers.usage(key_cert_sign=True)
    roots = [sign_for((common_name(name), keys[name]), name, keys[name], True, signs)
             for name in ("ours", "partner")]
    between = [sign_for((common_name(name), keys[name]), "between", keys["between"], True, signs)
               for name in ("ours", "partner")]
    alice = sign_for((common_name("between"), keys["between"]), "alice", keys["alice"], False,
                     papers.usage(digital_signature=True),
                     x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]),
                     x509.SubjectAlternativeName([x509.RFC822Name(ALICE)]))
    order = -1 if turned else 1
    identity, trust, said = tmp_path / "alice", tmp_path / "roots", tmp_path / "said"
    identity.write_bytes(keys["alice"].private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + pem(alice, *between[::order]))
    trust.write_bytes(pem(*roots[::order]))
    names = [hashlib.sha256(root.public_bytes(Encoding.DER)).hexdigest() for root in roots]
    letter = desk.run("seal", "--sign-only", "--identity", identity, stdin=TEXT).stdout
    for may, verdict in (((0, 1), "verified"), ((1, 0), "verified"), ((), "caution")):
        domains = ["partner.test"] * 2 if not may else [
            "alpha.test" if may[0] == i else "partner.test" for i in range(2)]
        said.write_text("".join(f"root {n} V1 {d}\n" for n, d in zip(names, domains)))
        done = desk.run("inspect", "--json", "--trust", trust, "--trust-settings", said,
                        stdin=letter)
        told = json.loads(done.stdout)
        assert told["verdict"] == verdict, told["reasons"]
        assert ("root.domain" in told["reasons"]) == (not may)


def test_a_mailbox_certificate_never_names_an_organisation(desk):
    told = desk.inspect(desk.seal(TEXT, sender="mailbox"), *settings(desk, "ROOT V4 *"))
    assert told["verdict"] == "verified" and names(told) == ("", "")


def test_open_reports_with_the_same_settings(desk):
    report = desk.dir / "report.json"
    server = (b"Authentication-Results: mx.beta.test; dmarc=pass header.from=alpha.test\r\n"
              b"Received: from x by mx.beta.test; Mon, 5 Jan 2026 10:00:00 +0000\r\n")
    done = desk.run("open", *desk.as_id("bob@beta.test"), "--trust", desk.root, "--report", report,
                    *settings(desk, "ROOT V3 *", "authserv mx.beta.test"),
                    stdin=server + desk.seal(TEXT, sender="firm"))
    assert done.returncode == 0, done.stderr
    told = json.loads(report.read_text())
    assert names(told)[0] == "Microsoft" and "dmarc.pass" in told["reasons"]


@pytest.mark.parametrize("line, why", [
    ("ROOT V9 *", b'line 2: "V9" is no level: V1, V2, V3 or V4'),
    ("root 12 V1 *", b"line 2: a root is named by the SHA-256"),
    ("ROOT V1 alice@alpha.test", b'line 2: "alice@alpha.test" is no domain'),
    ("believe all", b'line 2: "believe" says nothing here'),
])
def test_settings_that_are_wrong_are_told_with_their_line(desk, line, why):
    words = settings(desk, "# mine", line)
    done = desk.run("inspect", *words, stdin=TEXT)
    assert done.returncode == 2 and done.stdout == b""
    assert why in done.stderr and str(words[1]).encode() in done.stderr


def inspect_public(desk, letter, root, *words):
    done = subprocess.run([desk.program, "inspect", *map(str, desk.as_id("bob@beta.test")), "--json",
                           *map(str, words)], input=letter, capture_output=True, timeout=60,
                          env={**os.environ, "SSL_CERT_FILE": str(root)})
    assert done.stderr == b"", done.stderr
    return json.loads(done.stdout)


def test_the_systems_roots_count_only_when_asked_for_and_for_addresses(desk):
    letter = desk.seal(TEXT)
    assert inspect_public(desk, letter, desk.root)["signed"]["chain"] == "no-anchor"
    assert inspect_public(desk, letter, desk.root, "--public-roots")["verdict"] == "verified"
    told = inspect_public(desk, letter, desk.root, *settings(desk, "public-roots"))
    assert told["verdict"] == "verified"
    told = inspect_public(desk, desk.seal(TEXT, sender="firm"), desk.root, "--public-roots")
    assert told["reasons"][0] == "root.level" and names(told) == ("", "")


def test_debians_roots_can_be_read(desk):
    """All of ca-certificates; none of them has signed this letter."""
    told = inspect_public(desk, desk.seal(TEXT), "", "--public-roots")
    assert told["signed"]["chain"] == "no-anchor" and told["verdict"] == "caution"
