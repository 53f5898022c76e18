"""Start over: a new database, made of the files and what the past owes, is proved and takes the old one's place."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from syncd.core.family import Family
from syncd.core.reconcile import drift
from syncd.engine import Pass, settle, sync_all, sync_batches
from syncd.errors import SyncdError
from syncd.ports import Source
from syncd.stores.copying import check, complete, copy
from syncd.stores.sql import SqlStore
from syncd.verify import Difference, Verification, bundles_of, verify
from syncd_models.values import Bundle, Change, Held, Look, Step


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
            doubted = copy(store, fresh)
            seq = fresh.log.last()[0]
            on_stage("reading every file")
            for source, each in zip(sources, passes, strict=True):
                _level(source, fresh, each)
            complete(fresh, sources[0].family)  # what still points at nothing is no file's
            on_stage("verifying")
            found = _proved(sources, fresh, passes)
            check(fresh, doubted)
            corrected = fresh.query("SELECT COUNT(*) FROM changes WHERE seq > ? AND cause = 'rebuild'", (seq,))
            on_stage("putting it in place")
            store.take(fresh)
        finally:
            fresh.discard()
    return Rebuilt(found, corrected[0][0], next((each.held_back for each in passes if each.held_back), None))


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
    forged, silent = _silent(mine, source, fresh)
    sync_batches([bundle for bundle in mine if bundle not in silent], doubting, fresh, again)
    sync_batches(forged, doubting, fresh, replace(again, mirror=True))
    settle(doubting, fresh, again)


def _silent(bundles: Sequence[Bundle], source: Source, fresh: SqlStore) -> tuple[list[Bundle], set[Bundle]]:
    """Return the bundles that nobody ever read, and those together with the archived ones, of which no file speaks."""
    family = source.family
    heard = {name for name, _ in chain(source.scan(), fresh.stamps(source.workspace, family.version))}
    silent = {bundle for bundle in bundles if f"{bundle.name}/" not in heard and family.archived(bundle.name)}
    text = f'SELECT id FROM "{family.bundle_table}" WHERE archived_at IS NULL'  # noqa: S608  names are ours
    alive = {row_id for (row_id,) in fresh.query(text)}
    read = fresh.log.first_read_after(0)
    forged = [bundle for bundle in bundles if bundle in silent and bundle.id in alive and bundle.id not in read]
    return forged, {bundle for bundle in silent if bundle.id not in alive or bundle.id not in read}


def _proved(sources: Sequence[Source], fresh: SqlStore, passes: Sequence[Pass]) -> Verification:
    """Verify the new database, less what no bundle owns; a bundle whose files are on the move is not judged."""
    family = sources[0].family
    found = verify(sources, fresh)
    moving = _moving(sources, fresh)
    strays = [each for each in _judged(found, family, moving) if each.column is None and each.held == "a row"]
    if strays:
        _drop(family, fresh, strays)
        for source, each in zip(sources, passes, strict=True):
            _level(source, fresh, each)  # a stray may have had the id that a file gives
        found = verify(sources, fresh)
        moving = _moving(sources, fresh)
    if bad := _judged(found, family, moving):
        first = f"{bad[0].table} {bad[0].row_id}"
        raise SyncdError(
            f"the new database differs from the files in {len(bad)} place(s), the first in {first}; the old one stays",
            "`syncd verify` compares the old one; if it is clean, please report this as a bug.",
        )
    found.differences.clear()
    return found


def _judged(found: Verification, family: Family, moving: frozenset[str]) -> list[Difference]:
    """Return the differences that count: those of bundles whose files stand still."""
    return [each for each in found.differences if family.owner(each.table, each.row_id, each.path) not in moving]


def _moving(sources: Sequence[Source], fresh: SqlStore) -> frozenset[str]:
    """Return the bundles whose files are not as they were when they were read, or are gone and held back."""
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
