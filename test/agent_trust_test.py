"""The trust settings in the agent's folder: read when it starts, and what follows from them."""

import contextlib

from people import letter, parse

ALICE, BOB = "alice@alpha.test", "bob@beta.test"
TRUE = b"Authentication-Results: mx.beta.test; dmarc=pass header.from=alpha.test\r\n"
FORGED = b"Authentication-Results: mx.beta.test; dmarc=pass header.from=forged.test\r\n"


@contextlib.contextmanager
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


def test_a_letter_that_is_opened_shows_no_forged_results(world, alice, bob):
    """As a server would have it that writes its own and leaves the sender's where they are."""
    sent = letter(ALICE, [BOB])
    alice.send(sent, [BOB])
    octets = world.wait_for_letter(BOB, sent["Message-ID"])
    at = octets.index(b"\r\nReceived:") + 2 if not octets.startswith(b"Received:") else 0
    end = octets.index(b"\r\nFrom:") + 2
    changed = octets[:at] + TRUE + octets[at:end] + FORGED + octets[end:]
    world.empty(BOB)
    with world.mailbox(BOB) as imap:
        assert imap.append("INBOX", None, None, changed)[0] == "OK"
    with trusting(bob, "authserv mx.beta.test\n"):
        bob.start()
        flags, octets = bob.wait_for(sent["Message-ID"])
    shown = parse(octets)
    assert b"$Letterlock-reason-dmarc.pass" in flags
    assert shown["Letterlock-Verdict"].startswith("verified")
    assert shown.get_all("Authentication-Results") == [TRUE.decode().partition(": ")[2].strip()]
