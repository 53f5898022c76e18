"""`syncd migrate`, and what the other commands do with a database of an older schema."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from syncd_models.schema import VERSION
from tests.command import Said, call
from tests.releases import LEFT, everything, on_disk, release, schema_of

FIELDS = {"schema", "dry_run", "database", "schema_version", "latest", "pending", "copy"}
PENDING = "0002 Business tables, and snapshots of the change log."
READERS = (
    ("status",),
    ("show",),
    ("show", "session-1771839364"),
    ("quarantine",),
    ("verify",),
    ("sync", "--dry-run"),
    ("history", "tasks", LEFT),
    ("history", "tasks", "--at", "2h"),
    ("prune", "--dry-run"),
)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Lend the root of a database of the first schema."""
    return release(1, tmp_path / ".compound-state").parent


def migrate(root: Path, *words: str) -> Said:
    """Migrate the database of a root."""
    return call("migrate", *words, "--root", root)


def test_a_dry_run_says_what_is_pending_and_changes_no_byte(old: Path) -> None:
    """As text and as JSON."""
    before = on_disk(old)
    said = migrate(old, "--dry-run")
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines() == [f"would apply {PENDING}", f"schema 1 of {VERSION}: to be migrated"]
    facts = migrate(old, "--dry-run", "--json").facts
    assert facts == {
        "schema": 1, "dry_run": True, "database": str(old / "agent-service.db"), "schema_version": 1,
        "latest": VERSION, "pending": [PENDING], "copy": None,
    }  # fmt: skip
    assert on_disk(old) == before


def test_a_migration_says_what_it_did_and_where_the_copy_is(old: Path) -> None:
    """The copy holds what the database held; a second run has nothing to do."""
    before = everything(old / "agent-service.db")
    said = migrate(old)
    applied, copied, level = said.out.splitlines()
    assert (said.code, applied, level) == (0, f"applied {PENDING}", f"schema {VERSION} of {VERSION}: up to date")
    copy = Path(copied.removeprefix("the database as it was: "))
    assert copy.parent == old
    assert everything(copy) == before
    again = migrate(old)
    assert (again.code, again.out) == (0, f"schema {VERSION} of {VERSION}: up to date\n")
    assert [*old.glob("*.bak")] == [copy]


def test_a_migration_is_told_in_documented_fields(old: Path) -> None:
    """What is pending is what still is."""
    facts = migrate(old, "--json").facts
    assert facts.keys() == FIELDS
    assert (facts["schema_version"], facts["pending"], facts["dry_run"]) == (VERSION, [], False)
    assert Path(facts["copy"]).exists()
    assert migrate(old, "--json").facts["copy"] is None


@pytest.mark.parametrize("words", READERS)
def test_a_reader_says_what_to_run(words: tuple[str, ...], old: Path) -> None:
    """Exit code 3, and not a byte is changed."""
    before = on_disk(old)
    said = call(*words, "--root", old)
    assert (said.code, said.out, len(said.err.splitlines())) == (3, "", 2)
    assert "`syncd migrate`" in said.err
    assert on_disk(old) == before


def test_a_sync_migrates_by_itself(old: Path) -> None:
    """After a copy; it finds the one bad file, and then everything is level."""
    before = everything(old / "agent-service.db")
    assert call("sync", "--root", old).code == 1
    [copy] = old.glob("*.bak")
    assert everything(copy) == before
    assert schema_of(old / "agent-service.db") == VERSION
    assert call("verify", "--root", old).code == 0
    said = call("history", "tasks", LEFT, "--root", old)
    assert said.out.count("updated  session-1771839364/backend.json") == 2


@pytest.mark.parametrize("words", [("prune",), ("rebuild",), ("sync", "session-1771839364")])
def test_whatever_writes_migrates_by_itself(words: tuple[str, ...], old: Path) -> None:
    """There is one copy, and verify is clean after the next sync."""
    assert call(*words, "--root", old).code in {0, 1}
    assert schema_of(old / "agent-service.db") == VERSION
    assert len([*old.glob("*.bak")]) == 1
    assert call("sync", "--root", old).code == 1
    assert call("verify", "--root", old).code == 0


@pytest.mark.parametrize(
    "words", [("migrate",), ("migrate", "--dry-run"), ("sync",), *READERS, ("rebuild",), ("prune",)]
)
def test_a_newer_database_is_refused_and_left_alone(words: tuple[str, ...], old: Path) -> None:
    """Exit code 3, both schemas named."""
    with closing(sqlite3.connect(old / "agent-service.db")) as connection:
        connection.execute(f"PRAGMA user_version={VERSION + 1}")
    before = on_disk(old)
    said = call(*words, "--root", old)
    assert (said.code, said.out, len(said.err.splitlines())) == (3, "", 2)
    assert f"schema {VERSION + 1}, this one knows {VERSION}" in said.err
    assert on_disk(old) == before


def test_another_tools_database_is_not_migrated(root: Path) -> None:
    """It is refused as everywhere."""
    with closing(sqlite3.connect(root / "agent-service.db")) as connection:
        connection.execute("CREATE TABLE tasks (id INTEGER)")
    before = on_disk(root)
    for words in ((), ("--dry-run",)):
        said = migrate(root, *words)
        assert (said.code, "belongs to another tool" in said.err) == (3, True)
    assert on_disk(root) == before


def test_without_a_database_there_is_nothing_to_migrate(root: Path) -> None:
    """None is made."""
    said = migrate(root)
    assert (said.code, "there is no database" in said.out, "`syncd sync`" in said.out) == (0, True, True)
    facts = migrate(root, "--json").facts
    assert (facts["schema_version"], facts["pending"], facts["copy"]) == (0, [], None)
    assert not (root / "agent-service.db").exists()


def test_a_migration_that_cannot_be_done_is_a_sentence(old: Path) -> None:
    """What stands in the way is named, and the database is as it was."""
    database = old / "agent-service.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE snapshots (word TEXT)")
    before = everything(database)
    for words in (("migrate",), ("sync",)):
        said = call(*words, "--root", old)
        assert (said.code, said.out, len(said.err.splitlines())) == (3, "", 2)
        assert "table snapshots already exists" in said.err
    assert everything(database) == before


def test_a_log_that_cannot_be_read_is_a_sentence(old: Path) -> None:
    """As somebody's hand may have left it."""
    database = old / "agent-service.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE changes SET before = '{' WHERE op = 'u'")
    before = everything(database)
    said = migrate(old)
    assert (said.code, said.out, len(said.err.splitlines()), "Traceback" in said.err) == (3, "", 2, False)
    assert everything(database) == before


def test_a_folder_without_room_for_the_copy_is_said(old: Path) -> None:
    """Where the copy cannot be made, the database is left as it is."""
    database = old / "agent-service.db"
    before = everything(database)
    (old / "agent-service.db.bak.part").mkdir()
    said = migrate(old)
    assert (said.code, said.out, len(said.err.splitlines())) == (1, "", 2), said
    os.rmdir(old / "agent-service.db.bak.part")  # noqa: PTH106
    assert everything(database) == before
    assert migrate(old).code == 0
