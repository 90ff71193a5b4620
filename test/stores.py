"""What lies in the authority's database, whichever it is: read by Python, not by the project."""

import json
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2


def store_of(authority):
    settings = json.loads((Path(authority["dir"]) / "authority.json").read_text())
    return settings.get("store", authority["database"])


def connect(authority):
    store = store_of(authority)
    if store.startswith("postgresql://"):
        return psycopg2.connect(store)
    return sqlite3.connect(f"file:{store}?mode=ro", uri=True)


@contextmanager
def another_log(folder):
    """Of another database the folder knows nothing: where its own log ended is set aside."""
    head = Path(folder) / "audit.head"
    aside = head.with_name("audit.head.aside")
    if head.exists():
        head.rename(aside)
    try:
        yield
    finally:
        head.unlink(missing_ok=True)
        if aside.exists():
            aside.rename(head)


def select(authority, text, values=()):
    """All rows.  Parameters are written as SQLite has them; what is bytes comes back as bytes."""
    with closing(connect(authority)) as database, closing(database.cursor()) as cursor:
        if not isinstance(database, sqlite3.Connection):
            text = text.replace("%", "%%").replace("?", "%s")
        cursor.execute(text, values)
        return [tuple(bytes(value) if isinstance(value, memoryview) else value for value in row)
                for row in cursor.fetchall()]


def dump(authority):
    """Every value of every table, as text."""
    if not store_of(authority).startswith("postgresql://"):
        with closing(connect(authority)) as database:
            return "\n".join(database.iterdump())
    tables = select(authority, "SELECT table_name FROM information_schema.tables"
                              " WHERE table_schema = current_schema()")
    return "\n".join(repr(row) for (table,) in tables
                     for row in select(authority, f"SELECT * FROM {table}"))
