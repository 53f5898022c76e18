"""What only a terminal or a shell sees: colours, progress, completion, a pipe that is shut."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from syncd.cli.options import entries
from syncd.cli.output import duration_text, size_text
from syncd.config import load
from tests.command import Said, call, document, on_terminal, put, python, spawn, surroundings

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
TORN = '{"status": "completed", "task": "half of i'


# Colours and progress


def test_colours_are_for_terminals_only(synced: Path) -> None:
    """The same words, coloured on a terminal and plain in a pipe."""
    for command in (("show", "session-2"), ("status",)):
        piped = spawn(*command, "--root", synced)
        seen = on_terminal(*command, "--root", synced)
        assert COLOUR.search(seen.out)
        assert not COLOUR.search(piped.out)
        assert COLOUR.sub("", seen.out).split() == piped.out.split()
        assert (seen.code, piped.code) == (0, 0)


@pytest.mark.parametrize("command", [("show",), ("status",), ("sync",), ("sync", "--zorp"), ("verify",)])
def test_no_color_is_honoured_on_a_terminal(command: tuple[str, ...], synced: Path) -> None:
    """Tables, reports and errors come without a colour where NO_COLOR is set."""
    put(synced / "session-1" / "backend.json", TORN)
    assert not re.search(r"\x1b\[(3|9)\d", on_terminal(*command, "--root", synced, env={"NO_COLOR": "1"}).out)


def test_errors_are_coloured_on_a_terminal() -> None:
    """The word error is red, the sentence is not."""
    assert "\x1b[31m\x1b[1merror:\x1b[0m No such command" in on_terminal("zorp").out


def test_a_terminal_shows_the_progress_of_a_sync(root: Path) -> None:
    """The bar is drawn and taken away again; JSON and named sessions go without."""
    for n in range(3, 20):
        put(root / f"session-{n}" / "backend.json", document(status="completed"))
    seen = on_terminal("sync", "--root", root)
    assert seen.code == 0
    assert "syncing" in seen.out
    assert seen.out.rstrip().endswith("0 deleted")
    assert "verifying" in on_terminal("verify", "--root", root).out
    assert "syncing" not in on_terminal("sync", "--root", root, "--json").out
    assert "syncing" not in on_terminal("sync", "--root", root, "session-3").out
    assert "syncing" not in spawn("sync", "--root", root).err


def test_a_reader_that_leaves_early_is_no_fault(example_root: Path) -> None:
    """``syncd show | head`` ends with 0 and says nothing about pipes."""
    for command in (("show",), ("show", "--json"), ("config", "show"), ("--help",), ("quarantine",)):
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(
            [sys.executable, "-m", "syncd", *command],
            env=surroundings({"COMPOUND_STATE_DIR": str(example_root)}),
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
        )
        os.close(writing)
        assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (0, "0s"), (0.25, "0.2s"), (59, "59s"), (90, "1m 30s"), (3660, "1h 01m"), (90000, "1d 1h")],
)
def test_durations_read_as_people_say_them(seconds: float | None, text: str) -> None:
    """Two units at most."""
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (2**21, "2.0 MiB"), (5 * 2**30, "5.0 GiB")]
)
def test_sizes_read_as_people_say_them(count: int, text: str) -> None:
    """In powers of 1024."""
    assert size_text(count) == text


def test_a_root_that_cannot_be_listed_is_no_end_of_a_progress_bar(tmp_path: Path) -> None:
    """The bar goes without; the scan says what is wrong."""
    assert entries(load({"root": ["nowhere"]}, {}, tmp_path)) == 0


# Completion


def completed(line: str, *, env: dict[str, str], cwd: Path) -> list[str]:
    """Return what bash would offer at the end of a line."""
    words = line.split(" ")
    asked = {"_SYNCD_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    said = spawn(cwd=cwd, env=env | asked)
    assert (said.code, said.err) == (0, "")
    return [offer.partition(",")[2] for offer in said.out.split("\n") if offer]


@pytest.mark.parametrize(
    ("shell", "words"), [("bash", "complete -o"), ("zsh", "#compdef syncd"), ("fish", "complete ")]
)
def test_every_shell_gets_its_script(shell: str, words: str) -> None:
    """It asks by the variable that we answer to."""
    said = call("completion", shell)
    assert said.code == 0
    assert words in said.out
    assert f"_SYNCD_COMPLETE={shell}_complete" in said.out


def test_session_ids_are_completed_from_the_directories(synced: Path) -> None:
    """Before or after the options, for sync and for show, with the settings that are in force."""
    env = {"COMPOUND_STATE_DIR": str(synced)}
    assert completed("syncd sync sess", env=env, cwd=synced) == ["session-1", "session-2"]
    assert completed("syncd show session-2", env=env, cwd=synced) == ["session-2"]
    assert completed(f"syncd sync --root {synced} sess", env={}, cwd=synced) == ["session-1", "session-2"]
    assert completed(f"syncd --root web={synced} sync web/", env={}, cwd=synced) == ["web/session-1", "web/session-2"]
    assert completed("syncd sync --session-prefixes x- sess", env=env, cwd=synced) == []
    assert completed("syncd sta", env={}, cwd=synced) == ["status"]


def test_what_cannot_be_listed_is_not_completed(synced: Path) -> None:
    """No root, a bad setting, names that no line can hold: nothing is offered and nothing is said."""
    assert completed("syncd sync --root nowhere sess", env={}, cwd=synced) == []
    assert completed("syncd sync --max-depth x sess", env={}, cwd=synced) == []
    for name in (b"session-\xff", b"session-\n", b"session-\x1b[31m"):
        Path(os.fsdecode(os.fsencode(synced) + b"/" + name)).mkdir()
    put(synced / "session-file", "")
    assert completed(f"syncd sync --root {synced} sess", env={}, cwd=synced) == ["session-1", "session-2"]


def test_an_unknown_way_of_asking_is_a_fault(synced: Path) -> None:
    """A shell that we do not know gets a code that is not 0."""
    assert spawn(cwd=synced, env={"_SYNCD_COMPLETE": "tcsh_complete"}).code == 1


def test_bash_completes_session_ids(synced: Path, tmp_path: Path) -> None:
    """The real shell, with the real script."""
    command = put(tmp_path / "bin" / "syncd", f'#!/bin/sh\nexec "{sys.executable}" -m syncd "$@"\n')
    command.chmod(0o755)
    script = (
        'eval "$(syncd completion bash)"; COMP_WORDS=(syncd sync session-); COMP_CWORD=2; '
        '_syncd_completion syncd; echo "${COMPREPLY[@]}"'
    )
    path = f"{command.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script],
        env=surroundings({"PATH": path, "COMPOUND_STATE_DIR": str(synced)}),
        capture_output=True,
        check=False,
    )
    assert done.stdout.split() == [b"session-1", b"session-2"]


# The light path

HEAVY = ("pydantic", "sqlalchemy", "sqlmodel", "rich", "structlog", "alembic", "watchdog", "tenacity", "tomllib")


def imported(*arguments: str | Path, cwd: Path) -> tuple[Said, set[str]]:
    """Run the command line in a process, and return which of the heavy libraries it has imported in the end."""
    script = (
        "import sys\nfrom syncd.cli import run\ncode = run(sys.argv[1:])\n"
        f"print('|', *({HEAVY!r} & sys.modules.keys()), file=sys.stderr)\nsys.exit(code)"
    ).replace(repr(HEAVY), repr({*HEAVY}))
    said = python("-c", script, *arguments, cwd=cwd)
    return said, {*said.err.rpartition("|")[2].split()}


@pytest.mark.parametrize("words", [("--help",), ("--version",), ("-h",), ("zorp",)])
def test_help_imports_no_library_but_click(words: tuple[str, ...], tmp_path: Path) -> None:
    """It is there at once."""
    assert imported(*words, cwd=tmp_path)[1] <= {"tomllib"}


def test_a_sync_of_one_session_imports_no_library_that_it_does_not_need(root: Path) -> None:
    """The first one makes the database with plain SQL; the second one finds it."""
    for _ in range(2):
        said, found = imported("sync", "session-1", "--root", root, cwd=root.parent)
        assert said.code == 0
        assert found <= {"pydantic", "tomllib"}


def test_the_package_can_be_run_from_anywhere(tmp_path: Path) -> None:
    """A folder named models, or a module named like one of ours, does not get in the way."""
    for name in ("models/__init__.py", "models/syncd_models.py", "cli.py", "config.py"):
        put(tmp_path / name, "raise SystemExit('the wrong one')")
    assert spawn("--version", cwd=tmp_path).code == 0
    assert spawn("config", "show", "--json", cwd=tmp_path).code == 0
