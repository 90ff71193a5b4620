"""Certificates as somebody else's authority would write them, with Python's cryptography."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat, pkcs12)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def new_key(kind):
    if kind == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def usage(**given):
    every = dict.fromkeys(("digital_signature", "content_commitment", "key_encipherment",
                           "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign",
                           "encipher_only", "decipher_only"), False)
    return x509.KeyUsage(**{**every, **given})


class Authority:
    """A root that issues straight to people."""

    def __init__(self, common_name="Test root"):
        self.key = new_key("ec")
        self.name = name(common_name)
        now = datetime.datetime.utcnow()
        self.cert = (
            x509.CertificateBuilder().subject_name(self.name).issuer_name(self.name)
            .public_key(self.key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - 3650 * DAY).not_valid_after(now + 3650 * DAY)
            .add_extension(x509.BasicConstraints(True, None), True)
            .add_extension(usage(key_cert_sign=True, crl_sign=True), True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), False)
            .sign(self.key, hashes.SHA256()))

    def issue(self, address, kind="ec", purpose="both", begins=-1, ends=365):
        """(key, cert); `begins` and `ends` in days from now."""
        key = new_key(kind)
        now = datetime.datetime.utcnow()
        receive = {"key_agreement" if kind == "ec" else "key_encipherment": True}
        allowed = {"sign": {"digital_signature": True}, "receive": receive,
                   "both": {"digital_signature": True, **receive}}[purpose]
        cert = (
            x509.CertificateBuilder().subject_name(name(address)).issuer_name(self.name)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now + begins * DAY).not_valid_after(now + ends * DAY)
            .add_extension(x509.BasicConstraints(False, None), True)
            .add_extension(usage(**allowed), True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
            .add_extension(x509.SubjectAlternativeName([x509.RFC822Name(address)]), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                self.key.public_key()), False)
            .sign(self.key, hashes.SHA256()))
        return key, cert

    def save(self, path):
        path.write_bytes(self.cert.public_bytes(Encoding.PEM))
        return path


def save_cert(path, cert):
    path.write_bytes(cert.public_bytes(Encoding.PEM))
    return path


def save_bundle(path, *pairs):
    """PEM with each key and certificate."""
    path.write_bytes(b"".join(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + cert.public_bytes(Encoding.PEM) for key, cert in pairs))
    return path


def save_p12(path, key, cert, passphrase, more=()):
    path.write_bytes(pkcs12.serialize_key_and_certificates(
        b"identity", key, cert, list(more) or None,
        BestAvailableEncryption(passphrase.encode())))
    return path
