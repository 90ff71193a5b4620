"""Rows about memory: the same for a letter of 2 kB and of 5 GB, and 5 GB go through.

Nothing of the long letters is stored: they are made while they are read, and what has to be read
twice is made twice, with the same random numbers (`engine_libcrypto make`).
"""

import hashlib
import os
import subprocess

from fixtures import Failed

SIZES = {"2kB": 2_000, "25MB": 25_000_000, "5GB": 5_000_000_000}


class Row:
    def __init__(self, direction, cipher):
        self.direction, self.cipher = direction, cipher
        self.name = f"memory-{direction}-{cipher}" if cipher else f"memory-{direction}"

    def measure(self, fixtures, options):
        most, seconds = {}, 0.0
        for label, size in SIZES.items():
            run = Run(fixtures, self.cipher or "gcm")
            try:
                digest, (seconds, most[label]) = getattr(run, self.direction.replace("-", "_"))(size)
            finally:
                run.end()
            if digest != fixtures.clear(size):
                raise Failed(f"{self.name}: other text than was sent, at {label}")
        sizes = " ".join(f"rss_mib_{label}={mib:.1f}" for label, mib in most.items())
        return (f"engine {self.name} rss_mib={max(most.values()):.1f} {sizes}"
                f" flat={max(most.values()) / min(most.values()):.2f} s={seconds:.1f}")


class Run:
    """The processes of one letter; each method yields the digest of what came out at the end, and
    (seconds, MiB) of the process that the row is about."""

    def __init__(self, fixtures, cipher):
        self.fixtures, self.cipher = fixtures, cipher
        self.started = []

    def start(self, program, direction, source, out=subprocess.PIPE):
        command = [*self.fixtures.command(program, direction, self.cipher, "rsa", source), "once"]
        if isinstance(out, os.PathLike):  # a named pipe: opening it waits for the reader
            command, out = ["sh", "-c", 'exec "$@" >"$0"', out, *command], None
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE)
        self.started.append(process)
        return process

    def pipe(self, name):
        path = self.fixtures.folder / name
        if not path.exists():
            os.mkfifo(path)
        return path

    def finish(self, last, about):
        digest = hashlib.file_digest(last.stdout, "sha256").hexdigest()
        said = about.stderr.read().decode()
        if last.wait() != 0 or about.wait() != 0:
            raise Failed(f"{about.args}: {said}")
        ns, rss_kib = said.split()
        return digest, (int(ns) / 1e9, int(rss_kib) / 1024)

    def there_and_back(self, out, back, size):
        """Ours writes, and ours reads it again: libcrypto cannot read 5 GB."""
        sent = self.pipe("sent")
        ours = self.start("ours", out, f"letter:{size}", sent)
        return self.finish(self.start("ours", back, sent), ours)

    def from_libcrypto(self, make, direction, size):
        sent = self.pipe("sent")
        self.start("libcrypto", make, f"letter:{size}", sent)
        ours = self.start("ours", direction, sent)
        return self.finish(ours, ours)

    def sign(self, size):
        return self.there_and_back("sign", "verify", size)

    def verify(self, size):
        return self.from_libcrypto("make-signed", "verify", size)

    def seal(self, size):
        return self.there_and_back("seal", "open", size)

    def open(self, size):
        return self.from_libcrypto("make", "open", size)

    def open_release(self, size):
        sent, again = self.pipe("sent"), self.pipe("again")
        self.start("libcrypto", "make", f"letter:{size}", sent)
        self.start("libcrypto", "make", f"letter:{size}", again)
        ours = self.start("ours", "open-release", f"{sent},{again}")
        return self.finish(ours, ours)

    def end(self):
        for process in self.started:
            process.kill()
            process.communicate()


def rows():
    return [Row("sign", None), Row("verify", None),
            *(Row(direction, cipher) for direction in ("seal", "open", "open-release")
              for cipher in ("gcm", "cbc"))]
