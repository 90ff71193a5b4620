"""A PostgreSQL of a test's own: on a Unix socket in its folder, and nowhere else."""

import os
import shutil
import socket
import subprocess
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg2

OPTIONS = "-c listen_addresses='' -c shared_buffers=32MB -c max_connections=60"


class Postgres:
    """Durable as Debian's own would be, so that a kill tests what it seems to test."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.programs = max(Path("/usr/lib/postgresql").glob("*/bin"))
        self.url = f"postgresql://letterlock@/postgres?host={self.folder}"
        self.run("initdb", "-N", "-D", self.folder / "data", "-U", "letterlock", "--auth=trust",
                 "-E", "UTF8", "--locale=C")
        self.start()

    def run(self, program, *words):
        """PostgreSQL refuses to be root."""
        command = [self.programs / program, *words]
        if os.getuid() == 0:
            shutil.chown(self.folder, "nobody")
            command = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *command]
        log = self.folder / "log"
        with open(self.folder / "said", "ab") as said:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                  cwd=self.folder, check=False)
        assert done.returncode == 0, (self.folder / "said").read_text() + (
            log.read_text() if log.exists() else "")

    def start(self):
        self.run("pg_ctl", "-D", self.folder / "data", "-w", "-l", self.folder / "log",
                 "-o", f"-k {self.folder} {OPTIONS}", "start")

    def stop(self):
        """As a crash of it."""
        self.run("pg_ctl", "-D", self.folder / "data", "-w", "-m", "immediate", "stop")

    def query(self, text, values=()):
        connection = psycopg2.connect(self.url)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(text, values)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()


COMMIT = b"Q\0\0\0\x0bCOMMIT\0"  # PostgreSQL's protocol, "simple query"
WAIT = 20


class Cutter:
    """A way to a PostgreSQL (whose socket lies in `folder`) that ends at a COMMIT when that is
    wanted: once it was done and before its answer arrives, or before it gets there.  It is the one
    of whoever has just said a certain word: jobs commit, too."""

    def __init__(self, folder):
        self.there = str(Path(folder) / ".s.PGSQL.5432")
        self.listener = socket.create_server(("127.0.0.1", 0))
        port = self.listener.getsockname()[1]
        self.url = (f"postgresql://letterlock@127.0.0.1:{port}/postgres"
                    "?sslmode=disable&gssencmode=disable")
        self.word, self.before, self.cut = None, False, threading.Event()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self.there)
                for way in ((near, far, True), (far, near, False)):
                    threading.Thread(target=self.carry, args=way, daemon=True).start()

    def carry(self, source, sink, outward):
        said = None
        with suppress(OSError):
            while octets := source.recv(65536):
                if outward and self.word and self.word in octets:
                    said = self.word
                if said and said == self.word and octets.endswith(COMMIT):
                    self.word = None
                    self.end_at(octets, source, sink)
                    return
                sink.sendall(octets)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def end_at(self, octets, near, far):
        """Nobody reads the answer on the other way: that one is shut before it is sent."""
        near.shutdown(socket.SHUT_WR)
        if not self.before:
            far.sendall(octets)
            far.shutdown(socket.SHUT_WR)  # the server has done what it read when it goes
            with suppress(OSError):
                while far.recv(65536):
                    pass
        for end in (near, far):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self.cut.set()

    @contextmanager
    def cutting(self, word, before=False):
        """The next COMMIT behind that word is where it ends."""
        self.before = before
        self.cut.clear()
        self.word = word.encode()
        yield
        assert self.cut.wait(WAIT), "nothing was committed"

    def close(self):
        self.listener.close()
