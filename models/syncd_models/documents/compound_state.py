"""The files of a session directory, as orchestrators and agents really write them."""

from collections.abc import Callable
from typing import Any, TypeAlias

from syncd_models.documents.lenient import (
    LARGEST,
    SMALLEST,
    Flag,
    Lenient,
    Moment,
    Number,
    Text,
    Whole,
    unless_blank,
)

Reader: TypeAlias = Callable[[Any], Any]
"""What brings the ways of writing one field to a single one; what it cannot read stays as it is."""


class Item(Lenient):
    """One entry of ``tasks``, ``completedTasks`` or ``checks``."""

    id: Text | None = None
    description: Text | None = None
    title: Text | None = None
    name: Text | None = None
    status: Text | None = None
    duration: Number | None = None
    durationSeconds: Number | None = None
    plain: bool = False
    """Written as text alone."""


class BlockerEntry(Lenient):
    """One entry of ``blockers``."""

    type: Text | None = None
    message: Text | None = None
    requiresHuman: Flag | None = None
    requiresAgent: Text | None = None


class ConcernEntry(Lenient):
    """One entry of ``concerns``."""

    severity: Text | None = None
    message: Text | None = None


class NextStepEntry(Lenient):
    """One entry of ``nextSteps``."""

    agent: Text | None = None
    action: Text | None = None
    priority: Text | None = None


class DeliverableEntry(Lenient):
    """One entry of ``deliverables``; what else it says is kept as it is."""

    type: Text | None = None
    title: Text | None = None
    file: Text | None = None
    rest: dict[str, Any] | None = None


class MessageEntry(Lenient):
    """One entry of ``messages``."""

    to: Text | None = None
    content: Text | None = None
    timestamp: Moment | None = None


class UsageEntry(Lenient):
    """One entry of ``llm_usage``."""

    model: Text | None = None
    input_tokens: Whole | None = None
    output_tokens: Whole | None = None
    cost_usd: Number | None = None
    duration_ms: Number | None = None
    usedAt: Moment | None = None
    used_at: Moment | None = None
    timestamp: Moment | None = None


class StateFile(Lenient):
    """Any JSON file of a session directory: leader, agent, verification, review, marketing, ``session.json``.

    What writers spell in two ways is two fields: the second counts where the first says nothing that can be read.
    """

    status: Text | None = None
    startTime: Moment | None = None
    startedAt: Moment | None = None
    createdAt: Moment | None = None
    endTime: Moment | None = None
    completedAt: Moment | None = None
    timestamp: Moment | None = None
    updatedAt: Moment | None = None
    durationSeconds: Number | None = None

    team: Text | None = None
    targetRepo: Text | None = None
    target_repo: Text | None = None
    priority: Text | None = None
    priorityFile: Text | None = None
    prdFile: Text | None = None
    branchName: Text | None = None
    branch: Text | None = None
    baseBranch: Text | None = None
    prUrl: Text | None = None
    pr_url: Text | None = None
    phase: Text | None = None
    exitCode: Whole | None = None
    iteration: Whole | None = None
    iterationCount: Whole | None = None
    parentSessionId: Text | None = None
    purpose: Text | None = None
    tags: list[Text | None] | None = None

    task: Text | None = None
    description: Text | None = None
    currentTask: Text | None = None
    llm_used: Text | None = None
    llmUsed: Text | None = None
    retryCount: Whole | None = None
    retry_count: Whole | None = None
    error: Text | None = None
    message: Text | None = None
    domain: Text | None = None

    tasks: list[Item | None] | None = None
    completedTasks: list[Item | None] | None = None
    checks: list[Item | None] | None = None
    blockers: list[BlockerEntry | None] | None = None
    concerns: list[ConcernEntry | None] | None = None
    nextSteps: list[NextStepEntry | None] | None = None
    deliverables: list[DeliverableEntry | None] | None = None
    messages: list[MessageEntry | None] | None = None
    llm_usage: list[UsageEntry | None] | None = None

    metrics: dict[str, Any] | None = None
    scores: dict[str, Any] | None = None
    qualityScore: Number | None = None

    sections: dict[str, Any] | None = None
    """Entries of business tables by table, as ``documents.business.Listed``: never from a key of this name."""

    @classmethod
    def normalised(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Write every list of things as a list of objects, and every name of a thing as its text."""
        found = {key: value for key, value in data.items() if value is not None}
        found.pop("sections", None)
        for name, reader in READERS.items():
            if (value := found.get(name)) is not None:
                found[name] = reader(value)
        return found


def _said_in(*keys: str) -> Reader:
    """Make a reader of a text which may be written as an object that says it under one of these keys."""

    def text(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        found = (_id_text(value.get(key)) if key == "id" else value.get(key) for key in keys)
        return next((each for each in found if _says(each)), None)

    return text


def _says(value: Any) -> bool:
    """Tell whether a value is a text with something in it."""
    return isinstance(value, str) and unless_blank(value) is not None


def _id_text(value: Any) -> Any:
    """Return the text of an id that is written as a number."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if whole and SMALLEST <= value <= LARGEST else value


def _item(entry: Any) -> Any:
    """Read one entry of a list of items: an object, or text alone."""
    if isinstance(entry, str):
        return {"description": entry, "plain": True} if _says(entry) else None
    if isinstance(entry, dict):
        if isinstance(entry.get("id"), str) and "plain" not in entry:
            return entry  # as nearly all are written: no copy
        return {**entry, "id": _id_text(entry.get("id")), "plain": False}
    return entry


def _items(value: Any) -> Any:
    """Read items written as a list."""
    return [_item(entry) for entry in value] if isinstance(value, list) else value


def _tasks(value: Any) -> Any:
    """Read items written as a list, or as an object of status words or items by name."""
    if not isinstance(value, dict):
        return _items(value)
    return [
        {**entry, "id": name, "name": entry["name"] if _says(entry.get("name")) else name, "plain": False}
        if isinstance(entry, dict)
        else _named(name, entry)
        for name, entry in value.items()
    ]


def _checks(value: Any) -> Any:
    """Read items written as an object of status words by name; any other way is none."""
    return [_named(name, word) for name, word in value.items()] if isinstance(value, dict) else {}


def _named(name: str, word: Any) -> dict[str, Any]:
    """Read one item that is a name and a status word."""
    return {"id": name, "description": name, "status": word}


def _texts_as(key: str) -> Reader:
    """Make a reader of entries of which one that is text alone means an object with that key."""

    def entries(value: Any) -> Any:
        if not isinstance(value, list):
            return value
        return [({key: entry} if _says(entry) else None) if isinstance(entry, str) else entry for entry in value]

    return entries


def _deliverables(value: Any) -> Any:
    """Read deliverables, and keep what else each says."""
    if not isinstance(value, list):
        return value
    return [
        {**entry, "rest": {k: v for k, v in entry.items() if k not in {"type", "title", "file"}}}
        if isinstance(entry, dict)
        else entry
        for entry in _titles(value)
    ]


_titles = _texts_as("title")

READERS: dict[str, Reader] = {
    "currentTask": _said_in("description", "task", "title", "name", "id"),
    "error": _said_in("message"),
    "tasks": _tasks,
    "completedTasks": _items,
    "checks": _checks,
    "blockers": _texts_as("message"),
    "concerns": _texts_as("message"),
    "nextSteps": _texts_as("action"),
    "deliverables": _deliverables,
    "messages": _texts_as("content"),
}
