"""What every program under comparison offers: files in, files out, in bounded time."""

import signal
import subprocess

TIMEOUT = 60


class Refused(Exception):
    """The program did not do it; the text is its own message."""


class Ran:
    """What a program left behind."""

    def __init__(self, status, out, err):
        self.status = status
        self.octets = out
        self.out = out.decode(errors="replace")
        self.err = err.decode(errors="replace")

    @property
    def crash(self):
        """"" or how a signal ended it, also where it caught the signal itself."""
        number = -self.status if self.status < 0 else self.status - 128
        if number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL):
            return f"crashes ({signal.Signals(number).name})"
        return ""


def run(*words, stdin=b"", env=None, timeout=TIMEOUT, **more):
    try:
        done = subprocess.run([str(word) for word in words], input=stdin, env=env,
                              capture_output=True, timeout=timeout, **more)
    except subprocess.TimeoutExpired:
        raise Refused("does not end") from None
    return Ran(done.returncode, done.stdout, done.stderr)


class Peer:
    """seal, open, sign, verify, compress and expand raise Refused where the program says no; open,
    verify and expand return the content they give."""

    name = ""

    def __init__(self, desk, directory):
        self.desk = desk
        self.dir = directory
        directory.mkdir()

    def version(self):
        raise NotImplementedError

    def close(self):
        pass

    def write(self, case, plain, out):
        {"seal": self.seal, "sign": self.sign, "compress": self.compress}[case.verb](
            case, plain, out)

    def read(self, case, path, plain):
        """The content of the CMS at `path`; `plain` is where detached content is."""
        if case.verb == "seal":
            return self.open(case, path)
        if case.verb == "sign":
            return self.verify(case, path, plain if case.detached else None)
        return self.expand(case, path)

    def seal(self, case, plain, out):
        raise NotImplementedError

    def open(self, case, path):
        raise NotImplementedError

    def sign(self, case, plain, out):
        raise NotImplementedError

    def verify(self, case, path, plain):
        raise NotImplementedError

    def compress(self, case, plain, out):
        raise Refused("has no command for it")

    def expand(self, case, path):
        raise Refused("has no command for it")
