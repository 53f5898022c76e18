"""Secrets out of text. Every example is made up, and put together as the tests run: none stands in this file."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from syncd.core.decode import Limits, decode_json
from syncd.core.redact import BY_KIND, KINDS, SHAPES, excerpt, redact, redact_tree, suspicious

LOWER, DIGITS = "kqwzjxvmbt", "8305172946"
ALNUM = "".join(f"{low.upper()}{digit}{low}" for low, digit in zip(LOWER, DIGITS, strict=True)) * 8
"""No word of any language, 240 characters."""
UPPER = "".join(f"{low}{digit}" for low, digit in zip(LOWER.upper(), DIGITS, strict=True)) * 4
HEX = "8f3a0c5d1e7b4926" * 4
BASE64 = "".join(f"{ALNUM[n : n + 9]}/{ALNUM[n + 9 : n + 17]}+" for n in range(0, 180, 17))


def block(kind: str, newline: str = "\n", *, whole: bool = True) -> str:
    """Return a private key block, or one that breaks off."""
    lines = [f"-----BEGIN {kind}-----", ALNUM[:64], ALNUM[64:128], *([f"-----END {kind}-----"] if whole else [])]
    return newline.join(lines)


def jwt(header: int = 36) -> str:
    """Return a token of three parts, the first of so many characters."""
    return ".".join(["eyJ" + ALNUM[: header - 3], "eyJ" + ALNUM[5:60], ALNUM[9:52]])


EXAMPLES: dict[str, tuple[str, ...]] = {
    "private-key": (
        *(block(f"{kind}PRIVATE KEY") for kind in ("", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED ")),
        block("PGP PRIVATE KEY BLOCK"),
        block("PRIVATE KEY", "\\n"),
        block("PRIVATE KEY", "\r\n"),
        block("RSA PRIVATE KEY", " "),
    ),
    "aws-key": tuple(start + UPPER[:16] for start in ("AK" + "IA", "AS" + "IA")),
    "aws-secret": tuple(
        f"{name}{between}{BASE64[:40]}"
        for name in ("aws_secret_access_key", "AWS_SECRET_ACCESS_KEY", "awsSecretAccessKey", "SecretAccessKey")
        for between in (" = ", "=", ": ", '": "', "='")
    ),
    "azure-key": tuple(f"{name}Key={BASE64[:86]}==" for name in ("Account", "SharedAccess")),
    "google-key": ("AI" + "za" + ALNUM[:35], "ya" + "29." + ALNUM[:60], "GOC" + "SPX-" + ALNUM[:28]),
    "digitalocean-token": tuple(f"{start}_v1_{HEX}" for start in ("do" + "p", "do" + "o", "do" + "r")),
    "github-token": (*(f"gh{letter}_{ALNUM[:36]}" for letter in "pousr"), f"github_{'pat'}_{ALNUM[:22]}_{ALNUM[:59]}"),
    "gitlab-token": tuple(f"gl{kind}-{ALNUM[:20]}" for kind in ("pat", "dt", "rt", "cbt", "ptt")),
    "slack-token": (
        *(f"xox{letter}-{DIGITS}-{DIGITS}-{ALNUM[:24]}" for letter in "abeoprs"),
        f"x{'app'}-1-{UPPER[:11]}-{HEX}",
        f"hooks.{'slack'}.com/services/T{UPPER[:9]}/B{UPPER[:9]}/{ALNUM[:24]}",
    ),
    "telegram-token": (f"{DIGITS[:9]}:A{'A'}{ALNUM[:33]}", f"{DIGITS}:A{'A'}{ALNUM[:32]}-_"),
    "discord-webhook": tuple(f"discord{app}.com/api/{'web'}hooks/{DIGITS * 2}/{ALNUM[:68]}" for app in ("", "app")),
    "anthropic-key": (f"sk-{'ant'}-api03-{ALNUM[:93]}AA",),
    "openai-key": tuple(
        f"sk-{rest}" for rest in (ALNUM[:48], f"proj-{ALNUM[:40]}-{ALNUM[40:90]}_x", f"or-v1-{HEX}", HEX[:32])
    ),
    "huggingface-token": (f"h{'f'}_{ALNUM[:34]}",),
    "stripe-key": (
        *(f"{kind}_{mode}_{ALNUM[:24]}" for kind in ("sk", "rk", "pk") for mode in ("li" + "ve", "te" + "st")),
        f"wh{'sec'}_{ALNUM[:32]}",
    ),
    "npm-token": (f"np{'m'}_{ALNUM[:36]}",),
    "pypi-token": (f"py{'pi'}-AgEIcHlwaS5vcmc{ALNUM[:80]}",),
    "sendgrid-key": (f"S{'G'}.{ALNUM[:22]}.{ALNUM[22:65]}",),
    "jwt": (jwt(), jwt(120), jwt()[: -len(ALNUM[9:52])]),
    "bearer": tuple(
        f"{word}{gap}{ALNUM[:40]}" for word in ("Bearer", "bearer", "BEARER") for gap in (" ", "  ", "\t", "\n")
    ),
    "url-password": tuple(f"{user}:{ALNUM[:20]}" for user in ("user", "oauth2", "", "x-access-token")),
}  # fmt: skip
IDS = [
    f"{kind}-{n}" for kind, secrets in EXAMPLES.items() for n, _ in enumerate(secrets)
]  # reports show no secrets either
AROUND = {"url-password": ("postgres://", "@db.example.org:5432/app")}
CASES = [(kind, secret) for kind, secrets in EXAMPLES.items() for secret in secrets]
LOOK_ALIKES = (
    *("task-session-1770000000-backend-developer-2",),
    *("disk-usage-of-the-last-20-days-and-4-hours", "risk-1234567890123456789012"),
    *("sk-learn", "sk-learn-pipeline-v2-with-3-steps-and-tests"),
    *("scikit-learn==1.4.2", "desk-4711-office-building-number-12"),
    *("someone@example.org", "mail a.b+c@example.org, then d@example.org"),
    *("@types/node@20.1.0", "https://example.org/@user/post"),
    *("git@github.com:owner/name.git", "ssh://git@example.org/owner/name.git"),
    *("ssh://git@example.org:22/owner/name.git",),
    *("https://github.com/owner/name.git", "https://user@example.org/x", "http://localhost:8080/path", "a://b/c:d@e"),
    *("9f1c2d3e-4a5b-4c6d-8e7f-0123456789ab", HEX, "sha256:" + HEX),
    *("e3b0c44298fc1c149afbf4c8996fb924", "2026-02-08T14:22:32.151Z"),
    *("bearer", "the bearer of bad news", "Bearer token", "a clearer name for tests"),
    *("rotate the secret_access_key soon", "secret_access_key: see the vault"),
    *("-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----",),
    *("-----BEGIN PUBLIC KEY-----", "| --- | ----- |", "--dry-run"),
    *("unit_test_runner_for_everything", "pk_test_"),
    *("gh_pages_deployment_workflow_of_2026", "npm_config_cache", "pypi-server"),
    *("eyJ", "eyJhbGciOi", "AIza", "AKIA", "MALAKIA", "12:AAAA", "SG."),
    *("hf_hub", "glpat-", "xoxb-", "ghp_short", "github_pat_x"),
    *("AccountKey=", "SharedAccessKey=short", "hooks.slack.com"),
    *("discord.com/api/webhooks", "naïve 数据 🚀", "", " "),
)  # fmt: skip


def whole(kind: str, secret: str) -> tuple[str, str]:
    """Return a secret in the text that it needs around it, and that text redacted."""
    before, after = AROUND.get(kind, ("", ""))
    return f"{before}{secret}{after}", f"{before}[redacted:{kind}]{after}"


def test_every_kind_has_an_example() -> None:
    """A shape without a test of its own could be wrong for years."""
    assert EXAMPLES.keys() == KINDS.keys() == BY_KIND.keys()


@pytest.mark.parametrize(("kind", "secret"), CASES, ids=IDS)
def test_a_secret_becomes_its_kind(kind: str, secret: str) -> None:
    """It goes whole, alone or in a sentence, once or twice; what is around it stays."""
    text, clean = whole(kind, secret)
    assert redact(text) == clean
    assert redact(f"use “{text}” now") == f"use “{clean}” now"
    if kind != "private-key":
        assert redact(f"{text}, {text}\n") == f"{clean}, {clean}\n"


@pytest.mark.parametrize(("kind", "secret"), CASES, ids=IDS)
def test_secrets_are_found_in_values_keys_and_lists_at_any_depth(kind: str, secret: str) -> None:
    """Numbers, booleans and null are let alone; the values of verbatim keys stay if they are text."""
    text, clean = whole(kind, secret)
    data = {"a": text, text: [[text, 1, None, True, 2.5]], "id": text, "b": {"id": [text]}}
    wanted = {"a": clean, clean: [[clean, 1, None, True, 2.5]], "id": text, "b": {"id": [clean]}}
    assert redact_tree(data, frozenset({"id"})) == wanted


@pytest.mark.parametrize("text", LOOK_ALIKES)
def test_what_only_looks_like_a_secret_stays(text: str) -> None:
    """Ids, names, addresses and digests are no secrets."""
    assert redact(text) == text
    assert redact(f"see {text} there") == f"see {text} there"


@pytest.mark.parametrize(
    "raw",
    [
        '{"task": "task-session-1-backend", "at": "2026-02-08T14:22:32.151Z", "n": 0.5}',
        '{"mail": "a@example.org", "url": "https://example.org/a.b", "new_name": "disk-usage"}',
        r'{"text": "caf\u00e9 \ud83d\ude80 \"quoted\" C:\\new", "_id": "AA-BB", "x": "| --- |"}',
    ],
)
def test_everyday_state_files_raise_no_suspicion(raw: str) -> None:
    """What most files hold costs no second look."""
    assert not suspicious(raw.encode())


@pytest.mark.parametrize("newline", ["\n", "\\n", "\r\n", " "])
@pytest.mark.parametrize("kind", ["RSA PRIVATE KEY", "PRIVATE KEY", "PGP PRIVATE KEY BLOCK"])
def test_a_private_key_that_breaks_off_is_gone_to_the_end(kind: str, newline: str) -> None:
    """Without its last line there is no telling where it ends."""
    assert redact(f"key: {block(kind, newline, whole=False)}{newline}{ALNUM}") == "key: [redacted:private-key]"
    assert redact(f"key: {block(kind, newline)}, next") == "key: [redacted:private-key], next"


def test_a_secret_in_a_secret_goes_with_it() -> None:
    """The one that begins first takes all of it."""
    assert redact(f"Authorization: Bearer {jwt()}") == "Authorization: [redacted:bearer]"
    assert (
        redact(f"https://x:{EXAMPLES['github-token'][0]}@example.org") == "https://[redacted:url-password]@example.org"
    )


# However JSON spells it


def escaped(text: str, letters: frozenset[int]) -> str:
    """Return a JSON string with some characters, by position, as escapes of four digits."""
    written = (
        units(char) if n in letters else json.dumps(char, ensure_ascii=False)[1:-1] for n, char in enumerate(text)
    )
    return f'"{"".join(written)}"'


def units(char: str) -> str:
    """Return a character as one escape, or as the two of a surrogate pair."""
    raw = char.encode("utf-16-be")
    return "".join(f"\\u{raw[n]:02x}{raw[n + 1]:02X}" for n in range(0, len(raw), 2))


SPELLINGS = st.sampled_from(["plain", "ascii", "slashes", "escapes"])
PLAIN = st.text(st.characters(codec="utf-8"), max_size=20)


def spelled(text: str, way: str, letters: frozenset[int]) -> bytes:
    """Write a JSON string in one of the ways that writers have."""
    if way == "escapes":
        return escaped(text, letters).encode()
    found = json.dumps(text, ensure_ascii=way == "ascii")
    return (found.replace("/", "\\/") if way == "slashes" else found).encode()


@given(st.sampled_from(CASES), PLAIN, PLAIN, SPELLINGS, st.frozensets(st.integers(0, 60)))
@example(CASES[0], "", "", "escapes", frozenset(range(60)))
def test_no_spelling_hides_a_secret(
    case: tuple[str, str], before: str, after: str, way: str, letters: frozenset[int]
) -> None:
    """What the shapes find in a text, the quick look at its bytes has not missed, and decoding takes out."""
    text = f"{before}{whole(*case)[0]}{after}"
    raw = spelled(text, way, letters)
    assert json.loads(raw) == text
    if SHAPES.search(text):
        assert suspicious(raw)
        assert suspicious(text.encode())
        assert decode_json(raw, Limits()).data == redact(text).replace("\0", "\ufffd")


FRAGMENTS = sorted({piece for _, secret in CASES for piece in (secret[:4], secret[:8], secret[:20], secret)})


@given(st.lists(st.sampled_from([*FRAGMENTS, "://", "@", ":", " ", "\n", "é", "-", "A"]), max_size=6), SPELLINGS)
def test_pieces_of_secrets_are_found_in_any_order(pieces: list[str], way: str) -> None:
    """The quick look is sound for any text, not only for whole examples."""
    text = "".join(pieces)
    if SHAPES.search(text):
        assert suspicious(spelled(text, way, frozenset({0, 3})))
        assert redact(text) != text


@pytest.mark.parametrize(("kind", "secret"), CASES, ids=IDS)
@pytest.mark.parametrize("before", ["\n", "\t", "\\", "/", '"', "é", "\u2028", "🚀", "\x7f"])
def test_what_stands_before_a_secret_does_not_hide_it(kind: str, secret: str, before: str) -> None:
    """An escape ends in a letter or a digit, which is not the character that it stands for."""
    text, clean = whole(kind, secret)
    for ascii_only in (True, False):
        raw = json.dumps([before + text], ensure_ascii=ascii_only).encode()
        assert decode_json(raw, Limits()).data == [before + clean]


# Excerpts


@pytest.mark.parametrize(("text", "position", "wanted"), [
    ("", 0, ""),
    ("short", 2, "…"),
    ('{"a": 1}', 7, '{"a": 1}'),
    ('{"a":\n  1,\r\n\t"b" 2}', 12, '{"a":   1,   "b" 2}'),
    ("x" * 100 + "!" + "y" * 100 + "]", 100, "x" * 30 + "!" + "y" * 29),
    ('"\x1b[31mred\x07\u202e\x00"', 3, '" [31mred   "'),
    ('["\\u001b[2J", \\ud800 "\\u0041\\n\\"b\\q"', 10, '[" [2J",   "A "b\\q"'),
    ('{"status": "in_prog', 11, '{"status": "…'),
    ('{"status": "in"', 11, '{"status": "in"'),
])  # fmt: skip
def test_an_excerpt_is_one_short_printable_line(text: str, position: int, wanted: str) -> None:
    """Escapes are resolved, controls become blanks, and the word in which the text breaks off is left out."""
    assert excerpt(text, position) == wanted


def pieces_of(secret: str, length: int) -> set[str]:
    """Return every part of a secret that has so many characters."""
    return {secret[n : n + length] for n in range(len(secret) - length + 1)}


def telling(secret: str) -> str:
    """Return the part of an example that is the secret itself: what begins with the made-up characters."""
    starts = [at for at in (secret.find(start) for start in (ALNUM[:5], UPPER[:5], HEX[:5], BASE64[:5])) if at >= 0]
    return secret[min(starts) :].split("-----END", maxsplit=1)[0]


WINDOWS = st.integers(0, 40)


@given(st.sampled_from(CASES), PLAIN, PLAIN, st.integers(0, 400), WINDOWS, WINDOWS, SPELLINGS)
def test_no_window_shows_part_of_a_secret(
    case: tuple[str, str], before: str, after: str, position: int, left: int, right: int, way: str
) -> None:
    """Wherever it falls, and however the secret is spelled, not five characters of it are to be seen."""
    text = f"{before}{whole(*case)[0]} {after}"
    (found,) = SHAPES.finditer(text) if len([*SHAPES.finditer(text)]) == 1 else (None,)
    assume(found is not None and case[1] in found[0])
    raw = "[" + spelled(text, way, frozenset(range(0, 99, 7))).decode() + "}"
    shown = excerpt(raw, position % len(raw), left, right)
    assert not [piece for piece in pieces_of(telling(case[1]), 5) if piece in shown]


@given(st.sampled_from(CASES), st.integers(0, 300))
def test_a_secret_in_a_torn_file_is_not_shown(case: tuple[str, str], length: int) -> None:
    """Half a secret has no shape any more; the excerpt leaves out the word in which the text breaks off."""
    text = f'{{"a": 1, "token": "{json.dumps(whole(*case)[0])[1:-1]}'[: 20 + length]
    shown = excerpt(text, text.index('"token"') + 9)
    assert not [piece for piece in pieces_of(telling(case[1]), 5) if piece in shown]


def test_a_window_far_from_a_long_secret_costs_little_and_shows_nothing() -> None:
    """A key of many kilobytes is known by its beginning, or by what is left of it behind the window."""
    text = json.dumps({"a": "x", "key": block("PRIVATE KEY").replace(ALNUM[:64], ALNUM * 200), "b": "y"})
    for position in range(0, len(text), 997):
        assert ALNUM[:5] not in excerpt(text, position)


def tree_of(data: Any) -> list[str]:
    """Return all text of decoded data."""
    if isinstance(data, Mapping):
        return [text for pair in data.items() for each in pair for text in tree_of(each)]
    return [data] if isinstance(data, str) else [text for each in data for text in tree_of(each)]


@given(st.recursive(st.sampled_from([whole(*case)[0] for case in CASES]) | PLAIN,
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PLAIN, inner, max_size=3)))  # fmt: skip
def test_redacted_data_holds_no_secret_and_redacting_it_again_changes_nothing(data: Any) -> None:
    """The redactor is idempotent, in any structure."""
    clean = redact_tree(data, frozenset())
    shown = "\n".join(tree_of(clean))
    assert not [secret for _, secret in CASES if secret in shown]
    assert redact_tree(clean, frozenset()) == clean
