"""An auditor of databases: what must hold in every one of them, whatever became of its writers."""

import hashlib
import json
import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

from syncd_models.schema import TABLES

PROJECTED = (
    *("sessions", "tasks", "task_items", "blockers", "concerns", "next_steps", "deliverables", "messages"),
    *("metrics", "llm_usage"),
)
LOGGED = (
    *PROJECTED,
    *("campaigns", "leads", "content", "experiments", "patterns", "lessons_learned", "rewards", "integrations"),
    *("repositories", "user_commands", "automation_candidates", "achievements"),
)
State: TypeAlias = dict[tuple[str, str], dict[str, Any]]
"""Table and row id -> column -> value, without ``synced_rev``."""


def audit(database: Path, root: Path) -> None:
    """Hold one database to everything that SQLite and the ledger promise; its workspace is the default one."""
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert_checkpoints(connection, root)
        assert_versions(connection)
        assert_log(connection)


def assert_checkpoints(connection: sqlite3.Connection, root: Path) -> None:
    """Hold each checkpoint to its file's bytes, and each file to a checkpoint."""
    held = dict(connection.execute("SELECT path, sha256 FROM files WHERE workspace = 'default'").fetchall())
    files = [*root.glob("*-*/*.json"), *root.glob("data/*.json")]
    assert held == {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def assert_versions(connection: sqlite3.Connection) -> None:
    """Hold the generations of each file to 1, 2, 3 and so on, the last one to its checkpoint."""
    versions: dict[tuple[str, str], list[int]] = {}
    for workspace, path, generation in connection.execute(
        "SELECT workspace, path, generation FROM file_versions ORDER BY workspace, path, generation"
    ):
        versions.setdefault((workspace, path), []).append(generation)
    latest = {
        (workspace, path): generation
        for workspace, path, generation in connection.execute("SELECT workspace, path, generation FROM files")
    }
    for file, generations in versions.items():
        assert generations == [*range(1, len(generations) + 1)], file
        assert latest.get(file, 0) in (0, generations[-1]), file  # 0: it came back, and came back bad


def assert_log(connection: sqlite3.Connection) -> None:
    """Hold the change log to its promises: it never goes back, and it leads from the first read to today's rows."""
    times = [at for (at,) in connection.execute("SELECT at FROM changes ORDER BY seq")]
    assert all(earlier <= later for earlier, later in pairwise(times))
    sessions = {row_id for (row_id,) in connection.execute("SELECT id FROM sessions")}
    read = {bundle for (bundle,) in connection.execute("SELECT bundle FROM changes WHERE op = 'r'")}
    assert sessions <= read
    walk_back(connection)


def walk_back(connection: sqlite3.Connection, seq: int = 0) -> State:
    """Return the rows as they were after the entry ``seq``; every later entry must fit the rows that it left.

    Of a bundle that was read for the first time later, no row is known.
    """
    states: dict[str, State] = {}
    for key, row in state_of(connection).items():
        states.setdefault(row["source_path"].partition("/")[0], {})[key] = row
    entries = connection.execute(
        "SELECT seq, bundle, table_name, row_id, op, before, after FROM changes WHERE seq > ? ORDER BY seq DESC", (seq,)
    )
    for number, bundle, table, row_id, op, before, after in entries:
        state = states.setdefault(bundle, {})
        if op == "r":
            state.clear()
            continue
        row = state.pop((table, row_id), {})
        said: dict[str, Any] = json.loads(after) if after else {}
        assert bool(row) == (op != "d"), (number, table, row_id, op)
        assert {column: row[column] for column in said} == said, (number, table, row_id, op)
        assert op != "c" or row.keys() == said.keys(), (number, table, row_id, op)
        if op != "c":
            state[table, row_id] = row | json.loads(before)
    return {key: row for state in states.values() for key, row in state.items()}


def state_of(connection: sqlite3.Connection) -> State:
    """Return every row that comes from files."""
    state: State = {}
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}  # fewer in an older schema
    for table in (table for table in LOGGED if table in there):
        columns = TABLES[table].columns[:-1]
        for row in connection.execute(f"SELECT * FROM {table}"):  # noqa: S608  names are ours
            state[table, row[0]] = dict(zip(columns, row, strict=False))
    return state


def rows_of(database: Path) -> State:
    """Return every row of a database that comes from files."""
    with closing(sqlite3.connect(database)) as connection:
        return state_of(connection)
