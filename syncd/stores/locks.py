"""Locks that one process holds at a time: on a file, let go by the kernel whatever becomes of it, or on a server."""

import fcntl
import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from syncd.errors import StoreUnavailable, SyncdError

if TYPE_CHECKING:
    from syncd.stores.database import Connection


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


@dataclass(frozen=True, slots=True)
class AdvisoryLock:
    """A lock that a server keeps: seen from every machine, let go when the connection that holds it ends."""

    key: int
    connect: "Callable[[], Connection]"

    @contextmanager
    def held(self, *, wait: bool = True) -> Iterator[bool]:
        """Hold the lock; without ``wait``, yield False at once if another holds it. Raises StoreUnavailable."""
        with closing(self.connect()) as connection, self.held_by(connection, wait=wait) as got:
            yield got

    @contextmanager
    def held_by(self, connection: "Connection", *, wait: bool = True) -> Iterator[bool]:
        """Hold the lock on a connection that is there: whoever lost the one lost the other."""
        how = "pg_advisory_lock" if wait else "pg_try_advisory_lock"
        ((got,),) = connection.execute(f"SELECT {how}({self.key})").fetchall()
        try:
            yield wait or bool(got)
        finally:
            if wait or got:
                with suppress(SyncdError):  # a connection that broke holds nothing
                    connection.execute(f"SELECT pg_advisory_unlock({self.key})")

    def holder(self) -> str:
        """Say who holds the lock, as far as this user may know."""
        text = (
            "SELECT a.application_name, COALESCE(host(a.client_addr), '') FROM pg_locks l "
            "JOIN pg_stat_activity a ON a.pid = l.pid JOIN pg_database d ON d.oid = l.database "
            "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND d.datname = current_database() "
            "AND l.classid::bigint = ? AND l.objid::bigint = ?"
        )
        halves = divmod(self.key % 2**64, 2**32)
        try:
            with closing(self.connect()) as connection:
                found = connection.execute(text, halves).fetchall()
        except SyncdError:
            found = []
        if not found or not found[0][0]:
            return "an unknown process"
        name, address = found[0]
        return f"{name} ({address})" if address else str(name)


def advisory_key(kind: str, schema: str) -> int:
    """Return the number under which a server keeps the lock of a schema."""
    return int.from_bytes(sha256(f"syncd {kind} {schema}".encode()).digest()[:8], signed=True)
