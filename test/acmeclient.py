"""An ACME client for mail certificates, written from RFC 8555 and 8823: a foreign judge.

JWS with python-cryptography, HTTPS with http.client, the challenge mail with imaplib, the answer
with smtplib.  No code of the project.
"""

import base64
import hashlib
import hmac
import http.client
import json
import re
import socket
import time
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import ExtensionOID, NameOID

WAIT_SECONDS = 20
ERROR = "urn:ietf:params:acme:error:"


def b64(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(value, length=None):
    return b64(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))


class Reply:
    def __init__(self, response, body):
        self.status = response.status
        self.headers = response.headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def problem(self):
        """The last word of the problem's type, after a look at its form."""
        assert self.headers.get_content_type() == "application/problem+json", self.body
        document = self.json
        assert document["type"].startswith(ERROR), document
        assert document["detail"], document
        assert document["status"] == self.status, document
        return document["type"].removeprefix(ERROR)


class Https:
    """Requests to the authority, wherever its name may lead."""

    def __init__(self, world):
        self.address = world.authority["address"]
        self.port = world.authority["ports"]["https"]
        self.host = world.authority["domain"]
        self.tls = world.tls

    def connect(self):
        plain = socket.create_connection((self.address, self.port), timeout=30)
        return self.tls.wrap_socket(plain, server_hostname=self.host)

    def send(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(self.host, self.port)
        connection.sock = self.connect()
        try:
            connection.request(method, path, body, {"User-Agent": "acmeclient/1", **(headers or {})})
            response = connection.getresponse()
            return Reply(response, response.read())
        finally:
            connection.close()


CURVES = {"ES256": ("P-256", hashes.SHA256, 32), "ES384": ("P-384", hashes.SHA384, 48)}


class Key:
    """An account's key and how it signs."""

    def __init__(self, kind="ES256", private=None):
        self.alg = kind
        self.private = private or {
            "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
            "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
            "EdDSA": ed25519.Ed25519PrivateKey.generate,
            "RS256": lambda: rsa.generate_private_key(65537, 2048),
        }[kind]()

    @property
    def jwk(self):
        public = self.private.public_key()
        if self.alg in CURVES:
            curve, _, size = CURVES[self.alg]
            numbers = public.public_numbers()
            return {"kty": "EC", "crv": curve, "x": number(numbers.x, size),
                    "y": number(numbers.y, size)}
        if self.alg == "EdDSA":
            raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            return {"kty": "OKP", "crv": "Ed25519", "x": b64(raw)}
        numbers = public.public_numbers()
        return {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}

    @property
    def thumbprint(self):
        text = json.dumps(self.jwk, sort_keys=True, separators=(",", ":"))
        return b64(hashlib.sha256(text.encode()).digest())

    def sign(self, octets):
        if self.alg in CURVES:
            _, digest, size = CURVES[self.alg]
            r, s = decode_dss_signature(self.private.sign(octets, ec.ECDSA(digest())))
            return r.to_bytes(size, "big") + s.to_bytes(size, "big")
        if self.alg == "EdDSA":
            return self.private.sign(octets)
        return self.private.sign(octets, padding.PKCS1v15(), hashes.SHA256())


class Client:
    """One account.  What it does wrong on purpose is said in the arguments."""

    def __init__(self, world, key=None):
        self.world = world
        self.https = Https(world)
        self.base = world.authority["url"]
        self.key = key or Key()
        self.kid = None
        self.got = []  # URLs of certificates
        self.directory = self.https.send("GET", "/acme/directory").json

    def path(self, url):
        assert url.startswith(self.base), url
        return url.removeprefix(self.base)

    def nonce(self):
        reply = self.https.send("HEAD", self.path(self.directory["newNonce"]))
        assert reply.status == 200
        return reply.headers["Replay-Nonce"]

    def jws(self, url, payload, **changes):
        """`payload`: None for POST-as-GET, text as it is, or JSON.  `changes`: of the header."""
        header = {"alg": self.key.alg, "url": url, "nonce": changes.pop("nonce", None)}
        header["nonce"] = header["nonce"] or self.nonce()
        header.update({"kid": self.kid} if self.kid else {"jwk": self.key.jwk})
        header.update(changes)
        header = {name: value for name, value in header.items() if value is not None}
        text = "" if payload is None else payload
        text = text if isinstance(text, str) else json.dumps(text)
        protected, body = b64(json.dumps(header).encode()), b64(text.encode())
        signature = self.key.sign(f"{protected}.{body}".encode())
        return {"protected": protected, "payload": body, "signature": b64(signature)}

    def inner(self, key, url, payload, **changes):
        """A JWS that lies inside of another one: without a nonce, by `key`'s own "jwk"."""
        header = {"alg": key.alg, "url": url, "jwk": key.jwk, **changes}
        header = {name: value for name, value in header.items() if value is not None}
        protected, body = b64(json.dumps(header).encode()), b64(json.dumps(payload).encode())
        return {"protected": protected, "payload": body,
                "signature": b64(key.sign(f"{protected}.{body}".encode()))}

    def binding(self, kid, mac_key, jwk=None, **changes):
        """RFC 8555 section 7.3.4, the MAC by Python's hmac."""
        header = {"alg": "HS256", "kid": kid, "url": self.directory["newAccount"], **changes}
        protected = b64(json.dumps(header).encode())
        body = b64(json.dumps(jwk or self.key.jwk).encode())
        mac = hmac.new(unb64(mac_key), f"{protected}.{body}".encode(), hashlib.sha256).digest()
        return {"protected": protected, "payload": body, "signature": b64(mac)}

    def change_key(self, key, **changes):
        """Ask for another account key; `changes` are of the keyChange object."""
        url = self.directory["keyChange"]
        change = {"account": self.kid, "oldKey": self.key.jwk, **changes}
        reply = self.post(url, self.inner(key, url, change))
        if reply.status == 200:
            self.key = key
        return reply

    def revoke(self, der, reason=None, key=None):
        """By the account, or by `key`, the certificate's own."""
        payload = {"certificate": b64(der), **({} if reason is None else {"reason": reason})}
        if key is None:
            return self.post(self.directory["revokeCert"], payload)
        other = Client(self.world, key)
        return other.post(self.directory["revokeCert"], payload)

    def post(self, url, payload=None, **changes):
        return self.post_raw(url, json.dumps(self.jws(url, payload, **changes)))

    def post_raw(self, url, body, content_type="application/jose+json"):
        return self.https.send("POST", self.path(url), body, {"Content-Type": content_type})

    # the steps

    def register(self, payload=None):
        self.kid = None
        reply = self.post(self.directory["newAccount"], payload or {"termsOfServiceAgreed": True})
        if reply.status in (200, 201):
            self.kid = reply.headers["Location"]
        return reply

    def order(self, address):
        return self.post(self.directory["newOrder"],
                         {"identifiers": [{"type": "email", "value": address}]})

    def new_order(self, address):
        """The order, its authorization and its challenge, as objects with their URLs."""
        reply = self.order(address)
        assert reply.status == 201, reply.body
        order = {**reply.json, "url": reply.headers["Location"]}
        authorization = self.post(order["authorizations"][0]).json
        challenge = authorization["challenges"][0]
        return order, authorization, challenge

    def response_of(self, token1, challenge):
        authorization = f"{token1}{challenge['token']}.{self.key.thumbprint}"
        return b64(hashlib.sha256(authorization.encode()).digest())

    def wait_for(self, url, states, seconds=WAIT_SECONDS):
        deadline = time.monotonic() + seconds
        while (found := self.post(url).json)["status"] not in states:
            assert time.monotonic() < deadline, found
            time.sleep(0.1)
        return found

    def prove(self, address, challenge):
        """Read the challenge mail, answer it through the person's own server, and say so."""
        mail = wait_for_challenge(self.world, address, challenge)
        answer = answer_to(mail, address, self.response_of(token_of(mail), challenge))
        self.world.send_plain(address, challenge["from"], answer)
        self.post(challenge["url"], {})

    def authorize(self, address):
        """An order that is ready."""
        order, authorization, challenge = self.new_order(address)
        if authorization["status"] != "valid":
            self.prove(address, challenge)
            self.wait_for(order["authorizations"][0], ("valid", "invalid"))
        return {**self.wait_for(order["url"], ("ready", "invalid")), "url": order["url"]}

    def finalize(self, order, csr):
        reply = self.post(order["finalize"], {"csr": b64(csr)})
        if reply.status == 200 and "certificate" in reply.json:
            self.got.append(reply.json["certificate"])
        return reply

    def leave(self):
        """Have no certificate any more, so that the mailboxes are free for the next account."""
        while self.got:
            leaf = x509.load_pem_x509_certificate(self.certificates(
                {"certificate": self.got.pop()}))
            reply = self.revoke(leaf.public_bytes(serialization.Encoding.DER))
            assert reply.status == 200 or reply.problem == "alreadyRevoked", reply.body

    def certificates(self, order):
        reply = self.post(order["certificate"])
        assert reply.status == 200, reply.body
        assert reply.headers.get_content_type() == "application/pem-certificate-chain"
        return reply.body


def wait_for_challenge(world, address, challenge, seconds=WAIT_SECONDS):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        letters = world.fetch_where(address, "HEADER", "From", challenge["from"])
        if letters:
            return message_from_bytes(letters[0], policy=policy.default)
        time.sleep(0.1)
    raise AssertionError(f"no challenge from {challenge['from']} for {address}")


def token_of(mail):
    return re.sub(r"\s", "", mail["Subject"].removeprefix("ACME:"))


def answer_to(mail, sender, digest):
    """The letter of RFC 8823 section 3.2, as an ordinary mail program would write it."""
    answer = EmailMessage(policy=policy.SMTP)
    answer["From"] = sender
    answer["To"] = mail["From"]
    answer["Subject"] = f"Re: {mail['Subject']}"
    answer["In-Reply-To"] = mail["Message-ID"]
    answer["Date"] = formatdate()
    answer["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    answer.set_content("-----BEGIN ACME RESPONSE-----\n"
                       f"{digest[:30]}\n{digest[30:]}\n"
                       "-----END ACME RESPONSE-----\n")
    return answer


def cert_id(leaf):
    """How RFC 9773 names a certificate."""
    identifier = leaf.extensions.get_extension_for_oid(
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER).value.key_identifier
    serial = leaf.serial_number
    octets = serial.to_bytes(serial.bit_length() // 8 + 1, "big")
    return f"{b64(identifier)}.{b64(octets)}"


def make_csr(address, usage="signing", key=None, names=None, subject=()):
    """A PKCS#10 request as DER, and its key."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    names = [x509.RFC822Name(address)] if names is None else names
    bits = dict.fromkeys(("digital_signature", "content_commitment", "key_encipherment",
                          "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign",
                          "encipher_only", "decipher_only"), False)
    rsa_key = isinstance(key, rsa.RSAPrivateKey)
    bits[{"signing": "digital_signature",
          "encrypting": "key_encipherment" if rsa_key else "key_agreement"}[usage]] = True
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(oid, value) for oid, value in subject]))
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    builder = builder.add_extension(x509.KeyUsage(**bits), critical=True)
    request = builder.sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.DER), key


COMMON_NAME = NameOID.COMMON_NAME
