"""What one session directory of state files turns into, table by table."""

import json
from collections.abc import Mapping
from datetime import timedelta, timezone
from typing import Any

import pytest

from syncd.core.decode import Limits
from syncd.core.family import Past, Projection
from syncd.errors import DecodeError, ShapeError
from syncd.families.belonging import bundle_named
from syncd.families.compound_state import Options, compound_state
from syncd_models.schema import TABLES
from syncd_models.values import Bundle, Checkpoint, Held, Row

FAMILY = compound_state(Options())
BUNDLE = Bundle("default", "session-1")
TASK = "task-session-1-backend"


def projected(
    files: Mapping[str, object], past: Past | None = None, bundle: Bundle = BUNDLE, options: Options | None = None
) -> Projection:
    """Project the documents of one session, by stem."""
    family = compound_state(options) if options else FAMILY
    paths = {f"{bundle.name}/{stem}.json": json.dumps(document).encode() for stem, document in files.items()}
    documents = {path: family.read(path, data).document for path, data in paths.items()}
    return family.project(bundle, documents, past or Past(Held()))


def named(table: str, row: Row) -> dict[str, Any]:
    """Return a row by column."""
    return dict(zip(TABLES[table].columns, row, strict=False))


def rows_of(document: object, table: str, *columns: str, stem: str = "backend") -> list[tuple[Any, ...]]:
    """Return a few columns of what one file gives to a table."""
    rows = [named(table, row) for row in projected({stem: document}).rows[table]]
    return [tuple(row[column] for column in columns) for row in rows]


def task_of(document: object, *columns: str) -> Any:
    """Return columns of the task that one file gives; the value alone of a single one."""
    (found,) = rows_of(document, "tasks", *columns)
    return found if len(columns) > 1 else found[0]


def held(files: Mapping[str, object]) -> Held:
    """Return what a store holds after these files were projected, by stem."""
    before = projected(files)
    rows = {table: {str(row[0]): (*row, 1) for row in rows} for table, rows in before.rows.items()}
    points = {
        f"session-1/{stem}.json": Checkpoint(
            f"session-1/{stem}.json", 1, 1, 1, 1, "digest", 1, "ok", 1, None, before.facts.get(f"session-1/{stem}.json")
        )
        for stem in files
    }
    return Held(points, rows)


# Which files, and which of them are refused


@pytest.mark.parametrize(
    ("raw", "error", "reason"),
    [
        (b"[]", ShapeError, "holds a list where a state file is an object"),
        (b"null", ShapeError, "holds null where a state file is an object"),
        (b"true", ShapeError, "holds true or false where a state file is an object"),
        (b"1.5", ShapeError, "holds a number where a state file is an object"),
        (b"", DecodeError, "empty file"),
    ],
)
def test_what_is_no_object_is_refused(raw: bytes, error: type[Exception], reason: str) -> None:
    """A refusal says what stands there instead of an object."""
    with pytest.raises(error, match=reason):
        FAMILY.read("session-1/backend.json", raw)


@pytest.mark.parametrize(
    ("name", "is_bundle", "is_member"),
    [
        ("session-1", True, False),
        ("orchestrator-1", True, False),
        ("data", True, False),
        ("database", False, False),
        ("backend.json", False, True),
        (".backend.json", False, False),
        ("session.json.tmp", False, False),
    ],
)
def test_names_tell_sessions_and_their_files(name: str, is_bundle: bool, is_member: bool) -> None:  # noqa: FBT001
    """Directories are told by prefix, files by ending."""
    assert (FAMILY.is_bundle(name), FAMILY.is_member(name)) == (is_bundle, is_member)


def test_options_that_change_rows_make_another_version() -> None:
    """Whoever changes the time zone, the limits or the redactor has every file read again."""
    default = compound_state(Options()).version
    others = {
        compound_state(Options(naive_timezone=timezone(timedelta(hours=2)))).version,
        compound_state(Options(limits=Limits(depth=3))).version,
        compound_state(Options(redact=False)).version,
    }
    assert len(others | {default}) == 4
    assert compound_state(Options(prefixes=("x-",))).version == default


@pytest.mark.parametrize("bundle", [BUNDLE, Bundle("web", "session-1")])
def test_a_bundle_is_found_by_its_id(bundle: Bundle) -> None:
    """An id names workspace and directory."""
    assert bundle_named(bundle.id) == bundle


def test_ids_lie_in_the_ranges_of_their_session_and_in_no_other() -> None:
    """Every row's id is in one of its bundle's ranges; a session's row is not in that of a longer name."""
    full = {"metrics": {"a": 1}, "tasks": ["x"], "blockers": ["b"], "llm_usage": [{}]}
    rows = projected({"backend": full, "orchestrator": full}).rows
    for table, found in rows.items():
        ranges = FAMILY.key_ranges(table, BUNDLE)
        assert all(any(low <= str(row[0]) < high for low, high in ranges) for row in found)
    ((low, high),) = FAMILY.key_ranges("sessions", BUNDLE)
    assert not low <= "session-1-2" < high


# Tasks


@pytest.mark.parametrize(
    ("document", "description"),
    [
        ({"task": "a", "description": "b"}, "a"),
        ({"task": " ", "description": "b", "currentTask": "c"}, "b"),
        ({"task": 5, "currentTask": "c"}, "c"),
        ({"currentTask": {"task": "t", "description": "d"}}, "d"),
        ({"currentTask": {"name": "n", "id": "i"}}, "n"),
        ({"currentTask": {"name": "", "id": 7}}, "7"),
        ({"currentTask": {"id": 2**63}, "completedTasks": ["x"]}, "x"),
        ({"completedTasks": ["x", "", {"description": "y", "id": "z"}, {"id": "i" * 300}, {}]}, f"x; y; {'i' * 300}"),
        ({"completedTasks": [""]}, "backend task"),
        ({}, "backend task"),
    ],
)
def test_a_task_is_described_in_the_first_words_that_it_has(document: object, description: str) -> None:
    """Its task, its description, what it does now, what it has done, else its name."""
    assert task_of(document, "description") == description


@pytest.mark.parametrize(
    ("document", "folded"),
    [
        ({"status": " Done\n"}, ("completed", " Done\n", "medium")),
        ({"status": "waiting_for_backend", "priority": "Urgent"}, ("pending", "waiting_for_backend", "high")),
        ({"status": "thinking", "priority": "low"}, ("in_progress", "thinking", "low")),
        ({"status": "", "priority": "someday"}, ("pending", None, "medium")),
        ({"status": 3, "priority": 3}, ("pending", None, "medium")),
    ],
)
def test_words_are_folded_and_kept_as_written(document: object, folded: tuple[str, ...]) -> None:
    """A word that says nothing is none."""
    assert task_of(document, "status", "status_raw", "priority") == folded


@pytest.mark.parametrize(
    ("document", "model"),
    [
        ({"llm_used": "Big-Opus", "llmUsed": "haiku"}, ("Big-Opus", "opus")),
        ({"llm_used": "", "llmUsed": "haiku"}, ("haiku", "haiku")),
        ({"llm_used": "local"}, ("local", None)),
        ({}, (None, None)),
    ],
)
def test_a_model_belongs_to_a_family(document: object, model: tuple[str | None, ...]) -> None:
    """Either spelling counts, and an unknown model has no family."""
    assert task_of(document, "llm_used", "llm_family") == model


@pytest.mark.parametrize(
    ("document", "count"),
    [
        ({"retryCount": 0, "retry_count": 2}, 0),
        ({"retryCount": "1", "retry_count": 2.0}, 2),
        ({"retryCount": 2**63}, None),
        ({"retryCount": True}, None),
    ],
)
def test_a_count_is_a_whole_number_of_64_bits(document: object, count: int | None) -> None:
    """The second spelling counts where the first cannot be read."""
    assert task_of(document, "retry_count") == count


@pytest.mark.parametrize(
    ("document", "times"),
    [
        ({"status": "done", "startTime": 0, "endTime": 60}, ("1970-01-01 00:00:00", "1970-01-01 00:01:00", 60)),
        ({"status": "running", "startTime": 0, "endTime": 60}, ("1970-01-01 00:00:00", None, None)),
        ({"status": "done", "startTime": 60, "timestamp": 0}, ("1970-01-01 00:01:00", "1970-01-01 00:00:00", None)),
        ({"status": "done", "updatedAt": 9, "durationSeconds": 0}, (None, "1970-01-01 00:00:09", 0)),
        ({"durationSeconds": -1, "metrics": {"duration": 4}}, (None, None, None)),
        ({"metrics": {"duration": 4, "startTime": 5}}, ("1970-01-01 00:00:05", None, 4)),
        ({"metrics": {"duration": True, "startTime": False}}, (None, None, None)),
        ({"durationSeconds": 10**400, "metrics": {"duration": 10**400}}, (None, None, None)),
    ],
)
def test_a_task_ends_when_it_is_final(document: object, times: tuple[object, ...]) -> None:
    """A stated duration comes before end minus start, and a negative one is none."""
    assert task_of(document, "started_at", "completed_at", "duration_seconds") == times


def test_a_time_without_an_offset_is_in_the_zone_that_is_set() -> None:
    """The setting counts for naive times alone."""
    options = Options(naive_timezone=timezone(timedelta(hours=2)))
    document = {"startTime": "2026-02-08T10:00:00", "updatedAt": "2026-02-08T10:00:00Z"}
    (row,) = projected({"backend": document}, options=options).rows["tasks"]
    task = named("tasks", row)
    assert (task["started_at"], task["updated_at"]) == ("2026-02-08 08:00:00", "2026-02-08 10:00:00")


def test_the_senior_reviewer_has_one_agent_under_both_names() -> None:
    """The task keeps the name of its file."""
    found = projected({"senior-code-reviewer": {}}).rows["tasks"]
    assert [row[:3] for row in found] == [("task-session-1-senior-code-reviewer", "session-1", "agent-senior-reviewer")]


def test_agents_and_teams_are_made_on_demand() -> None:
    """A row that points at nobody known brings somebody along."""
    references = projected({"db-architect": {}, "orchestrator": {"team": "Growth"}, "backend": {}}).references
    agents = {row[0]: (row[1], row[2]) for row in references["agents"]}
    assert agents == {
        "agent-db-architect": ("team-unassigned", "Db Architect"),
        "agent-backend": ("team-engineering", "Backend"),
    }
    assert [row[:2] for row in references["teams"]] == [("team-growth", "Growth")]


# Items


ITEM_CASES = {
    "an object's fields": (
        {"tasks": [{"id": 7, "title": "t", "status": "Warning", "duration": 3, "durationSeconds": 4}]},
        [("7", 0, "t", "completed", 3)],
    ),
    "the first words that describe it": (
        {"tasks": [{"description": 5, "title": "t", "name": "n"}, {"title": " ", "name": "n"}, {"id": "i" * 255}]},
        [
            (None, 0, "t", "pending", None),
            (None, 1, "n", "pending", None),
            ("i" * 255, 2, None, "pending", None),
        ],
    ),
    "text alone": ({"tasks": ["loose", "", 5]}, [(None, 0, "loose", "pending", None)]),
    "names and words": (
        {"tasks": {"a": "idle", "b": 5, "": "done"}},
        [("a", 0, "a", "pending", None), ("b", 1, "b", "pending", None), (None, 2, None, "completed", None)],
    ),
    "names and objects": (
        {"tasks": {"a": {"id": "x", "status": "error"}, "b": {"title": "B", "name": 5}, "c": {"name": "C"}}},
        [("a", 0, "a", "failed", None), ("b", 1, "B", "pending", None), ("c", 2, "C", "pending", None)],
    ),
    "ids that are none": (
        {"tasks": [{"id": "i" * 256}, {"id": ""}, {"id": " "}, {"id": 1.5}, {"id": 2**63}, {"id": True}]},
        [(None, position, None, "pending", None) for position in range(6)],
    ),
    "the word of a completed one": (
        {"completedTasks": [{"id": "a", "status": "failed", "durationSeconds": -1}, "b"]},
        [("a", 0, None, "completed", None), (None, 1, "b", "completed", None)],
    ),
    "a completed name marks its task": (
        {"tasks": [{"id": "a"}, {"id": "b"}], "completedTasks": ["a", "c"]},
        [
            ("a", 0, None, "completed", None),
            ("b", 1, None, "pending", None),
            (None, 3, "c", "completed", None),
        ],
    ),
    "a completed name marks no check": (
        {"tasks": [{"id": "a"}], "completedTasks": ["a"], "checks": {"a": "failed"}},
        [("a", 2, "a", "failed", None)],
    ),
    "checks count on": (
        {"tasks": ["x"], "completedTasks": [""], "checks": {"build": "passed", "types": {"status": "done"}}},
        [
            (None, 0, "x", "pending", None),
            ("build", 2, "build", "completed", None),
            ("types", 3, "types", "pending", None),
        ],
    ),
    "other ways of writing": ({"tasks": 5, "completedTasks": {"a": "done"}, "checks": ["a", {"id": "b"}]}, []),
}


@pytest.mark.parametrize(("document", "items"), ITEM_CASES.values(), ids=ITEM_CASES)
def test_items_come_from_tasks_completed_tasks_and_checks(document: object, items: list[tuple[object, ...]]) -> None:
    """One running position leads through all three."""
    found = rows_of(document, "task_items", "item_id", "position", "description", "status", "duration_seconds")
    assert found == items


def test_of_two_items_with_one_id_the_last_wins() -> None:
    """The id that stands twice is noted."""
    projection = projected({"backend": {"tasks": [{"id": "a"}], "completedTasks": [{"id": "a", "name": "later"}]}})
    (row,) = projection.rows["task_items"]
    assert named("task_items", row)["description"] == "later"
    assert projection.notes == {"session-1/backend.json": ("the id a stands twice; the last one counts",)}


# Children


def test_entries_keep_their_positions() -> None:
    """Text alone is an entry, and what is no entry leaves a gap."""
    found = rows_of(
        {"blockers": ["key", " ", 5, {"type": "env", "message": 1, "requiresHuman": True, "requiresAgent": "x"}]},
        "blockers",
        *("id", "position", "type", "message", "requires_human", "requires_agent"),
    )
    assert found == [
        (f"{TASK}/blocker/0", 0, None, "key", None, None),
        (f"{TASK}/blocker/3", 3, "env", None, True, "x"),
    ]


def test_the_orchestrators_entries_belong_to_the_session() -> None:
    """They have no task, and session.json gives none at all."""
    document = {"concerns": [{"severity": "low", "message": "m"}], "nextSteps": ["go"], "metrics": {"a": 1}}
    rows = projected({"orchestrator": document, "session": document}).rows
    assert [row[:6] for row in rows["concerns"]] == [("session-1/concern/0", "session-1", None, 0, "low", "m")]
    assert [row[:6] for row in rows["next_steps"]] == [("session-1/next_step/0", "session-1", None, 0, None, "go")]
    assert [row[:4] for row in rows["metrics"]] == [("session-1/a/", "session", "session-1", "a")]
    assert rows["tasks"] == []


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a" * 4096, "a" * 4096),
        ("a" * 4097, "a" * 4096),
        ("a" + "é" * 2048, "a" + "é" * 2047),
        ("é" * 2048, "é" * 2048),
    ],
)
def test_text_is_cut_between_characters(text: str, kept: str) -> None:
    """A message remembers how long it was."""
    found = rows_of({"messages": [{"to": "x", "content": text, "timestamp": 0}]}, "messages", "content", "sent_at")
    assert found == [(kept, "1970-01-01 00:00:00")]
    assert rows_of({"messages": [text, {}]}, "messages", "content_length") == [(len(text.encode()),), (None,)]


@pytest.mark.parametrize(
    ("entry", "details"),
    [
        ({"type": "post", "title": 5, "file": "f"}, None),
        ({"n": 1.0, "ü": [None], "rest": {}}, '{"n":1,"ü":[null],"rest":{}}'),
        ({"k": "z" * 4088}, '{"k":"' + "z" * 4088 + '"}'),
        ({"k": "z" * 4089}, None),
        ({"k": "z" * 4089, "a": 1}, '{"a":1}'),
        ({"k": "z" * 4082, "a": 12, "b": 1}, '{"k":"' + "z" * 4082 + '","b":1}'),
        ("title", None),
        (5, ...),
    ],
)
def test_what_else_a_deliverable_says_is_kept_as_far_as_it_fits(entry: object, details: object) -> None:
    """Keys that would lead over 4 KiB are left out."""
    expected = [] if details is ... else [(details,)]
    assert rows_of({"deliverables": [entry]}, "deliverables", "details") == expected


@pytest.mark.parametrize("name", ["tasks", "completedTasks", "blockers", "deliverables", "messages", "llm_usage"])
def test_what_is_no_list_is_noted(name: str) -> None:
    """A field of the wrong type is read as absent."""
    document, notes = FAMILY.read("session-1/backend.json", json.dumps({name: "text", "task": "t"}).encode())
    assert (document.task, getattr(document, name)) == ("t", None)
    assert notes == (f"/{name}: wrong type, read as absent",)


# Numbers


METRIC_CASES: dict[str, tuple[object, list[tuple[object, ...]]]] = {
    "nested": (
        {"metrics": {"a": {"b": [1, {"c": 2.5}]}, "ok": True, "n": "5", "x": None, "big": 10**20, "huge": 10**400}},
        [("a.b.0", 1.0, None, None), ("a.b.1.c", 2.5, None, None), ("big", 1e20, None, None)],
    ),
    "times": ({"metrics": {"startTime": 5, "a": {"timestamp": {"x": 1}}}}, []),
    "scores": (
        {"scores": {"total": 3}, "qualityScore": -1, "iterationCount": 2, "updatedAt": 0},
        [
            ("scores.total", 3.0, "iteration 2", "1970-01-01 00:00:00"),
            ("qualityScore", -1.0, "iteration 2", "1970-01-01 00:00:00"),
        ],
    ),
    "the quality alone": ({"qualityScore": 1, "iteration": 0}, [("qualityScore", 1.0, "iteration 0", None)]),
    "the end of an unfinished task": (
        {"metrics": {"a": 1}, "endTime": 0},
        [("a", 1.0, None, "1970-01-01 00:00:00")],
    ),
    "the wrong type": ({"metrics": [1, 2], "scores": 5, "qualityScore": "5"}, []),
    "one name twice": ({"metrics": {"a.b": 1, "a": {"b": 2}}}, [("a.b", 2.0, None, None)]),
}


@pytest.mark.parametrize(("document", "points"), METRIC_CASES.values(), ids=METRIC_CASES)
def test_every_number_is_a_point(document: object, points: list[tuple[object, ...]]) -> None:
    """Names are dotted; text, flags, times and what no column can hold are left out."""
    assert rows_of(document, "metrics", "metric_name", "metric_value", "context", "recorded_at") == points


@pytest.mark.parametrize(
    ("entry", "used_at"),
    [
        ({"usedAt": 0, "used_at": 60, "timestamp": 120}, "1970-01-01 00:00:00"),
        ({"usedAt": "never", "used_at": 60}, "1970-01-01 00:01:00"),
        ({"timestamp": 120}, "1970-01-01 00:02:00"),
        ({}, "1970-01-01 01:00:00"),
    ],
)
def test_model_usage_is_dated_by_itself_or_by_its_file(entry: object, used_at: str) -> None:
    """Entries go by position."""
    document = {"llm_usage": ["text", entry], "timestamp": 3600}
    assert rows_of(document, "llm_usage", "id", "used_at") == [(f"{TASK}/llm_usage/1", used_at)]


# What the past owes


def test_a_start_time_that_a_file_drops_stays() -> None:
    """The value of the file wins where there is one."""
    before = held({"orchestrator": {"startTime": 5}, "backend": {"startTime": 10}})
    rows = projected({"orchestrator": {}, "backend": {"status": "done", "endTime": 30}}, Past(before)).rows
    task, session = named("tasks", rows["tasks"][0]), named("sessions", rows["sessions"][0])
    assert (task["started_at"], task["duration_seconds"]) == ("1970-01-01 00:00:10", 20)
    assert session["started_at"] == "1970-01-01 00:00:05"


def test_a_refused_file_speaks_through_what_is_held_of_it() -> None:
    """Its task counts for the session, and its leader's columns stay."""
    before = held({"orchestrator": {"phase": "two", "startTime": 5}, "backend": {"status": "failed"}})
    kept = frozenset(before.files)
    rows = projected({"frontend": {"status": "done"}}, Past(before, kept)).rows
    session = named("sessions", rows["sessions"][0])
    assert (session["status"], session["phase"], session["started_at"]) == ("failed", "two", "1970-01-01 00:00:05")
    assert session["source_path"] == "session-1/orchestrator.json"
    assert [row[0] for row in rows["tasks"]] == ["task-session-1-frontend"]


def test_a_directory_without_a_document_gives_no_row() -> None:
    """A kept path of which nothing is known says nothing."""
    assert not any(projected({}).rows.values())
    rows = projected({"backend": {}}, Past(Held(), frozenset({"session-1/orchestrator.json"}))).rows
    assert len(rows["tasks"]) == 1


@pytest.mark.parametrize(
    ("stems", "leader"),
    [
        (("backend", "session", "jarvis", "orchestrator"), "orchestrator"),
        (("backend", "session", "jarvis"), "jarvis"),
        (("backend", "session"), "session"),
        (("b", "a.b", "a"), "a.b"),
    ],
)
def test_a_session_names_its_leaders_file(stems: tuple[str, ...], leader: str) -> None:
    """Without a leader it is the first file by name."""
    (row,) = projected({stem: {} for stem in stems}).rows["sessions"]
    assert named("sessions", row)["source_path"] == f"session-1/{leader}.json"
