"""SQLite: opening, making and refusing a database file. All that is peculiar to it stands here."""

import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Literal

from syncd.errors import StoreRefused, StoreRejected, StoreUnavailable, SyncdError
from syncd.stores.locks import FileLock
from syncd_models.schema import SQLITE, TABLES, VERSION
from syncd_models.values import Fault
from syncd_models.views import VIEWS

APPLICATION_ID = 0x73796E63  # "sync"
BUSY_SECONDS = 5.0
PRAGMAS = (
    "foreign_keys=ON",
    "synchronous=NORMAL",
    "wal_autocheckpoint=4000",  # 16 MB: a cold start waits for fewer checkpoints
    "journal_size_limit=67108864",
    "temp_store=MEMORY",
)
MAGIC = b"SQLite format 3\0"
HEADER_SIZE, MARK_AT = 100, 68
ROWS_A_STATEMENT = 300
UNGUARDED = {
    "references": ("foreign_keys=OFF", "foreign_keys=ON"),
    "words": ("ignore_check_constraints=ON", "ignore_check_constraints=OFF"),
}
"""What the database may be told not to look at, and how."""


@dataclass(frozen=True, slots=True)
class SQLite:
    """A database file and how to talk to it."""

    path: Path
    rows_a_statement: ClassVar[Mapping[str, int]] = {"insert": ROWS_A_STATEMENT, "upsert": ROWS_A_STATEMENT}

    @property
    def name(self) -> str:
        """Name the database for people."""
        return str(self.path)

    def lock(self, kind: str) -> FileLock:
        """Return the lock of that kind: ``writer`` or ``daemon``."""
        return FileLock(self.path.with_name(f"{self.path.name}.{kind}.lock"))

    def writing(self, connection: sqlite3.Connection) -> AbstractContextManager[bool]:
        """Hold the writer lock; the lock is the file's, not the connection's."""
        del connection
        return self.lock("writer").held()

    @staticmethod
    def begin(connection: sqlite3.Connection) -> None:
        """Begin a transaction that writes: one at a time."""
        connection.execute("BEGIN IMMEDIATE")

    def translated(self) -> AbstractContextManager[None]:
        """Turn SQLite's errors into ours."""
        return translated(self.name)

    @staticmethod
    def insert(table: str, rows: int) -> str:
        """Return the text that inserts so many rows of a table."""
        return insert(table, rows)

    @staticmethod
    def upsert(table: str, rows: int) -> str:
        """Return the text that inserts so many rows of a table, or brings those that are there level."""
        return upsert(table, rows)

    @staticmethod
    @contextmanager
    def unguarded(connection: sqlite3.Connection, what: Literal["references", "words"]) -> Iterator[None]:
        """Take rows whatever they point at, or whatever their words; outside of any transaction."""
        off, on = UNGUARDED[what]
        connection.execute(f"PRAGMA {off}")
        try:
            yield
        finally:
            connection.execute(f"PRAGMA {on}")

    @staticmethod
    def references(connection: sqlite3.Connection) -> list[tuple[str, str, str]]:
        """Return table, column and the table that it points at, of every reference."""
        return [
            (table, column, parent)
            for table in TABLES
            for _, _, parent, column, *_ in connection.execute(f'PRAGMA foreign_key_list("{table}")')
        ]

    def lies_in(self, root: str) -> bool:
        """Tell whether the file lies under that root, and so moves along with it."""
        return self.path.absolute().is_relative_to(root)

    def size(self, tail: str = "") -> int:
        """Return the bytes of the file, or of the one beside it with that tail; 0 if there is none."""
        try:
            return Path(f"{self.path}{tail}").stat().st_size
        except OSError:
            return 0

    def exists(self) -> bool:
        """Tell whether there is anything at the path."""
        return os.path.lexists(self.path)

    def open(self, *, adopt: bool = False) -> sqlite3.Connection:
        """Return a connection for the writer, to a database that is made or migrated if need be.

        Raises StoreRefused for a file that is newer, corrupt or not ours; ``adopt`` sets such a file aside first.
        """
        with translated(self.name):
            if not self.path.parent.is_dir():
                hint = "Make it, or choose another --database."
                raise StoreRefused(f"the folder {self.path.parent} does not exist", hint)
        with self.lock("writer").held(), translated(self.name):
            try:
                version = self.version()
            except NotOurs:
                if not adopt:
                    raise
                self._set_aside()
                version = 0
            if 0 < version < VERSION:
                from syncd.stores.migrate import upgrade

                upgrade(self.path, version)
            connection = self._connect(f"file:{quoted(self.path)}")
            try:
                connection.execute("PRAGMA journal_mode=WAL")  # a backup that took its place has no journal
                if version == 0:
                    create(connection)
            except BaseException:
                connection.close()
                raise
            return connection

    def open_readonly(self) -> sqlite3.Connection:
        """Return a connection that cannot write. Raises StoreRefused, also where there is no database yet."""
        if not self.exists():
            raise StoreRefused(f"there is no database at {self.path}", "Run `syncd sync` first, or choose --database.")
        with translated(self.name):
            if (version := self.version()) != VERSION:
                hint = "Run `syncd migrate` once." if version else "Run `syncd sync` once."
                raise StoreRefused(f"{self.path} has no up-to-date schema", hint)
            return self._connect(f"file:{quoted(self.path)}?mode=ro")

    @staticmethod
    def _connect(uri: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, cached_statements=512, check_same_thread=False
        )  # fmt: skip
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        return connection

    def version(self) -> int:
        """Return the schema version, 0 for a new database; refuse a file that is not ours before writing to it."""
        if not self.exists() or (self.path.is_file() and self.path.stat().st_size == 0):
            return 0
        if not self.path.is_file():
            raise StoreRefused(f"{self.path} is not a regular file", "Choose another --database.")
        with self.path.open("rb") as file:
            header = file.read(HEADER_SIZE)
        if not header.startswith(MAGIC):
            raise NotOurs(self.path, "it is not an SQLite database")
        # A file without our mark is looked at without its journals first, for to open those leaves traces beside
        # another tool's file. In a new database of ours the mark may still be in them: it gets the second look.
        marked = int.from_bytes(header[MARK_AT : MARK_AT + 4]) == APPLICATION_ID
        for mode in ("mode=ro",) if marked else ("immutable=1", "mode=ro"):
            application, version, tables = self._probe(mode)
            if application != APPLICATION_ID and (application or tables):
                raise NotOurs(self.path, "it belongs to another tool")
        if version > VERSION:
            raise StoreRefused(
                f"{self.path} was written by a newer syncd (schema {version}, this one knows {VERSION})",
                "Upgrade syncd, or choose another --database.",
            )
        return version

    def _probe(self, mode: str) -> tuple[int, int, int]:
        """Return application id, schema version and number of tables, indexes and views."""
        uri = f"file:{quoted(self.path)}?{mode}"
        with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)) as probe:
            tables = probe.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]
            return _pragma(probe, "application_id"), _pragma(probe, "user_version"), int(tables)

    def _set_aside(self) -> None:
        """Copy a foreign file, with its journals, to a dated name beside it, and clear the place."""
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        found = [path for tail in ("", "-wal", "-shm", "-journal") if (path := Path(f"{self.path}{tail}")).exists()]
        for path in found:
            aside = path.with_name(path.name.replace(self.path.name, f"{self.path.name}.{stamp}.bak", 1))
            shutil.copy2(path, aside)
        for path in reversed(found):
            path.unlink()

    # Taking the place of another

    def beside(self) -> "SQLite":
        """Return a file next to this one, for what is to take its place; what an earlier try left there goes."""
        fresh = SQLite(self.path.with_name(f"{self.path.name}.rebuild"))
        fresh.discard()
        with translated(fresh.name):
            fresh.path.touch(mode=0o600)  # whoever may not read this file may not read the next one either
        return fresh

    def take(self, fresh: "SQLite", connection: sqlite3.Connection) -> None:
        """Put what another file holds in this one's place, in one transaction: a reader sees the old or the new.

        ``connection`` is a writer's to this file, outside of any transaction.
        """
        with translated(self.name), closing(sqlite3.connect(fresh.path)) as source:
            source.backup(connection, progress=unless_busy())
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # as far as readers let it

    def discard(self) -> None:
        """Remove the file, its journals and its lock."""
        for tail in ("-wal", "-shm", "-journal", ".writer.lock", ""):
            Path(f"{self.path}{tail}").unlink(missing_ok=True)


def unless_busy() -> Callable[[int, int, int], None]:
    """Return what a backup reports to: the driver itself would wait for ever for a database that another holds."""
    until = time.monotonic() + 4 * BUSY_SECONDS

    def report(status: int, remaining: int, total: int) -> None:
        del remaining, total
        if status in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED} and time.monotonic() > until:
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = status
            raise error

    return report


class NotOurs(StoreRefused):
    """Another tool's file lies where the database should."""

    def __init__(self, path: Path, why: str) -> None:
        """Offer both ways out."""
        super().__init__(
            f"{path} is not a syncd database: {why}; it was left untouched",
            "Choose another place with --database PATH, or pass --adopt to copy that file aside and begin anew.",
        )


def create(connection: sqlite3.Connection) -> None:
    """Make all tables, indexes and views in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    for statement in SQLITE:
        connection.execute(statement)
    for name, query in VIEWS.items():
        connection.execute(f"CREATE VIEW {name} AS {query}")
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version={VERSION}")
    connection.execute("COMMIT")


def quoted(path: Path) -> str:
    """Return a path as it may stand in an SQLite URI."""
    return str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Turn SQLite's errors into ours."""
    try:
        yield
    except SyncdError:
        raise
    except (sqlite3.IntegrityError, sqlite3.DataError, OverflowError, UnicodeEncodeError) as error:
        raise StoreRejected(Fault(f"the database refuses its rows: {error}")) from error
    except sqlite3.OperationalError as error:
        code = getattr(error, "sqlite_errorcode", None)  # none where text is not UTF-8
        if code in {None, sqlite3.SQLITE_ERROR}:  # a table or a column is missing
            raise _damaged(name, error) from error
        raise StoreUnavailable(f"the database {name} cannot be used now: {error}", _remedy(str(error))) from error
    except OSError as error:
        raise StoreUnavailable(f"the database {name} cannot be used now: {error.strerror}", _remedy("")) from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise _damaged(name, error) from error


def _damaged(name: str, error: Exception) -> StoreRefused:
    hint = "Move it away and run `syncd sync`: everything in it but the past comes from the files."
    return StoreRefused(f"the database {name} is damaged: {error}", hint)


def _remedy(message: str) -> str:
    if "full" in message:
        return "Free some space on its disk, then run `syncd sync` again; nothing is lost."
    if "locked" in message:
        return "Another program is writing to it; try again when it has finished."
    return "May this user write to the file and to its folder?"


def upsert(table: str, rows: int) -> str:
    """Return the text that inserts so many rows of a table, or brings those that are there level."""
    shape = TABLES[table]
    updates = ", ".join(f'"{column}"=excluded."{column}"' for column in shape.columns if column not in shape.key)
    key = ", ".join(f'"{column}"' for column in shape.key)
    action = f"UPDATE SET {updates}" if updates else "NOTHING"
    return f"{insert(table, rows)} ON CONFLICT({key}) DO {action}"


def insert(table: str, rows: int) -> str:
    """Return the text that inserts so many rows of a table."""
    shape = TABLES[table]
    columns = ", ".join(f'"{column}"' for column in shape.columns)
    values = f"({','.join('?' * len(shape.columns))})"
    return f'INSERT INTO "{table}" ({columns}) VALUES {",".join([values] * rows)}'  # noqa: S608  names are ours
