"""From one look to the next step, with the real family and hand-made looks."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.advance import advance, expected, refusing
from syncd_models.values import Bundle, Checkpoint, Fault, Held, Look, Member, Stat, Step
from tests.core.looks import ARCHIVED_AT, BUNDLE, FAMILY, History, after, closed, look, member, path, without

A = {"status": "in_progress", "startTime": "2026-02-08T10:00:00Z", "blockers": ["no key"], "metrics": {"tokens": 5}}
B = {"status": "completed", "endTime": "2026-02-08T11:00:00Z"}
LEADER = {"status": "running", "phase": "build", "tasks": [{"id": "t1", "status": "pending"}]}
TORN = b'{"status": "comp'
SHUT = Look(BUNDLE, {"session-1/": Member(Stat(1, 2, 3, 4), fault=Fault("permission denied"))}, partial=True)


def started(**files: dict[str, Any] | bytes | Member) -> History:
    """Return the history of a bundle after a first look at files, by default at one."""
    history = History()
    history.must(files or {"a": A})
    return history


def summary(step: Step | None) -> dict[str, Any]:
    """Return what a step has to write, by field, less what is empty; changes as operation and id."""
    assert step is not None
    found: dict[str, Any] = {
        "first": step.first,
        "changes": sorted((change.op, change.row_id) for change in step.changes),
        "checkpoints": {point.path: (point.state, point.generation) for point in step.checkpoints},
        "applied": [point.generation for point in step.applied],
        "superseded": [point.generation for point in step.superseded],
        "dropped": [point.path for point in step.dropped],
        "refusals": [refusal.path for refusal in step.refusals],
        "cleared": [*step.cleared],
        "racy": [*step.racy],
        "settled": [*step.settled],
        "waiting": [*step.waiting],
        "leaving": [*step.leaving],
        "archived": step.archived,
    }
    return {name: value for name, value in found.items() if value}


# Good files


def test_the_first_look_at_a_bundle_inserts_its_rows() -> None:
    """They carry the generation of their file, and what they point at comes along."""
    history = History()
    step = history.must({"a": A, "orchestrator": LEADER})
    assert summary(step) == {
        "first": True,
        "checkpoints": {path("a"): ("ok", 1), path("orchestrator"): ("ok", 1)},
        "applied": [1, 1],
    }
    assert step.moves
    assert {table: len(rows) for table, rows in step.rows.items() if rows} == {
        "sessions": 1, "tasks": 1, "task_items": 1, "blockers": 1, "metrics": 1,
    }  # fmt: skip
    assert all(row[-1] == 1 for rows in step.rows.values() for row in rows)
    assert [row[0] for row in step.references["agents"]] == ["agent-a"]


def test_a_look_that_shows_nothing_new_is_no_step() -> None:
    """Whether the files were read again or the stamps vouched for them."""
    history = started(a=A, b=B)
    assert history.see({"a": A, "b": B}) is None
    assert history.see({}, untouched=True) is None


def test_new_bytes_change_the_rows_that_say_something_else() -> None:
    """Rows that are as they were are not written again."""
    history = started(a=A, b=B)
    step = history.must({"a": A | {"status": "failed", "blockers": []}, "b": B})
    assert summary(step) == {
        "changes": [("d", "task-session-1-a/blocker/0"), ("u", "session-1"), ("u", "task-session-1-a")],
        "checkpoints": {path("a"): ("ok", 2)},
        "applied": [2],
        "superseded": [1],
    }
    assert step.generations == {path("a"): 2, path("b"): 1}


def test_other_bytes_that_say_the_same_are_a_version_without_a_change() -> None:
    """The ledger counts contents, the change log what they say."""
    history = started()
    step = history.must({"a": json.dumps(A, indent=4).encode()})
    assert summary(step) == {"checkpoints": {path("a"): ("ok", 2)}, "applied": [2], "superseded": [1]}


def test_a_touched_file_moves_its_checkpoint_and_nothing_else() -> None:
    """Equal bytes under other stamps are the same generation."""
    history = started()
    assert summary(history.must({"a": member(A, touched=1)})) == {"checkpoints": {path("a"): ("ok", 1)}}
    assert history.see({"a": member(A, touched=1)}) is None


def test_there_and_back_again_are_three_generations() -> None:
    """A, B, A: the third is no return to the first."""
    history = started()
    assert [summary(history.see({"a": content}))["applied"] for content in (B, A)] == [[2], [3]]
    assert history.held.last_generations == {path("a"): 3}


def test_a_new_version_of_the_projection_looks_at_everything_again() -> None:
    """Generations stay, and only what the projection now says otherwise changes."""
    history = started(a=A, b=B)
    history.family = replace(FAMILY, version=FAMILY.version + 1)
    assert summary(history.see({"a": A, "b": B})) == {"checkpoints": {path("a"): ("ok", 1), path("b"): ("ok", 1)}}
    assert history.see({"a": A, "b": B}) is None


def test_a_racy_file_is_remembered_until_its_stamps_can_vouch_for_it() -> None:
    """Its bytes may change once more without showing."""
    history = History()
    assert summary(history.must({"a": member(A, racy=True)}))["racy"] == [path("a")]
    assert history.see({"a": member(A, racy=True)}) is None
    assert summary(history.must({"a": A})) == {"settled": [path("a")]}
    assert history.see({"a": A}) is None
    assert summary(history.must({"a": member(A, racy=True)})) == {"racy": [path("a")]}


def test_a_racy_file_that_leaves_is_racy_no_more() -> None:
    """Nothing is left to vouch for."""
    history = started(a=member(A, racy=True), b=B)
    history.must({"b": B}, **without("a"))
    assert not history.held.racy


def test_notes_and_facts_are_kept_with_the_checkpoint() -> None:
    """What was odd about a file, and what the session takes from it."""
    history = started(orchestrator=LEADER | {"retryCount": "x"}, b=b'{"status":"done","status":"failed"}')
    assert json.loads(history.file("orchestrator").notes or "") == ["/retryCount: wrong type, read as absent"]
    assert json.loads(history.file("b").notes or "") == ["the key 'status' stands twice; the last one counts"]
    assert json.loads(history.file("orchestrator").facts or "")["phase"] == "build"
    assert history.file("b").facts is None


# Bad files


def test_a_half_written_file_is_waited_for() -> None:
    """Its rows stay, its neighbours go on, and the digest stays that of its last good bytes."""
    history = started(a=A, b=B)
    good = history.file("a").sha256
    step = history.must({"a": member(TORN, fresh=True), "b": B | {"status": "failed"}})
    assert summary(step) == {
        "changes": [("u", "session-1"), ("u", "task-session-1-b")],
        "checkpoints": {path("a"): ("waiting", 1), path("b"): ("ok", 2)},
        "applied": [2],
        "superseded": [1],
        "waiting": [path("a")],
    }
    assert history.file("a").sha256 == good
    assert history.rows("tasks")["task-session-1-a"]["status"] == "in_progress"


def test_a_file_that_waits_is_looked_at_again_each_time() -> None:
    """The second step says so too, and writes nothing."""
    history = started()
    torn = {"a": member(TORN, fresh=True)}
    assert history.must(torn).moves
    step = history.must(torn)
    assert summary(step) == {"waiting": [path("a")]}
    assert not step.moves


def test_a_half_written_file_that_becomes_what_it_was_has_not_changed() -> None:
    """No generation, no change."""
    history = started()
    history.must({"a": member(TORN, fresh=True)})
    assert summary(history.must({"a": A})) == {"checkpoints": {path("a"): ("ok", 1)}}


def test_a_half_written_file_that_is_finished_is_one_generation_more() -> None:
    """What it supersedes is its last good content."""
    history = started()
    good = history.file("a").sha256
    history.must({"a": member(TORN, fresh=True)})
    step = history.must({"a": B})
    assert (summary(step)["applied"], [point.sha256 for point in step.superseded]) == ([2], [good])


def test_a_new_file_that_is_half_written_has_no_digest_yet() -> None:
    """Its first whole content is the first generation."""
    history = started()
    step = history.must({"a": A, "b": member(b"", fresh=True)})
    assert summary(step) == {"checkpoints": {path("b"): ("waiting", 0)}, "waiting": [path("b")]}
    assert history.file("b").sha256 is None
    assert summary(history.must({"a": A, "b": B}))["applied"] == [1]


def test_a_refused_file_keeps_its_rows_and_facts_and_is_not_read_twice() -> None:
    """The checkpoint moves to the refused digest; the last good content is written down."""
    history = started(orchestrator=LEADER, b=B)
    before = history.held
    step = history.must({"orchestrator": TORN, "b": B})
    assert summary(step) == {
        "checkpoints": {path("orchestrator"): ("quarantined", 1)},
        "superseded": [1],
        "refusals": [path("orchestrator")],
    }
    assert step.refusals[0].sha256 == history.file("orchestrator").sha256 == member(TORN).sha256
    assert step.refusals[0].fault.reason == "unterminated string starting at"
    assert history.held.rows == before.rows
    assert history.file("orchestrator").facts == before.files[path("orchestrator")].facts
    assert history.see({"orchestrator": TORN, "b": B}) is None


def test_a_refused_leader_still_speaks_for_its_session() -> None:
    """Its facts and rows stand in for it when a neighbour changes."""
    history = started(orchestrator=LEADER, b=B)
    history.must({"orchestrator": TORN, "b": B})
    history.must({"orchestrator": TORN, "b": B | {"status": "failed"}})
    session = history.rows("sessions")["session-1"]
    assert (session["phase"], session["status"]) == ("build", "failed")
    assert history.rows("task_items").keys() == {"session-1/item/t1"}


@pytest.mark.parametrize("content", [TORN, b"", b"[]", b"17", b'{"a": NaN}', b"\xff", b"[" * 300])
def test_what_cannot_be_decoded_or_is_no_document_is_refused(content: bytes) -> None:
    """In a bundle never seen, such a file gives nothing at all but its refusal."""
    history = History()
    step = history.must({"a": content})
    assert summary(step) == {"checkpoints": {path("a"): ("quarantined", 0)}, "refusals": [path("a")]}
    assert not step.rows
    assert history.see({"a": content}) is None


def test_a_refused_file_that_becomes_another_bad_one_is_refused_again() -> None:
    """Nothing is superseded twice."""
    history = started()
    history.must({"a": TORN})
    assert summary(history.must({"a": b"["})) == {
        "checkpoints": {path("a"): ("quarantined", 1)}, "refusals": [path("a")],
    }  # fmt: skip


@pytest.mark.parametrize("content", [A, B])
def test_a_repaired_file_is_a_new_generation_even_with_its_old_content(content: dict[str, Any]) -> None:
    """Its quarantine ends."""
    history = started()
    history.must({"a": TORN})
    found = summary(history.must({"a": content}))
    found.pop("changes", None)
    assert found == {"checkpoints": {path("a"): ("ok", 2)}, "applied": [2], "cleared": [path("a")]}


def test_a_refused_file_that_is_being_written_waits_and_is_refused_no_longer() -> None:
    """It has no good digest to go back to."""
    history = started()
    history.must({"a": TORN})
    found = summary(history.must({"a": member(b"[", fresh=True)}))
    assert found == {"checkpoints": {path("a"): ("waiting", 1)}, "cleared": [path("a")], "waiting": [path("a")]}
    assert history.file("a").sha256 is None
    assert summary(history.must({"a": A}))["applied"] == [2]


def test_a_waiting_file_that_lasts_is_refused() -> None:
    """Its last good content is superseded then, not before."""
    history = started()
    history.must({"a": member(TORN, fresh=True)})
    assert summary(history.must({"a": TORN})) == {
        "checkpoints": {path("a"): ("quarantined", 1)}, "superseded": [1], "refusals": [path("a")],
    }  # fmt: skip


def test_a_file_that_cannot_be_read_is_refused_for_that() -> None:
    """Without bytes there is no digest; a file that moves under the reader is waited for."""
    history = started()
    step = history.must({"a": closed("cannot be opened")})
    assert (step.refusals[0].sha256, step.refusals[0].fault) == (None, Fault("cannot be opened"))
    assert history.see({"a": closed("cannot be opened")}) is None
    moving = closed("changes while it is read", fresh=True)._replace(stat=Stat(9, 9, 9, 4))
    assert summary(history.must({"a": moving}))["waiting"] == [path("a")]


def test_a_decision_can_be_asked_for_again() -> None:
    """A refusal that stands writes nothing; one that does not stand any more is lifted."""
    history = started()
    history.must({"a": TORN})
    step = history.must({"a": member(TORN)._replace(again=True)})
    assert not step.moves
    refused = History()
    refused.take(refusing(look({"a": A}), {path("a"): Fault("the database refuses it")}))
    assert refused.see({"a": A}) is None
    assert summary(refused.must({"a": member(A)._replace(again=True)}))["applied"] == [1]


def test_a_refused_member_of_a_look_is_neither_fresh_nor_forgiven() -> None:
    """The others stay as they are."""
    seen = refusing(look({"a": member(A, fresh=True), "b": B}), {path("a"): Fault("why")})
    assert (seen.members[path("a")].fault, seen.members[path("a")].fresh) == (Fault("why"), False)
    assert seen.members[path("b")] == member(B)


# Files and bundles that leave


def test_an_absent_file_keeps_its_rows_until_its_absence_is_certain() -> None:
    """A step says that it may be leaving, and writes nothing for it."""
    history = started(a=A, b=B)
    before = history.held
    step = history.must({"b": B})
    assert summary(step) == {"leaving": [path("a")]}
    assert not step.moves
    assert history.held == before


def test_a_file_that_is_gone_takes_its_rows_along_but_not_its_points() -> None:
    """Metric points are history; everything else mirrors the files."""
    history = started(a=A, b=B)
    assert summary(history.must({"b": B}, **without("a"))) == {
        "changes": [("d", "task-session-1-a"), ("d", "task-session-1-a/blocker/0"), ("u", "session-1")],
        "dropped": [path("a")],
    }
    assert [*history.rows("metrics")]
    assert history.see({"b": B}) is None


def test_a_file_that_comes_back_goes_on_counting() -> None:
    """Its generations are those of its path."""
    history = started(a=A, b=B)
    history.must({"b": B}, **without("a"))
    assert summary(history.must({"a": A, "b": B}))["applied"] == [2]


def test_a_file_that_comes_back_bad_counts_on_when_it_is_good_again() -> None:
    """What was refused or half-written in between has no generation."""
    history = started(a=A, b=B)
    history.must({"b": B}, **without("a"))
    assert summary(history.must({"a": member(TORN, fresh=True), "b": B}))["checkpoints"] == {path("a"): ("waiting", 0)}
    assert summary(history.must({"a": TORN, "b": B}))["checkpoints"] == {path("a"): ("quarantined", 0)}
    assert summary(history.must({"a": A, "b": B}))["applied"] == [2]


def test_where_only_what_was_never_good_is_left_the_rows_become_an_archive() -> None:
    """What gave them has left, and what is here never gave any."""
    history = started()
    history.must({"a": A, "b": TORN})
    assert summary(history.must({"b": TORN}, **without("a"))) == {"dropped": [path("a")], "archived": True}
    assert history.rows("tasks").keys() == {"task-session-1-a"}
    assert not history.must({"b": TORN}).moves


def test_a_bundle_that_vanishes_is_archived_once() -> None:
    """Its checkpoints go, its rows stay as they are."""
    history = started(a=A, b=TORN)
    tasks = history.held.rows["tasks"]
    assert summary(history.take(look({}, vanished=True))) == {"dropped": [path("a"), path("b")], "archived": True}
    assert history.held.rows["tasks"] == tasks
    again = history.take(look({}, vanished=True))
    assert again is not None
    assert not again.moves


def test_a_bundle_that_never_gave_rows_vanishes_without_a_trace() -> None:
    """There is nothing to archive."""
    history = started(a=TORN)
    assert summary(history.take(look({}, vanished=True))) == {"dropped": [path("a")]}


def test_a_bundle_that_vanishes_from_a_mirror_is_deleted() -> None:
    """Every row goes, points included, archived or not."""
    for archived in (False, True):
        history = started()
        if archived:
            history.take(look({}, vanished=True))
        step = history.take(look({}, vanished=True, mirrored=True))
        assert {op for op, _ in summary(step)["changes"]} == {"d"}
        assert not any(history.held.rows.values())


def test_an_archived_bundle_that_comes_back_is_alive_again() -> None:
    """With the bytes it had, that is all that changes."""
    history = started()
    history.take(look({}, vanished=True))
    assert history.held.archived
    found = summary(history.must({"a": A}))
    assert found == {"changes": [("u", "session-1")], "checkpoints": {path("a"): ("ok", 2)}, "applied": [2]}
    assert not history.held.archived


@pytest.mark.parametrize("bad", [member(TORN), member(TORN, fresh=True), closed("cannot be opened")])
def test_a_bad_file_in_the_place_of_an_archived_bundle_leaves_the_archive_alone(bad: Member) -> None:
    """However often it is looked at, and whatever it changes to."""
    history = started(a=A, orchestrator=LEADER)
    history.take(look({}, vanished=True))
    rows = history.held.rows
    for seen in (bad, bad, member(b"["), member(b"[", fresh=True), bad):
        step = history.must({"a": seen})
        assert not step.changes
        assert not step.archived
    assert history.held.rows == rows
    assert history.held.archived


@pytest.mark.parametrize(("leader", "neighbour"), [("orchestrator", "a"), ("session", "jarvis")])
def test_a_bad_leader_that_comes_back_to_an_archive_speaks_for_it_for_good(leader: str, neighbour: str) -> None:
    """What the archived row says is remembered with the leader's checkpoint, so that a second look says the same."""
    history = started(**{leader: A})
    history.take(look({}, vanished=True))
    files = {leader: closed("cannot be opened"), neighbour: member(A)}
    history.must(files)
    assert expected(FAMILY, look(files), history.held).changes == ()


def test_a_directory_that_cannot_be_listed_keeps_everything() -> None:
    """Its fault stands under its own name, its files are neither leaving nor in doubt, and it is written once."""
    history = started(a=A, orchestrator=LEADER)
    rows = history.held.rows
    assert summary(history.take(SHUT)) == {
        "checkpoints": {"session-1/": ("quarantined", 0)}, "refusals": ["session-1/"],
    }  # fmt: skip
    again = history.take(SHUT)
    assert again is not None
    assert not again.moves
    assert not again.leaving
    assert history.held.rows == rows
    found = summary(history.must({"a": A, "orchestrator": LEADER}, gone=frozenset({"session-1/"})))
    assert found == {"dropped": ["session-1/"]}


def test_a_directory_that_never_could_be_listed_is_only_refused() -> None:
    """There are no rows, and the second look is level."""
    history = History()
    assert summary(history.take(SHUT))["refusals"] == ["session-1/"]
    assert history.take(SHUT) is None


# Rows that others own

OTHER = Bundle("default", "session-1-2")


def claiming(**files: dict[str, Any]) -> tuple[Look, Held]:
    """Return a look at session-1-2 whose ``backend`` gives an id that a file of session-1 owns."""
    owned = {"task-session-1-2-backend": path("2-backend")}
    return look(files, OTHER), Held(foreign=owned)


def test_a_file_that_gives_an_id_of_another_bundle_is_refused() -> None:
    """The reason names both; its neighbours go on."""
    seen, held = claiming(backend=B, y=A)
    step = advance(FAMILY, seen, held)
    assert summary(step)["refusals"] == ["session-1-2/backend.json"]
    assert step is not None
    assert step.refusals[0].fault.reason == (
        "session-1-2/backend.json gives the id 'task-session-1-2-backend', which session-1/2-backend.json already owns"
    )
    assert [row[0] for row in step.rows["tasks"]] == ["task-session-1-2-y"]
    assert advance(FAMILY, seen, after(held, step)) is None


def test_what_is_refused_for_its_id_is_expected_to_be() -> None:
    """Nothing is missing where a row must not be."""
    seen, held = claiming(backend=B, y=A)
    step = advance(FAMILY, seen, held)
    assert step is not None
    assert expected(FAMILY, seen, after(held, step)).changes == ()


def test_a_bundle_whose_ids_all_belong_to_others_gives_nothing() -> None:
    """And when the owner has gone, asking again gives its rows."""
    seen, held = claiming(backend=B)
    step = advance(FAMILY, seen, held)
    assert summary(step) == {
        "checkpoints": {"session-1-2/backend.json": ("quarantined", 0)}, "refusals": ["session-1-2/backend.json"],
    }  # fmt: skip
    assert step is not None
    free = replace(after(held, step), foreign={})
    again = look({"backend": member(B)._replace(again=True)}, OTHER)
    assert summary(advance(FAMILY, again, free))["applied"] == [1]


def test_ids_of_others_that_nobody_gives_are_no_trouble() -> None:
    """That they lie in the range of a bundle's ids is common."""
    seen, held = claiming(y=A)
    assert "refusals" not in summary(advance(FAMILY, seen, held))


# What verify expects


def test_level_rows_are_as_expected_and_owe_nothing() -> None:
    """A database that is level differs in nothing, and names the rows that have to be there besides."""
    history = started(a=A, orchestrator=LEADER)
    found = expected(FAMILY, look({"a": A, "orchestrator": LEADER}), history.held)
    assert (found.changes, found.owed) == ((), 0)
    assert [row[0] for row in found.references["agents"]] == ["agent-a"]


def test_a_row_that_was_changed_behind_our_back_is_seen() -> None:
    """Checkpoints are not believed: a value, a missing row and a row too many each show."""
    history = started(a=A, b=B)
    tasks = dict(history.held.rows["tasks"])
    tasks["task-session-1-a"] = tuple(
        "tampered" if value == "in_progress" else value for value in tasks["task-session-1-a"]
    )
    tasks["task-session-1-x"] = ("task-session-1-x", *tasks.pop("task-session-1-b")[1:])
    held = replace(history.held, rows={**history.held.rows, "tasks": tasks})
    changes = expected(FAMILY, look({"a": A, "b": B}), held).changes
    assert {(change.op, change.row_id) for change in changes} == {
        ("u", "task-session-1-a"), ("c", "task-session-1-b"), ("d", "task-session-1-x"),
    }  # fmt: skip


def test_rows_of_files_that_cannot_speak_are_owed_not_wrong() -> None:
    """Nobody can confirm them, so they are counted."""
    history = started(a=A, orchestrator=LEADER)
    history.must({"a": TORN, "orchestrator": LEADER})
    found = expected(FAMILY, look({"a": TORN, "orchestrator": LEADER}), history.held)
    assert found.changes == ()
    assert found.owed >= len(history.held.rows["tasks"]["task-session-1-a"]) - 2


def test_a_start_that_its_file_no_longer_states_is_owed() -> None:
    """It was known once and stays; the files alone would not give it to the task, nor to its session."""
    history = started()
    later = {key: value for key, value in A.items() if key != "startTime"}
    history.must({"a": later})
    found = expected(FAMILY, look({"a": later}), history.held)
    assert history.rows("tasks")["task-session-1-a"]["started_at"] == "2026-02-08 10:00:00"
    assert found.changes == ()
    assert found.owed >= 2


def test_a_bundle_without_a_good_file_expects_its_archive_or_nothing() -> None:
    """Rows that are alive though no file gave them are too many, but for the points."""
    history = started()
    alive = expected(FAMILY, look({}, **without("a")), history.held)
    assert {change.op for change in alive.changes} == {"d"}
    assert {change.table for change in alive.changes} == {"sessions", "tasks", "blockers"}
    history.take(look({}, vanished=True))
    assert expected(FAMILY, look({"b": TORN}), history.held) == expected(FAMILY, look({}), Held())


# Any history at all

CONTENTS: st.SearchStrategy[dict[str, Any] | bytes] = st.sampled_from(
    [A, B, LEADER, {}, A | {"status": "failed"}, {"id": 1}, TORN, b"", b"[]"]
)
MEMBERS = st.builds(
    lambda content, fresh, racy, touched: member(content, fresh=fresh, racy=racy, touched=touched),
    CONTENTS, st.booleans(), st.booleans(), st.integers(0, 1),
) | st.builds(lambda fresh: closed("changes while it is read", fresh=fresh), st.booleans())  # fmt: skip
FILES = st.dictionaries(st.sampled_from(["a", "b", "orchestrator", "session", "jarvis"]), MEMBERS, max_size=4)
CERTAIN, DOUBTFUL, CLOSED, MIRROR = range(4)


def taken(history: History, files: Mapping[str, Member], way: int) -> Step | None:
    """Look at files in one of the ways in which absence is dealt with."""
    if way == CLOSED:
        return history.take(SHUT)
    if not files:
        return history.take(look({}, vanished=way != DOUBTFUL, untouched=way == DOUBTFUL, mirrored=way == MIRROR))
    absent = frozenset(history.held.files) - {path(name) for name in files}
    gone = absent if way != DOUBTFUL else frozenset(each for each in absent if each.endswith("/"))
    return history.see(files, gone=gone)


def assert_sound(history: History, before: Held, step: Step | None) -> None:
    """Hold a step to what must be true of any."""
    if step is None:
        return
    paths = {change.path for change in step.changes if change.after} | {
        str(row[-2]) for rows in step.rows.values() for row in rows
    }
    assert paths <= step.generations.keys()
    assert {point.path for point in step.applied} <= {point.path for point in step.checkpoints if point.state == "ok"}
    assert not {*step.waiting} & {refusal.path for refusal in step.refusals}
    applied = {point.path for point in step.applied}
    for point in step.checkpoints:
        known = before.files.get(point.path, UNKNOWN).generation
        highest = max(known, before.last_generations.get(point.path, 0))
        assert point.generation == (highest + 1 if point.path in applied else known)
    assert len(history.held.rows.get("sessions", {})) <= 1
    assert not (step.first and step.changes)


UNKNOWN = Checkpoint("", 0, 0, 0, 0, None, 0, "", 0)


@given(st.lists(st.tuples(FILES, st.integers(0, 3)), max_size=8), FILES)
def test_any_history_ends_level_with_its_last_look(
    looks: list[tuple[dict[str, Member], int]], last: dict[str, Member]
) -> None:
    """Each step is sound; after the last look a second one has nothing to write, and verify finds nothing."""
    history = History()
    for files, way in [*looks, (last, CERTAIN)]:
        before = history.held
        assert_sound(history, before, taken(history, files, way))
    again = taken(history, last, CERTAIN)
    assert again is None or not again.moves
    if last:
        assert expected(FAMILY, look(last), history.held).changes == ()


@given(st.lists(st.tuples(FILES, st.integers(0, 3)), max_size=6), FILES)
def test_good_files_give_what_they_give_to_an_empty_database(
    looks: list[tuple[dict[str, Member], int]], last: dict[str, Member]
) -> None:
    """Whatever was before, but for points and for start times that are remembered."""
    good = {name: each._replace(fresh=False) for name, each in last.items() if each.data and json_object(each.data)}
    history, fresh = History(), History()
    for files, way in looks:
        taken(history, files, way)
    if not good:
        return
    taken(history, good, CERTAIN)
    fresh.must(good)
    sticky = {"started_at", "duration_seconds"}
    for table in FAMILY.tables:
        if table not in FAMILY.retained:
            assert [
                {name: value for name, value in row.items() if name not in {*sticky, "synced_rev"}}
                for _, row in sorted(history.rows(table).items())
            ] == [
                {name: value for name, value in row.items() if name not in {*sticky, "synced_rev"}}
                for _, row in sorted(fresh.rows(table).items())
            ]


def json_object(data: bytes) -> bool:
    """Tell whether bytes are an object, as the samples have it."""
    return data.endswith(b"}")


def test_the_store_of_these_tests_archives_as_a_store_does() -> None:
    """The helper marks the session's row and no other."""
    history = started()
    history.take(look({}, vanished=True))
    assert history.held.rows["sessions"]["session-1"][ARCHIVED_AT]
