"""Entries of business tables, in files of ``data`` and in sections of state files: what is read, and what is noted."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, get_args

import pytest
from sqlmodel import SQLModel

from syncd.core.family import Past, Projection, Reading
from syncd.errors import DecodeError, ShapeError
from syncd.families.business import COLUMNS, KINDS, TIMES, few
from syncd.families.compound_state import Options, compound_state
from syncd_models.documents.business import BUSINESS, camel
from syncd_models.rows import business, work
from syncd_models.schema import TABLES
from syncd_models.values import Bundle, Checkpoint, Held

FAMILY = compound_state(Options())
MODELS: dict[str, type[SQLModel]] = {
    str(model.__tablename__): model
    for module in (business, work)
    for model in vars(module).values()
    if isinstance(model, type) and issubclass(model, SQLModel) and model is not SQLModel
}


def read(table: str, written: object, options: Options | None = None) -> Reading:
    """Read one file of ``data``."""
    family = compound_state(options) if options else FAMILY
    return family.read(f"data/{table}.json", json.dumps(written).encode())


def rows_of(table: str, written: object, *columns: str) -> list[tuple[Any, ...]]:
    """Return a few columns of what one file of ``data`` gives."""
    path = f"data/{table}.json"
    projection = FAMILY.project(Bundle("default", "data"), {path: read(table, written).document}, Past(Held()))
    rows = [dict(zip(TABLES[table].columns, row, strict=False)) for row in projection.rows[table]]
    return [tuple(row[column] for column in columns) for row in rows]


def session(files: Mapping[str, object], past: Past | None = None) -> tuple[Projection, dict[str, tuple[str, ...]]]:
    """Project the files of one session, by stem, and return all notes by stem."""
    readings = {
        stem: FAMILY.read(f"session-1/{stem}.json", json.dumps(found).encode()) for stem, found in files.items()
    }
    documents = {f"session-1/{stem}.json": reading.document for stem, reading in readings.items()}
    projection = FAMILY.project(Bundle("default", "session-1"), documents, past or Past(Held()))
    more = {stem: projection.notes.get(f"session-1/{stem}.json", ()) for stem in files}
    return projection, {stem: (*readings[stem].notes, *more[stem]) for stem in files}


# Files of data


@pytest.mark.parametrize(
    ("written", "ids"),
    [
        ([{"id": "a"}, {"id": 7}, {}], ["a", "7", "2"]),
        ({"a": {}, "b": {"id": "own"}, "": {}}, ["a", "own", "2"]),
        ({"version": 1, "leads": [{"id": "a"}]}, ["a"]),
        ({"leads": {"a": {}, "b": "Bob"}}, ["a", "b"]),
        ({"leads": None, "b": {}}, ["b"]),
        ([], []),
        ({}, []),
        ([{"id": "i" * 255}, {"id": "i" * 256}, {"id": " "}, {"id": 2**63}, {"id": True}], ["i" * 255, *"1234"]),
        ({"i" * 256: {}, "b": {"id": "i" * 256}, "c": {"id": []}}, ["0", "b", "c"]),
    ],
)
def test_a_file_is_a_list_or_an_object_by_id(written: object, ids: list[str]) -> None:
    """Either may stand under the table's own name; who has no id has its position."""
    assert rows_of("leads", written, "id") == [(each,) for each in ids]


@pytest.mark.parametrize(
    ("written", "odd"),
    [
        (5, "a number"),
        ("text", "text"),
        (None, "null"),
        (True, "true or false"),
        ({"id": "a", "contact_name": "Ann"}, "a single record"),
        ({"leads": {"contactName": "Ann"}}, "a single record"),
    ],
)
def test_what_lists_nothing_is_refused(written: object, odd: str) -> None:
    """A refusal says what stands there and what should."""
    with pytest.raises(ShapeError) as refusal:
        read("leads", written)
    wanted = "where data/leads.json is a list of objects, or an object of them by id"
    assert refusal.value.message == f"holds {odd} {wanted}"


def test_torn_files_are_refused_and_unknown_ones_are_noted() -> None:
    """A file that is named for no table gives no row, whatever it holds."""
    with pytest.raises(DecodeError, match="expecting"):
        FAMILY.read("data/leads.json", b'[{"id": ')
    document, notes = FAMILY.read("data/other.json", b"torn {")
    assert notes[0].startswith("data/other.json is no table that syncd knows, so it gives no row; the tables are ach")
    projection = FAMILY.project(Bundle("default", "data"), {"data/other.json": document}, Past(Held()))
    assert not any(projection.rows.values())


@pytest.mark.parametrize("table", BUSINESS)
def test_text_alone_says_the_main_thing(table: str) -> None:
    """A list of names is a list of records; blank text is none."""
    main = KINDS[table].main
    assert rows_of(table, ["one", " ", "two"], "id", main) == [("0", "one"), ("2", "two")]


def test_what_is_no_entry_is_noted() -> None:
    """It gives no row, and its neighbours keep their positions; null says nothing."""
    assert read("leads", [5, None, {}]).notes == ("/0: wrong type, read as absent",)
    assert read("leads", {"leads": {"a/b": [], "c": True}}).notes == (
        "/leads/a~1b: wrong type, read as absent",
        "/leads/c: wrong type, read as absent",
    )
    assert rows_of("leads", [5, None, {}], "id") == [("2",)]


def test_notes_are_few() -> None:
    """A file full of nonsense does not fill the ledger."""
    notes = read("leads", [{"score": "x", "created_at": "never"}] * 50).notes
    assert len(notes) == 42
    assert notes[20] == "30 more of the wrong type"
    assert notes[-1] == "30 more of that kind"
    assert few(["a"]) == ["a"]
    assert len(read("leads", {"k" * 5000: 5}).notes[0]) < 200


# Columns

SAMPLES: dict[type, tuple[object, object]] = {
    str: ("text", "text"),
    int: (7.0, 7),
    float: (7, 7.0),
    bool: (True, True),
    datetime: ("2026-02-08T10:00:00+02:00", "2026-02-08 08:00:00"),
}
JSON = {"channels": ["a"], "deliverables": ["a"], "sample_commands": ["a"], "metrics": {"a": 1}, "config": {"a": 1}}


def kind_of(table: str, column: str) -> type:
    """Return the type of a column."""
    annotation = MODELS[table].model_fields[column].annotation
    return next(kind for kind in SAMPLES if kind is annotation or kind in get_args(annotation))


@pytest.mark.parametrize("spelling", [str, camel])
@pytest.mark.parametrize("table", BUSINESS)
def test_every_column_is_read_in_both_spellings(table: str, spelling: Any) -> None:
    """As the column is called, and in camel case."""
    entry, wanted = {}, {}
    for column in COLUMNS[table]:
        written, right = SAMPLES[kind_of(table, column)]
        if column in JSON:
            written = JSON[column]
            right = json.dumps(written, separators=(",", ":"))
        entry[spelling(column)], wanted[column] = written, right
    ((*found,),) = rows_of(table, [{"id": "x", **entry}], *COLUMNS[table])
    assert dict(zip(COLUMNS[table], found, strict=True)) == wanted
    assert [type(value) for value in found] == [type(value) for value in wanted.values()]
    assert read(table, [entry]).notes == ()


@pytest.mark.parametrize("table", KINDS)
def test_the_times_are_the_columns_that_hold_times(table: str) -> None:
    """A column's name says whether it is a time."""
    assert {name for name in COLUMNS[table] if kind_of(table, name) is datetime} == {*TIMES[table]} & {*COLUMNS[table]}


@pytest.mark.parametrize(
    ("entry", "columns"),
    [
        ({"contact_name": "A", "contactName": "B", "contact": {"name": "C"}}, ("A", None)),
        ({"contact_name": " ", "contactName": "B"}, ("B", None)),
        ({"contact_name": 5, "contactName": None, "contact": {"name": "C", "email": "c@x"}}, ("C", "c@x")),
        ({"contact": {"name": 5, "email": " "}}, (None, None)),
        ({"contact": "Ann"}, (None, None)),
        ({"contact": ["Ann"]}, (None, None)),
    ],
)
def test_the_first_spelling_that_says_anything_counts(entry: object, columns: tuple[object, ...]) -> None:
    """One of the wrong type, or blank, gives way to the next."""
    assert rows_of("leads", [entry], "contact_name", "contact_email") == [columns]


@pytest.mark.parametrize(
    ("entry", "time", "notes"),
    [
        ({"issued_at": 0, "issuedAt": 60}, "1970-01-01 00:00:00", ()),
        ({"issued_at": "never", "issuedAt": 60}, "1970-01-01 00:01:00", ("/0/issued_at: not a time, read as absent",)),
        ({"issued_at": "never"}, None, ("/0/issued_at: not a time, read as absent",)),
        ({"issued_at": [], "issuedAt": 60}, "1970-01-01 00:01:00", ("/0/issued_at: wrong type, read as absent",)),
        ({"issued_at": True}, None, ("/0/issued_at: wrong type, read as absent",)),
        ({"issued_at": None, "issuedAt": " "}, None, ()),
    ],
)
def test_a_time_that_cannot_be_read_is_noted(entry: object, time: str | None, notes: tuple[str, ...]) -> None:
    """The other spelling is asked then."""
    assert rows_of("rewards", [entry], "issued_at") == [(time,)]
    assert read("rewards", [entry]).notes == notes


def test_a_time_without_an_offset_is_in_the_zone_that_is_set() -> None:
    """The setting counts for naive times alone."""
    options = Options(naive_timezone=timezone(timedelta(hours=2)))
    document, _ = read("rewards", [{"issued_at": "2026-02-08T10:00:00"}], options)
    assert document.listed[0].values[-1] == "2026-02-08 08:00:00"


@pytest.mark.parametrize(
    ("table", "column", "written", "held"),
    [
        ("campaigns", "channels", "mail", '["mail"]'),
        ("campaigns", "channels", ["é", 1, None, {"a": []}], '["é",1,null,{"a":[]}]'),
        ("campaigns", "channels", {"a": 1}, None),
        ("campaigns", "metrics", {"a": {"b": 1.0}}, '{"a":{"b":1}}'),
        ("campaigns", "metrics", [1], None),
        ("integrations", "config", "host=h", None),
        ("leads", "score", 1e300, 1e300),
        ("leads", "score", 10**400, None),
        ("leads", "score", "5", None),
        ("content", "word_count", 2.5, None),
        ("content", "word_count", 2**63, None),
        ("achievements", "xp", True, None),
        ("repositories", "is_active", 1, None),
        ("repositories", "is_active", False, False),
    ],
)
def test_a_value_of_the_wrong_type_is_absent(table: str, column: str, written: object, held: object) -> None:
    """It is noted, and everything else counts."""
    found = rows_of(table, [{"id": "x", column: written}], "id", column)
    assert found == [("x", held)]
    noted = (f"/0/{column}: wrong type, read as absent",) if held is None else ()
    assert read(table, [{column: written}]).notes == noted


def test_text_under_an_id_of_integrations_may_be_a_credential() -> None:
    """It gives no row, and neither does whatever stands under the name of a credential."""
    written = {"mail": "made-up", "api_key": {"name": "made-up"}, "blog": {"name": "Blog"}}
    assert rows_of("integrations", written, "id", "name", "has_credentials") == [("blog", "Blog", False)]
    assert read("integrations", written).notes == (
        "/mail: may be a credential, read as absent",
        "/api_key: may be a credential, read as absent",
    )


# Sections


@pytest.mark.parametrize("stem", ["session", "orchestrator", "jarvis", "backend"])
def test_any_file_of_a_session_may_have_sections(stem: str) -> None:
    """Ids begin with the session's; who has none is told by file and position."""
    section = [{"title": "T"}, {"id": "own", "title": "O"}]
    projection, notes = session({stem: {"content": section, "rewards": {"r": {"reason": "good"}}}})
    assert [row[:2] for row in projection.rows["content"]] == [
        (f"session-1/{stem}/0", "T"),
        ("session-1/own", "O"),
    ]
    assert projection.rows["rewards"] == [("session-1/r", None, None, None, "good", None, f"session-1/{stem}.json")]
    assert notes == {stem: ()}


def test_a_file_without_sections_is_as_before() -> None:
    """Neither a key that is called so nor a table of sessions is a section."""
    projection, notes = session({"backend": {"sections": {"content": [{}]}, "content": None, "agents": [{"id": "x"}]}})
    assert not BUSINESS.keys() & projection.rows.keys()
    assert notes == {"backend": ()}
    assert FAMILY.read("session-1/a.json", b'{"sections": 5}') == FAMILY.read("session-1/a.json", b"{}")


@pytest.mark.parametrize(
    ("section", "note"),
    [
        ({"content": 5}, "/content: wrong type, read as absent"),
        ({"content": [5]}, "/content/0: wrong type, read as absent"),
        ({"content": {"a": {"wordCount": "many"}}}, "/content/a/wordCount: wrong type, read as absent"),
        ({"content": [{"publishedAt": "soon"}]}, "/content/0/publishedAt: not a time, read as absent"),
        ({"content": {"title": "T"}}, "/content: a single record where a list of them belongs, read as absent"),
        ({"content": [{"id": "a"}, {"id": "a"}]}, "the id session-1/a stands twice; the last one counts"),
    ],
)
def test_what_is_odd_about_a_section_is_noted(section: object, note: str) -> None:
    """The file counts all the same."""
    projection, notes = session({"backend": section})
    assert notes == {"backend": (note,)}
    assert len(projection.rows["tasks"]) == 1


def test_of_two_entries_with_one_id_the_last_counts() -> None:
    """Files come in the order of their paths, and the later one is noted."""
    files = {"vision": {"content": {"a": {"title": "late"}}}, "loki": {"content": {"a": {"title": "early"}}}}
    for order in (files, dict(reversed(files.items()))):
        projection, notes = session(order)
        assert [row[1] for row in projection.rows["content"]] == ["late"]
        assert notes == {"loki": (), "vision": ("the id session-1/a stands twice; the last one counts",)}


@pytest.mark.parametrize(("silent", "title"), [("a", "readable"), ("z", None)])
def test_a_file_that_cannot_speak_keeps_its_rows_against_earlier_ones(silent: str, title: str | None) -> None:
    """As if it still stood where it stands in the order of paths."""
    before, _ = session({silent: {"content": {"x": {"title": "kept"}}}})
    path = f"session-1/{silent}.json"
    rows = {table: {str(row[0]): (*row, 1) for row in found} for table, found in before.rows.items()}
    held = Held({path: Checkpoint(path, 1, 1, 1, 1, "digest", 2, "ok", 1)}, rows)
    projection, _ = session({"m": {"content": {"x": {"title": "readable"}}}}, Past(held, frozenset({path})))
    assert [row[1] for row in projection.rows.get("content", [])] == ([title] if title else [])
