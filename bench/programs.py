"""Rows about whole programs: letterlock's file commands beside those of others, from start to exit.

Each reads a file and writes a file.  A program that cannot do a row is not in its line.
"""

import os
import statistics
import subprocess
import sys
import time

from fixtures import Failed

SIZES = {"1MB": 1_000_000, "25MB": 25_000_000}
HEADER = (b"From: Alice <alice@example.org>\r\nTo: Bob <bob@example.org>\r\nSubject: The plan\r\n"
          b"Date: Sat, 21 Nov 2026 20:18:00 +0000\r\nMessage-ID: <plan@example.org>\r\n"
          b"MIME-Version: 1.0\r\n")
BODY = b"--sample-letter\r\n"  # what begins so must come out at the other end
JARS = ":".join(f"/usr/share/java/bc{part}.jar" for part in ("mail", "pkix", "prov", "util"))
WARM_SECONDS = 5

# {folder} has the keys; {letter}, {sealed}, {body}, {content} and {signature} are the input.
OPENSSL = {
    "seal": "openssl cms -sign -binary -signer {keys}/alice.crt -inkey {keys}/alice.key -in {letter}"
            " | openssl cms -encrypt -binary -stream -aes-256-{cipher} {keys}/bob.crt >{out}",
    "open": "openssl cms -decrypt -binary -recip {keys}/bob.crt -inkey {keys}/bob.key -in {sealed}"
            " | openssl cms -verify -binary -CAfile {keys}/alice.crt >{out}",
}
OURS = {
    "seal": "exec {letterlock} seal --identity {keys}/alice.pem --to {keys}/bob.crt --cipher {cipher}"
            " --header-policy none <{letter} >{out}",
    "open": "exec {letterlock} open --identity {keys}/bob.pem --trust {keys}/alice.crt <{sealed} >{out}",
}
GPGSM = "gpgsm -q --batch --no-tty --homedir {gpg} --pinentry-mode loopback --passphrase-fd 9 9<{gpg}/word"
GPGSM_COMMANDS = {
    "seal": GPGSM + " -u alice@example.org --base64 --detach-sign <{letter} >{out}.p7s 2>{out}.log &&"
            " cp {gpg}/outer {out} &&"
            " cat {gpg}/head {letter} {gpg}/middle {out}.p7s {gpg}/tail |"
            + GPGSM + " --base64 --encrypt -r bob@example.org >>{out} 2>>{out}.log",
    # Taking the multipart/signed apart is not gpgsm's work, and not counted.
    "open": GPGSM + " --assume-base64 --decrypt <{body} >{out} 2>{out}.log && "
            + GPGSM + " --assume-base64 --verify {signature} {content} 2>>{out}.log",
}
JAVA = "exec java -cp {jars}:{classes} BouncyCastle {direction} {cipher} {keys} {letter_or_sealed}"


class Row:
    def __init__(self, direction, size, cipher):
        self.direction, self.cipher, self.size = direction, cipher, SIZES[size]
        self.name = f"programs-{direction}-{size}-{cipher}-rsa"

    def commands(self, world):
        """{program: what the shell runs}"""
        found = {"ours": OURS[self.direction], "openssl": OPENSSL[self.direction]}
        if self.cipher == "cbc":  # gpgsm 2.2 neither writes nor reads AuthEnvelopedData
            found["gpgsm"] = GPGSM_COMMANDS[self.direction]
        found["bouncycastle"] = JAVA + " >{out}"
        fields = world.fields(self.direction, self.cipher, self.size)
        return {who: command.format(**fields, out=world.folder / f"{who}.out")
                for who, command in found.items()}

    def measure(self, fixtures, options):
        world = World.of(fixtures)
        commands = self.commands(world)
        for who, command in commands.items():
            world.run(command)
            self.check(world, who)
        rss, took = 0, []
        for number in range(options.rounds or 7):
            turn = list(commands) if number % 2 == 0 else list(commands)[::-1]
            took.append({})
            for who in turn:
                took[-1][who], most = world.run(commands[who])
                rss = max(rss, most if who == "ours" else 0)
            if options.show:
                print(self.name, {who: f"{t * 1e3:.1f}" for who, t in took[-1].items()},
                      file=sys.stderr)
        return self.line(took, self.warm(world), rss)

    def check(self, world, who):
        """What came out is the letter, or opens to it."""
        out = world.folder / f"{who}.out"
        if self.direction == "seal":
            out = world.opened(out)
        if world.body_of(self.size) not in out.read_bytes():
            raise Failed(f"{self.name}: {who} has other text")

    def warm(self, world):
        fields = world.fields(self.direction, self.cipher, self.size)
        done = subprocess.run((JAVA + f" {WARM_SECONDS}").format(**fields), shell=True, check=True,
                              stdout=subprocess.PIPE, text=True)
        return int(done.stdout) / 1e9

    def line(self, took, warm, rss):
        ours = statistics.median(t["ours"] for t in took)
        ratios = " ".join(f"vs_{who}={statistics.median(t[who] / t['ours'] for t in took):.2f}"
                          for who in took[0] if who != "ours")
        return (f"engine {self.name} ms={ours * 1e3:.3g} {ratios}"
                f" vs_bouncycastle_warm={warm / ours:.2f} rss_mib={rss:.1f}")


class World:
    """The files and folders that the programs need, made once."""

    made = None

    @classmethod
    def of(cls, fixtures):
        if cls.made is None:
            cls.made = cls(fixtures)
        return cls.made

    def __init__(self, fixtures):
        self.fixtures = fixtures
        self.folder = fixtures.folder / "programs"
        self.folder.mkdir()
        self.keys = fixtures.keys("rsa")
        self.gpg = self.make_gpg()
        self.classes = self.folder / "classes"
        subprocess.run(["javac", "-cp", JARS, "-d", self.classes,
                        os.path.join(os.path.dirname(__file__), "BouncyCastle.java")], check=True)
        for who in ("alice", "bob"):
            (self.keys / f"{who}.pem").write_bytes(
                (self.keys / f"{who}.crt").read_bytes() + (self.keys / f"{who}.key").read_bytes())

    def make_gpg(self):
        """A folder of gpgsm's own, with both keys, that trusts them and asks nobody."""
        gpg = self.folder / "gpg"
        gpg.mkdir(mode=0o700)
        self.fixtures.at_end(lambda: subprocess.run(
            ["gpgconf", "--homedir", gpg, "--kill", "all"], check=False))
        (gpg / "word").write_text("word\n")
        (gpg / "gpgsm.conf").write_text("disable-crl-checks\ndisable-policy-checks\n"
                                        "no-common-certs-import\ncipher-algo AES256\n"
                                        "include-certs 1\n")
        (gpg / "gpg-agent.conf").write_text("allow-loopback-pinentry\ns2k-count 65536\n")
        (gpg / "outer").write_bytes(
            b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\r\n"
            b"Content-Transfer-Encoding: base64\r\n\r\n")
        (gpg / "head").write_bytes(
            b'Content-Type: multipart/signed; micalg="sha-256";\r\n'
            b' protocol="application/pkcs7-signature"; boundary="signed"\r\n\r\n--signed\r\n')
        (gpg / "middle").write_bytes(
            b"\r\n--signed\r\nContent-Type: application/pkcs7-signature; name=smime.p7s\r\n"
            b"Content-Transfer-Encoding: base64\r\n\r\n")
        (gpg / "tail").write_bytes(b"\r\n--signed--\r\n")
        trusted = [self.import_key(gpg, who) for who in ("alice", "bob")]
        (gpg / "trustlist.txt").write_text("".join(f"{print_} S relax\n" for print_ in trusted))
        return gpg

    def import_key(self, gpg, who):
        """Its fingerprint."""
        cert = self.keys / f"{who}.crt"
        subprocess.run(["openssl", "pkcs12", "-export", "-legacy", "-passout", "pass:word", "-inkey",
                        self.keys / f"{who}.key", "-in", cert, "-out", gpg / "p12"], check=True)
        subprocess.run(GPGSM.format(gpg=gpg) + f" --import {gpg}/p12", shell=True,
                       check=True, stderr=subprocess.DEVNULL)
        return subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha1", "-in", cert],
                              check=True, stdout=subprocess.PIPE, text=True).stdout.strip().split("=")[1]

    def letter(self, size):
        path = self.folder / f"letter-{size}"
        if not path.exists():
            entity = self.fixtures.once("limit", "letter", "gcm", "rsa", f"letter:{size}",
                                        subprocess.PIPE)
            path.write_bytes(HEADER + entity)
        return path

    def body_of(self, size):
        text = self.letter(size).read_bytes()
        return text[text.index(BODY):]

    def fields(self, direction, cipher, size):
        letter, found = self.letter(size), self.folder / f"{cipher}-{size}"
        sealed, body = found / "sealed", found / "body"
        content, signature = found / "content", found / "signature"
        if not found.exists():
            found.mkdir()
            self.run(OPENSSL["seal"].format(keys=self.keys, cipher=cipher, letter=letter, out=sealed))
            body.write_bytes(sealed.read_bytes().replace(b"\r\n", b"\n").split(b"\n\n", 1)[1])
            self.take_apart(self.opened(sealed, verify=False), content, signature)
        return {"letterlock": self.fixtures.programs.parent / "letterlock", "keys": self.keys,
                "cipher": cipher, "letter": letter, "sealed": sealed, "body": body,
                "content": content, "signature": signature, "gpg": self.gpg, "jars": JARS,
                "classes": self.classes, "direction": direction,
                "letter_or_sealed": letter if direction == "seal" else sealed}

    @staticmethod
    def take_apart(clear, content, signature):
        """multipart/signed as openssl writes it, with LF around what was signed."""
        text = clear.read_bytes()
        boundary = b"\n--" + text.split(b'boundary="', 1)[1].split(b'"', 1)[0]
        _, inside, behind, _ = text.split(boundary)
        content.write_bytes(inside.split(b"\n", 1)[1])
        signature.write_bytes(behind.replace(b"\r\n", b"\n").split(b"\n\n", 1)[1])

    def opened(self, sealed, verify=True):
        """The file that openssl makes of it.  Its -binary takes the CR before a delimiter of
        multipart/signed for signed, so that it is only for letters that openssl wrote."""
        out = self.folder / "opened"
        decrypt, check = OPENSSL["open"].split(" | ")
        check = check.replace(" -binary", "")
        self.run((f"{decrypt} | {check}" if verify else decrypt + " >{out}").format(
            keys=self.keys, sealed=sealed, out=out))
        return out

    def run(self, command):
        """(seconds, MiB)"""
        log, memory = self.folder / "log", self.folder / "memory"
        timed = ["time", "--quiet", "-f", "%M", "-o", memory, "bash", "-o", "pipefail", "-c", command]
        with open(log, "wb") as said:
            begin = time.monotonic()
            status = subprocess.run(timed, stderr=said, check=False).returncode
            took = time.monotonic() - begin
        if status != 0:
            raise Failed(f"{command}: {log.read_text(errors='replace')}")
        return took, int(memory.read_text()) / 1024


def rows():
    return [Row(direction, size, cipher) for direction in ("seal", "open") for size in SIZES
            for cipher in ("gcm", "cbc")]
