"""openssl cms."""

import re

from interop.cases import KEK, KEK_ID, PASSWORD
from interop.peer import Peer, Refused, run

CIPHERS = {"des-ede3-cbc": "des3"}


class Openssl(Peer):
    name = "openssl cms"

    def version(self):
        return run("openssl", "version").out.split()[1]

    def cms(self, *words):
        ran = run("openssl", "cms", "-binary", *words)
        if ran.status != 0 or ran.crash:
            raise Refused(ran.crash or message(ran.err))

    def seal(self, case, plain, out):
        words = []
        for to in case.to:
            words += ["-recip", self.desk.path(f"{to.name}.cert")]
            words += ["-keyid"] if to.key_id else []
            words += key_options(to)
        if case.kek:
            words += ["-secretkey", KEK.hex(), "-secretkeyid", KEK_ID.hex()]
        if case.password:
            words += ["-pwri_password", PASSWORD]
        cipher = ["-" + CIPHERS.get(case.cipher, case.cipher)] if case.cipher else []
        self.cms("-encrypt", *cipher, "-in", plain, "-outform", "DER", "-out", out, *words)

    def open(self, case, path):
        words = []
        if case.kek:
            words = ["-secretkey", KEK.hex(), "-secretkeyid", KEK_ID.hex()]
        elif case.password:
            words = ["-pwri_password", PASSWORD]
        else:
            reader = case.to[0].name
            words = ["-recip", self.desk.path(f"{reader}.cert"),
                     "-inkey", self.desk.path(f"{reader}.key")]
        out = self.dir / "opened"
        self.cms("-decrypt", "-inform", "DER", "-in", path, "-out", out, *words)
        return out.read_bytes()

    def sign(self, case, plain, out):
        words = [] if case.detached else ["-nodetach"]
        digests = {signer.digest for signer in case.signers}
        for signer in case.signers:
            words += ["-signer", self.desk.path(f"{signer.name}.cert"),
                      "-inkey", self.desk.path(f"{signer.name}.key")]
            words += ["-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:32"] \
                if signer.pss else []
            words += ["-keyid"] if signer.key_id else []
        self.cms("-sign", "-md", *digests, "-in", plain, "-outform", "DER", "-out", out, *words)

    def verify(self, case, path, plain):
        out = self.dir / "verified"
        self.cms("-verify", "-CAfile", self.desk.path("root.pem"), "-inform", "DER", "-in", path,
                 "-out", out, *(["-content", plain] if plain else []))
        return out.read_bytes()

    def compress(self, case, plain, out):
        self.cms("-compress", "-in", plain, "-outform", "DER", "-out", out)

    def expand(self, case, path):
        out = self.dir / "expanded"
        self.cms("-uncompress", "-inform", "DER", "-in", path, "-out", out)
        return out.read_bytes()


def key_options(to):
    options = []
    if to.rsa:
        options = ["rsa_padding_mode:oaep", f"rsa_oaep_md:{to.rsa.removeprefix('oaep-')}"]
    if to.kdf:
        options = [f"ecdh_kdf_md:{to.kdf}"]
    return [word for option in options for word in ("-keyopt", option)]


def message(text):
    """The last error: what, where it was seen."""
    errors = re.findall(r"error:[0-9A-F]+:([^:]*):([^:]*):([^:]*):[^:]*:\d+:(.*)", text)
    if errors:
        return ": ".join(dict.fromkeys(part for part in (errors[0][2], errors[0][3]) if part))
    return next((line for line in text.splitlines() if line), "fails and says nothing")
