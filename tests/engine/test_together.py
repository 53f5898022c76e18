"""Several at once on one database: they wait for each other, and what they leave is what one would have left."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.audit import audit, rows_of
from tests.processes import ended, start, syncd
from tests.workload import AGENTS, write_workload

SESSIONS = 400


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Lend a root with sessions in it."""
    write_workload(tmp_path / "state", SESSIONS)
    return tmp_path / "state"


@contextmanager
def write_lock(database: Path) -> Iterator[sqlite3.Connection]:
    """Hold the database's own write lock, as another program would."""
    with closing(sqlite3.connect(database, isolation_level=None, check_same_thread=False)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        finally:
            connection.execute("ROLLBACK")


def change_one(root: Path) -> Path:
    """Rewrite one agent file, so that the next sync has something to write."""
    path = min(root.glob("*/backend.json"))
    path.write_text('{"status": "failed", "error": "changed"}')
    return path


def changed_status(database: Path) -> str:
    """Return the error of the task whose file was changed."""
    with closing(sqlite3.connect(database)) as connection:
        text = "SELECT COALESCE(error_message, '') FROM tasks WHERE id LIKE '%-backend' ORDER BY id LIMIT 1"
        return str(connection.execute(text).fetchone()[0])


@pytest.mark.parametrize("count", [2, 8])
def test_syncs_that_start_together_leave_what_one_leaves(root: Path, tmp_path: Path, count: int) -> None:
    """So many cold syncs at once: nobody errs, each row is there once, each session is read for the first time once."""
    alone, shared = tmp_path / "alone.db", tmp_path / "shared.db"
    assert syncd("sync", root, alone).returncode == 0
    processes = [start("sync", root, shared) for _ in range(count)]
    for process in processes:
        done = ended(process)
        assert (done.returncode, done.stderr) == (0, "")
    assert rows_of(shared) == rows_of(alone)
    audit(shared, root)
    with closing(sqlite3.connect(shared)) as connection:
        assert connection.execute("SELECT COUNT(*) FROM changes WHERE op = 'r'").fetchone() == (SESSIONS,)
        assert connection.execute("SELECT COUNT(*) FROM changes WHERE op <> 'r'").fetchone() == (0,)


def test_a_short_foreign_write_is_waited_for(root: Path, tmp_path: Path) -> None:
    """Another program that writes for one second delays a sync and does not fail it."""
    database = tmp_path / "test.db"
    assert syncd("sync", root, database).returncode == 0
    change_one(root)
    with write_lock(database):
        process = start("sync", root, database)
        time.sleep(1.0)
        assert process.poll() is None
    done = ended(process)
    assert (done.returncode, done.stderr) == (0, "")
    assert changed_status(database) == "changed"


def test_a_long_foreign_write_ends_a_sync_with_a_clear_message(root: Path, tmp_path: Path) -> None:
    """A sync that may not write for five seconds says so, leaves the rows as they were, and the next one catches up."""
    database = tmp_path / "test.db"
    assert syncd("sync", root, database).returncode == 0
    before = rows_of(database)
    change_one(root)
    with write_lock(database):
        done = syncd("sync", root, database)
    assert done.returncode == 1
    assert "is locked" in done.stderr
    assert "Another program is writing to it; try again when it has finished." in done.stderr
    assert "Traceback" not in done.stderr
    assert rows_of(database) == before
    assert syncd("sync", root, database).returncode == 0
    assert changed_status(database) == "changed"
    audit(database, root)


def test_a_long_reader_neither_waits_nor_is_waited_for(root: Path, tmp_path: Path) -> None:
    """A reader keeps its moment of the database while a sync writes; neither holds the other up."""
    database = tmp_path / "test.db"
    assert syncd("sync", root, database).returncode == 0
    count = "SELECT COUNT(*) FROM tasks WHERE error_message = 'changed'"
    with closing(sqlite3.connect(database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute(count).fetchone() == (0,)
        change_one(root)
        assert syncd("sync", root, database).returncode == 0
        assert reader.execute(count).fetchone() == (0,)
        reader.execute("COMMIT")
        assert reader.execute(count).fetchone() == (1,)


def test_a_reader_never_sees_half_a_session(root: Path, tmp_path: Path) -> None:
    """At every moment of a cold sync, each session that is there has all its tasks."""
    database = tmp_path / "test.db"
    join = "sessions s LEFT JOIN tasks t ON t.session_id = s.id"
    half = f"SELECT s.id, COUNT(t.id) FROM {join} GROUP BY s.id HAVING COUNT(t.id) <> {len(AGENTS)}"  # noqa: S608
    seen: list[list[tuple[str, int]]] = []
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            if database.exists():
                with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as reader:
                    if reader.execute("SELECT COUNT(*) FROM sqlite_master WHERE name = 'tasks'").fetchone() == (1,):
                        seen.append(reader.execute(half).fetchall())

    thread = threading.Thread(target=read)
    thread.start()
    try:
        assert syncd("sync", root, database).returncode == 0
    finally:
        over.set()
        thread.join()
    assert seen
    assert all(found == [] for found in seen)
