"""PostgreSQL: making and refusing a schema. All that is peculiar to it stands here and in the modules that it uses."""

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from syncd.errors import StoreRefused
from syncd.stores import sqlite
from syncd.stores.locks import AdvisoryLock, advisory_key
from syncd.stores.url import Url
from syncd.stores.wire import Connection
from syncd_models.schema import SQLITE, TABLES, VERSION
from syncd_models.views import VIEWS

if TYPE_CHECKING:
    import psycopg

MARK = "syncd_schema"
"""The table that says whose schema it is, and which version."""
TAIL = "_rebuild"
LONGEST_NAME = 63
OURS = frozenset((MARK, *TABLES, *VIEWS))
FLAGS = {
    (created[1], column)
    for statement in SQLITE
    if (created := re.match(r"CREATE TABLE (\w+)", statement))
    for column in re.findall(r"^\t(\w+) BOOLEAN", statement, re.MULTILINE)
}
"""Table and name of columns that are true or false."""


@dataclass(frozen=True, slots=True)
class Postgres:
    """A schema on a server and how to talk to it: the first of the search path, unless it is given."""

    url: Url
    given: str | None = None
    # Of two rows with one key in one statement, the server takes none: rows that may be there go one by one.
    rows_a_statement: ClassVar[Mapping[str, int]] = {"insert": 300, "upsert": 1}

    @property
    def name(self) -> str:
        """Name the database for people, without its password."""
        return f"{self.url} (schema {self.given})" if self.given else str(self.url)

    def connect(self, *, plain: bool = False) -> Connection:
        """Return a connection that sees one schema and no other. Raises StoreUnavailable or StoreRefused."""
        connection = Connection(self.url, plain=plain)
        with _kept(connection):
            connection.schema = self.given or self._first_schema(connection)
            connection.execute(f"SET search_path = {quoted(connection.schema)}")
        return connection

    def _first_schema(self, connection: Connection) -> str:
        """Return the first schema of the search path, there or not; that of the user counts only where it is there."""
        text = "SELECT current_schema(), current_user, current_setting('search_path')"
        ((found, user, path),) = connection.execute(text).fetchall()
        named = (_bare(each.strip()) for each in str(path).split(","))
        mine = (user if name == "$user" and found == user else name for name in named)
        first = next((str(name) for name in mine if name and not name.startswith(("$", "pg_"))), None)
        if first is None:
            raise StoreRefused(f"{self.url}: no schema is in the search path", f"Name one: {OWN_SCHEMA}.")
        return first

    # Opening

    def open(self, *, adopt: bool = False) -> Connection:
        """Return a connection for the writer, to a schema whose tables are made if need be.

        Raises StoreRefused for one that is newer, older or not ours; there is nothing to ``adopt`` on a server.
        """
        del adopt
        connection = self.connect()
        with _kept(connection):
            if not self._version(connection):
                with self.writing(connection):
                    if not self._version(connection):
                        self._create(connection)
        return connection

    def open_readonly(self, *, plain: bool = False) -> Connection:
        """Return a connection that cannot write. Raises StoreRefused, also where there is no database yet."""
        connection = self.connect(plain=plain)
        with _kept(connection):
            if not self._version(connection):
                hint = "Run `syncd sync` first, or choose --database."
                raise StoreRefused(f"there is no database at {self.name}", hint)
            connection.execute("SET default_transaction_read_only = on")
        return connection

    def lend(self) -> "psycopg.Connection[Any]":
        """Return the driver's own connection for others to read with, each transaction one state of the database."""
        return self.open_readonly(plain=True).lend()

    def exists(self) -> bool:
        """Tell whether our tables are there."""
        return bool(self.version())

    def version(self) -> int:
        """Return the schema version, 0 where there is none; raises StoreRefused for what is not ours."""
        with closing(self.connect()) as connection:
            return self._version(connection, older=True)

    def _version(self, connection: Connection, *, older: bool = False) -> int:
        """Return the schema version, 0 where there is none; refuse what cannot be used."""
        names = self._names(connection) & OURS
        if not names:
            return 0
        where = f"the schema {connection.schema} of {self.url}"
        if MARK not in names:
            table = min(names)
            raise StoreRefused(
                f"{where} is not a syncd database: its {table} belongs to another tool, and was left untouched",
                f"Use a database of its own, or a schema of its own: {OWN_SCHEMA}. (--adopt is for files.)",
            )
        found = connection.execute(f"SELECT version FROM {MARK}").fetchall()  # noqa: S608  our own words
        if len(found) != 1:
            hint = f"Drop its tables, or use a schema of its own: {OWN_SCHEMA}; then run `syncd sync`."
            raise StoreRefused(f"{where} is damaged: it does not say its version", hint)
        version = int(found[0][0])
        if version > VERSION:
            raise StoreRefused(
                f"{where} was written by a newer syncd (schema {version}, this one knows {VERSION})",
                "Upgrade syncd, or choose another --database.",
            )
        if version < VERSION and not older:
            raise StoreRefused(
                f"{where} has schema {version}, this release has {VERSION}, and cannot bring it up to date there",
                f"Use a schema of its own: {OWN_SCHEMA}; all but the past comes from the files.",
            )
        return version

    @staticmethod
    def _names(connection: Connection) -> frozenset[str]:
        """Return what the schema has: tables, views and the like."""
        text = "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ?"
        return frozenset(name for (name,) in connection.execute(text, (connection.schema,)).fetchall())

    def _create(self, connection: Connection) -> None:
        """Make the schema if need be, and all tables, indexes and views in it, in one transaction."""
        from syncd.stores.postgres_schema import statements

        ((encoding,),) = connection.execute("SHOW server_encoding").fetchall()
        if encoding != "UTF8":
            hint = "Make one that takes every text: createdb --encoding=UTF8 --template=template0 NAME."
            raise StoreRefused(f"the database {self.url} is encoded in {encoding}", hint)
        schema = quoted(connection.schema)
        ((there,),) = connection.execute(
            "SELECT COUNT(*) FROM pg_namespace WHERE nspname = ?", (connection.schema,)
        ).fetchall()
        made = [
            *([] if there else [f"CREATE SCHEMA {schema}"]),
            *statements(),
            f"CREATE TABLE {MARK} (version BIGINT NOT NULL)",
            f"INSERT INTO {MARK} VALUES ({VERSION})",  # noqa: S608  our own words
        ]
        connection.execute("; ".join(["BEGIN", *made, "COMMIT"]))

    # Writing

    def lock(self, kind: str) -> AdvisoryLock:
        """Return the lock of that kind: ``writer`` or ``daemon``."""
        with closing(self.connect()) as connection:
            return AdvisoryLock(advisory_key(kind, connection.schema), self.connect)

    def writing(self, connection: Connection) -> AbstractContextManager[bool]:
        """Hold the writer lock on the connection that writes, so that none writes without it."""
        return AdvisoryLock(advisory_key("writer", connection.schema), self.connect).held_by(connection)

    @staticmethod
    def begin(connection: Connection) -> None:
        """Begin a transaction that writes: one at a time, also among those who do not hold the writer lock."""
        key = advisory_key("writer", connection.schema)
        connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
        try:
            connection.execute(f"SELECT pg_advisory_xact_lock({key})")
        except BaseException:
            connection.rollback()
            raise

    @staticmethod
    def translated() -> AbstractContextManager[None]:
        """Do nothing: the connection itself raises our errors."""
        return nullcontext()

    @staticmethod
    def insert(table: str, rows: int) -> str:
        """Return the text that inserts so many rows of a table."""
        before = sqlite.insert(table, 0)
        marks = ",".join(MARKS[(table, column) in FLAGS] for column in TABLES[table].columns)
        return before + ",".join([f"({marks})"] * rows)

    @staticmethod
    def upsert(table: str, rows: int) -> str:
        """Return the text that inserts so many rows of a table, or brings those that are there level."""
        _, conflict, action = sqlite.upsert(table, 1).partition(" ON CONFLICT")
        return f"{Postgres.insert(table, rows)}{conflict}{action}"

    @staticmethod
    def unguarded(connection: Connection, what: Literal["references", "words"]) -> AbstractContextManager[None]:
        """Do nothing: the server lets nobody put in such rows, so none is there to be copied."""
        del connection, what
        return nullcontext()

    @staticmethod
    def references(connection: Connection) -> list[tuple[str, str, str]]:
        """Return nothing: the server lets nobody break a reference."""
        del connection
        return []

    # The place that it takes

    @staticmethod
    def lies_in(root: str) -> bool:
        """Tell that a server is in no directory, and so never moves along with one."""
        del root
        return False

    def size(self, tail: str = "") -> int:
        """Return the bytes of our tables with their indexes; nothing lies beside them."""
        if tail:
            return 0
        with closing(self.connect()) as connection:
            text = (
                "SELECT COALESCE(SUM(pg_total_relation_size(c.oid)), 0) FROM pg_class c "
                "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ? AND c.relname = ANY(?)"
            )
            ((found,),) = connection.execute(text, (connection.schema, [*TABLES])).fetchall()
        return int(found)

    # Taking the place of another

    def beside(self) -> "Postgres":
        """Return a schema next to this one, for what is to take its place; what an earlier try left there goes."""
        with closing(self.connect()) as connection:
            short = connection.schema.encode()[: LONGEST_NAME - len(TAIL)].decode(errors="ignore")
        fresh = Postgres(self.url, f"{short}{TAIL}")
        with closing(fresh.connect()) as connection:
            names = self._names(connection)
            if names and MARK not in names:
                hint = "Rename or drop that schema: `syncd rebuild` needs its name."
                raise StoreRefused(f"the schema {fresh.given} of {self.url} belongs to another tool", hint)
        fresh.discard()
        return fresh

    def take(self, fresh: "Postgres", connection: Connection) -> None:
        """Put what another schema holds in this one's place, in one transaction: a reader sees the old or the new.

        The tables stay the same ones, so that whoever was granted them, or made views of them, keeps them.
        ``connection`` is a writer's to this schema, outside of any transaction.
        """
        self.begin(connection)
        try:
            for table in reversed(TABLES):
                connection.execute(f'DELETE FROM "{table}"')  # noqa: S608  names are ours
            for table, shape in TABLES.items():
                columns = ", ".join(f'"{name}"' for name in shape.columns)
                source = f'{quoted(str(fresh.given))}."{table}"'
                connection.execute(f'INSERT INTO "{table}" ({columns}) SELECT {columns} FROM {source}')  # noqa: S608
            connection.execute("COMMIT")
        except BaseException:
            connection.rollback()
            raise
        connection.execute(f"VACUUM (ANALYZE) {', '.join(map(quoted, TABLES))}")

    def discard(self) -> None:
        """Remove the schema, which is one that ``beside`` has made."""
        if self.given:
            with closing(self.connect()) as connection:
                connection.execute(f"DROP SCHEMA IF EXISTS {quoted(self.given)} CASCADE")


OWN_SCHEMA = "--database 'postgresql://…/DATABASE?options=-csearch_path%3DNAME'"
MARKS = {False: "?", True: "?::integer::boolean"}
"""A place for a value; flags come as 0 and 1."""


@contextmanager
def _kept(connection: Connection) -> Iterator[None]:
    """Close a connection that is not handed out after all."""
    try:
        yield
    except BaseException:
        connection.close()
        raise


def quoted(name: str) -> str:
    """Return a name as it may stand in a text."""
    return '"' + name.replace('"', '""') + '"'


def _bare(name: str) -> str:
    """Return a name of the search path without its quotes."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
