"""Signatures, certificates and letters as a forger builds them: every byte can be other than it should.

DER by hand, so that nothing refuses what no honest program would write.
"""

import base64
import datetime
import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

import papers
from der import tlv

DATA, SIGNED = "1.2.840.113549.1.7.1", "1.2.840.113549.1.7.2"
CONTENT_TYPE, MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
SIGNING_TIME, COUNTERSIGNATURE = "1.2.840.113549.1.9.5", "1.2.840.113549.1.9.6"
DIGESTS = {"md5": "1.2.840.113549.2.5", "sha1": "1.3.14.3.2.26", "sha256": "2.16.840.1.101.3.4.2.1",
           "sha384": "2.16.840.1.101.3.4.2.2", "sha512": "2.16.840.1.101.3.4.2.3"}
ECDSA = {"sha1": "1.2.840.10045.4.1", "sha256": "1.2.840.10045.4.3.2",
         "sha384": "1.2.840.10045.4.3.3", "sha512": "1.2.840.10045.4.3.4"}
RSA, ED25519 = "1.2.840.113549.1.1.1", "1.3.101.112"
UTF8_MAILBOX = "1.3.6.1.5.5.7.8.9"


# --- DER ------------------------------------------------------------------------------------------

def seq(*parts):
    return tlv(0x30, *parts)


def set_of(*parts):
    return tlv(0x31, *sorted(parts))


def integer(value):
    return tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def octets(value):
    return tlv(0x04, value)


def oid(dotted):
    first, second, *rest = map(int, dotted.split("."))
    body = bytearray()
    for number in (first * 40 + second, *rest):
        piece = [number & 0x7f]
        while number := number >> 7:
            piece.insert(0, number & 0x7f | 0x80)
        body += bytes(piece)
    return tlv(0x06, bytes(body))


def algorithm(dotted, parameters=b""):
    return seq(oid(dotted), parameters)


def utc(when):
    return tlv(0x17, when.strftime("%y%m%d%H%M%SZ").encode())


def attribute(dotted, *values):
    return seq(oid(dotted), tlv(0x31, *values))


# --- certificates ---------------------------------------------------------------------------------

def rfc822(text):
    """Any bytes at all in an rfc822Name."""
    return tlv(0x81, text if isinstance(text, bytes) else text.encode())


def utf8_mailbox(text):
    return tlv(0xa0, oid(UTF8_MAILBOX), tlv(0xa0, tlv(0x0c, text.encode())))


def dns(text):
    return tlv(0x82, text.encode())


def subject(**attributes):
    known = {"cn": NameOID.COMMON_NAME, "email": NameOID.EMAIL_ADDRESS,
             "o": NameOID.ORGANIZATION_NAME}
    return x509.Name([x509.NameAttribute(known[key], value) for key, value in attributes.items()])


class Person:
    """A key and a certificate of `authority`: of these names, whatever they are."""

    def __init__(self, authority, *names, name=None, kind="ec", key=None, usage=None,
                 eku=(ExtendedKeyUsageOID.EMAIL_PROTECTION,), ca=False, begins=-1, ends=365):
        self.key = key or papers.new_key(kind)
        now = datetime.datetime.utcnow()
        builder = (
            x509.CertificateBuilder().subject_name(name or papers.name("somebody"))
            .issuer_name(authority.name).public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + begins * papers.DAY).not_valid_after(now + ends * papers.DAY)
            .add_extension(x509.BasicConstraints(ca, None), True)
            .add_extension(usage or papers.usage(digital_signature=True), True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                authority.key.public_key()), False))
        if eku:
            builder = builder.add_extension(x509.ExtendedKeyUsage(eku), False)
        if names:
            builder = builder.add_extension(x509.UnrecognizedExtension(
                ExtensionOID.SUBJECT_ALTERNATIVE_NAME, seq(*names)), False)
        self.cert = builder.sign(authority.key, hashes.SHA256())

    def der(self):
        return self.cert.public_bytes(Encoding.DER)


# --- signatures -----------------------------------------------------------------------------------

def sign_value(key, message, digest):
    """(algorithm, value)"""
    kind = {"md5": hashes.MD5, "sha1": hashes.SHA1, "sha256": hashes.SHA256,
            "sha384": hashes.SHA384, "sha512": hashes.SHA512}[digest]()
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return algorithm(ED25519), key.sign(message)
    if isinstance(key, rsa.RSAPrivateKey):
        return algorithm(RSA, b"\x05\x00"), key.sign(message, padding.PKCS1v15(), kind)
    return algorithm(ECDSA[digest]), key.sign(message, ec.ECDSA(kind))


def issuer_serial(cert):
    return seq(cert.issuer.public_bytes(), integer(cert.serial_number))


def key_id(cert):
    found = cert.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return tlv(0x80, found.value.digest)


def signer_info(person, content, *, digest="sha256", attributes=True, content_type=DATA, says=None,
                sid=None, unsigned=(), spoil=False, more=()):
    """`says`: the digest it claims; `spoil`: a value that is wrong by a bit."""
    hashed = says if says is not None else hashlib.new(digest, content).digest()
    signed = b""
    if attributes:
        these = [attribute(MESSAGE_DIGEST, octets(hashed)),
                 attribute(SIGNING_TIME, utc(datetime.datetime.utcnow())), *more]
        if content_type:
            these.append(attribute(CONTENT_TYPE, oid(content_type)))
        signed = set_of(*these)
    named, value = sign_value(person.key, signed or content, digest)
    if spoil:
        value = value[:-1] + bytes([value[-1] ^ 1])
    sid = sid or issuer_serial(person.cert)
    version = 3 if sid[0] == 0x80 else 1
    return seq(integer(version), sid, algorithm(DIGESTS[digest]),
               b"\xa0" + signed[1:] if signed else b"", named, octets(value),
               tlv(0xa1, *unsigned) if unsigned else b"")


def signed_data(infos, people, content=None, digests=("sha256",), content_type=DATA):
    """`content`: what is inside, or None for a detached signature."""
    inside = tlv(0xa0, octets(content)) if content is not None else b""
    certs = b"".join(person.der() for person in people)
    return seq(oid(SIGNED), tlv(0xa0, seq(
        integer(1), set_of(*(algorithm(DIGESTS[name]) for name in digests)),
        seq(oid(content_type), inside), tlv(0xa0, certs) if certs else b"", set_of(*infos))))


# --- letters --------------------------------------------------------------------------------------

def crlf(text):
    if isinstance(text, str):
        text = text.encode()
    return text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def wrap64(der):
    return base64.encodebytes(der).replace(b"\n", b"\r\n")


def part(text="Good morning.", kind='text/plain; charset="utf-8"', **fields):
    head = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in fields.items())
    return crlf(f"Content-Type: {kind}\n{head}\n{text}\n")


def head(sender, to="bob@beta.test", subject_line="hello", more=""):
    """Of a letter, without its MIME fields; `sender`: whatever stands in From, bytes or text."""
    if isinstance(sender, str):
        sender = sender.encode()
    return (b"From: " + sender + b"\r\n" + crlf(
        f"To: {to}\nSubject: {subject_line}\nDate: Mon, 02 Nov 2026 10:00:00 +0000\n"
        f"Message-ID: <1@x.test>\nMIME-Version: 1.0\n{more}"))


def sign(person, entity, **how):
    """A detached signature, DER."""
    digest = how.get("digest", "sha256")
    return signed_data([signer_info(person, entity, **how)], [person], digests=[digest])


def seal_opaque(person, entity, **how):
    digest = how.get("digest", "sha256")
    return signed_data([signer_info(person, entity, **how)], [person], entity, digests=[digest])


def opaque(der, kind="application/pkcs7-mime; smime-type=signed-data; name=smime.p7m"):
    return crlf(f"Content-Type: {kind}\nContent-Transfer-Encoding: base64\n\n") + wrap64(der)


def signature_part(der, kind="application/pkcs7-signature; name=smime.p7s"):
    return crlf(f"Content-Type: {kind}\nContent-Transfer-Encoding: base64\n"
                "Content-Disposition: attachment; filename=smime.p7s\n\n") + wrap64(der)


def multipart(parts, kind="mixed", boundary="=_outer", preamble="", epilogue="", parameters=""):
    text = b"".join(b"\r\n--" + boundary.encode() + b"\r\n" + each for each in parts)
    return (crlf(f'Content-Type: multipart/{kind}; boundary="{boundary}"{parameters}\n\n{preamble}')
            + text + crlf(f"\n--{boundary}--\n{epilogue}"))


def detached(entity, der, boundary="=_signed", micalg="sha-256", preamble="", more=(), **how):
    """multipart/signed around an entity whose last line end is the delimiter's."""
    parameters = f'; protocol="application/pkcs7-signature"; micalg={micalg}'
    return multipart([entity, signature_part(der, **how), *more], "signed", boundary, preamble,
                     parameters=parameters)


def letter(person, sender, entity=None, **how):
    """What an honest program makes: header, multipart/signed."""
    entity = part() if entity is None else entity
    return head(sender) + detached(entity, sign(person, entity, **how))
