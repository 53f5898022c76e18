"""Roots for the command line: one of two sessions, and the example."""

from pathlib import Path

import pytest

from tests.command import binding, call, document, example, put


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Lend a root of two sessions: one with a leader, one without."""
    made = tmp_path / "state"
    put(made / "session-1" / "orchestrator.json", document(status="in_progress", startTime="2026-02-08T10:00:00Z"))
    put(made / "session-1" / "backend.json", document(status="completed", task="Build it"))
    put(made / "session-2" / "frontend.json", document(status="failed", error="no luck"))
    return made


@pytest.fixture
def synced(root: Path) -> Path:
    """Lend that root with everything in its database."""
    assert call("sync", "--root", root).code == 0
    return root


@pytest.fixture
def example_root(tmp_path: Path) -> Path:
    """Lend a synced copy of the example."""
    made = example(tmp_path / ".compound-state")
    assert call("sync", "--root", made).code == 1
    return made


@pytest.fixture
def bound() -> tuple[str, ...]:
    """Lend the words before a command that make permissions bind it."""
    words = binding()
    if words is None:
        pytest.skip("root is bound by no permission, and there is no setpriv to change that")
    return words
