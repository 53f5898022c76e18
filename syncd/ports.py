"""The seams as protocols: what the engine asks of a source and of a store, and nothing more."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from syncd.core.family import Family
from syncd.core.reconcile import Group
from syncd_models.values import Bundle, Held, Look, Row, Step


class Source(Protocol):
    """A tree of files, read and never written."""

    @property
    def family(self) -> Family:
        """Return the kind of files that it holds."""
        ...

    @property
    def workspace(self) -> str:
        """Return the name of its root."""
        ...

    @property
    def name(self) -> str:
        """Name the root."""
        ...

    def has(self, bundle: Bundle) -> bool:
        """Tell whether a bundle has anything on disk."""
        ...

    def identity(self) -> tuple[int, int]:
        """Return device and inode of the root; raises SourceUnavailable."""
        ...

    def scan(self) -> Iterator[Group]:
        """Yield the stamps of every bundle in order of name; raises SourceUnavailable."""
        ...

    def read(self, bundle: Bundle, held: Held, *, again: bool = False) -> Look:
        """Look at one bundle; ``again`` asks for a new decision about files that are refused."""
        ...


class Store(Protocol):
    """A database, written by one at a time."""

    def writer(self) -> AbstractContextManager[None]:
        """Hold the writer lock; waits for it."""
        ...

    def held(self, family: Family, bundles: Sequence[Bundle], *, whole: bool = False) -> Mapping[Bundle, Held]:
        """Return what is held of the bundles; ``whole`` looks for rows even of those never seen."""
        ...

    def stamps(self, workspace: str, version: int) -> Iterator[Group]:
        """Yield the checkpoints' stamps by bundle, in order of name; those to be looked at anyway never match."""
        ...

    def apply(self, family: Family, steps: Sequence[Step], cause: str, *, trial: bool = False) -> None:
        """Write the steps in one transaction, or only try; raises StoreRejected or StoreUnavailable."""
        ...

    def workspaces(self) -> Mapping[str, tuple[str, int, int]]:
        """Return the bound workspaces: name -> root, device, inode."""
        ...

    def bind(self, workspace: str, root: str, identity: tuple[int, int]) -> None:
        """Bind a workspace to its root."""
        ...

    def lies_in(self, root: str) -> bool:
        """Tell whether the database itself lies under that root, and so moves along with it."""
        ...

    def alive(self, family: Family, workspace: str) -> frozenset[str]:
        """Return the ids of the bundles that are not archived."""
        ...

    def knows(self, family: Family, bundle: Bundle) -> bool:
        """Tell whether a bundle ever gave a row, or is in quarantine."""
        ...

    def row_ids(self, table: str) -> Iterator[tuple[str, str | None]]:
        """Yield id and source path of every row."""
        ...

    def rows(self, table: str) -> list[Row]:
        """Return every row of a small table."""
        ...
