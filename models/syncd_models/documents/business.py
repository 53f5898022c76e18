"""One entry of a business table or of the roster, as it stands in ``data/`` or in a section of a state file.

Fields bear the names of the columns; the same name in camel case counts where that says nothing readable. Times are as
the database writes them, for whoever reads an entry first turns them into that.
"""

import json
from typing import Annotated, Any, NamedTuple, TypeAlias

from pydantic import AliasChoices, AliasGenerator, AliasPath, BeforeValidator, ConfigDict, Field

from syncd_models.documents.lenient import Flag, Lenient, Number, Text, Whole
from syncd_models.values import Value


def camel(name: str) -> str:
    """Return the other way to write a name: ``word_count`` is ``wordCount``."""
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def spellings(*names: str) -> AliasChoices:
    """Return the ways to write each of these names, in the order in which they count."""
    return AliasChoices(*dict.fromkeys(way for name in names for way in (name, camel(name))))


def compact(value: Any) -> str:
    """Return JSON text as the database holds it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def array_text(value: Any) -> str:
    """Return an array as JSON text; a text alone is an array of one. Raises ValueError."""
    if not isinstance(value, (list, str)):
        raise ValueError(value)  # noqa: TRY004  what pydantic takes for a complaint
    return compact([value] if isinstance(value, str) else value)


def object_text(value: Any) -> str:
    """Return an object as JSON text. Raises ValueError."""
    if not isinstance(value, dict):
        raise ValueError(value)  # noqa: TRY004  what pydantic takes for a complaint
    return compact(value)


Array: TypeAlias = Annotated[str, BeforeValidator(array_text)]
Object: TypeAlias = Annotated[str, BeforeValidator(object_text)]
Time: TypeAlias = Text


class Entry(Lenient):
    """One entry of any of these tables."""

    model_config = ConfigDict(alias_generator=AliasGenerator(validation_alias=spellings))

    id: Text | None = None


class Listed(NamedTuple):
    """One entry in its place: its own id, if it has one, and its values in the order of the columns after the id."""

    own: str | None
    position: int
    values: tuple[Value, ...]


class TableFile(NamedTuple):
    """One file of the directory ``data``."""

    table: str
    listed: list[Listed]


class Team(Entry):
    """One entry of ``teams``."""

    name: Text | None = None
    domain: Text | None = None
    description: Text | None = None


class Agent(Entry):
    """One entry of ``agents``."""

    team_id: Text | None = Field(default=None, validation_alias=spellings("team_id", "team"))
    name: Text | None = None
    role: Text | None = None
    emoji: Text | None = None
    llm_preference: Text | None = Field(
        default=None, validation_alias=spellings("llm_preference", "model", "preferred_model")
    )
    is_active: Flag | None = None


class Campaign(Entry):
    """One entry of ``campaigns``."""

    name: Text | None = None
    type: Text | None = None
    owner: Text | None = None
    status: Text | None = None
    channels: Array | None = None
    deliverables: Array | None = None
    metrics: Object | None = None
    start_date: Time | None = None
    end_date: Time | None = None
    created_at: Time | None = None
    updated_at: Time | None = None


class Lead(Entry):
    """One entry of ``leads``."""

    source: Text | None = None
    contact_name: Text | None = Field(
        default=None, validation_alias=AliasChoices("contact_name", "contactName", AliasPath("contact", "name"))
    )
    contact_email: Text | None = Field(
        default=None, validation_alias=AliasChoices("contact_email", "contactEmail", AliasPath("contact", "email"))
    )
    company: Text | None = None
    status: Text | None = None
    score: Number | None = None
    assigned_to: Text | None = None
    notes: Text | None = None
    created_at: Time | None = None
    updated_at: Time | None = None


class Content(Entry):
    """One entry of ``content``."""

    title: Text | None = None
    type: Text | None = None
    status: Text | None = None
    author: Text | None = None
    campaign_id: Text | None = None
    word_count: Whole | None = None
    seo_score: Number | None = None
    file_path: Text | None = None
    published_url: Text | None = None
    created_at: Time | None = None
    published_at: Time | None = None


class Experiment(Entry):
    """One entry of ``experiments``."""

    name: Text | None = None
    description: Text | None = None
    status: Text | None = None
    success_metric: Text | None = None
    target_value: Number | None = None
    current_value: Number | None = None
    sample_size: Whole | None = None
    consecutive_failures: Whole | None = None
    decision: Text | None = None
    decision_reason: Text | None = None
    decided_at: Time | None = None
    created_at: Time | None = None
    updated_at: Time | None = None


class Pattern(Entry):
    """One entry of ``patterns``."""

    pattern_type: Text | None = None
    description: Text | None = None
    detection_count: Whole | None = None
    confidence_score: Number | None = None
    status: Text | None = None
    action_taken: Text | None = None
    first_detected_at: Time | None = None
    last_detected_at: Time | None = None
    actioned_at: Time | None = None


class LessonLearned(Entry):
    """One entry of ``lessons_learned``."""

    category: Text | None = None
    title: Text | None = None
    description: Text | None = None
    source: Text | None = None
    times_encountered: Whole | None = None
    is_automated: Flag | None = None
    automated_via: Text | None = None
    created_at: Time | None = None
    last_encountered_at: Time | None = None


class Reward(Entry):
    """One entry of ``rewards``."""

    entity_type: Text | None = None
    entity_id: Text | None = None
    reward_value: Number | None = None
    reason: Text | None = None
    issued_at: Time | None = None


class Integration(Entry):
    """One entry of ``integrations``, of which every credential was taken out before."""

    type: Text | None = None
    platform: Text | None = None
    name: Text | None = None
    brand: Text | None = None
    is_active: Flag | None = None
    has_credentials: Flag = False
    config: Object | None = None
    managed_by: Text | None = None
    last_connected_at: Time | None = None


class Repository(Entry):
    """One entry of ``repositories``."""

    name: Text | None = None
    path: Text | None = None
    github_url: Text | None = None
    team_id: Text | None = None
    is_active: Flag | None = None
    last_synced_at: Time | None = None


class UserCommand(Entry):
    """One entry of ``user_commands``."""

    command_text: Text | None = None
    normalized_intent: Text | None = None
    team: Text | None = None
    model: Text | None = None
    priority_file: Text | None = None
    branch_name: Text | None = None
    executed_at: Time | None = None


class AutomationCandidate(Entry):
    """One entry of ``automation_candidates``."""

    pattern_description: Text | None = None
    occurrence_count: Whole | None = None
    sample_commands: Array | None = None
    confidence_score: Number | None = None
    is_automated: Flag | None = None
    agent_id: Text | None = None
    approved_by_user: Flag | None = None
    approved_at: Time | None = None


class Achievement(Entry):
    """One entry of ``achievements``."""

    agent_id: Text | None = None
    name: Text | None = None
    description: Text | None = None
    xp: Whole | None = None
    earned_at: Time | None = None


class Kind(NamedTuple):
    """How the entries of a table are written: their model, and the field that one of text alone means."""

    model: type[Entry]
    main: str


BUSINESS = {
    "campaigns": Kind(Campaign, "name"),
    "leads": Kind(Lead, "contact_name"),
    "content": Kind(Content, "title"),
    "experiments": Kind(Experiment, "name"),
    "patterns": Kind(Pattern, "description"),
    "lessons_learned": Kind(LessonLearned, "title"),
    "rewards": Kind(Reward, "reason"),
    "integrations": Kind(Integration, "name"),
    "repositories": Kind(Repository, "name"),
    "user_commands": Kind(UserCommand, "command_text"),
    "automation_candidates": Kind(AutomationCandidate, "pattern_description"),
    "achievements": Kind(Achievement, "name"),
}
ROSTER = {"teams": Kind(Team, "name"), "agents": Kind(Agent, "name")}
