"""What every row needs: the programs, and keys, certificates and letters, each made when it is first
wanted and gone when the run ends."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

TREE = Path(__file__).resolve().parent.parent
KEYS = {
    "rsa": (["rsa:2048"], "keyEncipherment"),
    "p256": (["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "keyAgreement"),
}


class Failed(Exception):
    pass


def build(*names, whole="letterlock"):
    """The folder with the programs, those of bench/engine unless others are named; the program that
    is used as a whole lies above it."""
    named = os.environ.get("LETTERLOCK_BUILD")
    folder = Path(named).resolve() if named else TREE / "build" / "release"
    if not (folder / "build.ninja").exists():
        subprocess.run(["meson", "setup", "--buildtype=release", "-Db_lto=true", folder, TREE],
                       check=True, stdout=sys.stderr)
    names = names or tuple(f"engine_{name}" for name in ("ours", "libcrypto", "limit"))
    programs = [whole, *(f"bench/{name}" for name in names)]
    subprocess.run(["ninja", "-C", folder, *programs], check=True, stdout=subprocess.DEVNULL)
    return folder / "bench"


class Fixtures:
    """Keys, certificates and letters, each made when it is first wanted."""

    def __init__(self, programs, folder):
        self.programs = programs
        self.folder = Path(folder)
        self.digests = {}
        self.last_acts = []

    def at_end(self, act):
        self.last_acts.append(act)

    def end(self):
        for act in reversed(self.last_acts):
            act()

    def keys(self, kind):
        folder = self.folder / kind
        if not folder.exists():
            folder.mkdir()
            for who in ("alice", "bob"):
                self.make_key(folder / who, who, *KEYS[kind])
        return folder

    @staticmethod
    def make_key(path, who, newkey, usage):
        subprocess.run(
            ["openssl", "req", "-x509", "-nodes", "-newkey", *newkey, "-keyout", f"{path}.key",
             "-out", f"{path}.crt", "-days", "30", "-subj", f"/CN={who}",
             "-addext", f"keyUsage=critical,digitalSignature,{usage}",
             "-addext", "extendedKeyUsage=emailProtection",
             "-addext", "basicConstraints=critical,CA:FALSE",
             "-addext", f"subjectAltName=email:{who}@example.org"],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def letter(self, program, direction, size, cipher, kind):
        """A sealed letter: the file's path."""
        path = self.folder / f"{program}-{size}-{cipher}-{kind}"
        if not path.exists():
            with open(path, "wb") as out:
                self.once(program, direction, cipher, kind, f"letter:{size}", out)
        return path

    def command(self, program, direction, cipher, kind, source):
        return [self.programs / f"engine_{program}", direction, cipher, self.keys(kind), source]

    def once(self, program, direction, cipher, kind, source, out):
        """Run it once, its output to `out`."""
        done = subprocess.run([*self.command(program, direction, cipher, kind, source), "once"],
                              stdout=out, stderr=subprocess.PIPE, text=out is not subprocess.PIPE)
        if done.returncode != 0:
            raise Failed(f"{program} {direction}: {done.stderr}")
        return done.stdout

    def clear(self, size):
        """Digest of the sample letter."""
        if size not in self.digests:
            source = self.command("limit", "letter", "gcm", "rsa", f"letter:{size}")
            with subprocess.Popen([*source, "once"], stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL) as maker:
                self.digests[size] = hashlib.file_digest(maker.stdout, "sha256").hexdigest()
        return self.digests[size]
