"""What the database knows about itself and its files, and whether that is healthy."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from syncd.stores.sql import SqlStore

HINT = "/session.json"


@dataclass(frozen=True, slots=True)
class Refused:
    """One file in quarantine."""

    workspace: str
    path: str
    reason: str
    line: int | None
    column: int | None
    excerpt: str | None
    first_seen: str
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Status:
    """One moment of the database."""

    database: str
    size_bytes: int
    wal_bytes: int
    workspaces: dict[str, str]
    sessions: dict[str, int]
    archived: int
    tasks: dict[str, int]
    files: int
    waiting: int
    quarantined: int
    changes: int
    last_change_at: str | None
    runs: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the documented fields."""
        return {"schema": 1, "healthy": not self.problems, **asdict(self)}


def quarantine(store: SqlStore, path: str | None = None) -> list[Refused]:
    """Return the refused files, or the one with that path."""
    columns = ", ".join(f'"{name}"' for name in Refused.__dataclass_fields__)
    where, values = ("WHERE path = ? OR workspace || '/' || path = ?", (path, path)) if path else ("", ())
    text = f"SELECT {columns} FROM quarantine {where} ORDER BY workspace, path"  # noqa: S608
    return [Refused(*row) for row in store.query(text, values)]


def matters(path: str) -> bool:
    """Tell whether a bad file at that path makes the database unhealthy; a ``session.json`` is a hint, no more."""
    return not path.endswith(HINT)


def status(store: SqlStore) -> Status:
    """Ask the database what it knows."""
    runs = {
        kind: {"started_at": started, "ended_at": ended, **json.loads(result)}
        for kind, started, ended, result in store.query("SELECT kind, started_at, ended_at, result FROM runs")
    }
    last = store.query("SELECT seq, at FROM changes ORDER BY seq DESC LIMIT 1")
    waiting = [path for (path,) in store.query("SELECT path FROM files WHERE state = 'waiting'")]
    refused = [path for (path,) in store.query("SELECT path FROM quarantine")]
    return Status(
        database=store.database.name,
        size_bytes=store.database.size(),
        wal_bytes=store.database.size("-wal"),
        workspaces={name: root for name, (root, *_) in store.workspaces().items()},
        sessions=_by_status(store, "sessions WHERE archived_at IS NULL"),
        archived=_count(store, "sessions WHERE archived_at IS NOT NULL"),
        tasks=_by_status(store, "tasks"),
        files=_count(store, "files"),
        waiting=len(waiting),
        quarantined=len(refused),
        changes=_count(store, "changes"),
        last_change_at=last[0][1] if last else None,
        runs=runs,
        problems=list(_problems(runs, sum(map(matters, waiting)), sum(map(matters, refused)))),
    )


def _problems(runs: dict[str, Any], waiting: int, refused: int) -> list[str]:
    """Say what keeps the database from being level with its files, each with what to do."""
    found = []
    if refused:
        found.append(f"{refused} refused file(s): `syncd quarantine` says where")
    if waiting:
        found.append(f"{waiting} file(s) look half-written: `syncd sync` looks again")
    if held_back := runs.get("reconcile", {}).get("held_back"):
        found.append(f"nothing was removed, because {held_back}: `syncd sync --accept-missing` lets it through")
    if drifted := runs.get("verify", {}).get("differences"):
        found.append(f"the last verify found {drifted} difference(s): `syncd verify` lists them")
    if not runs.get("reconcile"):
        found.append("no full sync has ended yet: run `syncd sync`")
    return found


def _count(store: SqlStore, what: str) -> int:
    return int(store.query(f"SELECT COUNT(*) FROM {what}")[0][0])  # noqa: S608  our own words


def _by_status(store: SqlStore, what: str) -> dict[str, int]:
    return dict(store.query(f"SELECT status, COUNT(*) FROM {what} GROUP BY status ORDER BY status"))  # noqa: S608
