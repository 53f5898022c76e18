"""Where concrete classes meet: settings become a family, sources and a store."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from syncd.config import Settings
from syncd.core.decode import Limits
from syncd.core.family import Family
from syncd.families.compound_state import Options, compound_state
from syncd.sources.files import Files
from syncd.stores.sql import SqlStore
from syncd.stores.sqlite import SQLite


def utc_now() -> datetime:
    """Return the time as naive UTC, as the store wants it."""
    return datetime.now(UTC).replace(tzinfo=None)


def family_of(settings: Settings) -> Family:
    """Return the family with the options that are set."""
    limits = Limits(settings.max_file_size, settings.max_depth)
    return compound_state(Options(settings.session_prefixes, settings.zone, limits, settings.redact))


def sources_of(settings: Settings) -> list[Files]:
    """Return one source a root."""
    family = family_of(settings)
    return [Files(family, root.workspace, root.path, settings.max_file_size) for root in settings.root]


@contextmanager
def open_store(settings: Settings, *, adopt: bool = False) -> Iterator[SqlStore]:
    """Open the database for writing, made if need be. Raises StoreRefused or StoreUnavailable."""
    database = SQLite(settings.database)
    store = SqlStore(database, database.open(adopt=adopt), utc_now)
    try:
        store.seed(family_of(settings))
        yield store
    finally:
        store.close()


@contextmanager
def read_store(settings: Settings) -> Iterator[SqlStore]:
    """Open the database for reading. Raises StoreRefused, also where there is none."""
    database = SQLite(settings.database)
    store = SqlStore(database, database.open_readonly(), utc_now)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def dry_store(settings: Settings) -> Iterator[SqlStore]:
    """Open the database to compare with and not to write to: an empty one where there is none."""
    if SQLite(settings.database).exists():
        with read_store(settings) as store:
            yield store
        return
    with TemporaryDirectory(prefix="syncd-") as folder:
        database = SQLite(Path(folder) / settings.database.name)
        store = SqlStore(database, database.open(), utc_now)
        try:
            yield store
        finally:
            store.close()


def check_roots(sources: Sequence[Files]) -> None:
    """Raise SourceUnavailable unless every root is there: before a database is made for it."""
    for source in sources:
        source.identity()
