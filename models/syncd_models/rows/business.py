"""What a business keeps beside its sessions: one JSON file a table under ``data/``, or a section of a state file.

Words are free text and values are as written; nothing points at another table. Times are UTC. Text that holds JSON says
so.
"""

from datetime import datetime

from sqlmodel import Field, Index, SQLModel

from syncd_models.rows.work import CLUSTERED, source_path, synced_rev


class Campaign(SQLModel, table=True):
    """One marketing campaign."""

    __tablename__ = "campaigns"
    __table_args__ = (CLUSTERED,)

    id: str = Field(primary_key=True)
    name: str | None = None
    type: str | None = None
    owner: str | None = None
    status: str | None = None
    channels: str | None = Field(default=None, description="a JSON array")
    deliverables: str | None = Field(default=None, description="a JSON array")
    metrics: str | None = Field(default=None, description="a JSON object")
    start_date: datetime | None = None
    end_date: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    source_path: str | None = source_path()
    synced_rev: int = synced_rev()


class Lead(SQLModel, table=True):
    """Somebody who may become a customer."""

    __tablename__ = "leads"
    __table_args__ = (CLUSTERED,)

    id: str = Field(primary_key=True)
    source: str | None = None
    contact_name: str | None = None
    contact_email: str | None = None
    company: str | None = None
    status: str | None = None
    score: float | None = None
    assigned_to: str | None = None
    notes: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    source_path: str | None = source_path()
    synced_rev: int = synced_rev()


class Content(SQLModel, table=True):
    """One piece of writing."""

    __tablename__ = "content"
    __table_args__ = (CLUSTERED,)

    id: str = Field(primary_key=True)
    title: str | None = None
    type: str | None = None
    status: str | None = None
    author: str | None = None
    campaign_id: str | None = None
    word_count: int | None = None
    seo_score: float | None = None
    file_path: str | None = None
    published_url: str | None = None
    created_at: datetime | None = None
    published_at: datetime | None = None
    source_path: str | None = source_path()
    synced_rev: int = synced_rev()


class Experiment(SQLModel, table=True):
    """Something that is tried, and what was decided about it."""

    __tablename__ = "experiments"
    __table_args__ = (CLUSTERED,)

    id: str = Field(primary_key=True)
    name: str | None = None
    description: str | None = None
    status: str | None = None
    success_metric: str | None = None
    target_value: float | None = None
    current_value: float | None = None
    sample_size: int | None = None
    consecutive_failures: int | None = None
    decision: str | None = None
    decision_reason: str | None = None
    decided_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    source_path: str | None = source_path()
    synced_rev: int = synced_rev()


class Pattern(SQLModel, table=True):
    """Something that was seen to happen again and again."""

    __tablename__ = "patterns"
    __table_args__ = (CLUSTERED,)

    id: str = Field(primary_key=True)
    pattern_type: str | None = None
    description: str | None = None
    detection_count: int | None = None
    confidence_score: float | None = None
    status: str | None = None
    action_taken: str | None = None
    first_detected_at: datetime | None = None
    last_detected_at: datetime | None = None
    actioned_at: datetime | None = None
    source_path: str | None = source_path()
    synced_rev: int = synced_rev()


class LessonLearned(SQLModel, table=True):
    """What is to be done otherwise the next time."""

    __tablename__ = "lessons_learned"
    __table_args__ = (CLUSTERED,)

    id: str = Field(primary_key=True)
    category: str | None = None
    title: str | None = None
    description: str | None = None
    source: str | None = None
    times_encountered: int | None = None
    is_automated: bool | None = None
    automated_via: str | None = None
    created_at: datetime | None = None
    last_encountered_at: datetime | None = None
    source_path: str | None = source_path()
    synced_rev: int = synced_rev()


class Reward(SQLModel, table=True):
    """Points for an agent, or for anything else."""

    __tablename__ = "rewards"
    __table_args__ = (Index("ix_rewards_entity", "entity_id"), CLUSTERED)

    id: str = Field(primary_key=True)
    entity_type: str | None = None
    entity_id: str | None = None
    reward_value: float | None = None
    reason: str | None = None
    issued_at: datetime | None = None
    source_path: str | None = source_path()
    synced_rev: int = synced_rev()


class Integration(SQLModel, table=True):
    """A service that is connected. Credentials are never stored, only whether there are any."""

    __tablename__ = "integrations"
    __table_args__ = (CLUSTERED,)

    id: str = Field(primary_key=True)
    type: str | None = None
    platform: str | None = None
    name: str | None = None
    brand: str | None = None
    is_active: bool | None = None
    has_credentials: bool = False
    config: str | None = Field(default=None, description="a JSON object, less everything that may be a credential")
    managed_by: str | None = None
    last_connected_at: datetime | None = None
    source_path: str | None = source_path()
    synced_rev: int = synced_rev()


class Repository(SQLModel, table=True):
    """A repository that agents work on."""

    __tablename__ = "repositories"
    __table_args__ = (CLUSTERED,)

    id: str = Field(primary_key=True)
    name: str | None = None
    path: str | None = None
    github_url: str | None = None
    team_id: str | None = None
    is_active: bool | None = None
    last_synced_at: datetime | None = None
    source_path: str | None = source_path()
    synced_rev: int = synced_rev()


class UserCommand(SQLModel, table=True):
    """What a person asked for."""

    __tablename__ = "user_commands"
    __table_args__ = (CLUSTERED,)

    id: str = Field(primary_key=True)
    command_text: str | None = None
    normalized_intent: str | None = None
    team: str | None = None
    model: str | None = None
    priority_file: str | None = None
    branch_name: str | None = None
    executed_at: datetime | None = None
    source_path: str | None = source_path()
    synced_rev: int = synced_rev()


class AutomationCandidate(SQLModel, table=True):
    """What people ask for so often that an agent might do it by itself."""

    __tablename__ = "automation_candidates"
    __table_args__ = (CLUSTERED,)

    id: str = Field(primary_key=True)
    pattern_description: str | None = None
    occurrence_count: int | None = None
    sample_commands: str | None = Field(default=None, description="a JSON array")
    confidence_score: float | None = None
    is_automated: bool | None = None
    agent_id: str | None = None
    approved_by_user: bool | None = None
    approved_at: datetime | None = None
    source_path: str | None = source_path()
    synced_rev: int = synced_rev()


class Achievement(SQLModel, table=True):
    """What an agent can be proud of."""

    __tablename__ = "achievements"
    __table_args__ = (CLUSTERED,)

    id: str = Field(primary_key=True)
    agent_id: str | None = None
    name: str | None = None
    description: str | None = None
    xp: int | None = None
    earned_at: datetime | None = None
    source_path: str | None = source_path()
    synced_rev: int = synced_rev()
