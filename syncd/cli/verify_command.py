"""``syncd verify``: the proof."""

import gc
from functools import partial
from typing import TYPE_CHECKING

import click

from syncd.cli.options import as_json, entries, with_settings
from syncd.cli.output import progress, say, say_json
from syncd.config import Settings

if TYPE_CHECKING:
    from syncd.verify import Difference

MOST_DIFFERENCES = 200


@click.command("verify")
@as_json
@with_settings
def command(settings: Settings, *, as_json: bool) -> int:
    """Compute every row again from the files and compare it with the database.

    Prints every difference with its row, column and file. Exit code 1 on drift.
    """
    from syncd.report import verify_counts
    from syncd.wiring import run_verify

    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    with progress("verifying", partial(entries, settings), wanted=not as_json) as advanced:
        found, unremembered = run_verify(settings, advanced)
    if unremembered:
        say(f"this run is not remembered: {unremembered.message}", err=True)
    if as_json:
        say_json({"schema": 1, **verify_counts(found), "differences": [each._asdict() for each in found.differences]})
        return int(bool(found.differences))
    for each in found.differences[:MOST_DIFFERENCES]:
        _draw(each)
    if len(found.differences) > MOST_DIFFERENCES:
        say(f"… and {len(found.differences) - MOST_DIFFERENCES:,} more: --json lists them all")
    counted = f"{found.rows:,} rows of {found.bundles:,} sessions compared"
    if found.archived:
        counted += f", {found.archived:,} archived sessions left alone"
    if found.owed:
        counted += f", {found.owed:,} values owed to the past that no file can confirm"
    if found.differences:
        say(f"drift: {len(found.differences):,} difference(s); {counted}", fg="red")
        say("`syncd sync` brings rows level whose files changed; a row that was edited by hand needs its file touched")
        return 1
    say(f"level: {counted}", fg="green")
    return 0


def _draw(each: "Difference") -> None:
    where = f"{each.table} {each.row_id}" + (f" · {each.column}" if each.column else "")
    say(
        f"{where}: the database has {_value(each.held)}, "
        f"{each.path or 'the built-in roster'} says {_value(each.expected)}"
    )


def _value(value: object) -> str:
    text = "nothing" if value is None else repr(value) if not str(value).endswith("row") else str(value)
    return text if len(text) <= 120 else f"{text[:117]}…"  # noqa: PLR2004
