"""``syncd config show``: every setting."""

from typing import Any

import click

from syncd.cli.options import as_json, with_settings
from syncd.cli.output import say_json, table
from syncd.config import SETTINGS, Settings


@click.group("config")
def command() -> None:
    """Look at the settings."""


@command.command("show")
@as_json
@with_settings
def show(settings: Settings, *, as_json: bool) -> int:
    """Show every setting, its value, and where it came from: flag, SYNCD_ variable, syncd.toml or default."""
    values: dict[str, Any] = {setting.name: _plain(getattr(settings, setting.name)) for setting in SETTINGS}
    values["config"] = _plain(settings.config)
    if as_json:
        record = {name: {"value": value, "origin": settings.origins[name]} for name, value in values.items()}
        say_json({"schema": 1, "settings": record})
        return 0
    rows = [[name, _text(value), settings.origins[name]] for name, value in values.items()]
    table("", ["setting", "value", "from"], rows)
    return 0


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value if isinstance(value, (bool, int, str)) or value is None else str(value)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
