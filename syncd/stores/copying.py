"""Every row of one store into another: also rows that no store would take today, for somebody made them by hand."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from syncd.core.family import Family
from syncd.errors import StoreRejected, SyncdError
from syncd.stores.sql import SqlStore
from syncd_models.schema import TABLES
from syncd_models.values import Row

PAGE = 4096


class Doubted(NamedTuple):
    """A row that only went in unchecked, and what the database has against it."""

    table: str
    row: Row
    reason: str


def copy(store: SqlStore, fresh: SqlStore) -> list[Doubted]:
    """Copy every row, whatever it points at, and return those that went in unchecked."""
    with fresh.unguarded("references"):
        return [each for table in TABLES for each in _copy(store, fresh, table)]


def complete(fresh: SqlStore, family: Family) -> None:
    """Insert the built-in rows, and those that others point at and that an id alone makes, where they are absent."""
    fresh.seed(family)
    for table in family.built_in:
        with fresh.transaction():
            fresh.insert_absent(table, [(*family.made(table, row_id), 0) for row_id in fresh.dangling(table)])


def check(fresh: SqlStore, doubted: Sequence[Doubted]) -> None:
    """Raise SyncdError when a row that went in unchecked has become no better."""
    for table, row, reason in doubted:
        columns, key = TABLES[table].columns, TABLES[table].key
        values = [row[columns.index(name)] for name in key]
        where = " AND ".join(f'"{name}" = ?' for name in key)
        if row in fresh.query(f'SELECT * FROM "{table}" WHERE {where}', values):  # noqa: S608
            raise _stays(table, values, reason)


def _stays(table: str, key: Sequence[object], reason: str) -> SyncdError:
    name = "/".join(map(str, key))
    hint = "Mend or delete that row by hand, then run `syncd rebuild` again."
    return SyncdError(f"{table} {name}: {reason}, and no file says better; the old database stays", hint)


def _copy(store: SqlStore, fresh: SqlStore, table: str) -> Iterator[Doubted]:
    for page in _pages(store, table):
        try:
            _insert(fresh, table, page)
        except StoreRejected:
            for row in page:
                yield from _copy_one(fresh, table, row)


def _copy_one(fresh: SqlStore, table: str, row: Row) -> Iterator[Doubted]:
    try:
        _insert(fresh, table, [row])
    except StoreRejected as error:
        with fresh.unguarded("words"):
            try:
                _insert(fresh, table, [row])
            except StoreRejected:
                columns, key = TABLES[table].columns, TABLES[table].key
                raise _stays(table, [row[columns.index(name)] for name in key], error.message) from error
        yield Doubted(table, row, error.message)


def _insert(fresh: SqlStore, table: str, rows: Sequence[Row]) -> None:
    with fresh.transaction():
        fresh.many("insert", table, rows)


def _pages(store: SqlStore, table: str) -> Iterator[list[Row]]:
    """Yield all rows of a table in the order of its key."""
    columns, key = TABLES[table].columns, TABLES[table].key
    names = ", ".join(f'"{name}"' for name in columns)
    by = ", ".join(f'"{name}"' for name in key)
    marks = ", ".join("?" * len(key))
    last: tuple[object, ...] = ()
    while True:
        after = f"WHERE ({by}) > ({marks})" if last else ""
        page = store.query(f'SELECT {names} FROM "{table}" {after} ORDER BY {by} LIMIT {PAGE}', last)  # noqa: S608
        yield page
        if len(page) < PAGE:
            return
        last = tuple(page[-1][columns.index(name)] for name in key)
