"""A family: one kind of files, what it knows how to read, and one pure function from documents to rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from syncd_models.values import Bundle, Held, Row, Rows


class Reading(NamedTuple):
    """A document as it was understood, and what is worth knowing about how it was written."""

    document: Any
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Past:
    """What the projection may take from before: ``held``, and which of its files cannot speak for themselves now."""

    held: Held
    kept: frozenset[str] = frozenset()
    """Paths that were refused, half-written or perhaps leaving; what they gave before stands."""


@dataclass(frozen=True, slots=True)
class Projection:
    """The rows of one bundle, and what to remember of its files."""

    rows: Rows = field(default_factory=dict)
    """Each row ends with its ``source_path``; the tables come parents first."""
    references: Rows = field(default_factory=dict)
    facts: Mapping[str, str | None] = field(default_factory=dict)
    """Path -> what the bundle's own row takes from that file, as JSON."""
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Family:
    """One kind of files. Bump ``version`` and every bundle is projected again."""

    name: str
    version: int
    tables: tuple[str, ...]
    """Parents first."""
    bundle_table: str
    """The table with one row a bundle, whose id is the bundle's."""
    retained: frozenset[str]
    """Tables whose rows stay when their file no longer gives them."""
    is_bundle: Callable[[str], bool]
    """Tell whether a directory name is one of this family's."""
    is_member: Callable[[str], bool]
    """Tell whether a file name is one of a bundle's documents."""
    read: Callable[[str, bytes], Reading]
    """Decode and validate the bytes of a path; raises DocumentError."""
    project: Callable[[Bundle, Mapping[str, Any], Past], Projection]
    key_ranges: Callable[[str, Bundle], tuple[tuple[str, str], ...]]
    """For a table and a bundle, the half-open ranges of ids that hold all its rows."""
    owns: Callable[[Bundle, str, Row], bool]
    """Tell whether a held row of a table, found in a bundle's range of ids, is that bundle's."""
    owner: Callable[[str, str, str | None], str]
    """Return the id of the bundle that gave a row, from its table, id and source path."""
    unlisted: tuple[str, ...]
    """Names of bundles that no row speaks of by itself."""
    archived: Callable[[str], bool]
    """Tell whether a bundle of that name is archived when it vanishes; else its rows leave with it."""
    built_in: Rows
    """Rows that are always there."""
    made: Callable[[str, str], Row]
    """For a table of ``built_in`` and an id, the row that is made from the id alone."""
    bundle_named: Callable[[str], Bundle]
    """Return the bundle with that id."""
