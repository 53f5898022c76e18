"""`syncd history`: what became of a row, and what it was, as people and programs are told it."""

import json
import shutil
from pathlib import Path

import pytest

from tests.command import Said, call, change, document, put, rows, spawn

PATH = "session-1/backend.json"
TASK = "task-session-1-backend"
EVENT = {"seq", "at", "op", "cause", "bundle", "path", "generation", "table", "row_id", "fields"}
MOMENT = {"schema", "of", "at", "seq", "known", "known_since", "last_change", "rows", "unknown_sessions"}


@pytest.fixture
def changed(synced: Path) -> Path:
    """Lend a synced root in which one file went A, B, A, and every entry of the log has an hour of its own."""
    for words in ("B", "Build it"):
        put(synced / PATH, document(status="completed", task=words))
        assert call("sync", "--root", synced).code == 0
    for seq, at in enumerate(("10:00:00", "10:00:00", "11:00:00", "12:00:00.500000"), start=1):
        change(synced / "agent-service.db", "UPDATE changes SET at = ? WHERE seq = ?", f"2025-03-01 {at}", seq)
    return synced


def ask(root: Path, *words: str) -> Said:
    """Ask for the past of a root."""
    return call("history", *words, "--root", root)


def test_every_change_of_a_row_is_told_field_by_field(changed: Path) -> None:
    """With when, which file, which of its contents, and why."""
    said = ask(changed, "tasks", TASK)
    assert said.code == 0
    head, *lines = said.out.splitlines()
    assert head == f"tasks {TASK}: known since 2025-03-01 10:00:00 UTC; what was before is not"
    assert lines == [
        f"2025-03-01 11:00:00 UTC  updated  {PATH} #2  (sync)",
        "    description: Build it → B",
        f"2025-03-01 12:00:00.500000 UTC  updated  {PATH} #3  (sync)",
        "    description: B → Build it",
    ]


def test_the_changes_of_a_row_are_told_in_documented_fields(changed: Path) -> None:
    """The same as JSON."""
    facts = ask(changed, "tasks", TASK, "--json").facts
    assert {**facts, "changes": len(facts["changes"])} == {
        "schema": 1, "of": f"tasks {TASK}", "known_since": "2025-03-01 10:00:00", "changes": 2,
    }  # fmt: skip
    first, second = facts["changes"]
    assert first.keys() == second.keys() == EVENT
    assert second == {
        "seq": 4, "at": "2025-03-01 12:00:00.500000", "op": "u", "cause": "sync", "bundle": "session-1", "path": PATH,
        "generation": 3, "table": "tasks", "row_id": TASK,
        "fields": {"description": {"before": "B", "after": "Build it"}},
    }  # fmt: skip


def test_a_row_that_never_changed_says_so(changed: Path) -> None:
    """It is known since its session was first read."""
    said = ask(changed, "tasks", "task-session-2-frontend")
    assert (said.code, said.out.splitlines()[1:]) == (0, ["nothing has changed since"])
    assert ask(changed, "tasks", "task-session-2-frontend", "--json").facts["changes"] == []
    agent = ask(changed, "agents", "agent-backend")
    assert (agent.code, agent.out.splitlines()[1:]) == (0, ["nothing has changed since"])


def test_rows_that_come_and_go_are_told_whole(changed: Path) -> None:
    """What they held when they came, and when they went."""
    put(changed / "session-1" / "loki.json", document(status="failed", task="Write it"))
    assert call("sync", "--root", changed).code == 0
    (changed / "session-1" / "loki.json").unlink()
    assert call("sync", "--root", changed).code == 0
    said = ask(changed, "tasks", "task-session-1-loki")
    assert said.code == 0
    for operation in ("created", "deleted"):
        assert f"UTC  {operation}  session-1/loki.json #1  (sync)" in said.out
    assert said.out.count("    description: Write it") == 2
    assert "llm_used" not in said.out
    events = ask(changed, "tasks", "task-session-1-loki", "--json").facts["changes"]
    assert [event["op"] for event in events] == ["c", "d"]
    assert events[0]["fields"]["status"] == {"before": None, "after": "failed"}
    assert events[1]["fields"]["status"] == {"before": "failed", "after": None}


def test_the_changes_of_a_session_are_told(changed: Path) -> None:
    """From its first read on; so many of the last, where that is asked."""
    said = ask(changed, "session-1")
    assert "2025-03-01 10:00:00 UTC  first read  (sync)" in said.out
    assert f"2025-03-01 11:00:00 UTC  updated tasks {TASK}  {PATH} #2  (sync)" in said.out
    facts = ask(changed, "session-1", "--json").facts
    assert [event["op"] for event in facts["changes"]] == ["r", "u", "u"]
    assert facts["changes"][0]["row_id"] is None
    few = ask(changed, "session-1", "--limit", "1", "--json").facts
    assert [event["seq"] for event in few["changes"]] == [4]


# At a time

AT = {
    "2025-03-01T11:30:00Z": "B",
    "2025-03-01 11:30": "B",
    "2025-03-01T12:30:00+01:00": "B",
    "1740828600": "B",
    "1740828600000": "B",
    "2025-03-01 10:59:59.999999": "Build it",
    "2025-03-01 11:00:00": "B",
    "2025-03-01 12:00:00.499999": "B",
    "2025-03-01 12:00:00.5": "Build it",
    "now": "Build it",
    "0s": "Build it",
}


@pytest.mark.parametrize("at", AT)
def test_a_row_is_told_as_it_was_at_a_time(at: str, changed: Path) -> None:
    """Whichever way the time is said."""
    facts = ask(changed, "tasks", TASK, "--at", at, "--json").facts
    assert facts.keys() == MOMENT
    assert [row["description"] for row in facts["rows"]["tasks"]] == [AT[at]]
    assert "synced_rev" not in facts["rows"]["tasks"][0]


def test_a_time_without_a_zone_is_in_the_zone_that_is_set(changed: Path) -> None:
    """As the times in files are."""
    said = ask(changed, "tasks", TASK, "--at", "2025-03-01 12:30", "--naive-timezone", "Europe/Berlin", "--json")
    assert (said.facts["at"], said.facts["rows"]["tasks"][0]["description"]) == ("2025-03-01 11:30:00", "B")


def test_a_while_ago_and_a_time_of_day_are_times(synced: Path) -> None:
    """Before the first sync nothing is known, and that is no error."""
    for at in ("2h", "3 d", "1w ago"):
        said = ask(synced, "tasks", TASK, "--at", at)
        assert (said.code, said.out.startswith("unknown at "), "the past is known from" in said.out) == (0, True, True)
    for at in ("14:03", "00:00:01"):
        told = ask(synced, "tasks", TASK, "--at", at, "--json")
        assert (told.code, f" {at}" in told.facts["at"]) == (0, True)


def test_a_row_at_a_time_is_told_with_what_made_it_so(changed: Path) -> None:
    """Every column, and the change before that time; without one, from when on it is known."""
    said = ask(changed, "tasks", TASK, "--at", "2025-03-01 11:30").out
    assert said.startswith(f"tasks {TASK} at 2025-03-01 11:30:00 UTC\n")
    assert f"so since 2025-03-01 11:00:00 UTC: updated from {PATH} #2 (sync)" in said
    shown = {line.split()[0]: line.split(maxsplit=1)[1] for line in said.splitlines() if line.startswith("  ")}
    assert (shown["description"], shown["llm_used"], shown["source_path"]) == ("B", "nothing", PATH)
    early = ask(changed, "tasks", TASK, "--at", "2025-03-01 10:30").out
    assert "so since 2025-03-01 10:00:00 UTC at least" in early


def test_a_row_that_was_not_there_is_no_unknown_one(changed: Path) -> None:
    """What is known not to have been is said so."""
    put(changed / "session-1" / "loki.json", document(status="failed"))
    assert call("sync", "--root", changed).code == 0
    said = ask(changed, "tasks", "task-session-1-loki", "--at", "2025-03-01 12:30")
    assert said.out == "tasks task-session-1-loki: there was no such row at 2025-03-01 12:30:00 UTC\n"
    facts = ask(changed, "tasks", "task-session-1-loki", "--at", "2025-03-01 12:30", "--json").facts
    assert (facts["known"], facts["rows"]) == (True, {"tasks": []})


def test_a_whole_table_is_told_as_it_was(changed: Path) -> None:
    """And which sessions were first read later."""
    put(changed / "session-3" / "vision.json", document(status="completed"))
    assert call("sync", "--root", changed).code == 0
    said = ask(changed, "tasks", "--at", "2025-03-01 11:30")
    assert "tasks at 2025-03-01 11:30:00 UTC: 2 row(s)" in said.out
    assert "1 session(s) were first read later" in said.out
    facts = ask(changed, "tasks", "--at", "2025-03-01 11:30", "--json").facts
    assert [row["id"] for row in facts["rows"]["tasks"]] == [TASK, "task-session-2-frontend"]
    assert facts["unknown_sessions"] == ["session-3"]
    none = ask(changed, "leads", "--at", "2025-03-01 11:30").out
    assert none.startswith("leads at 2025-03-01 11:30:00 UTC: 0 row(s)")
    assert ask(changed, "teams", "--at", "2025-03-01 11:30", "--json").facts["rows"]["teams"]


def test_a_session_is_told_as_it_was(changed: Path) -> None:
    """As a tree, or with the rows of every table; unknown where it was first read later."""
    said = ask(changed, "session-1", "--at", "2025-03-01 11:30")
    assert said.out.startswith("at 2025-03-01 11:30:00 UTC\n")
    assert "completed" in said.out
    assert " B" in said.out
    facts = ask(changed, "session-1", "--at", "2025-03-01 11:30", "--json").facts
    assert facts["rows"]["tasks"][0]["description"] == "B"
    assert facts["rows"]["sessions"][0]["id"] == "session-1"
    assert {*facts["rows"]} >= {"blockers", "metrics", "leads"}
    early = ask(changed, "session-1", "--at", "2025-03-01 09:00")
    assert (early.code, early.out.startswith("unknown at 2025-03-01 09:00:00 UTC")) == (0, True)
    unknown = ask(changed, "session-1", "--at", "2025-03-01 09:00", "--json").facts
    assert (unknown["known"], unknown["rows"], unknown["unknown_sessions"]) == (False, {}, ["session-1"])


def test_a_session_that_was_deleted_was_not_there_afterwards(changed: Path) -> None:
    """Where the database mirrors the files strictly."""
    shutil.rmtree(changed / "session-1")
    assert call("sync", "--root", changed, "--on-missing", "delete").code == 0
    said = ask(changed, "session-1", "--at", "now")
    assert said.out.startswith("session-1: there was no such session at ")
    assert "completed" in ask(changed, "session-1", "--at", "2025-03-01 11:30").out


# What cannot be told

WRONG = {
    "nothing": ((), "Missing argument"),
    "no row id": (("tasks",), "which row?"),
    "an unknown table": (("taskz", "x"), "'taskz' is no table with a past"),
    "a table without a past": (("changes", "1"), "'changes' is no table with a past"),
    "neither table nor session": (("taskz",), "neither a table with a past nor a session"),
    "neither of them, at a time": (("taskz", "--at", "2h"), "neither a table with a past nor a session"),
    "a row that never was": (("tasks", "task-session-9-backend"), "has no row 'task-session-9-backend'"),
    "a session that never was": (("session-9",), "nothing is remembered of a session 'session-9'"),
    "a way out of the root": (("session-/../../etc",), "neither a table"),
    "no workspace": (("web/session-1",), "names no workspace"),
    "no row id at all": (("tasks", ""), "is the id of no row"),
    "SQL": (("tasks", "x' OR 1=1; DROP TABLE tasks; --"), "has no row"),
    "SQL for a table": (('tasks" WHERE 1=1 --', "x"), "is no table with a past"),
    "an escape": (("tasks", "\x1b[31mred\n\x9b"), "has no row"),
    "a lone surrogate": (("tasks", "\udcff"), "is the id of no row"),
    "a lone surrogate at a time": (("tasks", "\udcff", "--at", "now"), "is the id of no row"),
    "a surrogate for a session": (("session-\udcff",), "is not a session id"),
    "no time": (("tasks", TASK, "--at", "yesterday"), "'yesterday' is not a time"),
    "a day that is none": (("tasks", "--at", "2026-02-30"), "is not a time"),
    "an hour that is none": (("tasks", "--at", "25:00"), "is not a time"),
    "a time of no zone": (("tasks", "--at", "2026-02-28T10:00:00+99:00"), "is not a time"),
    "a time to come": (("tasks", "--at", "2999-01-01"), "still to come"),
    "a row in a time to come": (("tasks", TASK, "--at", "2999-01-01"), "still to come"),
    "a session in a time to come": (("session-1", "--at", "2999-01-01"), "still to come"),
    "no number": (("session-1", "--limit", "0"), "--limit"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_told_is_a_sentence_with_a_hint(case: str, synced: Path) -> None:
    """Exit code 2, as text and as JSON; nothing in it moves a cursor, and the database is as it was."""
    words, expected = WRONG[case]
    said = ask(synced, *words)
    lines = said.err.splitlines()
    assert (said.code, said.out, len(lines), lines[0].startswith("error: ")) == (2, "", 2, True), said
    assert expected in lines[0]
    assert not {"\x1b", "\x9b"} & {*said.err}
    fault = ask(synced, *words, "--json").fault
    assert (fault["exit_code"], bool(fault["hint"])) == (2, True)
    assert rows(synced / "agent-service.db", "SELECT COUNT(*) FROM tasks") == [(2,)]


def test_bytes_that_are_no_text_end_in_no_traceback(synced: Path) -> None:
    """As a shell may pass them."""
    said = spawn("history", "tasks", "caf\udce9", "--root", synced)
    assert (said.code, "Traceback" in said.err, "is the id of no row" in said.err) == (2, False, True)


def test_an_old_session_whose_entries_were_pruned_is_still_told(changed: Path) -> None:
    """Its rows are there, and nothing that is remembered happened to them."""
    change(changed / "agent-service.db", "DELETE FROM changes WHERE seq < 4")
    change(changed / "agent-service.db", "UPDATE changes SET bundle = 'session-2' WHERE seq = 4")
    horizon = json.dumps({"changes_before": "2025-03-01 12:00:00"})
    change(changed / "agent-service.db", "INSERT INTO runs VALUES ('prune', '2025-03-01', NULL, ?)", horizon)
    said = ask(changed, "session-1")
    assert (said.code, said.out.splitlines()[1:]) == (0, ["nothing has changed since"])
    assert "known since 2025-03-01 12:00:00 UTC" in said.out


@pytest.mark.parametrize("words", [("tasks", TASK), ("tasks", "--at", "2h"), ("session-1",)])
def test_without_a_database_the_remedy_is_told(words: tuple[str, ...], root: Path) -> None:
    """Exit code 3, and none is made."""
    said = ask(root, *words)
    assert (said.code, "`syncd sync`" in said.err) == (3, True)
    assert not (root / "agent-service.db").exists()


@pytest.mark.parametrize("words", [("tasks", TASK), ("tasks", "--at", "2025-03-01 10:30"), ("session-1",)])
def test_a_log_that_somebody_broke_is_a_sentence(words: tuple[str, ...], changed: Path) -> None:
    """Exit code 3, and what to do."""
    change(changed / "agent-service.db", "UPDATE changes SET before = '{' WHERE op = 'u'")
    said = ask(changed, *words)
    assert (said.code, said.out, len(said.err.splitlines())) == (3, "", 2)
    assert "the change log is damaged" in said.err
