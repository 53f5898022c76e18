"""Databases of earlier releases: copied, migrated in one piece, and their past with them."""

import json
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from syncd.errors import StoreRefused, SyncdError
from syncd.families.compound_state import Options, compound_state
from syncd.history import changes, row_at, session_at, table_at
from syncd.stores.migrate import copies, pending_after
from syncd.stores.sql import SqlStore
from syncd.stores.sqlite import SQLite
from syncd_models.schema import VERSION
from tests.audit import LOGGED, State, walk_back
from tests.command import call
from tests.past import INSTANT, moment_of
from tests.processes import PATIENCE, environment
from tests.releases import ARCHIVED, CHANGED, LEFT, everything, on_disk, release, schema_of
from tests.stores.test_migrations import shape

FAMILY = compound_state(Options())


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Lend a database of the first schema, beside its state tree."""
    return release(1, tmp_path / "state")


def opened(path: Path) -> SqlStore:
    """Open a database as every writing command does."""
    database = SQLite(path)
    return SqlStore(database, database.open(), datetime.now)


def migrated(path: Path) -> Path:
    """Migrate a database."""
    opened(path).close()
    return path


def test_a_migrated_database_is_made_like_a_new_one(old: Path, tmp_path: Path) -> None:
    """Tables, columns, keys, indexes and views, whatever the release that began it."""
    assert schema_of(old) == 1
    assert shape(migrated(old)) == shape(migrated(tmp_path / "new.db"))
    assert schema_of(old) == VERSION


def test_the_copy_holds_what_the_database_held(old: Path) -> None:
    """Every row of every table, the schema too; there is one, and it bears schema and date."""
    before = everything(old)
    migrated(old)
    [copy] = copies(old, 1)
    assert everything(copy) == before
    assert schema_of(copy) == 1
    migrated(old)
    assert copies(old, 1) == [copy]
    assert [path.name for path in old.parent.glob("*.part")] == []


def test_every_old_row_is_there_after_it(old: Path) -> None:
    """Nothing that was held is changed; what is new is empty, but for the snapshots of the old changes."""
    before = everything(old)
    after = everything(migrated(old))
    for table, rows in before.items():
        if table != "the schema" and not table.startswith("alembic"):
            assert after[table] == rows, table
    new = {table for table, rows in after.items() if rows} - before.keys()
    assert new <= {"snapshots", "alembic_version"}


# The past


def moments(connection: sqlite3.Connection) -> Iterator[tuple[str, int]]:
    """Yield each time of the log with its last entry, and the time just before it."""
    found = connection.execute("SELECT at, MIN(seq), MAX(seq) FROM changes GROUP BY at ORDER BY at").fetchall()
    for at, first, last in found:
        yield at, last
        if first > 1:
            yield moment_of(at, -INSTANT), first - 1


def told(store: SqlStore, at: str) -> State:
    """Return what the past of all tables says of a time."""
    found = {table: table_at(store, FAMILY, table, at) for table in LOGGED}
    assert all(each.known for each in found.values())
    return {(table, row["id"]): row for table, each in found.items() for row in each.rows[table]}


def test_the_past_of_an_old_database_is_told_after_the_migration(old: Path) -> None:
    """At every moment of its log, all rows are those that a walk over the raw entries of the old file leads to."""
    migrated(old)
    with closing(opened(old)) as store, closing(sqlite3.connect(copies(old, 1)[0])) as raw:
        asked = [*moments(raw)]
        assert len(asked) == 9
        for at, seq in asked:
            wanted = walk_back(raw, seq)
            assert told(store, at) == wanted, at
            for (table, row_id), row in wanted.items():
                assert row_at(store, FAMILY, table, row_id, at).rows == {table: [row]}
        first = moment_of(asked[0][0], -INSTANT)
        assert not table_at(store, FAMILY, "tasks", first).known
        assert not session_at(store, FAMILY, FAMILY.bundle_named(CHANGED), first).known


def test_the_history_of_a_file_that_went_back_and_forth_is_told(old: Path) -> None:
    """A, B, A: two changes, of generation 2 and 3, and B between them."""
    migrated(old)
    with closing(opened(old)) as store:
        events = changes(store, "tasks", LEFT)
        assert [event.generation for event in events] == [2, 3]
        words = [row_at(store, FAMILY, "tasks", LEFT, event.at).rows["tasks"][0] for event in events]
        between = row_at(store, FAMILY, "tasks", LEFT, moment_of(events[1].at, -INSTANT)).rows["tasks"][0]
        before = row_at(store, FAMILY, "tasks", LEFT, moment_of(events[0].at, -INSTANT)).rows["tasks"][0]
        assert between == words[0] != words[1] == before
        archived = row_at(store, FAMILY, "sessions", ARCHIVED, moment_of(events[1].at, timedelta(0)))
        assert archived.rows["sessions"][0]["archived_at"] is None


def test_snapshots_of_a_long_old_log_cross_its_epochs(old: Path) -> None:
    """What changed long before the end of the log is found from the snapshot of a later epoch."""
    with closing(sqlite3.connect(old)) as connection, connection:
        [(last, at)] = connection.execute("SELECT seq, at FROM changes ORDER BY seq DESC LIMIT 1")
        [words] = connection.execute("SELECT description FROM tasks WHERE id = ?", (LEFT,)).fetchone()
        entries = []
        for seq in range(last + 1, last + 17_000):
            new = f"{words} {seq}"
            pair = (json.dumps({"description": words_before(words, seq, last)}), json.dumps({"description": new}))
            entries.append((seq, moment_of(at, seq * timedelta(seconds=1)), CHANGED, "tasks", LEFT, "u", *pair, "sync"))
        text = "INSERT INTO changes (seq, at, bundle, table_name, row_id, op, before, after, cause) VALUES "
        connection.executemany(f"{text} (?, ?, ?, ?, ?, ?, ?, ?, ?)", entries)
        connection.execute("UPDATE tasks SET description = ? WHERE id = ?", (new, LEFT))
    migrated(old)
    with closing(opened(old)) as store:
        snapshots = store.query("SELECT epoch FROM snapshots WHERE row_id = ? ORDER BY epoch", (LEFT,))
        assert snapshots == [(0,), (1,), (2,)]
        for seq in (last + 1, 8_191, 8_192, 8_193, 16_383, 16_384, last + 16_999):
            then = moment_of(at, seq * timedelta(seconds=1))
            [row] = row_at(store, FAMILY, "tasks", LEFT, then).rows["tasks"]
            assert row["description"] == f"{words} {seq}"
        assert told(store, at)["tasks", LEFT]["description"] == words


def words_before(words: str, seq: int, last: int) -> str:
    """Return what a task was before one of the entries that are made up."""
    return words if seq == last + 1 else f"{words} {seq - 1}"


# Refusals


def test_a_reader_of_an_old_schema_says_what_to_do(old: Path) -> None:
    """And changes nothing."""
    before = on_disk(old.parent)
    with pytest.raises(StoreRefused, match="up-to-date schema") as caught:
        SQLite(old).open_readonly()
    assert "syncd migrate" in caught.value.hint
    assert on_disk(old.parent) == before


def test_a_newer_schema_is_refused_and_left_alone(old: Path) -> None:
    """By whoever reads, and by whoever would write."""
    with closing(sqlite3.connect(old)) as connection:
        connection.execute(f"PRAGMA user_version={VERSION + 1}")
    before = on_disk(old.parent)
    for way in (SQLite(old).open, SQLite(old).open_readonly):
        with pytest.raises(StoreRefused, match="newer syncd"):
            way()
    assert on_disk(old.parent) == before


def test_what_is_pending_is_named_in_order() -> None:
    """From the first schema on, all of them; from this one, none."""
    names = pending_after(1)
    assert [int(name.split()[0]) for name in names] == [*range(2, VERSION + 1)]
    assert all(len(name.split()) > 1 for name in names)
    assert pending_after(VERSION) == []


@pytest.mark.parametrize("name", ["a b?c#d%e.db", "été*[x].sqlite", "mode=ro&.db"])
def test_a_database_of_any_name_is_migrated(old: Path, name: str) -> None:
    """What means something in a URL or in a pattern means nothing here."""
    odd = old.rename(old.with_name(name))
    before = everything(odd)
    assert schema_of(migrated(odd)) == VERSION
    [copy] = copies(odd, 1)
    assert everything(copy) == before
    assert {path.name.split(".schema-")[0] for path in odd.parent.glob("*.bak")} == {name}


# Failures and kills


def test_a_migration_that_fails_leaves_the_old_schema_and_says_so(old: Path) -> None:
    """A table in the way is an error of ours, not a traceback; once it is gone, the migration goes through."""
    with closing(sqlite3.connect(old)) as connection:
        connection.execute("CREATE TABLE user_commands (word TEXT)")
    before = everything(old)
    with pytest.raises(SyncdError, match="already exists") as caught:
        opened(old)
    assert caught.value.hint
    assert everything(old) == before
    with closing(sqlite3.connect(old)) as connection:
        connection.execute("DROP TABLE user_commands")
    assert schema_of(migrated(old)) == VERSION


KILLED = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import Engine, event
from syncd.stores.sqlite import SQLite

left = int(sys.argv[2])

def count(*_):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

event.listen(Engine, "before_cursor_execute", count)
SQLite(Path(sys.argv[1])).open().close()
print(left)
"""
ENOUGH = 10**6


def killed(database: Path, statements: int) -> int | None:
    """Migrate in a process that is killed before one of its statements; return how many it took else."""
    line = [sys.executable, "-c", KILLED, str(database), str(statements)]
    done = subprocess.run(line, env=environment(measured=False), capture_output=True, text=True, check=False)
    assert done.returncode in {0, -signal.SIGKILL}, done.stderr
    return statements - int(done.stdout) if done.returncode == 0 else None


def finished(database: Path, before: Mapping[str, object], after: Mapping[str, object]) -> None:
    """Hold a database to the old schema or the new one, then finish what was begun."""
    assert everything(database) == {1: before, VERSION: after}[schema_of(database)]
    assert everything(migrated(database)) == after


def kill_again_and_again(folder: Path, times: int) -> None:
    """Kill before statements drawn at random from a whole migration; print what is needed to do it again."""
    whole = release(1, folder / "whole")
    before = everything(whole)
    statements = killed(whole, ENOUGH)
    assert statements is not None
    after = everything(whole)
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}, {statements} statements")  # noqa: T201
    points = range(1, statements + 1)
    for number in random.Random(seed).sample(points, min(times, statements)):
        database = release(1, folder / str(number))
        assert killed(database, number) is None
        finished(database, before, after)


def test_a_migration_that_is_killed_leaves_one_schema_or_the_other(tmp_path: Path) -> None:
    """Before whichever statement the kill comes, the next that opens the database finishes."""
    kill_again_and_again(tmp_path, 3)


@pytest.mark.soak
def test_a_migration_may_be_killed_anywhere(tmp_path: Path) -> None:
    """Before each of its statements, one after the other."""
    kill_again_and_again(tmp_path, ENOUGH)


def test_a_migrating_command_may_be_killed_at_any_time(tmp_path: Path) -> None:
    """Also while it copies the database, or has just committed."""
    whole = release(1, tmp_path / "whole")
    before, after = everything(whole), everything(migrated(whole))
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201
    for number, seconds in enumerate(random.Random(seed).uniform(0.1, 1.2) for _ in range(3)):
        database = release(1, tmp_path / str(number))
        line = [sys.executable, "-m", "syncd", "migrate", "--database", str(database)]
        process = subprocess.Popen(line, env=environment(measured=False), stdout=subprocess.DEVNULL, cwd=tmp_path)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
        process.wait(PATIENCE)
        finished(database, before, after)


@pytest.mark.parametrize("schema", range(1, VERSION + 1))
def test_a_database_of_each_release_is_taken_over(tmp_path: Path, schema: int) -> None:
    """It is brought up to date, loses nothing of its past, and is level with its files."""
    database = release(schema, tmp_path / "state")
    assert schema_of(database) == schema
    options = ("--root", tmp_path / "state")
    assert call("sync", *options).code == 1  # one file is torn, as it was
    assert schema_of(database) == VERSION
    verified = call("verify", "--json", *options)
    assert (verified.code, verified.facts["archived"]) == (0, 1)
    told = call("history", "tasks", LEFT, "--json", *options).facts["changes"]
    assert [change["generation"] for change in told] == [2, 3]
    assert call("sync", *options, "--json").facts["rows"] == {"created": 0, "updated": 0, "deleted": 0}
