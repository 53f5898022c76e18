"""What travels between the floors: frozen, plain, cheap to make by the hundred thousand."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

DEFAULT_WORKSPACE = "default"

Value: TypeAlias = str | int | float | None
Row: TypeAlias = tuple[Value, ...]
"""Values in the column order of ``schema.TABLES``; a projected row ends with ``source_path``, a held one with
``synced_rev`` after it."""
Rows: TypeAlias = Mapping[str, list[Row]]
"""Rows by table name."""


class Bundle(NamedTuple):
    """The files that are projected and committed together: a session directory."""

    workspace: str
    name: str

    @property
    def id(self) -> str:
        """Name the bundle across workspaces: the directory name, prefixed outside the default one."""
        return self.name if self.workspace == DEFAULT_WORKSPACE else f"{self.workspace}/{self.name}"


class Stat(NamedTuple):
    """What a file system says of a file; equal stamps mean equal bytes unless the file is racy."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


class Fault(NamedTuple):
    """Why a file is refused, and where in it; line and column count from 1."""

    reason: str
    line: int | None = None
    column: int | None = None
    excerpt: str | None = None


class Member(NamedTuple):
    """One file of a bundle as it was just read: its bytes, or the fault that kept them from us."""

    stat: Stat
    data: bytes | None = None
    sha256: str | None = None
    fault: Fault | None = None
    fresh: bool = False
    """Written so lately that bad bytes may still be half of good ones."""
    racy: bool = False
    """Written so shortly before the read that the stamps cannot vouch for the bytes."""
    again: bool = False
    """To be decided about once more, whatever the checkpoint says."""


@dataclass(frozen=True, slots=True)
class Look:
    """A bundle as it is on disk at one moment, by path relative to the root."""

    bundle: Bundle
    members: Mapping[str, Member]
    gone: frozenset[str] = frozenset()
    """Held paths whose absence is certain; any other absent path may come back."""
    vanished: bool = False
    """No file is left, and the root vouches for it."""
    mirrored: bool = False
    """Where nothing is left on disk, nothing is to stay in the database."""
    partial: bool = False
    """The directory could not be listed: its fault stands under the bundle's own name, its files are unknown."""
    untouched: bool = False
    """Every stamp equals its checkpoint: nothing was read."""


class Checkpoint(NamedTuple):
    """What was last decided about one file, in the column order of ``files`` after the workspace."""

    path: str
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    sha256: str | None
    version: int
    state: str
    generation: int
    notes: str | None = None
    facts: str | None = None

    @property
    def stat(self) -> Stat:
        """Return the stamps at the moment of the decision."""
        return Stat(self.size, self.mtime_ns, self.ctime_ns, self.inode)


@dataclass(frozen=True, slots=True)
class Held:
    """What the store holds of one bundle."""

    files: Mapping[str, Checkpoint] = field(default_factory=dict)
    rows: Mapping[str, Mapping[str, Row]] = field(default_factory=dict)
    """Table name -> row id -> row, each with ``synced_rev`` last."""
    foreign: Mapping[str, str] = field(default_factory=dict)
    """Ids that look like this bundle's and are owned by another -> the path of their file."""
    racy: frozenset[str] = frozenset()
    archived: bool = False
    last_generations: Mapping[str, int] = field(default_factory=dict)
    """Path -> the last generation of files that once were here and have no checkpoint now."""


class Change(NamedTuple):
    """One row's before and after, without ``synced_rev``; None where there is no row."""

    table: str
    row_id: str
    before: Row | None
    after: Row | None

    @property
    def op(self) -> str:
        """Return c for create, u for update, d for delete."""
        return "c" if self.before is None else "d" if self.after is None else "u"

    @property
    def path(self) -> str | None:
        """Return the file that the row comes from, or came from; None for a row that no file gave."""
        paths = (str(row[-1]) for row in (self.after, self.before) if row and row[-1] is not None)
        return next(paths, None)


class Refusal(NamedTuple):
    """A file put into quarantine."""

    path: str
    sha256: str | None
    fault: Fault


@dataclass(frozen=True, slots=True)
class Step:
    """What one look at one bundle changes; applied whole or not at all."""

    bundle: Bundle
    cause: str | None = None
    """Why, where that is not why the pass was made: ``upgrade`` for files that only the projection reads otherwise."""
    first: bool = False
    """The bundle was never known before: ``rows`` are inserted and the change log gets one entry."""
    rows: Rows = field(default_factory=dict)
    """Rows to insert, ``synced_rev`` included."""
    changes: tuple[Change, ...] = ()
    references: Rows = field(default_factory=dict)
    """Rows that must exist for these to point at; inserted when absent, never changed."""
    generations: Mapping[str, int] = field(default_factory=dict)
    """Path -> generation, of every file that has rows here."""
    checkpoints: tuple[Checkpoint, ...] = ()
    applied: tuple[Checkpoint, ...] = ()
    """Checkpoints of contents that are new."""
    superseded: tuple[Checkpoint, ...] = ()
    """Checkpoints of good contents that give way to others, good or bad."""
    dropped: tuple[Checkpoint, ...] = ()
    """Checkpoints of files that left."""
    refusals: tuple[Refusal, ...] = ()
    cleared: tuple[str, ...] = ()
    """Paths whose quarantine ends."""
    racy: tuple[str, ...] = ()
    settled: tuple[str, ...] = ()
    """Paths that were racy and no longer are."""
    waiting: tuple[str, ...] = ()
    """Paths that look half-written."""
    leaving: tuple[str, ...] = ()
    """Held paths that are absent, perhaps only for a moment."""
    archived: bool = False
    """Nothing of the bundle is left on disk; its rows stay as they are."""

    @property
    def moves(self) -> bool:
        """Tell whether the store has anything to write for it."""
        return bool(
            self.first or self.changes or self.checkpoints or self.dropped
            or self.refusals or self.cleared or self.racy or self.settled or self.archived
        )  # fmt: skip
