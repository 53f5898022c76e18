"""Questions about the past, asked of an open database and timed from inside: ``asking.py DATABASE REMEMBERED ROUNDS``.

What was remembered while the log was written is compared first: a wrong answer is not worth timing.
"""

import json
import random
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import Any

from syncd import history
from syncd.core.moments import moment_text
from syncd.core.walk import Entry, walk_back
from syncd.families.compound_state import Options, compound_state
from syncd.stores.sql import SqlStore
from syncd.stores.sqlite import SQLite
from syncd_models.schema import TABLES
from syncd_models.values import DEFAULT_WORKSPACE, Bundle

SEED = 11
QUESTIONS = ("changes", "row", "session", "bare", "table")
FAMILY = compound_state(Options())
COLUMNS = TABLES["tasks"].columns[:-1]


@dataclass
class Asker:
    """An open database, and what can be asked about."""

    store: SqlStore
    bare: sqlite3.Connection
    rng: random.Random

    @cached_property
    def rows(self) -> list[str]:
        """Return the ids of all tasks."""
        return [row_id for (row_id,) in self.store.query("SELECT id FROM tasks")]

    @cached_property
    def sessions(self) -> list[str]:
        """Return the ids of all sessions."""
        return [row_id for (row_id,) in self.store.query("SELECT id FROM sessions")]

    @cached_property
    def span(self) -> tuple[datetime, datetime]:
        """Return the time when all was read first, and that of the last entry."""
        first = self.store.query("SELECT MAX(at) FROM changes WHERE op = 'r'")[0][0]
        return datetime.fromisoformat(first), datetime.fromisoformat(self.store.log.last()[1])

    def moment(self) -> str:
        """Return a time, any of the log's being as likely as another."""
        first, last = self.span
        return moment_text(first + (last - first) * self.rng.random()) or ""

    def question(self, name: str) -> Callable[[], object]:
        """Return a question of that name, about a row, a session or a moment chosen at random."""
        row_id, session, at = self.rng.choice(self.rows), self.rng.choice(self.sessions), self.moment()
        bundle = Bundle(DEFAULT_WORKSPACE, session)
        return {
            "changes": lambda: history.changes(self.store, "tasks", row_id),
            "row": lambda: history.row_at(self.store, FAMILY, "tasks", row_id, at),
            "session": lambda: history.session_at(self.store, FAMILY, bundle, at),
            "bare": lambda: self.bare.execute("SELECT * FROM tasks").fetchall(),
            "table": lambda: history.table_at(self.store, FAMILY, "tasks", at),
        }[name]

    def without_snapshots(self) -> dict[str, Any]:
        """Return the tasks as they were when all was read first, walked back through every entry of the log."""
        rows = {row[0]: dict(zip(COLUMNS, row, strict=False)) for row in self.store.query("SELECT * FROM tasks")}
        text = "SELECT row_id, op, before FROM changes WHERE table_name = 'tasks' ORDER BY seq DESC"
        return walk_back(rows, (Entry(*row) for row in self.store.query(text)))


def check(asker: Asker, states: dict[str, list[list[Any]]]) -> None:
    """Exit unless the tasks of each remembered moment are what was remembered, all at once and one of them alone."""
    for at, rows in states.items():
        row = asker.rng.choice(rows)
        table = history.table_at(asker.store, FAMILY, "tasks", at)
        alone = history.row_at(asker.store, FAMILY, "tasks", row[0], at)
        if values(table) != rows or values(alone) != [row]:
            sys.exit(f"the tasks at {at} are not what they were")


def values(moment: history.Moment) -> list[list[Any]]:
    """Return the values of each task of a moment."""
    return [[*row.values()] for row in moment.rows.get("tasks", ())]


def seconds(work: Callable[[], object]) -> float:
    """Return the seconds that something takes."""
    begun = perf_counter()
    work()
    return perf_counter() - begun


def ask(database: str, remembered: str, rounds: str) -> dict[str, list[float]]:
    """Ask everything once a round, and return the seconds of each answer."""
    file = SQLite(Path(database))
    store = SqlStore(file, file.open_readonly(), datetime.now)
    with closing(store), closing(sqlite3.connect(file.path)) as bare:
        asker = Asker(store, bare, random.Random(SEED))
        check(asker, json.loads(Path(remembered).read_text(encoding="utf-8")))
        found: dict[str, list[float]] = {name: [] for name in QUESTIONS}
        for _ in range(int(rounds)):
            for name, taken in found.items():
                taken.append(seconds(asker.question(name)))
        return found | {"without snapshots": [seconds(asker.without_snapshots)]}


if __name__ == "__main__":
    print(json.dumps(ask(*sys.argv[1:])))
