"""A mailbox that was there before the agent is taken over as it is, without a download.

Dovecot says at the end of each session how many bytes it sent.
"""

import re
import shutil
import subprocess
import time
from pathlib import Path


from conftest import long

LETTER = ("From: Old Friend <friend@elsewhere.test>\r\nTo: alice@alpha.test\r\n"
          "Subject: letter %d\r\nMessage-ID: <%d@elsewhere.test>\r\n"
          "Date: Mon, 2 Nov 2020 10:00:00 +0000\r\n\r\n" + "words of long ago\r\n" * 500)
SIZE = len(LETTER)


def fill(world, count):
    """Letters as they lie in Dovecot's own Maildir, put there behind its back."""
    maildir = Path(world.domains["alpha.test"]["store"]) / "alice" / "Maildir"
    for folder in ("cur", "new", "tmp"):
        (maildir / folder).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        path = maildir / "cur" / f"1604311200.M{number}P1.old:2,S"
        path.write_text(LETTER % (number, number), newline="")
    subprocess.run(["chown", "-R", "mail:mail", maildir.parent], check=True)
    return maildir


def bytes_sent(world, before):
    """By all sessions of Dovecot that ended since."""
    time.sleep(0.5)
    log = (Path(world.dir) / "log" / "alpha-dovecot.log").read_text(errors="replace")
    ended = re.findall(r"imap\(alice@alpha\.test\).* out=(\d+)", log[before:])
    assert ended, log[before:]
    return sum(map(int, ended))


def allowed(count):
    """The newest letters are judged at once; of all others come flags, sizes and headers."""
    return 40 * SIZE + count * 600


def take_over(world, alice, count):
    maildir = fill(world, count)
    log = Path(world.dir) / "log" / "alpha-dovecot.log"
    before = len(log.read_text(errors="replace"))
    began = time.monotonic()
    imap = alice.imap(timeout=300)
    try:
        status, said = imap.select()
        print(f"first folder after {time.monotonic() - began:.2f} s")
        assert status == "OK" and int(said[0]) >= count
        status, flags = imap.uid("FETCH", "1:*", "(FLAGS)")
        assert status == "OK" and len(flags) >= count
        status, sizes = imap.uid("FETCH", "1:*", "(RFC822.SIZE)")
        assert status == "OK" and len(sizes) >= count
    finally:
        imap.logout()
        shutil.rmtree(maildir)
    return bytes_sent(world, before)


def test_a_mailbox_of_before_is_taken_over_without_a_download(world, alice):
    sent = take_over(world, alice, 400)
    assert sent < allowed(400), sent


@long
def test_fifty_thousand_letters_are_taken_over_without_a_download(world, alice):
    sent = take_over(world, alice, 50000)
    assert sent < allowed(50000), sent
