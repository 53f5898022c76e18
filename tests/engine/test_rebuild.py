"""Rebuilt from files and what the past owes: nothing is lost, what was wrong is mended, or the old one stays."""

import json
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.core.patience import Patience
from syncd.engine import Pass
from syncd.errors import SourceUnavailable, StoreRefused, StoreUnavailable, SyncdError
from syncd.rebuild import Rebuilt, rebuild
from syncd.stores import sqlite
from syncd.verify import verify
from syncd_models.schema import TABLES
from tests.trees import Edit, Tree, apply_edit, edits, trees, write_tree
from tests.workbench import Workbench, workbench
from tests.workload import write_workload

Dump: TypeAlias = dict[str, list[tuple[Any, ...]]]
EXAMPLES = settings().max_examples * 3 // 5
"""Of each property: each example is a whole history."""
STICKY = frozenset({"started_at", "duration_seconds"})


def impatient(*, mirror: bool = False) -> Pass:
    """Return a pass that takes every absence at its word."""
    return Pass(cause="sync", accept_missing=True, mirror=mirror, patience=Patience(grace=0.0))


def rebuilt(bench: Workbench, run: Pass | None = None, on_stage: Callable[[str], None] = lambda _: None) -> Rebuilt:
    """Rebuild the database of a workbench."""
    return rebuild([bench.source], bench.store, run or impatient(), on_stage)


def assert_sound(bench: Workbench) -> None:
    """Hold a database to SQLite's promises and to its files; nothing of the rebuild is left beside it."""
    assert bench.store.query("PRAGMA quick_check") == [("ok",)]
    assert bench.store.query("PRAGMA foreign_key_check") == []
    assert verify([bench.source], bench.store).differences == []
    assert [path.name for path in bench.database.parent.glob("*.rebuild*")] == []


# Nothing is lost


DATA_FILES = ("agents", "teams", "leads", "campaigns", "integrations")
ENTRIES = st.fixed_dictionaries(
    {"id": st.sampled_from(("agent-backend", "agent-new", "team-growth", "1", "lead-2"))},
    optional={
        "name": st.sampled_from(("One", "Two")),
        "status": st.sampled_from(("new", "won")),
        "team_id": st.sampled_from(("team-growth", "team-nowhere")),
        "domain": st.just("engineering"),
        "credentials": st.just({"token": "hidden"}),
    },
)
WHOLE = st.builds(
    Edit,
    st.just("write"),
    st.sampled_from(DATA_FILES).map("data/{}.json".format),
    st.lists(ENTRIES, max_size=3).map(lambda found: json.dumps(found).encode()),
)
TORN = st.builds(Edit, st.just("write"), st.just("data/leads.json"), st.just(b'[{"id": '))
DATA = st.one_of(WHOLE, TORN)


@dataclass(frozen=True)
class Removal:
    """A session directory that leaves as a whole."""

    number: int

    def apply(self, root: Path) -> None:
        """Remove one of the directories that there are."""
        there = sorted(path for path in root.iterdir() if path.is_dir())
        if there:
            shutil.rmtree(there[self.number % len(there)])


Happening: TypeAlias = Edit | Removal


@st.composite
def histories(draw: st.DrawFn) -> tuple[Tree, list[Happening]]:
    """Draw a tree, and what then becomes of its files, its directories and its data."""
    tree = draw(trees(max_sessions=3))
    removals = st.builds(Removal, st.integers(0, 9))
    happenings: list[Happening] = [*draw(edits(tree, max_size=6))]
    for more in draw(st.lists(st.one_of(DATA, removals), max_size=4)):
        happenings.insert(draw(st.integers(0, len(happenings))), more)
    return tree, happenings


def live_through(bench: Workbench, tree: Tree, happenings: Sequence[Happening], *, mirror: bool) -> None:
    """Sync after each thing that happens."""
    write_tree(bench.root, tree)
    bench.sync(impatient(mirror=mirror))
    for each in happenings:
        each.apply(bench.root) if isinstance(each, Removal) else apply_edit(bench.root, each)
        bench.sync(impatient(mirror=mirror))


@settings(max_examples=EXAMPLES)
@given(histories(), st.booleans(), st.booleans())
def test_a_rebuilt_database_equals_the_one_before(
    history: tuple[Tree, list[Happening]], mirrored: bool, mirror: bool,  # noqa: FBT001
) -> None:  # fmt: skip
    """Whatever happened to the files, every row of every table is as it was, under both policies for what is gone."""
    with workbench() as bench:
        live_through(bench, *history, mirror=mirrored)
        before = bench.dump()
        assert rebuilt(bench, impatient(mirror=mirror)).corrected == 0
        assert bench.dump() == before
        assert_sound(bench)
        assert bench.sync(impatient(mirror=mirror)) == []
        assert bench.dump() == before


@pytest.fixture
def past(bench: Workbench) -> Workbench:
    """Lend a database that owes something of each kind to the past."""
    _, other, *_, gone = write_workload(bench.root, 5)
    backend, frontend = (bench.root / other / f"{agent}.json" for agent in ("backend", "frontend"))
    (bench.root / "data").mkdir()
    (bench.root / "data" / "leads.json").write_text('[{"id": "1", "company": "Acme"}]')
    bench.sync()
    shutil.rmtree(bench.root / gone)
    for minute in range(3):  # the start is dropped, and each rewrite adds a point
        backend.write_text(json.dumps({"updatedAt": f"2026-02-08T10:0{minute}:00Z", "metrics": {"tokens": minute}}))
        bench.sync(impatient())
    frontend.write_text('{"status": "comp')
    (bench.root / other / "testing.json").unlink()
    bench.sync(impatient())
    bench.store.record("backup", bench.store.moment(), {"path": "/some/where"})
    return bench


def test_what_the_past_owes_is_still_there(past: Workbench) -> None:
    """Sticky times, retained points, refused files, archived sessions, versions, runs and the change log stay."""
    before = past.dump()
    owed = [
        past.store.query("SELECT COUNT(*) FROM sessions WHERE archived_at IS NOT NULL"),
        past.store.query("SELECT COUNT(*) FROM quarantine"),
        past.store.query("SELECT COUNT(*) > 3 FROM file_versions"),
        past.store.query("SELECT COUNT(*) FROM runs"),
        past.store.query(
            "SELECT COUNT(*) FROM tasks WHERE started_at IS NOT NULL AND source_path LIKE '%1/backend.json'"
        ),
        past.store.query("SELECT COUNT(*) FROM metrics WHERE source_path LIKE '%1/backend.json'"),
    ]
    assert owed == [[(1,)], [(1,)], [(1,)], [(1,)], [(1,)], [(5,)]]
    found = rebuilt(past)
    assert (found.corrected, found.held_back, found.verified.archived) == (0, None, 1)
    assert found.verified.owed > 0
    assert past.dump() == before
    assert_sound(past)


def test_an_archive_stays_where_the_policy_is_now_to_delete(past: Workbench) -> None:
    """What was archived before is owed, as it is to a sync."""
    before = past.dump()
    rebuilt(past, impatient(mirror=True))
    assert past.dump() == before


def test_another_workspace_that_is_not_given_is_kept_as_it_is(bench: Workbench) -> None:
    """Absence is judged under the given roots only."""
    with closing(Workbench(bench.root.with_name("web"), bench.database, "web")) as web:
        write_workload(bench.root, 2)
        write_workload(web.root, 3)
        bench.sync()
        web.sync()
        shutil.rmtree(web.root)
        before = bench.dump()
        assert rebuilt(bench).verified.bundles == 2
        assert bench.dump() == before


def test_several_roots_are_rebuilt_together(bench: Workbench) -> None:
    """Each root's rows are levelled with its own files."""
    with closing(Workbench(bench.root.with_name("web"), bench.database, "web")) as web:
        for each, count in ((bench, 2), (web, 3)):
            write_workload(each.root, count)
            each.sync()
        before = bench.dump()
        tamper(bench, "UPDATE tasks SET description = 'forged'")
        assert rebuild([bench.source, web.source], bench.store, impatient()).corrected == 20
        assert bench.rows() == rows_in(before)
        assert verify([bench.source, web.source], bench.store).differences == []


def test_files_that_changed_meanwhile_are_brought_in_first(bench: Workbench) -> None:
    """What a sync would have done is done by a sync: its entries of the log say so."""
    first, second, *_ = write_workload(bench.root, 3)
    bench.sync()
    (bench.root / first / "backend.json").write_text('{"status": "failed"}')
    shutil.rmtree(bench.root / second)
    assert rebuilt(bench).corrected == 0
    assert {cause for (cause,) in bench.store.query("SELECT DISTINCT cause FROM changes WHERE op <> 'r'")} == {"sync"}
    assert bench.rows()["sessions"][second]["archived_at"]
    assert_sound(bench)


def test_an_empty_database_may_be_rebuilt(bench: Workbench) -> None:
    """There is nothing to do, and nothing goes wrong; the first files come in."""
    assert rebuilt(bench).verified.rows == len(bench.rows()["teams"]) + len(bench.rows()["agents"])
    write_workload(bench.root, 1)
    assert rebuilt(bench).verified.bundles == 1
    assert_sound(bench)


# What was wrong is mended


def tamper(bench: Workbench, *statements: str) -> None:
    """Change the database as somebody would by hand: no constraint is looked at."""
    with closing(sqlite3.connect(bench.database)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints=ON")
        for statement in statements:
            connection.execute(statement)


def rows_in(dump: Dump) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the rows of a dump by table and id, without ``synced_rev``."""
    synced = [table for table, shape in TABLES.items() if shape.columns[-1] == "synced_rev"]
    return {
        table: {row[0]: dict(zip(TABLES[table].columns[:-1], row, strict=False)) for row in dump[table]}
        for table in synced
    }


def copied(table: str, changed: dict[str, str]) -> str:
    """Return the statement that copies the first row of a table, with other values here and there."""
    columns = TABLES[table].columns
    values = ", ".join(changed.get(name, f'"{name}"') for name in columns)
    return f'INSERT INTO "{table}" SELECT {values} FROM "{table}" ORDER BY 1 LIMIT 1'  # noqa: S608


FIRST, GONE = "session-1770000000", "session-1770000004"
HOMELESS = {"id": "'session-9'", "source_path": "'session-9/orchestrator.json'"}
TAMPERINGS: dict[str, tuple[str, ...]] = {
    "an edited row": ("UPDATE tasks SET description = 'forged' WHERE id = 'task-session-1770000000-backend'",),
    "every row edited": (
        "UPDATE sessions SET status_raw = 'forged', phase = NULL WHERE archived_at IS NULL",
        "UPDATE metrics SET metric_value = 0 WHERE source_path LIKE 'session-1770000000/%'",
    ),
    "a word that no column holds": ("UPDATE sessions SET status = 'bogus' WHERE id = 'session-1770000000'",),
    "a deleted task": ("DELETE FROM tasks WHERE id = 'task-session-1770000000-backend'",),
    "a deleted session": ("DELETE FROM sessions WHERE id = 'session-1770000000'",),
    "all items of a session deleted": ("DELETE FROM task_items WHERE session_id = 'session-1770000000'",),
    "deleted teams and agents": ("DELETE FROM teams", "DELETE FROM agents"),
    "an edited roster": ("UPDATE agents SET role = 'forged'", "DELETE FROM agents WHERE id = 'agent-vision'"),
    "agents and teams that are none": (
        "UPDATE tasks SET agent_id = 'forged' WHERE session_id = 'session-1770000000'",
        "UPDATE sessions SET team_id = 'forged' WHERE id = 'session-1770000000'",
    ),
    "a forged session": (copied("sessions", HOMELESS),),
    "a forged session with all it has": (
        copied("sessions", HOMELESS),
        copied("tasks", {"id": "'task-session-9-x'", "session_id": "'session-9'", "source_path": "'session-9/x.json'"}),
        copied("metrics", {"id": "'task-session-9-x/a/'", "source_path": "'session-9/x.json'"}),
        copied(
            "blockers",
            {"id": "'session-9/blocker/0'", "session_id": "'session-9'", "source_path": "'session-9/x.json'"},
        ),
    ),
    "a forged session of a workspace that is none": (
        copied("sessions", {"id": "'nope/session-9'", "workspace": "'nope'"}),
    ),
    "a forged task": (
        copied("tasks", {"id": "'task-session-1770000000-forged'", "source_path": "'session-1770000000/forged.json'"}),
    ),
    "a task of no session": (copied("tasks", {"id": "'x'", "session_id": "'nope'", "source_path": "'nope/x.json'"}),),
    "a metric of no session": (copied("metrics", {"id": "'zzz'", "source_path": "'session-9/x.json'"}),),
    "a forged lead": (
        "INSERT INTO leads (id, company, source_path, synced_rev) VALUES ('9', 'Forged', 'data/leads.json', 1)",
    ),
    "an id that became another session's": (
        "UPDATE tasks SET session_id = 'session-1770000001' WHERE id = 'task-session-1770000000-backend'",
        "UPDATE tasks SET source_path = 'session-1770000001/backend.json' WHERE id = 'task-session-1770000000-backend'",
    ),
    "an id that became nobody's": (
        "UPDATE tasks SET session_id = 'session-9' WHERE id = 'task-session-1770000000-backend'",
        "UPDATE tasks SET source_path = 'session-9/x.json' WHERE id = 'task-session-1770000000-backend'",
    ),
    "checkpoints that lie": ("UPDATE files SET sha256 = 'forged', facts = NULL",),
    "no checkpoints": ("DELETE FROM files",),
    "a living session that counts as archived": (
        "UPDATE sessions SET archived_at = '2026-01-01 00:00:00' WHERE id = 'session-1770000000'",
    ),
    "files that count as refused": (
        "UPDATE files SET state = 'quarantined' WHERE path LIKE 'session-1770000000/%'",
        "DELETE FROM sessions WHERE id = 'session-1770000000'",
        "DELETE FROM tasks WHERE session_id = 'session-1770000000'",
    ),
    "a dropped index": ("DROP INDEX ix_changes_row",),
    "a dropped view": ("DROP VIEW v_kanban",),
    "a view that says something else": ("DROP VIEW v_kanban", "CREATE VIEW v_kanban AS SELECT 1 AS id"),
    "a trigger": (
        "CREATE TRIGGER picky BEFORE UPDATE ON tasks BEGIN SELECT RAISE(ABORT, 'no'); END",
        "UPDATE sessions SET phase = 'forged' WHERE archived_at IS NULL",
    ),
    "a table of somebody's own": ("CREATE TABLE notes (text TEXT)",),
}


def schema_of(bench: Workbench) -> list[tuple[Any, ...]]:
    """Return everything that the schema of a database has."""
    return bench.store.query("SELECT type, name, sql FROM sqlite_master ORDER BY type, name")


@pytest.mark.parametrize("statements", TAMPERINGS.values(), ids=TAMPERINGS)
def test_what_was_done_by_hand_is_mended(past: Workbench, statements: tuple[str, ...]) -> None:
    """Afterwards rows and schema are those of before, and whoever is in quarantine or in the archive still is."""
    before, schema = past.dump(), schema_of(past)
    tamper(past, *statements)
    rebuilt(past)
    assert past.rows() == {table: rows for table, rows in rows_in(before).items() if table in past.family.tables}
    assert schema_of(past) == schema
    assert [row[:3] for row in past.dump()["quarantine"]] == [row[:3] for row in before["quarantine"]]
    assert_sound(past)
    assert past.sync(impatient()) == []


def test_each_correction_is_in_the_change_log(bench: Workbench) -> None:
    """With the cause ``rebuild``, one entry a row, and before it the row is what somebody had made of it."""
    write_workload(bench.root, 2)
    bench.sync()
    tamper(
        bench,
        f"UPDATE tasks SET description = 'forged' WHERE id = 'task-{FIRST}-backend'",  # noqa: S608
        f"DELETE FROM tasks WHERE id = 'task-{FIRST}-frontend'",  # noqa: S608
        copied("tasks", {"id": "'x'", "session_id": "'nope'", "source_path": "'nope/x.json'"}),
    )
    last = bench.store.log.last()[0]
    was = rows_in(bench.dump())["tasks"]
    assert rebuilt(bench).corrected == 3
    told = bench.store.query(
        "SELECT op, row_id, before, after, path FROM changes WHERE cause = 'rebuild' ORDER BY row_id"
    )
    assert [(op, row_id) for op, row_id, *_ in told] == [
        ("u", f"task-{FIRST}-backend"),
        ("c", f"task-{FIRST}-frontend"),
        ("d", "x"),
    ]
    assert json.loads(told[0][2]) == {"description": "forged"}
    assert told[0][4] == f"{FIRST}/backend.json"
    assert json.loads(told[2][2])["session_id"] == "nope"
    assert bench.store.log.state("tasks", last) == was
    assert rebuilt(bench).corrected == 0


MENDABLE = tuple(
    table for table, shape in TABLES.items() if shape.columns[-1] == "synced_rev" and table not in {"teams", "agents"}
)


def some_value(rng: random.Random, value: object) -> object:
    """Return another value than the one that is there."""
    return rng.choice([each for each in ("forged", 7, "2001-02-03 04:05:06", None) if each != value])


def tamper_at_random(connection: sqlite3.Connection, rng: random.Random) -> None:
    """Edit, delete or forge one row of any table that files fill."""
    table = rng.choice(MENDABLE)
    columns = TABLES[table].columns
    rows = sorted(connection.execute(f'SELECT * FROM "{table}"'), key=repr)  # noqa: S608
    if not rows:
        return
    row = dict(zip(columns, rng.choice(rows), strict=True))
    how = rng.choice(("edit", "delete", "forge"))
    if how == "delete":
        connection.execute(f'DELETE FROM "{table}" WHERE id = ?', (row["id"],))  # noqa: S608
    elif how == "edit":
        required = {name for _, name, _, must, *_ in connection.execute(f'PRAGMA table_info("{table}")') if must}
        # A start that no file gives is owed, whoever wrote it; so is what hangs on it.
        name = rng.choice([name for name in columns[1:-2] if name not in STICKY])
        value = some_value(rng, row[name])
        value = "forged" if value is None and name in required else value
        connection.execute(f'UPDATE "{table}" SET "{name}" = ? WHERE id = ?', (value, row["id"]))  # noqa: S608
    elif table != "metrics":  # a point of a living task cannot be told from one that an earlier content gave
        row["id"] = rng.choice((f"{row['id']}~", f"zzz-{rng.randrange(9)}", f"session-8/{rng.randrange(9)}"))
        marks = ",".join("?" * len(row))
        connection.execute(f'INSERT OR IGNORE INTO "{table}" VALUES ({marks})', [*row.values()])  # noqa: S608


@settings(max_examples=EXAMPLES)
@given(trees(max_sessions=3), st.lists(WHOLE, max_size=2), st.integers(0, 2**32), st.integers(1, 6))
def test_random_tampering_is_mended_and_told(tree: Tree, data: list[Edit], seed: int, count: int) -> None:
    """The rows are those of before; the log names each row that was mended, and what somebody had made of it."""
    with workbench() as bench:
        live_through(bench, tree, data, mirror=False)
        wanted = bench.rows()
        rng = random.Random(seed)
        with closing(sqlite3.connect(bench.database)) as connection, connection:
            connection.execute("PRAGMA ignore_check_constraints=ON")
            for _ in range(count):
                tamper_at_random(connection, rng)
        last = bench.store.log.last()[0]
        tampered = bench.rows()
        found = rebuilt(bench)
        assert bench.rows() == wanted
        assert_sound(bench)
        told = bench.store.query("SELECT table_name, row_id FROM changes WHERE cause = 'rebuild'")
        assert len(told) == found.corrected
        for table in MENDABLE:
            ids = {*tampered[table], *wanted[table]}
            mended = {row_id for row_id in ids if tampered[table].get(row_id) != wanted[table].get(row_id)}
            assert mended <= {row_id for name, row_id in told if name == table}, table
            assert bench.store.log.state(table, last) == tampered[table], table


# What cannot be proved, and what is not there


@pytest.fixture
def stubborn(past: Workbench) -> Workbench:
    """Lend a database with an archived session whose status is no word of ours: no file says what it should be."""
    tamper(past, f"UPDATE sessions SET status = 'bogus' WHERE id = '{GONE}'")  # noqa: S608
    return past


def test_what_no_file_can_mend_leaves_the_old_database_in_place(stubborn: Workbench) -> None:
    """The row is named with what is wrong, nothing changes, and nothing is left beside the database."""
    before = stubborn.dump()
    with pytest.raises(SyncdError, match=f"sessions {GONE}: .*CHECK constraint failed.*the old database stays") as said:
        rebuilt(stubborn)
    assert "by hand, then run `syncd rebuild` again" in said.value.hint
    assert stubborn.dump() == before
    assert [path.name for path in stubborn.database.parent.glob("*.rebuild*")] == []
    tamper(stubborn, f"UPDATE sessions SET status = 'failed' WHERE id = '{GONE}'")  # noqa: S608
    rebuilt(stubborn)
    assert_sound(stubborn)


def test_an_entry_of_the_log_that_nobody_can_mend_is_named(past: Workbench) -> None:
    """Also in the ledger nothing is left out without a word."""
    tamper(past, "UPDATE changes SET op = 'z' WHERE seq = 1")
    with pytest.raises(SyncdError, match=r"changes 1: .*CHECK constraint failed"):
        rebuilt(past)
    assert past.store.query("SELECT op FROM changes WHERE seq = 1") == [("z",)]


def test_a_table_that_is_gone_is_said(past: Workbench) -> None:
    """There is no telling what the past has owed then."""
    tamper(past, "DROP TABLE concerns")
    with pytest.raises(StoreRefused, match="no such table: concerns"):
        rebuilt(past)


def test_a_database_that_another_program_holds_is_left_alone(past: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Putting it in place waits for a while, then says so."""
    before = past.dump()
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.05)
    holder = sqlite3.connect(past.database, isolation_level=None)

    def hold(stage: str) -> None:
        if stage.startswith("putting"):
            holder.execute("BEGIN IMMEDIATE")

    past.store.connection.execute("PRAGMA busy_timeout=50")
    with closing(holder), pytest.raises(StoreUnavailable, match="is locked"):
        rebuilt(past, on_stage=hold)
    assert past.dump() == before
    rebuilt(past)
    assert past.dump() == before


# The brake


def test_sessions_that_are_held_back_stay(past: Workbench) -> None:
    """Where the brake holds, rebuild removes and archives nothing, and says why; what else was wrong is mended."""
    before = past.rows()
    for each in past.root.glob("session-*"):
        shutil.rmtree(each)
    shutil.rmtree(past.root / "data")
    tamper(past, "UPDATE sessions SET phase = 'forged'")
    forged = past.rows()
    found = rebuilt(past, replace(impatient(), accept_missing=False))
    assert found.held_back == "no session is left"
    assert found.corrected == 0  # no file says what should be there
    assert past.rows() == forged
    assert before != forged


def test_a_held_back_root_is_mended_where_files_are_left(bench: Workbench) -> None:
    """Of twenty sessions five are left: those are levelled, the others keep all that they have."""
    names = write_workload(bench.root, 20)
    bench.sync()
    before = bench.rows()
    for name in names[5:]:
        shutil.rmtree(bench.root / name)
    tamper(bench, f"UPDATE tasks SET description = 'forged' WHERE session_id = '{names[0]}'")  # noqa: S608
    found = rebuilt(bench, Pass(cause="sync", patience=Patience(grace=0.0)))
    assert found.held_back == "15 of 20 sessions are gone at once"
    assert found.corrected == 4
    assert bench.rows() == before
    bench.sync(impatient())
    assert len([row for row in bench.rows()["sessions"].values() if row["archived_at"]]) == 15


def test_another_directory_in_the_roots_place_removes_nothing(past: Workbench) -> None:
    """A root that is not the directory that it was vouches for no absence."""
    before = past.rows()
    past.root.rename(past.root.with_name("aside"))
    past.root.mkdir()
    found = rebuilt(past, Pass(cause="sync", patience=Patience(grace=0.0)))
    assert found.held_back
    assert past.rows() == before


def test_a_missing_root_leaves_the_database_untouched(past: Workbench) -> None:
    """Nothing is known, so nothing is done."""
    before = past.dump()
    shutil.rmtree(past.root)
    with pytest.raises(SourceUnavailable):
        rebuilt(past)
    assert past.dump() == before


# Files that move meanwhile


@pytest.fixture
def moving() -> Iterator[Callable[[str, Callable[[], object]], Callable[[str], None]]]:
    """Lend what does something once, at a stage of the rebuild."""

    def at(stage: str, act: Callable[[], object]) -> Callable[[str], None]:
        def on_stage(now: str) -> None:
            if now.startswith(stage) and not done:
                done.append(now)
                act()

        return on_stage

    done: list[str] = []
    yield at
    assert done, "that stage never came"


@pytest.mark.parametrize("stage", ["copying", "reading", "verifying", "putting"])
@pytest.mark.parametrize("what", ["write", "tear", "remove a file", "remove a session", "add a session"])
def test_what_is_written_meanwhile_is_not_lost(
    past: Workbench, stage: str, what: str, moving: Callable[[str, Callable[[], object]], Callable[[str], None]]
) -> None:
    """A file that changes while the rebuild runs costs nothing that was there; the next sync brings it in."""
    session = past.root / "session-1770000002"
    backend = session / "backend.json"
    acts: dict[str, Callable[[], object]] = {
        "write": lambda: backend.write_text('{"status": "failed", "error": "late"}'),
        "tear": lambda: backend.write_text('{"status": '),
        "remove a file": backend.unlink,
        "remove a session": lambda: shutil.rmtree(session),
        "add a session": lambda: write_workload(past.root, 1, first=8),
    }
    before = past.rows()
    rebuilt(past, on_stage=moving(stage, acts[what]))
    assert past.store.query("PRAGMA quick_check") == [("ok",)]
    assert past.rows()["sessions"].keys() >= before["sessions"].keys()
    assert past.rows()["metrics"].keys() >= before["metrics"].keys()
    past.sync(impatient())
    assert_sound(past)
    assert past.store.query("SELECT COUNT(*) FROM changes WHERE cause = 'rebuild' AND op = 'd' AND bundle <> ?",
                            (session.name,)) == [(0,)]  # fmt: skip
