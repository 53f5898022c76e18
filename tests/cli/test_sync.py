"""``syncd sync`` from outside: what it says, what it writes, and with which code it leaves."""

import os
import shutil
from pathlib import Path

from tests.command import call, document, put, rows, set_back, spawn

TORN = '{"status": "completed", "task": "half of i'
REPORT = {
    *("schema", "dry_run", "sessions_changed", "data_changed", "rows", "changes", "archived", "refused", "waiting"),
    *("leaving", "ignored_names", "held_back", "missing"),
}


def test_a_sync_puts_every_session_into_the_database(root: Path) -> None:
    """The process leaves with 0, says what it did, and a second one finds nothing to do."""
    first = spawn("sync", "--root", root)
    assert (first.code, first.err) == (0, "")
    assert first.out == "synced 2 session(s): rows 4 created, 0 updated, 0 deleted\n"
    second = spawn("sync", "--root", root)
    assert (second.code, second.out, second.err) == (0, "nothing changed: the database is level with the files\n", "")
    found = rows(root / "agent-service.db", "SELECT id, status FROM tasks ORDER BY id")
    assert found == [("task-session-1-backend", "completed"), ("task-session-2-frontend", "failed")]


def test_a_sync_of_named_sessions_leaves_the_others_alone(root: Path) -> None:
    """Only the sessions that are named are in the database afterwards; naming one twice is naming it once."""
    said = call("sync", "--root", root, "--json", "session-2", "session-2")
    assert (said.code, said.facts["sessions_changed"]) == (0, 1)
    assert rows(root / "agent-service.db", "SELECT id FROM sessions") == [("session-2",)]


def test_the_report_as_json_has_its_documented_fields(root: Path) -> None:
    """The fields are always there, so that a script can rely on them."""
    said = call("sync", "--root", root, "--json")
    assert said.code == 0
    assert said.facts.keys() == REPORT
    assert said.facts["schema"] == 1
    assert said.facts["rows"] == {"created": 4, "updated": 0, "deleted": 0}
    assert call("sync", "--root", root, "--json", "session-1").facts.keys() == REPORT


def test_the_data_directory_is_no_session(root: Path) -> None:
    """It is named beside the sessions that changed, and counted among none; alone it is named alone."""
    leads = put(root / "data" / "leads.json", b'[{"id": "lead-1", "company": "Acme"}]')
    foreseen = call("sync", "--root", root, "--dry-run", "--json")
    assert (foreseen.code, foreseen.facts["sessions_changed"], foreseen.facts["data_changed"]) == (0, 2, True)
    assert [each["table"] for each in foreseen.facts["changes"] if each["row_id"] == "data"] == [None]
    said = call("sync", "--root", root)
    assert (said.code, said.out) == (0, "synced data/ and 2 session(s): rows 5 created, 0 updated, 0 deleted\n")
    assert call("sync", "--root", root, "--json").facts["data_changed"] is False
    put(leads, b'[{"id": "lead-1", "company": "Acme Ltd"}]')
    again = call("sync", "--root", root)
    assert (again.code, again.out) == (0, "synced data/: rows 0 created, 1 updated, 0 deleted\n")


def test_a_refused_file_of_data_stands_in_the_report(root: Path) -> None:
    """It keeps nothing else back, and the exit code is 1."""
    put(root / "data" / "leads.json", TORN)
    said = call("sync", "--root", root, "--json")
    assert (said.code, said.facts["sessions_changed"], said.facts["data_changed"]) == (1, 2, False)
    assert [each["path"] for each in said.facts["refused"]] == ["data/leads.json"]


def test_a_refused_file_stands_in_the_report(root: Path) -> None:
    """Path, reason, line, column and excerpt are there for scripts and for people, and the exit code is 1."""
    put(root / "session-1" / "backend.json", TORN)
    said = call("sync", "--root", root, "--json")
    assert said.code == 1
    [refused] = said.facts["refused"]
    assert refused.keys() == {"workspace", "path", "reason", "line", "column", "excerpt"}
    assert (refused["path"], refused["line"], refused["column"]) == ("session-1/backend.json", 1, 33)
    people = call("sync", "--root", root)
    assert people.code == 1
    assert people.err.startswith("refused session-1/backend.json:1:33: ")
    assert "mend the file and sync again" in people.err
    assert call("sync", "--root", root, "session-2").code == 0


def test_more_refused_files_than_fit_are_counted(root: Path) -> None:
    """Twenty are printed, the rest is a number and the command that lists them."""
    for n in range(23):
        put(root / "session-1" / f"agent-{n}.json", TORN)
    said = call("sync", "--root", root)
    assert said.err.count("refused session-1/agent-") == 20
    assert "… and 3 more: `syncd quarantine` lists them" in said.err


def test_a_dry_run_prints_the_changes_and_makes_no_database(root: Path) -> None:
    """Nothing is left on disk but what was there before."""
    before = sorted(root.rglob("*"))
    said = spawn("sync", "--root", root, "--dry-run")
    assert said.code == 0
    assert "+ session-1: first read, 1 sessions, 1 tasks" in said.out
    assert "would change 2 session(s): rows 4 created" in said.out
    assert sorted(root.rglob("*")) == before


def test_a_dry_run_writes_nothing_into_a_database(synced: Path) -> None:
    """Creations, updates, deletions and refusals are printed, and the bytes of the database stay."""
    database = synced / "agent-service.db"
    before = database.read_bytes()
    put(synced / "session-1" / "backend.json", document(status="failed", task="Build it"))
    put(synced / "session-1" / "testing.json", document(status="pending"))
    put(synced / "session-2" / "frontend.json", TORN)
    said = call("sync", "--root", synced, "--dry-run")
    assert said.code == 1
    assert "~ tasks task-session-1-backend  (session-1/backend.json)\n" in said.out
    assert "+ tasks task-session-1-testing  (session-1/testing.json)\n" in said.out
    assert "! session-2/frontend.json: unterminated string starting at\n" in said.out
    assert "refused session-2/frontend.json:1:33" in said.err
    assert database.read_bytes() == before
    assert rows(database, "SELECT COUNT(*) FROM quarantine") == [(0,)]


def test_a_dry_run_as_json_is_json_alone(synced: Path) -> None:
    """The changes stand in the report, in the words of the change log."""
    put(synced / "session-1" / "backend.json", document(status="failed", task="Build it"))
    put(synced / "session-3" / "backend.json", document(status="pending"))
    put(synced / "session-2" / "frontend.json", TORN)
    said = call("sync", "--root", synced, "--dry-run", "--json")
    assert said.code == 1
    assert said.facts["dry_run"] is True
    changed = [(each["op"], each["table"], each["row_id"], each["path"]) for each in said.facts["changes"]]
    assert ("u", "tasks", "task-session-1-backend", "session-1/backend.json") in changed
    assert ("r", "sessions", "session-3", None) in changed
    assert [each["path"] for each in said.facts["refused"]] == ["session-2/frontend.json"]


def test_a_dry_run_tells_each_change_once(synced: Path) -> None:
    """A file that looks half-written is looked at again and again, and counted at the end."""
    put(synced / "session-1" / "backend.json", TORN, age=0)
    said = call("sync", "--root", synced, "--dry-run")
    assert (said.code, said.out.count("! session-1/backend.json")) == (1, 1)
    assert call("sync", "--root", synced, "--dry-run", "--json").code == 1


def test_a_dry_run_foresees_the_end_of_a_quarantine(synced: Path) -> None:
    """A mended file is no longer counted among the refused, though the database still has it there."""
    put(synced / "session-2" / "frontend.json", TORN)
    assert call("sync", "--root", synced).code == 1
    put(synced / "session-2" / "frontend.json", document(status="completed"))
    said = call("sync", "--root", synced, "--dry-run", "--json")
    assert (said.code, said.facts["refused"]) == (0, [])


def test_a_session_that_is_gone_is_archived(synced: Path) -> None:
    """Its rows stay; naming it afterwards is fine and said."""
    shutil.rmtree(synced / "session-2")
    foreseen = call("sync", "--root", synced, "--dry-run")
    assert "~ sessions session-2: archived\n" in foreseen.out
    said = call("sync", "--root", synced)
    assert (said.code, "archived session-2: its directory is gone, its rows stay\n" in said.out) == (0, True)
    again = call("sync", "--root", synced, "session-2")
    assert again.code == 0
    assert "session-2 is archived" in again.out
    assert rows(synced / "agent-service.db", "SELECT COUNT(*) FROM tasks WHERE session_id = 'session-2'") == [(1,)]


def test_only_an_archived_session_is_called_so(root: Path) -> None:
    """A session whose only file is refused has no row, and is not said to be gone."""
    put(root / "session-3" / "backend.json", TORN)
    said = call("sync", "--root", root, "session-3")
    assert said.code == 1
    assert "archived" not in said.out
    foreseen = call("sync", "--root", root, "--dry-run", "session-1")
    assert (foreseen.code, "archived" in foreseen.out) == (0, False)


def test_the_rows_of_what_is_gone_leave_where_that_is_asked(synced: Path) -> None:
    """``--on-missing delete`` mirrors strictly."""
    shutil.rmtree(synced / "session-2")
    said = call("sync", "--root", synced, "--on-missing", "delete")
    assert (said.code, "2 deleted" in said.out) == (0, True)
    assert rows(synced / "agent-service.db", "SELECT id FROM sessions") == [("session-1",)]


def test_an_emptied_root_removes_nothing_until_that_is_accepted(synced: Path) -> None:
    """The brake holds, says so with exit code 1, and ``--accept-missing`` lets it through."""
    for name in ("session-1", "session-2"):
        shutil.rmtree(synced / name)
    held = call("sync", "--root", synced)
    assert held.code == 1
    assert "nothing was removed: no session is left" in held.err
    assert "`syncd sync --accept-missing`" in held.err
    facts = call("sync", "--root", synced, "--json").facts
    assert (facts["missing"], facts["archived"], "no session is left" in facts["held_back"]) == (2, [], True)
    assert call("status", "--root", synced).code == 1
    let = call("sync", "--root", synced, "--accept-missing", "--json")
    assert (let.code, sorted(let.facts["archived"])) == (0, ["session-1", "session-2"])


def test_names_that_are_not_utf_8_are_ignored_and_said(root: Path) -> None:
    """A directory and a file of such names are left out; what they are called is printed escaped."""
    (Path(os.fsdecode(os.fsencode(root) + b"/session-\xff"))).mkdir()
    put(Path(os.fsdecode(os.fsencode(root) + b"/session-1/a\xfe.json")), "{}")
    said = spawn("sync", "--root", root)
    assert said.code == 0
    assert r"ignored session-\udcff: the name is not UTF-8" in said.err
    assert r"ignored session-1/a\udcfe.json: the name is not UTF-8" in said.err
    named = call("sync", "--root", root, "--json", "session-1")
    assert named.facts["ignored_names"] == [r"session-1/a\udcfe.json"]


def test_more_ignored_names_than_fit_are_counted(root: Path) -> None:
    """Twenty are printed, the rest is a number."""
    for n in range(23):
        put(Path(os.fsdecode(os.fsencode(root) + b"/session-1/\xff%d.json" % n)), "{}")
    said = call("sync", "--root", root)
    assert (said.code, said.err.count("ignored session-1/"), "… and 3 more\n" in said.err) == (0, 20, True)


def test_a_verbose_sync_logs_what_it_commits(root: Path) -> None:
    """Each session is one event on standard error."""
    said = spawn("sync", "--root", root, "--verbose")
    assert said.code == 0
    assert said.err.count("committed") == 2


def test_what_is_written_just_before_is_in(root: Path) -> None:
    """A rewrite of the same size in the same instant is seen too."""
    path = put(root / "session-1" / "backend.json", document(status="completed", task="one"), age=0)
    assert call("sync", "--root", root).code == 0
    stamps = path.stat()
    path.write_bytes(document(status="completed", task="two"))
    os.utime(path, ns=(stamps.st_atime_ns, stamps.st_mtime_ns))
    assert call("sync", "--root", root, "session-1").code == 0
    found = rows(root / "agent-service.db", "SELECT description FROM tasks WHERE id = 'task-session-1-backend'")
    assert found == [("two",)]


def test_old_files_need_no_second_look(root: Path) -> None:
    """A directory without one readable document gives no row and no fault."""
    (root / "session-3").mkdir()
    put(root / "session-3" / "notes.md", "# nothing")
    set_back(root / "session-3")
    said = call("sync", "--root", root)
    assert said.code == 0
    assert rows(root / "agent-service.db", "SELECT COUNT(*) FROM sessions") == [(2,)]
