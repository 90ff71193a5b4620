"""The IMAP front beside the mail server it stands before: what it passes on, shows and refuses.

Dovecot is the judge: letters that the agent did not open must look the same through the agent as
straight, item by item and byte by byte.
"""

import base64
import imaplib
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from agentworld import Agent
from imapwire import Middle, agent_wire, straight_wire
from people import found_in, letter, parse
from shapes import SHAPES

ALICE, BOB = "alice@alpha.test", "bob@beta.test"
CAROL, MALLORY = "carol@alpha.test", "mallory@alpha.test"
BOX = "Shapes"


@pytest.fixture(scope="module")
def carol(agents):
    return agents[CAROL]


@contextmanager
def straight(world, address=CAROL):
    """A session with the mail server itself."""
    domain = world.domain_of(address)
    with imaplib.IMAP4_SSL(domain["address"], domain["ports"]["imaps"], timeout=30,
                           ssl_context=world.tls) as imap:
        imap.login(address, world.password(address))
        yield imap


def ok(answer):
    status, data = answer
    assert status == "OK", data
    return data


def fresh_box(imap, name):
    imap.delete(name)
    ok(imap.create(name))


@pytest.fixture(scope="module")
def box(world):
    """Letters of many shapes, put straight into the mail server."""
    with straight(world) as imap:
        fresh_box(imap, BOX)
        for letter in SHAPES.values():
            ok(imap.append(BOX, None, None, letter))
    return BOX


def lower(value):
    """Dovecot keeps the writer's case of types and parameter names; it means nothing."""
    if isinstance(value, list):
        return [lower(item) for item in value]
    return value.lower() if value is not None else None


@pytest.fixture(scope="module")
def both(world, carol, box):
    """Wires to both, with the letters selected for reading."""
    with straight_wire(world, CAROL) as judge, agent_wire(carol) as ours:
        for wire in (judge, ours):
            wire.ok(f"EXAMINE {box}")
        yield judge, ours


def numbered(name):
    return list(SHAPES).index(name) + 1


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("item", ["ENVELOPE", "RFC822.SIZE", "INTERNALDATE", "UID"])
def test_a_letter_that_was_not_opened_has_the_items_the_server_gives(both, name, item):
    judge, ours = both
    want = judge.fetch(f"FETCH {numbered(name)} ({item})")
    assert ours.fetch(f"FETCH {numbered(name)} ({item})") == want


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("item", ["BODY", "BODYSTRUCTURE"])
def test_a_letter_that_was_not_opened_has_the_servers_structure(both, name, item):
    judge, ours = both
    want = judge.fetch(f"FETCH {numbered(name)} ({item})")
    got = ours.fetch(f"FETCH {numbered(name)} ({item})")
    assert lower(got[numbered(name)][item.encode()]) == lower(want[numbered(name)][item.encode()])


SECTIONS = ["", "HEADER", "TEXT", "1", "1.MIME", "2", "2.MIME", "1.1", "1.2", "2.1", "2.HEADER",
            "2.TEXT", "2.1.1", "2.1.MIME", "1.1.MIME", "1.HEADER", "1.TEXT", "3", "3.1", "9",
            "HEADER.FIELDS (FROM TO SUBJECT)", "HEADER.FIELDS.NOT (RECEIVED)",
            "HEADER.FIELDS (X-NOT-THERE)", "2.HEADER.FIELDS (SUBJECT)"]


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_holds_the_bytes_the_server_gives(both, name, section):
    judge, ours = both
    number = numbered(name)
    want = judge.fetch(f"FETCH {number} (BODY.PEEK[{section}])")
    assert ours.fetch(f"FETCH {number} (BODY.PEEK[{section}])") == want


PARTS = ["BODY.PEEK[]<0.10>", "BODY.PEEK[]<5.1000000>", "BODY.PEEK[]<100000.5>",
         "BODY.PEEK[TEXT]<1.3>", "RFC822.HEADER", "BODY.PEEK[HEADER.FIELDS (Subject)]<0.5>"]


@pytest.mark.parametrize("item", PARTS)
def test_a_part_of_the_bytes_is_the_part_the_server_gives(both, item):
    judge, ours = both
    assert ours.fetch(f"FETCH 1:* ({item})") == judge.fetch(f"FETCH 1:* ({item})")


@pytest.mark.parametrize("command", [
    "FETCH 1:* ALL", "FETCH 1:3,7 FAST", "FETCH 2 FULL", "UID FETCH 1:* FLAGS",
    "UID FETCH 2:* (UID INTERNALDATE)", "FETCH *:1 UID", "UID FETCH 999999 FLAGS",
    "FETCH 3 (UID RFC822.SIZE UID)"])
def test_every_way_to_ask_names_the_letters_the_server_names(both, command):
    judge, ours = both
    want, got = judge.fetch(command), ours.fetch(command)
    assert sorted(got) == sorted(want)  # in no order (RFC 3501 section 7.4.2 has none)
    for number, items in want.items():
        assert set(items) == set(got[number])


@pytest.mark.parametrize("command", [
    "FETCH 1", "FETCH 0 FLAGS", "FETCH 9999 FLAGS", "FETCH 1 NONSENSE", "FETCH 1 (FLAGS",
    "FETCH a FLAGS", "FETCH 1 BODY[1", "FETCH 1 BODY[]<5>", "FETCH 1 BODY[]<0.0>",
    "FETCH 1 BODY[HEADER.FIELDS ()]", "FETCH 1 BODY[MIME]", "FETCH 1 (FLAGS) x",
    "UID", "UID NOOP", "UID FETCH", "STORE 1 FLAGS", "SEARCH", "SEARCH NONSENSE", "SEARCH (",
    "COPY 1", "STATUS", "STATUS x (SIZE)", "SELECT", "LOGIN a b", "IDLE x", "ENABLE",
    "STARTTLS", "FETCH 1 (" + "FLAGS " * 65 + ")", "NONSENSE"])
def test_what_is_no_command_gets_bad_and_the_session_goes_on(both, command):
    _, ours = both
    untagged, end = ours.command(command)
    assert end.startswith(b"BAD "), end
    assert untagged == []
    ours.ok("NOOP")


# flags

LETTER = b"From: a@example.org\r\nTo: carol@alpha.test\r\nSubject: flags\r\n\r\ntext\r\n"


@pytest.fixture
def flagged(world, carol):
    """(straight, through the agent), both selected on a fresh mailbox with three letters."""
    with straight_wire(world, CAROL) as judge, agent_wire(carol) as ours:
        judge.command("DELETE Flags")
        judge.ok("CREATE Flags")
        for _ in range(3):
            judge.ok(b"APPEND Flags {%d+}\r\n%s" % (len(LETTER), LETTER))
        judge.ok("SELECT Flags")
        ours.ok("SELECT Flags")
        yield judge, ours


def flags_of(wire, number):
    return {flag.decode() for flag in wire.fetch(f"FETCH {number} FLAGS")[number][b"FLAGS"]}


UNSIGNED = {"$Letterlock-unsigned", "$Letterlock-reason-sig.none"}


def ours_only(flags):
    return {flag for flag in flags if flag.lower().startswith("$letterlock-")}


def test_the_verdict_of_a_letter_is_a_keyword(flagged):
    _, ours = flagged
    assert UNSIGNED <= flags_of(ours, 1)


def test_a_verdict_that_stands_on_the_server_is_not_believed(flagged):
    judge, ours = flagged
    judge.ok(r"STORE 1 +FLAGS ($Letterlock-verified $LETTERLOCK-danger \Flagged other)")
    flags = flags_of(ours, 1)
    assert "$Letterlock-verified" not in flags and "$LETTERLOCK-danger" not in flags
    assert {r"\Flagged", "other"} | UNSIGNED <= flags


def test_the_flags_of_a_mailbox_name_the_levels_and_hide_forged_ones(flagged):
    judge, ours = flagged
    judge.ok("STORE 1 +FLAGS ($Letterlock-forged $Letterlock-verified)")
    lines = ours.ok("SELECT Flags")
    flags = [line for line in lines if line.startswith(b"* FLAGS ")]
    permanent = [line for line in lines if b"PERMANENTFLAGS" in line]
    assert len(flags) == 1 and len(permanent) == 1
    for level in (b"verified", b"caution", b"unsigned", b"danger"):
        assert flags[0].count(b"$Letterlock-" + level) == 1
    assert b"forged" not in flags[0]
    assert b"letterlock" not in permanent[0].lower()


@pytest.mark.parametrize("command", [
    "STORE 1 +FLAGS $Letterlock-verified", "STORE 1 FLAGS (\\Seen $letterlock-x)",
    "UID STORE 1:* -FLAGS.SILENT ($LETTERLOCK-unsigned)"])
def test_nobody_else_sets_verdicts(flagged, command):
    judge, ours = flagged
    before = judge.fetch("FETCH 1:* FLAGS")
    untagged, end = ours.command(command)
    assert end.startswith(b"NO [CANNOT] ") and untagged == []
    assert judge.fetch("FETCH 1:* FLAGS") == before


def test_store_goes_to_the_server_and_its_answer_comes_back_with_the_verdict(flagged):
    judge, ours = flagged
    found = ours.fetch(r"STORE 2 +FLAGS (\Flagged hello)")
    assert {rb"\Flagged", b"hello", b"$Letterlock-unsigned"} <= set(found[2][b"FLAGS"])
    assert b"UID" not in found[2]
    found = ours.fetch("UID STORE 1:* +FLAGS world")
    assert set(found) == {1, 2, 3} and all(b"UID" in items for items in found.values())
    assert ours.ok("STORE 3 +FLAGS.SILENT (\\Answered)") == []
    assert r"\Answered" in flags_of(judge, 3)


def test_a_letter_that_is_read_is_seen_and_a_peek_leaves_it(flagged):
    judge, ours = flagged
    ours.fetch("FETCH 1 BODY.PEEK[]")
    ours.fetch("FETCH 1 (ENVELOPE RFC822.HEADER BODYSTRUCTURE)")
    assert r"\Seen" not in flags_of(judge, 1)
    found = ours.fetch("FETCH 1 BODY[]")
    assert rb"\Seen" in found[1][b"FLAGS"] and found[1][b"BODY[]"] == LETTER
    assert r"\Seen" in flags_of(judge, 1)
    assert b"FLAGS" not in ours.fetch("FETCH 1 BODY[]")[1]
    found = ours.fetch("UID FETCH 2:* RFC822.TEXT")
    assert all(rb"\Seen" in items[b"FLAGS"] and b"UID" in items for items in found.values())


def test_numbers_stay_right_while_others_add_and_remove_letters(flagged):
    judge, ours = flagged
    uids = [items[b"UID"] for items in ours.fetch("FETCH 1:* UID").values()]
    judge.ok(r"STORE 1 +FLAGS.SILENT \Deleted")
    judge.ok("EXPUNGE")
    judge.ok(b"APPEND Flags {%d+}\r\n%s" % (len(LETTER), LETTER))
    lines = ours.ok("NOOP")
    assert b"* 1 EXPUNGE\r\n" in lines and b"* 3 EXISTS\r\n" in lines
    now = ours.fetch("FETCH 1:* (UID FLAGS)")
    assert [items[b"UID"] for items in now.values()][:2] == uids[1:]
    assert len(now) == 3 and now == {
        number: {b"UID": items[b"UID"], b"FLAGS": now[number][b"FLAGS"]}
        for number, items in judge.fetch("FETCH 1:* (UID)").items()}


def test_flags_that_others_change_are_told_with_the_verdict(flagged):
    judge, ours = flagged
    judge.ok(r"STORE 2 +FLAGS.SILENT (\Flagged $Letterlock-verified)")
    found = ours.fetch("NOOP")
    assert rb"\Flagged" in found[2][b"FLAGS"]
    assert b"$Letterlock-unsigned" in found[2][b"FLAGS"]
    assert b"$Letterlock-verified" not in found[2][b"FLAGS"]


def test_copy_move_and_expunge_do_what_the_server_does(flagged):
    judge, ours = flagged
    for name in ("Copies", "Moved"):
        judge.command(f"DELETE {name}")
        judge.ok(f"CREATE {name}")
    _, end = ours.command("COPY 1:2 Copies")
    assert b"COPYUID" in end
    lines, end = ours.command("UID MOVE 1:* Moved")
    assert end.startswith(b"OK") and sum(b"EXPUNGE" in line for line in lines) == 3
    assert ours.command("FETCH 1 UID")[1].startswith(b"BAD")
    assert b"(MESSAGES 2)" in judge.ok("STATUS Copies (MESSAGES)")[0]
    assert b"(MESSAGES 3)" in judge.ok("STATUS Moved (MESSAGES)")[0]
    ours.ok("SELECT Copies")
    ours.ok(r"STORE 1 +FLAGS.SILENT \Deleted")
    assert b"* 1 EXPUNGE\r\n" in ours.ok("EXPUNGE")
    ours.ok("CLOSE")
    assert ours.command("FETCH 1 FLAGS")[1].startswith(b"BAD")


# search

@pytest.mark.parametrize("keys", [
    "ALL", "UNSEEN", "NOT SEEN", "OR FLAGGED UNFLAGGED", "1:2", "UID 1:*", "SINCE 1-Jan-2020",
    "BEFORE 1-Jan-2020", "(ALL (NOT DELETED))", "KEYWORD hello", "OLD DRAFT", "CHARSET UTF-8 ALL"])
def test_searches_for_flags_dates_and_numbers_are_the_servers(flagged, keys):
    judge, ours = flagged
    judge.ok(r"STORE 2 +FLAGS (\Flagged hello \Seen)")
    ours.ok("NOOP")
    assert ours.ok(f"SEARCH {keys}") == judge.ok(f"SEARCH {keys}")


# with somebody in the middle who listens, or lies

SECRET = "wordnobodyelsemaysee"
DRAFT = (f"From: Mallory <{MALLORY}>\r\nTo: bob@beta.test\r\nSubject: {SECRET} subject\r\n"
         f"Date: Sat, 21 Nov 2026 20:18:00 +0000\r\nMessage-ID: <draft@alpha.test>\r\n"
         f"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
         f"Content-Transfer-Encoding: 8bit\r\n\r\nDear Bob, {SECRET} Zoë\r\n").encode()


@pytest.fixture(scope="module")
def middle(world, program, tmp_path_factory):
    """(the middleman, Mallory's agent, which knows no other mail server)"""
    between = Middle(world, "alpha.test")
    agent = Agent(world, program, MALLORY, tmp_path_factory.mktemp("middle"))
    agent.setup("--imap", between.url)
    agent.start()
    yield between, agent
    agent.close()
    between.close()


@pytest.fixture
def lying(world, middle):
    """(the middleman, a wire through the agent, logged in), on a fresh mailbox of three letters."""
    between, agent = middle
    with straight_wire(world, MALLORY) as judge:
        judge.command("DELETE Lies")
        judge.ok("CREATE Lies")
        for _ in range(3):
            judge.ok(b"APPEND Lies {%d+}\r\n%s" % (len(LETTER), LETTER))
    with agent_wire(agent) as ours:
        between.said = bytearray()
        yield between, ours
    between.twist = between.deaf = None


def test_reading_a_mailbox_that_was_examined_sets_nothing(lying, world):
    between, ours = lying
    ours.ok("EXAMINE Lies")
    ours.fetch("FETCH 1:* BODY[]")
    assert b"BODY.PEEK[]" in between.said and b"STORE" not in between.said
    with straight_wire(world, MALLORY) as judge:
        judge.ok("EXAMINE Lies")
        assert all(r"\Seen" not in flags_of(judge, number) for number in (1, 2, 3))


def literal(octets):
    return b"{%d+}\r\n%s" % (len(octets), octets)


def test_a_draft_goes_up_sealed_and_comes_back_as_it_was_written(lying, world):
    between, ours = lying
    _, end = ours.command(b'APPEND Lies (\\Draft \\Seen hello) "01-Jan-2026 10:00:00 +0100" '
                          + literal(DRAFT))
    assert end.startswith(b"OK [APPENDUID ")
    assert b"APPEND" in between.said and found_in(between.said, SECRET) == []
    ours.ok("SELECT Lies")
    items = ours.fetch("FETCH 4 (FLAGS INTERNALDATE ENVELOPE BODY.PEEK[TEXT])")[4]
    assert {b"\\Draft", b"\\Seen", b"hello", b"$Letterlock-verified"} <= set(items[b"FLAGS"])
    assert items[b"INTERNALDATE"] == b"01-Jan-2026 09:00:00 +0000"
    assert items[b"ENVELOPE"][1] == f"{SECRET} subject".encode()
    with straight_wire(world, MALLORY) as judge:
        judge.ok("EXAMINE Lies")
        sealed = judge.fetch("FETCH 4 BODY.PEEK[]")[4][b"BODY[]"]
    assert b"application/pkcs7-mime" in sealed and found_in(sealed, SECRET) == []
    assert ours.fetch("FETCH 4 BODY.PEEK[]")[4][b"BODY[]"] == DRAFT


ODD = (b"X-Mozilla-Status: 0001\r\nX-Mozilla-Draft-Info: internal/draft; vcard=0; receipt=0; DSN=0\r\n"
       b"FCC: imap://alice/Sent\r\nBCC: Carol <carol@gamma.test>\r\n" + DRAFT.replace(
           b"\r\n\r\n", b"\r\nX-Folded: a\r\n\t  b   \r\n\r\n--no boundary \t\r\n.\r\n..\r\nFrom x\r\n", 1))


@pytest.mark.parametrize("draft, kept", [
    (ODD, ODD),
    (ODD.replace(b"\r\n", b"\n"), ODD),  # as Dovecot gives it back too
    (b"Subject: nothing yet\r\n\r\n", b"Subject: nothing yet\r\n\r\n"),
    (DRAFT.replace(MALLORY.encode(), b"somebody@else.test"),) * 2], ids=["odd", "LF", "new", "foreign"])
def test_what_is_kept_comes_back_byte_for_byte_and_again_after_it_was_replaced(lying, draft, kept):
    """A draft as Thunderbird replaces it: append the new one, then remove the old one by its UID."""
    between, ours = lying
    ours.ok("SELECT Lies")
    for turn in range(2):
        _, end = ours.command(b'APPEND Lies (\\Draft $Kw%d) "0%d-Jan-2026 10:00:00 +0000" ' % (turn, turn + 1)
                              + literal(draft))
        uid = int(re.match(rb"OK \[APPENDUID \d+ (\d+)\]", end)[1])
        items, = ours.fetch(f"UID FETCH {uid} (FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])").values()
        assert items[b"BODY[]"] == kept and items[b"RFC822.SIZE"] == b"%d" % len(kept)
        assert {b"\\Draft", b"$Kw%d" % turn} <= set(items[b"FLAGS"])
        assert items[b"INTERNALDATE"] == b"0%d-Jan-2026 10:00:00 +0000" % (turn + 1)
        if turn:
            ours.ok(f"UID STORE {before} +FLAGS (\\Deleted)")
            ours.ok(f"UID EXPUNGE {before}")
        before = uid
    assert b"(MESSAGES 4)" in ours.ok("STATUS Lies (MESSAGES)")[0]
    assert found_in(between.said, SECRET) == [] and b"nothing yet" not in between.said


def test_a_letter_that_only_says_that_it_is_sealed_goes_up_sealed(lying):
    between, ours = lying
    ours.ok(b"APPEND Lies " + literal(
        b"From: a@b.test\r\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\r\n"
        + SECRET.encode()))
    assert found_in(between.said, SECRET) == []


def test_a_letter_that_is_sealed_already_is_kept_as_it_is(lying, world):
    _, ours = lying
    ours.ok(b"APPEND Lies " + literal(DRAFT))
    with straight_wire(world, MALLORY) as judge:
        judge.ok("EXAMINE Lies")
        sealed = judge.fetch("FETCH 4 BODY.PEEK[]")[4][b"BODY[]"]
        ours.ok(b"APPEND Lies " + literal(sealed))
        judge.ok("NOOP")
        assert judge.fetch("FETCH 5 BODY.PEEK[]")[5][b"BODY[]"] == sealed


@pytest.mark.parametrize("words, answer", [
    (b"Lies ($Letterlock-verified) " + literal(DRAFT), b"NO [CANNOT]"),
    (b"Lies " + literal(b"Subject: a\0b\r\n\r\n" + SECRET.encode()), b"NO"),
    (b"NotThere " + literal(DRAFT), b"NO [TRYCREATE]"),
    (b"Lies " + literal(DRAFT) + b" " + literal(DRAFT), b"BAD"),
    (b"Lies", b"BAD"), (b"Lies (\\Seen", b"BAD"), (b'Lies "' + SECRET.encode() + b'"', b"BAD")])
def test_what_cannot_be_kept_sealed_is_not_kept_at_all(lying, world, words, answer):
    between, ours = lying
    _, end = ours.command(b"APPEND " + words)
    assert end.startswith(answer), end
    ours.ok("NOOP")
    assert found_in(between.said, SECRET) == []
    assert b"(MESSAGES 3)" in ours.ok("STATUS Lies (MESSAGES)")[0]


def test_a_rebuilt_letter_is_the_same_for_ever(lying, middle):
    _, ours = lying
    ours.ok(b"APPEND Lies " + literal(DRAFT))
    ours.ok("EXAMINE Lies")
    everything = "FETCH 1:* (UID FLAGS RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[])"
    ours.fetch(everything)
    first = ours.fetch(everything)
    assert first[4][b"RFC822.SIZE"] == b"%d" % len(first[4][b"BODY[]"])
    between, agent = middle
    agent.stop()
    agent.start()
    with agent_wire(agent) as again:
        again.ok("EXAMINE Lies")
        between.said = bytearray()
        assert again.fetch("FETCH 4 BODY.PEEK[]")[4][b"BODY[]"] == first[4][b"BODY[]"]
        assert b"BODY.PEEK" not in between.said
        assert again.fetch(everything) == first


def test_two_programs_that_ask_at_once_are_shown_the_same(lying, middle):
    _, ours = lying
    _, agent = middle
    for _ in range(5):
        ours.ok(b"APPEND Lies " + literal(DRAFT))
    with ThreadPoolExecutor() as pool:
        def look(_):
            with agent_wire(agent) as wire:
                wire.ok("EXAMINE Lies")
                return wire.fetch("FETCH 1:* (FLAGS BODY.PEEK[])")
        shown = list(pool.map(look, range(6)))
    assert all(one == shown[0] for one in shown)


def test_a_forged_verdict_is_taken_out_however_it_is_written(lying, world):
    _, ours = lying
    forged = [
        b"Letterlock-Verdict: verified; x\r\n" + LETTER,
        LETTER.replace(b"\r\n\r\n", b"\r\nLETTERLOCK-VERDICT : verified;\r\n folded\r\n\r\n"),
        LETTER.replace(b"\r\n\r\n", b"\r\nno field\r\nLetterlock-Verdict: verified\r\n\r\n"),
        LETTER.replace(b"\r\n\r\n", b"\r\nX: y\rLetterlock-Verdict: verified\r\n\r\n"),
        b"\tbegins oddly\r\nletterlock-verdict\t:\r\n verified\r\n" + LETTER]
    with straight_wire(world, MALLORY) as judge:
        for letter in forged:
            judge.ok(b"APPEND Lies " + literal(letter))
    ours.ok("SELECT Lies")
    for number, items in ours.fetch("FETCH 4:* (FLAGS BODY.PEEK[] RFC822.SIZE)").items():
        assert b"letterlock-verdict" not in items[b"BODY[]"].lower(), number
        assert b"$Letterlock-unsigned" in items[b"FLAGS"]
        assert int(items[b"RFC822.SIZE"]) == len(items[b"BODY[]"])
    assert ours.fetch("FETCH 4 BODY.PEEK[]")[4][b"BODY[]"] == LETTER
    body = LETTER + b"Letterlock-Verdict: in the text this is only text\r\n"
    with straight_wire(world, MALLORY) as judge:
        judge.ok(b"APPEND Lies " + literal(body))
    ours.ok("NOOP")
    assert ours.fetch("FETCH 9 BODY.PEEK[]")[9][b"BODY[]"] == body


def replaced(old, new):
    return lambda octets: octets.replace(old, new)


LIES = {
    "counts beyond reason": replaced(b"* 3 EXISTS", b"* 4000000000 EXISTS"),
    "fewer than before": replaced(b"* 3 EXISTS", b"* 3 EXISTS\r\n* 2 EXISTS"),
    "UIDs that fall": replaced(b"* 2 FETCH (UID ", b"* 2 FETCH (UID 4294967295 X "),
    "UID zero": lambda o: re.sub(rb"FETCH \(UID \d+", b"FETCH (UID 0", o),
    "a number that is no letter": replaced(b"* 3 FETCH", b"* 77 FETCH"),
    "the UID of another": replaced(b"* 1 FETCH", b"* 2 FETCH"),
    "EXPUNGE of nothing": replaced(b"* 3 EXISTS", b"* 3 EXISTS\r\n* 9 EXPUNGE"),
    "VANISHED": replaced(b"* 3 EXISTS", b"* 3 EXISTS\r\n* VANISHED 1:2"),
    "another UIDVALIDITY": lambda o: re.sub(rb"\* OK \[UIDVALIDITY \d+\]",
                                            b"* OK [UIDVALIDITY 7] x\r\n* OK [UIDVALIDITY 8]", o),
    "no UIDVALIDITY": replaced(b"UIDVALIDITY", b"UIDNOTHING"),
    "a huge literal": lambda o: re.sub(rb"\{\d+\}\r\n", b"{4000000000}\r\n", o),
    "a literal without end": lambda o: re.sub(rb"\{\d+\}\r\n", b"{99999999999999999999999}\r\n", o),
    "an answer nobody asked for": replaced(b"* 3 EXISTS", b"z99 OK done\r\n* 3 EXISTS"),
    "a question in place of an answer": replaced(b"* 3 EXISTS", b"+ more\r\n* 3 EXISTS"),
    "words that are none": replaced(b"FETCH (", b'FETCH ("'),
    "NUL and bare CR": replaced(b"* 3 EXISTS", b"* 3 EX\0IS\rTS"),
    "BYE": replaced(b"* 3 EXISTS", b"* BYE tired"),
    "silence": None,
}


@pytest.mark.parametrize("lie", LIES)
def test_a_mail_server_that_lies_ends_this_session_and_no_other(lying, middle, lie):
    between, ours = lying
    _, agent = middle
    with agent_wire(agent) as other:
        other.ok("SELECT INBOX")
        between.twist = LIES[lie]
        between.deaf = b"FETCH" if LIES[lie] is None else None
        for line in (b"a1 SELECT Lies\r\n", b"a2 FETCH 1:* (FLAGS BODY.PEEK[])\r\n"):
            ours.send(line)
        lines = []
        while line := ours.line():
            lines.append(line)
        assert lines[-1].startswith(b"* BYE "), lines
        assert not any(line.startswith(b"a2 OK") for line in lines)
        between.twist = between.deaf = None
        other.ok("NOOP")
        other.ok("SELECT Lies")
        assert other.fetch("FETCH 1 BODY.PEEK[]")[1][b"BODY[]"] == LETTER


def test_a_letter_larger_than_we_take_does_not_shut_the_mailbox(lying):
    between, ours = lying
    between.twist = lambda o: re.sub(rb"(\* 2 FETCH \(UID \d+ RFC822.SIZE )\d+",
                                     rb"\g<1>99999999", o)
    ours.ok("SELECT Lies")
    found = ours.fetch("FETCH 1:* FLAGS")
    assert list(found) == [1, 2, 3]
    assert not any(b"Letterlock" in flag for flag in found[2][b"FLAGS"])
    lines, end = ours.command("UID FETCH 1:* BODY.PEEK[]")
    assert end.startswith(b"NO [LIMIT]") and len(lines) == 2


def test_the_largest_letter_comes_back_whole(lying):
    between, ours = lying
    line = b"0123456789" * 7 + b"\r\n"
    letter = DRAFT + line * (((50 << 20) - len(DRAFT)) // len(line))
    assert ours.command(b"APPEND Lies " + literal(letter))[1].startswith(b"OK [APPENDUID ")
    too_large = b"APPEND Lies {%d}" % ((50 << 20) + 1)
    assert ours.command(too_large)[1].startswith(b"NO [TOOBIG]")
    ours.ok("SELECT Lies")
    shown = ours.fetch("FETCH 4 BODY.PEEK[TEXT]")[4][b"BODY[TEXT]"]
    # 8bit became quoted-printable; the lines are the same
    assert shown.count(line) == letter.count(line)


# login

def test_wrong_credentials_are_refused_and_the_fifth_ends_the_connection(carol):
    with agent_wire(carol, login=False) as wire:
        assert b"IMAP4rev1" in wire.greeting and b"AUTH=PLAIN" in wire.greeting
        tries = [f"LOGIN {CAROL} wrong", f'LOGIN nobody "{carol.credential}"',
                 "AUTHENTICATE PLAIN " + plain(CAROL, "wrong"),
                 "AUTHENTICATE PLAIN " + plain(CAROL, carol.credential, acting="bob@beta.test")]
        for text in tries:
            assert wire.command(text)[1].startswith(b"NO [AUTHENTICATIONFAILED]")
        wire.ok("NOOP")
        assert wire.command("LIST \"\" *")[1].startswith(b"BAD")
        assert wire.command(f"LOGIN {CAROL} x")[1].startswith(b"NO [AUTHENTICATIONFAILED]")
        assert wire.line().startswith(b"* BYE") and wire.line() == b""


def plain(user, credential, acting=""):
    return base64.b64encode(f"{acting}\0{user}\0{credential}".encode()).decode()


def test_there_are_three_ways_to_log_in(carol):
    with agent_wire(carol, login=False) as wire:
        wire.ok("AUTHENTICATE PLAIN " + plain(CAROL, carol.credential, acting=CAROL))
    with agent_wire(carol, login=False) as wire:
        wire.send(b"a AUTHENTICATE PLAIN\r\n")
        assert wire.line() == b"+ \r\n"
        wire.send(plain(CAROL.upper(), carol.credential).encode() + b"\r\n")
        assert wire.line().startswith(b"a OK [CAPABILITY IMAP4rev1 ")
    with agent_wire(carol, login=False) as wire:
        wire.ok(b"LOGIN " + literal(CAROL.encode()) + b" " + literal(carol.credential.encode()))
        capabilities = wire.ok("CAPABILITY")[0].split()
        for name in (b"UIDPLUS", b"MOVE", b"NAMESPACE", b"CHILDREN", b"SPECIAL-USE", b"UNSELECT",
                     b"LITERAL+", b"SASL-IR", b"ID", b"IDLE", b"ENABLE", b"CONDSTORE", b"QRESYNC", b"ESEARCH",
                     b"SEARCHRES", b"LIST-EXTENDED", b"LIST-STATUS", b"BINARY", b"COMPRESS=DEFLATE"):
            assert name in capabilities
        for name in (b"SORT", b"THREAD=REFERENCES"):
            assert name in capabilities
        for name in (b"NOTIFY", b"STARTTLS", b"AUTH=PLAIN"):
            assert name not in capabilities


@pytest.mark.parametrize("text, answer", [
    ("AUTHENTICATE PLAIN =", b"BAD"), ("AUTHENTICATE PLAIN !!!", b"BAD"),
    ("AUTHENTICATE PLAIN " + "A" * 13000, b"BAD"), ("AUTHENTICATE LOGIN", b"NO [CANNOT]"),
    ("LOGIN a", b"BAD"), ("LOGIN a b c", b"BAD"), ("SELECT INBOX", b"BAD")])
def test_a_login_that_is_none_is_refused(carol, text, answer):
    with agent_wire(carol, login=False) as wire:
        assert wire.command(text)[1].startswith(answer)
        wire.ok("NOOP")


def test_a_stranger_gets_no_room_for_letters(carol):
    with agent_wire(carol, login=False) as wire:
        wire.send(b"a LOGIN {5000}\r\n")
        assert wire.line().startswith(b"a NO [TOOBIG]")
        wire.ok("NOOP")
        wire.send(b"b LOGIN {5000+}\r\n")
        assert wire.line().startswith(b"* BYE [TOOBIG]") and wire.line() == b""


def test_a_program_that_talks_nonsense_is_sent_away(carol):
    with agent_wire(carol, login=False) as wire:
        for _ in range(20):
            assert wire.command("NONSENSE")[1].startswith(b"BAD")
        assert wire.line().startswith(b"* BYE") and wire.line() == b""


def test_without_its_mail_server_the_agent_says_so(carol, world):
    with world.stopped("alpha-dovecot"), agent_wire(carol, login=False) as wire:
        _, end = wire.command(f"LOGIN {CAROL} {carol.credential}")
        assert end.startswith(b"NO [UNAVAILABLE] ")
    with agent_wire(carol) as wire:
        wire.ok("SELECT INBOX")


def test_a_mail_server_that_goes_away_takes_the_session_with_it(carol, world):
    with agent_wire(carol) as wire:
        wire.ok("SELECT INBOX")
        with world.stopped("alpha-dovecot"):
            assert wire.line().startswith(b"* BYE")
            assert wire.line() == b""


def test_ten_thousand_commands_at_once_are_answered_in_order(carol):
    with agent_wire(carol) as wire:
        wire.ok("SELECT INBOX")
        count = 10000
        answers = wire.flood(b"".join(b"n%d NOOP\r\n" % n for n in range(count)),
                             lambda octets: b"\r\nn%d OK" % (count - 1) in octets[-200:]
                             and octets.endswith(b"\r\n"))
        tagged = [line for line in answers.split(b"\r\n") if line.startswith(b"n")]
        assert [line.split()[:2] for line in tagged] == [[b"n%d" % n, b"OK"] for n in range(count)]


def test_folders_are_the_servers_own(world, carol):
    with straight_wire(world, CAROL) as judge, agent_wire(carol) as ours:
        ours.command("DELETE Odd")
        name = b'"a \\"b\\" c"'
        ours.command(b"DELETE " + name)
        ours.ok(b"CREATE " + name)
        ours.ok(b"RENAME " + name + b" {3+}\r\nOdd")
        ours.ok("SUBSCRIBE Odd")
        for command in ('LIST "" *', 'LIST "" ""', "LSUB \"\" *", "NAMESPACE",
                        "STATUS Odd (MESSAGES UIDNEXT UNSEEN RECENT)",
                        'LIST (SPECIAL-USE) "" *'):
            assert ours.ok(command) == judge.ok(command)
        ours.ok("UNSUBSCRIBE Odd")
        ours.ok("DELETE Odd")
        assert ours.command("SELECT Odd")[1].startswith(b"NO")
        assert ours.command("FETCH 1 FLAGS")[1].startswith(b"BAD")


# --- the trust settings ------------------------------------------------------------

FORGED = b"Authentication-Results: mail.beta.test; dmarc=pass header.from=alpha.test\r\n"


@contextmanager
def trusting(agent, text):
    """The agent, started again with these settings."""
    file = agent.home / "trust-settings"
    agent.stop()
    file.write_text(text)
    try:
        yield
    finally:
        agent.stop()
        file.unlink()
        agent.start()


def test_settings_that_cannot_be_read_keep_the_agent_from_starting(alice):
    with trusting(alice, "# mine\nauthserv\n"):
        done = alice.run("agent")
        assert done.returncode == 2
        assert b"trust-settings: line 2: " in done.stderr, done.stderr


def test_settings_are_read_anew_while_the_agent_runs(world, alice, bob):
    """A new file that cannot be read keeps what was believed before, and the log says so."""
    root = x509.load_pem_x509_certificate(Path(world.authority["root"]).read_bytes())
    ours = f"root {root.fingerprint(hashes.SHA256()).hex()} V1 "
    file, process = bob.home / "trust-settings", bob.process
    assert not file.exists()

    def judged():
        sent = letter(ALICE, [BOB])
        alice.send(sent, [BOB])
        return bob.wait_for(sent["Message-ID"])[0]

    def settle(text):
        new = file.with_suffix(".new")
        new.write_text(text)
        new.rename(file)

    try:
        assert b"$Letterlock-verified" in judged()
        settle(ours + "elsewhere.test\n")
        assert b"$Letterlock-reason-root.domain" in judged()
        before = bob.log().count("trust settings not read anew")
        settle(ours + "elsewhere.test\nnonsense\n")
        for _ in range(2):
            assert b"$Letterlock-reason-root.domain" in judged()
        told, = [line for line in bob.log().splitlines()[-20:] if "trust settings not read anew" in line]
        assert bob.log().count("trust settings not read anew") == before + 1 and "line 2: " in told
        file.write_text(ours + "alpha.test\n")
        assert b"$Letterlock-verified" in judged()
    finally:
        file.unlink(missing_ok=True)
    assert b"$Letterlock-verified" in judged() and bob.process is process


def test_results_of_a_real_server_count_and_forged_ones_are_gone(world, alice, bob):
    """OpenDKIM writes them, Postfix and Dovecot a Received each; the sender adds its own below."""
    sent = letter(ALICE, [BOB])
    alice.send(sent, [BOB])
    octets = world.wait_for_letter(BOB, sent["Message-ID"])
    world.empty(BOB)
    with world.mailbox(BOB) as imap:
        forged = octets.replace(b"\r\nFrom:", b"\r\n" + FORGED + b"From:", 1)
        assert imap.append("INBOX", None, None, forged)[0] == "OK"
    with trusting(bob, "authserv mail.beta.test by mail.beta.test\n"):
        bob.start()
        flags, octets = bob.wait_for(sent["Message-ID"])
    assert b"$Letterlock-reason-dkim.pass" in flags and b"$Letterlock-reason-dmarc.pass" not in flags
    shown = parse(octets)
    assert shown["Letterlock-Verdict"].startswith("verified")
    only, = shown.get_all("Authentication-Results")
    assert "dkim=pass" in only and "header.d=alpha.test" in only
