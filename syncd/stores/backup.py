"""A dated copy of an SQLite database, made while others read and write."""

import errno
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from syncd.errors import StoreUnavailable
from syncd.stores.locks import FileLock
from syncd.stores.sqlite import SQLite, quoted, unless_busy

DATE = "%Y-%m-%dT%H%M%SZ"
DATED = r"-\d{4}-\d\d-\d\dT\d{6}Z(-\d+)?"

ASK = "May this user write there? Choose another folder with --to"
ROOM = "Is there room on that disk? Free some, or choose another folder with --to"
WAIT = "Another program keeps the database locked: try again when it has finished"
RUIN = "The database is damaged: `syncd verify` and `syncd rebuild` tell more"
FAILURES = dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), ROOM)
SQLITE_FAILURES = {
    sqlite3.SQLITE_FULL: ROOM,
    sqlite3.SQLITE_IOERR: ROOM,
    sqlite3.SQLITE_BUSY: WAIT,
    sqlite3.SQLITE_LOCKED: WAIT,
    sqlite3.SQLITE_CORRUPT: RUIN,
    sqlite3.SQLITE_NOTADB: RUIN,
}


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy that was checked, and the older ones that gave way to it."""

    path: Path
    size_bytes: int
    removed: tuple[Path, ...]


def backup(database: SQLite, folder: Path, keep: int, now: datetime) -> Backup:
    """Copy the database as it is at one moment into a folder, check the copy, and keep so many of the newest.

    The copy is one file without journals; ``now`` is UTC. Raises StoreUnavailable, and leaves no half of a copy.
    """
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        with FileLock(folder / f".{database.path.name}.lock").held():  # two at once would share a name
            return _backup(database, folder, keep, now)


def _backup(database: SQLite, folder: Path, keep: int, now: datetime) -> Backup:
    target = _free(folder, f"{database.path.stem}-{now.strftime(DATE)}", database.path.suffix)
    part = folder / f".{database.path.name}.part"
    try:
        _discard(part)  # what a run left that was killed
        part.touch(mode=0o600)
        _copy(database, part)
        _check(part)
        shutil.copymode(database.path, part)
        part.rename(target)
    finally:
        _discard(part)
    _settle(folder)
    others = [path for path in _dated(database, folder) if path != target]
    removed = others[: max(len(others) - keep + 1, 0)]  # the new one stays, whatever the clock said when
    for path in removed:
        path.unlink()
    return Backup(target, target.stat().st_size, tuple(removed))


def _discard(part: Path) -> None:
    for tail in ("", "-journal", "-wal", "-shm"):
        Path(f"{part}{tail}").unlink(missing_ok=True)


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Say of whatever goes wrong that there is no backup, and what to do."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise StoreUnavailable(f"no backup was made in {folder}: {why}", _remedy(error)) from error


def _remedy(error: sqlite3.Error | OSError) -> str:
    if isinstance(error, OSError):
        said = FAILURES.get(error.errno or 0, ASK)
    else:
        said = SQLITE_FAILURES.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, ASK)  # the rest only says where
    return f"{said}; the older backups stay."


def _free(folder: Path, stem: str, suffix: str) -> Path:
    """Return a name that is not taken: two copies may be made in one second, and the later one counts on."""
    pattern = re.compile(re.escape(stem) + r"(?:-(\d+))?" + re.escape(suffix))
    taken = [int(found[1] or 1) for path in folder.iterdir() if (found := pattern.fullmatch(path.name))]
    return folder / (f"{stem}-{max(taken) + 1}{suffix}" if taken else f"{stem}{suffix}")


def _copy(database: SQLite, part: Path) -> None:
    """Copy all pages in one step, which is one moment of the database however many write meanwhile."""
    source = sqlite3.connect(f"file:{quoted(database.path)}?mode=ro", uri=True, timeout=5.0)
    with closing(source), closing(sqlite3.connect(part)) as target:
        source.backup(target, progress=unless_busy())
        target.execute("PRAGMA journal_mode=DELETE")


def _check(part: Path) -> None:
    with closing(sqlite3.connect(f"file:{quoted(part)}?mode=ro", uri=True)) as copy:
        found = [line for (line,) in copy.execute("PRAGMA quick_check")]
    if found != ["ok"]:
        hint = "The older backups stay. `syncd rebuild` makes the database anew from the files."
        raise StoreUnavailable(f"the copy is damaged ({found[0]}), so it was not kept", hint)
    handle = os.open(part, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _settle(folder: Path) -> None:
    """Make the new name outlast a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _dated(database: SQLite, folder: Path) -> list[Path]:
    """Return the backups of this database that lie in a folder, oldest first; nothing else there is touched."""
    name = re.compile(re.escape(database.path.stem) + DATED + re.escape(database.path.suffix))
    found = [path for path in folder.iterdir() if name.fullmatch(path.name) and path.is_file()]
    return sorted(found, key=lambda path: _order(path.stem.removeprefix(database.path.stem)))


def _order(dated: str) -> tuple[str, int]:
    """Return the date, and the number within its second."""
    date, _, number = dated.partition("Z")
    return date, int(number[1:] or 1)
