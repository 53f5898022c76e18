"""The reference itself, pinned to rows worked out by hand from the contract."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reference import TABLES, Row, Rows, project, roster
from tests.trees import (
    SESSIONS,
    STEMS,
    Edit,
    Tree,
    apply_edit,
    edited,
    edits,
    trees,
    write_tree,
)


def rows_of(root: Path, files: dict[str, object], workspace: str = "default") -> Rows:
    """Project a tree of documents; bytes are written as they are."""
    write_tree(
        root,
        {path: value if isinstance(value, bytes) else json.dumps(value).encode() for path, value in files.items()},
    )
    return project(root, workspace)


def only(row: Row, *columns: str) -> tuple[object, ...]:
    """Give a few columns of a row."""
    return tuple(row[column] for column in columns)


def test_one_finished_agent_gives_a_whole_session(tmp_path: Path) -> None:
    """A lone final agent file carries its task, its items and the session's times."""
    rows = rows_of(
        tmp_path,
        {
            "session-1/backend.json": {
                "status": "Done",
                "startTime": "2026-02-08T10:00:00+02:00",
                "endTime": 1770537720,
                "completedTasks": [{"id": "api", "description": "API", "duration": 5}, "docs", ""],
                "priority": "Urgent",
                "llm_used": "Big-Opus",
                "retry_count": 3.0,
                "updatedAt": "2026-02-08",
            }
        },
    )
    assert rows["tasks"] == {
        "task-session-1-backend": {
            "id": "task-session-1-backend",
            "session_id": "session-1",
            "agent_id": "agent-backend",
            "description": "API; docs",
            "status": "completed",
            "status_raw": "Done",
            "priority": "high",
            "llm_used": "Big-Opus",
            "llm_family": "opus",
            "started_at": "2026-02-08 08:00:00",
            "completed_at": "2026-02-08 08:02:00",
            "updated_at": "2026-02-08 00:00:00",
            "duration_seconds": 120.0,
            "error_message": None,
            "retry_count": 3,
            "source_path": "session-1/backend.json",
        }
    }
    session = rows["sessions"]["session-1"]
    assert only(session, "status", "status_raw", "team_id", "workspace", "source_path") == (
        *("completed", None, "team-engineering", "default", "session-1/backend.json"),
    )
    assert only(session, "started_at", "completed_at", "updated_at", "duration_seconds") == (
        *("2026-02-08 08:00:00", "2026-02-08 08:02:00", None, 120.0),
    )
    assert sorted(rows["task_items"]) == [
        "task-session-1-backend/item/1",
        "task-session-1-backend/item/api",
    ]


def test_items_run_through_three_fields_with_one_position(tmp_path: Path) -> None:
    """Tasks, completed tasks and checks count on together; the last of an id wins."""
    rows = rows_of(
        tmp_path,
        {
            "session-1/verification.json": {
                "tasks": [{"id": 7, "title": "seven"}, "", "loose", 5, {"id": "x" * 256}],
                "completedTasks": ["7", {"id": "7b", "status": "failed", "durationSeconds": -1}],
                "checks": {"build": "Warning", "typeCheck": "in_progress", "7b": "pending"},
            }
        },
    )
    found = [
        only(row, "item_id", "position", "description", "status", "duration_seconds")
        for row in rows["task_items"].values()
    ]
    assert sorted(found, key=lambda row: str(row[1])) == [
        ("7", 0, "seven", "completed", None),
        (None, 2, "loose", "pending", None),
        (None, 4, None, "pending", None),
        ("build", 7, "build", "completed", None),
        ("typeCheck", 8, "typeCheck", "in_progress", None),
        ("7b", 9, "7b", "pending", None),
    ]


def test_named_tasks_fold_their_words_or_give_their_fields(tmp_path: Path) -> None:
    """An object of tasks gives one item a name, and a completed name marks it."""
    named = {"a": "waiting_for_backend", "b": {"description": "B", "status": "cancelled"}}
    rows = rows_of(
        tmp_path,
        {"session-1/orchestrator.json": {"tasks": named, "completedTasks": ["a"]}},
    )
    assert [only(row, "id", "task_id", "description", "status") for row in rows["task_items"].values()] == [
        ("session-1/item/a", None, "a", "completed"),
        ("session-1/item/b", None, "B", "failed"),
    ]


def test_children_are_cut_and_counted(tmp_path: Path) -> None:
    """Entries keep their positions; text ends between characters within 4 KiB."""
    long = "a" + "é" * 2048  # 4097 bytes: the last character is cut in two
    rows = rows_of(
        tmp_path,
        {
            "session-1/vision.json": {
                "blockers": ["key", "", 5, {"type": "env", "message": long, "requiresHuman": True}],
                "deliverables": [{"title": "T", "n": 1.0, "big": "z" * 4090, "ü": [None]}, {}],
                "messages": [{"to": "jarvis", "content": long, "timestamp": 1770537842500}],
                "nextSteps": "not an array",
                "concerns": [{"severity": 3, "message": "m"}],
            }
        },
    )
    owner = "task-session-1-vision"
    blockers = rows["blockers"]
    assert sorted(blockers) == [f"{owner}/blocker/0", f"{owner}/blocker/3"]
    assert only(blockers[f"{owner}/blocker/0"], "message", "requires_human") == ("key", None)
    assert only(blockers[f"{owner}/blocker/3"], "message", "requires_human") == (long[:-1], True)
    made = rows["deliverables"]
    assert made[f"{owner}/deliverable/0"]["details"] == '{"n":1,"ü":[null]}'
    assert only(made[f"{owner}/deliverable/1"], "title", "details") == (None, None)
    sent = rows["messages"][f"{owner}/message/0"]
    assert only(sent, "recipient", "content", "content_length", "sent_at") == (
        *("jarvis", long[:-1], 4097, "2026-02-08 08:04:02.500000"),
    )
    assert rows["next_steps"] == {}
    assert only(rows["concerns"][f"{owner}/concern/0"], "severity", "message") == (None, "m")
    assert rows["tasks"][owner]["error_message"] == "key"


def test_facts_come_field_by_field_from_the_leading_files(tmp_path: Path) -> None:
    """A field of the wrong type falls through to the next leading file."""
    rows = rows_of(
        tmp_path,
        {
            "orchestrator-2/orchestrator.json": {
                "status": "failed",
                "phase": 5,
                "pr_url": "draft, see http://x.example/1 please",
                "team": "Growth Hacks",
                "timestamp": "2026-02-08T08:00:00Z",
                "error": {"message": "boom"},
                "parentSessionId": "session-1",
            },
            "orchestrator-2/jarvis.json": {"phase": "two", "iterationCount": 4, "purpose": "no"},
            "orchestrator-2/session.json": {
                "createdAt": "2026-02-08T07:59:00",
                "phase": "three",
                "tags": ["a", 1, "ü"],
                "exitCode": True,
            },
        },
        workspace="web",
    )
    assert rows["sessions"] == {
        "web/orchestrator-2": {
            "id": "web/orchestrator-2",
            "workspace": "web",
            "team_id": "team-growth-hacks",
            "parent_id": "web/session-1",
            "status": "failed",
            "status_raw": "failed",
            "phase": "two",
            "target_repo": None,
            "priority_file": None,
            "prd_file": None,
            "branch_name": None,
            "base_branch": None,
            "pr_url": "http://x.example/1",
            "iteration_count": 4,
            "exit_code": None,
            "error_message": "boom",
            "purpose": None,
            "tags": '["a","ü"]',
            "started_at": "2026-02-08 07:59:00",
            "completed_at": "2026-02-08 08:00:00",
            "updated_at": "2026-02-08 08:00:00",
            "duration_seconds": 60.0,
            "archived_at": None,
            "source_path": "orchestrator-2/orchestrator.json",
        }
    }
    assert list(rows["tasks"]) == ["task-web/orchestrator-2-jarvis"]


def test_a_session_is_as_its_orchestrator_or_its_tasks_say(tmp_path: Path) -> None:
    """Each case names its files' status words and the status they make."""

    def doc(word: str | None) -> dict[str, object]:
        return {} if word is None else {"status": word}

    cases: dict[str, tuple[dict[str, str | None], str]] = {
        "1": ({"session": "active"}, "pending"),
        "2": ({"a": None, "b": "idle"}, "pending"),
        "3": ({"a": "done", "b": "idle"}, "in_progress"),
        "4": ({"a": "done", "b": "skipped"}, "completed"),
        "5": ({"a": "done", "orchestrator": None}, "in_progress"),
        "6": ({"a": "error", "b": "NEEDS_REVISION", "orchestrator": "active"}, "blocked"),
        "7": ({"a": "error", "orchestrator": "pending"}, "failed"),
        "8": ({"a": "error", "orchestrator": " Completed "}, "completed"),
        "9": ({"orchestrator": "pending"}, "in_progress"),
    }
    files: dict[str, object] = {
        f"session-{name}/{stem}.json": doc(word) for name, (words, _) in cases.items() for stem, word in words.items()
    }
    sessions = rows_of(tmp_path, files)["sessions"]
    assert {name: sessions[f"session-{name}"]["status"] for name in cases} == {
        name: status for name, (_, status) in cases.items()
    }
    assert sessions["session-8"]["status_raw"] == " Completed "


def test_every_number_is_a_point(tmp_path: Path) -> None:
    """Names are dotted, times and flags left out, and session.json measures nothing."""
    rows = rows_of(
        tmp_path,
        {
            "session-1/senior-code-reviewer.json": {
                "metrics": {"a": {"b": [1, {"c": 2.5}]}, "ok": True, "n": "5", "timestamp": 9},
                "scores": {"total": 10**20},
                "qualityScore": -1,
                "iteration": 2,
                "startTime": "2026-02-08T08:00:00.25Z",
            },
            "session-1/orchestrator.json": {"metrics": {"duration": 3}},
            "session-1/session.json": {"metrics": {"x": 1}},
        },
    )
    owner, at = "task-session-1-senior-code-reviewer", "2026-02-08 08:00:00.250000"
    assert {key: row["metric_value"] for key, row in rows["metrics"].items()} == {
        f"{owner}/a.b.0/{at}": 1,
        f"{owner}/a.b.1.c/{at}": 2.5,
        f"{owner}/scores.total/{at}": 1e20,
        f"{owner}/qualityScore/{at}": -1,
        "session-1/duration/": 3,
    }
    point = rows["metrics"][f"{owner}/qualityScore/{at}"]
    assert only(point, "entity_type", "entity_id", "context") == ("task", owner, "iteration 2")
    assert only(rows["metrics"]["session-1/duration/"], "entity_type", "context") == (*("session", None),)
    assert rows["sessions"]["session-1"]["duration_seconds"] == 3
    assert rows["tasks"][owner]["agent_id"] == "agent-senior-reviewer"


def test_usage_goes_by_position(tmp_path: Path) -> None:
    """An entry without a time is dated by its file; text is no entry."""
    use = {"model": "m", "input_tokens": 1.5, "output_tokens": 2, "cost_usd": 0.5, "used_at": 0}
    rows = rows_of(
        tmp_path,
        {
            "session-1/backend.json": {"llm_usage": ["x", use], "timestamp": 1770537842},
            "session-1/orchestrator.json": {"llm_usage": [{}], "timestamp": 1770537842},
        },
    )
    assert rows["llm_usage"] == {
        "task-session-1-backend/llm_usage/1": {
            "id": "task-session-1-backend/llm_usage/1",
            "task_id": "task-session-1-backend",
            "model": "m",
            "input_tokens": None,
            "output_tokens": 2,
            "cost_usd": 0.5,
            "duration_ms": None,
            "used_at": "1970-01-01 00:00:00",
            "source_path": "session-1/backend.json",
        },
        "session-1/llm_usage/0": {
            "id": "session-1/llm_usage/0",
            "task_id": None,
            "model": None,
            "input_tokens": None,
            "output_tokens": None,
            "cost_usd": None,
            "duration_ms": None,
            "used_at": "2026-02-08 08:04:02",
            "source_path": "session-1/orchestrator.json",
        },
    }


def test_an_unfinished_task_has_no_end_and_bad_times_fall_through(tmp_path: Path) -> None:
    """Ends wait for a final word, and a negative duration is none at all."""
    rows = rows_of(
        tmp_path,
        {
            "session-1/a.json": {
                "status": "running",
                "startTime": "yesterday",
                "metrics": {"startTime": "2026-02-08T08:00:00Z", "duration": 4},
                "endTime": "2026-02-08T09:00:00Z",
            },
            "session-1/b.json": {
                "status": "failed",
                "startTime": "2026-02-08T09:00:00Z",
                "timestamp": "2026-02-08T08:00:00Z",
                "message": "it broke",
                "currentTask": {"id": 5},
            },
            "session-1/c.json": {"durationSeconds": -1, "metrics": {"duration": 4}},
        },
    )
    times = ("description", "started_at", "completed_at", "duration_seconds", "error_message")
    assert {row["id"]: only(row, *times) for row in rows["tasks"].values()} == {
        "task-session-1-a": ("a task", "2026-02-08 08:00:00", None, 4, None),
        "task-session-1-b": (*("5", "2026-02-08 09:00:00", "2026-02-08 08:00:00", None, "it broke"),),
        "task-session-1-c": ("c task", None, None, None, None),
    }
    session = rows["sessions"]["session-1"]
    assert only(session, "status", "started_at", "completed_at", "duration_seconds") == (
        *("failed", "2026-02-08 08:00:00", "2026-02-08 08:00:00", 0),
    )


def test_only_strict_json_objects_in_matching_directories_count(tmp_path: Path) -> None:
    """Everything else is as if it were not there."""
    rows = rows_of(
        tmp_path,
        {
            "session-1/nan.json": b'{"x": NaN}',
            "session-1/infinite.json": b'{"x": 1e400}',
            "session-1/list.json": b"[]",
            "session-1/latin.json": b'{"x": "\xe9"}',
            "session-1/deep.json": b'{"x": ' + b"[" * 200 + b"]" * 200 + b"}",
            "session-1/empty.json": b"",
            "session-2/deep.json": b'{"x": ' + b"[" * 199 + b"]" * 199 + b"}",
            "session-2/.hidden.json": {},
            "session-2/session.json.tmp": {},
            "session-2/nested.json/inner.json": {},
            "session-3/bom.json": b'\xef\xbb\xbf{"task": "x", "task": "a\\u0000\\uD83d"}',
            "elsewhere/a.json": {},
            "session-4": b"{}",
        },
    )
    assert [only(row, "id", "description") for row in rows["tasks"].values()] == [
        ("task-session-2-deep", "deep task"),
        ("task-session-3-bom", "a\ufffd\\ud83d"),
    ]
    assert list(rows["sessions"]) == ["session-2", "session-3"]


def test_marketing_is_told_by_name_leader_or_domain(tmp_path: Path) -> None:
    """A stated team comes before all three."""
    rows = rows_of(
        tmp_path,
        {
            "session-marketing-1/a.json": {},
            "session-1/jarvis.json": {},
            "session-2/a.json": {"domain": "marketing"},
            "session-3/a.json": {},
            "session-4/jarvis.json": {"team": "engineering"},
        },
    )
    assert {row["id"]: row["team_id"] for row in rows["sessions"].values()} == {
        "session-marketing-1": "team-marketing",
        "session-1": "team-marketing",
        "session-2": "team-marketing",
        "session-3": "team-engineering",
        "session-4": "team-engineering",
    }


def test_records_come_from_data_and_from_sections(tmp_path: Path) -> None:
    """Bare ids, positions and ids under the session; of two spellings the first that can be read."""
    files: dict[str, object] = {
        "data/leads.json": [
            {"id": 7, "contact_name": 5, "contact": {"name": "Ann"}, "score": 3, "created_at": "never", "createdAt": 0},
            "Bob",
            {"id": "session-1/x"},
            {"id": "web/data/x"},
        ],
        "data/content.json": {"content": {"a": "T", "b": 5, "c": {"wordCount": 2.0, "id": "d"}}},
        "data/rewards.json": {"reason": "a record alone"},
        "session-1/session.json": {"leads": {"s": {}, "t": []}, "campaigns": {"name": "a record alone"}},
        "session-1/backend.json": {"leads": [{"id": "s", "company": "later", "contact": 5}, {}]},
        "session-1/vision.json": {"campaigns": [{"channels": "mail", "metrics": {"a": [1]}, "deliverables": {}}]},
    }
    rows = rows_of(tmp_path / "here", files)
    assert {key: only(row, "contact_name", "score", "created_at") for key, row in rows["leads"].items()} == {
        "7": ("Ann", 3.0, "1970-01-01 00:00:00"),
        "1": ("Bob", None, None),
        "session-1/s": (None, None, None),
        "session-1/backend/1": (None, None, None),
    }
    assert only(rows["leads"]["session-1/s"], "company", "source_path") == (None, "session-1/session.json")
    assert [only(row, "id", "title", "word_count") for row in rows["content"].values()] == [
        ("a", "T", None),
        ("d", None, 2),
    ]
    (campaign,) = rows["campaigns"].values()
    assert only(campaign, "channels", "metrics", "deliverables") == ('["mail"]', '{"a":[1]}', None)
    assert rows["rewards"] == {}
    assert list(rows_of(tmp_path / "there", files, "web")["leads"])[-4:] == [
        *("web/data/7", "web/data/1", "web/data/session-1/x", "web/data/web/data/x"),
    ]


def test_integrations_say_only_that_there_are_credentials(tmp_path: Path) -> None:
    """Neither a credential nor an address that signs in is in the row."""
    config = {"host": "h", "password": "p", "url": "https://u:p@h/x?token=1", "env": [{"name": "A_TOKEN", "value": 1}]}
    written = [{"config": config}, {"config": {"host": "h", "token": ""}}, {"api_key": "k"}, {"hasCredentials": True}]
    rows = rows_of(tmp_path, {"data/integrations.json": written})["integrations"]
    assert [only(row, "has_credentials", "config") for row in rows.values()] == [
        (True, '{"host":"h","url":"https://h/x","env":[]}'),
        (False, '{"host":"h"}'),
        (True, None),
        (True, None),
    ]


def test_the_roster_is_built_in_or_told_or_made(tmp_path: Path) -> None:
    """Agents bring their teams along."""
    built_in: Rows = {
        "teams": {"team-a": {"id": "team-a", "name": "A", "domain": None, "description": None, "source_path": None}},
        "agents": {},
    }
    agents = [{"id": "x", "team": "New Team", "is_active": False}, {"id": "agent-x", "emoji": "E"}, {"name": "nobody"}]
    files: dict[str, object] = {
        "data/agents.json": agents,
        "data/teams.json": {"a": {"domain": "D"}},
        "session-1/senior-code-reviewer.json": {},
    }
    found = roster(tmp_path, rows_of(tmp_path, files), built_in)
    assert {key: only(row, "team_id", "name", "emoji", "source_path") for key, row in found["agents"].items()} == {
        "agent-x": ("team-unassigned", "X", "E", "data/agents.json"),
        "agent-senior-reviewer": ("team-unassigned", "Senior Reviewer", None, None),
    }
    assert {key: only(row, "name", "domain", "source_path") for key, row in found["teams"].items()} == {
        "team-a": ("A", "D", "data/teams.json"),
        "team-unassigned": ("Unassigned", None, None),
        "team-engineering": ("Engineering", None, None),
    }


def test_no_two_files_of_the_pools_own_one_task_id() -> None:
    """Whatever is drawn or edited, a task id has one owner."""
    ids = [f"{session}-{stem}" for session in SESSIONS for stem in STEMS]
    assert len(set(ids)) == len(ids)


@given(trees().flatmap(lambda tree: st.tuples(st.just(tree), edits(tree))))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_random_tree_gives_rows_that_hang_together(case: tuple[Tree, list[Edit]]) -> None:
    """Ids agree with their keys, and edits in memory agree with edits on disk."""
    tree, steps = case
    with TemporaryDirectory() as folder:
        write_tree(Path(folder), tree)
        assert_whole(project(Path(folder)))
        for step in steps:
            apply_edit(Path(folder), step)
            tree = edited(tree, step)
        rows = project(Path(folder))
    with TemporaryDirectory() as folder:
        write_tree(Path(folder), tree)
        assert project(Path(folder)) == rows


def assert_whole(rows: Rows) -> None:
    """Hold the rows to their ids and to the sessions and tasks that they name."""
    assert tuple(rows) == TABLES
    for table in rows.values():
        for key, row in table.items():
            assert row["id"] == key
            assert "session_id" not in row or row["session_id"] in rows["sessions"]
            assert row.get("task_id") is None or row["task_id"] in rows["tasks"]
