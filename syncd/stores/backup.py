"""A dated copy of an SQLite database, made while others read and write."""

import os
import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from syncd.errors import StoreUnavailable
from syncd.stores.sqlite import SQLite, quoted, translated

DATE = "%Y-%m-%dT%H%M%SZ"
DATED = r"-\d{4}-\d\d-\d\dT\d{6}Z(-\d+)?"


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
    with translated(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        target = _free(folder, f"{database.path.stem}-{now.strftime(DATE)}", database.path.suffix)
        part = target.with_name(f".{target.name}.part")
        part.unlink(missing_ok=True)
        try:
            _copy(database, part)
            _check(part)
            part.rename(target)
        finally:
            for tail in ("", "-journal", "-wal", "-shm"):
                Path(f"{part}{tail}").unlink(missing_ok=True)
        _settle(folder)
        removed = _dated(database, folder)[:-keep]
        for path in removed:
            path.unlink()
        return Backup(target, target.stat().st_size, tuple(removed))


def _free(folder: Path, stem: str, suffix: str) -> Path:
    """Return a name that is not taken: two copies may be made in one second."""
    number, path = 1, folder / f"{stem}{suffix}"
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}{suffix}"
    return path


def _copy(database: SQLite, part: Path) -> None:
    """Copy all pages in one step, which is one moment of the database however many write meanwhile."""
    source = sqlite3.connect(f"file:{quoted(database.path)}?mode=ro", uri=True, timeout=5.0)
    with closing(source), closing(sqlite3.connect(part)) as target:
        source.backup(target)
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
