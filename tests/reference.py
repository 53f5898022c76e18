"""A second, slow projection written from the contract alone: what a tree at rest must give.

It shares no code with ``syncd``: the tests compare the two. Fresh database, no refused file held,
nothing sticky, nothing redacted. Times are the stored text, ``synced_rev`` is left out.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
Doc = dict[str, object]
Row = dict[str, object]
Rows = dict[str, dict[str, Row]]

TABLES = (
    "sessions",
    "tasks",
    "task_items",
    "blockers",
    "concerns",
    "next_steps",
    "deliverables",
    "messages",
    "metrics",
    "llm_usage",
    *("campaigns", "leads", "content", "experiments", "patterns", "lessons_learned", "rewards", "integrations"),
    *("repositories", "user_commands", "automation_candidates", "achievements"),
)
# The columns of business tables and of the roster: one that is not of text says of what, the main one has a star.
COLUMNS = {
    "campaigns": "*name type owner status channels:array deliverables:array metrics:object"
    " start_date:time end_date:time created_at:time updated_at:time",
    "leads": "source *contact_name contact_email company status score:number assigned_to notes"
    " created_at:time updated_at:time",
    "content": "*title type status author campaign_id word_count:whole seo_score:number file_path published_url"
    " created_at:time published_at:time",
    "experiments": "*name description status success_metric target_value:number current_value:number"
    " sample_size:whole consecutive_failures:whole decision decision_reason"
    " decided_at:time created_at:time updated_at:time",
    "patterns": "pattern_type *description detection_count:whole confidence_score:number status action_taken"
    " first_detected_at:time last_detected_at:time actioned_at:time",
    "lessons_learned": "category *title description source times_encountered:whole is_automated:flag automated_via"
    " created_at:time last_encountered_at:time",
    "rewards": "entity_type entity_id reward_value:number *reason issued_at:time",
    "integrations": "type platform *name brand is_active:flag has_credentials:flag config:object managed_by"
    " last_connected_at:time",
    "repositories": "*name path github_url team_id is_active:flag last_synced_at:time",
    "user_commands": "*command_text normalized_intent team model priority_file branch_name executed_at:time",
    "automation_candidates": "*pattern_description occurrence_count:whole sample_commands:array confidence_score:number"
    " is_automated:flag agent_id approved_by_user:flag approved_at:time",
    "achievements": "agent_id *name description xp:whole earned_at:time",
    "agents": "team_id *name role emoji llm_preference is_active:flag",
    "teams": "*name domain description",
}
ALSO = {"team_id": ("team",), "llm_preference": ("model", "preferred_model", "preferredModel")}
SECRET = re.compile("password|secret|token|key$", re.IGNORECASE)
LEADERS = ("orchestrator", "jarvis", "session")
FINAL = ("completed", "failed", "blocked")
WORDS = {
    **dict.fromkeys(("pending", "waiting", "idle"), "pending"),
    **dict.fromkeys(("completed", "success", "done", "approved", "skipped"), "completed"),
    **dict.fromkeys(("failed", "error", "stopped", "cancelled"), "failed"),
    **dict.fromkeys(("blocked", "needs_revision"), "blocked"),
}
PRIORITIES = {"low": "low", "high": "high", "urgent": "high", "critical": "high"}
FAMILIES = (
    *("opus", "sonnet", "haiku", "gpt", "gemini"),
    *("llama", "mistral", "deepseek", "qwen", "grok"),
)
TIME_KEYS = {"startTime", "endTime", "startedAt", "completedAt", "updatedAt", "timestamp"}
MOMENT = re.compile(r"(\d{4}-\d\d-\d\d|\d{8})([Tt ].+)?", re.ASCII)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_DEPTH, MAX_ID, MAX_TEXT = 200, 255, 4096


# Files


def project(root: Path, workspace: str = "default", prefixes: Sequence[str] = ("session-", "orchestrator-")) -> Rows:
    """Give the rows of a tree at rest: table, row id, column, value."""
    rows: Rows = {table: {} for table in TABLES}
    for folder in sorted(root.iterdir()):
        if folder.is_dir() and folder.name.startswith(tuple(prefixes)):
            docs = read_folder(folder)
            if docs:
                project_session(rows, workspace, folder.name, docs)
    for table, found in read_data(root / "data").items():
        for key, row in named_rows(table, found):
            taken = "/" in key and is_others(key, prefixes)
            if table in TABLES and (workspace != "default" or not taken):
                row_id = key if workspace == "default" else f"{workspace}/data/{key}"
                rows[table][row_id] = {"id": row_id, **row, "source_path": f"data/{table}.json"}
    return rows


def is_others(key: str, prefixes: Sequence[str]) -> bool:
    """Tell whether a bare id looks like one that another bundle makes."""
    within = key.split("/")
    if within[0].startswith(tuple(prefixes)):
        return True
    return len(within) > 2 and (within[1] == "data" or within[1].startswith(tuple(prefixes)))


def read_folder(folder: Path) -> dict[str, Doc]:
    """Read the JSON documents of one directory by stem; the unreadable are absent."""
    docs = {}
    for path in sorted(folder.iterdir()):
        if path.name.endswith(".json") and not path.name.startswith(".") and path.is_file():
            doc = decode(path.read_bytes())
            if doc is not None:
                docs[path.name.removesuffix(".json")] = doc
    return docs


def decode(data: bytes) -> Doc | None:
    """Decode one strict JSON object, or nothing."""
    value = parse(data)
    return value if isinstance(value, dict) else None


def parse(data: bytes) -> object:
    """Decode strict JSON; null where it is none."""
    try:
        text = data.decode("utf-8-sig")
        value = json.loads(text, parse_constant=refuse, parse_float=finite)
    except (ValueError, RecursionError):
        return None
    return None if depth(value) > MAX_DEPTH else clean(value)


def read_data(folder: Path) -> dict[str, list[tuple[str | None, int, object]]]:
    """Read the files of the data directory: for each table that one is named for, its entries."""
    found = {}
    for table in COLUMNS:
        path = folder / f"{table}.json"
        value = parse(path.read_bytes()) if path.is_file() else None
        if isinstance(value, dict) and isinstance(value.get(table), list | dict):
            value = value[table]
        listed = listing(table, value)
        if listed is not None:
            found[table] = listed
    return found


def refuse(word: str) -> float:
    """Refuse NaN and the infinities."""
    raise ValueError(word)


def finite(text: str) -> float:
    """Read a float; one that overflows is refused."""
    value = float(text)
    if math.isinf(value):
        raise ValueError(text)
    return value


def depth(value: object) -> int:
    """Count how many objects and arrays lie inside one another."""
    level, count = [value], 0
    while containers := [one for one in level if isinstance(one, dict | list)]:
        count += 1
        level = [inner for one in containers for inner in (one.values() if isinstance(one, dict) else one)]
    return count


def clean(value: object) -> object:
    """Spell out lone surrogates and replace U+0000, in keys too; 3.0 is the number 3."""
    if isinstance(value, str):
        return "".join(
            f"\\u{ord(one):04x}" if "\ud800" <= one <= "\udfff" else one for one in value.replace("\x00", "\ufffd")
        )
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return int(value)
    if isinstance(value, list):
        return [clean(one) for one in value]
    if isinstance(value, dict):
        return {str(clean(key)): clean(one) for key, one in value.items()}
    return value


# Values of one field: the right type, else absent


def text(value: object) -> str | None:
    """Take text that is not blank, as written."""
    return value if isinstance(value, str) and value.strip() else None


def integer(value: object) -> int | None:
    """Take a whole number of 64 bits."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if -(2**63) <= value < 2**63 else None


def number(value: object) -> float | None:
    """Take any number that a float can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def flag(value: object) -> bool | None:
    """Take true or false."""
    return value if isinstance(value, bool) else None


def entries(value: object) -> list[object]:
    """Take an array."""
    return value if isinstance(value, list) else []


def fields(value: object) -> Doc:
    """Take an object."""
    return value if isinstance(value, dict) else {}


def own_id(value: object) -> str | None:
    """Take an id that a row may carry: text that is not blank or an integer, 1 to 255 characters."""
    whole = integer(value)
    found = text(value) if whole is None else str(whole)
    return found if found and len(found) <= MAX_ID else None


def first(read: Callable[[object], T | None], *values: object) -> T | None:
    """Give the first readable value."""
    return next((found for found in map(read, values) if found is not None), None)


def moment(value: object) -> datetime | None:
    """Read a time: ISO text, or epoch seconds or milliseconds as a number."""
    try:
        if isinstance(value, str) and MOMENT.fullmatch(value.strip()):
            at = datetime.fromisoformat(value.strip())
            at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            milliseconds = abs(value) >= 1e11
            at = EPOCH + timedelta(**{"milliseconds" if milliseconds else "seconds": value})
        else:
            return None
    except (ValueError, OverflowError):
        return None
    return at if at >= EPOCH else None


def stored(at: datetime | None) -> str | None:
    """Spell a time as the database stores it."""
    return None if at is None else at.replace(tzinfo=None).isoformat(" ")


def fold(value: object, missing: str = "pending") -> str:
    """Fold a status word to one of the five."""
    word = value.strip().lower() if isinstance(value, str) else ""
    if not word:
        return missing
    return "pending" if word.startswith("waiting_for_") else WORDS.get(word, "in_progress")


def fold_item(value: object) -> str:
    """Fold the status word of a task item."""
    word = value.strip().lower() if isinstance(value, str) else ""
    return "completed" if word in {"passed", "warning"} else fold(value)


def cut(value: str | None) -> str | None:
    """Cut text at 4 KiB, between characters."""
    return None if value is None else value.encode()[:MAX_TEXT].decode(errors="ignore")


# Facts of one document


def start_of(doc: Doc) -> datetime | None:
    """Give the time at which the file says that it started."""
    nested = fields(doc.get("metrics"))
    return first(moment, doc.get("startTime"), doc.get("startedAt"), nested.get("startTime"))


def end_of(doc: Doc) -> datetime | None:
    """Give the time at which the file says that it ended."""
    nested = fields(doc.get("metrics"))
    return first(moment, doc.get("endTime"), doc.get("completedAt"), nested.get("endTime"))


def touched(doc: Doc) -> datetime | None:
    """Give the timestamp of the file, else its update."""
    return first(moment, doc.get("timestamp"), doc.get("updatedAt"))


def updated(doc: Doc) -> datetime | None:
    """Give the update of the file, else its timestamp."""
    return first(moment, doc.get("updatedAt"), doc.get("timestamp"))


def recorded(doc: Doc) -> datetime | None:
    """Give the time of the file's numbers."""
    return updated(doc) or end_of(doc) or start_of(doc)


def said_duration(doc: Doc) -> float | None:
    """Give the duration in the file, negative ones too."""
    return first(number, doc.get("durationSeconds"), fields(doc.get("metrics")).get("duration"))


def duration(said: float | None, start: datetime | None, end: datetime | None) -> float | None:
    """Give the said duration, else end minus start; a negative one is none."""
    if said is None and start and end:
        said = (end - start).total_seconds()
    return said if said is not None and said >= 0 else None


def error_of(doc: Doc, missing: str = "pending") -> str | None:
    """Give what went wrong according to one file."""
    error = doc.get("error")
    found = first(text, error, fields(error).get("message"))
    _, blocker = next(objects(doc.get("blockers"), "message"), (0, Doc()))
    found = found or text(blocker.get("message"))
    own_word = fold(doc.get("status"), missing)
    return found or (text(doc.get("message")) if own_word in {"failed", "blocked"} else None)


def url_of(value: object) -> str | None:
    """Give the first URL in a text."""
    for found in re.finditer(r"https?://([^\s<>\"'`()\[\]{}]+)", text(value) or ""):
        if found[1].rstrip(".,;:!?"):
            return found[0].rstrip(".,;:!?")
    return None


def objects(value: object, key: str) -> Iterator[tuple[int, Doc]]:
    """Walk the usable entries of an array with their positions; text stands for ``{key: text}``."""
    for position, entry in enumerate(entries(value)):
        if isinstance(entry, dict):
            yield position, entry
        elif text(entry) is not None:
            yield position, {key: entry}


# Business records and the roster


def camel(name: str) -> str:
    """Spell a column as JavaScript would."""
    return re.sub("_(.)", lambda found: found[1].upper(), name)


def listing(table: str, value: object) -> list[tuple[str | None, int, object]] | None:
    """Give the entries of a list, or of an object by id, with their names and positions; nothing for anything else."""
    if isinstance(value, list):
        return [(None, position, entry) for position, entry in enumerate(value)]
    if not isinstance(value, dict):
        return None
    columns = [column.partition(":")[0].strip("*") for column in ("id", *COLUMNS[table].split())]
    if any(not isinstance(value.get(key, {}), dict) for name in columns for key in (name, camel(name))):
        return None  # one record
    return [(name, position, entry) for position, (name, entry) in enumerate(value.items())]


def named_rows(
    table: str, listed: list[tuple[str | None, int, object]], stem: str | None = None
) -> Iterator[tuple[str, Row]]:
    """Walk the rows of entries under their own ids, else under their positions."""
    main = next(column for column in COLUMNS[table].split() if column.startswith("*"))[1:]
    for name, position, entry in listed:
        if table == "integrations" and name is not None and (isinstance(entry, str) or SECRET.search(name)):
            continue
        said = {main: entry} if text(entry) else entry
        if isinstance(said, dict):
            own = own_id(said.get("id")) or own_id(name)
            key = str(position) if stem is None else f"{stem}/{position}"
            yield own or key, record(table, said)


def record(table: str, entry: Doc) -> Row:
    """Give the columns of one entry: of either spelling the first that can be read."""
    row: Row = {}
    for column in COLUMNS[table].replace("*", "").split():
        name, _, kind = column.partition(":")
        said = [entry.get(name), entry.get(camel(name)), *(entry.get(other) for other in ALSO.get(name, ()))]
        if table == "leads" and name.startswith("contact_"):
            said.append(fields(entry.get("contact")).get(name.removeprefix("contact_")))
        if table == "integrations" and name == "config":
            said = [bare(value) for value in said]
        row[name] = first(READERS[kind], *said)
    if table == "integrations":
        told = entry.get("has_credentials") is True or entry.get("hasCredentials") is True
        row["has_credentials"] = told or has_secret(entry, named=False)
    return row


def array(value: object) -> str | None:
    """Take an array, or a text for an array of one, as JSON."""
    if isinstance(value, list):
        return compact(value)
    return None if text(value) is None else compact([value])


def json_object(value: object) -> str | None:
    """Take an object as JSON."""
    return compact(value) if isinstance(value, dict) else None


def time_text(value: object) -> str | None:
    """Take a time as the database stores it."""
    return stored(moment(value))


READERS: dict[str, Callable[[object], object]] = {
    "": text,
    "number": number,
    "whole": integer,
    "flag": flag,
    "time": time_text,
    "array": array,
    "object": json_object,
}


def is_setting(value: object) -> bool:
    """Tell an object that names a secret and its value, as lists of settings have them."""
    return isinstance(value, dict) and bool(SECRET.search(str(value.get("name", ""))))


def bare(value: object) -> object:
    """Take every secret out of a value, for the few kinds of secrets that the tests plant."""
    if isinstance(value, dict):
        return {key: bare(inner) for key, inner in value.items() if not SECRET.search(key)}
    if isinstance(value, list):
        return [bare(inner) for inner in value if not is_setting(inner)]
    return re.sub(r"://[^/]*@([^?]*)\?.*", r"://\1", value) if isinstance(value, str) else value


def has_secret(value: object, *, named: bool) -> bool:
    """Tell whether anything is said under the name of a secret."""
    if isinstance(value, dict):
        told = is_setting(value)
        return any(
            has_secret(inner, named=named or bool(SECRET.search(key)) or (told and key == "value"))
            for key, inner in value.items()
            if key not in {"has_credentials", "hasCredentials"}
        )
    if isinstance(value, list):
        return any(has_secret(inner, named=named) for inner in value)
    if isinstance(value, str) and "@" in value:
        return True
    return named and value is not None and not isinstance(value, bool) and (value == 0 or bool(str(value).strip()))


def roster(root: Path, rows: Rows, built_in: Rows) -> Rows:
    """Give all agents and teams of the default workspace: whom its files name, whom its rows name, who is built in."""
    data = read_data(root / "data")
    teams: dict[str, Row] = {}
    agents: dict[str, Row] = {}
    for listed, table, members in ((data.get("agents", []), "agents", agents), (data.get("teams", []), "teams", teams)):
        for key, row in named_rows(table, listed, "no id"):
            if not key.startswith("no id/"):
                made = made_agent(key, row, built_in) if table == "agents" else made_team(key, row, built_in)
                members[str(made["id"])] = {**made, "source_path": f"data/{table}.json"}
    for row in rows["tasks"].values():
        agents.setdefault(str(row["agent_id"]), made_agent(str(row["agent_id"]), {}, built_in))
    agents = {**built_in["agents"], **agents}
    named = [str(row["team_id"]) for row in (*rows["sessions"].values(), *agents.values())]
    for name in named:
        teams.setdefault(name, made_team(name, {}, built_in))
    return {"agents": agents, "teams": {**built_in["teams"], **teams}}


def made_agent(name: str, said: Row, built_in: Rows) -> Row:
    """Give the row of an agent, of which a file may say something."""
    stem = name.removeprefix("agent-")
    key = "agent-senior-reviewer" if stem == "senior-code-reviewer" else f"agent-{stem}"
    made: Row = {"team_id": "team-unassigned", "name": titled(key.removeprefix("agent-")), "role": None, "emoji": None}
    known = built_in["agents"].get(key) or {**made, "llm_preference": None, "is_active": 1}
    told = {column: value for column, value in said.items() if value is not None}
    if "team_id" in told:
        told["team_id"] = team_named(str(told["team_id"]))
    return {**known, **told, "id": key, "source_path": None}


def made_team(name: str, said: Row, built_in: Rows) -> Row:
    """Give the row of a team, of which a file may say something."""
    key = team_named(name)
    made: Row = {"name": titled(key.removeprefix("team-")), "domain": None, "description": None}
    told = {column: value for column, value in said.items() if value is not None}
    return {**(built_in["teams"].get(key) or made), **told, "id": key, "source_path": None}


def team_named(name: str) -> str:
    """Give the id of a team."""
    folded = name.strip().lower().replace(" ", "-")
    return folded if folded.startswith("team-") else f"team-{folded}"


def titled(slug: str) -> str:
    """Make a name of an id."""
    return " ".join(word.capitalize() for word in re.split("[-_]", slug) if word) or slug


# Sessions


def project_session(rows: Rows, workspace: str, name: str, docs: dict[str, Doc]) -> None:
    """Add all rows of one session."""
    space = "" if workspace == "default" else f"{workspace}/"
    session = space + name
    for stem, doc in docs.items():
        path = f"{name}/{stem}.json"
        if stem == "orchestrator":
            project_inner(rows, {"session_id": session, "task_id": None}, doc, path)
        elif stem != "session":
            task = f"task-{session}-{stem}"
            rows["tasks"][task] = task_row(task, session, stem, doc, path)
            project_inner(rows, {"session_id": session, "task_id": task}, doc, path)
    for stem in sorted(docs, key=lambda stem: f"{stem}.json"):
        for table in COLUMNS.keys() & set(TABLES):
            listed = listing(table, docs[stem].get(table))
            for key, row in named_rows(table, listed or [], stem):
                row_id = f"{session}/{key}"
                rows[table][row_id] = {"id": row_id, **row, "source_path": f"{name}/{stem}.json"}
    tasks = [row for row in rows["tasks"].values() if row["session_id"] == session]
    rows["sessions"][session] = {
        "id": session,
        "workspace": workspace,
        "team_id": team_of(name, docs),
        "archived_at": None,
        "source_path": f"{name}/{leader_of(docs)}.json",
        **facts(docs, space),
        **course(docs, tasks),
    }


def leader_of(docs: dict[str, Doc]) -> str:
    """Name the file that the session row points at."""
    agents = sorted(docs, key=lambda stem: f"{stem}.json")
    return next(stem for stem in (*LEADERS, *agents) if stem in docs)


def team_of(name: str, docs: dict[str, Doc]) -> str:
    """Give the team that the session belongs to."""
    said = first(text, *(docs.get(stem, {}).get("team") for stem in LEADERS))
    if said:
        folded = said.strip().lower().replace(" ", "-")
        return folded if folded.startswith("team-") else f"team-{folded}"
    domains = {(text(doc.get("domain")) or "").strip().lower() for doc in docs.values()}
    marketing = name.startswith("session-marketing-") or "jarvis" in docs or "marketing" in domains
    return "team-marketing" if marketing else "team-engineering"


def facts(docs: dict[str, Doc], space: str) -> Row:
    """Give the facts that the leading files state, field by field."""
    leading = [docs[stem] for stem in LEADERS if stem in docs]
    family = [docs[stem] for stem in ("orchestrator", "session") if stem in docs]
    errors = [error_of(docs[stem], unsaid(stem)) for stem in LEADERS if stem in docs]

    def fact(read: Callable[[object], T | None], *keys: str) -> T | None:
        return first(read, *(doc.get(key) for doc in leading for key in keys))

    parent = first(text, *(doc.get("parentSessionId") for doc in family))
    return {
        "parent_id": None if parent is None else space + parent,
        "phase": fact(text, "phase"),
        "target_repo": fact(text, "targetRepo", "target_repo"),
        "priority_file": fact(text, "priorityFile", "priority"),
        "prd_file": fact(text, "prdFile"),
        "branch_name": fact(text, "branchName", "branch"),
        "base_branch": fact(text, "baseBranch"),
        "pr_url": fact(url_of, "prUrl", "pr_url"),
        "iteration_count": fact(integer, "iteration", "iterationCount"),
        "exit_code": fact(integer, "exitCode"),
        "error_message": first(text, *errors),
        "purpose": first(text, *(doc.get("purpose") for doc in family)),
        "tags": first(tags, *(doc.get("tags") for doc in family)),
        "updated_at": stored(next(filter(None, map(updated, leading)), None)),
    }


def unsaid(stem: str) -> str:
    """Give the status of a file that has no word for it."""
    return "in_progress" if stem == "orchestrator" else "pending"


def tags(value: object) -> str | None:
    """Spell the texts of an array as compact JSON."""
    if not isinstance(value, list):
        return None
    return compact([one for one in value if text(one)])


def compact(value: object) -> str:
    """Spell JSON without spaces and with its characters kept."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def course(docs: dict[str, Doc], tasks: list[Row]) -> Row:
    """Give how the session went: its status, its times and its duration."""
    leading = [docs[stem] for stem in LEADERS if stem in docs]
    status = session_status(docs.get("orchestrator"), [str(row["status"]) for row in tasks])
    starts = [at for row in tasks if (at := moment(row["started_at"]))]
    ends = [at for row in tasks if (at := moment(row["completed_at"]))]
    start = next(filter(None, map(start_of, leading)), None)
    start = start or moment(docs.get("session", {}).get("createdAt")) or min(starts, default=None)
    end = None
    if status in FINAL:
        closed = [
            docs[stem]
            for stem in ("orchestrator", "jarvis")
            if stem in docs and fold(docs[stem].get("status"), unsaid(stem)) in FINAL
        ]
        end = next(filter(None, [*map(end_of, leading), *map(touched, closed)]), None)
        end = end or max(ends, default=None)
    return {
        "status": status,
        "status_raw": text(docs.get("orchestrator", {}).get("status")),
        "started_at": stored(start),
        "completed_at": stored(end),
        "duration_seconds": duration(first(number, *map(said_duration, leading)), start, end),
    }


def session_status(orchestrator: Doc | None, tasks: list[str]) -> str:
    """Give the status of a session: the final word of its orchestrator, else what its tasks say."""
    own_word = "" if orchestrator is None else fold(orchestrator.get("status"), "in_progress")
    if own_word in FINAL:
        return own_word
    if "blocked" in tasks:
        return "blocked"
    if "failed" in tasks:
        return "failed"
    if orchestrator is None and tasks and set(tasks) == {"completed"}:
        return "completed"
    return "pending" if orchestrator is None and set(tasks) <= {"pending"} else "in_progress"


# Tasks and what lies in their files


def task_row(task: str, session: str, stem: str, doc: Doc, path: str) -> Row:
    """Give the row of one agent file."""
    status = fold(doc.get("status"))
    start, end = start_of(doc), end_of(doc) or touched(doc)
    end = end if status in FINAL else None
    llm = first(text, doc.get("llm_used"), doc.get("llmUsed"))
    return {
        "id": task,
        "session_id": session,
        "agent_id": f"agent-{'senior-reviewer' if stem == 'senior-code-reviewer' else stem}",
        "description": description_of(doc) or f"{stem} task",
        "status": status,
        "status_raw": text(doc.get("status")),
        "priority": PRIORITIES.get((text(doc.get("priority")) or "").strip().lower(), "medium"),
        "llm_used": llm,
        "llm_family": next((one for one in FAMILIES if one in (llm or "").lower()), None),
        "started_at": stored(start),
        "completed_at": stored(end),
        "updated_at": stored(updated(doc)),
        "duration_seconds": duration(said_duration(doc), start, end),
        "error_message": error_of(doc),
        "retry_count": first(integer, doc.get("retryCount"), doc.get("retry_count")),
        "source_path": path,
    }


def description_of(doc: Doc) -> str | None:
    """Give the words of a file for what it is about."""
    current, listed = doc.get("currentTask"), []
    inner = (fields(current).get(key) for key in ("description", "task", "title", "name"))
    said = first(text, doc.get("task"), doc.get("description"), current, *inner)
    said = said or text(name_of(fields(current)))
    for _, entry in objects(doc.get("completedTasks"), "description"):
        listed.append(text(entry.get("description")) or text(name_of(entry)))
    return said or "; ".join(filter(None, listed)) or None


def name_of(entry: Doc) -> str | None:
    """Give the id of an entry as text, however long."""
    value = entry.get("id")
    return value if isinstance(value, str) else own_id(value)


def project_inner(rows: Rows, place: Row, doc: Doc, path: str) -> None:
    """Add the items, children, numbers and usage of one file."""
    owner = str(place["task_id"] or place["session_id"])
    for row in items(owner, doc):
        rows["task_items"][str(row["id"])] = {**row, **place, "source_path": path}
    for table, kind, row in children(doc):
        key = f"{owner}/{kind}/{row['position']}"
        rows[table][key] = {"id": key, **row, **place, "source_path": path}
    for row in metrics(owner, place["task_id"] is not None, doc):
        rows["metrics"][str(row["id"])] = {**row, "source_path": path}
    for row in usage(owner, doc):
        rows["llm_usage"][str(row["id"])] = {
            **row,
            "task_id": place["task_id"],
            "source_path": path,
        }


def items(owner: str, doc: Doc) -> Iterator[Row]:
    """Walk the steps of one file; a later row replaces an earlier one of the same id."""
    tasks = doc.get("tasks")
    listed: list[tuple[str | None, object]] = (
        list(tasks.items()) if isinstance(tasks, dict) else [(None, one) for one in entries(tasks)]
    )
    rows: dict[str, Row] = {}
    of_task: dict[str, Row] = {}
    position = 0
    for name, entry in listed:
        row = item(owner, position, name, entry)
        if row:
            rows[str(row["id"])] = row
            if row["item_id"] is not None:
                of_task[str(row["item_id"])] = row
        position += 1
    for entry in entries(doc.get("completedTasks")):
        if isinstance(entry, str) and entry in of_task:
            of_task[entry]["status"] = "completed"
        elif row := item(owner, position, None, entry):
            rows[str(row["id"])] = {**row, "status": "completed"}
        position += 1
    for name, word in fields(doc.get("checks")).items():
        row = item(owner, position, name, word if isinstance(word, str) else None)
        rows[str(row["id"])] = row
        position += 1
    yield from rows.values()


def item(owner: str, position: int, name: str | None, entry: object) -> Row:
    """Give one step, or nothing; under a name, anything but an object is its status word."""
    if name is None and not isinstance(entry, dict) and text(entry) is None:
        return {}
    within = fields(entry)
    said = [*(within.get(key) for key in ("description", "title", "name")), entry if name is None else name]
    word = within.get("status") if isinstance(entry, dict) or name is None else entry
    own = own_id(within.get("id") if name is None else name)
    return {
        "id": f"{owner}/item/{position if own is None else own}",
        "item_id": own,
        "position": position,
        "description": first(text, *said),
        "status": fold_item(word),
        "duration_seconds": duration(first(number, within.get("duration"), within.get("durationSeconds")), None, None),
    }


def children(doc: Doc) -> Iterator[tuple[str, str, Row]]:
    """Walk blockers, concerns, next steps, deliverables and messages: table, kind, row."""
    for at, one in objects(doc.get("blockers"), "message"):
        yield (
            "blockers",
            "blocker",
            {
                "position": at,
                "type": text(one.get("type")),
                "message": cut(text(one.get("message"))),
                "requires_human": flag(one.get("requiresHuman")),
                "requires_agent": text(one.get("requiresAgent")),
            },
        )
    for at, one in objects(doc.get("concerns"), "message"):
        yield (
            "concerns",
            "concern",
            {
                "position": at,
                "severity": text(one.get("severity")),
                "message": cut(text(one.get("message"))),
            },
        )
    for at, one in objects(doc.get("nextSteps"), "action"):
        yield (
            "next_steps",
            "next_step",
            {
                "position": at,
                "agent": text(one.get("agent")),
                "action": cut(text(one.get("action"))),
                "priority": text(one.get("priority")),
            },
        )
    for at, one in objects(doc.get("deliverables"), "title"):
        yield (
            "deliverables",
            "deliverable",
            {
                "position": at,
                "type": text(one.get("type")),
                "title": cut(text(one.get("title"))),
                "file": text(one.get("file")),
                "details": details(one),
            },
        )
    for at, one in objects(doc.get("messages"), "content"):
        content = text(one.get("content"))
        yield (
            "messages",
            "message",
            {
                "position": at,
                "recipient": text(one.get("to")),
                "content": cut(content),
                "content_length": None if content is None else len(content.encode()),
                "sent_at": stored(moment(one.get("timestamp"))),
            },
        )


def details(entry: Doc) -> str | None:
    """Spell the other keys of a deliverable, leaving out those that would not fit."""
    kept: Doc = {}
    for key, value in entry.items():
        longer = {**kept, key: value}
        if key not in {"type", "title", "file"} and len(compact(longer).encode()) <= MAX_TEXT:
            kept = longer
    return compact(kept) if kept else None


def metrics(owner: str, is_task: bool, doc: Doc) -> Iterator[Row]:  # noqa: FBT001
    """Walk the numbers of one file, one point each."""
    at = stored(recorded(doc))
    iteration = first(integer, doc.get("iteration"), doc.get("iterationCount"))
    found = [*numbers("", fields(doc.get("metrics")))]
    found += numbers("scores.", fields(doc.get("scores")))
    found += numbers("", {"qualityScore": doc.get("qualityScore")}, nested=False)
    for name, value in found:
        yield {
            "id": f"{owner}/{name}/{at or ''}",
            "entity_type": "task" if is_task else "session",
            "entity_id": owner,
            "metric_name": name,
            "metric_value": value,
            "context": None if iteration is None else f"iteration {iteration}",
            "recorded_at": at,
        }


def numbers(prefix: str, value: object, *, nested: bool = True) -> Iterator[tuple[str, float]]:
    """Walk the numbers below a value with their dotted names."""
    pairs = fields(value).items() or enumerate(entries(value))
    for key, inner in pairs:
        found = number(inner)
        if key in TIME_KEYS:
            continue
        if found is not None:
            yield f"{prefix}{key}", found
        elif nested:
            yield from numbers(f"{prefix}{key}.", inner)


def usage(owner: str, doc: Doc) -> Iterator[Row]:
    """Walk the reports of model usage."""
    for position, one in enumerate(entries(doc.get("llm_usage"))):
        if isinstance(one, dict):
            used = first(moment, one.get("usedAt"), one.get("used_at"), one.get("timestamp"))
            yield {
                "id": f"{owner}/llm_usage/{position}",
                "model": text(one.get("model")),
                "input_tokens": integer(one.get("input_tokens")),
                "output_tokens": integer(one.get("output_tokens")),
                "cost_usd": number(one.get("cost_usd")),
                "duration_ms": number(one.get("duration_ms")),
                "used_at": stored(used or recorded(doc)),
            }
