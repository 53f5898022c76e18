"""syncd keeps an SQL database level with the state files of agents: the files are the truth, the database is the view.

    from sqlmodel import select
    from syncd import open_store
    from syncd_models.rows import Task

    with open_store(".compound-state") as store:
        report = store.sync()                          # or store.sync("session-1770537842")
        proof = store.verify()                         # no difference: every row is what its file says
        with store.session() as session:
            failed = session.exec(select(Task).where(Task.status == "failed")).all()

The tables are SQLModel classes in ``syncd_models.rows``. In here:

    open_store    opens a database with its files, as an OpenStore
    OpenStore     sync, verify, status, history, at, session
    SyncReport    what a sync did, with RowCounts, RefusedFile and PlannedChange
    Verification  what a comparison with the files found: each Difference
    Status        what the database knows of itself
    Event, Field  one change of a row, and of one column in it
    Moment        rows as they were at a time
    SyncdError    and its kinds ConfigError, SourceUnavailable, StoreRefused, StoreUnavailable

docs/library.md says what each call returns and raises.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from syncd.errors import ConfigError, SourceUnavailable, StoreRefused, StoreUnavailable, SyncdError
    from syncd.history import Event, Field, Moment
    from syncd.library import OpenStore, open_store
    from syncd.report import PlannedChange, RefusedFile, RowCounts, SyncReport
    from syncd.status import Status
    from syncd.verify import Difference, Verification

__version__ = "0.1.0"

__all__ = [
    "ConfigError",
    "Difference",
    "Event",
    "Field",
    "Moment",
    "OpenStore",
    "PlannedChange",
    "RefusedFile",
    "RowCounts",
    "SourceUnavailable",
    "Status",
    "StoreRefused",
    "StoreUnavailable",
    "SyncReport",
    "SyncdError",
    "Verification",
    "__version__",
    "open_store",
]

_HOMES = {
    "syncd.library": ("OpenStore", "open_store"),
    "syncd.report": ("PlannedChange", "RefusedFile", "RowCounts", "SyncReport"),
    "syncd.verify": ("Difference", "Verification"),
    "syncd.status": ("Status",),
    "syncd.history": ("Event", "Field", "Moment"),
    "syncd.errors": ("ConfigError", "SourceUnavailable", "StoreRefused", "StoreUnavailable", "SyncdError"),
}


def __getattr__(name: str) -> Any:
    """Import a public name where it is first used: the command line starts without what it does not need."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names too, though they are not imported yet."""
    return sorted({*globals(), *__all__})
