"""An authority without a village: its own folder, certificates and ports on this machine."""

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.request
from pathlib import Path

PROGRAM = "letterlock-authority"
DOMAIN = "authority.test"
SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"
SOFTHSM_CONF = """directories.tokendir = {folder}
objectstore.backend = file
log.level = ERROR
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def run(*words, **more):
    """Run a program that has to succeed."""
    more = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    done = subprocess.run([str(word) for word in words], check=False, **more)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout.decode()


def make_papers(folder):
    """What an operator brings along."""
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
        "-noenc", "-keyout", folder / "tls.key", "-out", folder / "tls.pem",
        "-subj", f"/CN={DOMAIN}", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "30")
    run("openssl", "genrsa", "-out", folder / "dkim.key", "1024")
    return folder


class Lone:
    """An authority in FOLDER/authority; what stands in for its surroundings lies beside it."""

    def __init__(self, build, folder, like=None):
        """Like another one: the same keys and certificates, in a copy, with ports of its own."""
        self.program = Path(build) / PROGRAM
        self.folder = Path(folder)
        self.dir = self.folder / "authority"
        self.ports = {name: free_port() for name in ("https", "mx", "http", "metrics")}
        self.environment = dict(os.environ)
        self.process = None
        self.passphrase = self.write("passphrase", "correct horse battery\n")
        self.pin = self.write("pin", "1234567890\n")
        self.papers = like.papers if like else make_papers(self.folder)
        if like:
            shutil.copytree(like.dir, self.dir)
            self.settings(url=f"https://{self.place('https')}", listen=self.place("https"),
                          mx_listen=self.place("mx"), http_listen=self.place("http"),
                          metrics_listen=self.place("metrics"))

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)
        return path

    def write_bytes(self, name, data):
        path = self.folder / name
        path.write_bytes(data)
        return path

    def place(self, name):
        return f"127.0.0.1:{self.ports[name]}"

    def command(self, *words, **more):
        return subprocess.run([self.program, *map(str, words)], capture_output=True, text=True,
                              check=False, env=self.environment, **more)

    def done(self, *words, **more):
        """A command that has to succeed; what it says."""
        command = self.command(*words, **more)
        assert command.returncode == 0, command.stderr
        return command.stdout

    def init(self, *more, secret=True):
        words = ["init", self.dir, "--domain", DOMAIN, "--url", f"https://{self.place('https')}",
                 "--listen", self.place("https"), "--mx-listen", self.place("mx"),
                 "--http-listen", self.place("http"), "--smarthost", "127.0.0.1:25",
                 "--dns", "127.0.0.1@53", "--tls-cert", self.papers / "tls.pem",
                 "--tls-key", self.papers / "tls.key", "--dkim-key", self.papers / "dkim.key",
                 "--dkim-selector", "letterlock", "--metrics-listen", self.place("metrics")]
        if secret:
            words += ["--passphrase-file", self.passphrase]
        done = self.command(*words, *more)
        if done.returncode == 0:
            self.settings(clock="trusted")  # test machines are not synchronised
        return done

    def make_token(self):
        """A SoftHSM token that the next init can be told of; its options."""
        folder = self.folder / "tokens"
        folder.mkdir()
        conf = self.write("softhsm.conf", SOFTHSM_CONF.format(folder=folder))
        self.environment["SOFTHSM2_CONF"] = str(conf)
        run("softhsm2-util", "--init-token", "--free", "--label", "letterlock",
            "--so-pin", "12345678", "--pin", self.pin.read_text().strip(), env=self.environment)
        uri = f"pkcs11:token=letterlock?module-path={SOFTHSM}"
        return ["--pkcs11", uri, "--pin-file", self.pin]

    def start(self):
        log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen([self.program, "run", self.dir], stdout=log, stderr=log,
                                        env=self.environment)
        log.close()
        deadline = time.monotonic() + 60
        while not self.answers():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.ports["https"]), timeout=1).close()
            return True
        except OSError:
            return False

    def stop(self):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0, self.log()
        self.process = None

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def log(self):
        return (self.folder / "log").read_text()

    def settings(self, **changes):
        path = self.dir / "authority.json"
        values = {**json.loads(path.read_text()), **changes}
        path.write_text(json.dumps({k: v for k, v in values.items() if v is not None}))

    def https(self, path, data=None, kind=None):
        context = ssl.create_default_context(cafile=self.papers / "tls.pem")
        headers = {"Content-Type": kind} if kind else {}
        request = urllib.request.Request(f"https://{self.place('https')}{path}", data, headers)
        with urllib.request.urlopen(request, context=context, timeout=10) as reply:
            return reply.read()

    def http(self, path, where="http"):
        with urllib.request.urlopen(f"http://{self.place(where)}{path}", timeout=10) as reply:
            return reply.read(), reply.headers

    def stamp(self):
        """A timestamp that the openssl program takes for good, from the running authority."""
        query, reply = self.folder / "query.tsq", self.folder / "reply.tsr"
        run("openssl", "ts", "-query", "-data", self.passphrase, "-sha256", "-cert", "-out", query)
        reply.write_bytes(self.https("/tsa", query.read_bytes(), "application/timestamp-query"))
        run("openssl", "ts", "-verify", "-in", reply, "-queryfile", query,
            "-CAfile", self.dir / "root.pem")
