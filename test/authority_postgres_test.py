"""All of authority_test.py and acme_test.py with PostgreSQL as the authority's store."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from authority_test import *  # noqa: F401, F403 -- each of its tests is collected here, too
from acme_test import *  # noqa: F401, F403 -- last: it ends with other settings
from conftest import long, new_directory
from postgres import Postgres
from stores import another_log, select

pytestmark = long


@pytest.fixture(scope="module")
def world(world):
    """The village's authority has never known another store."""
    folder = new_directory()
    postgres = Postgres(folder)
    settings = Path(world.authority["dir"]) / "authority.json"
    before = settings.read_text()
    settings.write_text(json.dumps({**json.loads(before), "store": postgres.url}))
    world.stop("authority")
    with another_log(settings.parent):
        world.start("authority")
        yield world
        world.stop("authority")
    settings.write_text(before)
    postgres.stop()
    shutil.rmtree(folder)
    world.start("authority")


def test_it_was_postgresql_that_remembered(authority):
    assert select(authority, "SELECT count(*) FROM account")[0][0] > 0
    with closing(sqlite3.connect(f"file:{authority['database']}?mode=ro", uri=True)) as unused:
        assert unused.execute("SELECT count(*) FROM account").fetchall() == [(0,)]
