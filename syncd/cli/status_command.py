"""``syncd status``: how things stand."""

import click

from syncd.cli.options import as_json, with_settings
from syncd.cli.output import say, say_json, size_text, status_text, table
from syncd.config import Settings


@click.command("status")
@as_json
@with_settings
def command(settings: Settings, *, as_json: bool) -> int:
    """Say what the database knows, and whether it is level with its files.

    Exit code 1 when something is refused, half-written, held back or drifted.
    """
    from syncd.status import status
    from syncd.wiring import read_store

    with read_store(settings) as store:
        now = status(store)
    if as_json:
        say_json(now.as_json())
        return int(bool(now.problems))
    say(f"database   {now.database} ({size_text(now.size_bytes)}, WAL {size_text(now.wal_bytes)})")
    for name, root in now.workspaces.items():
        say(f"root       {root}" + ("" if name == "default" else f"  (workspace {name})"))
    for kind in ("reconcile", "verify"):
        if run := now.runs.get(kind):
            say(f"{'last sync' if kind == 'reconcile' else 'verified':<10} {run['ended_at']} UTC")
    say(f"files      {now.files:,}, {now.waiting:,} half-written, {now.quarantined:,} refused")
    say(f"changes    {now.changes:,}" + (f", the last at {now.last_change_at} UTC" if now.last_change_at else ""))
    statuses = sorted({*now.sessions, *now.tasks})
    rows = [[status_text(word), now.sessions.get(word, 0), now.tasks.get(word, 0)] for word in statuses]
    rows.append(["all", sum(now.sessions.values()), sum(now.tasks.values())])
    table("", ["status", "sessions", "tasks"], rows, right=["sessions", "tasks"])
    if now.archived:
        say(f"{now.archived:,} archived session(s)")
    for problem in now.problems:
        say(f"! {problem}", fg="yellow")
    if not now.problems:
        say("healthy: every file that could be read is in the database", fg="green")
    return int(bool(now.problems))
