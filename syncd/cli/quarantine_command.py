"""``syncd quarantine``: what was refused."""

from dataclasses import asdict

import click

from syncd.cli.options import as_json, with_settings
from syncd.cli.output import say, say_json, table
from syncd.config import Settings
from syncd.errors import ConfigError


@click.command("quarantine")
@click.argument("path", required=False)
@as_json
@with_settings
def command(settings: Settings, path: str | None, *, as_json: bool) -> int:
    """List the files that were refused, or show all about the one at PATH (relative to its root).

    A refused file keeps the rows that it gave before. Exit code 1 when there is any but a `session.json`.
    """
    from syncd.status import matters, quarantine
    from syncd.wiring import read_store

    with read_store(settings) as store:
        refused = quarantine(store, path)
    if path and not refused:
        raise ConfigError(f"{path!r} is not in quarantine", "`syncd quarantine` lists what is.")
    if as_json:
        say_json({"schema": 1, "quarantine": [asdict(each) for each in refused]})
    elif path:
        for name, value in asdict(refused[0]).items():
            say(f"{name.replace('_', ' '):<11} {'' if value is None else value}")
        say()
        say("Its last good rows stay. Mend the file, then run `syncd sync`; the quarantine ends by itself.")
    elif refused:
        rows = [
            [each.path, "" if each.line is None else f"{each.line}:{each.column}", each.reason, each.excerpt or ""]
            for each in refused
        ]
        table(f"{len(refused)} refused file(s)", ["file", "line:col", "reason", "near"], rows)
        say("Their last good rows stay. Mend a file, then run `syncd sync`; the quarantine ends by itself.")
    else:
        say("no file is refused", fg="green")
    return int(any(matters(each.path) for each in refused))
