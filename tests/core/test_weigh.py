"""Which absences are removals, and which fresh files have had their time."""

from syncd.core.patience import Patience
from syncd.core.weigh import remember, weigh
from syncd_models.values import Fault, Held, Look, Member, Stat, Step
from tests.core.looks import BUNDLE, History, closed, look, member, path

GOOD = {"status": "completed"}


def held(*files: str) -> Held:
    """Return what is held after one good look at files."""
    history = History()
    history.must(dict.fromkeys(files, GOOD))
    return history.held


def certain(seen: Look, known: Held, patience: Patience, now: float) -> Look:
    """Weigh a look where removals are allowed."""
    return weigh(seen, known, patience, now, may_remove=True)


def test_a_look_that_knows_nothing_of_the_files_weighs_nothing() -> None:
    """Neither an untouched bundle nor a closed directory says that a file is absent."""
    patience = Patience()
    for seen in (look({}, untouched=True), look({}, partial=True)):
        assert certain(seen, held("a"), patience, 99.0) is seen
    assert not patience.since


def test_a_look_without_doubt_is_passed_on_as_it_is() -> None:
    """Every held file is there and none is fresh."""
    seen = look({"a": GOOD, "new": GOOD})
    assert certain(seen, held("a"), Patience(), 0.0) is seen


def test_a_file_is_gone_when_it_has_been_absent_for_the_grace_period() -> None:
    """The first look starts the clock."""
    patience, known, seen = Patience(2.0), held("a", "b"), look({"a": GOOD})
    assert [certain(seen, known, patience, now).gone for now in (0.0, 1.9)] == [frozenset(), frozenset()]
    assert certain(seen, known, patience, 2.0).gone == {path("b")}


def test_a_directory_that_is_being_emptied_starts_the_clock_with_every_file() -> None:
    """So nothing is removed file by file while the removal goes on."""
    patience, known = Patience(2.0), held("a", "b", "c")
    assert not certain(look({"a": GOOD, "b": GOOD}), known, patience, 0.0).gone
    assert not certain(look({"a": GOOD}), known, patience, 2.0).gone
    assert certain(look({"a": GOOD}), known, patience, 4.0).gone == {path("b"), path("c")}


def test_a_file_that_came_back_meanwhile_starts_the_clock_anew() -> None:
    """Absence has to last without a break."""
    patience, known = Patience(2.0), held("a", "b")
    assert not certain(look({"a": GOOD}), known, patience, 0.0).gone
    assert not certain(look({"a": GOOD, "b": GOOD}), known, patience, 1.0).gone
    assert not certain(look({"a": GOOD}), known, patience, 2.5).gone
    assert certain(look({"a": GOOD}), known, patience, 4.5).gone


def test_the_brake_keeps_files_from_being_gone() -> None:
    """However long they have been absent."""
    patience, known, seen = Patience(2.0), held("a", "b"), look({"a": GOOD})
    assert not any(weigh(seen, known, patience, now, may_remove=False).gone for now in (0.0, 9.0))
    assert certain(seen, known, patience, 9.0).gone == {path("b")}


def test_the_fault_of_a_directory_goes_at_once_when_it_reads_well() -> None:
    """What stands under the directory's own name is no file, so there is nothing to wait for, brake or not."""
    history = History()
    history.must({"a": GOOD, "b": GOOD})
    shut = Look(BUNDLE, {"session-1/": Member(Stat(1, 1, 1, 1), fault=Fault("permission denied"))}, partial=True)
    history.take(shut)
    patience = Patience(2.0)
    for may_remove in (False, True):
        assert weigh(look({"a": GOOD, "b": GOOD}), history.held, patience, 0.0, may_remove=may_remove).gone == {
            "session-1/"
        }
        assert weigh(look({"a": GOOD}), history.held, Patience(2.0), 0.0, may_remove=may_remove).gone == {"session-1/"}
    assert not patience.since
    certain(look({"a": GOOD}), history.held, patience, 0.0)
    assert certain(look({"a": GOOD}), history.held, patience, 2.0).gone == {"session-1/", path("b")}


def test_a_bundle_with_no_file_left_has_vanished_at_once() -> None:
    """It is archived, or deleted where the database mirrors; a clock that ran for single files is stopped."""
    patience, known = Patience(), held("a", "b")
    certain(look({"a": GOOD}), known, patience, 0.0)
    found = certain(look({}), known, patience, 0.1)
    assert (found.vanished, found.mirrored, found.untouched) == (True, False, False)
    assert not patience.watches(BUNDLE)
    assert weigh(look({}), known, patience, 0.0, may_remove=True, mirror=True).mirrored


def test_nothing_vanishes_that_the_brake_holds_or_that_nobody_knew() -> None:
    """Such a look changes nothing; a bundle of which only rows are left is known."""
    kept = weigh(look({}), held("a"), Patience(), 0.0, may_remove=False)
    assert (kept.vanished, kept.untouched) == (False, True)
    unknown = certain(look({}), Held(rows={"sessions": {}}), Patience(), 0.0)
    assert (unknown.vanished, unknown.untouched) == (False, True)
    assert certain(look({}), Held(rows=held("a").rows), Patience(), 0.0).vanished


def doubt(patience: Patience, bad: Member, now: float) -> Look:
    """Look at a fresh file that is in doubt, and remember that it is."""
    seen = certain(look({"a": GOOD, "b": bad}), held("a"), patience, now)
    remember(seen, Step(BUNDLE, waiting=(path("b"),)), patience, now)
    return seen


def test_a_fresh_file_that_stays_the_same_loses_its_excuse() -> None:
    """Bad bytes that have not changed for the grace period are not half-written, however young their stamps are."""
    patience, torn = Patience(2.0), member(b"{", fresh=True)
    assert [doubt(patience, torn, now).members[path("b")].fresh for now in (0.0, 1.9, 2.0)] == [True, True, False]
    assert doubt(patience, torn, 2.5).members[path("a")] == member(GOOD)


def test_a_fresh_file_that_goes_on_changing_stays_excused() -> None:
    """By its bytes, or by its stamps where they could not be read."""
    patience = Patience(2.0)
    for now in range(5):
        assert doubt(patience, member(b"{" * (now + 1), fresh=True), float(now)).members[path("b")].fresh
    for now in range(5, 9):
        moving = closed("changes while it is read", fresh=True)._replace(stat=Stat(now, now, now, 1))
        assert doubt(patience, moving, float(now)).members[path("b")].fresh
    assert doubt(patience, moving, 9.9).members[path("b")].fresh
    assert not doubt(patience, moving, 10.0).members[path("b")].fresh


def test_a_fresh_file_that_was_never_in_doubt_is_not_hurried() -> None:
    """Only what a step left waiting is on the clock."""
    patience, fresh = Patience(0.0), member(GOOD, fresh=True)
    assert certain(look({"a": fresh}), held("a"), patience, 0.0).members[path("a")].fresh
    assert not patience.since


def test_what_a_step_leaves_in_doubt_is_remembered_and_what_it_settles_forgotten() -> None:
    """The answer tells whether to look again."""
    patience, seen = Patience(), look({"a": member(b"{", fresh=True), "b": GOOD})
    assert remember(seen, Step(BUNDLE, waiting=(path("a"),)), patience, 0.0)
    assert patience.watches((BUNDLE, path("a")))
    assert not patience.watches((BUNDLE, path("b")))
    assert not remember(look({"a": GOOD, "b": GOOD}), Step(BUNDLE), patience, 1.0)
    assert not patience.since
    assert remember(look({"b": GOOD}), Step(BUNDLE, leaving=(path("a"),)), patience, 2.0)


def test_the_same_name_in_two_workspaces_is_two_files() -> None:
    """One patience may serve several roots."""
    patience, torn = Patience(2.0), member(b"{", fresh=True)
    other = BUNDLE._replace(workspace="web")
    doubt(patience, torn, 0.0)
    assert certain(look({"b": torn}, other), Held(), patience, 5.0).members[path("b")].fresh
