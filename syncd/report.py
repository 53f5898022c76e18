"""A whole sync, root after root, and the report of it: every step is counted, nothing is printed."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from syncd import engine
from syncd.core.family import Family
from syncd.engine import Pass
from syncd.sources.files import Files
from syncd.status import Refused, matters, quarantine
from syncd.stores.sql import SqlStore
from syncd_models.values import Bundle, Step

if TYPE_CHECKING:
    from syncd.verify import Verification

MOST_RECORDS = 1000
"""So many entries stand in a list of the JSON report at most, and so many changes of a dry run are kept."""
OPS = {"c": "created", "u": "updated", "d": "deleted"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a sync is asked to do."""

    bundles: tuple[Bundle, ...] = ()
    """Only these; without any, everything."""
    dry_run: bool = False
    accept_missing: bool = False
    mirror: bool = False
    """Delete the rows of sessions that vanished, instead of archiving them."""


class RowCounts(NamedTuple):
    """How many rows were written."""

    created: int = 0
    updated: int = 0
    deleted: int = 0


class PlannedChange(NamedTuple):
    """One row that a dry run would change, in the words of the change log; ``r`` is the first read of a bundle."""

    op: str
    table: str | None
    row_id: str
    path: str | None


class RefusedFile(NamedTuple):
    """A file in quarantine: why, and where in it."""

    workspace: str
    path: str
    reason: str
    line: int | None
    column: int | None
    excerpt: str | None


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync did, or, of a dry run, what it would do."""

    dry_run: bool = False
    sessions_changed: int = 0
    """How many sessions had rows to write."""
    data: tuple[str, ...] = ()
    """Ids of the ``data/`` directories that had rows to write."""
    rows: RowCounts = field(default_factory=RowCounts)
    changes: tuple[PlannedChange, ...] = ()
    """What a dry run would change, the first 1000; else empty."""
    archived: tuple[str, ...] = ()
    """Ids of sessions that were archived in this run."""
    archived_before: tuple[str, ...] = ()
    """Ids of sessions that were named and have been archived by an earlier run."""
    refused: tuple[RefusedFile, ...] = ()
    """Files in quarantine now, of the named sessions or of all."""
    waiting: tuple[str, ...] = ()
    """Paths of files that still look half-written."""
    leaving: tuple[str, ...] = ()
    """Paths of files that are missing, and not for long enough yet."""
    ignored_names: tuple[str, ...] = ()
    """Names that are not UTF-8, escaped."""
    held_back: str | None = None
    """Why nothing was removed, if something should have been."""
    missing: int = 0
    """How many sessions are missing on disk and kept all the same."""

    @property
    def data_changed(self) -> bool:
        """Tell whether a ``data/`` directory had rows to write."""
        return bool(self.data)

    @property
    def exit_code(self) -> int:
        """Return 1 when something is refused, half-written or held back; a bad ``session.json`` alone is not."""
        bad = (*(each.path for each in self.refused), *self.waiting)
        return int(any(map(matters, bad)) or bool(self.held_back))

    def as_json(self) -> dict[str, Any]:
        """Return the documented fields."""
        return {
            "schema": 1, "dry_run": self.dry_run, "sessions_changed": self.sessions_changed,
            "data_changed": self.data_changed, "rows": self.rows._asdict(),
            "changes": [each._asdict() for each in self.changes[:MOST_RECORDS]],
            "archived": [*self.archived[:MOST_RECORDS]],
            "refused": [each._asdict() for each in self.refused[:MOST_RECORDS]],
            "waiting": [*self.waiting[:MOST_RECORDS]], "leaving": [*self.leaving[:MOST_RECORDS]],
            "ignored_names": [*self.ignored_names[:MOST_RECORDS]],
            "held_back": self.held_back, "missing": self.missing,
        }  # fmt: skip


def sync_roots(
    sources: Sequence[Files],
    store: SqlStore,
    asked: Asked,
    on_step: Callable[[Step], None] = lambda _: None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> SyncReport:
    """Sync every root, or what is named of it, and return what came of it.

    Each step goes to ``on_step`` once it is decided for good. Raises ConfigError, SourceUnavailable, StoreUnavailable
    or StoreRefused.
    """
    started = store.moment()
    tally = _Tally(asked.dry_run, on_step)
    for source in sources:
        run = Pass(
            cause="sync", dry=asked.dry_run, again=bool(asked.bundles), accept_missing=asked.accept_missing,
            mirror=asked.mirror, on_step=partial(tally.add, source.family), on_progress=on_progress,
        )  # fmt: skip
        named = [bundle for bundle in asked.bundles if bundle.workspace == source.workspace]
        if named:
            engine.sync_some(named, source, store, run)
        elif not asked.bundles:
            engine.sync_all(source, store, run)
        tally.finish(run, source)
    report = tally.report(store, asked.bundles)
    if not asked.dry_run and not asked.bundles:
        store.record("reconcile", started, report.as_json())
    return report


@dataclass(slots=True)
class _Tally:
    """What a sync has done so far; rows are counted and never kept."""

    dry_run: bool
    on_step: Callable[[Step], None]
    sessions: int = 0
    data: list[str] = field(default_factory=list)
    rows: Counter[str] = field(default_factory=Counter)
    changes: list[PlannedChange] = field(default_factory=list)
    archived: list[str] = field(default_factory=list)
    refused: list[RefusedFile] = field(default_factory=list)
    """Files whose quarantine a dry run would begin or renew."""
    decided: set[tuple[str, str]] = field(default_factory=set)
    """Workspace and path of files whose quarantine a dry run would begin, renew or end."""
    doubtful: dict[Bundle, Step] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)
    leaving: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    held_back: str | None = None
    missing: int = 0

    def add(self, family: Family, step: Step) -> None:
        """Count one step; a dry run, which meets a bundle in doubt again and again, waits for the last of them."""
        self.doubtful.pop(step.bundle, None)
        if self.dry_run and (step.waiting or step.leaving):
            self.doubtful[step.bundle] = step
        else:
            self._count(family, step)

    def _count(self, family: Family, step: Step) -> None:
        listed = step.bundle.name not in family.unlisted
        if step.changes or step.archived or any(step.rows.values()):
            self.sessions += listed
            self.data += [] if listed else [step.bundle.id]
        self.rows["created"] += sum(len(rows) for rows in step.rows.values())
        self.rows.update(OPS[change.op] for change in step.changes)
        if step.archived:
            self.archived.append(step.bundle.id)
        if self.dry_run:
            self._foresee(step, family.bundle_table if listed else None)
        self.on_step(step)

    def _foresee(self, step: Step, table: str | None) -> None:
        """Keep what a dry run would change."""
        self.changes += _planned(step, table)[: MOST_RECORDS - len(self.changes)]
        workspace = step.bundle.workspace
        decided = {*step.cleared, *(refusal.path for refusal in step.refusals), *(point.path for point in step.dropped)}
        self.decided |= {(workspace, path) for path in decided}
        self.refused += [RefusedFile(workspace, refusal.path, *refusal.fault) for refusal in step.refusals]

    def finish(self, run: Pass, source: Files) -> None:
        """Note what a pass over one root left open."""
        for step in self.doubtful.values():
            self._count(source.family, step)
        self.doubtful.clear()
        self.held_back = self.held_back or (f"{run.held_back} ({source.name})" if run.held_back else None)
        self.missing += run.missing
        self.ignored += sorted(source.odd_names)
        self.waiting += run.waiting
        self.leaving += run.leaving

    def report(self, store: SqlStore, named: Sequence[Bundle]) -> SyncReport:
        """Return the sum, with what the database says of quarantine and archive."""
        names = {(bundle.workspace, bundle.name) for bundle in named}
        held = [
            row for row in quarantine(store)
            if (row.workspace, row.path) not in self.decided
            and (not names or (row.workspace, row.path.partition("/")[0]) in names)
        ]  # fmt: skip
        return SyncReport(
            self.dry_run, self.sessions, tuple(dict.fromkeys(self.data)),
            RowCounts(**{name: self.rows[name] for name in RowCounts._fields}),
            tuple(self.changes), tuple(self.archived), tuple(self._archived_before(store, named)),
            (*self.refused, *map(_refused, held)),
            tuple(self.waiting), tuple(self.leaving), tuple(self.ignored), self.held_back, self.missing,
        )  # fmt: skip

    def _archived_before(self, store: SqlStore, named: Sequence[Bundle]) -> list[str]:
        if not named:
            return []
        archived = {row_id for (row_id,) in store.query("SELECT id FROM sessions WHERE archived_at IS NOT NULL")}
        return [bundle.id for bundle in named if bundle.id in archived - {*self.archived}]


def _refused(row: Refused) -> RefusedFile:
    return RefusedFile(row.workspace, row.path, row.reason, row.line, row.column, row.excerpt)


def _planned(step: Step, table: str | None) -> list[PlannedChange]:
    """Return what a step changes; ``table`` holds the bundle's own row, if it has one."""
    whole = (table, step.bundle.id, None)
    found = [PlannedChange("r", *whole)] if step.first else []
    found += [PlannedChange(change.op, change.table, change.row_id, change.path) for change in step.changes]
    return found + ([PlannedChange("u", *whole)] if step.archived else [])


def verify_counts(found: "Verification") -> dict[str, int]:
    """Return the documented numbers of a verification."""
    return {
        "sessions": found.bundles, "rows": found.rows, "owed_values": found.owed, "archived": found.archived,
        "differences": len(found.differences),
    }  # fmt: skip
