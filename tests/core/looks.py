"""Hand-made looks, and a store that is a value: what is held after a step."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from syncd.core.advance import advance
from syncd.core.family import Family
from syncd.families.compound_state import Options, compound_state
from syncd_models.schema import TABLES
from syncd_models.values import Bundle, Checkpoint, Fault, Held, Look, Member, Row, Stat, Step

BUNDLE = Bundle("default", "session-1")
FAMILY = compound_state(Options())
ARCHIVED_AT = TABLES["sessions"].columns.index("archived_at")


def path(file: str, bundle: Bundle = BUNDLE) -> str:
    """Return the path of an agent's file."""
    return f"{bundle.name}/{file}.json"


def member(content: dict[str, Any] | bytes, *, fresh: bool = False, racy: bool = False, touched: int = 0) -> Member:
    """Return a file with that content; other bytes have other stamps, and so has a file that was touched."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    digest = hashlib.sha256(data).hexdigest()
    stamp = int(digest[:8], 16) + touched
    return Member(Stat(len(data), stamp, stamp, 7), data, digest, fresh=fresh, racy=racy)


def closed(reason: str, *, fresh: bool = False) -> Member:
    """Return a file whose bytes nobody could read."""
    return Member(Stat(1, 2, 3, 4), fault=Fault(reason), fresh=fresh)


def look(files: Mapping[str, dict[str, Any] | bytes | Member], bundle: Bundle = BUNDLE, **more: Any) -> Look:
    """Return a look at files by stem."""
    found = {name: content if isinstance(content, Member) else member(content) for name, content in files.items()}
    return Look(bundle, {path(name, bundle): each for name, each in found.items()}, **more)


def without(*files: str) -> dict[str, Any]:
    """Return what makes the absence of files certain."""
    return {"gone": frozenset(map(path, files))}


@dataclass
class History:
    """What is held of one bundle, look by look."""

    held: Held = field(default_factory=Held)
    family: Family = FAMILY

    def see(self, files: Mapping[str, dict[str, Any] | bytes | Member], **more: Any) -> Step | None:
        """Advance by a look at files, and hold what comes of it."""
        return self.take(look(files, **more))

    def take(self, seen: Look) -> Step | None:
        """Advance by a look, and hold what comes of it."""
        step = advance(self.family, seen, self.held)
        if step:
            self.held = after(self.held, step)
        return step

    def must(self, files: Mapping[str, dict[str, Any] | bytes | Member], **more: Any) -> Step:
        """Advance by a look that has to change something."""
        step = self.see(files, **more)
        assert step is not None
        return step

    def file(self, name: str) -> Checkpoint:
        """Return the checkpoint of a file."""
        return self.held.files[path(name)]

    def rows(self, table: str) -> dict[str, dict[str, Any]]:
        """Return rows by id and column."""
        columns = TABLES[table].columns
        return {row_id: dict(zip(columns, row, strict=True)) for row_id, row in self.held.rows.get(table, {}).items()}


def after(held: Held, step: Step) -> Held:
    """Return what is held once a step is applied, as a store would have it."""
    files = dict(held.files)
    versions = dict(held.last_generations)
    former = (*step.superseded, *(point for point in step.dropped if point.state != "quarantined"))
    for point in (*former, *step.applied):
        if point.generation and point.sha256:
            versions[point.path] = max(point.generation, versions.get(point.path, 0))
    for point in step.dropped:
        del files[point.path]
    files.update((point.path, point) for point in step.checkpoints)
    rows: dict[str, dict[str, Row]] = {table: dict(found) for table, found in held.rows.items()}
    if step.first:
        rows = {table: {str(row[0]): row for row in found} for table, found in step.rows.items()}
    for change in step.changes:
        assert change.before == (rows.get(change.table, {}).pop(change.row_id, (None,))[:-1] or None)
        if change.after is not None:
            rows.setdefault(change.table, {})[change.row_id] = (*change.after, step.generations[str(change.path)])
    session = rows.get("sessions", {}).get(step.bundle.id)
    if step.archived and session:
        session = (*session[:ARCHIVED_AT], "2026-01-01 00:00:00", *session[ARCHIVED_AT + 1 :])
        rows["sessions"] = {step.bundle.id: session}
    left = {*step.settled, *(point.path for point in step.dropped)}
    return replace(
        held,
        files=files,
        rows=rows,
        racy=(held.racy | {*step.racy}) - left,
        archived=session is not None and session[ARCHIVED_AT] is not None,
        last_generations=versions,
    )
