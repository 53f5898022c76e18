"""Is the database what the files say? Every row is computed again and compared."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from syncd.core.advance import expected
from syncd.core.family import Family
from syncd.engine import BATCH
from syncd.ports import Source, Store
from syncd_models.schema import TABLES
from syncd_models.values import Bundle, Change, Held, Look

NESTED = 64


class Difference(NamedTuple):
    """One value that is not what its file says; ``column`` is None where the whole row is missing or too many."""

    table: str
    row_id: str
    column: str | None
    held: object
    expected: object
    path: str | None


@dataclass(slots=True)
class Verification:
    """What was compared, and what came of it."""

    bundles: int = 0
    rows: int = 0
    owed: int = 0
    """Values that no file can confirm: sticky times, retained points, rows of refused files."""
    archived: int = 0
    """Sessions whose files are gone, so that nothing can be said of their rows."""
    differences: list[Difference] = field(default_factory=list)


def verify(
    sources: Sequence[Source], store: Store, on_progress: Callable[[int], None] = lambda _: None
) -> Verification:
    """Compute f(files) and compare it with the live rows; a bundle that differs is read once more before it counts."""
    found = Verification()
    by_workspace = {source.workspace: source for source in sources}
    family = sources[0].family
    present = {Bundle(source.workspace, name[:-1]) for source in sources for name, _ in source.scan()}
    held = {family.bundle_named(row_id) for row_id, _ in store.row_ids(family.bundle_table)}
    counts: dict[str, int] = dict.fromkeys(family.tables, 0)
    bundles = sorted(present | held, key=lambda bundle: bundle.id)
    for start in range(0, len(bundles), BATCH):
        _verify_batch(bundles[start : start + BATCH], by_workspace, store, family, found, counts)
        on_progress(start)
    found.rows = sum(counts.values())
    found.differences += _strays(family, store, counts, set(bundles))
    found.differences += _built_in(family, store)
    return found


def _verify_batch(
    bundles: Sequence[Bundle],
    sources: dict[str, Source],
    store: Store,
    family: Family,
    found: Verification,
    counts: dict[str, int],
) -> None:
    held = store.held(family, bundles, whole=True)
    for bundle in bundles:
        known = held[bundle]
        for table, rows in known.rows.items():
            counts[table] += len(rows)
        source = sources.get(bundle.workspace)
        if source is None:
            continue
        look = _whole(source, bundle, known)
        if known.archived and not look.members:
            found.archived += 1
            continue
        found.bundles += 1
        changes, owed = expected(family, look, known)
        if changes or known.archived:
            with store.writer():  # what differs may only just be changing: nobody writes while it is read once more
                known = store.held(family, [bundle], whole=True)[bundle]
                changes, owed = expected(family, _whole(source, bundle, known), known)
        found.owed += owed
        found.differences += [difference for change in changes for difference in _differences(change)]


def _whole(source: Source, bundle: Bundle, held: Held) -> Look:
    """Read every file, trusting no checkpoint: what is absent is gone, what is bad is bad."""
    look = source.read(bundle, Held())
    members = {path: member._replace(fresh=False) for path, member in look.members.items()}
    gone = frozenset() if look.partial else frozenset(path for path in held.files if path not in members)
    return Look(bundle, members, gone, partial=look.partial)


def _differences(change: Change) -> Iterator[Difference]:
    if change.before is None or change.after is None:
        state = ("no row", "a row") if change.before is None else ("a row", "no row")
        yield Difference(change.table, change.row_id, None, *state, change.path)
        return
    columns = TABLES[change.table].columns
    for column, held, right in zip(columns, change.before, change.after, strict=False):
        if held != right:
            yield Difference(change.table, change.row_id, column, held, right, change.path)


def _strays(family: Family, store: Store, counts: dict[str, int], bundles: set[Bundle]) -> Iterator[Difference]:
    """Yield rows that no bundle's range of ids holds; looked for only where the counts do not add up."""
    for table, count in counts.items():
        rows = list(store.row_ids(table))
        if len(rows) == count:
            continue
        ranges = sorted(each for bundle in bundles for each in family.key_ranges(table, bundle))
        lows = [low for low, _ in ranges]
        for row_id, path in rows:
            # Ranges nest where one session's name begins another's, so the one before may hold it too.
            near = ranges[max(0, bisect_right(lows, row_id) - NESTED) : bisect_right(lows, row_id)]
            if not any(low <= row_id < high for low, high in near):
                yield Difference(table, row_id, None, "a row", "no row", path)


def _built_in(family: Family, store: Store) -> Iterator[Difference]:
    """Yield what differs in rows that come from no file."""
    for table, rows in family.built_in.items():
        held = {str(row[0]): row for row in store.rows(table)}
        for missing in (row for row in rows if row[0] not in held):
            yield Difference(table, str(missing[0]), None, "no row", "a row", None)
        for row_id, row in held.items():
            yield from _differences(Change(table, row_id, row[:-1], family.made(table, row_id)))
