"""``syncd rebuild`` as users meet it: what it says, its JSON, its exit codes, and what it leaves."""

import json
import shutil
from pathlib import Path

import pytest

from tests.command import Said, call, change, document, put, rows, spawn

FIELDS = {
    *("schema", "sessions", "rows", "owed_values", "archived", "corrected"),
    *("held_back", "size_bytes", "size_bytes_before"),
}


def rebuilt(root: Path, *more: str) -> Said:
    """Rebuild the database in a root."""
    return call("rebuild", "--root", root, *more)


def test_it_says_what_was_compared(synced: Path) -> None:
    """The stages go to standard error, the result to standard output."""
    said = rebuilt(synced)
    assert said.code == 0
    assert said.out.startswith("rebuilt and verified: ")
    assert "rows of 2 sessions" in said.out
    assert "were not what their files say" not in said.out
    stages = ["syncing …", "copying …", "reading every file …", "verifying …", "putting it in place …"]
    assert said.err.splitlines() == stages


def test_it_says_what_was_corrected(synced: Path) -> None:
    """With the word by which the change log knows it; ``verify`` is content afterwards, and a second one silent."""
    change(synced / "agent-service.db", "UPDATE tasks SET description = 'forged'")
    assert call("verify", "--root", synced).code == 1
    said = rebuilt(synced)
    assert said.code == 0
    assert "2 row(s) were not what their files say, and are now; cause `rebuild` in the change log" in said.out
    assert call("verify", "--root", synced).code == 0
    assert "were not what" not in rebuilt(synced).out


def test_json_has_the_documented_fields(synced: Path) -> None:
    """And nothing but JSON is printed."""
    said = rebuilt(synced, "--json")
    assert (said.code, said.err) == (0, "")
    assert said.facts.keys() == FIELDS
    assert (said.facts["schema"], said.facts["sessions"], said.facts["corrected"]) == (1, 2, 0)
    assert said.facts["held_back"] is None
    assert said.facts["size_bytes"] == (synced / "agent-service.db").stat().st_size


def test_runs_remember_it(synced: Path) -> None:
    """It counts as a verify, too, with the same fields."""
    database = synced / "agent-service.db"
    assert call("verify", "--root", synced).code == 0
    [(verified,)] = rows(database, "SELECT result FROM runs WHERE kind = 'verify'")
    facts = rebuilt(synced, "--json").facts
    found = {kind: json.loads(result) for kind, result in rows(database, "SELECT kind, result FROM runs")}
    assert found["rebuild"] == {name: value for name, value in facts.items() if name != "schema"}
    assert found["verify"] == json.loads(verified)
    assert found.keys() == {"reconcile", "verify", "rebuild"}
    assert call("status", "--root", synced).code == 0


def test_the_folder_is_as_it_was(synced: Path) -> None:
    """Nothing is left beside the database."""
    before = {path.name for path in synced.iterdir()}
    assert rebuilt(synced).code == 0
    assert {path.name for path in synced.iterdir()} <= before | {"agent-service.db-wal", "agent-service.db-shm"}


def test_without_a_database_one_is_made(root: Path) -> None:
    """There was nothing to lose, so it is a sync."""
    assert rebuilt(root).code == 0
    assert rows(root / "agent-service.db", "SELECT COUNT(*) FROM sessions") == [(2,)]


def test_a_missing_root_leaves_the_database_untouched(synced: Path, tmp_path: Path) -> None:
    """Exit code 4, and not one byte is written; where there was none, none is made."""
    database = Path(shutil.move(synced / "agent-service.db", tmp_path / "kept.db"))
    before = database.read_bytes()
    shutil.rmtree(synced)
    for place in (database, tmp_path / "none.db"):
        said = rebuilt(synced, "--database", str(place))
        assert (said.code, said.out) == (4, "")
        assert said.err.startswith("error: the root ")
        assert rebuilt(synced, "--database", str(place), "--json").fault["exit_code"] == 4
    assert database.read_bytes() == before
    assert not (tmp_path / "none.db").exists()


def test_what_is_held_back_is_said(synced: Path) -> None:
    """Exit code 1, and nothing is removed or archived."""
    database = synced / "agent-service.db"
    before = rows(database, "SELECT * FROM sessions")
    for session in synced.glob("session-*"):
        shutil.rmtree(session)
    said = rebuilt(synced)
    assert said.code == 1
    assert "nothing was removed: no session is left" in said.err
    assert "syncd sync --accept-missing" in said.err
    as_json = rebuilt(synced, "--json")
    assert (as_json.code, as_json.facts["held_back"]) == (1, "no session is left")
    assert rows(database, "SELECT * FROM sessions") == before


def test_the_policy_to_delete_holds_for_what_vanished(synced: Path) -> None:
    """As in a sync; what was archived before it was set stays."""
    put(synced / "session-3" / "backend.json", document(status="done"))
    assert call("sync", "--root", synced).code == 0
    database = synced / "agent-service.db"
    shutil.rmtree(synced / "session-1")
    assert call("sync", "--root", synced).code == 0
    shutil.rmtree(synced / "session-2")
    assert rebuilt(synced, "--on-missing", "delete").code == 0
    found = rows(database, "SELECT id, archived_at IS NOT NULL FROM sessions ORDER BY id")
    assert found == [("session-1", 1), ("session-3", 0)]


def test_what_cannot_be_proved_is_said(synced: Path) -> None:
    """Exit code 1, one sentence and a hint; the old database stays."""
    shutil.rmtree(synced / "session-1")
    assert call("sync", "--root", synced).code == 0
    database = synced / "agent-service.db"
    change(database, "PRAGMA ignore_check_constraints=ON")
    forge = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('PRAGMA ignore_check_constraints=ON'); "
    forge += "c.execute('UPDATE sessions SET status = 1 WHERE archived_at IS NOT NULL'); c.commit(); c.close()"
    import subprocess  # noqa: PLC0415
    import sys  # noqa: PLC0415

    subprocess.run([sys.executable, "-c", forge, database], check=True)
    before = rows(database, "SELECT * FROM sessions")
    said = rebuilt(synced, "--json")
    assert (said.code, said.out) == (1, "")
    assert "sessions session-1: " in said.fault["error"]
    assert "the old database stays" in said.fault["error"]
    assert "syncd rebuild" in said.fault["hint"]
    assert rows(database, "SELECT * FROM sessions") == before


def test_another_tools_database_is_refused(root: Path) -> None:
    """Exit code 3, and it is left as it is."""
    (root / "agent-service.db").write_text("not a database, but somebody's")
    said = rebuilt(root)
    assert (said.code, said.out) == (3, "")
    assert (root / "agent-service.db").read_text() == "not a database, but somebody's"


def test_a_damaged_database_is_refused(synced: Path) -> None:
    """Rows that cannot be read may be owed: nobody is to lose them without a word."""
    database = synced / "agent-service.db"
    change(database, "DROP TABLE concerns")
    said = rebuilt(synced)
    assert said.code == 3
    assert "no such table: concerns" in said.err
    assert "Move it away and run `syncd sync`" in said.err
    assert "Traceback" not in said.err


def test_a_database_in_a_folder_that_is_closed_is_left_alone(
    synced: Path, tmp_path: Path, bound: tuple[str, ...]
) -> None:
    """Nothing can be made beside it: that is said, and nothing else happens."""
    folder = tmp_path / "closed"
    folder.mkdir()
    assert call("sync", "--root", synced, "--database", folder / "test.db").code == 0
    change(folder / "test.db", "PRAGMA wal_checkpoint(TRUNCATE)")
    (folder / "test.db").chmod(0o666)
    folder.chmod(0o555)
    try:
        said = spawn("rebuild", "--root", synced, "--database", folder / "test.db", before=bound)
    finally:
        folder.chmod(0o755)
    assert said.code == 1
    assert "May this user write to the file and to its folder?" in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_the_permissions_of_the_database_stay(synced: Path, mode: int) -> None:
    """And no other file lets others read it meanwhile: it is made for its owner only."""
    database = synced / "agent-service.db"
    database.chmod(mode)
    assert rebuilt(synced).code == 0
    assert database.stat().st_mode & 0o777 == mode
