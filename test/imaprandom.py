"""Random work on mailboxes by two mail programs, the same on two servers: one of them is the judge of the other.

Each server is a Side.  Whatever is asked of one is asked of the other, and the answers must be the same; after each
round, so must be everything that lies there.  Letters are such as the agent does not open.  What is random comes
from one seed.
"""

import random
import re
import time
from dataclasses import dataclass, field

from imapclient import Answer, Client, Gone, Op

BOXES = ("Work", "Work{}Deep", '"two words"', "&Zeg-", "Spare")  # names as commands spell them
FLAGS = (rb"\Seen", rb"\Flagged", rb"\Answered", rb"\Deleted", rb"\Draft", b"$Work", b"later")
DATES = tuple(f"{day:2}-Nov-2026 10:{day}:00 +0000" for day in range(10, 28))
HOWS = ("FLAGS", "FLAGS.SILENT", "+FLAGS", "+FLAGS.SILENT", "-FLAGS", "-FLAGS.SILENT")
MOST_LETTERS = 40  # a mailbox with more is thinned out
ITEMS = (
    ("FLAGS", "FLAGS"), ("UID", "UID"), ("INTERNALDATE", "INTERNALDATE"), ("RFC822.SIZE", "RFC822.SIZE"),
    ("ENVELOPE", "ENVELOPE"), ("BODY", "BODY"), ("BODYSTRUCTURE", "BODYSTRUCTURE"), ("BODY.PEEK[]", "BODY[]"),
    ("BODY[]", "BODY[]"), ("BODY.PEEK[HEADER]", "BODY[HEADER]"), ("BODY.PEEK[TEXT]", "BODY[TEXT]"),
    ("BODY[1]", "BODY[1]"), ("BODY.PEEK[]<10.300>", "BODY[]<10>"), ("RFC822.HEADER", "RFC822.HEADER"),
    ("BODY.PEEK[HEADER.FIELDS (SUBJECT DATE)]", "BODY[HEADER.FIELDS (SUBJECT DATE)]"))
KEYS = ("ALL", "SEEN", "UNSEEN", "FLAGGED", "NOT ANSWERED", "OR DRAFT DELETED", "KEYWORD $Work", "UNKEYWORD later",
        "SINCE 15-Nov-2026", "BEFORE 20-Nov-2026", "ON 12-Nov-2026", "SUBJECT letter", "FROM example.org",
        "NOT SUBJECT sealed", "LARGER 600", "SMALLER 900", "UID 1:20", "1:3", "SEEN SUBJECT sealed")
# how often: the numbers only stand in relation to each other
OFTEN = {"fetch": 30, "store": 20, "search": 8, "append": 6, "deliver": 8, "copy": 5, "move": 4, "expunge": 3,
        "uid_expunge": 3, "status": 4, "noop": 4, "check": 1, "select": 5, "leave": 2, "create": 2, "delete": 1,
        "rename": 1, "subscribe": 1, "list": 2, "idle": 1, "drop": 1, "nonsense": 2}
MAY_RENUMBER = ("EXPUNGE", "MOVE", "SELECT", "EXAMINE", "CLOSE", "UNSELECT", "LOGOUT")


@dataclass
class Side:
    """One server.  `connect()`: a socket and how to log in; `straight`: the same of one that delivers letters."""

    name: str
    connect: object
    straight: object
    pipelined: bool = True  # Dovecot itself answers what was pipelined in any order
    contents: dict = field(default_factory=dict)
    clients: list = field(default_factory=list)
    post: object = None  # who delivers letters

    def open(self, connect, contents):
        for _ in range(5):
            sock, login = connect()
            client = Client(sock, contents)
            answer, = client.run(Op("LOGIN", login))
            if answer.status == b"OK":
                return client
            sock.close()
            # a machine with much to do is no reason to give up
            assert answer.code == (b"UNAVAILABLE",), (self.name, answer)
            time.sleep(1)
        raise AssertionError(f"{self.name}: {answer}")

    def begin(self):
        self.post = self.open(self.straight, {})
        self.clients = [self.open(self.connect, self.contents) for _ in range(2)]

    def end(self):
        for client in [*self.clients, self.post]:
            client.sock.close()


def short(value):
    return re.sub(r"(b'[^']{60})[^']*'", r"\1...'", repr(value))[:3000]


def quoted(box):
    return box.encode()


def append(box, letter, flags, date):
    head = b"APPEND %s (%s) \"%s\"" % (quoted(box), b" ".join(flags), date.encode())
    return Op("APPEND", head + b" {%d+}\r\n%s" % (len(letter), letter))


def spelled(numbers):
    return ",".join(map(str, numbers)).encode()


class Work:
    """`sides`: the first is judged by the second.  `letters`: clear ones, which are delivered; `sealed`: what mail
    programs append too; `unlike`: items that the judge tells otherwise than we do, FLAGS where nobody asks."""

    def __init__(self, sides, seed, letters, sealed, delimiter=".", unlike=frozenset()):
        self.sides, self.judge = sides, sides[-1]
        self.letters, self.sealed = letters, sealed
        self.random = random.Random(seed)
        self.boxes = {"INBOX"}
        self.delimiter = delimiter
        self.unlike = unlike
        self.names = [box.format(delimiter) for box in BOXES]
        self.selected = [None, None]
        self.done = 0
        self.queue = []
        self.trail = []  # the last commands, for whoever wants to know what went wrong

    # to both at once

    def both(self, who, ops):
        """Ask both, compare, and yield the judge's answers."""
        for side in self.sides:
            if side.pipelined:
                side.clients[who].post(ops)
        answers = [self.collect(side, side.clients[who], ops) for side in reversed(self.sides)][::-1]
        for op, *given in zip(ops, *answers):
            self.compare(op, given)
        self.done += len(ops)
        return answers[-1]

    @staticmethod
    def collect(side, client, ops):
        return client.collect() if side.pipelined else [client.run(op)[0] for op in ops]

    def compare(self, op, given):
        ours, judged = [(a.status, self.code(a.code), a.fetched if op.items or op.store else None, a.found,
                         sorted(a.lines)) for a in given]
        if op.items:
            wanted = (op.items | {b"FLAGS"}) - self.unlike | op.items & {b"FLAGS"}
            ours, judged = [(*x[:2], {n: {i: v for i, v in told.items() if i in wanted} for n, told in x[2].items()},
                             *x[3:]) for x in (ours, judged)]
        assert ours == judged, f"{op}: {self.sides[0].name} says\n{short(ours)}\n{self.judge.name}\n{short(judged)}"

    @staticmethod
    def code(code):
        """UIDs must be the same, UIDVALIDITY cannot."""
        name = code[0] if code else b""
        if name in (b"APPENDUID", b"COPYUID"):
            return (name, *code[1].split()[1:])
        return name if name in (b"TRYCREATE", b"READ-ONLY", b"READ-WRITE", b"NONEXISTENT", b"ALREADYEXISTS") else ()

    def deliver(self, box):
        op = append(box, self.random.choice(self.letters + self.sealed), self.some_flags(), self.random.choice(DATES))
        self.trail.append(("post", op))
        for side in self.sides:
            side.post.post([op])
        given = [side.post.collect()[0] for side in self.sides]
        assert all(answer.status == b"OK" for answer in given), (op, given)
        self.done += 1

    # a round

    def round(self, count):
        """So many commands by one, then by the other; then everything must be the same."""
        try:
            for who in (0, 1):
                self.settle(who)
                until = self.done + count // 2
                while self.done + len(self.queue) < until:
                    self.step(who)
                self.flush(who)
            self.check_state()
        except (AssertionError, Gone) as wrong:
            tail = "\n".join(f"  {who}: {op}" for who, op in self.trail[-30:])
            raise AssertionError(f"after {self.done} commands: {wrong}\nlast were\n{tail}") from wrong

    def settle(self, who):
        """Both servers tell all they know, so that the numbers are the same from here on."""
        self.put(who, Op("NOOP", b"NOOP"))
        self.flush(who)
        if self.selected[who] is None:
            return
        self.check_told(who)
        self.thin_out(who)

    def check_told(self, who):
        """What the programs were told of flags since they first asked is so."""
        told = [list(side.clients[who].view.flags) for side in self.sides]
        self.ask_all(who)
        for side, flags in zip(self.sides, told):
            now = side.clients[who].view.flags
            wrong = {n: (was, is_) for n, (was, is_) in enumerate(zip(flags, now), 1) if was not in (None, is_)}
            assert not wrong, f"{side.name} did not tell client {who} of flags: {wrong}"

    def ask_all(self, who):
        if count := len(self.view(who).uids):
            self.put(who, self.fetch_op(range(1, count + 1), False, [ITEMS[1], ITEMS[0]]))
        self.flush(who)

    def thin_out(self, who):
        view = self.view(who)
        if view is None or len(view.uids) <= MOST_LETTERS or self.judge.clients[who].read_only:
            return
        gone = self.random.sample(range(1, len(view.uids) + 1), len(view.uids) // 2)
        self.put(who, self.store_op(gone, False, "+FLAGS.SILENT", [rb"\Deleted"]))
        self.put(who, Op("EXPUNGE", b"EXPUNGE"))
        self.flush(who)

    def view(self, who):
        return self.judge.clients[who].view if self.selected[who] is not None else None

    def put(self, who, op):
        self.trail.append((who, op))
        self.queue.append(op)

    def flush(self, who):
        ops, self.queue = self.queue, []
        return self.both(who, ops) if ops else []

    def step(self, who):
        kind = self.random.choices(list(OFTEN), OFTEN.values())[0]
        getattr(self, "do_" + kind)(who)
        if self.queue and self.queue[-1].name in MAY_RENUMBER:
            self.flush(who)

    # what is asked

    def some_flags(self):
        return self.random.sample(FLAGS, self.random.choice((0, 1, 1, 2, 3)))

    def some_numbers(self, who, most):
        """(numbers, by UID)"""
        view = self.view(who)
        by_uid = self.random.random() < 0.5
        if by_uid:
            top = max([uid for uid in view.uids if uid] or [1])
            return sorted(self.random.sample(range(1, top + 4), self.random.randint(1, min(most, top)))), True
        count = len(view.uids)
        return sorted(self.random.sample(range(1, count + 1), self.random.randint(1, min(most, count)))), False

    def fetch_op(self, numbers, by_uid, items):
        text = (b"UID " if by_uid else b"") + b"FETCH " + spelled(numbers)
        text += b" (" + " ".join(asked for asked, _ in items).encode() + b")"
        return Op("FETCH", text, by_uid, frozenset(told.encode() for _, told in items), tuple(numbers))

    def store_op(self, numbers, by_uid, how, flags):
        text = (b"UID " if by_uid else b"") + b"STORE " + spelled(numbers)
        text += b" %s (%s)" % (how.encode(), b" ".join(flags))
        return Op("STORE", text, by_uid, letters=tuple(numbers), store=(how, flags))

    def needs_letters(self, who):
        """A mailbox with letters is selected."""
        if self.selected[who] is None:
            self.do_select(who)
            self.flush(who)
        if not self.view(who).uids:
            self.deliver(self.selected[who])
            self.put(who, Op("NOOP", b"NOOP"))
            self.flush(who)

    def do_fetch(self, who):
        self.needs_letters(who)
        items = self.random.sample(ITEMS, self.random.randint(1, 5))
        # what is told of \Seen when the same FETCH asks for FLAGS is each server's choice
        if ITEMS[0] in items:
            items = [item for item in items if not item[0].startswith("BODY[")]
        self.put(who, self.fetch_op(*self.some_numbers(who, 12), items))

    def do_store(self, who):
        self.needs_letters(who)
        self.put(who, self.store_op(*self.some_numbers(who, 10), self.random.choice(HOWS), self.some_flags()))

    def do_search(self, who):
        self.needs_letters(who)
        by_uid = self.random.random() < 0.5
        keys = " ".join(self.random.sample(KEYS, self.random.choice((1, 1, 2))))
        if len(self.view(who).uids) < 3:
            keys = keys.replace("1:3", "1")
        self.put(who, Op("SEARCH", (b"UID " if by_uid else b"") + b"SEARCH " + keys.encode(), by_uid))

    def do_append(self, who):
        box = self.random.choice([*sorted(self.boxes), "Absent"])
        self.put(who, append(box, self.random.choice(self.sealed), self.some_flags(), self.random.choice(DATES)))

    def do_copy(self, who, verb="COPY"):
        self.needs_letters(who)
        if verb == "MOVE" and self.judge.clients[who].read_only:
            return
        numbers, by_uid = self.some_numbers(who, 4)
        boxes = sorted(self.boxes - ({self.selected[who]} if verb == "MOVE" else set()))
        box = self.random.choice([*boxes, "Absent"])
        self.put(who, Op(verb, (b"UID " if by_uid else b"") + b"%s %s %s" % (verb.encode(), spelled(numbers), quoted(box)),
                         by_uid))

    def do_move(self, who):
        self.do_copy(who, "MOVE")

    def do_expunge(self, who):
        self.needs_letters(who)
        if not self.judge.clients[who].read_only:
            self.put(who, Op("EXPUNGE", b"EXPUNGE"))

    def do_uid_expunge(self, who):
        self.needs_letters(who)
        if not self.judge.clients[who].read_only:
            top = max([uid for uid in self.view(who).uids if uid] or [1])
            uids = self.random.sample(range(1, top + 2), min(top, 6))
            self.put(who, Op("EXPUNGE", b"UID EXPUNGE " + spelled(sorted(uids)), True))

    def do_status(self, who):
        box = self.random.choice([*sorted(self.boxes), "Absent"])
        self.put(who, Op("STATUS", b"STATUS %s (MESSAGES UIDNEXT UNSEEN)" % quoted(box), lines=True))

    def do_noop(self, who):
        self.put(who, Op("NOOP", b"NOOP"))

    def do_check(self, who):
        self.put(who, Op("CHECK", b"CHECK"))

    def do_select(self, who):
        box = self.random.choice(sorted(self.boxes))
        verb = "EXAMINE" if self.random.random() < 0.15 else "SELECT"
        self.put(who, Op(verb, verb.encode() + b" " + quoted(box)))
        self.selected[who] = box
        self.flush(who)
        self.ask_all(who)

    def do_leave(self, who):
        if self.selected[who] is not None:
            verb = self.random.choice(("CLOSE", "UNSELECT"))
            self.put(who, Op(verb, verb.encode()))
            self.selected[who] = None

    def do_create(self, who):
        box = self.random.choice(self.names)
        self.put(who, Op("CREATE", b"CREATE " + quoted(box)))
        self.boxes.add(box)

    def unused(self):
        """Mailboxes that nobody has selected, and below which there is none."""
        return sorted(box for box in self.boxes - {"INBOX", *self.selected}
                      if not any(other.startswith(box + self.delimiter) for other in self.boxes))

    def do_delete(self, who):
        if boxes := self.unused():
            box = self.random.choice(boxes)
            self.put(who, Op("DELETE", b"DELETE " + quoted(box)))
            self.boxes.discard(box)

    def do_rename(self, who):
        pairs = [(old, new) for old in self.unused() for new in sorted(set(self.names) - self.boxes)
                 if not new.startswith(old + self.delimiter)]
        if pairs:
            old, new = self.random.choice(pairs)
            self.put(who, Op("RENAME", b"RENAME %s %s" % (quoted(old), quoted(new))))
            self.boxes.discard(old)
            self.boxes.add(new)

    def do_subscribe(self, who):
        verb = self.random.choice((b"SUBSCRIBE ", b"UNSUBSCRIBE "))
        self.put(who, Op("SUBSCRIBE", verb + quoted(self.random.choice(sorted(self.boxes)))))

    def do_list(self, who):
        verb = self.random.choice((b'LIST "" *', b'LSUB "" *', b'LIST "" %', b'LIST "" Work*'))
        self.put(who, Op("LIST", verb, lines=True))

    def do_nonsense(self, who):
        self.put(who, Op("NONSENSE", self.random.choice((
            b"FETCH", b"STORE 1", b"FROBNICATE", b"COPY 1", b"SEARCH FROB", b"UID NOOP", b"APPEND"))))

    def do_deliver(self, who):
        self.flush(who)
        self.deliver(self.random.choice(sorted(self.boxes)))
        self.put(who, Op("NOOP", b"NOOP"))

    # IDLE: what comes meanwhile is told

    def do_idle(self, who):
        self.needs_letters(who)
        self.flush(who)
        self.settle(who)
        op = Op("IDLE", b"IDLE")
        self.trail.append((who, op))
        tags = {}
        for side in self.sides:
            client = side.clients[who]
            client.post([op])
            (tags[side.name], _), = client.take_waiting()
            line = client.line()
            assert line.startswith(b"+ "), line
        count = len(self.view(who).uids)
        self.deliver(self.selected[who])
        for side in self.sides:
            client = side.clients[who]
            client.begin(op)
            while len(client.view.uids) <= count:
                client.hear(client.line(), op, Answer(b"", (), b""))
            client.send(b"DONE\r\n")
            answer = client.answer(tags[side.name], op)
            assert answer.status == b"OK", answer
        self.done += 1

    # connections that end

    def do_drop(self, who):
        """In the middle of something that changes nothing, or that can be done again."""
        self.needs_letters(who)
        self.flush(who)
        how = self.random.choice(("after", "fetch", "literal", "idle", "store", "logout"))
        self.trail.append((who, how))
        numbers = range(1, len(self.view(who).uids) + 1)
        uids = [uid for uid in self.view(who).uids if uid] or [1]
        store = self.store_op(uids, True, self.random.choice(("FLAGS", "+FLAGS", "-FLAGS")), self.some_flags())
        for side in self.sides:
            client = side.clients[who]
            if how == "fetch":
                client.post([self.fetch_op(numbers, False, [ITEMS[7], ITEMS[6]])] * 3)
            elif how == "literal":
                client.send(b"x APPEND INBOX {500+}\r\n" + b"From: nobody\r\n")
            elif how == "idle":
                client.send(b"x IDLE\r\n")
            elif how == "store":
                client.post([store])
            elif how == "logout":
                client.run(Op("LOGOUT", b"LOGOUT"))
            client.drop()
            side.clients[who] = side.open(side.connect, side.contents)
        again, writable = self.selected[who], not self.judge.clients[who].read_only
        self.selected[who] = None
        self.select_again(who, again)
        if how == "store" and writable:
            self.put(who, store)
        self.done += 1

    def select_again(self, who, box):
        self.put(who, Op("SELECT", b"SELECT " + quoted(box)))
        self.selected[who] = box
        self.flush(who)
        self.ask_all(who)

    # what lies there

    def check_state(self):
        for who in (0, 1, 0):
            self.settle(who)
        ours, judged = [self.state(side) for side in self.sides]
        for box in sorted(self.boxes):
            assert ours[box] == judged[box], f"{box}: {short(differences(ours[box], judged[box]))}"

    def state(self, side):
        """Everything, through a session of its own: {mailbox: {UID: items}}"""
        client = side.open(side.connect, side.contents)
        state = {}
        for box in sorted(self.boxes):
            selected, = client.run(Op("EXAMINE", b"EXAMINE " + quoted(box)))
            assert selected.status == b"OK", (side.name, box, selected)
            op = self.fetch_op([], True, [ITEMS[i] for i in (0, 2, 3, 7)])
            fetched = client.run(Op("FETCH", op.text.replace(b"FETCH ", b"FETCH 1:*", 1), True, op.items))[0].fetched
            state[box] = {items.pop(b"UID"): items for items in fetched.values()}
        client.run(Op("LOGOUT", b"LOGOUT"))
        client.sock.close()
        return state


def differences(ours, judged):
    return {uid: (ours.get(uid), judged.get(uid)) for uid in {*ours, *judged} if ours.get(uid) != judged.get(uid)}
