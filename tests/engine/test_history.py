"""The past is what it was: at every moment, of every table, row and session."""

import json
import re
import shutil
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.errors import ConfigError
from syncd.history import Field, changes, known_since, row_at, session_at, session_changes, time_of
from tests.past import INSTANT, SIZES, Chronicle, Event, bundle, chronicle, moment_of, pasts, relive
from tests.trees import Tree, write_tree

Past = tuple[Tree, list[Event]]
sizes = st.sampled_from(SIZES)
workspaces = st.sampled_from(("default", "default", "web"))


@given(pasts(), sizes, workspaces)
def test_every_moment_is_found_again(past: Past, epoch: int, workspace: str) -> None:
    """Whatever happened to files, and however the clock went, rows are told as they were."""
    relive(past, epoch, workspace)


@pytest.mark.soak
@settings(max_examples=3000)
@given(pasts(), sizes, workspaces)
def test_every_moment_of_many_pasts_is_found_again(past: Past, epoch: int, workspace: str) -> None:
    """The same, thousands of times."""
    relive(past, epoch, workspace)


# One file goes A, B, A

PATH = "session-1/backend.json"
TASK = "task-session-1-backend"
SECOND = timedelta(seconds=1)


def text(words: str, **more: object) -> bytes:
    """Return a state file with this task."""
    return json.dumps({"status": "running", "task": words, **more}).encode()


def story(told: Chronicle, *contents: bytes, pause: timedelta = SECOND, path: str = PATH) -> list[str]:
    """Write these contents one after the other, syncing after each; return the moments of the change log."""
    moments = []
    for data in contents:
        write_tree(told.bench.root, {path: data})
        told.sync()
        moments.append(told.bench.store.log_moment())
        told.wait(pause)
    return moments


def described(told: Chronicle, at: str) -> str | None:
    """Return what the task was at a time; None where that is unknown."""
    found = row_at(told.bench.store, told.bench.family, "tasks", TASK, at)
    return str(found.rows["tasks"][0]["description"]) if found.known else None


def test_a_b_a_is_three_generations() -> None:
    """The history has two changes, of generation 2 and 3, and each time in between shows its content."""
    with chronicle() as told:
        moments = story(told, text("A"), text("B"), text("A"))
        store = told.bench.store
        events = changes(store, "tasks", TASK)
        assert [(event.op, event.path, event.generation, event.at) for event in events] == [
            ("u", PATH, 2, moments[1]),
            ("u", PATH, 3, moments[2]),
        ]
        assert [event.fields["description"] for event in events] == [Field("A", "B"), Field("B", "A")]
        assert [described(told, at) for at in moments] == ["A", "B", "A"]
        assert described(told, moment_of(moments[2], -INSTANT)) == "B"
        versions = "SELECT generation, sha256 FROM file_versions WHERE path = ? ORDER BY generation"
        found = store.query(versions, (PATH,))
        assert [generation for generation, _ in found] == [1, 2, 3]
        assert found[0][1] == found[2][1] != found[1][1]
        assert store.query("SELECT generation, sha256 FROM files WHERE path = ?", (PATH,)) == [(3, found[2][1])]


def test_the_last_change_before_a_moment_is_told() -> None:
    """A row at a time comes with the change that made it so, or with when its session was first read."""
    with chronicle() as told:
        moments = story(told, text("A"), text("B"))
        store, family = told.bench.store, told.bench.family
        first, second = (row_at(store, family, "tasks", TASK, at) for at in moments)
        assert (first.last, first.since) == (None, moments[0])
        assert second.last == changes(store, "tasks", TASK)[0]


def test_a_row_that_was_not_there_yet_or_any_more_is_told_apart_from_an_unknown_one() -> None:
    """Between first read and creation there was no row; after its removal there is none; before, nobody knows."""
    with chronicle() as told:
        [first] = story(told, text("A"), path="session-1/frontend.json")
        [made] = story(told, text("A"))
        (told.bench.root / PATH).unlink()
        told.sync()
        store, family = told.bench.store, told.bench.family
        gone = store.log_moment()
        found = {at: row_at(store, family, "tasks", TASK, at) for at in (moment_of(first, -INSTANT), first, made, gone)}
        assert [each.known for each in found.values()] == [False, True, True, True]
        assert [len(each.rows.get("tasks", ())) for each in found.values()] == [0, 0, 1, 0]


# Clocks


def test_a_clock_that_goes_back_does_not_take_the_log_along() -> None:
    """Times in the log never go back, and each state is found under the time that the log gave it."""
    with chronicle() as told:
        moments = story(told, *(text(str(number)) for number in range(4)), pause=-timedelta(hours=1))
        assert moments == [moments[0]] * 4
        told.wait(timedelta(hours=5))
        later = story(told, text("later"))
        assert described(told, moments[0]) == "3"
        assert described(told, moment_of(later[0], -INSTANT)) == "3"
        assert described(told, later[0]) == "later"
        times = told.bench.store.query("SELECT at FROM changes ORDER BY seq")
        assert times == sorted(times)
        assert described(told, moment_of(moments[0], -INSTANT)) is None
        told.check()


def test_changes_of_one_instant_are_told_as_the_last_of_them_left_it() -> None:
    """A time names the state after everything that was committed by then; the history has every step."""
    with chronicle(epoch=2) as told:
        moments = story(told, *(text(word) for word in "ABCDE"), pause=timedelta(0))
        assert moments == [moments[0]] * 5
        assert described(told, moments[0]) == "E"
        events = changes(told.bench.store, "tasks", TASK)
        assert [event.fields["description"].after for event in events] == [*"BCDE"]
        told.check()


# Sessions


def test_a_session_at_a_time_has_its_own_rows_only() -> None:
    """Of sessions whose names begin alike, each has its own, at every time."""
    with chronicle() as told:
        for name in ("session-1", "session-1-2", "session-1-22"):
            story(told, text(f"{name} early", metrics={"a": 1}), path=f"{name}/backend.json")
        story(told, text("late", metrics={"a": 2}), path="session-1-2/backend.json")
        told.check()
        at = moment_of(told.bench.store.log_moment(), -INSTANT)
        found = session_at(told.bench.store, told.bench.family, bundle("session-1"), at)
        assert {row["source_path"].split("/")[0] for each in found.rows.values() for row in each} == {"session-1"}


def test_a_session_that_was_archived_is_told_as_it_was_alive() -> None:
    """Before its files went it has no time of archiving; after it came back it has none again."""
    with chronicle() as told:
        [alive] = story(told, text("A"))
        shutil.rmtree(told.bench.root / "session-1")
        told.sync()
        archived = told.bench.store.log_moment()
        told.wait(SECOND)
        [back] = story(told, text("A"))
        store, family = told.bench.store, told.bench.family
        found = [row_at(store, family, "sessions", "session-1", at) for at in (alive, archived, back)]
        assert [each.rows["sessions"][0]["archived_at"] for each in found] == [None, archived, None]
        told.check()


def test_the_changes_of_a_session_are_told_up_to_a_number() -> None:
    """The last ones, oldest first; what was first read is one entry."""
    with chronicle() as told:
        story(told, *(text(word) for word in "ABCD"))
        store = told.bench.store
        assert [event.op for event in session_changes(store, "session-1", 100)] == ["r", "u", "u", "u"]
        last = session_changes(store, "session-1", 2)
        assert [event.generation for event in last] == [3, 4]
        assert session_changes(store, "session-9", 100) == []
        assert known_since(store, "session-9") is None


# Epochs


def test_long_logs_are_read_from_snapshots_not_from_the_end() -> None:
    """What a moment long ago costs does not grow with what happened since."""
    with chronicle(epoch=8) as told:
        moments = story(told, *(text(str(number)) for number in range(100)))
        asked: list[str] = []
        told.bench.store.connection.set_trace_callback(asked.append)
        assert described(told, moments[20]) == "20"
        told.bench.store.connection.set_trace_callback(None)
        [walk] = [line for line in asked if line.startswith("SELECT row_id, op, before FROM changes")]
        bounds = [int(number) for number in re.findall(r"seq (?:>|<=) (\d+)", walk)]
        assert bounds[1] - bounds[0] < 8
        told.check()


# What is asked for, in people's words

NOW = datetime(2026, 3, 1, 12, 30)  # noqa: DTZ001  naive UTC
BERLIN = timezone(timedelta(hours=1))
TIMES = {
    "now": "2026-03-01 12:30:00",
    "2h": "2026-03-01 10:30:00",
    "90 m": "2026-03-01 11:00:00",
    "30s ago": "2026-03-01 12:29:30",
    "3d": "2026-02-26 12:30:00",
    "1w": "2026-02-22 12:30:00",
    "13:29": "2026-03-01 12:29:00",
    "13:31": "2026-02-28 12:31:00",
    "13:30:00": "2026-03-01 12:30:00",
    "00:10": "2026-02-28 23:10:00",
    "2026-02-28 14:03": "2026-02-28 13:03:00",
    "2026-02-28T14:03:05.25": "2026-02-28 13:03:05.250000",
    "2026-02-28T14:03:00+05:30": "2026-02-28 08:33:00",
    "2026-02-28T14:03:00Z": "2026-02-28 14:03:00",
    "2026-02-28": "2026-02-27 23:00:00",
    " 1770537842 ": "2026-02-08 08:04:02",
    "1770537842.5": "2026-02-08 08:04:02.500000",
    "1770537842123": "2026-02-08 08:04:02.123000",
}


@pytest.mark.parametrize("said", TIMES)
def test_a_time_may_be_said_in_many_ways(said: str) -> None:
    """Times without a zone are in the zone that is set, and a bare time of day is the last one that there was."""
    assert time_of(said, BERLIN, NOW) == TIMES[said]


@pytest.mark.parametrize(
    "said",
    [
        "",
        " ",
        "yesterday",
        "25:00",
        "14:61",
        "2026-02-30",
        "-1",
        "2h2",
        "h",
        "1e9",
        "1969-12-31",
        "9" * 20,
        "0x10",
        "é",
    ],
)
def test_what_is_no_time_is_said(said: str) -> None:
    """With the forms that there are."""
    with pytest.raises(ConfigError, match="is not a time") as caught:
        time_of(said, BERLIN, NOW)
    assert "2h" in caught.value.hint
