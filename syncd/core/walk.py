"""What rows were at a moment: walked back from a later one through the change log. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

import orjson

EPOCH = 8_192
"""Entries of the change log in one epoch: so many are read at most to learn a whole table's state at a moment."""

Record: TypeAlias = dict[str, Any]
"""A row by column, without ``synced_rev``."""


class Entry(NamedTuple):
    """What the walk needs of one entry of the change log; ``before`` is JSON."""

    row_id: str
    op: str
    before: str | None


def walk_back(rows: Mapping[str, Record | None], entries: Iterable[Entry]) -> dict[str, Record | None]:
    """Return rows of one table as they were before the entries, which come newest first; None where there was no row.

    A creation leads back to no row, a deletion to the row that it took away, an update to what its columns held.
    """
    found = dict(rows)
    for row_id, op, before in entries:
        if op == "c":
            found[row_id] = None
        elif op == "d":
            found[row_id] = orjson.loads(before or "{}")
        else:
            found[row_id] = {**(found.get(row_id) or {}), **orjson.loads(before or "{}")}
    return found


def epoch_of(seq: int, size: int = EPOCH) -> int:
    """Return the epoch in which an entry lies."""
    return seq // size


def last_of(epoch: int, size: int = EPOCH) -> int:
    """Return the last ``seq`` of an epoch."""
    return (epoch + 1) * size - 1
