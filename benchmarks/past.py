"""The past of 10,000 tasks: how long it takes to ask for it, and what it takes on disk."""

import json
import random
import shutil
import sqlite3
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.figures import Figure, compared
from benchmarks.ground import Ground, Unexpected, ask, pages_in_use, say, used_bytes
from benchmarks.processes import run

SESSIONS = 2_500
"""Of four tasks each."""
TIMES = 20
"""Questions of a kind for each round asked for: they are short."""
LONG_LOG, ASKING = (str(Path(__file__).with_name(name)) for name in ("long_log.py", "asking.py"))
SHAPES = {"spread": "spread over all tasks", "bursts": "in bursts"}
INDEXES = "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'changes'"


@dataclass(frozen=True, slots=True)
class Log:
    """A database with a long change log."""

    database: Path
    name: str
    changes: int
    seconds: float
    """Taken by the store to write them."""
    taken: dict[str, list[float]]
    """Milliseconds of each question, asked of the open database."""


def past(ground: Ground) -> list[Figure]:
    """Measure questions about the past, of logs that the store itself wrote, and their size."""
    spread, bursts = logs(ground)
    return [
        *questions(spread), *table(spread), *commands(ground, spread), *questions(bursts), *table(bursts),
        *size(spread), *size(bursts),
    ]  # fmt: skip


def logs(ground: Ground) -> Iterator[Log]:
    """Yield a log of each shape, both begun by one cold sync of files."""
    root, begun = ground.place / "past", ground.place / "past.db"
    ground.written(root, SESSIONS)
    ground.cold(begun, root, SESSIONS)
    used_bytes(begun)  # leaves no journal, so that the file is all of the database
    for shape, name in SHAPES.items():
        database = begun.with_name(f"past-{shape}.db")
        shutil.copyfile(begun, database)
        yield made(ground, database, shape, f"{ground.changes:,} changes {name}")


def made(ground: Ground, database: Path, shape: str, name: str) -> Log:
    """Write a log, check it, and ask all that is asked of the open database."""
    say(f"past: writing {name}")
    remembered = database.with_suffix(".json")
    written = alone(ground, LONG_LOG, database, remembered, ground.changes, shape)
    logged = ask(database, "SELECT COUNT(*) FROM changes WHERE op <> 'r'")
    if logged != written["changes"]:
        raise Unexpected(f"{written['changes']} changes were made, and {logged} are in the log")
    used_bytes(database)
    say(f"past: asking about {name}")
    taken = alone(ground, ASKING, database, remembered, ground.runs * TIMES)
    remembered.unlink()
    in_ms = {what: [seconds * 1000 for seconds in each] for what, each in taken.items()}
    return Log(database, name, logged, written["seconds"], in_ms)


def alone(ground: Ground, script: str, *given: object) -> dict[str, Any]:
    """Run one of our scripts in a process of its own, and return what it found."""
    found: dict[str, Any] = json.loads(run([sys.executable, script, *map(str, given)], ground.place).output)
    return found


def questions(log: Log) -> list[Figure]:
    """Return what was asked about rows and sessions, and how fast the log was written."""
    return [
        Figure(f"{log.name}: written by the store", [log.changes / log.seconds], "/s"),
        Figure("every change of a row", log.taken["changes"], "ms", must=50),
        Figure("a row at a moment", log.taken["row"], "ms"),
        Figure("a session at a moment, all its tables", log.taken["session"], "ms"),
    ]


def table(log: Log) -> list[Figure]:
    """Return what was asked about all tasks, beside the bare rows of today and the walk through the whole log."""
    whole = log.taken["table"]
    return [
        Figure("SELECT * FROM tasks, by hand", log.taken["bare"], "ms"),
        Figure("all tasks at a moment", whole, "ms", must=100),
        compared("the same", whole, log.taken["bare"], "SELECT *", "ms"),
        compared(
            "all tasks at the beginning, without snapshots",
            log.taken["without snapshots"],
            [median(whole)],
            "at a moment",
            "ms",
        ),
    ]


def commands(ground: Ground, log: Log) -> list[Figure]:
    """Measure whole commands that ask the same, each about another row and another moment."""
    start_ups: list[float] = []
    taken: dict[str, list[float]] = defaultdict(list)
    for turn in ground.rounds("past: commands", 2):
        start_ups.append(ground.start_up() * 1000)
        row_id, at = chosen(log.database, turn)
        for more in (row_id,), ("--at", at):
            sample = ground.syncd("history tasks", ground.place / "past", log.database, *more, "--json")
            taken["--at TIME" if at in more else "ROW_ID"].append(sample.seconds * 1000)
    return [
        Figure("start-up: sync of an empty root", start_ups, "ms"),
        *(compared(f"history tasks {what} --json", each, start_ups, "start-up", "ms") for what, each in taken.items()),
    ]


def chosen(database: Path, turn: int) -> tuple[str, str]:
    """Return row and time of one entry of the log, another one each turn."""
    with closing(sqlite3.connect(database)) as connection:
        last = connection.execute("SELECT MAX(seq) FROM changes").fetchone()[0]
        seq = last - random.Random(turn).randrange(last - SESSIONS)
        row_id, at = connection.execute("SELECT row_id, at FROM changes WHERE seq = ?", (seq,)).fetchone()
        return row_id, at


def size(log: Log) -> list[Figure]:
    """Measure the bytes of an entry: what is in use less what is when that part is taken away."""
    found: list[Figure] = []
    with closing(sqlite3.connect(log.database, isolation_level=None)) as connection:
        indexes = [f"DROP INDEX {name}" for (name,) in connection.execute(INDEXES).fetchall()]
        parts = {"snapshots": ["DROP TABLE snapshots"], "indexes": indexes, "entries": ["DROP TABLE changes"]}
        before = whole = pages_in_use(connection)
        connection.execute("BEGIN")
        for part, statements in parts.items():
            for statement in statements:
                connection.execute(statement)
            before, least = pages_in_use(connection), before
            found.append(Figure(f"of that: {part}", [(least - before) / log.changes], "B"))
        connection.execute("ROLLBACK")
    return [Figure(f"{log.name}: size of one", [(whole - before) / log.changes], "B"), *found]
