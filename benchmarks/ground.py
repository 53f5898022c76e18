"""What is measured upon: the trees, the databases, and the commands that run on them."""

import json
import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.processes import SYNCD, Sample, run
from tests.workload import FILES_A_SESSION, session, write_workload

SEED = 7
AGENT_BYTES = 1500
SETTLING_SECONDS = 2.2
"""By then no stamp of the tree can repeat, so that syncd trusts all of them."""
BY_HAND = str(Path(__file__).with_name("by_hand.py"))
SIX = "import click, pydantic, sqlmodel, structlog, tenacity, watchdog.observers"


class Unexpected(Exception):
    """A command ended well, and did not do what was to be measured."""


class Ground:
    """A temporary folder with a tree of so many sessions."""

    def __init__(self, place: Path, sessions: int, runs: int, large: int | None, changes: int) -> None:
        """Write the tree, and give it the time to settle."""
        self.place = place
        self.runs = runs
        self.large = large
        self.changes = changes
        self.root = place / "state"
        self.empty = place / "empty"
        self.empty.mkdir()
        self.names = self.written(self.root, sessions)
        self._databases = 0

    def written(self, root: Path, sessions: int) -> list[str]:
        """Write a tree and return the names of its sessions."""
        say(f"writing {sessions * FILES_A_SESSION:,} files")
        names = write_workload(root, sessions, seed=SEED, size=AGENT_BYTES)
        os.sync()
        time.sleep(SETTLING_SECONDS)
        return names

    @property
    def files(self) -> int:
        """Count the files of the tree."""
        return len(self.names) * FILES_A_SESSION

    @cached_property
    def files_bytes(self) -> int:
        """Add up the bytes of the tree as it was written."""
        written = (session(n, SEED, AGENT_BYTES)[1] for n in range(len(self.names)))
        return sum(len(data) for files in written for data in files.values())

    @cached_property
    def finished(self) -> Path:
        """Return a database that is level with the tree; making it also warms every cache."""
        path = self.place / "finished.db"
        self.cold(path)
        self.by_hand("walk", self.root)
        self.syncd("verify", self.root, path)
        return path

    @cached_property
    def nothing(self) -> Path:
        """Return a database that is level with the empty root: a sync there is start-up and no more."""
        path = self.place / "nothing.db"
        self.syncd("sync", self.empty, path)
        return path

    @contextmanager
    def database(self) -> Iterator[Path]:
        """Lend a path where no database is yet, and clear it away afterwards."""
        self._databases += 1
        name = f"database-{self._databases}.db"
        try:
            yield self.place / name
        finally:
            for path in self.place.glob(f"{name}*"):
                path.unlink()

    def rounds(self, what: str, times: int = 1) -> Iterator[int]:
        """Count the rounds; in each, everything that is compared is run once."""
        total = self.runs * times
        for n in range(total):
            say(f"{what}: round {n + 1} of {total}")
            yield n

    def syncd(self, command: str, root: Path, database: Path, *more: str) -> Sample:
        """Run a command of syncd on a tree."""
        given = [*command.split(), *more, "--root", str(root), "--database", str(database)]
        return run([*SYNCD, *given], self.place)

    def cold(self, database: Path, root: Path | None = None, sessions: int | None = None) -> Sample:
        """Sync a whole tree into a new database."""
        sample = self.syncd("sync", root or self.root, database)
        held = ask(database, "SELECT COUNT(*) FROM sessions")
        if held != (sessions or len(self.names)):
            raise Unexpected(f"a cold sync left {held} sessions, and said:\n{sample.output}")
        return sample

    def start_up(self) -> float:
        """Return the seconds of a sync that has nothing to look at."""
        return self.syncd("sync", self.empty, self.nothing).seconds

    def by_hand(self, what: str, *paths: Path) -> dict[str, float]:
        """Do the work by hand, in a process of its own that times itself."""
        found: dict[str, float] = json.loads(run([sys.executable, BY_HAND, what, *map(str, paths)], self.place).output)
        return found

    def imports(self) -> float:
        """Return the seconds of a process that imports the six libraries."""
        return run([sys.executable, "-c", SIX], self.place).seconds

    def rewrite(self, names: list[str], turn: int) -> None:
        """Let an agent of each session finish one more item, as agents do: a whole file at once."""
        for name in names:
            path = self.root / name / "backend.json"
            document = json.loads(path.read_text(encoding="utf-8"))
            document["completedTasks"].append({"id": f"more-{turn}", "description": "one more item", "duration": 60})
            document["metrics"]["tokens"] += 1000
            document["updatedAt"] = f"2026-06-01T00:{turn // 60 % 60:02d}:{turn % 60:02d}Z"
            text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
            beside = path.with_suffix(".tmp")
            beside.write_text(text, encoding="utf-8")
            beside.replace(path)
        time.sleep(SETTLING_SECONDS)

    @contextmanager
    def changing(self, sessions: int) -> Iterator[None]:
        """Raise Unexpected unless what runs meanwhile changes so many sessions of the finished database."""
        last = ask(self.finished, "SELECT COALESCE(MAX(seq), 0) FROM changes")
        yield
        changed = ask(self.finished, "SELECT COUNT(DISTINCT bundle) FROM changes WHERE seq > ?", last)
        if changed != sessions:
            raise Unexpected(f"{changed} sessions changed in the database, and {sessions} in the files")


def ask(database: Path, text: str, *values: Any) -> int:
    """Return the one number that a question has for an answer."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return int(connection.execute(text, values).fetchone()[0])


def used_bytes(database: Path) -> int:
    """Return the bytes of the pages in use, once the journal is in the file."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return pages_in_use(connection)


def pages_in_use(connection: sqlite3.Connection) -> int:
    """Return the bytes of the pages in use."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def say(text: str) -> None:
    """Tell how far we are, apart from the figures."""
    print(f"bench: {text}", file=sys.stderr, flush=True)
