"""What the store asks of a database and of a connection to it; everything else is alike in all of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, Protocol


class Cursor(Protocol):
    """The answer to a statement."""

    @property
    def description(self) -> Any:
        """Return one sequence a column, its name first."""
        ...

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """A connection that begins no transaction by itself; places in its texts are question marks."""

    @property
    def in_transaction(self) -> bool:
        """Tell whether a transaction is open."""
        ...

    def execute(self, text: str, values: Sequence[Any] = (), /) -> Cursor:
        """Run one statement."""
        ...

    def executemany(self, text: str, rows: Iterable[Sequence[Any]], /) -> object:
        """Run one statement for each row of values."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class Lock(Protocol):
    """A lock that one process holds at a time."""

    def held(self, *, wait: bool = True) -> AbstractContextManager[bool]:
        """Hold the lock; without ``wait``, give False at once if another holds it."""
        ...

    def holder(self) -> str:
        """Say who holds it, or held it last."""
        ...


class Database(Protocol):
    """A place for rows, and how to talk to it."""

    @property
    def name(self) -> str:
        """Name the database for people, without its password."""
        ...

    @property
    def rows_a_statement(self) -> Mapping[str, int]:
        """Return how many rows an ``insert`` and an ``upsert`` may have."""
        ...

    def open(self, *, adopt: bool = False) -> Connection:
        """Return a connection for the writer; raises StoreRefused or StoreUnavailable."""
        ...

    def open_readonly(self) -> Connection:
        """Return a connection that cannot write; raises StoreRefused or StoreUnavailable."""
        ...

    def exists(self) -> bool:
        """Tell whether there is anything yet."""
        ...

    def version(self) -> int:
        """Return the schema version, 0 where there is none; raises StoreRefused for what is not ours."""
        ...

    def size(self, tail: str = "") -> int:
        """Return the bytes that it takes, or those of the file beside it with that tail."""
        ...

    def lies_in(self, root: str) -> bool:
        """Tell whether it lies under that root, and so moves along with it."""
        ...

    def lock(self, kind: str) -> Lock:
        """Return the lock of that kind: ``writer`` or ``daemon``."""
        ...

    def writing(self, connection: Any) -> AbstractContextManager[object]:
        """Hold the writer lock for a connection; waits for it."""
        ...

    def begin(self, connection: Any) -> None:
        """Begin a transaction that writes: one at a time."""
        ...

    def translated(self) -> AbstractContextManager[None]:
        """Turn the driver's errors into ours."""
        ...

    def insert(self, table: str, rows: int) -> str:
        """Return the text that inserts so many rows of a table."""
        ...

    def upsert(self, table: str, rows: int) -> str:
        """Return the text that inserts so many rows of a table, or brings those that are there level."""
        ...

    def unguarded(self, connection: Any, what: Literal["references", "words"]) -> AbstractContextManager[None]:
        """Take rows whatever they point at, or whatever their words, where the database can be told to."""
        ...

    def references(self, connection: Any) -> Sequence[tuple[str, str, str]]:
        """Return table, column and the table that it points at, of references that rows may have broken."""
        ...

    def beside(self) -> "Database":
        """Return an empty database of the same kind, for what is to take this one's place."""
        ...

    def take(self, fresh: Any, connection: Any) -> None:
        """Put what another holds in this one's place, in one transaction."""
        ...

    def discard(self) -> None:
        """Remove the database."""
        ...
