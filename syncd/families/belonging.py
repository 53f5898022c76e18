"""Which rows are whose: a session's, or those of a directory ``data``; told by table, id and source path. Pure."""

import re
from collections.abc import Callable

from syncd.families.children import CHILDREN
from syncd_models.documents.business import BUSINESS, ROSTER
from syncd_models.schema import TABLES
from syncd_models.values import DEFAULT_WORKSPACE, Bundle, Row

DATA = "data"
SESSION_ID = {
    table: TABLES[table].columns.index("session_id")
    for table in ("tasks", *CHILDREN)
    if "session_id" in TABLES[table].columns
}
BEYOND = "\U0010ffff"
"""What no id of ours begins with."""


def bundle_named(bundle_id: str) -> Bundle:
    """Return the bundle with an id: ``web/session-1`` lies in the workspace ``web``."""
    workspace, _, name = bundle_id.rpartition("/")
    return Bundle(workspace or DEFAULT_WORKSPACE, name)


def key_ranges(table: str, bundle: Bundle) -> tuple[tuple[str, str], ...]:
    """Return the ranges of ids that hold a bundle's rows; ``session-1-`` also begins the ids of ``session-1-2``."""
    beneath = (f"{bundle.id}/", f"{bundle.id}0")
    if bundle.name == DATA:
        if bundle.workspace == DEFAULT_WORKSPACE:
            return (("", BEYOND),) if table in BUSINESS or table in ROSTER else ()
        return (beneath,) if table in BUSINESS else ()
    if table in BUSINESS:
        return (beneath,)
    if table in ROSTER:
        return ()
    if table == "sessions":
        return ((bundle.id, f"{bundle.id}\1"),)  # no id holds U+0000, which not every database takes
    tasks = (f"task-{bundle.id}-", f"task-{bundle.id}.")
    return (tasks,) if table == "tasks" else (tasks, beneath)


def owns(bundle: Bundle, table: str, row: Row, is_bundle: Callable[[str], bool]) -> bool:
    """Tell whether a held row, found in the range of ids of a bundle, is its own; what is nobody's is too."""
    home = str(row[-2]).partition("/")[0]
    if bundle.name != DATA:
        column = SESSION_ID.get(table)
        of_session = column is not None and row[column] == bundle.id
        return home == bundle.name or of_session or table == "sessions" or not is_bundle(home)
    if table in ROSTER:
        return True
    if home == DATA:
        return _data(str(row[0])) == bundle.id
    return bundle.workspace == DEFAULT_WORKSPACE and not is_bundle(home)


def owner(table: str, row_id: str, source_path: str | None, is_bundle: Callable[[str], bool]) -> str:
    """Return the id of the bundle that gave a row; where the source does not say, whatever the row's id suggests."""
    if table in ROSTER:
        return DATA
    if table == "sessions":
        return row_id
    home = str(source_path).partition("/")[0]
    if home == DATA:
        return _data(row_id)
    # The id of a row begins with that of its session, or with "task-" and that; a workspace may stand before the name.
    if found := re.match(rf"(?:task-)?((?:[^/]+/)??{re.escape(home)})(?=[-/])", row_id, re.DOTALL):
        return found[1]
    return _suggested(table, row_id.removeprefix("task-"), is_bundle)


def _data(row_id: str) -> str:
    """Return the id of the directory ``data`` that gave a row: ``web/data/1`` is of ``web/data``, ``1`` of ``data``."""
    workspace, _, rest = row_id.partition("/")
    return f"{workspace}/{DATA}" if rest.startswith(f"{DATA}/") else DATA


def _suggested(table: str, row_id: str, is_bundle: Callable[[str], bool]) -> str:
    """Return the bundle that an id alone suggests."""
    first, *rest = row_id.split("/")
    if rest and not is_bundle(first) and is_bundle(rest[0]):
        return f"{first}/{rest[0]}"
    return DATA if table in BUSINESS and not (rest and is_bundle(first)) else first
