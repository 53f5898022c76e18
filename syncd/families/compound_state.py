"""The compound-state family: session directories of JSON files become sessions, tasks and what they hold. Pure.

Read ``project`` first: it is the whole of it. Rows are tuples in the column order of ``syncd_models.schema``.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from itertools import chain
from typing import Any, NamedTuple
from zlib import crc32

from syncd.core.decode import Limits, decode_json
from syncd.core.family import Family, Past, Projection, Reading
from syncd.core.moments import moment_text, parse_moment, seconds_between
from syncd.errors import ShapeError
from syncd.families.facts import (
    LEADERS,
    Facts,
    TaskState,
    Times,
    duration_of,
    either,
    error_of,
    facts_of,
    facts_text,
    measure,
    possible,
    row_facts,
    session_row,
    text_facts,
    times_of,
)
from syncd.families.roster import BUILT_IN, agent_id, agent_row, team_row
from syncd.families.words import FINAL, ITEM_STATUS, fold_priority, fold_status, llm_family
from syncd_models.documents.compound_state import Item, StateFile, UsageEntry
from syncd_models.schema import TABLES
from syncd_models.values import DEFAULT_WORKSPACE, Bundle, Fault, Row

VERSION = 1
CHILDREN = ("task_items", "blockers", "concerns", "next_steps", "deliverables", "messages", "metrics", "llm_usage")
LONGEST_TEXT = 4096
LONGEST_ID = 255
VERBATIM = frozenset(
    {"id", "agentId", "sessionId", "parentSessionId", "sessionKey", "file"}
    | {"priorityFile", "priority_file", "prdFile", "prd_file"}
)
NOT_MEASURES = frozenset({"startTime", "endTime", "startedAt", "completedAt", "updatedAt", "timestamp"})


@dataclass(frozen=True, slots=True)
class Options:
    """What users can set about how files are read."""

    prefixes: tuple[str, ...] = ("session-", "orchestrator-")
    naive_timezone: tzinfo = UTC
    limits: Limits = field(default_factory=Limits)
    redact: bool = True


def compound_state(options: Options) -> Family:
    """Return the family with these options."""
    naive = options.naive_timezone
    return Family(
        name="compound-state",
        version=version_of(options),
        tables=("sessions", "tasks", *CHILDREN),
        bundle_table="sessions",
        retained=frozenset({"metrics"}),
        is_bundle=lambda name: name.startswith(options.prefixes),
        is_member=lambda name: name.endswith(".json") and not name.startswith("."),
        read=lambda _, raw: read(raw, options),
        project=lambda bundle, documents, past: project(bundle, documents, past, naive),
        key_ranges=key_ranges,
        built_in=BUILT_IN,
        made=lambda table, row_id: (team_row if table == "teams" else agent_row)(row_id),
        bundle_named=bundle_named,
    )


def version_of(options: Options) -> int:
    """Return the projection's version; options that change what files give make another, so that all is read again."""
    said = (str(options.naive_timezone), options.limits, options.redact)
    if said == (str(UTC), Limits(), True):
        return VERSION
    return VERSION + 1000 * (1 + crc32(repr(said).encode()) % 1_000_000)


def read(raw: bytes, options: Options) -> Reading:
    """Decode and validate one state file; raises DecodeError or ShapeError."""
    data, notes = decode_json(raw, options.limits, verbatim=VERBATIM, secrets=not options.redact)
    if not isinstance(data, dict):
        raise ShapeError(Fault(f"holds {KINDS_OF_JSON[type(data)]} where a state file is an object", 1, 1))
    document, more = StateFile.read(data)
    return Reading(document, (*notes, *more))


KINDS_OF_JSON: dict[type, str] = {
    list: "a list", str: "text", int: "a number", float: "a number", bool: "true or false", type(None): "null",
}  # fmt: skip


class Source(NamedTuple):
    """Where a row comes from and what it belongs to."""

    session: str
    task: str | None
    path: str

    @property
    def owner(self) -> str:
        """Return the id that the ids of children begin with."""
        return self.task or self.session


def project(bundle: Bundle, documents: Mapping[str, StateFile], past: Past, naive: tzinfo) -> Projection:
    """Turn the documents of one session directory into rows.

    A file of ``past.kept`` cannot speak now; its task row and its facts stand in for it.
    """
    rows: dict[str, list[Row]] = {"sessions": [], "tasks": [], **{table: [] for table in CHILDREN}}
    facts: dict[str, Facts] = {}
    remembered: dict[str, str] = {}
    notes: dict[str, tuple[str, ...]] = {}
    for path, document in documents.items():
        stem = stem_of(path)
        before = past.held.files.get(path)
        times, doubts = times_of(document, naive)
        facts[stem] = facts_of(document, times, stem, naive, text_facts(before.facts if before else None))
        if text := facts_text(facts[stem]):
            remembered[path] = text
        if stem not in ("session", "orchestrator"):
            rows["tasks"].append(task_row(bundle, stem, path, document, times, past))
        if stem != "session":
            source = Source(bundle.id, None if stem == "orchestrator" else task_id(bundle, stem), path)
            doubts += add_children(rows, source, document, times, naive)
        if doubts:
            notes[path] = tuple(doubts)
    held_session = past.held.rows.get("sessions", {}).get(bundle.id)
    for path in past.kept:
        if known := past.held.files.get(path):
            facts.setdefault(stem_of(path), text_facts(known.facts))
        if held_session and past.held.archived and held_session[-2] == path:
            facts[stem_of(path)] = row_facts(held_session)
    tasks = [TaskState(str(row[4]), _text(row[9]), _text(row[10])) for row in (*rows["tasks"], *kept_tasks(past))]
    if source_path := leading({*documents, *past.kept}):
        last_start = _text(held_session[SESSION_STARTED]) if held_session else None
        rows["sessions"].append(session_row(bundle, facts, tasks, source_path, last_start))
    return Projection(rows, references(rows), remembered, notes)


SESSION_STARTED = TABLES["sessions"].columns.index("started_at")
TASK_STARTED = TABLES["tasks"].columns.index("started_at")


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def stem_of(path: str) -> str:
    """Return the name of the agent file: ``session-1/backend.json`` gives ``backend``."""
    return path.rpartition("/")[2].removesuffix(".json")


def bundle_named(session_id: str) -> Bundle:
    """Return the bundle of a session: ``web/session-1`` lies in the workspace ``web``."""
    workspace, _, name = session_id.rpartition("/")
    return Bundle(workspace or DEFAULT_WORKSPACE, name)


def task_id(bundle: Bundle, stem: str) -> str:
    """Return the id of an agent's task in a session."""
    return f"task-{bundle.id}-{stem}"


def leading(paths: Collection[str]) -> str | None:
    """Return the path that stands for the session: its leader's, else its first agent's."""
    by_stem = {stem_of(path): path for path in paths}
    return next((by_stem[stem] for stem in LEADERS if stem in by_stem), min(paths, default=None))


def kept_tasks(past: Past) -> Iterator[Row]:
    """Yield the held task rows of files that cannot speak now."""
    return (row for row in past.held.rows.get("tasks", {}).values() if row[-2] in past.kept)


def references(rows: Mapping[str, list[Row]]) -> dict[str, list[Row]]:
    """Return the agents and teams that the rows point at."""
    agents = [agent_row(str(task[2])) for task in rows["tasks"]]
    teams = [team_row(str(session[2])) for session in rows["sessions"]]
    return {"teams": teams, "agents": agents}


def key_ranges(table: str, bundle: Bundle) -> tuple[tuple[str, str], ...]:
    """Return the ranges of ids that hold a session's rows; ``session-1-`` also begins the ids of ``session-1-2``."""
    if table == "sessions":
        return ((bundle.id, f"{bundle.id}\0"),)
    tasks = (f"task-{bundle.id}-", f"task-{bundle.id}.")
    return (tasks,) if table == "tasks" else (tasks, (f"{bundle.id}/", f"{bundle.id}0"))


def task_row(bundle: Bundle, stem: str, path: str, document: StateFile, times: Times, past: Past) -> Row:
    """Make the row of one agent file."""
    status = fold_status(document.status)
    row_id = task_id(bundle, stem)
    held = past.held.rows.get("tasks", {}).get(row_id)
    started = times.start
    if started is None and held is not None:
        started = parse_moment(_text(held[TASK_STARTED]))
    ended = (times.end or times.stamp) if status in FINAL else None
    stated = duration_of(document)
    model = document.llm_used or document.llmUsed
    return (
        row_id, bundle.id, agent_id(stem), describe(document, stem), status, document.status,
        fold_priority(document.priority), model, llm_family(model),
        moment_text(started), moment_text(ended), moment_text(times.updated),
        seconds_between(started, ended) if stated is None else possible(stated),
        error_of(document), either(document.retryCount, document.retry_count), path,
    )  # fmt: skip


def describe(document: StateFile, stem: str) -> str:
    """Say what an agent works on, in its own words if it has any."""
    said = document.task or document.description or document.currentTask
    if said:
        return said
    done = (item.description or item.id for item in document.completedTasks or () if item)
    return "; ".join(text for text in done if text) or f"{stem} task"


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
