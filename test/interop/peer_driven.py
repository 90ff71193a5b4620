"""BouncyCastle and pkijs: one process of each, told line by line what to do."""

import os
import selectors
import subprocess
from pathlib import Path

from interop.cases import KEK, KEK_ID, PASSWORD
from interop.peer import TIMEOUT, Peer, Refused

HERE = Path(__file__).resolve().parent
JARS = ("bcmail", "bcpkix", "bcprov", "bcutil")


class Driven(Peer):
    def __init__(self, desk, directory, *command):
        super().__init__(desk, directory)
        self.log = (directory / "stderr").open("wb")
        self.process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.log, env={**os.environ, "LC_ALL": "C"})
        self.ready = None

    def version(self):
        self._wait_ready()
        return self.ready

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()

    def _line(self):
        """The next one, or Refused when there is none in time."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            if not selector.select(TIMEOUT):
                self.process.kill()
                raise Refused("does not end")
        line = self.process.stdout.readline().decode(errors="replace").rstrip("\n")
        if not line:
            said = Path(self.log.name).read_text(errors="replace").strip().split("\n")[0]
            raise Refused(f"ended: {said}")
        return line

    def _wait_ready(self):
        if self.ready is None:
            word, _, self.ready = self._line().partition("\t")
            assert word == "ready", word

    def _ask(self, verb, path, out, *words):
        self._wait_ready()
        self.process.stdin.write("\t".join(map(str, (verb, path, out, *words))).encode() + b"\n")
        self.process.stdin.flush()
        word, _, why = self._line().partition("\t")
        if word != "ok":
            raise Refused(why)

    def _result(self, verb, path, *words):
        out = self.dir / "result"
        out.unlink(missing_ok=True)
        self._ask(verb, path, out, *words)
        return out.read_bytes()

    def seal(self, case, plain, out):
        cipher = [f"cipher={case.cipher}"] if case.cipher else []
        self._ask("seal", plain, out, *cipher, *recipients(case))

    def open(self, case, path):
        return self._result("open", path, *recipients(case))

    def sign(self, case, plain, out):
        words = [f"signer={signer.word()}" for signer in case.signers]
        self._ask("sign", plain, out, *words, *(["detached=yes"] if case.detached else []))

    def verify(self, case, path, plain):
        words = [f"signers={len(case.signers)}"] + ([f"content={plain}"] if plain else [])
        return self._result("verify", path, *words)

    def compress(self, case, plain, out):
        self._ask("compress", plain, out)

    def expand(self, case, path):
        return self._result("expand", path)


def recipients(case):
    words = [f"to={to.word()}" for to in case.to]
    words += [f"kek={KEK.hex()}", f"kekid={KEK_ID.hex()}"] if case.kek else []
    return words + ([f"password={PASSWORD}"] if case.password else [])


class BouncyCastle(Driven):
    name = "BouncyCastle"

    def __init__(self, desk, directory):
        path = ":".join(f"/usr/share/java/{jar}.jar" for jar in JARS)
        super().__init__(desk, directory, "java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
                         "-Xshare:auto", "-cp", path, HERE / "BouncyCastlePeer.java", desk.dir)


class Pkijs(Driven):
    name = "pkijs"

    def __init__(self, desk, directory, modules):
        super().__init__(desk, directory, "node", HERE / "pkijs_peer.mjs", desk.dir, modules)
