"""Where settings come from: flag, then variable, then file, then default; and what happens to bad ones."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from syncd.config import SETTINGS
from tests.command import Said, call, document, put, rows

VALUES: dict[str, tuple[Any, str, str, str]] = {
    "root": (["{here}/.compound-state"], "by-file", "by-variable", "by-flag"),
    "database": ("{here}/.compound-state/agent-service.db", "file.db", "variable.db", "flag.db"),
    "session_prefixes": (["session-", "orchestrator-"], "file-", "variable-", "flag-"),
    "naive_timezone": ("UTC", "Europe/Berlin", "Asia/Tokyo", "America/New_York"),
    "on_missing": ("archive", "delete", "archive", "delete"),
    "max_file_size": (16 * 2**20, "1KiB", "2 MB", "3"),
    "max_depth": (200, "11", "12", "13"),
    "redact": (True, "no", "yes", "off"),
    "logs": ("{here}/.compound-state/logs", "by-file", "by-variable", "by-flag"),
    "reports": ("{here}/.compound-state/reports", "by-file", "by-variable", "by-flag"),
    "tasks": ("{here}/.compound-state/tasks", "by-file", "by-variable", "by-flag"),
    "backups": ("{here}/.compound-state/backups", "by-file", "by-variable", "by-flag"),
    "keep_backups": (7, "11", "12", "13"),
    "archived_days": (90, "11", "12", "13"),
    "changes_days": (90, "11", "12", "13"),
}
"""Of each setting its default, then how it is written in the file, in the variable and in the flag."""

PATHS = {"database", "logs", "reports", "tasks", "backups"}
READ: Mapping[str, Any] = {"1KiB": 1024, "2 MB": 2 * 2**20, "3": 3, "11": 11, "12": 12, "13": 13}


def read(name: str, text: str, here: Path) -> Any:
    """Return what ``config show`` makes of a written value."""
    if name in {"root", "session_prefixes"}:
        return [str(here / text)] if name == "root" else [text]
    if name == "redact":
        return text == "yes"
    return str(here / text) if name in PATHS else READ.get(text, text)


def shown(*arguments: str | Path, here: Path, env: Mapping[str, str] | None = None) -> dict[str, dict[str, Any]]:
    """Return what ``config show`` says of each setting."""
    said = call("config", "show", "--json", *arguments, cwd=here, env=env)
    assert (said.code, said.err) == (0, "")
    assert said.facts.keys() == {"schema", "settings"}
    return dict(said.facts["settings"])


def refused(*arguments: str | Path, here: Path, env: Mapping[str, str] | None = None) -> Said:
    """Return what is said of a bad setting: one sentence with a hint, and exit code 2."""
    said = call("config", "show", *arguments, cwd=here, env=env)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("error: ")
    assert len(said.err.splitlines()) == 2
    return said


def test_every_setting_is_tried_here() -> None:
    """A new setting has to join the table above."""
    assert [*VALUES] == [setting.name for setting in SETTINGS]


@pytest.mark.parametrize("name", VALUES)
def test_a_flag_wins_over_a_variable_over_the_file_over_the_default(name: str, tmp_path: Path) -> None:
    """Each source is said as the origin; a flag after the command wins over one before it."""
    here = tmp_path.resolve()
    default, in_file, in_variable, in_flag = VALUES[name]
    written = str(default).replace("{here}", str(here))
    assert str(shown(here=here)[name]["value"]) == written
    assert shown(here=here)[name]["origin"] == "default"

    file = put(here / "syncd.toml", f'{name} = "{in_file}"\n')
    assert shown(here=here)[name] == {"value": read(name, in_file, here), "origin": str(file)}

    origin = f"SYNCD_{name.upper()}"
    variable = {origin: in_variable}
    assert shown(here=here, env=variable)[name] == {"value": read(name, in_variable, here), "origin": origin}

    flag = f"--{name.replace('_', '-')}"
    expected = {"value": read(name, in_flag, here), "origin": flag}
    assert shown(flag, in_flag, here=here, env=variable)[name] == expected
    before = call(flag, in_flag, "config", "show", "--json", cwd=here, env=variable)
    assert before.facts["settings"][name] == expected
    both = call(flag, in_variable, "config", "show", "--json", flag, in_flag, cwd=here)
    assert both.facts["settings"][name] == expected


def test_the_settings_are_a_table_for_people(tmp_path: Path) -> None:
    """Each setting is a line with its value and its origin."""
    said = call("config", "show", "--root", "web=some", cwd=tmp_path)
    assert said.code == 0
    lines = {line.split()[0]: line.split()[1:] for line in said.out.splitlines() if line.strip()}
    assert lines["root"] == [f"web={tmp_path.resolve()}/some", "--root"]
    assert lines["max_file_size"] == ["16,777,216", "default"]
    assert lines["redact"] == ["yes", "default"]
    assert lines["config"] == ["none", "found"]


def test_the_file_is_looked_for_in_three_places(tmp_path: Path) -> None:
    """``--config`` wins over SYNCD_CONFIG over ./syncd.toml over the one in the user's configuration."""
    here, home = tmp_path / "here", tmp_path / "home"
    here.mkdir()
    nowhere = shown(here=here)["config"]
    assert nowhere == {"value": None, "origin": "none found"}
    put(home / ".config" / "syncd" / "syncd.toml", "max_depth = 1")
    assert shown(here=here, env={"HOME": str(home)})["max_depth"]["value"] == 1
    xdg = {"HOME": str(home), "XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    put(tmp_path / "xdg" / "syncd" / "syncd.toml", "max_depth = 2")
    assert shown(here=here, env=xdg)["max_depth"]["value"] == 2
    put(here / "syncd.toml", "max_depth = 3")
    assert shown(here=here, env=xdg)["config"] == {"value": str(here / "syncd.toml"), "origin": "found"}
    assert shown(here=here, env=xdg)["max_depth"]["value"] == 3
    named = {**xdg, "SYNCD_CONFIG": str(put(tmp_path / "four.toml", "max_depth = 4"))}
    assert shown(here=here, env=named)["config"]["origin"] == "SYNCD_CONFIG"
    assert shown(here=here, env=named)["max_depth"]["value"] == 4
    five = put(tmp_path / "five.toml", "max_depth = 5")
    assert shown("--config", five, here=here, env=named)["config"] == {"value": str(five), "origin": "--config"}
    assert shown("--config", five, here=here, env=named)["max_depth"]["value"] == 5
    before = call("--config", five, "config", "show", "--json", cwd=here, env=named)
    assert before.facts["settings"]["max_depth"]["value"] == 5


def test_the_state_directory_of_other_tools_is_the_default_root(tmp_path: Path) -> None:
    """COMPOUND_STATE_DIR is used where no root is given, and only there."""
    env = {"COMPOUND_STATE_DIR": str(tmp_path / "elsewhere")}
    found = shown(here=tmp_path, env=env)
    assert found["root"] == {"value": [str(tmp_path / "elsewhere")], "origin": "COMPOUND_STATE_DIR"}
    assert found["database"]["value"] == str(tmp_path / "elsewhere" / "agent-service.db")
    assert shown(here=tmp_path, env={**env, "SYNCD_ROOT": "mine"})["root"]["origin"] == "SYNCD_ROOT"


def test_logs_reports_and_tasks_are_looked_for_beside_the_root_first(tmp_path: Path) -> None:
    """A folder beside the root wins over one in it."""
    (tmp_path / "logs").mkdir()
    found = shown(here=tmp_path.resolve())
    assert found["logs"]["value"] == str(tmp_path.resolve() / "logs")
    assert found["reports"]["value"] == str(tmp_path.resolve() / ".compound-state" / "reports")


def test_empty_variables_say_nothing(tmp_path: Path) -> None:
    """A variable that is set to nothing is as good as unset."""
    env = {f"SYNCD_{name.upper()}": "" for name in (*VALUES, "config")} | {"COMPOUND_STATE_DIR": ""}
    assert {each["origin"] for each in shown(here=tmp_path, env=env).values()} == {"default", "none found"}


def test_several_values_stand_in_a_list(tmp_path: Path) -> None:
    """A list in the file, colons in the variable, the flag again and again."""
    here = tmp_path.resolve()
    put(here / "syncd.toml", 'root = ["one", "web=two"]\nredact = false\nmax_depth = 7\nmax_file_size = 9\n')
    found = shown(here=here)
    assert found["root"]["value"] == [f"{here}/one", f"web={here}/two"]
    assert (found["redact"]["value"], found["max_depth"]["value"], found["max_file_size"]["value"]) == (False, 7, 9)
    by_variable = shown(here=here, env={"SYNCD_ROOT": "three:web=four", "SYNCD_SESSION_PREFIXES": "a-:b-"})
    assert by_variable["root"]["value"] == [f"{here}/three", f"web={here}/four"]
    assert by_variable["session_prefixes"]["value"] == ["a-", "b-"]
    by_flag = shown("--root", "five", "--root", "web=six", here=here)
    assert by_flag["root"]["value"] == [f"{here}/five", f"web={here}/six"]


def test_a_directory_whose_name_has_an_equals_sign_is_a_root(tmp_path: Path) -> None:
    """What exists is taken as it is written."""
    (tmp_path / "a=b").mkdir()
    assert shown("--root", "a=b", here=tmp_path.resolve())["root"]["value"] == [f"{tmp_path.resolve()}/a=b"]


def test_a_database_may_be_given_as_a_url(tmp_path: Path) -> None:
    """Three slashes begin a relative path, four an absolute one."""
    here = tmp_path.resolve()
    assert shown("--database", "sqlite:///x.db", here=here)["database"]["value"] == f"{here}/x.db"
    assert shown("--database", f"sqlite:///{here}/x.db", here=here)["database"]["value"] == f"{here}/x.db"


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg", "postgres"])
def test_a_server_is_given_by_its_address(scheme: str, tmp_path: Path) -> None:
    """It is shown in one spelling and without its password; folders are looked for beside the root all the same."""
    found = shown("--database", f"{scheme}://me:hush@host:5433/db?sslmode=require&password=hush", here=tmp_path)
    assert found["database"] == {"value": "postgresql://me@host:5433/db?sslmode=require", "origin": "--database"}
    assert found["backups"]["value"] == str(tmp_path.resolve() / ".compound-state" / "backups")


LONG = "x" * 5000
BAD = {
    "root": ["", "=dir", "a b=dir", "web="],
    "database": ["mysql://host/name", "postgresql://host:port/name", "sqlite:///", ""],
    "session_prefixes": ["", "a/b"],
    "naive_timezone": ["Mars/Olympus", "../../etc/passwd", ""],
    "on_missing": ["forget", "Archive"],
    "max_file_size": ["0", "-1", "many", "16XB", "1.5M", ""],
    "max_depth": ["0", "-1", "1.5", "deep", "²"],
    "redact": ["maybe", "2", ""],
    "logs": [""],
    "reports": [""],
    "tasks": [""],
    "backups": [""],
    "keep_backups": ["0", "-1", "some", ""],
    "archived_days": ["-1", "1.5", "36501", "soon", ""],
    "changes_days": ["-1", "1.5", "36501", "soon", ""],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in BAD.items() for text in texts])
def test_a_bad_value_is_refused_by_name_and_origin(name: str, text: str, tmp_path: Path) -> None:
    """Flag, variable and file are each named as the place to mend."""
    flag = f"--{name.replace('_', '-')}"
    assert refused(flag, text, here=tmp_path).err.startswith(f"error: {flag}: {name}: ")
    if text:
        variable = f"SYNCD_{name.upper()}"
        assert refused(here=tmp_path, env={variable: text}).err.startswith(f"error: {variable}: {name}: ")
    file = put(tmp_path / "syncd.toml", f"{name} = '{text}'\n")
    assert refused(here=tmp_path).err.startswith(f"error: {file}: {name}: ")


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("value", ["{ a = 1 }", "[]", "2026-02-08", "[[1]]"])
def test_a_value_of_a_wrong_type_is_refused(name: str, value: str, tmp_path: Path) -> None:
    """Tables, dates and empty lists are no settings, and no path is made of them."""
    put(tmp_path / "syncd.toml", f"{name} = {value}\n")
    assert f": {name}: " in refused(here=tmp_path).err


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"rooot = 'x'\n", "unknown setting 'rooot'"),
        (b"[syncd]\nroot = 'x'\n", "unknown setting 'syncd'"),
        (b"root = \n", "not TOML"),
        (b"{}", "not TOML"),
        (b"root = '\xff'\n", "not TOML"),
    ],
)
def test_a_bad_file_is_refused(text: bytes, why: str, tmp_path: Path) -> None:
    """The file is named, with what is wrong in it and what to do."""
    file = put(tmp_path / "syncd.toml", text)
    said = refused(here=tmp_path)
    assert said.err.startswith(f"error: {file}: {why}")


def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    """A file that is there and cannot be read is not passed over."""
    (tmp_path / "syncd.toml").symlink_to("/proc/self/mem")
    assert "cannot be read" in refused(here=tmp_path).err


@pytest.mark.parametrize("name", ["nowhere.toml", "", LONG, "~nobody-at-all/x.toml", "."])
def test_a_file_that_is_named_has_to_be_there(name: str, tmp_path: Path) -> None:
    """No other place is looked at instead."""
    assert refused("--config", name, here=tmp_path).err.startswith("error: --config: there is no file ")
    if name:
        assert "SYNCD_CONFIG: there is no file" in refused(here=tmp_path, env={"SYNCD_CONFIG": name}).err


@pytest.mark.parametrize(("flag", "code"), [("--root", 4), ("--database", 1), ("--logs", 3)])
def test_no_path_is_too_odd_for_an_answer(flag: str, code: int, tmp_path: Path) -> None:
    """Names that are too long, or in the home of nobody, end in a sentence like any other."""
    for text in (LONG, f"{LONG}/x", "~nobody-at-all/x/y", "x\x1b[31m/\n/y"):
        put(tmp_path / ".compound-state" / "session-1" / "a.json", "{}")
        said = call("sync" if flag != "--logs" else "verify", flag, text, cwd=tmp_path)
        assert said.code in {code, 2, 3}
        assert said.err.startswith("error: ")
        assert len(said.err.splitlines()) == 2
        assert "\x1b" not in said.err


# Several roots


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """Lend two roots that hold a session of the same name."""
    for name, word in (("one", "completed"), ("two", "failed")):
        put(tmp_path / name / "session-1" / "backend.json", document(status=word))
    return tmp_path / "one", tmp_path / "two"


def test_several_roots_share_a_database(two: tuple[Path, Path], tmp_path: Path) -> None:
    """The ids of a named workspace begin with its name, also where one names a session."""
    one, web = two
    database = tmp_path / "x.db"
    roots = ("--root", one, "--root", f"web={web}", "--database", database)
    assert call("sync", *roots).code == 0
    found = rows(database, "SELECT id, session_id, status FROM tasks ORDER BY id")
    assert found == [
        ("task-session-1-backend", "session-1", "completed"),
        ("task-web/session-1-backend", "web/session-1", "failed"),
    ]
    put(web / "session-1" / "backend.json", document(status="completed"))
    put(one / "session-1" / "backend.json", document(status="failed"))
    assert call("sync", *roots, "web/session-1").code == 0
    assert {word for (word,) in rows(database, "SELECT status FROM tasks")} == {"completed"}
    assert call("sync", *roots, "default/session-1").code == 0
    assert call("show", *roots, "web/session-1").code == 0
    assert call("verify", *roots).code == 0
    status = call("status", *roots, "--json")
    assert status.facts["workspaces"] == {"default": str(one.resolve()), "web": str(web.resolve())}
    assert "(workspace web)" in call("status", *roots).out
    assert call("sync", *roots, "web/session-9").code == 2


def test_a_lone_named_root_needs_no_prefix_where_a_session_is_named(two: tuple[Path, Path]) -> None:
    """Without a default workspace the first one is meant."""
    assert call("sync", "--root", f"web={two[1]}", "session-1").code == 0
    assert rows(two[1] / "agent-service.db", "SELECT id FROM sessions") == [("web/session-1",)]


@pytest.mark.parametrize("names", [("", ""), ("web=", "web="), ("", "default=")])
def test_one_name_for_two_roots_is_refused(names: tuple[str, str], two: tuple[Path, Path], tmp_path: Path) -> None:
    """The hint shows how to name them."""
    flags = [part for name, path in zip(names, two, strict=True) for part in ("--root", f"{name}{path}")]
    assert "two roots are named" in refused(*flags, here=tmp_path).err
    together = os.pathsep.join(f"{name}{path}" for name, path in zip(names, two, strict=True))
    assert "SYNCD_ROOT: two roots are named" in refused(here=tmp_path, env={"SYNCD_ROOT": together}).err


def test_another_root_under_a_known_name_is_refused(two: tuple[Path, Path], tmp_path: Path) -> None:
    """A database is bound to its root, and nothing of the other one gets in."""
    one, other = two
    database = tmp_path / "x.db"
    assert call("sync", "--root", one, "--database", database).code == 0
    for command in (("sync",), ("sync", "session-1"), ("sync", "--dry-run")):
        said = call(*command, "--root", other, "--database", database)
        assert said.code == 2
        assert f"belongs to the root {one.resolve()}" in said.err
        assert f"--root NAME={other.resolve()}" in said.err
    assert rows(database, "SELECT status FROM tasks") == [("completed",)]


def test_a_root_that_moved_with_its_database_is_accepted(two: tuple[Path, Path], tmp_path: Path) -> None:
    """Renamed or copied, the database knows its new place."""
    assert call("sync", "--root", two[0]).code == 0
    moved = two[0].rename(tmp_path / "moved")
    assert call("sync", "--root", moved).out.startswith("nothing changed")
    assert call("status", "--root", moved, "--json").facts["workspaces"] == {"default": str(moved.resolve())}
    copied = Path(shutil.copytree(moved, tmp_path / "copied"))
    said = call("sync", "--root", copied)
    assert said.code == 0
    assert call("status", "--root", copied, "--json").facts["workspaces"] == {"default": str(copied.resolve())}
    assert call("verify", "--root", copied).code == 0
