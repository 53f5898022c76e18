"""The change log: how changes are written down, and what is asked of them."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any

import orjson

from syncd.core.family import Family
from syncd.core.walk import EPOCH, Entry, Record, epoch_of, last_of, walk_back
from syncd.errors import StoreRefused
from syncd_models.schema import TABLES
from syncd_models.values import Change, Row, Step

if TYPE_CHECKING:
    from syncd.stores.sql import SqlStore

Ranges = Sequence[tuple[str, str]]
"""Half-open ranges of row ids."""
EVERYTHING: Ranges = (("", "\U0010ffff"),)
ARCHIVED_AT = TABLES["sessions"].columns.index("archived_at")
COLUMNS = {name: table.columns[:-1] for name, table in TABLES.items()}
LEFT = "-"
"""Stands for the state of a row that was not there."""
SNAPSHOT = (
    "(SELECT COALESCE(p.state, ?) FROM snapshots p WHERE p.table_name = ? AND p.row_id = {} AND p.epoch > ? "
    "ORDER BY p.epoch LIMIT 1)"
)
"""The first snapshot of a row in a later epoch."""


class ChangeLog:
    """The log of one store. Entries are only ever added, within the transaction of what they tell."""

    def __init__(self, store: "SqlStore", size: int = EPOCH) -> None:
        """Take the store whose log it is, and how many entries an epoch has: the same for all the log's life."""
        self._store = store
        self._size = size
        self._epoch = -1
        self._kept: set[tuple[str, str]] = set()
        """Rows that have a snapshot in the epoch."""

    def forget(self) -> None:
        """Trust nothing that a transaction wrote which was taken back."""
        self._kept.clear()

    # Writing

    def last(self) -> tuple[int, str]:
        """Return number and time of the last entry."""
        found = self._store.query("SELECT seq, at FROM changes ORDER BY seq DESC LIMIT 1")
        return (found[0][0], found[0][1]) if found else (0, "")

    def write(self, family: Family, steps: Sequence[Step], cause: str, now: str) -> None:
        """Add what the steps change, and a snapshot of each row that changes for the first time in an epoch."""
        seq = self.last()[0]
        entries: list[Row] = []
        snapshots: list[Row] = []
        for step in steps:
            why = step.cause or cause
            if step.first:
                seq += 1
                entries.append((seq, now, step.bundle.id, None, None, None, None, "r", None, None, why))
            for change in chain(step.changes, self._archived(family, step)):
                seq += 1
                before, after = _differing(change)
                path = None if step.archived else change.path
                entries.append(
                    (seq, now, step.bundle.id, path, step.generations.get(path) if path else None,
                     change.table, change.row_id, change.op, before, after, why)
                )  # fmt: skip
                snapshots += self._snapshot(change, epoch_of(seq, self._size))
        self._store.many("insert", "changes", entries)
        self._store.insert_absent("snapshots", snapshots)

    def _archived(self, family: Family, step: Step) -> Iterator[Change]:
        """Yield the change of a session that is archived: the step leaves it to the store to say when."""
        if step.archived:
            text = f'SELECT * FROM "{family.bundle_table}" WHERE id = ?'  # noqa: S608  names are ours
            for row in self._store.query(text, (step.bundle.id,)):
                before = (*row[:ARCHIVED_AT], None, *row[ARCHIVED_AT + 1 : -1])
                yield Change(family.bundle_table, step.bundle.id, before, row[:-1])

    def _snapshot(self, change: Change, epoch: int) -> Iterator[Row]:
        if epoch != self._epoch:
            self._epoch = epoch
            self._kept.clear()
        key = (change.table, change.row_id)
        if key not in self._kept:
            self._kept.add(key)
            yield (*key, epoch, compact(plain(change.before)) if change.before else None)

    # Reading

    def before_first(self) -> int:
        """Return the number before that of the first entry that is left."""
        found = self._store.query("SELECT seq FROM changes ORDER BY seq LIMIT 1")
        return found[0][0] - 1 if found else 0

    def seq_at(self, at: str) -> int:
        """Return the last entry that was committed by a time, or the number before the first one that is left.

        Times in the log never go back.
        """
        low, high = self.before_first(), self.last()[0]
        while low < high:
            middle = (low + high + 1) // 2
            seq, time = self._store.query(
                "SELECT seq, at FROM changes WHERE seq >= ? ORDER BY seq LIMIT 1", (middle,)
            )[0]  # fmt: skip
            low, high = (seq, high) if time <= at else (low, middle - 1)
        return low

    def seq_before(self, at: str) -> int:
        """Return the last entry that was written before a time, less the last of all: the log never gets empty."""
        seq = self.seq_at(at)
        while seq and self._store.query("SELECT at FROM changes WHERE seq = ?", (seq,)) == [(at,)]:
            seq -= 1
        return min(seq, max(self.last()[0] - 1, 0))

    def drop_snapshots(self, seq: int) -> None:
        """Remove the snapshots that only lead to moments before an entry: those of its epoch lead to earlier ones."""
        self._store.run("DELETE FROM snapshots WHERE epoch <= ?", [(epoch_of(seq, self._size),)])

    def first_read_after(self, seq: int) -> frozenset[str]:
        """Return the bundles that were first read after an entry."""
        # Not DISTINCT: for that, SQLite would rather read the whole log in order of its bundles.
        found = self._store.query("SELECT bundle FROM changes WHERE op = 'r' AND seq > ?", (seq,))
        return frozenset(bundle for (bundle,) in found)

    def state(self, table: str, seq: int, ranges: Ranges = EVERYTHING) -> dict[str, Record]:
        """Return the rows of a table, by id, as they were right after an entry.

        Each row is walked back from its first snapshot in a later epoch, or else from today, to the end of the entry's
        epoch; from there through what the rest of that epoch changed.
        """
        rows: dict[str, Record | None] = {}
        with legible():
            for low, high in ranges:
                rows |= self._at_end_of(epoch_of(seq, self._size), table, low, high)
            entries = chain.from_iterable(self._rest_of_epoch(seq, table, low, high) for low, high in ranges)
            return {row_id: row for row_id, row in walk_back(rows, entries).items() if row is not None}

    def _at_end_of(self, epoch: int, table: str, low: str, high: str) -> dict[str, Record | None]:
        """Return rows as they were when an epoch had ended."""
        now = self.last()[0]
        text = f'SELECT t.id, {SNAPSHOT.format("t.id")} FROM "{table}" t WHERE t.id >= ? AND t.id < ?'  # noqa: S608
        states = dict(self._store.query(text, (LEFT, table, epoch, low, high)))
        found = {row_id: _state(table, state) for row_id, state in states.items() if state}
        if unchanged := {row_id for row_id, state in states.items() if not state}:
            found |= self._today(table, unchanged, now)
        for row_id, state in self._gone(epoch, table, low, high):
            if row_id not in found:
                found[row_id] = _state(table, state) if state else None
        return found

    def _today(self, table: str, ids: set[str], now: int) -> dict[str, Record | None]:
        """Return rows as they are, less what was committed after an entry: others write between two questions."""
        columns = TABLES[table].columns[:-1]
        text = f'SELECT t.* FROM "{table}" t WHERE t.id >= ? AND t.id <= ?'  # noqa: S608  names are ours
        found = self._store.query(text, (min(ids), max(ids)))
        rows = {row[0]: dict(zip(columns, row, strict=False)) for row in found if row[0] in ids}
        rows_then = walk_back(rows, self._entries(table, *EVERYTHING[0], now, self.last()[0]))
        return {row_id: rows_then.get(row_id) for row_id in ids}

    def _gone(self, epoch: int, table: str, low: str, high: str) -> list[tuple[Any, ...]]:
        """Return id and first later snapshot of each row that was deleted after an epoch had begun."""
        # All rows are asked without a range, else SQLite would not take the index of deletions; of some, that of the
        # rows leads there sooner.
        some = () if _whole(low, high) else (low, high)
        gone = "op || '' = 'd' AND row_id >= ? AND row_id < ?" if some else "op = 'd'"
        text = (
            f"SELECT g.row_id, {SNAPSHOT.format('g.row_id')} FROM (SELECT DISTINCT row_id FROM changes "  # noqa: S608
            f"WHERE table_name = ? AND seq > ? AND {gone}) g"
        )
        return self._store.query(text, (LEFT, table, epoch, table, epoch * self._size, *some))

    def _rest_of_epoch(self, seq: int, table: str, low: str, high: str) -> Iterator[Entry]:
        """Yield what happened after an entry in its epoch, newest first."""
        return self._entries(table, low, high, seq, last_of(epoch_of(seq, self._size), self._size))

    def _entries(self, table: str, low: str, high: str, after: int, last: int) -> Iterator[Entry]:
        """Yield what happened after one entry until another, newest first."""
        # No index leads to a whole table's entries by number: those of all tables are read, and there are not many.
        which = "table_name || '' = ?" if _whole(low, high) else "table_name = ?"
        text = (
            f"SELECT row_id, op, before FROM changes WHERE {which} AND row_id >= ? AND row_id < ? "  # noqa: S608
            "AND seq > ? AND seq <= ? ORDER BY seq DESC"
        )
        return map(Entry._make, self._store.query(text, (table, low, high, after, last)))


@contextmanager
def legible() -> Iterator[None]:
    """Raise StoreRefused where what the log holds is not what was written into it."""
    try:
        yield
    except ValueError as error:
        hint = "The rows themselves may be fine: `syncd verify` tells. For their past, go back to a backup."
        raise StoreRefused(f"the change log is damaged: {error}", hint) from error


def _whole(low: str, high: str) -> bool:
    return (low, high) == EVERYTHING[0]


def _state(table: str, text: str) -> Record | None:
    """Return the row that a snapshot holds. Raises ValueError for one of another schema."""
    return None if text == LEFT else dict(zip(COLUMNS[table], orjson.loads(text), strict=True))


def _differing(change: Change) -> tuple[str | None, str | None]:
    """Return before and after as JSON of the changed columns; all of them where a row comes or goes."""
    columns = TABLES[change.table].columns
    before, after = change.before, change.after
    if before is None or after is None:
        return as_json(columns, before), as_json(columns, after)
    changed = [n for n, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    names = [columns[n] for n in changed]
    return as_json(names, [before[n] for n in changed]), as_json(names, [after[n] for n in changed])


def as_json(columns: Iterable[str], values: Iterable[Any] | None) -> str | None:
    """Return values by column, as the database holds them."""
    return None if values is None else compact(dict(zip(columns, plain(values), strict=False)))


def plain(values: Iterable[Any]) -> list[Any]:
    """Return values as the database holds them: a flag that comes from a file is True, and the same one held is 1."""
    return [int(value) if isinstance(value, bool) else value for value in values]


def compact(data: Any) -> str:
    """Return JSON text without blanks."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))
