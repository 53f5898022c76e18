"""Write ``syncd_models/schema.py`` from the SQLModel tables: ``python -m syncd.stores.generate``.

The text lets a one-shot work on SQLite without importing SQLAlchemy. A test holds it equal to the tables.
"""

from pathlib import Path

from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlmodel import SQLModel

import syncd_models
from syncd_models import ledger, rows

SCHEMA_VERSION = 2

HEADER = '''"""Tables as plain data and SQLite text. Made by ``python -m syncd.stores.generate``; do not edit."""

from typing import NamedTuple


class Table(NamedTuple):
    """A table's column names in order, and those of its primary key."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]

'''


def schema_text() -> str:
    """Return the module's text."""
    modules = (rows, ledger)  # imported for the tables that they declare
    tables = [table for table in SQLModel.metadata.sorted_tables if modules]
    described = [
        f"    {table.name!r}: Table(\n        {table.name!r},\n        {tuple(table.columns.keys())!r},\n"
        f"        {tuple(table.primary_key.columns.keys())!r},\n    ),\n"
        for table in tables
    ]
    statements = [str(CreateTable(table).compile(dialect=sqlite.dialect())).strip() for table in tables]
    statements += [
        str(CreateIndex(index).compile(dialect=sqlite.dialect())).strip()
        for table in tables
        for index in sorted(table.indexes, key=lambda index: str(index.name))
    ]
    quoted = "".join(f'    """{statement}""",\n' for statement in statements)
    return f"{HEADER}\nVERSION = {SCHEMA_VERSION}\n\nTABLES = {{\n{''.join(described)}}}\n\nSQLITE = (\n{quoted})\n"


def main() -> None:
    """Write the module into the package."""
    target = Path(syncd_models.__file__).with_name("schema.py")
    target.write_text(schema_text(), encoding="utf-8")


if __name__ == "__main__":
    main()
