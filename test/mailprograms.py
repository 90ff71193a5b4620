"""Mail programs of other people, told where the agent is: mbsync and mutt."""

import os
import pty
import re
import select
import subprocess
import time


# its own mark, which it leaves in what it copies
TUID = re.compile(rb"(?m)^X-TUID: .*\n")


class MbSync:
    """`directory`: where its letters and its state lie."""

    def __init__(self, agent, directory):
        self.dir = directory
        (directory / "mail").mkdir(parents=True)
        self.file = directory / "mbsyncrc"
        self.file.write_text(f"""
IMAPAccount agent
Host localhost
Port {agent.imap_port}
User {agent.address}
PassCmd "cat {agent.credential_file}"
SSLType IMAPS
CertificateFile {agent.home}/localhost.pem

IMAPStore there
Account agent

MaildirStore here
Path {directory}/mail/
Inbox {directory}/inbox
SubFolders Verbatim

Channel all
Far :there:
Near :here:
Patterns %
Create Both
Remove None
Expunge Both
SyncState {directory}/state-
CopyArrivalDate yes
""")

    def sync(self, box):
        done = subprocess.run(["mbsync", "-c", self.file, f"all:{box}"], capture_output=True, timeout=120)
        assert done.returncode == 0, done.stderr.decode()

    def letters(self, box):
        """{path: bytes as they are on the wire, without the line that is mbsync's own}"""
        return {path: TUID.sub(b"", path.read_bytes()).replace(b"\n", b"\r\n")
                for sub in ("new", "cur") for path in (self.dir / "mail" / box / sub).iterdir()}

    def put(self, box, name, octets):
        (self.dir / "mail" / box / "cur" / f"{name}:2,").write_bytes(octets.replace(b"\r\n", b"\n"))


class Mutt:
    def __init__(self, agent, directory):
        self.dir = directory
        directory.mkdir(parents=True, exist_ok=True)
        url = f"{agent.address.replace('@', '%40')}@localhost"
        self.imap = f"imaps://{url}:{agent.imap_port}/"
        self.file = directory / "muttrc"
        self.file.write_text(f"""
set imap_pass = "{agent.credential}"
set smtp_pass = "{agent.credential}"
set smtp_url = "smtps://{url}:{agent.smtp_port}/"
set smtp_authenticators = "plain"
set from = "{agent.address}"
set realname = "Mutt"
set folder = "{self.imap}"
set spoolfile = "{self.imap}INBOX"
set record = "{self.imap}Sent"
set postponed = "{self.imap}Drafts"
set ssl_ca_certificates_file = "{agent.home}/localhost.pem"
set editor = "{directory}/editor"
set tmpdir = "{directory}"
set abort_unmodified = no
set confirmappend = no
set confirmcreate = no
set move = no
set delete = yes
set mark_old = no
set wait_key = no
set postpone = yes
set recall = no
set sleep_time = 0
set crypt_use_gpgme = no
""")
        editor = directory / "editor"
        editor.write_text('#!/bin/sh\necho "written in the editor" >>"$1"\n')
        editor.chmod(0o755)

    def press(self, keys, box="INBOX", seconds=30):
        """Begin with that mailbox, press keys, and wait until it has ended; what stood on its screen."""
        words = ["mutt", "-n", "-F", str(self.file), "-f", self.imap + box, "-e", f'push "{keys}"']
        child, screen = pty.fork()
        if child == 0:
            os.environ.update(TERM="vt100", HOME=str(self.dir), LC_ALL="C.UTF-8", COLUMNS="120", LINES="40")
            os.execvp(words[0], words)
        return self.watch(child, screen, seconds)

    @staticmethod
    def watch(child, screen, seconds):
        until, said = time.monotonic() + seconds, b""
        while time.monotonic() < until:
            if select.select([screen], [], [], 0.2)[0]:
                try:
                    said += os.read(screen, 65536)
                except OSError:  # it has gone
                    break
        else:
            os.kill(child, 9)
            os.waitpid(child, 0)
            raise AssertionError(f"mutt does not end: {said[-3000:]!r}")
        _, status = os.waitpid(child, 0)
        os.close(screen)
        assert status == 0, said[-3000:]
        return said

    def send(self, to, subject, text):
        done = subprocess.run(["mutt", "-n", "-F", self.file, "-s", subject, "--", to], input=text.encode(),
                              capture_output=True, timeout=120, env={**os.environ, "HOME": str(self.dir), "TERM": "dumb"})
        assert done.returncode == 0, (done.stdout, done.stderr)
