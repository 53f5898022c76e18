"""What an agent file holds besides its task: items, blockers, messages, metrics and the like. Pure."""

import json
from collections.abc import Iterator
from datetime import tzinfo
from itertools import chain
from typing import Any, NamedTuple

from syncd.core.moments import moment_text, parse_moment
from syncd.families.facts import Times, either, measure, possible
from syncd.families.words import ITEM_STATUS, fold_status
from syncd_models.documents.compound_state import Item, StateFile, UsageEntry
from syncd_models.values import Row

CHILDREN = ("task_items", "blockers", "concerns", "next_steps", "deliverables", "messages", "metrics", "llm_usage")
LONGEST_TEXT = 4096
LONGEST_ID = 255
NOT_MEASURES = frozenset({"startTime", "endTime", "startedAt", "completedAt", "updatedAt", "timestamp"})


class Source(NamedTuple):
    """Where a row comes from and what it belongs to."""

    session: str
    task: str | None
    path: str

    @property
    def owner(self) -> str:
        """Return the id that the ids of children begin with."""
        return self.task or self.session


def add_children(
    rows: dict[str, list[Row]], source: Source, document: StateFile, times: Times, naive: tzinfo
) -> list[str]:
    """Add what one file holds besides its task, and return notes."""
    session, task, path = source
    recorded = moment_text(times.updated or times.end or times.start)
    items, notes = item_rows(source, document)
    rows["task_items"] += items
    rows["blockers"] += [
        (key, session, task, position, each.type, cut(each.message), each.requiresHuman, each.requiresAgent, path)
        for key, position, each in entries(source, "blocker", document.blockers)
    ]
    rows["concerns"] += [
        (key, session, task, position, each.severity, cut(each.message), path)
        for key, position, each in entries(source, "concern", document.concerns)
    ]
    rows["next_steps"] += [
        (key, session, task, position, each.agent, cut(each.action), each.priority, path)
        for key, position, each in entries(source, "next_step", document.nextSteps)
    ]
    rows["deliverables"] += [
        (key, session, task, position, each.type, cut(each.title), each.file, details(each.rest), path)
        for key, position, each in entries(source, "deliverable", document.deliverables)
    ]
    rows["messages"] += [
        (key, session, task, position, each.to, cut(each.content), size(each.content),
         _time(each.timestamp, naive), path)
        for key, position, each in entries(source, "message", document.messages)
    ]  # fmt: skip
    rows["llm_usage"] += [
        (key, task, each.model, each.input_tokens, each.output_tokens, each.cost_usd, each.duration_ms,
         used_at(each, naive) or recorded, path)
        for key, _, each in entries(source, "llm_usage", document.llm_usage)
    ]  # fmt: skip
    rows["metrics"] += metric_rows(source, document, recorded)
    return notes


def entries(source: Source, kind: str, found: list[Any] | None) -> Iterator[tuple[str, int, Any]]:
    """Yield id, position and entry of one list; unreadable entries keep their positions."""
    return (
        (f"{source.owner}/{kind}/{position}", position, entry)
        for position, entry in enumerate(found or ())
        if entry is not None
    )


def _time(value: str | float | None, naive: tzinfo) -> str | None:
    return moment_text(parse_moment(value, naive))


def used_at(usage: UsageEntry, naive: tzinfo) -> str | None:
    """Return when a model was used, by the first of three names that says it."""
    written = (usage.usedAt, usage.used_at, usage.timestamp)
    return next((text for value in written if (text := _time(value, naive))), None)


def item_rows(source: Source, document: StateFile) -> tuple[list[Row], list[str]]:
    """Make the rows of ``tasks``, ``completedTasks`` and ``checks``; the same id twice: the last wins."""
    session, task, path = source
    found: dict[str, Row] = {}
    notes: list[str] = []
    planned = document.tasks or []
    done = document.completedTasks or []
    marked = {item.description for item in done if item and item.plain}
    known = {own_id(item) for item in planned if item}
    listed = chain(
        ((item, item and own_id(item) in marked) for item in planned),
        ((None if item and item.plain and item.description in known else item, True) for item in done),
        ((item, False) for item in document.checks or ()),
    )
    for position, (item, complete) in enumerate(listed):
        if item is None:
            continue
        own = own_id(item)
        key = f"{source.owner}/item/{own or position}"
        if key in found:
            notes.append(f"the id {own or position} stands twice; the last one counts")
        found[key] = (
            key, session, task, own, position, item.description or item.title or item.name,
            "completed" if complete else fold_status(item.status, ITEM_STATUS),
            possible(either(item.duration, item.durationSeconds)), path,
        )  # fmt: skip
    return list(found.values()), notes


def own_id(item: Item) -> str | None:
    """Return the id that an item has of its own, unless it is too long for one."""
    return item.id if item.id and len(item.id) <= LONGEST_ID else None


def metric_rows(source: Source, document: StateFile, recorded: str | None) -> Iterator[Row]:
    """Yield one row for every number under ``metrics`` and ``scores``, and for ``qualityScore``."""
    if document.metrics is None and document.scores is None and document.qualityScore is None:
        return
    kind, entity = ("session" if source.task is None else "task"), source.owner
    iteration = either(document.iteration, document.iterationCount)
    context = f"iteration {iteration}" if iteration is not None else None
    points = dict(numbers(document.metrics or {}, ""))
    points.update(numbers(document.scores or {}, "scores."))
    if document.qualityScore is not None:
        points["qualityScore"] = document.qualityScore
    for name, value in points.items():
        key = f"{entity}/{name}/{recorded or ''}"
        yield (key, kind, entity, name, value, context, recorded, source.path)


def numbers(found: Any, prefix: str) -> Iterator[tuple[str, float]]:
    """Yield each number with the dotted name that leads to it."""
    named = found.items() if isinstance(found, dict) else enumerate(found)
    for name, value in named:
        if name in NOT_MEASURES:
            continue
        if isinstance(value, (dict, list)):
            yield from numbers(value, f"{prefix}{name}.")
        elif (number := measure(value)) is not None:
            yield f"{prefix}{name}", number


def cut(text: str | None) -> str | None:
    """Return text of at most 4 KiB, cut between characters."""
    if text is None or len(text) * 4 <= LONGEST_TEXT:
        return text
    return text.encode()[:LONGEST_TEXT].decode(errors="ignore")


def size(text: str | None) -> int | None:
    """Return the UTF-8 bytes of a text."""
    return None if text is None else len(text.encode())


def details(rest: dict[str, Any] | None) -> str | None:
    """Return as JSON as many of the other keys of an entry as fit into 4 KiB."""
    kept: dict[str, Any] = {}
    room = LONGEST_TEXT - 1
    for key, value in (rest or {}).items():
        cost = len(_json({key: value}).encode()) - 1
        if cost <= room:
            kept[key] = value
            room -= cost
    return _json(kept) if kept else None


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
