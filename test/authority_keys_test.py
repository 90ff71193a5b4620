"""Where the authority's keys are, and the commands that keep it."""

import re
import shutil
import urllib.error

import pytest

from loneauthority import SOFTHSM, Lone, run

NAMES = ["root", "issuing", "ocsp", "tsa-ca", "tsa"]


@pytest.fixture(scope="module")
def founded(build, tmp_path_factory):
    """Keys are encrypted slowly, on purpose: one authority for all, to be copied."""
    lone = Lone(build, tmp_path_factory.mktemp("founded"))
    said = lone.init()
    assert said.returncode == 0, said.stderr
    return lone


@pytest.fixture
def lone(build, tmp_path):
    lone = Lone(build, tmp_path)
    yield lone
    lone.close()


@pytest.fixture
def ready(build, tmp_path, founded):
    lone = Lone(build, tmp_path, like=founded)
    yield lone
    lone.close()


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


def test_the_passphrase_can_come_from_a_systemd_credential(ready):
    ready.settings(passphrase_file=None)
    said = ready.command("run", ready.dir)
    assert said.returncode == 2 and "systemd credential authority-passphrase" in said.stderr
    ready.environment["CREDENTIALS_DIRECTORY"] = str(ready.folder)
    ready.write("authority-passphrase", "another one than it was\n")
    said = ready.command("run", ready.dir)
    assert said.returncode == 2 and "issuing.key: the key cannot be decrypted" in said.stderr
    ready.write("authority-passphrase", ready.passphrase.read_text())
    ready.start()
    ready.stop()


# metrics


def requests_counted(text, request, result):
    found = re.search(rf'^letterlock_requests_total{{request="{request}",result="{result}"}} (\d+)$',
                      text, re.MULTILINE)
    return int(found[1])


def test_metrics_are_told_at_a_place_of_their_own(ready):
    ready.start()
    before, headers = ready.http("/metrics", "metrics")
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    ready.stamp()
    with pytest.raises(urllib.error.HTTPError):
        ready.https("/nothing")
    after, _ = ready.http("/metrics", "metrics")
    before, after = before.decode(), after.decode()
    for request, result in (("tsa", "ok"), ("other", "refused")):
        assert requests_counted(after, request, result) == \
            requests_counted(before, request, result) + 1
    assert requests_counted(after, "tsa", "refused") == 0
    assert re.search(r'^letterlock_certificate_seconds_left{certificate="tsa"} \d+$', after, re.M)
    for path, where in (("/metrics", "http"), ("/tsa", "metrics"), ("/root.pem", "metrics")):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            ready.http(path, where)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        ready.https("/metrics")
    ready.stop()
