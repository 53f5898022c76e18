"""Walking back: from rows and what happened since to the rows as they were."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.walk import EPOCH, Entry, Record, epoch_of, last_of, walk_back

Rows = dict[str, Record | None]

CASES: dict[str, tuple[Rows, list[Entry], Rows]] = {
    "nothing happened": ({"a": {"x": 1}}, [], {"a": {"x": 1}}),
    "it was created": ({"a": {"x": 1}}, [Entry("a", "c", None)], {"a": None}),
    "it was updated": ({"a": {"x": 1, "y": 2}}, [Entry("a", "u", '{"x":0}')], {"a": {"x": 0, "y": 2}}),
    "it held nothing": ({"a": {"x": 1}}, [Entry("a", "u", '{"x":null}')], {"a": {"x": None}}),
    "it was deleted": ({}, [Entry("a", "d", '{"x":1}')], {"a": {"x": 1}}),
    "it was deleted and is not there": ({"a": None}, [Entry("a", "d", '{"x":1}')], {"a": {"x": 1}}),
    "it came and went": ({}, [Entry("a", "d", '{"x":2}'), Entry("a", "c", None)], {"a": None}),
    "it went and came back": ({"a": {"x": 2}}, [Entry("a", "c", None), Entry("a", "d", '{"x":1}')], {"a": {"x": 1}}),
    "A, B, A": ({"a": {"x": "A"}}, [Entry("a", "u", '{"x":"B"}'), Entry("a", "u", '{"x":"A"}')], {"a": {"x": "A"}}),
    "another row": ({"a": {"x": 1}, "b": {"x": 1}}, [Entry("b", "c", None)], {"a": {"x": 1}, "b": None}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_entries_are_taken_back(case: str) -> None:
    """Newest first: a creation leads to no row, a deletion to the row that left, an update to what columns held."""
    rows, entries, before = CASES[case]
    assert walk_back(rows, entries) == before


def test_what_is_given_is_left_alone() -> None:
    """The rows that were walked back from are still what they were."""
    rows: Rows = {"a": {"x": 1}}
    walk_back(rows, [Entry("a", "u", '{"x":0}'), Entry("b", "d", '{"x":5}')])
    assert rows == {"a": {"x": 1}}


states = st.dictionaries(
    st.sampled_from("abc"),
    st.fixed_dictionaries({"x": st.integers(0, 2), "y": st.none() | st.text("ä\x00", max_size=2)}),
)


def entries_between(old: dict[str, Record], new: dict[str, Record]) -> list[Entry]:
    """Return the entries of a log that lead from one state to the next, oldest first."""
    found = []
    for row_id in sorted(old.keys() | new.keys()):
        before, after = old.get(row_id), new.get(row_id)
        if before is None and after is not None:
            found.append(Entry(row_id, "c", None))
        elif before is not None and after is None:
            found.append(Entry(row_id, "d", json.dumps(before)))
        elif before is not None and after is not None and before != after:
            changed = {name: value for name, value in before.items() if value != after[name]}
            found.append(Entry(row_id, "u", json.dumps(changed)))
    return found


@given(st.lists(states, min_size=2, max_size=6), st.data())
def test_every_state_is_found_again(history: list[dict[str, Record]], data: st.DataObject) -> None:
    """From the last state, whatever happened in between leads back to each earlier one."""
    then = data.draw(st.integers(0, len(history) - 1))
    entries = [
        entry
        for old, new in zip(history[then:], history[then + 1 :], strict=False)
        for entry in entries_between(old, new)
    ]
    found = walk_back(history[-1], reversed(entries))
    assert {row_id: row for row_id, row in found.items() if row is not None} == history[then]


@given(st.integers(1, 10**12), st.sampled_from((1, 2, 7, EPOCH)))
def test_an_entry_lies_in_one_epoch(seq: int, size: int) -> None:
    """Not after the last entry of its epoch, and after that of the one before."""
    epoch = epoch_of(seq, size)
    assert last_of(epoch - 1, size) < seq <= last_of(epoch, size)
    assert epoch_of(last_of(epoch, size), size) == epoch


def test_an_epoch_keeps_its_size() -> None:
    """Snapshots in databases count in it: another size would read them wrongly."""
    assert EPOCH == 8_192
