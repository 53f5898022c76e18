"""Migrations lead to the very schema that a new database is made with."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine

from syncd.stores import migrate, sqlite
from syncd_models.schema import TABLES, VERSION


def shape(path: Path) -> dict[str, object]:
    """Return tables with their columns and keys, indexes and views of a database."""
    with closing(sqlite3.connect(path)) as connection:
        found: dict[str, object] = {}
        for table in TABLES:
            found[table] = connection.execute(f"PRAGMA table_xinfo({table})").fetchall()
            keys = connection.execute(f"PRAGMA foreign_key_list({table})").fetchall()
            found[f"{table} keys"] = sorted(key[2:] for key in keys)
        listed = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE type IN ('index', 'view')")
        found["others"] = sorted(row for row in listed if row[2])
        found["rowid"] = sorted(
            name for (name, sql) in connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
            if sql and "WITHOUT ROWID" in sql
        )  # fmt: skip
        return found


def test_migrating_an_empty_database_gives_what_a_new_one_has(tmp_path: Path) -> None:
    """Every table, column, key, index and view is the same both ways."""
    migrated, made = tmp_path / "migrated.db", tmp_path / "made.db"
    sqlite3.connect(migrated).close()
    migrate.upgrade(migrated, 0)
    with closing(sqlite3.connect(made, isolation_level=None)) as connection:
        sqlite.create(connection)
    assert shape(migrated) == shape(made)
    with closing(sqlite3.connect(migrated)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)


def test_the_migrations_cover_the_tables(tmp_path: Path) -> None:
    """Alembic finds nothing that the models have and the migrations do not make."""
    path = tmp_path / "state.db"
    sqlite3.connect(path).close()
    migrate.upgrade(path, 0)
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        command.check(migrate.config(connection))
    engine.dispose()


def test_a_copy_is_made_before_the_first_change(tmp_path: Path) -> None:
    """The copy beside the database opens and holds what was there."""
    path = tmp_path / "state.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE kept (word TEXT)")
        connection.execute("INSERT INTO kept VALUES ('before')")
        connection.commit()
    copy = migrate.upgrade(path, 0)
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT word FROM kept").fetchall() == [("before",)]


def test_a_migration_that_fails_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    """A table in the way stops the migration, and none of the others is there afterwards."""
    path = tmp_path / "state.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE workspaces (name TEXT)")
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        migrate.upgrade(path, 0)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("workspaces",)]
