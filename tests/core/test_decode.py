"""Bytes into plain data: what is taken, what is refused and where, and what is noted.

In refused text the mark ¦ stands before the character that the fault has to point at; it is not part of the text.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.decode import BOM, Decoded, Limits, decode_json, too_large
from syncd.errors import DecodeError
from syncd_models.values import Fault

MARK = "¦"
SURROGATES = "lone surrogates are kept as escapes, U+0000 as U+FFFD"
IN_CONTEXT = ("{}", "[0, {}]", '{{\n  "käse": {}}}')


def decode(raw: bytes | str, **options: Any) -> Decoded:
    """Decode text or bytes with the usual limits."""
    return decode_json(raw.encode() if isinstance(raw, str) else raw, Limits(), **options)


def fault_of(raw: bytes | str, limits: Limits = Limits()) -> Fault:  # noqa: B008  it is a constant
    """Return why bytes are refused."""
    with pytest.raises(DecodeError) as caught:
        decode_json(raw.encode() if isinstance(raw, str) else raw, limits)
    return caught.value.fault


def place(text: str, position: int) -> tuple[int, int]:
    """Return line and column of a position, both from 1."""
    lines = text[:position].split("\n")
    return len(lines), len(lines[-1]) + 1


def same(one: Any, other: Any) -> bool:
    """Tell whether data is equal, the types of its numbers too."""
    return repr(one) == repr(other)


# What must be taken

GOOD_ATOMS: dict[str, Any] = {
    "null": None,
    "true": True,
    "false": False,
    "0": 0,
    "-0": 0,
    "7": 7,
    "-17": -17,
    "1234567890": 1234567890,
    "0.5": 0.5,
    "-0.25": -0.25,
    "10.125": 10.125,
    "1e3": 1000,
    "1E3": 1000,
    "1e+3": 1000,
    "1e-3": 0.001,
    "12.5E-1": 1.25,
    "0e0": 0,
    "0.0": 0,
    '""': "",
    '" "': " ",
    '"plain"': "plain",
    '"ünïcödé 数据 🚀"': "ünïcödé 数据 🚀",
    r'"\u00fc"': "ü",
    r'"\u00FC\u6570"': "ü数",
    r'"\ud83d\ude80"': "🚀",
    r'"\"\\\/"': '"\\/',
    r'"\b\f\n\r\t"': "\b\f\n\r\t",
    r'"\\u0041"': r"\u0041",
    r'"\u0041\u005C\u0022"': 'A\\"',
    '"\x7f\u0085\u2028\u2029"': "\x7f\u0085\u2028\u2029",
    '"\U0010ffff"': "\U0010ffff",
    '"[1, {]}, // # /* \'"': "[1, {]}, // # /* '",
    '"NaN Infinity 1e400"': "NaN Infinity 1e400",
    '"{BOM}"'.replace("{BOM}", BOM): BOM,
    "[]": [],
    "[ ]": [],
    "[\t\n\r ]": [],
    "[[]]": [[]],
    "[1,2,3]": [1, 2, 3],
    "[ 1 ,\n2\t,\r3 ]": [1, 2, 3],
    '[null, true, "a", 1.5, {}, []]': [None, True, "a", 1.5, {}, []],
    "{}": {},
    "{ }": {},
    '{"a":1}': {"a": 1},
    '{ "a" : 1 , "b" : 2 }': {"a": 1, "b": 2},
    '{"":0}': {"": 0},
    r'{"\u0061\n":0}': {"a\n": 0},
    '{"数据":{"🚀":[{}]}}': {"数据": {"🚀": [{}]}},
    '{"__proto__":1,"constructor":2}': {"__proto__": 1, "constructor": 2},
}
GOOD = [
    *((context.format(atom), context) for context in IN_CONTEXT for atom in GOOD_ATOMS),
    *((f"{space}{atom}{space}", "{}") for atom in ('"x"', "[1]") for space in (" ", "\n", "\r\n\t")),
]  # fmt: skip


def test_there_are_as_many_cases_as_a_suite_of_json_has() -> None:
    """95 texts to take, 188 to refuse and 35 left open are the least."""
    assert len(GOOD) >= 95
    assert len(MARKED) + len(UNMARKED) + len(NOT_UTF_8) >= 188
    assert len(FREE) >= 35


@pytest.mark.parametrize("text", [text for text, _ in GOOD])
def test_json_is_taken_as_the_standard_library_takes_it(text: str) -> None:
    """Every text that RFC 8259 allows is decoded to the same data, without a note."""
    data, notes = decode(text)
    assert data == json.loads(text)
    assert notes == ()


@pytest.mark.parametrize("context", IN_CONTEXT)
@pytest.mark.parametrize("atom", GOOD_ATOMS)
def test_a_value_means_the_same_wherever_it_stands(atom: str, context: str) -> None:
    """Each value is what the table says, with the type that the table says: 1e3 is the integer 1000."""
    data = decode(context.format(atom)).data
    found = data if context == "{}" else data[1] if isinstance(data, list) else data["käse"]
    assert same(found, GOOD_ATOMS[atom])


# What must be refused, and where

BAD_ATOMS = (
    # words that are none
    *("¦nul", "¦nil", "¦None", "¦undefined", "¦Null", "¦NULL"),
    *("null¦l", "null¦0", "null¦null", "¦tru", "¦True", "¦TRUE"),
    *("true¦e", "true¦false", "¦fals", "¦False", "¦yes", "¦abc"),
    *("¦é", "¦数", "¦🚀", "¦_", "¦...", "¦*", "¦&a", "¦@", "¦$a"),
    # numbers that are none
    *("¦NaN", "¦-NaN", "¦+NaN", "¦nan", "¦Infinity", "¦-Infinity", "¦+Infinity", "¦inf", "¦-inf", "¦Inf"),
    *("¦+1", "¦++1", "¦-", "¦--1", "¦-a", "¦- 1", "¦.5", "¦-.5"),
    *("¦.", "1¦.", "1¦.e1", "1.5¦.5", "1¦e", "1¦e+", "1¦e-"),
    *("1¦E", "1e5¦.5", "0¦0", "0¦1", "-0¦1", "0¦x1F", "0¦b1", "0¦o7", "1¦_000", "1 ¦000", "1¦f", "1¦n", "1¦%", "¦½"),
    *("¦\uff11", "¦\u0661", "1¦\uff11"),
    *("¦1e400", "¦-1e400", "¦1E+400", "¦12.5e999", "¦1e400.5", "¦1e400e5", "¦1e400x", "¦NaNs"),
    *(f"¦{'9' * 5000}", f"¦-{'9' * 5000}", f"¦{'9' * 4301}"),
    # text that is none
    *("¦'a'", "¦`a`", "¦“a”", "¦b'a'", '¦u"a"', '"a"¦"b"', '"a"¦b', '"a" ¦"b"', '"a"¦\'', '""¦"a"""'),
    *(f'"a¦{control}b"' for control in ("\t", "\n", "\r", "\0", "\x01", "\x08", "\x0b", "\x0c", "\x1b", "\x1f")),
    *(rf'"a¦\{letter}b"' for letter in ("x41", "a", "v", "0", "'", "e", "U0041", "é", "数", " ", "\n", "N", "1")),
    *('¦"', '¦"a', r'¦"a\"', r'¦"\\\"', '¦"a, 1', "¦\"a'"),
    # what other formats allow
    *("¦// note\n1", "¦/* note */ 1", "¦# note\n1", "1 ¦// note"),
    *("1¦/* note */", "1 ¦# note", "¦<!-- -->1", "¦<a/>", "¦(1)"),
    *("¦\xa01", "¦\u20281", "¦\u20031", "¦\x0c1", "¦\x0b1"),
    *("¦\x001", "¦\x1b1", "¦\u200b1", "1¦\xa0", "1¦\0", "1¦;", "¦;"),
    # brackets
    *("¦]", "¦}", "¦)", "[¦}", "[1¦}", "{¦]", '{"a":1¦]', "[]¦[]"),
    *("{}¦{}", "[] ¦{}", "[¦,]", "[¦,1]", "[1,¦,2]", "[1 ¦2]"),
    *("[1¦;2]", "[1¦:2]", '["a"¦:1]', "[¦a]", "{¦,}", '{¦,"a":1}'),
    *('{"a"¦}', '{"a"¦,"b"}', '{"a":¦}', '{"a":¦,}', '{"a"¦=1}'),
    *('{"a" ¦=>1}', '{"a":¦:1}', '{"a":1,¦,"b":2}', '{"a":1 ¦"b":2}', '{"a":1¦;"b":2}', '{"a" ¦1}'),
    *("{¦a:1}", "{¦1:1}", "{¦null:1}", "{¦'a':1}", "{¦[]:1}", "{¦{}:1}"),
    *("{¦NaN:1}", '{"a":"b"¦:"c"}', '{"a":¦NaN}', "[1e3, ¦-Infinity]"),
    *('{"¦\\z": 1}', '{"a¦\n": 1}', '{"NaN": [1e3, "Infinity 1e400 \\" NaN", ¦NaN]}', '["1e400", "\\\\", ¦1e400]'),
)  # fmt: skip
TORN = (
    *("[¦", "[ ¦", "[\n¦", "[1¦", "[1,¦", '["a"¦', "[[]¦", "[{}¦"),
    *("{¦", "{ ¦", '{"a"¦', '{"a":¦', '{"a": ¦', '{"a":1¦', '{"a":1,¦'),
    *('{"a":1, ¦', '{¦"a', '[1, ¦"a', '{"a": ¦"b', "[¦nul", "[¦tru", "[¦fals"),
    *("[¦-", "[1¦.", "[1¦e", "[[[[¦", '{"a":{"b":{¦', "\n\n[1,\n 2¦"),
    *("¦", " ¦", "\n¦", " \t\r\n¦", f"{BOM}¦", f"{BOM} ¦"),
    *(f"{BOM}[¦", f"[¦{BOM}]", f"{BOM}¦{BOM}1", "1 ¦1", "[]\n¦x"),
)  # fmt: skip
MARKED = [
    *(context.format(atom) if context == "{}" else context.replace("{}", atom).replace("{{", "{").replace("}}", "}")
      for context in IN_CONTEXT for atom in BAD_ATOMS if MARK in atom),
    *TORN,
]  # fmt: skip
UNMARKED = ("[1,]", "[1,\n]", '{"a":1,}', '{"a":1,\n}', "[[1,],2]", r'"\u"', r'"\u1"', r'"\u12"', r'"\u123"',
            r'"\u12G4"', r'"\u-123"', r'"\u+123"', r'"\u 123"', r'"\uD83D\u"', r'"\ud83d\ude0"', r'["\uD800\uz"]',
            '"\\u\uff11\uff12\uff13\uff14"')  # fmt: skip


@pytest.mark.parametrize("marked", MARKED)
def test_what_is_no_json_is_refused_where_it_goes_wrong(marked: str) -> None:
    """Line, column and excerpt point at the first character that cannot be."""
    before, _, after = marked.partition(MARK)
    fault = fault_of(before + after)
    assert (fault.line, fault.column) == place(before.removeprefix(BOM), len(before.removeprefix(BOM)))
    assert fault.reason
    assert fault.excerpt is None or (fault.excerpt.isprintable() and len(fault.excerpt) <= 80)


@pytest.mark.parametrize("text", UNMARKED)
def test_broken_escapes_and_commas_that_trail_are_refused(text: str) -> None:
    """Versions of Python differ by a character on where these go wrong; the line is right."""
    fault = fault_of(text)
    line, column = place(text, len(text))
    assert fault.line in {1, line}
    assert 1 <= (fault.column or 0) <= max(column, len(text) + 1)


BAD_BYTES = (
    *(b"\x80", b"\xbf", b"\xc0\xaf", b"\xc1\xbf", b"\xe0\x80\x80"),
    *(b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xf0\x80\x80\x80"),
    *(b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xfe"),
    *(b"\xff", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x9a", b"\xc3("),
)  # fmt: skip
BEFORE_THEM = ("", '"', '{"a":"é', '[1,\n"x🚀', '{\n "k": [\n\n', f'{BOM}{{"a":"')
NOT_UTF_8 = [(before, bad) for before in BEFORE_THEM for bad in BAD_BYTES]


@pytest.mark.parametrize(("before", "bad"), NOT_UTF_8)
def test_bytes_that_are_not_utf_8_are_refused_where_they_stand(before: str, bad: bytes) -> None:
    """The column counts characters up to the first wrong byte, a byte order mark not among them."""
    fault = fault_of(before.encode() + bad + b'"}')
    text = before.removeprefix(BOM)
    assert fault[:3] == ("not UTF-8 text", *place(text, len(text)))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_only_utf_8_is_read(encoding: str) -> None:
    """Python would take UTF-16 and UTF-32 for JSON as well; here their first or second character is refused."""
    fault = fault_of('{"status": "done"}'.encode(encoding))
    assert fault.line == 1
    assert fault.column in {1, 2}


def test_an_empty_file_is_called_empty() -> None:
    """What a writer leaves between truncating and writing has a reason of its own."""
    assert fault_of(b"") == Fault("empty file", 1, 1)


# What a standard leaves open

NESTED_200 = "[" * 200 + "]" * 200
FREE: dict[str, tuple[bytes, Any, str | None]] = {
    "the largest integer of 64 bits": (b"9223372036854775807", 2**63 - 1, None),
    "an integer beyond 64 bits stays exact": (b"9223372036854775808", 2**63, None),
    "a negative integer beyond them too": (b"-9223372036854775809", -(2**63) - 1, None),
    "4300 digits are the most": (b"9" * 4300, 10**4300 - 1, None),
    "1.0 is 1": (b"1.0", 1, None),
    "-0.0 is 0": (b"-0.0", 0, None),
    "-0e5 is 0": (b"-0e5", 0, None),
    "1e15 is an integer": (b"1e15", 10**15, None),
    "a whole float of 64 bits is an integer": (b"9007199254740992.0", 2**53, None),
    "a whole float beyond them stays a float": (b"9223372036854775808.0", 2.0**63, None),
    "a negative one too": (b"-1e30", -1e30, None),
    "a float too exact for one is rounded": (b"0.1000000000000000055511151231257827", 0.1, None),
    "what is too small for a float is 0": (b"1e-400", 0, None),
    "a denormal float": (b"5e-324", 5e-324, None),
    "the largest float": (b"1.7976931348623157e308", sys.float_info.max, None),
    "a float that rounds to infinity is refused": (
        b"1.8e308",
        DecodeError,
        "is not a number that JSON or SQL can hold",
    ),
    "a thousand zeros after the point": (b"0." + b"0" * 1000 + b"1", 0, None),
    "an exponent of many digits": (b"1e-" + b"9" * 50, 0, None),
    "a key twice: the last wins": (b'{"a":1,"a":2}', {"a": 2}, "the key 'a' stands twice; the last one counts"),
    "a key twice with one value": (b'{"a":1,"a":1}', {"a": 1}, "the key 'a' stands twice; the last one counts"),
    "a key twice in two spellings": (rb'{"a":1,"\u0061":2}', {"a": 2}, "the key 'a' stands twice; the last one counts"),
    "an empty key twice": (b'{"":1,"":2}', {"": 2}, "the key '' stands twice; the last one counts"),
    "keys that look alike are two": ('{"\u00e9":1,"e\u0301":2}'.encode(), {"\u00e9": 1, "e\u0301": 2}, None),
    "a high surrogate alone": (rb'"a\ud800b"', r"a\ud800b", SURROGATES),
    "a low surrogate alone": (rb'"\udc00"', r"\udc00", SURROGATES),
    "surrogates the wrong way round": (rb'"\ude80\ud83d"', r"\ude80\ud83d", SURROGATES),
    "a high surrogate twice": (rb'"\uD83D\uD83D\uDE80"', "\\ud83d\U0001f680", SURROGATES),
    "a lone surrogate in a key": (rb'{"\udfff":[1]}', {r"\udfff": [1]}, SURROGATES),
    "U+0000 in text": (rb'["a\u0000b"]', ["a\ufffdb"], SURROGATES),
    "U+0000 in a key": (rb'{"\u0000":{"b":"c"}}', {"\ufffd": {"b": "c"}}, SURROGATES),
    "noncharacters": (rb'"\uffff\ufdd0\udbff\udfff"', "\uffff\ufdd0\U0010ffff", None),
    "an escaped surrogate escape is text": (rb'"\\ud800\\u0000"', r"\ud800\u0000", None),
    "a byte order mark": (BOM.encode() + b"{}", {}, "starts with a byte order mark"),
    "a byte order mark inside text": (b'"' + BOM.encode() + b'"', BOM, None),
    "200 levels": (NESTED_200.encode(), json.loads(NESTED_200), None),
    "201 levels": (b"[" + NESTED_200.encode() + b"]", DecodeError, "nests deeper than 200 levels (setting max_depth)"),
    "10,000 levels": (b"[" * 10_000 + b"]" * 10_000, DecodeError, "nests deeper than 200 levels (setting max_depth)"),
    "100,000 levels, unclosed": (b'{"a":' * 100_000, DecodeError, "nests deeper than 200 levels (setting max_depth)"),
    "a list for a root": (b"[1]", [1], None),
    "text for a root": (b'"a"', "a", None),
    "a number for a root": (b"17", 17, None),
    "nothing for a root": (b"null", None, None),
    "carriage returns alone": (b'{\r"a":\r1\r}', {"a": 1}, None),
    "bidirectional text": ('"\u202eabc\u202c"'.encode(), "\u202eabc\u202c", None),
}


@pytest.mark.parametrize("case", FREE)
def test_what_the_standard_leaves_open_is_decided(case: str) -> None:
    """Each case has the data, or the refusal, and the note that the table says."""
    raw, wanted, said = FREE[case]
    if wanted is DecodeError:
        assert said is not None
        assert said in fault_of(raw).reason
    else:
        data, notes = decode(raw)
        assert same(data, wanted)
        assert notes == ((said,) if said else ())


def test_several_notes_stand_side_by_side() -> None:
    """A mark, a doubled key and a lone surrogate are all said."""
    notes = decode(BOM + r'{"a":"\ud800","a":"\ud800"}').notes
    assert len(notes) == 3
    assert set(notes) == {SURROGATES, "starts with a byte order mark", "the key 'a' stands twice; the last one counts"}


def test_keys_that_stand_twice_are_noted_once_each_wherever_they_are() -> None:
    """Three times is still one note, and inner objects are looked into; the same key in two objects is none."""
    assert decode('{"a":1,"a":2,"a":3,"b":[{"c":1,"c":2}],"d":{"a":1},"e":{"c":1}}').notes == (
        "the key 'c' stands twice; the last one counts",
        "the key 'a' stands twice; the last one counts",
    )


def test_many_doubled_keys_are_counted_not_listed() -> None:
    """Twenty are named, at a hundred characters each at most, and the rest is a number."""
    pairs = [(f"{n}{'x' * 500}", n) for n in range(30)]
    text = "{" + ",".join(f'"{key}":{value},"{key}":{value}' for key, value in pairs) + "}"
    data, notes = decode(text)
    assert data == dict(pairs)
    assert len(notes) == 21
    assert notes[-1] == "10 more keys stand twice"
    assert max(map(len, notes)) < 160


def test_a_fault_after_a_doubled_key_is_still_found() -> None:
    """The second pass, which collects the keys, refuses what the first had not come to."""
    assert fault_of('{"a":1,"a":2')[1:3] == (1, 13)
    assert fault_of('[{"a":1,"a":2},\n 1e400]')[1:3] == (2, 2)


# Depth, size and numbers


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]"), ("[\n", "]")])
@pytest.mark.parametrize("levels", [1, 2, 7, 200])
def test_depth_is_counted_exactly(opening: str, closing: str, levels: int) -> None:
    """As many levels as allowed are taken; with one less allowed the last bracket is one too many."""
    each = opening.count("[") + opening.count("{")
    text = opening * levels + "0" + closing * levels
    deep = levels * each
    decode_json(text.encode(), Limits(depth=deep))
    fault = fault_of(text, Limits(depth=deep - 1))
    last = max(text.rindex(bracket) for bracket in "[{" if bracket in text)
    assert fault[1:3] == place(text, last)
    assert fault.reason == f"nests deeper than {deep - 1} levels (setting max_depth)"


def test_only_what_nests_is_deep() -> None:
    """Brackets side by side, and brackets in text, are no depth."""
    limits = Limits(depth=3)
    side_by_side, in_text = "[" + "[[]]," * 500 + "[]]", json.dumps(["[" * 500, '"[{\\' * 50])
    assert len(decode_json(side_by_side.encode(), limits).data) == 501
    assert decode_json(in_text.encode(), limits).data == json.loads(in_text)


@pytest.mark.parametrize("text", ["[" * 100_000 + "]" * 100_000, "[" * 800 + '"clearer"' + "]" * 800])
def test_a_limit_beyond_what_python_can_follow_still_refuses(text: str) -> None:
    """With ``max_depth`` set too high the parser or the redactor gives up, and no RecursionError comes out."""
    assert fault_of(text, Limits(depth=10**6)) == Fault("nests deeper than can be followed (setting max_depth)")


def test_size_is_counted_in_bytes() -> None:
    """As many bytes as allowed are taken, one more is refused with both figures; the usual limit is 16 MiB."""
    assert decode_json('"éé"'.encode(), Limits(size=6)).data == "éé"
    assert fault_of('"ééé"', Limits(size=7)) == too_large(8, 7)
    assert too_large(16_777_217, Limits().size) == Fault(
        "too large: 16,777,217 bytes, the limit is 16,777,216 (setting max_file_size)"
    )


def test_a_long_number_is_not_repeated_whole() -> None:
    """The reason names the first digits and how many there are; a short number is named whole."""
    assert (
        fault_of("[" + "7" * 5000 + "]").reason
        == f"{'7' * 20}… (5,000 digits) is not a number that JSON or SQL can hold"
    )
    assert fault_of("[NaN]").reason == "NaN is not a number that JSON or SQL can hold"


@contextmanager
def digits_limited_to(digits: int) -> Iterator[None]:
    """Let Python read integers of so many digits only, as an environment variable may."""
    usual = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(digits)
    try:
        yield
    finally:
        sys.set_int_max_str_digits(usual)


def test_an_interpreter_that_reads_fewer_digits_refuses_the_file() -> None:
    """What int() will not take is a fault of the file, not a crash."""
    with digits_limited_to(640):
        assert fault_of("[1, " + "7" * 641 + "]")[1:3] == (1, 5)
        assert decode("7" * 640).data


# Secrets

TOKEN = "ghp_" + "A1b2C3d4E5" * 4


def test_secrets_are_taken_out_unless_told_otherwise() -> None:
    """Values and keys lose them; values of the keys that are ids do not; with ``secrets`` all stays."""
    text = json.dumps({"id": TOKEN, "note": f"use {TOKEN}", "list": [{TOKEN: [TOKEN]}]})
    mark = "[redacted:github-token]"
    wanted = {"id": TOKEN, "note": f"use {mark}", "list": [{mark: [mark]}]}
    assert decode(text, verbatim=frozenset({"id"})).data == wanted
    assert decode(text, secrets=True).data == json.loads(text)


def test_notes_and_faults_show_no_secret() -> None:
    """A doubled key that is a secret is named by its kind, and so is a secret beside a fault."""
    assert decode(f'{{"{TOKEN}":1,"{TOKEN}":2}}').notes == (
        "the key '[redacted:github-token]' stands twice; the last one counts",
    )
    assert fault_of(f'{{"token": "{TOKEN}" "b": 1}}').excerpt == '[redacted:github-token]" "b": 1}'


# Whatever comes

SAMPLE = json.dumps(
    {"status": "done", "task": 'naïve "数据" \n\t🚀', "n": [1, -2.5e-3, True, None, {}, []], "m": {"é": "\u2028"}},
    ensure_ascii=False, indent=2,
)  # fmt: skip


@pytest.mark.parametrize("text", [SAMPLE, json.dumps(json.loads(SAMPLE))])
def test_a_file_torn_anywhere_is_refused(text: str) -> None:
    """No part of an object is an object; a tear within a character is told from a tear between two."""
    raw = text.encode()
    for length in range(len(raw)):
        fault = fault_of(raw[:length])
        good = raw[:length].decode(errors="ignore")
        whole = len(good.encode()) == length
        assert (fault.reason == "not UTF-8 text") == (not whole)
        line, column = place(good, len(good))
        assert 1 <= (fault.line or 0) <= line
        assert (fault.line, fault.column) <= (line, column)


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
TEXTS = st.builds(
    lambda value, indent, ascii_only: json.dumps(value, indent=indent, ensure_ascii=ascii_only),
    VALUES, st.sampled_from([None, 0, 2]), st.booleans(),
)  # fmt: skip


def refused_or_data(raw: bytes) -> Decoded | None:
    """Decode, and return None for what is refused; anything but DecodeError comes out."""
    try:
        return decode_json(raw, Limits(), secrets=True)
    except DecodeError as error:
        fault = error.fault
    assert fault.line is not None
    assert fault.column is not None
    assert fault.line <= raw.count(b"\n") + 1
    assert (fault.excerpt or "").isprintable()
    return None


@given(st.binary() | st.text().map(str.encode))
def test_no_bytes_at_all_get_anything_but_a_refusal_out_of_it(raw: bytes) -> None:
    """Arbitrary bytes are data or a DecodeError."""
    refused_or_data(raw)


@given(TEXTS, st.lists(st.tuples(st.integers(0, 200), st.integers(0, 3), st.binary(max_size=3)), max_size=4))
def test_damaged_json_is_data_or_a_refusal(text: str, damages: list[tuple[int, int, bytes]]) -> None:
    """Bytes deleted, inserted, replaced or moved never bring out another error."""
    raw = text.encode()
    for place_, length, instead in damages:
        at = place_ % (len(raw) + 1)
        raw = raw[:at] + instead + raw[at + length :]
    found = refused_or_data(raw)
    if found is not None:
        json.loads(raw)


@given(VALUES)
def test_what_is_written_is_read_back(value: Any) -> None:
    """Data that is written as JSON comes back equal, but for what no column can hold."""
    text = json.dumps(value, ensure_ascii=True)
    data, notes = decode(text, secrets=True)
    if notes:
        assert notes == (SURROGATES,)
    else:
        assert data == value


def tokens_of(text: str) -> list[int]:
    """Return the offsets at which a token of good JSON begins, and the end."""
    scanner, offsets, at = json.JSONDecoder(), [], 0
    while at < len(text):
        if text[at] in " \t\r\n":
            at += 1
            continue
        offsets.append(at)
        at = at + 1 if text[at] in "[]{}:," else scanner.raw_decode(text, at)[1]
    return [*offsets, at]


@given(TEXTS, st.data())
def test_a_stray_character_is_pointed_at(text: str, data: st.DataObject) -> None:
    """A character that belongs to nothing, put between any two tokens, is where the fault is, and in the excerpt.

    Unless the text ends in a bare word: that may be half of a secret and is left out.
    """
    at = data.draw(st.sampled_from(tokens_of(text)))
    fault = fault_of(f"{text[:at]}?{text[at:]}")
    assert (fault.line, fault.column) == place(text, at)
    assert "?" in (fault.excerpt or "") or "…" in (fault.excerpt or "")


def test_the_offsets_of_tokens_are_right() -> None:
    """The helper of the property above finds every token."""
    text = ' {"a b": [1,-2.5, "\\""]} '
    assert [text[start:end].strip() for start, end in pairwise(tokens_of(text))] == [
        *("{", '"a b"', ":", "[", "1", ",", "-2.5", ",", '"\\""', "]", "}")
    ]
