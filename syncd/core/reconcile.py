"""Compare everything present with every checkpoint; decide what an absence means. Pure."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

Stamps: TypeAlias = tuple[str, int, int, int, int]
"""Path, size, mtime_ns, ctime_ns, inode."""
Group: TypeAlias = tuple[str, list[Stamps]]
"""A bundle's name with a trailing slash, and the stamps of its files in order of path."""

BRAKE_SHARE, BRAKE_COUNT = 0.5, 10


class Drifted(NamedTuple):
    """A bundle whose files do not match their checkpoints."""

    name: str
    vanished: bool


def drift(present: Iterable[Group], held: Iterable[Group]) -> Iterator[Drifted]:
    """Yield the bundles that differ, from two streams in the same order: a sorted merge, so memory stays flat."""
    stored = iter(held)
    known = next(stored, None)
    for name, stamps in present:
        while known is not None and known[0] < name:
            yield Drifted(known[0][:-1], vanished=True)
            known = next(stored, None)
        if known is not None and known[0] == name:
            if known[1] != stamps:
                yield Drifted(name[:-1], vanished=False)
            known = next(stored, None)
        else:
            yield Drifted(name[:-1], vanished=False)
    while known is not None:
        yield Drifted(known[0][:-1], vanished=True)
        known = next(stored, None)


def grouped(stamps: Iterable[Stamps]) -> Iterator[Group]:
    """Group stamps, in order of path, by their bundle."""
    name = ""
    found: list[Stamps] = []
    for each in stamps:
        own = each[0][: each[0].index("/") + 1]
        if own != name:
            if found:
                yield name, found
            name, found = own, []
        found.append(each)
    if found:
        yield name, found


def brake(held: int, vanished: int, *, same_root: bool, left: bool = False) -> str | None:
    """Return why a pass may not remove what vanished; None when it may; ``left`` tells that some bundle is there."""
    if not vanished:
        return None
    if not same_root:
        return "the root is not the directory that it was"
    if vanished == held and held > 1 and not left:
        return "no session is left"
    if vanished > BRAKE_COUNT and vanished > held * BRAKE_SHARE:
        return f"{vanished} of {held} sessions are gone at once"
    return None
