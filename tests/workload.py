"""A large tree of state files that is the same every time: session i depends on the seed and on i alone."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

AGENTS = ("backend", "frontend", "testing", "senior-reviewer")
STATUSES = ("pending", "running", "completed", "completed", "failed", "blocked")
WORK = ("login flow", "retry policy", "invoice export", "search index", "rate limiter", "café page", "数据 layer")
WORDS = ("the", "agent", "read", "plan", "checked", "branch", "ran", "suite", "found", "fixed", "café", "✓", "数据")
BEGINNING = datetime(2026, 2, 1, tzinfo=UTC)
FILES_A_SESSION = len(AGENTS) + 2


def write_workload(root: Path, sessions: int, *, seed: int = 7, first: int = 0, size: int = 0) -> list[str]:
    """Write so many sessions of six small files each, and return their names."""
    names = []
    for name, files in workload(sessions, seed=seed, first=first, size=size):
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        for file, data in files.items():
            (folder / file).write_bytes(data)
        names.append(name)
    return names


def workload(sessions: int, *, seed: int = 7, first: int = 0, size: int = 0) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Yield name and files of so many sessions."""
    return (session(index, seed, size) for index in range(first, first + sessions))


def session(index: int, seed: int = 7, size: int = 0) -> tuple[str, dict[str, bytes]]:
    """Return the name and the files of one session; with ``size``, prose brings each agent's file to so many bytes."""
    rng = random.Random(f"{seed}/{index}")
    name = f"session-{1_770_000_000 + index}"
    started = BEGINNING + timedelta(minutes=index, seconds=rng.randrange(60))
    files: dict[str, Any] = {
        "session.json": {"sessionId": name, "createdAt": moment(started), "status": "active", "agents": [*AGENTS]},
        "orchestrator.json": leader(rng, name, started),
    }
    files |= {f"{agent}.json": member(rng, agent, started) for agent in AGENTS}
    for file, document in files.items() if size else ():
        wanted = size // 2 if file == "session.json" else size
        document["notes"] = prose(rng, wanted - len(encoded(document)))
    return name, {file: encoded(document) for file, document in files.items()}


def leader(rng: random.Random, name: str, started: datetime) -> dict[str, Any]:
    """Return what an orchestrator writes."""
    return {
        "sessionId": name,
        "status": rng.choice(STATUSES),
        "startTime": moment(started),
        "endTime": moment(started + timedelta(seconds=rng.randrange(60, 20_000))),
        "team": rng.choice(("engineering", "marketing", "growth")),
        "targetRepo": "acme/webshop",
        "branchName": f"agent/{rng.randrange(10_000)}",
        "prUrl": f"https://example.org/pull/{rng.randrange(9_000)}",
        "phase": rng.choice(("planning", "building", "review")),
        "iteration": rng.randrange(1, 4),
        "metrics": {"agents": len(AGENTS), "cost": round(rng.random() * 12, 4)},
        "concerns": [{"severity": "low", "message": rng.choice(WORK)}],
    }


def member(rng: random.Random, agent: str, started: datetime) -> dict[str, Any]:
    """Return what an agent writes at its end."""
    begun = started + timedelta(seconds=rng.randrange(600))
    ended = begun + timedelta(seconds=rng.randrange(30, 9_000))
    status = rng.choice(STATUSES)
    broken = status in {"failed", "blocked"}
    return {
        "agentName": agent,
        "status": status,
        "task": f"build the {rng.choice(WORK)}",
        "priority": rng.choice(("low", "medium", "high")),
        "llm_used": rng.choice(("opus-4", "sonnet-4", "haiku-4")),
        "startTime": moment(begun),
        "endTime": moment(ended),
        "updatedAt": moment(ended),
        "tasks": [{"id": f"t{n}", "description": rng.choice(WORK), "status": "pending"} for n in range(3)],
        "completedTasks": ["t0", {"id": "t1", "description": rng.choice(WORK), "duration": rng.randrange(900)}],
        "blockers": [{"type": "env", "message": "no network", "requiresHuman": True}] if broken else [],
        "nextSteps": [{"agent": "testing", "action": f"test the {rng.choice(WORK)}", "priority": "high"}],
        "metrics": {"tokens": rng.randrange(500, 400_000), "duration": round(rng.random() * 5_400, 3)},
        "llm_usage": [
            {"model": "sonnet-4", "input_tokens": rng.randrange(9_000), "output_tokens": 12, "cost_usd": 0.5}
        ],
    }


def prose(rng: random.Random, size: int) -> str:
    """Return about so many bytes of words."""
    words: list[str] = []
    while size > 0:
        words.append(rng.choice(WORDS))
        size -= len(words[-1].encode()) + 1
    return " ".join(words)


def moment(at: datetime) -> str:
    """Write a time as the writers do."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def encoded(document: dict[str, Any]) -> bytes:
    """Write a document as the writers do."""
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
