"""Rows about requests: what one costs the server, and how many it answers."""

import itertools
import secrets
import statistics
import sys
import time
from base64 import b64encode
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from beside import SUFFIX, OpensslOcsp, Slapd
from fixtures import Failed
from house import (Load, answering_seconds, cpu_seconds, http, make_key, make_request,
                   resident_kib)
from timed import Worker

LINKS = 64
ENOUGH = 0.3  # seconds of the server's time, a round
MOST = 1000  # certificates that are asked for
BESIDE = 4000  # requests to another program
RSA_KEYS = 50
HOLD_SECONDS = 60
HOLD_STEP = 10


def tlv(tag, *parts):
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    size = (len(body).bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + len(body).to_bytes(size, "big") + body


def search(address, base=""):
    """An LDAP message, RFC 4511: the certificates of (mail=ADDRESS) below the base."""
    wanted = tlv(0xA3, tlv(4, b"mail"), tlv(4, address.encode()))
    names = tlv(0x30, tlv(4, b"userCertificate;binary"))
    return tlv(0x30, tlv(2, b"\1"), tlv(0x63, tlv(4, base.encode()), tlv(10, b"\2"), tlv(10, b"\0"),
                                        tlv(2, b"\0"), tlv(2, b"\0"), tlv(1, b"\0"), wanted, names))


def stamp_query():
    """TimeStampReq of RFC 3161, with a nonce and certReq."""
    sha256 = bytes.fromhex("300d06096086480165030402010500")
    return tlv(0x30, tlv(2, b"\1"), tlv(0x30, sha256, tlv(4, secrets.token_bytes(32))),
               tlv(2, b"\1" + secrets.token_bytes(8)), tlv(1, b"\xff"))


class Bare:
    """bench/authority_bare, which does the cryptography alone; None: there is none."""

    def __init__(self, programs, what, options):
        command = [programs / "authority_bare", what, "-", "-", "letter:0"]
        self.worker = Worker(command, options.on) if what else None

    def seconds(self):
        return self.worker.run(500) if self.worker else 0

    def close(self):
        if self.worker:
            self.worker.end()


class Asked:
    """A row: requests of one kind, asked on many connections as fast as it goes."""

    protocol = "http"
    bare = None  # what of bench/authority_bare is the bare cryptographic cost
    peer = None  # whom it is measured beside

    def __init__(self, name):
        self.name = name

    def port(self, house):
        return {"http": house.lone.ports["http"], "https": house.lone.ports["https"],
                "ldap": house.ldap_port}[self.protocol]

    def requests(self, house, programs):
        raise NotImplementedError

    def beside(self, house, programs, options):
        """CPU seconds that the peer takes for one; None: there is no peer."""

    def measure(self, house, programs, options):
        requests = self.requests(house, programs)
        load = Load(programs, self.protocol, self.port(house), requests, house.lone.folder)
        bare = Bare(programs, self.bare, options)
        try:
            first, _ = self.once(house, load, 200)
            count = max(200, min(20000, round(ENOUGH / first)))
            took = [self.show(options, *self.once(house, load, count), bare.seconds())
                    for _ in range(options.rounds)]
            half = round(statistics.median(rate for _, rate, _ in took) / 2)
            _, (_, p99, _) = load.run(max(100, half), LINKS, half)
        finally:
            load.close()
            bare.close()
        other = self.beside(house, programs, options)
        return self.line(took, p99, resident_kib(house.pid), other)

    @staticmethod
    def once(house, load, count):
        """(CPU seconds of one, one a second)"""
        before = cpu_seconds(house.pid)
        seconds, _ = load.run(count, LINKS)
        return (cpu_seconds(house.pid) - before) / count, count / seconds

    def show(self, options, *took):
        cpu, rate, bare = took
        if options.show:
            print(f"{self.name} {cpu * 1e6:.1f} us, {rate:.0f} a second, bare {bare * 1e6:.1f} us",
                  file=sys.stderr)
        return took

    def line(self, rounds, p99, rss_kib, other=None):
        cpu, rate, bare = zip(*rounds)
        text = (f"authority {self.name} cpu_us={statistics.median(cpu) * 1e6:.1f}"
                f" per_s={statistics.median(rate):.0f}")
        if self.bare:
            text += (f" bare_us={statistics.median(bare) * 1e6:.1f}"
                     f" vs_limit={statistics.median(c / b for c, b in zip(cpu, bare)):.2f}")
        if other:
            text += f" vs_{self.peer}={other / statistics.median(cpu):.1f}"
        return text + f" p99_ms={p99 / 1000:.1f} rss_mib={rss_kib / 1024:.1f}"


def program_seconds(program, programs, kind, folder, requests):
    """CPU seconds of one request that another program answers; openssl ocsp has one guest at a time."""
    load = Load(programs, kind, program.port, requests, folder)
    try:
        load.run(200, 1)
        before = program.cpu()
        load.run(BESIDE, 1)
        return (program.cpu() - before) / BESIDE
    finally:
        load.close()
        program.close()


class Stamp(Asked):
    bare = "sign"
    peer = "openssl_ts"

    def beside(self, house, programs, options):
        worker = Bare(programs, "ts", options)
        try:
            return statistics.median(worker.seconds() for _ in range(5))
        finally:
            worker.close()

    def requests(self, house, programs):
        return [http("POST", "/tsa", stamp_query(), "application/timestamp-query")
                for _ in range(1000)]


def certificates(house, programs):
    """The newest that were issued; there are always some."""
    if not house.select("SELECT 1 FROM certificate LIMIT 1"):
        Issue("", "signing").once(house, programs, MOST)
    rows = house.select("SELECT der FROM certificate ORDER BY id DESC LIMIT ?", MOST)
    return [x509.load_der_x509_certificate(der) for der, in rows]


def wait_for_answers(house):
    """Until the job has signed what is said of every certificate."""
    deadline = time.monotonic() + 120
    while house.select("SELECT 1 FROM certificate c WHERE NOT EXISTS"
                       " (SELECT 1 FROM ocsp_answer a WHERE a.certificate = c.id) LIMIT 1"):
        if time.monotonic() > deadline:
            raise Failed("no OCSP answers")
        time.sleep(0.2)


def address_of(cert):
    names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names[0].value


class Ocsp(Asked):
    peer = "openssl_ocsp"

    def __init__(self, name, digest, method, nonce):
        super().__init__(name)
        self.digest, self.method, self.nonce = digest, method, nonce
        self.bare = "sign" if nonce else None

    def question(self, cert, issuer):
        builder = ocsp.OCSPRequestBuilder().add_certificate(cert, issuer, self.digest())
        if self.nonce:
            builder = builder.add_extension(x509.OCSPNonce(secrets.token_bytes(32)), False)
        return builder.build().public_bytes(Encoding.DER)

    def beside(self, house, programs, options):
        certs = certificates(house, programs)
        program = OpensslOcsp(house.lone.folder / "ocsp", certs)
        return program_seconds(program, programs, "http", house.lone.folder,
                               self.asking(certs, program.issuer, "POST"))

    def requests(self, house, programs):
        found = certificates(house, programs)
        wait_for_answers(house)
        return self.asking(found, house.issuer(), self.method)

    def asking(self, certs, issuer, method):
        ders = [self.question(cert, issuer) for cert in certs]
        if method == "GET":
            return [http("GET", "/ocsp/" + quote(b64encode(der), safe="")) for der in ders]
        return [http("POST", "/ocsp", der, "application/ocsp-request") for der in ders]


class Store(Asked):
    """RFC 4387."""

    def __init__(self, name, attribute):
        super().__init__(name)
        self.attribute = attribute

    def value(self, cert):
        if self.attribute == "uri":
            return quote(address_of(cert))
        return quote(b64encode(cert.fingerprint(hashes.SHA1())).rstrip(b"="), safe="")

    def requests(self, house, programs):
        return [http("GET", f"/certificates/search.cgi?{self.attribute}="
                     + self.value(cert)) for cert in certificates(house, programs)]


class Ldap(Asked):
    protocol = "ldap"
    peer = "slapd"

    def beside(self, house, programs, options):
        people = {address_of(cert): cert for cert in certificates(house, programs)}
        program = Slapd(house.lone.folder / "slapd", people.items())
        return program_seconds(program, programs, "ldap", house.lone.folder,
                               [search(address, SUFFIX) for address in people])

    def requests(self, house, programs):
        return [search(address_of(cert)) for cert in certificates(house, programs)]


class Issue(Asked):
    """From an order that is ready to a certificate in the database, over HTTPS.

    Nonce, order and key are good once: each round has requests of its own."""

    protocol = "https"
    count = 1000

    def __init__(self, name, kind):
        super().__init__(name)
        self.kind, self.bare = kind, f"issue-{'rsa' if kind == 'rsa' else 'p256'}"
        self.answering = []  # CPU seconds of the thread that answers, for one

    def load(self, house, programs, count):
        """Of few accounts with RSA keys, for those take long to make; else each has its own."""
        keys = [make_key(self.kind) for _ in range(RSA_KEYS if self.kind == "rsa" else count)]
        orders = house.add_orders(count, len(keys))
        nonces = house.nonces(count)
        requests = [
            house.finalize(account, order, nonce, make_request(account.address, self.kind, key))
            for (account, order), nonce, key in zip(orders, nonces, itertools.cycle(keys))]
        return Load(programs, self.protocol, self.port(house), requests, house.lone.folder)

    def once(self, house, programs, count, per_second=0):
        """(CPU seconds of one, one a second, latencies)"""
        load = self.load(house, programs, count + LINKS)
        try:
            load.run(LINKS, LINKS)  # their TLS handshakes are not what is measured
            before, alone = cpu_seconds(house.pid), answering_seconds(house.pid)
            seconds, took = load.run(count, LINKS, per_second)
            self.answering.append((answering_seconds(house.pid) - alone) / count)
            return (cpu_seconds(house.pid) - before) / count, count / seconds, took
        finally:
            load.close()

    def measure(self, house, programs, options):
        bare = Bare(programs, self.bare, options)
        try:
            self.once(house, programs, 100)
            self.answering.clear()
            took = [self.show(options, *self.once(house, programs, self.count)[:2], bare.seconds())
                    for _ in range(options.rounds)]
        finally:
            bare.close()
        answering = statistics.median(self.answering) * 1e6
        half = round(statistics.median(rate for _, rate, _ in took) / 2)
        _, _, (_, p99, _) = self.once(house, programs, self.count, half)
        return self.line(took, p99, resident_kib(house.pid)) + f" answer_us={answering:.1f}"


class Hold:
    """Connections that are held for a minute, at half the rate that the server can answer."""

    def __init__(self, asked):
        self.asked, self.name = asked, f"hold-{asked.name}"

    def measure(self, house, programs, options):
        asked = self.asked
        requests = asked.requests(house, programs)
        load = Load(programs, asked.protocol, asked.port(house), requests, house.lone.folder)
        try:
            asked.once(house, load, 2000)
            _, peak = asked.once(house, load, 5000)
            half, seen = round(peak / 2), []
            for _ in range(HOLD_SECONDS // HOLD_STEP):
                _, (_, p99, _) = load.run(half * HOLD_STEP, LINKS, half)
                seen.append((p99, resident_kib(house.pid)))
        finally:
            load.close()
        p99, rss = (list(column) for column in zip(*seen))
        return (f"authority {self.name} s={HOLD_SECONDS} links={LINKS} per_s={half}"
                f" p99_ms={statistics.median(p99) / 1000:.1f} p99_ms_worst={max(p99) / 1000:.1f}"
                f" rss_mib={rss[-1] / 1024:.1f} flat={rss[-1] / rss[0]:.2f}")


class Written:
    """What is signed of a certificate: ours, with all rules looked at, beside one from text."""

    name = "template-p256"

    def measure(self, house, programs, options):
        ours = Worker([programs / "authority_ours", "template", "-", "-", "letter:0"], options.on)
        text = Worker([programs / "authority_bare", "text", "-", "-", "letter:0"], options.on)
        try:
            took = [(ours.run(2000), text.run(500)) for _ in range(options.rounds)]
        finally:
            ours.end()
            text.end()
        mine, other = (statistics.median(side) for side in zip(*took))
        return (f"authority {self.name} cpu_us={mine * 1e6:.1f} text_us={other * 1e6:.1f}"
                f" vs_text={statistics.median(b / a for a, b in took):.1f}")


def rows():
    return [
        Written(),
        Issue("issue-p256", "signing"), Issue("issue-encrypting-p256", "p256"),
        Issue("issue-rsa2048", "rsa"),
        Stamp("tsa-p256"),
        Ocsp("ocsp-presigned-get", hashes.SHA1, "GET", False),
        Ocsp("ocsp-presigned-post", hashes.SHA256, "POST", False),
        Ocsp("ocsp-nonce-post", hashes.SHA1, "POST", True),
        Store("rfc4387-uri", "uri"), Store("rfc4387-certhash", "certHash"),
        Ldap("ldap-mail"),
        Hold(Stamp("tsa-p256")), Hold(Ocsp("ocsp-presigned-get", hashes.SHA1, "GET", False)),
        Hold(Store("rfc4387-uri", "uri")), Hold(Ldap("ldap-mail")),
    ]
