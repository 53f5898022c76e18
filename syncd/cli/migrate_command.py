"""``syncd migrate``: the schema."""

from typing import Any

import click

from syncd.cli.options import as_json, with_settings
from syncd.cli.output import say, say_json
from syncd.config import Settings


@click.command("migrate")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@as_json
@with_settings
def command(settings: Settings, *, dry_run: bool, as_json: bool) -> int:
    """Say which schema the database has, and bring an older one up to date.

    Every command that writes does so by itself, after a dated copy of the file. A newer database is refused: exit 3.
    """
    from syncd.stores.sqlite import SQLite
    from syncd.wiring import database_of, open_store
    from syncd_models.schema import VERSION

    database = database_of(settings)
    version = database.version()
    pending: list[str] = []
    path = database.path if isinstance(database, SQLite) else None
    if path and 0 < version < VERSION:
        from syncd.stores.migrate import copies, pending_after

        pending = pending_after(version)
    result: dict[str, Any] = {
        "database": database.name, "schema_version": version, "latest": VERSION, "pending": pending, "copy": None,
    }  # fmt: skip
    if path and pending and not dry_run:
        with open_store(settings):
            result["copy"] = str(copies(path, version)[-1])
        result["schema_version"], result["pending"] = VERSION, []
    if as_json:
        say_json({"schema": 1, "dry_run": dry_run, **result})
        return 0
    if not version:
        say(f"there is no database at {database.name} yet: `syncd sync` makes one, with schema {VERSION}")
        return 0
    for name in pending:
        say(f"{'would apply' if dry_run else 'applied'} {name}")
    if result["copy"]:
        say(f"the database as it was: {result['copy']}")
    say(
        f"schema {result['schema_version']} of {VERSION}: {'up to date' if not result['pending'] else 'to be migrated'}"
    )
    return 0
