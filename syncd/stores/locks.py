"""A lock on a file: held by one process at a time, let go by the kernel whatever becomes of it."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from syncd.errors import StoreUnavailable


@dataclass(frozen=True, slots=True)
class FileLock:
    """A lock that others on this machine see; the file names its holder."""

    path: Path

    @contextmanager
    def held(self, *, wait: bool = True) -> Iterator[bool]:
        """Hold the lock; without ``wait``, yield False at once if another holds it. Raises StoreUnavailable."""
        handle = self._open()
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            self._sign(handle)
            yield True
        finally:
            os.close(handle)

    def _open(self) -> int:
        flags = os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            return os.open(self.path, flags | os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            with suppress(OSError):  # who may only read the database can still wait for its writer
                return os.open(self.path, flags | os.O_RDONLY)
            hint = "May this user write to the folder of the database?"
            raise StoreUnavailable(f"the lock {self.path} cannot be opened: {error.strerror}", hint) from error

    @staticmethod
    def _sign(handle: int) -> None:
        """Write who holds the lock, where this user may and there is room: the name is for people only."""
        with suppress(OSError):
            os.ftruncate(handle, 0)
            os.pwrite(handle, json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode(), 0)

    def holder(self) -> str:
        """Say who held the lock last."""
        try:
            known = json.loads(self.path.read_text())
            return f"process {known['pid']} on {known['host']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "an unknown process"
