"""Letters as mail programs write them, and what a canary could look like on its way."""

import base64
import email
import email.policy
import quopri
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

SUBJECT = "Grüße aus Zürich: 訪問計画 canary-subject-7731"
CANARY = "The canary sings at midnight under the seventh bridge, says Zoë."
ATTACHMENT = bytes(range(256)) * 8


def letter(sender, to, cc=(), subject=SUBJECT, canary=CANARY, message_id=None):
    """Text, its HTML alternative and an attachment; Bcc is nobody's business but the envelope's."""
    message = EmailMessage()
    message["From"] = f"Alice Müller <{sender}>"
    message["To"] = ", ".join(to)
    if cc:
        message["Cc"] = ", ".join(cc)
    message["Subject"] = subject
    message["Date"] = formatdate()
    message["Message-ID"] = message_id or make_msgid(domain=sender.partition("@")[2])
    message.set_content(f"Dear all,\n\n{canary}\n\nYours, Älice\n")
    message.add_alternative(f"<html><body><p>{canary}</p></body></html>", subtype="html")
    message.add_attachment(ATTACHMENT + canary.encode(), maintype="application",
                           subtype="octet-stream", filename="Anhänge.bin")
    return message


def wire(message):
    """As it goes over SMTP; smtplib mends the line ends of text only, not of bytes."""
    return message.as_bytes(policy=email.policy.SMTP)


def parse(octets):
    return email.message_from_bytes(octets, policy=email.policy.default)


def leaves(message):
    """Every part that is no container, decoded: what a person gets to see."""
    return [(part.get_content_type(), part.get_filename(), part.get_payload(decode=True))
            for part in message.walk() if not part.is_multipart()]


def same_text(content):
    """Line ends are the transport's; everything else must be equal."""
    return content.replace(b"\r\n", b"\n")


def disguises(text):
    """Every form in which `text` could stand in a file or on a wire: a dict name -> bytes."""
    plain = text.encode()
    forms = {
        "plain": plain,
        "quoted-printable": quopri.encodestring(plain).replace(b"=\n", b""),
        "utf-16le": text.encode("utf-16-le"),
        "utf-16be": text.encode("utf-16-be"),
        "latin-1": text.encode("latin-1", "replace"),
    }
    for offset in range(3):
        # what is the same whatever stands before and behind it
        encoded = base64.b64encode(b"\0" * offset + plain)
        forms[f"base64 at {offset}"] = encoded[4:-4]
    return forms


def without_line_ends(octets):
    """Base64 and quoted-printable are broken into lines; a canary must not hide at a break."""
    return octets.replace(b"=\r\n", b"").replace(b"=\n", b"").replace(b"\r\n", b"").replace(
        b"\n", b"")


def found_in(octets, *texts):
    """The disguises of any text that are in there."""
    joined = without_line_ends(octets)
    return [f"{text[:20]}... as {name}" for text in texts
            for name, form in disguises(text).items() if form in octets or form in joined]
