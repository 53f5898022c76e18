"""What changes between rows held and rows projected."""

from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.diff import diff
from syncd_models.values import Change, Row, Value

HeldRows: TypeAlias = dict[str, dict[str, Row]]
ProjectedRows: TypeAlias = dict[str, list[Row]]

A: Row = ("a", "x", 1, "s/a.json")
B: Row = ("b", "y", None, "s/b.json")


def held(*rows: Row, table: str = "tasks", rev: int = 3) -> HeldRows:
    """Return rows as a store holds them."""
    return {table: {str(row[0]): (*row, rev) for row in rows}}


@pytest.mark.parametrize(("before", "after", "wanted"), [
    ((), (), ()),
    ((A,), (A,), ()),
    ((), (A,), (Change("tasks", "a", None, A),)),
    ((A,), (), (Change("tasks", "a", A, None),)),
    ((A,), (("a", "z", 1, "s/a.json"),), (Change("tasks", "a", A, ("a", "z", 1, "s/a.json")),)),
    ((A,), (("a", "x", 1, "s/c.json"),), (Change("tasks", "a", A, ("a", "x", 1, "s/c.json")),)),
    ((A, B), (B, A), ()),
    ((A,), (B,), (Change("tasks", "b", None, B), Change("tasks", "a", A, None))),
    ((("a", 1.0, 0, "s/a.json"),), (("a", 1, False, "s/a.json"),), ()),
])  # fmt: skip
def test_rows_are_compared_by_id_and_by_value(
    before: tuple[Row, ...], after: tuple[Row, ...], wanted: tuple[Change, ...]
) -> None:
    """Equal rows are no change, whatever their order and whatever generation they were written in."""
    assert diff(held(*before), {"tasks": [*after]}) == wanted


def test_tables_keep_the_order_of_the_projection() -> None:
    """Parents come first; a table that is held only comes last."""
    found = diff(held(B, table="old") | held(table="tasks"), {"sessions": [A], "tasks": [A], "old": [], "items": [B]})
    assert [(change.table, change.op) for change in found] == [
        ("sessions", "c"), ("tasks", "c"), ("old", "d"), ("items", "c"),
    ]  # fmt: skip
    assert [change.table for change in diff(held(B, table="old"), {"tasks": [A]})] == ["tasks", "old"]


def test_rows_of_kept_files_stay_and_may_still_change() -> None:
    """A file that cannot speak takes nothing away, whatever table its rows are in."""
    assert diff(held(A, B), {"tasks": []}, kept=frozenset({"s/a.json"})) == (Change("tasks", "b", B, None),)
    other = ("a", "z", 1, "s/a.json")
    assert diff(held(A), {"tasks": [other]}, kept=frozenset({"s/a.json"})) == (Change("tasks", "a", A, other),)


def test_rows_of_retained_tables_are_never_deleted() -> None:
    """They are created and updated like all others."""
    other = ("a", "z", 1, "s/a.json")
    found = diff(held(A, B), {"tasks": [other]}, retained=frozenset({"tasks"}))
    assert found == (Change("tasks", "a", A, other),)


@pytest.mark.parametrize(
    ("before", "after", "op", "path"),
    [(None, A, "c", "s/a.json"), (A, B, "u", "s/b.json"), (A, None, "d", "s/a.json")],
)
def test_a_change_knows_its_operation_and_its_file(before: Row | None, after: Row | None, op: str, path: str) -> None:
    """The file is that of the row as it will be, else as it was."""
    change = Change("tasks", "a", before, after)
    assert (change.op, change.path) == (op, path)


PATHS = st.sampled_from(["s/a.json", "s/b.json", "s/c.json"])
CELLS: st.SearchStrategy[Value] = (
    st.none() | st.integers(0, 3) | st.sampled_from(["x", "y"]) | st.sampled_from([0.5, 2.0])
)
ROWS = st.dictionaries(st.sampled_from("abcdef"), st.tuples(CELLS, CELLS, PATHS), max_size=6).map(
    lambda found: [(row_id, *rest) for row_id, rest in found.items()]
)
TABLES = st.dictionaries(st.sampled_from(["sessions", "tasks", "metrics"]), ROWS)


def stored(rows: ProjectedRows, rev: int = 1) -> HeldRows:
    """Return projected rows as a store holds them."""
    return {table: {str(row[0]): (*row, rev) for row in found} for table, found in rows.items()}


def applied(old: HeldRows, changes: tuple[Change, ...]) -> HeldRows:
    """Return what is held after the changes, each of which has to fit what was there."""
    found = {table: dict(rows) for table, rows in old.items()}
    for change in changes:
        rows = found.setdefault(change.table, {})
        known = rows.pop(change.row_id, None)
        assert change.before == (known[:-1] if known else None)
        if change.after:
            rows[change.row_id] = (*change.after, 2)
    return found


def plain(rows: HeldRows) -> HeldRows:
    """Return rows without their generation, and without tables that have none."""
    return {table: {row_id: row[:-1] for row_id, row in found.items()} for table, found in rows.items() if found}


@given(TABLES, TABLES)
def test_applying_a_difference_gives_what_was_projected(old: ProjectedRows, new: ProjectedRows) -> None:
    """Every row is as projected afterwards, and no other is left; each row changes once at most."""
    changes = diff(stored(old), new)
    assert plain(applied(stored(old), changes)) == plain(stored(new))
    assert len({(change.table, change.row_id) for change in changes}) == len(changes)
    assert all(change.before != change.after for change in changes)


@given(TABLES)
def test_nothing_differs_from_itself(rows: ProjectedRows) -> None:
    """diff(x, x) is empty, and so is the difference after it has been applied."""
    assert diff(stored(rows), rows) == ()
    changes = diff({}, rows)
    assert diff(applied({}, changes), rows) == ()


@given(TABLES, TABLES, st.frozensets(PATHS), st.frozensets(st.sampled_from(["tasks", "metrics"])))
def test_what_is_kept_or_retained_is_all_that_stays(
    old: ProjectedRows, new: ProjectedRows, kept: frozenset[str], retained: frozenset[str]
) -> None:
    """The rows afterwards are the projected ones and, of the others, those of kept files and retained tables."""
    found = plain(applied(stored(old), diff(stored(old), new, kept=kept, retained=retained)))
    wanted = plain(stored(new))
    for table, rows in plain(stored(old)).items():
        staying = {row_id: row for row_id, row in rows.items() if table in retained or row[-1] in kept}
        if staying or table in wanted:
            wanted[table] = staying | wanted.get(table, {})
    assert found == wanted
