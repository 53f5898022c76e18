"""What earlier releases left: a database of each schema, beside the state tree that it was level with."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from syncd.stores.sqlite import quoted
from tests.command import set_back
from tests.processes import REPOSITORY

RELEASES = REPOSITORY / "tests" / "stores" / "releases"
ARCHIVED = "orchestrator-1772400006"
REFUSED = "session-1770631507"
CHANGED = "session-1771839364"
LEFT = f"task-{CHANGED}-backend"
"""A task whose file went A, B, A."""


def release(schema: int, root: Path) -> Path:
    """Copy a release's state tree with its database, and return where the database is."""
    shutil.copytree(RELEASES / f"schema-{schema}", root, ignore=shutil.ignore_patterns("*-wal", "*-shm", "*.lock"))
    for path in root.glob("*/*.json"):
        set_back(path)
    return root / "agent-service.db"


def schema_of(database: Path) -> int:
    """Return the schema version of a database."""
    with closing(sqlite3.connect(f"file:{quoted(database)}?mode=ro", uri=True)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def everything(database: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table that a database has, and the statements that made tables, indexes and views."""
    with closing(sqlite3.connect(f"file:{quoted(database)}?mode=ro", uri=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        made = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY type, name").fetchall()
        tables = [name for kind, name, _ in made if kind == "table"]
        rows = {name: sorted(connection.execute(f'SELECT * FROM "{name}"'), key=repr) for name in tables}  # noqa: S608
        return rows | {"the schema": made}


def on_disk(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file, less what SQLite keeps beside a database that is read."""
    return {
        str(path.relative_to(folder)): data
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(("-shm", ".lock")) and (data := path.read_bytes())
    }
