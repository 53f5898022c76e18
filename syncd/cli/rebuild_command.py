"""``syncd rebuild``: start over, and lose nothing."""

import gc

import click

from syncd.cli.options import as_json, with_settings
from syncd.cli.output import say, say_json
from syncd.config import Settings


@click.command("rebuild")
@as_json
@with_settings
def command(settings: Settings, *, as_json: bool) -> int:
    """Make the database anew from the files, prove it, and put it in the old one's place.

    What the past owes stays: archived sessions, metric points, the change log. Who has the database open sees the old
    one or the new one, never a half; if anything goes wrong, the old one stays. Other writers wait meanwhile.
    """
    from syncd.engine import Pass
    from syncd.rebuild import rebuild
    from syncd.report import verify_counts
    from syncd.wiring import check_roots, open_store, sources_of

    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    sources = sources_of(settings)
    check_roots(sources)
    with open_store(settings) as store:
        started = store.moment()
        before = store.database.size() + store.database.size("-wal")
        run = Pass(cause="sync", mirror=settings.on_missing == "delete")
        found = rebuild(sources, store, run, lambda stage: None if as_json else say(f"{stage} …", err=True))
        verified = verify_counts(found.verified)
        result = {name: count for name, count in verified.items() if name != "differences"} | {
            "corrected": found.corrected, "held_back": found.held_back,
            "size_bytes": store.database.size(), "size_bytes_before": before,
        }  # fmt: skip
        store.record("rebuild", started, result)
        if found.held_back is None:  # else it was compared with less than the database holds
            store.record("verify", started, verified)
    if as_json:
        say_json({"schema": 1, **result})
        return int(found.held_back is not None)
    say(f"rebuilt and verified: {found.verified.rows:,} rows of {found.verified.bundles:,} sessions", fg="green")
    if found.corrected:
        say(f"{found.corrected:,} row(s) were not what their files say, and are now; cause `rebuild` in the change log")
    if found.held_back:
        say(f"nothing was removed: {found.held_back}", err=True, fg="yellow")
        say("  if that is right, run `syncd sync --accept-missing`", err=True)
    return int(found.held_back is not None)
