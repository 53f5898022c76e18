"""What is gone from the disk: archived, taken along or held back, and never lost by mistake."""

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from syncd import engine
from syncd.core.patience import Patience
from syncd.core.reconcile import Group
from syncd.engine import Pass
from syncd.errors import ConfigError, SourceUnavailable
from syncd.stores.sql import SqlStore
from syncd.verify import verify
from syncd_models.values import Bundle
from tests.audit import walk_back
from tests.processes import syncd
from tests.workbench import Rows, Workbench
from tests.workload import FILES_A_SESSION, write_workload

GRACE = 0.4


def quick(grace: float = GRACE) -> Pass:
    """Return a pass that is certain of an absence after a short while."""
    return Pass(patience=Patience(grace))


def without(rows: Rows, column: str) -> Rows:
    """Return rows less one column."""
    return {
        table: {row_id: {name: value for name, value in row.items() if name != column} for row_id, row in found.items()}
        for table, found in rows.items()
    }


def archived(bench: Workbench) -> list[str]:
    """Return the ids of archived sessions."""
    return [row for (row,) in bench.store.query("SELECT id FROM sessions WHERE archived_at IS NOT NULL ORDER BY id")]


def changes(bench: Workbench, op: str) -> list[tuple[str, str]]:
    """Return table and row id of the log's entries of one kind."""
    text = "SELECT table_name, row_id FROM changes WHERE op = ? ORDER BY seq"
    return [(table, row_id) for table, row_id in bench.store.query(text, (op,))]


def differences(bench: Workbench) -> list[object]:
    """Return what verify finds."""
    return [*verify([bench.source], bench.store).differences]


# A session directory that is gone


def test_a_deleted_session_is_archived_with_all_its_rows(bench: Workbench) -> None:
    """Its rows stay as they were, but for ``archived_at``, and the log says when."""
    first, *_ = write_workload(bench.root, 3)
    bench.sync()
    before = bench.rows()
    shutil.rmtree(bench.root / first)
    (step,) = bench.sync()
    assert step.archived
    assert without(bench.rows(), "archived_at") == without(before, "archived_at")
    assert archived(bench) == [first]
    assert changes(bench, "u") == [("sessions", first)]
    assert bench.store.query("SELECT path FROM files WHERE path LIKE ?", (f"{first}/%",)) == []
    assert bench.sync() == []
    assert differences(bench) == []


def test_a_session_that_comes_back_is_alive_again(bench: Workbench) -> None:
    """The rows are what its files say; nothing tells the interruption but the log."""
    first, *_ = write_workload(bench.root, 2)
    bench.sync()
    before = bench.rows()
    shutil.move(bench.root / first, bench.root.parent / "aside")
    bench.sync()
    assert archived(bench) == [first]
    shutil.move(bench.root.parent / "aside", bench.root / first)
    bench.sync()
    assert bench.rows() == before
    assert changes(bench, "u") == [("sessions", first), ("sessions", first)]
    assert differences(bench) == []
    walk_back(bench.store.connection)


def test_a_session_whose_other_files_stay_is_archived_too(bench: Workbench) -> None:
    """What is left in the directory is no state file, so nothing of the session is left."""
    first, *_ = write_workload(bench.root, 2)
    (bench.root / first / "notes.md").write_text("stays")
    bench.sync()
    for path in (bench.root / first).glob("*.json"):
        path.unlink()
    bench.sync()
    assert archived(bench) == [first]


def test_a_strict_mirror_deletes_a_session_that_is_gone(bench: Workbench) -> None:
    """Every row of it leaves, metric points too, each logged with what it was; when it returns, it is read as new."""
    first, *_ = write_workload(bench.root, 2)
    bench.sync()
    before = bench.rows()
    shutil.move(bench.root / first, bench.root.parent / "aside")
    bench.sync(Pass(mirror=True))
    left = bench.rows()
    assert first not in left["sessions"]
    assert all(
        not (row["source_path"] or "").startswith(f"{first}/") for each in left.values() for row in each.values()
    )
    deleted = {(table, row_id) for table, rows in before.items() for row_id in rows if row_id not in left[table]}
    assert {*changes(bench, "d")} == deleted
    assert differences(bench) == []
    walk_back(bench.store.connection)
    shutil.move(bench.root.parent / "aside", bench.root / first)
    bench.sync(Pass(mirror=True))
    assert bench.rows() == before


def test_the_setting_for_a_strict_mirror_is_obeyed(tmp_path: Path) -> None:
    """``--on-missing delete`` reaches the engine."""
    root, database = tmp_path / "state", tmp_path / "test.db"
    first, *_ = write_workload(root, 2)
    assert syncd("sync", root, database).returncode == 0
    shutil.rmtree(root / first)
    done = syncd("sync", root, database, "--on-missing", "delete", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["rows"]["deleted"] > FILES_A_SESSION
    assert syncd("show", root, database, first).returncode == 2


# Files that leave


@pytest.mark.parametrize("grace", [GRACE, 2.0])
def test_a_session_removed_file_by_file_is_archived_as_it_was(tmp_path: Path, grace: float) -> None:
    """While a slow removal goes on, syncs in a loop take no row away; at its end the session is archived whole."""
    with closing(Workbench(tmp_path / "state", tmp_path / "test.db", age=0.0)) as bench:
        first, *_ = write_workload(bench.root, 2)
        bench.sync()
        before = bench.rows()

        def remove() -> None:
            for path in sorted((bench.root / first).iterdir()):
                path.unlink()
                time.sleep(0.2)
            (bench.root / first).rmdir()

        thread = threading.Thread(target=remove)
        thread.start()
        passes = 0
        while thread.is_alive() or not archived(bench):
            bench.sync(quick(grace))
            passes += 1
            assert without(bench.rows(), "archived_at") == without(before, "archived_at")
            assert passes < 1000
        thread.join()
        assert archived(bench) == [first]
        assert changes(bench, "d") == []


def test_a_file_that_leaves_a_living_session_takes_its_rows_along(bench: Workbench) -> None:
    """Not at the first look, but at a second one; the log keeps all columns. Metric points are retained."""
    first, *_ = write_workload(bench.root, 2)
    bench.sync()
    before = bench.rows()
    gone = f"{first}/backend.json"
    (bench.root / gone).unlink()
    run = Pass()
    engine.sync([Bundle("default", first)], bench.source, bench.store, run)
    assert [step.leaving for step in run.doubtful.values()] == [(gone,)]
    assert bench.rows() == before
    assert changes(bench, "d") == []
    run = quick()
    bench.sync(run)
    assert run.leaving == []
    left = {
        table: {row_id for row_id, row in rows.items() if row["source_path"] == gone}
        for table, rows in bench.rows().items()
    }
    assert {table for table, rows in left.items() if rows} == {"metrics"}
    assert ("tasks", f"task-{first}-backend") in changes(bench, "d")
    ((kept,),) = bench.store.query("SELECT before FROM changes WHERE op = 'd' AND table_name = 'tasks'")
    assert json.loads(kept) == before["tasks"][f"task-{first}-backend"]
    assert bench.store.query("SELECT generation FROM file_versions WHERE path = ?", (gone,)) == [(1,)]
    assert differences(bench) == []
    walk_back(bench.store.connection)


def test_one_sync_is_certain_of_a_file_that_left(tmp_path: Path) -> None:
    """A single ``syncd sync`` looks twice, two seconds apart, before it lets rows go."""
    root, database = tmp_path / "state", tmp_path / "test.db"
    first, *_ = write_workload(root, 2)
    assert syncd("sync", root, database).returncode == 0
    (root / first / "backend.json").unlink()
    begun = time.monotonic()
    done = syncd("sync", root, database, "--json")
    assert time.monotonic() - begun >= 2.0
    assert done.returncode == 0
    report = json.loads(done.stdout)
    assert report["leaving"] == []
    assert report["rows"]["deleted"] > 0
    assert syncd("verify", root, database).returncode == 0


def test_a_file_moved_away_and_back_loses_nothing(bench: Workbench) -> None:
    """A file that is back before the second look has never been gone."""
    first, *_ = write_workload(bench.root, 2)
    bench.sync()
    before = bench.rows()
    path, aside = bench.root / first / "backend.json", bench.root / "aside"
    path.rename(aside)
    timer = threading.Timer(0.6, aside.rename, [path])
    timer.start()
    run = Pass()
    bench.sync(run)
    timer.join()
    assert (run.leaving, bench.rows()) == ([], before)
    assert (changes(bench, "d"), changes(bench, "u")) == ([], [])
    assert bench.sync() == []


def test_a_file_that_returns_counts_its_generations_on(bench: Workbench) -> None:
    """The content that comes back after a removal is the next generation."""
    first, *_ = write_workload(bench.root, 2)
    bench.sync()
    before = bench.rows()
    path, aside = bench.root / first / "backend.json", bench.root / "aside"
    path.rename(aside)
    bench.sync(quick())
    aside.rename(path)
    bench.sync(quick())
    assert bench.rows() == before
    text = "SELECT generation FROM file_versions WHERE path = ? ORDER BY 1"
    assert bench.store.query(text, (f"{first}/backend.json",)) == [(1,), (2,)]


# Roots that are gone, or not what they were

MANY = 40


@pytest.fixture
def synced(tmp_path: Path) -> tuple[Path, Path]:
    """Lend a root and a database that knows it."""
    root, database = tmp_path / "state", tmp_path / "test.db"
    write_workload(root, MANY)
    assert syncd("sync", root, database).returncode == 0
    return root, database


def most_of(root: Path) -> list[Path]:
    """Return 95 % of the session directories."""
    return sorted(root.iterdir())[: MANY * 95 // 100]


def empty(root: Path) -> None:
    """Remove all that is in a root."""
    for path in root.iterdir():
        shutil.rmtree(path)


def thin(root: Path) -> None:
    """Remove most of a root."""
    for path in most_of(root):
        shutil.rmtree(path)


def exchange(root: Path) -> None:
    """Put another, empty directory where the root was, as an unmounted disk does."""
    root.rename(root.with_name("unmounted"))
    root.mkdir()


def substitute(root: Path) -> None:
    """Put another tree where the root was."""
    root.rename(root.with_name("unmounted"))
    write_workload(root, 3, first=1000)


@pytest.mark.parametrize(
    ("befalls", "why", "missing"),
    [
        (empty, "no session is left", MANY),
        (thin, "38 of 40 sessions are gone at once", 38),
        (exchange, "the root is not the directory that it was", MANY),
        (substitute, "the root is not the directory that it was", MANY),
    ],
)
def test_a_root_that_lost_its_sessions_removes_nothing(
    synced: tuple[Path, Path], befalls: Callable[[Path], None], why: str, missing: int
) -> None:
    """The sync says why and exits with 1, ``status`` says it too, and ``--accept-missing`` lets it through."""
    root, database = synced
    befalls(root)
    for setting in ("archive", "delete"):
        held = syncd("sync", root, database, "--on-missing", setting)
        assert held.returncode == 1
        assert f"nothing was removed: {why}" in held.stderr
        assert f"{missing} session(s) are missing" in held.stderr
        assert "syncd sync --accept-missing" in held.stderr
        status = syncd("status", root, database, "--json")
        report = json.loads(status.stdout)
        assert (status.returncode, report["healthy"], report["archived"]) == (1, False, 0)
        assert sum(report["sessions"].values()) >= MANY
        assert any(why in problem and "--accept-missing" in problem for problem in report["problems"])
    accepted = syncd("sync", root, database, "--accept-missing", "--json")
    assert accepted.returncode == 0
    assert len(json.loads(accepted.stdout)["archived"]) == missing
    report = json.loads(syncd("status", root, database, "--json").stdout)
    assert (report["healthy"], report["archived"]) == (True, missing)
    assert syncd("sync", root, database).returncode == 0
    assert syncd("verify", root, database).returncode == 0


def test_a_root_that_gets_its_sessions_back_is_healthy_again(synced: tuple[Path, Path]) -> None:
    """The brake lets go by itself once nothing is missing."""
    root, database = synced
    exchange(root)
    assert syncd("sync", root, database).returncode == 1
    root.rmdir()
    root.with_name("unmounted").rename(root)
    assert syncd("sync", root, database).returncode == 0
    assert syncd("status", root, database).returncode == 0
    assert syncd("verify", root, database).returncode == 0


def vanish(root: Path) -> None:
    """Rename the root."""
    root.rename(root.with_name("elsewhere"))


def harden(root: Path) -> None:
    """Put a file where the root was."""
    vanish(root)
    root.write_text("no directory")


@pytest.mark.parametrize("befalls", [vanish, harden])
def test_a_root_that_cannot_be_read_removes_nothing(synced: tuple[Path, Path], befalls: Callable[[Path], None]) -> None:
    """The sync names the root and exits with 4, even when told to accept what is missing."""
    root, database = synced
    befalls(root)
    for more in ((), ("--accept-missing",), ("session-1770000000",)):
        done = syncd("sync", root, database, *more)
        assert done.returncode == 4
        assert str(root) in done.stderr
        assert "Point --root at" in done.stderr
    assert syncd("verify", root, database).returncode == 4
    report = json.loads(syncd("status", root, database, "--json").stdout)
    assert (report["archived"], sum(report["sessions"].values())) == (0, MANY)


def test_a_renamed_root_is_known_by_its_identity(bench: Workbench, tmp_path: Path) -> None:
    """The same directory under a new path is the same root; another one under a bound name is refused."""
    write_workload(bench.root, 2)
    bench.sync()
    vanish(bench.root)
    with closing(Workbench(bench.root.with_name("elsewhere"), bench.database)) as moved:
        assert moved.sync() == []
        assert moved.store.workspaces()["default"][0] == moved.source.name
    with closing(Workbench(tmp_path / "foreign", bench.database)) as other:
        write_workload(other.root, 2, first=50)
        with pytest.raises(ConfigError, match="belongs to the root"):
            other.sync()
    assert archived(bench) == []


def test_a_restored_copy_of_a_root_takes_its_place(bench: Workbench) -> None:
    """Where nothing is missing, another directory with the same sessions is taken for the root from then on."""
    write_workload(bench.root, 2)
    bench.sync()
    before = bench.rows()
    bench.root.rename(bench.root.with_name("old"))
    shutil.copytree(bench.root.with_name("old"), bench.root)
    run = Pass()
    bench.sync(run)
    assert (run.held_back, bench.rows()) == (None, before)
    first = min(path.name for path in bench.root.iterdir())
    shutil.rmtree(bench.root / first)
    bench.sync()
    assert archived(bench) == [first]


@pytest.mark.parametrize("replaced", [False, True])
def test_a_root_that_goes_while_a_sync_waits_removes_nothing(bench: Workbench, replaced: bool) -> None:  # noqa: FBT001
    """A root that is unmounted between two looks at a doubtful file takes no session along."""
    first, *_ = write_workload(bench.root, 2)
    bench.sync()
    (bench.root / first / "backend.json").unlink()

    def unmount() -> None:
        vanish(bench.root)
        if replaced:
            bench.root.mkdir()

    timer = threading.Timer(0.3, unmount)
    timer.start()
    with pytest.raises(SourceUnavailable):
        bench.sync(quick(grace=0.8))
    timer.join()
    assert (archived(bench), changes(bench, "d")) == ([], [])


class Vanishing(SqlStore):
    """A store whose question for what is held gives the disk the time to go away."""

    root: Path

    def stamps(self, workspace: str, version: int) -> Iterator[Group]:
        """Take the root away once the scan has passed, before anything is read."""
        yield from super().stamps(workspace, version)
        exchange(self.root)


def test_a_root_that_goes_between_scan_and_read_removes_nothing(bench: Workbench) -> None:
    """A session that was there at the scan and is not at the read is judged at the next sync."""
    first, *_ = write_workload(bench.root, 3)
    bench.sync()
    (bench.root / first / "backend.json").write_text('{"status": "failed"}')
    store = Vanishing(bench.store.database, bench.store.connection, bench.store._now)  # noqa: SLF001
    store.root = bench.root
    engine.sync_all(bench.source, store, Pass())
    assert archived(bench) == []
    run = Pass()
    bench.sync(run)
    assert run.held_back == "the root is not the directory that it was"
    assert archived(bench) == []


def test_two_sessions_may_go_when_a_third_has_come(bench: Workbench) -> None:
    """Where a session is left, a few that are gone are archived."""
    gone = write_workload(bench.root, 2)
    bench.sync()
    empty(bench.root)
    write_workload(bench.root, 1, first=10)
    run = Pass()
    bench.sync(run)
    assert run.held_back is None
    assert archived(bench) == gone


def test_the_only_session_may_go(bench: Workbench) -> None:
    """One session that is gone is no mass removal."""
    gone = write_workload(bench.root, 1)
    bench.sync()
    empty(bench.root)
    bench.sync()
    assert archived(bench) == gone


# Which root may judge


def test_a_root_does_not_judge_another_workspace(bench: Workbench) -> None:
    """What is missing in one workspace is nothing to a sync of the other."""
    with closing(Workbench(bench.root.with_name("web"), bench.database, "web")) as web:
        names = write_workload(bench.root, 3)
        write_workload(web.root, 3)
        bench.sync()
        web.sync()
        shutil.rmtree(bench.root / names[0])
        shutil.rmtree(web.root / names[1])
        web.sync()
        assert archived(bench) == [f"web/{names[1]}"]
        bench.sync()
        assert archived(bench) == [names[0], f"web/{names[1]}"]
        assert verify([bench.source, web.source], bench.store).differences == []


# Sessions that are named


def test_a_named_session_that_is_gone_is_archived(bench: Workbench) -> None:
    """Only what is named is judged."""
    names = write_workload(bench.root, 5)
    bench.sync()
    shutil.rmtree(bench.root / names[0])
    shutil.rmtree(bench.root / names[1])
    bench.sync_some([names[0]])
    assert archived(bench) == [names[0]]


def test_the_last_session_may_be_named_when_it_is_gone(bench: Workbench) -> None:
    """A database of one session lets it go when it is named."""
    names = write_workload(bench.root, 1)
    bench.sync()
    empty(bench.root)
    bench.sync_some(names)
    assert archived(bench) == names


def test_naming_many_missing_sessions_meets_the_brake(bench: Workbench) -> None:
    """More than ten named and more than half of all: held back, unless accepted."""
    names = write_workload(bench.root, 20)
    bench.sync()
    for name in names[:12]:
        shutil.rmtree(bench.root / name)
    run = Pass()
    bench.sync_some(names[:12], run)
    assert run.held_back == "12 of 20 sessions are gone at once"
    assert archived(bench) == []
    bench.sync_some(names[:12], Pass(accept_missing=True))
    assert archived(bench) == names[:12]


def test_naming_one_session_under_an_empty_root_meets_the_brake(bench: Workbench) -> None:
    """An empty root says nothing about the one that is named, either."""
    names = write_workload(bench.root, 4)
    bench.sync()
    empty(bench.root)
    run = Pass()
    bench.sync_some(names[:1], run)
    assert run.held_back == "no session is left"
    assert archived(bench) == []


def test_a_name_that_nobody_knows_is_an_error(bench: Workbench) -> None:
    """A session that is not there and never was is refused before anything is written."""
    names = write_workload(bench.root, 1)
    with pytest.raises(ConfigError, match="there was none"):
        bench.sync_some([*names, "session-none"])
    assert bench.rows()["sessions"] == {}


def test_a_refused_session_that_left_is_forgotten_when_it_is_named(bench: Workbench) -> None:
    """A session that never gave a row leaves the quarantine with its directory."""
    write_workload(bench.root, 2)
    torn = bench.root / "session-torn"
    torn.mkdir()
    (torn / "backend.json").write_text("{")
    bench.sync()
    assert bench.store.query("SELECT path FROM quarantine") == [("session-torn/backend.json",)]
    shutil.rmtree(torn)
    bench.sync_some(["session-torn"])
    assert bench.store.query("SELECT path FROM quarantine") == []
    assert not bench.store.knows(bench.family, Bundle("default", "session-torn"))
