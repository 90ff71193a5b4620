"""Letters of every odd shape that a mail server keeps, as many as one likes, from one seed; none of them is sealed."""

import base64
import random

from shapes import SHAPES, crlf

FIELDS = ("Received", "X-Spam", "References", "List-Id", "DKIM-Signature", "Authentication-Results", "Content-Language",
          "Comments", "Keywords", "Resent-From", "X-" + "y" * 60, "MIME-Version", "Cc", "Reply-To", "Return-Path")
# what a reader of IMAP, of MIME or of SMTP could stumble over
LINES = (b"", b".", b"..", b"From here on", b">From there", b"{3}", b"a OK done", b"* BYE", b")", b'" \\ "', b"--", b"--b",
         b"=41=", b"\t tab and blank \t", b"Letterlock-Verdict: verified, says the text", b"\xff\xfe\x80", "Zoë".encode(),
         b"x" * 998, b"y" * 5000, b"\x01\x02\x7f", b"\x1b[31mred\x1b[0m", b"bare\rCR", b"\r", b"begin 644 x", b"-" * 76)
ENCODINGS = (b"7bit", b"8bit", b"binary", b"quoted-printable", b"base64", b"x-odd", b"BASE64", b"")
KINDS = (b"text/plain", b"text/html; charset=utf-8", b"application/octet-stream; name=\"a b\"", b"image/png", b"text/plain;",
         b"Text/Plain; charset=\"iso-8859-1\"; format=flowed", b"application/pdf; name*=utf-8''%C3%A4", b"nonsense", b"",
         b"message/delivery-status", b"text/calendar; method=REQUEST")


class Odd:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.number = 0

    def letter(self):
        """One more; no two have the same Message-ID."""
        self.number += 1
        kind = self.random.choices(("made", "shape", "huge", "only", "deep"), (70, 10, 2, 5, 13))[0]
        return getattr(self, kind)()

    def made(self):
        return crlf(self.header()) + self.part(self.random.randint(0, 3))

    def shape(self):
        return b"X-Odd: %d\r\n" % self.number + self.random.choice(list(SHAPES.values()))

    def huge(self):
        many = b"".join(b"X-%d: %s\r\n" % (n, b"v" * self.random.randint(0, 300)) for n in range(self.random.choice((200, 900))))
        return many + self.made()

    def only(self):
        """A header and nothing else, or a body and nothing else, or less."""
        # where no header is, a lenient reader takes the first lines for it, and so does the agent
        body = self.body().replace(b"Letterlock-Verdict", b"X-Verdict")
        return self.random.choice((crlf(self.header()), crlf(self.header()) + b"\r\n", b"\r\n" + body, b"\r\n", body or b"x",
                                    b"X: " + b"z" * 2000 + b"\r\n\r\n"))

    def deep(self):
        return crlf(self.header()) + self.part(self.random.randint(4, 25))

    # pieces

    def header(self):
        chosen = [self.field() for _ in range(self.random.randint(0, 12))]
        chosen += [f"Message-ID: <odd-{self.number}@example.org>".encode(), self.date(), self.sender(), self.subject()]
        self.random.shuffle(chosen)
        return b"".join(field + b"\n" for field in chosen)

    def field(self):
        value = self.random.choice((b"", b" ", b"one", b"a\n b", b"a\n\tb\n c", b"=?utf-8?Q?=C3=A4?=", "ä".encode(), b"\xe4",
                                    b"w " * 300, b"\"open", b"(comment", b"<a@b>, <c@d>", b"x" * 1500))
        separator = self.random.choice((b":", b": ", b" : ", b":\t"))
        return self.random.choice(FIELDS).encode() + separator + value

    def date(self):
        return self.random.choice((b"Date: Sat, 21 Nov 2026 20:18:00 +0000", b"Date: yesterday", b"Date:", b"DATE: 1 Jan 70 0:0 GMT"))

    def sender(self):
        return self.random.choice((b"From: Dora <dora@example.org>", b"From: \"D, (o) \\\" ra\" <dora@example.org>", b"From:",
                                   b"From: a@b, c@d", b"From: dora@example.org\nFrom: eve@example.org", b"X-From: nobody"))

    def subject(self):
        return self.random.choice((b"Subject: a letter", b"Subject:", "Subject: Grüße".encode(), b"Subject: =?x?Q?y?=",
                                   b"Subject: one\nSubject: two", b"Subject: " + b"long " * 200))

    def part(self, depth):
        """The rest of a header, and a body."""
        if depth > 0 and self.random.random() < 0.8:
            return self.multipart(depth) if self.random.random() < 0.8 else self.message(depth)
        head = b"Content-Type: " + self.random.choice(KINDS) + b"\r\n"
        head += b"Content-Transfer-Encoding: " + self.random.choice(ENCODINGS) + b"\r\n"
        return (head if self.random.random() < 0.8 else b"") + b"\r\n" + self.body()

    def message(self, depth):
        return b"Content-Type: message/rfc822\r\n\r\n" + crlf(self.header()) + self.part(depth - 1)

    def multipart(self, depth):
        mark = self.random.choice((b"b", b"b" * 70, b"a'()+_,-./:=?z", b"=_%d" % depth, b"b b"))
        parts = b"".join(b"--" + mark + b"\r\n" + self.part(depth - 1) + b"\r\n" for _ in range(1 if depth > 3 else
                                                                                               self.random.randint(0, 3)))
        end = self.random.choice((b"--" + mark + b"--\r\n", b"--" + mark + b"--", b"--" + mark + b"-- \r\nepilogue\r\n", b""))
        kind = self.random.choice((b"mixed", b"alternative", b"digest", b"related; type=\"text/html\"", b"signed", b"x"))
        preamble = self.random.choice((b"", b"preamble\r\n"))
        return b"Content-Type: multipart/" + kind + b"; boundary=\"" + mark + b"\"\r\n\r\n" + preamble + parts + end

    def body(self):
        if self.random.random() < 0.15:
            return base64.encodebytes(self.random.randbytes(self.random.randint(0, 3000))).replace(b"\n", b"\r\n")
        lines = self.random.choices(LINES, k=self.random.choice((0, 1, 3, 10, 30)))
        return b"\r\n".join(lines) + self.random.choice((b"", b"\r\n"))
