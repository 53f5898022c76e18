"""``syncd history``: what was a row, a table, a session, and what became of it."""

from typing import TYPE_CHECKING, Any

import click

from syncd.cli.options import as_json, with_settings
from syncd.cli.output import console, say, say_json, table
from syncd.config import Settings, session
from syncd.errors import ConfigError

if TYPE_CHECKING:
    from syncd.core.family import Family
    from syncd.history import Event, Moment
    from syncd.stores.sql import SqlStore

WORDS = {"r": "first read", "c": "created", "u": "updated", "d": "deleted"}
COLOURS = {"r": "bright_black", "c": "green", "u": "cyan", "d": "red"}
COLUMNS = {
    "tasks": ["id", "status", "agent_id", "priority", "duration_seconds", "description"],
    "sessions": ["id", "status", "team_id", "started_at", "duration_seconds", "branch_name"],
}
"""What people see of a whole table; of the others, the first columns that say anything."""
PLACES = {"session_id", "task_id", "source_path", "position"}
MOST_CELLS = 6
LONGEST = 300


@click.command("history")
@click.argument("what", metavar="TABLE|SESSION_ID")
@click.argument("row_id", required=False)
@click.option("--at", metavar="TIME", help="Show it as it was: '2026-03-01 14:03', '14:03', '2h' for two hours ago.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, metavar="N",
              help="Of a session, the last N changes.")  # fmt: skip
@as_json
@with_settings
def command(settings: Settings, what: str, row_id: str | None, *, at: str | None, limit: int, as_json: bool) -> int:
    """Show every change of a row, field by field, with the file that brought it about.

    With --at, the row as it was at a time; without a ROW_ID, the whole table, or the session of that id. What was
    before a session was first read, or before the change log was pruned, is unknown, and that is said.
    """
    from syncd.history import changes, known_since, row_known_since, session_changes, tables
    from syncd.wiring import family_of, read_store

    family = family_of(settings)
    of_table = what in tables(family)
    if row_id is not None and not of_table:
        raise ConfigError(f"{what[:80]!r} is no table with a past", f"These are: {', '.join(tables(family))}.")
    if not of_table and not what.rpartition("/")[2].startswith(settings.session_prefixes):
        hint = f"Sessions begin with {' or '.join(settings.session_prefixes)}; tables are {', '.join(tables(family))}."
        raise ConfigError(f"{what[:80]!r} is neither a table with a past nor a session", hint)
    if of_table and row_id is None and at is None:
        raise ConfigError("which row?", f"Name one: syncd history {what} ROW_ID; or give a time for all: --at TIME.")
    with read_store(settings) as store:
        if at is not None:
            moment = _moment(settings, store, family, (what, row_id), at)
            if as_json:
                named = what if row_id is None else f"{what} {row_id}"
                say_json({"schema": 1, "of": named, **moment.as_json()})
            else:
                _draw_moment(store, moment, what, row_id)
            return 0
        if of_table:
            events = changes(store, what, row_id or "")
            since = row_known_since(store, family, what, row_id or "")
            name = f"{what} {row_id}"
        else:
            asked = session(what, settings)
            name = asked.id
            events, since = session_changes(store, name, limit), known_since(store, name)
            if not events and not store.knows(family, asked):
                raise ConfigError(f"nothing is remembered of a session {what!r}", "`syncd show` lists those there are.")
    if as_json:
        told = [event.as_json() for event in events]
        say_json({"schema": 1, "of": name, "known_since": since, "changes": told})
    else:
        _draw_events(events, since, name)
    return 0


def _moment(
    settings: Settings, store: "SqlStore", family: "Family", asked: tuple[str, str | None], at: str
) -> "Moment":
    from syncd.history import row_at, session_at, table_at, tables, time_of
    from syncd.wiring import utc_now

    what, row_id = asked
    then = time_of(at, settings.zone, utc_now())
    if row_id is not None:
        return row_at(store, family, what, row_id, then)
    if what in tables(family):
        return table_at(store, family, what, then)
    return session_at(store, family, session(what, settings), then)


def _draw_events(events: list["Event"], since: str | None, name: str) -> None:
    say(f"{name}: known since {since} UTC; what was before is not", fg="bright_black")
    if not events:
        say("nothing has changed since")
    for event in events:
        _draw_event(event, name)


def _draw_event(event: "Event", name: str) -> None:
    what = WORDS[event.op]
    if event.op != "r" and event.row_id not in {None, name.partition(" ")[2]}:
        what = f"{what} {event.table} {event.row_id}"
    source = f"  {event.path} #{event.generation}" if event.path else ""
    say(f"{event.at} UTC  {what}{source}  ({event.cause})", fg=COLOURS[event.op])
    for column, (before, after) in event.fields.items():
        if event.op == "u":
            say(f"    {column}: {_value(before)} → {_value(after)}")
        elif (value := after if event.op == "c" else before) is not None:
            say(f"    {column}: {_value(value)}")


def _draw_moment(store: "SqlStore", moment: "Moment", what: str, row_id: str | None) -> None:
    if not moment.known:
        since = f"the past is known from {moment.since} UTC on" if moment.since else "nothing was ever known of it"
        say(f"unknown at {moment.at} UTC: {since}", fg="yellow")
        return
    rows = [(name, row) for name, each in moment.rows.items() for row in each]
    if row_id is not None and rows:
        _draw_row(moment, *rows[0])
    elif row_id is not None:
        say(f"{what} {row_id}: there was no such row at {moment.at} UTC")
    elif what in moment.rows:
        _draw_table(moment, what, moment.rows[what])
    else:
        _draw_session(store, moment, what)
    if moment.unknown:
        count = f"{len(moment.unknown):,} session(s)"
        say(f"{count} were first read later: nothing is known of them at that time", fg="yellow")


def _draw_session(store: "SqlStore", moment: "Moment", what: str) -> None:
    from syncd.cli.show_command import tree
    from syncd.show import view_of

    if not moment.rows["sessions"]:
        say(f"{what}: there was no such session at {moment.at} UTC")
        return
    say(f"at {moment.at} UTC", bold=True)
    session, *rest = moment.rows["sessions"][0], *(moment.rows[name] for name in ("tasks", "task_items", "blockers"))
    console().print(tree(view_of(store, session, *rest)))


def _draw_row(moment: "Moment", name: str, row: dict[str, Any]) -> None:
    say(f"{name} {row['id']} at {moment.at} UTC", bold=True)
    for column, value in row.items():
        say(f"  {column:<18} {_value(value)}")
    if last := moment.last:
        source = f" from {last.path} #{last.generation}" if last.path else ""
        say(f"so since {last.at} UTC: {WORDS[last.op]}{source} ({last.cause})")
    else:
        say(f"so since {moment.since} UTC at least: from then on its past is known")


def _draw_table(moment: "Moment", name: str, rows: list[dict[str, Any]]) -> None:
    told = COLUMNS.get(name) or [
        column for column in (rows[0] if rows else ()) if any(row[column] is not None for row in rows)
    ]  # fmt: skip
    columns = ["id", *(column for column in told if column not in {"id", *PLACES})][:MOST_CELLS]
    lines = [["" if row[column] is None else _short(row[column]) for column in columns] for row in rows]
    say(f"{name} at {moment.at} UTC: {len(rows):,} row(s); every column with --json", bold=True)
    if rows:  # apart from the title, which a narrow table would fold
        table("", columns, lines)


def _value(value: object) -> str:
    if value is None:
        return "nothing"
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters, all with --json)"


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else f"{text[:57]}…"  # noqa: PLR2004
