"""Another ACME authority for mail certificates: small, in Python, and ill-behaved on demand.

A foreign judge of the client: it reads requests with python-cryptography, signs its challenge mails
with dkimpy and takes the answers as another mail server would.  It listens where the village's own
authority would, so it is for villages without one.  `faults` says what it does wrong.
"""

import base64
import hashlib
import http.server
import json
import secrets
import smtplib
import socket
import ssl
import subprocess
import tempfile
import threading
from email.utils import formatdate, make_msgid
from pathlib import Path

import dkim
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

ADDRESS = "127.0.0.13"
DOMAIN = "authority.test"
HTTPS_PORT = 8443
SMTP_PORT = 2525
SIGNED = [name.encode() for name in (
    "From", "Sender", "Reply-To", "To", "Cc", "Subject", "Date", "In-Reply-To", "References",
    "Message-ID", "Auto-Submitted", "Content-Type", "Content-Transfer-Encoding")]
ERROR = "urn:ietf:params:acme:error:"


def b64(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def unb64(text):
    assert "=" not in text, "RFC 8555 section 6.1: no padding"
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Problem(Exception):
    def __init__(self, status, kind, detail):
        super().__init__(detail)
        self.status, self.body = status, {"type": ERROR + kind, "detail": detail}


class OtherAuthority:
    """with OtherAuthority(village_directory) as authority: ..."""

    base = f"https://{DOMAIN}:{HTTPS_PORT}"

    def __init__(self, village, **faults):
        self.village = Path(village)
        self.faults = faults
        self.nonces, self.accounts, self.orders, self.authorizations = set(), {}, {}, {}
        self.letters = []  # answers as they came
        self.requests = []
        self.lock = threading.RLock()

    def fault(self, name):
        """What is left of a fault that happens a number of times."""
        left = self.faults.get(name, 0)
        if left and left is not True:
            self.faults[name] = left - 1
        return left

    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.dir = Path(self.temporary.name)
        self.make_root()
        self.https = http.server.ThreadingHTTPServer((ADDRESS, HTTPS_PORT), handler_of(self))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls = self.village / "tls"
        context.load_cert_chain(tls / f"{DOMAIN}.pem", tls / f"{DOMAIN}.key")
        self.https.socket = context.wrap_socket(self.https.socket, server_side=True)
        self.smtp = socket.create_server((ADDRESS, SMTP_PORT))
        threading.Thread(target=self.https.serve_forever, daemon=True).start()
        threading.Thread(target=self.take_letters, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.https.shutdown()
        self.https.server_close()
        self.smtp.shutdown(socket.SHUT_RDWR)
        self.smtp.close()
        self.temporary.cleanup()

    @property
    def directory(self):
        return f"{self.base}/acme/directory"

    @property
    def root(self):
        return self.dir / "root.pem"

    # certificates, by openssl

    def openssl(self, *words, **more):
        return subprocess.run(["openssl", *map(str, words)], cwd=self.dir, check=True,
                              capture_output=True, **more).stdout

    def make_root(self):
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                     "-noenc", "-keyout", "root.key", "-out", "root.pem", "-days", "30",
                     "-subj", "/CN=Other mail root")
        (self.dir / "leaf.ext").write_text("basicConstraints=critical,CA:FALSE\n"
                                           "extendedKeyUsage=emailProtection\n")

    def issue(self, csr):
        (self.dir / "csr.der").write_bytes(csr)
        text = self.openssl("req", "-inform", "DER", "-in", "csr.der", "-noout", "-text",
                            "-verify").decode()
        if self.fault("foreign_key"):
            self.openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                         "-noenc", "-keyout", "x.key", "-out", "csr.der", "-outform", "DER",
                         "-subj", "/CN=x", "-addext", "subjectAltName=email:alice@alpha.test")
        leaf = self.openssl("x509", "-req", "-inform", "DER", "-in", "csr.der", "-CA", "root.pem",
                            "-CAkey", "root.key", "-days", self.faults.get("days", 30),
                            "-copy_extensions", "copyall", "-extfile", "leaf.ext").decode()
        assert "email:" in text
        return leaf + self.root.read_text()

    # ACME

    def answer(self, method, path, body):
        """(status, headers, body)"""
        self.requests.append((method, path))
        if path == "/acme/directory":
            return self.show_directory()
        if path == "/acme/nonce":
            return 200, {}, b""
        if self.fault("html"):
            return 200, {"Content-Type": "text/html"}, b"<html>We moved!</html>"
        header, payload = self.read_jws(path, body)
        what, _, name = path.removeprefix("/acme/").partition("/")
        return getattr(self, "do_" + what)(name, header, payload)

    def show_directory(self):
        names = {"newNonce": "nonce", "newAccount": "account", "newOrder": "order"}
        listed = {name: f"{self.base}/acme/{path}" for name, path in names.items()}
        return 200, {}, json.dumps(listed).encode()

    def read_jws(self, path, body):
        jws = json.loads(body)
        assert set(jws) == {"protected", "payload", "signature"}
        header = json.loads(unb64(jws["protected"]))
        assert header["url"] == self.base + path, header
        if header["nonce"] not in self.nonces or self.fault("bad_nonce"):
            raise Problem(400, "badNonce", "that nonce is used up")
        self.nonces.remove(header["nonce"])
        jwk = header.get("jwk") or self.accounts[header["kid"].rpartition("/")[2]]
        verify(jwk, f"{jws['protected']}.{jws['payload']}".encode(), unb64(jws["signature"]))
        return header, json.loads(unb64(jws["payload"]) or "null")

    def do_account(self, name, header, payload):
        assert payload == {"termsOfServiceAgreed": True}
        name = thumbprint(header["jwk"])
        known = name in self.accounts
        self.accounts[name] = header["jwk"]
        return (200 if known else 201, {"Location": f"{self.base}/acme/account/{name}"},
                b'{"status":"valid"}')

    def do_order(self, name, header, payload):
        if not name:
            if self.fault("refuse_order"):
                raise Problem(403, "rejectedIdentifier", "not in \x1b[31mthis\x1b[0m house")
            [identifier] = payload["identifiers"]
            assert identifier["type"] == "email"
            name = self.add_order(identifier["value"], header["kid"])
            headers = {"Location": f"{self.base}/acme/order/{name}"}
            return 201, headers, self.show_order(name)
        if name not in self.orders:
            raise Problem(404, "malformed", "there is no such order")
        return 200, {}, self.show_order(name)

    def add_order(self, address, account):
        reusable = [n for n, a in self.authorizations.items()
                    if a["address"] == address and a["account"] == account
                    and a["status"] in ("valid", "pending") and not self.faults.get("no_reuse")]
        authorization = reusable[0] if reusable else self.add_authorization(address, account)
        name = secrets.token_hex(4)
        self.orders[name] = {"authorization": authorization, "certificate": None}
        return name

    def show_order(self, name):
        order = self.orders[name]
        state = self.authorizations[order["authorization"]]["status"]
        status = {"valid": "ready"}.get(state, state)
        shown = {"authorizations": [f"{self.base}/acme/authorization/{order['authorization']}"],
                 "finalize": f"{self.base}/acme/finalize/{name}"}
        if order["certificate"]:
            status = "valid"
            shown["certificate"] = f"{self.base}/acme/certificate/{name}"
            if self.fault("processing"):
                status = "processing"
        shown["status"] = status
        return json.dumps(shown).encode()

    def add_authorization(self, address, account):
        name = secrets.token_hex(4)
        self.authorizations[name] = {
            "address": address, "account": account, "status": "pending", "posted": False,
            "from": f"challenge+{secrets.token_hex(6)}@{DOMAIN}",
            "token1": b64(secrets.token_bytes(20)), "token2": b64(secrets.token_bytes(20)),
            "mailed": False, "digest": None, "detail": None}
        return name

    def do_authorization(self, name, header, payload):
        one = self.authorizations[name]
        if not one["mailed"] and not self.faults.get("no_mail"):
            one["mailed"] = True
            self.mail_challenge(one)
        challenge = {"type": "email-reply-00", "url": f"{self.base}/acme/challenge/{name}",
                     "status": one["status"], "from": one["from"], "token": one["token2"]}
        if one["detail"]:
            challenge["error"] = {"detail": one["detail"]}
        return 200, {}, json.dumps({"status": one["status"], "identifier": {
            "type": "email", "value": one["address"]}, "challenges": [challenge]}).encode()

    def do_challenge(self, name, header, payload):
        assert payload == {}
        self.authorizations[name]["posted"] = True
        self.judge(self.authorizations[name])
        return 200, {}, b"{}"

    def do_finalize(self, name, header, payload):
        order = self.orders[name]
        if self.authorizations[order["authorization"]]["status"] != "valid":
            raise Problem(403, "orderNotReady", "not yet")
        if self.fault("refuse_csr"):
            raise Problem(400, "badCSR", "we do not like that key")
        order["certificate"] = self.issue(unb64(payload["csr"]))
        return 200, {}, self.show_order(name)

    def do_certificate(self, name, header, payload):
        text = self.orders[name]["certificate"].encode()
        return 200, {"Content-Type": "application/pem-certificate-chain"}, text

    # mail

    def mail_challenge(self, one, **changes):
        fields = {"Auto-Submitted": "auto-generated; type=acme", "Date": formatdate(),
                  "Message-ID": make_msgid(domain=DOMAIN), "From": one["from"],
                  "To": one["address"], "Subject": "ACME: " + one["token1"],
                  "Content-Type": "text/plain", "MIME-Version": "1.0", **changes}
        letter = "".join(f"{n}: {v}\r\n" for n, v in fields.items()) + "\r\nHello.\r\n"
        self.send(one["address"], letter.encode())

    def send(self, address, letter):
        domain = address.partition("@")[2]
        where = {"alpha.test": "127.0.0.11", "beta.test": "127.0.0.12"}[domain]
        key = (self.village / "dkim" / f"{DOMAIN}.key").read_bytes()
        signature = dkim.sign(letter, b"letterlock", DOMAIN.encode(), key, include_headers=SIGNED)
        with smtplib.SMTP(where, SMTP_PORT, local_hostname=DOMAIN, timeout=20,
                          source_address=(ADDRESS, 0)) as smtp:
            smtp.sendmail(f"bounce@{DOMAIN}", [address], signature + letter)

    def take_letters(self):
        while True:
            try:
                peer, _ = self.smtp.accept()
            except OSError:
                return
            with peer:
                self.take_letter(peer)

    def take_letter(self, peer):
        stream = peer.makefile("rwb")
        letter = []

        def say(line):
            stream.write(line + b"\r\n")
            stream.flush()

        say(b"220 " + DOMAIN.encode())
        for line in stream:
            verb = line.split()[0].upper()
            if verb == b"DATA":
                say(b"354 go on")
                while (text := stream.readline()) != b".\r\n":
                    letter.append(text)
                self.take_answer(b"".join(letter))
            say({b"QUIT": b"221 bye"}.get(verb, b"250 ok"))
            if verb == b"QUIT":
                return

    def take_answer(self, letter):
        with self.lock:
            self.letters.append(letter)
            for one in self.authorizations.values():
                if b"Re: ACME: " + one["token1"].encode() in letter:
                    begin = letter.index(b"-----BEGIN ACME RESPONSE-----") + 29
                    end = letter.index(b"-----END ACME RESPONSE-----")
                    one["digest"] = b"".join(letter[begin:end].split()).decode()
                    self.judge(one)

    def judge(self, one):
        if not (one["posted"] and one["digest"]) or one["status"] != "pending":
            return
        key = one["account"].rpartition("/")[2]
        want = f"{one['token1']}{one['token2']}.{key}"
        good = one["digest"] == b64(hashlib.sha256(want.encode()).digest())
        if self.fault("ask_again"):
            one.update(token1=b64(secrets.token_bytes(20)), digest=None)
            self.mail_challenge(one)
            return
        one["status"] = "valid" if good and not self.faults.get("never_valid") else "invalid"
        one["detail"] = None if one["status"] == "valid" else "the digest is wrong"


def thumbprint(jwk):
    member = json.dumps({n: jwk[n] for n in ("crv", "kty", "x", "y")}, separators=(",", ":"))
    return b64(hashlib.sha256(member.encode()).digest())


def verify(jwk, text, signature):
    assert jwk["kty"] == "EC" and jwk["crv"] == "P-256" and "d" not in jwk
    x, y = (int.from_bytes(unb64(jwk[n]), "big") for n in "xy")
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    r, s = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:]))
    key.verify(encode_dss_signature(r, s), text, ec.ECDSA(hashes.SHA256()))


def handler_of(authority):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def serve(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            with authority.lock:
                status, headers, answer = self.judge(body)
                nonce = b64(secrets.token_bytes(12))
                authority.nonces.add(nonce)
            self.send_response(status)
            given = {"Content-Type": "application/json", **headers, "Replay-Nonce": nonce,
                     "Content-Length": str(len(answer))}
            for name, value in given.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer)

        def judge(self, body):
            try:
                return authority.answer(self.command, self.path, body)
            except Problem as problem:
                kind = {"Content-Type": "application/problem+json"}
                return problem.status, kind, json.dumps(problem.body).encode()

        do_GET = do_POST = do_HEAD = serve

        def log_message(self, *_):
            pass

    return Handler
