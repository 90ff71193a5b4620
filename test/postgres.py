"""A PostgreSQL of a test's own: on a Unix socket in its folder, and nowhere else."""

import os
import shutil
import subprocess
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
