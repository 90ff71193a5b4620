"""SEARCH through the agent: what the mail server cannot read, the agent finds, and the server is not asked for it."""

import re

import pytest

from agentworld import Agent
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
def sealed(world, program, tmp_path_factory):
    """(who listens before the mail server, a wire through the agent), on letters that are sealed."""
    between = Middle(world, "alpha.test")
    agent = Agent(world, program, MALLORY, tmp_path_factory.mktemp("search"))
    agent.setup("--imap", between.url)
    agent.start()
    with agent_wire(agent) as wire:
        fill(wire, "Sealed", [
            letter(MALLORY, ["bob@beta.test"], subject=f"{WORD} subject", canary="nothing here").as_bytes(),
            letter(MALLORY, ["bob@beta.test"], subject="other", canary=f"in the text {WORD} Straße").as_bytes(),
            letter(MALLORY, ["bob@beta.test"], subject="third", canary="中文信件很好").as_bytes()])
        wire.ok("SELECT Sealed")
        yield between, wire
    agent.close()
    between.close()


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
