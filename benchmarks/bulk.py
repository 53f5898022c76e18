"""Everything at once: filling a database, proving it, and what that takes."""

from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from benchmarks.figures import MIB, Figure, compared
from benchmarks.ground import Ground, Unexpected, ask, say, used_bytes
from benchmarks.processes import Sample
from tests.workload import FILES_A_SESSION

CHANGED_AT_ONCE = 500


class Round(NamedTuple):
    """What was run once each, one after the other."""

    start_up: float
    limit: dict[str, float]
    cold: Sample
    verify: Sample

    @property
    def work(self) -> float:
        """Return the seconds of the cold sync, less start-up."""
        return self.cold.seconds - self.start_up


@lru_cache(maxsize=1)
def rounds(ground: Ground) -> list[Round]:
    """Run the rounds that several figures are taken from."""
    return [one_round(ground) for _ in ground.rounds("cold, limit, verify")]


def one_round(ground: Ground) -> Round:
    """Start on nothing, work by hand, sync, verify: each on a new database."""
    finished = ground.finished
    with ground.database() as database:
        start_up = ground.syncd("sync", ground.empty, database).seconds
    with ground.database() as database:
        limit = ground.by_hand("limit", ground.root, finished, database)
    if limit["files"] != ground.files:
        raise Unexpected(f"the limit read {limit['files']} of {ground.files} files")
    with ground.database() as database:
        cold = ground.cold(database)
        return Round(start_up, limit, cold, ground.syncd("verify", ground.root, database))


def cold(ground: Ground) -> list[Figure]:
    """Measure a cold sync, less start-up, against the same rows written by hand."""
    found = rounds(ground)
    work = [each.work for each in found]
    by_hand = [each.limit["seconds"] for each in found]
    return [
        Figure("the limit, by hand", by_hand, "s"),
        Figure("start-up: sync of an empty root", [each.start_up for each in found], "s"),
        Figure("cold sync, whole process", [each.cold.seconds for each in found], "s"),
        replace(compared("cold sync, less start-up", work, by_hand, "the limit"), must=2.5, aim=1.5),
        Figure("files a second", [ground.files / seconds for seconds in work], "/s"),
        Figure("rows a second", [each.limit["rows"] / each.work for each in found], "/s"),
    ]


def memory(ground: Ground) -> list[Figure]:
    """Measure the most memory that a cold sync holds."""
    peaks = [each.cold.peak_bytes / MIB for each in rounds(ground)]
    found = [Figure(f"peak memory of a cold sync, {ground.files:,} files", peaks, "MiB", must=120)]
    if ground.large:
        say(f"memory: {ground.large:,} sessions, once")
        root = ground.place / "large"
        ground.written(root, ground.large)
        with ground.database() as database:
            peak = ground.cold(database, root, ground.large).peak_bytes / MIB
        name = f"the same, {ground.large * FILES_A_SESSION:,} files"
        ratios = [peak / each for each in peaks]
        found.append(Figure(name, [peak], "MiB", ratios, f"{ground.files:,} files", must=1.3))
    return found


def verify(ground: Ground) -> list[Figure]:
    """Measure the proof of every row, against the cold sync that wrote it."""
    found = rounds(ground)
    proofs = [each.verify.seconds for each in found]
    beside = [each.cold.seconds for each in found]
    return [replace(compared("verify", proofs, beside, "cold sync"), must=1.5, aim=1.0)]


def others(ground: Ground) -> list[Figure]:
    """Measure how scripts do it: the same rows, a row a statement, one commit a session, WAL as here."""
    limits: list[float] = []
    scripts: list[float] = []
    for _ in ground.rounds("limit, a commit a session"):
        for what, seconds in (("limit", limits), ("sessions", scripts)):
            with ground.database() as database:
                seconds.append(ground.by_hand(what, ground.root, ground.finished, database)["seconds"])
    return [compared("sqlite3 by hand, a commit a session", scripts, limits, "the limit")]


def size(ground: Ground) -> list[Figure]:
    """Measure what the database takes on disk: after a cold sync, and for each change entry after that."""
    files = ground.files
    with ground.database() as database:
        ground.cold(database)
        used = used_bytes(database)
        rows = ask(database, "SELECT COUNT(*) FROM changes")
        entries: list[float] = []
        rewritten: list[float] = []
        names = ground.names[:CHANGED_AT_ONCE]
        last = used
        for turn in ground.rounds(f"size: {len(names)} files rewritten"):
            ground.rewrite(names, turn)
            ground.syncd("sync", ground.root, database)
            now, logged = used_bytes(database), ask(database, "SELECT COUNT(*) FROM changes")
            if logged == rows:
                raise Unexpected("files were rewritten, and no change was logged")
            entries.append((now - last) / (logged - rows))
            rewritten.append((now - last) / len(names))
            last, rows = now, logged
    return [
        compared("database, a file", [used / files], [ground.files_bytes / files], "the file itself", "B"),
        Figure("growth, a change entry", entries, "B"),
        Figure("growth, a rewritten file", rewritten, "B"),
    ]
