"""A mail program that believes every answer, and knows which answers are none: RFC 3501 sections 5.5 and 7.

It sends commands without waiting for answers, keeps sequence numbers, UIDs and flags as it is told them, and
fails as soon as a server breaks a rule that such a program has to rely on.
"""

import hashlib
import re
import socket
from dataclasses import dataclass, field

from imapwire import Reader, Wire

RESPONSE = re.compile(rb"\* (\d+) (EXISTS|RECENT|EXPUNGE|FETCH)(?: |\r\n)")
WORD = re.compile(rb"\* ([A-Za-z]+)(?: |\r\n)")
CODE = re.compile(rb"\[([A-Z-]+)(?: ([^\]]*))?\]")
# RFC 3501 section 7.4.1: "nor while responding to a FETCH, STORE, or SEARCH command"
KEEP_NUMBERS = ("FETCH", "STORE", "SEARCH")
DATED = re.compile(rb"..-Nov-2026 10:..:00 ")  # imaprandom.DATES
# RFC 3501 section 2.3.1.1: these never change while mailbox, UIDVALIDITY and UID are the same
CHANGING = (b"FLAGS", b"MODSEQ", b"UID")


class Gone(Exception):
    """The server has ended the connection."""


@dataclass
class Op:
    """One command, the same for every server that is asked."""

    name: str
    text: bytes
    by_uid: bool = False
    items: frozenset = frozenset()  # what a FETCH asks for, as it is answered
    letters: tuple = ()  # the numbers, or UIDs, that a FETCH or STORE is about
    store: tuple = ()  # how, and the flags, of a STORE
    lines: bool = False  # what it is told untagged is part of its answer

    def __repr__(self):
        return repr(self.text[:200])


@dataclass
class Answer:
    status: bytes
    code: tuple
    text: bytes
    fetched: dict = field(default_factory=dict)
    found: object = None
    lines: list = field(default_factory=list)


@dataclass
class View:
    """The selected mailbox, as far as it was told."""

    box: str
    validity: int = 0
    uids: list = field(default_factory=list)
    flags: list = field(default_factory=list)

    def grow(self, count):
        assert count >= len(self.uids), f"EXISTS {count} with {len(self.uids)} letters"
        more = [None] * (count - len(self.uids))
        self.uids += more
        self.flags += more

    def remove(self, number):
        assert 1 <= number <= len(self.uids), f"EXPUNGE {number} of {len(self.uids)}"
        del self.uids[number - 1], self.flags[number - 1]

    def name(self, number, uid):
        """The letter `number` has this UID."""
        assert uid > 0 and self.uids[number - 1] in (None, uid), (number, uid, self.uids[number - 1])
        self.uids[number - 1] = uid
        below = next((u for u in reversed(self.uids[:number - 1]) if u is not None), 0)
        above = next((u for u in self.uids[number:] if u is not None), 1 << 32)
        assert below < uid < above, f"UID {uid} between {below} and {above}"


def normal_flags(flags):
    """Without what each server, and each session, has of its own."""
    names = {flag.lower() for flag in flags}
    return frozenset(flag for flag in names if flag != rb"\recent" and not flag.startswith(b"$letterlock-"))


def lower(value):
    if isinstance(value, list):
        return [lower(item) for item in value]
    return value.lower() if value is not None else None


def normal(item, value):
    if item == b"FLAGS":
        return normal_flags(value)
    # where it is no letter's own it is the moment of some command
    if item == b"INTERNALDATE":
        return value if DATED.match(value) else b"now"
    return lower(value) if item in (b"BODY", b"BODYSTRUCTURE") else value


class Client(Wire):
    """One connection.  `contents` is shared by all connections to one account: {(mailbox, UIDVALIDITY, UID, item): digest}"""

    def __init__(self, sock, contents):
        super().__init__(sock)
        self.contents = contents
        self.view = None
        self.read_only = False
        self.qresync = False
        self.waiting = []

    # commands

    def post(self, ops):
        octets = b""
        for op in ops:
            self.number += 1
            octets += b"t%d %s\r\n" % (self.number, op.text)
            self.waiting.append((b"t%d " % self.number, op))
        self.send(octets)

    def collect(self):
        return [self.answer(tag, op) for tag, op in self.take_waiting()]

    def take_waiting(self):
        waiting, self.waiting = self.waiting, []
        return waiting

    def run(self, *ops):
        self.post(ops)
        return self.collect()

    def answer(self, tag, op):
        self.begin(op)
        answer = Answer(b"", (), b"")
        while True:
            line = self.line()
            if not line:
                raise Gone("closed")
            if line.startswith(tag):
                return self.end(op, answer, line[len(tag):].strip())
            assert line.startswith(b"* "), f"{line[:200]} instead of the end of {op}"
            try:
                self.hear(line, op, answer)
            except AssertionError as wrong:
                raise AssertionError(f"{wrong}: {line[:300]} in answer to {op}") from wrong

    def begin(self, op):
        if op.name in ("SELECT", "EXAMINE"):
            self.view = View(op.text.partition(b" ")[2].decode())
        self.targets = self.numbers(op) if op.letters else []

    def numbers(self, op):
        """The sequence numbers that the letters of `op` have when it begins."""
        if not op.by_uid:
            return list(op.letters)
        return [n for n, uid in enumerate(self.view.uids, 1) if uid in op.letters]

    def end(self, op, answer, text):
        answer.status, _, answer.text = text.partition(b" ")
        answer.code = code_of(text)
        if op.name in ("SELECT", "EXAMINE"):
            self.read_only = answer.code[:1] == (b"READ-ONLY",)
            if answer.status != b"OK":
                self.view = None
            else:
                assert self.view.validity != 0, "no UIDVALIDITY"
        elif op.name in ("CLOSE", "UNSELECT") and answer.status == b"OK":
            self.view = None
        elif op.name == "STORE" and answer.status == b"OK":
            self.note_store(op)
        elif op.name == "FETCH" and answer.status == b"OK" and not op.by_uid:
            for number in self.targets:
                told = answer.fetched.get(number, {})
                assert op.items <= set(told), f"{op} lacks {op.items - set(told)} of {number}"
        return answer

    def note_store(self, op):
        """RFC 3501 section 6.4.6: the server need not tell what ".SILENT" did."""
        how, flags = op.store
        if self.read_only:
            return
        if not how.endswith(".SILENT"):
            return
        flags = normal_flags(flags)
        for number in self.targets:
            known = self.view.flags[number - 1]
            if how[0] == "F":
                self.view.flags[number - 1] = flags
            elif known is not None:
                self.view.flags[number - 1] = known | flags if how[0] == "+" else known - flags

    # what is said untagged

    def hear(self, line, op, answer):
        match = RESPONSE.match(line)
        if match is None:
            return self.hear_word(line, op, answer)
        number, word = int(match.group(1)), match.group(2)
        if self.view is None:
            raise AssertionError("no mailbox is selected")
        if word == b"EXISTS":
            self.view.grow(number)
        elif word == b"EXPUNGE":
            assert op.by_uid or op.name not in KEEP_NUMBERS, "EXPUNGE"
            assert not self.qresync, "EXPUNGE after ENABLE QRESYNC"
            self.view.remove(number)
            self.targets = [t - (t > number) for t in self.targets if t != number]
            answer.fetched = {n - (n > number): items for n, items in answer.fetched.items() if n != number}
        elif word == b"FETCH":
            self.hear_fetch(number, Reader(line[match.end():]).value(), answer)
        return None

    def hear_fetch(self, number, values, answer):
        assert 1 <= number <= len(self.view.uids), f"FETCH {number} of {len(self.view.uids)}"
        items = dict(zip(map(bytes.upper, values[::2]), values[1::2]))
        if b"UID" in items:
            self.view.name(number, int(items[b"UID"]))
        if b"FLAGS" in items:
            self.view.flags[number - 1] = normal_flags(items[b"FLAGS"])
        if b"BODY[]" in items and b"RFC822.SIZE" in items:
            assert len(items[b"BODY[]"]) == int(items[b"RFC822.SIZE"]), "RFC822.SIZE"
        self.check_contents(self.view.uids[number - 1], items)
        answer.fetched.setdefault(number, {}).update({item: normal(item, v) for item, v in items.items()})

    def check_contents(self, uid, items):
        if uid is None:
            return
        for item, value in items.items():
            if item in CHANGING:
                continue
            digest = hashlib.sha256(repr(value).encode()).digest()
            before = self.contents.setdefault((self.view.box, self.view.validity, uid, item), digest)
            assert before == digest, f"{item} of UID {uid} has changed"

    def hear_word(self, line, op, answer):
        word = WORD.match(line).group(1).upper()
        if word == b"BYE" and op.name != "LOGOUT":
            raise Gone(line)
        if word in (b"OK", b"NO", b"BAD"):
            self.hear_code(code_of(line[2:]))
        elif word == b"SEARCH":
            assert op.name == "SEARCH" and answer.found is None, "SEARCH"
            answer.found = sorted(map(int, line.split()[2:]))
        elif word == b"VANISHED":
            assert self.qresync, "VANISHED"
            self.vanish(line)
        elif op.lines and word in (b"LIST", b"LSUB", b"STATUS"):
            words = re.findall(rb"[^ ()\r\n]+", line)
            # \Marked is a guess, whenever a server likes to make it
            answer.lines.append(tuple(sorted(w for w in words if w not in (rb"\Marked", rb"\UnMarked"))))

    def hear_code(self, code):
        if self.view is not None and code[:1] == (b"UIDVALIDITY",):
            self.view.validity = int(code[1])

    def vanish(self, line):
        if b"(EARLIER)" in line:
            return
        gone = set(spelled_out(line.split()[-1].decode()))
        for number in range(len(self.view.uids), 0, -1):
            if self.view.uids[number - 1] in gone:
                self.view.remove(number)

    # ways to end

    def drop(self):
        """Gone without a word; returns once the server has done all it was told before."""
        self.file.close()
        try:
            self.sock.shutdown(socket.SHUT_WR)
            while self.sock.recv(65536):
                pass
        except OSError:
            pass
        self.sock.close()


def code_of(text):
    """("COPYUID", "1 2 3") of "OK [COPYUID 1 2 3] text"."""
    match = CODE.match(text.partition(b" ")[2])
    return tuple(group for group in match.groups() if group is not None) if match else ()


def spelled_out(text):
    for part in text.split(","):
        first, _, last = part.partition(":")
        yield from range(int(first), int(last or first) + 1)
