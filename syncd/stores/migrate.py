"""Bringing an older database up to this release: a copy first, then Alembic, in one transaction."""

import glob
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError

from syncd_models.schema import VERSION
from syncd_models.views import VIEWS

MIGRATIONS = Path(__file__).with_name("migrations")


def config(connection: Connection) -> Config:
    """Return Alembic's configuration for a connection; there is no file."""
    found = Config()
    found.set_main_option("script_location", str(MIGRATIONS))
    found.set_main_option("path_separator", "os")
    found.attributes["connection"] = connection
    return found


def pending_after(version: int) -> list[str]:
    """Return number and title of the migrations that lead from a schema to this release's, in order."""
    found = Config()
    found.set_main_option("script_location", str(MIGRATIONS))
    found.set_main_option("path_separator", "os")
    revisions = ScriptDirectory.from_config(found).iterate_revisions("heads", f"{version:04d}")
    return [f"{each.revision} {each.doc}" for each in reversed([*revisions])]


def copies(path: Path, version: int) -> list[Path]:
    """Return the dated copies that were made of a database before it left a schema, oldest first."""
    return sorted(path.parent.glob(f"{glob.escape(path.name)}.schema-{version}.*.bak"))


def upgrade(path: Path, version: int) -> Path:
    """Copy the database to a dated name beside it, then migrate it; return where the copy is.

    ``version`` is the schema that the file has, 0 for an empty one. The caller holds the writer lock. What fails raises
    the driver's own error, and leaves the database as it was.
    """
    copy = _copy(path, version)
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(path), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            _migrate(connection, version)
    except DBAPIError as error:
        raise error.orig or error from error
    except ValueError as error:
        raise sqlite3.DatabaseError(f"its change log cannot be read: {error}") from error
    finally:
        engine.dispose()
    return copy


def _copy(path: Path, version: int) -> Path:
    """Copy the database; what bears the dated name is whole."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    copy = path.with_name(f"{path.name}.schema-{version}.{stamp}.bak")
    part = copy.with_name(f"{path.name}.bak.part")
    part.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(part)) as target:
        source.backup(target)
    part.replace(copy)
    return copy


def _migrate(connection: Connection, version: int) -> None:
    """Lead a database from its schema to this release's, in one transaction."""
    # The driver itself would begin at the first INSERT only, and so keep half of a migration that fails.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    for name in VIEWS:
        connection.execute(text(f"DROP VIEW IF EXISTS {name}"))
    if version:
        command.stamp(config(connection), f"{version:04d}")
    command.upgrade(config(connection), "head")
    for name, query in VIEWS.items():
        connection.exec_driver_sql(f"CREATE VIEW {name} AS {query}")
    connection.exec_driver_sql(f"PRAGMA user_version={VERSION}")
    connection.exec_driver_sql("COMMIT")
