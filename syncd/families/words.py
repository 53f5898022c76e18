"""Words as files write them, folded to the few that the database promises. Pure."""

FINAL = frozenset({"completed", "failed", "blocked"})

STATUS = {
    **dict.fromkeys(("pending", "waiting", "idle"), "pending"),
    **dict.fromkeys(("in_progress", "running", "active", "planning"), "in_progress"),
    **dict.fromkeys(("completed", "success", "done", "approved", "skipped"), "completed"),
    **dict.fromkeys(("failed", "error", "stopped", "cancelled"), "failed"),
    **dict.fromkeys(("blocked", "needs_revision"), "blocked"),
}
ITEM_STATUS = {**STATUS, "passed": "completed", "warning": "completed"}

PRIORITY = {"low": "low", "medium": "medium", "high": "high", "urgent": "high", "critical": "high"}

LLM_FAMILIES = ("opus", "sonnet", "haiku", "gpt", "gemini", "llama", "mistral", "deepseek", "qwen", "grok")


def fold_status(word: str | None, table: dict[str, str] = STATUS, otherwise: str = "pending") -> str:
    """Fold a status word; unknown words are work in progress, and no word is ``otherwise``."""
    if word is None:
        return otherwise
    known = table.get(word)
    if known:
        return known
    folded = word.strip().lower()
    if not folded:
        return otherwise
    return "pending" if folded.startswith("waiting_for_") else table.get(folded, "in_progress")


def fold_priority(word: str | None) -> str:
    """Fold a priority; anything unknown, and none at all, is medium."""
    return PRIORITY.get(word.strip().lower(), "medium") if word else "medium"


def llm_family(model: str | None) -> str | None:
    """Return the family that a model's name speaks of."""
    name = (model or "").lower()
    return next((family for family in LLM_FAMILIES if family in name), None)


def title(slug: str) -> str:
    """Make a name from an id: ``db-architect`` becomes ``Db Architect``."""
    return " ".join(word.capitalize() for word in slug.replace("_", "-").split("-") if word) or slug
