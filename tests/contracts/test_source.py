"""What every source must do, wherever its files lie."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from syncd.core.family import Family
from syncd.errors import SourceUnavailable
from syncd.families.compound_state import Options, compound_state
from syncd.ports import Source
from syncd.sources.files import Files
from syncd_models.values import Bundle, Checkpoint, Held
from tests.trees import write_tree

BUNDLE = Bundle("default", "session-1")
TREE = {
    "session-1/backend.json": b'{"task": "A"}',
    "session-1/orchestrator.json": b"{}",
    "session-1-2/backend.json": b"{",
    "orchestrator-9/backend.json": b"",
    "session-empty/notes.md": b"",
    "other/backend.json": b"{}",
    "session-1/sub.json/inner.json": b"{}",
    "session-1/.hidden.json": b"{}",
    "session-1/session.json.tmp": b"{}",
    "session-file": b"",
}
Make: TypeAlias = Callable[[Family, Path], Source]


def files(family: Family, root: Path) -> Source:
    """Return the directory tree as a source; nothing in it counts as just written."""
    return Files(family, "default", root, 1000, now_ns=lambda: 2**62)


ADAPTERS: dict[str, Make] = {"files": files}


def held_of(source: Source, bundle: Bundle, state: str = "ok") -> Held:
    """Return what a store would hold of a bundle that was read just now."""
    members = source.read(bundle, Held()).members
    return Held(
        {
            path: Checkpoint(path, *member.stat, member.sha256, source.family.version, state, 1)
            for path, member in members.items()
        }
    )


@pytest.mark.parametrize("adapter", ADAPTERS)
class TestSource:
    """One suite over all adapters."""

    @pytest.fixture
    def source(self, adapter: str, tmp_path: Path) -> Source:
        """Lend a source with a small tree in it."""
        write_tree(tmp_path / "state", TREE)
        return ADAPTERS[adapter](compound_state(Options()), tmp_path / "state")

    @pytest.fixture
    def root(self, source: Source) -> Path:
        """Lend the place of the tree."""
        return Path(source.name)

    def test_a_scan_yields_the_members_of_bundles_in_order(self, source: Source) -> None:
        """Only members of bundles, by name with its slash; a bundle without any is not there."""
        assert [(name, [path for path, *_ in stamps]) for name, stamps in source.scan()] == [
            ("orchestrator-9/", ["orchestrator-9/backend.json"]),
            ("session-1-2/", ["session-1-2/backend.json"]),
            ("session-1/", ["session-1/backend.json", "session-1/orchestrator.json"]),
        ]

    def test_a_read_gives_the_bytes_and_their_stamps(self, source: Source) -> None:
        """Of every member, with the stamps that the scan shows."""
        look = source.read(BUNDLE, Held())
        assert {path: member.data for path, member in look.members.items()} == {
            "session-1/backend.json": b'{"task": "A"}',
            "session-1/orchestrator.json": b"{}",
        }
        stamps = next(found for name, found in source.scan() if name == "session-1/")
        assert [(path, *member.stat) for path, member in sorted(look.members.items())] == stamps
        assert not look.partial
        assert not look.untouched

    def test_a_bundle_that_is_vouched_for_is_not_read(self, source: Source) -> None:
        """Equal stamps, a settled state and this projection: nothing is read, unless a decision is asked for again."""
        held = held_of(source, BUNDLE)
        assert source.read(BUNDLE, held).untouched
        assert source.read(BUNDLE, held, again=True).members

    @pytest.mark.parametrize("doubt", ["racy", "archived", "waiting", "version", "member", "stamp"])
    def test_any_doubt_leads_to_a_read(self, source: Source, root: Path, doubt: str) -> None:
        """One reason is enough to read the whole bundle."""
        held = held_of(source, BUNDLE, "waiting" if doubt == "waiting" else "ok")
        path = "session-1/backend.json"
        if doubt == "racy":
            held = Held(held.files, racy=frozenset({path}))
        if doubt == "archived":
            held = Held(held.files, archived=True)
        if doubt == "version":
            held = Held({**held.files, path: held.files[path]._replace(version=0)})
        if doubt == "stamp":
            held = Held({**held.files, path: held.files[path]._replace(ctime_ns=1)})
        if doubt == "member":
            (root / "session-1" / "frontend.json").write_text("{}")
        look = source.read(BUNDLE, held)
        assert not look.untouched
        assert path in look.members

    def test_refused_files_alone_are_decided_about_again(self, source: Source) -> None:
        """A renewed decision is asked for of those in quarantine only."""
        held = held_of(source, BUNDLE)
        bad = held.files["session-1/backend.json"]._replace(state="quarantined")
        look = source.read(BUNDLE, Held({**held.files, bad.path: bad}), again=True)
        assert {path for path, member in look.members.items() if member.again} == {bad.path}

    def test_a_bundle_that_is_gone_has_no_members(self, source: Source, root: Path) -> None:
        """That is a look with nothing in it, and no error."""
        held = held_of(source, BUNDLE)
        assert source.has(BUNDLE)
        shutil.rmtree(root / "session-1")
        look = source.read(BUNDLE, held)
        assert (look.members, look.untouched, source.has(BUNDLE)) == ({}, False, False)

    def test_a_root_keeps_its_identity_when_it_is_renamed(self, source: Source, root: Path, adapter: str) -> None:
        """Another directory in its place has another one."""
        identity = source.identity()
        root.rename(root.with_name("renamed"))
        root.mkdir()
        assert source.identity() != identity
        assert ADAPTERS[adapter](source.family, root.with_name("renamed")).identity() == identity

    def test_a_root_that_is_missing_says_nothing_of_absences(self, source: Source, root: Path) -> None:
        """Scan and identity raise, with a hint; they never show an empty tree."""
        root.rename(root.with_name("renamed"))
        for ask in (source.identity, lambda: [*source.scan()]):
            with pytest.raises(SourceUnavailable) as caught:
                ask()
            assert str(root) in caught.value.message
            assert caught.value.hint
