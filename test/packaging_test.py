"""The units for systemd: what they say fits the programs, and systemd takes them as they are."""

import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
UNITS = PROJECT / "packaging" / "systemd"
USER_UNITS = sorted((UNITS / "user").iterdir())
SYSTEM_UNITS = sorted((UNITS / "system").iterdir())
SOCKETS = [unit for unit in USER_UNITS if unit.suffix == ".socket"]
SERVICE = UNITS / "user" / "letterlock.service"
AUTHORITY = UNITS / "system" / "letterlock-authority.service"


def read(unit):
    """{section: [(name, value)]}; a name may come several times."""
    sections, section = {}, None
    for line in unit.read_text().splitlines():
        if line.startswith("["):
            section = sections.setdefault(line.strip("[]"), [])
        elif line and line[0] not in "#;":
            name, equals, value = line.partition("=")
            assert equals and section is not None, f"{unit.name}: {line}"
            section.append((name, value))
    return sections


def value(unit, section, name):
    """The only value of that name."""
    values = [each for key, each in read(unit).get(section, []) if key == name]
    assert len(values) == 1, f"{unit.name} has {len(values)} {name}="
    return values[0]


def names_the_agent_wants():
    source = (PROJECT / "cmd" / "agent.c").read_text()
    return set(re.findall(r'activation_find\("(\w+)"', source))


def ports_that_setup_tells():
    source = (PROJECT / "cmd" / "setup.c").read_text()
    return {kind.lower(): port
            for kind, port in re.findall(r"\((SMTP|IMAP), TLS\)\s+127\.0\.0\.1 port (\d+)", source)}


def test_there_is_a_socket_for_each_name_that_the_agent_asks_for():
    names = [value(unit, "Socket", "FileDescriptorName") for unit in SOCKETS]
    assert sorted(names) == sorted(names_the_agent_wants()) == ["imap", "smtp"]


def test_the_sockets_listen_where_setup_says_and_on_loopback_only():
    listens = {value(unit, "Socket", "FileDescriptorName"): value(unit, "Socket", "ListenStream")
               for unit in SOCKETS}
    assert listens == {name: f"127.0.0.1:{port}"
                       for name, port in ports_that_setup_tells().items()}
    assert len(listens) == 2


def test_the_agent_never_runs_without_both_sockets():
    wanted = {unit.name for unit in SOCKETS}
    assert {value(unit, "Socket", "Service") for unit in SOCKETS} == {SERVICE.name}
    for section, name in [("Service", "Sockets"), ("Unit", "Requires"), ("Unit", "After")]:
        assert set(value(SERVICE, section, name).split()) == wanted, name


@pytest.mark.parametrize("unit", [SERVICE, AUTHORITY], ids=lambda unit: unit.name)
def test_a_service_leaves_no_core_and_gains_no_rights(unit):
    assert value(unit, "Service", "LimitCORE") == "0"
    assert value(unit, "Service", "UMask") == "0077"
    for name in ("NoNewPrivileges", "PrivateTmp"):
        assert value(unit, "Service", name) == "yes"
    assert value(unit, "Service", "ProtectSystem") == "strict"


@pytest.mark.parametrize("unit, program", [(SERVICE, "letterlock"),
                                           (AUTHORITY, "letterlock-authority")],
                         ids=lambda each: getattr(each, "name", each))
def test_a_service_starts_a_program_that_is_built_with_a_command_it_has(unit, program, build):
    name, command, *_ = value(unit, "Service", "ExecStart").split()
    assert name == program
    told = subprocess.run([build / program, command, "--help"], capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert command in told.stdout


# The rest asks systemd's own programs, which every Debian with systemd has.

def verify(units, directory, build, *words):
    """What systemd says to copies that start the programs under test."""
    for unit in units:
        text = unit.read_text()
        text = re.sub(r"^ExecStart=(\S+)", lambda m: f"ExecStart={build / m[1]}", text, flags=re.M)
        (directory / unit.name).write_text(text)
    runtime = directory / "runtime"
    runtime.mkdir(mode=0o700)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *words,
         *(directory / unit.name for unit in units)],
        capture_output=True, text=True, env=dict(os.environ, XDG_RUNTIME_DIR=str(runtime)))
    return done.returncode, done.stdout + done.stderr


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


if shutil.which("systemd-analyze"):
    @pytest.mark.parametrize("units, words", [(USER_UNITS, ["--user"]), (SYSTEM_UNITS, [])],
                             ids=["user", "system"])
    def test_systemd_finds_nothing_to_complain_of(units, words, build, tmp_path):
        assert verify(units, tmp_path, build, *words) == (0, "")

    def test_systemd_would_complain_of_a_word_it_does_not_know(build, tmp_path):
        broken = tmp_path / "broken"
        broken.mkdir()
        for unit in USER_UNITS:
            (broken / unit.name).write_text(unit.read_text().replace("LimitCORE", "LimitCORES"))
        _, said = verify(sorted(broken.iterdir()), tmp_path, build, "--user")
        assert "LimitCORES" in said


if shutil.which("systemd-socket-activate"):
    def test_the_agent_takes_its_ports_from_systemds_own_hand(agents):
        carol = agents["carol@alpha.test"]
        carol.stop()
        smtp, imap = free_port(), free_port()
        manager = subprocess.Popen(
            ["systemd-socket-activate", "-l", f"127.0.0.1:{smtp}", "-l", f"127.0.0.1:{imap}",
             "--fdname=smtp:imap", *carol.command()], stderr=subprocess.PIPE)
        try:
            assert greeting(carol, smtp, manager).startswith(b"220 ")
            assert greeting(carol, imap, manager).startswith(b"* OK ")
        finally:
            manager.terminate()  # it has become the agent
            manager.wait(60)
            carol.start()

    def greeting(agent, port, manager):
        """The first line behind TLS."""
        until = time.monotonic() + 20
        while time.monotonic() < until:
            assert manager.poll() is None, manager.stderr.read()
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=20) as raw:
                    with agent.tls.wrap_socket(raw, server_hostname="localhost") as tls:
                        return tls.recv(1000)
            except ConnectionRefusedError:
                time.sleep(0.05)
        raise AssertionError("nobody listens")
