"""A desk for the file commands: people with papers of one authority, and the programs."""

import json
import subprocess

import papers

ALICE, BOB, EVE = "alice@alpha.test", "bob@beta.test", "eve@beta.test"
PASSPHRASE = "correct horse battery"


class Desk:
    """Alice, Bob and Eve with papers of one authority, and the program."""

    def __init__(self, program, directory):
        self.program = program
        self.dir = directory
        self.authority = papers.Authority()
        self.root = self.authority.save(directory / "root.pem")
        self.passphrase = directory / "passphrase"
        self.passphrase.write_text(PASSPHRASE + "\n")
        self.certs, self.ids = {}, {}
        for address in (ALICE, BOB, EVE):
            self.add(address)

    def add(self, address, label=None, **how):
        label = label or address
        key, cert = self.authority.issue(address, **how)
        self.certs[label] = papers.save_cert(self.dir / f"{label}.pem", cert)
        self.ids[label] = papers.save_p12(self.dir / f"{label}.p12", key, cert, PASSPHRASE)
        papers.save_bundle(self.dir / f"{label}.key", (key, cert))
        return label

    def run(self, command, *words, stdin=b""):
        return subprocess.run([self.program, command, *map(str, words)], input=stdin,
                              capture_output=True, timeout=60)

    def as_id(self, label):
        return ["--identity", self.ids[label], "--passphrase-file", self.passphrase]

    def seal(self, octets, *words, sender=ALICE, to=(BOB,)):
        to_words = [word for each in to for word in ("--to", self.certs[each])]
        done = self.run("seal", *self.as_id(sender), *to_words, *words, stdin=octets)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def inspect(self, octets, *words, reader=BOB):
        done = self.run("inspect", *self.as_id(reader), "--trust", self.root, "--json", *words,
                        stdin=octets)
        told = json.loads(done.stdout)
        why = told["reasons"] == ["letter.unreadable"]  # it is said
        assert done.stderr.count(b"\n") == why, done.stderr
        assert done.returncode == (0 if told["verdict"] == "verified" else 1)
        return told


def openssl(*words, stdin=None):
    done = subprocess.run(["openssl", *map(str, words)], input=stdin, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout
