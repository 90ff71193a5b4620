"""Rows about time: ours, libcrypto's CMS in two ways, and the limit, turn by turn."""

import hashlib
import os
import statistics
import subprocess
import sys

from fixtures import KEYS, Failed

SIZES = {"2kB": 2_000, "50kB": 50_000, "1MB": 1_000_000, "25MB": 25_000_000}
CIPHERS = ["gcm", "cbc"]
DIRECTIONS = ["seal", "open", "open-release"]
ENOUGH = 0.04  # seconds: a round with fewer is mostly noise


class Worker:
    """A process that waits to be told how often."""

    def __init__(self, command, cpu):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {cpu}))
        self.rss_kib = 0

    def run(self, times):
        """Seconds for one."""
        self.process.stdin.write(f"{times}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if len(answer) != 2:
            raise Failed(f"{self.process.args[:3]} ended")
        self.rss_kib = int(answer[1])
        return int(answer[0]) / 1e9 / times

    def end(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Row:
    def __init__(self, direction, size, cipher, kind):
        self.direction, self.cipher, self.kind = direction, cipher, kind
        self.name = f"{direction}-{size}-{cipher}-{kind}"
        self.size = SIZES[size]

    def sources(self, fixtures):
        """Who does what with which input."""
        if self.direction == "seal":
            letter = f"letter:{self.size}"
            return {"ours": ("ours", "seal", letter), "libcrypto": ("libcrypto", "seal", letter),
                    "usual": ("libcrypto", "seal-usual", letter), "limit": ("limit", "seal", letter)}
        what = (self.size, self.cipher, self.kind)
        sealed = fixtures.letter("ours", "seal", *what)
        bare = fixtures.letter("limit", "seal", *what)
        return {"ours": ("ours", self.direction, sealed),
                "libcrypto": ("libcrypto", "open", sealed),
                "usual": ("libcrypto", "open-usual", sealed), "limit": ("limit", "open", bare)}

    def check(self, fixtures, sources):
        """Does everybody do all of it?  What was sealed is opened by libcrypto; what comes out must
        be the letter."""
        want = fixtures.clear(self.size)
        for who, (program, direction, source) in sources.items():
            out = fixtures.once(program, direction, self.cipher, self.kind, source, subprocess.PIPE)
            if self.direction == "seal":
                out = self.opened(fixtures, "limit" if who == "limit" else "libcrypto", out)
            if hashlib.sha256(out).hexdigest() != want:
                raise Failed(f"{self.name}: {who} has other text")

    def opened(self, fixtures, program, sealed):
        path = fixtures.folder / "sealed"
        path.write_bytes(sealed)
        return fixtures.once(program, "open", self.cipher, self.kind, path, subprocess.PIPE)

    def measure(self, fixtures, options):
        sources = self.sources(fixtures)
        self.check(fixtures, sources)
        workers = {who: Worker(fixtures.command(program, direction, self.cipher, self.kind, source),
                               options.on)
                   for who, (program, direction, source) in sources.items()}
        try:
            took = self.rounds(workers, options)
        finally:
            for worker in workers.values():
                worker.end()
        return self.line(took, workers["ours"].rss_kib)

    def rounds(self, workers, options):
        """[{who: seconds}], after one round that warms up and says how often is enough."""
        first = {who: worker.run(1) for who, worker in workers.items()}
        times = max(1, round(ENOUGH / first["limit"]))
        order, took = list(workers), []
        for number in range(options.rounds or (7 if self.size > 10_000_000 else 11)):
            # each order and its reverse, so that nobody always comes behind the same one
            turn = order if number % 2 == 0 else order[::-1]
            took.append({who: workers[who].run(times) for who in turn})
            if options.show:
                print(self.name, {who: f"{t * 1e3:.3f}" for who, t in took[-1].items()},
                      file=sys.stderr)
        return took

    def line(self, took, rss_kib):
        def ratio(over, under):
            return statistics.median(t[over] / t[under] for t in took)

        return (f"engine {self.name} ms={statistics.median(t['ours'] for t in took) * 1e3:.3g}"
                f" vs_libcrypto={ratio('libcrypto', 'ours'):.2f}"
                f" vs_libcrypto_usual={ratio('usual', 'ours'):.2f}"
                f" vs_limit={ratio('ours', 'limit'):.2f} rss_mib={rss_kib / 1024:.1f}")


def rows():
    return [Row(direction, size, cipher, kind) for direction in DIRECTIONS for size in SIZES
            for cipher in CIPHERS for kind in KEYS]
