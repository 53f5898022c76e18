"""The five questions that dashboards ask, word for word, on the example."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from syncd_models.views import VIEWS
from tests.command import call, document, put, rows

FAILED_OF_AN_AGENT = "SELECT * FROM tasks WHERE status = 'failed' AND agent_id = 'agent-backend';"
BY_AGENT = (
    "SELECT agent_id, COUNT(*) as total, SUM(CASE WHEN status = 'completed' THEN 1 ELSE 0 END) as completed "
    "FROM tasks GROUP BY agent_id;"
)
OF_A_SESSION = (
    "SELECT t.*, a.name, a.emoji FROM tasks t JOIN agents a ON t.agent_id = a.id WHERE t.session_id = 'session-123';"
)
LATELY_FAILED = "SELECT * FROM tasks WHERE status = 'failed' AND started_at > datetime('now', '-7 days');"
WITH_TEAM = (
    "SELECT t.*, a.name, a.emoji, team.name as team_name FROM tasks t JOIN agents a ON t.agent_id = a.id "
    "JOIN teams team ON a.team_id = team.id;"
)


@pytest.fixture
def database(example_root: Path) -> Path:
    """Lend the example's database, with a failed task and a session that the questions are about."""
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    put(example_root / "session-123" / "backend.json", document(status="failed", startTime=yesterday))
    put(example_root / "session-123" / "frontend.json", document(status="completed", startTime=yesterday))
    put(example_root / "session-124" / "backend.json", document(status="failed", startTime="2020-01-01T00:00:00Z"))
    assert call("sync", "--root", example_root).code == 1
    return example_root / "agent-service.db"


def documents(root: Path) -> dict[str, dict[str, object]]:
    """Return the agent files of a root as plain data, by path."""
    paths = (path for path in root.glob("*-*/*.json") if path.name not in {"session.json", "orchestrator.json"})
    found = {}
    for path in paths:
        try:
            found[str(path.relative_to(root))] = json.loads(path.read_bytes())
        except ValueError:  # the torn one of the example
            continue
    return found


def test_the_failed_tasks_of_an_agent(database: Path) -> None:
    """Those whose files say so."""
    files = documents(database.parent)
    wanted = {
        f"task-{path.replace('/', '-').removesuffix('.json')}"
        for path, fields in files.items()
        if path.endswith("/backend.json") and fields["status"] in {"failed", "error"}
    }
    assert {row[0] for row in rows(database, FAILED_OF_AN_AGENT)} == wanted
    assert {"task-session-123-backend", "task-session-124-backend"} < wanted


def test_the_count_of_tasks_by_agent(database: Path) -> None:
    """Every task is counted once."""
    found = rows(database, BY_AGENT)
    assert sum(total for _, total, _ in found) == rows(database, "SELECT COUNT(*) FROM tasks")[0][0]
    counted = {agent: (total, done) for agent, total, done in found}
    assert counted["agent-db-architect"] == (1, 1)
    files = [fields for path, fields in documents(database.parent).items() if path.endswith("/backend.json")]
    done = sum(fields["status"] in {"completed", "success", "done"} for fields in files)
    assert counted["agent-backend"] == (len(files), done)


def test_the_tasks_of_a_session_with_their_agents(database: Path) -> None:
    """Name and emoji of the roster stand at the end."""
    found = {row[0]: row[-2:] for row in rows(database, OF_A_SESSION)}
    assert found.keys() == {"task-session-123-backend", "task-session-123-frontend"}
    assert found["task-session-123-frontend"] == ("Frontend", "🎨")


def test_what_failed_in_the_last_seven_days(database: Path) -> None:
    """The times in the database compare with those of SQLite."""
    assert [row[0] for row in rows(database, LATELY_FAILED)] == ["task-session-123-backend"]


def test_every_task_with_agent_and_team(database: Path) -> None:
    """No task is lost in the joins, not even that of an agent nobody has heard of."""
    found = {row[0]: row[-1] for row in rows(database, WITH_TEAM)}
    assert len(found) == rows(database, "SELECT COUNT(*) FROM tasks")[0][0]
    assert found["task-session-1771590718-db-architect"] == "Unassigned"


@pytest.mark.parametrize("question", [FAILED_OF_AN_AGENT, OF_A_SESSION, LATELY_FAILED])
def test_an_index_answers(question: str, database: Path) -> None:
    """No table is read from end to end."""
    plan = " / ".join(str(row[-1]) for row in rows(database, f"EXPLAIN QUERY PLAN {question}"))
    assert re.search(r"SEARCH (tasks|t) USING INDEX", plan), plan
    assert "SCAN" not in plan


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_answers(view: str, database: Path) -> None:
    """On the example, in a database that the command line made."""
    rows(database, f"SELECT * FROM {view}")  # noqa: S608  our own names


def test_the_database_is_sound(database: Path) -> None:
    """By SQLite's own word."""
    assert rows(database, "PRAGMA integrity_check") == [("ok",)]
    assert rows(database, "PRAGMA foreign_key_check") == []
    assert call("verify", "--root", database.parent).code == 0
