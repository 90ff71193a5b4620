"""NSS by its own test program cmsutil: Debian's libraries, or those inside Thunderbird."""

import os
import re

from interop.desk import PASSPHRASE, mail_of
from interop.peer import Peer, Refused, run

THUNDERBIRD = "/usr/lib/thunderbird"


class Nss(Peer):
    """Which cipher and which KDF it writes is NSS's own choice by the recipient's key."""

    name = "NSS (cmsutil)"
    libraries = None

    def __init__(self, desk, directory):
        super().__init__(desk, directory)
        self.env = {**os.environ, "LC_ALL": "C"}
        if self.libraries:
            self.env["LD_LIBRARY_PATH"] = self.libraries
        self.absent = {}
        self.database = f"sql:{directory}"
        self._nss("certutil", "-N", "-d", self.database, "--empty-password")
        self._nss("certutil", "-A", "-d", self.database, "-n", "root", "-t", "CT,C,C", "-a", "-i",
                  desk.path("root.pem"))
        for name in desk.names:
            try:
                self._nss("pk12util", "-d", self.database, "-K", "", "-i",
                          desk.path(f"{name}.p12"), "-W", PASSPHRASE)
            except Refused as no:
                self.absent[name] = f"import of the key: {no}"

    def version(self):
        if self.libraries:
            text = run("strings", f"{self.libraries}/libnss3.so").out
            return re.search(r"Version: NSS ([\d.]+)", text)[1]
        return run("dpkg-query", "-W", "-f", "${Version}", "libnss3").out.split(":")[-1].split(
            "-")[0]

    def _nss(self, *words):
        ran = run(*words, env=self.env)
        if ran.status != 0 or ran.crash:
            raise Refused(ran.crash or message(ran.err))
        return ran

    def _cms(self, *words):
        return self._nss("cmsutil", words[0], "-d", self.database, *words[1:])

    def seal(self, case, plain, out):
        if case.kek or case.password or any(to.rsa or to.key_id for to in case.to):
            raise Refused("has no option for it")
        to = ",".join(mail_of(each.name) for each in case.to)
        for each in case.to:
            if each.name in self.absent:
                raise Refused(self.absent[each.name])
        self._cms("-E", "-r", to, "-i", plain, "-o", out)

    def open(self, case, path):
        reader = case.to[0].name if case.to else ""
        if reader in self.absent:
            raise Refused(self.absent[reader])
        out = self.dir / "opened"
        self._cms("-D", "-i", path, "-o", out)
        return out.read_bytes()

    def sign(self, case, plain, out):
        if len(case.signers) > 1 or case.signers[0].pss or case.signers[0].key_id:
            raise Refused("has no option for it")
        signer = case.signers[0]
        if signer.name in self.absent:
            raise Refused(self.absent[signer.name])
        self._cms("-S", *(["-T"] if case.detached else []), "-G", "-P", "-H",
                  signer.digest.upper(), "-N", signer.name, "-i", plain, "-o", out)

    def verify(self, case, path, plain):
        out = self.dir / "verified"
        self._cms("-D", *(["-c", plain] if plain else []), "-i", path, "-o", out)
        content = out.read_bytes()
        told = self._cms("-D", "-n", "-h", "1", *(["-c", plain] if plain else []), "-i", path)
        states = re.findall(r"signer\d+\.status=(\w+)", told.out)
        if states != ["GoodSignature"] * len(case.signers):
            raise Refused(" ".join(states) or "names no signer")
        return content


class Thunderbird(Nss):
    name = "Thunderbird's NSS"
    libraries = THUNDERBIRD


def message(text):
    lines = [line for line in text.splitlines() if line]
    code = [line for line in lines if re.search(r"[A-Z]+_ERROR_\w+", line)]
    if code:
        return re.search(r"([A-Z]+_ERROR_\w+)", code[-1])[1]
    return lines[-1] if lines else "fails and says nothing"
