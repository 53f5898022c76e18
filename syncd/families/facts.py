"""What the session row takes from one file, and how the row is made of it. Pure.

Facts are kept with the checkpoint of their file, so that a file which is refused later, or drops its start time, still
speaks for the session.
"""

import json
import re
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime, tzinfo
from typing import Any, NamedTuple, TypeVar

from syncd.core.moments import moment_text, parse_moment, seconds_between, text_moment
from syncd.families.roster import ENGINEERING, MARKETING, team_id
from syncd.families.words import FINAL, fold_status
from syncd_models.documents.compound_state import StateFile
from syncd_models.schema import TABLES
from syncd_models.values import DEFAULT_WORKSPACE, Bundle, Row

LARGEST_FLOAT = sys.float_info.max
LEADERS = ("orchestrator", "jarvis", "session")
URL = re.compile(r"https?://[^\s<>\"'`()\[\]{}]*[^\s<>\"'`()\[\]{}.,;:!?]")
"""Up to a blank, a quote or a bracket, less the punctuation of the sentence around it."""


class Times(NamedTuple):
    """The times that one file speaks of, as naive UTC, whatever its status."""

    start: datetime | None
    end: datetime | None
    stamp: datetime | None
    """``timestamp``, else ``updatedAt``: when a final file was written."""
    updated: datetime | None
    """``updatedAt``, else ``timestamp``."""


class Facts(NamedTuple):
    """What one file says about its session; text and numbers only, so that it can be kept as JSON."""

    word: str | None = None
    phase: str | None = None
    target_repo: str | None = None
    priority_file: str | None = None
    prd_file: str | None = None
    branch_name: str | None = None
    base_branch: str | None = None
    pr_url: str | None = None
    iteration_count: int | None = None
    exit_code: int | None = None
    error_message: str | None = None
    start: str | None = None
    created: str | None = None
    end: str | None = None
    stamp: str | None = None
    updated: str | None = None
    duration: float | None = None
    team: str | None = None
    parent: str | None = None
    purpose: str | None = None
    tags: str | None = None
    marketing: bool | None = None


NOTHING = Facts()


class TaskState(NamedTuple):
    """What the session row takes from one task row."""

    status: str
    started_at: str | None
    completed_at: str | None


def times_of(document: StateFile, naive: tzinfo) -> tuple[Times, list[str]]:
    """Return the times of a document, and notes on those that could not be read."""
    notes: list[str] = []
    metrics = document.metrics or {}

    def first(**written: Any) -> datetime | None:
        for name, value in written.items():
            if value is not None:
                if moment := parse_moment(value, naive):
                    return moment
                notes.append(f"/{name.replace('_', '/')}: not a time, read as absent")
        return None

    start = first(
        startTime=document.startTime, startedAt=document.startedAt, metrics_startTime=metrics.get("startTime")
    )
    end = first(endTime=document.endTime, completedAt=document.completedAt, metrics_endTime=metrics.get("endTime"))
    stamp, updated = first(timestamp=document.timestamp), first(updatedAt=document.updatedAt)
    return Times(start, end, stamp or updated, updated or stamp), notes


def duration_of(document: StateFile) -> float | None:
    """Return the duration that a file states, in seconds, even an impossible one."""
    if document.durationSeconds is not None or document.metrics is None:
        return document.durationSeconds
    return measure(document.metrics.get("duration"))


def measure(value: object) -> float | None:
    """Return a number that a column can hold; None for anything else."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= LARGEST_FLOAT:
        return float(value)
    return None


T = TypeVar("T")


def either(one: T | None, other: T | None) -> T | None:
    """Return the first spelling of a field, or the second where the first says nothing."""
    return other if one is None else one


def possible(duration: float | None) -> float | None:
    """Return a duration unless it is negative."""
    return duration if duration is not None and duration >= 0 else None


def error_of(document: StateFile) -> str | None:
    """Return what went wrong, in the file's own words."""
    first = next((blocker.message for blocker in document.blockers or () if blocker), None)
    own = document.message if fold_status(document.status) in {"failed", "blocked"} else None
    return document.error or first or own


def url_in(text: str | None) -> str | None:
    """Return the first web address in a text."""
    found = URL.search(text) if text else None
    return found[0] if found else None


def facts_of(document: StateFile, times: Times, stem: str, naive: tzinfo, before: Facts) -> Facts:
    """Return what a file says about its session; a start time that it no longer states stays as it was ``before``."""
    domain = document.domain and document.domain.strip().lower()
    marketing = True if domain == "marketing" or stem == "jarvis" else None
    if stem not in LEADERS:
        return Facts(marketing=marketing)
    hierarchy = stem != "jarvis"
    return Facts(
        word=document.status,
        phase=document.phase,
        target_repo=document.targetRepo or document.target_repo,
        priority_file=document.priorityFile or document.priority,
        prd_file=document.prdFile,
        branch_name=document.branchName or document.branch,
        base_branch=document.baseBranch,
        pr_url=url_in(document.prUrl) or url_in(document.pr_url),
        iteration_count=either(document.iteration, document.iterationCount),
        exit_code=document.exitCode,
        error_message=error_of(document),
        start=moment_text(times.start) or before.start,
        created=(moment_text(parse_moment(document.createdAt, naive)) or before.created) if stem == "session" else None,
        end=moment_text(times.end),
        stamp=moment_text(times.stamp),
        updated=moment_text(times.updated),
        duration=duration_of(document),
        team=team_id(document.team) if document.team else None,
        parent=document.parentSessionId if hierarchy else None,
        purpose=document.purpose if hierarchy else None,
        tags=tags_text(document.tags) if hierarchy else None,
        marketing=marketing,
    )


def tags_text(tags: list[str | None] | None) -> str | None:
    """Return tags as a JSON array of text."""
    if tags is None:
        return None
    return json.dumps([tag for tag in tags if tag is not None], ensure_ascii=False, separators=(",", ":"))


def facts_text(facts: Facts) -> str | None:
    """Return facts as JSON, without what is not said; None when nothing is."""
    said = {name: value for name, value in zip(Facts._fields, facts, strict=True) if value is not None}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")) if said else None


def text_facts(text: str | None) -> Facts:
    """Return the facts that ``facts_text`` wrote."""
    return Facts(**json.loads(text)) if text else NOTHING


def row_facts(row: Row) -> Facts:
    """Return what a session's row still says of its leader, for when the archive has outlived the checkpoint."""
    said = dict(zip(TABLES["sessions"].columns, row, strict=True))
    said |= {
        "word": said["status_raw"], "start": said["started_at"], "end": said["completed_at"],
        "updated": said["updated_at"], "duration": said["duration_seconds"], "team": said["team_id"],
        "parent": str(said["parent_id"] or "").rpartition("/")[2] or None,
    }  # fmt: skip
    return Facts(**{name: said[name] for name in Facts._fields if name in said})  # type: ignore[arg-type]


def session_row(
    bundle: Bundle, facts: Mapping[str, Facts], tasks: Iterable[TaskState], source: str, last_start: str | None
) -> Row:
    """Make the row of a session from the facts of its files, by stem, and the states of its tasks.

    ``last_start`` is the start that was known before, for when no file states one any more.
    """
    tasks = tuple(tasks)
    leaders = tuple(facts.get(stem, NOTHING) for stem in LEADERS)
    orchestrator, jarvis, _ = leaders
    # One pass a field: the first leader that says anything about it.
    said = Facts(*(next((value for value in field if value is not None), None) for field in zip(*leaders, strict=True)))
    status = session_status(orchestrator.word, "orchestrator" in facts, tasks)
    starts = [task.started_at for task in tasks if task.started_at]
    started = said.start or said.created or (min(starts) if starts else None) or last_start
    completed = _completed(said, (orchestrator, jarvis), tasks) if status in FINAL else None
    stated = said.duration
    duration = seconds_between(text_moment(started), text_moment(completed)) if stated is None else possible(stated)
    marketing = bundle.name.startswith("session-marketing-") or any(each.marketing for each in facts.values())
    parent = said.parent
    if parent and bundle.workspace != DEFAULT_WORKSPACE:
        parent = f"{bundle.workspace}/{parent}"
    return (
        bundle.id, bundle.workspace, said.team or (MARKETING if marketing else ENGINEERING), parent,
        status, orchestrator.word, said.phase, said.target_repo, said.priority_file, said.prd_file, said.branch_name,
        said.base_branch, said.pr_url, said.iteration_count, said.exit_code, said.error_message, said.purpose,
        said.tags, started, completed, said.updated, duration, None, source,
    )  # fmt: skip


def session_status(word: str | None, led: bool, tasks: tuple[TaskState, ...]) -> str:  # noqa: FBT001
    """Decide a session's status: its orchestrator's word when final, else what its tasks add up to."""
    own = fold_status(word, otherwise="in_progress")
    if led and own in FINAL:
        return own
    states = {task.status for task in tasks}
    worst = next((status for status in ("blocked", "failed") if status in states), None)
    if worst:
        return worst
    if not led and states == {"completed"}:
        return "completed"
    return "pending" if not led and states <= {"pending"} else "in_progress"


def _completed(said: Facts, speakers: tuple[Facts, Facts], tasks: tuple[TaskState, ...]) -> str | None:
    """Return when a final session ended: as stated, else when its leader last wrote, else with its last task."""
    written = (facts.stamp for facts in speakers if facts.word and fold_status(facts.word) in FINAL)
    ends = [task.completed_at for task in tasks if task.completed_at]
    return said.end or next((stamp for stamp in written if stamp), None) or max(ends, default=None)
