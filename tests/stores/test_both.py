"""The same files give the same rows, ledger, change log and views in PostgreSQL as in SQLite."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from syncd import engine
from syncd.core.patience import Patience
from syncd.engine import Pass
from syncd.families.compound_state import Options, compound_state
from syncd.history import Moment, session_at, table_at, tables
from syncd.prune import prune
from syncd.rebuild import rebuild
from syncd.sources.files import Files
from syncd.stores.sql import SqlStore
from syncd.stores.sqlite import SQLite
from syncd.verify import verify
from syncd_models.schema import TABLES
from syncd_models.values import Bundle
from syncd_models.views import VIEWS
from tests.command import example
from tests.postgres import fresh_database
from tests.trees import SESSIONS, Tree, apply_edit, edited, edits, trees, write_tree

BEGINNING = datetime(2026, 3, 1, 12)  # noqa: DTZ001  naive UTC, as in the store
DAY = timedelta(days=1)
MOVING = {"age_seconds", "silent_seconds", "seq"}
"""Columns that differ from one second to the next, and the order in which the changes of one moment are written."""
FAMILY = compound_state(Options())


@dataclass
class Clock:
    """A clock that stands still unless it is moved."""

    now: datetime = BEGINNING

    def __call__(self) -> datetime:
        """Return the time as naive UTC."""
        return self.now


@dataclass
class Pair:
    """One root, and a store of each kind that is kept level with it; all of them go by one clock."""

    root: Path
    stores: list[SqlStore]
    clock: Clock
    sources: list[Files] = field(init=False)

    def __post_init__(self) -> None:
        """Look at the root once for each store."""
        self.root.mkdir(exist_ok=True)
        self.sources = [Files(FAMILY, "default", self.root, 2**24, an_hour_ahead) for _ in self.stores]

    def sync(self, *, accept_missing: bool = False, mirror: bool = False) -> None:
        """Bring both level with the files."""
        self.clock.now += timedelta(seconds=1.5)
        for source, store in zip(self.sources, self.stores, strict=True):
            run = Pass(patience=Patience(grace=0.0), accept_missing=accept_missing, mirror=mirror)
            engine.sync_all(source, store, run)

    def same(self, ask: Callable[[SqlStore, Files], Any]) -> Any:
        """Hold the answers of both to be equal, and return them."""
        expected, found = (ask(store, source) for store, source in zip(self.stores, self.sources, strict=True))
        assert found == expected
        return found

    def compare(self) -> None:
        """Hold everything that can be asked of both to be equal, and both to be what the files say."""
        for table in TABLES:
            expected, found = (dumped(store, table) for store in self.stores)
            assert found == expected, table
        for view in VIEWS:
            expected, found = (dumped(store, view) for store in self.stores)
            assert [*map(near, found)] == [*map(near, expected)], view
        assert self.same(lambda store, source: verify([source], store)).differences == []


def an_hour_ahead() -> int:
    """Return a time at which no file that was just written counts as racy or half-written."""
    return time.time_ns() + 3600 * 10**9


def dumped(store: SqlStore, table: str) -> list[dict[str, Any]]:
    """Return what a table or view holds, sorted, less what moves while one looks."""
    found = [
        {name: value for name, value in sorted(row.items()) if name not in MOVING}
        for row in store.records(f'SELECT * FROM "{table}"')  # noqa: S608  names are ours
    ]
    return sorted(found, key=lambda row: repr(row).replace(".0", ""))


def near(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row whose fractions need not agree in the last digit: sums have an order."""
    return {name: float(f"{value:.12g}") if isinstance(value, float) else value for name, value in row.items()}


def moment_of_session(bundle: Bundle, at: str, store: SqlStore, source: Files) -> Moment:
    """Return a session as it was at a time, less the number of the entry."""
    return replace(session_at(store, source.family, bundle, at), seq=0)


def moment_of_table(table: str, at: str, store: SqlStore, source: Files) -> Moment:
    """Return a table as it was at a time, less the number of the entry."""
    return replace(table_at(store, source.family, table, at), seq=0)


@contextmanager
def pair(folder: Path) -> Iterator[Pair]:
    """Lend two new stores and an empty root."""
    clock = Clock()
    sqlite, postgres = SQLite(folder / "both.db"), fresh_database()
    with (
        closing(SqlStore(sqlite, sqlite.open(), clock)) as one,
        closing(SqlStore(postgres, postgres.open(), clock)) as other,
    ):
        for store in (one, other):
            store.seed(FAMILY)
        yield Pair(folder / "state", [one, other], clock)


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Pair]:
    """Lend two new stores and an empty root."""
    with pair(tmp_path) as made:
        yield made


def test_the_example_gives_the_same_in_both(both: Pair) -> None:
    """Rows, checkpoints, quarantine, change log, snapshots and views, after the first sync and after changes."""
    both.root.rmdir()
    example(both.root)
    both.sync()
    both.compare()
    (both.root / "session-1770631507" / "backend.json").write_text('{"status": "completed", "task": "mended"}')
    (both.root / "session-1770537842" / "frontend.json").unlink()
    (both.root / "data" / "leads.json").write_text('[{"id": "lead-1", "score": 3.5}]')
    shutil.rmtree(both.root / "session-1772270433-4127")
    both.sync()
    both.compare()


def test_the_past_is_the_same_in_both(both: Pair) -> None:
    """Tables and sessions of any moment are equal, also after a prune and a rebuild."""
    both.root.rmdir()
    example(both.root)
    moments = []
    for status in ("running", "blocked", "completed"):
        (both.root / "session-1770631507" / "backend.json").write_text(f'{{"status": "{status}"}}')
        both.sync()
        moments.append(both.stores[0].moment())
    shutil.rmtree(both.root / "session-1770631507")
    both.sync()
    bundle = Bundle("default", "session-1770631507")
    for at in moments:
        both.same(partial(moment_of_session, bundle, at))
        for table in tables(FAMILY):
            both.same(partial(moment_of_table, table, at))
    both.clock.now += 2 * DAY
    pruned = both.same(lambda store, _: prune(store, FAMILY, both.clock.now, (1, 1)))
    assert pruned.sessions == [bundle.id]
    both.same(lambda store, source: rebuild([source], store, Pass()))
    both.compare()


@settings(max_examples=20, derandomize=True, database=None, phases=[Phase.generate])
@given(st.data())
def test_random_trees_give_the_same_in_both(data: st.DataObject) -> None:
    """Whatever the files hold, and whatever becomes of them: sessions vanish, come back, and are mirrored."""
    tree: Tree = data.draw(trees())
    with TemporaryDirectory() as folder, pair(Path(folder)) as both:
        write_tree(both.root, tree)
        both.sync()
        both.compare()
        for _ in range(2):
            for edit in data.draw(edits(tree)):
                apply_edit(both.root, edit)
                tree = edited(tree, edit)
            both.sync()
        there = {path.name for path in both.root.iterdir()}
        for name in data.draw(st.lists(st.sampled_from(SESSIONS), unique=True)):
            if name in there:
                shutil.rmtree(both.root / name)
        both.sync(accept_missing=True, mirror=data.draw(st.booleans()))
        both.compare()
        write_tree(both.root, tree)
        both.sync()
        both.compare()
