"""SQLite as we set it up: pragmas, a full disk, and files that are not ours."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from syncd import engine
from syncd.errors import StoreRefused, StoreRejected, StoreUnavailable
from syncd.stores.sqlite import APPLICATION_ID, SQLite, translated
from syncd.verify import verify
from syncd_models.schema import VERSION
from tests.audit import audit
from tests.workbench import Workbench
from tests.workload import write_workload


@pytest.fixture
def database(tmp_path: Path) -> SQLite:
    """Lend a place for a database."""
    return SQLite(tmp_path / "agent-service.db")


def pragma(connection: sqlite3.Connection, name: str) -> object:
    """Return the value of a pragma."""
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


PROMISED = {
    "journal_mode": "wal",
    "synchronous": 1,
    "foreign_keys": 1,
    "busy_timeout": 5000,
    "application_id": APPLICATION_ID,
    "user_version": VERSION,
}


def test_the_writer_is_set_up_as_promised(database: SQLite) -> None:
    """When the database is made, and each time after that."""
    for _ in range(2):
        with closing(database.open()) as connection:
            assert {name: pragma(connection, name) for name in PROMISED} == PROMISED


def test_a_reader_cannot_write(database: SQLite) -> None:
    """The read-only connection waits like the writer, and refuses to change anything."""
    database.open().close()
    with closing(database.open_readonly()) as connection:
        assert pragma(connection, "busy_timeout") == 5000
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            connection.execute("DELETE FROM teams")


def test_an_empty_file_is_a_new_database(database: SQLite) -> None:
    """As another tool may leave one behind."""
    database.path.touch()
    with closing(database.open()) as connection:
        assert pragma(connection, "user_version") == VERSION


def test_a_database_whose_making_was_cut_short_is_made_again(database: SQLite) -> None:
    """A header with nothing of ours in it is as good as empty."""
    with closing(sqlite3.connect(database.path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    assert database.path.stat().st_size > 0
    with closing(database.open()) as connection:
        assert pragma(connection, "user_version") == VERSION


def foreign(path: Path) -> None:
    """Put another tool's database there, with a table of the same name."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE sessions (id TEXT)")
        connection.execute("INSERT INTO sessions VALUES ('theirs')")


def prose(path: Path) -> None:
    """Put text there."""
    path.write_text("this is no database, and it is longer than a magic number")


@pytest.mark.parametrize("put", [foreign, prose])
def test_a_file_that_is_not_ours_is_left_untouched(database: SQLite, put: Callable[[Path], None]) -> None:
    """It is refused with both ways out; adopted, it is copied aside first."""
    put(database.path)
    before = database.path.read_bytes()
    with pytest.raises(StoreRefused) as caught:
        database.open()
    assert "--database" in caught.value.hint
    assert "--adopt" in caught.value.hint
    assert database.path.read_bytes() == before
    with closing(database.open(adopt=True)) as connection:
        assert pragma(connection, "application_id") == APPLICATION_ID
    (copy,) = database.path.parent.glob("agent-service.db.*.bak")
    assert copy.read_bytes() == before


def test_a_newer_database_is_refused(database: SQLite) -> None:
    """Even when told to adopt: it is ours, and someone else's syncd can read it."""
    with closing(database.open()) as connection:
        connection.execute(f"PRAGMA user_version={VERSION + 1}")
    asks: tuple[Callable[[], sqlite3.Connection], ...] = (
        database.open,
        lambda: database.open(adopt=True),
        database.open_readonly,
    )
    for ask in asks:
        with pytest.raises(StoreRefused, match="written by a newer syncd"):
            ask()


def test_a_damaged_database_is_refused(database: SQLite) -> None:
    """The message says that all but the past comes from the files."""
    with closing(database.open()) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with database.path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 4000)
    with pytest.raises(StoreRefused, match="damaged") as caught:
        database.open()
    assert "comes from the files" in caught.value.hint


def test_there_is_nothing_to_read_before_the_first_sync(database: SQLite) -> None:
    """Reading makes no database."""
    with pytest.raises(StoreRefused, match="there is no database"):
        database.open_readonly()
    assert not database.exists()


def test_a_path_may_hold_any_letter(tmp_path: Path) -> None:
    """What means something in a URI is quoted."""
    database = SQLite(tmp_path / "a %41?b#c.db")
    database.open().close()
    database.open_readonly().close()
    assert {path.name for path in tmp_path.iterdir()} >= {"a %41?b#c.db"}


def operational(code: int, message: str) -> sqlite3.OperationalError:
    """Return an error as SQLite raises it."""
    error = sqlite3.OperationalError(message)
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("raised", "becomes"),
    [
        (sqlite3.IntegrityError("CHECK"), StoreRejected),
        (OverflowError("too large"), StoreRejected),
        (operational(sqlite3.SQLITE_BUSY, "database is locked"), StoreUnavailable),
        (operational(sqlite3.SQLITE_FULL, "database or disk is full"), StoreUnavailable),
        (operational(sqlite3.SQLITE_ERROR, "no such table: tasks"), StoreRefused),
        (OSError(28, "No space left on device"), StoreUnavailable),
        (sqlite3.DatabaseError("malformed"), StoreRefused),
        (StoreRefused("ours"), StoreRefused),
    ],
)
def test_errors_of_the_database_become_ours(raised: Exception, becomes: type[Exception]) -> None:
    """Each says what happens next: the rows are refused, it may work later, or it never will."""
    with pytest.raises(becomes), translated("test.db"):
        raise raised


# A full disk


def test_a_full_database_loses_nothing(bench: Workbench) -> None:
    """What did not fit is said and taken back whole; once there is space, the next sync brings it."""
    write_workload(bench.root, 20)
    bench.sync()
    before = bench.dump()
    write_workload(bench.root, 60, first=100)
    connection = bench.store.connection
    pages = int(str(pragma(connection, "page_count")))
    connection.execute(f"PRAGMA max_page_count={pages + 20}")
    with pytest.raises(StoreUnavailable) as caught:
        bench.sync()
    assert "full" in caught.value.message
    assert caught.value.hint == "Free some space on its disk, then run `syncd sync` again; nothing is lost."
    assert not connection.in_transaction
    assert bench.dump() == before
    connection.execute("PRAGMA max_page_count=1073741823")
    bench.sync()
    assert len(bench.rows()["sessions"]) == 80
    assert verify([bench.source], bench.store).differences == []
    audit(bench.database, bench.root)


def test_a_database_that_fills_up_between_batches_keeps_what_was_committed(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole sessions only: a reader finds some of them complete and the rest absent."""
    monkeypatch.setattr(engine, "BATCH", 10)
    write_workload(bench.root, 100)
    connection = bench.store.connection
    pages = int(str(pragma(connection, "page_count")))
    connection.execute(f"PRAGMA max_page_count={pages + 150}")
    with pytest.raises(StoreUnavailable):
        bench.sync()
    ((sessions,),) = bench.store.query("SELECT COUNT(*) FROM sessions")
    assert 0 < sessions < 100
    assert bench.store.query("SELECT COUNT(*) FROM tasks") == [(4 * sessions,)]
    connection.execute("PRAGMA max_page_count=1073741823")
    bench.sync()
    assert len(bench.rows()["sessions"]) == 100
    audit(bench.database, bench.root)
