"""An authority by the openssl program alone: `openssl ca`, `openssl ocsp`, `openssl ts`, and a web
server on loopback that gives out its lists and answers.  A foreign judge of what we read."""

import base64
import contextlib
import http.server
import re
import subprocess
import threading
import time

from der import elements, tlv

MAIL = "alice@alpha.test"
CONFIG = """
[ca]
default_ca = here
[here]
dir = {dir}
database = {dir}/index.txt
new_certs_dir = {dir}
serial = {dir}/serial
crlnumber = {dir}/crlnumber
certificate = {dir}/ca.pem
private_key = {dir}/ca.key
default_md = sha256
default_crl_days = 7
policy = any
unique_subject = no
crl_extensions = crl
[any]
commonName = supplied
[req]
distinguished_name = dn
prompt = no
[dn]
CN = x
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign,digitalSignature
subjectKeyIdentifier = hash
[between]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign,digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
{pointers}
[crl]
authorityKeyIdentifier = keyid
[mail]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = emailProtection
subjectAltName = email:{mail}
authorityKeyIdentifier = keyid
{pointers}
[tsa]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
authorityKeyIdentifier = keyid
crlDistributionPoints = URI:http://127.0.0.1:{port}/ca.crl
[responder]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = OCSPSigning
noCheck = ignored
[stranger]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
[tsaserver]
dir = {dir}
serial = {dir}/tsaserial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
ess_cert_id_alg = sha256
accuracy = secs:1
"""


def run(*words, stdin=None):
    done = subprocess.run(["openssl", *map(str, words)], input=stdin, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


class Web(http.server.BaseHTTPRequestHandler):
    """GET /x: a file.  POST: a question, answered by `openssl ocsp`."""

    def do_GET(self):
        ca = self.server.ca
        ca.asked.append(self.path)
        if self.path in ca.moved:
            self.send_response(302)
            self.send_header("Location", ca.moved[self.path])
            self.end_headers()
            return
        file = ca.dir / self.path.lstrip("/")
        if not ca.serves or not file.is_file():
            self.send_error(404)
            return
        self.give(file.read_bytes())

    def do_POST(self):
        ca = self.server.ca
        question = self.rfile.read(int(self.headers["Content-Length"]))
        ca.asked.append(self.path)
        if not ca.serves:
            self.send_error(503)
            return
        self.give(ca.answer(question))

    def give(self, octets):
        time.sleep(self.server.ca.delay)
        # who asked may have gone: some tests are about that
        with contextlib.suppress(ConnectionError):
            self.send_response(200)
            self.send_header("Content-Length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)

    def log_message(self, *_):
        pass


class OtherCa:
    """A root that issues straight to people, with their certificates and what it says of them."""

    def __init__(self, directory, pointers="both", name="Other root"):
        self.dir = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.asked, self.moved, self.delay, self.serves = [], {}, 0, True
        self.signer = "responder"
        self.web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
        self.web.daemon_threads = True
        self.web.ca = self
        self.port = self.web.server_address[1]
        threading.Thread(target=self.web.serve_forever, args=(0.02,), daemon=True).start()
        self.config(pointers)
        for file, text in (("index.txt", ""), ("serial", "1000"), ("crlnumber", "01"),
                           ("tsaserial", "01")):
            (directory / file).write_text(text + "\n" if text else "")
        self.new_key("ca")
        run("req", "-new", "-x509", "-key", directory / "ca.key", "-config", self.conf, "-subj",
            f"/CN={name}", "-days", "7300", "-extensions", "root", "-out", directory / "ca.pem")
        self.root = directory / "ca.pem"

    def close(self):
        self.web.shutdown()
        self.web.server_close()

    def config(self, pointers):
        place = f"http://127.0.0.1:{self.port}"
        lines = {"crl": f"crlDistributionPoints = URI:{place}/ca.crl",
                 "ocsp": f"authorityInfoAccess = OCSP;URI:{place}/ocsp"}
        lines["both"] = lines["crl"] + "\n" + lines["ocsp"]
        lines["none"] = ""
        self.conf = self.dir / "ca.cnf"
        self.conf.write_text(CONFIG.format(dir=self.dir, port=self.port, mail=MAIL,
                                           pointers=lines.get(pointers, pointers)))

    def new_key(self, name):
        run("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out",
            self.dir / f"{name}.key")

    def issue(self, name, kind, days=365):
        """Its certificate; the key is beside it, and NAME.id has both."""
        self.new_key(name)
        cert = self.dir / f"{name}.pem"
        request = run("req", "-new", "-key", self.dir / f"{name}.key", "-config", self.conf,
                      "-subj", f"/CN={name}")
        (self.dir / "request").write_bytes(request)
        run("ca", "-batch", "-config", self.conf, "-in", self.dir / "request", "-extensions", kind,
            "-days", days, "-notext", "-out", cert)
        (self.dir / f"{name}.id").write_bytes(
            (self.dir / f"{name}.key").read_bytes() + cert.read_bytes())
        return cert

    def vouch_for(self, other, name):
        """The other authority is one below this one from now on; NAME.cer is its certificate."""
        request = self.dir / "request"
        request.write_bytes(run("req", "-new", "-key", other.dir / "ca.key", "-config", self.conf,
                                "-subj", f"/CN={name}"))
        run("ca", "-batch", "-config", self.conf, "-in", request, "-extensions", "between",
            "-days", 3650, "-notext", "-out", other.root)
        run("x509", "-in", other.root, "-outform", "DER", "-out", self.dir / f"{name}.cer")

    def revoke(self, name, *reason, after=0):
        """`after`: seconds from now, when it will have been."""
        run("ca", "-config", self.conf, "-revoke", self.dir / f"{name}.pem", *reason)
        index = self.dir / "index.txt"
        then = time.strftime("%y%m%d%H%M%SZ", time.gmtime(time.time() + after))
        serial = run("x509", "-in", self.dir / f"{name}.pem", "-noout", "-serial").decode()
        serial = serial.split("=")[1].strip()
        lines = [re.sub(r"^(R\t\w+\t)\w+", rf"\g<1>{then}", line)
                 if f"\t{serial}\t" in line else line for line in index.read_text().splitlines()]
        index.write_text("\n".join(lines) + "\n")

    def publish(self, *words):
        """A new list; its path."""
        run("ca", "-config", self.conf, "-gencrl", "-out", self.dir / "crl.pem", *words)
        run("crl", "-in", self.dir / "crl.pem", "-outform", "DER", "-out", self.dir / "ca.crl")
        return self.dir / "ca.crl"

    def answer(self, question, *words):
        (self.dir / "question").write_bytes(question)
        run("ocsp", "-index", self.dir / "index.txt", "-CA", self.root, "-rsigner",
            self.dir / f"{self.signer}.pem", "-rkey", self.dir / f"{self.signer}.key", "-reqin",
            self.dir / "question", "-respout", self.dir / "answer", "-ndays", "7", *words)
        return (self.dir / "answer").read_bytes()

    def ask(self, name, *words):
        """An answer about a certificate, as a file."""
        run("ocsp", "-issuer", self.root, "-cert", self.dir / f"{name}.pem", "-no_nonce",
            "-reqout", self.dir / "asking")
        path = self.dir / f"{name}.ors"
        path.write_bytes(self.answer((self.dir / "asking").read_bytes(), *words))
        return path

    def token(self, octets, name="tsa"):
        """A TimeStampToken about these octets."""
        (self.dir / "stamped").write_bytes(octets)
        run("ts", "-query", "-data", self.dir / "stamped", "-sha256", "-cert", "-out",
            self.dir / "query")
        return run("ts", "-reply", "-config", self.conf, "-section", "tsaserver", "-queryfile",
                   self.dir / "query", "-signer", self.dir / f"{name}.pem", "-inkey",
                   self.dir / f"{name}.key", "-token_out")


# ---- what others add to a signature ---------------------------------------------------------------


def whole(found):
    return b"".join(element[2] for element in found)


def change_signature(letter, change):
    """A multipart/signed letter with `change(elements of its SignedData)` in the place of it."""
    start = letter.index(b"\r\n\r\n", letter.rindex(b"name=\"smime.p7s\"")) + 4
    head, rest = letter[:start - 4], letter[start:]
    body, _, tail = rest.partition(b"--letterlock")
    der = base64.b64decode(body)
    kind, explicit = elements(elements(der)[0][1])
    signed = elements(elements(explicit[1])[0][1])
    made = tlv(0x30, kind[2], tlv(0xa0, tlv(0x30, change(signed))))
    lines = base64.encodebytes(made).replace(b"\n", b"\r\n").rstrip()
    return head + b"\r\n\r\n" + lines + b"\r\n\r\n--letterlock" + tail


def with_lists(letter, *lists, answers=()):
    """CRLs and OCSP answers into SignedData.crls (RFC 5652 section 10.2.1, RFC 5940)."""
    oid = tlv(0x06, bytes.fromhex("2b06010505071002"))
    inside = b"".join(lists) + b"".join(tlv(0xa1, oid, one) for one in answers)
    return change_signature(
        letter, lambda signed: whole(signed[:-1]) + tlv(0xa1, inside) + signed[-1][2])


def signature_value(letter):
    found = []

    def look(signed):
        info = elements(signed[-1][1])[0]
        found.append(next(one[1] for one in reversed(elements(info[1])) if one[0] == 0x04))
        return whole(signed)

    change_signature(letter, look)
    return found[0]


def with_token(letter, token):
    """A signature-time-stamp attribute (RFC 5126 section 6.1.1)."""
    oid = tlv(0x06, bytes.fromhex("2a864886f70d010910020e"))
    attribute = tlv(0x30, oid, tlv(0x31, token))

    def add(signed):
        info = elements(signed[-1][1])[0]
        return whole(signed[:-1]) + tlv(0x31, tlv(0x30, info[1], tlv(0xa1, attribute)))

    return change_signature(letter, add)


def with_second_token(letter, token):
    """Before the one that is there."""
    oid = tlv(0x06, bytes.fromhex("2a864886f70d010910020e"))
    attribute = tlv(0x30, oid, tlv(0x31, token))

    def add(signed):
        info = elements(elements(signed[-1][1])[0][1])
        made = whole(info[:-1]) + tlv(0xa1, attribute, info[-1][1])
        return whole(signed[:-1]) + tlv(0x31, tlv(0x30, made))

    return change_signature(letter, add)
