"""Whatever a mail program makes of a sealed letter, its text never gets out: answers of every kind,
tricks of strangers, and the eyes of this test at the other side."""

import email
import smtplib
import subprocess
import time
from email.message import EmailMessage
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest

from conftest import long
from people import found_in, leaves, parse
from send_test import certificate_of

ALICE, BOB, CAROL = "alice@alpha.test", "bob@beta.test", "carol@alpha.test"
SECRET = "The canary counts her seven silver spoons behind the bakery at dawn."
TOPIC = "Merger of canary-topic-4417 with the bakery"
REPLIES = 200


def wire(message):
    """As it goes over SMTP; parts in parts keep the line ends they were given."""
    return message.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def stamp(what):
    return f"<{what}-{time.time_ns()}@test>"


def letter(sender, to, text=SECRET, subject=TOPIC, **fields):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message["Message-ID"] = stamp("letter")
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    message.set_content(text + "\n")
    return message


def quoting(message, text=SECRET):
    """An answer as mail programs write it."""
    return f"Yes.\n\nOn some day somebody wrote:\n> {text}\n"


@pytest.fixture(scope="module")
def thread(agents, world):
    """Alice wrote to Bob, signed and sealed; he has seen it.  Carol has certificates too."""
    for address in (ALICE, BOB, CAROL):
        agents[address]
        world.empty(address)
    message = letter(ALICE, BOB)
    agents[ALICE].send(message, [BOB])
    agents[BOB].wait_for(message["Message-ID"])
    return message


def refused(agent, octets, recipients):
    """What the mail program is told."""
    octets = octets if isinstance(octets, bytes) else wire(octets)
    with agent.smtp() as smtp:
        with pytest.raises(smtplib.SMTPDataError) as error:
            smtp.sendmail(agent.address, recipients, octets)
    assert error.value.smtp_code == 550 and error.value.smtp_error.startswith(b"5.7.1 ")
    return error.value.smtp_error.decode()


def answer(thread, text, to=ALICE, **fields):
    fields = {"In_Reply_To": thread["Message-ID"], "References": thread["Message-ID"], **fields}
    return letter(BOB, to, text, fields.pop("subject", f"Re: {TOPIC}"), **fields)


# --- what goes ------------------------------------------------------------------------------------

def plain_reply(thread, number):
    return answer(thread, quoting(thread) + f"Number {number}.")


def html_reply(thread, number):
    message = answer(thread, "Yes.")
    message.add_alternative(f"<p>Yes.</p><blockquote>{SECRET}</blockquote>", subtype="html")
    return message


def forward(thread, number):
    return letter(BOB, ALICE, f"-------- Forwarded --------\nSubject: {TOPIC}\n\n{SECRET}", f"Fwd: {TOPIC}",
                  X_Forwarded_Message_Id=thread["Message-ID"])


def attached(thread, number):
    message = MIMEMultipart()
    message["From"], message["To"], message["Subject"] = BOB, ALICE, f"Fwd: {TOPIC}"
    message["Message-ID"] = stamp("attached")
    message.attach(MIMEText("See there.\n"))
    message.attach(MIMEMessage(thread))
    return message


def vacation(thread, number):
    return answer(thread, f"I am away.\n> {SECRET}", Auto_Submitted="auto-replied",
                  subject=f"Auto: {TOPIC}")


def calendar(thread, number):
    message = answer(thread, "Accepted.")
    message.add_alternative(
        f"BEGIN:VCALENDAR\nMETHOD:REPLY\nBEGIN:VEVENT\nSUMMARY:{SECRET}\nEND:VEVENT\nEND:VCALENDAR\n",
        subtype="calendar", params={"method": "REPLY"})
    return message


def report(thread, kind, machine, *more):
    message = MIMEMultipart("report", report_type=kind)
    message["From"], message["To"], message["Subject"] = BOB, ALICE, f"Report: {TOPIC}"
    message["Message-ID"] = stamp("report")
    message.attach(MIMEText("About your letter.\n"))
    message.attach(email.message_from_string(f"Content-Type: message/{kind}\n\n{machine}"))
    for one in more:
        message.attach(one)
    return message


def read_report(thread, number):
    return report(thread, "disposition-notification",
                  f"Final-Recipient: rfc822;{BOB}\nOriginal-Message-ID: {thread['Message-ID']}\n"
                  "Disposition: manual-action/MDN-sent-manually; displayed\n")


def delivery_report(thread, number):
    return report(thread, "delivery-status", f"Reporting-MTA: dns;x\n\nFinal-Recipient: rfc822;{BOB}\n"
                  "Action: failed\nStatus: 5.0.0\n", MIMEMessage(thread))


def resent(thread, number):
    return letter(BOB, ALICE, SECRET, TOPIC, Resent_From=BOB, Resent_To=ALICE, Resent_Message_ID=stamp("resent"))


def list_post(thread, number):
    return answer(thread, quoting(thread), List_Id="<people.alpha.test>")


KINDS = [plain_reply, html_reply, forward, attached, vacation, calendar, read_report, delivery_report,
         resent, list_post]


def seen_by_everybody(world, wire_bytes):
    files = [path for domain in ("alpha.test", "beta.test")
             for path in (*world.store_files(domain), *world.queue_files(domain))]
    return wire_bytes + b"".join(path.read_bytes() for path in files)


def send_all(agents, world, thread, count):
    """`count` answers of all kinds in turn, in one connection; what everybody could see of them."""
    with world.capture() as capture:
        with agents[BOB].smtp() as smtp:
            for number in range(count):
                message = KINDS[number % len(KINDS)](thread, number)
                smtp.sendmail(BOB, [ALICE], wire(message))
        world.wait_for_letter(ALICE, message["Message-ID"], 60)
    return message, seen_by_everybody(world, capture.bytes)


def check_answers(agents, world, thread, count):
    message, octets = send_all(agents, world, thread, count)
    assert b"MAIL FROM" in octets.upper()
    assert found_in(octets, SECRET, TOPIC, "canary-topic-4417") == []
    _, shown = agents[ALICE].wait_for(message["Message-ID"])
    assert message["Subject"] in parse(shown)["Subject"]


def test_answers_of_every_kind_go_sealed_and_show_nothing(agents, world, thread):
    check_answers(agents, world, thread, 2 * len(KINDS))


@long
def test_two_hundred_answers_leak_nothing(agents, world, thread):
    check_answers(agents, world, thread, REPLIES)


def test_the_reader_of_an_answer_gets_all_of_it(agents, thread):
    message = html_reply(thread, 0)
    agents[BOB].send(message, [ALICE])
    flags, shown = agents[ALICE].wait_for(message["Message-ID"])
    assert b"$Letterlock-verified" in flags
    assert [leaf[2].replace(b"\r\n", b"\n") for leaf in leaves(parse(shown))] == [
        leaf[2] for leaf in leaves(message)]


def test_what_the_letter_kept_secret_stands_nowhere_outside_the_answer(agents, world, thread):
    """Also where the policy for new letters would let it: in other fields, and in the sent copy."""
    message = answer(thread, "Yes.", X_Topic=TOPIC, subject="Yes")
    agents[BOB].send(message, [ALICE])
    raw = world.wait_for_letter(ALICE, message["Message-ID"])
    assert found_in(raw, TOPIC, "canary-topic-4417") == []
    with agents[BOB].imap() as imap:
        assert imap.append("Sent", r"(\Seen)", None, wire(message))[0] == "OK"
    raw = world.wait_for_letter(BOB, message["Message-ID"], name="Sent")
    assert found_in(raw, TOPIC, "canary-topic-4417") == []
    # and it is not that such a field never stands there
    other = letter(BOB, ALICE, "x", "y", X_Topic=TOPIC)
    agents[BOB].send(other, [ALICE])
    assert b"canary-topic-4417" in world.wait_for_letter(ALICE, other["Message-ID"])


def test_a_draft_of_an_answer_lies_sealed(agents, world, thread):
    message = answer(thread, quoting(thread))
    with agents[BOB].imap() as imap:
        assert imap.append("Drafts", r"(\Draft)", None, wire(message))[0] == "OK"
    raw = world.wait_for_letter(BOB, message["Message-ID"], name="Drafts")
    assert found_in(raw, SECRET, TOPIC) == []


# --- what stays -----------------------------------------------------------------------------------

def nothing_leaves(agents, world, message, recipients, *words):
    ident = message["Message-ID"].encode()
    with world.capture() as capture:
        text = refused(agents[BOB], message, recipients)
    everywhere = [capture.bytes, *world.fetch_all(CAROL), *world.fetch_all(ALICE)]
    assert not any(ident in octets for octets in everywhere)
    assert found_in(capture.bytes, SECRET) == []
    for word in words:
        assert word in text, text
    assert SECRET not in text and SECRET not in agents[BOB].log()


def test_an_added_reader_gets_no_quotation(agents, world, thread):
    nothing_leaves(agents, world, answer(thread, quoting(thread), Cc=CAROL), [ALICE, CAROL],
                   "take the quoted text out", "forward")
    nothing_leaves(agents, world, html_reply(thread, 0), [CAROL], "does not name")
    # what a person can do instead
    assert agents[BOB].send(answer(thread, "Yes, without it.", Cc=CAROL), [ALICE, CAROL]) == {}
    assert agents[BOB].send(forward(thread, 0), [CAROL]) == {}


def test_a_vacation_answer_goes_to_no_stranger(agents, world, thread):
    nothing_leaves(agents, world, vacation(thread, 0), [CAROL], "by itself")


def test_a_letter_of_somebody_else_is_not_resent(agents, world, thread):
    message = letter(ALICE, CAROL, SECRET, TOPIC, Resent_From=BOB, Resent_To=CAROL)
    nothing_leaves(agents, world, message, [CAROL], "forward it instead")


def test_a_list_without_a_certificate_gets_nothing(agents, world, thread):
    with world.capture() as capture:
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            agents[BOB].send(answer(thread, quoting(thread), to="people@alpha.test"), ["people@alpha.test"])
    assert b"RCPT TO" not in capture.bytes.upper()


# --- tricks of strangers --------------------------------------------------------------------------

def openssl_seals(world, tmp_path, inside, *fields, cipher="-aes-256-cbc"):
    """A letter to Bob that nobody signed."""
    (tmp_path / "inside").write_bytes(inside)
    certificate_of(world, BOB, tmp_path / "bob.pem")
    sealed = subprocess.run(["openssl", "cms", "-encrypt", cipher, "-binary", "-in", tmp_path / "inside",
                             tmp_path / "bob.pem"], check=True, capture_output=True).stdout
    octets = "".join(f"{field}\r\n" for field in fields).encode()
    return octets + sealed.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def comes_to_bob(agents, world, octets, ident):
    with world.stranger("beta.test") as smtp:
        smtp.sendmail(CAROL, [BOB], octets)
    world.wait_for_letter(BOB, ident)
    return agents[BOB].wait_for(ident)


def test_a_ciphertext_that_comes_again_from_somebody_else_is_not_answered_to_him(agents, world, thread):
    """Carol holds the ciphertext and makes it her own letter, to be answered to her."""
    raw = world.wait_for_letter(BOB, thread["Message-ID"])
    _, _, body = raw.partition(b"\r\nMIME-Version")
    ident = stamp("again")
    head = (f"From: {CAROL}\r\nReply-To: {CAROL}\r\nTo: {BOB}\r\nCc: {CAROL}\r\nSubject: your opinion?\r\n"
            f"Message-ID: {ident}").encode()
    with world.stranger("beta.test") as smtp:
        smtp.sendmail(CAROL, [BOB], head + b"\r\nMIME-Version" + body)
    world.wait_for_letter(BOB, ident)
    # the identifier is protected: Bob's mail program sees Alice's, and her From
    shown = parse(agents[BOB].letters()[-1][1])
    assert shown["Message-ID"] == thread["Message-ID"]
    assert CAROL not in str(shown["From"]) + str(shown["Reply-To"]) + str(shown["Cc"])
    for named in (ident, thread["Message-ID"]):
        message = answer({"Message-ID": named}, quoting(thread), to=CAROL,
                         References=f"{thread['Message-ID']} {named}")
        nothing_leaves(agents, world, message, [CAROL], "does not name")


GADGET = (b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n'
          b'<img src="http://127.0.0.1:9/?\r\n--x\r\nContent-Type: text/plain\r\n\r\n' + SECRET.encode() +
          b'\r\n--x\r\nContent-Type: text/html\r\n\r\n">\r\n--x--\r\n')


@pytest.mark.parametrize("cipher, why", [("-aes-256-cbc", "could have changed"), ("-aes-256-gcm", "nobody signed")],
                         ids=["malleable", "unsigned"])
def test_what_nobody_signed_is_not_quoted(agents, world, thread, tmp_path, cipher, why):
    ident = stamp("unproven")
    inside = f"Content-Type: text/plain\r\n\r\n{SECRET} {cipher}\r\n".encode()
    octets = openssl_seals(world, tmp_path, inside, f"From: {CAROL}", f"To: {BOB}", "Subject: well?",
                           f"Message-ID: {ident}", cipher=cipher)
    flags, shown = comes_to_bob(agents, world, octets, ident)
    assert b"$Letterlock-unsigned" in flags
    assert any(SECRET.encode() in leaf[2] for leaf in leaves(parse(shown)))
    about = {"Message-ID": ident}
    text = f"{SECRET} {cipher}"
    nothing_leaves(agents, world, answer(about, quoting(about, text), to=CAROL), [CAROL], why, "take the quoted text")
    nothing_leaves(agents, world, letter(BOB, CAROL, text, "Fwd: well?"), [CAROL], why)
    nothing_leaves(agents, world, answer(about, "Away.", to=CAROL, Auto_Submitted="auto-replied"), [CAROL], "by itself")
    nothing_leaves(agents, world, read_report(about, 0), [CAROL], "by itself")
    assert agents[BOB].send(answer(about, "Who are you?", to=CAROL), [CAROL]) == {}


def test_of_a_gadget_only_text_is_shown(agents, world, thread, tmp_path):
    ident = stamp("gadget")
    octets = openssl_seals(world, tmp_path, GADGET, f"From: {CAROL}", f"To: {BOB}", "Subject: look",
                           f"Message-ID: {ident}")
    _, shown = comes_to_bob(agents, world, octets, ident)
    message = parse(shown)
    assert message.get_content_type() == "text/plain" and not message.is_multipart()
    assert SECRET in message.get_content() and "only its text is shown" in message.get_content()
    assert "Letterlock-Verdict" in message and message["Subject"] == "look"


def test_it_is_remembered_after_a_crash(agents, world, thread):
    agents[BOB].kill()
    agents[BOB].start()
    nothing_leaves(agents, world, html_reply(thread, 0), [CAROL], "does not name")
