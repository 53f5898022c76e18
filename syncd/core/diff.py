"""What changes between the rows held and the rows projected. Pure."""

from collections.abc import Iterator, Mapping

from syncd_models.values import Change, Row, Rows


def diff(
    held: Mapping[str, Mapping[str, Row]],
    projected: Rows,
    *,
    kept: frozenset[str] = frozenset(),
    retained: frozenset[str] = frozenset(),
) -> tuple[Change, ...]:
    """Return creations, updates and deletions, parents first; ``diff(x, x)`` is empty.

    Held rows end with ``synced_rev``, which is not compared. Rows of ``kept`` paths and of ``retained`` tables are
    never deleted.
    """
    return tuple(_differences(held, projected, kept, retained))


def _differences(
    held: Mapping[str, Mapping[str, Row]], projected: Rows, kept: frozenset[str], retained: frozenset[str]
) -> Iterator[Change]:
    for table in [*projected, *(table for table in held if table not in projected)]:
        before, seen = held.get(table, {}), set()
        for row in projected.get(table, ()):
            row_id = str(row[0])
            seen.add(row_id)
            known = before.get(row_id)
            if known is None:
                yield Change(table, row_id, None, row)
            elif known[:-1] != row:
                yield Change(table, row_id, known[:-1], row)
        if table not in retained:
            for row_id, row in before.items():
                if row_id not in seen and row[-2] not in kept:
                    yield Change(table, row_id, row[:-1], None)
