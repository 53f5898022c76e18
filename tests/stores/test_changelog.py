"""The change log of a store: numbers, times and snapshots."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from itertools import pairwise

import pytest

from syncd.stores.changelog import ChangeLog
from syncd.stores.sql import SqlStore
from syncd_models.schema import TABLES
from syncd_models.values import Bundle, Change, Row, Step
from tests.past import BEGINNING, INSTANT, Chronicle, chronicle, moment_of

BUNDLE = Bundle("default", "session-1")
START = moment_of(BEGINNING.isoformat())
SIZE = 3
SECOND = timedelta(seconds=1)
STATUS = TABLES["leads"].columns.index("status")


@pytest.fixture
def told() -> Iterator[Chronicle]:
    """Lend a store with a clock and small epochs, and no rows."""
    with chronicle(SIZE) as made:
        yield made


def lead(row_id: str, state: str | None) -> Row | None:
    """Return the row of a lead with this status; None for no row."""
    if state is None:
        return None
    row = dict.fromkeys(TABLES["leads"].columns[:-1]) | {
        "id": row_id,
        "status": state,
        "source_path": "data/leads.json",
    }
    return (*row.values(),)


def step(before: str | None, after: str | None, row_id: str = "ann") -> Step:
    """Return a step that leads a row from one status to another."""
    return Step(BUNDLE, changes=(Change("leads", row_id, lead(row_id, before), lead(row_id, after)),))


def write(told: Chronicle, *steps: Step, store: SqlStore | None = None, keep: bool = True) -> None:
    """Write the entries of some steps, and nothing else, at the time of the clock."""
    store = store or told.bench.store
    with store.transaction(keep=keep):
        store.log.write(told.bench.family, list(steps), "sync", store.log_moment())


def snapshots(told: Chronicle) -> dict[tuple[str, int], str | None]:
    """Return the status that each snapshot holds, by row and epoch."""
    found = told.bench.store.query("SELECT row_id, epoch, state FROM snapshots")
    return {(row_id, epoch): state and json.loads(state)[STATUS] for row_id, epoch, state in found}


def story(told: Chronicle) -> None:
    """Write entries 1 and 2 at the start, 3 a second later, 4 and 5 three seconds later: A, B, C, D, E, F."""
    for pause, states in ((0, "ABC"), (1, "CD"), (2, "DEF")):
        told.wait(pause * SECOND)
        write(told, *(step(old, new) for old, new in pairwise(states)))


# Numbers and times

AT = {-INSTANT: 0, timedelta(): 2, INSTANT: 2, SECOND: 3, 3 * SECOND - INSTANT: 3, 3 * SECOND: 5, timedelta(days=1): 5}


@pytest.mark.parametrize("shift", AT)
def test_the_last_entry_by_a_time_is_found(shift: timedelta, told: Chronicle) -> None:
    """Of several at one time, the last."""
    story(told)
    assert told.bench.store.log.seq_at(moment_of(START, shift)) == AT[shift]


@pytest.mark.parametrize("shift", AT)
@pytest.mark.parametrize("gone", [(1, 2), (1, 2, 3, 4), (3,), (2, 3, 4)])
def test_entries_that_are_gone_are_stepped_over(gone: tuple[int, ...], shift: timedelta, told: Chronicle) -> None:
    """Before all that are left, it is the number before the first of them; else one of them or one that is gone."""
    story(told)
    left = [seq for seq in range(1, 6) if seq not in gone]
    told.bench.store.run("DELETE FROM changes WHERE seq = ?", [(seq,) for seq in gone])
    wanted = max((seq for seq in left if seq <= AT[shift]), default=left[0] - 1)
    assert told.bench.store.log.seq_at(moment_of(START, shift)) == wanted


BEFORE = {timedelta(): 0, INSTANT: 2, SECOND: 2, 2 * SECOND: 3, 3 * SECOND: 3, timedelta(days=1): 4}


@pytest.mark.parametrize("shift", BEFORE)
def test_what_was_written_before_a_time_never_is_all(shift: timedelta, told: Chronicle) -> None:
    """What was written at that very time is not, and the last entry stays, or numbers would begin anew."""
    story(told)
    assert told.bench.store.log.seq_before(moment_of(START, shift)) == BEFORE[shift]


def test_an_empty_log_has_no_numbers(told: Chronicle) -> None:
    """Whatever is asked of it."""
    log = told.bench.store.log
    assert (log.last(), log.before_first(), log.seq_at(START), log.seq_before(START)) == ((0, ""), 0, 0, 0)
    assert (log.state("leads", 0), log.first_read_after(0)) == ({}, frozenset())


# Snapshots


def test_a_row_has_one_snapshot_an_epoch(told: Chronicle) -> None:
    """As it was before its first change in it; entries 1 and 2 are of epoch 0, 3 to 5 of epoch 1."""
    story(told)
    assert snapshots(told) == {("ann", 0): "A", ("ann", 1): "C"}
    write(told, step("F", None), step(None, "G", "bo"))
    assert snapshots(told) == {("ann", 0): "A", ("ann", 1): "C", ("ann", 2): "F", ("bo", 2): None}


def test_a_transaction_that_is_taken_back_leaves_the_snapshot_to_the_next(told: Chronicle) -> None:
    """What it wrote is not there, so it counts for nothing."""
    write(told, step("A", "B"), step(None, "X", "bo"), keep=False)
    assert snapshots(told) == {}
    write(told, step("A", "C"))
    assert snapshots(told) == {("ann", 0): "A"}


def test_two_writers_in_one_epoch_keep_the_first_snapshot(told: Chronicle) -> None:
    """Whoever wrote it, and whether or not the other one knows."""
    database = told.bench.store.database
    with closing(SqlStore(database, database.open(), told.clock)) as other:
        other.log = ChangeLog(other, SIZE)
        write(told, step("A", "B"))
        write(told, step("B", "C"), store=other)
        write(told, step("C", "D"), store=other)
        write(told, step("D", "E"))
        assert snapshots(told) == {("ann", 0): "A", ("ann", 1): "C"}


def test_snapshots_go_up_to_the_epoch_of_an_entry(told: Chronicle) -> None:
    """Those of its own epoch lead to earlier ones only."""
    story(told)
    write(told, step("F", "G"))
    told.bench.store.log.drop_snapshots(5)
    assert snapshots(told) == {("ann", 2): "F"}


# States


@pytest.mark.parametrize("seq", range(6))
def test_the_state_after_each_entry_is_found(seq: int, told: Chronicle) -> None:
    """From the snapshot of a later epoch, or from what is gone today."""
    story(told)
    write(told, step("F", None))
    found = told.bench.store.log.state("leads", seq)
    assert {row_id: row["status"] for row_id, row in found.items()} == {"ann": "ABCDEF"[seq]}
    assert told.bench.store.log.state("leads", seq, (("ann", "ann\1"),)) == found
    assert told.bench.store.log.state("leads", seq, (("ao", "b"),)) == {}
    assert told.bench.store.log.state("leads", 6) == {}


def test_flags_are_held_as_the_database_holds_them(told: Chronicle) -> None:
    """A flag that a file says and the same one that is held do not differ."""
    columns = TABLES["integrations"].columns[:-1]
    there = dict.fromkeys(columns) | {"id": "mail", "is_active": True, "has_credentials": 0}
    gone = Change("integrations", "mail", (*there.values(),), None)
    write(told, Step(BUNDLE, changes=(gone,)))
    [(before,)] = told.bench.store.query("SELECT before FROM changes")
    assert json.loads(before)["is_active"] == 1
    assert json.loads(before)["is_active"] is not True
    [(state,)] = told.bench.store.query("SELECT state FROM snapshots")
    assert json.loads(state) == [*json.loads(before).values()]
