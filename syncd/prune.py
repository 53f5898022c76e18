"""Keep it small: archived sessions and entries of the change log that are older than anybody wants to know."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from syncd.core.family import Family
from syncd.core.moments import moment_text
from syncd.stores.sql import SqlStore, batched
from syncd_models.values import Bundle, Held, Step

BATCH = 100
"""Sessions a transaction."""
CHUNK = 20_000
"""Entries of the change log a transaction."""


@dataclass(slots=True)
class Pruned:
    """What was removed, or would be."""

    archived_before: str
    """Sessions that were archived before this time are removed."""
    changes_before: str | None
    """What was before this time is not known any more; None where all of it is."""
    sessions: list[str] = field(default_factory=list)
    rows: int = 0
    changes: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the documented fields."""
        return asdict(self)


def prune(store: SqlStore, family: Family, now: datetime, days: tuple[int, int], *, dry: bool = False) -> Pruned:
    """Remove archived sessions, and entries of the change log, that are older than so many days; or only count them.

    ``now`` is naive UTC. A session that is removed leaves one entry, ``r`` with the cause ``prune``: what was before is
    not known any more.
    """
    archived, changes = (moment_text(now - timedelta(days=each)) or "" for each in days)
    found = Pruned(archived, store.horizon())
    text = "SELECT id FROM sessions WHERE archived_at < ? ORDER BY id"
    found.sessions = [row_id for (row_id,) in store.query(text, (archived,))]
    last = store.log.seq_before(changes)
    with_sessions, others = _count_changes(store, found.sessions, last)
    found.changes = with_sessions + others
    asked, found.sessions = found.sessions, []
    for part in batched(asked, BATCH):
        gone = _remove_sessions(store, family, [family.bundle_named(row_id) for row_id in part], dry=dry)
        found.sessions += [bundle.id for bundle in gone]
        found.rows += sum(len(rows) for each in gone.values() for rows in each.rows.values())
    if others:
        found.changes_before = max(changes, found.changes_before or "")
    if last and not dry:
        _remove_changes(store, found, last)
    return found


def _count_changes(store: SqlStore, sessions: Sequence[str], last: int) -> tuple[int, int]:
    """Count the entries that go with their session, and the others up to one entry."""
    with_sessions, others = 0, int(store.query("SELECT COUNT(*) FROM changes WHERE seq <= ?", (last,))[0][0])
    for part in batched(sessions, BATCH):
        marks = ",".join("?" * len(part))
        counted = f"SELECT COUNT(*), COUNT(CASE WHEN seq <= ? THEN 1 END) FROM changes WHERE bundle IN ({marks})"  # noqa: S608
        ((count, old),) = store.query(counted, (last, *part))
        with_sessions += count
        others -= old
    return with_sessions, others


def _remove_sessions(store: SqlStore, family: Family, bundles: Sequence[Bundle], *, dry: bool) -> Mapping[Bundle, Held]:
    """Remove all that is known of sessions, in one transaction, and return what was held of them."""
    if dry:
        return store.held(family, bundles, whole=True)
    with store.writer():
        held = store.held(family, bundles, whole=True)
        gone = {bundle: each for bundle, each in held.items() if each.archived}  # none that came back meanwhile
        with store.transaction():
            last = store.log.last()[0]
            store.log.write(family, [Step(bundle, first=True) for bundle in gone], "prune", store.log_moment())
            for bundle, each in gone.items():
                _remove(store, family, bundle, each, last)
    return gone


def _remove(store: SqlStore, family: Family, bundle: Bundle, held: Held, last: int) -> None:
    """Remove the rows of one session, and its past up to an entry of the log."""
    logged = "SELECT DISTINCT table_name, row_id FROM changes WHERE bundle = ? AND op <> 'r'"
    snapshots = {(table, row_id) for table, row_id in store.query(logged, (bundle.id,))}
    store.run("DELETE FROM snapshots WHERE table_name = ? AND row_id = ?", sorted(snapshots))
    store.run("DELETE FROM changes WHERE bundle = ? AND seq <= ?", [(bundle.id, last)])
    for table in reversed(family.tables):
        store.run(f'DELETE FROM "{table}" WHERE id = ?', [(row_id,) for row_id in held.rows.get(table, ())])  # noqa: S608
    for table in ("file_versions", "files", "racy_files", "quarantine"):
        text = f"DELETE FROM {table} WHERE workspace = ? AND path >= ? AND path < ?"  # noqa: S608  names are ours
        store.run(text, [(bundle.workspace, f"{bundle.name}/", f"{bundle.name}0")])


def _remove_changes(store: SqlStore, found: Pruned, last: int) -> None:
    """Remove the entries up to one, a part at a time: others may write in between."""
    first = store.log.before_first() + 1
    if first <= last:
        # Said first: whoever is cut off half-way knows less than was left, and never more.
        store.record("prune", store.moment(), found.as_json())
    for upto in (*range(first + CHUNK, last, CHUNK), last) if first <= last else ():
        with store.writer(), store.transaction():
            store.run("DELETE FROM changes WHERE seq <= ?", [(upto,)])
    # Also where no entry is left to be removed: an earlier run may have been cut off here.
    with store.writer(), store.transaction():
        store.log.drop_snapshots(last)
