"""What is too old goes, and what is left is still what it was."""

import json
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.core.moments import moment_text
from syncd.history import row_at, session_at, table_at
from syncd.prune import Pruned, prune
from syncd.verify import verify
from syncd_models.schema import TABLES
from tests.past import INSTANT, NEVER, SIZES, Chronicle, Event, bundle, chronicle, moment_of, pasts, relive
from tests.processes import environment
from tests.trees import Tree, write_tree
from tests.workbench import Workbench

Past = tuple[Tree, list[Event]]
sizes = st.sampled_from(SIZES)
workspaces = st.sampled_from(("default", "default", "web"))


@given(pasts(pruned=True), sizes, workspaces)
def test_what_is_left_is_still_what_it_was(past: Past, epoch: int, workspace: str) -> None:
    """Pruned at any moment, later ones are as before and earlier ones are unknown."""
    relive(past, epoch, workspace)


@pytest.mark.soak
@settings(max_examples=3000)
@given(pasts(pruned=True), sizes, workspaces)
def test_what_is_left_of_many_pasts_is_still_what_it_was(past: Past, epoch: int, workspace: str) -> None:
    """The same, thousands of times."""
    relive(past, epoch, workspace)


# Sessions

DAY = timedelta(days=1)
LEDGER = ("file_versions", "files", "racy_files", "quarantine")


def text(words: str, **more: object) -> bytes:
    """Return a state file with this task, and a metric that stays."""
    return json.dumps({"status": "running", "task": words, "metrics": {"n": 1}, **more}).encode()


def write(told: Chronicle, path: str, words: str, **more: object) -> str:
    """Write one file, sync, and return the time of the change log."""
    write_tree(told.bench.root, {path: text(words, **more)})
    told.sync()
    return told.bench.store.log_moment()


def leave(told: Chronicle, name: str) -> None:
    """Let a session vanish."""
    shutil.rmtree(told.bench.root / name)
    told.sync()


def clean(told: Chronicle) -> bool:
    """Tell whether verify finds nothing and the log still leads to every moment."""
    told.check()
    return verify([told.bench.source], told.bench.store).differences == []


def all_but_runs(told: Chronicle) -> dict[str, list[tuple[Any, ...]]]:
    """Return everything that the database holds, less what is remembered of runs."""
    return {table: rows for table, rows in told.bench.dump().items() if table != "runs"}


def days(told: Chronicle, archived: int, entries: int, *, dry: bool = False) -> Pruned:
    """Prune what is older than so many days by the clock."""
    return prune(told.bench.store, told.bench.family, told.clock.now, (archived, entries), dry=dry)


def traces(told: Chronicle, name: str) -> list[str]:
    """Return the tables that still say anything of a session, less the entry that it was pruned."""
    found = []
    for table, rows in told.bench.dump().items():
        said = [row for row in rows if any(name in str(value) for value in row) and "prune" not in row]
        found += [table] if said else []
    return found


def several(told: Chronicle) -> None:
    """Archive a session 10 days ago and another 5 days ago, and keep a third: each with a past of its own."""
    for name in ("session-old", "session-young", "session-here"):
        write(told, f"{name}/backend.json", "A")
        told.wait(DAY)
        write(told, f"{name}/backend.json", "B", blockers=["no key"], leads=[{"name": "Ann"}])
        write(told, f"{name}/gone.json", "gone")
        (told.bench.root / name / "gone.json").unlink()
        told.sync()
        write_tree(told.bench.root, {f"{name}/bad.json": b"{"})
        told.sync()
    for name in ("session-old", "session-young"):
        leave(told, name)
        told.wait(5 * DAY)


def test_old_archives_go_with_all_that_was_known_of_them() -> None:
    """Rows, versions, changes and snapshots leave; a younger archive and a living session stay as they are."""
    with chronicle(epoch=3) as told:
        several(told)
        before = told.bench.rows()
        found = days(told, 7, NEVER)
        assert (found.sessions, found.changes_before) == (["session-old"], None)
        assert traces(told, "session-old") == []
        after = told.bench.rows()
        for table, rows in before.items():
            assert after[table] == {row_id: row for row_id, row in rows.items() if "session-old" not in row_id}, table
        assert {*traces(told, "session-young")} >= {"sessions", "tasks", "metrics", "leads", "changes", "snapshots"}
        assert verify([told.bench.source], told.bench.store).differences == []


@pytest.mark.parametrize(("archived", "gone"), [(11, 0), (10, 0), (9, 1), (6, 1), (5, 1), (4, 2), (0, 2)])
def test_so_many_days_are_so_many(archived: int, gone: int) -> None:
    """What is exactly as old as the limit stays; a day more and it goes."""
    with chronicle() as told:
        several(told)
        assert len(days(told, archived, NEVER).sessions) == gone


def test_the_second_time_nothing_is_left_to_remove() -> None:
    """Neither of sessions nor of the log, and nothing is written but the run."""
    with chronicle(epoch=3) as told:
        several(told)
        found = days(told, 7, 6)
        assert found.sessions
        assert found.changes
        before = all_but_runs(told)
        again = days(told, 7, 6)
        assert (again.sessions, again.rows, again.changes) == ([], 0, 0)
        assert again.changes_before == found.changes_before
        assert all_but_runs(told) == before


def test_a_dry_run_says_what_the_real_one_does_and_writes_nothing() -> None:
    """Not even that there was one."""
    with chronicle(epoch=3) as told:
        several(told)
        before = told.bench.dump()
        said = days(told, 7, 6, dry=True)
        assert told.bench.dump() == before
        entries = told.bench.store.query("SELECT COUNT(*) FROM changes")[0][0]
        assert days(told, 7, 6) == said
        left = told.bench.store.query("SELECT COUNT(*) FROM changes WHERE cause <> 'prune'")[0][0]
        assert entries - left == said.changes > 0


def test_a_pruned_session_that_comes_back_is_read_as_new() -> None:
    """Its past begins anew; its rows are those of its files, and nothing that was owed before."""
    with chronicle(epoch=2) as told:
        first = write(told, "session-1/backend.json", "A", startTime="2026-02-08T10:00:00Z")
        write(told, "session-2/backend.json", "other")
        told.wait(DAY)
        leave(told, "session-1")
        told.wait(DAY)
        told.prune(moment_text(told.clock.now) or "", changes=False)
        told.wait(DAY)
        between = told.bench.store.log_moment()
        told.wait(DAY)
        back = write(told, "session-1/backend.json", "B")
        store, family = told.bench.store, told.bench.family
        [row] = row_at(store, family, "tasks", "task-session-1-backend", back).rows["tasks"]
        assert (row["description"], row["started_at"]) == ("B", None)
        assert store.query("SELECT generation FROM files WHERE path = 'session-1/backend.json'") == [(1,)]
        for at in (first, between):
            assert not session_at(store, family, bundle("session-1"), at).known
            assert not row_at(store, family, "tasks", "task-session-1-backend", at).known
        assert clean(told)


def test_a_row_of_a_pruned_session_was_not_absent_but_is_unknown() -> None:
    """Nobody says of a time before the prune that there was no such row; afterwards there is none."""
    with chronicle() as told:
        first = write(told, "session-1/backend.json", "A")
        write(told, "session-2/backend.json", "other")
        leave(told, "session-1")
        told.wait(DAY)
        told.prune(moment_text(told.clock.now) or "", changes=False)
        store, family = told.bench.store, told.bench.family
        for table, row_id in (("tasks", "task-session-1-backend"), ("sessions", "session-1")):
            assert not row_at(store, family, table, row_id, first).known
            now = row_at(store, family, table, row_id, store.log_moment())
            assert (now.known, now.rows) == (True, {table: []})
        assert row_at(store, family, "tasks", "task-session-2-backend", first).known


def test_a_session_that_came_back_is_not_pruned() -> None:
    """However long it was away."""
    with chronicle() as told:
        several(told)
        write(told, "session-old/backend.json", "back")
        assert days(told, 7, NEVER).sessions == []
        assert clean(told)


def test_a_session_that_comes_back_while_it_is_pruned_stays() -> None:
    """Another process reads it after the list was made and before its turn comes."""
    with chronicle() as told:
        several(told)
        came: list[str] = []

        def come_back(statement: str) -> None:
            if statement.startswith("SELECT COUNT(*)") and not came:
                came.append(statement)
                write_tree(told.bench.root, {"session-old/backend.json": text("back")})
                with closing(Workbench(told.bench.root, told.bench.database)) as other:
                    other.sync()

        told.bench.store.connection.set_trace_callback(come_back)
        found = days(told, 4, NEVER)
        told.bench.store.connection.set_trace_callback(None)
        assert came
        assert found.sessions == ["session-young"]
        [row] = told.bench.store.records("SELECT archived_at FROM sessions WHERE id = 'session-old'")
        assert row["archived_at"] is None
        assert verify([told.bench.source], told.bench.store).differences == []


# The log


def test_entries_go_and_later_moments_stay() -> None:
    """Of what was before, tables, sessions and rows say that it is unknown; what came later is as it was."""
    with chronicle(epoch=4) as told:
        several(told)
        cutoff = moment_text(told.clock.now - 6 * DAY) or ""
        found = told.prune(cutoff, sessions=False)
        assert found.changes_before == cutoff
        assert told.bench.store.horizon() == cutoff
        assert told.forgotten
        early = moment_of(cutoff, -INSTANT)
        assert table_at(told.bench.store, told.bench.family, "tasks", early).since == cutoff
        assert table_at(told.bench.store, told.bench.family, "tasks", cutoff).known
        assert clean(told)


def test_the_log_keeps_its_last_entry_and_its_count() -> None:
    """However little is kept, new entries go on from the last number, and times go on from its time."""
    with chronicle(epoch=2) as told:
        several(told)
        last = told.bench.store.log.last()
        told.wait(DAY)
        told.prune(moment_text(told.clock.now) or "", sessions=False)
        assert told.bench.store.query("SELECT seq, at FROM changes") == [last]
        told.wait(-30 * DAY)
        write(told, "session-here/backend.json", "C")
        entries = told.bench.store.query("SELECT seq, at FROM changes ORDER BY seq")
        assert [seq for seq, _ in entries] == [*range(last[0], last[0] + len(entries))]
        assert {at for _, at in entries} == {last[1]}
        told.wait(60 * DAY)
        write(told, "session-here/backend.json", "D")
        assert clean(told)


def test_snapshots_go_with_the_entries_that_they_stand_for() -> None:
    """None is left that no moment needs, and each that is left has its entry."""
    with chronicle(epoch=3) as told:
        several(told)
        told.prune(moment_text(told.clock.now - 6 * DAY) or "")
        orphans = """SELECT table_name, row_id, epoch FROM snapshots s WHERE NOT EXISTS (SELECT 1 FROM changes c
            WHERE c.table_name = s.table_name AND c.row_id = s.row_id AND c.seq / 3 = s.epoch)"""
        assert told.bench.store.query(orphans) == []
        assert clean(told)


def test_a_database_without_a_past_has_nothing_to_prune() -> None:
    """Neither before the first sync nor right after it."""
    with chronicle() as told:
        assert days(told, 0, 0) == Pruned(moment_text(told.clock.now) or "", None)
        write(told, "session-1/backend.json", "A")
        assert days(told, 0, 0) == Pruned(moment_text(told.clock.now) or "", None)


# Killed

KILLED = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from syncd import prune as module
from syncd.families.compound_state import Options, compound_state
from syncd.stores.changelog import ChangeLog
from syncd.stores.sql import SqlStore
from syncd.stores.sqlite import SQLite

path, epoch = Path(sys.argv[1]), int(sys.argv[2])
now, left = datetime.fromisoformat(sys.argv[3]), int(sys.argv[4])
module.BATCH, module.CHUNK = 1, 2
database = SQLite(path)
store = SqlStore(database, database.open(), lambda: now)
store.log = ChangeLog(store, epoch)

def count(statement):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

store.connection.set_trace_callback(count)
module.prune(store, compound_state(Options()), now, (7, 6))
print(left)
"""
ENOUGH = 10**6


def killed(database: Path, now: datetime, statements: int) -> int | None:
    """Prune a database in a process that is killed before one of its statements; return how many it took else."""
    line = [sys.executable, "-c", KILLED, str(database), "3", now.isoformat(), str(statements)]
    done = subprocess.run(line, env=environment(measured=False), capture_output=True, text=True, check=False)
    assert done.returncode in {0, -signal.SIGKILL}, done.stderr
    return statements - int(done.stdout) if done.returncode == 0 else None


def copied(database: Path, to: Path) -> Path:
    """Copy a database with what is still in its journal."""
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)
    return to


def contents(database: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table, less what is remembered of runs and the order in which sessions were pruned."""
    with closing(sqlite3.connect(database)) as connection:
        return {
            table: sorted(connection.execute(f'SELECT * FROM "{table}"').fetchall(), key=repr)  # noqa: S608  ours
            for table in TABLES
            if table != "runs"
        }


def kill_again_and_again(folder: Path, times: int) -> None:
    """Kill before statements drawn at random from a whole run; print what is needed to do it again."""
    with chronicle(epoch=3) as told:
        several(told)
        several_more(told)
        now = told.clock.now
        whole = copied(told.bench.database, folder / "whole.db")
        statements = killed(whole, now, ENOUGH)
        assert statements is not None
        seed = random.SystemRandom().randrange(2**32)
        print(f"seed {seed}, {statements} statements")  # noqa: T201
        points = range(1, statements + 1)
        drawn = random.Random(seed).sample(points, min(times, statements))
        for number in {*drawn, statements - 1}:  # the last ones remove snapshots whose entries are gone by then
            cut = copied(told.bench.database, folder / f"{number}.db")
            assert killed(cut, now, number) is None
            assert killed(cut, now, ENOUGH) is not None
            assert contents(cut) == contents(whole), number


def test_a_prune_that_is_killed_is_finished_by_the_next(tmp_path: Path) -> None:
    """Before whichever statement the kill comes, the next run leads to what one whole run leads to."""
    kill_again_and_again(tmp_path, 6)


@pytest.mark.soak
def test_a_prune_may_be_killed_anywhere(tmp_path: Path) -> None:
    """Before each of its statements, one after the other."""
    kill_again_and_again(tmp_path, ENOUGH)


def several_more(told: Chronicle) -> None:
    """Archive another old session, so that one may be pruned when the kill comes, and the other not."""
    told.wait(-20 * DAY)
    write(told, "session-older/backend.json", "A")
    write(told, "session-older/backend.json", "B")
    leave(told, "session-older")
    told.wait(40 * DAY)
    write(told, "session-here/backend.json", "C")
