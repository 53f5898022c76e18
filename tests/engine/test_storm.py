"""Storms: a rebuild while many read and others write, one that is killed at any moment, and backups in between."""

import hashlib
import json
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from syncd.core.patience import Patience
from syncd.engine import Pass
from syncd.rebuild import rebuild
from syncd.verify import verify
from tests.audit import State, assert_checkpoints, assert_versions, audit, rows_of
from tests.command import call
from tests.processes import PATIENCE, ended, environment, start, syncd
from tests.workbench import Workbench
from tests.workload import write_workload

POLL_SECONDS = 0.02


def waited(condition: Callable[[], object]) -> None:
    """Wait until something holds."""
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(POLL_SECONDS)


def beside(call_text: str, *arguments: str | Path) -> subprocess.Popen[str]:
    """Start a function of this module in a process of its own; it begins with a line that says so."""
    text = f"from tests.engine.test_storm import *; {call_text}"
    process = subprocess.Popen(
        [sys.executable, "-c", text, *map(str, arguments)],
        env=environment(measured=False),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n", process.stderr and process.stderr.read()
    return process


PARENT = os.getppid()


def ended_by(stop: Path) -> bool:
    """Tell whether a process of ours is to end: it is told to, or whoever started it is gone."""
    return stop.exists() or os.getppid() != PARENT


def synced(root: Path, database: Path, sessions: int) -> list[str]:
    """Write so many sessions and sync them as files of long ago: the next sync trusts their stamps."""
    names = write_workload(root, sessions)
    with closing(Workbench(root, database)) as bench:
        bench.sync()
    return names


def impatient() -> Pass:
    """Return a pass that takes every absence at its word."""
    return Pass(accept_missing=True, patience=Patience(grace=0.0))


def hand_made(database: Path, *statements: str) -> None:
    """Change a database behind the back of syncd, in one transaction."""
    with closing(sqlite3.connect(database, timeout=PATIENCE)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


# Readers


PROCESSES, THREADS, ROUNDS = 5, 4, 5
READ_SESSIONS = 30
LONG_LOOKS = 20


def fingerprint(connection: sqlite3.Connection) -> str:
    """Return a digest of what one reader sees of all tables and of the schema."""
    digest = hashlib.sha256()
    for number, row in enumerate(connection.execute("SELECT * FROM sessions ORDER BY id")):
        if not number:
            for question in OVERALL:
                digest.update(repr(connection.execute(question).fetchall()).encode())
        parts = [connection.execute(question, row[:1]).fetchall() for question in A_SESSION]
        digest.update(repr((row, parts)).encode())
    return digest.hexdigest()


OVERALL = (
    "SELECT COUNT(*), MAX(seq) FROM changes",
    "SELECT type, name, sql FROM sqlite_master ORDER BY type, name",
    "SELECT COUNT(*), SUM(duration_seconds) FROM tasks t JOIN agents a ON a.id = t.agent_id",
    "SELECT id, agent_name, session_id FROM v_kanban ORDER BY id",
    "SELECT * FROM metrics ORDER BY id",
    "SELECT path, sha256, generation FROM files ORDER BY path",
)
A_SESSION = (
    "SELECT * FROM tasks WHERE session_id = ? ORDER BY id",
    "SELECT * FROM task_items WHERE session_id = ? ORDER BY id",
    "SELECT * FROM next_steps WHERE session_id = ? ORDER BY id",
)


@dataclass
class Reader:
    """One reader: what it saw, in the order in which it saw it."""

    database: Path
    stop: Path
    seen: list[str] = field(default_factory=list)
    polls: int = 0

    def connect(self) -> sqlite3.Connection:
        """Open the database as any reader does."""
        return sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, isolation_level=None)

    def look(self, connection: sqlite3.Connection) -> str:
        """Look once, in one transaction, and note what was seen if it is new."""
        own = not connection.in_transaction
        connection.execute("BEGIN" if own else "SELECT 1")
        found = fingerprint(connection)
        connection.execute("COMMIT" if own else "SELECT 1")
        self.polls += 1
        time.sleep(POLL_SECONDS)
        if [found] != self.seen[-1:]:
            self.seen.append(found)
        return found

    def always_anew(self) -> None:
        """Open a connection for each look."""
        while not ended_by(self.stop):
            with closing(self.connect()) as connection:
                self.look(connection)

    def with_one_connection(self) -> None:
        """Keep one connection, with its prepared statements."""
        with closing(self.connect()) as connection:
            while not ended_by(self.stop):
                self.look(connection)

    def with_an_open_cursor(self) -> None:
        """Stop half-way through a table, and go on after another look: the table is that of the first."""
        with closing(self.connect()) as connection:
            while not ended_by(self.stop):
                cursor = connection.execute("SELECT id, description FROM tasks ORDER BY id")
                first = cursor.fetchmany(20)
                before = self.look(connection)
                assert self.look(connection) == before
                rest = cursor.fetchall()
                assert len({row_id for row_id, _ in first + rest}) == len(first) + len(rest)

    def for_long(self) -> None:
        """Read the same in one transaction for as long as it lasts."""
        with closing(self.connect()) as connection:
            while not ended_by(self.stop):
                connection.execute("BEGIN")
                assert len({self.look(connection) for _ in range(LONG_LOOKS)}) == 1
                connection.execute("COMMIT")


WAYS = (Reader.always_anew, Reader.with_one_connection, Reader.with_an_open_cursor, Reader.for_long)


def read_all_the_time(database: str, stop: str) -> None:
    """Read in several threads until a file is there; print what each saw."""
    readers = [Reader(Path(database), Path(stop)) for _ in range(THREADS)]
    threads = [threading.Thread(target=way, args=(each,)) for way, each in zip(WAYS, readers, strict=True)]
    for thread in threads:
        thread.start()
    print("ready", flush=True)  # noqa: T201
    for thread in threads:
        thread.join()
    print(json.dumps([(each.polls, each.seen) for each in readers]))  # noqa: T201


def test_twenty_readers_see_the_old_database_or_the_new_one(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """While it is rebuilt again and again, nobody errs, misses a table, sees a mixture, or goes back in time."""
    root, database, stop = tmp_path / "state", tmp_path / "test.db", tmp_path / "stop"
    first, *_ = synced(root, database, READ_SESSIONS)
    states: list[str] = []

    def note() -> None:
        with closing(sqlite3.connect(database)) as connection:
            states.append(fingerprint(connection))

    note()
    request.addfinalizer(stop.touch)
    processes = [beside("read_all_the_time(*sys.argv[1:])", database, stop) for _ in range(PROCESSES)]
    for number in range(ROUNDS):
        if number % 2:
            (root / first / "backend.json").write_text(json.dumps({"status": "failed", "error": f"round {number}"}))
        else:
            hand_made(
                database,
                f"UPDATE tasks SET description = 'forged {number}'",  # noqa: S608
                "DELETE FROM task_items WHERE position = 1",
                "UPDATE sessions SET status = 'blocked'",
                "DROP VIEW v_llm_cost",
                "CREATE TABLE notes (text TEXT)",
            )
            note()
        with closing(Workbench(root, database)) as bench:
            done = rebuild([bench.source], bench.store, impatient())
        assert (done.corrected > 0) == (number % 2 == 0)
        note()
    stop.touch()
    assert len(set(states)) == len(states)
    polls = 0
    for process in processes:
        ran = ended(process)
        assert (ran.returncode, ran.stderr) == (0, "")
        for looks, seen in json.loads(ran.stdout):
            polls += looks
            order = [states.index(each) for each in seen]
            assert order == sorted(order)
            assert len(order) > 1
    print(f"{PROCESSES * THREADS} readers looked {polls:,} times at {len(states)} states")  # noqa: T201


# Kills


KILLED_SESSIONS = 100
SETTLING_SECONDS = 2.2
"""By then no stamp of the tree can repeat."""
SHARES, CYCLES, ALL_CYCLES = 2, 6, 25
IN_PLACE = "putting it in place"


@dataclass
class Killing:
    """Rebuilds of one database that are killed, and what each leaves."""

    root: Path
    database: Path
    rng: random.Random
    level: State
    whole: float = 0.0
    """Seconds that a whole rebuild takes at present."""
    last: float = 0.0
    """Seconds of them from the first word of putting it in place to the end."""
    outcomes: list[str] = field(default_factory=list)

    def tampered(self) -> State:
        """Change something that the rebuild will mend, and return the rows as they are then."""
        number = self.rng.randrange(10**6)
        hand_made(
            self.database,
            f"UPDATE tasks SET description = 'forged {number}' WHERE id LIKE '%{number % 10}-backend'",  # noqa: S608
            f"DELETE FROM next_steps WHERE session_id LIKE '%{number % 10}'",  # noqa: S608
            f"DELETE FROM task_items WHERE position = {number % 3}",  # noqa: S608
        )
        return rows_of(self.database)

    def measure(self) -> None:
        """Rebuild to the end, and note how long it takes."""
        self.tampered()
        begun = time.monotonic()
        process = start("rebuild", self.root, self.database, measured=False)
        heard = self.heard(process)
        done = ended(process)
        assert done.returncode == 0, done.stderr
        self.whole, self.last = time.monotonic() - begun, time.monotonic() - heard
        self.assert_mended()

    @staticmethod
    def heard(process: subprocess.Popen[str]) -> float:
        """Wait until the new database is being put in place, and return when that was."""
        assert process.stderr
        for line in process.stderr:
            if IN_PLACE in line:
                break
        return time.monotonic()

    def kill_once(self, *, late: bool) -> None:
        """Kill a rebuild, anywhere or while the new database is put in place, and look at what is left."""
        before = self.tampered()
        process = start("rebuild", self.root, self.database, measured=False)
        if late:
            self.heard(process)
        seconds = self.rng.uniform(0.0, self.last if late else self.whole)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        ran_out = process.poll() is not None
        process.send_signal(signal.SIGKILL)
        ended(process)
        left = self.assert_old_or_new(before)
        if ran_out:
            self.measure()  # that was no kill; it is quicker at present
        else:
            self.outcomes.append(f"{'late' if late else 'any'}: {left}")

    def assert_old_or_new(self, before: State) -> str:
        """Hold what is left to be the old database or the new one, whole; return which."""
        with closing(sqlite3.connect(self.database)) as connection:
            assert connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
            assert_checkpoints(connection, self.root)
            assert_versions(connection)
        found = rows_of(self.database)
        assert found in (before, self.level)
        with closing(Workbench(self.root, self.database)) as bench:
            assert bench.sync() == []  # what was left beside it does no harm
            drifted = {(each.table, each.row_id) for each in verify([bench.source], bench.store).differences}
        ids = {*before, *self.level}
        assert drifted == (
            {each for each in ids if before.get(each) != self.level.get(each)} if found == before else set()
        )
        return "old" if found == before else "new"

    def assert_mended(self) -> None:
        """Hold the database to its files; nothing of any rebuild is left beside it."""
        assert rows_of(self.database) == self.level
        verified = syncd("verify", self.root, self.database, measured=False)
        assert verified.returncode == 0, verified.stdout
        assert [path.name for path in self.database.parent.glob("*.rebuild*")] == []


def kill_again_and_again(folder: Path, cycles: int) -> None:
    """Kill rebuilds at moments over the whole of them, every second while the new database is put in place."""
    seed = random.SystemRandom().randrange(2**32)
    root, database = folder / "state", folder / "test.db"
    synced(root, database, KILLED_SESSIONS)
    waited(lambda: time.time() - max(path.stat().st_ctime for path in root.glob("*/*.json")) > SETTLING_SECONDS)
    killing = Killing(root, database, random.Random(seed), rows_of(database))
    begun = time.monotonic()
    killing.measure()
    for number in range(3 * cycles):
        if len(killing.outcomes) < cycles:
            killing.kill_once(late=number % 2 == 1)
    killing.measure()
    assert len(killing.outcomes) == cycles, "too many kills came too late"
    took = time.monotonic() - begun
    counted = {each: killing.outcomes.count(each) for each in sorted(set(killing.outcomes))}
    print(f"seed {seed}: {cycles} kills of {killing.whole:.2f} s in {took:.0f} s: {counted}")  # noqa: T201


@pytest.mark.parametrize("share", range(SHARES))
def test_a_rebuild_that_is_killed_leaves_the_old_database_or_the_new_one(tmp_path: Path, share: int) -> None:
    """After kill -9 the database is whole; what lies beside it does no harm, and the next rebuild removes it."""
    assert share in range(SHARES)
    kill_again_and_again(tmp_path, CYCLES)


@pytest.mark.soak
@pytest.mark.parametrize("share", range(SHARES))
def test_fifty_killed_rebuilds_leave_nothing_behind(tmp_path: Path, share: int) -> None:
    """Fifty times over all shares."""
    assert share in range(SHARES)
    kill_again_and_again(tmp_path, ALL_CYCLES)


# Full disks


def synced_and_forged(folder: Path, sessions: int = 40) -> tuple[Path, Path]:
    """Return root and database of some sessions; one row of each is forged, so that a rebuild has something to mend."""
    root, database = folder / "state", folder / "test.db"
    synced(root, database, sessions)
    hand_made(database, "UPDATE sessions SET phase = 'forged'")
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return root, database


def assert_whole(database: Path) -> None:
    """Hold a database to SQLite's promises."""
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert [path.name for path in database.parent.glob("*.rebuild*")] == []


def assert_room_was_missed(done: "subprocess.CompletedProcess[str]", database: Path, before: State) -> None:
    """Hold a failed rebuild to a clear message and to the old rows."""
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    error = done.stderr[done.stderr.index("error:") :]
    assert "cannot be used now: " in error
    assert len(error.splitlines()) == 2
    assert rows_of(database) == before


@pytest.mark.parametrize("share", [0.2, 0.6, 0.95, 1.5, 3.0])
def test_a_file_that_may_not_grow_leaves_the_old_database(tmp_path: Path, share: float) -> None:
    """With room for so many times its size, a rebuild ends well, or says what is wrong and changes nothing."""
    root, database = synced_and_forged(tmp_path)
    before, limit = rows_of(database), int(database.stat().st_size * share)
    process = subprocess.Popen(
        [sys.executable, "-m", "syncd", "rebuild", "--root", str(root), "--database", str(database)],
        env=environment(measured=False),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),  # noqa: PLW1509
    )
    done = ended(process)
    if done.returncode:
        assert share < 3
        assert_room_was_missed(done, database, before)
    else:
        assert share > 0.6
    assert_whole(database)
    assert syncd("rebuild", root, database).returncode == 0
    assert rows_of(database) != before
    assert syncd("verify", root, database).returncode == 0


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """Lend a file system of so many bytes."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("this user may not mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("share", [1.1, 1.6, 2.5, 3.3, 5.0])
def test_a_full_disk_leaves_the_old_database(tmp_path: Path, share: float) -> None:
    """On a file system of so many times its size, a rebuild ends well, or says what is wrong and changes nothing."""
    root, made = synced_and_forged(tmp_path)
    before = rows_of(made)
    with small_disk(tmp_path / "small", int(made.stat().st_size * share) + 65_536) as folder:
        database = Path(shutil.copy(made, folder / "test.db"))
        done = syncd("rebuild", root, database)
        if done.returncode:
            assert share < 5
            assert_room_was_missed(done, database, before)
            assert "Free some space on its disk" in done.stderr
        else:
            assert share > 1.6
        assert_whole(database)
        assert syncd("status", root, database).returncode in {0, 1}


# Writers


Files: TypeAlias = dict[str, str]


@dataclass
class Storm:
    """Somebody who edits and syncs all the time, and keeps every content by digest and every state that was synced."""

    bench: Workbench
    kept: Path
    rng: random.Random
    edits: dict[str, int] = field(default_factory=dict)
    """How many contents each file has had."""

    def write(self, path: str, document: object) -> None:
        """Put a new content in a file's place at once."""
        target = self.bench.root / path
        target.parent.mkdir(exist_ok=True)
        aside = target.with_name(f"{target.name}.tmp")
        aside.write_text(json.dumps(document))
        aside.rename(target)
        self.edits[path] = self.edits.get(path, 0) + 1

    def change(self, number: int) -> None:
        """Edit some files; now and then one is torn, leaves, or a session arrives."""
        sessions = sorted(path.name for path in self.bench.root.glob("session-*"))
        leaving = sorted(self.bench.root.glob("session-*/testing.json"))
        if number % 13 == 0 and leaving:  # alone: what leaves is let go in a transaction of its own
            self.rng.choice(leaving).unlink()
            return
        for session in self.rng.sample(sessions, self.rng.randint(1, 3)):
            document = {"status": "failed", "error": f"edit {number}", "metrics": {"edits": number}}
            self.write(f"{session}/{self.rng.choice(('backend', 'frontend', 'orchestrator'))}.json", document)
        if number % 5 == 0:
            self.write("data/leads.json", [{"id": str(n), "notes": f"edit {number}"} for n in range(number % 7)])
        if number % 9 == 0:
            self.write(f"session-new-{number}/vision.json", {"status": "done", "task": f"edit {number}"})

    def state(self) -> Files:
        """Return the digest of each file, and keep its content."""
        found = {}
        for path in self.bench.root.glob("*/*.json"):
            data = path.read_bytes()
            digest = found[str(path.relative_to(self.bench.root))] = hashlib.sha256(data).hexdigest()
            (self.kept / digest).write_bytes(data)
        return found


def write_all_the_time(root: str, database: str, kept: str, stop: str) -> None:
    """Edit and sync until a file is there; note each state, and at the end how often each file was edited."""
    with closing(Workbench(Path(root), Path(database))) as bench:
        storm = Storm(bench, Path(kept), random.Random(7), dict.fromkeys(files_of(Path(root)), 1))
        states = [storm.state()]
        print("ready", flush=True)  # noqa: T201
        while not ended_by(Path(stop)):
            storm.change(len(states))
            bench.sync(impatient())
            states.append(storm.state())
    Path(kept, "states.json").write_text(json.dumps({"states": states, "edits": storm.edits}))


def files_of(root: Path) -> list[str]:
    """Return the paths of all state files."""
    return [str(path.relative_to(root)) for path in root.glob("*/*.json")]


@dataclass
class Scene:
    """A root in which somebody writes and syncs all the time."""

    root: Path
    database: Path
    kept: Path

    def notes(self) -> dict[str, Any]:
        """Return what the writer noted."""
        return dict(json.loads((self.kept / "states.json").read_text()))


@contextmanager
def storm(folder: Path, sessions: int = 20) -> Iterator[Scene]:
    """Lend a root in which somebody writes and syncs all the time, until this is left."""
    scene, stop = Scene(folder / "state", folder / "test.db", folder / "kept"), folder / "stop"
    scene.kept.mkdir()
    synced(scene.root, scene.database, sessions)
    with ExitStack() as left:
        writer = beside("write_all_the_time(*sys.argv[1:])", scene.root, scene.database, scene.kept, stop)
        left.callback(writer.kill)
        yield scene
        stop.touch()
        done = ended(writer)
        assert (done.returncode, done.stderr) == (0, "")


def test_rebuilds_beside_a_writer_lose_nothing(tmp_path: Path) -> None:
    """Each content of each file that was synced is a generation, the log is whole, and all is level at the end."""
    with storm(tmp_path) as scene:
        for _ in range(5):
            done = syncd("rebuild", scene.root, scene.database, "--json")
            assert (done.returncode, done.stderr) == (0, "")
    notes = scene.notes()
    assert len(notes["states"]) > 10
    assert syncd("sync", scene.root, scene.database).returncode == 0
    assert syncd("verify", scene.root, scene.database).returncode == 0
    audit(scene.database, scene.root)
    with closing(sqlite3.connect(scene.database)) as connection:
        held = dict(connection.execute("SELECT path, generation FROM files").fetchall())
    assert held == {path: count for path, count in notes["edits"].items() if (scene.root / path).exists()}
    print(f"{len(notes['states'])} syncs beside 5 rebuilds")  # noqa: T201


def test_each_backup_in_a_storm_is_one_state_of_the_files(tmp_path: Path) -> None:
    """It opens alone, is whole, equals exactly one state that was synced, and is level with the files of that state."""
    backups = tmp_path / "backups"
    paths: list[Path] = []
    with storm(tmp_path) as scene:
        for _ in range(6):
            done = syncd("backup", scene.root, scene.database, "--to", str(backups), "--keep", "9", "--json")
            assert (done.returncode, done.stderr) == (0, "")
            paths.append(Path(json.loads(done.stdout)["path"]))
            assert backup_files(backups) == sorted(paths)
    states: list[Files] = scene.notes()["states"]
    assert all(one != other for one, other in pairwise(states))
    met = [state_in(path) for path in paths]
    assert [states.count(each) for each in met] == [1] * 6
    assert [states.index(each) for each in met] == sorted(states.index(each) for each in met)
    for number, (path, files) in enumerate(zip(paths, met, strict=True)):
        copy = tmp_path / f"copy-{number}"
        for name, digest in files.items():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(scene.kept / digest, copy / name)
        said = call("verify", "--root", copy, "--database", path)
        assert (said.code, said.err) == (0, ""), said.out
    print(f"{len(states)} states, backups of {[states.index(each) for each in met]}")  # noqa: T201


def backup_files(folder: Path) -> list[Path]:
    """Return what people see in a folder of backups."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def state_in(backup: Path) -> Files:
    """Return the digest of each file as a backup knows it, after a look at whether it is whole."""
    with closing(sqlite3.connect(f"file:{backup}?mode=ro", uri=True)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]
        return dict(connection.execute("SELECT path, sha256 FROM files").fetchall())
