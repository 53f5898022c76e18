"""``syncd backup`` as users meet it: what it says, its JSON, its exit codes, and what it leaves."""

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.command import Said, call, change, document, put, rows, spawn

NAME = re.compile(r"agent-service-\d{4}-\d\d-\d\dT\d{6}Z(-\d+)?\.db")


def backed_up(root: Path, *more: str | Path) -> Said:
    """Back up the database in a root."""
    return call("backup", "--root", root, *more)


def names(folder: Path) -> list[str]:
    """Return what people see in a folder."""
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_it_says_where_the_backup_is(synced: Path) -> None:
    """By default beside the database, with the date in its name; it opens, and is level with the files."""
    said = backed_up(synced)
    assert (said.code, said.err) == (0, "")
    [name] = names(synced / "backups")
    assert NAME.fullmatch(name)
    path = synced / "backups" / name
    assert said.out.startswith(f"backed up to {path} (")
    assert call("verify", "--root", synced, "--database", path).code == 0
    assert call("sync", "--root", synced).code == 0
    assert rows(synced / "agent-service.db", "SELECT COUNT(*) FROM sessions") == [(2,)]  # no session is called backups


def test_json_has_the_documented_fields(synced: Path) -> None:
    """The path, its size, and what gave way to it."""
    said = backed_up(synced, "--json")
    assert (said.code, said.err) == (0, "")
    assert said.facts.keys() == {"schema", "path", "size_bytes", "removed"}
    path = Path(said.facts["path"])
    assert path.is_absolute()
    assert (said.facts["schema"], said.facts["size_bytes"], said.facts["removed"]) == (1, path.stat().st_size, [])
    again = backed_up(synced, "--keep", "1", "--json")
    assert again.facts["removed"] == [str(path)]
    assert names(path.parent) == [Path(again.facts["path"]).name]


def test_runs_remember_it(synced: Path) -> None:
    """The last one, as its JSON has it."""
    facts = backed_up(synced, "--json").facts
    [(result, started, ended)] = rows(
        synced / "agent-service.db", "SELECT result, started_at, ended_at FROM runs WHERE kind = 'backup'"
    )
    assert {"schema": 1, **json.loads(result)} == facts
    assert started <= ended
    assert "backup" in call("status", "--root", synced, "--json").facts["runs"]


def test_the_folder_and_how_many_are_kept_may_be_given(synced: Path, tmp_path: Path) -> None:
    """On the command line, or as settings; the command line wins, and a path is from here."""
    settings = {"SYNCD_BACKUPS": str(tmp_path / "set"), "SYNCD_KEEP_BACKUPS": "2"}
    for _ in range(4):
        assert call("backup", "--root", synced, env=settings).code == 0
    assert len(names(tmp_path / "set")) == 2
    for _ in range(4):
        assert call("backup", "--root", synced, "--to", "given", "--keep", "3", cwd=tmp_path, env=settings).code == 0
    assert len(names(tmp_path / "given")) == 3
    assert not (synced / "backups").exists()


def test_what_is_removed_is_said(synced: Path) -> None:
    """A line for each."""
    first = backed_up(synced, "--json").facts["path"]
    assert f"removed {first}: only the newest are kept" in backed_up(synced, "--keep", "1").out


@pytest.mark.parametrize("keep", ["0", "-1", "many"])
def test_at_least_one_is_kept(synced: Path, keep: str) -> None:
    """Exit code 2 for what is no number above 0."""
    assert backed_up(synced, "--keep", keep).code == 2
    assert not (synced / "backups").exists()


def test_without_a_database_there_is_nothing_to_back_up(root: Path) -> None:
    """Exit code 3, and neither a database nor a folder is made."""
    said = backed_up(root, "--json")
    assert (said.code, said.out, said.fault["exit_code"]) == (3, "", 3)
    assert "Run `syncd sync` first" in said.fault["hint"]
    assert not (root / "backups").exists()
    assert not (root / "agent-service.db").exists()


def test_a_file_where_the_folder_should_be_is_said(synced: Path, tmp_path: Path) -> None:
    """As an argument it is wrong usage; as a setting the backup fails."""
    place = put(tmp_path / "file", "mine")
    assert backed_up(synced, "--to", place).code == 2
    said = call("backup", "--root", synced, env={"SYNCD_BACKUPS": str(place)})
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"error: no backup was made in {place}: ")
    assert "Choose another folder with --to" in said.err
    assert place.read_text() == "mine"


def test_a_folder_that_is_closed_is_said(synced: Path, tmp_path: Path, bound: tuple[str, ...]) -> None:
    """The older backups stay, and so does the run that is remembered."""
    folder = tmp_path / "closed"
    first = backed_up(synced, "--to", folder, "--json").facts["path"]
    folder.chmod(0o555)
    try:
        said = spawn("backup", "--root", synced, "--to", folder, "--keep", "1", before=bound)
    finally:
        folder.chmod(0o755)
    assert (said.code, said.out) == (1, "")
    assert said.err.splitlines() == [
        f"error: no backup was made in {folder}: Permission denied",
        "       May this user write there? Choose another folder with --to; the older backups stay.",
    ]
    assert names(folder) == [Path(first).name]
    [(result,)] = rows(synced / "agent-service.db", "SELECT result FROM runs WHERE kind = 'backup'")
    assert json.loads(result)["path"] == first


def test_a_backup_takes_the_databases_place(synced: Path) -> None:
    """Copied back, it is what it was; a sync brings in what has changed since."""
    path = Path(backed_up(synced, "--json").facts["path"])
    database = synced / "agent-service.db"
    for tail in ("", "-wal", "-shm"):
        Path(f"{database}{tail}").unlink(missing_ok=True)
    path.rename(database)
    put(synced / "session-2" / "frontend.json", document(status="done"))
    assert call("sync", "--root", synced).code == 0
    assert call("verify", "--root", synced).code == 0
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_run_that_cannot_be_remembered_is_still_a_backup(
    synced: Path, tmp_path: Path, bound: tuple[str, ...]
) -> None:
    """Whoever may only read the database may back it up, and is told that nobody will know."""
    database = tmp_path / "closed" / "test.db"
    database.parent.mkdir()
    assert call("sync", "--root", synced, "--database", database).code == 0
    with closing(sqlite3.connect(database)) as keeper:  # as a service that runs: its journals are there
        keeper.execute("SELECT COUNT(*) FROM sessions").fetchone()
        for path in (database, Path(f"{database}-wal")):
            path.chmod(0o444)
        try:
            said = spawn("backup", "--root", synced, "--database", database, "--to", tmp_path / "to", before=bound)
        finally:
            for path in (database, Path(f"{database}-wal")):
                path.chmod(0o644)
    assert said.code == 0, said.err
    assert "this run is not remembered: " in said.err
    assert len(names(tmp_path / "to")) == 1


def test_a_damaged_database_is_not_backed_up(synced: Path) -> None:
    """The copy is checked before it counts."""
    database = synced / "agent-service.db"
    first = backed_up(synced, "--json").facts["path"]
    change(database, "PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(database.read_bytes())
    page = int.from_bytes(data[16:18])
    data[page * 30 : page * 60] = b"\xff" * (page * 30)
    database.write_bytes(data)
    said = backed_up(synced, "--keep", "1")
    assert said.code in {1, 3}
    assert said.err.startswith("error: ")
    assert "Traceback" not in said.err
    assert names(synced / "backups") == [Path(first).name]
