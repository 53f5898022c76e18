"""The promise itself, on random trees: the rows are what the files say, however they were read."""

from collections.abc import Sequence
from contextlib import closing

from hypothesis import given
from hypothesis import strategies as st

from syncd.core.patience import Patience
from syncd.engine import Pass
from syncd.verify import verify
from tests.reference import TABLES, project
from tests.trees import Edit, Tree, apply_edit, edits, trees, write_tree
from tests.workbench import Rows, Workbench, workbench


def expected(bench: Workbench) -> Rows:
    """Return the rows that the root of a workbench must give."""
    return project(bench.root, bench.workspace)


def assert_level(bench: Workbench, *others: Workbench) -> None:
    """Hold the rows of the database to the files of all its workspaces, table by table."""
    found, wanted = bench.rows(TABLES), expected(bench)
    for other in others:
        for table, rows in expected(other).items():
            wanted[table] |= rows
    for table in TABLES:
        assert found[table] == wanted[table], table


def sessions_of(bench: Workbench, order: Sequence[int] = ()) -> list[str]:
    """Return the names of the sessions on disk, shuffled by sort keys."""
    names = [name.rstrip("/") for name, _ in bench.source.scan()]
    keys = [*order, *range(len(names))]
    return [name for _, name in sorted(zip(keys, names, strict=False))]


@given(trees())
def test_a_synced_tree_gives_the_rows_of_the_reference(tree: Tree) -> None:
    """Two projections written apart agree, and a second sync finds nothing to write."""
    with workbench() as bench:
        write_tree(bench.root, tree)
        bench.sync()
        assert_level(bench)
        before = bench.dump()
        assert bench.sync() == []
        assert bench.dump() == before
        assert verify([bench.source], bench.store).differences == []


@given(trees(), st.lists(st.integers(0, 99), max_size=8))
def test_sessions_may_come_one_at_a_time_in_any_order(tree: Tree, order: list[int]) -> None:
    """Sessions synced by name, in any order, give the rows of one sync of everything."""
    with workbench() as bench:
        write_tree(bench.root, tree)
        for name in sessions_of(bench, order):
            bench.sync_some([name])
        assert_level(bench)
        assert bench.sync() == []


@given(trees(max_sessions=2).flatmap(lambda tree: st.permutations(sorted(tree.items()))))
def test_files_may_come_one_at_a_time_in_any_order(files: list[tuple[str, bytes]]) -> None:
    """A sync after each file ends with the rows of one sync of everything."""
    with workbench() as bench:
        for path, data in files:
            write_tree(bench.root, {path: data})
            bench.sync()
        assert_level(bench)


@given(trees(), trees())
def test_two_workspaces_share_a_database(one: Tree, two: Tree) -> None:
    """Sessions of the same name in two roots do not touch each other."""
    with workbench() as bench, closing(Workbench(bench.root.with_name("web"), bench.database, "web")) as web:
        write_tree(bench.root, one)
        write_tree(web.root, two)
        for each in (bench, web, bench):
            each.sync()
        assert_level(bench, web)
        before = bench.dump()
        assert [*bench.sync(), *web.sync()] == []
        assert bench.dump() == before


@given(trees(max_sessions=3).flatmap(lambda tree: st.tuples(st.just(tree), edits(tree))))
def test_whatever_happens_to_files_the_rows_follow(case: tuple[Tree, list[Edit]]) -> None:
    """After each write, cut or removal the rows are what the files and the past say, and a second sync is idle."""
    tree, steps = case
    with workbench() as bench:
        write_tree(bench.root, tree)
        bench.sync()
        for step in steps:
            apply_edit(bench.root, step)
            bench.sync(impatient())
        assert verify([bench.source], bench.store).differences == []
        before = bench.dump()
        assert bench.sync(impatient()) == []
        assert bench.dump() == before


def impatient() -> Pass:
    """Return a pass that takes every absence at its word."""
    return Pass(accept_missing=True, patience=Patience(grace=0.0))
