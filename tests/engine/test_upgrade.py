"""A new release on an old database: every session is read again, and nothing that was owed is lost."""

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from syncd.engine import Pass
from syncd.history import changes, row_at
from syncd.stores.migrate import copies
from syncd.verify import verify
from tests.audit import audit
from tests.past import INSTANT, moment_of
from tests.releases import ARCHIVED, CHANGED, REFUSED, release
from tests.workbench import Rows, Workbench

QUIET = "session-1772270433-4127"
MARKETING = "session-marketing-1771229042"
LEADS = [{"id": "ann", "contact_name": "Ann"}, {"contact_name": "Bo"}]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Lend a database of the first schema, beside its state tree."""
    return release(1, tmp_path / "state")


Upgraded = Callable[[], Workbench]


@pytest.fixture
def upgraded(old: Path) -> Iterator[Upgraded]:
    """Lend what opens that database with this release."""
    made: list[Workbench] = []

    def upgrade() -> Workbench:
        made.append(Workbench(old.parent, old))
        return made[-1]

    yield upgrade
    for bench in made:
        bench.close()


def tamper(database: Path, statement: str, *values: Any) -> None:
    """Change an old database behind the back of everybody."""
    with closing(sqlite3.connect(database)) as connection, connection:
        assert connection.execute(statement, values).rowcount == 1


def with_section(database: Path) -> str:
    """Give a file a section that the old release read over, and return the path: its digest is known."""
    path = f"{QUIET}/frontend.json"
    file = database.parent / path
    data = json.dumps(json.loads(file.read_bytes()) | {"leads": LEADS}).encode()
    file.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    tamper(database, "UPDATE files SET sha256 = ?, size = ? WHERE path = ?", digest, len(data), path)
    return path


def mine(rows: Rows, name: str) -> Rows:
    """Return the rows that say of a session, by table."""
    return {
        table: {row_id: row for row_id, row in found.items() if name in f"{row_id} {row['source_path']}"}
        for table, found in rows.items()
    }


def test_every_file_is_projected_again_and_only_differences_are_changes(old: Path, upgraded: Upgraded) -> None:
    """All checkpoints bear the new version; files that say the same still have their generation, and no change."""
    with closing(sqlite3.connect(old)) as connection:
        [entries] = connection.execute("SELECT COUNT(*) FROM changes").fetchone()
        generations = dict(connection.execute("SELECT path, generation FROM files"))
    bench = upgraded()
    bench.sync()
    found = bench.store.query("SELECT path, version, generation FROM files")
    assert {version for _, version, _ in found} == {bench.family.version}
    assert {path: generation for path, _, generation in found} == generations
    assert bench.store.query("SELECT * FROM changes WHERE seq > ?", (entries,)) == []
    assert bench.sync() == []


def test_a_row_that_only_this_release_makes_is_a_change_with_its_cause(old: Path, upgraded: Upgraded) -> None:
    """What a file always said, and the old release read over, is created by the upgrade, not by the file."""
    path = with_section(old)
    bench = upgraded()
    bench.sync(Pass(cause="sync"))
    rows = bench.rows(["leads"])["leads"]
    assert {row_id: row["contact_name"] for row_id, row in rows.items()} == {
        f"{QUIET}/ann": "Ann",
        f"{QUIET}/frontend/1": "Bo",
    }
    for row_id in rows:
        [event] = changes(bench.store, "leads", row_id)
        assert (event.op, event.cause, event.path, event.generation) == ("c", "upgrade", path, 1)
        before = row_at(bench.store, bench.family, "leads", row_id, moment_of(event.at, -INSTANT))
        assert (before.known, before.rows) == (True, {"leads": []})
    assert bench.sync() == []


def test_a_row_that_this_release_makes_otherwise_is_an_update_with_its_cause(old: Path, upgraded: Upgraded) -> None:
    """And the past still has what the old release made of it."""
    row_id = f"task-{QUIET}-backend"
    tamper(old, "UPDATE tasks SET priority = 'low', llm_family = 'of old' WHERE id = ?", row_id)
    bench = upgraded()
    bench.sync()
    [event] = changes(bench.store, "tasks", row_id)
    assert (event.op, event.cause) == ("u", "upgrade")
    assert {name: field.before for name, field in event.fields.items()} == {"priority": "low", "llm_family": "of old"}
    [row] = row_at(bench.store, bench.family, "tasks", row_id, moment_of(event.at, -INSTANT)).rows["tasks"]
    assert (row["priority"], row["llm_family"]) == ("low", "of old")
    assert verify([bench.source], bench.store).differences == []


def test_a_file_that_changed_as_well_is_its_own_cause(old: Path, upgraded: Upgraded) -> None:
    """Bytes that are new are not put down to the release."""
    (old.parent / QUIET / "backend.json").write_bytes(b'{"status": "completed", "task": "new"}')
    bench = upgraded()
    bench.sync(Pass(cause="sync"))
    row_id = f"task-{QUIET}-backend"
    assert [(event.cause, event.generation) for event in changes(bench.store, "tasks", row_id)] == [("sync", 2)]


def test_an_upgraded_database_is_what_a_fresh_one_would_be_but_for_what_is_owed(
    old: Path, upgraded: Upgraded, tmp_path: Path
) -> None:
    """Owed are the archived session, the rows of the refused file, and earlier points of a metric."""
    with_section(old)
    bench = upgraded()
    bench.sync()
    with closing(Workbench(old.parent, tmp_path / "fresh.db")) as fresh:
        fresh.sync()
        found, wanted = bench.rows(), fresh.rows()
        for name in (CHANGED, QUIET, MARKETING):
            upgraded_rows, fresh_rows = mine(found, name), mine(wanted, name)
            points, fresh_points = upgraded_rows.pop("metrics"), fresh_rows.pop("metrics")
            assert upgraded_rows == fresh_rows
            assert points | fresh_points == points
            assert points.keys() - fresh_points.keys() <= {row_id for row_id in points if CHANGED in row_id}
        assert not any(mine(wanted, ARCHIVED).values())
        assert mine(found, ARCHIVED)["sessions"][ARCHIVED]["archived_at"]
        assert {*mine(found, REFUSED)["tasks"]} - {*mine(wanted, REFUSED)["tasks"]} == {f"task-{REFUSED}-frontend"}
        for table in ("agents", "teams"):
            assert wanted[table].items() <= found[table].items()
    proof = verify([bench.source], bench.store)
    assert (proof.differences, proof.archived) == ([], 1)
    audit(old, old.parent)


def test_what_is_owed_is_exactly_what_was_there(old: Path, upgraded: Upgraded) -> None:
    """Rows of the archived session, of the refused file and of retained points are those of the old database."""
    bench = upgraded()
    kept = bench.rows()
    bench.sync()
    assert bench.rows() == kept
    assert len(copies(old, 1)) == 1
    assert bench.store.query("SELECT path, state FROM files WHERE state <> 'ok'") == [
        (f"{REFUSED}/frontend.json", "quarantined")
    ]
