"""The agent remembers whom the person knows, and what it was told; `letterlock people` beside it."""

import imaplib
import time
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

import pytest

from later import in_days
from people import letter

ALICE, BOB, CAROL = "alice@alpha.test", "bob@beta.test", "carol@alpha.test"
IMPOSTOR = "alice@a1pha.test"


def plain(sender, recipient=BOB):
    message = EmailMessage()
    message["From"], message["To"] = sender, recipient
    message["Subject"], message["Date"] = "hello", formatdate()
    message["Message-ID"] = make_msgid(domain="somewhere.test")
    message.set_content("Nothing of importance.\n")
    return message


def put(world, message, mailbox="INBOX", address=BOB):
    """Straight into the store: how it came there is not what is tested here."""
    domain = world.domain_of(address)
    with imaplib.IMAP4_SSL(domain["address"], domain["ports"]["imaps"], timeout=30,
                           ssl_context=world.tls) as imap:
        imap.login(address, world.password(address))
        imap.create(mailbox)
        assert imap.append(mailbox, None, None, message.as_bytes())[0] == "OK"
    return message["Message-ID"]


def verdict(agent, message_id):
    """The level and the reasons of the letter, as keywords tell them."""
    flags, _ = agent.wait_for(message_id)
    ours = [flag.decode() for flag in flags if flag.startswith(b"$Letterlock-")]
    reasons = {flag.removeprefix("$Letterlock-reason-") for flag in ours if "-reason-" in flag}
    level, = {flag.removeprefix("$Letterlock-") for flag in ours if "-reason-" not in flag}
    return level, reasons


def judge(world, agent, sender):
    """Of a fresh unsigned letter."""
    return verdict(agent, put(world, plain(sender)))


def told(agent, *words):
    done = agent.run("people", *words)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def line_of(agent, address):
    lines = [line for line in told(agent, "list").splitlines() if line.startswith(address)]
    assert len(lines) == 1, lines
    return lines[0]


def send(sender, to, **more):
    message = letter(sender.address, [to], **more)
    sender.send(message, [to])
    return message["Message-ID"]


def test_whom_a_person_writes_to_is_known_and_cannot_be_imitated(world, alice, bob):
    assert judge(world, bob, IMPOSTOR) == ("unsigned", {"sig.none"})
    send(bob, ALICE)
    assert "written to" in line_of(bob, ALICE)
    level, reasons = judge(world, bob, IMPOSTOR)
    assert level == "danger" and "addr.confusable" in reasons
    # and with what is remembered after a start
    bob.stop()
    bob.start()
    assert judge(world, bob, IMPOSTOR)[0] == "danger"


def test_fine_is_remembered_while_the_agent_runs_and_can_be_undone(world, alice, bob):
    send(bob, ALICE)
    assert judge(world, bob, IMPOSTOR)[0] == "danger"
    told(bob, "fine", "Alice@A1pha.test")
    assert "fine since" in line_of(bob, IMPOSTOR)
    assert judge(world, bob, IMPOSTOR) == ("unsigned", {"sig.none"})
    told(bob, "undo", IMPOSTOR)
    assert judge(world, bob, IMPOSTOR)[0] == "danger"


def test_own_domains_cannot_be_imitated(world, bob):
    stranger = "boss@de1ta-holding.test"
    assert judge(world, bob, stranger)[0] == "unsigned"
    told(bob, "own", "delta-holding.test")
    assert "own domain delta-holding.test" in told(bob, "list")
    assert judge(world, bob, stranger)[0] == "danger"
    told(bob, "own", "delta-holding.test", "--remove")
    assert judge(world, bob, stranger)[0] == "unsigned"


def test_verified_letters_are_counted_and_each_of_them_once(alice, bob):
    arrived = [send(alice, BOB) for _ in range(3)]
    for message_id in arrived:
        assert verdict(bob, message_id)[0] == "verified"
    assert "; 3 verified letters since " in line_of(bob, ALICE)
    assert ", 1 keys, 1 roots" in line_of(bob, ALICE)
    with bob.imap() as imap:
        imap.select("INBOX")
        imap.create("Kept")
        assert imap.copy("1:*", "Kept")[0] == "OK"
    assert len(bob.letters("Kept")) >= 3
    assert "; 3 verified letters since " in line_of(bob, ALICE)


def test_who_always_signs_is_missed_when_a_letter_is_not_signed(world, alice, bob):
    for _ in range(3):
        verdict(bob, send(alice, BOB))
    level, reasons = judge(world, bob, ALICE)
    assert level == "unsigned" and "key.always-signed" in reasons
    # an innocent one, and what is said of her keys, is no word on unsigned ones
    told(bob, "fine", ALICE)
    assert "key.always-signed" in judge(world, bob, ALICE)[1]
    told(bob, "fine", ALICE, "--unsigned")
    assert " without signature too; " in line_of(bob, ALICE)
    assert judge(world, bob, ALICE) == ("unsigned", {"sig.none"})
    told(bob, "undo", ALICE)
    assert "key.always-signed" in judge(world, bob, ALICE)[1]
    # an innocent one does not make the next one usual
    message = plain(ALICE)
    message.set_content("Please transfer the money today, and tell nobody.\n")
    level, reasons = verdict(bob, put(world, message))
    assert level == "danger" and "key.always-signed" in reasons


@pytest.mark.parametrize("words, why", [
    ([], "want list"), (["fine"], "want list"), (["list", "x"], "want list"),
    (["forget", ALICE], "want list"), (["fine", ALICE, "--remove"], "want list"),
    (["undo", ALICE, "--unsigned"], "want list"), (["own", "b.test", "--unsigned"], "want list"),
    (["fine", "alice"], "is no address"), (["fine", f"{ALICE}, {BOB}"], "is no address"),
    (["undo", "nobody@nowhere.test"], "nobody said that"),
    (["own", "nonsense"], "is no domain"), (["own", "a b.test"], "is no domain"),
    (["own", "other.test", "--remove"], "was not named")])
def test_what_cannot_be_done_is_told_in_one_line(bob, words, why):
    done = bob.run("people", *words)
    assert done.returncode == 2 and done.stdout == b""
    assert why in done.stderr.decode() and done.stderr.count(b"\n") == 1


# views


def views(agent):
    return {path for path in (agent.home / "views").glob("*/*") if path.is_file()}


def count_until(agent, want, seconds=5):
    until = time.monotonic() + seconds
    while len(views(agent)) != want and time.monotonic() < until:
        time.sleep(0.05)
    return len(views(agent))


def straight(world, mailbox):
    domain = world.domain_of(BOB)
    imap = imaplib.IMAP4_SSL(domain["address"], domain["ports"]["imaps"], timeout=30,
                             ssl_context=world.tls)
    imap.login(BOB, world.password(BOB))
    assert imap.select(mailbox)[0] == "OK"
    return imap


def test_of_letters_that_are_gone_nothing_stays(world, alice, bob):
    send(alice, BOB)
    for _ in range(3):
        put(world, plain("somebody@else.test"), "Gone")
    before = len(views(bob))
    assert len(bob.letters("Gone")) == 3
    assert len(views(bob)) == before + 3
    # the mail program deletes one
    with bob.imap() as imap:
        imap.select("Gone")
        imap.fetch("1:*", "FLAGS")
        imap.store("2", "+FLAGS", r"(\Deleted)")
        assert imap.expunge()[0] == "OK"
    assert count_until(bob, before + 2) == before + 2
    # another one deletes one, and we hear of it at the next SELECT
    with straight(world, "Gone") as imap:
        imap.store("1", "+FLAGS", r"(\Deleted)")
        imap.expunge()
    assert len(bob.letters("Gone")) == 1
    assert len(views(bob)) == before + 1
    # the last one of a mailbox
    with straight(world, "Gone") as imap:
        imap.store("1", "+FLAGS", r"(\Deleted)")
        imap.expunge()
    with bob.imap() as imap:
        imap.select("Gone")
        imap.uid("FETCH", "1:*", "FLAGS")
    assert len(views(bob)) == before


@pytest.mark.parametrize("verb", ["COPY", "MOVE"])
def test_a_letter_that_is_filed_away_is_shown_as_before(alice, bob, verb):
    """Its verdict says as of when: judged anew, it would say another time."""
    message_id = send(alice, BOB)
    _, shown = bob.wait_for(message_id)
    time.sleep(1.1)
    box = f"Filed by {verb}"
    with bob.imap() as imap:
        imap.select("INBOX")
        imap.create(f'"{box}"')
        _, found = imap.uid("SEARCH", None, "ALL")
        uid = found[0].split()[-1].decode()
        assert imap.uid(verb, f"1,{uid}:{uid}" if verb == "COPY" else uid, f'"{box}"')[0] == "OK"
    flags, again = bob.letters(f'"{box}"')[-1]
    assert again == shown and b"$Letterlock-verified" in flags
    assert any(letter == shown for _, letter in bob.letters()) == (verb == "COPY")


def test_a_mailbox_that_was_made_anew_leaves_nothing_of_the_old_one(world, bob):
    before = len(views(bob))
    put(world, plain("somebody@else.test"), "Anew")
    assert len(bob.letters("Anew")) == 1
    with straight(world, "INBOX") as imap:
        assert imap.delete("Anew")[0] == "OK"
        assert imap.create("Anew")[0] == "OK"
    put(world, plain("somebody@else.test"), "Anew")
    assert len(bob.letters("Anew")) == 1
    assert len(views(bob)) == before + 1


def test_what_is_kept_of_a_mailbox_goes_with_it(world, alice, bob):
    """Renamed, with those below it, it is shown as before; deleted, nothing of it stays."""
    message_id = send(alice, BOB)
    shown = bob.wait_for(message_id)[1]
    before = views(bob)
    with bob.imap() as imap:
        imap.create("Up.Down")
        imap.create("Up")
        imap.select("INBOX")
        _, found = imap.uid("SEARCH", None, "ALL")
        uid = found[0].split()[-1].decode()
        assert imap.uid("COPY", uid, "Up")[0] == "OK"
        assert imap.uid("MOVE", uid, "Up.Down")[0] == "OK"
    put(world, plain("somebody@else.test"), "Up")
    assert len(bob.letters("Up")) == 2 and len(bob.letters("Up.Down")) == 1
    kept = len(views(bob))
    time.sleep(1.1)
    with bob.imap() as imap:
        assert imap.rename("Up", "Other")[0] == "OK"
        assert len(views(bob)) == kept
    for box in ("Other", "Other.Down"):
        assert bob.letters(box)[0][1] == shown  # judged anew, it would say another time
    assert len(views(bob)) == kept
    with bob.imap() as imap:
        assert imap.rename("Nothing", "Something")[0] == "NO"
        assert imap.delete("Other.Down")[0] == "OK"
        assert imap.delete("Other")[0] == "OK"
    assert views(bob) <= before and len(views(bob)) < kept


def written(agent):
    return {path: path.stat().st_ino for path in views(agent)}


def test_a_verdict_is_renewed_when_the_letter_is_looked_at_days_later(world, agents, bob):
    """What is shown stays what it was: it says as of when."""
    carol = agents[CAROL]
    for _ in range(10):
        put(world, plain("somebody@else.test", CAROL), "Many", CAROL)
    assert len(carol.letters("Many")) == 10
    message_id = send(bob, CAROL)
    assert verdict(carol, message_id)[0] == "verified"
    _, was = carol.wait_for(message_id)
    # now beta.test looks like a domain of one's own
    carol.stop()
    told(carol, "own", "b3ta.test")
    carol.start()
    assert verdict(carol, message_id)[0] == "verified"
    carol.stop()
    carol.start(env=in_days(2))
    with carol.imap() as imap:
        imap.select("INBOX")
        _, found = imap.search(None, "ALL")
        last = found[0].split()[-1].decode()
        _, flags = imap.fetch(last, "(FLAGS)")
        assert b"$Letterlock-verified" in flags[0]
        # asked for the letter alone: the flags that changed are told too
        _, answers = imap.fetch(last, "(BODY.PEEK[])")
        assert any(b"$Letterlock-danger" in answer for answer in answers
                   if isinstance(answer, bytes))
        assert any(b"Letterlock-Verdict: verified" in answer[1] for answer in answers
                   if isinstance(answer, tuple))
        _, flags = imap.fetch(last, "(FLAGS)")
        assert b"$Letterlock-danger" in flags[0]
    level, reasons = verdict(carol, message_id)
    assert level == "danger" and "addr.confusable" in reasons
    assert carol.wait_for(message_id)[1] == was
    # whoever fetches a whole mailbox does not wait for all of it to be judged
    for more in (8, 2, 0):
        before = written(carol)
        with carol.imap() as imap:
            imap.select("Many")
            assert len(imap.fetch("1:*", "(BODY.PEEK[HEADER])")[1]) >= 10
        assert len(set(written(carol).items()) - set(before.items())) == more
