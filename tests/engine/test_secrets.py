"""No secret and no credential gets into any byte of the database, whatever becomes of its file."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from syncd_models.schema import TABLES
from tests.command import call, put
from tests.core.test_redact import ALNUM, EXAMPLES

MARK = ALNUM[40:52]
"""In every credential that is planted, and nowhere else."""
CREDENTIALS = {
    "api_key": f"a-{MARK}",
    "apiKey": f"b-{MARK}",
    "credentials": {"user": "joe", "word": f"c-{MARK}", "deep": [{"er": f"d-{MARK}"}]},
    "clientSecret": f"e-{MARK}",
    "refresh_token": f"f-{MARK}",
    "password": f"g {MARK} with blanks",
    "config": {
        "region": "eu-1",
        "smtp_password": f"h-{MARK}",
        "auth": {"basic": f"i-{MARK}"},
        "url": f"https://joe:{MARK}@mail.example.org/in?access_token={MARK}",
        "env": [{"name": "DB_PASSWORD", "value": f"j-{MARK}"}, {"name": "LEVEL", "value": "info"}],
        "headers": {"Authorization": f"Basic {MARK}"},
        "dsn": f"postgres://joe:{MARK}@db/x",
    },
}
KINDS = sorted(EXAMPLES)
WORDED = ("description", "name", "title", "notes", "reason", "pattern_description", "command_text", "decision_reason")


def planted(kind: str) -> str:
    """Return a sentence with a secret in it, closed off as its shape needs it."""
    secret = EXAMPLES[kind][0]
    return f"see https://{secret}@host/x" if kind == "url-password" else f"it said {secret} and stopped"


def integration(**more: Any) -> dict[str, Any]:
    """Return an integration with every kind of credential."""
    return {"platform": "mail", "name": "Letters", "is_active": True, **CREDENTIALS, **more}


def state_file(**more: Any) -> str:
    """Return a state file with a secret of every kind in every text that the database takes."""
    texts = [planted(kind) for kind in KINDS]
    return json.dumps({
        "status": "failed", "error": " ".join(texts), "task": " ".join(texts), "description": texts[0],
        "blockers": [{"type": "x", "message": text} for text in texts],
        "concerns": [{"severity": "high", "message": text} for text in texts],
        "nextSteps": [{"agent": "a", "action": text} for text in texts],
        "messages": [{"to": "b", "content": text} for text in texts],
        "deliverables": [{"title": text, "also": {text: [text]}} for text in texts],
        "completedTasks": [{"id": str(n), "description": text} for n, text in enumerate(texts)],
        "leads": [{"id": str(n), "notes": text, "contact_name": text} for n, text in enumerate(texts)],
        **more,
    })  # fmt: skip


def plant(root: Path) -> None:
    """Write secrets and credentials into files of every kind, good and torn ones."""
    session = root / "session-1"
    put(session / "orchestrator.json", state_file(phase=planted("github-token")))
    put(session / "backend.json", state_file(integrations=[integration(id="s1")]))
    put(session / "frontend.json", state_file(integrations={"s2": integration()}, priority=7))
    put(session / "torn.json", state_file(integrations=[integration(id="s3")])[:-9])
    put(root / "data" / "integrations.json", json.dumps([integration(id="i1"), integration(id="i2", config=MARK)]))
    for table in sorted(TABLES.keys() & {"leads", "campaigns", "lessons_learned", "rewards", "user_commands"}):
        entries = [{"id": str(n), **dict.fromkeys(WORDED, planted(kind))} for n, kind in enumerate(KINDS)]
        put(root / "data" / f"{table}.json", json.dumps(entries))


def wanted() -> Iterator[str]:
    """Yield what must not be found: the middles of secrets, whatever is cut off around them, and the mark."""
    yield MARK
    for kind in KINDS:
        core = max(EXAMPLES[kind][0].split(), key=len)
        yield core[len(core) // 3 : len(core) // 3 + 16]


def leaked(folder: Path) -> dict[str, list[str]]:
    """Return which files of a folder hold anything that was planted."""
    needles = {needle.encode() for needle in wanted()}
    found = {
        str(path): [needle.decode() for needle in needles if needle in path.read_bytes()]
        for path in folder.rglob("*")
        if path.is_file()
    }
    return {path: needles for path, needles in found.items() if needles}


def test_what_is_planted_would_be_found(tmp_path: Path) -> None:
    """The search finds every kind in the files themselves."""
    plant(tmp_path)
    assert {*wanted()} == {needle for needles in leaked(tmp_path).values() for needle in needles}


@pytest.mark.parametrize("torn", [False, True], ids=["whole", "torn"])
def test_no_secret_is_in_any_byte_of_the_database(tmp_path: Path, *, torn: bool) -> None:
    """Synced, rewritten, refused, archived, rebuilt, pruned, backed up: nothing of it is ever written down."""
    root, place = tmp_path / "state", tmp_path / "database"
    place.mkdir()
    options = ("--root", root, "--database", place / "a.db")
    plant(root)
    if torn:
        for path in sorted(root.rglob("*.json")):
            put(path, path.read_text()[: len(path.read_text()) * 2 // 3])
    said = [call("sync", *options, "--json"), call("quarantine", *options), call("show", *options, "--json")]
    assert leaked(place) == {}
    for path in sorted(root.rglob("*.json")):
        put(path, path.read_text().replace("failed", "completed"), age=1800)
    said.append(call("sync", *options, "-v"))
    said.append(call("history", "session-1", *options))
    assert leaked(place) == {}
    assert call("rebuild", *options).code == 0
    assert call("backup", *options).code == 0
    (root / "session-1" / "backend.json").unlink()
    said.append(call("sync", *options))
    said.append(call("verify", *options))
    assert call("prune", *options, "--changes", "0").code == 0
    assert leaked(place) == {}
    assert not [needle for each in said for needle in wanted() if needle in each.out + each.err]


def test_what_was_no_secret_is_there(tmp_path: Path) -> None:
    """Only the credentials of an integration are left out, and that there are any is said."""
    root = tmp_path / "state"
    options = ("--root", root, "--database", tmp_path / "a.db")
    plant(root)
    call("sync", *options)
    said = call("history", "integrations", "--at", "now", "--json", *options).facts["rows"]["integrations"]
    rows = {row["id"]: row for row in said}
    assert rows.keys() == {"i1", "i2", "session-1/s1", "session-1/s2"}
    assert all(row["has_credentials"] and row["name"] == "Letters" for row in said)
    config = json.loads(rows["session-1/s1"]["config"])
    assert config["region"] == "eu-1"
    assert config["env"] == [{"name": "LEVEL", "value": "info"}]
    assert config["url"] == "https://mail.example.org/in"
