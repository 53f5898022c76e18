"""Which rows are whose, told by their ids and sources."""

import pytest

from syncd.families.belonging import bundle_named
from syncd.families.compound_state import Options, compound_state
from syncd_models.documents.business import BUSINESS
from syncd_models.schema import TABLES
from syncd_models.values import Bundle, Row

FAMILY = compound_state(Options())
HERE, THERE = Bundle("default", "data"), Bundle("web", "data")
ONE, WEB_ONE = Bundle("default", "session-1"), Bundle("web", "session-1")


def row(table: str, row_id: str, source_path: str | None, session_id: str | None = None) -> Row:
    """Make a held row of which only these columns matter."""
    said = {"id": row_id, "source_path": source_path, "session_id": session_id, "synced_rev": 1}
    return tuple(said.get(column) for column in TABLES[table].columns)


@pytest.mark.parametrize("bundle", [HERE, THERE, ONE, WEB_ONE])
def test_a_bundle_is_found_by_its_id(bundle: Bundle) -> None:
    """An id names workspace and directory."""
    assert bundle_named(bundle.id) == bundle


def test_a_vanished_session_is_archived_and_a_vanished_data_directory_is_not() -> None:
    """No row speaks of the data directory itself."""
    assert FAMILY.archived("session-1")
    assert not FAMILY.archived("data")
    assert FAMILY.unlisted == ("data",)


@pytest.mark.parametrize(
    ("bundle", "table", "ranges"),
    [
        (ONE, "agents", ()),
        (ONE, "leads", (("session-1/", "session-10"),)),
        (WEB_ONE, "leads", (("web/session-1/", "web/session-10"),)),
        (ONE, "tasks", (("task-session-1-", "task-session-1."),)),
        (HERE, "leads", (("", "\U0010ffff"),)),
        (HERE, "agents", (("", "\U0010ffff"),)),
        (HERE, "tasks", ()),
        (THERE, "leads", (("web/data/", "web/data0"),)),
        (THERE, "agents", ()),
        (THERE, "sessions", ()),
    ],
)
def test_ids_lie_in_ranges(bundle: Bundle, table: str, ranges: tuple[tuple[str, str], ...]) -> None:
    """The roster is that of the default workspace alone, where a business row may have any id."""
    assert FAMILY.key_ranges(table, bundle) == ranges


@pytest.mark.parametrize(
    ("bundle", "found", "mine"),
    [
        (ONE, ("leads", "session-1/a", "session-1/a.json"), True),
        (ONE, ("leads", "session-1/a", "data/leads.json"), False),
        (ONE, ("leads", "session-1/a", None), True),
        (ONE, ("tasks", "task-session-1-2-a", "session-1-2/a.json"), False),
        (ONE, ("tasks", "task-session-1-2-a", "session-1-2/a.json", "session-1"), True),
        (ONE, ("sessions", "session-1", "elsewhere/a.json"), True),
        (HERE, ("agents", "agent-a", None), True),
        (HERE, ("leads", "a", "data/leads.json"), True),
        (HERE, ("leads", "web/data/a", "data/leads.json"), False),
        (HERE, ("leads", "session-1/a", "session-1/a.json"), False),
        (HERE, ("leads", "a", None), True),
        (HERE, ("leads", "a", "elsewhere/a.json"), True),
        (THERE, ("leads", "web/data/a", "data/leads.json"), True),
        (THERE, ("leads", "web/data/a", "elsewhere/a.json"), False),
        (THERE, ("leads", "web/data/a", "session-1/a.json"), False),
    ],
)
def test_a_held_row_has_an_owner(bundle: Bundle, found: tuple[str, ...], mine: bool) -> None:  # noqa: FBT001
    """A row that comes from nowhere is put right by whoever finds it."""
    assert FAMILY.owns(bundle, found[0], row(*found)) is mine


@pytest.mark.parametrize(
    ("table", "row_id", "path", "owner"),
    [
        ("agents", "agent-a", None, "data"),
        ("teams", "team-a", "data/teams.json", "data"),
        ("sessions", "web/session-1", "session-1/a.json", "web/session-1"),
        ("leads", "a", "data/leads.json", "data"),
        ("leads", "x/y", "data/leads.json", "data"),
        ("leads", "web/data/a", "data/leads.json", "web/data"),
        ("tasks", "task-session-1-backend", "session-1/backend.json", "session-1"),
        ("tasks", "task-web/session-1-backend", "session-1/backend.json", "web/session-1"),
        ("tasks", "task-session-1-2-a", "session-1-2/a.json", "session-1-2"),
        ("task_items", "session-1/item/0", "session-1/orchestrator.json", "session-1"),
        ("task_items", "task-session-1-a/item/0", "session-1/a.json", "session-1"),
        ("metrics", "web/session-1/a/", "session-1/orchestrator.json", "web/session-1"),
        ("content", "session-1/session-1/a", "session-1/a.json", "session-1"),
        ("content", "session-1/own\nid", "session-1/a.json", "session-1"),
        ("task_items", "task-1/item/0", "task-1/orchestrator.json", "task-1"),
        ("content", "session-1/a", None, "session-1"),
        ("content", "web/session-1/a", None, "web/session-1"),
        ("content", "web/data/a", None, "web/data"),
        ("content", "a", None, "data"),
        ("content", "x/a", "odd", "data"),
        ("tasks", "task-session-1-a", None, "session-1-a"),
        ("task_items", "session-1/item/0", "elsewhere/a.json", "session-1"),
        ("tasks", "", "", ""),
    ],
)
def test_an_owner_is_told_by_id_and_source(table: str, row_id: str, path: str | None, owner: str) -> None:
    """Where the source does not say it, the id suggests something."""
    assert FAMILY.owner(table, row_id, path) == owner


def test_every_table_of_the_family_is_known() -> None:
    """Parents come first, and only sessions have tasks."""
    assert FAMILY.tables[:4] == ("teams", "agents", "sessions", "tasks")
    assert FAMILY.tables[-len(BUSINESS) :] == tuple(BUSINESS)
    assert FAMILY.retained == {"metrics", "teams", "agents"}
