"""Is the database what the files say? Every row is computed again and compared."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from syncd.core.advance import expected
from syncd.core.diff import diff
from syncd.core.family import Family
from syncd.engine import BATCH
from syncd.ports import Source, Store
from syncd_models.schema import TABLES
from syncd_models.values import Bundle, Change, Checkpoint, Fault, Held, Look, Member


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
    """Sessions whose files were read."""
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
    checking = _Checking({source.workspace: source for source in sources}, store, sources[0].family)
    bundles = bundles_of(sources, store)
    for start in range(0, len(bundles), BATCH):
        checking.compare(bundles[start : start + BATCH])
        on_progress(start)
    checking.found.rows = sum(checking.counts.values())
    checking.found.differences += [*checking.strays(), *checking.roster()]
    return checking.found


def bundles_of(sources: Sequence[Source], store: Store) -> list[Bundle]:
    """Return the bundles that are on disk or in the database."""
    family = sources[0].family
    present = {Bundle(source.workspace, name[:-1]) for source in sources for name, _ in source.scan()}
    held = {family.bundle_named(row_id) for row_id, _ in store.row_ids(family.bundle_table)}
    always = {Bundle(source.workspace, name) for source in sources for name in family.unlisted}
    return sorted(present | held | always, key=lambda bundle: bundle.id)


@dataclass(slots=True)
class _Checking:
    """One verification at work."""

    sources: dict[str, Source]
    store: Store
    family: Family
    found: Verification = field(default_factory=Verification)
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    referenced: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def compare(self, bundles: Sequence[Bundle]) -> None:
        """Compare the rows of some bundles with their files."""
        held = self.store.held(self.family, bundles, whole=True)
        bound = self.store.workspaces()
        for bundle in bundles:
            known = held[bundle]
            for table, rows in known.rows.items():
                self.counts[table] += len(rows)
            if source := self.sources.get(bundle.workspace):
                self._compare_one(source, bundle, known)
            elif bundle.workspace not in bound:
                self._differ(diff(known.rows, {}))

    def _compare_one(self, source: Source, bundle: Bundle, known: Held) -> None:
        look = _whole(source, bundle, known)
        if known.archived and not look.members:
            self.found.archived += 1
            return
        self.found.bundles += bundle.name not in self.family.unlisted
        right = expected(self.family, look, known)
        if right.changes or known.archived:
            with self.store.writer():  # what differs may only just be changing: nobody writes while it is read again
                known = self.store.held(self.family, [bundle], whole=True)[bundle]
                right = expected(self.family, _whole(source, bundle, known), known)
        self.found.owed += right.owed
        self._differ(right.changes)
        for table, rows in right.references.items():
            self.referenced[table].update(str(row[0]) for row in rows)

    def _differ(self, changes: Iterable[Change]) -> None:
        self.found.differences += [difference for change in changes for difference in _differences(change)]

    def strays(self) -> Iterator[Difference]:
        """Yield rows that no bundle owns; looked for only where the counts do not add up."""
        tables = [
            table
            for table in self.family.tables
            if table not in self.family.built_in and sum(1 for _ in self.store.row_ids(table)) != self.counts[table]
        ]
        if not tables:
            return
        with self.store.writer():
            owned: dict[str, set[str]] = {table: set() for table in tables}
            bundles = bundles_of([*self.sources.values()], self.store)
            for start in range(0, len(bundles), BATCH):
                for held in self.store.held(self.family, bundles[start : start + BATCH], whole=True).values():
                    for table in tables:
                        owned[table].update(held.rows.get(table, ()))
            for table in tables:
                for row_id, path in self.store.row_ids(table):
                    if row_id not in owned[table]:
                        yield Difference(table, row_id, None, "a row", "no row", path)

    def roster(self) -> Iterator[Difference]:
        """Yield what differs in rows that no bundle was compared with."""
        for table, rows in self.family.built_in.items():
            held = {str(row[0]): row for row in self.store.rows(table)}
            wanted = {*self.referenced[table], *(str(row[0]) for row in rows)}
            for row_id in sorted(wanted - held.keys()):
                yield Difference(table, row_id, None, "no row", "a row", None)
            for row_id, row in held.items() if not self.counts[table] else ():
                if row[-2] is None:
                    yield from _differences(Change(table, row_id, row[:-1], self.family.made(table, row_id)))


def _whole(source: Source, bundle: Bundle, held: Held) -> Look:
    """Read every file, trusting no checkpoint: what is absent is gone, what is bad is bad."""
    look = source.read(bundle, Held())
    members = {path: _as_decided(member, held.files.get(path)) for path, member in look.members.items()}
    gone = frozenset() if look.partial else frozenset(path for path in held.files if path not in members)
    return Look(bundle, members, gone, partial=look.partial)


def _as_decided(member: Member, known: Checkpoint | None) -> Member:
    """Return a member as it stands: what is in quarantine stays refused, also where only the database said no."""
    if known and known.state == "quarantined" and known.sha256 == member.sha256 and member.fault is None:
        return member._replace(fresh=False, fault=Fault("in quarantine"))
    return member._replace(fresh=False)


def _differences(change: Change) -> Iterator[Difference]:
    if change.before is None or change.after is None:
        state = ("no row", "a row") if change.before is None else ("a row", "no row")
        yield Difference(change.table, change.row_id, None, *state, change.path)
        return
    columns = TABLES[change.table].columns
    said_by = change.after[-1]
    for column, held, right in zip(columns, change.before, change.after, strict=False):
        if held != right:
            path = None if said_by is None else str(said_by)
            yield Difference(change.table, change.row_id, column, held, right, path)
