"""``syncd sync``: one shot."""

import gc
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import click

from syncd.cli.options import as_json, complete_sessions, entries, with_settings
from syncd.cli.output import progress, say, say_json
from syncd.config import Settings
from syncd_models.values import Step

if TYPE_CHECKING:
    from syncd.report import RefusedFile, SyncReport

MOST_LINES = 20
SIGNS = {"c": "+", "u": "~", "d": "-"}


@click.command("sync")
@click.argument("session_ids", nargs=-1, metavar="[SESSION_ID]...", shell_complete=complete_sessions)
@click.option("--dry-run", is_flag=True, help="Print what would change, and write nothing.")
@click.option("--accept-missing", is_flag=True, help="Let go of sessions that are gone, however many.")
@click.option("--adopt", is_flag=True, help="Set another tool's database aside (dated copy), and begin a new one.")
@click.option("-v", "--verbose", is_flag=True, help="Log every session that is committed, on standard error.")
@as_json
@with_settings
def command(  # noqa: PLR0913  one an option
    settings: Settings,
    session_ids: tuple[str, ...],
    *,
    dry_run: bool,
    accept_missing: bool,
    adopt: bool,
    verbose: bool,
    as_json: bool,
) -> int:
    """Bring the database level with the files.

    Syncs everything, or only the sessions that are named; what was written before the call is in the database when it
    returns. Exit code 1: a file was refused, or nothing could be removed.
    """
    from syncd.wiring import asked_by, run_sync

    asked = asked_by(settings, session_ids, dry_run=dry_run, accept_missing=accept_missing)
    on_step = _tellers(draw=dry_run and not as_json, log=verbose)
    # Everything imported so far lives for ever; and bulk work makes much that lives for a batch.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    with progress("syncing", partial(entries, settings), wanted=not as_json and not session_ids) as advanced:
        report = run_sync(settings, asked, adopt=adopt, on_step=on_step, on_progress=advanced)
    say_json(report.as_json()) if as_json else _draw(report)
    return report.exit_code


def _tellers(*, draw: bool, log: bool) -> Callable[[Step], None]:
    """Return what each step is told to: people, the log, both or nobody."""
    tellers: list[Callable[[Step], None]] = [_draw_step] if draw else []
    if log:
        from syncd.log import configure, log_step

        configure()
        tellers.append(log_step)

    def tell(step: Step) -> None:
        for teller in tellers:
            teller(step)

    return tell


def _draw(report: "SyncReport") -> None:
    """Print a report for people."""
    say(_summary(report))
    for name in report.archived[:MOST_LINES]:
        say(f"archived {name}: its directory is gone, its rows stay")
    for name in report.archived_before:
        say(f"{name} is archived: its directory is gone, its rows are as they were")
    _some(report.leaving, "still leaving: {}; its rows stay until that is certain, sync again")
    _some(report.ignored_names, "ignored {}: the name is not UTF-8")
    _some(report.waiting, "half-written: {}; its last good rows stay, sync again when it is complete")
    if report.held_back:
        missing = f"{report.missing:,} session(s) are missing"
        say(f"nothing was removed: {report.held_back}; {missing}", err=True, fg="yellow")
        say("  if that is right, run `syncd sync --accept-missing`", err=True)
    for each in report.refused[:MOST_LINES]:
        _draw_refused(each)
    if len(report.refused) > MOST_LINES:
        say(f"… and {len(report.refused) - MOST_LINES:,} more: `syncd quarantine` lists them", err=True)


def _summary(report: "SyncReport") -> str:
    """Return what was done, in one line."""
    changed = [", ".join(f"{bundle}/" for bundle in report.data)] if report.data else []
    changed += [f"{report.sessions_changed:,} session(s)"] if report.sessions_changed else []
    if changed:
        counts = ", ".join(f"{count:,} {done}" for done, count in report.rows._asdict().items())
        return f"{'would change' if report.dry_run else 'synced'} {' and '.join(changed)}: rows {counts}"
    return "no row changed" if report.exit_code else "nothing changed: the database is level with the files"


def _some(names: Sequence[str], text: str) -> None:
    for name in names[:MOST_LINES]:
        say(text.format(name), err=True)
    if len(names) > MOST_LINES:
        say(f"… and {len(names) - MOST_LINES:,} more", err=True)


def _draw_refused(each: "RefusedFile") -> None:
    """Print one refused file: where, why, and what to do."""
    place = "".join(f":{part}" for part in (each.line, each.column) if part is not None)
    say(f"refused {each.path}{place}: {each.reason}", err=True, fg="red")
    if each.excerpt:
        say(f"  near  {each.excerpt}", err=True)
    say("  its last good rows stay; mend the file and sync again", err=True)


def _draw_step(step: Step) -> None:
    """Print what a dry run would change of one bundle."""
    if step.first:
        counts = ", ".join(f"{len(rows)} {table}" for table, rows in step.rows.items() if rows)
        say(f"+ {step.bundle.id}: first read" + (f", {counts}" if counts else ""))
    for change in step.changes:
        say(f"{SIGNS[change.op]} {change.table} {change.row_id}" + (f"  ({change.path})" if change.path else ""))
    if step.archived:
        say(f"~ sessions {step.bundle.id}: archived")
    for refusal in step.refusals:
        say(f"! {refusal.path}: {refusal.fault.reason}")
