"""Killed at any moment, nothing is lost and nothing is half there."""

import json
import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.audit import audit
from tests.processes import PATIENCE, ended, start, syncd
from tests.workload import write_workload

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


def disturbed_sync(tree: Path, database: Path, seconds: float) -> float | None:
    """Kill a cold sync after so many seconds; where it has ended before that, return how long it took."""
    begun = time.monotonic()
    process = start("sync", tree, database, measured=False)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        ended(process)
        return None
    assert ended(process).returncode == 0
    return time.monotonic() - begun


def finish(tree: Path, database: Path) -> int:
    """Finish with one more sync, hold what came of it to everything that was promised, return what was left to do."""
    finished = syncd("sync", tree, database, "--json", measured=False)
    assert finished.returncode == 0, finished.stderr
    verified = syncd("verify", tree, database, measured=False)
    assert verified.returncode == 0, verified.stdout
    assert f"of {SESSIONS:,} sessions" in verified.stdout
    audit(database, tree)
    return int(json.loads(finished.stdout)["sessions_changed"])


def kill_again_and_again(tree: Path, folder: Path, cycles: int) -> None:
    """Kill at moments spread at random over a whole cold sync; print what a second run needs.

    A sync that has ended before its kill is no cycle; it tells how long a sync takes at present.
    """
    seed = random.SystemRandom().randrange(2**32)
    rng = random.Random(seed)
    whole = disturbed_sync(tree, folder / "whole.db", PATIENCE) or PATIENCE
    begun = time.monotonic()
    left: list[int] = []
    for number in range(2 * cycles):
        if len(left) == cycles:
            break
        seconds = rng.uniform(0.0, whole)
        print(f"seed {seed}, try {number + 1}: kill after {seconds:.3f} of {whole:.3f} s")  # noqa: T201
        database = folder / f"{number}.db"
        if took := disturbed_sync(tree, database, seconds):
            whole = took
        else:
            left.append(finish(tree, database))
        for file in folder.glob(f"{database.name}*"):
            file.unlink()
    took = time.monotonic() - begun
    print(f"seed {seed}: {len(left)} cycles in {took:.0f} s; sessions left to do: {sorted(left)}")  # noqa: T201
    assert len(left) == cycles, "too many kills came too late"


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
