"""Business records and the roster as files list them: entries of ``data/`` and of sections become rows. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import tzinfo
from typing import Any, NamedTuple

from syncd.core.family import Past
from syncd.core.moments import moment_text, parse_moment
from syncd.errors import ShapeError
from syncd.families.credentials import cleared, is_credential
from syncd_models.documents.business import BUSINESS, ROSTER, Listed, TableFile, camel
from syncd_models.documents.lenient import LARGEST, MOST_NOTES, SMALLEST, pointer, wrong_types
from syncd_models.schema import TABLES
from syncd_models.values import Fault, Row, Value

KINDS = ROSTER | BUSINESS
SECTIONS = frozenset(BUSINESS)
COLUMNS = {table: TABLES[table].columns[1:-2] for table in KINDS}
TIMES = {
    table: [way for name in columns if name.endswith(("_at", "_date")) for way in (name, camel(name))]
    for table, columns in COLUMNS.items()
}
FIELDS = {
    table: {"id", *(way for name in columns for way in (name, camel(name)))} for table, columns in COLUMNS.items()
}
LONGEST_ID = 255
LONGEST_NAME = 100


class Doubts:
    """What is odd about entries, in the order in which it was met."""

    def __init__(self) -> None:
        """Begin without any."""
        self.wrong: list[str] = []
        self.others: list[str] = []

    def notes(self) -> list[str]:
        """Return a note on each, the first few of either kind by name."""
        return [*(wrong_types(self.wrong) if self.wrong else ()), *few(self.others)]


def few(notes: list[str]) -> list[str]:
    """Return so many notes that they can be read, and how many more there are."""
    more = [f"{len(notes) - MOST_NOTES} more of that kind"] if len(notes) > MOST_NOTES else []
    return notes[:MOST_NOTES] + more


def read_table(path: str, data: Any, naive: tzinfo) -> tuple[TableFile, list[str]]:
    """Read the file of one table in ``data/``; raises ShapeError."""
    table = stem_of(path)
    way: tuple[str, ...] = ()
    if isinstance(data, dict) and isinstance(data.get(table), (list, dict)):
        data, way = data[table], (table,)
    if (odd := oddity(table, data)) is not None:
        raise ShapeError(Fault(f"holds {odd} where {path} is a list of objects, or an object of them by id", 1, 1))
    doubts = Doubts()
    listed = list(entries(table, data, naive, doubts, way))
    return TableFile(table, listed), doubts.notes()


def stem_of(path: str) -> str:
    """Return what a file is named for: ``session-1/backend.json`` gives ``backend``, ``data/leads.json`` ``leads``."""
    return path.rpartition("/")[2].removesuffix(".json")


def read_sections(data: Mapping[str, Any], naive: tzinfo) -> tuple[dict[str, list[Listed]], list[str]]:
    """Read the sections of a state file, in the order in which they stand there."""
    doubts = Doubts()
    found: dict[str, list[Listed]] = {}
    for table, section in data.items():
        if table not in SECTIONS or section is None:
            continue
        odd = oddity(table, section)
        if odd is None:
            found[table] = list(entries(table, section, naive, doubts, (table,)))
        elif odd == RECORD:
            doubts.others.append(f"/{table}: {RECORD} where a list of them belongs, read as absent")
        else:
            doubts.wrong.append(f"/{table}")
    return found, doubts.notes()


RECORD = "a single record"
KINDS_OF_JSON: dict[type, str] = {
    list: "a list", str: "text", int: "a number", float: "a number", bool: "true or false", type(None): "null",
}  # fmt: skip


def oddity(table: str, found: Any) -> str | None:
    """Say what stands where entries should; None where it is entries."""
    if isinstance(found, list):
        return None
    if not isinstance(found, dict):
        return KINDS_OF_JSON[type(found)]
    record = any(not isinstance(value, dict) for key, value in found.items() if key in FIELDS[table])
    return RECORD if record else None


def entries(
    table: str, found: list[Any] | dict[str, Any], naive: tzinfo, doubts: Doubts, way: tuple[str, ...]
) -> Iterator[Listed]:
    """Yield the entries of a list, or of an object by id; unreadable ones keep their positions."""
    by_id = isinstance(found, dict)
    named: Iterable[tuple[Any, Any]] = found.items() if isinstance(found, dict) else enumerate(found)
    model, _ = KINDS[table]
    columns = COLUMNS[table]
    for position, (name, written) in enumerate(named):
        here = pointer(*way, name[:LONGEST_NAME] if by_id else name)
        if table == "integrations" and by_id and (isinstance(written, str) or is_credential(name)):
            doubts.others.append(f"{here}: may be a credential, read as absent")
        elif (fields := fields_of(table, written)) is not None:
            doubts.others += unread_times(table, fields, naive, here)
            entry, wrong = model.sift(cleared(fields) if table == "integrations" else fields)
            doubts.wrong += [f"{here}{each}" for each in wrong]
            own = own_id(entry.id) or (own_id(name) if by_id else None)
            yield Listed(own, position, tuple(getattr(entry, column) for column in columns))
        elif not blank(written):
            doubts.wrong.append(here)


def fields_of(table: str, written: Any) -> dict[str, Any] | None:
    """Return the fields of an entry that say anything, the main one of text alone; None where it is no entry."""
    if isinstance(written, str):
        return None if blank(written) else {KINDS[table].main: written}
    if not isinstance(written, dict):
        return None
    fields = {key: value for key, value in written.items() if not blank(value)}
    number = fields.get("id")
    if isinstance(number, int) and not isinstance(number, bool) and SMALLEST <= number <= LARGEST:
        fields["id"] = str(number)
    return fields


def blank(value: Any) -> bool:
    """Tell whether a value says nothing at all."""
    return value is None or (isinstance(value, str) and not value.strip())


def unread_times(table: str, fields: dict[str, Any], naive: tzinfo, here: str) -> Iterator[str]:
    """Turn times into what the database holds, take out those that are none, and note them."""
    for name in TIMES[table]:
        value = fields.get(name)
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            if moment := parse_moment(value, naive):
                fields[name] = moment_text(moment)
            else:
                del fields[name]
                yield f"{here}/{name}: not a time, read as absent"


def own_id(text: str | None) -> str | None:
    """Return a text that may be the id of a row."""
    return text if text and not blank(text) and len(text) <= LONGEST_ID else None


class Found(NamedTuple):
    """One entry that becomes a row."""

    table: str
    row_id: str
    values: tuple[Value, ...]
    path: str


def in_sections(session: str, sectioned: Mapping[str, Mapping[str, list[Listed]]]) -> Iterator[Found]:
    """Yield the entries of the sections of a session's files, in the order of their paths."""
    for path, sections in sorted(sectioned.items()):
        for table, listed in sections.items():
            for own, position, values in listed:
                yield Found(table, f"{session}/{own or f'{stem_of(path)}/{position}'}", values, path)


def settled(found: Iterable[Found], past: Past) -> tuple[dict[str, list[Row]], dict[str, list[str]]]:
    """Return the rows by table and the notes by path: of entries with one id the last counts.

    A row of a file that comes later, and cannot speak now, stands.
    """
    rows: dict[str, dict[str, Row]] = {}
    notes: dict[str, list[str]] = {}
    for table, row_id, values, path in found:
        held = past.held.rows.get(table, {}).get(row_id)
        if held is not None and held[-2] in past.kept and str(held[-2]) > path:
            continue
        known = rows.setdefault(table, {})
        if row_id in known:
            notes.setdefault(path, []).append(f"the id {row_id} stands twice; the last one counts")
        known[row_id] = (row_id, *values, path)
    return {table: list(known.values()) for table, known in rows.items()}, notes
