"""The options that belong to every command, before its name or after it."""

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from syncd.config import SETTINGS, Setting, Settings, load

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
        flags = {name: kwargs.pop(name) or before.get(name) for name in NAMES}
        return function(settings_of(flags), *args, **kwargs)

    return settings_options(call)


def settings_of(flags: dict[str, Any]) -> Settings:
    """Return the settings of this process. Raises ConfigError."""
    return load(flags, os.environ, Path.cwd())


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON with documented fields.")


def entries(settings: Settings) -> int:
    """Count what lies in the roots: about as many as there are sessions."""
    return sum(1 for root in settings.root for _ in root.path.iterdir())
