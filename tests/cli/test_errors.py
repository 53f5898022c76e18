"""Everything that can be wrong with a call ends in a sentence, a hint and a documented exit code."""

import json
from pathlib import Path

import pytest

from tests.command import Said, call, put, spawn

USAGE = [
    ((), "Usage:"),
    (("config",), "Usage:"),
    (("zorp",), "No such command 'zorp'."),
    (("sync", "--zorp"), "No such option '--zorp'."),
    (("--zorp", "sync"), "No such option '--zorp'."),
    (("sync", "--database"), "Option '--database' requires an argument."),
    (("show", "session-1", "session-2"), "Got unexpected extra argument (session-2)"),
    (("verify", "session-1"), "Got unexpected extra argument (session-1)"),
    (("completion", "powershell"), "Invalid value for '{bash|zsh|fish}'"),
    (("completion",), "Missing argument"),
    (("sync", "--max-depth", "deep"), "--max-depth: max_depth: 'deep' is not a number"),
]
COMMANDS = ("sync", "verify", "status", "show", "quarantine", "config show")


def is_a_sentence_with_a_hint(said: Said) -> bool:
    """Tell whether an error is two lines: what is wrong, and what to do about it."""
    lines = said.err.splitlines()
    return said.out == "" and len(lines) == 2 and lines[0].startswith("error: ") and lines[1].startswith(" " * 7)


@pytest.mark.parametrize(("words", "message"), USAGE)
def test_a_wrong_call_is_a_usage_error(words: tuple[str, ...], message: str) -> None:
    """Exit code 2, and where to find out what is right."""
    said = call(*words)
    assert said.code == 2
    assert message in said.err
    assert message == "Usage:" or is_a_sentence_with_a_hint(said)


@pytest.mark.parametrize(
    "words", [words for words, message in USAGE if "Usage:" not in message and "--database" not in words]
)
def test_a_usage_error_is_json_where_that_is_asked(words: tuple[str, ...]) -> None:
    """Standard output stays empty; the error has four fields."""
    said = call(*words, "--json")
    assert (said.code, said.out) == (2, "")
    assert said.fault.keys() == {"schema", "error", "hint", "exit_code"}
    assert (said.fault["schema"], said.fault["exit_code"]) == (1, 2)
    assert "\n" not in said.err.rstrip("\n")


def test_a_process_never_shows_a_traceback(tmp_path: Path) -> None:
    """The real thing, once for each kind of error."""
    for words, code in (((), 2), (("zorp",), 2), (("status",), 3), (("sync",), 4), (("sync", "--on-missing", "x"), 2)):
        said = spawn(*words, cwd=tmp_path)
        assert (said.code, "Traceback" in said.err) == (code, False)
        assert said.err


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("as_json", [False, True])
def test_help_stands_behind_every_command(command: str, as_json: bool) -> None:  # noqa: FBT001  a case
    """Also where JSON is asked, with exit code 0, on standard output."""
    said = call(*command.split(), *(["--json"] if as_json else []), "--help")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"Usage: syncd {command} ")
    assert "--root [NAME=]DIR" in said.out
    assert "--json" in said.out


def test_the_version_is_one_line() -> None:
    """Program and version, nothing more."""
    assert call("--version") == Said(0, "syncd, version 0.1.0\n", "")


@pytest.mark.parametrize("command", ["sync", "verify"])
def test_a_missing_root_is_exit_code_4_and_makes_nothing(command: str, tmp_path: Path) -> None:
    """No database is made for a root that is not there, nor anywhere else."""
    said = call(command, "--root", tmp_path / "nowhere", "--database", tmp_path / "x.db")
    assert (said.code, is_a_sentence_with_a_hint(said)) == (4, True)
    assert "No such file or directory" in said.err
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("command", [("sync",), ("sync", "session-1"), ("sync", "--dry-run"), ("verify",)])
def test_a_root_that_is_a_file_is_exit_code_4(command: tuple[str, ...], tmp_path: Path) -> None:
    """A file cannot hold sessions."""
    root = put(tmp_path / "file", "")
    said = call(*command, "--root", root, "--database", tmp_path / "x.db")
    assert (said.code, is_a_sentence_with_a_hint(said)) == (4, True)
    assert "is not a directory" in said.err


def test_one_missing_root_of_several_stops_them_all(root: Path, tmp_path: Path) -> None:
    """Before anything is written for those that are there."""
    said = call("sync", "--json", "--root", root, "--root", f"web={tmp_path / 'nowhere'}")
    assert (said.code, said.fault["exit_code"]) == (4, 4)
    assert not (root / "agent-service.db").exists()


def test_a_root_that_may_not_be_listed_is_exit_code_4(root: Path, bound: tuple[str, ...]) -> None:
    """Nothing is taken for gone because it cannot be seen; a session that is named can still be read."""
    database = root.parent / "x.db"
    assert call("sync", "--root", root, "--database", database).code == 0
    root.chmod(0o311)
    try:
        listed = spawn("sync", "--root", root, "--database", database, before=bound)
        named = spawn("sync", "session-1", "--root", root, "--database", database, before=bound)
        root.chmod(0o000)
        shut = spawn("sync", "session-1", "--root", root, "--database", database, before=bound)
    finally:
        root.chmod(0o755)
    assert (listed.code, is_a_sentence_with_a_hint(listed)) == (4, True)
    assert (named.code, named.err) == (0, "")
    assert (shut.code, is_a_sentence_with_a_hint(shut)) == (4, True)
    assert call("status", "--root", root, "--database", database, "--json").facts["archived"] == 0


@pytest.mark.parametrize("command", ["status", "show", "show session-1", "quarantine", "verify"])
def test_a_reader_of_no_database_says_how_to_make_one(command: str, root: Path) -> None:
    """Exit code 3, and the remedy is `syncd sync`; asking does not make one."""
    said = call(*command.split(), "--root", root)
    assert (said.code, is_a_sentence_with_a_hint(said)) == (3, True)
    assert "`syncd sync`" in said.err
    as_json = call(*command.split(), "--root", root, "--json")
    assert (as_json.code, as_json.fault["exit_code"]) == (3, 3)
    assert sorted(path.name for path in root.iterdir()) == ["session-1", "session-2"]


def test_a_name_in_a_message_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    """Escape sequences and line breaks are printed as text, in messages, in hints and in JSON."""
    root = tmp_path / "a\x1b[31m\nb\x9b"
    said = call("sync", "--root", root)
    assert (said.code, is_a_sentence_with_a_hint(said)) == (4, True)
    assert not {"\x1b", "\x9b"} & {*said.err}
    as_json = call("sync", "--root", root, "--json")
    assert not {"\x1b", "\x9b"} & {*as_json.err}
    assert str(root) in json.loads(as_json.err)["error"]


def test_an_interrupt_is_exit_code_130(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends a command without a traceback."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("syncd.engine.sync_all", interrupted)
    said = call("sync", "--root", root)
    assert (said.code, said.out, said.err.strip()) == (130, "", "")
