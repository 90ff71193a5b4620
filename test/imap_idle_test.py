"""IDLE through the agent (RFC 2177): what others do in a mailbox is told at once, as the mail server tells it."""

import re

import pytest

from imapwire import agent_wire, straight_wire

CAROL = "carol@alpha.test"
LETTER = b"From: a@example.org\r\nTo: carol@alpha.test\r\nSubject: news\r\n\r\ntext\r\n"
APPEND = b"APPEND Idle {%d+}\r\n%s" % (len(LETTER), LETTER)


@pytest.fixture(scope="module")
def carol(agents):
    return agents[CAROL]


class Idler:
    """A wire that idles; tells what it is told."""

    def __init__(self, wire):
        self.wire = wire
        wire.send(b"i IDLE\r\n")
        answer = wire.line()
        assert answer.startswith(b"+ "), answer

    def until(self, pattern):
        """The lines up to the one that `pattern` matches."""
        lines = []
        while not lines or not re.search(pattern, lines[-1]):
            lines.append(self.wire.line())
            assert lines[-1], lines[:-1]
        return lines

    def done(self, word=b"DONE"):
        self.wire.send(word + b"\r\n")
        return self.until(rb"^i ")


@pytest.fixture
def idling(world, carol):
    """(somebody else at the same mailbox, one who idles straight, one through the agent)."""
    with straight_wire(world, CAROL) as other, straight_wire(world, CAROL) as judge, agent_wire(carol) as ours:
        other.command("DELETE Idle")
        other.ok("CREATE Idle")
        for _ in range(2):
            other.ok(APPEND)
        for wire in (other, judge, ours):
            wire.ok("SELECT Idle")
        yield other, Idler(judge), Idler(ours)


def without_verdicts(line):
    return re.sub(rb" ?\$Letterlock-[^ )]*", b"", line)


def test_letters_that_come_change_and_go_are_told_as_the_server_tells_them(idling):
    other, judge, ours = idling
    other.ok(APPEND)
    pattern = rb"\* 3 EXISTS"
    assert ours.until(pattern)[0] == judge.until(pattern)[0]
    other.ok(r"STORE 3 +FLAGS (\Flagged new)")
    pattern = rb"\* 3 FETCH .*\\Flagged"
    told = ours.until(pattern)[-1]
    assert b"$Letterlock-unsigned" in told
    assert set(without_verdicts(told).split()) == set(judge.until(pattern)[-1].split())
    other.ok(r"STORE 1 +FLAGS.SILENT (\Deleted)")
    other.ok("EXPUNGE")
    pattern = rb"\* 1 EXPUNGE"
    assert ours.until(pattern)[-1] == judge.until(pattern)[-1]
    assert ours.done()[-1].startswith(b"i OK")
    assert ours.wire.fetch("FETCH 1:* UID") == other.fetch("FETCH 1:* UID")


def test_a_letter_is_judged_before_it_is_asked_for(idling, carol):
    """So that the list of letters, with what they are worth, is there at once."""
    other, _, ours = idling
    before = views(carol)
    other.ok(APPEND)
    ours.until(rb"\* 3 EXISTS")
    assert ours.done()[-1].startswith(b"i OK")
    assert "3" in {path.name for path in views(carol) - before}


def views(agent):
    return set((agent.home / "views").glob("*/*"))


def test_only_done_ends_it_and_the_session_goes_on(idling):
    _, _, ours = idling
    assert ours.done(b"t9 NOOP")[-1].startswith(b"i BAD")
    ours.wire.ok("NOOP")


def test_idle_needs_a_login(carol):
    with agent_wire(carol, login=False) as wire:
        assert wire.command("IDLE")[1].startswith(b"BAD")


def test_a_program_that_goes_away_while_it_idles_leaves_nobody_waiting(idling, carol):
    _, _, ours = idling
    ours.wire.sock.close()
    with agent_wire(carol) as wire:
        wire.ok("SELECT Idle")
