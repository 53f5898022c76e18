"""``syncd sync``: one shot."""

import gc
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import click

from syncd.cli.options import as_json, complete_sessions, entries, with_settings
from syncd.cli.output import progress, say, say_json
from syncd.config import Settings, session
from syncd.errors import ConfigError
from syncd_models.values import Bundle, Step

MOST_LINES = 20
MOST_RECORDS = 1000
"""So many entries stand in a list of the JSON report at most."""


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
    from syncd.cli.wiring import check_roots, dry_store, open_store, sources_of
    from syncd.engine import Pass, sync_all, sync_some

    bundles = [*dict.fromkeys(_named(text, settings) for text in session_ids)]
    sources = sources_of(settings)
    check_roots(sources)
    # Everything imported so far lives for ever; and bulk work makes much that lives for a batch.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    with dry_store(settings) if dry_run else open_store(settings, adopt=adopt) as store:
        report = Report(dry_run=dry_run, quiet=as_json, log=_logger() if verbose else None)
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
                report.finish(run, sorted(source.odd_names), source.name)
        held = [_refusal(row) for row in _refused(store, bundles)]
        report.refused += [each for each in held if (each["workspace"], each["path"]) not in report.decided]
        archived = {row_id for (row_id,) in store.query("SELECT id FROM sessions WHERE archived_at IS NOT NULL")}
        report.archived_ids = [bundle.id for bundle in bundles if bundle.id in archived]
        if not dry_run and not bundles:
            store.record("reconcile", started, report.as_json())
    say_json(report.as_json()) if as_json else report.draw()
    return report.exit_code


def _named(text: str, settings: Settings) -> Bundle:
    """Return the bundle that a session id names. Raises ConfigError also for a link: none is followed."""
    bundle = session(text, settings)
    root = next(root.path for root in settings.root if root.workspace == bundle.workspace)
    if os.path.islink(root / bundle.name):  # noqa: PTH114  Path.is_symlink raises where the root may not be searched
        hint = "Name the session that it points to, if that lies under the root."
        raise ConfigError(f"{root / bundle.name} is a symbolic link, and links are not followed", hint)
    return bundle


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
    quiet: bool = False
    log: Callable[[Step], None] | None = None
    sessions: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    archived: list[str] = field(default_factory=list)
    archived_ids: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    leaving: list[str] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)
    decided: set[tuple[str, str]] = field(default_factory=set)
    """Workspace and path of files whose quarantine a dry run would begin, renew or end."""
    changes: list[dict[str, Any]] = field(default_factory=list)
    """What a dry run would change."""
    doubtful: dict[Bundle, Step] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    held_back: str | None = None
    missing: int = 0

    def add(self, step: Step) -> None:
        """Count one step; a dry run, which meets a session in doubt again and again, waits for the last of them."""
        self.doubtful.pop(step.bundle, None)
        if self.dry_run and (step.waiting or step.leaving):
            self.doubtful[step.bundle] = step
        else:
            self._count(step)

    def _count(self, step: Step) -> None:
        self.sessions += bool(step.first or step.changes or step.archived)
        self.rows["created"] += sum(len(rows) for rows in step.rows.values())
        self.rows.update({"c": "created", "u": "updated", "d": "deleted"}[change.op] for change in step.changes)
        if step.archived:
            self.archived.append(step.bundle.id)
        if self.dry_run:
            self._foresee(step)
        if self.log:
            self.log(step)

    def _foresee(self, step: Step) -> None:
        """Keep what a dry run would change, and print it for people."""
        self.changes += _changes(step)[: MOST_RECORDS - len(self.changes)]
        workspace = step.bundle.workspace
        decided = {*step.cleared, *(refusal.path for refusal in step.refusals), *(point.path for point in step.dropped)}
        self.decided |= {(workspace, path) for path in decided}
        self.refused += [
            {"workspace": workspace, "path": refusal.path, **refusal.fault._asdict()} for refusal in step.refusals
        ]
        if not self.quiet:
            _draw_step(step)

    def finish(self, run: Any, ignored: list[str], root: str) -> None:
        """Note what a pass over one root left open."""
        for step in self.doubtful.values():
            self._count(step)
        self.doubtful.clear()
        self.held_back = self.held_back or (f"{run.held_back} ({root})" if run.held_back else None)
        self.missing += run.missing
        self.ignored += ignored
        self.waiting += run.waiting
        self.leaving += run.leaving

    @property
    def exit_code(self) -> int:
        """Return 1 when something is refused, half-written or held back; a bad ``session.json`` alone is not."""
        from syncd.status import matters

        bad = (*(each["path"] for each in self.refused), *self.waiting)
        return int(any(map(matters, bad)) or bool(self.held_back))

    def as_json(self) -> dict[str, Any]:
        """Return the documented fields."""
        return {
            "schema": 1, "dry_run": self.dry_run, "sessions_changed": self.sessions,
            "rows": {name: self.rows[name] for name in ("created", "updated", "deleted")},
            "changes": self.changes, "archived": self.archived[:MOST_RECORDS], "refused": self.refused[:MOST_RECORDS],
            "waiting": self.waiting[:MOST_RECORDS], "leaving": self.leaving[:MOST_RECORDS],
            "ignored_names": self.ignored[:MOST_RECORDS], "held_back": self.held_back, "missing": self.missing,
        }  # fmt: skip

    def draw(self) -> None:
        """Print the report for people."""
        did = "would change" if self.dry_run else "synced"
        if self.sessions:
            counts = ", ".join(f"{self.rows[name]:,} {name}" for name in ("created", "updated", "deleted"))
            say(f"{did} {self.sessions:,} session(s): rows {counts}")
        elif self.exit_code:
            say("no row changed")
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


def _changes(step: Step) -> list[dict[str, Any]]:
    """Return what a step changes, in the words of the change log: r for the first read of a session."""
    whole = ("sessions", step.bundle.id, None)
    found: list[tuple[str | None, ...]] = [("r", *whole)] if step.first else []
    found += [(change.op, change.table, change.row_id, change.path) for change in step.changes]
    found += [("u", *whole)] if step.archived else []
    return [dict(zip(("op", "table", "row_id", "path"), each, strict=True)) for each in found]


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
