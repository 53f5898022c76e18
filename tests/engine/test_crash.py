"""Killed at any moment, nothing is lost and nothing is half there."""

import random
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.audit import audit
from tests.processes import ended, start, syncd
from tests.workload import FILES_A_SESSION, write_workload

SESSIONS = 2000
SETTLING_SECONDS = 2.2
"""By then no stamp of the tree can repeat."""
SHARES, CYCLES, ALL_CYCLES = 2, 10, 50


@pytest.fixture(scope="module")
def tree() -> Iterator[Path]:
    """Lend a tree of 12,000 files, written once."""
    with TemporaryDirectory() as folder:
        root = Path(folder, "state")
        write_workload(root, SESSIONS)
        time.sleep(SETTLING_SECONDS)
        yield root


def cold_seconds(tree: Path, database: Path) -> float:
    """Measure a cold sync that nobody disturbs, from the start of the process to its end."""
    begun = time.monotonic()
    assert ended(start("sync", tree, database, measured=False)).returncode == 0
    return time.monotonic() - begun


def killed_sync(tree: Path, database: Path, seconds: float) -> bool:
    """Kill a cold sync after so many seconds; return whether it was still at work."""
    process = start("sync", tree, database, measured=False)
    try:
        time.sleep(seconds)
        at_work = process.poll() is None
    finally:
        process.kill()
    ended(process)
    return at_work


def cycle(tree: Path, database: Path, seconds: float) -> bool:
    """Kill a cold sync, finish it with the next one, and hold what came of it to everything that was promised."""
    at_work = killed_sync(tree, database, seconds)
    finished = syncd("sync", tree, database, measured=False)
    assert finished.returncode == 0, finished.stderr
    verified = syncd("verify", tree, database, measured=False)
    assert verified.returncode == 0, verified.stdout
    assert f"of {SESSIONS:,} sessions" in verified.stdout
    audit(database, tree)
    return at_work


def kill_again_and_again(tree: Path, folder: Path, cycles: int) -> None:
    """Run the cycles at moments spread at random over a whole cold sync; print what a second run needs."""
    seed = random.SystemRandom().randrange(2**32)
    rng = random.Random(seed)
    whole = cold_seconds(tree, folder / "whole.db")
    begun, hits = time.monotonic(), 0
    for number in range(cycles):
        seconds = rng.uniform(0.0, whole)
        print(f"seed {seed}, cycle {number + 1}: killed after {seconds:.3f} of {whole:.3f} s")  # noqa: T201
        database = folder / f"{number}.db"
        hits += cycle(tree, database, seconds)
        for left in folder.glob(f"{database.name}*"):
            left.unlink()
    took = time.monotonic() - begun
    print(f"seed {seed}: {cycles} cycles of {SESSIONS * FILES_A_SESSION} files in {took:.0f} s, {hits} hits")  # noqa: T201
    assert hits > cycles // 2, "the kills came too late to prove anything"


@pytest.mark.parametrize("share", range(SHARES))
def test_a_cold_sync_that_is_killed_is_finished_by_the_next(tree: Path, tmp_path: Path, share: int) -> None:
    """After kill -9 at a random moment and one more sync, verify is clean and the ledger is consistent."""
    assert share in range(SHARES)
    kill_again_and_again(tree, tmp_path, CYCLES)


@pytest.mark.soak
@pytest.mark.parametrize("share", range(SHARES))
def test_a_hundred_killed_syncs_leave_nothing_behind(tree: Path, tmp_path: Path, share: int) -> None:
    """A hundred times over all shares: kill -9, sync, verify."""
    assert share in range(SHARES)
    kill_again_and_again(tree, tmp_path, ALL_CYCLES)
