"""An authority to be asked: its folder, what is in its database, and how much time its process took."""

import base64
import hashlib
import itertools
import json
import os
import secrets
import sqlite3
import ssl
import subprocess
import sys
import time
from http.client import HTTPSConnection, RemoteDisconnected
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from fixtures import Failed

sys.path.append(str(Path(__file__).resolve().parent.parent / "test"))
from loneauthority import Lone, free_port  # noqa: E402

DAY = 86400
# Of nobody who is measured: from one address come all requests.
SETTINGS = {"lookups_per_minute": 1000000, "connections": 5000, "http_connections": 5000,
            "ldap_connections": 5000}
MAIL = "example.org"
USAGES = {"signing": "digital_signature", "p256": "key_agreement", "rsa": "key_encipherment"}
BITS = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
        "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")


def b64(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def cpu_seconds(pid):
    """That all threads of a process have used until now (clock_getcpuclockid(3))."""
    return time.clock_gettime((~pid << 3) | 2)


def answering_seconds(pid):
    """That the thread has used that answers over HTTP, HTTPS and LDAP: the first one (proc(5))."""
    return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[0]) / 1e9


def resident_kib(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise Failed("no VmRSS")


class Account:
    """A key at the authority, and one mailbox."""

    def __init__(self, number):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = secrets.token_urlsafe(16)
        self.address = f"person{number}@{MAIL}"
        point = self.key.public_key().public_numbers()
        self.jwk = {"kty": "EC", "crv": "P-256", "x": b64(point.x.to_bytes(32, "big")),
                    "y": b64(point.y.to_bytes(32, "big"))}
        canonical = json.dumps(self.jwk, sort_keys=True, separators=(",", ":"))
        self.thumbprint = b64(hashlib.sha256(canonical.encode()).digest())

    def sign(self, base, url, nonce, payload):
        protected = {"alg": "ES256", "kid": f"{base}/acme/account/{self.name}", "nonce": nonce,
                     "url": url}
        head, body = (b64(json.dumps(part).encode()) for part in (protected, payload))
        r, s = decode_dss_signature(
            self.key.sign(f"{head}.{body}".encode(), ec.ECDSA(hashes.SHA256())))
        signature = b64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
        return json.dumps({"protected": head, "payload": body, "signature": signature}).encode()


def make_request(address, kind, key):
    """PKCS #10, for a signing or an encrypting certificate."""
    bits = dict.fromkeys(BITS, False) | {USAGES[kind]: True}
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.RFC822Name(address)]), False)
    builder = builder.add_extension(x509.KeyUsage(**bits), True)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def make_key(kind):
    if kind == "rsa":
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP256R1())


class House:
    def __init__(self, build, folder):
        self.build = build
        self.lone = Lone(build, folder)
        done = self.lone.init()
        if done.returncode != 0:
            raise Failed(done.stderr)
        self.ldap_port = free_port()
        self.lone.settings(ldap_listen=f"127.0.0.1:{self.ldap_port}", **SETTINGS)
        self.url = f"https://{self.lone.place('https')}"
        self.lone.start()
        self.accounts = 0

    @property
    def pid(self):
        return self.lone.process.pid

    def close(self):
        self.lone.close()

    def select(self, text, *values):
        with sqlite3.connect(f"file:{self.lone.dir}/authority.db?mode=ro", uri=True) as db:
            return db.execute(text, values).fetchall()

    def add_orders(self, count, accounts):
        """Orders that are ready, of so many new accounts in turn: [(account, order)]."""
        now, orders = int(time.time()), []
        db = sqlite3.connect(self.lone.dir / "authority.db", timeout=60)
        with db:
            people = [self.add_account(db, now) for _ in range(accounts)]
            for account in itertools.islice(itertools.cycle(people), count):
                orders.append((account, self.add_order(db, account, now)))
        db.close()
        return orders

    def add_account(self, db, now):
        """An account that has shown that its mailbox is its own."""
        self.accounts += 1
        account = Account(self.accounts)
        account.id = db.execute(
            "INSERT INTO account (name, thumbprint, jwk, contact, status, created)"
            " VALUES (?, ?, ?, '[]', 'valid', ?)",
            (account.name, account.thumbprint, json.dumps(account.jwk), now)).lastrowid
        account.proof = db.execute(
            "INSERT INTO acme_authorization (name, account, address, folded, status, created,"
            " expires, recipient, token1, token2, validated)"
            " VALUES (?, ?, ?, ?, 'valid', ?, ?, ?, 'a', 'b', ?)",
            (account.name, account.id, account.address, account.address, now, now + DAY,
             f"acme-challenge+{account.name}", now)).lastrowid
        db.execute("INSERT INTO permission (acme_authorization, word, detail, at)"
                   " VALUES (?, 'yes', '', ?)", (account.proof, now))
        return account

    @staticmethod
    def add_order(db, account, now):
        name = secrets.token_urlsafe(16)
        db.execute(
            "INSERT INTO acme_order (name, account, acme_authorization, address, created, expires)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (name, account.id, account.proof, account.address, now, now + DAY))
        return name

    def issuer(self):
        return x509.load_pem_x509_certificate((self.lone.dir / "issuing.pem").read_bytes())

    def nonces(self, count):
        tls = ssl.create_default_context(cafile=self.lone.papers / "tls.pem")
        connection = HTTPSConnection("127.0.0.1", self.lone.ports["https"], context=tls)
        nonces = []
        while len(nonces) < count:
            try:
                connection.request("HEAD", "/acme/new-nonce")
                response = connection.getresponse()
            except RemoteDisconnected:  # a connection lasts a minute; the next request opens another
                continue
            response.read()
            nonces.append(response.headers["Replay-Nonce"])
        connection.close()
        return nonces

    def finalize(self, account, order, nonce, request):
        path = f"/acme/finalize/{order}"
        body = account.sign(self.url, self.url + path, nonce, {"csr": b64(request)})
        return http("POST", path, body, "application/jose+json")


def http(method, path, body=b"", kind=None):
    """A request as it goes over the wire."""
    head = f"{method} {path} HTTP/1.1\r\nHost: authority.test\r\n"
    if kind:
        head += f"Content-Type: {kind}\r\n"
    if method == "POST":
        head += f"Content-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


class Load:
    """bench/authority_load, which asks."""

    def __init__(self, programs, kind, port, requests, folder):
        self.path = Path(folder) / f"requests-{kind}-{secrets.token_hex(4)}"
        with open(self.path, "wb") as file:
            for request in requests:
                file.write(len(request).to_bytes(4, "big") + request)
        self.process = subprocess.Popen(
            [programs / "authority_load", kind, str(port), self.path], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def run(self, count, links, per_second=0):
        """(seconds, [p50, p99, most in microseconds])"""
        print(count, links, per_second, file=self.process.stdin, flush=True)
        words = [int(word) for word in self.process.stdout.readline().split()]
        if len(words) != 6:
            raise Failed("the server stopped answering")
        answers, failures, ns, *times = words
        if failures or answers != count:
            raise Failed(f"{failures} of {count} answers were no success")
        return ns / 1e9, times

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        os.unlink(self.path)
