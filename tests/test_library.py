"""``from syncd import …``: what the commands do, as values in a program."""

import json
import os
import pydoc
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from unittest import mock

import pytest
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlmodel import func, select

import syncd
from syncd import (
    ConfigError,
    Difference,
    OpenStore,
    SourceUnavailable,
    StoreRefused,
    open_store,
)
from syncd.config import SETTINGS
from syncd.library import Keywords
from syncd_models.rows import Agent, Task, Team
from tests.command import binding, call, change, document, example, put, python, rows, surroundings
from tests.postgres import fresh_address
from tests.processes import REPOSITORY, environment

TORN = '{"status": "completed", "task": "half of i'
TASK = "task-session-1-backend"
HEAVY = ("pydantic", "sqlalchemy", "sqlmodel", "click", "rich", "structlog", "alembic")
PAGE = REPOSITORY / "docs" / "library.md"


@pytest.fixture(autouse=True)
def _no_settings_around(tmp_path: Path) -> Iterator[None]:
    """Let no setting of this machine count."""
    with mock.patch.dict(os.environ, surroundings(None), clear=True), chdir(tmp_path):
        yield


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Lend a root of two sessions."""
    made = tmp_path / ".compound-state"
    put(made / "session-1" / "orchestrator.json", document(status="in_progress", startTime="2026-02-08T10:00:00Z"))
    put(made / "session-1" / "backend.json", work("completed"))
    put(made / "session-2" / "frontend.json", document(status="failed", error="no luck"))
    return made


def work(status: str) -> bytes:
    """Return an agent file with that status."""
    return document(status=status, task="Build it", startTime="2026-02-08T10:00:00Z")


# --- the package


def test_importing_syncd_loads_nothing_heavy() -> None:
    """Neither do its version and the list of its names."""
    program = f"import sys, syncd; syncd.__version__, dir(syncd); print([m for m in {HEAVY} if m in sys.modules])"
    assert python("-c", program).out == "[]\n"


def test_every_public_name_is_there() -> None:
    """Each is imported where it is first used, listed by ``dir``, and no other name is made up."""
    for name in syncd.__all__:
        assert getattr(syncd, name)
    assert {*syncd.__all__} <= {*dir(syncd)}
    with pytest.raises(AttributeError, match="opens_tore"):
        _ = syncd.opens_tore


def test_help_shows_the_example_and_every_public_name() -> None:
    """Each class and function stands there with what it is."""
    text = pydoc.render_doc(syncd, renderer=pydoc.plaintext)  # type: ignore[attr-defined]
    assert "with open_store(" in text
    assert "Unpack[Keywords]" in text, "the signature stands as it is written"
    for name in syncd.__all__:
        public = getattr(syncd, name)
        if not isinstance(public, str):
            assert public.__doc__.splitlines()[0] in text


def test_a_program_is_type_checked_against_the_package(tmp_path: Path) -> None:
    """The types that a call takes and returns are those that mypy sees, strictly and without an import of ours."""
    right = """
        from collections.abc import Sequence
        from datetime import UTC, datetime
        from pathlib import Path
        from typing import assert_type

        from sqlmodel import Session, select
        from syncd import Difference, Event, Moment, OpenStore, RefusedFile, Status, SyncReport, Verification
        from syncd import open_store
        from syncd_models.rows import Task

        with open_store([Path("a"), "web=b"], database=Path("x.db"), redact=None, max_file_size="1M") as store:
            assert_type(store, OpenStore)
            report = store.sync("session-1", dry_run=True)
            assert_type(report, SyncReport)
            assert_type(report.refused, tuple[RefusedFile, ...])
            assert_type(report.rows.created, int)
            assert_type(store.verify(), Verification)
            assert_type(store.verify().differences, list[Difference])
            assert_type(store.status(), Status)
            assert_type(store.history("tasks", "x"), list[Event])
            assert_type(store.at(datetime.now(UTC), "tasks", row_id="x"), Moment)
            with store.session() as session:
                assert_type(session, Session)
                assert_type(session.exec(select(Task)).all(), Sequence[Task])
    """
    wrong = """
        from syncd import open_store

        open_store(root=3)
        open_store(on_missing="forget")
        open_store(naive_timzone="UTC")
    """
    said = {name: checked(tmp_path / f"{name}.py", text) for name, text in {"right": right, "wrong": wrong}.items()}
    assert said["right"].startswith("Success"), said["right"]
    assert re.findall(r"wrong\.py:(\d+): error", said["wrong"]) == ["3", "4", "5"]


def checked(path: Path, program: str) -> str:
    """Return what mypy says of a program."""
    path.write_text(re.sub(r"(?m)^ {8}", "", program).lstrip("\n").rstrip(" "))
    line = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(path.parent / "cache"), str(path)]
    paths = os.pathsep.join(map(str, (REPOSITORY, REPOSITORY / "models")))
    around = environment(measured=False) | {"MYPYPATH": paths}
    return subprocess.run(line, cwd=path.parent, env=around, capture_output=True, text=True, check=False).stdout


def test_the_models_alone_read_the_database(root: Path) -> None:
    """A process that cannot import syncd reads tasks and joins them with agents."""
    with open_store(root) as store:
        store.sync()
    program = """
        import sys
        sys.modules["syncd"] = None
        from sqlmodel import Session, create_engine, select
        from syncd_models.rows import Agent, Task, Team

        engine = create_engine("sqlite:///file:.compound-state/agent-service.db?mode=ro&uri=true")
        with Session(engine) as session:
            for task, agent in session.exec(select(Task, Agent).where(Task.agent_id == Agent.id).order_by(Task.id)):
                print(task.id, task.status, agent.id, task.started_at)
        assert not [name for name in sys.modules if name.startswith("syncd.")]
    """
    said = python("-c", re.sub(r"(?m)^ {8}", "", program), cwd=root.parent)
    assert said.err == ""
    assert said.out.splitlines() == [
        f"{TASK} completed agent-backend 2026-02-08 10:00:00+00:00",
        "task-session-2-frontend failed agent-frontend None",
    ]


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lend a project with the example as its state root, and with another that holds it too."""
    project = tmp_path_factory.mktemp("project")
    example(project / ".compound-state")
    example(project / "web" / ".compound-state")
    return project


def test_the_examples_of_the_page_run(examples: Path) -> None:
    """Each as it is written, one after the other, in a project that was never synced."""
    blocks = re.findall(r"(?ms)^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"))
    assert len(blocks) == 3
    for block in blocks:
        said = python("-W", "error", "-c", block, cwd=examples)
        assert (said.code, said.err) == (0, "")
    for block in re.findall(r"(?ms)^```python\n(.*?)^```", (REPOSITORY / "README.md").read_text(encoding="utf-8")):
        said = python("-W", "error", "-c", block, cwd=examples)
        assert (said.code, said.err) == (0, "")


def test_the_example_in_the_module_runs(examples: Path) -> None:
    """The lines in ``help(syncd)`` are a program."""
    lines = [line[4:] for line in str(syncd.__doc__).partition("The tables are")[0].splitlines()[1:]]
    program = "\n".join([*lines, "print(report.exit_code, proof.differences, [task.status for task in failed])"])
    assert python("-W", "error", "-c", program, cwd=examples).out == "1 [] ['failed', 'failed']\n"


# --- settings


def test_a_keyword_wins_over_a_variable_and_that_over_the_file(root: Path) -> None:
    """The database is that of the keyword, then of the variable, then of the file, then the default."""
    default = f"<open store {root}/agent-service.db of {root}>"
    assert repr(open_store(root)) == repr(open_store()) == repr(open_store(root, database=None)) == default
    Path("syncd.toml").write_text('database = "file.db"')
    assert "/file.db of" in repr(open_store())
    with mock.patch.dict(os.environ, {"SYNCD_DATABASE": "variable.db"}):
        assert "/variable.db of" in repr(open_store())
        assert "/keyword.db of" in repr(open_store(database=Path("keyword.db")))
    Path("other.toml").write_text('database = "other.db"')
    assert "/other.db of" in repr(open_store(config="other.toml"))


def test_there_is_a_keyword_for_every_setting() -> None:
    """No setting of the command line is out of reach, and no other keyword is offered."""
    assert {*Keywords.__annotations__} == {"config", *(setting.name for setting in SETTINGS)} - {"root"}


def test_roots_are_paths_texts_or_several(root: Path, tmp_path: Path) -> None:
    """A text may name a workspace; a path never does, whatever is in its name."""
    other = Path(shutil.copytree(root, tmp_path / "a=b"))
    with open_store([root, f"web={other}"], database="both.db") as store:
        assert store.sync().sessions_changed == 4
        assert {*store.status().workspaces} == {"default", "web"}
        put(other / "session-1" / "backend.json", work("failed"))
        assert store.sync("web/session-1").sessions_changed == 1
    shutil.rmtree(other)
    assert repr(open_store(other)) == f"<open store {other}/agent-service.db of {other}>"
    assert f"of web={other}>" in repr(open_store(f"web={other}"))


def test_settings_reach_what_they_set(root: Path) -> None:
    """A zone, a prefix and a size, each in the type that it has in Python."""
    put(root / "run-1" / "backend.json", document(status="pending", startTime="2026-02-08T10:00:00"))
    put(root / "run-1" / "large.json", document(status="pending", task="x" * 2000))
    with open_store(root, naive_timezone="Europe/Berlin", session_prefixes=["run-"], max_file_size=1024) as store:
        assert [each.path for each in store.sync().refused] == ["run-1/large.json"]
        with store.session() as session:
            assert session.exec(select(Task.started_at)).all() == [datetime(2026, 2, 8, 9, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"naive_timzone": "UTC"}, "unknown setting 'naive_timzone'"),
        ({"naive_timezone": "Mars"}, "'Mars' is not a time zone"),
        ({"on_missing": "forget"}, "neither 'archive' nor 'delete'"),
        ({"root": []}, "give at least one"),
        ({"root": ["a", "b"]}, "two roots are named 'default'"),
        ({"root": 3}, "open_store: 3 is no root"),
        ({"root": "sp ace=x"}, "is not [NAME=]DIR"),
        ({"config": "missing.toml"}, "there is no file"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_at_once(settings: dict[str, object], said: str) -> None:
    """The message names it, and the hint is not empty."""
    with pytest.raises(ConfigError) as refusal:
        open_store(**settings)  # type: ignore[arg-type]
    assert said in refusal.value.message
    assert refusal.value.hint


# --- syncing


def test_a_sync_reports_what_it_did(root: Path) -> None:
    """The values are those that the command prints as JSON; a second sync does nothing."""
    put(root / "session-2" / "torn.json", TORN)
    copy = Path(shutil.copytree(root, root.with_name("copy")))
    with open_store(root) as store:
        report = store.sync()
        assert store.sync().rows == (0, 0, 0)
    assert report.as_json() == call("sync", "--root", copy, "--json").facts
    assert (report.exit_code, report.sessions_changed, report.data_changed, report.rows.created) == (1, 2, False, 4)
    assert [(each.path, each.line, each.column) for each in report.refused] == [("session-2/torn.json", 1, 33)]
    assert rows(root / "agent-service.db", "SELECT cause FROM changes") == [("sync",), ("sync",)]


def test_a_sync_of_named_sessions_leaves_the_others_alone(root: Path) -> None:
    """One that nobody knows, or that is no session id, is said to be none."""
    with open_store(root) as store:
        assert store.sync("session-2", "session-2").sessions_changed == 1
        for name, said in {"session-9": "there is no session", "../etc": "workspace", "etc": "session id"}.items():
            with pytest.raises(ConfigError, match=said):
                store.sync(name)
    assert rows(root / "agent-service.db", "SELECT id FROM sessions") == [("session-2",)]


def test_a_dry_run_makes_no_database(root: Path) -> None:
    """What it would change stands in the report."""
    before = sorted(root.rglob("*"))
    with open_store(root) as store:
        report = store.sync(dry_run=True)
    assert (report.dry_run, report.rows.created) == (True, 4)
    assert [(each.op, each.table, each.row_id) for each in report.changes] == [
        ("r", "sessions", "session-1"), ("r", "sessions", "session-2"),
    ]  # fmt: skip
    assert sorted(root.rglob("*")) == before


def test_sessions_that_are_gone_are_let_go_of_when_that_is_accepted(root: Path) -> None:
    """The brake stands in the report; an archived session that is named later is said to be one."""
    with open_store(root) as store:
        store.sync()
        for name in ("session-1", "session-2"):
            shutil.rmtree(root / name)
        held = store.sync()
        assert (held.exit_code, held.missing, held.archived) == (1, 2, ())
        assert "no session is left" in (held.held_back or "")
        assert sorted(store.sync(accept_missing=True).archived) == ["session-1", "session-2"]
        assert store.sync("session-1").archived_before == ("session-1",)


def test_a_root_may_come_later(tmp_path: Path) -> None:
    """Opening asks for nothing; syncing and verifying without it do, and make nothing."""
    with open_store(tmp_path / "later") as store:
        for ask in (store.sync, store.verify):
            with pytest.raises(SourceUnavailable):
                ask()
        put(tmp_path / "later" / "session-1" / "backend.json", work("completed"))
        assert store.sync().sessions_changed == 1


def test_a_store_that_is_read_only_writes_nothing(root: Path) -> None:
    """It wants a database; it answers, foresees and verifies, and not one row of it changes."""
    with pytest.raises(StoreRefused, match="there is no database"):
        open_store(root, read_only=True)
    with open_store(root) as store:
        store.sync()
    put(root / "session-1" / "backend.json", work("failed"))
    with open_store(root, read_only=True) as store:
        with pytest.raises(ConfigError, match="read_only"):
            store.sync()
        assert store.sync(dry_run=True).sessions_changed == 1
        assert [each.column for each in store.verify().differences if each.table == "tasks"] == ["status", "status_raw"]
        assert "verify" not in store.status().runs


def test_a_call_that_reads_wants_a_database(root: Path) -> None:
    """Nothing is made by asking."""
    store = open_store(root)
    for ask in (store.status, store.verify, lambda: store.history("tasks", TASK), lambda: store.at("2026", "tasks")):
        with pytest.raises((StoreRefused, ConfigError)):
            ask()
    with pytest.raises(StoreRefused, match="there is no database"), store.session():
        raise AssertionError("the session began")
    assert not (root / "agent-service.db").exists()


def test_a_database_of_another_tool_is_refused_until_it_is_adopted(root: Path) -> None:
    """It stays as it is, or goes to a dated name."""
    database = root / "agent-service.db"
    database.write_text("not a database")
    with open_store(root) as store:
        with pytest.raises(StoreRefused) as refusal:
            store.sync()
        assert "--adopt" in refusal.value.hint
        assert database.read_text() == "not a database"
        assert store.sync(adopt=True).sessions_changed == 2
    assert [path.read_text() for path in root.glob("agent-service.db.*.bak")] == ["not a database"]


def test_a_closed_store_answers_nothing(root: Path) -> None:
    """A ``with`` statement closes it."""
    with open_store(root) as store:
        store.sync()
    for ask in (store.sync, store.verify, store.status, store.session().__enter__):
        with pytest.raises(ConfigError, match="closed"):
            ask()
    assert repr(store).startswith("<closed store ")


def test_threads_may_share_a_store(root: Path) -> None:
    """They sync and ask at once, and each change is made once."""
    for n in range(20):
        put(root / f"session-t{n}" / "backend.json", work("completed"))

    def sync_and_ask(store: OpenStore) -> tuple[int, int]:
        done = store.sync().rows.created
        with store.session() as session:
            return done, session.exec(select(func.count()).select_from(Task)).one()

    with open_store(root) as store, ThreadPoolExecutor(4) as pool:
        found = list(pool.map(sync_and_ask, [store] * 8))
    assert sum(created for created, _ in found) == 44
    assert {counted for _, counted in found} == {22}


# --- verifying


def test_verify_finds_what_was_edited_by_hand(root: Path) -> None:
    """One difference names table, row, column, both values and the file; the run is remembered."""
    with open_store(root) as store:
        store.sync()
        assert store.verify().differences == []
        change(root / "agent-service.db", "UPDATE tasks SET priority = 'low' WHERE id = ?", TASK)
        proof = store.verify()
        assert proof.differences == [Difference("tasks", TASK, "priority", "low", "medium", "session-1/backend.json")]
        assert store.status().runs["verify"]["differences"] == 1
        assert any("verify" in problem for problem in store.status().problems)


def test_a_verification_that_cannot_be_remembered_warns(root: Path) -> None:
    """Who may not write the database still gets the answer."""
    words = binding()
    if words is None:
        pytest.skip("root is bound by no permission, and there is no setpriv to change that")
    with open_store(root) as store:
        store.sync()
    (root / "agent-service.db").chmod(0o444)
    said = python("-c", "import syncd; print(syncd.open_store().verify().differences)", cwd=root.parent, before=words)
    assert (said.code, said.out) == (0, "[]\n")
    assert "<string>:1: UserWarning: this run is not remembered: " in said.err


# --- asking


def test_a_session_reads_rows_with_aware_times(root: Path) -> None:
    """Times are in UTC, equal ones are found, in any zone, and rows are whole after the session has ended."""
    with open_store(root) as store:
        store.sync()
        there = datetime(2026, 2, 8, 11, tzinfo=timezone(timedelta(hours=1)))
        with store.session() as session:
            task, agent = session.exec(
                select(Task, Agent).where(Task.agent_id == Agent.id, Task.started_at == there)
            ).one()
    assert (task.id, task.started_at, agent.id) == (TASK, datetime(2026, 2, 8, 10, tzinfo=UTC), "agent-backend")
    assert task.started_at is not None
    assert task.started_at.tzinfo is UTC


def test_a_session_cannot_write(root: Path) -> None:
    """Neither a changed nor a new nor a deleted row gets into the database."""
    with open_store(root) as store:
        store.sync()
        with store.session() as session:
            session.get_one(Task, TASK).priority = "high"
            with pytest.raises(OperationalError, match="readonly"):
                session.commit()
        with store.session() as session:
            session.delete(session.get_one(Task, TASK))
            with pytest.raises(OperationalError, match="readonly"):
                session.flush()
        assert store.verify().differences == []


def test_a_session_sees_one_state_of_the_database(root: Path) -> None:
    """What is committed meanwhile is seen by the next session."""
    with open_store(root) as store:
        store.sync()
        with store.session() as session:
            assert session.exec(select(Task.status).where(Task.id == TASK)).one() == "completed"
            put(root / "session-1" / "backend.json", work("failed"))
            assert store.sync().rows.updated > 0
            assert session.exec(select(Task.status).where(Task.id == TASK)).one() == "completed"
        with store.session() as session:
            assert session.exec(select(Task.status).where(Task.id == TASK)).one() == "failed"


# --- the past


def test_history_tells_each_change_field_by_field(root: Path) -> None:
    """With the file and the generation that brought it about."""
    with open_store(root) as store:
        store.sync()
        put(root / "session-1" / "backend.json", work("failed"))
        store.sync()
        event = store.history("tasks", TASK)[-1]
        assert (event.op, event.path, event.generation) == ("u", "session-1/backend.json", 2)
        assert event.fields["status"] == ("completed", "failed")
        assert json.loads(json.dumps(event.as_json()))["fields"]["status"] == {"before": "completed", "after": "failed"}


def test_the_past_can_be_asked_for_a_table_a_row_and_a_session(root: Path) -> None:
    """Each as it was after the first sync; a datetime is as good as a text."""
    with open_store(root) as store:
        store.sync()
        first = datetime.now(UTC)
        put(root / "session-1" / "backend.json", work("failed"))
        store.sync()
        for when in (first, f"{first:%Y-%m-%dT%H:%M:%S.%f}+00:00", first.replace(tzinfo=None)):
            row = store.at(when, "tasks", row_id=TASK)
            assert (row.known, [each["status"] for each in row.rows["tasks"]]) == (True, ["completed"])
        table = store.at(first, "tasks")
        assert {each["id"]: each["status"] for each in table.rows["tasks"]} == {
            TASK: "completed", "task-session-2-frontend": "failed",
        }  # fmt: skip
        session = store.at(first, session="session-1")
        assert [each["status"] for each in session.rows["tasks"]] == ["completed"]
        now = store.at("now", "tasks", row_id=TASK)
        assert [each["status"] for each in now.rows["tasks"]] == ["failed"]


def test_what_is_not_known_of_the_past_is_said(root: Path) -> None:
    """Nothing before the first sync; and nothing of a session before its own."""
    with open_store(root) as store:
        store.sync("session-1")
        first = datetime.now(UTC)
        store.sync()
        before = store.at("2026-02-09 12:00", "tasks")
        assert (before.known, before.rows) == (False, {})
        assert before.since is not None
        then = store.at(first, "tasks")
        assert ([each["id"] for each in then.rows["tasks"]], then.unknown) == ([TASK], ("session-2",))
        assert not store.at(first, session="session-2").known


def test_a_time_without_a_zone_is_in_the_naive_zone(root: Path) -> None:
    """The same clock means another moment in another zone."""
    for zone, hour in {"UTC": 12, "Asia/Tokyo": 3}.items():
        with open_store(root, naive_timezone=zone) as store:
            store.sync()
            assert store.at("2026-02-09 12:00", "tasks").at == f"2026-02-09 {hour:02}:00:00"


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (lambda store: store.history("tasks; DROP TABLE tasks", TASK), "no history is kept of a table"),
        (lambda store: store.history("files", "x"), "no history is kept of a table 'files'"),
        (lambda store: store.history("tasks", "task-nobody"), "has no row 'task-nobody'"),
        (lambda store: store.at("yesterday", "tasks"), "'yesterday' is not a time"),
        (lambda store: store.at("2026-02-09", "nothing"), "no history is kept of a table 'nothing'"),
        (lambda store: store.at("2026-02-09"), "give a table"),
        (lambda store: store.at("2026-02-09", row_id=TASK), "give a table"),
        (lambda store: store.at("2026-02-09", "tasks", session="session-1"), "give a table"),
        (lambda store: store.at("2026-02-09", session="../session-1"), "workspace"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(question: object, said: str, root: Path) -> None:
    """The message says what is wrong, and the hint what could be asked."""
    with open_store(root) as store:
        store.sync()
        assert callable(question)
        with pytest.raises(ConfigError) as refusal:
            question(store)
    assert said in refusal.value.message
    assert refusal.value.hint


def test_a_store_may_be_on_a_server(tmp_path: Path) -> None:
    """The same calls work on PostgreSQL: rows come as the same objects, and the session cannot write."""
    with open_store(example(tmp_path / "state"), database=fresh_address()) as store:
        store.sync()
        assert not store.verify().differences
        assert store.at("now", "tasks").rows["tasks"]
        with store.session() as session:
            failed = session.exec(select(Task).where(Task.status == "failed")).all()
            assert {task.status for task in failed} == {"failed"}
            assert all(task.started_at is None or task.started_at.tzinfo for task in failed)
            session.add(Team(id="team-x", name="X"))
            with pytest.raises(SQLAlchemyError, match="read-only transaction"):
                session.commit()
