"""Who only holds a connection open, or speaks a byte a second: at each of the authority's doors
there are ten thousand of them, and somebody honest is served all the same."""

import http.client
import resource
import shutil
import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from authority_keys_test import certificate_id
from conftest import long
from loneauthority import Lone, free_port
from quickkeys import quicken

MANY = 10_000
MB = 1024 * 1024
SANITIZER_KEEPS = 256 * MB  # of what was freed, lest it is used again (quarantine_size_mb)
PATIENCE = 60  # of somebody honest, when ten thousand came before them
BIND = b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00"
BOUND = b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00"


@pytest.fixture(scope="module")
def lone(build, tmp_path_factory):
    lone = Lone(build, tmp_path_factory.mktemp("crowds"))
    for name in ("ldap", "ldaps", "lmtp"):
        lone.ports[name] = free_port()
    said = lone.init("--ldap-listen", lone.place("ldap"), "--ldaps-listen", lone.place("ldaps"))
    assert said.returncode == 0, said.stderr
    quicken(lone.dir, lone.passphrase)
    lone.settings(lmtp_listen=lone.place("lmtp"))
    lone.start()
    yield lone
    lone.stop()


def connect(lone, door, timeout=5):
    connection = socket.create_connection(("127.0.0.1", lone.ports[door]), timeout=timeout)
    if door not in ("https", "ldaps"):
        return connection
    context = ssl.create_default_context(cafile=lone.papers / "tls.pem")
    return context.wrap_socket(connection, server_hostname="127.0.0.1")


# somebody honest, at each door: served or not


def by_http(lone, door, path):
    connection = http.client.HTTPConnection("127.0.0.1", lone.ports[door])
    with connect(lone, door) as connection.sock:
        connection.request("GET", path)
        return connection.getresponse().status == 200


def by_ldap(lone, door):
    with connect(lone, door) as connection:
        connection.sendall(BIND)
        return connection.recv(len(BOUND)) == BOUND


def by_mail(lone, door, hello):
    with connect(lone, door) as connection, connection.makefile("rwb") as lines:
        if not lines.readline().startswith(b"220 "):
            return False
        lines.write(hello + b" somebody.test\r\n")
        lines.flush()
        return lines.readline().startswith(b"250")


def ca_path(lone):
    return f"/ca/{certificate_id(lone.dir / 'issuing.pem')}.cer"


DOORS = {
    "https": lambda lone: by_http(lone, "https", "/acme/directory"),
    "http": lambda lone: by_http(lone, "http", ca_path(lone)),
    "metrics": lambda lone: by_http(lone, "metrics", "/metrics"),
    "ldap": lambda lone: by_ldap(lone, "ldap"),
    "ldaps": lambda lone: by_ldap(lone, "ldaps"),
    "mx": lambda lone: by_mail(lone, "mx", b"EHLO"),
    "lmtp": lambda lone: by_mail(lone, "lmtp", b"LHLO"),
}


def is_served(lone, door, seconds):
    """As programs do it: whoever is not heard tries again."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with suppress(OSError, http.client.HTTPException):
            if DOORS[door](lone):
                return True
        time.sleep(0.1)
    return False


@contextmanager
def crowd(port, count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 2000), hard))
    idle = []
    try:
        for _ in range(count):
            connection = socket.socket()
            connection.setblocking(False)
            connection.connect_ex(("127.0.0.1", port))
            idle.append(connection)
        yield idle
    finally:
        for connection in idle:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def process_of(lone):
    return Path("/proc", str(lone.process.pid))


def resident(lone):
    return int((process_of(lone) / "statm").read_text().split()[1]) * resource.getpagesize()


def may_grow(lone):
    sanitized = "libasan" in (process_of(lone) / "maps").read_text()
    return 200 * MB + (SANITIZER_KEEPS if sanitized else 0)


# but for metrics, whose place is nobody's but the operator's
@pytest.mark.parametrize("door", [door for door in DOORS if door != "metrics"])
@long
def test_ten_thousand_who_only_hold_connections_keep_nobody_out(lone, door):
    assert is_served(lone, door, 20)
    before = resident(lone)
    with crowd(lone.ports[door], MANY):
        for _ in range(3):
            assert is_served(lone, door, PATIENCE)
        # nor do they keep people from the other doors
        for other in DOORS:
            assert other == door or is_served(lone, other, 20), other
        assert resident(lone) - before < may_grow(lone)
    assert is_served(lone, door, PATIENCE)


@long  # the authority of this file is one more whose keys are encrypted slowly
def test_a_mail_program_that_was_silent_stays_while_there_is_room(lone):
    with connect(lone, "ldap") as connection:
        for _ in range(2):
            connection.sendall(BIND)
            assert connection.recv(len(BOUND)) == BOUND
            time.sleep(2)  # longer than those may who are in somebody's way
        connection.sendall(BIND)
        assert connection.recv(len(BOUND)) == BOUND


# a byte a second

HEAD = b" HTTP/1.1\r\nHost: authority.test\r\nContent-Length: 10000\r\n"
SLOW = {
    "https": b"POST /acme/new-order" + HEAD + b"Content-Type: application/jose+json\r\n\r\n",
    "http": b"POST /ocsp" + HEAD + b"Content-Type: application/ocsp-request\r\n\r\n",
    "metrics": b"POST /metrics" + HEAD + b"\r\n",
    "ldap": b"\x30\x82\x10\x00\x02\x01\x01\x63",
    "ldaps": b"\x30\x82\x10\x00\x02\x01\x01\x63",
}


def stays(lone, door, words, found):
    """For how many seconds a connection lasts on which a byte a second goes on from there."""
    began = time.monotonic()
    with suppress(OSError), connect(lone, door) as slow:
        slow.sendall(words)
        slow.settimeout(1)
        while time.monotonic() - began < 90:
            slow.sendall(b"x")
            with suppress(TimeoutError):
                if slow.recv(1000) == b"":
                    break
    found[door] = time.monotonic() - began


@long
def test_a_body_of_a_byte_a_second_keeps_its_connection_for_a_minute_only(lone):
    found = {}
    threads = [threading.Thread(target=stays, args=(lone, door, words, found))
               for door, words in SLOW.items()]
    for thread in threads:
        thread.start()
    time.sleep(5)
    for door in DOORS:
        assert is_served(lone, door, 20), door
    for thread in threads:
        thread.join()
    assert all(50 < seconds < 75 for seconds in found.values()), found
