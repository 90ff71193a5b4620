"""Certificates between that a letter left out, fetched from where the one below them says (RFC 5280
section 4.2.2.1): authorities and answers of the openssl program, a web server on loopback."""

import json
import subprocess
import time

import pytest

import otherca
from status_test import Reader

SWITCH = ("--fetch-issuers",)


@pytest.fixture
def reader(program, tmp_path):
    return Reader(program, tmp_path)


@pytest.fixture
def root(tmp_path):
    """It gives out the certificate of the authority below."""
    made = otherca.OtherCa(tmp_path / "root", pointers="none", name="Root")
    yield made
    made.close()


def below(directory, above, name="Between"):
    """An authority below; nobody can ask it for anything but who is above."""
    made = otherca.OtherCa(directory, name=name,
                           pointers=f"authorityInfoAccess = caIssuers;URI:http://127.0.0.1:{above.port}/{name}.cer")
    above.vouch_for(made, name)
    made.close()
    return made


@pytest.fixture
def letter(reader, root, tmp_path):
    between = below(tmp_path / "between", root)
    between.issue("alice", "mail")
    return reader.sign(between)


def told_by(told):
    return told["verdict"], told["signed"]["chain"]


GOOD, MISSING = ("verified", "valid"), ("caution", "no-anchor")


def test_nobody_is_asked_who_was_not_asked_for(reader, root, letter):
    assert told_by(reader.online(root, letter)) == MISSING
    assert root.asked == [] and not (reader.dir / "cache" / "letterlock" / "issuers").exists()


def test_what_the_letter_left_out_is_fetched_once_and_kept(reader, root, letter):
    assert told_by(reader.online(root, letter, *SWITCH)) == GOOD
    assert root.asked == ["/Between.cer"]
    root.serves = False
    assert told_by(reader.online(root, letter, *SWITCH)) == GOOD
    assert told_by(reader.inspect(root, letter, "--offline", *SWITCH)) == GOOD
    assert root.asked == ["/Between.cer"]
    folder = reader.dir / "cache" / "letterlock" / "issuers"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [file.stat().st_mode & 0o777 for file in folder.iterdir()] == [0o600]


def test_a_message_with_certificates_only_will_do(reader, root, letter):
    answer = root.dir / "Between.cer"
    otherca.run("x509", "-inform", "DER", "-in", answer, "-out", root.dir / "one.pem")
    otherca.run("crl2pkcs7", "-nocrl", "-certfile", root.root, "-certfile", root.dir / "one.pem", "-outform", "DER",
                "-out", answer)
    assert told_by(reader.online(root, letter, *SWITCH)) == GOOD


def test_two_that_are_missing_are_fetched_one_after_the_other(reader, root, tmp_path):
    upper = below(tmp_path / "upper", root, "Upper")
    place = otherca.OtherCa(tmp_path / "place", pointers="none")
    lower = otherca.OtherCa(tmp_path / "lower", name="Lower",
                            pointers=f"authorityInfoAccess = caIssuers;URI:http://127.0.0.1:{place.port}/Lower.cer")
    upper.vouch_for(lower, "Lower")
    (place.dir / "Lower.cer").write_bytes((upper.dir / "Lower.cer").read_bytes())
    lower.issue("alice", "mail")
    letter = reader.sign(lower)
    assert told_by(reader.online(root, letter, *SWITCH)) == GOOD
    assert (place.asked, root.asked) == (["/Lower.cer"], ["/Upper.cer"])
    place.close()
    lower.close()


def test_the_authority_of_a_timestamp_is_completed_too(reader, root, letter, tmp_path):
    stamping = below(tmp_path / "stamping", root, "Stamping")
    config = stamping.conf.read_text()
    stamping.conf.write_text(config.replace(
        "crlDistributionPoints = URI:", f"authorityInfoAccess = caIssuers;URI:http://127.0.0.1:{root.port}/Stamping.cer\n"
        "nsComment = "))
    stamping.issue("tsa", "tsa")
    letter = otherca.with_token(letter, stamping.token(otherca.signature_value(letter)))
    assert reader.online(root, letter)["time"]["source"] != "timestamp"
    told = reader.online(root, letter, *SWITCH)
    assert told_by(told) == GOOD and told["time"]["source"] == "timestamp"


@pytest.mark.parametrize("lie", ["garbage", "namesake", "root", "long"])
def test_what_is_no_issuer_changes_nothing_and_is_not_kept(reader, root, letter, tmp_path, lie):
    answer = root.dir / "Between.cer"
    true = answer.read_bytes()
    if lie == "namesake":  # who signs itself, under that name
        other = otherca.OtherCa(tmp_path / "other", pointers="none", name="Between")
        otherca.run("x509", "-in", other.root, "-outform", "DER", "-out", answer)
        other.close()
    else:
        answer.write_bytes({"garbage": b"nothing", "root": root.root.read_bytes(),
                            "long": true + bytes(65536)}[lie])
    assert told_by(reader.online(root, letter, *SWITCH)) == MISSING
    assert root.asked == ["/Between.cer"]
    assert list((reader.dir / "cache" / "letterlock" / "issuers").iterdir()) == []
    answer.write_bytes(true)
    assert told_by(reader.online(root, letter, *SWITCH)) == GOOD


def test_a_strangers_letter_is_not_made_anybodys(reader, root, letter, tmp_path):
    stranger = otherca.OtherCa(tmp_path / "stranger", pointers="none", name="Stranger")
    told = reader.online(stranger, letter, *SWITCH)
    stranger.close()
    assert told_by(told) == MISSING
    assert list((reader.dir / "cache" / "letterlock" / "issuers").iterdir()) == []


def test_nobody_is_led_into_a_private_network_or_asked_offline(reader, root, letter):
    words = ("--status-wait", "5000", *SWITCH)
    assert told_by(reader.inspect(root, letter, *words)) == MISSING
    assert told_by(reader.inspect(root, letter, "--offline", "--status-network", "127.0.0.1", *words)) == MISSING
    root.moved["/Between.cer"] = f"http://127.0.0.2:{root.port}/Between.cer"
    assert told_by(reader.inspect(root, letter, "--status-network", "127.0.0.1", *words)) == MISSING
    assert root.asked == ["/Between.cer"]


def test_who_is_slow_is_not_waited_for(reader, root, letter):
    root.delay = 1
    words = ("--status-network", "127.0.0.1")
    alone = min(took(reader, root, letter, *words) for _ in range(3))
    waited = min(took(reader, root, letter, *words, *SWITCH) for _ in range(3))
    assert root.asked and waited < 0.2 + alone, (waited, alone)


def took(reader, root, letter, *words):
    begin = time.monotonic()
    assert told_by(reader.inspect(root, letter, *words)) == MISSING
    return time.monotonic() - begin


# ---- a certificate alone ------------------------------------------------------------------------


def chain(reader, root, cert, *words):
    done = subprocess.run([reader.program, "chain", "--json", "--trust", root.root, *words],
                          input=cert.read_bytes(), capture_output=True, env=reader.environment, timeout=30)
    assert done.stderr == b"", done.stderr
    return json.loads(done.stdout)["chain"]


def test_a_certificate_alone_is_completed_if_that_is_asked_for(reader, root, tmp_path):
    between = below(tmp_path / "between", root)
    cert, network = between.issue("alice", "mail"), ("--status-network", "127.0.0.1")
    assert chain(reader, root, cert) == "no-anchor" and root.asked == []
    assert chain(reader, root, cert, *SWITCH) == "no-anchor" and root.asked == []
    assert chain(reader, root, cert, *SWITCH, *network) == "valid"
    root.serves = False
    assert chain(reader, root, cert, *SWITCH, *network) == "valid" and root.asked == ["/Between.cer"]


def test_answers_are_heard_of_a_certificate_alone(reader, tmp_path):
    ca = otherca.OtherCa(tmp_path / "ca")
    cert = ca.issue("alice", "mail")
    ca.issue("bob", "mail")
    ca.issue("responder", "responder")
    assert chain(reader, ca, cert, "--ocsp", ca.ask("alice")) == "valid"
    assert chain(reader, ca, cert, "--ocsp", ca.ask("bob")) == "invalid"
    ca.revoke("alice", after=-60)
    assert chain(reader, ca, cert, "--ocsp", ca.ask("alice")) == "invalid"
    ca.close()
