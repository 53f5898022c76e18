"""Settings: flag, then ``SYNCD_…`` variable, then ``syncd.toml``, then default; each value knows where it came from."""

import os
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any

from syncd.errors import ConfigError
from syncd.stores.url import Url, parse_url
from syncd_models.values import DEFAULT_WORKSPACE, Bundle

DEFAULT_ROOT = ".compound-state"
DATABASE_NAME = "agent-service.db"
LONGEST_NAME = 255
MOST_DAYS = 36_500
WORKSPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class Root:
    """A watched tree and its name."""

    workspace: str
    path: Path

    def __str__(self) -> str:
        """Write a root as it is given on the command line."""
        return str(self.path) if self.workspace == DEFAULT_WORKSPACE else f"{self.workspace}={self.path}"


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting; ``origins`` says of each where its value came from."""

    root: tuple[Root, ...]
    database: Path | Url
    config: Path | None
    session_prefixes: tuple[str, ...]
    naive_timezone: str
    on_missing: str
    max_file_size: int
    max_depth: int
    redact: bool
    logs: Path
    reports: Path
    tasks: Path
    backups: Path
    keep_backups: int
    archived_days: int
    changes_days: int
    origins: Mapping[str, str] = field(default_factory=dict)

    @property
    def zone(self) -> tzinfo:
        """Return the zone that times without one are in."""
        return zone(self.naive_timezone)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: how it is written, and what it is when nobody says."""

    name: str
    parse: Callable[[Any], Any]
    default: Any
    help: str
    metavar: str | None = None
    many: bool = False
    hidden: bool = True

    @property
    def flag(self) -> str:
        """Return the option that sets it."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def variable(self) -> str:
        """Return the environment variable that sets it."""
        return f"SYNCD_{self.name.upper()}"


def zone(name: str) -> tzinfo:
    """Return a time zone by name."""
    if name.upper() == "UTC":
        return UTC
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is not a time zone, such as UTC or Europe/Berlin") from error


def _there(test: Callable[[], bool]) -> bool:
    """Tell whether a path is what a test asks; one that may not be looked at is not."""
    try:
        return test()
    except OSError:
        return False


def _path(text: Any) -> Path:
    """Return an absolute path; the home of nobody stays as it is written."""
    return Path(os.path.expanduser(str(text))).absolute()  # noqa: PTH111  Path.expanduser raises for the home of nobody


def _root(text: Any) -> Root:
    name, equals, directory = str(text).partition("=")
    if not equals or _there(Path(str(text)).exists):
        name, directory = DEFAULT_WORKSPACE, str(text)
    if not WORKSPACE.fullmatch(name) or not directory:
        raise ValueError(f"{text!r} is not [NAME=]DIR; a name has letters, digits, '_', '.' and '-'")
    return Root(name, Path(os.path.realpath(_path(directory))))


def _database(text: Any) -> Path | Url:
    written = str(text)
    if written.startswith("sqlite:///"):
        written = written.removeprefix("sqlite:///")
    elif "://" in written:
        return parse_url(written)
    if not written or "\0" in written:
        raise ValueError("give the path of a database file, or postgresql://USER@HOST/DATABASE")
    return _path(written)


def _prefix(text: Any) -> str:
    if not str(text) or "/" in str(text):
        raise ValueError(f"{text!r} cannot begin a directory name")
    return str(text)


def _zone_name(text: Any) -> str:
    zone(str(text))
    return str(text)


def _policy(text: Any) -> str:
    if text not in ("archive", "delete"):
        raise ValueError(f"{text!r} is neither 'archive' nor 'delete'")
    return str(text)


SIZES = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}


def _size(text: Any) -> int:
    match = re.fullmatch(r"(\d+) ?([KMG]?)(i?B)?", str(text).strip(), re.IGNORECASE)
    if not match or not int(match[1]):
        raise ValueError(f"{text!r} is not a size such as 16777216 or 16MiB")
    return int(match[1]) * SIZES[match[2].upper()]


def _count(text: Any) -> int:
    if not str(text).isdecimal() or not int(str(text)):
        raise ValueError(f"{text!r} is not a number above 0")
    return int(str(text))


def _days(text: Any) -> int:
    if not str(text).isdecimal() or int(str(text)) > MOST_DAYS:
        raise ValueError(f"{text!r} is not a number of days, 0 to {MOST_DAYS}")
    return int(str(text))


REDACT = True
YES_NO = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def _switch(text: Any) -> bool:
    if str(text).lower() not in YES_NO:
        raise ValueError(f"{text!r} is neither yes nor no")
    return YES_NO[str(text).lower()]


def _folder(text: Any) -> Path:
    if not str(text):
        raise ValueError("give the path of a folder")
    return _path(text)


SETTINGS = (
    Setting("root", _root, None, "A directory of session directories, repeatable; NAME is its workspace.",
            "[NAME=]DIR", many=True, hidden=False),
    Setting("database", _database, None, f"The database (default: {DATABASE_NAME} in the first root).",
            "PATH|URL", hidden=False),
    Setting("session_prefixes", _prefix, ("session-", "orchestrator-"), "What names of session directories begin with.",
            "PREFIX", many=True),
    Setting("naive_timezone", _zone_name, "UTC", "The zone of times that are written without one.", "ZONE"),
    Setting("on_missing", _policy, "archive", "What becomes of the rows of a session directory that is gone.",
            "archive|delete"),
    Setting("max_file_size", _size, 16 * 2**20, "Larger files are refused.", "SIZE"),
    Setting("max_depth", _count, 200, "Files that nest deeper are refused.", "N"),
    Setting("redact", _switch, REDACT, "Whether well-known secrets are taken out of text.", "yes|no"),
    Setting("logs", _folder, None, "Where log files are (default: logs beside the first root, else in it).", "DIR"),
    Setting("reports", _folder, None, "Where reports are (default: likewise).", "DIR"),
    Setting("tasks", _folder, None, "Where task definitions are (default: likewise).", "DIR"),
    Setting("backups", _folder, None, "Where backups go (default: backups beside the database).", "DIR"),
    Setting("keep_backups", _count, 7, "How many backups are kept.", "N"),
    Setting("archived_days", _days, 90, "Days after which `prune` removes an archived session.", "DAYS"),
    Setting("changes_days", _days, 90, "Days after which `prune` removes an entry of the change log.", "DAYS"),
)  # fmt: skip


def load(flags: Mapping[str, Any], environment: Mapping[str, str], here: Path) -> Settings:
    """Return the settings, each from the first place that has it. Raises ConfigError naming that place."""
    file, named = config_file(flags.get("config"), environment, here)
    written = _read(file) if file else {}
    values: dict[str, Any] = {}
    origins: dict[str, str] = {"config": named}
    for setting in SETTINGS:
        raw, origin = _first(setting, flags, environment, written, file)
        origins[setting.name] = origin
        values[setting.name] = setting.default if raw is None else _parsed(setting, raw, origin)
    return _completed(values, origins, environment, file)


def config_file(flag: Any, environment: Mapping[str, str], here: Path) -> tuple[Path | None, str]:
    """Return the configuration file in force, and who named it."""
    for given, origin in ((flag, "--config"), (environment.get("SYNCD_CONFIG") or None, "SYNCD_CONFIG")):
        if given is not None:
            path = _path(given)
            if not _there(path.is_file):
                raise ConfigError(f"{origin}: there is no file {path}", "Give the path of a syncd.toml.")
            return path, origin
    home = environment.get("XDG_CONFIG_HOME") or f"{environment.get('HOME', '~')}/.config"
    for path in (here / "syncd.toml", _path(home) / "syncd" / "syncd.toml"):
        if _there(path.is_file):
            return path, "found"
    return None, "none found"


def _read(file: Path) -> dict[str, Any]:
    try:
        written = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: not TOML: {error}", "Mend the file, or name another with --config.") from error
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}", "Name another with --config.") from error
    names = {setting.name for setting in SETTINGS}
    if unknown := sorted(written.keys() - names):
        raise ConfigError(f"{file}: unknown setting {unknown[0]!r}", f"The settings are {', '.join(sorted(names))}.")
    return written


def _first(
    setting: Setting,
    flags: Mapping[str, Any],
    environment: Mapping[str, str],
    written: dict[str, Any],
    file: Path | None,
) -> tuple[Any, str]:
    """Return the first value given for a setting, and where."""
    if (flag := flags.get(setting.name)) is not None:
        return flag, setting.flag
    if variable := environment.get(setting.variable):
        return (variable.split(os.pathsep) if setting.many else variable), setting.variable
    if setting.name in written:
        return written[setting.name], str(file)
    return None, "default"


def _scalar(raw: Any) -> Any:
    if not isinstance(raw, (str, int, float)):
        raise ValueError(f"{raw!r} is not one value")  # noqa: TRY004  a bad setting like any other
    return raw


def _several(raw: Any) -> Sequence[Any]:
    found = raw if isinstance(raw, (list, tuple)) else [raw]
    if not found:
        raise ValueError("give at least one")
    return found


def _parsed(setting: Setting, raw: Any, origin: str) -> Any:
    try:
        if not setting.many:
            return setting.parse(_scalar(raw))
        return tuple(setting.parse(_scalar(each)) for each in _several(raw))
    except (ValueError, OSError) as error:
        raise ConfigError(f"{origin}: {setting.name}: {error}", "`syncd config show` lists every setting.") from error


def _completed(
    values: dict[str, Any], origins: dict[str, str], environment: Mapping[str, str], file: Path | None
) -> Settings:
    """Fill in the defaults that depend on other settings."""
    if not values["root"]:
        variable = environment.get("COMPOUND_STATE_DIR")
        origins["root"] = "COMPOUND_STATE_DIR" if variable else "default"
        values["root"] = (Root(DEFAULT_WORKSPACE, Path(os.path.realpath(variable or DEFAULT_ROOT))),)
    names = [root.workspace for root in values["root"]]
    if double := next((name for name in names if names.count(name) > 1), None):
        hint = "Give each root a name of its own: --root NAME=DIR."
        raise ConfigError(f"{origins['root']}: two roots are named {double!r}", hint)
    first = values["root"][0].path
    values["database"] = values["database"] or first / DATABASE_NAME
    database = values["database"]
    values["backups"] = values["backups"] or (database.parent if isinstance(database, Path) else first) / "backups"
    for name in ("logs", "reports", "tasks"):
        beside = first.parent / name
        values[name] = values[name] or (beside if _there(beside.is_dir) else first / name)
    return Settings(**values, config=file, origins=origins)


def session(text: str, settings: Settings) -> Bundle:
    """Return the bundle that a session id names. Raises ConfigError for what could lead out of a root."""
    workspace, slash, name = text.rpartition("/")
    known = {root.workspace for root in settings.root}
    if not slash:
        workspace = DEFAULT_WORKSPACE if DEFAULT_WORKSPACE in known else settings.root[0].workspace
    if workspace not in known:
        raise ConfigError(f"{text!r} names no workspace that is given here", f"These are: {', '.join(sorted(known))}.")
    if not name.startswith(settings.session_prefixes) or not name.isprintable() or len(name.encode()) > LONGEST_NAME:
        prefixes = " or ".join(settings.session_prefixes)
        hint = "It is the name of a session directory, such as session-1770537842."
        raise ConfigError(f"{text[:80]!r} is not a session id: those begin with {prefixes}", hint)
    return Bundle(workspace, name)
