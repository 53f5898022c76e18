"""The database as SQLAlchemy and SQLModel see it: to be read, and never written."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import DateTime, Dialect, Engine, NullPool, create_engine, event
from sqlalchemy.dialects.sqlite import DATETIME

from syncd.core.moments import moment_text
from syncd.stores.sqlite import SQLite

if TYPE_CHECKING:
    from syncd.stores.postgres import Postgres


class _Moments(DATETIME):
    """Times as the rows have them: without the zeros that would keep equal ones from being equal."""

    def bind_processor(self, dialect: Dialect) -> Any:
        """Return what writes a time as the database does."""
        del dialect
        return lambda moment: None if moment is None else moment_text(moment.replace(tzinfo=None))


def reading_engine(database: "SQLite | Postgres") -> Engine:
    """Return an engine of which no connection can write.

    Connecting raises StoreRefused or StoreUnavailable; each transaction reads one state of the database.
    """
    if not isinstance(database, SQLite):
        return create_engine(
            "postgresql+psycopg://", creator=database.lend, poolclass=NullPool, isolation_level="REPEATABLE READ"
        )
    made = create_engine("sqlite://", creator=database.open_readonly, poolclass=NullPool)
    made.dialect.colspecs = {**made.dialect.colspecs, DateTime: _Moments}
    # The driver begins no transaction to read in: every question would see a state of its own.
    event.listen(made, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return made
