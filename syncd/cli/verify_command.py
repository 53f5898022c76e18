"""``syncd verify``: the proof."""

import gc
from functools import partial
from typing import Any

import click

from syncd.cli.options import as_json, entries, with_settings
from syncd.cli.output import progress, say, say_json
from syncd.config import Settings

MOST_DIFFERENCES = 200


@click.command("verify")
@as_json
@with_settings
def command(settings: Settings, *, as_json: bool) -> int:
    """Compute every row again from the files and compare it with the database.

    Prints every difference with its row, column and file. Exit code 1 on drift.
    """
    from syncd.cli.wiring import check_roots, read_store, sources_of
    from syncd.verify import Difference, verify

    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    sources = sources_of(settings)
    check_roots(sources)

    with (
        read_store(settings) as store,
        progress("verifying", partial(entries, settings), wanted=not as_json) as advanced,
    ):
        started = store.moment()
        found = verify(sources, store, advanced)
    result: dict[str, Any] = {
        "sessions": found.bundles, "rows": found.rows, "owed_values": found.owed, "archived": found.archived,
        "differences": len(found.differences),
    }  # fmt: skip
    _remember(settings, started, result)

    def as_record(each: Difference) -> dict[str, Any]:
        return each._asdict()

    if as_json:
        say_json({"schema": 1, **result, "differences": [as_record(each) for each in found.differences]})
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


def _draw(each: Any) -> None:
    where = f"{each.table} {each.row_id}" + (f" · {each.column}" if each.column else "")
    say(
        f"{where}: the database has {_value(each.held)}, "
        f"{each.path or 'the built-in roster'} says {_value(each.expected)}"
    )


def _value(value: object) -> str:
    text = "nothing" if value is None else repr(value) if not str(value).endswith("row") else str(value)
    return text if len(text) <= 120 else f"{text[:117]}…"  # noqa: PLR2004


def _remember(settings: Settings, started: str, result: dict[str, Any]) -> None:
    """Write the run into the database, where this user may."""
    from syncd.cli.wiring import open_store
    from syncd.errors import SyncdError

    try:
        with open_store(settings) as store:
            store.record("verify", started, result)
    except SyncdError as error:
        say(f"this run is not remembered: {error.message}", err=True)
