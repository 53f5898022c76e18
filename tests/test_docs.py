"""README and docs say what the program does: names are all there, examples run, links lead somewhere."""

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest

from syncd import errors
from syncd.cli import COMMANDS, main
from syncd.config import SETTINGS, Settings, load
from syncd.core.family import Past
from syncd.core.moments import parse_moment
from syncd.core.redact import KINDS
from syncd.errors import DocumentError
from syncd.families import words
from syncd.families.compound_state import Options, compound_state, read
from syncd_models.schema import SQLITE, TABLES
from syncd_models.values import Bundle, Held
from syncd_models.views import VIEWS
from tests.processes import REPOSITORY, environment

EXAMPLE = REPOSITORY / ".compound-state-example"
README = REPOSITORY / "README.md"
PAGES = (README, *sorted((REPOSITORY / "docs").glob("*.md")))
SESSION = "session-1770537842"
SHARED = frozenset({"root", "database", "config"})
"""Settings whose flags are in ``--help``."""


# --- reading Markdown


@cache
def text_of(page: str) -> str:
    """Return a page of the documentation."""
    return (README if page == "README" else REPOSITORY / "docs" / f"{page}.md").read_text(encoding="utf-8")


@cache
def everything() -> str:
    """Return all pages as one text."""
    return "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


def section(page: str, title: str) -> str:
    """Return what stands under a heading, down to the next one, less its code blocks."""
    found = re.search(rf"(?ms)^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", without_code(text_of(page)))
    assert found, f"docs/{page}.md has no heading {title!r}"
    return found[1]


def without_code(text: str) -> str:
    """Return text less its code blocks."""
    return re.sub(r"(?ms)^ *```.*?^ *```", "", text)


def cells(text: str) -> list[list[str]]:
    """Return the rows of the tables in a text, less their heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    rules = [n for n, row in enumerate(rows) if set("".join(row)) <= set("-: ")]
    return [row for n, row in enumerate(rows) if n not in rules and n + 1 not in rules]


def code(text: str) -> list[str]:
    """Return the code spans of a text."""
    return re.findall(r"`([^`]+)`", text)


def blocks(page: str, language: str) -> list[str]:
    """Return the code blocks of a page in one language."""
    return re.findall(rf"(?ms)^ *```{language}\n(.*?)^ *```", text_of(page))


def pages() -> list[str]:
    """Return the names of all pages."""
    return ["README" if page == README else page.stem for page in PAGES]


# --- the example, synced


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project whose state root is a synced copy of the example."""
    project = tmp_path_factory.mktemp("project")
    shutil.copytree(EXAMPLE, project / ".compound-state", ignore=shutil.ignore_patterns("*.db*"))
    assert run(project, "sync").returncode == 1, "one file of the example is torn"
    return project


@pytest.fixture
def project(synced: Path, tmp_path: Path) -> Path:
    """Lend a copy of the synced project to break."""
    shutil.copytree(synced, tmp_path / "project")
    return tmp_path / "project"


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a project."""
    return subprocess.run(
        [sys.executable, "-m", "syncd", *arguments],
        cwd=project, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip


def connect(project: Path) -> sqlite3.Connection:
    """Open a project's database as a reader is told to."""
    return sqlite3.connect(f"file:{project}/.compound-state/agent-service.db?mode=ro", uri=True)


# --- every name is there


def commands(group: click.Command = main, name: str = "syncd") -> Iterator[tuple[str, click.Command]]:
    """Yield each command with its full name."""
    if isinstance(group, click.Group):
        context = click.Context(group)
        for each in group.list_commands(context):
            if found := group.get_command(context, each):
                yield from commands(found, f"{name} {each}")
    else:
        yield name, group


def test_every_command_is_in_the_readme() -> None:
    """A newcomer sees each command there is, with what it does."""
    named = {tuple(spans[0].split()[1:3]) for row in cells(text_of("README")) if (spans := code(row[0]))}
    for name, _ in commands():
        assert any(" ".join(each).startswith(name.removeprefix("syncd ")) for each in named), name
    assert {each[0] for each in named if each and each[0] in COMMANDS} == {*COMMANDS}


def test_every_command_stands_with_its_own_options() -> None:
    """The list of commands in the settings page has each option that is no setting, and no other."""
    told = {code(row[0])[0]: code(row[1]) for row in cells(section("settings", "Commands"))}
    shared = {setting.name for setting in SETTINGS} | {"config"}
    real = {
        name: sorted(
            flag for each in command.params if isinstance(each, click.Option) and each.name not in shared
            for flag in each.opts
        )
        for name, command in commands()
    }  # fmt: skip
    assert {name: sorted(flags) for name, flags in told.items()} == real


def test_every_setting_stands_with_flag_variable_and_default(tmp_path: Path) -> None:
    """Each setting has a row, hidden or not; its default is the one that a bare run has."""
    bare: Settings = load({}, {"HOME": str(tmp_path)}, tmp_path)
    rows = {code(row[1])[0]: row for row in cells(section("settings", "Settings"))}
    assert [*rows] == [*(setting.flag for setting in SETTINGS), "--config"]
    for setting in SETTINGS:
        name, _, variable, default, _ = rows[setting.flag]
        assert (code(name), code(variable)) == ([setting.name], [setting.variable])
        value = getattr(bare, setting.name)
        if setting.name in {"session_prefixes", "naive_timezone", "on_missing", "max_file_size", "max_depth"}:
            assert code(default) == [*(value if isinstance(value, tuple) else (str(value),))], setting.name
    assert code(rows["--redact"][3]) == ["yes" if bare.redact else "no"]
    assert Path(str(bare.database)).name in code(rows["--database"][3])
    assert bare.root[0].path.name in code(rows["--root"][3])


def test_shared_flags_are_the_ones_that_help_shows() -> None:
    """What the pages call hidden is hidden, and the rest is in ``--help``."""
    shown = {each.name for each in main.params if isinstance(each, click.Option) and not each.hidden}
    assert shown - {"version"} == SHARED
    assert "--version`" in section("settings", "Commands")


@pytest.mark.parametrize("table", sorted(TABLES))
def test_every_table_stands_with_its_columns_in_order(table: str) -> None:
    """The page of tables has a section a table, with a row a column."""
    assert [code(row[0])[0] for row in cells(section("tables", f"`{table}`"))] == [*TABLES[table].columns]


@pytest.mark.parametrize("view", sorted(VIEWS))
def test_every_view_stands_with_its_columns_in_order(view: str, synced: Path) -> None:
    """The page of tables has a section a view that lists what it selects."""
    listed = section("tables", f"`{view}`").split("Columns:")[1]
    told = code(re.sub(r" \([^)]*\)", "", listed))
    if inherited := re.search(r"every column of `(\w+)`", listed):
        told = [*TABLES[inherited[1]].columns, *told[1:]]
    with closing(connect(synced)) as connection:
        real = [column[0] for column in connection.execute(f"SELECT * FROM {view}").description]  # noqa: S608  ours
    assert told == real


def test_no_table_or_view_is_made_up() -> None:
    """Each section that names a table or view names one that exists, and so does each index."""
    named = set(re.findall(r"(?m)^### `(\w+)`$", text_of("tables")))
    assert named == {*TABLES, *VIEWS}
    indexes = {found[1] for text in SQLITE if (found := re.match(r"CREATE INDEX (\w+)", text))}
    assert set(re.findall(r"\bix_\w+", text_of("tables"))) == indexes


def test_every_exit_code_is_told() -> None:
    """The codes of the errors, of success, of bad usage and of an interrupt are those of the table."""
    told = {int(row[0]) for row in cells(section("settings", "Exit codes"))}
    real = {kind.exit_code for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "exit_code")}
    assert told == real | {0, 1, 2, 130}
    assert set(re.findall(r"\*\*(\d)\*\*", text_of("README"))) == {str(code) for code in told - {130}}


def test_every_log_event_is_told() -> None:
    """What a verbose sync logs is named where the option is explained."""
    written = (REPOSITORY / "syncd" / "log.py").read_text(encoding="utf-8")
    events = set(re.findall(r"log\.(?:info|warning|error)\(\s*\"(\w+)\"", written))
    assert events
    assert events <= set(code(section("settings", "Commands")))


def test_every_kind_of_secret_is_told() -> None:
    """The page says which shapes the redactor knows."""
    assert KINDS.keys() <= set(code(section("reading-files", "Secrets")))


def test_the_roster_is_as_large_as_it_is_said_to_be() -> None:
    """Whoever adds an agent or a team says so."""
    built_in = compound_state(Options()).built_in
    told = f"{len(built_in['agents'])} agents and {len(built_in['teams'])} teams"
    assert told in section("reading-files", "Agents and teams")


def test_every_module_has_a_line_in_the_architecture() -> None:
    """Where to find what names each file that exists, or its folder, and no other."""
    told = {REPOSITORY / path for row in cells(section("architecture", "Floors")) for path in code(row[0])}
    assert [path for path in told if not path.exists()] == []
    for top in ("syncd", "models/syncd_models"):
        for path in (REPOSITORY / top).rglob("*.py"):
            plain = path.name in {"__init__.py", "__main__.py"}
            assert plain or path in told or any(folder in told for folder in path.parents), path


# --- what is said of files is so


def test_words_fold_as_the_tables_say() -> None:
    """Each word of the tables becomes what its row says, and each known word has a row."""
    statuses, told = section("reading-files", "Words"), set()
    for becomes, written in cells(statuses):
        target = code(becomes)[0]
        fold = words.fold_status if target in {*words.STATUS.values()} else words.fold_priority
        for word in code(written):
            assert fold(word.replace("…", "backend")) == target, word
            told.add(word)
        if "any other" in written:
            assert fold("another word") == target
        if "no word" in written:
            assert fold(None) == fold(" ") == target
    assert words.STATUS.keys() | words.PRIORITY.keys() <= told
    assert {word for word in words.ITEM_STATUS if word not in words.STATUS} <= set(code(statuses))


def test_times_are_read_as_the_table_says() -> None:
    """Each example is a time."""
    for written, _ in cells(section("reading-files", "Times and numbers")):
        for example in code(written):
            assert parse_moment(int(example) if example.isdigit() else example), example


def contents(title: str) -> list[tuple[str, str]]:
    """Return the literal contents of a table, each with what the page says comes of it."""
    rows = cells(section("reading-files", title))
    return [(code(row[0])[0], code(row[1])[0]) for row in rows if re.fullmatch(r"`[^`]+`", row[0])]


@pytest.mark.parametrize(("content", "note"), contents("What is noted"))
def test_what_is_noted_is_read_and_noted(content: str, note: str) -> None:
    """The file counts, and its note is the one that the page promises."""
    family = compound_state(Options())
    reading = read(content.encode(), Options())
    bundle, path = Bundle("default", "session-1"), "session-1/backend.json"
    projection = family.project(bundle, {path: reading.document}, Past(Held()))
    assert note in (*reading.notes, *projection.notes.get(path, ()))


@pytest.mark.parametrize(("content", "reason"), contents("What is refused"))
def test_what_is_refused_is_refused_for_that_reason(content: str, reason: str) -> None:
    """The reason is the one that the page promises."""
    with pytest.raises(DocumentError) as refusal:
        read(content.encode(), Options())
    assert reason in refusal.value.message


# --- examples run


def command_lines() -> list[str]:
    """Return every line of a shell block that runs ``syncd`` or asks the database."""
    lines = [line for page in pages() for block in blocks(page, "sh") for line in block.splitlines()]
    lines = [re.sub(r"\s+#.*", "", line).strip() for line in lines]
    return [*dict.fromkeys(line for line in lines if re.search(r"\bsyncd\b(?!\.)", line) and "install" not in line)]


@pytest.mark.parametrize("line", command_lines())
def test_every_command_line_runs(line: str, project: Path) -> None:
    """Exit code 0, or 1 because one file of the example is torn."""
    (project / "bin").mkdir()
    program = project / "bin" / "syncd"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m syncd "$@"\n')
    program.chmod(0o755)
    (project / ".config/fish/completions").mkdir(parents=True)
    surroundings = environment() | {"HOME": str(project)}
    surroundings["PATH"] = f"{program.parent}:{surroundings['PATH']}"
    line = line.replace("$(syncd completion zsh)", "$(syncd completion zsh >script && echo :)")  # bash cannot run it
    ended = subprocess.run(
        ["bash", "-c", line], cwd=project, env=surroundings, capture_output=True, text=True, check=False
    )
    assert ended.returncode in {0, 1}, ended.stderr
    assert "Traceback" not in ended.stderr
    assert not ended.stderr.startswith("error:"), ended.stderr


def questions() -> list[str]:
    """Return every SQL statement in the pages, those that are handed to the sqlite3 shell included."""
    found = [block for page in pages() for block in blocks(page, "sql")]
    found += re.findall(r"(?m)^sqlite3 \S+ \"(.*)\"$", everything())
    return [*dict.fromkeys(" ".join(each.split()) for block in found for each in block.split(";") if each.strip())]


@pytest.mark.parametrize("question", questions())
def test_every_question_is_answered(question: str, synced: Path) -> None:
    """SQLite takes each statement as it is written, on a connection that cannot write."""
    with closing(connect(synced)) as connection:
        connection.execute(question).fetchall()


def indexed() -> list[str]:
    """Return the questions of which the page says that an index serves them."""
    block = blocks("tables", "sql")[0]
    return [each.strip() for each in block.split(";") if each.strip()]


@pytest.mark.parametrize("question", indexed())
def test_an_index_serves_what_is_said_to_be_served(question: str, synced: Path) -> None:
    """No table is read from one end to the other."""
    with closing(connect(synced)) as connection:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {question}")]
    assert plan
    assert not [step for step in plan if step.startswith("SCAN")]


@pytest.mark.parametrize("block", [*blocks("README", "python"), *blocks("tables", "python")])
def test_every_python_example_runs(block: str, synced: Path) -> None:
    """A reader's code opens the database and finds something in it."""
    ended = subprocess.run(
        [sys.executable, "-c", block], cwd=synced, env=environment(), capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


def test_the_configuration_example_is_understood(tmp_path: Path) -> None:
    """The settings of the example have the values that are written there."""
    (tmp_path / "syncd.toml").write_text(blocks("settings", "toml")[0])
    found = load({}, {"HOME": str(tmp_path)}, tmp_path)
    assert [root.workspace for root in found.root] == ["default", "web"]
    assert found.origins["naive_timezone"] == str(tmp_path / "syncd.toml")


# --- JSON has the fields that are told


def fields(value: Any) -> set[str]:
    """Return the keys of a record, and of the records in its lists."""
    if isinstance(value, list):
        return {name for each in value for name in fields(each)}
    if not isinstance(value, dict):
        return set()
    return {*value} | {name for each in value.values() if isinstance(each, list) for name in fields(each)}


@pytest.mark.parametrize(
    ("title", "arguments"),
    [
        ("syncd sync --json", ["sync"]),
        ("syncd sync --json", ["sync", "--dry-run", "--database", "none.db"]),
        ("syncd verify --json", ["verify"]),
        ("syncd status --json", ["status"]),
        ("syncd show --json", ["show"]),
        ("syncd show SESSION_ID --json", ["show", SESSION]),
        ("syncd quarantine --json", ["quarantine"]),
        ("syncd config show --json", ["config", "show"]),
    ],
)
def test_every_json_field_is_told(title: str, arguments: list[str], project: Path) -> None:
    """Top-level fields are the rows of the section; those within are named there, or are columns of a table or view."""
    if arguments == ["verify"]:
        with closing(sqlite3.connect(project / ".compound-state/agent-service.db")) as connection, connection:
            connection.execute("UPDATE tasks SET priority = 'low'")
    printed = json.loads(run(project, *arguments, "--json").stdout)
    told = section("settings", f"`{title}`")
    top = [name for row in cells(told) for name in code(row[0])]
    assert sorted(top) == sorted(printed)
    columns: set[str] = set()
    for name in re.findall(r"tables\.md#(\w+)", told):
        columns |= {*(TABLES[name].columns if name in TABLES else code(section("tables", f"`{name}`")))}
    assert fields(printed) - columns <= set(code(told))


def test_an_error_is_told_as_json(tmp_path: Path) -> None:
    """The object on standard error has the fields that the page lists, and the exit code."""
    ended = run(tmp_path, "status", "--json")
    record = json.loads(ended.stderr)
    assert record["exit_code"] == ended.returncode == 3
    assert record.keys() <= set(code(section("settings", "JSON")))


# --- links and commands beside ours


def links() -> list[tuple[str, str]]:
    """Return each relative link with the page that it stands on."""
    found = [(page, link) for page in pages() for link in re.findall(r"\]\(([^)\s]+)\)", text_of(page))]
    return [(page, link) for page, link in found if "://" not in link]


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as they are made on the web."""
    titles = re.findall(r"(?m)^#+ (.+)$", without_code(path.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize(("page", "link"), links())
def test_every_link_leads_somewhere(page: str, link: str) -> None:
    """The file is there, and the heading in it."""
    here = README if page == "README" else REPOSITORY / "docs" / f"{page}.md"
    path, _, anchor = link.partition("#")
    target = here.parent / path if path else here
    assert target.exists()
    assert not anchor or anchor in anchors(target)


def test_every_errand_of_the_dev_script_exists() -> None:
    """``./dev`` knows each word that the pages give it."""
    known = set(re.findall(r"(?m)^    (\w+)[ )|]", (REPOSITORY / "dev").read_text(encoding="utf-8")))
    assert set(re.findall(r"\./dev (\w+)", everything())) <= known
