"""IMAP's extensions through the agent: Dovecot, straight, is the judge of each."""

import re

import pytest

from imapwire import agent_wire, straight_wire

CAROL = "carol@alpha.test"
LETTER = b"From: a@example.org\r\nTo: carol@alpha.test\r\nSubject: %d\r\n\r\ntext\r\n"


@pytest.fixture(scope="module")
def carol(agents):
    return agents[CAROL]


def fill(wire, box, count):
    wire.command(f"DELETE {box}")
    wire.ok(f"CREATE {box}")
    for number in range(count):
        letter = LETTER % number
        wire.ok(b"APPEND %s {%d+}\r\n%s" % (box.encode(), len(letter), letter))


@pytest.fixture
def three(world, carol):
    """(another program, straight), (one straight), (one through the agent); a fresh mailbox of five letters."""
    with straight_wire(world, CAROL) as other, straight_wire(world, CAROL) as judge, agent_wire(carol) as ours:
        fill(other, "Extended", 5)
        other.ok("SELECT Extended")
        yield other, judge, ours


def ok_ours_as_judged(judge, ours, command):
    """The answers, which must be the judge's.

    But for verdicts, order within a line, words for people, and what the judge says twice.
    """
    want, got = [spelled(wire.command(command)) for wire in (judge, ours)]
    assert got == want, command
    return want


def spelled(answer):
    untagged, end = answer
    lines = [re.sub(rb" ?\$Letterlock-[^ )]*", b"", line) for line in untagged]
    # FLAGS and PERMANENTFLAGS name the verdicts, and servers put them in any order
    lines = [line for line in lines if not re.match(rb"\* (FLAGS|OK \[PERMANENTFLAGS)", line)]
    lines = [re.sub(rb"^(\* (?:OK|NO) \[[^\]]*\]).*", rb"\1", line, flags=re.DOTALL) for line in lines]
    code = re.match(rb"(OK|NO|BAD)( \[[^\]]*\])?", end)
    words = [tuple(sorted(re.findall(rb"[^ ()]+", line.strip()))) for line in lines]
    return list(dict.fromkeys(words)), code.group()


@pytest.mark.parametrize("command", [
    'LIST "" *', 'LIST (SUBSCRIBED) "" *', 'LIST "" (INBOX Ext*)', 'LIST "" % RETURN (SUBSCRIBED CHILDREN)',
    'LIST (SPECIAL-USE) "" *', 'LIST "" * RETURN (SPECIAL-USE)',
    'LIST "" Ext* RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ))',
    "STATUS Extended (MESSAGES HIGHESTMODSEQ)", "GETQUOTAROOT INBOX", 'LIST (NONSENSE) "" *',
    "ENABLE X-NOT-THERE CONDSTORE", "STATUS Extended (HIGHESTMODSEQ NONSENSE)"])
def test_what_is_said_of_mailboxes_is_what_the_server_says(three, command):
    _, judge, ours = three
    ok_ours_as_judged(judge, ours, command)


@pytest.mark.parametrize("command", ["STATUS Extended (SIZE)", 'LIST "" * RETURN (STATUS (MESSAGES SIZE))'])
def test_the_size_of_sealed_letters_is_told_nobody(three, command):
    _, _, ours = three
    assert ours.command(command)[1].startswith(b"BAD")


def test_changes_since_a_mod_sequence_are_what_the_server_tells(three):
    other, judge, ours = three
    ok_ours_as_judged(judge, ours, "SELECT Extended (CONDSTORE)")
    since = mod_sequence(other, "Extended")
    other.ok(r"STORE 2,4 +FLAGS.SILENT (\Flagged)")
    for command in (f"FETCH 1:* (FLAGS) (CHANGEDSINCE {since})", f"UID FETCH 1:* (UID) (CHANGEDSINCE {since})",
                    "FETCH 1:* MODSEQ", "FETCH 1:3 (UID MODSEQ FLAGS)", f"SEARCH MODSEQ {since + 1}",
                    f"FETCH 1:* (FLAGS) (CHANGEDSINCE {since + 1000})"):
        ok_ours_as_judged(judge, ours, command)


def mod_sequence(wire, box):
    return int(re.search(rb"HIGHESTMODSEQ (\d+)", wire.ok(f"STATUS {box} (HIGHESTMODSEQ)")[0]).group(1))


def test_a_change_of_flags_is_refused_where_somebody_was_quicker(three):
    other, judge, ours = three
    ours.ok("SELECT Extended (CONDSTORE)")
    since = mod_sequence(other, "Extended")
    other.ok(r"STORE 2 +FLAGS.SILENT (\Flagged)")
    _, end = ours.command(rf"STORE 1:3 (UNCHANGEDSINCE {since}) +FLAGS (\Answered)")
    assert end.startswith(b"OK [MODIFIED 2]")
    judge.ok("SELECT Extended")
    answered = {number for number, items in judge.fetch("FETCH 1:* FLAGS").items() if rb"\Answered" in items[b"FLAGS"]}
    assert answered == {1, 3}


def test_changes_by_others_come_with_their_mod_sequence(three):
    other, judge, ours = three
    for wire in (judge, ours):
        wire.ok("ENABLE CONDSTORE")
        wire.ok("SELECT Extended")
    other.ok(r"STORE 3 +FLAGS.SILENT (\Flagged)")
    want, got = judge.fetch("NOOP")[3], ours.fetch("NOOP")[3]
    assert got[b"MODSEQ"] == want[b"MODSEQ"] and rb"\Flagged" in got[b"FLAGS"]
    # RFC 7162 section 3.2.4 wants it of servers with QRESYNC; the judge tells it with QRESYNC only
    assert got[b"UID"] == b"3"


def test_a_mailbox_is_taken_up_where_it_was_left(three):
    other, judge, ours = three
    validity, uids, since = state_of(judge)
    for wire in (judge, ours):
        wire.ok("ENABLE QRESYNC")
    other.ok(r"STORE 1 +FLAGS.SILENT (\Flagged)")
    other.ok(r"STORE 2 +FLAGS.SILENT (\Deleted)")
    other.ok("EXPUNGE")
    other.ok(b"APPEND Extended {%d+}\r\n%s" % (len(LETTER), LETTER))
    parameter = f"(QRESYNC ({validity} {since} {uids[0]}:{uids[-1]}))"
    want, got = [spelled(wire.command(f"SELECT Extended {parameter}")) for wire in (judge, ours)]
    # what is told of letters not judged yet comes when they are
    assert sorted(got[0]) == sorted(want[0]) and got[1] == want[1]
    assert ours.fetch("FETCH 1:* UID") == other.fetch("FETCH 1:* UID")


def state_of(wire):
    lines = b"".join(wire.ok("SELECT Extended"))
    validity = int(re.search(rb"UIDVALIDITY (\d+)", lines).group(1))
    uids = [int(items[b"UID"]) for items in wire.fetch("FETCH 1:* UID").values()]
    wire.ok("UNSELECT")
    return validity, uids, mod_sequence(wire, "Extended")


def test_letters_that_vanish_are_told_by_uid_and_numbers_stay_right(three):
    other, judge, ours = three
    for wire in (judge, ours):
        wire.ok("ENABLE QRESYNC")
        wire.ok("SELECT Extended")
    other.ok(r"STORE 1,3 +FLAGS.SILENT (\Deleted)")
    other.ok("EXPUNGE")
    told = ok_ours_as_judged(judge, ours, "NOOP")
    assert any(b"VANISHED" in line for line in told[0])
    assert ours.fetch("FETCH 1:* UID") == other.fetch("FETCH 1:* UID")
    since = mod_sequence(other, "Extended")
    other.ok(r"STORE 1 +FLAGS.SILENT (\Deleted)")
    other.ok("EXPUNGE")
    ok_ours_as_judged(judge, ours, f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {since} VANISHED)")
    assert ours.fetch("FETCH 1:* UID") == other.fetch("FETCH 1:* UID")


def test_uids_told_of_one_letter_leave_no_other_out(three):
    """The server tells the UID of the letter whose flags are set; the others are still to be learned."""
    _, _, ours = three
    ours.ok("SELECT Extended")
    last = ours.ok("UID SEARCH 3")[0].split()[-1].decode()
    ours.ok("UNSELECT")
    ours.ok("SELECT Extended")
    ours.ok(rf"UID STORE {last} +FLAGS (\Flagged)")
    assert list(ours.fetch("FETCH 1:* FLAGS")) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("command", [
    "SELECT Extended (QRESYNC (1 1))", "SELECT Extended (NONSENSE)", "SELECT Extended (CONDSTORE",
    "SELECT Extended CONDSTORE", "SELECT Extended (CONDSTORE))"])
def test_a_parameter_that_is_none_is_refused(three, command):
    _, _, ours = three
    assert ours.command(command)[1].startswith(b"BAD")


@pytest.mark.parametrize("command", [
    "FETCH 1 FLAGS (CHANGEDSINCE x)", "FETCH 1 FLAGS (CHANGEDSINCE)", "FETCH 1 FLAGS (CHANGEDSINCE 1",
    "FETCH 1 FLAGS (CHANGEDSINCE 99999999999999999999)", "FETCH 1 FLAGS (NONSENSE 1)",
    "FETCH 1 FLAGS (CHANGEDSINCE 1 CHANGEDSINCE 2)", "UID FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)",
    "UID FETCH 1 FLAGS (VANISHED)", "STORE 1 (UNCHANGEDSINCE x) FLAGS ()", "STORE 1 (NONSENSE 1) FLAGS ()",
    "STORE 1 (UNCHANGEDSINCE 1 FLAGS ()", "SEARCH MODSEQ x", "FETCH 1 EMAILID", "ENABLE", "ENABLE (CONDSTORE)"])
def test_a_modifier_that_is_none_is_refused_and_the_session_goes_on(three, command):
    _, _, ours = three
    ours.ok("SELECT Extended")
    assert ours.command(command)[1].startswith(b"BAD")
    ours.ok("NOOP")
