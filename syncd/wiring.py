"""Where concrete classes meet: settings become a family, sources and a store, and a whole run of each kind."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from syncd.config import DATABASE_NAME, Settings, session
from syncd.core.decode import Limits
from syncd.core.family import Family
from syncd.errors import ConfigError, SyncdError
from syncd.families.compound_state import Options, compound_state
from syncd.sources.files import Files
from syncd.stores.sql import SqlStore
from syncd.stores.sqlite import SQLite
from syncd_models.values import Bundle, Step

if TYPE_CHECKING:
    from syncd.report import Asked, SyncReport
    from syncd.stores.postgres import Postgres
    from syncd.verify import Verification


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


def database_of(settings: Settings) -> "SQLite | Postgres":
    """Return the database that is set, which need not be there. Raises ConfigError where its driver is missing."""
    if isinstance(settings.database, Path):
        return SQLite(settings.database)
    from syncd.stores.postgres import Postgres

    return Postgres(settings.database)


@contextmanager
def open_store(settings: Settings, *, adopt: bool = False) -> Iterator[SqlStore]:
    """Open the database for writing, made if need be. Raises StoreRefused or StoreUnavailable."""
    database = database_of(settings)
    store = SqlStore(database, database.open(adopt=adopt), utc_now)
    try:
        store.seed(family_of(settings))
        yield store
    finally:
        store.close()


@contextmanager
def read_store(settings: Settings) -> Iterator[SqlStore]:
    """Open the database for reading. Raises StoreRefused, also where there is none."""
    database = database_of(settings)
    store = SqlStore(database, database.open_readonly(), utc_now)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def dry_store(settings: Settings) -> Iterator[SqlStore]:
    """Open the database to compare with and not to write to: an empty one where there is none."""
    if database_of(settings).exists():
        with read_store(settings) as store:
            yield store
        return
    with TemporaryDirectory(prefix="syncd-") as folder:
        database = SQLite(Path(folder) / DATABASE_NAME)
        store = SqlStore(database, database.open(), utc_now)
        try:
            yield store
        finally:
            store.close()


def check_roots(sources: Sequence[Files]) -> None:
    """Raise SourceUnavailable unless every root is there: before a database is made for it."""
    for source in sources:
        source.identity()


def sessions_named(session_ids: Iterable[str], settings: Settings) -> tuple[Bundle, ...]:
    """Return the bundles that session ids name, each once. Raises ConfigError also for a link: none is followed."""
    bundles = tuple(dict.fromkeys(session(text, settings) for text in session_ids))
    roots = {root.workspace: root.path for root in settings.root}
    for bundle in bundles:
        path = roots[bundle.workspace] / bundle.name
        if os.path.islink(path):  # noqa: PTH114  Path.is_symlink raises where the root may not be searched
            hint = "Name the session that it points to, if that lies under the root."
            raise ConfigError(f"{path} is a symbolic link, and links are not followed", hint)
    return bundles


def asked_by(settings: Settings, session_ids: Iterable[str], *, dry_run: bool, accept_missing: bool) -> "Asked":
    """Return what a sync is asked to do. Raises ConfigError for what is no session id."""
    from syncd.report import Asked

    return Asked(sessions_named(session_ids, settings), dry_run, accept_missing, settings.on_missing == "delete")


def run_sync(
    settings: Settings,
    asked: "Asked",
    *,
    adopt: bool = False,
    on_step: Callable[[Step], None] = lambda _: None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> "SyncReport":
    """Bring the database level with the files of every root. Raises an error of each kind that ends a run."""
    from syncd.report import sync_roots

    sources = sources_of(settings)
    check_roots(sources)
    with dry_store(settings) if asked.dry_run else open_store(settings, adopt=adopt) as store:
        return sync_roots(sources, store, asked, on_step, on_progress)


def run_verify(
    settings: Settings, on_progress: Callable[[int], None] = lambda _: None, *, remember: bool = True
) -> "tuple[Verification, SyncdError | None]":
    """Compare every row with its file, and return with it why the run is not remembered, should that have failed."""
    from syncd.report import verify_counts
    from syncd.verify import verify

    sources = sources_of(settings)
    check_roots(sources)
    with read_store(settings) as store:
        started = store.moment()
        found = verify(sources, store, on_progress)
    try:
        if remember:
            with open_store(settings) as store:
                store.record("verify", started, verify_counts(found))
    except SyncdError as error:
        return found, error
    return found, None
