"""What was a row, a table, a session at a moment, and what became of it since? Nothing that is not known is made up."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, NamedTuple

from syncd.core.family import Family
from syncd.core.moments import moment_text, parse_moment
from syncd.core.walk import Record
from syncd.errors import ConfigError
from syncd.stores.changelog import COLUMNS, EVERYTHING, Ranges, legible
from syncd.stores.sql import SqlStore
from syncd_models.values import Bundle

LOGGED = "seq, at, bundle, path, generation, table_name, row_id, op, before, after, cause"


class Field(NamedTuple):
    """One column's value before and after a change."""

    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the change log."""

    seq: int
    at: str
    bundle: str
    path: str | None
    """The file that brought it about, relative to its root."""
    generation: int | None
    """Which content of that file: 1, 2, 3 and so on."""
    table: str | None
    row_id: str | None
    op: str
    """r first read of a session, c create, u update, d delete."""
    cause: str
    fields: dict[str, Field] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the documented fields."""
        fields = {name: each._asdict() for name, each in self.fields.items()}
        return {
            "seq": self.seq, "at": self.at, "op": self.op, "cause": self.cause, "bundle": self.bundle,
            "path": self.path, "generation": self.generation, "table": self.table, "row_id": self.row_id,
            "fields": fields,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moment:
    """Rows as they were at a time."""

    at: str
    seq: int
    """The last entry of the change log that counts."""
    known: bool
    """Whether anything can be said; ``since`` tells from when on."""
    since: str | None
    """From when on the past is known; None where no row ever was."""
    rows: dict[str, list[Record]] = field(default_factory=dict)
    """By table; a row has every column but ``synced_rev``."""
    unknown: tuple[str, ...] = ()
    """Ids of sessions that were first read later, so that nothing is known of their rows."""
    last: Event | None = None
    """Of one row: the change that made it what it was; None where nothing had changed since it was first read."""

    def as_json(self) -> dict[str, Any]:
        """Return the documented fields."""
        last = self.last.as_json() if self.last else None
        return {
            "at": self.at, "seq": self.seq, "known": self.known, "known_since": self.since, "last_change": last,
            "rows": self.rows, "unknown_sessions": [*self.unknown],
        }  # fmt: skip


AGO = re.compile(r"(\d{1,6}) ?(s|m|h|d|w)(?: ago)?")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
NUMBER = re.compile(r"\d{9,20}(\.\d+)?")  # fewer digits are a date
CLOCK = re.compile(r"\d\d:\d\d(:\d\d)?")


def time_of(text: str, naive: tzinfo, now: datetime) -> str:
    """Return a time as the database writes it. ``now`` is naive UTC; raises ConfigError for what is no time.

    Takes ISO 8601, seconds since 1970, a time of the last 24 hours such as ``14:03``, and ``2h`` for two hours ago.
    """
    try:
        moment = _time_of(text.strip(), naive, now)
    except OverflowError:
        moment = None
    if moment is None:
        hint = "Give it like '2026-03-01 14:03', '2026-03-01T14:03:00+01:00', '14:03', or '2h' for two hours ago."
        raise ConfigError(f"{text[:80]!r} is not a time", hint)
    return moment_text(moment) or ""


def _time_of(text: str, naive: tzinfo, now: datetime) -> datetime | None:
    if text == "now":
        return now
    if match := AGO.fullmatch(text):
        return now - timedelta(**{UNITS[match[2]]: int(match[1])})
    if CLOCK.fullmatch(text):
        here = now.replace(tzinfo=UTC).astimezone(naive)
        today = parse_moment(f"{here.date().isoformat()}T{text}", naive)
        return today - timedelta(days=1) if today and today > now else today
    return parse_moment(float(text) if NUMBER.fullmatch(text) else text, naive)


def tables(family: Family) -> tuple[str, ...]:
    """Return the tables whose rows have a past."""
    return tuple(dict.fromkeys((*family.built_in, *family.tables)))


def changes(store: SqlStore, table: str, row_id: str) -> list[Event]:
    """Return every change of a row that is remembered, oldest first. Raises ConfigError for a row that never was."""
    _check_id(row_id)
    found = _events(store, "table_name = ? AND row_id = ?", (table, row_id))
    known = store.query(f'SELECT source_path FROM "{table}" WHERE id = ?', (row_id,))  # noqa: S608  names are ours
    if not found and not known:
        hint = "`syncd show` lists sessions and tasks; ids of children begin with those of their task or session."
        raise ConfigError(f"the table {table} has no row {row_id!r}, and no change of one is remembered", hint)
    return found


def session_changes(store: SqlStore, bundle: str, limit: int) -> list[Event]:
    """Return the last changes of a session, oldest first."""
    return _events(store, "bundle = ?", (bundle,), limit)


def _events(store: SqlStore, where: str, values: Sequence[Any], limit: int = -1) -> list[Event]:
    text = f"SELECT {LOGGED} FROM changes WHERE {where} ORDER BY seq DESC"  # noqa: S608  our own words
    if limit >= 0:
        text += f" LIMIT {limit}"
    return [_event(*row) for row in reversed(store.query(text, values))]


def _event(*row: Any) -> Event:
    seq, at, bundle, path, generation, table, row_id, op, before, after, cause = row
    return Event(seq, at, bundle, path, generation, table, row_id, op, cause, _fields(before, after))


def _fields(before: str | None, after: str | None) -> dict[str, Field]:
    with legible():
        old, new = json.loads(before or "{}"), json.loads(after or "{}")
    return {name: Field(old.get(name), new.get(name)) for name in {**old, **new}}


def known_since(store: SqlStore, bundle: str) -> str | None:
    """Return from when on the past of a session is known; None where it never gave a row."""
    read = "SELECT at FROM changes WHERE bundle = ? AND op = 'r' ORDER BY seq DESC LIMIT 1"
    found = store.query(read, (bundle,))
    return max(str(found[0][0]), store.horizon() or "") if found else store.horizon()


def row_known_since(store: SqlStore, family: Family, table: str, row_id: str) -> str | None:
    """Return from when on the past of a row is known; None where nothing ever was."""
    if table in family.built_in:
        return _beginning(store)
    bundle = _bundle_of(store, family, table, row_id)
    return known_since(store, bundle) if bundle is not None else _nobodys_since(store, family, table, row_id)


def _nobodys_since(store: SqlStore, family: Family, table: str, row_id: str) -> str | None:
    """Return from when on it is known that there is no such row: it may have been of a session that was pruned."""
    pruned = store.query("SELECT bundle, at FROM changes WHERE op = 'r' AND cause = 'prune' ORDER BY seq DESC")
    for bundle, at in pruned:
        if any(low <= row_id < high for low, high in family.key_ranges(table, family.bundle_named(bundle))):
            return str(at)
    return _beginning(store)


def row_at(store: SqlStore, family: Family, table: str, row_id: str, at: str) -> Moment:
    """Return one row as it was at a time, in ``rows[table]``; no row there means that there was none."""
    _check_id(row_id)
    seq = _seq_at(store, at)
    since = row_known_since(store, family, table, row_id)
    if since is None or at < since:
        return Moment(at, seq, known=False, since=since)
    rows = store.log.state(table, seq, ((row_id, f"{row_id}\1"),))
    last = _events(store, "table_name = ? AND row_id = ? AND seq <= ?", (table, row_id, seq), 1)
    found = [_whole(table, rows[row_id])] if row_id in rows else []
    return Moment(at, seq, known=True, since=since, rows={table: found}, last=last[0] if last else None)


def _check_id(row_id: str) -> None:
    """Raise ConfigError for an id that no database could hold."""
    try:
        plain = "\0" not in row_id and bool(row_id.encode())
    except UnicodeEncodeError:
        plain = False
    if not plain:
        raise ConfigError(f"{row_id[:80]!r} is the id of no row", "Ids are text in UTF-8; `syncd show` lists some.")


def _seq_at(store: SqlStore, at: str) -> int:
    """Return the last entry of the log that counts at a time. Raises ConfigError for one that is still to come."""
    if at > max(store.moment(), store.log.last()[1]):  # the log may be ahead of a clock that was set back
        raise ConfigError(f"{at} UTC is still to come", f"It is {store.moment()} UTC; a time without a zone is in UTC "
                          "unless naive_timezone says otherwise.")  # fmt: skip
    return store.log.seq_at(at)


def _bundle_of(store: SqlStore, family: Family, table: str, row_id: str) -> str | None:
    """Return the bundle that a row belongs to, from the log where it is gone; None for a row of no bundle."""
    for (path,) in store.query(f'SELECT source_path FROM "{table}" WHERE id = ?', (row_id,)):  # noqa: S608
        return family.owner(table, row_id, path)
    logged = store.query(
        "SELECT bundle FROM changes WHERE table_name = ? AND row_id = ? ORDER BY seq DESC LIMIT 1", (table, row_id)
    )
    return str(logged[0][0]) if logged else None


def table_at(store: SqlStore, family: Family, table: str, at: str) -> Moment:
    """Return a whole table as it was at a time."""
    return _at(store, family, {table: EVERYTHING}, at)


def session_at(store: SqlStore, family: Family, bundle: Bundle, at: str) -> Moment:
    """Return all rows of one session as they were at a time, by table."""
    since = known_since(store, bundle.id)
    if since is None or at < since:
        return Moment(at, _seq_at(store, at), known=False, since=since, unknown=(bundle.id,))
    ranges = {table: family.key_ranges(table, bundle) for table in family.tables}
    found = _at(store, family, {table: each for table, each in ranges.items() if each}, at)
    own = {
        table: [row for row in rows if family.owner(table, row["id"], row["source_path"]) == bundle.id]
        for table, rows in found.rows.items()
    }
    return Moment(at, found.seq, known=True, since=since, rows=own)


def _at(store: SqlStore, family: Family, wanted: dict[str, Ranges], at: str) -> Moment:
    seq = _seq_at(store, at)
    since = _beginning(store)
    if since is None or at < since:
        return Moment(at, seq, known=False, since=since)
    states = {table: store.log.state(table, seq, each) for table, each in wanted.items()}
    unknown = store.log.first_read_after(seq)  # asked last: a session that came meanwhile is not known either
    rows = {
        table: [_whole(table, row) for row in _known(family, table, state, unknown)] for table, state in states.items()
    }
    return Moment(at, seq, known=True, since=since, rows=rows, unknown=tuple(sorted(unknown)))


def _known(family: Family, table: str, rows: dict[str, Record], unknown: frozenset[str]) -> Iterator[Record]:
    """Yield rows in order of their ids, less those of sessions that were first read later."""
    told = not unknown or table in family.built_in
    for row_id in sorted(rows):
        row = rows[row_id]
        if told or family.owner(table, row_id, row.get("source_path")) not in unknown:
            yield row


def _beginning(store: SqlStore) -> str | None:
    """Return from when on anything is known."""
    first = store.query("SELECT at FROM changes ORDER BY seq LIMIT 1")
    return store.horizon() or (str(first[0][0]) if first else None)


def _whole(table: str, row: Record) -> Record:
    """Return a row with every column of today's table, in order."""
    columns = COLUMNS[table]
    return row if len(row) == len(columns) else {column: row.get(column) for column in columns}
