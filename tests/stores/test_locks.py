"""Locks on files: one holder at a time, let go by the kernel whatever becomes of the holder."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from syncd.errors import StoreUnavailable
from syncd.stores.locks import FileLock
from tests.processes import environment

HOLDER = """
import sys, time
from pathlib import Path
from syncd.stores.locks import FileLock
with FileLock(Path(sys.argv[1])).held() as mine:
    print(mine, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def lock(tmp_path: Path) -> FileLock:
    """Lend a lock that nobody holds."""
    return FileLock(tmp_path / "test.lock")


def holding(lock: FileLock) -> subprocess.Popen[str]:
    """Start a process that holds the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock.path)],
        env=environment(measured=False),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "True\n"
    return process


def killed(process: subprocess.Popen[str]) -> None:
    """End a process as a crash does."""
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_a_lock_has_one_holder(lock: FileLock) -> None:
    """Who does not want to wait is told at once, and who has it is free again afterwards."""
    with lock.held() as mine, lock.held(wait=False) as other:
        assert (mine, other) == (True, False)
    with lock.held(wait=False) as again:
        assert again


def test_a_lock_is_waited_for(lock: FileLock) -> None:
    """Another thread gets it when the first has left."""
    got = threading.Event()

    def second() -> None:
        with lock.held():
            got.set()

    thread = threading.Thread(target=second)
    with lock.held():
        thread.start()
        assert not got.wait(0.2)
    thread.join()
    assert got.is_set()


def test_the_holder_is_named(lock: FileLock) -> None:
    """By process and host, for people; a lock that nobody held, or whose file is odd, says that it does not know."""
    assert lock.holder() == "an unknown process"
    with lock.held():
        assert lock.holder() == f"process {os.getpid()} on {os.uname().nodename}"
    for odd in (b"", b"[]", b'{"pid": 1}', b"\xff"):
        lock.path.write_bytes(odd)
        assert lock.holder() == "an unknown process"


def test_a_lock_outlives_no_holder(lock: FileLock) -> None:
    """After kill -9 the file is still there, and the lock is free."""
    process = holding(lock)
    try:
        assert lock.holder() == f"process {process.pid} on {os.uname().nodename}"
        with lock.held(wait=False) as mine:
            assert not mine
    finally:
        killed(process)
    assert lock.path.exists()
    with lock.held(wait=False) as mine:
        assert mine
        assert f"process {os.getpid()} " in lock.holder()


def test_who_waits_gets_the_lock_of_a_killed_holder(lock: FileLock) -> None:
    """The kernel wakes who waits."""
    process = holding(lock)
    timer = threading.Timer(0.3, killed, [process])
    timer.start()
    begun = time.monotonic()
    with lock.held() as mine:
        assert mine
        assert time.monotonic() - begun >= 0.2
    timer.join()


def test_a_lock_is_never_taken_through_a_link(lock: FileLock, tmp_path: Path) -> None:
    """A link in its place is refused, and what it points to is left alone."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    lock.path.symlink_to(victim)
    with pytest.raises(StoreUnavailable, match="cannot be opened"), lock.held():
        pass
    assert victim.read_text() == "precious"


def test_a_lock_needs_its_folder(tmp_path: Path) -> None:
    """Where the file cannot be made, the error says what to look at."""
    with pytest.raises(StoreUnavailable) as caught, FileLock(tmp_path / "none" / "x.lock").held():
        pass
    assert "may this user write" in caught.value.hint.lower()
