"""``python -m benchmarks``: measure, print, and with ``--out`` write ``RESULTS.md``."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

from benchmarks import bulk, light, past
from benchmarks.figures import Figure
from benchmarks.ground import Ground, Unexpected
from benchmarks.processes import CommandFailed
from benchmarks.report import as_markdown, as_text, machine

MEASURED: dict[str, Callable[[Ground], list[Figure]]] = {
    "cold": bulk.cold,
    "memory": bulk.memory,
    "verify": bulk.verify,
    "others": bulk.others,
    "unchanged": light.unchanged,
    "startup": light.startup,
    "one": light.one,
    "size": bulk.size,
    "past": past.past,
}
"""In the order in which they run: what rewrites files comes last, but for what has files of its own."""
SESSIONS, RUNS, CHANGES = 10_000, 5, 1_000_000


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="./dev bench", description="Measure syncd beside the same work by hand.")
    parser.add_argument("--sessions", type=above_zero, default=SESSIONS, metavar="N", help="sessions of six files")
    parser.add_argument("--sessions-large", type=above_zero, metavar="N", help="memory once more, at so many")
    parser.add_argument("--changes", type=above_zero, default=CHANGES, metavar="N", help="changes in a past")
    parser.add_argument("--runs", type=above_zero, default=RUNS, metavar="N", help="rounds of each figure")
    parser.add_argument("--only", nargs="+", choices=[*MEASURED], default=[*MEASURED], metavar="NAME",
                        help=f"of {', '.join(MEASURED)}")  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the report as Markdown")
    parser.add_argument("--keep", action="store_true", help="keep the trees and databases, and say where")
    asked = parser.parse_args()
    if asked.out and not asked.out.absolute().parent.is_dir():
        parser.error(f"--out: there is no folder {asked.out.absolute().parent}")
    return asked


def above_zero(text: str) -> int:
    """Read a number that something can be divided by."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return int(text)


def notes(asked: argparse.Namespace) -> list[str]:
    """Say what was not measured, or not as it should be."""
    found = []
    if left_out := [name for name in MEASURED if name not in asked.only]:
        found.append(f"not measured, as --only asks: {', '.join(left_out)}")
    if "memory" in asked.only and not asked.sessions_large:
        found.append("memory at ten times the files was not measured: that takes --sessions-large 100000")
    if asked.sessions < SESSIONS:
        found.append(f"what a figure must be is meant for {SESSIONS:,} sessions, not for {asked.sessions:,}")
    if "past" in asked.only and asked.changes < CHANGES:
        found.append(f"what a past must be is meant for {CHANGES:,} changes, not for {asked.changes:,}")
    if asked.runs < RUNS:
        found.append(f"{asked.runs} rounds are too few for a median that can be relied on: at least {RUNS}")
    return found


@contextmanager
def folder(*, keep: bool) -> Iterator[Path]:
    """Lend a temporary folder."""
    if keep:
        place = Path(mkdtemp(prefix="syncd-bench-"))
        print(f"bench: everything stays in {place}", file=sys.stderr)
        yield place
    else:
        with TemporaryDirectory(prefix="syncd-bench-") as name:
            yield Path(name)


def main() -> None:
    """Measure what is asked for."""
    asked = arguments()
    with folder(keep=asked.keep) as place:
        known = machine(place)
        ground = Ground(place, asked.sessions, asked.runs, asked.sessions_large, asked.changes)
        known["tree"] = f"{len(ground.names):,} sessions, {ground.files:,} files, {ground.files_bytes:,} bytes"
        found = {name: measure(ground) for name, measure in MEASURED.items() if name in asked.only}
    print(as_text(known, found, notes(asked)))
    if asked.out:
        asked.out.write_text(as_markdown(known, found, notes(asked)), encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
    except (CommandFailed, Unexpected) as error:
        sys.exit(f"bench: {error}")
