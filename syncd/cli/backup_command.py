"""``syncd backup``: a dated copy."""

from pathlib import Path

import click

from syncd.cli.options import as_json, with_settings
from syncd.cli.output import say, say_json, size_text
from syncd.config import Settings
from syncd.errors import ConfigError


@click.command("backup")
@click.option("--to", "folder", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Where the copy goes (default: the setting backups).")  # fmt: skip
@click.option("--keep", type=click.IntRange(min=1), metavar="N",
              help="How many backups stay there (default: the setting keep_backups).")  # fmt: skip
@as_json
@with_settings
def command(settings: Settings, *, folder: Path | None, keep: int | None, as_json: bool) -> int:
    """Copy the database as it is at one moment to a dated file, while others read and write.

    The copy is checked before it counts. The newest few are kept; other files in the folder are left alone.
    """
    from syncd.errors import SyncdError
    from syncd.stores.backup import backup
    from syncd.stores.sqlite import SQLite
    from syncd.wiring import open_store, read_store, utc_now

    with read_store(settings) as store:
        if not isinstance(store.database, SQLite):
            hint = "Use pg_dump: pg_dump --format=custom --file=syncd.dump DATABASE_URL"
            raise ConfigError("a PostgreSQL database is backed up by its own tools", hint)
        started = store.moment()
        made = backup(store.database, (folder or settings.backups).absolute(), keep or settings.keep_backups, utc_now())
    result = {"path": str(made.path), "size_bytes": made.size_bytes, "removed": [str(each) for each in made.removed]}
    try:
        with open_store(settings) as store:
            store.record("backup", started, result)
    except SyncdError as error:
        say(f"this run is not remembered: {error.message}", err=True)
    if as_json:
        say_json({"schema": 1, **result})
        return 0
    say(f"backed up to {made.path} ({size_text(made.size_bytes)})", fg="green")
    for path in made.removed:
        say(f"removed {path}: only the newest are kept")
    return 0
