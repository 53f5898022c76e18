"""Bytes into plain data, strictly: what is refused is refused here, with its place, and nowhere else."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from syncd.core.redact import excerpt, redact, redact_tree, suspicious
from syncd.errors import DecodeError
from syncd_models.values import Fault

LONGEST_INTEGER = 4300
LONGEST_SHOWN, LONGEST_NAME, MOST_DOUBLES = 24, 100, 20
WHOLE_FLOAT = 2**63
BOM = "\ufeff"


class Limits(NamedTuple):
    """How large and how deep a file may be before it is parsed."""

    size: int = 16 * 1024 * 1024
    depth: int = 200


class Decoded(NamedTuple):
    """Plain data, and what is worth knowing about how it was written."""

    data: Any
    notes: tuple[str, ...] = ()


def decode_json(
    raw: bytes, limits: Limits, *, verbatim: frozenset[str] = frozenset(), secrets: bool = False
) -> Decoded:
    """Decode JSON text as RFC 8259 has it; the values of ``verbatim`` keys pass the redactor untouched.

    With ``secrets`` the redactor is off. Raises DecodeError with line, column and a redacted excerpt.
    """
    text, notes = _text(raw, limits)
    _check_depth(text, limits.depth)
    try:
        data, doubles = _parse(text)
        if "\\u" in text and UNSTORABLE.search(text):
            data, odd = _storable(data)
            notes += ["lone surrogates are kept as escapes, U+0000 as U+FFFD"] if odd else []
        if not secrets and suspicious(raw):
            data = redact_tree(data, verbatim)
    except RecursionError:
        raise DecodeError(Fault("nests deeper than can be followed (setting max_depth)")) from None
    return Decoded(data, (*notes, *_doubled(doubles)))


def _doubled(keys: Sequence[str]) -> Iterator[str]:
    """Yield a note for each key that stood twice, the first few by name."""
    for key in keys[:MOST_DOUBLES]:
        yield f"the key {redact(key)[:LONGEST_NAME]!r} stands twice; the last one counts"
    if len(keys) > MOST_DOUBLES:
        yield f"{len(keys) - MOST_DOUBLES} more keys stand twice"


def too_large(size: int, limit: int) -> Fault:
    """Say that a file is over the size limit, and which setting raises it."""
    return Fault(f"too large: {size:,} bytes, the limit is {limit:,} (setting max_file_size)")


def _text(raw: bytes, limits: Limits) -> tuple[str, list[str]]:
    """Return the text of UTF-8 bytes, less a byte order mark."""
    if len(raw) > limits.size:
        raise DecodeError(too_large(len(raw), limits.size))
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        good = raw[: error.start].decode("utf-8").removeprefix(BOM)
        raise DecodeError(_fault("not UTF-8 text", good, len(good))) from error
    if not raw:
        raise DecodeError(Fault("empty file", 1, 1))
    return (text[1:], ["starts with a byte order mark"]) if text.startswith(BOM) else (text, [])


def _fault(reason: str, text: str, position: int) -> Fault:
    """Place a fault at a character position."""
    line_start = text.rfind("\n", 0, position) + 1
    return Fault(
        reason, text.count("\n", 0, position) + 1, position - line_start + 1, excerpt(text, position) or None
    )  # fmt: skip


TOKENS = re.compile(
    r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]|-?(?:NaN|Infinity|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)', re.DOTALL | re.ASCII
)


def _tokens(text: str) -> Iterator[re.Match[str]]:
    """Yield brackets, numbers and constants; never what stands inside a string."""
    return (match for match in TOKENS.finditer(text) if match[0][0] != '"')


def _check_depth(text: str, limit: int) -> None:
    """Refuse what nests deeper than the limit, before a parser sees it."""
    if text.count("[") + text.count("{") <= limit:
        return
    depth = 0
    for token in _tokens(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth > limit:
            raise DecodeError(_fault(f"nests deeper than {limit} levels (setting max_depth)", text, token.start()))


class _DoubleKey(Exception):
    """Some object has a key twice: a signal to parse again and collect, which never leaves this module."""


class _BadNumber(ValueError):
    """A number that no column can hold."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) != len(pairs):
        raise _DoubleKey
    return found


def _integer(literal: str) -> int:
    if len(literal) <= LONGEST_INTEGER:
        with suppress(ValueError):  # the interpreter may be set to take fewer digits
            return int(literal)
    raise _BadNumber(literal)


def _number(literal: str) -> float | int:
    """Read 1.0 as the same number as 1, so that a rewritten file does not look changed."""
    value = float(literal)
    if value in (float("inf"), float("-inf")):
        raise _BadNumber(literal)
    return int(value) if value.is_integer() and abs(value) < WHOLE_FLOAT else value


def _constant(literal: str) -> Any:
    raise _BadNumber(literal)


def _decoder(pairs: Callable[[list[tuple[str, Any]]], Any]) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=pairs, parse_float=_number, parse_int=_integer, parse_constant=_constant
    )  # fmt: skip


_STRICT = _decoder(_unique)


def _parse(text: str) -> tuple[Any, tuple[str, ...]]:
    """Return the data and the keys that stood twice."""
    try:
        try:
            return _STRICT.decode(text), ()
        except _DoubleKey:
            doubles = _Doubles()
            return _decoder(doubles).decode(text), tuple(doubles.keys)
    except _BadNumber as error:
        literal = str(error)
        place = next(token.start() for token in _tokens(text) if token[0] == literal)
        raise DecodeError(_fault(f"{_short(literal)} is not a number that JSON or SQL can hold", text, place)) from None
    except json.JSONDecodeError as error:
        raise DecodeError(_fault(error.msg[0].lower() + error.msg[1:].rstrip(": "), text, error.pos)) from None


def _short(literal: str) -> str:
    return literal if len(literal) <= LONGEST_SHOWN else f"{literal[:20]}… ({len(literal):,} digits)"


@dataclass
class _Doubles:
    """Collect the keys that stand twice in some object."""

    keys: dict[str, None] = field(default_factory=dict)

    def __call__(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                self.keys[key] = None
            found[key] = value
        return found


UNSTORABLE = re.compile(r"\\u(?:[dD][89a-fA-F]|0000)")


def _storable(data: Any) -> tuple[Any, bool]:
    """Return data whose text every database can hold, and whether anything had to change."""
    if isinstance(data, str):
        text = data.encode("utf-8", "backslashreplace").decode().replace("\0", "\ufffd")
        return text, text != data
    if isinstance(data, list):
        pairs = [_storable(each) for each in data]
        return [value for value, _ in pairs], any(odd for _, odd in pairs)
    if isinstance(data, dict):
        keys, values = _storable(list(data)), _storable(list(data.values()))
        return dict(zip(keys[0], values[0], strict=True)), keys[1] or values[1]
    return data, False
