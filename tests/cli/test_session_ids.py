"""A session id is a name, never a way: whatever else is given is a usage error that reads and writes nothing."""

from pathlib import Path

import pytest

from tests.command import call, document, put, rows, spawn

ATTACKS = (
    *("..", ".", "", " ", "/", "//", "~", "*", "?", "-", "%2e%2e"),
    *("../session-outside", "session-1/..", "session-1/../../session-outside", "session-*/../..", "./session-1"),
    *("session-1/", "session-1/backend.json", "/session-1", "session-1//", "session-1/.", "web/session-1"),
    *("default/../session-outside", "default//session-1", "default/..", "..\\session-outside", "session-\\..\\x"),
    *("session-1\0", "session-\0/../x", "session-1\n", "session-1\x1b[31m", "session-1\x7f", "session-1\u202e"),
    *("sess\u0456on-1", "session\u20101", "\uff53ession-1", "session\u22151", "SESSION-1", " session-1"),
    *("session-" + "x" * 4096, "session-" + "é" * 124, "../" * 1365, "session-\udcff"),
    *("session-1 ", "session-%2e%2e", "session-..", "session-*", "session-", "session-$(id)", "session-1;x"),
)
"""What begins with no prefix, holds what no name should, is too long, or names nothing."""


def test_there_are_forty_and_more() -> None:
    """Each of them is another."""
    assert len({*ATTACKS}) == len(ATTACKS) >= 40


@pytest.mark.parametrize("attack", ATTACKS, ids=ascii)
def test_what_is_no_session_id_is_refused(attack: str, synced: Path) -> None:
    """Exit code 2 with a sentence, nothing from outside the root in the database, for sync and for show."""
    put(synced.parent / "session-outside" / "backend.json", document(task="outside"))
    for command in (("sync",), ("sync", "--dry-run"), ("show",), ("sync", "session-1")):
        said = call(*command, "--root", synced, "--", attack)
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith("error: ")
        assert len(said.err.splitlines()) == 2
        assert not {"\x1b", "\x7f", "\u202e"} & {*said.err}
    assert rows(synced / "agent-service.db", "SELECT id FROM sessions ORDER BY id") == [("session-1",), ("session-2",)]


@pytest.mark.parametrize("attack", ["-session-1", "--session-1", "-1"])
def test_a_leading_dash_is_no_session_id(attack: str, synced: Path) -> None:
    """It is an option that there is not."""
    said = call("sync", "--root", synced, attack)
    assert (said.code, "No such option" in said.err) == (2, True)
    assert call("sync", "--root", synced, "--", attack).code == 2


def test_a_name_that_is_not_utf_8_is_no_session_id(synced: Path) -> None:
    """The bytes of the command line may hold anything."""
    said = spawn("sync", "--root", synced, "session-\udcff")
    assert (said.code, "is not a session id" in said.err) == (2, True)


@pytest.mark.parametrize("inside", [True, False])
def test_a_session_directory_that_is_a_link_cannot_be_named(inside: bool, synced: Path) -> None:  # noqa: FBT001  a case
    """Wherever it points: nothing is read through it."""
    outside = put(synced.parent / "elsewhere" / "backend.json", document(task="outside")).parent
    (synced / "session-link").symlink_to(synced / "session-1" if inside else outside)
    for command in ("sync", "sync --dry-run"):
        said = call(*command.split(), "--root", synced, "session-link")
        assert (said.code, "is a symbolic link, and links are not followed" in said.err) == (2, True)
    everything = call("sync", "--root", synced)
    assert (everything.code, "refused session-link/: the session directory is a symbolic link" in everything.err) == (
        1,
        True,
    )
    assert call("sync", "--root", synced, "session-link").code == 2
    assert rows(synced / "agent-service.db", "SELECT COUNT(*) FROM tasks WHERE description = 'outside'") == [(0,)]


def test_one_bad_id_stops_the_good_ones(root: Path) -> None:
    """A call is right or wrong as a whole."""
    assert call("sync", "--root", root, "session-1", "../session-2").code == 2
    assert not (root / "agent-service.db").exists()


def test_unusual_names_are_session_ids(root: Path) -> None:
    """What a directory may be called may be asked for, up to 255 bytes."""
    names = ["session-été x", "session-a'b\"c", "session-" + "x" * 247, "orchestrator-1", "session-😀", "session-a=b"]
    for name in names:
        put(root / name / "backend.json", document(status="completed"))
    assert call("sync", "--root", root, *names).code == 0
    assert {row[0] for row in rows(root / "agent-service.db", "SELECT id FROM sessions")} == {*names}
    assert all(call("show", "--root", root, name, "--json").facts["session"]["id"] == name for name in names)


def test_the_prefixes_decide_what_is_a_session(root: Path) -> None:
    """``--session-prefixes`` opens one door and shuts the others."""
    put(root / "run-1" / "backend.json", document(status="completed"))
    flags = ("--root", root, "--session-prefixes", "run-")
    refused = call("sync", *flags, "session-1")
    assert (refused.code, "those begin with run-" in refused.err) == (2, True)
    assert call("sync", *flags).code == 0
    assert rows(root / "agent-service.db", "SELECT id FROM sessions") == [("run-1",)]
