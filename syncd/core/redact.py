"""Secrets out of text: well-known shapes become ``[redacted:<kind>]``. Pure."""

import re
from collections.abc import Iterator
from typing import Any

KINDS: dict[str, str] = {
    "private-key": r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----"
    r"(?:.*?-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|.*)",
    "aws-key": r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])",
    "aws-secret": r"(?:aws_?|AWS_)?(?:secret_access_key|SECRET_ACCESS_KEY|[Ss]ecretAccessKey)"
    r"[\"'\s:=]{1,8}[A-Za-z0-9/+=]{40}",
    "azure-key": r"(?:Account|SharedAccess)Key=[A-Za-z0-9+/=]{20,}",
    "google-key": r"(?<![A-Za-z0-9])(?:AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,}|GOCSPX-[A-Za-z0-9_-]{20,})",
    "digitalocean-token": r"do[opr]_v1_[a-f0-9]{64}",
    "github-token": r"(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})",
    "gitlab-token": r"gl(?:pat|dt|rt|cbt|ptt)-[A-Za-z0-9_-]{20,}",
    "slack-token": r"(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{10,}|hooks\.slack\.com/services/[A-Za-z0-9/_-]{10,}",
    "telegram-token": r"(?<!\d)\d{8,10}:AA[A-Za-z0-9_-]{32,}",
    "discord-webhook": r"discord(?:app)?\.com/api/webhooks/\d+/[A-Za-z0-9_-]+",
    "anthropic-key": r"(?<![A-Za-z0-9_-])sk-ant-[A-Za-z0-9_-]{10,}",
    "openai-key": r"(?<![A-Za-z0-9_-])sk-(?=[A-Za-z0-9_-]*\d)(?=[A-Za-z0-9_-]*[A-Za-z0-9]{16})[A-Za-z0-9_-]{20,}",
    "huggingface-token": r"(?<![A-Za-z0-9])hf_[A-Za-z0-9]{20,}",
    "stripe-key": r"(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{20,}",
    "npm-token": r"npm_[A-Za-z0-9]{36}",
    "pypi-token": r"pypi-[A-Za-z0-9_-]{30,}",
    "sendgrid-key": r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
    "jwt": r"eyJ[A-Za-z0-9_-]{8,500}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
    "bearer": r"(?:[Bb]earer|BEARER)\s+[A-Za-z0-9._~+/=-]{12,}",
    "url-password": r"(?<=://)[^\s/:@\"']{0,64}:[^\s/@\"']{1,128}(?=@)",
}  # fmt: skip

BY_KIND = {kind: re.compile(shape, re.DOTALL) for kind, shape in KINDS.items()}
SHAPES = re.compile("|".join(KINDS.values()), re.DOTALL)  # without groups, which would make it three times slower

# Every shape shows one of these hints, however JSON spells it, so that text without any is clean. Each stands under
# what is rare in state files: that alone is looked for in most of them, and the patterns begin with it if they can.
HINTS = {
    "\\": r"\\u00[0-7]",  # an escaped letter, behind which any other hint may hide
    "@": r"""/[^\s/@"]*@""",
    "_": r"_(?:(?<=gh[pousr]_)|(?<=github_pat_)|(?<=do[opr]_v1_)|(?<=hf_)|(?<=[srp]k_live_)|(?<=[srp]k_test_)"
    r"|(?<=whsec_)|(?<=npm_)|(?<=secret_)access_key)",
    "-": r"-(?<=[KXYabeikoprst]-)(?:(?<=KEY-)|(?<=KEY BLOCK-)|(?<=gl[a-z]{2}-)|(?<=gl[a-z]{3}-)|(?<=xox[a-z]-)"
    r"|(?<=xapp-)|(?<=pypi-)|(?<=SPX-)|(?<=sk-)(?:(?<![A-Za-z0-9_-]sk-)|(?<=\\[bfnrt]sk-)|(?<=\\u[0-9A-Fa-f]{4}sk-)))",
    "A": r"A(?:KIA|SIA|Iza|A(?<=:AA)|RER|CCESS_KEY|ccessKey|ccountKey=)",
    ".": r"\.(?:(?<=ya29\.)|(?<=SG\.)|eyJ|slack|com(?:(?<=discord\.com)|(?<=discordapp\.com)))",
    "earer": "earer",
}
IN_BYTES = [(rare.encode(), re.compile(hint.encode()).search) for rare, hint in HINTS.items()]


def suspicious(raw: bytes) -> bool:
    """Tell whether JSON text could hold a secret; quick, and wrong only towards yes."""
    for rare, hinted in IN_BYTES:  # noqa: SIM110  any() with a generator takes half as long again
        if rare in raw and hinted(raw):
            return True
    return False


def _replaced(match: re.Match[str]) -> str:
    kind = next(kind for kind, shape in BY_KIND.items() if shape.match(match.string, match.start()))
    return f"[redacted:{kind}]"


def redact(text: str) -> str:
    """Return text with each secret replaced by its kind."""
    return SHAPES.sub(_replaced, text) if suspicious(text.encode(errors="replace")) else text


def redact_tree(data: Any, verbatim: frozenset[str]) -> Any:
    """Return decoded data with every text and key redacted, but for the values of ``verbatim`` keys."""
    if isinstance(data, str):
        return redact(data)
    if isinstance(data, list):
        return [redact_tree(each, verbatim) for each in data]
    if isinstance(data, dict):
        return {
            redact(key): value if key in verbatim and isinstance(value, str) else redact_tree(value, verbatim)
            for key, value in data.items()
        }
    return data


ESCAPE = re.compile(r"""\\(?:u([0-9A-Fa-f]{4})|(["\\/bfnrt]))""")
REACH = 8192  # so much is looked at of a secret that begins in the window, and of the end of a text
BROKEN_OFF = re.compile(r"""[^\s"'{}\[\],]{5,}\Z""")


def excerpt(text: str, position: int, before: int = 30, after: int = 30) -> str:
    """Return the JSON text around a position on one line, with no part of a secret that stands there.

    Escapes are resolved, for they may hide one; a word in which the text breaks off may be the half of one.
    """
    position -= sum(len(match[0]) - 1 for match in ESCAPE.finditer(text, 0, position))
    text = ESCAPE.sub(_resolved, text)
    found = "".join(_pieces(text, max(0, position - before), position + after))
    return "".join(letter if letter.isprintable() else " " for letter in found).strip()


def _resolved(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else {"n": "\n", "t": "\t"}.get(escape[2], escape[2])


def _pieces(text: str, start: int, end: int) -> Iterator[str]:
    """Yield the text of a window, and for each secret that reaches into it, or may, a mark alone."""
    for match in SHAPES.finditer(text, 0, end + REACH) if suspicious(text.encode(errors="replace")) else ():
        if match.start() >= end:
            break
        if match.end() > start:
            yield text[start : max(start, match.start())]
            yield _replaced(match)
            start = match.end()
    torn = BROKEN_OFF.search(text, max(0, len(text) - REACH))
    stop = torn.start() if torn else len(text)
    yield text[start : min(end, stop)]
    if start < len(text) and stop < min(end, len(text)):
        yield "…"
