"""The compound-state family: session directories of JSON files become sessions, tasks and what they hold. Pure.

Besides them, the directory ``data`` is a bundle of its own: ``syncd.families.data``.

Read ``project`` first: it is the whole of it. Rows are tuples in the column order of ``syncd_models.schema``.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from zlib import crc32

from syncd.core.decode import Decoded, Limits, decode_json
from syncd.core.family import Family, Past, Projection, Reading
from syncd.core.moments import moment_text, parse_moment, seconds_between
from syncd.errors import DecodeError, ShapeError
from syncd.families.belonging import DATA, bundle_named, key_ranges, owner, owns
from syncd.families.business import (
    KINDS,
    KINDS_OF_JSON,
    SECTIONS,
    few,
    in_sections,
    read_sections,
    read_table,
    settled,
    stem_of,
)
from syncd.families.children import CHILDREN, Source, add_children
from syncd.families.credentials import discreet, speaks_of_integrations
from syncd.families.data import project_data, unknown
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
from syncd_models.documents.business import BUSINESS, ROSTER, TableFile
from syncd_models.documents.compound_state import StateFile
from syncd_models.schema import TABLES
from syncd_models.values import Bundle, Fault, Row

VERSION = 2
VERBATIM = frozenset(
    {"id", "agentId", "sessionId", "parentSessionId", "sessionKey", "file"}
    | {"priorityFile", "priority_file", "prdFile", "prd_file", "path", "filePath", "file_path"}
    | {"agent_id", "campaignId", "campaign_id", "entityId", "entity_id", "teamId", "team_id"}
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

    def is_bundle(name: str) -> bool:
        return name == DATA or name.startswith(options.prefixes)

    return Family(
        name="compound-state",
        version=version_of(options),
        tables=("teams", "agents", "sessions", "tasks", *CHILDREN, *BUSINESS),
        bundle_table="sessions",
        retained=frozenset({"metrics", *ROSTER}),
        is_bundle=is_bundle,
        is_member=lambda name: name.endswith(".json") and not name.startswith("."),
        read=lambda path, raw: read_data(path, raw, options) if path.startswith(f"{DATA}/") else read(raw, options),
        project=lambda bundle, documents, past: (
            project_data(bundle, documents, past, is_bundle)
            if bundle.name == DATA
            else project(bundle, documents, past, naive)
        ),
        key_ranges=key_ranges,
        owns=lambda bundle, table, row: owns(bundle, table, row, is_bundle),
        owner=lambda table, row_id, source_path: owner(table, row_id, source_path, is_bundle),
        unlisted=(DATA,),
        archived=lambda name: name != DATA,
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
    data, notes = decode(raw, options, quiet=False)
    if not isinstance(data, dict):
        raise ShapeError(Fault(f"holds {KINDS_OF_JSON[type(data)]} where a state file is an object", 1, 1))
    document, more = StateFile.read(data)
    if SECTIONS.isdisjoint(data):
        return Reading(document, (*notes, *more))
    with bounded():
        sections, doubts = read_sections(data, options.naive_timezone)
    return Reading(document.model_copy(update={"sections": sections}), (*notes, *more, *doubts))


def read_data(path: str, raw: bytes, options: Options) -> Reading:
    """Decode and validate one file of ``data``; raises DecodeError or ShapeError."""
    table = stem_of(path)
    if table not in KINDS:
        return Reading(TableFile(table, []), (unknown(path),))
    data, notes = decode(raw, options, quiet=table == "integrations")
    with bounded():
        document, doubts = read_table(path, data, options.naive_timezone)
    return Reading(document, (*notes, *doubts))


def decode(raw: bytes, options: Options, *, quiet: bool) -> Decoded:
    """Decode JSON; a ``quiet`` refusal quotes nothing, and neither does one of bytes that speak of integrations."""
    try:
        return decode_json(raw, options.limits, verbatim=VERBATIM, secrets=not options.redact)
    except DecodeError as error:
        if quiet or speaks_of_integrations(raw):
            raise DecodeError(discreet(error.fault)) from None
        raise


@contextmanager
def bounded() -> Iterator[None]:
    """Refuse what nests deeper than can be followed. Raises DecodeError."""
    try:
        yield
    except RecursionError:
        raise DecodeError(Fault("nests deeper than can be followed (setting max_depth)")) from None


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
    if sectioned := {path: document.sections for path, document in documents.items() if document.sections}:
        listed, doubled = settled(in_sections(bundle.id, sectioned), past)
        rows |= listed
        notes |= {path: (*notes.get(path, ()), *few(said)) for path, said in doubled.items()}
    return Projection(rows, references(rows), remembered, notes)


SESSION_STARTED = TABLES["sessions"].columns.index("started_at")
TASK_STARTED = TABLES["tasks"].columns.index("started_at")


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


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
