"""The world that the other tests stand on is real: what is promised of it holds."""

import email.message
import email.utils
import re
import smtplib
import subprocess
import time

import dkim
import dns.dnssec
import dns.rcode
import dns.rdatatype
import pytest

from mailworld import VILLAGE
from names import Names

# RFC 8823 section 3.1
DKIM_MUST_COVER = {
    "from", "sender", "reply-to", "to", "cc", "subject", "date", "in-reply-to", "references",
    "message-id", "auto-submitted", "content-type", "content-transfer-encoding"}
DKIM_SHOULD_COVER = {
    "resent-date", "resent-from", "resent-to", "resent-cc", "list-id", "list-help",
    "list-unsubscribe", "list-subscribe", "list-post", "list-owner", "list-archive",
    "list-unsubscribe-post"}

OTHER_LOOPBACK = ["127.0.0.1", "127.0.0.10", "127.0.0.11", "127.0.0.12", "127.0.0.77"]


@pytest.fixture
def names(world):
    return Names(world)


def plain_letter(sender, recipient, text="Nothing of importance."):
    letter = email.message.EmailMessage()
    letter["From"] = sender
    letter["To"] = recipient
    letter["Subject"] = "A plain letter"
    letter["Date"] = email.utils.formatdate()
    letter["Message-ID"] = email.utils.make_msgid(domain=sender.partition("@")[2])
    letter.set_content(text)
    return letter


def deliver(world, sender, recipient, **more):
    """Send a plain letter and give back what lies in the recipient's store."""
    letter = plain_letter(sender, recipient, **more)
    world.send_plain(sender, recipient, letter)
    return world.wait_for_letter(recipient, letter["Message-ID"])


def village(*arguments):
    return subprocess.run([VILLAGE, *arguments], capture_output=True, text=True)


# servers


def test_every_server_is_up(world):
    status = village("status", world.dir)
    assert status.returncode == 0, status.stdout
    assert {line.split()[0] for line in status.stdout.splitlines()} == set(world.facts["servers"])


def test_time_to_come_up_is_known(world):
    # Printed and not judged: how fast it is depends on the machine.
    print(f"up took {world.facts['up'] - world.facts['began']:.1f} s")


def test_a_server_can_be_taken_down_and_brought_back(world):
    letter = plain_letter("alice@alpha.test", "bob@beta.test")
    with world.stopped("beta-postfix"):
        assert village("status", world.dir).returncode == 1
        world.send_plain("alice@alpha.test", "bob@beta.test", letter)
        world.wait_for_queue("alpha.test", lambda queued: any(
            "Connection refused" in recipient.get("delay_reason", "")
            for entry in queued for recipient in entry["recipients"]))
    world.wait_for_letter("bob@beta.test", letter["Message-ID"])
    world.wait_for_queue("alpha.test", lambda queued: not queued)


def test_a_letter_survives_that_the_store_is_down(world):
    letter = plain_letter("alice@alpha.test", "bob@beta.test")
    with world.stopped("beta-dovecot"):
        world.send_plain("alice@alpha.test", "bob@beta.test", letter)
        world.wait_for_queue("beta.test", lambda queued: queued)
    world.wait_for_letter("bob@beta.test", letter["Message-ID"])


def test_a_second_village_is_told_which_port_is_taken(world, tmp_path_factory):
    other = world.dir.with_name(world.dir.name + "-other")
    up = village("up", other, "--without-authority")
    assert up.returncode == 2
    assert "127.0.0.10 port 53 is taken" in up.stderr
    assert up.stderr.count("\n") == 1
    assert not other.exists()


def test_a_directory_with_other_things_in_it_is_left_alone(world, tmp_path):
    (tmp_path / "precious").write_text("mine")
    up = village("up", tmp_path, "--without-authority")
    assert up.returncode == 2
    assert "is not empty" in up.stderr
    assert (tmp_path / "precious").read_text() == "mine"


def test_a_name_too_long_for_sockets_is_refused(world):
    up = village("up", "/tmp/" + "x" * 100, "--without-authority")
    assert up.returncode == 2
    assert "too long" in up.stderr


def test_a_directory_closed_to_the_servers_is_refused(world, tmp_path):
    tmp_path.chmod(0o700)
    up = village("up", tmp_path / "v", "--without-authority")
    assert up.returncode == 2
    assert "cannot enter" in up.stderr or "too long" in up.stderr


def test_an_unknown_server_is_named_with_the_known_ones(world):
    stop = village("stop", world.dir, "gamma-postfix")
    assert stop.returncode == 2
    assert "beta-postfix" in stop.stderr


# names


@pytest.mark.parametrize("label, address", [("alpha", "127.0.0.11"), ("beta", "127.0.0.12")])
def test_an_organisation_says_securely_where_its_servers_are(names, label, address):
    domain = f"{label}.test"
    assert names.secure(domain, "MX") == ["10 mail." + domain + "."]
    assert names.secure("mail." + domain, "A") == [address]
    assert names.secure(domain, "TXT") == [f'"v=spf1 ip4:{address} -all"']
    assert names.secure("village._domainkey." + domain, "TXT")[0].startswith('"v=DKIM1; k=rsa; p=')
    services = {"_submissions": 4650, "_submission": 5870, "_imaps": 9930, "_imap": 1430}
    for service, port in services.items():
        record = names.secure(f"{service}._tcp.{domain}", "SRV")[0].split()
        assert record[2:] == [str(port), f"mail.{domain}."]


def test_the_authority_is_named_securely(names):
    assert names.secure("authority.test", "A") == ["127.0.0.13"]
    assert names.secure("authority.test", "MX") == ["10 authority.test."]
    assert "DKIM1" in names.secure("letterlock._domainkey.authority.test", "TXT")[0]


def test_each_zone_is_bound_to_its_parent(names):
    for zone in ("alpha.test", "beta.test", "authority.test"):
        assert names.secure(zone, "DS")


def test_that_a_name_does_not_exist_is_proved(names):
    answer = names.ask("nosuch.test", "MX")
    assert answer.rcode() == dns.rcode.NXDOMAIN
    proofs = [rrset for rrset in answer.authority if rrset.rdtype == dns.rdatatype.NSEC]
    assert proofs
    for proof in proofs:
        names.validate(answer.authority, proof)


def test_a_changed_record_does_not_validate(names):
    answer = names.ask("mail.alpha.test", "A")
    records = next(rrset for rrset in answer.answer if rrset.rdtype == dns.rdatatype.A)
    forged = dns.rrset.from_text(records.name, records.ttl, "IN", "A", "127.0.0.66")
    with pytest.raises(dns.dnssec.ValidationFailure):
        names.validate(answer.answer, forged)


# who may send what


def test_a_login_sends_as_itself_only(world):
    with world.submission("alice@alpha.test") as smtp:
        smtp.mail("carol@alpha.test")
        code, _ = smtp.rcpt("bob@beta.test")
        assert code == 553
        smtp.rset()
        smtp.mail("alice@alpha.test")
        assert smtp.rcpt("bob@beta.test")[0] == 250


def test_a_wrong_password_is_refused(world):
    alpha = world.domains["alpha.test"]
    with smtplib.SMTP_SSL(alpha["address"], alpha["ports"]["submissions"],
                          context=world.tls) as smtp:
        began = time.monotonic()
        with pytest.raises(smtplib.SMTPAuthenticationError):
            smtp.login("alice@alpha.test", "guess")
        print(f"refused after {time.monotonic() - began:.2f} s")


def test_starttls_is_demanded_before_a_login(world):
    alpha = world.domains["alpha.test"]
    with smtplib.SMTP(alpha["address"], alpha["ports"]["submission"]) as smtp:
        smtp.ehlo()
        assert not smtp.has_extn("auth")
        assert smtp.mail("alice@alpha.test")[0] == 530
        smtp.starttls(context=world.tls)
        smtp.login("alice@alpha.test", world.password("alice@alpha.test"))


def test_submission_without_a_login_is_refused(world):
    alpha = world.domains["alpha.test"]
    with smtplib.SMTP_SSL(alpha["address"], alpha["ports"]["submissions"],
                          context=world.tls) as smtp:
        smtp.ehlo()
        smtp.mail("alice@alpha.test")
        assert smtp.rcpt("carol@alpha.test")[0] == 554


@pytest.mark.parametrize("source", OTHER_LOOPBACK)
@pytest.mark.parametrize("domain, elsewhere", [
    ("alpha.test", "bob@beta.test"), ("beta.test", "alice@alpha.test")])
def test_nobody_relays_without_a_login(world, domain, elsewhere, source):
    with world.stranger(domain, source) as smtp:
        smtp.mail("somebody@elsewhere.test")
        assert smtp.rcpt(elsewhere)[0] in (454, 554)


def test_the_authority_relays_through_alpha_only(world):
    with world.stranger("alpha.test", "127.0.0.13") as smtp:
        smtp.mail("acme@authority.test")
        assert smtp.rcpt("bob@beta.test")[0] == 250
    with world.stranger("beta.test", "127.0.0.13") as smtp:
        smtp.mail("acme@authority.test")
        assert smtp.rcpt("alice@alpha.test")[0] in (454, 554)


@pytest.mark.parametrize("domain", ["alpha.test", "beta.test"])
def test_an_unknown_person_is_refused_at_rcpt(world, domain):
    with world.stranger(domain) as smtp:
        smtp.mail("somebody@elsewhere.test")
        code, words = smtp.rcpt(f"nobody@{domain}")
        assert (code, words[:5]) == (550, b"5.1.1")


def test_a_letter_over_60_megabytes_is_refused_by_its_announced_size(world):
    with world.submission("alice@alpha.test") as smtp:
        smtp.ehlo()
        assert smtp.mail("alice@alpha.test", ["SIZE=62914561"])[0] == 552


# the way of a letter


def test_a_letter_goes_through_both_postfix_and_its_dkim_signature_verifies(world, names):
    began = time.monotonic()
    letter = deliver(world, "alice@alpha.test", "bob@beta.test")
    print(f"arrived after {1000 * (time.monotonic() - began):.0f} ms")
    assert dkim.verify(letter, dnsfunc=names.txt_for_dkim)
    received = email.message_from_bytes(letter).get_all("Received")
    assert any("by mail.alpha.test" in hop for hop in received)
    assert any("from mail.alpha.test" in hop and "by mail.beta.test" in hop for hop in received)


def test_a_changed_letter_does_not_verify(world, names):
    letter = deliver(world, "bob@beta.test", "alice@alpha.test")
    assert dkim.verify(letter, dnsfunc=names.txt_for_dkim)
    changed = letter.replace(b"Nothing of importance", b"Something of importance")
    assert not dkim.verify(changed, dnsfunc=names.txt_for_dkim)


def test_dkim_covers_what_an_acme_challenge_needs_and_lets_nothing_be_added(world, names):
    letter = deliver(world, "alice@alpha.test", "bob@beta.test")
    tags = email.message_from_bytes(letter)["DKIM-Signature"].replace(" ", "")
    signature = dict(tag.split("=", 1) for tag in "".join(tags.split()).split(";") if tag)
    covered = signature["h"].lower().split(":")
    assert signature["d"] == "alpha.test"
    assert DKIM_MUST_COVER | DKIM_SHOULD_COVER <= set(covered)
    for name in DKIM_MUST_COVER | DKIM_SHOULD_COVER:
        present = len(email.message_from_bytes(letter).get_all(name, []))
        assert covered.count(name) == present + 1, name
    added = b"List-Id: <added.test>\r\n" + letter
    assert not dkim.verify(added, dnsfunc=names.txt_for_dkim)


def test_the_receiving_side_says_what_it_thinks_of_the_dkim_signature(world):
    letter = deliver(world, "alice@alpha.test", "bob@beta.test")
    results = email.message_from_bytes(letter)["Authentication-Results"]
    assert results.startswith("mail.beta.test;")
    assert "dkim=pass" in results
    assert "header.d=alpha.test" in results


def test_a_strangers_letter_is_not_signed_by_the_receiving_side(world):
    letter = plain_letter("alice@alpha.test", "carol@alpha.test")
    with world.stranger("alpha.test") as smtp:
        smtp.sendmail("alice@alpha.test", ["carol@alpha.test"], letter.as_bytes())
    arrived = world.wait_for_letter("carol@alpha.test", letter["Message-ID"])
    assert b"DKIM-Signature" not in arrived


def test_the_wire_between_the_servers_shows_a_plain_letter(world):
    canary = "The heron stands where the river bends at six."
    with world.capture() as wire:
        deliver(world, "alice@alpha.test", "bob@beta.test", text=canary)
    assert canary.encode() in wire.bytes
    assert b"A plain letter" in wire.bytes


def test_the_wire_is_whole_for_a_large_letter(world):
    numbers = [b"%08d" % number for number in range(200000)]
    text = "\n".join(f"line {number.decode()} of a large letter" for number in numbers)
    with world.capture() as wire:
        deliver(world, "alice@alpha.test", "bob@beta.test", text=text)
    assert re.findall(rb"line (\d{8}) of a large letter\r\n", wire.bytes) == numbers


def test_a_plain_letter_lies_in_the_store_as_it_is(world):
    canary = "Two grey cats sleep on the third step."
    deliver(world, "alice@alpha.test", "bob@beta.test", text=canary)
    assert any(canary.encode() in path.read_bytes() for path in world.store_files("beta.test"))


def test_a_letter_within_the_own_domain_arrives_signed(world, names):
    letter = deliver(world, "alice@alpha.test", "carol@alpha.test")
    assert dkim.verify(letter, dnsfunc=names.txt_for_dkim)


def test_a_letter_to_a_domain_that_does_not_exist_comes_back(world):
    world.send_plain("dave@beta.test", "x@nosuch.test",
                     plain_letter("dave@beta.test", "x@nosuch.test"))
    deadline = time.monotonic() + 20
    while not (found := world.fetch_where("dave@beta.test", "FROM", "MAILER-DAEMON")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert b"Host or domain name not found" in found[0]
