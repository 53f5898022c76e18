"""What it takes to ask the change log, and what becomes of the answer when others write meanwhile."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from itertools import count

import pytest

from syncd.core.walk import Record
from syncd.stores.changelog import ChangeLog
from syncd.stores.sql import SqlStore
from syncd_models.schema import TABLES
from syncd_models.values import Bundle, Change, Step
from tests.workbench import Workbench
from tests.workload import write_workload

SIZE = 8
SESSIONS = 30
STATUS = TABLES["tasks"].columns.index("status")
WORDS = ("pending", "in_progress")


@pytest.fixture
def synced(bench: Workbench) -> Workbench:
    """Lend a workbench whose rows have never changed, and whose log has small epochs."""
    write_workload(bench.root, SESSIONS)
    bench.store.log = ChangeLog(bench.store, SIZE)
    bench.sync()
    return bench


@contextmanager
def reader(bench: Workbench) -> Iterator[SqlStore]:
    """Lend a store that reads beside the other one."""
    database = bench.store.database
    with closing(SqlStore(database, database.open_readonly(), datetime.now)) as store:
        store.log = ChangeLog(store, SIZE)
        yield store


def change(bench: Workbench, times: int) -> None:
    """Let the status of every task change so many times."""
    for n in range(times):
        rows = bench.store.query("SELECT * FROM tasks")
        steps = []
        for row in rows:
            after = (*row[:STATUS], WORDS[n % 2], *row[STATUS + 1 : -1])
            bundle = Bundle(bench.workspace, row[1])
            change = Change("tasks", row[0], row[:-1], after)
            steps.append(Step(bundle, changes=(change,), generations={row[-2]: n + 2}))
        bench.store.apply(bench.family, steps, "scan")


def rewrite(bench: Workbench, turn: int) -> None:
    """Let one agent write its file anew, another one each turn, so that rows change, come and go; and sync."""
    paths = sorted(bench.root.glob("*/backend.json"))
    path = paths[turn % len(paths)]
    document = json.loads(path.read_text(encoding="utf-8"))
    items = [{"id": f"more-{n}", "description": f"in turn {turn}"} for n in range(4) if n != turn % 4]
    document |= {"status": ("running", "failed")[turn % 2], "tasks": items, "completedTasks": []}
    path.write_text(json.dumps(document), encoding="utf-8")
    bench.sync()


def states(store: SqlStore, seq: int) -> dict[str, dict[str, Record]]:
    """Return the rows of some tables as they were after an entry."""
    return {table: store.log.state(table, seq) for table in ("tasks", "task_items", "sessions")}


def interrupted(bench: Workbench, store: SqlStore, seq: int, at: int) -> tuple[dict[str, dict[str, Record]], bool]:
    """Ask for rows, let others commit before one of the questions that takes, and tell whether it came to that."""
    asked = count()
    done: list[int] = []

    def trace(_: str) -> None:
        if next(asked) == at:
            rewrite(bench, SESSIONS + at)  # the files of turn `at`, with other content
            done.append(at)

    store.connection.set_trace_callback(trace)
    try:
        return states(store, seq), bool(done)
    finally:
        store.connection.set_trace_callback(None)


@pytest.mark.parametrize("changes", [0, 1, 3, 20])
def test_a_commit_between_two_questions_changes_no_answer(changes: int, synced: Workbench) -> None:
    """Whichever two, and whether the entry lies in the last epoch or in one that is long gone."""
    for turn in range(changes):
        rewrite(synced, turn)
    seq = synced.store.log.last()[0]
    with reader(synced) as store:
        was = states(store, seq)
        assert was == {table: synced.rows([table])[table] for table in was}
        for at in count():
            found, happened = interrupted(synced, store, seq, at)
            assert found == was, at
            if not happened:
                break
        assert 2 * len(was) < at < SESSIONS  # each commit changed rows that had not changed since
        assert synced.store.log.last()[0] > seq


def effort(store: SqlStore, seq: int) -> int:
    """Count the instructions of SQLite that it takes to learn a table's state after an entry."""
    taken = 0

    def step() -> None:
        nonlocal taken
        taken += 1

    store.connection.set_progress_handler(step, 1)
    store.log.state("tasks", seq)
    store.log.first_read_after(seq)
    store.connection.set_progress_handler(None, 0)
    return taken


def test_a_whole_table_costs_the_same_however_long_the_log(synced: Workbench) -> None:
    """Entries of later epochs are not read."""
    change(synced, 5)
    seq = synced.store.log.last()[0]
    change(synced, 5)
    with reader(synced) as store:
        before = effort(store, seq)
        change(synced, 100)
        assert effort(store, seq) < 1.2 * before
