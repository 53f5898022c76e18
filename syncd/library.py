"""syncd from Python: what the commands do, as values."""

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias, TypedDict, Unpack

from sqlalchemy import Engine
from sqlmodel import Session

from syncd import config, history
from syncd.config import SETTINGS, Settings, load
from syncd.errors import ConfigError
from syncd.history import Event, Moment
from syncd.report import SyncReport
from syncd.status import Status, status
from syncd.stores.reading import reading_engine
from syncd.verify import Verification
from syncd.wiring import asked_by, database_of, family_of, read_store, run_sync, run_verify, utc_now
from syncd_models.values import DEFAULT_WORKSPACE

Place: TypeAlias = str | os.PathLike[str]
"""A path as text or as a ``pathlib.Path``."""


class Keywords(TypedDict, total=False):
    """The settings beside ``root``, by their names in ``syncd.toml``; None is as good as not given."""

    database: Place | None
    session_prefixes: str | Sequence[str] | None
    naive_timezone: str | None
    on_missing: Literal["archive", "delete"] | None
    max_file_size: int | str | None
    max_depth: int | None
    redact: bool | None
    logs: Place | None
    reports: Place | None
    tasks: Place | None
    backups: Place | None
    keep_backups: int | None
    archived_days: int | None
    changes_days: int | None
    config: Place | None


def open_store(
    root: "Place | Sequence[Place] | None" = None, *, read_only: bool = False, **settings: "Unpack[Keywords]"
) -> "OpenStore":
    """Open a database together with the files that it is kept level with.

    ``root`` is a directory of session directories, ``"NAME=DIR"`` to name its workspace, or a sequence of them. Every
    other setting may be given by its name, such as ``database`` or ``naive_timezone``: ``syncd config show`` lists all.
    ``config`` names the ``syncd.toml`` to read. What is not given comes from a ``SYNCD_…`` variable, from that file or
    from the defaults.

    Nothing is read or made yet, and the root need not be there. With ``read_only`` the database has to be there, and is
    never written to. Raises ConfigError, and with ``read_only`` StoreRefused or StoreUnavailable.
    """
    found = load(_flags(root, settings), os.environ, Path.cwd())
    if read_only:
        with read_store(found):
            pass
    return OpenStore(found, read_only=read_only)


def _flags(root: Place | Sequence[Place] | None, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return keywords as the settings read them from flags. Raises ConfigError for one that is no setting."""
    known = ("root", "config", *(setting.name for setting in SETTINGS if setting.name != "root"))
    if unknown := sorted(settings.keys() - {*known}):
        raise ConfigError(f"open_store: unknown setting {unknown[0]!r}", f"The settings are {', '.join(known)}.")
    flags = {name: _text(value) for name, value in settings.items()}
    return flags if root is None else flags | {"root": [_root(each) for each in _several(root)]}


def _several(root: Place | Sequence[Place]) -> Sequence[Place]:
    found = [root] if isinstance(root, (str, os.PathLike)) else root
    if isinstance(found, Sequence) and all(isinstance(each, (str, os.PathLike)) for each in found):
        return found
    raise ConfigError(f"open_store: {root!r} is no root", "Give a path, a text NAME=DIR, or a list of them.")


def _root(place: Place) -> str:
    """Return a root as it is written in a flag; a path names no workspace, whatever characters are in it."""
    return place if isinstance(place, str) else f"{DEFAULT_WORKSPACE}={_text(place)}"


def _text(value: Any) -> Any:
    return os.fsdecode(value) if isinstance(value, os.PathLike) else value


class OpenStore:
    """A database and the files that it is kept level with; ``open_store`` makes it.

    Each call opens the database and closes it again: what others commit is seen by the next call, and one store may
    serve several threads. Use it in a ``with`` statement, or call ``close``.
    """

    def __init__(self, settings: Settings, *, read_only: bool = False) -> None:
        """Take settings that are complete."""
        self._given = settings
        self._read_only = read_only
        self._closed = False
        self._engine: Engine | None = None

    def __repr__(self) -> str:
        roots = ", ".join(map(str, self._given.root))
        return f"<{'closed' if self._closed else 'open'} store {self._given.database} of {roots}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database; every later call raises ConfigError."""
        self._closed = True
        if self._engine:
            self._engine.dispose()

    @property
    def _settings(self) -> Settings:
        if self._closed:
            raise ConfigError("this store is closed", "Open it again with open_store.")
        return self._given

    def sync(
        self, *session_ids: str, dry_run: bool = False, accept_missing: bool = False, adopt: bool = False
    ) -> SyncReport:
        """Bring the database level with the files: everything, or the sessions that are named.

        What was written before the call is in the database when it returns; the database is made if need be.
        ``dry_run`` only reports what would change, ``accept_missing`` lets go of sessions that are gone, however many,
        and ``adopt`` sets another tool's database aside. A bad file raises nothing: it stands in the report.

        Raises ConfigError (a session that nobody knows, a root of another database, a store that is ``read_only``),
        SourceUnavailable (a root is not there), StoreRefused (the database is newer, damaged or not ours) or
        StoreUnavailable (it cannot be used just now).
        """
        if self._read_only and not dry_run:
            raise ConfigError("this store was opened with read_only=True", "Open it without that to sync.")
        asked = asked_by(self._settings, session_ids, dry_run=dry_run, accept_missing=accept_missing)
        return run_sync(self._settings, asked, adopt=adopt)

    def verify(self) -> Verification:
        """Compute every row again from the files and compare it with the database; no difference is the proof.

        Time and outcome of the run are remembered in the database unless the store is ``read_only``; a warning says so
        where that could not be written. Raises SourceUnavailable, StoreRefused or StoreUnavailable.
        """
        found, unremembered = run_verify(self._settings, remember=not self._read_only)
        if unremembered:
            warnings.warn(f"this run is not remembered: {unremembered.message}", stacklevel=2)
        return found

    def status(self) -> Status:
        """Return what the database knows, and whether it is level with its files. Raises StoreRefused."""
        with read_store(self._settings) as store:
            return status(store)

    def history(self, table: str, row_id: str) -> list[Event]:
        """Return every change of a row that is remembered, field by field, the oldest first.

        Raises ConfigError for a table that has no history, and for a row of which nothing is known.
        """
        self._check(table)
        with read_store(self._settings) as store:
            return history.changes(store, table, row_id)

    def at(
        self, when: str | datetime, table: str | None = None, *, row_id: str | None = None, session: str | None = None
    ) -> Moment:
        """Return a table, one row of it, or a session with all its rows, as it was at a time.

        Give ``table``, ``table`` and ``row_id``, or ``session``. ``when`` is a datetime, or text as the command takes
        it: "2026-02-09 12:00", "14:03", "2h" for two hours ago; without a zone it is in ``naive_timezone``. Where the
        past is not known, the answer says so, and names the sessions that were first read later. Raises ConfigError for
        what is no time, no table with a history or no session id.
        """
        if (table is None) == (session is None) or (row_id is not None and table is None):
            hint = 'Ask for at(when, "tasks"), at(when, "tasks", row_id=…) or at(when, session=…).'
            raise ConfigError("at: give a table, a table and a row_id, or a session", hint)
        moment, family = self._moment(when), family_of(self._settings)
        if table is not None:
            self._check(table)
        bundle = config.session(session, self._settings) if session is not None else None
        with read_store(self._settings) as store:
            if bundle is not None:
                return history.session_at(store, family, bundle, moment)
            if row_id is None:
                return history.table_at(store, family, str(table), moment)
            return history.row_at(store, family, str(table), row_id, moment)

    def _check(self, table: str) -> None:
        """Raise ConfigError for a table without a history: its name goes into SQL."""
        tables = history.tables(family_of(self._settings))
        if table not in tables:
            raise ConfigError(f"no history is kept of a table {table!r}", f"The tables are {', '.join(tables)}.")

    def _moment(self, when: str | datetime) -> str:
        """Return a time as the database writes it."""
        said = when.isoformat() if isinstance(when, datetime) else str(when)
        return history.time_of(said, self._settings.zone, utc_now())

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Lend an SQLModel session that reads one state of the database and cannot write.

        Rows are those of ``syncd_models.rows``, their times aware and in UTC; they may be used after the session has
        ended. Raises StoreRefused, also where there is no database; errors of a query are SQLAlchemy's own.
        """
        with Session(self._reading(), expire_on_commit=False) as session:
            session.connection()  # a database that is refused is refused here
            yield session

    def _reading(self) -> Engine:
        if self._engine is None:
            self._engine = reading_engine(database_of(self._settings))
        return self._engine
