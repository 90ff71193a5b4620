"""Letters of many shapes, as they come from the world: none of them is sealed."""

import email.generator
import email.policy
import io
from email.message import EmailMessage


def crlf(text):
    octets = text if isinstance(text, bytes) else text.encode()
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def printed(message):
    out = io.BytesIO()
    email.generator.BytesGenerator(out, policy=email.policy.SMTP).flatten(message)
    return out.getvalue()


def headed(subject="A letter"):
    message = EmailMessage()
    message["From"] = "Dora <dora@example.org>"
    message["To"] = "carol@alpha.test"
    message["Subject"] = subject
    message["Date"] = "Sat, 21 Nov 2026 20:18:00 +0000"
    message["Message-ID"] = "<shape@example.org>"
    return message


def plain():
    message = headed()
    message.set_content("One line.\nAnother one.\n")
    return printed(message)


def rich():
    message = headed("Grüße: 訪問計画")
    message.set_content("Liebe Grüße\n")
    message.add_alternative("<p>Liebe <img src='cid:x'></p>", subtype="html")
    message.get_payload()[1].add_related(b"\x89PNG", "image", "png", cid="<x>")
    message.add_attachment(bytes(range(256)), maintype="application", subtype="octet-stream",
                           filename="Anhänge.bin")
    message.add_attachment("a,b\n", subtype="csv", filename="list.csv")
    return printed(message)


def forwarded():
    inner = headed("Inside")
    inner.set_content("Inside text\n")
    inner.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="a.pdf")
    message = headed("Outside")
    message.set_content("See below\n")
    message.add_attachment(inner)
    return printed(message)


def forwarded_plain():
    inner = headed("Inside")
    inner.set_content("Inside text\n")
    message = headed("Outside")
    message.set_content("See below\n")
    message.add_attachment(inner)
    return printed(message)


HEAD = """From: Dora <dora@example.org>
To: carol@alpha.test
Subject: A letter
Date: Sat, 21 Nov 2026 20:18:00 +0000
Message-ID: <shape@example.org>
"""

SHAPES = {
    "plain": plain(),
    "rich": rich(),
    "forwarded": forwarded(),
    "forwarded plain": forwarded_plain(),
    "no mime": crlf(HEAD + "\nJust text\n"),
    "no body": crlf(HEAD + "\n"),
    "no final line end": crlf(HEAD + "\nJust text"),
    "addresses": crlf('''From: "Doe, John" <john@example.org>, jane@example.org (Jane Doe)
Sender: =?utf-8?Q?J=C3=B6rg?= <joerg@example.org>
Reply-To: "quoted \\"inner\\" name" <q@example.org>
To: Team: a@example.org, Bo B <b@example.org>;, c@example.org
Cc: undisclosed-recipients:;
Bcc: <@relay.example,@other.example:d@example.org>
Subject: a folded
 subject,
\twith a tab
Date: Sat, 21 Nov 2026 20:18:00 +0000
In-Reply-To: <a@b> <c@d>
Message-ID: <shape@example.org>

text
'''),
    "empty fields": crlf("""From: a@example.org
Sender:
Reply-To:
To:
Subject:
Message-ID:

text
"""),
    "no header fields": crlf("\nonly a body\n"),
    "comments": crlf("""From: (first) a (second) @ (third) example.org (Last Name)
To: First Middle Last <x@example.org>
Subject: x

text
"""),
    "eight bit": crlf(HEAD.encode() + "X-Y: ä\nContent-Type: text/plain; charset=utf-8\n"
                      "Content-Transfer-Encoding: 8bit\n\nÄÖÜ\n".encode()),
    "preamble": crlf(HEAD + """MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b 1"

preamble

--b 1

no header here
--b 1
Content-Type: text/html; charset=us-ascii
Content-ID: <p2@example.org>
Content-Description: a description
Content-Disposition: inline; filename=x.html
Content-Language: de, en
Content-Location: http://example.org/x
Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==

<p>x</p>

--b 1--
epilogue
"""),
    "digest": crlf(HEAD + """MIME-Version: 1.0
Content-Type: multipart/digest; boundary=d

--d

From: one@example.org
Subject: one

first
--d

From: two@example.org
Subject: two
Content-Type: multipart/alternative; boundary=e

--e

second
--e
Content-Type: text/html

<p>second</p>
--e--

--d--
"""),
    "nested": crlf(HEAD + """MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=outer

--outer
Content-Type: multipart/alternative; boundary=outer-inner

--outer-inner

a
--outer-inner
Content-Type: text/html

b
--outer-inner--

--outer
Content-Type: message/rfc822

From: in@example.org
Subject: in

in the message
--outer
Content-Type: image/gif; name="a b.gif"
Content-Transfer-Encoding: base64

R0lGODlh
--outer--
"""),
    "not closed": crlf(HEAD + """MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=nc

--nc

never closed
"""),
    "message at the top": crlf(HEAD + """MIME-Version: 1.0
Content-Type: message/rfc822

From: in@example.org
Subject: in

in the message
"""),
    "report": crlf(HEAD + """MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=r

--r

Not delivered.
--r
Content-Type: message/delivery-status

Reporting-MTA: dns; x.example

Final-Recipient: rfc822; y@example.org
Action: failed
--r
Content-Type: text/rfc822-headers

From: a@example.org
Subject: lost
--r--
"""),
    "parameters": crlf(HEAD + """MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=p

--p
Content-Type: text/plain; name=x.txt; format=flowed
Content-Transfer-Encoding: QUOTED-PRINTABLE

=41
--p
Content-Type: Application/PDF; NAME*0=lo; NAME*1=ng.pdf
Content-Disposition: attachment;
 size=4; filename*0*=utf-8''%C3%84; filename*1*=%C3%96.pdf
Content-Transfer-Encoding: base64

AAAA
--p
Content-Type: application/x-empty

--p--
"""),
    "long lines": crlf(HEAD + "References: " + " ".join(
        f"<{n}@example.org>" for n in range(30)) + "\n\n" + "x" * 3000 + "\n"),
}
