"""What init says is to be done next: done, word by word, there is an authority."""

import base64
import re

import dns.zone
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from conftest import long
from loneauthority import DOMAIN, Lone, run
from quickkeys import quicken


@pytest.fixture(scope="module")
def made(build, tmp_path_factory):
    """A new authority, and what its making said."""
    lone = Lone(build, tmp_path_factory.mktemp("made"))
    run("openssl", "genrsa", "-out", lone.papers / "dkim.key", "2048")
    said = lone.init()
    assert said.returncode == 0, said.stderr
    quicken(lone.dir, lone.passphrase)
    yield lone, said.stdout
    lone.close()


def test_the_root_to_be_copied_is_there(made):
    lone, said = made
    path = re.search(r"Copy (\S+) to those who shall trust it", said)[1]
    root = x509.load_pem_x509_certificate(open(path, "rb").read())
    assert root.subject == root.issuer
    assert isinstance(root.public_key().curve, ec.SECP384R1)


def test_the_record_for_the_dns_has_the_public_key(made):
    """A zone file as dnspython reads it; the key as openssl has it."""
    lone, said = made
    line = re.search(r"^ *(\S+\._domainkey\.\S+ IN TXT .*)$", said, re.M)[1]
    zone = dns.zone.from_text(f"$TTL 60\n@ IN SOA a. b. 1 1 1 1 1\n@ IN NS a.\n{line}\n",
                              origin=f"{DOMAIN}.")
    [rdata] = zone.find_rdataset(f"letterlock._domainkey.{DOMAIN}.", "TXT")
    assert len(rdata.strings) > 1 and max(map(len, rdata.strings)) <= 255
    tags = dict(tag.strip().split("=", 1) for tag in b"".join(rdata.strings).decode().split(";"))
    assert tags["v"] == "DKIM1" and tags["k"] == "rsa"
    public = run("openssl", "rsa", "-in", lone.papers / "dkim.key", "-pubout")
    assert tags["p"] == "".join(public.split("\n")[1:-2])
    base64.b64decode(tags["p"], validate=True)


def test_whatever_others_must_reach_or_let_through_is_named(made):
    lone, said = made
    assert f"has the address of {lone.place('https')}" in said
    assert f"the MX of {DOMAIN} leads to {lone.place('mx')}, on port 25" in said
    assert f"http://127.0.0.1:{lone.ports['http']}, which stands in every" in said
    assert f"it is at {lone.place('http')}" in said
    assert "127.0.0.1:25 relay letters from 127.0.0.1" in said


def test_what_no_backup_has_is_to_be_kept_elsewhere(made):
    lone, said = made
    assert f"Keep a copy of {lone.passphrase} elsewhere" in said
    elsewhere = lone.done("backup", lone.dir, lone.folder / "one")
    assert str(lone.passphrase) in elsewhere


def test_without_the_keys_that_go_offline_it_runs_and_with_them_makes_its_lists(made):
    """The commands as they were printed, with somebody's own words for those in capitals."""
    lone, said = made
    folder, other = re.search(r"Keep (\S+)/root\.key and (\S+) elsewhere", said).groups()
    assert folder == str(lone.dir)
    offline = lone.folder / "offline"
    offline.mkdir()
    for name in ("root.key", other):
        (lone.dir / name).rename(offline / name)
    assert f"letterlock-authority run {lone.dir}\n" in said
    lone.start()
    lone.stamp()
    last = said[said.index("\n9. "):]
    assert re.search(rf"letterlock-authority backup {lone.dir} TO", last)
    lone.done("backup", lone.dir, lone.folder / "to")
    assert f"audit verify {lone.dir}" in last
    lone.done("audit", "verify", lone.dir)
    lone.stop()
    assert f"with the keys of step 3, lists {lone.dir}" in last
    lone.done("lists", lone.dir, "--offline", offline)


def test_every_command_and_setting_that_is_named_exists(made):
    lone, said = made
    help_text = lone.done("--help")
    commands = re.findall(r"letterlock-authority ([a-z]+)", said)
    assert set(commands) == {"run", "operator", "backup"}
    for command in commands:
        assert re.search(rf"^  {command} ", help_text, re.M), command
    for setting, value in re.findall(r'"([a-z_]+)": "([a-z]+)"', said):
        lone.settings(**{setting: value})
    assert set(re.findall(r'"([a-z_]+)"', said)) == {"clock", "trusted", "desk_listen"}
    lone.settings(desk_listen="127.0.0.1:1")
    lone.done("audit", "verify", lone.dir)  # reads the settings


@long  # it makes a second authority, whose keys are encrypted slowly
def test_a_secret_of_systemds_is_told_apart(build, tmp_path):
    lone = Lone(build, tmp_path)
    lone.environment["CREDENTIALS_DIRECTORY"] = str(tmp_path)
    lone.write("authority-passphrase", "correct horse battery\n")
    said = lone.init(secret=False)
    assert said.returncode == 0, said.stderr
    assert "a copy of the systemd credential authority-passphrase elsewhere" in said.stdout


@pytest.mark.parametrize("make", [
    lambda key: key.write_text("no key"),
    lambda key: run("openssl", "genrsa", "-out", key, "768"),
    lambda key: run("openssl", "genpkey", "-algorithm", "ED25519", "-out", key),
    lambda key: run("openssl", "genrsa", "-aes128", "-passout", "pass:x", "-out", key, "1024"),
])
def test_with_a_key_that_no_letter_can_be_signed_with_nothing_is_made(build, tmp_path, make):
    lone = Lone(build, tmp_path)
    make(lone.papers / "dkim.key")
    said = lone.init()
    assert said.returncode == 2
    assert "want an RSA key of 1024 bits or more" in said.stderr
    assert not lone.dir.exists()
