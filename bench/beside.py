"""Other programs that answer the same questions: openssl ocsp and slapd."""

import secrets
import shutil
import socket
import subprocess
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures import Failed
from house import cpu_seconds, free_port

WAIT = 30
FOREVER = "301231235959Z"
SUFFIX = "dc=example,dc=org"
SLAPD = """include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/pid
threads 2
database mdb
maxsize 268435456
suffix "{suffix}"
directory {folder}/db
index mail eq
"""


class Program:
    """A server of its own on a port of this machine."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir()
        self.port = free_port()
        self.process = None

    def start(self, *command):
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen([str(word) for word in command], cwd=self.folder,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + WAIT
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"{command[0]} does not start")
            time.sleep(0.05)

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        except OSError:
            return False

    def cpu(self):
        return cpu_seconds(self.process.pid)

    def close(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder)


class OpensslOcsp(Program):
    """It knows the same certificates, and signs each answer when it is asked."""

    def __init__(self, folder, certs):
        super().__init__(folder)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-noenc", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca", "-days", "30"],
            cwd=self.folder, check=True, capture_output=True)
        lines = [f"V\t{FOREVER}\t\t{cert.serial_number:032X}\tunknown\t/CN={cert.serial_number:X}\n" for cert in certs]
        (self.folder / "index.txt").write_text("".join(lines))
        self.start("openssl", "ocsp", "-index", "index.txt", "-port", self.port, "-rsigner", "ca.pem",
                   "-rkey", "ca.key", "-CA", "ca.pem", "-ndays", "1", "-ignore_err")
        self.issuer = x509.load_pem_x509_certificate((self.folder / "ca.pem").read_bytes())

    def answers(self):
        """It waits for ever for what a connection that only looks will not say."""
        return "waiting for OCSP client" in (self.folder / "log").read_text()


class Slapd(Program):
    """OpenLDAP, with an entry for each mailbox."""

    def __init__(self, folder, people):
        super().__init__(folder)
        (self.folder / "db").mkdir()
        conf = self.folder / "slapd.conf"
        conf.write_text(SLAPD.format(folder=self.folder, suffix=SUFFIX))
        self.add(conf, people)
        self.start("/usr/sbin/slapd", "-f", conf, "-h", f"ldap://127.0.0.1:{self.port}/", "-d", "0")

    def add(self, conf, people):
        entries = [f"dn: {SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\n"
                   "dc: example\no: Example\n"]
        for address, cert in people:
            path = self.folder / f"{secrets.token_hex(8)}.der"
            path.write_bytes(cert.public_bytes(Encoding.DER))
            entries.append(f"dn: mail={address},{SUFFIX}\nobjectClass: inetOrgPerson\ncn: a\nsn: a\n"
                           f"mail: {address}\nuserCertificate;binary:< file://{path}\n")
        ldif = self.folder / "all.ldif"
        ldif.write_text("\n".join(entries))
        done = subprocess.run(["/usr/sbin/slapadd", "-q", "-f", conf, "-l", ldif],
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise Failed(f"slapadd: {done.stderr}")
