"""The authority: the project's own program, with its directory made by itself."""

import json
import os
import secrets
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import command
import keys
import layout
from fault import Fault
from quickkeys import quicken
from servers import Server

PROGRAM = "letterlock-authority"
HTTP_CONNECTIONS = 40
URL = f"https://{layout.AUTHORITY_DOMAIN}:{layout.AUTHORITY_HTTPS_PORT}"
HTTP_URL = f"http://{layout.AUTHORITY_DOMAIN}:{layout.AUTHORITY_HTTP_PORT}"


def find_program(build):
    """In the build directory, or in its folder of programs."""
    candidates = [Path(build).resolve() / PROGRAM, Path(build).resolve() / "cmd" / PROGRAM]
    for candidate in candidates:
        if os.access(candidate, os.X_OK):
            return candidate
    raise Fault(f"no {PROGRAM} in {build}: build it first, or start the village with "
                "--without-authority")


def prepare(places, program):
    """As an earlier village of the same tests had it, if these say where such a one lies."""
    founded = os.environ.get("LETTERLOCK_FOUNDED")
    if founded and Path(founded).exists():
        copy(Path(founded), places)
        return
    keys.write_secret(places.authority_passphrase, secrets.token_urlsafe(24) + "\n")
    found(places, program)
    quicken(places.authority, places.authority_passphrase)
    be_as_tests_need_it(places.authority / "authority.json")
    if founded:
        keep(Path(founded), places)


def found(places, program):
    host = layout.AUTHORITY_DOMAIN
    listen = layout.AUTHORITY_ADDRESS
    command.output(
        program, "init", places.authority, "--domain", layout.AUTHORITY_DOMAIN,
        "--url", URL, "--listen", f"{listen}:{layout.AUTHORITY_HTTPS_PORT}",
        "--http-listen", f"{listen}:{layout.AUTHORITY_HTTP_PORT}",
        "--mx-listen", f"{listen}:{layout.SMTP_PORT}",
        "--smarthost", f"{layout.SMARTHOST.address}:{layout.SMTP_PORT}",
        "--dns", f"{layout.DNS_ADDRESS}@{layout.DNS_PORT}", "--dns-anchors", places.anchors,
        "--tls-cert", places.tls_cert(host), "--tls-key", places.tls_key(host),
        "--dkim-key", places.dkim_key(layout.AUTHORITY_DOMAIN),
        "--dkim-selector", layout.AUTHORITY_DKIM_SELECTOR,
        "--passphrase-file", places.authority_passphrase)


def be_as_tests_need_it(settings):
    """Tests set up the same few mailboxes again and again, more often than people do in an hour;
    they want to see several revocation lists and to meet the limit of connections; and the
    kernels of machines for tests do not know whether their clock is right."""
    values = json.loads(settings.read_text())
    values |= {"challenge_mails_per_hour": 1000, "crl_parts": 4, "clock": "trusted",
               "http_connections": HTTP_CONNECTIONS}
    settings.write_text(json.dumps(values, indent=2) + "\n")


def keep(founded, places):
    """Villages that come up side by side each have one to keep: the first is as good as another."""
    made = Path(tempfile.mkdtemp(prefix=founded.name, dir=founded.parent))
    shutil.copytree(places.authority, made / "authority")
    shutil.copy(places.authority_passphrase, made / "passphrase")
    (made / "root").write_text(str(places.root))
    with suppress(OSError):
        made.rename(founded)


def copy(founded, places):
    """The settings name files by their whole paths."""
    shutil.copytree(founded / "authority", places.authority)
    keys.write_secret(places.authority_passphrase, (founded / "passphrase").read_text())
    settings = places.authority / "authority.json"
    before = (founded / "root").read_text()
    settings.write_text(settings.read_text().replace(f'"{before}/', f'"{places.root}/'))


def server(places, program):
    ports = (layout.AUTHORITY_HTTPS_PORT, layout.AUTHORITY_HTTP_PORT, layout.SMTP_PORT)
    return Server(
        name="authority", argv=[str(program), "run", str(places.authority)],
        log=str(places.server_log("authority")), pid_file=str(places.run / "authority.pid"),
        listens=[[layout.AUTHORITY_ADDRESS, port] for port in ports])
