"""Random trees of state files: broad, nasty, free of secrets, and never two owners of a task id."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.reference import COLUMNS, camel

T = TypeVar("T")
Tree = dict[str, bytes]
Json = SearchStrategy[object]

# No stem continues one session's name into another's: `<session>-<stem>` names one file only.
SESSIONS = (
    *("session-1", "session-1-2", "session-1770537842", "session-1771056242-30977"),
    *("session-marketing-1771229042", "orchestrator-1772400006", "session-", "session-été x"),
)
STEMS = (
    *("session", "orchestrator", "jarvis", "verification", "senior-code-reviewer"),
    *("senior-reviewer", "backend", "frontend", "vision", "backend-2", "db-architect"),
    *("README", "a.b", "mémoire vive", "session.old"),
)
IGNORED = (
    *("session.json.tmp", "backend.json.tmp", ".hidden.json", ".json", "backend.json.bak"),
    *("notes.md", "sub/backend.json", "nested.json/inner.json", "strategy-brief.md", "json"),
)
STRAY = (
    *("session-9", "session-9.json", "orchestrator.json", "notes.txt", ".session-1/backend.json"),
    *("other/backend.json", "Session-1/backend.json", "x-session-1/backend.json"),
    *("session/backend.json", "data/notes.txt", "data/other.json", "agent-service.txt"),
)


# Words, texts, times and numbers

WORDS = (
    *("pending", "waiting", "waiting_for_backend", "idle", "in_progress", "running", "active"),
    *("planning", "completed", "success", "done", "approved", "skipped", "failed", "error"),
    *("stopped", "cancelled", "blocked", "needs_revision", "passed", "warning", "thinking"),
)
TEXTS = (
    *("", " ", "Fix the login", "Überprüfe die Größe", "漢字 😀", "line\nbreak\ttab", '"quoted\\"'),
    *("a\x00b", "torn \ud83d end", "\udc00", "<b>&amp;</b>", "None", "null", "[]", "'; DROP"),
    *("é" * 3000, "a" * 4095 + "é", "漢" * 1366, "😀" * 1025, "a" * 4096, "a" * 4097),
)
BIG = (10**29 + 7, -(10**29), 2**63, 2**63 - 1, -(2**63), -(2**63) - 1, 2**53 + 1)
JUNK: Json = st.sampled_from(
    (
        *(None, True, False, 0, 7, -1, 1.5, 10**29, "", "text", "3", [], [None], ["x", 1], [[]]),
        *({}, {"message": "m"}, {"a": {"b": 1}}, [{}], [{"id": []}]),
    )
)


def mostly(right: SearchStrategy[T], wrong: SearchStrategy[T], odds: int = 9) -> SearchStrategy[T]:
    """Draw the first so many times as often as the second; ``one_of`` would merge equal ones."""
    return st.integers(0, odds).flatmap(lambda at: wrong if at == odds else right)


def typed(right: Json) -> Json:
    """Draw the right type nine times out of ten."""
    return mostly(right, JUNK)


def cased(word: str) -> SearchStrategy[str]:
    """Spell a word in one of several ways."""
    return st.sampled_from((word, word, word.upper(), word.title(), f" {word}\n"))


small_texts = st.text("ab-é漢😀 \n", min_size=1, max_size=8)
texts: SearchStrategy[str] = st.one_of(st.sampled_from(TEXTS), small_texts)
words = st.one_of(st.sampled_from(WORDS).flatmap(cased), st.sampled_from((*WORDS, *WORDS, "", " ")))
iso_times = st.builds(
    "{}-{}{}{}{}{}".format,
    st.sampled_from(("2026-02", "2026-02", "2025-12", "1970-01")),
    st.sampled_from(("08", "09", "31")),  # 2026-02-31 does not exist
    st.sampled_from(("T", " ")),
    st.sampled_from(("10:04:02", "10:04:03", "23:59:59", "00:00:00", "10:04", "25:00:00")),
    st.sampled_from(("", "", ".5", ".123", ".123456", ".000001")),
    st.sampled_from(("", "Z", "Z", "+00:00", "+02:00", "-05:30", "+0530", "-08")),
).map(lambda at: at.replace("10:04.", "10:04:00."))
odd_times = st.sampled_from(
    (
        *("2026-02-08", "2026-02-30", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-05:00"),
        *("0001-01-01T00:00:00Z", "1770537842", "yesterday", "2026-13-01T00:00:00Z", "12:30"),
        *("20260208T100402Z", "20260208", "20111103112", "2026-02-08x10:04", "2026-W06-7", "202602-08"),
        *("2026-02-08T10", "2026-02-08t10:04:02z", "2026-02-08T10:04:60Z", "2026-02-08T24:00:00Z", ""),
        *("2026-02-08T10:04:02.123456789Z", "2026-02-08T10:04:02,5Z", " 2026-02-08 10:04\n", "2026-02-08T"),
    )
)
epochs: Json = st.one_of(
    st.integers(1770537840, 1770537850),
    st.integers(1770537840000, 1770537850000),
    st.sampled_from((1770537842.5, 1770537842.125, 1770537842000.0, 0, -1, 1e30, 10**29, 1e11, 1770537842123.4567)),
)
times: Json = typed(mostly(st.one_of(iso_times, epochs), odd_times, 4))
whole: Json = st.one_of(st.integers(-2, 9), st.sampled_from((3.0, 3.5, *BIG)))
decimals: Json = st.one_of(
    st.integers(-2, 9),
    st.sampled_from((0.0, -0.5, 12.25, 1e-7, 1e300, 0.1, 2**53 + 1, -(10**29))),
)
flags: Json = st.booleans()


# What lies in the fields of a file

# Own ids of `tasks` are never the decimal text of a small position; later ids may be.
ITEM_IDS: tuple[object, ...] = ("a", "b", "c", "setup", 101, 102, "101", "a\x00b", "x/y", -5, 103.0)
LONG_IDS: tuple[object, ...] = ("i" * 255, "i" * 256, "", " ", None, 1.5, True, 10**29, 1e18, 2**63)
NAMES = ("a", "b", "c", "setup", "101", "ünï", "typeCheck", "", "\t", "i" * 256)


def entry(required: dict[str, Json], optional: dict[str, Json]) -> Json:
    """Draw an object of these keys, each with mostly the right type."""
    return st.fixed_dictionaries(
        {key: typed(value) for key, value in required.items()},
        optional={key: typed(value) for key, value in optional.items()},
    ).map(lambda value: value)


def array(of: Json) -> Json:
    """Draw an array of entries, texts and junk."""
    return st.lists(mostly(of, st.one_of(texts, JUNK), 4), max_size=4).map(list)


def named(of: Json, names: tuple[str, ...] = NAMES) -> Json:
    """Draw an object with a few of these names."""
    return st.dictionaries(st.sampled_from(names), of, max_size=4).map(dict)


STEP: dict[str, Json] = {
    "description": texts,
    "title": texts,
    "name": texts,
    "status": words,
    "duration": decimals,
    "durationSeconds": decimals,
}
task_ids = st.sampled_from(ITEM_IDS + ITEM_IDS + LONG_IDS)
done_ids = st.sampled_from((*ITEM_IDS, *LONG_IDS, 0, "1", 2))
tasks_array = st.lists(
    st.one_of(
        st.fixed_dictionaries({"id": task_ids}, optional=STEP),
        st.fixed_dictionaries({}, optional=STEP),
        texts,
        JUNK,
    ),
    max_size=4,
)
tasks_object = named(st.one_of(words, entry({}, STEP)))
tasks: Json = typed(st.one_of(tasks_array, tasks_object))
completed: Json = mostly(
    st.lists(
        st.one_of(
            st.fixed_dictionaries({"id": done_ids}, optional=STEP),
            st.sampled_from(("a", "b", "c", "setup", "101", "103", "", "a\x00b", "i" * 255, "i" * 256)),
            texts,
            JUNK,
        ),
        max_size=4,
    ),
    st.one_of(JUNK, tasks_object),
)
checks: Json = mostly(named(mostly(words, JUNK), (*NAMES, "0", "build", "security")), st.one_of(JUNK, tasks))
blocker = entry({}, {"message": texts, "type": texts, "requiresHuman": flags, "requiresAgent": texts})
concern = entry({}, {"severity": words, "message": texts})
next_step = entry({}, {"agent": texts, "action": texts, "priority": words})
deliverable = entry(
    {},
    {
        "type": words,
        "title": texts,
        "file": texts,
        "size": decimals,
        "words": whole,
        "été": st.sampled_from(("é" * 2040, "é" * 2044, "z" * 4084, "short", "a\x00\ud800")),
        "more": JUNK,
    },
)
message = entry({}, {"to": texts, "content": texts, "timestamp": times})
llm_use = entry(
    {},
    {
        "model": st.sampled_from(("big-opus-4", "gpt-5", "", "local")),
        "input_tokens": whole,
        "output_tokens": whole,
        "cost_usd": decimals,
        "duration_ms": decimals,
        "usedAt": times,
        "used_at": times,
        "timestamp": times,
    },
)
METRIC_NAMES = (
    *("coverage", "tests", "lines.added", "lines", "added", "0", "scores", "quality"),
    *("startTime", "timestamp", "duration", "qualityScore", "", "a.b", "endTime"),
)
measured: Json = mostly(st.one_of(decimals, whole), st.one_of(times, st.sampled_from((True, "5", None))), 4)
metrics: Json = typed(
    st.one_of(
        named(st.one_of(measured, named(measured, METRIC_NAMES), st.lists(decimals, max_size=2)), METRIC_NAMES),
        named(measured, METRIC_NAMES),
        st.fixed_dictionaries({}, optional={"startTime": times, "endTime": times, "duration": decimals}).map(dict),
        st.just({"a": {"b": [{"c": 1}, [2, "x"], 3.5]}}),
    )
)
scores: Json = typed(named(decimals, ("architecture", "quality", "accuracy", "devops", "total")))
errors: Json = st.one_of(texts, entry({}, {"message": texts, "description": texts, "code": whole}))
urls: Json = st.sampled_from(
    (
        *("https://example.org/pull/1", "PR: https://example.org/o/r/pull/2 (draft)", "none yet"),
        *("see http://a.example/1\nand https://b.example/2", "ftp://example.org/x", "", "漢 https"),
        *("opened https://example.org/pull/3.", "`https://a.example/?q=1;`", "https://.,! then http://c.example!?"),
        *("[PR](https://example.org/4)", "<https://example.org/5>", "https://a.example/x[1]", "HTTP://A.EXAMPLE"),
    )
)
places: Json = st.one_of(texts, st.sampled_from(("feature/x", "main", "~/repo", "p.md")))

FIELDS: dict[str, Json] = {
    "status": words,
    "startTime": times,
    "startedAt": times,
    "endTime": times,
    "completedAt": times,
    "createdAt": times,
    "updatedAt": times,
    "timestamp": times,
    "durationSeconds": decimals,
    "metrics": metrics,
    "scores": scores,
    "qualityScore": decimals,
    "iteration": whole,
    "iterationCount": whole,
    "tasks": tasks,
    "completedTasks": completed,
    "checks": checks,
    "blockers": array(blocker),
    "concerns": array(concern),
    "nextSteps": array(next_step),
    "deliverables": array(deliverable),
    "messages": array(message),
    "llm_usage": array(llm_use),
    "error": errors,
    "message": texts,
    "task": texts,
    "description": texts,
    "currentTask": st.one_of(
        texts,
        entry({}, {"id": task_ids, "task": texts, "name": texts, "title": texts, "description": texts}),
    ),
    "priority": st.sampled_from(("low", "HIGH", "urgent", "Critical", "medium", "p1.md", "")),
    "llm_used": st.sampled_from(("Big-Opus-4", "sonnet", "gpt-5 after opus", "local", "")),
    "llmUsed": st.sampled_from(("haiku", "Gemini 2", "o3")),
    "retryCount": whole,
    "retry_count": whole,
    "exitCode": whole,
    "phase": mostly(texts, st.sampled_from(("\x1c", "\u2003", "\u200b", "\x85"))),
    "team": st.sampled_from(("engineering", "Team-Growth", " Product  Design\n", " ", "marketing", "team-")),
    "domain": st.sampled_from(("marketing", "engineering", "Marketing", " MARKETING ", "")),
    "targetRepo": places,
    "target_repo": places,
    "priorityFile": places,
    "prdFile": places,
    "branchName": places,
    "branch": places,
    "baseBranch": places,
    "prUrl": urls,
    "pr_url": urls,
    "parentSessionId": st.sampled_from(("session-1", "session-gone", "")),
    "purpose": texts,
    "tags": st.lists(st.one_of(texts, JUNK), max_size=3).map(list),
    "specialists": named(words),
    "artifacts": JUNK,
    "soul": JUNK,
    "verdict": words,
    "agentName": texts,
    "unknown": JUNK,
}

LEADING = (
    *("status", "phase", "team", "targetRepo", "target_repo", "priorityFile", "prdFile", "branch"),
    *("branchName", "baseBranch", "prUrl", "pr_url", "parentSessionId", "purpose", "tags", "error"),
    *("exitCode", "iteration", "createdAt", "startTime", "endTime", "updatedAt", "timestamp"),
)

# Whole documents as real writers leave them; random fields are laid over them.
SHAPES: tuple[dict[str, object], ...] = (
    {},
    {
        "status": "in_progress",
        "startTime": "2026-02-08T08:04:02Z",
        "tasks": {"a": "pending", "b": "pending"},
        "completedTasks": ["a"],
        "updatedAt": "2026-02-08T08:05:00Z",
    },
    {
        "agentName": "backend",
        "status": "completed",
        "timestamp": "2026-02-08T09:00:00+01:00",
        "startTime": "2026-02-08T08:04:02Z",
        "endTime": "2026-02-08T08:30:00Z",
        "completedTasks": [{"id": "a", "description": "API", "duration": 60}, {"id": "b"}],
        "concerns": [{"severity": "low", "message": "slow"}],
        "nextSteps": [{"agent": "frontend", "action": "use it", "priority": "high"}],
    },
    {
        "status": "blocked",
        "endTime": "2026-02-08T08:30:00Z",
        "blockers": [{"type": "env", "message": "no key", "requiresHuman": True}],
    },
    {
        "status": "needs_revision",
        "iteration": 2,
        "scores": {"architecture": 8, "total": 31.5},
        "verdict": "revise",
        "message": "too big",
        "qualityScore": 78,
    },
    {
        "status": "done",
        "character": "Vision",
        "domain": "marketing",
        "completedTasks": [""],
        "deliverables": [{"type": "post", "title": "Launch", "file": "post.md", "words": 900}],
        "messages": [{"to": "jarvis", "content": "ready", "timestamp": 1770537842}],
    },
    {
        "agentId": "agent-backend",
        "status": "failed",
        "metrics": {"duration": 12.5, "lines": {"added": 10}},
        "llm_usage": [{"model": "big-opus-4", "input_tokens": 9, "cost_usd": 0.25}, {}],
        "retryCount": 1,
    },
)
RAW: tuple[bytes, ...] = (
    *(b"", b" ", b"{", b"[]", b"null", b"3", b'"text"', b"{}", b"{} x", b"{'a': 1}", b"\xff\xfe{}"),
    *(b'{"status": "done",}', b'{"a": "\x01"}', b'{"task": "\xc3"}', b'{"task": "\xed\xa0\x80"}'),
    *(b'{"metrics": {"x": NaN}}', b'{"x": -Infinity}', b'{"x": 1e400}', b'{"metrics": {"x": 01}}'),
    *(b'\xef\xbb\xbf{"status": "done"}', b"\xef\xbb\xbf", b'{"status": "done"}\n\n', b"\x00\x00"),
    b'{"status": "done", "status": "failed", "metrics": {"a": 1, "b": 2, "a": 3}}',
    b'{"tasks": {"a": "done", "b": "x", "a": "failed"}, "task": "twice"}',
    b'{"metrics": {"big": 123456789012345678901234567890}, "exitCode": 3.0, "iteration": 1e2}',
    b'{"task": "\\ud83d", "phase": "\\udE00\\ud83d\\ude00", "purpose": "a\\u0000b"}',
    b'{"metrics": {"\\ud800": 1, "n\\u0000": 2}, "tags": ["\\uDBFF"]}',
    b'{"x": ' + b"[" * 150 + b"]" * 150 + b', "status": "done"}',
    b'{"x": ' + b"[" * 300 + b"]" * 300 + b', "status": "done"}',
    b'{"x": ' + b'{"y":' * 50_000,
    b'{"metrics": {"small": 1e-400, "zero": -0.0}, "updatedAt": 1770537842.5}',
)


# Business records and the roster

OWN_IDS: tuple[object, ...] = (
    *("a", "b", "7", 7, "0", 1, "x/y", "backend/0", "web/data/1", "web/session-1/a", "session-1/a", "data/a", "ü\x00"),
    *("i" * 255, "i" * 256, "", " ", None, 1.5, True, 10**29, ["a"]),
)
KEYS = ("a", "b", "7", "0", "x/y", "web/data/1", "session-1/a", "", "i" * 256, "name", "title", "status", "token")
MEMBERS = ("backend", "agent-backend", "db-architect", "senior-code-reviewer", "engineering", "Growth Hacks", 7)
TEAMS = ("engineering", "Team-Growth", " Product  Design\n", "marketing", "team-")
secret_settings = st.sampled_from(
    (
        *({}, {"password": "made-up"}, {"apiKey": ""}, {"token": None}, {"secrets": [{"a": 1}]}, {"host": "h", "n": 5}),
        *(
            {"env": [{"name": "SMTP_PASSWORD", "value": "made-up"}, {"name": "HOST", "value": "h"}]},
            {"on": [True, None]},
        ),
        *({"url": "https://user:made-up@host.example/x?token=1"}, {"deep": {"signing_key": False, "port": 25}}),
    )
)
BY_KIND: dict[str, Json] = {
    "": typed(texts),
    "number": typed(decimals),
    "whole": typed(whole),
    "flag": typed(flags),
    "time": times,
    "array": typed(st.one_of(texts, st.lists(st.one_of(texts, JUNK), max_size=2).map(list))),
    "object": typed(st.one_of(secret_settings, named(JUNK, ("a", "b")))),
}
TABLES = tuple(COLUMNS)
LISTED = tuple(table for table in COLUMNS if table not in {"agents", "teams"})


@st.composite
def records(draw: st.DrawFn, table: str) -> dict[str, object]:
    """Draw one entry of a table, in either spelling."""
    columns = dict(column.strip("*").partition(":")[::2] for column in COLUMNS[table].split())
    found: dict[str, object] = {}
    for name in draw(st.lists(st.sampled_from(tuple(columns)), max_size=4)):
        found[draw(st.sampled_from((name, name, camel(name))))] = draw(
            st.sampled_from(TEAMS) if name == "team_id" else BY_KIND[columns[name]]
        )
    if draw(st.integers(0, 2)):
        found["id"] = draw(st.sampled_from(MEMBERS if table in {"agents", "teams"} else OWN_IDS))
    odd: dict[str, dict[str, object]] = {
        "leads": {"contact": {"name": "Ann", "email": 5}},
        "agents": {"team": "Growth", "preferredModel": "haiku"},
        "integrations": {"api_key": "made-up", "hasCredentials": False},
    }
    return found | (odd.get(table, {}) if draw(st.booleans()) else {})


def listings(table: str) -> Json:
    """Draw the entries of a table: a list of them mostly, or an object of them by id."""
    one = mostly(records(table), st.one_of(texts, JUNK), 4)
    return st.one_of(st.lists(one, max_size=3), st.dictionaries(st.sampled_from(KEYS), one, max_size=3)).map(
        lambda found: found
    )


def data_documents(table: str) -> Json:
    """Draw what stands in a file of ``data``."""
    listed = listings(table)
    return mostly(st.one_of(listed, listed.map(lambda found: {"version": 1, table: found})), JUNK)


# Files and trees


@st.composite
def documents(draw: st.DrawFn) -> dict[str, object]:
    """Draw one state file: a real shape with random fields laid over it."""
    shape = dict(draw(st.sampled_from(SHAPES)))
    pool = st.sampled_from(draw(st.sampled_from((tuple(FIELDS), LEADING))))
    keys = draw(st.lists(pool, max_size=18, unique=True))
    tables = draw(mostly(st.just([]), st.lists(st.sampled_from(LISTED), max_size=2), 5))
    return shape | {key: draw(typed(FIELDS[key])) for key in keys} | {table: draw(sections(table)) for table in tables}


def sections(table: str) -> Json:
    """Draw a section of a state file."""
    return typed(listings(table))


def encode(document: object, ascii_only: bool, indent: int | None) -> bytes:  # noqa: FBT001
    """Spell a document; lone surrogates outside escapes give bytes that are not UTF-8."""
    spelled = json.dumps(document, ensure_ascii=ascii_only, indent=indent)
    return spelled.encode("utf-8", "surrogatepass")


def tear(data: bytes, keep: int) -> bytes:
    """Keep so many 64ths of the bytes."""
    return data[: len(data) * keep // 64]


def spelled(of: SearchStrategy[T]) -> SearchStrategy[bytes]:
    """Draw the bytes of documents: mostly whole, else torn or no document at all."""
    encoded = st.builds(encode, of, st.sampled_from((True, True, False)), st.sampled_from((None, 2)))
    torn = st.builds(tear, encoded, st.integers(0, 63))
    odd = st.one_of(torn, st.sampled_from(RAW), encoded.map(lambda data: b"\xef\xbb\xbf" + data))
    return mostly(encoded, odd, 5)


contents = spelled(documents())
data_contents = {table: spelled(data_documents(table)) for table in TABLES}
data_files = st.sampled_from(TABLES).flatmap(
    lambda table: st.tuples(st.just(f"data/{table}.json"), data_contents[table])
)


@st.composite
def trees(draw: st.DrawFn, max_sessions: int = 6) -> Tree:
    """Draw a tree: path below the root -> bytes."""
    tree: dict[str, bytes] = {}
    size = min(max_sessions, len(SESSIONS))
    for name in draw(st.lists(st.sampled_from(SESSIONS), max_size=size, unique=True)):
        for stem in draw(st.lists(st.sampled_from(STEMS), max_size=6, unique=True)):
            tree[f"{name}/{stem}.json"] = draw(contents)
        for ignored in draw(st.lists(st.sampled_from(IGNORED), max_size=2, unique=True)):
            tree[f"{name}/{ignored}"] = draw(st.sampled_from((b'{"status": "failed"}', b"", b"{")))
    tree |= draw(mostly(st.just({}), st.lists(data_files, max_size=3).map(dict), 2))
    for stray in draw(st.lists(st.sampled_from(STRAY), max_size=2, unique=True)):
        tree[stray] = b'{"status": "failed"}'
    return tree


def write_tree(root: Path, tree: Mapping[str, bytes]) -> None:
    """Write a tree below a directory."""
    root.mkdir(parents=True, exist_ok=True)
    for path, data in tree.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


@dataclass(frozen=True)
class Edit:
    """One step of a writer: these bytes into a file, a file away, or a file cut to ``keep``."""

    kind: Literal["write", "delete", "truncate"]
    path: str
    data: bytes = b""
    keep: int = 0


DATA_PATHS = frozenset(f"data/{table}.json" for table in TABLES)


def contents_of(path: str) -> SearchStrategy[bytes]:
    """Draw what a writer of that path may write."""
    table = path.removeprefix("data/").removesuffix(".json")
    return data_contents[table] if path in DATA_PATHS else contents


def edits(tree: Tree | None = None, max_size: int = 8) -> SearchStrategy[list[Edit]]:
    """Draw steps on a tree: on its own files more often than on others."""
    known = sorted(path for path in tree or {} if path.split("/")[0] in SESSIONS or path in DATA_PATHS)
    new = st.builds("{}/{}.json".format, st.sampled_from(SESSIONS), st.sampled_from(STEMS))
    paths = mostly(st.sampled_from(known), new, 3) if known else new
    write = paths.flatmap(lambda path: st.builds(Edit, st.just("write"), st.just(path), contents_of(path)))
    step = st.one_of(
        write,
        st.builds(lambda file: Edit("write", *file), data_files),
        st.builds(Edit, st.just("delete"), paths),
        st.builds(Edit, st.just("truncate"), paths, keep=st.sampled_from((0, 1, 20, 100))),
    )
    return st.lists(step, max_size=max_size)


def edited(tree: Tree, edit: Edit) -> Tree:
    """Give the tree after one step; a missing file is left missing."""
    after = dict(tree)
    if edit.kind == "write":
        after[edit.path] = edit.data
    elif edit.kind == "delete":
        after.pop(edit.path, None)
    elif edit.path in after:
        after[edit.path] = after[edit.path][: edit.keep]
    return after


def apply_edit(root: Path, edit: Edit) -> None:
    """Do one step on disk; directories stay."""
    file = root / edit.path
    if edit.kind == "write":
        write_tree(root, {edit.path: edit.data})
    elif edit.kind == "delete":
        file.unlink(missing_ok=True)
    elif file.exists():
        file.write_bytes(file.read_bytes()[: edit.keep])
