"""How long something has looked the same."""

from hypothesis import given
from hypothesis import strategies as st

from syncd.core.patience import GRACE, Patience


def test_a_first_look_starts_the_clock() -> None:
    """Nothing has lasted at once, whatever the time is; from then on it is in doubt."""
    patience = Patience()
    assert not patience.watches("a")
    assert not patience.outlasted("a", 1, 1e9)
    assert patience.watches("a")


def test_what_stays_the_same_for_the_grace_period_has_lasted() -> None:
    """Exactly the grace period is long enough, and it stays so."""
    patience = Patience()
    assert [patience.outlasted("a", "x", now) for now in (10.0, 11.9, 12.0, 50.0)] == [False, False, True, True]
    assert GRACE == 2.0


def test_another_appearance_starts_the_clock_anew() -> None:
    """Going back to an earlier appearance is another one, too."""
    patience = Patience(1.0)
    looks = [("x", 0.0), ("y", 0.9), ("x", 1.5), ("x", 2.4), ("x", 2.5)]
    assert [patience.outlasted("a", *look) for look in looks] == [False, False, False, False, True]


def test_things_are_watched_apart() -> None:
    """One thing's patience is not another's."""
    patience = Patience(1.0)
    patience.outlasted("a", None, 0.0)
    assert not patience.outlasted("b", None, 1.0)
    assert patience.outlasted("a", None, 1.0)


def test_what_is_settled_is_forgotten() -> None:
    """Its clock starts anew when it comes back; settling what was never in doubt is nothing."""
    patience = Patience(1.0)
    patience.outlasted("a", 1, 0.0)
    patience.settle("a")
    patience.settle("never")
    assert not patience.watches("a")
    assert not patience.outlasted("a", 1, 5.0)


def test_no_grace_is_no_wait() -> None:
    """With a grace period of nothing the first look is enough."""
    assert Patience(0.0).outlasted("a", 1, 3.0)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 20)), max_size=30))
def test_patience_says_how_long_the_last_appearance_has_been_there(steps: list[tuple[int, int]]) -> None:
    """Compared with a plain walk back through everything that was seen."""
    patience, seen, now = Patience(10.0), list[tuple[int, int]](), 0
    for appearance, later in steps:
        now += later
        seen.append((appearance, now))
        since = now
        for other, at in reversed(seen):
            if other != appearance:
                break
            since = at
        assert patience.outlasted("a", appearance, now) == (now - since >= 10)
