"""Chromium as people have it in their hand, driven over its own debugging pipe; and what stands
between it and a place that wants a certificate."""

import contextlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time

PHONE = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}


class Chromium:
    """One window, as large as a telephone's, in which no page's script runs."""

    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="chromium-")
        to_browser, self.out = os.pipe()
        self.into, from_browser = os.pipe()
        self.rest, self.number, self.events = b"", 0, []

        def give():
            os.dup2(to_browser, 10)
            os.dup2(from_browser, 11)
            os.dup2(10, 3)
            os.dup2(11, 4)

        self.process = subprocess.Popen(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--ignore-certificate-errors", f"--user-data-dir={self.profile}",
             "--remote-debugging-pipe", "about:blank"],
            preexec_fn=give, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target,
                                 flatten=True)["sessionId"]
        for domain in ("Page", "Log", "Runtime"):
            self.call(domain + ".enable")
        self.call("Emulation.setDeviceMetricsOverride", **PHONE)
        self.call("Emulation.setScriptExecutionDisabled", value=True)

    def close(self):
        self.process.terminate()
        self.process.wait(30)
        os.close(self.out)
        os.close(self.into)
        shutil.rmtree(self.profile, ignore_errors=True)

    def read(self):
        while b"\0" not in self.rest:
            piece = os.read(self.into, 65536)
            assert piece, "Chromium has gone"
            self.rest += piece
        message, _, self.rest = self.rest.partition(b"\0")
        return json.loads(message)

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while (answer := self.read()).get("id") != self.number:
            self.events.append(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def tell(self, expression):
        """What the page's own console would say."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def settle(self, path, seconds=30):
        """Wait until a page at that path is there as a whole."""
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(AssertionError):
                if self.tell("location.pathname + ' ' + document.readyState") == path + " complete":
                    return
            assert time.monotonic() < deadline, self.tell("location.href")
            time.sleep(0.05)

    def go(self, url, path):
        self.call("Page.navigate", url=url)
        self.settle(path)

    def complaints(self):
        """What the browser did not like about the pages: a policy that was broken, and so on."""
        return [event["params"]["entry"]["text"] for event in self.events
                if event.get("method") == "Log.entryAdded"
                and "favicon" not in event["params"]["entry"].get("url", "")]


class Bearer:
    """HTTPS for a browser here, which comes out there with a person's certificate."""

    def __init__(self, world, port, file, paper):
        self.world, self.port, self.file = world, port, file
        self.outer = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.outer.load_cert_chain(paper)
        self.outer.set_alpn_protocols(["http/1.1"])
        self.server = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self.server.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def close(self):
        self.server.close()

    def serve(self):
        while True:
            try:
                peer, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self.carry, args=(peer,), daemon=True).start()

    def carry(self, peer):
        with contextlib.suppress(OSError):
            context = ssl.create_default_context(cafile=self.world.facts["tls_ca"])
            context.load_cert_chain(self.file)
            near = self.outer.wrap_socket(peer, server_side=True)
            far = context.wrap_socket(
                socket.create_connection((self.world.authority["address"], self.port)),
                server_hostname=self.world.authority["domain"])
            threading.Thread(target=pour, args=(near, far), daemon=True).start()
            pour(far, near)


def pour(source, sink):
    with contextlib.suppress(OSError):
        while octets := source.recv(65536):
            sink.sendall(octets)
    for one in (source, sink):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
