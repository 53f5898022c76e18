"""``syncd sync``: one shot."""

import gc
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import click

from syncd.cli.options import as_json, entries, with_settings
from syncd.cli.output import progress, say, say_json
from syncd.config import Settings, session
from syncd_models.values import Bundle, Step

MOST_LINES = 20


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Complete session ids from the directories that there are."""
    del param
    from syncd.cli.options import NAMES, settings_of

    settings = settings_of({name: ctx.params.get(name) for name in NAMES})
    names = [
        entry.name if root.workspace == "default" else f"{root.workspace}/{entry.name}"
        for root in settings.root
        for entry in root.path.iterdir()
        if entry.is_dir() and entry.name.startswith(settings.session_prefixes)
    ]
    return sorted(name for name in names if name.startswith(incomplete))


@click.command("sync")
@click.argument("session_ids", nargs=-1, metavar="[SESSION_ID]...", shell_complete=_complete)
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
    from syncd.cli.wiring import check_roots, dry_store, open_store, sources_of
    from syncd.engine import Pass, sync_all, sync_some

    bundles = [*dict.fromkeys(session(text, settings) for text in session_ids)]
    sources = sources_of(settings)
    check_roots(sources)
    # Everything imported so far lives for ever; and bulk work makes much that lives for a batch.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    with dry_store(settings) if dry_run else open_store(settings, adopt=adopt) as store:
        report = Report(dry_run=dry_run, log=_logger() if verbose else None)
        started = store.moment()

        with progress("syncing", partial(entries, settings), wanted=not as_json and not bundles) as advanced:
            for source in sources:
                run = Pass(
                    cause="sync", dry=dry_run, again=bool(bundles), accept_missing=accept_missing,
                    mirror=settings.on_missing == "delete", on_step=report.add, on_progress=advanced,
                )  # fmt: skip
                named = [bundle for bundle in bundles if bundle.workspace == source.workspace]
                if named:
                    sync_some(named, source, store, run)
                elif not bundles:
                    sync_all(source, store, run)
                report.finish(run, source.unreadable_names(), source.name)
        report.refused = [_refusal(row) for row in _refused(store, bundles)]
        report.archived_ids = [
            bundle.id for bundle in bundles if bundle.id not in store.alive(source.family, bundle.workspace)
        ]
        if not dry_run and not bundles:
            store.record("reconcile", started, report.as_json())
    say_json(report.as_json()) if as_json else report.draw()
    return report.exit_code


def _logger() -> Callable[[Step], None]:
    from syncd.log import configure, log_step

    configure()
    return log_step


def _refused(store: Any, bundles: list[Bundle]) -> list[Any]:
    from syncd.status import quarantine

    rows = quarantine(store)
    names = {(bundle.workspace, bundle.name) for bundle in bundles}
    return [row for row in rows if not names or (row.workspace, row.path.partition("/")[0]) in names]


def _refusal(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("workspace", "path", "reason", "line", "column", "excerpt")}


@dataclass
class Report:
    """What a sync did, added up; rows are counted and never kept."""

    dry_run: bool = False
    log: Callable[[Step], None] | None = None
    sessions: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    archived: list[str] = field(default_factory=list)
    archived_ids: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    leaving: list[str] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    held_back: str | None = None
    missing: int = 0

    def add(self, step: Step) -> None:
        """Count one step; a dry run prints it."""
        self.sessions += bool(step.first or step.changes or step.archived)
        self.rows["created"] += sum(len(rows) for rows in step.rows.values())
        self.rows.update({"c": "created", "u": "updated", "d": "deleted"}[change.op] for change in step.changes)
        if step.archived:
            self.archived.append(step.bundle.id)
        if self.dry_run:
            _draw_step(step)
        if self.log:
            self.log(step)

    def finish(self, run: Any, ignored: list[str], root: str) -> None:
        """Note what a pass over one root left open."""
        self.held_back = self.held_back or (f"{run.held_back} ({root})" if run.held_back else None)
        self.missing += run.missing
        self.ignored += ignored
        self.waiting += run.waiting
        self.leaving += run.leaving

    @property
    def exit_code(self) -> int:
        """Return 1 when something is refused, half-written or held back; a bad ``session.json`` alone is not."""
        refused = any(not each["path"].endswith("/session.json") for each in self.refused)
        return int(refused or bool(self.waiting) or bool(self.held_back))

    def as_json(self) -> dict[str, Any]:
        """Return the documented fields."""
        return {
            "schema": 1, "dry_run": self.dry_run, "sessions_changed": self.sessions,
            "rows": {name: self.rows[name] for name in ("created", "updated", "deleted")},
            "archived": self.archived[:1000], "refused": self.refused[:1000], "waiting": self.waiting[:1000],
            "leaving": self.leaving[:1000], "ignored_names": self.ignored[:1000], "held_back": self.held_back,
            "missing": self.missing,
        }  # fmt: skip

    def draw(self) -> None:
        """Print the report for people."""
        did = "would change" if self.dry_run else "synced"
        if self.sessions:
            counts = ", ".join(f"{self.rows[name]:,} {name}" for name in ("created", "updated", "deleted"))
            say(f"{did} {self.sessions:,} session(s): rows {counts}")
        else:
            say("nothing changed: the database is level with the files")
        for name in self.archived[:MOST_LINES]:
            say(f"archived {name}: its directory is gone, its rows stay")
        for name in set(self.archived_ids) - set(self.archived):
            say(f"{name} is archived: its directory is gone, its rows are as they were")
        _some(self.leaving, "still leaving: {}; its rows stay until that is certain, sync again")
        _some(self.ignored, "ignored {}: the name is not UTF-8")
        _some(self.waiting, "half-written: {}; its last good rows stay, sync again when it is complete")
        if self.held_back:
            say(
                f"nothing was removed: {self.held_back}; {self.missing:,} session(s) are missing", err=True, fg="yellow"
            )
            say("  if that is right, run `syncd sync --accept-missing`", err=True)
        for each in self.refused[:MOST_LINES]:
            draw_refusal(each)
        if len(self.refused) > MOST_LINES:
            say(f"… and {len(self.refused) - MOST_LINES:,} more: `syncd quarantine` lists them", err=True)


def _some(names: list[str], text: str) -> None:
    for name in names[:MOST_LINES]:
        say(text.format(name), err=True)
    if len(names) > MOST_LINES:
        say(f"… and {len(names) - MOST_LINES:,} more", err=True)


def draw_refusal(each: dict[str, Any]) -> None:
    """Print one refused file: where, why, and what to do."""
    place = "".join(f":{each[name]}" for name in ("line", "column") if each[name] is not None)
    say(f"refused {each['path']}{place}: {each['reason']}", err=True, fg="red")
    if each["excerpt"]:
        say(f"  near  {each['excerpt']}", err=True)
    say("  its last good rows stay; mend the file and sync again", err=True)


def _draw_step(step: Step) -> None:
    if step.first:
        counts = ", ".join(f"{len(rows)} {table}" for table, rows in step.rows.items() if rows)
        say(f"+ {step.bundle.id}: first read, {counts}")
    for change in step.changes:
        sign = {"c": "+", "u": "~", "d": "-"}[change.op]
        say(f"{sign} {change.table} {change.row_id}  ({change.path})")
    if step.archived:
        say(f"~ sessions {step.bundle.id}: archived")
    for refusal in step.refusals:
        say(f"! {refusal.path}: {refusal.fault.reason}")
