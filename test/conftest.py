"""The world, for every test that asks for it.

LETTERLOCK_BUILD names the build directory (default: build in the project).  LETTERLOCK_WORLD names
the directory of a village that is up already; it is used and left up.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from acmeclient import Client, Https
from agentworld import Agent
from mailworld import VILLAGE, World

PROJECT = Path(__file__).resolve().parent.parent

# What takes too long for every ./check: LETTERLOCK_LONG, which ./check --long sets, asks for it.
long = pytest.mark.skipif("LETTERLOCK_LONG" not in os.environ, reason="./check --long runs it")


@pytest.fixture(scope="session")
def build():
    """The directory where the programs under test are."""
    return Path(os.environ.get("LETTERLOCK_BUILD", PROJECT / "build")).resolve()


@pytest.fixture(scope="module")
def world(build):
    """Each file of tests has a world of its own: what one does to it is not another's trouble."""
    if "LETTERLOCK_WORLD" in os.environ:
        yield World(os.environ["LETTERLOCK_WORLD"])
        return
    directory = new_directory()
    try:
        village_up(directory, build)
        yield World(directory)
    finally:
        subprocess.run([VILLAGE, "down", directory], check=False)
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="module")
def authority(world):
    if world.authority is None:
        pytest.fail("this village has no authority: build letterlock-authority first")
    return world.authority


@pytest.fixture
def client(world, authority):
    client = Client(world)
    assert client.register().status == 201
    yield client
    client.leave()


@pytest.fixture
def https(world, authority):
    return Https(world)


class Agents:
    """The agents of the village's people: set up and started when first asked for."""

    def __init__(self, world, program):
        self.world = world
        self.program = program
        self.directory = new_directory()
        self.all = {}

    def __getitem__(self, address):
        if address not in self.all:
            agent = Agent(self.world, self.program, address, self.directory)
            self.all[address] = agent
            agent.setup()
            agent.start()
        return self.all[address]

    def close(self):
        for agent in self.all.values():
            agent.close()
        shutil.rmtree(self.directory, ignore_errors=True)


@pytest.fixture(scope="session")
def program(build):
    return build / "letterlock"


@pytest.fixture(scope="module")
def agents(world, program):
    people = Agents(world, program)
    yield people
    people.close()


@pytest.fixture
def alice(agents):
    return agents["alice@alpha.test"]


@pytest.fixture
def bob(agents):
    return agents["bob@beta.test"]


def new_directory():
    """Short of name and open to the users of the mail servers: pytest's own is neither."""
    directory = Path(tempfile.mkdtemp(prefix="village-"))
    directory.chmod(0o755)
    return directory


def village_up(directory, build):
    authority = ["--bin-dir", build] if has_authority(build) else ["--without-authority"]
    up = subprocess.run([VILLAGE, "up", directory, *authority], capture_output=True, text=True)
    if up.returncode != 0:
        pytest.fail(f"no world to test in: {up.stderr.strip()}", pytrace=False)
    print(up.stdout.strip())


def has_authority(build):
    names = (build / "letterlock-authority", build / "cmd" / "letterlock-authority")
    return any(os.access(name, os.X_OK) for name in names)
