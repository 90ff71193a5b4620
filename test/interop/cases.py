"""What is tried between every two programs: one row of the tables each."""

from dataclasses import dataclass

CONTENT = (b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
           + b"".join(b"%06d What one wrote, the other reads.\r\n" % i for i in range(3500)))
KEK = bytes(range(32))
KEK_ID = b"interop-kek"
PASSWORD = "correct horse battery"

AUTHENTICATED = {"aes-128-gcm", "aes-192-gcm", "aes-256-gcm", "chacha20-poly1305"}


@dataclass(frozen=True)
class Recipient:
    name: str
    rsa: str = ""  # "", "oaep-sha1", "oaep-sha256", ...
    kdf: str = ""  # "sha1", "sha256", ...
    key_id: bool = False

    def word(self):
        """As the programs on a line protocol are told."""
        return ",".join([self.name, self.rsa, self.kdf, "ski" if self.key_id else ""])


@dataclass(frozen=True)
class Signer:
    name: str
    digest: str = "sha256"
    pss: bool = False
    key_id: bool = False

    def word(self):
        return ",".join([self.name, self.digest, "pss" if self.pss else "",
                         "ski" if self.key_id else ""])


@dataclass(frozen=True)
class Case:
    label: str
    verb: str  # "seal", "sign", "compress"
    cipher: str = ""
    to: tuple = ()
    kek: bool = False
    password: bool = False
    signers: tuple = ()
    detached: bool = False
    tamper: bool = False  # the reader must refuse it
    weak: bool = False  # we refuse it

    @property
    def id(self):
        return "".join(c if c.isalnum() else "-" for c in self.label.lower())


def seal(label, cipher, *to, **more):
    return Case(label, "seal", cipher, to, **more)


def sign(label, *signers, **more):
    return [Case(f"{label}, detached", "sign", signers=signers, detached=True, **more),
            Case(f"{label}, opaque", "sign", signers=signers, **more)]


RSA = Recipient("rsa")


def ecdh(curve, *digests):
    return [seal(f"ECDH {curve.upper().replace('P', 'P-')}, KDF {kdf.upper().replace('A', 'A-')}",
                 "aes-256-cbc", Recipient(curve, kdf=kdf)) for kdf in digests]


CASES = [
    seal("As it likes, to RSA", "", RSA),
    seal("As it likes, to P-256", "", Recipient("p256")),
    seal("As it likes, to P-384", "", Recipient("p384")),
    seal("As it likes, to P-521", "", Recipient("p521")),
    seal("As it likes, to P-256 and RSA", "", Recipient("p256"), RSA),
    seal("AES-128-CBC, RSA v1.5", "aes-128-cbc", RSA),
    seal("AES-192-CBC, RSA v1.5", "aes-192-cbc", RSA),
    seal("AES-256-CBC, RSA v1.5", "aes-256-cbc", RSA),
    seal("3DES-CBC, RSA v1.5", "des-ede3-cbc", RSA),
    seal("AES-128-GCM, RSA v1.5", "aes-128-gcm", RSA),
    seal("AES-192-GCM, RSA v1.5", "aes-192-gcm", RSA),
    seal("AES-256-GCM, RSA v1.5", "aes-256-gcm", RSA),
    seal("ChaCha20-Poly1305, RSA v1.5", "chacha20-poly1305", RSA),
    seal("RSA v1.5, by key identifier", "aes-256-cbc", Recipient("rsa", key_id=True)),
    seal("RSA-OAEP SHA-1", "aes-256-cbc", Recipient("rsa", "oaep-sha1")),
    seal("RSA-OAEP SHA-256", "aes-256-cbc", Recipient("rsa", "oaep-sha256")),
    seal("RSA-OAEP SHA-512", "aes-256-cbc", Recipient("rsa", "oaep-sha512")),
    *ecdh("p256", "sha1", "sha256", "sha512"),
    *ecdh("p384", "sha1", "sha256", "sha384"),
    *ecdh("p521", "sha1", "sha256", "sha512"),
    seal("ECDH P-256, by key identifier", "aes-256-cbc",
         Recipient("p256", kdf="sha256", key_id=True)),
    seal("ECDH P-256, AES-128-CBC", "aes-128-cbc", Recipient("p256", kdf="sha256")),
    seal("ECDH P-256, AES-256-GCM", "aes-256-gcm", Recipient("p256", kdf="sha256")),
    seal("X25519", "aes-256-cbc", Recipient("x25519")),
    seal("X448", "aes-256-cbc", Recipient("x448")),
    seal("Symmetric key (KEKRI)", "aes-256-cbc", kek=True),
    seal("Password (PWRI)", "aes-256-cbc", password=True),
    seal("RSA and P-256 together, read by RSA", "aes-256-cbc", RSA,
         Recipient("p256", kdf="sha256")),
    seal("P-256 and RSA together, read by P-256", "aes-256-cbc",
         Recipient("p256", kdf="sha256"), RSA),
    seal("AES-256-GCM, changed on the way", "aes-256-gcm", RSA, tamper=True),
    *sign("RSA v1.5 SHA-256", Signer("rsa")),
    *sign("RSA v1.5 SHA-512", Signer("rsa", "sha512")),
    *sign("RSA v1.5 SHA-1", Signer("rsa", "sha1"), weak=True),
    *sign("RSA-PSS SHA-256", Signer("rsa", pss=True)),
    *sign("RSA-PSS SHA-512", Signer("rsa", "sha512", pss=True)),
    *sign("ECDSA P-256 SHA-256", Signer("p256")),
    *sign("ECDSA P-384 SHA-384", Signer("p384", "sha384")),
    *sign("ECDSA P-384 SHA-256", Signer("p384")),
    *sign("ECDSA P-521 SHA-512", Signer("p521", "sha512")),
    *sign("Ed25519", Signer("ed25519", "sha512")),
    *sign("Ed448", Signer("ed448", "shake256")),
    *sign("RSA v1.5, by key identifier", Signer("rsa", key_id=True)),
    *sign("RSA and P-256 together", Signer("rsa"), Signer("p256")),
    Case("RSA v1.5, detached, changed on the way", "sign", signers=(Signer("rsa"),),
         detached=True, tamper=True),
    Case("Compressed (zlib)", "compress"),
]
