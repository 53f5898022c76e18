"""``syncd prune``: keep it small."""

import click

from syncd.cli.options import as_json, with_settings
from syncd.cli.output import say, say_json
from syncd.config import Settings

MOST_LINES = 20


@click.command("prune")
@click.option("--archived", type=click.IntRange(0, 36_500), metavar="DAYS",
              help="Remove sessions archived longer ago (default: the setting archived_days).")  # fmt: skip
@click.option("--changes", type=click.IntRange(0, 36_500), metavar="DAYS",
              help="Remove entries of the change log older than that (default: the setting changes_days).")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@as_json
@with_settings
def command(settings: Settings, *, archived: int | None, changes: int | None, dry_run: bool, as_json: bool) -> int:
    """Remove archived sessions, and entries of the change log, that are too old to matter.

    Rows of sessions that still have their files are never touched. What was before the oldest entry that stays is
    unknown afterwards, and `syncd history` says so.
    """
    from syncd.prune import prune
    from syncd.wiring import database_of, family_of, open_store, read_store, utc_now

    days = (
        settings.archived_days if archived is None else archived,
        settings.changes_days if changes is None else changes,
    )
    none_yet = not database_of(settings).exists()  # nor is one made to be pruned: the reader says so
    with read_store(settings) if dry_run or none_yet else open_store(settings) as store:
        started = store.moment()
        found = prune(store, family_of(settings), utc_now(), days, dry=dry_run)
        if not dry_run:
            store.record("prune", started, found.as_json())
    if as_json:
        say_json({"schema": 1, "dry_run": dry_run, **found.as_json()})
        return 0
    did = "would remove" if dry_run else "removed"
    for name in found.sessions[:MOST_LINES]:
        say(f"{did} {name}")
    if len(found.sessions) > MOST_LINES:
        say(f"… and {len(found.sessions) - MOST_LINES:,} more")
    if found.sessions or found.changes:
        counts = f"{len(found.sessions):,} archived session(s) with {found.rows:,} rows"
        say(f"{did} {counts}, {found.changes:,} entries of the change log")
        say("the room is used again; `syncd rebuild` makes the file itself smaller")
    else:
        say("nothing is that old")
    return 0
