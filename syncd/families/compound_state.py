"""The compound-state family: session directories of JSON files become sessions, tasks and what they hold. Pure.

Read ``project`` first: it is the whole of it. Rows are tuples in the column order of ``syncd_models.schema``.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from zlib import crc32

from syncd.core.decode import Limits, decode_json
from syncd.core.family import Family, Past, Projection, Reading
from syncd.core.moments import moment_text, parse_moment, seconds_between
from syncd.errors import ShapeError
from syncd.families.children import CHILDREN, Source, add_children
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
    possible,
    row_facts,
    session_row,
    text_facts,
    times_of,
)
from syncd.families.roster import BUILT_IN, agent_id, agent_row, team_row
from syncd.families.words import FINAL, fold_priority, fold_status, llm_family
from syncd_models.documents.compound_state import StateFile
from syncd_models.schema import TABLES
from syncd_models.values import DEFAULT_WORKSPACE, Bundle, Fault, Row

VERSION = 1
VERBATIM = frozenset(
    {"id", "agentId", "sessionId", "parentSessionId", "sessionKey", "file"}
    | {"priorityFile", "priority_file", "prdFile", "prd_file"}
)


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


def project(bundle: Bundle, documents: Mapping[str, StateFile], past: Past, naive: tzinfo) -> Projection:
    """Turn the documents of one session directory into rows.

    A file of ``past.kept`` cannot speak now; its task row and its facts stand in for it.
    """
    rows: dict[str, list[Row]] = {"sessions": [], "tasks": [], **{table: [] for table in CHILDREN}}
    facts: dict[str, Facts] = {}
    remembered: dict[str, str | None] = {}
    notes: dict[str, tuple[str, ...]] = {}
    for path, document in documents.items():
        stem = stem_of(path)
        before = past.held.files.get(path)
        times, doubts = times_of(document, naive)
        facts[stem] = facts_of(document, times, stem, naive, text_facts(before.facts if before else None))
        remembered[path] = facts_text(facts[stem])
        if stem not in ("session", "orchestrator"):
            rows["tasks"].append(task_row(bundle, stem, path, document, times, past))
        if stem != "session":
            source = Source(bundle.id, None if stem == "orchestrator" else task_id(bundle, stem), path)
            doubts += add_children(rows, source, document, times, naive)
        if doubts:
            notes[path] = tuple(doubts)
    held_session = past.held.rows.get("sessions", {}).get(bundle.id)
    for path, known in kept_facts(past, held_session):
        facts[stem_of(path)] = known
        remembered[path] = facts_text(known)
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


def kept_facts(past: Past, session: Row | None) -> Iterator[tuple[str, Facts]]:
    """Yield what files that cannot speak now said of their session; of an archive, its row still says it."""
    for path in past.kept:
        if session and past.held.archived and session[-2] == path:
            yield path, row_facts(session)
        elif known := past.held.files.get(path):
            yield path, text_facts(known.facts)


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
