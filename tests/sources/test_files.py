"""Real directories: what is written lately, what cannot be read, what moves meanwhile."""

import errno
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from syncd.errors import SourceUnavailable
from syncd.families.compound_state import Options, compound_state
from syncd.sources.files import FRESH_NS, Files, shown, signed
from syncd_models.values import Bundle, Held, Member
from tests.trees import write_tree

BUNDLE = Bundle("default", "session-1")
PATH = "session-1/backend.json"
LIMIT = 1000


@pytest.fixture
def source(tmp_path: Path) -> Files:
    """Lend a source with one file in it."""
    write_tree(tmp_path / "state", {PATH: b"{}"})
    return Files(compound_state(Options()), "default", tmp_path / "state", LIMIT)


def only(source: Files) -> Member:
    """Return the one member that a read finds."""
    ((path, member),) = source.read(BUNDLE, Held()).members.items()
    assert path == PATH
    return member


def test_a_file_is_fresh_and_racy_for_two_seconds(source: Files) -> None:
    """Until then it may be half-written, and its stamps may repeat; the clock is an argument."""
    found = (source.root / PATH).stat()
    later = [found.st_mtime_ns + FRESH_NS - 1, found.st_mtime_ns + FRESH_NS]
    members = [
        only(Files(source.family, "default", source.root, LIMIT, now_ns=lambda now=now: now))  # type: ignore[misc]
        for now in later
    ]
    assert [member.fresh for member in members] == [True, False]
    os.utime(source.root / PATH, ns=(1, 1))
    member = only(source)
    assert (member.fresh, member.racy) == (False, True)


def test_a_file_over_the_limit_is_refused_unread(source: Files) -> None:
    """The fault names the setting; one byte less is read."""
    (source.root / PATH).write_bytes(b" " * (LIMIT + 1))
    member = only(source)
    assert member.data is None
    assert member.fault
    assert "max_file_size" in member.fault.reason
    (source.root / PATH).write_bytes(b" " * LIMIT)
    assert only(source).data == b" " * LIMIT


def link(path: Path) -> None:
    """Put a link to a good file."""
    path.with_suffix(".txt").write_text("{}")
    path.symlink_to(path.with_suffix(".txt"))


@pytest.mark.parametrize(("make", "kind"), [(link, "a symbolic link"), (os.mkfifo, "a named pipe")])
def test_what_is_no_file_is_refused_and_never_blocks(source: Files, make: object, kind: str) -> None:
    """A link is not followed and a pipe is not waited for."""
    path = source.root / PATH
    path.unlink()
    make(path)  # type: ignore[operator]
    member = only(source)
    assert member.fault
    assert kind in member.fault.reason


def test_a_directory_that_is_a_link_is_a_fault_of_its_own(source: Files) -> None:
    """The bundle is there, its files are unknown, and none of them is read."""
    (source.root / "session-1").rename(source.root / "real")
    (source.root / "session-1").symlink_to(source.root / "real")
    look = source.read(BUNDLE, Held())
    assert look.partial
    assert [*look.members] == ["session-1/"]
    assert [name for name, _ in source.scan()] == ["session-1/"]
    assert source.has(BUNDLE)


def test_a_file_that_changes_while_it_is_read_is_doubtful(source: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes count only when the stamps before and after are the same."""
    read = os.read

    def meddle(handle: int, size: int) -> bytes:
        data = read(handle, size)
        with (source.root / PATH).open("a") as file:
            file.write(" ")
        return data

    monkeypatch.setattr(os, "read", meddle)
    member = only(source)
    assert member.fresh
    assert member.data is None
    assert member.fault
    assert member.fault.reason == "changes while it is read"


def before_opening(monkeypatch: pytest.MonkeyPatch, event: Callable[[], object]) -> None:
    """Let something happen whenever the file is about to be opened."""
    really_open = os.open

    def opened(path: str, *more: int, **named: int) -> int:
        if path.endswith("backend.json"):
            event()
        return really_open(path, *more, **named)

    monkeypatch.setattr(os, "open", opened)


def test_a_file_that_leaves_before_it_is_opened_is_absent(source: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was in the listing and is gone: that is no fault."""
    before_opening(monkeypatch, (source.root / PATH).unlink)
    assert source.read(BUNDLE, Held()).members == {}


@pytest.mark.parametrize("trouble", [errno.EIO, errno.EMFILE, errno.ESTALE])
def test_trouble_of_the_machine_is_no_fault_of_the_file(
    source: Files, monkeypatch: pytest.MonkeyPatch, trouble: int
) -> None:
    """An error that may pass stops the pass; it puts nobody into quarantine."""

    def fail(*_: object, **__: object) -> int:
        raise OSError(trouble, os.strerror(trouble))

    monkeypatch.setattr(os, "read", fail)
    with pytest.raises(SourceUnavailable, match="cannot be read"):
        source.read(BUNDLE, Held())


def test_a_file_that_may_not_be_read_is_refused(source: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that stays is a fault of the file, and says what to look at."""

    def fail() -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    before_opening(monkeypatch, fail)
    member = only(source)
    assert member.fault
    assert "may this user read it" in member.fault.reason


def unlistable(monkeypatch: pytest.MonkeyPatch, trouble: int) -> None:
    """Let every listing but that of the root fail."""
    really_scan = os.scandir

    def scan(place: object) -> object:
        if isinstance(place, int) or str(place).endswith("session-1/"):
            raise OSError(trouble, os.strerror(trouble))
        return really_scan(place)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", scan)


def test_a_directory_that_may_not_be_listed_is_a_fault_of_its_own(
    source: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bundle is there and its files are unknown: nothing says that they are gone."""
    unlistable(monkeypatch, errno.EACCES)
    assert [[path for path, *_ in stamps] for _, stamps in source.scan()] == [["session-1/"]]
    look = source.read(BUNDLE, Held())
    assert look.partial
    (member,) = look.members.values()
    assert member.fault
    assert "permission denied" in member.fault.reason


def test_trouble_of_the_machine_is_no_fault_of_the_directory(source: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing that fails for now stops the pass."""
    unlistable(monkeypatch, errno.EIO)
    for ask in (lambda: [*source.scan()], lambda: source.read(BUNDLE, Held())):
        with pytest.raises(SourceUnavailable, match="Input/output error"):
            ask()


def test_a_file_that_becomes_a_pipe_before_it_is_opened_is_refused(
    source: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is opened is looked at again, and opening never waits."""

    def exchange() -> None:
        (source.root / PATH).unlink()
        os.mkfifo(source.root / PATH)

    before_opening(monkeypatch, exchange)
    member = only(source)
    assert member.fault
    assert member.fault.reason == "not a regular file"


def test_a_name_that_is_not_text_is_left_out_and_said(source: Files) -> None:
    """Such a file gives no row; its name is shown escaped."""
    raw = os.fsencode(source.root / "session-1") + b"/bad\xff.json"
    with open(raw, "wb") as file:  # noqa: PTH123  a Path cannot hold it
        file.write(b"{}")
    assert [path for _, stamps in source.scan() for path, *_ in stamps] == [PATH]
    assert source.odd_names == {r"session-1/bad\udcff.json"}


def test_nothing_in_a_shown_name_moves_a_cursor() -> None:
    """Control characters are escaped, other letters stay."""
    assert shown("a\x1b[2Jb\nc é 数") == r"a\x1b[2Jb\nc é 数"


def test_an_inode_number_fits_a_database() -> None:
    """64 bits without a sign become 64 bits with one."""
    assert [signed(number) for number in (1, 2**63 - 1, 2**63, 2**64 - 1)] == [1, 2**63 - 1, -(2**63), -1]


def test_a_torn_write_is_never_seen_as_whole(source: Files) -> None:
    """While a writer truncates and fills it, a read gives all of a file, a fresh part, or says that it changes."""
    whole = b'{"task": "' + b"x" * 900 + b'"}'
    path, over = source.root / PATH, threading.Event()
    path.write_bytes(whole)

    def write() -> None:
        while not over.is_set():
            with path.open("wb", buffering=0) as file:
                file.write(whole[:400])
                time.sleep(0.0005)
                file.write(whole[400:])

    thread = threading.Thread(target=write)
    thread.start()
    try:
        seen = [only(source) for _ in range(500)]
    finally:
        over.set()
        thread.join()
    assert all(member.fresh for member in seen)
    assert {member.data for member in seen} <= {None, b"", whole[:400], whole}
