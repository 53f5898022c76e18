"""A commit beside the next decision changes when things happen, and nothing else."""

import sys
import threading
from pathlib import Path

import pytest

from syncd.beside import batched, beside
from syncd.engine import BATCH
from tests.workbench import Workbench

SESSIONS = 2 * BATCH + 50


def many_sessions(root: Path) -> None:
    """Write more sessions than two transactions take, each with one agent file."""
    for n in range(SESSIONS):
        folder = root / f"session-{n:04d}"
        folder.mkdir(parents=True)
        (folder / "backend.json").write_text('{"status": "done", "task": "count"}')


def test_what_is_started_runs_in_one_other_thread() -> None:
    """The caller goes on, and waits only when it asks for the result."""
    with beside() as start:
        threads = [start(threading.current_thread)() for _ in range(3)]
    assert len(set(threads)) == 1
    assert threads[0] is not threading.current_thread()


def test_what_fails_beside_is_raised_where_it_is_waited_for() -> None:
    """The error arrives whole, and the interpreter's habits are as before."""
    usual = sys.getswitchinterval()
    with pytest.raises(ZeroDivisionError), beside() as start:
        start(lambda: 1 // 0)()
    assert sys.getswitchinterval() == usual


def test_slices_cover_everything_in_order() -> None:
    """No slice is larger than asked for, and nothing is left out."""
    assert [*batched("abcdefg", 3)] == ["abc", "def", "g"]


def test_many_transactions_hold_every_session(bench: Workbench) -> None:
    """Each session is there once, and a second sync finds nothing to do."""
    many_sessions(bench.root)
    assert len(bench.sync()) == SESSIONS
    assert bench.store.query("SELECT COUNT(*) FROM tasks") == [(SESSIONS,)]
    assert bench.sync() == []


def test_a_row_that_is_refused_beside_costs_its_file_only(bench: Workbench) -> None:
    """The batch is narrowed down while another is decided: all others are in, in every batch."""
    many_sessions(bench.root)
    with bench.store.transaction() as connection:
        connection.execute(
            "CREATE TRIGGER picky BEFORE INSERT ON tasks WHEN NEW.id = 'task-session-0007-backend' "
            "BEGIN SELECT RAISE(ABORT, 'not this one'); END"
        )
    bench.sync()
    assert bench.store.query("SELECT COUNT(*) FROM tasks") == [(SESSIONS - 1,)]
    [(path, reason)] = bench.store.query("SELECT path, reason FROM quarantine")
    assert path == "session-0007/backend.json"
    assert "not this one" in reason
