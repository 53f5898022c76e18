"""A workbench: the family, a root of real files and a real SQLite database, wired as the command line wires them."""

import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

from syncd import engine
from syncd.core.family import Family
from syncd.engine import Pass
from syncd.families.compound_state import Options, compound_state
from syncd.sources.files import Files
from syncd.stores.sql import SqlStore
from syncd.stores.sqlite import SQLite
from syncd_models.values import DEFAULT_WORKSPACE, Bundle, Step

Rows: TypeAlias = dict[str, dict[str, dict[str, Any]]]
"""Table -> row id -> column -> value, without ``synced_rev``."""

LONG_AGO = 3600.0


@dataclass
class Workbench:
    """One workspace of one database: what is on disk is synced when it is told to, and only then."""

    root: Path
    database: Path
    workspace: str = DEFAULT_WORKSPACE
    options: Options = field(default_factory=Options)
    age: float = LONG_AGO
    """Seconds that the source's clock is ahead; from 2 on, no file counts as half-written or racy."""
    family: Family = field(init=False)
    source: Files = field(init=False)
    store: SqlStore = field(init=False)

    def __post_init__(self) -> None:
        """Open the database, which is made if need be."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.family = compound_state(self.options)
        self.source = Files(self.family, self.workspace, self.root, self.options.limits.size, self.now_ns)
        if not self.database.exists():
            self.database.write_bytes(empty_database())
        database = SQLite(self.database)
        self.store = SqlStore(database, database.open(), lambda: datetime.now(UTC).replace(tzinfo=None))
        self.store.seed(self.family)

    def now_ns(self) -> int:
        """Return the time of the source's clock."""
        return time.time_ns() + int(self.age * 1e9)

    def close(self) -> None:
        """Close the database."""
        self.store.close()

    def sync(self, run: Pass | None = None) -> list[Step]:
        """Sync everything under the root, and return the steps that were taken."""
        run, steps = collecting(run)
        engine.sync_all(self.source, self.store, run)
        return steps

    def sync_some(self, names: Iterable[str], run: Pass | None = None) -> list[Step]:
        """Sync the sessions of these directory names, and return the steps that were taken."""
        run, steps = collecting(run)
        engine.sync_some([Bundle(self.workspace, name) for name in names], self.source, self.store, run)
        return steps

    def rows(self, tables: Iterable[str] = ()) -> Rows:
        """Return the rows of these tables, else of all that the family fills, of every workspace."""
        return {table: self._table(table) for table in tables or self.family.tables}

    def _table(self, table: str) -> dict[str, dict[str, Any]]:
        found = self.store.connection.execute(f'SELECT * FROM "{table}"')  # noqa: S608  names are ours
        columns = [column for column, *_ in found.description]
        rows = [dict(zip(columns, row, strict=True)) for row in found]
        return {row["id"]: {column: value for column, value in row.items() if column != "synced_rev"} for row in rows}

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return every row of every table, the ledger's too."""
        tables = self.store.query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        return {name: sorted(self.store.query(f'SELECT * FROM "{name}"'), key=repr) for (name,) in tables}  # noqa: S608


def collecting(run: Pass | None) -> tuple[Pass, list[Step]]:
    """Return a pass, and the list to which it adds its steps."""
    run, steps = run or Pass(), []
    told = run.on_step

    def on_step(step: Step) -> None:
        steps.append(step)
        told(step)

    run.on_step = on_step
    return run, steps


@cache
def empty_database() -> bytes:
    """Return a new database's bytes: a copy is made faster than a schema."""
    with TemporaryDirectory() as folder:
        database = SQLite(Path(folder, "new.db"))
        with closing(database.open()) as connection:
            SqlStore(database, connection, datetime.now).seed(compound_state(Options()))
        return database.path.read_bytes()


@contextmanager
def workbench(workspace: str = DEFAULT_WORKSPACE) -> Iterator[Workbench]:
    """Lend a workbench whose files are gone afterwards, one for each example of a property."""
    with TemporaryDirectory() as folder:
        bench = Workbench(Path(folder, "state"), Path(folder, "test.db"), workspace)
        with closing(bench):
            yield bench
