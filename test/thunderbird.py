"""Thunderbird without a window, driven by its own remote protocol (Marionette)."""

import json
import os
import socket
import subprocess
import time
from contextlib import suppress

START_SECONDS = 600  # on a machine that is busy; else ten


class Thunderbird:
    """A profile of a test's own.  Scripts run where Thunderbird's own windows do."""

    def __init__(self, folder, **preferences):
        self.folder = folder
        self.profile = folder / "profile"
        self.profile.mkdir()
        self.port = free_port()
        preferences |= {"marionette.port": self.port, "app.update.enabled": False,
                        "datareporting.policy.dataSubmissionEnabled": False,
                        "mailnews.start_page.enabled": False,
                        "mail.provider.suppress_dialog_on_startup": True}
        self.profile.joinpath("user.js").write_text("".join(
            f"user_pref({json.dumps(name)}, {json.dumps(value)});\n"
            for name, value in preferences.items()))
        self.number = 0
        self.process = self.stream = None

    def start(self):
        environment = {**os.environ, "HOME": str(self.folder), "MOZ_HEADLESS": "1"}
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                ["thunderbird", "--headless", "--no-remote", "--marionette",
                 "--remote-allow-system-access", "--profile", self.profile],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        deadline = time.monotonic() + START_SECONDS
        while not self.connect():
            assert self.process.poll() is None and time.monotonic() < deadline, self.log()
            time.sleep(0.2)
        self.ask("WebDriver:NewSession", {"capabilities": {}})
        self.ask("Marionette:SetContext", {"value": "chrome"})
        self.ask("WebDriver:SetTimeouts", {"script": 120000})

    def connect(self):
        with suppress(OSError):
            self.stream = socket.create_connection(("127.0.0.1", self.port), timeout=START_SECONDS)
            self.receive()  # what it is
            return True
        return False

    def log(self):
        return (self.folder / "log").read_text()

    def receive(self):
        head = b""
        while not head.endswith(b":"):
            octet = self.stream.recv(1)
            if not octet:
                raise OSError("Thunderbird has gone")
            head += octet
        left, text = int(head[:-1]), b""
        while len(text) < left:
            text += self.stream.recv(left - len(text))
        return json.loads(text)

    def ask(self, command, parameters):
        self.number += 1
        text = json.dumps([0, self.number, command, parameters]).encode()
        self.stream.sendall(str(len(text)).encode() + b":" + text)
        _, _, error, result = self.receive()
        assert error is None, error
        return result

    def run(self, script, *values):
        """A script that says its result by resolve(); what it said."""
        whole = "const [...values] = arguments; const resolve = values.pop();\n" + script
        return self.ask("WebDriver:ExecuteAsyncScript", {
            "script": whole, "args": list(values), "newSandbox": True, "sandbox": "system"})["value"]

    def stop(self):
        if self.stream is not None:
            self.stream.close()
        if self.process is not None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
            self.process.kill()
            self.process.wait()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
