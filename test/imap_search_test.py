"""SEARCH, SORT and THREAD through the agent: what the mail server cannot read, the agent finds, and the server is not
asked for it."""

import re
import time

import pytest

from agentworld import Agent
from conversations import CONVERSATIONS
from imapwire import Middle, agent_wire, straight_wire
from people import letter
from shapes import SHAPES

CAROL, MALLORY = "carol@alpha.test", "mallory@alpha.test"
WORD = "wordnobodyelsemaysee"


@pytest.fixture(scope="module")
def carol(agents):
    return agents[CAROL]


def fill(wire, box, letters):
    wire.command(f"DELETE {box}")
    wire.ok(f"CREATE {box}")
    for octets in letters:
        wire.ok(b"APPEND %s {%d+}\r\n%s" % (box.encode(), len(octets), octets))


@pytest.fixture(scope="module")
def shapes(world, carol):
    """(straight, through the agent), selected on letters of many shapes that are not sealed."""
    with straight_wire(world, CAROL) as judge, agent_wire(carol) as ours:
        fill(judge, "Searched", SHAPES.values())
        judge.ok("SELECT Searched")
        judge.ok(r"STORE 2 +FLAGS (\Flagged hello \Seen)")
        judge.ok(r"STORE 3 +FLAGS (\Seen)")
        ours.ok("SELECT Searched")
        yield judge, ours


def found(wire, keys, command="SEARCH"):
    lines = [line for line in wire.ok(f"{command} {keys}") if line.startswith(b"* SEARCH")]
    assert len(lines) == 1, lines
    return {int(word) for word in lines[0].split()[2:]}


@pytest.mark.parametrize("keys", [
    "ALL", "SUBJECT letter", "SUBJECT LETTER", "FROM dora", "FROM example.org", "TO carol", "CC nobody", "BODY another",
    "BODY Inside", "TEXT Inside", "TEXT zzzz", "HEADER Message-ID shape", 'HEADER Message-ID ""', 'HEADER X-Not ""',
    'HEADER Subject ""', "NOT BODY another", "OR FLAGGED SUBJECT inside", "FLAGGED SUBJECT letter", "NOT (SEEN BODY liebe)",
    "OR (SEEN NOT BODY another) (UNSEEN SUBJECT Outside)", "LARGER 500", "SMALLER 500", "SENTON 21-Nov-2026",
    "SENTBEFORE 21-Nov-2026", "SENTBEFORE 22-Nov-2026", "SENTSINCE 21-Nov-2026", "SENTSINCE 22-Nov-2026",
    "2:4 BODY liebe", "UID 2:4 TEXT a", "KEYWORD hello BODY liebe"])
@pytest.mark.parametrize("command", ["SEARCH", "UID SEARCH"])
def test_in_letters_that_are_not_sealed_it_finds_what_the_server_finds(shapes, command, keys):
    judge, ours = shapes
    assert found(ours, keys, command) == found(judge, keys, command)


def test_words_are_found_in_whatever_charset_and_case_they_were_written(shapes):
    _, ours = shapes
    rich = {list(SHAPES).index("rich") + 1}
    for keys in ('CHARSET UTF-8 SUBJECT "GRÜSSE"', 'CHARSET UTF-8 SUBJECT "grusse"', 'SUBJECT {6+}\r\n訪問'):
        assert rich <= found(ours, keys), keys


def test_a_verdict_can_be_searched_for(shapes):
    judge, ours = shapes
    everything = found(judge, "ALL")
    assert found(ours, "KEYWORD $Letterlock-unsigned") == everything
    assert found(ours, "UNKEYWORD $letterlock-unsigned") == set()
    assert found(ours, "SEEN KEYWORD $Letterlock-unsigned") == found(judge, "SEEN")
    judge.ok("STORE 1 +FLAGS $Letterlock-verified")
    assert found(ours, "KEYWORD $Letterlock-verified") == set()


@pytest.mark.parametrize("keys", [
    "RETURN (MIN) SEEN", "RETURN (MAX) SEEN", "RETURN (COUNT) SEEN", "RETURN (ALL) ALL", "RETURN () SEEN",
    "RETURN (MIN MAX COUNT ALL) SUBJECT letter", "RETURN (MIN MAX COUNT ALL) TEXT zzzz", "RETURN (COUNT MIN) UNSEEN"])
@pytest.mark.parametrize("command", ["SEARCH", "UID SEARCH"])
def test_an_extended_search_is_answered_as_by_the_server(shapes, command, keys):
    want, got = [extended(wire, f"{command} {keys}") for wire in shapes]
    assert got == want


def extended(wire, command):
    line, = [line for line in wire.ok(command) if b"ESEARCH" in line]
    tag = re.search(rb'\(TAG "?([^")]*)"?\)', line).group(1)
    assert tag == b"t%d" % wire.number
    rest = line.split(b")", 1)[1].split()
    uid = rest[:1] == [b"UID"]
    rest = rest[1:] if uid else rest
    return uid, dict(zip(rest[::2], rest[1::2]))


@pytest.mark.parametrize("save, saved", [
    ("RETURN (SAVE) SEEN", "SEEN"), ("RETURN (SAVE) SUBJECT letter", "SUBJECT letter"),
    ("RETURN (SAVE MIN) SEEN", "2"), ("RETURN (SAVE MAX) SEEN", "3"), ("RETURN (SAVE MIN MAX) SEEN", "2,3"),
    ("RETURN (SAVE COUNT MIN) SEEN", "SEEN"), ("RETURN (SAVE) TEXT zzzz", "NOT ALL")])
def test_what_a_search_saved_is_named_by_a_dollar(shapes, save, saved):
    judge, ours = shapes
    want = found(judge, saved)
    ours.ok(f"SEARCH {save}")
    assert found(ours, "$") == want
    assert found(ours, "$ SEEN") == want & found(judge, "SEEN")
    assert set(ours.fetch("FETCH $ UID")) == want
    assert set(ours.fetch("UID FETCH $ FLAGS")) == want


def test_a_dollar_can_be_stored_and_copied_and_is_empty_at_first(world, carol):
    with straight_wire(world, CAROL) as judge, agent_wire(carol) as ours:
        fill(judge, "Saved", list(SHAPES.values())[:4])
        ours.ok("SELECT Saved")
        for command in ("FETCH $ FLAGS", "STORE $ +FLAGS (x)", "COPY $ Saved", "UID EXPUNGE $"):
            untagged, end = ours.command(command)
            assert end.startswith(b"OK") and untagged == [], command
        ours.ok("UID SEARCH RETURN (SAVE) 2,4")
        ours.ok(r"STORE $ +FLAGS (\Flagged)")
        assert found(ours, "FLAGGED") == {2, 4}
        ours.ok(r"STORE 1 +FLAGS (\Deleted)")
        ours.ok("EXPUNGE")
        assert set(ours.fetch("FETCH $ UID")) == {1, 3}
        ours.ok("COPY $ Saved")
        ours.ok("NOOP")
        assert len(found(ours, "ALL")) == 5
        ours.ok(r"STORE $ +FLAGS.SILENT (\Deleted)")
        ours.ok("UID EXPUNGE $")
        assert len(found(ours, "ALL")) == 3
        ours.ok("EXAMINE Saved")
        assert found(ours, "$") == set()


@pytest.mark.parametrize("command", [
    "SEARCH CHARSET KOI8-R TEXT x", "SEARCH RETURN (MIN) MODSEQ 1", "SEARCH MODSEQ 1 TEXT x"])
def test_what_cannot_be_answered_is_refused_in_words(shapes, command):
    _, ours = shapes
    assert ours.command(command)[1].startswith(b"NO [")


# sealed letters, and who listens

@pytest.fixture(scope="module")
def behind(world, program, tmp_path_factory):
    """(who listens before the mail server, an agent behind it)"""
    between = Middle(world, "alpha.test")
    agent = Agent(world, program, MALLORY, tmp_path_factory.mktemp("search"))
    agent.setup("--imap", between.url)
    agent.start()
    yield between, agent
    agent.close()
    between.close()


def sealed_letters():
    return [letter(MALLORY, ["bob@beta.test"], subject=f"{WORD} subject", canary="nothing here").as_bytes(),
            letter(MALLORY, ["bob@beta.test"], subject="other", canary=f"in the text {WORD} Straße").as_bytes(),
            letter(MALLORY, ["bob@beta.test"], subject="third", canary="中文信件很好").as_bytes()]


@pytest.fixture(scope="module")
def sealed(behind):
    """(who listens before the mail server, a wire through the agent), on letters that are sealed."""
    between, agent = behind
    with agent_wire(agent) as wire:
        fill(wire, "Sealed", sealed_letters())
        wire.ok("SELECT Sealed")
        yield between, wire


@pytest.mark.parametrize("keys, numbers", [
    (f"SUBJECT {WORD}", {1}), (f"TEXT {WORD}", {1, 2}), (f"BODY {WORD}", {2}), (f"NOT TEXT {WORD}", {3}),
    (f"OR SUBJECT {WORD} SEEN", {1}), (f"HEADER Subject {WORD}", {1}), ("FROM mallory", {1, 2, 3}), ("TO bob", {1, 2, 3}),
    (f"ALL SUBJECT {{20+}}\r\n{WORD}", {1}), ("BODY STRASSE", {2}), ("BODY {6+}\r\n信件", {3}), ("BODY {3+}\r\n很", {3}),
    (f"FROM {WORD}", set()), (f"CC {WORD}", set()), (f"BCC {WORD}", set())])
def test_words_in_sealed_letters_are_found_and_go_nowhere(sealed, keys, numbers):
    between, wire = sealed
    between.said = bytearray()
    assert found(wire, keys) == numbers
    wire.ok("NOOP")
    assert b"NOOP" in between.said
    assert WORD.encode() not in between.said and "信".encode() not in between.said


# SORT and THREAD

@pytest.fixture(scope="module")
def conversations(world, carol):
    """(straight, through the agent), selected on letters that are not sealed and answer each other."""
    with straight_wire(world, CAROL) as judge, agent_wire(carol) as ours:
        fill(judge, "Conversations", CONVERSATIONS)
        for wire in judge, ours:
            wire.ok("SELECT Conversations")
        judge.ok(r"STORE 3:12 +FLAGS (\Seen)")
        judge.ok(r"STORE 1 +FLAGS (\Deleted)")
        judge.ok("EXPUNGE")
        ours.ok("NOOP")
        yield judge, ours


def answered(wire, command):
    line, = [line for line in wire.ok(command) if line.startswith((b"* SORT", b"* THREAD"))]
    return line.strip()


PROGRAMS = ["(SUBJECT)", "(REVERSE SUBJECT)", "(DATE)", "(REVERSE DATE)", "(ARRIVAL)", "(REVERSE ARRIVAL)", "(FROM)",
            "(TO)", "(CC)", "(SIZE)", "(DISPLAYFROM)", "(DISPLAYTO)", "(SUBJECT REVERSE DATE)", "(CC FROM REVERSE SIZE)"]


@pytest.mark.parametrize("by", PROGRAMS)
@pytest.mark.parametrize("command", ["SORT", "UID SORT"])
def test_letters_are_sorted_as_the_server_sorts_them(conversations, command, by):
    judge, ours = conversations
    for keys in "ALL", "SEEN", "NOT SEEN", "SUBJECT zzzz":
        want = answered(judge, f"{command} {by} UTF-8 {keys}")
        assert answered(ours, f"{command} {by} UTF-8 {keys}") == want, keys


@pytest.mark.parametrize("algorithm", ["REFERENCES", "ORDEREDSUBJECT"])
@pytest.mark.parametrize("command", ["THREAD", "UID THREAD"])
def test_letters_are_put_into_the_threads_that_the_server_puts_them_into(conversations, command, algorithm):
    judge, ours = conversations
    for keys in "ALL", "SEEN", "1:20", "21:*", "SUBJECT zzzz":
        want = answered(judge, f"{command} {algorithm} UTF-8 {keys}")
        assert answered(ours, f"{command} {algorithm} UTF-8 {keys}") == want, keys


@pytest.mark.parametrize("command", [
    "SORT () UTF-8 ALL", "SORT (REVERSE) UTF-8 ALL", "SORT (COLOUR) UTF-8 ALL", "SORT SUBJECT UTF-8 ALL", "SORT (DATE) UTF-8",
    "SORT (DATE DATE DATE DATE DATE DATE DATE DATE DATE DATE DATE DATE DATE DATE DATE DATE DATE DATE DATE DATE DATE) UTF-8 ALL",
    "THREAD JWZ UTF-8 ALL", "THREAD REFERENCES UTF-8", "THREAD", "SORT"])
def test_what_is_no_sort_is_refused(conversations, command):
    _, ours = conversations
    assert ours.command(command)[1].startswith(b"BAD")
    assert ours.command("SORT (DATE) KOI8-R ALL")[1].startswith(b"NO [BADCHARSET")


def test_sealed_letters_are_sorted_by_what_is_inside(sealed):
    between, wire = sealed
    between.said = bytearray()
    assert answered(wire, "SORT (SUBJECT) UTF-8 ALL") == b"* SORT 2 3 1"
    assert answered(wire, f"SORT (REVERSE SUBJECT) UTF-8 NOT BODY {WORD}") == b"* SORT 1 3"
    assert answered(wire, "THREAD ORDEREDSUBJECT UTF-8 ALL") == b"* THREAD (1)(2)(3)"
    assert WORD.encode() not in between.said


# the index; the last, for its agent is killed

def search_until_known(between, wire, keys):
    """What is found, once the agent knows it without the mail server."""
    until = time.monotonic() + 30
    while True:
        between.said = bytearray()
        numbers = found(wire, keys)
        if b"FETCH" not in between.said:
            return numbers
        assert time.monotonic() < until, between.said
        time.sleep(0.1)


def test_letters_are_opened_once_and_found_again_without_the_server(world, behind):
    between, agent = behind
    with straight_wire(world, MALLORY) as straight, agent_wire(agent) as wire:
        fill(wire, "Once", sealed_letters())
        clear = letter("bob@beta.test", [MALLORY], subject="clear", canary=f"clear {WORD} العَقْد").as_bytes()
        straight.ok(b"APPEND Once {%d+}\r\n%s" % (len(clear), clear))
        wire.ok("SELECT Once")
        assert found(wire, f"BODY {WORD}") == {2, 4}
        assert search_until_known(between, wire, f"TEXT {WORD}") == {1, 2, 4}
        for keys, numbers in [
                (f"BODY {WORD[3:9]}", {2, 4}), ("BODY {6+}\r\n信件", {3}), ("SUBJECT third", {3}),
                ("BODY {10+}\r\nالعقد", {4}), ("HEADER Subject clear", {4}), ("LARGER 100", {1, 2, 3, 4}),
                ("SENTBEFORE 1-Jan-2020", set())]:
            between.said = bytearray()
            assert found(wire, keys) == numbers, keys
            assert b"FETCH" not in between.said
    for path in agent.home.rglob("*"):
        if path.is_file():
            assert WORD.encode() not in path.read_bytes(), path
    agent.kill()
    agent.start()
    with agent_wire(agent) as wire:
        wire.ok("SELECT Once")
        wire.ok("SEARCH ALL")
        between.said = bytearray()
        wire.ok(r"SEARCH TEXT zzzz")
        wire.ok(r"STORE 2 +FLAGS (\Deleted)")
        wire.ok("EXPUNGE")
        assert found(wire, f"BODY {WORD}") == {3}
        assert b"BODY" not in between.said


def test_an_index_that_is_damaged_changes_no_answer(behind):
    between, agent = behind
    with agent_wire(agent) as wire:
        fill(wire, "Damaged", sealed_letters())
        wire.ok("SELECT Damaged")
        search_until_known(between, wire, f"TEXT {WORD}")
    agent.stop()
    index = agent.home / "index"
    octets = bytearray(index.read_bytes())
    for at in range(0, len(octets), 4096):
        octets[at + 200] ^= 1
    index.write_bytes(octets)
    agent.start()
    with agent_wire(agent) as wire:
        wire.ok("SELECT Damaged")
        assert found(wire, f"TEXT {WORD}") == {1, 2}
        assert search_until_known(between, wire, f"SUBJECT {WORD}") == {1}
