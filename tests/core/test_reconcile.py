"""What differs between disk and ledger, and when a pass may remove what is gone."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.reconcile import Drifted, Group, Stamps, brake, drift, grouped

NAMES = st.sampled_from(
    ["session-1", "session-1-2", "session-10", "session-2", "session-é", "orchestrator-1", "session-1."]
)
FILES = st.dictionaries(st.sampled_from(["a.json", "b.json", "z/"]), st.tuples(*[st.integers(0, 1)] * 4), min_size=1)
TREES = st.dictionaries(NAMES, FILES)
Tree = dict[str, dict[str, tuple[int, int, int, int]]]


def groups(tree: Tree) -> list[Group]:
    """Return the stamps of a tree, as a scan yields them: in order of name with its slash."""
    found = sorted((f"{name}/", files) for name, files in tree.items())
    return [(name, sorted((name + file, *stat) for file, stat in files.items())) for name, files in found]


def flat(tree: Tree) -> list[Stamps]:
    """Return the stamps of a tree, as a store yields them: in order of path."""
    return sorted((f"{name}/{file}", *stat) for name, files in tree.items() for file, stat in files.items())


@given(TREES, TREES)
def test_drift_is_what_sets_would_say(present: Tree, held: Tree) -> None:
    """Bundles of only one side, and those of both with other stamps, each once and in order."""
    found = [*drift(groups(present), groups(held))]
    vanished = {each.name for each in found if each.vanished}
    assert vanished == held.keys() - present.keys()
    assert {each.name for each in found} - vanished == {
        name for name, files in present.items() if files != held.get(name)
    }
    assert [each.name for each in found] == sorted({each.name for each in found}, key=lambda name: f"{name}/")


@given(TREES)
def test_nothing_drifts_from_itself(tree: Tree) -> None:
    """The same stamps from a scan and from the store are no drift."""
    assert [*drift(groups(tree), grouped(flat(tree)))] == []


@given(TREES)
def test_stamps_in_order_of_path_are_grouped_by_bundle(tree: Tree) -> None:
    """session-1-2/ and session-1./ stand before session-1/, and no bundle comes twice."""
    assert [*grouped(flat(tree))] == groups(tree)


def test_no_stamps_are_no_groups() -> None:
    """An empty ledger has no bundles."""
    assert [*grouped([])] == []


def test_streams_are_read_as_they_are_needed() -> None:
    """Memory stays flat: what is yielded does not wait for the end of a stream."""

    def endless(start: int) -> Iterator[Group]:
        for n in range(start, 10**9):
            yield f"session-{n:010}/", [(f"session-{n:010}/a.json", 1, 1, 1, 1)]

    assert next(drift(endless(5), endless(0))) == Drifted("session-0000000000", vanished=True)
    assert next(drift(endless(0), endless(5))) == Drifted("session-0000000000", vanished=False)


@pytest.mark.parametrize(("held", "vanished", "same_root", "left", "wanted"), [
    (0, 0, True, False, None),
    (5, 0, False, False, None),
    (5, 1, False, True, "the root is not the directory that it was"),
    (1, 1, False, False, "the root is not the directory that it was"),
    (1, 1, True, False, None),
    (2, 1, True, True, None),
    (2, 2, True, False, "no session is left"),
    (2, 2, True, True, None),
    (10, 10, True, False, "no session is left"),
    (10, 10, True, True, None),
    (10, 9, True, True, None),
    (11, 11, True, True, "11 of 11 sessions are gone at once"),
    (20, 10, True, True, None),
    (21, 11, True, True, "11 of 21 sessions are gone at once"),
    (22, 11, True, True, None),
    (1000, 500, True, True, None),
    (1000, 501, True, True, "501 of 1000 sessions are gone at once"),
    (1000, 1000, True, False, "no session is left"),
])  # fmt: skip
def test_the_brake_holds_when_too_much_is_gone_at_once(
    *, held: int, vanished: int, same_root: bool, left: bool, wanted: str | None
) -> None:
    """More than ten and more than half, everything where there were two or more, or anything under another root."""
    assert brake(held, vanished, same_root=same_root, left=left) == wanted
