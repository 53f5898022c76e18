"""Credentials of integrations reach no row, no note and no quarantine, wherever they are planted."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from syncd.core.decode import Limits
from syncd.core.family import Past
from syncd.errors import DocumentError
from syncd.families.compound_state import Options, compound_state
from syncd.families.credentials import bare, cleared, discreet, holds, is_credential, speaks_of_integrations
from syncd_models.values import Bundle, Fault, Held
from tests.trees import write_tree
from tests.workbench import Workbench

MARK = "zq-made-up"
KEYS = (
    *("password", "SMTP_PASSWORD", "dbPass", "pwd", "client-secret", "X-Api-Key", "accessToken2", "Authorization"),
    *(
        "contraseña",
        "Mot de passe",
        "\uff30\uff21\uff33\uff33\uff37\uff2f\uff32\uff24",
        "пароль",
        "private.key.pem",
        "sessionCookie",
        "webhook_url",
    ),
    *("DSN", "connectionString", "AUTH", "recovery codes", "kubeconfig", "signing-seed", "SAS", "APIKEY", "MY_CREDS"),
)
SECRETS = {key: f"{MARK}-{n}" for n, key in enumerate(KEYS)}


@pytest.mark.parametrize("name", KEYS)
def test_a_name_of_a_credential_is_known(name: str) -> None:
    """Case, separators, accents and width do not matter."""
    assert is_credential(name)


@pytest.mark.parametrize(
    "name", ["host", "port", "url", "region", "brand", "author", "passenger", "keyboard", "signal", "", "Ω", "7"]
)
def test_other_names_are_not(name: str) -> None:
    """A word that merely begins like one is none."""
    assert not is_credential(name)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("smtp.example", "smtp.example"),
        ("https://user:zq@host.example/a?b=1#c", "https://host.example/a"),
        ("https://zq@host.example", "https://host.example"),
        ("postgresql://user:z/q@q@db.example:5432/app", "postgresql://db.example:5432/app"),
        ("https://host.example/@scope/name", "https://host.example/@scope/name"),
        ("https://host.example:8443/x", "https://host.example:8443/x"),
        ("https://host.example/x?email=a@b.example", "https://host.example/x"),
        ("https://hooks.host.example/services/T0/zq", "https://hooks.host.example"),
        ("see http://a.example?x=1 and http://b.example#y", "see http://a.example and http://b.example"),
        ("Server=db;Password=zq;", None),
        ('{"password": "zq"}', None),
        ("X-Api-Key: zq", None),
        ("API_KEY=>zq", None),
        ("mailer --token zq --host h", None),
        ("mailer --host h", "mailer --host h"),
        ("Bearer zq7zqzq", None),
        ("user:zq@smtp.example:587", None),
        ("ann@nursery.example", "ann@nursery.example"),
        ("Basic enxcvbnmasdfghjk", None),
        ("Basic reporting", "Basic reporting"),
        ("9:30 to 17:00", "9:30 to 17:00"),
    ],
)
def test_a_text_loses_what_signs_in(text: str, left: str | None) -> None:
    """Addresses lose user, password and query; a text that gives a credential a value is not kept at all."""
    assert bare(text) == left


@pytest.mark.parametrize(
    ("entry", "has"),
    [
        ({}, False),
        ({"has_credentials": True}, True),
        ({"hasCredentials": True, "has_credentials": False}, True),
        ({"has_credentials": "yes"}, False),
        ({"has_credentials": False, "token": "zq"}, True),
        ({"token": ""}, False),
        ({"token": " "}, False),
        ({"token": None, "password": True}, False),
        ({"pin": 0}, True),
        ({"config": {"max_tokens": 4096}}, False),
        ({"config": {"tokens": ["zq"]}}, True),
        ({"config": {"deep": [{"secrets": {"of": [{"mail": "zq"}]}}]}}, True),
        ({"env": [{"name": "SMTP_PASSWORD", "value": "zq"}]}, True),
        ({"env": [{"name": "SMTP_PASSWORD", "value": ""}]}, False),
        ({"env": [{"key": "HOST", "value": "h"}]}, False),
        ({"env": [{"key": "zq"}]}, True),
        ({"name": "Token Service", "config": {"host": "h"}}, False),
        ({"config": {"command": "mailer --password zq"}}, True),
        ({"config": {"url": "https://user:zq@host.example"}}, True),
        ({"config": {"url": "https://host.example/?sig=zq"}}, True),
        ({"config": {"url": "https://host.example/?page=2"}}, False),
    ],
)
def test_whether_there_are_credentials_is_told(entry: dict[str, Any], has: bool) -> None:  # noqa: FBT001
    """Its own word counts when it is yes; else anything under a name that speaks of one."""
    assert cleared(entry)["has_credentials"] is has
    assert holds(entry) is (
        has and entry.get("has_credentials") is not True and entry.get("hasCredentials") is not True
    )


@pytest.mark.parametrize(
    ("config", "left"),
    [
        ({"host": "h", "ports": [25, None, True], "password": {"is": "zq"}}, {"host": "h", "ports": [25, None, True]}),
        (
            {"env": [{"name": "TOKEN", "value": "zq"}, {"name": "HOST", "value": "h"}]},
            {"env": [{"name": "HOST", "value": "h"}]},
        ),
        ({"env": [{"name": "TOKEN", "is": "zq"}]}, {"env": []}),
        ({"env": [{"key": "HOST", "value": "h"}]}, {"env": [{"key": "HOST", "value": "h"}]}),
        ({"setting": {"Name": "API key", "Default": "zq"}}, {}),
        ({"args": ["--host", "h", "--token", "zq"]}, {"args": []}),
        ({"pairs": [["TOKEN", "zq"], ["HOST", "h"]]}, {"pairs": [[], ["HOST", "h"]]}),
        ({"headers": ["X-Api-Key: zq", "Accept: text/html"]}, {"headers": ["Accept: text/html"]}),
    ],
)  # fmt: skip
def test_a_configuration_is_kept_without_them(config: dict[str, Any], left: dict[str, Any]) -> None:
    """Whole branches go, however settings are written."""
    assert cleared({"config": config})["config"] == left


def test_a_configuration_that_is_one_credential_is_not_kept() -> None:
    """Nothing is left of an object that names a credential and its value."""
    assert "config" not in cleared({"config": {"name": "TOKEN", "value": MARK}})


PLACES: dict[str, Callable[[str, Any], object]] = {
    "top level": lambda key, value: [{"id": "i", "name": "n", key: value}],
    "by id": lambda key, value: {"i": {"name": "n", key: value}},
    "under the name": lambda key, value: {"version": 1, "integrations": [{"name": "n", key: value}]},
    "beside the list": lambda key, value: {"integrations": [{"name": "n"}], key: value},
    "as an entry": lambda key, value: {key: value, "mail": value, "i": {"name": "n"}},
    "as an object": lambda key, value: {key: {"name": value, "platform": value}},
    "in the configuration": lambda key, value: [{"config": {"host": "h", key: value}}],
    "deep": lambda key, value: [{"config": {"a": [{"b": {key: {"c": [value]}}}]}, "more": {key: value}}],
    "as environment": lambda key, value: [
        {"config": {"env": [{"name": key, "value": value}]}, "env": [{"name": key, "value": value}]}
    ],
    "as a setting": lambda key, value: [{"config": {"s": {"key": key, "value": value}, "l": [{"k": key, "v": value}]}}],
    "as a pair": lambda key, value: [{"config": {"pairs": [[key, value]], "text": f"{key.replace(' ', '_')}={value}"}}],
    "as text": lambda key, value: [{"config": value, "name": {key: value}, "platform": [value], "is_active": value}],
    "in an address": lambda _, value: [
        {"name": f"smtp://u:{value}@h", "config": {"url": f"https://{value}@h/x?code={value}"}}
    ],
    "as a record": lambda key, value: {"name": "n", "type": "mail", key: value},
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("redact", [True, False])
def test_no_credential_leaves_its_file(place: str, redact: bool) -> None:  # noqa: FBT001
    """Rows, notes, facts and faults hold none of them, in a file of its own or in a section."""
    family = compound_state(Options(redact=redact))
    for key, secret in SECRETS.items():
        written = json.dumps(PLACES[place](key, secret), ensure_ascii=False)
        doubled = written.replace('"n"', f'"n", "{key}": "{secret}", "{key}": "{secret}"')
        section = f'{{"status": "done", "integrations": {written}, "message": 1}}'
        for path, name in (("data/integrations.json", "data"), ("session-1/backend.json", "session-1")):
            for text in (written, doubled, section) if name == "data" else (section,):
                assert MARK not in told(family, path, name, text.encode())


def told(family: Any, path: str, name: str, raw: bytes) -> str:
    """Return everything that comes of a file, as text."""
    try:
        document, notes = family.read(path, raw)
    except DocumentError as error:
        return repr((error.fault, error.message, error.__cause__, error.hint))
    return repr((notes, document, family.project(Bundle("default", name), {path: document}, Past(Held()))))


@pytest.mark.parametrize("place", PLACES)
def test_a_torn_file_shows_none(place: str) -> None:
    """Wherever a file of integrations breaks off, its refusal quotes nothing."""
    family = compound_state(Options())
    for key, secret in SECRETS.items():
        raw = json.dumps({"integrations": PLACES[place](key, secret)}, ensure_ascii=place == "deep").encode()
        for keep in range(18, len(raw), 7):
            for torn in (raw[:keep], raw[:keep] + b"\xff", raw[:keep] + b"\x01" + raw[keep:]):
                assert MARK not in told(family, "data/integrations.json", "data", torn)
                assert MARK not in told(family, "session-1/backend.json", "session-1", torn)


@pytest.mark.parametrize(
    ("raw", "speaks"),
    [
        (b'{"integrations": [', True),
        (b'{"Integrations" : {', True),
        (b'{"\\u0069ntegrat\\u0069ons": [', True),
        ('{"integrations": ['.encode("utf-16-le"), True),
        (b'{"content": [', False),
    ],
)
def test_bytes_that_speak_of_integrations_are_known(raw: bytes, speaks: bool) -> None:  # noqa: FBT001
    """However the word is spelt; other files keep their excerpt."""
    assert speaks_of_integrations(raw) is speaks
    with pytest.raises(DocumentError) as refusal:
        compound_state(Options()).read("session-1/backend.json", raw + b"nope")
    assert (refusal.value.fault.excerpt is None) is speaks


def test_a_number_that_no_column_holds_is_not_quoted() -> None:
    """A credential may be a number."""
    with pytest.raises(DocumentError) as refusal:
        compound_state(Options()).read("data/integrations.json", b'[{"pin": 1234567e999}]')
    assert refusal.value.message == "something is not a number that JSON or SQL can hold"
    assert discreet(Fault("empty file", 1, 1, "x")) == Fault("empty file", 1, 1)


def test_a_configuration_deeper_than_can_be_followed_is_refused() -> None:
    """Whoever allows such depths gets a refusal and no traceback."""
    deep = b'[{"config": ' + b'{"a":' * 700 + b"1" + b"}" * 700 + b"}]"
    family = compound_state(Options(limits=Limits(depth=10_000)))
    for path, raw in (("data/integrations.json", deep), ("session-1/a.json", b'{"integrations": ' + deep + b"}")):
        with pytest.raises(DocumentError, match="nests deeper than can be followed"):
            family.read(path, raw)


def test_a_long_hostile_text_is_read_in_no_time() -> None:
    """Nothing takes the square of a length: many letters of each kind are one test."""
    for piece in ("a", "a:", "/a:", "@", "://", "a ", "- ", "token ", "?=", '"'):
        bare(piece * (200_000 // len(piece)))
        is_credential(piece * 1000)


def test_no_table_of_the_database_holds_any(bench: Workbench) -> None:
    """The ledger and the change log hold none either, also when files change and are torn."""
    documents = [PLACES[place](key, secret) for place in PLACES for key, secret in SECRETS.items()]
    listed = [entry for found in documents if isinstance(found, list) for entry in found]
    whole = json.dumps(listed).encode()
    for raw in (whole, whole[: len(whole) // 2], json.dumps(listed[::2]).encode()):
        write_tree(bench.root, {"data/integrations.json": raw, "session-1/a.json": b'{"integrations": %b}' % raw})
        bench.sync()
    assert len(bench.rows(["integrations"])["integrations"]) > len(SECRETS)
    assert MARK not in repr(bench.dump())
    assert MARK.encode() not in bench.database.read_bytes()
