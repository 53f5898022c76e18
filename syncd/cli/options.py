"""The options that belong to every command, before its name or after it."""

import os
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from syncd.config import SETTINGS, Setting, Settings, load
from syncd.errors import SyncdError
from syncd_models.values import DEFAULT_WORKSPACE

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def _option(setting: Setting) -> Callable[[Decorated], Decorated]:
    return click.option(
        setting.flag, setting.name, metavar=setting.metavar, multiple=setting.many, help=setting.help,
        hidden=setting.hidden,
    )  # fmt: skip


def settings_options(function: Decorated) -> Decorated:
    """Add every setting as an option; those that are rarely needed are in the documentation only."""
    for setting in reversed(SETTINGS):
        function = _option(setting)(function)
    return click.option("--config", metavar="FILE", help="The syncd.toml to read.")(function)


NAMES = ("config", *(setting.name for setting in SETTINGS))


def with_settings(function: Callable[..., Any]) -> Callable[..., Any]:
    """Pass the settings as the first argument: an option after the command wins over one before it."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        before = click.get_current_context().find_root().obj or {}
        after = {name: kwargs.pop(name) for name in NAMES}
        return function(settings_of(before, after), *args, **kwargs)

    return settings_options(call)


def settings_of(*flags: Mapping[str, Any]) -> Settings:
    """Return the settings of this process; of several values of a flag the last counts. Raises ConfigError."""
    given = {name: each[name] for each in flags for name in NAMES if each.get(name) not in {None, ()}}
    return load(given, os.environ, Path.cwd())


def complete_sessions(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Complete session ids from the directories that there are; where those cannot be listed, complete nothing."""
    del param
    try:
        settings = settings_of(*({**each.params} for each in (ctx.find_root(), ctx)))
        found = [(root, entry) for root in settings.root for entry in os.scandir(root.path) if entry.is_dir()]
    except (SyncdError, OSError):
        return []
    names = (
        entry.name if root.workspace == DEFAULT_WORKSPACE else f"{root.workspace}/{entry.name}"
        for root, entry in found
        if entry.name.startswith(settings.session_prefixes) and entry.name.isprintable()
    )
    return sorted(name for name in names if name.startswith(incomplete))


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON with documented fields.")


def entries(settings: Settings) -> int:
    """Count what lies in the roots, about as many as there are sessions; 0 where that cannot be listed."""
    try:
        return sum(1 for root in settings.root for _ in root.path.iterdir())
    except OSError:
        return 0
