"""Start over: a new database, made of the files and what the past owes, is proved and takes the old one's place."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from syncd.core.family import Family
from syncd.core.reconcile import drift
from syncd.engine import Pass, settle, sync_all, sync_batches
from syncd.errors import StoreRejected, SyncdError
from syncd.ports import Source
from syncd.stores.sql import SqlStore
from syncd.verify import Difference, Verification, bundles_of, verify
from syncd_models.schema import TABLES
from syncd_models.values import Bundle, Change, Held, Look, Row, Step

PAGE = 4096


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What the new database holds, and how it differs from the old one."""

    verified: Verification
    corrected: int
    """Rows that were not what their files say, and are now; the change log has them with the cause ``rebuild``."""
    held_back: str | None
    """Why sessions that are gone were not archived on the way, if so."""


def rebuild(
    sources: Sequence[Source], store: SqlStore, run: Pass, on_stage: Callable[[str], None] = lambda _: None
) -> Rebuilt:
    """Make the database anew and put it in place; until then, and if anything fails, the old one stays as it is.

    Readers see the old database or the new one, never a half. Raises SyncdError when the new one cannot be proved.
    """
    on_stage("syncing")
    passes = [replace(run, doubtful={}) for _ in sources]
    for source, each in zip(sources, passes, strict=True):
        sync_all(source, store, each)  # what may be removed is decided here, by the brake
    with store.writer():  # nobody writes what the new database would not have
        fresh = store.beside()
        try:
            on_stage("copying")
            for table in TABLES:
                _copy(store, fresh, table)
            seq = fresh.log.last()[0]
            on_stage("reading every file")
            for source, each in zip(sources, passes, strict=True):
                _level(source, fresh, each)
            on_stage("verifying")
            found = _proved(sources, fresh)
            corrected = fresh.query("SELECT COUNT(*) FROM changes WHERE seq > ? AND cause = 'rebuild'", (seq,))
            on_stage("putting it in place")
            store.take(fresh)
        finally:
            fresh.discard()
    return Rebuilt(found, corrected[0][0], next((each.held_back for each in passes if each.held_back), None))


def _copy(store: SqlStore, fresh: SqlStore, table: str) -> None:
    """Copy the rows of one table; those that the new database would never take stay behind."""
    for page in _pages(store, table):
        try:
            with fresh.transaction():
                fresh.many("insert", table, page)
        except StoreRejected:
            for row in page:
                with suppress(StoreRejected), fresh.transaction():
                    fresh.many("insert", table, [row])


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


@dataclass(frozen=True, slots=True)
class Doubting:
    """A source whose every file is read and decided about anew, whatever the checkpoints say."""

    source: Source

    @property
    def family(self) -> Family:
        """Return the kind of files that it holds."""
        return self.source.family

    @property
    def workspace(self) -> str:
        """Return the name of its root."""
        return self.source.workspace

    @property
    def name(self) -> str:
        """Name the root."""
        return self.source.name

    def identity(self) -> tuple[int, int]:
        """Return device and inode of the root."""
        return self.source.identity()

    def has(self, bundle: Bundle) -> bool:
        """Tell whether a bundle has anything on disk."""
        return self.source.has(bundle)

    def scan(self) -> Iterator[tuple[str, list[tuple[str, int, int, int, int]]]]:
        """Yield the stamps of every bundle."""
        return self.source.scan()

    def read(self, bundle: Bundle, held: Held, *, again: bool = False) -> Look:
        """Look at one bundle as if for the first time."""
        del held, again
        look = self.source.read(bundle, Held())
        return replace(look, members={path: member._replace(again=True) for path, member in look.members.items()})


def _level(source: Source, fresh: SqlStore, run: Pass) -> None:
    """Bring the rows of one root level with its files, trusting nothing that was copied."""
    again = replace(run, cause="rebuild", doubtful={})
    doubting = Doubting(source)
    mine = [bundle for bundle in bundles_of([source], fresh) if bundle.workspace == source.workspace]
    sync_batches(mine, doubting, fresh, again)
    settle(doubting, fresh, again)


def _proved(sources: Sequence[Source], fresh: SqlStore) -> Verification:
    """Verify the new database, less what no bundle owns; a bundle that is just being written is not judged."""
    family = sources[0].family
    found = verify(sources, fresh)
    if found.differences:
        fresh.seed(family)
        _drop(family, fresh, [each for each in found.differences if each.column is None and each.held == "a row"])
        for source in sources:
            sync_all(source, fresh, Pass(cause="rebuild", may_remove=False))
        found = verify(sources, fresh)
    moving = _moving(sources, fresh)
    bad = [each for each in found.differences if family.owner(each.table, each.row_id, each.path) not in moving]
    if bad:
        first = f"{bad[0].table} {bad[0].row_id}"
        raise SyncdError(
            f"the new database differs from the files in {len(bad)} place(s), the first in {first}; the old one stays",
            "`syncd verify` compares the old one; if it is clean, please report this as a bug.",
        )
    found.differences.clear()
    return found


def _moving(sources: Sequence[Source], fresh: SqlStore) -> frozenset[str]:
    """Return the bundles whose files are not as they were when they were read."""
    return frozenset(
        Bundle(source.workspace, each.name).id
        for source in sources
        for each in drift(source.scan(), fresh.stamps(source.workspace, source.family.version))
    )


def _drop(family: Family, fresh: SqlStore, strays: Sequence[Difference]) -> None:
    """Remove rows that no file gives and the past does not owe; the change log tells of each."""
    steps = []
    for each in strays:
        text = f'SELECT * FROM "{each.table}" WHERE id = ?'  # noqa: S608  names are ours
        change = (Change(each.table, each.row_id, row[:-1], None) for row in fresh.query(text, (each.row_id,)))
        bundle = family.bundle_named(family.owner(each.table, each.row_id, each.path))
        steps.append(Step(bundle, changes=tuple(change)))
    fresh.apply(family, steps, "rebuild")
