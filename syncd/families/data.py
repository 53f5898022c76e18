"""The directory ``data``: business records with ids of their own, and the roster of agents and teams. Pure.

A row of the roster that no file gives any more is what it would be without one, so agents and teams never leave.
"""

from collections.abc import Callable, Iterator, Mapping

from syncd.core.family import Past, Projection
from syncd.families.belonging import DATA
from syncd.families.business import KINDS, Found, few, settled
from syncd.families.roster import agent_id, agent_row, team_id, team_row
from syncd_models.documents.business import ROSTER, TableFile
from syncd_models.values import DEFAULT_WORKSPACE, Bundle, Row, Value

MADE: dict[str, Callable[[str], Row]] = {"teams": team_row, "agents": agent_row}
NOT_HERE = "agents and teams are those of the default workspace; this file gives no row"


def unknown(path: str) -> str:
    """Note a file that is named for no table."""
    return f"{path} is no table that syncd knows, so it gives no row; the tables are {', '.join(sorted(KINDS))}"


def project_data(
    bundle: Bundle, documents: Mapping[str, TableFile], past: Past, is_bundle: Callable[[str], bool]
) -> Projection:
    """Turn the files of ``data`` into rows: those of business tables, and in the default workspace the whole roster."""
    notes: dict[str, list[str]] = {path: [] for path in documents}
    rows: dict[str, list[Row]] = {table: [] for table in KINDS}
    found = [
        each for path in sorted(documents) for each in _found(bundle, path, documents[path], notes[path], is_bundle)
    ]
    given, doubled = settled(found, past)
    rows |= given
    for path, doubts in doubled.items():
        notes[path] += doubts
    references: dict[str, list[Row]] = {table: [] for table in ROSTER}
    if bundle.workspace == DEFAULT_WORKSPACE:
        rows |= {table: [*_roster(table, rows[table], past)] for table in ROSTER}
        known = {row[0] for row in rows["teams"]}
        teams = dict.fromkeys(str(row[1]) for row in rows["agents"] if row[1] not in known)
        references["teams"] = [team_row(team) for team in teams]
    return Projection(rows, references, {}, {path: tuple(few(said)) for path, said in notes.items() if said})


def _found(
    bundle: Bundle, path: str, file: TableFile, notes: list[str], is_bundle: Callable[[str], bool]
) -> Iterator[Found]:
    """Yield the entries of one file as rows to be, and note those that cannot be any."""
    at_home = bundle.workspace == DEFAULT_WORKSPACE
    if file.table in ROSTER and not at_home:
        notes.append(NOT_HERE)
        return
    for own, position, values in file.listed:
        if file.table in ROSTER:
            if own is None:
                notes.append(f"/{position}: has no id, gives no row")
            else:
                yield Found(file.table, *_member(file.table, own, values), path)
        elif not at_home:
            yield Found(file.table, f"{bundle.id}/{own or position}", values, path)
        elif own and _is_taken(own, is_bundle):
            notes.append(f"the id {own} is one that another workspace or a session may give; this entry gives no row")
        else:
            yield Found(file.table, own or str(position), values, path)


def _is_taken(own: str, is_bundle: Callable[[str], bool]) -> bool:
    """Tell whether a bare id looks like that of a row of another bundle: ``web/data/1``, ``session-1/1``."""
    first, *rest = own.split("/")
    within = len(rest) > 1 and is_bundle(rest[0])
    return within or (bool(rest) and first != DATA and is_bundle(first))


def _member(table: str, own: str, values: tuple[Value, ...]) -> tuple[str, tuple[Value, ...]]:
    """Return the id of an agent or a team, and its values; what its entry does not say is as if there were none."""
    if table == "teams":
        row_id = team_id(own)
    else:
        row_id = agent_id(own.removeprefix("agent-"))
        values = (team_id(str(values[0])) if values[0] else None, *values[1:])
    made = MADE[table](row_id)[1:-1]
    return row_id, tuple(known if value is None else value for value, known in zip(values, made, strict=True))


def _roster(table: str, given: list[Row], past: Past) -> Iterator[Row]:
    """Yield a row for every agent or team that is known: what its file says, else what it would be without one."""
    yield from given
    said = {row[0] for row in given}
    for row_id, held in past.held.rows.get(table, {}).items():
        if row_id not in said:
            yield held[:-1] if held[-2] in past.kept else MADE[table](row_id)
