"""A Cyrus IMAP server of the test's own, on the address of the village's alpha.test and with its TLS certificate.

Debian's packages, unpacked (tools/unpack-cyrus): they cannot be installed beside Dovecot's.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

UNPACK = Path(__file__).resolve().parent.parent / "tools" / "unpack-cyrus"
READY_SECONDS = 60


class Cyrus:
    """`directory`: where its letters lie; `packages`: where it is unpacked."""

    def __init__(self, world, directory, packages):
        self.world, self.dir = world, Path(directory)
        self.facts = world.domains["alpha.test"]
        unpacked = subprocess.run([UNPACK, packages], capture_output=True, text=True)
        assert unpacked.returncode == 0, unpacked.stderr
        self.root = Path(unpacked.stdout.strip())
        self.bin = self.root / "usr/lib/cyrus/bin"
        self.env = {**os.environ, "LD_LIBRARY_PATH": str(self.root / "usr/lib/x86_64-linux-gnu")}
        with socket.create_server((self.facts["address"], 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"imaps://{self.facts['host']}:{self.port}"
        self.process = None
        self.prepare()

    def prepare(self):
        for name in ("db", "socket", "proc", "log", "lock", "msg", "ptclient", "sieve", "user", "quota"):
            (self.dir / "conf" / name).mkdir(parents=True)
        (self.dir / "spool").mkdir()
        tls, host = Path(self.world.facts["tls_ca"]).parent, self.facts["host"]
        for name in (f"{host}.pem", f"{host}.key"):
            shutil.copy(tls / name, self.dir / name)
        self.add_login("admin@alpha.test", "admin")
        (self.dir / "imapd.conf").write_text(f"""
configdirectory: {self.dir}/conf
partition-default: {self.dir}/spool
defaultpartition: default
cyrus_user: mail
admins: admin@alpha.test
virtdomains: userid
defaultdomain: nowhere.test
unixhierarchysep: yes
altnamespace: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {self.dir}/sasldb
sasl_mech_list: PLAIN
tls_server_cert: {self.dir}/{host}.pem
tls_server_key: {self.dir}/{host}.key
allowplaintext: no
autocreate_quota: 0
expunge_mode: immediate
delete_mode: immediate
conversations: no
imapidlepoll: 1
""")
        (self.dir / "cyrus.conf").write_text(f"""
START {{
}}
SERVICES {{
  imaps cmd="{self.bin}/imapd -s -C {self.dir}/imapd.conf" listen="{self.facts['address']}:{self.port}" prefork=2
}}
EVENTS {{
}}
""")

    def add_login(self, address, password):
        user, _, domain = address.partition("@")
        subprocess.run([self.root / "usr/sbin/saslpasswd2", "-p", "-c", "-f", self.dir / "sasldb", "-u", domain, user],
                       input=password.encode(), check=True, env=self.env, capture_output=True)

    def start(self, *addresses):
        for address in addresses:
            self.add_login(address, self.world.password(address))
        subprocess.run(["chown", "-R", "mail:mail", self.dir], check=True)
        with open(self.dir / "log", "wb") as log:
            self.process = subprocess.Popen(
                [self.bin / "master", "-D", "-C", self.dir / "imapd.conf", "-M", self.dir / "cyrus.conf", "-p",
                 self.dir / "pid"], env=self.env, stdout=log, stderr=log, start_new_session=True)
        self.wait_until_ready()

    def wait_until_ready(self):
        until = time.monotonic() + READY_SECONDS
        while time.monotonic() < until:
            assert self.process.poll() is None, (self.dir / "log").read_text()
            try:
                with self.connect() as ready:
                    assert b"Cyrus" in ready.recv(1000)
                return
            except OSError:
                time.sleep(0.1)
        raise AssertionError("Cyrus does not answer")

    def connect(self):
        plain = socket.create_connection((self.facts["address"], self.port), timeout=60)
        return self.world.tls.wrap_socket(plain, server_hostname=self.facts["host"])

    def stop(self):
        """All of it: its services are in its session."""
        if self.process is None:
            return
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(20)
        self.process = None
