"""What people see: tables, trees and progress, in colour on a terminal only."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from syncd.sources.files import shown

if TYPE_CHECKING:
    from rich.console import Console

COLOURS = {
    "completed": "green",
    "failed": "red",
    "blocked": "magenta",
    "in_progress": "cyan",
    "pending": "bright_black",
}
MARKS = {"completed": "✓", "failed": "✗", "blocked": "■", "in_progress": "▶", "pending": "·"}
MINUTE, HOUR, DAY = 60, 3600, 86400


def say(text: str = "", *, err: bool = False, **style: Any) -> None:
    """Print a line; nothing in it can move a cursor."""
    line = shown(text)
    click.echo(
        click.style(line, **style) if style else line, err=err, color=False if "NO_COLOR" in os.environ else None
    )


def say_json(record: Any) -> None:
    """Print a record as JSON."""
    click.echo(json.dumps(record, ensure_ascii=False, indent=2, default=str))


def console(*, err: bool = False) -> "Console":
    """Return a console that is as wide as the terminal, or wide enough for a file."""
    from rich.console import Console

    stream = sys.stderr if err else sys.stdout
    return Console(stderr=err, width=None if stream.isatty() else 160, highlight=False, emoji=False)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], *, right: Sequence[str] = ()) -> None:
    """Print a table; cells are text or rich renderables."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    drawn = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        drawn.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(cell if isinstance(cell, Text) else Text(shown(str(cell))) for cell in row))
    console().print(drawn)


def status_text(status: str) -> Any:
    """Return a status word with its mark and colour."""
    from rich.text import Text

    return Text(f"{MARKS.get(status, '?')} {status}", style=COLOURS.get(status, ""))


def duration_text(seconds: float | None) -> str:
    """Return a duration as people say it."""
    if seconds is None:
        return ""
    whole = round(seconds)
    if whole < MINUTE:
        return f"{seconds:.1f}s" if seconds < 10 and seconds != whole else f"{whole}s"  # noqa: PLR2004
    if whole < HOUR:
        return f"{whole // MINUTE}m {whole % MINUTE:02d}s"
    if whole < DAY:
        return f"{whole // HOUR}h {whole % HOUR // MINUTE:02d}m"
    return f"{whole // DAY}d {whole % DAY // HOUR}h"


def size_text(count: int) -> str:
    """Return a number of bytes as people say it."""
    size = float(count)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:  # noqa: PLR2004
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


@contextmanager
def progress(what: str, total: Callable[[], int], *, wanted: bool) -> Iterator[Callable[[int], None]]:
    """Draw a progress bar on a terminal; elsewhere do nothing."""
    if not (wanted and sys.stderr.isatty()):
        yield lambda _: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console(err=True), transient=True) as bar:
        task = bar.add_task(what, total=total())
        yield lambda done: bar.update(task, completed=done)
