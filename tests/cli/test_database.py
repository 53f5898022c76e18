"""What lies where the database should: ours, nothing, another tool's, or a ruin."""

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from syncd.errors import StoreUnavailable
from syncd_models.schema import VERSION
from tests.command import Said, call, change, document, put, rows, set_back, spawn

COMMANDS = (
    ("sync",),
    ("sync", "session-1"),
    ("sync", "--dry-run"),
    ("status",),
    ("show",),
    ("quarantine",),
    ("verify",),
)


def is_refused(said: Said, *words: str, code: int = 3) -> bool:
    """Tell whether a command left with that code, one sentence, a hint, and these words in them."""
    lines = said.err.splitlines()
    whole = (said.code, said.out, len(lines), said.err.startswith("error: ")) == (code, "", 2, True)
    return whole and all(word in said.err for word in words)


# Another tool's


def foreign(path: Path, *, journal: str = "delete") -> None:
    """Make another tool's database with table names like ours, its last row perhaps in its journal only."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode={journal}")
        connection.execute("CREATE TABLE sessions (id TEXT PRIMARY KEY, state TEXT)")
        connection.execute("CREATE TABLE tasks (id INTEGER PRIMARY KEY, title TEXT)")
        connection.execute("INSERT INTO tasks VALUES (1, 'old work')")
        connection.commit()
        for tail in ("", "-wal", "-shm") if journal == "wal" else ():
            shutil.copy(f"{path}{tail}", f"{path}{tail}.kept")
    for kept in path.parent.glob("*.kept"):
        kept.rename(kept.with_suffix(""))


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of a database and of its journal, if that holds any."""
    return {
        path.name: data
        for path in folder.iterdir()
        if path.name.endswith((".db", "-wal", ".bak")) and (data := path.read_bytes())
    }


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_another_tools_database_is_left_untouched(journal: str, root: Path) -> None:
    """Exit code 3 from every command, the same bytes as before, and both ways out are named."""
    foreign(root / "agent-service.db", journal=journal)
    before = contents(root)
    assert (len(before) == 2) == (journal == "wal")
    for command in COMMANDS:
        said = call(*command, "--root", root)
        assert is_refused(said, "it belongs to another tool", "--database PATH", "--adopt"), command
        assert contents(root) == before
    as_json = call("sync", "--root", root, "--json")
    assert (as_json.code, as_json.fault["exit_code"], "--adopt" in as_json.fault["hint"]) == (3, 3, True)
    assert call("sync", "--root", root, "--database", root.parent / "x.db").code == 0
    assert contents(root) == before


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_another_tools_database_is_set_aside_where_that_is_asked(journal: str, root: Path) -> None:
    """``--adopt`` leaves a dated copy that opens with the old rows; from then on the database is ours."""
    foreign(root / "agent-service.db", journal=journal)
    assert spawn("sync", "--root", root, "--adopt").code == 0
    [copy] = root.glob("agent-service.db.2*Z.bak")
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT * FROM tasks").fetchall() == [(1, "old work")]
    assert rows(root / "agent-service.db", "SELECT COUNT(*) FROM tasks") == [(2,)]
    assert call("sync", "--root", root).code == 0
    assert call("sync", "--root", root, "--adopt").code == 0
    assert len([*root.glob("*.bak")]) == 1
    assert call("verify", "--root", root).code == 0


@pytest.mark.parametrize("junk", [b"not a database", b"\0" * 4096, b"{}", b"SQLite format 2\0", b"x"])
def test_what_is_no_sqlite_file_is_left_untouched(junk: bytes, root: Path) -> None:
    """Any other file is as foreign as another tool's, and can be set aside like it."""
    path = put(root / "agent-service.db", junk)
    for command in COMMANDS:
        assert is_refused(call(*command, "--root", root), "it is not an SQLite database", "--adopt")
        assert path.read_bytes() == junk
    assert call("sync", "--root", root, "--adopt").code == 0
    assert [copy.read_bytes() for copy in root.glob("agent-service.db.2*Z.bak")] == [junk]


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to("/dev/null")], ids=["directory", "device"])
def test_what_is_no_file_is_refused(make: Callable[[Path], None], root: Path) -> None:
    """Also where it should be set aside: there is nothing to copy."""
    make(root / "agent-service.db")
    for command in (*COMMANDS, ("sync", "--adopt")):
        assert is_refused(call(*command, "--root", root), "is not a regular file", "--database")


# New ones


@pytest.mark.parametrize("name", ["empty.db", "a b?c#d%e.db", "été.sqlite", "agent-service.db"])
def test_an_empty_file_is_a_new_database(name: str, root: Path, tmp_path: Path) -> None:
    """Whatever it is called."""
    path = put(tmp_path / name, b"")
    assert call("sync", "--root", root, "--database", path).code == 0
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT COUNT(*) FROM tasks").fetchone() == (2,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
    assert call("status", "--root", root, "--database", path).code == 0


def test_an_empty_file_is_nothing_to_read_yet(root: Path) -> None:
    """A reader says what to run, and leaves the file as it is."""
    path = put(root / "agent-service.db", b"")
    assert is_refused(call("status", "--root", root), "`syncd sync`")
    assert path.read_bytes() == b""


def test_a_missing_folder_is_not_made(root: Path, tmp_path: Path) -> None:
    """A mistyped path is an error and no new place."""
    said = call("sync", "--root", root, "--database", tmp_path / "no" / "where.db")
    assert is_refused(said, "does not exist", "--database")
    assert not (tmp_path / "no").exists()


def test_a_folder_that_may_not_be_written_is_said(root: Path, tmp_path: Path, bound: tuple[str, ...]) -> None:
    """Where no database can be made, what to look at is named."""
    folder = tmp_path / "shut"
    folder.mkdir(mode=0o555)
    said = spawn("sync", "--root", root, "--database", folder / "x.db", before=bound)
    assert is_refused(said, "Permission denied", "May this user write", code=StoreUnavailable.exit_code)
    folder.chmod(0o000)
    for command in COMMANDS:
        said = spawn(*command, "--root", root, "--database", folder / "x.db", before=bound)
        assert said.code in {0 if "--dry-run" in command else StoreUnavailable.exit_code, 3}
        assert "Traceback" not in said.err
    folder.chmod(0o755)


def test_a_database_that_may_not_be_read_is_said(synced: Path, bound: tuple[str, ...]) -> None:
    """It is neither foreign nor damaged."""
    (synced / "agent-service.db").chmod(0o000)
    for command in COMMANDS:
        said = spawn(*command, "--root", synced, before=bound)
        assert is_refused(said, "cannot be used now", "May this user", code=StoreUnavailable.exit_code)


def test_a_read_only_database_can_be_read_and_not_written(synced: Path, bound: tuple[str, ...]) -> None:
    """Readers answer; a writer with something to write says what to look at."""
    (synced / "agent-service.db").chmod(0o444)
    put(synced / "session-1" / "backend.json", document(status="failed"))
    for command in (("status",), ("show",), ("quarantine",), ("sync", "--dry-run")):
        assert spawn(*command, "--root", synced, before=bound).code == 0
    said = spawn("sync", "--root", synced, before=bound)
    assert is_refused(said, "May this user write", code=StoreUnavailable.exit_code)
    (synced / "agent-service.db").chmod(0o644)
    assert call("sync", "--root", synced).code == 0


# Newer and damaged ones


@pytest.mark.parametrize("command", COMMANDS)
def test_a_newer_database_is_refused(command: tuple[str, ...], synced: Path) -> None:
    """Its schema and ours are named; nothing is written."""
    database = synced / "agent-service.db"
    change(database, f"PRAGMA user_version={VERSION + 1}")
    before = contents(synced)
    said = call(*command, "--root", synced)
    assert is_refused(
        said, f"newer syncd (schema {VERSION + 1}, this one knows {VERSION})", "Upgrade syncd", "--database"
    )
    assert contents(synced) == before


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_database_is_refused_with_a_remedy_that_works(share: float, synced: Path) -> None:
    """Exit code 3; moved away as the hint says, the files give everything back."""
    database = synced / "agent-service.db"
    whole = database.read_bytes()
    database.write_bytes(whole[: int(len(whole) * share)])
    put(synced / "session-1" / "backend.json", document(status="failed"))
    said = call("sync", "--root", synced)
    assert is_refused(said, "is damaged", "Move it away and run `syncd sync`")
    database.rename(synced / "ruin")
    assert call("sync", "--root", synced).code == 0
    assert rows(database, "SELECT COUNT(*) FROM tasks") == [(2,)]


@pytest.mark.parametrize("seed", range(30))
def test_a_flipped_byte_ends_in_no_traceback(seed: int, synced: Path) -> None:
    """Seen or unseen, each command leaves with a documented code."""
    database = synced / "agent-service.db"
    data = bytearray(database.read_bytes())
    at = random.Random(seed).randrange(len(data))
    data[at] ^= 0xFF
    database.write_bytes(data)
    put(synced / "session-1" / "backend.json", document(status="failed"))
    for command in (
        ("sync",),
        ("sync", "session-2"),
        ("status",),
        ("show",),
        ("show", "session-1"),
        ("quarantine",),
        ("verify",),
    ):
        said = call(*command, "--root", synced)
        assert said.code in {0, 1, 2, 3}, (at, said)


def test_a_zeroed_page_is_refused_with_a_remedy(synced: Path) -> None:
    """The page of a table that is read is found out."""
    database = synced / "agent-service.db"
    [(page,)] = rows(database, "SELECT rootpage FROM sqlite_master WHERE name = 'sessions'")
    data = bytearray(database.read_bytes())
    data[(page - 1) * 4096 : page * 4096] = bytes(4096)
    database.write_bytes(data)
    put(synced / "session-1" / "backend.json", document(status="failed"))
    for command in (("sync",), ("status",), ("show",), ("verify",)):
        assert is_refused(call(*command, "--root", synced), "is damaged", "Move it away")


def test_a_database_without_its_tables_is_refused(synced: Path) -> None:
    """Ours by its mark, and yet not what it should be."""
    change(synced / "agent-service.db", "DROP TABLE racy_files")
    set_back(put(synced / "session-1" / "backend.json", document(status="failed")))
    said = call("sync", "--root", synced)
    assert said.code in {1, 3}
    assert said.err.startswith("error: ")
    assert len(said.err.splitlines()) == 2
