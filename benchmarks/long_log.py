"""A log of half a year, written by the store that syncd writes with: ``long_log.py DATABASE REMEMBERED CHANGES SHAPE``.

``DATABASE`` is level with its files; ``REMEMBERED`` is where the tasks of some moments are put down as JSON.
"""

import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter

from syncd.core.moments import EPOCH, moment_text
from syncd.families.compound_state import Options, compound_state
from syncd.stores.sql import SqlStore
from syncd.stores.sqlite import SQLite
from syncd_models.schema import TABLES
from syncd_models.values import DEFAULT_WORKSPACE, Bundle, Change, Row, Step

SEED = 7
BATCH = 500
"""Changes a transaction, each of another row; in bursts also the tasks that are worked on at a time."""
DURATION = timedelta(days=180)
REMEMBERED = 4
WORDS = (
    ("pending", "pending"),
    ("running", "in_progress"),
    ("completed", "completed"),
    ("failed", "failed"),
    ("blocked", "blocked"),
)
"""What a file says, and what that is folded to."""
FINAL = {"completed", "failed", "blocked"}
COLUMNS = TABLES["tasks"].columns[:-1]
PLACES = {column: n for n, column in enumerate(COLUMNS)}
FAMILY = compound_state(Options())
GENERATIONS: Counter[str] = Counter()
"""How often each file was rewritten."""
SESSION, SOURCE = PLACES["session_id"], PLACES["source_path"]


@dataclass(slots=True)
class Clock:
    """Tells the time that it is set to."""

    at: datetime

    def __call__(self) -> datetime:
        """Return that time."""
        return self.at


def spread(ids: Sequence[str], changes: int, rng: random.Random) -> Iterator[Sequence[str]]:
    """Yield the rows of each transaction, chosen from all of them: the worst case for snapshots."""
    for start in range(0, changes, BATCH):
        yield rng.sample(ids, min(BATCH, changes - start, len(ids)))


def bursts(ids: Sequence[str], changes: int, rng: random.Random) -> Iterator[Sequence[str]]:
    """Yield the rows of each transaction: some sessions are worked on till they are finished, then the next ones."""
    for start in range(0, len(ids), BATCH):
        group = ids[start : start + BATCH]
        for _ in range(max(1, changes // len(ids))):
            yield rng.sample(group, len(group))


SHAPES: dict[str, Callable[[Sequence[str], int, random.Random], Iterable[Sequence[str]]]] = {
    "spread": spread,
    "bursts": bursts,
}


def rewritten(row: Row, at: str, rng: random.Random) -> Row:
    """Return a task as it is after its agent has rewritten the file."""
    raw, status = rng.choice(WORDS)
    ended = status in FINAL
    values = list(row)
    values[PLACES["status"]] = status
    values[PLACES["status_raw"]] = raw
    values[PLACES["updated_at"]] = at
    values[PLACES["completed_at"]] = at if ended else None
    values[PLACES["duration_seconds"]] = float(rng.randrange(30, 9_000)) if ended else None
    values[PLACES["error_message"]] = "no network" if status in {"failed", "blocked"} else None
    return tuple(values)


def write(database: str, remembered: str, changes: str, shape: str) -> dict[str, float]:
    """Write the changes, and return how many they were and the seconds that the store took."""
    rng = random.Random(SEED)
    file = SQLite(Path(database))
    clock = Clock(EPOCH)
    with closing(SqlStore(file, file.open(), clock)) as store:
        rows: dict[str, Row] = {row[0]: row[:-1] for row in store.query("SELECT * FROM tasks ORDER BY id")}
        batches = [*SHAPES[shape]([*rows], int(changes), rng)]
        begun = datetime.fromisoformat(store.log.last()[1])
        kept = {*rng.sample(range(len(batches)), min(REMEMBERED, len(batches)))}
        states = {moment_text(begun): [*rows.values()]}
        seconds = 0.0
        for n, ids in enumerate(batches):
            clock.at = begun + DURATION * (n + 1) / len(batches)
            seconds += commit(store, rows, ids, rng)
            if n in kept:
                states[store.log.last()[1]] = [*rows.values()]
    Path(remembered).write_text(json.dumps(states), encoding="utf-8")
    return {"seconds": seconds, "changes": sum(map(len, batches))}


def commit(store: SqlStore, rows: dict[str, Row], ids: Sequence[str], rng: random.Random) -> float:
    """Let these rows change in one transaction, and return the seconds that the store took."""
    at = store.moment()
    steps = []
    for row_id in ids:
        before, rows[row_id] = rows[row_id], rewritten(rows[row_id], at, rng)
        path = str(before[SOURCE])
        GENERATIONS[path] += 1
        change = Change("tasks", row_id, before, rows[row_id])
        bundle = Bundle(DEFAULT_WORKSPACE, str(before[SESSION]))
        steps.append(Step(bundle, changes=(change,), generations={path: GENERATIONS[path] + 1}))
    begun = perf_counter()
    store.apply(FAMILY, steps, "scan")
    return perf_counter() - begun


if __name__ == "__main__":
    print(json.dumps(write(*sys.argv[1:])))
