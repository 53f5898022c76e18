"""What is remembered: generations, versions, changes, and which files need not be read again."""

import json
import os
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from syncd import engine
from syncd.core.family import Past, Projection
from syncd.core.patience import Patience
from syncd.engine import Pass
from syncd.stores.sql import SqlStore
from syncd.verify import verify
from syncd_models.values import Bundle
from tests.audit import assert_log, assert_versions, state_of, walk_back
from tests.workbench import Workbench
from tests.workload import AGENTS, session, write_workload

PATH = "session-1/backend.json"
TASK = "task-session-1-backend"
A = '{"status": "running", "task": "A"}'
B = '{"status": "running", "task": "B"}'


def put(bench: Workbench, text: str, path: str = PATH) -> Path:
    """Write one file."""
    file = bench.root / path
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return file


def log(bench: Workbench, columns: str = "op, table_name, row_id") -> list[tuple[Any, ...]]:
    """Return entries of the change log in order."""
    return bench.store.query(f"SELECT {columns} FROM changes ORDER BY seq")  # noqa: S608


def checkpoint(bench: Workbench, path: str = PATH) -> dict[str, Any]:
    """Return the checkpoint of one file."""
    (found,) = bench.store.records("SELECT * FROM files WHERE path = ?", path)
    return found


def versions(bench: Workbench, path: str = PATH) -> list[int]:
    """Return the generations that are written down for a file."""
    return [n for (n,) in bench.store.query("SELECT generation FROM file_versions WHERE path = ? ORDER BY 1", (path,))]


def rev(bench: Workbench, table: str, row_id: str) -> int:
    """Return the ``synced_rev`` of a row."""
    ((found,),) = bench.store.query(f"SELECT synced_rev FROM {table} WHERE id = ?", (row_id,))  # noqa: S608
    return int(found)


# Generations


def test_a_content_that_returns_is_a_new_generation(bench: Workbench) -> None:
    """A, B, A are the generations 1, 2 and 3; a version is written down from the second on, then also the first."""
    written = []
    for text in (A, B, A):
        put(bench, text)
        bench.sync()
        written.append((checkpoint(bench)["generation"], versions(bench)))
    assert written == [(1, []), (2, [1, 2]), (3, [1, 2, 3])]
    found = bench.store.records("SELECT * FROM file_versions ORDER BY generation")
    assert found[0]["sha256"] == found[2]["sha256"] != found[1]["sha256"]
    assert [each["applied_at"] is None for each in found] == [True, False, False]
    assert all(each["lag_ms"] >= 0 for each in found[1:])


def test_a_refused_content_is_no_generation(bench: Workbench) -> None:
    """Good, bad, good are the generations 1 and 2; the refused digest is remembered with the checkpoint."""
    put(bench, A)
    bench.sync()
    put(bench, "{")
    bench.sync()
    refused = checkpoint(bench)
    assert (refused["state"], refused["generation"], versions(bench)) == ("quarantined", 1, [1])
    assert bench.sync() == []
    put(bench, B)
    bench.sync()
    assert (checkpoint(bench)["state"], checkpoint(bench)["generation"], versions(bench)) == ("ok", 2, [1, 2])


def test_rows_tell_the_generation_at_which_they_last_changed(bench: Workbench) -> None:
    """``synced_rev`` moves with the row and not with its file."""
    put(bench, '{"status": "running", "concerns": ["one", "two"]}')
    bench.sync()
    put(bench, '{"status": "running", "concerns": ["one", "other"]}')
    bench.sync()
    put(bench, '{"status": "failed", "concerns": ["one", "other"]}')
    bench.sync()
    assert rev(bench, "concerns", f"{TASK}/concern/0") == 1
    assert rev(bench, "concerns", f"{TASK}/concern/1") == 2
    assert rev(bench, "tasks", TASK) == 3
    assert rev(bench, "sessions", "session-1") == 3


# The change log


def test_the_first_read_of_a_session_is_one_entry(bench: Workbench) -> None:
    """It names the session, the cause and the time, and no row."""
    put(bench, '{"concerns": ["one"], "blockers": ["two"]}')
    bench.sync(Pass(cause="sync"))
    assert log(bench, "op, bundle, path, table_name, row_id, before, after, cause") == [
        ("r", "session-1", None, None, None, None, None, "sync")
    ]


def test_each_change_tells_what_changed_and_no_more(bench: Workbench) -> None:
    """A created row with all columns, an updated one with those that changed, a deleted one as it was."""
    put(bench, '{"status": "running", "concerns": ["one"]}')
    bench.sync()
    held = bench.rows()
    put(bench, '{"status": "failed", "blockers": ["two"]}')
    bench.sync()
    found = {
        (op, row): (json.loads(before or "null"), json.loads(after or "null"), path, generation)
        for op, row, before, after, path, generation in log(bench, "op, row_id, before, after, path, generation")
        if op != "r"
    }
    blocker, concern = f"{TASK}/blocker/0", f"{TASK}/concern/0"
    assert found.keys() == {("u", "session-1"), ("u", TASK), ("c", blocker), ("d", concern)}
    old, new, path, generation = found["u", TASK]
    assert old == {"status": "in_progress", "status_raw": "running", "error_message": None}
    assert new == {"status": "failed", "status_raw": "failed", "error_message": "two"}
    assert (path, generation) == (PATH, 2)
    assert found["c", blocker][:2] == (None, bench.rows()["blockers"][blocker])
    assert found["d", concern][:2] == (held["concerns"][concern], None)


def test_the_log_never_goes_back_in_time(bench: Workbench) -> None:
    """A clock that is set back, even by years, does not show in ``at``."""
    clock = [datetime(2026, 2, 8, 12)]  # noqa: DTZ001  naive UTC, as the store has it
    store = SqlStore(bench.store.database, bench.store.connection, lambda: clock[0])
    for number, moved in enumerate((0, -3600, 5, -1e9, 10)):
        put(bench, json.dumps({"task": f"{number}"}))
        clock[0] += timedelta(seconds=moved)
        engine.sync_all(bench.source, store, Pass())
    times = [at for (at,) in log(bench, "at")]
    assert len(times) == 5  # one first read, then the task alone
    assert times == sorted(times)
    assert set(times) == {"2026-02-08 12:00:00"}
    clock[0] = datetime(2026, 2, 8, 13, 0, 0, 500_000)  # noqa: DTZ001
    put(bench, A)
    engine.sync_all(bench.source, store, Pass())
    assert log(bench, "at")[-1] == ("2026-02-08 13:00:00.500000",)


def test_any_history_can_be_walked_back(bench: Workbench) -> None:
    """After every step of a random history, the log leads from today's rows back to those of each earlier step."""
    seed = random.SystemRandom().randrange(2**32)
    rng = random.Random(seed)
    print(f"seed {seed}")  # noqa: T201
    names = write_workload(bench.root, 4)
    bench.sync()
    connection = bench.store.connection
    past = []
    for number in range(40):
        name = rng.choice(names)
        rng.choice((rewrite, rewrite, spoil, drop, dissolve))(bench.root / name, number, rng)
        bench.sync(Pass(patience=Patience(0.05), accept_missing=True, mirror=rng.random() < 0.3))
        ((seq,),) = connection.execute("SELECT MAX(seq) FROM changes").fetchall()
        past.append((seq, state_of(connection)))
        assert_versions(connection)
    for seq, state in past:
        known = walk_back(connection, seq)
        assert known.items() <= state.items(), (seed, seq)
        later = connection.execute("SELECT DISTINCT bundle FROM changes WHERE op = 'r' AND seq > ?", (seq,)).fetchall()
        unknown = state.keys() - known.keys()
        assert {str(state[key]["source_path"]).partition("/")[0] for key in unknown} <= {name for (name,) in later}
    assert_log(connection)


def rewrite(folder: Path, number: int, rng: random.Random) -> None:
    """Write other contents into a session, as if it ran again."""
    folder.mkdir(exist_ok=True)
    index = int(folder.name.removeprefix("session-")) - 1_770_000_000
    _, files = session(index, seed=number)
    for name in rng.sample([*files], 3):
        (folder / name).write_bytes(files[name])


def spoil(folder: Path, number: int, rng: random.Random) -> None:
    """Tear one file."""
    folder.mkdir(exist_ok=True)
    (folder / f"{rng.choice(AGENTS)}.json").write_text(f'{{"torn": {number}')


def drop(folder: Path, number: int, rng: random.Random) -> None:
    """Remove one file."""
    del number
    (folder / f"{rng.choice(AGENTS)}.json").unlink(missing_ok=True)


def dissolve(folder: Path, number: int, rng: random.Random) -> None:
    """Remove a session."""
    del number, rng
    for path in folder.glob("*"):
        path.unlink()


# Metric points


def test_a_rewritten_file_adds_a_point_and_keeps_the_last(bench: Workbench) -> None:
    """Points are retained; the same bytes add none."""
    for minute in (1, 2, 2):
        put(bench, json.dumps({"updatedAt": f"2026-02-08T10:0{minute}:00Z", "metrics": {"tokens": minute}}))
        bench.sync()
    assert [row["metric_value"] for _, row in sorted(bench.rows()["metrics"].items())] == [1.0, 2.0]


def test_a_point_without_a_time_is_replaced_in_place(bench: Workbench) -> None:
    """There is one such point for each name, and the log knows what it was."""
    for tokens in (1, 2):
        put(bench, json.dumps({"metrics": {"tokens": tokens}}))
        bench.sync()
    assert [row["metric_value"] for row in bench.rows()["metrics"].values()] == [2.0]
    assert ("u", '{"metric_value":1.0}') in log(bench, "op, before")


# What need not be read again


def reads(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list to which the paths of decoded files are added."""
    found: list[str] = []
    read = bench.family.read

    def noted(path: str, data: bytes) -> Any:
        found.append(path)
        return read(path, data)

    family = replace(bench.family, read=noted)
    monkeypatch.setattr(bench, "source", replace(bench.source, family=family))
    return found


def test_files_at_rest_are_not_read_again(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sync that finds every stamp unchanged decodes nothing and writes nothing."""
    write_workload(bench.root, 3)
    bench.sync()
    before, read = bench.dump(), reads(bench, monkeypatch)
    assert (bench.sync(), read, bench.dump()) == ([], [], before)


def test_a_touched_file_is_restamped_without_a_change(bench: Workbench) -> None:
    """New stamps over the same bytes: the checkpoint moves, generation and log do not."""
    file = put(bench, A)
    bench.sync()
    before, entries = checkpoint(bench), log(bench)
    os.utime(file, ns=(1, 1_770_000_000_000_000_000))
    (step,) = bench.sync()
    assert step.changes == ()
    after = checkpoint(bench)
    assert after["mtime_ns"] == 1_770_000_000_000_000_000 != before["mtime_ns"]
    assert (after["generation"], after["sha256"], log(bench)) == (1, before["sha256"], entries)
    assert versions(bench) == []
    assert bench.sync() == []


def in_place(file: Path, text: str) -> None:
    """Overwrite a file of the same size and set its time back."""
    stamps = file.stat()
    assert len(text) == stamps.st_size
    with file.open("r+") as handle:
        handle.write(text)
    os.utime(file, ns=(stamps.st_atime_ns, stamps.st_mtime_ns))
    assert file.stat().st_mtime_ns == stamps.st_mtime_ns


def replaced(file: Path, text: str) -> None:
    """Rename another file of the same size and time over it."""
    stamps, other = file.stat(), file.with_suffix(".tmp")
    other.write_text(text)
    os.utime(other, ns=(stamps.st_atime_ns, stamps.st_mtime_ns))
    other.rename(file)


@pytest.mark.parametrize("write", [in_place, replaced])
def test_a_rewrite_with_the_old_size_and_time_is_found(bench: Workbench, write: Callable[[Path, str], None]) -> None:
    """The change time, which no writer can set, tells it."""
    file = put(bench, A)
    bench.sync()
    write(file, B)
    bench.sync()
    assert bench.rows()["tasks"][TASK]["description"] == "B"


def test_a_rewrite_within_the_same_instant_is_found_by_the_next_sync(bench: Workbench) -> None:
    """Stamps vouch for nothing that was read within two seconds of its last write, even when they are all equal."""
    bench.age = 0.0
    file = put(bench, A)
    bench.sync()
    assert bench.store.query("SELECT path FROM racy_files") == [(PATH,)]
    in_place(file, B)
    stamps = file.stat()  # a coarse clock: as if these had been the stamps of the first content, too
    bench.store.connection.execute(
        "UPDATE files SET ctime_ns = ?, mtime_ns = ?", (stamps.st_ctime_ns, stamps.st_mtime_ns)
    )
    bench.sync()
    assert bench.rows()["tasks"][TASK]["description"] == "B"
    assert checkpoint(bench)["generation"] == 2


def test_a_file_is_vouched_for_once_it_has_rested(bench: Workbench) -> None:
    """Two seconds after the last write one more read settles it; after that, none is needed."""
    bench.age = 0.0
    put(bench, A)
    bench.sync()
    bench.age = 3.0
    (step,) = bench.sync()
    assert step.settled == (PATH,)
    assert bench.store.query("SELECT path FROM racy_files") == []
    assert bench.sync() == []


# A new projection


def test_a_new_projection_reads_every_session_again(bench: Workbench) -> None:
    """A bumped version projects all bundles once more; only what comes out otherwise is a change."""
    write_workload(bench.root, 3)
    bench.sync()
    before = bench.rows()
    project = bench.family.project

    def shouting(bundle: Bundle, documents: Any, past: Past) -> Projection:
        found = project(bundle, documents, past)
        tasks = [(*row[:3], str(row[3]).upper(), *row[4:]) for row in found.rows.get("tasks", ())]
        return replace(found, rows={**found.rows, "tasks": tasks})

    bench.family = replace(bench.family, version=bench.family.version + 1, project=shouting)
    bench.source = replace(bench.source, family=bench.family)
    steps = bench.sync(Pass(cause="upgrade"))
    assert {step.bundle.name for step in steps} == {path.name for path in bench.root.iterdir()}
    after = bench.rows()
    for row_id, row in before["tasks"].items():
        assert after["tasks"][row_id] == row | {"description": row["description"].upper()}
    assert {(op, table, cause) for op, table, cause in log(bench, "op, table_name, cause") if op != "r"} == {
        ("u", "tasks", "upgrade")
    }
    assert {*bench.store.query("SELECT version, generation FROM files")} == {(bench.family.version, 1)}
    assert bench.sync() == []
    assert verify([bench.source], bench.store).differences == []


def test_an_id_that_two_sessions_come_to_claim_at_once_goes_to_one(bench: Workbench) -> None:
    """A known session that grows into the id of a new one does not write over its row: one file is refused."""
    known, new = bench.root / "session-1", bench.root / "session-1-2"
    known.mkdir()
    (known / "backend.json").write_text('{"status": "done"}')
    bench.sync()
    new.mkdir()
    (known / "2-backend.json").write_text('{"status": "done", "task": "the one"}')
    (new / "backend.json").write_text('{"status": "done", "task": "the other"}')
    bench.sync()
    [(path, reason)] = bench.store.query("SELECT path, reason FROM quarantine")
    owner = "session-1-2/backend.json" if path == "session-1/2-backend.json" else "session-1/2-backend.json"
    assert owner in reason
    assert bench.store.query("SELECT source_path FROM tasks WHERE id = 'task-session-1-2-backend'") == [(owner,)]
    assert bench.sync() == []
