"""The tables as SQLModel classes: the contract with whoever reads the database from Python."""

from syncd_models.rows.work import (
    Agent,
    Blocker,
    Concern,
    Deliverable,
    LlmUsage,
    Message,
    Metric,
    NextStep,
    Session,
    Task,
    TaskItem,
    Team,
)

__all__ = [
    "Agent",
    "Blocker",
    "Concern",
    "Deliverable",
    "LlmUsage",
    "Message",
    "Metric",
    "NextStep",
    "Session",
    "Task",
    "TaskItem",
    "Team",
]
