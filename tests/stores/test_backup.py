"""A backup is one whole file of one moment, with a date in its name; what goes wrong is said and costs no older one."""

import os
import resource
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from syncd.errors import StoreUnavailable
from syncd.stores import sqlite
from syncd.stores.backup import Backup, backup
from syncd.stores.sqlite import SQLite
from tests.processes import PATIENCE, ended, environment
from tests.workbench import Workbench
from tests.workload import write_workload

NOW = datetime(2026, 2, 8, 10, 0, 7, 123456)  # noqa: DTZ001  naive UTC, as the store wants it


@pytest.fixture
def made(bench: Workbench) -> Workbench:
    """Lend a database with rows in it."""
    write_workload(bench.root, 3)
    bench.sync()
    return bench


def back_up(bench: Workbench, folder: Path, keep: int = 3, seconds: int = 0) -> Backup:
    """Back up the database of a workbench, so many seconds later."""
    return backup(SQLite(bench.database), folder, keep, NOW + timedelta(seconds=seconds))


def names(folder: Path) -> list[str]:
    """Return what people see in a folder."""
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def dump(path: Path) -> list[str]:
    """Return all that a database holds, as SQL."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return [*connection.iterdump()]


def test_a_backup_holds_everything(made: Workbench, tmp_path: Path) -> None:
    """Rows, schema and our mark, also of what only stands in the journal yet; the database is as it was."""
    made.store.bind("web", "/web", (1, 2))
    assert made.store.database.size("-wal") > 0
    before = dump(made.database)
    done = back_up(made, tmp_path / "deep" / "backups")
    assert dump(done.path) == before == dump(made.database)
    assert (done.size_bytes, done.removed) == (done.path.stat().st_size, ())
    with closing(SQLite(done.path).open()) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_a_backup_is_one_file_with_the_date_in_its_name(made: Workbench, tmp_path: Path) -> None:
    """It needs no journal, now or when it is read."""
    folder = tmp_path / "backups"
    done = back_up(made, folder)
    assert done.path == folder / "test-2026-02-08T100007Z.db"
    assert names(folder) == [done.path.name]
    dump(done.path)
    assert [path.name for path in folder.rglob("*") if path.name.endswith(("-wal", "-shm", "-journal", ".part"))] == []
    with closing(sqlite3.connect(done.path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_whoever_may_not_read_the_database_may_not_read_its_backup(made: Workbench, tmp_path: Path) -> None:
    """The copy has the permissions of the database."""
    for mode in (0o600, 0o640, 0o644):
        made.database.chmod(mode)
        assert stat.S_IMODE(back_up(made, tmp_path / "backups").path.stat().st_mode) == mode


# Keeping


def test_the_newest_are_kept(made: Workbench, tmp_path: Path) -> None:
    """So many of them, and those that gave way are named, oldest first."""
    folder = tmp_path / "backups"
    paths = [back_up(made, folder, 9, seconds).path for seconds in range(5)]
    done = back_up(made, folder, 2, 100)
    assert done.removed == tuple(paths[:4])
    assert names(folder) == [paths[4].name, done.path.name]


def test_several_in_one_second_are_kept_apart(made: Workbench, tmp_path: Path) -> None:
    """They are numbered, and the tenth is newer than the ninth."""
    folder = tmp_path / "backups"
    paths = [back_up(made, folder, 99).path for _ in range(11)]
    assert [path.name for path in paths[:2]] == ["test-2026-02-08T100007Z.db", "test-2026-02-08T100007Z-2.db"]
    assert len(set(paths)) == 11
    assert back_up(made, folder, 3, 1).removed == tuple(paths[:9])


FOREIGN = (
    "notes.txt",
    "test.db",
    "test-2026-02-08.db",
    "test-2026-02-08T100000Z.db.gz",
    "test-2026-02-08T100000Z.sqlite",
    "test-2026-02-08T100000Z-mine.db",
    "my-test-2020-02-08T100000Z.db",
    "test-2020-02-08T100000Z-2020-02-08T100000Z.db",
    "Test-2020-02-08T100000Z.db",
    "test-2020-02-08T100000Z\n.db",
)


def test_what_else_lies_in_the_folder_is_left_alone(made: Workbench, tmp_path: Path) -> None:
    """Other files, other databases' backups, and directories that are named like one."""
    folder = tmp_path / "backups"
    folder.mkdir()
    for name in FOREIGN:
        (folder / name).write_text("mine")
    (folder / "test-2020-02-08T100000Z.db").mkdir()
    other = SQLite(tmp_path / "test-2.db")
    other.open().close()
    kept = backup(other, folder, 1, NOW - timedelta(days=1)).path
    for seconds in range(4):
        done = back_up(made, folder, 1, seconds)
    assert names(folder) == sorted([*FOREIGN, "test-2020-02-08T100000Z.db", kept.name, done.path.name])
    assert all((folder / name).read_text() == "mine" for name in FOREIGN)


def test_the_one_just_made_is_never_removed(made: Workbench, tmp_path: Path) -> None:
    """Not where the clock was set back, and not where many are made in one second."""
    folder = tmp_path / "backups"
    later = back_up(made, folder, 1, 3600)
    done = back_up(made, folder, 1)
    assert done.removed == (later.path,)
    for _ in range(4):
        before, done = done, back_up(made, folder, 2)
        assert names(folder) == sorted([before.path.name, done.path.name])


def test_an_older_backup_of_the_same_name_is_never_overwritten(made: Workbench, tmp_path: Path) -> None:
    """Whatever it holds."""
    folder = tmp_path / "backups"
    folder.mkdir()
    older = folder / "test-2026-02-08T100007Z.db"
    older.write_text("older")
    assert back_up(made, folder).path.name == "test-2026-02-08T100007Z-2.db"
    assert older.read_text() == "older"


def test_backups_at_the_same_time_are_all_whole(made: Workbench, tmp_path: Path) -> None:
    """Eight at once in one second give eight files, each with everything."""
    folder = tmp_path / "backups"
    done: list[Path] = []
    threads = [threading.Thread(target=lambda: done.append(back_up(made, folder, 99).path)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(done)) == 8
    wanted = dump(made.database)
    assert all(dump(path) == wanted for path in done)
    assert len(names(folder)) == 8


def test_a_backup_beside_a_writer_is_of_one_moment(made: Workbench, tmp_path: Path) -> None:
    """Of two tables that change together, no backup has one without the other; no writer waits for it."""
    with made.store.transaction() as connection:
        connection.execute("CREATE TABLE one (n INTEGER)")
        connection.execute("CREATE TABLE two (n INTEGER)")
    stop = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(made.database, isolation_level=None)) as connection:
            while not stop.is_set():
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("INSERT INTO one VALUES (1)")
                connection.execute("INSERT INTO two VALUES (1)")
                connection.execute("COMMIT")

    thread = threading.Thread(target=write)
    thread.start()
    try:
        paths = [back_up(made, tmp_path / "backups", 99).path for _ in range(10)]
    finally:
        stop.set()
        thread.join()
    counts = []
    for path in paths:
        with closing(sqlite3.connect(path)) as connection:
            one, two = connection.execute("SELECT (SELECT COUNT(*) FROM one), (SELECT COUNT(*) FROM two)").fetchone()
            assert one == two
            counts.append(one)
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]


# What goes wrong


@pytest.fixture
def kept(made: Workbench, tmp_path: Path) -> Iterator[Path]:
    """Lend a folder with one backup, which must outlast whatever happens."""
    folder = tmp_path / "backups"
    done = back_up(made, folder, 1)
    before = done.path.read_bytes()
    yield folder
    assert done.path.read_bytes() == before
    assert names(folder) == [done.path.name]
    assert [path.name for path in folder.glob(".*") if not path.name.endswith(".lock")] == []


def test_a_damaged_database_is_not_backed_up(made: Workbench, kept: Path) -> None:
    """What the check of the copy finds is said, and no older backup gives way."""
    made.store.query("PRAGMA wal_checkpoint(TRUNCATE)")
    made.close()
    data = bytearray(made.database.read_bytes())
    page = int.from_bytes(data[16:18])
    data[page * 20 : page * 40] = os.urandom(page * 20)
    made.database.write_bytes(data)
    with pytest.raises(StoreUnavailable) as said:
        back_up(made, kept, 1, 5)
    assert "damaged" in f"{said.value.message} {said.value.hint}"
    assert "syncd rebuild" in said.value.hint


def test_a_database_that_another_keeps_for_itself_is_said_to_be_locked(
    made: Workbench, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is waited for, and not for ever."""
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.05)
    made.close()
    with closing(sqlite3.connect(made.database, isolation_level=None)) as holder:
        holder.execute("PRAGMA locking_mode=EXCLUSIVE")
        holder.execute("BEGIN IMMEDIATE")
        holder.execute("DELETE FROM runs")
        holder.execute("COMMIT")
        with pytest.raises(StoreUnavailable, match=r"no backup was made in .*: database is locked") as said:
            back_up(made, kept, 1, 5)
    assert "try again" in said.value.hint


def test_a_file_where_the_folder_should_be_is_said(made: Workbench, tmp_path: Path) -> None:
    """It stays as it is."""
    place = tmp_path / "backups"
    place.write_text("mine")
    for folder in (place, place / "deeper"):
        with pytest.raises(StoreUnavailable, match=f"no backup was made in {folder}") as said:
            back_up(made, folder)
        assert "--to" in said.value.hint
    assert place.read_text() == "mine"


def test_a_file_that_may_not_grow_is_no_backup(made: Workbench, kept: Path) -> None:
    """As on a full disk: the half is removed, and the message says what to do."""
    text = (
        "import sys; from datetime import datetime; from pathlib import Path\n"
        "from syncd.errors import SyncdError; from syncd.stores.backup import backup\n"
        "from syncd.stores.sqlite import SQLite\n"
        "try: backup(SQLite(Path(sys.argv[1])), Path(sys.argv[2]), 1, datetime(2026, 3, 1))\n"
        "except SyncdError as error: sys.exit(f'{error.message} | {error.hint}')\n"
    )
    limit = made.database.stat().st_size // 2
    done = ended(
        subprocess.Popen(
            [sys.executable, "-c", text, made.database, kept],
            env=environment(measured=False),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),  # noqa: PLW1509
        )
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"no backup was made in {kept}: ")
    assert "Free some, or choose another folder with --to; the older backups stay." in done.stderr


def test_a_full_disk_keeps_the_older_backup(made: Workbench, tmp_path: Path) -> None:
    """There is room for one and a half: the first is still there, the half is not."""
    folder = tmp_path / "small"
    folder.mkdir()
    size = int(made.database.stat().st_size * 1.5)
    line = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(line, check=False, capture_output=True).returncode:
        pytest.skip("this user may not mount a file system")
    try:
        first = back_up(made, folder, 1)
        with pytest.raises(StoreUnavailable, match=f"no backup was made in {folder}: .*full") as said:
            back_up(made, folder, 1, 5)
        assert "Free some" in said.value.hint
        assert names(folder) == [first.path.name]
        assert dump(first.path) == dump(made.database)
    finally:
        subprocess.run(["umount", folder], check=True)


def test_what_a_killed_backup_left_is_removed_by_the_next(made: Workbench, kept: Path) -> None:
    """Wherever it was: after ``kill -9`` there is no file that looks like a backup and is none."""
    for tail in ("", "-journal", "-wal"):
        (kept / f".{made.database.name}.part{tail}").write_bytes(b"half")
    done = back_up(made, kept, 9, 5)
    assert dump(done.path) == dump(made.database)
    assert [path.name for path in kept.glob(".*") if not path.name.endswith(".lock")] == []
    done.path.unlink()


KILLS = 8


def test_a_killed_backup_leaves_nothing_that_looks_like_one(made: Workbench, tmp_path: Path) -> None:
    """Each file with a date is whole, at whatever moment the program was killed."""
    with made.store.transaction() as connection:
        connection.execute("CREATE TABLE large (data BLOB)")
        connection.executemany("INSERT INTO large VALUES (zeroblob(1000000))", [()] * 40)
    folder = tmp_path / "others"
    text = (
        "import sys; from datetime import datetime; from pathlib import Path\n"
        "from syncd.stores.backup import backup; from syncd.stores.sqlite import SQLite\n"
        "print('ready', flush=True)\n"
        "while True: backup(SQLite(Path(sys.argv[1])), Path(sys.argv[2]), 3, datetime(2026, 3, 1))\n"
    )
    for number in range(KILLS):
        process = subprocess.Popen(
            [sys.executable, "-c", text, made.database, folder],
            env=environment(measured=False),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        try:
            process.wait(0.05 * number)
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate(timeout=PATIENCE)
        for path in folder.iterdir() if folder.is_dir() else ():
            if not path.name.startswith("."):
                with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
                    assert connection.execute("SELECT COUNT(*) FROM large").fetchone() == (40,)
    back_up(made, folder, 2)
    assert len(names(folder)) == 2
    shutil.rmtree(folder)
