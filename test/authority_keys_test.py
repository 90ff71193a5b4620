"""Where the authority's keys are, and the commands that keep it."""

import re
import shutil
import sqlite3
import subprocess
import time
import urllib.error

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs7

from loneauthority import SOFTHSM, Lone, run
from quickkeys import quicken

# The tables of the first version that was published.
FIRST = """
CREATE TABLE account (
 id INTEGER PRIMARY KEY,
 name TEXT NOT NULL UNIQUE,
 thumbprint TEXT NOT NULL UNIQUE,
 jwk TEXT NOT NULL,
 contact TEXT NOT NULL,
 status TEXT NOT NULL,
 created INTEGER NOT NULL) STRICT;
CREATE TABLE authorization (
 id INTEGER PRIMARY KEY,
 name TEXT NOT NULL UNIQUE,
 account INTEGER NOT NULL REFERENCES account (id),
 address TEXT NOT NULL,
 folded TEXT NOT NULL,
 status TEXT NOT NULL,
 created INTEGER NOT NULL,
 expires INTEGER NOT NULL,
 recipient TEXT NOT NULL UNIQUE,
 token1 TEXT NOT NULL,
 token2 TEXT NOT NULL,
 posted INTEGER NOT NULL DEFAULT 0,
 answered INTEGER NOT NULL DEFAULT 0,
 validated INTEGER NOT NULL DEFAULT 0,
 error_type TEXT,
 error_detail TEXT,
 mail_next INTEGER,
 mail_tries INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX authorization_of ON authorization (account, address);
CREATE INDEX authorization_mailbox ON authorization (folded, created);
CREATE INDEX authorization_mail ON authorization (mail_next)
 WHERE mail_next IS NOT NULL;
CREATE TABLE certificate (
 id INTEGER PRIMARY KEY,
 name TEXT NOT NULL UNIQUE,
 serial BLOB NOT NULL UNIQUE,
 account INTEGER NOT NULL REFERENCES account (id),
 address TEXT NOT NULL,
 folded TEXT NOT NULL,
 kind TEXT NOT NULL,
 key_sha256 BLOB NOT NULL,
 not_before INTEGER NOT NULL,
 not_after INTEGER NOT NULL,
 der BLOB NOT NULL) STRICT;
CREATE INDEX certificate_address ON certificate (address);
CREATE INDEX certificate_folded ON certificate (folded);
CREATE INDEX certificate_key ON certificate (key_sha256);
CREATE TABLE acme_order (
 id INTEGER PRIMARY KEY,
 name TEXT NOT NULL UNIQUE,
 account INTEGER NOT NULL REFERENCES account (id),
 authorization INTEGER NOT NULL REFERENCES authorization (id),
 address TEXT NOT NULL,
 created INTEGER NOT NULL,
 expires INTEGER NOT NULL,
 certificate INTEGER REFERENCES certificate (id)) STRICT;
CREATE INDEX order_of ON acme_order (account, created);
"""
NAMES = ["root", "issuing", "ocsp", "tsa-ca", "tsa"]


@pytest.fixture(scope="module")
def founded(build, tmp_path_factory):
    """Keys are encrypted slowly, on purpose: one authority for all, to be copied."""
    lone = Lone(build, tmp_path_factory.mktemp("founded"))
    said = lone.init()
    assert said.returncode == 0, said.stderr
    shutil.copytree(lone.dir, lone.folder / "as-made")
    quicken(lone.dir, lone.passphrase)
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
    lone.done("rollover", lone.dir)
    lone.start()
    lone.stamp()
    for name in ("issuing", "issuing-2"):
        check_list(lone, name)
    lone.stop()


def check_list(lone, name):
    """The revocation list of a CA: a job of the running authority had the token sign it."""
    crl = lone.folder / "list.crl"
    crl.write_bytes(wait_for_list(lone, certificate_id(lone.dir / f"{name}.pem")))
    run("openssl", "crl", "-inform", "DER", "-in", crl, "-noout", "-verify",
        "-CAfile", lone.dir / f"{name}.pem")


def wait_for_list(lone, ca):
    deadline = time.monotonic() + 60
    while True:
        try:
            return lone.http(f"/crl/{ca}/0.crl")[0]
        except urllib.error.HTTPError:
            assert time.monotonic() < deadline, lone.log()
            time.sleep(0.1)


def test_the_keys_that_go_offline_can_be_in_another_token(lone):
    token = lone.make_token()
    pin = lone.write("offline-pin", "9999999999\n")
    run("softhsm2-util", "--init-token", "--free", "--label", "safe", "--so-pin", "12345678",
        "--pin", pin.read_text().strip(), env=lone.environment)
    said = lone.init(*token, "--offline-pkcs11", f"pkcs11:token=safe?module-path={SOFTHSM}",
                     "--offline-pin-file", pin, secret=False)
    assert said.returncode == 0, said.stderr
    assert "Lock away the token" in said.stdout
    for name in NAMES:
        place = "safe" if name in ("root", "tsa-ca") else "letterlock"
        assert f"token={place};" in (lone.dir / f"{name}.key").read_text()
    said = lone.command("rollover", lone.dir)
    assert said.returncode == 2 and "root.key: the token does not take this PIN" in said.stderr
    lone.done("rollover", lone.dir, "--offline-pin-file", pin)
    run("openssl", "verify", "-x509_strict", "-CAfile", lone.dir / "root.pem",
        lone.dir / "issuing-2.pem")
    # the token is locked away
    run("softhsm2-util", "--delete-token", "--token", "safe", env=lone.environment)
    lone.start()
    lone.stamp()
    lone.stop()


def test_the_keys_that_go_offline_can_be_files_beside_a_token(lone):
    token = lone.make_token()
    said = lone.init(*token, "--offline-pkcs11", "files")
    assert said.returncode == 0, said.stderr
    for name in NAMES:
        text = (lone.dir / f"{name}.key").read_text()
        begins = "-----BEGIN ENC" if name in ("root", "tsa-ca") else "pkcs11:token=letterlock;"
        assert text.startswith(begins), name
    lone.done("rollover", lone.dir)
    shutil.rmtree(lone.dir)
    said = lone.init(*token, "--offline-pkcs11", "files", secret=False)
    assert said.returncode == 2 and "needs a --passphrase-file" in said.stderr


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


def test_the_passphrase_can_come_from_a_systemd_credential(ready, founded):
    for key in (founded.folder / "as-made").glob("*.key"):
        shutil.copy(key, ready.dir)
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
    for name in ("root", "tsa-ca"):
        left = re.search(rf'^letterlock_list_seconds_left{{list="{name}"}} (\d+)$', after, re.M)
        assert 359 * 86400 < int(left[1]) <= 360 * 86400
    for path, where in (("/metrics", "http"), ("/tsa", "metrics"), ("/root.pem", "metrics")):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            ready.http(path, where)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        ready.https("/metrics")
    ready.stop()


# a new issuing CA


def certificate_id(path):
    said = run("openssl", "x509", "-noout", "-ext", "subjectKeyIdentifier", "-in", path)
    return said.split("\n")[1].strip().replace(":", "").lower()


def audit_list(lone):
    return lone.done("audit", "list", lone.dir)


def test_a_rollover_makes_a_new_issuing_ca_beside_the_old(ready):
    old = certificate_id(ready.dir / "issuing.pem")
    said = ready.done("rollover", ready.dir)
    new = certificate_id(ready.dir / "issuing-2.pem")
    assert new != old and f"The new issuing CA is {new}." in said
    run("openssl", "verify", "-x509_strict", "-CAfile", ready.dir / "root.pem",
        ready.dir / "issuing.pem", ready.dir / "issuing-2.pem")
    subject = run("openssl", "x509", "-noout", "-subject", "-in", ready.dir / "issuing-2.pem")
    assert "CN = Mail CA 2" in subject
    ready.start()
    served = {ca: ready.http(f"/ca/{ca}.cer")[0] for ca in (old, new)}
    for ca, name in ((old, "issuing"), (new, "issuing-2")):
        der = run_bytes("openssl", "x509", "-in", ready.dir / f"{name}.pem", "-outform", "DER")
        assert served[ca] == der
    metrics = ready.http("/metrics", "metrics")[0].decode()
    assert f'certificate="{new}"' in metrics and f'certificate="{old}"' in metrics
    ready.stop()
    assert f"\trollover\t{new}\t" in audit_list(ready)


def run_bytes(*words):
    return subprocess.run([str(word) for word in words], capture_output=True, check=True).stdout


def files_of(lone):
    """But for the database, which is made when it is first asked for."""
    return {path.name for path in lone.dir.iterdir() if not path.name.startswith("authority.db")}


def test_a_rollover_needs_the_key_of_the_root(ready, tmp_path):
    before = files_of(ready)
    away = tmp_path / "away"
    away.mkdir()
    (ready.dir / "root.key").rename(away / "root.key")
    said = ready.command("rollover", ready.dir)
    assert said.returncode == 2
    assert "root.key, which is not in" in said.stderr and "--offline" in said.stderr
    assert files_of(ready) == before - {"root.key"}
    ready.done("rollover", ready.dir, "--offline", away)
    assert (ready.dir / "issuing-2.pem").exists()
    assert not (ready.dir / "root.key").exists()


def test_a_rollover_that_was_cut_off_is_taken_up(ready):
    ready.done("rollover", ready.dir)
    key = (ready.dir / "issuing-2.key").read_bytes()
    (ready.dir / "issuing-2.pem").unlink()
    (ready.dir / "ocsp-2.key").unlink()
    ready.done("rollover", ready.dir)
    assert (ready.dir / "issuing-2.key").read_bytes() == key
    ready.start()
    ready.stop()


def test_the_lists_of_the_offline_cas_are_made_anew(ready):
    for name in ("root", "tsa-ca"):
        (ready.dir / f"{name}.crl").unlink()
    ready.done("lists", ready.dir)
    for name in ("root", "tsa-ca"):
        said = run("openssl", "crl", "-inform", "DER", "-in", ready.dir / f"{name}.crl",
                   "-noout", "-CAfile", ready.dir / f"{name}.pem", "-nextupdate",
                   stderr=subprocess.STDOUT)
        assert "nextUpdate=" in said
    (ready.dir / "tsa-ca.key").unlink()
    said = ready.command("lists", ready.dir)
    assert said.returncode == 2 and "tsa-ca.key, which is not in" in said.stderr


# a new timestamping service


def reply_of(lone):
    return (lone.folder / "reply.tsr").read_bytes(), (lone.folder / "query.tsq").read_bytes()


def stamper_of(lone):
    """The serial numbers of the certificates in the last timestamp."""
    token = lone.folder / "token.p7"
    run("openssl", "ts", "-reply", "-in", lone.folder / "reply.tsr", "-token_out", "-out", token)
    return {cert.serial_number for cert in pkcs7.load_der_pkcs7_certificates(token.read_bytes())}


def certificate(path):
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_a_new_timestamping_service_stamps_and_old_timestamps_hold(ready, tmp_path):
    ready.start()
    ready.stamp()
    reply, query = reply_of(ready)
    ready.stop()
    away = tmp_path / "away"
    away.mkdir()
    for name in ("root", "tsa-ca"):
        (ready.dir / f"{name}.key").rename(away / f"{name}.key")
    said = ready.command("rollover", ready.dir, "--of", "tsa")
    assert said.returncode == 2 and "tsa-ca.key, which is not in" in said.stderr
    ready.done("rollover", ready.dir, "--of", "tsa", "--offline", away)
    ready.settings(country="NL")
    ready.done("rollover", ready.dir, "--of", "tsa-ca", "--offline", away)
    for name in ("tsa-ca-2", "tsa-3"):
        subject = certificate(ready.dir / f"{name}.pem").subject
        assert [a.value for a in subject.get_attributes_for_oid(x509.NameOID.COUNTRY_NAME)] == ["NL"]
    assert sorted(path.name for path in away.iterdir()) == [
        "root.key", "tsa-ca-2.key", "tsa-ca.key"]
    ready.start()
    ready.stamp()
    assert stamper_of(ready) == {certificate(ready.dir / f"{name}.pem").serial_number
                                 for name in ("tsa-ca-2", "tsa-3")}
    check_offered(ready, "tsa-ca-2", "tsa-3")
    ready.stop()
    (ready.folder / "reply.tsr").write_bytes(reply)
    (ready.folder / "query.tsq").write_bytes(query)
    run("openssl", "ts", "-verify", "-in", ready.folder / "reply.tsr", "-queryfile",
        ready.folder / "query.tsq", "-CAfile", ready.dir / "root.pem")
    acts = [line.split("\t")[2:] for line in audit_list(ready).splitlines() if "rollover" in line]
    assert [act[2] for act in acts] == ["tsa", "tsa-ca"]


def check_offered(lone, ca, tsa):
    """What a reader fetches on the way from a new TSA to the root."""
    ident = certificate_id(lone.dir / f"{ca}.pem")
    der, _ = lone.http(f"/ca/{ident}.cer")
    assert x509.load_der_x509_certificate(der) == certificate(lone.dir / f"{ca}.pem")
    lists = lone.folder / "lists.pem"
    lists.write_text("".join(
        run("openssl", "crl", "-inform", "DER", "-in", lone.write_bytes("one.crl", lone.http(
            f"/crl/{certificate_id(lone.dir / name)}/0.crl")[0])) for name in (f"{ca}.pem",
                                                                            "root.pem")))
    run("openssl", "verify", "-x509_strict", "-crl_check_all", "-CRLfile", lists,
        "-purpose", "timestampsign", "-CAfile", lone.dir / "root.pem",
        "-untrusted", lone.dir / f"{ca}.pem", lone.dir / f"{tsa}.pem")
    metrics = lone.http("/metrics", "metrics")[0].decode()
    assert f'letterlock_certificate_seconds_left{{certificate="{ca}"}}' in metrics
    assert f'letterlock_list_seconds_left{{list="{ca}"}}' in metrics


def test_a_new_timestamping_ca_that_was_cut_off_is_taken_up(ready):
    ready.done("rollover", ready.dir, "--of", "tsa-ca")
    key = (ready.dir / "tsa-2.key").read_bytes()
    (ready.dir / "tsa-2.pem").unlink()
    ready.done("rollover", ready.dir, "--of", "tsa-ca")
    assert (ready.dir / "tsa-2.key").read_bytes() == key
    assert not (ready.dir / "tsa-ca-3.pem").exists()
    said = ready.command("rollover", ready.dir, "--of", "coffee")
    assert said.returncode == 2 and "--of is mail, tsa or tsa-ca" in said.stderr


# revoking the authority's own


def revoked(lone, name, chain=()):
    """What openssl says of a certificate with all the lists there are."""
    lists = lone.folder / "lists.pem"
    lists.write_text("".join(run("openssl", "crl", "-inform", "DER", "-in", path)
                             for path in lone.dir.glob("*.crl")))
    words = ["openssl", "verify", "-crl_check_all", "-CRLfile", lists,
             "-CAfile", lone.dir / "root.pem"]
    for above in chain:
        words += ["-untrusted", lone.dir / f"{above}.pem"]
    done = subprocess.run([str(word) for word in [*words, lone.dir / f"{name}.pem"]],
                          capture_output=True, text=True, check=False)
    return "certificate revoked" in done.stderr + done.stdout


def test_an_issuing_ca_of_ours_can_be_revoked(ready, tmp_path):
    assert not revoked(ready, "issuing")
    said = ready.done("revoke-ca", ready.dir, "issuing", "--reason", "cACompromise")
    assert "root.crl tells of it" in said
    assert revoked(ready, "issuing") and not revoked(ready, "tsa-ca")
    text = run("openssl", "crl", "-inform", "DER", "-in", ready.dir / "root.crl", "-noout", "-text")
    assert "CA Compromise" in text
    serial = f"{certificate(ready.dir / 'issuing.pem').serial_number:x}"
    assert re.search(rf"\trevoke-ca\t0*{serial}\tcACompromise", audit_list(ready))
    said = ready.command("revoke-ca", ready.dir, "issuing", "--reason", "superseded")
    assert said.returncode == 2 and "revoked already" in said.stderr
    # it stays on the list that is made the year after
    ready.done("lists", ready.dir)
    assert revoked(ready, "issuing")
    ready.done("audit", "verify", ready.dir)


def test_a_timestamping_service_that_was_revoked_stamps_no_more(ready):
    ready.done("revoke-ca", ready.dir, "tsa", "--reason", "superseded")
    assert revoked(ready, "tsa", ["tsa-ca"]) and not revoked(ready, "tsa-ca")
    ready.start()
    with pytest.raises(AssertionError):
        ready.stamp()
    said = run("openssl", "ts", "-reply", "-in", ready.folder / "reply.tsr", "-text")
    assert "revoked" in said and "Rejected" in said
    ready.stop()
    ready.done("rollover", ready.dir, "--of", "tsa")
    ready.start()
    ready.stamp()
    ready.stop()


@pytest.mark.parametrize("words, says", [
    (("root", "--reason", "superseded"), "no certificate of this authority"),
    (("../issuing", "--reason", "superseded"), "no certificate of this authority"),
    (("issuing-2", "--reason", "superseded"), "no certificate of this authority"),
    (("issuing", "--reason", "keyCompromise"), "--reason is cACompromise"),
    (("issuing",), "want revoke-ca DIR NAME"),
    (("issuing", "--reason", "superseded", "--offline", "/nowhere"), "root.key, which is not in"),
])
def test_what_cannot_be_revoked_changes_nothing(ready, words, says):
    before = (ready.dir / "root.crl").read_bytes()
    said = ready.command("revoke-ca", ready.dir, *words)
    assert said.returncode == 2 and says in said.stderr, said.stderr
    assert (ready.dir / "root.crl").read_bytes() == before
    assert "revoke-ca" not in audit_list(ready)


# an older authority


def test_an_older_authority_is_upgraded_and_not_before_it_is_asked_for(ready):
    """As the program of the first day made it: version 1, no responder."""
    make_old(ready.dir / "authority.db", ready.dir / "issuing.pem")
    (ready.dir / "ocsp.key").unlink()
    said = ready.command("run", ready.dir)
    assert said.returncode == 2 and "letterlock-authority upgrade" in said.stderr
    ready.done("backup", ready.dir, ready.folder / "before")
    said = ready.done("upgrade", ready.dir)
    assert re.match(r"Done: database version 1 to \d+, new keys: 1\.\n", said), said
    assert ready.done("upgrade", ready.dir).startswith("Nothing was to be done")
    ready.start()
    ready.stop()
    with sqlite3.connect(ready.dir / "authority.db") as database:
        rows = database.execute("SELECT issuer FROM certificate").fetchall()
    assert rows == [(certificate_id(ready.dir / "issuing.pem"),)]
    assert "\tupgrade\tdatabase version 1 to " in audit_list(ready)
    shutil.rmtree(ready.dir)
    ready.done("restore", ready.folder / "before", ready.dir)
    with sqlite3.connect(ready.dir / "authority.db") as database:
        assert database.execute("SELECT count(*) FROM certificate").fetchone() == (1,)


def test_an_older_database_alone_is_not_touched_by_run(ready):
    make_old(ready.dir / "authority.db", ready.dir / "issuing.pem")
    said = ready.command("run", ready.dir)
    assert said.returncode == 2
    assert "version 1, now" in said.stderr and "backup" in said.stderr
    with sqlite3.connect(ready.dir / "authority.db") as database:
        assert database.execute("PRAGMA user_version").fetchone() == (1,)


def make_old(path, certificate):
    """The first version that was published, with one certificate in it."""
    der = x509.load_pem_x509_certificate(certificate.read_bytes()).public_bytes(
        serialization.Encoding.DER)
    with sqlite3.connect(path) as database:
        database.executescript(FIRST)
        database.execute("INSERT INTO account VALUES (1, 'a', 't', '{}', '[]', 'valid', 1)")
        database.execute("INSERT INTO certificate VALUES (1, 'c', x'4001', 1, 'a@x.test',"
                         " 'a@x.test', 'signing', x'00', 1, 2, ?)", (der,))
        database.execute("PRAGMA user_version = 1")
    path.chmod(0o600)


# backup and restore


def tamper(path, old, new):
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))


def test_a_backup_of_a_running_authority_becomes_an_authority(ready):
    """The folder is lost; what comes back issues, stamps and has its log."""
    ready.start()
    backup = ready.folder / "backup"
    said = ready.done("backup", ready.dir, backup)
    for name in ("passphrase", "tls.key", "dkim.key"):
        assert str(ready.papers / name) in said
    assert {"authority.json", "authority.db", "root.pem", "issuing.key", "ocsp.key",
            "backup.json"} <= {path.name for path in backup.iterdir()}
    assert not list(backup.glob("*-wal"))
    for path in backup.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path
        assert b"correct horse" not in path.read_bytes(), path
    assert "\tbackup\t" in audit_list(ready)
    ready.stop()
    kept = {path.name: path.read_bytes() for path in ready.dir.iterdir()
            if path.suffix in (".pem", ".key", ".crl", ".json")}
    shutil.rmtree(ready.dir)
    said = ready.done("restore", backup, ready.dir)
    assert "as it was when the backup was made" in said
    assert kept == {name: (ready.dir / name).read_bytes() for name in kept}
    ready.start()
    ready.stamp()
    ready.stop()
    assert "\trestore\t" in audit_list(ready)
    ready.done("audit", "verify", ready.dir)


def test_nothing_is_overwritten_by_a_backup_or_by_a_restore(ready):
    backup = ready.folder / "backup"
    ready.done("backup", ready.dir, backup)
    before = (ready.dir / "issuing.key").read_bytes()
    for words in (("backup", ready.dir, backup), ("restore", backup, ready.dir)):
        said = ready.command(*words)
        assert said.returncode == 2 and "exists: name a folder" in said.stderr
    assert (ready.dir / "issuing.key").read_bytes() == before


@pytest.mark.parametrize("damage, says", [
    (lambda b: tamper(b / "issuing.pem", b"M", b"N"), "issuing.pem is not as it was"),
    (lambda b: (b / "authority.db").write_bytes(b""), "authority.db is not as it was"),
    (lambda b: (b / "tsa.key").unlink(), "tsa.key"),
    (lambda b: (b / "backup.json").unlink(), "no backup, or one that was cut"),
    (lambda b: tamper(b / "backup.json", b'"root.pem"', b'"../r.pem"'), "names what no backup has"),
    (lambda b: tamper(b / "backup.json", b'"format": 1', b'"format": 9'), "format 9"),
    (lambda b: (b / "backup.json").write_text('{"format": 1, "files": {}}'), "lacks"),
    (lambda b: (b / "backup.json").write_text("{"), "is damaged"),
    (lambda b: ((b / "root.key").unlink(), (b / "root.key").symlink_to("tsa.key")), "root.key"),
])
def test_a_damaged_backup_is_not_restored(ready, made_backup, damage, says):
    backup = ready.folder / "damaged"
    shutil.copytree(made_backup, backup)
    damage(backup)
    said = ready.command("restore", backup, ready.folder / "new")
    assert said.returncode == 2
    assert says in said.stderr, said.stderr
    assert not (ready.folder / "new").exists()


@pytest.fixture(scope="module")
def made_backup(founded):
    backup = founded.folder / "made"
    founded.done("backup", founded.dir, backup)
    return backup


def test_what_came_before_a_restore_cannot_be_used_again(ready):
    """A nonce that was used after the backup would be fresh to it, and a job held by the dead."""
    ready.start()
    ready.stop()
    with sqlite3.connect(ready.dir / "authority.db") as database:
        database.execute("INSERT INTO shared_key VALUES ('nonce', x'01')")
        database.execute("INSERT INTO nonce VALUES (x'02', 3)")
    ready.done("backup", ready.dir, ready.folder / "backup")
    ready.done("restore", ready.folder / "backup", ready.folder / "new")
    for folder, some in (("backup", True), ("new", False)):
        with sqlite3.connect(ready.folder / folder / "authority.db") as database:
            for table in ("shared_key", "nonce", "job"):
                rows = database.execute(f"SELECT * FROM {table}").fetchall()
                assert bool(rows) == some, (folder, table)
