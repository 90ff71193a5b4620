"""One person's agent in a test: set up, started as systemd would, spoken to as mail programs do.

The listening sockets belong to the test, as they belong to systemd in real life: the agent can be
killed and started again, and nobody else can take the ports in between.
"""

import fcntl
import imaplib
import os
import signal
import smtplib
import socket
import ssl
import subprocess
import time
from pathlib import Path

READY_SECONDS = 20
# descriptors this high never collide with 3 and 4, where the agent finds its sockets
HIGH = 100

# What socket activation is: descriptors from 3 on, their count, and whom they are for.
ACTIVATE = 'LISTEN_PID=$$ exec "$@" %s'


def listen_on(address="127.0.0.1", port=0):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(64)
        high = fcntl.fcntl(listener.fileno(), fcntl.F_DUPFD_CLOEXEC, HIGH)
    return socket.socket(fileno=high)


class Agent:
    """The agent of `address` in a home below `directory`."""

    def __init__(self, world, program, address, directory):
        self.world = world
        self.program = str(program)
        self.address = address
        self.dir = Path(directory) / address
        self.dir.mkdir(parents=True, exist_ok=True)
        self.home = self.dir / "home"
        self.key_file = self.dir / "key"
        self.credential_file = self.dir / "credential"
        self.log_path = self.dir / "agent.log"
        self.smtp_socket = listen_on()
        self.imap_socket = listen_on()
        self.more = {}  # name: a socket that is handed over too
        self.process = None

    # commands

    def where(self):
        return ["--home", str(self.home), "--key-file", str(self.key_file)]

    def run(self, command, *words, **more):
        return subprocess.run([self.program, command, *map(str, words), *self.where()],
                              capture_output=True, timeout=150, **more)

    def setup(self, *words, check=True):
        facts = self.world.facts
        done = self.run(
            "setup", self.address,
            "--password-file", self.world.users[self.address]["password_file"],
            "--authority", self.world.authority["acme_directory"],
            "--trust", self.world.authority["root"],
            "--tls-trust", facts["tls_ca"],
            "--dns", f"{facts['dns']['address']}@{facts['dns']['port']}",
            "--dns-anchors", facts["dns"]["anchors"],
            "--credential-file", self.credential_file, *words)
        if check:
            assert done.returncode == 0, done.stderr.decode()
        return done

    def export(self, path, passphrase="correct horse battery"):
        """The encrypting key as PKCS#12, as a person would keep it for bad times."""
        secret = self.dir / "passphrase"
        secret.write_text(passphrase + "\n")
        done = self.run("recover", "--to", path, "--passphrase-file", secret)
        assert done.returncode == 0, done.stderr.decode()
        return passphrase

    # the process

    def command(self, *words):
        return [self.program, "agent", *self.where(), *self.status(), *words]

    def status(self):
        """Who may be asked about revocation; patiently, for these machines have much to do."""
        if not self.world.authority:
            return []
        return ["--status-network", self.world.authority["address"], "--status-wait", "5000"]

    def start(self, *words, env=None, wait=True):
        """`env`: added to the environment."""
        sockets = {"smtp": self.smtp_socket, "imap": self.imap_socket, **self.more}
        fds = [sock.fileno() for sock in sockets.values()]
        env = {**os.environ, **(env or {}), "LISTEN_FDS": str(len(fds)), "LISTEN_FDNAMES": ":".join(sockets)}
        handed = " ".join(f"{at}<&{fd}" for at, fd in enumerate(fds, 3))
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                ["bash", "-c", ACTIVATE % handed, "sh", *self.command(*words)],
                pass_fds=fds, env=env, stdout=log, stderr=log)
        if wait:
            self.wait_until_ready()

    def wait_until_ready(self):
        until = time.monotonic() + READY_SECONDS
        while time.monotonic() < until:
            assert self.process.poll() is None, self.log()
            try:
                with self.smtp(login=False) as smtp:
                    smtp.noop()
                return
            except (OSError, smtplib.SMTPException):
                time.sleep(0.05)
        raise AssertionError(f"the agent does not answer: {self.log()}")

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        assert self.process.wait(60) == 0, self.log()
        self.process = None

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)
        self.process = None

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait(30)
        self.smtp_socket.close()
        self.imap_socket.close()

    @property
    def sanitized(self):
        """Sanitizers keep what was freed: how much memory it takes says nothing then."""
        return "libasan" in Path(f"/proc/{self.process.pid}/maps").read_text()

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    # as a mail program

    @property
    def credential(self):
        return self.credential_file.read_text().strip()

    @property
    def tls(self):
        return ssl.create_default_context(cafile=str(self.home / "localhost.pem"))

    @property
    def smtp_port(self):
        return self.smtp_socket.getsockname()[1]

    @property
    def imap_port(self):
        return self.imap_socket.getsockname()[1]

    def smtp(self, login=True, timeout=60):
        smtp = smtplib.SMTP_SSL("127.0.0.1", self.smtp_port, context=self.tls, timeout=timeout,
                                local_hostname="mailprogram.test")
        if login:
            smtp.login(self.address, self.credential)
        return smtp

    def imap(self, login=True, timeout=60):
        imap = imaplib.IMAP4_SSL("127.0.0.1", self.imap_port, ssl_context=self.tls,
                                 timeout=timeout)
        if login:
            imap.login(self.address, self.credential)
        return imap

    def send(self, message, recipients):
        with self.smtp() as smtp:
            return smtp.send_message(message, from_addr=self.address, to_addrs=recipients)

    def letters(self, mailbox="INBOX"):
        """[(flags, bytes)] of every letter, through the agent."""
        imap = self.imap()
        try:
            status, _ = imap.select(mailbox, readonly=True)
            assert status == "OK"
            status, found = imap.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[])")
            assert status == "OK", found
            return [(imaplib.ParseFlags(part[0]), part[1])
                    for part in found if isinstance(part, tuple)]
        finally:
            imap.logout()

    def wait_for(self, message_id, seconds=20):
        """(flags, bytes) of the letter with that Message-ID, once it is there."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for flags, letter in self.letters():
                if message_id.encode() in letter:
                    return flags, letter
            time.sleep(0.2)
        raise AssertionError(f"{message_id} did not arrive; agent says: {self.log()}")
