"""Were certificates revoked, and when: lists and answers of the openssl program, in files, stapled
into the signature, and over loopback; servers that do not answer; and letters read years later."""

import base64
import datetime
import json
import os
import re
import socket
import subprocess
import time
import types
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import otherca
from later import in_days

LETTER = (b"From: Alice <alice@alpha.test>\r\nTo: bob@beta.test\r\nSubject: status\r\n"
          b"Date: Sun, 22 Nov 2026 08:00:00 +0000\r\nMessage-ID: <s@alpha.test>\r\n"
          b"MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nAs agreed.\r\n")
UNCHECKED = "cert.status-unknown"
YEAR = 365 * 24 * 3600


@pytest.fixture
def ca(tmp_path):
    made = otherca.OtherCa(tmp_path / "ca")
    made.issue("alice", "mail")
    made.issue("responder", "responder")
    made.issue("tsa", "tsa")
    made.publish()
    yield made
    made.close()


class Reader:
    def __init__(self, program, directory):
        self.program, self.dir = program, directory
        self.environment = {**os.environ, "XDG_CACHE_HOME": str(directory / "cache")}

    def sign(self, ca, name="alice"):
        done = subprocess.run([self.program, "seal", "--sign-only", "--identity",
                               ca.dir / f"{name}.id"], input=LETTER, capture_output=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def inspect(self, ca, letter, *words, env=None):
        done = subprocess.run(
            [self.program, "inspect", "--json", "--trust", ca.root, *map(str, words)],
            input=letter, capture_output=True, env={**self.environment, **(env or {})}, timeout=30)
        assert done.stderr == b"", done.stderr
        return json.loads(done.stdout)

    def kept(self):
        return list((self.dir / "cache" / "letterlock" / "status").glob("[!.]*"))

    def online(self, ca, letter, *words):
        """Waits for long: what is asked is whether it comes, not how soon."""
        return self.inspect(ca, letter, "--status-network", "127.0.0.0/8", "--status-wait",
                            "5000", *words)


@pytest.fixture
def reader(program, tmp_path):
    return Reader(program, tmp_path)


def is_good(told):
    return told["verdict"] == "verified" and UNCHECKED not in told["reasons"]


def is_unchecked(told):
    return told["verdict"] != "danger" and UNCHECKED in told["reasons"]


def is_revoked(told):
    return told["verdict"] in ("caution", "danger") and "cert.revoked" in told["reasons"]


def is_stolen(told):
    return told["verdict"] == "danger" and "cert.revoked-compromise" in told["reasons"]


# ---- of a certificate alone ---------------------------------------------------------------------


def chain(program, ca, name, *words):
    done = subprocess.run([program, "chain", "--trust", ca.root, *map(str, words)],
                          input=(ca.dir / f"{name}.pem").read_bytes(), capture_output=True, timeout=30)
    assert done.stderr == b"", done.stderr
    return done.returncode, done.stdout.decode().splitlines()[0]


def test_chain_hears_answers_of_openssl(program, ca, tmp_path):
    """In DER and in PEM, several, of a delegated responder; of the others it is told nothing."""
    ca.issue("bob", "mail")
    unknown = 1, "invalid: cert.status-unknown"
    good, other = ca.ask("alice"), ca.ask("bob")
    pem = tmp_path / "answer.pem"
    pem.write_bytes(b"-----BEGIN OCSP RESPONSE-----\n" + base64.encodebytes(good.read_bytes()) +
                    b"-----END OCSP RESPONSE-----\n")
    assert chain(program, ca, "alice", "--ocsp", good) == (0, "valid")
    assert chain(program, ca, "alice", "--ocsp", pem) == (0, "valid")
    assert chain(program, ca, "alice", "--ocsp", other) == unknown
    assert chain(program, ca, "alice", "--ocsp", other, "--ocsp", good) == (0, "valid")
    assert chain(program, ca, "alice", "--ocsp", good, "--at", int(time.time()) + 30 * 86400) == unknown
    ca.issue("nobody", "stranger")
    ca.signer = "nobody"
    assert chain(program, ca, "alice", "--ocsp", ca.ask("alice")) == unknown


def test_chain_believes_whoever_says_that_it_was_revoked(program, ca):
    good = ca.ask("alice").read_bytes()
    crl = ca.publish()
    ca.revoke("alice")
    bad = ca.ask("alice")
    (ca.dir / "good.ors").write_bytes(good)
    revoked = 1, "invalid: cert.revoked"
    assert chain(program, ca, "alice", "--ocsp", bad) == revoked
    assert chain(program, ca, "alice", "--crl", ca.dir / "crl.pem", "--ocsp", bad) == revoked
    assert chain(program, ca, "alice", "--ocsp", ca.dir / "good.ors", "--ocsp", bad) == revoked
    assert chain(program, ca, "alice", "--crl", crl, "--ocsp", ca.dir / "good.ors") == (0, "valid")


@pytest.mark.parametrize("octets", [b"", b"nothing", base64.b64decode("MAMKAQM=")],
                         ids=["nothing", "rubbish", "try later"])
def test_what_is_no_answer_is_told_with_its_option(program, ca, tmp_path, octets):
    (tmp_path / "file").write_bytes(octets)
    done = subprocess.run([program, "chain", "--trust", ca.root, "--ocsp", tmp_path / "file"],
                          input=(ca.dir / "alice.pem").read_bytes(), capture_output=True)
    assert done.returncode == 2 and done.stdout == b"" and done.stderr.count(b"\n") == 1
    assert f"--ocsp: {tmp_path}/file: ".encode() in done.stderr


# ---- in files -----------------------------------------------------------------------------------


def test_what_nobody_said_is_not_checked(ca, reader):
    assert is_unchecked(reader.inspect(ca, reader.sign(ca), "--offline"))


def test_a_list_of_openssl_says_that_it_is_good(ca, reader):
    letter = reader.sign(ca)
    assert is_good(reader.inspect(ca, letter, "--offline", "--crl", ca.publish()))
    assert is_good(reader.inspect(ca, letter, "--offline", "--crl", ca.dir / "crl.pem"))


def test_an_answer_of_openssl_says_that_it_is_good(ca, reader):
    letter = reader.sign(ca)
    assert is_good(reader.inspect(ca, letter, "--offline", "--ocsp", ca.ask("alice")))
    ca.signer = "ca"
    assert is_good(reader.inspect(ca, letter, "--offline", "--ocsp", ca.ask("alice")))


def test_an_answer_of_somebody_else_says_nothing(ca, reader, tmp_path):
    letter = reader.sign(ca)
    ca.issue("eve", "stranger")
    ca.signer = "eve"
    assert is_unchecked(reader.inspect(ca, letter, "--offline", "--ocsp", ca.ask("alice")))
    ca.signer = "alice"
    assert is_unchecked(reader.inspect(ca, letter, "--offline", "--ocsp", ca.ask("alice")))


def test_a_changed_answer_says_nothing(ca, reader):
    letter, answer = reader.sign(ca), ca.ask("alice")
    octets = bytearray(answer.read_bytes())
    octets[octets.index(b"\x80\x00") + 17] ^= 1  # good; the next is a time, of this second
    answer.write_bytes(octets)
    told = reader.inspect(ca, letter, "--offline", "--ocsp", answer)
    assert is_unchecked(told)


def test_an_answer_about_another_certificate_says_nothing(ca, reader):
    ca.issue("bob", "mail")
    assert is_unchecked(reader.inspect(ca, reader.sign(ca), "--offline", "--ocsp", ca.ask("bob")))


def test_an_old_answer_says_nothing_of_today(ca, reader):
    letter, answer = reader.sign(ca), ca.ask("alice")
    later = int(time.time()) + 8 * 24 * 3600
    assert is_good(reader.inspect(ca, letter, "--offline", "--ocsp", answer))
    assert is_unchecked(reader.inspect(
        ca, letter, "--offline", "--ocsp", answer, "--at", later))


@pytest.mark.parametrize("kind", ["--crl", "--ocsp"])
def test_revoked_is_told(ca, reader, kind):
    letter = reader.sign(ca)
    ca.revoke("alice", after=-60)
    said = ca.publish() if kind == "--crl" else ca.ask("alice")
    assert is_revoked(reader.inspect(ca, letter, "--offline", kind, said))


@pytest.mark.parametrize("kind", ["--crl", "--ocsp"])
def test_seen_before_it_was_revoked_stays_good(ca, reader, kind):
    letter = reader.sign(ca)
    now = int(time.time())
    ca.revoke("alice", "-crl_reason", "superseded", after=3600)
    said = ca.publish() if kind == "--crl" else ca.ask("alice")
    words = ("--offline", kind, said, "--at", now + 7200)
    told = reader.inspect(ca, letter, *words, "--first-seen", now + 60)
    assert is_good(told) and told["time"]["source"] == "received"
    assert is_revoked(reader.inspect(ca, letter, *words, "--first-seen", now + 3700))
    assert is_revoked(reader.inspect(ca, letter, *words))


@pytest.mark.parametrize("kind", ["--crl", "--ocsp"])
def test_a_stolen_key_is_bad_at_any_time(ca, reader, kind):
    letter = reader.sign(ca)
    now = int(time.time())
    ca.revoke("alice", "-crl_reason", "keyCompromise", after=3600)
    said = ca.publish() if kind == "--crl" else ca.ask("alice")
    assert is_stolen(reader.inspect(ca, letter, "--offline", kind, said, "--at", now + 7200,
                                    "--first-seen", now + 60))


# ---- stapled ------------------------------------------------------------------------------------


def test_a_list_and_an_answer_inside_of_the_signature_are_heard(ca, reader):
    letter = reader.sign(ca)
    crl, answer = ca.publish().read_bytes(), ca.ask("alice").read_bytes()
    assert is_good(reader.inspect(ca, otherca.with_lists(letter, crl), "--offline"))
    assert is_good(reader.inspect(ca, otherca.with_lists(letter, answers=[answer]), "--offline"))


def test_garbage_inside_of_the_signature_spoils_nothing(ca, reader):
    letter, crl = reader.sign(ca), ca.publish().read_bytes()
    garbage = otherca.tlv(0x30, b"\x02\x01\x01")
    filler = otherca.tlv(0x30, otherca.tlv(0x04, bytes(300000)))
    stapled = otherca.with_lists(letter, garbage, filler, crl, answers=[garbage])
    assert is_good(reader.inspect(ca, stapled, "--offline"))


@pytest.mark.parametrize("filler, heard", [(63, True), (64, False)])
def test_so_many_lists_inside_of_the_signature_are_looked_at(ca, reader, filler, heard):
    letter, crl = reader.sign(ca), ca.publish().read_bytes()
    junk = [crl[:-2] + number.to_bytes(2, "big") for number in range(filler)]
    stapled = otherca.with_lists(letter, *junk, crl)
    assert is_good(reader.inspect(ca, stapled, "--offline")) == heard


def test_whoever_was_revoked_cannot_bring_last_weeks_list(ca, reader):
    """It still holds, and the letter is full of others: the newer one is fetched all the same."""
    letter, old = reader.sign(ca), ca.publish().read_bytes()
    ca.revoke("alice", "-crl_reason", "keyCompromise", after=-60)
    junk = [old[:-2] + number.to_bytes(2, "big") for number in range(300)]
    stapled = otherca.with_lists(letter, old, *junk)
    assert is_good(reader.inspect(ca, stapled, "--offline"))
    ca.publish()
    assert is_stolen(reader.online(ca, stapled))


def in_the_years_after(now):
    """Signed, and seen by its reader, long before the certificate expires."""
    return "--offline", "--first-seen", now + 60, "--at", now + 3 * YEAR


def test_what_the_letter_brought_is_never_the_readers_own_knowledge(ca, reader, tmp_path):
    """Its sender chose it; whoever was revoked has one from before, and waits until nobody is asked any more."""
    letter, now = reader.sign(ca), int(time.time())
    stapled = otherca.with_lists(letter, ca.publish().read_bytes())
    kept = ("--evidence", tmp_path / "kept")
    assert is_good(reader.inspect(ca, stapled, "--offline", *kept))
    assert is_unchecked(reader.inspect(ca, stapled, *in_the_years_after(now)))
    assert is_unchecked(reader.inspect(ca, stapled, *in_the_years_after(now), *kept))
    assert is_unchecked(reader.inspect(ca, letter, "--offline", *kept))


def test_what_the_reader_fetched_himself_is_kept_beside_it(ca, reader, tmp_path):
    """Though it says no more than what the letter brought."""
    letter, now = reader.sign(ca), int(time.time())
    kept = ("--evidence", tmp_path / "kept")
    stapled = otherca.with_lists(letter, ca.publish().read_bytes(), answers=[ca.ask("alice").read_bytes()])
    ca.publish()
    assert is_good(reader.online(ca, stapled, *kept))
    assert is_good(reader.inspect(ca, stapled, *in_the_years_after(now), *kept,
                                  env={"XDG_CACHE_HOME": str(tmp_path / "none")}))


# ---- over the network ---------------------------------------------------------------------------


def test_a_list_is_fetched_and_remembered(ca, reader):
    letter = reader.sign(ca)
    assert is_good(reader.online(ca, letter))
    assert ca.asked == ["/ca.crl"]
    ca.serves = False
    assert is_good(reader.online(ca, letter))
    assert ca.asked == ["/ca.crl"]
    folder = reader.dir / "cache" / "letterlock" / "status"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [file.stat().st_mode & 0o777 for file in reader.kept()] == [0o600]


def test_what_was_remembered_and_spoilt_is_asked_again(ca, reader):
    letter = reader.sign(ca)
    reader.online(ca, letter)
    file, = reader.kept()
    octets = bytearray(file.read_bytes())
    octets[-1] ^= 1
    file.write_bytes(octets)
    assert not is_good(reader.inspect(ca, letter, "--offline"))
    file.write_bytes(b"nothing")
    assert is_good(reader.online(ca, letter))
    assert ca.asked == ["/ca.crl"] * 2


def test_without_a_list_the_responder_is_asked(ca, reader):
    (ca.dir / "ca.crl").unlink()
    letter = reader.sign(ca)
    assert is_good(reader.online(ca, letter))
    assert ca.asked == ["/ca.crl", "/ocsp"]
    assert is_good(reader.inspect(ca, letter, "--offline"))


def delta_list(ca):
    """What changed since a list that nobody has."""
    key = serialization.load_pem_private_key((ca.dir / "ca.key").read_bytes(), None)
    root = x509.load_pem_x509_certificate(ca.root.read_bytes())
    now = datetime.datetime.utcnow()
    made = x509.CertificateRevocationListBuilder().issuer_name(root.subject).last_update(now)
    made = made.next_update(now + datetime.timedelta(days=1))
    made = made.add_extension(x509.CRLNumber(8), critical=False)
    made = made.add_extension(x509.DeltaCRLIndicator(7), critical=True)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize("place", ["freshestCRL", "crlDistributionPoints"])
def test_a_delta_without_its_base_is_no_list(ca, reader, place):
    """Whoever has no more than that asks the responder."""
    url = f"http://127.0.0.1:{ca.port}"
    lines = {"crlDistributionPoints": f"URI:{url}/ca.crl", "authorityInfoAccess": f"OCSP;URI:{url}/ocsp"}
    delta = "/ca.crl" if place == "crlDistributionPoints" else "/delta.crl"
    lines[place] = f"URI:{url}{delta}"
    ca.config("\n".join(f"{name} = {value}" for name, value in lines.items()))
    ca.issue("alice", "mail")
    (ca.dir / "ca.crl").unlink()
    (ca.dir / delta.lstrip("/")).write_bytes(delta_list(ca))
    letter = reader.sign(ca)
    assert is_good(reader.online(ca, letter))
    assert is_good(reader.online(ca, letter)) and ca.asked.count("/ocsp") == 1


def test_an_answer_of_somebody_else_is_not_kept(ca, reader):
    (ca.dir / "ca.crl").unlink()
    ca.issue("eve", "stranger")
    ca.signer = "eve"
    assert is_unchecked(reader.online(ca, reader.sign(ca)))
    assert ca.asked == ["/ca.crl", "/ocsp"] and reader.kept() == []


def forged_list():
    """By nobody, and of a day far away."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "nobody")])
    made = x509.CertificateRevocationListBuilder().issuer_name(name)
    made = made.last_update(datetime.datetime(2090, 1, 1))
    made = made.next_update(datetime.datetime(2099, 1, 1))
    made = made.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return made.public_bytes(serialization.Encoding.DER)


def test_nobody_on_the_way_makes_a_stolen_key_good_again(ca, reader):
    """With a list that nobody signed, or last week's once more."""
    ca.config("crl")
    ca.issue("alice", "mail")
    letter, old = reader.sign(ca), ca.publish("-crl_lastupdate", ago(60)).read_bytes()
    stapled = otherca.with_lists(letter, old)
    ca.revoke("alice", "-crl_reason", "keyCompromise", after=-60)
    true = ca.publish().read_bytes()
    first = Reader(reader.program, reader.dir / "first")
    for lie in (forged_list(), old):
        (ca.dir / "ca.crl").write_bytes(true)
        assert is_stolen(reader.online(ca, stapled))
        (ca.dir / "ca.crl").write_bytes(lie)
        make_old(reader.kept()[0])
        assert is_stolen(reader.online(ca, stapled))
        assert is_stolen(reader.inspect(ca, stapled, "--offline"))
    # met on the way before anything was known: the true one comes through
    (ca.dir / "ca.crl").write_bytes(forged_list())
    assert is_unchecked(first.online(ca, letter))
    assert first.kept() == []
    (ca.dir / "ca.crl").write_bytes(true)
    assert is_stolen(first.online(ca, stapled))


def test_whoever_was_on_hold_is_good_again(ca, reader):
    """Another run asks for the list once more when the one that is remembered has ended."""
    ca.config("crl")
    ca.issue("alice", "mail")
    letter, index = reader.sign(ca), ca.dir / "index.txt"
    before = index.read_text()
    ca.revoke("alice", "-crl_reason", "certificateHold", after=-60)
    ca.publish("-crl_lastupdate", ago(60), "-crl_nextupdate", ago(30))
    assert is_revoked(reader.online(ca, letter))
    index.write_text(before)
    ca.publish()
    assert is_good(reader.online(ca, letter))


def ago(seconds):
    return time.strftime("%y%m%d%H%M%SZ", time.gmtime(time.time() - seconds))


def make_old(file):
    """Fetched so long ago that it is asked for again."""
    octets, at = bytearray(file.read_bytes()), len(b"letterlock status 1\n")
    octets[at:at + 8] = (int(time.time()) - 13 * 3600).to_bytes(8, "big")
    file.write_bytes(octets)


def test_an_answer_to_another_question_is_not_taken(ca, reader):
    """openssl repeats our nonce; this responder gives what it once said to somebody else."""
    (ca.dir / "ca.crl").unlink()
    letter = reader.sign(ca)
    otherca.run("ocsp", "-issuer", ca.root, "-cert", ca.dir / "alice.pem", "-reqout",
                ca.dir / "theirs")
    old = ca.answer((ca.dir / "theirs").read_bytes())
    answer, ca.answer = ca.answer, lambda question: old
    assert is_unchecked(reader.online(ca, letter))
    ca.answer = answer
    assert is_good(reader.online(ca, letter))


def test_offline_asks_nobody(ca, reader):
    letter = reader.sign(ca)
    assert is_unchecked(reader.inspect(ca, letter, "--offline", "--status-network", "127.0.0.1"))
    assert ca.asked == [] and not (reader.dir / "cache").exists()


def test_offline_what_is_remembered_is_heard(ca, reader):
    letter, old = reader.sign(ca), ca.publish().read_bytes()
    stapled = otherca.with_lists(letter, old)
    ca.revoke("alice", "-crl_reason", "keyCompromise", after=-60)
    ca.publish()
    assert is_good(reader.inspect(ca, stapled, "--offline"))
    assert is_stolen(reader.online(ca, letter))
    assert is_stolen(reader.inspect(ca, stapled, "--offline"))
    assert ca.asked == ["/ca.crl"]


def test_a_stranger_sends_us_into_no_private_network(ca, reader):
    assert is_unchecked(reader.inspect(ca, reader.sign(ca), "--status-wait", "5000"))
    assert ca.asked == []


def test_no_redirect_leads_into_a_private_network(ca, reader):
    ca.config("crl")
    ca.issue("alice", "mail")
    letter = reader.sign(ca)
    (ca.dir / "moved.crl").write_bytes((ca.dir / "ca.crl").read_bytes())
    ca.moved["/ca.crl"] = f"http://127.0.0.1:{ca.port}/moved.crl"
    assert is_good(reader.online(ca, letter))
    other = Reader(reader.program, reader.dir / "other")
    ca.moved["/ca.crl"] = f"http://127.0.0.2:{ca.port}/moved.crl"
    assert is_unchecked(other.inspect(ca, letter, "--status-network", "127.0.0.1",
                                      "--status-wait", "5000"))
    ca.moved["/ca.crl"] = f"file://{ca.dir}/moved.crl"
    assert is_unchecked(other.online(ca, letter))


def test_nobody_knows_whether_a_strangers_letter_is_read(ca, reader, tmp_path):
    """Its path leads to no root that is trusted: nobody is asked about it."""
    letter = reader.sign(ca)
    stranger = otherca.OtherCa(tmp_path / "stranger", name="Stranger")
    told = reader.online(stranger, letter)
    stranger.close()
    assert told["signed"]["chain"] == "no-anchor" and ca.asked == []


@pytest.mark.parametrize("silent", [True, False], ids=["silent", "refusing"])
def test_a_dead_network_holds_up_nobody(ca, reader, silent):
    """The port takes connections and never answers, or nobody listens."""
    listener = socket.create_server(("127.0.0.1", 0))
    place = f"http://127.0.0.1:{listener.getsockname()[1]}"
    if not silent:
        listener.close()
    ca.config(f"crlDistributionPoints = URI:{place}/a.crl, URI:{place}/b.crl\n"
              f"authorityInfoAccess = OCSP;URI:{place}/")
    ca.issue("alice", "mail")
    letter = reader.sign(ca)
    words = ("--status-network", "127.0.0.0/8")
    alone = min(took(reader, ca, letter, "--offline") for _ in range(3))
    waited = min(took(reader, ca, letter, *words) for _ in range(3))
    assert is_unchecked(reader.inspect(ca, letter, *words))
    assert waited < 0.2 + alone, (waited, alone)
    listener.close()


def took(reader, ca, letter, *words):
    begin = time.monotonic()
    reader.inspect(ca, letter, *words)
    return time.monotonic() - begin


# ---- years later --------------------------------------------------------------------------------


@pytest.fixture
def stamped(ca, reader):
    letter = reader.sign(ca)
    return otherca.with_token(letter, ca.token(otherca.signature_value(letter)))


@pytest.mark.parametrize("years", [3, 12])
def test_with_evidence_a_stamped_letter_stays_good_for_years(ca, reader, stamped, years, tmp_path):
    """Signer and timestamp authority have expired, and nobody can be asked any more."""
    kept = tmp_path / "kept"
    told = reader.online(ca, stamped, "--evidence", kept)
    assert is_good(told) and told["time"]["source"] == "timestamp"
    ca.close()
    later = in_days(years * 365)
    told = reader.inspect(ca, stamped, "--evidence", kept, env=later)
    assert is_good(told) and "cert.good-when-stamped" in told["reasons"]
    told = reader.inspect(ca, stamped, env={**later, "XDG_CACHE_HOME": str(tmp_path / "none")})
    assert is_unchecked(told)
    at = int(time.time()) + years * YEAR
    assert is_good(reader.inspect(ca, stamped, "--offline", "--evidence", kept, "--at", at))


def test_what_a_timestamp_is_worth_is_told_if_nobody_could_be_asked(ca, reader, tmp_path):
    """Beside the verdict as long as nothing rests on it: RFC 3161 section 4."""
    unsaid, kept = "tst.status-unknown", tmp_path / "kept"
    ca.config("none")
    ca.issue("alice", "mail")
    letter = reader.sign(ca)
    letter = otherca.with_token(letter, ca.token(otherca.signature_value(letter)))
    told = reader.inspect(ca, letter, "--offline")
    assert told["verdict"] == "verified" and unsaid in told["reasons"]
    assert told["time"]["source"] == "timestamp"
    years = ("--offline", "--at", int(time.time()) + 3 * YEAR)
    told = reader.inspect(ca, letter, *years)
    assert told["verdict"] == "caution" and told["reasons"][0] == unsaid
    seen = reader.inspect(ca, letter, *years, "--first-seen", int(time.time()) + 60)
    assert seen["verdict"] == "verified" and seen["time"]["source"] == "received"
    assert unsaid not in reader.online(ca, letter, "--evidence", kept)["reasons"]
    told = reader.inspect(ca, letter, *years, "--evidence", kept)
    assert told["verdict"] == "verified" and unsaid not in told["reasons"]


def test_without_a_timestamp_it_does_not(ca, reader, tmp_path):
    letter, kept = reader.sign(ca), tmp_path / "kept"
    reader.online(ca, letter, "--evidence", kept)
    at = int(time.time()) + 3 * YEAR
    told = reader.inspect(ca, letter, "--offline", "--evidence", kept, "--at", at)
    assert told["verdict"] != "verified" and "cert.expired-at-time" in told["reasons"]


def test_evidence_of_another_is_no_evidence(ca, reader, stamped, tmp_path):
    stranger = otherca.OtherCa(tmp_path / "stranger", name="Stranger")
    stranger.issue("alice", "mail")
    stranger.publish()
    kept = tmp_path / "kept"
    reader.online(stranger, reader.sign(stranger), "--evidence", kept)
    stranger.close()
    assert kept.exists()
    assert is_unchecked(reader.inspect(ca, stamped, "--offline", "--evidence", kept))


@pytest.mark.parametrize("reason, good", [
    (("-crl_reason", "superseded"), True), (("-crl_reason", "cessationOfOperation"), True),
    (("-crl_reason", "keyCompromise"), False), ((), False)])
def test_tokens_of_a_revoked_timestamp_authority(ca, reader, stamped, reason, good):
    """RFC 3161 section 4: good if the reason is said and harmless; no reason is none."""
    ca.revoke("tsa", *reason, after=3600)
    told = reader.inspect(ca, stamped, "--offline", "--crl", ca.publish(), "--at",
                          int(time.time()) + 7200)
    assert (told["time"]["source"] == "timestamp") == good
    assert ("tst.invalid" in told["reasons"]) == (not good)


def test_stamped_before_it_was_revoked_stays_good(ca, reader, stamped):
    ca.revoke("alice", "-crl_reason", "superseded", after=3600)
    told = reader.inspect(ca, stamped, "--offline", "--crl", ca.publish(), "--at",
                          int(time.time()) + 7200)
    assert is_good(told) and "cert.good-when-stamped" in told["reasons"]


def test_of_two_tokens_the_earlier_counts(ca, reader, stamped):
    time.sleep(1.1)
    late = ca.token(otherca.signature_value(stamped))
    early = reader.inspect(ca, stamped, "--offline")["time"]["value"]
    for letter in (otherca.with_second_token(stamped, late),):
        assert reader.inspect(ca, letter, "--offline")["time"]["value"] == early


@pytest.fixture
def partner(tmp_path):
    """Another root, that stamps; its authority is never revoked."""
    made = otherca.OtherCa(tmp_path / "partner", name="Partner")
    made.issue("responder", "responder")
    made.issue("tsa", "tsa", days=3000)
    made.publish()
    yield made
    made.close()


def fingerprint(ca):
    told = otherca.run("x509", "-in", ca.root, "-noout", "-fingerprint", "-sha256").decode()
    return told.strip().split("=")[1]


def test_a_root_with_limits_proves_no_time_unless_it_is_said(ca, partner, reader, tmp_path):
    """A partner let in for its own domain dates no letter back that a thief signed."""
    letter = reader.sign(ca)
    stamped = otherca.with_token(letter, partner.token(otherca.signature_value(letter)))
    ca.revoke("alice", "-crl_reason", "superseded", after=3600)
    both, settings = tmp_path / "both.pem", tmp_path / "trust-settings"
    both.write_bytes(ca.root.read_bytes() + partner.root.read_bytes())
    words = ("--offline", "--crl", ca.publish(), "--crl", partner.dir / "ca.crl",
             "--trust-settings", settings, "--at", int(time.time()) + 7200)
    roots = types.SimpleNamespace(root=both)
    ours = f"root {fingerprint(ca)} V1 alpha.test\n"
    settings.write_text(ours + f"root {fingerprint(partner)} V1 partner.test\n")
    assert is_revoked(reader.inspect(roots, stamped, *words))
    assert is_good(reader.inspect(roots, stamped, *words, "--tsa-trust", partner.root))
    with settings.open("a") as file:
        file.write(f"tsa {fingerprint(partner)}\n")
    assert is_good(reader.inspect(roots, stamped, *words))
    settings.write_text(ours)
    assert is_good(reader.inspect(roots, stamped, *words))


def test_once_it_has_expired_the_senders_own_list_is_not_enough(ca, partner, reader, tmp_path):
    """It is of the time before the key was stolen; the authority's own still names it."""
    ca.issue("alice", "mail", days=30)
    letter, old = reader.sign(ca), ca.publish().read_bytes()
    stamped = otherca.with_lists(
        otherca.with_token(letter, partner.token(otherca.signature_value(letter))), old)
    words = ("--tsa-trust", partner.root)
    later = ("--at", int(time.time()) + 60 * 24 * 3600)
    evidence = ("--evidence", tmp_path / "late")
    assert is_good(reader.inspect(ca, stamped, *words, "--offline"))
    for _ in range(2):  # nor is it when it was kept from such a reading
        assert is_unchecked(reader.inspect(ca, stamped, *words, *later, "--offline", *evidence))
    kept = ("--evidence", tmp_path / "kept")
    assert is_good(reader.online(ca, stamped, *words, *kept))
    reader.environment["XDG_CACHE_HOME"] = str(tmp_path / "fresh")
    assert is_good(reader.inspect(ca, stamped, *words, *later, "--offline", *kept))
    ca.revoke("alice", "-crl_reason", "keyCompromise", after=-60)
    ca.publish("-crldays", "300")
    assert is_stolen(reader.online(ca, stamped, *words, *later))


def test_superseded_and_stolen_later_is_bad_from_the_first_day(ca, reader, stamped):
    """The list knows the one, the answer the other; the timestamp lies between."""
    now = int(time.time())
    ca.revoke("alice", "-crl_reason", "superseded", after=-3600)
    crl = ca.dir / "first.crl"
    crl.write_bytes(ca.publish().read_bytes())
    index = ca.dir / "index.txt"
    stolen = time.gmtime(now + 3600)
    entry = time.strftime("%y%m%d%H%M%SZ,keyTime,%Y%m%d%H%M%SZ", stolen)
    index.write_text(re.sub(r"\t\w+,superseded", "\t" + entry, index.read_text()))
    words = ("--offline", "--ocsp", ca.ask("alice"), "--ocsp", ca.ask("tsa"), "--at", now + 7200)
    assert is_good(reader.inspect(ca, stamped, *words))  # stolen on a day that is known
    told = reader.inspect(ca, stamped, *words, "--crl", crl)
    assert told["verdict"] in ("caution", "danger") and not is_good(told)


@pytest.mark.parametrize("option, octets", [
    ("--crl", b"nothing"), ("--ocsp", b"nothing"), ("--ocsp", base64.b64decode("MAMKAQM=")),
    ("--evidence", b"nothing"), ("--evidence", b"letterlock evidence 1\nx\0\0\0\1a"),
    ("--evidence", b"letterlock evidence 1\nl\xff\xff\xff\xff")])
def test_what_is_no_proof_is_told_as_such(ca, reader, tmp_path, option, octets):
    file = tmp_path / "file"
    file.write_bytes(octets)
    done = subprocess.run([reader.program, "inspect", "--offline", option, file], input=LETTER,
                          capture_output=True)
    assert done.returncode == 2 and str(file).encode() in done.stderr
    assert (option + ": ").encode() in done.stderr


def test_evidence_never_replaces_something_else_and_says_where_it_cannot_be_kept(ca, reader, tmp_path):
    letter, diary = reader.sign(ca), tmp_path / "diary"
    words = [reader.program, "inspect", "--trust", ca.root, "--crl", ca.publish(), "--offline", "--evidence"]
    for octets in (b"Dear diary", b"letterlock evidence 2\n", b"\n"):
        diary.write_bytes(octets)
        done = subprocess.run([*words, diary], input=letter, capture_output=True)
        assert done.returncode == 2 and done.stdout == b"" and done.stderr.count(b"\n") == 1
        assert f"--evidence: {diary} holds something else, and is left".encode() in done.stderr
        assert diary.read_bytes() == octets
    for place in (tmp_path / "no folder" / "x", Path("/proc/x"), tmp_path):
        done = subprocess.run([*words, place], input=letter, capture_output=True)
        assert done.returncode == 2 and done.stderr.count(b"\n") == 1, done.stderr
        assert b"--evidence: " in done.stderr and str(place.parent).encode() in done.stderr
    assert subprocess.run([*words, tmp_path / "new"], input=letter).returncode == 0
    assert (tmp_path / "new").read_bytes().startswith(b"letterlock evidence 1\n")


def test_who_asked_nobody_is_not_sent_online(ca, reader):
    letter = reader.sign(ca)
    told = reader.inspect(ca, letter, "--offline")
    assert is_unchecked(told) and "revocation not checked" in told["sentence"]
    assert "without --offline" in told["advice"] and "online" not in told["advice"]
    told = reader.inspect(ca, letter)  # loopback is not asked: nobody answers
    assert is_unchecked(told) and "revocation not checked" in told["sentence"]
    assert "online" in told["advice"] and "--status-wait" in told["advice"]
