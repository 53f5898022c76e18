"""From one look at a bundle and what is held of it to the next Step. Pure: the heart of the program."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, NamedTuple

from syncd.core.diff import diff
from syncd.core.family import Family, Past, Projection, Reading
from syncd.errors import DocumentError
from syncd_models.values import Change, Checkpoint, Fault, Held, Look, Member, Refusal, Row, Rows, Step


def advance(family: Family, look: Look, held: Held) -> Step | None:
    """Decide what one look changes; None when the store is already level with it.

    A refused file is part of the step: its checkpoint moves to the refused digest, its rows and facts stay.
    """
    if look.vanished:
        return _parting(family, look, held)
    if look.untouched or _level(family, look, held):
        return None
    verdict = judge(family, look, held)
    kept = verdict.kept(family, held)
    if not verdict.documents and (held.archived or not kept) and family.archived(look.bundle.name):
        # Whatever once gave rows has left, and what is here was never good: the rows stay as an archive.
        return replace(_ledger(family, look, held, verdict), archived=_alive(family, look, held))
    projection = family.project(look.bundle, verdict.documents, Past(held, kept))
    if owned := dict(_owned_elsewhere(projection.rows, held)):
        return advance(family, refusing(look, owned), held)
    return _step(family, look, held, verdict, projection)


class Expected(NamedTuple):
    """What would bring the rows of a bundle level with its files as they are."""

    changes: tuple[Change, ...] = ()
    owed: int = 0
    """How many values no file can confirm."""
    references: Rows = MappingProxyType({})
    """Rows that must be there for those of the bundle to point at."""


def expected(family: Family, look: Look, held: Held) -> Expected:
    """Compare the rows that are held with what the files say.

    This is ``advance`` without its trust in checkpoints: every member is decoded and projected again.
    """
    verdict = judge(family, look, held)
    kept = verdict.kept(family, held)
    if not verdict.documents and (held.archived or not kept) and family.archived(look.bundle.name):
        return Expected(diff(held.rows, {}, retained=family.retained) if _alive(family, look, held) else ())
    projection = family.project(look.bundle, verdict.documents, Past(held, kept))
    if owned := dict(_owned_elsewhere(projection.rows, held)):
        return expected(family, refusing(look, owned), held)
    changes = diff(held.rows, projection.rows, kept=kept, retained=family.retained)
    fresh = family.project(look.bundle, verdict.documents, Past(Held()))
    return Expected(changes, _owed(family, projection.rows, fresh.rows, held), projection.references)


def _owed(family: Family, rows: Rows, fresh: Rows, held: Held) -> int:
    """Count the values that the past gives: columns that the files alone would fill otherwise, and rows only held."""
    count = 0
    for table, known in held.rows.items():
        if table in family.built_in:
            continue  # what no file says of such a row, its id alone does
        alone = {row[0]: row for row in fresh.get(table, ())}
        said = {row[0]: row for row in rows.get(table, ())}
        count += sum(len(row) - 2 for row_id, row in known.items() if row_id not in said)
        for row_id, row in said.items():
            other = alone.get(row_id)
            if other is not row and other != row:
                count += sum(a != b for a, b in zip(row, other or (None,) * len(row), strict=True))
    return count


@dataclass(slots=True)
class Verdict:
    """What became of each member: a document, a refusal, or wait and see."""

    documents: dict[str, Any] = field(default_factory=dict)
    notes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    refusals: dict[str, Refusal] = field(default_factory=dict)
    waiting: tuple[str, ...] = ()
    leaving: tuple[str, ...] = ()

    def kept(self, family: Family, held: Held) -> frozenset[str]:
        """Return the paths that gave something once and cannot speak now."""
        silent = {*self.refusals, *self.waiting, *self.leaving}
        if not silent:
            return frozenset()
        mirrored = (rows for table, rows in held.rows.items() if table not in family.retained)
        gave = {row[-2] for rows in mirrored for row in rows.values()}
        gave.update(path for path, known in held.files.items() if known.generation or known.facts)
        return frozenset(silent & gave)


def judge(family: Family, look: Look, held: Held) -> Verdict:
    """Read every member on its own, so that a bad one never holds its neighbours back."""
    verdict = Verdict(leaving=tuple(path for path in held.files if path not in look.members and path not in look.gone))
    for path, member in look.members.items():
        try:
            verdict.documents[path], verdict.notes[path] = _reading(family, path, member)
        except DocumentError as error:
            if member.fresh:
                verdict.waiting += (path,)
            else:
                verdict.refusals[path] = Refusal(path, member.sha256, error.fault)
    return verdict


def _reading(family: Family, path: str, member: Member) -> Reading:
    """Return what a member says; raises DocumentError."""
    if member.fault:
        raise DocumentError(member.fault)
    return family.read(path, member.data or b"")


def refusing(look: Look, faults: Mapping[str, Fault]) -> Look:
    """Return the look with some members refused for a reason that their bytes do not show."""
    refused = {path: look.members[path]._replace(fault=fault, fresh=False) for path, fault in faults.items()}
    return replace(look, members={**look.members, **refused})


def _parting(family: Family, look: Look, held: Held) -> Step:
    """Let a bundle go: its rows stay as they are, or leave too where the database mirrors strictly."""
    dropped = tuple(held.files.values())
    if not look.mirrored:
        return Step(look.bundle, dropped=dropped, archived=_alive(family, look, held))
    generations = {path: known.generation for path, known in held.files.items()}
    left = family.project(look.bundle, {}, Past(held)).rows
    return Step(look.bundle, changes=diff(held.rows, left), generations=generations, dropped=dropped)


def _alive(family: Family, look: Look, held: Held) -> bool:
    """Tell whether the bundle has a row that is not archived yet."""
    rows = held.rows.get(family.bundle_table, {})
    return look.bundle.id in rows and not held.archived


def _level(family: Family, look: Look, held: Held) -> bool:
    """Tell whether every member has the bytes, the stamps and the standing that its checkpoint says."""
    return (
        look.members.keys() == held.files.keys()
        and not held.archived
        and all(_unchanged(family, member, held.files[path]) for path, member in look.members.items())
        and all((path in held.racy) == member.racy for path, member in look.members.items())
    )


def _unchanged(family: Family, member: Member, known: Checkpoint) -> bool:
    decided = known.state == "quarantined" or (known.state == "ok" and member.fault is None)
    same = known.sha256 == member.sha256 and known.stat == member.stat and known.version == family.version
    return decided and same and not member.again


def _owned_elsewhere(rows: Rows, held: Held) -> Iterator[tuple[str, Fault]]:
    """Yield the files that give a row whose id another bundle already owns."""
    for table in rows if held.foreign else ():
        for row in rows[table]:
            if owner := held.foreign.get(str(row[0])):
                yield str(row[-1]), Fault(f"{row[-1]} gives the id {row[0]!r}, which {owner} already owns")


def _step(family: Family, look: Look, held: Held, verdict: Verdict, projection: Projection) -> Step:
    """Add the rows to what the ledger has to remember."""
    step = _ledger(family, look, held, verdict, projection)
    generations = {path: known.generation for path, known in held.files.items()}
    generations.update((point.path, point.generation) for point in step.checkpoints)
    first = bool(verdict.documents) and _is_first(family, look, held)
    if first and not any(held.rows.values()):  # as nearly all are: no change is made of each row
        rows = {
            table: [(*row, generations[row[-1]]) for row in found]  # type: ignore[index]
            for table, found in projection.rows.items()
        }
        return replace(step, first=True, rows=rows, references=projection.references, generations=generations)
    changes = diff(held.rows, projection.rows, kept=verdict.kept(family, held), retained=family.retained)
    step = replace(step, changes=changes, references=projection.references, generations=generations)
    return _arriving(family, step) if first else step


def _is_first(family: Family, look: Look, held: Held) -> bool:
    """Tell whether nothing of the bundle was ever applied."""
    known = look.bundle.id in held.rows.get(family.bundle_table, {}) or bool(held.last_generations)
    return not known and not any(point.generation for point in held.files.values())


def _arriving(family: Family, step: Step) -> Step:
    """Return the step with its new rows apart: one entry of the change log sums them up, but for shared tables."""
    rows: dict[str, list[Row]] = {}
    told: list[Change] = []
    for change in step.changes:
        if change.before is not None or change.after is None or change.table in family.built_in:
            told.append(change)
        else:
            rows.setdefault(change.table, []).append((*change.after, step.generations[change.path or ""]))
    return replace(step, first=True, rows=rows, changes=tuple(told))


def _ledger(family: Family, look: Look, held: Held, verdict: Verdict, projection: Projection | None = None) -> Step:
    """Return the step that remembers what was decided about each file."""
    found = projection or Projection()
    checkpoints: list[Checkpoint] = []
    applied: list[Checkpoint] = []
    superseded: list[Checkpoint] = []
    for path, member in look.members.items():
        known = held.files.get(path)
        point = _checkpoint(family, path, member, held, verdict, found)
        if point != known:
            checkpoints.append(point)
            if point.state == "ok" and (known is None or known.generation != point.generation):
                applied.append(point)
            if known and known.state != "quarantined" and known.sha256 and known.sha256 != point.sha256:
                superseded.append(known)
    changed = {point.path for point in checkpoints}
    return Step(
        look.bundle,
        cause="upgrade" if _only_upgraded(family, checkpoints, held) else None,
        checkpoints=tuple(checkpoints),
        applied=tuple(applied),
        superseded=tuple(superseded),
        dropped=tuple(known for path, known in held.files.items() if path in look.gone),
        refusals=tuple(refusal for path, refusal in verdict.refusals.items() if path in changed),
        cleared=tuple(path for path in changed if path not in verdict.refusals and _was(held, path, "quarantined")),
        racy=tuple(path for path, member in look.members.items() if member.racy and path not in held.racy),
        settled=tuple(path for path, member in look.members.items() if not member.racy and path in held.racy),
        waiting=verdict.waiting,
        leaving=() if look.partial else verdict.leaving,  # nobody knows what a closed directory holds
    )


def _only_upgraded(family: Family, checkpoints: Sequence[Checkpoint], held: Held) -> bool:
    """Tell whether the bytes are those that were decided about, by another version of the projection."""
    known = [held.files.get(point.path) for point in checkpoints]
    same = all(old and old.sha256 == point.sha256 for old, point in zip(known, checkpoints, strict=True))
    return same and any(old and old.version != family.version for old in known)


def _was(held: Held, path: str, state: str) -> bool:
    known = held.files.get(path)
    return known is not None and known.state == state


def _checkpoint(
    family: Family, path: str, member: Member, held: Held, verdict: Verdict, found: Projection
) -> Checkpoint:
    """Return what to remember of one file: generations count contents that were applied."""
    known = held.files.get(path)
    generation = known.generation if known else 0
    facts, notes = (known.facts, known.notes) if known else (None, None)
    facts = found.facts.get(path, facts)
    if path in verdict.documents:
        if known is None or known.state == "quarantined" or known.sha256 != member.sha256:
            generation = max(generation, held.last_generations.get(path, 0)) + 1
        said = (*verdict.notes[path], *found.notes.get(path, ()))
        notes = json.dumps(said, ensure_ascii=False) if said else None
        return Checkpoint(
            path, *member.stat, member.sha256, family.version, "ok", generation, notes, found.facts.get(path)
        )  # fmt: skip
    if path in verdict.waiting:
        # The digest stays that of the last good bytes: if they come back, nothing has happened.
        digest = known.sha256 if known and known.state != "quarantined" else None
        return Checkpoint(path, *member.stat, digest, family.version, "waiting", generation, notes, facts)
    return Checkpoint(path, *member.stat, member.sha256, family.version, "quarantined", generation, notes, facts)
