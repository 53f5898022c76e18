"""What is too old goes, and what is left is still what it was."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.core.walk import EPOCH
from tests.past import Event, chronicle, live, pasts
from tests.trees import Tree

Past = tuple[Tree, list[Event]]
SIZES = (1, 2, 3, 7, 40, EPOCH)


def relive(past: Past, epoch: int) -> None:
    """Let a past happen in which old things are pruned, and hold what is left to what was written down."""
    with chronicle(epoch) as told:
        live(told, *past)
        told.check()


@given(pasts(pruned=True), st.sampled_from(SIZES))
def test_what_is_left_is_still_what_it_was(past: Past, epoch: int) -> None:
    """Pruned at any moment, later ones are as before and earlier ones are unknown."""
    relive(past, epoch)


@pytest.mark.soak
@settings(max_examples=3000)
@given(pasts(pruned=True), st.sampled_from(SIZES))
def test_what_is_left_of_many_pasts_is_still_what_it_was(past: Past, epoch: int) -> None:
    """The same, thousands of times."""
    relive(past, epoch)
