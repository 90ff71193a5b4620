"""The words of a verdict: in which language, and which names it does not say."""

import json
import os
import re
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

import papers
from filedesk import BOB, Desk
from people import letter

UNSIGNED = f"From: carol@gamma.test\r\nTo: {BOB}\r\nSubject: x\r\n\r\nHello.\r\n".encode()
ENGLISH, CHINESE = "Not signed", "没有签名"
# CA/B Forum S/MIME Baseline Requirements 7.1.6.1: mailbox, organisation, sponsored, individual; strict
POLICIES = {"V1": "2.23.140.1.5.1.3", "V3": "2.23.140.1.5.2.3", "V4": "2.23.140.1.5.3.3",
            "V2": "2.23.140.1.5.4.3"}


@pytest.fixture(scope="module")
def desk(program, tmp_path_factory):
    return Desk(program, tmp_path_factory.mktemp("desk"))


def inspect(desk, *words, **environment):
    """Standard output of `inspect`, where nothing but `environment` says a language."""
    clean = {name: value for name, value in os.environ.items()
             if name not in ("LC_ALL", "LC_MESSAGES", "LANG")}
    return subprocess.run([desk.program, "inspect", *words], input=UNSIGNED, capture_output=True,
                          env={**clean, **environment}, timeout=60)


@pytest.mark.parametrize("words, says", [([], ENGLISH), (["--language", "en"], ENGLISH),
                                         (["--language", "zh"], CHINESE),
                                         (["--json", "--language", "zh"], CHINESE)])
def test_the_verdict_speaks_the_language_that_is_asked_for(desk, words, says):
    done = inspect(desk, *words, LANG="C.UTF-8")
    assert done.returncode == 1 and done.stderr == b""
    assert says in done.stdout.decode()


@pytest.mark.parametrize("environment, says", [
    ({"LANG": "zh_CN.UTF-8"}, CHINESE),
    ({"LANG": "de_DE.UTF-8"}, ENGLISH),
    ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "zh_CN"}, CHINESE),
    ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, ENGLISH),
    ({"LANG": "zh_CN.UTF-8", "LC_ALL": "", "LC_MESSAGES": ""}, CHINESE),
    ({}, ENGLISH),
])
def test_the_environment_says_which_language(desk, environment, says):
    assert says in inspect(desk, **environment).stdout.decode()


def test_the_option_goes_before_the_environment(desk):
    assert ENGLISH in inspect(desk, "--language", "en", LC_ALL="zh_CN.UTF-8").stdout.decode()


@pytest.mark.parametrize("language", ["", "de", "zh_CN", "EN"])
def test_a_language_that_there_is_not_is_said_in_one_line(desk, language):
    done = inspect(desk, "--language", language)
    assert done.returncode == 2 and done.stdout == b""
    assert re.fullmatch(rb'[^\n]*--language wants en or zh, not "[^\n]*"\n', done.stderr)


def test_the_colon_is_that_of_the_language(desk):
    assert inspect(desk, "--language", "zh").stdout.decode().startswith("未签名：没有签名")
    assert inspect(desk, "--language", "en").stdout.decode().startswith("unsigned: Not signed")


def test_chain_speaks_the_language_of_the_environment(desk):
    done = subprocess.run([desk.program, "chain", "--trust", desk.root], input=desk.certs[BOB].read_bytes(),
                          capture_output=True, env={**os.environ, "LC_ALL": "zh_CN.UTF-8"}, timeout=60)
    assert done.returncode == 0 and "没有核对是否已撤销" in done.stdout.decode()


def test_a_person_reads_what_to_do(desk):
    lines = inspect(desk).stdout.decode().splitlines()
    assert lines[0].startswith("unsigned: Not signed: anybody can write carol@gamma.test")
    assert any(re.fullmatch(r"  what to do: +\S.*\.", line) for line in lines)


class Claimant(papers.Authority):
    """An authority that writes names and levels as it likes."""

    def claim(self, address, level):
        key = papers.new_key("ec")
        names = [(NameOID.COMMON_NAME, "Microsoft Security"), (NameOID.ORGANIZATION_NAME, "Microsoft")]
        policies = [x509.PolicyInformation(x509.ObjectIdentifier(POLICIES[level]), None)]
        cert = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(kind, text) for kind, text in names]))
            .issuer_name(self.name).public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.cert.not_valid_before).not_valid_after(self.cert.not_valid_after)
            .add_extension(x509.BasicConstraints(False, None), True)
            .add_extension(papers.usage(digital_signature=True, key_agreement=True), True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
            .add_extension(x509.CertificatePolicies(policies), False)
            .add_extension(x509.SubjectAlternativeName([x509.RFC822Name(address)]), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                self.key.public_key()), False)
            .sign(self.key, hashes.SHA256()))
        return key, cert


@pytest.mark.parametrize("level", POLICIES)
def test_no_name_is_told_that_the_level_does_not_prove(desk, tmp_path, level):
    """A root without limits of its own vouches for addresses only, whatever it writes."""
    address = "dave@delta.test"
    authority = Claimant()
    root = authority.save(tmp_path / "root.pem")
    desk.ids["claim"] = papers.save_p12(tmp_path / "claim.p12", *authority.claim(address, level),
                                        desk.passphrase.read_text().strip())
    sealed = desk.seal(letter(address, [BOB]).as_bytes(), sender="claim")
    done = desk.run("inspect", *desk.as_id(BOB), "--trust", root, "--json", stdin=sealed)
    told = json.loads(done.stdout)
    assert told["signed"]["state"] == "valid" and told["signed"]["level"] == level
    assert told["signed"]["name"] == told["signed"]["organization"] == ""
    assert b"Microsoft" not in done.stdout
    assert told["verdict"] == ("verified" if level == "V1" else "caution")
    assert ("root.level" in told["reasons"]) == (level != "V1")


