"""A directory tree as a source: a stat-only scan, and reads that are stable, never follow a link and never block."""

import errno
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from syncd.core.decode import too_large
from syncd.core.family import Family
from syncd.core.reconcile import Group, Stamps
from syncd.errors import SourceUnavailable
from syncd_models.values import Bundle, Checkpoint, Fault, Held, Look, Member, Stat

FRESH_NS = 2_000_000_000
"""A file written less than two seconds ago may be half-written, and its stamps may yet repeat."""

OPEN_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
PASSING = frozenset({errno.EIO, errno.ESTALE, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR, errno.EAGAIN})
KINDS = {
    stat.S_IFLNK: "a symbolic link, and links are not followed",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@dataclass(frozen=True, slots=True)
class Files:
    """One root and the family that lives there."""

    family: Family
    workspace: str
    root: Path
    size_limit: int
    now_ns: Callable[[], int] = field(default=time.time_ns)
    odd_names: set[str] = field(default_factory=set, compare=False)
    """Names met that are not UTF-8, escaped: they are left out, and that is said."""

    @property
    def name(self) -> str:
        """Name the root for people and for the binding of its workspace."""
        return str(self.root)

    def has(self, bundle: Bundle) -> bool:
        """Tell whether a bundle has anything on disk."""
        name = f"{bundle.name}/"
        return bool(self._stamps(f"{self.root}/{name}", name))

    def identity(self) -> tuple[int, int]:
        """Return device and inode of the root; raises SourceUnavailable."""
        try:
            found = self.root.stat()
        except OSError as error:
            raise self._unavailable(error) from error
        if not stat.S_ISDIR(found.st_mode):
            raise SourceUnavailable(f"{self.root} is not a directory", "Point --root at the .compound-state directory.")
        return found.st_dev, signed(found.st_ino)

    def _unavailable(self, error: OSError) -> SourceUnavailable:
        hint = "Is it mounted, and may this user read it? Point --root at the .compound-state directory."
        return SourceUnavailable(f"the root {self.root} cannot be read: {error.strerror}", hint)

    def scan(self) -> Iterator[Group]:
        """Yield the stamps of every bundle in order of name with its slash; raises SourceUnavailable."""
        try:
            with os.scandir(self.root) as entries:
                names = sorted(
                    f"{entry.name}/"
                    for entry in entries
                    if self.family.is_bundle(entry.name)
                    and _is_directory_like(entry)
                    and (is_text(entry.name) or self._left_out(entry.name))
                )
        except OSError as error:
            raise self._unavailable(error) from error
        prefix = f"{self.root}/"
        for name in names:
            if stamps := self._stamps(prefix + name, name):
                yield name, stamps

    def _stamps(self, directory: str, name: str) -> list[Stamps]:
        """Return the stamps of one bundle's files; of the directory alone when it cannot be listed."""
        member = self.family.is_member
        found: list[Stamps] = []
        try:
            if _is_link(directory):
                return [self._own_stamps(directory, name)]
            with os.scandir(directory) as entries:
                for entry in entries:
                    file = entry.name
                    if not member(file) or entry.is_dir(follow_symlinks=False):
                        continue
                    if is_text(file) or self._left_out(name + file):
                        seen = entry.stat(follow_symlinks=False)
                        found.append(
                            (name + file, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, signed(seen.st_ino))
                        )
        except FileNotFoundError:
            pass  # something left while we looked: what is left is what there is
        except OSError as error:
            _raise_if_passing(error, directory)
            return [self._own_stamps(directory, name)]
        found.sort()
        return found

    def _own_stamps(self, directory: str, name: str) -> Stamps:
        return (name, *self._own_stat(directory))

    def _own_stat(self, directory: str) -> Stat:
        """Return the stamps of a session directory; a root that does not let us vouches for nothing."""
        try:
            return stat_of(os.lstat(directory[:-1]))
        except OSError as error:
            raise self._unavailable(error) from error

    def _left_out(self, name: str) -> bool:
        self.odd_names.add(shown(name))
        return False

    def read(self, bundle: Bundle, held: Held, *, again: bool = False) -> Look:
        """Look at one bundle, every file of it, unless each stamp vouches for the checkpoint.

        ``again`` asks for a new decision about files that are refused. Raises SourceUnavailable.
        """
        name = f"{bundle.name}/"
        directory = f"{self.root}/{name}"
        if held.files and not again and self._vouched(self._stamps(directory, name), held):
            return Look(bundle, {}, untouched=True)
        try:
            handle = os.open(directory[:-1], OPEN_FLAGS | os.O_DIRECTORY)
        except (FileNotFoundError, NotADirectoryError) as error:
            linked = _is_link(directory)
            return self._unlisted(bundle, directory, error) if linked else Look(bundle, {})
        except OSError as error:
            return self._unlisted(bundle, directory, error)
        try:
            return Look(bundle, self._members(handle, name, held.files if again else {}))
        except OSError as error:
            return self._unlisted(bundle, directory, error)
        finally:
            os.close(handle)

    def _members(self, directory: int, name: str, doubted: Mapping[str, Checkpoint]) -> dict[str, Member]:
        """Read every file of an open session directory; the ``doubted`` are to be decided about once more."""
        is_member = self.family.is_member
        with os.scandir(directory) as entries:
            found = sorted(
                (entry.name, entry.is_file(follow_symlinks=False))
                for entry in entries
                if is_member(entry.name) and not entry.is_dir(follow_symlinks=False) and is_text(entry.name)
            )
        members: dict[str, Member] = {}
        now = self.now_ns()
        for file, regular in found:
            member = self._regular(directory, file, now) if regular else self._odd(directory, file)
            if member is not None:
                members[name + file] = member
        for path, known in doubted.items():
            if known.state == "quarantined" and path in members:
                members[path] = members[path]._replace(again=True)
        return members

    def _unlisted(self, bundle: Bundle, directory: str, error: OSError) -> Look:
        """Return a look that knows nothing of the files, only why."""
        _raise_if_passing(error, directory)
        if _is_link(directory):
            fault = Fault("the session directory is a symbolic link, and links are not followed")
        else:
            fault = Fault("permission denied: this user may not list the session directory (chmod u+rx)")
        seen = self._own_stat(directory)
        return Look(bundle, {f"{bundle.name}/": Member(seen, fault=fault)}, partial=True)

    def _vouched(self, stamps: list[Stamps], held: Held) -> bool:
        """Tell whether the checkpoints answer for every file without a read."""
        return (
            len(stamps) == len(held.files)
            and not held.racy
            and not held.archived
            and all(
                (known := held.files.get(path)) is not None
                and known.stat == tuple(seen)
                and known.version == self.family.version
                and known.state != "waiting"
                for path, *seen in stamps
            )
        )

    @staticmethod
    def _odd(directory: int, name: str) -> Member | None:
        """Say of what is no regular file what it is, without opening it; None when it is no longer there."""
        try:
            found = os.lstat(name, dir_fd=directory)
        except FileNotFoundError:
            return None
        kind = KINDS.get(stat.S_IFMT(found.st_mode), "of an unknown kind")
        return Member(stat_of(found), fault=Fault(f"not a regular file: {kind}"))

    def _regular(self, directory: int, name: str, now: int) -> Member | None:
        """Read one file; None when it is no longer there."""
        try:
            handle = os.open(name, OPEN_FLAGS, dir_fd=directory)
        except FileNotFoundError:
            return None
        except OSError as error:
            _raise_if_passing(error, name)
            odd = self._odd(directory, name)
            return odd and odd._replace(fault=Fault(f"cannot be opened: {error.strerror} (may this user read it?)"))
        try:
            return self._stable(handle, now)
        except OSError as error:
            _raise_if_passing(error, name)
            return Member(stat_of(os.fstat(handle)), fault=Fault(f"cannot be read: {error.strerror}"))
        finally:
            os.close(handle)

    def _stable(self, handle: int, now: int) -> Member:
        """Stat, read, stat again: bytes count only when nothing moved meanwhile."""
        before = os.fstat(handle)
        size = before.st_size
        seen = stat_of(before)
        if not stat.S_ISREG(before.st_mode):
            return Member(seen, fault=Fault("not a regular file"))
        if size > self.size_limit:
            return Member(seen, fault=too_large(size, self.size_limit))
        data = os.read(handle, size + 1)
        while data and len(data) < size and (more := os.read(handle, size + 1 - len(data))):
            data += more
        if len(data) != size or stat_of(os.fstat(handle)) != seen:
            return Member(seen, fault=Fault("changes while it is read"), fresh=True)
        digest = hashlib.sha256(data).hexdigest()
        return Member(seen, data, digest, None, now - seen.mtime_ns < FRESH_NS, now - seen.ctime_ns < FRESH_NS)


def _is_link(directory: str) -> bool:
    return os.path.islink(directory[:-1])


def _is_directory_like(entry: os.DirEntry[str]) -> bool:
    """Tell whether an entry is a directory, or a link that stands where one should."""
    return entry.is_dir(follow_symlinks=False) or entry.is_symlink()


def _raise_if_passing(error: OSError, path: str) -> None:
    """Tell trouble of the machine from trouble of the file: the first is nobody's quarantine."""
    if error.errno in PASSING:
        raise SourceUnavailable(f"{shown(path)} cannot be read: {error.strerror}", "Try again.") from error


def stat_of(found: os.stat_result) -> Stat:
    """Return the stamps of a stat result."""
    return Stat(found.st_size, found.st_mtime_ns, found.st_ctime_ns, signed(found.st_ino))


def signed(inode: int) -> int:
    """Fold an inode number into the 64 bits with sign that a database has."""
    return inode if inode < 2**63 else inode - 2**64


def is_text(name: str) -> bool:
    """Tell whether a file name is UTF-8."""
    return name.isascii() or not any("\udc80" <= letter <= "\udcff" for letter in name)


def shown(text: str) -> str:
    """Return a name as it may be printed: nothing in it moves a cursor or starts a line."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
