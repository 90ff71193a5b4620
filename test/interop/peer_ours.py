"""Our engine, by test/engine_tool.c."""

from interop.cases import KEK, KEK_ID, PASSWORD
from interop.peer import Peer, Refused, run


class Ours(Peer):
    name = "Letterlock"

    def __init__(self, desk, directory, tool):
        super().__init__(desk, directory)
        self.program = tool

    def version(self):
        return "this one"

    def _tool(self, verb, path, *words):
        ran = run(self.program, verb, *words, stdin=path.read_bytes())
        if ran.crash or "Sanitizer" in ran.err:
            raise AssertionError(f"engine_tool {verb} {words}: {ran.crash}\n{ran.err}")
        if ran.status != 0:
            raise Refused(ran.err.strip())
        return ran.octets

    def seal(self, case, plain, out):
        words = ["--cipher", case.cipher] if case.cipher else []
        for to in case.to:
            words += ["--to", self._way(f"{to.name}.cert", to.rsa, to.kdf, to.key_id)]
        out.write_bytes(self._tool("seal", plain, *words, *shared(case)))

    def open(self, case, path):
        words = ["--identity", self.desk.path(f"{case.to[0].name}.pem")] if case.to else []
        return self._tool("open", path, *words, *shared(case))

    def sign(self, case, plain, out):
        words = ["--detached"] if case.detached else []
        for each in case.signers:
            words += ["--signer", self._way(f"{each.name}.pem", "pss" if each.pss else "",
                                            "", each.key_id)]
        out.write_bytes(self._tool("sign", plain, *words))

    def verify(self, case, path, plain):
        words = ["--content", plain] if plain else []
        return self._tool("verify", path, "--signers", len(case.signers), *words)

    def expand(self, case, path):
        return self._tool("expand", path)

    def _way(self, file, *ways):
        *names, key_id = ways
        return ",".join([str(self.desk.path(file)), *names, "ski" if key_id else ""])


def shared(case):
    """What both sides have."""
    words = ["--kek", KEK.hex(), "--kek-id", KEK_ID.hex()] if case.kek else []
    return words + (["--password", PASSWORD] if case.password else [])
