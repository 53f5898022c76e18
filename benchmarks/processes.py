"""Whole processes, measured from outside."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, STDOUT, Popen
from tempfile import TemporaryFile
from time import perf_counter

SCRIPT = Path(sys.executable).with_name("syncd")
SYNCD = [str(SCRIPT)] if SCRIPT.exists() else [sys.executable, "-m", "syncd"]
"""The command of this interpreter's environment; where it is not installed, the module."""

OURS = ("SYNCD_", "COMPOUND_STATE_DIR", "COVERAGE", "COV_CORE", "XDG_CONFIG_HOME")


class CommandFailed(Exception):
    """A measured command ended with another exit code than 0."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One process: wall time from before its start to its end, the most memory that it held, what it printed."""

    seconds: float
    peak_bytes: int
    output: str


def environment(place: Path) -> dict[str, str]:
    """Return an environment without settings of ours or of Python's, but for where its modules are."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", *OURS))}
    if paths := os.environ.get("PYTHONPATH"):
        kept["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, paths.split(os.pathsep)))
    return kept | {"XDG_CONFIG_HOME": str(place), "NO_COLOR": "1"}


def run(command: Sequence[str], place: Path) -> Sample:
    """Run a command in a folder. Raises CommandFailed with all that it said.

    Linux counts the memory of the process that starts another into the other's peak, so this one stays small.
    """
    with TemporaryFile() as said:
        begun = perf_counter()
        process = Popen(command, cwd=place, env=environment(place), stdin=DEVNULL, stdout=said, stderr=STDOUT)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        seconds = perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        output = said.read().decode(errors="replace")
    if process.returncode:
        raise CommandFailed(f"{' '.join(command)}\nended with {process.returncode} and said:\n{output}")
    return Sample(seconds, usage.ru_maxrss * 1024, output)
