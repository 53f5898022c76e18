"""The files of a session directory, as orchestrators and agents really write them."""

from typing import Any

from pydantic import AliasChoices, Field

from syncd_models.documents.lenient import Flag, Lenient, Moment, Number, Text, Whole


def also(*names: str) -> Any:
    """Declare an optional field with every name that writers use for it; the first one found counts."""
    return Field(default=None, validation_alias=AliasChoices(*names))


class Measures(Lenient):
    """The part of ``metrics`` that says when and how long."""

    startTime: Moment | None = None
    endTime: Moment | None = None
    duration: Number | None = None


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
    used_at: Moment | None = also("usedAt", "used_at", "timestamp")


class StateFile(Lenient):
    """Any JSON file of a session directory: leader, agent, verification, review, marketing, ``session.json``."""

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
    targetRepo: Text | None = also("targetRepo", "target_repo")
    priority: Text | None = None
    priorityFile: Text | None = None
    prdFile: Text | None = also("prdFile", "prd_file")
    branchName: Text | None = also("branchName", "branch")
    baseBranch: Text | None = None
    prUrl: Text | None = also("prUrl", "pr_url")
    phase: Text | None = None
    exitCode: Whole | None = None
    iteration: Whole | None = also("iteration", "iterationCount")
    parentSessionId: Text | None = None
    purpose: Text | None = None
    tags: list[Text | None] | None = None

    task: Text | None = None
    description: Text | None = None
    currentTask: Text | None = None
    llmUsed: Text | None = also("llm_used", "llmUsed")
    retryCount: Whole | None = also("retryCount", "retry_count")
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
    llmUsage: list[UsageEntry | None] | None = also("llm_usage", "llmUsage")

    measures: Measures | None = None
    metrics: dict[str, Any] | None = None
    scores: dict[str, Any] | None = None
    qualityScore: Number | None = None

    @classmethod
    def normalised(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Write every list of things as a list of objects, and every name of a thing as its text."""
        found = {key: value for key, value in data.items() if value is not None and key != "measures"}
        for name, reader in ENTRIES.items():
            if (value := found.get(name)) is not None:
                found[name] = reader(value)
        for name in ("currentTask", "error"):
            if isinstance(value := found.get(name), dict):
                found[name] = _named(value)
        if isinstance(metrics := found.get("metrics"), dict):
            found["measures"] = {key: metrics[key] for key in Measures.model_fields if metrics.get(key) is not None}
        return found


def _named(thing: dict[str, Any]) -> Any:
    """Return the text that names an object written where text is usual."""
    texts = (thing.get(key) for key in ("description", "task", "title", "message", "name", "id"))
    return next((text for text in texts if isinstance(text, str) and text.strip()), None)


def _item(entry: Any) -> Any:
    """Read one entry of a list of items: an object, or text alone."""
    if isinstance(entry, str):
        return {"description": entry, "plain": True} if entry.strip() else None
    if isinstance(entry, dict):
        own = entry.get("id")
        whole = isinstance(own, int) and not isinstance(own, bool)
        return {**entry, "id": str(own), "plain": False} if whole else {**entry, "plain": False}
    return entry


def _items(value: Any) -> Any:
    """Read items written as a list, or as an object whose keys name them."""
    if isinstance(value, list):
        return [_item(entry) for entry in value]
    if isinstance(value, dict):
        return [_keyed(name, entry) for name, entry in value.items()]
    return value


def _keyed(name: str, entry: Any) -> Any:
    """Read one named item: its status word, or an object."""
    if isinstance(entry, dict):
        return {"description": name, **_item(entry), "id": name}
    return {"id": name, "description": name, "status": entry}


def _texts_as(key: str) -> Any:
    """Make a reader of entries of which one that is text alone means an object with that key."""

    def entries(value: Any) -> Any:
        if not isinstance(value, list):
            return value
        return [({key: entry} if entry.strip() else None) if isinstance(entry, str) else entry for entry in value]

    return entries


def _deliverables(value: Any) -> Any:
    """Read deliverables, and keep what else each says."""
    if not isinstance(value, list):
        return value
    return [
        {**entry, "rest": {k: v for k, v in entry.items() if k not in {"type", "title", "file"}}}
        if isinstance(entry, dict)
        else entry
        for entry in _texts_as("title")(value)
    ]


ENTRIES = {
    "tasks": _items,
    "completedTasks": _items,
    "checks": _items,
    "blockers": _texts_as("message"),
    "concerns": _texts_as("message"),
    "nextSteps": _texts_as("action"),
    "deliverables": _deliverables,
    "messages": _texts_as("content"),
}
