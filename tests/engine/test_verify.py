"""The proof: every value that is not what its file says is found, and nothing else is."""

import json
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from syncd.verify import Difference, Verification, verify
from syncd_models.schema import SQLITE, TABLES
from tests.audit import PROJECTED
from tests.processes import syncd
from tests.workbench import Workbench
from tests.workload import write_workload

TAMPERINGS = 50
ROSTER = ("agents", "teams")
SYNCED = (*PROJECTED, *ROSTER)


@pytest.fixture
def level(bench: Workbench) -> Workbench:
    """Lend a workbench whose rows are what the files say, every table filled."""
    write_workload(bench.root, 12)
    (bench.root / "session-marketing-1").mkdir()
    (bench.root / "session-marketing-1" / "db-architect.json").write_text(
        json.dumps(
            {
                "status": "completed",
                "startTime": "2026-02-08T10:00:00Z",
                "endTime": "2026-02-08T11:00:00Z",
                "concerns": [{"severity": "high", "message": "café"}],
                "deliverables": [{"type": "post", "title": "One", "words": 3}],
                "messages": [{"to": "loki", "content": "hello", "timestamp": "2026-02-08T10:30:00Z"}],
            }
        )
    )
    bench.sync()
    assert all(found for found in bench.rows((*SYNCED,)).values())
    return bench


def checked(bench: Workbench) -> Verification:
    """Verify the workbench's own root."""
    return verify([bench.source], bench.store)


def test_a_synced_tree_is_level(level: Workbench) -> None:
    """Nothing differs, nothing is owed, and every row of a file was compared."""
    found = checked(level)
    assert (found.differences, found.owed, found.archived, found.bundles) == ([], 0, 0, 13)
    assert found.rows == sum(len(rows) for rows in level.rows().values())


# Tampering


class Tampering(NamedTuple):
    """What was done to one row, and how verify must name it."""

    told: str
    table: str
    row_id: str
    column: str | None
    path: str | None

    def found_in(self, differences: list[Difference]) -> bool:
        """Tell whether a difference names the row, the column and the file."""
        return any(
            (each.table, each.row_id, each.column, each.path) == (self.table, self.row_id, self.column, self.path)
            for each in differences
        )


@contextmanager
def tampered(bench: Workbench) -> Iterator[sqlite3.Connection]:
    """Lend a connection that obeys no constraint, and take back what was done with it."""
    connection = bench.store.connection
    connection.execute("PRAGMA foreign_keys=OFF")
    connection.execute("PRAGMA ignore_check_constraints=ON")
    connection.execute("BEGIN")
    try:
        yield connection
    finally:
        connection.execute("ROLLBACK")


def kinds_of(table: str) -> dict[str, str]:
    """Return the declared type of each column."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for statement in SQLITE:
            connection.execute(statement)
        return {name: kind for _, name, kind, *_ in connection.execute(f"PRAGMA table_info({table})")}


def other(value: object, kind: str) -> object:
    """Return another value that the column could hold."""
    if kind == "DATETIME":
        return "2001-02-03 04:05:06"
    if kind == "BOOLEAN":
        return 0 if value else 1
    if kind in {"INTEGER", "FLOAT"}:
        return 7 if value is None else value + 1  # type: ignore[operator]
    return f"{value or ''}~"


def some_row(connection: sqlite3.Connection, table: str, rng: random.Random) -> dict[str, Any]:
    """Return one row of a table."""
    rows = sorted(connection.execute(f"SELECT * FROM {table}"))  # noqa: S608
    return dict(zip(TABLES[table].columns, rng.choice(rows), strict=True))


def path_of(table: str, row: dict[str, Any]) -> str | None:
    """Return the file that verify names for a row; a row of the roster has none."""
    return None if table in ROSTER else row["source_path"]


def edit(connection: sqlite3.Connection, table: str, rng: random.Random) -> Tampering:
    """Change one value."""
    row = some_row(connection, table, rng)
    column = rng.choice([name for name in row if name not in {"id", "synced_rev"}])
    value = other(row[column], kinds_of(table)[column])
    connection.execute(f"UPDATE {table} SET {column} = ? WHERE id = ?", (value, row["id"]))  # noqa: S608
    return Tampering(f"{table} {row['id']} {column} = {value!r}", table, row["id"], column, path_of(table, row))


def forget(connection: sqlite3.Connection, table: str, rng: random.Random) -> Tampering:
    """Set a value to NULL."""
    row = some_row(connection, table, rng)
    required = {name for _, name, _, required, *_ in connection.execute(f"PRAGMA table_info({table})") if required}
    column = rng.choice([*(name for name, value in row.items() if value is not None and name not in required), ""])
    if not column:
        return edit(connection, table, rng)
    connection.execute(f"UPDATE {table} SET {column} = NULL WHERE id = ?", (row["id"],))  # noqa: S608
    return Tampering(f"{table} {row['id']} {column} = NULL", table, row["id"], column, path_of(table, row))


def delete(connection: sqlite3.Connection, table: str, rng: random.Random) -> Tampering:
    """Delete a row."""
    row = some_row(connection, table, rng)
    connection.execute(f"DELETE FROM {table} WHERE id = ?", (row["id"],))  # noqa: S608
    return Tampering(f"{table} {row['id']} deleted", table, row["id"], None, path_of(table, row))


def rename(connection: sqlite3.Connection, table: str, rng: random.Random) -> Tampering:
    """Change an id."""
    row = some_row(connection, table, rng)
    changed = rng.choice((f"{row['id']}~", f"zzz-{row['id']}"))
    connection.execute(f"UPDATE {table} SET id = ? WHERE id = ?", (changed, row["id"]))  # noqa: S608
    return Tampering(f"{table} {row['id']} renamed {changed}", table, row["id"], None, path_of(table, row))


def stray(connection: sqlite3.Connection, table: str, rng: random.Random) -> Tampering:
    """Insert a row that no file gives, somewhere: near its like, in another session's range, or nowhere."""
    row, foreign = some_row(connection, table, rng), some_row(connection, table, rng)
    anywhere = [f"zzz/{rng.randrange(99)}", f"!{row['id']}"]
    # A point that fits a living task cannot be told from one that an earlier content gave.
    near = [] if table == "metrics" else [f"{row['id']}~", f"{foreign['id']}~"]
    row["id"] = rng.choice(anywhere + near)
    text = f"INSERT INTO {table} VALUES ({','.join('?' * len(row))})"  # noqa: S608
    connection.execute(text, [*row.values()])
    column = "name" if table in ROSTER else None
    return Tampering(f"{table} {row['id']} inserted", table, row["id"], column, path_of(table, row))


MEANS: tuple[Callable[[sqlite3.Connection, str, random.Random], Tampering], ...] = (edit, forget, delete, rename, stray)


def test_every_tampering_is_found(level: Workbench) -> None:
    """Whatever is changed, deleted, renamed or inserted by hand, in any table: row, column and file are named."""
    seed = random.SystemRandom().randrange(2**32)
    rng = random.Random(seed)
    print(f"seed {seed}")  # noqa: T201
    for number in range(TAMPERINGS):
        table = SYNCED[number % len(SYNCED)]
        with tampered(level) as connection:
            done = rng.choice(MEANS)(connection, table, rng)
            differences = checked(level).differences
        assert done.found_in(differences), (seed, done, differences[:5])
    assert checked(level).differences == []


@pytest.mark.parametrize("table", PROJECTED)
def test_every_column_is_compared(level: Workbench, table: str) -> None:
    """Every column of every table, but for ``synced_rev``, is found when another value stands in it."""
    row = some_row(level.store.connection, table, random.Random(1))
    for column, kind in kinds_of(table).items():
        if column in {"id", "synced_rev"}:
            continue
        with tampered(level) as connection:
            text = f"UPDATE {table} SET {column} = ? WHERE id = ?"  # noqa: S608
            connection.execute(text, (other(row[column], kind), row["id"]))
            found = checked(level).differences
        assert any((each.row_id, each.column) == (row["id"], column) for each in found), column


def test_a_stray_row_in_the_range_of_another_session_is_found(level: Workbench) -> None:
    """A row whose id looks like one session's and whose file is another's belongs to neither."""
    with tampered(level) as connection:
        first, second = sorted(path.name for path in level.root.iterdir())[:2]
        row = list(connection.execute("SELECT * FROM concerns WHERE session_id = ?", (first,)).fetchone())
        row[0] = f"{second}/concern/99"
        connection.execute(f"INSERT INTO concerns VALUES ({','.join('?' * len(row))})", row)  # noqa: S608
        found = checked(level).differences
    assert [(each.table, each.row_id) for each in found] == [("concerns", row[0])]


def test_an_agent_that_a_task_points_at_is_missed(level: Workbench) -> None:
    """An agent that was made from its id alone must be there, too."""
    with tampered(level) as connection:
        connection.execute("DELETE FROM agents WHERE id = 'agent-db-architect'")
        connection.execute("DELETE FROM teams WHERE id = 'team-growth'")
        found = checked(level).differences
    missed = [(each.table, each.row_id, each.column, each.held) for each in found]
    assert sorted(missed) == [
        ("agents", "agent-db-architect", None, "no row"),
        ("teams", "team-growth", None, "no row"),
    ]


def test_verify_prints_row_column_and_file(tmp_path: Path) -> None:
    """People read all three, programs find them under documented names, and the exit code is 1."""
    root, database = tmp_path / "state", tmp_path / "test.db"
    first, *_ = write_workload(root, 3)
    assert syncd("sync", root, database).returncode == 0
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE tasks SET description = 'forged' WHERE id = ?", (f"task-{first}-backend",))
        connection.execute("UPDATE agents SET role = 'forged' WHERE id = 'agent-loki'")
        connection.execute("DELETE FROM concerns WHERE session_id = ?", (first,))
    done = syncd("verify", root, database)
    assert done.returncode == 1
    line = next(line for line in done.stdout.splitlines() if "description" in line)
    assert f"tasks task-{first}-backend" in line
    assert f"'forged', {first}/backend.json says 'build the" in line
    assert "agents agent-loki · role: the database has 'forged', the built-in roster says" in done.stdout
    assert f"concerns {first}/concern/0: the database has no row, {first}/orchestrator.json says a row" in done.stdout
    assert "drift: 3 difference(s)" in done.stdout
    done = syncd("verify", root, database, "--json")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["differences"][0].keys() == {"table", "row_id", "column", "held", "expected", "path"}
    assert len(report["differences"]) == 3
    assert syncd("status", root, database).returncode == 1


# What the past owes


def test_a_sticky_start_is_owed_and_no_drift(bench: Workbench) -> None:
    """A start that the file no longer states stays, with the duration from it, and is counted."""
    path = bench.root / "session-1" / "backend.json"
    path.parent.mkdir()
    path.write_text('{"status": "running", "startTime": "2026-02-08T10:00:00Z"}')
    bench.sync()
    path.write_text('{"status": "completed", "endTime": "2026-02-08T10:01:00Z"}')
    bench.sync()
    assert bench.rows()["tasks"]["task-session-1-backend"]["duration_seconds"] == 60.0
    found = checked(bench)
    assert found.differences == []
    assert found.owed == 4  # start and duration, of the task and of its session


def test_a_retained_point_is_owed_and_no_drift(bench: Workbench) -> None:
    """A metric point of an earlier content is counted, value by value."""
    path = bench.root / "session-1" / "backend.json"
    path.parent.mkdir()
    for minute, tokens in enumerate((1, 2, 3)):
        path.write_text(json.dumps({"updatedAt": f"2026-02-08T10:0{minute}:00Z", "metrics": {"tokens": tokens}}))
        bench.sync()
    assert len(bench.rows()["metrics"]) == 3
    found = checked(bench)
    assert found.differences == []
    assert found.owed == 2 * (len(TABLES["metrics"].columns) - 2)


def test_the_rows_of_a_refused_file_are_owed_and_no_drift(bench: Workbench) -> None:
    """What a file gave before it went bad stands, and its neighbours are still compared."""
    first, *_ = write_workload(bench.root, 2)
    bench.sync()
    (bench.root / first / "backend.json").write_text('{"status": ')
    bench.sync()
    found = checked(bench)
    assert found.differences == []
    assert found.owed > 0
    with tampered(bench) as connection:
        connection.execute("UPDATE tasks SET description = 'x' WHERE id = ?", (f"task-{first}-frontend",))
        differences = checked(bench).differences
    assert [(each.row_id, each.column) for each in differences] == [(f"task-{first}-frontend", "description")]


def test_a_point_that_was_forged_into_a_living_task_counts_as_owed(level: Workbench) -> None:
    """No file can tell such a point from a retained one: it is counted, not found."""
    with tampered(level) as connection:
        row = list(connection.execute("SELECT * FROM metrics WHERE entity_type = 'task'").fetchone())
        row[0] += "~"
        connection.execute(f"INSERT INTO metrics VALUES ({','.join('?' * len(row))})", row)  # noqa: S608
        found = checked(level)
    assert found.differences == []
    assert found.owed == len(row) - 2


# Files that changed


def test_a_change_that_is_not_synced_is_drift(bench: Workbench) -> None:
    """A file that was rewritten, added or removed differs until the next sync."""
    first, second = write_workload(bench.root, 2)
    bench.sync()
    changed = bench.root / first / "backend.json"
    changed.write_text(json.dumps(json.loads(changed.read_text()) | {"task": "another"}))
    (bench.root / first / "loki.json").write_text('{"status": "failed"}')
    (bench.root / second / "testing.json").unlink()
    paths = {each.path for each in checked(bench).differences}
    assert {f"{first}/backend.json", f"{first}/loki.json", f"{second}/testing.json"} <= paths
    bench.sync()
    assert checked(bench).differences == []


def test_a_session_that_is_not_synced_is_drift(bench: Workbench) -> None:
    """A directory that the database has not seen gives rows that it lacks."""
    write_workload(bench.root, 1)
    bench.sync()
    new, *_ = write_workload(bench.root, 1, first=5)
    found = checked(bench).differences
    assert ("sessions", new, None) in {each[:3] for each in found}
    assert all(each.held == "no row" for each in found)


def test_an_archived_session_is_left_alone(bench: Workbench) -> None:
    """Its rows cannot be confirmed and are not drift; they are counted."""
    first, *_ = write_workload(bench.root, 2)
    bench.sync()
    shutil.rmtree(bench.root / first)
    assert {each.path for each in checked(bench).differences} != set()
    bench.sync()
    found = checked(bench)
    assert (found.differences, found.archived, found.bundles) == ([], 1, 1)


def test_a_workspace_that_is_not_given_is_not_compared(bench: Workbench) -> None:
    """Rows of another root are neither strays nor drift."""
    with closing(Workbench(bench.root.with_name("web"), bench.database, "web")) as web:
        write_workload(bench.root, 2)
        write_workload(web.root, 3)
        bench.sync()
        web.sync()
        found = checked(bench)
        assert (found.differences, found.bundles) == ([], 2)
        assert verify([bench.source, web.source], bench.store).bundles == 5
