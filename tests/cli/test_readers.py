"""The commands that tell what is in the database: status, show, quarantine, verify."""

from pathlib import Path

from syncd_models.schema import TABLES
from tests.command import call, change, document, put, rows, spawn

TORN = '{"status": "completed", "task": "half of i'
TASK = {*TABLES["tasks"].columns}
SESSION = {*TABLES["sessions"].columns}
ITEM = {*TABLES["task_items"].columns}
LISTED_SESSION = {
    *("id", "status", "status_raw", "team_id", "branch_name", "pr_url", "started_at", "completed_at"),
    *("duration_seconds", "archived_at", "tasks", "completed"),
}


def test_status_counts_what_there_is(synced: Path) -> None:
    """A healthy database is exit code 0, in words and in fields."""
    said = spawn("status", "--root", synced)
    assert (said.code, said.err) == (0, "")
    assert "files      3, 0 half-written, 0 refused" in said.out
    assert "healthy: every file that could be read is in the database" in said.out
    facts = call("status", "--root", synced, "--json").facts
    assert facts.keys() >= {
        *("schema", "healthy", "database", "size_bytes", "wal_bytes", "workspaces", "sessions", "archived", "tasks"),
        *("files", "waiting", "quarantined", "changes", "last_change_at", "runs", "problems"),
    }
    assert (facts["healthy"], facts["problems"], facts["files"]) == (True, [], 3)
    assert facts["sessions"] == {"failed": 1, "in_progress": 1}
    assert facts["tasks"] == {"completed": 1, "failed": 1}
    assert facts["workspaces"] == {"default": str(synced.resolve())}
    assert facts["runs"]["reconcile"]["rows"] == {"created": 4, "updated": 0, "deleted": 0}


def test_status_says_what_is_wrong_and_what_to_do(synced: Path) -> None:
    """Each problem is exit code 1 and names the command that helps."""
    put(synced / "session-1" / "backend.json", TORN)
    assert call("sync", "--root", synced).code == 1
    change(synced / "agent-service.db", "UPDATE tasks SET status = 'pending' WHERE id = 'task-session-2-frontend'")
    assert call("verify", "--root", synced).code == 1
    said = call("status", "--root", synced)
    assert said.code == 1
    assert "! 1 refused file(s): `syncd quarantine` says where\n" in said.out
    assert "! the last verify found 1 difference(s): `syncd verify` lists them\n" in said.out
    facts = call("status", "--root", synced, "--json").facts
    assert (facts["healthy"], len(facts["problems"]), facts["quarantined"]) == (False, 2, 1)


def test_status_wants_one_sync_of_everything(root: Path) -> None:
    """A database that only ever saw one session is not said to be level."""
    assert call("sync", "--root", root, "session-1").code == 0
    said = call("status", "--root", root)
    assert (said.code, "! no full sync has ended yet: run `syncd sync`\n" in said.out) == (1, True)


def test_a_bad_hint_alone_is_healthy(synced: Path) -> None:
    """session.json in quarantine is listed there, and changes neither health nor exit code."""
    put(synced / "session-1" / "session.json", TORN)
    assert call("sync", "--root", synced).code == 0
    said = call("status", "--root", synced, "--json")
    assert (said.code, said.facts["healthy"], said.facts["quarantined"]) == (0, True, 1)


def test_show_lists_sessions_and_tasks(example_root: Path) -> None:
    """Both tables, with as many lines as there are rows."""
    said = spawn("show", "--root", example_root)
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("11 sessions ")
    assert "\n26 tasks " in said.out
    assert "🎨 Frontend" in said.out
    facts = call("show", "--root", example_root, "--json").facts
    assert facts.keys() == {"schema", "sessions", "tasks"}
    assert (len(facts["sessions"]), len(facts["tasks"])) == (11, 26)
    assert all(each.keys() == LISTED_SESSION for each in facts["sessions"])
    assert all(each.keys() > TASK | {"agent_name", "agent_emoji"} for each in facts["tasks"])


def test_show_draws_one_session_as_a_tree(example_root: Path) -> None:
    """Agents, their items, blockers and durations hang where they belong."""
    said = call("show", "--root", example_root, "session-1770882921")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0].startswith("■ blocked  session-1770882921")
    assert any(line.startswith("├── ") and "🎨 Frontend" in line for line in lines)
    assert any("(needs a person)" in line for line in lines)
    assert "├── source session-1770882921/orchestrator.json" in lines


def test_every_session_of_the_example_can_be_shown(example_root: Path) -> None:
    """As a tree and as fields."""
    for (session_id,) in rows(example_root / "agent-service.db", "SELECT id FROM sessions"):
        assert session_id in call("show", "--root", example_root, session_id).out
        facts = call("show", "--root", example_root, session_id, "--json").facts
        assert facts.keys() == {"schema", "session", "tasks", "items", "blockers"}
        assert facts["session"].keys() == SESSION
        for task in facts["tasks"]:
            assert task.keys() == TASK | {"agent_name", "agent_emoji", "items", "blockers"}
            assert all(item.keys() == ITEM for item in task["items"])


def test_show_marks_what_is_archived(synced: Path) -> None:
    """In the list and in the tree."""
    (synced / "session-2" / "frontend.json").unlink()
    (synced / "session-2").rmdir()
    assert call("sync", "--root", synced).code == 0
    assert "session-2 (archived)" in call("show", "--root", synced).out
    assert "archived 20" in call("show", "--root", synced, "session-2").out
    assert "1 archived session(s)" in call("status", "--root", synced).out


def test_show_of_an_unknown_session_is_a_usage_error(synced: Path) -> None:
    """Exit code 2, and where to look."""
    said = call("show", "--root", synced, "session-9")
    assert (said.code, "the database has no session 'session-9'" in said.err) == (2, True)


def test_show_prints_text_as_it_is(root: Path) -> None:
    """Neither markup, nor names of emoji, nor escape sequences in a file change what stands on the screen."""
    odd = "[red]a[/red] :warning: \\[b] \x1b[31m \\"
    leader = document(purpose=odd, error=odd, branch=odd)
    put(root / "session-1" / "orchestrator.json", leader)
    agent = document(task=odd, error=odd, tasks={odd: "pending"}, blockers=[{"message": odd}, {}])
    put(root / "session-1" / "backend.json", agent)
    assert call("sync", "--root", root).code == 0
    said = call("show", "--root", root, "session-1")
    assert said.code == 0
    assert said.out.count(odd.replace("\x1b", r"\x1b")) >= 6
    assert "\x1b" not in said.out + call("show", "--root", root).out


def test_quarantine_lists_every_refused_file(synced: Path) -> None:
    """One line a file; exit code 1 as long as there is any."""
    assert call("quarantine", "--root", synced).out == "no file is refused\n"
    assert call("quarantine", "--root", synced, "--json").facts == {"schema": 1, "quarantine": []}
    put(synced / "session-1" / "backend.json", TORN)
    put(synced / "session-2" / "frontend.json", "[]")
    put(synced / "session-2" / "session.json", "")
    assert call("sync", "--root", synced).code == 1
    said = call("quarantine", "--root", synced)
    assert said.code == 1
    assert said.out.startswith("3 refused file(s) ")
    assert "1:33" in said.out
    listed = call("quarantine", "--root", synced, "--json")
    assert listed.code == 1
    assert [each["path"] for each in listed.facts["quarantine"]] == [
        *("session-1/backend.json", "session-2/frontend.json", "session-2/session.json")
    ]
    assert all(
        each.keys() == {"workspace", "path", "reason", "line", "column", "excerpt", "first_seen", "sha256"}
        for each in listed.facts["quarantine"]
    )


def test_quarantine_shows_all_about_one_file(synced: Path) -> None:
    """Each field is a line, and the remedy stands below; a path that is not refused is a usage error."""
    put(synced / "session-1" / "backend.json", TORN)
    assert call("sync", "--root", synced).code == 1
    for path in ("session-1/backend.json", "default/session-1/backend.json"):
        said = call("quarantine", "--root", synced, path)
        assert said.code == 1
        assert "reason      unterminated string starting at\n" in said.out
        assert "line        1\n" in said.out
        assert "column      33\n" in said.out
        assert '"completed", "task": "half of i\n' in said.out
        assert "\n\nIts last good rows stay. Mend the file" in said.out
    one = call("quarantine", "--root", synced, "session-1/backend.json", "--json")
    assert [each["path"] for each in one.facts["quarantine"]] == ["session-1/backend.json"]
    none = call("quarantine", "--root", synced, "session-2/frontend.json")
    assert (none.code, "is not in quarantine" in none.err) == (2, True)


def test_verify_finds_an_edited_row(synced: Path) -> None:
    """Row, column, file and both values are said; a sync that reads the file again mends it."""
    level = spawn("verify", "--root", synced)
    assert (level.code, level.out.startswith("level: ")) == (0, True)
    facts = call("verify", "--root", synced, "--json").facts
    assert facts.keys() == {"schema", "sessions", "rows", "owed_values", "archived", "differences"}
    assert (facts["sessions"], facts["differences"]) == (2, [])
    change(synced / "agent-service.db", "UPDATE tasks SET description = 'x' WHERE agent_id = 'agent-backend'")
    said = call("verify", "--root", synced)
    assert said.code == 1
    where = "tasks task-session-1-backend · description: the database has 'x', session-1/backend.json says 'Build it'"
    assert where in said.out
    [found] = call("verify", "--root", synced, "--json").facts["differences"]
    assert found.keys() == {"table", "row_id", "column", "held", "expected", "path"}
    assert (found["held"], found["expected"]) == ("x", "Build it")


def test_verify_prints_so_many_differences_and_counts_the_rest(root: Path) -> None:
    """Two hundred lines are enough for people; JSON has them all."""
    put(root / "session-3" / "backend.json", document(tasks={str(n): "pending" for n in range(210)}))
    assert call("sync", "--root", root).code == 0
    change(root / "agent-service.db", "UPDATE task_items SET description = 'x'")
    assert "… and 10 more: --json lists them all" in call("verify", "--root", root).out
    assert len(call("verify", "--root", root, "--json").facts["differences"]) == 210


def test_verify_tells_what_the_past_owes(synced: Path) -> None:
    """Values that no file can confirm, and archived sessions, are counted and no drift."""
    put(synced / "session-1" / "orchestrator.json", document(status="in_progress"))
    (synced / "session-2" / "frontend.json").unlink()
    (synced / "session-2").rmdir()
    assert call("sync", "--root", synced).code == 0
    said = call("verify", "--root", synced)
    assert said.code == 0
    assert "1 archived sessions left alone" in said.out
    assert "1 values owed to the past that no file can confirm" in said.out


def test_verify_by_a_reader_is_not_remembered(synced: Path, bound: tuple[str, ...]) -> None:
    """Who may not write the database still gets the answer."""
    database = synced / "agent-service.db"
    database.chmod(0o444)
    said = spawn("verify", "--root", synced, before=bound)
    assert (said.code, said.out.startswith("level: ")) == (0, True)
    assert "this run is not remembered" in said.err
