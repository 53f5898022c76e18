"""What is printed, and what is written into ``RESULTS.md``."""

import os
import platform
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.figures import Figure, markdown, plain
from benchmarks.processes import SYNCD, run

TITLES = {
    "cold": "Cold sync: all files into a new database (files in the page cache)",
    "memory": "Memory",
    "verify": "Verify: every row computed again and compared",
    "others": "How others would do it, for scale",
    "unchanged": "Nothing changed",
    "startup": "Start-up, on the whole database",
    "one": "One file changed",
    "size": "Size: pages in use, after a checkpoint",
    "past": "The past: 10,000 tasks and a long change log",
}
READING = (
    "A ratio is taken within a round, in which everything that is compared runs once, one after the other; shown are "
    "medians with the smallest and the largest. The limit is a script written by hand: it reads and parses every file, "
    "then writes the very same rows in one transaction. Times are of whole processes, but for what is done by hand, "
    "which times itself. So do questions about the past: 2,500 sessions are synced once, then the store writes changes "
    "of their 10,000 tasks over half a year, and an open database is asked about rows, sessions and moments chosen at "
    "random, after its answers were compared with what was remembered of some moments. Where the changes are spread "
    "over all tasks, most of them change in each epoch of the log, which is the worst that can be for snapshots; "
    "agents write in bursts, a session till it is finished."
)


def machine(place: Path) -> dict[str, str]:
    """Return what was measured on."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    models = [line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")]
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "command": f"./dev bench {' '.join(sys.argv[1:])}".strip(),
        "measured": run([*SYNCD, "--version"], place).output.strip(),
        "processor": f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores",
        "load at the start": " ".join(f"{load:.1f}" for load in os.getloadavg()),
        "kernel": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
    }


def as_text(known: Mapping[str, str], found: Mapping[str, Sequence[Figure]], notes: Sequence[str]) -> str:
    """Return the report for a terminal."""
    parts = ["\n".join(f"{name}: {value}" for name, value in known.items())]
    parts += [f"{TITLES[name]}\n\n{plain(figures)}" for name, figures in found.items()]
    parts += [f"note: {note}" for note in notes]
    return "\n\n".join(parts)


def as_markdown(known: Mapping[str, str], found: Mapping[str, Sequence[Figure]], notes: Sequence[str]) -> str:
    """Return the report as a document."""
    about = "\n".join(f"| {name} | {value} |" for name, value in known.items())
    parts = ["# Measured", READING, f"| | |\n| --- | --- |\n{about}"]
    parts += [f"## {TITLES[name]}\n\n{markdown(figures)}" for name, figures in found.items()]
    parts += ["## Notes\n\n" + "\n".join(f"- {note}" for note in notes)] if notes else []
    return "\n\n".join(parts) + "\n"
