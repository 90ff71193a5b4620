"""One letter from an ordinary mail program to another: sealed on the way, plain at both ends."""

import base64
import re
import smtplib
import subprocess
import time
from email.message import EmailMessage
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import acmeclient
from names import Names
from people import (ATTACHMENT, CANARY, SUBJECT, found_in, leaves, letter, parse, same_text,
                    wire)

ALICE, BOB, CAROL, DAVE, EVE = ("alice@alpha.test", "bob@beta.test", "carol@alpha.test",
                                "dave@beta.test", "eve@beta.test")


@pytest.fixture(scope="module")
def sent(agents, world):
    """Alice writes to Bob, Carol in copy, Dave blind; everything the wire and the disks saw."""
    for address in (BOB, CAROL, DAVE):
        agents[address]
        world.empty(address)
    message = letter(ALICE, [f"Bob <{BOB}>"], [CAROL])
    with world.capture() as wire:
        assert agents[ALICE].send(message, [BOB, CAROL, DAVE]) == {}
        world.wait_for_letter(BOB, message["Message-ID"])
        world.wait_for_letter(DAVE, message["Message-ID"])
        world.wait_for_letter(CAROL, message["Message-ID"])
    return message, wire.bytes


def raw_of(world, address, message):
    return world.wait_for_letter(address, message["Message-ID"])


def check_equal(shown, message):
    assert shown["Subject"] == message["Subject"]
    assert shown["From"] == message["From"]
    assert shown["To"] == message["To"]
    assert shown["Date"] == message["Date"]
    assert shown["Message-ID"] == message["Message-ID"]
    want, got = leaves(message), leaves(shown)
    assert [leaf[:2] for leaf in got] == [leaf[:2] for leaf in want]
    for (kind, _, have), (_, _, wanted) in zip(got, want):
        if kind.startswith("text/"):
            have, wanted = same_text(have), same_text(wanted)
        assert have == wanted


def test_what_the_writer_says_he_can_read_is_remembered_and_only_when_verified(agents, world):
    people = agents[BOB].home / "people"
    world.empty(BOB)
    for path in people.glob("*"):
        path.unlink()
    plain = letter(ALICE, [BOB], message_id=f"<says-nothing-{time.time()}@alpha.test>")
    world.send_plain(ALICE, BOB, wire(plain))
    agents[BOB].wait_for(plain["Message-ID"])
    assert not list(people.glob("*"))
    message = letter(ALICE, [BOB], message_id=f"<says-it-{time.time()}@alpha.test>")
    agents[ALICE].send(message, [BOB])
    agents[BOB].wait_for(message["Message-ID"])
    remembered = sorted(people.iterdir())
    assert len(remembered) == 2 and remembered[1].name == remembered[0].name + ".seen"
    for item in remembered:
        assert found_in(item.read_bytes() + item.name.encode(), ALICE, "aes-256-gcm") == []


@pytest.mark.parametrize("reader", [BOB, CAROL])
def test_the_reader_gets_plain_mime_with_the_real_subject_and_a_verdict(agents, sent, reader):
    message, _ = sent
    flags, shown = agents[reader].wait_for(message["Message-ID"])
    assert shown.startswith(b"Letterlock-Verdict: verified; "), shown[:200]
    verdict = parse(shown)["Letterlock-Verdict"]
    assert re.fullmatch(r"verified; .*alice@alpha\.test.*; as of \d{4}-\d\d-\d\dT[\d:]+Z", verdict)
    check_equal(parse(shown), message)
    assert b"$Letterlock-verified" in flags
    assert leaves(parse(shown))[-1][2] == ATTACHMENT + CANARY.encode()


def test_the_blind_reader_gets_a_copy_of_his_own_that_nobody_elses_names(agents, sent, world):
    message, _ = sent
    flags, shown = agents[DAVE].wait_for(message["Message-ID"])
    check_equal(parse(shown), message)
    assert parse(shown)["Bcc"] == DAVE
    assert b"$Letterlock-verified" in flags
    for reader in (BOB, CAROL):
        _, visible = agents[reader].wait_for(message["Message-ID"])
        assert b"dave" not in visible.lower()
        raw = raw_of(world, reader, message)
        assert b"dave" not in raw.lower()
        # two visible readers and the writer, no fourth
        assert recipients(raw) == 3
    assert recipients(raw_of(world, DAVE, message)) == 2


def recipients(raw):
    der = subprocess.run(["openssl", "cms", "-cmsout", "-print", "-noout"], input=raw,
                         capture_output=True)
    return der.stdout.count(b"d.kari")


def test_outside_stands_nothing_of_the_subject(sent, world):
    message, _ = sent
    outer = parse(raw_of(world, BOB, message))
    assert outer["Subject"] == "[...]"
    assert outer.get_content_type() == "application/pkcs7-mime"
    assert outer["Message-ID"] == message["Message-ID"]
    assert outer["Bcc"] is None


def test_the_canary_is_in_no_file_and_on_no_wire(agents, sent, world):
    _, wire = sent
    assert b"MAIL FROM" in wire.upper(), "the capture saw no SMTP at all"
    texts = (CANARY, SUBJECT)
    assert found_in(wire, *texts) == []
    files = []
    for domain in ("alpha.test", "beta.test"):
        files += world.store_files(domain) + world.queue_files(domain)
    authority = [path for path in Path(world.authority["dir"]).rglob("*") if path.is_file()]
    homes = [path for agent in agents.all.values() for path in agent.home.rglob("*")
             if path.is_file()]
    assert authority and homes
    for path in [*map(Path, files), *authority, *homes]:
        assert found_in(path.read_bytes(), *texts) == [], path


def test_a_clear_letter_would_have_been_found(world):
    """The search for the canary can fail: a plain letter is found on the wire and on the disk."""
    message = letter(ALICE, [EVE])
    with world.capture() as wire:
        world.send_plain(ALICE, EVE, message)
        world.wait_for_letter(EVE, message["Message-ID"])
    assert found_in(wire.bytes, CANARY)
    assert any(found_in(Path(path).read_bytes(), CANARY) for path in world.store_files("beta.test"))
    world.empty(EVE)


def test_openssl_opens_verifies_and_checks_the_timestamp(agents, sent, world, tmp_path):
    """Bob's stored letter, read by the openssl program alone, with the key of his recovery copy."""
    message, _ = sent
    (tmp_path / "raw").write_bytes(raw_of(world, BOB, message))
    passphrase = agents[BOB].export(tmp_path / "bob.p12")
    run("openssl", "pkcs12", "-in", tmp_path / "bob.p12", "-passin", f"pass:{passphrase}",
        "-nodes", "-out", tmp_path / "bob.pem")
    run("openssl", "cms", "-decrypt", "-in", tmp_path / "raw", "-inkey", tmp_path / "bob.pem",
        "-out", tmp_path / "signed")
    run("openssl", "cms", "-verify", "-in", tmp_path / "signed", "-CAfile",
        world.authority["root"], "-out", tmp_path / "payload", "-signer", tmp_path / "signer.pem")
    payload = parse((tmp_path / "payload").read_bytes())
    assert payload["Subject"] == SUBJECT
    assert payload.get_param("hp") == "cipher"
    assert "Subject: [...]" in payload.get_all("HP-Outer")
    signer = run("openssl", "x509", "-in", tmp_path / "signer.pem", "-noout", "-ext",
                 "subjectAltName")
    assert b"email:alice@alpha.test" in signer.stdout
    check_token(world, (tmp_path / "signed").read_bytes(), tmp_path)


def run(*words):
    done = subprocess.run(list(map(str, words)), capture_output=True)
    assert done.returncode == 0, (words, done.stderr)
    return done


def check_token(world, signed, tmp_path):
    """`openssl ts` takes the token over the signature value, both cut out by `openssl asn1parse`."""
    signature_part = [part for part in parse(signed).walk()
                      if part.get_content_type() == "application/pkcs7-signature"][0]
    der = tmp_path / "signature.der"
    der.write_bytes(signature_part.get_payload(decode=True))
    rows = run("openssl", "asn1parse", "-inform", "DER", "-in", der).stdout.decode().splitlines()
    places = [(int(row.split(":")[0]), int(re.search(r"hl=(\d+)", row)[1]),
               int(re.search(r" l= *(\d+) ", row)[1]), row) for row in rows]
    at = next(i for i, place in enumerate(places)
              if "id-smime-aa-timeStampToken" in place[3])
    # the attribute's value is the token; the octets before the unsigned attributes, the signature
    octets = der.read_bytes()
    token = next(place for place in places[at:] if "SEQUENCE" in place[3])
    signature = [place for place in places[:at] if "OCTET STRING" in place[3]][-1]
    (tmp_path / "token").write_bytes(octets[token[0]:token[0] + token[1] + token[2]])
    start = signature[0] + signature[1]
    (tmp_path / "stamped").write_bytes(octets[start:start + signature[2]])
    run("openssl", "ts", "-verify", "-in", tmp_path / "token", "-token_in", "-data",
        tmp_path / "stamped", "-CAfile", world.authority["root"], "-untrusted",
        f"{world.authority['dir']}/tsa-ca.pem")


def test_the_servers_own_dkim_signature_holds_on_the_sealed_letter(sent, world):
    message, _ = sent
    raw = raw_of(world, BOB, message).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    assert dkim.verify(raw, dnsfunc=Names(world).txt_for_dkim)


def test_an_unsigned_letter_is_unsigned_and_untouched_but_for_a_forged_verdict(agents, world):
    message = letter(ALICE, [BOB], message_id=f"<plain-{time.time()}@alpha.test>")
    forged = b"letterlock-VERDICT : verified; Signed by the Queen;\r\n as of 1953-06-02T11:15:00Z\r\n"
    octets = wire(message)
    world.send_plain(ALICE, BOB, forged + octets)
    raw = world.wait_for_letter(BOB, message["Message-ID"])
    assert b"Queen" in raw
    flags, shown = agents[BOB].wait_for(message["Message-ID"])
    assert b"$Letterlock-unsigned" in flags
    start = raw.lower().index(b"letterlock-verdict")
    end = raw.index(b"11:15:00Z\r\n") + len(b"11:15:00Z\r\n")
    assert shown == raw[:start] + raw[end:]


def test_a_letter_with_one_byte_of_its_ciphertext_changed_is_shown_unopened(agents, sent, world):
    """At the head, in the middle and at the end of the ciphertext."""
    message, _ = sent
    raw = raw_of(world, BOB, message)
    head, _, body = raw.partition(b"\r\n\r\n")
    for place in (0.3, 0.6, 0.97):
        at = int(len(body) * place)
        while body[at:at + 1] in b"\r\n=":
            at -= 1
        changed = body[:at] + (b"A" if body[at:at + 1] != b"A" else b"B") + body[at + 1:]
        ident = f"<changed-{place}@alpha.test>"
        octets = head.replace(message["Message-ID"].encode(), ident.encode())
        with world.stranger("beta.test") as smtp:
            smtp.sendmail(ALICE, [BOB], octets + b"\r\n\r\n" + changed)
        world.wait_for_letter(BOB, ident)
        flags, shown = agents[BOB].wait_for(ident)
        assert b"$Letterlock-unsigned" in flags, (place, flags)
        assert [flag for flag in flags if flag.startswith(b"$Letterlock-reason-")], flags
        assert b"application/pkcs7-mime" in shown
        assert changed[:60] in shown
        assert found_in(shown, CANARY, SUBJECT) == []


@pytest.fixture(scope="module")
def eve(world, tmp_path_factory):
    """Eve's own signing certificate, got honestly from the same authority: (PEM, key file)."""
    directory = tmp_path_factory.mktemp("eve")
    client = acmeclient.Client(world)
    client.register()
    order = client.authorize(EVE)
    csr, key = acmeclient.make_csr(EVE, "signing")
    assert client.finalize(order, csr).status == 200
    order = client.wait_for(order["url"], ("valid",))
    (directory / "eve.pem").write_bytes(client.certificates(order))
    (directory / "eve.key").write_bytes(key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return directory / "eve.pem", directory / "eve.key"


def certificate_of(world, address, path):
    reply = acmeclient.Https(world).send("GET", f"/directory/v1?address={address}")
    path.write_bytes(base64.b64decode(reply.json["encrypting"][0]))
    run("openssl", "x509", "-inform", "DER", "-in", path, "-out", path)
    return path


@pytest.mark.parametrize("sealed", [False, True], ids=["signed", "signed and sealed"])
def test_eves_valid_signature_under_alices_name_is_not_verified(agents, world, sent, eve, tmp_path,
                                                                sealed):
    """Bob has had a letter of Alice, so he knows her: this one is no oddity, but a danger."""
    agents[BOB].wait_for(sent[0]["Message-ID"])
    chain, key = eve
    ident = f"<eve-{sealed}-{time.time()}@alpha.test>"
    (tmp_path / "body").write_bytes(b"Content-Type: text/plain\r\n\r\nPay Eve.\r\n")
    header = ["-from", "Alice <alice@alpha.test>", "-to", BOB, "-subject", "urgent"]
    run("openssl", "cms", "-sign", "-in", tmp_path / "body", "-signer", chain, "-certfile",
        f"{world.authority['dir']}/issuing.pem", "-inkey", key, "-out", tmp_path / "letter",
        *([] if sealed else header))
    if sealed:
        run("openssl", "cms", "-encrypt", "-aes256", "-in", tmp_path / "letter", "-out",
            tmp_path / "sealed", *header, certificate_of(world, BOB, tmp_path / "bob.pem"))
        (tmp_path / "sealed").rename(tmp_path / "letter")
    octets = f"Message-ID: {ident}\n".encode() + (tmp_path / "letter").read_bytes()
    with world.stranger("beta.test") as smtp:
        smtp.sendmail(EVE, [BOB], octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    world.wait_for_letter(BOB, ident)
    flags, shown = agents[BOB].wait_for(ident)
    assert b"$Letterlock-verified" not in flags
    assert b"$Letterlock-danger" in flags and b"$Letterlock-reason-addr.mismatch" in flags
    if sealed:
        assert parse(shown)["Letterlock-Verdict"].startswith("danger; Not from alice@alpha.test")


def test_a_draft_lies_sealed_on_the_server_and_forgets_nothing(agents, world):
    message = letter(ALICE, [BOB])
    message["Bcc"] = f"Dave <{DAVE}>"
    imap = agents[ALICE].imap()
    status, answer = imap.append("Drafts", r"(\Draft \Seen)", None, wire(message))
    assert status == "OK" and b"APPENDUID" in answer[0]
    imap.logout()
    raw = world.wait_for_letter(ALICE, message["Message-ID"], name="Drafts")
    assert found_in(raw, CANARY, SUBJECT) == [] and b"dave" not in raw.lower()
    flags, shown = agents[ALICE].letters("Drafts")[-1]
    check_equal(parse(shown), message)
    assert parse(shown)["Bcc"] == message["Bcc"]
    assert {rb"\Draft", rb"\Seen", b"$Letterlock-verified"} <= set(flags)


def test_only_the_account_itself_can_be_the_sender(agents):
    message = letter(BOB, [BOB])
    with agents[ALICE].smtp() as smtp:
        with pytest.raises(smtplib.SMTPSenderRefused) as refused:
            smtp.sendmail(BOB, [BOB], wire(message))
        assert refused.value.smtp_code == 550
    with agents[ALICE].smtp() as smtp:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            smtp.sendmail(ALICE, [BOB], wire(message))
        assert refused.value.smtp_code == 550 and b"5.7.1" in refused.value.smtp_error


def test_an_answer_of_many_sizes_arrives_equal(agents, world):
    for size in (0, 1, 997, 70_000, 3_000_000):
        message = EmailMessage()
        message["From"], message["To"] = ALICE, BOB
        message["Subject"] = f"size {size}"
        message["Message-ID"] = f"<size-{size}-{time.time()}@alpha.test>"
        message.set_content("x\n")
        message.add_attachment(b"\xfe" * size, maintype="application", subtype="octet-stream")
        agents[ALICE].send(message, [BOB])
        _, shown = agents[BOB].wait_for(message["Message-ID"])
        assert leaves(parse(shown))[-1][2] == b"\xfe" * size


def test_a_letter_without_message_id_and_date_gets_both(agents, world):
    octets = b"From: alice@alpha.test\r\nTo: bob@beta.test\r\nSubject: bare\r\n\r\nnothing else\r\n"
    before = len(world.fetch_all(BOB))
    with agents[ALICE].smtp() as smtp:
        smtp.sendmail(ALICE, [BOB], octets)
    until = time.monotonic() + 20
    while len(world.fetch_all(BOB)) == before and time.monotonic() < until:
        time.sleep(0.1)
    shown = parse(agents[BOB].letters()[-1][1])
    assert shown["Subject"] == "bare" and shown["Message-ID"] and shown["Date"]
    assert shown["Letterlock-Verdict"].startswith("verified;")
