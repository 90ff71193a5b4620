"""The authority: the project's own program, with its directory made by itself."""

import os
import secrets
import subprocess
from pathlib import Path

import keys
import layout
from fault import Fault
from servers import Server

PROGRAM = "letterlock-authority"
URL = f"https://{layout.AUTHORITY_DOMAIN}:{layout.AUTHORITY_HTTPS_PORT}"


def find_program(build):
    """In the build directory, or in its folder of programs."""
    candidates = [Path(build).resolve() / PROGRAM, Path(build).resolve() / "cmd" / PROGRAM]
    for candidate in candidates:
        if os.access(candidate, os.X_OK):
            return candidate
    raise Fault(f"no {PROGRAM} in {build}: build it first, or start the village with "
                "--without-authority")


def prepare(places, program):
    keys.write_secret(places.authority_passphrase, secrets.token_urlsafe(24) + "\n")
    host = layout.AUTHORITY_DOMAIN
    listen = layout.AUTHORITY_ADDRESS
    run = subprocess.run([
        str(program), "init", str(places.authority), "--domain", layout.AUTHORITY_DOMAIN,
        "--url", URL, "--listen", f"{listen}:{layout.AUTHORITY_HTTPS_PORT}",
        "--mx-listen", f"{listen}:{layout.SMTP_PORT}",
        "--smarthost", f"{layout.SMARTHOST.address}:{layout.SMTP_PORT}",
        "--dns", f"{layout.DNS_ADDRESS}@{layout.DNS_PORT}", "--dns-anchors", str(places.anchors),
        "--tls-cert", str(places.tls_cert(host)), "--tls-key", str(places.tls_key(host)),
        "--dkim-key", str(places.dkim_key(layout.AUTHORITY_DOMAIN)),
        "--dkim-selector", layout.AUTHORITY_DKIM_SELECTOR,
        "--passphrase-file", str(places.authority_passphrase),
    ], capture_output=True, text=True)
    if run.returncode != 0:
        raise Fault(f"{PROGRAM} init failed: {run.stderr.strip()}")


def server(places, program):
    ports = (layout.AUTHORITY_HTTPS_PORT, layout.SMTP_PORT)
    return Server(
        name="authority", argv=[str(program), "run", str(places.authority)],
        log=str(places.server_log("authority")), pid_file=str(places.run / "authority.pid"),
        listens=[[layout.AUTHORITY_ADDRESS, port] for port in ports], env={})
