"""What the session row takes from its leaders and its tasks."""

from datetime import UTC
from typing import Any

import pytest

from syncd.families.facts import (
    NOTHING,
    Facts,
    TaskState,
    error_of,
    facts_of,
    facts_text,
    session_row,
    session_status,
    text_facts,
    times_of,
    url_in,
)
from syncd.families.roster import BUILT_IN, agent_row, team_id, team_row
from syncd.families.words import fold_priority, fold_status, llm_family, title
from syncd_models.documents.compound_state import StateFile
from syncd_models.schema import TABLES
from syncd_models.values import Bundle

PENDING, DONE = TaskState("pending", None, None), TaskState("completed", None, None)
FAILED, BLOCKED = TaskState("failed", None, None), TaskState("blocked", None, None)


def facts(document: dict[str, Any], stem: str = "orchestrator", before: Facts = NOTHING) -> Facts:
    """Return the facts of one file."""
    found, _ = StateFile.read(document)
    return facts_of(found, times_of(found, UTC)[0], stem, UTC, before)


def session(
    files: dict[str, dict[str, Any]],
    tasks: tuple[TaskState, ...] = (),
    bundle: Bundle = Bundle("default", "session-1"),  # noqa: B008  a constant
    last_start: str | None = None,
) -> dict[str, Any]:
    """Return the session row of these files and tasks."""
    known = {stem: facts(document, stem) for stem, document in files.items()}
    row = session_row(bundle, known, tasks, "session-1/x.json", last_start)
    return dict(zip(TABLES["sessions"].columns, row, strict=False))


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("opened https://a.example/pull/3.", "https://a.example/pull/3"),
        ("[PR](http://a.example/4)", "http://a.example/4"),
        ("`https://a.example/?q=1;`", "https://a.example/?q=1"),
        ("https://.,! then https://b.example", "https://b.example"),
        ("see ftp://a.example", None),
        (None, None),
    ],
)
def test_a_pull_request_is_the_first_address_in_the_text(text: str | None, url: str | None) -> None:
    """It ends at a blank, a quote or a bracket, less the punctuation of its sentence."""
    assert url_in(text) == url


def test_text_without_an_address_leaves_the_word_to_the_next() -> None:
    """The other spelling counts, then the next leader."""
    files = {"orchestrator": {"prUrl": "none yet"}, "jarvis": {"prUrl": "soon", "pr_url": "http://a.example"}}
    assert session(files)["pr_url"] == "http://a.example"


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ({"error": "e", "blockers": ["b"]}, "e"),
        ({"error": {"message": "e", "description": "d"}}, "e"),
        ({"error": {"code": 5}, "blockers": ["", "b", "c"]}, "b"),
        ({"blockers": [{"type": "env"}, "b"], "status": "failed", "message": "m"}, "m"),
        ({"status": "needs_revision", "message": "m"}, "m"),
        ({"status": "done", "message": "m"}, None),
        ({"error": " "}, None),
    ],
)
def test_an_error_is_said_by_the_first_that_has_words(document: dict[str, Any], error: str | None) -> None:
    """The file's error, else its first blocker, else the message of one that failed or is blocked."""
    assert error_of(StateFile.read(document)[0]) == error


def test_a_time_that_cannot_be_read_is_noted_and_the_next_counts() -> None:
    """The note says where it stands."""
    document = {"startTime": "yesterday", "metrics": {"startTime": 5, "endTime": []}, "timestamp": "soon"}
    times, notes = times_of(StateFile.read(document)[0], UTC)
    assert times.start is not None
    assert (times.end, times.stamp, times.updated) == (None, None, None)
    assert [note.partition(":")[0] for note in notes] == ["/startTime", "/metrics/endTime", "/timestamp"]


@pytest.mark.parametrize(
    ("key", "value", "column", "found"),
    [
        ("phase", "p", "phase", "p"),
        ("targetRepo", "r", "target_repo", "r"),
        ("target_repo", "r", "target_repo", "r"),
        ("priorityFile", "f", "priority_file", "f"),
        ("priority", "f", "priority_file", "f"),
        ("prdFile", "f", "prd_file", "f"),
        ("branchName", "b", "branch_name", "b"),
        ("branch", "b", "branch_name", "b"),
        ("baseBranch", "b", "base_branch", "b"),
        ("prUrl", "at http://x.example", "pr_url", "http://x.example"),
        ("pr_url", "http://x.example", "pr_url", "http://x.example"),
        ("iteration", 2, "iteration_count", 2),
        ("iterationCount", 2, "iteration_count", 2),
        ("exitCode", 0, "exit_code", 0),
        ("error", "e", "error_message", "e"),
        ("team", " Growth Hacks ", "team_id", "team-growth-hacks"),
        ("durationSeconds", 5, "duration_seconds", 5),
        ("updatedAt", 5, "updated_at", "1970-01-01 00:00:05"),
        ("startTime", 5, "started_at", "1970-01-01 00:00:05"),
    ],
)
def test_a_fact_comes_from_the_first_leader_that_states_it(key: str, value: object, column: str, found: object) -> None:
    """Orchestrator, then jarvis, then session.json; a value of the wrong type is none."""
    for stem in ("orchestrator", "jarvis", "session"):
        others: dict[str, dict[str, Any]] = {"orchestrator": {key: []}, "jarvis": {key: {}}, "session": {key: [1]}}
        assert session(others | {stem: {key: value}})[column] == found
    both = session({"jarvis": {key: value}, "orchestrator": {}, "backend": {key: "agents lead nothing"}})
    assert both[column] == found


def test_the_hierarchy_is_told_by_orchestrator_and_session_alone() -> None:
    """Jarvis has no say in it."""
    told = {"purpose": "p", "tags": ["a", 1, "", "ü"], "parentSessionId": "session-0"}
    columns = ("purpose", "tags", "parent_id")
    assert [session({"session": told})[column] for column in columns] == ["p", '["a","ü"]', "session-0"]
    assert [session({"jarvis": told})[column] for column in columns] == [None, None, None]


def test_a_parent_lies_in_the_same_workspace() -> None:
    """Outside the default workspace its id is prefixed."""
    row = session({"session": {"parentSessionId": "session-0"}}, bundle=Bundle("web", "session-1"))
    assert (row["id"], row["parent_id"]) == ("web/session-1", "web/session-0")


@pytest.mark.parametrize(
    ("files", "name", "team"),
    [
        ({"backend": {}}, "session-1", "team-engineering"),
        ({"backend": {}}, "session-marketing-1", "team-marketing"),
        ({"jarvis": {}}, "session-1", "team-marketing"),
        ({"vision": {"domain": " Marketing"}}, "session-1", "team-marketing"),
        ({"jarvis": {"team": "Team-Growth"}}, "session-1", "team-growth"),
    ],
)
def test_marketing_is_told_by_name_leader_or_domain(files: dict[str, Any], name: str, team: str) -> None:
    """A stated team comes first."""
    assert session(files, bundle=Bundle("default", name))["team_id"] == team


@pytest.mark.parametrize(
    ("word", "led", "tasks", "status"),
    [
        (None, False, (), "pending"),
        (None, False, (PENDING,), "pending"),
        (None, False, (DONE, PENDING), "in_progress"),
        (None, False, (DONE,), "completed"),
        (None, True, (DONE,), "in_progress"),
        (None, True, (), "in_progress"),
        ("active", True, (FAILED, BLOCKED), "blocked"),
        ("pending", True, (FAILED, DONE), "failed"),
        (" Completed ", True, (FAILED,), "completed"),
        ("needs_revision", True, (), "blocked"),
    ],
)
def test_a_session_is_as_its_orchestrator_or_its_tasks_say(
    word: str | None,
    led: bool,  # noqa: FBT001
    tasks: tuple[TaskState, ...],
    status: str,
) -> None:
    """A final word decides, else the worst task, else what they add up to."""
    assert session_status(word, led, tasks) == status


EARLY, LATE = "1970-01-01 00:00:10", "1970-01-01 00:00:40.500000"


@pytest.mark.parametrize(
    ("files", "started"),
    [
        ({"jarvis": {"startTime": 5}, "session": {"createdAt": 1}}, "1970-01-01 00:00:05"),
        ({"jarvis": {"createdAt": 1}, "session": {"createdAt": 2}}, "1970-01-01 00:00:02"),
        ({"orchestrator": {"createdAt": 1}}, EARLY),
    ],
)
def test_a_session_starts_as_stated_as_made_or_with_its_first_task(files: dict[str, Any], started: str) -> None:
    """Only session.json says when a session was made."""
    tasks = (TaskState("pending", LATE, None), TaskState("pending", EARLY, None), PENDING)
    assert session(files, tasks, last_start="1970-01-01 00:00:00")["started_at"] == started


def test_a_start_that_nobody_states_any_more_stays() -> None:
    """What was known last counts when nothing else does."""
    assert session({"orchestrator": {}}, (PENDING,), last_start=EARLY)["started_at"] == EARLY


@pytest.mark.parametrize(
    ("files", "ended"),
    [
        ({"orchestrator": {"status": "active", "endTime": 5}}, None),
        ({"orchestrator": {"status": "done", "timestamp": 6}, "session": {"endTime": 5}}, "1970-01-01 00:00:05"),
        ({"orchestrator": {"status": "done", "timestamp": 6, "updatedAt": 7}}, "1970-01-01 00:00:06"),
        ({"orchestrator": {"status": "done"}, "jarvis": {"status": "failed", "updatedAt": 7}}, "1970-01-01 00:00:07"),
        ({"orchestrator": {"status": "done"}, "jarvis": {"status": "active", "updatedAt": 7}}, LATE),
        ({"orchestrator": {"status": "done"}, "jarvis": {"updatedAt": 7}}, LATE),
        ({"orchestrator": {"status": "done"}, "session": {"status": "done", "updatedAt": 7}}, LATE),
    ],
)
def test_a_final_session_ends_as_stated_as_written_or_with_its_last_task(
    files: dict[str, Any], ended: str | None
) -> None:
    """A leader's last writing counts while its own word is final."""
    tasks = (TaskState("completed", None, EARLY), TaskState("completed", None, LATE), DONE)
    assert session(files, tasks)["completed_at"] == ended


@pytest.mark.parametrize(
    ("document", "seconds"),
    [
        ({"durationSeconds": 5}, 5),
        ({"durationSeconds": -5}, None),
        ({"status": "done", "startTime": 0, "endTime": 8}, 8),
        ({"status": "done", "startTime": 8, "endTime": 0}, None),
        ({"status": "done", "endTime": 8}, None),
    ],
)
def test_a_session_lasts_as_stated_or_from_start_to_end(document: dict[str, Any], seconds: float | None) -> None:
    """A negative duration is none."""
    assert session({"orchestrator": document})["duration_seconds"] == seconds


def test_facts_survive_as_text() -> None:
    """What nobody says takes no room."""
    said = facts({"status": "done", "phase": "p", "exitCode": 0, "tags": [], "domain": "marketing"})
    assert text_facts(facts_text(said)) == said
    assert facts_text(NOTHING) is None
    assert text_facts(None) == NOTHING
    assert facts({"status": "done", "phase": "p"}, "backend") == NOTHING


def test_dropped_start_times_stay_as_they_were() -> None:
    """Start and creation are owed by the past; other facts are not."""
    before = Facts(start=EARLY, phase="p")
    assert facts({}, before=before) == Facts(start=EARLY)
    assert facts({"startTime": 5}, before=before).start == "1970-01-01 00:00:05"
    assert facts({}, "session", Facts(created=EARLY)).created == EARLY


def test_the_roster_holds_together() -> None:
    """Twenty-seven agents belong to four teams."""
    teams = {row[0] for row in BUILT_IN["teams"]}
    assert (len(teams), len(BUILT_IN["agents"])) == (4, 27)
    assert {row[1] for row in BUILT_IN["agents"]} <= teams


@pytest.mark.parametrize(
    ("slug", "name"),
    [("db-architect", "Db Architect"), ("data_science", "Data Science"), ("", ""), ("--", "--")],
)
def test_a_name_is_made_from_an_id(slug: str, name: str) -> None:
    """Words are told by dashes and underscores; without any the id is the name."""
    assert title(slug) == name


def test_unknown_agents_and_teams_are_made_from_their_ids() -> None:
    """Nobody has claimed such an agent."""
    assert agent_row("agent-ghost")[:3] == ("agent-ghost", "team-unassigned", "Ghost")
    assert team_row(team_id("Growth Hacks"))[:2] == ("team-growth-hacks", "Growth Hacks")


@pytest.mark.parametrize(
    ("word", "status"),
    [
        (None, "pending"),
        (" ", "pending"),
        ("done", "completed"),
        (" DONE\n", "completed"),
        ("Waiting_For_backend", "pending"),
        ("waiting", "pending"),
        ("thinking", "in_progress"),
        ("cancelled", "failed"),
        ("Needs_Revision", "blocked"),
        ("passed", "in_progress"),
    ],
)
def test_a_status_word_is_folded(word: str | None, status: str) -> None:
    """Case and blanks around it do not matter, and no word is what the caller says."""
    assert fold_status(word) == status
    assert fold_status(" ", otherwise="in_progress") == "in_progress"


def test_priorities_and_models_are_folded() -> None:
    """What is unknown is medium, or of no family."""
    words = ("LOW", "critical", "Urgent ", "p1.md", "", None)
    assert [fold_priority(word) for word in words] == ["low", "high", "high", "medium", "medium", "medium"]
    assert [llm_family(name) for name in ("GPT-5 after Opus", "local", None)] == ["opus", None, None]
