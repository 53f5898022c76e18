"""The command line as users meet it: a process of its own, on a terminal or not, or this one where that will do."""

import io
import json
import os
import pty
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from syncd import cli
from tests.processes import REPOSITORY, environment

EXAMPLE = REPOSITORY / ".compound-state-example"
OLD = 3600.0
"""Seconds by which a file is set back, so that bad bytes in it do not pass for half of good ones."""
PATIENCE = 60.0
BOUND = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
"""Starts a process that permissions bind, also for root."""


@dataclass(frozen=True)
class Said:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def facts(self) -> dict[str, Any]:
        """Return the JSON on standard output."""
        return dict(json.loads(self.out))

    @property
    def fault(self) -> dict[str, Any]:
        """Return the JSON on standard error."""
        return dict(json.loads(self.err))


def surroundings(more: Mapping[str, str] | None) -> dict[str, str]:
    """Return an environment in which only these settings are given, and a home that holds none."""
    kept = {name: value for name, value in environment().items() if name != "NO_COLOR"}
    return kept | {"HOME": os.devnull, "COLUMNS": "160", "TERM": "xterm"} | dict(more or {})


def call(*arguments: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Said:
    """Run the command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, surroundings(env), clear=True),
        chdir(cwd or Path.cwd()),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        code = cli.run([str(each) for each in arguments])
    return Said(code, out.getvalue(), err.getvalue())


def spawn(
    *arguments: str | Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    before: Sequence[str] = (),
) -> Said:
    """Run the command line in a process, started by the words ``before`` if there are any."""
    return python("-m", "syncd", *arguments, cwd=cwd, env=env, before=before)


def python(
    *arguments: str | Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    before: Sequence[str] = (),
) -> Said:
    """Run Python in a process."""
    line = [*before, sys.executable, *map(str, arguments)]
    done = subprocess.run(
        line,
        cwd=cwd,
        env=surroundings(env),
        capture_output=True,
        check=False,
        timeout=PATIENCE,
        stdin=subprocess.DEVNULL,
    )
    return Said(done.returncode, done.stdout.decode(), done.stderr.decode())


def on_terminal(*arguments: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Said:
    """Run the command line on a terminal: all that it says counts as standard output."""
    ours, theirs = pty.openpty()
    line = [sys.executable, "-m", "syncd", *map(str, arguments)]
    process = subprocess.Popen(
        line, cwd=cwd, env=surroundings(env), stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    said = b"".join(_read(ours))
    os.close(ours)
    return Said(process.wait(PATIENCE), said.decode(), "")


def _read(terminal: int) -> Iterator[bytes]:
    """Yield what is written to a terminal, until nobody has it open any more."""
    try:
        while part := os.read(terminal, 65536):
            yield part
    except OSError:  # so Linux says that the other side is closed
        return


@cache
def binding() -> tuple[str, ...] | None:
    """Return the words before a command that make permissions bind it; None where there is no way."""
    if os.getuid():
        return ()
    known = shutil.which(BOUND[0]) is not None
    return (
        BOUND if known and subprocess.run([*BOUND, "true"], capture_output=True, check=False).returncode == 0 else None
    )


# Files and rows


def example(root: Path) -> Path:
    """Copy the example, without a database, and return where it lies."""
    return Path(shutil.copytree(EXAMPLE, root, ignore=shutil.ignore_patterns("agent-service.db*")))


def document(**fields: Any) -> bytes:
    """Return a state file with these fields."""
    return json.dumps(fields).encode()


def put(path: Path, data: bytes | str, *, age: float = OLD) -> Path:
    """Write a file that looks written so many seconds ago, with the directories above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    if age:
        set_back(path, age)
    return path


def set_back(path: Path, age: float = OLD) -> None:
    """Make a file look written so many seconds ago."""
    then = time.time() - age
    os.utime(path, (then, then), follow_symlinks=False)


def rows(database: Path, question: str, *values: Any) -> list[tuple[Any, ...]]:
    """Ask a database as any of its readers would."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute(question, values).fetchall()


def change(database: Path, statement: str, *values: Any) -> None:
    """Change a database behind the back of syncd."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(statement, values)
