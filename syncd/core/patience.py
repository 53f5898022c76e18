"""How long something has looked the same: the difference between half-written and broken, between moved and gone.

Time is an argument.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field

GRACE = 2.0


@dataclass(slots=True)
class Patience:
    """Remember since when each doubtful thing has been what it is."""

    grace: float = GRACE
    since: dict[Hashable, tuple[Hashable, float]] = field(default_factory=dict)

    def outlasted(self, thing: Hashable, appearance: Hashable, now: float) -> bool:
        """Tell whether a thing has had this appearance for the grace period, in seconds of a monotonic clock."""
        known, since = self.since.get(thing, (None, now))
        if known != appearance:
            since = now
        self.since[thing] = (appearance, since)
        return now - since >= self.grace

    def watches(self, thing: Hashable) -> bool:
        """Tell whether a thing is in doubt."""
        return thing in self.since

    def settle(self, thing: Hashable) -> None:
        """Forget a thing that is no longer in doubt."""
        self.since.pop(thing, None)
