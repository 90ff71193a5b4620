"""Getting certificates from another authority than our own, which does everything wrong in turn."""

import imaplib
import re
import subprocess
import threading
import time

import pytest

from agentworld import Agent
from otherauthority import OtherAuthority

ALICE = "alice@alpha.test"
KILLS = 12


@pytest.fixture(scope="module")
def place(world):
    """Where our own authority is otherwise."""
    with world.stopped(*["authority"] if world.authority else []):
        yield world


@pytest.fixture
def elsewhere(place):
    """A function that makes the other authority; Alice's inbox is empty again afterwards."""
    yield lambda **faults: OtherAuthority(place.dir, **faults)
    if place.fetch_all(ALICE):
        place.empty(ALICE)


@pytest.fixture
def home(world, program, tmp_path):
    agent = Agent(world, program, ALICE, tmp_path)
    yield agent
    agent.close()


def words(home, authority):
    facts = home.world.facts
    return ["setup", ALICE, "--password-file", home.world.users[ALICE]["password_file"],
            "--authority", authority.directory, "--trust", authority.root,
            "--tls-trust", facts["tls_ca"],
            "--dns", f"{facts['dns']['address']}@{facts['dns']['port']}",
            "--dns-anchors", facts["dns"]["anchors"], "--credential-file", home.credential_file]


def run_setup(home, authority):
    return home.run(*words(home, authority))


def expect_done(home, authority):
    done = run_setup(home, authority)
    assert done.returncode == 0, done.stderr.decode()
    status = home.run("status")
    assert status.returncode == 0, status
    return done


def expect_no(home, authority, what):
    done = run_setup(home, authority)
    assert done.returncode == 2
    assert what in done.stderr, done.stderr
    assert done.stderr.count(b"\n") == 1, done.stderr


def message_ids(letters):
    return {re.search(rb"(?mi)^Message-ID: (\S+)", letter).group(1) for letter in letters}


def test_both_certificates_come_with_one_challenge(elsewhere, home):
    with elsewhere() as authority:
        expect_done(home, authority)
        [answer] = authority.letters
        header = answer.partition(b"\r\n\r\n")[0]
        assert b"\r\nAuto-Submitted: auto-replied\r\n" in header
        assert b"\r\nIn-Reply-To: <" in header
        assert not home.world.fetch_all(ALICE)


def test_with_good_certificates_nobody_is_asked(elsewhere, home):
    with elsewhere() as authority:
        expect_done(home, authority)
        before = len(authority.requests)
        expect_done(home, authority)
        assert len(authority.requests) == before


@pytest.mark.parametrize("faults, answers", [
    ({"bad_nonce": 3}, 1),
    ({"processing": 2}, 1),
    ({"no_reuse": True}, 2),
    ({"ask_again": 1}, 2),
])
def test_a_fussy_authority_gets_what_it_wants(elsewhere, home, faults, answers):
    with elsewhere(**faults) as authority:
        expect_done(home, authority)
        assert len(message_ids(authority.letters)) == answers
        assert not home.world.fetch_all(ALICE)


@pytest.mark.parametrize("faults, says", [
    ({"html": True}, b"is not a JSON object"),
    ({"bad_nonce": True}, b"that nonce is used up"),
    ({"refuse_order": True}, b"not in ?[31mthis?[0m house"),
    ({"refuse_csr": True}, b"we do not like that key"),
    ({"never_valid": True}, b"the digest is wrong"),
    ({"foreign_key": 1}, b"is not for alice@alpha.test"),
])
def test_what_an_authority_says_is_told_and_the_next_try_begins_anew(elsewhere, home, faults,
                                                                     says):
    with elsewhere(**faults) as authority:
        expect_no(home, authority, says)
        authority.faults.clear()
        expect_done(home, authority)


@pytest.mark.parametrize("moment", range(KILLS))
def test_killed_at_any_moment_the_next_run_finishes(elsewhere, home, moment):
    with elsewhere() as authority:
        try:
            subprocess.run([home.program, *map(str, words(home, authority)), *home.where()],
                           capture_output=True, timeout=0.04 + 0.06 * moment)
        except subprocess.TimeoutExpired:
            pass  # it was killed
        expect_done(home, authority)
        assert len(message_ids(authority.letters)) == 1
        assert not home.world.fetch_all(ALICE)


def wait_for_authorization(authority):
    until = time.monotonic() + 20
    while not authority.authorizations:
        assert time.monotonic() < until
        time.sleep(0.02)
    return next(iter(authority.authorizations.values()))


def while_it_waits(authority, act):
    """Run `act` with the authorization once it is asked for."""
    thread = threading.Thread(target=lambda: act(wait_for_authorization(authority)))
    thread.start()
    return thread


def test_a_forgery_of_the_awaited_challenge_is_not_answered(elsewhere, home, world):
    """Somebody who guessed the sender mails first; only the signed one counts."""
    def act(one):
        forged = (f"From: {one['from']}\r\nTo: {ALICE}\r\nSubject: ACME: AAAAAAAAAAAAAAAAAAAA\r\n"
                  "Auto-Submitted: auto-generated; type=acme\r\n"
                  "Message-ID: <forged@authority.test>\r\n\r\nhello\r\n")
        with world.stranger("alpha.test", "127.0.0.13") as smtp:
            smtp.sendmail("eve@beta.test", [ALICE], forged.encode())
        time.sleep(1)
        authority.mail_challenge(one)

    with elsewhere(no_mail=True) as authority:
        thread = while_it_waits(authority, act)
        done = expect_done(home, authority)
        thread.join()
        assert b"somebody else is trying" in done.stderr
        [answer] = authority.letters
        assert b"AAAAAAAAAAAAAAAAAAAA" not in answer
        [left] = world.fetch_all(ALICE)
        assert b"<forged@authority.test>" in left


def test_only_the_challenge_is_removed(elsewhere, home, world):
    """A letter that the person marked as deleted and did not expunge stays."""
    world.send_plain("carol@alpha.test", ALICE,
                     b"From: carol@alpha.test\r\nTo: alice@alpha.test\r\n"
                     b"Subject: ACME: not a challenge\r\nMessage-ID: <kept@alpha.test>\r\n\r\nx\r\n")
    world.wait_for_letter(ALICE, "<kept@alpha.test>")
    domain = world.domain_of(ALICE)
    with imaplib.IMAP4_SSL(domain["address"], domain["ports"]["imaps"],
                           ssl_context=world.tls) as imap:
        imap.login(ALICE, world.password(ALICE))
        imap.select("INBOX")
        assert imap.store("1:*", "+FLAGS", r"(\Deleted)")[0] == "OK"
        imap.unselect()
    with elsewhere() as authority:
        expect_done(home, authority)
    [left] = world.fetch_all(ALICE)
    assert b"<kept@alpha.test>" in left


def test_a_mail_server_that_restarts_does_not_end_it(elsewhere, home, world):
    def act(one):
        world.stop("alpha-dovecot")
        time.sleep(1)
        world.start("alpha-dovecot")
        authority.mail_challenge(one)

    with elsewhere(no_mail=True) as authority:
        thread = while_it_waits(authority, act)
        expect_done(home, authority)
        thread.join()
