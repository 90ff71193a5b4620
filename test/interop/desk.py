"""A root and people with every kind of key, in the forms that the programs take."""

import datetime
import subprocess

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa, x448, x25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from papers import DAY, name, usage

PASSPHRASE = "interop"
KINDS = {
    "rsa": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "ed448": ed448.Ed448PrivateKey.generate,
    "x25519": x25519.X25519PrivateKey.generate,
    "x448": x448.X448PrivateKey.generate,
}
USES = {
    "rsa": {"digital_signature": True, "key_encipherment": True},
    "ed25519": {"digital_signature": True},
    "ed448": {"digital_signature": True},
    "x25519": {"key_agreement": True},
    "x448": {"key_agreement": True},
}
EC_USES = {"digital_signature": True, "key_agreement": True}


def mail_of(kind):
    return f"{kind}@interop.test"


class Desk:
    """In `directory`: root.pem, and for each kind NAME.cert, NAME.key, NAME.pem (both) in PEM,
    NAME.p12 under PASSPHRASE with the old ciphers that every program reads."""

    def __init__(self, directory):
        self.dir = directory
        self.names = list(KINDS)
        self.key_ids = {}
        self.root_key = KINDS["rsa"]()
        self.root_name = name("Interop root")
        self.root = self._root()
        (directory / "root.pem").write_bytes(self.root.public_bytes(Encoding.PEM))
        for kind in self.names:
            self._issue(kind)

    def path(self, name):
        return self.dir / name

    def _root(self):
        return (self._builder(self.root_name, self.root_key)
                .add_extension(x509.BasicConstraints(True, None), True)
                .add_extension(usage(key_cert_sign=True, crl_sign=True), True)
                .sign(self.root_key, hashes.SHA256()))

    def _builder(self, subject, key):
        now = datetime.datetime.utcnow()
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(self.root_name)
                .public_key(key.public_key()).serial_number(x509.random_serial_number())
                .not_valid_before(now - 10 * DAY).not_valid_after(now + 300 * DAY)
                .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False))

    def _issue(self, kind):
        key = KINDS[kind]()
        cert = (
            self._builder(name(kind), key)
            .add_extension(x509.BasicConstraints(False, None), True)
            .add_extension(usage(**USES.get(kind, EC_USES)), True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
            .add_extension(x509.SubjectAlternativeName([x509.RFC822Name(mail_of(kind))]), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                self.root_key.public_key()), False)
            .sign(self.root_key, hashes.SHA256()))
        self._save(kind, key, cert)

    def _save(self, kind, key, cert):
        self.key_ids[kind] = x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest
        pem = cert.public_bytes(Encoding.PEM)
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self.path(f"{kind}.cert").write_bytes(pem)
        self.path(f"{kind}.key").write_bytes(secret)
        self.path(f"{kind}.pem").write_bytes(secret + pem)
        self.write_p12(kind, self.path(f"{kind}.p12"))

    def write_p12(self, kind, path):
        """With another salt each time."""
        subprocess.run(
            ["openssl", "pkcs12", "-export", "-legacy", "-in", self.path(f"{kind}.pem"), "-name",
             kind, "-certfile", self.path("root.pem"), "-passout", f"pass:{PASSPHRASE}", "-out",
             path], check=True, timeout=20)
