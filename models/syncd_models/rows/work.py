"""What readers are promised: the tables that state files fill.

Every row is a projection of one file: ``source_path`` names it, relative to its root, and
``synced_rev`` is that file's generation at which the row last changed. Times are UTC. Text that
holds JSON says so. A column that the files do not fill is NULL; nothing is invented.
"""

from datetime import datetime
from typing import Any

from sqlmodel import CheckConstraint, Field, Index, SQLModel

STATUSES = ("pending", "in_progress", "completed", "failed", "blocked")
PRIORITIES = ("low", "medium", "high")


def one_of(column: str, words: tuple[str, ...]) -> CheckConstraint:
    """Hold a folded column to its words."""
    listed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=f"ck_{column}")


# Ids of children begin with their bundle, so a bundle's rows are one range of a clustered key.
CLUSTERED: dict[str, Any] = {"sqlite_with_rowid": False}


def source_path() -> Any:
    """Name the file that the row comes from, relative to its root; NULL when built in."""
    return Field(default=None, nullable=True)


def synced_rev() -> Any:
    """Tell at which generation of its file the row last changed: 1, 2, 3 and so on."""
    return Field(default=0)


class Team(SQLModel, table=True):
    """A group of agents."""

    __tablename__ = "teams"
    __table_args__ = (CLUSTERED,)

    id: str = Field(primary_key=True)
    name: str
    domain: str | None = None
    description: str | None = None
    source_path: str | None = source_path()
    synced_rev: int = synced_rev()


class Agent(SQLModel, table=True):
    """Who works: from ``data/agents.json``, the built-in roster, or made from the id alone."""

    __tablename__ = "agents"
    __table_args__ = (CLUSTERED,)

    id: str = Field(primary_key=True)
    team_id: str = Field(foreign_key="teams.id")
    name: str
    role: str | None = None
    emoji: str | None = None
    llm_preference: str | None = None
    is_active: bool = True
    source_path: str | None = source_path()
    synced_rev: int = synced_rev()


class Session(SQLModel, table=True):
    """One session directory. ``archived_at`` is set once the directory is gone."""

    __tablename__ = "sessions"
    __table_args__ = (
        one_of("status", STATUSES),
        Index("ix_sessions_status", "status"),
        Index("ix_sessions_started_at", "started_at"),
        CLUSTERED,
    )

    id: str = Field(primary_key=True)
    workspace: str
    team_id: str = Field(foreign_key="teams.id")
    parent_id: str | None = None
    status: str
    status_raw: str | None = None
    phase: str | None = None
    target_repo: str | None = None
    priority_file: str | None = None
    prd_file: str | None = None
    branch_name: str | None = None
    base_branch: str | None = None
    pr_url: str | None = None
    iteration_count: int | None = None
    exit_code: int | None = None
    error_message: str | None = None
    purpose: str | None = None
    tags: str | None = Field(default=None, description="a JSON array of text")
    started_at: datetime | None = None
    completed_at: datetime | None = None
    updated_at: datetime | None = Field(default=None, description="as the file says")
    duration_seconds: float | None = None
    archived_at: datetime | None = None
    source_path: str | None = source_path()
    synced_rev: int = synced_rev()


class Task(SQLModel, table=True):
    """One agent's work in one session: one agent file."""

    __tablename__ = "tasks"
    __table_args__ = (
        one_of("status", STATUSES),
        one_of("priority", PRIORITIES),
        Index("ix_tasks_status_agent", "status", "agent_id"),
        Index("ix_tasks_status_started", "status", "started_at"),
        Index("ix_tasks_session", "session_id"),
        CLUSTERED,
    )

    id: str = Field(primary_key=True)
    session_id: str = Field(foreign_key="sessions.id")
    agent_id: str = Field(foreign_key="agents.id")
    description: str
    status: str
    status_raw: str | None = None
    priority: str
    llm_used: str | None = None
    llm_family: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    updated_at: datetime | None = None
    duration_seconds: float | None = None
    error_message: str | None = None
    retry_count: int | None = None
    source_path: str | None = source_path()
    synced_rev: int = synced_rev()


class TaskItem(SQLModel, table=True):
    """One step inside an agent file; the orchestrator's own have no task."""

    __tablename__ = "task_items"
    __table_args__ = (
        one_of("status", STATUSES),
        Index("ix_task_items_session", "session_id"),
        CLUSTERED,
    )

    id: str = Field(primary_key=True)
    session_id: str = Field(foreign_key="sessions.id")
    task_id: str | None = None
    item_id: str | None = None
    position: int
    description: str | None = None
    status: str
    duration_seconds: float | None = None
    source_path: str | None = source_path()
    synced_rev: int = synced_rev()


class Blocker(SQLModel, table=True):
    """What keeps a task, or a session, from going on."""

    __tablename__ = "blockers"
    __table_args__ = (Index("ix_blockers_session", "session_id"), CLUSTERED)

    id: str = Field(primary_key=True)
    session_id: str = Field(foreign_key="sessions.id")
    task_id: str | None = None
    position: int
    type: str | None = None
    message: str | None = None
    requires_human: bool | None = None
    requires_agent: str | None = None
    source_path: str | None = source_path()
    synced_rev: int = synced_rev()


class Concern(SQLModel, table=True):
    """A worry that an agent wrote down."""

    __tablename__ = "concerns"
    __table_args__ = (Index("ix_concerns_session", "session_id"), CLUSTERED)

    id: str = Field(primary_key=True)
    session_id: str = Field(foreign_key="sessions.id")
    task_id: str | None = None
    position: int
    severity: str | None = None
    message: str | None = None
    source_path: str | None = source_path()
    synced_rev: int = synced_rev()


class NextStep(SQLModel, table=True):
    """What an agent asks of another."""

    __tablename__ = "next_steps"
    __table_args__ = (Index("ix_next_steps_session", "session_id"), CLUSTERED)

    id: str = Field(primary_key=True)
    session_id: str = Field(foreign_key="sessions.id")
    task_id: str | None = None
    position: int
    agent: str | None = None
    action: str | None = None
    priority: str | None = None
    source_path: str | None = source_path()
    synced_rev: int = synced_rev()


class Deliverable(SQLModel, table=True):
    """Something that an agent made."""

    __tablename__ = "deliverables"
    __table_args__ = (Index("ix_deliverables_session", "session_id"), CLUSTERED)

    id: str = Field(primary_key=True)
    session_id: str = Field(foreign_key="sessions.id")
    task_id: str | None = None
    position: int
    type: str | None = None
    title: str | None = None
    file: str | None = None
    details: str | None = Field(default=None, description="a JSON object, at most 4 KiB")
    source_path: str | None = source_path()
    synced_rev: int = synced_rev()


class Message(SQLModel, table=True):
    """What one agent wrote to another."""

    __tablename__ = "messages"
    __table_args__ = (Index("ix_messages_session", "session_id"), CLUSTERED)

    id: str = Field(primary_key=True)
    session_id: str = Field(foreign_key="sessions.id")
    task_id: str | None = None
    position: int
    recipient: str | None = None
    content: str | None = None
    content_length: int | None = Field(default=None, description="UTF-8 bytes before the cut")
    sent_at: datetime | None = None
    source_path: str | None = source_path()
    synced_rev: int = synced_rev()


class Metric(SQLModel, table=True):
    """One number of a task or session at one moment; points are retained."""

    __tablename__ = "metrics"
    __table_args__ = (CLUSTERED,)

    id: str = Field(primary_key=True)
    entity_type: str
    entity_id: str
    metric_name: str
    metric_value: float
    context: str | None = None
    recorded_at: datetime | None = None
    source_path: str | None = source_path()
    synced_rev: int = synced_rev()


class LlmUsage(SQLModel, table=True):
    """Tokens and cost as the file reports them."""

    __tablename__ = "llm_usage"
    __table_args__ = (CLUSTERED,)

    id: str = Field(primary_key=True)
    task_id: str | None = None
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    duration_ms: float | None = None
    used_at: datetime | None = None
    source_path: str | None = source_path()
    synced_rev: int = synced_rev()
