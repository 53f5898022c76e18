"""The commands on a PostgreSQL address: the same answers as on SQLite, and a sentence for whatever goes wrong."""

import json
import shutil
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError
from sqlmodel import select

from syncd.config import load
from syncd.library import open_store
from syncd_models.rows import Task
from tests.command import EXAMPLE, Said, call, document, example, put, python
from tests.postgres import address, ask, database_at, fresh_address, socket
from tests.processes import PATIENCE, ended, start
from tests.workload import write_workload

SECRET = "hush-hush"  # noqa: S105  no real one
REFUSED = "session-1772006408/frontend.json"
MOVING = {
    *("database", "size_bytes", "size_bytes_before", "wal_bytes", "started_at", "ended_at", "last_change_at", "at"),
    *("seq", "first_seen", "known_since", "archived_at", "archived_before", "changes_before"),
}
"""Fields that differ between two databases of one tree."""
SESSIONS = 1500


@pytest.fixture
def url() -> str:
    """Lend the address of a schema that is not there yet."""
    return fresh_address()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Lend the example."""
    return example(tmp_path / "state")


def still(facts: Any) -> Any:
    """Return facts less what moves."""
    if isinstance(facts, dict):
        return {name: still(value) for name, value in facts.items() if name not in MOVING}
    return [still(each) for each in facts] if isinstance(facts, list) else facts


def same(root: Path, url: str, *arguments: str) -> Said:
    """Hold what a command says to be what it says on SQLite, and return it."""
    found, expected = (
        call(*arguments, "--json", "--root", root, "--database", database, cwd=root.parent)
        for database in (url, root.parent / "same.db")
    )
    assert (found.code, found.err) == (expected.code, expected.err)
    assert still(found.facts) == still(expected.facts)
    return found


def test_every_command_says_what_it_says_on_sqlite(root: Path, url: str) -> None:
    """Sync, look at everything, change something, look again."""
    looks = [
        *(("verify",), ("status",), ("show",), ("show", "session-1770631507"), ("quarantine",)),
        *(("quarantine", REFUSED), ("history", "tasks", "task-session-1770631507-backend")),
        *(("history", "session-1770631507"), ("prune", "--dry-run"), ("sync", "--dry-run")),
    ]
    for text in ({"status": "failed"}, {"status": "completed", "description": "mended"}):
        put(root / "session-1770631507" / "backend.json", document(**text))
        same(root, url, "sync")
        for look in looks:
            same(root, url, *look)
    assert same(root, url, "history", "tasks", "task-session-1770631507-backend").facts["changes"]
    shutil.rmtree(root / "session-1770631507")
    assert same(root, url, "sync").facts["archived"] == ["session-1770631507"]
    assert same(root, url, "rebuild").code == 0
    assert same(root, url, "prune", "--archived", "0").facts["sessions"] == ["session-1770631507"]
    assert same(root, url, "verify").facts["differences"] == []
    migrated = call("migrate", "--json", "--database", url).facts
    assert (migrated["schema_version"], migrated["pending"]) == (migrated["latest"], [])


def test_a_dry_run_makes_nothing(root: Path, url: str) -> None:
    """What is compared with is an empty database of its own."""
    assert same(root, url, "sync", "--dry-run").facts["sessions_changed"] == 11
    assert database_at(url).version() == 0


def test_a_backup_is_the_servers_business(root: Path, url: str) -> None:
    """The hint names the tool."""
    call("sync", "--root", root, "--database", url)
    said = call("backup", "--root", root, "--database", url)
    assert said.code == 2
    assert "pg_dump" in said.err


def test_python_reads_the_same_rows(root: Path, url: str) -> None:
    """The library opens an address as it opens a path, and its session cannot write."""
    with open_store(root, database=root.parent / "same.db") as one, open_store(root, database=url) as other:
        answers = []
        for store in (one, other):
            store.sync()
            assert store.verify().differences == []
            with store.session() as session:
                answers.append([each.model_dump() for each in session.exec(select(Task).order_by(Task.id))])
        assert answers[0] == answers[1] != []
        with other.session() as session:
            session.add(Task(**{**answers[0][0], "id": "new"}))
            with pytest.raises(DBAPIError, match="read-only"):
                session.flush()


def test_a_killed_sync_is_finished_by_the_next(tmp_path: Path, url: str) -> None:
    """After kill -9 with a part of the sessions committed, one more sync leaves nothing to do."""
    root = tmp_path / "state"
    write_workload(root, SESSIONS)
    process = start("sync", root, url, measured=False)  # type: ignore[arg-type]
    try:
        until = time.monotonic() + PATIENCE
        while process.poll() is None and not committed(url):
            assert time.monotonic() < until
        assert process.poll() is None, "it was over before it could be killed"
    finally:
        process.kill()
        ended(process)
    assert 0 < committed(url) < SESSIONS
    assert call("sync", "--root", root, "--database", url).code == 0
    assert committed(url) == SESSIONS
    assert f"of {SESSIONS:,} sessions" in call("verify", "--root", root, "--database", url).out


def committed(url: str) -> int:
    """Count the sessions that others can see; 0 where there is no table yet."""
    with closing(database_at(url).connect()) as connection:
        ((there,),) = connection.execute("SELECT to_regclass('sessions') IS NOT NULL").fetchall()
        return int(connection.execute("SELECT COUNT(*) FROM sessions").fetchall()[0][0]) if there else 0


def test_two_at_once_write_one_after_the_other(tmp_path: Path, url: str) -> None:
    """Both end well, and what they leave is what the files say."""
    root = tmp_path / "state"
    write_workload(root, 40)
    processes = [start("sync", root, url, measured=False) for _ in range(2)]  # type: ignore[arg-type]
    assert [ended(process).returncode for process in processes] == [0, 0]
    assert call("verify", "--root", root, "--database", url).code == 0


# What goes wrong


def fault(database: str, *arguments: str, env: dict[str, str] | None = None) -> Said:
    """Return what is said of a database that cannot be used: one sentence and a hint, without the password."""
    said = call(*(arguments or ("sync",)), "--root", EXAMPLE, "--database", database, env=env)
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert len(said.err.splitlines()) == 2
    assert "hush" not in said.err
    return said


@pytest.mark.parametrize("command", ["sync", "status", "verify", "show", "quarantine", "rebuild", "prune", "migrate"])
def test_a_server_that_is_not_there_is_said(command: str) -> None:
    """It is no reason to write a file instead."""
    said = fault(address("/nowhere", user=f"me:{SECRET}"), command)
    assert said.code == 1
    assert "the database postgresql://me@/postgres?host=/nowhere cannot be used now" in said.err
    assert "Is the server running" in said.err.splitlines()[1]


@pytest.mark.parametrize(
    ("database", "code", "why", "hint"),
    [
        ("postgresql://me:{secret}@127.0.0.1:1/db", 1, "Connection refused", "Is the server running"),
        ("postgresql://me:{secret}@nowhere.invalid/db", 1, "nowhere.invalid", "Is the server running"),
        ("postgresql://me:{secret}@/db?host=/nowhere&sslmode=odd", 2, "sslmode", "Mend the address"),
        ("postgresql://me:{secret}@/db?host=/nowhere&odd=1", 2, "odd", "Mend the address"),
        ("postgresql://me:{secret}@127.0.0.1:99999/db", 2, "99999", "Mend the address"),
        ("postgresql://me:{secret}@host:port/db", 2, "cannot be read", "config show"),
        ("postgresql://me:{secret}@/db@host", 2, "cannot be read", "config show"),
        ("mysql://me:{secret}@host/db", 2, "mysql://", "config show"),
    ],
)
def test_an_address_that_leads_nowhere_is_said(database: str, code: int, why: str, hint: str) -> None:
    """Exit code 1 where trying again may help, 2 where the address has to be mended."""
    said = fault(database.format(secret=SECRET))
    assert said.code == code
    sentence, advice = said.err.splitlines()
    assert why in sentence
    assert hint in advice


@pytest.mark.parametrize(
    ("user", "database", "why", "hint"),
    [
        ("postgres", "nowhere", 'database "nowhere" does not exist', "createdb"),
        ("nobody", "postgres", 'role "nobody" does not exist', "Name a user"),
    ],
)
def test_what_a_server_does_not_have_is_said(user: str, database: str, why: str, hint: str) -> None:
    """It will not be there the next time either: exit code 3."""
    said = fault(address(socket(), user=f"{user}:{SECRET}", database=database))
    assert said.code == 3
    assert why in said.err
    assert hint in said.err


def test_what_a_user_may_not_do_is_said(url: str) -> None:
    """The hint says what to ask for."""
    for each in ("DROP ROLE IF EXISTS guest", "CREATE ROLE guest LOGIN"):
        ask(address(socket()), each)
    said = fault(url.replace("postgres@", "guest@"))
    assert said.code == 3
    assert "permission denied for database" in said.err
    assert "GRANT" in said.err


def test_a_schema_of_another_tool_is_said(url: str) -> None:
    """With the way out."""
    with closing(database_at(url).connect()) as connection:
        connection.execute(f"CREATE SCHEMA {connection.schema}")
        connection.execute("CREATE TABLE agents (id integer)")
    said = fault(url, "sync", "--adopt")
    assert said.code == 3
    assert "its agents belongs to another tool" in said.err
    assert "options=-csearch_path%3DNAME" in said.err


def test_a_driver_that_is_missing_is_said() -> None:
    """With the command that brings it; everything on SQLite works without."""
    blocked = "import sys; sys.modules['psycopg'] = None; from syncd.__main__ import main; sys.argv[1:] = {}; main()"
    line = ["sync", "--root", str(EXAMPLE), "--database", "postgresql://me@host/db"]
    said = python("-c", blocked.format(line))
    assert said.code == 2
    assert said.err.splitlines() == [
        "error: there is no driver for PostgreSQL here",
        "       Run: pip install 'syncd[postgres]'",
    ]
    assert python("-c", blocked.format(["config", "show", *line[1:]])).code == 0


def test_the_driver_is_not_loaded_for_a_file(tmp_path: Path) -> None:
    """Who keeps rows in SQLite never waits for it."""
    put(tmp_path / "state" / "session-1" / "a.json", "{}")
    line = ["sync", "--root", str(tmp_path / "state")]
    told = f"import sys; from syncd import cli; cli.run({line}); print(sorted(sys.modules.keys() & {{'psycopg'}}))"
    assert python("-c", told).out.splitlines()[-1] == "[]"


def test_a_password_is_never_shown(root: Path) -> None:
    """Not in the settings, not in facts, not in the status; wherever the address comes from."""
    url = fresh_address().replace("postgres@", f"postgres:{SECRET}@")
    assert call("sync", "--root", root, "--database", url).code == 1  # a file of the example is refused
    shown = url.replace(f":{SECRET}", "")
    said = [
        call(*command, "--root", root, env={"SYNCD_DATABASE": url})
        for command in (("config", "show"), ("config", "show", "--json"), ("status",), ("status", "--json"))
    ]
    assert not any(SECRET in each.out + each.err for each in said)
    assert said[1].facts["settings"]["database"] == {"value": shown, "origin": "SYNCD_DATABASE"}
    assert said[3].facts["database"] == shown
    file = put(root.parent / "syncd.toml", f"database = {json.dumps(url)}\n")
    by_file = call("config", "show", "--json", cwd=root.parent).facts["settings"]["database"]
    assert by_file == {"value": shown, "origin": str(file)}
    assert SECRET not in repr(load({"root": [str(root)], "database": url}, {}, Path.cwd()))
    with open_store(root, database=url) as store:
        assert SECRET not in repr(store)


def test_a_password_of_the_environment_is_the_drivers_business(url: str) -> None:
    """PGPASSWORD and the like work as everywhere."""
    env = {"PGUSER": "postgres", "PGPASSWORD": SECRET, "PGCONNECT_TIMEOUT": "5"}
    said = call("status", "--root", EXAMPLE, "--database", url.replace("postgres@", ""), env=env)
    assert said.code == 3
    assert "there is no database at" in said.err
