"""One session as a person wants to see it, or the list of all of them."""

from dataclasses import dataclass, field
from typing import Any

from syncd.stores.sql import SqlStore

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class TaskView:
    """One agent's work with what it holds."""

    task: Record
    items: list[Record]
    blockers: list[Record]


@dataclass(frozen=True, slots=True)
class SessionView:
    """One session with everything that its files gave."""

    session: Record
    tasks: list[TaskView] = field(default_factory=list)
    items: list[Record] = field(default_factory=list)
    blockers: list[Record] = field(default_factory=list)

    def as_json(self) -> Record:
        """Return the documented fields."""
        tasks = [{**each.task, "items": each.items, "blockers": each.blockers} for each in self.tasks]
        return {"schema": 1, "session": self.session, "tasks": tasks, "items": self.items, "blockers": self.blockers}


def session_view(store: SqlStore, session_id: str) -> SessionView | None:
    """Return one session, or None if the database has none by that id."""
    found = store.records("SELECT * FROM sessions WHERE id = ?", session_id)
    if not found:
        return None
    tasks, items, blockers = (
        store.records(f"SELECT * FROM {table} WHERE session_id = ?", session_id)  # noqa: S608  names are ours
        for table in ("tasks", "task_items", "blockers")
    )
    return view_of(store, found[0], tasks, items, blockers)


def view_of(
    store: SqlStore, session: Record, tasks: list[Record], items: list[Record], blockers: list[Record]
) -> SessionView:
    """Arrange the rows of one session, of today or of a moment; agents bear the names that they have today."""
    agents = {each["id"]: each for each in store.records("SELECT id, name, emoji FROM agents")}
    listed = _by_task(sorted(items, key=lambda item: str(item["id"])))
    blocked = _by_task(blockers)
    views = []
    for task in sorted(tasks, key=lambda task: (task["started_at"] is None, task["started_at"] or "", task["id"])):
        agent = agents.get(task["agent_id"], {"name": task["agent_id"], "emoji": None})
        named = {**task, "agent_name": agent["name"], "agent_emoji": agent["emoji"]}
        views.append(TaskView(named, listed.get(task["id"], []), blocked.get(task["id"], [])))
    return SessionView(session, views, listed.get(None, []), blocked.get(None, []))


def session_list(store: SqlStore) -> list[Record]:
    """Return every session with how its tasks stand, newest first."""
    return store.records(
        "SELECT s.id, s.status, s.status_raw, s.team_id, s.branch_name, s.pr_url, s.started_at, s.completed_at, "
        "s.duration_seconds, s.archived_at, COUNT(t.id) AS tasks, "
        "COUNT(*) FILTER (WHERE t.status = 'completed') AS completed "
        "FROM sessions s LEFT JOIN tasks t ON t.session_id = s.id "
        "GROUP BY s.id ORDER BY s.started_at IS NULL, s.started_at DESC, s.id",
    )


def task_list(store: SqlStore) -> list[Record]:
    """Return every task of living sessions with its agent, in the order of its session."""
    return store.records("SELECT * FROM v_kanban ORDER BY session_id, started_at IS NULL, started_at, id")


def _by_task(records: list[Record]) -> dict[str | None, list[Record]]:
    found: dict[str | None, list[Record]] = {}
    for record in sorted(records, key=lambda record: record["position"]):
        found.setdefault(record["task_id"], []).append(record)
    return found
