"""Hostile files: each has one named outcome, never holds its neighbours back, and is forgiven once it is mended."""

import os
import socket
import stat
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.command import OLD, Said, binding, call, change, document, put, rows, set_back, spawn

GOOD = document(status="completed", task="Mended", startTime="2026-02-08T10:00:00Z")
TORN = '{"status": "completed", "task": "half of i'


@dataclass(frozen=True)
class Root:
    """A root of three sessions: one with neighbours of the hostile file, two beside it."""

    path: Path

    @property
    def database(self) -> Path:
        """Return where the database lies."""
        return self.path / "agent-service.db"

    @property
    def hostile(self) -> Path:
        """Return the place of the hostile file."""
        return self.path / "session-1" / "backend.json"

    def sync(self, *more: str) -> Said:
        """Sync everything, or the sessions that are named."""
        return call("sync", "--root", self.path, *more)

    def tasks(self) -> dict[str, str]:
        """Return the status of every task by id."""
        return {str(row_id): str(status) for row_id, status in rows(self.database, "SELECT id, status FROM tasks")}

    def one(self, question: str, *values: Any) -> Any:
        """Return the only value of the only row."""
        [[value]] = rows(self.database, question, *values)
        return value

    def refused(self) -> dict[str, tuple[Any, ...]]:
        """Return reason, line and column of every refused file by path."""
        found = rows(self.database, "SELECT path, reason, line, column FROM quarantine")
        return {str(path): tuple(more) for path, *more in found}

    def notes(self, path: str) -> str:
        """Return what was noted about a file."""
        return str(self.one("SELECT notes FROM files WHERE path = ?", path))


NEIGHBOURS = {
    "task-session-1-frontend": "completed",
    "task-session-0-backend": "failed",
    "task-session-2-backend": "completed",
}


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """Lend the root, not synced yet."""
    made = Root(tmp_path / "state")
    put(made.path / "session-0" / "backend.json", document(status="failed"))
    put(made.path / "session-1" / "orchestrator.json", document(status="in_progress"))
    put(made.path / "session-1" / "frontend.json", document(status="completed"))
    put(made.path / "session-2" / "backend.json", document(status="completed"))
    return made


def write(data: str | bytes) -> Callable[[Path], None]:
    """Return what writes these bytes to a path, an hour ago."""

    def written(path: Path) -> None:
        put(path, data)

    return written


# Refused


def sparse(path: Path) -> None:
    """Make a file of 100 MB that holds nothing."""
    with path.open("wb") as file:
        file.truncate(100 * 10**6)
    set_back(path)


def bind(path: Path) -> None:
    """Make a socket, whose path may be longer than sockets can be bound to."""
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(path.name)
    finally:
        os.chdir(here)


def device(path: Path) -> None:
    """Make a device that gives zeros without end."""
    if os.getuid():
        pytest.skip("only root makes devices")
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("no devices can be made here")


class Bad(NamedTuple):
    """What is put into the hostile place, and what is said of it."""

    make: Callable[[Path], None]
    reason: str
    line: int | None = None
    column: int | None = None


REFUSED = {
    "torn": Bad(write(TORN), "unterminated string", 1, 33),
    "torn on a later line": Bad(write('{\n "status": "completed",\n "task": '), "expecting value", 3, 10),
    "empty": Bad(write(""), "empty file", 1, 1),
    "blank": Bad(write(" \n"), "expecting value", 2, 1),
    "a list": Bad(write("[]"), "holds a list where a state file is an object", 1, 1),
    "null": Bad(write("null"), "holds null where a state file is an object", 1, 1),
    "text": Bad(write('"completed"'), "holds text where a state file is an object", 1, 1),
    "two documents": Bad(write("{}{}"), "extra data", 1, 3),
    "NaN": Bad(write('{"durationSeconds": NaN}'), "NaN is not a number that JSON or SQL can hold", 1, 21),
    "infinity": Bad(write('{"durationSeconds":\n 1e400}'), "1e400 is not a number that JSON or SQL can hold", 2, 2),
    "5,000 digits": Bad(write(f'{{"retryCount": {"9" * 5000}}}'), "(5,000 digits) is not a number", 1, 16),
    "not UTF-8": Bad(write(b'{"task": "\xff"}'), "not UTF-8 text", 1, 11),
    "UTF-16": Bad(write('{"status": "completed"}'.encode("utf-16")), "not UTF-8 text", 1, 1),
    "100 MB": Bad(sparse, "too large: 100,000,000 bytes, the limit is 16,777,216 (setting max_file_size)"),
    "10,000 levels": Bad(
        write('{"a":' * 10000 + "1" + "}" * 10000), "nests deeper than 200 levels (setting max_depth)", 1
    ),
    "10,000 lists, torn": Bad(write("[" * 10000), "nests deeper than 200 levels (setting max_depth)", 1, 201),
    "a pipe": Bad(os.mkfifo, "not a regular file: a named pipe"),
    "a socket": Bad(bind, "not a regular file: a socket"),
    "a device": Bad(device, "not a regular file: a device"),
    "a link to outside": Bad(
        lambda path: path.symlink_to("/etc/passwd"), "a symbolic link, and links are not followed"
    ),
    "a link to a good file": Bad(lambda path: path.symlink_to("frontend.json"), "a symbolic link"),
    "a link to a directory": Bad(lambda path: path.symlink_to("/etc"), "a symbolic link"),
    "a link to nothing": Bad(lambda path: path.symlink_to("nowhere"), "a symbolic link"),
    "a link to itself": Bad(lambda path: path.symlink_to(path.name), "a symbolic link"),
    "a link to a device": Bad(lambda path: path.symlink_to("/dev/zero"), "a symbolic link"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_file_is_refused_alone_and_forgiven_when_it_is_mended(case: str, root: Root) -> None:
    """Reason and place are said, the neighbours are in, exit code 1; the mended file is applied and nothing is left."""
    bad = REFUSED[case]
    bad.make(root.hostile)
    began = time.monotonic()
    said = root.sync()
    assert time.monotonic() - began < 2
    assert said.code == 1
    place = "".join(f":{n}" for n in (bad.line, bad.column) if n)
    assert f"refused session-1/backend.json{place}" in said.err
    assert bad.reason in said.err
    reason, line, column = root.refused()["session-1/backend.json"]
    assert bad.reason in reason
    assert (line, bad.column and column) == (bad.line, bad.column)
    assert root.tasks() == NEIGHBOURS
    again = root.sync()
    assert (again.code, again.out) == (1, "no row changed\n")
    assert call("verify", "--root", root.path).code == 0
    assert call("status", "--root", root.path).code == 1

    root.hostile.unlink()
    put(root.hostile, GOOD)
    mended = root.sync()
    assert (mended.code, mended.err, root.refused()) == (0, "", {})
    assert root.tasks() == NEIGHBOURS | {"task-session-1-backend": "completed"}
    assert call("status", "--root", root.path).code == 0


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_gets_worse_keeps_its_last_good_rows(case: str, root: Root) -> None:
    """Its task stays as it was, and counts for its session as before."""
    put(root.hostile, document(status="blocked", task="Good once", blockers=[{"message": "wait"}]))
    assert root.sync().code == 0
    held = rows(root.database, "SELECT * FROM tasks ORDER BY id"), rows(root.database, "SELECT * FROM blockers")
    root.hostile.unlink()
    REFUSED[case].make(root.hostile)
    put(root.path / "session-1" / "frontend.json", document(status="completed"), age=2 * OLD)
    assert root.sync("session-1").code == 1
    assert (
        rows(root.database, "SELECT * FROM tasks ORDER BY id"),
        rows(root.database, "SELECT * FROM blockers"),
    ) == held
    assert root.one("SELECT status FROM sessions WHERE id = 'session-1'") == "blocked"
    assert call("verify", "--root", root.path).code == 0


def test_the_rows_of_a_refused_file_outlast_the_process(root: Root) -> None:
    """A new process knows of them from the database alone, also while it applies the neighbours."""
    put(root.hostile, document(status="failed", task="Good once"))
    assert spawn("sync", "--root", root.path).code == 0
    put(root.hostile, TORN)
    assert spawn("sync", "--root", root.path).code == 1
    put(root.path / "session-1" / "frontend.json", document(status="blocked", task="New"), age=2 * OLD)
    assert spawn("sync", "--root", root.path).code == 1
    assert root.tasks() == NEIGHBOURS | {"task-session-1-backend": "failed", "task-session-1-frontend": "blocked"}
    assert root.one("SELECT description FROM tasks WHERE id = 'task-session-1-backend'") == "Good once"
    assert root.one("SELECT status FROM sessions WHERE id = 'session-1'") == "blocked"


def test_a_refused_leader_keeps_what_the_session_has_of_it(root: Root) -> None:
    """Branch, error and status stay, while the agents go on; a mended leader speaks again."""
    leader = root.path / "session-1" / "orchestrator.json"
    put(leader, document(status="failed", branch="main", error="out of luck", metrics={"n": 1}))
    assert root.sync().code == 0
    put(leader, TORN, age=2 * OLD)
    put(root.hostile, GOOD)
    said = root.sync()
    assert (said.code, list(root.refused())) == (1, ["session-1/orchestrator.json"])
    facts = "SELECT status, branch_name, error_message, source_path FROM sessions WHERE id = 'session-1'"
    assert rows(root.database, facts) == [("failed", "main", "out of luck", "session-1/orchestrator.json")]
    assert "task-session-1-backend" in root.tasks()
    put(leader, document(status="completed", branch="next"), age=3 * OLD)
    assert root.sync().code == 0
    assert rows(root.database, facts)[0][:3] == ("completed", "next", None)


@pytest.mark.parametrize("limit", [("--max-file-size", "10"), ("--max-depth", "1")])
def test_the_limits_can_be_set(limit: tuple[str, str], root: Root) -> None:
    """A file that was refused for a limit is applied when its session is synced under a wider one."""
    put(root.hostile, document(status="completed", task={"description": {"deep": [1]}}))
    assert root.sync(*limit).code == 1
    assert "session-1/backend.json" in root.refused()
    assert root.sync("session-0", "session-1", "session-2").code == 0
    assert root.refused() == {}


def test_a_bad_hint_is_noted_and_changes_no_exit_code(root: Root) -> None:
    """session.json is torn now and then: it stands in quarantine, and the session is level."""
    hint = put(root.path / "session-1" / "session.json", TORN)
    said = root.sync()
    assert (said.code, "refused session-1/session.json:1:33" in said.err) == (0, True)
    assert list(root.refused()) == ["session-1/session.json"]
    assert (root.tasks(), root.sync("session-1").code) == (NEIGHBOURS, 0)
    put(hint, document(createdAt="2026-02-08T10:00:00Z"))
    assert root.sync().code == 0
    assert root.refused() == {}
    assert root.one("SELECT started_at FROM sessions WHERE id = 'session-1'") == "2026-02-08 10:00:00"


def test_a_session_of_nothing_but_bad_files_gives_no_row(root: Root) -> None:
    """It is in quarantine and nowhere else, until one file of it can be read."""
    path = put(root.path / "session-3" / "backend.json", TORN)
    assert root.sync().code == 1
    assert root.one("SELECT COUNT(*) FROM sessions WHERE id = 'session-3'") == 0
    put(path, GOOD)
    assert root.sync("session-3").code == 0
    assert root.one("SELECT COUNT(*) FROM sessions WHERE id = 'session-3'") == 1


def test_a_pipe_or_a_device_is_never_opened(root: Root) -> None:
    """Nobody who waits at the other end of the pipe is woken: the process does not block, and neither do we."""
    os.mkfifo(root.hostile)
    woken = threading.Event()

    def wait_at_the_other_end() -> None:
        with root.hostile.open("wb"):
            woken.set()

    writer = threading.Thread(target=wait_at_the_other_end, daemon=True)
    writer.start()
    assert spawn("sync", "--root", root.path).code == 1
    assert not woken.is_set()
    with root.hostile.open("rb"):
        writer.join()


def test_a_large_file_is_refused_unread(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its size is enough."""
    sparse(root.hostile)
    longest = 0
    read = os.read

    def measured(handle: int, size: int) -> bytes:
        nonlocal longest
        longest = max(longest, size)
        return read(handle, size)

    monkeypatch.setattr(os, "read", measured)
    assert root.sync().code == 1
    assert 0 < longest < 10**6


# Refused for want of permission


@pytest.fixture
def bound() -> tuple[str, ...]:
    """Lend the words before a command that make permissions bind it."""
    words = binding()
    if words is None:
        pytest.skip("root is bound by no permission, and there is no setpriv to change that")
    return words


def test_an_unreadable_file_is_refused_alone(root: Root, bound: tuple[str, ...]) -> None:
    """What to look at is said; given the permission, the file is applied."""
    put(root.hostile, GOOD).chmod(0o000)
    said = spawn("sync", "--root", root.path, before=bound)
    assert said.code == 1
    assert "cannot be opened: Permission denied (may this user read it?)" in said.err
    assert root.tasks() == NEIGHBOURS
    root.hostile.chmod(0o644)
    assert spawn("sync", "--root", root.path, before=bound).code == 0
    assert (root.refused(), "task-session-1-backend" in root.tasks()) == ({}, True)


@pytest.mark.parametrize("mode", [0o000, 0o444, 0o111], ids=oct)
def test_an_unreadable_session_directory_keeps_its_rows(mode: int, root: Root, bound: tuple[str, ...]) -> None:
    """What cannot be seen is not gone: the directory is refused as a whole, and the others are in."""
    put(root.hostile, GOOD)
    assert root.sync("session-1").code == 0
    held = {name: status for name, status in root.tasks().items() if "session-1-" in name}
    directory = root.hostile.parent
    directory.chmod(mode)
    try:
        said = spawn("sync", "--root", root.path, before=bound)
        named = spawn("sync", "session-1", "--root", root.path, before=bound)
    finally:
        directory.chmod(0o755)
    assert (said.code, named.code) == (1, 1)
    assert (
        "refused session-1/: permission denied: this user may not list the session directory (chmod u+rx)" in said.err
    )
    assert root.tasks() == NEIGHBOURS | held
    assert root.one("SELECT COUNT(*) FROM sessions WHERE archived_at IS NOT NULL") == 0
    assert spawn("sync", "--root", root.path, before=bound).code == 0
    assert root.refused() == {}


@pytest.mark.parametrize("target", ["session-0", "/etc", "nowhere", "session-3"])
def test_a_session_directory_that_is_a_link_is_refused(target: str, root: Root) -> None:
    """Nothing is read through it, wherever it points; a directory in its place is a session."""
    link = root.path / "session-3"
    link.symlink_to(target)
    said = root.sync()
    assert said.code == 1
    assert "refused session-3/: the session directory is a symbolic link, and links are not followed" in said.err
    assert root.tasks() == NEIGHBOURS
    link.unlink()
    put(link / "backend.json", GOOD)
    assert (root.sync().code, root.refused()) == (0, {})
    assert root.tasks() == NEIGHBOURS | {"task-session-3-backend": "completed"}


def test_a_session_directory_that_becomes_a_link_keeps_its_rows(root: Root) -> None:
    """It is neither followed nor taken for gone."""
    put(root.hostile, GOOD)
    assert root.sync().code == 0
    held = root.tasks()
    moved = root.hostile.parent.rename(root.path / "elsewhere")
    put(moved / "backend.json", document(status="failed"))
    (root.path / "session-1").symlink_to(moved)
    assert root.sync().code == 1
    assert (root.tasks(), root.one("SELECT COUNT(*) FROM sessions WHERE archived_at IS NOT NULL")) == (held, 0)


# Refused by the database


def test_a_row_that_the_database_refuses_puts_its_file_alone_into_quarantine(root: Root) -> None:
    """The rest of the batch is in; once the database takes the row, naming the session is enough."""
    assert root.sync().code == 0
    trigger = "CREATE TRIGGER no_zorp BEFORE INSERT ON tasks WHEN NEW.agent_id = 'agent-zorp' BEGIN {} END"
    change(root.database, trigger.format("SELECT RAISE(ABORT, 'no zorp here');"))
    put(root.path / "session-1" / "zorp.json", GOOD)
    put(root.path / "session-1" / "testing.json", GOOD)
    for n in range(3, 9):
        put(root.path / f"session-{n}" / "backend.json", GOOD)
    said = root.sync()
    assert said.code == 1
    assert "refused session-1/zorp.json: the database refuses its rows: no zorp here" in said.err
    assert list(root.refused()) == ["session-1/zorp.json"]
    others = {f"task-session-{n}-backend": "completed" for n in range(3, 9)}
    assert root.tasks() == NEIGHBOURS | {"task-session-1-testing": "completed"} | others
    assert root.sync().out.startswith("no row changed")

    change(root.database, "DROP TRIGGER no_zorp")
    assert root.sync("session-1").code == 0
    assert (root.refused(), root.tasks()["task-session-1-zorp"]) == ({}, "completed")
    assert call("verify", "--root", root.path).code == 0


def test_a_child_row_that_the_database_refuses_does_the_same(root: Root) -> None:
    """Whichever table it is for, and though the file was good before."""
    put(root.hostile, document(status="in_progress", task="Before"))
    assert root.sync().code == 0
    trigger = "CREATE TRIGGER no_zorp BEFORE INSERT ON blockers BEGIN SELECT RAISE(ABORT, 'no blockers'); END"
    change(root.database, trigger)
    put(root.hostile, document(status="blocked", task="After", blockers=["wait"]), age=2 * OLD)
    put(root.path / "session-1" / "frontend.json", document(status="failed"), age=2 * OLD)
    assert root.sync().code == 1
    assert list(root.refused()) == ["session-1/backend.json"]
    assert root.tasks() == NEIGHBOURS | {"task-session-1-backend": "in_progress", "task-session-1-frontend": "failed"}
    put(root.hostile, GOOD, age=3 * OLD)
    assert (root.sync().code, root.refused()) == (0, {})


def test_a_session_row_that_the_database_refuses_leaves_the_other_sessions_alone(root: Root) -> None:
    """No file of it is to blame more than another: all of them are refused."""
    trigger = "CREATE TRIGGER no_zorp BEFORE INSERT ON sessions WHEN NEW.id = 'session-1' BEGIN {} END"
    assert root.sync("session-0").code == 0
    change(root.database, trigger.format("SELECT RAISE(ABORT, 'no such session');"))
    assert root.sync().code == 1
    assert {path.partition("/")[0] for path in root.refused()} == {"session-1"}
    assert root.tasks().keys() == {"task-session-0-backend", "task-session-2-backend"}
    change(root.database, "DROP TRIGGER no_zorp")
    assert (root.sync("session-1").code, root.tasks()) == (0, NEIGHBOURS)


@pytest.mark.parametrize("first", [0, 1])
def test_an_id_that_another_session_owns_is_refused_with_both_paths(first: int, root: Root) -> None:
    """Whoever came first keeps it; where the owner is gone for good, the other may have it."""
    paths = [root.path / "session-1" / "2-backend.json", root.path / "session-1-2" / "backend.json"]
    names = [str(path.relative_to(root.path)) for path in paths]
    put(paths[first], document(status="completed", task="first"))
    put(root.path / "session-1-2" / "frontend.json", document(status="pending"))
    assert root.sync().code == 0
    put(paths[1 - first], document(status="failed", task="second"))
    said = root.sync()
    assert said.code == 1
    assert f"{names[1 - first]} gives the id 'task-session-1-2-backend', which {names[first]} already owns" in said.err
    assert list(root.refused()) == [names[1 - first]]
    taken = "SELECT description FROM tasks WHERE id = 'task-session-1-2-backend'"
    assert root.one(taken) == "first"
    assert {*NEIGHBOURS, "task-session-1-2-frontend"} <= root.tasks().keys()
    assert root.sync().code == 1
    paths[first].unlink()
    assert root.sync().code in {0, 1}
    root.sync("session-1", "session-1-2")
    assert (root.one(taken), root.refused()) == ("second", {})


# Odd, and none the worse for it


class Odd(NamedTuple):
    """A file that is applied, what becomes of it, and what is noted."""

    data: str | bytes
    columns: dict[str, Any]
    note: str = "None"


APPLIED = {
    "an unknown priority": Odd('{"priority": "urgent"}', {"priority": "high"}),
    "a silly priority": Odd('{"priority": "yesterday"}', {"priority": "medium"}),
    "an unknown status": Odd('{"status": "zorp"}', {"status": "in_progress", "status_raw": "zorp"}),
    "an unknown key": Odd('{"zorp": {"a": [1]}, "status": "done"}', {"status": "completed"}),
    "30 digits": Odd(
        f'{{"retryCount": {10**29}, "status": "done"}}', {"retry_count": None, "status": "completed"}, "retry"
    ),
    "a lone surrogate": Odd(r'{"task": "a\ud83db"}', {"description": r"a\ud83db"}, "lone surrogates"),
    "a NUL": Odd(r'{"task": "a\u0000b"}', {"description": "a\ufffdb"}, "U+0000"),
    "a key twice": Odd('{"status": "failed", "status": "done"}', {"status": "completed"}, "'status' stands twice"),
    "a byte order mark": Odd(b'\xef\xbb\xbf{"status": "done"}', {"status": "completed"}, "byte order mark"),
    "a wrong type": Odd('{"status": ["done"], "task": "t"}', {"status": "pending", "description": "t"}, "status"),
    "an unreadable time": Odd(
        '{"startTime": "soon", "task": "t"}', {"started_at": None, "description": "t"}, "startTime"
    ),
    "nothing": Odd("{}", {"status": "pending", "description": "backend task"}),
    "199 levels": Odd('{"zorp":' + "[" * 198 + "]" * 198 + ', "status": "done"}', {"status": "completed"}),
}


@pytest.mark.parametrize("case", APPLIED)
def test_an_odd_file_is_applied_and_what_is_odd_is_noted(case: str, root: Root) -> None:
    """Its good fields count, its neighbours too, and the exit code is 0."""
    odd = APPLIED[case]
    put(root.hostile, odd.data)
    said = root.sync()
    assert (said.code, said.err) == (0, "")
    columns = ", ".join(odd.columns)
    found = rows(root.database, f"SELECT {columns} FROM tasks WHERE id = 'task-session-1-backend'")  # noqa: S608
    assert found == [tuple(odd.columns.values())]
    assert odd.note in root.notes("session-1/backend.json")
    assert root.tasks().items() >= NEIGHBOURS.items()
    assert call("verify", "--root", root.path).code == 0


def test_an_unknown_agent_and_an_unknown_team_are_made(root: Root) -> None:
    """From their ids alone; nobody has to be introduced."""
    put(root.path / "session-1" / "zorp-keeper.json", GOOD)
    put(root.path / "session-1" / "orchestrator.json", document(status="active", team="Deep Space"))
    assert root.sync().code == 0
    agent = "SELECT name, team_id FROM agents WHERE id = 'agent-zorp-keeper'"
    assert rows(root.database, agent) == [("Zorp Keeper", "team-unassigned")]
    assert root.one("SELECT team_id FROM sessions WHERE id = 'session-1'") == "team-deep-space"
    assert root.one("SELECT name FROM teams WHERE id = 'team-deep-space'") == "Deep Space"


NAMES = {
    "255 bytes": "b" * 250 + ".json",
    "a line break": "back\nend.json",
    "an escape sequence": "back\x1b[31m\x1b]0;owned\x07end.json",
    "a C1 control": "back\x9b31mend.json",
    "a bidirectional override": "back\u202eend.json",
    "markup": "[red]back :warning: [bold]end.json",
    "blanks": " back end .json",
    "quotes": "back'\"`$(id)%s{}end.json",
}


@pytest.mark.parametrize("case", NAMES)
def test_a_file_of_an_odd_name_is_a_file(case: str, root: Root) -> None:
    """It is applied, it is refused when it is bad, and nothing of its name reaches the terminal as it is."""
    name = NAMES[case]
    path = put(root.path / "session-1" / name, GOOD)
    assert root.sync().code == 0
    assert root.tasks() == NEIGHBOURS | {f"task-session-1-{name.removesuffix('.json')}": "completed"}
    put(path, TORN, age=2 * OLD)
    refused = f"session-1/{name}"
    dry = root.sync("--dry-run")
    said = [dry, root.sync(), call("quarantine", "--root", root.path), call("quarantine", refused, "--root", root.path)]
    said += [call(*words, "--root", root.path) for words in (("show",), ("show", "session-1"), ("status",))]
    change(root.database, "UPDATE tasks SET description = ?", f"edited {name}")
    said.append(call("verify", "--root", root.path))
    assert [each.code for each in said] == [1, 1, 1, 1, 0, 0, 1, 1]
    assert list(root.refused()) == [refused]
    control = {"\x1b", "\x07", "\x9b", "\u202e"}
    assert not any(control & {*each.out, *each.err} for each in said)
    assert not any("back\nend" in each.out + each.err for each in said)
    listed = call("sync", "--root", root.path, "--json")
    assert [each["path"] for each in listed.facts["refused"]] == [refused]


def test_a_secret_in_a_name_or_a_bad_file_is_not_printed(root: Root) -> None:
    """The excerpt of a refused file passes the redactor too."""
    token = "ghp_" + "a1B2" * 9
    put(root.hostile, f'{{"task": "{token}" oops}}')
    said = root.sync()
    assert (said.code, token in said.out + said.err, "[redacted:github-token]" in said.err) == (1, False, True)
    assert token not in call("quarantine", "--root", root.path, "--json").out


IGNORED = {
    "a directory named x.json": lambda home: put(home / "x.json" / "backend.json", TORN),
    "a nested directory": lambda home: put(home / "deep" / "backend.json", TORN),
    "a hidden file": lambda home: put(home / ".backend.json", TORN),
    "a temporary file": lambda home: put(home / "session.json.tmp", TORN),
    "another format": lambda home: put(home / "notes.md", TORN),
    "a name that is not UTF-8": lambda home: put(Path(os.fsdecode(os.fsencode(home) + b"/\xff.json")), TORN),
    "a file beside the sessions": lambda home: put(home.parent / "session-9", TORN),
    "an unknown prefix": lambda home: put(home.parent / "sessions" / "backend.json", TORN),
}


@pytest.mark.parametrize("case", IGNORED)
def test_what_is_no_state_file_is_ignored(case: str, root: Root) -> None:
    """Neither rows nor a refusal come of it; only a name that no text can hold is said."""
    IGNORED[case](root.path / "session-1")
    said = root.sync()
    assert said.code == 0
    assert said.err == (
        "ignored session-1/\\udcff.json: the name is not UTF-8\n" if case == "a name that is not UTF-8" else ""
    )
    assert (root.tasks(), root.refused()) == (NEIGHBOURS, {})


# Half-written


def test_a_file_that_is_completed_in_time_is_applied_by_the_same_sync(root: Root) -> None:
    """Half a second after it was found torn it is good: exit code 0, and no trace of a refusal."""
    put(root.hostile, TORN, age=0)
    completing = threading.Timer(0.5, root.hostile.write_bytes, [GOOD])
    completing.start()
    said = root.sync()
    completing.join()
    assert (said.code, said.err, root.refused()) == (0, "", {})
    assert root.tasks() == NEIGHBOURS | {"task-session-1-backend": "completed"}


@pytest.mark.parametrize("data", [TORN, ""], ids=["torn", "empty"])
def test_a_file_that_stays_half_written_is_refused_in_the_end(data: str, root: Root) -> None:
    """The session moves at once with its other files; after two seconds of the same bytes the sync gives up."""
    assert root.sync().code == 0
    put(root.hostile, data, age=0)
    put(root.path / "session-1" / "frontend.json", document(status="failed"), age=2 * OLD)
    seen: list[dict[str, str]] = []
    looking = threading.Timer(1.0, lambda: seen.append(root.tasks()))
    looking.start()
    began = time.monotonic()
    said = root.sync()
    assert 1.5 < time.monotonic() - began < 4
    looking.join()
    assert said.code == 1
    assert list(root.refused()) == ["session-1/backend.json"]
    expected = NEIGHBOURS | {"task-session-1-frontend": "failed"}
    assert (seen, root.tasks()) == ([expected], expected)


def test_a_file_that_keeps_changing_is_said_to_be_half_written(root: Root) -> None:
    """Its last good rows stay, the exit code is 1, and the next sync that finds it good applies it."""
    put(root.hostile, GOOD)
    assert root.sync().code == 0
    stop = threading.Event()

    def keep_writing() -> None:
        n = 0
        while not stop.wait(0.05):
            root.hostile.write_text(TORN + "x" * (n := n + 1))

    root.hostile.write_text(TORN)
    writing = threading.Thread(target=keep_writing)
    writing.start()
    try:
        foreseen = root.sync("session-1", "--dry-run")
        said = root.sync("session-1")
    finally:
        stop.set()
        writing.join()
    for each in (foreseen, said):
        assert (each.code, each.err.count("half-written: session-1/backend.json")) == (1, 1)
    assert root.tasks()["task-session-1-backend"] == "completed"
    status = call("status", "--root", root.path, "--json")
    assert (status.code, status.facts["waiting"]) == (1, 1)
    put(root.hostile, document(status="failed"))
    assert (root.sync().code, root.tasks()["task-session-1-backend"]) == (0, "failed")


# What the past owes


def test_a_task_keeps_a_start_that_its_file_drops(root: Root) -> None:
    """The last version of a file has no startTime: the one before had, and the duration counts from there."""
    put(root.hostile, document(status="in_progress", startTime="2026-02-08T10:00:00Z"))
    assert root.sync().code == 0
    put(root.hostile, document(status="completed", endTime="2026-02-08T10:01:00Z"), age=2 * OLD)
    assert spawn("sync", "--root", root.path).code == 0
    times = "SELECT started_at, completed_at, duration_seconds FROM tasks WHERE id = 'task-session-1-backend'"
    assert rows(root.database, times) == [("2026-02-08 10:00:00", "2026-02-08 10:01:00", 60.0)]
    assert call("verify", "--root", root.path).code == 0
    put(root.hostile, document(status="completed", startTime="2026-02-08T10:00:30Z", endTime="2026-02-08T10:01:00Z"))
    assert root.sync().code == 0
    assert rows(root.database, times) == [("2026-02-08 10:00:30", "2026-02-08 10:01:00", 30.0)]


def test_a_session_keeps_a_start_that_its_leader_drops(root: Root) -> None:
    """Though session.json knows when it was created, which is not the same."""
    leader = root.path / "session-1" / "orchestrator.json"
    put(root.path / "session-1" / "session.json", document(createdAt="2026-02-08T09:00:00Z"))
    put(leader, document(status="in_progress", startTime="2026-02-08T10:00:00Z"))
    assert root.sync().code == 0
    put(leader, document(status="completed", endTime="2026-02-08T11:00:00Z"), age=2 * OLD)
    assert spawn("sync", "--root", root.path).code == 0
    times = "SELECT started_at, completed_at, duration_seconds FROM sessions WHERE id = 'session-1'"
    assert rows(root.database, times) == [("2026-02-08 10:00:00", "2026-02-08 11:00:00", 3600.0)]
    assert call("verify", "--root", root.path).code == 0


# Many at once


def test_every_hostile_file_at_once_holds_nobody_back(root: Root) -> None:
    """One session with all of them: each is refused or applied as it is alone."""
    home = root.path / "session-1"
    for n, (case, bad) in enumerate(REFUSED.items()):
        if case != "a device":
            bad.make(home / f"bad-{n}.json")
    for n, odd in enumerate(APPLIED.values()):
        put(home / f"odd-{n}.json", odd.data)
    for name in NAMES.values():
        put(home / name, GOOD)
    assert spawn("sync", "--root", root.path).code == 1
    assert len(root.refused()) == len(REFUSED) - 1
    assert len(root.tasks()) == len(NEIGHBOURS) + len(APPLIED) + len(NAMES)
    with closing(os.scandir(home)) as entries:
        assert sum(1 for _ in entries) == len(REFUSED) - 1 + len(APPLIED) + len(NAMES) + 2
