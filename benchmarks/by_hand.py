"""The same work, written by hand and timed from inside: ``by_hand.py walk|limit|sessions ROOT [FINISHED FRESH]``.

``FINISHED`` is a synced database, whose rows are copied; ``FRESH`` is where the copy is made.
"""

import json
import os
import sqlite3
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from time import perf_counter
from typing import Any

import orjson

Rows = dict[str, list[tuple[Any, ...]]]
HOMES = ("source_path", "path", "bundle", "session_id")
"""Columns that begin with the session's name; the first that a table has counts."""


def entries(root: str) -> Iterator[os.DirEntry[str]]:
    """Yield the state files under a root."""
    for folder in os.scandir(root):
        if folder.is_dir():
            for entry in os.scandir(folder.path):
                if entry.name.endswith(".json"):
                    yield entry


def walk(root: str) -> dict[str, float]:
    """Look at the stamps of every file: the least that can find out that nothing changed."""
    begun = perf_counter()
    count = 0
    for entry in entries(root):
        entry.stat()
        count += 1
    return {"seconds": perf_counter() - begun, "files": count}


def limit(root: str, finished: str, fresh: str) -> dict[str, float]:
    """Read and parse every file, then write the very same rows in one transaction: the least that can fill tables."""
    begun = perf_counter()
    count = 0
    for entry in entries(root):
        with open(entry.path, "rb") as file:  # noqa: PTH123  as fast as can be
            orjson.loads(file.read())
        count += 1
    reading = perf_counter() - begun
    everything = rows_of(finished)
    with closing(made_like(finished, fresh)) as target:
        begun = perf_counter()
        target.execute("BEGIN IMMEDIATE")
        for table, rows in everything.items():
            if rows:
                target.executemany(insert(table, rows[0]), rows)
        target.execute("COMMIT")
        writing = perf_counter() - begun
    return {"seconds": reading + writing, "files": count, "rows": sum(map(len, everything.values()))}


def sessions(root: str, finished: str, fresh: str) -> dict[str, float]:
    """Write the same rows as scripts do: a session at a time, a row a statement, a commit a session."""
    common, by_session = rows_by_session(finished)
    with closing(made_like(finished, fresh)) as target:
        begun = perf_counter()
        for folder in ("", *sorted(path.name for path in Path(root).iterdir())):
            for path in sorted(Path(root, folder).glob("*.json")) if folder else ():
                json.loads(path.read_text(encoding="utf-8"))
            target.execute("BEGIN")
            for table, row in by_session[folder] if folder else common:
                target.execute(insert(table, row), row)
            target.execute("COMMIT")
        return {"seconds": perf_counter() - begun}


def rows_of(finished: str) -> Rows:
    """Return all rows of all tables."""
    with closing(sqlite3.connect(f"file:{finished}?mode=ro", uri=True)) as source:
        names = [name for kind, name, _ in schema(source) if kind == "table"]
        return {name: source.execute(f'SELECT * FROM "{name}"').fetchall() for name in names}  # noqa: S608


def rows_by_session(finished: str) -> tuple[list[tuple[str, Any]], dict[str, list[tuple[str, Any]]]]:
    """Return the rows that belong to no session, and those of each."""
    found: dict[str, list[tuple[str, Any]]] = defaultdict(list)
    with closing(sqlite3.connect(f"file:{finished}?mode=ro", uri=True)) as source:
        for table, rows in rows_of(finished).items():
            columns = [name for _, name, *_ in source.execute(f'PRAGMA table_info("{table}")')]
            home = next((columns.index(name) for name in HOMES if name in columns), None)
            for row in rows:
                found[str(row[home] or "").partition("/")[0] if home is not None else ""].append((table, row))
    return found.pop("", []), found


def made_like(finished: str, fresh: str) -> sqlite3.Connection:
    """Return an empty database with the tables and indexes of another."""
    with closing(sqlite3.connect(f"file:{finished}?mode=ro", uri=True)) as source:
        statements = [text for _, _, text in schema(source)]
    target = sqlite3.connect(fresh, isolation_level=None)
    target.execute("PRAGMA journal_mode=WAL")
    target.execute("PRAGMA synchronous=NORMAL")
    for statement in statements:
        target.execute(statement)
    return target


def schema(source: sqlite3.Connection) -> list[tuple[str, str, str]]:
    """Return kind, name and text of every table, then of every index."""
    return source.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql IS NOT NULL "
        "AND name NOT LIKE 'sqlite_%' ORDER BY type DESC, rowid"
    ).fetchall()


def insert(table: str, row: tuple[Any, ...]) -> str:
    """Return the text that inserts a row as long as this one."""
    return f'INSERT OR REPLACE INTO "{table}" VALUES ({",".join("?" * len(row))})'  # noqa: S608


WORK: dict[str, Callable[..., dict[str, float]]] = {"walk": walk, "limit": limit, "sessions": sessions}

if __name__ == "__main__":
    print(json.dumps(WORK[sys.argv[1]](*sys.argv[2:])))
