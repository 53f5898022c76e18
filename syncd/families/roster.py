"""Who is known without being told: the built-in agents and teams, and how others are made from their id alone. Pure."""

from functools import lru_cache

from syncd.families.words import title
from syncd_models.values import Row, Rows

ENGINEERING, MARKETING, OPERATIONS, UNASSIGNED = (
    "team-engineering", "team-marketing", "team-operations", "team-unassigned",
)  # fmt: skip

_TEAMS = (
    (ENGINEERING, "Engineering", "engineering", "Plans, builds, reviews and ships code"),
    (MARKETING, "Marketing", "marketing", "Finds readers and customers, and words for both"),
    (OPERATIONS, "Operations", "operations", "Keeps machines, data and releases in order"),
    (UNASSIGNED, "Unassigned", None, "Agents that no team has claimed"),
)

_AGENTS = (
    ("orchestrator", "Orchestrator", "Leads a session and hands out the work", "🎯", ENGINEERING, "opus"),
    ("planner", "Planner", "Breaks a goal into tasks", "🗺️", ENGINEERING, "opus"),
    ("architect", "Architect", "Decides how parts fit together", "🏛️", ENGINEERING, "opus"),
    ("backend", "Backend", "Builds services and APIs", "⚙️", ENGINEERING, "sonnet"),
    ("frontend", "Frontend", "Builds what people see and touch", "🎨", ENGINEERING, "sonnet"),
    ("database", "Database", "Designs schemas and migrations", "🗄️", ENGINEERING, "sonnet"),
    ("mobile", "Mobile", "Builds for phones", "📱", ENGINEERING, "sonnet"),
    ("testing", "Testing", "Writes and runs tests", "🧪", ENGINEERING, "sonnet"),
    ("verification", "Verification", "Checks types, build, architecture and security", "✅", ENGINEERING, "sonnet"),
    (
        "senior-reviewer",
        "Senior Reviewer",
        "Scores the work and approves it or sends it back",
        "🧐",
        ENGINEERING,
        "opus",
    ),
    ("documentation", "Documentation", "Writes down how it works", "📚", ENGINEERING, "haiku"),
    ("security", "Security", "Looks for what could be abused", "🔒", ENGINEERING, "opus"),
    ("performance", "Performance", "Measures and makes faster", "⚡", ENGINEERING, "sonnet"),
    ("devops", "DevOps", "Builds, deploys and watches", "🚀", OPERATIONS, "sonnet"),
    ("release", "Release", "Cuts and announces versions", "📦", OPERATIONS, "haiku"),
    ("infrastructure", "Infrastructure", "Runs the machines", "🏗️", OPERATIONS, "sonnet"),
    ("monitoring", "Monitoring", "Notices when something is off", "📡", OPERATIONS, "haiku"),
    ("data", "Data", "Moves and cleans data", "📊", OPERATIONS, "sonnet"),
    ("jarvis", "Jarvis", "Leads a marketing session", "🤖", MARKETING, "opus"),
    ("vision", "Vision", "Plans search and reach", "🔮", MARKETING, "sonnet"),
    ("loki", "Loki", "Writes the words", "✍️", MARKETING, "sonnet"),
    ("fury", "Fury", "Studies customers and competitors", "🕵️", MARKETING, "sonnet"),
    ("shuri", "Shuri", "Analyses products and tries them out", "🔬", MARKETING, "sonnet"),
    ("friday", "Friday", "Builds landing pages and tools", "🛠️", MARKETING, "sonnet"),
    ("wanda", "Wanda", "Designs images and pages", "🖌️", MARKETING, "sonnet"),
    ("quill", "Quill", "Speaks on social channels", "📣", MARKETING, "haiku"),
    ("pepper", "Pepper", "Runs email and campaigns", "💌", MARKETING, "haiku"),
)

ALIASES = {"senior-code-reviewer": "senior-reviewer"}


def _team(team_id: str, name: str, domain: str | None, description: str | None) -> Row:
    return (team_id, name, domain, description, None)


def _agent(agent_id: str, name: str, role: str | None, emoji: str | None, team_id: str, llm: str | None) -> Row:
    return (agent_id, team_id, name, role, emoji, llm, 1, None)


BUILT_IN: Rows = {
    "teams": [_team(*team) for team in _TEAMS],
    "agents": [_agent(f"agent-{stem}", *rest) for stem, *rest in _AGENTS],
}


def agent_id(stem: str) -> str:
    """Return the agent that writes a file of that stem."""
    return f"agent-{ALIASES.get(stem, stem)}"


def team_id(name: str) -> str:
    """Return the id of a team written as a name or as an id."""
    slug = name.strip().lower().replace(" ", "-")
    return slug if slug.startswith("team-") else f"team-{slug}"


_KNOWN = {str(row[0]): row for rows in BUILT_IN.values() for row in rows}


@lru_cache(maxsize=4096)
def agent_row(agent: str) -> Row:
    """Return the row of an agent that only its id speaks of."""
    return _KNOWN.get(agent) or _agent(agent, title(agent.removeprefix("agent-")), None, None, UNASSIGNED, None)


@lru_cache(maxsize=4096)
def team_row(team: str) -> Row:
    """Return the row of a team that only its id speaks of."""
    return _KNOWN.get(team) or _team(team, title(team.removeprefix("team-")), None, None)
