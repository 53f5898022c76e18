"""A lock on a file: held by one process at a time, let go by the kernel whatever becomes of it."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
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
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        except OSError as error:
            hint = "May this user write to the folder of the database?"
            raise StoreUnavailable(f"the lock {self.path} cannot be opened: {error.strerror}", hint) from error
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            os.ftruncate(handle, 0)
            os.pwrite(handle, json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode(), 0)
            yield True
        finally:
            os.close(handle)

    def holder(self) -> str:
        """Say who held the lock last."""
        try:
            known = json.loads(self.path.read_text())
            return f"process {known['pid']} on {known['host']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "an unknown process"
