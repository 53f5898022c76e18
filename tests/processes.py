"""The real command in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
MEASURING = "COVERAGE_PROCESS"
OURS = ("SYNCD_", "COMPOUND_STATE_DIR", "XDG_CONFIG_HOME", "NO_COLOR")
PATIENCE = 300.0
"""Seconds after which a process counts as hung."""


def environment(*, measured: bool = True) -> dict[str, str]:
    """Return an environment in which no setting is given; only ``measured`` processes count their coverage."""
    dropped = OURS if measured else (*OURS, MEASURING)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    paths = [str(REPOSITORY), str(REPOSITORY / "models"), kept.get("PYTHONPATH", "")]
    return kept | {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "NO_COLOR": "1"}


def start(command: str, root: Path, database: Path, *more: str, measured: bool = True) -> subprocess.Popen[str]:
    """Start ``syncd COMMAND`` and return at once."""
    return subprocess.Popen(
        [sys.executable, "-m", "syncd", command, "--root", str(root), "--database", str(database), *more],
        env=environment(measured=measured),
        cwd=root.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def syncd(
    command: str, root: Path, database: Path, *more: str, measured: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run ``syncd COMMAND`` to its end."""
    return ended(start(command, root, database, *more, measured=measured))


def ended(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    """Wait for a process, and return what it said."""
    try:
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)
