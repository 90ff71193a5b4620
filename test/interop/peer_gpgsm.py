"""gpgsm, with a home of its own.

It is given nothing but letters of these tests: it has crashed on other people's.
"""

import os
import re

from interop.desk import PASSPHRASE, mail_of
from interop.peer import Peer, Refused, run

CIPHERS = {"aes-128-cbc": "AES", "aes-192-cbc": "AES192", "aes-256-cbc": "AES256",
           "des-ede3-cbc": "3DES"}
CANNOT_PARSE = "error parsing or decrypting the PKCS#12 file"
IMPORT_TRIES = 4  # of 40 files of one key with another salt, it does not read one
NOISE = re.compile(
    r"DBG:|CRLs not checked|dirmngr|issuer certificate|total number|imported:|secret keys read:"
    r"|unchanged:|keybox|^gpgsm: encrypted to|^gpgsm: *using|Signature made|^$|migrated"
    r"|gpg-agent.*(start|running)|waiting for")


class Gpgsm(Peer):
    name = "gpgsm"

    def __init__(self, desk, directory):
        super().__init__(desk, directory)
        self.home = directory / "home"
        self.home.mkdir(mode=0o700)
        self.env = {**os.environ, "GNUPGHOME": str(self.home), "LC_ALL": "C"}
        (self.home / "gpgsm.conf").write_text(
            "batch\nno-tty\nyes\ndisable-crl-checks\ndisable-dirmngr\n")
        root = run("openssl", "x509", "-in", desk.path("root.pem"), "-noout", "-fingerprint",
                   "-sha1").out.strip().partition("=")[2]
        (self.home / "trustlist.txt").write_text(f"{root} S relax\n")
        self.secret = {}
        try:
            self._import()
        except BaseException:
            self.close()  # by now an agent runs
            raise

    def _import(self):
        for name in self.desk.names:
            self.secret[name] = self._import_key(name)
            run("gpgsm", "--import", self.desk.path(f"{name}.cert"), env=self.env)
        run("gpgsm", "--import", self.desk.path("root.pem"), env=self.env)

    def _import_key(self, name):
        """"" or why gpgsm has not got it."""
        p12 = self.dir / "import.p12"
        for _ in range(IMPORT_TRIES):
            self.desk.write_p12(name, p12)
            try:
                self._gpgsm("--import", p12)
                return ""
            except Refused as no:
                why = str(no)
            if CANNOT_PARSE not in why:
                break
        return f"import of the key: {why}"

    def version(self):
        return run("gpgsm", "--version", env=self.env).out.split("\n")[0].split()[-1]

    def close(self):
        run("gpgconf", "--kill", "all", env=self.env)
        run("gpgconf", "--remove-socketdir", env=self.env)

    def _gpgsm(self, *words, key=""):
        if self.secret.get(key):
            raise Refused(self.secret[key])
        ran = run("gpgsm", "--pinentry-mode", "loopback", "--passphrase-fd", "0", "--status-fd",
                  "1", *words, stdin=PASSPHRASE.encode() + b"\n", env=self.env)
        if ran.status != 0 or ran.crash:
            raise Refused(message(ran))
        return ran

    def seal(self, case, plain, out):
        only_rsa_v15(case)
        cipher = ["--cipher-algo", CIPHERS.get(case.cipher, case.cipher)] if case.cipher else []
        to = [word for each in case.to for word in ("-r", mail_of(each.name))]
        self._gpgsm("--encrypt", *cipher, *to, "-o", out, plain)

    def open(self, case, path):
        out = self.dir / "opened"
        out.unlink(missing_ok=True)
        key = case.to[0].name if case.to else ""
        ran = self._gpgsm("--decrypt", "-o", out, path, key=key)
        if "DECRYPTION_OKAY" not in ran.out:
            raise Refused(message(ran))
        return out.read_bytes()

    def sign(self, case, plain, out):
        for signer in case.signers:
            if signer.pss or signer.key_id:
                raise Refused("has no option for it")
            if self.secret[signer.name]:
                raise Refused(self.secret[signer.name])
        who = [word for each in case.signers for word in ("-u", mail_of(each.name))]
        how = "--detach-sign" if case.detached else "--sign"
        self._gpgsm(how, "--digest-algo", case.signers[0].digest, *who, "-o", out, plain)

    def verify(self, case, path, plain):
        out = self.dir / "verified"
        out.unlink(missing_ok=True)
        words = ["--verify", path, plain] if plain else ["-o", out, "--verify", path]
        ran = self._gpgsm(*words)
        if ran.out.count("GOODSIG") != len(case.signers):
            raise Refused(message(ran))
        return (plain or out).read_bytes()


def only_rsa_v15(case):
    if case.kek or case.password or any(to.rsa or to.key_id for to in case.to):
        raise Refused("has no option for it")


def message(ran):
    lines = [line for line in ran.err.splitlines() if not NOISE.search(line)]
    said = lines[-1].removeprefix("gpgsm: ") if lines else ""
    return " ".join(part for part in (ran.crash, said) if part) or "fails and says nothing"
