"""All of desk_test.py with PostgreSQL as the authority's store."""

from authority_postgres_test import world  # noqa: F401 -- the fixture, with another store
from conftest import long
from desk_test import *  # noqa: F401, F403 -- each of its tests is collected here, too
from stores import select

pytestmark = long


def test_it_was_postgresql_that_remembered_the_desk(authority):
    assert select(authority, "SELECT count(*) FROM claim_word")[0][0] > 0
