"""Start, watch and stop the servers.

Each one runs in the foreground in a session of its own; its process id is kept together with the
time at which that process started, so that a number which the kernel has given to somebody else
since is never signalled.
"""

import json
import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from fault import Fault

START_SECONDS = 20
STOP_SECONDS = 10
POLL_SECONDS = 0.01


@dataclass
class Server:
    name: str
    argv: list
    log: str
    pid_file: str
    listens: list  # [address, port] of TCP, or the path of a Unix socket
    stop_signal: int = signal.SIGTERM


def spawn(server):
    """Start it and come back at once; wait_up() says when it serves."""
    if leader(server):
        return
    with open(server.log, "ab") as log:
        process = subprocess.Popen(
            server.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
            start_new_session=True)
    Path(server.pid_file).write_text(f"{process.pid} {started_at(process.pid)}\n")


def wait_up(server):
    deadline = time.monotonic() + START_SECONDS
    while not is_up(server):
        if not leader(server):
            raise Fault(f"{server.name} ended while starting: {last_line(server)} "
                        f"(more may be in {server.log})")
        if time.monotonic() > deadline:
            raise Fault(f"{server.name} does not answer after {START_SECONDS} s; see {server.log}")
        time.sleep(POLL_SECONDS)


def is_up(server):
    return leader(server) is not None and all(answers(place) for place in server.listens)


def stop(server):
    """End it and everything in its session; a server that is down already is fine."""
    pid = leader(server)
    if pid:
        with suppress(ProcessLookupError):
            os.kill(pid, server.stop_signal)
        if not wait_for(lambda: not session_members(pid), STOP_SECONDS):
            kill_session(pid)
    Path(server.pid_file).unlink(missing_ok=True)


def kill_session(session):
    for pid in session_members(session):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not session_members(session), STOP_SECONDS)


def leader(server):
    """The process id that was started for it, or None if that process is no more."""
    try:
        pid, started = Path(server.pid_file).read_text().split()
    except (FileNotFoundError, ValueError):
        return None
    return int(pid) if started_at(pid) == started else None


def started_at(pid):
    stat = process_stat(pid)
    return stat["started"] if stat else "gone"


def session_members(session):
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    stats = ((pid, process_stat(pid)) for pid in pids)
    return [pid for pid, stat in stats if stat and stat["session"] == session]


def process_stat(pid):
    """Session and start time of a living process; None for one that is gone or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is a name in brackets and may hold anything: count from behind it.
    fields = stat[stat.rindex(")") + 2:].split()
    if fields[0] in "ZX":
        return None
    return {"session": int(fields[3]), "started": fields[19]}


def wait_for(condition, seconds):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def answers(place):
    family = socket.AF_UNIX if isinstance(place, str) else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(place if isinstance(place, str) else tuple(place))
        except OSError:
            return False
    return True


def last_line(server):
    lines = Path(server.log).read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "(it said nothing)"


def save(path, servers):
    path.write_text(json.dumps([asdict(server) for server in servers], indent=2) + "\n")


def load(path):
    try:
        return [Server(**entry) for entry in json.loads(path.read_text())]
    except FileNotFoundError:
        return []
