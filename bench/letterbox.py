"""A signed and timestamped letter with all that its verdict needs, made by the openssl program alone.

    root.crt -> issuing.crt -> alice.crt signs; list.crl is the issuing authority's
    tsa.pem  -> tsa.crt stamps

The letter is multipart/signed; the token is in its signature, with the TSA's certificate.
"""

import base64
import subprocess
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "test"))
from der import elements, tlv  # noqa: E402

KEYS = {
    "p256": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "rsa": ["rsa:2048"],
}
# The letter, alice, issuing; the list; the token, tsa.
VERIFICATIONS = 6
FRESH = 32  # letters
REVOKED = 100
BOUNDARY = "boundary-of-the-signed-letter"
POINTER = "crlDistributionPoints=URI:http://127.0.0.1/list.crl"
CONFIG = """
[ca]
default_ca = here
[here]
database = {dir}/index.txt
crlnumber = {dir}/number
default_md = sha256
crl_extensions = list
[list]
authorityKeyIdentifier = keyid
[stamps]
serial = {dir}/number
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
ess_cert_id_alg = sha256
"""


class Letterbox:
    def __init__(self, folder, kind):
        self.folder, self.newkey = folder, KEYS[kind]
        folder.mkdir()
        (folder / "number").write_text("01\n")
        (folder / "openssl.cnf").write_text(CONFIG.format(dir=folder))
        self.make_authorities()
        self.make_list()
        self.letter = folder / "letter.eml"

    def openssl(self, *words):
        done = subprocess.run(["openssl", *map(str, words)], cwd=self.folder, check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return done.stdout

    # ---- certificates

    def make_authorities(self):
        ca = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"]
        person = ["basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature"]
        self.issue("root", None, *ca)
        self.issue("issuing", "root", *ca)
        self.issue("alice", "issuing", *person, "extendedKeyUsage=emailProtection",
                   "subjectAltName=email:alice@example.org", POINTER)
        self.issue("stamping", None, *ca)
        self.issue("tsa", "stamping", *person, "extendedKeyUsage=critical,timeStamping")
        (self.folder / "roots.pem").write_bytes((self.folder / "root.crt").read_bytes())
        (self.folder / "tsa.pem").write_bytes((self.folder / "stamping.crt").read_bytes())

    def issue(self, name, issuer, *extensions):
        by = ["-CA", f"{issuer}.crt", "-CAkey", f"{issuer}.key"] if issuer else []
        added = [word for line in extensions for word in ("-addext", line)]
        self.openssl("req", "-x509", "-nodes", "-newkey", *self.newkey, "-keyout", f"{name}.key",
                     "-out", f"{name}.crt", "-days", "30", "-subj", f"/CN={name}", *by, *added)

    def make_list(self):
        """A list in which others are revoked."""
        then, end = (time.strftime("%y%m%d%H%M%SZ", time.gmtime(time.time() + seconds))
                     for seconds in (-86400, 86400 * 30))
        (self.folder / "index.txt").write_text(
            "".join(f"R\t{end}\t{then}\t{0x10000000 + i:X}\tunknown\t/CN={i}\n"
                    for i in range(REVOKED)))
        self.openssl("ca", "-config", "openssl.cnf", "-gencrl", "-crldays", "7", "-keyfile",
                     "issuing.key", "-cert", "issuing.crt", "-out", "list.pem")
        self.openssl("crl", "-in", "list.pem", "-outform", "DER", "-out", "list.crl")

    # ---- the letters

    def write(self, clear):
        """A former letter, and FRESH others that share nothing with it but who signed and stamped them."""
        self.write_one(self.letter, clear)
        for i in range(FRESH):
            self.write_one(self.folder / f"letter-{i}.eml", clear + f"Letter {i}.\r\n".encode())

    def write_one(self, path, clear):
        """Sign and stamp the entity `clear`."""
        (self.folder / "clear").write_bytes(clear)
        der = self.openssl("cms", "-sign", "-binary", "-in", "clear", "-signer", "alice.crt",
                           "-inkey", "alice.key", "-certfile", "issuing.crt", "-md", "sha256",
                           "-cades", "-outform", "DER")
        signature = self.stamped(der)
        lines = base64.encodebytes(signature).replace(b"\n", b"\r\n")
        head = ("From: alice@example.org\r\nTo: bob@example.org\r\nSubject: A letter\r\n"
                f"Date: {time.strftime('%a, %d %b %Y %H:%M:%S +0000', time.gmtime())}\r\n"
                "MIME-Version: 1.0\r\nContent-Type: multipart/signed; micalg=sha-256;\r\n"
                ' protocol="application/pkcs7-signature";\r\n'
                f' boundary="{BOUNDARY}"\r\n\r\n--{BOUNDARY}\r\n').encode()
        middle = (f"\r\n--{BOUNDARY}\r\nContent-Type: application/pkcs7-signature\r\n"
                  "Content-Transfer-Encoding: base64\r\n\r\n").encode()
        path.write_bytes(head + clear + middle + lines + f"--{BOUNDARY}--\r\n".encode())

    def stamped(self, der):
        """With a signature-time-stamp attribute (RFC 5126 section 6.1.1)."""
        kind, explicit = elements(elements(der)[0][1])
        signed = elements(elements(explicit[1])[0][1])
        info = elements(signed[-1][1])[0][1]
        token = self.token(elements(info)[-1][1])
        oid = tlv(0x06, bytes.fromhex("2a864886f70d010910020e"))
        stamp = tlv(0xa1, tlv(0x30, oid, tlv(0x31, token)))
        rest = b"".join(whole for *_, whole in signed[:-1])
        return tlv(0x30, kind[2], tlv(0xa0, tlv(0x30, rest, tlv(0x31, tlv(0x30, info, stamp)))))

    def token(self, signature):
        (self.folder / "signature").write_bytes(signature)
        self.openssl("ts", "-query", "-data", "signature", "-sha256", "-cert", "-out", "query")
        return self.openssl("ts", "-reply", "-config", "openssl.cnf", "-section", "stamps",
                            "-queryfile", "query", "-signer", "tsa.crt", "-inkey", "tsa.key",
                            "-token_out")
