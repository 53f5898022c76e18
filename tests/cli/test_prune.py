"""`syncd prune`: what is too old goes, and what went is said."""

import shutil
from pathlib import Path

import pytest

from tests.command import Said, call, change, document, put, rows
from tests.releases import everything

FIELDS = {"schema", "dry_run", "archived_before", "changes_before", "sessions", "rows", "changes"}
LONG_AGO = "2020-01-01 00:00:00"


@pytest.fixture
def aged(root: Path) -> Path:
    """Lend a root with a session that was archived years ago, and a change of the other one that is as old."""
    assert call("sync", "--root", root).code == 0
    put(root / "session-1" / "backend.json", document(status="completed", task="Build it well"))
    assert call("sync", "--root", root).code == 0
    shutil.rmtree(root / "session-2")
    assert call("sync", "--root", root, "--accept-missing").code == 0
    database = root / "agent-service.db"
    change(database, "UPDATE changes SET at = ?", LONG_AGO)
    change(database, "UPDATE sessions SET archived_at = ? WHERE archived_at IS NOT NULL", LONG_AGO)
    put(root / "session-1" / "backend.json", document(status="completed", task="Build it better"))
    assert call("sync", "--root", root).code == 0
    return root


def prune(root: Path, *words: str) -> Said:
    """Prune the database of a root."""
    return call("prune", *words, "--root", root)


def log(root: Path) -> list[tuple[str, str]]:
    """Return bundle and cause of every entry of the change log."""
    return [(bundle, cause) for bundle, cause in rows(root / "agent-service.db", "SELECT bundle, cause FROM changes")]


def test_what_was_removed_is_said(aged: Path) -> None:
    """By name and in numbers; the second time there is nothing."""
    said = prune(aged, "--archived", "30", "--changes", "30")
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines() == [
        "removed session-2",
        "removed 1 archived session(s) with 2 rows, 4 entries of the change log",
        "the room is used again; `syncd rebuild` makes the file itself smaller",
    ]
    assert rows(aged / "agent-service.db", "SELECT id FROM sessions") == [("session-1",)]
    assert log(aged) == [("session-1", "sync"), ("session-2", "prune")]
    again = prune(aged, "--archived", "30", "--changes", "30")
    assert (again.code, again.out) == (0, "nothing is that old\n")
    assert call("verify", "--root", aged).code == 0


def test_what_was_removed_is_told_in_documented_fields(aged: Path) -> None:
    """The same as JSON, and it is remembered as a run."""
    facts = prune(aged, "--archived", "30", "--changes", "30", "--json").facts
    assert facts.keys() == FIELDS
    assert {key: facts[key] for key in ("schema", "dry_run", "sessions", "rows", "changes")} == {
        "schema": 1, "dry_run": False, "sessions": ["session-2"], "rows": 2, "changes": 4,
    }  # fmt: skip
    assert LONG_AGO < facts["archived_before"] <= facts["changes_before"]
    [(result,)] = rows(aged / "agent-service.db", "SELECT result FROM runs WHERE kind = 'prune'")
    assert facts["changes_before"] in result


def test_a_dry_run_says_the_same_and_removes_nothing(aged: Path) -> None:
    """In other words."""
    database = aged / "agent-service.db"
    before = everything(database)
    said = prune(aged, "--archived", "30", "--changes", "30", "--dry-run")
    assert said.out.splitlines()[0] == "would remove session-2"
    assert "would remove 1 archived session(s) with 2 rows, 4 entries of the change log" in said.out
    facts = prune(aged, "--archived", "30", "--changes", "30", "--dry-run", "--json").facts
    assert everything(database) == before
    real = prune(aged, "--archived", "30", "--changes", "30", "--json").facts
    varying = {"dry_run", "archived_before", "changes_before"}
    assert {key: real[key] for key in FIELDS - varying} == {key: facts[key] for key in FIELDS - varying}


def test_each_age_counts_for_itself(aged: Path) -> None:
    """Sessions may go and entries stay, or the other way round."""
    assert prune(aged, "--archived", "36500", "--changes", "36500").out == "nothing is that old\n"
    facts = prune(aged, "--archived", "36500", "--changes", "30", "--json").facts
    assert (facts["sessions"], facts["changes"]) == ([], 4)
    facts = prune(aged, "--archived", "30", "--changes", "36500", "--json").facts
    assert (facts["sessions"], facts["rows"]) == (["session-2"], 2)


def test_the_settings_say_how_old_is_too_old(aged: Path) -> None:
    """A flag of the command wins over them."""
    (aged.parent / "syncd.toml").write_text("archived_days = 36500\nchanges_days = 36500\n")
    assert call("prune", "--root", aged, cwd=aged.parent).out == "nothing is that old\n"
    said = call("prune", "--root", aged, "--archived", "30", cwd=aged.parent)
    assert said.out.startswith("removed session-2\n")


def test_what_was_pruned_is_unknown_afterwards(aged: Path) -> None:
    """`syncd history` says from when on the past is known."""
    assert prune(aged, "--archived", "30", "--changes", "30").code == 0
    said = call("history", "tasks", "task-session-1-backend", "--at", "2020-02-01", "--root", aged)
    assert said.out.startswith("unknown at 2020-02-01 00:00:00 UTC: the past is known from ")
    gone = call("history", "tasks", "task-session-2-frontend", "--root", aged)
    assert (gone.code, "no change of one is remembered" in gone.err) == (2, True)
    then = call("history", "tasks", "task-session-2-frontend", "--at", "2020-02-01", "--root", aged)
    assert then.out.startswith("unknown at ")


def test_many_sessions_are_counted_rather_than_listed(root: Path) -> None:
    """The first twenty by name."""
    for number in range(30):
        put(root / f"session-old-{number:02}" / "backend.json", document(status="completed"))
    assert call("sync", "--root", root).code == 0
    for number in range(30):
        shutil.rmtree(root / f"session-old-{number:02}")
    assert call("sync", "--root", root, "--accept-missing").code == 0
    change(root / "agent-service.db", "UPDATE sessions SET archived_at = ? WHERE archived_at IS NOT NULL", LONG_AGO)
    lines = prune(root, "--archived", "30").out.splitlines()
    assert lines[0] == "removed session-old-00"
    assert lines[20] == "… and 10 more"
    assert "30 archived session(s) with 60 rows" in lines[21]


@pytest.mark.parametrize(
    "words", [("--archived", "-1"), ("--changes", "x"), ("--archived", "1.5"), ("--changes", "36501"), ("session-1",)]
)
def test_what_is_no_number_of_days_is_refused(words: tuple[str, ...], synced: Path) -> None:
    """Exit code 2, a sentence and a hint."""
    said = prune(synced, *words)
    assert (said.code, said.out, len(said.err.splitlines())) == (2, "", 2)


@pytest.mark.parametrize("words", [(), ("--dry-run",)])
def test_without_a_database_none_is_made(words: tuple[str, ...], root: Path) -> None:
    """Exit code 3, and the remedy."""
    said = prune(root, *words)
    assert (said.code, "`syncd sync`" in said.err) == (3, True)
    assert not (root / "agent-service.db").exists()
