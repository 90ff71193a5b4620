"""Where the authority's keys are, and the commands that keep it."""

import re
import shutil

import pytest

from loneauthority import SOFTHSM, Lone, run

NAMES = ["root", "issuing", "ocsp", "tsa-ca", "tsa"]


@pytest.fixture
def lone(build, tmp_path):
    lone = Lone(build, tmp_path)
    yield lone
    lone.close()


@pytest.fixture
def ready(lone):
    assert lone.init().returncode == 0
    return lone


# keys in a token


def test_all_keys_can_be_in_a_token(lone):
    token = lone.make_token()
    said = lone.init(*token, secret=False)
    assert said.returncode == 0, said.stderr
    keys = run("pkcs11-tool", "--module", SOFTHSM, "--token-label", "letterlock", "--login",
               "--pin", lone.pin.read_text().strip(), "--list-objects", "--type", "privkey",
               env=lone.environment)
    for name in NAMES:
        assert (lone.dir / f"{name}.key").read_text().startswith("pkcs11:token=letterlock;")
        assert f"label:      letterlock-{name}\n" in keys
    assert keys.count("sensitive, always sensitive, never extractable, local") == len(NAMES)
    for path in lone.dir.iterdir():
        assert b"PRIVATE KEY" not in path.read_bytes(), path
    run("openssl", "verify", "-x509_strict", "-CAfile", lone.dir / "root.pem",
        lone.dir / "issuing.pem", lone.dir / "tsa-ca.pem")
    lone.start()
    lone.stamp()
    lone.stop()


def test_an_authority_with_a_token_says_when_it_cannot_open_it(lone):
    token = lone.make_token()
    assert lone.init(*token, secret=False).returncode == 0
    lone.pin.write_text("0987654321\n")
    said = lone.command("run", lone.dir)
    assert said.returncode == 2
    assert "issuing.key: the token does not take this PIN" in said.stderr
    lone.settings(pin_file=None)
    said = lone.command("run", lone.dir)
    assert said.returncode == 2
    assert "--pin-file, or give the systemd credential authority-pin" in said.stderr
    lone.environment["CREDENTIALS_DIRECTORY"] = str(lone.folder)
    lone.write("authority-pin", "1234567890\n")
    lone.start()
    lone.stop()


def test_a_token_is_not_asked_for_what_it_is_not(lone):
    said = lone.init("--pkcs11", "softhsm")
    assert said.returncode == 2
    assert '"pkcs11": want the URI of a token, pkcs11:token=NAME' in said.stderr
    assert not lone.dir.exists()


def test_the_passphrase_can_come_from_a_systemd_credential(lone):
    lone.environment["CREDENTIALS_DIRECTORY"] = str(lone.folder)
    said = lone.init(secret=False)
    assert said.returncode == 2 and "authority-passphrase" in said.stderr
    lone.write("authority-passphrase", "a credential of systemd\n")
    assert lone.init(secret=False).returncode == 0
    run("openssl", "pkey", "-in", lone.dir / "issuing.key", "-noout",
        "-passin", "pass:a credential of systemd")
    lone.start()
    lone.stop()
