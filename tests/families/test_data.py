"""The directory ``data``: its rows come and go with it, and the roster falls back to what is built in."""

import json
import shutil
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given

from syncd.core.family import Past, Projection
from syncd.core.patience import Patience
from syncd.engine import Pass
from syncd.families.compound_state import Options, compound_state
from syncd.families.roster import BUILT_IN
from syncd.verify import verify
from syncd_models.documents.business import BUSINESS
from syncd_models.schema import TABLES
from syncd_models.values import Bundle, Held, Row
from tests import reference
from tests.trees import Tree, trees, write_tree
from tests.workbench import Rows, Workbench, workbench

FAMILY = compound_state(Options())
MEMBERS = {"teams": TABLES["teams"].columns[:-1], "agents": TABLES["agents"].columns[:-1]}


def projected(files: dict[str, object], workspace: str = "default", past: Past | None = None) -> Projection:
    """Project the files of a data directory, by table."""
    raw = {f"data/{table}.json": json.dumps(written).encode() for table, written in files.items()}
    documents = {path: FAMILY.read(path, data).document for path, data in raw.items()}
    return FAMILY.project(Bundle(workspace, "data"), documents, past or Past(Held()))


def put(bench: Workbench, **files: object) -> None:
    """Write files of the data directory, by table."""
    write_tree(bench.root, {f"data/{table}.json": json.dumps(written).encode() for table, written in files.items()})


def hasty() -> Pass:
    """Return a pass that takes an absence at its word."""
    return Pass(patience=Patience(grace=0.0))


def built_in() -> Rows:
    """Return the built-in roster by column."""
    return {
        table: {str(row[0]): dict(zip(MEMBERS[table], row, strict=True)) for row in rows}
        for table, rows in BUILT_IN.items()
    }


def assert_level(*benches: Workbench) -> None:
    """Hold the database to its files: nothing drifts, and another sync has nothing to do."""
    assert verify([bench.source for bench in benches], benches[0].store).differences == []
    assert [step for bench in benches for step in bench.sync()] == []


# Ids


@pytest.mark.parametrize(
    "own", ["web/data/1", "web/session-1/1", "web/orchestrator-1/x/y", "session-1/1", "orchestrator-1/a/b"]
)
def test_an_id_that_another_bundle_may_give_is_refused(own: str) -> None:
    """So that what a row is does not hang on who came first."""
    projection = projected({"leads": [{"id": own}, {"id": "fine"}]})
    assert [row[0] for row in projection.rows["leads"]] == ["fine"]
    (note,) = projection.notes["data/leads.json"]
    assert note == f"the id {own} is one that another workspace or a session may give; this entry gives no row"


@pytest.mark.parametrize("own", ["a/b", "a/b/session-1", "data/1", "session-1", "web/data", "x/session", "a/data-1/x"])
def test_any_other_id_is_fine(own: str) -> None:
    """Slashes are no harm by themselves."""
    assert [row[0] for row in projected({"leads": [{"id": own}]}).rows["leads"]] == [own]


def test_ids_of_another_workspace_begin_with_its_directory() -> None:
    """No two workspaces give the same id, whatever they call their records."""
    projection = projected({"leads": [{"id": "a"}, {}, {"id": "session-1/a"}, {"id": "x/data/1"}]}, "web")
    assert [row[0] for row in projection.rows["leads"]] == [
        *("web/data/a", "web/data/1", "web/data/session-1/a", "web/data/x/data/1"),
    ]
    assert projection.notes == {}


def test_of_two_records_with_one_id_the_last_counts() -> None:
    """A position may be the id of another."""
    projection = projected({"leads": [{}, {"id": "0", "company": "last"}]})
    assert [(row[0], row[4]) for row in projection.rows["leads"]] == [("0", "last")]
    assert projection.notes == {"data/leads.json": ("the id 0 stands twice; the last one counts",)}


def test_notes_on_ids_are_few() -> None:
    """A file of nothing but bad ids does not fill the ledger."""
    notes = projected({"leads": [{"id": "web/data/1"}] * 30}).notes["data/leads.json"]
    assert len(notes) == 21
    assert notes[-1] == "10 more of that kind"


# The roster


@pytest.mark.parametrize(
    ("entry", "row"),
    [
        (
            {"id": "db-architect"},
            ("agent-db-architect", "team-unassigned", "Db Architect", None, None, None, 1),
        ),
        (
            {"id": "agent-db-architect", "team": "Growth Hacks", "name": "N", "role": "R", "emoji": "E", "model": "M"},
            ("agent-db-architect", "team-growth-hacks", "N", "R", "E", "M", 1),
        ),
        (
            {"id": 7, "teamId": "team-marketing", "preferredModel": "haiku", "isActive": False},
            ("agent-7", "team-marketing", "7", None, None, "haiku", False),
        ),
        (
            {"id": "quill", "llmPreference": "opus", "model": "haiku", "name": " "},
            ("agent-quill", "team-marketing", "Quill", "Speaks on social channels", "📣", "opus", 1),
        ),
        (
            {"id": "senior-code-reviewer", "preferred_model": "haiku", "team_id": 5},
            ("agent-senior-reviewer", "team-engineering", "Senior Reviewer", ..., "🧐", "haiku", 1),
        ),
    ],
)
def test_an_agent_is_what_its_file_says(entry: object, row: tuple[object, ...]) -> None:
    """What it does not say is as it is built in, or made from the id."""
    (found,) = projected({"agents": [entry]}).rows["agents"]
    assert all(right in (..., value) for right, value in zip((*row, "data/agents.json"), found, strict=True))


@pytest.mark.parametrize(
    ("written", "row"),
    [
        ([{"id": "Engineering", "description": "D"}], ("team-engineering", "Engineering", "engineering", "D")),
        ({"team-growth-hacks": {}}, ("team-growth-hacks", "Growth Hacks", None, None)),
        ({"growth": "The Growth Team"}, ("team-growth", "The Growth Team", None, None)),
    ],
)
def test_a_team_is_what_its_file_says(written: object, row: tuple[object, ...]) -> None:
    """Its id may be written as a name."""
    assert projected({"teams": written}).rows["teams"] == [(*row, "data/teams.json")]


def test_members_without_an_id_give_no_row() -> None:
    """A position is no name for anybody."""
    projection = projected({"agents": [{"name": "N"}, "text"], "teams": [{"id": "a"}, {"id": "team-a", "name": "B"}]})
    assert projection.rows["agents"] == []
    assert [row[1] for row in projection.rows["teams"]] == ["B"]
    assert projection.notes == {
        "data/agents.json": ("/0: has no id, gives no row", "/1: has no id, gives no row"),
        "data/teams.json": ("the id team-a stands twice; the last one counts",),
    }


def test_the_teams_of_agents_are_there() -> None:
    """One that no file knows is made; one that a file gives is not made as well."""
    files = {"agents": [{"id": "a", "team": "new"}, {"id": "b", "team": "new"}, {"id": "c", "team": "told"}]}
    projection = projected({**files, "teams": [{"id": "told"}]})
    assert projection.references == {"agents": [], "teams": [("team-new", "New", None, None, None)]}


def test_only_the_default_workspace_has_a_roster() -> None:
    """Agents are shared by all workspaces; the file of another one is noted."""
    projection = projected({"agents": [{"id": "a"}], "teams": [], "leads": [{}]}, "web")
    assert [table for table, rows in projection.rows.items() if rows] == ["leads"]
    note = ("agents and teams are those of the default workspace; this file gives no row",)
    assert projection.notes == {"data/agents.json": note, "data/teams.json": note}


def test_everybody_who_is_held_is_told_of() -> None:
    """Who left the file is as if made anew; who came from a file that cannot speak stays."""
    held: dict[str, Row] = {
        "agent-backend": ("agent-backend", "team-x", "By hand", None, None, None, 0, None, 3),
        "agent-left": ("agent-left", "team-x", "Left", None, None, None, 0, "data/agents.json", 3),
    }
    past = Held({}, {"agents": held, "teams": {"team-x": ("team-x", "X!", None, None, None, 0)}})
    rows = {str(row[0]): row for row in projected({}, past=Past(past)).rows["agents"]}
    assert rows["agent-backend"] == next(row for row in BUILT_IN["agents"] if row[0] == "agent-backend")
    assert rows["agent-left"][2:] == ("Left", None, None, None, 1, None)
    kept = projected({}, past=Past(past, frozenset({"data/agents.json"}))).rows
    assert held["agent-left"][:-1] in kept["agents"]
    assert kept["teams"] == [("team-x", "X", None, None, None)]


# On disk and in the database


@pytest.mark.parametrize("table", BUSINESS)
def test_every_business_table_is_filled_from_data_and_from_a_section(bench: Workbench, table: str) -> None:
    """The database has the bare id and its value of the one, and the session's of the other."""
    main = BUSINESS[table].main
    put(bench, **{table: [{"id": "one", main: "of data"}]})
    write_tree(bench.root, {"session-1/a.json": json.dumps({table: {"two": {main: "of a section"}}}).encode()})
    bench.sync()
    said = {row_id: (row[main], row["source_path"]) for row_id, row in bench.rows()[table].items()}
    assert said == {
        "one": ("of data", f"data/{table}.json"),
        "session-1/two": ("of a section", "session-1/a.json"),
    }
    assert_level(bench)


def test_business_rows_come_and_go_with_their_file(bench: Workbench) -> None:
    """A section stays with its session when the data directory leaves."""
    put(bench, leads=[{"id": "a"}, {"id": "b"}])
    write_tree(bench.root, {"session-1/a.json": b'{"leads": {"s": {}}}'})
    bench.sync()
    assert [*bench.rows()["leads"]] == ["a", "b", "session-1/s"]
    put(bench, leads=[{"id": "b"}])
    bench.sync()
    assert [*bench.rows()["leads"]] == ["b", "session-1/s"]
    shutil.rmtree(bench.root / "data")
    bench.sync(hasty())
    assert [*bench.rows()["leads"]] == ["session-1/s"]
    assert_level(bench)


def test_a_torn_file_keeps_its_rows_and_its_agents(bench: Workbench) -> None:
    """Its neighbours go on."""
    put(bench, leads=[{"id": "a"}], agents=[{"id": "x", "emoji": "E", "team": "new"}], rewards=[{"id": "r"}])
    bench.sync()
    write_tree(bench.root, {"data/leads.json": b"[{", "data/agents.json": b"", "data/rewards.json": b"[]"})
    bench.sync()
    rows = bench.rows()
    assert ([*rows["leads"]], [*rows["rewards"]]) == (["a"], [])
    assert rows["agents"]["agent-x"]["emoji"] == "E"
    assert_level(bench)


@pytest.mark.parametrize("away", ["entry", "file", "directory"])
def test_a_member_that_leaves_falls_back(bench: Workbench, away: str) -> None:
    """Agents and teams are never removed, for tasks point at them."""
    put(bench, agents=[{"id": "x", "emoji": "E", "team": "t"}, {"id": "backend", "emoji": "E"}], teams=[{"id": "t"}])
    write_tree(bench.root, {"session-1/x.json": b"{}"})
    bench.sync()
    if away == "entry":
        put(bench, agents=[])
    elif away == "file":
        (bench.root / "data" / "agents.json").unlink()
    else:
        shutil.rmtree(bench.root / "data")
    bench.sync(hasty())
    found = bench.rows()["agents"]
    assert [(found[f"agent-{stem}"]["emoji"], found[f"agent-{stem}"]["team_id"]) for stem in ("x", "backend")] == [
        (None, "team-unassigned"),
        ("⚙️", "team-engineering"),
    ]
    assert found["agent-x"]["source_path"] is None
    assert bench.rows()["teams"]["team-t"]["source_path"] == (None if away == "directory" else "data/teams.json")
    assert_level(bench)


def test_a_row_that_somebody_edited_is_brought_back(bench: Workbench) -> None:
    """The files are the truth, also of those who are in no file."""
    put(bench, agents=[{"id": "x", "emoji": "E"}])
    bench.sync()
    bench.store.connection.execute("UPDATE agents SET emoji = '!' WHERE id IN ('agent-x', 'agent-backend')")
    assert len(verify([bench.source], bench.store).differences) == 2
    put(bench, agents=[{"id": "x", "emoji": "E", "role": "R"}])
    bench.sync()
    emojis = {row_id: row["emoji"] for row_id, row in bench.rows()["agents"].items()}
    assert (emojis["agent-x"], emojis["agent-backend"]) == ("E", "⚙️")
    assert_level(bench)


def test_two_workspaces_share_the_tables_and_not_the_rows(bench: Workbench) -> None:
    """The same ids in two data directories are two rows, and only one directory has a roster."""
    with closing(Workbench(bench.root.with_name("web"), bench.database, "web")) as web:
        for each in (bench, web):
            put(each, leads=[{"id": "a", "company": each.workspace}], agents=[{"id": "x", "role": each.workspace}])
            each.sync()
        assert {key: row["company"] for key, row in bench.rows()["leads"].items()} == {
            "a": "default",
            "web/data/a": "web",
        }
        assert bench.rows()["agents"]["agent-x"]["role"] == "default"
        shutil.rmtree(bench.root / "data")
        bench.sync(hasty())
        assert [*bench.rows()["leads"]] == ["web/data/a"]
        assert_level(bench, web)


def test_the_leaderboard_counts_tasks_and_rewards_apart(bench: Workbench) -> None:
    """Two completed tasks and two rewards are twenty XP and two rewards; half a point counts too."""
    rewards: list[dict[str, Any]] = [
        {"entity_type": "agent", "entity_id": "agent-backend", "reward_value": 30},
        {"entity_type": "AGENT", "entity_id": "backend", "reward_value": 55},
        {"entity_id": "backend", "reward_value": 5},
        {"entity_type": "team", "entity_id": "backend", "reward_value": 1000},
        {"entity_type": "agent", "entity_id": "frontend", "reward_value": -50},
        {"entity_type": "agent", "entity_id": "planner", "reward_value": 99.5},
        {"entity_type": "agent", "entity_id": "loki"},
    ]
    put(bench, rewards=rewards)
    done = b'{"status": "done"}'
    write_tree(
        bench.root, {"session-1/backend.json": done, "session-2/backend.json": done, "session-1/loki.json": done}
    )
    bench.sync()
    found = bench.store.query(
        "SELECT agent_id, completed, xp, level FROM v_leaderboard WHERE xp <> 0 ORDER BY agent_id"
    )
    assert found == [
        ("agent-backend", 2, 110, 2),
        ("agent-frontend", 0, -50, 1),
        ("agent-loki", 1, 10, 1),
        ("agent-planner", 0, 99.5, 1),
    ]
    assert type(found[0][2]) is int


@given(trees(max_sessions=2))
def test_the_roster_is_that_of_the_reference(tree: Tree) -> None:
    """Whatever is written, all agents and teams are there, and are what their files say."""
    with workbench() as bench:
        write_tree(bench.root, tree)
        bench.sync()
        rows = reference.project(bench.root)
        assert bench.rows(["agents", "teams"]) == reference.roster(bench.root, rows, built_in())
